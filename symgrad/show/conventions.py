"""Rows or columns: the same formula in the orientation that a reader's lecture uses.

Why it exists: a derivation is made once, with vectors as columns and one example a row. A lecture
that writes x·Wᵀ, one that has an example in each column, and one that writes derivatives in
numerator layout mean the same values, some of them transposed. So here is no second derivation and
no second spelling of the graph: in goes a SymPy expression, and out comes the same value, or its
transpose, in symbols of which some stand for the transpose of what they stood for.

`Orientation` works every matrix out in both orientations at once, and keeps the one in which fewer
transposes are written: (W·xᵀ + bᵀ)ᵀ becomes x·Wᵀ + b, because (a + b)ᵀ = aᵀ + bᵀ, (A·B)ᵀ = Bᵀ·Aᵀ
and f(a)ᵀ = f(aᵀ) for a function of each entry. A function of each row becomes one of each column.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr
from sympy.matrices.expressions.special import Identity, OneMatrix

from symgrad import functions
from symgrad import graph as g
from symgrad.activations import ELEMENTWISE, sparsemax
from symgrad.facts import knows
from symgrad.graph import dim
from symgrad.show.style import COLUMN, ROW
from symgrad.symbols import FactMatrix, MatrixCall, NamedMatrix, ScalarCall, call


def is_turned(shape: Sequence[Any], convention: str, examples: Collection[Any]) -> bool:
    """Whether a value declared with this SymPy shape is written transposed in a convention.

    ``examples`` are the dimensions that run over examples. What has one example a row is turned
    where vectors are columns; a vector of one example is turned where it stands in the other way.
    """
    if len(shape) != 2 or all(n == 1 for n in shape):
        return False
    across = shape[0] == 1  # a row, as it was declared
    if convention in (COLUMN, ROW) and shape[across] in examples:
        return bool(across == (convention == ROW))
    return bool(across if convention == COLUMN else convention == ROW and shape[1] == 1)


class _Spelling(NamedTuple):
    """An expression, and how many transposes are written in it."""

    expr: Any
    cost: int


class _Both(NamedTuple):
    """A value as it is, and its transpose."""

    straight: _Spelling
    turned: _Spelling


class Orientation:
    """Expressions in symbols some of which are turned.

    ``turned`` says of a symbol, or of a one-hot vector, whether its transpose is what is named.
    ``entries`` are the names of arrays of two axes that are turned: their indices change places.
    """

    def __init__(self, turned: Callable[[Any], bool], entries: Collection[str] = ()) -> None:
        self._turned = turned
        self._entries = frozenset(entries)
        self._known: dict[Any, _Both] = {}

    def __call__(self, expr: Any, turn: bool = False) -> Any:
        """``expr``, or its transpose, in the turned symbols."""
        if isinstance(expr, sp.Lambda):
            order = -1 if turn and len(expr.variables) == 2 else 1
            return sp.Lambda(expr.variables[::order], self.scalar(expr.expr))
        if isinstance(expr, MatrixExpr):
            return self.both(expr)[turn].expr
        return self.scalar(expr)

    # --------------------------------------------------------------------------- matrices

    def both(self, e: Any) -> _Both:
        """A matrix in both orientations; a scalar, such as the 0 of max(x, 0), has one."""
        if not isinstance(e, MatrixExpr):
            return self._same(self.scalar(e))
        if e not in self._known:
            self._known[e] = self._one(e)
        return self._known[e]

    def _one(self, e: Any) -> _Both:
        for kind, spell in _KINDS.items():
            if isinstance(e, kind):
                return spell(self, e)
        return self._call(e) if isinstance(e, MatrixCall) else self._opaque(e)

    def _opaque(self, e: Any) -> _Both:
        return _Both(_Spelling(e, 0), _Spelling(sp.Transpose(e), 1))

    def _symbol(self, e: Any) -> _Both:
        if isinstance(e, FactMatrix) and knows(e.node, "symmetric"):
            return self._same(e)
        if not self._turned(e):
            return self._opaque(e)
        return _flipped(self._opaque(_renewed(e)))

    def _same(self, e: Any) -> _Both:
        return _Both(_Spelling(e, 0), _Spelling(e, 0))

    def _filled(self, e: Any) -> _Both:
        rows, cols = e.shape
        return _Both(_Spelling(e, 0), _Spelling(e.func(cols, rows), 0))

    def _product(self, e: Any) -> _Both:
        c, matrices = e.as_coeff_matrices()
        c = self.scalar(c)
        found = [self.both(m) for m in matrices]

        def product(factors: Sequence[_Spelling]) -> _Spelling:
            weight = [] if c == 1 else [c]
            expr = sp.MatMul(*weight, *(x.expr for x in factors))
            return _Spelling(
                expr if c != 1 or len(factors) > 1 else factors[0].expr, _cost(factors)
            )

        return _Both(
            product([x.straight for x in found]), product([x.turned for x in reversed(found)])
        )

    def _entrywise(
        self, build: Callable[[Sequence[Any]], Any], operands: Sequence[Any], around: bool = True
    ) -> _Both:
        """What has the transposes of its operands for its transpose: sums, ⊙, functions."""
        found = [self.both(x) for x in operands]
        straight, turned = (
            _Spelling(build([x[k].expr for x in found]), _cost([x[k] for x in found]))
            for k in (False, True)
        )
        return _best(straight, turned, around)

    def _sum(self, e: Any) -> _Both:
        key = sp.default_sort_key
        return self._entrywise(lambda xs: sp.MatAdd(*sorted(xs, key=key)), e.args)

    def _hadamard(self, e: Any) -> _Both:
        return self._entrywise(lambda xs: sp.HadamardProduct(*xs), e.args, around=False)

    def _hadamard_power(self, e: Any) -> _Both:
        return self._entrywise(lambda xs: sp.HadamardPower(xs[0], e.args[1]), e.args[:1])

    def _applied(self, e: Any) -> _Both:
        function = sp.Lambda(e.function.variables, self.scalar(e.function.expr))
        return self._entrywise(lambda xs: xs[0].applyfunc(function), [e.expr])

    def _square(self, e: Any) -> _Both:
        """Inverses and powers."""
        base, *rest = e.args
        return self._entrywise(lambda xs: e.func(xs[0], *rest), [base])

    def _diagonal_matrix(self, e: Any) -> _Both:
        vector = _cheaper(self.both(e.args[0]))
        found = _Spelling(DiagMatrix(vector.expr), vector.cost)
        return _Both(found, found)

    def _diagonal(self, e: Any) -> _Both:
        matrix = _cheaper(self.both(e.arg))
        found = _Spelling(DiagonalOf(matrix.expr), matrix.cost)
        return _Both(found, _transposed(found))

    def _by_entry(self, e: Any) -> _Both:
        (i, j), entry = e.lamda.variables, self.scalar(e.lamda.expr)
        rows, cols = e.shape
        straight = sp.FunctionMatrix(rows, cols, sp.Lambda((i, j), entry))
        turned = sp.FunctionMatrix(cols, rows, sp.Lambda((j, i), entry))
        return _Both(_Spelling(straight, 0), _Spelling(turned, 0))

    def _call(self, e: MatrixCall) -> _Both:
        if e.head == "onehot":
            return self._onehot(e)
        if e.head == "mapped":
            function, *operands = e.operands
            body = sp.Lambda(function.variables, self.scalar(function.expr))
            return self._entrywise(lambda xs: functions.mapped(body, *xs), operands)
        if e.options.get("rows") and e.function in _OF_COLUMNS:
            return self._of_rows(e)
        if e.function in _ENTRYWISE and not e.options.get("rows"):
            return self._entrywise(lambda xs: e.function(*xs), e.operands)
        plain = tuple(self(x) if isinstance(x, MatrixExpr) else x for x in e.operands)
        return self._opaque(MatrixCall(e.function, plain, e.node, e.shape, e.options))

    def _of_rows(self, e: MatrixCall) -> _Both:
        """softmax of each row, or, where the operand is turned, of each column of its transpose.

        Both go by one name, so the transpose of either is written as its transpose.
        """
        straight, turned = self.both(e.operands[0])
        if turned.cost < straight.cost:
            of_columns = _Spelling(_OF_COLUMNS[e.function](turned.expr), turned.cost)
            return _Both(_transposed(of_columns), of_columns)
        rows = _Spelling(e.function(straight.expr, rows=True), straight.cost)
        return _Both(rows, _transposed(rows))

    def _onehot(self, e: MatrixCall) -> _Both:
        """1_y, a row where vectors are rows."""
        index, size = e.operands
        if isinstance(index, MatrixExpr):
            index = _cheaper(self.both(index)).expr
        if not self._turned(e):
            return self._opaque(MatrixCall(e.function, (index, size), e.node, e.shape, e.options))
        turned = MatrixCall(
            e.function, (index, size), _turned_node(e.node), e.shape[::-1], {"columns": True}
        )
        return _flipped(self._opaque(turned))

    # ---------------------------------------------------------------------------- scalars

    def scalar(self, e: Any) -> Any:
        """A scalar expression, with the matrices in it."""
        inside = {x: self._scalar_part(x) for x in _matrix_parts(e)}
        return e.xreplace({x: new for x, new in inside.items() if new != x}) if inside else e

    def _scalar_part(self, e: Any) -> Any:
        if isinstance(e, sp.Indexed):
            indices = [self.scalar(x) for x in e.indices]
            swapped = len(indices) == 2 and str(e.base.label) in self._entries
            return e.base[tuple(indices[::-1] if swapped else indices)]
        if isinstance(e, MatrixElement):
            parent, where = self.both(e.parent), [self.scalar(x) for x in e.args[1:]]
            turn = parent.turned.cost < parent.straight.cost
            return MatrixElement(parent[turn].expr, *(where[::-1] if turn else where))
        if isinstance(e, sp.Trace | sp.Determinant):
            return e.func(_cheaper(self.both(e.arg)).expr)
        if isinstance(e, MatrixExpr):  # 1×1
            return self(e)
        matrices = [x for x in e.operands if isinstance(x, MatrixExpr)]
        costs = [sum(self.both(x)[k].cost for x in matrices) for k in (False, True)]
        turn = costs[1] < costs[0]
        if e.head == "dot":
            return self._inner_product(e, turn)
        return e.function(
            *(self(x, turn) if isinstance(x, MatrixExpr) else x for x in e.operands), **e.options
        )

    def _inner_product(self, e: ScalarCall, turn: bool) -> Any:
        """wᵀ·x of columns, of rows x·wᵀ: a symbol in front, such as a weight, comes last.

        But of a likelihood it is −y log(p)ᵀ, where y says which scores count.
        """
        a, b = e.operands
        if isinstance(b, sp.Transpose) and isinstance(b.arg, sp.MatrixSymbol):
            a, b = b, a  # a row w in front of a column x, which is written w·x
        left, right = self(a, turn), self(b, turn)
        rows = left.shape[0] == 1 != left.shape[1]
        if rows and isinstance(left, sp.MatrixSymbol) and not _is_log(right):
            left, right = right, left
        return e.function(left, right, **e.options)


def _is_log(e: Any) -> bool:
    return isinstance(e, MatrixCall) and e.head == "log"


_KINDS: dict[type[Any], Callable[[Orientation, Any], _Both]] = {
    sp.MatrixSymbol: Orientation._symbol,
    sp.Transpose: lambda o, e: _flipped(o.both(e.arg)),
    Identity: Orientation._same,
    OneMatrix: Orientation._filled,
    sp.ZeroMatrix: Orientation._filled,
    sp.MatMul: Orientation._product,
    sp.MatAdd: Orientation._sum,
    sp.HadamardProduct: Orientation._hadamard,
    sp.HadamardPower: Orientation._hadamard_power,
    ElementwiseApplyFunction: Orientation._applied,
    sp.MatPow: Orientation._square,  # and inverses
    DiagMatrix: Orientation._diagonal_matrix,
    DiagonalOf: Orientation._diagonal,
    sp.FunctionMatrix: Orientation._by_entry,
}
"""Kinds of expressions; what is not among them stays as it is, under a transpose."""

_SCALAR_PARTS = (ScalarCall, MatrixElement, sp.Trace, sp.Determinant, sp.Indexed, MatrixExpr)


def _matrix_parts(e: Any) -> Iterator[Any]:
    """The largest parts of a scalar expression that have matrices or entries in them."""
    stack = [e]
    while stack:
        part = stack.pop()
        if isinstance(part, _SCALAR_PARTS):
            yield part
        else:
            stack.extend(part.args)


def _cost(spellings: Sequence[_Spelling]) -> int:
    return sum(x.cost for x in spellings)


def _transposed(x: _Spelling) -> _Spelling:
    return _Spelling(sp.Transpose(x.expr), x.cost + 1)


def _flipped(x: _Both) -> _Both:
    return _Both(x.turned, x.straight)


def _cheaper(x: _Both) -> _Spelling:
    return x.turned if x.turned.cost < x.straight.cost else x.straight


def _best(straight: _Spelling, turned: _Spelling, around: bool) -> _Both:
    """Both, each as the transpose of the other where fewer transposes are written so.

    Where as many are, the ᵀ goes ``around`` the whole, or not: f(a)ᵀ, but aᵀ ⊙ b.
    """
    worth = 0 if around else 1
    return _Both(
        _transposed(turned) if turned.cost + worth < straight.cost else straight,
        _transposed(straight) if straight.cost + worth < turned.cost else turned,
    )


def _turned_node(node: g.Node) -> g.Node:
    return g.product([(node, (1, 0))], node.shape[::-1]) if node.rank == 2 else node


def _renewed(symbol: Any) -> Any:
    """The symbol of a value's transpose, under the same name."""
    rows, cols = symbol.shape[::-1]
    if not isinstance(symbol, NamedMatrix):
        return sp.MatrixSymbol(symbol.name, rows, cols)
    shape = tuple(n for n in map(dim, (rows, cols)) if n != 1)
    value = g.leaf(symbol.name, shape, sp.MatrixSymbol(symbol.name, rows, cols))
    return NamedMatrix(symbol.name, rows, cols, g.named(symbol.name, value, rows == 1))


# ------------------------------------------------------------------------ functions of columns


def softmax(z: Any) -> Any:
    """softmax of every column."""
    return _of_columns(softmax, functions.softmax(sp.Transpose(z), rows=True), z, z.shape)


def logsumexp(z: Any) -> Any:
    """log Σ exp of every column, as a row."""
    made = functions.logsumexp(sp.Transpose(z), rows=True)
    return _of_columns(logsumexp, made, z, (1, z.shape[1]))


def largest(z: Any) -> Any:
    """The largest entry of every column, as a row."""
    made = functions.max(sp.Transpose(z), rows=True)
    return _of_columns(largest, made, z, (1, z.shape[1]))


largest.__name__ = "max"


def _of_columns(function: Callable[..., Any], by_rows: Any, z: Any, shape: Any) -> Any:
    return call(function, (z,), _turned_node(by_rows.node), shape, {"columns": True})


_OF_COLUMNS: dict[Any, Callable[[Any], Any]] = {
    functions.softmax: softmax,
    functions.logsumexp: logsumexp,
    functions.max: largest,
}
"""A function of each row → the same of each column."""

_ENTRYWISE = {
    *ELEMENTWISE, functions.maximum, functions.minimum, functions.softmax, sparsemax,
}  # fmt: skip
"""Functions whose value at a transpose is the transpose of their value; softmax is, of a vector."""
