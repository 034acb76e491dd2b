"""The SymPy objects that stand for graph nodes.

Why it exists: users declare and read SymPy, but SymPy must never look below a named value or a
symgrad function: with plain matrices the work of every ``+`` grows with the whole network. So
each class here is *opaque*. It holds a graph node, and hash, equality and sort key are those of
the node (constant time, whatever lies below), ``doit`` and ``simplify`` return it unchanged, and
it has no ``args`` to descend into. A substitution does reach the operands of a function, because
the user sees them: ``sg.tanh(W*x).subs(W, V)`` is ``sg.tanh(V*x)``.

- `NamedMatrix`, `NamedScalar`: what ``sg.let`` returns.
- `FactMatrix`, `LabelSymbol`: leaves that carry facts.
- `MatrixCall`, `ScalarCall`: a symgrad function of operands, such as ``softmax(z)``.
- `NamedArray`, `ArrayCall`: the same for more than two axes, indexed as ``a[i, j, k]``.

Arrays of one and two axes are matrices, however they were declared: `as_matrix`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr, MatrixSymbol
from sympy.printing.precedence import PRECEDENCE

from symgrad.errors import ShapeError
from symgrad.graph import Node, leaves


class Opaque:
    """What the classes below share: the identity of a graph node."""

    node: Node

    def _hashable_content(self) -> tuple[Any, ...]:
        # The place and not the node: SymPy orders what it hashes, and nodes have no order.
        return (type(self).__name__, self.node.place, *self._orientation())

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.node))

    def __eq__(self, other: object) -> bool:
        return self is other or (
            type(self) is type(other)
            and self.node is other.node
            and self._orientation() == other._orientation()
        )

    def _orientation(self) -> tuple[Any, ...]:
        """What tells a row from a column of the same node: nothing, for a scalar."""
        return ()

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __reduce__(self) -> Any:
        self.node.__reduce__()

    def doit(self, **hints: Any) -> Any:
        """Itself: there is nothing that SymPy may evaluate."""
        return self

    def simplify(self, **hints: Any) -> Any:
        """Itself."""
        return self

    def _eval_simplify(self, **hints: Any) -> Any:
        return self


class _OpaqueLeaf(Opaque):
    """An opaque symbol: replaced as a whole, or not at all."""

    def _xreplace(self, rule: Any) -> tuple[Any, bool]:
        return (rule[self], True) if self in rule else (self, False)

    def _subs(self, old: Any, new: Any, **hints: Any) -> Any:
        return new if self == old else self


class _Checked:
    """Operators that name both operands when their shapes do not fit.

    SymPy's own error for known dimensions names neither. The priority makes SymPy's other matrices
    leave ``W*h`` to ``h``; two of its own plain symbols it still answers by itself.
    """

    _op_priority = 12.0

    def _same_shape(self: Any, other: Any) -> None:
        if isinstance(other, MatrixExpr) and tuple(other.shape) != tuple(self.shape):
            raise ShapeError(
                f"a matrix sum needs two operands of one shape; {self} is {_text(self)} and "
                f"{other} is {_text(other)}."
            )

    @staticmethod
    def _chained(left: Any, right: Any) -> None:
        both = isinstance(left, MatrixExpr) and isinstance(right, MatrixExpr)
        if both and left.shape[1] != right.shape[0]:
            raise ShapeError(
                f"the matrix product of {left} and {right} does not fit: they are {_text(left)} "
                f"and {_text(right)}; the columns of the first must equal the rows of the second."
            )

    def __add__(self, other: Any) -> Any:
        self._same_shape(other)
        return super().__add__(other)  # type: ignore[misc]

    def __radd__(self, other: Any) -> Any:
        self._same_shape(other)
        return super().__radd__(other)  # type: ignore[misc]

    def __sub__(self, other: Any) -> Any:
        self._same_shape(other)
        return super().__sub__(other)  # type: ignore[misc]

    def __rsub__(self, other: Any) -> Any:
        self._same_shape(other)
        return super().__rsub__(other)  # type: ignore[misc]

    def __mul__(self, other: Any) -> Any:
        self._chained(self, other)
        return super().__mul__(other)  # type: ignore[misc]

    def __rmul__(self, other: Any) -> Any:
        self._chained(other, self)
        return super().__rmul__(other)  # type: ignore[misc]


class _Entries:
    """Entries by index: a vector takes one, ``h[k]``."""

    def __getitem__(self: Any, key: Any) -> Any:
        if isinstance(key, tuple | slice) or 1 not in self.shape:
            return super().__getitem__(key)  # type: ignore[misc]
        return super().__getitem__((0, key) if self.shape[0] == 1 else (key, 0))  # type: ignore[misc]


def _text(matrix: Any) -> str:
    return "×".join(map(str, matrix.shape))


class _MatrixLeaf(_OpaqueLeaf, _Checked, _Entries, MatrixSymbol):
    is_Atom = True  # or SymPy would take it apart and put it together again, without its node

    def __new__(cls, name: str, rows: Any, cols: Any, node: Node) -> Any:
        obj = MatrixSymbol.__new__(cls, name, rows, cols)
        obj.node = node
        return obj

    __hash__ = Opaque.__hash__

    def _orientation(self) -> tuple[Any, ...]:
        return (self.args[1] == 1,)

    def sort_key(self, order: Any = None) -> Any:
        # As for a MatrixSymbol, made distinct for two values of one name.
        return self.class_key(), (1, (self.name, self.node.place)), sp.S.One.sort_key(), sp.S.One


class NamedMatrix(_MatrixLeaf):
    """A matrix value under a name, made by ``sg.let``."""


class FactMatrix(_MatrixLeaf):
    """A matrix leaf with declared facts, made by ``sg.simplex``."""


class _ScalarLeaf(_OpaqueLeaf, sp.Symbol):
    def __new__(cls, name: str, node: Node, **assumptions: Any) -> Any:
        # __xnew__ is Symbol's constructor without its cache, which knows names only.
        obj = sp.Symbol.__xnew__(cls, name, **assumptions)
        obj.node = node
        return obj

    __slots__ = ("node",)
    __hash__ = Opaque.__hash__

    def sort_key(self, order: Any = None) -> Any:
        return self.class_key(), (1, (self.name, self.node.place)), sp.S.One.sort_key(), sp.S.One


class NamedScalar(_ScalarLeaf):
    """A scalar value under a name, made by ``sg.let``."""


class LabelSymbol(_ScalarLeaf):
    """An integer class in 0 … n − 1, made by ``sg.label``."""

    __slots__ = ("classes",)
    classes: Any


class _Call(Opaque):
    """A symgrad function of SymPy operands. ``function`` is the public function that makes it."""

    function: Callable[..., Any]
    operands: tuple[Any, ...]
    options: dict[str, Any]

    is_Atom = True  # nothing below is SymPy's business

    @property
    def head(self) -> str:
        """The function's name."""
        return self.function.__name__

    @property
    def precedence(self) -> int:
        """How tightly the printed form binds: ``aᵀ·b`` is a product."""
        return int(PRECEDENCE["Mul" if self.head == "dot" else "Atom"])

    @property
    def free_symbols(self) -> set[Any]:
        """The leaves and dimension symbols below."""
        found: set[Any] = set()
        for leaf in leaves([self.node]):
            found.add(leaf.leaf.symbol)
            found.update(*(n.free_symbols for n in leaf.shape if isinstance(n, sp.Basic)))
        return found

    def _again(self, operands: list[Any]) -> Any:
        if all(new is old for new, old in zip(operands, self.operands, strict=True)):
            return self
        return self.function(*operands, **self.options)

    def _xreplace(self, rule: Any) -> tuple[Any, bool]:
        if self in rule:
            return rule[self], True
        changed = self._again([x._xreplace(rule)[0] for x in self.operands])
        return changed, changed is not self

    def _subs(self, old: Any, new: Any, **hints: Any) -> Any:
        if self == old:
            return new
        return self._again([x._subs(old, new, **hints) for x in self.operands])

    def _arguments(self, printer: Any) -> str:
        return ", ".join(printer._print(x) for x in self.operands)

    def _sympystr(self, printer: Any) -> str:
        return f"{self.head}({self._arguments(printer)})"

    _sympyrepr = _sympystr

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        arguments = r"\left({%s}\right)" % self._arguments(printer)  # noqa: UP031 (LaTeX braces)
        head = rf"\operatorname{{{self.head}}}"
        return rf"{head}^{{{exp}}}{arguments}" if exp else head + arguments

    def _pretty(self, printer: Any) -> Any:
        from sympy.printing.pretty.stringpict import prettyForm

        return prettyForm(str(self))


class MatrixCall(_Call, _Checked, _Entries, MatrixExpr):
    """A function whose value is a matrix."""

    is_commutative = False
    is_symbol = False

    def __new__(
        cls,
        function: Callable[..., Any],
        operands: tuple[Any, ...],
        node: Node,
        shape: tuple[Any, Any],
        options: dict[str, Any] | None = None,
    ) -> Any:
        obj = MatrixExpr.__new__(cls)
        obj.function, obj.operands, obj.node = function, operands, node
        obj._shape = (sp.sympify(shape[0]), sp.sympify(shape[1]))
        obj.options = options or {}
        return obj

    __hash__ = Opaque.__hash__

    def _orientation(self) -> tuple[Any, ...]:
        return (self._shape[0] == 1,)

    @property
    def shape(self) -> tuple[Any, Any]:
        """(rows, columns)."""
        shape: tuple[Any, Any] = self._shape
        return shape

    def sort_key(self, order: Any = None) -> Any:
        return self.class_key(), (1, (self.head, self.node.place)), sp.S.One.sort_key(), sp.S.One

    def _eval_transpose(self) -> Any:
        from sympy.matrices.expressions.transpose import Transpose

        return Transpose(self)

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        from sympy.matrices.expressions.matexpr import MatrixElement

        return MatrixElement(self, i, j)


class ScalarCall(_Call, sp.Expr):
    """A function whose value is a scalar."""

    is_real = True
    is_commutative = True
    is_number = False
    is_symbol = False
    __slots__ = ("function", "node", "operands", "options")

    def __new__(
        cls,
        function: Callable[..., Any],
        operands: tuple[Any, ...],
        node: Node,
        options: dict[str, Any] | None = None,
    ) -> Any:
        obj = sp.Expr.__new__(cls)
        obj.function, obj.operands, obj.node, obj.options = function, operands, node, options or {}
        return obj

    __hash__ = Opaque.__hash__

    @property
    def free_symbols(self) -> set[Any]:
        """The leaves and dimension symbols below, and the call itself.

        The call is among them because SymPy cannot look inside it: asked for the sign of an
        expression in one symbol, SymPy would differentiate by that symbol and look for roots.
        """
        return {self, *super().free_symbols}

    def sort_key(self, order: Any = None) -> Any:
        return self.class_key(), (1, (self.head, self.node.place)), sp.S.One.sort_key(), sp.S.One


class _Array(Opaque):
    """What the arrays of more than two axes share."""

    def __getitem__(self: Any, indices: Any, **kw_args: Any) -> Any:
        given = indices if isinstance(indices, tuple | list | sp.Tuple) else (indices,)
        if len(given) != len(self.shape):
            raise ShapeError(
                f"{self} has {len(self.shape)} axes, {_text(self)}; it was indexed with "
                f"{len(given)}: [{', '.join(map(str, given))}]."
            )
        return super().__getitem__(tuple(given), **kw_args)  # type: ignore[misc]

    def sort_key(self: Any, order: Any = None) -> Any:
        return self.class_key(), (1, (str(self), self.node.place)), sp.S.One.sort_key(), sp.S.One


class NamedArray(_Array, _OpaqueLeaf, sp.IndexedBase):
    """A value of more than two axes under a name, made by ``sg.let``."""

    def __new__(cls, name: str, shape: tuple[Any, ...], node: Node) -> Any:
        obj = sp.IndexedBase.__new__(cls, name, shape=shape)
        obj.node = node
        return obj

    __hash__ = Opaque.__hash__


class FactArray(NamedArray):
    """An array leaf of more than two axes with declared facts, made by ``sg.assume``."""


class ArrayCall(_Array, _Call, sp.IndexedBase):
    """A function whose value has more than two axes."""

    def __new__(
        cls,
        function: Callable[..., Any],
        operands: tuple[Any, ...],
        node: Node,
        shape: tuple[Any, ...],
        options: dict[str, Any] | None = None,
    ) -> Any:
        obj = sp.IndexedBase.__new__(cls, function.__name__, shape=shape)
        obj.function, obj.operands, obj.node, obj.options = function, operands, node, options or {}
        return obj

    __hash__ = Opaque.__hash__


def as_matrix(array: sp.IndexedBase) -> Any:
    """The matrix of an array of one or two axes; an array of more axes is returned as it is.

    So ``IndexedBase("W", shape=(C, D))`` and ``MatrixSymbol("W", C, D)`` are one leaf.
    """
    if isinstance(array, Opaque) or array.shape is None or len(array.shape) > 2:
        return array
    return MatrixSymbol(str(array.label), *(*array.shape, 1)[:2])


ARRAYS = (MatrixExpr, sp.IndexedBase)
"""What is not a scalar."""


def call(
    function: Callable[..., Any],
    operands: tuple[Any, ...],
    node: Node,
    shape: Sequence[Any],
    options: dict[str, Any] | None = None,
) -> Any:
    """A symgrad function's value by the number of its axes: a scalar, a matrix, an array."""
    if not shape:
        return ScalarCall(function, operands, node, options)
    if len(shape) <= 2:
        rows, cols = (*shape, 1)[:2]
        return MatrixCall(function, operands, node, (rows, cols), options)
    return ArrayCall(function, operands, node, tuple(shape), options)
