"""What a generated module declares: its data, its optimizers, and what a look inside it shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class DataSpec(NamedTuple):
    """One data argument: its name, the shape of one example, and what its values must be.

    A name in `shape` or `classes`, such as "D", is a dimension whose size is known when it is used.
    """

    name: str
    shape: tuple[int | str, ...]
    classes: int | str | None = None  # an integer label in 0 … classes-1
    simplex: bool = False  # entries ≥ 0 that sum to 1 along the last axis


class MaskSpec(NamedTuple):
    """A dropout mask, drawn for every example of every step: 0 with probability `rate`, else 1."""

    name: str
    shape: tuple[int | str, ...]
    rate: float


class Optimizer(NamedTuple):
    """An update rule θ ← θ′ of a step t ≥ 1, its `options` with what they are unless given.

    `state` names the arrays that it keeps, each like the parameters, with what they hold at first.
    `coefficients(learning_rate, t, **options)` takes float64 arrays of the steps, and returns the
    numbers that the update needs, (steps, k) in float64.
    """

    formula: str
    state: dict[str, float]
    options: dict[str, float]
    coefficients: Callable[..., np.ndarray]


class Trace(NamedTuple):
    """What the loss is computed through, by name and in order of computation.

    `values` are the named values, the loss last; `gradients` the loss's gradient in each parameter;
    `slopes` and `adjoints`, for each layer h = f(z), the derivative f′(z) and ∂L/∂z.
    """

    values: dict[str, np.ndarray]
    gradients: dict[str, np.ndarray]
    slopes: dict[str, np.ndarray]
    adjoints: dict[str, np.ndarray]
