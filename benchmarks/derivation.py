"""How long symgrad takes from a declaration to NumPy source, as a network gets deeper.

    python benchmarks/derivation.py [--depth 100 --depth 1000] [--repeat 3] [--json PATH]
    python benchmarks/derivation.py --network transformer [--depth 12]
    python benchmarks/derivation.py --render [--network tanh] [--level brief]

The network is residual, h ← h + tanh(W·h + b), with weights of its own in every layer, a tanh
network with softmax and cross-entropy, a recurrent cell that is unrolled, or a stack of causal
transformer blocks with every size symbolic (``examples/transformer.py``). For each depth the best
of ``--repeat`` runs counts, in a fresh set of names each time. Beside the times stands the number
of scalar operations of the whole gradient divided by that of the loss, which theory puts below 4
(a forward product, and two of its size backward).

With ``--render`` the columns are what it takes to write the derivation down: from a new derivation,
each rendering by itself, and how many lines are shown of those that there are.
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
from symgrad.codegen.counts import operations
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


def tanh(depth: int) -> Declared:
    """Softmax and cross-entropy on a tanh network."""
    tag = next(_fresh)
    n, classes = symbols("n C", integer=True, positive=True)
    x = h = MatrixSymbol(f"x_{tag}", n, 1)
    params = []
    for k in range(1, depth + 1):
        W, b = MatrixSymbol(f"W{k}", n, n), MatrixSymbol(f"b{k}", n, 1)
        params += [W, b]
        h = sg.let(f"h{k}", sg.tanh(sg.let(f"z{k}", W * h + b)))
    V, c = MatrixSymbol("V", classes, n), MatrixSymbol("c", classes, 1)
    y = sg.simplex("y", classes)
    p = sg.let("p", sg.softmax(sg.let("s", V * h + c)))
    loss = sg.let("L", sg.cross_entropy(p, y))
    return loss, [*params, V, c], [*params, V, c, x, y], {n: WIDTH, classes: 10}


def recurrent(depth: int) -> Declared:
    """½‖h‖² after as many steps of h ← tanh(U·x + W·h), with the same weights in each."""
    n, m = symbols("n m", integer=True, positive=True)
    U, W = MatrixSymbol("U", n, m), MatrixSymbol("W", n, n)
    h = MatrixSymbol(f"h0_{next(_fresh)}", n, 1)
    start, xs = h, [MatrixSymbol(f"x{k}", m, 1) for k in range(1, depth + 1)]
    for k, x in enumerate(xs, 1):
        h = sg.let(f"h{k}", sg.tanh(U * x + W * h))
    return sg.let("L", sg.dot(h, h) / 2), [U, W], [U, W, start, *xs], {n: WIDTH, m: WIDTH}


def transformer(depth: int) -> Declared:
    """Next-token cross-entropy of a stack of transformer blocks."""
    names = runpy.run_path(str(EXAMPLES / "transformer.py"))
    loss, params, data, _ = names["declare"](depth)
    sizes = {names[x]: WIDTH for x in "TDAFV"} | {names["HEADS"]: 4}
    return loss, params, [*data, *params], sizes


NETWORKS: dict[str, Callable[[int], Declared]] = {
    "residual": residual,
    "tanh": tanh,
    "recurrent": recurrent,
    "transformer": transformer,
}
DEPTHS = {"transformer": [1, 12]}
RENDERINGS = ("text", "latex", "markdown", "document", "html")


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


class Rendered(NamedTuple):
    """Seconds to declare, to derive, and of each rendering; lines that are shown, and all."""

    depth: int
    declare: float
    gradient: float
    renderings: dict[str, float]
    shown: int
    lines: int

    @property
    def total(self) -> float:
        """From the first symbol to the slowest rendering."""
        return self.declare + self.gradient + max(self.renderings.values())


def rendered(network: str, depth: int, level: str) -> Rendered:
    """One run; every rendering starts from a derivation that nothing has been asked of."""
    times: dict[str, float] = {}
    for rendering in RENDERINGS:
        gc.collect()
        t0 = time.perf_counter()
        loss, params, *_ = NETWORKS[network](depth)
        t1 = time.perf_counter()
        d = sg.gradient(loss, params)
        t2 = time.perf_counter()
        assert getattr(d, rendering)(level=level)
        times[rendering] = time.perf_counter() - t2
    shown = sum(len(section.steps) for section in d.sheet(level=level).sections)
    return Rendered(depth, t1 - t0, t2 - t1, times, shown, len(d.steps))


def render(network: str, depths: list[int], repeat: int, level: str) -> list[dict[str, Any]]:
    """The table of ``--render``, and its rows."""
    table = Table(title=f"{network}, {level}: from declaration to a rendering, seconds")
    columns = ("depth", "declare", "gradient", *RENDERINGS, "total", "lines")
    for head in columns:
        table.add_column(head, justify="right")
    rows = []
    for depth in depths:
        run = min((rendered(network, depth, level) for _ in range(repeat)), key=lambda r: r.total)
        times = (run.declare, run.gradient, *run.renderings.values(), run.total)
        lines = f"{run.shown} of {run.lines}"
        table.add_row(str(depth), *(f"{t:.3f}" for t in times), lines)
        rows.append({**run._asdict(), "total": run.total})
    Console(width=100).print(table)
    return rows


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--network", default="residual", choices=NETWORKS)
    parser.add_argument("--depth", type=int, action="append")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--render", action="store_true", help="time what shows a derivation")
    parser.add_argument("--level", default="normal", choices=("brief", "normal", "full"))
    options = parser.parse_args()
    if options.render:
        rendered(options.network, 1, options.level)  # imports and caches
        depths = options.depth or [2, *DEPTHS.get(options.network, [100])[-1:]]
        rows = render(options.network, depths, options.repeat, options.level)
    else:
        rows = compile_times(options.network, options.depth, options.repeat)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def compile_times(network: str, asked: list[int] | None, repeat: int) -> list[dict[str, Any]]:
    """The table of everything up to source, and its rows."""
    depths = asked or DEPTHS.get(network, [10, 100, 1000])
    measure(network, 1)  # imports and caches
    best = [
        min((measure(network, depth) for _ in range(repeat)), key=lambda run: run.total)
        for depth in depths
    ]
    table = Table(title=f"{network}: from declaration to NumPy source, seconds")
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
    return [{**run._asdict(), "total": run.total} for run in best]


if __name__ == "__main__":
    main()
