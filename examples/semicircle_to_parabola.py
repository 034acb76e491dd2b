"""A network that bends a semicircle into a parabola, and what its hidden units do for it.

    python examples/semicircle_to_parabola.py [--out semicircle_to_parabola.png]

In comes a point on the upper half of x0² + x1² = 1, out goes a point on the parabola y1 = y0², with
y0 = x0. The network is ŷ = b2 + Σⱼ wⱼ hⱼ with hⱼ a unit step: each hidden unit decides on which
side of a line the point lies, and if it is on the right side, adds its correction vector wⱼ. That
cannot be trained: a step has no useful derivative, and symgrad refuses with that reason.
``sg.soften`` gives the same network with σ in place of each step, which is trained.

The picture: the semicircle with the lines of the hidden units; the parabola with the output of the
trained network, which is smooth, and with that of the very same weights behind unit steps, a
handful of points. From one of those to the next leads the correction vector of one unit.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from sympy import MatrixSymbol

import symgrad as sg

UNITS = 10
x, y = MatrixSymbol("x", 2, 1), MatrixSymbol("y", 2, 1)
W1, b1 = MatrixSymbol("W1", UNITS, 2), MatrixSymbol("b1", UNITS, 1)
W2, b2 = MatrixSymbol("W2", 2, UNITS), MatrixSymbol("b2", 2, 1)
PARAMS = [W1, b1, W2, b2]

e = sg.let("e", W1 * x + b1)
h = sg.let("h", sg.step(e))
y_hat = sg.let("ŷ", W2 * h + b2)
L = sg.let("L", sg.squared_error(y_hat, y))


def curves(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points on the semicircle and the points of the parabola that belong to them."""
    angle = np.linspace(np.pi, 0, count)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return circle, np.stack([circle[:, 0], circle[:, 0] ** 2], axis=1)


def start(network: Any, slope: float = 8.0) -> Any:
    """Lines through the origin at even angles, each steep enough to be nearly a decision."""
    angle = np.pi * (np.arange(UNITS) + 0.5) / UNITS
    lines = slope * np.stack([np.sin(angle), -np.cos(angle)], axis=1)
    return network.Params(W1=lines, b1=np.zeros(UNITS), W2=np.zeros((2, UNITS)), b2=np.zeros(2))


def draw(params: Any, soft: np.ndarray, hard: np.ndarray, path: Path) -> None:
    """Left the decisions of the hidden units, right what comes out."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    circle, parabola = curves(len(soft))
    colors = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(soft)))
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
    left.scatter(*circle.T, c=colors, s=14)
    ends = np.array([-2.0, 2.0])
    for (w0, w1), b in zip(params.W1, params.b1, strict=True):
        normal = np.array([w0, w1]) / (w0**2 + w1**2)
        line = -b * normal[:, None] + np.array([-normal[1], normal[0]])[:, None] * ends * 20
        left.plot(*line, color="#888888", lw=1)
    left.set(title="In: a semicircle, and the lines of the hidden units", aspect="equal")
    left.set(xlim=(-1.2, 1.2), ylim=(-0.1, 1.2), xlabel="$x_0$", ylabel="$x_1$")
    right.plot(*parabola.T, color="black", lw=6, alpha=0.15, label="the parabola $y_1 = y_0^2$")
    right.scatter(*soft.T, c=colors, s=14, label="σ units, as trained")
    steps = hard[[True, *np.any(hard[1:] != hard[:-1], axis=1)]]
    right.plot(*steps.T, "x", color="#c0272d", ms=8, mew=2, label="unit steps, same weights")
    along = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.004, "color": "#c0272d"}
    right.quiver(*steps[:-1].T, *np.diff(steps, axis=0).T, alpha=0.6, **along)
    right.set(title="Out: a parabola", xlabel="$y_0$", ylabel="$y_1$", aspect="equal")
    right.legend(loc="upper center")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    """Ask for the gradient in vain, soften, derive, train, harden again and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path("semicircle_to_parabola.png")
    parser.add_argument("--out", type=Path, default=default, help="the picture")
    out = parser.parse_args().out

    try:
        sg.gradient(L, PARAMS)
    except sg.DerivativeError as refusal:
        print(f"with unit steps: {refusal}\n")
    loss, output = sg.soften(L), sg.soften(y_hat)
    print(sg.gradient(loss, PARAMS))

    def build(predict: Any, name: str) -> Any:
        options = {"target": "numpy", "dtype": "float64", "name": name}
        return sg.training_module(loss, PARAMS, [x, y], predict=predict, **options).load()

    soft, hard = build(output, "soft_units"), build(y_hat, "hard_units")
    circle, parabola = curves(200)
    params = start(soft)
    print("\n  epochs   mean of ‖ŷ − y‖²")
    done = 0
    for epochs in (1, 9, 90, 400):
        params, history = soft.fit(
            circle, parabola, params=params, epochs=epochs, batch_size=20,
            learning_rate=0.3, progress=False,
        )  # fmt: skip
        done += epochs
        print(f"  {done:6d}   {2 * history.loss[-1]:16.6f}")

    if find_spec("matplotlib") is None:
        print('the picture needs matplotlib: pip install "symgrad[demo]"')
        return
    draw(params, soft.predict(params, circle), hard.predict(params, circle), out)
    print("written:", out)


if __name__ == "__main__":
    main()
