"""Hessians and Hessian-vector products beside jit(jax.hessian) and torch.func.hessian, in one run.

    python benchmarks/second_order.py [--quick] [--dtype float64] [--problem NAME …] [--only NAME …]

Every contestant has a process of its own, computes the same blocks from the same arrays, and is
compared with a float64 reference before it is timed; the rounds are interleaved, and the order
rotates. The time is that of one call that returns every block. First use is from a declaration to
the first result, compilation included, after imports.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib import metadata
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

Arrays: TypeAlias = "list[np.ndarray[Any, Any]]"
Call: TypeAlias = Callable[[], Any]


class Problem(NamedTuple):
    """A loss: its parameters first among the ``sizes`` of its arrays."""

    title: str
    sizes: tuple[tuple[int, ...], ...]
    params: int
    declare: Callable[[], tuple[Any, list[Any], list[Any]]]
    """For symgrad: the loss, the parameters, the data."""
    loss: Callable[..., Any]
    """For the others, in terms of the module of their arrays."""


# ------------------------------------------------------------------------------------- problems


def _quadratic() -> tuple[Any, list[Any], list[Any]]:
    import sympy as sp

    import symgrad as sg

    n = sp.symbols("n", integer=True, positive=True)
    A, x = sp.MatrixSymbol("A", n, n), sp.MatrixSymbol("x", n, 1)
    return sg.dot(x, A * x), [x], [A]


def _logistic() -> tuple[Any, list[Any], list[Any]]:
    import sympy as sp

    import symgrad as sg

    D = sp.symbols("D", integer=True, positive=True)
    x, w, y = sp.MatrixSymbol("x", D, 1), sp.MatrixSymbol("w", D, 1), sp.Symbol("y", real=True)
    loss = sg.binary_cross_entropy(sg.let("p", sg.sigmoid(sg.dot(w, x))), y)
    return sg.empirical_risk(loss, data=[x, y]), [w], [x, y]


def _softmax() -> tuple[Any, list[Any], list[Any]]:
    import sympy as sp

    import symgrad as sg

    C, D = sp.symbols("C D", integer=True, positive=True)
    x, W, y = sp.MatrixSymbol("x", D, 1), sp.MatrixSymbol("W", C, D), sg.simplex("y", C)
    loss = sg.cross_entropy(sg.let("p", sg.softmax(W * x)), y)
    return sg.empirical_risk(loss, data=[x, y]), [W], [x, y]


def _factorisation() -> tuple[Any, list[Any], list[Any]]:
    import sympy as sp

    m, n, r = sp.symbols("m n r", integer=True, positive=True)
    X, U, V = sp.MatrixSymbol("X", m, n), sp.MatrixSymbol("U", m, r), sp.MatrixSymbol("V", n, r)
    R = X - U * V.T
    return sp.Trace(R * R.T) / 2, [U, V], [X]


def _network() -> tuple[Any, list[Any], list[Any]]:
    import sympy as sp

    import symgrad as sg

    D, H = sp.symbols("D H", integer=True, positive=True)
    x, y = sp.MatrixSymbol("x", D, 1), sp.Symbol("y", real=True)
    W, b, v = sp.MatrixSymbol("W", H, D), sp.MatrixSymbol("b", H, 1), sp.MatrixSymbol("v", H, 1)
    h = sg.let("h", sg.tanh(sg.let("z", W * x + b)))
    loss = (sg.dot(v, h) - y) ** 2 / 2
    return sg.empirical_risk(loss, data=[x, y]), [W, b, v], [x, y]


def _softplus(xp: Any, z: Any) -> Any:
    return xp.logaddexp(z, xp.zeros_like(z))


def _softmax_loss(xp: Any, W: Any, x: Any, y: Any) -> Any:
    z = x @ W.T
    top = z.max(1)[0] if xp.__name__ == "torch" else z.max(1)
    shifted = z - top[:, None]
    return (xp.log(xp.exp(shifted).sum(1)) - (y * shifted).sum(1)).mean()


PROBLEMS: dict[str, Problem] = {
    "quadratic": Problem(
        "xᵀAx, n = 2048", ((2048,), (2048, 2048)), 1, _quadratic, lambda xp, x, A: x @ (A @ x)
    ),
    "logistic": Problem(
        "logistic regression, 2048×256",
        ((256,), (2048, 256), (2048,)),
        1,
        _logistic,
        lambda xp, w, x, y: (_softplus(xp, x @ w) - y * (x @ w)).mean(),
    ),
    "softmax": Problem(
        "softmax cross-entropy, 64-10, 1024 examples",
        ((10, 64), (1024, 64), (1024, 10)),
        1,
        _softmax,
        _softmax_loss,
    ),
    "factorisation": Problem(
        "matrix factorisation, 100×80, rank 8",
        ((100, 8), (80, 8), (100, 80)),
        2,
        _factorisation,
        lambda xp, U, V, X: ((X - U @ V.T) ** 2).sum() / 2,
    ),
    "network": Problem(
        "two layers, 32-32-1, tanh, 1024 examples",
        ((32, 32), (32,), (32,), (1024, 32), (1024,)),
        3,
        _network,
        lambda xp, W, b, v, x, y: ((xp.tanh(x @ W.T + b) @ v - y) ** 2).mean() / 2,
    ),
}
FORMS = ("hessian", "hvp")


def arrays(problem: Problem, dtype: str) -> tuple[Arrays, Arrays]:
    """The arguments, and directions for the parameters; a last array n×C holds one-hot rows."""
    rng = np.random.default_rng(7)
    values = [rng.normal(size=s) / math.sqrt(s[-1]) for s in problem.sizes]
    if problem.declare is _softmax:
        rows, classes = problem.sizes[-1]
        values[-1] = np.eye(classes)[rng.integers(classes, size=rows)]
    if problem.declare is _logistic:
        values[-1] = rng.integers(2, size=problem.sizes[-1]).astype(float)
    along = [rng.normal(size=s) for s in problem.sizes[: problem.params]]
    return [x.astype(dtype) for x in values], [x.astype(dtype) for x in along]


# ----------------------------------------------------------------------------------- contestants


def symgrad(problem: Problem, form: str, dtype: str, target: str) -> Call:
    """`symgrad.function` of a Hessian, or of its product with a vector."""
    import sympy as sp

    import symgrad as sg

    values, along = arrays(problem, dtype)
    loss, params, data = problem.declare()
    if form == "hessian":
        compiled = sg.function([*params, *data], sg.hessian(loss, params), target, dtype)
        return lambda: compiled(*values)
    seeds = [sp.MatrixSymbol(f"s{k}", *p.shape) for k, p in enumerate(params)]
    product = sg.hvp(loss, params, seeds)
    compiled = sg.function([*params, *data, *seeds], product, target, dtype)
    return lambda: compiled(*values, *along)


def symgrad_numpy(problem: Problem, form: str, dtype: str) -> Call:
    """The NumPy target."""
    return symgrad(problem, form, dtype, "numpy")


def symgrad_numba(problem: Problem, form: str, dtype: str) -> Call:
    """The Numba target."""
    import numba  # noqa: F401  (missing: left out)

    return symgrad(problem, form, dtype, "numba")


def jax(problem: Problem, form: str, dtype: str) -> Call:
    """jit of jax.hessian, and of the forward derivative of jax.grad."""
    import jax as module
    import jax.numpy as jnp

    module.config.update("jax_enable_x64", dtype == "float64")
    values, along = ([jnp.asarray(x) for x in part] for part in arrays(problem, dtype))
    given, data = values[: problem.params], values[problem.params :]

    def loss(*params: Any) -> Any:
        return problem.loss(jnp, *params, *data)

    which = tuple(range(problem.params))
    if form == "hessian":
        hessian = module.jit(module.hessian(loss, which))
        return lambda: module.block_until_ready(hessian(*given))
    slope = module.grad(loss, which)
    product = module.jit(lambda p, v: module.jvp(slope, p, v)[1])
    return lambda: module.block_until_ready(product(tuple(given), tuple(along)))


def torch(problem: Problem, form: str, dtype: str) -> Call:
    """torch.func.hessian, and the forward derivative of torch.func.grad."""
    import torch as module

    values, along = ([module.from_numpy(x) for x in part] for part in arrays(problem, dtype))
    given, data = values[: problem.params], values[problem.params :]

    def loss(*params: Any) -> Any:
        return problem.loss(module, *params, *data)

    which = tuple(range(problem.params))
    if form == "hessian":
        hessian = module.func.hessian(loss, which)
        return lambda: hessian(*given)
    slope = module.func.grad(loss, which)
    return lambda: module.func.jvp(slope, tuple(given), tuple(along))[1]


CONTESTANTS: dict[str, Callable[[Problem, str, str], Call]] = {
    "symgrad Numba": symgrad_numba,
    "symgrad NumPy": symgrad_numpy,
    "JAX": jax,
    "PyTorch": torch,
}
OURS = ("symgrad Numba", "symgrad NumPy")


def flat(result: Any) -> list[Any]:
    """The blocks of a nested tuple, in order."""
    if isinstance(result, tuple | list):
        return [block for part in result for block in flat(part)]
    return [np.asarray(result, np.float64)]


def reference(problem: Problem, form: str) -> list[Any]:
    """The same blocks from the float64 program for NumPy; JAX and PyTorch are compared with it."""
    return flat(symgrad_numpy(problem, form, "float64")())


# ------------------------------------------------------------------------------------- measuring


def serve(name: str, dtype: str, pipe: Connection) -> None:
    """A contestant: (problem, form) builds it, for the blocks; a number is for so many calls."""
    call: Call | None = None
    while (request := pipe.recv()) is not None:
        try:
            if isinstance(request, tuple):
                for module in {"JAX": ["jax"], "PyTorch": ["torch"]}.get(name, ["symgrad"]):
                    __import__(module)
                start = time.perf_counter()
                call = CONTESTANTS[name](PROBLEMS[request[0]], request[1], dtype)
                result = call()
                pipe.send((flat(result), time.perf_counter() - start))
            else:
                assert call is not None
                call()
                start = time.perf_counter()
                for _ in range(request):
                    call()
                pipe.send((time.perf_counter() - start) / request)
        except ImportError as error:
            pipe.send(error)
        except Exception as error:  # reported by the parent, which leaves this contestant out
            pipe.send(RuntimeError(f"{type(error).__name__}: {error}".splitlines()[0]))


class Worker:
    """The parent's end of a contestant's process."""

    def __init__(self, name: str, dtype: str) -> None:
        self.name = name
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(name, dtype, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def ask(self, request: Any) -> Any:
        """Send a request and wait; an error over there is raised here."""
        self.pipe.send(request)
        answer = self.pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


class Row(NamedTuple):
    """Seconds a call, one for each round; `first` is until the first result."""

    problem: str
    form: str
    contestant: str
    times: list[float]
    first: float
    error: float

    @property
    def median(self) -> float:
        """Seconds a call."""
        return statistics.median(self.times)


def compare(
    name: str, form: str, workers: list[Worker], dtype: str, rounds: int, seconds: float
) -> list[Row]:
    """Check that everyone has the same blocks, then time them in turn."""
    expected = reference(PROBLEMS[name], form)
    size = max(float(np.abs(x).max()) for x in expected)
    tolerance = 1e4 * float(np.finfo(dtype).eps)
    entered: dict[str, tuple[Worker, float, float]] = {}
    for worker in workers:
        try:
            blocks, first = worker.ask((name, form))
        except (ImportError, RuntimeError, EOFError) as reason:
            print(f"  {worker.name} is left out: {reason or 'its process has ended'}")
            continue
        pairs = list(zip(blocks, expected, strict=True))
        error = max(float(np.max(np.abs(a.reshape(b.shape) - b))) for a, b in pairs) / size
        if not error <= tolerance:
            print(f"  {worker.name} is left out: its result differs by {error:.1e}")
            continue
        entered[worker.name] = worker, first, error
    calls = {n: max(1, round(seconds / w.ask(1))) for n, (w, _, _) in entered.items()}
    times: dict[str, list[float]] = {n: [] for n in entered}
    names = list(entered)
    for turn in range(rounds):
        for n in (*names[turn % len(names) :], *names[: turn % len(names)]):
            time.sleep(0.05)  # the threads of a BLAS spin for a while after their last product
            times[n].append(entered[n][0].ask(calls[n]))
    return [Row(name, form, n, times[n], *entered[n][1:]) for n in names]


def table(rows: list[Row]) -> str:
    """The quickest first, with the ratio to the quickest of symgrad's."""
    ours = min((r.median for r in rows if r.contestant in OURS), default=math.nan)
    lines = [
        f"  {'':<14} {'ms':>10} {'fastest–slowest':>21} {'÷ ours':>8} {'first, s':>9} {'error':>7}"
    ]
    for r in sorted(rows, key=lambda r: r.median):
        spread = f"{1e3 * min(r.times):.3f}–{1e3 * max(r.times):.3f}"
        lines.append(
            f"  {r.contestant:<14} {1e3 * r.median:>10.3f} {spread:>21} {r.median / ours:>8.2f}"
            f" {r.first:>9.2f} {r.error:>7.0e}"
        )
    return "\n".join(lines)


def versions() -> dict[str, str]:
    """Of Python and what is compared."""
    found = {"python": platform.python_version(), "machine": platform.platform()}
    for name in ("symgrad", "numpy", "numba", "jax", "torch"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "missing"
    return found


def main() -> None:
    """Read the options, measure, show."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--quick", action="store_true", help="a few short rounds")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--problem", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
    parser.add_argument("--form", nargs="+", choices=FORMS, default=list(FORMS))
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--json", type=Path, default=Path("build/benchmarks/second-order.json"))
    options = parser.parse_args()
    rounds, seconds = (3, 0.02) if options.quick else (9, 0.2)
    before, rows = os.getloadavg(), []
    workers = [Worker(name, options.dtype) for name in options.only]
    for name in options.problem:
        for form in options.form:
            print(f"\n{PROBLEMS[name].title}: {form}, {options.dtype}", flush=True)
            found = compare(name, form, workers, options.dtype, rounds, seconds)
            rows += found
            print(table(found), flush=True)
    for worker in workers:
        worker.pipe.send(None)
        worker.process.join()
    facts = {"versions": versions(), "dtype": options.dtype, "load": [before, os.getloadavg()]}
    content = {**facts, "results": [{**r._asdict(), "median": r.median} for r in rows]}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(f"\nWrote {options.json}; load {before[0]:.1f} before, {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    main()
