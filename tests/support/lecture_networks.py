"""The networks of the lectures, D1 to D11: declared as their lecture has them, with its results.

Each function declares one, in scalars, by index or by matrix, and states the lecture's backward
pass as text. `SYSTEMS` are those whose backward pass is stated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from lectures import System, real
from oracle import Net
from sympy import IndexedBase, MatrixSymbol, Sum, Symbol, symbols

import symgrad as sg
from symgrad.simplify import normalise

i, j, k, c = symbols("i j k c", integer=True)
D, H, C, K = symbols("D H C K", integer=True, positive=True)
SIZES = {D: 4, H: 3, C: 2}


def threshold() -> tuple[Any, Any, list[Any]]:
    """The neuron v = −2 + 2·x1 + 4·x2 − x3, y = sgn v: v, y and its inputs (D1)."""
    x1, x2, x3 = real("x1:4")
    v = sg.let("v", -2 + 2 * x1 + 4 * x2 - x3)
    return v, sg.let("y", sg.sign(v)), [x1, x2, x3]


def linear_layers() -> tuple[Any, Any, Any, Any]:
    """Three affine layers, which are one (D10): the last values, weights, biases, the input."""
    x = MatrixSymbol("x", D, 1)
    W1, W2, W3 = MatrixSymbol("W1", H, D), MatrixSymbol("W2", H, H), MatrixSymbol("W3", C, H)
    b1, b2, b3 = MatrixSymbol("b1", H, 1), MatrixSymbol("b2", H, 1), MatrixSymbol("b3", C, 1)
    z1 = sg.let("z1", W1 * x + b1)
    z2 = sg.let("z2", W2 * z1 + b2)
    z3 = sg.let("z3", W3 * z2 + b3)
    return (z2, z3), (W1, W2, W3), (b1, b2, b3), x


def logistic(net: Net) -> tuple[Any, list[Any], list[Any], Any]:
    """p = σ(wᵀx + b) with −y log p − (1 − y) log(1 − p): loss, parameters, data, prediction."""
    x, y = MatrixSymbol("x", 2, 1), Symbol("y", real=True)
    w, b = MatrixSymbol("w", 2, 1), Symbol("b", real=True)
    z = net.let("z", sg.dot(w, x) + b)
    p = net.let("p", sg.sigmoid(z))
    return net.let("L", sg.binary_cross_entropy(p, y)), [w, b], [x, y], p


def two_layer_logistic(net: Net) -> tuple[Any, list[Any], list[Any], Any]:
    """The same behind three tanh units."""
    x, y = MatrixSymbol("x", 2, 1), Symbol("y", real=True)
    W1, b1 = MatrixSymbol("W1", 3, 2), MatrixSymbol("b1", 3, 1)
    w2, b2 = MatrixSymbol("w2", 3, 1), Symbol("b2", real=True)
    h = net.let("h", sg.tanh(net.let("z1", W1 * x + b1)))
    p = net.let("p", sg.sigmoid(net.let("z2", sg.dot(w2, h) + b2)))
    return net.let("L", sg.binary_cross_entropy(p, y)), [W1, b1, w2, b2], [x, y], p


def d2() -> System:
    net = Net()
    loss, params, *_ = logistic(net)
    lines = ["δ_z = ∂L/∂z = p − y", "∂L/∂w = δ_z·x", "∂L/∂b = δ_z"]
    return System(loss, params, lines, net)


def d2_two_layers() -> System:
    net = Net()
    loss, params, *_ = two_layer_logistic(net)
    lines = [
        "δ2 = ∂L/∂z2 = p − y",
        "∂L/∂w2 = δ2·h",
        "∂L/∂b2 = δ2",
        "δ1 = ∂L/∂z1 = δ2·(w2 ⊙ (1 − h ⊙ h))",
        "∂L/∂W1 = δ1·xᵀ",
        "∂L/∂b1 = δ1",
    ]
    return System(loss, params[2:] + params[:2], lines, net)


def d3(form: str) -> System:
    """h = σ(W1·x), ŷ = σ(W2·h), ½Σ(ŷ − y)², declared and shown by index or by matrix."""
    net = Net(dims=dict(SIZES))
    if form == "index":
        x, y = IndexedBase("x", shape=(D,)), IndexedBase("y", shape=(C,))
        W1, W2 = IndexedBase("W1", shape=(H, D)), IndexedBase("W2", shape=(C, H))
        z1 = net.let("z1", Sum(W1[j, k] * x[k], (k, 0, D - 1)), j)
        h = net.let("h", 1 / (1 + sp.exp(-z1[j])), j)
        z2 = net.let("z2", Sum(W2[c, j] * h[j], (j, 0, H - 1)), c)
        out = net.let("ŷ", 1 / (1 + sp.exp(-z2[c])), c)
        loss = net.let("L", Sum((out[c] - y[c]) ** 2, (c, 0, C - 1)) / 2)
        lines = [
            "δ2[k] = ∂L/∂z2[k] = (ŷ[k] − y[k])·ŷ[k]·(1 − ŷ[k])",
            "∂L/∂W2[k, j] = δ2[k]·h[j]",
            "δ1[j] = ∂L/∂z1[j] = (Σ_k δ2[k]·W2[k, j])·h[j]·(1 − h[j])",
            "∂L/∂W1[j, i] = δ1[j]·x[i]",
        ]
    else:
        x, y = MatrixSymbol("x", D, 1), MatrixSymbol("y", C, 1)
        W1, W2 = MatrixSymbol("W1", H, D), MatrixSymbol("W2", C, H)
        z1 = net.let("z1", W1 * x)
        h = net.let("h", sg.sigmoid(z1))
        z2 = net.let("z2", W2 * h)
        out = net.let("ŷ", sg.sigmoid(z2))
        loss = net.let("L", sg.squared_error(out, y))
        lines = [
            "δ2 = ∂L/∂z2 = (ŷ − y) ⊙ ŷ ⊙ (1 − ŷ)",
            "∂L/∂W2 = δ2·hᵀ",
            "δ1 = ∂L/∂z1 = (W2ᵀ·δ2) ⊙ h ⊙ (1 − h)",
            "∂L/∂W1 = δ1·xᵀ",
        ]
    return System(loss, [z2, W2, z1, W1], lines, net, form=form)


def d4(form: str, loss: str = "squared_error", unit: Any = sg.sigmoid) -> System:
    """The multi-output perceptron, z, h, y and ½Σ(y − t)², by index or by matrix.

    ``unit`` is σ, or any SymPy function in its place.
    """
    net = Net(dims=dict(SIZES))
    if form == "index":
        x, t = IndexedBase("x", shape=(D,)), IndexedBase("t", shape=(C,))
        W1, b1 = IndexedBase("W1", shape=(H, D)), IndexedBase("b1", shape=(H,))
        W2, b2 = IndexedBase("W2", shape=(C, H)), IndexedBase("b2", shape=(C,))
        z = net.let("z", Sum(W1[i, j] * x[j], (j, 0, D - 1)) + b1[i], i)
        h = net.let("h", unit(z[i]), i)
        y = net.let("y", Sum(W2[k, i] * h[i], (i, 0, H - 1)) + b2[k], k)
        error = Sum((y[k] - t[k]) ** 2, (k, 0, C - 1)) / 2
    else:
        x, t = MatrixSymbol("x", D, 1), MatrixSymbol("t", C, 1)
        W1, b1 = MatrixSymbol("W1", H, D), MatrixSymbol("b1", H, 1)
        W2, b2 = MatrixSymbol("W2", C, H), MatrixSymbol("b2", C, 1)
        z = net.let("z", W1 * x + b1)
        h = net.let("h", unit(z) if unit is sg.sigmoid else z.applyfunc(unit))
        y = net.let("y", W2 * h + b2)
        error = sg.squared_error(y, t) if loss == "squared_error" else sg.norm(t - y) ** 2 / 2
    lines = {
        "index": [
            "ȳ[k] = y[k] − t[k]",
            "W̄2[k, j] = ȳ[k]·h[j]",
            "b̄2[k] = ȳ[k]",
            "h̄[j] = Σ_k ȳ[k]·W2[k, j]",
            "z̄[j] = h̄[j]·h[j]·(1 − h[j])",
            "W̄1[j, i] = z̄[j]·x[i]",
            "b̄1[j] = z̄[j]",
        ],
        "matrix": [
            "ȳ = y − t",
            "W̄2 = ȳ·hᵀ",
            "b̄2 = ȳ",
            "h̄ = W2ᵀ·ȳ",
            "z̄ = h̄ ⊙ h ⊙ (1 − h)",
            "W̄1 = z̄·xᵀ",
            "b̄1 = z̄",
        ],
    }
    wrt = [y, W2, b2, h, z, W1, b1]
    return System(net.let("L", error), wrt, lines[form], net, form=form, notation="bar")


def deep(hidden: int, activation: Callable[[Any], Any], net: Net) -> tuple[Any, list[Any]]:
    """z = W·h + b, h = g(z) for each hidden layer, f = softmax(z), −log f_y.

    Returns the loss, and for each layer from the last: z, W, b and the h that feeds it.
    """
    sizes = [*symbols(f"K:{hidden + 1}", integer=True, positive=True)]
    net.dims.update({n: 2 + k % 3 for k, n in enumerate(sizes)})
    net.dims[C] = 3
    h, y = MatrixSymbol("x", sizes[0], 1), sg.label("y", C)
    wrt: list[Any] = []
    for layer, (fed, units) in enumerate(zip(sizes, [*sizes[1:], C], strict=True), start=1):
        W, b = MatrixSymbol(f"W{layer}", units, fed), MatrixSymbol(f"b{layer}", units, 1)
        z = net.let(f"z{layer}", W * h + b)
        wrt = [z, W, b, *([h] if layer > 1 else []), *wrt]
        if layer <= hidden:
            h = net.let(f"h{layer}", activation(z))
    f = net.let("f", sg.softmax(z))
    return net.let("L", sg.cross_entropy(f, y)), wrt


def d6() -> System:
    """Multi-class logistic regression: the deep network without hidden layers."""
    net = Net()
    loss, wrt = deep(0, sg.tanh, net)
    lines = ["δ1 = ∂L/∂z1 = f − 1_y", "∂L/∂W1 = δ1·xᵀ", "∂L/∂b1 = δ1"]
    return System(loss, wrt, lines, net)


def d6_index() -> System:
    """The same by index: (p_j − 1[j = c])·x_k at W_jk."""
    net = Net(dims=dict(SIZES))
    x, y = IndexedBase("x", shape=(D,)), sg.label("y", C)
    W, b = IndexedBase("W", shape=(C, D)), IndexedBase("b", shape=(C,))
    z = net.let("z", Sum(W[j, k] * x[k], (k, 0, D - 1)) + b[j], j)
    p = net.let("p", sp.exp(z[j]) / Sum(sp.exp(z[c]), (c, 0, C - 1)), j)
    loss = net.let("L", -sp.log(p[y]))
    lines = ["∂L/∂W[j, i] = (p[j] − 1[j = y])·x[i]"]
    return System(loss, [W], lines, net, form="index")


def d11(form: str) -> System:
    """f = o(w2ᵀ g(W1·x + b1) + b2) with o the identity, and ½(f − y)²; or y = ±1, o = σ."""
    net = Net(dims=dict(SIZES))
    x, y = MatrixSymbol("x", D, 1), Symbol("y", real=True)
    W1, b1 = MatrixSymbol("W1", H, D), MatrixSymbol("b1", H, 1)
    w2, b2 = MatrixSymbol("w2", H, 1), Symbol("b2", real=True)
    z = net.let("z", W1 * x + b1)
    h = net.let("h", sg.tanh(z))
    u = net.let("u", sg.dot(h, w2) + b2)
    if form == "regression":
        f = net.let("f", sg.identity(u))
        loss, first = sg.squared_error(f, y), "δ_u = ∂L/∂u = f − y"
    elif form == "±1":
        loss, first = -sp.log(sg.sigmoid(y * u)), "δ_u = ∂L/∂u = −y·σ(−u·y)"
    else:
        loss, first = sg.logistic_margin(y * u), "δ_u = ∂L/∂u = −y·σ(−u·y)"
    lines = [
        first,
        "∂L/∂w2 = δ_u·h",
        "∂L/∂b2 = δ_u",
        "δ_z = ∂L/∂z = δ_u·(w2 ⊙ (1 − h ⊙ h))",
        "∂L/∂W1 = δ_z·xᵀ",
        "∂L/∂b1 = δ_z",
    ]
    return System(net.let("L", loss), [u, w2, b2, z, W1, b1], lines, net)


def regression(net: Net) -> tuple[Any, list[Any], list[Any], Any]:
    """The two-layer network of the approximation theorem, entry by entry.

    e1_k = b1_k + Σ_j W1_kj x_j, h_k = σ(e1_k), e2_k = b2_k + Σ_j W2_kj h_j, ŷ_k = e2_k. Returns
    loss, parameters, data and prediction.
    """
    x, y = IndexedBase("x", shape=(D,)), IndexedBase("y", shape=(K,))
    W1, b1 = IndexedBase("W1", shape=(H, D)), IndexedBase("b1", shape=(H,))
    W2, b2 = IndexedBase("W2", shape=(K, H)), IndexedBase("b2", shape=(K,))
    e1 = net.let("e1", b1[k] + Sum(W1[k, j] * x[j], (j, 0, D - 1)), k)
    h = net.let("h", sg.sigmoid(e1[k]), k)
    e2 = net.let("e2", b2[k] + Sum(W2[k, j] * h[j], (j, 0, H - 1)), k)
    loss = net.let("L", Sum((e2[k] - y[k]) ** 2, (k, 0, K - 1)) / 2)
    return loss, [W1, b1, W2, b2], [x, y], e2


def d7_d8() -> System:
    net = Net(dims={**SIZES, K: 2})
    loss, (W1, b1, W2, b2), *_ = regression(net)
    lines = [
        "δ2[k] = ∂L/∂e2[k] = e2[k] − y[k]",
        "∂L/∂W2[k, j] = δ2[k]·h[j]",
        "∂L/∂b2[k] = δ2[k]",
        "δ1[j] = ∂L/∂e1[j] = (Σ_k δ2[k]·W2[k, j])·h[j]·(1 − h[j])",
        "∂L/∂W1[j, i] = δ1[j]·x[i]",
        "∂L/∂b1[j] = δ1[j]",
    ]
    return System(loss, [W2, b2, W1, b1], lines, net, form="index")


def two_colours(net: Net, end: Any = sg.sign) -> tuple[Any, list[Any], list[Any], Any]:
    """ŷ = sign(e2) behind tanh units, as it is tested, and ½(ŷ − y)²."""
    x, y = IndexedBase("x", shape=(2,)), Symbol("y", real=True)
    W1, b1 = IndexedBase("W1", shape=(H, 2)), IndexedBase("b1", shape=(H,))
    w2, b2 = IndexedBase("w2", shape=(H,)), Symbol("b2", real=True)
    e1 = net.let("e1", b1[k] + Sum(W1[k, j] * x[j], (j, 0, 1)), k)
    h = net.let("h", sp.tanh(e1[k]), k)
    e2 = net.let("e2", b2 + Sum(w2[j] * h[j], (j, 0, H - 1)))
    out = net.let("ŷ", end(e2))
    return net.let("L", (out - y) ** 2 / 2), [W1, b1, w2, b2], [x, y], out


def d9() -> System:
    """The softened loss, which the oracle reads as declared with a tanh."""
    net = Net(dims=dict(SIZES))
    declared, (W1, b1, w2, b2), *_ = two_colours(net, sg.tanh)
    loss = sg.soften(two_colours(Net())[0])
    assert normalise([loss.node]) == normalise([declared.node])
    lines = [
        "δ2 = ∂L/∂e2 = (ŷ − y)·(1 − ŷ²)",
        "∂L/∂w2[j] = δ2·h[j]",
        "∂L/∂b2 = δ2",
        "δ1[j] = ∂L/∂e1[j] = δ2·w2[j]·(1 − h[j]²)",
        "∂L/∂W1[j, i] = δ1[j]·x[i]",
        "∂L/∂b1[j] = δ1[j]",
    ]
    return System(loss, [w2, b2, W1, b1], lines, net, form="index")


SYSTEMS: dict[str, Callable[[], System]] = {
    "D2 logistic regression": d2,
    "D2 two layers": d2_two_layers,
    "D3 by index": lambda: d3("index"),
    "D3 by matrix": lambda: d3("matrix"),
    "D4 by index": lambda: d4("index"),
    "D4 by matrix": lambda: d4("matrix"),
    "D4 with a norm": lambda: d4("matrix", "norm"),
    "D6 by matrix": d6,
    "D6 by index": d6_index,
    "D11 regression": lambda: d11("regression"),
    "D11 ±1": lambda: d11("±1"),
    "D11 margin": lambda: d11("margin"),
    "D7, D8": d7_d8,
    "D9 softened": d9,
}
