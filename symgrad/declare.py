"""Declarations: names for values, and leaves that carry facts.

`let` is what keeps a network linear: SymPy sees one opaque symbol of known shape, symgrad sees
the graph behind it.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad import graph as g
from symgrad.errors import DeclarationError
from symgrad.functions import as_expression, as_size
from symgrad.graph import dim
from symgrad.lift import lift
from symgrad.symbols import FactMatrix, LabelSymbol, NamedMatrix, NamedScalar


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise DeclarationError(
            f'the name {name!r} was given; expected a non-empty string such as "h".'
        )
    return name


def let(name: str, expr: Any) -> Any:
    """Name an intermediate value.

    Returns a SymPy symbol of the value's shape (a scalar for a scalar or a 1×1 matrix) that
    stands for ``expr`` in later declarations, printed derivations and generated code. Shapes
    that do not fit raise ShapeError here.
    """
    name, expr = _checked_name(name), as_expression(expr)
    value = lift(expr)
    row = isinstance(expr, MatrixExpr) and value.rank == 1 and dim(expr.shape[0]) == 1
    node = g.named(name, value, row)
    if isinstance(expr, MatrixExpr) and node.shape:
        rows, cols = expr.shape
        return NamedMatrix(name, rows, cols, node)
    return NamedScalar(name, node, real=True)


def named_symbol(node: g.Node, shape: tuple[Any, Any] | None = None) -> Any:
    """The SymPy symbol of a named graph node; a vector is a column unless ``shape`` says more."""
    if not node.shape:
        return NamedScalar(node.name, node, real=True)
    rows, cols = shape or ((1, *node.shape) if node.is_row else (*node.shape, 1)[:2])
    return NamedMatrix(node.name, rows, cols, node)


def simplex(name: str, n: Any) -> Any:
    """A probability vector, n×1: its entries are ≥ 0 and sum to 1, a fact that rules may use."""
    name = _checked_name(name)
    size = as_size(n, f"the number of entries of {name}")
    shape: g.Shape = () if size == 1 else (size,)
    facts = [("simplex", 0)] if shape else []
    plain = sp.MatrixSymbol(name, n, 1)
    return FactMatrix(name, n, 1, g.leaf(name, shape, plain, facts))


def label(name: str, n: Any) -> Any:
    """An integer class in 0 … n − 1."""
    name = _checked_name(name)
    size = as_size(n, f"the number of classes of {name}")
    plain = sp.Symbol(name, integer=True, nonnegative=True)
    node = g.leaf(name, (), plain, [("label", 0)], classes=size)
    symbol = LabelSymbol(name, node, integer=True, nonnegative=True)
    symbol.classes = size
    return symbol
