"""The networks and formulas that several tests use, declared the way a lecture writes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp
from oracle import Net
from sympy import MatrixSymbol, OneMatrix, Symbol, hadamard_product, symbols

import symgrad as sg

D, H, C = symbols("D H C", integer=True, positive=True)
SIZES = {D: 4, H: 3, C: 2}


@dataclass
class Network:
    """A loss with everything that a check needs."""

    net: Net
    loss: Any
    wrt: list[Any]
    leaves: list[Any]


def classifier(target: str = "simplex", activation: Any = sg.tanh) -> Network:
    """The network of DESIGN section 2; ``target`` is simplex, plain or label."""
    net = Net(dims=dict(SIZES))
    x = MatrixSymbol("x", D, 1)
    y = {"simplex": sg.simplex, "label": sg.label, "plain": lambda n, c: MatrixSymbol(n, c, 1)}[
        target
    ]("y", C)
    W1, b1 = MatrixSymbol("W1", H, D), MatrixSymbol("b1", H, 1)
    W2, b2 = MatrixSymbol("W2", C, H), MatrixSymbol("b2", C, 1)
    z1 = net.let("z1", W1 * x + b1)
    h = net.let("h", activation(z1))
    z2 = net.let("z2", W2 * h + b2)
    p = net.let("p", sg.softmax(z2))
    loss = net.let("L", sg.cross_entropy(p, y))
    return Network(net, loss, [W1, b1, W2, b2], [x, y, W1, b1, W2, b2])


def unnamed_classifier() -> Network:
    """The same, in one expression and from primitives."""
    x, y = MatrixSymbol("x", D, 1), sg.simplex("y", C)
    W1, b1 = MatrixSymbol("W1", H, D), MatrixSymbol("b1", H, 1)
    W2, b2 = MatrixSymbol("W2", C, H), MatrixSymbol("b2", C, 1)
    e = sg.exp(W2 * sg.tanh(W1 * x + b1) + b2)
    loss = -sg.dot(y, sg.log(e / sg.sum(e)))
    return Network(Net(dims=dict(SIZES)), loss, [W1, b1, W2, b2], [x, y, W1, b1, W2, b2])


def regression() -> Network:
    """Two layers, sigmoid inside and outside, squared error (lecture D3)."""
    net = Net(dims=dict(SIZES))
    x, y = MatrixSymbol("x", D, 1), MatrixSymbol("y", C, 1)
    W1, b1 = MatrixSymbol("W1", H, D), MatrixSymbol("b1", H, 1)
    W2, b2 = MatrixSymbol("W2", C, H), MatrixSymbol("b2", C, 1)
    z1 = net.let("z1", W1 * x + b1)
    h = net.let("h", sg.sigmoid(z1))
    z2 = net.let("z2", W2 * h + b2)
    f = net.let("f", sg.sigmoid(z2))
    loss = net.let("L", sg.squared_error(f, y))
    return Network(net, loss, [W1, b1, W2, b2], [x, y, W1, b1, W2, b2])


def residual(depth: int = 3) -> Network:
    """h ← h + tanh(W·h + b), with fan-out at every layer."""
    net = Net(dims=dict(SIZES))
    h = x = MatrixSymbol("x", H, 1)
    leaves, wrt = [x], []
    for k in range(depth):
        W, b = MatrixSymbol(f"W{k}", H, H), MatrixSymbol(f"b{k}", H, 1)
        h = net.let(f"h{k}", h + sg.tanh(W * h + b))
        leaves += [W, b]
        wrt += [W, b]
    return Network(net, net.let("L", sg.dot(h, h) / 2), wrt, leaves)


def shared_weights() -> Network:
    """One matrix used three times, and transposed (an autoencoder with tied weights)."""
    net = Net(dims=dict(SIZES))
    x, W = MatrixSymbol("x", D, 1), MatrixSymbol("W", H, D)
    code = net.let("code", sg.relu(W * x))
    back = net.let("back", W.T * code)
    lam = Symbol("lam", real=True)
    loss = net.let("L", sg.squared_error(back, x) + lam * sg.dot(W, W) / 2)
    return Network(net, loss, [W, lam], [x, W, lam])


def attention() -> Network:
    """Scores by row, softmax by row, a weighted sum: matrices on both sides."""
    net = Net(dims=dict(SIZES))
    X = MatrixSymbol("X", C, D)
    K, Q, V = MatrixSymbol("K", D, H), MatrixSymbol("Q", D, H), MatrixSymbol("V", D, H)
    S = net.let("S", X * Q * (X * K).T / sp.sqrt(3))
    P = net.let("P", sg.softmax(S, rows=True))
    O = net.let("O", P * X * V)
    return Network(net, net.let("L", sg.sum(hadamard_product(O, O))), [K, Q, V], [X, K, Q, V])


def rational() -> Network:
    """Normalised scores, written from primitives, with broadcasts."""
    net = Net(dims=dict(SIZES))
    x, w = MatrixSymbol("x", D, 1), MatrixSymbol("w", D, 1)
    mean = net.let("m", sg.sum(x) / D)
    c = net.let("c", x - mean * OneMatrix(D, 1))
    v = net.let("v", sg.dot(c, c) / D)
    loss = net.let("L", sg.dot(w, c) / sp.sqrt(v + 1))
    return Network(net, loss, [x, w], [x, w])


# ------------------------------------------------------------------------ scalars by hand (A)


def _scalars(names: str) -> tuple[Any, ...]:
    return symbols(names, real=True)


def a1() -> Network:
    """g = w1³·w2 + 3·w1, as a graph (lecture A1)."""
    net = Net()
    w1, w2 = _scalars("w1 w2")
    a = net.let("a", w1**3)
    b = net.let("b", a * w2)
    c = net.let("c", 3 * w1)
    return Network(net, net.let("g", b + c), [w1, w2], [w1, w2])


def a3() -> Network:
    """r = u·v, u = t², v = 3t + 1 (lecture A3)."""
    net = Net()
    t = Symbol("t", real=True)
    u, v = net.let("u", t**2), net.let("v", 3 * t + 1)
    return Network(net, net.let("r", u * v), [t], [t])


def a4() -> Network:
    """f = y + e^(xy), x = cos t, y = t²: fan-out (lecture A4)."""
    net = Net()
    t = Symbol("t", real=True)
    x, y = net.let("x", sp.cos(t)), net.let("y", t**2)
    return Network(net, net.let("f", y + sp.exp(x * y)), [t], [t])


def a5() -> Network:
    """½(σ(w·x + b) − t)² (lecture A5)."""
    net = Net()
    w, x, b, t = _scalars("w x b t")
    z = net.let("z", w * x + b)
    y = net.let("y", sg.sigmoid(z))
    return Network(net, net.let("L", sg.squared_error(y, t)), [w, b], [w, x, b, t])


def a7() -> Network:
    """Binary cross-entropy of ŷ = 1/(1 + e^(−wx)) (lecture A7)."""
    net = Net()
    w, x, y = _scalars("w x y")
    p = net.let("ŷ", 1 / (1 + sp.exp(-w * x)))
    loss = net.let("L", -y * sp.log(p) - (1 - y) * sp.log(1 - p))
    return Network(net, loss, [p, w], [w, x, y])


NETWORKS: dict[str, Callable[[], Network]] = {
    "classifier": classifier,
    "classifier, plain target": lambda: classifier("plain"),
    "classifier, label": lambda: classifier("label"),
    "classifier, relu": lambda: classifier(activation=sg.relu),
    "unnamed classifier": unnamed_classifier,
    "regression": regression,
    "residual": residual,
    "shared weights": shared_weights,
    "attention": attention,
    "rational": rational,
    "A1": a1,
    "A3": a3,
    "A4": a4,
    "A5": a5,
    "A7": a7,
}
