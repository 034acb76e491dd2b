"""Buffers: which values share memory.

Why it exists: a training step runs thousands of times on the same shapes, so its arrays are
allocated once, and the fewer there are, the more of them stay in the cache. Two values may share a
buffer when one is dead before the other is computed, or when the second is computed element by
element from the first, which then is overwritten in place.

In: a fused program and the values that need arrays. Out: a buffer for each of them, and which of
them are one array under several names. (Generated code must use one variable for those: two
variables for one array are two pointers that overlap, and no compiler vectorises a loop over them.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from symgrad.codegen import program as p
from symgrad.codegen.fusion import Call, Fused, Item, Nest, Read, through
from symgrad.codegen.passes import Passes
from symgrad.graph import Shape


class Buffers(NamedTuple):
    """The buffer of each value, the shape of each buffer and whether it holds whole numbers, and
    the values that are overwritten in place, from the first to the last, each chain a list."""

    of: dict[int, int]
    shapes: list[Shape]
    integral: list[bool]
    chains: list[list[int]]


def share(
    program: p.Program,
    fused: Fused,
    values: Sequence[p.Statement],
    without: Passes = frozenset(),
) -> Buffers:
    """The buffers for ``values``; one for each where the pass "share" is left out."""
    sharing = _Sharing(program, fused, values)
    if "share" in without:
        sharing.last_use = dict.fromkeys(sharing.wanted, len(fused.groups))
    return sharing.shared()


class _Sharing:
    def __init__(self, program: p.Program, fused: Fused, values: Sequence[p.Statement]) -> None:
        self.program, self.fused = program, fused
        self.wanted = {s.value: s for s in values}
        self.last_use: dict[int, int] = {}
        for k, group in enumerate(fused.groups):
            for read in self._reads_of(group):
                self.last_use[read.value] = k
        for out in program.outputs:
            self.last_use[out.operand.value] = len(fused.groups)
        self.buffer_of: dict[int, int] = {}
        self.shapes: list[Shape] = []
        self.integral: list[bool] = []
        self.free: list[int] = []
        self.chain_of: dict[int, list[int]] = {}

    def shared(self) -> Buffers:
        """Walk the groups in order, handing out buffers and taking them back."""
        for k, group in enumerate(self.fused.groups):
            dying = [v for v, last in self.last_use.items() if last == k and v in self.buffer_of]
            taken: set[int] = set()
            for value, item in _defined(group):
                if value not in self.wanted or value in self.buffer_of:
                    continue
                shape = self.wanted[value].shape
                heir = next(
                    (
                        v
                        for v in dying
                        if v not in taken
                        and self.wanted[v].shape == shape
                        and not self.integral[self.buffer_of[v]]
                        and not isinstance(self.wanted[value].operation, p.INTEGRAL)
                        and isinstance(group, Nest)
                        and item is not None
                        and self._may_overwrite(group, item, v)
                    ),
                    None,
                )
                if heir is not None:
                    taken.add(heir)
                    self.buffer_of[value] = self.buffer_of[heir]
                    self.chain_of[value] = self.chain_of[heir]
                else:
                    self.buffer_of[value] = self._fresh(self.wanted[value])
                    self.chain_of[value] = []
                self.chain_of[value].append(value)
            self.free += [self.buffer_of[v] for v in dying if v not in taken]
            self.free += [
                self.buffer_of[v]
                for v, _ in _defined(group)
                if v in self.buffer_of and v not in self.last_use
            ]
        chains = {id(chain): chain for chain in self.chain_of.values()}
        return Buffers(self.buffer_of, self.shapes, self.integral, list(chains.values()))

    def _fresh(self, statement: p.Statement) -> int:
        integral = isinstance(statement.operation, p.INTEGRAL)
        for k in self.free:
            if self.shapes[k] == statement.shape and self.integral[k] == integral:
                self.free.remove(k)
                return k
        self.shapes.append(statement.shape)
        self.integral.append(integral)
        return len(self.shapes) - 1

    def _may_overwrite(self, nest: Nest, item: Item, old: int) -> bool:
        """Whether ``item`` may store its elements over those of ``old``.

        Every item of the nest that reads ``old`` reads just the element at its own indices, and
        none after ``item`` has stored.
        """
        own = tuple(range(item.rank))
        if item.sums_rows or item.sums_inner or (item.row, *item.inner) != own:
            return False
        seen = False
        for other in nest.items:
            reads = [r for r in self._reads(other.statement) if r.value == old]
            if reads and seen:
                return False
            if any(r.labels != (other.row, *other.inner) for r in reads):
                return False
            seen = seen or other is item
        return True

    def _reads_of(self, group: Call | Nest) -> Iterator[Read]:
        if isinstance(group, Call):
            for operand in (group.product.a, group.product.b, *group.scalars):
                yield from self._through(operand)
            return
        for item in group.items:
            yield from self._reads(item.statement)

    def _reads(self, statement: p.Statement) -> Iterator[Read]:
        for operand in statement.operation.operands:
            yield from self._through(operand)

    def _through(self, operand: p.Operand) -> Iterator[Read]:
        stack = [Read(operand.value, operand.labels)]
        while stack:
            read = stack.pop()
            inner = self.fused.inlined.get(read.value)
            if inner is None:
                yield read
                continue
            for x in inner.operation.operands:
                stack.append(Read(x.value, through(read.labels, x.labels)))


def _defined(group: Call | Nest) -> Iterable[tuple[int, Item | None]]:
    if isinstance(group, Call):
        return [(group.value, None)]
    return [(item.statement.value, item) for item in group.items]
