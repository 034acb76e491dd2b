"""Formulas as plain text, the way a blackboard has them.

In: the SymPy expressions that `matrix_form` makes (and what users declare). Out: one line of
Unicode, such as ``(W2ᵀ·δ2) ⊙ (1 − h ⊙ h)``. The order of terms and factors is that of `reading`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.printing.str import StrPrinter

from symgrad.show.notation import closed, indexed
from symgrad.show.reading import (
    ADD,
    MUL,
    POW,
    Reading,
    factor_order,
    fraction,
    is_negative,
    numerator_and_denominator,
    turned,
)
from symgrad.symbols import MatrixCall, Opaque, ScalarCall
from symgrad.vocabulary import (
    absolute,
    exceeds,
    hard_sign,
    hard_step,
    inverse_or_zero,
    maximum,
    minimum,
    normal_cdf,
    normal_pdf,
    root,
    sigmoid,
    signum,
    step,
    xlogx,
    zero_one,
)

_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")

_FUNCTION_NAMES: dict[type[sp.Function], str] = {
    sigmoid: "σ",
    signum: "sign",
    hard_sign: "sign",
    normal_cdf: "Φ",
    normal_pdf: "φ",
    maximum: "max",
    minimum: "min",
    sp.log: "log",
    sp.Max: "max",
    sp.Min: "min",
}


_RELATIONS = {"==": "=", "!=": "≠", ">=": "≥", "<=": "≤", ">": ">", "<": "<"}


def formula(expr: Any) -> str:
    """``expr`` as one line of text."""
    text: str = TextPrinter().doprint(expr)
    return re.sub(r"(?<!\w)-|(?<=\s)-(?=\s)", "−", text)


class TextPrinter(Reading, StrPrinter):
    """SymPy's printer with the signs of a blackboard: · ⊙ ᵀ − and superscripts."""

    printmethod = "_symgrad_text"  # so that no object's own _sympystr comes first

    times = "·"
    odot = " ⊙ "
    relations = _RELATIONS

    def parenthesize(self, item: Any, level: int, strict: bool = False) -> str:
        """For SymPy's own methods."""
        return self.binding(item, level, strict)

    def where(self, left: str, relation: str, right: str) -> str:
        return f"1[{left} {_RELATIONS[relation]} {right}]"

    def group(self, text: str) -> str:
        return f"({text})"

    def joined(self, factors: Sequence[str]) -> str:
        """Factors joined by ·, but a space before a function: ``yᵀ log(p)``, ``(∇_z L)·hᵀ``."""
        *before, last = factors
        text, *rest = [*map(closed, before), last]
        for factor in rest:
            spaced = re.match(r"[^\W\d_]+\(", factor) and not text.endswith(")")
            text += (" " if spaced else "·") + factor
        return text

    def scaled(self, c: Any, text: str) -> str:
        return self._over(c, text)

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

    def _print_Mul(self, expr: Any) -> str:
        c, rest = expr.as_coeff_Mul()
        above, under = fraction(rest)
        if c.is_negative:
            c, kept = turned(c, sp.Mul.make_args(above))
            above = sp.Mul(*kept, evaluate=False) if len(kept) > 1 else kept[0]
        factors = sorted(sp.Mul.make_args(above), key=factor_order)
        shown = [self._scalar_factor(f, f is factors[-1]) for f in factors if f != 1]
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
        if n == -1:
            return f"1/{self.binding(base, POW)}"
        if n.is_Integer and -4 <= n < 0:
            return f"1/({self._print(sp.HadamardPower(base, -n))})"
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

    def _print_Transpose(self, expr: Any) -> str:
        if isinstance(expr.arg, sp.Inverse):
            return self.binding(expr.arg.arg, POW) + "⁻ᵀ"
        return closed(self.binding(expr.arg, POW)) + "ᵀ"

    def _print_Trace(self, expr: Any) -> str:
        return f"tr({self._print(expr.arg)})"

    def _print_OneMatrix(self, expr: Any) -> str:
        return "1"

    def _print_ZeroMatrix(self, expr: Any) -> str:
        return "0"

    def _print_Identity(self, expr: Any) -> str:
        return "I"

    def _print_DiagMatrix(self, expr: Any) -> str:
        return f"diag({self._print(expr.args[0])})"

    def _print_DiagonalOf(self, expr: Any) -> str:
        return f"diag({self._print(expr.arg)})"

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

    def _print_Inverse(self, expr: Any) -> str:
        if isinstance(expr.arg, sp.Transpose):
            return self.binding(expr.arg.arg, POW) + "⁻ᵀ"
        return self.binding(expr.arg, POW) + "⁻¹"

    def _print_Determinant(self, expr: Any) -> str:
        return f"det({self._print(expr.arg)})"

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

    def _print_reduction(self, expr: Any) -> str:
        operation, inner, *indices = expr.args
        return f"{operation}_{''.join(map(str, indices))}({self._print(inner)})"

    def _print_Sum(self, expr: Any) -> str:
        indices = "".join(str(limits[0]) for limits in expr.limits)
        return f"Σ_{indices} {self.binding(expr.function, MUL, strict=True)}"

    # ------------------------------------------------------------------------ functions

    def _print_Function(self, expr: Any) -> str:
        spelled = _SPELLED.get(expr.func)
        if spelled is not None:
            return spelled(self, *expr.args)
        if isinstance(expr, AppliedUndef):
            head = expr.func.__name__
        else:
            head = _FUNCTION_NAMES.get(expr.func, expr.func.__name__)
        inner = ", ".join(map(self._print, expr.args))
        return f"{head}{inner}" if _is_closed(inner) else f"{head}({inner})"

    def _print_Piecewise(self, expr: Any) -> str:
        *cases, (last, _) = expr.args
        text = self._print(last)
        for value, condition in reversed(cases):
            text = f"{self._print(value)} if {self._print(condition)} else {text}"
        return f"({text})"

    def _print_LatticeOp(self, expr: Any) -> str:  # SymPy's Max and Min
        return self._print_Function(expr)

    def _print_exp(self, expr: Any) -> str:
        return f"exp({self._print(expr.args[0])})"

    def _print_MatrixCall(self, expr: MatrixCall) -> str:
        return self._call(expr)

    def _print_ScalarCall(self, expr: ScalarCall) -> str:
        return self._call(expr)

    def _call(self, expr: Any) -> str:
        spelled = _CALLS.get(expr.head)
        if spelled is not None:
            return spelled(self, *expr.operands)
        return f"{expr.head}({', '.join(map(self._print, expr.operands))})"

    def emptyPrinter(self, expr: Any) -> str:
        if isinstance(expr, MatrixCall | ScalarCall):
            return self._call(expr)
        text: str = super().emptyPrinter(expr)
        return text


def _dot(p: TextPrinter, a: Any, b: Any) -> str:
    if a == b and isinstance(a, sp.MatAdd | Opaque | sp.MatrixSymbol):
        return f"‖{p._print(a)}‖²"
    if isinstance(a, sp.Transpose):  # the row r of r·x
        return p.joined([p._print(a.arg), p._factor(b)])
    if isinstance(b, sp.Transpose):
        return p.joined([p._print(b.arg), p._factor(a)])
    if a.shape[0] == 1:
        left = p._print(a) if isinstance(a, sp.MatMul) else p._factor(a)
        return p.joined([left, f"{closed(p.binding(b, POW))}ᵀ"])
    if a.shape[1] != 1:
        return f"sum({p._hadamard_factor(a)} ⊙ {p._hadamard_factor(b)})"
    right = p._print(b) if isinstance(b, sp.MatMul) else p._factor(b)
    return p.joined([f"{closed(p.binding(a, POW))}ᵀ", right])


def _root(square: str) -> str:
    """The root of ‖x‖² is ‖x‖."""
    is_norm = re.fullmatch("‖[^‖]*‖²", square)
    return square[:-1] if is_norm else f"sqrt({square})"


def _indicator(relation: str) -> Callable[..., str]:
    return lambda p, a, b=sp.S.Zero: p.where(p._print(a), relation, p._print(b))


_SPELLED: dict[type[sp.Function], Callable[..., str]] = {
    step: _indicator(">"),
    hard_step: _indicator(">"),
    zero_one: _indicator("<"),
    exceeds: _indicator(">"),
    absolute: lambda p, t: f"|{p._print(t)}|",
    inverse_or_zero: lambda p, t: f"1/{p.binding(t, POW)}",
    root: lambda p, t: _root(p._print(t)),
    xlogx: lambda p, t: p._print(t * sp.log(t)),
}
"""Scalar functions that have a sign of their own."""

_CALLS: dict[str, Callable[..., str]] = {
    "mapped": lambda p, function, *operands: p.mapped(function, *operands),
    "step": lambda p, x: f"1[{p._print(x)} > 0]",
    "maximum": lambda p, a, b: f"max({p._print(a)}, {p._print(b)})",
    "minimum": lambda p, a, b: f"min({p._print(a)}, {p._print(b)})",
    "trace": lambda p, x: f"tr({p._print(x)})",
    "logdet": lambda p, x: f"log|det {p.operand(x)}|",
    "norm": lambda p, x: f"‖{p._print(x)}‖",
    "inverse": lambda p, x: f"{p.binding(x, POW)}⁻¹",
    "dot": _dot,
    "sigmoid": lambda p, x: f"σ({p._print(x)})",
    "abs": lambda p, x: f"|{p._print(x)}|",
    "onehot": lambda p, i, n: f"1_{p._print(i)}",
    "l1": lambda p, x: f"‖{p._print(x)}‖₁" if 1 in x.shape else f"sum(|{p._print(x)}|)",
    "l2": lambda p, x: f"‖{p._print(x)}‖²/2",
    "squared_error": lambda p, a, b: f"‖{p.binding(a, ADD)} - {p.binding(b, MUL)}‖²/2",
}
"""symgrad's functions that have a sign of their own."""


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
