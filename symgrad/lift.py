"""From what the user declared, SymPy, to the graph.

In: any supported SymPy expression, scalar or matrix. Out: one graph node in the raw form, with
the declaration's own structure; no algebra has been done, so that the forward equations print as
they were typed. Shapes are checked here, at declaration, and an error names both.

One row a matrix node in `_MATRIX`; scalar expressions go through `elementwise.expand`. Nothing
recurses: an expression is folded with an explicit stack, operands first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.determinant import Determinant
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixExpr, MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.matrices.expressions.special import Identity, OneMatrix, ZeroMatrix
from sympy.matrices.expressions.trace import Trace
from sympy.matrices.expressions.transpose import Transpose
from sympy.tensor.indexed import IndexedBase

from symgrad import graph as g
from symgrad import listing
from symgrad.elementwise import broadcast, spelled, unsupported
from symgrad.errors import DeclarationError, ShapeError, UnsupportedError
from symgrad.facts import facts_of_scalar
from symgrad.graph import Access, Dim, Labels, Node, Shape, dim
from symgrad.index_space import Operand, Scope, extents, scalar
from symgrad.indices import entry
from symgrad.listing import shape_text
from symgrad.symbols import Opaque, as_matrix
from symgrad.vocabulary import absolute


def lift(expr: object) -> Node:
    """The graph node of a declaration."""
    expr = expr if isinstance(expr, sp.Basic | sp.MatrixBase) else sp.sympify(expr)
    if isinstance(expr, sp.MatrixBase):
        raise unsupported(expr)
    if not isinstance(expr, sp.Expr | MatrixExpr):
        raise UnsupportedError(
            f"{expr!r} is of type {type(expr).__name__}; expected a SymPy expression, "
            "scalar or matrix."
        )
    done: dict[int, Node] = {}
    stack: list[tuple[sp.Basic, bool]] = [(expr, False)]
    while stack:
        e, operands_done = stack.pop()
        if id(e) in done:
            continue
        if operands_done:
            done[id(e)] = _lift_one(e, done)
        else:
            stack.append((e, True))
            stack.extend((x, False) for x in _operands(e))
    return done[id(expr)]


def graph_text(expr: object) -> str:
    """The graph of a declaration, one node a line in index notation, operands first."""
    return listing.text([lift(expr)])


def _operands(e: sp.Basic) -> Sequence[sp.Basic]:
    """The subexpressions that are lifted before ``e``: for a scalar, the matrices inside it."""
    if isinstance(e, Opaque | MatrixSymbol | IndexedBase | Identity | OneMatrix | ZeroMatrix):
        return ()
    if isinstance(e, ElementwiseApplyFunction):
        return (e.expr,)
    if isinstance(e, MatrixSlice):
        return (e.parent,)
    if isinstance(e, MatrixExpr | Trace | Determinant):
        return tuple(e.args)
    return _matrices_inside(e)


def _matrices_inside(e: sp.Basic) -> list[sp.Basic]:
    found: list[sp.Basic] = []
    stack = list(e.args)
    seen: set[int] = set()
    while stack:
        x = stack.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        if isinstance(x, Opaque):
            continue
        if isinstance(x, Trace | Determinant | MatrixExpr | IndexedBase):
            found.append(x)
        else:
            stack.extend(x.args)
    return found


def _lift_one(e: sp.Basic, done: dict[int, Node]) -> Node:
    if isinstance(e, Opaque):
        return e.node
    for kind, rule in _MATRIX:
        if isinstance(e, kind):
            return rule(e, [done[id(x)] for x in _operands(e)])
    if isinstance(e, MatrixExpr):
        raise unsupported(e)

    return entry(spelled(e), Scope({}, ()), _operand(done)).node


def _operand(done: Mapping[int, Node]) -> Operand:
    """What the atoms of a scalar expression stand for; ``done`` are the matrices inside it."""

    def operand(x: sp.Basic) -> Node | None:
        if isinstance(x, Opaque):
            return x.node
        if isinstance(x, Trace | Determinant | MatrixExpr | IndexedBase):
            return done[id(x)] if id(x) in done else lift(x)
        return symbol_leaf(x) if isinstance(x, sp.Symbol) else None

    return operand


def lift_array(expr: sp.Expr, indices: Sequence[Any]) -> tuple[Node, Shape]:
    """The array whose entry at ``indices`` is ``expr``, and its shape with literal ones.

    An index is a symbol whose range follows from what it indexes, an ``Idx`` with a range, or
    ``(i, 0, n - 1)``. Raises DeclarationError for an index without a range, ShapeError where
    ranges do not fit.
    """
    ranges: dict[sp.Basic, Dim | None] = {}
    for index in indices:
        symbol, extent = _range(index)
        if symbol in ranges:
            raise DeclarationError(f"the index {symbol} was given twice.")
        ranges[symbol] = extent
    inferred = extents(expr, [s for s, n in ranges.items() if n is None])
    shape: list[Dim] = []
    scope = Scope({}, ())
    for symbol, extent in ranges.items():
        found = inferred.get(symbol) if extent is None else extent
        if found is None:
            raise DeclarationError(
                f"the range of the index {symbol} does not follow from {expr}; give it, "
                f"({symbol}, 0, n - 1)."
            )
        shape.append(found)
        if found == 1:
            expr = expr.xreplace({symbol: sp.Integer(0)})
        else:
            scope = scope.adding(symbol, found)
    found_entry = entry(spelled(expr), scope, _operand({}))
    return broadcast(found_entry, scope.shape), tuple(shape)


def _range(index: Any) -> tuple[sp.Basic, Dim | None]:
    if isinstance(index, tuple | sp.Tuple) and len(index) == 3:
        symbol, low, high = (sp.sympify(x, strict=True) for x in index)
    elif isinstance(index, sp.Idx) and index.lower is not None and index.upper is not None:
        symbol, low, high = index, index.lower, index.upper
    else:
        symbol, low, high = index, sp.Integer(0), None
    if not isinstance(symbol, sp.Symbol | sp.Idx) or not symbol.is_integer:
        raise DeclarationError(
            f"the index {index} was given; expected an integer symbol, such as "
            'symbols("k", integer=True), or (k, 0, n - 1).'
        )
    if low != 0:
        raise DeclarationError(
            f"the index {symbol} runs from {low}; the entries of an array count from 0, so shift "
            f"it: use {symbol} from 0 and {symbol} + {low} in the positions."
        )
    return symbol, None if high is None else dim(sp.expand(high + 1))


def symbol_leaf(symbol: sp.Symbol) -> Node:
    """A scalar symbol: an integer one is a dimension, hence a constant; any other is a leaf."""
    if symbol.is_integer:
        return g.const(symbol)
    return g.leaf(symbol.name, (), symbol, facts_of_scalar(symbol))


def matrix_shape(expr: MatrixExpr) -> Shape:
    """The graph's shape of a SymPy matrix: dimensions that are literally 1 have no axis."""
    return tuple(n for n in map(dim, expr.shape) if n != 1)


def matrix_labels(expr: MatrixExpr, row: int, col: int) -> Labels:
    """The labels of a SymPy matrix whose rows run along ``row`` and columns along ``col``."""
    return tuple(label for label, n in zip((row, col), map(dim, expr.shape), strict=True) if n != 1)


def leaves_by_name(roots: Iterable[Node]) -> dict[str, Node]:
    """The leaves below ``roots``; raises DeclarationError where one name has two meanings."""
    found: dict[str, Node] = {}
    for leaf in g.leaves(roots):
        other = found.setdefault(leaf.name, leaf)
        if other is not leaf:
            raise DeclarationError(
                f"the name {leaf.name} stands for two different things: {described_leaf(other)} "
                f"and {described_leaf(leaf)}; give one of them another name."
            )
    return found


def described_leaf(leaf: Node) -> str:
    """What a leaf is, for messages: ``a leaf of shape H×D with the fact simplex``."""
    what = {True: "data", False: "a leaf"}[leaf.leaf.origin is not None]
    facts = "".join(f" with the fact {fact.name}" for fact in sorted(leaf.leaf.facts))
    return f"{what} of shape {shape_text(leaf.shape)}{facts}"


def same_shape(a: MatrixExpr, b: MatrixExpr, operation: str) -> None:
    """Raise unless two matrices have one shape; the error names both."""
    if tuple(map(dim, a.shape)) != tuple(map(dim, b.shape)):
        raise ShapeError(
            f"{operation} needs two operands of one shape; {a} is {shape_text(a.shape)} and "
            f"{b} is {shape_text(b.shape)}."
        )


# -------------------------------------------------------------------- the table of matrix nodes


def _symbol(e: MatrixSymbol, _: list[Node]) -> Node:
    return g.leaf(e.name, tuple(n for n in _sizes(e) if n != 1), e)


def _sizes(e: Any) -> list[Dim]:
    for n in e.shape:
        if n.free_symbols and not all(s.is_integer for s in n.free_symbols):
            raise DeclarationError(
                f"the dimension {n} of {e.name} is not known to be an integer; declare it with "
                f'symbols("{n}", integer=True, positive=True).'
            )
    return [dim(n) for n in e.shape]


def _array(e: IndexedBase, _: list[Node]) -> Node:
    if e.shape is None:
        raise DeclarationError(
            f'the array {e} has no shape; declare it with one, IndexedBase("{e}", shape=(C, D)).'
        )
    symbol = as_matrix(e)
    if isinstance(symbol, MatrixSymbol):
        return _symbol(symbol, [])
    return g.leaf(symbol.name, tuple(n for n in _sizes(e) if n != 1), symbol)


def _identity(e: Identity, _: list[Node]) -> Node:
    n = dim(e.shape[0])
    return g.const(1) if n == 1 else g.delta(n)


def _filled(e: MatrixExpr, _: list[Node]) -> Node:
    return g.const(1 if isinstance(e, OneMatrix) else 0, matrix_shape(e))


def _transpose(e: Transpose, operands: list[Node]) -> Node:
    (node,) = operands
    return g.product([(node, (1, 0))], node.shape[::-1]) if node.rank == 2 else node


def _add(e: MatAdd, operands: list[Node]) -> Node:
    for term in e.args[1:]:
        same_shape(e.args[0], term, "a matrix sum")
    axes = tuple(range(operands[0].rank))
    return g.add([(1, node, axes) for node in operands], operands[0].shape)


def _matmul(e: MatMul, operands: list[Node]) -> Node:
    """Σ over the inner dimensions: factor k runs from label k to label k + 1."""
    factors = [
        (x, node) for x, node in zip(e.args, operands, strict=True) if isinstance(x, MatrixExpr)
    ]
    for (left, _), (right, _) in pairwise(factors):
        if dim(left.shape[1]) != dim(right.shape[0]):
            raise ShapeError(
                f"the matrix product {left}*{right} does not fit: {left} is "
                f"{shape_text(left.shape)} and {right} is {shape_text(right.shape)}; "
                "the columns of the first must equal the rows of the second."
            )
    last = len(factors)
    outer = [k for k, n in ((0, e.shape[0]), (last, e.shape[1])) if dim(n) != 1]
    number = {label: k for k, label in enumerate(outer)}

    def labels(k: int) -> Labels:
        raw = matrix_labels(factors[k][0], k, k + 1)
        return tuple(number.setdefault(x, len(number)) for x in raw)

    accesses: list[tuple[Node, Labels]] = [
        (scalar(node, x), ())
        for x, node in zip(e.args, operands, strict=True)
        if not isinstance(x, MatrixExpr)
    ]
    accesses += [(node, labels(k)) for k, (_, node) in enumerate(factors)]
    return g.product(accesses, matrix_shape(e))


def _matpow(e: sp.MatPow, operands: list[Node]) -> Node:
    n = e.exp
    if not (n.is_Integer and n != 0):
        raise UnsupportedError(
            f"symgrad does not support the matrix power {e}; the nearest supported form is a "
            "whole power other than 0, or HadamardPower for an elementwise one."
        )
    square(e.base, "a matrix power")
    base = operands[0] if n > 0 else inverted(operands[0])
    product = MatMul(*[e.base] * abs(int(n)), evaluate=False)
    return _matmul(product, [base] * abs(int(n))) if abs(n) > 1 else base


def _determinant(e: Determinant, operands: list[Node]) -> Node:
    square(e.arg, "a determinant")
    return determinant("det", operands[0])


def square(e: MatrixExpr, what: str) -> None:
    """Raise unless a matrix is square."""
    if dim(e.shape[0]) != dim(e.shape[1]):
        raise ShapeError(f"{what} needs a square matrix; {e} is {shape_text(e.shape)}.")


def determinant(op: str, node: Node) -> Node:
    """``det`` or ``logdet`` of a matrix; a 1×1 matrix has no axes."""
    if node.rank:
        return g.linalg(op, node, (0, 1), ())
    return node if op == "det" else g.apply(sp.log(absolute(g.slot(0))), [(node, ())], ())


def inverted(node: Node) -> Node:
    """X⁻¹; a 1×1 matrix has no axes."""
    if node.rank:
        return g.linalg("inverse", node, (0, 1), node.shape)
    return g.apply(1 / g.slot(0), [(node, ())], ())


def _hadamard(e: HadamardProduct, operands: list[Node]) -> Node:
    for factor in e.args[1:]:
        same_shape(e.args[0], factor, "a Hadamard product")
    axes = tuple(range(operands[0].rank))
    return g.product([(node, axes) for node in operands], operands[0].shape)


def _hadamard_power(e: HadamardPower, operands: list[Node]) -> Node:
    t, n = sp.Symbol("t", real=True), e.args[1]
    if isinstance(n, MatrixExpr):
        raise unsupported(e)
    return elementwise(t**n, {t: operands[0]}, operands[0].shape)


def _applyfunc(e: ElementwiseApplyFunction, operands: list[Node]) -> Node:
    (t,) = e.function.variables
    return elementwise(e.function.expr, {t: operands[0]}, operands[0].shape)


def _slice(e: MatrixSlice, operands: list[Node]) -> Node:
    """X[a:b:s, c:d:t]: a window along each axis that is cut."""
    (node,) = operands
    kept: list[Dim] = [n for n in map(dim, e.shape) if n != 1]
    labels: list[int] = []
    windows: list[tuple[Node, Labels]] = []
    result, fresh = 0, len(kept)
    cuts = zip(e.parent.shape, (e.rowslice, e.colslice), map(dim, e.shape), strict=True)
    for n, (start, _, step), size in cuts:
        whole = size == dim(n)
        if dim(n) != 1:
            labels.append(result if whole else fresh)
        if dim(n) != 1 and not whole:
            if size == 1:
                windows.append((g.onehot(g.const(start), dim(n)), (fresh,)))
            else:
                window = g.indicator((1, -int(step)), -start, "=", (dim(n), size))
                windows.append((window, (fresh, result)))
            fresh += 1
        result += size != 1
    return g.product([(node, tuple(labels)), *windows], tuple(kept))


def _diagonal_matrix(e: DiagMatrix, operands: list[Node]) -> Node:
    (node,) = operands
    if not node.rank:
        return node
    return g.product([(g.delta(node.shape[0]), (0, 1)), (node, (0,))], node.shape * 2)


def _diagonal(e: DiagonalOf, operands: list[Node]) -> Node:
    (node,) = operands
    if dim(e.arg.shape[0]) != dim(e.arg.shape[1]):
        raise ShapeError(
            f"the diagonal of {e.arg} was asked for, which is {shape_text(e.arg.shape)}; "
            "expected a square matrix."
        )
    return g.product([(node, (0, 0))], node.shape[:1]) if node.rank else node


def _trace(e: Trace, operands: list[Node]) -> Node:
    (node,) = operands
    return g.product([(node, (0, 0))], ()) if node.rank == 2 else node


def elementwise(body: sp.Expr, arguments: dict[sp.Symbol, Node], shape: tuple[Dim, ...]) -> Node:
    """``body`` at every entry, its symbols in ``arguments`` being arrays of shape ``shape``."""
    axes = tuple(range(len(shape)))

    outside = _operand({})

    def operand(x: sp.Basic) -> Node | None:
        return None if x in arguments else outside(x)

    scope = Scope({}, shape)
    where = {symbol: Access(node, axes) for symbol, node in arguments.items()}
    return broadcast(entry(spelled(body), scope, operand, where), shape)


_MATRIX: tuple[tuple[type[sp.Basic], Callable[..., Node]], ...] = (
    (MatrixSymbol, _symbol),
    (IndexedBase, _array),
    (Identity, _identity),
    (OneMatrix, _filled),
    (ZeroMatrix, _filled),
    (Transpose, _transpose),
    (MatAdd, _add),
    (MatMul, _matmul),
    (sp.MatPow, _matpow),  # an Inverse is one
    (Determinant, _determinant),
    (HadamardProduct, _hadamard),
    (HadamardPower, _hadamard_power),
    (ElementwiseApplyFunction, _applyfunc),
    (MatrixSlice, _slice),
    (DiagMatrix, _diagonal_matrix),
    (DiagonalOf, _diagonal),
    (Trace, _trace),
)
"""SymPy's matrix nodes and their meaning in index notation; a new node is a new row."""
