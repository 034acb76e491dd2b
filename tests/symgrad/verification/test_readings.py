"""What people write in claims that the language reads otherwise: h', (z > 0), L'(w), λ for lam."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

import symgrad as sg
from symgrad.errors import ParseError

LAYERS = """x: vector(D)
y: vector(C)
W1: matrix(H, D)
W2: matrix(C, H)
lam: scalar
z1 = W1 x
h = {f}(z1)
p = W2 h
L = 1/2 norm(p - y)^2 + lam/2 sum(W2 .^ 2)
"""
MODELS = {
    "tanh": LAYERS.format(f="tanh"),
    "relu": LAYERS.format(f="relu"),
    "numpy": "X: matrix(N, D)\nY: matrix(N, C)\nW1: matrix(D, H)\nW2: matrix(H, C)\n"
    "Hh = tanh(X W1)\nF = Hh W2\nL = (1/(2 N)) sum((F - Y).^2)\n",
    "scalar": "x, t: scalar\nw, b: scalar\nz = w x + b\no = sigmoid(z)\nL = 1/2 (o - t)^2\n",
}


@cache
def model(name: str) -> Any:
    return sg.parse(MODELS[name])


@pytest.mark.parametrize(
    ("name", "claim", "right"),
    [
        ("tanh", "dL/dz1 = W2' (p - y) ⊙ h'", True),
        ("tanh", "dL/dz1 = W2' (y - p) ⊙ h'", False),
        ("tanh", "dL/dz1 = W2' (p - y) ⊙ p'", False),
        ("tanh", "dL/dW2 = (p - y) h' + λ W2", True),
        ("tanh", r"\frac{\partial L}{\partial W_2} = (p - y) h^\top + \lambda W_2", True),
        ("tanh", "dL/dW2 = (p - y) h' - λ W2", False),
        ("relu", "dL/dz1 = dL/dh * (z1 > 0)", True),
        ("relu", "dL/dz1 = (z1 > 0) ⊙ dL/dh", True),
        ("relu", "dL/dz1 = dL/dh ⊙ 1(z1 > 0)", True),
        ("relu", "dL/dz1 = dL/dh * (1 - (z1 < 0))", True),
        ("relu", "dL/dz1 = dL/dh * (z1 < 0)", False),
        ("relu", "dh/dz1 = (z1 > 0)", True),
        ("numpy", "dL/dW1 = X.T @ (((F - Y) @ W2.T) * (1 - Hh**2)) / N", True),
        ("numpy", "dL/dW1 = X' (((F - Y) W2') ⊙ (1 - Hh^2)) / N", True),
        ("numpy", "dL/dW1 = X.T @ (((F - Y) @ W2.T) * (1 - Hh**3)) / N", False),
        ("scalar", "L'(w) = (o-t) o (1-o) x", True),
        ("scalar", "L'(w) = (o-t) o (1-o)", False),
        ("scalar", "o'(z) = o (1-o)", True),
        ("scalar", "dL/dw = (o-t) o'(z) x", True),
        ("scalar", "dL/dw = (o-t) o' x", True),
        ("scalar", "dL/dw = (o-t) o'", False),
    ],
)
def test_read_as_it_is_meant(name: str, claim: str, right: bool) -> None:
    assert sg.verify(claim, model(name)).status == ("right" if right else "wrong")


def test_a_slope_that_a_line_defines() -> None:
    steps = sg.verify_steps("h' = 1 - h^2\nδ1 = W2' (p - y) ⊙ h'", model("tanh"))
    assert "Every line is right." in str(steps)


def test_a_claim_declares_nothing() -> None:
    with pytest.raises(ParseError, match=r"μ is not declared in the model \(it has W1, .*above\."):
        sg.verify("dL/dW2 = (p - y) h' + mu W2", model("tanh"))
