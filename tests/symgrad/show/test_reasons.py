"""The reason beside a line names what happened on the way, and facts only where they are used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp
from sympy import MatrixSymbol, OneMatrix, symbols

import symgrad as sg

C, D = symbols("C D", integer=True, positive=True)
W, x, w = MatrixSymbol("W", C, D), MatrixSymbol("x", D, 1), MatrixSymbol("w", D, 1)
z, t = MatrixSymbol("z", C, 1), MatrixSymbol("t", C, 1)
y, c, v = symbols("y c v", real=True)
simplex = sg.simplex("q", C)

BINARY = "binary cross-entropy of σ"
SOFTMAX = "softmax′ = diag(p) − p·pᵀ"


def score() -> Any:
    return sg.let("s", sg.dot(w, x))


def binary() -> Any:
    p = sg.let("p", sg.sigmoid(score()))
    return -y * sp.log(p) - (1 - y) * sp.log(1 - p), w


def binary_of_many() -> Any:
    p, ones = sg.let("p", sg.sigmoid(W * x)), OneMatrix(C, 1)
    return -sg.dot(t, sg.log(p)) - sg.dot(ones - t, sg.log(ones - p)), W


def binary_of_a_batch() -> Any:
    return sg.empirical_risk(sg.let("l", binary_of_many()[0]), [x, t]), W


def margin() -> Any:
    return sg.logistic_margin(y * score()), w


def softplus_by_hand() -> Any:
    return sg.softplus(score()) - y * score(), w


def two_weights() -> Any:
    """y and 1 − 2·y are no distribution, so this is no cross-entropy."""
    return y * sg.softplus(-score()) + (1 - 2 * y) * sg.softplus(score()), w


def through_softmax() -> Any:
    return sg.squared_error(sg.softmax(z), t), z


def through_logsumexp() -> Any:
    return sg.logsumexp(z), z


def by_the_cofactor() -> Any:
    return c * sg.sum(simplex) + v**2, c


def beside_the_fact() -> Any:
    return c * sg.sum(simplex) + v**2, v


def above_the_fact() -> Any:
    u = sg.let("u", c * sg.sum(simplex))
    return u * v, v


def below_the_fact() -> Any:
    u = sg.let("u", c * sg.sum(simplex))
    return u * v, c


REASONS: dict[Callable[[], Any], str] = {
    binary: BINARY,
    binary_of_many: BINARY,
    binary_of_a_batch: BINARY,
    margin: "softplus′ = σ",
    softplus_by_hand: "softplus′ = σ",
    two_weights: "softplus′ = σ",
    through_softmax: SOFTMAX,
    through_logsumexp: "logsumexp′ = softmax",
    by_the_cofactor: "Σ q = 1",
    beside_the_fact: "L = c·sum(q) + v²",
    above_the_fact: "L = u·v",
    below_the_fact: "Σ q = 1",
}
"""A loss and what it is differentiated by → the reason of its first line."""


@pytest.mark.parametrize("declare", REASONS, ids=lambda f: f.__name__)
def test_the_reason_of_a_line(declare: Callable[[], Any]) -> None:
    loss, by = declare()
    d = sg.gradient(sg.let("L", loss), [by])
    first = next(s for s in d.steps if s.phase == "backward")
    assert first.because == REASONS[declare]


def test_the_second_derivative_of_a_softmax_has_one_reason() -> None:
    d = sg.hessian(sg.cross_entropy(sg.softmax(z), simplex), z)
    assert d.steps[-1].because == SOFTMAX


# ------------------------------------------------------------------- the name of what is derived

NAMES: dict[str, tuple[Any, str]] = {
    "a square": (sg.let("h", sp.tanh(v)) ** 2, "2·h·(1 − h²)"),
    "a product": (v * sp.exp(v), "v·exp(v) + exp(v)"),
    "a value of its own function": (sp.exp(v), "L"),
    "an output": (sp.tanh(v), "1 − L²"),
}
"""A loss called L, and its derivative by v."""


@pytest.mark.parametrize("name", NAMES)
def test_a_loss_is_put_into_its_gradient_only_as_an_output(name: str) -> None:
    loss, derivative = NAMES[name]
    d = sg.gradient(sg.let("L", loss), [v])
    assert d.steps[-1].text == f"∂L/∂v = {derivative}"
    check = d.closed_form(v) - sp.diff(_plain(loss), v)
    assert abs(float(check.subs(v, sp.Rational(3, 10)).evalf())) < 1e-12


def _plain(loss: Any) -> Any:
    return sp.tanh(v) ** 2 if loss.is_Pow else loss
