"""One orientation for values that are each other's transpose.

Why it exists: a transpose is a way to look at a value, but U·Vᵀ and V·Uᵀ are contractions of their
own, as are X − U·Vᵀ and its transpose, and the block ∂²L/∂a∂b of a Hessian beside ∂²L/∂b∂a. What
is computed is computed once, and looked at from both sides.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator, Mapping, Sequence

from symgrad import graph as g
from symgrad.algebra import axes_of, through
from symgrad.delta_rules import kept_identities
from symgrad.graph import Access, Kind, Labels, Node

_TURNED = (Kind.SUM, Kind.PRODUCT, Kind.MAP)
_SEEN = (*_TURNED, Kind.REDUCE, Kind.LINALG)
_MOST_AXES = 4


def one_orientation(roots: Sequence[Node]) -> list[Node]:
    """``roots`` with one of every two values that differ in the order of their axes alone.

    A value that equals its own transpose is looked at in one way. Linear in the graph: only values
    of the same operands are compared.
    """
    seen: dict[Node, Access] = {}
    symmetries: dict[Node, list[Labels]] = {}
    values: dict[tuple[Kind, tuple[Node, ...]], list[Node]] = {}
    for node in g.topological(roots):
        new = _rebuilt(node, seen, symmetries)
        found: Access | None = None
        if new.kind in _TURNED and 1 < new.rank <= _MOST_AXES and new not in symmetries:
            known = values.setdefault((new.kind, new.args), [])
            found = next((Access(x, o) for x in known for o in _orders(x, new, symmetries)), None)
            if found is None:
                known.append(new)
                symmetries[new] = [*_orders(new, new, symmetries), *_swaps(new)]
        elif new.kind is Kind.DELTA:
            symmetries[new] = [(0, 1), (1, 0)]
        seen[node] = found or Access(new, axes_of(new))
    return [_view(seen[root], root) for root in roots]


def _rebuilt(
    node: Node, seen: Mapping[Node, Access], symmetries: Mapping[Node, list[Labels]]
) -> Node:
    """``node`` of operands that are looked at from the side that has the least labels."""
    operands = [seen[arg] for arg in node.args]
    if node.kind not in _SEEN:
        return g.rebuild(node, [_view(a, arg) for a, arg in zip(operands, node.args, strict=True)])
    args = [arg for arg, _ in operands]
    turned = [through(own, order) for own, (_, order) in zip(node.labels, operands, strict=True)]
    labels = _least(args, turned, symmetries)
    same = labels == list(node.labels) and all(map(operator.is_, args, node.args))
    return node if same else g.remade(node, args, labels, node.shape)


def _least(
    args: Sequence[Node], labels: Sequence[Labels], symmetries: Mapping[Node, list[Labels]]
) -> list[Labels]:
    """The least labels of operands that equal a transpose of themselves."""
    pairs = zip(args, labels, strict=True)
    return [min((through(x, s) for s in symmetries.get(arg, ())), default=x) for arg, x in pairs]


def _view(access: Access, whole: Node) -> Node:
    """An access as a node of the shape of ``whole``."""
    node, labels = access
    return node if labels == axes_of(node) else g.product([access], whole.shape)


def _swaps(node: Node) -> Iterator[Labels]:
    """δ_ij·a_i = δ_ji·a_j: the two axes of an identity, exchanged."""
    for i, j in kept_identities(node):
        yield tuple({i: j, j: i}.get(k, k) for k in axes_of(node))


def _orders(value: Node, node: Node, symmetries: Mapping[Node, list[Labels]]) -> Iterator[Labels]:
    """The labels under which ``value`` is ``node``."""
    if value.rank != node.rank:
        return
    for order in itertools.permutations(axes_of(value)):
        if all(node.shape[to] == n for n, to in zip(value.shape, order, strict=True)):
            own = dict(enumerate(order))
            turned = [tuple(own.get(x, x) for x in axes) for axes in value.labels]
            labels = _least(value.args, turned, symmetries)
            if g.remade(value, value.args, labels, node.shape) is node:
                yield order
