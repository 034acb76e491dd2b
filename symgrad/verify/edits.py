"""Small edits of a formula, each of which undoes a mistake that people make.

Why it exists: a wrong claim is explained by what makes it right. Each row of `EDITS` is one kind of
edit: ``proposals`` takes a node of the claim's graph and gives nodes to put in its place, with the
words that say what was wrong; `edits` does so for every node of the claim. What is right after one
edit is explained by it; what needs two, by both (`search`).

**To add a mistake**, add its name to `mistakes`, and a row here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import sympy as sp

from symgrad import graph as g
from symgrad.graph import Access, Kind, Labels, Node, label_dims, slot
from symgrad.verify.pool import Pool, Slope
from symgrad.vocabulary import hard_step, relu, sigmoid, softplus, step

Words = Callable[[], str]


class Proposal(NamedTuple):
    """A node in the place of another; ``words`` say what was wrong, ``mistake`` names it."""

    node: Node
    mistake: str
    words: Words
    swap: tuple[Node, Node] | None = None
    """What stands and what is due, where a value is exchanged for another."""


class Edit(NamedTuple):
    """The claim after an edit. ``cost`` is how far-fetched the edit is; 1 is a common mistake."""

    root: Node
    mistake: str
    words: Words
    cost: float
    swap: tuple[Node, Node] | None = None


class Row(NamedTuple):
    """One kind of edit: its law ``what was written → what is due``, and what proposes it."""

    law: str
    cost: float
    proposals: Callable[[Node, Node, Pool], Iterator[Proposal]]
    """The node, the whole claim, the pool."""


def edits(root: Node, pool: Pool, rows: Sequence[Row] | None = None) -> Iterator[Edit]:
    """Every edit of a claim, the most common mistakes first.

    What stands in several places is edited in all of them, and then in one place at a time.
    """
    sites = pool.sites(root)
    places = _places(sites, pool)
    seen = {root}
    for row in rows if rows is not None else EDITS:
        once: list[Edit] = []
        for site in sites:
            for found in row.proposals(site, root, pool):
                edited = pool.replaced(root, site, found.node)
                if edited not in seen:
                    seen.add(edited)
                    yield Edit(edited, found.mistake, found.words, row.cost, found.swap)
                several = places.get(site, ())
                for parent, k in several if len(several) > 1 else ():
                    args = [*parent.args[:k], found.node, *parent.args[k + 1 :]]
                    edited = pool.replaced(root, parent, g.rebuild(parent, args))
                    if edited not in seen:
                        seen.add(edited)
                        once.append(Edit(edited, found.mistake, found.words, row.cost, found.swap))
        yield from once


def _places(sites: Sequence[Node], pool: Pool) -> dict[Node, list[tuple[Node, int]]]:
    """Where each node stands: the nodes that it is an operand of, and which of theirs it is."""
    found: dict[Node, list[tuple[Node, int]]] = {}
    for site in sites:
        if site not in pool.atoms:
            for k, arg in enumerate(site.args):
                found.setdefault(arg, []).append((site, k))
    return found


# ------------------------------------------------------------------------------------- of sums


def _reweighted(node: Node, k: int, weight: sp.Expr) -> Node:
    weights = [*node.weights[:k], weight, *node.weights[k + 1 :]]
    return g.add(zip(weights, node.args, node.labels, strict=True), node.shape)


def _signs(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    if node.kind is not Kind.SUM or len(node.args) < 2:
        return
    for k, (weight, arg) in enumerate(zip(node.weights, node.args, strict=True)):
        due = "−" if weight.is_positive else "+"

        def words(arg: Node = arg, due: str = due) -> str:
            return (
                f"The sign of {pool.text(arg)} is wrong: in {pool.text(node)} it should be {due}."
            )

        yield Proposal(_reweighted(node, k, -weight), "sign", words)


def _weights(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    if node.kind is not Kind.SUM or len(node.args) < 2:
        return
    dims = [n for n in label_dims(node).values() if not isinstance(n, int)]
    factors = [sp.Integer(2), sp.Rational(1, 2), sp.Integer(3), sp.Rational(1, 3)]
    for n in dims:
        factors += [n, 1 / n]
    for k, (weight, arg) in enumerate(zip(node.weights, node.args, strict=True)):
        for factor in factors:

            def words(arg: Node = arg, c: sp.Expr = weight * factor) -> str:
                term = pool.text(g.add([(c, arg, tuple(range(arg.rank)))], arg.shape))
                return f"The factor of {pool.text(arg)} is wrong: the term should be {term}."

            yield Proposal(_reweighted(node, k, weight * factor), "factor", words)


def _terms_dropped(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    if node.kind is not Kind.SUM or len(node.args) < 2:
        return
    for k, arg in enumerate(node.args):
        rest = [
            x
            for n, x in enumerate(zip(node.weights, node.args, node.labels, strict=True))
            if n != k
        ]

        def words(arg: Node = arg) -> str:
            return f"The term {pool.text(arg)} in {pool.text(node)} is one too many."

        yield Proposal(g.add(rest, node.shape), "extra_term", words)


def _terms_added(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """a → a − b, 1 − a, …: of a value that is not the whole claim, which `search` does."""
    if node.kind is Kind.CONST:
        return
    axes = tuple(range(node.rank))
    one = g.const(1, node.shape)
    terms = [v for v in pool.terms if v.shape == node.shape and v is not node]
    for own, weight, other in [
        *((w, c, one) for w, c in ((-1, 1), (1, -1), (1, 1))),
        *((1, c, v) for v in terms for c in (-1, 1)),
    ]:
        if other is one and own == 1 and node.kind is Kind.NAMED and weight == 1:
            continue

        def words(own: int = own, weight: int = weight, other: Node = other) -> str:
            due = g.add([(own, node, axes), (weight, other, axes)], node.shape)
            return f"A term is missing: {pool.text(due)} is due where {pool.text(node)} stands."

        yield Proposal(
            g.add([(own, node, axes), (weight, other, axes)], node.shape), "missing_term", words
        )


# --------------------------------------------------------------------------------- of products


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


def _slopes_inserted(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    if node.kind is Kind.CONST:
        return
    for slope in pool.slopes:
        for labels in _placements(node, slope.derivative.shape):

            def words(slope: Slope = slope, labels: Labels = labels) -> str:
                entries = ", entry by entry." if slope.derivative.rank else "."
                return (
                    f"The derivative of {name_of(slope.function)} at {pool.text(slope.argument)}, "
                    f"which is {pool.text(slope.derivative)}, is missing: "
                    f"{pool.text(_along(node, labels))} has to be multiplied by it{entries}"
                )

            yield Proposal(_times(node, slope.derivative, labels), "missing_derivative", words)


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


def _factors_inserted(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    if node.kind not in (Kind.PRODUCT, Kind.NAMED, Kind.LEAF) and node is not root:
        return
    for value in [*pool.values, *(pool.parts if node is root else ())]:
        for labels in _placements(node, value.shape):

            def words(value: Node = value) -> str:
                return f"The factor {pool.text(value)} is missing beside {pool.text(node)}."

            yield Proposal(_times(node, value, labels), "missing_factor", words)


def _factors_of_terms(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
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


def _slopes_replaced(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
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


def _factors_dropped(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    if node.kind is not Kind.PRODUCT or len(node.args) < 2:
        return
    for k, (arg, _) in enumerate(node.accesses):
        rest = [a for n, a in enumerate(node.accesses) if n != k]
        carried = {x for a in rest for x in a.labels}
        if any(x >= node.rank and x not in carried for x in label_dims(node)):
            continue

        def words(arg: Node = arg) -> str:
            return f"The factor {pool.text(arg)} in {pool.text(node)} is one too many."

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


def _transposes(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
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


def _orders(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
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


def _products(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
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


def _labels(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
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


# ----------------------------------------------------------------------- of values and functions


def _same_kind(arg: Node, pool: Pool) -> list[Node]:
    """What may have been meant by a value: others of its shape."""
    arguments = [s.argument for s in pool.slopes]
    found = [v for v in (*pool.values, *arguments) if v.shape == arg.shape and v is not arg]
    return list(dict.fromkeys(found))


def _values(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """h → z, wherever h stands in the claim."""
    if node not in pool.atoms or node.kind is Kind.CONST or node is root:
        return
    for value in _same_kind(node, pool):

        def words(value: Node = value) -> str:
            return f"{pool.text(value)} is due where {pool.text(node)} stands."

        yield Proposal(value, "wrong_value", words, (node, value))


def _value(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """h → z, in one place; of a factor, wherever it stands in it."""
    if node in pool.atoms:
        return
    for k, arg in enumerate(node.args):
        inside = [arg] if arg in pool.atoms else [n for n in pool.sites(arg) if n in pool.atoms]
        for atom in inside:
            for value in _same_kind(atom, pool):
                new = pool.replaced(arg, atom, value)
                edited = g.rebuild(node, [*node.args[:k], new, *node.args[k + 1 :]])

                def words(atom: Node = atom, value: Node = value, arg: Node = arg) -> str:
                    place = "" if arg is atom else f" in {pool.text(arg)}"
                    return f"{pool.text(value)} is due where {pool.text(atom)} stands{place}."

                yield Proposal(edited, "wrong_value", words, (atom, value))


_ALIKE: tuple[type[sp.Function], ...] = (sp.tanh, sigmoid, relu, softplus, sp.exp, step)


def _functions(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    if node.kind is not Kind.MAP or len(node.args) != 1 or not isinstance(node.body, sp.Function):
        return
    if node in pool.atoms:
        return
    for function in _ALIKE:
        if isinstance(node.body, function):
            continue
        value = g.apply(function(slot(0)), node.accesses, node.shape)

        def words(value: Node = value) -> str:
            return f"{pool.text(value)} is due where {pool.text(node)} stands."

        yield Proposal(value, "wrong_function", words, (node, value))


def _branches(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """1[z > 0] → 1[z < 0]; of a Piecewise, the values of the branches change places."""
    if node.kind is not Kind.MAP or node in pool.atoms:
        return

    def words() -> str:
        return f"The branches of {pool.text(node)} are the wrong way round."

    if isinstance(node.body, step | hard_step | sp.Heaviside | relu):
        (arg, labels), *_ = node.accesses
        if len(node.args) == 1 and node.body.args[0] == slot(0):
            opposite = g.add([(-1, arg, tuple(range(arg.rank)))], arg.shape)
            edited = g.apply(node.body, [Access(opposite, labels)], node.shape)
        else:
            turned = node.body.func(-node.body.args[0], *node.body.args[1:])
            edited = g.apply(turned, node.accesses, node.shape)
        yield Proposal(edited, "wrong_branch", words)
    if isinstance(node.body, sp.Piecewise) and len(node.body.args) == 2:
        (a, condition), (b, other) = node.body.args
        turned = sp.Piecewise((b, condition), (a, other))
        yield Proposal(g.apply(turned, node.accesses, node.shape), "wrong_branch", words)


EDITS: tuple[Row, ...] = (
    Row("a − b → a + b", 1.0, _signs),
    Row("a → a ⊙ f′(z)", 1.0, _slopes_inserted),
    Row("1[z > 0] → 1[z < 0]", 1.0, _branches),
    Row("A → Aᵀ", 1.0, _transposes),
    Row("A·B → B·A", 1.0, _orders),
    Row("A ⊙ B → A·B", 1.0, _products),
    Row("h → z everywhere", 1.1, _values),
    Row("h → z in one place", 1.15, _value),
    Row("a ⊙ u → a ⊙ f′(z)", 1.2, _slopes_replaced),
    Row("a + b → a", 1.2, _terms_dropped),
    Row("c·a + b → 2c·a + b", 1.22, _weights),
    Row("a → a + b, 1 − a", 1.25, _terms_added),
    Row("a·b → a", 1.3, _factors_dropped),
    Row("a → a·b", 1.3, _factors_inserted),
    Row("a + c → a + c·b", 1.3, _factors_of_terms),
    Row("a_i → a_j", 1.35, _labels),
    Row("f(a) → f̃(a)", 1.4, _functions),
)
"""Every kind of edit, the most common mistakes first."""


def name_of(function: str) -> str:
    """A function as it is written."""
    return {"sigmoid": "σ"}.get(function, function)
