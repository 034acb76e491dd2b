"""Assembly of a training module: one file from programs, mathematics and the fixed part.

In: a `TrainingSpec`, and a target, which prints its programs as functions. Out: the text of a
standalone Python file. Its parts, in order::

    docstring       what is trained, the derivation, how to use it
    imports         of all parts, merged
    records         from `runtime.records`
    declarations    NAME, DTYPE, Params, PARAM_SHAPES, DATA, MASKS, INPUTS, FORMULAS, …
    functions       the target's: _predict, _loss, _value_and_grad, _trace, _sgd_steps, _steps, …
    optimizers      OPTIMIZERS, and the numbers that each needs
    fixed part      from `runtime`: checks, files, training loop, gradient check, command line

What the generated part and the fixed part promise each other stands in `runtime.interface`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence

from symgrad.codegen.names import HELPERS, OF_HALVES
from symgrad.codegen.runtime.copying import (
    arguments_of,
    fixed_part,
    fixed_titles,
    merge_imports,
    records,
)
from symgrad.codegen.runtime.records import DataSpec, MaskSpec
from symgrad.codegen.targets import TrainingTarget, training_target
from symgrad.codegen.targets.layout import WIDTH, docstring, printable, string, string_lines
from symgrad.codegen.training_spec import Size, TrainingSpec
from symgrad.codegen.updates import coefficients_function, optimizers_table

RESERVED = frozenset(
    (
        *("np", "itertools", *HELPERS, "Params", "Trace", "Optimizer"),
        *("DTYPE", "DATA", "MASKS", "NAME", "INPUTS", "PARAM_SHAPES"),
        *("F_ORDER", "OPTIMIZERS"),
        *(*OF_HALVES, "arrays", "limit", "second"),
        *("params", "theta", "state", "gradient", "order", "learning_rate", "rates", "losses"),
        *("coefficients", "clip", "segments", "work", "rows", "row", "start", "step", "flat"),
        *("numbers", "begin", "end", "part", "size", "count"),
        *("float", "len", "range", "min", "data", "dims"),
        *arguments_of("training", "fit"),
    )
)
"""Names that the functions use, or that `fit` has as options: not free for the user's values."""


def assemble(spec: TrainingSpec, target: str) -> str:
    """The text of the file."""
    module = training_target(target)
    functions = module.training_functions(spec)
    head, tail = records(), fixed_part(spec.squares is not None)
    own = ("from typing import NamedTuple", "import numpy as np")
    imports = merge_imports([*own, *head.imports, *functions.imports, *tail.imports])
    parts = (
        _guarded(imports.rstrip(), module.REQUIREMENTS),
        head.body.strip(),
        _declarations(spec, module),
        functions.body.strip(),
        *map(coefficients_function, spec.updates),
        "\n".join(optimizers_table(spec.updates)),
        tail.body.strip(),
    )
    text = "\n\n\n".join(parts)
    future = "from __future__ import annotations"
    return f"{_module_docstring(spec, module)}\n\n{future}\n\n{text}\n"


def _guarded(imports: str, requirements: str) -> str:
    """The imports; where a file needs more than NumPy, it says so if that is missing."""
    if requirements == "NumPy":
        return imports
    standard, _, others = imports.partition("\n\n")
    lines = others.splitlines()
    if "get_cython_function_address" in others:
        lines += ["", 'get_cython_function_address("scipy.linalg.cython_blas", "dgemm")']
    return "\n".join(
        [
            *(standard, "", "try:"),
            *_indented(lines),
            "except ImportError as error:",
            "    _sentence = (",
            f'        f"This file needs {requirements} ({{error}}): pip install numba scipy; "',
            "        \"or build it with target='numpy', which needs NumPy only.\"",
            "    )",
            '    if __name__ == "__main__":',
            "        print(_sentence, file=sys.stderr)",
            "        sys.exit(2)",
            "    raise ImportError(_sentence, name=error.name) from None",
        ]
    )


# ------------------------------------------------------------------------------- declarations


def _declarations(spec: TrainingSpec, target: TrainingTarget) -> str:
    check = "float64" if target.CHECKS_IN_FLOAT64 else spec.dtype
    shapes = ", ".join(f"{x.name} {_size(x.shape)}" for x in spec.params)
    lines = [
        f'NAME = "{spec.name}"',
        f"DTYPE = np.{spec.dtype}",
        f"CHECK_DTYPE = np.{check}  # what check_gradients computes in",
        "",
        "",
        "class Params(NamedTuple):",
        *_indented(docstring(f"The parameters: {shapes}.")),
        "",
        *(f"    {name}: np.ndarray" for name in spec.names),
        "",
        "",
        *_literal(
            "PARAM_SHAPES: dict[str, tuple[int | str, ...]] = ",
            "{}",
            [f'"{x.name}": {_tuple(x.shape)}' for x in spec.params],
        ),
        *_literal("DATA: tuple[DataSpec, ...] = ", "()", [_data_spec(x) for x in spec.data]),
        *_literal("MASKS: tuple[MaskSpec, ...] = ", "()", [_mask_spec(x) for x in spec.masks]),
        *_literal("INPUTS: tuple[str, ...] = ", "()", [f'"{x}"' for x in spec.predicts]),
        *_texts("FORMULAS", spec.formulas),
        *_texts("COSTS", spec.costs),
        *_texts("PROVENANCE", spec.provenance),
    ]
    return "\n".join(lines)


def _data_spec(data: DataSpec) -> str:
    arguments = [f'"{data.name}"', _tuple(data.shape)]
    if data.classes is not None:
        arguments.append(f"classes={_quoted(data.classes)}")
    if data.simplex:
        arguments.append("simplex=True")
    return f"DataSpec({', '.join(arguments)})"


def _mask_spec(mask: MaskSpec) -> str:
    return f'MaskSpec("{mask.name}", {_tuple(mask.shape)}, {mask.rate!r})'


def _texts(name: str, entries: Mapping[str, str]) -> list[str]:
    """A dictionary of texts, one entry a line."""
    if not entries:
        return [f"{name}: dict[str, str] = {{}}"]
    lines = [f"{name}: dict[str, str] = {{"]
    for key, text in entries.items():
        lines += [f"    {x}" for x in string_lines(text, 4, f"{string(key)}: ")]
    return [*lines, "}"]


def _literal(head: str, brackets: str, items: Sequence[str]) -> list[str]:
    """``head(item, item)`` on one line, or one item a line."""
    left, right = brackets[0], brackets[1]
    trailing = "," if brackets == "()" and len(items) == 1 else ""
    line = f"{head}{left}{', '.join(items)}{trailing}{right}"
    if len(line) <= WIDTH:
        return [line]
    return [f"{head}{left}", *(f"    {item}," for item in items), right]


def _quoted(size: Size) -> str:
    return f'"{size}"' if isinstance(size, str) else str(size)


def _tuple(shape: Sequence[Size]) -> str:
    return f"({', '.join(map(_quoted, shape))}{',' * (len(shape) == 1)})"


def _size(shape: Sequence[Size]) -> str:
    return "×".join(map(str, shape)) if shape else "scalar"


# ---------------------------------------------------------------------------------- docstring


def _module_docstring(spec: TrainingSpec, target: TrainingTarget) -> str:
    data = ", ".join(x.name for x in spec.data)
    dims = dict.fromkeys(n for x in spec.params for n in x.shape if isinstance(n, str))
    shown = {n for x in spec.data for n in (*x.shape,) if isinstance(n, str)}
    sizes = "".join(f", {n}=…" for n in dims if n not in shown)
    arguments = f"{data}{sizes}, epochs=…, batch_size=…, learning_rate=…"
    call = f"    params, history = {spec.name}.fit"
    lines = [f"{call}({arguments})"]
    if len(lines[0]) > WIDTH:
        lines = [f"{call}(", f"        {arguments}", "    )"]
    use = [f"    import {spec.name}", "", *lines]
    if spec.predicts:
        use.append(f"    {spec.name}.predict(params, {', '.join(spec.predicts)})")
    use += [
        f'    {spec.name}.save(params, "{spec.name}.npz")',
        "",
        f"or from the command line: python {spec.name}.py --help",
    ]
    described = [f"    {x}" for x in map(_described, spec.data)]
    contents = "; ".join(fixed_titles())
    lines = [
        *textwrap.wrap(f"{spec.name}: minimise {spec.objective}.", WIDTH - 3),
        "",
        *spec.derivation.splitlines(),
        "",
        "Data, one example per row:",
        *described,
        "",
        "Use:",
        "",
        *use,
        "",
        "First comes what was generated for this loss. From the comment “Checks” on, the file is",
        "the same for every loss, but for “Least squares”. Its sections, each below its title:",
        "",
        *(f"    {x}" for x in textwrap.wrap(contents, WIDTH - 4)),
        "",
        f"Written by symgrad {spec.provenance['symgrad']}; needs {target.REQUIREMENTS} only.",
    ]
    safe = [printable(line) for line in lines]
    return '"""' + "\n".join(safe).replace("\\", "/").replace('"""', "'''") + '\n"""'


def _described(data: DataSpec) -> str:
    text = f"{data.name} ({', '.join(map(str, ('N', *data.shape)))}{',' * (not data.shape)})"
    if data.classes is not None:
        last = data.classes - 1 if isinstance(data.classes, int) else f"{data.classes}-1"
        text += f" integer labels in 0…{last}"
    return text + (" rows of probabilities" if data.simplex else "")


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" if line else "" for line in lines]
