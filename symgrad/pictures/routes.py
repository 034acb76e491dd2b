"""From positions to coordinates: how wide the gaps are, and the curve of each edge.

The last step of a layered layout. Inside a layer every edge runs straight along the flow at a
position of its own, and it bends only in the gaps between layers. So no edge can pass through a
box or a label, whatever the graph.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from symgrad.pictures.grid import Grid, Rows
from symgrad.pictures.positions import Positions
from symgrad.pictures.ranks import Size

Point = tuple[float, float]

GAP = 40.0
"""Between two layers, at least."""
NARROW_GAP = 20.0
"""Between a layer of boxes and one of labels, at least."""
_SLOPE = 0.5
"""A gap grows with the longest way across it, up to this much for each unit, …"""
_WIDEST_GAP = 110.0
_LEVEL = 0.5
"""Ends that differ by less are level."""
_SLANT = 2.5
"""Ends that differ by less have a straight line between them: a curve would look like a slip."""


class Route(NamedTuple):
    """An edge as it is drawn.

    ``pieces`` are curves one after the other, each straight (two points) or a cubic Bézier curve
    (four). ``label`` is the centre of its label.
    """

    pieces: tuple[tuple[Point, ...], ...]
    label: Point | None


class Layout(NamedTuple):
    """The centre of each box, the route of each edge, and the size of it all; the origin is 0."""

    centres: tuple[Point, ...]
    routes: tuple[Route, ...]
    size: Size


def routed(grid: Grid, rows: Rows, found: Positions) -> Layout:
    """The coordinates of everything, along and across the flow."""
    extents = [max(grid.along[n] for n in row) for row in rows]
    starts = [0.0]
    for k in range(len(extents) - 1):
        starts.append(starts[-1] + extents[k] + _gap(grid, rows, found, k))
    everything = range(len(grid.along))
    top = min(found.across[n] - grid.sides[n][0] for n in everything)
    bottom = max(found.across[n] + grid.sides[n][1] for n in everything)
    places = [
        (starts[grid.layer[n]] + extents[grid.layer[n]] / 2, found.across[n] - top)
        for n in everything
    ]
    layers = [(start, start + extent) for start, extent in zip(starts, extents, strict=True)]
    routes = tuple(
        Route(
            _pieces(grid, found, chain, places, layers, top),
            None if label is None else _centre(grid, label, places[label]),
        )
        for chain, label in zip(grid.chains, grid.labels, strict=True)
    )
    size = (starts[-1] + extents[-1], bottom - top)
    return Layout(tuple(places[: grid.boxes]), routes, size)


def _gap(grid: Grid, rows: Rows, found: Positions, k: int) -> float:
    """The width of the gap after a layer: wide where an edge has a long way to go across."""
    steep = max(
        (abs(found.end(a, b) - found.start(a, b)) for a in rows[k] for b in grid.above[a]),
        default=0.0,
    )
    boxes = any(n < grid.boxes for n in rows[k])
    following = any(n < grid.boxes for n in rows[k + 1])
    least = GAP if boxes and following else NARROW_GAP
    return min(max(least, _SLOPE * steep), _WIDEST_GAP)


def _pieces(
    grid: Grid,
    found: Positions,
    chain: Sequence[int],
    places: Sequence[Point],
    layers: Sequence[tuple[float, float]],
    top: float,
) -> tuple[tuple[Point, ...], ...]:
    """Straight through each layer, an S-curve in each gap."""
    tail, head = chain[0], chain[-1]
    here = (places[tail][0] + grid.along[tail] / 2, found.start(tail, chain[1]) - top)
    pieces: list[tuple[Point, ...]] = []

    def straight(to: Point) -> None:
        nonlocal here
        if to != here:
            pieces.append((here, to))
            here = to

    for a, b in itertools.pairwise(chain):
        straight((layers[grid.layer[a]][1], here[1]))
        to = (layers[grid.layer[b]][0], found.end(a, b) - top)
        if abs(to[1] - here[1]) < _SLANT:
            straight(to)
        else:
            half = (here[0] + to[0]) / 2
            pieces.append((here, (half, here[1]), (half, to[1]), to))
            here = to
    straight((places[head][0] - grid.along[head] / 2, here[1]))
    return _joined(pieces)


def _centre(grid: Grid, n: int, place: Point) -> Point:
    before, after = grid.sides[n]
    return place[0], place[1] + (after - before) / 2


def _joined(pieces: Sequence[tuple[Point, ...]]) -> tuple[tuple[Point, ...], ...]:
    """Straight pieces that follow one another at one height, as one."""
    found: list[tuple[Point, ...]] = []
    for piece in pieces:
        level = found and abs(piece[1][1] - found[-1][0][1]) < _LEVEL
        if level and len(piece) == len(found[-1]) == 2:
            found[-1] = (found[-1][0], piece[1])
        else:
            found.append(piece)
    return tuple(found)
