"""Sums of a product that is computed anyway: Σᵢ a·b beside a ⊙ b → Σᵢ (a ⊙ b).

Why it exists: the gradient of a bias sums what the gradient of the weights multiplies. Where the
user has not named the product (δ ⊙ (1 − h ⊙ h), say), both would compute it.

In: the nodes of a lowered graph. Out: which products to replace, and by what.
"""

from __future__ import annotations

from collections.abc import Iterable

from symgrad import graph as g
from symgrad.graph import Kind, Labels, Node

_SPECIAL = (Kind.ONEHOT, Kind.INDICATOR)
"""Operands that make a product a gather, a scatter or a window."""


def reusable(nodes: Iterable[Node]) -> dict[Node, Node]:
    """For each product whose factors are also multiplied element by element: the sum of that."""
    pointwise: dict[tuple[int, ...], list[Node]] = {}
    summed: list[Node] = []
    for node in nodes:
        if node.kind is not Kind.PRODUCT or len(node.accesses) < 2:
            continue
        if any(arg.kind in _SPECIAL for arg in node.args):
            continue
        if all(x < node.rank for labels in _labels(node) for x in labels):
            pointwise.setdefault(_factors(node), []).append(node)
        else:
            summed.append(node)
    found: dict[Node, Node] = {}
    for node in summed:
        for product in pointwise.get(_factors(node), ()):
            labels = _labels_of(product, node)
            if labels is not None:
                found[node] = g.product([(product, labels)], node.shape)
                break
    return found


def _labels(node: Node) -> list[Labels]:
    return [access.labels for access in node.accesses]


def _factors(node: Node) -> tuple[int, ...]:
    return tuple(sorted(arg.uid for arg in node.args))


def _labels_of(product: Node, node: Node) -> Labels | None:
    """How ``node``, a sum of the same factors, sees the axes of ``product``; None if not so."""
    if len(set(node.args)) < len(node.args):
        return None  # a ⊙ a: which is which would have to be searched
    seen = {access.node: access.labels for access in node.accesses}
    place: dict[int, int] = {}
    for access in product.accesses:
        for axis, label in zip(access.labels, seen[access.node], strict=True):
            if place.setdefault(axis, label) != label:
                return None
    complete = len(set(place.values())) == len(place) == product.rank
    return tuple(place[axis] for axis in range(product.rank)) if complete else None
