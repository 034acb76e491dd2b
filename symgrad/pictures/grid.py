"""The graph in layers, with a point for each layer that an edge passes; points follow the boxes.

What the later steps of a layered layout share: a label is a point with a size, so edges, labels
and boxes are kept apart by one rule. Positions are along the flow and across it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from symgrad.pictures.ranks import Edge, Size, ranks

SPACE = 18.0
"""Between two boxes of a layer."""
THREAD = 10.0
"""Between an edge that passes a layer and its neighbours."""

Rows = list[list[int]]
"""The boxes and points of each layer, in their order across the flow."""


class Grid:
    """Boxes, points, and the edges between neighbouring layers."""

    def __init__(self, sizes: Sequence[Size], edges: Sequence[Edge], beside: bool) -> None:
        self.edges, self.beside = edges, beside
        self.boxes = len(sizes)
        self.along = [w for w, _ in sizes]
        self.sides = [(h / 2, h / 2) for _, h in sizes]
        """How far each reaches across, before and after its place."""
        self.layer = ranks(len(sizes), edges)
        self.chains: list[list[int]] = []
        """The tail of each edge, the points that it passes, and its head."""
        self.labels: list[int | None] = []
        """The point of each edge that has its label."""
        self.edge_of: dict[int, tuple[Edge, list[int]]] = {}
        """The edge that each point is of, and its chain."""
        for edge in edges:
            self._add_chain(edge)
        self.below: list[list[int]] = [[] for _ in self.along]
        self.above: list[list[int]] = [[] for _ in self.along]
        for chain in self.chains:
            for a, b in itertools.pairwise(chain):
                self.below[b].append(a)
                self.above[a].append(b)

    def _add_chain(self, edge: Edge) -> None:
        first, last = self.layer[edge.tail], self.layer[edge.head]
        chain = [edge.tail]
        label = None
        for layer in range(first + 1, last):
            chain.append(len(self.along))
            size = (0.0, 0.0)
            if edge.label is not None and layer == last - 1:
                label, size = chain[-1], edge.label
            self.along.append(size[0])
            self.sides.append((0.0, size[1]) if self.beside else (size[1] / 2, size[1] / 2))
            self.layer.append(layer)
        chain.append(edge.head)
        self.chains.append(chain)
        self.labels.append(label)
        self.edge_of |= dict.fromkeys(chain[1:-1], (edge, chain))

    def is_input(self, n: int) -> bool:
        """Whether a box is made of nothing, or a point is of an edge from such a box."""
        box = n if n < self.boxes else self.edge_of[n][0].tail
        return not self.below[box]

    def apart(self, a: int, b: int) -> float:
        """How far apart two neighbours of a layer have to stand."""
        is_thread = not (sum(self.sides[a]) and sum(self.sides[b]))
        return self.sides[a][1] + self.sides[b][0] + (THREAD if is_thread else SPACE)
