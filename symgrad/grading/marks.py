"""The mark of one submission: its lines, its points, and the feedback its author gets.

Why it exists: this is what happens in the child process of a submission, and what comes back. A
`Mark` is plain data, so that it can go through a pipe, into the journal and into a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from symgrad.errors import DataError, SymgradError
from symgrad.verification.names import Truth
from symgrad.verification.remarks import of_steps
from symgrad.verification.verify import verify_steps

FAILED = "failed"
"""The status of a submission that could not be marked; that of any other is `Steps.status`."""


@dataclass(frozen=True)
class Mark:
    """What a submission gets.

    ``score`` is the part of the points, from 0 to 1. ``right`` of ``lines`` lines are right, those
    that follow from a wrong one counted. ``first_wrong`` is the number of a line, ``mistakes`` are
    the names of what is wrong by itself. ``feedback`` is for the author.
    """

    name: str
    status: str
    score: float
    right: int
    lines: int
    first_wrong: int | None
    mistakes: Sequence[str]
    missing: Sequence[str]
    feedback: str
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Mark:
        """The mark of what `as_dict` made."""
        return cls(**fields)


@dataclass(frozen=True)
class Key:
    """What submissions are compared with: the true values, and what has to be found."""

    truth: Truth
    wanted: Sequence[str]
    layout: str = "natural"

    def warm(self) -> None:
        """Derive every true value once, before any child process needs it."""
        for name in self.wanted:
            target = self.truth.gradient(self.truth.symbol(name))
            self.truth.written(target)


def marked(name: str, content: bytes, suffix: str, key: Key) -> Mark:
    """The mark of one file. A file that cannot be read as text, or has no formula, gets none."""
    language = "latex" if suffix == ".tex" else None
    try:
        steps = verify_steps(
            _text(content), key.truth, list(key.wanted) or None, language=language,
            layout=key.layout,
        )  # fmt: skip
    except SymgradError as error:
        return failed(name, str(error))
    counted = [step for step in steps if step.status != "named"]
    first = steps.first_wrong
    wrong = [step for step in steps if step.status in ("wrong", "wrong again")]
    mistakes = [step.verdict.mistake for step in wrong if step.verdict is not None]
    return Mark(
        name,
        steps.status,
        float(steps.score),
        sum(step.status in ("right", "follows") for step in counted),
        len(counted) + len(steps.missing),
        None if first is None else first.number,
        [x for x in mistakes if x is not None],
        list(steps.missing),
        of_steps(steps),
    )


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"the file is not UTF-8 text (byte {error.start}); save it as UTF-8."
        ) from None


def failed(name: str, reason: str) -> Mark:
    """The mark of a submission that could not be marked: none, and the reason."""
    sentence = reason if reason.endswith(".") or "\n" in reason else f"{reason}."
    return Mark(name, FAILED, 0.0, 0, 0, None, [], [], f"This could not be marked: {sentence}")


def points(mark: Mark, most: float) -> str:
    """A mark in points, without more digits than it needs."""
    value = float(Fraction(mark.score).limit_denominator(10_000) * Fraction(str(most)))
    return f"{value:.2f}".rstrip("0").rstrip(".")
