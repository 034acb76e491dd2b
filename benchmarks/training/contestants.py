"""What every contestant does: start from given parameters, train some epochs, give them back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from workloads import Arrays, Workload

# One epoch: updates the parameters as this contestant holds them; gives the mean loss.
Epoch = Callable[[Any, np.ndarray], float]


class NotEntered(Exception):
    """This contestant has no version of this workload; the message says why."""


class Contestant:
    """What is trained and timed: built once for a workload, then asked for epochs."""

    def __init__(self, workload: Workload, dtype: str) -> None:
        self.workload, self.dtype = workload, dtype
        self.data = workload.data(dtype)
        self.epoch = self.build()

    def build(self) -> Epoch:
        """Compile or set up; what happens here is not timed, but is in the time to the first."""
        raise NotImplementedError

    def put(self, params: Arrays) -> Any:
        """The parameters, and what the optimizer remembers, as this tool holds them."""
        raise NotImplementedError

    def get(self, held: Any) -> Arrays:
        """The parameters W1, b1, … as NumPy arrays."""
        raise NotImplementedError

    def train(self, epochs: int, seed: int) -> tuple[Arrays, float, float]:
        """Train afresh: parameters, mean loss of the last epoch, seconds.

        A new order each epoch; the seconds leave out the way in and out. An epoch ends when its
        mean loss is a Python number, for which every tool must wait.
        """
        held, loss = self.put(self.workload.parameters(self.dtype)), 0.0
        start = time.perf_counter()
        for epoch in range(epochs):
            loss = self.epoch(held, self.workload.order(seed, epoch))
        seconds = time.perf_counter() - start
        return self.get(held), loss, seconds
