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
from oracle import SCALAR, Net
from sympy import MatrixSymbol, OneMatrix, Symbol, Trace, ZeroMatrix, hadamard_product, symbols
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.hadamard import HadamardPower

import symgrad as sg
from symgrad import activations, functions, lift, losses, matrix_functions

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


class mish(sp.Function):
    """A user's own activation, t·tanh(softplus(t)), with its value and nothing registered."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        (x,) = self.args
        inner = sp.log(1 + sp.exp(x))
        return sp.tanh(inner) + x * (1 - sp.tanh(inner) ** 2) / (1 + sp.exp(-x))

    def doit(self, **hints: Any) -> Any:
        return self.args[0] * sp.tanh(sp.log(1 + sp.exp(self.args[0])))


SCALAR["mish"] = lambda n, x: x * n.tanh(n.log(1 + n.exp(x)))

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
    # kinks and pieces
    "applyfunc of Abs": ("A", lambda e: e.A.applyfunc(sp.Lambda(t, sp.Abs(t - 1) * t))),
    "Max": ("s", lambda e: sp.Max(e.s, e.t, e.s * e.t)),
    "Max with 0": ("s", lambda e: sp.Max(0, e.s - e.t) + sp.Max(0, e.t - e.s) * e.t),
    "Max, leaky": ("s", lambda e: sp.Max((e.s - e.t) / 10, e.s - e.t)),
    "Min": ("s", lambda e: sp.Min(e.s, 2 * e.t - 1) + sp.Min(0, e.s - e.t)),
    "Piecewise": ("s", lambda e: sp.Piecewise((e.s**2, e.s > e.t), (sp.exp(e.s) * e.t, True))),
    "Piecewise, the other": ("t", lambda e: sp.Piecewise((e.s**2, e.s > e.t), (e.s * e.t, True))),
    "applyfunc of a Piecewise": (
        "A", lambda e: e.A.applyfunc(sp.Lambda(t, sp.Piecewise(
            (sp.log(t), (t > 1) & (t < 3)), (e.s * sp.tanh(t), t > sp.Rational(1, 2)), (t**3, True)
        ))),
    ),
    "sinc": ("s", lambda e: sp.sinc(e.s * e.t)),
    "atan2": ("s", lambda e: sp.atan2(e.s, e.t)),
    "reciprocal functions": ("s", lambda e: sp.sech(e.s) + sp.csch(e.s) + sp.coth(e.s)),
    "inverse reciprocal functions": (
        "s", lambda e: sp.acot(e.s) + sp.asec(e.s + 2) + sp.acsc(e.s + 2) + sp.asech(e.s / 2)
        + sp.acsch(e.s) + sp.acoth(e.s + 2),
    ),
    "logarithm to a base": ("s", lambda e: sp.log(e.s**2 + 1, 10) + 3**e.s),
    "user's function": ("s", lambda e: mish(e.s * e.t)),
    "applyfunc of a user's function": ("A", lambda e: e.A.applyfunc(mish)),
    "maximum": ("A", lambda e: sg.maximum(e.A, e.B)),
    "maximum with a number": ("x", lambda e: sg.maximum(e.Q * e.x, sp.Rational(7, 5))),
    "minimum": ("A", lambda e: sg.minimum(e.A, e.s * e.B)),
    "maxout": ("x", lambda e: sg.maxout(e.Q * e.x, e.y, e.x + e.y / 2)),
    "prelu": ("x", lambda e: sg.prelu(e.x - e.y, e.s)),
    "prelu, the slope": ("s", lambda e: sg.prelu(e.x - e.y, e.s)),
    "prelu, slopes": ("y", lambda e: sg.prelu(e.Q * e.x - 2 * e.y, e.y)),
    "leaky_relu, the slope": ("s", lambda e: sg.leaky_relu(e.x - e.y, e.s)),
    "elu with alpha": ("x", lambda e: sg.elu(e.x - 2 * e.y, 2)),
    "elu, alpha": ("s", lambda e: sg.elu(e.x - 2 * e.y, e.s)),
    "softplus with beta": ("s", lambda e: sg.softplus(e.x - e.y, e.s)),
    "swish with beta": ("s", lambda e: sg.swish(e.x - e.y, e.s)),
    "sparsemax": ("x", lambda e: sg.sparsemax(2 * e.Q * e.x)),
    "softmax, beta": ("s", lambda e: sg.softmax(e.x, e.s)),
    "softmax, T": ("s", lambda e: sg.softmax(e.x, temperature=e.s)),
    "max": ("A", lambda e: sg.max(e.A) ** 2),
    "max of rows": ("C", lambda e: sg.max(e.Q * e.C, rows=True)),
    "min of rows": ("C", lambda e: sg.min(e.Q * e.C, rows=True)),
    "min": ("x", lambda e: sg.min(e.Q * e.x) * e.s),
    # matrix functions
    "sg.trace": ("Q", lambda e: sg.trace(e.Q * e.Q)),
    "det": ("Q", lambda e: sg.det(e.Q) * e.s),
    "logdet": ("Q", lambda e: sg.logdet(e.Q)),
    "inverse": ("Q", lambda e: sg.inverse(e.Q)),
    "solve": ("Q", lambda e: sg.solve(e.Q, e.x)),
    "solve, the right side": ("C", lambda e: sg.solve(e.Q, e.C)),
    "Inverse": ("Q", lambda e: e.Q.I * e.x),
    "MatPow": ("Q", lambda e: sp.MatPow(e.Q, -2)),
    "Determinant": ("Q", lambda e: sp.Determinant(e.Q) * e.s),
    "norm": ("x", lambda e: sg.norm(e.Q * e.x) * e.s),
    "norm of a matrix": ("A", lambda e: sg.norm(e.A)),
    "1-norm": ("x", lambda e: sg.norm(e.x - e.y, 1)),
    "max-norm": ("x", lambda e: sg.norm(e.x - e.y, sp.oo)),
    # losses
    "mean_squared_error": ("A", lambda e: sg.mean_squared_error(e.A, e.B)),
    "power_error 1": ("A", lambda e: sg.power_error(e.A, e.B, 1)),
    "power_error 4": ("A", lambda e: sg.power_error(e.A, e.B, 4)),
    "power_error 3/2": ("A", lambda e: sg.power_error(e.A, e.B, 1.5)),
    "entropy of p": ("x", lambda e: sg.entropy(e.x)),
    "entropy of a softmax": ("x", lambda e: sg.entropy(sg.softmax(e.x))),
    "kl_divergence": ("x", lambda e: sg.kl_divergence(e.p, sg.softmax(e.x))),
    "kl_divergence, the first": ("x", lambda e: sg.kl_divergence(sg.softmax(e.x), e.p)),
    "binary_cross_entropy": ("x", lambda e: sg.binary_cross_entropy(sg.sigmoid(e.x), e.p)),
    "logistic_loss": ("x", lambda e: sg.logistic_loss(e.Q * e.x, e.p)),
    "logistic_loss of a scalar": ("s", lambda e: sg.logistic_loss(e.s, e.t)),
    "logistic_margin": ("x", lambda e: sg.logistic_margin(hadamard_product(e.x, e.y))),
    "hinge": ("x", lambda e: sg.hinge(hadamard_product(e.x, e.y))),
    "hinge of a scalar": ("s", lambda e: sg.hinge(e.s * e.t)),
    "squared_margin": ("x", lambda e: sg.squared_margin(hadamard_product(e.x, e.y))),
    "multiclass_hinge": ("x", lambda e: sg.multiclass_hinge(e.Q * e.x, e.c)),
    "multiclass_hinge, delta": ("x", lambda e: sg.multiclass_hinge(e.x, e.c, 0.5)),
    "multilabel_hinge": ("x", lambda e: sg.multilabel_hinge(e.x, e.y)),
    "multilabel_logistic": ("x", lambda e: sg.multilabel_logistic(e.Q * e.x, e.p)),
    "sparsemax_loss": ("x", lambda e: sg.sparsemax_loss(e.Q * e.x, e.p)),
    "sparsemax_loss, a label": ("x", lambda e: sg.sparsemax_loss(e.x, e.c)),
    "l1": ("A", lambda e: sg.l1(e.A - e.B)),
    "l2": ("A", lambda e: sg.l2(e.A)),
    "power of a sum of a matrix": ("A", lambda e: sg.sum(e.A) ** 3),
    "layer norm": (
        "x", lambda e: (e.x - sg.sum(e.x) / e.n * OneMatrix(e.n, 1)) / sp.sqrt(sg.dot(e.x, e.x)),
    ),
}  # fmt: skip
"""name → the leaf to differentiate by, and the operation."""

JUMPS = (sg.step, sg.sign)
"""Functions that are not differentiated; `test_jumps_are_refused` has them."""

INSIDE: dict[Any, Callable[[Any], Any]] = {
    **dict.fromkeys((sg.log, sg.sqrt), sg.exp),
    **dict.fromkeys((sg.asin, sg.acos, sg.atanh), sg.tanh),
    sg.acosh: lambda x: sg.exp(sg.exp(x)),
}
"""For a function that is not defined everywhere: one with values inside its domain."""

SMOOTH = [f for f in activations.ELEMENTWISE if f not in JUMPS]
for _f in SMOOTH:
    inside = INSIDE.get(_f, lambda x: x)
    name = f"sg.{_f.__name__} of"
    CASES[f"{name} a matrix"] = ("A", lambda e, f=_f, g=inside: f(g(e.A)))
    CASES[f"{name} a vector, negative"] = ("x", lambda e, f=_f, g=inside: f(g(-e.Q * e.x)))
    CASES[f"{name} a scalar"] = ("s", lambda e, f=_f, g=inside: f(g(e.s * e.t)))


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


def instances(quick: tuple[str, ...], slow: tuple[str, ...]) -> list[Any]:
    """Every case in every shape, elementwise ones in two, which is all that they see of a shape.

    The shapes of ``slow`` are for the campaigns.

    SymPy's own applyfunc cannot be declared on a 1×1 matrix.
    """
    return [
        pytest.param(case, shape, id=f"{case}, {shape}", marks=[pytest.mark.slow] * (shape in slow))
        for case in CASES
        for shape in ((*quick, *slow) if not case.startswith("sg.") else (quick[0], "1,1,1"))
        if not (case.startswith("applyfunc") and shape == "1,1,1")
        if not (case == "sparsemax" and SHAPES[shape][0][1] == 1)  # it is 1 then
        if not (case.endswith("of rows") and 1 in SHAPES[shape][0][1:])  # no matrix then
    ]


QUICK = ("2,3,2", "symbolic bound to 1", "1,1,1")
SLOW = tuple(shape for shape in SHAPES if shape not in QUICK)


@pytest.mark.parametrize(("case", "shape"), instances(QUICK, SLOW))
def test_gradient(case: str, shape: str) -> None:
    loss, wrt, net, e = declared(case, shape)
    check_gradient(loss, [wrt], net, e.all, seed=len(case))


@pytest.mark.parametrize(("case", "shape"), instances(("2,3,2",), ("symbolic", "1,1,1")))
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
        if row.__name__ in ("IndexedBase", "MatrixSlice"):  # tested with index notation
            continue
        assert any(issubclass(kind, row) for kind in kinds), f"no case has a {row.__name__}"
    called = (
        *(f for f in activations.ELEMENTWISE if f is not sg.identity),
        *functions.REDUCTIONS,
        *losses.LOSSES,
        *matrix_functions.MATRIX_FUNCTIONS,
        *(sg.softmax, sg.sparsemax, sg.onehot, sg.maximum, sg.minimum, sg.prelu),
    )
    refused = {"step", "sign", "zero_one_loss"}
    for f in called:
        assert f.__name__ in heads | refused, f"no case calls sg.{f.__name__}"
