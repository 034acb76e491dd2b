"""The functions of a training module in Numba: the loops over minibatches are compiled.

In: the programs of a `TrainingSpec`. Out: the functions of `runtime.interface`, each a thin Python
function around a compiled one. A step allocates nothing: its arrays come from `_workspace`, shared
by liveness. There are two loops: of plain gradient descent, in which the update of a weight matrix
happens inside the product that computes its gradient, W ← W − (η/N)·δᵀ·x; and of all other
optimizers, which read the whole gradient as one array and update all parameters in one pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sympy as sp

from symgrad.codegen.examples_last import rotated, turned
from symgrad.codegen.expression import Code, Printer
from symgrad.codegen.passes import Passes
from symgrad.codegen.program import Input, Program
from symgrad.codegen.runtime.copying import Source
from symgrad.codegen.targets.layout import WIDTH, definition
from symgrad.codegen.targets.numba import CACHED, DECORATOR, function, support
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
from symgrad.codegen.targets.numba_scalar import OUTSIDE
from symgrad.codegen.targets.numpy import helpers as numpy_helpers
from symgrad.codegen.targets.numpy_training import residuals_function, trace_function
from symgrad.codegen.training_spec import TrainingSpec, UpdateSpec
from symgrad.codegen.updates import ordered_copies, update_name
from symgrad.graph import Labels, Shape

REQUIREMENTS = "NumPy, Numba and SciPy"
CHECKS_IN_FLOAT64 = False

_ARRAY = "np.ndarray"


def training_functions(spec: TrainingSpec) -> Source:
    """The functions of `runtime.interface` in Numba, and the helpers they call."""
    steps = _Steps(spec)
    updates = [_update(update, spec.dtype, spec.without) for update in spec.updates]
    order = f"F_ORDER: tuple[str, ...] = {steps.columns!r}".replace("'", '"')
    functions = [*_predict(spec), *_loss(spec), *updates, order, *steps.functions()]
    helpers = support(functions, spec.dtype)
    plain = [trace_function(spec), *residuals_function(spec)]
    of_trace = numpy_helpers([line for text in plain for line in text.splitlines()])
    imports = dict.fromkeys(["from typing import Any", *helpers.imports, *of_trace.imports])
    copied = [x.body.strip() for x in (helpers, of_trace) if x.body]
    return Source(tuple(imports), "\n\n\n".join([*copied, *functions, *plain]) + "\n")


def _given(spec: TrainingSpec, program: Program, data: Sequence[str]) -> list[str]:
    """The arguments of a compiled function: the parameters that it needs, then the data."""
    inputs = {x.name: x for x in program.inputs}
    given = [f"params.{x}{_scalar(inputs[x])}" for x in spec.names if x in inputs]
    return [*given, *data]


def _called(
    before: str,
    function: str,
    arguments: Sequence[str],
    after: str = "",
    room: int = WIDTH - 4,
) -> list[str]:
    """``before function(arguments) after`` on as few lines as a formatter would use."""
    inside = ", ".join(arguments)
    line = f"{before}{function}({inside}){after}"
    if len(line) <= room:
        return [line]
    opening, closing = f"{before}{function}(", f"){after}"
    if after:  # the call is itself an argument
        head = before.rstrip("(")
        call = _called("", function, arguments, room=room - 4)
        if len(call) == 1 and len(call[0]) + 4 <= room:
            return [f"{head}(", f"    {call[0]}", after]
        return [f"{head}(", *(f"    {line}" for line in call), after]
    if len(inside) + 4 <= room:
        return [opening, f"    {inside}", closing]
    return [opening, *(f"    {x}," for x in arguments), closing]


def _scalar(entry: Input) -> str:
    return "" if entry.array_shape else "[()]"


def _predict(spec: TrainingSpec) -> list[str]:
    arguments = ["params: Params", *(f"{x}: {_ARRAY}" for x in spec.predicts)]
    if spec.predict is None:
        nothing = ["return np.empty(0)"]
        return [definition("_predict", arguments, "Nothing is predicted.", nothing, _ARRAY)]
    description = f"{spec.predict_formula}, one example per row."
    rows = function(spec.predict, "_predict_rows", spec.dtype, description, CACHED, spec.without)
    given = _given(spec, spec.predict, spec.predicts)
    body = _called("return np.asarray(", "_predict_rows", given, ")")
    return [rows, definition("_predict", arguments, description, body, _ARRAY)]


def _arguments(spec: TrainingSpec) -> list[str]:
    return ["params: Params", *(f"{x.name}: {_ARRAY}" for x in spec.data)]


def _loss(spec: TrainingSpec) -> list[str]:
    description = f"{spec.objective[0].upper()}{spec.objective[1:]}."
    mean = function(spec.loss, "_mean_loss", spec.dtype, description, CACHED, spec.without)
    given = _given(spec, spec.loss, [x.name for x in spec.data])
    body = _called("return float(", "_mean_loss", given, ")")
    return [mean, definition("_loss", _arguments(spec), description, body, "float")]


def _typed(names: Iterable[str]) -> list[str]:
    return [f"{x}: {_ARRAY}" for x in names]


def _update(update: UpdateSpec, dtype: str, without: Passes) -> str:
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


class _Steps:
    """Gradients of one minibatch, the two loops over minibatches, and what they work in."""

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
        self.folded = Body(spec, step, self.batch, self.names, None, "folded")
        self.plain = Body(spec, whole, self.batch, self.names, self.gradients, "buffer")
        self.outer = Body(spec, whole, self.batch, self.names, self.gradients, "buffer")
        unique = self.folded.kernel.names.unique
        self.gathered = [unique(f"{x}_buffer") for x in spec.rows]

    def functions(self) -> list[str]:
        """All of them, each after those that it calls."""
        return [
            self._gradients(),
            self._folded_loop(),
            self._update_loop(),
            self._workspace(),
            self._value_and_grad(),
            self._sgd_steps(),
            self._steps(),
        ]

    # ----------------------------------------------------------------------------- compiled

    def _gradients(self) -> str:
        """The mean loss over a minibatch and its gradient, written to arrays that are given."""
        body, spec = self.plain, self.spec
        kernel, outputs = body.kernel, body.program.outputs
        views, lines = body.views(), body.lines()
        loss = body.loops.value_text(outputs[0].operand.value)
        copies = _copied(kernel, range(1, len(outputs)), self.gradients)
        views += [
            f"{name} = {name}.reshape({', '.join(kernel.dim(n) for n in out.shape)})"
            for name, out in zip(self.gradients, outputs[1:], strict=True)
            if out.shape and len(out.array_shape) > len(out.shape)
        ]
        reshapes = kernel.reshape_lines([*self.names, *spec.rows, *spec.kept])
        text = [
            f"{ROWS} = {spec.rows[0]}.shape[{-int(spec.rows[0] in body.turned)}]",
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
        # Printed last: only now it is known which dimensions and factors are in use.
        step = [
            *self._sized([*kernel.invariant_lines(), *rows, *views]),
            *gathered,
            *(["learning_rate = rates[step]"] if "learning_rate" in " ".join(lines) else []),
            *lines,
            f"losses[step] = {loss}",
            *copies,
            "if not np.isfinite(losses[step]):",
            "    break",
            "step += 1",
        ]
        text = [
            *kernel.dimension_lines(self._arguments, body.turned),
            *reshapes,
            *self._over_minibatches(step),
        ]
        arguments = [
            *(*self.names, ORDER, "batch_size", "rates", "losses"),
            *(*self.gathered, *body.buffers, *spec.arguments, *drawn(spec)),
        ]
        description = "The compiled loop: gather rows, forward, backward, update in place."
        return CACHED + "\n" + definition("_folded_steps", arguments, description, text)

    def _update_loop(self) -> str:
        """Any optimizer: the gradient as one array, clipped if asked, then an update in one pass.

        An optimizer that is not used is None, as is no limit, and Numba leaves its branch out.
        """
        spec, outer = self.spec, self.outer
        called = [*self.names, *spec.rows, *spec.kept, *self.plain.buffers, *self.gradients]
        step = [
            *self._sized(self._row_views(outer)),
            *self._minibatch(outer),
            *_called("losses[step] = ", "_gradients", called, room=WIDTH - 8),
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
            *self._over_minibatches(step),
        ]
        arguments = [
            *(*self.names, *self.gradients, "theta", "flat"),
            *(*(f"for_{x.name}" for x in spec.updates), ORDER, "batch_size", "clip", "segments"),
            *("losses", *self.gathered, *self.plain.buffers, *spec.arguments, *drawn(spec)),
        ]
        description = "The compiled loop: gather rows, gradient, update of all in one pass."
        return CACHED + "\n" + definition("_update_steps", arguments, description, text)

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
        call = _called("", update_name(update), given, room=WIDTH - 16)
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
            shape = self.by_name[row].array_shape
            lines.append(
                f"{row} = {own}{body.cut(rotated(shape) if row in body.turned else shape)}"
            )
        return lines

    def _minibatch(self, body: Body) -> list[str]:
        """The rows of the minibatch, copied side by side, and its masks."""
        spec, dim = self.spec, body.kernel.dim
        i, *letters = body.loops.letters
        lines = [f"for {i} in range({ROWS}):", f"    row = {ORDER}[start + {i}]"]
        for row, data in zip(spec.rows, spec.arguments, strict=True):
            indent = "    "
            shape = self.by_name[row].array_shape[1:]
            for letter, n in zip(letters, shape, strict=False):
                lines.append(f"{indent}for {letter} in range({dim(n)}):")
                indent += "    "
            inner = letters[: len(shape)]
            to = [*inner, i] if row in body.turned else [i, *inner]
            source = ", ".join(["row", *inner])
            lines.append(f"{indent}{row}[{', '.join(to)}] = {data}[{source}]")
        return lines + [f"{x} = {x}drawn[start : start + {ROWS}]" for x in spec.kept]

    # ------------------------------------------------------------------------------- Python

    def _workspace(self) -> str:
        rows = []
        for row, name in zip(self.spec.rows, self.gathered, strict=True):
            entry = self.by_name[row]
            kind = "np.int64" if entry.role == "label" else "DTYPE"
            flat = (sp.Mul(*entry.array_shape),)  # two loops may use it in different orders
            turned = row in self.folded.turned | self.plain.turned
            rows.append((name, flat if turned else entry.array_shape, kind))
        body = [
            *self._allocated("rows", rows),
            *self._allocated("folded", self.folded.allocated()),
            *self._allocated("plain", self.plain.allocated()),
            "flat = np.empty(sum(array.size for array in params), DTYPE)",
            "ends = np.cumsum([array.size for array in params])",
            *self._gradient_views(),
            "return rows, folded, plain, flat, gradient",
        ]
        arguments = ["params: Params", "batch_size: int", *_typed(self.spec.arguments)]
        description = (
            "The arrays that the steps reuse: rows of a minibatch, intermediate values of either "
            "loop, and the gradient, as one array and parameter by parameter."
        )
        return definition("_workspace", arguments, description, body, "tuple[Any, ...]")

    def _gradient_views(self) -> list[str]:
        """The gradient's parts of ``flat``, in the order of the parameters."""
        if not self.columns:
            return [
                "parts = zip(np.split(flat, ends[:-1]), params, strict=True)",
                "gradient = Params(*(part.reshape(array.shape) for part, array in parts))",
            ]
        return [
            "parts = zip(Params._fields, np.split(flat, ends[:-1]), params, strict=True)",
            "gradient = Params(",
            "    *(",
            '        part.reshape(array.shape, order="F" if name in F_ORDER else "C")',
            "        for name, part, array in parts",
            "    )",
            ")",
        ]

    def _reordered(self, params: str, order: str) -> list[str]:
        """The parameters that are turned, in the other order."""
        arrays = [f'{x}=np.asarray({params}.{x}, order="{order}")' for x in self.columns]
        return _called(f"{params} = {params}.", "_replace", arrays) if arrays else []

    def _passed(self, params: str) -> list[str]:
        """The parameters, or what has their shapes, as the compiled functions take them."""
        if not self.columns:
            return [f"*{params}"]
        return [f"{params}.{x}{'.T' * (x in self.columns)}" for x in self.spec.names]

    def _allocated(self, name: str, arrays: Sequence[tuple[str, Shape, str]]) -> list[str]:
        sizes = self._sizes()
        lines: list[str] = []
        for own, shape, kind in arrays:
            inside = f"{self._tuple(shape, sizes)}, {kind}"
            line = f"np.empty({inside}),  # {own}"
            parts = ["np.empty(", f"    {inside}", f"),  # {own}"]
            lines += [line] if len(line) <= WIDTH - 8 else parts
        if not lines:
            return [f"{name} = ()"]
        return [f"{name} = (", *(f"    {x}" for x in lines), ")"]

    def _sizes(self) -> dict[sp.Basic, str]:
        """Where `_workspace` reads a dimension: from a parameter, or else from the data."""
        found: dict[sp.Basic, str] = {self.batch: "batch_size"}
        sources = {x: f"params.{x}" for x in self.spec.names}
        sources.update(zip(self.spec.rows, self.spec.arguments, strict=True))
        for name, source in sources.items():
            for axis, n in enumerate(self.by_name[name].array_shape):
                if isinstance(n, sp.Symbol):
                    found.setdefault(n, f"{source}.shape[{axis}]")
        return found

    def _tuple(self, shape: Shape, sizes: Mapping[sp.Basic, str]) -> str:
        printer = Printer("Numba", OUTSIDE, lambda symbol: Code(sizes[symbol]))
        dims = [printer.scalar(sp.sympify(n)).text for n in shape]
        return f"({', '.join(dims)}{',' * (len(dims) == 1)})"

    def _value_and_grad(self) -> str:
        spec = self.spec
        body = self._reordered("params", "F")
        data = ", ".join(spec.arguments)
        body.append(
            f"_, _, plain, _, gradient = _workspace(params, len({spec.arguments[0]}), {data})"
        )
        for mask in spec.masks:
            shape = self._tuple(self.by_name[mask.name].array_shape, self._sizes())
            shape = shape.replace("batch_size", f"len({spec.arguments[0]})", 1)
            body.append(f"{mask.name} = np.full({shape}, {1 - mask.rate!r}, DTYPE)  # all are kept")
        rows = [
            turned(data, self.by_name[row].array_shape) if row in self.plain.turned else data
            for row, data in zip(spec.rows, spec.arguments, strict=True)
        ]
        given = [*self._passed("params"), *rows, *spec.kept, "*plain", *self._passed("gradient")]
        body += _called("value = ", "_gradients", given)
        body += [*self._reordered("gradient", "C"), "return value, gradient"]
        description = "The mean loss over the rows and its gradient, by the derivation above."
        returns = "tuple[float, Params]"
        return definition("_value_and_grad", _arguments(spec), description, body, returns)

    def _sgd_steps(self) -> str:
        spec = self.spec
        params = self._passed("params")
        given = [*params, ORDER, "batch_size", "rates", "losses", "*rows", "*folded"]
        body = [
            "rows, folded, *_ = work",
            *_called("return int(", "_folded_steps", [*given, *spec.arguments, *drawn(spec)], ")"),
        ]
        arguments = [
            *("params: Params", f"{ORDER}: {_ARRAY}", "batch_size: int", f"rates: {_ARRAY}"),
            *(f"losses: {_ARRAY}", "work: tuple[Any, ...]"),
            *_typed([*spec.arguments, *drawn(spec)]),
        ]
        description = f"One step for each minibatch of the rows, θ ← {spec.update_formula}."
        return definition("_sgd_steps", arguments, description, body, "int")

    def _steps(self) -> str:
        spec = self.spec
        names = [f'"{x.name}"' for x in spec.updates]
        line = f"names = ({', '.join(names)}{',' * (len(names) == 1)})"
        given = [
            *(*self._passed("params"), *self._passed("gradient")),
            *("theta", "flat", "*chosen", ORDER, "batch_size"),
            *("None if np.isinf(clip) else DTYPE(clip)", "segments", "losses", "*rows", "*plain"),
            *(*spec.arguments, *drawn(spec)),
        ]
        body = [
            "rows, _, plain, flat, gradient = work",
            line,
            "chosen = [(state, coefficients) if name == optimizer else None for name in names]",
            *_called("return int(", "_update_steps", given, ")"),
        ]
        arguments = [
            *("optimizer: str", "params: Params", f"theta: {_ARRAY}", f"state: {_ARRAY}"),
            *(f"{ORDER}: {_ARRAY}", "batch_size: int", f"coefficients: {_ARRAY}", "clip: float"),
            *(f"segments: {_ARRAY}", f"losses: {_ARRAY}", "work: tuple[Any, ...]"),
            *_typed([*spec.arguments, *drawn(spec)]),
        ]
        description = "One step of an optimizer for each minibatch of the rows."
        return definition("_steps", arguments, description, body, "int")
