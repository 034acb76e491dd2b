"""Halving: which minibatches can be computed in halves, and what a step of one is worth.

Before → after: N rows on one thread → N/2 rows on each of two, whose gradients meet in a mean.

Two things have to be known of a program that gives a mean loss and its gradients. First, that no
row needs another one: where a sum over the examples is read again by what each example has
(a normalisation over the minibatch), or anywhere but in a linear way, the mean over all rows is not
that of two halves. Second, how much there is to compute: a step that is short, or that has many
parameters, takes longer on two threads, which show each other their gradients.

In: a `Program`, and the dimension that counts the examples. Out: yes or no; an `Amount`.
"""

from __future__ import annotations

import sympy as sp

from symgrad.amounts import Amount, product, total
from symgrad.codegen import program as p
from symgrad.codegen.counts import count, summed
from symgrad.graph import Dim, slot

FIXED, PER_PARAMETER = 1_120_000, 52
"""What a step has to cost before halves are worth it, in multiply-adds of BLAS, of which a core
does about 80 in a nanosecond. Measured: two meetings take half a microsecond, a number that the
other thread has written one nanosecond, and loops over half as many rows more than half as long."""
WEIGHTS = (1, 8, 32, 8)
"""What a multiply-add costs, arithmetic on an entry, a function, and an entry of a reduction."""
MOST_PARAMETERS = 32_768
"""Beyond that the gradients take too long, and products are so large that BLAS shares them."""

_LINEAR = (p.Sum, p.Total, p.Window, p.Unwindow, p.Gather, p.Scatter)


def examples_are_apart(program: p.Program, batch: Dim) -> bool:
    """Whether the outputs are means over rows of which none needs another."""
    sums: set[int] = set()  # values that are summed over the examples
    for s in program.statements:
        op = s.operation
        read = [x.value for x in op.operands if x.value in sums]
        along = [k for k, n in p.extents(program, s).items() if _has(n, batch)]
        within = [k for k in along if k < len(s.shape)]
        if within:
            if read or along != within or len(along) > 1:
                return False
            continue
        if along or read:
            if (along and read) or not _is_linear(op, sums):
                return False
            sums.add(s.value)
    return not any(_has(n, batch) for out in program.outputs for n in out.shape)


def _is_linear(op: p.Operation, sums: set[int]) -> bool:
    """Whether a sum over the examples is one after the operation, too."""
    read = [k for k, x in enumerate(op.operands) if x.value in sums]
    if not read:
        return isinstance(op, p.Contract | p.Total | p.Unwindow | p.Scatter)
    if isinstance(op, p.Apply):
        slots = [slot(k) for k in read]
        return not any(x.free_symbols & set(slots) for x in (op.body.diff(s) for s in slots))
    return isinstance(op, _LINEAR) or (isinstance(op, p.Multiply | p.Contract) and len(read) == 1)


def _has(n: Dim, batch: Dim) -> bool:
    return n == batch or (isinstance(n, sp.Expr) and batch in n.free_symbols)


def work(program: p.Program, batch: Dim) -> Amount:
    """What the program costs on one core, in multiply-adds of a large product."""
    sorts = summed(count(program, s) for s in program.statements)
    rows = [product(x.shape) * 8 for x in program.inputs if any(_has(n, batch) for n in x.shape)]
    return total([*rows, *(amount * w for amount, w in zip(sorts, WEIGHTS, strict=True))])
