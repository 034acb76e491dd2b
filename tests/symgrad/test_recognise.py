"""Stable primitives are found in whatever primitives were typed, and stay finite at ±1000."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from interpreter import interpret
from networks import NETWORKS
from oracle import DIGITS, FLOAT, Net
from rules import Row, check_row, check_sabotage_is_caught
from sympy import MatrixSymbol, OneMatrix, Rational, Symbol, hadamard_product, symbols

import symgrad as sg
from symgrad import graph as g
from symgrad.functions import softmax_node
from symgrad.graph import Kind, Node, slot
from symgrad.identities import scaled
from symgrad.lift import lift
from symgrad.recognise import FORWARD, RECOGNISE
from symgrad.rewrite import Rule
from symgrad.simplify import normalise
from symgrad.vocabulary import sigmoid, softplus

M, N = symbols("M N", integer=True, positive=True)
x = g.leaf("x", (N,), MatrixSymbol("x", N, 1))
y = g.leaf("y", (N,), MatrixSymbol("y", N, 1))
s = g.leaf("s", (), Symbol("s", real=True))
t = slot(0)


def of(body: sp.Expr, node: Node) -> Node:
    """A map of one node, its axes in order."""
    return g.apply(body, [(node, tuple(range(node.rank)))], node.shape)


def one_plus(node: Node, weight: int = 1) -> Node:
    """1 ± node."""
    axes = tuple(range(node.rank))
    return g.add([(1, g.const(1), ()), (weight, node, axes)], node.shape)


exp_x = of(sp.exp(t), x)
total = g.product([(exp_x, (0,))], ())
half = Rational(1, 2)
shifted = g.add([(1, x, (0,)), (-1, s, ())], (N,))
lse = g.reduce("logsumexp", x, (0,), ())

ROWS: dict[str, Row] = {
    "sigmoid": (of(1 / t, one_plus(exp_x)), of(sigmoid(t), scaled(-1, x))),
    "sigmoid ratio": (
        g.product([(exp_x, (0,)), (of(sigmoid(t), scaled(-1, x)), (0,)), (y, (0,))], (N,)),
        g.product([(of(sigmoid(t), x), (0,)), (y, (0,))], (N,)),
    ),
    "sigmoid of tanh": (
        g.add([(half, g.const(1), ()), (half, of(sp.tanh(t), scaled(half, x)), (0,))], (N,)),
        of(sigmoid(t), scaled(1, x)),
    ),
    "softplus": (of(sp.log(t), one_plus(exp_x)), of(softplus(t), x)),
    "log σ": (
        of(sp.log(t), of(sigmoid(t), x)),
        scaled(-1, of(softplus(t), scaled(-1, x))),
    ),
    "log 1 − σ": (
        of(sp.log(t), one_plus(of(sigmoid(t), x), -1)),
        scaled(-1, of(softplus(t), x)),
    ),
    "log-sum-exp": (of(sp.log(t), total), lse),
    "softmax": (
        g.product([(exp_x, (0,)), (of(1 / t, total), ()), (y, (0,))], (N,)),
        g.product([(softmax_node(x, 1), (0,)), (y, (0,))], (N,)),
    ),
    "shift": (
        g.reduce("logsumexp", shifted, (0,), ()),
        g.add(
            [(-1, s, ()), (1, g.reduce("logsumexp", g.add([(1, x, (0,))], (N,)), (0,), ()), ())],
            (),
        ),
    ),
}
"""rule → a node that it applies to, and what it makes of it."""


@pytest.mark.parametrize("rule", RECOGNISE, ids=lambda rule: rule.name)
def test_law(rule: Rule) -> None:
    check_row(rule, ROWS)


@pytest.mark.parametrize("rule", RECOGNISE, ids=lambda rule: rule.name)
def test_sabotaged_law_is_caught(rule: Rule) -> None:
    check_sabotage_is_caught(rule, ROWS, FORWARD)


def test_rules_see_through_names() -> None:
    e = sg.let("e", sg.exp(MatrixSymbol("x", N, 1)))
    S = sg.let("S", sg.sum(e))
    (found,) = normalise([lift(sp.log(S))])
    assert found is lse


# ------------------------------------------------------------------------ the ways to write them

z = Symbol("z", real=True)
Z = MatrixSymbol("Z", 3, 1)
E = sg.exp(Z)
top = sg.let("top", Z[0, 0])

SPELLINGS: dict[str, tuple[Any, Any]] = {
    "sigmoid": (1 / (1 + sp.exp(-z)), sg.sigmoid(z)),
    "sigmoid, by ratio": (sp.exp(z) / (1 + sp.exp(z)), sg.sigmoid(z)),
    "sigmoid, by tanh": ((1 + sp.tanh(z / 2)) / 2, sg.sigmoid(z)),
    "softplus": (sp.log(1 + sp.exp(z)), sg.softplus(z)),
    "log sigmoid": (sp.log(1 / (1 + sp.exp(-z))), -sg.softplus(-z)),
    "log 1 - sigmoid": (sp.log(1 - 1 / (1 + sp.exp(-z))), -sg.softplus(z)),
    "logsumexp": (sp.log(sg.sum(E)), sg.logsumexp(Z)),
    "softmax": (E / sg.sum(E), sg.softmax(Z)),
    "softmax, shifted": (
        sg.exp(Z - top * OneMatrix(3, 1)) / sg.sum(sg.exp(Z - top * OneMatrix(3, 1))),
        sg.softmax(Z),
    ),
    "log softmax": (sg.log(E / sg.sum(E)), Z - sg.logsumexp(Z) * OneMatrix(3, 1)),
    "sigmoid of a vector": (
        Z.applyfunc(sp.Lambda(z, 1 / (1 + sp.exp(-z)))),
        sg.sigmoid(Z),
    ),
    "softplus of a vector": (sg.log(OneMatrix(3, 1) + E), sg.softplus(Z)),
}
"""From primitives, and by name."""


@pytest.mark.parametrize("name", SPELLINGS)
def test_spelling_is_recognised(name: str) -> None:
    typed, known = SPELLINGS[name]
    assert normalise([lift(typed)]) == normalise([lift(known)])


# ------------------------------------------------------------------------------- extreme values

POINTS = [[1000.0, 0.0, -1000.0], [-1000.0, -1000.0, -1000.0], [1000.0, 1000.0, 999.0]]

LOSSES: dict[str, Callable[[Any], Any]] = {
    "logsumexp": lambda a: sp.log(sg.sum(sg.exp(a))),
    "softmax": lambda a: sg.dot(sg.exp(a) / sg.sum(sg.exp(a)), MatrixSymbol("w", 3, 1)),
    "cross-entropy, target": lambda a: sg.cross_entropy(
        sg.exp(a) / sg.sum(sg.exp(a)), sg.simplex("p", 3)
    ),
    "cross-entropy, label": lambda a: sg.cross_entropy(
        sg.let("q", sg.exp(a) / sg.sum(sg.exp(a))), sg.label("c", 3)
    ),
    "log of softmax": lambda a: sg.dot(sg.log(sg.softmax(a)), MatrixSymbol("w", 3, 1)),
    "sigmoid": lambda a: sg.sum(a.applyfunc(sp.Lambda(z, 1 / (1 + sp.exp(-z))))),
    "softplus": lambda a: sg.sum(sg.log(OneMatrix(3, 1) + sg.exp(a))),
    "tanh": lambda a: sg.sum(sg.tanh(a)),
    "binary cross-entropy": lambda a: (
        -sg.sum(
            hadamard_product(
                MatrixSymbol("w", 3, 1), a.applyfunc(sp.Lambda(z, sp.log(1 / (1 + sp.exp(-z)))))
            )
            + a.applyfunc(sp.Lambda(z, sp.log(1 - 1 / (1 + sp.exp(-z)))))
        )
    ),
}
ENV = {"p": np.array([0.5, 0.25, 0.25]), "c": 2, "w": np.array([0.3, 0.5, 0.2])}


def exact(name: str, a: list[Any]) -> Any:
    """The textbook's formula with 3,000 digits of exponent, at ``a``."""
    e = [mpmath.exp(x) for x in a]
    p = [x / sum(e) for x in e]
    w = [mpmath.mpf(float(x)) for x in ENV["w"]]
    sig = [1 / (1 + mpmath.exp(-x)) for x in a]
    return {
        "logsumexp": lambda: mpmath.log(sum(e)),
        "softmax": lambda: sum(x * y for x, y in zip(w, p, strict=True)),
        "cross-entropy, target": lambda: (
            -sum(mpmath.mpf(float(x)) * mpmath.log(y) for x, y in zip(ENV["p"], p, strict=True))
        ),
        "cross-entropy, label": lambda: -mpmath.log(p[2]),
        "log of softmax": lambda: sum(x * mpmath.log(y) for x, y in zip(w, p, strict=True)),
        "sigmoid": lambda: sum(sig),
        "softplus": lambda: sum(mpmath.log(1 + x) for x in e),
        "tanh": lambda: sum(mpmath.tanh(x) for x in a),
        "binary cross-entropy": lambda: (
            -sum(x * mpmath.log(y) + mpmath.log(1 - y) for x, y in zip(w, sig, strict=True))
        ),
    }[name]()


@pytest.mark.parametrize("at", POINTS, ids=str)
@pytest.mark.parametrize("name", LOSSES)
def test_value_and_gradient_at_extremes(name: str, at: list[float]) -> None:
    d = sg.gradient(LOSSES[name](Z), Z)
    env = {**ENV, "Z": np.array(at)}
    value, gradient = interpret([d.loss_root, d.roots[0]], Net(), env, FLOAT)
    with mpmath.workdps(20 * DIGITS):
        a = [mpmath.mpf(v) for v in at]
        h = mpmath.mpf(10) ** -150
        expected = float(exact(name, a))
        slopes = []
        for k in range(3):
            up, down = list(a), list(a)
            up[k] += h
            down[k] -= h
            slopes.append(float((exact(name, up) - exact(name, down)) / (2 * h)))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["classifier", "classifier, label", "unnamed classifier"])
def test_no_exponential_of_scores_is_left_in_a_classifier(name: str) -> None:
    """Every exp that remains is of z − logsumexp(z), which is never positive."""
    network = NETWORKS[name]()
    d = sg.gradient(network.loss, network.wrt)
    for node in g.topological(d.roots):
        if node.kind is Kind.MAP and node.body == sp.exp(t):
            assert any(arg.kind is Kind.REDUCE for arg in g.peel(node.args[0]).args)
