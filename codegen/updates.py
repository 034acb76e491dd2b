"""Update rules in a generated file: the numbers of a step, and the table of optimizers.

Why it exists: what is the same for every target. The numbers that an update needs once a step are
computed by NumPy in float64, for many steps at once; the update itself is the target's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from symgrad.codegen.targets.layout import WIDTH, definition, string_lines
from symgrad.codegen.targets.numpy import Emitter
from symgrad.codegen.training_spec import UpdateSpec

_ARRAY = "np.ndarray"


def update_name(spec: UpdateSpec) -> str:
    """What the function of a rule's update is called."""
    return f"_{spec.name}_update"


def coefficients_name(spec: UpdateSpec) -> str:
    """What the function of a rule's numbers is called."""
    return f"_{spec.name}_coefficients"


def coefficients_function(spec: UpdateSpec) -> str:
    """The function from η and t of some steps to the numbers of each, (steps, k) in float64."""
    program = spec.coefficients
    emitter = Emitter(program, "float64")
    for statement in program.statements:
        emitter.statement(statement)
    results = [emitter.numeric(x.operand) for x in program.outputs]
    columns = [x.text for x in emitter.printer.fit(results, room=60)]
    arguments = [f"learning_rate: {_ARRAY}", f"t: {_ARRAY}"]
    arguments += [f"{name}: float = {value!r}" for name, value in spec.options.items()]
    body = [*emitter.dimension_lines(), *emitter.lines]
    stack = f"return np.stack(np.broadcast_arrays({', '.join(columns)}), axis=-1)"
    if not any(x.shape for x in program.outputs):  # no step differs from another
        stack = f"return np.tile(np.array([{', '.join(columns)}], dtype=float), (len(t), 1))"
    if len(stack) + 4 > WIDTH:
        body.append(f"columns = [{', '.join(columns)}]")
        if len(body[-1]) + 4 > WIDTH:
            body[-1:] = ["columns = [", *(f"    {x}," for x in columns), "]"]
        stack = stack.replace(", ".join(columns), "*columns")
    body.append(stack)
    description = f"The numbers of each step t: {', '.join(spec.numbers) or 'none'}."
    return definition(coefficients_name(spec), arguments, description, body, _ARRAY)


def optimizers_table(specs: Sequence[UpdateSpec]) -> list[str]:
    """The lines of ``OPTIMIZERS``."""
    lines = ["OPTIMIZERS: dict[str, Optimizer] = {"]
    for spec in specs:
        state, options = dict(spec.state), dict(spec.options)
        lines += [
            f'    "{spec.name}": Optimizer(',
            *(f"        {line}" for line in string_lines(_explained(spec), 8)),
            f"        {_dict(state)},",
            f"        {_dict(options)},",
            f"        {coefficients_name(spec)},",
            "    ),",
        ]
    return [*lines, "}"]


def _explained(spec: UpdateSpec) -> str:
    """The formula, and which option each of its letters is."""
    letters = [f"{letter} is {name}" for name, letter in spec.letters.items() if letter != name]
    return spec.formula + (f"; where {', '.join(letters)}" if letters else "")


def _dict(numbers: dict[str, float]) -> str:
    return "{" + ", ".join(f'"{name}": {value!r}' for name, value in numbers.items()) + "}"


def ordered_copies(
    sources: Mapping[str, str], aside: Callable[[str], str]
) -> list[tuple[str, str]]:
    """Copies (array, source) that have the effect of all at once: no source is overwritten before.

    Where arrays swap their places, one of them is first put aside: ``aside`` takes it and returns
    its other name.
    """
    left, found = {name: x for name, x in sources.items() if name != x}, []
    while left:
        free = next((name for name in left if name not in left.values()), None)
        if free is None:
            kept = next(iter(left))
            other = aside(kept)
            left = {name: other if x == kept else x for name, x in left.items()}
        else:
            found.append((free, left.pop(free)))
    return found
