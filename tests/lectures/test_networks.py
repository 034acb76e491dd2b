"""Networks, as the lectures have them: from a threshold neuron to trained two-layer networks.

Each row declares a network in the notation of its lecture, scalar, by index or by matrix, and
states the lecture's backward pass as text. The ids are those of the project's list of lecture
results, D1 to D11.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import sympy as sp
from gradients import check_gradient
from lectures import System, backward, check, real
from oracle import Net
from sympy import IndexedBase, MatrixSymbol, Sum, Symbol, symbols

import symgrad as sg
from symgrad import graph as g
from symgrad.show.matrix_form import matrix_form
from symgrad.simplify import normalise, strip_names

i, j, k, c = symbols("i j k c", integer=True)
D, H, C = symbols("D H C", integer=True, positive=True)
SIZES = {D: 4, H: 3, C: 2}
TARGETS = ("numpy", "numba")


def module(loss: Any, params: list[Any], data: list[Any], predict: Any, target: str) -> Any:
    """A training module in float64; its own check against finite differences has to pass."""
    made = sg.training_module(loss, params, data, predict=predict, target=target, dtype="float64")
    return made.load()


# --------------------------------------------------------------------------- one neuron: D1, D2


@pytest.mark.parametrize("target", TARGETS)
def test_d1_truth_table_of_a_threshold_neuron(target: str) -> None:
    """v = −2 + 2x1 + 4x2 − x3, y = sgn v: x2 ∧ (x1 ∨ ¬x3) of −1 and +1."""
    x1, x2, x3 = real("x1:4")
    v = sg.let("v", -2 + 2 * x1 + 4 * x2 - x3)
    y = sg.let("y", sg.sign(v))
    neuron = sg.function([x1, x2, x3], [v, y], target=target)
    assert [(*row, *neuron(*row)) for row in product((-1, 1), repeat=3)] == [
        (-1, -1, -1, -7, -1),
        (-1, -1, 1, -9, -1),
        (-1, 1, -1, 1, 1),
        (-1, 1, 1, -1, -1),
        (1, -1, -1, -3, -1),
        (1, -1, 1, -5, -1),
        (1, 1, -1, 5, 1),
        (1, 1, 1, 3, 1),
    ]
    with pytest.raises(sg.DerivativeError, match=r"derivative of a sign .* Dirac delta .* tanh"):
        sg.gradient(y, [x1])


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


INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
GATES = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "XOR": [0, 1, 1, 0]}


def answers(network: Any, gate: str, epochs: int, seed: int = 0) -> np.ndarray:
    """p at the four inputs, after training on them."""
    truth = np.array(GATES[gate], dtype=float)
    params, _ = network.fit(
        INPUTS, truth, epochs=epochs, batch_size=4, learning_rate=1.0, seed=seed, progress=False
    )
    found: np.ndarray = network.predict(params, INPUTS)
    return found


@pytest.mark.parametrize("target", TARGETS)
def test_d2_one_neuron_learns_and_and_or_but_not_xor(target: str) -> None:
    network = module(*logistic(Net()), target)
    network.check_gradients()
    for gate in ("AND", "OR"):
        np.testing.assert_allclose(answers(network, gate, 1000), GATES[gate], atol=0.05)
    # the loss is convex, and its least value is that of a fair coin
    np.testing.assert_allclose(answers(network, "XOR", 1000), 0.5, atol=1e-6)
    rng = np.random.default_rng(0)
    start = network.Params(w=rng.normal(size=2), b=np.array(1.0))
    params, history = network.fit(
        INPUTS, np.array(GATES["XOR"], float), params=start, epochs=2000, batch_size=4,
        learning_rate=1.0, progress=False,
    )  # fmt: skip
    np.testing.assert_allclose(network.predict(params, INPUTS), 0.5, atol=1e-3)
    assert history.loss[-1] == pytest.approx(np.log(2), abs=1e-6)


@pytest.mark.parametrize("target", TARGETS)
def test_d2_two_layers_learn_xor(target: str) -> None:
    network = module(*two_layer_logistic(Net()), target)
    network.check_gradients()
    np.testing.assert_allclose(answers(network, "XOR", 1000, seed=1), GATES["XOR"], atol=0.05)


# ---------------------------------------------------------------- backpropagation by hand: D3, D4


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
            "δ2[k] = ∂L/∂z2[k] = ŷ[k]·(1 − ŷ[k])·(ŷ[k] − y[k])",
            "∂L/∂W2[k, j] = δ2[k]·h[j]",
            "δ1[j] = ∂L/∂z1[j] = h[j]·(1 − h[j])·Σ_k δ2[k]·W2[k, j]",
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


@pytest.mark.parametrize("form", ["index", "matrix"])
def test_d3_updates(form: str) -> None:
    """W ← W − η·δ·(input)ᵀ of both layers, as text and as numbers."""
    eta = Symbol("η", positive=True)
    x, y = MatrixSymbol("x", D, 1), MatrixSymbol("y", C, 1)
    W1, W2 = MatrixSymbol("W1", H, D), MatrixSymbol("W2", C, H)
    d = sg.gradient(d3(form).loss, [W2, W1])
    z1 = sg.gradient(d3(form).loss, d3(form).wrt)
    new1, new2 = W1 - eta * z1[W1], W2 - eta * z1[W2]
    assert sg.formula(new2) == "W2 − η·δ2·hᵀ"
    assert sg.formula(new1) == "W1 − η·δ1·xᵀ"
    rng = np.random.default_rng(0)
    at = [rng.normal(size=s) for s in ((4,), (2,), (3, 4), (2, 3))]
    first, second = sg.function([x, y, W1, W2, eta], [new1, new2])(*at, 0.5)
    slope2, slope1 = sg.function([x, y, W1, W2], d)(*at)
    np.testing.assert_allclose(first, at[2] - 0.5 * slope1, rtol=1e-12)
    np.testing.assert_allclose(second, at[3] - 0.5 * slope2, rtol=1e-12)


def d4(form: str, loss: str = "squared_error") -> System:
    """The multi-output perceptron, z, h, y and ½Σ(y − t)², by index or by matrix."""
    net = Net(dims=dict(SIZES))
    if form == "index":
        x, t = IndexedBase("x", shape=(D,)), IndexedBase("t", shape=(C,))
        W1, b1 = IndexedBase("W1", shape=(H, D)), IndexedBase("b1", shape=(H,))
        W2, b2 = IndexedBase("W2", shape=(C, H)), IndexedBase("b2", shape=(C,))
        z = net.let("z", Sum(W1[i, j] * x[j], (j, 0, D - 1)) + b1[i], i)
        h = net.let("h", sg.sigmoid(z[i]), i)
        y = net.let("y", Sum(W2[k, i] * h[i], (i, 0, H - 1)) + b2[k], k)
        error = Sum((y[k] - t[k]) ** 2, (k, 0, C - 1)) / 2
    else:
        x, t = MatrixSymbol("x", D, 1), MatrixSymbol("t", C, 1)
        W1, b1 = MatrixSymbol("W1", H, D), MatrixSymbol("b1", H, 1)
        W2, b2 = MatrixSymbol("W2", C, H), MatrixSymbol("b2", C, 1)
        z = net.let("z", W1 * x + b1)
        h = net.let("h", sg.sigmoid(z))
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


def test_d4_one_network_however_it_is_written() -> None:
    """Declared by index or by matrix, shown by index or by matrix: node for node the same."""
    by_index, by_matrix, by_norm = d4("index"), d4("matrix"), d4("matrix", "norm")
    derivations = [sg.gradient(s.loss, s.wrt) for s in (by_index, by_matrix, by_norm)]
    first, *others = derivations
    for d in others:
        assert [a is b for a, b in zip(first.roots, d.roots, strict=True)] == [True] * 7
        assert backward(first, "index", "bar") == backward(d, "index", "bar") == by_index.lines
        assert backward(first, "matrix", "bar") == backward(d, "matrix", "bar") == by_matrix.lines
    assert first.loss_root is others[0].loss_root
    assert sg.formula(others[1].steps[3].expr) == "‖t − y‖²/2"


# ------------------------------------------------------------------------- deep networks: D5, D6


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


SLOPES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "sigmoid": (sg.sigmoid, "{below} ⊙ {h} ⊙ (1 − {h})"),
    "tanh": (sg.tanh, "{below} ⊙ (1 − {h} ⊙ {h})"),
    "relu": (sg.relu, "{below} ⊙ 1[{z} > 0]"),
    "leaky_relu": (lambda z: sg.leaky_relu(z, sp.Rational(1, 10)),
                   "{below} ⊙ (1 if {z} > 0 else 1/10)"),
    "elu": (sg.elu, "{below} ⊙ (1 if {z} > 0 else {h} + 1)"),
    "softplus": (sg.softplus, "{below} ⊙ σ({z})"),
    "swish": (sg.swish, "(σ({z}) ⊙ (1 − {h}) + {h}) ⊙ {below}"),
    "gelu": (sg.gelu, "({z} ⊙ φ({z}) + Φ({z})) ⊙ {below}"),
}  # fmt: skip
"""g → ∂L/∂h ⊙ g′(z), in terms of the output where one exists."""


def algorithm(hidden: int, slope: str) -> list[str]:
    """The lecture's loop, written out for so many hidden layers."""
    last = hidden + 1
    lines = [f"δ{last} = ∂L/∂z{last} = f − 1_y"]
    for layer in range(last, 0, -1):
        delta = f"δ{last}" if layer == last else f"δ_z{layer}"
        fed = f"h{layer - 1}" if layer > 1 else "x"
        lines += [f"∂L/∂W{layer} = {delta}·{fed}ᵀ", f"∂L/∂b{layer} = {delta}"]
        if layer > 1:
            n = layer - 1
            right = slope.format(below=f"δ_h{n}", h=f"h{n}", z=f"z{n}")
            lines += [
                f"δ_h{n} = ∂L/∂h{n} = W{layer}ᵀ·{delta}",
                f"δ_z{n} = ∂L/∂z{n} = {right}",
            ]
    return lines


@pytest.mark.parametrize("name", SLOPES)
@pytest.mark.parametrize("hidden", [1, 2, 5])
def test_d5_the_algorithm(hidden: int, name: str) -> None:
    activation, slope = SLOPES[name]
    net = Net()
    loss, wrt = deep(hidden, activation, net)
    assert backward(sg.gradient(loss, wrt)) == algorithm(hidden, slope)
    if hidden == 1:
        check_gradient(loss, wrt, net, System(loss, wrt, []).leaves, closed_form=False)


def test_d5_linear_units() -> None:
    """g′ = 1: ∂L/∂z of a linear layer is ∂L/∂h, and one name does for both."""
    net = Net()
    loss, wrt = deep(1, sg.identity, net)
    assert backward(check_gradient(loss, wrt, net, System(loss, wrt, []).leaves)) == [
        "δ2 = ∂L/∂z2 = f − 1_y",
        "∂L/∂W2 = δ2·h1ᵀ",
        "∂L/∂b2 = δ2",
        "δ1 = ∂L/∂h1 = W2ᵀ·δ2",
        "∂L/∂z1 = δ1",
        "∂L/∂W1 = δ1·xᵀ",
        "∂L/∂b1 = δ1",
    ]
    parameters = [symbol for symbol in wrt if str(symbol)[0] in "Wb"]
    assert backward(sg.gradient(loss, parameters))[3:] == [
        "δ1 = ∂L/∂z1 = W2ᵀ·δ2",
        "∂L/∂W1 = δ1·xᵀ",
        "∂L/∂b1 = δ1",
    ]


@pytest.mark.parametrize(("hidden", "closed_form"), [(1, True), (2, True), (5, False)])
def test_d5_gradients(hidden: int, closed_form: bool) -> None:
    """An activation that nobody has listed, against the oracle."""
    net = Net()
    loss, wrt = deep(hidden, lambda z: z.applyfunc(lambda t: t / sp.sqrt(1 + t**2)), net)
    leaves = System(loss, wrt, []).leaves
    check_gradient(loss, wrt, net, leaves, closed_form=closed_form)


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
    lines = ["∂L/∂W[j, i] = x[i]·(p[j] − 1[j = y])"]
    return System(loss, [W], lines, net, form="index")


# ----------------------------------------------------------------------- linear layers: D10, D11


def affine(f: Any, x: Any) -> tuple[str, str]:
    """∂f/∂x, which x is not in, and f at x = 0: the matrix and the vector of an affine f."""
    jacobian = sg.jacobian(f, [x])
    leaf = sg.let("leaf", x).node.args[0]
    assert leaf not in g.leaves(strip_names(jacobian.roots))
    (vector,) = normalise(g.substitute(strip_names([f.node]), {leaf: g.const(0, leaf.shape)}))
    return sg.formula(jacobian.closed_form(x)), sg.formula(matrix_form(vector))


def test_d10_stacked_linear_layers_are_one_linear_layer() -> None:
    """w2ᵀ(w1ᵀx) is (w1·w2)ᵀx; with biases too, it is one matrix and one vector."""
    x = MatrixSymbol("x", D, 1)
    w1, w2 = MatrixSymbol("w1", D, H), MatrixSymbol("w2", H, C)
    stacked = sg.let("z2", w2.T * sg.let("z1", w1.T * x))
    one = sg.let("z", (w1 * w2).T * x)
    assert affine(stacked, x) == affine(one, x) == ("w2ᵀ·w1ᵀ", "0")
    assert normalise(sg.jacobian(stacked, [x]).roots) == normalise(sg.jacobian(one, [x]).roots)

    W1, W2, W3 = MatrixSymbol("W1", H, D), MatrixSymbol("W2", H, H), MatrixSymbol("W3", C, H)
    b1, b2, b3 = MatrixSymbol("b1", H, 1), MatrixSymbol("b2", H, 1), MatrixSymbol("b3", C, 1)
    z1 = sg.let("z1", W1 * x + b1)
    z2 = sg.let("z2", W2 * z1 + b2)
    z3 = sg.let("z3", W3 * z2 + b3)
    one = sg.let("z", (W3 * W2 * W1) * x + (W3 * (W2 * b1 + b2) + b3))
    assert affine(z3, x) == affine(one, x) == ("W3·W2·W1", "W3·(W2·b1 + b2) + b3")
    bent = sg.let("z3", W3 * sg.tanh(z2) + b3)
    assert "x" in sg.formula(sg.jacobian(bent, [x]).closed_form(x))


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
        loss, first = -sp.log(sg.sigmoid(y * u)), "δ_u = ∂L/∂u = −y σ(−u·y)"
    else:
        loss, first = sg.logistic_margin(y * u), "δ_u = ∂L/∂u = −y σ(−u·y)"
    lines = [
        first,
        "∂L/∂w2 = δ_u·h",
        "∂L/∂b2 = δ_u",
        "δ_z = ∂L/∂z = δ_u·(w2 ⊙ (1 − h ⊙ h))",
        "∂L/∂W1 = δ_z·xᵀ",
        "∂L/∂b1 = δ_z",
    ]
    return System(net.let("L", loss), [u, w2, b2, z, W1, b1], lines, net)


# ------------------------------------------------------------------- trained for real: D7, D8, D9

K = Symbol("K", integer=True, positive=True)


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
        "δ1[j] = ∂L/∂e1[j] = h[j]·(1 − h[j])·Σ_k δ2[k]·W2[k, j]",
        "∂L/∂W1[j, i] = δ1[j]·x[i]",
        "∂L/∂b1[j] = δ1[j]",
    ]
    return System(loss, [W2, b2, W1, b1], lines, net, form="index")


def started(network: Any, lines: np.ndarray, places: np.ndarray, outputs: int) -> Any:
    """Units that switch along given lines, and an output of 0."""
    units = len(places)
    return network.Params(W1=lines, b1=places, W2=np.zeros((outputs, units)), b2=np.zeros(outputs))


@pytest.mark.parametrize("target", TARGETS)
def test_d7_d8_trained(target: str) -> None:
    """More hidden units, a smaller error, at most C/N; and a semicircle bent into a parabola."""
    network = module(*regression(Net()), target)
    network.check_gradients()

    def error(start: Any, x: np.ndarray, y: np.ndarray, epochs: int) -> float:
        for learning_rate in (0.3, 0.05):
            start, _ = network.fit(
                x, y, params=start, epochs=epochs, batch_size=10, learning_rate=learning_rate,
                progress=False,
            )  # fmt: skip
        return float(np.mean((network.predict(start, x) - y) ** 2))

    x = np.linspace(-1, 1, 100)[:, None]
    wave = np.sin(2 * np.pi * x)
    errors: dict[int, float] = {}
    for units in (1, 4, 16):
        places = (2 * np.arange(units) + 1) / units - 1
        start = started(network, np.full((units, 1), 10.0), -10 * places, 1)
        errors[units] = error(start, x, wave, 300)
    assert errors[1] > 0.2
    assert errors[4] < errors[1] / 4
    assert errors[16] < 0.01
    assert all(units * e <= 1.0 for units, e in errors.items())

    angle = np.linspace(np.pi, 0, 100)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    parabola = np.stack([circle[:, 0], circle[:, 0] ** 2], axis=1)
    at = np.pi * (np.arange(10) + 0.5) / 10
    lines = 8 * np.stack([np.sin(at), -np.cos(at)], axis=1)
    assert error(started(network, lines, np.zeros(10), 2), circle, parabola, 100) < 1e-3


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
        "δ2 = ∂L/∂e2 = (1 − ŷ²)·(ŷ − y)",
        "∂L/∂w2[j] = δ2·h[j]",
        "∂L/∂b2 = δ2",
        "δ1[j] = ∂L/∂e1[j] = δ2·w2[j]·(1 − h[j]²)",
        "∂L/∂W1[j, i] = δ1[j]·x[i]",
        "∂L/∂b1[j] = δ1[j]",
    ]
    return System(loss, [w2, b2, W1, b1], lines, net, form="index")


@pytest.mark.parametrize("target", TARGETS)
def test_d9_trained(target: str) -> None:
    """Trained with tanh, tested with sign: a disc in a square."""
    loss, params, data, out = two_colours(Net())
    with pytest.raises(sg.DerivativeError, match="Dirac delta"):
        sg.gradient(loss, params)
    assert sg.harden(sg.soften(out)) == out
    network = module(sg.soften(loss), params, data, out, target)
    network.check_gradients()
    rng = np.random.default_rng(0)
    x, unseen = rng.uniform(-1, 1, (500, 2)), rng.uniform(-1, 1, (2000, 2))
    colour, truth = (np.where(np.hypot(*a.T) < 0.7, 1.0, -1.0) for a in (x, unseen))
    at = 2 * np.pi * np.arange(12) / 12
    start = network.Params(
        W1=4 * np.stack([np.cos(at), np.sin(at)], axis=1), b1=np.full(12, 2.0), w2=np.zeros(12),
        b2=np.zeros(()),
    )  # fmt: skip
    fitted, _ = network.fit(
        x, colour, params=start, epochs=100, batch_size=10, learning_rate=0.1, progress=False
    )
    answers = network.predict(fitted, unseen)
    assert set(answers) == {-1.0, 1.0}
    assert np.mean(answers == truth) > 0.95


# ------------------------------------------------------------------------- every backward pass

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


@pytest.mark.parametrize("name", SYSTEMS)
def test_backward_pass(name: str) -> None:
    check(SYSTEMS[name](), seeds=[0])
