"""Every declared operation: value, gradient and second order, over shapes that include 1.

The table below is completed from the library's own tables, so a new row there is checked here
without being told; an operation without a case fails `test_every_node_has_a_case`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp
from gradients import check_gradient, check_second_order
from oracle import Net
from sympy import MatrixSymbol, OneMatrix, Symbol, Trace, ZeroMatrix, hadamard_product, symbols
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.hadamard import HadamardPower

import symgrad as sg
from symgrad import functions, lift

M, N, K = symbols("M N K", integer=True, positive=True)
SHAPES: dict[str, tuple[tuple[Any, Any, Any], dict[Any, int]]] = {
    "2,3,2": ((2, 3, 2), {}),
    "1,3,2": ((1, 3, 2), {}),
    "3,1,1": ((3, 1, 1), {}),
    "1,1,1": ((1, 1, 1), {}),
    "symbolic": ((M, N, K), {M: 2, N: 3, K: 2}),
    "symbolic bound to 1": ((M, N, K), {M: 1, N: 1, K: 1}),
    "half symbolic": ((M, 1, 2), {M: 3}),
}
"""Dimensions m, n, k of the cases, and what the symbolic ones are bound to."""


class Leaves:
    """The symbols that a case may use."""

    def __init__(self, m: Any, n: Any, k: Any) -> None:
        self.m, self.n, self.k = m, n, k
        self.A, self.B = MatrixSymbol("A", m, n), MatrixSymbol("B", m, n)
        self.C, self.Q = MatrixSymbol("C", n, k), MatrixSymbol("Q", n, n)
        self.x, self.y = MatrixSymbol("x", n, 1), MatrixSymbol("y", n, 1)
        self.r, self.u = MatrixSymbol("r", 1, n), MatrixSymbol("u", m, 1)
        self.s, self.t = Symbol("s", real=True), Symbol("t", real=True)
        self.p, self.c = sg.simplex("p", n), sg.label("c", n)
        self.all = [
            *(self.A, self.B, self.C, self.Q, self.x, self.y, self.r, self.u),
            *(self.s, self.t, self.p, self.c),
        ]


t = Symbol("t", real=True)
Case = Callable[[Leaves], Any]

CASES: dict[str, tuple[str, Case]] = {
    "matrix sum": ("A", lambda e: e.A + 2 * e.B - e.A / 3),
    "matrix difference of itself": ("A", lambda e: e.A - e.B + e.B),
    "matrix product": ("A", lambda e: e.A * e.C),
    "matrix product, right": ("C", lambda e: e.A * e.C),
    "matrix-vector product": ("A", lambda e: e.A * e.x),
    "three factors": ("Q", lambda e: e.A * e.Q * e.C),
    "quadratic form": ("x", lambda e: e.x.T * e.Q * e.x),
    "outer product": ("x", lambda e: e.u * e.x.T),
    "row times column": ("r", lambda e: e.r * e.x),
    "column times row": ("r", lambda e: e.u * e.r),
    "transpose": ("A", lambda e: e.A.T),
    "transpose of a row": ("r", lambda e: e.r.T + e.x),
    "gram matrix": ("A", lambda e: e.A.T * e.A),
    "scalar times matrix": ("s", lambda e: e.s * e.A),
    "scalar times matrix, the matrix": ("A", lambda e: e.s * e.A * e.t),
    "scalar expression times matrix": ("s", lambda e: (e.s**2 + sp.sin(e.t)) * e.A),
    "hadamard product": ("A", lambda e: hadamard_product(e.A, e.B)),
    "hadamard product of itself": ("A", lambda e: hadamard_product(e.A, e.A, e.B)),
    "hadamard power 2": ("A", lambda e: HadamardPower(e.A, 2)),
    "hadamard power 5": ("A", lambda e: HadamardPower(e.A, 5)),
    "hadamard power -1": ("A", lambda e: HadamardPower(e.A, -1)),
    "hadamard power 1/2": ("A", lambda e: HadamardPower(e.A, sp.Rational(1, 2))),
    "matrix power": ("Q", lambda e: sp.MatPow(e.Q, 3)),
    "ones": ("A", lambda e: e.A + OneMatrix(e.m, e.n)),
    "row sums by ones": ("A", lambda e: e.A * OneMatrix(e.n, 1)),
    "broadcast by ones": ("x", lambda e: OneMatrix(e.m, 1) * e.x.T),
    "zeros": ("A", lambda e: sp.MatAdd(e.A, ZeroMatrix(e.m, e.n))),
    "identity": ("Q", lambda e: e.Q + sp.Identity(e.n)),
    "identity product": ("Q", lambda e: sp.MatMul(sp.Identity(e.n), e.Q, e.x)),
    "diagonal matrix": ("x", lambda e: DiagMatrix(e.x) * e.C),
    "diagonal": ("Q", lambda e: DiagonalOf(e.Q)),
    "trace": ("Q", lambda e: Trace(e.Q)),
    "trace of a product": ("A", lambda e: Trace(e.A * e.B.T)),
    "trace in a matrix": ("Q", lambda e: Trace(e.Q) * e.A),
    "trace of a power": ("Q", lambda e: Trace(e.Q * e.Q * e.Q)),
    "element": ("A", lambda e: e.A[0, 0] ** 2 * e.A[e.m - 1, e.n - 1]),
    "element of a vector": ("x", lambda e: e.x[0, 0] * sp.exp(e.x[e.n - 1, 0])),
    "element at a label": ("x", lambda e: sp.log(e.x[e.c, 0])),
    "element of a function": ("A", lambda e: sg.tanh(e.A * e.C)[0, 0] * e.s),
    "applyfunc": ("A", lambda e: e.A.applyfunc(sp.Lambda(t, sp.sin(t) * t + t**3))),
    "applyfunc with a scalar leaf": (
        "s", lambda e: e.A.applyfunc(sp.Lambda(t, sp.exp(-e.s * t) / (1 + t**2))),
    ),
    "applyfunc of a function": ("A", lambda e: e.A.applyfunc(sp.cos)),
    "softmax": ("x", lambda e: sg.softmax(e.x)),
    "softmax of a row": ("r", lambda e: sg.softmax(e.r)),
    "softmax with temperature": ("s", lambda e: sg.softmax(e.s * e.x)),
    "logsumexp": ("x", lambda e: sg.logsumexp(e.x)),
    "onehot": ("x", lambda e: hadamard_product(sg.onehot(e.c, e.n), e.x)),
    "sum": ("A", lambda e: sg.sum(hadamard_product(e.A, e.B, e.A))),
    "dot": ("x", lambda e: sg.dot(e.x, e.y) ** 2),
    "dot of itself": ("x", lambda e: sp.sqrt(sg.dot(e.x, e.x))),
    "dot of matrices": ("A", lambda e: sg.dot(e.A, e.B) ** 2),
    "squared_error": ("x", lambda e: sg.squared_error(e.Q * e.x, e.y)),
    "squared_error of scalars": ("s", lambda e: sg.squared_error(e.s * e.t, e.t)),
    "cross_entropy": ("x", lambda e: sg.cross_entropy(sg.softmax(e.x), e.p)),
    "cross_entropy of a vector": ("x", lambda e: sg.cross_entropy(e.x, e.y)),
    "cross_entropy, the target": ("p", lambda e: sg.cross_entropy(sg.softmax(e.x), e.p)),
    "cross_entropy with a label": ("x", lambda e: sg.cross_entropy(sg.softmax(e.x), e.c)),
    "entropy": ("x", lambda e: sg.cross_entropy(sg.softmax(e.x), sg.softmax(e.x))),
    "scalar power": ("s", lambda e: e.s**5 * e.t ** sp.Rational(3, 2)),
    "symbolic power": ("s", lambda e: e.s**e.t),
    "symbolic exponent": ("t", lambda e: e.s**e.t),
    "quotient": ("s", lambda e: (e.s + e.t) / (e.s * e.t - 7)),
    "scalar tree": ("s", lambda e: sp.exp(sp.sin(e.s * e.t)) * sp.log(1 + e.s**2) + sp.tanh(e.s)),
    "absolute value": ("s", lambda e: sp.Abs(e.s - 2) * e.s),
    "power of a sum of a matrix": ("A", lambda e: sg.sum(e.A) ** 3),
    "layer norm": (
        "x", lambda e: (e.x - sg.sum(e.x) / e.n * OneMatrix(e.n, 1)) / sp.sqrt(sg.dot(e.x, e.x)),
    ),
}  # fmt: skip
"""name → the leaf to differentiate by, and the operation."""

for _f in functions.ELEMENTWISE:
    CASES[f"sg.{_f.__name__} of a matrix"] = ("A", lambda e, f=_f: f(e.A))
    CASES[f"sg.{_f.__name__} of a vector"] = ("x", lambda e, f=_f: f(e.Q * e.x))
    CASES[f"sg.{_f.__name__} of a scalar"] = ("s", lambda e, f=_f: f(e.s * e.t))
    CASES[f"sg.{_f.__name__} of its negative part"] = (
        "x",
        lambda e, f=_f: f(hadamard_product(e.x, e.x) if f in (sg.log, sg.sqrt) else -e.x),
    )


def declared(case: str, shape: str) -> tuple[Any, Any, Net, Leaves]:
    """A scalar loss around a case: linear and quadratic in its value."""
    dims, bound = SHAPES[shape]
    e, net = Leaves(*dims), Net(dims=bound)
    wrt, make = CASES[case]
    expr = make(e)
    if isinstance(expr, sp.MatrixExpr):
        weight = MatrixSymbol("weight", *expr.shape)
        e.all.append(weight)
        loss = sg.dot(expr, weight) + sg.dot(expr, expr) / 2
    else:
        loss = expr + expr**2 / 2
    return loss, getattr(e, wrt), net, e


def instances(*shapes: str) -> list[Any]:
    """Every case in every shape; SymPy's own applyfunc cannot be declared on a 1×1 matrix."""
    return [
        pytest.param(case, shape, id=f"{case}, {shape}")
        for case in CASES
        for shape in shapes
        if not (case.startswith("applyfunc") and shape == "1,1,1")
    ]


@pytest.mark.parametrize(("case", "shape"), instances(*SHAPES))
def test_gradient(case: str, shape: str) -> None:
    loss, wrt, net, e = declared(case, shape)
    check_gradient(loss, [wrt], net, e.all, seed=len(case))


@pytest.mark.parametrize(("case", "shape"), instances("2,3,2", "symbolic", "1,1,1"))
def test_second_order(case: str, shape: str) -> None:
    loss, wrt, net, e = declared(case, shape)
    check_second_order(loss, wrt, net, e.all, seed=len(case))


def test_every_node_has_a_case() -> None:
    kinds: set[type] = set()
    heads: set[str] = set()
    for _, make in CASES.values():
        stack = [make(Leaves(2, 3, 2))]
        while stack:
            e = stack.pop()
            kinds.add(type(e))
            heads.add(getattr(e, "head", ""))
            stack.extend(getattr(e, "operands", e.args))
            if isinstance(e, sp.matrices.expressions.applyfunc.ElementwiseApplyFunction):
                stack.append(e.expr)
    for row, _ in lift._MATRIX:
        assert any(issubclass(kind, row) for kind in kinds), f"no case has a {row.__name__}"
    for f in (*functions.ELEMENTWISE, *functions.REDUCTIONS, functions.softmax, functions.onehot):
        assert f.__name__ in heads, f"no case calls sg.{f.__name__}"
