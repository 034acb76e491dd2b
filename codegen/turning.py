"""Matrices turned so that products run along rows: x·Wᵀ, where W is stored (out, in) → (in, out).

Why it exists: BLAS multiplies small matrices where they lie, and then it matters how they lie. A
product whose sum runs along the rows of both factors, as in x·Wᵀ, is made of dot products, each of
which ends in the sum of a vector; one whose sum runs along the columns of a factor is made of whole
rows, and takes half the time. Of the three products of a layer,

    forward   z = x·Wᵀ, x (N, in), W (out, in)    the sum over in
    backward  x̄ = δ·W                             the sum over out
    gradient  W̄ = δᵀ·x                            the sum over N

the first is of the slow sort. W stored as (in, out) makes it fast and the second one slow, which a
layer that reads data does not have; and where values of every other layer are stored as (out, N),
none of the three is slow in any layer.

In: a program, and its parameters with their gradients. Out: the values to turn. They are found by
trying: a family of values that can only be turned together (`transposing.Families`), or two that
meet in a product, is turned where `_Product.cost` says that this is cheaper.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import prod
from typing import NamedTuple

from symgrad.codegen import program as p
from symgrad.codegen.transposing import Families
from symgrad.graph import Dim

BATCH = 64
"""The size that a batch is taken to have. Nothing is turned for sizes that are not known."""
SMALL = 1_000_000
"""Products of more multiplications are copied by BLAS, and all orders cost the same."""
VECTOR = 16
"""Rows shorter than this are no vector of single numbers."""
WORTH = 0.25
"""A turn has to save this part of the largest product: less is not worth a formula's order."""
APPLIED = 8
"""Multiplications that take as long as a function of one number does when rows are too short."""


class _Product(NamedTuple):
    """Σₖ a·b, m×k times k×n. ``along``: whether the rows of a, and those of b, lie along k."""

    a: int
    b: int
    along: tuple[bool, bool]
    sizes: tuple[int, int, int]

    def cost(self, turned: Collection[int]) -> float:
        """The multiplications, times what their order costs (measured with OpenBLAS on AVX-512).

        A row of a result is computed from whole rows of vectors, or else from dot products, which
        cost the more the shorter they are.
        """
        m, k, n = self.sizes
        work = m * k * n
        if work > SMALL:
            return work
        a_along = self.along[0] != (self.a in turned)
        b_along = self.along[1] != (self.b in turned)
        if a_along and b_along:
            return work * (1 + min(1.5, 6 * VECTOR / k))
        if not a_along and not b_along:
            return work
        return work * (1 if (n if a_along else m) >= VECTOR else 2)


class _Loop(NamedTuple):
    """A function of every entry of a value with these rows and columns."""

    value: int
    sizes: tuple[int, int]

    def cost(self, turned: Collection[int]) -> float:
        """What it costs more than it would in rows of vectors."""
        rows, columns = self.sizes
        row = rows if self.value in turned else columns
        return 0 if row >= VECTOR else APPLIED * rows * columns


_Cost = _Product | _Loop


def turning(
    program: p.Program,
    batch: Dim,
    pairs: Collection[tuple[int, int]],
    fixed: Collection[int] | None = None,
) -> frozenset[int]:
    """The values to turn in a program for ``batch`` examples.

    ``pairs`` are the parameters that may be turned, each with the value of its gradient;
    ``fixed``, where it is given, those of them that are turned, whatever it costs.
    """
    parameters = {parameter for parameter, _ in pairs}
    families = Families(program, parameters, pairs).turnable()
    turned: set[int] = set()
    if fixed is not None:
        turned.update(*(x for x in families if x & set(fixed)))
        families = [x for x in families if not x & parameters]
    return frozenset(_descended(turned, families, _costs(program, batch)))


def tied(program: p.Program, parameters: Sequence[int], offset: int) -> list[tuple[int, int]]:
    """Each parameter with the value that output number ``offset`` + its own holds.

    It is left out where this is no value of its own, or one that is read in another order.
    """
    outputs = [out.operand for out in program.outputs[offset:]]
    return [
        (parameter, operand.value)
        for parameter, operand in zip(parameters, outputs, strict=True)
        if operand.labels == (0, 1) and operand.value >= len(program.inputs)
    ]


def _descended(turned: set[int], families: Sequence[set[int]], costs: Sequence[_Cost]) -> set[int]:
    """Turn one family, or two that meet in a product, as long as that is cheaper."""
    of = {value: k for k, family in enumerate(families) for value in family}
    concerned: dict[int, dict[_Cost, None]] = {k: {} for k in range(len(families))}
    moves: dict[tuple[int, ...], None] = {(k,): None for k in range(len(families))}
    for cost in costs:
        values = (cost.a, cost.b) if isinstance(cost, _Product) else (cost.value,)
        met = sorted({of[value] for value in values if value in of})
        for k in met:
            concerned[k][cost] = None
        if len(met) == 2:
            moves[tuple(met)] = None
    largest = max((prod(x.sizes) for x in costs if isinstance(x, _Product)), default=0)
    changed = True
    while changed:
        changed = False
        for move in moves:
            tried = turned.symmetric_difference(x for k in move for x in families[k])
            seen = {cost: None for k in move for cost in concerned[k]}
            saved = sum(x.cost(turned) for x in seen) - sum(x.cost(tried) for x in seen)
            if saved > WORTH * largest:
                turned, changed = tried, True
    return turned


def _costs(program: p.Program, batch: Dim) -> list[_Cost]:
    found: list[_Cost] = []
    for statement in program.statements:
        dims = {x: BATCH if n == batch else n for x, n in p.extents(program, statement).items()}
        sizes = {x: n for x, n in dims.items() if isinstance(n, int)}
        if len(sizes) < len(dims):
            continue
        if isinstance(statement.operation, p.Apply) and len(statement.shape) == 2:
            found.append(_Loop(statement.value, (sizes[0], sizes[1])))
        elif isinstance(statement.operation, p.Contract):
            found += _product(statement, sizes)
    return found


def _product(statement: p.Statement, sizes: Mapping[int, int]) -> list[_Product]:
    """The product, if it is one of matrices."""
    if len(statement.operation.operands) != 2:
        return []
    a, b = statement.operation.operands
    summed = set(a.labels) & set(b.labels) - set(range(len(statement.shape)))
    rows, columns = set(a.labels) - set(b.labels), set(b.labels) - set(a.labels)
    if not (summed and rows and columns):
        return []
    m, k, n = (prod(sizes[x] for x in labels) for labels in (rows, summed, columns))
    along = a.labels[-1] in summed, b.labels[-1] in summed
    return [_Product(a.value, b.value, along, (m, k, n))]
