"""Points where random points do not come: the other sides of switches, larger sizes.

Why it exists: that a claim is wrong is believed only of an example, and max(0, 100 − y·wᵀx) is 0
only at points that are far away, 1[|r| < 10⁻⁴] is 1 only at points that are close together. So
points of many magnitudes are tried, and then each side of each switch is climbed to: from several
points, steps at random that are kept where the switch comes nearer, and that grow while they do and
shrink while they do not. Sides are wanted one at a time, and two at a time.

In floats: what is found is only a place to look.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

import numpy as np

from symgrad.graph import Node
from symgrad.verification.cases import families
from symgrad.verification.points import (
    Free,
    Point,
    point_of,
    shape_at,
)
from symgrad.verification.sizes import MOST_WORK, Sizes, counted, work
from symgrad.verification.switches import sides_of
from symgrad.verification.trials import Side, Trial, Trials

Values = dict[str, np.ndarray]
"""Free values in floats."""

MAGNITUDES = (0, 1, 2, -1, 3, -2, 4, 6, -3, -4, -6)
"""Powers of ten."""

_DRAWS = 3
"""Points of each magnitude."""

_STARTS, _STEPS = 4, 120
"""From so many points, so many steps are made towards a side."""

_MOST_FLOATS = 10_000_000
"""So large may a point be, see `points.work`."""

_AROUND = 6
"""Points near one that is on a side."""

MOST_SWITCHES = 5
"""Sides of so many switches are looked for."""


class Reach:
    """Points of a comparison that are hard to find."""

    def __init__(self, trials: Trials) -> None:
        self.trials = trials
        self.leaves = trials.random.leaves
        self._random = np.random.default_rng(trials.seed)
        self.reached: set[frozenset[Side]] = set()
        """The sides that points were on, for each point."""
        self.seen_closely: set[frozenset[Side]] = set()
        """Of which of these points one was looked at with intervals."""

    def wanted(self, one_sided: Sequence[Node]) -> list[frozenset[Side]]:
        """The sides of switches that there may be, one at a time and then together."""
        switches = self.trials.switches
        first = [k for k, node in enumerate(switches[:MOST_SWITCHES]) if node not in one_sided]
        both: list[list[Side]] = [[(k, 1.0), (k, -1.0)] for k in first]
        alone = [frozenset((side,)) for sides in both for side in sides]
        found = families(switches)
        if found is None:
            pairs = itertools.combinations(both, 2)
            return [*alone, *(frozenset(x) for a, b in pairs for x in itertools.product(a, b))]
        number = {node: k for k, node in enumerate(switches)}
        together = [
            frozenset((number[x], float(y)) for x, y in zip(f.switches, case, strict=True) if y)
            for f in found
            for case in f.cases
        ]
        return [*(x for x in alone if any(x <= case for case in together)), *together]

    def missed(self, wanted: Sequence[frozenset[Side]]) -> str:
        """The first sides in words on which there was no point, such as z > 7; "" if none."""
        for sides in wanted:
            if not any(sides <= found for found in self.reached):
                words = [self._words(k, sign) for k, sign in sorted(sides)]
                if all(words):
                    return " and ".join(words)
        return ""

    def _words(self, k: int, sign: float) -> str:
        sides = sides_of(self.trials.switches[k])
        return "" if sides is None else f"{sides.left} {'>' if sign > 0 else '<'} {sides.right}"

    def points(self, wanted: Sequence[frozenset[Side]]) -> Iterator[Trial]:
        """Points of many magnitudes and sizes, then those on sides that are wanted."""
        yield from self._larger()
        for sizes in self._sizes():
            for magnitude, k in itertools.product(MAGNITUDES, range(_DRAWS)):
                yield self._tried(sizes, self._drawn(sizes, magnitude, k))
        for sides in wanted:
            if not any(sides <= found for found in self.reached):
                yield from self._towards(sides)

    def _larger(self) -> Iterator[Trial]:
        """Points of larger sizes, where dimensions are numbers in a formula."""
        symbols = self.trials.small.shapes.symbols
        left = _MOST_FLOATS
        for sizes in self.trials.random.beyond:
            left -= work(self.trials.roots, sizes)
            if left >= 0:
                yield self._tried(sizes, self._drawn(sizes, 0, 0))
        numbers = counted(self.trials.roots)
        for n in (5, 6, 7, 8, 9, 10, 11, 12, 17, 30, 65, 101) if numbers else ():
            sizes = {s: n if s in numbers else 2 for s in symbols}
            if work(self.trials.roots, sizes) > MOST_WORK or not self.trials.random.fits(sizes):
                continue
            yield self._tried(sizes, self._drawn(sizes, 0, 0))

    def _sizes(self) -> list[Sizes]:
        return self.trials.small.sizes(2)

    def _drawn(self, sizes: Sizes, magnitude: int, k: int) -> Values:
        """Values of a magnitude: of one sign or of both, all alike large or each for itself."""
        found = {}
        for leaf in self.leaves:
            shape = shape_at(leaf, sizes)
            values = self._random.uniform(-1, 1, shape)
            if k == 1:
                values = values * 10.0 ** self._random.uniform(-3, 3, shape)
            elif k == 2:
                values = np.abs(values) * self._random.choice((-1, 1))
            found[leaf.name] = values * 10.0**magnitude
        return found

    def _tried(self, sizes: Sizes, values: Values) -> Trial:
        trial = self.trials.at(self._point(sizes, values))
        self.reached.add(trial.signs)
        return trial

    def _point(self, sizes: Sizes, values: Values) -> Point:
        free: Free = {
            name: np.asarray(np.frompyfunc(_fraction, 1, 1)(x), dtype=object)
            for name, x in values.items()
        }
        return point_of(self.leaves, sizes, free)

    def _towards(self, sides: frozenset[Side]) -> Iterator[Trial]:
        """Points on some sides, and around them, for each of the smaller shapes."""
        for sizes in self._sizes():
            for start in range(_STARTS):
                values = self._drawn(sizes, (0, 1, 2, -1)[start], 0)
                height, step = (
                    _height(self._tried(sizes, values), sides),
                    10.0 ** (0, 1, 2, -1)[start],
                )
                for _ in range(_STEPS):
                    if height > 0:
                        break
                    nearer = self._moved(values, step)
                    other = self._tried(sizes, nearer)
                    if (found := _height(other, sides)) > height:
                        values, height, step = nearer, found, 2 * step
                    else:
                        step = step * 0.8
                if height > 0:
                    yield self._tried(sizes, values)
                    for k in range(_AROUND):
                        yield self._tried(sizes, self._moved(values, step * 0.1**k))
                    return

    def _moved(self, values: Mapping[str, np.ndarray], step: float) -> Values:
        """Values moved at random: all of them, or those of one leaf."""
        only = str(self._random.choice(list(values))) if self._random.random() < 0.7 else None
        return {
            name: x + step * self._random.standard_normal(x.shape) if only in (None, name) else x
            for name, x in values.items()
        }


def _fraction(x: float) -> Fraction:
    return Fraction(float(x)).limit_denominator(10**9) if abs(x) > 1e-6 else Fraction(float(x))


def _height(trial: Trial, sides: frozenset[Side]) -> float:
    """How far a point is on some sides: of the entry where it is farthest; −∞ of no number."""
    values = [sign * trial.switches[k] for k, sign in sides]
    if any(x.shape != values[0].shape for x in values):
        values = [np.asarray(x.max(initial=-np.inf)) for x in values]
    found = np.minimum.reduce(values).max(initial=-np.inf)
    return float(found) if np.isfinite(found) else -np.inf
