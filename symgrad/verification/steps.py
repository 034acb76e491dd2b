"""Work of several lines: which line is the first that is wrong, and which follow from it.

Why it exists: who makes one slip in line 2 and computes on correctly has made one mistake, and is
marked for one. So each line is read twice: with the values that the writer has by then, which is
the claim, and with the true values, which is the step. A line that is wrong as a claim and right as
a step follows from an earlier line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, overload

import symgrad.verification.remarks as remarks
from symgrad import graph as g
from symgrad.errors import ParseError, SymgradError
from symgrad.graph import dim
from symgrad.verification.claims import Claim, Reader, symbol_of
from symgrad.verification.equality import compare
from symgrad.verification.judge import NATURAL, Decision, decide, judge
from symgrad.verification.names import Target, Truth
from symgrad.verification.verdict import RIGHT, UNDECIDED, WRONG, Verdict
from symgrad.verification.work import Line

FOLLOWS, AGAIN, UNREADABLE, NAMED = "follows", "wrong again", "unreadable", "named"

STATUSES = (RIGHT, WRONG, FOLLOWS, AGAIN, UNDECIDED, UNREADABLE, NAMED)
"""``follows``: right given the earlier wrong lines. ``wrong again``: wrong, and not the first.
``named``: gives a name of the writer's own to a value, of which nothing can be said."""


@dataclass(frozen=True)
class StepVerdict:
    """One right side of the work: its line, its text, and what is said of it.

    ``above`` says whether it equals the line above that it continues, None where it begins anew;
    ``follows`` is the number of the wrong line that it follows from. The ``verdict`` of a line
    that follows from a wrong one is that on the value; of any other wrong line, that on the step.
    """

    number: int
    text: str
    status: str
    verdict: Verdict | None = None
    above: bool | None = None
    follows: int | None = None
    remark: str = ""
    claim: Claim | None = None

    def as_dict(self) -> dict[str, Any]:
        """The fields as numbers, strings and None, for JSON."""
        return {
            "line": self.number,
            "text": self.text,
            "status": self.status,
            "equals_line_above": self.above,
            "follows_from": self.follows,
            "remark": self.remark,
            "verdict": None if self.verdict is None else self.verdict.as_dict(),
        }


@dataclass(frozen=True)
class Steps(Sequence[StepVerdict]):
    """The lines of a piece of work, in order, with what is said of each; ``print`` shows them.

    True in a condition if every line is right and nothing that was asked for is ``missing``.
    """

    verdicts: tuple[StepVerdict, ...]
    missing: tuple[str, ...] = ()

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
        """``wrong`` if a line is or something is missing, ``undecided`` if one is, or ``right``."""
        found = {x.status for x in self.verdicts}
        if found & {WRONG, AGAIN, FOLLOWS} or (self.missing and not found & {UNREADABLE}):
            return WRONG
        if found & {UNDECIDED, UNREADABLE} or RIGHT not in found:
            return UNDECIDED
        return RIGHT

    @property
    def first_wrong(self) -> StepVerdict | None:
        """The first line that is wrong by itself."""
        return next((x for x in self.verdicts if x.status == WRONG), None)

    @property
    def score(self) -> Fraction:
        """The part of the lines that is right, those that follow from a wrong one among them.

        What is missing counts as a line. Names of the writer's own are not counted.
        """
        counted = [x for x in self.verdicts if x.status != NAMED]
        good = sum(x.status in (RIGHT, FOLLOWS) for x in counted)
        total = len(counted) + len(self.missing)
        return Fraction(good, total) if total else Fraction(0)

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
            "lines": [x.as_dict() for x in self.verdicts],
        }


@dataclass
class Marking:
    """Lines marked one after the other; ``strict`` raises for a line that cannot be read."""

    truth: Truth
    target: Target | None = None
    layout: str = NATURAL
    seed: int = 0
    strict: bool = False
    steps: list[StepVerdict] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reader = Reader(self.truth)
        self.step_reader = Reader(self.truth)
        self.origin: int | None = None
        self.wrong_lines: dict[Any, int] = {}

    def mark(self, line: Line) -> None:
        """One equation."""
        try:
            claims = self.reader.claims(line, self.target)
            steps = self._as_steps(line, claims)
        except SymgradError as error:
            if self.strict:
                raise
            if not _is_prose(line):
                self.steps.append(_unreadable(line, error))
            return
        if not claims:
            text = remarks.equation("", line.text)
            self.steps.append(StepVerdict(line.number, text, NAMED))
        before: StepVerdict | None = None
        for claim, step in zip(claims, steps, strict=True):
            before = self._marked(claim, step, before)
            self.steps.append(before)
        if claims:
            self._carried(claims[-1], before)

    def _as_steps(self, line: Line, claims: Sequence[Claim]) -> Sequence[Claim]:
        """The same claims with the true values for what the writer has computed."""
        if not self.reader.instead:
            self.step_reader.own.update(self.reader.own)
            return claims
        return self.step_reader.claims(line, self.target)

    def _marked(self, claim: Claim, step: Claim, before: StepVerdict | None) -> StepVerdict:
        decision = decide(claim, self.layout, self.seed)
        above = self._equals_above(claim, before, decision)
        status, verdict, follows = self._status(claim, step, before, decision, above)
        return StepVerdict(
            claim.number,
            remarks.equation("" if before else claim.left, f"{'= ' * bool(before)}{claim.text}"),
            status,
            verdict,
            above,
            follows,
            verdict.reason if status == UNDECIDED else "",
            claim,
        )

    def _status(
        self,
        claim: Claim,
        step: Claim,
        before: StepVerdict | None,
        decision: Decision,
        above: bool | None,
    ) -> tuple[str, Verdict, int | None]:
        """The status of a line, the verdict on it, and the wrong line that it follows from."""
        if decision.status != WRONG:
            status = NAMED if decision.renamed else decision.status
            return status, self._judged(claim, decision), None
        if above and before is not None:
            return FOLLOWS, self._of_value(claim, decision), before.follows or before.number
        used = self._used(claim)
        if used is not None and step is not claim:
            claim, on_value = step, self._of_value(claim, decision)
            decision = decide(claim, self.layout, self.seed)
            if decision.status == RIGHT:
                return FOLLOWS, on_value, used
        if decision.status == UNDECIDED:
            return UNDECIDED, self._judged(claim, decision), None
        status = WRONG if self.origin is None else AGAIN
        self.origin = claim.number if self.origin is None else self.origin
        return status, self._judged(claim, decision), None

    def _judged(self, claim: Claim, decision: Decision) -> Verdict:
        return judge(claim, self.truth, self.layout, self.seed, decision)

    def _of_value(self, claim: Claim, decision: Decision) -> Verdict:
        """The verdict on a value that follows from an earlier mistake: no diagnosis of its own."""
        found = decision.comparison
        return Verdict(
            WRONG,
            "" if found is None else found.method,
            "" if found is None else found.reason,
            claim.left,
            claim.text,
            self.truth.written(claim.target),
            witness=None if found is None else found.witness,
            line=claim.number,
        )

    def _equals_above(
        self, claim: Claim, before: StepVerdict | None, decision: Decision
    ) -> bool | None:
        """Whether a continuation equals what it continues; None where that is not known."""
        if before is None or before.claim is None:
            return None
        other = before.claim
        if before.status == RIGHT and decision.status in (RIGHT, WRONG):
            return decision.status == RIGHT
        if claim.node is None or other.node is None or claim.node.shape != other.node.shape:
            return False
        if tuple(map(dim, claim.shape)) != tuple(map(dim, other.shape)):
            return False
        return compare(claim.node, other.node, seed=self.seed, what="the line above").equal

    def _used(self, claim: Claim) -> int | None:
        """The first wrong line whose value a claim is computed from."""
        if claim.node is None:
            return None
        below = set(g.topological([claim.node]))
        found = [n for key, n in self.wrong_lines.items() if self._node_instead(key) in below]
        return min(found, default=None)

    def _node_instead(self, key: Any) -> Any:
        return self.reader.instead[key].node

    def _carried(self, claim: Claim, marked: StepVerdict | None) -> None:
        """From here on the writer's value stands for the name, unless it is the true one."""
        key = claim.target.key
        if marked is None or key is None or claim.node is None:
            return
        fits = tuple(map(dim, claim.shape)) == tuple(map(dim, claim.target.shape))
        if marked.status in (WRONG, AGAIN, FOLLOWS, UNDECIDED) and fits:
            value = Target(claim.left or claim.target.name, claim.node, claim.target.shape, None)
            self.reader.instead[key] = symbol_of(value.name, value)
            if marked.status != UNDECIDED:
                self.wrong_lines[key] = marked.follows or marked.number
        else:
            self.reader.instead.pop(key, None)
            self.wrong_lines.pop(key, None)

    def result(self, wanted: Sequence[Target] = ()) -> Steps:
        """What was marked, and which of what was ``wanted`` no line is about."""
        said = [x for x in self.steps if x.status != NAMED]
        keys = {x.claim.target.key for x in said if x.claim is not None}
        missing = [x.name for x in wanted if x.key not in keys]
        return Steps(tuple(self.steps), tuple(missing))


def _is_prose(line: Line) -> bool:
    """Whether a line that cannot be read is words and no formula."""
    return "=" not in line.text


def _unreadable(line: Line, error: SymgradError) -> StepVerdict:
    number = error.line if isinstance(error, ParseError) else line.number
    message = error.message if isinstance(error, ParseError) else str(error)
    return StepVerdict(number, remarks.equation("", line.text), UNREADABLE, remark=message)
