"""Training: initial parameters, and minibatch gradient descent that can be resumed."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .checkpoint import _checksum, _copy, _resume, _State, _write_checkpoint
from .checks import (
    _check_data,
    _check_dims,
    _check_integer,
    _check_learning_rate,
    _check_params,
    _sized,
)
from .interface import (
    DATA,
    DTYPE,
    INPUTS,
    NAME,
    PARAM_SHAPES,
    Params,
    _loss,
    _predict,
    _sgd_epoch,
    _workspace,
)
from .storage import FilePath

OPTIMIZERS = ("sgd",)


class History(NamedTuple):
    """One entry per epoch; NaN where nothing was measured."""

    loss: np.ndarray
    validation_loss: np.ndarray
    validation_accuracy: np.ndarray


def init(seed: int = 0, **dims: int) -> Params:
    """Initial parameters: Glorot uniform for matrices, zeros for vectors and scalars.

    `dims` gives the sizes of the named dimensions in `PARAM_SHAPES`, for example D=784.
    """
    rng, sizes = np.random.default_rng(_check_integer("seed", seed, 0)), _check_dims(dims)
    needed = [dim for shape in PARAM_SHAPES.values() for dim in shape if isinstance(dim, str)]
    if missing := [f"{name}=…" for name in dict.fromkeys(needed) if name not in sizes]:
        raise ValueError(f"{NAME} needs {', '.join(missing)}; pass the size, or params to fit.")
    arrays = []
    for shape in (_sized(shape, sizes) for shape in PARAM_SHAPES.values()):
        fan = (shape[0] + shape[1]) * math.prod(shape[2:]) if len(shape) > 1 else math.inf
        limit = math.sqrt(6 / fan)
        arrays.append(np.asarray(rng.uniform(-limit, limit, shape), DTYPE))
    return Params(*arrays)


def fit(
    *data: ArrayLike,
    params: Params | None = None,
    epochs: int,
    batch_size: int,
    optimizer: str = "sgd",
    learning_rate: float,
    seed: int = 0,
    validation: Sequence[ArrayLike] | None = None,
    patience: int | None = None,
    checkpoint: FilePath | None = None,
    progress: bool = True,
    **dims: int,
) -> tuple[Params, History]:
    """Train on the data, one example per row, by minibatch gradient descent.

    Starts from a copy of `params`, or from `init(seed, **dims)`; sizes that the data show need not
    be given. `validation` is data to measure after each epoch. With `patience`, training ends after
    that many epochs without a lower validation loss and returns the best epoch's parameters.
    `checkpoint` is a file written after each epoch: where it exists already, training continues
    from it, exactly as if it had never stopped. Raises ValueError, with a sentence, for anything
    that does not fit together, and FloatingPointError where the loss diverges.
    """
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"optimizer is {optimizer!r}; {NAME} knows {', '.join(OPTIMIZERS)}.")
    seed = _check_integer("seed", seed, 0)
    epochs = _check_integer("epochs", epochs, 0)
    batch_size = _check_integer("batch_size", batch_size, 1)
    learning_rate = _check_learning_rate(learning_rate)
    if patience is not None and _check_integer("patience", patience, 1) and validation is None:
        raise ValueError("patience watches the validation loss; pass validation= as well.")
    sizes = _check_dims(dims)
    params = None if params is None else _check_params(params, sizes)
    arrays = _check_data(data, DATA, sizes)
    held_out = () if validation is None else _check_data(validation, DATA, sizes, "validation ")
    params = _copy(params if params is not None else init(seed, **sizes))
    if batch_size > len(arrays[0]):
        raise ValueError(f"batch_size is {batch_size}, but the data have {len(arrays[0])} rows.")
    state = _State(params, _copy(params), 0, [])
    if checkpoint is not None:
        settings: dict[str, object] = {
            "module": NAME,
            "type": str(np.dtype(DTYPE)),
            "shapes": [list(array.shape) for array in params],
            "optimizer": optimizer,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "seed": seed,
            "initial parameters of checksum": _checksum(params),
            "data of checksum": _checksum(arrays),
            "validation data of checksum": _checksum(held_out),
        }
        state = _resume(checkpoint, settings, epochs, state)

    work = _workspace(state.params, batch_size, *arrays)
    bar, shown = progress and sys.stderr is not None and sys.stderr.isatty(), 0.0
    try:
        for epoch in range(len(state.records), epochs):
            if patience is not None and epoch - state.best_epoch >= patience:
                break
            order = np.random.default_rng([seed, epoch]).permutation(len(arrays[0]))
            with np.errstate(over="ignore", invalid="ignore"):
                value = _sgd_epoch(state.params, order, batch_size, learning_rate, work, *arrays)
                if not all(np.isfinite(array).all() for array in (value, *state.params)):
                    raise FloatingPointError(
                        f"The loss diverged in epoch {epoch + 1} (it is {value:g}); "
                        f"try a learning_rate lower than {learning_rate:g}."
                    )
                state = _measure(state, float(value), held_out, sizes)
            if checkpoint is not None:
                _write_checkpoint(checkpoint, settings, state)
            if bar and time.monotonic() > shown + 0.1:
                print(_progress_line(state.records, epochs), end="", file=sys.stderr, flush=True)
                shown = time.monotonic()
    finally:
        if bar and state.records:
            print(_progress_line(state.records, epochs), file=sys.stderr)
    history = History(*np.array(state.records, dtype=float).reshape(-1, 3).T.copy())
    return state.params if patience is None else state.best, history


def _measure(
    state: _State, value: float, held_out: tuple[np.ndarray, ...], sizes: dict[str, int]
) -> _State:
    """The state after one more epoch, whose training loss was `value`."""
    measured = accuracy = math.nan
    if held_out:
        measured = float(_loss(state.params, *held_out))
        accuracy = _accuracy(state.params, held_out, sizes)
        if not math.isfinite(measured):
            raise FloatingPointError(
                f"The validation loss is {measured} in epoch {len(state.records) + 1}; try a lower "
                "learning_rate, or look for examples where the loss has no value."
            )
    lowest = state.records[state.best_epoch - 1][1] if state.best_epoch else math.inf
    state.records.append((value, measured, accuracy))
    if measured < lowest:
        return state._replace(best=_copy(state.params), best_epoch=len(state.records))
    return state


def _accuracy(params: Params, data: tuple[np.ndarray, ...], sizes: dict[str, int]) -> float:
    """The share of rows predicted right; NaN unless predictions are scores of the one target."""
    named = dict(zip((spec.name for spec in DATA), data, strict=True))
    targets = [spec for spec in DATA if spec.name not in INPUTS and (spec.classes or spec.simplex)]
    if not INPUTS or len(targets) != 1:
        return math.nan
    target, classes = named[targets[0].name], targets[0].classes
    scores = _predict(params, *(named[name] for name in INPUTS))
    if classes is None:
        shape, target = target.shape, target.argmax(axis=-1)
    else:
        shape = (*target.shape, sizes.get(str(classes), classes))
    return float(np.mean(scores.argmax(axis=-1) == target)) if scores.shape == shape else math.nan


def _progress_line(records: list[tuple[float, float, float]], epochs: int) -> str:
    done, (value, measured, accuracy) = len(records), records[-1]
    bar = "#" * (24 * done // epochs)
    line = f"\r{NAME} [{bar:.<24}] epoch {done}/{epochs}  loss {value:.5g}"
    line += "" if math.isnan(measured) else f"  validation {measured:.5g}"
    line += "" if math.isnan(accuracy) else f"  accuracy {accuracy:.2%}"
    return f"{line:<80}"
