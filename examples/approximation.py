"""Universal approximation, measured: a two-layer regression network and a wavy target.

    python examples/approximation.py [--out approximation.png]

f(x) = w2ᵀ tanh(w1·x + b1) + b2 with N hidden units is fitted to sin 2πx + ½ sin 5πx on [−1, 1] by
minibatch gradient descent, for N = 1, 2, 4, … 32; N is symbolic, so one generated module trains
them all. For smooth targets the mean squared error of the best network of N units is at most
C/N (Barron, 1993). That is an upper bound, and for so smooth a target the error falls faster: the
picture has the networks on the left, and their errors beside the bound on the right.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sympy import MatrixSymbol, Symbol

import symgrad as sg

N = Symbol("N", integer=True, positive=True)
x, y = Symbol("x", real=True), Symbol("y", real=True)
w1, b1 = MatrixSymbol("w1", N, 1), MatrixSymbol("b1", N, 1)
w2, b2 = MatrixSymbol("w2", N, 1), Symbol("b2", real=True)

z = sg.let("z", x * w1 + b1)
h = sg.let("h", sg.tanh(z))
f = sg.let("f", sg.dot(w2, h) + b2)
L = sg.let("L", sg.squared_error(f, y))

WIDTHS = (1, 2, 4, 8, 16, 32)
STAGES = ((0.1, 2500), (0.03, 1000), (0.01, 500))
"""Learning rate and epochs: large steps to find a minimum, small ones to settle in it."""
STARTS = 3


class Fit(NamedTuple):
    """The best of several networks of one width."""

    width: int
    error: float
    values: np.ndarray


def target(points: np.ndarray) -> np.ndarray:
    """The function to approximate."""
    return np.asarray(np.sin(2 * np.pi * points) + 0.5 * np.sin(5 * np.pi * points))


def start(network: Any, width: int, seed: int) -> Any:
    """Units that switch at places spread over [−1, 1], and an output of 0."""
    rng = np.random.default_rng(seed)
    slopes = rng.choice([-1, 1], width) * rng.uniform(3, 9, width)
    places = (np.arange(width) + rng.uniform(size=width)) / width * 2 - 1
    return network.Params(w1=slopes, b1=-slopes * places, w2=np.zeros(width), b2=np.zeros(()))


def fit(network: Any, width: int, points: np.ndarray) -> Fit:
    """The network of ``width`` units with the least error of those that were trained."""
    fits = []
    for seed in range(STARTS):
        params = start(network, width, seed)
        for learning_rate, epochs in STAGES:
            params, _ = network.fit(
                points, target(points), params=params, epochs=epochs, batch_size=10,
                learning_rate=learning_rate, seed=seed, progress=False,
            )  # fmt: skip
        values = network.predict(params, points)
        fits.append(Fit(width, float(np.mean((values - target(points)) ** 2)), values))
    return min(fits, key=lambda one: one.error)


def draw(fits: list[Fit], points: np.ndarray, path: Path) -> None:
    """Some of the networks, and the error of all against their width."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    left.plot(points, target(points), color="black", lw=5, alpha=0.2, label="target")
    shown = [one for one in fits if one.width in (2, 4, 8)]
    for one, color in zip(shown, ("#d9731a", "#2a9d5c", "#1f5fa8"), strict=True):
        left.plot(points, one.values, color=color, lw=1.8, label=f"N = {one.width}")
    left.set(title="Networks of N tanh units", xlabel="x", ylabel="f(x)", xlim=(-1, 1))
    left.legend(loc="lower left")

    widths, errors = [one.width for one in fits], [one.error for one in fits]
    bound = max(n * e for n, e in zip(widths, errors, strict=True))
    right.loglog(widths, errors, "o-", color="#1f5fa8", lw=1.8, label="trained networks")
    right.loglog(widths, [bound / n for n in widths], "--", color="black", label="C/N")
    right.set(title="Mean squared error", xlabel="hidden units N", xticks=widths)
    right.set_xticks(widths, [str(n) for n in widths])
    right.minorticks_off()
    right.grid(alpha=0.3)
    right.legend()
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    """Derive, generate one module, train it at every width, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("approximation.png"), help="the picture")
    out = parser.parse_args().out

    params = [w1, b1, w2, b2]
    print(sg.gradient(L, params))
    network = sg.training_module(
        L, params, [x, y], predict=f, dtype="float64", name="approximation"
    ).load()

    points = np.linspace(-1, 1, 200)
    print("\n  N   mean squared error   N · error")
    fits = []
    for width in WIDTHS:
        fits.append(fit(network, width, points))
        print(f" {width:2d}   {fits[-1].error:18.6f}   {width * fits[-1].error:9.4f}")
    print("N · error stays bounded: the error falls at least as fast as C/N.")

    if find_spec("matplotlib") is None:
        print('the picture needs matplotlib: pip install "symgrad[demo]"')
        return
    draw(fits, points, out)
    print("written:", out)


if __name__ == "__main__":
    main()
