"""Declarations of every sort that a training module must handle, each with sizes to test at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy import IndexedBase, MatrixSymbol, Symbol, symbols

import symgrad as sg

D, H, C = symbols("D H C", integer=True, positive=True)
SIZES = {"D": 3, "H": 4, "C": 3}
"""What symbolic dimensions are bound to."""


def _labels() -> dict[str, Any]:
    x, c = MatrixSymbol("x", D, 1), sg.label("c", C)
    W, b = MatrixSymbol("W", C, D), MatrixSymbol("b", C, 1)
    p = sg.let("p", sg.softmax(sg.let("z", W * x + b)))
    return {"loss": sg.cross_entropy(p, c), "params": [W, b], "data": [x, c], "predict": p}


def _network(y: Any, loss: Callable[[Any, Any], Any]) -> dict[str, Any]:
    x = MatrixSymbol("x", D, 1)
    W1, b1 = MatrixSymbol("W1", H, D), MatrixSymbol("b1", H, 1)
    W2, b2 = MatrixSymbol("W2", C, H), MatrixSymbol("b2", C, 1)
    h = sg.let("h", sg.tanh(sg.let("z1", W1 * x + b1)))
    f = sg.let("f", W2 * h + b2)
    params = [W1, b1, W2, b2]
    return {"loss": sg.let("L", loss(f, y)), "params": params, "data": [x, y], "predict": f}


def _simplex() -> dict[str, Any]:
    return _network(sg.simplex("y", C), lambda f, y: sg.cross_entropy(sg.softmax(f), y))


def _squared_error() -> dict[str, Any]:
    return _network(MatrixSymbol("y", C, 1), sg.squared_error)


def _sum_of_squares() -> dict[str, Any]:
    return _network(MatrixSymbol("y", C, 1), lambda f, y: sg.dot(f - y, f - y))


def _fixed_sizes() -> dict[str, Any]:
    x, t = MatrixSymbol("x", 4, 1), Symbol("t")
    W, v = MatrixSymbol("W", 3, 4), MatrixSymbol("v", 3, 1)
    f = sg.dot(v, sg.relu(W * x))
    return {"loss": (f - t) ** 2, "params": [W, v], "data": [x, t], "predict": f}


def _regularised() -> dict[str, Any]:
    case = _labels()
    risk = sg.empirical_risk(case["loss"], case["data"])
    return case | {"loss": risk + sg.dot(case["params"][0], case["params"][0]) / 20}


def _regularised_inside() -> dict[str, Any]:
    case = _labels()
    W = case["params"][0]
    return case | {"loss": case["loss"] + sg.dot(W, W) / 20}


def _scalars() -> dict[str, Any]:
    a, b, u, t = symbols("a lambda u t")
    f = sp.exp(b) * u + a
    return {"loss": (f - t) ** 2, "params": [a, b], "data": [u, t], "predict": f}


def _logistic() -> dict[str, Any]:
    w, s, x, t = MatrixSymbol("w", D, 1), Symbol("s"), MatrixSymbol("x", D, 1), Symbol("t")
    q = sg.let("ŷ", sg.sigmoid(sg.dot(w, x) + s))
    loss = sg.let("L", -(t * sp.log(q) + (1 - t) * sp.log(1 - q)))
    return {"loss": loss, "params": [w, s], "data": [x, t], "predict": q}


def _gated() -> dict[str, Any]:
    """A row and a scalar inside the network, labels, and a regulariser beside the risk."""
    x, c = MatrixSymbol("x", D, 1), sg.label("c", C)
    W1, b1 = MatrixSymbol("W1", H, D), MatrixSymbol("b1", H, 1)
    W2, b2 = MatrixSymbol("W2", C, H), MatrixSymbol("b2", C, 1)
    g, s = MatrixSymbol("g", 1, H), Symbol("s")
    h = sg.let("h", sg.relu(W1 * x + b1))
    gated = sg.let("gated", sp.hadamard_product(h, g.T) * s)
    p = sg.let("p", sg.softmax(W2 * gated + b2))
    risk = sg.empirical_risk(sg.cross_entropy(p, c), [x, c])
    loss = risk + sg.dot(W1, W1) / 100
    return {"loss": loss, "params": [W1, b1, W2, b2, g, s], "data": [x, c], "predict": p}


def _row() -> dict[str, Any]:
    r, x, t = MatrixSymbol("r", 1, D), MatrixSymbol("x", D, 1), Symbol("t")
    loss = (sg.let("q", sg.sum(r * x)) - t) ** 2
    return {"loss": loss, "params": [r], "data": [x, t], "predict": r * x}


def _matrices() -> dict[str, Any]:
    A, B, t = MatrixSymbol("A", D, 4), MatrixSymbol("B", D, 4), Symbol("t")
    f = sg.tanh(A.T * B)
    return {"loss": (sg.sum(f) - t) ** 2, "params": [B], "data": [A, t], "predict": f}


def _each_others_gradient() -> dict[str, Any]:
    w, r, x = MatrixSymbol("w", D, 1), MatrixSymbol("r", 1, D), MatrixSymbol("x", D, 1)
    return {"loss": sg.sum(r * w) + sg.sum(x), "params": [w, r], "data": [x]}


def _convolution() -> dict[str, Any]:
    """Arrays of three and four axes; only the call knows the size of the image."""
    x, c = IndexedBase("x", shape=(2, H, D)), sg.label("c", C)
    K, b = IndexedBase("K", shape=(C, 2, 3, 3)), MatrixSymbol("b", C, 1)
    z = sg.let("z", sg.conv2d(x, K, b, padding=1))
    h = sg.let("h", sg.max_pool2d(sg.tanh(z), 2, stride=1))
    i, s, t = symbols("i s t", integer=True)
    places = ((s, 0, h.shape[1] - 1), (t, 0, h.shape[2] - 1))
    p = sg.let("p", sg.softmax(sg.let("score", sp.Sum(h[i, s, t], *places), i)))
    return {"loss": sg.cross_entropy(p, c), "params": [K, b], "data": [x, c], "predict": p}


def _tokens() -> dict[str, Any]:
    """Causal attention over tokens, layer norm and a named GELU."""
    tokens, following = sg.label("tokens", C, H), sg.label("following", C, H)
    E, W = MatrixSymbol("E", C, D), MatrixSymbol("W", D, D)
    x = sg.let("x", sg.embedding(E, tokens))
    n = sg.let("n", sg.layer_norm(x + sg.attention(x, x, x, causal=True), name="1"))
    f = sg.let("f", sg.gelu(sg.let("u", n * W)))
    p = sg.let("p", sg.softmax(sg.let("z", f * E.T), rows=True))
    t = symbols("t", integer=True)
    loss = sg.let("L", -sp.Sum(sp.log(p[t, following[t]]), (t, 0, H - 1)) / H)
    return {"loss": loss, "params": [E, W], "data": [tokens, following], "predict": p}


def _matrix_functions() -> dict[str, Any]:
    """The Mahalanobis distance with a trained covariance S·Sᵀ + I."""
    x, S = MatrixSymbol("x", D, 1), MatrixSymbol("S", D, D)
    M = sg.let("M", S * S.T + sp.Identity(D))
    whitened = M.I * x
    loss = sg.let("L", sg.dot(x, whitened) + sg.logdet(M))
    return {"loss": loss, "params": [S], "data": [x], "predict": whitened}


CASES: dict[str, Callable[[], dict[str, Any]]] = {
    "labels": _labels,
    "simplex": _simplex,
    "squared error": _squared_error,
    "sum of squares": _sum_of_squares,
    "fixed sizes": _fixed_sizes,
    "regularised risk": _regularised,
    "regulariser in the mean": _regularised_inside,
    "scalars": _scalars,
    "logistic": _logistic,
    "row": _row,
    "gated": _gated,
    "matrices as data": _matrices,
    "each other's gradient": _each_others_gradient,
    "convolution": _convolution,
    "matrix functions": _matrix_functions,
    "tokens": _tokens,
}
"""Arguments of `sg.training_module`: loss, params, data and predict."""
