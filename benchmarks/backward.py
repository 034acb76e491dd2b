"""Backward ÷ forward: what is counted, and what is measured.

    python benchmarks/backward.py [--width 256 --width 1024] [--layers 4] [--batch 256]

A lecture says that a forward pass takes one multiply-add a weight and a backward pass two. The
network has equal layers, h ← tanh(h·Wᵀ + b) over a batch of rows, and squared error; the gradient
by its input is asked for, as in the lecture. The time of a backward pass is that of the loss and
all gradients less that of the loss, in generated NumPy code: processor time, so that other work on
the machine counts little, the best of ``--repeat`` runs each, in turn. Wide layers come near the
count; in narrow ones functions and the interpreter cost more than products.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from sympy import MatrixSymbol, OneMatrix, symbols

import symgrad as sg

N, D = symbols("N D", integer=True, positive=True)


class Run(NamedTuple):
    """One width: multiply-adds as counted, and seconds as measured."""

    width: int
    forward: int
    backward: int
    loss_seconds: float
    gradient_seconds: float

    @property
    def counted(self) -> float:
        """Backward ÷ forward, in multiply-adds."""
        return self.backward / self.forward

    @property
    def measured(self) -> float:
        """Backward ÷ forward, in seconds."""
        return (self.gradient_seconds - self.loss_seconds) / self.loss_seconds


def network(layers: int) -> tuple[Any, list[Any], Any]:
    """A loss, its parameters and input, and the target."""
    h = x = MatrixSymbol("X", N, D)
    y = MatrixSymbol("Y", N, D)
    params = []
    for k in range(layers):
        W, b = MatrixSymbol(f"W{k}", D, D), MatrixSymbol(f"b{k}", D, 1)
        params += [W, b]
        h = sg.let(f"h{k}", sg.tanh(h * W.T + OneMatrix(N, 1) * b.T))
    return sg.let("L", sg.squared_error(h, y)), [*params, x], y


def best(runs: Sequence[Callable[[], Any]], repeat: int) -> list[float]:
    """Seconds of the quickest of some rounds of each, in turn."""
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(repeat):
        for run, mine in zip(runs, times, strict=True):
            start = time.process_time()
            run()
            mine.append(time.process_time() - start)
    return [min(mine) for mine in times]


def measure(width: int, layers: int, batch: int, repeat: int) -> Run:
    """One width."""
    loss, wrt, y = network(layers)
    d = sg.gradient(loss, wrt)
    cost = d.cost().at({N: batch, D: width})
    value = sg.function([*wrt, y], loss, dtype="float32")
    both = sg.function([*wrt, y], [loss, d], dtype="float32")
    rng = np.random.default_rng(0)
    sizes = {N: batch, D: width}
    arrays = [
        rng.normal(size=[int(n.subs(sizes)) for n in s.shape if n != 1]).astype("float32")
        / np.float32(width**0.5)
        for s in (*wrt, y)
    ]
    return Run(
        width,
        int(cost.forward.multiply_adds),
        int(cost.backward.multiply_adds),
        *best([lambda: value(*arrays), lambda: both(*arrays)], repeat),
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--width", type=int, action="append")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    widths = options.width or [32, 256, 1024]
    runs = [measure(w, options.layers, options.batch, options.repeat) for w in widths]
    table = Table(title=f"{options.layers} layers, batch {options.batch}, NumPy, float32")
    heads = ("width", "forward multiply-adds", "backward", "÷ counted", "÷ measured", "ms forward")
    for head in heads:
        table.add_column(head, justify="right")
    for run in runs:
        table.add_row(
            str(run.width),
            f"{run.forward:,}",
            f"{run.backward:,}",
            f"{run.counted:.2f}",
            f"{run.measured:.2f}",
            f"{run.loss_seconds * 1000:.2f}",
        )
    Console().print(table)
    if options.json:
        rows = [{**x._asdict(), "counted": x.counted, "measured": x.measured} for x in runs]
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
