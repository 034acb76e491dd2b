"""Between which numbers a value lies, whatever its leaves are.

Why it exists: ``|a|`` is ``a`` where a ≥ 0 is certain, and ``log(a)`` needs a warning where
a > 0 is not. Each node has an interval that contains all its entries. It is conservative: a leaf
without facts may be any number, and what a row below does not say is unknown.

Intervals are remembered for as long as their nodes live, so asking again costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import reduce
from weakref import WeakKeyDictionary

import sympy as sp

from symgrad import graph as g
from symgrad.algebra import scores_of_log_softmax
from symgrad.facts import FACTS, axes_of_fact, knows
from symgrad.graph import Access, Kind, Node, label_dims, slot
from symgrad.intervals import (
    BALL,
    NONNEGATIVE,
    POSITIVE,
    UNIT,
    UNKNOWN,
    Interval,
    copies,
    exactly,
    of_expression,
    plus,
    power,
    times,
    within,
)

_known: WeakKeyDictionary[Node, Interval] = WeakKeyDictionary()


def bounds(node: Node) -> Interval:
    """The interval that contains every entry of ``node``."""
    if node not in _known:
        for below in g.topological([node], lambda n: () if n in _known else n.args):
            if below not in _known:
                _known[below] = _INTERVALS.get(below.kind, _unknown)(below)
    return _known[node]


def _unknown(node: Node) -> Interval:
    return UNKNOWN


_OF_FACTS: dict[str, Interval] = {
    "positive": POSITIVE,
    "nonnegative": NONNEGATIVE,
    "simplex": UNIT,
    "mask": UNIT,
    "unit norm": BALL,
    "orthogonal": BALL,
}


def _leaf(node: Node) -> Interval:
    return reduce(within, (x for fact, x in _OF_FACTS.items() if knows(node, fact)), UNKNOWN)


def _constant(node: Node) -> Interval:
    return exactly(node.value)


def _ones(node: Node) -> Interval:
    return UNIT


def _sum(node: Node) -> Interval:
    if node.shape and scores_of_log_softmax(node) is not None:
        several = isinstance(node.shape[-1], int) and node.shape[-1] > 1
        return Interval(-math.inf, Fraction(0), True, several)
    terms = zip(node.weights, node.args, strict=True)
    zero = Interval(Fraction(0), Fraction(0))
    return reduce(plus, (times(exactly(c), _known[a]) for c, a in terms), zero)


def _product(node: Node) -> Interval:
    """Of the factors, a factor that occurs twice being a square; then of the sum over labels."""
    averaged = _averaged_label(node)
    result = Interval(Fraction(1), Fraction(1))
    accesses = list(node.accesses)
    if averaged is not None:
        accesses.remove(averaged[0])
    quadratic = _definite(accesses, node.rank)
    if quadratic:
        accesses = [a for a in _opened(accesses) if a not in quadratic]
        result = NONNEGATIVE
    for access in dict.fromkeys(accesses):
        x, n = _entries(access), accesses.count(access)
        result = times(result, power(x, sp.Integer(n)) if n > 1 else x)
    for label, n in label_dims(node).items():
        if label >= node.rank and (averaged is None or label != averaged[1]):
            result = copies(result, n)
    return result


def _entries(access: Access) -> Interval:
    """The interval of an operand along its labels."""
    axes = axes_of_fact(access.node, "positive definite")
    if axes and access.labels[axes[0]] == access.labels[axes[1]]:
        return POSITIVE  # the diagonal
    return _known[access.node]


def _averaged_label(node: Node) -> tuple[Access, int] | None:
    """An operand y with Σₖ yₖ = 1, contracted along k, and k: Σₖ yₖ·aₖ lies where a lies."""
    for access in node.accesses:
        axes = axes_of_fact(access.node, "simplex")
        label = -1 if axes is None else access.labels[axes[0]]
        if label >= node.rank and access.labels.count(label) == 1:
            return access, label
    return None


def _definite(accesses: Sequence[Access], rank: int) -> list[Access]:
    """The operands A, x, x of Σ xᵢ·Aᵢⱼ·xⱼ with a positive definite A, or nothing."""
    accesses = _opened(accesses)
    for access in accesses:
        axes = axes_of_fact(access.node, "positive definite")
        if axes is None or access.node.rank > 2 or min(access.labels) < rank:
            continue
        i, j = access.labels
        for left in accesses:
            if left.labels == (i,) and (right := Access(left.node, (j,))) in accesses:
                carried = [a for a in accesses if {i, j} & set(a.labels)]
                if len(carried) == 3:
                    return [access, left, right]
    return []


def _opened(accesses: Sequence[Access]) -> list[Access]:
    """``accesses`` with the factors of A·x in its place, where A is positive definite."""
    fresh = 1 + max((x for a in accesses for x in a.labels), default=0)
    result: list[Access] = []
    for access in accesses:
        inner = access.node
        form = inner.kind is Kind.PRODUCT and inner.rank == 1 and len(inner.args) == 2
        if form and any(knows(a, "positive definite") for a in inner.args):
            to = {0: access.labels[0], 1: fresh}
            result += [Access(n, tuple(to[x] for x in own)) for n, own in inner.accesses]
            fresh += 1
        else:
            result.append(access)
    return result


def _map(node: Node) -> Interval:
    intervals = {slot(k): _entries(a) for k, a in enumerate(node.accesses)}
    return of_expression(node.body, intervals.get)


def _reduce(node: Node) -> Interval:
    inner = _known[node.args[0]]
    rows: dict[str, Interval] = {
        "max": inner,
        "argmax": NONNEGATIVE,
        "logsumexp": Interval(inner.low, math.inf, inner.above, True),
    }
    return rows.get(node.op, UNKNOWN)


def _linalg(node: Node) -> Interval:
    definite = axes_of_fact(node.args[0], "positive definite") is not None
    return POSITIVE if definite and node.op == "det" else UNKNOWN


def _named(node: Node) -> Interval:
    return _known[node.args[0]]


_INTERVALS: dict[Kind, Callable[[Node], Interval]] = {
    Kind.LEAF: _leaf,
    Kind.CONST: _constant,
    Kind.DELTA: _ones,
    Kind.ONEHOT: _ones,
    Kind.INDICATOR: _ones,
    Kind.SUM: _sum,
    Kind.PRODUCT: _product,
    Kind.MAP: _map,
    Kind.REDUCE: _reduce,
    Kind.LINALG: _linalg,
    Kind.NAMED: _named,
}
"""One row a kind of node; the operands' intervals are known by then."""

assert _OF_FACTS.keys() <= FACTS.keys()
