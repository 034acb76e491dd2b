"""Formulas as plain text, the way a blackboard has them.

In: the SymPy expressions that `matrix_form` makes (and what users declare). Out: one line of
Unicode, such as ``(W2ᵀ·δ2) ⊙ (1 − h ⊙ h)``. What a formula is made of is decided in `printer`;
here is how its pieces are written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import sympy as sp
from sympy.printing.str import StrPrinter

from symgrad.show.notation import closed, indexed
from symgrad.show.printer import Printer
from symgrad.show.reading import MUL, POW, is_negative, numerator_and_denominator
from symgrad.symbols import MatrixCall, ScalarCall
from symgrad.vocabulary import absolute

_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")

_HEADS = {
    "sigmoid": "σ",
    "signum": "sign",
    "hard_sign": "sign",
    "normal_cdf": "Φ",
    "normal_pdf": "φ",
    "maximum": "max",
    "minimum": "min",
    "Max": "max",
    "Min": "min",
    "sparsemax_threshold": "τ",
    "sparsemax_value": "Ω*",
}
"""Functions whose sign is not their name."""

_RELATIONS = {"==": "=", "!=": "≠", ">=": "≥", "<=": "≤", ">": ">", "<": "<"}


def formula(expr: Any) -> str:
    """``expr`` as one line of text."""
    return _formula(expr)


@lru_cache(maxsize=4096, typed=True)  # a line is measured, compared and shown
def _formula(expr: Any) -> str:
    text: str = TextPrinter().doprint(expr)
    return re.sub(r"(?<!\w)-|(?<=\s)-(?=\s)", "−", text)


class TextPrinter(Printer, StrPrinter):
    """SymPy's printer with the signs of a blackboard: · ⊙ ᵀ − and superscripts."""

    printmethod = "_symgrad_text"  # so that no object's own _sympystr comes first

    times = "·"
    odot = " ⊙ "
    sigma = "Σ"
    ones = "1"
    relations = _RELATIONS

    def parenthesize(self, item: Any, level: int, strict: bool = False) -> str:
        """For SymPy's own methods."""
        return self.binding(item, level, strict)

    def where(self, left: str, relation: str, right: str) -> str:
        return f"1[{left} {_RELATIONS[relation]} {right}]"

    def group(self, text: str) -> str:
        return f"({text})"

    def joined(self, factors: Sequence[str]) -> str:
        """Factors joined by ·, as in ``(∇_z L)·hᵀ``."""
        *before, last = factors
        return "·".join([*map(closed, before), last])

    def beside(self, left: str, right: str) -> str:
        """``wᵀ·x``, but ``yᵀ log(p)``."""
        return closed(left) + (" " if re.match(r"[^\W\d_]+\(", right) else "·") + right

    def scaled(self, c: Any, text: str) -> str:
        c = sp.sympify(c)
        if text == self.ones:
            sign, size = ("-", -c) if is_negative(c) else ("", c)
            if 1 not in numerator_and_denominator(size):  # (sum(x)/d)·1, but 1/N in every entry
                return f"{sign}({self._print(size)})·{text}"
        return self._over(c, text)

    def quotient_of_entries(self, c: Any, above: tuple[str, bool], below: tuple[str, bool]) -> str:
        c = sp.sympify(c)
        negative = is_negative(c)
        numerator, denominator = numerator_and_denominator(-c if negative else c)
        top, under = (self.group(text) if loose else text for text, loose in (above, below))
        if denominator != 1:
            under = f"({self.binding(denominator, POW, strict=True)}·{under})"
        shown = [top] if top else []
        if numerator != 1 or not shown:
            shown = [self._front(numerator), *shown]
        return ("-" if negative else "") + self.joined(shown) + f"/{under}"

    def half(self, text: str) -> str:
        return f"{text}/2"

    def over_one(self, t: Any) -> str:
        return f"1/{self.binding(t, POW)}"

    def root(self, square: str) -> str:
        is_norm = re.fullmatch("‖[^‖]*‖²", square)
        return square[:-1] if is_norm else f"sqrt({square})"

    def norm(self, text: str, power: str = "") -> str:
        return f"‖{text}‖{power}"

    def modulus(self, text: str) -> str:
        return f"|{text}|"

    def transposed(self, text: str) -> str:
        return f"{closed(text)}ᵀ"

    def inverted(self, text: str, turned: bool = False) -> str:
        return text + ("⁻ᵀ" if turned else "⁻¹")

    def below(self, base: str, indices: Sequence[str]) -> str:
        return f"{base}_{''.join(indices)}"

    def head(self, name: str) -> str:
        return _HEADS.get(name, name)

    def unknown(self, name: str) -> str:
        return name

    def applied(self, head: str, inner: str, exp: str | None = None) -> str:
        return f"{head}{inner}" if _is_closed(inner) else f"{head}({inner})"

    def _over(self, c: Any, text: str, below: str = "") -> str:
        """A number in front, a denominator behind (``below`` is one that is already text)."""
        c = sp.sympify(c)
        negative = is_negative(c)
        numerator, denominator = numerator_and_denominator(-c if negative else c)
        front = "" if numerator == 1 else closed(self._front(numerator)) + "·"
        if denominator != 1:
            number = self.binding(denominator, POW, strict=True)
            below = f"({number}·{below})" if below else number
        back = f"/{below}" if below else ""
        if ((front or back) and _is_loose(text)) or (back and text.endswith("·1")):
            text = f"({text})"  # of ones: (δᵀ·1)/N
        return ("-" if negative else "") + front + text + back

    def quotient(self, c: Any, above: Any, under: Any) -> str:
        shown = self.multiplied(above)
        if under == 1:
            return self._over(c, self.joined(shown)) if shown else self._print(c)
        below = self.binding(under, MUL if under.is_Mul else POW, strict=True)
        if under.is_Mul:
            below = below if c.q != 1 else f"({below})"
        if shown:
            return self._over(c, self.joined(shown), below)
        sign = "-" if c.is_negative else ""
        return sign + self._over(sp.Integer(1) / c.q, self._print(sp.Integer(abs(c.p))), below)

    def _print_HadamardPower(self, expr: Any) -> str:
        base, n = expr.args
        if n.is_Integer and 1 < n <= 4:
            return self._repeated(base, n)
        if n == sp.Rational(1, 2):
            return f"sqrt({self._print(base)})"
        if n.is_negative:
            return self._over_entries(sp.S.One, expr)
        return f"{self.binding(base, POW)}^∘{self._exponent(n)}"

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        base, n = expr.base, expr.exp
        if n == sp.Rational(1, 2):
            return f"sqrt({self._print(base)})"
        if n.could_extract_minus_sign():
            denominator = self.binding(base ** (-n), POW, strict=True)
            return f"1/{denominator}"
        if n.is_Integer:
            power = str(n).translate(_SUPERSCRIPT)
            if isinstance(base, sp.Function | ScalarCall) and not isinstance(base, absolute):
                text = self._print(base)
                head, _, rest = text.partition("(")
                if head.isalpha():
                    return f"{head}{power}({rest}"
            return closed(self.binding(base, POW + 1)) + power
        return f"{self.binding(base, POW + 1)}^{self._exponent(n)}"

    def _exponent(self, n: Any) -> str:
        text = self._print(n)
        return text if re.fullmatch(r"\w+", text) else f"({text})"

    # ------------------------------------------------------------------------- matrices

    def _print_FunctionMatrix(self, expr: Any) -> str:
        i, j = expr.lamda.variables
        indices = f"{i}{j}" if expr.shape[1] != 1 else f"{i}"
        return f"[{self._print(expr.lamda.expr)}]_{indices}"

    def _print_MatrixElement(self, expr: Any) -> str:
        i, j = (self._print(x) for x in expr.args[1:])
        rows, cols = expr.parent.shape
        where = i if cols == 1 else j if rows == 1 else f"{i}, {j}"
        level = MUL if isinstance(expr.parent, sp.Inverse) else POW
        return f"{self.binding(expr.parent, level)}[{where}]"

    def _print_MatPow(self, expr: Any) -> str:
        power = str(expr.exp).translate(_SUPERSCRIPT)
        return self.binding(expr.base, POW) + power

    def _print_Indexed(self, expr: Any) -> str:
        where = ", ".join(map(self._print, expr.indices))
        return indexed(str(expr.base.label), where)

    def _print_Integer(self, expr: Any) -> str:
        digits = str(abs(expr.p))
        power = len(digits) - 1
        if power < 12 or digits != "1" + "0" * power:
            return str(expr.p)
        return ("-" if expr.p < 0 else "") + "10" + str(power).translate(_SUPERSCRIPT)

    # ------------------------------------------------------------------------ functions

    def _print_Piecewise(self, expr: Any) -> str:
        *cases, (last, _) = expr.args
        text = self._print(last)
        for value, condition in reversed(cases):
            text = f"{self._print(value)} if {self._print(condition)} else {text}"
        return f"({text})"

    def _print_exp(self, expr: Any) -> str:
        return f"exp({self._print(expr.args[0])})"

    def _print_Pi(self, expr: Any) -> str:
        return "π"

    def _print_Exp1(self, expr: Any) -> str:
        return "e"

    def emptyPrinter(self, expr: Any) -> str:
        if isinstance(expr, MatrixCall | ScalarCall):
            return self._call(expr)
        text: str = super().emptyPrinter(expr)
        return text


def _is_closed(text: str) -> bool:
    """Whether ``text`` is one parenthesised group."""
    depth = 0
    for k, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return k == len(text) - 1 and text.startswith("(")
    return False


def _is_loose(text: str) -> bool:
    """Whether ``text`` has a sum or ⊙ outside every bracket and norm."""
    depth = bars = 0
    for k, char in enumerate(text):
        depth += (char in "([") - (char in ")]")
        bars ^= char in "‖|"
        if depth == bars == 0 and char in "+-⊙" and text[k - 1 : k + 2] == f" {char} ":
            return True
    return False
