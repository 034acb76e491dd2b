"""Laws of elementwise maps, and of reductions that are not sums."""

from __future__ import annotations

import sympy as sp

from symgrad import graph as g
from symgrad import vocabulary
from symgrad.algebra import axes_of, scaled, through
from symgrad.elementwise import MAX_UNROLLED_POWER, expand
from symgrad.graph import Access, Kind, Node, label_dims, slot

_T = slot(0)
_EXP, _LOG, _RECIPROCAL = sp.exp(_T), sp.log(_T), 1 / _T
_INVERSES = ((_LOG, _EXP), (_EXP, _LOG), (_RECIPROCAL, _RECIPROCAL))
_ROOTS = (sp.sqrt(_T), vocabulary.root(_T))


def constant_map(node: Node) -> Node | None:
    """f(1) → its value."""
    if any(arg.kind is not Kind.CONST for arg in node.args):
        return None
    value = node.body.xreplace({slot(k): arg.value for k, arg in enumerate(node.args)})
    return g.const(value, node.shape)


def expanded_map(node: Node) -> Node | None:
    """a map of sums, products or several functions → one map a function."""
    if node.body in {slot(k) for k in range(len(node.args))} or not _is_atomic(node):
        accesses = node.accesses
        operands: dict[sp.Basic, Access] = {slot(k): a for k, a in enumerate(accesses)}
        result = expand(node.body, operands.get, node.shape)
        return result if result is not node else None
    return None


def _is_atomic(node: Node) -> bool:
    """Whether the body is one function applied to slots and constants."""
    body = node.body
    if body.is_Add or body.is_Mul:
        return False
    if body.is_Pow and body.exp.is_Integer and 1 < body.exp <= MAX_UNROLLED_POWER:
        return False
    return all(not x.free_symbols or x.is_Symbol for x in body.args)


def inverse_map(node: Node) -> Node | None:
    """log(exp(a)) → a; exp(log(a)) → a; 1/(1/a) → a."""
    if len(node.args) != 1:
        return None
    inner = g.peel(node.args[0])
    if inner.kind is not Kind.MAP or len(inner.args) != 1:
        return None
    if (node.body, inner.body) not in _INVERSES:
        return None
    return g.product([(inner.args[0], through(node.labels[0], inner.labels[0]))], node.shape)


def reciprocal_of_scaled(node: Node) -> Node | None:
    """1/(c·a) → (1/c)·(1/a)."""
    if node.body != _RECIPROCAL:
        return None
    arg = node.args[0]
    if arg.kind is not Kind.SUM or len(arg.args) != 1 or arg.args[0].kind is Kind.CONST:
        return None
    labels = through(node.labels[0], arg.labels[0])
    return scaled(1 / arg.weights[0], g.apply(node.body, [(arg.args[0], labels)], node.shape))


def reduce_of_one(node: Node) -> Node | None:
    """op of one number → that number."""
    return None if len(label_dims(node)) > node.rank else g.product(node.accesses, node.shape)


def root_of_square(node: Node) -> Node | None:
    """√(a·a) → |a|."""
    if node.body not in _ROOTS:
        return None
    square = node.args[0]
    if square.kind is not Kind.PRODUCT or len(square.args) != 2:
        return None
    one, other = square.accesses
    if one != other or len(label_dims(square)) > square.rank:
        return None
    labels = through(node.labels[0], one.labels)
    carried = tuple(sorted(set(labels)))
    narrow = tuple(carried.index(x) for x in labels)
    shape = tuple(node.shape[x] for x in carried)
    size = g.apply(vocabulary.absolute(slot(0)), [(one.node, narrow)], shape)
    return size if carried == axes_of(node) else g.product([(size, carried)], node.shape)
