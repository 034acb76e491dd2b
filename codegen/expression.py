"""Arithmetic as Python text: a printer by precedence, for every target.

Why it exists: weights, dimensions and the bodies of maps are scalar SymPy expressions, and sums
and products of arrays are arithmetic too. `Code` is a piece of text that knows how strongly it
binds, so that parentheses stand where they are needed and nowhere else. `Printer` composes it,
and asks its target for what differs: how a function is spelled, and where a long part goes.

Nothing recurses: a SymPy body is folded with an explicit stack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import sympy as sp
from sympy.core.relational import Relational

from symgrad.errors import UnsupportedError

COMPARE, SUM, PRODUCT, SIGN, POWER, ATOM = range(6)
"""How strongly text binds. A matrix product binds as a product."""

LONGEST = 60
"""Characters in the operands of one expression; beyond, one of them gets a line of its own."""
LONGEST_NAME = 30
"""What is longer is no plain name, and can be hoisted."""
DEEPEST = 5
"""Levels of operations in one expression."""


class Code(NamedTuple):
    """Python text and how strongly it binds.

    ``boolean``: an array of truth values. ``inverse``: x, where the text is 1 / x, so that a
    product with it becomes a quotient. ``matrix``: a matrix product, which is put in parentheses
    inside any product, because the order of evaluation is a matter of cost.
    """

    text: str
    precedence: int = ATOM
    depth: int = 0
    boolean: bool = False
    inverse: Code | None = None
    matrix: bool = False

    def bound(self, precedence: int) -> str:
        """The text, in parentheses if it binds less strongly than ``precedence``."""
        return f"({self.text})" if self.precedence < precedence else self.text


Spelling: TypeAlias = "str | Callable[..., Code]"


def deeper(*parts: Code) -> int:
    """The depth of an expression with these parts."""
    return 1 + max((x.depth for x in parts), default=0)


def call(function: str, *arguments: Code, keywords: str = "") -> Code:
    """``function(a, b, keywords)``."""
    inside = ", ".join([x.text for x in arguments] + ([keywords] if keywords else []))
    return Code(f"{function}({inside})", depth=deeper(*arguments))


def matrix_product(left: Code, right: Code) -> Code:
    """``left @ right``."""
    text = f"{left.bound(POWER)} @ {right.bound(POWER)}"
    return Code(text, PRODUCT, deeper(left, right), matrix=True)


def compare(left: Code, operator: str, right: Code) -> Code:
    """``left operator right``, an array of truth values."""
    text = f"{left.bound(SUM)} {operator} {right.bound(SUM)}"
    return Code(text, COMPARE, deeper(left, right), boolean=True)


_FLIPPED = {"==": "==", ">=": "<=", ">": "<"}


def condition(
    terms: Sequence[tuple[int, Code]], offset: sp.Expr, relation: str, whole: Callable[..., Code]
) -> Code:
    """Σ coefficient·term + offset = 0, or ≥ 0, with the first term and no minus on the left.

    ``whole`` prints an expression in dimensions.
    """
    operator = "==" if relation == "=" else ">="
    if relation != "=" and offset == -1:
        operator, offset = ">", sp.S.Zero
    sides: tuple[list[Code], list[Code]] = ([], [])
    for c, code in terms:
        size = code if abs(c) == 1 else multiply([integer(abs(c)), code])
        sides[c < 0].append(size)
    right = offset.is_negative or (not sides[1] and not offset.is_positive)
    if offset != 0 or not sides[right]:
        sides[bool(right)].append(whole(-offset if right else offset))
    first, second = (add([(False, x) for x in side]) if side else integer(0) for side in sides)
    if terms and terms[0][0] < 0:
        return compare(second, _FLIPPED[operator], first)
    return compare(first, operator, second)


def add(terms: Sequence[tuple[bool, Code]]) -> Code:
    """A sum of (is negative, code)."""
    (negative, first), *rest = terms
    if negative:
        first = _negated(first)
    if not rest:
        return first
    text = first.bound(SUM)
    for negative, code in rest:
        text += f" - {code.bound(PRODUCT)}" if negative else f" + {code.bound(SUM)}"
    return Code(text, SUM, deeper(*(code for _, code in terms)))


def _negated(code: Code) -> Code:
    if code.precedence == POWER:
        return Code(f"-({code.text})", SIGN, deeper(code))
    precedence = PRODUCT if code.precedence == PRODUCT and not code.matrix else SIGN
    return Code(f"-{code.bound(precedence)}", precedence, deeper(code))


def multiply(numerators: Sequence[Code], denominators: Sequence[Code] = ()) -> Code:
    """A product, divided by each of ``denominators``."""
    if len(numerators) == 1 and not denominators:
        return numerators[0]
    first, *rest = numerators or [Code("1")]
    chained = first.precedence == PRODUCT and not first.matrix
    text = first.text if chained else first.bound(SIGN)
    text += "".join(f" * {x.bound(POWER)}" for x in rest)
    text += "".join(f" / {x.bound(POWER)}" for x in denominators)
    inverse = denominators[0] if not numerators and len(denominators) == 1 else None
    return Code(text, PRODUCT, deeper(*numerators, *denominators), inverse=inverse)


def power(base: Code, exponent: Code) -> Code:
    """``base**exponent``, spaced as formatters space it."""
    left, right = base.bound(ATOM), exponent.bound(SIGN)
    simple = all(x.replace(".", "").replace("_", "").isalnum() for x in (left, right.strip("-")))
    text = f"{left}**{right}" if simple else f"{left} ** {right}"
    return Code(text, POWER, deeper(base, exponent))


def floored(above: Code, below: Code) -> Code:
    """``above // below``."""
    text = f"{above.bound(PRODUCT)} // {below.bound(POWER)}"
    return Code(text, PRODUCT, deeper(above, below))


def integer(n: int) -> Code:
    """A whole number."""
    return Code(str(n)) if n >= 0 else Code(str(n), SIGN)


_EXACT = 2**53
"""From here on a whole number is a float, which arrays hold it as anyway."""


def number(value: sp.Expr) -> Code:
    """A real number: exact where Python's division is, else its decimal digits."""
    if value.is_Integer and abs(value) < _EXACT:
        return integer(int(value))
    if value.is_Rational and not value.is_Integer:
        tops, bottoms = _fraction(abs(value))
        return add([(bool(value < 0), multiply(tops, bottoms))])
    text = repr(float(value)).replace("e+", "e")
    return Code(text, SIGN if text.startswith("-") else ATOM)


def _fraction(value: sp.Rational) -> tuple[list[Code], list[Code]]:
    """A positive rational number as factors above and below the line; 1 has none."""
    decimal = repr(float(value)).replace("e+", "e")
    if value.q == 1 and value >= _EXACT:
        return [Code(decimal)], []
    if value.q != 1 and len(decimal) <= 6 and "e" not in decimal:
        return [Code(decimal)], []
    return [integer(int(n)) for n in [value.p] if n != 1], [
        integer(int(n)) for n in [value.q] if n != 1
    ]


class Printer:
    """Composes text for one target.

    ``functions`` spells SymPy's functions: a name to call, or a function of `Code`. ``symbols``
    gives the text of a symbol that is not an argument, such as a dimension. ``hoist`` gives a
    long part a line of its own; ``real`` turns truth values into numbers.
    """

    def __init__(
        self,
        target: str,
        functions: Mapping[type[sp.Basic], Spelling],
        symbols: Callable[[sp.Symbol], Code],
        hoist: Callable[[Code], Code] = lambda code: code,
        real: Callable[[Code], Code] = lambda code: code,
    ) -> None:
        self.target, self.functions, self.symbols = target, functions, symbols
        self.hoist, self.real = hoist, real

    def fit(self, parts: Sequence[Code], room: int = LONGEST) -> list[Code]:
        """``parts`` with the longest ones hoisted, until one expression can hold them."""
        fitted = list(parts)
        length = sum(len(x.text) + 3 for x in fitted)
        compound = [k for k, x in enumerate(fitted) if x.depth > 0 or len(x.text) > LONGEST_NAME]
        deep = [k for k in compound if fitted[k].depth >= DEEPEST]
        rest = [k for k in compound if fitted[k].depth < DEEPEST]
        for k in (*deep, *sorted(rest, key=lambda k: -len(fitted[k].text))):
            if length <= room and fitted[k].depth < DEEPEST:
                break
            hoisted = self.hoist(fitted[k])
            length += len(hoisted.text) - len(fitted[k].text)
            fitted[k] = hoisted
        return fitted

    def add(self, terms: Sequence[tuple[bool, Code]]) -> Code:
        """A sum of any length."""
        codes = self.fit([code for _, code in terms])
        parts: list[tuple[bool, Code]] = []
        for (negative, _), code in zip(terms, codes, strict=True):
            if sum(len(x.text) + 3 for _, x in parts) + len(code.text) > LONGEST and parts:
                parts = [(False, self.hoist(add(parts)))]
            parts.append((negative, code))
        return add(parts)

    def multiply(self, numerators: Sequence[Code], denominators: Sequence[Code] = ()) -> Code:
        """A quotient of products of any length; a factor 1 / x divides by x."""
        above = [x for x in numerators if x.inverse is None]
        below = [*denominators, *(x.inverse for x in numerators if x.inverse is not None)]
        codes = self.fit([*above, *below])
        top, bottom = codes[: len(above)], codes[len(above) :]
        parts: list[Code] = []
        for code in top:
            if sum(len(x.text) + 3 for x in parts) + len(code.text) > LONGEST and parts:
                parts = [self.hoist(multiply(parts))]
            parts.append(code)
        return multiply(parts, bottom)

    def scaled(self, weight: sp.Expr, code: Code) -> tuple[bool, Code]:
        """weight·code as (is negative, the rest)."""
        coefficient, rest = weight.as_coeff_Mul()
        negative = bool(coefficient < 0)
        if rest is sp.S.One and coefficient.is_Rational:
            tops, bottoms = _fraction(abs(coefficient))
            return negative, self.multiply([*tops, code], bottoms)
        if weight.is_number:  # √2/8 is one number
            return negative, self.multiply([self.scalar(sp.Float(float(abs(weight)))), code])
        above, below = sp.fraction(-weight if negative else weight)
        tops = [] if above is sp.S.One else [self.scalar(above)]
        bottoms = [] if below is sp.S.One else [self.scalar(below)]
        return negative, self.multiply([*tops, code], bottoms)

    def scalar(self, body: sp.Expr, arguments: Mapping[sp.Basic, Code] | None = None) -> Code:
        """A SymPy expression, its symbols being ``arguments`` or the target's own."""
        done: dict[sp.Basic, Code] = dict(arguments or {})
        stack = [(body, False)]
        while stack:
            e, ready = stack.pop()
            if e in done:
                continue
            parts = _parts(e)
            if ready or not parts:
                done[e] = self._composed(e, [done[x] for x in parts])
            else:
                stack.append((e, True))
                stack.extend((x, False) for x in parts)
        return done[body]

    def _composed(self, e: sp.Expr, parts: list[Code]) -> Code:
        if isinstance(e, sp.Not | sp.And | sp.Or):
            return self.connected(_CONNECTIVES[type(e)], parts)
        if isinstance(e, sp.Piecewise):
            n = len(parts) // 2
            return self._chosen(parts[:n], parts[n:])
        if not (e.is_Mul and any(not (x.boolean or _is_literal(x)) for x in parts)):
            parts = [self.real(x) if x.boolean else x for x in parts]
        if e.is_Symbol:
            return self.symbols(e)
        if e.is_number:
            return number(e)
        if isinstance(e, Relational):
            return compare(parts[0], e.rel_op, parts[1])
        if _is_whole_quotient(e):
            return floored(*parts)
        if e.is_Add:
            signs = [negative for negative, _ in _terms(e)]
            return self.add(list(zip(signs, parts, strict=True)))
        if e.is_Mul:
            if is_negative(e):
                return add([(True, parts[0])])
            above, _ = _factors(e)
            tops = sorted(parts[: len(above)], key=lambda x: x.boolean)  # numbers first
            if tops and tops[0].boolean:  # a truth value has no sign, and -(x > 0) / y is one's
                tops[0] = self.real(tops[0])
            return self.multiply(tops, parts[len(above) :])
        if e.is_Pow:
            if is_negative(e.exp):
                return self.multiply([], parts)
            if e.exp is sp.S.Half:
                return self._function(sp.sqrt, e, parts)
            return power(*self.fit([*parts, *([number(e.exp)] if len(parts) == 1 else [])]))
        return self._function(e.func, e, parts)

    def _chosen(self, conditions: Sequence[Code], values: Sequence[Code]) -> Code:
        """The value of the first condition that holds, else the last value."""
        numbers = [self.real(x) if x.boolean else x for x in values]
        *_, result = numbers = self.fit(numbers)
        for condition, value in zip(conditions[::-1], numbers[-2::-1], strict=True):
            result = self.conditional(condition, value, result)
        literal = all(x.depth == 0 and _is_literal(x) for x in numbers)
        return self.real(result) if literal else result

    def conditional(self, condition: Code, yes: Code, no: Code) -> Code:
        """One of two values."""
        return call("np.where", condition, yes, no)

    def connected(self, connective: str, parts: Sequence[Code]) -> Code:
        """Truth values joined by ``&`` or ``|``, or negated by ``~``."""
        codes = [x.bound(ATOM) for x in parts]
        text = f" {connective} ".join(codes) if len(codes) > 1 else f"{connective}{codes[0]}"
        return Code(text, COMPARE, deeper(*parts), boolean=True)

    def _function(self, key: object, e: sp.Expr, parts: list[Code]) -> Code:
        spelling = self.functions.get(key)  # type: ignore[call-overload]
        if spelling is None:
            raise UnsupportedError(
                f"the {self.target} target has no spelling for the function {type(e).__name__} in "
                f"{e}; write it in SymPy's functions, or give its class a doit method that does."
            )
        parts = self.fit(parts)
        return call(spelling, *parts) if isinstance(spelling, str) else spelling(*parts)


# ------------------------------------------------------------- SymPy expressions, taken apart


def _is_literal(code: Code) -> bool:
    return code.text.lstrip("-")[0].isdigit()


_CONNECTIVES = {sp.And: "&", sp.Or: "|", sp.Not: "~"}


def is_negative(e: sp.Expr) -> bool:
    """Whether an expression is written with a minus sign in front."""
    coefficient = e.as_coeff_Mul()[0]
    return bool(coefficient.is_negative)


def _terms(e: sp.Add) -> list[tuple[bool, sp.Expr]]:
    """The terms of a sum: positive ones first, and a positive number after them."""
    terms = [(is_negative(x), -x if is_negative(x) else x) for x in e.args]
    return sorted(terms, key=lambda term: (term[0], term[1].is_number))


def _factors(e: sp.Mul) -> tuple[list[sp.Expr], list[sp.Expr]]:
    """The factors above and below the line of a positive product."""
    above: list[sp.Expr] = []
    below: list[sp.Expr] = []
    for x in e.args:
        if x.is_Rational and not x.is_Integer:
            tops, bottoms = (x, 1) if not _fraction(x)[1] else (x.p, x.q)
            above += [sp.sympify(tops)] if tops != 1 else []
            below += [sp.Integer(bottoms)] if bottoms != 1 else []
        elif x.is_Pow and is_negative(x.exp):
            below.append(1 / x)
        else:
            above.append(x)
    return above, below


def _is_whole_quotient(e: sp.Expr) -> bool:
    """Whether an expression is ⌊a/b⌋ of whole numbers, as the dimensions of a convolution are."""
    if not isinstance(e, sp.floor):
        return False
    return all(x.is_integer for x in sp.together(e.args[0]).as_numer_denom())


def _parts(e: sp.Expr) -> list[sp.Expr]:
    """What has to be printed before ``e``."""
    if e.is_Symbol or e.is_number:
        return []
    if isinstance(e, sp.Piecewise):
        return [x.cond for x in e.args[:-1]] + [x.expr for x in e.args]
    if _is_whole_quotient(e):
        return list(sp.together(e.args[0]).as_numer_denom())
    if e.is_Add:
        return [x for _, x in _terms(e)]
    if e.is_Mul:
        if is_negative(e):
            return [-e]
        above, below = _factors(e)
        return above + below
    if e.is_Pow:
        if is_negative(e.exp):
            return [1 / e]
        return [e.base] if e.exp.is_number else [e.base, e.exp]
    return list(e.args)
