"""Repeated structure of a program: which statements are one statement at several times t.

Why it exists: a recurrent network, or one of many equal layers, is declared unrolled. Printed so,
its loop has as many lines as steps, and takes minutes to compile. Here the steps are found again:
from the dependences alone, so neither the order of the statements nor their names matter (the
names give t its numbers, nothing else).

In: a program. Out: families. The members of a family have one operation, and operand k of each is
the same value for all of them, or the member at t + offset of one family::

    h[t] = multiply o[t] a[t]          a[t] = apply tanh(c[t])        c[t] = f[t]·c[t - 1] + …

A value that is read in the place of a member, but is computed otherwise (the state after the first
step, which has no state before), is a *slot* of the family.

How: interior steps look alike from near by, so statements are coloured by their surroundings of a
few edges; a colour with three statements or more is a candidate. Candidates whose references are
not as above are dropped, until all are; the rest grow at both ends as far as statements match.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeAlias

from symgrad.codegen import program as p

FEWEST = 3
"""Members of a family that is worth a loop."""
RADII = (2, 3, 4, 6, 8)
"""How far the surroundings go by which statements are told apart: the widest view that still finds
the most statements. Too near, and the gates of a cell look alike; too far, and few steps do."""

Time: TypeAlias = int
_Key: TypeAlias = "tuple[object, ...]"
_Use: TypeAlias = "tuple[_Key, tuple[str, int, int]]"
"""How an operand is used, and what it is: ("value", number, 0) or ("family", colour, offset)."""
_COMMUTATIVE = (p.Sum, p.Multiply)


@dataclass(frozen=True, slots=True)
class Reference:
    """The value of ``family`` at t + ``offset``."""

    family: int
    offset: int


@dataclass(slots=True)
class Family:
    """One statement at several times: ``members`` and ``slots`` are values by time.

    ``operands[k]`` is what operand k of each member refers to, a value or a Reference, in the order
    of ``pattern``, the operands of the statement ``representative``.
    """

    representative: p.Statement
    operands: list[int | Reference]
    members: dict[Time, int] = field(default_factory=dict)
    slots: dict[Time, int] = field(default_factory=dict)

    def at(self, t: Time) -> int | None:
        """The value at a time, if there is one."""
        return self.members.get(t, self.slots.get(t))


def families(program: p.Program) -> list[Family]:
    """The families of a program: empty where nothing is repeated."""
    best, most = list[Family](), 0
    for by_index in (False, True):  # names say what t is; places in the data, where they do not
        search = _Search(program, by_index)
        for radius in RADII:
            if not search.look(radius):
                break  # what differs from near by differs from farther away
            found = search.families()
            inside = sum(len(f.members) - 1 for f in found)
            if inside > most:
                best, most = found, inside
        if 2 * most > len(program.statements) or not search.index:
            break
    return best


class _Search:
    def __init__(self, program: p.Program, by_index: bool = True) -> None:
        self.program, self.by_index = program, by_index
        self.first = len(program.inputs)
        self.users: dict[int, list[p.Statement]] = {}
        for s in program.statements:
            for value in {x.value for x in s.operation.operands}:
                self.users.setdefault(value, []).append(s)
        self.depth = _depths(program)
        self.index = {
            s.value
            for s in program.statements
            if isinstance(s.operation, p.Constant)
            and self.users.get(s.value)
            and all(_is_index(u, s.value) for u in self.users[s.value])
        }

        self.edges = {s.value: self._edges_of(s) for s in program.statements}
        self.locals = {s.value: self._local_of(s) for s in program.statements}
        self.classes: dict[int, list[int]] = {}
        self.place: dict[int, tuple[int, int]] = {}
        self._begin()

    def statement(self, value: int) -> p.Statement:
        """The statement that computes a value."""
        return self.program.statements[value - self.first]

    # ------------------------------------------------------------------------------ colours

    def _local(self, s: p.Statement) -> _Key:
        return self.locals[s.value]

    def _edges(self, s: p.Statement) -> list[tuple[p.Operand, _Key]]:
        return self.edges[s.value]

    def _local_of(self, s: p.Statement) -> _Key:
        """What a statement does, its operands left out."""
        op = s.operation
        if s.value in self.index:
            return ("index",)
        kept = [x for x in type(op).__slots__ if x not in ("operands", "weights")]
        return (type(op).__name__, s.shape, len(op.operands), *(str(getattr(op, x)) for x in kept))

    def _edges_of(self, s: p.Statement) -> list[tuple[p.Operand, _Key]]:
        """The operands and how each is used; the place of one counts where order does."""
        op = s.operation
        weights: Sequence[object] = getattr(op, "weights", (None,) * len(op.operands))
        places: Iterable[int] = range(len(op.operands))
        if isinstance(op, _COMMUTATIVE):
            places = [0] * len(op.operands)
        return [
            (x, (x.labels, str(w), k)) for x, w, k in zip(op.operands, weights, places, strict=True)
        ]

    def _begin(self) -> None:
        """Colours that know nothing of the surroundings, and the edges with numbers for keys."""
        self.table: dict[object, int] = {}
        keys: dict[str, int] = {}
        self.below: dict[int, list[tuple[int, int]]] = {}
        self.above: dict[int, list[tuple[int, int]]] = {}
        for s in self.program.statements:
            pairs = [(x.value, keys.setdefault(str(key), len(keys))) for x, key in self._edges(s)]
            self.below[s.value] = pairs
            for value, key in pairs:
                self.above.setdefault(value, []).append((s.value, key))
        self.colour = {k: k for k in range(self.first)}
        self.colour |= {s.value: self._number(self._local(s)) for s in self.program.statements}
        self.radius = 0

    def _number(self, key: object) -> int:
        return self.table.setdefault(key, self.first + len(self.table))

    def look(self, radius: int) -> bool:
        """Tell statements apart by surroundings of this radius; whether any are alike then."""
        while self.radius < radius:
            old, fresh = self.colour, dict(self.colour)
            for value, pairs in self.below.items():
                below = tuple(sorted((old[v], key) for v, key in pairs))
                above = tuple(sorted((old[v], key) for v, key in self.above.get(value, ())))
                fresh[value] = self._number((old[value], below, above))
            self.colour, self.radius = fresh, self.radius + 1
        classes: dict[int, list[int]] = {}
        for s in self.program.statements:
            if not isinstance(s.operation, p.Constant) or s.value in self.index:
                classes.setdefault(self.colour[s.value], []).append(s.value)
        runs = {c: self._run(sorted(values, key=self._order)) for c, values in classes.items()}
        self.classes = {c: values for c, values in runs.items() if len(values) >= FEWEST}
        self.place = {v: (c, k) for c, values in self.classes.items() for k, v in enumerate(values)}
        return bool(self.classes)

    # ----------------------------------------------------------------------------- families

    def families(self) -> list[Family]:
        """Candidates by colour, those that hold, grown at both ends."""
        found = self._consistent(self._times())
        self._grow(found)
        return [f for f in found if len(f.members) >= FEWEST]

    def _order(self, value: int) -> tuple[int, int]:
        if value in self.index:
            operation = self.statement(value).operation
            assert isinstance(operation, p.Constant)
            return (int(operation.number), value)
        return (self.depth[value], value)

    def _run(self, values: list[int]) -> list[int]:
        """Of indices those that follow one another: a number with another use is no index."""
        if values[0] not in self.index:
            return values
        numbers = [self._order(v)[0] for v in values]
        runs, start = [values[:1]], 0
        for k in range(1, len(values)):
            if k - start > 1 and numbers[k] - numbers[k - 1] != numbers[k - 1] - numbers[k - 2]:
                start = k - 1
            runs.append(values[start : k + 1])
        return max(runs, key=len)

    def _numbers(self, values: Sequence[int]) -> list[int] | None:
        """The numbers in the names of a class, or of its indices, where they count its members."""
        if values[0] in self.index:
            found = [self._order(v)[0] + 1 for v in values]
        else:
            texts = [re.findall(r"\d+", self.statement(v).name or "") for v in values]
            found = [int(x[0]) for x in texts if x]
        steps = {b - a for a, b in pairwise(found)}
        return found if len(found) == len(values) and steps in ({1}, {-1}) else None

    def _relation(self, a: int, b: int) -> tuple[int, int] | None:
        """(sign, shift): member k of class a reads member sign·k + shift of class b."""
        pairs = [
            sorted(self.place[x.value][1] for x, _ in self._edges(self.statement(v))
                   if self.place.get(x.value, (None,))[0] == b)
            for v in self.classes[a]
        ]  # fmt: skip
        if len({len(x) for x in pairs}) != 1 or not pairs[0]:
            known = [(k, x[0]) for k, x in enumerate(pairs) if len(x) == 1]
        else:
            known = [(k, x[0]) for k, x in enumerate(pairs)]
        for sign in (1, -1):
            shifts = {j - sign * k for k, j in known}
            if len(shifts) == 1 and len(known) > 1:
                return sign, shifts.pop()
        return None

    def _times(self) -> dict[int, tuple[int, int]]:
        """For each class (sign, start): its member k belongs to the time sign·k + start."""
        times: dict[int, tuple[int, int]] = {}
        for c, values in self.classes.items():
            numbers = self._numbers(values)
            if numbers is not None and (self.by_index or values[0] not in self.index):
                times[c] = (numbers[1] - numbers[0], numbers[0])
        links: dict[int, list[tuple[int, int, int]]] = {}
        for a in self.classes:
            below = {
                self.place[x.value][0]
                for v in self.classes[a]
                for x in self.statement(v).operation.operands
                if x.value in self.place
            }
            for b in below:
                relation = self._relation(a, b)
                if relation is not None:
                    links.setdefault(a, []).append((b, *relation))
                    sign, shift = relation  # k = sign·(j − shift)
                    links.setdefault(b, []).append((a, sign, -sign * shift))
        seeds = list(times) or [next(iter(self.classes), -1)]
        times.setdefault(seeds[0], (1, 0)) if seeds[0] != -1 else None
        queue = list(times)
        while queue or len(times) < len(self.classes):
            if not queue:
                start = next(c for c in self.classes if c not in times)
                times[start] = (1, 0)
                queue = [start]
            a = queue.pop(0)
            sign, start = times[a]
            for b, s, shift in links.get(a, ()):
                if b not in times:  # member s·k + shift of b at the time of member k of a
                    times[b] = (sign * s, start - sign * s * shift)
                    queue.append(b)
        return times

    def _consistent(self, times: Mapping[int, tuple[int, int]]) -> list[Family]:
        """The classes whose members refer to the same values and families, at the same offsets."""
        time = {v: times[c][0] * k + times[c][1] for v, (c, k) in self.place.items()}
        alive = set(self.classes)
        members = {c: list(values) for c, values in self.classes.items()}
        patterns: dict[int, list[_Use]] = {}
        changed = True
        while changed:
            changed = False
            for c in sorted(alive):
                seen = [self._pattern(v, time, alive) for v in members[c]]
                patterns[c] = max(seen, key=seen.count)
                kept = [v for v, x in zip(members[c], seen, strict=True) if x == patterns[c]]
                kept = _together(kept, time)
                changed = changed or len(kept) < len(members[c])
                members[c] = kept  # the others stay as slots: values that are read in their place
                if len(kept) < FEWEST:
                    alive.discard(c)
        number = {c: k for k, c in enumerate(sorted(alive))}
        result = []
        for c in sorted(alive):
            values = members[c]
            representative = self._ordered(self.statement(values[len(values) // 2]), time, alive)
            operands = [
                Reference(number[x[1]], x[2]) if x[0] == "family" else x[1] for _, x in patterns[c]
            ]
            slots = {time[v]: v for v in self.classes[c] if v not in values}
            result.append(Family(representative, operands, {time[v]: v for v in values}, slots))
        return result

    def _pattern(self, value: int, time: Mapping[int, Time], alive: set[int]) -> list[_Use]:
        """What a member refers to, seen from its time."""
        found: list[_Use] = []
        for x, key in self._edges(self.statement(value)):
            c = self.place.get(x.value, (None,))[0]
            if c in alive:
                found.append((key, ("family", c, time[x.value] - time[value])))
            else:
                found.append((key, ("value", x.value, 0)))
        return sorted(found, key=str) if self._commutes(value) else found

    def _ordered(self, s: p.Statement, time: Mapping[int, Time], alive: set[int]) -> p.Statement:
        """The statement with its operands in the order of the pattern."""
        if not self._commutes(s.value):
            return s
        pairs = []
        for (x, key), k in zip(self._edges(s), range(len(s.operation.operands)), strict=True):
            c = self.place.get(x.value, (None,))[0]
            what = ("value", x.value, 0)
            if c in alive:
                what = ("family", c, time[x.value] - time[s.value])
            pairs.append((str((key, what)), k))
        order = [k for _, k in sorted(pairs)]
        changed: dict[str, object] = {"operands": tuple(s.operation.operands[k] for k in order)}
        if isinstance(s.operation, p.Sum):
            changed["weights"] = tuple(s.operation.weights[k] for k in order)
        return replace(s, operation=replace(s.operation, **changed))  # type: ignore[arg-type]

    def _commutes(self, value: int) -> bool:
        return isinstance(self.statement(value).operation, _COMMUTATIVE)

    # ------------------------------------------------------------------------------- growth

    def _grow(self, found: list[Family]) -> None:
        """Slots, and members before the first and after the last, until there are no more."""
        taken = {v for f in found for v in f.members.values()}
        anywhere = False
        while True:
            grown = False
            for f in found:
                for t in (min(f.members) - 1, max(f.members) + 1):
                    value = self._member(f, t, found, taken, anywhere)
                    if value is not None:
                        f.slots.pop(t, None)
                        f.members[t] = value
                        taken.add(value)
                        grown = True
            if not grown and anywhere:
                return
            anywhere = not grown

    def _is_due(self, f: Family, value: int, t: Time) -> bool:
        """Whether an index is the one that belongs to the time t; any other value is."""
        if f.representative.value not in self.index:
            return True
        operation = self.statement(value).operation if value >= self.first else None
        start, stop = min(f.members), max(f.members)
        first, last = (self._order(f.members[k])[0] for k in (start, stop))
        number = first + (t - start) * (last - first) // (stop - start)
        return isinstance(operation, p.Constant) and operation.number == number

    def _member(
        self, f: Family, t: Time, found: list[Family], taken: set[int], anywhere: bool
    ) -> int | None:
        """The statement that is ``f`` at the time t, if there is just one; slots that it needs.

        It has to read another family at a known place, or ``anywhere``.
        """
        expected = [
            x if isinstance(x, int) else found[x.family].at(t + x.offset) for x in f.operands
        ]
        known = [v for v in expected if v is not None]
        moving = [
            v for v, x in zip(expected, f.operands, strict=True)
            if v is not None and isinstance(x, Reference)
        ]  # fmt: skip
        if t in f.slots:
            candidates = [self.statement(f.slots[t])] if f.slots[t] >= self.first else []
        elif moving or (anywhere and known):
            candidates = self.users.get((moving or known)[0], [])
        else:
            candidates = []
        local = self._local(f.representative)
        matched = []
        for s in candidates:
            if s.value in taken or self._local(s) != local:
                continue
            slots = self._matched(f, s, t, expected, found)
            if slots is not None:
                matched.append((s.value, slots))
        if len(matched) != 1:
            return None
        ((value, slots),) = matched
        for family, when, slot in slots:
            found[family].slots[when] = slot
        return value

    def _matched(
        self, f: Family, s: p.Statement, t: Time, expected: Sequence[int | None],
        found: Sequence[Family],
    ) -> list[tuple[int, Time, int]] | None:  # fmt: skip
        """The slots that would make ``s`` the member of ``f`` at t; None where it cannot be."""
        rest = list(self._edges(s))
        keys = [key for _, key in self._edges_of(f.representative)]
        missing: list[tuple[_Key, Reference]] = []
        for key, value, x in zip(keys, expected, f.operands, strict=True):
            if value is None:
                assert isinstance(x, Reference)
                missing.append((key, x))
                continue
            same = next((e for e in rest if e[0].value == value and e[1] == key), None)
            if same is None:
                return None
            rest.remove(same)
        slots: list[tuple[int, Time, int]] = []
        for key, x in missing:
            shape = found[x.family].representative.shape
            fits = [
                e for e in rest if e[1] == key and self.program.shape(e[0].value) == shape
                and not any(e[0].value in g.members.values() for g in found)
                and self._is_due(found[x.family], e[0].value, t + x.offset)
            ]  # fmt: skip
            if len(fits) != 1:
                return None
            rest.remove(fits[0])
            slots.append((x.family, t + x.offset, fits[0][0].value))
        return slots


def _together(values: Sequence[int], time: Mapping[int, Time]) -> list[int]:
    """The longest part of ``values`` whose times follow one another."""
    runs: list[list[int]] = []
    for v in sorted(values, key=lambda v: time[v]):
        if runs and time[v] == time[runs[-1][-1]] + 1:
            runs[-1].append(v)
        else:
            runs.append([v])
    return max(runs, key=len, default=[])


def _is_index(user: p.Statement, value: int) -> bool:
    operation = user.operation
    if not isinstance(operation, p.Gather):
        return False
    source, *indices = operation.operands
    return source.value != value and any(x.value == value for x in indices)


def _depths(program: p.Program) -> dict[int, int]:
    """The longest way from an input to each value."""
    depth = dict.fromkeys(range(len(program.inputs)), 0)
    for s in program.statements:
        depth[s.value] = 1 + max((depth[x.value] for x in s.operation.operands), default=0)
    return depth
