"""Sizes for the dimensions of graphs: few, different, and large enough for what is counted.

Why it exists: a formula that is right for D ≤ 4 only, or but for the place i = 100, has to be tried
at other sizes. Here are the symbols of dimensions, where they are lengths and where they are
numbers, the places that are meant by their numbers, and sizes that fit: a dimension may be an
expression, H + 1 or the number of places of a window, and each has to be a whole number ≥ 1.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import sympy as sp

from symgrad import graph as g
from symgrad.errors import ShapeError
from symgrad.graph import Dim, Kind, Node

Sizes: TypeAlias = "dict[sp.Symbol, int]"

AS_DECLARED: Mapping[int, int] = {}


def size_of(
    dim: Dim, sizes: Mapping[sp.Symbol, int], instead: Mapping[int, int] = AS_DECLARED
) -> int:
    """A dimension at given sizes; 0 where it is no whole number."""
    if isinstance(dim, int):
        return instead.get(dim, dim)
    if isinstance(dim, sp.Symbol):
        return sizes[dim]
    value = dim.xreplace({s: sp.Integer(sizes[s]) for s in dim.free_symbols})
    return int(value) if value.is_Integer else 0


# --------------------------------------------------------------------------------- dimensions


def dims_of(nodes: Iterable[Node]) -> list[Dim]:
    """Every dimension that occurs in graphs, each once."""
    found: dict[Dim, None] = {}
    for node in g.topological(nodes):
        found.update(dict.fromkeys(node.shape))
        if node.kind is Kind.LEAF and node.leaf.classes is not None:
            found[node.leaf.classes] = None
    return list(found)


def dim_symbols(nodes: Sequence[Node]) -> list[sp.Symbol]:
    """The dimension symbols of graphs: of shapes, weights, constants, conditions and bodies."""
    found: set[sp.Basic] = set()
    for node in g.topological(nodes):
        match node.kind:
            case Kind.SUM:
                exprs: list[object] = list(node.weights)
            case Kind.CONST:
                exprs = [node.value]
            case Kind.INDICATOR:
                exprs = [node.affine.offset]
            case Kind.MAP:
                slots = {g.slot(k) for k in range(len(node.args))}
                found |= node.body.free_symbols - slots
                continue
            case _:
                continue
        for e in exprs:
            found |= e.free_symbols if isinstance(e, sp.Basic) else set()
    for dim in dims_of(nodes):
        found |= dim.free_symbols if isinstance(dim, sp.Basic) else set()
    return sorted((s for s in found if isinstance(s, sp.Symbol)), key=lambda s: s.name)


def counted(nodes: Sequence[Node]) -> list[sp.Symbol]:
    """The dimension symbols that are numbers in formulas: in weights, constants and bodies."""
    found: set[sp.Basic] = set()
    for node in g.topological(nodes):
        match node.kind:
            case Kind.SUM:
                found |= set().union(*(c.free_symbols for c in node.weights))
            case Kind.CONST:
                found |= node.value.free_symbols
            case Kind.MAP:
                found |= node.body.free_symbols - {g.slot(k) for k in range(len(node.args))}
    return sorted((s for s in found if isinstance(s, sp.Symbol)), key=lambda s: s.name)


def work(nodes: Sequence[Node], sizes: Sizes) -> int:
    """How many entries, and terms of entries, graphs have at given sizes."""
    found = 0
    for node in g.topological(nodes):
        dims = {**g.label_dims(node), **dict(enumerate(node.shape))}
        found += math.prod(size_of(n, sizes) for n in dims.values())
    return found


class Places(NamedTuple):
    """Along a dimension, single places are meant: sizes from ``low`` up to ``high`` show them."""

    low: int
    high: int


def places(nodes: Sequence[Node]) -> dict[sp.Symbol, Places]:
    """For each symbol along whose axes single places are meant, sizes up to one beyond them.

    1[i = 100] shows at each larger size, 1[2i = D + 30] at each second, 1[i = 3D − 20] at few.
    """
    found: dict[sp.Symbol, Places] = {}
    for node in g.topological(nodes):
        mixed = False
        if node.kind is Kind.INDICATOR:
            coefficients, offset, _ = node.affine
            numbers, dims = [offset, *coefficients], node.shape
            mixed = bool(sp.sympify(offset).free_symbols)
        elif node.kind is Kind.ONEHOT:
            below = g.topological(node.args)
            numbers = [x.value for x in below if x.kind is Kind.CONST]
            numbers += [c for x in below if x.kind is Kind.SUM for c in x.weights]
            dims = node.shape[-1:]
        else:
            continue
        atoms = [sp.sympify(e).atoms(sp.Integer) for e in numbers]
        largest = max((abs(int(n)) for each in atoms for n in each), default=0)
        factors = [abs(int(n)) for e in numbers for n in _factors(sp.sympify(e), mixed)]
        high = largest + 3 + max(factors, default=0) * mixed
        low = 1 + len(_SIZES) if max(factors, default=1) > 1 else high
        if high <= len(_SIZES):
            continue
        for dim in dims:
            for s in dim.free_symbols if isinstance(dim, sp.Basic) else ():
                if isinstance(s, sp.Symbol):
                    known = found.get(s, Places(low, high))
                    found[s] = Places(min(known.low, low), max(known.high, high))
    return found


def _factors(e: sp.Expr, mixed: bool) -> list[sp.Integer]:
    """What positions and dimensions are multiplied with in a condition."""
    if not mixed:
        return []
    return [e] if e.is_Integer else [c for c in e.as_coefficients_dict().values() if c.is_Integer]


class Shapes:
    """The sizes that the dimension symbols of some graphs may have."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = list(nodes)
        self.symbols = dim_symbols(nodes)
        self.dims = [d for d in dims_of(nodes) if not isinstance(d, int | sp.Symbol)]

    def fits(self, sizes: Sizes) -> bool:
        """Whether every dimension is a whole number ≥ 1."""
        return all(size_of(d, sizes) >= 1 for d in self.dims)

    def smallest(self, most: int = 12) -> Iterator[Sizes]:
        """All sizes that fit, those of the least sum first, a symbol being at most ``most``."""
        count = len(self.symbols)
        for total in range(count, count * most + 1):
            for sizes in _summing_to(total, count, most):
                found = dict(zip(self.symbols, sizes, strict=True))
                if self.fits(found):
                    yield found

    def beyond(self) -> list[Sizes]:
        """Sizes at which every place is seen that is meant by its number; the last is the largest.

        None where no place is.
        """
        wanted = places(self.nodes)
        if not wanted:
            return []
        found = []
        for back in range(max(x.high - x.low for x in wanted.values()), -1, -1):
            sizes = {
                s: max(wanted[s].low, wanted[s].high - back) if s in wanted else 2
                for s in self.symbols
            }
            for _ in range(_STEPS):
                if self.fits(sizes):
                    found += [sizes] * (sizes not in found)
                    break
                sizes = {s: n + (s in wanted) for s, n in sizes.items()}
        return found

    def varied(self) -> list[Sizes]:
        """Four shapes: each symbol has four sizes, and no two symbols always the same.

        Fewer where the dimensions allow fewer; ShapeError where no sizes fit.
        """
        if not self.symbols:
            return [{}]
        found: list[Sizes] = []
        for shape in range(len(_SIZES)):
            for more in range(8):
                sizes = {s: _size(k, shape) + more for k, s in enumerate(self.symbols)}
                if sizes not in found and self.fits(sizes):
                    found.append(sizes)
                    break
        if len(found) < len(_SIZES):
            rest = (s for s in itertools.islice(self.smallest(), 40) if s not in found)
            found += itertools.islice(rest, len(_SIZES) - len(found))
        if not found:
            names = ", ".join(s.name for s in self.symbols)
            raise ShapeError(
                f"no sizes of {names} up to 12 make every dimension a whole number ≥ 1; give the "
                "dimensions as numbers."
            )
        return found


_SIZES = (2, 3, 1, 4)

MOST_WORK = 60_000
"""The entries and terms of a point that is not too large."""

_STEPS = 4
"""Larger sizes that are tried where some do not fit."""


def _size(k: int, shape: int) -> int:
    """The size of the k-th symbol: of four symbols all differ, and the next four turn otherwise."""
    four, place = divmod(k, len(_SIZES))
    return _SIZES[(place + shape * (2 * four + 1)) % len(_SIZES)] + four // 2


def _summing_to(total: int, count: int, most: int) -> Iterator[tuple[int, ...]]:
    """Tuples of whole numbers 1 … most of a given sum."""
    if count == 0:
        if total == 0:
            yield ()
        return
    for first in range(1, min(most, total - count + 1) + 1):
        for rest in _summing_to(total - first, count - 1, most):
            yield (first, *rest)
