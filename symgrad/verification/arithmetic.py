"""The operations of a scalar body, in floats and in exact numbers: two tables of the same rows.

Why it exists: `bodies` compiles an expression once, to run over either. In floats an operation is
on whole arrays; in exact numbers it is on one number, and only the branch of a Piecewise that is
taken is computed. What SymPy's functions are by exponentials, roots and logarithms is said here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

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
    if not x.field.formal and (x - _one(x)).sign() < 0:
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


def arithmetic_of(field: Exact, free: bool = False) -> Arithmetic:
    """The arithmetic of a body over the numbers of ``field``, with `FREE_FUNCTIONS` if ``free``."""
    exact = Arithmetic(
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
    if not free:
        return exact
    return exact._replace(
        functions=FREE_FUNCTIONS,
        choose=_free_choice,
        compare=_free_compare,
        both=lambda parts: _folded(_free_and, parts),
        either=lambda parts: _free_not(_folded(_free_and, [_free_not(x) for x in parts])),
        opposite=_free_not,
    )


# ------------------------------------------------------------------------------- free branches

Truth: TypeAlias = "Number | bool"
"""Whether a condition holds: a number that may be any, or certain."""


def _free_step(x: Number, at_zero: int) -> Number:
    """1[x > 0], or 1[x ≥ 0], as a number that may be any, which x chooses.

    1[−x > 0] is 1 − 1[x > 0], unless x may be 0 on a region, then it is 1 − 1[x ≥ 0].
    """
    if at_zero and x.field.strict:
        return _one(x) - _free_step(-x, 0)
    field = x.field
    sign = x.sign()
    if sign == 0 or x.residues[0] in field.signs:
        return field.rational(at_zero if sign == 0 else int(sign > 0))
    if x.residues[0] in field.steps:
        return field.steps[x.residues[0]]
    upwards = x if sign > 0 or field.strict else -x
    chosen = field.opaque(x.ball, "switch", upwards.residues[0], levels=len(x.residues))
    return chosen if upwards is x else _one(x) - chosen


def _free_compare(x: Number, relation: str, y: Number) -> Truth:
    if relation in ("==", "!="):
        return ((x - y).sign() == 0) == (relation == "==")
    difference = x - y if relation[0] == ">" else y - x
    return _free_step(difference, int(relation.endswith("=")))


def _free_and(x: Truth, y: Truth) -> Truth:
    if isinstance(x, Number) and isinstance(y, Number):
        return x * y
    return (y if x else False) if isinstance(x, bool) else (x if y else False)


def _free_not(x: Truth) -> Truth:
    return _one(x) - x if isinstance(x, Number) else not x


def _free_choice(branches: Sequence[tuple[Callable[[], Any], Callable[[], Any]]]) -> Number:
    """c·u + (1 − c)·v for "u where c, else v"."""
    (condition, value), *others = branches
    c = condition()
    if isinstance(c, bool):
        if c:
            found: Number = value()
            return found
        if not others:
            raise OutsideDomain("no branch of a piecewise function is taken")
        return _free_choice(others)
    if not others:
        raise OutsideDomain("the last branch of a piecewise function is not always taken")
    rest = _free_choice(others)
    chosen = value()
    result: Number = rest + c * (chosen - rest)
    if not any(rest.residues) and _free_step(chosen, 0).residues == c.residues:
        c.field.has_step(result, c)  # 1[relu(z) > 0] is 1[z > 0]
    return result


def _free_sign(x: Number) -> Number:
    return _free_step(x, 0) - _free_step(-x, 0)


def _free_heaviside(x: Number, half: Number | None = None) -> Number:
    if x.sign() == 0:
        return _heaviside_of(x, half)
    zero = half if half is not None else x.field.rational(Fraction(1, 2))
    up, down = _free_step(x, 0), _free_step(-x, 0)
    return up + (_one(x) - up - down) * zero


FREE_FUNCTIONS: dict[str, Callable[..., Number]] = {
    **EXACT_FUNCTIONS,
    "Abs": lambda x: x * _free_sign(x),
    "sign": _free_sign,
    "Heaviside": _free_heaviside,
    "Max": lambda *x: _folded(lambda a, b: b + (a - b) * _free_step(a - b, 1), x),
    "Min": lambda *x: _folded(lambda a, b: a + (b - a) * _free_step(a - b, 1), x),
}
"""`EXACT_FUNCTIONS` where what decides a branch is a number that may be any, of a formal field.

Two formulas that agree so agree on both sides of every switch, and in every combination of sides.
What holds only because 1[x > 0] is 0 or 1 is not seen.
"""
