"""Σ over indices, and the mean of a loss over its data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy as sp

import symgrad.language.arithmetic as a
import symgrad.language.syntax as s
from symgrad import functions as f
from symgrad.batch import empirical_risk
from symgrad.index_space import extents, is_lookup
from symgrad.language.chains import product_of
from symgrad.language.limits import checked_position
from symgrad.language.relations import Comparison
from symgrad.language.scope import Scope, new_index


def big_sum(node: s.BigSum, scope: Scope) -> Any:
    if not node.ranges:
        body = scope.shown(node.body)
        return a.scaled(sp.Integer(node.sign), f.sum(body.value))
    ranges, conditions, inner = _ranges(node, scope)
    if not ranges:
        taken = _taken(node, scope)
        if taken is not None:
            raise scope.error(
                taken,
                f"{taken.name} is an index already, outside this sum; sum over another letter.",
            )
        raise scope.error(node.ranges[0], "the index is missing, as in Σ_{j ≠ c}.")
    body = scope_entry(node.body, inner)
    value = body if node.sign > 0 else -body
    if conditions:
        value = sp.Piecewise((value, sp.And(*conditions)), (sp.S.Zero, True))
    missing = [x for x, limits in ranges.items() if limits is None]
    found = extents(value, missing)
    limits = []
    for symbol, given in ranges.items():
        if given is None and symbol not in found:
            raise scope.error(
                node,
                f"the range of {symbol} does not follow: nothing is indexed by {symbol} alone; "
                f"write Σ_{{{symbol}=0}}^{{n-1}}.",
            )
        limits.append((symbol, *(given or (0, found[symbol] - 1))))
    return sp.Sum(value, *limits)


Ranges = dict[sp.Symbol, "tuple[Any, Any] | None"]


def _ranges(node: s.BigSum, scope: Scope) -> tuple[Ranges, list[Any], Scope]:
    """The indices with their limits where these are given, the conditions, the inner scope."""
    ranges: Ranges = {}
    conditions: list[s.Relation] = []
    inner = scope
    for one in node.ranges:
        bounded = isinstance(one, s.Relation) and one.operator == "=" and node.upper is not None
        for name in _indices_of(one, node, inner):
            symbol = new_index(name, inner)
            ranges[symbol] = None
            inner = inner.with_indices([symbol])
            if bounded:
                assert isinstance(one, s.Relation) and node.upper is not None
                low, high = _bound(one.right, scope), _bound(node.upper, scope)
                ranges[symbol] = (low, high)
        if isinstance(one, s.Relation) and not bounded:
            conditions.append(one)
    return ranges, [_condition(x, inner) for x in conditions], inner


def _indices_of(one: s.Expr, node: s.BigSum, scope: Scope) -> list[s.Name]:
    """The new indices of one range: the name itself, or the first free one of a condition."""
    if isinstance(one, s.Name):
        letters = one.name.isascii() and one.name.isalpha() and len(one.name) > 1
        if letters and node.upper is None:
            return [replace(one, name=x) for x in one.name]
        return [one]
    if isinstance(one, s.Relation):
        for side in (one.left, one.right):
            known = isinstance(side, s.Name) and side.name in {**scope.names, **scope.indices}
            if isinstance(side, s.Name) and not known:
                return [side]
        return []
    raise scope.error(one, "an index was expected, as in Σ_j, Σ_{j ≠ c} or Σ_{j=0}^{n-1}.")


def _taken(node: s.BigSum, scope: Scope) -> s.Name | None:
    """The k of Σ_{k=1}^{C} where k is an index of what stands around the sum."""
    if node.upper is None:
        return None
    equations = [x for x in node.ranges if isinstance(x, s.Relation) and x.operator == "="]
    sides = [side for x in equations for side in (x.left, x.right) if isinstance(side, s.Name)]
    return next((x for x in sides if x.name in scope.indices), None)


def _bound(node: s.Expr, scope: Scope) -> Any:
    value = scope.build(node)
    if a.shape(value) or not value.is_integer or is_lookup(value):
        raise scope.error(node, "a bound of a sum is a whole number, in numbers and dimensions.")
    return checked_position(value)


def _condition(node: s.Relation, scope: Scope) -> Any:
    condition = scope.build(node)
    if isinstance(condition, Comparison):
        raise scope.error(node, "a condition of a sum compares indices, labels and numbers.")
    return condition


def scope_entry(node: s.Expr, scope: Scope) -> Any:
    """The value of one entry, which has to be a scalar."""
    value = a.scalar_of(scope.build(node))
    if a.shape(value):
        raise scope.error(
            node,
            f"this is {a.described_shape(value)}, and one entry is a scalar; index what stands "
            "here, as in x[j].",
        )
    return value


def over(node: s.Over, scope: Scope) -> Any:
    """``mean L over x, y``."""
    body = node.body
    links = body.links if isinstance(body, s.Chain) else ()
    first = links[0].item if links else body
    if not (isinstance(first, s.Name) and first.name == "mean") or len(links) < 2:
        raise scope.error(node, "what is taken over data is a mean, as in mean L over x, y.")
    inner = product_of((replace(links[1], operator=""), *links[2:]), scope)
    return empirical_risk(inner.value, data=[scope.build(name) for name in node.names])
