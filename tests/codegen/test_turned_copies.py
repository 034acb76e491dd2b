"""Weights that are read both ways are copied once a step, turned, where examples are many rows."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from sympy import MatrixSymbol, Sum, symbols
from uncompiled import loaded

import symgrad as sg

WORDS, WIDTH, EXAMPLES = 3, 8, 7


def declared() -> dict[str, Any]:
    """Two layers on every word of a sentence: the second weights are read as h·U and δ·Uᵀ."""
    x, y = MatrixSymbol("x", WORDS, WIDTH), MatrixSymbol("y", WIDTH, 1)
    W, U = MatrixSymbol("W", WIDTH, WIDTH), MatrixSymbol("U", WIDTH, WIDTH)
    h = sg.let("h", sg.tanh(x * W))
    g = sg.let("g", sg.tanh(h * U))
    i, t = symbols("i t", integer=True)
    m = sg.let("m", Sum(g[t, i], (t, 0, WORDS - 1)), i)
    r = sg.let("r", m - y)
    return {"loss": (r.T * r)[0], "params": [W, U], "data": [x, y]}


@cache
def source(*without: str) -> str:
    options = {"target": "numba", "dtype": "float64", "optimizers": ["adam"]}
    return sg.training_module(**declared(), without=without, **options).source


def test_a_product_with_a_transpose_reads_a_copy() -> None:
    text = source()
    for loop in ("def _folded_steps", "def _gradients"):
        body = text[text.index(loop) :]
        body = body[: body.index("\n\n\n")]
        assert "U_turned[i, j] = U[j, i]" in body
        assert "U_turned, 0.0" in body
        assert "W_turned" not in body  # of what is read one way only there is no copy
        assert "U.T" not in body
    assert "U.T" in source("turn")
    assert "_turned" not in source("turn")


def test_it_changes_no_result() -> None:
    results = []
    for text in (source(), source("turn")):
        module = loaded(text)
        random = np.random.default_rng(0)
        X = random.normal(size=(EXAMPLES, WORDS, WIDTH))
        Y = random.normal(size=(EXAMPLES, *module.DATA[1].shape))
        given = module.Params(*(random.normal(size=(WIDTH, WIDTH)) for _ in range(2)))
        for optimizer in ("sgd", "adam"):
            settings = {"epochs": 2, "batch_size": 4, "optimizer": optimizer, "progress": False}
            params, history = module.fit(X, Y, params=given, learning_rate=1e-3, **settings)
            value, gradient = module.value_and_grad(params, X, Y)
            results.append([*params, history.loss, np.array(value), *gradient])
    half = len(results) // 2
    for one, other in zip(results[:half], results[half:], strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
