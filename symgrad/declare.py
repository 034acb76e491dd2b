"""Declarations: names for values, and leaves that carry facts.

`let` is what keeps a network linear: SymPy sees one opaque symbol of known shape, symgrad sees
the graph behind it.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.core.facts import InconsistentAssumptions
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad import graph as g
from symgrad.domain import warn_of_logarithms
from symgrad.errors import DeclarationError, ShapeError
from symgrad.facts import declared, fact_name
from symgrad.functions import as_expression, as_size
from symgrad.graph import Kind, dim
from symgrad.lift import lift, lift_array
from symgrad.symbols import (
    FactArray,
    FactMatrix,
    LabelSymbol,
    NamedArray,
    NamedMatrix,
    NamedScalar,
    Opaque,
)


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise DeclarationError(
            f'the name {name!r} was given; expected a non-empty string such as "h".'
        )
    return name


def let(name: str, expr: Any, *indices: Any) -> Any:
    """Name an intermediate value.

    Returns a SymPy symbol of the value's shape (a scalar for a scalar or a 1×1 matrix) that
    stands for ``expr`` in later declarations, printed derivations and generated code. Shapes
    that do not fit raise ShapeError here; a logarithm of a computed value that can be ≤ 0 emits
    a DomainWarning, which names the stable alternative.

    With ``indices``, ``expr`` is one entry, and the array of all of them is named:
    ``let("z", Sum(W[k, j]*x[j], (j, 0, D - 1)) + b[k], k)``. An index is an integer symbol whose
    range follows from what it indexes, an ``Idx``, or ``(k, 0, n - 1)``. The result is indexed
    as ``z[k]``; with one or two indices it is a matrix as well.
    """
    name, expr = _checked_name(name), as_expression(expr)
    if indices:
        if not isinstance(expr, sp.Expr) or isinstance(expr, MatrixExpr | sp.IndexedBase):
            raise ShapeError(
                f"the entry of {name} was given as {expr}, which is an array; expected a scalar "
                "expression in the indices, such as x[k]."
            )
        value, extents = lift_array(expr, indices)
        warn_of_logarithms(value)
        return named_symbol(g.named(name, value), extents)
    value = lift(expr)
    warn_of_logarithms(value)
    row = isinstance(expr, MatrixExpr) and value.rank == 1 and dim(expr.shape[0]) == 1
    node = g.named(name, value, row)
    if isinstance(expr, sp.IndexedBase):
        return NamedArray(name, expr.shape, node)
    if isinstance(expr, MatrixExpr) and node.shape:
        rows, cols = expr.shape
        return NamedMatrix(name, rows, cols, node)
    return NamedScalar(name, node, real=True)


def named_symbol(node: g.Node, shape: tuple[Any, ...] | None = None) -> Any:
    """The SymPy symbol of a named graph node; a vector is a column unless ``shape`` says more."""
    if not (node.shape or shape):
        return NamedScalar(node.name, node, real=True)
    if shape is None:
        shape = (1, *node.shape) if node.is_row else node.shape
    if len(shape) > 2:
        return NamedArray(node.name, shape, node)
    rows, cols = (*shape, 1)[:2]
    return NamedMatrix(node.name, rows, cols, node)


def simplex(name: str, n: Any) -> Any:
    """A probability vector, n×1: its entries are ≥ 0 and sum to 1, a fact that rules may use."""
    name = _checked_name(name)
    size = as_size(n, f"the number of entries of {name}")
    return assume(sp.MatrixSymbol(name, size, 1), "simplex")


def assume(symbol: Any, *facts: Any) -> Any:
    """The symbol with facts that rules may use and derivations quote: ``assume(A, Q.symmetric)``.

    ``symbol`` is a leaf: a MatrixSymbol, a Symbol, or an IndexedBase with a shape. A fact is
    SymPy's predicate (``Q.symmetric``, ``Q.positive_definite``, ``Q.diagonal``, ``Q.orthogonal``,
    ``Q.positive``, ``Q.nonnegative``: the last two are about every entry) or, where SymPy has
    none, ``"simplex"``, ``"one-hot"`` or ``"unit norm"``. Use what is returned in place of
    ``symbol``. Derivatives by it are those by a free symbol, simplified at it afterwards: by a
    symmetric A, the gradient is the unconstrained one. Raises DeclarationError for a fact that
    contradicts the shape or another fact.
    """
    leaf = as_expression(symbol)
    names = [fact_name(fact) for fact in facts]
    if not names:
        raise DeclarationError(f"no fact was given for {leaf}; pass one such as Q.positive.")
    if isinstance(leaf, sp.Symbol) and not isinstance(leaf, Opaque):
        return _assumed_scalar(leaf, names)
    node = lift(leaf) if isinstance(leaf, MatrixExpr | sp.IndexedBase) else None
    if node is None or node.kind is not Kind.LEAF:
        raise DeclarationError(
            f"facts are declared of leaves, and {leaf} is none; pass a Symbol, a MatrixSymbol or "
            "an IndexedBase."
        )
    data, columns = node.leaf, tuple(map(dim, leaf.shape))
    found = declared(node.name, node.shape, columns, names, data.facts)
    with_facts = g.leaf(node.name, node.shape, data.symbol, found, data.origin, data.classes)
    if isinstance(leaf, MatrixExpr):
        rows, cols = leaf.shape
        return FactMatrix(node.name, rows, cols, with_facts)
    return FactArray(node.name, leaf.shape, with_facts)


def _assumed_scalar(symbol: sp.Symbol, names: list[str]) -> sp.Symbol:
    """A SymPy symbol with the assumptions that the facts of a scalar are."""
    declared(symbol.name, (), (), names)
    if symbol.is_integer:
        raise DeclarationError(
            f"{symbol} is declared an integer, so it is a dimension; declare a variable with "
            f'symbols("{symbol}", real=True).'
        )
    known = symbol.assumptions0
    try:
        return sp.Symbol(symbol.name, **{**known, **dict.fromkeys(names, True)})
    except InconsistentAssumptions:
        before = next(x for x in ("negative", "zero", "nonpositive", "imaginary") if known.get(x))
        raise DeclarationError(
            f"{symbol} was declared {before} and is now declared {' and '.join(names)}, and "
            "nothing is both; leave one of the two out."
        ) from None


def label(name: str, n: Any, length: Any = None) -> Any:
    """An integer class in 0 … n − 1; with ``length``, a vector of that many, such as tokens.

    It is a position: ``s[c]`` is the score of the class c, ``E[t[i], j]`` an embedding.
    """
    name = _checked_name(name)
    size = as_size(n, f"the number of classes of {name}")
    fact = [g.Fact("label", ())]
    if length is not None:
        count = as_size(length, f"the number of entries of {name}")
        shape: g.Shape = () if count == 1 else (count,)
        vector = sp.MatrixSymbol(name, count, 1)
        return FactMatrix(name, count, 1, g.leaf(name, shape, vector, fact, classes=size))
    plain = sp.Symbol(name, integer=True, nonnegative=True)
    node = g.leaf(name, (), plain, fact, classes=size)
    symbol = LabelSymbol(name, node, integer=True, nonnegative=True)
    symbol.classes = size
    return symbol


def mask(name: str, *shape: Any, rate: Any) -> Any:
    """A dropout mask: data whose entries are 0 with probability ``rate`` and else 1.

    It is drawn anew for every step of training; ``sg.dropout(h, mask)`` uses it and ``sg.harden``
    takes it out.
    """
    name, rate = _checked_name(name), as_expression(rate)
    if not (rate.is_number and 0 <= rate < 1):
        raise DeclarationError(f"the mask {name} was given the rate {rate}; expected 0 ≤ rate < 1.")
    sizes = [as_size(n, f"the shape of {name}") for n in shape]
    if len(sizes) not in (1, 2):
        raise ShapeError(f"the mask {name} has {len(sizes)} axes; expected one or two.")
    rows, cols = (*sizes, 1)[:2]
    fact = g.Fact("mask", (), sp.nsimplify(rate))
    plain = sp.MatrixSymbol(name, rows, cols)
    kept = tuple(n for n in (rows, cols) if n != 1)
    return FactMatrix(name, rows, cols, g.leaf(name, kept, plain, [fact]))
