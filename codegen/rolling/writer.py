"""The programs of the regions: what each computes, reads from others and keeps for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import sympy as sp

from symgrad.codegen import program as p
from symgrad.codegen.regions import Place, Region, Rolled
from symgrad.codegen.rolling.names import shortened
from symgrad.codegen.rolling.plan import (
    CLONED,
    CannotRoll,
    Copy,
    Draft,
    Loop,
    Node,
    Plan,
    Reduced,
    Single,
    Stack,
    Step,
)
from symgrad.codegen.rolling.repeats import Reference, Time
from symgrad.graph import Shape

_OWN = 10**9
"""From here on a region numbers its own inputs, until it is known how many there are of others."""


def written(plan: Plan) -> Rolled | None:
    """The regions of a plan; None without a loop, or where they are most of the program anyway."""
    if not plan.components:
        return None
    drafts = plan.drafts()
    region_of = {node: k for k, draft in enumerate(drafts) for node in draft.nodes}
    writers = [_Writer(plan, draft, k, region_of) for k, draft in enumerate(drafts)]
    for writer in writers:
        writer.write()
    last = writers[-1]
    outputs = [
        replace(out, operand=replace(out.operand, value=last.read(out.operand.value)))
        for out in plan.program.outputs
    ]
    wanted = {v for writer in writers for v in writer.wanted}
    regions = [writer.region(wanted, outputs if writer is last else None) for writer in writers]
    kept = [x for x in regions if x.program.statements or x is regions[-1]]
    if 4 * sum(len(x.program.statements) for x in kept) > 3 * len(plan.program.statements):
        return None
    names = {x for f, x in plan.local_names.items() if f not in plan.stack_of}
    names -= plan.program.taken
    return Rolled(tuple(kept), tuple(plan.arrays), tuple(sorted(names)))


class _Writer:
    """One region. Its statements have the numbers −1, −2, … until all of its inputs are known."""

    def __init__(
        self, plan: Plan, draft: Draft, number: int, region_of: Mapping[Node, int]
    ) -> None:
        self.plan, self.draft, self.number, self.region_of = plan, draft, number, region_of
        self.inputs: list[tuple[p.Input, Place | None, int]] = []
        self.input_of: dict[object, int] = {}
        self.statements: list[tuple[object, p.Statement]] = []
        self.local: dict[object, int] = {}
        self.wanted: set[int] = set()  # values of other regions that are read here
        self.placed: dict[int, Place] = {}
        self.scalars: dict[int, int] = {}
        self.loop = next((n for n in draft.nodes if isinstance(n, Loop)), None)

    def write(self) -> None:
        """All statements of the nodes."""
        plan = self.plan
        if self.loop is not None:
            inside = plan.components[self.loop.component].families
            for f in sorted(inside, key=plan.turn):
                self._step(f, 0)
            return
        for node in self.draft.nodes:
            match node:
                case Single(value=value):
                    self._single(value)
                case Stack(family=f, start=a, stop=b):
                    self._stacked(f, a, b)
                case Copy(family=f, time=t):
                    self._copied(f, t)

    def _add(self, thing: object, s: p.Statement) -> int:
        if thing not in self.local:
            value = -1 - len(self.statements)
            self.statements.append((thing, replace(s, value=value, last_uses=())))
            self.local[thing] = value
        return self.local[thing]

    # ----------------------------------------------------------------------------- single ones

    def _single(self, value: int) -> int:
        key = Single(value)
        if key in self.local:
            return self.local[key]
        plan, s = self.plan, self.plan.statement(value)
        parts = plan.sums(s)
        summed = {v for part in parts for v in part.values}
        operation = s.operation
        kept = [k for k, x in enumerate(operation.operands) if x.value not in summed]
        operands = [
            replace(operation.operands[k], value=self.read(operation.operands[k].value))
            for k in kept
        ]
        if parts:
            assert isinstance(operation, p.Sum)
            own = tuple(range(len(s.shape)))
            operands += [p.Operand(self._reduced(part), own) for part in parts]
            weights = [*(operation.weights[k] for k in kept), *(part.weight for part in parts)]
            new: p.Operation = p.Sum(tuple(operands), tuple(weights))
        else:
            new = replace(operation, operands=tuple(operands))
        comment = shortened(s.comment) if parts and s.comment else s.comment
        return self._add(key, replace(s, operation=new, comment=comment))

    def read(self, value: int) -> int:
        """A value of the program in this region."""
        plan = self.plan
        if value < plan.first:
            return value
        owner = plan.owner(value)
        if owner is not None:
            f, t = owner
            return self._input(Place(plan.stack(f), t - plan.base), plan.statement(value).shape)
        s = plan.statement(value)
        if isinstance(s.operation, CLONED):
            return self._single(value)
        if self.region_of[Single(value)] == self.number:
            return self._single(value)
        f, t = plan.member.get(value, (-1, 0))
        if f in plan.stack_of and value not in plan.array_of:
            plan.row_of.setdefault(value, (f, t))  # as well there as in an array of its own
        if value in plan.row_of:
            f, t = plan.row_of[value]
            return self._input(Place(plan.stack(f), t - plan.base), s.shape)
        self.wanted.add(value)
        if not s.shape:
            return self._input(None, (), value)
        return self._input(Place(self._array(value)), s.shape)

    def _array(self, value: int) -> int:
        """The array of a statement that another region reads."""
        plan, s = self.plan, self.plan.statement(value)
        if value not in plan.array_of:
            integral = isinstance(s.operation, p.INTEGRAL)
            name = s.name or s.suggestion or "value"
            plan.array_of[value] = plan.array(name, s.shape, integral, s.name is not None)
        return plan.array_of[value]

    def _input(self, place: Place | None, shape: Shape, scalar: int = -1) -> int:
        key = (place, scalar)
        if key not in self.input_of:
            number = _OWN + len(self.inputs)
            entry = p.Input(f"input{len(self.inputs)}", "", shape, shape)
            self.inputs.append((entry, place, scalar))
            self.input_of[key] = number
        return self.input_of[key]

    def _copied(self, f: int, t: Time) -> None:
        plan = self.plan
        value = plan.at(f, t)
        shape = plan.families[f].representative.shape
        rank = len(plan.program.shape(value))
        labels = tuple(range(len(shape))) if rank else ()
        if rank not in (0, len(shape)):
            raise CannotRoll
        operation = p.Sum((p.Operand(self.read(value), labels),), (sp.S.One,))
        s = p.Statement(0, shape, operation, None, None, None, ())
        self.placed[self._add(Copy(f, t), s)] = Place(plan.stack(f), t - plan.base)

    # ---------------------------------------------------------------------------- over all times

    def _stacked(self, f: int, start: Time, stop: Time) -> int:
        """A family over times, t being the first axis."""
        key = Stack(f, start, stop)
        if key in self.local:
            return self.local[key]
        s = self.plan.families[f].representative
        shape = (stop - start, *s.shape)
        operation = self._over_times(f, start, stop, 0)
        return self._add(key, replace(s, shape=shape, operation=operation, name=None, comment=None))

    def _reduced(self, part: Reduced) -> int:
        """Σₜ of a family."""
        if part in self.local:
            return self.local[part]
        plan, f, times = self.plan, part.family, part.times
        s = plan.families[f].representative
        rank = len(s.shape)
        if plan.sums_inside(f):
            operation = self._over_times(f, times.start, times.stop, rank)
        else:
            value = self._rows(f, times)
            operation = p.Total((p.Operand(value, (rank, *range(rank))),))
        return self._add(part, replace(s, operation=operation, name=None, comment=None))

    def _over_times(self, f: int, start: Time, stop: Time, at: int) -> p.Operation:
        """The operation of a family with t as one more label, ``at``."""
        family = self.plan.families[f]
        operation = family.representative.operation
        operands, moving = [], []
        for x, to in zip(operation.operands, family.operands, strict=True):
            labels = tuple(k + (k >= at) for k in x.labels)
            if isinstance(to, int):
                operands.append(p.Operand(self.read(to), labels))
            elif to.family in self.plan.index:
                moving.append(to)
            else:
                times = range(start + to.offset, stop + to.offset)
                operands.append(p.Operand(self._rows(to.family, times), (at, *labels)))
        if isinstance(operation, p.Gather):
            return self._gathered(f, operation, operands, moving, start, stop)
        return replace(operation, operands=tuple(operands))

    def _gathered(
        self,
        f: int,
        operation: p.Gather,
        operands: list[p.Operand],
        moving: list[Reference],
        start: Time,
        stop: Time,
    ) -> p.Operation:
        """x[:, t] for all t: the axis of x with t along it; or one place of a stack, at each t."""
        plan, family = self.plan, self.plan.families[f]
        of = family.operands[0]
        if not moving and isinstance(of, Reference):
            axes = tuple(k + 1 for k in operation.axes)
            return replace(operation, operands=tuple(operands), axes=axes)
        if len(moving) != 1 or len(operation.axes) != 1 or not isinstance(of, int):
            raise CannotRoll
        (axis,), (source,) = operation.axes, operands
        low, *rest = (self._index_at(moving[0], t) for t in range(start, stop))
        step = rest[0] - low
        if rest != [low + step * k for k in range(1, stop - start)]:
            raise CannotRoll
        if (low, step) == (0, 1) and plan.program.shape(of)[axis] == stop - start:
            labels = (*source.labels[:axis], 0, *source.labels[axis + 1 :])
            return p.Sum((p.Operand(source.value, labels),), (sp.S.One,))
        place = p.Place((0,), (step,), (stop - start,), sp.Integer(low), inside=True)
        return p.Window((source,), ((axis, place),))

    def _index_at(self, x: Reference, t: Time) -> int:
        value = self.plan.families[x.family].at(t + x.offset)
        operation = None if value is None else self.plan.statement(value).operation
        if not isinstance(operation, p.Constant) or not operation.number.is_Integer:
            raise CannotRoll
        return int(operation.number)

    def _rows(self, g: int, times: range) -> int:
        """A family at times, as an array with t as its first axis."""
        plan = self.plan
        whole = Stack(g, times.start, times.stop)
        if g in plan.floating or self.region_of.get(whole) == self.number:
            return self._stacked(g, times.start, times.stop)
        array = plan.stack(g)
        shape = (len(times), *plan.arrays[array].shape[1:])
        start = times.start - plan.base
        return self._input(plan.part(array, start, start + len(times)), shape)

    # -------------------------------------------------------------------------------- in a loop

    def _step(self, f: int, offset: int) -> int:
        """A family at t + offset, in the body of the loop."""
        key = Step(f, offset)
        if key in self.local:
            return self.local[key]
        plan, family = self.plan, self.plan.families[f]
        assert self.loop is not None
        component = plan.components[self.loop.component]
        operands = []
        for x, to in zip(family.representative.operation.operands, family.operands, strict=True):
            if isinstance(to, int):
                operands.append(replace(x, value=self.read(to)))
                continue
            g, when = to.family, offset + to.offset
            if g in plan.index:
                raise CannotRoll
            if g in plan.floating or (g in component.families and when == 0):
                operands.append(replace(x, value=self._step(g, when)))
            else:
                row = Place(plan.stack(g), when, moving=True)
                shape = plan.families[g].representative.shape
                operands.append(replace(x, value=self._input(row, shape)))
        operation = replace(family.representative.operation, operands=tuple(operands))
        s = replace(family.representative, operation=operation, comment=self._comment(f))
        name = plan.local_names.get(f) if not offset else None
        return self._add(key, replace(s, name=name))

    def _comment(self, f: int) -> str | None:
        """The line of mathematics with t for the number of the step."""
        family = self.plan.families[f]
        by_time = sorted(family.members.items())
        now = next(k for k, (_, v) in enumerate(by_time) if v == family.representative.value)
        text = family.representative.comment
        if text is None or not 0 < now < len(by_time) - 1:
            return text
        near = [self.plan.statement(by_time[k][1]).comment or "" for k in (now - 1, now + 1)]
        number = r"_?(\d+)"
        parts, before, after = (re.split(number, x) for x in (text, *near))
        if not len(parts) == len(before) == len(after):
            return text
        t = re.search(r"\d+", family.representative.name or "")
        own = int(t[0]) if t else None
        for k in range(1, len(parts), 2):
            a, b, c = int(before[k]), int(parts[k]), int(after[k])
            if (a, c) in ((b - 1, b + 1), (b + 1, b - 1)) and own is not None:
                off = b - own
                parts[k] = "[t]" if not off else f"[t {'+' if off > 0 else '−'} {abs(off)}]"
        return "".join(parts)

    # --------------------------------------------------------------------------------- the region

    def region(self, wanted: Iterable[int], outputs: Sequence[p.Output] | None) -> Region:
        """The region, its values numbered: inputs of the program, its own, statements."""
        whole = self.plan.program
        for value in wanted:
            local = self.local.get(Single(value))
            if local is None or self.region_of[Single(value)] != self.number:
                continue
            if whole.shape(value):
                self.placed[local] = Place(self._array(value))
            else:
                self.scalars[local] = value
        for thing, s in self.statements:
            match thing:
                case Stack(family=f, start=a, stop=b) if f in self.plan.stack_of:
                    array, base = self.plan.stack_of[f], self.plan.base
                    self.placed[s.value] = self.plan.part(array, a - base, b - base)
                case Single(value=value) if value in self.plan.row_of:
                    f, t = self.plan.row_of[value]
                    self.placed[s.value] = Place(self.plan.stack(f), t - self.plan.base)
                case Step(family=f, offset=0) if f in self.plan.stack_of:
                    self.placed[s.value] = Place(self.plan.stack_of[f], 0, moving=True)
        if any(not s.shape and s.value in self.placed for _, s in self.statements):
            raise CannotRoll  # a scalar is a variable and no entry of an array
        first, own = len(whole.inputs), len(self.inputs)

        order = [s.value for _, s in self.statements]  # each was added after its operands
        renumber = {v: first + own + k for k, v in enumerate(order)}

        def final(value: int) -> int:
            if value < 0:
                return renumber[value]
            return value - _OWN + first if value >= _OWN else value

        by_value = {s.value: s for _, s in self.statements}
        statements = []
        for v in order:
            s = by_value[v]
            operands = tuple(replace(x, value=final(x.value)) for x in s.operation.operands)
            operation = replace(s.operation, operands=operands)
            statements.append(replace(s, value=final(v), operation=operation))
        kept = [v for v in (*self.placed, *self.scalars) if outputs is None or v in self.placed]
        if outputs is None:
            made = [
                p.Output(
                    p.Operand(final(v), tuple(range(len(by_value[v].shape)))),
                    by_value[v].shape,
                    by_value[v].shape,
                )
                for v in kept
            ]
        else:
            made = [
                replace(x, operand=replace(x.operand, value=final(x.operand.value)))
                for x in outputs
            ]
        uses = [0] * (first + own + len(statements))
        for operand in [
            *(x for s in statements for x in s.operation.operands),
            *(out.operand for out in made),
        ]:
            uses[operand.value] += 1
        program = replace(
            whole,
            inputs=(*whole.inputs, *(entry for entry, _, _ in self.inputs)),
            statements=tuple(statements),
            outputs=tuple(made),
            uses=tuple(uses),
        )
        inputs = {
            first + k: place for k, (_, place, _) in enumerate(self.inputs) if place is not None
        }
        scalars = {first + k: x for k, (_, place, x) in enumerate(self.inputs) if place is None}
        scalars |= {final(v): x for v, x in self.scalars.items()}
        placed = {final(v): place for v, place in self.placed.items()}
        return Region(program, self.draft.times, inputs, placed, scalars)
