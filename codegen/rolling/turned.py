"""Matrices turned before the steps: for t: h[t − 1]·Uᵀ → U_T = Uᵀ; for t: h[t − 1]·U_T.

Why it exists: a product whose sum runs along the rows of both factors is, while it is small, the
slowest for BLAS (`turning` says why). The way back reads the same matrix in the other order, so
storing it otherwise would only move the cost. But it is read at every step, and one copy of it
before all steps costs next to nothing.

In: the regions of a rolled program. Out: one region more, the first, with a copy of each parameter
that gains by it, which the products of the others read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod

import sympy as sp

from symgrad.codegen import program as p
from symgrad.codegen.regions import Array, Place, Region, Rolled
from symgrad.codegen.turning import BATCH, SMALL, VECTOR
from symgrad.graph import Dim


def turned(rolled: Rolled, parameters: Collection[int], first: int, batch: Dim) -> Rolled:
    """The regions with turned copies of ``parameters``, as they are where none gains by one.

    ``first`` is the number of inputs of the whole program; the rest are those of the regions.
    """
    if len(rolled.regions) == 1:
        return rolled
    slow = {
        x.value: None
        for region in rolled.regions
        for s in region.program.statements
        for x in _slow(region.program, s, parameters, batch)
    }
    if not slow:
        return rolled
    inputs = rolled.regions[-1].program.inputs
    places = {value: Place(len(rolled.arrays) + k) for k, value in enumerate(slow)}
    arrays = [Array(f"{inputs[value].name}_T", inputs[value].shape[::-1]) for value in slow]
    regions = [_reading(region, parameters, batch, places) for region in rolled.regions]
    return rolled._replace(
        regions=(_copies(rolled.regions[-1].program, first, places), *regions),
        arrays=(*rolled.arrays, *arrays),
    )


def _slow(
    program: p.Program, s: p.Statement, parameters: Collection[int], batch: Dim
) -> Iterator[p.Operand]:
    """The parameter in a small product whose sum runs along the rows of both factors."""
    if not isinstance(s.operation, p.Contract):
        return
    extents = p.extents(program, s)
    sizes = [BATCH if n == batch else n for n in extents.values()]
    known = [n for n in sizes if isinstance(n, int)]
    if len(known) < len(sizes) or prod(known) > SMALL:
        return
    a, b = s.operation.operands
    rank = len(s.shape)
    for x, other in ((a, b), (b, a)):
        if x.value not in parameters or len(x.labels) != 2:
            continue
        row, inner = x.labels
        along = inner >= rank and other.labels[-1:] == (inner,) and row not in other.labels
        vector = extents[row]
        if along and isinstance(vector, int) and vector >= VECTOR:
            yield x


def _copies(program: p.Program, first: int, places: Mapping[int, Place]) -> Region:
    """The region that turns the parameters."""
    statements = [
        p.Statement(
            first + k,
            program.shape(value)[::-1],
            p.Sum((p.Operand(value, (1, 0)),), (sp.S.One,)),
            *(None, None, None, ()),
        )
        for k, value in enumerate(places)
    ]
    outputs = [p.Output(p.Operand(s.value, (0, 1)), s.shape, s.shape) for s in statements]
    placed = {s.value: place for s, place in zip(statements, places.values(), strict=True)}
    made = replace(
        program,
        inputs=program.inputs[:first],
        statements=tuple(statements),
        outputs=tuple(outputs),
    )
    return Region(_counted(made), None, {}, placed, {})


def _reading(
    region: Region, parameters: Collection[int], batch: Dim, places: Mapping[int, Place]
) -> Region:
    """The region, its slow products reading the turned copies."""
    program = region.program
    own = len(program.inputs)
    read = list(
        dict.fromkeys(
            x.value for s in program.statements for x in _slow(program, s, parameters, batch)
        )
    )
    if not read:
        return region
    copy = {value: own + k for k, value in enumerate(read)}

    def moved(value: int) -> int:
        return value + len(read) if value >= own else value

    def operands(s: p.Statement) -> Sequence[p.Operand]:
        slow = list(_slow(program, s, parameters, batch))
        return [
            p.Operand(copy[x.value], x.labels[::-1])
            if x in slow
            else replace(x, value=moved(x.value))
            for x in s.operation.operands
        ]

    entries = [program.inputs[value] for value in read]
    made = replace(
        program,
        inputs=(
            *program.inputs,
            *(p.Input(f"{x.name}_T", "", x.shape[::-1], x.shape[::-1]) for x in entries),
        ),
        statements=tuple(
            replace(
                s,
                value=moved(s.value),
                operation=replace(s.operation, operands=tuple(operands(s))),
            )
            for s in program.statements
        ),
        outputs=tuple(
            replace(out, operand=replace(out.operand, value=moved(out.operand.value)))
            for out in program.outputs
        ),
    )
    return Region(
        _counted(made),
        region.times,
        {**region.inputs, **{copy[value]: places[value] for value in read}},
        {moved(value): place for value, place in region.placed.items()},
        {moved(value): number for value, number in region.scalars.items()},
    )


def _counted(program: p.Program) -> p.Program:
    """The program with its uses counted."""
    uses = [0] * (len(program.inputs) + len(program.statements))
    for operand in [
        *(x for s in program.statements for x in s.operation.operands),
        *(out.operand for out in program.outputs),
    ]:
        uses[operand.value] += 1
    return replace(program, uses=tuple(uses))
