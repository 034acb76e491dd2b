"""The plan: what becomes of each family, and in which region each statement runs.

Statements, stacks, loops and copies are nodes; what each needs says in which order they can run,
and that nothing is read from a shared array in the region that writes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TypeAlias

import sympy as sp

from symgrad.codegen import program as p
from symgrad.codegen.regions import Array, Place
from symgrad.codegen.rolling.names import FamilyNames
from symgrad.codegen.rolling.repeats import FEWEST, Family, Reference, Time
from symgrad.graph import Shape

_POINTWISE = (p.Sum, p.Multiply, p.Apply)
_STACKS = (p.Contract, p.Total, p.Maximum, p.Gather)
CLONED = (p.Constant, p.Eye, p.OneHot, p.Mask)
"""Single statements that are written again in each region that reads them: they cost nothing."""


class CannotRoll(Exception):
    """Something in the program has no place in the plan."""


@dataclass(frozen=True, slots=True)
class Single:
    """A statement of the program."""

    value: int


@dataclass(frozen=True, slots=True)
class Stack:
    """A family as one statement over the times from ``start`` to before ``stop``."""

    family: int
    start: Time
    stop: Time


@dataclass(frozen=True, slots=True)
class Reduced:
    """weight·Σₜ of a family over these times, as one statement in place of several terms."""

    family: int
    times: range
    weight: sp.Expr
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Copy:
    """A value, copied to where it is read as that of a family at a time."""

    family: int
    time: Time


@dataclass(frozen=True, slots=True)
class Loop:
    """Families that need one another."""

    component: int


@dataclass(frozen=True, slots=True)
class Step:
    """A family in the body of a loop, at t + offset."""

    family: int
    offset: int


Node: TypeAlias = "Single | Stack | Copy | Loop"
Need: TypeAlias = "tuple[Node, bool]"
"""What a node needs, and whether it reads that from an array: then not in the same region."""


@dataclass(slots=True)
class Component:
    """A loop: its families, the times of it, and whether they descend."""

    families: list[int]
    start: Time
    stop: Time
    descends: bool

    @property
    def times(self) -> range:
        return range(self.start, self.stop)


@dataclass(slots=True)
class Draft:
    """A region while it is put together."""

    times: range | None
    nodes: list[Node] = field(default_factory=list)


class Plan:
    def __init__(self, program: p.Program, found: list[Family]) -> None:
        self.program, self.families = program, found
        self.first = len(program.inputs)
        self.member = {v: (f, t) for f, x in enumerate(found) for t, v in x.members.items()}
        kinds = [type(x.representative.operation) for x in found]
        self.index = {f for f, kind in enumerate(kinds) if kind is p.Constant}
        self.components = self._components()
        self.component_of = {f: c for c, x in enumerate(self.components) for f in x.families}
        if not all(kind in (p.Constant, *_POINTWISE, *_STACKS) for kind in kinds):
            raise CannotRoll
        self.floating = {f for f in range(len(found)) if self._is_floating(f)}
        moving = [x for f, x in enumerate(found) if f not in self.index]
        times = [t for x in moving for t in (*x.members, *x.slots)]
        if not times:
            raise CannotRoll
        self.base, self.length = min(times), max(times) - min(times) + 1
        if self.length > 2 * max(len(x.members) for x in found) + 4:
            raise CannotRoll
        self.arrays: list[Array] = []
        self.stack_of: dict[int, int] = {}
        self.array_of: dict[int, int] = {}
        self.row_of: dict[int, tuple[int, Time]] = {}  # singles that are written as slots
        self.reduced: dict[int, list[Reduced]] = {}
        self.needs: dict[Node, list[Need]] = {}
        self.names = FamilyNames(program, found)
        self.local_names = self.names.in_loops(self.component_of)

    def at(self, f: int, t: Time) -> int:
        """The value of a family at a time."""
        value = self.families[f].at(t)
        if value is None:
            raise CannotRoll
        return value

    def statement(self, value: int) -> p.Statement:
        return self.program.statements[value - self.first]

    # ------------------------------------------------------------------------------- families

    def _references(self, f: int) -> list[Reference]:
        return [x for x in self.families[f].operands if isinstance(x, Reference)]

    def _components(self) -> list[Component]:
        """The loops: strongly connected families, with their direction and times."""
        edges = {
            f: sorted({x.family for x in self._references(f)}) for f in range(len(self.families))
        }
        found = []
        for group in _strong(edges):
            inside = [x for f in group for x in self._references(f) if x.family in group]
            if not inside:
                continue
            offsets = {x.offset for x in inside}
            if min(offsets) < 0 < max(offsets) or offsets == {0}:
                raise CannotRoll
            members = [self.families[f].members for f in group]
            start, stop = max(map(min, members)), min(map(max, members)) + 1
            if stop - start < FEWEST or any(
                not self.families[f].representative.shape for f in group
            ):
                raise CannotRoll
            found.append(Component(sorted(group), start, stop, max(offsets) > 0))
        return found

    def _is_floating(self, f: int) -> bool:
        """Pointwise, outside of the loops, and a member wherever it is referred to."""
        family = self.families[f]
        pointwise = isinstance(family.representative.operation, _POINTWISE)
        return pointwise and not family.slots and f not in self.component_of

    def times_of(self, f: int) -> range:
        """The times at which a family is computed as a whole."""
        if f in self.component_of:
            return self.components[self.component_of[f]].times
        members = self.families[f].members
        return range(min(members), max(members) + 1)

    def stack(self, f: int) -> int:
        """The array of a family, which has a row for every time."""
        if f not in self.stack_of:
            s = self.families[f].representative
            if isinstance(s.operation, p.INTEGRAL) or f in self.index or f in self.floating:
                raise CannotRoll
            self.stack_of[f] = self.array(self.names.of_family(f), (self.length, *s.shape))
        return self.stack_of[f]

    def turn(self, f: int) -> tuple[bool, int]:
        """When a family comes in the body of a loop.

        First the products of what earlier turns have computed: then all that follows is one nest.
        """
        s = self.families[f].representative
        own = self.component_of[f]
        inside = [x for x in self._references(f) if self.component_of.get(x.family) == own]
        early = isinstance(s.operation, p.Contract) and all(x.offset for x in inside)
        return not early, s.value

    def part(self, array: int, start: int, stop: int) -> Place:
        """Some rows of a family's array."""
        whole = stop - start == self.length
        return Place(array) if whole else Place(array, start, stop)

    def array(self, name: str, shape: Shape, integral: bool = False, reserved: bool = False) -> int:
        self.arrays.append(Array(name, shape, integral, reserved))
        return len(self.arrays) - 1

    # ---------------------------------------------------------------------------- dependences

    def _row(self, f: int, t: Time) -> Need:
        """What writes the row of a family at a time."""
        times = self.times_of(f)
        if t in times and t in self.families[f].members:
            if f in self.component_of:
                return Loop(self.component_of[f]), True
            return Stack(f, times.start, times.stop), True
        value = self.at(f, t)
        plain = value >= self.first and self.owner(value) is None
        plain = plain and not isinstance(self.statement(value).operation, (*CLONED, p.Window))
        if plain and self.row_of.setdefault(value, (f, t)) == (f, t):
            return Single(value), True
        return Copy(f, t), True

    def owner(self, value: int) -> tuple[int, Time] | None:
        """The family and time of a value that a loop or a stack computes."""
        if value not in self.member:
            return None
        f, t = self.member[value]
        return (f, t) if f not in self.floating | self.index and t in self.times_of(f) else None

    def _of_value(self, value: int) -> list[Need]:
        """What has to run before a value can be read."""
        if value < self.first:
            return []
        owner = self.owner(value)
        if owner is not None:
            return [self._row(*owner)]
        s = self.statement(value)
        if isinstance(s.operation, CLONED):
            return [n for x in s.operation.operands for n in self._of_value(x.value)]
        return [(Single(value), False)]

    def _of_family(self, f: int, times: range, inside: int | None = None) -> list[Need]:
        """What has to run before a family can be computed at times, perhaps inside of a loop."""
        found: list[Need] = []
        for x in self.families[f].operands:
            if isinstance(x, int):
                found += self._of_value(x)
            else:
                moved = range(times.start + x.offset, times.stop + x.offset)
                found += self._of_rows(x.family, moved, inside)
        return found

    def _of_rows(self, g: int, times: range, inside: int | None = None) -> list[Need]:
        """What has to run before a family can be read at all of the times."""
        if g in self.index:
            return []
        if g in self.floating:
            if any(t not in self.families[g].members for t in times):
                raise CannotRoll
            return self._of_family(g, times, inside)
        if inside is not None and self.component_of.get(g) == inside:
            if times == self.components[inside].times:
                return []  # computed in the same turn of the loop
        elif inside is None and g not in self.component_of and times == self.times_of(g):
            return [(Stack(g, times.start, times.stop), False)]
        self.stack(g)
        return [self._row(g, t) for t in times]

    def _of_node(self, node: Node) -> list[Need]:
        match node:
            case Single(value=value):
                s = self.statement(value)
                found: list[Need] = []
                parts = self.sums(s)
                summed = {v for part in parts for v in part.values}
                for x in s.operation.operands:
                    if x.value not in summed:
                        found += self._of_value(x.value)
                for part in parts:
                    over = self._of_family if self.sums_inside(part.family) else self._of_rows
                    found += over(part.family, part.times)
                return found
            case Stack(family=f, start=a, stop=b):
                return self._of_family(f, range(a, b))
            case Copy(family=f, time=t):
                return self._of_value(self.at(f, t))
            case Loop(component=c):
                component, found = self.components[c], []
                for f in component.families:
                    found += self._of_family(f, component.times, c)
                return [need for need in found if need[0] != node]

    # --------------------------------------------------------------------------- sums over time

    def sums(self, s: p.Statement) -> list[Reduced]:
        """Parts of a sum that are a family at consecutive times, with one weight."""
        if not isinstance(s.operation, p.Sum):
            return []
        if s.value in self.reduced:
            return self.reduced[s.value]
        own = tuple(range(len(s.shape)))
        groups: dict[tuple[int, sp.Expr], dict[Time, int]] = {}
        for x, w in zip(s.operation.operands, s.operation.weights, strict=True):
            f, t = self.member.get(x.value, (-1, 0))
            if f < 0 or f in self.index or x.labels != own:
                continue
            if f in self.floating or t in self.times_of(f):
                groups.setdefault((f, w), {})[t] = x.value
        found = []
        for (f, w), values in groups.items():
            times = range(min(values), max(values) + 1)
            if len(times) == len(values) >= FEWEST:
                found.append(Reduced(f, times, w, tuple(values.values())))
        self.reduced[s.value] = found
        return found

    def sums_inside(self, f: int) -> bool:
        """Whether Σₜ of a family needs no array of it: t is one more label to sum over."""
        family = self.families[f]
        if f in self.component_of:
            return False
        match family.representative.operation:
            case p.Contract():
                return all(isinstance(x, Reference) for x in family.operands)
            case p.Total():
                return True
        return False

    # --------------------------------------------------------------------------------- regions

    def drafts(self) -> list[Draft]:
        """Which node is in which region.

        As early as possible what a loop or the loss needs; the rest, updates and what they alone
        read, as late as possible: an update overwrites what others may still want to read.
        """
        self._visit(
            [n for out in self.program.outputs for n, _ in self._of_value(out.operand.value)]
        )
        order = self._ordered()
        place: dict[Node, int] = {}
        loops: dict[int, Loop] = {}
        straight: set[int] = set()
        for node in order:
            at = max(
                (place[n] + (kept or isinstance(n, Loop)) for n, kept in self.needs[node]),
                default=0,
            )
            if isinstance(node, Loop):
                at = max([at, *(k + 1 for k in loops)])
                while at in straight:
                    at += 1
                loops[at] = node
            else:
                while at in loops:
                    at += 1
                straight.add(at)
            place[node] = at
        last = max(place.values())
        last += last in loops
        early = self._closure(
            [
                *loops.values(),
                *(n for n, _ in self._of_value(self.program.outputs[0].operand.value)),
            ]
        )
        users: dict[Node, list[tuple[Node, bool]]] = {}
        for node, needs in self.needs.items():
            for n, kept in needs:
                users.setdefault(n, []).append((node, kept))
        for node in reversed(order):
            if node not in early:
                at = min((place[n] - kept for n, kept in users.get(node, ())), default=last)
                while at in loops:
                    at -= 1
                place[node] = at
        drafts = [Draft(None) for _ in range(last + 1)]
        for at, loop in loops.items():
            component = self.components[loop.component]
            times = range(component.start - self.base, component.stop - self.base)
            drafts[at].times = times[::-1] if component.descends else times
        for node in order:
            drafts[place[node]].nodes.append(node)
        return drafts

    def _visit(self, wanted: Iterable[Node]) -> None:
        stack = list(wanted)
        while stack:
            node = stack.pop()
            if node not in self.needs:
                self.needs[node] = list(dict.fromkeys(self._of_node(node)))
                stack += [n for n, _ in self.needs[node]]

    def _closure(self, wanted: Iterable[Node]) -> set[Node]:
        found: set[Node] = set()
        stack = list(wanted)
        while stack:
            node = stack.pop()
            if node not in found:
                found.add(node)
                stack += [n for n, _ in self.needs[node]]
        return found

    def _rank(self, node: Node) -> int:
        """Where a node would come in the program."""
        match node:
            case Single(value=value):
                return value
            case Stack(family=f):
                return self.families[f].representative.value
            case Copy(family=f, time=t):
                return self.at(f, t)
            case Loop(component=c):
                inside = self.components[c].families
                return min(self.families[f].representative.value for f in inside)

    def _ordered(self) -> list[Node]:
        """After what they need; otherwise as in the program."""
        below = {node: {n for n, _ in needs} for node, needs in self.needs.items()}
        waiting = {node: len(needs) for node, needs in below.items()}
        users: dict[Node, list[Node]] = {}
        for node, needs in below.items():
            for n in needs:
                users.setdefault(n, []).append(node)
        heap: list[tuple[int, str, Node]] = []
        for node, count in waiting.items():
            if not count:
                heappush(heap, (self._rank(node), str(node), node))
        order = []
        while heap:
            node = heappop(heap)[2]
            order.append(node)
            for user in users.get(node, ()):
                waiting[user] -= 1
                if not waiting[user]:
                    heappush(heap, (self._rank(user), str(user), user))
        if len(order) < len(self.needs):
            raise CannotRoll
        return order


def _strong(edges: Mapping[int, Sequence[int]]) -> list[set[int]]:
    """The strongly connected parts of a graph (Tarjan, 1972), each after those it points to."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    found: list[set[int]] = []
    for root in edges:
        if root in index:
            continue
        work = [(root, iter(edges[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        while work:
            node, rest = work[-1]
            for x in rest:
                if x not in index:
                    index[x] = low[x] = len(index)
                    stack.append(x)
                    work.append((x, iter(edges[x])))
                    break
                if x in stack:
                    low[node] = min(low[node], index[x])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    group: set[int] = set()
                    while node not in group:
                        group.add(stack.pop())
                    found.append(group)
    return found
