r"""Derivations as LaTeX: an ``align*`` block of the same lines that the text shows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.printing.latex import LatexPrinter

from symgrad import vocabulary as v
from symgrad.show.text import Shown, balanced, complement, index_first
from symgrad.symbols import MatrixCall, ScalarCall

if TYPE_CHECKING:
    from symgrad.show.steps import Step


_BARS = "\N{COMBINING MACRON}\N{COMBINING OVERLINE}"
"""The marks over an adjoint in the notation "bar"."""

_RELATIONS = {"==": "=", "!=": r"\neq", ">=": r"\geq", "<=": r"\leq", ">": ">", "<": "<"}


class _Printer(LatexPrinter):
    r"""SymPy's printer with ⊙ and ᵀ as lectures write them."""

    printmethod = "_symgrad_latex"

    def _print_Symbol(self, expr: Any, style: str = "plain") -> str:
        if "∂" in expr.name:  # an adjoint as it is spelled in the notation "partial"
            return _name(expr.name)
        stem = expr.name.rstrip("′")
        primes = "'" * (len(expr.name) - len(stem))
        moved = "d" if stem.startswith("dδ") else ""
        parts = unicodedata.normalize("NFD", stem.removeprefix(moved))
        plain = "".join(c for c in parts if c not in _BARS)
        name = plain.replace("δ_", "delta_").replace("δ", "delta")
        text: str = super()._print_Symbol(sp.Symbol(name), style)
        if plain != parts:
            letters, mark, below = text.partition("_")
            bar = "bar" if len(parts) == len(plain) + 1 else "overline"
            text = rf"\{bar}{{{letters}}}{mark}{below}"
        return moved + text + primes

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
        return self._raised(self._equal(expr, "="), exp)

    def _equal(self, delta: Any, sign: str) -> str:
        i, j = (self._print(x) for x in index_first(delta))
        return rf"\mathbb{{1}}\left[{i} {sign} {j}\right]"

    @staticmethod
    def _raised(text: str, exp: str | None) -> str:
        return rf"\left({text}\right)^{{{exp}}}" if exp else text

    def _print_Add(self, expr: Any, order: Any = None) -> str:
        delta = complement(expr)
        if delta is not None:
            return self._equal(delta, r"\neq")
        text: str = super()._print_Add(expr, order)
        return text

    def _print_indicator(self, expr: Any, exp: str | None = None) -> str:
        condition = expr.args[0]
        left, right = (self._print(x) for x in balanced(condition))
        text = rf"\mathbb{{1}}\left[{left} {_RELATIONS[condition.rel_op]} {right}\right]"
        return self._raised(text, exp)

    def _print_Sum(self, expr: Any) -> str:
        indices = " ".join(self._print(limits[0]) for limits in expr.limits)
        body = self._print(expr.function)
        loose = expr.function.is_Add and complement(expr.function) is None
        return rf"\sum_{{{indices}}} " + (rf"\left({body}\right)" if loose else body)

    def _print_reduction(self, expr: Any, exp: str | None = None) -> str:
        operation, inner, *indices = expr.args
        head = _HEADS.get(operation.name, _operator(operation.name.replace("_", r"\_")))
        below = " ".join(map(self._print, indices))
        return self._raised(rf"{head}_{{{below}}}\left({self._print(inner)}\right)", exp)

    def _print_Indexed(self, expr: Any) -> str:
        head, bracket, inner = str(expr.base.label).partition("(")  # inverse(A), of a batch
        base = _symbol(head)
        if bracket:
            base = rf"{_operator(head)}\left({_symbol(inner.removesuffix(')'))}\right)"
        return self._entry(base, expr.indices)

    def _print_MatrixElement(self, expr: Any) -> str:
        where = expr.args[1:2] if expr.parent.shape[1] == 1 else expr.args[1:]
        return self._entry(self._base(expr.parent), where)

    def _entry(self, base: str, where: Sequence[Any]) -> str:
        return _subscripted(base, " ".join(self._print(x) for x in where))

    def _print_FunctionMatrix(self, expr: Any) -> str:
        own = expr.lamda.variables[: 1 if expr.shape[1] == 1 else 2]
        return self._entry(rf"\left[{self._print(expr.lamda.expr)}\right]", own)

    def _print_DiagonalOf(self, expr: Any) -> str:
        return rf"\operatorname{{diag}}\left({self._print(expr.arg)}\right)"

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
            return self._dot(*expr.operands)
        if expr.head == "norm":
            return rf"\lVert {self._print(expr.operands[0])} \rVert"
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

    def _dot(self, a: Any, b: Any) -> str:
        if a == b:
            return rf"\lVert {self._print(a)} \rVert^{{2}}"
        left, right = self._bracketed(a), self._bracketed(b)
        if a.shape[1] != 1 and a.shape[0] != 1:
            return rf"\operatorname{{sum}}\left({left} \odot {right}\right)"
        return rf"{left}^\top {right}" if a.shape[1] == 1 else rf"{left} {right}^\top"

    def _print_Function(self, expr: Any, exp: str | None = None) -> str:
        spelled = _SPELLED.get(expr.func)
        if spelled is not None:
            text = spelled(*map(self._print, expr.args))
            return rf"\left({text}\right)^{{{exp}}}" if exp else text
        head = _FUNCTION_HEADS.get(expr.func)
        if isinstance(expr, AppliedUndef):
            head = _symbol(expr.func.__name__)
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


def _root(square: str) -> str:
    """The root of ‖x‖² is ‖x‖."""
    is_norm = square.startswith(r"\lVert") and square.find(r"\rVert^{2}") == len(square) - 10
    return square.removesuffix("^{2}") if is_norm else rf"\sqrt{{{square}}}"


_SPELLED: dict[type[sp.Function], Callable[..., str]] = {
    v.step: _indicator(">"),
    v.hard_step: _indicator(">"),
    v.zero_one: _indicator("<"),
    v.exceeds: _indicator(">"),
    v.absolute: lambda t: rf"\left|{t}\right|",
    v.inverse_or_zero: lambda t: rf"\frac{{1}}{{{t}}}",
    v.root: lambda t: _root(t),
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
    return _subscripted(text, indices.rstrip("]").replace(", ", " ")) if bracket else text


def _subscripted(base: str, indices: str) -> str:
    """With indices; braces keep z_{1} from having two subscripts."""
    return rf"{{{base}}}_{{{indices}}}" if re.search(r"[_^']", base) else rf"{base}_{{{indices}}}"


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
    return "".join(map(_text_sign, unicodedata.normalize("NFD", text)))


def _text_sign(char: str) -> str:
    """One character of a reason, in ASCII."""
    if char in _TEXT_SIGNS or char.isascii():
        return _TEXT_SIGNS.get(char, char)
    small, _, greek = unicodedata.name(char, "").partition(" LETTER ")
    if small in _GREEK:
        command = latex(sp.Symbol(greek.lower() if small.endswith("SMALL") else greek.title()))
        return f"${command}$"
    digits = unicodedata.normalize("NFKD", char)  # of a superscript
    return f"$^{{{digits}}}$" if digits.isascii() else ""


_GREEK = ("GREEK SMALL", "GREEK CAPITAL")

_TEXT_SIGNS = {
    "\\": r"$\backslash$",
    "{": r"\{",
    "}": r"\}",
    "_": r"\_",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "$": r"\$",
    "^": r"\^{}",
    "~": r"\~{}",
    ">": "$>$",
    "<": "$<$",
    "|": "$|$",
    "−": "$-$",
    "⁻": "$^-$",
    "′": "$'$",
    "·": r"$\cdot$",
    "⊙": r"$\odot$",
    "∘": r"$\circ$",
    "ᵀ": r"$^\top$",
    "∂": r"$\partial$",
    "‖": r"$\|$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "≠": r"$\neq$",
    "∈": r"$\in$",
    "→": r"$\to$",
    "∞": r"$\infty$",
    "√": r"$\surd$",
    "½": r"$\frac{1}{2}$",
    "…": r"\dots{}",
    "×": r"$\times$",
}
