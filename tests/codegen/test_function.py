"""``sg.function``: conventions for arrays, dimensions bound late, and one sentence for a misfit."""

from __future__ import annotations

import re
import subprocess
import sys
import traceback

import numpy as np
import pytest
import sympy as sp
from networks import classifier
from sympy import (
    Identity,
    IndexedBase,
    MatrixSymbol,
    OneMatrix,
    Symbol,
    Trace,
    hadamard_product,
    symbols,
)

import symgrad as sg

D, H, C, n, k = symbols("D H C n k", integer=True, positive=True)
x, b = MatrixSymbol("x", D, 1), MatrixSymbol("b", H, 1)
W = MatrixSymbol("W", H, D)
row = MatrixSymbol("r", 1, D)
s = Symbol("s", real=True)
rng = np.random.default_rng(0)


def array(*shape: int) -> np.ndarray:
    return rng.normal(size=shape)


def test_conventions() -> None:
    a, X, r = array(2), array(2, 3), array(1, 3)
    f = sg.function([x, b, W, row, s], [W * x + b, s * W, row, s * row * x, b.T])
    v, m, r2, scalar, bt = f(array(3), a, X, r, 2)
    assert (v.shape, m.shape, r2.shape, bt.shape) == ((2,), (2, 3), (1, 3), (1, 2))
    assert np.ndim(scalar) == 0 and isinstance(scalar, np.float64)
    np.testing.assert_array_equal(r2, r)
    assert not np.shares_memory(r2, r)


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("h", [1, 2])
def test_dimensions_are_bound_at_the_call(d: int, h: int) -> None:
    f = sg.function([x, b, W], W * x + b)
    a, c, m = array(d), array(h), array(h, d)
    np.testing.assert_allclose(f(a, c, m), m @ a + c)


def test_one_by_one_is_a_scalar() -> None:
    one = MatrixSymbol("q", 1, 1)
    f = sg.function([one, x], [one * x.T, one])
    for q in (2.0, np.array([2.0]), np.array([[2.0]])):
        rows, value = f(q, np.ones(3))
        np.testing.assert_array_equal(rows, [[2, 2, 2]])
        assert value == 2 and np.ndim(value) == 0


def test_dimensions_as_values() -> None:
    f = sg.function([x], [sg.sum(x) / D, Trace(Identity(D)), Identity(D), OneMatrix(D, 2)])
    mean, trace, eye, ones = f([1.0, 2.0, 6.0])
    assert (mean, trace) == (3, 3)
    np.testing.assert_array_equal(eye, np.eye(3))
    np.testing.assert_array_equal(ones, np.ones((3, 2)))


def test_dimension_inside_an_expression() -> None:
    a, c = MatrixSymbol("a", 2 * n + 1, 1), MatrixSymbol("c", n, 1)
    assert sg.function([a], sg.sum(a) * n)(np.ones(7)) == 21
    assert sg.function([a, c], sg.sum(a) + sg.sum(c))(np.ones(7), np.ones(3)) == 10
    with pytest.raises(sg.DataError, match="a has shape"):
        sg.function([a], sg.sum(a) * n)(np.ones(6))


def test_integer_input() -> None:
    f = sg.function([k, x], k * sg.sum(x))
    assert f(3, np.ones(2)) == 6
    g = sg.function([D, x], sg.sum(x) / D)
    assert g(2, np.ones(2)) == 1
    with pytest.raises(sg.DataError, match="x has shape"):
        g(3, np.ones(2))
    with pytest.raises(sg.DataError, match="k has type float64; expected integers"):
        f(3.5, np.ones(2))


def test_single_precision() -> None:
    network = classifier("label")
    X = [array(4).astype("f4"), 1, array(3, 4), array(3), array(2, 3), array(2)]
    outputs = [network.loss, sg.gradient(network.loss, network.wrt)]
    for result in sg.function(network.leaves, outputs, dtype="float32")(*X):
        assert result.dtype == np.float32
    assert "float64" not in sg.function(network.leaves, outputs, dtype="float32").source


def test_batch_equals_the_mean_over_examples() -> None:
    for target in ("simplex", "label"):
        network = classifier(target)
        d = sg.gradient(network.loss, network.wrt)
        risk = sg.empirical_risk(network.loss, data=network.leaves[:2])
        batched = sg.function(network.leaves, [risk, sg.gradient(risk, network.wrt)])
        single = sg.function(network.leaves, [network.loss, d])
        X, params = array(5, 4), [array(3, 4), array(3), array(2, 3), array(2)]
        Y = rng.dirichlet(np.ones(2), size=5) if target == "simplex" else np.array([0, 1, 1, 0, 1])
        rows = [single(a, c, *params) for a, c in zip(X, Y, strict=True)]
        for found, each in zip(batched(X, Y, *params), zip(*rows, strict=True), strict=True):
            np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-12, atol=1e-15)


def test_results_alias_nothing() -> None:
    a = array(3)
    f = sg.function([x], [x, x, hadamard_product(x, x), hadamard_product(x, x)])
    results = f(a)
    for i, first in enumerate(results):
        assert not np.shares_memory(first, a)
        assert not any(np.shares_memory(first, other) for other in results[:i])


def test_nan_passes() -> None:
    assert np.isnan(sg.function([x], sg.sum(sg.tanh(x)))([np.nan, 1.0]))


def test_traceback_shows_the_source() -> None:
    f = sg.function([x, b], x * b.T)
    f._run.__globals__["np"] = None
    with pytest.raises(AttributeError) as caught:
        f._run(np.ones(2), np.ones(2))
    assert "np.outer" in "".join(traceback.format_tb(caught.tb))


def test_names_of_the_user_are_never_code() -> None:
    evil = Symbol("__import__('os').system('false')", real=True)
    clash = Symbol("np", real=True)
    f = sg.function([evil, clash], sg.let("function", sg.exp(evil) * clash))
    assert f(0.0, 3.0) == 3
    assert "__import__" not in f.source and "system" not in f.source


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ((np.ones(3), np.ones(2)), r"takes 3 arguments \(x, b, W\); 2 were given"),
        (
            (np.ones(3), np.ones(2), np.ones((2, 4))),
            r"W has shape \(2, 4\); expected \(H, D\), with D = 3 from x and H = 2 from b",
        ),
        ((np.ones((3, 1)), np.ones(2), np.ones((2, 3))), r"x has shape \(3, 1\); expected \(D,\)"),
        ((np.ones(3), 1.0, np.ones((2, 3))), r"b has shape \(\); expected \(H,\)"),
        ((np.ones(3), ["a", "b"], np.ones((2, 3))), r"b has type <U1; expected real numbers"),
        ((np.ones(3), np.ones(2) * 1j, np.ones((2, 3))), r"b has type complex128"),
        ((np.ones(3), [1.0, None], np.ones((2, 3))), r"b has type object"),
        ((np.ones(3), [[1.0], [1, 2]], np.ones((2, 3))), r"b is not an array"),
        ((np.ones(0), np.ones(2), np.ones((2, 0))), r"x of shape \(0,\) makes D = 0"),
    ],
)
def test_misfit_is_one_sentence(arrays: tuple, sentence: str) -> None:
    with pytest.raises(sg.DataError, match=sentence):
        sg.function([x, b, W], W * x + b)(*arrays)


def test_labels() -> None:
    c = sg.label("c", C)
    z = MatrixSymbol("z", C, 1)
    f = sg.function([z, c], sg.cross_entropy(sg.softmax(z), c))
    assert f(np.zeros(4), 3) == pytest.approx(np.log(4))
    for label in (4, -1):
        with pytest.raises(sg.DataError, match=rf"c has the label {label}; .* from 0 to 3"):
            f(np.zeros(4), label)
    with pytest.raises(sg.DataError, match="c has type float64; expected integers"):
        f(np.zeros(4), 1.0)


def test_declarations_that_do_not_fit() -> None:
    with pytest.raises(sg.DeclarationError, match="depend on b, which the inputs do not list"):
        sg.function([x, W], W * x + b)
    with pytest.raises(sg.DeclarationError, match="listed twice"):
        sg.function([x, x], x)
    with pytest.raises(sg.DeclarationError, match="x stands for two different things"):
        sg.function([x], [sg.sum(x), sg.sum(MatrixSymbol("x", 3, 1))])
    with pytest.raises(sg.DeclarationError, match="x is declared with shape 7×1"):
        sg.function([MatrixSymbol("x", 7, 1)], x)
    with pytest.raises(sg.DeclarationError, match="use the integer k"):
        sg.function([x], k * x)
    with pytest.raises(sg.DeclarationError, match="list declared symbols"):
        sg.function([sg.tanh(x)], x)
    with pytest.raises(sg.DeclarationError, match="no outputs"):
        sg.function([x], [])
    with pytest.raises(sg.UnsupportedError, match=r"'numpi'.*Did you mean 'numpy'"):
        sg.function([x], x, target="numpi")
    with pytest.raises(sg.UnsupportedError, match="float16"):
        sg.function([x], x, dtype="float16")


def test_imports_are_lazy() -> None:
    """Declaring imports no NumPy, and a NumPy function no Numba."""
    program = (
        "import sys, symgrad as sg; from sympy import MatrixSymbol; x = MatrixSymbol('x', 3, 1);"
        "assert 'numpy' not in sys.modules; f = sg.function([x], sg.tanh(x)); f([1, 2, 3]);"
        "assert 'numba' not in sys.modules and 'scipy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# --------------------------------------------------------------------- arrays, windows, matrices

O, U, T = symbols("O U T", integer=True, positive=True)
X, K = MatrixSymbol("X", C, T), IndexedBase("K", shape=(O, C, U))


def body(f: object) -> str:
    """The generated function, without the helpers copied before it."""
    source = f.source
    return source[source.index("def function") :]


@pytest.mark.parametrize("target", ["numpy", "numba"])
def test_convolution(target: str, golden) -> None:
    """One view of the signal serves the forward pass and the gradient of the kernel."""
    z = sg.let("z", sg.conv1d(X, K, stride=2, padding=1))
    loss = sg.let("L", sg.sum(sg.let("h", sg.relu(z))))
    f = sg.function([X, K], [loss, sg.gradient(loss, [X, K])], target=target)
    value, grad_x, grad_k = f(array(3, 9), array(4, 3, 3))
    assert (np.ndim(value), grad_x.shape, grad_k.shape) == (0, (3, 9), (4, 3, 3))
    golden(body(f), suffix=".py.txt")


@pytest.mark.parametrize("target", ["numpy", "numba"])
def test_masked_softmax(target: str, golden) -> None:
    """A causal mask is a comparison, and no array of ones and zeros of the user's."""
    q, k, v = (MatrixSymbol(name, T, D) for name in "qkv")
    f = sg.function([q, k, v], sg.let("a", sg.attention(q, k, v, causal=True)), target=target)
    first, second = array(5, 2), array(5, 2)
    found = f(first, second, array(5, 2))
    assert found.shape == (5, 2)
    golden(body(f), suffix=".py.txt")


@pytest.mark.parametrize("target", ["numpy", "numba"])
def test_inverse(target: str, golden) -> None:
    A, v = MatrixSymbol("A", D, D), MatrixSymbol("v", D, 1)
    f = sg.function([A, v], [A.I * v, sg.gradient(sg.dot(v, A.I * v), [A])], target=target)
    a, u = array(3, 3) + 5 * np.eye(3), array(3)
    solved, slope = f(a, u)
    np.testing.assert_allclose(solved, np.linalg.solve(a, u))
    np.testing.assert_allclose(slope, -np.outer(np.linalg.solve(a.T, u), solved))
    golden(body(f), suffix=".py.txt")


@pytest.mark.parametrize("target", ["numpy", "numba"])
def test_singular_matrices_are_named(target: str) -> None:
    A = MatrixSymbol("A", D, D)
    S = sg.let("S", A * A.T)
    inverse, logarithm = (
        sg.function([A], out, target=target) for out in (S.I, sg.logdet(sg.let("M", A + A.T)))
    )
    for singular in (np.ones((2, 2)), np.arange(9.0).reshape(3, 3)):
        with pytest.raises(sg.DataError, match="the matrix S is singular: it has no inverse; give"):
            inverse(singular)
    with pytest.raises(sg.DataError, match="the matrix M is singular: its log-determinant is not"):
        logarithm(np.ones((2, 2)))
    assert np.isnan(inverse(np.full((2, 2), np.nan))).all()
    assert np.isnan(logarithm(np.full((2, 2), np.nan)))


def test_arrays_of_more_than_two_axes() -> None:
    """Their shapes are checked as declared, with the axes of one entry that values do not have."""
    A = IndexedBase("A", shape=(C, 1, T, 2 * U + 1))
    named = sg.let("B", A[0, 0, 0, 0] + sg.sum(X))
    f = sg.function([A, X], [A, named])
    given = array(3, 1, 4, 5)
    copied, total = f(given, x_ := array(3, 4))
    np.testing.assert_array_equal(copied, given)
    assert not np.shares_memory(copied, given)
    assert total == pytest.approx(given[0, 0, 0, 0] + x_.sum())
    with pytest.raises(sg.DataError, match=r"A has shape \(3, 4, 5\); expected \(C, 1, T, 2\*U"):
        f(given[:, 0], x_)
    with pytest.raises(sg.DataError, match=r"X has shape \(3, 5\); expected \(C, T\), with C = 3"):
        f(given, array(3, 5))


def test_the_shape_of_a_convolution_is_computed_in_whole_numbers() -> None:
    source = sg.function([X, K], sg.conv1d(X, K, stride=3, padding=2)).source
    assert re.search(r"size = \(T \+ \d - U\) // 3 \+ \d\n", source)
    assert "np.floor" not in source


@pytest.mark.parametrize("target", ["numpy", "numba"])
@pytest.mark.parametrize("length", [1, 2])
def test_a_signal_shorter_than_the_window(target: str, length: int) -> None:
    T = sp.Symbol("T", integer=True, positive=True)
    x, K = sp.MatrixSymbol("x", 1, T), sp.IndexedBase("K", shape=(2, 1, 3))
    f = sg.function([x, K], sg.conv1d(x, K), target=target)
    assert f(np.ones((1, 3)), np.ones((2, 1, 3))).shape == (2, 1)
    with pytest.raises(sg.DataError, match=f"T - 2 entries .* with T = {length}; .* larger arrays"):
        f(np.ones((1, length)), np.ones((2, 1, 3)))
