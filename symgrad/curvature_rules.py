"""Laws that second derivatives want when they are computed, and that no formula to read needs.

Why it exists: a Hessian is a sum of blocks, and as it is derived it multiplies their sum: an array
of δs, mostly zeros, goes into a contraction. These rows take the sum apart, so that each block is
one matrix product of its own, and bring together what a label y and its complement 1 − y split.
"""

from __future__ import annotations

import itertools
from collections import Counter

from symgrad import graph as g
from symgrad.algebra import INLINE, axes_of, contraction, through
from symgrad.delta_rules import IDENTITY_INDEX, kept_identities, without_identity
from symgrad.exponentials import argument_of, combine, negative
from symgrad.graph import Access, Kind, Node, label_dims, slot
from symgrad.rewrite import Rule
from symgrad.vocabulary import sigmoid

_SIGMOID = sigmoid(slot(0))
_ONE = g.const(1)


def blocks(node: Node) -> Node | None:
    """Σ (δ_ij·a + b)·d → δ_ij·Σ a·d + Σ b·d, where neither i nor j is summed over.

    The first is a product for each i; as one with the sum it would be one for each i and j.
    """
    if len(label_dims(node)) == node.rank:
        return None
    for k, (total, labels) in enumerate(node.accesses):
        if total.kind is not Kind.SUM or not 1 < len(total.args) <= INLINE:
            continue
        terms = [Access(arg, through(labels, own)) for arg, own in total.accesses]
        if any(_is_block(node, term) for term in terms):
            rest = [a for n, a in enumerate(node.accesses) if n != k]
            axes = axes_of(node)
            shares = [(c, contraction(node, [*rest, t]), axes) for c, t in
                      zip(total.weights, terms, strict=True)]  # fmt: skip
            return g.add(shares, node.shape)
    return None


def _is_block(node: Node, term: Access) -> bool:
    """Whether an identity in a term has two axes of ``node``."""
    found = [through(term.labels, x) for x in kept_identities(term.node)]
    return any(i != j and max(i, j) < node.rank for i, j in found)


def identity_out_of_sum(node: Node) -> Node | None:
    """Σ δ_ij·a·b → δ_ij·Σ a·b, where neither i nor j is summed over."""
    if len(label_dims(node)) == node.rank:
        return None
    for axes in kept_identities(node):
        delta = Access(g.delta(node.shape[axes[0]]), axes)
        return g.product([delta, without_identity(node, axes_of(node), axes)], node.shape)
    return None


def complementary(node: Node) -> Node | None:
    """c·a·y + c·a·(1 − y) → c·a."""
    terms = list(zip(node.weights, node.accesses, strict=True))
    split = [t for t in terms if any(f.node.kind is Kind.SUM for f in _factors(t[1]))]
    if not split or len(terms) > INLINE:
        return None
    for one in split:
        for other in terms:
            if other is not one and other[0] == one[0]:
                shared = Counter(_factors(one[1])) & Counter(_factors(other[1]))
                (z, *more), (y, *rest) = (
                    list((Counter(_factors(a)) - shared).elements()) or [Access(_ONE, ())]
                    for a in (one[1], other[1])
                )
                if not more and not rest and _is_complement(z, y):
                    whole = g.product(list(shared.elements()), node.shape)
                    left = [(c, *a) for c, a in terms if (c, a) not in (one, other)]
                    return g.add([*left, (one[0], whole, axes_of(node))], node.shape)
    return None


def _factors(term: Access) -> list[Access]:
    """Those of a product that sums over nothing, or the term itself."""
    node, labels = term
    if node.kind is not Kind.PRODUCT or len(label_dims(node)) > node.rank:
        return [term]
    return [Access(arg, through(labels, own)) for arg, own in node.accesses]


def _is_complement(z: Access, y: Access) -> bool:
    """Whether z is 1 − y."""
    total, labels = z
    if total.kind is not Kind.SUM or len(total.args) != 2:
        return False
    terms = [(c, Access(arg, through(labels, own)))
             for c, (arg, own) in zip(total.weights, total.accesses, strict=True)]  # fmt: skip
    return (1, Access(_ONE, ())) in terms and (-1, y) in terms


def slope_of_sigmoid(node: Node) -> Node | None:
    """σ(z)·σ(−z) → h·(1 − h), with h = σ(z): one exponential instead of two."""
    accesses = node.accesses
    found = [(k, w) for k, a in enumerate(accesses) if (w := argument_of(_SIGMOID, a)) is not None]
    for (m, u), (n, v) in itertools.combinations(found, 2):
        if combine((1, u), (1, v)):
            continue
        named = [k for k in (m, n) if accesses[k].node.kind is Kind.NAMED]
        # Of two without a name the one whose complement is not an exponential again: 1 − σ(−w).
        h = accesses[named[0] if named else n if negative(u) else m]
        shape = h.node.shape
        away = g.add([(1, _ONE, ()), (-1, h.node, axes_of(h.node))], shape)
        rest = [a for k, a in enumerate(accesses) if k not in (m, n)]
        return contraction(node, [*rest, h, Access(away, h.labels)])
    return None


CURVATURE: tuple[Rule, ...] = (
    Rule("slope of σ", "σ(z)·σ(−z) → σ(z)·(1 − σ(z))", Kind.PRODUCT, slope_of_sigmoid),
    Rule("complementary terms", "a·y + a·(1 − y) → a", Kind.SUM, complementary),
    IDENTITY_INDEX,
    Rule("identity out of sum", "Σ δ·a·b → δ·Σ a·b", Kind.PRODUCT, identity_out_of_sum),
    Rule("blocks", "Σ (δ·a + b)·d → δ·Σ a·d + Σ b·d", Kind.PRODUCT, blocks),
)
"""Laws of the computing form."""
