"""How the time of a derivation grows: deeper, with more uses of one value, with more terms.

    python benchmarks/derivation_scaling.py [--quick] [--sweep NAME …] [--only NAME …] [--limit 60]

Three sweeps, each beside `sympy.diff`, PyTensor and tensorgrad, where these are installed:

- depth: h ← h + tanh(W·h + b), with weights of its own in every layer, by all weights;
- uses: Σ σ(vₖ·h) of one h = tanh(W·x), by W and x;
- terms: Σ sin(cₖ·x) of scalars, by x.

SymPy has no matrices that it differentiates like this: it gets the same with scalars. A contestant
works in a process of its own, which has derived the smallest case before, and is timed in seconds
of that process from the first symbol to the gradient, symgrad to NumPy source as well. One that
takes longer than the limit is not asked for more. The last column is the growth: the exponent p
of time ~ sizeᵖ since the size before, 1 where it is linear.

Before them stands a first use in a fresh process: three layers, from symbols to source.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import itertools
import json
import math
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

Derive: TypeAlias = Callable[[str, int, str], Any]
"""(sweep, size, tag of new names) → the gradient."""

SIZES = {
    "depth": [10, 100, 1000, 2000],
    "uses": [1, 10, 100, 1000],
    "terms": [1, 10, 100, 1000, 10_000],
}


def symgrad(sweep: str, size: int, tag: str) -> Any:
    """A gradient as a graph, and its steps."""
    import sympy as sp

    import symgrad as sg

    loss, wrt, inputs = _declared(sp, sg, sweep, size, tag)
    return loss, sg.gradient(loss, wrt), inputs


def symgrad_source(sweep: str, size: int, tag: str) -> Any:
    """Loss and gradient as a NumPy function."""
    import symgrad as sg

    loss, gradient, inputs = symgrad(sweep, size, tag)
    return sg.function(inputs, [loss, gradient]).source


def _declared(sp: Any, sg: Any, sweep: str, size: int, tag: str) -> tuple[Any, Any, Any]:
    if sweep == "terms":
        x, *c = (sp.Symbol(f"c{k}_{tag}", real=True) for k in range(size + 1))
        return sg.let("L", sp.Add(*(sp.sin(a * x) for a in c))), [x], [x, *c]
    n = sp.Symbol("n", integer=True, positive=True)
    x = h = sp.MatrixSymbol(f"x{tag}", n, 1)
    if sweep == "uses":
        W = sp.MatrixSymbol(f"W{tag}", n, n)
        v = [sp.MatrixSymbol(f"v{k}_{tag}", n, 1) for k in range(size)]
        h = sg.let("h", sg.tanh(W * x))
        return sg.let("L", sp.Add(*(sg.sigmoid(sg.dot(a, h)) for a in v))), [W, x], [W, x, *v]
    params: list[Any] = []
    for k in range(size):
        W, b = sp.MatrixSymbol(f"W{k}_{tag}", n, n), sp.MatrixSymbol(f"b{k}_{tag}", n, 1)
        params += [W, b]
        h = sg.let(f"h{k}", h + sg.tanh(W * h + b))
    return sg.let("L", sg.dot(h, h) / 2), params, [*params, x]


def sympy(sweep: str, size: int, tag: str) -> Any:
    """`sympy.diff` of scalars."""
    import sympy as sp

    x, w = sp.Symbol(f"x{tag}"), sp.Symbol(f"w{tag}")
    c = sp.symbols(f"c{tag}_:{size}")
    if sweep == "terms":
        return sp.diff(sp.Add(*(sp.sin(a * x) for a in c)), x)
    if sweep == "uses":
        h = sp.tanh(w * x)
        loss = sp.Add(*(1 / (1 + sp.exp(-a * h)) for a in c))
        return [sp.diff(loss, v) for v in (w, x)]
    b, h = sp.symbols(f"b{tag}_:{size}"), x
    for k in range(size):
        h = h + sp.tanh(c[k] * h + b[k])
    return [sp.diff(h**2 / 2, v) for v in (*c, *b)]


def pytensor(sweep: str, size: int, tag: str) -> Any:
    """`pytensor.grad`, before any rewriting or compilation."""
    import pytensor as module
    import pytensor.tensor as pt

    if sweep == "terms":
        x = pt.dscalar()
        loss = pt.add(*(pt.sin(pt.dscalar() * x) for _ in range(size)), 0.0)
        return module.grad(loss, [x])
    x, W = pt.dvector(), pt.dmatrix()
    if sweep == "uses":
        h = pt.tanh(pt.dot(W, x))
        loss = pt.add(*(pt.sigmoid(pt.dot(pt.dvector(), h)) for _ in range(size)), 0.0)
        return module.grad(loss, [W, x])
    params: list[Any] = []
    h = x
    for _ in range(size):
        W, b = pt.dmatrix(), pt.dvector()
        params += [W, b]
        h = h + pt.tanh(pt.dot(W, h) + b)
    return module.grad(pt.dot(h, h) / 2, params)


def tensorgrad(sweep: str, size: int, tag: str) -> Any:
    """`Derivative(…).full_simplify()` for each variable."""
    import sympy as sp
    import tensorgrad.functions as F
    from tensorgrad import Derivative, Sum, Variable

    def scalar(name: str) -> Any:
        return Variable(name)

    if sweep == "terms":
        x = scalar("x")
        loss = Sum([F.exp(scalar(f"c{k}") @ x) for k in range(size)])  # it has no sine
        return Derivative(loss, x).full_simplify()
    n = sp.Symbol("n")

    def matrix(name: str) -> Any:
        return Variable(name, i=n, j=n)

    def vector(name: str) -> Any:
        return Variable(name, i=n)

    def times(W: Any, h: Any) -> Any:
        return (W @ h.rename(i="j")).rename(i="i")

    x = h = vector("x")
    if sweep == "uses":
        W = matrix("W")
        h = F.tanh(times(W, x))
        loss = Sum([F.sigmoid(vector(f"v{k}") @ h) for k in range(size)])
        return [Derivative(loss, v).full_simplify() for v in (W, x)]
    params: list[Any] = []
    for k in range(size):
        W, b = matrix(f"W{k}"), vector(f"b{k}")
        params += [W, b]
        h = h + F.tanh(times(W, h) + b)
    loss = h @ h
    return [Derivative(loss, v).full_simplify() for v in params]


CONTESTANTS: dict[str, Derive] = {
    "symgrad": symgrad,
    "symgrad to source": symgrad_source,
    "SymPy": sympy,
    "PyTensor": pytensor,
    "tensorgrad": tensorgrad,
}


def serve(name: str, sweep: str, sizes: list[int], pipe: Connection) -> None:
    """Time each size in turn; a sentence instead of seconds is the end."""
    derive = CONTESTANTS[name]
    try:
        derive(sweep, 1, "first")  # imports and caches
        for size in sizes:
            gc.collect()
            start = time.process_time()
            result = derive(sweep, size, f"s{size}")
            pipe.send(time.process_time() - start)
            del result
    except Exception as error:  # the parent prints it
        pipe.send(f"{type(error).__name__}: {error}".splitlines()[0][:60])


def three_layers(tag: str) -> Any:
    """Source of loss and gradient of a network n-m-h-C: tanh, tanh, softmax, cross-entropy."""
    import sympy as sp

    import symgrad as sg

    sizes = sp.symbols("n m h C", integer=True, positive=True)
    x = h = sp.MatrixSymbol(f"x{tag}", sizes[0], 1)
    params: list[Any] = []
    for k in (1, 2, 3):
        W = sp.MatrixSymbol(f"W{k}{tag}", sizes[k], sizes[k - 1])
        b = sp.MatrixSymbol(f"b{k}{tag}", sizes[k], 1)
        params += [W, b]
        z = sg.let(f"z{k}", W * h + b)
        h = sg.let(f"h{k}", sg.tanh(z)) if k < 3 else z
    y = sg.simplex(f"y{tag}", sizes[3])
    loss = sg.let("L", sg.cross_entropy(sg.let("p", sg.softmax(h)), y))
    return sg.function([*params, x, y], [loss, sg.gradient(loss, params)]).source


def first_use(load: tuple[str, ...], pipe: Connection) -> None:
    """Of a fresh process: seconds to import symgrad and ``load``, of a first use, of another."""
    found = [time.process_time()]
    for module in ("symgrad", *load):
        importlib.import_module(module)
    found.append(time.process_time())
    for tag in ("", "′"):
        three_layers(tag)
        found.append(time.process_time())
    pipe.send([b - a for a, b in itertools.pairwise(found)])


LATER = ("symgrad.compile", "symgrad.codegen.targets.numpy", "sympy.tensor.tensor")
"""What a first use imports: the code generator, and what SymPy loads at its first scalar sum."""


def first_uses(repeat: int) -> list[dict[str, Any]]:
    """Derive, simplify and emit three layers: medians over processes, in milliseconds."""
    context = multiprocessing.get_context("spawn")
    rows = []
    print(f"\n{'three layers to source, ms':<40}{'import':>8}{'first':>8}{'second':>8}")
    for what, load in {"after import symgrad": (), "with all modules loaded": LATER}.items():
        runs = []
        for _ in range(repeat):
            pipe, theirs = context.Pipe()
            process = context.Process(target=first_use, args=(load, theirs))
            process.start()
            runs.append(pipe.recv())
            process.join()
        medians = [1e3 * statistics.median(column) for column in zip(*runs, strict=True)]
        print(f"  {what:<38}" + "".join(f"{x:>8.0f}" for x in medians), flush=True)
        rows.append({"first use": what, "import, first, second in ms": medians})
    return rows


def times(name: str, sweep: str, sizes: list[int], limit: float) -> list[float | str]:
    """Seconds for each size, until one takes longer than the limit."""
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    process = context.Process(target=serve, args=(name, sweep, sizes, theirs), daemon=True)
    process.start()
    theirs.close()
    found: list[float | str] = []
    while len(found) < len(sizes):
        try:
            answer = pipe.recv() if pipe.poll(limit) else f"over {limit:.0f} s"
        except EOFError:
            answer = "its process has ended"
        found.append(answer)
        if isinstance(answer, str):
            break
    process.terminate()
    process.join()
    return found


def main() -> None:
    """Read the options, measure, show."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--quick", action="store_true", help="small sizes, ten seconds each")
    parser.add_argument("--sweep", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--limit", type=float, default=60.0, help="seconds a size (%(default)s)")
    parser.add_argument("--json", type=Path, default=Path("build/benchmarks/derivation.json"))
    options = parser.parse_args()
    limit = min(10.0, options.limit) if options.quick else options.limit
    rows = first_uses(3 if options.quick else 9)
    for sweep in options.sweep:
        sizes = SIZES[sweep][:2] if options.quick else SIZES[sweep]
        print(f"\n{sweep:<18} {'seconds at':<10}" + "".join(f"{n:>9}" for n in sizes) + "   growth")
        for name in options.only:
            found = times(name, sweep, sizes, limit)
            seconds = [x for x in found if not isinstance(x, str)]
            cells = "".join(f"{x:>9.3f}" for x in seconds)
            growth = ""
            if len(seconds) > 1:
                a, b = seconds[-2:]
                step = sizes[len(seconds) - 1] / sizes[len(seconds) - 2]
                growth = f"{math.log(b / a) / math.log(step):.2f}"
            why = "".join(x for x in found if isinstance(x, str))
            print(f"  {name:<27}{cells}   {growth}  {why}".rstrip(), flush=True)
            rows.append({"sweep": sweep, "contestant": name, "sizes": sizes, "seconds": found})
    options.json.parent.mkdir(parents=True, exist_ok=True)
    content = {"load": os.getloadavg(), "limit": limit, "results": rows}
    options.json.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(f"\nWrote {options.json}")


if __name__ == "__main__":
    main()
