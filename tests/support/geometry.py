"""What must hold of a picture on paper: boxes and labels apart, and no edge through one of them.

Curves are followed point by point, with none of the layout's own reasoning.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from symgrad.pictures.layout import DOWN
from symgrad.pictures.ranks import Edge, Size
from symgrad.pictures.routes import Layout, Point

SLACK = 0.6


class Box(NamedTuple):
    """A rectangle by its corners."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether two rectangles share more than an edge."""
        return (
            min(self.right, other.right) - max(self.left, other.left) > SLACK
            and min(self.bottom, other.bottom) - max(self.top, other.top) > SLACK
        )

    def contains(self, point: Point) -> bool:
        """Whether a point is inside, and not only at the border."""
        x, y = point
        return (
            self.left + SLACK < x < self.right - SLACK
            and self.top + SLACK < y < self.bottom - SLACK
        )


def box(centre: Point, size: Size) -> Box:
    """The rectangle of a size around a point."""
    (x, y), (w, h) = centre, size
    return Box(x - w / 2, y - h / 2, x + w / 2, y + h / 2)


def along(piece: Sequence[Point], steps: int = 40) -> Iterator[Point]:
    """Points of a straight line or a cubic Bézier curve."""
    for k in range(steps + 1):
        t = k / steps
        points = [tuple(p) for p in piece]
        while len(points) > 1:  # de Casteljau
            points = [
                tuple((1 - t) * a + t * b for a, b in zip(p, q, strict=True))
                for p, q in itertools.pairwise(points)
            ]
        yield points[0][0], points[0][1]


def check(found: Layout, sizes: Sequence[Size], edges: Sequence[Edge], direction: str) -> None:
    """Every demand on a layout; AssertionError with what is where."""
    boxes = [box(c, s) for c, s in zip(found.centres, sizes, strict=True)]
    labels = {
        k: box(route.label, edge.label)
        for k, (route, edge) in enumerate(zip(found.routes, edges, strict=True))
        if route.label is not None and edge.label is not None
    }
    assert set(labels) == {k for k, edge in enumerate(edges) if edge.label is not None}
    whole = Box(-SLACK, -SLACK, found.size[0] + SLACK, found.size[1] + SLACK)
    everything = [*boxes, *labels.values()]
    for a, b in itertools.combinations(everything, 2):
        assert not a.meets(b), (a, b)
    for a in everything:
        assert whole.left <= a.left and a.right <= whole.right, a
        assert whole.top <= a.top and a.bottom <= whole.bottom, a
    for k, (route, edge) in enumerate(zip(found.routes, edges, strict=True)):
        points = [p for piece in route.pieces for p in along(piece)]
        for a, b in itertools.pairwise(route.pieces):
            assert abs(a[-1][0] - b[0][0]) < SLACK, (a, b)
            assert abs(a[-1][1] - b[0][1]) < SLACK, (a, b)
        others = [x for j, x in labels.items() if j != k]
        for obstacle in [*boxes, *others]:
            assert not any(obstacle.contains(p) for p in points), (edge, obstacle)
        tail, head = boxes[edge.tail], boxes[edge.head]
        first, last = points[0], points[-1]
        if direction == DOWN:
            assert abs(first[1] - tail.bottom) < SLACK and tail.left <= first[0] <= tail.right
            assert abs(last[1] - head.top) < SLACK and head.left <= last[0] <= head.right
            assert tail.bottom < head.top
        else:
            assert abs(first[0] - tail.right) < SLACK and tail.top <= first[1] <= tail.bottom
            assert abs(last[0] - head.left) < SLACK and head.top <= last[1] <= head.bottom
            assert tail.right < head.left
