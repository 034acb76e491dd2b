"""What verification answers: a verdict, its witness, and the words for both.

Why it exists: the answer is the product. A student reads whether the claim is right, what decided
it, where it goes wrong and on which small numbers that shows; a program reads the same fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import symgrad.verification.remarks as remarks

if TYPE_CHECKING:
    from symgrad.verification.witness import Witness

RIGHT, WRONG, UNDECIDED = "right", "wrong", "undecided"


@dataclass(frozen=True)
class Verdict:
    """Whether a claim is right; true in a condition exactly when it is.

    ``status`` is ``right``, ``wrong`` or ``undecided``. ``method`` names what decided it, such as
    ``exact arithmetic``, and ``reason`` is the sentence about it. ``left`` and ``claim`` are the
    two sides as they were given, ``line`` the line they are in, and ``name`` the left side as
    symgrad writes it. A wrong claim has a ``diagnosis``,
    the remark that a reader wants, and mostly a ``witness``, the smallest example on which it
    differs. Where an edit of the claim makes it right, there are ``mistake``, a stable name of
    `mistakes.MISTAKES`, and ``corrected``, the right side after the edit, as text;
    ``edits`` are the names of all mistakes that were found, one or two.
    ``turned`` says that the claim is right but for its transpose.
    ``domain`` says where claim and truth agree, if not everywhere. ``expected`` is the true value
    of a claim that is not right, a SymPy expression. ``parts`` are the verdicts of several claims
    that were given together.

    ``print(v)`` shows the whole remark.
    """

    status: str
    method: str
    reason: str
    left: str
    claim: str
    expected: Any = None
    diagnosis: str = ""
    mistake: str | None = None
    witness: Witness | None = None
    corrected: str | None = None
    edits: tuple[str, ...] = ()
    domain: str = ""
    line: int = 1
    name: str = ""
    turned: bool = False
    parts: Sequence[Verdict] = ()

    def __bool__(self) -> bool:
        return self.status == RIGHT

    def __str__(self) -> str:
        return remarks.of_verdict(self)

    @property
    def equation(self) -> str:
        """The claim on one line."""
        return remarks.equation(self.left, self.claim)

    def as_dict(self) -> dict[str, Any]:
        """The fields as numbers, strings and None, for JSON."""
        return {
            "status": self.status,
            "claim": self.equation,
            "line": self.line,
            "method": self.method,
            "reason": self.reason,
            "mistake": self.mistake,
            "diagnosis": self.diagnosis,
            "example": None if self.witness is None else str(self.witness),
            "corrected": self.corrected,
            "domain": self.domain,
            "expected": None if self.expected is None else remarks.formula_text(self.expected),
            "parts": [x.as_dict() for x in self.parts],
        }


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict of several claims: right if all are, else that of the first that is not."""
    if len(verdicts) == 1:
        return verdicts[0]
    order = (WRONG, UNDECIDED, RIGHT)
    worst = min(verdicts, key=lambda v: order.index(v.status))
    return replace(worst, parts=tuple(verdicts))
