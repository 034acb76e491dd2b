"""Stable primitives, found on the *forward* graph before it is differentiated.

Why it exists: differentiating ``log(exp(z₁) + …)`` as it is written gives a gradient that is
NaN at scores of 1000 and a formula that nobody recognises. Recognised first, as log-sum-exp, it
has the gradient softmax(z): stability and short closed forms come from the same rows.

`exponentials` and `logarithms` have the laws of exponentials, which see through names,
so ``p = softmax(z)`` may be a named value that ``log(p)`` refers to. The rows below that turn a
sum or a product into another function (2σ(2z) − 1 into tanh z) do not: a gradient is written in
named values, and 1 − h², with h = tanh z, has to stay what it is. For the same reason 1 − σ(z)
stays, and only 1 − σ(−z) becomes σ(z).
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from symgrad import graph as g
from symgrad.algebra import axes_of, contraction, scaled, through
from symgrad.exponentials import (
    Linear,
    apply,
    argument_of,
    built,
    combine,
    linear,
    negative,
    quotient_in_product,
    sigmoid_from_reciprocal,
    softmax_in_product,
    weighted_average,
)
from symgrad.graph import Access, Kind, Node, label_dims, peel, slot
from symgrad.identities import CANONICAL
from symgrad.logarithms import (
    log_determinant,
    log_of_exponentials,
    log_of_pick,
    log_of_product,
)
from symgrad.rewrite import Rule
from symgrad.vocabulary import (
    absolute,
    gelu,
    hard_sign,
    hard_step,
    normal_cdf,
    relu,
    sigmoid,
    softplus,
    step,
    swish,
)

_T = slot(0)
_RELU = relu(_T)
_HALF = sp.Rational(1, 2)
_ONE = g.const(1)


# ---------------------------------------------------------------- one function and a constant


def _halved(w: Linear) -> Linear | None:
    """w/2, where w reads as 2·v: its weights are even."""
    even = all(c.is_Integer and c % 2 == 0 for c in w.values())
    return combine((_HALF, w)) if w and even else None


def _sigmoid_of_tanh(w: Linear, sign: int) -> tuple[int, sp.Expr, Linear] | None:
    return 2, sigmoid(_T), combine((2 * sign, w))  # 1 ± tanh(w) = 2σ(±2w)


def _opposite_sigmoid(w: Linear, sign: int) -> tuple[int, sp.Expr, Linear] | None:
    if sign > 0 or not negative(w):
        return None
    return 1, sigmoid(_T), combine((-1, w))  # 1 − σ(−w) = σ(w)


def _tail_of_erf(w: Linear, sign: int) -> tuple[int, sp.Expr, Linear] | None:
    """1 ± erf(w) = 2Φ(±√2·w), as erfc it keeps its digits in the tail."""
    return 2, normal_cdf(_T), combine((sign * sp.sqrt(2), w))


COMPLEMENTS: dict[sp.Expr, Callable[[Linear, int], tuple[int, sp.Expr, Linear] | None]] = {
    sp.tanh(_T): _sigmoid_of_tanh,
    sigmoid(_T): _opposite_sigmoid,
    sp.erf(_T): _tail_of_erf,
}
"""f → how 1 ± f(w) is written as c·h(v)."""


def complement(node: Node) -> Node | None:
    """c ± c·f(w) → a function without the cancellation: `COMPLEMENTS` has them."""
    if _ONE not in node.args:
        return None
    terms = list(zip(node.weights, node.accesses, strict=True))
    one = next(t for t in terms if t[1].node is _ONE)
    for term in terms:
        c, (f, labels) = term
        if f.kind is not Kind.MAP or c not in (one[0], -one[0]) or f.body not in COMPLEMENTS:
            continue
        w = linear(Access(f.args[0], through(labels, f.labels[0])))
        found = COMPLEMENTS[f.body](w, 1 if c == one[0] else -1)
        if found is None:
            continue
        factor, body, v = found
        new = apply(body, built(v, label_dims(node)))
        rest = [(d, *a) for d, a in terms if (d, a) not in (one, term)]
        return g.add([*rest, (factor * one[0], *new)], node.shape)
    return None


def tanh_from_sigmoid(node: Node) -> Node | None:
    """2c·σ(2z) − c → c·tanh(z), where σ is of something doubled."""
    if _ONE not in node.args:
        return None
    terms = list(zip(node.weights, node.accesses, strict=True))
    one = next(t for t in terms if t[1].node is _ONE)
    for term in terms:
        c, (f, labels) = term
        if c != -2 * one[0] or f.kind is not Kind.MAP or f.body != sigmoid(_T):
            continue
        w = _halved(linear(Access(f.args[0], through(labels, f.labels[0]))))
        if w is None:
            continue
        sign = -1 if negative(w) else 1
        new = apply(sp.tanh(_T), built(combine((sign, w)), label_dims(node)))
        rest = [(d, *a) for d, a in terms if (d, a) not in (one, term)]
        return g.add([*rest, (-sign * one[0], *new)], node.shape)
    return None


def softplus_from_relu(node: Node) -> Node | None:
    """relu(z) + softplus(−|z|) → softplus(z)."""
    if not any(arg.kind is Kind.MAP and arg.body == _RELU for arg in node.args):
        return None
    terms = list(zip(node.weights, node.accesses, strict=True))
    for term in terms:
        z = argument_of(relu(_T), term[1]) if term[1].node.kind is Kind.MAP else None
        if z is None:
            continue
        size = apply(absolute(_T), built(z, label_dims(node)))
        for other in terms:
            if other[0] != term[0] or other[1].node.kind is not Kind.MAP:
                continue
            if argument_of(softplus(_T), other[1]) == {size: sp.Integer(-1)}:
                new = apply(softplus(_T), built(z, label_dims(node)))
                rest = [(d, *a) for d, a in terms if (d, a) not in (term, other)]
                return g.add([*rest, (term[0], *new)], node.shape)
    return None


# --------------------------------------------------------------------- a function of z, times z

GATES: dict[sp.Expr, sp.Expr] = {
    sigmoid(_T): swish(_T),
    normal_cdf(_T): gelu(_T),
    step(_T): relu(_T),
    hard_step(_T): relu(_T),
}
"""f → the function z·f(z)."""


def gate(node: Node) -> Node | None:
    """z·σ(z) → swish(z), z·Φ(z) → gelu(z), z·1[z > 0] → relu(z), where the factor has no name."""
    accesses = node.accesses
    for k, (f, labels) in enumerate(accesses):
        if f.kind is not Kind.MAP or f.body not in GATES:
            continue
        z = Access(f.args[0], through(labels, f.labels[0]))
        rest = [x for n, x in enumerate(accesses) if n != k]
        if z in rest:
            rest.remove(z)
            return contraction(node, [*rest, apply(GATES[f.body], z)])
    return None


def gate_of_sign(node: Node) -> Node | None:
    """z·(1 + sign z) → 2·relu(z), as SymPy's Heaviside, which is ½ at 0, has it."""
    if not any(arg.kind is Kind.SUM and len(arg.args) == 2 for arg in node.args):
        return None
    accesses = node.accesses
    for k, (total, labels) in enumerate(accesses):
        if total.kind is not Kind.SUM or total.weights not in ((1, 1), (1, -1), (-1, 1)):
            continue
        signs = dict(zip(total.args, zip(total.weights, total.labels, strict=True), strict=True))
        weight, _ = signs.pop(g.const(1), (0, ()))
        ((f, (sign, own)),) = signs.items() if len(signs) == 1 else ((node, (0, ())),)
        if weight != 1 or f.kind is not Kind.MAP or f.body != hard_sign(_T):
            continue
        z = Access(f.args[0], through(through(labels, own), f.labels[0]))
        rest = [x for n, x in enumerate(accesses) if n != k]
        if z in rest:
            rest.remove(z)
            signed = built({z: sign}, label_dims(node))
            return scaled(2 * sign, contraction(node, [*rest, apply(relu(_T), signed)]))
    return None


PIECES: dict[sp.Expr, sp.Expr] = {
    sp.Piecewise(*pieces): known
    for known, first, second in ((relu(_T), _T, sp.Integer(0)), (absolute(_T), _T, -_T))
    for pieces in (
        ((first, _T > 0), (second, True)),
        ((first, _T >= 0), (second, True)),
        ((second, _T < 0), (first, True)),
        ((second, _T <= 0), (first, True)),
    )
}
"""Functions with a kink, as a case distinction; at the kink the known derivative holds."""


def piecewise(node: Node) -> Node | None:
    """z where z > 0, else 0 → relu(z); z where z > 0, else −z → |z|."""
    known = PIECES.get(node.body)
    return None if known is None else g.apply(known, node.accesses, node.shape)


# -------------------------------------------------------------------------------- reductions


def logsumexp_of_shifted(node: Node) -> Node | None:
    """logsumexp(z + a) → a + logsumexp(z), where a does not run along the reduced axes."""
    if node.op != "logsumexp":
        return None
    labels, outside = node.labels[0], {}
    for axis, label in enumerate(labels):
        if label < node.rank:
            outside[axis] = label
    total = _opened_shift(node.args[0], set(outside))
    if total.kind is not Kind.SUM or len(set(labels)) < len(labels):
        return None
    terms = list(zip(total.weights, total.args, total.labels, strict=True))
    moved = [t for t in terms if set(t[2]) <= set(outside)]
    if not moved or len(moved) == len(terms):
        return None
    varying = g.add([t for t in terms if t not in moved], total.shape)
    inner = g.reduce("logsumexp", varying, labels, node.shape)
    shifts = [(c, n, tuple(outside[x] for x in own)) for c, n, own in moved]
    return g.add([(1, inner, axes_of(inner)), *shifts], node.shape)


def _opened_shift(z: Node, outside: set[int]) -> Node:
    """z, without its name where its value is something minus a maximum: the usual shift."""
    value = peel(z)
    if value is z or value.kind is not Kind.SUM:
        return value
    for arg, labels in value.accesses:
        inner = peel(arg)
        if inner.kind is Kind.REDUCE and inner.op == "max" and set(labels) <= outside:
            return value
    return z


RECOGNISE: tuple[Rule, ...] = (
    Rule("reciprocal", "1/(1 + exp(z)) → σ(−z)", Kind.MAP, sigmoid_from_reciprocal),
    Rule("quotient", "exp(z)/(1 + exp(z)) → σ(z)", Kind.PRODUCT, quotient_in_product),
    Rule("complement", "1 ± tanh(z) → 2σ(±2z)", Kind.SUM, complement),
    Rule("tanh", "2σ(2z) − 1 → tanh(z)", Kind.SUM, tanh_from_sigmoid),
    Rule("log", "log(Σ exp(z)) → logsumexp(z)", Kind.MAP, log_of_exponentials),
    Rule("log of product", "log(σ(z)) → −softplus(−z)", Kind.MAP, log_of_product),
    Rule("log of pick", "log(p_c) → (log p)_c", Kind.MAP, log_of_pick),
    Rule("log-determinant", "log(det X) → log |det X|", Kind.MAP, log_determinant),
    Rule("softmax", "exp(z)/Σ exp(z) → exp(z − logsumexp(z))", Kind.PRODUCT, softmax_in_product),
    Rule("softmax average", "Σ exp(z)·a/Σ exp(z) → Σ p·a", Kind.PRODUCT, weighted_average),
    Rule("gate", "z·σ(z) → swish(z)", Kind.PRODUCT, gate),
    Rule("gate of sign", "z·(1 + sign z) → 2·relu(z)", Kind.PRODUCT, gate_of_sign),
    Rule("pieces", "z where z > 0, else 0 → relu(z)", Kind.MAP, piecewise),
    Rule("softplus", "relu(z) + softplus(−|z|) → softplus(z)", Kind.SUM, softplus_from_relu),
    Rule("shift", "logsumexp(z + a) → a + logsumexp(z)", Kind.REDUCE, logsumexp_of_shifted),
)
"""Laws that turn what users write into stable primitives."""

FORWARD: tuple[Rule, ...] = (*RECOGNISE, *CANONICAL)
"""What a forward graph is brought to before it is differentiated or computed."""
