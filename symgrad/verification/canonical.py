"""Two formulas that become one graph: a proof that they are equal.

Why it exists: what algebra decides needs no probability. Names are taken off, the laws of the
forward graph are applied, and then products are multiplied out over sums, contractions over
contractions, to one sum of products; the two formulas are equal if the two graphs are one.
Activations get one spelling, in which tanh² and sech², swish and z·σ(z) meet.

Multiplying out grows: a product that would have more than `MOST_TERMS` terms or `MOST_FACTORS`
factors is left as it is, and so is everything after `MOST_PRODUCTS`. What this misses, arithmetic
at random points finds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import sympy as sp

from symgrad import graph as g
from symgrad import vocabulary as v
from symgrad.algebra import contraction, inlined, scaled
from symgrad.delta_rules import DELTA_RULES
from symgrad.elementwise import expand
from symgrad.graph import Access, Kind, Node, slot
from symgrad.recognise import FORWARD
from symgrad.rewrite import Rewriter
from symgrad.simplify import strip_names

MOST_TERMS = 32
"""A product is multiplied out to at most this many terms."""

MOST_PRODUCTS = 120
"""So many terms are written down in all."""

MOST_FACTORS = 12
"""A product of products gets at most this many factors."""

_T = slot(0)

SPELLINGS: dict[sp.Expr, sp.Expr] = {
    v.swish(_T): _T * v.sigmoid(_T),
    v.gelu(_T): _T * v.normal_cdf(_T),
    v.relu(_T): _T * v.step(_T),
    v.absolute(_T): _T * v.signum(_T),
    v.hard_step(_T): v.step(_T),
    v.hard_sign(_T): v.signum(_T),
    v.zero_one(_T): v.step(-_T),
    sp.sech(_T): 1 / sp.cosh(_T),
    sp.tan(_T): sp.sin(_T) / sp.cos(_T),
    sp.sqrt(_T): v.root(_T),
}
"""A function → the spelling that others share."""

OF_NEGATIVE: dict[sp.Expr, sp.Expr] = {
    v.sigmoid(_T): 1 - v.sigmoid(_T),
    v.normal_cdf(_T): 1 - v.normal_cdf(_T),
    **{f(_T): -f(_T) for f in (sp.tanh, sp.sin, sp.sinh, sp.erf, sp.atan, sp.asinh, v.signum)},
    **{f(_T): f(_T) for f in (sp.cos, sp.cosh, v.normal_pdf)},
}
"""f → what f(−t) is."""

_BINARY = (v.step(_T),)
"""Functions that are their own squares."""


def canonical(roots: Sequence[Node]) -> list[Node]:
    """The expanded forms of ``roots``. Equal results are equal values; different ones may be."""
    *_, last = _stages(roots)
    return last


def are_one(claim: Node, truth: Node) -> bool:
    """Whether both have one expanded form."""
    return any(a is b for a, b in _stages([claim, truth]))


def _stages(roots: Sequence[Node]) -> Iterator[list[Node]]:
    """The forms of ``roots``, ever more expanded."""
    found = Rewriter((*FORWARD, *DELTA_RULES))(strip_names(roots))
    yield found
    for _ in range(_ROUNDS):
        expanded = Rewriter(_LATE)(multiplied_out(_respelled(found)))
        if all(a is b for a, b in zip(found, expanded, strict=True)):
            return
        found = expanded
        yield found


_ROUNDS = 3
"""Laws make new products to multiply out, but not often."""

_CONTRARY = {
    "gate",
    "gate of sign",
    "pieces",
    "complement",
    "tanh",
    "quotient",
    "weight out of sum",
}
"""Laws that put together what is taken apart here."""

_LATE = tuple(rule for rule in (*FORWARD, *DELTA_RULES) if rule.name not in _CONTRARY)


def _respelled(roots: Sequence[Node]) -> list[Node]:
    done: dict[Node, Node] = {}
    for node in g.topological(roots):
        new = g.rebuild(node, [done[arg] for arg in node.args])
        if new.kind is Kind.MAP:
            new = _split_power(_spelled(new))
        elif new.kind is Kind.PRODUCT:
            new = _without_squares(new)
        done[node] = new
    return [done[root] for root in roots]


def _spelled(node: Node) -> Node:
    spelling = SPELLINGS.get(node.body)
    operand = Access(node.args[0], node.labels[0])
    if spelling is None and node.body in OF_NEGATIVE and _is_negative(operand.node):
        spelling = OF_NEGATIVE[node.body]
        operand = Access(scaled(-1, operand.node), operand.labels)
    if spelling is None:
        return node
    return expand(spelling, {_T: operand}.get, node.shape)


def _split_power(node: Node) -> Node:
    """a^(c + s) → aᶜ·aˢ, of a rational c."""
    if node.kind is not Kind.MAP or node.body != _T ** slot(1):
        return node
    (base, own), (exponent, labels) = node.accesses
    if exponent.kind is not Kind.SUM:
        return node
    terms = list(zip(exponent.weights, exponent.accesses, strict=True))
    numbers = [c * x.node.value for c, x in terms if x.node.kind is Kind.CONST]
    number = sum(numbers, sp.Integer(0))
    if not numbers or not number.is_Rational:
        return node
    kept = [(c, *x) for c, x in terms if x.node.kind is not Kind.CONST]
    rest = g.add(kept, exponent.shape)
    parts = [
        g.apply(_T**number, [Access(base, own)], node.shape),
        g.apply(_T ** slot(1), [Access(base, own), Access(rest, labels)], node.shape),
    ]
    axes = tuple(range(node.rank))
    return g.product([Access(x, axes) for x in parts], node.shape)


def _is_negative(node: Node) -> bool:
    """Whether a sum is the one of its two signs that is written with a minus."""
    if node.kind is not Kind.SUM or not node.args:
        return False
    return bool(node.weights[0].could_extract_minus_sign())


def _without_squares(node: Node) -> Node:
    """1[t > 0]² → 1[t > 0]."""
    kept: list[Access] = []
    for access in node.accesses:
        binary = access.node.kind is Kind.MAP and access.node.body in _BINARY
        if not (binary and access in kept):
            kept.append(access)
    return node if len(kept) == len(node.args) else g.product(kept, node.shape)


def multiplied_out(roots: Iterable[Node]) -> list[Node]:
    """``roots`` with products of sums as sums of products, and products of products as one."""
    roots = list(roots)
    left = MOST_PRODUCTS
    done: dict[Node, Node] = {}
    for node in g.topological(roots):
        new = g.rebuild(node, [done[arg] for arg in node.args])
        if new.kind is Kind.PRODUCT:
            new = _flat(new)
            terms = math.prod(len(a.args) for a in new.args if a.kind is Kind.SUM and a.args)
            if 1 < terms <= min(left, MOST_TERMS):
                left -= terms
                new = _distributed(new)
        if new.kind is Kind.SUM:
            new = _sum(new)
        done[node] = new
    return [done[root] for root in roots]


def _distributed(node: Node) -> Node:
    """(a + b)·c → a·c + b·c."""
    terms: list[tuple[sp.Expr, list[Access]]] = [(sp.Integer(1), [])]
    for access in node.accesses:
        choices = _terms(access)
        terms = [(c * d, [*factors, x]) for c, factors in terms for d, x in choices]
    products = [(c, _flat(contraction(node, factors))) for c, factors in terms]
    axes = tuple(range(node.rank))
    return g.add([(c, p, axes) for c, p in products], node.shape)


def _terms(access: Access) -> list[tuple[sp.Expr, Access]]:
    """An operand as weighted operands."""
    node, labels = access
    if node.kind is not Kind.SUM or not node.args:
        return [(sp.Integer(1), access)]
    return [
        (c, Access(arg, tuple(labels[x] for x in own)))
        for c, arg, own in zip(node.weights, node.args, node.labels, strict=True)
    ]


def _flat(node: Node) -> Node:
    """A product with the factors of its products as its own."""
    while node.kind is Kind.PRODUCT:
        inner = next((k for k, arg in enumerate(node.args) if arg.kind is Kind.PRODUCT), None)
        if inner is None or len(node.args) + len(node.args[inner].args) - 1 > MOST_FACTORS:
            break
        node = inlined(node, inner)
    return node


def _sum(node: Node) -> Node:
    """A sum of sums as one sum."""
    if not any(arg.kind is Kind.SUM for arg in node.args):
        return node
    terms: list[tuple[sp.Expr, Node, tuple[int, ...]]] = []
    for c, access in zip(node.weights, node.accesses, strict=True):
        terms += [(c * d, x.node, x.labels) for d, x in _terms(access)]
    return g.add(terms, node.shape) if len(terms) <= MOST_TERMS else node
