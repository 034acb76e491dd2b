"""Scaling: what multiplies every gradient multiplies the first of them, where it is smallest.

Why it exists: each gradient of a mean loss, and each step of descent, has the factor η/N. As
arrays those are as large as the parameters, but all of them are linear in one adjoint, that of the
last layer, which has a row for each example of the minibatch and no more.

In: a program whose outputs after the first are θ − (η/N)·Σ…, or (1/N)·Σ…. Out: the same with
δ ← (η/N)·δ behind the adjoint that all are linear in, and at most a number left before an output,
1/16, say, where there is also the mean over a sequence: a factor on the way, of an adjoint that
has a name, is moved to the outputs that follow it. Where there is no such adjoint, or their factors
differ by more than a number, the program stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import prod
from typing import NamedTuple

import sympy as sp

from symgrad.codegen import program as p
from symgrad.codegen.passes import Passes
from symgrad.graph import Shape, slot

_TRIED = 16
"""How many adjoints are tried."""
_USUAL = 64
"""What a symbolic dimension is taken to be, where costs are compared."""
_CALL = 1000
"""How many numbers could be multiplied while Python calls NumPy."""


class _Addend(NamedTuple):
    """weight·operand, or weight·η·operand, in the sum that is an output."""

    weight: sp.Expr
    rated: bool
    operand: p.Operand


def scaled_early(
    program: p.Program, rate: int | None = None, without: Passes = frozenset()
) -> p.Program:
    """The program with the factor of its gradients moved; ``rate`` is the number of the input η."""
    if "scale" in without:
        return program
    return _Scaling(program, rate).scaled()


class _Scaling:
    def __init__(self, program: p.Program, rate: int | None) -> None:
        self.program, self.rate = program, rate
        self.made = {s.value: s for s in program.statements}
        self.absorbed: set[int] = set()  # by the sums that are outputs
        self.sums: dict[int, list[_Addend]] = {}

    def scaled(self) -> p.Program:
        for out in self.program.outputs[1:]:
            statement = self.made.get(out.operand.value)
            if statement is None or not isinstance(statement.operation, p.Sum):
                return self.program
            if self.program.uses[statement.value] != 1:
                return self.program
            self.sums[statement.value] = list(self._addends(statement))
        for adjoint in self._adjoints():
            moved = self._moved(adjoint)
            if moved is not None:
                return moved
        return self.program

    def _addends(self, statement: p.Statement) -> Iterator[_Addend]:
        """The terms of a sum, through the products with η and the sums in it that are its own."""
        operation = statement.operation
        assert isinstance(operation, p.Sum)
        terms = zip(operation.weights, operation.operands, strict=True)
        stack = [_Addend(weight, False, operand) for weight, operand in terms]
        while stack:
            addend = stack.pop(0)
            inner = self._parts(addend)
            if inner is None:
                yield addend
            else:
                self.absorbed.add(addend.operand.value)
                stack[:0] = inner

    def _parts(self, addend: _Addend) -> list[_Addend] | None:
        weight, rated, (value, labels) = addend.weight, addend.rated, _pair(addend.operand)
        inner = self.made.get(value)
        if inner is None or self.program.uses[value] != 1:
            return None
        operation = inner.operation
        own = [p.Operand(o.value, tuple(labels[x] for x in o.labels)) for o in operation.operands
               if all(x < len(labels) for x in o.labels)]  # fmt: skip
        if len(own) != len(operation.operands):
            return None
        if isinstance(operation, p.Sum):
            terms = zip(operation.weights, own, strict=True)
            return [_Addend(weight * w, rated, operand) for w, operand in terms]
        if isinstance(operation, p.Multiply) and len(own) == 2 and not rated:
            others = [o for o in own if o.value != self.rate]
            if len(others) == 1:
                return [_Addend(weight, True, others[0])]
        return None

    def _adjoints(self) -> list[int]:
        """The last values that all outputs are made from, the smallest first."""
        common: set[int] | None = None
        for addends in self.sums.values():
            above: set[int] = set()
            stack = [x.operand.value for x in addends]
            while stack:
                value = stack.pop()
                if value in self.made and value not in above:
                    above.add(value)
                    stack += [o.value for o in self.made[value].operation.operands]
            common = above if common is None else common & above
        last = sorted(common or (), reverse=True)[:_TRIED]
        return sorted(last, key=lambda value: _cost(self.made[value].shape))

    def _moved(self, adjoint: int) -> p.Program | None:
        """The program with the factor behind ``adjoint``, if nothing stands against it."""
        degrees = self._degrees(adjoint)
        addends = [x for found in self.sums.values() for x in found]
        linear = [x for x in addends if degrees.get(x.operand.value, 0) == 1]
        carried = self._carried(degrees)
        if carried is None or any(degrees.get(x.operand.value, 0) > 1 for x in addends):
            return None
        factors = Counter(abs(x.weight) * carried[x.operand.value] for x in linear)
        if not factors or len({x.rated for x in linear}) != 1:
            return None
        one, rated = next(iter(factors)), linear[0].rated
        if any(not (x / one).is_number for x in factors):
            return None
        weight = max(factors, key=lambda x: (factors[x], float(x / one)))  # the most of them
        if weight == 1 and not rated:
            return None
        saved = sum(_cost(self.program.shape(x.operand.value)) for x in linear)
        if _cost(self.made[adjoint].shape) >= saved:
            return None
        between = self._between(adjoint, degrees, linear)
        if between is None:
            return None
        return self._rewritten(adjoint, between, degrees, carried, weight, rated)

    def _carried(self, degrees: dict[int, int]) -> dict[int, sp.Expr] | None:
        """The factors on the way to each value that is linear in the adjoint.

        None where what is added to one another has come by different factors.
        """
        carried: dict[int, sp.Expr] = {}
        for s in self.program.statements:
            if degrees.get(s.value, 0) == 1:
                ways = {carried[o.value] for o in s.operation.operands if o.value in carried}
                if len(ways) > 1:
                    return None
                factor = ways.pop() if ways else sp.S.One
                carried[s.value] = factor * abs(_factor(s.operation) or 1)
        return carried

    def _degrees(self, adjoint: int) -> dict[int, int]:
        """In what power of ``adjoint`` each value is homogeneous: 9 if in none."""
        degrees = {adjoint: 1}
        for s in self.program.statements:
            own = [degrees.get(o.value, 0) for o in s.operation.operands]
            if any(own):
                degrees[s.value] = _degree(s.operation, own)
        return degrees

    def _between(
        self, adjoint: int, degrees: dict[int, int], linear: Sequence[_Addend]
    ) -> set[int] | None:
        """What is computed from ``adjoint`` on the way to the outputs; None if others read it."""
        reads = Counter(x.operand.value for x in linear)
        for s in reversed(self.program.statements):
            if s.value in reads and s.value != adjoint:
                reads.update(o.value for o in s.operation.operands if degrees.get(o.value, 0) == 1)
        others = any(n != self.program.uses[x] for x, n in reads.items() if x != adjoint)
        return None if others else set(reads) - {adjoint}

    def _rewritten(
        self,
        adjoint: int,
        between: set[int],
        degrees: dict[int, int],
        carried: dict[int, sp.Expr],
        weight: sp.Expr,
        rated: bool,
    ) -> p.Program:
        fresh = len(self.program.uses)  # the numbers of new statements, until all are numbered
        statements: list[p.Statement] = []
        scaled: int | None = None  # stands before the first that reads it

        def add(shape: Shape, operation: p.Operation, *told: str | None) -> int:
            value = fresh + len(statements)
            suggestion, comment = told or (None, None)
            statements.append(p.Statement(value, shape, operation, None, suggestion, comment, ()))
            return value

        def turned(o: p.Operand) -> p.Operand:
            nonlocal scaled
            if o.value != adjoint:
                return o
            if scaled is None:
                scaled = self._scaled(adjoint, weight, rated, add)
            return p.Operand(scaled, o.labels)

        for s in self.program.statements:
            operation = s.operation
            if s.value in self.absorbed:
                continue
            if s.value in between:
                operation = replace(operation, operands=tuple(map(turned, operation.operands)))
                factor = _factor(operation)
                if factor is not None and isinstance(operation, p.Sum):
                    operation = replace(operation, weights=(factor / abs(factor),))
            if s.value in self.sums:
                weights, operands = [], []
                for x in self.sums[s.value]:
                    operand, own = turned(x.operand), x.weight
                    if degrees.get(x.operand.value, 0) == 1:
                        own = x.weight * carried[x.operand.value] / weight
                    elif x.rated:
                        shape = self.program.shape(operand.value)
                        factors = (self._rate(), _whole(operand.value, shape))
                        operand = p.Operand(add(shape, p.Multiply(factors)), operand.labels)
                    weights.append(own)
                    operands.append(operand)
                operation = p.Sum(tuple(operands), tuple(weights))
            statements.append(replace(s, operation=operation))
        return _numbered(self.program, statements)

    def _scaled(self, adjoint: int, weight: sp.Expr, rated: bool, add: Callable[..., int]) -> int:
        """A statement that multiplies an adjoint by the factor of all gradients."""
        made = self.made[adjoint]
        named, whole = made.name or made.suggestion, _whole(adjoint, made.shape)
        factor = sp.Symbol("η") * weight if rated else weight
        told = f"scaled_{named}" if named else None, f"times {factor} here, not in each ∂"
        if not rated:
            return add(made.shape, p.Sum((whole,), (weight,)), *told)
        rate = self._rate()
        if weight != 1:
            rate = p.Operand(add((), p.Sum((rate,), (weight,))), ())
        return add(made.shape, p.Multiply((whole, rate)), *told)

    def _rate(self) -> p.Operand:
        assert self.rate is not None
        return p.Operand(self.rate, ())


def _factor(operation: p.Operation) -> sp.Expr | None:
    """What a value is multiplied by, where nothing else happens to it."""
    if isinstance(operation, p.Sum) and len(operation.operands) == 1:
        return operation.weights[0]
    return None


def _whole(value: int, shape: Shape) -> p.Operand:
    return p.Operand(value, tuple(range(len(shape))))


def _pair(operand: p.Operand) -> tuple[int, tuple[int, ...]]:
    return operand.value, operand.labels


def _degree(operation: p.Operation, own: Sequence[int]) -> int:
    match operation:
        case p.Contract() | p.Multiply():
            return min(9, sum(own))
        case p.Sum() | p.Total() | p.Window() | p.Unwindow():
            return own[0] if len(set(own)) == 1 else 9
        case p.Gather() if not any(own[1:]):
            return own[0]
        case p.Scatter() if not own[0]:
            return own[1]
        case p.Apply(body=body) if sum(own) == 1:
            x = slot(own.index(1))
            return 1 if body.as_independent(x, as_Add=False)[1] == x else 9
    return 9


def _cost(shape: Shape) -> int:
    return _CALL + prod(n if isinstance(n, int) else _USUAL for n in shape)


def _numbered(program: p.Program, statements: Sequence[p.Statement]) -> p.Program:
    """The program with other statements, numbered in their order."""
    first = len(program.inputs)
    number = {k: k for k in range(first)} | {s.value: k for k, s in enumerate(statements, first)}

    def renamed(o: p.Operand) -> p.Operand:
        return p.Operand(number[o.value], o.labels)

    uses = [0] * (first + len(statements))
    last: dict[int, int] = {}
    made: list[p.Statement] = []
    for k, s in enumerate(statements):
        operands = tuple(map(renamed, s.operation.operands))
        for o in operands:
            uses[o.value] += 1
            last[o.value] = k
        operation = replace(s.operation, operands=operands)
        made.append(replace(s, value=first + k, operation=operation))
    outputs = tuple(replace(x, operand=renamed(x.operand)) for x in program.outputs)
    for out in outputs:
        uses[out.operand.value] += 1
        last.pop(out.operand.value, None)
    freed: list[list[int]] = [[] for _ in made]
    for value, k in last.items():
        freed[k].append(value)
    made = [replace(s, last_uses=tuple(sorted(x))) for s, x in zip(made, freed, strict=True)]
    return replace(program, statements=tuple(made), outputs=outputs, uses=tuple(uses))
