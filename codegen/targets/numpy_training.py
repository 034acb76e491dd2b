"""The functions of a training module in NumPy: readable first, as fast as NumPy is.

In: the programs of a `TrainingSpec`. Out: the functions of `runtime.interface`. The training loop
has the statements of the step program in its body; the new value θ′ = θ − η·g of a parameter is
written in place, and only after everything that reads an old value has been computed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from symgrad import vocabulary
from symgrad.codegen import program as p
from symgrad.codegen.expression import Code, add, call, integer, multiply
from symgrad.codegen.passes import Passes
from symgrad.codegen.program import Program
from symgrad.codegen.regions import rolled
from symgrad.codegen.runtime.copying import Source, source_of
from symgrad.codegen.runtime.records import Trace
from symgrad.codegen.scaling import scaled_early
from symgrad.codegen.targets.layout import WIDTH, comment, definition, string
from symgrad.codegen.targets.numpy import Emitter, helpers
from symgrad.codegen.targets.numpy_operations import SPELLED
from symgrad.codegen.targets.numpy_overwrite import certain_shapes, overwritten
from symgrad.codegen.targets.numpy_rolled import Regions
from symgrad.codegen.training_spec import TrainingSpec, UpdateSpec
from symgrad.codegen.updates import ordered_copies, update_name

REQUIREMENTS = "NumPy"
CHECKS_IN_FLOAT64 = True

_ARRAY = "np.ndarray"
_WORD = re.compile(r"\w+")


def training_functions(spec: TrainingSpec) -> Source:
    """The functions of `runtime.interface` in NumPy, and the helpers they call."""
    functions = [
        "F_ORDER: tuple[str, ...] = ()",
        _predict(spec),
        _loss(spec),
        _gradients(spec),
        trace_function(spec),
        *residuals_function(spec),
        _is_halved(spec),
        _workspace(spec),
        _sgd_steps(spec),
        *(_update(x, spec.without) for x in spec.updates),
        _updates_table(spec),
    ]
    lines = [line for text in functions for line in text.splitlines()]
    copied = helpers([x for x in lines if not x.lstrip().startswith(("#", '"""'))])
    rest = source_of("numpy_steps", "_value_and_grad", "_steps")
    parts = [*([copied.body] if copied.body else []), *functions, rest.body.strip()]
    imports = dict.fromkeys(("import numpy as np", *copied.imports, *rest.imports))
    return Source(tuple(imports), "\n\n\n".join(parts) + "\n")


def _predict(spec: TrainingSpec) -> str:
    arguments = ["params: Params", *(f"{x}: {_ARRAY}" for x in spec.predicts)]
    if spec.predict is None:
        return definition(
            "_predict", arguments, "Nothing is predicted.", ["return np.empty(0)"], _ARRAY
        )
    regions = _rolled(spec, spec.predict)
    value = regions.last.result(0)  # which may write lines of its own
    body = _body(spec, regions, [f"return {value.text}"])
    description = f"Return {spec.predict_formula}, one example per row."
    return definition("_predict", arguments, description, body, _ARRAY)


def _loss(spec: TrainingSpec) -> str:
    regions = _rolled(spec, spec.loss)
    value = regions.last.result(0)
    body = _body(spec, regions, [f"return float({value.text})"])
    description = f"Return {spec.objective}."
    return definition("_loss", _arguments(spec), description, body, "float")


def _gradients(spec: TrainingSpec) -> str:
    """`_gradients(params, rows, masks)`, of which `numpy_steps` makes the rest."""
    regions = _rolled(spec, scaled_early(spec.value_and_grad, without=spec.without))
    value, *gradients = [regions.last.result(k) for k in range(len(spec.params) + 1)]
    fields = [
        f"{x.name}=" + (code.text if x.shape else f"np.asarray({code.text})")
        for x, code in zip(spec.params, gradients, strict=True)
    ]
    returned = [f"return float({value.text}), Params({', '.join(fields)})"]
    if len(returned[0]) + 4 > WIDTH:
        gradient = [f"gradient = Params({', '.join(fields)})"]
        if len(gradient[0]) + 4 > WIDTH:
            gradient = ["gradient = Params(", *(f"    {x}," for x in fields), ")"]
        returned = [*gradient, f"return float({value.text}), gradient"]
    body = _body(spec, regions, returned, "overwrite" not in spec.without)
    description = "Return the mean loss over the rows and its gradient, as derived above."
    arguments = ["params: Params", *(f"{x}: {_ARRAY}" for x in (*spec.rows, *spec.kept))]
    return definition("_gradients", arguments, description, body, "tuple[float, Params]")


def trace_function(spec: TrainingSpec) -> str:
    """`_trace`: every named value, for every target in NumPy."""
    program = spec.trace.program
    emitter = _evaluated(spec, program)
    tables: dict[str, list[str]] = {name: [] for name in Trace._fields}
    for k, (table, key) in enumerate(spec.trace.outputs):
        code = emitter.result(k).text
        scalar = not program.outputs[k].array_shape
        tables[table].append(f"{string(key)}: " + (f"np.asarray({code})" if scalar else code))
    body, arguments = _opening(spec, emitter), []
    for name, entries in tables.items():
        line = f"{name} = {{{', '.join(entries)}}}"
        if len(line) + 4 > WIDTH:
            body += [f"{name} = {{", *(f"    {x}," for x in entries), "}"]
        else:
            body.append(line)
        arguments.append(name)
    body.append(f"return Trace({', '.join(arguments)})")
    description = "Return what the mean loss over the rows is computed through."
    return definition("_trace", _arguments(spec), description, body, "Trace")


def residuals_function(spec: TrainingSpec) -> list[str]:
    """`_residuals`, which Levenberg–Marquardt needs, in NumPy, of a loss that has some."""
    if spec.squares is None:
        return []
    emitter = _evaluated(spec, spec.squares.program)
    codes = [emitter.result(k).text for k in range(len(spec.squares.program.outputs))]
    body, rows, blocks = _opening(spec, emitter), [], []
    size, width = f"len({spec.arguments[0]})", len(spec.params) + 1
    for k, weight in enumerate(spec.squares.weights):
        residual, *jacobian = codes[k * width : (k + 1) * width]
        scale, name = f"scale{k + 1}", f"r{k + 1}"
        body += [f"{name} = {residual}", f"{scale} = np.sqrt({weight!r} / {size})"]
        listed = ", ".join(f"{x}.reshape({name}.size, -1)" for x in jacobian)
        block = f"{scale} * np.concatenate([{listed}], axis=1)"
        body.append(f"J{k + 1} = {block}")
        if len(body[-1]) + 4 > WIDTH:
            body[-1:] = [
                f"columns = [{', '.join(jacobian)}]",
                f"flat = [x.reshape({name}.size, -1) for x in columns]",
                f"J{k + 1} = {scale} * np.concatenate(flat, axis=1)",
            ]
        rows.append(f"{scale} * {name}.ravel()")
        blocks.append(f"J{k + 1}")
    one = len(rows) == 1
    body.append(
        f"return {rows[0]}, {blocks[0]}"
        if one
        else (f"return np.concatenate([{', '.join(rows)}]), np.concatenate([{', '.join(blocks)}])")
    )
    description = (
        "Return the residuals r of all examples, the loss being Σ r², and their Jacobian: (M,) and "
        "(M, P), the columns being the entries of all parameters in order."
    )
    returns = f"tuple[{_ARRAY}, {_ARRAY}]"
    return [definition("_residuals", _arguments(spec), description, body, returns)]


def _is_halved(spec: TrainingSpec) -> str:
    description = "A minibatch is not computed in halves."
    return definition("_is_halved", _sizing(spec), description, ["return False"], "bool")


def _workspace(spec: TrainingSpec) -> str:
    description = "NumPy makes its arrays as it goes: there is nothing to reuse."
    return definition("_workspace", _sizing(spec), description, ["return ()"], "tuple[()]")


def _sizing(spec: TrainingSpec) -> list[str]:
    return ["params: Params", "batch_size: int", *(f"{x.name}: {_ARRAY}" for x in spec.data)]


def _sgd_steps(spec: TrainingSpec) -> str:
    program = scaled_early(spec.step, len(spec.step.inputs) - 1, spec.without)
    regions = Regions(rolled(program, spec.without), lambda part: _Step(spec, part))
    regions.run(_Step.run)
    emitter = regions.last
    after = [f"losses[step] = {emitter.loss.text}", *emitter.updates]
    lines, (loss, *updates) = regions.lines(after, "overwrite" not in spec.without)
    count, arrays = len(spec.params), [*spec.rows, *spec.kept]
    gathered = [
        f"{row} = {name}.take(rows, axis=0)"
        for row, name in zip(spec.rows, spec.arguments, strict=True)
    ]
    drawn = [f"{x} = {x}_drawn[start : start + batch_size]" for x in spec.kept]
    loop = [
        "rows, learning_rate = order[start : start + batch_size], rates[step]",
        *gathered,
        *drawn,
        *emitter.dimension_lines(range(count, count + len(arrays))),
        *lines,
        loss,
        *comment(f"θ ← {spec.update_formula}"),
        *updates,
    ]
    body = [
        *_unpacked(spec.names),
        *emitter.dimension_lines(range(count)),
        *emitter.opening,
        "for step, start in enumerate(range(0, len(order), batch_size)):",
        *(f"    {line}" for line in loop),
        "return len(losses)",
    ]
    arguments = [
        *("params: Params", f"order: {_ARRAY}", "batch_size: int", f"rates: {_ARRAY}"),
        *(f"losses: {_ARRAY}", "work: tuple[()]", *(f"{x}: {_ARRAY}" for x in spec.arguments)),
        *(f"{x}_drawn: {_ARRAY}" for x in spec.kept),
    ]
    description = f"One step for each minibatch of the rows, θ ← {spec.update_formula}."
    return definition("_sgd_steps", arguments, description, body, "int")


def _update(update: UpdateSpec, without: Passes) -> str:
    """An optimizer's update of all entries at once, in place."""
    emitter = _Update(update)
    emitter.run()
    lines = emitter.lines
    if "overwrite" not in without:
        shapes = certain_shapes(update.update, emitter.codes)
        lines, _ = overwritten(lines, {x.name: x.shape for x in update.update.inputs} | shapes)
    kept = ["theta", *update.state]
    arguments = [f"{x}: {_ARRAY}" for x in (*kept, "g", "numbers")]
    numbers = ", ".join(update.numbers)
    unpacked = [f"{numbers}{',' * (len(update.numbers) == 1)} = numbers"] if numbers else []
    body = [*unpacked, *lines]
    return definition(update_name(update), arguments, f"{update.formula}.", body, "None")


def _updates_table(spec: TrainingSpec) -> str:
    rows = [f'"{x.name}": {update_name(x)}' for x in spec.updates]
    line = f"_UPDATES = {{{', '.join(rows)}}}"
    if len(line) <= WIDTH:
        return line
    return "\n".join(["_UPDATES = {", *(f"    {x}," for x in rows), "}"])


# --------------------------------------------------------------------------------- the pieces


def _arguments(spec: TrainingSpec) -> list[str]:
    return ["params: Params", *(f"{x.name}: {_ARRAY}" for x in spec.data)]


def _type(spec: TrainingSpec, program: Program) -> str:
    """The type of new arrays: that of the arguments, so that float64 is checked in float64."""
    first = next((x for x in spec.used_by(program) if x != "_"), None)
    return f"{first}.dtype" if first else "DTYPE"


def _evaluated(spec: TrainingSpec, program: Program) -> Emitter:
    emitter = Emitter(program, spec.dtype, _type(spec, program))
    emitter.reshape_inputs()
    emitter.statements()
    return emitter


def _opening(spec: TrainingSpec, emitter: Emitter) -> list[str]:
    """The lines of a body up to its results."""
    names = spec.used_by(emitter.program)
    return [*_unpacked(names), *emitter.dimension_lines(), *emitter.lines]


def _rolled(spec: TrainingSpec, program: Program) -> Regions[Emitter]:
    """The lines of a program, its repeated steps as loops."""
    type_ = _type(spec, program)
    regions = Regions(rolled(program, spec.without), lambda part: Emitter(part, spec.dtype, type_))
    regions.emitters[0].reshape_inputs()
    regions.run(Emitter.statements)
    return regions


def _body(
    spec: TrainingSpec, regions: Regions[Emitter], after: Sequence[str], overwrite: bool = False
) -> list[str]:
    """The lines of a function; ``after`` are those that return its results."""
    lines, after = regions.lines(after, overwrite)
    last = regions.last
    names = spec.used_by(last.program)
    return [*_unpacked(names), *last.dimension_lines(), *lines, *after]


def _unpacked(names: Sequence[str]) -> list[str]:
    if set(names) == {"_"}:
        return []
    left = f"({names[0]},)" if len(names) == 1 else ", ".join(names)
    if len(left) + 13 > 96:
        return ["(", *(f"    {x}," for x in names), ") = params"]
    return [f"{left} = params"]


def _sigmoid(t: Code) -> Code:
    """The logistic function where a warning of overflow is silenced by the caller."""
    return multiply([], [add([(False, integer(1)), (False, call("np.exp", add([(True, t)])))])])


class _Step(Emitter):
    """The body of the training loop; ``updates`` are the lines that overwrite parameters."""

    def __init__(self, spec: TrainingSpec, program: Program) -> None:
        super().__init__(program, spec.dtype, f"{spec.names[0]}.dtype", indent=8)
        self.dots = "dot" not in spec.without
        self.printer.functions = {**self.printer.functions, vocabulary.sigmoid: _sigmoid}
        self.parameters = spec.names
        self.opening: list[str] = []  # lines before the loop
        self.updates: list[str] = []
        self.loss = Code("")

    def run(self) -> None:
        """Write all lines."""
        new_values = {out.operand.value: k for k, out in enumerate(self.program.outputs[1:])}
        last: list[tuple[int, p.Statement]] = []
        self.reshape_inputs()
        self.opening, self.lines = self.lines, []
        for statement in self.program.statements:
            if statement.value in new_values:
                last.append((new_values[statement.value], statement))
                self.codes.append(Code(""))  # nothing but an output refers to it
            else:
                self.statement(statement)
        self.loss = self.result(0)
        for k, statement in sorted(last, key=lambda pair: pair[0]):
            self._update(k, statement)

    def _update(self, k: int, statement: p.Statement) -> None:
        """``θ -= η·g``, or ``θ[...] = θ′`` where the new value is not θ and something else."""
        name, operation, operator = self.parameters[k], statement.operation, "[...] ="
        unchanged = p.Operand(k, tuple(range(len(statement.shape))))
        if isinstance(operation, p.Sum):
            terms = dict(zip(operation.operands, operation.weights, strict=True))
            if terms.get(unchanged) == 1 and len(terms) > 1:
                del terms[unchanged]
                minus = all(weight.could_extract_minus_sign() for weight in terms.values())
                operator = " -=" if minus else " +="
                weights = tuple(-weight if minus else weight for weight in terms.values())
                statement = replace(statement, operation=p.Sum(tuple(terms), weights))
        code = SPELLED[type(statement.operation)](self, statement)
        code = self.real(code) if code.boolean else code
        others = set(self.parameters) - {name}
        line = f"{name}{operator} {code.text}"
        if others & set(_WORD.findall(code.text)) or len(line) + self.indent > WIDTH:
            line = f"{name}{operator} {self.hoist(code).text}"
        self.updates += [*comment(statement.comment, width=WIDTH - self.indent), line]


class _Update(Emitter):
    """The lines of an update rule: a value that replaces an array is written over it."""

    def __init__(self, update: UpdateSpec) -> None:
        super().__init__(update.update, "float64", "theta.dtype")
        self.arrays = ("theta", *update.state)

    def run(self) -> None:
        """Write all lines; what others still have to read is replaced last."""
        program = self.program
        targets: dict[int, int] = {}
        for place, out in enumerate(program.outputs):
            targets.setdefault(out.operand.value, place)
        for n, statement in enumerate(program.statements):
            k = targets.get(statement.value)
            if k is None:
                self.statement(statement)
                continue
            code = SPELLED[type(statement.operation)](self, statement)
            code = self.real(code) if code.boolean else code
            if self._is_read_later(self.arrays[k], n):
                self.codes.append(self.hoist(code))
            else:
                self.lines.append(f"{self.arrays[k]}[...] = {code.text}")
                self.codes.append(Code(self.arrays[k]))
        results = [self.codes[out.operand.value].text for out in program.outputs]
        copies = ordered_copies(
            dict(zip(self.arrays, results, strict=True)),
            lambda name: self.hoist(Code(f"{name}.copy()")).text,
        )
        self.lines += [f"{name}[...] = {source}" for name, source in copies]

    def _is_read_later(self, name: str, n: int) -> bool:
        """Whether an array's old entries are read, even inside another's code, after line n."""
        program = self.program
        used = {o.value for s in program.statements[n + 1 :] for o in s.operation.operands}
        used |= {out.operand.value for out in program.outputs}
        known = (code.text for value, code in enumerate(self.codes) if value in used)
        return any(name in _WORD.findall(text) for text in known)
