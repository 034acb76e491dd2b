"""Edits of products: factors, the order and the transposes of matrices, indices, sums."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from symgrad import graph as g
from symgrad.graph import Access, Kind, Labels, Node, label_dims
from symgrad.verification.pool import Pool, Slope
from symgrad.verification.proposals import Proposal, name_of


def _placements(node: Node, shape: Sequence[g.Dim]) -> Iterator[Labels]:
    """The ways to let a value of a shape run along axes of ``node``."""
    dims = label_dims(node)
    choices = [[x for x, n in dims.items() if n == size] for size in shape]
    for labels in itertools.islice(itertools.product(*choices), 8):
        if len(set(labels)) == len(labels):
            yield labels


def _times(node: Node, other: Node, labels: Labels) -> Node:
    own = node.accesses if node.kind is Kind.PRODUCT else (Access(node, tuple(range(node.rank))),)
    return g.product([*own, Access(other, labels)], node.shape)


def slopes_inserted(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    if node.kind is Kind.CONST:
        return
    for slope in pool.slopes:
        for labels in _placements(node, slope.derivative.shape):
            due = _times(node, slope.derivative, labels)

            def words(slope: Slope = slope, labels: Labels = labels, due: Node = due) -> str:
                missing = (
                    f"The derivative of {name_of(slope.function)} at {pool.text(slope.argument)}, "
                    f"which is {pool.text(slope.derivative)}, is missing"
                )
                if any(x >= node.rank for x in labels):
                    return f"{missing} in {pool.text(node)}: {pool.text(due)} is due."
                entries = ", entry by entry." if slope.derivative.rank else "."
                part = pool.text(_along(node, labels))
                return f"{missing}: {part} has to be multiplied by it{entries}"

            yield Proposal(due, "missing_derivative", words)


def _along(node: Node, labels: Labels) -> Node:
    """The part of a product that runs along some of its labels: W·δ in W·δ·xᵀ, along the first."""
    if node.kind is not Kind.PRODUCT or not labels or max(labels) >= node.rank:
        return node
    reached, chosen = set(labels), set[int]()
    while True:
        new = {
            k
            for k, (_, own) in enumerate(node.accesses)
            if k not in chosen and reached.intersection(own)
        }
        if not new:
            break
        chosen |= new
        reached |= {x for k in new for x in node.labels[k] if x >= node.rank}
    kept = [node.accesses[k] for k in sorted(chosen)]
    if any(x < node.rank and x not in labels for _, own in kept for x in own) or not kept:
        return node
    new_labels = {old: new for new, old in enumerate(labels)}
    more = itertools.count(len(labels))
    accesses = [
        Access(arg, tuple(new_labels.setdefault(x, next(more)) if x not in new_labels
                          else new_labels[x] for x in own))
        for arg, own in kept
    ]  # fmt: skip
    return g.product(accesses, tuple(node.shape[x] for x in labels))


def factors_inserted(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    if node.kind not in (Kind.PRODUCT, Kind.NAMED, Kind.LEAF) and node is not root:
        return
    for value in [*pool.values, *(pool.parts if node is root else ())]:
        for labels in _placements(node, value.shape):

            def words(value: Node = value) -> str:
                return f"The factor {pool.text(value)} is missing beside {pool.text(node)}."

            yield Proposal(_times(node, value, labels), "missing_factor", words)


def factors_of_terms(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """a + c → a + c·b, of a term that was the same for all entries."""
    if node.kind is not Kind.SUM:
        return
    axes = tuple(range(node.rank))
    for k, (arg, labels) in enumerate(node.accesses):
        for value in pool.values:
            if len(labels) == node.rank or value.rank != node.rank - len(labels):
                continue
            rest = tuple(x for x in axes if x not in labels)
            if tuple(node.shape[x] for x in rest) != value.shape:
                continue
            whole = g.product([Access(arg, labels), Access(value, rest)], node.shape)
            terms = list(zip(node.weights, node.args, node.labels, strict=True))
            terms[k] = (node.weights[k], whole, axes)

            def words(arg: Node = arg, value: Node = value) -> str:
                return f"The factor {pool.text(value)} is missing beside {pool.text(arg)}."

            yield Proposal(g.add(terms, node.shape), "missing_factor", words)


def slopes_replaced(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """a ⊙ u → a ⊙ f′(z), of one factor u or of two."""
    if node.kind is not Kind.PRODUCT:
        return
    accesses = node.accesses
    for slope in pool.slopes:
        shape = slope.derivative.shape
        fitting = [k for k, (arg, _) in enumerate(accesses) if arg.shape == shape]
        for chosen in [*((k,) for k in fitting), *itertools.combinations(fitting, 2)]:
            labels = accesses[chosen[0]].labels
            if any(accesses[k].labels != labels for k in chosen):
                continue
            stands = g.product(
                [Access(accesses[k].node, tuple(range(len(shape)))) for k in chosen], shape
            )
            if not any(v in pool.atoms and v in (slope.value, slope.argument)
                       for v in pool.sites(stands)):  # fmt: skip
                continue
            rest = [a for k, a in enumerate(accesses) if k not in chosen]
            edited = g.product([*rest, Access(slope.derivative, labels)], node.shape)

            def words(slope: Slope = slope, stands: Node = stands) -> str:
                return (
                    f"The derivative of {name_of(slope.function)} at {pool.text(slope.argument)} "
                    f"is {pool.text(slope.derivative)}, and not {pool.text(stands)}."
                )

            elsewhere = pool.exchanged(slope.derivative, slope.value, slope.argument)
            is_misplaced = pool.tidied(stands) in map(pool.tidied, elsewhere)
            mistake = "derivative_of_wrong_argument" if is_misplaced else "wrong_derivative"
            yield Proposal(edited, mistake, words)


def sums_missing(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """a → Σ a, of what is the same for all entries."""
    if not node.rank or node.kind is Kind.CONST:
        return
    for axis in range(node.rank):
        labels = tuple(node.rank if k == axis else k for k in range(node.rank))

        def words() -> str:
            return f"The sum over the entries of {pool.text(node)} is missing."

        yield Proposal(g.product([Access(node, labels)], node.shape), "missing_sum", words)


def factors_dropped(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    if node.kind is not Kind.PRODUCT or len(node.args) < 2:
        return
    pairs = [
        (k, n)
        for k, n in itertools.combinations(range(len(node.args)), 2)
        if node.labels[k] == node.labels[n] and len(node.args) > 2
    ]  # such as p·(1 − p), which somebody left in
    for dropped in [*((k,) for k in range(len(node.args))), *pairs]:
        rest = [a for n, a in enumerate(node.accesses) if n not in dropped]
        carried = {x for a in rest for x in a.labels}
        if any(x >= node.rank and x not in carried for x in label_dims(node)):
            continue

        def words(dropped: tuple[int, ...] = dropped) -> str:
            own = [node.accesses[k] for k in dropped]
            shape = own[0].node.shape
            axes = tuple(range(len(shape)))
            factor = own[0].node if len(own) < 2 else g.product([(a, axes) for a, _ in own], shape)
            return f"The factor {pool.text(factor)} in {pool.text(node)} is one too many."

        yield Proposal(g.product(rest, node.shape), "extra_factor", words)


def _relabelled(node: Node, k: int, labels: Labels) -> Node | None:
    """``node`` with another way to read its k-th operand; None where a label would be lost."""
    accesses = [Access(a, labels if n == k else own) for n, (a, own) in enumerate(node.accesses)]
    if node.kind is Kind.SUM:
        terms = zip(node.weights, *zip(*accesses, strict=True), strict=True)
        return g.add(terms, node.shape)
    carried = {x for a in accesses for x in a.labels}
    contracted = {x for x in label_dims(node) if x >= node.rank}
    return g.product(accesses, node.shape) if contracted <= carried else None


def transposes(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    if node.kind not in (Kind.PRODUCT, Kind.SUM):
        return
    for k, (arg, labels) in enumerate(node.accesses):
        if arg.rank != 2 or arg.shape[0] != arg.shape[1] or labels[0] == labels[1]:
            continue
        edited = _relabelled(node, k, labels[::-1])
        if edited is None:
            continue

        def words(arg: Node = arg) -> str:
            return f"{pool.text(arg)} has to be transposed in {pool.text(node)}, or must not be."

        yield Proposal(edited, "transpose", words)


def wrong_orders(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """A·B → B·A of square matrices."""
    if node.kind is not Kind.PRODUCT or len(node.args) != 2 or node.rank != 2:
        return
    (a, x), (b, y) = node.accesses
    if a.rank != 2 or b.rank != 2 or sorted((*x, *y)) != [0, 1, 2, 2]:
        return
    swap = {0: 1, 1: 0, 2: 2}
    flipped = [
        Access(a, tuple(swap[t] for t in x[::-1])), Access(b, tuple(swap[t] for t in y[::-1])),
    ]  # fmt: skip
    turned = [Access(a, tuple(swap[t] for t in x)), Access(b, tuple(swap[t] for t in y))]
    for accesses in (flipped, turned):
        dims: dict[int, object] = {}
        fits = all(
            dims.setdefault(t, n) == n
            for arg, labels in accesses
            for t, n in zip(labels, arg.shape, strict=True)
        )
        if fits and tuple(dims[t] for t in (0, 1)) == node.shape:

            def words() -> str:
                return f"The factors of {pool.text(node)} are in the wrong order."

            yield Proposal(g.product(accesses, node.shape), "order", words)


def wrong_products(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """A ⊙ B → A·B, and the reverse, of square matrices."""
    if node.kind is not Kind.PRODUCT or len(node.args) != 2 or node.rank != 2:
        return
    if any(a.rank != 2 for a in node.args) or node.shape[0] != node.shape[1]:
        return
    (a, x), (b, y) = node.accesses
    elementwise = max(*x, *y) < 2
    pairs = [((0, 2), (2, 1)), ((2, 1), (0, 2))] if elementwise else [((0, 1), (0, 1))]
    stands, due = ("⊙", "the matrix product") if elementwise else ("the matrix product", "⊙")

    def words() -> str:
        return f"In {pool.text(node)} {stands} stands where {due} is due."

    for own, other in pairs:
        flips = ((own, other), (own[::-1], other), (own, other[::-1]))
        for left, right in flips[:1] if elementwise else flips:
            yield Proposal(
                g.product([Access(a, left), Access(b, right)], node.shape), "wrong_product", words
            )


def wrong_indices(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """a_i → a_j: an operand is read along another axis."""
    if node.kind not in (Kind.PRODUCT, Kind.SUM):
        return
    dims = label_dims(node)
    for k, (arg, labels) in enumerate(node.accesses):
        for place, size in enumerate(arg.shape):
            for label, n in dims.items():
                if n != size or label in labels:
                    continue
                other = (*labels[:place], label, *labels[place + 1 :])
                edited = _relabelled(node, k, other)
                if edited is None:
                    continue

                def words(arg: Node = arg) -> str:
                    return f"{pool.text(arg)} has a wrong index in {pool.text(node)}."

                yield Proposal(edited, "index", words)
