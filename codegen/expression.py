"""Arithmetic as Python text: a printer by precedence, for every target.

Why it exists: weights, dimensions and the bodies of maps are scalar SymPy expressions, and sums
and products of arrays are arithmetic too. `Code` is a piece of text that knows how strongly it
binds, so that parentheses stand where they are needed and nowhere else.

Nothing recurses: a SymPy body is folded with an explicit stack. Text stays short because `join`
and `scalar` ask ``hoist`` to give long parts a line of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import sympy as sp

from symgrad.errors import UnsupportedError

COMPARE, SUM, PRODUCT, SIGN, POWER, ATOM = range(6)
"""How strongly text binds. A matrix product binds as a product and is always parenthesised."""

LONGEST = 60
"""Characters in the operands of one expression; beyond, one of them gets its own line."""
DEEPEST = 5
"""Levels of operations in one expression."""


@dataclass(frozen=True, slots=True)
class Code:
    """Python text and how strongly it binds.

    ``boolean``: an array of truth values, which a product with numbers may use as it is.
    ``inverse``: the denominator x where the text is 1 / x, so that a product becomes a quotient.
    """

    text: str
    precedence: int = ATOM
    depth: int = 0
    boolean: bool = False
    inverse: Code | None = None
    matrix_product: bool = False

    def bound(self, precedence: int) -> str:
        """The text, in parentheses if it binds less strongly than ``precedence``."""
        loose = self.precedence < precedence or (self.matrix_product and precedence == PRODUCT)
        return f"({self.text})" if loose else self.text


Hoist: TypeAlias = Callable[[Code], Code]
Spelling: TypeAlias = Callable[..., Code]


def _deeper(*parts: Code) -> int:
    return 1 + max((x.depth for x in parts), default=0)


def call(function: str, *arguments: Code, keywords: str = "") -> Code:
    """``function(a, b, keywords)``."""
    inside = ", ".join([x.text for x in arguments] + ([keywords] if keywords else []))
    return Code(f"{function}({inside})", depth=_deeper(*arguments))


def add(terms: Sequence[tuple[bool, Code]]) -> Code:
    """A sum of (negative, code)."""
    text = ""
    for k, (negative, code) in enumerate(terms):
        if k == 0:
            text = f"-{code.bound(SIGN)}" if negative else code.bound(SUM)
        else:
            text += f" - {code.bound(PRODUCT - 1 + 1)}" if negative else f" + {code.bound(SUM)}"
    if len(terms) == 1:
        negative, code = terms[0]
        return Code(text, SIGN, _deeper(code)) if negative else code
    return Code(text, SUM, _deeper(*(code for _, code in terms)))


def multiply(numerators: Sequence[Code], denominators: Sequence[Code] = ()) -> Code:
    """A product, divided by the product of ``denominators``."""
    parts = [*numerators, *denominators]
    if not numerators:
        numerators = [Code("1")]
    elif len(parts) == 1:
        return numerators[0]
    first, *rest = numerators
    chained = first.precedence == PRODUCT and not first.matrix_product
    text = first.text if chained else first.bound(SIGN)
    text += "".join(f" * {x.bound(SIGN)}" for x in rest)
    text += "".join(f" / {x.bound(SIGN)}" for x in denominators)
    inverse = denominators[0] if text == f"1 / {denominators[0].bound(SIGN)}" else None if (
        denominators
    ) else None
    return Code(text, PRODUCT, _deeper(*parts), inverse=inverse)


def power(base: Code, exponent: Code) -> Code:
    """``base**exponent``, spaced as formatters space it."""
    left, right = base.bound(ATOM), exponent.bound(SIGN)
    simple = _is_simple(left) and _is_simple(right.removeprefix("-"))
    return Code(f"{left}**{right}" if simple else f"{left} ** {right}", POWER, _deeper(base, exponent))


def _is_simple(text: str) -> bool:
    return text.replace(".", "").replace("_", "").isalnum()
