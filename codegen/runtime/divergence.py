"""Divergence: a loss that is not finite any more, and where that began."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .history import History
from .interface import Params, _trace
from .records import Trace


class Diverged(FloatingPointError):
    """A loss or a parameter became NaN or infinite.

    `params` are the last parameters that were finite, `history` that of the epochs before; `epoch`
    and `step`, a step of this epoch, count from 1.
    """

    def __init__(
        self, sentence: str, params: Params, history: History, epoch: int, step: int
    ) -> None:
        super().__init__(sentence, params, history, epoch, step)  # all of it, so that it pickles
        self.params, self.history, self.epoch, self.step = params, history, epoch, step

    def __str__(self) -> str:
        return str(self.args[0])


def _number_text(value: float) -> str:
    return "NaN" if math.isnan(value) else "infinite"


def _first_not_finite(params: Params, data: Sequence[np.ndarray]) -> str:
    """Which value that the loss is computed through is the first that is not finite, and where."""
    try:
        with np.errstate(all="ignore"):
            found = _not_finite_in(_trace(params, *data), len(data[0]))
    except np.linalg.LinAlgError as error:
        return f"its computation says {str(error)!r}"
    return found or "no value of the forward pass or the gradient is infinite or NaN by itself"


def _not_finite_in(trace: Trace, examples: int) -> str:
    """The first value of a trace that is not finite, in a sentence; empty where all are."""
    named = {f"∂L/∂{name}": array for name, array in trace.gradients.items()}
    for name, value in (trace.values | named).items():
        array = np.asarray(value)
        wrong = ~np.isfinite(array)
        if wrong.any():
            index = tuple(np.argwhere(wrong)[0].tolist())
            per_row = name not in named and len(array.shape) > 0 and len(array) == examples
            place = f" in row {index[0]} of the batch" if per_row else ""
            return f"{name} is the first value that is not finite ({array[index]}{place})"
    return ""


def _advice(learning_rate: float, clip: float) -> str:
    clipped = ", or clip=1.0" if clip == math.inf else ""
    return f"Lower learning_rate ({learning_rate:g}){clipped}."
