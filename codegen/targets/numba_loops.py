"""Loops of the Numba target: groups of a fused program as lines of Python.

A value lives in one of three places: a scalar variable of the loop body, where only that body
uses it; a scalar of the row, where only later blocks of the same row do; or an array, which the
caller provides (`Place`). Nothing is allocated here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import sympy as sp

from symgrad.codegen import program as p
from symgrad.codegen.expression import PRODUCT, Code, compare
from symgrad.codegen.fusion import POINTWISE, Block, Call, Fused, Item, Nest, through
from symgrad.codegen.names import Names
from symgrad.codegen.targets.layout import comment
from symgrad.codegen.targets.numba_scalar import ScalarPrinter
from symgrad.graph import Dim, Labels, Shape, slot

_LOOPS = "ijklmnopq"


class Loops:
    """Prints the groups of one program.

    ``names`` gives new names; ``dim`` the text of a dimension; ``arrays`` the name of each value
    that has an array, inputs included; ``scalars`` of each value that is a scalar variable.
    """

    def __init__(
        self,
        program: p.Program,
        fused: Fused,
        dtype: str,
        names: Names,
        dim: Callable[[Dim], str],
        invariant: Callable[[sp.Expr], Code],
    ) -> None:
        self.program, self.fused, self.dtype = program, fused, dtype
        self.names, self.dim = names, dim
        self.lines: list[str] = []
        self.depth = 0
        self.arrays: dict[int, str] = {}
        self.scalars: dict[int, str] = {}
        self._local: dict[int, str] = {}
        self._index: dict[int, str] = {}
        self.printer = ScalarPrinter(dtype, invariant, self._hoist)
        self._statements = {s.value: s for s in program.statements}
        self.letters = [x for x in _LOOPS if x not in program.taken]

    # --------------------------------------------------------------------------------- places

    def needs_array(self) -> list[p.Statement]:
        """The statements whose values have to be arrays, in the order of execution."""
        users: dict[int, list[tuple[int, Block | None]]] = {}
        where: dict[int, tuple[int, Block | None]] = {}
        for k, group in enumerate(self.fused.groups):
            for statement, block in _members(group):
                where[statement.value] = (k, block)
                for read in self._reads(statement):
                    users.setdefault(read, []).append((k, block))
            if isinstance(group, Call):
                for operand in group.scalars:
                    users.setdefault(operand.value, []).append((k, None))
        outputs = {out.operand.value for out in self.program.outputs}
        found = []
        for k, group in enumerate(self.fused.groups):
            if isinstance(group, Call):
                found.append(self._statements[group.value])
                continue
            for block in group.blocks:
                for item in block.items:
                    value = item.statement.value
                    uses = users.get(value, [])
                    elsewhere = any(g != k for g, _ in uses) or value in outputs
                    later = any(b is not block for _, b in uses)
                    if not item.statement.shape:
                        continue
                    on_row = _on_row(item)
                    accumulates = (item.sums_rows or item.sums_inner) and not on_row
                    if elsewhere or accumulates or (later and not on_row):
                        found.append(item.statement)
        return [s for s in found if s.value not in self.fused.overwrites]

    def _reads(self, statement: p.Statement) -> Iterator[int]:
        stack = [x.value for x in statement.operation.operands]
        while stack:
            value = stack.pop()
            inner = self.fused.inlined.get(value)
            if inner is None:
                yield value
            else:
                stack.extend(x.value for x in inner.operation.operands)

    # ---------------------------------------------------------------------------------- groups

    def group(self, group: Call | Nest) -> None:
        """The lines of one group."""
        if isinstance(group, Call):
            self._call(group)
        elif group.dim is None:
            for item in group.items:
                self._scalar_item(item)
        else:
            self._nest(group)

    def _call(self, call: Call) -> None:
        """W ← alpha·a·b + beta·W by BLAS."""
        result = self._statements[call.value]
        self._comment(call.statement if call.statement.comment else result)
        alpha: list[Code] = [self._scalar(x.value) for x in call.scalars]
        negative, scale = (
            self.printer.scaled(call.weight, self.printer.multiply(alpha))
            if alpha
            else self._weight(call.weight)
        )
        sign = "-" if negative else ""
        text = scale.bound(PRODUCT) if negative else scale.text
        number = f"{sign}{text}"
        beta = self.printer.constant(int(call.accumulates)).text
        out = self.arrays[call.value]
        a, b, c = self._matrices(call, out)
        self._line(f"gemm({number}, {a}, {b}, {beta}, {c})")

    def _weight(self, weight: sp.Expr) -> tuple[bool, Code]:
        negative = bool(weight.as_coeff_Mul()[0].is_negative)
        size = -weight if negative else weight
        code = self.printer.constant(size) if size.is_number else self.printer.invariant(size)
        return negative, code

    def _matrices(self, call: Call, out: str) -> tuple[str, str, str]:
        """a, b and c with the transposes that make it c = a·b."""
        a, b = call.a, call.b
        summed = (set(a.labels) & set(b.labels)) - {0, 1}
        (k,) = summed
        if 0 not in a.labels:
            a, b = b, a
        left, right = self.arrays[a.value], self.arrays[b.value]
        left = left if a.labels == (0, k) else f"{left}.T"
        right = right if b.labels == (k, 1) else f"{right}.T"
        return left, right, out

    def _scalar_item(self, item: Item) -> None:
        statement = item.statement
        self._comment(statement)
        if isinstance(statement.operation, p.Scatter):
            self._initialise(item)
            self._accumulate(item, self._operand(statement.operation.operands[1]))
            return
        if self._updates(statement):
            self._store(f"{self.arrays[statement.value]}[()]", statement)
            return
        code = self._expression(statement)
        if statement.value not in self.scalars:
            self.scalars[statement.value] = self._name(statement)
        self._line(f"{self.scalars[statement.value]} = {code.text}")

    # ----------------------------------------------------------------------------------- nests

    def _nest(self, nest: Nest) -> None:
        assert nest.dim is not None
        items = nest.items
        for item in items:
            self._comment(item.statement)
        for item in items:
            self._initialise(item)
        i = self.letters[0]
        with self._loop(i, nest.dim):
            for block in nest.blocks:
                self._block(block, i)
        self._local.clear()

    def _initialise(self, item: Item) -> None:
        """Zero (or −∞) for what a nest accumulates."""
        statement = item.statement
        if not (item.sums_rows or (item.sums_inner and not _on_row(item))):
            return
        start = self._start(statement)
        if statement.shape:
            self._line(f"{self.arrays[statement.value]}[:] = {start}")
        else:
            self.scalars[statement.value] = self._name(statement)
            self._line(f"{self.scalars[statement.value]} = {start}")

    def _start(self, statement: p.Statement) -> str:
        maximum = isinstance(statement.operation, p.Maximum)
        return self.printer.constant(-sp.oo if maximum else 0).text.replace("-inf", "-np.inf")

    def _block(self, block: Block, i: str) -> None:
        letters = self.letters[1 : 1 + len(block.dims)]
        sums = [x for x in block.items if x.sums_inner and not x.sums_rows and _on_row(x)]
        for item in sums:
            self._local[item.statement.value] = self._name(item.statement, i)
            self._line(f"{self._local[item.statement.value]} = {self._start(item.statement)}")
        with self._loops(letters, block.dims):
            for item in block.items:
                self._index = {} if item.row is None else {item.row: i}
                self._index.update(zip(item.inner, letters, strict=True))
                self._item(item, block)
        if block.dims:
            for item in block.items:
                if item not in sums:
                    self._local.pop(item.statement.value, None)
        for item in sums:
            value = item.statement.value
            if value in self.arrays:
                self._line(f"{self.arrays[value]}[{i}] = {self._local[value]}")

    def _item(self, item: Item, block: Block) -> None:
        statement = item.statement
        value = statement.value
        if self._updates(statement):
            self._store(self._target(item), statement)
            return
        code = self._private(item) if item.private else self._expression(statement)
        if item.sums_rows or item.sums_inner:
            self._accumulate(item, code)
            return
        target = self._target(item)
        if item.private and target is None:
            self._local[value] = code.text
        elif target is not None and self._is_read_in(block, value):
            name = self._name(statement, *self._index.values())
            self._line(f"{name} = {code.text}")
            self._line(f"{target} = {name}")
            self._local[value] = name
        elif target is not None:
            self._line(f"{target} = {code.text}")
        else:
            name = self._name(statement, *self._index.values())
            self._line(f"{name} = {code.text}")
            self._local[value] = name

    def _target(self, item: Item) -> str | None:
        array = self.arrays.get(item.statement.value)
        if array is None:
            return None
        return f"{array}[{self._where(tuple(range(item.rank)))}]"

    def _updates(self, statement: p.Statement) -> bool:
        """Whether a statement overwrites an input at the current point of the loops."""
        pointwise = isinstance(statement.operation, POINTWISE)
        return statement.value in self.fused.overwrites and pointwise

    def _store(self, target: str | None, statement: p.Statement) -> None:
        """An update, written ``W[i] -= …`` where it is W and something else."""
        operation = statement.operation
        kept = p.Operand(self.fused.overwrites[statement.value], tuple(range(len(statement.shape))))
        if isinstance(operation, p.Sum):
            terms = list(zip(operation.weights, operation.operands, strict=True))
            rest = [(w, x) for w, x in terms if (w, x) != (1, kept)]
            if len(rest) == len(terms) - 1 and rest:
                scaled = [self.printer.scaled(w, self._operand(x)) for w, x in rest]
                down = all(negative for negative, _ in scaled)
                code = self.printer.add([(n and not down, c) for n, c in scaled])
                self._line(f"{target} {'-=' if down else '+='} {code.text}")
                return
        self._line(f"{target} = {self._expression(statement).text}")

    def _accumulate(self, item: Item, code: Code) -> None:
        statement = item.statement
        value = statement.value
        if isinstance(statement.operation, p.Scatter):
            index = self._integer(statement.operation.operands[0])
            axes = range(item.rank)
            label = statement.operation.label
            where = [index if x == label else self._index[x] for x in axes]
            target = f"{self.arrays[value]}[{', '.join(where)}]"
        elif not item.sums_rows and _on_row(item):
            target = self._local[value]
        elif statement.shape:
            target = f"{self.arrays[value]}[{self._where(tuple(range(item.rank)))}]"
        else:
            target = self.scalars[value]
        if isinstance(statement.operation, p.Maximum):
            self._line(f"{target} = max({target}, {code.text})")
        else:
            self._line(f"{target} += {code.text}")

    def _private(self, item: Item) -> Code:
        """A sum over loops of the item's own."""
        statement = item.statement
        used = len(self._index)
        letters = self.letters[used : used + len(item.private)]
        extents = p.extents(self.program, statement)
        total = self._name(statement, *self._index.values())
        self._line(f"{total} = {self.printer.constant(0).text}")
        self._index.update(zip(item.private, letters, strict=True))
        with self._loops(letters, [extents[x] for x in item.private]):
            self._line(f"{total} += {self._expression(statement).text}")
        for label in item.private:
            del self._index[label]
        return Code(total)

    def _is_read_in(self, block: Block, value: int) -> bool:
        return any(value in self._reads(item.statement) for item in block.items)

    def spread(self, name: str, operand: p.Operand, shape: Shape) -> None:
        """``name[i, j] = operand`` at every point: a value that is transposed or repeated."""
        letters = self.letters[: len(shape)]
        self._index = dict(enumerate(letters))
        with self._loops(letters, shape):
            self._line(f"{name}[{', '.join(letters)}] = {self._operand(operand).text}")

    # ----------------------------------------------------------------------------- expressions

    def _expression(self, statement: p.Statement, outer: Labels | None = None) -> Code:
        """The right-hand side of a statement at the current point of the loops."""
        operation = statement.operation

        def at(labels: Labels) -> Labels:
            return labels if outer is None else through(outer, labels)

        operands = [p.Operand(x.value, at(x.labels)) for x in operation.operands]
        match operation:
            case p.Constant(number=number):
                if number.is_number:
                    return self.printer.constant(number)
                return self.printer.invariant(number)
            case p.Sum(weights=weights):
                codes = [self._operand(x) for x in operands]
                terms = [self.printer.scaled(w, c) for w, c in zip(weights, codes, strict=True)]
                return self.printer.add(sorted(terms, key=lambda term: term[0]))
            case p.Multiply() | p.Contract():
                codes = [self._operand(x) for x in operands]
                above = [c for c in codes if c.inverse is None]
                below = [c.inverse for c in codes if c.inverse is not None]
                return self.printer.multiply(above, below)
            case p.Apply(body=body):
                arguments = {slot(k): self._operand(x) for k, x in enumerate(operands)}
                return self.printer.scalar(body, arguments)
            case p.Total() | p.Maximum():
                return self._operand(operands[0])
            case p.Scatter():
                return self._operand(operands[1])
            case p.Eye():
                a, b = at((0, 1))
                return self._truth(Code(self._index[a]), Code(self._index[b]))
            case p.OneHot():
                (index,) = operands
                last = at((len(statement.shape) - 1,))[0]
                return self._truth(Code(self._integer(index)), Code(self._index[last]))
            case p.Gather(axes=axes):
                return self._gathered(operands, axes)
            case _:
                raise AssertionError(f"{type(operation).__name__} is not printed in a loop")

    def _truth(self, left: Code, right: Code) -> Code:
        one, zero = self.printer.constant(1).text, self.printer.constant(0).text
        return Code(f"({one} if {compare(left, '==', right).text} else {zero})", depth=1)

    def _gathered(self, operands: Sequence[p.Operand], axes: Iterable[int]) -> Code:
        source, *indices = operands
        by_axis = dict(zip(axes, indices, strict=True))
        where = [
            self._integer(by_axis[axis]) if axis in by_axis else self._index[label]
            for axis, label in enumerate(source.labels)
        ]
        return Code(f"{self.arrays[source.value]}[{', '.join(where)}]")

    def _integer(self, operand: p.Operand) -> str:
        if operand.value in self.fused.inlined:
            operation = self.fused.inlined[operand.value].operation
            assert isinstance(operation, p.Constant)
            return str(operation.number)
        return self._operand(operand).text

    def _operand(self, operand: p.Operand) -> Code:
        value = operand.value
        if value in self.fused.inlined:
            return self._expression(self.fused.inlined[value], operand.labels)
        if value in self._local:
            return Code(self._local[value])
        if not self.program.shape(value):
            return self._scalar(value)
        return Code(f"{self.arrays[value]}[{self._where(operand.labels)}]")

    def value_text(self, value: int) -> str:
        """The text of a scalar value."""
        return self._scalar(value).text

    def _scalar(self, value: int) -> Code:
        if value in self.fused.inlined:
            return self._expression(self.fused.inlined[value])
        return Code(self.scalars[value])

    def _where(self, labels: Labels) -> str:
        return ", ".join(self._index[x] for x in labels)

    # ----------------------------------------------------------------------------------- lines

    def _name(self, statement: p.Statement, *letters: str) -> str:
        base = statement.name or statement.suggestion or self.arrays.get(statement.value)
        if base is None:
            return self.names.temporary()
        return self.names.unique(f"{base}_{''.join(letters)}" if letters else base)

    def _hoist(self, code: Code) -> Code:
        name = self.names.temporary()
        self._line(f"{name} = {code.text}")
        return Code(name)

    def _comment(self, statement: p.Statement) -> None:
        if statement.comment:
            for line in comment(statement.comment, statement.shape):
                self._line(line)

    def _line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    @contextmanager
    def _loop(self, letter: str, dim: Dim) -> Iterator[None]:
        self._line(f"for {letter} in range({self.dim(dim)}):")
        self.depth += 1
        yield
        self.depth -= 1

    @contextmanager
    def _loops(self, letters: Sequence[str], dims: Sequence[Dim]) -> Iterator[None]:
        for letter, dim in zip(letters, dims, strict=True):
            self._line(f"for {letter} in range({self.dim(dim)}):")
            self.depth += 1
        yield
        self.depth -= len(letters)


def _members(group: Call | Nest) -> Iterator[tuple[p.Statement, Block | None]]:
    if isinstance(group, Call):
        yield group.statement, None
        return
    for block in group.blocks:
        for item in block.items:
            yield item.statement, block


def _on_row(item: Item) -> bool:
    """Whether the value is one scalar a row."""
    return not item.sums_rows and item.row == 0 and item.rank == 1
