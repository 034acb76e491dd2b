"""What ``symgrad grade`` does: the plan of what was typed, progress while it runs, a summary."""

from __future__ import annotations

import math
import os
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from symgrad.errors import DeclarationError
from symgrad.grading.grade import CSV, RESULTS, Graded, Plan, Progress, fingerprint, grade
from symgrad.grading.marks import FAILED, Key, Mark
from symgrad.grading.submissions import SUFFIXES, others_text
from symgrad.models import LoadedModel, load_model
from symgrad.verification.judge import checked_layout
from symgrad.verification.names import Truth
from symgrad.verification.remarks import listed

if TYPE_CHECKING:
    from rich.console import Console


def plan(
    model: str,
    given: Path,
    out: Path | None,
    *,
    wrt: Sequence[str] | None = None,
    layout: str = "natural",
    points: float = 1.0,
    jobs: int | None = None,
    seconds: float = 20.0,
    megabytes: int = 512,
    as_gradescope: bool = False,
) -> Plan:
    """The plan of a command line; raises DeclarationError for one that makes no sense."""
    for name, value in (("--points", points), ("--seconds", seconds), ("--memory", megabytes)):
        if not (value > 0 and math.isfinite(value)):
            raise DeclarationError(f"{name} {value:g} was given; expected a number above 0.")
    checked_layout(layout)
    if jobs is not None and jobs < 1:
        raise DeclarationError(f"--jobs {jobs} was given; expected 1 or more.")
    out = out or Path(RESULTS if as_gradescope else f"results{CSV}")
    loaded = load_model(model)
    wanted = _wanted(loaded, wrt)
    key = Key(Truth(loaded, wanted), wanted, layout)
    path = model if Path(model).is_file() else model.rpartition(":")[0]
    return Plan(
        key,
        given,
        out,
        fingerprint(path, model, *wanted, layout, seconds, megabytes),
        points,
        jobs or os.cpu_count() or 1,
        seconds,
        megabytes,
        as_gradescope,
        Path(path),
    )


def _wanted(loaded: LoadedModel, wrt: Sequence[str] | None) -> list[str]:
    """What a submission has to find: what was asked for, or what the key lists as params."""
    if not wrt and not loaded.params:
        raise DeclarationError(
            "the key does not say which gradients have to be found; list them in it, as in "
            "params W1, W2, or pass each with --wrt."
        )
    truth = Truth(loaded)  # by whose numbers δ2 is that of z2
    found = [str(truth.symbol(x)) for x in wrt] if wrt else [str(x) for x in loaded.params]
    return list(dict.fromkeys(found))


def run(plan: Plan, console: Console) -> int:
    """Grade with a progress bar, and print a summary; the exit status, 1 if something failed."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("grading"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
        console=console,
        auto_refresh=False,  # a thread would be copied by every fork
        disable=not console.is_terminal,
    )
    task = bar.add_task("", total=None)

    def start(known: int, total: int) -> None:
        bar.update(task, total=total, completed=known)
        bar.refresh()

    def marked(mark: Mark) -> None:
        bar.update(task, advance=1, description=mark.name[:40])
        bar.refresh()

    def stop(signum: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)  # what batch systems send
    try:
        with bar:
            graded = grade(plan, Progress(start, marked))
    except KeyboardInterrupt:
        console.print(
            "\nStopped. What is marked so far is kept; the same command goes on from there.",
            markup=False,
        )
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)
    for line in summary(plan, graded):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return 1 if graded.failures else 0


def summary(plan: Plan, graded: Graded) -> list[str]:
    """How many of what, the commonest mistakes, and where everything is."""
    marks = graded.marks
    by_status = Counter(mark.status for mark in marks)
    shown = ", ".join(f"{n} {status}" for status, n in by_status.most_common())
    again = f" ({graded.again} known from an earlier run)" if graded.again else ""
    found = [f"{len(marks)} submission{'s' * (len(marks) != 1)}{again}: {shown}."]
    mistakes = Counter(name for mark in marks for name in set(mark.mistakes))
    if mistakes:
        common = ", ".join(f"{name} ({n})" for name, n in mistakes.most_common(5))
        found.append(f"Commonest mistakes: {common}.")
    for mark in marks:
        if mark.status == FAILED:
            found.append(f"{mark.name}: {mark.feedback.splitlines()[0]}")
    unclear = [mark for mark in marks if mark.unclear]
    if unclear:
        where = [
            f"{m.name} (line{'s' * (len(m.unclear) > 1)} {listed([str(n) for n in m.unclear])})"
            for m in unclear
        ]
        found.append(f"Not readable or not decided, to be looked at: {', '.join(where)}.")
    turned = [m.name for m in marks if len(m.mistakes) > 1 and set(m.mistakes) == {"transpose"}]
    if turned:
        one = len(turned) == 1
        found.append(
            f"Wrong only by transposes: {', '.join(turned)}. Perhaps "
            f"{'it is' if one else 'they are'} in another layout; --layout says which is marked."
        )
    if graded.not_read:
        found.append(
            f"Not read: {others_text(graded.not_read)}. What is read ends in {listed(SUFFIXES)}."
        )
    if not plan.as_gradescope:
        found.append(f"written: {plan.out}, and a text for each submission in {plan.feedback}/")
    elif len(marks) == 1:
        found.append(f"written: {plan.out}, and the text in it in {plan.feedback}/")
    else:
        found.append(
            f"written: {plan.feedback}/, with Gradescope's results and a text for each submission, "
            "NAME.json and NAME.txt (results.json is for one submission)"
        )
    return found
