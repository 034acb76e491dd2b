r"""Derivations as LaTeX: an ``align*`` block of the same lines that the text shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.printing.latex import LatexPrinter

from symgrad.symbols import MatrixCall, ScalarCall
from symgrad.vocabulary import absolute, sigmoid, step

if TYPE_CHECKING:
    from symgrad.derivation import Step


class _Printer(LatexPrinter):
    r"""SymPy's printer with ⊙ and ᵀ as lectures write them."""

    printmethod = "_symgrad_latex"

    def _print_Symbol(self, expr: Any, style: str = "plain") -> str:
        name = expr.name.replace("δ_", "delta_").replace("δ", "delta")
        text: str = super()._print_Symbol(sp.Symbol(name), style)
        return text

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
        inner = self._print(expr.arg)
        closed = isinstance(expr.arg, sp.MatrixSymbol | MatrixCall)
        return rf"{inner}^\top" if closed else rf"\left({inner}\right)^\top"

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
        arguments = ", ".join(map(self._print, expr.operands))
        return rf"{_HEADS.get(expr.head, _operator(expr.head))}\left({arguments}\right)"

    def _print_Function(self, expr: Any, exp: str | None = None) -> str:
        t = self._print(expr.args[0])
        if isinstance(expr, step):
            text = rf"\mathbb{{1}}\left[{t} > 0\right]"
        elif isinstance(expr, absolute):
            text = rf"\left|{t}\right|"
        elif isinstance(expr, sigmoid):
            return rf"\sigma{'^{' + exp + '}' if exp else ''}\left({t}\right)"
        else:
            fallback: str = super()._print_Function(expr, exp)
            return fallback
        return rf"{text}^{{{exp}}}" if exp else text


_HEADS = {"sigmoid": r"\sigma", "tanh": r"\tanh", "exp": r"\exp", "log": r"\log"}


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
    if name.startswith("∂"):
        above, _, below = name.partition("/")
        return rf"\frac{{\partial {_symbol(above[1:])}}}{{\partial {_symbol(below[1:])}}}"
    return _symbol(name)


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
