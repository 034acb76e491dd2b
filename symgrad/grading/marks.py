"""The mark of one submission: what it earns, and the feedback its author gets.

Why it exists: this is what happens in the child process of a submission, and what comes back. A
`Mark` is plain data, so that it can go through a pipe, into the journal and into a table.

The rule, which `symgrad.verification.credit` computes. What has to be found is what the key lists
as ``params``, or what ``--wrt`` names; an intermediate gradient counts by itself only if it is
named there (``--wrt z2``). Each of these gradients is worth the same, and counts once:

* It is right: all of it, in whatever way, in one line or in ten.
* It is right as a step, but follows from a slip: the part that is right of the gradients (and the
  wrong values) that it is built on, itself among them. The slip is counted, what follows is not.
* It is wrong, missing, or made of a gradient that no line derives (∂L/∂W1 = δ1·xᵀ alone): the part
  that is right of the intermediate gradients by which the key derives it (δ2, δ1) and itself.
* A slip about it that is put right afterwards costs half of it.

Nothing else counts: lines that repeat the model or each other, names, x = x, and equations that go
in a circle earn nothing. So the derivation that symgrad prints for the key earns everything, and so
does who writes the final gradients and nothing else.
"""

from __future__ import annotations

import codecs
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

    ``score`` is the part of the points, from 0 to 1, and ``found`` has for each gradient that was
    to be found its name, the part of it that is earned, why, and the number of its line or None.
    ``first_wrong`` is the number of a line, ``mistakes`` are the names of what is wrong by itself.
    ``unclear`` are the numbers of the lines that could not be read or decided, at which a person
    has to look. ``feedback`` is for the author.
    """

    name: str
    status: str
    score: float
    found: Sequence[tuple[str, float, str, int | None]]
    first_wrong: int | None
    mistakes: Sequence[str]
    missing: Sequence[str]
    feedback: str
    unclear: Sequence[int] = ()
    seconds: float = 0.0

    @property
    def right(self) -> int:
        """How many of the gradients are all right."""
        return sum(earned == 1 for _, earned, _, _ in self.found)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Mark:
        """The mark of what `as_dict` made."""
        found = [tuple(x) for x in fields["found"]]
        return cls(**{**fields, "found": found})


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
            _text(content), key.truth, list(key.wanted), language=language, layout=key.layout,
        )  # fmt: skip
    except SymgradError as error:
        return failed(name, str(error))
    first = steps.first_wrong
    wrong = [step for step in steps if step.status in ("wrong", "wrong again")]
    mistakes = [step.verdict.mistake for step in wrong if step.verdict is not None]
    return Mark(
        name,
        steps.status,
        float(steps.score),
        [(x.name, float(x.earned), x.why, x.line) for x in steps.credits],
        None if first is None else first.number,
        [x for x in mistakes if x is not None],
        list(steps.missing),
        of_steps(steps),
        [x.number for x in steps if x.status in ("undecided", "unreadable")],
    )


def _text(content: bytes) -> str:
    """What was handed in, as UTF-8 or, where its first bytes say so, as UTF-16."""
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if marked else "utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"the file is not UTF-8 text (byte {error.start}); save it as UTF-8."
        ) from None


def failed(name: str, reason: str) -> Mark:
    """The mark of a submission that could not be marked: none, and the reason."""
    sentence = reason if reason.endswith(".") or "\n" in reason else f"{reason}."
    return Mark(name, FAILED, 0.0, [], None, [], [], f"This could not be marked: {sentence}")


def points(score: float, most: float) -> str:
    """A part of the points, without more digits than it needs."""
    value = float(Fraction(score).limit_denominator(10_000) * Fraction(str(most)))
    return f"{value:.2f}".rstrip("0").rstrip(".")
