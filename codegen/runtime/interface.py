"""The interface between the two parts of a generated training module, and an example of it.

A generated module is one file of two parts. The *generated* part is written for one loss and
defines the names below. The *fixed* part (`copying.FIXED_PART`) uses nothing else of it; `copying`
appends its source, and drops its relative imports, which is how it names what it shares. So the
fixed part runs here too, on the example below: softmax regression, written by hand in the form
that the generator writes.

| name | what it is |
|---|---|
| `NAME` | the module's name, for messages |
| `DTYPE` | the type of parameters and data: `np.float32` or `np.float64` |
| `CHECK_DTYPE` | the type `check_gradients` computes in: `np.float64` where `_loss` and `_value_and_grad` follow the type of their arguments, else `DTYPE` |
| `Params` | a NamedTuple of arrays, one field a parameter |
| `PARAM_SHAPES` | its shapes, in field order; a string is a dimension bound at run time, `()` a scalar |
| `F_ORDER` | the names of the matrices that the steps want column by column, `W.flags.f_contiguous` |
| `DATA` | a `DataSpec` for each data argument, in order |
| `MASKS` | a `MaskSpec` for each dropout mask, in order; only the steps of training use them |
| `INPUTS` | the names of the data that `_predict` takes, in order; empty where nothing is predicted |
| `OPTIMIZERS` | the update rules that `_steps` knows, by name; "sgd" is one |
| `FORMULAS` | what is computed, as text: name → right side, forward, then the gradients |
| `COSTS` | operations by their sorts, as text in the names of the dimensions: what → how many |
| `PROVENANCE` | "symgrad" → the version that wrote the file, "declaration" → what it was made from |
| `_loss(params, *data) -> float` | the mean loss over the rows of the data, without dropout |
| `_value_and_grad(params, *data) -> (float, Params)` | the same, and its gradient in new arrays, scalars as arrays of shape `()` |
| `_predict(params, *inputs) -> array` | predictions, one a row; defined even where `INPUTS` is empty |
| `_trace(params, *data) -> Trace` | what is computed on the way, in NumPy |
| `_residuals(params, *data) -> (array, array)` | residuals r of all rows with loss = Σ r², (M,), and their Jacobian, (M, P), its columns the entries of all parameters in order; only where the loss is a sum of squares |
| `_is_halved(params, batch_size, *data) -> bool` | whether `_steps` computes each minibatch in two halves at a time; `_sgd_steps` never does, and is then not used |
| `_workspace(params, batch_size, *data) -> Any` | the arrays that `_sgd_steps` and `_steps` reuse |
| `_sgd_steps(params, order, batch_size, rates, losses, work, *data, *masks) -> int` | θ ← θ − η·∂L/∂θ for each minibatch, folded into the product that computes the gradient; `rates` holds η of each step |
| `_steps(optimizer, params, theta, state, order, batch_size, coefficients, clip, segments, losses, work, *data, *masks) -> int` | any of `OPTIMIZERS`; see below |

Both run one step for each minibatch of the rows `order` (the last may be smaller), update `params`
in place, and write to `losses` the mean loss of each minibatch, taken just before its own update.
They return how many steps they took: less than all only if the loss of the next one was not finite;
then its update may have been made or not.

`_steps` takes the parameters twice: `theta` is one array (P,) in which the arrays of `params` lie
side by side, in order. `state` is (k, P), one row for each array of the optimizer's state, in the
order of its `state`. Row s of `coefficients` (steps, …) of type `DTYPE` is for step s. A gradient
whose norm, over all that is updated, exceeds `clip` (a float; infinity: never) is scaled down to
it: g·min(1, clip/(‖g‖ + 10⁻⁶)). `segments` (n, 2), int64, are the parts start … stop of `theta`
that are updated; the rest is frozen.

`_workspace` is called again where `batch_size` changes. The data of later calls may have another
number of rows: a large file comes in pieces.

`_workspace`, `_sgd_steps` and `_steps` get the parameters of `F_ORDER` column by column, and all
others, as all functions get all, row by row.

The fixed part calls these with checked arguments only: contiguous, aligned, writeable arrays of
`DTYPE` (labels and `order`: int64; `losses`: float64; `rates`: `DTYPE`), scalar parameters as
arrays of shape `()`, at least one row, consistent sizes, 1 ≤ `batch_size`. Data arguments are
positional and come last; `*data` above stands for named arguments in the order of `DATA`. `order`
indexes the rows of the data; row i of a mask belongs to `order[i]`. A dimension must not have the
name of an option of `fit`, nor anything else that is generated one of `copying.reserved_names()`.
"""  # noqa: E501 (a table row is one line)

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .records import DataSpec, MaskSpec, Optimizer, Trace

NAME = "softmax_regression"
DTYPE = np.float32
CHECK_DTYPE = np.float64


class Params(NamedTuple):
    """The parameters: W (C×D), b (C)."""

    W: np.ndarray
    b: np.ndarray


PARAM_SHAPES: dict[str, tuple[int | str, ...]] = {"W": ("C", "D"), "b": ("C",)}
F_ORDER: tuple[str, ...] = ()
DATA: tuple[DataSpec, ...] = (DataSpec("X", ("D",)), DataSpec("Y", ("C",), simplex=True))
MASKS: tuple[MaskSpec, ...] = (MaskSpec("m", ("D",), 0.0),)
INPUTS: tuple[str, ...] = ("X",)
FORMULAS: dict[str, str] = {
    "z": "W·(x ⊙ m) + b",
    "p": "softmax(z)",
    "L": "−yᵀ log(p)",
    "∂L/∂W": "(p − y)·xᵀ",
    "∂L/∂b": "p − y",
}
COSTS: dict[str, str] = {"forward": "C·D multiply-adds", "backward": "C·D multiply-adds"}
PROVENANCE: dict[str, str] = {"symgrad": "0", "declaration": "written by hand"}


def _sgd_coefficients(
    learning_rate: np.ndarray, t: np.ndarray, weight_decay: float = 0.0
) -> np.ndarray:
    return np.stack([learning_rate, 0 * t + weight_decay], axis=-1)


def _adam_coefficients(
    learning_rate: np.ndarray,
    t: np.ndarray,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> np.ndarray:
    rate, root = learning_rate / (1 - beta1**t), np.sqrt(1 - beta2**t)
    return np.stack(np.broadcast_arrays(beta1, beta2, epsilon, weight_decay, rate, root), axis=-1)


def _sgd(theta: np.ndarray, g: np.ndarray, state: np.ndarray, c: np.ndarray) -> None:
    """θ ← θ − η·(g + λ·θ)."""
    theta -= c[0] * (g + c[1] * theta)


def _adam(theta: np.ndarray, g: np.ndarray, state: np.ndarray, c: np.ndarray) -> None:
    """m ← β₁·m + (1 − β₁)·g, v ← β₂·v + (1 − β₂)·g², θ ← θ − η·m̂/(√v̂ + ε)."""
    (m, v), g = state, g + c[3] * theta
    m[:] = c[0] * m + (1 - c[0]) * g
    v[:] = c[1] * v + (1 - c[1]) * g * g
    theta -= c[4] * m / (np.sqrt(v) / c[5] + c[2])


_UPDATES: dict[str, Callable[..., None]] = {"sgd": _sgd, "adam": _adam}
OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": Optimizer("θ − η·(g + λ·θ)", {}, {"weight_decay": 0.0}, _sgd_coefficients),
    "adam": Optimizer(
        "θ − η·m̂/(√v̂ + ε)",
        {"m": 0.0, "v": 0.0},
        {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0},
        _adam_coefficients,
    ),
}


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


def _gradients(params: Params, X: np.ndarray, Y: np.ndarray, m: np.ndarray) -> tuple[float, Params]:
    """∂L/∂z = p − y, for the rows of X that the mask m has left of it."""
    x = X * m
    delta = (_predict(params, x) - Y) / len(X)
    return _loss(params, x, Y), Params(W=delta.T @ x, b=delta.sum(axis=0))


def _value_and_grad(params: Params, X: np.ndarray, Y: np.ndarray) -> tuple[float, Params]:
    """The same, nothing dropped."""
    return _gradients(params, X, Y, np.ones_like(X))


def _trace(params: Params, X: np.ndarray, Y: np.ndarray) -> Trace:
    """z, p and L; a softmax is no layer of units that could saturate one by one."""
    values = {"z": X @ params.W.T + params.b, "p": _predict(params, X)}
    value, gradient = _value_and_grad(params, X, Y)
    return Trace({**values, "L": np.asarray(value)}, gradient._asdict(), {}, {})


def _residuals(params: Params, X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Never called: a cross-entropy is no sum of squares, and its file has no such function."""
    return np.empty(0), np.empty((0, 0))


def _is_halved(params: Params, batch_size: int, X: np.ndarray, Y: np.ndarray) -> bool:
    """A minibatch is not computed in halves."""
    return False


def _workspace(
    params: Params, batch_size: int, X: np.ndarray, Y: np.ndarray
) -> tuple[np.ndarray, ...]:
    """The rows of one minibatch: (B, D) and (B, C)."""
    classes, features = params.W.shape
    return np.empty((batch_size, features), DTYPE), np.empty((batch_size, classes), DTYPE)


def _sgd_steps(
    params: Params,
    order: np.ndarray,
    batch_size: int,
    rates: np.ndarray,
    losses: np.ndarray,
    work: tuple[np.ndarray, ...],
    X: np.ndarray,
    Y: np.ndarray,
    m: np.ndarray,
) -> int:
    """θ ← θ − η·∂L/∂θ for each minibatch."""
    for step, start in enumerate(range(0, len(order), batch_size)):
        rows = order[start : start + batch_size]
        x = np.take(X, rows, axis=0, out=work[0][: len(rows)], mode="clip")
        y = np.take(Y, rows, axis=0, out=work[1][: len(rows)], mode="clip")
        value, gradient = _gradients(params, x, y, m[start : start + batch_size])
        losses[step] = value
        if not np.isfinite(value):
            return step
        for parameter, slope in zip(params, gradient, strict=True):
            parameter -= rates[step] * slope
    return len(losses)


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
    work: tuple[np.ndarray, ...],
    X: np.ndarray,
    Y: np.ndarray,
    m: np.ndarray,
) -> int:
    """The gradient of each minibatch in one array, then the update of each segment."""
    update = _UPDATES[optimizer]
    for step, start in enumerate(range(0, len(order), batch_size)):
        rows = order[start : start + batch_size]
        value, gradient = _gradients(params, X[rows], Y[rows], m[start : start + batch_size])
        losses[step] = value
        if not np.isfinite(value):
            return step
        g = np.concatenate([np.ravel(slope) for slope in gradient])
        if clip < np.inf:
            squares = sum(np.sum(np.square(g[i:j], dtype=float)) for i, j in segments)
            g *= DTYPE(min(1.0, clip / (np.sqrt(squares) + 1e-6)))
        for i, j in segments:
            update(theta[i:j], g[i:j], state[:, i:j], coefficients[step])
    return len(losses)
