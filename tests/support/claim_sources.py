"""The losses of the corpus of claims, with numbers for everything that has a name in them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from claim_models import MODELS
from claim_values import Point
from interpreter import interpret
from lecture_networks import SYSTEMS
from networks import NETWORKS
from oracle import Net, point

import symgrad as sg
from symgrad import graph as g
from symgrad.lift import lift
from symgrad.verification.names import Truth


class Slope(NamedTuple):
    """An activation of the forward pass: names of value and argument, and its derivative there."""

    value: str
    argument: str
    derivative: Any


WIDTHS = (0.6, 1.0, 1.4, 2.0, 3.0)
"""Of the intervals that further values of leaves are drawn from."""


@dataclass
class Source:
    """A loss with numbers for everything that has a name in it."""

    title: str
    truth: Truth
    wrt: Sequence[Any]
    net: Net
    seeds: tuple[int, int] = (0, 1)
    known: dict[Any, Any] = field(default_factory=dict)

    @cached_property
    def points(self) -> list[Point]:
        """Values of leaves, named values and adjoints, at two points."""
        return [self.point_at(self.drawn(seed)) for seed in self.seeds]

    def further(self, k: int) -> tuple[Point, dict[str, Any]]:
        """More points, for claims that agree at the first by accident of a sign."""
        key = ("further", k)
        if key not in self.known:
            width = WIDTHS[k % len(WIDTHS)]
            env = self.drawn(k + 2, -width, width)
            self.known[key] = (self.point_at(env), env)
        return self.known[key]  # type: ignore[no-any-return]

    def drawn(self, seed: int, low: float = -0.9, high: float = 1.4) -> dict[str, Any]:
        """Values of the leaves."""
        return point(list(self.truth.leaves.values()), self.net, seed, low, high)

    @cached_property
    def with_facts(self) -> list[tuple[Point, dict[str, Any]]]:
        """Points at which one leaf is symmetric, sums to one, or has the norm one."""
        found = []
        for leaf in self.truth.leaves:
            for made in FITTED:
                env = self.drawn(self.seeds[0])
                new = made(env[leaf])
                if new is not None:
                    env[leaf] = new
                    found.append((self.point_at(env), env))
        return found

    def point_at(self, env: Mapping[str, Any]) -> Point:
        """All values by name, of some values of the leaves."""
        named: dict[str, Any] = {**self.truth.leaves, **self.truth.forward}
        roots = {key: lift(x) for key, x in named.items()}
        for adjoint in self.truth.adjoints:
            target = self.truth.target(adjoint)
            assert target is not None
            roots[adjoint] = target.node
        values: dict[str, Any] = {str(n): self.net.size(n) for n in self.truth.dims.values()}
        for key, node in roots.items():
            (value,) = interpret([node], self.net, env)
            values[key] = column(value)
            if node.kind is g.Kind.LEAF and node.leaf.classes is not None:
                at = int(values[key])
                values[key] = at
                values[f"1_{key}"] = np.eye(self.net.size(node.leaf.classes))[:, [at]]
        return Point(values)

    def true(self, target: Any, k: int) -> Any:
        """The true value at a point."""
        (value,) = interpret([target.node], self.net, self.drawn(self.seeds[k]))
        return column(value)

    @cached_property
    def slopes(self) -> list[Slope]:
        """Pairs of values, one an activation of the other, by their numbers alone."""
        found = []
        values = self.points[0].values
        for v, u in itertools.permutations(self.truth.forward, 2):
            a, b = values[v], values[u]
            if np.shape(a) != np.shape(b):
                continue
            for f, slope in ACTIVATIONS:
                if np.allclose(f(b), a):
                    found.append(Slope(v, u, slope))
        return found


def column(value: np.ndarray) -> Any:
    """A value of the graph as NumPy has it on paper: a vector is a column."""
    value = np.asarray(value, dtype=float)
    if value.ndim == 0:
        return float(value)
    return value[:, None] if value.ndim == 1 else value


def _fitted(fits: Callable[[Any], bool], make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: make(x) if isinstance(x, np.ndarray) and fits(np.shape(x)) else None


FITTED = (
    _fitted(lambda n: len(n) == 2 and n[0] == n[1], lambda a: a + a.T),
    _fitted(lambda n: len(n) == 1 or n[-1] == 1, lambda a: a / a.sum()),
    _fitted(lambda n: len(n) == 1 or n[-1] == 1, lambda a: a / np.linalg.norm(a)),
)
"""Facts that people take for granted: an array → one that has the fact."""


def _sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


ACTIVATIONS: tuple[tuple[Callable[[Any], Any], Callable[[Any], Any]], ...] = (
    (_sigmoid, lambda z: _sigmoid(z) * (1 - _sigmoid(z))),
    (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    (lambda z: np.maximum(z, 0), lambda z: np.asarray(z > 0, dtype=float)),
    (lambda z: np.logaddexp(z, 0), _sigmoid),
    (lambda z: np.where(np.asarray(z) > 0, z, np.exp(z) - 1),
     lambda z: np.where(np.asarray(z) > 0, 1, np.exp(z))),
    (lambda z: z * _sigmoid(z), lambda z: _sigmoid(z) + z * _sigmoid(z) * (1 - _sigmoid(z))),
    (np.sin, np.cos),
    (lambda z: np.asarray(z) ** 2, lambda z: 2 * np.asarray(z)),
    (lambda z: np.asarray(z) ** 3, lambda z: 3 * np.asarray(z) ** 2),
)  # fmt: skip
"""Functions and their derivatives, in NumPy."""


def of_network(title: str, make: Callable[[], Any]) -> Source:
    made = make()
    truth = Truth(made.loss, made.wrt)
    return Source(title, truth, made.wrt, made.net)


def of_text(title: str, model: str) -> Source:
    made = sg.parse(model)
    truth = Truth(made)
    dims = {n: k for n, k in zip(truth.dims.values(), (3, 4, 2, 5, 6), strict=False)}
    return Source(title, truth, list(made.params), Net(dims=dims))


SOURCES: dict[str, Callable[[], Source]] = {
    **{
        key: (lambda key=key, make=make: of_network(key, make))
        for key, make in {**SYSTEMS, **NETWORKS}.items()
        if key not in ("unnamed classifier", "attention")
    },
    **{key: (lambda key=key, model=model: of_text(key, model)) for key, model in MODELS.items()},
}  # fmt: skip
"""Losses by name. (The unnamed classifier has no names to make mistakes
with, and the sums over four indices of attention take this corpus minutes.)"""
