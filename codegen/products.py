"""Products: from Σ a·b·c… to contractions of two operands, gathers and pointwise products.

No identity, no onehot and no indicator survives where renaming a label, indexing or a window does
the same, scalar factors float out, and the order of contraction is chosen by cost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from itertools import pairwise
from math import prod

import sympy as sp

from symgrad import graph as g
from symgrad.codegen import contraction
from symgrad.codegen.shifted import split
from symgrad.codegen.squares import square
from symgrad.codegen.views import State, added, contract, distinct, numbered, stored, weighted
from symgrad.codegen.windows import is_equation, without_conditions
from symgrad.graph import Access, Dim, Kind, Labels, Node


def product(state: State, node: Node) -> Access:
    """A product of any number of operands, lowered."""
    extents = g.label_dims(node)
    coefficient: sp.Expr = sp.S.One
    operands: list[Access] = []
    for access in node.accesses:
        view = state.view(access)
        inner = state.weight_of(view.node)
        if inner is not None:
            coefficient *= inner[0]
            view = Access(inner[1].node, tuple(view.labels[k] for k in inner[1].labels))
        if view.node.kind is Kind.CONST:
            coefficient *= view.node.value
        else:
            operands.append(view)
    if coefficient is sp.S.Zero:
        return Access(g.const(0), ())
    kept = frozenset(range(node.rank))
    settled: set[int] = set()  # contracted labels that an identity, a onehot or a window has used
    operands = _without_identities(operands, kept, settled)
    operands = _gathered(state, operands, kept, settled)
    found = without_conditions(state, operands, kept, settled, extents)
    if found is None:
        return Access(g.const(0), ())
    operands, unwound = found
    carried = {label for a in (*operands, *unwound) for label in a.labels}
    for label in sorted(extents.keys() - kept - carried - settled):
        coefficient *= extents[label]
    if unwound:
        operands = _unwound(state, operands, unwound, kept, extents)
    if not operands:
        return Access(g.const(coefficient), ())
    parted = split(state, operands, kept)
    if parted is not None:
        scores, log = (_contracted(state, part, kept, extents) for part in parted)
        return added(state, [(coefficient, scores), (-coefficient, log)])
    return weighted(coefficient, _contracted(state, operands, kept, extents))


def _unwound(
    state: State,
    operands: list[Access],
    unwound: list[Access],
    kept: frozenset[int],
    extents: Mapping[int, Dim],
) -> list[Access]:
    """Σ a[i, u]·1[p = s·i + d·u + b] → its value over p, beside the operands that wait for it."""
    gone = {x for a in unwound for x in a.labels} - kept
    inside = [a for a in operands if not gone.isdisjoint(a.labels)]
    others = [a for a in operands if gone.isdisjoint(a.labels)]
    later = kept.union(*(a.labels for a in others))
    value = _contracted(state, inside, later | gone, extents)
    free = set(value.labels).union(*(a.labels for a in unwound)) - gone
    onehots = [a.labels[:-1] for a in inside if a.node.kind is Kind.ONEHOT]
    if not onehots:
        return [contract([value, *unwound], free), *others]
    order = _side_by_side(value.labels, max(onehots, key=len), unwound, gone)
    place_of = {
        x: y for a in unwound for x in a.labels for y in a.labels if x in gone and y in free
    }
    axes = tuple(dict.fromkeys([*(place_of.get(x, x) for x in order), *sorted(free)]))
    return [contract([stored(value, order), *unwound], free, axes), *others]


def _side_by_side(labels: Labels, maximum: Labels, unwound: list[Access], gone: Set[int]) -> Labels:
    """The axes of what is added at s·i + d: i and d side by side, as they lie in the result.

    It is the place of a ``maximum``, and its other axes are in the order of what that was taken of.
    """
    order = list(dict.fromkeys(x for x in (*maximum, *labels) if x in labels))
    for access in unwound:
        parts = [x for x in access.labels if x in gone and x in order]
        if len(parts) > 1:
            first = min(map(order.index, parts))
            rest = [x for x in order[first:] if x not in parts]
            order[first:] = [*parts, *rest]
    return tuple(order)


def _without_identities(
    operands: list[Access], kept: frozenset[int], settled: set[int]
) -> list[Access]:
    """Σⱼ δᵢⱼ·a[j] → a[i]: an identity with a contracted label renames that label."""
    while True:
        for k, (node, labels) in enumerate(operands):
            if node.kind is Kind.DELTA and (labels[0] == labels[1] or not kept.issuperset(labels)):
                gone, stays = labels if labels[0] not in kept else labels[::-1]
                others = operands[:k] + operands[k + 1 :]
                break
        else:
            return operands
        if gone != stays:
            settled.add(gone)
        operands = [Access(n, tuple(stays if x == gone else x for x in own)) for n, own in others]


def _gathered(
    state: State, operands: list[Access], kept: frozenset[int], settled: set[int]
) -> list[Access]:
    """Σₖ a[k]·b[k]·1[c = k] → a[c]·b[c]: a onehot with a contracted label indexes the others."""
    onehots = [a for a in operands if a.node.kind is Kind.ONEHOT]
    if not onehots:
        return operands
    equations = [a for a in operands if a.node.kind is Kind.INDICATOR and is_equation(a.node)]
    by_onehots = Counter(label for a in (*onehots, *equations) for label in set(a.labels))
    index_of = {
        a.labels[-1]: a
        for a in onehots
        if a.labels[-1] not in kept and by_onehots[a.labels[-1]] == 1 and distinct(a) == a
    }
    settled.update(index_of)
    result = []
    for access in operands:
        if access.node.kind is Kind.ONEHOT:
            if index_of.get(access.labels[-1]) != access:
                result.append(access)
        elif not index_of.keys().isdisjoint(access.labels):
            result.append(_indexed(state, distinct(access), index_of))
        else:
            result.append(access)
    return result


def _indexed(state: State, access: Access, index_of: Mapping[int, Access]) -> Access:
    """An operand at the indices; a nameless sum term by term: (a − b)[c] → a[c] − b.

    So are shifted scores among the terms: (z − m)[c] → z[c] − m, without an array of all z − m.
    """
    node, labels = access
    plain = all(x.kind is not Kind.ONEHOT for x in node.args)
    if node.kind is Kind.SUM and plain and node not in state.names:
        terms = [Access(x, tuple(labels[k] for k in own)) for x, own in node.accesses]
        chosen = [
            _indexed(state, term, index_of)
            if term.node in state.shifted
            else _picked(term, index_of)
            for term in terms
        ]
        return added(state, zip(node.weights, chosen, strict=True))
    return _picked(access, index_of)


def _picked(access: Access, index_of: Mapping[int, Access]) -> Access:
    used = [index_of[x] for x in access.labels if x in index_of]
    if not used:
        return access
    free = set(access.labels).union(*(a.labels for a in used)) - index_of.keys()
    return contract([access, *used], free)


def _contracted(
    state: State, operands: list[Access], kept: frozenset[int], extents: Mapping[int, Dim]
) -> Access:
    """A product as contractions of two operands and pointwise products.

    Scalar factors come last, where BLAS takes them as alpha.
    """
    carriers = Counter(label for a in operands for label in set(a.labels))
    if len(operands) == 1 and not kept.issuperset(carriers):
        return contract(operands, kept.intersection(carriers))
    if kept.issuperset(carriers):
        return _pointwise([distinct(a) for a in operands])
    reduced = []
    for access in operands:
        alone = {x for x in access.labels if x not in kept and carriers[x] == 1}
        rest = carriers.keys() & set(access.labels) - alone
        reduced.append(contract([access], rest) if alone else distinct(access))
    arrays = [a for a in reduced if a.labels]
    scalars = [a for a in reduced if not a.labels]
    if arrays:
        sizes = {label: state.size(n) for label, n in extents.items()}
        scalars.append(_pairwise(arrays, kept, sizes))
    return _pointwise(scalars)


def _pairwise(arrays: list[Access], kept: frozenset[int], sizes: Mapping[int, float]) -> Access:
    if len(arrays) == 1:
        return arrays[0]
    halves = square(arrays, kept)
    if halves is not None:
        left, right = (
            _pointwise(half, as_stored=True, summed=set(sizes) - kept) for half in halves
        )
        labels = [x for x in (*left.labels, *right.labels) if x in kept]
        return contract([left, right], labels, tuple(labels))
    pending = Counter(label for a in arrays for label in a.labels)
    pool = list(arrays)
    factors: dict[int, list[Access]] = {}  # of the pointwise products made here, to be merged
    for i, j in contraction.order([frozenset(a.labels) for a in arrays], kept, sizes):
        pair = pool[i], pool[j]
        for access in pair:
            pending.subtract(access.labels)
        union = {label for a in pair for label in a.labels}
        out = {label for label in union if label in kept or pending[label] > 0}
        if out == union:
            factors[len(pool)] = factors.get(i, [pool[i]]) + factors.get(j, [pool[j]])
            summed = out - kept
            pool.append(_pointwise(factors[len(pool)], as_stored=bool(summed), summed=summed))
        else:
            pool.append(contract(pair, out, _order(pair, out, sizes)))
        pending.update(pool[-1].labels)
    return pool[-1]


def _order(pair: tuple[Access, Access], out: set[int], sizes: Mapping[int, float]) -> Labels | None:
    """The axes of a product of arrays as the matrix product of them makes them.

    Labels of both come first, then those of one factor, then those of the other, so that a
    product over several labels is one of reshaped matrices. Where the labels are not in order
    either way, the larger factor comes first. A matrix keeps the order of the labels.
    """
    if len(out) < 3:
        return None
    (_, a), (_, b) = pair
    both = [x for x in a if x in out and x in b]

    def order(first: Labels, second: Labels) -> Labels:
        return tuple(dict.fromkeys([*both, *(x for x in (*first, *second) if x in out)]))

    def cost(labels: Labels) -> tuple[bool, float, Labels]:
        volume = prod(sizes[x] for x in (a if labels == orders[0] else b))
        return any(x > y for x, y in pairwise(labels)), -volume, labels

    orders = [order(a, b), order(b, a)]
    return min(orders, key=cost)


def _pointwise(
    factors: list[Access], as_stored: bool = False, summed: Set[int] = frozenset()
) -> Access:
    """A product without a sum; factors of fewer axes are multiplied first, as one shared value.

    ``as_stored``: an intermediate value keeps the order of its operands' axes, so that neither is
    read along columns; labels that are ``summed`` over later come first where they do in factors.
    """
    if len(factors) == 1:
        return factors[0]
    groups: dict[frozenset[int], list[Access]] = {}
    for access in factors:
        groups.setdefault(frozenset(access.labels), []).append(access)
    whole = frozenset().union(*groups)
    if len(groups) > 1:
        factors = []
        for labels, group in groups.items():
            small = labels != whole and len(group) > 1
            alike = as_stored and len({a.labels for a in group}) == 1
            own = group[0].labels if alike else None
            factors += [contract(group, labels, own)] if small else group
    widest = max(factors, key=lambda a: len(a.labels)).labels
    order = widest if as_stored and len(widest) == len(whole) == len(set(widest)) else None
    if order is None and len(whole) > 2:
        order = numbered(factors)[0]
        first = tuple(x for x in order if x in summed)
        leads = all(a.labels[: len(first)] == first for a in factors if summed & set(a.labels))
        if as_stored and leads:
            order = (*first, *(x for x in order if x not in summed))
    return contract(factors, whole, order)
