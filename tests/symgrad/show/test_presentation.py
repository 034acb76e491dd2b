"""What is shown reads as the lecture has it, and has the value of what is computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from interpreter import interpret
from networks import NETWORKS, a1, a3, a4, a5, a7
from oracle import Net, point
from sympy import (
    MatrixSymbol,
    OneMatrix,
    Symbol,
    cos,
    cot,
    csc,
    exp,
    log,
    sec,
    sin,
    sqrt,
    symbols,
    tan,
)

import symgrad as sg
from symgrad import graph as g
from symgrad.graph import slot
from symgrad.lift import lift
from symgrad.show.presentation import measure, present
from symgrad.simplify import normalise


def lines(d: Any) -> list[str]:
    """The backward lines, without shapes and reasons."""
    return [step.text for step in d.steps if step.phase == "backward"]


def named(d: Any) -> dict[str, Any]:
    """The declared values, by name."""
    return {n.name: sg.declare.named_symbol(n) for n in d.forward}


def test_a1_messages() -> None:
    net = a1()
    value = named(sg.gradient(net.loss, net.wrt))
    d = sg.gradient(net.loss, [*net.wrt, value["a"], value["b"], value["c"]])
    w1, _ = net.wrt
    assert lines(d) == [
        "∂g/∂w1 = 3·w1²·w2 + 3",
        "∂g/∂w2 = a",
        "∂g/∂a = w2",
        "∂g/∂b = 1",
        "∂g/∂c = 1",
    ]
    assert lines(sg.gradient(value["a"], w1)) == ["∂a/∂w1 = 3·w1²"]
    assert lines(sg.gradient(value["b"], value["a"])) == ["∂b/∂a = w2"]


def test_a3_product_rule() -> None:
    net = a3()
    (t,) = net.wrt
    d = sg.gradient(net.loss, t)
    assert lines(d) == ["∂r/∂t = 2·v·t + 3·u"]
    assert str(d.closed_form(t)) == "9*t**2 + 2*t"


def test_a4_multivariate_chain_rule() -> None:
    net = a4()
    (t,) = net.wrt
    d = sg.gradient(net.loss, t)
    assert lines(d) == ["∂f/∂t = 2·t·(1 + x·exp(x·y)) − y·exp(x·y)·sin(t)"]


def test_a5_adjoints() -> None:
    net = a5()
    value = named(sg.gradient(net.loss, net.wrt))
    d = sg.gradient(net.loss, [value["y"], value["z"], *net.wrt])
    text = lines(d)
    assert any(x.endswith("∂L/∂y = y − t") for x in text)  # ȳ
    assert any(x.endswith("∂L/∂z = δ_y·y·(1 − y)") for x in text)  # z̄ = ȳ·σ′(z)
    assert text[-2:] == ["∂L/∂w = δ_z·x", "∂L/∂b = δ_z"]


def test_a7_binary_cross_entropy() -> None:
    net = a7()
    assert lines(sg.gradient(net.loss, net.wrt)) == [
        "∂L/∂ŷ = (ŷ − y)/(ŷ·(1 − ŷ))",
        "∂L/∂w = (ŷ − y)·x",
    ]


def test_binary_cross_entropy_of_a_vector() -> None:
    z, y = MatrixSymbol("z", 4, 1), MatrixSymbol("y", 4, 1)
    ones = OneMatrix(4, 1)
    p = sg.let("p", sg.sigmoid(z))
    loss = sg.let("L", -sg.dot(y, sg.log(p)) - sg.dot(ones - y, sg.log(ones - p)))
    assert lines(sg.gradient(loss, z)) == ["∂L/∂z = p − y"]


def logistic_regression(bias_inside: bool) -> tuple[Any, Any, Net]:
    """The mean loss of logistic regression as students write it, and its bias."""
    M, D = symbols("M D", integer=True, positive=True)
    X, w, t = MatrixSymbol("X", M, D), MatrixSymbol("w", D, 1), MatrixSymbol("t", M, 1)
    b = Symbol("b", real=True)
    ones = OneMatrix(M, 1)
    s = sg.sigmoid(X * w + b * ones)
    s = s if bias_inside else sg.let("s", s)
    losses = sp.HadamardProduct(t, sg.log(s)) + sp.HadamardProduct(ones - t, sg.log(ones - s))
    return sg.let("J", -sg.sum(losses) / M), b, Net(dims={M: 4, D: 3})


def test_sums_over_the_same_examples_are_one_sum() -> None:
    """Σ s·(1 − t) − Σ t·(1 − s) is Σ (s − t): the terms meet under one Σ only."""
    loss, b, _ = logistic_regression(False)
    assert lines(sg.gradient(loss, b)) == ["∂J/∂b = sum(s − t)/M"]


@pytest.mark.parametrize("inside", [False, True])
def test_one_sum_has_the_value_of_two(inside: bool) -> None:
    loss, b, net = logistic_regression(inside)
    d = sg.gradient(loss, b)
    leaves = [n.leaf.symbol for n in g.leaves([d.loss])]
    env = point(leaves, net, seed=2)
    computed, shown = interpret([d.roots[0], lift(d.closed_form(b))], net, env)
    np.testing.assert_allclose(shown, computed, rtol=1e-12)


# ------------------------------------------------------------------------ the derivative table

x, v, w, n = symbols("x v w n", real=True)
a = Symbol("a", positive=True)
u = Symbol("u", positive=True)

TABLE: dict[str, tuple[Any, Any]] = {
    "x": (x, 1),
    "au": (a * u, a),
    "u + v − w": (u + v - w, 1),
    "uv": (u * v, v),
    "u/v": (u / v, 1 / v),
    "uⁿ": (u**n, n * u ** (n - 1)),
    "u⁵": (u**5, 5 * u**4),
    "√u": (sqrt(u), 1 / (2 * sqrt(u))),
    "1/u": (1 / u, -1 / u**2),
    "1/uⁿ": (1 / u**n, -n * u ** (-n - 1)),
    "1/u³": (1 / u**3, -3 / u**4),
    "ln u": (log(u), 1 / u),
    "log_a u": (log(u) / log(a), 1 / (u * log(a))),
    "eᵘ": (exp(u), exp(u)),
    "aᵘ": (a**u, a**u * log(a)),
    "uᵛ": (u**v, v * u ** (v - 1)),
    "sin": (sin(u), cos(u)),
    "cos": (cos(u), -sin(u)),
    "tan": (tan(u), sec(u) ** 2),
    "cot": (cot(u), -(csc(u) ** 2)),
    "sec": (sec(u), sec(u) * tan(u)),
    "csc": (csc(u), -csc(u) * cot(u)),
}
"""f(u) → ∂f/∂u as the lecture's table has it."""


@pytest.mark.parametrize("name", TABLE)
def test_derivative_table(name: str) -> None:
    f, expected = TABLE[name]
    variable = u if f.has(u) else x
    d = sg.gradient(f, variable)
    assert d.closed_form(variable) == expected


def test_derivative_table_by_v() -> None:
    assert sg.gradient(u**v, v).closed_form(v) == u**v * log(u)
    assert sg.gradient(u / v, v).closed_form(v) == -u / v**2


@pytest.mark.parametrize("name", [k for k in TABLE if TABLE[k][0].has(u) and "v" not in k])
def test_derivative_table_of_a_named_value(name: str) -> None:
    """u = let(…): the chain rule multiplies by u′ = 2x."""
    f, expected = TABLE[name]
    inner = sg.let("u", x**2 + 1)
    d = sg.gradient(sg.let("f", f.subs(u, inner)), x)
    at = {x: sp.Rational(7, 5), a: sp.Rational(3, 2), n: sp.Rational(5, 2), w: 2, v: 3}
    found = d.closed_form(x).subs(at).evalf(20)
    assert abs(found - (expected * 2 * x).subs(u, x**2 + 1).subs(at).evalf(20)) < 1e-15


# ------------------------------------------------------------------------------- the mechanism


@pytest.mark.parametrize("name", NETWORKS)
def test_presenting_keeps_the_value(name: str) -> None:
    network = NETWORKS[name]()
    env = point(network.leaves, network.net, 7)
    d = sg.gradient(network.loss, network.wrt)
    forward = normalise(d.forward)
    shown = present(d._subject.rewriter, d.roots, forward)
    for before, after in zip(d.roots, shown, strict=True):
        (p,), (q,) = (interpret([r], network.net, env) for r in (before, after))
        np.testing.assert_allclose(p, q, rtol=1e-9, atol=1e-12)


def test_what_is_computed_does_not_change() -> None:
    """σ(−z) is shown as 1 − ŷ, and computed as it stands: at z = 40 the difference is all."""
    net = a7()
    d = sg.gradient(net.loss, net.wrt)
    w_, x_, y_ = net.leaves
    slope = sg.function([w_, x_, y_], sg.gradient(net.loss, w_))(40.0, 1.0, 1.0)
    assert float(np.ravel(slope)[0]) == pytest.approx(-np.exp(-40), rel=1e-12)
    assert "σ(−" not in " ".join(lines(d))


def test_a_name_below_a_root_is_an_atom() -> None:
    z = Symbol("z", real=True)
    s = sg.let("s", z**2)
    (root,) = normalise([lift(s * (1 - z) - z * (1 - s))])
    d = sg.gradient(sg.let("L", s * 2), z)
    (shown,) = present(d._subject.rewriter, [root], normalise(d.forward))
    value = interpret([shown], Net({"s": z**2}), {"z": 0.3})[0]
    assert float(value) == pytest.approx(0.3**2 - 0.3)
    assert measure(slot(0) - slot(1)) == 3


MEASURES: dict[str, tuple[Any, Any]] = {
    "polynomial": (9 * x**2 + 2 * x, x * (9 * x + 2)),
    "difference": ((u - v) * x, u * x - v * x),
    "fraction": ((u - v) / (u * (1 - u)), (1 - v) / (1 - u) - v / u),
    "square": (1 - x**2, (1 - x) * (1 + x)),
    "sum": (3 * x**2 * w + 3, 3 * (x**2 * w + 1)),
    "reciprocal": (1 / x, (1 - u) / (x - x * u)),
}
"""What reads shorter, and what does not."""


@pytest.mark.parametrize("name", MEASURES)
def test_measure(name: str) -> None:
    shorter, longer = MEASURES[name]
    assert measure(shorter) <= measure(longer)
