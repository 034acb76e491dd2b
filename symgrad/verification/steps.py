"""Work of several lines: what is said of each, and of the whole.

Why it exists: it is what `sg.verify_steps` returns. The lines are judged in `marking`, what rests
on what is found in `grounds`, and what is earned in `credit`; here is what all of them speak of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, overload

import symgrad.verification.remarks as remarks
from symgrad.verification.claims import Claim
from symgrad.verification.verdict import RIGHT, UNDECIDED, WRONG, Verdict

FOLLOWS, AGAIN, UNREADABLE, NAMED = "follows", "wrong again", "unreadable", "named"
UNDERIVED, CIRCULAR, LEFT_OUT = "not derived", "circular", "left out"
INCOMPLETE = "incomplete"

STATUSES = (
    RIGHT, WRONG, FOLLOWS, AGAIN, UNDECIDED, UNREADABLE, NAMED, UNDERIVED, CIRCULAR, LEFT_OUT,
)  # fmt: skip
"""``follows``: right given the earlier wrong lines. ``wrong again``: wrong, and not the first.
``named``: gives a name to a value, of which nothing can be said. ``not derived``: true, but it
rests on a gradient that no line derives. ``circular``: true, but it rests on itself. ``left out``:
gives another value to what the declaration gives."""

GOOD = (RIGHT, FOLLOWS)
"""The statuses of a line that is right as a step."""


@dataclass(frozen=True)
class StepVerdict:
    """One right side of the work: its line, its text, and what is said of it.

    ``above`` says whether it equals the line above that it continues, None where it begins anew;
    ``follows`` is the number of the wrong line that it follows from. The ``verdict`` of a line
    that follows from a wrong one is that on the value; of any other wrong line, that on the step.
    ``lacking`` are the gradients that it rests on and that no line derives, as they are called.
    ``read`` is the line as it was understood, where it was typed in LaTeX.
    ``equation`` is the same for all right sides of one equation, ``key`` tells what it is about,
    and ``rests_on`` the values of the loss that it is computed from, each with its name.
    ``names`` is the name of the writer's own that the line gives to a value.
    """

    number: int
    text: str
    status: str
    verdict: Verdict | None = None
    above: bool | None = None
    follows: int | None = None
    remark: str = ""
    claim: Claim | None = field(default=None, repr=False)
    read: str = ""
    lacking: tuple[str, ...] = ()
    equation: int = 0
    key: Any = field(default=None, repr=False)
    rests_on: Mapping[Any, str] = field(default_factory=dict, repr=False)
    names: str = field(default="", repr=False)

    def as_dict(self) -> dict[str, Any]:
        """The fields as numbers, strings and None, for JSON."""
        return {
            "line": self.number,
            "text": self.text,
            "status": self.status,
            "equals_line_above": self.above,
            "follows_from": self.follows,
            "not_derived": list(self.lacking),
            "remark": self.remark,
            "verdict": None if self.verdict is None else self.verdict.as_dict(),
        }


@dataclass(frozen=True)
class Credit:
    """What is earned for one gradient, a part of 1, and why; ``line`` is the line that says it."""

    name: str
    earned: Fraction
    why: str
    line: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"name": self.name, "earned": str(self.earned), "why": self.why, "line": self.line}


@dataclass(frozen=True)
class Steps(Sequence[StepVerdict]):
    """The lines of a piece of work, in order, with what is said of each; ``print`` shows them.

    True in a condition if every line is right and nothing that was asked for is ``missing``.
    ``credits`` say what is earned for each gradient that was asked for, or, where nothing was, for
    each value that the lines are about.
    """

    verdicts: tuple[StepVerdict, ...]
    missing: tuple[str, ...] = ()
    credits: tuple[Credit, ...] = ()

    @overload
    def __getitem__(self, at: int) -> StepVerdict: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[StepVerdict, ...]: ...

    def __getitem__(self, at: int | slice) -> StepVerdict | tuple[StepVerdict, ...]:
        return self.verdicts[at]

    def __len__(self) -> int:
        return len(self.verdicts)

    def __bool__(self) -> bool:
        return self.status == RIGHT

    @property
    def status(self) -> str:
        """``wrong``, ``undecided``, ``incomplete`` or ``right``: the first that holds.

        ``wrong`` if a line is, ``undecided`` if one is or cannot be read, ``incomplete`` if
        something is missing or rests on a gradient that is not derived.
        """
        found = {x.status for x in self.verdicts}
        if found & {WRONG, AGAIN, FOLLOWS}:
            return WRONG
        if found & {UNDECIDED, UNREADABLE}:
            return UNDECIDED
        is_earned = bool(self.credits) and self.score == 1
        if self.missing or (found & {UNDERIVED, CIRCULAR} and not is_earned):
            return INCOMPLETE
        return RIGHT if RIGHT in found else UNDECIDED

    @property
    def first_wrong(self) -> StepVerdict | None:
        """The first line that is wrong by itself."""
        return next((x for x in self.verdicts if x.status == WRONG), None)

    @property
    def score(self) -> Fraction:
        """The mean of what is earned, from 0 to 1; see `credit` for the rule."""
        total = sum((x.earned for x in self.credits), Fraction(0))
        return total / len(self.credits) if self.credits else Fraction(0)

    def __str__(self) -> str:
        return remarks.of_steps(self)

    def as_dict(self) -> dict[str, Any]:
        """Status, score and lines, for JSON."""
        first = self.first_wrong
        return {
            "status": self.status,
            "score": str(self.score),
            "first_wrong": None if first is None else first.number,
            "missing": list(self.missing),
            "credits": [x.as_dict() for x in self.credits],
            "lines": [x.as_dict() for x in self.verdicts],
        }
