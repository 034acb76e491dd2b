"""Bounds for the degree: above the true one, and not far above."""

from __future__ import annotations

import math
from typing import Any

import pytest
import sympy as sp
from sympy import MatrixSymbol, symbols

import symgrad as sg
from symgrad.lift import lift
from symgrad.verification.chance import bits_of_agreement, bits_of_all, degrees

n = sp.Symbol("n", integer=True, positive=True)
A, x, u = MatrixSymbol("A", n, n), MatrixSymbol("x", n, 1), MatrixSymbol("u", n, 1)
s, t = symbols("s t", real=True)

BOUNDS: list[tuple[Any, tuple[float, float]]] = [
    (s, (1, 0)),
    (s * t + s, (2, 0)),
    ((s + 1) ** 7, (7, 0)),
    (s / t, (1, 1)),
    (1 / s + 1 / t, (1, 2)),
    (1 / (s + 1 / t), (1, 2)),
    (A * A * x, (3, 0)),
    (sg.dot(x, x), (2, 0)),
    (A.inv(), (2, 3)),
    (sp.Determinant(A), (3, 0)),
    (sg.simplex("p", n), (1, 1)),
    (sp.exp(s * t), (3, 0)),
    (sg.relu(s) * t, (3, 0)),
]
"""An expression, and the bounds for numerator and denominator at n = 3."""


@pytest.mark.parametrize(("expr", "bound"), BOUNDS)
def test_degrees(expr: Any, bound: tuple[float, float]) -> None:
    node = lift(sg.functions.as_expression(expr))
    up, down = degrees([node], {n: 3})[node]
    assert up >= bound[0]
    assert down >= bound[1]
    assert up + down <= 2 * sum(bound) + 3


@pytest.mark.parametrize(
    "expr", [(s + t) ** 5 / (s - t) ** 3, 1 / (s + 1 / (t + 1 / s)), (s / t + t / s) ** 4 - s]
)
def test_bounds_are_bounds(expr: Any) -> None:
    """Against the degrees of SymPy's own quotient in lowest terms."""
    node = lift(expr)
    up, down = degrees([node], {})[node]
    over, under = sp.fraction(sp.cancel(expr))
    assert up >= sp.Poly(over, s, t).total_degree()
    assert down >= sp.Poly(under, s, t).total_degree()


def test_agreement_is_counted_in_bits() -> None:
    one, other = lift(s**4), lift(s * t)
    assert bits_of_agreement(one, other, {}, 60) == 58
    assert bits_of_all([58, 58], 2) == 116
    assert bits_of_all([58, 58], 4) == 116 - math.log2(6)


def test_what_is_too_deep_to_bound_is_worth_nothing() -> None:
    value = sg.let("v0", s)
    for k in range(1200):
        value = sg.let(f"v{k + 1}", value * value)
    assert bits_of_agreement(lift(value), lift(s), {}, 60) == -math.inf
