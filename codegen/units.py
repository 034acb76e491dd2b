"""Units: a hidden layer on two threads, each with half of its units and the weights of these.

Before → after: z = W·x, s = V·f(z) → each thread has rows of W and columns of V, and s is the sum
of what both have. (Megatron-LM, Shoeybi et al. 2019, divides layers of transformers like this.)

Why it exists: in a step with large weights BLAS shares each product between two cores, whichever
way it likes. What one core has written in one product the other then reads in the next, and that
takes as long as the products themselves: 784-128-10 with 64 rows is hardly faster on two cores
than on one. Here each core keeps its weights, and only s passes between them, 640 numbers in place
of 200,000.

In: a program of a minibatch that updates its parameters. Out: the axes to divide, if there are
any, and the program in which these have a dimension of their own, so that a function printed for it
works on all units as well as on half of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

import sympy as sp

from symgrad.amounts import Amount, product, total
from symgrad.codegen import program as p
from symgrad.codegen.counts import count, summed
from symgrad.codegen.halving import WEIGHTS
from symgrad.codegen.matrices import as_matrices
from symgrad.graph import Dim, Shape, slot

PER_NUMBER, MEETINGS = 100, 100_000
"""What it costs to pass a number from thread to thread, and to meet, in multiply-adds of BLAS."""
LEAST_SAVED = 0.4
"""How much of a step division has to save: BLAS, which shares large products, saves nearly that."""

Axis = tuple[int, int]
"""A value and one of its axes."""

_ANYWHERE = (p.Sum, p.Multiply, p.Apply, p.Contract, p.Total, p.Maximum, p.Constant)


class Units(NamedTuple):
    """A divided layer: the units of a hidden one, or the entries of the data.

    ``axes`` says which axis of a parameter is divided, ``rows`` which one of the data; ``summed``
    which products are sums over both halves, and ``loss`` whether the loss is one. ``divided`` is
    what the halves compute between them, ``passed`` how many numbers pass between the threads, of
    arrays of these ``shapes``.
    """

    program: p.Program
    dim: sp.Symbol
    axes: Mapping[str, int]
    rows: Mapping[str, int]
    summed: frozenset[int]
    loss: bool
    divided: Amount
    passed: Amount
    shapes: tuple[Shape, ...]

    @property
    def worth(self) -> sp.Expr:
        """What division saves at sizes of 64, where they are not known."""
        saved = (self.divided * Fraction(1, 2) + self.passed * -PER_NUMBER).expr
        return saved.subs({n: 64 for n in saved.free_symbols})


def units(
    program: p.Program, parameters: Mapping[str, int], rows: Mapping[str, int], batch: Dim
) -> Units | None:
    """The layer that is best divided.

    ``parameters`` and ``rows``, the data of a minibatch, are numbers of inputs by name.
    """
    best: Units | None = None
    for axes in _classes(program):
        found = _divided(program, parameters, rows, batch, axes)
        if found and (best is None or found.worth > best.worth):
            best = found
    return best


def can_pay(found: Units, work: Amount) -> bool:
    """Whether division can save enough, with many examples and dimensions of 4,096."""
    saved = (found.divided * Fraction(1, 2) + found.passed * -PER_NUMBER).expr
    rest = saved - LEAST_SAVED * work.expr - MEETINGS
    return bool(rest.subs({n: 4096 for n in rest.free_symbols}) > 0)


def _classes(program: p.Program) -> Iterator[set[Axis]]:
    """The axes of values, those together that statements give one label."""
    of: dict[Axis, set[Axis]] = {}

    def tie(axes: list[Axis]) -> None:
        merged = {x for axis in axes for x in of.get(axis, {axis})}
        for axis in merged:
            of[axis] = merged

    for s in program.statements:
        for label in p.extents(program, s):
            tie(_labelled(s, label))
    yield from {id(x): x for _, x in sorted(of.items())}.values()


def _labelled(s: p.Statement, label: int) -> list[Axis]:
    """The axes of operands and of the value that a statement runs along with one label."""
    axes = [
        (x.value, axis)
        for x in s.operation.operands
        for axis, own in enumerate(x.labels)
        if own == label
    ]
    return [*axes, (s.value, label)] if label < len(s.shape) else axes


def _divided(
    program: p.Program,
    parameters: Mapping[str, int],
    rows: Mapping[str, int],
    batch: Dim,
    axes: set[Axis],
) -> Units | None:
    """The program with these axes divided, if it can be."""
    extents = {program.shape(value)[axis] for value, axis in axes}
    values = [value for value, _ in axes]
    inputs = {value for value in values if value < len(program.inputs)}
    if len(extents) != 1 or len(set(values)) < len(values) or batch in extents:
        return None
    if not inputs & set(parameters.values()):
        return None
    if inputs - {*parameters.values(), *rows.values()}:
        return None
    (n,) = extents
    if n == 1 or not _is_plain(program, n):
        return None
    of = dict(axes)
    summed_up: list[p.Statement] = []
    along: list[p.Statement] = []
    scalars: set[int] = set()
    for s in program.statements:
        labels = {x.labels[of[x.value]] for x in s.operation.operands if x.value in of}
        if s.value in of:
            labels.add(of[s.value])
        if not labels:
            continue
        if len(labels) > 1 or not isinstance(s.operation, _ANYWHERE):
            return None
        along.append(s)
        if max(labels) >= len(s.shape):
            if not s.shape and isinstance(s.operation, p.Contract | p.Total):
                scalars.add(s.value)
                continue
            if not isinstance(s.operation, p.Contract):
                return None
            if as_matrices(len(s.shape), *s.operation.operands) is None:
                return None
            summed_up.append(s)
    if not summed_up or any(s.value in of for s in summed_up):
        return None
    if not _only_the_loss(program, scalars):
        return None
    if _is_alone(program, n, of, parameters):
        symbol, changed = n, program
    else:
        name = _free("entries" if inputs & set(rows.values()) else "units", program)
        symbol = sp.Symbol(name, integer=True, positive=True)
        changed = _renamed(program, of, symbol)
    own = {name: k for name, k in parameters.items() if k in of}
    data = {name: of[k] for name, k in rows.items() if k in of}
    copied = [product(program.shape(k)) * 8 for k in rows.values() if k in of]
    sorts = summed(count(program, s) for s in along)
    return Units(
        changed,
        symbol,
        {name: _axis_of_array(program.inputs[k], of[k]) for name, k in own.items()},
        data,
        frozenset(s.value for s in summed_up),
        bool(scalars),
        total([*copied, *(amount * w for amount, w in zip(sorts, WEIGHTS, strict=True))]),
        total(product(s.shape) for s in summed_up),
        tuple(s.shape for s in summed_up),
    )


def _only_the_loss(program: p.Program, scalars: set[int]) -> bool:
    """Whether sums over both halves that are numbers are terms of the loss, and so is no other.

    ``scalars`` are such sums; all numbers that are made of them are added.
    """
    for s in program.statements:
        if s.value in scalars:
            continue
        read = [k for k, x in enumerate(s.operation.operands) if x.value in scalars]
        if not read:
            continue
        if s.shape or not _is_proportional(s.operation, read):
            return False
        scalars.add(s.value)
    loss, *others = (out.operand.value for out in program.outputs)
    return not scalars.intersection(others) and (not scalars or loss in scalars)


def _is_proportional(op: p.Operation, read: Sequence[int]) -> bool:
    """Whether an operation gives the sum of what it gives for the terms of these operands."""
    match op:
        case p.Sum():
            return len(read) == len(op.operands)
        case p.Multiply():
            return len(read) == 1
        case p.Apply(body=body):
            x = slot(read[0])
            return len(read) == 1 and body.subs(x, 0) == 0 and x not in body.diff(x).free_symbols
    return False


def _is_plain(program: p.Program, n: Dim) -> bool:
    """Whether no number in the program depends on the dimension."""
    if isinstance(n, int):
        return True
    symbols = n.free_symbols
    numbers: list[sp.Expr] = []
    for s in program.statements:
        match s.operation:
            case p.Sum(weights=weights):
                numbers += weights
            case p.Apply(body=body):
                numbers.append(body)
            case p.Constant(number=number):
                numbers.append(number)
    return not any(symbols & sp.sympify(x).free_symbols for x in numbers)


def _is_alone(
    program: p.Program, n: Dim, of: Mapping[int, int], parameters: Mapping[str, int]
) -> bool:
    """Whether a symbol stands for the divided axes only, and is read from a parameter."""
    if not isinstance(n, sp.Symbol):
        return False
    values = range(len(program.inputs) + len(program.statements))
    axes = [(v, k) for v in values for k, x in enumerate(program.shape(v)) if _has(x, n)]
    sources = {d.source for d in program.dimensions if d.symbol == n}
    return all(of.get(v) == k for v, k in axes) and sources <= set(parameters.values())


def _has(n: Dim, symbol: sp.Symbol) -> bool:
    return isinstance(n, sp.Expr) and symbol in n.free_symbols


def _renamed(program: p.Program, of: Mapping[int, int], symbol: sp.Symbol) -> p.Program:
    """The program with one axis of some values of another extent, read from a parameter."""

    def shape(value: int, old: Shape) -> Shape:
        if value not in of:
            return old
        return tuple(symbol if k == of[value] else n for k, n in enumerate(old))

    inputs = []
    for k, entry in enumerate(program.inputs):
        array = entry.array_shape
        if k in of:
            place = _axis_of_array(entry, of[k])
            array = tuple(symbol if j == place else n for j, n in enumerate(array))
        inputs.append(replace(entry, shape=shape(k, entry.shape), array_shape=array))
    source = min(k for k in of if k < len(inputs))
    place = _axis_of_array(program.inputs[source], of[source])
    statements = [replace(s, shape=shape(s.value, s.shape)) for s in program.statements]
    outputs = [
        replace(
            out,
            shape=inputs[k].shape if k is not None else out.shape,
            array_shape=inputs[k].array_shape if k is not None else out.array_shape,
        )
        for out, k in zip(program.outputs, [None, *range(len(program.outputs) - 1)], strict=True)
    ]
    return replace(
        program,
        inputs=tuple(inputs),
        statements=tuple(statements),
        outputs=tuple(outputs),
        dimensions=(*program.dimensions, p.Dimension(symbol, symbol.name, source, place)),
        taken=program.taken | {symbol.name},
    )


def _axis_of_array(entry: p.Input, axis: int) -> int:
    """The axis of the array as it is passed, which has others of extent 1."""
    if len(entry.shape) == len(entry.array_shape):
        return axis
    return [k for k, n in enumerate(entry.array_shape) if n != 1][axis]


def _free(name: str, program: p.Program) -> str:
    while name in program.taken:
        name += "_"
    return name
