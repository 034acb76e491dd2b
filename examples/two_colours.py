"""Colour a picture with two colours: soft in training, hard in testing, from one declaration.

    python examples/two_colours.py [--out two_colours.png]

A classifier has discrete outputs: ŷ(x) = +1 where the picture is red and −1 where it is blue. Here
ŷ = sign(w2ᵀ tanh(W1·x + b1) + b2), and the loss is ½(ŷ − y)². The sign cannot be trained through:
its derivative is zero, except where it is infinite. So

* in training, ``sg.soften(loss)`` has tanh where the declaration has the sign;
* in testing, the network answers with ŷ as it was declared, +1 or −1.

The picture to learn is a disc of yin and yang, of which the network sees 2,000 points.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from sympy import MatrixSymbol, Symbol

import symgrad as sg

H = 64
x, y = MatrixSymbol("x", 2, 1), Symbol("y", real=True)
W1, b1 = MatrixSymbol("W1", H, 2), MatrixSymbol("b1", H, 1)
w2, b2 = MatrixSymbol("w2", H, 1), Symbol("b2", real=True)
PARAMS = [W1, b1, w2, b2]

e1 = sg.let("e1", W1 * x + b1)
h = sg.let("h", sg.tanh(e1))
e2 = sg.let("e2", sg.dot(w2, h) + b2)
y_hat = sg.let("ŷ", sg.sign(e2))
L = sg.let("L", sg.squared_error(y_hat, y))


def colour(points: np.ndarray) -> np.ndarray:
    """+1 for red and −1 for blue: two halves of a disc that curl into each other, with an eye."""
    upper, lower = (np.hypot(points[:, 0], points[:, 1] + c) for c in (-0.5, 0.5))
    red = ((points[:, 0] > 0) | (upper < 0.5)) & (lower > 0.5)
    red = (red | (lower < 0.18)) & (upper > 0.18)
    return np.where(red, 1.0, -1.0)


def sample(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of the disc and their colours."""
    rng = np.random.default_rng(seed)
    radius, angle = np.sqrt(rng.uniform(size=count)), rng.uniform(0, 2 * np.pi, count)
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return points, colour(points)


def build(predict: Any, target: str) -> Any:
    """A module that trains the softened loss and predicts ``predict``."""
    module = sg.training_module(
        sg.soften(L), PARAMS, [x, y], predict=predict, target=target, name=f"colours_{target}"
    )
    return module.load()


def start(network: Any) -> Any:
    """Units whose lines cross the disc in all directions."""
    rng = np.random.default_rng(0)
    angle, place = rng.uniform(0, 2 * np.pi, H), rng.uniform(-1, 1, H)
    lines = 8 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return network.Params(W1=lines, b1=8 * place, w2=rng.normal(size=H) / 5, b2=np.zeros(()))


def draw(points: np.ndarray, colours: np.ndarray, soft: Any, hard: Any, path: Path) -> None:
    """The data, the soft output ŷ = tanh(e2), and the hard one ŷ = sign(e2)."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    side = np.linspace(-1.02, 1.02, 401)
    plane = np.stack([a.ravel() for a in np.meshgrid(side, side)], axis=1)
    outside = np.hypot(*plane.T) > 1
    options = {"cmap": "RdBu_r", "vmin": -1.15, "vmax": 1.15}
    figure, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
    axes[0].scatter(*points.T, c=colours, s=6, **options)
    for axis, output in zip(axes[1:], (soft, hard), strict=True):
        values = np.where(outside, np.nan, output(plane)).reshape(len(side), len(side))
        axis.pcolormesh(side, side, values, rasterized=True, **options)
    titles = (
        f"{len(points):,} points", "soft, in training: $\\tanh(e_2)$",
        "hard, in testing: sign$(e_2)$",
    )  # fmt: skip
    for axis, title in zip(axes, titles, strict=True):
        axis.set(title=title, aspect="equal", xlim=(-1.05, 1.05), ylim=(-1.05, 1.05))
        axis.axis("off")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    """Derive the softened loss, train it, test with the sign, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("two_colours.png"), help="the picture")
    out = parser.parse_args().out

    print("in testing:  ŷ =", sg.formula(sg.sign(e2)))
    print("in training: ŷ =", sg.formula(sg.tanh(e2)))
    print(sg.gradient(sg.soften(L), PARAMS))

    soft = build(sg.soften(y_hat), "numba")
    hard = build(y_hat, "numpy")  # the same parameters, another answer
    points, colours = sample(2000, seed=1)
    unseen, truth = sample(10_000, seed=2)
    params = start(soft)
    print("\n  epochs   loss     right on unseen points")
    done = 0
    for epochs, learning_rate in ((1, 0.03), (9, 0.03), (90, 0.03), (500, 0.03), (100, 0.006)):
        params, history = soft.fit(
            points, colours, params=params, epochs=epochs, batch_size=10,
            learning_rate=learning_rate, seed=done, progress=False,
        )  # fmt: skip
        done += epochs
        right = np.mean(hard.predict(params, unseen) == truth)
        print(f"  {done:6d}   {history.loss[-1]:.4f}   {right:.1%}")

    if find_spec("matplotlib") is None:
        print('the picture needs matplotlib: pip install "symgrad[demo]"')
        return
    draw(
        points, colours,
        lambda plane: soft.predict(params, plane), lambda plane: hard.predict(params, plane), out,
    )  # fmt: skip
    print("written:", out)


if __name__ == "__main__":
    main()
