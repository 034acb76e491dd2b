"""Edits of sums: signs, factors of terms, terms too many and missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import TypeAlias

import sympy as sp

from symgrad import graph as g
from symgrad.graph import Kind, Node, label_dims
from symgrad.verification.pool import Pool
from symgrad.verification.proposals import Edit, Proposal, of_whole
from symgrad.verification.witness import superscript


def _reweighted(node: Node, k: int, weight: sp.Expr) -> Node:
    weights = [*node.weights[:k], weight, *node.weights[k + 1 :]]
    return g.add(zip(weights, node.args, node.labels, strict=True), node.shape)


def signs(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    if node.kind is not Kind.SUM or len(node.args) < 2:
        return
    for k, (weight, arg) in enumerate(zip(node.weights, node.args, strict=True)):
        due = "−" if weight.is_positive else "+"

        def words(arg: Node = arg, due: str = due) -> str:
            return (
                f"The sign of {pool.text(arg)} is wrong: in {pool.text(node)} it should be {due}."
            )

        yield Proposal(_reweighted(node, k, -weight), "sign", words)


def weights(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """Another constant factor of a term, such as the truth has."""
    for c, found in _reweightings(node, pool):
        if abs(c) in pool.weights:
            yield found


def other_weights(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    for c, found in _reweightings(node, pool):
        if abs(c) not in pool.weights:
            yield found


def _reweightings(node: Node, pool: Pool) -> Iterator[tuple[sp.Expr, Proposal]]:
    if node.kind is not Kind.SUM or len(node.args) < 2:
        return
    dims = list(dict.fromkeys(n for n in label_dims(node).values() if not isinstance(n, int)))
    dims += [n for n in pool.dims if n not in dims]
    factors = [sp.Integer(2), sp.Rational(1, 2), sp.Integer(3), sp.Rational(1, 3)]
    for n in dims:
        factors += [n, 1 / n]
    for k, (weight, arg) in enumerate(zip(node.weights, node.args, strict=True)):
        for factor in factors:
            due = weight * factor

            def words(arg: Node = arg, c: sp.Expr = weight, due: sp.Expr = due) -> str:
                return _factor_words(arg, c, due, pool)

            yield due, Proposal(_reweighted(node, k, due), "factor", words)


def _factor_words(arg: Node, c: sp.Expr, due: sp.Expr, pool: Pool) -> str:
    """What is wrong with the factor of a term, but for its sign."""
    stands, right = (
        pool.text(g.add([(abs(x), arg, tuple(range(arg.rank)))], arg.shape)) for x in (c, due)
    )
    by = due / c
    if by in pool.dims:
        return f"{pool.text(arg)} must not be divided by {by} here: the term should be {right}."
    if 1 / by in pool.dims:
        return f"{stands} has to be divided by {1 / by}: the term should be {right}."
    return f"A factor is wrong: {right} is due where {stands} stands."


def whole_numbers(root: Node, pool: Pool) -> Edit | None:
    """A claim with simple numbers for those that are nearly so: 1 for 0.9999999999."""
    done: dict[Node, Node] = {}
    off: list[tuple[Node, sp.Expr, sp.Expr]] = []
    for node in pool.sites(root)[::-1]:
        new = node if node in pool.atoms else g.rebuild(node, [done[arg] for arg in node.args])
        if node.kind is Kind.SUM and node not in pool.atoms:
            dues = _simple(node.weights)
            found = zip(node.args, node.weights, dues, strict=True)
            off += [(arg, c, due) for arg, c, due in found if c != due]
            new = g.add(zip(dues, new.args, new.labels, strict=True), new.shape)
        done[node] = new
    if not off:
        return None
    arg, c, due = off[0]

    def words() -> str:
        power = len(str(int(1 / abs(c / due - 1)))) - 1
        return f"The factor of {pool.text(arg)} is off by about one part in 10{superscript(power)}."

    return of_whole(root, done[root], "factor", words)


def _simple(weights: Sequence[sp.Expr]) -> list[sp.Expr]:
    """The simple numbers that weights nearly are, or are nearly times the largest of them."""
    if not all(c.is_Rational for c in weights):
        return list(weights)
    largest = max(weights, key=abs)
    return [_near(c / largest) * _near(largest) for c in weights]


def _near(c: sp.Rational) -> sp.Rational:
    if max(abs(c.p), c.q) <= _LONG:
        return c
    own = Fraction(int(c.p), int(c.q))
    due = own.limit_denominator(12)
    is_near = abs(due - own) < _SLIGHTLY * abs(own)
    return sp.Rational(due.numerator, due.denominator) if is_near else c


_LONG, _SLIGHTLY = 1_000_000, Fraction(1, 10**6)
"""Numbers of more digits are no slip of the pen, and differ by so little."""


def sums_of_terms(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """a + Σ b → a + b, where b has the shape of a."""
    if node.kind is not Kind.SUM or not node.rank:
        return
    for k, (arg, labels) in enumerate(node.accesses):
        if labels or arg.kind is not Kind.PRODUCT or tuple(label_dims(arg).values()) != node.shape:
            continue
        entries = g.product(arg.accesses, node.shape)
        terms = list(zip(node.weights, node.args, node.labels, strict=True))
        terms[k] = (node.weights[k], entries, tuple(range(node.rank)))

        def words(due: Node = entries) -> str:
            return f"The sum is one too many: {pool.text(due)} is due, entry by entry."

        yield Proposal(g.add(terms, node.shape), "extra_sum", words)


def means(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """Σ a → (1/n)·Σ a, and the reverse, wherever the claim sums over n entries to a number."""
    if node is not root:
        return
    sites = [
        n
        for n in pool.sites(root)
        if n.kind is Kind.PRODUCT and not n.rank and len(label_dims(n)) == 1 and n not in pool.atoms
    ]
    for size in dict.fromkeys(label_dims(n)[0] for n in sites):
        own = [n for n in sites if label_dims(n)[0] == size]
        for c, words in ((1 / sp.sympify(size), _SUMS), (sp.sympify(size), _MEANS)):
            changes = {n: g.add([(c, n, ())], ()) for n in own}
            new = pool.tidied(pool.with_all(root, changes))

            def said(words: str = words, size: g.Dim = size) -> str:
                return words.format(size)

            yield Proposal(new, "sum_for_mean", said)


_SUMS = "The sums over the {0} entries should be means: each has to be divided by {0}."
_MEANS = "The means over the {0} entries should be sums: they must not be divided by {0}."


def identities(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """A + c·1 → A + c·I: every entry was changed, and not the diagonal only."""
    if node.kind is not Kind.SUM or node.rank != 2 or node.shape[0] != node.shape[1]:
        return
    own = list(zip(node.weights, node.args, node.labels, strict=True))
    for k, (weight, arg, labels) in enumerate(own):
        if labels and arg.kind is not Kind.CONST:
            continue
        accesses = [g.Access(g.delta(node.shape[0]), (0, 1)), g.Access(arg, labels)]
        due = (weight, g.product(accesses, node.shape), (0, 1))

        def words(stands: _Term = own[k], due: _Term = due) -> str:
            one, other = (pool.text(pool.tidied(g.add([x], node.shape))) for x in (stands, due))
            return f"{other} is due where {one} stands: the diagonal only, and not every entry."

        yield Proposal(g.add([*own[:k], due, *own[k + 1 :]], node.shape), "wrong_value", words)


def terms_exchanged(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """a + b → a + c, where c is a term of such a sum in the truth."""
    if node.kind is not Kind.SUM or len(node.args) < 2:
        return
    own = list(zip(node.weights, node.args, node.labels, strict=True))
    for whole in pool.sums:
        if whole.shape != node.shape or len(whole.args) != len(own):
            continue
        for k, stands in enumerate(own):
            for due in zip(whole.weights, whole.args, whole.labels, strict=True):
                if due in own:
                    continue
                edited = g.add([*own[:k], due, *own[k + 1 :]], node.shape)

                def words(stands: _Term = stands, due: _Term = due) -> str:
                    one, other = (g.add([x], node.shape) for x in (stands, due))
                    if _is_of_loss(one, pool):
                        return (
                            f"{pool.text(one)} is the term of the loss and not its gradient: "
                            f"{pool.text(other)} is due."
                        )
                    return f"{pool.text(other)} is due where {pool.text(one)} stands."

                yield Proposal(edited, "wrong_value", words)


_Term: TypeAlias = "tuple[sp.Expr, Node, g.Labels]"


def _is_of_loss(term: Node, pool: Pool) -> bool:
    """Whether a term is one of the loss, the same for all entries of the sum that it stands in."""
    (arg,) = term.args
    return not arg.rank and any(arg in whole.args for whole in pool.losses)


def terms_dropped(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    if node.kind is not Kind.SUM or len(node.args) < 2:
        return
    for k, arg in enumerate(node.args):
        rest = [
            x
            for n, x in enumerate(zip(node.weights, node.args, node.labels, strict=True))
            if n != k
        ]

        if node is not root and all(x.kind is Kind.CONST for _, x, _ in rest):
            continue  # a whole factor is one too many

        def words(arg: Node = arg) -> str:
            return f"The term {pool.text(arg)} in {pool.text(node)} is one too many."

        yield Proposal(g.add(rest, node.shape), "extra_term", words)


def terms_added(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """a → a − b, 1 − a, …: of a value that is not the whole claim, which `search` does."""
    if node.kind is Kind.CONST:
        return
    one = g.const(1, node.shape)
    yield from _of_sums_in_truth(node, pool)
    yield from _added(node, pool, [(w, c, one) for w, c in ((-1, 1), (1, -1), (1, 1))])


def values_added(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """a → a + b, a − b of a value b that has a name."""
    if node.kind is not Kind.CONST:
        values = [v for v in pool.values if v.shape == node.shape and v is not node]
        yield from _added(node, pool, [(1, c, v) for v in values for c in (-1, 1)])


def _added(node: Node, pool: Pool, terms: Iterable[tuple[int, int, Node]]) -> Iterator[Proposal]:
    """a → own·a + weight·b."""
    axes = tuple(range(node.rank))
    for own, weight, other in terms:
        one = other.kind is Kind.CONST
        if one and own == 1 and node.kind is Kind.NAMED and weight == 1:
            continue

        def words(own: int = own, weight: int = weight, other: Node = other) -> str:
            due = g.add([(own, node, axes), (weight, other, axes)], node.shape)
            return f"A term is missing: {pool.text(due)} is due where {pool.text(node)} stands."

        yield Proposal(
            g.add([(own, node, axes), (weight, other, axes)], node.shape), "missing_term", words
        )


def _of_sums_in_truth(node: Node, pool: Pool) -> Iterator[Proposal]:
    """a → a + b, where a + b is in the truth."""
    for whole in pool.sums:
        if whole.shape != node.shape:
            continue
        terms = list(zip(whole.weights, whole.args, whole.labels, strict=True))
        for k, (weight, arg, labels) in enumerate(terms):
            if g.add([x for n, x in enumerate(terms) if n != k], whole.shape) is not node:
                continue

            term = g.add([(weight, arg, labels)], whole.shape)

            def words(whole: Node = whole, term: Node = term) -> str:
                return f"The term {pool.text(term)} is missing: {pool.text(whole)} is due."

            yield Proposal(whole, "missing_term", words)
