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
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from symgrad.errors import UnsupportedError
from symgrad.graph import slot
from symgrad.verification.arithmetic import EXACT_FUNCTIONS, RAISING, TURNING, Arithmetic
from symgrad.verification.field import keyed
from symgrad.vocabulary import definition, plain

Sizes = Mapping[sp.Symbol, int]

Run = Callable[[Sequence[Any], Sizes, Arithmetic], Any]
"""A compiled body: operands, sizes of dimensions, arithmetic → value."""


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


# ------------------------------------------------------------------------- what a body needs


@lru_cache(maxsize=8192)
def height(body: sp.Expr) -> int:
    """How many levels of a tower a body uses up: its nesting of exponentials."""
    return _height(plain(body))


def _height(e: Any) -> int:
    if e is sp.E:
        return 1
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
    return any(
        (isinstance(e, sp.Pow) and e.exp.is_Rational and not e.exp.is_Integer)
        or type(e).__name__ in _BY_ROOTS
        for e in _parts(plain(body))
    )


_BY_ROOTS = ("asinh", "acosh")


@lru_cache(maxsize=8192)
def turns(body: sp.Expr) -> bool:
    """Whether a body has a sine or a cosine."""
    return any(type(e).__name__ in TURNING for e in _parts(plain(body)))


def _parts(e: Any) -> Iterator[Any]:
    """An expression and all it is made of; of a function that has a definition, of that."""
    yield e
    defined = isinstance(e, sp.Function) and not isinstance(e, AppliedUndef)
    value = definition(e) if defined and type(e).__name__ not in EXACT_FUNCTIONS else None
    for part in e.args if value is None else (plain(value),):
        yield from _parts(part)
