"""A real number, known twice: as a certified interval and modulo primes.

Why it exists: an interval that excludes 0 proves that two values differ, and nothing else here
does; residues that are 0 are the evidence that two values are equal. A `Number` has both at one
rational point, so the signs that the interval certifies choose the branches of piecewise functions
for the residues too.

``ball`` is a real ball of python-flint, which contains the value whatever was rounded.
``residues`` are those of `field`, the outermost level first; an exponential has one less than its
argument. A value whose residues are used up has none, and is known by its ball alone.

**Roots.** A root modulo a prime knows no sign: it is the one in the group of `field`, so that
√a·√b = √(ab). But where a value was made by squaring another, u, the root is |u|, with the sign
that the interval certifies. So the squares are kept.

**What has no exact meaning** is opaque: log u, erf u and the like are random elements chosen by u,
so that equal arguments give equal values. What a student may know of them is kept: log is the
inverse of exp, and the logarithms of 1/u, √u, u·v and u/v are found from those of u and v; erf,
the arcsine and the arctangent are odd.

**Without intervals.** In a *formal* field a number has residues only, and its sign is what the
quadratic character says: (ab) has the sign of a times that of b, −a has the other, an exponential
and a root are positive, and all else is chance. So every branch of a piecewise formula is taken at
some point, whether a point of real numbers is easily found there or not. What is known to have
one sign is told (`Exact.signs`). Nothing is outside the domain of a function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sympy as sp

from symgrad.verification.field import PLAIN, Level, Residues, keyed, levels
from symgrad.verification.nothing import NOTHING

if TYPE_CHECKING:
    from flint import arb


class Retry(Exception):
    """A point at which a value is not known; another point, or more precision, may do."""


class Imprecise(Retry):
    """The sign of a value is not certain at this precision."""


class NoRoot(Retry):
    """A value has no root modulo a prime."""


class OutsideDomain(Retry):
    """A function has no real value at this point, such as the logarithm of −1."""


CERTAINLY_ZERO = -256
"""A ball around 0 of a radius below 2 to this power, whose residues are 0, is a value that is 0."""

_KNOWN_LOGARITHMS = 48
"""Logarithms that a new one is compared with."""

_PAIRED = 8
"""Logarithms of which two together are looked for in an exponent."""

_MOST_WHOLE = 1 << 24
"""Residues up to this, or from its negative, are whole numbers of this size."""


@dataclass(eq=False)
class Exact:
    """The arithmetic of numbers: a tower of ``height`` levels, chosen by ``seed``."""

    height: int
    seed: int = 0
    kind: Residues = PLAIN
    start: int = 0
    """Where the search for its primes starts."""
    logarithms: dict[int, Number] = field(default_factory=dict)
    exponentials: dict[int, Number] = field(default_factory=dict)
    """The residue of x → eˣ, of each x that was made an exponent or found as a logarithm."""
    opaque_logarithms: list[tuple[Number, Number]] = field(default_factory=list)
    """Values u and the log u that stand for themselves."""
    squares: dict[int, Number] = field(default_factory=dict)
    """The residue of u² → u, for every value that was squared."""
    formal: bool = False
    """Whether numbers have no intervals."""
    signs: dict[int, int] = field(default_factory=dict)
    """In a formal field, residues of which the sign is known."""
    steps: dict[int, Number] = field(default_factory=dict)
    """In a formal field in which branches are free, the residue of x → 1[x > 0], where that is not
    a number of its own."""
    strict: bool = False
    """Whether a value whose sign decides may be 0 on a region: then 1[x > 0] is not 1[x ≥ 0]."""

    @cached_property
    def levels(self) -> tuple[Level, ...]:
        """The levels of the tower, the outermost first."""
        return levels(self.height, self.seed, self.kind, self.start) if self.height else ()

    @cached_property
    def primes(self) -> tuple[int, ...]:
        """The primes of the tower, the outermost first."""
        return tuple(level.prime for level in self.levels)

    def rational(self, x: Fraction | int) -> Number:
        """A rational number; raises Retry where its denominator is 0 modulo a prime."""
        from flint import arb, fmpq

        x = Fraction(x)
        if x.denominator == 1:
            residues = tuple(x.numerator % p for p in self.primes)
        else:
            residues = tuple(x.numerator * _inverse(x.denominator % p, p) % p for p in self.primes)
        if self.formal:
            return Number(NOTHING, residues, self)
        return Number(arb(fmpq(x.numerator, x.denominator)), residues, self)

    def constant(self, value: sp.Expr) -> Number:
        """A SymPy number that is rational, e or π; its functions are those of `bodies`."""
        if value.is_Rational:
            found = self.rational(Fraction(int(value.p), int(value.q)))
            if self.formal and value != 0:
                self.has_sign(found, 1 if value > 0 else -1)
            return found
        if value is sp.E:
            return self.rational(1).exp()
        if value is sp.pi:
            from flint import arb

            # the square of a fourth power has a root in any of our fields
            residues = tuple(pow(keyed(self.seed, "π", p) % p, 8, p) for p in self.primes)
            return Number(NOTHING if self.formal else arb.pi(), residues, self)
        raise Retry(f"{value} has no exact value here")

    def has_sign(self, x: Number, sign: int) -> None:
        """Tells the sign of a value of a formal field, unless that is 0."""
        if any(x.residues):
            self.signs[x.residues[0]] = sign
            self.signs[-x.residues[0] % self.primes[0]] = -sign

    def has_step(self, x: Number, step: Number) -> None:
        """Tells 1[x > 0] of an x ≥ 0 of a formal field."""
        if any(x.residues):
            self.steps[x.residues[0]] = step
            self.steps[-x.residues[0] % self.primes[0]] = self.rational(0)

    def is_square(self, x: Fraction) -> bool:
        """Whether the size of a rational has a square root modulo the primes that matter most."""
        shown = self.levels[:1] if self.kind.twos > 1 else self.levels
        product = abs(x.numerator) * x.denominator
        return all(level.is_square(product % level.prime) for level in shown)

    def opaque(self, ball: arb, *key: object, levels: int) -> Number:
        """A random element that is chosen by its key."""
        residues = tuple(keyed(self.seed, *key, p) % p for p in self.primes[:levels])
        return Number(ball, residues, self)


class Number:
    """A real number; made by `Exact`."""

    __slots__ = ("ball", "field", "residues")

    def __init__(self, ball: arb, residues: tuple[int, ...], field: Exact) -> None:
        self.ball, self.residues, self.field = ball, residues, field

    def __repr__(self) -> str:
        return f"Number({self.ball}, {self.residues})"

    def __add__(self, other: Number) -> Number:
        if not isinstance(other, Number):  # an array: each of its entries
            return NotImplemented
        pairs = zip(self.residues, other.residues, self.field.primes, strict=False)
        return Number(self.ball + other.ball, tuple((a + b) % p for a, b, p in pairs), self.field)

    def __sub__(self, other: Number) -> Number:
        if not isinstance(other, Number):  # an array: each of its entries
            return NotImplemented
        pairs = zip(self.residues, other.residues, self.field.primes, strict=False)
        return Number(self.ball - other.ball, tuple((a - b) % p for a, b, p in pairs), self.field)

    def __mul__(self, other: Number) -> Number:
        if not isinstance(other, Number):  # an array: each of its entries
            return NotImplemented
        pairs = zip(self.residues, other.residues, self.field.primes, strict=False)
        residues = tuple(a * b % p for a, b, p in pairs)
        if residues and self.residues == other.residues:
            self.field.squares[residues[0]] = self
        return Number(self.ball * other.ball, residues, self.field)

    def __neg__(self) -> Number:
        pairs = zip(self.residues, self.field.primes, strict=False)
        return Number(-self.ball, tuple(-a % p for a, p in pairs), self.field)

    def __truediv__(self, other: Number) -> Number:
        return self * other.inverse()

    def inverse(self) -> Number:
        """1/x; raises Retry where x may be 0."""
        if not self.field.formal and self.ball.contains(0):
            if self.ball.is_zero():
                raise OutsideDomain("a value is divided by 0")
            raise Imprecise("a divisor may be 0")
        pairs = zip(self.residues, self.field.primes, strict=False)
        return Number(1 / self.ball, tuple(_inverse(a, p) for a, p in pairs), self.field)

    def power(self, exponent: Fraction) -> Number:
        """x to a rational power; raises Retry where it has no real value or no root."""
        n, d = exponent.numerator, exponent.denominator
        if n < 0:
            return self.inverse().power(-exponent)
        if d > 1:
            return self.root(d).power(Fraction(n))
        pairs = zip(self.residues, self.field.primes, strict=False)
        residues = tuple(pow(a, n, p) for a, p in pairs)
        if residues and n and n % 2 == 0:
            self.field.squares[residues[0]] = self if n == 2 else self.power(Fraction(n // 2))
        return Number(self.ball**n, residues, self.field)

    def root(self, degree: int) -> Number:
        """The root of a value that is not negative; raises NoRoot where a prime has none.

        A root that only the inner levels lack leaves the levels above them.
        """
        sign = self.sign()
        if sign < 0 and not self.field.formal:
            raise OutsideDomain("a root of a negative value is taken")
        if sign == 0:
            return self
        if degree % 2 == 0 and (known := self._known_root()) is not None:
            return known if degree == 2 else known.root(degree // 2)
        roots = []
        for a, level in zip(self.residues, self.field.levels, strict=False):
            root = level.root(a, degree)
            if root is None:
                break
            roots.append(root)
        if self.residues and not roots:
            raise NoRoot("a value has no root modulo a prime")
        return Number(self.ball.root(degree), tuple(roots), self.field)

    def _known_root(self) -> Number | None:
        """|u| of u², and |1/u| of 1/u²."""
        if not self.residues:
            return None
        squares, first = self.field.squares, self.residues[0]
        base = squares.get(first)
        if base is None:
            base = squares.get(_inverse(first, self.field.primes[0]))
            base = None if base is None else base.inverse()
        if base is None:
            return None
        size = -base if base.sign() < 0 else base
        return Number(self.ball.sqrt(), size.residues[: len(self.residues)], self.field)

    def sign(self) -> int:
        """−1, 0 or 1; raises Imprecise where it is not certain, and Retry if nothing is known.

        1 and −1 are certified, and so is 0 without residues. With them a value is 0 where they
        all are and its ball is tiny, with the chance of an error that agreement has.
        """
        if self.field.formal:
            return self._formal_sign()
        if self.ball > 0:
            return 1
        if self.ball < 0:
            return -1
        if self.ball.is_zero():
            return 0
        tiny = self.ball.is_finite() and self.ball.rad() < 2.0**CERTAINLY_ZERO
        if tiny and self.residues and not any(self.residues):
            return 0
        raise Imprecise("the sign of a value is not certain")

    def _formal_sign(self) -> int:
        """What is told of it, else what the quadratic character says, or chance."""
        if not self.residues:
            raise Retry("a value whose sign is asked for has no residues left")
        if not any(self.residues):
            return 0
        r, level = self.residues[0], self.field.levels[0]
        known = self.field.signs.get(r)
        if known is not None:
            return known
        if self.field.kind.twos == 1:
            return 1 if level.is_square(r) else -1
        opposite = level.prime - r  # −1 is a square
        chosen = keyed(self.field.seed, "sign", min(r, opposite)) % 2
        return 1 if chosen == (r < opposite) else -1

    def whole(self) -> int:
        """The value of a whole number, such as a label."""
        if self.field.formal:
            p = self.field.primes[0]
            r = self.residues[0] if self.residues else p // 2
            if min(r, p - r) >= _MOST_WHOLE:
                raise Retry("a position is not certain")
            return r if r < _MOST_WHOLE else r - p
        found = self.ball.unique_fmpz()
        if found is None:
            raise Imprecise("a position is not certain")
        return int(found)

    def exp(self) -> Number:
        """eˣ."""
        if (known := self._known_exponential()) is not None:
            return Number(self.ball.exp(), known.residues, self.field)
        residues = self._turned(lambda level: level.base)
        result = Number(self.ball.exp(), residues, self.field)
        if residues:
            self.field.logarithms.setdefault(residues[0], self)
            self.field.exponentials.setdefault(self.residues[0], result)
        return result

    def _known_exponential(self, deep: int = 2) -> Number | None:
        """u of log u, 1/u of −log u, and eʸ·u or eʸ/u of y ± log u, where eʸ is known."""
        logarithms = self.field.opaque_logarithms
        if not self.residues or not logarithms:
            return None
        found = _exponential(self, self.field.exponentials)
        if found is not None or not deep:
            return found
        for u, log_u in logarithms[: _KNOWN_LOGARITHMS if deep == 1 else _PAIRED]:
            if (more := (self - log_u)._known_exponential(deep - 1)) is not None:
                return more * u
            if (less := (self + log_u)._known_exponential(deep - 1)) is not None:
                return less / u
        return None

    def cos_sin(self) -> tuple[Number, Number]:
        """cos x and sin x, from eⁱˣ: of the tower `field.CIRCULAR`."""
        turned = self._turned(lambda level: level.turn)
        cos, sin = [], []
        for e, level in zip(turned, self.field.levels, strict=False):
            p = level.prime
            back = _inverse(e, p)
            cos.append((e + back) * _inverse(2, p) % p)
            sin.append((e - back) * _inverse(2 * level.unit % p, p) % p)
        ball = self.ball
        return (
            Number(ball.cos(), tuple(cos), self.field),
            Number(ball.sin(), tuple(sin), self.field),
        )

    def _turned(self, base: Callable[[Level], int]) -> tuple[int, ...]:
        return tuple(
            pow(base(level), x, level.prime)
            for level, x in zip(self.field.levels, self.residues[1:], strict=False)
        )

    def to_power_of(self, exponent: Number) -> Number:
        """xˢ = e^(s·log x) of a positive x, for an s that is no rational constant.

        The residue is that of a random element to the power s, which x chooses.
        """
        if not self.field.formal and self.sign() <= 0:
            raise OutsideDomain("a power of a value that is not positive is taken")
        residues = []
        for k, (level, s) in enumerate(zip(self.field.levels, exponent.residues[1:], strict=False)):
            if not self.residues:
                break
            p, order = level.prime, self.field.primes[k + 1]
            element = keyed(self.field.seed, "power", self.residues[0], k) % p
            residues.append(pow(pow(element, (p - 1) // order, p), s, p))
        return Number((exponent.ball * self.ball.log()).exp(), tuple(residues), self.field)

    def log(self) -> Number:
        """log x; raises OutsideDomain where x ≤ 0."""
        if not self.field.formal and self.sign() <= 0:
            raise OutsideDomain("the logarithm of a value that is not positive is taken")
        ball = self.ball.log()
        if not self.residues:
            return Number(ball, (), self.field)
        known = self.field.logarithms
        u, p = self.residues[0], self.field.primes[0]
        if u == 1:
            return Number(ball, (0,) * len(self.residues), self.field)
        found = _logarithm(u, p, known)
        if found is None:
            found = self.field.opaque(ball, "log", u, levels=len(self.residues))
            if len(self.field.opaque_logarithms) < _KNOWN_LOGARITHMS:
                self.field.exponentials[found.residues[0]] = self
                self.field.opaque_logarithms.append((self, found))
        if len(known) < _KNOWN_LOGARITHMS:
            known.setdefault(u, found)
        return Number(ball, found.residues, self.field)

    def opaque(self, name: str, ball: arb, odd: bool = False) -> Number:
        """A function of x of which nothing is known, or only that it is odd."""
        if not self.residues:
            return Number(ball, (), self.field)
        if odd and self.sign() < 0:
            return -(-self).opaque(name, -ball)
        if odd and self.sign() == 0:
            return self
        return self.field.opaque(ball, name, self.residues[0], levels=len(self.residues))


def _inverse(x: int, p: int) -> int:
    if x == 0:
        raise Retry("a divisor is 0 modulo a prime")
    return pow(x, -1, p)


def _exponential(x: Number, known: dict[int, Number]) -> Number | None:
    """eˣ from the exponentials of x and of −x."""
    found = known.get(x.residues[0])
    if found is None:
        opposite = known.get(-x.residues[0] % x.field.primes[0])
        found = None if opposite is None else opposite.inverse()
    return found


def _logarithm(u: int, p: int, known: dict[int, Number]) -> Number | None:
    """log u from the logarithms of other values: of 1/u, u², u·v and u/v."""
    if u in known:
        return known[u]
    inverse = _inverse(u, p)
    if inverse in known:
        return -known[inverse]
    square = u * u % p
    if square in known:
        half = known[square].field.rational(Fraction(1, 2))
        return known[square] * half
    for v, log_v in known.items():
        for w, sign in ((u * v % p, -1), (u * _inverse(v, p) % p, 1)):
            if w in known:
                return known[w] + (log_v if sign > 0 else -log_v)
            if _inverse(w, p) in known:
                return (log_v if sign > 0 else -log_v) - known[_inverse(w, p)]
    return None


def total(values: Iterable[Any]) -> Any:
    """The sum of one number or more."""
    first, *rest = values
    for x in rest:
        first = first + x
    return first
