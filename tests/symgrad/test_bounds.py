"""Intervals of values: what is certain is found, and no value ever lies outside."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import random_graphs
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from interpreter import Interpreter
from oracle import Net, point
from random_graphs import SIZES, graph_symbols, random_nodes
from rules import FACT_SYMBOLS
from sympy import MatrixSymbol, OneMatrix, Q, Rational, Symbol, symbols

import symgrad as sg
from symgrad import graph as g
from symgrad.bounds import bounds
from symgrad.intervals import (
    BALL,
    FUNCTIONS,
    NONNEGATIVE,
    OPEN_BALL,
    OPEN_UNIT,
    POSITIVE,
    UNIT,
    UNKNOWN,
    Interval,
    exactly,
    of_expression,
    plus,
    times,
)
from symgrad.vocabulary import maximum, minimum, plain

C, D = symbols("C D", integer=True, positive=True)
t, r = Symbol("t", real=True), Symbol("r", real=True)
a = Symbol("a", positive=True)
x, z = MatrixSymbol("x", D, 1), MatrixSymbol("z", 3, 1)
y = sg.simplex("y", D)
w = sg.assume(MatrixSymbol("w", D, 1), Q.positive)
A = sg.assume(MatrixSymbol("A", D, D), Q.positive_definite)
o = sg.assume(MatrixSymbol("o", D, 1), "one-hot")


def interval(expr: Any) -> Interval:
    """The interval of a declaration."""
    return bounds(sg.let("value", expr).node)


def between(low: Any, high: Any, above: bool = False, below: bool = False) -> Interval:
    """An interval of rational ends."""
    ends = [x if isinstance(x, float) else Fraction(x) for x in (low, high)]
    return Interval(ends[0], ends[1], above, below)


CERTAIN: dict[str, tuple[Callable[[], Any], Interval]] = {
    "a real symbol": (lambda: t, UNKNOWN),
    "a positive symbol": (lambda: a, POSITIVE),
    "a nonnegative symbol": (lambda: Symbol("s", nonnegative=True), NONNEGATIVE),
    "t²": (lambda: t**2, NONNEGATIVE),
    "t²·r²": (lambda: t**2 * r**2, NONNEGATIVE),
    "t⁶": (lambda: t**6, NONNEGATIVE),
    "t³": (lambda: t**3, UNKNOWN),
    "cos³ t": (lambda: sp.cos(t) ** 3, BALL),
    "tanh³ t": (lambda: sp.tanh(t) ** 3, OPEN_BALL),
    "(1/2 + cos t)³": (
        lambda: (sp.cos(t) + Rational(1, 2)) ** 3, between(Rational(-1, 8), Rational(27, 8)),
    ),
    "2 + cos³ t": (lambda: 2 + sp.cos(t) ** 3, between(1, 3)),
    "sin³ of an array": (
        lambda: x.applyfunc(sp.Lambda(t, sp.sin(t) ** 3)), BALL,
    ),
    "1/tanh³ t": (lambda: 1 / sp.tanh(t) ** 3, UNKNOWN),
    "a³ + 1": (lambda: a**3 + 1, between(1, math.inf, True, True)),
    "√a": (lambda: sp.sqrt(a), POSITIVE),
    "1/a": (lambda: 1 / a, POSITIVE),
    "1/(1 + t²)": (lambda: 1 / (1 + t**2), between(0, 1, True, False)),
    "e^t": (lambda: sp.exp(t), POSITIVE),
    "e^(−t²)": (lambda: sp.exp(-(t**2)), between(0, 1, True, False)),
    "1/(1 + e^(−t))": (lambda: 1 / (1 + sp.exp(-t)), OPEN_UNIT),
    "σ(t)": (lambda: sg.sigmoid(t), OPEN_UNIT),
    "1 − σ(t)": (lambda: 1 - sg.sigmoid(t), OPEN_UNIT),
    "3 − 2σ(t)": (lambda: 3 - 2 * sg.sigmoid(t), between(1, 3, True, True)),
    "tanh t": (lambda: sp.tanh(t), OPEN_BALL),
    "1 − tanh²": (lambda: 1 - sp.tanh(t) ** 2, between(0, 1, True, False)),
    "2 + sin t": (lambda: 2 + sp.sin(t), between(1, 3)),
    "cosh t": (lambda: sp.cosh(t), between(1, math.inf, False, True)),
    "|t|": (lambda: sp.Abs(t), NONNEGATIVE),
    "relu": (lambda: sg.relu(t), NONNEGATIVE),
    "relu of tanh": (lambda: sg.relu(sp.tanh(t)), between(0, 1, False, True)),
    "softplus": (lambda: sg.softplus(t), POSITIVE),
    "atan e^t": (lambda: sp.atan(sp.exp(t)), POSITIVE),
    "log(1 + t²)": (lambda: sp.log(1 + t**2), NONNEGATIVE),
    "log σ": (lambda: sp.log(sg.sigmoid(t)), between(-math.inf, 0, True, True)),
    "t − r": (lambda: t - r, UNKNOWN),
    "1/3 − a": (lambda: Rational(1, 3) - a, between(-math.inf, Rational(1, 3), True, True)),
    "softmax of three": (lambda: sg.softmax(z), OPEN_UNIT),
    "softmax of D": (lambda: sg.softmax(x), between(0, 1, True, False)),
    "1 − softmax of three": (lambda: OneMatrix(3, 1) - sg.softmax(z), OPEN_UNIT),
    "log-sum-exp of positives": (lambda: sg.logsumexp(w), POSITIVE),
    "‖x‖²": (lambda: sg.dot(x, x), NONNEGATIVE),
    "‖x‖² + 1": (lambda: sg.dot(x, x) + 1, between(1, math.inf, False, True)),
    "Σ of three squares ≤ 3": (
        lambda: sg.sum(sg.tanh(z).applyfunc(sp.Lambda(t, t**2))), between(0, 3, False, True),
    ),
    "Σ e^x": (lambda: sg.sum(sg.exp(x)), POSITIVE),
    "Σ y": (lambda: sg.sum(y), between(1, 1)),
    "yᵀe^x": (lambda: sg.dot(y, sg.exp(x)), POSITIVE),
    "yᵀσ(x)": (lambda: sg.dot(y, sg.sigmoid(x)), OPEN_UNIT),
    "yᵀw": (lambda: sg.dot(y, w), POSITIVE),
    "yᵀx": (lambda: sg.dot(y, x), UNKNOWN),
    "y": (lambda: y, UNIT),
    "a one-hot": (lambda: o, UNIT),
    "a unit vector": (lambda: sg.assume(x, "unit norm"), BALL),
    "xᵀAx": (lambda: sg.dot(x, A * x), NONNEGATIVE),
    "xᵀAx at once": (lambda: (x.T * A * x)[0, 0], NONNEGATIVE),
    "xᵀAw": (lambda: sg.dot(x, A * w), UNKNOWN),
    "tr A": (lambda: sp.Trace(A), POSITIVE),
    "A": (lambda: A, UNKNOWN),
    "1/N of a sum": (lambda: sg.sum(w) / D, POSITIVE),
    "a dimension": (lambda: t * 0 + D * a, POSITIVE),
}  # fmt: skip
"""what it is → a declaration, and the interval that is found."""


@pytest.mark.parametrize("name", CERTAIN)
def test_interval(name: str) -> None:
    declare, expected = CERTAIN[name]
    assert interval(declare()) == expected


def test_determinants_of_definite_matrices_are_positive() -> None:
    node = g.linalg("det", A.node, (0, 1), ())
    assert bounds(node) == POSITIVE
    free = g.leaf("B", (D, D), MatrixSymbol("B", D, D))
    assert bounds(g.linalg("det", free, (0, 1), ())) == UNKNOWN


def test_an_elementwise_product_with_a_definite_matrix_is_no_form() -> None:
    node = g.product([(A.node, (0, 1)), (x_leaf, (0,)), (x_leaf, (1,))], (D, D))
    assert bounds(node) == UNKNOWN


x_leaf = g.leaf("x", (D,), x)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        (sp.Rational(1, 3), Fraction(1, 3), Fraction(1, 3)),
        (sp.sqrt(2), 1.41421356, 1.41421357),
        (-sp.pi, -3.1415927, -3.1415926),
        (sp.Float("0.1") + sp.Float("0.2") - sp.Float("0.3"), -1e-15, 1e-15),
    ],
)
def test_constants_are_exact_or_enclosed(value: sp.Expr, low: float, high: float) -> None:
    found = exactly(value)
    assert low <= found.low <= found.high <= high


def test_arithmetic_keeps_open_ends() -> None:
    assert plus(POSITIVE, NONNEGATIVE) == POSITIVE
    assert times(POSITIVE, NONNEGATIVE) == NONNEGATIVE
    assert times(between(0, 0), UNKNOWN) == between(0, 0)
    assert times(between(-1, 2), between(-3, 4)) == between(-6, 8)
    assert times(between(0, 1, True, True), between(0, 1)) == between(0, 1, False, True)
    assert 0 in NONNEGATIVE
    assert 0 not in POSITIVE
    assert not UNKNOWN.nonnegative
    assert not NONNEGATIVE.positive


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_no_value_of_a_function_is_outside_its_interval(function: Any) -> None:
    """On intervals of every kind, against points inside them."""
    arguments = symbols("t0:2", real=True)[: 2 if function in OF_TWO else 1]
    body = function(*arguments)
    ends = [-math.inf, -2, -1, 0, Fraction(1, 2), 1, 2, math.inf]
    rng = random.Random(0)
    for low in ends[:-1]:
        for high in ends[1:]:
            if low > high:
                continue
            domain = between(low, high, low == -math.inf, high == math.inf)
            found = of_expression(body, dict.fromkeys(arguments, domain).get)
            for _ in range(3):
                inside = [_inside(domain, rng) for _ in arguments]
                value = sp.N(plain(body).subs(dict(zip(arguments, inside, strict=True))), 30)
                if value.is_extended_real and value.is_finite:
                    assert Fraction(str(value)) in found, (function, domain, inside, value)


OF_TWO = (sp.Max, sp.Min, maximum, minimum)


def _inside(domain: Interval, rng: random.Random) -> sp.Rational:
    low = max(domain.low, Fraction(-4))
    high = min(domain.high, Fraction(4))
    return sp.Rational(
        str(Fraction(low) + (Fraction(high) - Fraction(low)) * rng.randint(0, 8) / 8)
    )


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.integers(0, 2**31))
def test_no_entry_of_a_random_graph_is_outside_its_interval(seed: int) -> None:
    plain_leaves = random_graphs.graph_leaves
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            random_graphs,
            "graph_leaves",
            lambda: [*(s.node for s in FACT_SYMBOLS.values()), *plain_leaves()],
        )
        nodes = random_nodes(random.Random(seed).choice, 7)
    symbols_used = [*graph_symbols(), *FACT_SYMBOLS.values()]
    for dims in SIZES:
        net = Net(dims=dims)
        interpreter = Interpreter(net, point(symbols_used, net, seed, -1.5, 1.5))
        for node in g.topological(nodes):
            found = bounds(node)
            for value in interpreter(node).reshape(-1).astype(float):
                if np.isfinite(value):
                    room = 1e-9 * (1 + abs(value))
                    assert found.low <= value + room, (node, found, value)
                    assert value - room <= found.high, (node, found, value)


def test_a_long_chain_needs_no_recursion() -> None:
    node = x_leaf
    for _ in range(5000):
        node = g.apply(sp.tanh(g.slot(0)), [(node, (0,))], (D,))
    assert bounds(node) == OPEN_BALL


def test_the_softmax_of_one_number() -> None:
    assert interval(sg.sum(sg.softmax(MatrixSymbol("z", 1, 1)))).positive
