"""Backpropagation against numerical differentiation: how exact, and what it costs.

    python examples/gradient_check.py [--out gradient_check.png]

A difference quotient (L(θ + h) − L(θ − h))/2h needs two evaluations of the loss for each of |θ|
parameters, and each evaluation takes O(|θ|) operations: O(|θ|²) for a gradient that
backpropagation finds in O(|θ|). And it is never exact: its error falls with the step h until
rounding takes over. The pictures show the errors against the derived gradient over the step, the
multiply-adds of both ways, counted on the generated program, and the seconds they take here.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sympy import MatrixSymbol, symbols

import symgrad as sg

D, H, C = symbols("D H C", integer=True, positive=True)
x, y = MatrixSymbol("x", D, 1), sg.label("y", C)
W1, W2 = MatrixSymbol("W1", H, D), MatrixSymbol("W2", C, H)
h = sg.let("h", sg.tanh(W1 * x))
p = sg.let("p", sg.softmax(W2 * h))
L = sg.let("L", sg.cross_entropy(p, y))

PIXELS, CLASSES = 256, 10
WIDTHS = [16, 64, 256, 1024]
EVALUATIONS = 50
"""Of the 2|θ| evaluations of a central difference, so many are timed."""


class Row(NamedTuple):
    """One width: parameters, and seconds for a gradient both ways."""

    parameters: int
    backpropagation: float
    numerical: float


def point(units: int, pixels: int = PIXELS) -> dict[Any, Any]:
    """Random weights and one example."""
    rng = np.random.default_rng(0)
    return {
        W1: rng.normal(size=(units, pixels)) / np.sqrt(pixels),
        W2: rng.normal(size=(CLASSES, units)) / np.sqrt(units),
        x: rng.normal(size=pixels),
        y: 3,
    }


def seconds(run: Callable[[], object], repeats: int) -> float:
    """The time of one call, the best of three rounds."""
    rounds = []
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(repeats):
            run()
        rounds.append((time.perf_counter() - began) / repeats)
    return min(rounds)


def measured() -> list[Row]:
    """Seconds for a gradient by the generated code, and by 2|θ| evaluations of the loss."""
    loss = sg.function([W1, W2, x, y], L)
    gradient = sg.function([W1, W2, x, y], sg.gradient(L, [W1, W2]))
    rows = []
    for units in WIDTHS:
        arrays = list(point(units).values())
        count = arrays[0].size + arrays[1].size
        one = seconds(lambda a=arrays: loss(*a), EVALUATIONS)
        rows.append(Row(count, seconds(lambda a=arrays: gradient(*a), 10), 2 * count * one))
    return rows


def draw(rows: list[Row], path: Path) -> None:
    """Errors, counts, seconds."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(16, 4.8), layout="constrained")
    errors, counts, times = figure.subplots(1, 3)
    sg.plot_gradient_error(L, [W1, W2], point(16, 20), axes=errors)
    sg.plot_gradient_cost(
        L, [W1, W2], axes=counts, title="Counted", D=PIXELS, H=WIDTHS, C=CLASSES
    )  # fmt: skip
    parameters = [row.parameters for row in rows]
    for line in counts.get_lines():  # the same lines again, with seconds
        found = [getattr(row, line.get_gid()) for row in rows]
        times.loglog(
            parameters, found, label=line.get_label(), color=line.get_color(),
            marker=line.get_marker(), linestyle=line.get_linestyle(), linewidth=2,
        )  # fmt: skip
    times.set_title("Measured", fontsize="x-large", loc="left")
    times.set_xlabel(r"parameters $|\theta|$", fontsize="large")
    times.set_ylabel("seconds for one gradient", fontsize="large")
    times.spines[["top", "right"]].set_visible(False)
    times.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Count, measure, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path("gradient_check.png")
    parser.add_argument("--out", type=Path, default=default, help="the picture")
    out = parser.parse_args().out

    print(sg.gradient(L, [W1, W2]).cost().summary()[0])
    rows = measured()
    print("\n   parameters   backpropagation   central differences     ratio")
    for row in rows:
        ratio = row.numerical / row.backpropagation
        print(
            f"{row.parameters:13,d}   {row.backpropagation:13.6f} s   {row.numerical:17.4f} s"
            f"   {ratio:7,.0f}"
        )
    print(f"central differences: 2|θ| times the measured time of one of {EVALUATIONS} evaluations")

    if find_spec("matplotlib") is None:
        print('the picture needs matplotlib: pip install "symgrad[plot]"')
        return
    draw(rows, out)
    print("written:", out)


if __name__ == "__main__":
    main()
