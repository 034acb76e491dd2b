"""Positions across the flow: near to the neighbours, the order kept, and as few bends as it allows.

The third step of a layered layout. Boxes and points follow their neighbours in sweeps, each of
which is an isotonic regression of every layer. Then each edge is straightened: its points go to
one height as long as there is one that all of them may have, and an edge that all but meets its
box head on does.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from symgrad.pictures.grid import Grid, Rows

_SWEEPS = 12
_FIXED = 1e8
_PORTS = 14.0
"""Between two edges into one box, at most."""
_CORNER = 10.0
"""No edge meets a box nearer than this to its corner."""
_JOG = 16.0
"""An edge that would move less than this across a gap goes straight, if it may."""

Ends = dict[tuple[int, int], float]
"""Where an edge between two layers meets a box, relative to its centre."""


class Positions(NamedTuple):
    """Where everything stands across the flow."""

    across: list[float]
    entering: Ends
    leaving: Ends

    def start(self, a: int, b: int) -> float:
        """Where the edge from a to b begins."""
        return self.across[a] + self.leaving.get((a, b), 0.0)

    def end(self, a: int, b: int) -> float:
        """Where the edge from a to b ends."""
        return self.across[b] + self.entering.get((a, b), 0.0)


def positions(grid: Grid, rows: Rows) -> Positions:
    """The positions of boxes and points in layers of this order."""
    entering = _entering(grid, rows)
    across = _swept(grid, rows, entering)
    _straighten(grid, rows, across, entering)
    return _met_head_on(grid, Positions(across, entering, {}))


def _entering(grid: Grid, rows: Rows) -> Ends:
    """Edges into one box, in the order in which they come."""
    found: Ends = {}
    places = {n: i for row in rows for i, n in enumerate(row)}
    for n in range(grid.boxes):
        coming = sorted(grid.below[n], key=places.__getitem__)
        room = min(_PORTS, 0.75 * sum(grid.sides[n]) / max(1, len(coming)))
        for k, x in enumerate(coming):
            found[x, n] = (k - (len(coming) - 1) / 2) * room
    return found


# -------------------------------------------------------------------------------- near neighbours


def _swept(grid: Grid, rows: Rows, entering: Ends) -> list[float]:
    across = [0.0] * len(grid.along)
    for row in rows:
        at = 0.0
        for a, b in zip([None, *row], row, strict=False):
            at += 0.0 if a is None else grid.apart(a, b)
            across[b] = at
        middle = at / 2
        for n in row:
            across[n] -= middle
    for sweep in range(2 * _SWEEPS + 4):
        downward = sweep % 2 == 0
        settled = sweep >= 2 * _SWEEPS  # at last edges follow the boxes
        for row in rows if downward else reversed(rows):
            wishes, weights = [], []
            for n in row:
                near = _near(grid, n, downward, sweep >= _SWEEPS)
                pulls = [(_level(grid, entering, across, x, n), _pull(grid, n, x)) for x in near]
                fixed = settled and n < grid.boxes
                wishes.append(across[n] if fixed else _weighted_median(pulls, across[n]))
                weights.append(_FIXED if fixed else _weight(grid, n))
            gaps = [grid.apart(a, b) for a, b in itertools.pairwise(row)]
            for n, place in zip(row, kept_apart(wishes, weights, gaps), strict=True):
                across[n] = place
    return across


def _near(grid: Grid, n: int, downward: bool, late: bool) -> list[int]:
    """The neighbours that a box or a point follows: both ends of an edge; a value what it is
    computed from, and an input what is computed from it."""
    if n >= grid.boxes:
        return grid.below[n] + grid.above[n]
    first, second = grid.below[n], grid.above[n]
    return (first or second) if late or downward else (second or first)


def _level(grid: Grid, entering: Ends, across: Sequence[float], x: int, n: int) -> float:
    """Where ``n`` has to stand for the edge between it and its neighbour ``x`` to be level."""
    if grid.layer[x] < grid.layer[n]:
        return across[x] - entering.get((x, n), 0.0)
    return across[x] + entering.get((n, x), 0.0)


def _pull(grid: Grid, n: int, x: int) -> float:
    """How much a box or a point is drawn to its neighbour ``x``.

    A point of an edge goes level with the end that has fewer edges, so that the edge bends
    once. A value goes level with what it is computed from, and inputs give way.
    """
    if n >= grid.boxes:
        edge, chain = grid.edge_of[n]
        at_tail = len(grid.above[edge.tail]) <= len(grid.below[edge.head])
        return 8.0 if x == chain[chain.index(n) + (-1 if at_tail else 1)] else 1.0
    low = min(n, x, key=grid.layer.__getitem__)
    return 1.0 if grid.is_input(low) else 100.0


def _weight(grid: Grid, n: int) -> float:
    """How much a place counts where two of a layer want the same room."""
    if n >= grid.boxes:
        return 100.0
    return 1.0 if grid.is_input(n) else 1e4


def _weighted_median(pulls: Sequence[tuple[float, float]], default: float) -> float:
    """The place with as much weight on either side; the middle of two such places."""
    ordered = sorted(pulls)
    half, before = sum(w for _, w in ordered) / 2, 0.0
    for k, (place, weight) in enumerate(ordered):
        before += weight
        if before > half:
            return place
        if before == half:
            return (place + ordered[k + 1][0]) / 2
    return default


def kept_apart(
    wishes: Sequence[float], weights: Sequence[float], gaps: Sequence[float]
) -> list[float]:
    """The places nearest to the wishes, in order and at least ``gaps`` apart.

    Least squares under those constraints: an isotonic regression, by pooling adjacent violators.
    """
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    pools: list[tuple[float, float, int]] = []  # mean, weight, count
    for wish, weight, offset in zip(wishes, weights, offsets, strict=True):
        pool = (wish - offset, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            mean, w, n = pools.pop()
            total = w + pool[1]
            pool = ((mean * w + pool[0] * pool[1]) / total, total, n + pool[2])
        pools.append(pool)
    means = [mean for mean, _, n in pools for _ in range(n)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


# --------------------------------------------------------------------------------- straight edges


def _straighten(grid: Grid, rows: Rows, across: list[float], entering: Ends) -> None:
    """Put the points of each edge at as few heights as their neighbours in the layers allow.

    From the head on, points share a height until no height is left that all of them may have,
    which makes the fewest bends. The height is that of the box at the end, where it can be.
    """
    places = {n: (row, i) for row in rows for i, n in enumerate(row)}

    def room(n: int) -> tuple[float, float]:
        row, i = places[n]
        low = across[row[i - 1]] + grid.apart(row[i - 1], n) if i else -_FIXED
        high = across[row[i + 1]] - grid.apart(n, row[i + 1]) if i + 1 < len(row) else _FIXED
        return min(low, across[n]), max(high, across[n])

    for chain in sorted(grid.chains, key=len):
        tail, head = chain[0], chain[-1]
        ends = [across[tail], across[head] + entering.get((chain[-2], head), 0.0)]
        runs: list[tuple[list[int], float, float]] = []
        for n in reversed(chain[1:-1]):
            low, high = room(n)
            if runs and max(low, runs[-1][1]) <= min(high, runs[-1][2]):
                run, before, after = runs[-1]
                runs[-1] = [*run, n], max(low, before), min(high, after)
            else:
                runs.append(([n], low, high))
        for k, (run, low, high) in enumerate(runs):
            at_tail, at_head = k == len(runs) - 1, k == 0
            goals = [x for x, near in zip(ends, (at_tail, at_head), strict=True) if near]
            if len(goals) == 2 and len(grid.above[tail]) > len(grid.below[head]):
                goals.reverse()  # level with the end that has fewer edges
            goals.append(sorted(across[n] for n in run)[len(run) // 2])
            wish = next((x for x in goals if low <= x <= high), goals[0])
            for n in run:
                across[n] = min(max(wish, low), high)


def _met_head_on(grid: Grid, found: Positions) -> Positions:
    """The same, where an edge that is all but level with its box meets it without a jog."""
    entering, leaving = dict(found.entering), dict(found.leaving)
    across = found.across
    for n in range(grid.boxes):
        before, after = (max(0.0, side - _CORNER) for side in grid.sides[n])
        coming = sorted(grid.below[n], key=lambda x: entering[x, n])
        if not coming:
            continue
        wishes = []
        for x in coming:
            level, planned = across[x] - across[n], entering[x, n]
            near = abs(level - planned) < _JOG and -before <= level <= after
            wishes.append((level, _FIXED) if near else (planned, 1.0))
        room = min(_PORTS, 0.75 * sum(grid.sides[n]) / len(coming)) / 2
        ends = kept_apart(
            [w for w, _ in wishes], [w for _, w in wishes], [room] * (len(coming) - 1)
        )
        if -before <= ends[0] and ends[-1] <= after:
            entering |= {(x, n): end for x, end in zip(coming, ends, strict=True)}
    for n in range(grid.boxes):
        before, after = (max(0.0, side - _CORNER) for side in grid.sides[n])
        for y in grid.above[n]:
            level = across[y] + entering.get((n, y), 0.0) - across[n]
            if abs(level) < _JOG and -before <= level <= after:
                leaving[n, y] = level
    return Positions(across, entering, leaving)
