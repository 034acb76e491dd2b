"""The functions that a declaration may use beside SymPy's own operators: the core.

Each accepts SymPy scalars or matrices and returns a SymPy object of known shape. A scalar of a
scalar stays plain SymPy (``sg.tanh(x)`` is ``sympy.tanh(x)``); anything with a matrix in it
becomes one opaque node, lifted and shape-checked at once.

Here are the elementary functions and the reductions; `activations`, `matrix_functions` and
`losses` are built on them.

**To add an elementwise function**, add its scalar function to `vocabulary` (unless SymPy has it)
and one row here or in `activations`. Its derivative is SymPy's, so there is nothing else to
write; the tests that walk the tables (``tests/symgrad/test_functions.py`` and
``test_vocabulary.py``) find the row by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad import graph as g
from symgrad import lift as lifting
from symgrad import vocabulary
from symgrad.errors import DeclarationError, ShapeError, UnsupportedError
from symgrad.graph import Dim, Node, dim
from symgrad.listing import shape_text
from symgrad.symbols import ARRAYS, ArrayCall, LabelSymbol, MatrixCall, ScalarCall, as_matrix, call

_t, _u = sp.Dummy("t", real=True), sp.Dummy("u", real=True)


def as_expression(x: Any) -> Any:
    """``x`` as SymPy: numbers are converted, strings are refused (text is never evaluated)."""
    if isinstance(x, str):
        raise UnsupportedError(
            f"the text {x!r} was given where a SymPy expression is expected; "
            "declare symbols with sympy.symbols or MatrixSymbol."
        )
    try:
        if isinstance(x, sp.IndexedBase):
            return as_matrix(x)
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


def pointwise(
    function: Callable[..., Any],
    body: sp.Expr,
    operands: dict[sp.Symbol, Any],
    default: Any = None,
) -> Any:
    """``body`` at every entry: each of its symbols in ``operands`` is an array or a scalar.

    ``function`` is the public function whose value it is; its last operand is not shown where it
    is the ``default``. Raises ShapeError for two matrices of different shapes.
    """
    given = {symbol: as_expression(x) for symbol, x in operands.items()}
    matrices = {symbol: x for symbol, x in given.items() if isinstance(x, ARRAYS)}
    scalars = {symbol: x for symbol, x in given.items() if symbol not in matrices}
    for x in scalars.values():
        if not isinstance(x, sp.Expr):
            lifting.lift(x)  # which says what is wrong with it
    body = body.subs(scalars, simultaneous=True) if scalars else body
    if not matrices:
        return body
    first, *others = matrices.values()
    for other in others:
        lifting.same_shape(first, other, function.__name__)
    nodes = {symbol: lifting.lift(x) for symbol, x in matrices.items()}
    node = lifting.elementwise(body, nodes, lifting.lift(first).shape)
    shown = tuple(given.values())
    return call(function, shown[:-1] if shown[-1] == default else shown, node, first.shape)


def mapped(function: sp.Lambda, *operands: Any) -> Any:
    """A scalar function of several matrices of one shape, at every entry.

    What SymPy's ``applyfunc`` is for one matrix; formulas use it where no name is shorter.
    """
    arguments = dict(zip(function.variables, operands, strict=True))
    value = pointwise(mapped, function.expr, arguments)
    if isinstance(value, MatrixCall | ArrayCall):
        value.operands = (function, *value.operands)
    return value


def number(x: Any) -> Any:
    """``x`` as SymPy, a decimal fraction such as 0.01 being exactly 1/100."""
    return sp.Rational(str(x)) if isinstance(x, float) else as_expression(x)


def _elementary(name: str, scalar: sp.Expr, doc: str) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        return pointwise(function, scalar, {_t: x})

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{doc} Elementwise."
    return function


exp = _elementary("exp", sp.exp(_t), "eˣ; exp′ = exp.")
log = _elementary("log", sp.log(_t), "The natural logarithm; log′(x) = 1/x.")
sqrt = _elementary("sqrt", sp.sqrt(_t), "The square root; √′(x) = 1/(2√x).")
abs = _elementary(
    "abs",
    vocabulary.absolute(_t),
    "The absolute value; its derivative is sign(x), which is 0 at the kink, as in PyTorch.",
)
sin = _elementary("sin", sp.sin(_t), "The sine; sin′ = cos.")
cos = _elementary("cos", sp.cos(_t), "The cosine; cos′ = −sin.")
tan = _elementary("tan", sp.tan(_t), "The tangent; tan′ = 1 + tan².")
cot = _elementary("cot", sp.cot(_t), "The cotangent 1/tan(x); cot′ = −1 − cot².")
sec = _elementary("sec", sp.sec(_t), "The secant 1/cos(x); sec′ = sec·tan.")
csc = _elementary("csc", sp.csc(_t), "The cosecant 1/sin(x); csc′ = −csc·cot.")
asin = _elementary("asin", sp.asin(_t), "The inverse sine; asin′(x) = 1/√(1 − x²).")
acos = _elementary("acos", sp.acos(_t), "The inverse cosine; acos′(x) = −1/√(1 − x²).")
atan = _elementary("atan", sp.atan(_t), "The inverse tangent; atan′(x) = 1/(1 + x²).")
sinh = _elementary("sinh", sp.sinh(_t), "The hyperbolic sine; sinh′ = cosh.")
cosh = _elementary("cosh", sp.cosh(_t), "The hyperbolic cosine; cosh′ = sinh.")
tanh = _elementary("tanh", sp.tanh(_t), "The hyperbolic tangent; tanh′ = 1 − tanh².")
asinh = _elementary("asinh", sp.asinh(_t), "The inverse of sinh; asinh′(x) = 1/√(1 + x²).")
acosh = _elementary("acosh", sp.acosh(_t), "The inverse of cosh, for x ≥ 1.")
atanh = _elementary("atanh", sp.atanh(_t), "The inverse of tanh; atanh′(x) = 1/(1 − x²).")
erf = _elementary("erf", sp.erf(_t), "The error function; erf′(x) = 2e^(−x²)/√π.")
erfc = _elementary("erfc", sp.erfc(_t), "1 − erf(x), accurate where that is small; erfc′ = −erf′.")

ELEMENTARY: tuple[Callable[[Any], Any], ...] = (
    *(exp, log, sqrt, abs, sin, cos, tan, cot, sec, csc, asin, acos, atan),
    *(sinh, cosh, tanh, asinh, acosh, atanh, erf, erfc),
)
"""The functions of calculus; `activations.ELEMENTWISE` has these and the activations."""


def maximum(a: Any, b: Any) -> Any:
    """max(a, b), elementwise; where a = b the derivative is ½ by each, as in PyTorch."""
    return pointwise(maximum, vocabulary.maximum(_t, _u), {_t: a, _u: b})


def minimum(a: Any, b: Any) -> Any:
    """min(a, b), elementwise; where a = b the derivative is ½ by each, as in PyTorch."""
    return pointwise(minimum, vocabulary.minimum(_t, _u), {_t: a, _u: b})


def array(x: Any, function: str) -> Any:
    """``x``, which has to be a matrix or an array of more axes."""
    x = as_expression(x)
    return x if isinstance(x, ARRAYS) else matrix(x, function)


def matrix(x: Any, function: str) -> MatrixExpr:
    """``x``, which has to be a matrix."""
    x = as_expression(x)
    if not isinstance(x, MatrixExpr):
        raise ShapeError(f"{function} expects a matrix or vector expression; {x} is a scalar.")
    return x


def vector(x: Any, function: str) -> tuple[MatrixExpr, Node]:
    x = matrix(x, function)
    node = lifting.lift(x)
    if 1 not in map(dim, x.shape):
        raise ShapeError(f"{function} expects a vector, n×1; {x} has shape {shape_text(x.shape)}.")
    return x, node


def sum(x: Any) -> Any:
    """The sum of all entries, a scalar."""
    x = as_expression(x)
    if not isinstance(x, ARRAYS):
        return x
    node = lifting.lift(x)
    return ScalarCall(sum, (x,), g.product([(node, tuple(range(node.rank)))], ()))


def dot(a: Any, b: Any) -> Any:
    """Σ aᵢbᵢ, a scalar (``a.T*b`` is a 1×1 matrix in SymPy, which cannot be added to one).

    For matrices of one shape it is the Frobenius inner product Σ aᵢⱼbᵢⱼ, and so for any array.
    """
    a, b = array(a, "dot"), array(b, "dot")
    lifting.same_shape(a, b, "dot")
    x, y = lifting.lift(a), lifting.lift(b)
    axes = tuple(range(x.rank))
    return ScalarCall(dot, (a, b), g.product([(x, axes), (y, axes)], ()))


def softmax(z: Any, beta: Any = 1, *, temperature: Any = 1, rows: bool = False) -> Any:
    """exp(zₖ)/Σₗ exp(zₗ) of a vector, kept as exp(z − logsumexp(z)), which never overflows.

    It is the softmax of β·z, or of z/T for a ``temperature`` T; its Jacobian is
    β(diag(p) − p·pᵀ). With ``rows=True`` z is a matrix, and each of its rows is normalised; an
    array of more axes is normalised along its last one.
    """
    scale = number(beta) / number(temperature)
    z = z if scale == 1 else scale * matrix(z, "softmax")
    if rows:
        z, node, axes = _rows(z, "softmax")
    else:
        z, node = vector(z, "softmax")
        axes = node.rank and 1
    return call(softmax, (z,), softmax_node(node, axes), z.shape, {"rows": rows})


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
        z, node = vector(z, "logsumexp")
        return ScalarCall(logsumexp, (z,), g.reduce("logsumexp", node, tuple(range(node.rank)), ()))
    z, node, axes = _rows(z, "logsumexp")
    if axes:
        node = g.reduce("logsumexp", node, tuple(range(node.rank)), node.shape[:-1])
    shape = z.shape[:-1] if len(z.shape) > 2 else (z.shape[0], 1)
    return call(logsumexp, (z,), node, shape, {"rows": True})


def _rows(z: Any, function: str) -> tuple[Any, Node, int]:
    """An array, its node, and how many axes of that its last one is: none for a literal 1."""
    z = array(z, function)
    last = dim(z.shape[-1])
    if len(z.shape) == 2 and last == 1:
        raise ShapeError(
            f"{function} with rows=True expects a matrix; {z} has shape {shape_text(z.shape)}."
        )
    return z, lifting.lift(z), int(last != 1)


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


def max(x: Any, *, rows: bool = False) -> Any:
    """The largest entry, a scalar; its derivative goes to the first entry that attains it.

    With ``rows=True`` x is a matrix, and the result is a column with the largest entry of each row.
    """
    return _extreme(max, x, 1, rows)


def min(x: Any, *, rows: bool = False) -> Any:
    """The smallest entry, a scalar; its derivative goes to the first entry that attains it.

    With ``rows=True`` x is a matrix, and the result is a column with the smallest of each row.
    """
    return _extreme(min, x, -1, rows)


def _extreme(function: Callable[..., Any], x: Any, sign: int, rows: bool) -> Any:
    """max x, or −max(−x)."""
    x = as_expression(x)
    if not isinstance(x, ARRAYS):
        return x
    if rows:
        x, node, axes = _rows(x, function.__name__)
        largest = scaled(node, sign)
        if axes:
            largest = g.reduce("max", largest, tuple(range(node.rank)), node.shape[:-1])
        shape = x.shape[:-1] if len(x.shape) > 2 else (x.shape[0], 1)
        return call(function, (x,), scaled(largest, sign), shape, {"rows": True})
    node = scaled(lifting.lift(x), sign)
    while node.rank:  # one axis at a time, which is how a maximum is differentiated
        node = g.reduce("max", node, tuple(range(node.rank)), node.shape[:-1])
    return ScalarCall(function, (x,), scaled(node, sign))


def argmax(x: Any) -> Any:
    """The number of the first largest entry of a vector, counted from 0: the predicted class.

    A metric: it is constant on either side of its jumps, so it has no part in a gradient; train
    with a softmax.
    """
    x, node = vector(x, "argmax")
    best = g.reduce("argmax", node, (0,), ()) if node.rank else g.const(0)
    return ScalarCall(argmax, (x,), best)


def sparsemax_threshold(z: Any) -> Any:
    """The number τ for which max(0, z − τ) sums to 1: sparsemax(z) is max(0, z − τ)."""
    z, node = vector(z, "sparsemax_threshold")
    return ScalarCall(sparsemax_threshold, (z,), g.reduce("sparsemax_threshold", node, (0,), ()))


def sparsemax_value(z: Any) -> Any:
    """Ω*(z), the largest value of pᵀz − ½‖p‖² over the simplex; its gradient is sparsemax(z)."""
    z, node = vector(z, "sparsemax_value")
    return ScalarCall(sparsemax_value, (z,), g.reduce("sparsemax_value", node, (0,), ()))


def scaled(node: Node, weight: int) -> Node:
    """weight·node."""
    return node if weight == 1 else g.add([(weight, node, tuple(range(node.rank)))], node.shape)


def sparsemax_node(z: Node) -> Node:
    """The point of the simplex next to z, over the last axis: relu(z − τ(z))."""
    labels = tuple(range(z.rank))
    if not z.rank:
        return g.const(1)
    threshold = g.reduce("sparsemax_threshold", z, labels, z.shape[:-1])
    difference = g.add([(1, z, labels), (-1, threshold, labels[:-1])], z.shape)
    return g.apply(vocabulary.relu(g.slot(0)), [(difference, labels)], z.shape)


REDUCTIONS: tuple[Callable[..., Any], ...] = (sum, dot, logsumexp, max, min)
"""Every function of this module with a scalar value."""
