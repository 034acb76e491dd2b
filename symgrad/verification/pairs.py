"""Two edits of a claim at once.

Why it exists: a claim has hundreds of edits, so tens of thousands of pairs, too many to build. Two
edits at two places leave each other alone, so of such a pair only what stands above the two places
is computed anew, in floats at one point, and nothing is built unless that is the truth. Pairs are
tried in the order of their cost, and an edit that makes something which is also in the truth, such
as y − t of y + t, is tried earlier. Two edits of one node are built.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from symgrad.graph import Node
from symgrad.verification.arrays import FLOAT
from symgrad.verification.edits import edits
from symgrad.verification.evaluate import evaluate
from symgrad.verification.pool import Pool
from symgrad.verification.proposals import Edit
from symgrad.verification.search import AGREE, Found, Search

STARTS = 1_500
"""Pairs are made of so many edits, the likeliest."""

APART, TOGETHER = 12_000, 3_000
"""At most so many pairs are tried of edits at two places, and of edits in one."""

ANEW = 100_000
"""Operands of what is computed anew for pairs at two places; of a large claim, fewer are tried."""

FAMILIAR = 0.3
"""By so much an edit is likelier that makes something which is in the truth."""

_EXCHANGE = {"extra_factor", "missing_factor"}
"""Together they put anything in the place of anything, which explains nothing."""

_ADDED, _DROPPED = {"missing_factor", "missing_term"}, {"extra_factor", "extra_term"}
"""In one place, so do any two of these."""


class _Start(NamedTuple):
    """An edit, what it costs here, and the place that it changes in the order of the claim."""

    edit: Edit
    cost: float
    place: int
    value: np.ndarray


def is_plausible(claim: Node, found: Found, pool: Pool) -> bool:
    """Whether so few edits left enough of a claim to be its explanation: see `keeps`."""
    count = len(found.edits) + (found.factor != 1)
    return count <= 2 and keeps(claim, found.edits, pool) and resembles(claim, found.root, pool)


def resembles(claim: Node, root: Node, pool: Pool) -> bool:
    """Whether at least a third of what stands in one or the other stands in both."""
    one, other = pool.written(claim).counts, pool.written(root).counts
    return 3 * (one & other).total() >= (one | other).total()


def keeps(claim: Node, changes: Sequence[Edit], pool: Pool) -> bool:
    """Whether a claim is still there after edits.

    Of all values that stand in the claim or were put into it, at least half were there and are
    still. Else the claim was thrown away and something else put in its place.
    """
    own = pool.written(claim).size
    gone = came = 0
    for edit in changes:
        old, new = pool.written(edit.old).values, pool.written(edit.new).values
        gone += len(old - new)
        came += len(new - old)
    return 2 * (own - gone) >= own + came


class Pairs:
    """The pairs of edits of one claim; ``search`` has the truth and the points."""

    def __init__(self, root: Node, search: Search, known: Iterable[Node]) -> None:
        self.root, self.search = root, search
        self.order = search.pool.sites(root)[::-1]
        self.place = place = {node: k for k, node in enumerate(self.order)}
        self.above = self._above(place)
        own = [1 + len(node.args) for node in self.order]
        self.work = [sum(n for k, n in enumerate(own) if bits >> k & 1) for bits in self.above]
        search.value(root, 0)
        self.truth = search.value(search.truth, 0)
        self.bound = AGREE * np.abs(self.truth).max(initial=0.0)
        familiar = {self._key(node) for node in known}
        self.starts = []
        most = search.affordable(root)
        for edit in itertools.islice(edits(root, search.pool), most):
            if edit.root.shape != search.truth.shape or edit.old not in place:
                continue
            value = search.value(edit.new, 0)
            makes_known = self._key(edit.new) in familiar or self._key(edit.made) in familiar
            bonus = FAMILIAR if makes_known else 0.0
            self.starts.append(_Start(edit, edit.cost - bonus, place[edit.old], value))
        self.starts.sort(key=lambda x: x.cost)
        del self.starts[STARTS:]

    def found(self, others: Sequence[Edit] = ()) -> Found | None:
        """The first pair that makes the claim right; ``others`` are further first edits."""
        return self._apart() or self._together(others)

    def _above(self, place: dict[Node, int]) -> list[int]:
        """For each place, the places that it is inside of and itself, as bits of a number."""
        above = [1 << k for k in range(len(self.order))]
        for k in range(len(self.order) - 1, -1, -1):
            node = self.order[k]
            for arg in () if node in self.search.pool.atoms else node.args:
                above[place[arg]] |= above[k]
        return above

    def _keeps(self, changes: Sequence[Edit]) -> bool:
        return keeps(self.root, changes, self.search.pool)

    def _key(self, node: Node) -> tuple[object, ...]:
        """A value but for its sign, which a formula may have anywhere."""
        value = self.search.value(node, 0)
        flat = value.reshape(-1)
        sign = -1.0 if flat.size and flat[int(np.abs(flat).argmax())] < 0 else 1.0
        return (node.shape, tuple(float(f"{sign * x:.9e}") for x in flat))

    # ---------------------------------------------------------------------------- two places

    def _apart(self) -> Found | None:
        left = ANEW
        for outer, inner, nested in self._in_order():
            left -= self.work[outer.place] + self.work[inner.place]
            if left < 0:
                return None
            if self._agrees(outer, inner, nested):
                changes = {outer.edit.old: outer.edit.new, inner.edit.old: inner.edit.new}
                if nested:
                    new = self.search.pool.with_all(
                        outer.edit.new, {inner.edit.old: inner.edit.new}
                    )
                    changes = {outer.edit.old: new}
                whole = self.search.pool.with_all(self.root, changes)
                if not self._keeps((outer.edit, inner.edit)):
                    continue
                found = self.search.right((outer.edit, inner.edit), whole)
                if found is not None and found.factor == 1:
                    return found
        return None

    def _in_order(self) -> Iterator[tuple[_Start, _Start, bool]]:
        """Pairs at two places, the outer one first where one is inside the other."""
        costs = np.array([x.cost for x in self.starts])
        if not len(costs):
            return
        first, second = np.triu_indices(len(costs), 1)
        for k in np.argsort(costs[first] + costs[second], kind="stable")[:APART]:
            one, other = self.starts[int(first[k])], self.starts[int(second[k])]
            if one.place == other.place or {one.edit.mistake, other.edit.mistake} == _EXCHANGE:
                continue
            if self.above[one.place] >> other.place & 1:
                yield other, one, True
            else:
                yield one, other, bool(self.above[other.place] >> one.place & 1)

    def _agrees(self, outer: _Start, inner: _Start, nested: bool) -> bool:
        """Whether both edits together give the truth, in floats at the first point."""
        changed = {inner.edit.old: inner.value}
        affected = self.above[inner.place]
        if nested:
            changed = {outer.edit.old: self._value(outer.edit.new, changed, affected)}
            affected = self.above[outer.place]
        else:
            changed[outer.edit.old] = outer.value
            affected |= self.above[outer.place]
        value = self._value(self.root, changed, affected)
        return bool((np.abs(value - self.truth) <= self.bound).all())

    def _value(self, root: Node, changed: dict[Node, np.ndarray], affected: int) -> np.ndarray:
        """A value where some others are changed, which ``affected`` are above."""
        memory, done = self.search.memory[0], dict(changed)
        waiting = [root]
        while waiting:
            for arg in waiting.pop().args:
                if arg in done:
                    continue
                at = self.place.get(arg)
                if at is not None and not affected >> at & 1:
                    done[arg] = memory[arg]
                else:
                    waiting.append(arg)
        (value,) = evaluate([root], self.search.points[0], FLOAT, done)
        return value

    # ----------------------------------------------------------------------------- one place

    def _together(self, others: Sequence[Edit]) -> Found | None:
        """Two edits of one node, or one of the whole claim and any other."""
        search = self.search
        left = min(TOGETHER, search.affordable(self.root))
        best: Found | None = None
        for first in [*others, *(x.edit for x in self.starts)]:
            sites = None if first in others else {first.new}
            left -= 1  # its places are looked for
            for second in edits(first.root, search.pool, sites=sites):
                left -= 1
                if left < 0:
                    return best
                if best is not None and first.cost + second.cost >= best.cost:
                    break
                names = {first.mistake, second.mistake}
                if (names & _ADDED and names & _DROPPED) or not self._keeps((first, second)):
                    continue
                found = search.right((first, second), second.root)
                if found is not None and found.factor == 1:
                    best = found
                    break
        return best
