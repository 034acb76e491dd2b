"""The vocabulary: the functions that a declaration may use beside SymPy's own operators.

Each accepts SymPy scalars or matrices and returns a SymPy object of known shape. A scalar of a
scalar stays plain SymPy (``sg.tanh(x)`` is ``sympy.tanh(x)``); anything with a matrix in it
becomes one opaque node, lifted and shape-checked at once.

**To add an activation**, add its scalar function to `vocabulary` (unless SymPy has it) and one
row here that calls `_elementwise`. Its derivative is SymPy's, so there is nothing else to write;
the table-driven test in ``tests/symgrad/test_functions.py`` finds the row by itself.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad import graph as g
from symgrad import lift as lifting
from symgrad import vocabulary
from symgrad.errors import DeclarationError, ShapeError, UnsupportedError
from symgrad.graph import Dim, Node, dim
from symgrad.symbols import LabelSymbol, MatrixCall, ScalarCall

_t = sp.Symbol("t", real=True)


def as_expression(x: Any) -> Any:
    """``x`` as SymPy: numbers are converted, strings are refused (text is never evaluated)."""
    if isinstance(x, str):
        raise UnsupportedError(
            f"the text {x!r} was given where a SymPy expression is expected; "
            "declare symbols with sympy.symbols or MatrixSymbol."
        )
    try:
        return x if isinstance(x, sp.Basic | sp.MatrixBase) else sp.sympify(x, strict=True)
    except sp.SympifyError:
        raise UnsupportedError(
            f"an object of type {type(x).__name__} was given where a SymPy expression is expected; "
            "declare symbols with sympy.symbols or MatrixSymbol."
        ) from None


def as_size(n: Any, what: str) -> Dim:
    """A number of entries: a positive whole number, or an expression in dimension symbols."""
    size = as_expression(n)
    if not (isinstance(size, sp.Expr) and size.is_integer) or size.is_positive is False:
        raise DeclarationError(
            f"{what} was declared with {size}; expected a whole number ≥ 1 or a symbol such as "
            'symbols("n", integer=True, positive=True).'
        )
    return dim(size)


def _elementwise(function: Callable[[Any], Any], scalar: sp.Expr, x: Any) -> Any:
    """``scalar``, an expression in ``_t``, at every entry of ``x``."""
    x = as_expression(x)
    if not isinstance(x, MatrixExpr):
        return scalar.subs(_t, x) if isinstance(x, sp.Expr) else lifting.lift(x)
    operand = lifting.lift(x)
    node = lifting.elementwise(scalar, {_t: operand}, operand.shape)
    return MatrixCall(function, (x,), node, x.shape)


def exp(x: Any) -> Any:
    """eˣ, elementwise."""
    return _elementwise(exp, sp.exp(_t), x)


def log(x: Any) -> Any:
    """The natural logarithm, elementwise."""
    return _elementwise(log, sp.log(_t), x)


def tanh(x: Any) -> Any:
    """The hyperbolic tangent, elementwise; tanh′ = 1 − tanh²."""
    return _elementwise(tanh, sp.tanh(_t), x)


def sigmoid(x: Any) -> Any:
    """The logistic function 1/(1 + e⁻ˣ), elementwise; σ′ = σ(1 − σ)."""
    return _elementwise(sigmoid, vocabulary.sigmoid(_t), x)


def softplus(x: Any) -> Any:
    """log(1 + eˣ), elementwise; softplus′ = σ."""
    return _elementwise(softplus, vocabulary.softplus(_t), x)


def relu(x: Any) -> Any:
    """max(0, x), elementwise; relu′(x) = 1[x > 0], which is 0 at the kink, as in PyTorch."""
    return _elementwise(relu, vocabulary.relu(_t), x)


def sqrt(x: Any) -> Any:
    """The square root, elementwise."""
    return _elementwise(sqrt, sp.sqrt(_t), x)


def abs(x: Any) -> Any:
    """The absolute value, elementwise; its derivative is sign(x), which is 0 at the kink."""
    return _elementwise(abs, vocabulary.absolute(_t), x)


ELEMENTWISE: tuple[Callable[[Any], Any], ...] = (
    exp,
    log,
    tanh,
    sigmoid,
    softplus,
    relu,
    sqrt,
    abs,
)
"""Every elementwise function: the tests and the code generators walk this table."""


def _matrix(x: Any, function: str) -> MatrixExpr:
    x = as_expression(x)
    if not isinstance(x, MatrixExpr):
        raise ShapeError(f"{function} expects a matrix or vector expression; {x} is a scalar.")
    return x


def _vector(x: Any, function: str) -> tuple[MatrixExpr, Node]:
    x = _matrix(x, function)
    node = lifting.lift(x)
    if 1 not in map(dim, x.shape):
        raise ShapeError(
            f"{function} expects a vector, n×1; {x} has shape {lifting.shape_text(x.shape)}."
        )
    return x, node


def sum(x: Any) -> Any:
    """The sum of all entries, a scalar."""
    x = as_expression(x)
    if not isinstance(x, MatrixExpr):
        return x
    node = lifting.lift(x)
    return ScalarCall(sum, (x,), g.product([(node, tuple(range(node.rank)))], ()))


def dot(a: Any, b: Any) -> Any:
    """Σ aᵢbᵢ, a scalar (``a.T*b`` is a 1×1 matrix in SymPy, which cannot be added to one).

    For matrices of one shape it is the Frobenius inner product Σ aᵢⱼbᵢⱼ.
    """
    a, b = _matrix(a, "dot"), _matrix(b, "dot")
    lifting.same_shape(a, b, "dot")
    x, y = lifting.lift(a), lifting.lift(b)
    axes = tuple(range(x.rank))
    return ScalarCall(dot, (a, b), g.product([(x, axes), (y, axes)], ()))


def softmax(z: Any, *, rows: bool = False) -> Any:
    """exp(zₖ)/Σₗ exp(zₗ) of a vector, kept as exp(z − logsumexp(z)), which never overflows.

    With ``rows=True`` z is a matrix, and each of its rows is normalised.
    """
    z, node = _rows(z, "softmax") if rows else _vector(z, "softmax")
    return MatrixCall(softmax, (z,), softmax_node(node, node.rank and 1), z.shape, {"rows": rows})


def softmax_node(z: Node, axes: int) -> Node:
    """softmax over the last ``axes`` axes (0 or 1) of a node."""
    labels = tuple(range(z.rank))
    kept = labels[: z.rank - axes]
    lse = g.reduce("logsumexp", z, labels, tuple(z.shape[x] for x in kept))
    shifted = g.add([(1, z, labels), (-1, lse, kept)], z.shape)
    return g.apply(sp.exp(g.slot(0)), [(shifted, labels)], z.shape)


def logsumexp(z: Any, *, rows: bool = False) -> Any:
    """log Σₗ exp(zₗ) of a vector, a scalar; its gradient is softmax(z).

    With ``rows=True`` z is a matrix, and the result is a column with one entry a row.
    """
    if not rows:
        z, node = _vector(z, "logsumexp")
        return ScalarCall(logsumexp, (z,), g.reduce("logsumexp", node, tuple(range(node.rank)), ()))
    z, node = _rows(z, "logsumexp")
    reduced = g.reduce("logsumexp", node, (0, 1), node.shape[:1])
    return MatrixCall(logsumexp, (z,), reduced, (z.shape[0], 1), {"rows": True})


def _rows(z: Any, function: str) -> tuple[MatrixExpr, Node]:
    z = _matrix(z, function)
    node = lifting.lift(z)
    if node.rank != 2:
        raise ShapeError(
            f"{function} with rows=True expects a matrix; {z} has shape "
            f"{lifting.shape_text(z.shape)}."
        )
    return z, node


def onehot(index: Any, n: Any) -> Any:
    """The n×1 vector 1[index = k], ``index`` being a label (``sg.label``) or a whole number."""
    index = as_expression(index)
    if not (isinstance(index, LabelSymbol) or index.is_integer):
        raise UnsupportedError(
            f"onehot expects a label or an integer; {index} is neither. Declare it with sg.label."
        )
    size = as_size(n, "the length of onehot")
    node = g.onehot(lifting.lift(index), size) if size != 1 else g.const(1)
    return MatrixCall(onehot, (index, sp.sympify(n)), node, (n, 1))


def squared_error(f: Any, y: Any) -> Any:
    """½‖f − y‖², a scalar, whose gradient with respect to f is f − y."""
    f, y = as_expression(f), as_expression(y)
    if not isinstance(f, MatrixExpr) and not isinstance(y, MatrixExpr):
        return (f - y) ** 2 / 2
    f, y = _matrix(f, "squared_error"), _matrix(y, "squared_error")
    lifting.same_shape(f, y, "squared_error")
    a, b = lifting.lift(f), lifting.lift(y)
    axes = tuple(range(a.rank))
    residual = g.add([(1, a, axes), (-1, b, axes)], a.shape)
    squared = g.product([(residual, axes), (residual, axes)], ())
    return ScalarCall(squared_error, (f, y), g.add([(sp.Rational(1, 2), squared, ())], ()))


def cross_entropy(p: Any, y: Any) -> Any:
    """The cross-entropy of a prediction p, a probability vector: a scalar.

    With a target distribution y of p's shape it is −Σ yₖ log pₖ; with a class label
    (``sg.label``) it is −log p_y. Where p is a softmax the logarithm is taken of it exactly,
    so scores of ±1000 are fine.
    """
    p, node = _vector(p, "cross_entropy")
    axes = tuple(range(node.rank))
    log_p = g.apply(sp.log(g.slot(0)), [(node, axes)], node.shape)
    y = as_expression(y)
    if isinstance(y, LabelSymbol):
        if (node.shape or (1,)) != (dim(y.classes),):
            raise ShapeError(
                f"cross_entropy compares {p}, which is {lifting.shape_text(p.shape)}, with the "
                f"label {y} of {y.classes} classes; declare {y} with as many classes as {p} has "
                "entries."
            )
        target = g.onehot(y.node, node.shape[0]) if node.shape else g.const(1)
    else:
        y = _matrix(y, "cross_entropy")
        lifting.same_shape(p, y, "cross_entropy")
        target = lifting.lift(y)
    total = g.product([(target, axes), (log_p, axes)], ())
    return ScalarCall(cross_entropy, (p, y), g.add([(-1, total, ())], ()))


REDUCTIONS: tuple[Callable[..., Any], ...] = (sum, dot, logsumexp, squared_error, cross_entropy)
"""Every function with a scalar value."""

__all__ = [f.__name__ for f in (*ELEMENTWISE, *REDUCTIONS, softmax, onehot)]
assert builtins.len(__all__) == builtins.len(set(__all__))
