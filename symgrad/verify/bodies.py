"""Scalar SymPy expressions over floats and over exact numbers.

Why it exists: the body of a map is one scalar expression, and verification evaluates it thousands
of times, in NumPy floats to try a guess and in exact numbers to decide. `compiled` turns a body
into a Python function once; the two arithmetics are two tables of the same operations.

In floats an operation is on whole arrays; in exact numbers it is on one number, and only the
branch of a Piecewise that is taken is computed.

**Functions that nothing is known of**, such as ``Function("f")(z)`` and its f′(z), are a random
polynomial and its derivatives, the same in both arithmetics.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from scipy import special
from sympy.core.function import AppliedUndef

from symgrad.errors import UnsupportedError
from symgrad.graph import slot
from symgrad.verify.field import keyed
from symgrad.verify.number import Exact, NoRoot, Number, OutsideDomain
from symgrad.vocabulary import definition, plain

Sizes = dict[sp.Symbol, int]

Run = Callable[[Sequence[Any], Sizes, "Arithmetic"], Any]
"""A compiled body: operands, sizes of dimensions, arithmetic → value."""


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


@lru_cache(maxsize=8192)
def compiled(body: sp.Expr) -> Run:
    """A body over ``slot(0), slot(1), …`` as a function; raises UnsupportedError."""
    return _compile(plain(body))


def _compile(e: Any) -> Run:
    for kind, make in _MAKERS:
        if isinstance(e, kind):
            return make(e)
    raise UnsupportedError(f"symgrad cannot evaluate {e}, a {type(e).__name__}.")


def _symbol(e: sp.Symbol) -> Run:
    for k in range(_MOST_SLOTS):
        if e == slot(k):
            return lambda x, sizes, a: x[k]
    return lambda x, sizes, a: a.constant(sp.Integer(sizes[e]))


_MOST_SLOTS = 64


def _constant(e: sp.Expr) -> Run:
    return lambda x, sizes, a: a.constant(e)


def _sum(e: sp.Add) -> Run:
    first, *rest = [_compile(t) for t in e.args]

    def run(x: Sequence[Any], sizes: Sizes, a: Arithmetic) -> Any:
        result = first(x, sizes, a)
        for term in rest:
            result = result + term(x, sizes, a)
        return result

    return run


def _product(e: sp.Mul) -> Run:
    first, *rest = [_compile(t) for t in e.args]

    def run(x: Sequence[Any], sizes: Sizes, a: Arithmetic) -> Any:
        result = first(x, sizes, a)
        for factor in rest:
            result = result * factor(x, sizes, a)
        return result

    return run


def _power(e: sp.Pow) -> Run:
    base = _compile(e.base)
    if e.exp.is_Rational:
        n = Fraction(int(e.exp.p), int(e.exp.q))
        return lambda x, sizes, a: a.power(base(x, sizes, a), n)
    if e.base is sp.E:
        return _function(sp.exp(e.exp, evaluate=False))
    # u^(2 + s) is u²·uˢ, so that powers that differ by a number are seen to
    number, rest = e.exp.as_coeff_Add()
    if number.is_Rational and number != 0:
        n, other = Fraction(int(number.p), int(number.q)), _compile(rest)

        def split(x: Sequence[Any], sizes: Sizes, a: Arithmetic) -> Any:
            u = base(x, sizes, a)
            return a.power(u, n) * a.to_power_of(u, other(x, sizes, a))

        return split
    exponent = _compile(e.exp)
    whole = not e.exp.free_symbols - {s for s in e.exp.free_symbols if s.is_integer}

    def run(x: Sequence[Any], sizes: Sizes, a: Arithmetic) -> Any:
        if whole:  # a dimension
            n = e.exp.xreplace({s: sp.Integer(sizes[s]) for s in e.exp.free_symbols})
            return a.power(base(x, sizes, a), Fraction(int(n.p), int(n.q)))
        return a.to_power_of(base(x, sizes, a), exponent(x, sizes, a))

    return run


def _choice(e: sp.Piecewise) -> Run:
    branches = [(_compile(condition), _compile(value)) for value, condition in e.args]

    def run(x: Sequence[Any], sizes: Sizes, a: Arithmetic) -> Any:
        return a.choose(
            [
                (lambda c=c: c(x, sizes, a), lambda v=v: v(x, sizes, a))  # type: ignore[misc]
                for c, v in branches
            ]
        )

    return run


def _relation(e: Any) -> Run:
    left, right = _compile(e.lhs), _compile(e.rhs)
    sign = e.rel_op
    return lambda x, sizes, a: a.compare(left(x, sizes, a), sign, right(x, sizes, a))


def _truth(e: Any) -> Run:
    value = bool(e)
    return lambda x, sizes, a: value


def _and(e: sp.And) -> Run:
    parts = [_compile(t) for t in e.args]
    return lambda x, sizes, a: a.both([t(x, sizes, a) for t in parts])


def _or(e: sp.Or) -> Run:
    parts = [_compile(t) for t in e.args]
    return lambda x, sizes, a: a.either([t(x, sizes, a) for t in parts])


def _not(e: sp.Not) -> Run:
    part = _compile(e.args[0])
    return lambda x, sizes, a: a.opposite(part(x, sizes, a))


def _function(e: sp.core.function.Application) -> Run:
    name = type(e).__name__
    arguments = [_compile(t) for t in e.args]
    if isinstance(e, AppliedUndef):
        return _unknown(e.func.__name__, arguments)
    if name not in EXACT_FUNCTIONS:
        value = definition(e)
        if value is None:
            raise UnsupportedError(f"symgrad knows no value of the function {name} in {e}.")
        return _compile(plain(value))
    return lambda x, sizes, a: a.functions[name](*(t(x, sizes, a) for t in arguments))


_MAKERS: tuple[tuple[Any, Callable[[Any], Run]], ...] = (
    (sp.Symbol, _symbol),
    ((sp.Rational, sp.NumberSymbol), _constant),
    (sp.Float, lambda e: _constant(sp.Rational(str(e)))),
    (sp.Add, _sum),
    (sp.Mul, _product),
    (sp.Pow, _power),
    (sp.Piecewise, _choice),
    ((sp.logic.boolalg.BooleanAtom,), _truth),
    (sp.core.relational.Relational, _relation),
    (sp.And, _and),
    (sp.Or, _or),
    (sp.Not, _not),
    (sp.core.function.Application, _function),  # Max and Min are no Function
)
"""What compiles each kind of expression, the first that fits."""


# -------------------------------------------------------------------- functions nothing is known of

_DEGREE = 4
_PRIMES = re.compile(r"′+$")
_BY_ARGUMENT = re.compile(r"^∂([₀-₉]+)")


def _unknown(name: str, arguments: Sequence[Run]) -> Run:
    """f, f′ and ∂₂f: a polynomial of each argument's powers up to `_DEGREE`, differentiated."""
    orders = [0] * len(arguments)
    while found := _BY_ARGUMENT.match(name):
        orders[int(found[1].translate(_DIGITS)) - 1] += 1
        name = name[found.end() :]
    if primes := _PRIMES.search(name):
        orders[0] += len(primes[0])
        name = name[: primes.start()]
    terms = _polynomial(name, tuple(orders))

    def run(x: Sequence[Any], sizes: Sizes, a: Arithmetic) -> Any:
        values = [t(x, sizes, a) for t in arguments]
        result = values[0] * a.constant(sp.Integer(0))
        for coefficient, powers in terms:
            term = a.constant(coefficient)
            for value, n in zip(values, powers, strict=True):
                if n:
                    term = term * a.power(value, Fraction(n))
            result = result + term
        return result

    return run


_DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


def _polynomial(name: str, orders: tuple[int, ...]) -> list[tuple[sp.Rational, tuple[int, ...]]]:
    """The terms of a derivative of the polynomial that a name stands for."""
    terms = []
    for powers in np.ndindex(*(_DEGREE + 1 for _ in orders)):
        if any(n < k for n, k in zip(powers, orders, strict=True)):
            continue
        c = Fraction(1 + keyed(0, name, powers) % 997, 256)
        for n, k in zip(powers, orders, strict=True):
            c *= Fraction(math.perm(n, k), math.factorial(n))
        terms.append(
            (
                sp.Rational(c.numerator, c.denominator),
                tuple(n - k for n, k in zip(powers, orders, strict=True)),
            )
        )
    return terms


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


@lru_cache(maxsize=8192)
def height(body: sp.Expr) -> int:
    """How many levels of a tower a body uses up: its nesting of exponentials."""
    return _height(plain(body))


def _height(e: Any) -> int:
    below = max(map(_height, e.args), default=0)
    if isinstance(e, sp.Pow) and not e.exp.is_Rational:
        return below + 1
    if isinstance(e, sp.Function) and type(e).__name__ not in EXACT_FUNCTIONS:
        value = None if isinstance(e, AppliedUndef) else definition(e)
        return below if value is None else _height(plain(value))
    return below + (isinstance(e, sp.Function) and type(e).__name__ in RAISING)


@lru_cache(maxsize=8192)
def rooted(body: sp.Expr) -> bool:
    """Whether a body takes a root, as the inverse of sinh does."""
    return _rooted(plain(body))


def _rooted(e: Any) -> bool:
    if isinstance(e, sp.Pow) and e.exp.is_Rational and not e.exp.is_Integer:
        return True
    if isinstance(e, sp.Function) and not isinstance(e, AppliedUndef):
        if type(e).__name__ in ("asinh", "acosh"):
            return True
        value = None if type(e).__name__ in EXACT_FUNCTIONS else definition(e)
        if value is not None:
            return _rooted(plain(value))
    return any(map(_rooted, e.args))


@lru_cache(maxsize=8192)
def turns(body: sp.Expr) -> bool:
    """Whether a body has a sine or a cosine."""
    return any(type(e).__name__ in TURNING for e in sp.preorder_traversal(plain(body)))
