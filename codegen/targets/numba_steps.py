"""The compiled functions of training steps in Numba: a gradient, and two loops over minibatches.

In: the programs of a `TrainingSpec`. Out: the text of compiled functions; `numba_wrappers` prints
the Python around them. A step allocates nothing: its arrays are arguments, shared by liveness.
Either loop may run on two threads at a time: that of plain descent with half of a layer's units on
each (`codegen.units`), the other with half of the rows (`codegen.halving`). Then ``pair`` is what a
thread has to know of the other, else None, and what the two do together does nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from symgrad.codegen.examples_last import rotated
from symgrad.codegen.fusion import Call
from symgrad.codegen.halving import MOST_PARAMETERS, examples_are_apart, work
from symgrad.codegen.passes import Passes
from symgrad.codegen.targets.layout import WIDTH, calling, definition
from symgrad.codegen.targets.numba import CACHED, DECORATOR, RELEASED
from symgrad.codegen.targets.numba_bodies import (
    COUNT,
    ORDER,
    ROWS,
    Body,
    Ordered,
    drawn,
    replaced,
    turn,
)
from symgrad.codegen.targets.numba_kernel import Kernel
from symgrad.codegen.training_spec import TrainingSpec, UpdateSpec
from symgrad.codegen.units import Units, can_pay, units
from symgrad.codegen.updates import ordered_copies, update_name
from symgrad.graph import Labels, Shape


class Steps:
    """Gradients of one minibatch, and the two loops over minibatches.

    ``units`` are what the loop of plain descent can have divided between two threads, ``halves``
    says whether the other one can compute a minibatch in halves.
    """

    def __init__(self, spec: TrainingSpec) -> None:
        self.spec = spec
        inputs = {x.name: x for x in spec.step.inputs}
        self.by_name = inputs
        self.batch = inputs[spec.rows[0]].shape[0]
        step = Ordered(spec, self.batch, spec.step)
        whole = Ordered(spec, self.batch, spec.value_and_grad)
        self._arguments = dict(zip(spec.rows, spec.arguments, strict=True))
        self.columns = turn(spec, self.batch, step, whole)
        for ordered in (step, whole):
            ordered.copy(spec, self.batch)
        self.names = [f"{x}_T" if x in self.columns else x for x in spec.names]
        self.gradients = [f"grad_{x}" for x in self.names]
        self.units = self._divided(step)
        self.folded = Body(spec, step, self.batch, self.names, None, "folded")
        self.plain = Body(spec, whole, self.batch, self.names, self.gradients, "buffer")
        self.outer = Body(spec, whole, self.batch, self.names, self.gradients, "buffer")
        apart = examples_are_apart(spec.value_and_grad, self.batch)
        self.halves = apart and not {"halve", "tile"} & spec.without
        if self.units:
            self.folded.loops.summed = self.units.summed
            self.folded.loops.product = "tiled_gemm"  # BLAS would use the other thread's core
        unique = self.folded.kernel.names.unique
        self.gathered = [unique(f"{x}_buffer") for x in spec.rows]

    def _divided(self, step: Ordered) -> Units | None:
        """The layer whose units can be divided between two threads, if that can be worth it."""
        spec, inputs = self.spec, [x.name for x in step.program.inputs]
        size = sum(sp.Mul(*self.by_name[x].array_shape) for x in spec.names)
        small = size.is_number and size <= MOST_PARAMETERS
        if {"divide", "tile"} & spec.without or len(step.regions.regions) > 1 or small:
            return None
        numbers = dict(zip(spec.names, map(inputs.index, self.names), strict=True))
        rows = {x: inputs.index(x) for x in spec.rows if x in inputs}
        found = units(step.program, numbers, rows, self.batch)
        if found is None or not can_pay(found, work(spec.step, self.batch)):
            return None
        changed = step.printed_as(found.program)
        trial = Body(spec, changed, self.batch, self.names, None, "folded")
        calls = [x for x in trial.kernel.fused.groups if isinstance(x, Call)]
        own = {x.value for x in calls if x.value == x.statement.value and not x.accumulates}
        if not found.summed <= own:
            return None  # a product that is added to something else
        step.regions = changed.regions
        return found

    def functions(self) -> list[str]:
        """All of them, each after those that it calls."""
        return [self._gradients(), self._folded_loop(), self._update_loop()]

    def _gradients(self) -> str:
        """The mean loss over a minibatch and its gradient, written to arrays that are given."""
        body, spec = self.plain, self.spec
        kernel, outputs = body.kernel, body.program.outputs
        views, lines = body.views(), body.lines()
        loss = body.loops.value_text(outputs[0].operand.value)
        copies = _copied(kernel, range(1, len(outputs)), self.gradients)
        reshapes = kernel.reshape_lines([*self.names, *spec.rows, *spec.kept])
        reshapes += [
            f"{name} = {name}.reshape({', '.join(kernel.dim(n) for n in out.shape)})"
            for name, out in zip(self.gradients, outputs[1:], strict=True)
            if out.shape and len(out.array_shape) > len(out.shape)
        ]
        rows = f"{spec.rows[0]}.shape[{-int(spec.rows[0] in body.turned)}]"
        if any(len(shape) > 2 and self.batch in shape[1:] for shape, _ in body.shapes):
            opening, step = [f"{COUNT} = {rows}", *kernel.dimension_lines()], [*lines, *copies]
            inside = [f"{ROWS} = {COUNT}", *kernel.invariant_lines(), *views]
            text = [*opening, *reshapes, *_in_one_turn(inside, step, f"float({loss})")]
        else:
            text = [
                f"{ROWS} = {rows}",
                *kernel.dimension_lines(),
                *kernel.invariant_lines(),
                *reshapes,
                *views,
                *lines,
                *copies,
                f"return float({loss})",
            ]
        arguments = [*self.names, *spec.rows, *spec.kept, *body.buffers, *self.gradients]
        description = "The mean loss over the rows; its gradient goes to the last arguments."
        return CACHED + "\n" + definition("_gradients", arguments, description, text)

    def _folded_loop(self) -> str:
        """Plain gradient descent: each update happens where its gradient is computed."""
        body, spec = self.folded, self.spec
        kernel, outputs = body.kernel, body.program.outputs
        gathered, views, lines = self._minibatch(body), body.views(), body.lines()
        rows = self._row_views(body)
        loss = body.loops.value_text(outputs[0].operand.value)
        copies = _copied(kernel, range(1, len(outputs)), self.names)
        reshapes = kernel.reshape_lines(self.names)
        summed = self.units is not None and self.units.loss
        # Printed last: only now it is known which dimensions and factors are in use.
        step = [
            *self._sized([*kernel.invariant_lines(), *rows, *views]),
            *gathered,
            *(["learning_rate = rates[step]"] if "learning_rate" in " ".join(lines) else []),
            *lines,
            f"losses[step] = {f'loss_of_halves(pair, {loss})' if summed else loss}",
            *copies,
            "if not np.isfinite(losses[step]):",
            "    break",
            "step += 1",
        ]
        text = [
            *kernel.dimension_lines(self._arguments, body.turned),
            *self._first_unit(),
            *reshapes,
            *self._over_minibatches(step),
        ]
        arguments = [
            *(*self.names, ORDER, "batch_size", "rates", "losses"),
            *(*self.gathered, *body.buffers, *spec.arguments, *drawn(spec)),
        ]
        if self.units:
            arguments.append("pair")
        description = "The compiled loop: gather rows, forward, backward, update in place."
        decorator = RELEASED if self.units else CACHED
        return decorator + "\n" + definition("_folded_steps", arguments, description, text)

    def _update_loop(self) -> str:
        """Any optimizer: the gradient as one array, clipped if asked, then an update in one pass.

        An optimizer that is not used is None, as is no limit, and Numba leaves its branch out.
        """
        spec, outer = self.spec, self.outer
        called = [*self.names, *spec.rows, *spec.kept, *self.plain.buffers, *self.gradients]
        if self.halves:
            gradient = self._halves(called)
        else:
            gradient = [
                *self._sized(self._row_views(outer)),
                *self._minibatch(outer),
                *calling("losses[step] = ", "_gradients", called, room=WIDTH - 8),
            ]
        step = [
            *gradient,
            "if not np.isfinite(losses[step]):",
            "    break",
            "if clip is not None:",
            "    clip_norm(flat, segments, clip)",
            "for part in range(segments.shape[0]):",
            "    begin, end = segments[part, 0], segments[part, 1]",
            *(f"    {line}" for update in spec.updates for line in self._branch(update)),
            "step += 1",
        ]
        text = [
            *outer.kernel.dimension_lines(self._arguments, outer.turned),
            *(["first_half, last_half = halves_of(pair)"] if self.halves else []),
            *self._over_minibatches(step),
        ]
        arguments = [
            *(*self.names, *self.gradients, "theta", "flat"),
            *(*(f"for_{x.name}" for x in spec.updates), ORDER, "batch_size", "clip", "segments"),
            *("losses", *self.gathered, *self.plain.buffers, *spec.arguments, *drawn(spec)),
            *(["pair"] if self.halves else []),
        ]
        description = "The compiled loop: gather rows, gradient, update of all in one pass."
        decorator = RELEASED if self.halves else CACHED
        return decorator + "\n" + definition("_update_steps", arguments, description, text)

    def _halves(self, called: Sequence[str]) -> list[str]:
        """The gradient of a minibatch: of all of it, of both halves, or of one of them.

        ``called`` is what the function of the gradient is given.
        """
        outer, rows = self.outer, f"min(batch_size, {ORDER}.shape[0] - start)"
        hoisted = "hoist" not in self.spec.without
        name = COUNT if hoisted else ROWS
        views = self._row_views(outer)
        if hoisted:
            views = [f"if {COUNT} != {ROWS}:", *(f"    {x}" for x in (f"{ROWS} = {COUNT}", *views))]
        half = [
            f"first, {name} = half_of(pair, half, start, {rows})",
            *views,
            *self._minibatch(outer, "first"),
            *calling("mean_loss = ", "_gradients", called, room=WIDTH - 12),
            f"show_half(pair, half, mean_loss, {ROWS}, flat)",
        ]
        return [
            "mean_loss = 0.0",
            "for half in range(first_half, last_half):",
            *(f"    {x}" for x in half),
            "losses[step] = mean_of_halves(pair, mean_loss, flat)",
        ]

    def _first_unit(self) -> list[str]:
        """Which of a data's entries a thread begins with, if these are divided."""
        for row, axis in self.divided_rows().items():
            data = self._arguments[row]
            return [f"first_unit = first_unit_of(pair, {data}.shape[{axis}])"]
        return []

    def divided_rows(self) -> dict[str, int]:
        """The axis of each of the data that is divided, the examples being axis 0."""
        if self.units is None:
            return {}
        turned = self.folded.turned
        return {x: k + 1 if x in turned else k for x, k in self.units.rows.items()}

    def row_shape(self, row: str, body: Body | None) -> Shape:
        """The shape of a minibatch's data, the examples first: for one thread, in the body."""
        shape = self.by_name[row].array_shape
        axis = self.divided_rows().get(row)
        if axis is None or body not in (None, self.folded):
            return shape
        assert self.units is not None
        return (*shape[:axis], self.units.dim, *shape[axis + 1 :])

    def _over_minibatches(self, step: Sequence[str]) -> list[str]:
        sized = [] if "hoist" in self.spec.without else [f"{ROWS} = 0"]
        return [
            "step = 0",
            *sized,
            f"for start in range(0, {ORDER}.shape[0], batch_size):",
            *(f"    {line}" for line in step),
            "return step",
        ]

    def _branch(self, update: UpdateSpec) -> list[str]:
        state = [f"state[{k}, begin:end]" for k in range(len(update.state))]
        given = ["theta[begin:end]", *state, "flat[begin:end]", "numbers[step]"]
        call = calling("", update_name(update), given, room=WIDTH - 16)
        return [
            f"if for_{update.name} is not None:",
            f"    state, numbers = for_{update.name}",
            *(f"    {line}" for line in call),
        ]

    def _sized(self, lines: Sequence[str]) -> list[str]:
        """What depends on the number of rows alone: done anew only when it changes."""
        rows = f"min(batch_size, {ORDER}.shape[0] - start)"
        if "hoist" in self.spec.without:
            return [f"{ROWS} = {rows}", *lines]
        inside = [f"{ROWS} = {COUNT}", *lines]
        return [f"{COUNT} = {rows}", f"if {COUNT} != {ROWS}:", *(f"    {x}" for x in inside)]

    def _row_views(self, body: Body) -> list[str]:
        """The part of each buffer that holds the rows of the minibatch."""
        lines = []
        for row, own in zip(self.spec.rows, self.gathered, strict=True):
            shape = self.row_shape(row, body)
            lines.append(
                f"{row} = {own}{body.cut(rotated(shape) if row in body.turned else shape)}"
            )
        return lines

    def _minibatch(self, body: Body, start: str = "start") -> list[str]:
        """The rows of the minibatch, copied side by side, and its masks."""
        spec, dim = self.spec, body.kernel.dim
        i, *letters = body.loops.letters
        lines = [f"for {i} in range({ROWS}):", f"    row = {ORDER}[{start} + {i}]"]
        for row, data in zip(spec.rows, spec.arguments, strict=True):
            indent = "    "
            shape = self.row_shape(row, body)[1:]
            for letter, n in zip(letters, shape, strict=False):
                lines.append(f"{indent}for {letter} in range({dim(n)}):")
                indent += "    "
            inner = letters[: len(shape)]
            to = [*inner, i] if row in body.turned else [i, *inner]
            if body is self.folded and row in self.divided_rows():
                axis = self.divided_rows()[row] - 1
                inner = [f"first_unit + {x}" if k == axis else x for k, x in enumerate(inner)]
            source = ", ".join(["row", *inner])
            lines.append(f"{indent}{row}[{', '.join(to)}] = {data}[{source}]")
        return lines + [f"{x} = {x}drawn[{start} : {start} + {ROWS}]" for x in spec.kept]


def _in_one_turn(views: Sequence[str], step: Sequence[str], loss: str) -> list[str]:
    """A step as the only one of a loop: LLVM takes five times as long without.

    In a loop the strides of arrays are numbers that it does not see computed. Else it tries what
    they are made of, in all combinations: 25 s for a convolution of 8 filters.
    """
    return [
        f"{ROWS}, mean_loss = 0, 0.0",
        f"for _ in range(0, {COUNT}, {COUNT}):  # one turn, for the compiler's sake",
        f"    if {COUNT} != {ROWS}:",
        *(f"        {x}" for x in views),
        *(f"    {x}" for x in step),
        f"    mean_loss = {loss}",
        "return mean_loss",
    ]


def update(update: UpdateSpec, dtype: str, without: Passes) -> str:
    """An optimizer's update of all entries in one pass, in place."""
    program = update.update
    overwrites = replaced(program, 0)
    kernel = Kernel(program, dtype, overwrites, ("numbers",), without=without)
    aside = kernel.loops.needs_array()
    for statement in aside:
        kernel.array_name(statement)
    for group in kernel.fused.groups:
        kernel.loops.group(group)
    names = ["theta", *update.state]
    copies = _copied(kernel, range(len(names)), names)
    body = [
        *(f"{name} = numbers[{k}]" for k, name in enumerate(update.numbers)),
        *kernel.dimension_lines(),
        *(f"{kernel.loops.arrays[s.value]} = np.empty_like(theta)" for s in aside),
        *kernel.loops.lines,
        *copies,
    ]
    arguments = [*names, "g", "numbers"]
    return DECORATOR + "\n" + definition(update_name(update), arguments, f"{update.formula}.", body)


def _copied(kernel: Kernel, outputs: Sequence[int], names: Sequence[str]) -> list[str]:
    """New values that had to be computed aside, or are no new array, copied to their places."""
    loops, lines, sources = kernel.loops, [], {}
    for k, name in zip(outputs, names, strict=True):
        out = kernel.program.outputs[k]
        value, labels = out.operand.value, out.operand.labels
        if value in kernel.fused.overwrites or value in loops.placed:
            where = loops.arrays[value]
        else:
            where = ""
        if where == name:
            continue
        if not out.shape:
            lines.append(f"{name}[()] = {loops.value_text(value)}")
            continue
        source = loops.arrays[value] if labels else loops.value_text(value)
        sources[name] = f"{source}{_transposed(labels)}"

    def aside(name: str) -> str:
        other = kernel.names.temporary()
        lines.append(f"{other} = {name}.copy()")
        return other

    copies = ordered_copies(sources, aside)
    return [*lines, *(f"{name}[:] = {source}" for name, source in copies)]


def _transposed(labels: Labels) -> str:
    """What makes axis k of an array the one with label k."""
    if labels == tuple(range(len(labels))):
        return ""
    axes = ", ".join(str(labels.index(k)) for k in range(len(labels)))
    return ".T" if labels == (1, 0) else f".transpose({axes})"
