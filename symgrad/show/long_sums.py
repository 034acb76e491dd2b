"""Long sums over layers or moments, shown with Σ: δ1·h0ᵀ + δ2·h1ᵀ + … as Σₗ δₗ·hₗ₋₁ᵀ.

Why it exists: where many layers share a weight, as the moments of a recurrent network do, its
gradient has a term for each. Terms of one form whose numbers grow steadily are written once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import singledispatch
from typing import Any

import sympy as sp
from sympy.core.symbol import Str
from sympy.matrices.expressions.matexpr import MatrixExpr
from sympy.printing.precedence import PRECEDENCE

from symgrad.show.layer_index import FEWEST, SUBSCRIPT, Index, at, common_step
from symgrad.show.numbering import Forms
from symgrad.show.steps import Repeats

_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class _IndexedSum:
    """What is written Σₗ₌₁⁹⁹ term. SymPy sees the term as it stands, and sums nothing."""

    args: tuple[Any, ...]
    precedence = PRECEDENCE["Add"] - 1  # as a term of another sum it stands in parentheses

    @property
    def repeats(self) -> Repeats:
        """What the index runs over, and what the names of the term stand for."""
        letter, (start, stop), names = self.args[1:]
        values = range(int(start), int(stop))
        known = ((x.name, y.name, tuple(map(int, by))) for x, y, by in names)
        return Repeats(letter.name, values, tuple(known))

    def terms(self) -> list[Any]:
        """Every term."""
        repeats = self.repeats
        return [at(self.args[0], repeats, k) for k in range(len(repeats.values))]

    def doit(self, **hints: Any) -> Any:
        """Itself: the index is one for the reader."""
        return self

    def _symgrad_text(self, printer: Any) -> str:
        letter, values, _ = self.repeats
        below = f"{letter}={values[0]}".translate(SUBSCRIPT)
        above = str(values[-1]).translate(_SUPERSCRIPT)
        return f"Σ{below}{above} {printer.binding(self.args[0], PRECEDENCE['Mul'], strict=True)}"

    def _symgrad_latex(self, printer: Any) -> str:
        letter, values, _ = self.repeats
        term = printer.binding(self.args[0], PRECEDENCE["Mul"], strict=True)
        return rf"\sum_{{{letter}={values[0]}}}^{{{values[-1]}}} {term}"


class ScalarSum(_IndexedSum, sp.Expr):
    """A sum of scalars."""

    is_real = True
    is_commutative = True


class MatrixSum(_IndexedSum, MatrixExpr):
    """A sum of matrices."""

    is_commutative = False

    @property
    def shape(self) -> tuple[Any, Any]:
        """(rows, columns), those of every term."""
        shape: tuple[Any, Any] = self.args[0].shape
        return shape


def collected(expr: Any, forms: Forms, letter: str) -> Any:
    """A sum with Σ for its terms of one form; what is no sum stays as it is."""
    if isinstance(expr, sp.Lambda):
        return sp.Lambda(expr.variables, collected(expr.expr, forms, letter))
    if not isinstance(expr, sp.Add | sp.MatAdd) or len(expr.args) < FEWEST:
        return expr
    rest = list(expr.args)
    sums = []
    for run in _runs(expr.args, forms):
        made = _indexed(run, forms, letter)
        if made is not None:
            sums.append(made)
            rest = [x for x in rest if x not in run]
    terms = [*rest, *sums]
    return terms[0] if len(terms) == 1 else expr.func(*terms)


def _runs(terms: Iterable[Any], forms: Forms) -> Iterator[list[Any]]:
    """Terms of one form whose numbers grow by the same amounts from each to the next."""
    alike: dict[int, list[Any]] = {}
    for term in terms:
        alike.setdefault(forms(term).key, []).append(term)
    for same in alike.values():
        ordered = sorted(same, key=lambda x: forms(x).numbers)
        run: list[Any] = []
        for term in ordered:
            if len(run) > 1 and _growth(run[-1], term, forms) != _growth(run[0], run[1], forms):
                if len(run) >= FEWEST:
                    yield run
                run = run[-1:] if len(run) < FEWEST else []
            run.append(term)
        if len(run) >= FEWEST:
            yield run


def _growth(a: Any, b: Any, forms: Forms) -> tuple[int, ...]:
    return tuple(y - x for x, y in zip(forms(a).numbers, forms(b).numbers, strict=True))


def _indexed(run: Sequence[Any], forms: Forms, letter: str) -> Any | None:
    """The terms as one with an index; None where one index cannot say what changes."""
    growth = _growth(run[0], run[1], forms)
    if common_step([growth]) != 1:  # a sum has all values of its index
        return None
    numbers = zip(forms(run[0]).numbers, growth, strict=True)
    index = Index(letter, max(n for n, by in numbers if by == 1), 1)
    term = index.written(run, growth, forms)
    if term is None:
        return None
    repeats = index.repeats(len(run))
    names = sp.Tuple(*(sp.Tuple(Str(x), Str(y), sp.Tuple(*by)) for x, y, by in repeats.names))
    bounds = sp.Tuple(repeats.values.start, repeats.values.stop)
    kind = MatrixSum if isinstance(term, MatrixExpr) else ScalarSum
    return kind(term, Str(letter), bounds, names)


@singledispatch
def expanded(expr: Any) -> Any:
    """``expr`` with every term that Σ stands for."""
    return expr


@expanded.register(_IndexedSum)
def _(expr: Any) -> Any:
    terms = expr.terms()
    return sp.MatAdd(*terms) if isinstance(expr, MatrixSum) else sp.Add(*terms)


@expanded.register(sp.Lambda)
def _(expr: Any) -> Any:
    return sp.Lambda(expr.variables, expanded(expr.expr))


@expanded.register(sp.Add)
@expanded.register(sp.MatAdd)
def _(expr: Any) -> Any:
    terms = [y for x in expr.args for y in (x.terms() if isinstance(x, _IndexedSum) else [x])]
    return expr.func(*terms) if len(terms) > len(expr.args) else expr
