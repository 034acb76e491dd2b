"""Traces: the numbers of the lectures by hand, all others against finite differences and autograd.

The oracle interprets the SymPy declaration (`oracle.value`, `complex_step`) and knows nothing of
our graph; that of the random networks is autograd's.
"""

from __future__ import annotations

import warnings
from fractions import Fraction
from typing import Any

import networks
import numpy as np
import pytest
import sympy as sp
from networks import NETWORKS, Network
from oracle import COMPLEX, complex_step, converted, point, value
from random_networks import Network as RandomNetwork
from sympy import MatrixSymbol, Rational, exp, log, sqrt, symbols

import symgrad as sg
from symgrad.pictures.drawn import OPERATIONS, VALUES

w1, w2 = symbols("w1 w2", real=True)
x = sp.Symbol("x", real=True)


def traced(network: Network, at: Any, **options: Any) -> sg.Trace:
    return sg.gradient(network.loss, network.wrt).trace(at, **options)


def arrays_of(network: Network, seed: int) -> dict[str, Any]:
    """A random point, a vector as an array of one axis."""
    env = point(network.leaves, network.net, seed)
    return {k: v[:, 0] if np.ndim(v) == 2 and v.shape[1] == 1 else v for k, v in env.items()}


# ------------------------------------------------------------------------ numbers by hand


def test_the_first_exercise_of_the_lecture() -> None:
    trace = traced(networks.a1(), {w1: 2, w2: 3})
    assert trace.is_exact
    assert [(r.name, r.value) for r in trace] == [
        ("w1", 2), ("w2", 3), ("a", 8), ("b", 24), ("c", 6), ("g", 30),
    ]  # fmt: skip
    assert {r.name: r.adjoint for r in trace} == {
        "g": 1, "b": 1, "c": 1, "a": 3, "w2": 8, "w1": 39,
    }  # fmt: skip
    assert trace["w1"].backward == "36 + 3 = 39"
    (from_a, from_c) = trace[w1].messages
    assert (from_a.consumer, from_a.share, from_a.local, from_a.adjoint) == ("a", 36, 12, 3)
    assert (from_c.consumer, from_c.share, from_c.local, from_c.adjoint) == ("c", 3, 3, 1)
    assert trace["a"].messages[0].local == 3  # ∂b/∂a
    assert all(isinstance(r.value, sp.Integer) for r in trace)


TABLE = """\
forward      value
  w1         2
  w2         3
  a = w1³    8
  b = a·w2   24
  c = 3·w1   6
  g = b + c  30

backward                from
  ∂g/∂g = 1
  ∂g/∂c = 1             g: 1·1
  ∂g/∂b = 1             g: 1·1
  ∂g/∂a = 3             b: 1·3
  ∂g/∂w2 = 8            b: 1·8
  ∂g/∂w1 = 36 + 3 = 39  a: 3·12, c: 1·3"""


def test_the_table() -> None:
    trace = traced(networks.a1(), {"w1": 2, "w2": 3})
    assert str(trace) == TABLE
    ascii_table = trace.text(ascii=True)
    assert ascii_table.isascii()
    assert "  dg/dw1 = 36 + 3 = 39  a: 3*12, c: 1*3" in ascii_table.splitlines()


def test_notations() -> None:
    at = {w1: 2, w2: 3}
    assert "w̄1 = 36 + 3 = 39" in str(traced(networks.a1(), at, notation="bar"))
    assert "∇_w1 g = 36 + 3 = 39" in str(traced(networks.a1(), at, notation="nabla"))
    with pytest.raises(sg.UnsupportedError, match="notation"):
        traced(networks.a1(), at, notation="prose")


def test_fractions_stay_fractions() -> None:
    trace = traced(networks.a1(), {w1: Fraction(1, 2), w2: Rational(-1, 3)})
    assert trace.is_exact
    assert trace["b"].value == Rational(-1, 24)
    assert trace["w1"].backward == "−1/4 + 3 = 11/4"
    assert "a: (−1/3)·(3/4), c: 1·3" in str(trace)


def test_whole_arrays_are_exact_too() -> None:
    W, v = MatrixSymbol("W", 2, 3), MatrixSymbol("v", 3, 1)
    y = sg.let("y", W * v)
    trace = sg.gradient(sg.let("L", sg.dot(y, y) / 2), [W, v]).trace(
        {W: [[1, 0, -1], [2, 1, 0]], v: [1, 2, Fraction(1, 2)]}
    )
    assert trace.is_exact
    assert list(trace["y"].value) == [Rational(1, 2), 4]
    assert trace["L"].value == Rational(65, 8)
    assert trace["v"].adjoint.tolist() == [Rational(17, 2), 4, Rational(-1, 2)]
    expected = [[Rational(1, 2), 1, Rational(1, 4)], [4, 8, 2]]
    assert trace["W"].adjoint.tolist() == expected


def test_labels_maxima_and_kinks_are_exact() -> None:
    s, c = MatrixSymbol("s", 3, 1), sg.label("c", 3)
    hinge = sg.gradient(sg.let("L", sg.multiclass_hinge(s, c)), [s])
    trace = hinge.trace({s: [3, 1, 2], c: 2}, detail=OPERATIONS)
    assert trace.is_exact
    assert trace["L"].value == 2
    assert trace["s"].adjoint.tolist() == [1, 0, -1]
    top = sg.gradient(sg.let("m", sg.max(s)), [s]).trace({s: [3, 7, 2]})
    assert (top.is_exact, top["m"].value, top["s"].adjoint.tolist()) == (True, 7, [0, 1, 0])


def test_what_leaves_the_fractions_is_computed_in_floats() -> None:
    trace = traced(networks.a5(), dict(w=1, x=2, b=-1, t=1))
    assert not trace.is_exact
    sigma = 1 / (1 + np.exp(-1))
    assert trace["y"].value == pytest.approx(sigma, rel=1e-14)
    slope = (sigma - 1) * sigma * (1 - sigma)  # (y − t)·σ′(z)
    assert trace["z"].adjoint == pytest.approx(slope, rel=1e-13)
    assert trace["w"].adjoint == pytest.approx(2 * slope, rel=1e-13)
    assert not traced(networks.a1(), {w1: 2.0, w2: 3}).is_exact


def test_fan_out_adds_its_messages() -> None:
    at = Rational(3, 2)
    trace = traced(networks.a4(), {"t": at})
    t = float(at)
    x, y = np.cos(t), t**2
    shares = {m.consumer: m.share for m in trace["t"].messages}
    assert shares["x"] == pytest.approx(y * np.exp(x * y) * -np.sin(t), rel=1e-13)
    assert shares["y"] == pytest.approx((1 + x * np.exp(x * y)) * 2 * t, rel=1e-13)
    assert trace["t"].adjoint == pytest.approx(sum(shares.values()), rel=1e-13)


def test_the_unexpanded_chain_rule() -> None:
    trace = traced(networks.a3(), {"t": 2})
    assert {m.consumer: m.share for m in trace["t"].messages} == {"u": 28, "a": 12}  # a = 3·t
    assert trace["t"].adjoint == 9 * 2**2 + 2 * 2


def test_the_messages_of_a_logistic_unit() -> None:
    weights, inputs = symbols("w0:4", real=True), symbols("x1:4", real=True)
    o = sg.let("o", sg.sigmoid(weights[0] + sum(map(sp.Mul, weights[1:], inputs))))
    at = dict(zip([*weights, *inputs], [-3, 2, -3, 0.5, -1, -2, 1], strict=True))
    trace = sg.gradient(o, list(weights)).trace(at)
    out = 1 / (1 + np.exp(-1.5))
    for k, number in enumerate([1, -1, -2, 1]):  # ∂o/∂wᵢ = o(1 − o)xᵢ
        assert trace[weights[k]].adjoint == pytest.approx(out * (1 - out) * number, rel=1e-13)


def test_binary_cross_entropy() -> None:
    network = networks.a7()
    trace = traced(network, dict(w=Rational(1, 2), x=3, y=1))
    p = 1 / (1 + np.exp(-1.5))
    assert trace["ŷ"].adjoint == pytest.approx((p - 1) / (p * (1 - p)), rel=1e-12)
    assert trace["w"].adjoint == pytest.approx((p - 1) * 3, rel=1e-12)


# --------------------------------------------------------------------- independent oracles


@pytest.mark.parametrize("detail", [VALUES, OPERATIONS])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_value_and_adjoint_of_every_network(name: str, detail: str) -> None:
    network = NETWORKS[name]()
    env = point(network.leaves, network.net, 3)
    trace = traced(network, arrays_of(network, 3), detail=detail)
    numbers = converted(env, COMPLEX)
    rows = {row.name: row for row in trace}
    for symbol in network.wrt:
        if symbol.name in network.net.definitions:
            continue
        expected = np.asarray(complex_step(network.loss, symbol.name, network.net, dict(numbers)))
        found = np.asarray(rows[symbol.name].adjoint, float)
        np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-9, atol=1e-11)
    for key, definition in network.net.definitions.items():
        if key in rows and isinstance(definition, sp.Basic):
            expected = np.asarray(value(definition, network.net, numbers)).real
            found = np.asarray(rows[key].value, float)
            np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-10)
    for row in rows.values():
        if row.messages:
            total = sum(np.asarray(m.share, float) for m in row.messages)
            np.testing.assert_allclose(total, np.asarray(row.adjoint, float), rtol=1e-9, atol=1e-12)
        for m in row.messages:
            if m.local is not None:
                assert float(m.share) == pytest.approx(float(m.adjoint) * float(m.local), abs=1e-12)


@pytest.mark.parametrize("seed", [11, 29, 53])
def test_random_networks(seed: int) -> None:
    """29 has one value under two names, 53 a formula that is used with and without one."""
    network = RandomNetwork(seed, steps=6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sg.DomainWarning)
        d = sg.gradient(network.loss, network.wrt)
    at = {leaf.symbol: v for leaf, v in zip(network.leaves, network.passed(), strict=True)}
    for detail in (VALUES, OPERATIONS):
        trace = d.trace(at, detail=detail)
        for symbol, expected in zip(network.wrt, network.gradients(network.arguments), strict=True):
            found = np.asarray(trace[symbol].adjoint, float).reshape(np.shape(expected))
            scale = max(1.0, float(np.abs(expected).max(initial=0)))
            np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9 * scale)


def test_a_probability_that_is_0_in_floating_point_is_said() -> None:
    network = networks.classifier("label")
    env = arrays_of(network, 0)
    env["W2"] = 1000 * np.asarray(env["W2"])
    with pytest.raises(sg.DataError, match="∂L/∂p is infinite; choose another point"):
        traced(network, env)


def test_an_empirical_risk_takes_its_data_by_either_name() -> None:
    v, t, w = MatrixSymbol("v", 2, 1), symbols("t", real=True), MatrixSymbol("w", 2, 1)
    risk = sg.empirical_risk(sg.squared_error(sg.dot(w, v), t), data=[v, t])
    d = sg.gradient(risk, [w])
    V, T = np.array([[1.0, 2.0], [3.0, -1.0], [0.0, 1.0]]), np.array([1.0, 0.0, 2.0])
    trace = d.trace({v: V, t: T, w: [1, 1]})
    expected = (V @ np.ones(2) - T) @ V / 3
    np.testing.assert_allclose(np.asarray(trace["w"].adjoint, float), expected)


# --------------------------------------------------------------------------------- errors

N = symbols("N", integer=True, positive=True)
V, M = MatrixSymbol("v", N, 1), MatrixSymbol("M", N, N)
FORM = sg.let("q", sg.dot(V, M * V))

BAD_POINTS: dict[str, tuple[Any, str]] = {
    "missing": ({V: [1, 2]}, r"no value was given for M \(N×N\); add it"),
    "unknown": ({V: [1], M: [[1]], "k": 3}, "given for k, which does not occur; the leaves are"),
    "computed": ({V: [1], M: [[1]], "q": 3}, "q is computed from other values"),
    "shape": ({V: [1, 2], M: [[1, 2, 3]]}, r"M has shape \(1, 3\); expected \(N, N\)"),
    "dimensions": ({V: [1, 2], M: [[1]]}, r"M has shape \(1, 1\).*N = 2 from v"),
    "text": ({V: ["1", 2], M: [[1]]}, "v has the entry '1' of type str"),
    "ragged": ({V: [[1], [1, 2]], M: [[1]]}, "v"),
    "NaN": ({V: [float("nan")], M: [[1]]}, "the value of v is not finite"),
    "complex": ({V: [1j], M: [[1]]}, "1j of type complex"),
    "no mapping": ([1, 2], "expected a dict"),
}


@pytest.mark.parametrize("name", BAD_POINTS)
def test_a_point_that_does_not_fit_is_refused_in_a_sentence(name: str) -> None:
    at, message = BAD_POINTS[name]
    with pytest.raises(sg.DataError, match=message):
        sg.gradient(FORM, [V]).trace(at)


SINGULAR: dict[str, tuple[Any, Any, str]] = {
    "infinite value": (log(x), 0, r"at x = 0, L is infinite \(L = log\(x\)\)"),
    "no number": (sqrt(x), -1, r"at x = −1, L is not a number"),
    "infinite slope": (sqrt(x), 0, "at x = 0, ∂L/∂x is infinite; choose another"),
    "exact division by zero": (1 / (x - 2), 2, "at x = 2, L is infinite"),
    "overflow": (exp(x), 10**4, "at x = 10000, L is infinite"),
}


@pytest.mark.parametrize("name", SINGULAR)
def test_a_point_outside_the_domain_is_refused(name: str) -> None:
    body, at, message = SINGULAR[name]
    d = sg.gradient(sg.let("L", body), [x])
    with pytest.raises(sg.DataError, match=message):
        d.trace({x: at}, detail=VALUES)


def test_only_a_gradient_has_a_trace() -> None:
    with pytest.raises(sg.DerivativeError, match=r"a derivation of a hessian; trace sg\.gradient"):
        sg.hessian(networks.a1().loss, [w1]).trace({w1: 2, w2: 3})


def test_a_row_that_does_not_exist() -> None:
    with pytest.raises(sg.DerivativeError, match="no value k; it has w1, w2, a, b, c, g"):
        traced(networks.a1(), {w1: 2, w2: 3})["k"]


def test_by_a_constant_under_a_name() -> None:
    """It is no node of the picture; what does depend on the point is shown all the same."""
    t = sp.Symbol("t", real=True)
    n = sg.let("n", sp.Integer(2))
    d = sg.gradient(sg.let("L", t * n), [t, n])
    assert d.trace(at={t: 3})["t"].adjoint == 2
    assert "∂L/∂t" in d.picture().svg()
