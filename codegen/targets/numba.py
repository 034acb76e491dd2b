"""The Numba target: fused loops, BLAS with alpha and beta, nothing allocated inside a loop.

A program becomes one compiled function, which `numba_regions` prints; this module puts it into a
file, with the helpers that it calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from symgrad.codegen.names import CALL, HELPERS, OF_HALVES
from symgrad.codegen.passes import Passes
from symgrad.codegen.program import Program
from symgrad.codegen.regions import rolled
from symgrad.codegen.runtime.copying import Source, source_of
from symgrad.codegen.targets.layout import definition
from symgrad.codegen.targets.numba_regions import Parts
from symgrad.codegen.targets.numba_scalar import MINUS, SUFFIX, VECTORISED

FAST = 'FAST = {"contract", "reassoc", "arcp", "nsz"}  # not "nnan", not "ninf": NaN stays visible'
DECORATOR = '@njit(fastmath=FAST, error_model="numpy")'
CACHED = '@njit(cache=True, fastmath=FAST, error_model="numpy")'
"""For functions that live in a file; Numba cannot cache what has none."""
RELEASED = '@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")'
"""For functions that run beside each other."""
_MEETING = ("two_threads", "_on_two_threads", "_wait", "_arrive")
_TILES = ("register_tiles", "call_tiles", "DOTS_BELOW", "DOTS_FROM")
COPIED: dict[str, dict[str, tuple[str, ...]]] = {
    "gemm": {"tiles": _TILES, "blas": ("gemm",)},
    "tiled_gemm": {"tiles": ("tiled_gemm", *_TILES)},
    "blas_gemm": {"blas": ("blas_gemm",)},
    "in_halves": {"meeting": _MEETING, "halves": ("in_halves", "new_halves", *OF_HALVES[:4])},
    "in_units": {"meeting": _MEETING, "units": ("in_units", "new_units", *OF_HALVES[4:7])},
}
"""What is copied where a function is called: from which modules of `runtime`, which names."""
CONTIGUOUS = True
"""BLAS wants rows without gaps; a function makes its arguments so before it runs."""


def emit(program: Program, name: str, dtype: str, description: str = "") -> str:
    """The source of a module that defines the compiled function ``name``."""
    text = function(program, name, dtype, description)
    helpers = support([text], dtype)
    head = "\n".join(helpers.imports)
    return "\n\n\n".join([head, helpers.body.strip(), text]) + "\n"


def function(
    program: Program,
    name: str,
    dtype: str,
    description: str = "",
    decorator: str = DECORATOR,
    without: Passes = frozenset(),
) -> str:
    """The source of a compiled function that allocates its arrays and returns its outputs."""
    parts = Parts(rolled(program, without), dtype, without=without)
    allocations = [
        f"{array} = np.empty({parts.kernel.shape_text(x.shape)}, np.{_type(x.integral, dtype)})"
        for array, x in zip(parts.arrays, parts.regions.arrays, strict=True)
    ]
    allocations += parts.cuts
    for part in parts.parts:
        for statement in part.loops.needs_array():
            array = part.kernel.array_name(statement)
            shape = part.kernel.shape_text(statement.shape)
            allocations.append(f"{array} = np.empty({shape}, np.{part.kernel.type_of(statement)})")
    lines = parts.lines()
    kernel = parts.kernel
    results = [kernel.output(k) for k in range(len(kernel.program.outputs))]
    inputs = [x.name for x in program.inputs]
    reshapes = kernel.reshape_lines(inputs)
    body = [
        *kernel.dimension_lines(),
        *kernel.invariant_lines(),
        *reshapes,
        *allocations,
        *lines,
        *kernel.loops.lines[parts.printed :],
        f"return {', '.join(results)}",
    ]
    return decorator + "\n" + definition(name, inputs, description, body)


def _type(integral: bool, dtype: str) -> str:
    return "int64" if integral else dtype


def support(functions: Iterable[str], dtype: str) -> Source:
    """The imports and copied helpers that ``functions`` need."""
    text = re.sub(r"#.*", "", "\n".join(functions))  # a comment names functions as formulas do
    suffix = SUFFIX[dtype]
    named = [f"{name}_{suffix}" for name in (MINUS, *VECTORISED.values())]
    wanted = [name for name in named if f"{name}(" in text]
    imports = ["import numpy as np", "from numba import njit"]
    if "math." in text:
        imports.insert(0, "import math")
    parts = [FAST]
    if wanted:
        copied = source_of("vector_math", *wanted)
        imports += copied.imports
        parts.append(copied.body.strip())
    if "f32(" in text and "f32 = np.float32" not in "\n".join(parts):
        parts.insert(0, "f32 = np.float32")
    called = set(CALL.findall(text))
    routines = [x for x in HELPERS if x in called]
    if routines:
        copied = source_of("routines", *routines)
        imports += copied.imports
        parts.append(copied.body.strip())
    modules: dict[str, set[str]] = {}
    for name in called & COPIED.keys():
        for module, names in COPIED[name].items():
            modules.setdefault(module, set()).update(names)
    for module in [x for x in ("tiles", "blas", "meeting", "halves", "units") if x in modules]:
        copied = source_of(module, *sorted(modules[module]))
        imports += copied.imports
        parts.append(copied.body.strip())
        if module == "tiles":
            parts.append(f"register_tiles(types.{dtype})")
    return Source(tuple(dict.fromkeys(imports)), "\n\n\n".join(parts))
