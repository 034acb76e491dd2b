"""Agreement in exact arithmetic at so many points that it is no accident: for `equality`.

Why it exists: how many points are needed, of which sizes, and what their agreement is worth, is one
question. Formulas that agree where branches are free (`formal`) agree at four points; where signs
are left to chance more are needed; and where not all signs can be together, each case that there
can be is gone through (`cases`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
import sympy as sp

from symgrad.verification.cases import Family, families
from symgrad.verification.chance import (
    bits_of_agreement,
    bits_of_all,
    bits_of_branches,
    branches,
    labels,
    points_for,
)
from symgrad.verification.field import BITS
from symgrad.verification.formal import Case, Formal, Mode
from symgrad.verification.sizes import Sizes, size_of, work
from symgrad.verification.trials import Trials

ENOUGH = 40
"""A wrong claim is accepted with a chance below 2 to minus this."""

POINTS = 4
"""Points at which exact arithmetic has to agree, at the least."""


@dataclass
class Agreement:
    """What is agreed on: bits for each point, and the shapes of the points."""

    mode: Mode
    decisions: int = 0
    """What is left to chance in a term."""
    bits: list[float] = field(default_factory=list)
    shapes: list[Sizes] = field(default_factory=list)
    drawn: int = 0
    most: int = 0
    """The largest dimension that was tried, where larger ones may matter; else 0."""
    cases: int = 0
    """The cases that were gone through, one point for each; 0 where cases are left to chance."""

    @property
    def certainty(self) -> float:
        """−log₂ of the chance of an accident."""
        if self.cases:
            return min(self.bits) - math.log2(len(self.bits))
        of_values = bits_of_all(self.bits, self.drawn)
        return min(of_values, bits_of_branches(len(self.bits), self.decisions))


class Agreeing:
    """The search for an agreement of a claim and the truth."""

    def __init__(self, trials: Trials, formal: Formal, rooted: bool) -> None:
        self.trials, self.formal = trials, formal
        self.random, self.roots = trials.random, trials.roots
        field = formal.kind
        self.strength = BITS - 1 - (field.kind.twos * field.height if rooted else 0)
        self.entry = field.is_square if rooted else None
        self.due = labels(trials.roots)
        """How many positions a term has along each dimension."""

    def result(self) -> Agreement | None:
        """An agreement that is enough; None where there is none."""
        found = (self._in_mode(mode) for mode in self.formal.modes)
        return next((x for x in found if x is not None), None) or self._in_cases()

    def _in_mode(self, mode: Mode) -> Agreement | None:
        chances = branches(self.roots, self.formal.decisions(mode))
        needed = max(POINTS, points_for(chances, ENOUGH + 1))
        if needed > _MOST_POINTS:
            return None
        found = Agreement(mode, chances)
        least = min(_LEAST_SHAPES, len(self.random.shapes))
        for sizes in self._sizes(found):
            same = self._agree(sizes, mode, found.drawn)
            found.drawn += 1
            if same is False or found.drawn > _TRIES * needed:
                return None
            if same is None:
                continue
            found.bits.append(self._bits(sizes))
            found.shapes += [sizes] * (sizes not in found.shapes)
            varied = len(found.shapes) >= least
            if len(found.bits) < needed or found.certainty <= ENOUGH or not varied:
                continue
            if all(x in found.shapes for x in self.random.beyond):
                enough = self._for_every_class(found) and self._for_all_sizes(found)
                return found if enough else None
        return None

    def _for_every_class(self, found: Agreement) -> bool:
        """Whether they agree at each class of a label, where single places are meant by number.

        1[c = 5] shows at one class of many only, which no few random ones would hit.
        """
        if not self.random.beyond:
            return True
        sizes = self.random.beyond[-1]
        for leaf in self.random.leaves:
            classes = leaf.leaf.classes
            if classes is None:
                continue
            shape = tuple(size_of(n, sizes) for n in leaf.shape)
            for k in range(size_of(classes, sizes)):
                given = {leaf.name: np.full(shape, Fraction(k), dtype=object)}
                tries = (self._agree(sizes, found.mode, n, (), given) for n in range(_AGAIN))
                if not next((x for x in tries if x is not None), False):
                    return False
        return True

    def _agree(
        self,
        sizes: Sizes,
        mode: Mode,
        seed: int,
        cases: Sequence[Case] = (),
        given: Mapping[str, np.ndarray] | None = None,
    ) -> bool | None:
        point = self.random.draw(False, sizes, self.entry)
        if given:
            point = replace(point, values={**point.values, **given})
        return self.formal.agree(point, mode, seed, cases)

    def _bits(self, sizes: Sizes) -> float:
        return bits_of_agreement(self.trials.claim, self.trials.truth, sizes, self.strength)

    def _sizes(self, found: Agreement) -> Iterator[Sizes]:
        """Every shape, until it has been of use, and the smaller ones again and again."""
        shapes = self.random.shapes
        yield from shapes
        small = sorted(shapes, key=lambda s: work(self.roots, s))
        small = small[: 1 + len(small) // 2]
        for k in itertools.count():
            missing = [s for s in shapes if s not in found.shapes] if k % 2 else []
            yield from missing or [small[k // 2 % len(small)]]

    def _for_all_sizes(self, found: Agreement) -> bool:
        """Whether formulas that agree at some sizes do where axes have a place for each position.

        ``found.most`` is set where that is too much work.
        """
        wanted = {s: self.due.get(s, 1) for s in self.random.shapes[0]}
        if any(all(seen[s] >= n for s, n in wanted.items()) for seen in found.shapes):
            return True
        if not self.random.fits(wanted) or work(self.roots, wanted) > _MOST_WORK:
            found.most = max(n for seen in found.shapes for n in seen.values())
            return not any(isinstance(s, sp.Dummy) for s in wanted)
        for k in range(_RETRIES):
            same = self._agree(wanted, found.mode, found.drawn + k)
            if same is not None:
                found.shapes.append(wanted)
                return same
        return False

    # ------------------------------------------------------------------------------- in cases

    def _in_cases(self) -> Agreement | None:
        """In each case that there can be, at sizes at which all of all entries can be tried."""
        trials, random = self.trials, self.random
        left_out = trials.reduces or random.beyond or self.entry is not None
        found = None if left_out or not self.formal.switches else families(trials.switches)
        sizes = {s: max(self.due.get(s, 1), 1) for s in random.shapes[0]}
        if found is None or not random.fits(sizes) or _count(found, sizes) > _MOST_CASES:
            return None
        agreed = Agreement(Mode(False, False), shapes=[sizes])
        for k, chosen in enumerate(_assignments(found, sizes)):
            cases = [(self.formal.counting[node], signs) for node, signs in chosen]
            if not self._agree(sizes, agreed.mode, k, cases):
                return None
            agreed.bits.append(self._bits(sizes))
        agreed.cases = len(agreed.bits)
        return agreed if agreed.certainty > ENOUGH else None


def _count(found: Sequence[Family], sizes: Sizes) -> int:
    """How many ways there are to choose a case for each entry of each family."""
    entries = [math.prod(size_of(n, sizes) for n in x.switches[0].shape) for x in found]
    return math.prod(len(x.cases) ** n for x, n in zip(found, entries, strict=True))


def _assignments(found: Sequence[Family], sizes: Sizes) -> Iterator[list[Case]]:
    """Every choice of a case for each entry: the switches with the signs of their entries."""
    choices = []
    for x in found:
        entries = math.prod(size_of(n, sizes) for n in x.switches[0].shape)
        choices.append(list(itertools.product(x.cases, repeat=entries)))
    for chosen in itertools.product(*choices):
        yield [
            (node, [case[k] for case in cases])
            for x, cases in zip(found, chosen, strict=True)
            for k, node in enumerate(x.switches)
        ]


_MOST_CASES = 400
"""So many cases of all switches together are gone through."""

_MOST_POINTS, _TRIES = 300, 6
"""So many points are worth it at most, where branches are taken by chance; and for each point that
is needed, as many are tried."""

_MOST_WORK = 30_000
"""So large may a point be that has a place for each position, see `sizes.work`."""

_LEAST_SHAPES = 3
"""Shapes that points have, where the dimensions allow it and values exist."""

_AGAIN = 5
"""Points tried for each class of a label."""

_RETRIES = 40
"""Points tried where a value may have no root."""
