"""The one driver that applies rules.

A rule is a row of data: a name, the law it applies (``before → after``), the kind of node it looks
at, and a function that returns the new node, or None for "no match". The driver knows nothing
about mathematics; the tables in `identities` and `recognise` know nothing about traversal.

Every node is brought to normal form operands first, with an explicit stack, and remembered, so
a shared value is simplified once and a deep chain costs no recursion. Rules must be directed:
each makes the graph smaller in some well-founded order. A budget turns a rule that is not into
an error that names it, instead of a hang.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from symgrad.errors import GraphError
from symgrad.graph import Kind, Node, rebuild, validate

_FIRINGS_A_NODE = 200


class Rule(NamedTuple):
    """One directed law. ``reason`` is what a derivation says of it, "" for housekeeping."""

    name: str
    law: str
    kind: Kind
    apply: Callable[[Node], Node | None]
    reason: Callable[[Node], str] | None = None


class Rewriter:
    """Normal forms under a table of rules.

    One instance may be used for several graphs that share nodes: what it has simplified once it
    remembers. ``reasons[node]`` lists why the normal form of an *input* node differs from it,
    down to the nearest named values.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules: dict[Kind, list[Rule]] = {}
        for rule in rules:
            self._rules.setdefault(rule.kind, []).append(rule)
        self._normal: dict[Node, Node] = {}
        self._becomes: dict[Node, Node] = {}
        self.reasons: dict[Node, tuple[str, ...]] = {}
        self._fired: Counter[str] = Counter()

    def __call__(self, roots: Iterable[Node]) -> list[Node]:
        """The normal forms of ``roots``; the result is validated."""
        result = [self._normalise(root) for root in roots]
        validate(result)
        return result

    def keep(self, nodes: Iterable[Node]) -> None:
        """Leave ``nodes`` as they are."""
        self._normal.update((node, node) for node in nodes)

    def _normalise(self, root: Node) -> Node:
        normal, becomes = self._normal, self._becomes
        waiting: set[Node] = set()  # for the normal form of what they become
        stack = [root]
        while stack:
            node = stack[-1]
            if node in normal:
                stack.pop()
                continue
            after = becomes.get(node)
            if after is None:
                pending = [arg for arg in node.args if arg not in normal]
                if pending:
                    stack.extend(pending)
                    continue
                self._inherit(node, node.args)
                after = rebuild(node, [normal[arg] for arg in node.args])
                if after is node:
                    after = self._fire(node)
                becomes[node] = after
            if after is node:
                normal[node] = node
            elif after in normal:
                self._inherit(node, (after,))
                normal[node] = normal[after]
            elif node in waiting:
                raise GraphError(f"{self._culprit(node)} does not terminate")
            else:
                waiting.add(node)
                stack.append(after)
                continue
            stack.pop()
        return normal[root]

    def _fire(self, node: Node) -> Node:
        """The result of the first rule that matches, or the node itself."""
        for rule in self._rules.get(node.kind, ()):
            result = rule.apply(node)
            if result is not None and result is not node:
                self._fired[rule.name] += 1
                if self._fired[rule.name] > _FIRINGS_A_NODE * (1000 + len(self._normal)):
                    raise GraphError(f"the rule {rule.name} ({rule.law}) does not terminate")
                if result.shape != node.shape:
                    raise GraphError(
                        f"the rule {rule.name} ({rule.law}) turned shape {node.shape} "
                        f"into {result.shape}"
                    )
                if rule.reason is not None and (why := rule.reason(node)):
                    self._note(node, (why,))
                return result
        return node

    def _culprit(self, node: Node) -> str:
        """What applies to a node whose normal form turned out to need itself."""
        rules = self._rules.get(node.kind, ())
        found = next((r for r in rules if r.apply(node) not in (None, node)), None)
        return f"the rule {found.name} ({found.law})" if found else "rewriting"

    def _note(self, node: Node, reasons: Iterable[str]) -> None:
        known = self.reasons.get(node, ())
        new = tuple(dict.fromkeys((*known, *reasons)))
        if new != known:
            self.reasons[node] = new

    def _inherit(self, node: Node, sources: Iterable[Node]) -> None:
        for source in sources:
            if source.kind is not Kind.NAMED and source in self.reasons:
                self._note(node, self.reasons[source])
