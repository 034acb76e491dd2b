"""The functions of a training module in Numba: the whole minibatch loop is compiled.

In: the programs of a `TrainingSpec`. Out: the functions of `runtime.interface`, each a thin Python
function around a compiled one. The epoch allocates nothing: its arrays come from `_workspace`,
shared by liveness, and the update of a weight matrix happens inside the product that computes its
gradient, W ← W − (η/N)·δᵀ·x.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy as sp

from symgrad.codegen import buffers
from symgrad.codegen.expression import Code, Printer
from symgrad.codegen.program import Input, Program
from symgrad.codegen.runtime.copying import Source
from symgrad.codegen.targets.layout import WIDTH, definition
from symgrad.codegen.targets.numba import CACHED, Kernel, support
from symgrad.codegen.targets.numba_scalar import OUTSIDE
from symgrad.codegen.training import TrainingSpec
from symgrad.graph import Shape

REQUIREMENTS = "NumPy, Numba and SciPy"
CHECKS_IN_FLOAT64 = False

_ARRAY = "np.ndarray"
_ROWS = "m"
"""The number of rows of the current minibatch, in the generated loop."""
_OWN_NAMES = ("order", "batch_size", "start", "total", "row", _ROWS, "DTYPE", "work")


def training_functions(spec: TrainingSpec) -> Source:
    """`_predict, _loss, _value_and_grad, _workspace, _sgd_epoch`, and the helpers they call."""
    functions = [
        *_predict(spec),
        *_loss(spec),
        *_value_and_grad(spec),
        *_Epoch(spec).functions(),
    ]
    helpers = support(functions, spec.dtype)
    return Source(helpers.imports, "\n\n\n".join([helpers.body.strip(), *functions]) + "\n")


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
    kernel = Kernel(spec.predict, spec.dtype).function("_predict_rows", description, CACHED)
    given = _given(spec, spec.predict, spec.predicts)
    body = _called("return np.asarray(", "_predict_rows", given, ")")
    return [kernel, definition("_predict", arguments, description, body, _ARRAY)]


def _arguments(spec: TrainingSpec) -> list[str]:
    return ["params: Params", *(f"{x.name}: {_ARRAY}" for x in spec.data)]


def _loss(spec: TrainingSpec) -> list[str]:
    description = f"{spec.objective[0].upper()}{spec.objective[1:]}."
    kernel = Kernel(spec.loss, spec.dtype).function("_mean_loss", description, CACHED)
    given = _given(spec, spec.loss, [x.name for x in spec.data])
    body = _called("return float(", "_mean_loss", given, ")")
    return [kernel, definition("_loss", _arguments(spec), description, body, "float")]


def _value_and_grad(spec: TrainingSpec) -> list[str]:
    description = "The mean loss over the rows and its gradient, by the derivation above."
    program = spec.value_and_grad
    kernel = Kernel(program, spec.dtype).function("_loss_and_gradients", description, CACHED)
    given = _given(spec, program, [x.name for x in spec.data])
    body = _called("value, *gradients = ", "_loss_and_gradients", given)
    scalars = any(not x.shape for x in spec.params)
    each = "*(np.asarray(g, DTYPE) for g in gradients)" if scalars else "*gradients"
    body.append(f"return float(value), Params({each})")
    returns = "tuple[float, Params]"
    return [kernel, definition("_value_and_grad", _arguments(spec), description, body, returns)]


class _Epoch:
    """The compiled loop over minibatches, and its workspace."""

    def __init__(self, spec: TrainingSpec) -> None:
        self.spec, self.program = spec, spec.step
        inputs = self.program.inputs
        self.by_name = {x.name: x for x in inputs}
        self.batch = self.by_name[spec.rows[0]].shape[0]
        self.data = [x.name for x in spec.data]
        taken = (*_OWN_NAMES, *self.data)
        given = {self.batch: _ROWS}
        self.kernel = Kernel(spec.step, spec.dtype, self._overwrites(), taken, given)
        self.loops = self.kernel.loops
        for k, entry in enumerate(inputs):
            if entry.name in spec.names and not entry.shape:
                self.loops.scalars[k] = f"{entry.name}[()]"
                self.loops.arrays[k] = entry.name
        self.values = self.loops.needs_array()
        self.shared = buffers.share(self.program, self.kernel.fused, self.values)
        self.shapes = self.shared.shapes
        unique = self.kernel.names.unique
        self.gathered = [unique(f"{x}_buffer") for x in spec.rows]
        self.buffers = [unique(f"buffer{k + 1}") for k in range(len(self.shapes))]

    def functions(self) -> list[str]:
        """`_workspace`, the compiled loop, and `_sgd_epoch` around it."""
        return [self._workspace(), self._compiled(), self._wrapper()]

    def _overwrites(self) -> dict[int, int]:
        """Which value takes the place of which parameter."""
        first = len(self.program.inputs)
        updates = enumerate(out.operand for out in self.program.outputs[1:])
        found: dict[int, int] = {}
        for k, operand in updates:
            axes = tuple(range(len(self.program.shape(k))))
            if operand.value >= first and operand.labels == axes and operand.value not in found:
                found[operand.value] = k
        return found

    # ------------------------------------------------------------------------------- the loop

    def _compiled(self) -> str:
        kernel = self.kernel
        views = self._views()
        for group in kernel.fused.groups:
            self.loops.group(group)
        copies = self._copies()
        loss = self.loops.value_text(self.program.outputs[0].operand.value)
        rows = [f"{row} = {own}[:{_ROWS}]" for row, own in self._rows()]
        step = [
            f"{_ROWS} = min(batch_size, order.shape[0] - start)",
            *rows,
            *self._gather(),
            *views,
            *self.loops.lines,
            f"total += {_ROWS} * float({loss})",
            *copies,
        ]
        reshapes = kernel.reshape_lines(self.spec.names)
        # Printed last: only now it is known which dimensions and factors are in use.
        step[1:1] = kernel.invariant_lines()
        body = [
            *kernel.dimension_lines(dict(zip(self.spec.rows, self.data, strict=True))),
            *reshapes,
            "total = 0.0",
            "for start in range(0, order.shape[0], batch_size):",
            *(f"    {line}" for line in step),
            "return total / order.shape[0]",
        ]
        arguments = [
            *self.spec.names,
            *("order", "batch_size", "learning_rate"),
            *self.gathered,
            *self.buffers,
            *self.data,
        ]
        description = "The compiled loop: gather rows, forward, backward, update in place."
        return CACHED + "\n" + definition("_epoch", arguments, description, body)

    def _rows(self) -> list[tuple[str, str]]:
        return list(zip(self.spec.rows, self.gathered, strict=True))

    def _gather(self) -> list[str]:
        """The rows of the minibatch, copied side by side."""
        i, *letters = self.loops.letters
        lines = [f"for {i} in range({_ROWS}):", f"    row = order[start + {i}]"]
        for row, data in zip(self.spec.rows, self.data, strict=True):
            indent = "    "
            shape = self.by_name[row].array_shape[1:]
            for letter, n in zip(letters, shape, strict=False):
                lines.append(f"{indent}for {letter} in range({self.kernel.dim(n)}):")
                indent += "    "
            inner = "".join(f", {letter}" for letter in letters[: len(shape)])
            lines.append(f"{indent}{row}[{i}{inner}] = {data}[row{inner}]")
        return lines

    def _views(self) -> list[str]:
        """One variable for each array, under the name of the last value in it that has one."""
        statements = {s.value: s for s in self.values}
        lines = []
        for chain in self.shared.chains:
            members = [statements[value] for value in chain]
            named = [s for s in members if s.name] or [s for s in members if s.suggestion]
            statement = (named or members)[-1]
            name = self.kernel.array_name(statement)
            for value in chain:
                self.loops.arrays[value] = name
            buffer = self.buffers[self.shared.of[statement.value]]
            lines.append(f"{name} = {buffer}{self._part(statement.shape)}")
        return lines

    def _part(self, shape: Shape) -> str:
        """What a smaller last minibatch uses of a buffer."""
        if self.batch not in shape:
            return ""
        if self.batch not in shape[1:]:
            return f"[:{_ROWS}]"
        extents = [self.kernel.dim(n) for n in shape]
        return f"[: {' * '.join(extents)}].reshape({', '.join(extents)})"

    def _copies(self) -> list[str]:
        """New values that had to be computed aside, because other updates read the old ones."""
        lines = []
        for k, out in enumerate(self.program.outputs[1:]):
            value, parameter = out.operand.value, self.program.inputs[k]
            if self.kernel.fused.overwrites.get(value) == k or value == k:
                continue
            rank = len(out.shape)
            if not rank:
                lines.append(f"{parameter.name}[()] = {self.loops.value_text(value)}")
                continue
            source = (
                self.loops.arrays[value] if out.operand.labels else self.loops.value_text(value)
            )
            transposed = ".T" if out.operand.labels == (1, 0) else ""
            lines.append(f"{parameter.name}[:] = {source}{transposed}")
        return lines

    # --------------------------------------------------------------------------- the workspace

    def _workspace(self) -> str:
        sizes = self._sizes()
        lines = []
        for row, name in self._rows():
            entry = self.by_name[row]
            kind = "np.int64" if entry.role == "label" else "DTYPE"
            lines.append((name, entry.array_shape, kind))
        for name, shape, integral in zip(
            self.buffers, self.shapes, self.shared.integral, strict=True
        ):
            flat = self.batch in shape[1:]  # cut to size and shaped for each minibatch
            kind = "np.int64" if integral else "DTYPE"
            lines.append((name, (sp.Mul(*shape),) if flat else shape, kind))
        allocations: list[str] = []
        for name, shape, kind in lines:
            inside = f"{self._tuple(shape, sizes)}, {kind}"
            line = f"np.empty({inside}),  # {name}"
            parts = ["np.empty(", f"    {inside}", f"),  # {name}"]
            allocations += [line] if len(line) <= WIDTH - 8 else parts
        body = ["return (", *(f"    {x}" for x in allocations), ")"]
        arguments = ["params: Params", "batch_size: int", *(f"{x}: {_ARRAY}" for x in self.data)]
        description = "The arrays that `_sgd_epoch` reuses for every minibatch."
        return definition("_workspace", arguments, description, body, "tuple[np.ndarray, ...]")

    def _sizes(self) -> dict[sp.Basic, str]:
        """Where `_workspace` reads a dimension: from a parameter, or else from the data."""
        found: dict[sp.Basic, str] = {self.batch: "batch_size"}
        sources = {x: f"params.{x}" for x in self.spec.names}
        sources.update(zip(self.spec.rows, self.data, strict=True))
        for name, source in sources.items():
            for axis, n in enumerate(self.by_name[name].array_shape):
                if isinstance(n, sp.Symbol):
                    found.setdefault(n, f"{source}.shape[{axis}]")
        return found

    def _tuple(self, shape: Shape, sizes: Mapping[sp.Basic, str]) -> str:
        printer = Printer("Numba", OUTSIDE, lambda symbol: Code(sizes[symbol]))
        dims = [printer.scalar(sp.sympify(n)).text for n in shape]
        return f"({', '.join(dims)}{',' * (len(dims) == 1)})"

    def _wrapper(self) -> str:
        given = [
            *(f"params.{x}" for x in self.spec.names),
            *("order", "batch_size", "DTYPE(learning_rate)", "*work"),
            *self.data,
        ]
        body = _called("return float(", "_epoch", given, ")")
        arguments = [
            *("params: Params", f"order: {_ARRAY}", "batch_size: int", "learning_rate: float"),
            *(f"work: tuple[{_ARRAY}, ...]", *(f"{x}: {_ARRAY}" for x in self.data)),
        ]
        description = "One pass over the rows in minibatches: θ ← θ − η·∂L/∂θ after each."
        return definition("_sgd_epoch", arguments, description, body, "float")
