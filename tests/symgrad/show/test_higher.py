"""Second derivatives and Jacobians: closed forms of the lectures, and independent oracles."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
import sympy as sp
from autograd import hessian as autograd_hessian
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import NETWORKS, C, D, H, classifier
from oracle import Net, point, second_difference, value
from random_graphs import SIZES, Declaration
from second_order import check_hessian, check_jacobian, numbers
from sympy import MatrixSymbol, Symbol, symbols

import symgrad as sg
from symgrad import graph as g
from symgrad.errors import DerivativeError, ShapeError

M, N = symbols("M N", integer=True, positive=True)
A, W = MatrixSymbol("A", M, N), MatrixSymbol("W", M, N)
x, z, v = (MatrixSymbol(name, N, 1) for name in "xzv")
b = MatrixSymbol("b", M, 1)
Q, X, V = (MatrixSymbol(name, N, N) for name in "QXV")
s, t = Symbol("s", real=True), Symbol("t", real=True)
DIMS = {M: 2, N: 3, D: 3}


def logistic() -> tuple[Net, Any, list[Any]]:
    """The empirical risk of logistic regression, with its score and prediction named."""
    net = Net(dims={D: 3, symbols("N", integer=True, positive=True): 4})
    w, one, y = MatrixSymbol("w", D, 1), MatrixSymbol("x", D, 1), Symbol("y", real=True)
    score = net.let("z", sg.dot(w, one))
    prediction = net.let("s", sg.sigmoid(score))
    loss = -y * sp.log(prediction) - (1 - y) * sp.log(1 - prediction)
    return net, sg.empirical_risk(loss, [one, y]), [w, score]


PROBABILITIES = sg.let("p", sg.softmax(z))
UNIT = sg.let("h", sg.tanh(W * x + b))

# ---------------------------------------------------------------------------- closed forms

FORMS: dict[str, tuple[Callable[[], sg.Derivation], Any, str, str]] = {
    "least squares": (
        lambda: sg.hessian(sg.squared_error(A * x, b), x), x, "Aᵀ·A", "Aᵀ·A"
    ),
    "quadratic form": (lambda: sg.hessian(sg.dot(x, Q * x), x), x, "Qᵀ + Q", "Qᵀ + Q"),
    "log-sum-exp": (
        lambda: sg.hessian(sg.logsumexp(z), z), z,
        "diag(softmax(z)) − softmax(z)·softmax(z)ᵀ", "diag(softmax(z)) − softmax(z)·softmax(z)ᵀ",
    ),
    "softmax": (
        lambda: sg.jacobian(PROBABILITIES, z), z,
        "diag(p) − p·pᵀ", "diag(softmax(z)) − softmax(z)·softmax(z)ᵀ",
    ),
    "softmax and cross-entropy": (
        lambda: sg.hessian(sg.cross_entropy(PROBABILITIES, sg.simplex("y", N)), z), z,
        "diag(p) − p·pᵀ", "diag(softmax(z)) − softmax(z)·softmax(z)ᵀ",
    ),
    "linear map": (lambda: sg.jacobian(W * x, x), x, "W", "W"),
    "unit": (
        lambda: sg.jacobian(UNIT, x), x,
        "diag(1 − h ⊙ h)·W", "diag(1 − tanh(W·x + b) ⊙ tanh(W·x + b))·W",
    ),
    "unit, along v": (
        lambda: sg.jvp(UNIT, x, v), UNIT,
        "(W·v) ⊙ (1 − h ⊙ h)", "(W·v) ⊙ (1 − tanh(W·x + b) ⊙ tanh(W·x + b))",
    ),
    "a scalar by a vector": (lambda: sg.jacobian(sg.dot(z, x), x), x, "zᵀ", "zᵀ"),
    "a vector by a scalar": (lambda: sg.jacobian(s**2 * x, s), s, "2·s·x", "2·s·x"),
    "two scalars": (
        lambda: sg.hessian(s**2 * sp.sin(t), [s, t]), (s, t), "2·s·cos(t)", "2·s·cos(t)"
    ),
    "a scalar and a vector": (
        lambda: sg.hessian(s * sg.dot(x, x), [x, s]), (s, x), "2·xᵀ", "2·xᵀ"
    ),
    "a vector and a scalar": (
        lambda: sg.hessian(s * sg.dot(x, x), [x, s]), (x, s), "2·x", "2·x"
    ),
    "outer product": (
        lambda: sg.jacobian(W * x, W), W, "x[i]·1[j = k]", "x[i]·1[j = k]"
    ),
    "log-determinant": (
        lambda: sg.hessian(sg.logdet(X), X), X,
        "−X⁻¹[j, k]·X⁻¹[l, i]", "−X⁻¹[j, k]·X⁻¹[l, i]",
    ),
    "log-determinant, along V": (
        lambda: sg.hvp(sg.logdet(X), X, V), X, "−X⁻ᵀ·Vᵀ·X⁻ᵀ", "−X⁻ᵀ·Vᵀ·X⁻ᵀ"
    ),
    "trace of inverse, along V": (
        lambda: sg.hvp(sp.Trace(X.I * Q), X, V), X,
        "X⁻ᵀ·Qᵀ·X⁻ᵀ·Vᵀ·X⁻ᵀ + X⁻ᵀ·Vᵀ·X⁻ᵀ·Qᵀ·X⁻ᵀ", "X⁻ᵀ·Qᵀ·X⁻ᵀ·Vᵀ·X⁻ᵀ + X⁻ᵀ·Vᵀ·X⁻ᵀ·Qᵀ·X⁻ᵀ",
    ),
    "inverse, along V": (
        lambda: sg.jvp(sg.inverse(X), X, V), sg.inverse(X), "−f·V·f", "−X⁻¹·V·X⁻¹"
    ),
    "solution": (lambda: sg.jacobian(sg.solve(X, x), x), x, "X⁻¹", "X⁻¹"),
}  # fmt: skip
"""What is derived, the key, the form in names, the form in leaves."""


@pytest.mark.parametrize("name", FORMS)
def test_closed_forms(name: str) -> None:
    derive, key, in_names, in_leaves = FORMS[name]
    d = derive()
    assert sg.formula(d[key]) == in_names
    assert sg.formula(d.closed_form(key)) == in_leaves


def test_logistic_regression() -> None:
    """Xᵀ·diag(s ⊙ (1 − s))·X/N, from the loss with its logarithms as the lecture writes it."""
    _, risk, (w, _) = logistic()
    d = sg.hessian(risk, w)
    assert sg.formula(d[w]) == "Xᵀ·diag(s ⊙ (1 − s))·X/N"


def test_gauss_newton_is_the_hessian_where_the_output_is_linear() -> None:
    net, risk, (w, score) = logistic()
    n = symbols("N", integer=True, positive=True)
    env = point([w, MatrixSymbol("X", n, D), MatrixSymbol("Y", n, 1)], net, 3)
    at = Net(dims=net.dims)
    (second,) = numbers(sg.hessian(risk, w), at, env)
    (matrix,) = numbers(sg.gauss_newton(risk, score, w), at, env)
    np.testing.assert_allclose(matrix, second, rtol=1e-10)
    direction = MatrixSymbol("v", D, 1)
    env |= point([direction], net, 4)
    (product,) = numbers(sg.gauss_newton(risk, score, w, direction), at, env)
    np.testing.assert_allclose(product, matrix @ env["v"][:, 0], rtol=1e-10)


# ------------------------------------------------------------------------ against the oracles

SEEDS = st.integers(0, 2**31)


def check_random(seed: int, size: int) -> None:
    """Second derivatives of a random loss, and Jacobians of the values that it is made of."""
    made = Declaration(random.Random(seed).choice, size)
    made.net.dims = SIZES[seed % len(SIZES)]
    check_hessian(made.loss, made.wrt[:2], made.net, made.leaves, seed % 1000)
    for pool in (made.A, made.x, made.u, made.r, made.scalars):
        below = {leaf.name for leaf in g.leaves([sg.let("all", pool[-1]).node])}
        wrt = [leaf for leaf in made.leaves if leaf.name in below][:2]
        check_jacobian(pool[-1], wrt, made.net, made.leaves, seed % 1000)


@settings(derandomize=True, max_examples=6, deadline=None)
@given(SEEDS)
def test_random_compositions(seed: int) -> None:
    check_random(seed, 4)


@pytest.mark.slow
@settings(derandomize=True, max_examples=300, deadline=None)
@given(SEEDS, st.integers(1, 8))
def test_random_compositions_at_length(seed: int, size: int) -> None:
    check_random(seed, size)


@pytest.mark.parametrize(
    ("name", "some"),
    [
        ("classifier", [1, 3]),
        ("classifier, label", [3]),
        ("regression", [1]),
        ("residual", [1]),
        ("rational", [0, 1]),
        ("A4", [0]),
        ("A5", [0, 1]),
        ("A7", [1]),
    ],
)
def test_networks(name: str, some: list[int]) -> None:
    network = NETWORKS[name]()
    wrt = [network.wrt[k] for k in some]
    check_hessian(network.loss, wrt, network.net, network.leaves, seed=3)


def two_layers(q: dict[str, Any]) -> Any:
    h = anp.tanh(anp.dot(q["W1"], q["x"]) + q["b1"])
    scores = anp.dot(q["W2"], h) + q["b2"]
    return anp.log(anp.sum(anp.exp(scores))) * anp.sum(q["y"]) - anp.sum(q["y"] * scores)


def test_two_layers_against_autograd() -> None:
    """Every block of the Hessian of a network, up to four axes, as sg.function computes it."""
    network = classifier()
    env = point(network.leaves, network.net, seed=11, low=-1.0, high=1.0)
    env["y"] = np.abs(env["y"]) / np.abs(env["y"]).sum()
    d = sg.hessian(network.loss, network.wrt)
    f = sg.function(network.leaves, d)
    blocks = f(*(env[leaf.name].squeeze() for leaf in network.leaves))
    shapes = {w.name: np.squeeze(env[w.name]).shape for w in network.wrt}
    flat = np.concatenate([env[w.name].reshape(-1) for w in network.wrt])
    ends = np.cumsum([env[w.name].size for w in network.wrt])[:-1]

    def loss(theta: Any) -> Any:
        parts = [theta[a:z] for a, z in zip([0, *ends], [*ends, None], strict=True)]
        given = {
            w.name: p.reshape(env[w.name].shape) for w, p in zip(network.wrt, parts, strict=True)
        }
        return two_layers({**env, **given})

    expected = autograd_hessian(loss)(flat)
    for (left, right), block in zip(d.wrt, blocks, strict=True):
        rows, cols = ([w.name for w in network.wrt].index(x.name) for x in (left, right))
        part = np.split(np.split(expected, ends, 0)[rows], ends, 1)[cols]
        assert block.shape == (*shapes[left.name], *shapes[right.name])
        np.testing.assert_allclose(block.reshape(part.shape), part, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    "expr", [sg.inverse(X), sg.solve(X, x), sg.softmax(X, rows=True), sg.logsumexp(X, rows=True)]
)
def test_jacobians_of_matrix_functions(expr: Any) -> None:
    leaves = [leaf for leaf in (X, x) if leaf in expr.free_symbols]
    check_jacobian(expr, leaves, Net(dims=DIMS), leaves, seed=2)


@pytest.mark.parametrize("loss", [sg.logdet(X), sg.det(X), sp.Trace(X.I * Q), sg.dot(x, X.I * x)])
def test_hessians_of_matrix_functions(loss: Any) -> None:
    check_hessian(loss, [X], Net(dims=DIMS), [X, Q, x], seed=2)


def test_sparsemax_on_its_support() -> None:
    """∂s/∂z = diag(m) − m·mᵀ/Σm, m = 1[s > 0]: zero outside the support, whose rows sum to 0."""
    d = sg.jacobian(sg.sparsemax(z), z)
    scores = np.array([0.9, 0.7, -1.0])
    block = sg.function([z], d)(scores)
    expected = np.array([[0.5, -0.5, 0], [-0.5, 0.5, 0], [0, 0, 0]])
    np.testing.assert_allclose(block[0] if isinstance(block, tuple) else block, expected)
    m = "1[sparsemax(z) > 0]"
    assert sg.formula(d.closed_form(z)) == f"diag({m}) − {m}·{m}ᵀ/sum({m})"


def test_third_derivatives() -> None:
    """∂/∂x of the sum of the Hessian's entries, against sixty-digit differences of it."""
    h = sg.let("h", sg.tanh(Q * x))
    loss = sg.sum(sg.exp(h)) + sg.logsumexp(x)
    second = sg.hessian(loss, x)
    third = sg.gradient(sg.sum(second[x]), x)
    net = Net({"h": sg.tanh(Q * x)}, DIMS)
    env = point([Q, x], net, 5)
    (found,) = numbers(third, net, env)
    ones = np.ones((3, 1))
    for k in range(3):
        step = np.zeros((3, 1))
        step[k] = 1e-5
        up, down = (
            second_difference(
                loss, net, {**env, "x": env["x"] + c * step}, {"x": ones}, {"x": ones}
            )
            for c in (1, -1)
        )
        assert found[k] == pytest.approx((up - down) / 2e-5, rel=1e-6)


def test_a_jacobian_of_a_gradient_is_the_hessian() -> None:
    network = classifier()
    b1 = network.wrt[1]
    first = sg.gradient(network.loss, b1)
    again = sg.jacobian(first[b1], b1)
    env = point(network.leaves, network.net, 6)
    (one,), (other,) = (numbers(d, network.net, env) for d in (again, sg.hessian(network.loss, b1)))
    np.testing.assert_allclose(one, other, rtol=1e-10)


@pytest.mark.parametrize("name", ["classifier", "classifier, label", "regression"])
def test_gauss_newton(name: str) -> None:
    """G = Jᵀ·H·J with J and H by themselves, its blocks, and its product with a vector."""
    network = NETWORKS[name]()
    output = _output_of(name)
    wrt = network.wrt[:2]
    env = point(network.leaves, network.net, 7)
    net = network.net
    blocks = numbers(sg.gauss_newton(network.loss, output, wrt), net, env)
    jacobians = numbers(sg.jacobian(output, wrt), net, env)
    (curvature,) = numbers(sg.hessian(network.loss, output), net, env)
    expected = [
        np.tensordot(np.tensordot(a, curvature, (0, 0)), c, (-1, 0))
        for a in jacobians
        for c in jacobians
    ]
    for found, block in zip(blocks, expected, strict=True):
        np.testing.assert_allclose(found, block, rtol=1e-9, atol=1e-12)
    along = [MatrixSymbol(f"d{k}", *w.shape) for k, w in enumerate(wrt)]
    env |= point(along, net, 8)
    products = numbers(sg.gauss_newton(network.loss, output, wrt, along), net, env)
    for k, found in enumerate(products):
        total = sum(
            np.tensordot(
                block, np.reshape(env[d.name], block.shape[found.ndim :]), block.ndim - found.ndim
            )
            for block, d in zip(expected[2 * k : 2 * k + 2], along, strict=True)
        )
        np.testing.assert_allclose(found, total, rtol=1e-9, atol=1e-12)


def _output_of(name: str) -> Any:
    """The scores of a network of this file's."""
    network = NETWORKS[name]()
    return next(
        sg.declare.named_symbol(n)
        for n in sg.gradient(network.loss, network.wrt).forward
        if n.name == ("f" if name == "regression" else "z2")
    )


# ---------------------------------------------------------------------------------- the object


def test_what_is_printed(golden: Callable[..., None]) -> None:
    network = classifier()
    b1, b2 = network.wrt[1], network.wrt[3]
    u = MatrixSymbol("u", H, 1)
    parts = [
        sg.hessian(network.loss, [b1, b2]),
        sg.hvp(network.loss, b1, u),
        sg.jacobian(_output_of("classifier"), [b1, b2]),
        sg.gauss_newton(network.loss, _output_of("classifier"), b1, u),
        sg.hessian(sg.logdet(X), X),
    ]
    golden("\n\n".join(map(str, parts)) + "\n")


def test_latex() -> None:
    text = sg.hessian(sg.squared_error(A * x, b), x).latex()
    assert r"\frac{\partial^2 L}{\partial x \, \partial x^\top} &= A^\top A" in text
    text = sg.hvp(sg.logdet(X), X, V).latex()
    assert r"H V &= -X^{-\top} V^\top X^{-\top}" in text
    text = sg.jacobian(W * x, W).latex()
    assert r"\left( \frac{\partial f}{\partial W} \right)_{j k i} &=" in text


def test_the_object() -> None:
    network = classifier()
    b1, b2 = network.wrt[1], network.wrt[3]
    d = sg.hessian(network.loss, [b1, b2])
    assert d.wrt == ((b1, b1), (b1, b2), (b2, b1), (b2, b2))
    assert d.shapes == [(H, H), (H, C), (C, H), (C, C)]
    assert [root.shape for root in d.roots] == d.shapes
    assert d[b1] == d[b1, b1]
    assert d[b1, b2].shape == (H, C)
    assert repr(d) == "<Derivation (hessian) of L with respect to b1, b1, b1, b2, b2, b1, b2, b2>"
    assert {s.phase for s in d.steps} == {"forward", "backward"}
    one = sg.hessian(network.loss, b1)
    assert one.wrt == (b1,)
    assert one[b1] == one[b1, b1]


def test_equal_names_are_equal_values() -> None:
    """Blocks that are derived in different sweeps share the lines that they refer to."""
    network = classifier()
    d = sg.hessian(network.loss, network.wrt)
    named = [n for n in g.topological(d.roots) if n.kind is g.Kind.NAMED]
    assert len({n.name for n in named}) == len(named)


def test_a_named_value_varies_by_itself() -> None:
    """By p, log softmax(z) is log p: the Hessian is diag(y/p²), and z's column of it is 0."""
    network = classifier("plain")
    p = next(
        sg.declare.named_symbol(n)
        for n in sg.gradient(network.loss, network.wrt).forward
        if n.name == "p"
    )
    y = next(leaf for leaf in network.leaves if leaf.name == "y")
    d = sg.hessian(network.loss, [p, y, network.wrt[3]])
    env = point(network.leaves, network.net, 4)
    blocks = dict(zip(d.wrt, numbers(d, network.net, env), strict=True))
    net = network.net
    at = np.real(np.asarray(value(net.definitions["p"], net, env), dtype=complex))[:, 0]
    np.testing.assert_allclose(blocks[p, p], np.diag(env["y"][:, 0] / at**2), rtol=1e-10)
    np.testing.assert_allclose(blocks[p, y], np.diag(-1 / at), rtol=1e-10)
    assert not blocks[p, network.wrt[3]].any()


def test_a_fact_is_not_used_before_the_last_derivative() -> None:
    y = sg.simplex("y", N)
    assert sg.hessian(sg.sum(y) ** 2, y)[y] == 2 * sp.OneMatrix(N, N)
    assert sg.formula(sg.hessian(sg.sum(y) ** 3, y)[y]) == "6·1"


MISTAKES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "hessian of a vector": (
        lambda: sg.hessian(A * x, x), ShapeError, r"the loss A\*x has shape M; expected a scalar"
    ),
    "hvp of a vector": (lambda: sg.hvp(A * x, x, v), ShapeError, "expected a scalar"),
    "a symbol that is not there": (
        lambda: sg.jacobian(A * x, b), DerivativeError, "does not occur in the expression"
    ),
    "no symbol": (lambda: sg.jacobian(A * x, []), DerivativeError, "no symbols"),
    "a direction of another shape": (
        lambda: sg.jvp(A * x, x, b), ShapeError, "the direction b has shape M×1; expected that of x"
    ),
    "a scalar direction": (lambda: sg.jvp(A * x, x, s), ShapeError, "has shape scalar"),
    "too few directions": (
        lambda: sg.hvp(sg.dot(x, x), [x], []), ShapeError, "0 directions were given for 1 symbols"
    ),
    "text": (lambda: sg.jvp(A * x, x, "v"), sg.UnsupportedError, "text 'v'"),
    "an output that has no name": (
        lambda: sg.gauss_newton(sg.dot(x, x), x, x), DerivativeError, "not a named value"
    ),
    "a regulariser beside the output": (
        lambda: sg.gauss_newton(sg.dot(UNIT, UNIT) + sg.dot(x, x), UNIT, x),
        DerivativeError, "depends on x other than through h",
    ),
    "a key that was not asked for": (
        lambda: sg.hessian(sg.dot(x, x), x)[z], DerivativeError, "with respect to x; z is not among"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name: str) -> None:
    make, error, message = MISTAKES[name]
    with pytest.raises(error, match=message):
        make()
