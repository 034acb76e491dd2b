"""Amounts: numbers that depend on dimensions, such as 3·(D·H + H·C)·N.

Why it exists: costs are sums of products of dimensions, hundreds of them for a deep network. Kept
as the coefficients of a polynomial they are added and compared in no time; SymPy's expression and
the text of one, with common factors taken out, are made when somebody looks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cached_property, lru_cache
from math import gcd, lcm
from typing import NamedTuple, TypeAlias

import sympy as sp

from symgrad.graph import Dim, dim

Monomial: TypeAlias = tuple[sp.Expr, ...]
"""A product of dimensions that are not numbers, sorted by name; () is 1."""


_FEW, _SHORT = 8, 40
"""So many products that are in excess are looked for in longer ones, in amounts of so many terms:
those of a deep network have hundreds."""


@lru_cache(maxsize=4096)
def _name(n: sp.Expr) -> str:
    return str(n)


class Amount:
    """A polynomial in dimensions: what is not a number or a symbol (T − 2) counts as one symbol."""

    __slots__ = ("__dict__", "terms")

    def __init__(self, terms: Mapping[Monomial, Fraction | int] | None = None) -> None:
        self.terms = {m: c for m, c in (terms or {}).items() if c}

    def __add__(self, other: Amount) -> Amount:
        return total((self, other))

    def __mul__(self, factor: Fraction | int) -> Amount:
        return Amount({m: c * factor for m, c in self.terms.items()})

    def times(self, n: Dim) -> Amount:
        """The product with a dimension."""
        if isinstance(n, int):
            return self * n
        return Amount({tuple(sorted((*m, n), key=_name)): c for m, c in self.terms.items()})

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Amount) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()))

    def at_most(self, other: Amount) -> bool:
        """Whether the amount is at most ``other`` at any sizes ≥ 1, as far as that is easy to see.

        A product of dimensions is at most any product with more of them. For amounts without
        negative coefficients.
        """
        excess: dict[Monomial, Fraction | int] = {}
        most = _FEW if len(other.terms) <= _SHORT else 0
        for m, c in self.terms.items():
            more = c - other.terms.get(m, 0)
            if more > 0:
                if len(excess) == most:
                    return False
                excess[m] = more
        if not excess:
            return True
        slack = {m: c - self.terms.get(m, 0) for m, c in other.terms.items()}
        for m, c in sorted(excess.items(), key=lambda term: -len(term[0])):
            for longer in slack:
                if c > 0 and slack[longer] > 0 and _divides(m, longer):
                    taken = min(c, slack[longer])
                    c -= taken
                    slack[longer] -= taken
            if c > 0:
                return False
        return True

    def at(self, sizes: Mapping[sp.Expr, Dim]) -> Amount:
        """The amount where some dimensions have other sizes, numbers for example."""
        if not sizes:
            return self
        parts = []
        for monomial, c in self.terms.items():
            part = Amount({(): c})
            for n in monomial:
                part = part.times(dim(n.subs(sizes)))
            parts.append(part)
        return total(parts)

    @property
    def degree(self) -> int:
        """How many dimensions the longest products have."""
        return max((len(m) for m in self.terms), default=0)

    def leading(self) -> Fraction | int:
        """The coefficients of the longest products, added up: what counts where all are large."""
        return sum(c for m, c in self.terms.items() if len(m) == self.degree)

    @property
    def is_homogeneous(self) -> bool:
        """Whether all products have as many dimensions as each other."""
        return len({len(m) for m in self.terms}) < 2

    @cached_property
    def expr(self) -> sp.Expr:
        """The amount as a SymPy expression, with common factors taken out."""
        return factored(self).expr

    def __repr__(self) -> str:
        return f"Amount({self.expr})"


@lru_cache(maxsize=4096)
def _divides(m: Monomial, longer: Monomial) -> bool:
    """Whether a product of dimensions is part of another one."""
    return not Counter(m) - Counter(longer)


ZERO = Amount()


def product(dims: Iterable[Dim], factor: Fraction | int = 1) -> Amount:
    """The product of dimensions: the number of entries of an array of that shape."""
    number, symbols = factor, []
    for n in dims:
        if isinstance(n, int):
            number *= n
        else:
            symbols.append(n)
    return Amount({tuple(sorted(symbols, key=_name)): number})


def total(amounts: Iterable[Amount]) -> Amount:
    """The sum of amounts."""
    terms: dict[Monomial, Fraction | int] = {}
    for amount in amounts:
        for m, c in amount.terms.items():
            terms[m] = terms.get(m, 0) + c
    return Amount(terms)


def join(amounts: Iterable[Amount]) -> Amount:
    """The least amount that has no coefficient smaller than any of ``amounts``."""
    terms: dict[Monomial, Fraction | int] = {}
    for amount in amounts:
        for m, c in amount.terms.items():
            terms[m] = max(terms.get(m, c), c)
    return Amount(terms)


def largest(amounts: Iterable[Amount]) -> tuple[Amount, ...]:
    """Those that may be the largest at some sizes: none is at most another one of them."""
    kept: list[Amount] = []
    candidates = sorted(set(amounts), key=lambda x: (x.degree, sum(x.terms.values())), reverse=True)
    for amount in candidates:  # those first that many others are at most
        if not any(amount.at_most(x) for x in kept):
            kept = [x for x in kept if not x.at_most(amount)] + [amount]
    return tuple(kept)


# ----------------------------------------------------------------------------------- to be read


class Order(NamedTuple):
    """How amounts are written: the dimensions in order, and which of them may be taken out.

    ``shared`` are those of the examples, in order of preference. They are taken out of any sum;
    another one only where products of two and more are left, so that D·H + H·C stays a sum over
    weights.
    """

    dims: Sequence[sp.Expr] = ()
    shared: Sequence[sp.Expr] = ()

    def place(self, n: sp.Expr) -> tuple[bool, int, str]:
        """The examples come last, and unknown dimensions after known ones."""
        known = list(self.dims)
        return n in self.shared, known.index(n) if n in known else len(known), _name(n)


class Factored(NamedTuple):
    """number·(Σ coefficient·monomial)·common."""

    number: Fraction
    sum: tuple[tuple[Fraction, Monomial], ...]
    common: Monomial

    @property
    def expr(self) -> sp.Expr:
        """As a SymPy expression."""
        inner = sp.Add(*(sp.Rational(c.numerator, c.denominator) * sp.Mul(*m) for c, m in self.sum))
        number = sp.Rational(self.number.numerator, self.number.denominator)
        return sp.Mul(number, inner, *self.common)

    @property
    def text(self) -> str:
        """As one line of text: ``3·(D·H + H·C)·N``; numbers have thousands separators."""
        return self.shortened(len(self.sum))

    def shortened(self, most: int) -> str:
        """The text; of more than ``most`` terms the longest products, and of those at most so
        many: the first two and the last. What is left out is an ellipsis.
        """
        if not self.sum:
            return "0"
        if len(self.sum) == 1:
            ((c, m),) = self.sum
            return _product_text(self.number * c, (*m, *self.common))
        left, *rest = (_product_text(abs(c), m) for c, m in self.sum)
        parts = ["−" * (self.sum[0][0] < 0) + left]
        for (c, _), body in zip(self.sum[1:], rest, strict=True):
            parts.append(f"{'−' if c < 0 else '+'} {body}")
        if len(parts) > most:
            degree = len(self.sum[0][1])
            long = [part for part, (_, m) in zip(parts, self.sum, strict=True) if len(m) == degree]
            short = ["+ …"] if len(long) < len(parts) else []
            parts = (long if len(long) <= most else [*long[:2], "+ …", long[-1]]) + short
        inner = " ".join(parts)
        if self.number == 1 and not self.common:
            return inner
        number = [] if self.number == 1 else [_number_text(self.number)]
        return "·".join((*number, f"({inner})", *_powers(self.common)))


def factored(amount: Amount, order: Order | None = None) -> Factored:
    """An amount with its number and the common dimensions taken out."""
    order = order or Order()
    terms = {m: Fraction(c) for m, c in amount.terms.items()}
    if not terms:
        return Factored(Fraction(1), (), ())
    number = Fraction(1)
    if len(terms) > 1:
        content = Fraction(
            gcd(*(c.numerator for c in terms.values())),
            lcm(*(c.denominator for c in terms.values())),
        )
        if any(abs(c) == content for c in terms.values()):  # else numbers only get unfamiliar
            number = content
    counts = {m: Counter(m) for m in terms}
    common: list[sp.Expr] = []
    if len(terms) > 1:
        first = next(iter(counts.values()))
        shared = [n for n in order.shared if n in first]
        others = sorted((n for n in first if n not in order.shared), key=order.place)
        for n in (*shared, *others):
            powers = {c[n] for c in counts.values()}
            if len(powers) > 1:
                continue
            (power,) = powers
            if n not in order.shared and min(map(len, terms)) - len(common) - power < 2:
                continue
            common += [n] * power
            for c in counts.values():
                del c[n]
    rest = [
        (terms[m] / number, tuple(sorted(c.elements(), key=order.place))) for m, c in counts.items()
    ]
    rest.sort(key=lambda term: (-len(term[1]), [order.place(n) for n in term[1]]))
    return Factored(number, tuple(rest), tuple(sorted(common, key=order.place)))


def amount_text(amount: Amount, order: Order | None = None) -> str:
    """The amount as one line of text."""
    return factored(amount, order).text


def _number_text(c: Fraction) -> str:
    return f"{c.numerator:,}" if c.denominator == 1 else f"{c.numerator:,}/{c.denominator:,}"


def _product_text(c: Fraction, monomial: Monomial) -> str:
    left = [] if c == 1 and monomial else [_number_text(c)]
    return "·".join((*left, *_powers(monomial)))


_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def _powers(monomial: Monomial) -> Iterable[str]:
    for n, power in Counter(monomial).items():
        text = _name(n).replace(" - ", " − ").replace("*", "·")
        base = text if n.is_Symbol or n.is_Function else f"({text})"
        yield base if power == 1 else base + str(power).translate(_SUPERSCRIPT)
