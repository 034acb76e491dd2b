"""The order in each layer: few crossings, by sweeps of medians and by exchanging neighbours.

The second step of a layered layout (Sugiyama, Tagawa and Toda, 1981). It starts from the order in
which operands are used, with the inputs of a value around what it is computed from.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from symgrad.pictures.grid import Grid, Rows

_SWEEPS = 12


def ordered(grid: Grid) -> Rows:
    """The boxes and points of each layer, in an order with few crossings."""
    rows: Rows = [[] for _ in range(max(grid.layer) + 1)]
    for node in _first_order(grid):
        rows[grid.layer[node]].append(node)
    best, fewest = [list(row) for row in rows], _crossings(grid, rows)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        _sweep(grid, rows, downward=sweep % 2 == 0)
        _exchange(grid, rows)
        crossings = _crossings(grid, rows)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _first_order(grid: Grid) -> list[int]:
    """Operands in the order of their use, by a walk from the loss: near what they belong to."""
    seen: dict[int, None] = {}
    for sink in (n for n in range(grid.boxes) if not grid.above[n]):
        stack = [sink]
        while stack:
            node = stack.pop()
            if node not in seen:
                seen[node] = None
                stack += reversed(_around(grid, grid.below[node]))
    return list(seen)


def _around(grid: Grid, operands: Sequence[int]) -> list[int]:
    """The operands with one value among inputs in the middle: W1, h0, b1 for h0, W1, b1."""
    values = [x for x in operands if not grid.is_input(x)]
    if len(values) != 1 or len(operands) < 3:
        return list(operands)
    inputs = [x for x in operands if grid.is_input(x)]
    half = (len(inputs) + 1) // 2
    return [*inputs[:half], *values, *inputs[half:]]


def _sweep(grid: Grid, rows: Rows, downward: bool) -> None:
    neighbours = grid.below if downward else grid.above
    places = range(1, len(rows)) if downward else range(len(rows) - 2, -1, -1)
    for k in places:
        fixed = {n: i for i, n in enumerate(rows[k - 1 if downward else k + 1])}
        middle = {
            n: _median([fixed[x] for x in neighbours[n]], default=float(i))
            for i, n in enumerate(rows[k])
        }
        rows[k].sort(key=middle.__getitem__)


def _exchange(grid: Grid, rows: Rows) -> None:
    """Exchange neighbours in a layer as long as that removes crossings."""
    for k, row in enumerate(rows):
        sides = [
            (near, {n: i for i, n in enumerate(rows[k + d])})
            for near, d in ((grid.below, -1), (grid.above, 1))
            if 0 <= k + d < len(rows)
        ]
        changed, rounds = True, 0
        while changed and rounds < len(row):
            changed, rounds = False, rounds + 1
            for i in range(len(row) - 1):
                a, b = row[i], row[i + 1]
                gain = sum(
                    _inversions(near[a], near[b], at) - _inversions(near[b], near[a], at)
                    for near, at in sides
                )
                if gain > 0:
                    row[i], row[i + 1] = b, a
                    changed = True


def _crossings(grid: Grid, rows: Rows) -> int:
    total = 0
    for row, following in itertools.pairwise(rows):
        at = {n: i for i, n in enumerate(following)}
        ends = [e for n in row for e in sorted(at[x] for x in grid.above[n])]
        counts = [0] * (len(following) + 1)  # a Fenwick tree of the ends so far
        for k, end in enumerate(ends):
            i, smaller = end + 1, 0
            while i:
                smaller += counts[i]
                i -= i & -i
            total += k - smaller
            i = end + 1
            while i < len(counts):
                counts[i] += 1
                i += i & -i
    return total


def _inversions(left: Sequence[int], right: Sequence[int], at: Mapping[int, int]) -> int:
    """Crossings between the edges of two neighbours, the first standing before the second."""
    return sum(at[a] > at[b] for a in left for b in right)


def _median(values: Sequence[float], default: float) -> float:
    ordered_values = sorted(values)
    if not ordered_values:
        return default
    half = len(ordered_values) // 2
    return (ordered_values[half] + ordered_values[-half - 1]) / 2
