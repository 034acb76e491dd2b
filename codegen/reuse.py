"""Sums of a product that is computed anyway: Σᵢ a·b beside a ⊙ b → Σᵢ (a ⊙ b).

Why it exists: the gradient of a bias sums what the gradient of the weights multiplies. Where the
user has not named the product (δ ⊙ (1 − h ⊙ h), say), both would compute it.

In: the nodes of a lowered graph. Out: which products to replace, and by what.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from symgrad import graph as g
from symgrad.graph import Access, Kind, Labels, Node

_SPECIAL = (Kind.ONEHOT, Kind.INDICATOR)
"""Operands that make a product a gather, a scatter or a window."""


def reusable(nodes: Iterable[Node]) -> dict[Node, Node]:
    """For each product whose factors are also multiplied element by element: the sum of that.

    The factors are those of its factors too, where they are products: (a ⊙ b) ⊙ c is a ⊙ (b ⊙ c).
    """
    pointwise: dict[tuple[int, ...], list[Node]] = {}
    summed: list[Node] = []
    flat: dict[Node, list[Access]] = {}
    for node in nodes:
        if node.kind is not Kind.PRODUCT or len(node.accesses) < 2:
            continue
        if any(arg.kind in _SPECIAL for arg in node.args):
            continue
        flat[node] = [y for x in node.accesses for y in _factors(x, flat)]
        if _is_pointwise(node):
            pointwise.setdefault(_key(flat[node]), []).append(node)
        else:
            summed.append(node)
    found: dict[Node, Node] = {}
    for node in summed:
        for product in pointwise.get(_key(flat[node]), ()):
            labels = _labels_of(product, flat[product], flat[node])
            if labels is not None:
                found[node] = g.product([(product, labels)], node.shape)
                break
    return found


def _is_pointwise(node: Node) -> bool:
    return all(x < node.rank for access in node.accesses for x in access.labels)


def _factors(access: Access, flat: Mapping[Node, list[Access]]) -> list[Access]:
    """The access, or those of the factors of a product, as they are seen through it."""
    if access.node not in flat or not _is_pointwise(access.node):
        return [access]
    inner = flat[access.node]
    return [Access(x.node, tuple(access.labels[k] for k in x.labels)) for x in inner]


def _key(factors: Iterable[Access]) -> tuple[int, ...]:
    return tuple(sorted(x.node.uid for x in factors))


def _labels_of(product: Node, factors: Sequence[Access], others: Sequence[Access]) -> Labels | None:
    """How a sum of the same factors sees the axes of ``product``; None if not so."""
    seen = {x.node: x.labels for x in others}
    if len(seen) < len(others):
        return None  # a ⊙ a: which is which would have to be searched
    place: dict[int, int] = {}
    for factor in factors:
        for axis, label in zip(factor.labels, seen[factor.node], strict=True):
            if place.setdefault(axis, label) != label:
                return None
    complete = len(set(place.values())) == len(place) == product.rank
    return tuple(place[axis] for axis in range(product.rank)) if complete else None
