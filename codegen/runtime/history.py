"""The history of a run: what was measured in each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .interface import NAME


class History(NamedTuple):
    """One entry per epoch; NaN where nothing was measured.

    `loss` is the mean over the examples of the epoch, each taken before the update that it was part
    of; `learning_rate` is that of the epoch's last step. `ended` says how the run did: "epochs",
    "patience", "converged", "interrupted" or "diverged".
    """

    loss: np.ndarray
    learning_rate: np.ndarray
    validation_loss: np.ndarray
    validation_accuracy: np.ndarray
    validation_zero_one_loss: np.ndarray
    validation_mean_squared_error: np.ndarray
    ended: str

    def plot(self, axes: Any = None) -> Any:
        """Draw the losses over the epochs, and return Matplotlib's axes."""
        if axes is None:
            try:
                from matplotlib import pyplot
            except ImportError:
                raise ImportError("plot needs Matplotlib: pip install matplotlib.") from None
            axes = pyplot.figure().add_subplot()
        epochs, least = np.arange(1, len(self.loss) + 1), np.inf
        for name in ("loss", "validation_loss"):
            values = getattr(self, name)
            if np.isfinite(values).any():
                axes.plot(epochs, values, label=name.replace("_", " "))
                least = min(least, np.nanmin(values))
        if least < np.inf:
            axes.set_yscale("log" if least > 0 else "linear")
            axes.legend()
        axes.set(title=NAME, xlabel="epoch", ylabel="mean loss")
        return axes


COLUMNS = History._fields[:-1]


def _history(records: Sequence[Sequence[float]], ended: str) -> History:
    """Records, one an epoch, as columns."""
    columns = np.array(records, dtype=float).reshape(-1, len(COLUMNS)).T
    return History(**dict(zip(COLUMNS, columns.copy(), strict=True)), ended=ended)
