"""The workloads as a user of symgrad declares them: the loss of one example, parameters, data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from workloads import Attention, Convolution, Dense, Lstm, Workload


class Declared(NamedTuple):
    """What `sg.training_module` is given."""

    loss: Any
    params: list[Any]
    data: list[Any]


def dense(w: Dense) -> Declared:
    """Layer by layer."""
    from sympy import MatrixSymbol

    import symgrad as sg

    activation = {"tanh": sg.tanh, "relu": sg.relu}[w.hidden]
    x = h = MatrixSymbol("x", w.sizes[0], 1)
    params: list[Any] = []
    for k, (out, into) in enumerate(w.layers, 1):
        W, b = MatrixSymbol(f"W{k}", out, into), MatrixSymbol(f"b{k}", out, 1)
        params += [W, b]
        z = sg.let(f"z{k}", W * h + b)
        h = sg.let(f"h{k}", activation(z)) if k < len(w.layers) else z
    if w.loss == "squared":
        return Declared(sg.squared_error(h, x), params, [x])
    if w.loss == "logistic":
        y = MatrixSymbol("y", 1, 1)
        return Declared(sg.binary_cross_entropy(sg.let("p", sg.sigmoid(h)), y), params, [x, y])
    return _classified(h, params, x)


def lstm(w: Lstm) -> Declared:
    """sg.recurrent unrolls the cell; only its last state is read."""
    from sympy import MatrixSymbol

    import symgrad as sg

    x = MatrixSymbol("x", w.length, w.features)
    cell = sg.cell("lstm", w.features, w.units)
    V, v = MatrixSymbol("V", w.classes, w.units), MatrixSymbol("v", w.classes, 1)
    z = sg.let("z", V * sg.recurrent(cell, x)[-1] + v)
    return _classified(z, [*cell.parameters, V, v], x)


def convolution(w: Convolution) -> Declared:
    """Arrays of three and four axes, and a dense layer written as a sum."""
    from sympy import IndexedBase, MatrixSymbol, Sum, symbols

    import symgrad as sg

    x = IndexedBase("x", shape=w.inputs)
    K, k = IndexedBase("K", shape=(w.filters, 1, 3, 3)), MatrixSymbol("k", w.filters, 1)
    h = sg.let("h", sg.max_pool2d(sg.relu(sg.let("u", sg.conv2d(x, K, k))), 2))
    V, v = IndexedBase("V", shape=(w.classes, w.filters, 3, 3)), MatrixSymbol("v", w.classes, 1)
    n, c, i, j = symbols("n c i j", integer=True)
    places = ((c, 0, w.filters - 1), (i, 0, 2), (j, 0, 2))
    z = sg.let("z", Sum(V[n, c, i, j] * h[c, i, j], *places) + v[n, 0], n)
    return _classified(z, [K, k, V, v], x)


def attention(w: Attention) -> Declared:
    """One block with a residual connection."""
    from sympy import MatrixSymbol, Sum, symbols

    import symgrad as sg

    x = MatrixSymbol("x", w.length, w.width)
    Q, K, V, O = (MatrixSymbol(name, w.width, w.width) for name in ("Q", "K", "V", "O"))
    a = sg.let("a", sg.attention(x * Q, x * K, x * V))
    h = sg.let("h", sg.relu(x + a * O))
    i, t = symbols("i t", integer=True)
    m = sg.let("m", Sum(h[t, i], (t, 0, w.length - 1)) / w.length, i)
    P, p = MatrixSymbol("P", w.classes, w.width), MatrixSymbol("b", w.classes, 1)
    return _classified(sg.let("z", P * m + p), [Q, K, V, O, P, p], x)


def _classified(z: Any, params: list[Any], x: Any) -> Declared:
    import symgrad as sg

    y = sg.simplex("y", 10 if not hasattr(z, "shape") else z.shape[0])
    return Declared(sg.cross_entropy(sg.let("p", sg.softmax(z)), y), params, [x, y])


NETWORKS: dict[type[Workload], Callable[[Any], Declared]] = {
    Dense: dense,
    Lstm: lstm,
    Convolution: convolution,
    Attention: attention,
}


def declare(workload: Workload) -> Declared:
    """The declaration of any workload."""
    return NETWORKS[type(workload)](workload)
