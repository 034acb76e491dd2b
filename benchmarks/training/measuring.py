"""Every contestant in a process of its own, in turn, after all of them have arrived at one place.

Processes of their own, because the thread pools of BLAS, OpenMP and XLA fight over the cores when
they share one. Only one process is at work at a time, and the rounds are interleaved, so that a
slow spell of the machine hits everyone.

Who came before matters: OpenBLAS threads go on spinning for tens of milliseconds after their last
product, and whoever is timed in that time was measured 2 to 3 times too slow. So each turn starts
with a pause and an untimed warm-up, and the order rotates from round to round.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np
from by_hand import Oracle
from contestants import Contestant, NotEntered
from workloads import Arrays, Workload

ROUNDINGS = 1e4
"""How many roundings an epoch may put between two contestants, relative to how far they moved."""


class Effort(NamedTuple):
    """How long is measured: rounds, seconds of each turn, seconds of pause before it."""

    rounds: int
    seconds: float
    pause: float


QUICK, FULL = Effort(3, 0.02, 0.05), Effort(9, 0.2, 0.2)


@dataclass
class Result:
    """Microseconds a step, one for each round; `first` is seconds until the first epoch is done.

    `error` is the largest difference from the oracle's parameters, as a part of the largest change
    that the epoch made to them.
    """

    workload: str
    contestant: str
    times: list[float]
    first: float
    error: float

    @property
    def median(self) -> float:
        """Microseconds a step."""
        return statistics.median(self.times)

    @property
    def spread(self) -> tuple[float, float]:
        """The first and the third quartile."""
        if len(self.times) == 1:
            return self.times[0], self.times[0]
        low, _, high = statistics.quantiles(self.times, n=4, method="inclusive")
        return low, high


@dataclass
class Run:
    """What was measured, and who was left out: (workload, contestant, reason)."""

    results: list[Result] = field(default_factory=list)
    left_out: list[tuple[str, str, str]] = field(default_factory=list)


def serve(kind: type[Contestant], dtype: str, pipe: Connection) -> None:
    """Be a contestant's process: a Workload builds and trains an epoch, a number times so many."""
    contestant: Contestant | None = None
    while (request := pipe.recv()) is not None:
        try:
            if isinstance(request, Workload):
                start = time.perf_counter()
                contestant = kind(request, dtype)
                params, loss, _ = contestant.train(epochs=1, seed=0)
                pipe.send((params, loss, time.perf_counter() - start))
            else:
                assert contestant is not None
                contestant.train(epochs=max(1, request // 3), seed=2)
                pipe.send(contestant.train(epochs=request, seed=1)[2])
        except (ImportError, NotEntered) as reason:
            pipe.send(reason)
        except Exception as error:  # reported by the parent, which leaves this contestant out
            pipe.send(RuntimeError(f"{type(error).__name__}: {error}".splitlines()[0]))


class Worker:
    """The parent's end of a contestant's process."""

    def __init__(self, name: str, kind: type[Contestant], dtype: str) -> None:
        self.name = name
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(kind, dtype, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def ask(self, request: Workload | int) -> Any:
        """Send a request and wait; an error over there is raised here."""
        self.pipe.send(request)
        answer = self.pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stop(self) -> None:
        """End the process, if it has not ended by itself."""
        if self.process.is_alive():
            self.pipe.send(None)
        self.process.join()


def difference(params: Arrays, expected: Arrays, start: Arrays) -> float:
    """The largest difference of two sets of parameters, in parts of the largest change."""
    pairs = zip(expected, start, strict=True)
    moved = max(float(np.abs(a - b).max()) for a, b in pairs)
    apart = [float(np.abs(a - b).max()) for a, b in zip(params, expected, strict=True)]
    return float(np.max(apart)) / moved  # np.max, unlike max, is NaN if one of them is


def compare(
    workload: Workload,
    workers: list[Any],
    dtype: str,
    effort: Effort,
    run: Run,
    say: Callable[[str], None],
) -> None:
    """Check that everyone agrees, then time them in turn; adds to `run`.

    A worker that cannot start at all, because something is not installed or its process has ended,
    is taken off the list `workers`.
    """
    expected, expected_loss, _ = Oracle(workload, dtype).train(epochs=1, seed=0)
    tolerance = ROUNDINGS * float(np.finfo(dtype).eps)

    def leave_out(worker: Any, reason: str, where: str = workload.name) -> None:
        run.left_out.append((where, worker.name, reason))
        say(f"{worker.name} is left out of {where}: {reason}")

    entered: dict[str, tuple[Any, float, float]] = {}
    for worker in list(workers):
        try:
            params, loss, first = worker.ask(workload)
        except (ImportError, EOFError, BrokenPipeError) as reason:
            workers.remove(worker)
            leave_out(worker, str(reason) or "its process has ended", "everything")
            continue
        except (NotEntered, RuntimeError) as reason:
            leave_out(worker, str(reason))
            continue
        error = difference(params, expected, workload.parameters(dtype))
        off = abs(loss - expected_loss) / abs(expected_loss)
        if not max(error, off) <= tolerance:
            leave_out(worker, f"parameters differ by {error:.1e}, the loss by {off:.1e}")
            continue
        entered[worker.name] = (worker, first, error)

    epochs: dict[str, int] = {}
    for name, (worker, _, _) in entered.items():
        time.sleep(effort.pause)
        epochs[name] = max(1, round(effort.seconds / worker.ask(1)))
    times: dict[str, list[float]] = {name: [] for name in entered}
    for turn in range(effort.rounds):
        for name in _rotated(list(entered), turn):
            time.sleep(effort.pause)
            taken = entered[name][0].ask(epochs[name])
            times[name].append(taken / epochs[name] / workload.steps * 1e6)
    run.results += [
        Result(workload.name, name, taken, *entered[name][1:]) for name, taken in times.items()
    ]


def _rotated(names: Sequence[str], turn: int) -> list[str]:
    first = turn % max(1, len(names))
    return [*names[first:], *names[:first]]
