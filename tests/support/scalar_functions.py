"""What each scalar function of the vocabulary means, by its textbook definition and its name.

A row takes the field of numbers (`oracle.Numbers`) and the arguments. In complex numbers a function
with a kink takes the side that the real part is on, which is what a complex step differentiates.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

Row = Callable[..., Any]


def _elementary(numpy_function: Any, exact: Any) -> Row:
    return lambda n, x: exact(x) if n.dtype is object else numpy_function(x)


def _reciprocal(row: Row) -> Row:
    return lambda n, x: 1 / row(n, x)


def _of_reciprocal(row: Row) -> Row:
    return lambda n, x: row(n, 1 / x)


def _by_real_axis(value: Callable[[float], float], slope: Any, exact: Any) -> Row:
    """An analytic function that NumPy lacks in complex numbers, to first order off the axis."""

    def row(n: Any, x: Any) -> Any:
        if n.dtype is object:
            return exact(x)
        real = float(n.real(x))
        return n.number(value(real)) + (x - n.number(real)) * slope(real)

    return row


def _gauss(t: float) -> float:
    return 2 / math.sqrt(math.pi) * math.exp(-t * t)


def _pdf(t: float) -> float:
    return math.exp(-t * t / 2) / math.sqrt(2 * math.pi)


_erf = _by_real_axis(math.erf, _gauss, mpmath.erf)
_erfc = _by_real_axis(math.erfc, lambda t: -_gauss(t), mpmath.erfc)
_cdf = _by_real_axis(lambda t: math.erfc(-t / math.sqrt(2)) / 2, _pdf, mpmath.ncdf)
_normal = _by_real_axis(_pdf, lambda t: -t * _pdf(t), mpmath.npdf)

_tan, _cos, _sin = (_elementary(getattr(np, f), getattr(mpmath, f)) for f in ("tan", "cos", "sin"))
_sinh, _cosh = (_elementary(getattr(np, f), getattr(mpmath, f)) for f in ("sinh", "cosh"))
_asin, _acos, _atan, _asinh, _acosh, _atanh = (
    _elementary(getattr(np, f"arc{f}"), getattr(mpmath, f"a{f}"))
    for f in ("sin", "cos", "tan", "sinh", "cosh", "tanh")
)


def _sign(n: Any, x: Any) -> Any:
    return n.number(int(n.real(x) > 0) - int(n.real(x) < 0))


def _sigmoid(n: Any, x: Any) -> Any:
    return 1 / (1 + n.exp(-x)) if n.real(x) >= 0 else n.exp(x) / (1 + n.exp(x))


def _expm1(n: Any, x: Any) -> Any:
    return mpmath.expm1(x) if n.dtype is object else np.expm1(x)


def _elu(n: Any, x: Any, alpha: Any = 1) -> Any:
    return x if n.real(x) > 0 else alpha * _expm1(n, x)


def _leaky(n: Any, x: Any, slope: Any = None) -> Any:
    return x if n.real(x) > 0 else x * (n.number(1) / 100 if slope is None else slope)


def _larger(n: Any, a: Any, b: Any) -> Any:
    if n.real(a) == n.real(b):
        return (a + b) / 2
    return a if n.real(a) > n.real(b) else b


def _smaller(n: Any, a: Any, b: Any) -> Any:
    return -_larger(n, -a, -b)


def _exceeds(n: Any, a: Any, b: Any) -> Any:
    return (1 + _sign(n, a - b)) / 2


def _softplus(n: Any, x: Any, beta: Any = 1) -> Any:
    x = beta * x
    return (x + n.log(1 + n.exp(-x)) if n.real(x) > 0 else n.log(1 + n.exp(x))) / beta


ROWS: dict[str, Row] = {
    "identity": lambda n, x: x,
    "tan": _tan,
    "cot": _reciprocal(_tan),
    "sec": _reciprocal(_cos),
    "csc": _reciprocal(_sin),
    "asin": _asin,
    "acos": _acos,
    "atan": _atan,
    "acot": _of_reciprocal(_atan),
    "asec": _of_reciprocal(_acos),
    "acsc": _of_reciprocal(_asin),
    "sinh": _sinh,
    "cosh": _cosh,
    "sech": _reciprocal(_cosh),
    "csch": _reciprocal(_sinh),
    "coth": lambda n, x: _cosh(n, x) / _sinh(n, x),
    "asinh": _asinh,
    "acosh": _acosh,
    "atanh": _atanh,
    "acoth": _of_reciprocal(_atanh),
    "asech": _of_reciprocal(_acosh),
    "acsch": _of_reciprocal(_asinh),
    "erf": _erf,
    "erfc": _erfc,
    "normal_cdf": _cdf,
    "normal_pdf": _normal,
    "gelu": lambda n, x: x * _cdf(n, x),
    "swish": lambda n, x, beta=1: x * _sigmoid(n, beta * x),
    "softplus": _softplus,
    "elu": _elu,
    "leaky_relu": _leaky,
    "prelu": _leaky,
    "maximum": _larger,
    "minimum": _smaller,
    "exceeds": _exceeds,
    "hard_step": lambda n, x: n.number(int(n.real(x) > 0)),
    "step": lambda n, x: n.number(int(n.real(x) > 0)),
    "hard_sign": _sign,
    "sign": _sign,
    "zero_one": lambda n, x: n.number(int(n.real(x) < 0)),
    "root": lambda n, x: n.sqrt(x),
    "inverse_or_zero": lambda n, x: n.number(0) if x == 0 else 1 / x,
    "xlogx": lambda n, x: n.number(0) if x == 0 else x * n.log(x),
    "Heaviside": lambda n, x, half: n.number(int(n.real(x) > 0)) if n.real(x) != 0 else half,
    "Max": lambda n, *xs: max(xs, key=n.real),
    "Min": lambda n, *xs: min(xs, key=n.real),
    "sinc": lambda n, x: n.number(1) if x == 0 else n.sin(x) / x,
    "atan2": lambda n, y, x: mpmath.atan2(y, x) if n.dtype is object else _atan2(y, x),
}
"""Scalar functions by name, beside those of `oracle.SCALAR`."""


def _atan2(y: Any, x: Any) -> Any:
    """Of complex numbers with a tiny imaginary part, in the right half-plane."""
    return np.arctan(y / x)
