"""Where everything stands: a layered layout, inputs first, the loss last.

Why it exists: a picture without any system package needs coordinates. grandalf, the one layered
layout in pure Python, is under the GPL and rests since 2023; NetworkX has no layered layout with
sizes, and igraph is compiled and under the GPL. So this is the method of Sugiyama, Tagawa and Toda
(1981) in its usual four steps, for boxes of any size: layers by longest path; points for edges
that pass a layer, and boxes for their labels; fewer crossings by sweeps of medians; positions as
near to the neighbours as the order allows, which is an isotonic regression for each layer.

Inside a layer every edge runs straight along the flow at a position of its own, and it bends only
in the gaps between layers. So no edge can pass through a box or a label, whatever the graph.

Positions are (x, y) with y downward. Inside this module they are (along, across) the flow.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

RIGHT, DOWN = "right", "down"
DIRECTIONS = (RIGHT, DOWN)

Point = tuple[float, float]
Size = tuple[float, float]

GAP = 40.0
"""Between two layers, at least."""
NARROW_GAP = 20.0
"""Between a layer of boxes and one of labels, at least."""
SPACE = 18.0
"""Between two boxes of a layer."""
THREAD = 10.0
"""Between an edge that passes a layer and its neighbours."""
_SLOPE = 0.5
"""A gap grows with the longest way across it, up to this much for each unit, …"""
_WIDEST_GAP = 110.0
_SWEEPS = 12
_FIXED = 1e8


class Edge(NamedTuple):
    """From the box ``tail`` to the box ``head``; ``label`` is the size of what stands at it."""

    tail: int
    head: int
    label: Size | None = None


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
    found = _Layers(sizes, edges, beside=direction == DOWN).placed()
    if direction == RIGHT:
        return found
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


class _Layers:
    """The graph with a point for each layer that an edge passes; points come after the boxes."""

    def __init__(self, sizes: Sequence[Size], edges: Sequence[Edge], beside: bool) -> None:
        self.edges, self.beside = edges, beside
        self.boxes = len(sizes)
        self.along = [w for w, _ in sizes]
        self.sides = [(h / 2, h / 2) for _, h in sizes]  # before and after its place across
        self.layer = layers(len(sizes), edges)
        self.chains: list[list[int]] = []
        self.labels: list[int | None] = []
        self.edge_of: dict[int, tuple[Edge, list[int]]] = {}
        for edge in edges:
            self._add_chain(edge)
        self.below: list[list[int]] = [[] for _ in self.along]
        self.above: list[list[int]] = [[] for _ in self.along]
        for chain in self.chains:
            for a, b in itertools.pairwise(chain):
                self.below[b].append(a)
                self.above[a].append(b)
        self.order = self._ordered()
        self.ports = self._ports()
        self.across = self._across()

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

    # ---------------------------------------------------------------------------- the order

    def _ordered(self) -> list[list[int]]:
        """The boxes and points of each layer, in an order with few crossings."""
        rows: list[list[int]] = [[] for _ in range(max(self.layer) + 1)]
        for node in self._first_order():
            rows[self.layer[node]].append(node)
        best, fewest = [list(row) for row in rows], self._crossings(rows)
        for sweep in range(_SWEEPS):
            if not fewest:
                break
            self._sweep(rows, downward=sweep % 2 == 0)
            self._exchange(rows)
            crossings = self._crossings(rows)
            if crossings < fewest:
                best, fewest = [list(row) for row in rows], crossings
        return best

    def _first_order(self) -> list[int]:
        """Operands in the order of their use, by a walk from the loss: near what they belong to."""
        seen: dict[int, None] = {}
        for sink in (n for n in range(self.boxes) if not self.above[n]):
            stack = [sink]
            while stack:
                node = stack.pop()
                if node not in seen:
                    seen[node] = None
                    stack += reversed(self.below[node])
        return list(seen)

    def _sweep(self, rows: list[list[int]], downward: bool) -> None:
        neighbours = self.below if downward else self.above
        places = range(1, len(rows)) if downward else range(len(rows) - 2, -1, -1)
        for k in places:
            fixed = {n: i for i, n in enumerate(rows[k - 1 if downward else k + 1])}
            middle = {
                n: _median([fixed[x] for x in neighbours[n]], default=float(i))
                for i, n in enumerate(rows[k])
            }
            rows[k].sort(key=middle.__getitem__)

    def _exchange(self, rows: list[list[int]]) -> None:
        """Exchange neighbours in a layer as long as that removes crossings."""
        for k, row in enumerate(rows):
            sides = [
                (near, {n: i for i, n in enumerate(rows[k + d])})
                for near, d in ((self.below, -1), (self.above, 1))
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

    def _crossings(self, rows: Sequence[Sequence[int]]) -> int:
        total = 0
        for row, following in itertools.pairwise(rows):
            at = {n: i for i, n in enumerate(following)}
            ends = [e for n in row for e in sorted(at[x] for x in self.above[n])]
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

    # ---------------------------------------------------------------------------- positions

    def _across(self) -> list[float]:
        """Positions across the flow: near to the neighbours, and the order kept."""
        across = [0.0] * len(self.along)
        for row in self.order:
            at = 0.0
            for a, b in zip([None, *row], row, strict=False):
                at += 0.0 if a is None else self._apart(a, b)
                across[b] = at
            middle = at / 2
            for n in row:
                across[n] -= middle
        for sweep in range(2 * _SWEEPS + 4):
            downward = sweep % 2 == 0
            settled = sweep >= 2 * _SWEEPS  # at last edges follow the boxes
            for row in self.order if downward else reversed(self.order):
                wishes, weights = [], []
                for n in row:
                    near = self._near(n, downward, sweep >= _SWEEPS)
                    pulls = [(self._level(across, x, n), self._pull(n, x)) for x in near]
                    fixed = settled and n < self.boxes
                    wishes.append(across[n] if fixed else _weighted_median(pulls, across[n]))
                    weights.append(_FIXED if fixed else self._weight(n))
                gaps = [self._apart(a, b) for a, b in itertools.pairwise(row)]
                for n, place in zip(row, _kept_apart(wishes, weights, gaps), strict=True):
                    across[n] = place
        return across

    def _near(self, n: int, downward: bool, late: bool) -> list[int]:
        """The neighbours that a box or a point follows: both ends of an edge; a value what it is
        computed from, and an input what is computed from it."""
        if n >= self.boxes:
            return self.below[n] + self.above[n]
        first, second = self.below[n], self.above[n]
        return (first or second) if late or downward else (second or first)

    def _level(self, across: Sequence[float], x: int, n: int) -> float:
        """Where ``n`` has to stand for the edge between it and its neighbour ``x`` to be level."""
        if self.layer[x] < self.layer[n]:
            return across[x] - self.ports.get((x, n), 0.0)
        return across[x] + self.ports.get((n, x), 0.0)

    def _pull(self, n: int, x: int) -> float:
        """How much a box or a point is drawn to its neighbour ``x``.

        A point of an edge goes level with the end that has fewer edges, so that the edge bends
        once. A value goes level with what it is computed from, and inputs give way.
        """
        if n >= self.boxes:
            edge, chain = self.edge_of[n]
            at_tail = len(self.above[edge.tail]) <= len(self.below[edge.head])
            return 8.0 if x == chain[chain.index(n) + (-1 if at_tail else 1)] else 1.0
        low = min(n, x, key=self.layer.__getitem__)
        low = self.edge_of[x][0].tail if x >= self.boxes else low
        return 100.0 if self.below[low] else 1.0

    def _weight(self, n: int) -> float:
        """How much a place counts where two of a layer want the same room."""
        if n >= self.boxes:
            return 100.0
        return 1e4 if self.below[n] else 1.0

    def _apart(self, a: int, b: int) -> float:
        is_thread = not (sum(self.sides[a]) and sum(self.sides[b]))
        return self.sides[a][1] + self.sides[b][0] + (THREAD if is_thread else SPACE)

    def placed(self) -> Layout:
        """The coordinates of everything."""
        extents = [max(self.along[n] for n in row) for row in self.order]
        starts = [0.0]
        for k in range(len(extents) - 1):
            starts.append(starts[-1] + extents[k] + self._gap(k))
        everything = range(len(self.along))
        top = min(self.across[n] - self.sides[n][0] for n in everything)
        bottom = max(self.across[n] + self.sides[n][1] for n in everything)
        places = [
            (starts[self.layer[n]] + extents[self.layer[n]] / 2, self.across[n] - top)
            for n in everything
        ]
        routes = tuple(
            self._route(edge, chain, label, places, starts, extents)
            for edge, chain, label in zip(self.edges, self.chains, self.labels, strict=True)
        )
        size = (starts[-1] + extents[-1], bottom - top)
        return Layout(tuple(places[: self.boxes]), routes, size)

    def _ports(self) -> dict[tuple[int, int], float]:
        """Where each edge enters its box, relative to the centre: in the order they come from."""
        found: dict[tuple[int, int], float] = {}
        places = {n: i for row in self.order for i, n in enumerate(row)}
        for n in range(self.boxes):
            coming = sorted(self.below[n], key=places.__getitem__)
            room = min(14.0, 0.75 * sum(self.sides[n]) / max(1, len(coming)))
            for k, x in enumerate(coming):
                found[x, n] = (k - (len(coming) - 1) / 2) * room
        return found

    def _gap(self, k: int) -> float:
        """The width of the gap after a layer: wide where an edge has a long way to go across."""
        steep = max(
            (
                abs(self.across[b] + self.ports.get((a, b), 0.0) - self.across[a])
                for a in self.order[k]
                for b in self.above[a]
            ),
            default=0.0,
        )
        boxes = any(n < self.boxes for n in self.order[k])
        following = any(n < self.boxes for n in self.order[k + 1])
        least = GAP if boxes and following else NARROW_GAP
        return min(max(least, _SLOPE * steep), _WIDEST_GAP)

    def _route(
        self,
        edge: Edge,
        chain: Sequence[int],
        label: int | None,
        places: Sequence[Point],
        starts: Sequence[float],
        extents: Sequence[float],
    ) -> Route:
        """Straight through each layer, an S-curve in each gap."""
        here = (places[edge.tail][0] + self.along[edge.tail] / 2, places[edge.tail][1])
        pieces: list[tuple[Point, ...]] = []

        def straight(to: Point) -> None:
            nonlocal here
            if to != here:
                pieces.append((here, to))
                here = to

        for a, b in itertools.pairwise(chain):
            k = self.layer[a]
            straight((starts[k] + extents[k], here[1]))
            to = (starts[k + 1], places[b][1] + self.ports.get((a, b), 0.0))
            half = (here[0] + to[0]) / 2
            if abs(to[1] - here[1]) < 0.5:
                straight(to)
            else:
                pieces.append((here, (half, here[1]), (half, to[1]), to))
                here = to
        straight((places[edge.head][0] - self.along[edge.head] / 2, here[1]))
        return Route(_joined(pieces), None if label is None else self._centre(label, places[label]))

    def _centre(self, n: int, place: Point) -> Point:
        before, after = self.sides[n]
        return place[0], place[1] + (after - before) / 2


def layers(count: int, edges: Iterable[Edge]) -> list[int]:
    """The layer of each box: after all that it is made of; an input stands before its first use.

    Where edges have labels, every second layer is one of labels.
    """
    edges = list(edges)
    step = 2 if any(e.label for e in edges) else 1
    incoming: list[list[int]] = [[] for _ in range(count)]
    outgoing: list[list[int]] = [[] for _ in range(count)]
    for e in edges:
        incoming[e.head].append(e.tail)
        outgoing[e.tail].append(e.head)
    found = [0] * count
    waiting = [len(x) for x in incoming]
    ready = [n for n in range(count) if not waiting[n]]
    while ready:
        node = ready.pop()
        for head in outgoing[node]:
            found[head] = max(found[head], found[node] + step)
            waiting[head] -= 1
            if not waiting[head]:
                ready.append(head)
    for node in range(count):
        if not incoming[node] and outgoing[node]:
            found[node] = min(found[x] for x in outgoing[node]) - step
    return found


def _joined(pieces: Sequence[tuple[Point, ...]]) -> tuple[tuple[Point, ...], ...]:
    """Straight pieces that follow one another at one height, as one."""
    found: list[tuple[Point, ...]] = []
    for piece in pieces:
        if found and len(piece) == len(found[-1]) == 2 and abs(piece[1][1] - found[-1][0][1]) < 0.5:
            found[-1] = (found[-1][0], piece[1])
        else:
            found.append(piece)
    return tuple(found)


def _inversions(left: Sequence[int], right: Sequence[int], at: Mapping[int, int]) -> int:
    """Crossings between the edges of two neighbours, the first standing before the second."""
    return sum(at[a] > at[b] for a in left for b in right)


def _median(values: Sequence[float], default: float) -> float:
    ordered = sorted(values)
    if not ordered:
        return default
    half = len(ordered) // 2
    return (ordered[half] + ordered[-half - 1]) / 2


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


def _kept_apart(
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
