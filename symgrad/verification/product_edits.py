"""Edits of products: factors, the order and the transposes of matrices, indices, sums."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from symgrad import graph as g
from symgrad.graph import Access, Kind, Labels, Node, label_dims
from symgrad.verification.pool import Pool, Slope
from symgrad.verification.proposals import Proposal, Words, fitting, name_of


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
    for value in [*pool.values, *pool.reciprocals, *(pool.parts if node is root else ())]:
        for labels in _placements(node, value.shape):

            def words(value: Node = value) -> str:
                if node.kind is Kind.CONST:
                    return f"{pool.text(value)} is due where {pool.text(node)} stands."
                if value in pool.reciprocals:
                    return f"{pool.text(node)} has to be divided by {pool.text(value.args[0])}."
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
        yield from _numbers_replaced(node, slope, pool)


def _numbers_replaced(node: Node, slope: Slope, pool: Pool) -> Iterator[Proposal]:
    """The same of one number for all entries: (1 − h'h)·a → (1 − h ⊙ h) ⊙ a."""
    shape = slope.derivative.shape
    for k, (stands, _) in enumerate(node.accesses):
        inside = {slope.value, slope.argument}.intersection(pool.sites(stands))
        if stands.rank or not shape or not inside:
            continue
        rest = [a for n, a in enumerate(node.accesses) if n != k]
        entries = _entrywise(stands, shape)
        same = pool.tidied(entries) is pool.tidied(slope.derivative)

        def words(stands: Node = stands, same: bool = same) -> str:
            due, number = pool.text(slope.derivative), pool.text(stands)
            if same:
                return f"{number} is one number: ⊙ is due in it, entry by entry, which is {due}."
            return (
                f"The derivative of {name_of(slope.function)} at {pool.text(slope.argument)} is "
                f"{due}, and not {number}."
            )

        for labels in _placements(node, shape):
            edited = g.product([*rest, Access(slope.derivative, labels)], node.shape)
            yield Proposal(edited, "wrong_product" if same else "wrong_derivative", words)


def _entrywise(node: Node, shape: g.Shape) -> Node:
    """A number with products entry by entry for its dot products."""
    axes = tuple(range(len(shape)))
    if node.kind is Kind.SUM:
        terms = zip(node.weights, node.args, strict=True)
        return g.add([(c, _entrywise(x, shape), axes) for c, x in terms], shape)
    if node.kind is Kind.PRODUCT and tuple(label_dims(node).values()) == shape:
        return g.product(node.accesses, shape)
    return g.const(node.value, shape) if node.kind is Kind.CONST else node


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
        edited = _without(node, dropped)
        if edited is None or edited is node:
            continue

        def words(dropped: tuple[int, ...] = dropped) -> str:
            own = [node.accesses[k] for k in dropped]
            shape = own[0].node.shape
            axes = tuple(range(len(shape)))
            factor = own[0].node if len(own) < 2 else g.product([(a, axes) for a, _ in own], shape)
            return f"The factor {pool.text(factor)} in {pool.text(node)} is one too many."

        yield Proposal(edited, "extra_factor", words)


def _without(node: Node, dropped: Sequence[int]) -> Node | None:
    """A product without some factors; what a square matrix stood between is joined: A·x → x."""
    rest = [a for n, a in enumerate(node.accesses) if n not in dropped]
    arg, labels = node.accesses[dropped[0]]
    is_square = arg.rank == 2 and arg.shape[0] == arg.shape[1] and labels[0] != labels[1]
    if len(dropped) > 1 or not is_square or max(labels) < node.rank:
        return fitting(rest, node.shape, node)
    kept, gone = sorted(labels)
    joined = [Access(a, tuple(kept if x == gone else x for x in own)) for a, own in rest]
    dims = {x for _, own in joined for x in own}
    summed = {x for x in label_dims(node) if x >= node.rank} - {gone}
    return g.product(joined, node.shape) if summed <= dims else None


def _relabelled(node: Node, k: int, labels: Labels) -> Node | None:
    """``node`` with another way to read its k-th operand; None where a label would be lost."""
    accesses = [Access(a, labels if n == k else own) for n, (a, own) in enumerate(node.accesses)]
    if node.kind is Kind.SUM:
        terms = zip(node.weights, *zip(*accesses, strict=True), strict=True)
        return g.add(terms, node.shape)
    return fitting(accesses, node.shape, node)


def transposes(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    if node.kind not in (Kind.PRODUCT, Kind.SUM):
        return
    for k, (arg, labels) in enumerate(node.accesses):
        if arg.rank != 2 or arg.shape[0] != arg.shape[1] or labels[0] == labels[1]:
            continue
        edited = _relabelled(node, k, labels[::-1])
        if edited is None:
            continue

        def words(arg: Node = arg, due: Node = edited) -> str:
            return _turned(pool.text(arg), pool.text(node), pool.text(due))

        yield Proposal(edited, "transpose", words)


def _turned(arg: str, stands: str, due: str) -> str:
    """That a transpose is missing, or one too many: the texts say which."""
    more = due.count(f"{arg}ᵀ") - stands.count(f"{arg}ᵀ")
    how = "has to be" if more > 0 else "must not be" if more < 0 else "is not rightly"
    return f"{arg} {how} transposed in {stands}: {due} is due."


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
        edited = fitting(accesses, node.shape, node)
        if edited is not None and edited is not node:
            yield Proposal(edited, "order", _reordered(node, edited, pool))


def _reordered(node: Node, due: Node, pool: Pool) -> Words:
    def words() -> str:
        stands = pool.text(node)
        return f"The factors of {stands} are in the wrong order: {pool.text(due)} is due."

    return words


def other_orders(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """A·B·x → B·A·x: a part of the truth that has the same factors."""
    if node.kind is not Kind.PRODUCT or node in pool.atoms:
        return
    own = _factors(node, pool)
    carried = {x for labels in node.labels for x in labels}
    if len(own) < 3 or not carried.issuperset(range(node.rank)):
        return
    for part in pool.products:
        if part is not node and part.shape == node.shape and _factors(part, pool) == own:
            yield Proposal(part, "order", _reordered(node, part, pool))
            minus = g.add([(-1, part, tuple(range(part.rank)))], part.shape)
            yield Proposal(minus, "order", _reordered(node, part, pool))


def _factors(node: Node, pool: Pool) -> list[int]:
    """The factors of a product, a difference being what it is the other way round."""
    found, waiting = [], list(node.args)
    while waiting:
        x = waiting.pop()
        if x.kind is Kind.PRODUCT and x not in pool.atoms:
            waiting += x.args
        else:
            found.append(min(x.uid, _minus(x).uid))
    return sorted(found)


def _minus(node: Node) -> Node:
    if node.kind is not Kind.SUM:
        return node
    terms = zip(node.weights, node.args, node.labels, strict=True)
    return g.add([(-c, arg, labels) for c, arg, labels in terms], node.shape)


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
            edited = _checked([Access(a, left), Access(b, right)], node.shape)
            if edited is not None:
                yield Proposal(edited, "wrong_product", words)


def _checked(accesses: Sequence[Access], shape: g.Shape) -> Node | None:
    """A product that sums over other labels than before; None where a label has two sizes."""
    return fitting(accesses, shape, g.const(1, shape))


def sums_dropped(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """Σ a → a, where nothing runs along an axis of the same size."""
    if node.kind is not Kind.PRODUCT:
        return
    carried = {x for labels in node.labels for x in labels}
    dims = label_dims(node)
    for axis in range(node.rank):
        for label in sorted(carried):
            if axis in carried or label < node.rank or dims[label] != node.shape[axis]:
                continue
            accesses = [
                Access(a, tuple(axis if x == label else x for x in own)) for a, own in node.accesses
            ]

            edited = g.product(accesses, node.shape)

            def words(due: Node = edited) -> str:
                return f"The sum is one too many: {pool.text(due)} is due, entry by entry."

            yield Proposal(edited, "extra_sum", words)


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

                def words(arg: Node = arg, due: Node = edited) -> str:
                    stands = pool.text(node)
                    return (
                        f"{pool.text(arg)} has a wrong index in {stands}: {pool.text(due)} is due."
                    )

                yield Proposal(edited, "index", words)
