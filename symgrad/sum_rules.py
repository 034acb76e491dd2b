"""Laws of weighted sums."""

from __future__ import annotations

import sympy as sp

from symgrad import graph as g
from symgrad.algebra import INLINE, axes_of
from symgrad.graph import Access, Kind, Labels, Node


def nested_sum(node: Node) -> Node | None:
    """c·(d·a + b) + … → c·d·a + c·b + …"""
    terms: list[tuple[sp.Expr, Node, Labels]] = []
    changed = False
    for c, arg, labels in zip(node.weights, node.args, node.labels, strict=True):
        if arg.kind is Kind.SUM and len(arg.args) <= INLINE:
            changed = True
            terms += [
                (c * w, n, tuple(labels[x] for x in inner))
                for w, n, inner in zip(arg.weights, arg.args, arg.labels, strict=True)
            ]
        else:
            terms.append((c, arg, labels))
    return g.add(terms, node.shape) if changed else None


def like_terms(node: Node) -> Node | None:
    """c·a + d·a → (c + d)·a; 0·a → nothing; constants are added up; (A·B)ᵀ is Bᵀ·Aᵀ."""
    weights: dict[Access, sp.Expr] = {}
    one = Access(g.const(1), ())
    for c, arg, labels in zip(node.weights, node.args, node.labels, strict=True):
        access, weight = _turned(Access(arg, labels), node), c
        if arg.kind is Kind.CONST:
            access, weight = one, c * arg.value
        weights[access] = weights[access] + weight if access in weights else weight
    terms = [(c, *access) for access, c in weights.items() if c != 0]
    result = g.add(terms, node.shape)
    return result if result is not node else None


def _turned(term: Access, node: Node) -> Access:
    """A transposed contraction as the contraction that it is along the axes of the sum."""
    arg, labels = term
    turned = arg.kind is Kind.PRODUCT and 1 < len(labels) == node.rank == len(set(labels))
    if not turned or labels == axes_of(node):
        return term
    own = {k: label for k, label in enumerate(labels)}
    accesses = [(n, tuple(own.get(x, x) for x in inner)) for n, inner in arg.accesses]
    return Access(g.product(accesses, node.shape), axes_of(node))


def single_term(node: Node) -> Node | None:
    """1·a → a; the empty sum → 0; a weighted constant → a constant."""
    if not node.args:
        return g.const(0, node.shape)
    if len(node.args) > 1:
        return None
    (arg,), (labels,), (weight,) = node.args, node.labels, node.weights
    if arg.kind is Kind.CONST:
        return g.const(weight * arg.value, node.shape)
    if weight != 1:
        return None
    if labels != axes_of(node) and arg.kind is Kind.SUM and len(arg.args) <= INLINE:
        return None  # `nested_sum` has it
    return arg if labels == axes_of(node) else g.product([(arg, labels)], node.shape)
