"""The interface between the two parts of a generated training module, and an example of it.

A generated module is one file of two parts. The *generated* part is written for one loss and
defines the names below. The *fixed* part (`checks`, `storage`, `checkpoint`, `training`, `gradient_check`,
`command_line`) uses nothing else of it; `copying` appends its source, and drops its relative
imports, which is how it names what it shares. So the fixed part runs here too, on the example
below: softmax regression, written by hand in the form that the generator writes.

| name | what it is |
|---|---|
| `NAME` | the module's name, for messages |
| `DTYPE` | the type of parameters and data: `np.float32` or `np.float64` |
| `CHECK_DTYPE` | the type `check_gradients` computes in: `np.float64` where `_loss` and `_value_and_grad` follow the type of their arguments, else `DTYPE` |
| `Params` | a NamedTuple of arrays, one field a parameter |
| `PARAM_SHAPES` | its shapes, in field order; a string is a dimension bound at run time, `()` a scalar |
| `DATA` | a `DataSpec` for each data argument, in order |
| `INPUTS` | the names of those that `_predict` takes, in order; empty where nothing is predicted |
| `_loss(params, *data) -> float` | the mean loss over the rows of the data |
| `_value_and_grad(params, *data) -> (float, Params)` | the same, and its gradient in new arrays, scalars as arrays of shape `()` |
| `_predict(params, *inputs) -> array` | predictions, one a row; defined even where `INPUTS` is empty |
| `_workspace(params, batch_size, *data) -> tuple` | the arrays that `_sgd_epoch` reuses |
| `_sgd_epoch(params, order, batch_size, learning_rate, work, *data) -> float` | one pass over the rows `order` in minibatches (the last may be smaller), updating `params` in place; returns the mean over rows of the loss, each taken just before its own update |

The fixed part calls these with checked arguments only: contiguous, aligned, writeable arrays of
`DTYPE` (labels and `order`: int64), scalar parameters as arrays of shape `()`, at least one row,
consistent sizes, 1 ≤ `batch_size` ≤ rows, and `learning_rate` a Python float. Data arguments are
positional and come last; `*data` above stands for named arguments in the order of `DATA`. A
dimension must not have the name of an option of `fit`, nor anything else that is generated one of
`copying.reserved_names()`.
"""  # noqa: E501 (a table row is one line)

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .dataspec import DataSpec

NAME = "softmax_regression"
DTYPE = np.float32
CHECK_DTYPE = np.float64


class Params(NamedTuple):
    """The parameters: W (C×D), b (C)."""

    W: np.ndarray
    b: np.ndarray


PARAM_SHAPES: dict[str, tuple[int | str, ...]] = {"W": ("C", "D"), "b": ("C",)}
DATA: tuple[DataSpec, ...] = (DataSpec("X", ("D",)), DataSpec("Y", ("C",), simplex=True))
INPUTS: tuple[str, ...] = ("X",)


def _predict(params: Params, X: np.ndarray) -> np.ndarray:
    """p = softmax(W·x + b), (N, C)."""
    z = X @ params.W.T + params.b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def _loss(params: Params, X: np.ndarray, Y: np.ndarray) -> float:
    """−Σ y log p = log Σ exp(z) − yᵀz, averaged over the rows."""
    z = X @ params.W.T + params.b
    z -= z.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(z).sum(axis=1)) - (Y * z).sum(axis=1)))


def _value_and_grad(params: Params, X: np.ndarray, Y: np.ndarray) -> tuple[float, Params]:
    """∂L/∂z = p − y."""
    delta = (_predict(params, X) - Y) / len(X)
    return _loss(params, X, Y), Params(W=delta.T @ X, b=delta.sum(axis=0))


def _workspace(
    params: Params, batch_size: int, X: np.ndarray, Y: np.ndarray
) -> tuple[np.ndarray, ...]:
    """The rows of one minibatch: (B, D) and (B, C)."""
    classes, features = params.W.shape
    return np.empty((batch_size, features), DTYPE), np.empty((batch_size, classes), DTYPE)


def _sgd_epoch(
    params: Params,
    order: np.ndarray,
    batch_size: int,
    learning_rate: float,
    work: tuple[np.ndarray, ...],
    X: np.ndarray,
    Y: np.ndarray,
) -> float:
    """θ ← θ − η·∂L/∂θ for each minibatch."""
    total = 0.0
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        x = np.take(X, rows, axis=0, out=work[0][: len(rows)], mode="clip")
        y = np.take(Y, rows, axis=0, out=work[1][: len(rows)], mode="clip")
        value, gradient = _value_and_grad(params, x, y)
        for parameter, slope in zip(params, gradient, strict=True):
            parameter -= learning_rate * slope
        total += value * len(rows)
    return total / len(order)
