"""Minibatch SGD beside the tools people would use instead, in one run.

    python benchmarks/training_loops.py [--quick] [--json PATH] [--only NAME ...]

Every contestant trains the same tanh network with softmax cross-entropy on the same minibatches in
float32, and must arrive at the parameters of a float64 oracle before it is timed. An epoch is timed
as a user runs it: shuffle, all its steps, the mean loss.

Each contestant lives in a process of its own, because the thread pools of BLAS, OpenMP and XLA
fight over the cores when they share one. Only one process is at work at a time, and the rounds are
interleaved, so that a slow spell of the machine hits everyone.

Who came before matters: OpenBLAS threads go on spinning for tens of milliseconds after their last
product, and whoever is timed in that time was measured 2 to 3 times too slow. So each turn starts
with a pause and an untimed warm-up, and the order rotates from round to round.
"""

import argparse
import json
import multiprocessing
import runpy
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

Arrays = list[np.ndarray]
# One epoch: takes the parameters and the order of the examples, gives new parameters, mean loss.
Epoch = Callable[[Any, np.ndarray], tuple[Any, float]]
BASELINE = "JAX lax.scan"
LEARNING_RATE = 0.01
PAUSE = 0.3  # seconds, for the threads of the contestant before to fall asleep


@dataclass(frozen=True)
class Case:
    """A network inputs-hidden-classes and how its data are cut into minibatches."""

    inputs: int
    hidden: int
    classes: int
    batch: int
    steps: int

    def __str__(self) -> str:
        return f"{self.inputs}-{self.hidden}-{self.classes}, {self.batch}"

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs, and one-hot targets."""
        random = np.random.default_rng(0)
        examples = self.batch * self.steps
        X = random.normal(size=(examples, self.inputs)).astype(np.float32)
        labels = random.integers(0, self.classes, examples)
        return X, np.eye(self.classes, dtype=np.float32)[labels]

    def parameters(self) -> Arrays:
        """W1, b1, W2, b2 as every contestant starts."""
        random = np.random.default_rng(1)
        D, H, C = self.inputs, self.hidden, self.classes
        W1 = random.normal(size=(H, D)) / np.sqrt(D)
        W2 = random.normal(size=(C, H)) / np.sqrt(H)
        return [a.astype(np.float32) for a in (W1, np.zeros(H), W2, np.zeros(C))]


CASES = [
    Case(2, 16, 2, 8, 512),
    Case(64, 32, 10, 32, 256),
    Case(784, 128, 10, 64, 64),
    Case(1024, 1024, 10, 256, 8),
]


class Contestant:
    """What is trained and timed: built once for a case, then asked for epochs."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.X, self.Y = case.data()
        self.epoch = self.build()

    def build(self) -> Epoch:
        """Compile or set up; what happens here is not timed."""
        raise NotImplementedError

    def put(self, params: Arrays) -> Any:
        """The parameters as this tool holds them."""
        return [a.copy() for a in params]

    def get(self, params: Any) -> Arrays:
        """The parameters as NumPy arrays; waits for whatever still runs."""
        return [np.asarray(a) for a in params]

    def train(self, epochs: int, seed: int) -> tuple[Arrays, float]:
        """Train afresh, with a new order each epoch; the time leaves out the way in and out."""
        params = self.put(self.case.parameters())
        start = time.perf_counter()
        for epoch in range(epochs):
            order = np.random.default_rng([seed, epoch]).permutation(len(self.X))
            params, _ = self.epoch(params, order)
        seconds = time.perf_counter() - start
        return self.get(params), seconds


class Numpy(Contestant):
    """Forward and backward by hand, as in a lecture's exercise."""

    def build(self) -> Epoch:
        X, Y, batch = self.X, self.Y, self.case.batch

        def epoch(params: Arrays, order: np.ndarray) -> tuple[Arrays, float]:
            W1, b1, W2, b2 = params
            total = 0.0
            for start in range(0, len(order), batch):
                rows = order[start : start + batch]
                x, y = X[rows], Y[rows]
                h = np.tanh(x @ W1.T + b1)
                z = h @ W2.T + b2
                z -= z.max(axis=1, keepdims=True)
                e = np.exp(z)
                s = e.sum(axis=1, keepdims=True)
                total += float((np.log(s)[:, 0] - (y * z).sum(axis=1)).sum())
                delta2 = (e / s - y) / len(rows)
                delta1 = (delta2 @ W2) * (1 - h * h)
                W2 -= LEARNING_RATE * delta2.T @ h
                b2 -= LEARNING_RATE * delta2.sum(axis=0)
                W1 -= LEARNING_RATE * delta1.T @ x
                b1 -= LEARNING_RATE * delta1.sum(axis=0)
            return params, total / len(order)

        return epoch


class Oracle(Numpy):
    """The same in float64: what everyone must agree with."""

    def put(self, params: Arrays) -> Arrays:
        return [a.astype(np.float64) for a in params]


class Torch(Contestant):
    """PyTorch, eager, as its tutorials write it."""

    def build(self) -> Epoch:
        import torch
        from torch import nn

        X, batch = torch.from_numpy(self.X), self.case.batch
        labels = torch.from_numpy(self.Y.argmax(axis=1))
        measure = nn.CrossEntropyLoss()

        def epoch(held: Any, order: np.ndarray) -> tuple[Any, float]:
            model, optimizer = held
            total = 0.0
            for rows in torch.from_numpy(order).split(batch):
                optimizer.zero_grad()
                loss = measure(model(X[rows]), labels[rows])
                loss.backward()
                optimizer.step()
                total += loss.item() * len(rows)
            return held, total / len(order)

        return epoch

    def put(self, params: Arrays) -> Any:
        import torch
        from torch import nn

        D, H, C = self.case.inputs, self.case.hidden, self.case.classes
        model = nn.Sequential(nn.Linear(D, H), nn.Tanh(), nn.Linear(H, C))
        with torch.no_grad():
            for mine, given in zip(model.parameters(), params, strict=True):
                mine.copy_(torch.from_numpy(given))
        return model, torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)

    def get(self, params: Any) -> Arrays:
        return [p.detach().numpy().copy() for p in params[0].parameters()]


class Jax(Contestant):
    """The whole epoch in one compiled `lax.scan`, with the parameters updated in place."""

    def build(self) -> Epoch:
        import jax
        import jax.numpy as jnp

        X, Y, batch = jnp.asarray(self.X), jnp.asarray(self.Y), self.case.batch

        def loss(params: Any, x: Any, y: Any) -> Any:
            W1, b1, W2, b2 = params
            z = jnp.tanh(x @ W1.T + b1) @ W2.T + b2
            return -(y * jax.nn.log_softmax(z)).sum(axis=1).mean()

        def step(params: Any, rows: Any) -> Any:
            value, gradient = jax.value_and_grad(loss)(params, X[rows], Y[rows])
            return [p - LEARNING_RATE * g for p, g in zip(params, gradient, strict=True)], value

        def scan(params: Any, batches: Any) -> Any:
            params, losses = jax.lax.scan(step, params, batches)
            return params, losses.mean()

        compiled = jax.jit(scan, donate_argnums=0)

        def epoch(params: Any, order: np.ndarray) -> tuple[Any, float]:
            params, value = compiled(params, order.reshape(-1, batch).astype(np.int32))
            return params, float(value)

        return epoch

    def put(self, params: Arrays) -> Any:
        import jax.numpy as jnp

        return [jnp.array(a) for a in params]


class Symgrad(Contestant):
    """The module that symgrad generates, through the `fit` that its users call.

    `fit` owns the shuffle. It draws its orders as `train` above does: one permutation an epoch,
    from a generator seeded with (seed, epoch).
    """

    def build(self) -> Epoch:
        from sympy import MatrixSymbol

        import symgrad as sg

        D, H, C = self.case.inputs, self.case.hidden, self.case.classes
        x, y = MatrixSymbol("x", D, 1), sg.simplex("y", C)
        W1, b1 = MatrixSymbol("W1", H, D), MatrixSymbol("b1", H, 1)
        W2, b2 = MatrixSymbol("W2", C, H), MatrixSymbol("b2", C, 1)
        h = sg.let("h", sg.tanh(sg.let("z1", W1 * x + b1)))
        p = sg.let("p", sg.softmax(sg.let("z2", W2 * h + b2)))
        loss = sg.cross_entropy(p, y)
        self.module = sg.training_module(
            loss, params=[W1, b1, W2, b2], data=[x, y], predict=p, target="numba", dtype="float32"
        ).load()

        def unused(params: Any, order: np.ndarray) -> tuple[Any, float]:
            raise NotImplementedError("symgrad shuffles in fit")

        return unused

    def train(self, epochs: int, seed: int) -> tuple[Arrays, float]:
        params = self.module.Params(*self.case.parameters())
        start = time.perf_counter()
        params, _ = self.module.fit(
            self.X,
            self.Y,
            params=params,
            epochs=epochs,
            batch_size=self.case.batch,
            optimizer="sgd",
            learning_rate=LEARNING_RATE,
            seed=seed,
            progress=False,
        )
        seconds = time.perf_counter() - start
        return [np.asarray(a) for a in params], seconds


class FromFile(Contestant):
    """An experiment: a file whose `make(inputs, hidden, classes, batch)` gives an epoch function.

    The function takes params, X, Y, order, batch size, learning rate; updates the parameters in
    place; gives the mean loss. For trying a shape of code before the generator emits it.
    """

    path = ""

    def build(self) -> Epoch:
        case = self.case
        make = runpy.run_path(self.path)["make"]
        run = make(case.inputs, case.hidden, case.classes, case.batch)

        def epoch(params: Arrays, order: np.ndarray) -> tuple[Arrays, float]:
            return params, run(params, self.X, self.Y, order, case.batch, LEARNING_RATE)

        return epoch


CONTESTANTS: dict[str, type[Contestant]] = {
    "symgrad numba": Symgrad,
    BASELINE: Jax,
    "PyTorch eager": Torch,
    "NumPy by hand": Numpy,
}


def serve(kind: type[Contestant], path: str, pipe: Connection) -> None:
    """Be a contestant's process: a Case builds and trains an epoch, a number times so many."""
    contestant: Contestant | None = None
    FromFile.path = path
    while (request := pipe.recv()) is not None:
        try:
            if isinstance(request, Case):
                start = time.perf_counter()
                contestant = kind(request)
                params, _ = contestant.train(epochs=1, seed=0)
                pipe.send((params, time.perf_counter() - start))
            else:
                assert contestant is not None
                contestant.train(epochs=max(1, request // 3), seed=2)
                pipe.send(contestant.train(epochs=request, seed=1)[1])
        except Exception as error:  # reported by the parent, which leaves this contestant out
            pipe.send(error if isinstance(error, ImportError) else RuntimeError(repr(error)))


class Worker:
    """The parent's end of a contestant's process."""

    def __init__(self, name: str, kind: type[Contestant], path: str = "") -> None:
        self.name = name
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(kind, path, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def ask(self, request: Case | int) -> Any:
        """Send a request and wait; an error over there is raised here."""
        self.pipe.send(request)
        answer = self.pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stop(self) -> None:
        """End the process."""
        self.pipe.send(None)
        self.process.join()


@dataclass
class Result:
    """Microseconds a step over the rounds; `first` is seconds until the first epoch was done."""

    case: str
    contestant: str
    median: float
    low: float
    high: float
    first: float
    error: float


def compare(
    case: Case, workers: list[Worker], rounds: int, seconds: float, console: Console
) -> list[Result]:
    """Check that everyone agrees, then time them in turn."""
    expected, _ = Oracle(case).train(epochs=1, seed=0)
    moved = max(
        float(np.abs(a - b).max()) for a, b in zip(expected, case.parameters(), strict=True)
    )
    entered: dict[str, tuple[Worker, float, float]] = {}
    for worker in workers:
        try:
            params, first = worker.ask(case)
        except (ImportError, RuntimeError, EOFError) as reason:
            console.print(f"[yellow]{worker.name} is left out of {case}: {reason}")
            continue
        error = max(float(np.abs(a - b).max()) for a, b in zip(params, expected, strict=True))
        if not error <= 1e-4 * max(moved, 1.0):
            console.print(f"[red]{worker.name} is left out of {case}: wrong by {error:.1e}")
            continue
        entered[worker.name] = (worker, first, error)

    epochs = {}
    for name, (worker, _, _) in entered.items():
        time.sleep(PAUSE)
        epochs[name] = max(1, round(seconds / worker.ask(1)))
    times: dict[str, list[float]] = {name: [] for name in entered}
    names = list(entered)
    for turn in range(rounds):
        first_up = turn % max(1, len(names))
        for name in names[first_up:] + names[:first_up]:
            time.sleep(PAUSE)
            taken = entered[name][0].ask(epochs[name])
            times[name].append(taken / epochs[name] / case.steps * 1e6)
    return [
        Result(str(case), name, statistics.median(t), min(t), max(t), *entered[name][1:])
        for name, t in times.items()
    ]


def table(results: list[Result]) -> Table:
    """What was measured, one row for each contestant and case."""
    shown = Table(title="One SGD step, float32, microseconds")
    for column in ("network, batch", "contestant"):
        shown.add_column(column, no_wrap=True)
    for column in ("median", "min–max", "× JAX", "first, s", "error"):
        shown.add_column(column, justify="right", no_wrap=True)
    baseline = {r.case: r.median for r in results if r.contestant == BASELINE}
    for i, r in enumerate(results):
        ratio = f"{r.median / baseline[r.case]:.2f}" if r.case in baseline else "–"
        last = i + 1 == len(results) or results[i + 1].case != r.case
        shown.add_row(
            r.case,
            r.contestant,
            f"{r.median:,.2f}",
            f"{r.low:,.2f}–{r.high:,.2f}",
            ratio,
            f"{r.first:.2f}",
            f"{r.error:.0e}",
            end_section=last,
        )
    return shown


def main() -> None:
    """Read the options, measure, show."""
    parser = argparse.ArgumentParser(description="Minibatch SGD beside its peers.")
    parser.add_argument("--quick", action="store_true", help="a few short rounds")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the results here too")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=CONTESTANTS, default=None)
    parser.add_argument(
        "--extra",
        action="append",
        default=[],
        metavar="FILE",
        help="a file with make(inputs, hidden, classes, batch) -> epoch function",
    )
    options = parser.parse_args()

    console = Console()
    names = options.only or list(CONTESTANTS)
    workers = [Worker(name, CONTESTANTS[name]) for name in names]
    workers += [Worker(Path(path).stem, FromFile, path) for path in options.extra]
    rounds, seconds = (5, 0.05) if options.quick else (15, 0.3)
    results: list[Result] = []
    for case in CASES:
        results += compare(case, workers, rounds, seconds, console)
    for worker in workers:
        worker.stop()
    console.print(table(results))
    if options.json:
        options.json.write_text(json.dumps([asdict(r) for r in results], indent=2) + "\n")


if __name__ == "__main__":
    main()
