"""Laws that take identities out of Jacobians.

Why it exists: a whole Jacobian is the sweep of an identity, so its raw graph is full of δs. Most
are summed over at once, which is a law of every product; these rows reach the others, inside a
product or a sum that is summed over later, so that no array of a δ is ever shown or computed.
"""

from __future__ import annotations

from symgrad import graph as g
from symgrad.algebra import INLINE, axes_of, contraction, through
from symgrad.graph import Access, Kind, Labels, Node, label_dims
from symgrad.rewrite import Rule


def kept_identities(node: Node) -> list[Labels]:
    """The axes of the identities in a term that it does not sum over."""
    if node.kind is Kind.DELTA:
        return [axes_of(node)]
    if node.kind is not Kind.PRODUCT:
        return []
    free = [a.labels for a in node.accesses if a.node.kind is Kind.DELTA]
    return [x for x in free if max(x) < node.rank and x[0] != x[1]]


def holds_identity(value: Node) -> bool:
    """Whether δ_ij of two axes i and j is a factor somewhere in ``value``, as in δ_ij·a + b·cᵀ."""
    pairs: dict[Node, set[Labels]] = {}
    for node in g.topological([value], _algebra):
        found = {axes_of(node)} if node.kind is Kind.DELTA else set()
        for arg, labels in node.accesses if _algebra(node) else ():
            found |= {through(labels, axes) for axes in pairs[arg]}
        pairs[node] = {x for x in found if max(x) < node.rank and x[0] != x[1]}
    return bool(pairs[value])


def _algebra(node: Node) -> tuple[Node, ...]:
    """The operands of a sum or product."""
    return node.args if node.kind in (Kind.SUM, Kind.PRODUCT) else ()


def _summed_later(node: Node, labels: Labels) -> bool:
    """Whether an identity with these labels of a product meets a label that is summed over."""
    return labels[0] != labels[1] and max(labels) >= node.rank


def _removable(node: Node, term: Access) -> bool:
    """Whether a product that holds this operand sums over an identity in it."""
    return any(_summed_later(node, through(term.labels, x)) for x in kept_identities(term.node))


def delta_names_one(node: Node) -> Node | None:
    """δ_ij·a_j → δ_ij·a_i."""
    for k, (arg, labels) in enumerate(node.accesses):
        if arg.kind is not Kind.DELTA or max(labels) >= node.rank or labels[0] == labels[1]:
            continue
        old, new = max(labels), min(labels)
        if any(old in a.labels for n, a in enumerate(node.accesses) if n != k):
            accesses = [
                a if n == k else Access(a.node, tuple(new if x == old else x for x in a.labels))
                for n, a in enumerate(node.accesses)
            ]
            return g.product(accesses, node.shape)
    return None


def delta_out_of_product(node: Node) -> Node | None:
    """Σ (δ_ij·Σ a·b)·d → Σ δ_ij·(Σ a·b)·d, where i or j is summed over."""
    for k, (inner, labels) in enumerate(node.accesses):
        if inner.kind is not Kind.PRODUCT or len(label_dims(inner)) == inner.rank:
            continue
        for axes in kept_identities(inner):
            if _summed_later(node, through(labels, axes)):
                rest = [a for n, a in enumerate(node.accesses) if n != k]
                delta = Access(g.delta(inner.shape[axes[0]]), through(labels, axes))
                return contraction(node, [*rest, delta, without_identity(inner, labels, axes)])
    return None


def without_identity(inner: Node, labels: Labels, delta: Labels) -> Access:
    """A product without one identity, over the axes that are left, under outer ``labels``."""
    accesses = list(inner.accesses)
    accesses.remove(next(a for a in accesses if a.node.kind is Kind.DELTA and a.labels == delta))
    carried = sorted({x for a in accesses for x in a.labels})
    number = {x: k for k, x in enumerate(carried)}
    kept = [x for x in carried if x < inner.rank]
    operands = [(n, tuple(number[x] for x in axes)) for n, axes in accesses]
    smaller = g.product(operands, tuple(inner.shape[x] for x in kept))
    return Access(smaller, tuple(labels[x] for x in kept))


def delta_out_of_sum(node: Node) -> Node | None:
    """Σᵢ (δ_ij·a + δ_ik·b)·d → Σᵢ δ_ij·a·d + Σᵢ δ_ik·b·d."""
    for k, (total, labels) in enumerate(node.accesses):
        if total.kind is not Kind.SUM or not 0 < len(total.args) <= INLINE:
            continue
        terms = [Access(arg, through(labels, own)) for arg, own in total.accesses]
        if all(kept_identities(t.node) for t in terms) and any(_removable(node, t) for t in terms):
            rest = [a for n, a in enumerate(node.accesses) if n != k]
            axes = axes_of(node)
            return g.add(
                [
                    (c, contraction(node, [*rest, term]), axes)
                    for c, term in zip(total.weights, terms, strict=True)
                ],
                node.shape,
            )
    return None


IDENTITY_INDEX = Rule("identity index", "δ_ij·a_j → δ_ij·a_i", Kind.PRODUCT, delta_names_one)
"""The law that the computing form has as well."""

DELTA_RULES: tuple[Rule, ...] = (
    IDENTITY_INDEX,
    Rule("identity in product", "(δ·Σ a)·d → δ·(Σ a)·d", Kind.PRODUCT, delta_out_of_product),
    Rule("identity in sum", "(δ·a + δ·b)·d → δ·a·d + δ·b·d", Kind.PRODUCT, delta_out_of_sum),
)
"""Laws of identities that are summed over later."""
