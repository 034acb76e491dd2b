"""The NumPy target on declarations: spellings, extremes, layout, speed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import sympy as sp
from codegen_graphs import emitted
from networks import classifier
from sympy import IndexedBase, MatrixSymbol, Sum, Symbol, hadamard_product, symbols

import symgrad as sg
from symgrad import activations, vocabulary
from symgrad import graph as g
from symgrad.codegen.counts import operations
from symgrad.codegen.targets.numpy_operations import FUNCTIONS

n = symbols("n", integer=True, positive=True)
v, t = MatrixSymbol("v", n, 1), Symbol("t", real=True)
POINTS = np.array([-2.0, -0.75, 0.0, 0.5, 3.0])
SECOND = 0.7
"""The second argument of functions of two."""


def exact(body: sp.Expr, arguments: Sequence[float]) -> float | None:
    """The value at 30 digits; None where it is not real and finite."""
    bound = {g.slot(k): sp.Float(a, 30) for k, a in enumerate(arguments)}
    value = sp.N(vocabulary.plain(body).subs(bound), 30)
    return float(value) if value.is_Number and value.is_finite else None


@pytest.mark.parametrize("activation", activations.ELEMENTWISE, ids=lambda f: f.__name__)
def test_every_activation(activation) -> None:
    values = [exact(activation(g.slot(0)), [x]) for x in POINTS]
    points = [x for x, y in zip(POINTS, values, strict=True) if y is not None]
    assert len(points) >= 1
    found = sg.function([v], activation(v))(np.array(points))
    np.testing.assert_allclose(found, [y for y in values if y is not None], rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: getattr(f, "__name__", str(f)))
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_every_spelling(function) -> None:
    """Every row, also those that no declaration lifts to, such as floor: as the body of a map."""
    count = max(getattr(function, "nargs", None) or [1]) if function is not sp.sqrt else 1
    body = function(*map(g.slot, range(count)))
    leaves = [(g.leaf(name, (), Symbol(name, real=True)), ()) for name in "xy"[:count]]
    source = emitted([g.apply(body, leaves, ())])
    namespace: dict = {}
    exec(source, namespace)
    checked = 0
    for value in POINTS:
        arguments = (value, np.float64(SECOND))[:count]
        expected = exact(body, arguments)
        if expected is not None:
            found = namespace["function"](*arguments, 1, 1, 1)
            np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-300, err_msg=source)
            checked += 1
    assert checked


def test_powers_and_constants() -> None:
    s = Symbol("s", positive=True)
    body = s**5 / 3 - sp.pi * s ** sp.Rational(3, 2) + 2 / s**2 - 1 / sp.sqrt(s) + sp.E**s + 2**s
    assert sg.function([s], body)(1.7) == pytest.approx(float(body.subs(s, 1.7)), rel=1e-13)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("scale", [1e3, 80.0])
def test_extremes_are_finite_and_silent(dtype: str, scale: float) -> None:
    """No warning either: the test suite makes every warning an error."""
    z = scale * np.array([1.0, -1.0, 0.5, 0.0])
    names = ("tanh", "sigmoid", "softplus", "relu", "abs")
    values = [getattr(sg, name)(v) for name in names]
    values += [
        sg.softmax(v),
        sg.logsumexp(v),
        sg.log(sg.softmax(v)),
        sg.cross_entropy(sg.softmax(v), v),
    ]
    for name, value in zip((*names, *["score"] * 4), values, strict=True):
        assert np.isfinite(sg.function([v], value, dtype=dtype)(z)).all(), name
        d = sg.gradient(sg.sum(value) if value.is_Matrix else value, [v])
        assert all(np.isfinite(x).all() for x in sg.function([v], d, dtype=dtype)(z)), name


def test_sigmoid_is_accurate_in_its_tail() -> None:
    found = sg.function([v], sg.sigmoid(v))(np.array([-40.0, -700.0, 40.0]))
    np.testing.assert_allclose(found, [np.exp(-40), np.exp(-700), 1], rtol=1e-14)


def test_softmax_of_ties_at_extremes() -> None:
    p, lse = sg.function([v], [sg.softmax(v), sg.logsumexp(v)])(np.array([1000.0, 1000.0, -1000]))
    np.testing.assert_allclose(p, [0.5, 0.5, 0])
    assert lse == 1000 + np.log(2)


def test_unknown_function_is_named() -> None:
    with pytest.raises(sg.UnsupportedError, match="zeta"):
        sg.function([t], sp.zeta(t))


def test_digits_network(golden) -> None:
    network = classifier("simplex")
    x, y = network.leaves[:2]
    risk = sg.empirical_risk(network.loss, data=[x, y])
    d = sg.gradient(risk, network.wrt)
    golden(sg.function(network.leaves, [risk, d]).source, suffix=".py")


def test_forward_pass(golden) -> None:
    network = classifier("label")
    golden(sg.function(network.leaves, network.loss).source, suffix=".py")


def test_long_names_and_wide_sums_stay_in_the_line(tmp_path) -> None:
    many = [MatrixSymbol(f"a_rather_long_parameter_name_{k}", n, 1) for k in range(40)]
    total = many[0]
    for a in many[1:]:
        total = total + hadamard_product(a, v)
    product = hadamard_product(*many[:20])
    poly = sum((sp.sin(k * t) / (k + 2) for k in range(1, 30)), t)
    outputs = [sg.let("a_name_that_is_far_too_long_for_anyone", total), product]
    outputs.append(v.applyfunc(sp.Lambda(t, poly)))
    f = sg.function([v, *many], outputs)
    (tmp_path / "wide.py").write_text(f.source)
    for command in (["check", "--select", "E,F,I,UP,B,SIM"], ["format", "--diff"]):
        run = [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length", "100"]
        result = subprocess.run([*run, str(tmp_path)], capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
    arrays = np.random.default_rng(0).normal(size=(41, 3))
    total, product, polynomial = f(*arrays)
    np.testing.assert_allclose(total, arrays[1] + (arrays[2:] * arrays[0]).sum(axis=0))
    np.testing.assert_allclose(product, arrays[1:21].prod(axis=0))
    np.testing.assert_allclose(
        polynomial, arrays[0] + sum(np.sin(k * arrays[0]) / (k + 2) for k in range(1, 30))
    )


def residual(depth: int):
    x = h = MatrixSymbol("x", n, 1)
    parameters = []
    for k in range(depth):
        W, b = MatrixSymbol(f"W{k}", n, n), MatrixSymbol(f"b{k}", n, 1)
        parameters += [W, b]
        h = sg.let(f"h{k}", h + sg.tanh(W * h + b))
    return [x, *parameters], sg.let("L", sg.sum(h)), parameters


def test_depth_costs_in_proportion() -> None:
    """Calls for calls, and at most four operations in the gradient for each in the loss."""
    calls = {}
    for depth in (20, 40, 80):
        inputs, loss, parameters = residual(depth)
        d = sg.gradient(loss, parameters)
        f, calls[depth] = counting_calls(lambda x=inputs, d=d: sg.function(x, d))
        forward = sg.function(inputs, loss)
        ratio = operations(f.program, {n: 8}) / operations(forward.program, {n: 8})
        assert ratio <= 4
    assert calls[80] - calls[40] < 2.4 * (calls[40] - calls[20]), calls


def counting_calls(work: Callable[[], Any]) -> tuple[Any, int]:
    """What ``work`` gives, and how many functions were called: the same on every machine."""
    count = 0

    def called(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        result = work()
    finally:
        sys.setprofile(before)
    return result, count


def test_ten_thousand_unnamed_nodes() -> None:
    node = v
    for _ in range(10_000):
        node = sg.tanh(node)
    f = sg.function([v], node)
    assert f(np.array([0.5])).shape == (1,)
    assert max(map(len, f.source.splitlines())) <= 100


@pytest.mark.parametrize("size", [2, 3, 4, 5])
@pytest.mark.parametrize("length", [12, 11])
def test_pooling_of_ties(size: int, length: int) -> None:
    """Windows that fill the axis and ones that do not; the first of several maxima counts."""
    count = length // size
    x = IndexedBase("x", shape=(2, length, length))
    weights = IndexedBase("w", shape=(2, count, count))
    c, i, j = symbols("c i j", integer=True)
    pooled = sg.let("h", sg.max_pool2d(x, size))
    places = ((c, 0, 1), (i, 0, count - 1), (j, 0, count - 1))
    loss = Sum(weights[c, i, j] * pooled[c, i, j], *places)
    function = sg.function([x, weights], [loss, sg.gradient(loss, x)])
    random = np.random.default_rng(size)
    x_, w = random.integers(0, 3, (2, length, length)), random.normal(size=(2, count, count))
    expected = np.zeros(x_.shape)
    for a, s, t in np.ndindex(*w.shape):
        part = x_[a, s * size : (s + 1) * size, t * size : (t + 1) * size]
        k, m = np.unravel_index(part.argmax(), part.shape)
        expected[a, s * size + k, t * size + m] += w[a, s, t]
    value, slope = function(x_.astype(float), w)
    np.testing.assert_allclose(slope, expected)
    np.testing.assert_allclose(value, np.sum(expected * x_))


def test_short_rows_are_reduced_as_columns() -> None:
    """NumPy's own max and sum of an array with three axes take two to ten times as long."""
    x, W = MatrixSymbol("x", 5, 6), MatrixSymbol("W", 6, 6)
    loss = sg.sum(sg.attention(x * W, x, x))
    text = sg.training_module(loss, [W], [x], target="numpy").source
    assert ".transpose(2, 0, 1)).max(axis=0)" in text
    assert 'np.einsum("ijk->ij"' in text
