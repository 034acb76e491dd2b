"""What a loss looks like: along one and two random directions in the space of the weights.

    python examples/loss_landscape.py [--out loss_landscape.png]

The multi-class hinge Σ_{j ≠ c} max(0, s_j − s_c + 1) of a linear classifier s = W·x has a weight
for every class and pixel, too many to plot against. So start from an arbitrary W0, choose a
direction W1, and plot L(W0 + α·W1); or two directions, L(W0 + α·W1 + β·W2). The pictures, on
handwritten digits of 8×8 pixels: the loss of one example along one direction and two, which is
made of straight pieces, and the mean of 200 examples, which is smooth to the eye. Both are convex.

Below, a trained network with a hidden layer, softmax and cross-entropy. Its loss is not convex, and
no random direction is needed to see it: swap the hidden units among themselves, with their weights,
and the network is the same. On the straight line from the one set of weights to the other the loss
starts low, climbs a hill, and ends where it began. Around the trained weights, along random
directions whose rows are as long as those of the weights, lies a basin.

The tangents and arrows are derived gradients; no difference quotient is involved.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from sympy import MatrixSymbol

import symgrad as sg
from symgrad.data import load_digits

PIXELS, HIDDEN, CLASSES, EXAMPLES = 64, 16, 10, 200
x, c = MatrixSymbol("x", PIXELS, 1), sg.label("c", CLASSES)

W = MatrixSymbol("W", CLASSES, PIXELS)
s = sg.let("s", W * x)
HINGE = sg.empirical_risk(sg.let("L", sg.multiclass_hinge(s, c)), data=[x, c])

W1, b1 = MatrixSymbol("W1", HIDDEN, PIXELS), MatrixSymbol("b1", HIDDEN, 1)
W2, b2 = MatrixSymbol("W2", CLASSES, HIDDEN), MatrixSymbol("b2", CLASSES, 1)
h = sg.let("h", sg.tanh(W1 * x + b1))
p = sg.let("p", sg.softmax(W2 * h + b2))
L = sg.let("L", sg.cross_entropy(p, c))
NETWORK = sg.empirical_risk(L, data=[x, c])


def trained(images: np.ndarray, labels: np.ndarray) -> dict[Any, np.ndarray]:
    """The parameters of the network after training on these examples."""
    options = {"target": "numpy", "dtype": "float64", "name": "landscape"}
    module = sg.training_module(L, [W1, b1, W2, b2], [x, c], predict=p, **options).load()
    params, history = module.fit(
        images, labels, epochs=60, batch_size=20, learning_rate=0.1, seed=0, progress=False
    )
    print(f"network: the loss went from {history.loss[0]:.3f} to {history.loss[-1]:.3f}")
    return {W1: params.W1, b1: params.b1, W2: params.W2, b2: params.b2}


def swapped(parameters: dict[Any, np.ndarray]) -> dict[Any, np.ndarray]:
    """The same network with its hidden units in the opposite order."""
    order = np.arange(HIDDEN)[::-1]
    return {
        W1: parameters[W1][order], b1: parameters[b1][order],
        W2: parameters[W2][:, order], b2: parameters[b2],
    }  # fmt: skip


def least_bend(at: dict[Any, np.ndarray], seeds: int = 50) -> float:
    """The least L(W + d) − 2·L(W) + L(W − d) of the hinge: below 0 for no convex function."""
    run = sg.function([W, x, c], HINGE)
    bends = []
    for seed in range(seeds):
        step = np.random.default_rng(seed).normal(size=at[W].shape)
        ahead, here, behind = (run(at[W] + k * step, at[x], at[c]) for k in (1, 0, -1))
        bends.append(ahead - 2 * here + behind)
    return float(min(bends))


def draw(panels: list[tuple[str, Any, dict[Any, np.ndarray], dict[str, Any]]], path: Path) -> None:
    """A panel for each title, loss, point and options."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(16, 9), layout="constrained")
    for axes, (title, loss, at, options) in zip(figure.subplots(2, 3).flat, panels, strict=True):
        sg.plot_loss(loss, at, axes=axes, title=title, **options)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Find the points, say what is convex, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path("loss_landscape.png")
    parser.add_argument("--out", type=Path, default=default, help="the picture")
    out = parser.parse_args().out

    digits = load_digits()
    images, labels = digits.train_images[:EXAMPLES], digits.train_labels[:EXAMPLES]
    start = np.random.default_rng(0).normal(size=(CLASSES, PIXELS)) / 8
    one, many = ({W: start, x: images[:n], c: labels[:n]} for n in (1, EXAMPLES))
    print(sg.gradient(HINGE, W))
    print(f"\nhinge: the least of 50 second differences is {least_bend(many):.3f}, so not below 0")

    data = {x: images, c: labels}
    parameters = trained(images, labels)
    twin = swapped(parameters)
    middle = {k: (v + twin[k]) / 2 for k, v in parameters.items()}
    halfway = {k: (twin[k] - v) / 2 for k, v in parameters.items()}
    run = sg.function([W1, b1, W2, b2, x, c], NETWORK)
    ends = [run(*at.values(), images, labels) for at in (parameters, middle, twin)]
    print("trained, halfway, units swapped: loss", "  ".join(f"{value:.3f}" for value in ends))

    if find_spec("matplotlib") is None:
        print('the picture needs matplotlib: pip install "symgrad[plot]"')
        return
    wide = {"radius": 2.0, "normalise": None}
    draw(
        [
            ("Hinge, one example", HINGE, one, wide),
            ("Hinge, one example", HINGE, one, {**wide, "directions": 2}),
            (f"Hinge, {EXAMPLES} examples", HINGE, many, {**wide, "directions": 2}),
            ("From a network to itself, units swapped", NETWORK, {**middle, **data},
             {"directions": [halfway], "radius": 1.2}),
            ("Trained network", NETWORK, {**parameters, **data},
             {"radius": 2.0, "directions": 2}),
            ("Two other directions", NETWORK, {**parameters, **data},
             {"radius": 2.0, "directions": 2, "seed": 5}),
        ],
        out,
    )  # fmt: skip
    print("written:", out)


if __name__ == "__main__":
    main()
