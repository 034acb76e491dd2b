"""The lectures' activation functions: value, derivative, and the derivative in terms of the output.

Every row of `ROWS` is one function in every spelling that a lecture uses. Each spelling has to give
the same lines, and its numbers have to agree with mpmath at fifty digits, also at ±1000. Below the
table stand what is not a function of one number: maxout, softmax, sparsemax, pooling, and the hard
functions with their soft replacements. The ids B1 to B15 are those of the project's list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest
import sympy as sp
from gradients import check_gradient
from lectures import System, backward, check, real
from oracle import Net
from sympy import Function, IndexedBase, MatrixSymbol, Max, Piecewise, Sum, exp, log

import symgrad as sg

TARGETS = ("numpy", "numba")
QUICKLY = ("numpy", pytest.param("numba", marks=pytest.mark.slow))
"""`test_numba_target` compiles all of these functions at once, which is quicker."""
z, a, alpha, beta = real("z a α β")
gamma = sp.Symbol("γ", positive=True)
C, D, H = sp.symbols("C D H", integer=True, positive=True)
i, j, k, l = sp.symbols("i j k l", integer=True)


class Row(NamedTuple):
    """Spellings of one function h, the lines of its derivatives, and h in mpmath."""

    spellings: Sequence[Any]
    lines: Sequence[str]
    exact: Callable[..., Any]
    others: tuple[Any, ...] = ()
    """Further symbols to differentiate by; they are 0.3 where numbers are needed."""


def logistic(t: Any) -> Any:
    return 1 / (1 + mpmath.exp(-t))


def below(t: Any, value: Any) -> Any:
    """t on the positive side, else ``value``."""
    return t if t > 0 else value


ROWS: dict[str, Row] = {
    "B1 linear": Row([sg.identity(z), z], ["∂h/∂z = 1"], lambda t: t),
    "B2 sigmoid": Row(
        [sg.sigmoid(z), 1 / (1 + exp(-z)), exp(z) / (1 + exp(z)), (1 + sp.tanh(z / 2)) / 2],
        ["∂h/∂z = h·(1 − h)"],
        logistic,
    ),
    "B3 tanh": Row(
        [
            sg.tanh(z),
            (exp(z) - exp(-z)) / (exp(z) + exp(-z)),
            (1 - exp(-2 * z)) / (1 + exp(-2 * z)),
            (exp(2 * z) - 1) / (exp(2 * z) + 1),
            2 * sg.sigmoid(2 * z) - 1,
        ],
        ["∂h/∂z = 1 − h²"],
        mpmath.tanh,
    ),
    "B4 ReLU": Row(
        [sg.relu(z), Max(0, z), Piecewise((z, z >= 0), (0, True))],
        ["∂h/∂z = 1[z > 0]"],
        lambda t: below(t, mpmath.mpf(0)),
    ),
    "B5 leaky ReLU, slope 0.1": Row(
        [sg.leaky_relu(z, 0.1), Max(z / 10, z)],
        ["∂h/∂z = (1 if z > 0 else 1/10)"],
        lambda t: below(t, t / 10),
    ),
    "B5 leaky ReLU, the slope a decimal": Row(
        [Max(0.1 * z, z)], ["∂h/∂z = (1 if z > 0 else 0.1)"], lambda t: below(t, t / 10)
    ),
    "B5 leaky ReLU, slope 0.01": Row(
        [sg.leaky_relu(z), sg.leaky_relu(z, 0.01), Max(z / 100, z)],
        ["∂h/∂z = (1 if z > 0 else 1/100)"],
        lambda t: below(t, t / 100),
    ),
    "B5 leaky ReLU, slope α": Row(
        [sg.leaky_relu(z, alpha), sg.prelu(z, alpha)],
        ["∂h/∂z = (1 if z > 0 else α)", "∂h/∂α = −relu(−z)"],
        lambda t, s: below(t, s * t),
        (alpha,),
    ),
    "B5 the larger of γz and z": Row(
        [Max(z, gamma * z), sg.maxout(z, gamma * z)],
        ["∂h/∂z = γ·1[γ·z > z] + 1[z > γ·z]", "∂h/∂γ = z·1[γ·z > z]"],
        lambda t, s: below(t, s * t),
        (gamma,),
    ),
    "B6 parametric ReLU": Row(
        [sg.prelu(z, a)],
        ["∂h/∂z = (1 if z > 0 else a)", "∂h/∂a = −relu(−z)"],
        lambda t, s: below(t, s * t),
        (a,),
    ),
    "B6 parametric ReLU, by cases": Row(
        [Piecewise((z, z >= 0), (a * z, True))],
        ["∂h/∂z = (1 if z ≥ 0 else a)", "∂h/∂a = (0 if z ≥ 0 else z)"],
        lambda t, s: below(t, s * t),
        (a,),
    ),
    "B7 ELU": Row(
        [sg.elu(z, alpha)],
        ["∂h/∂z = (1 if z > 0 else h + α)", "∂h/∂α = (0 if z > 0 else elu(z, 1))"],
        lambda t, s: below(t, s * mpmath.expm1(t)),
        (alpha,),
    ),
    "B7 ELU, by cases": Row(
        [Piecewise((z, z >= 0), (alpha * (exp(z) - 1), True))],
        ["∂h/∂z = (1 if z ≥ 0 else h + α)", "∂h/∂α = (0 if z ≥ 0 else exp(z) − 1)"],
        lambda t, s: below(t, s * mpmath.expm1(t)),
        (alpha,),
    ),
    "B8 softplus": Row(
        [sg.softplus(z), log(1 + exp(z))],
        ["∂h/∂z = σ(z)"],
        lambda t: mpmath.log1p(mpmath.exp(t)),
    ),
    "B8 softplus with β": Row(
        [sg.softplus(z, beta), log(1 + exp(beta * z)) / beta],
        ["∂h/∂z = σ(β·z)", "∂h/∂β = z·σ(β·z)/β − softplus(β·z)/β²"],
        lambda t, s: mpmath.log1p(mpmath.exp(s * t)) / s,
        (beta,),
    ),
    "B9 swish": Row(
        [sg.swish(z), sg.silu(z), z * sg.sigmoid(z), z / (1 + exp(-z))],
        ["∂h/∂z = (1 − h)·σ(z) + h"],
        lambda t: t * logistic(t),
    ),
    "B10 GELU": Row(
        [sg.gelu(z), z / 2 * (1 + sp.erf(z / sp.sqrt(2)))],
        ["∂h/∂z = z·φ(z) + Φ(z)"],
        lambda t: t / 2 * mpmath.erfc(-t / mpmath.sqrt(2)),
    ),
}

POINTS = (-1000.0, -30.0, -2.5, -0.4, 0.7, 3.0, 1000.0)


@pytest.mark.parametrize("name", ROWS)
def test_lines(name: str) -> None:
    """Every spelling leads to the same derivatives."""
    row = ROWS[name]
    for spelling in row.spellings:
        d = sg.gradient(sg.let("h", spelling), [z, *row.others])
        assert backward(d) == list(row.lines), spelling


@pytest.mark.parametrize("target", QUICKLY)
@pytest.mark.parametrize("name", ROWS)
def test_numbers(name: str, target: str) -> None:
    """Value and derivatives of every spelling, at ±1000 too."""
    row = ROWS[name]
    inputs, rest = [z, *row.others], [0.3] * len(row.others)
    declared = [sg.let("h", s) for s in row.spellings]
    outputs = [x for h in declared for x in (h, sg.gradient(h, inputs))]
    f = sg.function(inputs, outputs, target=target)
    with mpmath.workdps(60):
        for point in POINTS:
            at = [mpmath.mpf(x) for x in (point, *rest)]
            orders = [tuple(int(m == n) for m in range(len(at))) for n in range(len(at))]
            expected = [row.exact(*at), *(mpmath.diff(row.exact, at, order) for order in orders)]
            found = f(point, *rest)
            for value, true in zip(found, expected * len(declared), strict=True):
                assert mpmath.isfinite(value), (point, value)
                # 1 − h² and h + α cancel where h saturates: the error is one of h's last places.
                assert abs(value - true) <= 1e-14 * abs(true) + 4e-16, (point, value, true)


def test_b3_sech() -> None:
    """tanh′ is sech² as well: the difference of the two is 0, for every z."""
    slope = sg.gradient(sg.tanh(z), z).closed_form(z)
    assert sg.formula(slope) == "1 − tanh²(z)"
    assert sp.simplify((slope - sp.sech(z) ** 2).rewrite(exp)) == 0


@pytest.mark.parametrize("target", TARGETS)
def test_b4_the_convention_at_the_kink(target: str) -> None:
    """At 0 the derivative is the one that PyTorch has; the docstrings state it."""
    kinks = {
        sg.relu(z): 0, Max(0, z): 0, sg.leaky_relu(z): 0.01, Max(z / 10, z): 0.1,
        sg.elu(z, 0.5): 0.5, sp.Abs(z): 0, sg.maxout(z, -z): 0, sg.maxout(z, 0): 0.5,
    }  # fmt: skip
    f = sg.function([z], [sg.gradient(e, z)[z] for e in kinks], target=target)
    assert list(f(0.0)) == list(kinks.values())
    assert "0 at the kink, as in PyTorch" in (sg.relu.__doc__ or "")


# ---------------------------------------------------------------------------------- B11 maxout


def test_b11_maxout() -> None:
    """max(w1ᵀx + b1, w2ᵀx + b2): each piece has its own gradient where it is the larger one."""
    net = Net(dims={D: 4})
    x, w1, w2 = (MatrixSymbol(name, D, 1) for name in ("x", "w1", "w2"))
    b1, b2 = real("b1 b2")
    z1, z2 = net.let("z1", sg.dot(w1, x) + b1), net.let("z2", sg.dot(w2, x) + b2)
    h = net.let("h", sg.maxout(z1, z2))
    lines = [
        "δ2 = ∂h/∂z2 = 1[z2 > z1]", "∂h/∂w2 = δ2·x", "∂h/∂b2 = δ2",
        "δ1 = ∂h/∂z1 = 1[z1 > z2]", "∂h/∂w1 = δ1·x", "∂h/∂b1 = δ1",
        "∂h/∂x = δ1·w1 + δ2·w2",
    ]  # fmt: skip
    check(System(h, [w1, b1, w2, b2, x], lines, net), seeds=(0, 1, 2))


SPECIAL: dict[str, tuple[Any, Any]] = {
    "ReLU": (0, sg.relu(z)),
    "leaky ReLU": (z / 10, sg.leaky_relu(z, 0.1)),
    "parametric ReLU": (a * z, sg.prelu(z, a)),
    "the absolute value": (-z, sg.abs(z)),
}
"""What a maxout of z and another piece is."""


@pytest.mark.parametrize("name", SPECIAL)
def test_b11_special_cases(name: str) -> None:
    piece, same = SPECIAL[name]
    wrt = [z, a] if same.has(a) else [z]
    pair = [sg.let("h", e) for e in (sg.maxout(z, piece), same)]
    outputs = [x for h in pair for x in (h, *(sg.gradient(h, wrt)[w] for w in wrt))]
    f = sg.function([z, a], outputs)
    for at in (-3.0, -0.2, 0.4, 5.0):
        values = f(at, 0.3)
        half = len(values) // 2
        np.testing.assert_array_equal(values[:half], values[half:])


# --------------------------------------------------------------------------------- B12 softmax

scores = MatrixSymbol("z", C, 1)
T = sp.Symbol("T", positive=True)
by_index = exp(scores[k, 0]) / Sum(exp(scores[l, 0]), (l, 0, C - 1))
shifted = [exp(scores[m, 0] - sg.max(scores)) for m in (k, l)]
SOFTMAX: dict[str, tuple[Any, str]] = {
    "plain": (lambda: sg.let("p", sg.softmax(scores)), "diag(p) − p·pᵀ"),
    "by index": (lambda: sg.let("p", by_index, k), "diag(p) − p·pᵀ"),
    "by index, less the maximum": (
        lambda: sg.let("p", shifted[0] / Sum(shifted[1], (l, 0, C - 1)), k), "diag(p) − p·pᵀ",
    ),
    "inverse temperature": (
        lambda: sg.let("p", sg.softmax(beta * scores)), "β·(diag(p) − p·pᵀ)",
    ),
    "temperature": (lambda: sg.let("p", sg.softmax(scores / T)), "(diag(p) − p·pᵀ)/T"),
}  # fmt: skip


@pytest.mark.parametrize("name", SOFTMAX)
def test_b12_jacobian(name: str) -> None:
    """diag(p) − p·pᵀ, against the quotient rule written out entry by entry."""
    declare, expected = SOFTMAX[name]
    d = sg.jacobian(declare(), scores)
    assert backward(d) == [f"∂p/∂zᵀ = {expected}"]
    s, factor = np.array([0.3, -1.2, 2.0]), {"β": 1.7, "T": 1 / 1.7}
    symbols = [x for x in (beta, T) if expected.count(x.name)]
    (found,) = sg.function([scores, *symbols], d)(s, *(factor[x.name] for x in symbols))
    scale = 1.7 if symbols else 1.0
    e = np.exp(scale * s)
    quotient = scale * (np.diag(e) * e.sum() - np.outer(e, e)) / e.sum() ** 2
    np.testing.assert_allclose(found, quotient, rtol=1e-13)


@pytest.mark.parametrize("target", TARGETS)
def test_b12_the_larger_beta_the_harder(target: str) -> None:
    """The lecture's numbers: [1, 1.1] at β = 1, 2, 5, 100 goes to arg max, which is the limit."""
    pair = MatrixSymbol("z", 2, 1)
    f = sg.function([pair, beta], sg.softmax(beta * pair), target=target)
    at = np.array([1.0, 1.1])
    lecture = {1: (0.475, 0.525), 2: (0.450, 0.550), 5: (0.3775, 0.6225), 100: (4.54e-5, 0.99995)}
    for b, expected in lecture.items():
        np.testing.assert_allclose(f(at, float(b)), expected, rtol=1e-3)
    hard = sg.function([pair], sg.harden(sg.softmax(pair)), target=target)(at)
    np.testing.assert_array_equal(hard, [0, 1])
    np.testing.assert_allclose(f(at, 1e6), hard, atol=1e-300)


# ------------------------------------------------------------------------------- B13 sparsemax


def projected(s: np.ndarray) -> np.ndarray:
    """The nearest point of the simplex, by its optimality: p = max(0, s − τ) sums to 1."""
    low, high = s.min() - 1, s.max()
    for _ in range(200):  # bisection for τ
        tau = (low + high) / 2
        low, high = (tau, high) if np.maximum(s - tau, 0).sum() > 1 else (low, tau)
    return np.maximum(s - low, 0)


POINTS_OF_SCORES = (
    np.array([0.1, 0.3, -0.2]), np.array([2.0, 0.5, 1.9]), np.array([-5.0, 8.0, 0.0]),
    np.array([1000.0, 999.5, -1000.0]),
)  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_b13_sparsemax(target: str) -> None:
    """The projection on the simplex; its Jacobian diag(s) − s·sᵀ/|S| on the support S = {p > 0}."""
    p = sg.let("p", sg.sparsemax(scores))
    d = sg.jacobian(p, scores)
    expected = "diag(1[p > 0]) − 1[p > 0]·1[p > 0]ᵀ/sum(1[p > 0])"
    assert backward(d) == [f"∂p/∂zᵀ = {expected}"]
    f = sg.function([scores], [p, d], target=target)
    for at in POINTS_OF_SCORES:
        value, jacobian = f(at)
        np.testing.assert_allclose(value, projected(at), atol=1e-12)
        h = 1e-6 * max(1.0, float(np.abs(at).max()))
        differences = [(projected(at + h * e) - projected(at - h * e)) / (2 * h) for e in np.eye(3)]
        np.testing.assert_allclose(jacobian, np.transpose(differences), atol=1e-6)


# ----------------------------------------------------------------------------- B14 max-pooling


def test_b14_max_pooling_declared_by_index() -> None:
    """The larger of each two neighbours; the gradient goes to the winner."""
    net = Net()
    x = IndexedBase("x", shape=(8,))
    h = net.let("h", Max(x[2 * i], x[2 * i + 1]), (i, 0, 3))
    loss = net.let("L", Sum(h[i] ** 2, (i, 0, 3)) / 2)
    d = check_values(loss, MatrixSymbol("x", 8, 1), net)
    assert d == [0, 3, 0, 5, -1, 0, 2, 0]


@pytest.mark.parametrize("target", TARGETS)
def test_b14_max_pooling(target: str) -> None:
    """`max_pool1d`: of equal entries the first one wins, as in PyTorch."""
    x = MatrixSymbol("x", 1, 8)
    h = sg.let("h", sg.max_pool1d(x, 2))
    d = sg.gradient(sg.let("L", sg.sum(h)), x)
    assert d.steps[0].text == "h[k] = max_j(x[2·k + j])"
    f = sg.function([x], [h, d], target=target)
    value, gradient = f(np.array([[1.0, 3, 2, 5, -1, -4, 7, 7]]))
    np.testing.assert_array_equal(value, [[3, 5, -1, 7]])
    np.testing.assert_array_equal(gradient, [[0, 1, 0, 1, 1, 0, 1, 0]])


def check_values(loss: Any, wrt: Any, net: Net) -> list[float]:
    """The gradient at one point, after the oracle has agreed with it there."""
    at = {"x": np.array([1.0, 3, 2, 5, -1, -4, 2, 0])}
    d = check_gradient(loss, [wrt], net, [wrt], env=at)
    (gradient,) = sg.function([wrt], d)(at["x"])
    return list(gradient)


# ----------------------------------------------------------------------- B15 step and signum

HARD: dict[str, tuple[Callable[[Any], Any], str, Callable[[Any], Any]]] = {
    "step": (sg.step, "sg.sigmoid", sg.sigmoid),
    "Heaviside": (lambda t: sp.Heaviside(t, 0), "sg.sigmoid", sg.sigmoid),
    "signum": (sg.sign, "sg.tanh", sg.tanh),
    "SymPy's sign": (sp.sign, "sg.tanh", sg.tanh),
}
"""A hard unit, the replacement that the refusal names, and what `sg.soften` puts there."""


@pytest.mark.parametrize("name", HARD)
def test_b15_forward_only(name: str) -> None:
    """Usable forward; as a hidden unit it is refused, with the reason and the replacement."""
    unit, named, soft = HARD[name]
    t = real("t")
    w, v, x, y = real("w v x y")
    h = sg.let("h", unit(w * x))
    loss = sg.let("L", (v * h - y) ** 2 / 2)
    f = sg.function([t], unit(t))
    floor = -1 if "sign" in name else 0
    assert [f(-2.0), f(3.0)] == [floor, 1]
    with pytest.raises(sg.DerivativeError) as caught:
        sg.gradient(loss, w)
    assert "Dirac delta" in str(caught.value)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)
    assert backward(sg.gradient(loss, v)) == ["∂L/∂v = (h·v − y)·h"]  # its output may be used
    softened = sg.gradient(sg.soften(loss), w).closed_form(w)
    expected = sg.gradient((v * soft(w * x) - y) ** 2 / 2, w).closed_form(w)
    assert softened == expected


def test_b15_by_cases_is_refused_too() -> None:
    """u(z) = 1 for z > 0, else 0, and −1 for the sign, as a lecture writes them."""
    for cases, floor in (
        (Piecewise((1, z > 0), (0, True)), 0),
        (Piecewise((0, z < 0), (1, True)), 0),
        (Piecewise((-1, z < 0), (1, True)), -1),
    ):
        value = sg.function([z], cases)
        assert [value(2.0), value(-2.0), value(0.0)] == [1, floor, float(cases.subs(z, 0))]
        with pytest.raises(sg.DerivativeError, match=r"Dirac delta.*soft replacement"):
            sg.gradient(cases, z)
    step = Piecewise((1, z > 0), (0, True))
    assert backward(sg.gradient(sg.let("h", sg.soften(step)), z)) == ["∂h/∂z = h·(1 − h)"]


def test_b15_soft_in_training_and_hard_in_testing() -> None:
    """One declaration, ŷ = tanh(vᵀ tanh(W·x)): trained as it is, tested with sign at the output."""
    x, W, v = MatrixSymbol("x", D, 1), MatrixSymbol("W", H, D), MatrixSymbol("v", H, 1)
    y = sg.let("ŷ", sg.tanh(sg.dot(v, sg.tanh(W * x))))
    hard = sg.harden(y)
    d = sg.gradient(sg.squared_error(sg.soften(hard), real("t")), [v, W])
    assert d.forward[0] is y.node
    rng = np.random.default_rng(1)
    Ws, vs, xs = rng.normal(size=(3, 2)), rng.normal(size=3), rng.normal(size=2)
    soft, tested = sg.function([W, v, x], [y, hard])(Ws, vs, xs)
    assert soft == pytest.approx(np.tanh(vs @ np.tanh(Ws @ xs)))
    assert tested == np.sign(vs @ np.tanh(Ws @ xs))


def test_a_function_that_nobody_listed() -> None:
    """A user's activation, with the shortest derivative that reuses the output."""
    h = sg.let("h", sp.atan(sp.sinh(z)))
    assert backward(sg.gradient(h, z)) == ["∂h/∂z = 1/cosh(z)"]
    f = Function("g", real=True)
    assert backward(sg.gradient(f(z) ** 2, z)) == ["∂L/∂z = 2·g(z)·g′(z)"]
