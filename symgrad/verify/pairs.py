"""Two edits of a claim at once.

Why it exists: a claim has hundreds of edits, so tens of thousands of pairs, too many to build. Two
edits at places of which neither is inside the other leave each other alone, so of such a pair only
what stands above the two places is computed anew, in floats at one point, and nothing is built
unless that is the truth. Pairs are tried in the order of their cost, and an edit that makes
something which is also in the truth, such as y − t of y + t, is tried earlier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from symgrad import graph as g
from symgrad.graph import Node
from symgrad.verify.edits import Edit, edits
from symgrad.verify.evaluate import FLOAT, evaluate
from symgrad.verify.search import AGREE, Found, Search

APART, TOGETHER = 12_000, 3_000
"""At most so many pairs are tried of edits at two places, and of edits in one."""

FAMILIAR = 0.3
"""By so much an edit is likelier that makes something which is in the truth."""

_EXCHANGE = {"extra_factor", "missing_factor"}
"""Together they put anything in the place of anything, which explains nothing."""


class _Start(NamedTuple):
    """An edit, what it costs here, and the place that it changes in the order of the claim."""

    edit: Edit
    cost: float
    place: int
    value: np.ndarray


class Pairs:
    """The pairs of edits of one claim; ``search`` has the truth and the points."""

    def __init__(self, root: Node, search: Search, known: Iterable[Node]) -> None:
        self.root, self.search = root, search
        self.order = search.pool.sites(root)[::-1]
        place = {node: k for k, node in enumerate(self.order)}
        self.above = self._above(place)
        self.truth = search.value(search.truth, 0)
        self.bound = AGREE * np.abs(self.truth).max(initial=0.0)
        familiar = {self._key(node) for node in known}
        self.starts = []
        for edit in edits(root, search.pool):
            if edit.root.shape != search.truth.shape or edit.old not in place:
                continue
            value = search.value(edit.new, 0)
            bonus = FAMILIAR if {self._key(edit.new), self._key(edit.made)} & familiar else 0.0
            self.starts.append(_Start(edit, edit.cost - bonus, place[edit.old], value))
        self.starts.sort(key=lambda x: x.cost)

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

    def _key(self, node: Node) -> tuple[object, ...]:
        """A value but for its sign, which a formula may have anywhere."""
        value = self.search.value(node, 0)
        flat = value.reshape(-1)
        sign = -1.0 if flat.size and flat[int(np.abs(flat).argmax())] < 0 else 1.0
        return (node.shape, tuple(float(f"{sign * x:.9e}") for x in flat))

    # ---------------------------------------------------------------------------- two places

    def _apart(self) -> Found | None:
        for one, other in self._in_order():
            if self._agrees(one, other):
                changed = _both(self.root, one.edit, other.edit, self.order)
                found = self.search.right((one.edit, other.edit), changed)
                if found is not None and found.factor == 1:
                    return found
        return None

    def _in_order(self) -> Iterator[tuple[_Start, _Start]]:
        costs = np.array([x.cost for x in self.starts])
        if not len(costs):
            return
        first, second = np.triu_indices(len(costs), 1)
        for k in np.argsort(costs[first] + costs[second], kind="stable")[:APART]:
            one, other = self.starts[int(first[k])], self.starts[int(second[k])]
            nested = self.above[one.place] >> other.place & 1
            nested |= self.above[other.place] >> one.place & 1
            if not nested and {one.edit.mistake, other.edit.mistake} != _EXCHANGE:
                yield one, other

    def _agrees(self, one: _Start, other: _Start) -> bool:
        """Whether both edits together give the truth, in floats at the first point."""
        memory = self.search.memory[0]
        affected = self.above[one.place] | self.above[other.place]
        done = {one.edit.old: one.value, other.edit.old: other.value}
        for k, node in enumerate(self.order):
            if affected >> k & 1:
                done.update((arg, memory[arg]) for arg in node.args if arg not in done
                            and not affected >> self._place(arg) & 1)  # fmt: skip
        (value,) = evaluate([self.root], self.search.points[0], FLOAT, done)
        return bool((np.abs(value - self.truth) <= self.bound).all())
