"""Edits of a claim that has another shape than what is due.

Why it exists: such a claim equals nothing, so nothing in it can be tried before it has the shape. A
sum may be missing or too many, the whole may be turned, or a factor of an outer product left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from symgrad import graph as g
from symgrad.graph import Kind, Node
from symgrad.verification.pool import Pool
from symgrad.verification.proposals import Edit, of_whole


def reshaped(node: Node, due: g.Shape, by: object, pool: Pool) -> Iterator[Edit]:
    """A claim in the shape that is due, of a gradient by ``by``: summed, turned, or widened."""
    yield from _outer(node, due, pool)
    for axis in range(node.rank):
        rest = [k for k in range(node.rank) if k != axis]
        if tuple(node.shape[k] for k in rest) != due:
            continue
        labels = [0] * node.rank
        for new, k in enumerate(rest):
            labels[k] = new
        labels[axis] = len(rest)

        def summed(n: object = node.shape[axis]) -> str:
            if by is None:
                return f"The sum over the axis of {n} entries is missing."
            return (
                f"{by} is the same for all {n} of them, so its gradient is the sum over all "
                f"{n}; that sum is missing."
            )

        whole = g.product([(node, tuple(labels))], due)
        yield of_whole(node, whole, "missing_sum", summed)
    if node.rank == 2 and node.shape[::-1] == due:

        def turned() -> str:
            return "The whole right side has to be transposed."

        yield of_whole(node, g.product([(node, (1, 0))], due), "transpose", turned)
    if node.rank < len(due):
        yield from _unsummed(node, due, pool)
        yield from _widened(node, due, pool)


def _outer(node: Node, due: g.Shape, pool: Pool) -> Iterator[Edit]:
    """a·bᵀ → a ⊙ b, the column times the row that stands for the product entry by entry."""
    if node.kind is not Kind.PRODUCT or node.shape != (*due, *due) or len(due) != 1:
        return
    if any({0, 1} <= set(labels) for labels in node.labels):
        return
    accesses = [(x, tuple(max(0, k - 1) for k in labels)) for x, labels in node.accesses]
    entries = g.product(accesses, due)

    def words() -> str:
        return f"⊙, entry by entry, is due, and not a column times a row: {pool.text(entries)}."

    yield of_whole(node, entries, "wrong_product", words)


def _unsummed(node: Node, due: g.Shape, pool: Pool) -> Iterator[Edit]:
    """Σ a → a, where the terms themselves are due."""
    if node.kind is not Kind.PRODUCT or node.rank:
        return
    summed = g.label_dims(node)
    if tuple(summed.values()) == due:
        entries = g.product(node.accesses, due)

        def words() -> str:
            if len(node.args) > 1:
                return f"⊙ is due, and not the dot product: {pool.text(entries)}."
            return f"The sum is one too many: {pool.text(entries)} is due, entry by entry."

        mistake = "wrong_product" if len(node.args) > 1 else "extra_sum"
        yield of_whole(node, entries, mistake, words)


def _widened(node: Node, due: g.Shape, pool: Pool) -> Iterator[Edit]:
    """a → a·bᵀ: the other factor of an outer product is missing."""
    for value in pool.values:
        if node.rank + value.rank != len(due) or not value.rank:
            continue
        first = (tuple(range(node.rank)), tuple(range(node.rank, len(due))))
        last = (tuple(range(value.rank, len(due))), tuple(range(value.rank)))
        for own, other in (first, last):
            shape = {
                **dict(zip(own, node.shape, strict=True)),
                **dict(zip(other, value.shape, strict=True)),
            }
            if tuple(shape[k] for k in range(len(due))) != due:
                continue

            def words(value: Node = value) -> str:
                return f"The factor {pool.text(value)} is missing."

            outer = g.product([(node, own), (value, other)], due)
            yield of_whole(node, outer, "missing_factor", words)
