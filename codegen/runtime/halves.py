# mypy: disable-error-code="no-any-return"
"""Halves: a minibatch on two threads, each of which computes the gradient of half of its rows.

Why it exists: the products of a step of 15 to 500 µs are too short to be shared between two cores,
while the rows of a minibatch need nothing of each other. The law: the mean over N rows is the mean
of the means over their halves, weighted by how many rows each has. Both threads then know the whole
gradient, and take the same step with parameters of their own: nothing but gradients passes from
one core to the other. That costs a meeting of the two in each step, about a third of a
microsecond, and the time to read the other's gradient: `_is_halved` of a generated file says where
it is worth that. The numbers differ from those of one thread by rounding, and are the same in
every run.

Copied by source into generated files.
"""

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from .checkpoint import _views
from .meeting import _arrive, _on_two_threads, _wait


class _Pace:
    """Whether two threads are faster than one, now: both come to the same numbers.

    Where other programs want the cores too, two threads wait for each other so often that they
    take ten times as long as one. So both ways are tried in the first chunks of steps, which are
    short, and the slower one again where the faster has become slow, and now and then.
    """

    def __init__(self) -> None:
        self.calls, self.looks = 0, 5
        self.seconds = [math.inf, math.inf]  # a step lately, on one thread and on two
        self.best = [math.inf, math.inf]

    def together(self) -> bool:
        """How the next chunk goes."""
        if self.calls < 3:
            return self.calls != 1
        faster = self.seconds[1] <= self.seconds[0]
        if self.seconds[faster] > 1.4 * self.best[faster]:
            self.best[faster] = self.seconds[faster]
            return not faster
        if self.calls >= self.looks:
            self.looks = max(64, 2 * self.calls)
            close = self.seconds[not faster] < 2 * self.seconds[faster]
            return not faster if self.calls >= 64 or (close and not faster) else faster
        return faster

    def record(self, together: bool, seconds: float) -> None:
        """How long a step of the last chunk took."""
        self.calls += 1
        if self.calls > 1:  # the first chunk waits for the compiler
            self.seconds[together] = seconds
            self.best[together] = min(seconds, self.best[together])


class _Halves(NamedTuple):
    """What two threads work with: `arrays` of each, and what they show each other.

    `gradients` (2, P) are those of the halves; `means` has in row h the loss of half h and its
    number of rows, `met` how often its thread has come to a meeting (each in a line of cache).
    """

    arrays: tuple[Any, Any]
    gradients: np.ndarray
    means: np.ndarray
    met: np.ndarray
    pace: _Pace

    def pair(self, first: int, last: int) -> tuple[int, int, np.ndarray, np.ndarray, np.ndarray]:
        """What the compiled steps of the halves first … last − 1 are given."""
        return first, last, self.gradients, self.means, self.met


def new_halves(params: Any, first: tuple[Any, ...], second: tuple[Any, ...]) -> _Halves:
    """Halves that have not met; the last of what each works in is its gradient."""
    gradients = np.empty((2, sum(array.size for array in params)), params[0].dtype)
    means, met = np.zeros((2, 8)), np.zeros((2, 8), np.int64)
    return _Halves((first, second), gradients, means, met, _Pace())


def in_halves(
    steps: Callable[..., int],
    halves: _Halves,
    params: Any,
    theta: np.ndarray,
    state: np.ndarray,
    losses: np.ndarray,
) -> int:
    """Some steps, on two threads or on one, whichever is faster; how many there were.

    `steps(pair, arrays, params, theta, state, losses)` takes them. Each of two threads works on
    parameters of its own, and comes to the same.
    """
    start, together = time.perf_counter(), halves.pace.together()
    given = params, theta, state, losses
    if together:
        own = theta.copy()
        copies = _views(params, own), own, state.copy(), np.empty_like(losses)
        taken = _on_two_threads(
            halves.met,
            lambda: steps(halves.pair(0, 1), halves.arrays[0], *given),
            lambda: steps(halves.pair(1, 2), halves.arrays[1], *copies),
        )
    else:
        taken = steps(halves.pair(0, 2), halves.arrays[0], *given)
    halves.pace.record(together, (time.perf_counter() - start) / max(taken, 1))
    return taken


@njit
def halves_of(pair: Any) -> tuple[int, int]:
    """The first of the halves that a thread computes, and where they end."""
    if pair is None:
        return 0, 1
    return pair[0], pair[1]


@njit
def half_of(pair: Any, half: int, start: int, count: int) -> tuple[int, int]:
    """The first row of a half of a minibatch, and how many there are; all, of what has no halves.

    A single row is both halves: its mean is that of the two as well.
    """
    if pair is None:
        return start, count
    first = (count + 1) // 2
    if count == 1 or half == 0:
        return start, first
    return start + first, count - first


@njit
def show_half(pair: Any, half: int, loss: float, rows: int, gradient: np.ndarray) -> None:
    """Show the mean loss and the mean gradient of a half to whoever computes the other one."""
    if pair is None:
        return
    first, last, gradients, means, met = pair
    if last - first == 1:
        _wait(met, half)  # until the other thread has read the gradient before this one
    means[half, 0], means[half, 1] = loss * rows, rows
    for k in range(gradient.shape[0]):  # in one go: products write here and there
        gradients[half, k] = gradient[k]


@njit
def mean_of_halves(pair: Any, loss: float, gradient: np.ndarray) -> float:
    """The mean loss of both halves; the mean of their gradients goes to `gradient`."""
    if pair is None:
        return loss
    first, last, gradients, means, met = pair
    apart = last - first == 1
    if apart:
        _arrive(met, first)
        _wait(met, first)
    total = means[0, 1] + means[1, 1]
    loss = (means[0, 0] + means[1, 0]) / total
    number = gradient.dtype.type
    one, two = number(means[0, 1] / total), number(means[1, 1] / total)
    for k in range(gradient.shape[0]):
        gradient[k] = one * gradients[0, k] + two * gradients[1, k]
    if apart:
        _arrive(met, first)
    return loss
