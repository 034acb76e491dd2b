"""Images of a minibatch with the examples as their last axis: (N, h, w, c) → (c, h, w, N).

Why it exists: the loops of a convolutional network run over windows of three by three, pools of two
by two and a handful of channels, all too short for vectors. The examples of a minibatch are enough
for one, whatever the network is. What reads at windows copies whole rows of examples then, and each
product with a kernel or with the features is one product of matrices as they lie::

    u[c, i, j, N] = Σ K[c, p, q]·x_windows[p, q, i, j, N]        K (c, pq)·x_windows (pq, ijN)
    z[k, N]       = Σ V[k, c, i, j]·h[c, i, j, N]                V (k, cij)·h (cij, N)

In: a program, the symbol of its batch and the inputs that may be stored so. Out: the order of axes
of each value that changes (`orders`), and the program with them (`reordered`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from symgrad.codegen import program as p
from symgrad.graph import Dim, Labels, Shape

Orders = Mapping[int, Labels]
"""For each value that changes, its axes in their new order."""

_POINTWISE = (p.Sum, p.Multiply, p.Apply)
_REDUCED = (p.Contract, p.Total, p.Maximum, p.ArgMaximum)
_KNOWN = (*_POINTWISE, *_REDUCED, p.Window, p.Unwindow, p.OneHot)
"""What may compute or read a value whose order changes."""


def orders(program: p.Program, batch: Dim, inputs: Collection[int]) -> Orders:
    """The new orders of a program that reads windows of its examples; none for any other.

    ``batch`` is the extent N of the examples; ``inputs`` are numbers of inputs that may change.
    Nothing changes where examples are multiplied as matrices, one by one, as in attention.
    """
    if not any(_slides(program, x, batch) for x in program.statements):
        return {}
    found = _Orders(program, batch)
    found.forward()
    found.backward()
    fixed = {k for k in found.of if k < len(program.inputs)} - set(inputs)
    fixed |= {x.operand.value for x in program.outputs if batch in x.shape}
    return {} if fixed or not found.possible() else found.of


def reordered(program: p.Program, of: Orders) -> p.Program:
    """The program with the axes of these values in these orders."""
    if not of:
        return program
    inputs = tuple(
        replace(x, shape=_permuted(x.shape, of[k]), array_shape=rotated(x.array_shape))
        if k in of
        else x
        for k, x in enumerate(program.inputs)
    )
    ranks = [len(x.array_shape) for x in program.inputs]
    dimensions = tuple(
        replace(d, axis=(d.axis - 1) % ranks[d.source])
        if d.source in of and d.axis is not None
        else d
        for d in program.dimensions
    )
    statements = tuple(_rewritten(x, of) for x in program.statements)
    outputs = tuple(
        replace(out, operand=p.Operand(out.operand.value, _permuted(out.operand.labels, order)))
        if (order := of.get(out.operand.value)) is not None
        else out
        for out in program.outputs
    )
    return replace(
        program, inputs=inputs, dimensions=dimensions, statements=statements, outputs=outputs
    )


def rotated(shape: Shape) -> Shape:
    """The shape of an input whose examples come last."""
    return (*shape[1:], *shape[:1])


def turned(data: str, shape: Shape) -> str:
    """The text of an input of this shape, turned: its examples come last."""
    last = f"{data}.T" if len(shape) == 2 else f"np.moveaxis({data}, 0, -1)"
    return f"np.ascontiguousarray({last})"


def _permuted(shape: Shape, order: Labels) -> Shape:
    return tuple(shape[k] for k in order)


def _rewritten(statement: p.Statement, of: Orders) -> p.Statement:
    """The statement with its own axes and those of its operands in the new order."""
    operation, rank = statement.operation, len(statement.shape)
    own = of.get(statement.value, tuple(range(rank)))
    new = {old: k for k, old in enumerate(own)}

    def labels(old: Labels) -> Labels:
        return tuple(new.get(x, x) for x in old)

    def moved(place: p.Place) -> p.Place:
        return replace(place, labels=labels(place.labels))

    operands = tuple(
        p.Operand(x.value, labels(_permuted(x.labels, of[x.value]) if x.value in of else x.labels))
        for x in operation.operands
    )
    changed = replace(operation, operands=operands)
    if isinstance(changed, p.Window):
        (source,) = operation.operands
        axes = of.get(source.value, tuple(range(len(source.labels))))
        places = [(axes.index(axis), moved(place)) for axis, place in changed.places]
        changed = replace(changed, places=tuple(sorted(places, key=lambda x: x[0])))
    elif isinstance(changed, p.Unwindow):
        places = [(new.get(label, label), moved(place)) for label, place in changed.places]
        changed = replace(changed, places=tuple(sorted(places, key=lambda x: x[0])))
    return replace(statement, shape=_permuted(statement.shape, own), operation=changed)


def _slides(program: p.Program, statement: p.Statement, batch: Dim) -> bool:
    """Whether it reads examples at windows: at places that two counters add up to."""
    return (
        isinstance(statement.operation, p.Window)
        and batch in statement.shape
        and any(len(place.labels) > 1 for _, place in statement.operation.places)
    )


class _Orders:
    """The orders of one program, value by value."""

    def __init__(self, program: p.Program, batch: Dim) -> None:
        self.program, self.batch = program, batch
        self.first = len(program.inputs)
        self.of: dict[int, Labels] = {}
        self.users: dict[int, list[p.Statement]] = {}
        for statement in program.statements:
            for operand in statement.operation.operands:
                self.users.setdefault(operand.value, []).append(statement)

    def forward(self) -> None:
        """Everything that has examples: they come last, the rest as its operands have it."""
        for k, entry in enumerate(self.program.inputs):
            if len(entry.shape) > 2 and self.batch in entry.shape:
                self._set(k, entry.shape, range(len(entry.shape)))
        for statement in self.program.statements:
            stored = len(statement.shape) > 2 and not isinstance(statement.operation, p.OneHot)
            if stored and self.batch in statement.shape:
                self._set(statement.value, statement.shape, self._natural(statement))

    def backward(self) -> None:
        """Gradients: as the parameters lie that they are added to, or as they are returned."""
        for out in self.program.outputs:
            axes = out.operand.labels
            if len(axes) > 2 and out.operand.value >= self.first:
                self._place(out.operand.value, tuple(map(axes.index, sorted(axes))))
        for statement in reversed(self.program.statements):
            if self.batch in statement.shape or not isinstance(statement.operation, _POINTWISE):
                continue
            own = self.of.get(statement.value, tuple(range(len(statement.shape))))
            for x in statement.operation.operands:
                if x.value < self.first or len(self.users[x.value]) > 1 or len(own) < 3:
                    continue
                self._place(x.value, tuple(map(x.labels.index, (y for y in own if y in x.labels))))

    def possible(self) -> bool:
        """Whether every statement concerned is one of a known sort."""
        return all(
            isinstance(x.operation, _KNOWN) and not self._multiplies_examples(x)
            for x in self.program.statements
            if x.value in self.of or any(o.value in self.of for o in x.operation.operands)
        )

    def _multiplies_examples(self, statement: p.Statement) -> bool:
        """Whether it is a product of matrices for each example."""
        if not isinstance(statement.operation, p.Contract):
            return False
        extents = p.extents(self.program, statement)
        shared = set.intersection(*(set(x.labels) for x in statement.operation.operands))
        return any(extents[x] == self.batch and x < len(statement.shape) for x in shared)

    def _set(self, value: int, shape: Shape, axes: Sequence[int]) -> None:
        last = shape.index(self.batch)
        self.of[value] = (*(x for x in axes if x != last), last)

    def _place(self, value: int, axes: Labels) -> None:
        if list(axes) == sorted(axes):
            return
        if isinstance(self._operation(value), (*_POINTWISE, p.Contract)):
            self.of[value] = axes

    def _operation(self, value: int) -> p.Operation:
        return self.program.statements[value - self.first].operation

    def _seen(self, operand: p.Operand) -> Labels:
        """The labels of an operand in the order in which its axes lie, or would."""
        if operand.value in self.of:
            return _permuted(operand.labels, self.of[operand.value])
        if operand.value >= self.first and isinstance(self._operation(operand.value), p.OneHot):
            (index,) = self._operation(operand.value).operands
            inner = self._seen(index)
            return tuple(operand.labels[x] for x in (*inner[:-1], len(operand.labels) - 1)) + (
                tuple(operand.labels[x] for x in inner[-1:])
            )
        return operand.labels

    def _natural(self, statement: p.Statement) -> list[int]:
        """The axes of a value in the order in which they come up where it is computed."""
        operation, rank = statement.operation, len(statement.shape)
        if isinstance(operation, p.Contract):
            extents = p.extents(self.program, statement)
            with_batch = [
                any(extents[y] == self.batch for y in x.labels) for x in operation.operands
            ]
            parts = [self._seen(x) for x in operation.operands]
            ordered = [
                y for _, y in sorted(zip(with_batch, parts, strict=True), key=lambda x: x[0])
            ]
        else:
            ordered = [self._seen(max(operation.operands, key=lambda x: len(set(x.labels))))]
            ordered += [self._seen(x) for x in operation.operands]
        came = [x for part in ordered for x in part]
        if isinstance(operation, p.Window):
            (source,) = operation.operands
            at = {source.labels[axis]: place.labels for axis, place in operation.places}
            came = [y for x in came for y in at.get(x, (x,))]
            came = [*self._summed_first(statement), *came]
        elif isinstance(operation, p.Unwindow):
            at_place = {y: label for label, place in operation.places for y in place.labels}
            came = [at_place.get(x, x) for x in came]
        return list(dict.fromkeys([*(x for x in came if x < rank), *range(rank)]))

    def _summed_first(self, window: p.Statement) -> list[int]:
        """The axes of a window that the first product of it sums over, as its partner has them."""
        users = self.users.get(window.value, [])
        product = next((x for x in users if isinstance(x.operation, p.Contract)), None)
        if product is None:
            return []
        mine = next(x for x in product.operation.operands if x.value == window.value)
        partner = [x for x in product.operation.operands if x.value != window.value]
        seen = [x for operand in partner for x in self._seen(operand)]
        return [mine.labels.index(x) for x in seen if x >= len(product.shape) and x in mine.labels]
