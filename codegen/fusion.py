"""Fusion: which statements of a program share a loop, and which become one BLAS call.

Why it exists: a pass over memory costs more than the arithmetic in it. In: a program. Out: groups
in the order of execution, each a BLAS call or a nest of loops::

    group ::= call  W ← alpha·a·b + beta·W      a matrix product with its scale and its update
            | nest  for i in rows: block*        (or no loop at all, for scalars)
    block ::= for j in …: item*                  items share their inner loops
    item  ::= one statement; the statements that are used once, at every point of its loops, are
              printed inside it

Two statements share a nest when their rows have one extent and each row needs only its own row of
the other; they share a block when the same holds for every element. A value that is summed over
rows is complete after the nest, one that is summed over the inner loop after the block.

A statement that overwrites an input (a training step) runs after everything that reads the input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import sympy as sp

from symgrad.codegen import program as p
from symgrad.codegen.matrices import MatrixProduct, as_matrices
from symgrad.codegen.passes import Passes
from symgrad.graph import Dim, Labels

POINTWISE = (p.Sum, p.Multiply, p.Apply, p.Gather, p.OneHot, p.Eye, p.Window, p.Mask)
INDEXING = (p.Window, p.Mask, p.OneHot)
"""What costs no more than an index or a comparison: printed inside every one of its users."""
ROUTINES = (p.Linalg, p.Threshold)
"""Functions of whole matrices and rows, called once for each index of the batch."""

DEEPEST = 6
"""How many statements may be printed inside one another."""


@dataclass(frozen=True, slots=True)
class Read:
    """A value that a statement reads, at ``labels`` of the statement, perhaps through others that
    are printed inside it."""

    value: int
    labels: Labels


@dataclass(frozen=True, slots=True)
class Call:
    """out ← weight·Π scalars·a·b + beta·out, the product being one of matrices."""

    statement: p.Statement
    product: MatrixProduct
    weight: sp.Expr
    scalars: tuple[p.Operand, ...]
    accumulates: bool
    value: int


@dataclass(frozen=True, slots=True)
class Item:
    """A statement in a nest: the label of the rows, those of the block's loops, and those of
    loops of its own, which are summed over."""

    statement: p.Statement
    row: int | None
    inner: Labels
    private: Labels

    @property
    def rank(self) -> int:
        """Labels from here on are summed over."""
        return len(self.statement.shape)

    @property
    def sums_rows(self) -> bool:
        """Whether the value is complete only after the nest."""
        scatters = isinstance(self.statement.operation, p.Scatter | p.Unwindow)
        return scatters or (self.row is not None and self.row >= self.rank)

    @property
    def sums_inner(self) -> bool:
        """Whether the value is complete only after the block."""
        return any(x >= self.rank for x in self.inner)


@dataclass(slots=True)
class Block:
    """Items that share their inner loops."""

    dims: tuple[Dim, ...]
    items: list[Item] = field(default_factory=list)


@dataclass(slots=True)
class Nest:
    """Blocks that share the loop over rows; ``dim`` is None for statements without any loop."""

    dim: Dim | None
    blocks: list[Block] = field(default_factory=list)

    @property
    def items(self) -> list[Item]:
        """All items, in the order of execution."""
        return [item for block in self.blocks for item in block.items]


@dataclass(frozen=True, slots=True)
class Fused:
    """The groups, and the statements that are printed inside others (by value)."""

    groups: tuple[Call | Nest, ...]
    inlined: Mapping[int, p.Statement]
    overwrites: Mapping[int, int]


def loops(program: p.Program, statement: p.Statement) -> dict[int, Dim]:
    """The labels that a statement loops over and their extents.

    Not those that a gather or a window indexes, those that a scatter or an unwindow adds along,
    and those that a routine sees whole.
    """
    extents, rank = p.extents(program, statement), len(statement.shape)
    match statement.operation:
        case p.Gather() | p.Window() | p.Threshold():
            return {x: n for x, n in extents.items() if x < rank}
        case p.Linalg(op=op):
            batch = rank - 2 if op == "inverse" else rank
            return {x: n for x, n in extents.items() if x < batch}
        case p.Scatter(label=label):
            return {x: n for x, n in extents.items() if x != label}
        case p.Unwindow(places=places):
            gone = {x for x, _ in places}
            return {x: n for x, n in extents.items() if x not in gone}
    return extents


def through(outer: Labels, inner: Labels) -> Labels:
    """Labels of an operand, seen from outside: −1 for an axis that is indexed by a value."""
    return tuple(outer[x] if x < len(outer) else -1 for x in inner)


def fuse(
    program: p.Program,
    is_call: Callable[[p.Statement], bool],
    overwrites: Mapping[int, int] | None = None,
    without: Passes = frozenset(),
) -> Fused:
    """The groups of ``program``.

    ``is_call`` says which contractions are BLAS calls. ``overwrites`` maps a value to the input
    whose place it takes. ``without`` are passes to leave out: fold, fuse, inline.
    """
    return _Fusion(program, is_call, dict(overwrites or {}), without).fused()


class _Fusion:
    def __init__(
        self,
        program: p.Program,
        is_call: Callable[[p.Statement], bool],
        overwrites: dict[int, int],
        without: Passes,
    ) -> None:
        self.program, self.without = program, without
        self.first = len(program.inputs)
        self.overwrites = overwrites
        self.users: dict[int, list[p.Statement]] = {}
        for statement in program.statements:
            for operand in statement.operation.operands:
                self.users.setdefault(operand.value, []).append(statement)
        self.outputs = {out.operand.value for out in program.outputs}
        self.absorbed: set[int] = set()
        self.calls = {s.value: self._call(s) for s in program.statements if is_call(s)}
        if "accumulate" not in without:
            self._accumulate()
        self.by_result: dict[int, list[p.Statement]] = {}
        for call in self.calls.values():
            self.by_result.setdefault(call.value, []).append(call.statement)
        self.inlined: dict[int, p.Statement] = {}
        self.depth: dict[int, int] = {}
        for statement in program.statements:
            if self._is_inlined(statement):
                self.inlined[statement.value] = statement
        for value in self.inlined:  # a constant is nowhere computed: the caller copies it
            self.overwrites.pop(value, None)
        self.groups: list[Call | Nest] = []
        self.group_of: dict[int, int] = {}
        self.item_of: dict[int, tuple[Item, int]] = {}

    # ------------------------------------------------------------------------------ BLAS calls

    def _call(self, statement: p.Statement) -> Call:
        """A contraction with the scaling and the update that follow it, where they can fold."""
        a, b = statement.operation.operands
        own = tuple(range(len(statement.shape)))
        product = as_matrices(len(own), a, b)
        assert product is not None, "is_call lets nothing else through"
        end = self._folded(statement.value, own, {a.value, b.value})
        return Call(statement, product, *end)

    def _folded(
        self, value: int, own: Labels, reads: set[int]
    ) -> tuple[sp.Expr, tuple[p.Operand, ...], bool, int]:
        """Scale, scalar factors, whether an input is updated, and the value that results.

        What follows ``value`` and BLAS can do is absorbed; ``reads`` are the factors of products.
        """
        weight: sp.Expr = sp.S.One
        scalars: list[p.Operand] = []
        accumulates, folds = False, "fold" not in self.without
        while (
            folds and not accumulates and value not in self.outputs and len(self.users[value]) == 1
        ):
            (user,) = self.users[value]
            match user.operation:
                case p.Multiply(operands=operands):
                    others = [x for x in operands if x.value != value]
                    if len(others) != len(operands) - 1 or any(x.labels for x in others):
                        break
                    scalars += others
                case p.Sum(operands=(_,), weights=(w,)):
                    weight *= w
                case p.Sum(operands=operands, weights=weights) if user.value in self.overwrites:
                    terms = dict(zip(operands, weights, strict=True))
                    kept = p.Operand(self.overwrites[user.value], own)
                    mine = p.Operand(value, own)
                    overwritten = reads & set(self.overwrites.values())
                    if set(terms) != {kept, mine} or terms[kept] != 1 or overwritten:
                        break
                    weight *= terms[mine]
                    accumulates = True
                case _:
                    break
            if any(x.value == value and x.labels != own for x in user.operation.operands):
                break
            self.absorbed.add(user.value)
            value = user.value
        return weight, tuple(scalars), accumulates, value

    def _accumulate(self) -> None:
        """Products of which only the sum is wanted add to one result, one after the other."""
        by_result = {call.value: call for call in self.calls.values()}
        for statement in self.program.statements:
            operation, own = statement.operation, tuple(range(len(statement.shape)))
            if not isinstance(operation, p.Sum) or len(operation.operands) < 2:
                continue
            parts = [by_result.get(x.value) for x in operation.operands if x.labels == own]
            calls = [x for x in parts if x is not None and self._is_only_read_by(x, statement)]
            if len(calls) < len(operation.operands):
                continue
            reads = {x.value for call in calls for x in (call.product.a, call.product.b)}
            self.absorbed.add(statement.value)
            weight, scalars, accumulates, value = self._folded(statement.value, own, reads)
            terms = sorted(  # as they run: the first of them begins the sum
                zip(calls, operation.weights, strict=True), key=lambda part: part[0].statement.value
            )
            for k, (call, w) in enumerate(terms):
                self.calls[call.statement.value] = replace(
                    call,
                    weight=call.weight * w * weight,
                    scalars=(*call.scalars, *scalars),
                    accumulates=accumulates or k > 0,
                    value=value,
                )

    def _is_only_read_by(self, call: Call, statement: p.Statement) -> bool:
        once = len(self.users.get(call.value, ())) == 1 and call.value not in self.outputs
        return once and not call.accumulates and self.users[call.value] == [statement]

    # ------------------------------------------------------------------------------- inlining

    def _is_inlined(self, statement: p.Statement) -> bool:
        """Used once, at every point of the loops of its user, and not worth a name."""
        value = statement.value
        if isinstance(statement.operation, p.Constant):
            return True
        users = self.users.get(value, [])
        anywhere = isinstance(statement.operation, INDEXING)
        if "inline" in self.without and not anywhere:
            return False
        if (
            not isinstance(statement.operation, POINTWISE)
            or value in self.absorbed
            or value in self.outputs
            or not users
            or (self.program.uses[value] != 1 and not anywhere)
            or (statement.name is not None and not isinstance(statement.operation, p.Mask))
            or not all(self._may_print(statement, user) for user in users)
        ):
            return False
        inside = [self.depth.get(x.value, 0) for x in statement.operation.operands]
        self.depth[value] = 1 + max(inside, default=0)
        if self.depth[value] > DEEPEST:
            del self.depth[value]
            return False
        return True

    def _may_print(self, statement: p.Statement, user: p.Statement) -> bool:
        """Whether ``user`` can compute an element of the value where it reads it, and no oftener
        than there are elements."""
        if user.value in self.calls or user.value in self.absorbed:
            return False
        if isinstance(user.operation, (p.Gather, p.Window, p.Scatter, *ROUTINES)):
            return False
        own = set(loops(self.program, user))
        cheap = isinstance(statement.operation, INDEXING)
        return all(
            set(x.labels) == own or (cheap and set(x.labels) <= own)
            for x in user.operation.operands
            if x.value == statement.value
        )

    def reads(self, statement: p.Statement) -> list[Read]:
        """What a statement reads, through those printed inside it."""
        found: list[Read] = []
        call = self.calls.get(statement.value)
        operands = (*statement.operation.operands, *(call.scalars if call else ()))
        stack = [Read(x.value, x.labels) for x in operands]
        while stack:
            read = stack.pop()
            inner = self.inlined.get(read.value)
            if inner is None:
                found.append(read)
                continue
            for operand in inner.operation.operands:
                stack.append(Read(operand.value, through(read.labels, operand.labels)))
        return found

    # -------------------------------------------------------------------------------- grouping

    def fused(self) -> Fused:
        """Place every statement, those that overwrite an input, and what reads them, last."""
        late: list[p.Statement] = []
        waiting: set[int] = set()
        for last in self.program.statements:
            if last.value in self.by_result:  # a call runs where its scale and update are known
                statements = self.by_result[last.value]
            elif last.value in self.inlined or last.value in self.absorbed | self.calls.keys():
                continue
            else:
                statements = [last]
            updates = last.value in self.overwrites
            if (updates and self._reads_own_elements_only(statements[0], last)) or any(
                read.value in waiting for s in statements for read in self.reads(s)
            ):
                late += statements
                waiting.add(last.value)
            else:
                for statement in statements:
                    self._place(statement, 0)
        self._place_late(late)
        return Fused(tuple(self.groups), self.inlined, self.overwrites)

    def _reads_own_elements_only(self, statement: p.Statement, last: p.Statement) -> bool:
        """Whether each element is computed from no other element of what is overwritten.

        W ← W − η·Wᵀ is not: it gets a place of its own, and the caller copies it.
        """
        target, own = self.overwrites[last.value], tuple(range(len(last.shape)))
        if statement is not last:  # BLAS, which has been given other operands than its result
            return True
        if all(read.labels == own for read in self.reads(last) if read.value == target):
            return True
        del self.overwrites[last.value]
        return False

    def _reads_here_only(self, reader: p.Statement, target: int, update: p.Statement) -> bool:
        """Whether ``reader`` may share the loops of the update of an input that it reads.

        It may where each of its elements reads the input's element at its own indices: then it is
        enough that it comes first in the body of the loops.
        """
        own = tuple(range(len(update.shape)))
        return (
            reader.value in self.item_of
            and update.value not in self.calls
            and len(reader.shape) == len(own)
            and all(read.labels == own for read in self.reads(reader) if read.value == target)
        )

    def _readers_of(self, target: int) -> list[p.Statement]:
        return [
            s
            for s in self.program.statements
            if s.value not in self.inlined
            and s.value not in self.absorbed
            and any(read.value == target for read in self.reads(s))
        ]

    def _place_late(self, late: Iterable[p.Statement]) -> None:
        """Each update after everything that reads what it overwrites.

        Where two updates read each other's input there is no such order; one of them gets a place
        of its own, and the caller copies it.
        """
        waiting = list(late)
        while waiting:
            ready = [s for s in waiting if not self._needs_one_of(waiting, s)]
            free = [s for s in ready if not self._is_read_by_another(waiting, s)]
            if not free:
                del self.overwrites[self._result(ready[0])]
            statement = (free or ready)[0]
            waiting.remove(statement)
            self._place_after_readers(statement)

    def _result(self, statement: p.Statement) -> int:
        """The value that is complete when the statement, or the call it begins, has run."""
        call = self.calls.get(statement.value)
        return call.value if call else statement.value

    def _needs_one_of(self, others: Iterable[p.Statement], statement: p.Statement) -> bool:
        """Whether another computes what it reads, or is an earlier part of the same sum."""
        rest = [s for s in others if s is not statement]
        results = {self._result(s) for s in rest}
        earlier = [s for s in rest if s.value < statement.value]
        return any(read.value in results for read in self.reads(statement)) or any(
            self._result(s) == self._result(statement) for s in earlier
        )

    def _is_read_by_another(self, others: Iterable[p.Statement], update: p.Statement) -> bool:
        target = self.overwrites.get(self._result(update))
        return target is not None and any(
            read.value == target for s in others if s is not update for read in self.reads(s)
        )

    def _place_after_readers(self, statement: p.Statement) -> None:
        """Behind all that reads what it overwrites, if it overwrites something."""
        target = self.overwrites.get(self._result(statement))
        if target is None:
            self._place(statement, 0)
            return
        readers = [
            s for s in self._readers_of(target) if s is not statement and s.value in self.group_of
        ]
        near = [s for s in readers if self._reads_here_only(s, target, statement)]
        after = [self.group_of[s.value] for s in readers if s not in near]
        self._place(statement, max(after, default=-1) + 1, near)

    def _place(
        self, statement: p.Statement, earliest: int, after: Iterable[p.Statement] = ()
    ) -> None:
        """Into the first group from ``earliest`` on that comes after what it needs.

        ``after`` are statements of the same shape that have to come first at each element.
        """
        call = self.calls.get(statement.value)
        if call is not None:
            self.groups.append(call)
            self.group_of[statement.value] = self.group_of[call.value] = len(self.groups) - 1
            return
        item = self._item(statement)
        dim = None if item.row is None else loops(self.program, statement)[item.row]
        own = tuple(range(len(statement.shape)))
        needed = [*self.reads(statement), *(Read(s.value, own) for s in after)]
        producers = [
            (read, self.group_of[read.value]) for read in needed if read.value in self.group_of
        ]
        start = max([earliest, *(group for _, group in producers)])
        for k in range(start, len(self.groups)):
            group = self.groups[k]
            if isinstance(group, Nest) and group.dim == dim and "fuse" not in self.without:
                inside = [read for read, where in producers if where == k]
                if dim is None or all(self._same_row(item, read) for read in inside):
                    break
        else:
            k, group = len(self.groups), Nest(dim)
            self.groups.append(group)
            inside = []
        assert isinstance(group, Nest)
        block = self._block(group, item, inside)
        block.items.append(item)
        self.group_of[statement.value] = k
        self.item_of[statement.value] = (item, group.blocks.index(block))

    def _item(self, statement: p.Statement) -> Item:
        """The order of a statement's loops: along the rows of its largest operand."""
        extents = loops(self.program, statement)
        rank = len(statement.shape)
        if isinstance(statement.operation, p.Scatter | p.Unwindow):
            carried = [x for o in statement.operation.operands[::-1] for x in o.labels]
            order = list(dict.fromkeys([*carried, *extents]))
            return Item(statement, order[0] if order else None, tuple(order[1:]), ())
        if isinstance(statement.operation, p.ArgMaximum):
            return Item(statement, 0 if rank else None, tuple(range(1, rank)), (rank,))
        if isinstance(statement.operation, ROUTINES):
            order = sorted(extents)
            return Item(statement, order[0] if order else None, tuple(order[1:]), ())
        if not extents:
            return Item(statement, None, (), ())
        if not any(x >= rank for x in extents):
            return Item(statement, 0, tuple(range(1, rank)), ())
        operands = [Read(x.value, x.labels) for x in statement.operation.operands]
        largest = max(operands, key=lambda read: len(set(read.labels)))
        order = [*dict.fromkeys(largest.labels), *(x for x in extents)]
        order = list(dict.fromkeys(order))
        if isinstance(statement.operation, p.Contract):
            summed = [x for x in order if x >= rank]
            kept = [x for x in order if x < rank]
            first = all(read.labels and read.labels[0] in summed for read in operands)
            rows = len(kept) == len(summed) == 1 and order == [*kept, *summed]
            if rows and all(len(set(read.labels)) == 2 for read in operands):
                return Item(statement, kept[0], tuple(summed), ())  # Σⱼ aᵢⱼ·bᵢⱼ: a total of rows
            if first and kept:  # δᵀ·x: rows of both are summed over
                return Item(statement, summed[0], tuple(kept), tuple(summed[1:]))
            if kept:
                return Item(statement, kept[0], tuple(kept[1:]), tuple(summed))
        return Item(statement, order[0], tuple(order[1:]), ())

    def _same_row(self, item: Item, read: Read) -> bool:
        """Whether a row of ``item`` needs just the same row of what it reads."""
        producer, _ = self.item_of[read.value]
        if producer.sums_rows or producer.row is None:
            return producer.row is None
        axis = producer.row
        return read.labels[axis] == item.row and read.labels.count(read.labels[axis]) == 1

    def _block(self, nest: Nest, item: Item, inside: Iterable[Read]) -> Block:
        """The first block that may hold ``item``, or a new one."""
        extents = loops(self.program, item.statement)
        dims = tuple(extents[x] for x in item.inner)
        start = 0
        for read in inside:
            producer, k = self.item_of[read.value]
            aligned = (
                not producer.sums_inner
                and nest.blocks[k].dims == dims
                and all(
                    read.labels[axis] == label
                    for axis, label in zip(producer.inner, item.inner, strict=True)
                )
            )
            start = max(start, k if aligned else k + 1)
        for block in nest.blocks[start:]:
            if block.dims == dims:
                return block
        nest.blocks.append(Block(dims))
        return nest.blocks[-1]
