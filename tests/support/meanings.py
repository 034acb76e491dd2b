"""What losses and layers mean, in autograd's NumPy: slices and loops, as a textbook has them.

Nothing here is written in the index notation that symgrad builds its layers from, and every
function can be differentiated by autograd: together they are the reference of `network_rows`.
"""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np

Array = Any

GATES = {"rnn": "h", "lstm": "fioc", "gru": "zrh"}
"""The gates of each cell, in the order of their weights."""


def sigmoid(x: Array) -> Array:
    return 1 / (1 + anp.exp(-x))


def softplus(x: Array) -> Array:
    return anp.log1p(anp.exp(x))


def relu(x: Array) -> Array:
    return anp.where(x > 0, x, 0 * x)


def leaky(x: Array, slope: Array) -> Array:
    return anp.where(x > 0, x, slope * x)


def elu(x: Array, alpha: float = 1.0) -> Array:
    return anp.where(x > 0, x, alpha * (anp.exp(x) - 1))


def logsumexp(z: Array, axis: int) -> Array:
    return anp.log(anp.sum(anp.exp(z), axis=axis))


def softmax(z: Array) -> Array:
    e = anp.exp(z)
    return e / anp.sum(e, axis=-1, keepdims=True)


def binary(p: Array, y: Array) -> Array:
    return -y * anp.log(p) - (1 - y) * anp.log(1 - p)


def hinges(s: Array, c: int, delta: float = 1.0) -> Array:
    return anp.sum(relu(s - s[c] + delta) * (np.arange(len(s)) != c))


def support_gaps(z: Array) -> Array:
    """1 + k·z₍ₖ₎ − Σ of the k largest: what is 0 where sparsemax has a kink."""
    top = np.sort(z)[::-1]
    return 1 + np.arange(1, len(z) + 1) * top - np.cumsum(top)


def sparsemax(z: Array) -> Array:
    """The support by counting, and then the threshold on it."""
    plain = _plain(z)
    size = int((support_gaps(plain) > 0).sum())
    order = np.argsort(-plain)[:size]
    threshold = (anp.sum(z[order]) - 1) / size
    return relu(z - threshold)


def _plain(z: Array) -> np.ndarray:
    while hasattr(z, "_value"):
        z = z._value
    return np.asarray(z)


def sparsemax_loss(z: Array, y: Array) -> Array:
    p = sparsemax(z)
    return anp.sum(p * z) - anp.sum(p**2) / 2 - anp.sum(y * z) + anp.sum(y**2) / 2


def det(Q: Array) -> Array:
    """By cofactors of the first row, which are a definition and no algorithm."""
    if len(Q) == 1:
        return Q[0, 0]
    columns = range(len(Q))
    minors = (Q[1:, :][:, np.array([c for c in columns if c != n])] for n in columns)
    return sum((-1) ** n * Q[0, n] * det(minor) for n, minor in enumerate(minors))


def inverse(Q: Array) -> Array:
    return anp.linalg.inv(Q)


# ------------------------------------------------------------------------------------- layers


def _padded(x: Array, padding: int, axes: int, fill: float = 0.0) -> Array:
    width = [(0, 0)] * (x.ndim - axes) + [(padding, padding)] * axes
    return anp.pad(x, width, mode="constant", constant_values=fill)


def _starts(n: int, reach: int, stride: int) -> range:
    return range(0, n - reach + 1, stride)


def conv1d(x: Array, K: Array, b: Array = None, stride=1, padding=0, dilation=1) -> Array:  # type: ignore[no-untyped-def]
    x = _padded(x, padding, 1)
    reach = dilation * (K.shape[2] - 1) + 1
    z = anp.stack(
        [
            anp.sum(K * x[None, :, s : s + reach : dilation], axis=(1, 2))
            for s in _starts(x.shape[1], reach, stride)
        ],
        axis=1,
    )
    return z if b is None else z + b[:, None]


def conv2d(x: Array, K: Array, b: Array = None, stride=1, padding=0) -> Array:  # type: ignore[no-untyped-def]
    x = _padded(x, padding, 2)
    high, wide = K.shape[2:]
    z = anp.stack(
        [
            anp.stack(
                [
                    anp.sum(K * x[None, :, s : s + high, t : t + wide], axis=(1, 2, 3))
                    for t in _starts(x.shape[2], wide, stride)
                ],
                axis=1,
            )
            for s in _starts(x.shape[1], high, stride)
        ],
        axis=1,
    )
    return z if b is None else z + b[:, None, None]


def pool(
    x: Array, size: int, *, axes: int, how: str, stride: int | None = None, padding: int = 0
) -> Array:
    stride = stride or size
    x = _padded(x, padding, axes, -1e9 if how == "max" else 0.0)
    op = anp.max if how == "max" else anp.mean
    if axes == 1:
        starts = _starts(x.shape[1], size, stride)
        return anp.stack([op(x[:, s : s + size], axis=1) for s in starts], axis=1)
    rows = [
        anp.stack(
            [
                op(x[:, s : s + size, t : t + size], axis=(1, 2))
                for t in _starts(x.shape[2], size, stride)
            ],
            axis=1,
        )
        for s in _starts(x.shape[1], size, stride)
    ]
    return anp.stack(rows, axis=1)


def normalised(x: Array, gamma: Array = 1.0, beta: Array = 0.0, *, axis: int = -1) -> Array:
    mean = anp.mean(x, axis=axis, keepdims=True)
    variance = anp.mean((x - mean) ** 2, axis=axis, keepdims=True)
    return gamma * (x - mean) / anp.sqrt(variance + 1e-5) + beta


def spread(x: Array) -> Array:
    """The variance of each row: a small one makes normalising it ill-conditioned."""
    return np.var(x, axis=-1) / 4


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


def rnn(X: Array, W: Array, U: Array, b: Array, h: Array = None) -> Array:
    h = np.zeros(len(b)) if h is None else h
    for x in X:
        h = anp.tanh(anp.dot(W, x) + anp.dot(U, h) + b)
    return h


def lstm(X: Array, *weights: Array) -> Array:
    h = c = np.zeros(len(weights[2]))
    for x in X:
        z = [
            anp.dot(W, x) + anp.dot(U, h) + b
            for W, U, b in zip(weights[::3], weights[1::3], weights[2::3], strict=True)
        ]
        f, i, o = map(sigmoid, z[:3])
        c = f * c + i * anp.tanh(z[3])
        h = o * anp.tanh(c)
    return h


def gru(X: Array, *weights: Array) -> Array:
    h = np.zeros(len(weights[2]))
    (Wz, Uz, bz), (Wr, Ur, br), (W, U, b) = (weights[k : k + 3] for k in (0, 3, 6))
    for x in X:
        z = sigmoid(anp.dot(Wz, x) + anp.dot(Uz, h) + bz)
        r = sigmoid(anp.dot(Wr, x) + anp.dot(Ur, h) + br)
        n = anp.tanh(anp.dot(W, x) + r * anp.dot(U, h) + b)
        h = (1 - z) * n + z * h
    return h
