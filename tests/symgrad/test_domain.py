"""Logarithms of what can be ≤ 0: warned of once, with the alternative, and never needlessly."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
from sympy import MatrixSymbol, OneMatrix, Q, Symbol, cos, exp, log, symbols, tanh

import symgrad as sg

C, D = symbols("C D", integer=True, positive=True)
s, t = Symbol("s", real=True), Symbol("t", real=True)
a = Symbol("a", positive=True)
x, z = MatrixSymbol("x", D, 1), MatrixSymbol("z", C, 1)
W = MatrixSymbol("W", C, D)
y = sg.simplex("y", C)
w = sg.assume(MatrixSymbol("w", D, 1), Q.positive)
q = sg.let("q", 1 / (1 + exp(-t)))
p = sg.let("p", sg.softmax(W * x))
typed = sg.let("typed", z.applyfunc(exp) / sg.sum(sg.exp(z)))
difference = sg.let("difference", t - s)

DOUBTFUL: dict[str, tuple[Callable[[], Any], str]] = {
    "1 − t": (
        lambda: log(1 - t),
        "the logarithm of 1 − t is taken, which can be ≤ 0; if it is 1 − p with a probability p, "
        "make p with sg.sigmoid or sg.softmax, and the logarithm is taken exactly.",
    ),
    "a difference": (
        lambda: log(t - s),
        "the logarithm of t − s is taken, which can be ≤ 0; if it is meant to be positive, take "
        "the logarithm of its sg.softplus.",
    ),
    "relu": (
        lambda: sg.log(sg.relu(z)),
        "the logarithm of relu(z) is taken, which can be 0; use sg.softplus in place of relu, "
        "which is 0 on half of its arguments.",
    ),
    "a square": (
        lambda: log(sg.dot(x, x)),
        "the logarithm of ‖x‖² is taken, which can be 0; add a positive constant, "
        "as in log(ε + a).",
    ),
    "scores": (
        lambda: sg.log(W * x),
        "the logarithm of W·x is taken, which can be ≤ 0; declare what it is made of positive, "
        "as in sg.assume(x, Q.positive), or take the logarithm of its sg.softplus.",
    ),
    "tanh": (lambda: log(tanh(t)), "the logarithm of tanh(t) is taken, which can be ≤ 0"),
    "a named value": (
        lambda: log(difference) * 2,
        "the logarithm of difference is taken, which can be ≤ 0; if it is meant to be positive",
    ),
    "cross-entropy of scores": (
        lambda: sg.cross_entropy(W * x, y),
        "the logarithm of W·x is taken, which can be ≤ 0",
    ),
}
"""what it is → a declaration, and how the warning begins."""

FINE: dict[str, Callable[[], Any]] = {
    "a symbol": lambda: log(t),
    "a leaf": lambda: sg.log(x),
    "an entry": lambda: log(x[0, 0]),
    "a quotient of leaves": lambda: log(s / t),
    "a power of a leaf": lambda: log(3 * t**3),
    "e^t": lambda: log(1 + exp(t)),
    "1 + t²": lambda: log(1 + t**2),
    "2 + cos³ t": lambda: log(2 + cos(t) ** 3),
    "positive leaves": lambda: sg.log(w + w) + sg.log(sg.exp(x)),
    "a positive symbol": lambda: log(1 + a),
    "σ as typed": lambda: log(q),
    "1 − σ as typed": lambda: log(1 - q),
    "1 − σ": lambda: log(1 - sg.sigmoid(t - s)),
    "softmax": lambda: sg.log(p),
    "1 − softmax": lambda: sg.log(OneMatrix(C, 1) - p),
    "softmax as typed": lambda: sg.log(typed),
    "1 − softmax as typed": lambda: sg.log(OneMatrix(C, 1) - typed),
    "cross-entropy": lambda: sg.cross_entropy(p, y),
    "a mixture": lambda: log(sg.dot(y, sg.exp(z))),
    "softplus of a difference": lambda: log(sg.softplus(t - s)),
    "log-sum-exp": lambda: log(sg.sum(sg.exp(z))),
}
"""what needs no warning."""


@pytest.mark.parametrize("name", DOUBTFUL)
def test_a_doubtful_logarithm_is_one_sentence_at_its_declaration(name: str) -> None:
    declare, message = DOUBTFUL[name]
    with pytest.warns(sg.DomainWarning) as caught:
        sg.let("f", declare())
    (warning,) = caught
    assert str(warning.message).startswith(message)
    assert str(warning.message).endswith(".")
    assert warning.filename == __file__


@pytest.mark.parametrize("name", FINE)
def test_what_is_safe_is_silent(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sg.let("f", FINE[name]())


def test_a_loss_without_a_name_is_checked_when_it_is_differentiated() -> None:
    with pytest.warns(sg.DomainWarning, match="the logarithm of 1 − t is taken") as caught:
        sg.gradient(log(1 - t) ** 2, t)
    assert [w.filename for w in caught] == [__file__]


def test_a_named_value_is_warned_of_once() -> None:
    with pytest.warns(sg.DomainWarning):
        f = sg.let("f", log(1 - t))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sg.gradient(sg.let("g", f**2), t)
        sg.gradient(f, t)


def test_two_doubtful_logarithms_are_two_warnings() -> None:
    with pytest.warns(sg.DomainWarning) as caught:
        sg.let("f", log(1 - t) + log(s - t))
    assert len(caught) == 2


def test_a_declared_fact_settles_it() -> None:
    """The same declaration, with the alternative that the warning names."""
    V = sg.assume(W, Q.positive)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sg.let("f", sg.log(V * w))
        sg.let("f", sg.log(sg.softplus(W * x)))
