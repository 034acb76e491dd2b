"""Narrow values, stored column by column: (N, 10) → (10, N).

Why it exists: a loop over the ten classes of one example is too short for vectors of sixteen, so
an exponential in it costs ten times what it could. With the classes as rows the inner loop runs
over the examples of the minibatch. A matrix product can write and read either order at no cost.

In: a program and the symbol of its batch. Out: the same program, with some values of shape (N, k)
turned into (k, N). Values that are computed from one another element by element are turned
together or not at all; an input is turned only where the caller says that it may be.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from symgrad.codegen import program as p
from symgrad.graph import Dim, Labels, Shape

WIDEST = 15
"""Rows up to this long are narrow: shorter than a vector of sixteen single numbers."""

_POINTWISE = (p.Sum, p.Multiply, p.Apply)
_TURNS = (*_POINTWISE, p.Contract)
_READS = (*_TURNS, p.Total, p.Maximum, p.Gather)
_FREE = (p.OneHot, p.Constant)
"""Printed wherever they are read, so that their order does not matter."""


def narrowed(
    program: p.Program, batch: Dim, may_turn: Collection[int] = ()
) -> tuple[p.Program, frozenset[int]]:
    """The program with its narrow values turned, and which inputs are turned with them.

    ``batch`` is the extent N of the examples; ``may_turn`` are numbers of inputs.
    """
    turned = _Narrow(program, batch, may_turn).turned()
    if not turned:
        return program, frozenset()
    first = len(program.inputs)
    inputs = tuple(
        replace(x, shape=x.shape[::-1], array_shape=x.array_shape[::-1]) if k in turned else x
        for k, x in enumerate(program.inputs)
    )
    dimensions = tuple(
        replace(d, axis=1 - d.axis) if d.source in turned and d.axis is not None else d
        for d in program.dimensions
    )
    statements = tuple(_rewritten(s, turned) for s in program.statements)
    result = replace(program, inputs=inputs, dimensions=dimensions, statements=statements)
    return result, frozenset(k for k in turned if k < first)


def _rewritten(statement: p.Statement, turned: Collection[int]) -> p.Statement:
    """The statement with its own axes and those of its operands in the new order."""
    own = statement.value in turned
    operation = statement.operation
    if not own and not any(x.value in turned for x in operation.operands):
        return statement

    def labels(operand: p.Operand) -> Labels:
        new = tuple(1 - x if own and x < 2 else x for x in operand.labels)
        return new[::-1] if operand.value in turned else new

    operands = tuple(p.Operand(x.value, labels(x)) for x in operation.operands)
    if isinstance(operation, p.Gather) and operands[0].value in turned:
        operation = replace(operation, axes=tuple(1 - x for x in operation.axes))
    shape = statement.shape[::-1] if own else statement.shape
    return replace(statement, shape=shape, operation=replace(operation, operands=operands))


class _Narrow:
    def __init__(self, program: p.Program, batch: Dim, may_turn: Collection[int]) -> None:
        self.program, self.batch = program, batch
        self.first = len(program.inputs)
        self.users: dict[int, list[p.Statement]] = {}
        for statement in program.statements:
            for operand in statement.operation.operands:
                self.users.setdefault(operand.value, []).append(statement)
        outputs = {out.operand.value for out in program.outputs}
        self.candidates = {
            s.value
            for s in program.statements
            if self._is_narrow(s.shape)
            and isinstance(s.operation, _TURNS)
            and s.value not in outputs
        }
        self.candidates |= {
            k
            for k in may_turn
            if self._is_narrow(program.inputs[k].shape)
            and program.inputs[k].array_shape == program.inputs[k].shape
        }

    def _is_narrow(self, shape: Shape) -> bool:
        return (
            len(shape) == 2
            and shape[0] == self.batch
            and isinstance(shape[1], int)
            and shape[1] <= WIDEST
        )

    def turned(self) -> set[int]:
        """The values to turn: whole families, each with a function or a maximum to gain from."""
        found: set[int] = set()
        for family in self._families():
            if all(self._may_turn(value) for value in family) and any(map(self._gains, family)):
                found |= family
        return found

    def _families(self) -> list[set[int]]:
        """Narrow values that are computed from one another element by element."""
        family: dict[int, set[int]] = {}
        for value in sorted(v for v in self._narrow_values()):
            merged = {value}
            for other in self._neighbours(value):
                merged |= family.get(other, set())
            for member in merged:
                family[member] = merged
        return list({id(x): x for x in family.values()}.values())

    def _narrow_values(self) -> list[int]:
        """Every value of a narrow shape that is stored, candidate or not."""
        inputs = [k for k, x in enumerate(self.program.inputs) if self._is_narrow(x.shape)]
        return inputs + [
            s.value
            for s in self.program.statements
            if self._is_narrow(s.shape) and not isinstance(s.operation, _FREE)
        ]

    def _neighbours(self, value: int) -> list[int]:
        """The narrow values that a pointwise statement reads at its own place."""
        if value < self.first:
            return []
        statement = self.program.statements[value - self.first]
        if not isinstance(statement.operation, _POINTWISE):
            return []
        return [x.value for x in statement.operation.operands if x.labels == (0, 1)]

    def _may_turn(self, value: int) -> bool:
        return value in self.candidates and all(
            isinstance(user.operation, _READS) and self._reads_in_place(user, value)
            for user in self.users.get(value, [])
        )

    def _reads_in_place(self, user: p.Statement, value: int) -> bool:
        """Whether an element-by-element user is itself narrow, and reads at its own place."""
        if not isinstance(user.operation, _POINTWISE):
            return True
        places = {x.labels for x in user.operation.operands if x.value == value}
        return places == {(0, 1)} and self._is_narrow(user.shape)

    def _gains(self, value: int) -> bool:
        """Whether a function is applied here, or a maximum taken of the rows."""
        if value < self.first:
            return False
        applied = isinstance(self.program.statements[value - self.first].operation, p.Apply)
        maximum = any(isinstance(x.operation, p.Maximum) for x in self.users.get(value, []))
        return applied or maximum
