"""How long symgrad takes from a declaration to NumPy source, as a network gets deeper.

    python benchmarks/derivation.py [--depth 100 --depth 1000] [--repeat 3] [--json PATH]
    python benchmarks/derivation.py --network transformer [--depth 12]

The network is residual, h ← h + tanh(W·h + b), with weights of its own in every layer, or a stack
of causal transformer blocks with every size symbolic (``examples/transformer.py``). For each
depth the best of ``--repeat`` runs counts, in a fresh set of names each time. Beside the times
stands the number of scalar operations of the whole gradient divided by that of the loss, which
theory puts below 4 (a forward product, and two of its size backward).
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import runpy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from rich.console import Console
from rich.table import Table
from sympy import MatrixSymbol, Symbol, symbols

import symgrad as sg
from symgrad.codegen.program import operations
from symgrad.compile import Function

WIDTH = 64
EXAMPLES = Path(__file__).parents[1] / "examples"
_fresh = itertools.count()


class Run(NamedTuple):
    """Seconds of each stage, and the operations of the loss and of loss and gradient."""

    depth: int
    declare: float
    gradient: float
    emit: float
    forward_operations: int
    gradient_operations: int

    @property
    def total(self) -> float:
        """From the first symbol to source text."""
        return self.declare + self.gradient + self.emit


Declared: TypeAlias = "tuple[Any, list[Any], list[Any], dict[Symbol, int]]"
"""A loss, its parameters, all its inputs, and sizes to count operations at."""


def residual(depth: int) -> Declared:
    """½‖h‖² of a residual network."""
    tag = next(_fresh)
    n = symbols("n", integer=True, positive=True)
    x = h = MatrixSymbol(f"x_{tag}", n, 1)
    params = []
    for k in range(depth):
        W, b = MatrixSymbol(f"W{k}_{tag}", n, n), MatrixSymbol(f"b{k}_{tag}", n, 1)
        params += [W, b]
        h = sg.let(f"h{k}", h + sg.tanh(W * h + b))
    return sg.let("L", sg.dot(h, h) / 2), params, [*params, x], {n: WIDTH}


def transformer(depth: int) -> Declared:
    """Next-token cross-entropy of a stack of transformer blocks."""
    names = runpy.run_path(str(EXAMPLES / "transformer.py"))
    loss, params, data, _ = names["declare"](depth)
    sizes = {names[x]: WIDTH for x in "TDAFV"} | {names["HEADS"]: 4}
    return loss, params, [*data, *params], sizes


NETWORKS: dict[str, Callable[[int], Declared]] = {
    "residual": residual,
    "transformer": transformer,
}
DEPTHS = {"residual": [10, 100, 1000], "transformer": [1, 12]}


def measure(network: str, depth: int) -> Run:
    """One run."""
    gc.collect()
    t0 = time.perf_counter()
    loss, params, inputs, sizes = NETWORKS[network](depth)
    t1 = time.perf_counter()
    d = sg.gradient(loss, params)
    t2 = time.perf_counter()
    compiled: Function = sg.function(inputs, [loss, d], target="numpy")
    assert compiled.source
    t3 = time.perf_counter()
    forward: Function = sg.function(inputs, loss, target="numpy")
    return Run(
        depth,
        t1 - t0,
        t2 - t1,
        t3 - t2,
        operations(forward.program, sizes),
        operations(compiled.program, sizes),
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--network", default="residual", choices=NETWORKS)
    parser.add_argument("--depth", type=int, action="append")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    depths = options.depth or DEPTHS[options.network]
    measure(options.network, 1)  # imports and caches
    best = [
        min(
            (measure(options.network, depth) for _ in range(options.repeat)),
            key=lambda run: run.total,
        )
        for depth in depths
    ]
    table = Table(title=f"{options.network}: from declaration to NumPy source, seconds")
    for head in ("depth", "declare", "gradient", "emit", "total", "÷ depth", "operations ÷ loss"):
        table.add_column(head, justify="right")
    for run in best:
        table.add_row(
            str(run.depth),
            *(f"{t:.3f}" for t in (run.declare, run.gradient, run.emit, run.total)),
            f"{run.total / run.depth * 1000:.1f} ms",
            f"{run.gradient_operations / run.forward_operations:.2f}",
        )
    console = Console()
    console.print(table)
    for a, b in itertools.pairwise(best):
        console.print(f"time({b.depth}) ÷ time({a.depth}) = {b.total / a.total:.1f}")
    if options.json:
        rows = [{**run._asdict(), "total": run.total} for run in best]
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
