"""Arithmetic modulo primes in which exponentials are exponentials.

Why it exists: two formulas are equal if they agree at random points, and agreement modulo a prime
is exact where agreement of floats is not. Rational functions need no more than a prime; tanh,
softmax and the rest need e^(a + b) = e^a·e^b. So there is a tower of primes p₀, p₁, … in which
pᵢ₊₁ divides pᵢ − 1. A value has a residue for each prime, and exp takes the residue x modulo pᵢ₊₁
to gˣ modulo pᵢ, where g has the order pᵢ₊₁: a homomorphism from sums to products, which can be
nested as deep as the tower is high (G. Gonnet, Determining equivalence of expressions in random
polynomial time, STOC 1984; New results for random determination of equivalence, SYMSAC 1986).

**Roots.** Let m be the odd part of pᵢ − 1. The elements of odd order are a group of order m, in
which every element has exactly one square root: so √(ab) = √a·√b holds there. 2, 3 and 5 are in it,
and so is every exponential. Where pᵢ ≡ 7 modulo 8 that is half of all numbers; a value outside has
no root here, and another point has to be taken. In general the elements whose order has no factor
in common with d have one d-th root each. As 3, 5 and 7 do not divide pᵢ − 1, every number has a
cube root, a fifth and a seventh.

**Turns.** Sine and cosine need a root of −1, which exists where pᵢ ≡ 9 modulo 16; there one number
in eight has a square root, and one in three has a cube root, as 3 itself is to have a square root.
So there are two towers, and the second is for formulas with turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import count
from math import gcd
from typing import NamedTuple

BITS = 61
"""The size of the smallest prime of a tower."""

SMALL = (2, 3, 5)
"""Numbers whose square roots are wanted, for normal densities and scaled dot products."""


class Residues(NamedTuple):
    """A class of primes: p ≡ ``rest`` modulo ``modulus``; p − 1 is 2**``twos`` times an odd."""

    rest: int
    modulus: int
    twos: int
    without: int
    """Prime factors that p − 1 does not have."""


PLAIN, CIRCULAR = Residues(7, 8, 1, 3 * 5 * 7), Residues(9, 16, 3, 5 * 7)


def next_prime(below: int, kind: Residues, start: int = 0) -> int:
    """A prime p of a kind with ``below`` | p − 1 and `SMALL` among its odd elements.

    ``below`` is an odd prime; for the last level it is 1, and the prime has `BITS` bits. It is the
    first from where ``start`` says: primes that anybody can look up are no test of a formula.
    """
    from flint import fmpz

    step = below * kind.modulus
    lowest = (1 << (BITS - 1)) + start % (1 << (BITS - 2))
    least = lowest if below == 1 else step * (start % _STARTS)
    for p in count(_first(below, kind, least), step):
        odd = (p - 1) >> kind.twos
        if gcd(odd, kind.without) > 1 or not fmpz(p).is_probable_prime():
            continue
        if all(pow(x, odd, p) == 1 for x in SMALL):
            return p
    raise AssertionError


_STARTS = 1 << 16
"""From so many places the search for a further prime of a tower may start."""


def _first(below: int, kind: Residues, least: int) -> int:
    """The first number from ``least`` that is 1 modulo ``below`` and of a kind."""
    step = below * kind.modulus
    for k in range(kind.modulus):
        p = k * below + 1
        if p % kind.modulus == kind.rest:
            return p + -(-max(0, least - p) // step) * step
    raise AssertionError


@lru_cache(maxsize=64)
def tower(height: int, kind: Residues = PLAIN, start: int = 0) -> tuple[int, ...]:
    """The primes of a tower of one level or more, the smallest last."""
    below = tower(height - 1, kind, start) if height > 1 else ()
    return (next_prime(below[0] if below else 1, kind, start), *below)


def keyed(seed: int, *key: object) -> int:
    """A number of 256 bits that depends on nothing but its key."""
    text = repr((seed, *key)).encode()
    return int.from_bytes(blake2b(text, digest_size=32).digest(), "big")


@dataclass(frozen=True)
class Level:
    """One prime of a tower, with what its functions need.

    ``base`` and ``turn`` have the order of the next level's prime: they are e and e^i; on the last
    level there are no exponentials, and both are 1. ``unit`` is a root of −1, 0 if there is none.
    ``odd`` is the order of the group of elements that have a square root.
    """

    prime: int
    base: int
    turn: int
    unit: int
    odd: int

    def root(self, x: int, degree: int) -> int | None:
        """The root of an element whose order is prime to the degree; None of any other element."""
        if x == 0:
            return 0
        order = self.prime - 1
        while (common := gcd(order, degree)) > 1:
            order //= common
        if pow(x, order, self.prime) != 1:
            return None
        return pow(x, pow(degree, -1, order), self.prime)

    def is_square(self, x: int) -> bool:
        """Whether an element has a square root."""
        return pow(x, self.odd, self.prime) == 1


@lru_cache(maxsize=256)
def levels(height: int, seed: int, kind: Residues = PLAIN, start: int = 0) -> tuple[Level, ...]:
    """The levels of a tower, with bases that the seed chooses."""
    primes = tower(height, kind, start)
    found = []
    for i, p in enumerate(primes):
        order = primes[i + 1] if i + 1 < height else 1
        odd = (p - 1) >> kind.twos
        base = pow(_number(p, seed, "e", i), (p - 1) // order, p)
        turn = pow(_number(p, seed, "e^i", i), (p - 1) // order, p)
        unit = _unit(p, seed) if kind.twos > 1 else 0
        found.append(Level(p, base, turn, unit, odd))
    return tuple(found)


def _unit(p: int, seed: int) -> int:
    """A root of −1."""
    roots = (pow(_number(p, seed, "i", k), (p - 1) // 4, p) for k in count())
    return next(x for x in roots if x * x % p == p - 1)


def _number(p: int, seed: int, *key: object) -> int:
    return 2 + keyed(seed, *key) % (p - 3)
