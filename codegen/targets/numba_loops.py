"""Loops of the Numba target: groups of a fused program as lines of Python.

A value lives in one of three places: a scalar variable of the loop body, where only that body
uses it; a scalar of the row, where only later blocks of the same row do; or an array, which the
caller provides (`Place`). Nothing is allocated here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import sympy as sp

from symgrad.codegen import program as p
from symgrad.codegen.expression import PRODUCT, Code
from symgrad.codegen.fusion import POINTWISE, Block, Call, Item, Nest
from symgrad.codegen.targets.layout import WIDTH
from symgrad.codegen.targets.numba_elements import Elements
from symgrad.graph import Dim, Labels, Shape

MOST_PAIRS = 96
"""LLVM compares the arrays of a loop, pair by pair, before it runs the vectorised form; where that
would be more than about a hundred comparisons, there is no vectorised form."""


class Loops(Elements):
    """Prints the groups of one program."""

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
                if self._statements[group.value] not in found:
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
                    whole = _is_inverse(item.statement)
                    if elsewhere or accumulates or whole or (later and not on_row):
                        found.append(item.statement)
        given = {*self.fused.overwrites, *self.placed}
        return [s for s in found if s.value not in given]

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
        """W ← alpha·a·b + beta·W, a product of matrices."""
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
        found, out = call.product, self.arrays[call.value]
        own = tuple(range(len(result.shape)))
        adds_up = any(x not in own for x in found.loops)  # then each product adds to the last
        if adds_up and not call.accumulates:
            self._line(f"{out}[:] = {self.printer.constant(0).text}")
        beta = self.printer.constant(int(call.accumulates or adds_up)).text
        extents = p.extents(self.program, call.statement)
        letters = self.letters[: len(found.loops)]
        index = dict(zip(found.loops, letters, strict=True))
        left, right = self.arrays[found.a.value], self.arrays[found.b.value]
        known: dict[str, str] = {} if letters else self._matrices

        def matrix(array: str, labels: Labels, rows: Labels, cols: Labels, turned: bool) -> str:
            where = [index[x] for x in labels if x in index]
            name = f"{array}[{', '.join(where)}]" if where else array
            groups = (cols, rows) if turned else (rows, cols)
            if len(rows) > 1 or len(cols) > 1:
                text = f"{name}.reshape(({', '.join(self._size(g, extents) for g in groups)}))"
                if text not in known:
                    known[text] = self.names.unique(f"{array}_matrix")
                    self._line(f"{known[text]} = {text}")
                name = known[text]
            return f"{name}.T" if turned else name

        rows, inner, cols = found.rows, found.inner, found.cols
        with self._loops(letters, [extents[x] for x in found.loops]):
            a = matrix(left, found.a.labels, rows, inner, found.transposed[0])
            b = matrix(right, found.b.labels, inner, cols, found.transposed[1])
            c = matrix(out, own, rows, cols, False)
            self._line(f"{self.product}({number}, {a}, {b}, {beta}, {c})")
        if call.value in self.summed:
            self._line(f"sum_of_halves(pair, {out})")

    def _size(self, labels: Labels, extents: Mapping[int, Dim]) -> str:
        return " * ".join(self.dim(extents[x]) for x in labels)

    def _weight(self, weight: sp.Expr) -> tuple[bool, Code]:
        negative = bool(weight.as_coeff_Mul()[0].is_negative)
        size = -weight if negative else weight
        code = self.printer.constant(size) if size.is_number else self.printer.invariant(size)
        return negative, code

    def _scalar_item(self, item: Item) -> None:
        statement = item.statement
        self._index = {}
        self._comment(statement)
        if isinstance(statement.operation, p.Scatter):
            self._initialise(item)
            self._accumulate(item, self._operand(statement.operation.operands[1]))
            return
        if self._updates(statement):
            self._store(f"{self.arrays[statement.value]}[()]", statement)
            return
        if _is_inverse(statement):
            self._invert(statement)
            return
        code = self._private(item) if item.private else self._expression(statement)
        if statement.value not in self.scalars:
            self.scalars[statement.value] = self._name(statement)
        self._assign(self.scalars[statement.value], code)

    # ----------------------------------------------------------------------------------- nests

    def _nest(self, nest: Nest) -> None:
        assert nest.dim is not None
        items = nest.items
        for item in items:
            self._comment(item.statement)
        registers = {x.statement.value for block in nest.blocks for x in _registers(block)[1]}
        for item in items:
            if item.statement.value not in registers:
                self._initialise(item)
        i = self.letters[0]
        with self._loop(i, nest.dim):
            for block in nest.blocks:
                for part in self._parts(block):
                    self._block(part, i)
        self._local.clear()

    def _parts(self, block: Block) -> list[Block]:
        """The block, in several loops where one would work on too many arrays to be vectorised."""
        items, parts, start = block.items, list[Block](), 0
        while block.dims and start < len(items):
            end = start + 1
            while end < len(items) and self._pairs(items[start : end + 1]) <= MOST_PAIRS:
                end += 1
            while end > start and not self._may_cut(items, end):
                end -= 1
            if end == start:
                return [block]
            parts.append(Block(block.dims, items[start:end]))
            start = end
        return parts or [block]

    def _pairs(self, items: Sequence[Item]) -> int:
        """How many pairs of arrays could overlap, one of each pair being written."""
        written = {
            self.arrays[x.statement.value] for x in items if x.statement.value in self.arrays
        }
        own = {x.statement.value for x in items}
        read = {v for x in items for v in self._reads(x.statement) if v not in own}
        others = {self.arrays[v] for v in read if v in self.arrays} - written
        return len(written) * (len(written) - 1) // 2 + len(written) * len(others)

    def _may_cut(self, items: Sequence[Item], end: int) -> bool:
        """Whether what the first items compute is kept for the rest."""
        before = {x.statement.value for x in items[:end]} - self.arrays.keys()
        return not any(v in before for x in items[end:] for v in self._reads(x.statement))

    def _initialise(self, item: Item) -> None:
        """Zero (or −∞) for what a nest accumulates."""
        statement = item.statement
        if not (item.sums_rows or item.sums_inner):
            return
        start = self._start(statement)
        if statement.shape:
            self._line(f"{self.arrays[statement.value]}[:] = {start}")
        else:
            self.scalars[statement.value] = self._name(statement)
            self._line(f"{self.scalars[statement.value]} = {start}")

    def _start(self, statement: p.Statement) -> str:
        maximum = isinstance(statement.operation, p.Maximum | p.ArgMaximum)
        return self.printer.constant(-sp.oo if maximum else 0).text.replace("-inf", "-np.inf")

    def _block(self, block: Block, i: str) -> None:
        letters = self.letters[1 : 1 + len(block.dims)]
        kept, sums = _registers(block)
        where = (i, *letters[:kept])
        with self._loops(letters[:kept], block.dims[:kept]):
            for item in sums:
                name = self._name(item.statement, *where)
                self._local[item.statement.value] = name
                self._line(f"{name} = {self._start(item.statement)}")
            with self._loops(letters[kept:], block.dims[kept:]):
                for item in block.items:
                    self._index = {} if item.row is None else {item.row: i}
                    self._index.update(zip(item.inner, letters, strict=True))
                    self._item(item, block)
            for item in sums:
                value = item.statement.value
                if value in self.arrays:
                    self._line(f"{self.arrays[value]}[{', '.join(where)}] = {self._local[value]}")
        if block.dims:
            for item in block.items:
                if kept or item not in sums:
                    self._local.pop(item.statement.value, None)

    def _item(self, item: Item, block: Block) -> None:
        statement = item.statement
        value = statement.value
        if self._updates(statement):
            target = self._target(item)
            self._store(target, statement)
            if self._is_read_in(block, value):
                self._local[value] = self._name(statement, *self._index.values())
                self._line(f"{self._local[value]} = {target}")
            return
        if _is_inverse(statement):
            self._invert(statement)
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
            self._assign(name, code)
            self._line(f"{target} = {name}")
            self._local[value] = name
        elif target is not None:
            self._assign(target, code)
        else:
            name = self._name(statement, *self._index.values())
            self._assign(name, code)
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
                self._assign(str(target), code, "-=" if down else "+=")
                return
        self._assign(str(target), self._expression(statement))

    def _accumulate(self, item: Item, code: Code) -> None:
        statement = item.statement
        value = statement.value
        if isinstance(statement.operation, p.Scatter):
            index = self._integer(statement.operation.operands[0])
            axes = range(item.rank)
            label = statement.operation.label
            where = [index if x == label else self._index[x] for x in axes]
            target = f"{self.arrays[value]}[{', '.join(where)}]"
        elif isinstance(statement.operation, p.Unwindow):
            self._add_at(item, statement.operation, code)
            return
        elif not item.sums_rows and value in self._local:
            target = self._local[value]
        elif statement.shape:
            target = f"{self.arrays[value]}[{self._where(tuple(range(item.rank)))}]"
        else:
            target = self.scalars[value]
        if isinstance(statement.operation, p.Maximum):
            if len(target) * 2 + len(code.text) + 4 * self.depth > WIDTH - 20:
                code = self._hoist(code)
            self._line(f"{target} = max({target}, {code.text})")
        else:
            self._assign(target, code, "+=")

    def _add_at(self, item: Item, operation: p.Unwindow, code: Code) -> None:
        """``out[i, 2 * j + k - 1] += …`` where that is inside of out."""
        at, conditions = dict(operation.places), list[str]()
        shape, where = item.statement.shape, list[str]()
        for label in range(item.rank):
            if label not in at:
                where.append(self._index[label])
                continue
            place = at[label]
            found = self._place_of(place, lambda labels: labels)
            where.append(self._bounded(place, found, shape[label], conditions))
        target = f"{self.arrays[item.statement.value]}[{', '.join(where)}]"
        if not conditions:
            self._assign(target, code, "+=")
            return
        self._line(f"if {' and '.join(conditions)}:")
        self.depth += 1
        self._assign(target, code, "+=")
        self.depth -= 1

    def _invert(self, statement: p.Statement) -> None:
        """A call that writes the inverse, or raises what is wrong with the matrix."""
        assert isinstance(statement.operation, p.Linalg)
        (operand,) = statement.operation.operands
        result = p.Operand(statement.value, tuple(range(len(statement.shape))))
        self._line(f"if not invert_into({self._whole(operand)}, {self._whole(result)}):")
        self._refuse(statement.operation)

    def _private(self, item: Item) -> Code:
        """A sum, or the place of a maximum, over loops of the item's own."""
        statement = item.statement
        used = len(self._index)
        letters = self.letters[used : used + len(item.private)]
        extents = p.extents(self.program, statement)
        dims = [extents[x] for x in item.private]
        total = self._name(statement, *self._index.values())
        place = isinstance(statement.operation, p.ArgMaximum)
        self._line(f"{total} = {0 if place else self.printer.constant(0).text}")
        if place:
            best = self.names.temporary()
            self._line(f"{best} = {self._start(statement)}")
        self._index.update(zip(item.private, letters, strict=True))
        with self._loops(letters, dims):
            code = self._expression(statement)
            if place:
                code = code if code.depth == 0 else self._hoist(code)
                self._line(f"if {code.text} > {best}:")
                self._line(f"    {best} = {code.text}")
                self._line(f"    {total} = {letters[0]}")
            else:
                self._assign(total, code, "+=")
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

    # ----------------------------------------------------------------------------------- loops

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


def _is_inverse(statement: p.Statement) -> bool:
    return isinstance(statement.operation, p.Linalg) and statement.operation.op == "inverse"


def _registers(block: Block) -> tuple[int, list[Item]]:
    """The sums that are scalars while they grow, and how many of the block's loops are outside.

    A sum over the innermost loops is one; a sum over an outer loop grows in its array.
    """
    depths = [(x, _kept(x)) for x in block.items if x.sums_inner and not x.sums_rows]
    found = [(x, n) for x, n in depths if n is not None]
    outside = min((n for _, n in found), default=0)
    return outside, [x for x, n in found if n == outside]


def _kept(item: Item) -> int | None:
    """How many of the inner loops come before those that are summed over, where all do."""
    kept = [x for x in item.inner if x < item.rank]
    leads = (item.row, *item.inner[: len(kept)]) == tuple(range(item.rank))
    return len(kept) if leads else None


def _on_row(item: Item) -> bool:
    """Whether the value is one scalar a row."""
    return not item.sums_rows and item.row == 0 and item.rank == 1
