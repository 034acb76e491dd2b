"""Stable primitives are found in whatever primitives were typed, and stay finite at ±1000."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from interpreter import interpret
from networks import NETWORKS
from oracle import DIGITS, FLOAT, Net
from rules import Row, check_row, check_sabotage_is_caught
from sympy import (
    HadamardPower,
    HadamardProduct,
    Heaviside,
    Lambda,
    MatrixSymbol,
    Max,
    OneMatrix,
    Rational,
    Symbol,
    cosh,
    erf,
    exp,
    hadamard_product,
    log,
    sinh,
    sqrt,
    symbols,
    tanh,
)

import symgrad as sg
from symgrad import graph as g
from symgrad import listing
from symgrad.algebra import scaled
from symgrad.functions import softmax_node
from symgrad.graph import Kind, Node, slot
from symgrad.lift import lift
from symgrad.recognise import FORWARD, RECOGNISE
from symgrad.rewrite import Rule
from symgrad.simplify import normalise
from symgrad.symbols import ScalarCall
from symgrad.vocabulary import (
    absolute,
    gelu,
    hard_sign,
    normal_cdf,
    plain,
    relu,
    sigmoid,
    softplus,
    swish,
)

M, N = symbols("M N", integer=True, positive=True)
x = g.leaf("x", (N,), MatrixSymbol("x", N, 1))
y = g.leaf("y", (N,), MatrixSymbol("y", N, 1))
s = g.leaf("s", (), Symbol("s", real=True))
A = g.leaf("S", (N, N), MatrixSymbol("S", N, N))
t = slot(0)


def of(body: sp.Expr, node: Node) -> Node:
    """A map of one node, its axes in order."""
    return g.apply(body, [(node, tuple(range(node.rank)))], node.shape)


def total(*terms: tuple[object, Node]) -> Node:
    """Σ c·a of scalars and arrays with x's shape."""
    shape = max((node.shape for _, node in terms), key=len)
    return g.add([(c, node, tuple(range(node.rank))) for c, node in terms], shape)


def times(*factors: Node) -> Node:
    """a·b·… elementwise."""
    shape = max((node.shape for node in factors), key=len)
    return g.product([(node, tuple(range(node.rank))) for node in factors], shape)


one = g.const(1)
exp_x = of(exp(t), x)
sum_exp = g.product([(exp_x, (0,))], ())
half = Rational(1, 2)
lse = g.reduce("logsumexp", x, (0,), ())
minus_x, minus_lse = scaled(-1, x), scaled(-1, lse)
first = g.onehot(g.const(0), N)

ROWS: dict[str, Row] = {
    "reciprocal": (of(1 / t, total((1, one), (1, exp_x))), of(sigmoid(t), minus_x)),
    "quotient": (times(exp_x, of(sigmoid(t), minus_x), y), times(of(sigmoid(t), x), y)),
    "complement": (
        total((half, one), (half, of(tanh(t), scaled(half, x)))),
        total((1, of(sigmoid(t), x))),
    ),
    "tanh": (total((2, of(sigmoid(t), scaled(2, x))), (-1, one)), total((1, of(tanh(t), x)))),
    "log": (of(log(t), sum_exp), lse),
    "log of product": (
        of(log(t), of(sigmoid(t), x)),
        scaled(-1, of(softplus(t), minus_x)),
    ),
    "log of pick": (
        of(log(t), g.product([(exp_x, (0,)), (first, (0,))], ())),
        g.product([(of(log(t), exp_x), (0,)), (first, (0,))], ()),
    ),
    "log-determinant": (
        of(log(t), of(absolute(t), g.linalg("det", A, (0, 1), ()))),
        g.linalg("logdet", A, (0, 1), ()),
    ),
    "softmax": (
        times(exp_x, of(exp(t), minus_lse), y),
        times(softmax_node(x, 1), y),
    ),
    "softmax average": (
        times(g.product([(exp_x, (0,)), (y, (0,))], ()), of(exp(t), minus_lse)),
        g.product(
            [(g.product([(exp_x, (0,)), (y, (0,)), (of(exp(t), minus_lse), ())], ()), ())], ()
        ),
    ),
    "gate": (times(x, of(sigmoid(t), x), y), times(of(swish(t), x), y)),
    "gate of sign": (
        times(x, total((1, one), (1, of(hard_sign(t), x))), y),
        scaled(2, times(of(relu(t), x), y)),
    ),
    "softplus": (
        total((3, of(relu(t), x)), (3, of(softplus(t), scaled(-1, of(absolute(t), x))))),
        total((3, of(softplus(t), x))),
    ),
    "pieces": (of(sp.Piecewise((t, t > 0), (0, True)), x), of(relu(t), x)),
    "shift": (
        g.reduce("logsumexp", total((1, x), (-1, s)), (0,), ()),
        total((-1, s), (1, g.reduce("logsumexp", total((1, x)), (0,), ()))),
    ),
}
"""rule → a node that it applies to, and what it makes of it."""


@pytest.mark.parametrize("rule", RECOGNISE, ids=lambda rule: rule.name)
def test_law(rule: Rule) -> None:
    check_row(rule, ROWS)


@pytest.mark.parametrize("rule", RECOGNISE, ids=lambda rule: rule.name)
def test_sabotaged_law_is_caught(rule: Rule) -> None:
    check_sabotage_is_caught(rule, ROWS, FORWARD)


# ------------------------------------------------------------------------ the ways to write them

z, a, b = symbols("z a b", real=True)
beta = Symbol("beta", positive=True)

SCALARS: dict[str, tuple[Any, Any]] = {
    "σ, reciprocal": (1 / (1 + exp(-z)), sg.sigmoid(z)),
    "σ, ratio": (exp(z) / (1 + exp(z)), sg.sigmoid(z)),
    "σ, one minus": (1 - 1 / (1 + exp(z)), sg.sigmoid(z)),
    "σ, tanh": ((1 + tanh(z / 2)) / 2, sg.sigmoid(z)),
    "σ, weighted": (-5 * exp(z) / (1 + exp(z)) + 2, 2 - 5 * sg.sigmoid(z)),
    "σ, shifted": (3 / (1 + 2 * exp(-z)), 3 * sg.sigmoid(z - log(2))),
    "σ(−z), ratio": (exp(-z) / (1 + exp(-z)), sg.sigmoid(-z)),
    "σ(−z), tanh": ((1 - tanh(z / 2)) / 2, sg.sigmoid(-z)),
    "σ of a difference": (exp(z) / (exp(z) + exp(3 - z)), sg.sigmoid(2 * z - 3)),
    "tanh, exponentials": ((exp(z) - exp(-z)) / (exp(z) + exp(-z)), tanh(z)),
    "tanh, e^2z": ((exp(2 * z) - 1) / (exp(2 * z) + 1), tanh(z)),
    "tanh, e^-2z": ((1 - exp(-2 * z)) / (1 + exp(-2 * z)), tanh(z)),
    "tanh, σ": (2 * sg.sigmoid(2 * z) - 1, tanh(z)),
    "tanh, 2/(1 + e^-2z) - 1": (2 / (1 + exp(-2 * z)) - 1, tanh(z)),
    "tanh, sinh and cosh": (sinh(z) / cosh(z), tanh(z)),
    "-tanh": ((exp(-z) - exp(z)) / (exp(z) + exp(-z)), -tanh(z)),
    "softplus": (log(1 + exp(z)), sg.softplus(z)),
    "softplus, β": (log(1 + exp(3 * z)) / 3, sg.softplus(3 * z) / 3),
    "softplus, weighted": (log(3 + 6 * exp(-z)), log(3) + sg.softplus(log(2) - z)),
    "softplus, without overflow": (Max(z, 0) + log(1 + exp(-sp.Abs(z))), sg.softplus(z)),
    "log σ": (log(1 / (1 + exp(-z))), -sg.softplus(-z)),
    "log σ, ratio": (log(exp(z) / (1 + exp(z))), -sg.softplus(-z)),
    "log σ, tanh": (log((1 + tanh(z / 2)) / 2), -sg.softplus(-z)),
    "log(1 − σ)": (log(1 - 1 / (1 + exp(-z))), -sg.softplus(z)),
    "log(1 − σ), by name": (log(1 - sg.sigmoid(z)), -sg.softplus(z)),
    "log(σ(1 − σ))": (
        log(sg.sigmoid(z) * (1 - sg.sigmoid(z))),
        -sg.softplus(z) - sg.softplus(-z),
    ),
    "logaddexp": (log(exp(z) + exp(2)), 2 + sg.softplus(z - 2)),
    "erfc": (1 - erf(z), 2 * normal_cdf(-sqrt(2) * z)),
    "1 + erf": ((1 + erf(z)) / 2, normal_cdf(sqrt(2) * z)),
    "gelu": (z / 2 * (1 + erf(z / sqrt(2))), gelu(z)),
    "relu, max": (Max(0, z), sg.relu(z)),
    "relu, step": (z * Heaviside(z), sg.relu(z)),
    "relu, Heaviside(z, 0)": (z * Heaviside(z, 0), sg.relu(z)),
    "relu, Piecewise": (sp.Piecewise((z, z > 0), (0, True)), sg.relu(z)),
    "relu, Piecewise, zero first": (sp.Piecewise((0, z < 0), (z, True)), sg.relu(z)),
    "|z|, Piecewise": (sp.Piecewise((z, z >= 0), (-z, True)), sp.Abs(z)),
    "swish": (z * (1 / (1 + exp(-z))), swish(z)),
}
"""Of one scalar, from primitives and by name."""

Z = MatrixSymbol("Z", 3, 1)
X = MatrixSymbol("X", 3, 4)
V = MatrixSymbol("V", 3, 1)
ones = OneMatrix(3, 1)
E, En = sg.exp(Z), sg.exp(-Z)
top = sg.let("top", Z[0, 0])
w = sg.let("w", E)
W = sg.let("W", sg.sum(w))


def largest(matrix: Any) -> Any:
    """max of all entries, a scalar."""
    node = lift(matrix)
    return ScalarCall(largest, (matrix,), g.reduce("max", node, tuple(range(node.rank)), ()))


def entrywise(matrix: Any, body: Any) -> Any:
    """A function of z at every entry."""
    return matrix.applyfunc(Lambda(z, body))


shift = largest(Z) * ones
named_shift = sg.let("shifted", Z - shift)

ARRAYS: dict[str, tuple[Any, Any]] = {
    "σ, HadamardPower": (HadamardPower(ones + En, -1), sg.sigmoid(Z)),
    "σ, HadamardProduct": (HadamardProduct(E, HadamardPower(ones + E, -1)), sg.sigmoid(Z)),
    "σ, one minus": (ones - HadamardPower(ones + E, -1), sg.sigmoid(Z)),
    "σ, applyfunc": (entrywise(Z, 1 / (1 + exp(-z))), sg.sigmoid(Z)),
    "σ, tanh": ((ones + sg.tanh(Z / 2)) / 2, sg.sigmoid(Z)),
    "tanh": (HadamardProduct(E - En, HadamardPower(E + En, -1)), sg.tanh(Z)),
    "tanh, σ": (2 * sg.sigmoid(2 * Z) - ones, sg.tanh(Z)),
    "softplus": (sg.log(ones + E), sg.softplus(Z)),
    "softplus of a matrix": (sg.log(OneMatrix(3, 4) + sg.exp(X)), sg.softplus(X)),
    "softplus, β": (entrywise(Z, log(1 + exp(beta * z)) / beta), sg.softplus(beta * Z) / beta),
    "log σ": (entrywise(Z, log(1 / (1 + exp(-z)))), -sg.softplus(-Z)),
    "log(1 − σ)": (sg.log(ones - sg.sigmoid(Z)), -sg.softplus(Z)),
    "softmax": (E / sg.sum(E), sg.softmax(Z)),
    "softmax, names": (w / W, sg.softmax(Z)),
    "softmax, weighted": (-3 * E / sg.sum(2 * E), -Rational(3, 2) * sg.softmax(Z)),
    "softmax, HadamardPower": (
        HadamardProduct(E, HadamardPower(sg.sum(E) * ones, -1)),
        sg.softmax(Z),
    ),
    "softmax, shifted": (
        sg.exp(Z - top * ones) / sg.sum(sg.exp(Z - top * ones)),
        sg.softmax(Z),
    ),
    "softmax, max": (sg.exp(Z - shift) / sg.sum(sg.exp(Z - shift)), sg.softmax(Z)),
    "softmax, max, names": (sg.exp(named_shift) / sg.sum(sg.exp(named_shift)), sg.softmax(Z)),
    "softmax of −z": (En / sg.sum(En), sg.softmax(-Z)),
    "softmax average": (sg.dot(E, V) / sg.sum(E), sg.dot(sg.softmax(Z), V)),
    "log softmax": (sg.log(E / sg.sum(E)), Z - sg.logsumexp(Z) * ones),
    "log softmax, one class": (
        log((E / sg.sum(E))[1, 0]),
        sg.dot(sg.onehot(1, 3), Z - sg.logsumexp(Z) * ones),
    ),
    "logsumexp": (log(sg.sum(E)), sg.logsumexp(Z)),
    "logsumexp, names": (log(W), sg.logsumexp(Z)),
    "logsumexp, mean": (log(sg.sum(E) / 3), sg.logsumexp(Z) - log(3)),
    "logsumexp, max": (largest(Z) + log(sg.sum(sg.exp(Z - shift))), sg.logsumexp(Z)),
    "1 + Σ exp": (log(1 + sg.sum(E)), sg.softplus(sg.logsumexp(Z))),
    "softmax of rows": (
        HadamardProduct(
            sg.exp(X), HadamardPower(sg.exp(X) * OneMatrix(4, 1) * OneMatrix(1, 4), -1)
        ),
        sg.softmax(X, rows=True),
    ),
    "softmax of columns": (
        HadamardProduct(
            sg.exp(X), HadamardPower(OneMatrix(3, 1) * (OneMatrix(1, 3) * sg.exp(X)), -1)
        ),
        of(
            exp(t),
            g.add(
                [
                    (1, lift(X), (0, 1)),
                    (-1, g.reduce("logsumexp", lift(X), (1, 0), (4,)), (1,)),
                ],
                (3, 4),
            ),
        ),
    ),
    "logsumexp of columns": (
        sg.log(sg.exp(X).T * OneMatrix(3, 1)),
        sg.logsumexp(X.T, rows=True),
    ),
}
"""Of vectors and matrices."""


@pytest.mark.parametrize("name", SCALARS)
def test_spelling_of_a_scalar(name: str) -> None:
    typed, known = SCALARS[name]
    assert normalise([lift(typed)]) == normalise([lift(known)])


@pytest.mark.parametrize("name", ARRAYS)
def test_spelling_of_an_array(name: str) -> None:
    typed, known = ARRAYS[name]
    assert normalise([lift(typed)]) == normalise(
        [known if isinstance(known, Node) else lift(known)]
    )


k, j = sp.Idx("k", N), sp.Idx("j", N)
q = sp.IndexedBase("q", shape=(N,))
Q = MatrixSymbol("q", N, 1)
over_j, over_k = (j, 0, N - 1), (k, 0, N - 1)

INDEXED: dict[str, tuple[Any, tuple[Any, ...], Any]] = {
    "σ": (1 / (1 + exp(-q[k])), (k,), sg.sigmoid(Q)),
    "softmax": (exp(q[k]) / sp.Sum(exp(q[j]), over_j), (k,), sg.softmax(Q)),
    "logsumexp": (log(sp.Sum(exp(q[j]), over_j)), (), sg.logsumexp(Q)),
    "log softmax": (
        log(exp(q[k]) / sp.Sum(exp(q[j]), over_j)),
        (k,),
        Q - sg.logsumexp(Q) * OneMatrix(N, 1),
    ),
    "softmax average": (
        sp.Sum(exp(q[k]) * q[k] / sp.Sum(exp(q[j]), over_j), over_k),
        (),
        sg.dot(sg.softmax(Q), Q),
    ),
}
"""In index notation."""


@pytest.mark.parametrize("name", INDEXED)
def test_spelling_in_index_notation(name: str) -> None:
    typed, indices, known = INDEXED[name]
    (found,), (expected,) = normalise([sg.let("f", typed, *indices).node]), normalise([lift(known)])
    assert listing.text([found.args[0]]) == listing.text([expected])


def test_no_derivative_goes_through_the_subtracted_maximum() -> None:
    typed, _ = ARRAYS["softmax, max, names"]
    d = sg.gradient(sg.dot(typed, V), Z)
    assert not any(
        n.kind is Kind.REDUCE and n.op in ("max", "argmax") for n in g.topological(d.roots)
    )


def test_what_a_reader_wrote_in_named_values_stays() -> None:
    """1 − h² with h = tanh z is no product of sigmoids, nor 1 − p, with p = σ(z), one sigmoid."""
    h, p = sg.let("h", tanh(z)), sg.let("p", sg.sigmoid(z))
    for expr in (1 - h**2, 1 + h, 1 - p, 2 * p - 1):
        (found,) = normalise([lift(expr)])
        (name,) = (n for n in g.topological([found]) if n.kind is Kind.NAMED)
        assert name.args[0].args[0].kind is Kind.LEAF


# ------------------------------------------------------------------------------- extreme values

FAR = (-1000.0, -1.5, 0.25, 1000.0)


def exactly(expr: Any, at: float) -> float:
    """A declaration at z = ``at``, as typed, with as many digits as it takes.

    Beyond 30, where 1 − |erf| is below 10⁻³⁹⁰, mpmath would take minutes to say so.
    """
    value = plain(expr).subs(z, sp.Rational(at))
    far = value.replace(erf, lambda u: sp.sign(u) if abs(u) > 30 else erf(u))
    return float(far.evalf(25, maxn=20000))


@cache
def compiled(target: str) -> Any:
    """Every scalar spelling and its derivative in one function."""
    return sg.function(
        [z], [e for typed, _ in SCALARS.values() for e in (typed, sg.gradient(typed, z))], target
    )


@pytest.mark.parametrize("target", ["numpy", "numba"])
@pytest.mark.parametrize("at", FAR)
def test_scalar_spellings_far_out(at: float, target: str) -> None:
    found = np.array(compiled(target)(at)).reshape(-1, 2)
    for (typed, known), (value, slope) in zip(SCALARS.values(), found, strict=True):
        smooth = plain(known) if typed.has(Max, Heaviside, sp.Piecewise) else plain(typed)
        assert value == pytest.approx(exactly(smooth, at), rel=1e-13, abs=1e-300), typed
        assert slope == pytest.approx(exactly(smooth.diff(z), at), rel=1e-12, abs=2e-16), typed


POINTS = [[1000.0, 0.0, -1000.0], [-1000.0, -1000.0, -1000.0], [1000.0, 1000.0, 999.0]]

LOSSES: dict[str, Callable[[Any], Any]] = {
    "logsumexp": lambda a: log(sg.sum(sg.exp(a))),
    "softmax": lambda a: sg.dot(sg.exp(a) / sg.sum(sg.exp(a)), MatrixSymbol("w", 3, 1)),
    "softmax average": lambda a: sg.dot(sg.exp(a), MatrixSymbol("w", 3, 1)) / sg.sum(sg.exp(a)),
    "cross-entropy, target": lambda a: sg.cross_entropy(
        sg.exp(a) / sg.sum(sg.exp(a)), sg.simplex("p", 3)
    ),
    "cross-entropy, label": lambda a: sg.cross_entropy(
        sg.let("q", sg.exp(a) / sg.sum(sg.exp(a))), sg.label("c", 3)
    ),
    "log of softmax": lambda a: sg.dot(sg.log(sg.softmax(a)), MatrixSymbol("w", 3, 1)),
    "sigmoid": lambda a: sg.sum(entrywise(a, 1 / (1 + exp(-z)))),
    "softplus": lambda a: sg.sum(sg.log(OneMatrix(3, 1) + sg.exp(a))),
    "tanh": lambda a: sg.sum(
        HadamardProduct(sg.exp(a) - sg.exp(-a), HadamardPower(sg.exp(a) + sg.exp(-a), -1))
    ),
    "binary cross-entropy": lambda a: (
        -sg.sum(
            hadamard_product(MatrixSymbol("w", 3, 1), entrywise(a, log(1 / (1 + exp(-z)))))
            + entrywise(a, log(1 - 1 / (1 + exp(-z))))
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
    average = sum(x * y for x, y in zip(w, p, strict=True))
    return {
        "logsumexp": lambda: mpmath.log(sum(e)),
        "softmax": lambda: average,
        "softmax average": lambda: average,
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
        if node.kind is Kind.MAP and node.body == exp(t):
            assert any(arg.kind is Kind.REDUCE for arg in g.peel(node.args[0]).args)


def test_weights_of_a_logarithm_s_sum_need_no_order() -> None:
    """1/D < 1/100000 is no truth value."""
    D = Symbol("D", integer=True, positive=True)
    v = sg.assume(MatrixSymbol("v", D, 1), sp.Q.positive)
    root = lift(log(sg.sum(v) / D + sg.dot(v, v) / 100000))
    (normal,) = normalise([root])
    values = interpret([root, normal], Net(dims={D: 2}), {"v": np.array([1.0, 3.0])})
    np.testing.assert_allclose([float(x) for x in values], np.log(2 + 10 / 100000))
