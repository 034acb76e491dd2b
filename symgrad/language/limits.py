"""How large numbers, constants and dimensions may be: what SymPy is never asked to work out.

Why it exists: SymPy evaluates numbers as it meets them, and 9^9^9^9 or exp(exp(exp(9))) has more
digits than memory; it expands dimensions to compare them, and (a + b + c)^40 has too many terms.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from symgrad.errors import UnsupportedError

MAX_DIGITS = 40
MAX_EXPONENT = 60
MAX_CONSTANT = sp.Integer(10) ** MAX_EXPONENT
MAX_PARTS = 60
"""Of a constant or a dimension."""
MAX_EXPANDED = 64
"""Terms of a dimension when it is multiplied out."""


def number(text: str) -> sp.Expr:
    """A number as it was typed, exactly: 0.01 is 1/100."""
    mantissa, _, exponent = text.lower().partition("e")
    if len(mantissa) > MAX_DIGITS or len(exponent) > 4 or abs(int(exponent or 0)) > MAX_EXPONENT:
        raise UnsupportedError(
            f"the number {text[:20]}… is too long; at most {MAX_DIGITS} digits and the exponent "
            f"{MAX_EXPONENT} are read."
        )
    return sp.Rational(mantissa) * sp.Integer(10) ** int(exponent or 0)


def parts(value: Any) -> int:
    """How many nodes an expression has, counted until there are too many."""
    count, stack = 0, [value]
    while stack and count <= MAX_PARTS:
        count += 1
        stack.extend(stack.pop().args)
    return count


def is_constant(value: Any) -> bool:
    """Whether a scalar has no leaves in it: a number, or an expression in dimensions."""
    return isinstance(value, sp.Expr) and bool(
        value.is_number or (value.is_integer and all(x.is_positive for x in value.free_symbols))
    )


def checked_constant(value: Any) -> Any:
    """The value; raises UnsupportedError for a number that is not real or far too large."""
    if not (isinstance(value, sp.Expr) and value.is_number):
        return value
    if parts(value) > MAX_PARTS:
        raise UnsupportedError("this constant is made of too many parts; give it a value.")
    if value.has(sp.nan, sp.zoo, sp.oo, sp.I):
        raise UnsupportedError("this is no real number.")
    size = abs(sp.N(value, 15))
    if not (size.is_finite and size <= MAX_CONSTANT):
        raise UnsupportedError("this is no real number, or one far too large.")
    return value


def expanded_terms(value: Any) -> int:
    """A bound on the terms of a polynomial when it is multiplied out, up to the limit."""
    done: dict[Any, int] = {}
    for e in sp.postorder_traversal(value):
        inner = [done[x] for x in e.args]
        if isinstance(e, sp.Add):
            found = sum(inner)
        elif isinstance(e, sp.Mul):
            found = 1
            for x in inner:
                found = min(found * x, MAX_EXPANDED + 1)
        elif isinstance(e, sp.Pow) and e.exp.is_Integer and e.exp.is_positive:
            found = min(inner[0] ** min(int(e.exp), 64), MAX_EXPANDED + 1) if inner[0] > 1 else 1
        else:
            found = 1
        done[e] = min(found, MAX_EXPANDED + 1)
    return done[value]


def checked_position(value: Any) -> Any:
    """A position, a bound or a dimension; raises UnsupportedError for one that is too involved."""
    allowed = sp.Symbol | sp.Rational | sp.Add | sp.Mul | sp.Pow | sp.Idx
    plain = parts(value) <= MAX_PARTS and all(
        isinstance(e, allowed) and not (isinstance(e, sp.Pow) and not e.exp.is_Integer)
        for e in sp.preorder_traversal(value)
    )
    if not plain or expanded_terms(value) > MAX_EXPANDED:
        raise UnsupportedError(
            "this position or size is too involved; expected a sum such as D − 1 or 2 i + u."
        )
    if any(abs(x) > MAX_CONSTANT for x in value.atoms(sp.Rational)):
        raise UnsupportedError("a number here is far too large.")
    return value
