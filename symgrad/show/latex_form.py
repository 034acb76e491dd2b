r"""Formulas as LaTeX: what `printer` makes of them, in the signs that lectures print.

Why it exists: there is one LaTeX printer for every rendering, so what it emits has to compile with
amsmath alone, convert to MathML, and read like the text. Parentheses grow (``\left(``) only around
what is tall, so that a long line can be broken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter

from symgrad.show.latex_names import head_of, line_name, subscripted, symbol
from symgrad.show.notation import closed, indexed, is_chain_term, is_nabla
from symgrad.show.printer import WORDLESS, Printer
from symgrad.show.reading import POW, has_denominator, is_negative, numerator_and_denominator
from symgrad.symbols import ScalarCall

_TALL = (r"\frac", r"\sum", r"\begin", r"\left", r"\overline")
_LONG = 100
"""A longer text is put behind a fraction, not into it, so that its line can be broken."""

_RELATIONS = {"==": "=", "!=": r"\neq", ">=": r"\geq", "<=": r"\leq", ">": ">", "<": "<"}


def latex(expr: Any, marks: Mapping[str, str] | None = None) -> str:
    r"""One formula as LaTeX.

    Each value whose name is in ``marks`` is wrapped in ``\class{mark}{…}``, which MathJax and
    latex2mathml know, so that a page can say where it was computed.
    """
    text: str = LatexForm(marks or {}).doprint(expr)
    return text


class LatexForm(Printer, LatexPrinter):
    r"""SymPy's printer with ⊙ and ᵀ as lectures write them."""

    printmethod = "_symgrad_latex"  # so that no object's own _latex comes first
    times = " "
    odot = r" \odot "
    sigma = r"\sum"
    ones = r"\mathbf{1}"
    relations = _RELATIONS

    def __init__(self, marks: Mapping[str, str]) -> None:
        super().__init__()
        self._marks = marks

    def group(self, text: str) -> str:
        return enclosed("(", text, ")")

    def parenthesize(
        self, item: Any, level: int, is_neg: bool = False, strict: bool = False
    ) -> str:
        """For SymPy's own methods."""
        return self.binding(item, level, strict)

    def where(self, left: str, relation: str, right: str) -> str:
        return r"\mathbf{1}" + enclosed("[", f"{left} {_RELATIONS[relation]} {right}", "]")

    # --------------------------------------------------------------------------- names

    def _print_Symbol(self, expr: Any, style: str = "plain") -> str:
        derivative = expr.name[:1] in "∂∇" or is_chain_term(expr.name)
        return self._marked(expr.name, line_name(expr.name) if derivative else None)

    _print_MatrixSymbol = _print_Symbol

    def _marked(self, name: str, text: str | None = None) -> str:
        text = symbol(name) if text is None else text
        mark = self._marks.get(name)
        return text if mark is None else rf"\class{{{mark}}}{{{text}}}"

    def _print_Indexed(self, expr: Any) -> str:
        name = str(expr.base.label)
        if is_nabla(name):  # ∇_z[k] L
            entry = indexed(name, ", ".join(map(self._print, expr.indices)))
            return self._marked(name, line_name(entry))
        if name[:1] == "∂" or is_chain_term(name):
            entry = f"{name}[{', '.join(map(self._print, expr.indices))}]"
            return self._marked(name, line_name(entry))
        return self._marked(name, self._entry(symbol(name), expr.indices))

    def _print_MatrixElement(self, expr: Any) -> str:
        rows, cols = expr.parent.shape
        where = expr.args[1:2] if cols == 1 else expr.args[2 if rows == 1 else 1 :]
        if isinstance(expr.parent, sp.MatrixSymbol):
            name = expr.parent.name
            return self._marked(name, self._entry(symbol(name), where))
        return self._entry(self.binding(expr.parent, POW), where)

    def _entry(self, base: str, where: Sequence[Any]) -> str:
        indices = [self._print(x) for x in where]
        short = all(re.fullmatch(r"\w|\\\w+", x) for x in indices)
        return subscripted(base, (" " if short else ", ").join(indices))

    def _print_NumberSymbol(self, expr: Any) -> str:
        return _NUMBERS.get(type(expr), str(expr))

    _print_Pi = _print_Exp1 = _print_Infinity = _print_NegativeInfinity = _print_NumberSymbol

    # ------------------------------------------------------------------------ products

    def joined(self, factors: Sequence[str]) -> str:
        *before, last = factors
        text, *rest = [*map(_closed, before), last]
        for factor in rest:
            if re.match(r"[\d.]", factor):
                sign = r" \cdot "
            else:
                sign = r" \, " if re.search(r"\\mathit\{\w*\}$", text) else " "
            text += sign + factor
        return text

    def beside(self, left: str, right: str) -> str:
        return self.joined([left, right])

    def half(self, text: str) -> str:
        return rf"\frac{{1}}{{2}} {text}"

    def over_one(self, t: Any) -> str:
        return rf"\frac{{1}}{{{self._print(t)}}}"

    def root(self, square: str) -> str:
        norm = re.fullmatch(r"(\\lVert ((?!\\rVert).)* \\rVert)\^2", square)
        return norm[1] if norm else rf"\sqrt{{{square}}}"

    def norm(self, text: str, power: str = "") -> str:
        return enclosed(r"\lVert", text, r"\rVert") + {"²": "^2", "₁": "_1"}.get(power, "")

    def modulus(self, text: str) -> str:
        return enclosed(r"\lvert", text, r"\rvert")

    def transposed(self, text: str) -> str:
        return rf"{_closed(text, True)}^\top"

    def inverted(self, text: str, turned: bool = False) -> str:
        exponent = r"-\top" if turned else "-1"
        return rf"{text}^{{{exponent}}}"

    def below(self, base: str, indices: Sequence[str]) -> str:
        return rf"{base}_{{{', '.join(indices)}}}"

    def head(self, name: str) -> str:
        return head_of(name)

    def unknown(self, name: str) -> str:
        return self._marked(name)

    def applied(self, head: str, inner: str, exp: str | None = None) -> str:
        return self._raised(head, exp) + self.group(inner)

    def scaled(self, c: Any, text: str) -> str:
        c = sp.sympify(c)
        negative = is_negative(c)
        numerator, denominator = numerator_and_denominator(-c if negative else c)
        sign = "-" if negative else ""
        if denominator == 1:
            front = [] if numerator == 1 else [self._front(numerator)]
            return sign + self.joined([*front, text])
        below = self._print(denominator)
        simple = denominator.is_number or denominator.is_Symbol
        if numerator == 1 and not simple and len(text) < _LONG:
            return sign + rf"\frac{{{_bare(text)}}}{{{below}}}"
        above = self._print(numerator)
        if not numerator.is_number and (len(above) > _LONG or r"\frac" in above):
            number, rest = numerator.as_coeff_Mul()
            behind = self.joined([self._front(rest), text])
            return sign + rf"\frac{{{number}}}{{{below}}} {behind}"
        return sign + rf"\frac{{{above}}}{{{below}}} {text}"

    def quotient(self, c: Any, above: Any, under: Any) -> str:
        sign = "-" if c.is_negative else ""
        number = sp.Integer(abs(c.p))
        shown = self.multiplied(above, alone=number == 1)
        factors = [f for f in sp.Mul.make_args(above) if f != 1]
        if number != 1 or not shown:
            shown = [self._print(number), *shown]
        below = c.q * under
        if below == 1:
            return sign + self.joined(shown)
        in_front = any(isinstance(f, sp.Sum | ScalarCall) for f in factors)
        in_front = in_front or sum(map(len, shown)) > _LONG
        if in_front or (under == 1 and len(factors) > 1):
            front, shown = (shown[:1], shown[1:]) if number != 1 else (["1"], shown)
            return sign + rf"\frac{{{front[0]}}}{{{self._print(below)}}} {self.joined(shown)}"
        if under == 1 and not (factors[0].is_Symbol or isinstance(factors[0], sp.Indexed)):
            return sign + rf"\frac{{{number}}}{{{c.q}}} {shown[-1]}"
        top = self._print(above) if len(shown) == 1 == number else self.joined(shown)
        return sign + rf"\frac{{{top}}}{{{self._print(below)}}}"

    def quotient_of_entries(self, c: Any, above: tuple[str, bool], below: tuple[str, bool]) -> str:
        c = sp.sympify(c)
        negative = is_negative(c)
        numerator, denominator = numerator_and_denominator(-c if negative else c)
        front = [] if numerator == 1 else [self._front(numerator)]
        behind = [] if denominator == 1 else [self._print(denominator)]
        under = self.joined([*behind, self.group(below[0]) if below[1] and behind else below[0]])
        top = [self.group(above[0]) if above[1] and front else above[0]] if above[0] else []
        if len(above[0]) > _LONG:
            fraction = rf"\frac{{{self.joined(front or ['1'])}}}{{{under}}}"
            text = self.odot.join([fraction, self.group(above[0]) if above[1] else above[0]])
        else:
            text = rf"\frac{{{self.joined([*front, *top] or ['1'])}}}{{{under}}}"
        return ("-" if negative else "") + text

    def _print_HadamardProduct(self, expr: Any) -> str:
        if has_denominator(expr):
            return self._over_entries(sp.S.One, expr)
        *factors, last = self._hadamard_factors(expr)
        return self.odot.join([*map(self._closed, factors), last])

    def _hadamard_factor(self, f: Any) -> str:
        text = self._print(f)
        return text if _is_fraction(text) else super()._hadamard_factor(f)

    def _scalar_factor(self, f: Any, last: bool) -> str:
        text = super()._scalar_factor(f, last)
        return text if last else self._closed(text)

    def _closed(self, text: str) -> str:
        """What follows cases must not seem to belong to the last one."""
        return self.group(text) if text.startswith(r"\begin{cases}") else text

    def _print_HadamardPower(self, expr: Any) -> str:
        base, n = expr.args
        if n.is_Integer and 1 < n <= 4:
            return self._repeated(base, n)
        if n == sp.Rational(1, 2):
            return rf"\sqrt{{{self._print(base)}}}"
        if n.is_negative:
            return self._over_entries(sp.S.One, expr)
        return self._raised(self.binding(base, POW), rf"\circ {self._print(n)}")

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        base, n = expr.base, expr.exp
        if n == sp.Rational(1, 2):
            return rf"\sqrt{{{self._print(base)}}}"
        if n.could_extract_minus_sign():
            return rf"\frac{{1}}{{{self._print(base ** (-n))}}}"
        power = str(n) if n.is_Rational else self._print(n)
        if isinstance(base, sp.Function) and type(base) not in WORDLESS:
            return self._print(base, exp=power)
        return self._raised(self.binding(base, POW + 1), power)

    @staticmethod
    def _raised(text: str, exp: str | None) -> str:
        """``text`` to a power; braces keep it from having two exponents."""
        if exp is None:
            return text
        return (f"{{{text}}}" if re.search(r"[\^']", text) else text) + f"^{{{exp}}}"

    # ------------------------------------------------------------------------ matrices

    def _print_Transpose(self, expr: Any) -> str:
        name = str(getattr(expr.arg, "name", ""))
        if name.startswith("∂") and closed(name) == name:  # ∂L/∂zᵀ
            return self._marked(name, line_name(f"{name}ᵀ"))
        return super()._print_Transpose(expr)

    def _print_MatPow(self, expr: Any) -> str:
        return self._raised(self.binding(expr.base, POW), self._print(expr.exp))

    def _print_FunctionMatrix(self, expr: Any) -> str:
        own = expr.lamda.variables[: 1 if expr.shape[1] == 1 else 2]
        return self._entry(enclosed("[", self._print(expr.lamda.expr), "]"), own)

    # ----------------------------------------------------------------------- functions

    def _print_Piecewise(self, expr: Any) -> str:
        *cases, (last, _) = expr.args
        rows = [rf"{self._print(x)} & \text{{if }} {self._print(c)}" for x, c in cases]
        rows.append(rf"{self._print(last)} & \text{{otherwise}}")
        body = r" \\ ".join(rows)
        return rf"\begin{{cases}} {body} \end{{cases}}"

    def _print_ExpBase(self, expr: Any, exp: str | None = None) -> str:
        text = self._print(expr.args[0])
        if len(text) > 24 or any(x in text for x in ("^", *_TALL)):
            return r"\exp" + self.group(text)
        return self._raised(f"e^{{{text}}}", exp)


def _closed(text: str, raised: bool = False) -> str:
    """``(\\nabla_{z} L)``, where a factor follows; and a fraction, where it is ``raised``."""
    heads = r"\\nabla|\\frac" if raised else r"\\nabla"
    found = re.match(rf"(\\class\{{[^}}]*\}}\{{)?({heads})", text)
    return enclosed("(", text, ")") if found else text


def enclosed(left: str, text: str, right: str) -> str:
    """``text`` in brackets, which grow where it is tall."""
    if any(x in text for x in _TALL):
        return rf"\left{left} {text} \right{right}"
    return f"{left} {text} {right}" if left.startswith("\\") else f"{left}{text}{right}"


def _bare(text: str) -> str:
    """``text`` without parentheses around all of it: a fraction's bar does for them."""
    inner = re.fullmatch(r"\((.*)\)|\\left\((.*)\\right\)", text)
    if inner is None:
        return text
    depth = 0
    for char in text[:-1]:
        depth += (char == "(") - (char == ")")
        if depth == 0 and char == ")":
            return text
    return (inner[1] if inner[2] is None else inner[2]).strip()


def _is_fraction(text: str) -> bool:
    r"""Whether ``text`` is one ``\frac``, which holds together without parentheses."""
    depth = groups = 0
    for k, char in enumerate(text):
        depth += ((char == "{") - (char == "}")) * (text[k - 1 : k] != "\\")
        groups += char == "}" and depth == 0
        if groups == 2:
            return text.startswith(r"\frac{") and k == len(text) - 1
    return False


_NUMBERS = {type(sp.pi): r"\pi", type(sp.E): "e", type(sp.GoldenRatio): r"\varphi"}
_NUMBERS |= {type(sp.oo): r"\infty", type(-sp.oo): r"-\infty"}
"""Numbers that have a name."""
