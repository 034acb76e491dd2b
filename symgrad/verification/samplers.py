"""Exact values for a leaf: from any rational array, one that has the declared facts.

Why it exists: a claim that is right because Σy = 1 has to be tried where Σy = 1, exactly, and a
witness has to be a point that the declaration allows. So one table, a row a fact, turns a *free*
array of rationals into one with the fact: random free arrays give random points, arrays of small
whole numbers give the small examples that a witness is made of, and a free array may be changed
in one entry at will.

Each row keeps what the rows before it have made. Together the values are dense in what the facts
allow: a random orthogonal matrix may have determinant −1.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import sympy as sp

from symgrad.facts import FACTS
from symgrad.graph import Node

Array: TypeAlias = Any
"""An array of `Fraction`, of which NumPy's types know nothing."""

Fitting = Callable[[Array, Set[str]], Array]
"""The free values along the axes of a fact, and all facts of the leaf → values with the fact."""

_ZERO, _ONE = Fraction(0), Fraction(1)


def _entrywise(function: Callable[[Fraction], Fraction]) -> Fitting:
    return lambda a, facts: np.frompyfunc(function, 1, 1)(a)


def _eye(n: int) -> Array:
    result = np.full((n, n), _ZERO, dtype=object)
    np.fill_diagonal(result, _ONE)
    return result


def _simplex(a: Array, facts: Set[str]) -> Array:
    size = np.abs(a)
    total = size.sum()
    return size / total if total else _unit(len(a), 0)


def _unit(n: int, k: int) -> Array:
    return _eye(n)[k]


def _one_hot(a: Array, facts: Set[str]) -> Array:
    return _unit(len(a), max(range(len(a)), key=lambda k: a[k]))


def _unit_norm(a: Array, facts: Set[str]) -> Array:
    """The first unit vector, mirrored at the line through a: a rational point of the sphere."""
    if "simplex" in facts or "one-hot" in facts:
        return _one_hot(a, facts)
    square = a.dot(a)
    if not square:
        return _unit(len(a), 0)
    if square == 2 * a[0] ** 2:  # the first entry would be 0, and some are to be positive
        return _unit_norm(np.concatenate([2 * a[:1], a[1:]]), facts)
    result = a * (2 * a[0] / square) - _unit(len(a), 0)
    if "nonnegative" in facts or "positive" in facts:
        return np.abs(result)
    return -result if a[-1] < 0 else result


def _symmetric(a: Array, facts: Set[str]) -> Array:
    result, below = a.copy(), np.tril_indices(len(a), -1)
    result[below] = a.T[below]
    return result


def _definite(a: Array, facts: Set[str]) -> Array:
    """Symmetric, with a diagonal that dominates its rows."""
    a = _symmetric(a, facts)
    if "diagonal" in facts:
        a = _diagonal(a, facts)
    for k, row in enumerate(a):
        rest = np.abs(row).sum() - abs(row[k])
        row[k] = rest + (abs(row[k]) or _ONE)
    return a


def _diagonal(a: Array, facts: Set[str]) -> Array:
    return a * _eye(len(a))


def _orthogonal(a: Array, facts: Set[str]) -> Array:
    """By Cayley's formula (I − S)(I + S)⁻¹ of a skew S; a reflection where a₀₀ < 0."""
    n = len(a)
    if "positive definite" in facts or "nonnegative" in facts:
        return _eye(n)
    if "diagonal" in facts:
        return np.frompyfunc(lambda x: _ONE if x >= 0 else -_ONE, 1, 1)(np.diagonal(a)) * _eye(n)
    if "symmetric" in facts:
        v = a[0]
        square = v.dot(v)
        mirror = _eye(n) - np.outer(v, v) * (2 / square) if square else _eye(n)
        return -mirror if a[-1, -1] < 0 else mirror
    skew = (a - a.T) / 2
    result: Array = (_eye(n) - skew).dot(inverse(_eye(n) + skew))
    if a[0, 0] < 0:
        result[0] = -result[0]
    return result


def inverse(a: Array) -> Array:
    """The inverse of an invertible matrix of rationals, by elimination."""
    n = len(a)
    rows = np.hstack([a, _eye(n)])
    for k in range(n):
        pivot = next(r for r in range(k, n) if rows[r, k])
        rows[[k, pivot]] = rows[[pivot, k]]
        rows[k] = rows[k] / rows[k, k]
        for r in range(n):
            if r != k and rows[r, k]:
                rows[r] = rows[r] - rows[k] * rows[r, k]
    return rows[:, n:]


FITTINGS: dict[str, Fitting] = {
    "nonnegative": _entrywise(abs),
    "positive": _entrywise(lambda x: abs(x) or _ONE),
    "mask": _entrywise(lambda x: _ONE if x > 0 else _ZERO),
    "simplex": _simplex,
    "one-hot": _one_hot,
    "unit norm": _unit_norm,
    "symmetric": _symmetric,
    "diagonal": _diagonal,
    "positive definite": _definite,
    "orthogonal": _orthogonal,
}
"""fact → how free values get it, in the order in which they are applied. A label has classes."""

assert {*FITTINGS, "label"} == set(FACTS)


def fitted(leaf: Node, free: Array) -> Array:
    """Values for ``leaf`` made of a free array of `Fraction` of the same shape."""
    data = leaf.leaf
    names = {fact.name for fact in data.facts}
    if not names:
        return np.asarray(-np.abs(free), dtype=object) if _is_negative(data.symbol) else free
    values = free.copy()
    for name, fitting in FITTINGS.items():
        for fact in data.facts:
            if fact.name == name:
                values = _along(fitting, values, fact.axes, names)
    return values


def _is_negative(symbol: sp.Basic) -> bool:
    return isinstance(symbol, sp.Symbol) and bool(symbol.is_nonpositive)


def _along(fitting: Fitting, values: Array, axes: tuple[int, ...], names: Set[str]) -> Array:
    """``fitting`` applied to each slice that has the axes of a fact."""
    if not axes:
        return np.asarray(fitting(values, names), dtype=object)
    last = tuple(range(values.ndim - len(axes), values.ndim))
    moved = np.moveaxis(values, axes, last).copy()
    for at in np.ndindex(*moved.shape[: -len(axes)]):
        moved[at] = fitting(moved[at], names)
    return np.moveaxis(moved, last, axes)


def as_labels(free: Array, classes: int) -> Array:
    """Classes 0 … n − 1: whole numbers as they are, others by their digits."""

    def one(x: Fraction) -> Fraction:
        k = x.numerator if x.denominator == 1 else abs(x.numerator) * 2**30 // x.denominator
        return Fraction(k % classes)

    return np.asarray(np.frompyfunc(one, 1, 1)(free), dtype=object)
