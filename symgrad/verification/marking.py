"""Marking work line by line: which line is the first that is wrong, and which follow from it.

Why it exists: who makes one slip in line 2 and computes on correctly has made one mistake, and is
marked for one. So each line is read twice: with the values that the writer has by then, which is
the claim, and with the true values, which is the step. A line that is wrong as a claim and right as
a step follows from an earlier line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import symgrad.language.syntax as s
import symgrad.verification.remarks as remarks
from symgrad import graph as g
from symgrad.errors import ParseError, SymgradError
from symgrad.graph import Kind, Node, dim
from symgrad.language.arithmetic import shape
from symgrad.show.text import formula
from symgrad.verification.claims import Claim, symbol_of
from symgrad.verification.credit import credits
from symgrad.verification.diagnose import diagnose
from symgrad.verification.equality import are_equal, compare
from symgrad.verification.grounds import settled
from symgrad.verification.habits import parts_of
from symgrad.verification.judge import NATURAL, SHAPES, Decision, decide, judge
from symgrad.verification.names import Target, Truth, written
from symgrad.verification.reader import Reader
from symgrad.verification.spellings import meant
from symgrad.verification.steps import (
    AGAIN,
    CIRCULAR,
    FOLLOWS,
    LEFT_OUT,
    NAMED,
    UNREADABLE,
    Steps,
    StepVerdict,
)
from symgrad.verification.uses import Uses, key_of, partials, references
from symgrad.verification.verdict import RIGHT, UNDECIDED, WRONG, Verdict
from symgrad.verification.work import LatexLine, Line


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
        self.misshapen: dict[Any, int] = {}
        self.equations = 0
        self.hidden: dict[str, Uses] = {}
        self.slips: dict[str, int] = {}
        """The writer's names whose definitions were found to be wrong, and where they stand."""
        self.repaired: dict[str, Any] = {}
        """What they should be."""

    def mark_all(self, lines: Sequence[Line]) -> None:
        """Equations in their order.

        What has no name on its left is about ``target``, unless a line says of itself that it is.
        """
        own = None if self.target is None else self.target.key
        if any(self._key_of_left(line) == own for line in lines):
            self.target = None
        for line in lines:
            self.mark(line)

    def mark(self, line: Line) -> None:
        """One equation."""
        self.equations += 1
        try:
            declared = self._declared(line)
            if declared:
                if self.strict:
                    raise line.error(remarks.declared([declared]))
                self.steps.append(_left_out(line, remarks.declared([declared])))
                return
            claims = self.reader.claims(line, self.target)
            steps = self._as_steps(line, claims)
        except SymgradError as error:
            if self.strict:
                raise
            if not self._marked_in_part(line) and not _is_prose(line):
                self.steps.append(self._unreadable(line, error))
            return
        self._defined(line)
        name = self._left_name(line)
        if not claims:
            text = remarks.equation("", line.text)
            self.steps.append(
                StepVerdict(line.number, text, NAMED, equation=self.equations, names=name)
            )
        before: StepVerdict | None = None
        latex = name if isinstance(line, LatexLine) else ""
        for claim, step in zip(claims, steps, strict=True):
            before = self._marked(claim, step, before)
            before = replace(before, read=remarks.as_read(latex, claim, claim is not claims[0]))
            self.steps.append(before)
        if claims:
            self._carried(name or claims[-1].target.name, claims[-1], before)

    def _marked_in_part(self, line: Line) -> bool:
        """Mark what can be read of an equation with more sides than two, and say what cannot be."""
        readable: Line | None = None
        unreadable: list[StepVerdict] = []
        for piece in line.pieces():
            longer = piece if readable is None else readable.joined(piece)
            try:
                self.reader.claims(longer, self.target)
                self._as_steps(longer, ())
                readable = longer
            except SymgradError as error:
                unreadable.append(self._unreadable(piece, error))
        if readable is None:
            return False
        self.equations -= 1
        self.mark(readable)
        self.steps += unreadable
        return True

    def _declared(self, line: Line) -> str:
        """The name on the left side, if it is one that the declaration gives a value to."""
        name = self._left_name(line)
        if name in self.reader.own or self.truth.value(name) is None:
            return ""
        return name if self.truth.target(name) is None else ""

    def _defined(self, line: Line) -> None:
        """Keep the ∂p/∂z of which a name of the writer's own is made."""
        name = self._left_name(line)
        if name in self.reader.own:
            side = line.read(self.reader.names)[1]
            tree = meant(side.tree, self.truth, self.reader.value_of)
            self.hidden[name] = partials(tree, self.truth, self.hidden)

    def _left(self, line: Line) -> s.Expr | None:
        part = line.left()
        return None if part is None else meant(part.tree, self.truth, self.reader.value_of)

    def _left_name(self, line: Line) -> str:
        """The name that the left side is; "" where it is none."""
        tree = self._left(line)
        return tree.name if isinstance(tree, s.Name) else ""

    def _key_of_left(self, line: Line) -> Any:
        """What the left side is about, a whole or an entry; "" where it is no gradient."""
        try:
            tree = self._left(line)
            base = tree if tree is None else parts_of(tree)[0]
            found = self.truth.target(base.name) if isinstance(base, s.Name) else None
        except SymgradError:  # the line says so itself when it is marked
            return ""
        return "" if found is None else found.key

    def _unreadable(self, line: Line, error: SymgradError) -> StepVerdict:
        number = error.line if isinstance(error, ParseError) else line.number
        message = error.message if isinstance(error, ParseError) else str(error)
        key = self._key_of_left(line) or None
        text = remarks.equation("", line.text)
        return StepVerdict(number, text, UNREADABLE, remark=message, key=key)

    def _as_steps(self, line: Line, claims: Sequence[Claim]) -> Sequence[Claim]:
        """The same claims with the true values for what the writer has computed."""
        name = self._left_name(line)
        if name in self.reader.own and self._defines(line):
            self.slips.pop(name, None)
            self.repaired.pop(name, None)
        if not self.reader.instead and not self.slips:
            self.step_reader.own.update(self.reader.own)
            return claims
        return self.step_reader.claims(line, self.target)

    def _defines(self, line: Line) -> bool:
        """Whether a line gives a value to a name of the writer's own."""
        name = self._left_name(line)
        return bool(name) and self.truth.target(name) is None

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
            verdict.reason if status in (UNDECIDED, CIRCULAR) else "",
            claim,
            equation=self.equations,
            key=key_of(claim.target, self.truth),
            rests_on=references(claim, self.hidden),
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
            uses = references(claim, self.hidden)
            misshapen = [n for x, n in self.misshapen.items() if x in uses]
            if decision.status == RIGHT and misshapen:
                return FOLLOWS, self._of_value(claim, None), min(misshapen)
            status = decision.status
            if decision.circular:
                status = NAMED if decision.renamed else CIRCULAR
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
        found = self._judged(claim, decision)
        defined = self._of_definition(claim, found)
        if defined is not None:
            return FOLLOWS, self._of_value(claim, decision), defined
        return self._begun(claim.number), found, None

    def _begun(self, number: int) -> str:
        """The status of a line that is wrong by itself."""
        status = WRONG if self.origin is None else AGAIN
        self.origin = number if self.origin is None else self.origin
        return status

    def _of_definition(self, claim: Claim, found: Verdict) -> int | None:
        """The line of the writer's name whose repair makes a claim right, which is marked then.

        Nothing can be said of a definition by itself. A claim that is right as it stands, with
        another value of one name, is right as a step.
        """
        if found.corrected is None or claim.node is None or not self._own_below(claim.node):
            return None
        repaired = diagnose(claim, claim.target.node, self.truth, seed=self.seed).corrected
        if repaired is None:
            return None
        used, due = self._own_below(claim.node), self._own_below(repaired)
        if set(due) != set(used):
            return None
        if any(used[x].shape != due[x].shape for x in due):
            return None
        others = [x for x in due if not are_equal(used[x], due[x], self.seed)]
        if len(others) != 1:
            return None
        name = others[0]
        symbol = self.reader.own[name]
        right = symbol_of(name, Target(name, due[name].args[0], shape(symbol), None, False))
        place = next(
            (k for k, x in enumerate(self.steps) if x.status == NAMED and x.names == name), None
        )
        if place is None or not self._is_right_with(claim, used[name], right):
            return None
        step = self.steps[place]
        verdict = replace(
            found, left=name, claim=step.text.partition("=")[2].strip(), expected=None,
            corrected=formula(written(due[name].args[0], due[name].shape)), witness=None,
            line=step.number, name=name,
        )  # fmt: skip
        self.steps[place] = replace(step, status=self._begun(step.number), verdict=verdict)
        self.slips[name], self.repaired[name] = step.number, right
        self.step_reader.own.update(self.reader.own, **self.repaired)
        return step.number

    def _is_right_with(self, claim: Claim, wrong: Node, right: Any) -> bool:
        """Whether a claim is right where a name has another value, and nothing else is changed."""
        assert claim.node is not None
        changed = g.substitute([claim.node], {wrong: right.node})[0]
        if changed.shape != claim.target.node.shape:
            return False
        return are_equal(changed, claim.target.node, self.seed)

    def _own_below(self, node: Node) -> dict[str, Node]:
        """The names of the writer's own that a value is made with."""
        own = self.reader.own
        below = (x for x in g.topological([node]) if x.kind is Kind.NAMED and x.name in own)
        return {x.name: x for x in below}

    def _judged(self, claim: Claim, decision: Decision) -> Verdict:
        return judge(claim, self.truth, self.layout, self.seed, decision)

    def _of_value(self, claim: Claim, decision: Decision | None) -> Verdict:
        """The verdict on a value that follows from an earlier mistake: no diagnosis of its own.

        There is no decision on a value that is made of one of another shape.
        """
        found = None if decision is None else decision.comparison
        return Verdict(
            WRONG,
            SHAPES if found is None else found.method,
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
        found += [n for name, n in self.slips.items() if self.reader.own[name].node in below]
        return min(found, default=None)

    def _node_instead(self, key: Any) -> Any:
        return self.reader.instead[key].node

    def _carried(self, name: str, claim: Claim, marked: StepVerdict | None) -> None:
        """From here on the writer's value stands for the name, unless it is the true one."""
        key = key_of(claim.target, self.truth)
        if marked is None or key is None:
            return
        for known in (self.reader.instead, self.wrong_lines, self.misshapen):
            known.pop(key, None)
        is_slip = marked.status in (WRONG, AGAIN, FOLLOWS)
        origin = marked.follows or marked.number
        fits = tuple(map(dim, claim.shape)) == tuple(map(dim, claim.target.shape))
        if claim.node is None or claim.target.key is None or not fits:
            if is_slip:
                self.misshapen[key] = origin
        elif is_slip or marked.status == UNDECIDED:
            value = Target(name, claim.node, claim.target.shape, None)
            self.reader.instead[key] = symbol_of(value.name, value)
            if is_slip:
                self.wrong_lines[key] = origin

    def result(self, wanted: Sequence[Target] = ()) -> Steps:
        """What was marked, which of what was ``wanted`` no line is about, and what is earned."""
        steps = settled(self.steps, self.truth)
        said = {x.key for x in steps if x.status not in (NAMED, CIRCULAR)}
        missing = tuple(x.name for x in wanted if x.key not in said)
        return Steps(tuple(steps), missing, credits(steps, self.truth, wanted))


def _is_prose(line: Line) -> bool:
    """Whether a line that cannot be read is words and no formula."""
    return "=" not in line.text


def _left_out(line: Line, remark: str) -> StepVerdict:
    return StepVerdict(line.number, remarks.equation("", line.text), LEFT_OUT, remark=remark)
