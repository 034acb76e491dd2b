"""Random arrays that satisfy declared facts, each by the fact's definition."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

Sampler = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def _one_hot(a: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    flat = np.zeros(a.size)
    flat[rng.integers(a.size)] = 1
    return flat.reshape(a.shape)


SAMPLERS: dict[str, Sampler] = {
    "positive": lambda a, rng: np.abs(a),
    "nonnegative": lambda a, rng: np.abs(a) * (rng.random(a.shape) > 0.3),
    "simplex": lambda a, rng: np.abs(a) / np.abs(a).sum(),
    "one-hot": _one_hot,
    "unit norm": lambda a, rng: a / np.sqrt((a * a).sum()),
    "positive definite": lambda a, rng: a @ a.T + np.eye(len(a)),
    "symmetric": lambda a, rng: (a + a.T) / 2,
    "orthogonal": lambda a, rng: np.linalg.qr(a)[0],
    "diagonal": lambda a, rng: a * np.eye(len(a)),
}
"""fact → an array that has it, made of one that need not."""


def satisfying(facts: Collection[str], a: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``a`` made to have each of the facts."""
    for fact, make in SAMPLERS.items():
        if fact in facts:
            a = make(a, rng)
    return a
