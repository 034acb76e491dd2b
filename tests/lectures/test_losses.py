"""The lectures' losses and regularisers, each with the gradient that the lecture derives.

`SYSTEMS` declares every loss the way its lecture does, by index or in matrices, and states the
backward lines word for word; all are checked against the oracle. Below the table stand what is
shown with numbers: identities, extremes, a regulariser in an empirical risk, and the 0–1 loss. The
ids C1 to C12 are those of the project's list.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from gradients import check_gradient
from lectures import System, backward, check, real
from oracle import Net
from sympy import Abs, IndexedBase, MatrixSymbol, Max, Ne, Piecewise, Sum, exp, log

import symgrad as sg
from symgrad.vocabulary import plain

TARGETS = ("numpy", "numba")
QUICKLY = ("numpy", pytest.param("numba", marks=pytest.mark.slow))
"""`test_shifted` compiles these losses too, at more points."""
C, D, N = sp.symbols("C D N", integer=True, positive=True)
DIMS = {C: 3, D: 4, N: 5}
j, k, l = sp.symbols("j k l", integer=True)
f, y, s, p = (MatrixSymbol(name, C, 1) for name in "fysp")
f_, y_, s_ = (IndexedBase(name, shape=(C,)) for name in "fys")
W, x = MatrixSymbol("W", C, D), MatrixSymbol("x", D, 1)
W_, x_ = IndexedBase("W", shape=(C, D)), IndexedBase("x", shape=(D,))
c = sg.label("c", C)
P, Y = sg.simplex("p", C), sg.simplex("y", C)
q, Delta = sp.symbols("q Δ", positive=True)
every_class, every_input = (j, 0, C - 1), (k, 0, D - 1)


def system(loss: Any, *lines: str, wrt: Any = (f,), net: Net | None = None, **more: Any) -> System:
    """A row: the loss is named L, in a net of its own unless one is given."""
    net = net or Net(dims=dict(DIMS))
    return System(net.let("L", loss), list(wrt), list(lines), net, **more)


# -------------------------------------------------------------------------------- by class label


def scores(net: Net) -> Any:
    """s = W·x, by index."""
    return net.let("s", Sum(W_[j, k] * x_[k], every_input), j)


def nll_of_probability() -> System:
    """p = softmax(s), L = −log p_c: at the scores p − 1_c, and (p_j − 1[j = c])·x_k at w_jk."""
    net = Net(dims=dict(DIMS))
    z = scores(net)
    prob = net.let("p", exp(z[j]) / Sum(exp(z[l]), (l, 0, C - 1)), j)
    lines = ["δ_s[j] = ∂L/∂s[j] = p[j] − 1[j = c]", "∂L/∂W[j, i] = δ_s[j]·x[i]"]
    return system(-log(prob[c]), *lines, wrt=[z, W], net=net, form="index")


def nll_of_scores() -> System:
    """The same loss as −s_c + log Σ e^s."""
    net = Net(dims=dict(DIMS))
    z = scores(net)
    loss = -z[c] + log(Sum(exp(z[j]), every_class))
    line = "∂L/∂W[j, i] = (exp(s[j])/(Σ_k exp(s[k])) − 1[j = c])·x[i]"
    return system(loss, line, wrt=[W], net=net, form="index")


def nll_in_matrices() -> System:
    """In matrices: (p − 1_c)·xᵀ, the outer product of the two."""
    net = Net(dims=dict(DIMS))
    z = net.let("s", W * x)
    prob = net.let("p", sg.softmax(z))
    return system(sg.cross_entropy(prob, c), "∂L/∂W = (p − 1_c)·xᵀ", wrt=[W], net=net)


def hinge_by_index() -> System:
    """Σ_{j≠c} max(0, s_j − s_c + Δ): for m ≠ c, 1[s_m − s_c + Δ > 0]·x; for c, minus their sum."""
    net = Net(dims=dict(DIMS))
    z = scores(net)
    term = Piecewise((Max(0, z[j] - z[c] + Delta), Ne(j, c)), (0, True))
    other, own = "1[j ≠ c]·1[Δ + s[j] − s[c] > 0]", "(Σ_k 1[k ≠ c]·1[Δ + s[k] − s[c] > 0])·1[j = c]"
    lines = [f"δ_s[j] = ∂L/∂s[j] = {other} − {own}", "∂L/∂W[j, i] = δ_s[j]·x[i]"]
    return system(Sum(term, every_class), *lines, wrt=[z, W], net=net, form="index")


def hinge_by_name() -> System:
    """`sg.multiclass_hinge`, with the margin 1."""
    net = Net(dims=dict(DIMS))
    z = net.let("s", W * x)
    other, own = "1[j ≠ c]·1[1 + s[j] − s[c] > 0]", "(Σ_k 1[k ≠ c]·1[1 + s[k] − s[c] > 0])·1[j = c]"
    lines = [f"δ_s[j] = ∂L/∂s[j] = {other} − {own}", "∂L/∂W[j, i] = δ_s[j]·x[i]"]
    return system(sg.multiclass_hinge(z, c), *lines, wrt=[z, W], net=net, form="index")


# ------------------------------------------------------------------ functions of the margin y·f(x)

w = MatrixSymbol("w", D, 1)
b, label = real("b y")


def of_margin(loss: Callable[[Any], Any], line: str) -> Callable[[], System]:
    """f = wᵀx + b and a loss of y·f; then ∂L/∂w = δ_f·x."""

    def make() -> System:
        net = Net(dims=dict(DIMS))
        z = net.let("f", sg.dot(w, x) + b)
        lines = [f"δ_f = ∂L/∂f = {line}", "∂L/∂w = δ_f·x", "∂L/∂b = δ_f"]
        return system(loss(z), *lines, wrt=[z, w, b], net=net)

    return make


def sigma(t: Any) -> Any:
    return 1 / (1 + exp(-t))


SYSTEMS: dict[str, Callable[[], System]] = {
    # C1: f − y, for ½‖f − y‖²; the mean over C entries has the factor 2/C.
    "C1 half the squared norm": lambda: system(sg.squared_error(f, y), "∂L/∂f = f − y"),
    "C1 by index": lambda: system(
        Sum((f_[j] - y_[j]) ** 2, every_class) / 2, "∂L/∂f[i] = f[i] − y[i]", form="index"
    ),
    "C1 mean": lambda: system(sg.mean_squared_error(f, y), "∂L/∂f = 2·(f − y)/C"),
    "C1 sum of squares": lambda: system(
        Sum((f_[j] - y_[j]) ** 2, every_class), "∂L/∂f = 2·(f − y)"
    ),
    # C2: |f − y|^q, the absolute and the squared error being q = 1 and 2.
    "C2 q = 1": lambda: system(sg.power_error(f, y, 1), "∂L/∂f = sign(f − y)"),
    "C2 q = 2": lambda: system(sg.power_error(f, y, 2), "∂L/∂f = 2·(f − y)"),
    "C2 any q": lambda: system(
        sg.power_error(f, y, q), "∂L/∂f = q·(|f − y|^(q − 1) ⊙ sign(f − y))"
    ),
    "C2 any q, by index": lambda: system(
        Sum(Abs(f_[j] - y_[j]) ** q, every_class),
        "∂L/∂f[i] = q·|f[i] − y[i]|^(q − 1)·sign(f[i] − y[i])",
        form="index",
    ),
    "C3 −log p of the class": nll_of_probability,
    "C3 −s + log Σ e^s": nll_of_scores,
    "C3 in matrices": nll_in_matrices,
    # C4: a target distribution y; −y/p at the prediction, p − y at the scores where Σ y = 1.
    "C4 cross-entropy": lambda: system(
        sg.cross_entropy(P, Y), "∂L/∂p = −y/p", wrt=[P]
    ),
    "C4 entropy": lambda: system(sg.entropy(P), "∂L/∂p = −log(p) − 1", wrt=[P]),
    "C4 divergence": lambda: system(
        sg.kl_divergence(P, Y),
        "∂L/∂p = 1 + log(p) − log(y)",
        "∂L/∂y = −p/y",
        wrt=[P, Y],
    ),
    # C5: the logistic loss, with labels 0/1 and ±1.
    "C5 labels 0 and 1": of_margin(lambda z: sg.logistic_loss(z, label), "σ(f) − y"),
    "C5 labels 0 and 1, by hand": of_margin(
        lambda z: -label * log(sigma(z)) - (1 - label) * log(1 - sigma(z)), "σ(f) − y"
    ),
    "C5 labels ±1": of_margin(lambda z: sg.logistic_margin(label * z), "−y·σ(−f·y)"),
    "C5 labels ±1, by hand": of_margin(lambda z: -log(sigma(label * z)), "−y·σ(−f·y)"),
    "C6 hinge over the other classes": hinge_by_index,
    "C6 by name": hinge_by_name,
    # C7: one binary loss a label.
    "C7 multi-label hinge": lambda: system(
        Sum(Max(0, 1 - y_[j] * f_[j]), every_class),
        "∂L/∂f[i] = −y[i]·1[1 − f[i]·y[i] > 0]",
        form="index",
    ),
    "C7 multi-label hinge, by name": lambda: system(
        sg.multilabel_hinge(f, y), "∂L/∂f = −y ⊙ 1[1 − f ⊙ y > 0]"
    ),
    "C7 multi-label logistic": lambda: system(
        -Sum(y_[j] * log(sigma(f_[j])) + (1 - y_[j]) * log(1 - sigma(f_[j])), every_class),
        "∂L/∂f = σ(f) − y",
    ),
    "C7 multi-label logistic, by name": lambda: system(
        sg.multilabel_logistic(f, y), "∂L/∂f = σ(f) − y"
    ),
    # C8: further losses of the margin y·f(x).
    "C8 square": of_margin(lambda z: (1 - label * z) ** 2, "2·y·(f·y − 1)"),
    "C8 hinge": of_margin(lambda z: Max(0, 1 - label * z), "−y·1[1 − f·y > 0]"),
    "C8 hinge, by name": of_margin(lambda z: sg.hinge(label * z), "−y·1[1 − f·y > 0]"),
    # C9: sparsemax(z) − y, for a distribution and for a class.
    "C9 sparsemax": lambda: system(
        sg.sparsemax_loss(f, Y), "∂L/∂f = sparsemax(f) − y"
    ),
    "C9 sparsemax of a class": lambda: system(
        sg.sparsemax_loss(f, c), "∂L/∂f = sparsemax(f) − 1_c"
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", SYSTEMS)
def test_system(row: str) -> None:
    check(SYSTEMS[row]())


# ---------------------------------------------------------------------- C3: the lecture's two cases


@pytest.mark.parametrize("target", TARGETS)
def test_c3_and_c6_case_by_case(target: str) -> None:
    """By w_jk: (p_j − 1)·x_k for the correct class, p_j·x_k for any other; the hinge likewise."""
    z = sg.let("s", W * x)
    losses = [sg.cross_entropy(sg.softmax(z), c), sg.multiclass_hinge(z, c)]
    f_all = sg.function([W, x, c], [sg.gradient(loss, W) for loss in losses], target=target)
    rng = np.random.default_rng(0)
    for own in range(4):
        Ws, xs = rng.normal(size=(4, 2)), rng.normal(size=2)
        soft, hinge = f_all(Ws, xs, own)
        score = Ws @ xs
        prob = np.exp(score) / np.exp(score).sum()
        violated = score - score[own] + 1 > 0
        for m in range(4):
            if m == own:
                others = sum(violated[n] for n in range(4) if n != own)
                np.testing.assert_allclose(soft[m], (prob[m] - 1) * xs)
                np.testing.assert_allclose(hinge[m], -others * xs)
            else:
                np.testing.assert_allclose(soft[m], prob[m] * xs)
                np.testing.assert_allclose(hinge[m], violated[m] * xs)


# --------------------------------------------------------------------------------- C4: an identity


def test_c4_cross_entropy_is_entropy_and_divergence() -> None:
    """H(p, q) = H(p) + KL(p‖q): their difference has the gradient 0 everywhere, and is 0 somewhere.

    That proves it: all positive p and q are one connected set.
    """
    prediction = sg.simplex("q", C)
    whole = sg.cross_entropy(prediction, P)
    parts = sg.entropy(P) + sg.kl_divergence(P, prediction)
    d = sg.gradient(whole - parts, [P, prediction])
    assert backward(d) == ["∂L/∂p = 0", "∂L/∂q = 0"]
    values = sg.function([P, prediction], [whole, parts, sg.kl_divergence(P, prediction)])
    half = np.array([0.5, 0.25, 0.25])  # powers of two, whose logarithms are exact multiples
    assert values(half, half) == (values(half, half)[0],) * 2 + (0,)
    cars, guess = np.array([0.8, 0.15, 0.05]), np.array([0.1, 0.6, 0.3])
    assert values(cars, guess)[0] == pytest.approx(values(cars, guess)[1], rel=1e-15)


def test_c4_bits_of_the_car_example() -> None:
    """Fiat 0.8, Mazda 0.15, Tesla 0.05: the entropy in bits, and 0·log 0 = 0."""
    cars = np.array([0.80, 0.15, 0.05])
    bits = sg.function([P], sg.entropy(P) / log(2))
    assert bits(cars) == pytest.approx(0.80 * 0.32193 + 0.15 * 2.73697 + 0.05 * 4.32193, abs=1e-5)
    assert bits(np.array([1.0, 0.0, 0.0])) == 0


# ------------------------------------------------------------------------------ C5: one loss twice


def test_c5_the_two_conventions_agree() -> None:
    """With t = 2y − 1, the loss of 0/1 labels is that of ±1 labels, at each of the labels."""
    score = real("f")
    both = [sg.logistic_loss(score, label), sg.logistic_margin((2 * label - 1) * score)]
    for y_value in (0, 1):
        first, second = (sg.let("L", e.subs(label, y_value)) for e in both)
        gradients = [sg.gradient(e, score).closed_form(score) for e in (first, second)]
        assert sp.simplify(plain(gradients[0] - gradients[1])) == 0


# ---------------------------------------------------------------------- C10: a metric, not a loss


def test_c10_zero_one_loss_is_a_metric() -> None:
    """Usable to count mistakes, of margins and of classes."""
    count = sg.function([f], sg.zero_one_loss(f))
    assert count(np.array([0.5, -0.1, -3.0])) == 2
    wrong = sg.function([s, c], sg.zero_one_loss(s, c))
    assert [wrong(np.array([0.1, 2.0, 0.3]), n) for n in range(3)] == [1, 0, 1]


@pytest.mark.parametrize("make", [lambda: sg.zero_one_loss(f), lambda: sg.zero_one_loss(f, c)])
def test_c10_zero_one_loss_is_refused_for_training(make: Callable[[], Any]) -> None:
    """The message gives the reason and the surrogates; `sg.soften` puts one in its place."""
    with pytest.raises(sg.DerivativeError) as caught:
        sg.gradient(make(), f)
    message = str(caught.value)
    for words in ("0–1 loss", "Dirac delta", "logistic loss", "hinge", "cross-entropy"):
        assert words in message
    assert "\n" not in message
    assert sg.gradient(sg.soften(make()), f)[f].shape == (C, 1)


# ------------------------------------------------------------------ C11: regularised empirical risk

lam = sp.Symbol("λ", positive=True)
REGULARISERS: dict[str, tuple[Callable[[Any], Any], str, Callable[[np.ndarray], np.ndarray]]] = {
    "squared norm": (sg.l2, "λ·W", lambda at: at),
    "absolute norm": (sg.l1, "λ·sign(W)", np.sign),
}


@pytest.mark.parametrize("inside", [False, True], ids=["beside the mean", "in every example"])
@pytest.mark.parametrize("name", REGULARISERS)
def test_c11_the_regulariser_counts_once(name: str, inside: bool) -> None:
    """λΩ(θ) + (1/N) Σ L, and (1/N) Σ (λΩ(θ) + L): the gradient λ·∇Ω once, not once an example."""
    omega, line, slope = REGULARISERS[name]
    out = sg.let("f", W * x)
    one = sg.squared_error(out, y)
    if inside:
        risk = sg.empirical_risk(one + lam * omega(W), data=[x, y])
    else:
        risk = lam * omega(W) + sg.empirical_risk(one, data=[x, y])
    d = sg.gradient(sg.let("L", risk), W)
    assert backward(d) == [f"∂L/∂W = {line} + (f − Y)ᵀ·X/N"]
    if not inside:
        shown = {
            "squared norm": "λ·‖W‖²/2 + ‖f − Y‖²/(2·N)",
            "absolute norm": "‖f − Y‖²/(2·N) + λ·sum(|W|)",
        }[name]
        assert d.steps[1].text == f"L = {shown}"
    rng = np.random.default_rng(5)
    Ws, X, Ys = rng.normal(size=(3, 4)), rng.normal(size=(6, 4)), rng.normal(size=(6, 3))
    f_all = sg.function([W, x, y, lam], d)
    (found,) = f_all(Ws, X, Ys, 0.3)
    np.testing.assert_allclose(found, (X @ Ws.T - Ys).T @ X / 6 + 0.3 * slope(Ws), rtol=1e-12)
    assert "einsum" not in f_all.source  # no copy of Ω for every example


# ------------------------------------------------------------------------------- C12: large scores


@pytest.mark.parametrize("target", QUICKLY)
@pytest.mark.parametrize("spelling", ["label", "primitives", "less the maximum", "distribution"])
def test_c12_scores_of_a_thousand(spelling: str, target: str) -> None:
    """−log softmax at scores of ±1000 is finite and exact, however it is written.

    Exact: to 4 units in the last place of the loss itself, however large the scores are.
    """
    e, shifted = exp(s_[j]), exp(s_[j] - sg.max(s))
    loss = {
        "label": sg.cross_entropy(sg.softmax(s), c),
        "primitives": -log(exp(s_[1]) / Sum(e, every_class)),
        "less the maximum": -log(exp(s_[1] - sg.max(s)) / Sum(shifted, every_class)),
        "distribution": sg.cross_entropy(sg.softmax(s), y),
    }[spelling]
    inputs = {"label": [s, c], "distribution": [s, y]}.get(spelling, [s])
    f_all = sg.function(inputs, [loss, sg.gradient(loss, s)], target=target)
    rest = {"label": [1], "distribution": [np.array([0.0, 1.0, 0.0])]}.get(spelling, [])
    for at in ([1000.0, -1000.0, 0.0], [-1000.0, 1000.0, 999.0], [1000.0, 1000.0, 1000.0]):
        value, gradient = f_all(np.array(at), *rest)
        with mpmath.workdps(60):
            powers = [mpmath.exp(mpmath.mpf(t)) for t in at]
            true = mpmath.log(mpmath.fsum(powers)) - at[1]
            slopes = [t / mpmath.fsum(powers) - (n == 1) for n, t in enumerate(powers)]
            assert abs(value - true) <= 4 * np.finfo(float).eps * true
            for found, slope in zip(gradient, slopes, strict=True):
                assert abs(found - slope) <= 1e-15


def test_c12_the_oracle_agrees_at_large_scores() -> None:
    net = Net(dims=dict(DIMS))
    loss = net.let("L", sg.cross_entropy(sg.softmax(s), c))
    at = {"s": np.array([300.0, -200.0, 299.0]), "c": 2}
    check_gradient(loss, [s], net, [s, c], env=at)
