"""Functions of matrices: trace, determinant, inverse, solving, norms.

SymPy's own ``Trace``, ``Determinant``, ``Inverse`` and ``X**-1`` mean the same; these are scalars
and matrices at once, can be added to anything, and name both shapes where something does not fit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad import functions as f
from symgrad import graph as g
from symgrad import lift as lifting
from symgrad import vocabulary as v
from symgrad.errors import ShapeError, UnsupportedError
from symgrad.graph import Node, dim
from symgrad.listing import shape_text
from symgrad.symbols import MatrixCall, ScalarCall


def trace(x: Any) -> Any:
    """The sum of the diagonal of a square matrix; its gradient is the identity."""
    x, node = _square(x, "trace")
    return ScalarCall(trace, (x,), g.product([(node, (0, 0))], ()) if node.rank else node)


def det(x: Any) -> Any:
    """The determinant of a square matrix; its gradient is det(X)·X⁻ᵀ."""
    x, node = _square(x, "det")
    return ScalarCall(det, (x,), lifting.determinant("det", node))


def logdet(x: Any) -> Any:
    """log |det X| of a square matrix; its gradient is X⁻ᵀ.

    Computed without the determinant, which overflows for a large matrix.
    """
    x, node = _square(x, "logdet")
    return ScalarCall(logdet, (x,), lifting.determinant("logdet", node))


def inverse(x: Any) -> Any:
    """X⁻¹ of a square matrix; a singular one is refused when the code runs."""
    x, node = _square(x, "inverse")
    return MatrixCall(inverse, (x,), lifting.inverted(node), x.shape)


def solve(a: Any, b: Any) -> Any:
    """A⁻¹·b, the solution x of A·x = b, for a square matrix A and a matrix or vector b."""
    a, node = _square(a, "solve")
    b = f.matrix(b, "solve")
    if dim(a.shape[1]) != dim(b.shape[0]):
        raise ShapeError(
            f"solve needs as many rows on both sides; {a} is {shape_text(a.shape)} and "
            f"{b} is {shape_text(b.shape)}."
        )
    right = lifting.lift(b)
    left = lifting.inverted(node)
    if not node.rank:
        value = g.product([(left, ()), (right, tuple(range(right.rank)))], right.shape)
    else:
        last = right.rank if right.rank else 1
        labels = (last, *range(1, right.rank))
        value = g.product([(left, (0, last)), (right, labels)], right.shape)
    return MatrixCall(solve, (a, b), value, b.shape)


def norm(x: Any, p: Any = 2) -> Any:
    """‖x‖ of a vector for p = 1, 2 or ``sympy.oo``; of a matrix, p = 2 is the Frobenius norm.

    Its derivative is x/‖x‖ for p = 2 and sign(x) for p = 1; for ∞ it goes to the first entry that
    is largest. At x = 0 it is 0, as in PyTorch.
    """
    x = f.matrix(x, "norm")
    node, axes = lifting.lift(x), tuple(range(lifting.lift(x).rank))
    p = sp.oo if p == float("inf") else f.number(p)
    if node.rank == 2 and p != 2:
        raise UnsupportedError(
            f"the {p}-norm of the matrix {x} was asked for; expected p = 2, the Frobenius norm. "
            "For the sum of |entries| use sg.l1."
        )
    if p == 2:
        total = g.product([(node, axes), (node, axes)], ())
        value = g.apply(v.root(g.slot(0)), [(total, ())], ())
    elif p in (1, sp.oo):
        sizes = g.apply(v.absolute(g.slot(0)), [(node, axes)], node.shape)
        summed = g.product([(sizes, axes)], ())
        value = summed if p == 1 or not axes else g.reduce("max", sizes, axes, ())
    else:
        raise UnsupportedError(f"the {p}-norm was asked for; expected p = 1, 2 or oo.")
    return ScalarCall(norm, (x,), value, {"p": p} if p != 2 else {})


def _square(x: Any, function: str) -> tuple[MatrixExpr, Node]:
    x = f.matrix(x, function)
    lifting.square(x, function)
    return x, lifting.lift(x)


MATRIX_FUNCTIONS: tuple[Callable[..., Any], ...] = (trace, det, logdet, inverse, solve, norm)
"""Every function of this module."""
