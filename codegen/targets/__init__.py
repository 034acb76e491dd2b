"""The targets: one row each, and the module that prints a program for it.

A target module offers ``emit(program, name, dtype, description) -> str``. It is imported when the
target is first used, because a target may need a package that takes long to import.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from symgrad.codegen.program import Program
from symgrad.errors import UnsupportedError

if TYPE_CHECKING:
    from symgrad.codegen.runtime.copying import Source
    from symgrad.codegen.training_spec import TrainingSpec

TARGETS: dict[str, str] = {
    "numpy": "symgrad.codegen.targets.numpy",
    "numba": "symgrad.codegen.targets.numba",
}
"""The name that ``target="…"`` takes, and the module."""

TRAINING: dict[str, str] = {
    "numpy": "symgrad.codegen.targets.numpy_training",
    "numba": "symgrad.codegen.targets.numba_training",
}
"""For each target the module that prints the functions of a training module."""


class Target(Protocol):
    """What a target module offers."""

    CONTIGUOUS: bool
    """Whether a function wants every array argument contiguous, row by row."""

    def emit(self, program: Program, name: str, dtype: str, description: str) -> str:
        """The source of a module that defines the function ``name``."""


class TrainingTarget(Protocol):
    """What the module of a target offers for training modules."""

    REQUIREMENTS: str
    """The packages that a file needs, in words: "NumPy" or "NumPy, Numba and SciPy"."""

    CHECKS_IN_FLOAT64: bool
    """Whether `_loss` and `_value_and_grad` of a float32 module compute in float64 when called
    with arrays of float64; `check_gradients` is much sharper then."""

    def training_functions(self, spec: TrainingSpec) -> Source:
        """The functions of
        `runtime.interface`, with the helpers that they call."""


def target_module(target: str) -> Target:
    """The module of a target; an unknown one raises, naming the nearest."""
    return cast(Target, import_module(_row(TARGETS, target)))


def training_target(target: str) -> TrainingTarget:
    """The module that prints training functions; an unknown target raises, naming the nearest."""
    return cast(TrainingTarget, import_module(_row(TRAINING, target)))


def _row(table: Mapping[str, str], target: str) -> str:
    if target not in table:
        from difflib import get_close_matches

        near = get_close_matches(str(target), table, n=1, cutoff=0.0) or [*table]
        raise UnsupportedError(
            f"the target {target!r} was given; expected one of {', '.join(map(repr, table))}. "
            f"Did you mean {near[0]!r}?"
        )
    return table[target]
