"""What one neuron can compute and what it cannot: threshold logic, AND, OR and XOR.

    python examples/logic_gates.py [--out logic_gates.png]

1. A threshold neuron with fixed weights, v = −2 + 2·x1 + 4·x2 − x3 and y = sgn v, and its truth
   table: with −1 for false and +1 for true it computes x2 ∧ (x1 ∨ ¬x3).
2. Logistic regression, p = σ(wᵀx + b), is one sigmoid neuron. Trained on the four rows of AND and
   of OR it learns them. XOR is not linearly separable: the best that it can do is to answer ½.
3. Two tanh units in front of it learn XOR. From some starting points they do not: the loss is no
   longer convex, and gradient descent gets stuck.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sympy import MatrixSymbol, Symbol, symbols

import symgrad as sg

H = 2  # hidden units
x1, x2, x3 = symbols("x1:4", real=True)
v = sg.let("v", -2 + 2 * x1 + 4 * x2 - x3)
decision = sg.let("y", sg.sign(v))

x, y = MatrixSymbol("x", 2, 1), Symbol("y", real=True)

w, b = MatrixSymbol("w", 2, 1), Symbol("b", real=True)
z = sg.let("z", sg.dot(w, x) + b)
p = sg.let("p", sg.sigmoid(z))
L = sg.let("L", sg.binary_cross_entropy(p, y))

W1, b1 = MatrixSymbol("W1", H, 2), MatrixSymbol("b1", H, 1)
w2, b2 = MatrixSymbol("w2", H, 1), Symbol("b2", real=True)
z1 = sg.let("z1", W1 * x + b1)
h = sg.let("h", sg.tanh(z1))
z2 = sg.let("z2", sg.dot(w2, h) + b2)
p2 = sg.let("p", sg.sigmoid(z2))
L2 = sg.let("L", sg.binary_cross_entropy(p2, y))

INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
GATES = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "XOR": [0, 1, 1, 0]}
SEEDS = 10


class Trained(NamedTuple):
    """A gate that was learned, or not: the probability of 1 at the four inputs and anywhere."""

    title: str
    gate: str
    loss: float
    answers: np.ndarray
    network: Any
    params: Any

    @property
    def learned(self) -> bool:
        """Whether all four answers are right."""
        return bool(np.all((self.answers > 0.5) == np.array(GATES[self.gate], dtype=bool)))


def truth_table() -> list[tuple[int, ...]]:
    """x1, x2, x3, v and y for each of the eight inputs."""
    neuron = sg.function([x1, x2, x3], [v, decision])
    return [(*row, *map(int, neuron(*row))) for row in product((-1, 1), repeat=3)]


def train(gate: str, network: Any, title: str, seed: int = 0) -> Trained:
    """Gradient descent on all four rows of the truth table."""
    targets = np.array(GATES[gate], dtype=float)
    params, history = network.fit(
        INPUTS, targets, epochs=1000, batch_size=4, learning_rate=1.0, seed=seed, progress=False
    )
    answers = network.predict(params, INPUTS)
    return Trained(title, gate, history.loss[-1], answers, network, params)


def build(loss: Any, params: list[Any], predict: Any, name: str) -> Any:
    """The training module of a loss, loaded."""
    options = {"target": "numpy", "dtype": "float64", "name": name}
    return sg.training_module(loss, params, [x, y], predict=predict, **options).load()


def draw(results: list[Trained], path: Path) -> None:
    """The probability of 1 over the plane, with the line where it is ½, and the four inputs."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    side = np.linspace(-0.5, 1.5, 121)
    plane = np.stack([a.ravel() for a in np.meshgrid(side, side)], axis=1)
    figure, axes = plt.subplots(1, len(results), figsize=(3.1 * len(results), 3.6), sharey=True)
    figure.set_layout_engine("constrained")
    for axis, result in zip(axes, results, strict=True):
        p = result.network.predict(result.params, plane).reshape(len(side), len(side))
        image = axis.pcolormesh(side, side, p, cmap="RdBu_r", vmin=0, vmax=1, rasterized=True)
        if p.min() < 0.45 and p.max() > 0.55:
            axis.contour(side, side, p, [0.5], colors="black", linewidths=1.5)
        for point, target in zip(INPUTS, GATES[result.gate], strict=True):
            color = "#b2182b" if target else "#2166ac"
            axis.plot(*point, "o", ms=16, mfc=color, mec="white", mew=2)
            axis.text(*point, target, color="white", ha="center", va="center", weight="bold")
        axis.set(title=result.title, xlabel="$x_1$", xticks=[0, 1], yticks=[0, 1], aspect="equal")
    axes[0].set_ylabel("$x_2$")
    figure.colorbar(image, ax=axes, label="$p(y = 1 | x)$", shrink=0.8, pad=0.01)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    """Print the truth table, derive, train, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("logic_gates.png"), help="the picture")
    out = parser.parse_args().out

    print("a threshold neuron, v = −2 + 2·x1 + 4·x2 − x3, y = sgn v:")
    print("  x1  x2  x3    v   y")
    for row in truth_table():
        print("  {:2d}  {:2d}  {:2d}  {:3d}  {:2d}".format(*row))

    print("\nlogistic regression, a network of one sigmoid neuron:")
    print(sg.gradient(L, [w, b]))
    print("\ntwo layers:")
    print(sg.gradient(L2, [W1, b1, w2, b2]))

    neuron = build(L, [w, b], p, "neuron")
    results = [train(gate, neuron, f"{gate}, one neuron") for gate in GATES]
    two_layers = build(L2, [W1, b1, w2, b2], p2, "two_layers")
    trials = [train("XOR", two_layers, "XOR, two layers", seed) for seed in range(SEEDS)]
    results.append(min(trials, key=lambda result: result.loss))

    print("\ntrained, p(y = 1) at the inputs 00, 01, 10, 11:")
    for result in results:
        answers = "  ".join(f"{value:.3f}" for value in result.answers)
        verdict = "learned" if result.learned else "not learned"
        print(f"  {result.title:<16}  {answers}   loss {result.loss:.4f}  {verdict}")
    count = sum(result.learned for result in trials)
    stuck = max(trials, key=lambda result: result.loss)
    print(f"XOR was learned from {count} of {SEEDS} starting points; the others are stuck near")
    print(
        f"loss {stuck.loss:.3f}, at answers such as", "  ".join(f"{a:.2f}" for a in stuck.answers)
    )

    if find_spec("matplotlib") is None:
        print('the picture needs matplotlib: pip install "symgrad[demo]"')
        return
    draw(results, out)
    print("written:", out)


if __name__ == "__main__":
    main()
