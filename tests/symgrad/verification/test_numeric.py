"""A claim as a function on arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from two_layer_text import TWO_LAYERS

import symgrad as sg

M = sg.parse(TWO_LAYERS)
RELU = sg.parse(
    "x: vector(D)\nt: vector(C)\nW1: matrix(H, D)\nW2: matrix(C, H)\nz = W1 x\nh = relu(z)\n"
    "f = W2 h\nL = 1/2 ‖f - t‖²"
)
LARGER = sg.parse("a, b: scalar\nL = max(a, b)")
NORM = sg.parse("x: vector(D)\nL = ‖x‖")
PLUS = sg.parse("x: scalar\nL = log(1 + exp(x))")


@pytest.mark.parametrize(
    ("model", "function", "wrt", "domain"),
    [
        (RELU, lambda W2, f, t, z: (W2.T @ (f - t)) * (z >= 0), "z", "they differ only at z = 0"),
        (RELU, lambda W2, f, t, z: (W2.T @ (f - t)) * (z > 0), "z", ""),
        (LARGER, lambda a, b: 1.0 * (a > b), "a", "they differ only at a = b"),
        (NORM, lambda x: x / (np.sqrt(x @ x) + 1e-8), "x", ""),
        (PLUS, lambda x: np.exp(x) / (1 + np.exp(x)), "x", ""),
        (PLUS, lambda x: 1 - 1 / (1 + np.exp(x)), "x", ""),
        (M, lambda p, y: (p - y)[:, None], "z2", ""),
    ],
)
def test_right(model: Any, function: Callable[..., Any], wrt: str, domain: str) -> None:
    found = sg.verify(function, model, wrt)
    assert found.status == "right" and found.domain == domain, str(found)


@pytest.mark.parametrize(
    ("model", "function", "wrt"),
    [
        (RELU, lambda W2, f, t, z: (W2.T @ (f - t)) * (z > -1), "z"),
        (RELU, lambda W2, f, t, z: (W2.T @ (f - t)) * (z != 0), "z"),
        (LARGER, lambda a, b: 1.0 * (a < b), "a"),
        (M, lambda p, y: p - y if p.shape[0] < 5 else p, "z2"),
        (M, lambda p, y, x: p - y if np.abs(x).max() < 10 else p, "z2"),
        (M, lambda p, y, x: p - y if np.abs(x).max() > 2e-3 else p, "z2"),
        (M, lambda p, y: np.where(p < 0.999, p - y, 0), "z2"),
        (M, lambda p, y: (p - y)[:, None] - 0 * y, "z2"),
    ],
)
def test_wrong(model: Any, function: Callable[..., Any], wrt: str) -> None:
    assert sg.verify(function, model, wrt).status == "wrong"


def test_a_product_of_vectors_that_is_no_matrix() -> None:
    found = sg.verify(lambda p, y, h: (p - y) @ h.T, M, "W2")
    assert found.mistake == "shape" and "shape (2, 2)" in found.diagnosis
    assert "write np.outer(…, h)." in found.diagnosis
