"""Conditions on indices as arrays of zeros and ones: 1[j ≠ c], 1[i ≥ j], δ_ij."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.core.relational import Relational
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad import graph as g
from symgrad.errors import DeclarationError, ShapeError, UnsupportedError
from symgrad.graph import Access
from symgrad.index_elements import contracted, element
from symgrad.index_space import Operand, Scope, affine, is_lookup
from symgrad.symbols import LabelSymbol, Opaque


def on_indices(e: sp.Piecewise, scope: Scope, operand: Operand) -> bool:
    """Whether the conditions are about indices; raises where others are about values."""
    relations = {r for _, condition in e.args for r in condition.atoms(Relational)}
    kinds = {is_integral(relation, scope, operand) for relation in relations}
    if len(kinds) > 1:
        raise UnsupportedError(
            f"{e} mixes conditions on indices with conditions on values; write it as a product, "
            "such as (1 - KroneckerDelta(j, c))*Piecewise((…, x[j] > 0), (0, True))."
        )
    return kinds == {True}


def is_integral(relation: sp.Basic, scope: Scope, operand: Operand) -> bool:
    """Whether a relation mentions indices, labels and dimensions only."""
    stack: list[Any] = list(relation.args)
    while stack:
        e = stack.pop()
        if isinstance(e, sp.Indexed | MatrixElement):
            base = operand(e.args[0])
            if base is None or base.kind is not g.Kind.LEAF or base.leaf.classes is None:
                return False
        elif isinstance(e, sp.Symbol | sp.Idx | Opaque):
            if e not in scope.labels and not getattr(e, "is_integer", False):
                return False
        else:
            stack.extend(e.args)
    return True


def holds(condition: sp.Basic, scope: Scope, operand: Operand) -> Access:
    """The array of zeros and ones of a condition on indices."""
    rank = len(scope.shape)
    if condition in (sp.true, sp.false):
        return Access(g.const(int(condition is sp.true)), ())
    if isinstance(condition, sp.And):
        return contracted([holds(x, scope, operand) for x in condition.args], rank)
    if isinstance(condition, sp.Or):
        misses = [_complement(holds(x, scope, operand)) for x in condition.args]
        return _complement(contracted(misses, rank))
    if isinstance(condition, sp.Not):
        return _complement(holds(condition.args[0], scope, operand))
    if not isinstance(condition, Relational):
        raise UnsupportedError(
            f"the condition {condition} is not a relation between indices; expected one such as "
            "Ne(j, c), j <= i or KroneckerDelta(j, c)."
        )
    left, right = condition.args
    match condition:
        case sp.Eq():
            return equal(left, right, scope, operand)
        case sp.Ne():
            return _complement(equal(left, right, scope, operand))
        case sp.Ge():
            return _at_least(left - right, scope, operand)
        case sp.Le():
            return _at_least(right - left, scope, operand)
        case sp.Gt():
            return _at_least(left - right - 1, scope, operand)
        case _:
            return _at_least(right - left - 1, scope, operand)


def _complement(a: Access) -> Access:
    """1 − a."""
    axes = tuple(range(a.node.rank))
    return Access(g.add([(1, g.const(1), ()), (-1, a.node, axes)], a.node.shape), a.labels)


def _at_least(difference: sp.Basic, scope: Scope, operand: Operand) -> Access:
    return _indicated(difference, "≥", scope, operand)


def _indicated(difference: sp.Basic, relation: str, scope: Scope, operand: Operand) -> Access:
    """1[d = 0] or 1[d ≥ 0]; a label c in d is summed over, Σ_k 1[c = k] 1[…k…]."""
    where = f"the condition {difference} {relation} 0"
    inside, rank = scope.indices(difference), len(scope.shape)
    places = {s: (scope.labels[s], scope.shape[scope.labels[s]]) for s in inside}
    factors: list[Access] = []
    for axis, label in enumerate(_labels_in(difference), rank):
        factors.append(_onehot(label, axis, scope, operand))
        index = sp.Dummy(integer=True)
        difference = difference.xreplace({label: index})
        places[index] = (axis, factors[-1].node.shape[-1])
    coefficients, offset = affine(difference, list(places), where)
    labels = tuple(label for label, _ in places.values())
    shape = tuple(n for _, n in places.values())
    factors.append(Access(g.indicator(coefficients, offset, relation, shape), labels))
    return contracted(factors, rank)


def _labels_in(difference: sp.Basic) -> list[sp.Basic]:
    """The class labels of a condition, those that are looked up among them."""
    found: list[sp.Basic] = []
    stack: list[Any] = [difference]
    while stack:
        e = stack.pop()
        if is_lookup(e) or isinstance(e, LabelSymbol):
            found.append(e)
        else:
            stack.extend(e.args)
    return sorted(set(found), key=str)


def equal(left: sp.Basic, right: sp.Basic, scope: Scope, operand: Operand) -> Access:
    """1[left = right] of indices, class labels and whole numbers."""
    rank = len(scope.shape)
    labels = [x for x in (left, right) if isinstance(x, Opaque) or is_lookup(x)]
    if labels:
        onehots = [_onehot(x, rank, scope, operand) for x in labels]
        other = right if left is labels[0] else left
        if len(labels) == 2:
            return contracted(onehots, rank)
        (onehot,) = onehots
        classes = onehot.node.shape[-1]
        if other in scope.labels:
            label = scope.labels[other]
            if scope.shape[label] != classes:
                raise ShapeError(
                    f"the index {other} runs over {scope.shape[label]} entries, and the label "
                    f"{labels[0]} has {classes} classes; they are compared in {left} = {right}, so "
                    "these have to be equal."
                )
            return Access(onehot.node, (*onehot.labels[:-1], label))
        if not scope.indices(other):
            return contracted([onehot, Access(g.onehot(g.const(other), classes), (rank,))], rank)
        raise UnsupportedError(
            f"the condition {left} = {right} compares a label with {other}; expected an index "
            "alone, or a whole number."
        )
    difference = sp.expand(left - right)
    if _labels_in(difference):
        return _indicated(difference, "=", scope, operand)
    inside = scope.indices(difference)
    coefficients, offset = affine(difference, inside, f"the condition {left} = {right}")
    own = tuple(scope.labels[s] for s in inside)
    shape = tuple(scope.shape[x] for x in own)
    if len(own) == 1 and coefficients[0] in (1, -1):
        return Access(g.onehot(g.const(-coefficients[0] * offset), shape[0]), own)
    return _indicated(difference, "=", scope, operand)


def _onehot(label: Any, axis: int, scope: Scope, operand: Operand) -> Access:
    """1[label = k], with k along ``axis``."""
    opaque = isinstance(label, Opaque)
    index = Access(label.node, ()) if opaque else element(label, scope, operand)
    leaf = index.node.leaf if index.node.kind is g.Kind.LEAF else None
    if leaf is None or leaf.classes is None:
        raise DeclarationError(
            f"{label} is compared with an index, but it is no class label; declare it with "
            f"sg.label({str(label)!r}, …)."
        )
    return Access(g.onehot(index.node, leaf.classes), (*index.labels, axis))
