"""Metrics: how good parameters are on data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .checks import _blocks, _check_data, _check_params, _rows_of
from .interface import DATA, INPUTS, Params, _loss, _predict
from .records import DataSpec

ROWS_AT_ONCE = 1 << 16  # what is between the layers has to fit into memory as well


class Metrics(NamedTuple):
    """What is measured on data; NaN where it has no meaning for the module."""

    loss: float
    accuracy: float
    zero_one_loss: float
    mean_squared_error: float


def evaluate(params: Params, *data: ArrayLike) -> dict[str, float]:
    """The mean loss over the examples and, where the module predicts its target, how well.

    For classes (labels or probabilities): `accuracy`, the share of examples whose highest score is
    at the right class, and `zero_one_loss`, 1 − accuracy. For numbers: `mean_squared_error`, the
    mean of (prediction − target)² over all entries. The target is the one data argument that is not
    an input of `predict`. Large arrays, such as memory-mapped files, are read block by block.
    """
    sizes: dict[str, int] = {}
    params = _check_params(params, sizes)
    arrays = _check_data(data, DATA, sizes, leave_large=True)
    measured = _measure(params, arrays, sizes)._asdict()
    return {name: value for name, value in measured.items() if name == "loss" or value == value}


def _measure(params: Params, arrays: Sequence[np.ndarray], sizes: dict[str, int]) -> Metrics:
    """The metrics of checked parameters and data."""
    names, rows = [spec.name for spec in DATA], len(arrays[0])
    target, loss, right, squares = _target(), 0.0, 0.0, 0.0
    for part in _blocks(arrays, ROWS_AT_ONCE):
        block = dict(zip(names, _rows_of(arrays, DATA, part), strict=True))
        share = (part.stop - part.start) / rows
        loss += share * float(_loss(params, *block.values()))
        if target is None:
            continue
        predicted = _predict(params, *(block[name] for name in INPUTS))
        right += _number_right(predicted, block[target.name], target, sizes)
        squares += share * _squared_error(predicted, block[target.name], target)
    if target is None:
        right = squares = math.nan
    accuracy = right / rows
    return Metrics(loss, accuracy, 1 - accuracy, squares)


def _target() -> DataSpec | None:
    """What `_predict` predicts: the one argument of classes that is no input, or the only one."""
    others = [spec for spec in DATA if spec.name not in INPUTS]
    classes = [spec for spec in others if _is_class(spec)] or others
    return classes[0] if INPUTS and len(classes) == 1 else None


def _is_class(spec: DataSpec) -> bool:
    return spec.classes is not None or spec.simplex


def _number_right(
    predicted: np.ndarray, target: np.ndarray, spec: DataSpec, sizes: dict[str, int]
) -> float:
    """How many examples have the highest score at the right class; NaN without scores."""
    if not _is_class(spec):
        return math.nan
    shape: tuple[object, ...] = target.shape
    if spec.classes is None:
        target = target.argmax(axis=-1)
    else:
        shape = (*shape, sizes.get(str(spec.classes), spec.classes))
    if predicted.shape != shape:
        return math.nan
    right = predicted.argmax(axis=-1) == target
    return float(np.count_nonzero(right) * len(right) / right.size)  # several labels: their share


def _squared_error(predicted: np.ndarray, target: np.ndarray, spec: DataSpec) -> float:
    """The mean of (prediction − target)²; NaN where the two are of different kinds."""
    if _is_class(spec) or predicted.shape != target.shape:
        return math.nan
    return float(np.mean(np.square(predicted.astype(float) - target)))
