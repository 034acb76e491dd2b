"""Networks, as the lectures have them: from a threshold neuron to trained two-layer networks.

The declarations are in ``support/lecture_networks.py``, each with its lecture's backward pass as
text. The ids are those of the project's list of lecture results, D1 to D11.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import sympy as sp
from gradients import check_gradient
from lecture_networks import (
    SYSTEMS,
    C,
    D,
    H,
    d3,
    d4,
    deep,
    linear_layers,
    logistic,
    regression,
    threshold,
    two_colours,
    two_layer_logistic,
)
from lectures import System, backward, check
from oracle import Net
from sympy import MatrixSymbol, Symbol

import symgrad as sg
from symgrad import graph as g
from symgrad.show.matrix_form import matrix_form
from symgrad.simplify import normalise, strip_names

TARGETS = ("numpy", "numba")
QUICKLY = ("numpy", pytest.param("numba", marks=pytest.mark.slow))
"""Of what is trained, XOR is by both targets every time; a compilation takes seconds."""


def module(loss: Any, params: list[Any], data: list[Any], predict: Any, target: str) -> Any:
    """A training module in float64; its own check against finite differences has to pass."""
    made = sg.training_module(loss, params, data, predict=predict, target=target, dtype="float64")
    return made.load()


# --------------------------------------------------------------------------- one neuron: D1, D2


@pytest.mark.parametrize("target", TARGETS)
def test_d1_truth_table_of_a_threshold_neuron(target: str) -> None:
    """v = −2 + 2x1 + 4x2 − x3, y = sgn v: x2 ∧ (x1 ∨ ¬x3) of −1 and +1."""
    v, y, inputs = threshold()
    neuron = sg.function(inputs, [v, y], target=target)
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
        sg.gradient(y, inputs[:1])


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


@pytest.mark.parametrize("target", QUICKLY)
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
    lines = [f"δ_z{last} = ∂L/∂z{last} = f − 1_y"]
    for layer in range(last, 0, -1):
        delta = f"δ_z{layer}"
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

    (z2, z3), (W1, W2, W3), (b1, b2, b3), x = linear_layers()
    one = sg.let("z", (W3 * W2 * W1) * x + (W3 * (W2 * b1 + b2) + b3))
    assert affine(z3, x) == affine(one, x) == ("W3·W2·W1", "W3·(W2·b1 + b2) + b3")
    bent = sg.let("z3", W3 * sg.tanh(z2) + b3)
    assert "x" in sg.formula(sg.jacobian(bent, [x]).closed_form(x))


# ------------------------------------------------------------------- trained for real: D7, D8, D9


def started(network: Any, lines: np.ndarray, places: np.ndarray, outputs: int) -> Any:
    """Units that switch along given lines, and an output of 0."""
    units = len(places)
    return network.Params(W1=lines, b1=places, W2=np.zeros((outputs, units)), b2=np.zeros(outputs))


@pytest.mark.parametrize("target", QUICKLY)
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


@pytest.mark.parametrize("target", QUICKLY)
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


@pytest.mark.parametrize("name", SYSTEMS)
def test_backward_pass(name: str) -> None:
    check(SYSTEMS[name](), seeds=[0])
