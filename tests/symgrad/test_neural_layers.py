"""Layers against references in autograd's NumPy: values, and gradients by every operand.

The references are written with slices and loops over positions, as a textbook has them, and share
nothing with the index notation that the layers are built from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
import sympy as sp
from autograd import grad
from interpreter import interpret
from oracle import Net
from proofs import check_proofs
from sentences import refused
from sympy import IndexedBase, MatrixSymbol, symbols

import symgrad as sg

T, D = symbols("T D", integer=True, positive=True)
SIZES = {T: 7, D: 4}
Array = Any


def base(name: str, *shape: Any) -> Any:
    return IndexedBase(name, shape=shape)


# ------------------------------------------------------------------------------ references


def _padded(x: Array, padding: int, axes: int, fill: float = 0.0) -> Array:
    width = [(0, 0)] * (x.ndim - axes) + [(padding, padding)] * axes
    return anp.pad(x, width, mode="constant", constant_values=fill)


def conv1d(x: Array, K: Array, b: Array = 0.0, *, stride=1, padding=0, dilation=1) -> Array:
    x = _padded(anp.reshape(x, (K.shape[1], -1)), padding, 1)
    reach = dilation * (K.shape[2] - 1) + 1
    places = range(0, x.shape[1] - reach + 1, stride)
    columns = [anp.sum(K * x[None, :, s : s + reach : dilation], axis=(1, 2)) + b for s in places]
    return anp.stack(columns, axis=1)


def conv2d(x: Array, K: Array, b: Array = 0.0, *, stride=1, padding=0, dilation=1) -> Array:
    x = _padded(x, padding, 2)
    high, wide = (dilation * (n - 1) + 1 for n in K.shape[2:])
    rows = [
        [
            anp.sum(
                K * x[None, :, s : s + high : dilation, t : t + wide : dilation], axis=(1, 2, 3)
            ) + b
            for t in range(0, x.shape[2] - wide + 1, stride)
        ]
        for s in range(0, x.shape[1] - high + 1, stride)
    ]  # fmt: skip
    return anp.moveaxis(anp.array([anp.stack(row) for row in rows]), 2, 0)


def pool(x: Array, size: int, stride: int | None, padding: int, axes: int, how: str) -> Array:
    stride = stride or size
    x = _padded(x, padding, axes, -1e9 if how == "max" else 0.0)
    op = anp.max if how == "max" else anp.mean
    if axes == 1:
        starts = range(0, x.shape[1] - size + 1, stride)
        return anp.stack([op(x[:, s : s + size], axis=1) for s in starts], axis=1)
    rows = [
        anp.stack(
            [op(x[:, s : s + size, t : t + size], axis=(1, 2))
             for t in range(0, x.shape[2] - size + 1, stride)], axis=1,
        )
        for s in range(0, x.shape[1] - size + 1, stride)
    ]  # fmt: skip
    return anp.stack(rows, axis=1)


def normalised(x: Array, gamma: Array = 1.0, beta: Array = 0.0, *, axis: int = -1) -> Array:
    mean = anp.mean(x, axis=axis, keepdims=True)
    variance = anp.mean((x - mean) ** 2, axis=axis, keepdims=True)
    return gamma * (x - mean) / anp.sqrt(variance + 1e-5) + beta


def softmax(z: Array) -> Array:
    e = anp.exp(z - anp.max(z, axis=-1, keepdims=True))
    return e / anp.sum(e, axis=-1, keepdims=True)


def attention(Q: Array, K: Array, V: Array, causal: bool = False) -> Array:
    scores = anp.dot(Q, K.T) / anp.sqrt(Q.shape[1])
    if causal:
        scores = anp.where(np.tril(np.ones(scores.shape)) > 0, scores, -1e9)
    return anp.dot(softmax(scores), V)


def heads(X: Array, WQ: Array, WK: Array, WV: Array, WO: Array, causal: bool = False) -> Array:
    return sum(
        anp.dot(attention(anp.dot(X, WQ[h]), anp.dot(X, WK[h]), anp.dot(X, WV[h]), causal), WO[h])
        for h in range(len(WQ))
    )


def sigmoid(z: Array) -> Array:
    return 1 / (1 + anp.exp(-z))


def rnn(X: Array, W: Array, U: Array, b: Array) -> Array:
    h = anp.zeros(len(b))
    for x in X:
        h = anp.tanh(anp.dot(W, x) + anp.dot(U, h) + b[:, 0])
    return h


def lstm(X: Array, *weights: Array) -> Array:
    h = c = anp.zeros(len(weights[2]))
    for x in X:
        z = [
            anp.dot(W, x) + anp.dot(U, h) + b[:, 0]
            for W, U, b in zip(weights[::3], weights[1::3], weights[2::3], strict=True)
        ]
        f, i, o = map(sigmoid, z[:3])
        c = f * c + i * anp.tanh(z[3])
        h = o * anp.tanh(c)
    return h


def gru(X: Array, *weights: Array) -> Array:
    h = anp.zeros(len(weights[2]))
    (Wz, Uz, bz), (Wr, Ur, br), (W, U, b) = (weights[k : k + 3] for k in (0, 3, 6))
    for x in X:
        z = sigmoid(anp.dot(Wz, x) + anp.dot(Uz, h) + bz[:, 0])
        r = sigmoid(anp.dot(Wr, x) + anp.dot(Ur, h) + br[:, 0])
        n = anp.tanh(anp.dot(W, x) + r * anp.dot(U, h) + b[:, 0])
        h = (1 - z) * n + z * h
    return h


def unrolled(kind: str, steps: int) -> tuple[Any, list[Any]]:
    X, weights = MatrixSymbol("X", steps, 2), sg.cell(kind, 2, 3)
    return sg.recurrent(weights, X)[-1], [X, *weights.parameters]


# --------------------------------------------------------------------------------- the table

X1, X2 = base("X", 2, T), base("X", 2, 6, 5)
K1, K2 = base("K", 3, 2, 3), base("K", 3, 2, 3, 2)
M, b = MatrixSymbol("M", T, D), MatrixSymbol("b", 3, 1)
Q, K, V = MatrixSymbol("Q", T, D), MatrixSymbol("K", 5, D), MatrixSymbol("V", 5, 3)
gamma, beta = MatrixSymbol("gamma", D, 1), MatrixSymbol("beta", D, 1)
x = MatrixSymbol("x", D, 1)
H = [base(n, 2, D, 3) for n in ("WQ", "WK", "WV")] + [base("WO", 2, 3, D)]

Case = tuple[Callable[[], tuple[Any, list[Any]]], Callable[..., Array]]
CASES: dict[str, Case] = {
    "conv1d": (lambda: (sg.conv1d(X1, K1), [X1, K1]), conv1d),
    "conv1d, bias": (lambda: (sg.conv1d(X1, K1, b), [X1, K1, b]),
                     lambda x, K, b: conv1d(x, K, b[:, 0])),
    "conv1d, stride": (lambda: (sg.conv1d(X1, K1, stride=2), [X1, K1]),
                       lambda x, K: conv1d(x, K, stride=2)),
    "conv1d, padding": (lambda: (sg.conv1d(X1, K1, padding=2), [X1, K1]),
                        lambda x, K: conv1d(x, K, padding=2)),
    "conv1d, dilation": (
        lambda: (sg.conv1d(X1, K1, dilation=2, padding=1, stride=3), [X1, K1]),
        lambda x, K: conv1d(x, K, dilation=2, padding=1, stride=3),
    ),
    "conv1d, one channel": (
        lambda: (sg.conv1d(MatrixSymbol("r", 1, T), base("K", 3, 1, 2)),
                 [MatrixSymbol("r", 1, T), base("K", 3, 1, 2)]),
        conv1d,
    ),
    "conv1d, one output": (lambda: (sg.conv1d(X1, base("K", 1, 2, 3)), [X1, base("K", 1, 2, 3)]),
                           conv1d),
    "conv2d": (lambda: (sg.conv2d(X2, K2), [X2, K2]), conv2d),
    "conv2d, everything": (
        lambda: (sg.conv2d(X2, K2, b, stride=2, padding=1), [X2, K2, b]),
        lambda x, K, b: conv2d(x, K, b[:, 0], stride=2, padding=1),
    ),
    "max_pool1d": (lambda: (sg.max_pool1d(X1, 3), [X1]), lambda x: pool(x, 3, None, 0, 1, "max")),
    "max_pool1d, overlapping": (lambda: (sg.max_pool1d(X1, 3, stride=2, padding=1), [X1]),
                                lambda x: pool(x, 3, 2, 1, 1, "max")),
    "max_pool2d": (lambda: (sg.max_pool2d(X2, 2), [X2]), lambda x: pool(x, 2, None, 0, 2, "max")),
    "max_pool2d, padding": (lambda: (sg.max_pool2d(X2, 3, stride=1, padding=1), [X2]),
                            lambda x: pool(x, 3, 1, 1, 2, "max")),
    "avg_pool1d": (lambda: (sg.avg_pool1d(X1, 2), [X1]), lambda x: pool(x, 2, None, 0, 1, "mean")),
    "avg_pool2d": (lambda: (sg.avg_pool2d(X2, 2, stride=1, padding=1), [X2]),
                   lambda x: pool(x, 2, 1, 1, 2, "mean")),
    "layer_norm": (lambda: (sg.layer_norm(x), [x]), lambda x: normalised(x[:, 0])),
    "layer_norm, rows": (
        lambda: (sg.layer_norm(M, gamma, beta), [M, gamma, beta]),
        lambda M, g, b: normalised(M, g[:, 0], b[:, 0]),
    ),
    "batch_norm": (
        lambda: (sg.batch_norm(M, gamma, beta), [M, gamma, beta]),
        lambda M, g, b: normalised(M, g[:, 0], b[:, 0], axis=0),
    ),
    "dropout": (
        lambda: (sg.dropout(M, sg.mask("m", T, D, rate=0.25)), [M, sg.mask("m", T, D, rate=0.25)]),
        lambda x, m: x * m / 0.75,
    ),
    "attention": (lambda: (sg.attention(Q, K, V), [Q, K, V]), attention),
    "attention, causal": (
        lambda: (sg.attention(M, M, M, causal=True), [M]),
        lambda M: attention(M, M, M, True),
    ),
    "multi-head attention": (lambda: (sg.multi_head_attention(M, *H), [M, *H]), heads),
    "multi-head attention, causal and named": (
        lambda: (sg.multi_head_attention(M, *H, causal=True, name="1"), [M, *H]),
        lambda *a: heads(*a, causal=True),
    ),
    "rnn": (lambda: unrolled("rnn", 4), rnn),
    "lstm": (lambda: unrolled("lstm", 3), lstm),
    "gru": (lambda: unrolled("gru", 3), gru),
    "rows of a matrix": (lambda: (sg.row(M, 2), [M]), lambda M: M[2]),
}  # fmt: skip


PROVED = {"conv1d", "max_pool1d", "layer_norm", "batch_norm", "attention", "rnn", "gru"}
"""Where every line of the derivation is proved and every state of a proof computed."""


def name_of(leaf: Any) -> str:
    return str(leaf.label) if isinstance(leaf, IndexedBase) else leaf.name


def arrays(leaves: list[Any], seed: int) -> list[Array]:
    rng = np.random.default_rng(seed)
    net = Net(dims=SIZES)
    return [rng.normal(size=tuple(net.size(n) for n in leaf.shape)) for leaf in leaves]


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient(name: str) -> None:
    declare, reference = CASES[name]
    layer, leaves = declare()
    given = arrays(leaves, seed=len(name))
    env = {name_of(leaf): a for leaf, a in zip(leaves, given, strict=True)}
    net = Net(dims=SIZES)
    expected = np.asarray(reference(*given))
    (found,) = interpret([layer.node], net, env)
    shape = tuple(net.size(n) for n in layer.shape)
    np.testing.assert_allclose(found.reshape(shape), expected.reshape(shape), atol=1e-12)

    weights = np.random.default_rng(1).normal(size=expected.shape)
    w = base("w", *layer.shape) if len(layer.shape) > 2 else MatrixSymbol("w", *layer.shape)
    loss = sg.let("L", sg.dot(w, layer))
    d = sg.gradient(loss, leaves)
    at = {**env, "w": weights}
    roots = interpret(d.roots, net, at)
    if name in PROVED:
        check_proofs(d, net, at)
    for k, (leaf, root) in enumerate(zip(leaves, roots, strict=True)):
        by_hand = grad(lambda *a: anp.sum(weights * reference(*a)), k)(*given)
        np.testing.assert_allclose(
            root.reshape(by_hand.shape), by_hand, atol=1e-10, err_msg=f"∂/∂{leaf}"
        )


def test_embedding() -> None:
    E, tokens = MatrixSymbol("E", 6, D), sg.label("c", 6, T)
    env = {"E": np.arange(24.0).reshape(6, 4), "c": np.array([5, 0, 5, 2, 2, 2, 1])}
    e = sg.let("e", sg.embedding(E, tokens))
    net = Net(dims=SIZES)
    (found,) = interpret([e.node], net, env)
    np.testing.assert_array_equal(found, env["E"][env["c"]])
    w = MatrixSymbol("w", T, D)
    env["w"] = np.random.default_rng(0).normal(size=(7, 4))
    (gradient,) = interpret(sg.gradient(sg.dot(w, e), E).roots, net, env)
    expected = np.zeros((6, 4))
    np.add.at(expected, env["c"], env["w"])
    np.testing.assert_allclose(gradient, expected)
    (one,) = interpret([sg.embedding(E, sg.label("k", 6)).node], net, {**env, "k": 3})
    np.testing.assert_array_equal(one, env["E"][3])


def test_sizes() -> None:
    assert sg.conv1d(X1, K1).shape == (3, T - 2)
    assert sg.conv1d(X1, K1, padding=1).shape == (3, T)
    assert sg.conv1d(X1, K1, stride=2).shape == (3, sp.floor((T - 3) / 2) + 1)
    assert sg.conv2d(X2, K2).shape == (3, 4, 4)
    assert sg.max_pool2d(X2, 2).shape == (2, 3, 2)


BAD: dict[str, tuple[Callable[[], Any], type[Exception], tuple[str, ...]]] = {
    "a window that does not fit": (
        lambda: sg.conv1d(MatrixSymbol("x", 2, 2), K1), sg.ShapeError,
        ("conv1d", "window of 3", "on 2", "size of the result would be 0"),
    ),
    "no stride": (lambda: sg.conv1d(X1, K1, stride=0), sg.DeclarationError, ("stride 0", "≥ 1")),
    "negative padding": (
        lambda: sg.conv2d(X2, K2, padding=-1), sg.DeclarationError, ("padding -1", "≥ 0"),
    ),
    "other channels": (
        lambda: sg.conv1d(base("X", 3, T), K1), sg.ShapeError, ("X", "3 channels", "K", "2"),
    ),
    "a kernel of the wrong rank": (
        lambda: sg.conv2d(X2, K1), sg.ShapeError, ("conv2d", "out×in×height×width", "3×2×3"),
    ),
    "padding beyond the window": (
        lambda: sg.max_pool1d(X1, 2, padding=2), sg.DeclarationError, ("padding 2", "windows of 2"),
    ),
    "a pool of nothing": (
        lambda: sg.avg_pool2d(X2, 0), sg.DeclarationError, ("size 0", "≥ 1"),
    ),
    "no label": (
        lambda: sg.embedding(M, x), sg.DeclarationError, ("embedding", "x", "sg.label"),
    ),
    "a label of other classes": (
        lambda: sg.embedding(MatrixSymbol("E", 6, D), sg.label("c", 5)), sg.ShapeError,
        ("6", "5 classes"),
    ),
    "keys of other features": (
        lambda: sg.attention(Q, MatrixSymbol("K", 5, 3), V), sg.ShapeError, ("K", "5×3", "D"),
    ),
    "a cell of another kind": (
        lambda: sg.cell("LSTM", 2, 3), sg.DeclarationError, ("'LSTM'", "'lstm'"),
    ),
    "a length that is no number": (
        lambda: sg.recurrent(sg.cell("gru", D, 3), M), sg.DeclarationError, ("M", "T rows"),
    ),
    "a mask of another shape": (
        lambda: sg.dropout(M, sg.mask("m", D, rate=0.5)), sg.ShapeError, ("M", "T×D", "m", "D"),
    ),
    "a rate of one": (lambda: sg.mask("m", D, rate=1), sg.DeclarationError, ("m", "rate 1")),
    "a mask that is none": (
        lambda: sg.dropout(x, sg.tanh(x)), sg.DeclarationError, ("tanh(x)", "sg.mask"),
    ),
    "a mask of many axes": (
        lambda: sg.mask("m", 2, 3, 4, rate=0.1), sg.ShapeError, ("m", "3 axes"),
    ),
    "features of the scale": (
        lambda: sg.layer_norm(M, b), sg.ShapeError, ("b", "3", "D"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_one_sentence(name: str) -> None:
    declare, error, words = BAD[name]
    refused(declare, words, error)
