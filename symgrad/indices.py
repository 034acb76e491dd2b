"""Index notation as a declaration: ``Sum(W[k, j]*x[j], (j, 0, D - 1)) + b[k]`` as graph nodes.

Why it exists: half of the lectures write Σ, and the graph is index notation already. An index
symbol is a label of the index space; a `Sum` adds a label and contracts it; an element such as
``W[k, j]`` is an operand seen along labels (`index_elements`). So a network that is declared by
index and one that is declared by matrices give the same graph.

Conditions on indices (``KroneckerDelta(j, c)``, ``Piecewise((e, Ne(j, c)), (0, True))``) are
arrays of zeros and ones (`index_conditions`). Ranges are those of SymPy: from the lower to the
upper limit, both included, entries counted from 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp
from sympy.core.relational import Relational
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad import elementwise
from symgrad import graph as g
from symgrad.errors import DeclarationError, ShapeError, UnsupportedError
from symgrad.graph import Access, Dim, Node, dim
from symgrad.index_conditions import equal, holds, is_integral, on_indices
from symgrad.index_elements import contracted, element
from symgrad.index_space import Operand, Scope, elements_of, extents, indicator, scalar
from symgrad.listing import shape_text


def entry(
    expr: sp.Expr,
    scope: Scope,
    operand: Operand,
    arguments: Mapping[sp.Basic, Access] | None = None,
) -> Access:
    """``expr`` at every point of the space, over just those labels that it depends on.

    ``arguments`` are symbols of ``expr`` that stand for arrays of the space.
    """
    known = arguments or {}

    def resolve(e: sp.Basic) -> Access | None:
        if e in known:
            return known[e]
        if isinstance(e, sp.Indexed | MatrixElement):
            return element(e, scope, operand)
        if isinstance(e, sp.Sum):
            return _sum(e, scope, operand)
        if isinstance(e, sp.KroneckerDelta):
            return equal(e.args[0], e.args[1], scope, operand)
        if isinstance(e, indicator):
            (condition,) = e.args
            if all(is_integral(x, scope, operand) for x in condition.atoms(Relational)):
                return holds(condition, scope, operand)
            cases = sp.Piecewise((1, condition), (0, True))
            return elementwise.access(cases, resolve, scope.shape)
        if isinstance(e, sp.Piecewise) and on_indices(e, scope, operand):
            return _cases(e, scope, operand)
        if e in scope.labels:
            raise UnsupportedError(
                f"the index {e} is used as a number; expected it in square brackets, as in "
                f"x[{e}], or in a condition such as KroneckerDelta({e}, c)."
            )
        if isinstance(e, sp.IndexedBase):
            raise ShapeError(
                f"{e} is an array of shape {shape_text(e.shape or ())} where a scalar is expected; "
                f"index it, as in {e}[{', '.join('ijklmn'[: len(e.shape or (1,))])}]."
            )
        node = operand(e)
        return None if node is None else Access(scalar(node, e), ())

    return elementwise.access(expr, resolve, scope.shape)


def _sum(e: sp.Sum, scope: Scope, operand: Operand) -> Access:
    """Σ over each range; a range may depend on the indices of the ranges after it."""
    body: sp.Basic = e.function
    inner = scope
    masks: list[sp.Basic] = []
    moved: dict[sp.Basic, sp.Basic] = {}
    limits = [tuple(x) for x in e.limits]
    symbols = [x[0] for x in limits]
    if len(set(symbols)) < len(symbols):
        raise DeclarationError(f"an index is summed over twice in {e}; rename one of them.")
    for symbol, low, high in sorted(limits, key=_axis_order(body, symbols)):
        others = {*scope.labels, *symbols}
        depends = bool(others & (low.free_symbols | high.free_symbols))
        low, high = low.xreplace(moved), high.xreplace(moved)
        if not others & (low.free_symbols | high.free_symbols):
            extent = sp.expand(high - low + 1)
            if extent.is_positive is False and depends:
                return Access(g.const(0), ())
            if extent.is_positive is False:
                raise ShapeError(
                    f"the sum over {symbol} in {e} runs from {low} to {high}, which is empty; "
                    "expected an upper limit that is not below the lower one."
                )
            if extent == 1:
                moved[symbol] = low
                body = body.xreplace({symbol: low})
                masks = [x.xreplace({symbol: low}) for x in masks]
                continue
            if low != 0:
                moved[symbol] = symbol + low
                body = body.xreplace({symbol: symbol + low})
                masks = [x.xreplace({symbol: symbol + low}) for x in masks]
            inner = inner.adding(symbol, dim(extent))
        else:
            inner = inner.adding(symbol, _extent_of(symbol, body, e))
            masks.append(sp.Ge(high, symbol, evaluate=False))
            if low != 0:
                masks.append(sp.Ge(symbol, low, evaluate=False))
    factors = [entry(body, inner, operand), *(holds(x, inner, operand) for x in masks)]
    result = contracted(factors, len(scope.shape))
    carried = {x for a in factors for x in a.labels}
    weight: sp.Expr = sp.Integer(1)
    for label in range(len(scope.shape), len(inner.shape)):
        if label not in carried:
            weight *= inner.shape[label]
    if weight == 1:
        return result
    axes = tuple(range(result.node.rank))
    return Access(g.add([(weight, result.node, axes)], result.node.shape), result.labels)


def _axis_order(body: sp.Basic, symbols: Sequence[sp.Basic]) -> Callable[[Any], tuple[int, int]]:
    """Indices in the order of the axes that they run along, so that no array is transposed."""
    axes: dict[sp.Basic, int] = {}
    for e in elements_of(body):
        for axis, position in enumerate(e.args[1:]):
            for s in {position} & set(symbols) or position.free_symbols & set(symbols):
                axes[s] = min(axis, axes.get(s, axis))
    return lambda limits: (axes.get(limits[0], 0), -symbols.index(limits[0]))


def _extent_of(symbol: sp.Basic, body: sp.Basic, e: sp.Basic) -> Dim:
    found = extents(body, [symbol]).get(symbol)
    if found is None:
        raise DeclarationError(
            f"the range of {symbol} in {e} depends on another index, and no array is indexed by "
            f"{symbol} alone; give its range in whole numbers and a condition, "
            f"Piecewise((…, {symbol} <= i), (0, True))."
        )
    return found


def _cases(e: sp.Piecewise, scope: Scope, operand: Operand) -> Access:
    """Σ over the cases of 1[condition]·Π 1[not an earlier one]·expression."""
    terms: list[tuple[object, Node, g.Labels]] = []
    earlier: list[Access] = []
    for expr, condition in e.args:
        factors = [*earlier, entry(expr, scope, operand)]
        if condition is not sp.true:
            factors.append(holds(condition, scope, operand))
            earlier.append(holds(sp.Not(condition, evaluate=False), scope, operand))
        if expr != 0:
            terms.append((1, *contracted(factors, len(scope.shape))))
    labels = sorted({x for _, _, own in terms for x in own})
    number = {x: k for k, x in enumerate(labels)}
    shape = tuple(scope.shape[x] for x in labels)
    own = [(c, n, tuple(number[x] for x in axes)) for c, n, axes in terms]
    return Access(g.add(own, shape), tuple(labels))
