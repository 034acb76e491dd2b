"""What ``symgrad verify`` does: a claim or a file of work, the remark on it, and the exit status.

Why it exists: the command line is for graders and for scripts of theirs. A person reads the remark,
a script the status (0 right, 1 wrong or incomplete, 2 undecided or not readable) or the JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from symgrad.errors import DeclarationError, SymgradError
from symgrad.language.source import read
from symgrad.models import load_model
from symgrad.verification.names import Truth
from symgrad.verification.remarks import lines_of as verdict_lines
from symgrad.verification.remarks import lines_of_steps
from symgrad.verification.steps import INCOMPLETE, UNREADABLE
from symgrad.verification.verdict import RIGHT, WRONG
from symgrad.verification.verify import verify, verify_steps
from symgrad.verification.work import LATEX, lines

STATUS = {RIGHT: 0, WRONG: 1, INCOMPLETE: 1}
"""The exit status of a verdict; that of any other is `NOT_DECIDED`."""

NOT_DECIDED = 2

FILES = (".tex", ".txt", ".sg", ".md")
"""A claim that ends so and has no = is meant as a file."""

STYLES = {
    "right": "bold green",
    "wrong": "bold red",
    "follows": "yellow",
    "wrong again": "bold red",
    "undecided": "magenta",
    "unreadable": "magenta",
    "formula": "green",
}
"""The colour of a line by what it is, in a terminal."""


class Answer(NamedTuple):
    """Lines, each with what it is, the same for a program, and the exit status."""

    lines: list[tuple[str, str]]
    fields: dict[str, Any]
    status: int

    def json(self, ascii: bool = False) -> str:
        """The fields as JSON."""
        return json.dumps(self.fields, ensure_ascii=ascii, indent=2)


def refused(error: SymgradError) -> Answer:
    """The answer where something cannot be read, which has its reason under ``error``."""
    fields = {"status": UNREADABLE, "error": str(error)}
    return Answer([(f"symgrad: {error}", UNREADABLE)], fields, NOT_DECIDED)


def answer(
    model: str,
    given: str,
    wrt: Sequence[str] | None = None,
    *,
    language: str | None = None,
    layout: str = "natural",
) -> Answer:
    """The answer on a claim, or on a file of work; ``-`` is standard input.

    One claim has a verdict; several lines are looked at line by line. Raises SymgradError for what
    cannot be read.
    """
    text, is_file = _text(given)
    if language is None and Path(given).suffix == ".tex" and is_file:
        language = LATEX
    truth = Truth(load_model(model))
    options: Any = {"language": language, "layout": layout}
    if not is_file and len(lines(text, language)) == 1:
        several = wrt is not None and len(wrt) > 1
        if several:
            raise DeclarationError("one claim is about one symbol; give --wrt once.")
        verdict = verify(text, truth, wrt[0] if wrt else None, **options)
        status = STATUS.get(verdict.status, NOT_DECIDED)
        return Answer(verdict_lines(verdict), verdict.as_dict(), status)
    steps = verify_steps(text, truth, list(wrt) if wrt else None, **options)
    status = STATUS.get(steps.status, NOT_DECIDED)
    return Answer(lines_of_steps(steps), steps.as_dict(), status)


def _text(given: str) -> tuple[str, bool]:
    """The text that was given or meant, and whether it is a file's."""
    if given == "-":
        return sys.stdin.read(), True
    if "\n" not in given and len(given) < 1000:
        if Path(given).is_file():
            return read(given, "a piece of work"), True
        if given.endswith(FILES) and "=" not in given:
            raise DeclarationError(
                f"there is no file {given}; expected a file of work, or a claim such as "
                '"dL/dW = (p - y) x\'".'
            )
    return given, False
