"""Conditions: indicators inside a product, as equations and inequalities between its labels.

Why it exists: 1[p = s·i + d·u + b] in a product is hardly ever worth computing. Where p is summed
over, it says where the other operands are read, and substituting s·i + d·u + b for p removes it.
The algebra of that, and the little that has to be proved about extents, is here; `products` decides
which label to substitute, and `program` has what is left, `Window`, `Unwindow` and `Mask`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

import sympy as sp

from symgrad import graph as g
from symgrad.graph import Access, Dim, Kind, Labels, dim


class Condition(NamedTuple):
    """1[Σ coefficient·label + offset = 0], or ≥ 0; no coefficient is 0."""

    terms: Mapping[int, int]
    offset: Dim
    relation: str

    @property
    def labels(self) -> set[int]:
        """The labels that the condition is about."""
        return set(self.terms)

    @property
    def lone(self) -> list[int]:
        """The labels that the others add up to: p in p = s·i + d·u + b. Two labels both are."""
        positive = [x for x, c in self.terms.items() if c > 0]
        negative = [x for x, c in self.terms.items() if c < 0]
        return [side[0] for side in (positive, negative) if len(side) == 1]

    def solved(self, label: int) -> tuple[dict[int, int], Dim]:
        """What ``label``, whose coefficient is ±1, equals: the terms and the offset."""
        sign = -self.terms[label]
        terms = {x: sign * c for x, c in self.terms.items() if x != label}
        return terms, dim(sign * self.offset)

    def substituted(self, label: int, terms: Mapping[int, int], offset: Dim) -> Condition:
        """The condition with ``terms`` and ``offset`` for a label."""
        c = self.terms.get(label, 0)
        if not c:
            return self
        new = {x: a for x, a in self.terms.items() if x != label}
        for x, a in terms.items():
            new[x] = new.get(x, 0) + c * a
        return self._replace(
            terms={x: a for x, a in new.items() if a},
            offset=dim(sp.sympify(self.offset) + c * offset),
        )

    def access(self, extents: Mapping[int, Dim]) -> Access:
        """The condition as an array of truth values over its labels."""
        labels = tuple(sorted(self.terms))
        shape = tuple(extents[x] for x in labels)
        coefficients = [self.terms[x] for x in labels]
        return Access(g.indicator(coefficients, self.offset, self.relation, shape), labels)


def of_access(access: Access) -> Condition:
    """The condition of an indicator or identity, whose labels may repeat."""
    node, labels = access
    affine = g.Affine((1, -1), 0, "=") if node.kind is Kind.DELTA else node.affine
    terms: dict[int, int] = {}
    for label, c in zip(labels, affine.coefficients, strict=True):
        terms[label] = terms.get(label, 0) + c
    return Condition({x: c for x, c in terms.items() if c}, affine.offset, affine.relation)


def inequality(terms: Mapping[int, int], offset: object) -> Condition:
    """Σ terms + offset ≥ 0."""
    return Condition(dict(terms), dim(offset), "≥")


def within(terms: Mapping[int, int], offset: Dim, n: Dim) -> list[Condition]:
    """0 ≤ Σ terms + offset < n, as inequalities."""
    upper = sp.sympify(n) - 1 - offset
    return [inequality(terms, offset), inequality({x: -c for x, c in terms.items()}, upper)]


def span(terms: Iterable[tuple[int, Dim]], offset: Dim) -> tuple[sp.Expr, sp.Expr]:
    """The least and the greatest of offset + Σ step·k with 0 ≤ k < count."""
    low = high = sp.sympify(offset)
    for step, count in terms:
        reach = step * (sp.sympify(count) - 1)
        low, high = (low, high + reach) if step > 0 else (low + reach, high)
    return low, high


def holds(condition: Condition, extents: Mapping[int, Dim]) -> bool | None:
    """Whether a condition is true everywhere, or false everywhere; None if neither is known."""
    terms = [(c, extents[x]) for x, c in condition.terms.items()]
    low, high = span(terms, condition.offset)
    if at_least_zero(-high - 1) or (condition.relation == "=" and at_least_zero(low - 1)):
        return False
    if condition.relation == "=":
        return True if low == high == 0 else None
    return True if at_least_zero(low) else None


@cache
def _beyond_one(symbol: sp.Symbol) -> sp.Symbol:
    return sp.Dummy(str(symbol), integer=True, nonnegative=True)


def at_least_zero(expr: sp.Expr) -> bool:
    """Whether an expression in dimensions is certainly ≥ 0; False where that is not known.

    A floor with a negative factor is bounded by what it is the floor of, and a positive whole
    number n is 1 + k with k ≥ 0, which is what makes a sum of them recognisable.
    """
    positive = sorted((s for s in expr.free_symbols if s.is_integer and s.is_positive), key=str)
    expr = sp.expand(expr.xreplace({s: 1 + _beyond_one(s) for s in positive}))
    for floor in sorted(expr.atoms(sp.floor), key=str):
        if (c := expr.coeff(floor)).is_negative:
            expr = sp.expand(expr - c * floor + c * floor.args[0])
    return bool(expr.is_nonnegative)


def in_order(labels: Iterable[int], first: Labels) -> Labels:
    """``labels``, those in ``first`` in its order and before the others."""
    rest = list(dict.fromkeys(labels))
    return (*(x for x in first if x in rest), *(x for x in rest if x not in first))
