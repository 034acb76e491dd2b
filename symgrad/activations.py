"""Activations: what a unit of a network may compute of its weighted input.

Every function is elementwise, on scalars, vectors and matrices, except `maxout`, which takes the
largest of several pieces, and `sparsemax`, which takes a vector. Values and derivatives are those
of `vocabulary`, whose docstring states the convention at a kink.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import sympy as sp

from symgrad import functions as f
from symgrad import vocabulary as v
from symgrad.errors import DeclarationError
from symgrad.symbols import MatrixCall

_t, _u = sp.Dummy("t", real=True), sp.Dummy("u", real=True)


def identity(x: Any) -> Any:
    """x itself, the activation of a linear unit; its derivative is 1."""
    return f.as_expression(x)


def sigmoid(x: Any) -> Any:
    """The logistic function 1/(1 + e⁻ˣ); σ′ = σ(1 − σ)."""
    return f.pointwise(sigmoid, v.sigmoid(_t), {_t: x})


def relu(x: Any) -> Any:
    """max(0, x); relu′(x) = 1[x > 0], which is 0 at the kink, as in PyTorch."""
    return f.pointwise(relu, v.relu(_t), {_t: x})


def leaky_relu(x: Any, slope: Any = 0.01) -> Any:
    """x where x > 0, else slope·x; at the kink the derivative is the slope, as in PyTorch.

    The slope is a number or a scalar symbol, which may be differentiated by (Maas et al., 2013).
    """
    return f.pointwise(
        leaky_relu, v.leaky_relu(_t, _u), {_t: x, _u: f.number(slope)}, f.number(0.01)
    )


def prelu(x: Any, a: Any) -> Any:
    """x where x > 0, else a·x, the slope a being trained: ∂/∂a is x where x ≤ 0, else 0.

    ``a`` is a scalar symbol, or an array of x's shape: one slope a unit (He et al., 2015).
    """
    return f.pointwise(prelu, v.leaky_relu(_t, _u), {_t: x, _u: a})


def elu(x: Any, alpha: Any = 1) -> Any:
    """x where x > 0, else α(eˣ − 1); there the derivative is h + α (Clevert et al., 2015).

    At 0 it is α, as in PyTorch.
    """
    return f.pointwise(elu, v.elu(_t, _u), {_t: x, _u: f.number(alpha)}, 1)


def softplus(x: Any, beta: Any = 1) -> Any:
    """log(1 + e^(βx))/β, which approaches relu as β grows; softplus′(x) = σ(βx)."""
    return f.pointwise(softplus, v.softplus(_u * _t) / _u, {_t: x, _u: f.number(beta)}, 1)


def swish(x: Any, beta: Any = 1) -> Any:
    """h = x·σ(βx), also called SiLU; for β = 1 its derivative is h + σ(x)(1 − h).

    β is a number or a scalar symbol, which may be trained (Ramachandran et al., 2017).
    """
    beta = f.number(beta)
    body = v.swish(_t) if beta == 1 else _t * v.sigmoid(_u * _t)
    return f.pointwise(swish, body, {_t: x, _u: beta}, 1)


silu = swish
"""PyTorch's name for `swish`."""


def gelu(x: Any) -> Any:
    """x·Φ(x), exact; gelu′(x) = Φ(x) + x·φ(x), of the normal distribution (Hendrycks, 2016)."""
    return f.pointwise(gelu, v.gelu(_t), {_t: x})


def maxout(*pieces: Any) -> Any:
    """The largest of several arrays of one shape, elementwise (Goodfellow et al., 2013).

    Where two pieces tie, each has half of the derivative.
    """
    if not pieces:
        raise DeclarationError("maxout was given no pieces; expected at least one array.")
    return reduce(f.maximum, map(f.as_expression, pieces))


def sparsemax(z: Any) -> Any:
    """The probability vector nearest to z: relu(z − τ), τ such that it sums to 1.

    On its support S the Jacobian is diag(s) − s·sᵀ/|S| (Martins and Astudillo, 2016).
    """
    z, node = f.vector(z, "sparsemax")
    return MatrixCall(sparsemax, (z,), f.sparsemax_node(node), z.shape)


def step(x: Any) -> Any:
    """1[x > 0], the unit step, forward only: differentiating it is refused; train with sigmoid."""
    return f.pointwise(step, v.hard_step(_t), {_t: x})


def sign(x: Any) -> Any:
    """The sign of x, 0 at 0, forward only: differentiating it is refused; train with tanh."""
    return f.pointwise(sign, v.hard_sign(_t), {_t: x})


ACTIVATIONS: tuple[Callable[..., Any], ...] = (
    *(identity, sigmoid, relu, leaky_relu, elu, softplus, swish, gelu, step, sign),
)
"""Every elementwise activation that can be called with one argument."""

ELEMENTWISE: tuple[Callable[..., Any], ...] = (*f.ELEMENTARY, *ACTIVATIONS)
"""Every elementwise function of one argument: the tests and the printers walk this table."""
