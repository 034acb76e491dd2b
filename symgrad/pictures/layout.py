"""Where everything stands: a layered layout, inputs first, the loss last.

Why it exists: a picture without any system package needs coordinates. grandalf, the one layered
layout in pure Python, is under the GPL and rests since 2023; NetworkX has no layered layout with
sizes, and igraph is compiled and under the GPL. So this is the method of Sugiyama, Tagawa and Toda
(1981), a file for each of its steps, for boxes of any size: layers (`ranks`), with points for
edges that pass a layer and for their labels (`grid`); fewer crossings (`crossings`); positions
near to the neighbours (`positions`); curves (`routes`).

Positions are (x, y) with y downward. Inside the steps they are (along, across) the flow.
"""

from __future__ import annotations

from collections.abc import Sequence

from symgrad.pictures.crossings import ordered
from symgrad.pictures.grid import Grid
from symgrad.pictures.positions import positions
from symgrad.pictures.ranks import Edge, Size
from symgrad.pictures.routes import Layout, Point, Route, routed

RIGHT, DOWN = "right", "down"
DIRECTIONS = (RIGHT, DOWN)


def layout(sizes: Sequence[Size], edges: Sequence[Edge], direction: str = RIGHT) -> Layout:
    """The layout of boxes of these sizes, (width, height); the edges make no cycle.

    An edge to the right passes the middle of its label, so that there is text above and below it;
    one downward passes at the left of it.
    """
    if not sizes:
        return Layout((), (), (0.0, 0.0))
    if direction == DOWN:
        sizes = [(h, w) for w, h in sizes]
        edges = [e._replace(label=e.label and (e.label[1], e.label[0])) for e in edges]
    grid = Grid(sizes, edges, beside=direction == DOWN)
    rows = ordered(grid)
    found = routed(grid, rows, positions(grid, rows))
    return found if direction == RIGHT else _turned(found)


def _turned(found: Layout) -> Layout:
    """A layout to the right, downward."""
    return Layout(
        tuple(_swapped(p) for p in found.centres),
        tuple(
            Route(
                tuple(tuple(_swapped(p) for p in piece) for piece in r.pieces),
                r.label and _swapped(r.label),
            )
            for r in found.routes
        ),
        _swapped(found.size),
    )


def _swapped(point: Point) -> Point:
    return point[1], point[0]
