"""The operations of a scalar body, in floats and in exact numbers: two tables of the same rows.

Why it exists: `bodies` compiles an expression once, to run over either. In floats an operation is
on whole arrays; in exact numbers it is on one number, and only the branch of a Piecewise that is
taken is computed. What SymPy's functions are by exponentials, roots and logarithms is said here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from scipy import special

from symgrad.verification.number import Exact, NoRoot, Number, OutsideDomain


class Arithmetic(NamedTuple):
    """The operations of a body. ``functions`` are by the name of SymPy's class."""

    constant: Callable[[sp.Expr], Any]
    power: Callable[[Any, Fraction], Any]
    to_power_of: Callable[[Any, Any], Any]
    functions: dict[str, Callable[..., Any]]
    choose: Callable[[Sequence[tuple[Callable[[], Any], Callable[[], Any]]]], Any]
    compare: Callable[[Any, str, Any], Any]
    both: Callable[[Sequence[Any]], Any]
    either: Callable[[Sequence[Any]], Any]
    opposite: Callable[[Any], Any]


# --------------------------------------------------------------------------------------- floats


def _float_choice(branches: Sequence[tuple[Callable[[], Any], Callable[[], Any]]]) -> Any:
    *others, last = branches
    result = last[1]()
    for condition, value in reversed(others):
        result = np.where(condition(), value(), result)
    return result


_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    ">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal,
    "==": np.equal, "!=": np.not_equal,
}  # fmt: skip


def _heaviside(x: Any, half: Any = 0.5) -> Any:
    return np.heaviside(x, half)


FLOAT_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": np.exp, "log": np.log, "tanh": np.tanh, "sinh": np.sinh, "cosh": np.cosh,
    "coth": lambda x: 1 / np.tanh(x), "sech": lambda x: 1 / np.cosh(x),
    "csch": lambda x: 1 / np.sinh(x),
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "cot": lambda x: 1 / np.tan(x),
    "sec": lambda x: 1 / np.cos(x), "csc": lambda x: 1 / np.sin(x),
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
    "erf": special.erf, "erfc": special.erfc,
    "Abs": np.abs, "sign": np.sign, "Heaviside": _heaviside,
    "Max": lambda *x: _folded(np.maximum, x), "Min": lambda *x: _folded(np.minimum, x),
}  # fmt: skip


def _folded(f: Callable[[Any, Any], Any], operands: Sequence[Any]) -> Any:
    result = operands[0]
    for x in operands[1:]:
        result = f(result, x)
    return result


@lru_cache(maxsize=4096)
def _float(value: sp.Expr) -> float:
    return float(value)


FLOATS = Arithmetic(
    constant=_float,
    power=lambda x, n: (
        x ** (n.numerator if n.denominator == 1 else float(n))
        if n > 0
        else 1 / x ** (-n.numerator if n.denominator == 1 else -float(n))
    ),
    to_power_of=lambda x, s: x**s,
    functions=FLOAT_FUNCTIONS,
    choose=_float_choice,
    compare=lambda x, sign, y: _COMPARISONS[sign](x, y),
    both=lambda parts: _folded(np.logical_and, parts),
    either=lambda parts: _folded(np.logical_or, parts),
    opposite=np.logical_not,
)


# ------------------------------------------------------------------------------- exact numbers


def _exact_choice(branches: Sequence[tuple[Callable[[], Any], Callable[[], Any]]]) -> Number:
    for condition, value in branches:
        if condition():
            found: Number = value()
            return found
    raise OutsideDomain("no branch of a piecewise function is taken")


def _exact_compare(x: Number, relation: str, y: Number) -> bool:
    sign = (x - y).sign()
    return {
        ">": sign > 0, ">=": sign >= 0, "<": sign < 0, "<=": sign <= 0, "==": sign == 0,
        "!=": sign != 0,
    }[relation]  # fmt: skip


def _two(x: Number) -> Number:
    return x.field.rational(2)


def _one(x: Number) -> Number:
    return x.field.rational(1)


def _sinh(x: Number) -> Number:
    e = x.exp()
    return Number(x.ball.sinh(), ((e - e.inverse()) / _two(x)).residues, x.field)


def _cosh(x: Number) -> Number:
    e = x.exp()
    return Number(x.ball.cosh(), ((e + e.inverse()) / _two(x)).residues, x.field)


def _tanh(x: Number) -> Number:
    e = (x + x).exp()
    one = _one(x)
    return Number(x.ball.tanh(), ((e - one) / (e + one)).residues, x.field)


def _tan(x: Number) -> Number:
    cos, sin = x.cos_sin()
    return sin / cos


def _erf(x: Number) -> Number:
    return x.opaque("erf", x.ball.erf(), odd=True)


def _odd(name: str) -> Callable[[Number], Number]:
    return lambda x: x.opaque(name, getattr(x.ball, name)(), odd=True)


def _acos(x: Number) -> Number:
    """π/2 − asin x."""
    residues = (x.field.constant(sp.pi) / _two(x) - _asin(x)).residues
    return Number(x.ball.acos(), residues, x.field)


_asin = _odd("asin")


def _asinh(x: Number) -> Number:
    """log(x + √(x² + 1))."""
    if x.sign() < 0:
        return -_asinh(-x)
    return _by_logarithm(x, "asinh", lambda: x + (x * x + _one(x)).root(2))


def _acosh(x: Number) -> Number:
    """log(x + √(x² − 1))."""
    if (x - _one(x)).sign() < 0:
        raise OutsideDomain("the inverse of cosh is taken of a value below 1")
    return _by_logarithm(x, "acosh", lambda: x + (x * x - _one(x)).root(2))


def _atanh(x: Number) -> Number:
    """½ log((1 + x)/(1 − x))."""
    one = _one(x)
    residues = (((one + x) / (one - x)).log() / _two(x)).residues
    return Number(x.ball.atanh(), residues, x.field)


def _by_logarithm(x: Number, name: str, argument: Callable[[], Number]) -> Number:
    """A logarithm; where its argument has no root here, a function nothing more is known of."""
    ball = getattr(x.ball, name)()
    try:
        return Number(ball, argument().log().residues, x.field)
    except NoRoot:
        return x.opaque(name, ball)


def _absolute(x: Number) -> Number:
    return -x if x.sign() < 0 else x


def _heaviside_of(x: Number, half: Number | None = None) -> Number:
    sign = x.sign()
    if sign == 0:
        return half if half is not None else x.field.rational(Fraction(1, 2))
    return x.field.rational(int(sign > 0))


def _largest(*x: Number) -> Number:
    return _folded(lambda a, b: a if (a - b).sign() >= 0 else b, x)  # type: ignore[no-any-return]


def _smallest(*x: Number) -> Number:
    return _folded(lambda a, b: a if (a - b).sign() <= 0 else b, x)  # type: ignore[no-any-return]


EXACT_FUNCTIONS: dict[str, Callable[..., Number]] = {
    "exp": Number.exp,
    "log": Number.log,
    "sinh": _sinh,
    "cosh": _cosh,
    "tanh": _tanh,
    "coth": lambda x: _tanh(x).inverse(),
    "sech": lambda x: _cosh(x).inverse(),
    "csch": lambda x: _sinh(x).inverse(),
    "sin": lambda x: x.cos_sin()[1],
    "cos": lambda x: x.cos_sin()[0],
    "tan": _tan,
    "cot": lambda x: _tan(x).inverse(),
    "sec": lambda x: x.cos_sin()[0].inverse(),
    "csc": lambda x: x.cos_sin()[1].inverse(),
    "asin": _asin,
    "acos": _acos,
    "atan": _odd("atan"),
    "asinh": _asinh,
    "acosh": _acosh,
    "atanh": _atanh,
    "erf": _erf,
    "erfc": lambda x: _one(x) - _erf(x),
    "Abs": _absolute,
    "sign": lambda x: x.field.rational(x.sign()),
    "Heaviside": _heaviside_of,
    "Max": _largest,
    "Min": _smallest,
}
"""SymPy's functions of exact numbers; symgrad's own are defined by them."""

TURNING = frozenset({"sin", "cos", "tan", "cot", "sec", "csc"})
"""Functions that need the tower `field.CIRCULAR`."""

RAISING = frozenset({"exp", "sinh", "cosh", "tanh", "coth", "sech", "csch", *TURNING})
"""Functions that use a level of the tower up."""


def arithmetic_of(field: Exact) -> Arithmetic:
    """The arithmetic of a body over the numbers of ``field``."""
    return Arithmetic(
        constant=lru_cache(maxsize=None)(field.constant),
        power=Number.power,
        to_power_of=Number.to_power_of,
        functions=EXACT_FUNCTIONS,
        choose=_exact_choice,
        compare=_exact_compare,
        both=all,
        either=any,
        opposite=lambda x: not x,
    )
