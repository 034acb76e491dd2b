"""Schedules: how the learning rate changes from step to step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .checks import _check_known
from .interface import DTYPE


class Schedule(NamedTuple):
    """The learning rate of a step before which e of E epochs were done, and its `options`.

    `factor(e, E, **options)` is what η is multiplied by.
    """

    formula: str
    options: dict[str, float]
    factor: Callable[..., np.ndarray]


def _step_factor(e: np.ndarray, E: float, factor: float, every: float) -> np.ndarray:
    return np.asarray(factor ** np.floor(e / every))


SCHEDULES: dict[str, Schedule] = {
    "constant": Schedule("η", {}, lambda e, E: np.ones_like(e)),
    "step": Schedule("η·factor^⌊e/every⌋", {"factor": 0.5, "every": 10.0}, _step_factor),
    # Robbins and Monro, A stochastic approximation method, 1951.
    "1/t": Schedule("η/(1 + decay·e)", {"decay": 1.0}, lambda e, E, decay: 1 / (1 + decay * e)),
    # Loshchilov and Hutter, SGDR, 2017, without restarts.
    "cosine": Schedule(
        "η·(1 + cos(π·e/E))/2", {}, lambda e, E: (1 + np.cos(np.pi * np.minimum(1, e / E))) / 2
    ),
}

Factor = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class _Rates:
    """The learning rates of a run.

    In the first `warmup` steps the rate rises in equal parts up to η; then the schedule begins.
    """

    learning_rate: float
    schedule: str | Factor
    options: Mapping[str, float]
    warmup: int
    epochs: int

    def of(self, t: np.ndarray, epoch: int, per_epoch: int | None) -> np.ndarray:
        """η of each of the steps t = 1, 2, …, which lie in one epoch, in float64.

        Where it is not known how many steps an epoch has, a schedule changes between epochs only.
        """
        if self.schedule == "constant" and not self.warmup:
            return np.full(len(t), self.learning_rate)
        later = np.maximum(t - self.warmup, 1)
        if not isinstance(self.schedule, str):
            factors = _checked_factors(self.schedule, later)
        else:
            done, total = np.full(t.shape, float(epoch)), float(self.epochs)
            if per_epoch is not None:
                done, total = (later - 1) / per_epoch, self.epochs - self.warmup / per_epoch
            row = SCHEDULES[self.schedule]
            factors = row.factor(done, max(total, 1e-9), **self.options)
        if self.warmup:
            factors = factors * np.minimum(1, t / self.warmup)
        return np.asarray(self.learning_rate * factors, dtype=float)


def _check_schedule(schedule: object) -> tuple[str | Factor, dict[str, float]]:
    """A schedule, and the options that it has."""
    if callable(schedule):
        _checked_factors(schedule, np.arange(1, 3))
        return schedule, {}
    return _check_known("schedule", schedule, SCHEDULES), SCHEDULES[str(schedule)].options


def _check_rates(rates: _Rates) -> _Rates:
    """Refuse options with which a schedule is no factor ≥ 0 of the learning rate."""
    if isinstance(rates.schedule, str):
        done = np.linspace(0, max(rates.epochs, 1), 101)
        with np.errstate(all="ignore"):
            factors = SCHEDULES[rates.schedule].factor(done, float(done[-1]), **rates.options)
            wrong = ~(
                (factors >= 0) & (rates.learning_rate * factors <= float(np.finfo(DTYPE).max))
            )
        if wrong.any():
            options = ", ".join(f"{name} {value:g}" for name, value in rates.options.items())
            raise ValueError(
                f"schedule {rates.schedule!r} with {options} multiplies learning_rate by "
                f"{factors[wrong][0]:g}; expected a finite factor ≥ 0."
            )
    return rates


def _checked_factors(schedule: Factor, t: np.ndarray) -> np.ndarray:
    """What a schedule of the user's says of the steps t."""
    factors = np.asarray(schedule(t))
    if factors.shape != t.shape or factors.dtype.kind not in "biuf":
        raise ValueError(
            f"schedule gave {factors.dtype} of shape {factors.shape} for the step numbers "
            f"{t[0]} … {t[-1]}; expected a factor of learning_rate for each, {t.shape}."
        )
    wrong = ~((factors >= 0) & (factors <= math.sqrt(np.finfo(DTYPE).max)))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise ValueError(
            f"schedule gave {factors[first]} for step {t[first]}; expected a finite factor ≥ 0."
        )
    return np.asarray(factors, dtype=float)
