"""Shifted scores: what is left of a log-sum-exp beside the scores that it was taken of.

Why it exists: with m = max z, logsumexp z is m + log Σ exp(z − m), which is rounded as m is. In
z − logsumexp z, and in logsumexp z − Σ y·z where Σ y = 1, m cancels, and what remains is of the
size of the result: z − m, which is exact or nearly so, and log Σ exp(z − m). The same holds of
the score of a class, z[c], and of an absorbed sum: a + b − logsumexp(a + b).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import sympy as sp

from symgrad import graph as g
from symgrad.codegen.views import ONE, Softmax, State, added
from symgrad.facts import axes_of_fact
from symgrad.graph import Access, Kind, Labels, Node

Term: TypeAlias = "tuple[sp.Expr, Access]"


def shifted(state: State, terms: Iterable[Term]) -> list[Term]:
    """w·logsumexp z − w·z → w·log Σ exp t − w·t with t = z − max z, wherever a sum has both."""
    found = [_unscaled(state, weight, access) for weight, access in terms]
    result: list[Term] = []
    while found:
        weight, access = found.pop(0)
        parts = state.softmaxes.get(access.node)
        if parts is None:
            result.append((weight, access))
            continue
        others = result + found
        scores = _scores(state, parts, access.labels, -weight, others)
        if scores is None:
            result.append((weight, access))
            continue
        used, value = scores
        for term in used:
            (result if term in result else found).remove(term)
        result += [(-weight, value), (weight, Access(parts.log, access.labels))]
    return result


def _unscaled(state: State, weight: sp.Expr, access: Access) -> Term:
    inner = state.weight_of(access.node)
    if inner is None:
        return weight, access
    return weight * inner[0], Access(
        inner[1].node, tuple(access.labels[k] for k in inner[1].labels)
    )


def _scores(
    state: State, parts: Softmax, labels: Labels, weight: sp.Expr, others: Sequence[Term]
) -> tuple[list[Term], Access] | None:
    """The terms that are the scores of a log-sum-exp seen along ``labels``, and these less m."""
    along = dict(zip(parts.kept, labels, strict=True))
    for w, access in others:
        if w != weight:
            continue
        node, own = access
        if node is parts.z:
            if all(own[axis] == label for axis, label in along.items()):
                return [(w, access)], Access(parts.shifted, own)
        elif node.kind is Kind.PRODUCT:
            value = _expected(state, parts, along, access)
            if value is not None:
                return [(w, access)], value
    return _absorbed(parts, along, weight, others)


def _expected(state: State, parts: Softmax, along: dict[int, int], access: Access) -> Access | None:
    """Σₖ yₖ·tₖ for Σₖ yₖ·zₖ, where Σ y = 1: a leaf that is known to, or the choice of a class."""
    node, outer = access
    if len(node.args) != 2:
        return None
    pairs = list(node.accesses)
    for (z, own), (y, of_y) in (pairs, pairs[::-1]):
        if z is not parts.z or len(set(own)) != len(own):
            continue
        summed = [own[axis] for axis in range(z.rank) if axis not in along]
        kept = {axis: own[axis] for axis in along}
        inside = all(x < node.rank and outer[x] == along[axis] for axis, x in kept.items())
        if len(summed) != 1 or not inside or not set(of_y) <= {*kept.values(), *summed}:
            continue
        if summed[0] < node.rank or not sums_to_one(y, of_y, summed[0]):
            continue
        if y.kind is not Kind.ONEHOT:
            return Access(g.product([(parts.shifted, own), (y, of_y)], node.shape), outer)
        m = next(x for x in parts.shifted.accesses if x.node is not z)
        largest = Access(m.node, tuple(along[axis] for axis in m.labels))
        return added(state, [(ONE, access), (-ONE, largest)])
    return None


def sums_to_one(y: Node, labels: Labels, label: int) -> bool:
    """Whether Σ y = 1 over ``label``, which runs along one axis of y."""
    if labels.count(label) != 1:
        return False
    if y.kind is Kind.ONEHOT:
        return labels[-1] == label
    return axes_of_fact(y, "simplex") == (labels.index(label),)


def _absorbed(
    parts: Softmax, along: dict[int, int], weight: sp.Expr, others: Sequence[Term]
) -> tuple[list[Term], Access] | None:
    """The scores as terms of their own: a larger sum may have absorbed a sum."""
    if parts.z.kind is not Kind.SUM:
        return None
    free = sorted({x for _, a in others for x in a.labels} - set(along.values()))
    if len(free) + len(along) != parts.z.rank:
        return None
    rest = iter(free)
    own = tuple(along[axis] if axis in along else next(rest) for axis in range(parts.z.rank))
    terms = [
        (weight * w, Access(node, tuple(own[x] for x in labels)))
        for w, (node, labels) in zip(parts.z.weights, parts.z.accesses, strict=True)
    ]
    return (terms, Access(parts.shifted, own)) if all(x in others for x in terms) else None


def split(
    state: State, operands: Sequence[Access], kept: frozenset[int]
) -> tuple[list[Access], list[Access]] | None:
    """Σₖ yₖ·(tₖ − log Σ exp t), where Σ y = 1, as the factors of Σₖ yₖ·tₖ and of the logarithm."""
    if len(operands) != 2:
        return None
    for y, (node, own) in (operands, operands[::-1]):
        if node.kind is not Kind.SUM or len(node.args) != 2 or node in state.names:
            continue
        terms = dict(zip(node.weights, node.accesses, strict=True))
        scores, log = terms.get(ONE), terms.get(-ONE)
        parts = state.shifted.get(scores.node) if scores else None
        if scores is None or log is None or parts is None or log.node is not parts.log:
            continue
        seen = tuple(own[x] for x in scores.labels)
        summed = [x for axis, x in enumerate(seen) if axis not in parts.kept]
        if len(summed) != 1 or summed[0] in kept or not set(y.labels) <= set(own):
            continue
        if len(set(seen)) == len(seen) and sums_to_one(*y, summed[0]):
            less = Access(log.node, tuple(own[x] for x in log.labels))
            return [y, Access(scores.node, seen)], [less]
    return None
