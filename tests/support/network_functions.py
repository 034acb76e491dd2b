"""Rows of `network_rows`: elementwise functions, SymPy's operators, functions of arrays, losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import meanings as m
import numpy as np
import sympy as sp
from autograd.scipy.special import erf, erfc
from network_row import ANY, POSITIVE, PROBABILITY, REGULAR, SIGNS, Array, Domain, Row, gaps, one
from sympy import Piecewise

import symgrad as sg

_z = sp.Symbol("z_", real=True)


# ------------------------------------------------------------------------ elementwise functions

_ELEMENTARY: dict[str, tuple[Callable[[Array], Array], Domain]] = {
    "exp": (anp.exp, Domain(-3, 1.2)),
    "log": (anp.log, POSITIVE),
    "sqrt": (anp.sqrt, POSITIVE),
    "sin": (anp.sin, ANY),
    "cos": (anp.cos, ANY),
    "tan": (anp.tan, Domain(-1.1, 1.1)),
    "cot": (lambda x: 1 / anp.tan(x), Domain(0.4, 2.6)),
    "sec": (lambda x: 1 / anp.cos(x), Domain(-1.1, 1.1)),
    "csc": (lambda x: 1 / anp.sin(x), Domain(0.4, 2.6)),
    "asin": (anp.arcsin, Domain(-0.85, 0.85)),
    "acos": (anp.arccos, Domain(-0.85, 0.85)),
    "atan": (anp.arctan, ANY),
    "sinh": (anp.sinh, Domain(-1.5, 1.5)),
    "cosh": (anp.cosh, Domain(-1.5, 1.5)),
    "tanh": (anp.tanh, ANY),
    "asinh": (anp.arcsinh, ANY),
    "acosh": (anp.arccosh, Domain(1.3, 4)),
    "atanh": (anp.arctanh, Domain(-0.8, 0.8)),
    "erf": (erf, ANY),
    "erfc": (erfc, ANY),
    "identity": (one, ANY),
    "sigmoid": (m.sigmoid, ANY),
    "softplus": (m.softplus, ANY),
    "swish": (lambda x: x * m.sigmoid(x), ANY),
    "gelu": (lambda x: x * (1 + erf(x / 2**0.5)) / 2, ANY),
}

_KINKED: dict[str, Callable[[Array], Array]] = {
    "abs": anp.abs,
    "relu": m.relu,
    "leaky_relu": lambda x: anp.where(x > 0, x, 0.01 * x),
    "elu": m.elu,
}

_JUMPS: dict[str, Callable[[Array], Array]] = {
    "step": lambda x: anp.where(x > 0, 1.0, 0.0),
    "sign": anp.sign,
}

ELEMENTWISE = (
    *(Row(n, "*", getattr(sg, n), f, (d,)) for n, (f, d) in _ELEMENTARY.items()),
    *(Row(n, "*", getattr(sg, n), f, kinks=one) for n, f in _KINKED.items()),
    *(Row(n, "*!", getattr(sg, n), f, kinks=one) for n, f in _JUMPS.items()),
    Row("silu", "*", sg.silu, lambda x: x * m.sigmoid(x)),
    Row("maximum", "* *", sg.maximum, anp.maximum, kinks=lambda a, b: a - b),
    Row("minimum", "* *", sg.minimum, anp.minimum, kinks=lambda a, b: a - b),
    Row("maximum, with a scalar", "* .", sg.maximum, anp.maximum, kinks=lambda a, b: a - b),
    Row(
        "maxout", "* * *", sg.maxout, lambda *xs: anp.maximum(anp.maximum(*xs[:2]), xs[2]),
        kinks=lambda a, b, c: anp.stack([a - b, b - c, a - c]),
    ),
    Row("leaky_relu, slope", "* .", sg.leaky_relu, m.leaky, kinks=lambda x, a: x),
    Row("prelu", "* *", sg.prelu, m.leaky, kinks=lambda x, a: x),
    Row("prelu, one slope", "* .", sg.prelu, m.leaky, kinks=lambda x, a: x),
    Row("elu, alpha", "*", lambda x: sg.elu(x, 0.5), lambda x: m.elu(x, 0.5), kinks=one),
    Row("softplus, beta", "*", lambda x: sg.softplus(x, 2), lambda x: m.softplus(2 * x) / 2),
    Row("swish, beta", "* .", sg.swish, lambda x, b: x * m.sigmoid(b * x)),
    Row("soften", "*^", lambda x: sg.soften(sg.sign(x)), anp.tanh),
    Row("soften, step", "*^", lambda x: sg.soften(sg.step(x)), m.sigmoid),
)  # fmt: skip


# -------------------------------------------------------------- SymPy's own operators, functions


class bent(sp.Function):
    """A function that a user wrote, (t + sin t)/3, with its derivative; nothing is registered."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return (1 + sp.cos(self.args[0])) / 3

    def doit(self, **hints: Any) -> Any:
        return (self.args[0] + sp.sin(self.args[0])) / 3


def _bent(x: Array) -> Array:
    return (x + anp.sin(x)) / 3


def _matrix_power(Q: Array, n: int) -> Array:
    return Q if n == 1 else anp.dot(Q, _matrix_power(Q, n - 1))


OPERATORS = (
    Row("A + B", "nm nm", lambda A, B: A + B, lambda A, B: A + B, covers=()),
    Row("x − y", "n n", lambda x, y: x - 2 * y, lambda x, y: x - 2 * y),
    Row("s·A", "nm .", lambda A, s: s * A, lambda A, s: s * A),
    Row("A·B", "nm mk", lambda A, B: A * B, anp.dot),
    Row("A·x", "nm m", lambda A, x: A * x, anp.dot),
    Row("A·x + b", "nm m n", lambda A, x, b: A * x + b, lambda A, x, b: anp.dot(A, x) + b),
    Row("Aᵀ·x", "nm n", lambda A, x: A.T * x, lambda A, x: anp.dot(A.T, x)),
    Row("A·Bᵀ", "nm km", lambda A, B: A * B.T, lambda A, B: anp.dot(A, B.T)),
    Row("A·B·x", "nm mk k", lambda A, B, x: A * B * x, lambda A, B, x: anp.dot(A, anp.dot(B, x))),
    Row("x·yᵀ", "n m", lambda x, y: x * y.T, anp.outer),
    Row("xᵀ", "n", lambda x: x.T, lambda x: x[None, :]),
    Row("A ⊙ B", "nm nm", sp.hadamard_product, lambda A, B: A * B),
    Row("x ⊙ x", "n", lambda x: sp.hadamard_product(x, x), lambda x: x * x),
    Row("x^∘3", "n", lambda x: sp.HadamardPower(x, 3), lambda x: x**3),
    Row(
        "A^∘(1/2)", "nm", lambda A: sp.HadamardPower(A, sp.Rational(1, 2)), anp.sqrt, (POSITIVE,)
    ),
    Row(
        "applyfunc", "nm", lambda A: A.applyfunc(sp.Lambda(_z, sp.sin(_z) / (1 + _z**2))),
        lambda A: anp.sin(A) / (1 + A**2),
    ),
    Row("Trace", "nn", sp.Trace, anp.trace),
    Row("Determinant", "nn", sp.Determinant, m.det, (REGULAR,)),
    Row("Q⁻¹·x", "nn n", lambda Q, x: Q**-1 * x, anp.linalg.solve, (REGULAR, ANY)),
    Row("Inverse", "nn", sp.Inverse, m.inverse, (REGULAR,)),
    Row("Q³", "nn", lambda Q: Q**3, lambda Q: _matrix_power(Q, 3)),
    Row("DiagMatrix", "n", sp.DiagMatrix, lambda x: x[:, None] * np.eye(len(x))),
    Row("DiagonalOf", "nn", lambda Q: sp.diagonalize_vector(sp.DiagonalOf(Q)),
        lambda Q: anp.diag(Q)[:, None] * np.eye(len(Q))),
    Row("Identity", "nn", lambda Q: Q.T + sp.Identity(Q.shape[0]) / 3,
        lambda Q: Q.T + np.eye(len(Q)) / 3),
    Row("OneMatrix", "nm k", lambda A, x: A * sp.OneMatrix(A.shape[1], 1) * x.T,
        lambda A, x: anp.outer(anp.sum(A, axis=1), x)),
    Row("entry", "nm", lambda A: A[1, 0] * A[0, 0], lambda A: A[1, 0] * A[0, 0], least={"n": 2}),
    Row("slice", "nm", lambda A: A[1:3, :], lambda A: A[1:3, :], sizes={"n": (3, 4)}),
    Row("s·t", ". .", lambda s, t: s * t, lambda s, t: s * t),
    Row("s/t", ". .", lambda s, t: s / t, lambda s, t: s / t, (ANY, POSITIVE)),
    Row("s^t", ". .", lambda s, t: s**t, lambda s, t: s**t, (POSITIVE, ANY)),
    Row("s² + t³", ". .", lambda s, t: s**2 + t**3 / 3, lambda s, t: s**2 + t**3 / 3),
    Row("s⁷", ".", lambda s: sp.tanh(s) ** 7, lambda s: anp.tanh(s) ** 7),
    Row("aˢ", ".", lambda s: 2**s, lambda s: 2**s),
    Row("Abs", ".", sp.Abs, anp.abs, kinks=one),
    Row("Max", ". .", lambda s, t: sp.Max(0, s, t), lambda s, t: anp.maximum(m.relu(s), t),
        kinks=lambda s, t: anp.stack([s, t, s - t])),
    Row("Min", ". .", sp.Min, anp.minimum, kinks=lambda s, t: s - t),
    Row(
        "Piecewise", ". .",
        lambda s, t: Piecewise((s**2, s > t), (sp.exp(t), s < -2), (s * t, True)),
        lambda s, t: anp.where(s > t, s**2, anp.where(s < -2, anp.exp(t), s * t)),
        (ANY, Domain(-3, 1.2)), kinks=lambda s, t: anp.stack([s - t, s + 2]),
    ),
    Row("Heaviside", ". .!", lambda s, t: s * sp.Heaviside(t), lambda s, t: s * (t > 0),
        kinks=lambda s, t: t),
    Row("atan2", ". .", sp.atan2, lambda s, t: anp.arctan(s / t), (ANY, POSITIVE)),
    Row("sinc", ".", sp.sinc, lambda s: anp.sin(s) / s, kinks=one),
    Row("Function with fdiff", ".", bent, _bent),
    Row("Function with fdiff, applied", "nm", lambda A: A.applyfunc(bent), _bent),
    Row("1/(1 + exp(−s))", ".", lambda s: 1 / (1 + sp.exp(-s)), m.sigmoid),
    Row("(1 + tanh(s/2))/2", ".", lambda s: (1 + sp.tanh(s / 2)) / 2, m.sigmoid),
    Row("log(1 + exp(s))", ".", lambda s: sp.log(1 + sp.exp(s)), m.softplus),
    Row("log(1 − σ)", ".", lambda s: sp.log(1 - sg.sigmoid(s)), lambda s: -m.softplus(s)),
)  # fmt: skip


# ------------------------------------------------------------------------ functions of arrays


REDUCTIONS = (
    Row("sum", "*", sg.sum, anp.sum),
    Row("dot", "@ @", sg.dot, lambda a, b: anp.sum(a * b)),
    Row("dot, of arrays", "tnm tnm", sg.dot, lambda a, b: anp.sum(a * b)),
    Row("logsumexp", "n", sg.logsumexp, lambda z: m.logsumexp(z, -1)),
    Row("logsumexp, rows", "nm", lambda z: sg.logsumexp(z, rows=True),
        lambda z: m.logsumexp(z, -1), least={"m": 2}),
    Row("logsumexp, rows of an array", "tnm", lambda z: sg.logsumexp(z, rows=True),
        lambda z: m.logsumexp(z, -1)),
    Row("max", "*", sg.max, anp.max, kinks=gaps),
    Row("min", "*", sg.min, anp.min, kinks=gaps),
    Row("max, rows", "nm", lambda x: sg.max(x, rows=True), lambda x: anp.max(x, axis=1),
        kinks=gaps, least={"m": 2}),
    Row("min, rows", "nm", lambda x: sg.min(x, rows=True), lambda x: anp.min(x, axis=1),
        kinks=gaps, least={"m": 2}),
    Row("argmax", "n!", sg.argmax, lambda x: 1.0 * np.argmax(x), kinks=gaps),
    Row("softmax", "n", sg.softmax, m.softmax),
    Row("softmax, temperature", "n", lambda z: sg.softmax(z, temperature=2),
        lambda z: m.softmax(z / 2)),
    Row("softmax, rows", "nm", lambda z: sg.softmax(z, rows=True), m.softmax,
        least={"m": 2}),
    Row("softmax, rows of an array", "tnmk", lambda z: sg.softmax(z, rows=True), m.softmax),
    Row("sparsemax", "n", sg.sparsemax, m.sparsemax, kinks=m.support_gaps),
    Row("onehot", "n #n", lambda x, c: sp.hadamard_product(x, sg.onehot(c, x.shape[0])),
        lambda x, c: x * (np.arange(len(x)) == c)),
    Row("norm", "@", sg.norm, lambda x: anp.sqrt(anp.sum(x**2)), kinks=lambda x: anp.sum(x**2)),
    Row("norm, 1", "n", lambda x: sg.norm(x, 1), lambda x: anp.sum(anp.abs(x)), kinks=one),
    Row("norm, oo", "n", lambda x: sg.norm(x, sp.oo), lambda x: anp.max(anp.abs(x)),
        kinks=lambda x: np.append(gaps(abs(x)), x)),
    Row("trace", "nn", sg.trace, anp.trace),
    Row("trace, of a product", "nm mn", lambda A, B: sg.trace(A * B),
        lambda A, B: anp.trace(anp.dot(A, B))),
    Row("det", "nn", sg.det, m.det, (REGULAR,)),
    Row("logdet", "nn", sg.logdet, lambda Q: anp.log(anp.abs(m.det(Q))), (REGULAR,)),
    Row("inverse", "nn", sg.inverse, m.inverse, (REGULAR,)),
    Row("solve", "nn n", sg.solve, anp.linalg.solve, (REGULAR, ANY)),
    Row("solve, many", "nn nm", sg.solve, anp.linalg.solve, (REGULAR, ANY)),
    Row("logdet, of a Gram matrix", "nm",
        lambda A: sg.logdet(A * A.T + sp.Identity(A.shape[0])),
        lambda A: anp.log(m.det(anp.dot(A, A.T) + np.eye(len(A))))),
)  # fmt: skip


# ------------------------------------------------------------------------------------- losses


def total(term: Callable[..., Array]) -> Callable[..., Array]:
    return lambda *xs: anp.sum(term(*xs))


def _cross(p: Array, y: Array) -> Array:
    return -anp.sum(y * anp.log(p))


_hinge = total(lambda x: m.relu(1 - x))

LOSSES = (
    Row("squared_error", "@ @", sg.squared_error, total(lambda f, y: (f - y) ** 2 / 2)),
    Row("squared_error, scalars", ". .", sg.squared_error, total(lambda f, y: (f - y) ** 2 / 2)),
    Row("mean_squared_error", "@ @", sg.mean_squared_error, lambda f, y: anp.mean((f - y) ** 2)),
    Row("power_error", "* *", sg.power_error, total(lambda s, y: (s - y) ** 2)),
    Row("power_error, 1.5", "* *", lambda s, y: sg.power_error(s, y, 1.5),
        total(lambda s, y: anp.abs(s - y) ** 1.5), kinks=lambda s, y: s - y),
    Row("power_error, 3", "* *", lambda s, y: sg.power_error(s, y, 3),
        total(lambda s, y: anp.abs(s - y) ** 3), kinks=lambda s, y: s - y),
    Row("cross_entropy", "n n=simplex", lambda z, y: sg.cross_entropy(sg.softmax(z), y),
        lambda z, y: _cross(m.softmax(z), y)),
    Row("cross_entropy, positive p", "n n", sg.cross_entropy, _cross, (POSITIVE, ANY)),
    Row("cross_entropy, label", "n #n", lambda z, c: sg.cross_entropy(sg.softmax(z), c),
        lambda z, c: -anp.log(m.softmax(z)[c])),
    Row("entropy", "*", sg.entropy, lambda p: _cross(p, p), (POSITIVE,)),
    Row("entropy, of softmax", "n", lambda z: sg.entropy(sg.softmax(z)),
        lambda z: _cross(m.softmax(z), m.softmax(z))),
    Row("kl_divergence", "* *", sg.kl_divergence, total(lambda p, q: p * anp.log(p / q)),
        (POSITIVE, POSITIVE)),
    Row("binary_cross_entropy", "* *", sg.binary_cross_entropy, total(m.binary),
        (PROBABILITY, ANY)),
    Row("binary_cross_entropy, of σ", "* *",
        lambda z, y: sg.binary_cross_entropy(sg.sigmoid(z), y),
        total(lambda z, y: m.binary(m.sigmoid(z), y))),
    Row("logistic_loss", "* *", sg.logistic_loss, total(lambda s, y: m.softplus(s) - y * s)),
    Row("logistic_margin", "*", sg.logistic_margin, total(lambda x: m.softplus(-x))),
    Row("hinge", "*", sg.hinge, _hinge, kinks=lambda x: 1 - x),
    Row("squared_margin", "*", sg.squared_margin, total(lambda x: (1 - x) ** 2)),
    Row("multiclass_hinge", "n #n", sg.multiclass_hinge, m.hinges,
        kinks=lambda s, c: s - s[c] + 1),
    Row("multiclass_hinge, delta", "n #n", lambda s, c: sg.multiclass_hinge(s, c, 0.5),
        lambda s, c: m.hinges(s, c, 0.5), kinks=lambda s, c: s - s[c] + 0.5),
    Row("multilabel_hinge", "* *!", sg.multilabel_hinge, lambda s, y: _hinge(s * y),
        (ANY, SIGNS), kinks=lambda s, y: 1 - s * y),
    Row("multilabel_logistic", "* *", sg.multilabel_logistic,
        total(lambda s, y: m.softplus(s) - y * s)),
    Row("sparsemax_loss", "n n=simplex", sg.sparsemax_loss, m.sparsemax_loss,
        kinks=lambda z, y: m.support_gaps(z)),
    Row("sparsemax_loss, label", "n #n", sg.sparsemax_loss,
        lambda z, c: m.sparsemax_loss(z, 1.0 * (np.arange(len(z)) == c)),
        kinks=lambda z, c: m.support_gaps(z)),
    Row("zero_one_loss", "n! #n", sg.zero_one_loss, lambda s, c: 1.0 * (np.argmax(s) != c),
        kinks=lambda s, c: gaps(s)),
    Row("zero_one_loss, margin", "*!", sg.zero_one_loss, lambda x: 1.0 * np.sum(x < 0), kinks=one),
    Row("soften, zero_one_loss", "*^", lambda x: sg.soften(sg.zero_one_loss(x)),
        total(lambda x: m.sigmoid(-x))),
    Row("l1", "*", sg.l1, total(anp.abs), kinks=one),
    Row("l2", "*", sg.l2, total(lambda w: w**2 / 2)),
)  # fmt: skip
