"""Derivatives in terms of values that are computed anyway, found for functions nobody listed."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from sympy import (
    Abs,
    Lambda,
    MatrixSymbol,
    Piecewise,
    Symbol,
    atan,
    cosh,
    exp,
    log,
    sin,
    sinh,
    sqrt,
    tanh,
)

import symgrad as sg
from symgrad import calculus
from symgrad import graph as g
from symgrad.calculus import OUTPUT, ieee, shortest
from symgrad.derivatives import partial_derivative
from symgrad.elementwise import spelled
from symgrad.graph import slot
from symgrad.lift import lift
from symgrad.regions import regions
from symgrad.simplify import normalise
from symgrad.vocabulary import absolute, plain, sigmoid, softplus

t, c = slot(0), slot(1)
h = OUTPUT

FORMS: dict[str, tuple[Any, Any]] = {
    "gudermannian": (atan(sinh(t)), 1 / cosh(t)),
    "gudermannian by tanh": (2 * atan(tanh(t / 2)), 1 / cosh(t)),
    "softsign": (t / (1 + absolute(t)), (1 + absolute(t)) ** -2),
    "swish": (t * sigmoid(t), h + sigmoid(t) * (1 - h)),
    "logistic": (1 / (1 + exp(-t)), h * (1 - h)),
    "ELU": (
        Piecewise((t, t > 0), (c * (exp(t) - 1), True)),
        Piecewise((1, t > 0), (h + c, True)),
    ),
    "hypotenuse": (sqrt(1 + t**2), t / h),
    "area sine": (log(t + sqrt(1 + t**2)), 1 / sqrt(1 + t**2)),
    "log cosh": (log(cosh(t)), tanh(t)),
    "bell": (exp(-(t**2)), -2 * h * t),
    "Cauchy": (1 / (1 + t**2), -2 * h**2 * t),
    "σ′": (sigmoid(t) * (1 - sigmoid(t)), h * (1 - 2 * sigmoid(t))),
    "tent": (t * exp(-absolute(t)), exp(-absolute(t)) * (1 - absolute(t))),
    "rational": ((t**2 + 1) / (t**2 + 2), 2 * t / (t**2 + 2) ** 2),
    "e^t − 1": (exp(t) - 1, exp(t)),
    "polynomial": (t**3 + 2 * t, 3 * t**2 + 2),
    "product": (t**2 * log(t), 2 * t * log(t) + t),
}
"""f → f′ as it is computed. The last three are as SymPy has them: nothing is shorter."""


@pytest.mark.parametrize("name", FORMS)
def test_shortest_form(name: str) -> None:
    body, expected = FORMS[name]
    assert shortest(body, 0, partial_derivative(body, 0)) == expected


@pytest.mark.parametrize("name", FORMS)
def test_form_is_the_derivative(name: str) -> None:
    """Against mpmath's numerical differentiation of the plain function."""
    body, form = FORMS[name]
    value = sp.lambdify([t, c], plain(body), "mpmath")
    slope = sp.lambdify([t, c], plain(form.xreplace({OUTPUT: body})), "mpmath")
    with mpmath.workdps(40):
        for point in (0.4, 1.7, 3.0) if body.has(log) else (-2.5, -0.4, 0.3, 1.9):
            expected = mpmath.diff(lambda x: value(x, mpmath.mpf("0.7")), mpmath.mpf(point))
            assert mpmath.almosteq(slope(mpmath.mpf(point), mpmath.mpf("0.7")), expected, 1e-12)


def test_a_wrong_form_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sabotage: a candidate that is cheaper and wrong, alone and among others."""
    body = atan(sinh(t)) + t
    right = body.diff(t)
    monkeypatch.setattr(calculus, "_forms", lambda *_: [h, sp.Integer(1)])
    assert shortest.__wrapped__(body, 0, right) == right


def test_floating_point_is_followed_operation_by_operation() -> None:
    assert np.isnan(ieee(cosh(t) / (1 + sinh(t) ** 2), {t: 1000.0}))
    assert ieee(1 / cosh(t), {t: 1000.0}) == 0
    assert ieee(1 / cosh(t), {t: -1000.0}) == 0
    assert ieee(softplus(t), {t: 1000.0}) == 1000
    assert ieee(t**-2, {t: 0.0}) == np.inf


# ------------------------------------------------------------------------ in a derivation

x = Symbol("x", real=True)
X, w = MatrixSymbol("X", 4, 1), MatrixSymbol("w", 4, 1)
alpha = Symbol("alpha", positive=True)
FAR = np.array([1000.0, -1000.0, 0.5, -2.0])

ACTIVATIONS: dict[str, tuple[Any, str, str]] = {
    "gudermannian": (atan(sinh(x)), "1/cosh(x)", "(atan(sinh(t)))′ = 1/cosh(t)"),
    "softsign": (x / (1 + Abs(x)), "1/(1 + |x|)²", "(t/(1 + |t|))′ = 1/(1 + |t|)²"),
    "hypotenuse": (sqrt(1 + x**2), "x/h", "k = sqrt(t² + 1), k′ = t/k"),
    "σ": (1 / (1 + exp(-x)), "h·(1 − h)", "σ′ = σ(1 − σ)"),
    "tanh": ((exp(x) - exp(-x)) / (exp(x) + exp(-x)), "1 − h²", "tanh′ = 1 − tanh²"),
    "log cosh": (log(cosh(x)), "tanh(x)", "(log(cosh(t)))′ = tanh(t)"),
}
"""f(x) → ∂h/∂x and its reason, where h = f(x)."""


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_line_of_a_derivation(name: str) -> None:
    body, text, because = ACTIVATIONS[name]
    d = sg.gradient(sg.let("h", body), x)
    (step,) = (s for s in d.steps if s.phase == "backward")
    assert step.text == f"∂h/∂x = {text}"
    assert step.because == because


@pytest.mark.parametrize("name", [n for n in ACTIVATIONS if n not in ("hypotenuse", "log cosh")])
@pytest.mark.filterwarnings("ignore:overflow")
def test_gradient_far_out(name: str) -> None:
    """First and second derivative of Σ w·f(x), against the exact ones."""
    body = ACTIVATIONS[name][0]
    loss = sg.dot(w, sg.let("f", X.applyfunc(Lambda(x, body))))
    first = sg.gradient(loss, X)
    second = sg.gradient(sg.sum(first[X]), X)
    for order, d in ((1, first), (2, second)):
        (found,) = np.atleast_2d(sg.function([X, w], d)(FAR, np.ones(4)))
        slope = plain(spelled(body)).rewrite(Piecewise).diff(x, order)
        expected = [float(slope.subs(x, sp.Rational(v)).evalf(25, maxn=8000)) for v in FAR]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-16)


def regions_of(loss: Any) -> list[Any]:
    (root,) = normalise([lift(loss)])
    return list(regions(g.topological([root]), g.consumers([root])).values())


def test_a_value_that_others_use_ends_a_region() -> None:
    """Unless the chain rule through it overflows, as that of atan(sinh x) does."""
    root = X.applyfunc(Lambda(x, sqrt(1 + x**2)))
    inside = X.applyfunc(Lambda(x, 1 + x**2))
    assert len(regions_of(sg.sum(root))) == 1
    assert not regions_of(sg.sum(root) + sg.dot(w, inside))
    steep = X.applyfunc(Lambda(x, atan(sinh(x))))
    assert len(regions_of(sg.sum(steep) + sg.dot(w, X.applyfunc(Lambda(x, sinh(x)))))) == 1


def test_a_named_value_ends_a_region() -> None:
    """It has a line of its own, so the chain rule goes through it."""
    s = sg.let("s", sinh(x))
    d = sg.gradient(sg.let("y", atan(s)), [x, s])
    assert d[s] == 1 / (s**2 + 1)


def test_trained_slope() -> None:
    """ELU typed by cases: h + α where z ≤ 0, and the derivative by α."""
    h = sg.let("h", X.applyfunc(Lambda(x, Piecewise((x, x > 0), (alpha * (exp(x) - 1), True)))))
    d = sg.gradient(sg.dot(w, h), [X, alpha])
    by_x, by_alpha = sg.function([X, w, alpha], d)(
        np.array([1.0, -1.0, 0.0, -900.0]), np.ones(4), 0.5
    )
    np.testing.assert_allclose(by_x, [1, 0.5 * np.exp(-1), 0.5, 0], atol=1e-15)
    np.testing.assert_allclose(by_alpha, np.expm1(-1) + 0 - 1)


def test_sine_is_left_alone() -> None:
    assert shortest(sin(t), 0, sp.cos(t)) == sp.cos(t)
