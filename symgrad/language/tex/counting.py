r"""Entries counted from 1, as LaTeX counts them, told in entries counted from 0.

Why it exists: ``\sum_{k=1}^{K} y_k`` runs over all K entries, and ``x_1`` is the first of them,
while the text language counts from 0. An index that runs from 1 is one that runs from 0, plus 1:
so wherever its number matters it becomes ``k + 1``, and every position becomes one less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import symgrad.language.syntax as s


def children(node: s.Node) -> Iterator[s.Node]:
    """The nodes right below a node."""
    match node:
        case s.Terms():
            yield from (x for _, x in node.terms)
        case s.Chain():
            yield from (x.item for x in node.links)
        case s.Item():
            yield node.base
            yield from node.suffixes
        case s.Power():
            yield node.exponent
        case s.Positions():
            yield from node.positions
        case s.Arguments():
            yield from node.positional
            yield from (x for _, x in node.options)
        case s.Application():
            yield node.arguments
        case s.Norm():
            yield node.body
        case s.Relation():
            yield node.left
            yield node.right
        case s.Indicator():
            yield from node.conditions
        case s.BigSum():
            yield from node.ranges
            if node.upper is not None:
                yield node.upper
            yield node.body
        case s.Cases():
            for value, conditions in node.cases:
                yield value
                yield from conditions


def below(node: s.Node) -> Iterator[s.Node]:
    """The node and every node below it."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting += children(found)


def counts_from_zero(sides: Iterable[s.Expr]) -> bool:
    """Whether a 0 is the number of an entry, or the first of a sum."""
    zeros = False
    for node in (x for side in sides for x in below(side)):
        first: list[s.Expr] = []
        if isinstance(node, s.Positions):
            first = list(node.positions)
        elif isinstance(node, s.BigSum) and node.upper is not None:
            first = [x.right for x in node.ranges if isinstance(x, s.Relation)]
        zeros |= any(isinstance(x, s.Number) and x.text == "0" for x in first)
    return zeros


def from_zero(node: s.Expr, indices: Iterable[str], labels: Iterable[str]) -> s.Expr:
    """The expression with every entry counted from 0.

    ``indices`` are those that are free, and count from 1; ``labels`` are the names of classes,
    which are what they are.
    """
    counted: s.Expr = _Counted(frozenset(labels)).value(node, frozenset(indices))
    return counted


class _Counted:
    """One pass; each method has the indices in force, which count from 1."""

    def __init__(self, labels: frozenset[str]) -> None:
        self.labels = labels

    def value(self, node: Any, indices: frozenset[str]) -> Any:
        """A value: an index in it is a number, one more than before."""
        read = _VALUES.get(type(node))
        return node if read is None else read(self, node, indices)

    def _name(self, node: s.Name, indices: frozenset[str]) -> s.Expr:
        if node.name not in indices and node.name not in self.labels:
            return node
        one = s.Number(node.at, 1, "1")
        return s.Arguments(node.at, 3, (s.Terms(node.at, 2, ((1, node), (1, one))),), ())

    def position(self, node: s.Expr, indices: frozenset[str]) -> s.Expr:
        """A position: the number in it, less 1."""
        if isinstance(node, s.Name) and (node.name in indices or node.name in self.labels):
            return node
        if isinstance(node, s.Number) and node.text.isdigit() and node.text != "0":
            return replace(node, text=str(int(node.text) - 1))
        inner: s.Expr = self.value(node, indices)
        if not self._counts(node, indices):
            return inner
        one = s.Number(node.at, 1, "1")
        return s.Terms(node.at, inner.height + 1, ((1, inner), (-1, one)))

    def _counts(self, node: s.Expr, indices: frozenset[str]) -> bool:
        """Whether a position is a number, and not a class that is looked up."""
        if isinstance(node, s.Item):
            return not isinstance(node.suffixes[0], s.Positions)
        return not (isinstance(node, s.Name) and node.name not in indices)

    def _terms(self, node: s.Terms, indices: frozenset[str]) -> s.Expr:
        return replace(node, terms=tuple((x, self.value(y, indices)) for x, y in node.terms))

    def _chain(self, node: s.Chain, indices: frozenset[str]) -> s.Expr:
        links: list[s.Link] = []
        for link in node.links:
            applied = links and isinstance(links[-1].item, s.Name) and link.operator == ""
            if applied and isinstance(link.item, s.Arguments):
                item: s.Expr = self._of_function(link.item, indices)
            else:
                item = self.value(link.item, indices)
            links.append(replace(link, item=item))
        return replace(node, links=tuple(links))

    def _of_function(self, node: s.Arguments, indices: frozenset[str]) -> s.Expr:
        """The arguments of a function, a class among them as it is."""
        inner = tuple(
            x if isinstance(x, s.Name) and x.name in self.labels else self.value(x, indices)
            for x in node.positional
        )
        return replace(node, positional=inner)

    def _item(self, node: s.Item, indices: frozenset[str]) -> s.Expr:
        suffixes = tuple(self.value(x, indices) for x in node.suffixes)
        return replace(node, base=self.value(node.base, indices), suffixes=suffixes)

    def _power(self, node: s.Power, indices: frozenset[str]) -> s.Power:
        return replace(node, exponent=self.value(node.exponent, indices))

    def _positions(self, node: s.Positions, indices: frozenset[str]) -> s.Positions:
        return replace(node, positions=tuple(self.position(x, indices) for x in node.positions))

    def _arguments(self, node: s.Arguments, indices: frozenset[str]) -> s.Expr:
        inner = tuple(self.value(x, indices) for x in node.positional)
        return replace(node, positional=inner)

    def _application(self, node: s.Application, indices: frozenset[str]) -> s.Expr:
        arguments = self.value(node.arguments, indices)
        if node.function.name == "onehot":
            inner = (self.position(x, indices) for x in node.arguments.positional)
            arguments = replace(node.arguments, positional=tuple(inner))
        return replace(node, arguments=arguments)

    def _norm(self, node: s.Norm, indices: frozenset[str]) -> s.Expr:
        return replace(node, body=self.value(node.body, indices))

    def _relation(self, node: s.Relation, indices: frozenset[str]) -> s.Expr:
        own = indices | self.labels
        sides = (node.left, node.right)
        of_indices = any(isinstance(x, s.Name) and x.name in own for x in sides)
        plain = all(isinstance(x, s.Name | s.Number) or self._looks_up(x) for x in sides)
        read: Callable[[s.Expr, frozenset[str]], s.Expr]
        read = self.position if of_indices and plain else self.value
        return replace(node, left=read(node.left, indices), right=read(node.right, indices))

    def _looks_up(self, node: s.Expr) -> bool:
        """Whether this is y_n, one label of several."""
        return isinstance(node, s.Item) and not self._counts(node, frozenset())

    def _indicator(self, node: s.Indicator, indices: frozenset[str]) -> s.Expr:
        conditions = tuple(self.value(x, indices) for x in node.conditions)
        return replace(node, conditions=conditions)

    def _cases(self, node: s.Cases, indices: frozenset[str]) -> s.Expr:
        rows = tuple(
            (self.value(value, indices), tuple(self.value(x, indices) for x in conditions))
            for value, conditions in node.cases
        )
        return replace(node, cases=rows)

    def _sum(self, node: s.BigSum, indices: frozenset[str]) -> s.Expr:
        bounded = node.upper is not None
        names = [
            x.name
            for one in node.ranges
            for x in ((one.left, one.right) if isinstance(one, s.Relation) else (one,))
            if isinstance(x, s.Name)
        ]
        inner = indices | frozenset(names)
        ranges: list[s.Expr] = []
        for one in node.ranges:
            if bounded and isinstance(one, s.Relation) and one.operator == "=":
                ranges.append(replace(one, right=self.position(one.right, indices)))
            else:
                ranges.append(self.value(one, inner) if isinstance(one, s.Relation) else one)
        upper = None if node.upper is None else self._last(node.upper, indices)
        body = self.value(node.body, inner)
        return replace(node, ranges=tuple(ranges), upper=upper, body=body)

    def _last(self, node: s.Expr, indices: frozenset[str]) -> s.Expr:
        """The upper bound, less 1, whatever it is."""
        if isinstance(node, s.Number) and node.text.isdigit() and node.text != "0":
            return replace(node, text=str(int(node.text) - 1))
        one = s.Number(node.at, 1, "1")
        inner = self.value(node, indices)
        return s.Terms(node.at, inner.height + 1, ((1, inner), (-1, one)))


_VALUES: Mapping[type[s.Node], Callable[[_Counted, Any, frozenset[str]], Any]] = {
    s.Name: _Counted._name, s.Terms: _Counted._terms, s.Chain: _Counted._chain,
    s.Item: _Counted._item, s.Power: _Counted._power, s.Positions: _Counted._positions,
    s.Arguments: _Counted._arguments, s.Application: _Counted._application,
    s.Norm: _Counted._norm, s.Relation: _Counted._relation, s.Indicator: _Counted._indicator,
    s.Cases: _Counted._cases, s.BigSum: _Counted._sum,
}  # fmt: skip
"""A node, and how it is told in entries counted from 0; others are the same in both."""
