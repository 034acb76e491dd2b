"""Logarithms of positive things: exponentials and their sums, σ, probabilities, determinants.

Why it exists: log(p) of a p that has underflowed to 0 is −∞, while the logarithm that the model
means is an ordinary number. Each law takes the logarithm before the number is made. They see
through names: ``p = softmax(z)`` may be a named value that ``log(p)`` refers to.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from symgrad import graph as g
from symgrad.algebra import axes_of, through
from symgrad.exponentials import (
    Linear,
    apply,
    argument_of,
    built,
    collected,
    combine,
    constant,
    exponent,
    log_of_terms,
    placed,
    terms_of,
)
from symgrad.graph import Access, Dim, Kind, Node, label_dims, peel, slot
from symgrad.vocabulary import absolute, sigmoid, softplus

_T = slot(0)
_EXP, _LOG, _SIGMOID, _ABSOLUTE = sp.exp(_T), sp.log(_T), sigmoid(_T), absolute(_T)


def log_of_exponentials(node: Node) -> Node | None:
    """log(c·exp(u)) → log c + u; log(e^u + e^v) → u + softplus(v − u); log Σ exp → logsumexp."""
    if node.body != _LOG:
        return None
    operand = Access(node.args[0], node.labels[0])
    terms = terms_of(operand)
    if terms is None or peel(operand.node).kind is Kind.CONST:
        return None
    dims = label_dims(node)
    found = log_of_terms(collected(terms), dims)
    return None if found is None else placed([(sp.Integer(1), built(found, dims))], node)


def log_of_product(node: Node) -> Node | None:
    """log(c·Π a) → log c + Σ log a, where each a is an exponential or σ, so positive."""
    if node.body != _LOG:
        return None
    weight, inner = sp.Integer(1), Access(peel(node.args[0]), node.labels[0])
    if inner.node.kind is Kind.SUM and len(inner.node.args) == 1:
        weight, total = inner.node.weights[0], inner.node
        inner = Access(peel(total.args[0]), through(inner.labels, total.labels[0]))
    if not weight.is_positive:
        return None
    factors = [inner]
    if inner.node.kind is Kind.PRODUCT and exponent(inner) is None:
        if len(label_dims(inner.node)) > inner.node.rank:
            return None
        factors = [Access(n, through(inner.labels, x)) for n, x in inner.node.accesses]
    dims = label_dims(node)
    total_log: Linear = constant(weight)
    for factor in factors:
        log = _positive_log(factor, dims)
        if log is None:
            return None
        total_log = combine((1, total_log), (1, log))
    return placed([(sp.Integer(1), built(total_log, dims))], node)


def _positive_log(factor: Access, dims: Mapping[int, Dim]) -> Linear | None:
    """log of σ(w), of 1 − σ(w) or of an exponential, as a linear form; else None."""
    u = exponent(factor)
    if u is not None:
        return u
    w = argument_of(_SIGMOID, factor)
    sign = -1
    if w is None:
        w, sign = one_minus_sigmoid(factor), 1
    if w is None:
        return None
    gap = built(combine((sign, w)), dims)
    return {apply(softplus(_T), gap): sp.Integer(-1)}


def one_minus_sigmoid(access: Access) -> Linear | None:
    """w, where the operand is 1 − σ(w), else None."""
    node = peel(access.node)
    if node.kind is not Kind.SUM or set(node.weights) != {-1, 1} or len(node.args) != 2:
        return None
    pairs = dict(zip(node.weights, node.accesses, strict=True))
    if pairs[sp.Integer(1)].node is not g.const(1):
        return None
    minus = pairs[sp.Integer(-1)]
    return argument_of(_SIGMOID, Access(minus.node, through(access.labels, minus.labels)))


def log_of_pick(node: Node) -> Node | None:
    """log(Σₖ pₖ·1[c = k]) → Σₖ log(pₖ)·1[c = k], where p is an exponential or σ."""
    if node.body != _LOG:
        return None
    picked = peel(node.args[0])
    if picked.kind is not Kind.PRODUCT or node.labels[0] != axes_of(node):
        return None
    found = [a for a in picked.accesses if a.node.kind is not Kind.ONEHOT]
    if len(found) != 1 or len(found) == len(picked.accesses):
        return None
    (p,) = found
    positive = peel(p.node)
    if positive.kind is not Kind.MAP or positive.body not in (_EXP, _SIGMOID):
        return None
    lasts = [a.labels[-1] for a in picked.accesses if a != p]
    summed = {x for x in label_dims(picked) if x >= picked.rank}
    if summed != set(lasts) or len(lasts) > len(summed) or not summed <= set(p.labels):
        return None
    log = Access(g.apply(_LOG, [(p.node, axes_of(p.node))], p.node.shape), p.labels)
    return g.product([log if a == p else a for a in picked.accesses], node.shape)


def log_determinant(node: Node) -> Node | None:
    """log(det X) and log |det X| → logdet(X), which is log |det X|."""
    if node.body != _LOG:
        return None
    inner, labels = peel(node.args[0]), node.labels[0]
    if inner.kind is Kind.MAP and inner.body == _ABSOLUTE:
        inner, labels = peel(inner.args[0]), through(labels, inner.labels[0])
    if inner.kind is not Kind.LINALG or inner.op != "det" or labels != axes_of(node):
        return None
    return g.linalg("logdet", inner.args[0], inner.labels[0], node.shape)
