"""Intervals of real numbers, and what scalar functions make of them.

Why it exists: `bounds` asks what a sum, a product or exp of something can be. Ends are exact
rationals or infinite, and an end may be left out: > 0 and ≥ 0 are two answers. Two operands are
taken to be independent, so a result contains all values and may contain more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import reduce
from typing import NamedTuple, TypeAlias

import sympy as sp

from symgrad import vocabulary
from symgrad.graph import Dim

End: TypeAlias = "Fraction | float"
"""An exact number, or one of the infinities."""

_DIGITS = 30


class Interval(NamedTuple):
    """All numbers from ``low`` to ``high``; ``above`` and ``below`` say that an end is left out."""

    low: End
    high: End
    above: bool = False
    below: bool = False

    @property
    def positive(self) -> bool:
        """Whether every number in it is > 0."""
        return self.low > 0 or (self.low == 0 and self.above)

    @property
    def nonnegative(self) -> bool:
        """Whether every number in it is ≥ 0."""
        return self.low >= 0

    @property
    def nonpositive(self) -> bool:
        """Whether every number in it is ≤ 0."""
        return self.high <= 0

    def __contains__(self, x: object) -> bool:
        assert isinstance(x, int | float | Fraction)
        over = x > self.low or (x == self.low and not self.above)
        return over and (x < self.high or (x == self.high and not self.below))


UNKNOWN = Interval(-math.inf, math.inf, True, True)
POSITIVE = Interval(Fraction(0), math.inf, True, True)
NONNEGATIVE = Interval(Fraction(0), math.inf, False, True)
UNIT = Interval(Fraction(0), Fraction(1))
OPEN_UNIT = Interval(Fraction(0), Fraction(1), True, True)
BALL = Interval(Fraction(-1), Fraction(1))
OPEN_BALL = Interval(Fraction(-1), Fraction(1), True, True)


# ------------------------------------------------------------------------------ arithmetic of ends


def exactly(value: sp.Expr) -> Interval:
    """A constant: exact if it is rational, else between two rationals; dimensions are ≥ 1."""
    if value.is_Rational:
        x = Fraction(int(value.p), int(value.q))
        return Interval(x, x)
    if value.is_number and value.is_finite:
        digits = sp.N(value, _DIGITS)
        if digits.is_Float:
            x, margin = Fraction(str(digits)), Fraction(1, 10 ** (_DIGITS // 2))
            room = abs(x) * margin
            return Interval(x - room, x + room)
    if value.is_positive:
        return POSITIVE
    if value.is_nonnegative:
        return NONNEGATIVE
    return _scaled(-1, POSITIVE) if value.is_negative else UNKNOWN


def _scaled(c: int, x: Interval) -> Interval:
    return times(Interval(Fraction(c), Fraction(c)), x)


def plus(x: Interval, y: Interval) -> Interval:
    """x + y."""
    low, high = _end_sum(x.low, y.low), _end_sum(x.high, y.high)
    return Interval(low, high, x.above or y.above, x.below or y.below)


def _end_sum(a: End, b: End) -> End:
    return next((x for x in (a, b) if isinstance(x, float)), None) or Fraction(a) + Fraction(b)


def _end_product(a: End, b: End) -> End:
    if isinstance(a, float) or isinstance(b, float):
        return math.inf if (a > 0) == (b > 0) else -math.inf
    return a * b


def times(x: Interval, y: Interval) -> Interval:
    """x·y, of two independent numbers."""
    corners: list[tuple[End, bool]] = []
    for a, a_open in ((x.low, x.above), (x.high, x.below)):
        for b, b_open in ((y.low, y.above), (y.high, y.below)):
            if a == 0 or b == 0:  # 0·∞ is 0: the other factor is some number
                attained = (a == 0 and not a_open) or (b == 0 and not b_open)
                corners.append((Fraction(0), not attained))
            else:
                corners.append((_end_product(a, b), a_open or b_open))
    return _hull_of_ends(corners)


def _hull_of_ends(ends: Sequence[tuple[End, bool]]) -> Interval:
    low, high = min(e for e, _ in ends), max(e for e, _ in ends)
    return Interval(
        low,
        high,
        all(is_open for e, is_open in ends if e == low),
        all(is_open for e, is_open in ends if e == high),
    )


def _magnitude(x: Interval) -> Interval:
    if x.nonnegative:
        return x
    if x.nonpositive:
        return _scaled(-1, x)
    far = max((-x.low, not x.above), (x.high, not x.below))
    return Interval(Fraction(0), far[0], False, not far[1])


def power(x: Interval, exponent: sp.Expr) -> Interval:
    """xⁿ for a constant n."""
    if exponent.is_Integer:
        n = int(exponent)
        if n < 0:
            return _reciprocal(power(x, -exponent))
        increasing = x if n % 2 else _magnitude(x)
        return increasing._replace(low=increasing.low**n, high=increasing.high**n)
    if x.positive:
        return POSITIVE
    return NONNEGATIVE if exponent.is_positive else POSITIVE


def _reciprocal(x: Interval) -> Interval:
    """1/x, where it is defined."""
    if x.nonpositive:
        return _scaled(-1, _reciprocal(_scaled(-1, x)))
    if not x.nonnegative:
        return UNKNOWN
    low = Fraction(0) if isinstance(x.high, float) else 1 / x.high
    high = math.inf if x.low == 0 else 1 / Fraction(x.low)
    return Interval(low, high, x.below, x.above or x.low == 0)


def copies(x: Interval, n: Dim) -> Interval:
    """The sum of n numbers of an interval."""
    if isinstance(n, int):
        return times(Interval(Fraction(n), Fraction(n)), x)
    some = bool(n.is_positive)
    low = x.low if x.low >= 0 and some else min(Fraction(0), -math.inf if x.low < 0 else 0)
    high = x.high if x.high <= 0 and some else max(Fraction(0), math.inf if x.high > 0 else 0)
    return Interval(low, high, x.above and some, x.below and some)


# --------------------------------------------------------------------------------- scalar functions


def _always(values: Interval) -> Callable[..., Interval]:
    """A function that takes these values whatever its arguments."""
    return lambda *arguments: values


def _exp(x: Interval) -> Interval:
    below_one = x.high < 0 or (x.high == 0 and x.below)
    if below_one:
        return OPEN_UNIT
    if x.high == 0:
        return Interval(Fraction(0), Fraction(1), True, False)
    if x.low >= 0:
        return Interval(Fraction(1), math.inf, x.above or x.low > 0, True)
    return POSITIVE


def _log(x: Interval) -> Interval:
    if x.low >= 1:
        return Interval(Fraction(0), math.inf, x.low > 1 or x.above, True)
    if x.nonnegative and x.high <= 1:
        return Interval(-math.inf, Fraction(0), True, x.below or x.high < 1)
    return UNKNOWN


def _through_origin(x: Interval) -> Interval:
    """Of an increasing odd function: the sign of its argument."""
    if x.positive:
        return POSITIVE
    if x.nonnegative:
        return NONNEGATIVE
    return _scaled(-1, _through_origin(_scaled(-1, x))) if x.nonpositive else UNKNOWN


def _tanh(x: Interval) -> Interval:
    return within(_through_origin(x), OPEN_BALL)


def within(x: Interval, y: Interval) -> Interval:
    """The numbers in both."""
    low = max((x.low, x.above), (y.low, y.above))
    high = min((x.high, not x.below), (y.high, not y.below))
    return Interval(low[0], high[0], low[1], not high[1])


def _relu(x: Interval) -> Interval:
    return x if x.nonnegative else Interval(Fraction(0), max(x.high, Fraction(0)), False, x.below)


def _largest(*operands: Interval) -> Interval:
    low = max((x.low, x.above) for x in operands)
    high = max((x.high, not x.below) for x in operands)
    return Interval(low[0], high[0], low[1], not high[1])


def _smallest(*operands: Interval) -> Interval:
    return _scaled(-1, _largest(*(_scaled(-1, x) for x in operands)))


def _signum(x: Interval) -> Interval:
    if x.positive:
        return Interval(Fraction(1), Fraction(1))
    return UNIT if x.nonnegative else BALL


def _step(x: Interval) -> Interval:
    return Interval(Fraction(1), Fraction(1)) if x.positive else UNIT


FUNCTIONS: dict[type[sp.Basic], Callable[..., Interval]] = {
    sp.exp: _exp,
    sp.log: _log,
    sp.tanh: _tanh,
    sp.sinh: _through_origin,
    sp.atan: _through_origin,
    sp.asinh: _through_origin,
    sp.erf: _tanh,
    sp.sin: _always(BALL),
    sp.cos: _always(BALL),
    sp.cosh: _always(Interval(Fraction(1), math.inf, False, True)),
    sp.sech: _always(Interval(Fraction(0), Fraction(1), True, False)),
    sp.Abs: _magnitude,
    sp.Max: _largest,
    sp.Min: _smallest,
    vocabulary.sigmoid: _always(OPEN_UNIT),
    vocabulary.softplus: _always(POSITIVE),
    vocabulary.relu: _relu,
    vocabulary.absolute: _magnitude,
    vocabulary.signum: _signum,
    vocabulary.step: _step,
    vocabulary.maximum: _largest,
    vocabulary.minimum: _smallest,
    vocabulary.normal_cdf: _always(OPEN_UNIT),
    vocabulary.normal_pdf: _always(POSITIVE),
}
"""The interval of f(t) from that of t; a function without a row is unknown."""


def of_expression(body: sp.Expr, arguments: Callable[[sp.Basic], Interval | None]) -> Interval:
    """The interval of a scalar expression; ``arguments`` gives that of a symbol."""
    done: dict[sp.Basic, Interval] = {}
    for e in sp.postorder_traversal(body):
        if e in done:
            continue
        found = arguments(e)
        if found is None and isinstance(e, sp.Expr):
            found = exactly(e) if e.is_number or not e.args else _applied(e, done)
        done[e] = found or UNKNOWN
    return done[body]


def _applied(e: sp.Expr, done: dict[sp.Basic, Interval]) -> Interval:
    operands = [done[x] for x in e.args]
    if e.is_Add:
        return reduce(plus, operands)
    if e.is_Mul:
        return reduce(times, operands)
    if e.is_Pow and e.exp.is_number:
        return power(operands[0], e.exp)
    if e.is_Pow:
        return POSITIVE if operands[0].positive else UNKNOWN
    rule = FUNCTIONS.get(e.func)
    if rule is None:  # an undefined function may have been declared positive
        return POSITIVE if e.is_positive else UNKNOWN
    return rule(*operands)
