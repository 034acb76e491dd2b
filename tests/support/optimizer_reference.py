"""The optimizers as PyTorch's documentation writes them, one step at a time, in NumPy.

Written apart from symgrad.optimizers: loops over named arrays, no symbols.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

State = dict[str, Any]
Step = Callable[[np.ndarray, np.ndarray, State, int, float, float], np.ndarray]


def sgd(w: np.ndarray, g: np.ndarray, s: State, t: int, lr: float, decay: float) -> np.ndarray:
    return w - lr * (g + decay * w)


def momentum(w: np.ndarray, g: np.ndarray, s: State, t: int, lr: float, decay: float) -> np.ndarray:
    g = g + decay * w
    s["buf"] = g if t == 1 else 0.9 * s["buf"] + g
    return w - lr * s["buf"]


def nesterov(w: np.ndarray, g: np.ndarray, s: State, t: int, lr: float, decay: float) -> np.ndarray:
    g = g + decay * w
    s["buf"] = g if t == 1 else 0.9 * s["buf"] + g
    return w - lr * (g + 0.9 * s["buf"])


def adagrad(w: np.ndarray, g: np.ndarray, s: State, t: int, lr: float, decay: float) -> np.ndarray:
    g = g + decay * w
    s["sum"] = s.get("sum", 0.0) + g * g
    return w - lr * g / (np.sqrt(s["sum"]) + 1e-10)


def rmsprop(w: np.ndarray, g: np.ndarray, s: State, t: int, lr: float, decay: float) -> np.ndarray:
    g = g + decay * w
    s["avg"] = 0.99 * s.get("avg", 0.0) + 0.01 * g * g
    return w - lr * g / (np.sqrt(s["avg"]) + 1e-8)


def _moments(w: np.ndarray, g: np.ndarray, s: State, t: int, lr: float) -> np.ndarray:
    s["m"] = 0.9 * s.get("m", 0.0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0.0) + 0.001 * g * g
    first, second = s["m"] / (1 - 0.9**t), s["v"] / (1 - 0.999**t)
    return w - lr * first / (np.sqrt(second) + 1e-8)


def adam(w: np.ndarray, g: np.ndarray, s: State, t: int, lr: float, decay: float) -> np.ndarray:
    return _moments(w, g + decay * w, s, t, lr)


def adamw(w: np.ndarray, g: np.ndarray, s: State, t: int, lr: float, decay: float) -> np.ndarray:
    return _moments(w - lr * decay * w, g, s, t, lr)


REFERENCE: dict[str, Step] = {
    step.__name__: step for step in (sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw)
}


def trained(
    step: Step,
    gradient: Callable[[Sequence[np.ndarray], np.ndarray], Sequence[np.ndarray]],
    start: Sequence[np.ndarray],
    batches: Sequence[np.ndarray],
    lr: float,
    decay: float,
) -> list[np.ndarray]:
    """The parameters after one step for each minibatch."""
    params, states = [np.array(x) for x in start], [State() for _ in start]
    for t, rows in enumerate(batches, 1):
        slopes = gradient(params, rows)
        params = [
            step(w, g, s, t, lr, decay) for w, g, s in zip(params, slopes, states, strict=True)
        ]
    return params
