"""Soft in training and hard in testing, from one declaration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy import MatrixSymbol, Symbol, symbols

import symgrad as sg
from symgrad.simplify import normalise

D, H, C = symbols("D H C", integer=True, positive=True)
x, W = MatrixSymbol("x", D, 1), MatrixSymbol("W", H, D)
w, V = MatrixSymbol("w", H, 1), MatrixSymbol("V", C, H)
s, y = Symbol("s", real=True), Symbol("y", real=True)


def values(expr: Any, *inputs: Any) -> Any:
    """The value at fixed arrays."""
    rng = np.random.default_rng(3)
    sizes = {D: 2, H: 3, C: 4}
    arrays = [
        rng.normal(size=[sizes.get(n, n) for n in e.shape if n != 1])
        if hasattr(e, "shape") else 0.7
        for e in inputs
    ]  # fmt: skip
    return sg.function(list(inputs), expr)(*arrays), arrays


SOFT: dict[str, tuple[Any, Any]] = {
    "step": (sg.step(s), sg.sigmoid(s)),
    "sign": (sg.sign(s), sg.tanh(s)),
    "sign of a vector": (sg.sign(W * x), sg.tanh(W * x)),
    "0–1 loss of a margin": (sg.zero_one_loss(s * y), sg.sigmoid(-s * y)),
    "inside": (sg.squared_error(sg.sign(s), y), sg.squared_error(sg.tanh(s), y)),
}


@pytest.mark.parametrize("name", SOFT)
def test_soften(name: str) -> None:
    hard, soft = SOFT[name]
    found, expected = (sg.let("a", e).node for e in (sg.soften(hard), soft))
    assert normalise([found]) == normalise([expected])
    with pytest.raises(sg.DerivativeError, match=r"sigmoid|tanh|hinge"):
        sg.gradient(sg.sum(hard), [x] if hasattr(hard, "shape") else [s])
    sg.gradient(sg.sum(sg.soften(hard)), [x] if hasattr(hard, "shape") else [s])


HARD: dict[str, tuple[Any, Any]] = {
    "sigmoid": (sg.sigmoid(s), sg.step(s)),
    "tanh": (sg.tanh(W * x), sg.sign(W * x)),
    "the output only": (
        sg.tanh(sg.dot(w, sg.tanh(W * x))), sg.sign(sg.dot(w, sg.tanh(W * x))),
    ),
    "below a loss": (sg.squared_error(sg.tanh(s), y), sg.squared_error(sg.tanh(s), y)),
    "written from primitives": (1 / (1 + sp.exp(-s)), sg.step(s)),
    "nothing": (W * x, W * x),
}  # fmt: skip


@pytest.mark.parametrize("name", HARD)
def test_harden(name: str) -> None:
    soft, hard = HARD[name]
    found = sg.let("a", sg.harden(soft)).node
    assert found is sg.let("a", hard).node


def test_soft_and_hard_are_one_declaration() -> None:
    z = sg.let("z", sg.dot(w, sg.tanh(W * x)))
    out = sg.let("out", sg.sign(z))
    loss = sg.let("L", sg.squared_error(out, y))
    soft = sg.soften(loss)
    assert soft.name == "L"
    d = sg.gradient(soft, [w, W])
    assert "out = tanh(z)" in str(d)
    assert sg.harden(sg.soften(out)) == out
    (answer, (ws, Ws, xs)) = values(out, w, W, x)
    assert answer == np.sign(ws @ np.tanh(Ws @ xs))


@pytest.mark.parametrize("target", ["numpy", "numba"])
def test_softmax_becomes_the_winner(target: str) -> None:
    p = sg.let("p", sg.softmax(V * sg.tanh(W * x)))
    rng = np.random.default_rng(0)
    arrays = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)
    f = sg.function([V, W, x], [p, sg.harden(p)], target=target)
    soft, hard = f(*arrays)
    np.testing.assert_array_equal(hard, np.eye(4)[np.argmax(soft)])


def test_dropout_is_for_training() -> None:
    m = sg.mask("m", H, rate=0.25)
    h = sg.let("h", sg.tanh(W * x))
    z = sg.let("z", sg.dot(w, sg.dropout(h, m)))
    tested = sg.harden(z)
    assert m.name not in {leaf.name for leaf in tested.free_symbols if hasattr(leaf, "name")}
    rng = np.random.default_rng(1)
    ws, Ws, xs = rng.normal(size=3), rng.normal(size=(3, 2)), rng.normal(size=2)
    found = sg.function([w, W, x], tested)(ws, Ws, xs)
    np.testing.assert_allclose(found, ws @ np.tanh(Ws @ xs))
    kept = sg.function([w, W, x, m], z)(ws, Ws, xs, np.array([1.0, 0.0, 1.0]))
    np.testing.assert_allclose(kept, ws * [1, 0, 1] @ np.tanh(Ws @ xs) / 0.75)
