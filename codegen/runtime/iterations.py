"""Iterations: how optimizers go that take all data at once and find their own step length.

They work on one vector in float64, the parameters that are not frozen, side by side.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, NoReturn

import numpy as np

from .checkpoint import _Run, _views
from .descent import _end_epoch, _HeldOut, _patience_is_over, _Settings
from .divergence import Diverged, _first_not_finite, _number_text
from .history import _history
from .interface import DTYPE, Params, _value_and_grad
from .interrupts import _Interrupts
from .progress import _Progress


class FullBatch(NamedTuple):
    """An optimizer over all data: its rule, its options, and what takes a run to its end."""

    formula: str
    options: dict[str, float]
    run: Callable[[_Iterations], None]


class _Enough(Exception):
    """The run has come to its end before SciPy thinks so."""


class _Iterations:
    """A run of iterations over all data, each of which is recorded like an epoch of one step."""

    def __init__(
        self,
        run: _Run,
        arrays: tuple[np.ndarray, ...],
        settings: _Settings,
        held_out: _HeldOut,
        progress: _Progress,
        interrupts: _Interrupts,
    ) -> None:
        self.run, self.arrays, self.settings = run, arrays, settings
        self.held_out, self.progress, self.interrupts = held_out, progress, interrupts
        self.free = np.concatenate([np.arange(*segment) for segment in settings.segments])
        # The parameters, the loss and its gradient: of the last iteration, and last computed.
        self.base: tuple[np.ndarray, float, np.ndarray] | None = None
        self.latest: tuple[np.ndarray, float, np.ndarray] | None = None
        self.beyond: tuple[Params, float] | None = None  # a step since then that was too long

    def start(self) -> np.ndarray:
        return np.asarray(self.run.theta[self.free], dtype=float)

    def params(self, vector: np.ndarray) -> Params:
        theta = self.run.theta.copy()
        with np.errstate(over="ignore"):
            theta[self.free] = vector
        return _views(self.run.params, theta)

    def loss(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """The mean loss over all data and its gradient, both finite.

        A step so long that they are not is answered with a slope uphill: a line search takes a
        seventh of it then.
        """
        params = self.params(vector)
        with np.errstate(all="ignore"):
            value, gradient = _value_and_grad(params, *self.arrays)
        slopes = np.concatenate([np.ravel(array) for array in gradient])[self.free].astype(float)
        if math.isfinite(value) and np.isfinite(slopes).all():
            self.latest = vector.copy(), float(value), slopes
            self.base = self.base or self.latest
            return float(value), slopes
        self.beyond = params, value
        if self.base is None:
            self.diverge(*self.beyond)
        begin, least, downhill = self.base
        return least + abs(float(downhill @ (vector - begin))), -downhill

    def end(self, vector: np.ndarray, value: float) -> None:
        """Take what an iteration has found as the parameters, and record it."""
        run, settings, rows = self.run, self.settings, len(self.arrays[0])
        run.theta[self.free] = vector
        self.base, self.beyond = self.latest, None
        run.position, run.rows, run.t, run.total = 1, rows, run.t + 1, value * rows
        _end_epoch(run, self.held_out, settings)
        self.progress.show(run.records, 0.0, value)
        over = len(run.records) >= settings.epochs or _patience_is_over(run, settings.patience)
        if over or self.interrupts.asked:
            raise _Enough

    def diverge(self, params: Params, value: float) -> NoReturn:
        epoch = len(self.run.records) + 1
        what = "gradient" if math.isfinite(value) else "loss"
        raise Diverged(
            f"The {what} became {_number_text(value)} in iteration {epoch}: "
            f"{_first_not_finite(params, self.arrays)}. Start from smaller parameters, or scale "
            "the data.",
            self.run.parameters(),
            _history(self.run.records, "diverged"),
            epoch,
            1,
        )


def _tolerance(iterations: _Iterations) -> float:
    """What counts as no progress; less than the rounding of DTYPE makes no sense."""
    return max(iterations.settings.options["tolerance"], float(np.finfo(DTYPE).eps))
