"""Views: lowered values as they are seen, and the few builders that lowering is made of.

Why it exists: in the lowered graph nothing is a transpose or a broadcast. Each node of the given
graph becomes an `Access`: a lowered node, and for each axis of that node the axis of the given one
that runs along it. An axis that no label reaches is a broadcast one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import sympy as sp

from symgrad import graph as g
from symgrad.graph import Access, Dim, Kind, Labels, Node

ONE = sp.S.One
AxisKey: TypeAlias = "int | tuple[int, int]"
"""An axis of a window: one of the operand's, or the k-th term of where one of them is read."""
_SYMBOLIC_SIZE = 32.0
"""The extent assumed for a symbolic dimension when contractions are ordered."""


@dataclass
class Softmax:
    """The parts of one log-sum-exp: of ``z`` over the axes that are not ``kept``.

    ``shifted`` is z − max z, ``exponentials`` are its, ``total`` their sum and ``log`` its log.
    """

    z: Node
    kept: Labels
    shifted: Node
    exponentials: Node
    total: Node
    log: Node


@dataclass
class State:
    """What lowering knows so far: the view of each node of the given graph, names, softmaxes.

    ``softmaxes`` has the parts of each log-sum-exp, ``shifted`` those under z − max z. ``windows``
    has each window under what it reads, with a key for each of its axes: the forward and the
    backward pass share it, in whatever order of axes it was made first.
    """

    sizes: dict[Dim, float]
    views: dict[Node, Access] = field(default_factory=dict)
    names: dict[Node, str] = field(default_factory=dict)
    suggestions: dict[Node, str] = field(default_factory=dict)
    softmaxes: dict[Node, Softmax] = field(default_factory=dict)
    shifted: dict[Node, Softmax] = field(default_factory=dict)
    windows: dict[object, tuple[Node, tuple[AxisKey, ...]]] = field(default_factory=dict)

    def view(self, access: Access) -> Access:
        """An operand of the given graph, seen in the lowered one under the same labels."""
        node, own = self.views[access.node]
        return Access(node, tuple(access.labels[k] for k in own))

    def weight_of(self, node: Node) -> tuple[sp.Expr, Access] | None:
        """c and x where ``node`` is a nameless c·x."""
        if node.kind is Kind.SUM and len(node.args) == 1 and node not in self.names:
            return node.weights[0], node.accesses[0]
        return None

    def size(self, n: Dim) -> float:
        """The extent that contractions are ordered for."""
        if isinstance(n, int):
            return float(n)
        return self.sizes.get(n, _SYMBOLIC_SIZE)


# ------------------------------------------------------------------------------ small builders


def numbered(accesses: Sequence[Access]) -> tuple[Labels, list[Labels]]:
    """The labels that occur, and the same accesses with these numbered from 0.

    Matrices keep the order of the labels. What has more axes is stored as an argument that has
    all of them is (an update, say, as the parameter), or else as most such operands are, so that
    the result of a product is read as it was written.
    """
    union = tuple(sorted({label for a in accesses for label in a.labels}))
    if len(union) > 2:
        whole = [a for a in accesses if sorted(a.labels) == list(union)]
        given = [a for a in whole if a.node.kind is Kind.LEAF]
        stored = Counter(a.labels for a in given or whole)
        union = max(stored, key=lambda labels: (stored[labels], labels), default=union)
    number = {label: k for k, label in enumerate(union)}
    return union, [tuple(number[x] for x in a.labels) for a in accesses]


def itself(node: Node) -> Access:
    """A lowered node, seen as it is."""
    return Access(node, tuple(range(node.rank)))


def extents_of(accesses: Iterable[Access]) -> dict[int, Dim]:
    """The extent of each label."""
    dims: dict[int, Dim] = {}
    for node, labels in accesses:
        dims.update(zip(labels, node.shape, strict=True))
    return dims


def contract(accesses: Sequence[Access], kept: Iterable[int], axes: Labels | None = None) -> Access:
    """Σ of a product over all labels but ``kept``, as one node.

    Its axes are in label order, or in the order ``axes``.
    """
    axes = tuple(sorted(kept)) if axes is None else axes
    dims = extents_of(accesses)
    number = {label: k for k, label in enumerate(axes)}
    terms = [(a.node, tuple(number.setdefault(x, len(number)) for x in a.labels)) for a in accesses]
    return Access(g.product(terms, tuple(dims[x] for x in axes)), axes)


def distinct(access: Access) -> Access:
    """The diagonal, where a label runs along two axes of one operand."""
    if len(set(access.labels)) == len(access.labels):
        return access
    return contract([access], set(access.labels))


def moved(access: Access, order: Labels) -> Access:
    """The value with its axes stored in the order of the labels ``order``."""
    if access.labels == order:
        return access
    dims = dict(zip(access.labels, access.node.shape, strict=True))
    own = tuple(order.index(x) for x in access.labels)
    return Access(g.product([(access.node, own)], tuple(dims[x] for x in order)), order)


def stored(access: Access, order: Labels) -> Access:
    """A product with its axes in the order of the labels ``order``; what else it is stays as it is.

    It is another product, not a copy of the first one, which nobody needs to compute.
    """
    node, labels = access
    if labels == order or node.kind is not Kind.PRODUCT:
        return access
    place = {labels.index(x): k for k, x in enumerate(order)}
    terms = [(n, tuple(place.get(x, x) for x in own)) for n, own in node.accesses]
    shape = tuple(node.shape[labels.index(x)] for x in order)
    return Access(g.product(terms, shape), order)


def distinct_or_spread(access: Access, needed: Labels, extents: Mapping[int, Dim]) -> Access:
    """The diagonal where labels repeat, and copies along each label in ``needed`` that is missing.

    Only what cannot be broadcast wants this: a matrix to be inverted, a row to be sorted.
    """
    access = distinct(access)
    missing = [x for x in needed if x not in access.labels]
    if not missing:
        return access
    ones = [Access(g.indicator((0,), 0, "=", (extents[x],)), (x,)) for x in missing]
    if access.node.kind is not Kind.CONST:
        return contract([access, *ones], {*access.labels, *missing})
    spread = contract(ones, missing) if len(ones) > 1 else ones[0]
    return weighted(access.node.value, spread)


def weighted(weight: sp.Expr, access: Access) -> Access:
    """weight·access."""
    if weight is ONE:
        return access
    if access.node.kind is Kind.CONST:
        return Access(g.const(weight * access.node.value), ())
    node = access.node
    return Access(g.add([(weight, node, tuple(range(node.rank)))], node.shape), access.labels)


def added(state: State, terms: Iterable[tuple[sp.Expr, Access]]) -> Access:
    """Σ weight·operand over the labels that occur, with equal operands merged."""
    constant: sp.Expr = sp.S.Zero
    merged: dict[Access, sp.Expr] = {}
    for weight, view in terms:
        inner = state.weight_of(view.node)
        if inner is not None:
            weight = weight * inner[0]
            view = Access(inner[1].node, tuple(view.labels[k] for k in inner[1].labels))
        if view.node.kind is Kind.CONST:
            constant += weight * view.node.value
        else:
            merged[view] = merged[view] + weight if view in merged else weight
    merged = {a: w for a, w in merged.items() if w is not sp.S.Zero}
    if not merged:
        return Access(g.const(constant), ())
    if len(merged) == 1 and constant is sp.S.Zero:
        ((access, weight),) = merged.items()
        return _negated_sum(state, weight, access) or weighted(weight, access)
    union, labels = numbered(list(merged))
    dims = extents_of(merged)
    parts: list[tuple[object, Node, Labels]] = [
        (weight, access.node, own)
        for (access, weight), own in zip(merged.items(), labels, strict=True)
    ]
    if constant is not sp.S.Zero:
        parts.append((constant, g.const(1), ()))
    return Access(g.add(parts, tuple(dims[x] for x in union)), union)


def _negated_sum(state: State, weight: sp.Expr, access: Access) -> Access | None:
    """−(a − b) → b − a, of a nameless sum that no softmax looks for."""
    node = access.node
    plain = node.kind is Kind.SUM and node not in state.names and node not in state.softmaxes
    if weight is not sp.S.NegativeOne or not plain:
        return None
    terms = [(-w, x, own) for w, (x, own) in zip(node.weights, node.accesses, strict=True)]
    return Access(g.add(terms, node.shape), access.labels)
