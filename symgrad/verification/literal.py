"""Dimensions that are given as numbers, as symbols: a claim about 784 inputs is one about D inputs.

Why it exists: a network that is declared with 784 inputs and 128 units has arrays that exact
arithmetic takes seconds for, and an example on it that nobody can read. What holds for all sizes
holds for these, so a claim is compared with symbols in the place of large numbers first: a proof
of that is a proof. A witness against it is filled up with zeros to the declared sizes, and counts
only if it is one there: a formula may be right for 784 only, such as one that says 1/784 for a
mean. Of the places that are filled, which are all alike, one is computed (`lumped`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
import sympy as sp

from symgrad import graph as g
from symgrad.batch import remade
from symgrad.graph import Dim, Kind, Node, Shape
from symgrad.verification.points import Point, leaves_of, point_of, shape_at

LARGE = 4
"""Numbers up to this one stay as they are."""

WEIGHTY = 600
"""Leaves with fewer entries in all are compared as they are: they are small enough."""


def entries(nodes: Sequence[Node]) -> int:
    """The entries of the leaves, a dimension that is a symbol counting as 1."""
    shapes = [leaf.shape for leaf in g.leaves(nodes)]
    return sum(
        int(np.prod([n for n in shape if isinstance(n, int)], dtype=int)) for shape in shapes
    )


def with_symbols(nodes: Sequence[Node]) -> list[Node]:
    """``nodes`` with one symbol in the place of each large number that is a dimension."""
    if entries(nodes) < WEIGHTY:
        return list(nodes)
    numbers = {
        n for node in g.topological(nodes) for n in node.shape if isinstance(n, int) and n > LARGE
    }
    symbols: dict[int, sp.Symbol] = {
        n: sp.Dummy(f"n{n}", integer=True, positive=True, dummy_index=n) for n in numbers
    }
    done: dict[Node, Node] = {}
    for node in g.topological(nodes):
        done[node] = _reshaped(node, [done[arg] for arg in node.args], symbols)
    return [done[node] for node in nodes]


def _reshaped(node: Node, args: Sequence[Node], symbols: Mapping[int, sp.Symbol]) -> Node:
    def dim(n: Dim) -> Dim:
        return symbols.get(n, n) if isinstance(n, int) else n

    shape: Shape = tuple(map(dim, node.shape))
    operands = list(zip(args, node.labels, strict=True))
    match node.kind:
        case Kind.LEAF:
            data = node.leaf
            classes = None if data.classes is None else dim(data.classes)
            return g.leaf(data.name, shape, data.symbol, data.facts, data.origin, classes)
        case Kind.CONST:
            return g.const(node.value, shape)
        case Kind.DELTA:
            return g.delta(shape[0])
        case Kind.INDICATOR:
            return g.indicator(*node.affine, shape)
        case _:
            return remade(node, operands, shape)


def instead(nodes: Sequence[Node]) -> dict[int, int]:
    """A small number for each large one that is a dimension, to try formulas at; none if small.

    Empty too where positions are counted, as in a window: its sizes belong together.
    """
    if entries(nodes) < WEIGHTY:
        return {}
    all_nodes = g.topological(nodes)
    if any(node.kind is Kind.INDICATOR for node in all_nodes):
        return {}
    found = {n for node in all_nodes for n in node.shape if isinstance(n, int) and n > LARGE}
    return {n: 2 + k % 4 for k, n in enumerate(sorted(found))}


_ALIKE = (Kind.LEAF, Kind.CONST, Kind.ONEHOT, Kind.SUM, Kind.PRODUCT, Kind.MAP, Kind.NAMED)
_ALIKE_OVER = ("max", "logsumexp")
"""What takes places that are alike to places that are alike, and a reduction over them. The argmax
of places that are alike is the first of them, which is then another."""


def lumped(
    general: Sequence[Node], nodes: Sequence[Node], full: Point, small: Point
) -> Point | None:
    """A point of ``nodes`` that is filled up, as one of ``general``, where it takes little time.

    The places that were filled are all alike, so one of them is kept and counts for all. None
    where something tells them apart, as δᵢⱼ, a condition on positions or a determinant may.
    """
    numbers = {s: number_of(s) for s in small.sizes if isinstance(s, sp.Dummy)}
    sizes = {**small.sizes, **{s: min(small.sizes[s] + 1, n) for s, n in numbers.items()}}
    repeats = {s: n - sizes[s] + 1 for s, n in numbers.items()}
    if not all(keeps_alike(node, repeats) for node in g.topological(general)):
        return None
    declared = {leaf.name: leaf for leaf in leaves_of(nodes)}
    values = {}
    for leaf in leaves_of(general):
        whole = full.values[leaf.name]
        part = whole[tuple(slice(n) for n in shape_at(leaf, sizes))]
        if declared[leaf.name].leaf.facts and not (expanded(part, whole.shape) == whole).all():
            return None
        values[leaf.name] = part
    return Point(sizes, values, repeats)


def number_of(symbol: sp.Dummy) -> int:
    """The number that a symbol of `with_symbols` stands for."""
    return int(symbol.dummy_index)


def keeps_alike(node: Node, symbols: Mapping[sp.Symbol, int]) -> bool:
    """Whether a node takes places along some dimensions that are alike to such places."""
    if node.kind in _ALIKE or (node.kind is Kind.REDUCE and node.op in _ALIKE_OVER):
        return True
    dims = [*node.shape, *(n for arg in node.args for n in arg.shape)]
    return not any(isinstance(n, sp.Symbol) and n in symbols for n in dims)


def expanded(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """An array with the last place along each axis repeated up to a shape."""
    more = [(0, n - m) for n, m in zip(shape, values.shape, strict=True)]
    return np.pad(values, more, mode="edge") if more else values


def filled_up(nodes: Sequence[Node], point: Point) -> Point:
    """A point of smaller arrays as one of ``nodes``, with zeros in the places that are new."""
    free = {}
    sizes = {s: n for s, n in point.sizes.items() if not isinstance(s, sp.Dummy)}
    leaves = leaves_of(nodes)
    for leaf in leaves:
        small = point.values[leaf.name]
        zeros = np.full(shape_at(leaf, sizes), Fraction(0), dtype=object)
        zeros[tuple(slice(n) for n in small.shape)] = small
        free[leaf.name] = zeros
    return point_of(leaves, sizes, free)
