"""Are two graphs equal: proved, agreed on beyond doubt, refuted by an example, or undecided.

Why it exists: a verdict on a student's claim must not be an opinion. A claim is *accepted* on a
proof (`canonical`), or where exact arithmetic (`field`) agrees at random points of several shapes
such that a wrong claim would do so with a chance below 2⁻⁴⁰ (`chance`). It is *rejected* only
where, at a point of small rational numbers, the two certified intervals are disjoint. Everything
else is *undecided*, and the reason says what is missing.

Floats (`trials`) only choose where to look. A claim that differs from the truth only at kinks is
right, and the comparison says where they differ (`domains`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
import sympy as sp

from symgrad.errors import ShapeError
from symgrad.graph import Node
from symgrad.listing import shape_text
from symgrad.simplify import strip_names
from symgrad.verification.agreement import POINTS, Agreeing, Agreement
from symgrad.verification.canonical import are_one
from symgrad.verification.comparison import Comparison, certified, refuted
from symgrad.verification.domains import differs_at, missing_fact, only_where
from symgrad.verification.evaluate import field_for, takes_roots
from symgrad.verification.field import BITS
from symgrad.verification.formal import Formal
from symgrad.verification.literal import expanded, filled_up, lumped, number_of, with_symbols
from symgrad.verification.points import Free, Point, Wanted
from symgrad.verification.reach import Reach
from symgrad.verification.sizes import Sizes, dim_symbols, work
from symgrad.verification.trials import AGREE, PRECISIONS, SHOW, Side, Trial, Trials
from symgrad.verification.witness import Witness, simpler, superscript

_THEIR = "their kinks and jumps"


def compare(claim: Node, truth: Node, *, seed: int = 0, what: str = "the true value") -> Comparison:
    """Compare two graphs over the same leaves; ``what`` names the truth in sentences.

    Both have one shape, else ShapeError.
    """
    if claim.shape != truth.shape:
        raise ShapeError(
            f"a claim of shape {shape_text(claim.shape)} was compared with a value of shape "
            f"{shape_text(truth.shape)}; expected two of one shape."
        )
    one, other = strip_names([claim, truth])
    if one is other:
        return Comparison(True, "same graph", "It is the same formula as ours.")
    smaller, small_truth = with_symbols([claim, truth])
    if smaller is not claim or small_truth is not truth:
        known = _compared(smaller, small_truth, seed, what)
        found = _as_declared(known, claim, truth, seed, what)
        if found is not None:
            return found
        if is_large([claim, truth]):
            return known if known.equal is None else known._replace(equal=None, reason=_TOO_LARGE)
    elif is_large([claim, truth]):
        return Comparison(None, "interval arithmetic", _LARGE_VALUES)
    return _compared(claim, truth, seed, what)


def are_equal(claim: Node, truth: Node, seed: int = 0) -> bool:
    """Whether `compare` would find two graphs of one shape equal; no example is looked for."""
    if strip_names([claim])[0] is strip_names([truth])[0]:
        return True
    claim, truth = with_symbols([claim, truth])
    if is_large([claim, truth]):
        return False
    return _Comparing(Trials(claim, truth, seed), "", examples=False).result().equal is True


def is_large(nodes: Sequence[Node]) -> bool:
    """Whether graphs with the sizes declared are too large for exact arithmetic."""
    return work(nodes, dict.fromkeys(dim_symbols(nodes), 2)) > _MOST_DECLARED


_MOST_DECLARED = 1_000_000
"""What exact arithmetic takes seconds for, see `points.work`."""

_TOO_LARGE = (
    "For other dimensions than those declared the two differ; those declared are too large for an "
    "exact comparison, so give smaller ones."
)


_LARGE_VALUES = (
    "An array or a sum of the claim is too large for an exact comparison, so nothing was computed; "
    "write it with symbols for its dimensions, or with smaller numbers."
)


def _compared(claim: Node, truth: Node, seed: int, what: str) -> Comparison:
    return _Comparing(Trials(claim, truth, seed), what).result()


def _as_declared(
    found: Comparison, claim: Node, truth: Node, seed: int, what: str
) -> Comparison | None:
    """What is known for all sizes as a comparison at the declared ones; None where it is not."""
    if found.witness is None:
        return found if found.equal else None
    small = Point(found.witness.sizes, found.witness.values)
    if any(isinstance(s, sp.Dummy) and n > number_of(s) for s, n in small.sizes.items()):
        return None
    point = filled_up([claim, truth], small)
    smaller = with_symbols([claim, truth])
    lump = lumped(smaller, [claim, truth], point, small)
    if lump is None:
        witness = certified(Trials(claim, truth, seed), point, what)
    else:
        witness = certified(Trials(smaller[0], smaller[1], seed), lump, what)
        if witness is not None:
            shape = tuple(point.size(n) for n in truth.shape)
            claimed, true = (expanded(a, shape) for a in (witness.claimed, witness.true))
            witness = Witness(point.sizes, dict(sorted(point.values.items())), claimed, true, what)
    return None if witness is None else refuted(witness, found)


class _Comparing:
    """One comparison: the trials so far, and what has been concluded."""

    def __init__(self, trials: Trials, what: str, examples: bool = True) -> None:
        self.trials, self.what, self.examples = trials, what, examples
        self.seen: list[Trial] = []
        self.undefined = 0
        self.without: set[tuple[int, ...]] = set()
        """Shapes at which the claim had no value where the truth had one."""

    def result(self) -> Comparison:
        """Floats first, as they are quick; what they say is then proved."""
        if self._screened() and (no := self._rejected(self.seen[-1].point)) is not None:
            return no
        if are_one(self.trials.claim, self.trials.truth):
            return Comparison(
                True,
                "same canonical form",
                f"After multiplying out, the claim and {self.what} are the same formula, term by "
                "term.",
                domain=self._exceptions(),
            )
        if not self.seen:
            return self._nothing_to_compare()
        if not self._has_values():
            return self._undecided(0, 0)
        return self._exactly()

    def _has_values(self) -> bool:
        """Whether a claim has values at all shapes, but for some along an axis of size 1."""
        seen = {tuple(trial.point.sizes.values()) for trial in self.seen}
        return all(
            any(n == 1 and all(own[k] > 1 for own in seen) for k, n in enumerate(shape))
            for shape in self.without - seen
        )

    # ------------------------------------------------------------------------------ floats

    def _screened(self) -> bool:
        """Whether some random point shows a difference; else ``seen`` has points worth more."""
        trials = self.trials
        for trial in trials.defined(_MOST if trials.switches else _FEW):
            if not trial.has_both:
                self.undefined += 1
                self.without.add(tuple(trial.point.sizes.values()))
                continue
            self.seen.append(trial)
            if trial.differ():
                return True
        return False

    def _nothing_to_compare(self) -> Comparison:
        who = "the claim has" if self.undefined else f"{self.what} has"
        return Comparison(
            None,
            "floating point",
            f"No point was found at which {who} a value, so there was nothing to compare; declare "
            "the domain of the symbols, such as sg.assume(x, Q.positive).",
        )

    # ----------------------------------------------------------------------------- refuting

    def _rejected(self, known: Point) -> Comparison | None:
        """A rejection with the smallest witness that is certified; None where ``known`` is none.

        As the two differ at a random point, a small point at which they do is no accident of a
        kink.
        """
        fallback = self._certified(known)
        if fallback is None:
            return None  # floats cancel
        if not self.examples:
            return Comparison(False, "interval arithmetic", "")
        found = (
            self._certified(p) for p in itertools.chain(self._small_points(), self._near(known))
        )
        witness = next((w for w in found if w is not None), fallback)
        return refuted(witness, self._only_where(witness))

    def _near(self, known: Point) -> Iterator[Point]:
        """Points of few digits near one, if they show a difference."""
        sizes = dict(known.sizes)
        for point in simpler(known):
            free = dict(point.values)
            if self._differs(sizes, free, SHOW, True):
                yield self._shrunk(sizes, free)

    def _only_where(self, witness: Witness) -> Comparison:
        """Where the two are equal, if anywhere."""
        condition = only_where(self.trials, lambda t: not t.differ(), dict(witness.sizes))
        missing = None if condition else missing_fact(self.trials)
        if missing is not None:
            condition = missing.words
        domain = f"equal where {condition}" if condition else ""
        return Comparison(False, "", "", domain=domain, missing=missing)

    def _small_points(self) -> Iterator[Point]:
        """Candidates for a witness, the best first."""
        floats = (self._shrunk(*found) for found in self._differing())
        yield from itertools.islice(floats, _CERTIFICATES)
        small = self.trials.small
        for sizes in small.sizes(_CERTIFICATES):  # they differ by less than floats can tell
            for free in small.of(sizes, _CERTIFICATES):
                yield small.at(sizes, free)

    def _differing(self) -> Iterator[tuple[Sizes, Free]]:
        """Small free values at which floats differ, the simplest first."""
        small = self.trials.small
        for by, smooth in ((SHOW, True), (SHOW, False), (AGREE, False)):
            for sizes in small.sizes(_SHAPES):
                for free in small.of(sizes, _SMALL_POINTS):
                    if self._differs(sizes, free, by, smooth):
                        yield sizes, free
                        break

    def _differs(self, sizes: Sizes, free: Free, by: float, smooth: bool) -> bool:
        trial = self.trials.at(self.trials.small.at(sizes, free))
        return trial.differ(by) and (trial.smooth or not smooth)

    def _shrunk(self, sizes: Sizes, free: Free) -> Point:
        """The point with as many entries 0, and of the others as many 1, as show a difference."""
        smooth = self.trials.at(self.trials.small.at(sizes, free)).smooth
        left = _SHRINKS
        changes = True
        while changes:  # an entry that was needed may be so no longer
            changes = False
            for value, name in itertools.product((_ZERO, _ONE), sorted(free)):
                blocks = [[at for at, x in np.ndenumerate(free[name]) if x not in (0, value)]]
                while blocks and left:
                    block = blocks.pop()
                    if not block:
                        continue
                    left -= 1
                    changed = free[name].copy()
                    for at in block:
                        changed[at] = value
                    smaller = {**free, name: changed}
                    if self._differs(sizes, smaller, SHOW, smooth):
                        free, changes = smaller, True
                    elif len(block) > 1:
                        half = len(block) // 2
                        blocks += [block[half:], block[:half]]
        return self.trials.small.at(sizes, free)

    def _certified(self, point: Point) -> Witness | None:
        return certified(self.trials, point, self.what)

    # ------------------------------------------------------------------------------ proving

    def _exactly(self) -> Comparison:
        """Agreement in exact arithmetic, a difference, or neither."""
        trials = self.trials
        numbers = field_for(trials.roots, trials.seed)
        rooted = takes_roots(trials.roots)
        formal = Formal(trials.claim, trials.truth, trials.switches)
        agreed = tried = 0
        sides = frozenset[Side]().union(*(t.signs for t in self.seen))
        for trial in self._in_order(numbers.is_square if rooted else None):
            found = trials.exactly(trial.point, numbers, PRECISIONS[0])
            if found is None:
                continue
            tried += 1
            if not found.agree:
                found = trials.exactly(trial.point, numbers, PRECISIONS[-1]) or found
                if found.disjoint and (no := self._rejected(trial.point)) is not None:
                    return no
                if tried - agreed >= (_MOST_DOUBTS if agreed else _DOUBTS):
                    if (no := self._closely(trial.point)) is not None:
                        return no
                    break
                continue
            agreed += 1
            sides -= trial.signs
            if agreed == 1:
                found_everywhere = Agreeing(trials, formal, rooted).result()
                if found_everywhere is not None:
                    # of graphs with roots the primes are known to everybody, see `fingerprint`
                    no = self._closely(trial.point) if rooted else None
                    return no or self._accepted(found_everywhere)
            if agreed >= POINTS and (not sides or tried >= min(len(self.seen), _MOST)):
                return self._elsewhere(formal, agreed)
        return self._undecided(agreed, tried)

    def _closely(self, point: Point) -> Comparison | None:
        """A difference near 0, or far behind the point, where random points show none."""
        for near in self._near_zero():
            trial = self.trials.at(near)
            differs = trial.off_switches and trial.differ()
            if differs and (no := self._rejected(near)) is not None:
                return no
        witness = certified(self.trials, point, self.what, _FINEST)
        if witness is None or not self.examples:
            return None
        small = self.trials.small
        (sizes,) = small.sizes(1)
        for free in small.of(sizes, 1):
            witness = certified(self.trials, small.at(sizes, free), self.what, _FINEST) or witness
        return refuted(witness, Comparison(False, "", ""))

    def _near_zero(self) -> Iterator[Point]:
        """Random points whose entries are small."""
        random, small = self.trials.random, self.trials.small
        for scale, sizes in itertools.product(_NEAR_ZERO, random.shapes[:2]):
            free = random.free(sizes).items()
            yield small.at(sizes, {x: np.array(a * scale, dtype=object) for x, a in free})

    def _elsewhere(self, formal: Formal, agreed: int) -> Comparison:
        """What is no identity of formulas may differ where random points do not come."""
        if not self.examples:
            return self._undecided(agreed, agreed)
        reach = Reach(self.trials)
        reach.reached |= {trial.signs for trial in self.seen}
        wanted = reach.wanted(formal.known)
        left = _CLOSER_LOOKS
        for trial in reach.points(wanted):
            known = {trial.signs} <= reach.seen_closely
            if not trial.off_switches or not (trial.differ() or (left and not known)):
                continue
            left -= not trial.differ()  # by less than floats can tell
            reach.seen_closely.add(trial.signs)
            if (no := self._rejected(trial.point)) is not None:
                return no
        for trial in self.trials.defined(_MANY):  # a difference on a small region
            differs = trial.off_switches and trial.differ()
            if differs and (no := self._rejected(trial.point)) is not None:
                return no
        return self._unreached(agreed, reach.missed(wanted))

    def _unreached(self, agreed: int, missed: str) -> Comparison:
        """Undecided, with the side of a switch on which there was no point."""
        why = (
            f"none was found where {missed}"
            if missed
            else "they are different formulas on other sides of their kinks and jumps or for other "
            "dimensions"
        )
        reason = f"The claim and {self.what} agree at all points that were found, but {why}, and "
        return self._undecided(agreed, agreed)._replace(reason=f"{reason}there they may differ.")

    def _in_order(self, entry: Wanted | None) -> Iterator[Trial]:
        """Points for exact arithmetic: those that show another side of a kink first.

        If they do not do, others follow, of entries that are wanted: squares modulo primes.
        """
        rest: list[Trial] = []
        sides: set[Side] = set()
        for trial in self.seen:
            if trial.signs <= sides and self.trials.switches:
                rest.append(trial)
            else:
                sides |= trial.signs
                yield trial
        yield from rest
        for sizes in (
            None,
            *self.trials.small.sizes(_CERTIFICATES),
        ):  # of few values all have roots
            more = self.trials.defined(_RETRIES, sizes, entry)
            yield from (t for t in more if t.has_both)

    def _accepted(self, found: Agreement) -> Comparison:
        count, shapes = len(found.bits), len(found.shapes)
        where = f"{count} random points" + (f" of {shapes} shapes" if shapes > 1 else "")
        cases = f", one in each case of the sides of {_THEIR}" if found.cases else ""
        sides = f", on every side of {_THEIR}" if self.trials.switches and not cases else ""
        sizes = f", for dimensions up to {found.most}" if found.most else ""
        return Comparison(
            True,
            "exact arithmetic",
            f"The claim and {self.what} agree exactly at {where} (computed modulo primes of {BITS} "
            f"and more bits){cases}: the chance that a wrong claim does is below "
            f"2{superscript(-int(found.certainty))}{sides}{sizes}.",
            domain=self._exceptions(),
        )

    def _exceptions(self) -> str:
        """Where a claim that is right differs or has no value."""
        if not self.undefined:
            return differs_at(self.trials)
        condition = only_where(self.trials, lambda t: t.has_both)
        known = f"equal where {condition}" if condition else "equal where the claim has a value"
        return f"{known}; elsewhere the claim has none" if condition else known

    def _undecided(self, agreed: int, tried: int) -> Comparison:
        if self.undefined > len(self.seen):
            reason = (
                f"At {self.undefined} of {self.undefined + len(self.seen)} random points "
                f"{self.what} has a value and the claim has none; does it take the root or the "
                "logarithm of a negative number?"
            )
        elif not tried:
            reason = (
                f"At none of {self.trials.drawn} random points could exact arithmetic follow the "
                "functions that are used, so there is neither a proof nor an example against the "
                "claim."
            )
        elif agreed < tried:
            digits = int(PRECISIONS[-1] * 0.3) // 10 * 10
            reason = (
                f"The claim and {self.what} agree to about {digits} digits at {tried} random "
                "points, which proves nothing: either the claim rests on an identity that is not "
                "known here, or the two differ by less than that."
            )
        else:
            reason = (
                f"The claim and {self.what} agree at the {tried} points at which they could be "
                "computed exactly, which are too few to be sure."
            )
        return Comparison(None, "interval arithmetic", reason)


_FEW, _MOST = 12, 24
"""Random points tried in floats: without kinks, and with them."""

_DOUBTS, _MOST_DOUBTS = 8, 40
"""After so many points at which residues differ and intervals do not, it is undecided. The sign of
√(x²) modulo a prime is a matter of chance, so where residues agree at some points, more are tried.
"""

_NEAR_ZERO = tuple(Fraction(1, 10**k) for k in (3, 6, 9))
"""What random values are multiplied by, to see what differs in a small region around 0 only."""

_FINEST = (2048, 8192)
"""Bits with which one point is looked at where residues differ and shorter intervals do not."""

_MANY = 150
"""More random points that are tried in floats before it is undecided."""

_CLOSER_LOOKS = 24
"""Points on other sides of switches that are looked at with intervals, where floats agree."""

_RETRIES = 40
"""More random points of each kind, where those so far have no exact values."""

_SHAPES, _SMALL_POINTS = 6, 10
"""Of how many shapes, and how many in each, small points are tried for a witness."""

_ZERO, _ONE = Fraction(0), Fraction(1)

_SHRINKS = 120
"""Steps by which a witness is made smaller."""

_CERTIFICATES = 3
"""Small points that are certified before another way is tried."""
