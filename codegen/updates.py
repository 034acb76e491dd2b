"""Update rules in a generated file: the numbers of a step, and the table of optimizers.

Why it exists: what is the same for every target. The numbers that an update needs once a step are
computed by NumPy in float64, for many steps at once; the update itself is the target's.
"""

from __future__ import annotations

from collections.abc import Sequence

from symgrad.codegen.targets.layout import WIDTH, definition, string_lines
from symgrad.codegen.targets.numpy import Emitter
from symgrad.codegen.training_spec import UpdateSpec

_ARRAY = "np.ndarray"


def coefficients_name(spec: UpdateSpec) -> str:
    """What the function of a rule's numbers is called."""
    return f"_{spec.name}_coefficients"


def coefficients_function(spec: UpdateSpec) -> str:
    """The function from η and t of some steps to the numbers of each, (steps, k) in float64."""
    program = spec.coefficients
    emitter = Emitter(program, "float64")
    for statement in program.statements:
        emitter.statement(statement)
    columns = [emitter.result(k).text for k in range(len(program.outputs))]
    arguments = [f"learning_rate: {_ARRAY}", f"t: {_ARRAY}"]
    arguments += [f"{name}: float = {value!r}" for name, value in spec.options.items()]
    stack = f"return np.stack([{', '.join(columns)}], axis=-1)"
    body = [*emitter.dimension_lines(), *emitter.lines, stack]
    if len(stack) + 4 > WIDTH:
        body[-1:] = ["columns = [", *(f"    {x}," for x in columns), "]"]
        body.append("return np.stack(columns, axis=-1)")
    description = f"The numbers of each step t: {', '.join(spec.numbers)}."
    return definition(coefficients_name(spec), arguments, description, body, _ARRAY)


def optimizers_table(specs: Sequence[UpdateSpec]) -> list[str]:
    """The lines of ``OPTIMIZERS``."""
    lines = ["OPTIMIZERS: dict[str, Optimizer] = {"]
    for spec in specs:
        state, options = dict(spec.state), dict(spec.options)
        lines += [
            f'    "{spec.name}": Optimizer(',
            *(f"        {line}" for line in string_lines(spec.formula, 8)),
            f"        {_dict(state)},",
            f"        {_dict(options)},",
            f"        {coefficients_name(spec)},",
            "    ),",
        ]
    return [*lines, "}"]


def _dict(numbers: dict[str, float]) -> str:
    return "{" + ", ".join(f'"{name}": {value!r}' for name, value in numbers.items()) + "}"
