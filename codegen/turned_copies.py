"""Copies of weights, turned, for products in which sums would run along the rows of both factors.

Why it exists: δ·Wᵀ is made of dot products, the slow form of a small product (see `turning`). Where
W is read as x·W too, no order of it is fast in both; but a copy of W in the other order costs as
much as a row or two of δ, and there may be hundreds: each word of each example is one.

    gemm(delta, W.T)  →  W_turned[j, i] = W[i, j]; gemm(delta, W_turned)

In: a program after `turning`. Out: the same program with the copies as its first statements.
"""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from symgrad.codegen import program as p
from symgrad.codegen.turning import BATCH, SMALL, VECTOR
from symgrad.graph import Dim

COPIED = 150
"""A copy of one number takes as long as so many multiplications."""

LARGEST = 4
"""A batch may be smaller by this factor than it is taken to be, and the product be a small one."""


def with_copies(program: p.Program, batch: Dim) -> p.Program:
    """The program, with copies of parameters where they pay; ``batch`` is the extent N."""
    of: dict[int, int] = {}  # which value, of those copied, is in which statement
    for statement in program.statements:
        for operand in statement.operation.operands:
            if _gains(program, statement, operand, batch):
                of.setdefault(operand.value, len(program.inputs) + len(of))
    if not of:
        return program
    first = len(program.inputs)

    def moved(operand: p.Operand) -> p.Operand:
        value = operand.value
        return p.Operand(value if value < first else value + len(of), operand.labels)

    def read(statement: p.Statement, operand: p.Operand) -> p.Operand:
        if _gains(program, statement, operand, batch):
            return p.Operand(of[operand.value], operand.labels[::-1])
        return moved(operand)

    copies = tuple(
        p.Statement(
            value=copy,
            shape=program.shape(value)[::-1],
            operation=p.Sum((p.Operand(value, (1, 0)),), (sp.S.One,)),
            name=None,
            suggestion=f"{program.inputs[value].name}_turned",
            comment=None,
            last_uses=(),
        )
        for value, copy in of.items()
    )
    statements = tuple(
        replace(
            x,
            value=x.value + len(of),
            operation=replace(
                x.operation, operands=tuple(read(x, operand) for operand in x.operation.operands)
            ),
            last_uses=tuple(v if v < first else v + len(of) for v in x.last_uses),
        )
        for x in program.statements
    )
    found = replace(
        program,
        statements=(*copies, *statements),
        outputs=tuple(replace(out, operand=moved(out.operand)) for out in program.outputs),
    )
    uses = [0] * (first + len(found.statements))
    for operand in (
        *(operand for x in found.statements for operand in x.operation.operands),
        *(out.operand for out in found.outputs),
    ):
        uses[operand.value] += 1
    return replace(found, uses=tuple(uses))


def _gains(program: p.Program, statement: p.Statement, operand: p.Operand, batch: Dim) -> bool:
    """Whether an operand is a matrix of parameters that a product reads in the slow form often."""
    operands, rank = statement.operation.operands, len(statement.shape)
    given = operand.value < len(program.inputs) and len(operand.labels) == 2
    if not (given and isinstance(statement.operation, p.Contract)):
        return False
    others = [x for x in operands if x != operand]
    column, inner = operand.labels
    if len(others) != 1 or batch in program.shape(operand.value):
        return False
    (other,) = others
    if inner not in other.labels[-1:] or column >= rank:
        return False
    extents = p.extents(program, statement)
    known = {x: BATCH if n == batch else n for x, n in extents.items()}
    sizes = {x: n for x, n in known.items() if isinstance(n, int)}
    if len(sizes) < len(known) or inner < rank or column in other.labels:
        return False
    rows = 1
    for label in other.labels[:-1]:
        rows *= sizes[label]
    small = rows * sizes[column] * sizes[inner] <= LARGEST * SMALL
    return small and rows * min(1.5, 6 * VECTOR / sizes[inner]) > COPIED
