"""Formulas as plain text, the way a blackboard has them.

In: the SymPy expressions that `matrix_form` makes (and what users declare). Out: one line of
Unicode, such as ``(W2ᵀ·δ2) ⊙ (1 − h ⊙ h)``. SymPy keeps its own canonical order of terms, for
comparing; the order for reading is decided here: results of products before plain symbols,
positive terms before negative ones, data last.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.matexpr import MatrixExpr
from sympy.matrices.expressions.special import OneMatrix
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.str import StrPrinter

from symgrad.show.notation import is_adjoint
from symgrad.symbols import MatrixCall, NamedMatrix, NamedScalar, Opaque, ScalarCall
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
_ADD, _MUL, _POW = PRECEDENCE["Add"], PRECEDENCE["Mul"], PRECEDENCE["Pow"]

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


class TextPrinter(StrPrinter):
    """SymPy's printer with the signs of a blackboard: · ⊙ ᵀ − and superscripts."""

    printmethod = "_symgrad_text"  # so that no object's own _sympystr comes first

    def _print(self, expr: Any, **kwargs: Any) -> str:
        return str(super()._print(expr, **kwargs))

    def parenthesize(self, item: Any, level: int, strict: bool = False) -> str:
        """The text of ``item``, in parentheses if it binds less strongly than ``level``."""
        if isinstance(item, sp.MatMul):  # SymPy negates it to see its sign, which evaluates it
            binds = _ADD if item.as_coeff_matrices()[0].could_extract_minus_sign() else _MUL
            text = self._print(item)
            return f"({text})" if binds < level or (not strict and binds == level) else text
        if isinstance(item, sp.Sum):  # binds as a product does, whatever SymPy says
            text = self._print(item)
            return f"({text})" if level > _MUL or (level == _MUL and not strict) else text
        if isinstance(item, sp.Add | sp.MatAdd):
            if complement(item) is not None:
                return self._print(item)
            if _content(item.args) != 1:
                text = self._print(item)
                return f"({text})" if level > _MUL or (level == _MUL and not strict) else text
        return str(super().parenthesize(item, level, strict=strict))

    # ----------------------------------------------------------------------------- sums

    def _print_MatAdd(self, expr: Any) -> str:
        return self._terms(expr.args)

    def _print_Add(self, expr: Any, order: Any = None) -> str:
        delta = complement(expr)
        return self._terms(expr.args) if delta is None else self._equal(delta, "≠")

    def _terms(self, args: Sequence[Any]) -> str:
        common = _content(args)
        if common != 1:
            return f"{common}·({self._terms([_divided(x, common) for x in args])})"
        pieces = []
        after = all(x.is_number or isinstance(x, sp.Symbol) for x in args)  # n + 1
        for term in sorted(args, key=lambda x: (after and x.is_number, _reading_order(x))):
            text = self.parenthesize(term, _ADD, strict=True)
            negative = text.startswith("-")
            sign = " - " if negative else " + "
            pieces.append(sign + (text[1:] if negative else text))
        joined = "".join(pieces)
        return "-" + joined[3:] if joined.startswith(" - ") else joined[3:]

    # ------------------------------------------------------------------------- products

    def _print_MatMul(self, expr: Any) -> str:
        scalar, matrices = expr.as_coeff_matrices()
        if len(matrices) == 1 and _is_hadamard(matrices[0]) and scalar in (1, -1):
            return self._scaled(scalar, self._print(matrices[0]))
        if _is_negative(scalar):
            scalar, matrices = _turned(scalar, matrices)
        factors = [self._factor(m) for m in matrices]
        return self._scaled(scalar, self._joined(factors))

    def _factor(self, m: Any) -> str:
        return self.parenthesize(m, _MUL) if not _is_hadamard(m) else f"({self._print(m)})"

    @staticmethod
    def _joined(factors: Sequence[str]) -> str:
        """Factors joined by ·, but a space before a function: ``yᵀ log(p)``."""
        text = factors[0]
        for factor in factors[1:]:
            spaced = re.match(r"[^\W\d_]+\(", factor) and not text.endswith(")")
            text += (" " if spaced else "·") + factor
        return text

    def _scaled(self, c: Any, text: str, below: str = "") -> str:
        """A number in front, a denominator behind (``below`` is one that is already text)."""
        c = sp.sympify(c)
        negative = _is_negative(c)
        numerator, denominator = (-c if negative else c).as_numer_denom()
        front = "" if numerator == 1 else self._front(numerator) + "·"
        if denominator != 1:
            number = self.parenthesize(denominator, _POW, strict=True)
            below = f"({number}·{below})" if below else number
        back = f"/{below}" if below else ""
        if (front or back) and _is_loose(text):
            text = f"({text})"
        return ("-" if negative else "") + front + text + back

    def _front(self, numerator: Any) -> str:
        """A factor in front: 2·s·x, but (aᵀ·b)·x."""
        products = [x for x in sp.Mul.make_args(numerator) if isinstance(x, ScalarCall)]
        plain = numerator.is_Mul and not products
        return self.parenthesize(numerator, _MUL, strict=plain)

    def _print_Mul(self, expr: Any) -> str:
        c, rest = expr.as_coeff_Mul()
        above, under = _fraction(rest)
        if c.is_negative:
            c, turned = _turned(c, sp.Mul.make_args(above))
            above = sp.Mul(*turned, evaluate=False) if len(turned) > 1 else turned[0]
        factors = sorted(sp.Mul.make_args(above), key=_factor_order)
        shown = [self._scalar_factor(f, f is factors[-1]) for f in factors if f != 1]
        if under == 1:
            return self._scaled(c, self._joined(shown)) if shown else self._print(c)
        below = self.parenthesize(under, _MUL if under.is_Mul else _POW, strict=True)
        if under.is_Mul:
            below = below if c.q != 1 else f"({below})"
        if shown:
            return self._scaled(c, self._joined(shown), below)
        sign = "-" if c.is_negative else ""
        return sign + self._scaled(sp.Integer(1) / c.q, self._print(sp.Integer(abs(c.p))), below)

    def _scalar_factor(self, f: Any, last: bool) -> str:
        if last and isinstance(f, sp.Sum):  # nothing follows that it could seem to sum
            return self._print(f)
        text = self.parenthesize(f, _MUL, strict=True)
        return f"({text})" if text.startswith("-") else text

    def _print_HadamardProduct(self, expr: Any) -> str:
        factors = sorted(expr.args, key=_hadamard_order)
        return " ⊙ ".join(self._hadamard_factor(f) for f in factors)

    def _hadamard_factor(self, f: Any) -> str:
        if isinstance(f, sp.MatMul):
            return f"({self._print(f)})"
        if isinstance(f, sp.HadamardPower) and f.args[1].is_Integer and f.args[1] > 0:
            return self._print(f)
        return self.parenthesize(f, _MUL)

    def _print_HadamardPower(self, expr: Any) -> str:
        base, n = expr.args
        if n.is_Integer and 1 < n <= 4:
            return " ⊙ ".join([self._hadamard_factor(base)] * int(n))
        if n == sp.Rational(1, 2):
            return f"sqrt({self._print(base)})"
        if n == -1:
            return f"1/{self.parenthesize(base, _POW)}"
        if n.is_Integer and -4 <= n < 0:
            return f"1/({self._print(sp.HadamardPower(base, -n))})"
        return f"{self.parenthesize(base, _POW)}^∘{self._exponent(n)}"

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        base, n = expr.base, expr.exp
        if n == sp.Rational(1, 2):
            return f"sqrt({self._print(base)})"
        if n.could_extract_minus_sign():
            denominator = self.parenthesize(base ** (-n), _POW, strict=True)
            return f"1/{denominator}"
        if n.is_Integer:
            power = str(n).translate(_SUPERSCRIPT)
            if isinstance(base, sp.Function | ScalarCall) and not isinstance(base, absolute):
                text = self._print(base)
                head, _, rest = text.partition("(")
                if head.isalpha():
                    return f"{head}{power}({rest}"
            return self.parenthesize(base, _POW + 1) + power
        return f"{self.parenthesize(base, _POW + 1)}^{self._exponent(n)}"

    def _exponent(self, n: Any) -> str:
        text = self._print(n)
        return text if re.fullmatch(r"\w+", text) else f"({text})"

    # ------------------------------------------------------------------------- matrices

    def _print_Transpose(self, expr: Any) -> str:
        if isinstance(expr.arg, sp.Inverse):
            return self.parenthesize(expr.arg.arg, _POW) + "⁻ᵀ"
        return self.parenthesize(expr.arg, _POW) + "ᵀ"

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

    def _print_ElementwiseApplyFunction(self, expr: Any) -> str:
        (t,) = expr.function.variables
        body, text = expr.function.expr, self._print(expr.expr)
        alone = isinstance(body, sp.Function) and body.args == (t,)
        text = text if alone else self.operand(expr.expr)
        return self._print(body.xreplace({t: Shown(text, real=True)}))

    def operand(self, x: Any) -> str:
        """A matrix inside a scalar expression, in parentheses unless it is a name."""
        text = self._print(x)
        return text if isinstance(x, sp.MatrixSymbol | Opaque) else f"({text})"

    def _print_FunctionMatrix(self, expr: Any) -> str:
        i, j = expr.lamda.variables
        indices = f"{i}{j}" if expr.shape[1] != 1 else f"{i}"
        return f"[{self._print(expr.lamda.expr)}]_{indices}"

    def _print_Lambda(self, expr: Any) -> str:
        return self._print(expr.expr)

    def _print_MatrixElement(self, expr: Any) -> str:
        i, j = (self._print(x) for x in expr.args[1:])
        where = i if expr.parent.shape[1] == 1 else f"{i}, {j}"
        level = _MUL if isinstance(expr.parent, sp.Inverse) else _POW
        return f"{self.parenthesize(expr.parent, level)}[{where}]"

    def _print_Inverse(self, expr: Any) -> str:
        if isinstance(expr.arg, sp.Transpose):
            return self.parenthesize(expr.arg.arg, _POW) + "⁻ᵀ"
        return self.parenthesize(expr.arg, _POW) + "⁻¹"

    def _print_Determinant(self, expr: Any) -> str:
        return f"det({self._print(expr.arg)})"

    def _print_MatPow(self, expr: Any) -> str:
        power = str(expr.exp).translate(_SUPERSCRIPT)
        return self.parenthesize(expr.base, _POW) + power

    def _print_Indexed(self, expr: Any) -> str:
        where = ", ".join(map(self._print, expr.indices))
        return f"{expr.base.label}[{where}]"

    def _print_Integer(self, expr: Any) -> str:
        digits = str(abs(expr.p))
        power = len(digits) - 1
        if power < 12 or digits != "1" + "0" * power:
            return str(expr.p)
        return ("-" if expr.p < 0 else "") + "10" + str(power).translate(_SUPERSCRIPT)

    def _print_indicator(self, expr: Any) -> str:
        return f"1[{self._print(expr.args[0])}]"

    def _print_KroneckerDelta(self, expr: Any) -> str:
        return self._equal(expr, "=")

    def _equal(self, delta: Any, sign: str) -> str:
        """1[j = c] or 1[j ≠ c]."""
        left, right = index_first(delta)
        return f"1[{self._print(left)} {sign} {self._print(right)}]"

    def _print_Relational(self, expr: Any) -> str:
        left, right = (self._print(x) for x in balanced(expr))
        return f"{left} {_RELATIONS[expr.rel_op]} {right}"

    def _print_reduction(self, expr: Any) -> str:
        operation, inner, *indices = expr.args
        return f"{operation}_{''.join(map(str, indices))}({self._print(inner)})"

    def _print_Sum(self, expr: Any) -> str:
        indices = "".join(str(limits[0]) for limits in expr.limits)
        return f"Σ_{indices} {self.parenthesize(expr.function, _MUL, strict=True)}"

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
        return p._joined([p._print(a.arg), p._factor(b)])
    if isinstance(b, sp.Transpose):
        return p._joined([p._print(b.arg), p._factor(a)])
    if a.shape[1] != 1:
        return f"sum({p._hadamard_factor(a)} ⊙ {p._hadamard_factor(b)})"
    right = p._print(b) if isinstance(b, sp.MatMul) else p._factor(b)
    return p._joined([f"{p.parenthesize(a, _POW)}ᵀ", right])


def _root(square: str) -> str:
    """The root of ‖x‖² is ‖x‖."""
    is_norm = re.fullmatch("‖[^‖]*‖²", square)
    return square[:-1] if is_norm else f"sqrt({square})"


def _mapped(p: TextPrinter, function: sp.Lambda, *operands: Any) -> str:
    """The body of a function of several matrices, each in the place of its symbol."""
    shown = {
        t: Shown(p.operand(x), real=True) for t, x in zip(function.variables, operands, strict=True)
    }
    return p._print(function.expr.xreplace(shown))


class Shown(sp.Symbol):
    """An operand inside the body of a map: text that is printed as it stands."""

    def _symgrad_text(self, printer: Any) -> str:
        return str(self.name)

    _symgrad_latex = _symgrad_text


def _indicator(sign: str) -> Callable[..., str]:
    return lambda p, a, b=sp.S.Zero: f"1[{p._print(a)} {sign} {p._print(b)}]"


_SPELLED: dict[type[sp.Function], Callable[..., str]] = {
    step: _indicator(">"),
    hard_step: _indicator(">"),
    zero_one: _indicator("<"),
    exceeds: _indicator(">"),
    absolute: lambda p, t: f"|{p._print(t)}|",
    inverse_or_zero: lambda p, t: f"1/{p.parenthesize(t, _POW)}",
    root: lambda p, t: _root(p._print(t)),
    xlogx: lambda p, t: p._print(t * sp.log(t)),
}
"""Scalar functions that have a sign of their own."""

_CALLS: dict[str, Callable[..., str]] = {
    "mapped": _mapped,
    "step": lambda p, x: f"1[{p._print(x)} > 0]",
    "maximum": lambda p, a, b: f"max({p._print(a)}, {p._print(b)})",
    "minimum": lambda p, a, b: f"min({p._print(a)}, {p._print(b)})",
    "trace": lambda p, x: f"tr({p._print(x)})",
    "logdet": lambda p, x: f"log|det {p.operand(x)}|",
    "norm": lambda p, x: f"‖{p._print(x)}‖",
    "inverse": lambda p, x: f"{p.parenthesize(x, _POW)}⁻¹",
    "dot": _dot,
    "sigmoid": lambda p, x: f"σ({p._print(x)})",
    "abs": lambda p, x: f"|{p._print(x)}|",
    "onehot": lambda p, i, n: f"1_{p._print(i)}",
    "l1": lambda p, x: f"‖{p._print(x)}‖₁" if 1 in x.shape else f"sum(|{p._print(x)}|)",
    "l2": lambda p, x: f"‖{p._print(x)}‖²/2",
    "squared_error": lambda p, a, b: f"‖{p.parenthesize(a, _ADD)} - {p.parenthesize(b, _MUL)}‖²/2",
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


def _is_negative(c: Any) -> bool:
    """Whether a factor is written with a minus sign in front; a sum is if all its terms are."""
    return all(x.could_extract_minus_sign() for x in sp.Add.make_args(c))


def _turned(c: Any, factors: Sequence[Any]) -> tuple[Any, list[Any]]:
    """−c·(a − b) as c·(b − a); 1 − a stays as it is, and so does (a − b)·(a − b)ᵀ."""
    mixed = [k for k, f in enumerate(factors) if _is_difference(f)]
    if len(mixed) != 1:
        return c, list(factors)
    (k,) = mixed
    f = factors[k].func(*(-x for x in factors[k].args))
    return -c, [*factors[:k], f, *factors[k + 1 :]]


def _is_difference(f: Any) -> bool:
    """Whether ``f`` is a sum with terms of both signs, none of them a number."""
    if not isinstance(f, sp.Add | sp.MatAdd):
        return False
    if any(x.is_number or isinstance(_strip(x), OneMatrix) for x in f.args):
        return False
    return len({_is_negative(_weight(x)) for x in f.args}) == 2


def _is_hadamard(m: Any) -> bool:
    return isinstance(m, sp.HadamardProduct) or (
        isinstance(m, sp.HadamardPower) and m.args[1].is_Integer and m.args[1] > 0
    )


def index_first(delta: Any) -> list[Any]:
    """The two sides of 1[j = c]: an index before a label, which is known not to be negative."""
    return sorted(delta.args, key=lambda x: (not x.is_Symbol, bool(x.is_nonnegative)))


def balanced(relation: Any) -> tuple[Any, Any]:
    """Both sides without a minus sign in front: i + u = p for i + u - p = 0."""
    difference = sp.expand(relation.lhs - relation.rhs)
    if not all(s.is_integer for s in difference.free_symbols):
        return relation.lhs, relation.rhs
    terms = sp.Add.make_args(difference)
    negative = [t for t in terms if t.could_extract_minus_sign()]
    return sp.Add(*(t for t in terms if t not in negative)), -sp.Add(*negative)


def complement(e: Any) -> Any:
    """1[j = c], where ``e`` is 1 − 1[j = c], which reads 1[j ≠ c]; else None."""
    rest = 1 - e if isinstance(e, sp.Add) and not isinstance(e, MatrixExpr) else None
    return rest if isinstance(rest, sp.KroneckerDelta) else None


def _content(args: Sequence[Any]) -> Any:
    """2 for the terms of 2·a − 2·b, which reads 2·(a − b); else 1."""
    weights = {_weight(x) for x in args}
    if len(weights) != 2 or not all(c.is_Integer for c in weights) or sum(weights) != 0:
        return 1
    return 1 if any(x.is_number for x in args) else max(weights)


def _divided(term: Any, number: Any) -> Any:
    """A term of a sum without a factor of its weight."""
    if isinstance(term, MatrixExpr):
        c, matrices = term.as_coeff_matrices()
        return sp.MatMul(c / number, *matrices).doit(deep=False)
    return term / number


def _weight(term: Any) -> Any:
    if isinstance(term, MatrixExpr):
        return term.as_coeff_mmul()[0] if isinstance(term, sp.MatMul) else sp.Integer(1)
    return term.as_coeff_Mul()[0]


def _reading_order(term: Any) -> tuple[Any, ...]:
    """Positive before negative; among equals: a constant, products, computed values, leaves."""
    negative = bool(_weight(term).could_extract_minus_sign())
    body = term.as_coeff_mmul()[1] if isinstance(term, sp.MatMul) else term
    if isinstance(body, OneMatrix) or body.is_number:
        rank = 0
    elif isinstance(body, sp.MatMul | sp.Mul | sp.HadamardProduct | sp.Sum):
        rank = 1
    elif isinstance(body, NamedMatrix | NamedScalar):
        rank = 2
    elif isinstance(body, sp.MatrixSymbol | sp.Symbol | sp.Indexed):
        rank = 4
    else:
        rank = 3
    degree = 0 if isinstance(body, MatrixExpr) else -_degree(body)
    return negative, degree, rank, sp.default_sort_key(body)


def _degree(body: Any) -> int:
    return int(sum(e for e in body.as_powers_dict().values() if e.is_Integer and e > 0))


def _factor_order(f: Any) -> tuple[Any, ...]:
    """Numbers, then adjoints, symbols and powers, then sums and functions, and Σ last.

    Of symbols, Greek letters come first, as in β·z; of unknown functions, derivatives last.
    """
    adjoint = isinstance(f, sp.Indexed | NamedScalar) and is_adjoint(str(f))
    late = isinstance(f, sp.Function | ScalarCall)
    greek = isinstance(f, sp.Symbol) and "α" <= f.name[:1] <= "ω"
    power = f.is_Pow and not f.exp.is_number
    primed = isinstance(f, AppliedUndef) and "′" in f.func.__name__
    kinds = (isinstance(f, sp.Sum), primed, late, f.is_Add, not adjoint, power, not greek)
    return *kinds, sp.default_sort_key(f)


def _fraction(e: Any) -> tuple[Any, Any]:
    """Numerator and denominator; exp(−t) stays above, and u^(−n − 1) goes below."""
    factors = sp.Mul.make_args(e)
    below = [f for f in factors if f.is_Pow and f.exp.could_extract_minus_sign()]
    return sp.Mul(*(f for f in factors if f not in below)), sp.Mul(*(1 / f for f in below))


def _hadamard_order(f: Any) -> tuple[Any, ...]:
    """Products, differences, symbols, and 1 − … last."""
    if isinstance(f, sp.MatMul):
        return 0, sp.default_sort_key(f)
    if isinstance(f, sp.MatAdd):
        with_constant = any(isinstance(_strip(t), OneMatrix) for t in f.args)
        return (4 if with_constant else 1), sp.default_sort_key(f)
    if isinstance(f, sp.MatrixSymbol):
        return 2, not is_adjoint(f.name), sp.default_sort_key(f)
    return 3, sp.default_sort_key(f)


def _strip(term: Any) -> Any:
    return term.as_coeff_mmul()[1] if isinstance(term, sp.MatMul) else term
