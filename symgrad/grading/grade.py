"""`grade`: a folder of submissions against a key.

Why it exists: it puts the parts together. What is known from an earlier run is taken from the
journal; the rest is marked, a process each; every mark is in the journal and its feedback on the
disk before the next one is waited for; at the end, or when it is stopped, the table is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from symgrad.errors import DataError, UnsupportedError
from symgrad.files import write
from symgrad.grading.journal import Journal, digest
from symgrad.grading.marks import FAILED, Key, Mark, failed, marked
from symgrad.grading.reports import gradescope, place, table, write_feedback
from symgrad.grading.submissions import SUFFIXES, Submission, content, handed_in

CSV, RESULTS = ".csv", "results.json"


@dataclass(frozen=True)
class Plan:
    """What is graded, and where everything goes.

    ``fingerprint`` is of the key and the options: a mark of another one is not used again.
    ``most`` are the points of a submission that is right.
    """

    key: Key
    given: Path
    out: Path
    fingerprint: str
    most: float = 1.0
    jobs: int = 2
    seconds: float = 20.0
    megabytes: int = 512
    as_gradescope: bool = False
    key_file: Path | None = None

    @property
    def own(self) -> list[Path]:
        """What is no submission, should it be in their folder."""
        return [self.out, self.feedback, *([] if self.key_file is None else [self.key_file])]

    @property
    def feedback(self) -> Path:
        """The folder of the feedback files."""
        return self.out.parent / f"{self.out.stem}-feedback"

    @property
    def journal(self) -> Path:
        """The journal, beside the table."""
        return self.out.parent / f".{self.out.name}.journal"


@dataclass
class Progress:
    """What is told while it runs: each mark, and how many there will be."""

    start: Callable[[int, int], None] = lambda known, total: None
    marked: Callable[[Mark], None] = lambda mark: None


@dataclass
class Graded:
    """The marks of a run; ``again`` of them were known from an earlier one."""

    marks: list[Mark] = field(default_factory=list)
    again: int = 0
    waiting: int = 0
    not_read: Sequence[Path] = ()

    @property
    def failures(self) -> list[Mark]:
        """Those that could not be marked."""
        return [mark for mark in self.marks if mark.status == FAILED]


def grade(plan: Plan, progress: Progress | None = None) -> Graded:
    """Mark every submission; see the module's docstring.

    On KeyboardInterrupt the table has what is known by then, and the exception goes on. Raises
    DataError for a folder without submissions or one that cannot be written to, UnsupportedError
    on a system that cannot fork.
    """
    progress = progress or Progress()
    if not hasattr(os, "fork"):
        raise UnsupportedError(
            "symgrad grade runs each submission in a process of its own, which it forks, and this "
            "system has no fork; use Linux, macOS or WSL, or sg.verify_steps on each text."
        )
    _check_out(plan)
    found, others = handed_in(plan.given, plan.own)
    plan.key.warm()
    plan.feedback.mkdir(exist_ok=True)
    graded = Graded(not_read=others)
    with Journal(plan.journal, plan.fingerprint) as journal:
        rest = _known(found, journal, graded)
        progress.start(len(graded.marks), len(found))
        try:
            _mark(plan, rest, journal, graded, progress)
        finally:
            graded.waiting = len(found) - len(graded.marks)
            _report(plan, graded.marks)
    return graded


def _check_out(plan: Plan) -> None:
    """Refuse to write over the key, a submission, or what may be one."""
    if not plan.out.parent.is_dir():
        raise DataError(f"there is no folder {plan.out.parent}; make it, or give another --out.")
    out = plan.out.resolve()
    if plan.key_file is not None and out == plan.key_file.resolve():
        raise DataError(f"--out {plan.out} is the key, which would be lost; give another name.")
    if out.is_dir():
        raise DataError(f"--out {plan.out} is a folder; give the name of a file in it.")
    if out.suffix.lower() in (*SUFFIXES, ".py"):
        raise DataError(
            f"--out {plan.out} ends like a submission or a key, and a table is none; expected a "
            "name such as results.csv."
        )
    given = plan.given.resolve()
    if out == given or plan.feedback.resolve() == given:
        raise DataError(
            f"--out {plan.out} would write over the submissions in {plan.given}; give another name."
        )


def _known(
    found: Sequence[Submission], journal: Journal, graded: Graded
) -> list[tuple[Submission, str]]:
    """What has to be marked, each with its entry; the marks that are known already are added."""
    rest = []
    for submission in found:
        try:
            entry = journal.entry(submission, content(submission.path))
        except DataError as error:
            graded.marks.append(failed(submission.name, str(error)))
            continue
        mark = journal.known(entry)
        if mark is None:
            rest.append((submission, entry))
        else:
            graded.marks.append(mark)
            graded.again += 1
    return rest


def _mark(
    plan: Plan,
    rest: Sequence[tuple[Submission, str]],
    journal: Journal,
    graded: Graded,
    progress: Progress,
) -> None:
    from symgrad.grading.process import Limits, each

    limits = Limits(plan.seconds, plan.megabytes * 2**20)

    def work(task: tuple[Submission, str]) -> dict[str, object]:
        submission, entry = task
        try:
            data = content(submission.path)
        except DataError as error:
            return failed(submission.name, str(error)).as_dict()
        if journal.entry(submission, data) != entry:
            return failed(submission.name, "the file was changed while it was graded").as_dict()
        return marked(submission.name, data, submission.path.suffix, plan.key).as_dict()

    for outcome in each(rest, work, plan.jobs, limits):
        submission, entry = outcome.task
        mark = (
            failed(submission.name, outcome.failure)
            if outcome.answer is None
            else Mark.of(outcome.answer)
        )
        mark = replace(mark, seconds=round(outcome.seconds, 3))
        write_feedback(plan.feedback, mark, plan.most)
        journal.add(entry, mark)
        graded.marks.append(mark)
        progress.marked(mark)


def _report(plan: Plan, marks: Sequence[Mark]) -> None:
    """The table, and for Gradescope its file, one for each submission if there are several."""
    for mark in marks:
        path = place(plan.feedback, mark.name, ".txt")
        if not path.exists():
            write_feedback(plan.feedback, mark, plan.most)
    if not plan.as_gradescope:
        write(plan.out, table(marks, plan.most))
        return
    if len(marks) == 1:
        write(plan.out, gradescope(marks[0], plan.most))
        return
    for mark in marks:
        write(place(plan.feedback, mark.name, ".json"), gradescope(mark, plan.most))


def fingerprint(key: Path | str, *options: object) -> str:
    """What the marks of a run depend on, besides the submissions."""
    from importlib.metadata import version

    text = Path(key).read_bytes() if Path(key).is_file() else str(key)
    return digest(text, version("symgrad"), *map(str, options))
