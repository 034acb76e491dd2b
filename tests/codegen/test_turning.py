"""Which matrices are stored the other way round, and that nothing else changes by it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sympy import MatrixSymbol
from uncompiled import loaded

import symgrad as sg


def network(*sizes: int, **options: Any) -> sg.TrainingModule:
    """Dense layers without biases; the last one is compared by squared error."""
    x, y = MatrixSymbol("x", sizes[0], 1), MatrixSymbol("y", sizes[-1], 1)
    W = [MatrixSymbol(f"W{k + 1}", sizes[k + 1], sizes[k]) for k in range(len(sizes) - 1)]
    h = x
    for k, weights in enumerate(W[:-1], 1):
        h = sg.let(f"h{k}", sg.tanh(weights * h))
    loss = sg.squared_error(W[-1] * h, y) + options.pop("penalty", lambda W: 0)(W)
    return sg.training_module(loss, W, [x, y], target="numba", name="turned", **options)


def turned(module: sg.TrainingModule) -> list[str]:
    return re.findall(r'"(\w+)"', re.findall(r"^F_ORDER.*=(.*)$", module.source, re.M)[0])


LAYERS = {
    "a layer that reads data": ((64, 32), ["W1"]),
    "every other layer": ((64, 64, 64, 64, 64), ["W1", "W3"]),
    "a product that BLAS copies": ((784, 128), []),
    "much less than the largest": ((64, 64, 2), ["W1"]),
}


@pytest.mark.parametrize("name", LAYERS)
def test_weights_are_turned(name: str) -> None:
    sizes, expected = LAYERS[name]
    assert turned(network(*sizes)) == expected


def test_a_matrix_that_is_read_in_both_orders_is_not() -> None:
    """A + Aᵀ, element by element, has no better order."""
    A, x = MatrixSymbol("A", 20, 20), MatrixSymbol("x", 20, 1)
    loss = sg.sum(sg.tanh(A * x)) + sg.sum(sg.sin(A + A.T))
    assert turned(sg.training_module(loss, [A], [x], target="numba")) == []


def trained(text: str, **options: Any) -> Any:
    """A few steps of a file that runs as plain Python."""
    made = loaded(text)
    random = np.random.default_rng(0)
    data = [random.normal(size=(10, *spec.shape)) for spec in made.DATA]
    options = {"epochs": 3} | options
    return made.fit(*data, seed=1, progress=False, **options)[0]


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "lbfgs"])
def test_the_order_changes_no_result(optimizer: str) -> None:
    """Also where a weight has a gradient of its own, element by element."""

    def penalty(W: list[Any]) -> Any:
        return sum(sg.sum(sg.exp(w)) for w in W) / 100

    def made(*without: str) -> str:
        return network(20, 18, 17, 16, dtype="float64", penalty=penalty, without=without).source

    assert "W1_T" in made() and "W1_T" not in made("turn")
    options: dict[str, Any] = {"optimizer": optimizer, "batch_size": None}
    if optimizer != "lbfgs":
        options |= {"batch_size": 4, "learning_rate": 0.01}
    one, other = (trained(made(*w), **options) for w in ((), ("turn",)))
    for a, b in zip(one, other, strict=True):
        assert a.flags.c_contiguous
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_checkpoint_is_the_same_in_every_order(optimizer: str, tmp_path: Path) -> None:
    """What is saved does not depend on how the steps keep it: another target goes on from it."""
    text = network(20, 18, 17, 16, dtype="float64").source
    other = network(20, 18, 17, 16, dtype="float64", without=["turn"]).source
    how = {"optimizer": optimizer, "batch_size": 4, "learning_rate": 0.01}
    whole = trained(text, epochs=4, **how)
    trained(text, epochs=2, checkpoint=tmp_path / "run", **how)
    resumed = trained(other, epochs=4, checkpoint=tmp_path / "run", **how)
    for a, b in zip(whole, resumed, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
