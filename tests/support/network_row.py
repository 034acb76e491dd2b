"""One operation of a random network: how it is declared, and beside it what it means.

``declare`` is what a user writes; ``meaning`` is the same in autograd's NumPy, by definition, with
loops and slices where a textbook has them. The two share nothing, so that a network made of rows
has a reference (`random_networks`). ``operands`` is a signature, one word an operand:

| word | operand |
|---|---|
| ``td`` | an array with these axes; a letter is one size throughout the row |
| ``.`` | a scalar |
| ``*`` | an array of any rank, 0 to 4, the same shape in every ``*`` |
| ``@`` | the same for vectors and matrices |
| ``n=simplex`` | a leaf with this fact |
| ``n!`` | data, which nothing is differentiated by |
| ``n^`` | a leaf: ``soften`` and ``harden`` change all that is below |
| ``#v``, ``#v:t`` | a class label of v classes, or t of them |
| ``%td`` | a dropout mask |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = Any


@dataclass(frozen=True)
class Domain:
    """Where an operand's entries, or a square matrix, have to be."""

    low: float = -3.0
    high: float = 3.0
    regular: bool = False
    choices: tuple[float, ...] = ()

    def holds(self, a: np.ndarray) -> bool:
        """Whether an array is inside, with some room."""
        if self.regular:
            size = np.linalg.svd(np.atleast_2d(a), compute_uv=False)
            return bool(size[-1] > 0.4 and size[0] < 4)
        if self.choices:
            return bool(np.isin(a, self.choices).all())
        return bool((a >= self.low).all() and (a <= self.high).all())

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """A random array that is inside."""
        if self.choices:
            return rng.choice(self.choices, shape)
        if self.regular:
            eye = np.eye(len(np.empty(shape))).reshape(shape)  # a 1×1 matrix may have one axis
            return rng.uniform(-0.3, 0.3, shape) + 1.5 * eye
        centre, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        size = int(np.prod(shape))
        steps = (rng.permutation(size) + rng.uniform(0.2, 0.8, size)) / size  # no two are close
        return centre + 0.9 * min(half, 1.5) * (2 * steps - 1).reshape(shape)


ANY = Domain()
POSITIVE = Domain(0.25, 3.5)
PROBABILITY = Domain(0.1, 0.9)
REGULAR = Domain(regular=True)
SIGNS = Domain(choices=(-1.0, 1.0))


@dataclass(frozen=True)
class Row:
    """One operation. ``kinks`` of the operands has to stay away from 0.

    ``covers`` are the public names that the row uses; a row of a single function is called by
    its name. ``indexed`` operands are named first, and ``declare`` gives an entry and its indices.
    ``naming`` rows take a suffix for the names that they give.
    """

    name: str
    operands: str
    declare: Callable[..., Any]
    meaning: Callable[..., Array]
    domain: tuple[Domain, ...] = ()
    kinks: Callable[..., Array] | None = None
    covers: tuple[str, ...] = ()
    sizes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    least: Mapping[str, int] = field(default_factory=dict)
    indexed: bool = False
    naming: bool = False

    @property
    def public(self) -> tuple[str, ...]:
        """The public names that this row is a test of."""
        return self.covers or (self.name.split(",")[0],)


def one(x: Array) -> Array:
    """The operand itself: what has a kink where it is 0."""
    return x


def gaps(x: Array) -> Array:
    """What is 0 where two entries tie."""
    x = x.reshape(-1)
    return np.array([a - b for n, a in enumerate(x) for b in x[:n]])
