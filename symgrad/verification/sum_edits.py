"""Edits of sums: signs, factors of terms, terms too many and missing."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from symgrad import graph as g
from symgrad.graph import Kind, Node, label_dims
from symgrad.verification.pool import Pool
from symgrad.verification.proposals import Proposal


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
    dims = [n for n in label_dims(node).values() if not isinstance(n, int)]
    factors = [sp.Integer(2), sp.Rational(1, 2), sp.Integer(3), sp.Rational(1, 3)]
    for n in dims:
        factors += [n, 1 / n]
    for k, (weight, arg) in enumerate(zip(node.weights, node.args, strict=True)):
        for factor in factors:
            due = weight * factor

            def words(arg: Node = arg, c: sp.Expr = due) -> str:
                term = pool.text(g.add([(c, arg, tuple(range(arg.rank)))], arg.shape))
                return f"The factor of {pool.text(arg)} is wrong: the term should be {term}."

            yield due, Proposal(_reweighted(node, k, due), "factor", words)


def terms_dropped(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
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


def terms_added(node: Node, root: Node, pool: Pool) -> Iterator[Proposal]:
    """a → a − b, 1 − a, …: of a value that is not the whole claim, which `search` does."""
    if node.kind is Kind.CONST:
        return
    axes = tuple(range(node.rank))
    one = g.const(1, node.shape)
    terms = [v for v in pool.terms if v.shape == node.shape and v is not node]
    yield from _of_sums_in_truth(node, pool)
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


def _of_sums_in_truth(node: Node, pool: Pool) -> Iterator[Proposal]:
    """a → a + b, where a + b is in the truth."""
    for whole in pool.parts:
        if whole.kind is not Kind.SUM or whole.shape != node.shape or len(whole.args) < 2:
            continue
        terms = list(zip(whole.weights, whole.args, whole.labels, strict=True))
        for k, (weight, arg, labels) in enumerate(terms):
            if g.add([x for n, x in enumerate(terms) if n != k], whole.shape) is not node:
                continue

            term = g.add([(weight, arg, labels)], whole.shape)

            def words(whole: Node = whole, term: Node = term) -> str:
                return f"The term {pool.text(term)} is missing: {pool.text(whole)} is due."

            yield Proposal(whole, "missing_term", words)
