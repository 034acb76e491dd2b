"""Progress: one line on a terminal while a run goes on."""

from __future__ import annotations

import math
import shutil
import sys
import time
from collections.abc import Sequence

from .interface import NAME


class _Progress:
    """Shows how far a run is, ten times a second at most, and only on a terminal."""

    def __init__(self, wanted: bool, epochs: int) -> None:
        self.on = bool(wanted and epochs and sys.stderr is not None and sys.stderr.isatty())
        self.epochs, self.shown, self.line = epochs, -math.inf, ""
        self.began = (math.nan, math.nan)  # when, and how many epochs were done then
        self.recorded: list[int] = []  # how many whole ones: at first, and when it began again

    def show(
        self, records: Sequence[Sequence[float]], part: float, loss: float, last: bool = False
    ) -> None:
        """After `records`, one an epoch, and a `part` of the next one with this mean `loss`."""
        now = time.monotonic()
        if not self.on or (now < self.shown + 0.1 and not last):
            return
        done = len(records) + part
        # All that is compiled is compiled in the first epoch, so time counts from the second.
        if len(self.recorded) < 2 and len(records) not in self.recorded:
            self.began = (now, done)
            self.recorded.append(len(records))
        took, made = now - self.began[0], done - self.began[1]
        left = took / made * (self.epochs - done) if made > 0 else math.nan
        line = _fitted(done, self.epochs, records, loss, left)
        padding = " " * (len(self.line) - len(line))
        print(f"\r{line}{padding}", end="\n" if last else "", file=sys.stderr, flush=True)
        self.shown, self.line = now, line

    def close(self, records: Sequence[Sequence[float]]) -> None:
        """Leave the line as it is at the end."""
        if records and self.on:
            self.show(records, 0.0, records[-1][0], last=True)
        elif self.line:
            print(file=sys.stderr)


def _fitted(
    done: float, epochs: int, records: Sequence[Sequence[float]], loss: float, left: float
) -> str:
    """The line, less what has no room: first the bar gets shorter, then what is last goes."""
    parts = [f"epoch {min(epochs, math.ceil(done))}/{epochs}  loss {loss:.5g}"]
    if records:
        _, _, validation, accuracy, _, squares = records[-1]
        parts += [f"validation {validation:.5g}"] if validation == validation else []
        parts += [f"accuracy {accuracy:.2%}"] if accuracy == accuracy else []
        parts += [f"squared error {squares:.5g}"] if squares == squares else []
    if done < epochs and left == left:
        parts.insert(1, f"{_duration(left)} left")
    text, room = "  ".join(parts), shutil.get_terminal_size().columns - 1
    width = min(24, room - len(f"{NAME} [] {text}"))
    if width < 6:
        return text[:room]
    return f"{NAME} [{'#' * int(width * done / epochs):.<{width}}] {text}"


def _duration(seconds: float) -> str:
    """3:07, or 1:03:07."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
