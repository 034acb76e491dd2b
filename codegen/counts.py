"""What a program costs: operations of each statement and values that are held, in its dimensions.

In: a `Program`. Out: for each statement how many operations of four sorts it takes, and how many
numbers are held while it runs. Costs are polynomials in the dimensions, so that nothing has to be
known about their sizes.

| statement | counts |
|---|---|
| contract | a multiply-add a term |
| multiply | a multiply-add an entry where no operand has all axes (an outer product) |
| | else a multiplication an entry for each factor but the first |
| contract of two arrays with the same axes | a multiplication and an addition a term |
| sum | an addition a term, and a multiplication for each weight but ±1 |
| apply | its arithmetic and its functions (exp, tanh, …), each an entry |
| total, maximum, argmaximum, scatter, unwindow | an addition or comparison for each entry read |
| threshold | n·log2 n comparisons for each row of n (a sort) |
| inverse | n³ multiply-adds; det and logdet (n³ − n)/3 |
| window, gather, mask, onehot, eye, constant | nothing: they index |

A contraction of two arrays with the same axes, such as Σ y·log p, does as much as any pointwise
operation. It is a product of a matrix with one row only where one of them holds weights: wᵀx is a
multiply-add a weight, and so is its gradient, a scalar times x.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import sympy as sp
from sympy.core.relational import Relational

from symgrad.amounts import ZERO, Amount, Monomial, largest, product, total
from symgrad.codegen import program as p
from symgrad.graph import Dim
from symgrad.vocabulary import (
    absolute,
    exceeds,
    hard_sign,
    hard_step,
    inverse_or_zero,
    leaky_relu,
    maximum,
    minimum,
    relu,
    signum,
    step,
    zero_one,
)

COMPARISONS: tuple[type[sp.Function], ...] = (
    absolute, exceeds, hard_sign, hard_step, inverse_or_zero, leaky_relu, maximum, minimum, relu,
    signum, step, zero_one, sp.Abs, sp.Heaviside, sp.Max, sp.Min, sp.floor, sp.ceiling, sp.sign,
    sp.Piecewise,
)  # fmt: skip
"""Functions that cost what an arithmetic operation does."""


class Counts(NamedTuple):
    """Operations, of four sorts: those of products of arrays, and those on single entries."""

    multiply_adds: Amount = ZERO
    elementwise: Amount = ZERO
    functions: Amount = ZERO
    reductions: Amount = ZERO

    @property
    def operations(self) -> Amount:
        """All of them, a multiply-add being two."""
        return total((self.multiply_adds * 2, *self[1:]))


def summed(counts: Iterable[Counts]) -> Counts:
    """The sum of counts."""
    listed = list(counts)
    return Counts(*(total(x) for x in zip(*listed, strict=True))) if listed else Counts()


def count(program: p.Program, statement: p.Statement, weights: Collection[int] = ()) -> Counts:
    """The operations of a statement; ``weights`` are the values that are trained."""
    shape = statement.shape
    operands = statement.operation.operands
    match statement.operation:
        case p.Sum(weights=factors):
            scalings = sum(1 for w in factors if abs(w) != 1)
            return Counts(elementwise=product(shape, len(operands) - 1 + scalings))
        case p.Multiply():
            entries = product(shape, len(operands) - 1)
            outer = _is_outer(program, statement, weights)
            return Counts(multiply_adds=entries) if outer else Counts(elementwise=entries)
        case p.Apply(body=body):
            arithmetic, functions = body_operations(body)
            return Counts(
                elementwise=product(shape, arithmetic), functions=product(shape, functions)
            )
        case p.Contract():
            terms = _terms(program, statement)
            alike = set(operands[0].labels) == set(operands[1].labels)
            if alike and not _is_weighing(operands, weights):
                return Counts(elementwise=terms, reductions=terms)
            return Counts(multiply_adds=terms)
        case p.Total() | p.Maximum() | p.ArgMaximum() | p.Scatter():
            return Counts(reductions=_terms(program, statement))
        case p.Unwindow(places=places):
            gone = {label for label, _ in places}
            kept = (n for x, n in p.extents(program, statement).items() if x not in gone)
            return Counts(reductions=product(kept))
        case p.Threshold():
            row = program.shape(operands[0].value)[-1]
            return Counts(reductions=_terms(program, statement).times(_log2(row)))
        case p.Linalg(op=op):
            *stack, n, _ = program.shape(operands[0].value)
            cube, line = product((*stack, n, n, n)), product((*stack, n))
            return Counts(
                multiply_adds=cube if op == "inverse" else (cube + line * -1) * Fraction(1, 3)
            )
        case _:
            return Counts()


def operations(program: p.Program, sizes: Mapping[sp.Symbol, int]) -> int:
    """Scalar operations of one run, given the dimensions: a function call counts as one.

    A contraction counts a multiplication and an addition a term; copying and indexing are free.
    """
    whole = summed(count(program, s) for s in program.statements).operations
    return int(sp.ceiling(whole.at(sizes).expr))


def _terms(program: p.Program, statement: p.Statement) -> Amount:
    return product(p.extents(program, statement).values())


def _is_weighing(operands: Sequence[p.Operand], weights: Collection[int]) -> bool:
    """Whether one of two operands holds weights: wᵀx, and not wᵀw."""
    a, b = (x.value for x in operands)
    return a != b and (a in weights or b in weights)


def _is_outer(program: p.Program, statement: p.Statement, weights: Collection[int]) -> bool:
    """Whether no operand has all axes; or the gradient by weights w of wᵀx, a scalar times x."""
    operands = statement.operation.operands
    if all(len(x.labels) < len(statement.shape) for x in operands):
        return True
    if len(operands) != 2 or not weights or all(x.labels for x in operands):
        return False
    returned = any(out.operand.value == statement.value for out in program.outputs)
    return returned and any(x.labels and x.value < len(program.inputs) for x in operands)


def _log2(n: Dim) -> Dim:
    return max(1, (n - 1).bit_length()) if isinstance(n, int) else sp.Function("log2")(n)


@lru_cache(maxsize=1024)
def body_operations(body: sp.Expr) -> tuple[int, int]:
    """The arithmetic operations and the functions in a scalar expression.

    x − y and x/y are one operation each, a whole power is one, any other power is a function.
    """
    arithmetic = functions = 0
    stack: list[tuple[sp.Basic, type]] = [(body, sp.Basic)]
    while stack:
        x, inside = stack.pop()
        operands: Sequence[sp.Basic] = x.args
        match x:
            case sp.Add():
                arithmetic += len(operands) - 1
            case sp.Mul():
                if operands[0] == -1 and inside is sp.Add:
                    operands = operands[1:]  # − instead of +
                arithmetic += len(operands) - 1 + all(map(_divides, operands))
            case sp.Pow():
                arithmetic += _divides(x) and inside is not sp.Mul
                if x.exp.is_Rational:
                    operands = operands[:1]
                if x.exp.is_Integer:
                    arithmetic += x.exp != -1
                else:
                    functions += 1
            case sp.Function() if not isinstance(x, COMPARISONS):
                functions += 1
            case sp.Function() | Relational():
                arithmetic += 1
        stack += [(operand, type(x)) for operand in operands]
    return arithmetic, functions


def _divides(x: sp.Basic) -> bool:
    """Whether a factor stands below the line."""
    return isinstance(x, sp.Pow) and bool(x.exp.is_Rational and x.exp < 0)


# --------------------------------------------------------------------------------------- memory


def held(program: p.Program) -> tuple[Amount, ...]:
    """How many computed numbers are held where it may be most, inputs not counted.

    A value is held from the statement that computes it to the one that uses it last, an output to
    the end. More than one amount comes back where the largest depends on the sizes.
    """
    live: Counter[Monomial] = Counter()
    snapshots: list[Amount] = []
    last = len(program.statements) - 1
    first = len(program.inputs)
    for k, statement in enumerate(program.statements):
        for m, c in product(statement.shape).terms.items():
            live[m] += int(c)
        gone = [v for v in statement.last_uses if v >= first]
        if gone or k == last:
            snapshots.append(Amount(live))
        for value in gone:
            for m, c in product(program.shape(value)).terms.items():
                live[m] -= int(c)
    return largest(snapshots)


def stored(program: p.Program, backward: Collection[int]) -> Amount:
    """The numbers that the statements of the values ``backward`` read and others compute."""
    first = len(program.inputs)
    read = {
        operand.value
        for s in program.statements
        if s.value in backward
        for operand in s.operation.operands
    }
    kept = (v for v in sorted(read) if v >= first and v not in backward)
    return total(product(program.shape(v)) for v in kept)
