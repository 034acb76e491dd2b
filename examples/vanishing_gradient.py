"""Saturated units, dead units and the vanishing gradient, layer by layer.

    python examples/vanishing_gradient.py [--out vanishing_gradient.png]

Each layer multiplies the gradient that passes through it by the slope f′(z) of its units. σ has at
most the slope ¼, so with eight layers of sigmoids little is left at the first; tanh has the slope 1
at 0, but none where large weights saturate it; a ReLU has the slope 1 or 0, and a unit that is 0 at
every example is dead, and with weights as large as these the gradient grows on its way down. Three
networks at the same random weights, with the same data: handwritten digits.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from sympy import MatrixSymbol

import symgrad as sg
from symgrad.data import load_digits

PIXELS, UNITS, CLASSES, LAYERS, EXAMPLES = 64, 32, 10, 8, 200
GAIN = 2.0
"""The weights' standard deviation, times the root of the number of units that they add up."""

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "sigmoid": sg.sigmoid,
    "tanh": sg.tanh,
    "ReLU": sg.relu,
}


def network(activation: Callable[[Any], Any]) -> tuple[Any, dict[Any, Any]]:
    """The mean loss of a deep network, and arrays for its leaves."""
    rng = np.random.default_rng(0)
    digits = load_digits()
    x, c = MatrixSymbol("x", PIXELS, 1), sg.label("c", CLASSES)
    at: dict[Any, Any] = {x: digits.train_images[:EXAMPLES], c: digits.train_labels[:EXAMPLES]}
    h = x
    for layer, fed in enumerate([PIXELS, *[UNITS] * (LAYERS - 1)], start=1):
        W, b = MatrixSymbol(f"W{layer}", UNITS, fed), MatrixSymbol(f"b{layer}", UNITS, 1)
        at[W] = GAIN * rng.normal(size=(UNITS, fed)) / np.sqrt(fed)
        at[b] = np.zeros(UNITS)
        h = sg.let(f"h{layer}", activation(sg.let(f"z{layer}", W * h + b)))
    V = MatrixSymbol("V", CLASSES, UNITS)
    at[V] = rng.normal(size=(CLASSES, UNITS)) / np.sqrt(UNITS)
    p = sg.let("p", sg.softmax(sg.let("s", V * h)))
    return sg.empirical_risk(sg.let("L", sg.cross_entropy(p, c)), data=[x, c]), at


def draw(reports: dict[str, Any], path: Path) -> None:
    """A row for each network."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.6 * len(reports)), layout="constrained")
    for axes, (name, report) in zip(figure.subplots(len(reports), 2), reports.items(), strict=True):
        sg.plot_units(report, title=name, axes=axes)
    lowest = min(axes.get_ylim()[0] for axes in figure.axes[1::2])
    highest = max(axes.get_ylim()[1] for axes in figure.axes[1::2])
    for axes in figure.axes[1::2]:
        axes.set_ylim(lowest, highest)  # so that the networks can be compared
    figure.savefig(path, dpi=110)


def main() -> None:
    """Report, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path("vanishing_gradient.png")
    parser.add_argument("--out", type=Path, default=default, help="the picture")
    out = parser.parse_args().out

    reports = {}
    for name, activation in ACTIVATIONS.items():
        reports[name] = sg.unit_report(*network(activation))
        first, last = reports[name].layers[0].gradient, reports[name].layers[-1].gradient
        print(
            f"{name}: from the last layer to the first the gradient grows {first / last:.2g}-fold"
        )
        print(reports[name], end="\n\n")
    print("saturated: |f′(z)| < 0.01 at an example; dead: f′(z) = 0 at every example")

    if find_spec("matplotlib") is None:
        print('the picture needs matplotlib: pip install "symgrad[plot]"')
        return
    draw(reports, out)
    print("written:", out)


if __name__ == "__main__":
    main()
