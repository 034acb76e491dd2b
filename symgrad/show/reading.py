"""How a formula reads: the order of its terms and factors, and where parentheses go.

Why it exists: text and LaTeX differ in signs, and in nothing else. SymPy keeps its own canonical
order of terms, for comparing; the order for reading is decided here, for both: results of products
before plain symbols, positive terms before negative ones, data last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.matexpr import MatrixExpr
from sympy.matrices.expressions.special import OneMatrix
from sympy.printing.precedence import PRECEDENCE, precedence

from symgrad.show.notation import is_adjoint
from symgrad.symbols import NamedMatrix, NamedScalar, Opaque, ScalarCall
from symgrad.vocabulary import inverse_or_zero

ADD: int = PRECEDENCE["Add"]
MUL: int = PRECEDENCE["Mul"]
POW: int = PRECEDENCE["Pow"]
ATOM: int = PRECEDENCE["Atom"]


class Reading:
    """What the printers of text and LaTeX share, in front of one of SymPy's.

    A printer has the signs ``times``, ``odot`` and ``relations``, and says how a text is put into
    parentheses (`group`), what 1[…] is (`where`), how factors stand beside each other (`joined`),
    and where a number and a denominator go (`scaled`).
    """

    times: str
    odot: str
    relations: dict[str, str]

    def group(self, text: str) -> str:
        """``text`` in parentheses."""
        raise NotImplementedError

    def joined(self, factors: Sequence[str]) -> str:
        """A product of factors."""
        raise NotImplementedError

    def scaled(self, c: Any, text: str) -> str:
        """``c`` times ``text``, where ``c`` is a number or a scalar."""
        raise NotImplementedError

    def _print(self, expr: Any, **kwargs: Any) -> str:
        return str(super()._print(expr, **kwargs))  # type: ignore[misc]

    def binding(self, item: Any, level: int, strict: bool = False) -> str:
        """The text of ``item``, in parentheses if it binds less strongly than ``level``."""
        text = self._print(item)
        binds = _binding(item)
        return self.group(text) if binds < level or (not strict and binds == level) else text

    # ----------------------------------------------------------------------------- sums

    def _print_MatAdd(self, expr: Any) -> str:
        return self._terms(expr.args)

    def _print_Add(self, expr: Any, order: Any = None) -> str:
        delta = complement(expr)
        return self._terms(expr.args) if delta is None else self._equal(delta, "!=")

    def _terms(self, args: Sequence[Any]) -> str:
        common = _content(args)
        if common != 1:
            inner = self.group(self._terms([_divided(x, common) for x in args]))
            return f"{common}{self.times}{inner}"
        pieces = []
        after = all(x.is_number or isinstance(x, sp.Symbol) for x in args)  # n + 1
        for term in sorted(args, key=lambda x: (after and x.is_number, _reading_order(x))):
            text = self.binding(term, ADD, strict=True)
            negative = text.startswith("-")
            sign = " - " if negative else " + "
            pieces.append(sign + (text[1:] if negative else text))
        joined = "".join(pieces)
        return "-" + joined[3:] if joined.startswith(" - ") else joined[3:]

    # ------------------------------------------------------------------------- products

    # ------------------------------------------------------------------------- products

    def _print_MatMul(self, expr: Any) -> str:
        scalar, matrices = expr.as_coeff_matrices()
        if len(matrices) == 1 and is_hadamard(matrices[0]) and scalar in (1, -1):
            return self.scaled(scalar, self._print(matrices[0]))
        if is_negative(scalar):
            scalar, matrices = turned(scalar, matrices)
        if len(matrices) > 1:  # in a product 1 is a column
            row = [isinstance(m, OneMatrix) and m.shape[0] == 1 != m.shape[1] for m in matrices]
            matrices = [sp.Transpose(m) if x else m for m, x in zip(matrices, row, strict=True)]
        return self.scaled(scalar, self.joined([self._factor(m) for m in matrices]))

    def _factor(self, m: Any) -> str:
        return self.group(self._print(m)) if is_hadamard(m) else self.binding(m, MUL)

    def _front(self, numerator: Any) -> str:
        """A factor in front: 2·s·x, but (aᵀ·b)·x."""
        factors = sp.Mul.make_args(numerator)
        products = [x for x in factors if isinstance(x, ScalarCall) and not is_square(x)]
        plain = numerator.is_Mul and not products
        return self.binding(numerator, MUL, strict=plain)

    def _scalar_factor(self, f: Any, last: bool) -> str:
        if isinstance(f, sp.Sum):  # what follows could seem to be summed
            return self._print(f) if last else self.group(self._print(f))
        text = self.binding(f, MUL, strict=True)
        return self.group(text) if text.startswith("-") else text

    def _print_HadamardProduct(self, expr: Any) -> str:
        return self.odot.join(self._hadamard_factors(expr))

    def _hadamard_factors(self, expr: Any) -> list[str]:
        return [self._hadamard_factor(f) for f in sorted(expr.args, key=_hadamard_order)]

    def _hadamard_factor(self, f: Any) -> str:
        if isinstance(f, sp.MatMul):
            return self.group(self._print(f))
        if isinstance(f, sp.HadamardPower) and f.args[1].is_Integer and f.args[1] > 0:
            return self._print(f)
        return self.binding(f, MUL)

    def _repeated(self, base: Any, n: Any) -> str:
        """h ⊙ h, for a small power."""
        return self.odot.join([self._hadamard_factor(base)] * int(n))

    # ------------------------------------------------------------------------ functions

    def _print_ElementwiseApplyFunction(self, expr: Any) -> str:
        (t,) = expr.function.variables
        body, text = expr.function.expr, self._print(expr.expr)
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
        return self._print(function.expr.xreplace(shown))

    def _print_Lambda(self, expr: Any) -> str:
        return self._print(expr.expr)

    # ----------------------------------------------------------------------- conditions

    def where(self, left: str, relation: str, right: str) -> str:
        """1[left > right]."""
        raise NotImplementedError

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


def _binding(item: Any) -> int:
    """How strongly a value holds together."""
    if isinstance(item, sp.MatMul):  # SymPy negates it to see its sign, which evaluates it
        return ADD if item.as_coeff_matrices()[0].could_extract_minus_sign() else MUL
    if is_square(item):
        return POW
    if isinstance(item, sp.Sum):  # as a product does, whatever SymPy says
        return MUL
    if isinstance(item, sp.Add | sp.MatAdd):
        if complement(item) is not None:
            return ATOM
        if _content(item.args) != 1:
            return MUL
    return int(precedence(item))


def is_square(e: Any) -> bool:
    """Whether ``e`` is an inner product that is written ‖x‖²."""
    if not isinstance(e, ScalarCall) or e.head != "dot":
        return False
    a, b = e.operands
    return bool(a == b) and isinstance(a, sp.MatAdd | Opaque | sp.MatrixSymbol)


def is_negative(c: Any) -> bool:
    """Whether a factor is written with a minus sign in front; a sum is if all its terms are."""
    return all(x.could_extract_minus_sign() for x in sp.Add.make_args(c))


def turned(c: Any, factors: Sequence[Any]) -> tuple[Any, list[Any]]:
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
    return len({is_negative(_weight(x)) for x in f.args}) == 2


def is_hadamard(m: Any) -> bool:
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


def factor_order(f: Any) -> tuple[Any, ...]:
    """Σ and differences, then adjoints, symbols and powers, then other sums and functions.

    That is (Σ_k δ2[k]·W[k, j])·h[j]·(1 − h[j]) and (ŷ − y)·ŷ·(1 − ŷ), as by ⊙ of matrices. Of
    symbols, Greek letters come first, as in β·z; of unknown functions, derivatives last.
    """
    adjoint = isinstance(f, sp.Indexed | NamedScalar) and is_adjoint(str(f))
    late = isinstance(f, sp.Function | ScalarCall)
    greek = isinstance(f, sp.Symbol) and "α" <= f.name[:1] <= "ω"
    power = f.is_Pow and not f.exp.is_number
    primed = isinstance(f, AppliedUndef) and "′" in f.func.__name__
    front = not isinstance(f, sp.Sum), not _is_difference(f)
    kinds = (*front, primed, late, f.is_Add, not adjoint, power, not greek)
    return *kinds, sp.default_sort_key(f)


def fraction(e: Any) -> tuple[Any, Any]:
    """Numerator and denominator; exp(−t) stays above, and u^(−n − 1) goes below."""
    factors = [(f, _denominator(f)) for f in sp.Mul.make_args(e)]
    above = sp.Mul(*(f for f, below in factors if below is None))
    return above, sp.Mul(*(below for _, below in factors if below is not None))


def _denominator(f: Any) -> Any:
    """What a factor divides by, if it does."""
    base, power = f.as_base_exp()
    if isinstance(base, inverse_or_zero):
        return base.args[0] ** power
    return 1 / f if f.is_Pow and f.exp.could_extract_minus_sign() else None


def numerator_and_denominator(c: Any) -> tuple[Any, Any]:
    """The same of a scalar in front of a matrix, whose number is divided as well."""
    above, below = c.as_numer_denom()
    above, more = fraction(above)
    return above, below * more


def _hadamard_order(f: Any) -> tuple[Any, ...]:
    """Products, differences, symbols, and 1 − … last."""
    if isinstance(f, sp.Transpose):
        return _hadamard_order(f.arg)
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
