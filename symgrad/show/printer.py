"""What the printers of text and LaTeX share: one walk over a formula, two spellings.

Why it exists: both have to show the same factors in the same order, the same parentheses, and the
same function as a norm, an indicator or an inner product. What a formula is made of is decided
here, in the order of `reading`; how each piece is written is a method of the printer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.special import OneMatrix

from symgrad import vocabulary as v
from symgrad.show.index_form import reduction
from symgrad.show.reading import (
    ADD,
    MUL,
    POW,
    balanced,
    binding_of,
    coefficient,
    complement,
    content_of,
    divided,
    factor_order,
    fraction,
    fraction_of_entries,
    hadamard_order,
    has_denominator,
    index_first,
    is_hadamard,
    is_loose,
    is_negative,
    is_square,
    reading_order,
    surd,
    turned,
    written_out,
)
from symgrad.symbols import MatrixCall, Opaque, ScalarCall


class Printer:
    """A walk over a formula, in front of one of SymPy's printers.

    A subclass has the signs ``times``, ``odot``, ``sigma``, ``ones`` and ``relations``, and says
    how each piece is written, which the methods that raise NotImplementedError name.
    """

    times: str
    odot: str
    sigma: str
    ones: str
    relations: dict[str, str]

    def group(self, text: str) -> str:
        """``text`` in parentheses."""
        raise NotImplementedError

    def joined(self, factors: Sequence[str]) -> str:
        """A product of factors."""
        raise NotImplementedError

    def beside(self, left: str, right: str) -> str:
        """An inner product."""
        raise NotImplementedError

    def scaled(self, c: Any, text: str) -> str:
        """``c`` times ``text``, where ``c`` is a number or a scalar."""
        raise NotImplementedError

    def quotient(self, c: Any, above: Any, under: Any) -> str:
        """The number ``c`` times the product ``above`` over ``under``."""
        raise NotImplementedError

    def quotient_of_entries(self, c: Any, above: tuple[str, bool], below: tuple[str, bool]) -> str:
        """``c`` times a matrix, if any, over another, each as `_by_entries` has it."""
        raise NotImplementedError

    def half(self, text: str) -> str:
        """½ of it."""
        raise NotImplementedError

    def over_one(self, t: Any) -> str:
        """1/t."""
        raise NotImplementedError

    def root(self, square: str) -> str:
        """The square root of a text; that of ‖x‖² is ‖x‖."""
        raise NotImplementedError

    def norm(self, text: str, power: str = "") -> str:
        """‖x‖, with a sign behind it: ``²`` or ``₁``."""
        raise NotImplementedError

    def modulus(self, text: str) -> str:
        """|x|."""
        raise NotImplementedError

    def transposed(self, text: str) -> str:
        """Aᵀ."""
        raise NotImplementedError

    def inverted(self, text: str, turned: bool = False) -> str:
        """A⁻¹, or A⁻ᵀ."""
        raise NotImplementedError

    def below(self, base: str, indices: Sequence[str]) -> str:
        """``base`` with indices under it."""
        raise NotImplementedError

    def head(self, name: str) -> str:
        """The sign of a function that symgrad or SymPy knows by that name."""
        raise NotImplementedError

    def unknown(self, name: str) -> str:
        """The sign of a function that the user has named."""
        raise NotImplementedError

    def applied(self, head: str, inner: str, exp: str | None = None) -> str:
        """f(x), or f²(x)."""
        raise NotImplementedError

    def where(self, left: str, relation: str, right: str) -> str:
        """1[left > right]."""
        raise NotImplementedError

    def _print(self, expr: Any, **kwargs: Any) -> str:
        return str(super()._print(expr, **kwargs))  # type: ignore[misc]

    def binding(self, item: Any, level: int, strict: bool = False) -> str:
        """The text of ``item``, in parentheses if it binds less strongly than ``level``."""
        text = self._print(item)
        binds = binding_of(item)
        return self.group(text) if binds < level or (not strict and binds == level) else text

    # ----------------------------------------------------------------------------- sums

    def _print_MatAdd(self, expr: Any) -> str:
        return self._terms(expr.args)

    def _print_Add(self, expr: Any, order: Any = None) -> str:
        delta = complement(expr)
        return self._terms(expr.args) if delta is None else self._equal(delta, "!=")

    def _terms(self, args: Sequence[Any]) -> str:
        common = content_of(args)
        if common != 1:
            inner = self.group(self._terms([divided(x, common) for x in args]))
            return f"{common}{self.times}{inner}"
        pieces = []
        after = all(x.is_number or isinstance(x, sp.Symbol) for x in args)  # n + 1
        for term in sorted(args, key=lambda x: (after and x.is_number, reading_order(x))):
            text = self.binding(term, ADD, strict=True)
            negative = text.startswith("-")
            sign = " - " if negative else " + "
            pieces.append(sign + (text[1:] if negative else text))
        joined = "".join(pieces)
        return "-" + joined[3:] if joined.startswith(" - ") else joined[3:]

    # ------------------------------------------------------------------------- products

    def _print_MatMul(self, expr: Any) -> str:
        scalar, matrices = expr.as_coeff_matrices()
        if len(matrices) == 1 and has_denominator(matrices[0]):
            return self._over_entries(scalar, matrices[0])
        if len(matrices) == 1 and scalar in (1, -1) and is_loose(matrices[0]):
            return self.scaled(scalar, self._print(matrices[0]))
        if is_negative(scalar):
            scalar, matrices = turned(scalar, matrices)
        if len(matrices) > 1:  # in a product 1 is a column
            row = [isinstance(m, OneMatrix) and m.shape[0] == 1 != m.shape[1] for m in matrices]
            matrices = [sp.Transpose(m) if x else m for m, x in zip(matrices, row, strict=True)]
        return self.scaled(scalar, self.joined([self._factor(m) for m in matrices]))

    def _factor(self, m: Any) -> str:
        grouped = is_hadamard(m) or has_denominator(m)
        return self.group(self._print(m)) if grouped else self.binding(m, MUL)

    def _over_entries(self, c: Any, m: Any) -> str:
        """``c`` times a product by ⊙ some of whose factors are powers below 0, as one quotient."""
        above, below = map(self._by_entries, fraction_of_entries(m))
        return self.quotient_of_entries(c, above, below)

    def _by_entries(self, factors: Sequence[Any]) -> tuple[str, bool]:
        """A product by ⊙, and whether it takes brackets beside other factors."""
        if len(factors) == 1:
            return self._print(factors[0]), is_loose(factors[0]) or binding_of(factors[0]) < POW
        shown = [self._hadamard_factor(f) for f in sorted(factors, key=hadamard_order)]
        return self.odot.join(shown), bool(shown)

    def _front(self, numerator: Any) -> str:
        """A factor in front: 2·s·x, but (aᵀ·b)·x."""
        factors = sp.Mul.make_args(numerator)
        products = [x for x in factors if isinstance(x, ScalarCall) and not is_square(x)]
        plain = numerator.is_Mul and not products
        return self.binding(numerator, MUL, strict=plain)

    def _print_Mul(self, expr: Any) -> str:
        c, rest = coefficient(expr)
        above, under = fraction(rest)
        if c.is_negative:
            c, kept = turned(c, sp.Mul.make_args(above))
            above = sp.Mul(*kept, evaluate=False) if len(kept) > 1 else kept[0]
        return self.quotient(c, above, under)

    def multiplied(self, product: Any, alone: bool = True) -> list[str]:
        """The factors of a product of scalars, those that stand for entries of matrices by ⊙.

        ``alone`` says that nothing else is multiplied with them.
        """
        factors = sorted((f for f in sp.Mul.make_args(product) if f != 1), key=factor_order)
        entries = [f for f in factors if f.has(Shown)]
        if len(entries) < 2:
            return [self._scalar_factor(f, f is factors[-1]) for f in factors]
        plain = [self._scalar_factor(f, False) for f in factors if f not in entries]
        by_entry = self.odot.join(self._scalar_factor(f, False) for f in entries)
        return [*plain, self.group(by_entry) if plain or not alone else by_entry]

    def _scalar_factor(self, f: Any, last: bool) -> str:
        if isinstance(f, sp.Sum):  # what follows could seem to be summed
            return self._print(f) if last else self.group(self._print(f))
        text = self.binding(f, MUL, strict=True)
        return self.group(text) if text.startswith("-") else text

    def _print_HadamardProduct(self, expr: Any) -> str:
        if has_denominator(expr):
            return self._over_entries(sp.S.One, expr)
        return self.odot.join(self._hadamard_factors(expr))

    def _hadamard_factors(self, expr: Any) -> list[str]:
        return [self._hadamard_factor(f) for f in sorted(expr.args, key=hadamard_order)]

    def _hadamard_factor(self, f: Any) -> str:
        if isinstance(f, sp.MatMul):
            return self.group(self._print(f))
        if isinstance(f, sp.HadamardPower) and f.args[1].is_Integer and f.args[1] > 0:
            return self._print(f)
        return self.binding(f, MUL)

    def _repeated(self, base: Any, n: Any) -> str:
        """h ⊙ h, for a small power."""
        return self.odot.join([self._hadamard_factor(base)] * int(n))

    # ------------------------------------------------------------------------- matrices

    def _print_Transpose(self, expr: Any) -> str:
        if isinstance(expr.arg, sp.Inverse):
            return self.inverted(self.binding(expr.arg.arg, POW), turned=True)
        return self.transposed(self.binding(expr.arg, POW))

    def _print_Inverse(self, expr: Any) -> str:
        if isinstance(expr.arg, sp.Transpose):
            return self.inverted(self.binding(expr.arg.arg, POW), turned=True)
        return self.inverted(self.binding(expr.arg, POW))

    def _print_Determinant(self, expr: Any) -> str:
        return self.applied(self.head("det"), self._print(expr.arg))

    def _print_Trace(self, expr: Any) -> str:
        return self.applied(self.head("tr"), self._print(expr.arg))

    def _print_DiagMatrix(self, expr: Any) -> str:
        return self.applied(self.head("diag"), self._print(expr.args[0]))

    def _print_DiagonalOf(self, expr: Any) -> str:
        return self.applied(self.head("diag"), self._print(expr.arg))

    def _print_Identity(self, expr: Any) -> str:
        return "I"

    def _print_OneMatrix(self, expr: Any) -> str:
        return self.ones

    def _print_ZeroMatrix(self, expr: Any) -> str:
        return "0"

    # ------------------------------------------------------------------------ functions

    def _print_ElementwiseApplyFunction(self, expr: Any) -> str:
        (t,) = expr.function.variables
        body, text = written_out(expr.function.expr), self._print(expr.expr)
        alone = isinstance(body, sp.Function) and body.args == (t,)
        text = text if alone else self.operand(expr.expr)
        return self._print(body.xreplace({t: Shown(text, real=True)}))

    def operand(self, x: Any) -> str:
        """A matrix inside a scalar expression, in parentheses unless it is a name."""
        text = self._print(x)
        return text if isinstance(x, sp.MatrixSymbol | Opaque) else self.group(text)

    def mapped(self, function: sp.Lambda, *operands: Any) -> str:
        """The body of a function of several matrices, each in the place of its symbol."""
        shown = {
            t: Shown(self.operand(x), real=True)
            for t, x in zip(function.variables, operands, strict=True)
        }
        return self._print(written_out(function.expr).xreplace(shown))

    def _print_Function(self, expr: Any, exp: str | None = None) -> str:
        spelled = WORDLESS.get(expr.func)
        if spelled is not None:
            return spelled(self, *expr.args)
        name = expr.func.__name__
        head = self.unknown(name) if isinstance(expr, AppliedUndef) else self.head(name)
        return self.applied(head, ", ".join(map(self._print, expr.args)), exp)

    _print_log = _print_Max = _print_Min = _print_Abs = _print_Function

    def _print_MatrixCall(self, expr: MatrixCall) -> str:
        return self._call(expr)

    def _print_ScalarCall(self, expr: ScalarCall) -> str:
        return self._call(expr)

    def _call(self, expr: Any) -> str:
        spelled = _CALLS.get(expr.head)
        if spelled is not None:
            return spelled(self, *expr.operands)
        along = self.along(expr)
        head = self.head(f"{expr.head}_{along}" if along else expr.head)
        return self.applied(head, ", ".join(map(self._print, expr.operands)))

    def _print_reduction(self, expr: Any) -> str:
        operation, inner, *indices = expr.args
        head = self.below(self.head(operation.name), list(map(self._print, indices)))
        return head + self.group(self._print(inner))

    def _print_Sum(self, expr: Any) -> str:
        sign = self.below(self.sigma, [self._print(limits[0]) for limits in expr.limits])
        return f"{sign} {self.binding(expr.function, MUL, strict=True)}"

    def _print_Lambda(self, expr: Any) -> str:
        return self._print(expr.expr)

    def along(self, call: Any) -> str:
        """Of a function that takes a matrix a row, or a column, at a time: which of them."""
        given = {} if call.head == "onehot" else call.options
        return next((x for x in ("rows", "columns") if given.get(x)), "")

    # ----------------------------------------------------------------------- conditions

    def positive(self, t: Any) -> str:
        """1[t > 0], which says 1[a > τ] where t is a − τ and τ a reduction of a."""
        less = [x for x in sp.Add.make_args(t) if isinstance(-x, reduction)]
        return self.where(self._print(t - sp.Add(*less)), ">", self._print(-sp.Add(*less)))

    def _print_KroneckerDelta(self, expr: Any) -> str:
        return self._equal(expr, "==")

    def _equal(self, delta: Any, relation: str) -> str:
        """1[j = c] or 1[j ≠ c]."""
        left, right = index_first(delta)
        return self.where(self._print(left), relation, self._print(right))

    def _print_indicator(self, expr: Any) -> str:
        condition = expr.args[0]
        left, right = (self._print(x) for x in balanced(condition))
        return self.where(left, condition.rel_op, right)

    def _print_Relational(self, expr: Any) -> str:
        left, right = (self._print(x) for x in balanced(expr))
        return f"{left} {self.relations[expr.rel_op]} {right}"


class Shown(sp.Symbol):
    """An operand inside the body of a map: text that is printed as it stands."""

    def _symgrad_text(self, printer: Any) -> str:
        return str(self.name)

    _symgrad_latex = _symgrad_text


def _dot(p: Printer, a: Any, b: Any) -> str:
    if a == b:
        return p.norm(p._print(a), "²")
    if isinstance(a, sp.Transpose):  # the row r of r·x
        return p.beside(p._print(a.arg), p._factor(b))
    if isinstance(b, sp.Transpose):
        return p.beside(p._print(b.arg), p._factor(a))
    if a.shape[0] == 1:
        left = p._print(a) if isinstance(a, sp.MatMul) else p._factor(a)
        return p.beside(left, p.transposed(p.binding(b, POW)))
    if a.shape[1] != 1:
        both = p.odot.join([p._hadamard_factor(a), p._hadamard_factor(b)])
        return p.applied(p.head("sum"), both)
    right = p._print(b) if isinstance(b, sp.MatMul) else p._factor(b)
    return p.beside(p.transposed(p.binding(a, POW)), right)


def _l1(p: Printer, x: Any) -> str:
    if 1 in x.shape:
        return p.norm(p._print(x), "₁")
    return p.applied(p.head("sum"), p.modulus(p._print(x)))


def _indicator(relation: str) -> Callable[..., str]:
    return lambda p, a, b=sp.S.Zero: p.where(p._print(a), relation, p._print(b))


def _above_zero(p: Printer, x: Any) -> str:
    """1[Z > 0], and 1[Z < 0] for 1[−Z > 0]."""
    factor, rest = x.as_coeff_mmul() if isinstance(x, sp.MatMul) else (1, x)
    if factor == -1:
        return p.where(p._print(rest), "<", "0")
    return p.where(p._print(x), ">", "0")


WORDLESS: dict[type[sp.Function], Callable[..., str]] = {
    v.step: lambda p, t: p.positive(t),
    v.hard_step: _indicator(">"),
    v.zero_one: _indicator("<"),
    v.exceeds: _indicator(">"),
    v.absolute: lambda p, t: p.modulus(p._print(t)),
    sp.Abs: lambda p, t: p.modulus(p._print(t)),
    v.inverse_or_zero: lambda p, t: p.over_one(t),
    v.root: lambda p, t: p.root(p._print(t)),
    surd: lambda p, t: p.root(p._print(t)),
    v.xlogx: lambda p, t: p._print(t * sp.log(t)),
}
"""Scalar functions that are not written as a name and arguments."""

_CALLS: dict[str, Callable[..., str]] = {
    "mapped": lambda p, function, *operands: p.mapped(function, *operands),
    "step": lambda p, x: _above_zero(p, x),
    "sqrt": lambda p, x: p.root(p._print(x)),
    "trace": lambda p, x: p.applied(p.head("tr"), p._print(x)),
    "logdet": lambda p, x: p.head("log") + p.modulus(f"{p.head('det')} {p.operand(x)}"),
    "norm": lambda p, x: p.norm(p._print(x)),
    "inverse": lambda p, x: p.inverted(p.binding(x, POW)),
    "dot": _dot,
    "abs": lambda p, x: p.modulus(p._print(x)),
    "onehot": lambda p, i, n: p.below(p.ones, [p._print(i)]),
    "l1": _l1,
    "l2": lambda p, x: p.half(p.norm(p._print(x), "²")),
    "squared_error": lambda p, a, b: p.half(
        p.norm(f"{p.binding(a, ADD)} - {p.binding(b, MUL)}", "²")
    ),
}
"""symgrad's functions that are not written as a name and arguments."""
