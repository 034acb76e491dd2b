"""Losses that are sums of squares: their residuals, and the Jacobian of these by the parameters.

Why it exists: where L = Σ w·r² the Gauss–Newton matrix 2w·JᵀJ is the Hessian but for a term that
vanishes with r, and J comes from one reverse sweep. Levenberg–Marquardt needs r and J, and nothing
else. In: the loss of one example. Out: r and ∂r/∂θ of one example, or None for another loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sympy as sp

from symgrad import graph as g
from symgrad.graph import Kind, Node
from symgrad.jacobians import sweeps
from symgrad.simplify import normalise, strip_names


class Square(NamedTuple):
    """A term weight·Σ r² of a loss: r, and for each parameter ∂r/∂θ, r's axes before θ's."""

    weight: sp.Expr
    residual: Node
    blocks: tuple[Node, ...]


def squares_of(loss: Node, params: Sequence[Node]) -> list[Square] | None:
    """The terms of ``loss``, if each is a positive number times a sum of squares."""
    (root,) = normalise([loss])
    terms = _terms(sp.S.One, root)
    found = []
    for weight, node in terms:
        residual = _root_of(node)
        if residual is None or not (weight.is_number and weight.is_positive):
            return None
        (bare,) = strip_names([residual])
        blocks = {
            k: x for s in sweeps(bare, params) for k, x in zip(s.places, s.blocks, strict=True)
        }
        found.append(Square(weight, residual, tuple(blocks[k] for k in range(len(params)))))
    return found


def _terms(weight: sp.Expr, node: Node) -> list[tuple[sp.Expr, Node]]:
    """The loss as a weighted sum, looked for through names."""
    while node.kind is Kind.NAMED:
        node = node.args[0]
    if node.kind is not Kind.SUM:
        return [(weight, node)]
    pairs = zip(node.weights, node.args, strict=True)
    return [term for w, arg in pairs for term in _terms(weight * sp.sympify(w), arg)]


def _root_of(node: Node) -> Node | None:
    """r of Σ r², or of r² for a scalar; else None."""
    if node.kind is Kind.MAP and node.body == g.slot(0) ** 2 and not node.shape:
        return node.args[0]
    if node.kind is not Kind.PRODUCT or node.shape or len(node.args) != 2:
        return None
    same = node.args[0] is node.args[1] and node.labels[0] == node.labels[1]
    distinct = len(set(node.labels[0])) == len(node.labels[0])
    return node.args[0] if same and distinct else None
