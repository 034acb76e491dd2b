"""Ratios and logarithms of sums of exponentials, whatever they were written as.

Why it exists: σ, tanh, softplus, softmax and log-sum-exp are typed in dozens of ways, and all of
them are quotients and logarithms of sums Σᵢ cᵢ·exp(uᵢ). So there is one row for each of *these*
shapes and not one for each way to type. An operand is taken apart as such a quotient (σ(w) is
e^w/(e^w + 1)), common exponents cancel, and what is left is put together as a primitive that
overflows nowhere: with two exponents below the line, for instance,

    (n₁·e^u + n₂·e^v)/(d₁·e^u + d₂·e^v) = (n₁/d₁)·σ(w) + (n₂/d₂)·σ(−w),  w = u − v + log(d₁/d₂),

which is σ where an nᵢ is 0 and tanh(w/2) where n₁/d₁ = −n₂/d₂. A Σₖ exp(zₖ) over axes is one
exponential too, with the exponent logsumexp(z).

An exponent is *linear*: terms {operand: weight} over the labels of the node that is looked at.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import sympy as sp

from symgrad import graph as g
from symgrad.algebra import INLINE, axes_of, contraction, scaled, softmax_of, through
from symgrad.graph import Access, Dim, Kind, Node, label_dims, peel, slot
from symgrad.vocabulary import sigmoid, softplus

Linear: TypeAlias = "dict[Access, sp.Expr]"
Terms: TypeAlias = "list[tuple[sp.Expr, Linear]]"
"""Σ c·exp(u), as pairs (c, u) of different exponents."""

_T = slot(0)
_EXP, _RECIPROCAL = sp.exp(_T), 1 / _T
_ONE = Access(g.const(1), ())

_MOST_TERMS = 4
_DEPTH = 2
"""Sums are flat already; what lies deeper is behind names, and a network is a chain of those."""


class Ratio(NamedTuple):
    """above/below."""

    above: Terms
    below: Terms


# ------------------------------------------------------------------------------ linear exponents


def linear(access: Access) -> Linear:
    """The terms of an unnamed sum, else the operand itself."""
    node, labels = access
    if node.kind is Kind.CONST:
        return {_ONE: node.value} if node.value != 0 else {}
    if node.kind is not Kind.SUM or len(node.args) > INLINE:
        return {access: sp.Integer(1)}
    result: Linear = {}
    for c, arg, inner in zip(node.weights, node.args, node.labels, strict=True):
        for a, w in linear(Access(arg, through(labels, inner))).items():
            result[a] = result.get(a, sp.Integer(0)) + c * w
    return {a: c for a, c in result.items() if c != 0}


def combine(*parts: tuple[object, Mapping[Access, sp.Expr]]) -> Linear:
    """Σ c·u of (c, u)."""
    result: Linear = {}
    for c, u in parts:
        for a, w in u.items():
            result[a] = result.get(a, sp.Integer(0)) + c * w
    return {a: w for a, w in result.items() if w != 0}


def constant(c: sp.Expr) -> Linear:
    """The exponent log(c)."""
    value = sp.expand_log(sp.log(c), force=True)
    return {_ONE: value} if value != 0 else {}


def built(u: Mapping[Access, sp.Expr], dims: Mapping[int, Dim]) -> Access:
    """A linear exponent as an operand over just the labels that it carries."""
    if len(u) == 1:
        ((access, weight),) = u.items()
        if weight == 1:
            return access
    labels = sorted({x for a in u for x in a.labels})
    own = {x: k for k, x in enumerate(labels)}
    shape = tuple(dims[x] for x in labels)
    terms = [(c, a.node, tuple(own[x] for x in a.labels)) for a, c in u.items()]
    return Access(g.add(terms, shape), tuple(labels))


def apply(body: sp.Expr, access: Access) -> Access:
    """f(a), seen as a is."""
    node = access.node
    return Access(g.apply(body, [(node, axes_of(node))], node.shape), access.labels)


def _key(u: Mapping[Access, sp.Expr]) -> frozenset[tuple[Access, sp.Expr]]:
    return frozenset(u.items())


def negative(u: Mapping[Access, sp.Expr]) -> bool:
    """Whether an exponent reads as −w: all its weights are negative."""
    varying = [c for a, c in u.items() if a != _ONE]
    return bool(varying) and all(c.could_extract_minus_sign() for c in varying)


# ------------------------------------------------------------------------- operands, taken apart


def exponent(access: Access) -> Linear | None:
    """u, where the operand is exp(u); a Σₖ exp(zₖ) has the exponent logsumexp(z)."""
    node, labels = peel(access.node), access.labels
    if node.kind is Kind.MAP and node.body == _EXP:
        return linear(Access(node.args[0], through(labels, node.labels[0])))
    if node.kind is Kind.PRODUCT and len(node.args) == 1:
        total = log_of_sum(node)
        return None if total is None else linear(Access(total, labels))
    return None


def log_of_sum(total: Node) -> Node | None:
    """logsumexp(z), where ``total`` is Σ exp(z) over one axis of z or several, else None."""
    if total.kind is not Kind.PRODUCT or len(total.args) != 1:
        return None
    e = peel(total.args[0])
    if e.kind is not Kind.MAP or e.body != _EXP:
        return None
    labels = through(total.labels[0], e.labels[0])
    if len(set(labels)) < len(labels) or set(labels) != set(total.labels[0]):
        return None
    summed = sorted(x for x in labels if x >= total.rank)
    kept = sorted(x for x in labels if x < total.rank)
    if not summed or kept != list(range(total.rank)):
        return None
    z, dims = e.args[0], label_dims(total)
    for label in summed:  # one axis at a time
        rest = [x for x in sorted(labels) if x != label]
        number = {x: k for k, x in enumerate([*rest, label])}
        shape = tuple(dims[x] for x in rest)
        z = g.reduce("logsumexp", z, tuple(number[x] for x in labels), shape)
        labels = tuple(rest)
    return z


def terms_of(access: Access, depth: int = _DEPTH) -> Terms | None:
    """The operand as Σ c·exp(u), else None; constants are exponentials of 0."""
    node = peel(access.node)
    if node.kind is Kind.CONST:
        return [(node.value, {})]
    u = exponent(access)
    if u is not None:
        return [(sp.Integer(1), u)]
    if node.kind is Kind.SUM and 0 < len(node.args) <= _MOST_TERMS and depth:
        found: Terms = []
        for c, arg, inner in zip(node.weights, node.args, node.labels, strict=True):
            part = terms_of(Access(arg, through(access.labels, inner)), depth - 1)
            if part is None:
                return None
            found += [(c * d, v) for d, v in part]
        return found if any(v for _, v in found) else None
    return None


_RATIOS: dict[sp.Expr, tuple[Sequence[tuple[int, int]], Sequence[tuple[int, int]]]] = {
    sigmoid(_T): ([(1, 1)], [(1, 1), (1, 0)]),
    sp.tanh(_T): ([(1, 1), (-1, -1)], [(1, 1), (1, -1)]),
    sp.sinh(_T): ([(1, 1), (-1, -1)], [(2, 0)]),
    sp.cosh(_T): ([(1, 1), (1, -1)], [(2, 0)]),
}
"""Functions as quotients of Σ c·exp(n·w), in pairs (c, n)."""


def ratio(access: Access, depth: int = _DEPTH) -> Ratio | None:
    """The operand as a quotient of sums of exponentials, else None."""
    one: Terms = [(sp.Integer(1), {})]
    node = peel(access.node)
    if node.kind is Kind.MAP and node.body == _RECIPROCAL and depth:
        below = ratio(Access(node.args[0], through(access.labels, node.labels[0])), depth - 1)
        return None if below is None else Ratio(below.below, below.above)
    if node.kind is Kind.MAP and node.body in _RATIOS:
        w = linear(Access(node.args[0], through(access.labels, node.labels[0])))
        above, under = (
            [(sp.Integer(c), combine((n, w))) for c, n in part] for part in _RATIOS[node.body]
        )
        return Ratio(above, under)
    terms = terms_of(access)
    return None if terms is None or node.kind is Kind.CONST else Ratio(terms, one)


def collected(terms: Iterable[tuple[sp.Expr, Linear]]) -> Terms:
    """Like exponents together."""
    found: dict[frozenset[tuple[Access, sp.Expr]], tuple[sp.Expr, Linear]] = {}
    for c, u in terms:
        old = found.get(_key(u), (sp.Integer(0), u))[0]
        found[_key(u)] = (old + c, u)
    return [(c, u) for c, u in found.values() if c != 0]


def _times(a: Terms, b: Terms) -> Terms:
    return collected((c * d, combine((1, u), (1, v))) for c, u in a for d, v in b)


def argument_of(body: sp.Expr, access: Access) -> Linear | None:
    """w, where the operand is f(w), else None."""
    node = peel(access.node)
    if node.kind is not Kind.MAP or node.body != body:
        return None
    return linear(Access(node.args[0], through(access.labels, node.labels[0])))


# ----------------------------------------------------------------------------- sums, put together


def log_of_terms(terms: Terms, dims: Mapping[int, Dim]) -> Linear | None:
    """log Σ c·exp(u) of positive c, by softplus: log(e^u + e^v) = u + softplus(v − u)."""
    if not terms or not all(c.is_positive for c, _ in terms):
        return None
    ordered = sorted(terms, key=lambda term: bool(term[1]))  # a constant first
    c, total = ordered[0]
    for d, v in ordered[1:]:
        gap = built(combine((1, v), (1, constant(d / c)), (-1, total)), dims)
        total = combine((1, total), (1, {apply(softplus(_T), gap): sp.Integer(1)}))
    return combine((1, total), (1, constant(c)))


def quotient(r: Ratio, dims: Mapping[int, Dim]) -> list[tuple[sp.Expr, Access]] | None:
    """above/below as Σ c·primitive, where below has at least two exponents, else None."""
    below = collected(r.below)
    if len(below) < 2 or not all(c.is_positive for c, _ in below):
        return None
    first, opposite = below[0], below[1:]
    above = {_key(u): c for c, u in collected(r.above)}
    if not above or not set(above) <= {_key(u) for _, u in below}:
        return None
    if len(above) == 1:
        (wanted,) = above
        first = next(term for term in below if _key(term[1]) == wanted)
        opposite = [term for term in below if term is not first]
    elif len(below) > 2:
        return None
    d1, u = first
    rest = log_of_terms([(c / d1, v) for c, v in opposite], dims)
    if rest is None:
        return None
    gap = combine((1, u), (-1, rest))
    p = above.get(_key(u), sp.Integer(0)) / d1
    if len(above) == 1:
        return [(p, apply(sigmoid(_T), built(gap, dims)))]
    d2, v = opposite[0]
    q = above[_key(v)] / d2
    if p == -q:
        half = combine((sp.Rational(1, 2), gap))
        sign = -1 if negative(half) else 1
        return [(sign * p, apply(sp.tanh(_T), built(combine((sign, half)), dims)))]
    if p == q:
        return [(p, _ONE)]
    return [(q, _ONE), (p - q, apply(sigmoid(_T), built(gap, dims)))]


# --------------------------------------------------------------------------------------- the laws


def sigmoid_from_reciprocal(node: Node) -> Node | None:
    """1/(c + Σ d·exp(u)) → (1/c)·σ(−log Σ (d/c)·exp(u)); 1/Σ exp(z) → exp(−logsumexp(z))."""
    if node.body != _RECIPROCAL:
        return None
    operand = Access(node.args[0], node.labels[0])
    below = terms_of(operand)
    if below is None or peel(operand.node).kind is Kind.CONST:
        return None
    if operand.node.kind is Kind.NAMED and softmax_of(peel(operand.node)) is not None:
        return None  # 1/p, by whose name everyone knows it
    dims = label_dims(node)
    if len(below) == 1:
        ((c, u),) = below
        minus = apply(_EXP, built(combine((-1, u)), dims))
        return placed([(1 / c, minus)], node)
    if all(u for _, u in below):
        return None
    found = quotient(Ratio([(sp.Integer(1), {})], below), dims)
    return None if found is None else placed(found, node)


def quotient_in_product(node: Node) -> Node | None:
    """(Σ n·exp(u))·(1/Σ d·exp(u)) → σ or tanh, whichever of the operands they are."""
    if len(node.args) < 2 or not any(map(_has_denominator, node.args)):
        return None
    parsed = [ratio(a) for a in node.accesses]
    known = [(k, r) for k, r in enumerate(parsed) if r is not None]
    if len(known) < 2:
        return None
    dims = label_dims(node)
    for (m, a), (n, b) in itertools.permutations(known, 2):
        # a brings the denominator, b a numerator
        if len(a.below) < 2 or len(b.below) > 1:
            continue
        ((c, v),) = b.below
        above = [(w / c, combine((1, u), (-1, v))) for w, u in _times(a.above, b.above)]
        found = quotient(Ratio(above, a.below), dims)
        if found is None:
            continue
        rest = [x for k, x in enumerate(node.accesses) if k not in (m, n)]
        return _in_product(node, rest, found)
    return None


def _has_denominator(node: Node) -> bool:
    inner = peel(node)
    return inner.kind is Kind.MAP and (inner.body == _RECIPROCAL or inner.body in _RATIOS)


def softmax_in_product(node: Node) -> Node | None:
    """exp(u)·exp(−logsumexp(z)) → exp(u − logsumexp(z)), where the first runs along all axes."""
    accesses = node.accesses
    exponents = [exponent(a) for a in accesses]
    if sum(u is not None for u in exponents) < 2:
        return None
    for (n, v), (k, u) in itertools.permutations(enumerate(exponents), 2):
        if v is None or u is None or not set(accesses[n].labels) <= set(accesses[k].labels):
            continue
        merged = _merged(u, v)
        if merged is not None:
            rest = [x for i, x in enumerate(accesses) if i not in (k, n)]
            e = apply(_EXP, built(merged, label_dims(node)))
            return contraction(node, [*rest, e])
    return None


def _merged(u: Linear, v: Mapping[Access, sp.Expr]) -> Linear | None:
    """u + v, where v is −logsumexp(z) and shifts that cancel, else None."""
    total = combine((1, _opened(u, v)), (1, v))
    shifts = [a for a in v if not _is_lse(a) and a != _ONE]
    normalises = any(c == -1 and _is_lse(a) for a, c in v.items())
    return total if normalises and not any(a in total for a in shifts) else None


def _is_lse(a: Access) -> bool:
    return a.node.kind is Kind.REDUCE and a.node.op == "logsumexp"


def _opened(u: Linear, v: Mapping[Access, sp.Expr]) -> Linear:
    """u with a named shift taken apart, where that cancels a term of v."""
    result: Linear = {}
    for a, c in u.items():
        inner = linear(Access(peel(a.node), a.labels)) if a.node.kind is Kind.NAMED else {}
        cancels = any(v.get(x) == -c * w for x, w in inner.items())
        result = combine((1, result), (c, inner if cancels else {a: sp.Integer(1)}))
    return result


def weighted_average(node: Node) -> Node | None:
    """(Σₖ exp(zₖ)·aₖ)·exp(−logsumexp(z)) → Σₖ exp(zₖ − logsumexp(z))·aₖ."""
    accesses = node.accesses
    for n, reciprocal in enumerate(accesses):
        v = exponent(reciprocal)
        if v is None or not any(map(_is_lse, v)):
            continue
        for k, (total, labels) in enumerate(accesses):
            total = peel(total)
            if k == n or total.kind is not Kind.PRODUCT or len(label_dims(total)) == total.rank:
                continue
            inside = {x: m for m, x in enumerate(labels)}
            if len(inside) < len(labels) or not set(reciprocal.labels) <= set(inside):
                continue
            inner_v = {Access(a.node, tuple(inside[x] for x in a.labels)): c for a, c in v.items()}
            if not any(_merges(exponent(a), inner_v) for a in total.accesses):
                continue
            moved = Access(reciprocal.node, tuple(inside[x] for x in reciprocal.labels))
            inner = g.product([*total.accesses, moved], total.shape)
            rest = [x for i, x in enumerate(accesses) if i not in (k, n)]
            return contraction(node, [*rest, Access(inner, labels)])
    return None


def _merges(u: Linear | None, v: Mapping[Access, sp.Expr]) -> bool:
    """Whether exp(u)·exp(v) is a softmax: v normalises the very scores u."""
    merged = None if u is None else _merged(u, v)
    if merged is None:
        return False
    scores = {a.node for a in merged if not _is_lse(a)}
    return any(
        scores <= {a.node for a in linear(Access(lse.node.args[0], axes_of(lse.node.args[0])))}
        for lse in merged
        if _is_lse(lse)
    )


# ------------------------------------------------------------------------------------- placing


def placed(terms: Sequence[tuple[sp.Expr, Access]], node: Node) -> Node:
    """Σ c·a as a node of the shape of ``node``."""
    if len(terms) == 1:
        ((c, (found, labels)),) = terms
        result = found if labels == axes_of(node) else g.product([(found, labels)], node.shape)
        return result if c == 1 else scaled(c, result)
    return g.add([(c, *a) for c, a in terms], node.shape)


def _in_product(
    node: Node, rest: Sequence[Access], found: Sequence[tuple[sp.Expr, Access]]
) -> Node:
    """The product ``node`` with Σ c·a in the place of the operands that are not ``rest``."""
    if len(found) == 1:
        ((c, access),) = found
        result = contraction(node, [*rest, access])
        return result if c == 1 else scaled(c, result)
    total = built({a: c for c, a in found}, label_dims(node))
    return contraction(node, [*rest, total])
