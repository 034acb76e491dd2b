"""The expanded form: what is one formula, and what is not; values stay what they are."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
import sympy as sp
from interpreter import interpret
from oracle import Net, point
from random_graphs import SIZES, graph_symbols, random_nodes
from sympy import MatrixSymbol, symbols

import symgrad as sg
from symgrad import graph as g
from symgrad.lift import lift
from symgrad.verification.canonical import OF_NEGATIVE, SPELLINGS, are_one, canonical

D, H = symbols("D H", integer=True, positive=True)
W, x, b = MatrixSymbol("W", H, D), MatrixSymbol("x", D, 1), MatrixSymbol("b", H, 1)
A, B, C = (MatrixSymbol(n, H, H) for n in "ABC")
s, t = symbols("s t", real=True)
h = sg.let("h", sg.tanh(W * x))

ONE: list[tuple[Any, Any]] = [
    ((A + B) * (A - B), A * A - A * B + B * A - B * B),
    (A * (B + C) * b, A * B * b + A * C * b),
    (h, sg.tanh(W * x)),
    (sp.hadamard_product(h, h), sp.hadamard_product(sg.tanh(W * x), h)),
    (sg.dot(b, A * b), sg.dot(A.T * b, b)),
    (sp.Trace(A * B), sp.Trace(B * A)),
    ((s + t) ** 3, s**3 + 3 * s**2 * t + 3 * s * t**2 + t**3),
    (sg.sigmoid(-t), 1 - sg.sigmoid(t)),
    (sp.tanh(s - t), -sp.tanh(t - s)),
    (sg.relu(t) ** 2, t * sg.relu(t)),
    (sg.swish(t) * sg.sigmoid(-t), sg.swish(t) - t * sg.sigmoid(t) ** 2),
    (abs(t) * t, t**2 * sp.sign(t)),
    (sp.tan(t), sp.sin(t) / sp.cos(t)),
]

NOT: list[tuple[Any, Any]] = [
    ((A + B) * (A - B), A * A - B * B),
    (A * B, B * A),
    (A * b, A.T * b),
    (sp.Trace(A * B * C), sp.Trace(A * C * B)),
    (sp.hadamard_product(h, h), h),
    (sg.relu(t) ** 2, sg.relu(t)),
    (sg.sigmoid(-t), sg.sigmoid(t)),
    (sg.sum(x) ** 2, sg.dot(x, x)),
]


def graph(e: Any) -> Any:
    return lift(sg.functions.as_expression(e))


@pytest.mark.parametrize(("one", "other"), ONE)
def test_one_formula(one: Any, other: Any) -> None:
    assert are_one(graph(one), graph(other))


@pytest.mark.parametrize(("one", "other"), NOT)
def test_two_formulas(one: Any, other: Any) -> None:
    assert not are_one(graph(one), graph(other))


@pytest.mark.parametrize("seed", range(40))
def test_values_are_preserved(seed: int) -> None:
    random = Random(seed)
    nodes = random_nodes(random.choice, 12)[-3:]
    expanded = canonical(nodes)
    net = Net(dims=random.choice(SIZES))
    env = point(graph_symbols(), net, seed, 0.2, 1.5)
    for found, expected in zip(
        interpret(expanded, net, env), interpret(nodes, net, env), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


LEAF = lift(t)


@pytest.mark.parametrize("body", OF_NEGATIVE)
def test_functions_of_a_negative(body: Any) -> None:
    """What the table says of f(−t), by the numbers and by the expanded form."""
    minus = g.add([(-1, LEAF, ())], ())
    node = g.apply(body, [(minus, ())], ())
    told = g.apply(OF_NEGATIVE[body], [(LEAF, ())], ())
    for x in (-1.3, 0.4):
        found, expected = interpret([node, told], Net(), {"t": x})
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert are_one(node, told)


@pytest.mark.parametrize("body", SPELLINGS)
def test_spellings(body: Any) -> None:
    node, told = (g.apply(e, [(LEAF, ())], ()) for e in (body, SPELLINGS[body]))
    for x in (0.0, 0.4, *(() if body == sp.sqrt(g.slot(0)) else (-1.3,))):
        found, expected = interpret([node, told], Net(), {"t": x})
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_what_would_grow_is_left() -> None:
    """(a₁ + b₁)·(a₂ + b₂)·… of twenty factors has a million terms."""
    pairs = [symbols(f"a{k} b{k}", real=True) for k in range(20)]
    product = sp.Mul(*[a + b for a, b in pairs])
    (found,) = canonical([graph(product)])
    assert len(g.topological([found])) < 2000
