"""Where images are stored with the examples last, and where everything stays as it is."""

from __future__ import annotations

from typing import Any

import pytest
from sympy import IndexedBase, MatrixSymbol, Sum, symbols

import symgrad as sg

i, j = symbols("i j", integer=True)


def scores(h: Any, length: int, channels: int) -> tuple[Any, Any]:
    """Σ V·h, three classes."""
    n = symbols("n", integer=True)
    V = IndexedBase("V", shape=(3, channels, length))
    return V, sg.let("z", Sum(V[n, i, j] * h[i, j], (i, 0, channels - 1), (j, 0, length - 1)), n)


def convolved() -> tuple[list[Any], list[Any], Any]:
    x, K = IndexedBase("x", shape=(2, 9)), IndexedBase("K", shape=(4, 2, 3))
    V, z = scores(sg.let("h", sg.tanh(sg.conv1d(x, K))), 7, 4)
    return [x], [K, V], z


def dropped_before() -> tuple[list[Any], list[Any], Any]:
    """The mask of all rows is drawn once, with the examples first."""
    x, K = MatrixSymbol("x", 2, 9), IndexedBase("K", shape=(4, 2, 3))
    mask = sg.mask("m", 2, 9, rate=0.5)
    V, z = scores(sg.let("h", sg.tanh(sg.conv1d(sg.dropout(x, mask), K))), 7, 4)
    return [x, mask], [K, V], z


def attended() -> tuple[list[Any], list[Any], Any]:
    """Examples are multiplied as matrices, one by one: there they have to come first."""
    x = MatrixSymbol("x", 5, 4)
    Q, P = MatrixSymbol("Q", 4, 4), MatrixSymbol("P", 3, 4)
    a = sg.let("a", sg.attention(x * Q, x, x))
    m = sg.let("m", Sum(a[j, i], (j, 0, 4)), i)
    return [x], [Q, P], P * m


NETWORKS = {convolved: True, dropped_before: False, attended: False}


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.__name__)
def test_where(network: Any) -> None:
    (x, *masks), params, z = network()
    y = sg.simplex("y", 3)
    loss = sg.cross_entropy(sg.softmax(z), y)
    text = sg.training_module(loss, params, [x, y, *masks], target="numba").source
    step = text[text.index("def _folded_steps") :]
    assert ("= X[row, j, k]" in step) or ("= X[row, j, m]" in step)
    assert ("x[j, k, i] = " in step or "x[j, m, i] = " in step) is NETWORKS[network]
