"""Units: which layers two threads can have between them, and what that leaves of a program."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from sympy import MatrixSymbol, hadamard_product, symbols
from uncompiled import loaded

import symgrad as sg
from symgrad.codegen.targets import numba_steps

D, H, C = symbols("D H C", integer=True, positive=True)


def layers(*sizes: Any, hidden: Callable[[Any], Any] = sg.tanh) -> tuple[Any, list[Any], list[Any]]:
    """A classifier with softmax and cross-entropy."""
    x = h = MatrixSymbol("x", sizes[0], 1)
    y, params = sg.simplex("y", sizes[-1]), []
    for k, (into, out) in enumerate(pairwise(sizes), 1):
        W, b = MatrixSymbol(f"W{k}", out, into), MatrixSymbol(f"b{k}", out, 1)
        h = sg.let(f"h{k}", hidden(W * h + b)) if k < len(sizes) - 1 else W * h + b
        params += [W, b]
    return sg.cross_entropy(sg.softmax(h), y), params, [x, y]


def autoencoder(inputs: int = 900, hidden: int = 60) -> tuple[Any, list[Any], list[Any]]:
    x = MatrixSymbol("x", inputs, 1)
    W, V = MatrixSymbol("W", hidden, inputs), MatrixSymbol("V", inputs, hidden)
    return sg.squared_error(V * sg.let("h", sg.sigmoid(W * x)), x), [W, V], [x]


def residual() -> tuple[Any, list[Any], list[Any]]:
    """h = x + tanh(W·x): its units are those of the data."""
    x, y = MatrixSymbol("x", 200, 1), sg.simplex("y", 3)
    W, V = MatrixSymbol("W", 200, 200), MatrixSymbol("V", 3, 200)
    return sg.cross_entropy(sg.softmax(V * (x + sg.tanh(W * x))), y), [W, V], [x, y]


def normalised(inputs: int = 900, hidden: int = 60) -> tuple[Any, list[Any], list[Any]]:
    """Every unit needs the sum of all."""
    x, y = MatrixSymbol("x", inputs, 1), sg.simplex("y", 3)
    W, V = MatrixSymbol("W", hidden, inputs), MatrixSymbol("V", 3, hidden)
    return sg.cross_entropy(sg.softmax(V * sg.softmax(W * x)), y), [W, V], [x, y]


def source(model: tuple[Any, list[Any], list[Any]], *without: str) -> str:
    return sg.training_module(*model, optimizers=["sgd"], without=list(without)).source


def axes(text: str) -> dict[str, int]:
    """The parameters that are divided, and along which axis."""
    (line,) = (x for x in text.splitlines() if x.strip().startswith("axes = {"))
    found = line.partition("{")[2].rstrip("}").replace('"', "").split(", ")
    return {name: int(axis) for name, axis in (x.split(": ") for x in found)}


DIVIDED: dict[str, tuple[tuple[Any, list[Any], list[Any]], dict[str, int]]] = {
    "one hidden layer": (layers(200, 300, 10), {"W1": 0, "b1": 0, "W2": 1}),
    "as many inputs as units": (layers(800, 800, 800), {"W1": 0, "b1": 0, "W2": 1}),
    "sizes of symbols": (layers(D, H, C), {"W1": 0, "b1": 0, "W2": 1}),
    "the wider of two layers": (layers(100, 50, 900, 10), {"W2": 0, "b2": 0, "W3": 1}),
    "relu, matrices column by column": (
        layers(64, 500, 10, hidden=sg.relu),
        {"W1": 0, "b1": 0, "W2": 1},
    ),
    "entries of the data, of which the loss is a sum": (autoencoder(), {"W": 1, "V": 0}),
    "entries of the data, where each unit needs all others": (normalised(), {"W": 1}),
}


@pytest.mark.parametrize("name", DIVIDED)
def test_divided(name: str) -> None:
    model, expected = DIVIDED[name]
    text = source(model)
    assert axes(text) == expected
    assert "divided" not in source(model, "divide")


def test_not_divided() -> None:
    assert "_is_divided" not in source(residual())


def test_what_passes_has_to_be_little() -> None:
    """Scores of 20,000 classes take as long to pass as the products that are saved."""
    assert "_is_divided" not in source(layers(100, 40, 20_000))


def test_small_networks_have_no_code_for_it() -> None:
    assert "_is_divided" not in source(layers(64, 32, 10))


def test_only_the_sum_passes_between_the_threads() -> None:
    """One product of a step is a sum over both halves: the class scores, 10 numbers a row."""
    text = source(layers(784, 128, 10))
    loop = text[text.index("def _folded_steps") :]
    loop = loop[: loop.index("\n\n\n")]
    lines = [x.strip() for x in loop.splitlines()]
    (k,) = (k for k, x in enumerate(lines) if x.startswith("sum_of_halves("))
    assert lines[k - 1].startswith("tiled_gemm(f32(1.0), W2, h1.T, f32(0.0), ")
    assert "longest = 10 * batch_size" in text


def shared() -> tuple[Any, list[Any], list[Any]]:
    """Two layers of the same units, a scalar parameter, a sum of two terms that reads them."""
    x, y, s = MatrixSymbol("x", 5, 1), MatrixSymbol("y", 2, 1), MatrixSymbol("s", 1, 1)
    A, B, V = MatrixSymbol("A", 7, 5), MatrixSymbol("B", 7, 5), MatrixSymbol("V", 2, 7)
    h = sg.let("h", hadamard_product(sg.sigmoid(A * x), sg.tanh(B * x)))
    return sg.squared_error(V * h * s[0, 0], y), [A, B, V, s], [x, y]


def labelled() -> tuple[Any, list[Any], list[Any]]:
    _, params, (x, _) = layers(5, 8, 3)
    c = sg.label("c", 3)
    W1, b1, W2, b2 = params
    return sg.cross_entropy(sg.softmax(W2 * sg.relu(W1 * x + b1) + b2), c), params, [x, c]


SMALL: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "one hidden layer": layers(5, 7, 3),
    "one size for all": layers(6, 6, 6),
    "three layers": layers(5, 6, 9, 3, hidden=sg.relu),
    "more than the narrow limit": layers(9, 5, 40),
    "entries of the data": autoencoder(11, 3),
    "where units need each other": normalised(11, 3),
    "two matrices of units": shared(),
    "labels": labelled(),
}


@pytest.mark.parametrize("name", SMALL)
def test_the_numbers_are_those_of_one_thread(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks so small that nobody would divide them, as plain Python on two threads."""
    monkeypatch.setattr(numba_steps, "MOST_PARAMETERS", 0)
    monkeypatch.setattr(numba_steps, "can_pay", lambda *_: True)
    options = {"target": "numba", "dtype": "float64", "optimizers": ["sgd"]}
    module = loaded(sg.training_module(*SMALL[name], **options).source)
    assert "_is_divided" in vars(module)
    random = np.random.default_rng(0)
    data = [
        random.integers(0, 3, 11) if spec.classes else random.dirichlet(np.ones(spec.shape[0]), 11)
        for spec in module.DATA
    ]
    results = []
    for divided in (True, False):
        vars(module).update(_is_divided=lambda *_, divided=divided: divided)
        settings = {"epochs": 2, "batch_size": 4, "learning_rate": 0.5, "progress": False}
        params, history = module.fit(*data, **settings)
        results.append([*params, history.loss])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)
