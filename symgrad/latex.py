r"""Derivations as LaTeX: an ``align*`` block of the same lines that the text shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.printing.latex import LatexPrinter

from symgrad import vocabulary as v
from symgrad.symbols import MatrixCall, ScalarCall
from symgrad.text import Shown

if TYPE_CHECKING:
    from symgrad.steps import Step


class _Printer(LatexPrinter):
    r"""SymPy's printer with ⊙ and ᵀ as lectures write them."""

    printmethod = "_symgrad_latex"

    def _print_Symbol(self, expr: Any, style: str = "plain") -> str:
        moved = "d" if expr.name.startswith("dδ") else ""
        name = expr.name.removeprefix(moved).replace("δ_", "delta_").replace("δ", "delta")
        text: str = super()._print_Symbol(sp.Symbol(name), style)
        return moved + text

    _print_MatrixSymbol = _print_Symbol

    def _print_MatMul(self, expr: Any) -> str:
        c, matrices = expr.as_coeff_matrices()
        product = " ".join(self._bracketed(m) for m in matrices)
        numerator, denominator = abs(c).as_numer_denom() if c.is_number else c.as_numer_denom()
        sign = "-" if c.is_number and c.is_negative else ""
        front = "" if numerator == 1 else self._print(numerator) + " "
        text = front + product
        return sign + (
            text if denominator == 1 else rf"\frac{{1}}{{{self._print(denominator)}}} {text}"
        )

    def _print_Transpose(self, expr: Any) -> str:
        if isinstance(expr.arg, sp.Inverse):
            return rf"{self._base(expr.arg.arg)}^{{-\top}}"
        return rf"{self._base(expr.arg)}^\top"

    def _print_Inverse(self, expr: Any) -> str:
        return rf"{self._base(expr.arg)}^{{-1}}"

    def _print_Determinant(self, expr: Any) -> str:
        return rf"\det\left({self._print(expr.arg)}\right)"

    def _print_Identity(self, expr: Any) -> str:
        return "I"

    def _print_DiagMatrix(self, expr: Any) -> str:
        return rf"\operatorname{{diag}}\left({self._print(expr.args[0])}\right)"

    def _print_Lambda(self, expr: Any) -> str:
        text: str = self._print(expr.expr)
        return text

    def _print_KroneckerDelta(self, expr: Any, exp: str | None = None) -> str:
        i, j = (self._print(x) for x in expr.args)
        return rf"\mathbb{{1}}\left[{i} = {j}\right]"

    def _base(self, expr: Any) -> str:
        """What an exponent is put on."""
        inner: str = self._print(expr)
        return inner if isinstance(expr, sp.MatrixSymbol | MatrixCall) else rf"\left({inner}\right)"

    def _print_HadamardProduct(self, expr: Any) -> str:
        return r" \odot ".join(self._bracketed(f) for f in expr.args)

    def _print_HadamardPower(self, expr: Any) -> str:
        base, n = expr.args
        if n.is_Integer and 1 < n <= 4:
            return r" \odot ".join([self._bracketed(base)] * int(n))
        return rf"{self._bracketed(base)}^{{\circ {self._print(n)}}}"

    def _bracketed(self, f: Any) -> str:
        text: str = self._print(f)
        loose = isinstance(f, sp.MatMul | sp.MatAdd | sp.HadamardProduct)
        return rf"\left({text}\right)" if loose else text

    def _print_OneMatrix(self, expr: Any) -> str:
        return r"\mathbf{1}"

    def _print_MatrixCall(self, expr: MatrixCall) -> str:
        return self._call(expr)

    def _print_ScalarCall(self, expr: ScalarCall, exp: str | None = None) -> str:
        text = self._call(expr)
        return rf"\left({text}\right)^{{{exp}}}" if exp else text

    def _call(self, expr: Any) -> str:
        if expr.head == "dot":
            a, b = (self._bracketed(x) for x in expr.operands)
            return rf"{a}^\top {b}"
        if expr.head == "onehot":
            return rf"\mathbf{{1}}_{{{self._print(expr.operands[0])}}}"
        if expr.head == "mapped":
            function, *operands = expr.operands
            shown = {
                t: Shown(self._bracketed(x), real=True)
                for t, x in zip(function.variables, operands, strict=True)
            }
            return str(self._print(function.expr.xreplace(shown)))
        arguments = ", ".join(map(self._print, expr.operands))
        return rf"{_HEADS.get(expr.head, _operator(expr.head))}\left({arguments}\right)"

    def _print_Function(self, expr: Any, exp: str | None = None) -> str:
        spelled = _SPELLED.get(expr.func)
        if spelled is not None:
            text = spelled(*map(self._print, expr.args))
            return rf"\left({text}\right)^{{{exp}}}" if exp else text
        head = _FUNCTION_HEADS.get(expr.func)
        if head is not None:
            arguments = ", ".join(map(self._print, expr.args))
            return rf"{head}{'^{' + exp + '}' if exp else ''}\left({arguments}\right)"
        fallback: str = super()._print_Function(expr, exp)
        return fallback

    def _print_ElementwiseApplyFunction(self, expr: Any) -> str:
        (t,) = expr.function.variables
        shown = Shown(self._bracketed(expr.expr), real=True)
        return str(self._print(expr.function.expr.xreplace({t: shown})))


def _indicator(sign: str) -> Callable[..., str]:
    return lambda a, b="0": rf"\mathbb{{1}}\left[{a} {sign} {b}\right]"


_SPELLED: dict[type[sp.Function], Callable[..., str]] = {
    v.step: _indicator(">"),
    v.hard_step: _indicator(">"),
    v.zero_one: _indicator("<"),
    v.exceeds: _indicator(">"),
    v.absolute: lambda t: rf"\left|{t}\right|",
    v.inverse_or_zero: lambda t: rf"\frac{{1}}{{{t}}}",
    v.root: lambda t: rf"\sqrt{{{t}}}",
    v.xlogx: lambda t: rf"{t} \log\left({t}\right)",
}
"""Scalar functions that have a sign of their own."""

_FUNCTION_HEADS: dict[type[sp.Function], str] = {
    v.sigmoid: r"\sigma",
    v.normal_cdf: r"\Phi",
    v.normal_pdf: r"\varphi",
    v.maximum: r"\max",
    v.minimum: r"\min",
    v.signum: r"\operatorname{sign}",
    v.hard_sign: r"\operatorname{sign}",
}

_HEADS = {
    "sigmoid": r"\sigma",
    "maximum": r"\max",
    "minimum": r"\min",
    **{f: rf"\{f}" for f in ("tanh", "exp", "log", "sin", "cos", "tan", "sinh", "cosh")},
    **{f: rf"\{f}" for f in ("cot", "sec", "csc", "max", "min", "det")},
}


def _operator(name: str) -> str:
    return rf"\operatorname{{{name}}}"


def latex(expr: Any) -> str:
    """One formula as LaTeX."""
    text: str = _Printer().doprint(expr)
    return text


def align(steps: Sequence[Step]) -> str:
    """The lines of a derivation as an ``align*`` block, with reasons as text."""
    lines = []
    for step_ in steps:
        left = " = ".join(_name(n) for n in step_.names)
        because = rf" && \text{{{_escaped(step_.because)}}}" if step_.because else ""
        lines.append(rf"  {left} &= {latex(step_.expr)}{because} \\")
    return "\\begin{align*}\n" + "\n".join(lines) + "\n\\end{align*}"


def _name(name: str) -> str:
    """A left-hand side: ``∂²L/∂x∂xᵀ``, ``∂z/∂x·v``, ``H·v``, with ``[i, j]`` behind it or not."""
    head, bracket, indices = name.partition("[")
    above, slash, below = head.rpartition("/")
    if slash and above.startswith("∂"):
        below, _, along = below.partition("·")
        text = rf"\frac{{{_differential(above)}}}{{{_differential(below)}}}"
        text += f" {_factors(along)}" if along else ""
    else:
        text = _factors(head)
    return text + (f"_{{{indices.rstrip(']')}}}" if bracket else "")


def _differential(text: str) -> str:
    """``∂²L``, ``∂x∂xᵀ``, ``∂(∂L/∂x)``."""
    if text.startswith("∂("):
        inside = text[2:-1]
        return rf"\partial\left({_name(inside) if '/' in inside else _factors(inside)}\right)"
    pieces = []
    for piece in text.split("∂")[1:]:
        order = "^2" if piece.startswith("²") else ""
        name = piece.removeprefix("²")
        power = {"ᵀ": r"^\top", "²": "^2"}.get(name[-1:], "")
        pieces.append(rf"\partial{order} {_symbol(name[:-1] if power else name)}{power}")
    return r"\, ".join(pieces)


def _factors(text: str) -> str:
    """``H·(v, u)``, signs and names."""
    names = re.split(r"([·(), ]+)", text)
    signs = {"·": " "}
    return "".join(
        _symbol(x) if k % 2 == 0 else "".join(signs.get(c, c) for c in x)
        for k, x in enumerate(names)
        if x
    )


def _symbol(name: str) -> str:
    return latex(sp.Symbol(name))


def _escaped(text: str) -> str:
    """A reason inside ``\\text``: its mathematics goes back to math mode, sign by sign."""
    return "".join(_TEXT_SIGNS.get(char, char) for char in text)


_TEXT_SIGNS = {
    "Σ": r"$\Sigma$",
    "σ": r"$\sigma$",
    "−": "$-$",
    "²": "$^2$",
    "′": "$'$",
    "·": r"$\cdot$",
    "⊙": r"$\odot$",
    "ᵀ": r"$^\top$",
    "δ": r"$\delta$",
    "_": r"\_",
    "&": r"\&",
    "%": r"\%",
    ">": "$>$",
    "|": "$|$",
}
