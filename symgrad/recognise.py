"""Stable primitives, found on the *forward* graph before it is differentiated.

Why it exists: differentiating ``log(exp(z₁) + …)`` as it is written gives a gradient that is
NaN at scores of 1000 and a formula that nobody recognises. Recognised first, as log-sum-exp, it
has the gradient softmax(z): stability and short closed forms come from the same rows.

Each row sees through names, so ``p = softmax(z)`` may be a named value that ``log(p)`` refers to.
"""

from __future__ import annotations

import sympy as sp

from symgrad import graph as g
from symgrad.graph import Access, Kind, Labels, Node, peel, slot
from symgrad.identities import CANONICAL, scaled
from symgrad.rewrite import Rule
from symgrad.vocabulary import sigmoid, softplus

_T = slot(0)


def _axes(node: Node) -> Labels:
    return tuple(range(node.rank))


def _application(node: Node, body: sp.Expr) -> Node | None:
    """a, where ``node`` is ``body`` of a with the axes in order, else None."""
    node = peel(node)
    if node.kind is Kind.MAP and node.body == body and node.labels[0] == _axes(node):
        return node.args[0]
    return None


def _map(body: sp.Expr, node: Node) -> Node:
    return g.apply(body, [(node, _axes(node))], node.shape)


def _negated(node: Node) -> Node:
    return scaled(-1, node)


def _one_plus_exp(node: Node) -> Node | None:
    """z, where ``node`` is 1 + exp(z), else None."""
    node = peel(node)
    if node.kind is not Kind.SUM or len(node.args) != 2 or node.weights != (1, 1):
        return None
    for one, e, labels in (
        (node.args[0], node.args[1], node.labels[1]),
        (node.args[1], node.args[0], node.labels[0]),
    ):
        if one.kind is Kind.CONST and one.value == 1 and labels == _axes(node):
            return _application(e, sp.exp(_T))
    return None


def sigmoid_from_reciprocal(node: Node) -> Node | None:
    """1/(1 + exp(z)) → σ(−z)."""
    if node.body != 1 / _T or node.labels[0] != _axes(node):
        return None
    z = _one_plus_exp(node.args[0])
    return None if z is None else _map(sigmoid(_T), _negated(z))


def sigmoid_from_product(node: Node) -> Node | None:
    """exp(z)·σ(−z) → σ(z)."""
    accesses = node.accesses
    for k, (e, labels) in enumerate(accesses):
        z = _application(e, sp.exp(_T))
        if z is None:
            continue
        for n, (s, other) in enumerate(accesses):
            argument = _application(s, sigmoid(_T))
            if argument is not None and labels == other and _opposite(argument, z):
                kept = [a for i, a in enumerate(accesses) if i not in (k, n)]
                return g.product([*kept, (_map(sigmoid(_T), z), labels)], node.shape)
    return None


def _opposite(a: Node, b: Node) -> bool:
    """Whether a = −b."""
    if a.kind is Kind.SUM and b.kind is Kind.SUM:
        minus = [(-c, n, x) for c, n, x in zip(b.weights, b.args, b.labels, strict=True)]
        return a is g.add(minus, b.shape)
    minus_a = a.kind is Kind.SUM and a is _negated(b)
    minus_b = b.kind is Kind.SUM and b is _negated(a)
    return minus_a or minus_b


def softplus_from_log(node: Node) -> Node | None:
    """log(1 + exp(z)) → softplus(z)."""
    if node.body != sp.log(_T) or node.labels[0] != _axes(node):
        return None
    z = _one_plus_exp(node.args[0])
    return None if z is None else _map(softplus(_T), z)


def log_of_sigmoid(node: Node) -> Node | None:
    """log(σ(z)) → −softplus(−z)."""
    z = _application(node.args[0], sigmoid(_T)) if node.body == sp.log(_T) else None
    if z is None or node.labels[0] != _axes(node):
        return None
    return _negated(_map(softplus(_T), _negated(z)))


def log_of_one_minus_sigmoid(node: Node) -> Node | None:
    """log(1 − σ(z)) → −softplus(z)."""
    if node.body != sp.log(_T) or node.labels[0] != _axes(node):
        return None
    total = peel(node.args[0])
    if total.kind is not Kind.SUM or sorted(total.weights) != [-1, 1] or len(total.args) != 2:
        return None
    (one, _), (s, labels) = sorted(
        zip(total.args, total.labels, strict=True), key=lambda a: a[0].kind is not Kind.CONST
    )
    weight = total.weights[total.args.index(s)]
    z = _application(s, sigmoid(_T))
    if z is None or one is not g.const(1) or weight != -1 or labels != _axes(total):
        return None
    return _negated(_map(softplus(_T), z))


def logsumexp_from_log(node: Node) -> Node | None:
    """log(Σₖ exp(zₖ)) → logsumexp(z)."""
    if node.body != sp.log(_T) or node.labels[0] != _axes(node):
        return None
    return _logsumexp_of(peel(node.args[0]))


def _logsumexp_of(total: Node) -> Node | None:
    """logsumexp(z), where ``total`` is Σₖ exp(zₖ) over the last axis of z, else None."""
    if total.kind is not Kind.PRODUCT or len(total.args) != 1:
        return None
    z = _application(total.args[0], sp.exp(_T))
    if z is None or total.rank != z.rank - 1 or total.labels[0] != _axes(z):
        return None
    return g.reduce("logsumexp", z, _axes(z), total.shape)


def softmax_from_ratio(node: Node) -> Node | None:
    """exp(zₖ)·1/Σₗ exp(zₗ) → exp(zₖ − logsumexp(z)), with a shift of all scores or without."""
    accesses = node.accesses
    for n, (reciprocal, kept) in enumerate(accesses):
        total = _application(reciprocal, 1 / _T)
        lse = None if total is None else _logsumexp_of(peel(total))
        if lse is None:
            continue
        z = lse.args[0]
        for k, (e, labels) in enumerate(accesses):
            if _application(e, sp.exp(_T)) is z and labels[:-1] == kept:
                shifted = g.add([(1, z, _axes(z)), (-1, lse, _axes(z)[:-1])], z.shape)
                rest = [a for i, a in enumerate(accesses) if i not in (k, n)]
                return g.product([*rest, (_map(sp.exp(_T), shifted), labels)], node.shape)
    return None


def logsumexp_of_shifted(node: Node) -> Node | None:
    """logsumexp(z + a) → a + logsumexp(z), where a does not run along the reduced axis."""
    total = node.args[0]
    if node.op != "logsumexp" or total.kind is not Kind.SUM or node.labels[0] != _axes(total):
        return None
    last = total.rank - 1
    terms = list(zip(total.weights, total.args, total.labels, strict=True))
    constant = [t for t in terms if last not in t[2]]
    if not constant or len(constant) == len(terms) or node.rank != last:
        return None
    varying = g.add([t for t in terms if last in t[2]], total.shape)
    inner = g.reduce("logsumexp", varying, node.labels[0], node.shape)
    return g.add([(1, inner, _axes(inner)), *constant], node.shape)


def sigmoid_from_tanh(node: Node) -> Node | None:
    """½ + ½·tanh(z/2) → σ(z)."""
    half = sp.Rational(1, 2)
    if node.weights != (half, half):
        return None
    terms: list[Access] = sorted(node.accesses, key=lambda a: a.node.kind is not Kind.CONST)
    (one, _), (t, labels) = terms
    z = _application(t, sp.tanh(_T))
    if one is not g.const(1) or z is None or labels != _axes(node) or z.kind is not Kind.SUM:
        return None
    doubled = g.add(
        [(2 * c, n, x) for c, n, x in zip(z.weights, z.args, z.labels, strict=True)], z.shape
    )
    return _map(sigmoid(_T), doubled)


RECOGNISE: tuple[Rule, ...] = (
    Rule("sigmoid", "1/(1 + exp(z)) → σ(−z)", Kind.MAP, sigmoid_from_reciprocal),
    Rule("sigmoid ratio", "exp(z)·σ(−z) → σ(z)", Kind.PRODUCT, sigmoid_from_product),
    Rule("sigmoid of tanh", "½ + ½·tanh(z/2) → σ(z)", Kind.SUM, sigmoid_from_tanh),
    Rule("softplus", "log(1 + exp(z)) → softplus(z)", Kind.MAP, softplus_from_log),
    Rule("log σ", "log(σ(z)) → −softplus(−z)", Kind.MAP, log_of_sigmoid),
    Rule("log 1 − σ", "log(1 − σ(z)) → −softplus(z)", Kind.MAP, log_of_one_minus_sigmoid),
    Rule("log-sum-exp", "log(Σ exp(z)) → logsumexp(z)", Kind.MAP, logsumexp_from_log),
    Rule("softmax", "exp(z)/Σ exp(z) → exp(z − logsumexp(z))", Kind.PRODUCT, softmax_from_ratio),
    Rule("shift", "logsumexp(z + a) → a + logsumexp(z)", Kind.REDUCE, logsumexp_of_shifted),
)
"""Laws that turn what users write into stable primitives."""

FORWARD: tuple[Rule, ...] = (*RECOGNISE, *CANONICAL)
"""What a forward graph is brought to before it is differentiated or computed."""
