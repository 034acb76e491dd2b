"""The functions of a training module in NumPy: readable first, as fast as NumPy is.

In: the programs of a `TrainingSpec`. Out: the functions of `runtime.interface`. The training loop
has the statements of the step program in its body; the new value θ′ = θ − η·g of a parameter is
written in place, and only after everything that reads an old value has been computed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from symgrad.codegen import program as p
from symgrad.codegen.expression import Code
from symgrad.codegen.program import Program
from symgrad.codegen.runtime.copying import Source
from symgrad.codegen.targets.layout import WIDTH, comment, definition
from symgrad.codegen.targets.numpy import Emitter, helpers
from symgrad.codegen.targets.numpy_operations import SPELLED
from symgrad.codegen.training import TrainingSpec

REQUIREMENTS = "NumPy"
CHECKS_IN_FLOAT64 = True

_ARRAY = "np.ndarray"
_WORD = re.compile(r"\w+")


def training_functions(spec: TrainingSpec) -> Source:
    """`_predict, _loss, _value_and_grad, _workspace, _sgd_epoch`, and the helpers they call."""
    functions = [
        _predict(spec),
        _loss(spec),
        _value_and_grad(spec),
        _workspace(spec),
        _sgd_epoch(spec),
    ]
    lines = [line for text in functions for line in text.splitlines()]
    code = [x for x in lines if not x.lstrip().startswith(("#", '"""'))]
    copied = helpers(code)
    parts = [*([copied.body] if copied.body else []), *functions]
    imports = dict.fromkeys(("import numpy as np", *copied.imports))
    return Source(tuple(imports), "\n\n\n".join(parts) + "\n")


def _predict(spec: TrainingSpec) -> str:
    arguments = ["params: Params", *(f"{x}: {_ARRAY}" for x in spec.predicts)]
    if spec.predict is None:
        return definition(
            "_predict", arguments, "Nothing is predicted.", ["return np.empty(0)"], _ARRAY
        )
    emitter = _evaluated(spec, spec.predict)
    body = [*_opening(spec, emitter), f"return {emitter.result(0).text}"]
    description = f"Return {spec.predict_formula}, one example per row."
    return definition("_predict", arguments, description, body, _ARRAY)


def _loss(spec: TrainingSpec) -> str:
    emitter = _evaluated(spec, spec.loss)
    value = emitter.result(0)
    body = [*_opening(spec, emitter), f"return float({value.text})"]
    description = f"Return {spec.objective}."
    return definition("_loss", _arguments(spec), description, body, "float")


def _value_and_grad(spec: TrainingSpec) -> str:
    emitter = _evaluated(spec, spec.value_and_grad)
    value, *gradients = [emitter.result(k) for k in range(len(spec.params) + 1)]
    fields = [
        f"{x.name}=" + (code.text if x.shape else f"np.asarray({code.text})")
        for x, code in zip(spec.params, gradients, strict=True)
    ]
    body = _opening(spec, emitter)
    returned = f"return float({value.text}), Params({', '.join(fields)})"
    if len(returned) + 4 > 100:
        body.append(f"gradient = Params({', '.join(fields)})")
        if len(body[-1]) + 4 > 100:
            body[-1:] = ["gradient = Params(", *(f"    {x}," for x in fields), ")"]
        returned = f"return float({value.text}), gradient"
    description = "Return the mean loss over the rows and its gradient, as derived above."
    return definition(
        "_value_and_grad", _arguments(spec), description, [*body, returned], "tuple[float, Params]"
    )


def _workspace(spec: TrainingSpec) -> str:
    arguments = ["params: Params", "batch_size: int", *(f"{x.name}: {_ARRAY}" for x in spec.data)]
    description = "NumPy makes its arrays as it goes: there is nothing to reuse."
    return definition("_workspace", arguments, description, ["return ()"], "tuple[()]")


def _sgd_epoch(spec: TrainingSpec) -> str:
    emitter = _Step(spec)
    value = emitter.run()
    data, count = [x.name for x in spec.data], len(spec.params)
    gathered = [f"{row} = {name}[rows]" for row, name in zip(spec.rows, data, strict=True)]
    loop = [
        "rows = order[start : start + batch_size]",
        *gathered,
        *emitter.dimension_lines(range(count, count + len(data))),
        *emitter.lines,
        f"total += len(rows) * float({value.text})",
        *comment(f"θ ← {spec.update_formula}"),
        *emitter.updates,
    ]
    body = [
        *_unpacked(spec.names),
        *emitter.dimension_lines(range(count)),
        *emitter.opening,
        "total = 0.0",
        "for start in range(0, len(order), batch_size):",
        *(f"    {line}" for line in loop),
        "return total / len(order)",
    ]
    arguments = [
        *("params: Params", f"order: {_ARRAY}", "batch_size: int", "learning_rate: float"),
        *("work: tuple[()]", *(f"{x}: {_ARRAY}" for x in data)),
    ]
    description = f"One pass over the rows in minibatches, θ ← {spec.update_formula} after each."
    return definition("_sgd_epoch", arguments, description, body, "float")


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
    for statement in program.statements:
        emitter.statement(statement)
    return emitter


def _opening(spec: TrainingSpec, emitter: Emitter) -> list[str]:
    """The lines of a body up to its results."""
    names = spec.used_by(emitter.program)
    return [*_unpacked(names), *emitter.dimension_lines(), *emitter.lines]


def _unpacked(names: Sequence[str]) -> list[str]:
    if set(names) == {"_"}:
        return []
    left = f"({names[0]},)" if len(names) == 1 else ", ".join(names)
    if len(left) + 13 > 96:
        return ["(", *(f"    {x}," for x in names), ") = params"]
    return [f"{left} = params"]


class _Step(Emitter):
    """The body of the training loop; ``updates`` are the lines that overwrite parameters."""

    def __init__(self, spec: TrainingSpec) -> None:
        super().__init__(spec.step, spec.dtype, f"{spec.names[0]}.dtype", indent=8)
        self.parameters = spec.names
        self.opening: list[str] = []  # lines before the loop
        self.updates: list[str] = []

    def run(self) -> Code:
        """Write all lines; returns the loss."""
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
        value = self.result(0)
        for k, statement in sorted(last, key=lambda pair: pair[0]):
            self._update(k, statement)
        return value

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
