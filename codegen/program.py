"""The program: what a target prints.

Why it exists: a target should know nothing of graphs, names or SymPy matrices. It walks a list of
statements, each one simple operation on values that are there already. Which statements share a
line (NumPy) or a loop (Numba) is the target's own business, decided from `Program.uses`.

The grammar, with ``i j k`` for labels::

    program    ::= input* dimension* statement* output*
    input      ::= name: shape                      value number 0, 1, …; as passed: array_shape
    dimension  ::= n = (extent − offset)/factor     extent: an axis of an input, or an integer input
    statement  ::= value[shape] = operation         the next value number; a name or a suggestion,
                                                    one line of mathematics, values last used here
    output     ::= operand: shape                   as returned: array_shape
    operand    ::= value[labels]                    one label an axis of the value
    operation  ::= constant v                       the scalar v
                 | eye n                            1[i = j], shape (n, n)
                 | onehot c[labels], n              1[c = k], the last axis being k
                 | sum     w₁·a + w₂·b + …          pointwise
                 | multiply a·b·…                   pointwise
                 | apply   f(a, b, …)               pointwise, f a SymPy expression over slots
                 | contract Σ a·b                   a matrix product; two operands
                 | total   Σ a                      a sum over axes, a trace or a diagonal
                 | maximum a                        over axes
                 | argmaximum a                     over one axis: the place of the first maximum
                 | threshold a                      over one axis: τ with Σ max(a − τ, 0) = 1
                 | gather  a[…, c, …]               axes of a indexed by integer operands
                 | scatter out[c, …] += a           the axis ``label`` of the result indexed by c
                 | window  a[…, s·i + d·u + b, …]   axes of a read at affine places, 0 outside a
                 | unwindow out[s·i + d·u + b, …] += a      its transpose: what is outside is lost
                 | mask    1[s·i + d·u + b ≥ 0]     or … = 0; an array of truth values
                 | inverse, det, logdet a           of the matrices on the last two axes

Labels 0 … r − 1 are the axes of the statement's value in order; higher ones are summed (or
maximised) over. An operand that lacks a label broadcasts along it; in the last line and in
``threshold`` no operand does. Weights, constants and offsets are SymPy expressions in numbers and
dimension symbols.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import sympy as sp

from symgrad.graph import Dim, Labels, Shape, dim

Role: TypeAlias = Literal["array", "label", "integer", "unused"]


@dataclass(frozen=True, slots=True)
class Operand:
    """A value and the label that runs along each of its axes."""

    value: int
    labels: Labels


@dataclass(frozen=True, slots=True)
class Operation:
    """What a statement computes; the subclasses are the rows of the grammar."""

    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Constant(Operation):
    """A scalar, the same at every point."""

    number: sp.Expr


class Eye(Operation):
    """The identity matrix, where nothing but a matrix will do."""

    __slots__ = ()


class OneHot(Operation):
    """1[c = k], where no gather or scatter could replace it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Sum(Operation):
    """Σ weight·operand at every point."""

    weights: tuple[sp.Expr, ...]


class Multiply(Operation):
    """The product of the operands at every point."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Apply(Operation):
    """A scalar SymPy expression over ``graph.slot(k)``, at every point."""

    body: sp.Expr


class Contract(Operation):
    """Σ a·b over the labels that both operands have and the result lacks."""

    __slots__ = ()


class Total(Operation):
    """Σ a over the labels that the result lacks; a label may repeat, as in a trace."""

    __slots__ = ()


class Maximum(Operation):
    """max a over the labels that the result lacks."""

    __slots__ = ()


class ArgMaximum(Operation):
    """The place of the first maximum of a along the one label that the result lacks."""

    __slots__ = ()


class Threshold(Operation):
    """The τ of sparsemax along the last axis of a: Σ max(a − τ, 0) = 1."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Linalg(Operation):
    """``inverse``, ``det`` or ``logdet`` of the matrices on the last two axes of a.

    ``described`` is the name of the matrix, if it has one.
    """

    op: str
    described: str

    @property
    def matrix(self) -> str:
        """The matrix in the words of an error, safe inside a string."""
        name = "".join(x for x in self.described if x.isprintable() and x not in '"\\{}')
        return f"the matrix {name}" if name else f"a matrix whose {self.op} is taken"


@dataclass(frozen=True, slots=True)
class Gather(Operation):
    """The first operand with axis ``axes[k]`` indexed by operand ``k + 1``."""

    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scatter(Operation):
    """Operands (c, a): zeros, with a added where the axis ``label`` of the result equals c."""

    label: int


@dataclass(frozen=True, slots=True)
class Place:
    """offset + Σ step·k, where k, along each of ``labels``, counts from 0 to one of ``counts``.

    ``inside``: no such place is outside of the axis that it is on.
    """

    labels: Labels
    steps: tuple[int, ...]
    counts: Shape
    offset: Dim
    inside: bool


@dataclass(frozen=True, slots=True)
class Window(Operation):
    """The operand with some axes read at places: ``places`` are pairs (axis, place)."""

    places: tuple[tuple[int, Place], ...]


@dataclass(frozen=True, slots=True)
class Unwindow(Operation):
    """Zeros with the operand added at places: ``places`` are pairs (label of the result, place)."""

    places: tuple[tuple[int, Place], ...]


@dataclass(frozen=True, slots=True)
class Mask(Operation):
    """Where Σ coefficients·axes + offset = 0, or ≥ 0."""

    coefficients: tuple[int, ...]
    offset: Dim
    relation: str


INDICATORS = (OneHot, Mask)
"""Operations whose values are arrays of truth values."""
INTEGRAL = (ArgMaximum,)
"""Operations whose values are whole numbers, to index with."""


@dataclass(frozen=True, slots=True)
class Input:
    """An argument of the generated function.

    ``shape`` is that of the value, ``array_shape`` what is passed: it has an axis for each
    dimension that is literally 1, which the value has not. ``declared`` is the user's name.
    """

    name: str
    declared: str
    shape: Shape
    array_shape: Shape
    role: Role = "array"
    classes: Dim | None = None


@dataclass(frozen=True, slots=True)
class Dimension:
    """A symbolic dimension and where its size is read: (extent − offset)/factor.

    The extent is that of ``axis`` of an input as passed, or an integer input itself.
    """

    symbol: sp.Symbol
    name: str
    source: int
    axis: int | None
    offset: sp.Expr = sp.S.Zero
    factor: int = 1


@dataclass(frozen=True, slots=True)
class Statement:
    """``value = operation``; ``name`` is the user's, ``suggestion`` one that it may go by."""

    value: int
    shape: Shape
    operation: Operation
    name: str | None
    suggestion: str | None
    comment: str | None
    last_uses: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Output:
    """A result: ``shape`` is that of the value, ``array_shape`` what is returned."""

    operand: Operand
    shape: Shape
    array_shape: Shape


@dataclass(frozen=True, slots=True)
class Program:
    """Everything a target needs. ``taken`` are the names that are in use.

    ``uses`` counts, for each value, the operands and outputs that refer to it.
    """

    inputs: tuple[Input, ...]
    dimensions: tuple[Dimension, ...]
    statements: tuple[Statement, ...]
    outputs: tuple[Output, ...]
    uses: tuple[int, ...]
    taken: frozenset[str]

    def shape(self, value: int) -> Shape:
        """The shape of a value."""
        first = len(self.inputs)
        return self.inputs[value].shape if value < first else self.statements[value - first].shape

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def extents(program: Program, statement: Statement) -> dict[int, Dim]:
    """The extent of each label of a statement: its axes, then those summed over."""
    found: dict[int, Dim] = dict(enumerate(statement.shape))
    for operand in statement.operation.operands:
        for label, n in zip(operand.labels, program.shape(operand.value), strict=True):
            found.setdefault(label, n)
    if isinstance(statement.operation, Unwindow):
        for _, place in statement.operation.places:
            for label, n in zip(place.labels, place.counts, strict=True):
                found.setdefault(label, n)
    return found


# -------------------------------------------------------------------------------------- as text


def _lines(program: Program) -> Iterator[str]:
    names: list[str] = []
    for entry in program.inputs:
        names.append(entry.name)
        yield f"input {entry.name}[{_dims(entry.array_shape)}] {entry.role}"
    for d in program.dimensions:
        axis = "" if d.axis is None else f".shape[{d.axis}]"
        yield f"dim {d.name} = ({program.inputs[d.source].name}{axis} - {d.offset})/{d.factor}"
    for s in program.statements:
        names.append(s.name or f"%{s.value}")
        op = s.operation
        extra = [str(getattr(op, slot)) for slot in type(op).__slots__ if slot != "operands"]
        operands = [f"{names[o.value]}{list(o.labels)}" for o in op.operands]
        yield (
            f"{names[-1]}[{_dims(s.shape)}] = {type(op).__name__.lower()} "
            + " ".join([*operands, *extra])
        )
    for out in program.outputs:
        yield f"output {names[out.operand.value]}{list(out.operand.labels)}"


def _dims(shape: Shape) -> str:
    return ", ".join(str(dim(n)) for n in shape)
