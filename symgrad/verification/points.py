"""Points: sizes for the dimensions and exact values for the leaves.

Why it exists: two formulas are compared at points, and which points decides what an agreement or
a difference is worth.

- **Random points** are for agreement. Each entry is one of 2¹¹² rationals, so the chance of an
  accident can be stated; the symbolic dimensions take other sizes from point to point, and no two
  of them always the same, so no formula is right by a coincidence of shapes. A leaf keeps to its
  facts, and where only part of the line is the domain of a formula, as of a logarithm, some
  points have every leaf positive, or within (0, 1).
- **Small points** are for witnesses: the least dimensions, small whole numbers. A `Free` array
  stands behind every leaf, so that a witness can be made smaller an entry at a time and still
  satisfies what was declared.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random
from typing import TypeAlias

import numpy as np
import sympy as sp

from symgrad import graph as g
from symgrad.graph import Dim, Node
from symgrad.verification.samplers import as_labels, fitted
from symgrad.verification.sizes import AS_DECLARED, MOST_WORK, Shapes, Sizes, size_of, work

Free: TypeAlias = "dict[str, np.ndarray]"
"""For each leaf an array of rationals that its facts do not bind: `point_of` makes them hold."""

Wanted: TypeAlias = "Callable[[Fraction], bool]"
"""Which entries are wanted."""

CHOICES = 112
"""An entry of a random point is drawn from 2 to this power."""


@dataclass(frozen=True)
class Point:
    """One place at which graphs are evaluated: a size for each dimension symbol, and arrays.

    ``values`` has an object array of `fractions.Fraction` for each leaf, by name, of the leaf's
    graph shape (a vector has rank 1, a scalar rank 0). ``repeats`` has the dimensions whose last
    place stands for so many places that are all alike (`literal.lumped`), ``instead`` the
    numbers that another is taken for as a dimension (`literal.instead`). ``counting`` has what a
    dimension symbol is as a number in a formula, where that is not its size.
    """

    sizes: Mapping[sp.Symbol, int]
    values: Mapping[str, np.ndarray]
    repeats: Mapping[sp.Symbol, int] = field(default_factory=dict)
    instead: Mapping[int, int] = field(default_factory=dict)
    counting: Mapping[sp.Symbol, int] = field(default_factory=dict)

    @property
    def numbers(self) -> Mapping[sp.Symbol, int]:
        """The number that each dimension symbol is in a formula."""
        return self.counting or self.sizes

    def size(self, dim: Dim) -> int:
        """The number that a dimension is here; H + 1 where H has a size."""
        return size_of(dim, self.sizes, self.instead)


def leaves_of(nodes: Iterable[Node]) -> list[Node]:
    """The leaves of graphs, one a name: of two, the one that more is known of."""
    found: dict[str, Node] = {}
    for leaf in g.leaves(nodes):
        known = found.get(leaf.name)
        if known is None or len(leaf.leaf.facts) > len(known.leaf.facts):
            found[leaf.name] = leaf
    return list(found.values())


def shape_at(leaf: Node, sizes: Sizes, instead: Mapping[int, int] = AS_DECLARED) -> tuple[int, ...]:
    """A leaf's shape in numbers."""
    return tuple(size_of(n, sizes, instead) for n in leaf.shape)


def point_of(
    leaves: Iterable[Node], sizes: Sizes, free: Free, instead: Mapping[int, int] = AS_DECLARED
) -> Point:
    """The point that free values stand for: every leaf satisfies its facts."""
    values: dict[str, np.ndarray] = {}
    for leaf in leaves:
        classes = leaf.leaf.classes
        values[leaf.name] = (
            fitted(leaf, free[leaf.name])
            if classes is None
            else as_labels(free[leaf.name], size_of(classes, sizes, instead))
        )
    return Point(sizes, values, instead=instead)


def filled(shape: tuple[int, ...], entries: Iterable[Fraction]) -> np.ndarray:
    """An array of the next entries."""
    result = np.empty(shape, dtype=object)
    for at in np.ndindex(*shape):
        result[at] = next(entries)  # type: ignore[call-overload]
    return result


RANGES: tuple[tuple[int, int], ...] = ((-2, 2), (0, 2), (0, 1), (-1, 1), (1, 3), (-6, 6), (-2, 0))
"""Where the entries of a leaf are drawn from: the domain of a formula may be part of the line."""


class RandomPoints:
    """Random points of some graphs, without end; the shape changes from each to the next.

    Of a formula that is defined everywhere, all are in [−2, 2]; ``anywhere`` says to draw from
    the other `RANGES` too, for a formula that is defined on part of the line. ``instead`` has the
    numbers that large numbers are replaced by where they are dimensions. ``beyond`` are sizes
    at which every place shows that is meant by its number, see `Shapes.beyond`; they are among
    ``shapes`` unless they are too large.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        seed: int = 0,
        instead: Mapping[int, int] = AS_DECLARED,
    ) -> None:
        self.leaves = leaves_of(nodes)
        self.instead = instead
        shapes = Shapes(nodes)
        self.shapes = shapes.varied()
        self.fits = shapes.fits
        self.beyond = [] if instead else shapes.beyond()
        left = MOST_WORK
        for sizes in self.beyond:
            left -= work(nodes, sizes)
            if left >= 0 and sizes not in self.shapes:
                self.shapes.append(sizes)
        self._random = Random(seed)
        self._count = 0

    def draw(
        self, anywhere: bool = False, sizes: Sizes | None = None, entry: Wanted | None = None
    ) -> Point:
        """The next point, of the next shape or of the one given, with entries that are wanted."""
        if sizes is None:
            sizes = self.shapes[self._count % len(self.shapes)]
            self._count += 1
        return point_of(self.leaves, sizes, self.free(sizes, anywhere, entry), self.instead)

    def free(self, sizes: Sizes, anywhere: bool = False, entry: Wanted | None = None) -> Free:
        """Free values at given sizes."""
        together = self._random.choice(RANGES) if self._random.random() < 0.5 else None
        found: Free = {}
        for leaf in self.leaves:
            low, high = RANGES[0]
            if anywhere:
                low, high = together or self._random.choice(RANGES)
            found[leaf.name] = filled(
                shape_at(leaf, sizes, self.instead), self._entries(low, high, entry)
            )
        return found

    def _entries(self, low: int, high: int, wanted: Wanted | None) -> Iterator[Fraction]:
        unit = 2**CHOICES
        while True:
            for _ in range(_ATTEMPTS):
                x = Fraction(low * unit + (high - low) * self._random.randrange(1, unit), unit)
                if wanted is None or wanted(x):
                    break
            yield x


_ATTEMPTS = 64
"""Numbers tried for one entry that is wanted; then any will do."""


_SMALL = (1, 1, 1, 0, 0, 2, 2, -1, 3)


class SmallPoints:
    """Points to make a witness of: the least shapes, and in each small whole numbers.

    ``of(sizes)`` are free values, the simplest first: all ones, ones and twos, then drawn.
    """

    def __init__(self, nodes: Sequence[Node], seed: int = 0) -> None:
        self.leaves = leaves_of(nodes)
        self.shapes = Shapes(nodes)
        self._seed = seed

    def sizes(self, count: int) -> list[Sizes]:
        """The least shapes; the second has every dimension > 1, where a transpose shows."""
        if not self.shapes.symbols:
            return [{}]
        least = list(itertools.islice(self.shapes.smallest(), count))
        twos = dict.fromkeys(self.shapes.symbols, 2)
        if self.shapes.fits(twos) and twos not in least[:2]:
            least = [*least[:-1], twos]
        return least

    def of(self, sizes: Sizes, count: int) -> Iterator[Free]:
        """``count`` free values of a shape."""
        random = Random(f"{self._seed} {sorted((s.name, n) for s, n in sizes.items())}")
        plain = (itertools.repeat(1), itertools.cycle((1, 2)), itertools.cycle((2, 1, 3)))
        for k in range(count):
            stream = iter(plain[k]) if k < len(plain) else _drawn(random)
            yield {
                leaf.name: filled(shape_at(leaf, sizes), map(Fraction, stream))
                for leaf in self.leaves
            }

    def at(self, sizes: Sizes, free: Free) -> Point:
        """The point of free values."""
        return point_of(self.leaves, sizes, free)


def _drawn(random: Random) -> Iterator[int]:
    while True:
        yield random.choice(_SMALL)


def kink_points(nodes: Sequence[Node], seed: int = 0, count: int = 24) -> Iterator[Point]:
    """Points of small whole numbers, many of them 0, where kinks and jumps are hit exactly."""
    small = SmallPoints(nodes, seed)
    random = Random(seed)

    def entries(zeros: float) -> Iterator[Fraction]:
        while True:
            yield Fraction(0 if random.random() < zeros else random.choice((-1, 1, 2, -2)))

    for sizes in small.sizes(3):
        for k in range(count):  # ever more entries are 0
            free = {x.name: filled(shape_at(x, sizes), entries(k / count)) for x in small.leaves}
            yield small.at(sizes, free)
