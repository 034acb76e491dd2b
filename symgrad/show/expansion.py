"""Values multiplied out: whether two forms differ in the order of things only.

Why it exists: −(a − b) and b − a are two nodes, and so are (a + b)ᵀ and aᵀ + bᵀ. A proof that ends
in the one has proved the other. As sums of products, each with its weight, both are one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy as sp

from symgrad import graph as g
from symgrad.graph import Access, Dim, Kind, Labels, Node

_Term = tuple[sp.Expr, list[Access], dict[int, Dim]]
"""A weight, factors, and the labels that are summed over, with their extents."""

_MOST_TERMS = 300


def down(root: Node) -> list[Node]:
    """What a value is made of, operands first, down to named values."""
    return g.topological([root], lambda n: () if n.kind is Kind.NAMED else n.args)


def replaced(root: Node, old: Node, new: Node) -> Node:
    """``root`` with one value in the place of another, but for what is behind names."""
    done: dict[Node, Node] = {}
    for node in down(root):
        if node is old or node.kind is Kind.NAMED:
            done[node] = new if node is old else node
        else:
            done[node] = g.rebuild(node, [done[arg] for arg in node.args])
    return done[root]


def expanded(node: Node) -> dict[Node, sp.Expr] | None:
    """A value as a sum of products, each with its weight; None for one of too many terms."""
    terms: dict[Node, list[_Term]] = {}
    for n in down(node):
        if n.kind is Kind.CONST:
            terms[n] = [(n.value, [], {})]
        elif n.kind is Kind.SUM:
            parts = zip(n.weights, n.accesses, strict=True)
            terms[n] = [
                (c * w, *_under(operands, inner, a.labels, n.rank))
                for c, a in parts
                for w, operands, inner in terms[a.node]
            ]
        elif n.kind is Kind.PRODUCT:
            terms[n] = _products(n, terms)
        else:
            terms[n] = [(sp.Integer(1), [Access(n, tuple(range(n.rank)))], {})]
        if len(terms[n]) > _MOST_TERMS:
            return None
    found: dict[Node, sp.Expr] = {}
    for c, operands, summed in terms[node]:
        carried = {x for a in operands for x in a.labels}
        counted = sp.Mul(*[n for x, n in summed.items() if x not in carried])
        key = g.product(operands, node.shape)
        found[key] = found.get(key, sp.Integer(0)) + c * counted
    return {key: c for key, c in found.items() if c != 0}


def _under(
    operands: Sequence[Access], inner: Mapping[int, Dim], labels: Labels, fresh: int
) -> tuple[list[Access], dict[int, Dim]]:
    """A term as an operand with these labels, its own summed ones numbered from ``fresh`` on."""
    outer = dict(enumerate(labels))
    outer.update({x: fresh + k for k, x in enumerate(inner)})
    moved = [Access(n, tuple(outer[x] for x in own)) for n, own in operands]
    return moved, {outer[x]: n for x, n in inner.items()}


def _products(node: Node, terms: Mapping[Node, Sequence[_Term]]) -> list[_Term]:
    """Every product of a term of each operand."""
    own = {x: n for x, n in g.label_dims(node).items() if x >= node.rank}
    found: list[_Term] = [(sp.Integer(1), [], own)]
    for arg, labels in node.accesses:
        found = [
            (c * d, [*left, *right], {**summed, **more})
            for c, left, summed in found
            for d, operands, inner in terms[arg]
            for right, more in [_under(operands, inner, labels, _free(node, summed))]
        ]
        if len(found) > _MOST_TERMS:
            break
    return found


def _free(node: Node, summed: Mapping[int, Dim]) -> int:
    return max((node.rank - 1, *summed)) + 1
