"""Two formulas at points, in floats: quick, and never the last word.

Why it exists: most wrong claims differ at the first point, a witness is found by trying hundreds
of small points, and which points are worth exact arithmetic (where both formulas have a value, on
both sides of every kink) shows in floats as well. What is concluded from floats is certified
afterwards, in `equality`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from symgrad import graph as g
from symgrad.graph import Kind, Node
from symgrad.verification.arrays import FLOAT, Exactly
from symgrad.verification.evaluate import evaluate, fingerprint
from symgrad.verification.number import Exact, Imprecise, Number, Retry
from symgrad.verification.points import Point, RandomPoints, SmallPoints, Wanted
from symgrad.verification.sizes import Sizes
from symgrad.verification.switches import switches

AGREE = 1e-6
"""Floats that differ by less than this fraction of the largest entry may be equal."""

SHOW = 2e-3
"""Values that differ by more than this fraction differ in the digits that are shown."""


PRECISIONS = (128, 512)
"""Bits of certified intervals: at first, and where those decide nothing."""

Side: TypeAlias = "tuple[int, float]"
"""The number of a switch, and the sign that was seen."""


class Trial(NamedTuple):
    """Both values at a point, and the values of the switches there."""

    point: Point
    claimed: np.ndarray
    true: np.ndarray
    switches: tuple[np.ndarray, ...]

    @property
    def has_truth(self) -> bool:
        """Whether the true value is finite here."""
        return bool(np.isfinite(self.true).all())

    @property
    def has_both(self) -> bool:
        """Whether both values are."""
        return self.has_truth and bool(np.isfinite(self.claimed).all())

    @property
    def smooth(self) -> bool:
        """Whether no switch is at its jump or kink."""
        return all(bool((np.abs(s) > AGREE).all()) for s in self.switches)

    @property
    def off_switches(self) -> bool:
        """Whether no switch is 0, so that there are points all around that are like this one."""
        return all(bool((s != 0).all()) for s in self.switches)

    def differ(self, by: float = AGREE) -> bool:
        """Whether both are values and differ by more than a fraction of the largest entry."""
        if not self.has_both:
            return False
        scale = max(np.abs(self.claimed).max(initial=0.0), np.abs(self.true).max(initial=0.0))
        return bool((np.abs(self.claimed - self.true) > by * scale).any())

    @property
    def signs(self) -> frozenset[Side]:
        """Which switches are seen on which sides."""
        return frozenset(
            (k, float(x)) for k, s in enumerate(self.switches) for x in np.unique(np.sign(s)) if x
        )


class Certified(NamedTuple):
    """Both values at a point, as arrays of `Number`."""

    claimed: np.ndarray
    true: np.ndarray

    @property
    def disjoint(self) -> bool:
        """Whether some entry is certainly another number."""
        return any(
            a.ball.is_finite() and b.ball.is_finite() and not a.ball.overlaps(b.ball)
            for a, b in self._pairs
        )

    @property
    def known(self) -> bool:
        """Whether every entry has a residue."""
        return all(a.residues and b.residues for a, b in self._pairs)

    @property
    def agree(self) -> bool:
        """Whether no entry is certainly another, and all have the same residue."""
        same = all(a.residues[:1] == b.residues[:1] for a, b in self._pairs)
        return same and not self.disjoint

    @property
    def _pairs(self) -> list[tuple[Number, Number]]:
        return list(zip(self.claimed.flat, self.true.flat, strict=True))


class Trials:
    """Trials of a claim and the truth at random and small points; all follows from the seed."""

    def __init__(self, claim: Node, truth: Node, seed: int = 0, about: Sequence[Node] = ()) -> None:
        self.claim, self.truth, self.seed = claim, truth, seed
        self.roots = [claim, truth]
        self.switches = list(about) or switches([claim, truth])
        """The values whose signs matter: those that decide branches, or what ``about`` has."""
        self.reduces = any(
            n.kind is Kind.REDUCE and n.op != "logsumexp" for n in g.topological(self.roots)
        )
        """Whether a largest entry decides too."""
        self.random = RandomPoints([claim, truth, *about], seed ^ fingerprint(self.roots))
        self.small = SmallPoints([claim, truth, *about], seed)
        self.drawn = 0
        """Random points so far, whatever became of them."""

    def at(self, point: Point) -> Trial:
        """Both values at one point."""
        with np.errstate(all="ignore"):
            claimed, true, *rest = evaluate([self.claim, self.truth, *self.switches], point, FLOAT)
        return Trial(point, claimed, true, tuple(rest))

    def exactly(self, point: Point, field: Exact, precision: int) -> Certified | None:
        """Both values in exact arithmetic; None where the point has to be replaced."""
        from flint import ctx

        try:
            with ctx.workprec(precision):
                found = Certified(*evaluate([self.claim, self.truth], point, Exactly(field)))
        except Imprecise:
            finest = PRECISIONS[-1]
            return None if precision == finest else self.exactly(point, field, finest)
        except Retry:
            return None
        return found if found.known or not field.height else None

    def defined(
        self, most: int, sizes: Sizes | None = None, entry: Wanted | None = None
    ) -> Iterator[Trial]:
        """Trials at random points at which the truth has a value, of at most that many points.

        Entries are ``entry``, if that is given.

        Where the first points are outside the domain, or on request, points come from everywhere.
        """
        found = 0
        for k in range(most):
            everywhere = k % 3 == 2 or (k > 3 and found < k / 2)
            self.drawn += 1
            trial = self.at(self.random.draw(everywhere, sizes, entry))
            if trial.has_truth:
                found += 1
                yield trial
