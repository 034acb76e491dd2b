"""The smallest example on which a claim is wrong, in words.

Why it exists: "the entries differ by 0.03" convinces nobody. "At D = H = 1, W = 2, x = 1, all else
0: the claim gives 4, the gradient is 2" can be checked in the head. Numbers are exact where they
are rational, and have four digits where they are not. What is 0 is said last and together, and of
a large array only the few entries that are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import sympy as sp

if TYPE_CHECKING:
    from symgrad.verification.points import Point

Exact: TypeAlias = "Fraction | float | Huge"
"""A rational number, or the nearest float of one that is irrational; NaN where there is none."""


class Huge(NamedTuple):
    """A number beyond all floats: mantissa·10^power, of 1 ≤ |mantissa| < 10."""

    mantissa: float
    power: int


_DENOMINATOR = 10**4
"""The largest denominator of a value that is shown as a fraction."""

_NUMERATOR = 10**10
"""The numerator of a fraction that is shown as one is less."""

_ROUNDED = 6
"""Digits that are shown of any other fraction."""

_OF_FLOATS = 300
"""Floats have fewer digits before the point, and fewer zeros behind it."""

_CERTAIN = 60
"""Bits up to which a value has to be known to be shown as a fraction."""

_DIGITS, _ALL_DIGITS = 4, 15
"""Digits of an irrational value; more where two values differ later."""

SHOWN_ENTRIES = 4
"""Of the two results, an array of more entries is not shown whole."""

LISTED_ENTRIES = 16
"""An array of more values is described by its commonest entry and the few that differ."""

SPARSE_ENTRIES = 5
"""Of an array of more values that are nearly all 0, the others are listed."""


@dataclass(frozen=True)
class Witness:
    """A point at which claim and truth differ, and what each of them is there.

    ``values`` has an array for each leaf; ``claimed`` and ``true`` are arrays of fractions and,
    for what is irrational, floats. ``what`` names the truth in sentences.
    """

    sizes: Mapping[sp.Symbol, int]
    values: Mapping[str, np.ndarray]
    claimed: np.ndarray
    true: np.ndarray
    what: str = "the true value"

    @property
    def differing(self) -> list[tuple[int, ...]]:
        """The places, counted from 0, at which the two differ."""
        different = np.asarray(self.claimed != self.true, dtype=bool)
        return [at for at, yes in np.ndenumerate(different) if yes]

    def place(self) -> str:
        """The point: ``D = H = 1, W = 2, x = 1, all else 0``."""
        said: list[str] = []
        zeros: list[str] = []
        unsaid = False  # some entry is 0 of which nothing was said
        for name, value in self.values.items():
            if not value.any():
                zeros.append(name)
            elif (entries := _few_entries(name, value)) is not None:
                said, unsaid = said + entries, True
            else:
                said.append(_value_text(name, value))
        if len(zeros) == 1 and not unsaid:
            said.append(f"{zeros[0]} = 0")
        elif zeros or unsaid:
            said.append("all else 0" if said else _NOTHING)
        return ", ".join([*_sizes_text(self.sizes), *said])

    def values_text(self) -> str:
        """What the two are: ``the claim gives 4, the gradient is 2``."""
        places = self.differing
        if not places:
            return f"the claim and {self.what} differ by less than can be shown"
        at = places[0]
        digits = _DIGITS
        while digits < _ALL_DIGITS and number_text(self.claimed[at], digits) == number_text(
            self.true[at], digits
        ):
            digits += 1
        if self.true.size > 1 and (len(places) == 1 or self.true.size > SHOWN_ENTRIES):
            claimed, true = (number_text(x[at], digits) for x in (self.claimed, self.true))
            return f"the claim gives {claimed} in {entry_name(at)}, {self.what} has {true} there"
        arrays = (x.reshape(()) if x.size == 1 else x for x in (self.claimed, self.true))
        claimed, true = (array_text(x, digits) for x in arrays)
        return f"the claim gives {claimed}, {self.what} is {true}"

    def __str__(self) -> str:
        place = self.place()
        if not place:
            return self.values_text()
        where = "where all values are 0" if place == _NOTHING else f"at {place}"
        return f"{where}: {self.values_text()}"


_NOTHING = "all values 0"


def entry_name(at: tuple[int, ...]) -> str:
    """``entry 2``, ``entry (1, 2)``: counted from 1, as on paper."""
    if len(at) == 1:
        return f"entry {at[0] + 1}"
    return f"entry ({', '.join(str(k + 1) for k in at)})"


def _sizes_text(sizes: Mapping[sp.Symbol, int]) -> list[str]:
    """``D = H = 1``, the sizes that are equal together."""
    groups: dict[int, list[str]] = {}
    for symbol, n in sorted(sizes.items(), key=lambda x: x[0].name):
        groups.setdefault(n, []).append(symbol.name)
    return [f"{' = '.join(names)} = {n}" for n, names in groups.items()]


def _few_entries(name: str, value: np.ndarray) -> list[str] | None:
    """``x[3] = 1`` for each entry that is not 0, of an array in which most are; else None."""
    places = [tuple(map(int, at)) for at in np.argwhere(value)]
    if value.size <= SPARSE_ENTRIES or len(places) > min(SHOWN_ENTRIES, value.size // 3):
        return None
    return [f"{_entry(name, at)} = {number_text(value[at])}" for at in places]


def _entry(name: str, at: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(str(k + 1) for k in at)}]"


def _value_text(name: str, value: np.ndarray) -> str:
    """``W = [1, 0]``; of a large array, its commonest entry and the others."""
    if value.size == 1:
        return f"{name} = {number_text(value.item())}"
    if value.size <= LISTED_ENTRIES:
        return f"{name} = {array_text(value)}"
    texts = [number_text(x) for x in value.reshape(-1).tolist()]
    usual, count = Counter(texts).most_common(1)[0]
    if value.size - count > SHOWN_ENTRIES:
        return f"{name} of {value.size} entries"
    others = [
        f"{_entry(name, at)} = {text}"
        for at, text in zip(np.ndindex(*value.shape), texts, strict=True)
        if text != usual
    ]
    return f"{name} = {usual} everywhere" + (f" but {' and '.join(others)}" if others else "")


def array_text(a: np.ndarray, digits: int = _DIGITS) -> str:
    """``2``, ``[1, 2]`` or ``[[1, 2], [0, 1]]``; one entry has one pair of brackets."""
    if a.ndim == 0:
        return number_text(a.item(), digits)
    if a.size == 1:
        return f"[{number_text(a.item(), digits)}]"
    return f"[{', '.join(array_text(part, digits) for part in map(_as_array, a))}]"


def _as_array(x: Any) -> np.ndarray:
    if isinstance(x, np.ndarray):
        return x
    result = np.empty((), dtype=object)
    result[()] = x
    return result


def number_text(x: Exact, digits: int = _DIGITS) -> str:
    """A fraction exactly, a float with its digits, minus signs as in formulas."""
    if isinstance(x, Huge):
        text = f"{x.mantissa:.{digits}g}·10{superscript(x.power)}"
    elif isinstance(x, Fraction):
        text = _fraction_text(x)
    elif x != x:
        text = "no value"
    elif abs(x) == float("inf"):
        text = "∞" if x > 0 else "-∞"
    else:
        text = f"{x:.{digits}g}" if 1e-3 <= abs(x) < 1e5 else _scientific(x, digits)
    return text.replace("-", "−")


def _fraction_text(x: Fraction) -> str:
    """A fraction that can be read, else its first digits."""
    if x.denominator <= _DENOMINATOR and abs(x.numerator) < _NUMERATOR:
        return str(x)
    power = len(str(abs(x.numerator))) - len(str(x.denominator))
    if abs(power) > _OF_FLOATS:
        return number_text(_huge(x))
    return number_text(float(x), _ROUNDED)


def _huge(x: Fraction) -> Huge:
    """The leading digits of a fraction."""
    power = len(str(abs(x.numerator))) - len(str(x.denominator))
    mantissa = float(x / Fraction(10) ** power)
    while abs(mantissa) < 1:
        mantissa, power = mantissa * 10, power - 1
    return Huge(mantissa, power)


_UP = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _scientific(x: float, digits: int) -> str:
    mantissa, _, power = f"{x:.{digits - 1}e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}·10{superscript(int(power))}" if x else "0"


def superscript(n: int) -> str:
    """−40 as ⁻⁴⁰."""
    return str(n).translate(_UP)


def readable(ball: Any) -> Exact:
    """The number that an Arb ball is of: a fraction of small denominator in it, else a float."""
    if ball.is_zero():
        return Fraction(0)
    if not ball.is_finite():
        return float("nan")
    mantissa, exponent = ball.mid().man_exp()
    man, exp = int(mantissa), int(exponent)
    size = exp + abs(man).bit_length()
    if abs(size) > _OF_FLOATS * 3:
        return _beyond_floats(man, exp)
    middle = Fraction(man * 2**exp) if exp >= 0 else Fraction(man, 2**-exp)
    guess = middle.limit_denominator(_DENOMINATOR)
    if guess == middle and ball.is_exact():
        return guess
    radius = ball.rad().man_exp()
    if radius[0] == 0 or int(radius[0]).bit_length() + int(radius[1]) < max(0, size) - _CERTAIN:
        distance = abs(guess - middle)
        if distance <= Fraction(int(radius[0])) * Fraction(2) ** int(radius[1]):
            return guess
    return float(middle)


def _beyond_floats(man: int, exp: int) -> Huge:
    """man·2^exp, by its logarithm."""
    with localcontext() as context:
        context.prec = 40 + len(str(exp))
        digits = Decimal(abs(man)).log10() + exp * Decimal(2).log10()
        power = int(digits.to_integral_value(ROUND_FLOOR))
        mantissa = float(Decimal(10) ** (digits - power))
    return Huge(-mantissa if man < 0 else mantissa, power)


def simpler(point: Point) -> Iterator[Point]:
    """A point with fewer and fewer of its digits left out: of 1, 2, 3 and 6.

    What is bound by more than its single entries, as probabilities are, stays as it is.
    """
    for digits in (1, 2, 3, 6):
        values = {
            name: value if _is_bound(value) else _to_digits(value, digits)
            for name, value in point.values.items()
        }
        yield replace(point, values=values)


def _is_bound(value: np.ndarray) -> bool:
    """Whether the entries of an array sum to 1, or are all whole numbers of few digits."""
    entries = [Fraction(x) for x in value.flat]
    small = all(x.denominator == 1 and abs(x) < 1000 for x in entries)
    squares = sum((x * x for x in entries), Fraction(0))
    return small or sum(entries, Fraction(0)) == 1 or squares == 1


def _to_digits(value: np.ndarray, digits: int) -> np.ndarray:
    rounded = np.empty(value.shape, dtype=object)
    for at, x in np.ndenumerate(value):
        scale = Fraction(10) ** (digits - _magnitude(Fraction(x)))
        rounded[at] = Fraction(round(x * scale)) / scale
    return rounded


def _magnitude(x: Fraction) -> int:
    """How many digits a number has before the point; negative for zeros behind it."""
    about = len(str(abs(x.numerator))) - len(str(x.denominator))
    return about + (abs(x) >= Fraction(10) ** about)
