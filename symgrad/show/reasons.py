"""Why each backward line holds: laws, facts, or the equation that it came through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from symgrad import graph as g
from symgrad.graph import Kind, Node
from symgrad.reverse import adjoint_name
from symgrad.show.laws import names_in, segment_laws
from symgrad.show.rules import UNREACHED, Rules, law_of_line
from symgrad.show.stages import Line, Stage
from symgrad.show.steps import Step
from symgrad.subject import Subject


class Reasons:
    """Why each line holds: the laws it passed, facts, or the equation that it came through."""

    def __init__(
        self, subject: Subject, stages: Sequence[Stage], equations: Mapping[Node, Step]
    ) -> None:
        """``equations`` are the lines of the named values, by their stable forms."""
        self._rewriter = subject.rewriter
        self._stages = stages
        self._above = [self._neighbours(stage) for stage in stages]
        self._inlined = [_without_lines(stage) for stage in stages]
        self._equations = equations
        self._place = {node: k for k, node in enumerate(equations)}  # in the order of evaluation
        reasons = self._rewriter.reasons
        self._opened = dict(zip(subject.known, subject.opened(subject.declared), strict=True))
        self._facts = {normal: reasons.get(n, ()) for normal, n in self._opened.items()}
        self._taken = names_in(x for stage in stages for x in stage.sources)
        self._previous = ""
        self._rules: dict[int, Rules] = {}

    def law(self, line: Line) -> str:
        """The rules behind a line in general terms, and the facts that it rests on."""
        stage = self._stages[line.stage]
        if line.stage not in self._rules:
            self._rules[line.stage] = Rules(stage.sources, stage.backward, stage.apart)
        rules = self._rules[line.stage](line.target, stage.named)
        facts = [*self._facts_used(line), *self._facts_passed(line)]
        return law_of_line(rules or [UNREACHED[stage.kind]], facts)

    @staticmethod
    def _neighbours(stage: Stage) -> Mapping[Node, Sequence[Node]]:
        """Where a reason is looked for next: towards the source, or away from it."""
        if stage.backward:
            return g.consumers(stage.sources)
        return {n: list(n.args) for n in g.topological(stage.sources)}

    def _facts_used(self, line: Line) -> list[str]:
        """The facts that simplified a line, and the adjoints that were put into it."""
        inner = self._inlined[line.stage]
        reasons = self._rewriter.reasons

        def below(node: Node) -> tuple[Node, ...]:
            stops = node.kind is Kind.NAMED and node is not line.raw and node.name not in inner
            return () if stops else node.args

        named = [n for n in g.topological([line.raw], below) if n.kind is Kind.NAMED]
        put_in = [n for n in named if n.name in inner]
        return [x for n in (line.raw, *put_in) for x in reasons.get(n, ())]

    def _facts_passed(self, line: Line) -> list[str]:
        """The facts that the declared values between a line and the next one rest on."""
        stage = self._stages[line.stage]
        above = self._above[line.stage]
        seen: set[Node] = set()
        stack = list(above.get(line.target, ()))
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                stack.extend(() if node in stage.named else above.get(node, ()))
        stated = [n for n in seen if self._facts.get(n)]
        if not stage.backward:
            return sorted(x for n in stated for x in self._facts[n])
        through = {self._opened.get(n, n) for n in (*seen, line.target)}
        return sorted(x for n in stated for x in self._facts_between(self._opened[n], through))

    def _facts_between(self, value: Node, through: set[Node]) -> Iterator[str]:
        """The facts in a declared value that its derivative by those of ``through`` rests on.

        What is only added to what depends on them has no part in it.
        """
        reasons = self._rewriter.reasons
        order = g.topological(value.args, lambda n: () if n.kind is Kind.NAMED else n.args)
        varies: set[Node] = set()
        for n in order:
            inner = [x for x in n.args if x in varies and n.kind is not Kind.NAMED]
            if n in through or inner:
                varies.add(n)
            if not inner:
                continue
            known = {x for arg in n.args for x in reasons.get(arg, ())}
            yield from (x for x in reasons.get(n, ()) if x not in known)
            if n.kind is not Kind.SUM:
                yield from (x for arg in n.args if arg not in varies for x in reasons.get(arg, ()))

    def __call__(self, line: Line, lines: Mapping[str, Step]) -> str:
        """``lines`` are those above it, by their left-hand sides."""
        stage = self._stages[line.stage]
        laws, reached = segment_laws(line.target, self._above[line.stage], stage.named, self._taken)
        facts = [*self._facts_used(line), *self._facts_passed(line)]
        reason = ", ".join(dict.fromkeys([*laws, *facts]))
        if not reason:
            known = [n for n in reached if n in self._place]
            source = None if reached else lines.get(stage.otherwise)
            if known:
                source = self._equations[min(known, key=self._place.__getitem__)]
            if source is None and stage.backward:
                source = self._nearest(line)
            reason = source.text if source is not None else ""
            if reason == self._previous:
                return ""
        self._previous = reason or self._previous
        return reason

    def _nearest(self, line: Line) -> Step | None:
        """The equation of the first value, in the order of evaluation, that is made of a line's."""
        above = self._above[line.stage]
        seen: set[Node] = set()
        stack = list(above.get(line.target, ()))
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                stack.extend(() if node in self._place else above.get(node, ()))
        found = [n for n in seen if n in self._place]
        return self._equations[min(found, key=self._place.__getitem__)] if found else None


def _without_lines(stage: Stage) -> frozenset[str]:
    """The names of the adjoints that no line is about."""
    values = (n for n in g.topological(stage.sources) if n.kind is Kind.NAMED)
    return frozenset(adjoint_name(n) for n in values if n not in stage.named)
