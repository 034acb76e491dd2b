"""Formulas as they are read: the order of terms and factors, and where parentheses go.

Why it exists: text and LaTeX differ in signs, and in nothing else. SymPy keeps its own canonical
order of terms, for comparing; the order for reading is decided here, for both: results of products
before plain symbols, positive terms before negative ones, data last. `printer` walks a formula in
this order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixExpr
from sympy.matrices.expressions.special import OneMatrix
from sympy.printing.precedence import PRECEDENCE, precedence

from symgrad.show.notation import is_adjoint
from symgrad.symbols import MatrixCall, NamedMatrix, NamedScalar, ScalarCall
from symgrad.vocabulary import inverse_or_zero, xlogx

ADD: int = PRECEDENCE["Add"]
HADAMARD: int = ADD + 1
MUL: int = PRECEDENCE["Mul"]
POW: int = PRECEDENCE["Pow"]
ATOM: int = PRECEDENCE["Atom"]


def binding_of(item: Any) -> int:
    """How strongly a value holds together."""
    if isinstance(item, sp.MatMul):  # SymPy negates it to see its sign, which evaluates it
        return ADD if item.as_coeff_matrices()[0].could_extract_minus_sign() else MUL
    if isinstance(item, ElementwiseApplyFunction):
        return _binding_of_body(item.function)
    if isinstance(item, MatrixCall) and item.head == "mapped":
        return _binding_of_body(item.operands[0])
    if isinstance(item, xlogx | inverse_or_zero):  # t·log(t) and 1/t
        return MUL
    if is_square(item):
        return POW
    if isinstance(item, sp.Sum):  # as a product does, whatever SymPy says
        return MUL
    if isinstance(item, sp.Add | sp.MatAdd):
        if complement(item) is not None:
            return ATOM
        if content_of(item.args) != 1:
            return MUL
    return int(precedence(item))


def _binding_of_body(function: Any) -> int:
    """How strongly the body of a function of each entry holds together: t·log(t) as ⊙ does."""
    body = written_out(function.expr)
    above, below = fraction(body.as_coeff_Mul()[1])
    by_entry = [f for f in sp.Mul.make_args(above) if f.has(*function.variables)]
    if len(by_entry) > 1 and below == 1:
        return HADAMARD
    return binding_of(body)


def is_loose(m: Any) -> bool:
    """Whether ``m`` is written as a product by ⊙."""
    return is_hadamard(m) or binding_of(m) == HADAMARD


def written_out(body: Any) -> Any:
    """The body of a function of each entry, in products where it has them: t·log(t)."""
    return body.replace(xlogx, lambda t: t * sp.log(t))


def is_square(e: Any) -> bool:
    """Whether ``e`` is an inner product that is written ‖x‖²."""
    return isinstance(e, ScalarCall) and e.head == "dot" and bool(e.operands[0] == e.operands[1])


def is_negative(c: Any) -> bool:
    """Whether a factor is written with a minus sign in front; a sum is if all its terms are."""
    return all(x.could_extract_minus_sign() for x in sp.Add.make_args(c))


def turned(c: Any, factors: Sequence[Any]) -> tuple[Any, list[Any]]:
    """−c·(a − b) as c·(b − a); 1 − a stays as it is, and so does (a − b)·(a − b)ᵀ."""
    upright = [f.arg if isinstance(f, sp.Transpose) else f for f in factors]
    mixed = [k for k, f in enumerate(upright) if _is_difference(f)]
    if len(mixed) != 1 or not _is_difference(factors[mixed[0]]):
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


def has_denominator(m: Any) -> bool:
    """Whether a power below 0 of each entry is a factor of ``m``."""
    factors = m.args if isinstance(m, sp.HadamardProduct) else (m,)
    return any(_entries_below(f) is not None for f in factors)


def fraction_of_entries(m: Any) -> tuple[list[Any], list[Any]]:
    """The factors of a product by ⊙ that are above, and the reciprocals of those below."""
    factors = m.args if isinstance(m, sp.HadamardProduct) else (m,)
    below = {f: _entries_below(f) for f in factors}
    return [f for f in factors if below[f] is None], [x for x in below.values() if x is not None]


def _entries_below(f: Any) -> Any:
    """1/f, where f is a power below 0 of each entry; else None. (√x)³ is x^(3/2)."""
    if not isinstance(f, sp.HadamardPower) or not f.args[1].is_negative:
        return None
    base, n = f.args[0], -f.args[1]
    if n > 1 and isinstance(base, MatrixCall) and base.head == "sqrt":
        base, n = base.operands[0], n / 2
    return base if n == 1 else sp.HadamardPower(base, n)


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


def content_of(args: Sequence[Any]) -> Any:
    """2 for the terms of 2·a − 2·b, which reads 2·(a − b); else 1."""
    weights = {_weight(x) for x in args}
    if len(weights) != 2 or not all(c.is_Integer for c in weights) or sum(weights) != 0:
        return 1
    return 1 if any(x.is_number for x in args) else max(weights)


def divided(term: Any, number: Any) -> Any:
    """A term of a sum without a factor of its weight."""
    if isinstance(term, MatrixExpr):
        c, matrices = term.as_coeff_matrices()
        return sp.MatMul(c / number, *matrices).doit(deep=False)
    return term / number


def _weight(term: Any) -> Any:
    if isinstance(term, MatrixExpr):
        return term.as_coeff_mmul()[0] if isinstance(term, sp.MatMul) else sp.Integer(1)
    return term.as_coeff_Mul()[0]


def reading_order(term: Any) -> tuple[Any, ...]:
    """Positive before negative; among equals: 1, products, computed values, leaves, fractions."""
    negative = bool(_weight(term).could_extract_minus_sign())
    body = term.as_coeff_mmul()[1] if isinstance(term, sp.MatMul) else term
    if body.is_Rational and not body.is_Integer:  # v + 1/100000, but 1 + v
        rank = 5
    elif isinstance(body, OneMatrix) or body.is_number:
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
    """Numbers, Σ and differences, then adjoints, symbols and powers, then sums and functions.

    That is (Σ_k δ2[k]·W[k, j])·h[j]·(1 − h[j]) and (ŷ − y)·ŷ·(1 − ŷ), as by ⊙ of matrices. Of
    symbols, Greek letters come first, as in β·z; of unknown functions, derivatives last.
    """
    adjoint = isinstance(f, sp.Indexed | NamedScalar) and is_adjoint(str(f))
    late = isinstance(f, sp.Function | ScalarCall)
    greek = isinstance(f, sp.Symbol) and "α" <= f.name[:1] <= "ω"
    power = f.is_Pow and not f.exp.is_number
    primed = isinstance(f, AppliedUndef) and "′" in f.func.__name__
    front = not isinstance(f, sp.Sum), not _is_difference(f)
    kinds = (not _is_plain_number(f), *front, primed, late, f.is_Add, not adjoint, power, not greek)
    return *kinds, sp.default_sort_key(f)


def _is_plain_number(f: Any) -> bool:
    """Whether a factor is π or a root of a number, and not log(2·π)."""
    return bool((f.is_Pow or f.is_Atom) and f.is_number)  # whether a Σ is a number, is dear


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


class surd(sp.Function):
    """The square root of a number, which SymPy would write as a product of roots."""

    is_positive = True


def coefficient(e: Any) -> tuple[Any, Any]:
    """The rational number in front, and the rest: x·sqrt(2)/(2·sqrt(π)) reads x/sqrt(2·π)."""
    c, rest = e.as_coeff_Mul()
    factors = sp.Mul.make_args(rest)
    numbers = [f for f in factors if f.is_Pow and f.is_number]
    if not numbers or not all(abs(f.exp) == sp.S.Half for f in numbers):
        return c, rest
    above, below = ((c * sp.Mul(*numbers)) ** 2).as_numer_denom()
    if above != 1 or below == 1:
        return c, rest
    others = [f for f in factors if f not in numbers]
    return (-1 if c.is_negative else 1) * sp.S.One, sp.Mul(*others, 1 / surd(below))


def numerator_and_denominator(c: Any) -> tuple[Any, Any]:
    """The same of a scalar in front of a matrix, whose number is divided as well.

    A sum of fractions is brought over one bar, but for one with a decimal: 1/sqrt(v + 1/100000),
    and not 100·sqrt(10)/sqrt(100000·v + 1).
    """
    pairs = [_over_one_bar(f) for x in coefficient(c) for f in sp.Mul.make_args(x)]
    return sp.Mul(*(above for above, _ in pairs)), sp.Mul(*(below for _, below in pairs))


def _over_one_bar(f: Any) -> tuple[Any, Any]:
    """Numerator and denominator of one factor."""
    if f.is_Rational:
        return sp.Integer(f.p), sp.Integer(f.q)
    if f.is_Add and not any(x.is_number and not x.is_Integer for x in f.args):
        above, below = f.as_numer_denom()
        above, more = fraction(above)
        return above, below * more
    return fraction(f)


def hadamard_order(f: Any) -> tuple[Any, ...]:
    """Products, differences, symbols, and 1 − … last."""
    if isinstance(f, sp.Transpose):
        return hadamard_order(f.arg)
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
