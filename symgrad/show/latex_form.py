r"""Formulas as LaTeX: the terms in the order of `reading`, the signs as lectures print them.

Why it exists: there is one LaTeX printer for every rendering, so what it emits has to compile with
amsmath alone, convert to MathML, and read like the text. Parentheses grow (``\left(``) only around
what is tall, so that a long line can be broken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.printing.latex import LatexPrinter

from symgrad import vocabulary as v
from symgrad.show.latex_names import head_of, line_name, subscripted, symbol
from symgrad.show.notation import closed, indexed, is_nabla
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
from symgrad.symbols import MatrixCall, ScalarCall

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


class LatexForm(Reading, LatexPrinter):
    r"""SymPy's printer with ⊙ and ᵀ as lectures write them."""

    printmethod = "_symgrad_latex"  # so that no object's own _latex comes first
    times = " "
    odot = r" \odot "
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
        return self._marked(expr.name, line_name(expr.name) if expr.name[:1] in "∂∇" else None)

    _print_MatrixSymbol = _print_Symbol

    def _marked(self, name: str, text: str | None = None) -> str:
        text = symbol(name) if text is None else text
        mark = self._marks.get(name)
        return text if mark is None else rf"\class{{{mark}}}{{{text}}}"

    def _print_Indexed(self, expr: Any) -> str:
        name = str(expr.base.label)
        if is_nabla(name):  # ∇_z[k] L
            return line_name(indexed(name, ", ".join(map(self._print, expr.indices))))
        if name[:1] == "∂":
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
        return sign + rf"\frac{{{self._print(numerator)}}}{{{below}}} {text}"

    def _print_Mul(self, expr: Any) -> str:
        c, rest = expr.as_coeff_Mul()
        above, under = fraction(rest)
        if c.is_negative:
            c, kept = turned(c, sp.Mul.make_args(above))
            above = sp.Mul(*kept, evaluate=False) if len(kept) > 1 else kept[0]
        sign = "-" if c.is_negative else ""
        factors = sorted((f for f in sp.Mul.make_args(above) if f != 1), key=factor_order)
        shown = [self._scalar_factor(f, f is factors[-1]) for f in factors]
        number = sp.Integer(abs(c.p))
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
        top = self._print(factors[0]) if len(shown) == len(factors) == 1 else self.joined(shown)
        return sign + rf"\frac{{{top}}}{{{self._print(below)}}}"

    def _print_HadamardProduct(self, expr: Any) -> str:
        *factors, last = self._hadamard_factors(expr)
        return self.odot.join([*map(self._closed, factors), last])

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
        if n.is_Integer and -4 <= n < 0:
            return rf"\frac{{1}}{{{self._print(sp.HadamardPower(base, -n) if n < -1 else base)}}}"
        return self._raised(self.binding(base, POW), rf"\circ {self._print(n)}")

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        base, n = expr.base, expr.exp
        if n == sp.Rational(1, 2):
            return rf"\sqrt{{{self._print(base)}}}"
        if n.could_extract_minus_sign():
            return rf"\frac{{1}}{{{self._print(base ** (-n))}}}"
        power = str(n) if n.is_Rational else self._print(n)
        if isinstance(base, sp.Function) and type(base) not in _SPELLED:
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
        if isinstance(expr.arg, sp.Inverse):
            return rf"{self.binding(expr.arg.arg, POW)}^{{-\top}}"
        name = str(getattr(expr.arg, "name", ""))
        if name.startswith("∂") and closed(name) == name:  # ∂L/∂zᵀ
            return self._marked(name, line_name(f"{name}ᵀ"))
        return rf"{_closed(self.binding(expr.arg, POW), True)}^\top"

    def _print_Inverse(self, expr: Any) -> str:
        if isinstance(expr.arg, sp.Transpose):
            return rf"{self.binding(expr.arg.arg, POW)}^{{-\top}}"
        return rf"{self.binding(expr.arg, POW)}^{{-1}}"

    def _print_MatPow(self, expr: Any) -> str:
        return self._raised(self.binding(expr.base, POW), self._print(expr.exp))

    def _print_Determinant(self, expr: Any) -> str:
        return rf"\det{self.group(self._print(expr.arg))}"

    def _print_Trace(self, expr: Any) -> str:
        return rf"\operatorname{{tr}}{self.group(self._print(expr.arg))}"

    def _print_Identity(self, expr: Any) -> str:
        return "I"

    def _print_OneMatrix(self, expr: Any) -> str:
        return r"\mathbf{1}"

    def _print_ZeroMatrix(self, expr: Any) -> str:
        return "0"

    def _print_DiagMatrix(self, expr: Any) -> str:
        return rf"\operatorname{{diag}}{self.group(self._print(expr.args[0]))}"

    def _print_DiagonalOf(self, expr: Any) -> str:
        return rf"\operatorname{{diag}}{self.group(self._print(expr.arg))}"

    def _print_FunctionMatrix(self, expr: Any) -> str:
        own = expr.lamda.variables[: 1 if expr.shape[1] == 1 else 2]
        return self._entry(enclosed("[", self._print(expr.lamda.expr), "]"), own)

    # ----------------------------------------------------------------------- functions

    def _print_Sum(self, expr: Any) -> str:
        indices = ", ".join(self._print(limits[0]) for limits in expr.limits)
        return rf"\sum_{{{indices}}} {self.binding(expr.function, MUL, strict=True)}"

    def _print_reduction(self, expr: Any) -> str:
        operation, inner, *indices = expr.args
        below = ", ".join(map(self._print, indices))
        return rf"{head_of(operation.name)}_{{{below}}}{self.group(self._print(inner))}"

    def _print_Piecewise(self, expr: Any) -> str:
        *cases, (last, _) = expr.args
        rows = [rf"{self._print(x)} & \text{{if }} {self._print(c)}" for x, c in cases]
        rows.append(rf"{self._print(last)} & \text{{otherwise}}")
        body = r" \\ ".join(rows)
        return rf"\begin{{cases}} {body} \end{{cases}}"

    def _print_Function(self, expr: Any, exp: str | None = None) -> str:
        spelled = _SPELLED.get(expr.func)
        if spelled is not None:
            return spelled(self, *expr.args)
        head = _FUNCTION_HEADS.get(expr.func)
        if isinstance(expr, AppliedUndef):
            head = self._marked(expr.func.__name__)
        if head is None:
            head = head_of(expr.func.__name__)
        head = self._raised(head, exp)
        return head + self.group(", ".join(map(self._print, expr.args)))

    _print_log = _print_Max = _print_Min = _print_Abs = _print_Function

    def _print_ExpBase(self, expr: Any, exp: str | None = None) -> str:
        text = self._print(expr.args[0])
        if len(text) > 24 or any(x in text for x in ("^", *_TALL)):
            return r"\exp" + self.group(text)
        return self._raised(f"e^{{{text}}}", exp)

    def _print_MatrixCall(self, expr: MatrixCall) -> str:
        return self._call(expr)

    def _print_ScalarCall(self, expr: ScalarCall) -> str:
        return self._call(expr)

    def _call(self, expr: Any) -> str:
        spelled = _CALLS.get(expr.head)
        if spelled is not None:
            return spelled(self, *expr.operands)
        arguments = self.group(", ".join(map(self._print, expr.operands)))
        return head_of(expr.head) + arguments


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
    depth = 0
    for k, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return text[1:-1] if k and k == len(text) - 1 else text
    return text


def _norm(text: str, power: str = "") -> str:
    return enclosed(r"\lVert", text, r"\rVert") + power


def _modulus(text: str) -> str:
    return enclosed(r"\lvert", text, r"\rvert")


def _dot(p: LatexForm, a: Any, b: Any) -> str:
    if a == b:
        return _norm(p._print(a), "^2")
    if isinstance(a, sp.Transpose):  # the row r of r·x
        return p.joined([p._print(a.arg), p._factor(b)])
    if isinstance(b, sp.Transpose):
        return p.joined([p._print(b.arg), p._factor(a)])
    if a.shape[0] == 1:
        left = p._print(a) if isinstance(a, sp.MatMul) else p._factor(a)
        return p.joined([left, rf"{_closed(p.binding(b, POW), True)}^\top"])
    if a.shape[1] != 1:
        both = rf"{p._hadamard_factor(a)} \odot {p._hadamard_factor(b)}"
        return rf"\operatorname{{sum}}{p.group(both)}"
    right = p._print(b) if isinstance(b, sp.MatMul) else p._factor(b)
    return p.joined([rf"{_closed(p.binding(a, POW), True)}^\top", right])


def _root(square: str) -> str:
    """The root of ‖x‖² is ‖x‖."""
    norm = re.fullmatch(r"(\\lVert ((?!\\rVert).)* \\rVert)\^2", square)
    return norm[1] if norm else rf"\sqrt{{{square}}}"


def _indicator(relation: str) -> Callable[..., str]:
    return lambda p, a, b=sp.S.Zero: p.where(p._print(a), relation, p._print(b))


_SPELLED: dict[type[sp.Function], Callable[..., str]] = {
    v.step: _indicator(">"),
    v.hard_step: _indicator(">"),
    v.zero_one: _indicator("<"),
    v.exceeds: _indicator(">"),
    v.absolute: lambda p, t: _modulus(p._print(t)),
    sp.Abs: lambda p, t: _modulus(p._print(t)),
    v.inverse_or_zero: lambda p, t: rf"\frac{{1}}{{{p._print(t)}}}",
    v.root: lambda p, t: _root(p._print(t)),
    v.xlogx: lambda p, t: p._print(t * sp.log(t)),
}
"""Scalar functions that have a sign of their own."""

_NUMBERS = {type(sp.pi): r"\pi", type(sp.E): "e", type(sp.GoldenRatio): r"\varphi"}
_NUMBERS |= {type(sp.oo): r"\infty", type(-sp.oo): r"-\infty"}
"""Numbers that have a name."""

_FUNCTION_HEADS: dict[type[sp.Function], str] = {
    v.sigmoid: r"\sigma",
    v.normal_cdf: r"\Phi",
    v.normal_pdf: r"\varphi",
    v.maximum: r"\max",
    v.minimum: r"\min",
    v.signum: r"\operatorname{sign}",
    v.hard_sign: r"\operatorname{sign}",
}

_CALLS: dict[str, Callable[..., str]] = {
    "mapped": lambda p, function, *operands: p.mapped(function, *operands),
    "step": lambda p, x: p.where(p._print(x), ">", "0"),
    "trace": lambda p, x: rf"\operatorname{{tr}}{p.group(p._print(x))}",
    "logdet": lambda p, x: r"\log" + _modulus(rf"\det {p.operand(x)}"),
    "norm": lambda p, x: _norm(p._print(x)),
    "inverse": lambda p, x: rf"{p.binding(x, POW)}^{{-1}}",
    "dot": _dot,
    "abs": lambda p, x: _modulus(p._print(x)),
    "onehot": lambda p, i, n: rf"\mathbf{{1}}_{{{p._print(i)}}}",
    "l1": lambda p, x: (
        _norm(p._print(x), "_1")
        if 1 in x.shape
        else rf"\operatorname{{sum}}{p.group(_modulus(p._print(x)))}"
    ),
    "l2": lambda p, x: rf"\frac{{1}}{{2}} {_norm(p._print(x), '^2')}",
    "squared_error": lambda p, a, b: (
        r"\frac{1}{2} " + _norm(f"{p.binding(a, ADD)} - {p.binding(b, MUL)}", "^2")
    ),
}
"""symgrad's functions that have a sign of their own."""
