"""Why each backward line holds: laws, facts, or the equation that it came through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symgrad import graph as g
from symgrad.graph import Node
from symgrad.show.laws import segment_laws
from symgrad.show.stages import Line, Stage
from symgrad.subject import Subject


class Reasons:
    """Why each line holds: the laws it passed, facts, or the equation that it came through."""

    def __init__(
        self, subject: Subject, stages: Sequence[Stage], equations: Mapping[Node, str]
    ) -> None:
        """``equations`` are the texts of the named values, by their stable forms."""
        self._rewriter = subject.rewriter
        self._stages = stages
        self._above = [self._neighbours(stage) for stage in stages]
        self._equations = equations
        reasons = self._rewriter.reasons
        opened = subject.opened(subject.declared)
        self._facts = {
            normal: reasons.get(n, ()) for n, normal in zip(opened, subject.known, strict=True)
        }
        self._previous = ""

    @staticmethod
    def _neighbours(stage: Stage) -> Mapping[Node, Sequence[Node]]:
        """Where a reason is looked for next: towards the source, or away from it."""
        if stage.backward:
            return g.consumers(stage.sources)
        return {n: list(n.args) for n in g.topological(stage.sources)}

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
        return [x for n in sorted(seen, key=lambda n: n.uid) for x in self._facts.get(n, ())]

    def __call__(self, line: Line, texts: Mapping[str, str]) -> str:
        stage = self._stages[line.stage]
        laws, reached = segment_laws(line.target, self._above[line.stage], stage.named)
        facts = [*self._rewriter.reasons.get(line.raw, ()), *self._facts_passed(line)]
        reason = ", ".join(dict.fromkeys([*laws, *facts]))
        if not reason:
            reason = (
                self._equations.get(reached[0], "") if reached else texts.get(stage.otherwise, "")
            )
            if reason == self._previous:
                return ""
        self._previous = reason or self._previous
        return reason
