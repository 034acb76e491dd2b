"""Products that are a matrix times its own transpose: Σₙ cₙ·aₙᵢ·bₙᵢ·aₙⱼ·bₙⱼ = Zᵀ·Z, Z = √c ⊙ a ⊙ b.

Why it exists: a Gauss–Newton matrix, and the Hessian of most losses, is of this form. As Zᵀ·Z only
one factor is computed, and BLAS does half of the operations, because the result is symmetric.
"""

from __future__ import annotations

from collections.abc import Sequence

from symgrad import graph as g
from symgrad.bounds import bounds
from symgrad.codegen.views import contract
from symgrad.graph import Access, Node
from symgrad.vocabulary import root


def square(
    arrays: Sequence[Access], kept: frozenset[int]
) -> tuple[list[Access], list[Access]] | None:
    """The factors of Z and those of its twin, or None.

    Weights c that may be negative stay with the first: Zᵀ·diag(c)·Z. Every array is summed along
    all contracted labels or along none.
    """
    summed = {x for a in arrays for x in a.labels} - kept
    by_node: dict[Node, list[Access]] = {}
    for access in arrays:
        if not summed.isdisjoint(access.labels) and not summed.issubset(access.labels):
            return None
        by_node.setdefault(access.node, []).append(access)
    weights: list[Access] = []
    halves: tuple[list[Access], list[Access]] = [], []
    sides: tuple[set[int], set[int]] = set(), set()
    twin: dict[int, int] = {}
    for group in by_node.values():
        group.sort(key=lambda access: access.labels)
        if kept.isdisjoint(group[0].labels) and len(group) == 1:
            weights += group
            continue
        if len(group) != 2:
            return None
        a, b = group if sides[1].isdisjoint(group[0].labels) else group[::-1]
        for x, y in zip(a.labels, b.labels, strict=True):
            if (x == y) != (x in summed) or twin.setdefault(x, y) != y:
                return None
        for half, side, one in zip(halves, sides, (a, b), strict=True):
            half.append(one)
            side.update(kept.intersection(one.labels))
    if not summed or not sides[0].isdisjoint(sides[1]):
        return None
    if len(set(twin.values())) < len(twin):
        return None
    if weights:
        labels = {x for a in weights for x in a.labels}
        weights = weights[:1] if len(weights) == 1 else [contract(weights, labels)]
    rooted = bool(weights) and bounds(weights[0].node).nonnegative
    if len(halves[0]) < 2 and not rooted:
        return None  # a product of two arrays already
    if rooted:
        weights = [_root(weights[0])]
    return [*weights, *halves[0]], [*weights, *halves[1]] if rooted else halves[1]


def _root(access: Access) -> Access:
    """√c."""
    node, labels = access
    own = tuple(range(node.rank))
    return Access(g.apply(root(g.slot(0)), [(node, own)], node.shape), labels)
