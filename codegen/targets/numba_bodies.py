"""The programs of a minibatch: how their matrices lie, and the arrays that they work in.

Why it exists: the two loops of a training module compute the same network in different arrays, and
share its parameters, so that they have to agree on the order of each.

In: the programs of a `TrainingSpec`. Out: a `Body` for each, which prints its statements and the
variables for its arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace

import sympy as sp

from symgrad.codegen import buffers
from symgrad.codegen.examples_last import orders, reordered
from symgrad.codegen.names import OF_HALVES
from symgrad.codegen.narrow import narrow
from symgrad.codegen.program import Constant, Program
from symgrad.codegen.regions import rolled, unrolled
from symgrad.codegen.rolling.turned import turned
from symgrad.codegen.targets.numba_regions import Part, Parts
from symgrad.codegen.training_spec import TrainingSpec
from symgrad.codegen.transposing import transposed
from symgrad.codegen.turned_copies import with_copies
from symgrad.codegen.turning import tied, turning
from symgrad.graph import Dim, Shape

ROWS = "size"
"""The number of rows of the current minibatch, in the generated loops."""
COUNT = "count"
"""The number of rows of the next one: it differs in the last minibatch only."""
ORDER = "order"
OWN_NAMES = (
    *(ORDER, "batch_size", "start", "step", "row", ROWS, COUNT, "DTYPE", "work", "rates", "losses"),
    *OF_HALVES,
    *("theta", "flat", "state", "numbers", "segments", "begin", "end", "part", "clip"),
)


def replaced(program: Program, offset: int) -> dict[int, int]:
    """Which value takes the place of which input: output k + ``offset`` that of input k."""
    first = len(program.inputs)
    found: dict[int, int] = {}
    outputs = program.outputs[offset:]
    read = {out.operand.value for k, out in enumerate(outputs) if out.operand.value != k}
    for k, out in enumerate(outputs):
        value, axes = out.operand.value, tuple(range(len(program.shape(k))))
        fits = value >= first and out.operand.labels == axes
        if fits and value not in found and k not in read:
            found[value] = k
    return found


def placed(program: Program, names: Sequence[str]) -> dict[int, str]:
    """Which value is written to which of the arrays that are given for the gradients."""
    first = len(program.inputs)
    found: dict[int, str] = {}
    for out, name in zip(program.outputs[1:], names, strict=True):
        value, axes = out.operand.value, tuple(range(len(out.shape)))
        if not axes or value < first or out.operand.labels != axes or value in found:
            continue
        if not isinstance(program.statements[value - first].operation, Constant):
            found[value] = name
    return found


def drawn(spec: TrainingSpec) -> list[str]:
    """What the masks of all rows are called."""
    return [f"{x}drawn" for x in spec.kept]


class Ordered:
    """A program of a minibatch whose matrices lie as is best: narrow ones turned, steps rolled.

    ``turned`` are the names of the rows that are turned with them: their examples come last.
    """

    def __init__(self, spec: TrainingSpec, batch: Dim, program: Program) -> None:
        names = [x.name for x in program.inputs]
        rows = {names.index(x) for x in spec.rows if x in names}
        moved = {} if "last" in spec.without else orders(program, batch, rows)
        program = reordered(program, moved)
        values: frozenset[int] = frozenset()
        if "narrow" not in spec.without:
            values = narrow(program, batch, rows)
        self.turned = {names[k] for k in (*moved, *values) if k < len(names)}
        self.regions = rolled(transposed(program, values), spec.without)
        if len(self.regions.regions) > 1 and "turn" not in spec.without:
            parameters = {k for k, x in enumerate(names) if x in spec.names and k not in values}
            self.regions = turned(self.regions, parameters, len(names), batch)

    def printed_as(self, program: Program) -> Ordered:
        """The same with another program in its place."""
        other = copy(self)
        other.regions = unrolled(program)
        return other

    @property
    def program(self) -> Program:
        """The last of the regions, or the only one."""
        return self.regions.regions[-1].program

    def turn(self, values: frozenset[int], names: Mapping[str, str]) -> None:
        """Turn values of a program that is not rolled, and rename inputs."""
        program = transposed(self.program, values)
        inputs = tuple(replace(x, name=names.get(x.name, x.name)) for x in program.inputs)
        self.regions = unrolled(replace(program, inputs=inputs))

    def copy(self, spec: TrainingSpec, batch: Dim) -> None:
        """Copy turned what no order of the parameters makes fast."""
        if "turn" not in spec.without and len(self.regions.regions) == 1:
            self.regions = unrolled(with_copies(self.program, batch))


def turn(spec: TrainingSpec, batch: Dim, step: Ordered, whole: Ordered) -> tuple[str, ...]:
    """Turn what gains by it, in both programs, and name the parameters among that."""
    both = step, whole
    if "turn" in spec.without or any(len(x.regions.regions) > 1 for x in both):
        return ()
    numbers = [{x.name: k for k, x in enumerate(one.program.inputs)} for one in both]
    tied_to = [
        dict(tied(one.program, [of[x] for x in spec.names], 1))
        for one, of in zip(both, numbers, strict=True)
    ]
    taken = {x.name for x in whole.program.inputs} | whole.program.taken | step.program.taken
    able = [
        name
        for name in spec.names
        if all(of[name] in pairs for of, pairs in zip(numbers, tied_to, strict=True))
        and f"{name}_T" not in taken
    ]
    decided: list[frozenset[int]] = []
    columns: list[str] | None = None
    for one, of, pairs in reversed([*zip(both, numbers, tied_to, strict=True)]):
        fixed = None if columns is None else [of[x] for x in columns]
        decided.append(turning(one.program, batch, [(of[x], pairs[of[x]]) for x in able], fixed))
        turned = [x for x in able if of[x] in decided[-1]]
        if columns is not None and turned != columns:
            return ()  # what can be turned alone in one program cannot be in the other
        columns = turned
    names = {x: f"{x}_T" for x in columns or ()}
    for one, values in zip(both, reversed(decided), strict=True):
        one.turn(values, names)
    return tuple(names)


class Body(Parts):
    """The statements of one program for a minibatch, in arrays that are given.

    Of the outputs but the first, the loss, each takes the place of a parameter, or is written to
    one of the arrays ``gradients``. ``names`` are those of the parameters.
    """

    def __init__(
        self,
        spec: TrainingSpec,
        ordered: Ordered,
        batch: Dim,
        names: Sequence[str],
        gradients: Sequence[str] | None,
        prefix: str,
    ) -> None:
        self.spec, self.batch, self.turned = spec, batch, ordered.turned
        self.given = frozenset(gradients or ())
        regions = ordered.regions
        self.program = last = regions.regions[-1].program
        super().__init__(
            regions,
            spec.dtype,
            [*OWN_NAMES, *spec.arguments, *drawn(spec), *(f"grad_{x}" for x in spec.names)],
            {batch: ROWS},
            replaced(last, 1) if gradients is None else {},
            {} if gradients is None else placed(last, gradients),
            spec.without,
        )
        for part in self.parts:
            for k, entry in enumerate(part.region.program.inputs):
                if entry.name in names and not entry.shape:
                    part.loops.scalars[k] = f"{entry.name}[()]"
                    part.loops.arrays[k] = entry.name
        self.shapes = [(array.shape, array.integral) for array in regions.arrays]
        self.shared = [self._shared(part) for part in self.parts]
        unique = self.kernel.names.unique
        self.buffers = [unique(f"{prefix}{k + 1}") for k in range(len(self.shapes))]

    def _shared(self, part: Part) -> tuple[buffers.Buffers, list[int]]:
        """The buffers of a region; those of the regions before are free again."""
        program, fused = part.region.program, part.kernel.fused
        shared = buffers.share(program, fused, part.loops.needs_array(), self.spec.without)
        free = list(range(len(self.regions.arrays), len(self.shapes)))
        chosen = []
        for kind in zip(shared.shapes, shared.integral, strict=True):
            k = next((k for k in free if self.shapes[k] == kind), len(self.shapes))
            if k == len(self.shapes):
                self.shapes.append(kind)
            else:
                free.remove(k)
            chosen.append(k)
        return shared, chosen

    def allocated(self) -> list[tuple[str, Shape, str]]:
        """The buffers: name, shape, type."""
        found = []
        for name, (shape, integral) in zip(self.buffers, self.shapes, strict=True):
            flat = self.batch in shape[1:]  # cut to size and shaped for each minibatch
            kind = "np.int64" if integral else "DTYPE"
            found.append((name, (sp.Mul(*shape),) if flat else shape, kind))
        return found

    def views(self) -> list[str]:
        """One variable for each array, under the name of the last value in it that has one."""
        arrays = zip(self.arrays, self.buffers, self.regions.arrays, strict=False)
        lines = [f"{name} = {self._shaped(buffer, array.shape)}" for name, buffer, array in arrays]
        lines += self.cuts
        for part, (shared, chosen) in zip(self.parts, self.shared, strict=True):
            statements = {s.value: s for s in part.loops.needs_array()}
            for chain in shared.chains:
                members = [statements[value] for value in chain]
                named = [s for s in members if s.name] or [s for s in members if s.suggestion]
                statement = (named or members)[-1]
                name = part.kernel.array_name(statement)
                if name in self.given:  # of a gradient that is computed in another order of axes
                    name = part.kernel.names.unique(name)
                for value in chain:
                    part.loops.arrays[value] = name
                buffer = self.buffers[chosen[shared.of[statement.value]]]
                lines.append(f"{name} = {buffer}{self.cut(statement.shape)}")
        return lines

    def _shaped(self, buffer: str, shape: Shape) -> str:
        """An array of a rolled program, of which there are many."""
        if self.batch not in shape[1:]:
            return f"{buffer}{self.cut(shape)}"
        return f"shaped({buffer}, {self.kernel.shape_text(shape)})"

    def cut(self, shape: Shape) -> str:
        """What a smaller last minibatch uses of a buffer."""
        if self.batch not in shape:
            return ""
        if self.batch not in shape[1:]:
            return f"[:{ROWS}]"
        extents = [self.kernel.dim(n) for n in shape]
        return f"[: {' * '.join(extents)}].reshape({', '.join(extents)})"
