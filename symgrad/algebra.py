"""What every table of laws builds with: scaled values, contractions, content, views.

A weight never stays inside a product, a view (transpose, broadcast, diagonal) never stays a node,
and a constant array is the scalar constant, broadcast. The functions below are how rules keep to
that; the laws themselves are in the modules ``*_rules``, and `identities` lists them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence, Set

import sympy as sp

from symgrad import graph as g
from symgrad.graph import Access, Kind, Labels, Node, label_dims, slot

INLINE = 8
"""Nested sums and products up to this many operands are merged; longer ones keep their node, so
that a chain of n sums stays linear in n."""


def axes_of(node: Node) -> Labels:
    return tuple(range(node.rank))


def through(outer: Labels, inner: Labels) -> Labels:
    return tuple(outer[x] for x in inner)


def scaled(weight: object, node: Node) -> Node:
    """c·a as a sum of one term."""
    return g.add([(weight, node, axes_of(node))], node.shape)


def content(weights: Sequence[sp.Expr]) -> sp.Expr:
    """The factor that all weights of a sum share; its sign is − only if all are negative."""
    first = weights[0]
    if all(w == first for w in weights):
        return first
    pairs = [w.as_coeff_Mul() for w in weights]
    numbers = [abs(c) for c, _ in pairs]
    factor = sp.Integer(1)
    if all(c.is_Rational for c in numbers):
        factor = sp.Rational(sp.igcd(*(c.p for c in numbers)), sp.ilcm(*(c.q for c in numbers)))
    if all(symbolic == pairs[0][1] for _, symbolic in pairs):
        factor *= pairs[0][1]
    negative = all(c.is_negative for c, _ in pairs)
    return -factor if negative else factor


def contraction(node: Node, operands: Iterable[Access]) -> Node:
    """Σ of ``operands`` for the product ``node``.

    A contracted label of ``node`` that is left without an operand sums a constant, which counts
    its extent: Σᵢ a = n·a.
    """
    operands = list(operands)
    carried = {label for a in operands for label in a.labels}
    result = g.product(operands, node.shape)
    weight = sp.Integer(1)
    for label, n in label_dims(node).items():
        if label >= node.rank and label not in carried:
            weight *= n
    return result if weight == 1 else scaled(weight, result)


def relabelled(node: Node, operands: list[Access], old: int, new: int) -> Node:
    """``operands`` after label ``old`` became ``new``; only ``new`` can be left uncarried."""
    carried = {label for a in operands for label in a.labels}
    result = g.product(operands, node.shape)
    weight = sp.Integer(1)
    for label, n in label_dims(node).items():
        if label >= node.rank and label not in carried and label != old:
            weight *= n
    return result if weight == 1 else scaled(weight, result)


def inlined(node: Node, k: int) -> Node:
    """The product ``node`` with the factors of its k-th operand, a product, in its place.

    Every label stays carried, because the operands are values in normal form.
    """
    arg, labels = node.accesses[k]
    fresh = len(label_dims(node))
    outer = dict(enumerate(labels))
    outer.update({x: fresh + x - arg.rank for x in label_dims(arg) if x >= arg.rank})
    factors = [Access(n, tuple(outer[x] for x in own)) for n, own in arg.accesses]
    rest = [a for n, a in enumerate(node.accesses) if n != k]
    return g.product([*rest, *factors], node.shape)


def through_products(
    node: Node, partners: Set[Node], law: Callable[[Node], Node | None]
) -> Node | None:
    """``law`` of a product whose operand is a contraction with one of ``partners`` among its own.

    So Qᵀ·(Q·x) meets the law of Qᵀ·Q, and a contraction stays whole where no law applies.
    """
    inside = [a for a in node.args if a.kind is Kind.PRODUCT and not partners.isdisjoint(a.args)]
    for opened in itertools.chain(inside, itertools.combinations(inside, 2)):
        flat = node
        for arg in opened if isinstance(opened, tuple) else (opened,):
            flat = inlined(flat, flat.args.index(arg))
        result = law(flat)
        if result is not None:
            return result
    return None


def is_view(node: Node) -> bool:
    return (
        node.kind is Kind.PRODUCT
        and len(node.args) == 1
        and all(label < node.rank for label in node.labels[0])
    )


def is_broadcast(node: Node) -> bool:
    """Whether ``node`` is one operand, its axes in order, repeated along further axes."""
    if not is_view(node) or len(node.labels[0]) == node.rank:
        return False
    return all(a < b for a, b in itertools.pairwise(node.labels[0]))


def seen_through(access: Access) -> Access | None:
    """The operand behind a view or a constant array, or None."""
    node, labels = access
    if is_view(node):
        return Access(node.args[0], tuple(labels[x] for x in node.labels[0]))
    if node.kind is Kind.INDICATOR:
        return _ordered_indicator(access)
    if node.kind is Kind.CONST and node.shape:
        return Access(g.const(node.value), ())
    if node.kind is Kind.DELTA and labels[0] == labels[1]:
        return Access(g.const(1), ())
    return None


def _ordered_indicator(access: Access) -> Access | None:
    """An indicator with one axis a label, in the order of their coefficients.

    So 1[p = 2i] and the transpose of 1[2i = p] are one operand.
    """
    node, (c, offset, relation) = access.node, access.node.affine
    of_label: dict[int, sp.Integer] = {}
    extent = dict(zip(access.labels, node.shape, strict=True))
    for x, label in zip(c, access.labels, strict=True):
        of_label[label] = of_label.get(label, 0) + x
    signs = (1, -1) if relation == "=" else (1,)
    spellings = [
        (sorted((-s * x, str(extent[label]), label) for label, x in of_label.items()), s)
        for s in signs
    ]
    order, sign = min(spellings, key=lambda x: [key[:2] for key in x[0]])
    labels = tuple(label for *_, label in order)
    shape = tuple(extent[label] for label in labels)
    new = g.indicator([-x for x, *_ in order], sign * offset, relation, shape)
    return None if new is node else Access(new, labels)


def with_views(node: Node) -> list[Access] | None:
    through = [seen_through(a) for a in node.accesses]
    if not any(through):
        return None
    return [new or old for new, old in zip(through, node.accesses, strict=True)]


def softmax_of(node: Node) -> Node | None:
    """z, where ``node`` is exp(z − logsumexp(z)) over the last axis of z, else None."""
    found = softmax_along(node)
    return found[0] if found is not None and found[1] == node.rank - 1 else None


def softmax_along(node: Node) -> tuple[Node, int] | None:
    """z and the axis, where ``node`` is exp(z − logsumexp(z)) over one axis of z, else None."""
    if node.kind is not Kind.MAP or node.body != sp.exp(slot(0)):
        return None
    return log_softmax_along(node.args[0]) if node.labels[0] == axes_of(node) else None


def scores_of_log_softmax(node: Node) -> Node | None:
    """z, where ``node`` is z − logsumexp(z) over the last axis of z, else None."""
    found = log_softmax_along(node)
    return found[0] if found is not None and found[1] == node.rank - 1 else None


def log_softmax_along(node: Node) -> tuple[Node, int] | None:
    """z and the axis, where ``node`` is z − logsumexp(z) over one axis of z, else None."""
    node = g.peel(node)
    if node.kind is not Kind.SUM:
        return None
    axes = axes_of(node)
    terms = list(zip(node.weights, node.args, node.labels, strict=True))
    for k, (weight, arg, kept) in enumerate(terms):
        lse = g.peel(arg)
        if weight == -1 and lse.kind is Kind.REDUCE and lse.op == "logsumexp":
            z, along = lse.args[0], lse.labels[0]
            if lse.rank != node.rank - 1 or sorted(along) != list(axes):
                continue
            rest = terms[:k] + terms[k + 1 :]
            alone = len(rest) == 1 and rest[0] == (1, z, axes)
            if kept == tuple(map(along.index, range(lse.rank))) and (
                alone or g.add(rest, node.shape) is z
            ):
                return z, along.index(lse.rank)
    return None
