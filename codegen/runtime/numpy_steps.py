"""Steps in NumPy: what the files of the NumPy target add to the functions written for a loss.

The generated part of such a file defines `_gradients(params, *data, *masks)`, the mean loss and its
gradient with dropout, and `_UPDATES`, which maps an optimizer to its update in place,
`update(theta, *state, g, numbers of the step)`. What is below completes it to the interface.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .checks import _bind, _sized
from .interface import _UPDATES, DATA, DTYPE, MASKS, PARAM_SHAPES, Params, _gradients


def _value_and_grad(params: Params, *data: np.ndarray) -> tuple[float, Params]:
    """The mean loss over the rows and its gradient, nothing dropped."""
    if not MASKS:
        return _gradients(params, *data)
    sizes: dict[str, int] = {}
    for array, (name, shape) in zip(params, PARAM_SHAPES.items(), strict=True):
        _bind(name, array.shape, shape, sizes)
    for array, spec in zip(data, DATA, strict=True):
        _bind(spec.name, array.shape, spec.shape, sizes, rows=True)
    kept = (
        np.broadcast_to(params[0].dtype.type(1 - x.rate), (len(data[0]), *_sized(x.shape, sizes)))
        for x in MASKS
    )
    return _gradients(params, *data, *kept)


def _steps(
    optimizer: str,
    params: Params,
    theta: np.ndarray,
    state: np.ndarray,
    order: np.ndarray,
    batch_size: int,
    coefficients: np.ndarray,
    clip: float,
    segments: np.ndarray,
    losses: np.ndarray,
    work: tuple[Any, ...],
    *arrays: np.ndarray,
) -> int:
    """The gradient of each minibatch as one array, and an update of each segment of it."""
    count = len(arrays) - len(MASKS)
    update, data, masks = _UPDATES[optimizer], arrays[:count], arrays[count:]
    for step, start in enumerate(range(0, len(order), batch_size)):
        rows = order[start : start + batch_size]
        drawn = (mask[start : start + batch_size] for mask in masks)
        losses[step], gradient = _gradients(
            params, *(array.take(rows, axis=0) for array in data), *drawn
        )
        flat = np.concatenate([array.ravel() for array in gradient])
        if clip < np.inf:
            squares = sum(np.sum(np.square(flat[i:j], dtype=float)) for i, j in segments)
            flat *= DTYPE(min(1.0, clip / (np.sqrt(squares) + 1e-6)))
        for i, j in segments:
            update(theta[i:j], *state[:, i:j], flat[i:j], coefficients[step])
    return len(losses)
