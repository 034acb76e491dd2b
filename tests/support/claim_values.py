"""What a claim is worth: its syntax tree in NumPy, on columns and matrices of distinct sizes.

Written apart from symgrad, so that it can judge it. A tree whose shapes do not fit has no value.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from claim_trees import FUNCTIONS, RELATIONS, Unfit, Unknown, places

import symgrad.language.syntax as s


@dataclass
class Point:
    """Values by name: scalars, and columns and matrices, whose shapes are never those of another
    value by accident."""

    values: Mapping[str, Any]

    def of(self, tree: s.Expr, indices: tuple[str, ...] = (), shape: tuple[int, ...] = ()) -> Any:
        """The value of a tree; with free indices, the array of all entries."""
        with np.errstate(all="ignore"):
            if not indices:
                return self._of(tree, {})
            found = np.empty(shape)
            for at in np.ndindex(*shape):
                entry = self._of(tree, dict(zip(indices, at, strict=True)))
                if np.ndim(entry):
                    raise Unfit("an array for an entry")
                found[at] = entry
            return found

    def _of(self, tree: Any, at: Mapping[str, int]) -> Any:
        return getattr(self, f"_{type(tree).__name__.lower()}")(tree, at)

    def _number(self, x: s.Number, at: Mapping[str, int]) -> Any:
        return float(x.text)

    def _name(self, x: s.Name, at: Mapping[str, int]) -> Any:
        if x.name in at:
            return at[x.name]
        if x.name not in self.values:
            raise Unfit(x.name)
        return self.values[x.name]

    def _terms(self, x: s.Terms, at: Mapping[str, int]) -> Any:
        parts = [sign * self._of(term, at) for sign, term in x.terms]
        return _fitting(parts, lambda a, b: a + b)

    def _chain(self, x: s.Chain, at: Mapping[str, int]) -> Any:
        factors: list[tuple[str, Any]] = []
        links = list(x.links)
        while links:
            link = links.pop(0)
            applied = isinstance(link.item, s.Name) and link.item.name in FUNCTIONS
            if applied and link.item.name not in self.values:
                argument = links.pop(0).item
                value = FUNCTIONS[link.item.name](self._of(argument, at))
            else:
                value = self._of(link.item, at)
            factors.append((link.operator, link.sign * value))
        try:
            return _loose(factors)
        except Unfit:
            return _product(factors)

    def _item(self, x: s.Item, at: Mapping[str, int]) -> Any:
        value = self._of(x.base, at)
        for suffix in x.suffixes:
            if isinstance(suffix, s.Transposition):
                value = value.T if np.ndim(value) else value
            elif isinstance(suffix, s.Power):
                exponent = self._of(suffix.exponent, at)
                if np.ndim(value) and not suffix.elementwise:
                    raise Unknown("a power of an array")
                value = value**exponent
                if np.iscomplexobj(value):
                    raise Unknown("a root of a negative number")
            else:
                where = [self._of(p, at) for p in suffix.positions]
                if np.ndim(value) == 2 and len(where) == 1 and 1 in value.shape:
                    value = value.reshape(-1)
                if np.ndim(value) != len(where) or any(not isinstance(p, int) for p in where):
                    raise Unfit("positions")
                if any(p >= n for p, n in zip(where, value.shape, strict=True)):
                    raise Unfit("an index out of range")
                value = value[tuple(where)]
        return value

    def _arguments(self, x: s.Arguments, at: Mapping[str, int]) -> Any:
        return self._of(x.positional[0], at)

    def _norm(self, x: s.Norm, at: Mapping[str, int]) -> Any:
        value = self._of(x.body, at)
        return np.abs(value) if x.bar == "|" else np.sqrt((np.asarray(value) ** 2).sum())

    def _relation(self, x: s.Relation, at: Mapping[str, int]) -> Any:
        sides = [self._of(x.left, at), self._of(x.right, at)]
        return _fitting(sides, lambda a, b: RELATIONS[x.operator](a, b) * 1.0)

    def _indicator(self, x: s.Indicator, at: Mapping[str, int]) -> Any:
        return _fitting([self._of(c, at) for c in x.conditions], lambda a, b: a * b)

    def _bigsum(self, x: s.BigSum, at: Mapping[str, int]) -> Any:
        if x.upper is not None or not all(isinstance(r, s.Name) for r in x.ranges):
            raise Unknown("ranges")
        letters = [letter for r in x.ranges for letter in r.name]
        extents = [range(self._extent(x.body, letter)) for letter in letters]
        total: Any = 0.0
        for where in itertools.product(*extents):
            inner = {**at, **dict(zip(letters, where, strict=True))}
            total = _fitting([total, x.sign * self._of(x.body, inner)], lambda a, b: a + b)
        return total

    def _extent(self, body: s.Expr, letter: str) -> int:
        for node, _ in places(body):
            if isinstance(node, s.Item) and isinstance(node.suffixes[0], s.Positions):
                value = self._of(node.base, {})
                shape = value.shape
                if len(node.suffixes[0].positions) == 1 and 1 in shape:
                    shape = (value.size,)
                for k, p in enumerate(node.suffixes[0].positions):
                    if isinstance(p, s.Name) and p.name == letter and k < len(shape):
                        return int(shape[k])
        raise Unfit(letter)


def _fitting(parts: list[Any], operation: Callable[[Any, Any], Any]) -> Any:
    found = parts[0]
    for part in parts[1:]:
        if np.ndim(found) and np.ndim(part) and np.shape(found) != np.shape(part):
            raise Unfit(f"{np.shape(found)} and {np.shape(part)}")
        found = operation(found, part)
    return found


def _loose(factors: list[tuple[str, Any]]) -> Any:
    """⊙ binds less than the matrix product."""
    groups: list[list[tuple[str, Any]]] = [[]]
    for operator, value in factors:
        if operator in ("⊙", ".*"):
            groups.append([("", value)])
        else:
            groups[-1].append((operator, value))
    return _fitting([_product(x) for x in groups], lambda a, b: a * b)


def _product(factors: list[tuple[str, Any]]) -> Any:
    found = factors[0][1]
    for operator, value in factors[1:]:
        if operator in ("⊙", ".*"):
            found = _fitting([found, value], lambda a, b: a * b)
        elif operator == "/":
            if np.ndim(value):
                raise Unknown("a quotient of arrays")
            found = found / value
        elif not np.ndim(found) or not np.ndim(value):
            found = found * value
        else:
            if operator == "·" and found.shape == value.shape and value.shape[1] == 1:
                found = found.T  # the dot product of two columns
            if found.shape[1] != value.shape[0]:
                raise Unfit(f"{found.shape} and {value.shape}")
            found = found @ value
            found = float(found[0, 0]) if found.shape == (1, 1) else found
    return found
