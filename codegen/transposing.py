"""Matrices of a program stored the other way round: (N, K) → (K, N).

Why it exists: the order in which a matrix is stored changes no formula, and much of its speed.
`narrow` and `turning` decide which matrices to turn; what that means for statements that compute
and read them stands here once.

In: a program and the numbers of values. Out: the same program in which they have the other shape.
Values that are computed from one another element by element are turned together or not at all:
`families`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from symgrad.codegen import program as p
from symgrad.graph import Labels

POINTWISE = (p.Sum, p.Multiply, p.Apply)
FREE = (p.OneHot, p.Constant)
"""Printed wherever they are read, so that their order does not matter."""
_TURNED = (*POINTWISE, p.Contract)
"""What a turned value may be computed by."""
_READS = (*_TURNED, p.Total, p.Maximum, p.Gather)
"""What may read one."""


def transposed(program: p.Program, values: Collection[int]) -> p.Program:
    """The program with these values turned: inputs, statements and outputs."""
    if not values:
        return program
    inputs = tuple(
        replace(x, shape=x.shape[::-1], array_shape=x.array_shape[::-1]) if k in values else x
        for k, x in enumerate(program.inputs)
    )
    dimensions = tuple(
        replace(d, axis=1 - d.axis) if d.source in values and d.axis is not None else d
        for d in program.dimensions
    )
    statements = tuple(_rewritten(s, values) for s in program.statements)
    outputs = tuple(
        replace(out, shape=out.shape[::-1], array_shape=out.array_shape[::-1])
        if out.operand.value in values
        else out
        for out in program.outputs
    )
    return replace(
        program, inputs=inputs, dimensions=dimensions, statements=statements, outputs=outputs
    )


def _rewritten(statement: p.Statement, values: Collection[int]) -> p.Statement:
    """The statement with its own axes and those of its operands in the new order."""
    own = statement.value in values
    operation = statement.operation
    if not own and not any(x.value in values for x in operation.operands):
        return statement

    def labels(operand: p.Operand) -> Labels:
        new = tuple(1 - x if own and x < 2 else x for x in operand.labels)
        return new[::-1] if operand.value in values else new

    operands = tuple(p.Operand(x.value, labels(x)) for x in operation.operands)
    if isinstance(operation, p.Gather) and operands[0].value in values:
        operation = replace(operation, axes=tuple(1 - x for x in operation.axes))
    shape = statement.shape[::-1] if own else statement.shape
    return replace(statement, shape=shape, operation=replace(operation, operands=operands))


class Families:
    """The matrices of a program, in families that are turned together or not at all.

    ``inputs`` are the numbers of inputs that may be turned; ``tied`` are pairs of values that have
    the same order for a reason outside of the program, a parameter and its gradient.
    """

    def __init__(
        self,
        program: p.Program,
        inputs: Collection[int],
        tied: Iterable[tuple[int, int]] = (),
    ) -> None:
        self.program, self.first = program, len(program.inputs)
        values = range(self.first + len(program.statements))
        self.matrices = {value for value in values if self._is_matrix(value)}
        self.users: dict[int, list[p.Statement]] = {}
        for statement in program.statements:
            for operand in statement.operation.operands:
                self.users.setdefault(operand.value, []).append(statement)
        tied = list(tied)
        known = {value for pair in tied for value in pair}
        outside = {out.operand.value for out in program.outputs} - known
        self.able = {
            value
            for value in self.matrices
            if value not in outside
            and (
                value in inputs
                if value < self.first
                else isinstance(self.operation(value), _TURNED)
            )
            and all(self._reads(user, value) for user in self.users.get(value, []))
        }
        self._of: dict[int, set[int]] = {}
        for value in sorted(self.matrices):
            self._merge(value, [value, *self._neighbours(value)])
        for left, right in tied:
            self._merge(left, [left, right])

    def turnable(self) -> list[set[int]]:
        """The families all of whose members may be turned, in the order of their first members."""
        families = {id(x): x for _, x in sorted(self._of.items())}.values()
        return [x for x in families if x <= self.able]

    def operation(self, value: int) -> p.Operation:
        """What computes a value that is no input."""
        return self.program.statements[value - self.first].operation

    def _merge(self, value: int, others: Iterable[int]) -> None:
        merged = {value}
        for other in others:
            merged |= self._of.get(other, {other})
        for member in merged:
            self._of[member] = merged

    def _is_matrix(self, value: int) -> bool:
        """Whether it is a stored value with two axes."""
        if value < self.first:
            entry = self.program.inputs[value]
            return len(entry.shape) == 2 and entry.array_shape == entry.shape
        statement = self.program.statements[value - self.first]
        return len(statement.shape) == 2 and not isinstance(statement.operation, FREE)

    def _neighbours(self, value: int) -> list[int]:
        """The matrices that a pointwise statement reads at its own place."""
        if value < self.first:
            return []
        operation = self.operation(value)
        if not isinstance(operation, POINTWISE):
            return []
        return [x.value for x in operation.operands if x.labels == (0, 1) and x.value in self._of]

    def _reads(self, user: p.Statement, value: int) -> bool:
        """Whether a user reads it as it is turned: element by element only at its own place."""
        if not isinstance(user.operation, _READS):
            return False
        if not isinstance(user.operation, POINTWISE):
            return True
        places = {x.labels for x in user.operation.operands if x.value == value}
        return places == {(0, 1)} and user.value in self.matrices
