"""In which layer each box stands: after all that it is made of, and near to where it is used.

The first step of a layered layout. The longest path gives each box a layer, and boxes that are
made of inputs alone go to where they are used, if the edges get shorter by that: the 1 − y of a
loss belongs to the loss, and not to the first layer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

Size = tuple[float, float]


class Edge(NamedTuple):
    """From the box ``tail`` to the box ``head``; ``label`` is the size of what stands at it."""

    tail: int
    head: int
    label: Size | None = None


def ranks(count: int, edges: Iterable[Edge]) -> list[int]:
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
    order = _topological(incoming, outgoing)
    for node in order:
        for head in outgoing[node]:
            found[head] = max(found[head], found[node] + step)

    def before_its_use(node: int) -> int:
        return min(found[x] for x in outgoing[node]) - step

    def place_inputs(nodes: Iterable[int]) -> None:
        for node in nodes:
            if not incoming[node] and outgoing[node]:
                found[node] = before_its_use(node)

    def length(nodes: Iterable[int]) -> int:
        """Of the edges at these boxes and at the inputs that they are made of."""
        ends = {(x, y) for n in nodes for x, y in _edges_at(n, incoming, outgoing)}
        return sum(found[y] - found[x] for x, y in ends)

    place_inputs(order)
    for node in reversed(order):
        if not (incoming[node] and outgoing[node]):
            continue
        inputs = [x for x in incoming[node] if not incoming[x]]
        was, before = [found[x] for x in (node, *inputs)], length((node, *inputs))
        found[node] = before_its_use(node)
        place_inputs(inputs)
        if length((node, *inputs)) >= before:
            for x, layer in zip((node, *inputs), was, strict=True):
                found[x] = layer
    return found


def _topological(incoming: list[list[int]], outgoing: list[list[int]]) -> list[int]:
    waiting = [len(x) for x in incoming]
    ready = [n for n, x in enumerate(waiting) if not x]
    order: list[int] = []
    while ready:
        node = ready.pop()
        order.append(node)
        for head in outgoing[node]:
            waiting[head] -= 1
            if not waiting[head]:
                ready.append(head)
    return order


def _edges_at(
    node: int, incoming: list[list[int]], outgoing: list[list[int]]
) -> Iterable[tuple[int, int]]:
    return [(x, node) for x in incoming[node]] + [(node, x) for x in outgoing[node]]
