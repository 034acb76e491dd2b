"""Exact values with facts: each fact by its definition, alone and with others."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy import MatrixSymbol

import symgrad as sg
from symgrad.errors import DeclarationError
from symgrad.facts import FACTS
from symgrad.graph import Node
from symgrad.lift import lift
from symgrad.verification.samplers import FITTINGS, as_labels, fitted, inverse

N = sp.Symbol("N", integer=True, positive=True)


def _eye(n: int) -> np.ndarray:
    return np.array([[Fraction(int(i == j)) for j in range(n)] for i in range(n)], dtype=object)


def _minors(a: np.ndarray) -> list[Fraction]:
    def det(m: np.ndarray) -> Fraction:
        if not len(m):
            return Fraction(1)
        rest = [np.delete(m[1:], k, axis=1) for k in range(len(m))]
        return sum((-1) ** k * m[0, k] * det(r) for k, r in enumerate(rest))

    return [det(a[:k, :k]) for k in range(1, len(a) + 1)]


HOLDS: dict[str, Callable[[np.ndarray], bool]] = {
    "nonnegative": lambda a: bool((a >= 0).all()),
    "positive": lambda a: bool((a > 0).all()),
    "mask": lambda a: set(a.flat) <= {0, 1},
    "simplex": lambda a: bool((a >= 0).all()) and a.sum() == 1,
    "one-hot": lambda a: sorted(a) == [0] * (len(a) - 1) + [1],
    "unit norm": lambda a: a.dot(a) == 1,
    "symmetric": lambda a: bool((a == a.T).all()),
    "diagonal": lambda a: bool((a == a * _eye(len(a))).all()),
    "positive definite": lambda a: bool((a == a.T).all()) and all(m > 0 for m in _minors(a)),
    "orthogonal": lambda a: bool((a.T.dot(a) == _eye(len(a))).all()),
}


def leaf_with(*facts: str) -> Node:
    square = any(FACTS[f].about == 2 for f in facts)
    return lift(sg.assume(MatrixSymbol("a", N, N if square else 1), *facts))


def free_array(leaf: Node, n: int, random: Random, whole: bool) -> np.ndarray:
    result = np.empty((n,) * leaf.rank, dtype=object)
    for at in np.ndindex(*result.shape):
        small = Fraction(random.choice((0, 0, 1, 1, 2, -1, 3)))
        result[at] = small if whole else Fraction(random.randrange(-(2**20), 2**20), 2**19)
    return result


def together() -> list[tuple[str, ...]]:
    """Each fact, and each pair that may be declared."""
    names = [x for x in FITTINGS if x != "mask"]
    found: list[tuple[str, ...]] = [(x,) for x in names]
    for pair in itertools.combinations(names, 2):
        try:
            leaf_with(*pair)
        except DeclarationError:
            continue
        found.append(pair)
    return found


@pytest.mark.parametrize("facts", together(), ids="+".join)
@pytest.mark.parametrize("whole", [True, False])
def test_values_have_their_facts(facts: tuple[str, ...], whole: bool) -> None:
    leaf, random = leaf_with(*facts), Random(1)
    for n, _ in itertools.product((1, 2, 3), range(8)):
        values = fitted(leaf, free_array(leaf, n, random, whole))
        assert values.shape == (n,) * leaf.rank
        assert all(isinstance(x, Fraction) for x in values.flat)
        for fact in facts:
            assert HOLDS[fact](values), (fact, values)


@pytest.mark.parametrize("facts", [("orthogonal",), ("unit norm",), ("orthogonal", "diagonal")])
def test_both_signs_occur(facts: tuple[str, ...]) -> None:
    leaf, random = leaf_with(*facts), Random(2)
    first = {fitted(leaf, free_array(leaf, n, random, False)).flat[0] > 0 for n in [1, 2] * 12}
    assert first == {True, False}


def test_a_fact_of_every_example() -> None:
    y = sg.simplex("y", 3)
    risk = sg.empirical_risk(sg.dot(y, MatrixSymbol("w", 3, 1)), [y])
    (leaf,) = (x for x in sg.graph.leaves([lift(risk)]) if x.leaf.origin is not None)
    values = fitted(leaf, free_array_of((4, 3)))
    assert (values.sum(axis=1) == 1).all()


def free_array_of(shape: tuple[int, ...]) -> np.ndarray:
    result = np.empty(shape, dtype=object)
    for k, at in enumerate(np.ndindex(*shape)):
        result[at] = Fraction(k + 1, 7)
    return result


def test_a_negative_scalar() -> None:
    leaf = lift(sp.Symbol("t", negative=True))
    assert fitted(leaf, free_array_of(())) == np.asarray(Fraction(-1, 7), dtype=object)


def test_labels() -> None:
    whole = as_labels(np.array([Fraction(k) for k in range(4)], dtype=object), 3)
    assert list(whole) == [0, 1, 2, 0]
    random = Random(3)
    drawn = [Fraction(random.randrange(-(2**112), 2**112), 2**111) for _ in range(60)]
    assert set(as_labels(np.array(drawn, dtype=object), 3)) == {0, 1, 2}


def test_inverse() -> None:
    a: Any = np.array([[Fraction(x) for x in row] for row in ((0, 2, 1), (1, 1, 0), (3, 0, 1))])
    assert (a.dot(inverse(a)) == _eye(3)).all()
