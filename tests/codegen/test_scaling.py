"""η/N multiplies one adjoint, and no gradient."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp
from sympy import MatrixSymbol

import symgrad as sg

x, W, b = MatrixSymbol("x", 5, 1), MatrixSymbol("W", 3, 5), MatrixSymbol("b", 3, 1)
y = MatrixSymbol("y", 3, 1)
z = sg.let("z", W * x + b)
NORM = sp.trace(W * W.T) / 20


def loop(loss: Any, params: list[Any] | None = None) -> str:
    """The training loop."""
    module = sg.training_module(loss, params or [W, b], [x, y], target="numpy", optimizers=["sgd"])
    text = module.source[module.source.index("def _sgd_steps") :]
    return text[: text.index("\n\n\n")]


ENTROPY = sg.cross_entropy(sg.let("p", sg.softmax(z)), y)
SQUARES = sg.squared_error(z, y)

SCALED: dict[str, tuple[Any, str, list[str]]] = {
    "written over": (
        ENTROPY,
        "np.multiply(delta_z, learning_rate / N, out=delta_z)",
        ["W -= scaled_delta_z.T.dot(x)", "b -= scaled_delta_z.sum(axis=0)"],
    ),
    "read by the loss too": (
        SQUARES,
        "np.multiply(delta_z, learning_rate / N, out=delta_z)",
        ["np.vdot(delta_z, delta_z)", "W -= scaled_delta_z.T.dot(x)"],
    ),
    "beside a regulariser": (
        ENTROPY + NORM,
        "learning_rate / N",
        ["b -= scaled_delta_z.sum(axis=0)", "scaled_delta_z.T.dot(x)", "learning_rate * W"],
    ),
}


@pytest.mark.parametrize("name", SCALED)
def test_is_scaled_once(name: str) -> None:
    loss, scaled, gradients = SCALED[name]
    text = loop(loss)
    assert scaled in text
    assert all(x in text for x in gradients)
    assert text.count("learning_rate / N") == 1


def test_nothing_is_common() -> None:
    """Two losses of separate parameters have two adjoints: neither is behind both gradients."""
    v = MatrixSymbol("v", 5, 1)
    text = loop(sg.dot(v, x) ** 4 + sg.squared_error(b, y), [v, b])
    assert "scaled" not in text


def test_a_factor_of_its_own() -> None:
    """Where one gradient has another factor than the other, both keep theirs."""
    text = loop(sg.squared_error(2 * W * x + b, y))
    assert "scaled" not in text
