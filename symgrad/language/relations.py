"""Comparisons: of indices and labels, which are SymPy's, and of values, which are steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from symgrad.activations import step
from symgrad.errors import UnsupportedError
from symgrad.graph import Kind
from symgrad.index_space import indicator, is_lookup
from symgrad.language.arithmetic import Shown, elementwise_product, flat, shape, total

RELATIONS: dict[str, Any] = {
    "<": sp.Lt,
    ">": sp.Gt,
    "≤": sp.Le,
    "≥": sp.Ge,
    "=": sp.Eq,
    "≠": sp.Ne,
}
"""A comparison as it is typed → SymPy's."""


class Comparison:
    """A comparison of values, scalars or arrays: left, operator, right."""

    def __init__(self, left: Any, operator: str, right: Any) -> None:
        self.left, self.operator, self.right = left, operator, right


def related(operator: str, left: Any, right: Any) -> Any:
    """The comparison of two values: SymPy's own of indices, labels and whole numbers."""
    for x in (left, right):
        flat(Shown(x, str(x)))
    if all(_is_whole(x) for x in (left, right)):
        return RELATIONS[operator](left, right)
    return Comparison(left, operator, right)


def _is_whole(x: Any) -> bool:
    return shape(x) == () and bool(x.is_integer or _is_class(x))


def _is_class(x: Any) -> bool:
    """Whether a value is an entry of an array of class labels."""
    node = getattr(x.args[0], "node", None) if is_lookup(x) else None
    return node is not None and node.kind is Kind.LEAF and node.leaf.classes is not None


def indicator_of(conditions: Sequence[Any]) -> Any:
    """1[…]: 1 where all conditions hold, else 0."""
    about_values = [x for x in conditions if isinstance(x, Comparison)]
    about_indices = [x for x in conditions if not isinstance(x, Comparison)]
    factors = [_step(x) for x in about_values]
    if about_indices:
        factors.append(indicator(sp.And(*about_indices)))
    return elementwise_product([Shown(x, "1[…]") for x in factors])


def _step(x: Comparison) -> Any:
    """1[a > b] is a unit step; at the jump, ≥ and ≤ are its complement."""
    if x.operator in ("=", "≠"):
        raise UnsupportedError(
            "two values are compared with = or ≠, which says nothing of real numbers; compare "
            "indices and labels so, and values with > or <."
        )
    below = x.operator in ("<", "≥")
    first, second = (x.right, x.left) if below else (x.left, x.right)
    jump = step(total([(1, Shown(first, "the one side")), (-1, Shown(second, "the other side"))]))
    if x.operator in ("<", ">"):
        return jump
    return total([(1, Shown(sp.Integer(1), "1")), (-1, Shown(jump, "the step"))])
