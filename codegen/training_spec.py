"""What a training module is made from: everything about one loss that a file needs.

Why it exists: `symgrad.training` fills it in, the targets print its programs, and
`codegen.training` puts the file together; this is what they share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from symgrad.codegen.passes import Passes
from symgrad.codegen.program import Program
from symgrad.codegen.runtime.records import DataSpec, MaskSpec

Size: TypeAlias = "int | str"
"""A dimension in a generated file: a number, or a name whose size is bound at run time."""


class ParamSpec(NamedTuple):
    """One parameter: its name, its shape as an array, and the formula of its gradient."""

    name: str
    shape: tuple[Size, ...]
    gradient: str


class UpdateSpec(NamedTuple):
    """One optimizer, see `symgrad.optimizers`; ``letters`` says how ``formula`` writes an option.

    ``coefficients`` computes ``numbers`` from the learning rates and step numbers of T steps and
    the options. ``update`` has the inputs theta, the state, g (all of P entries), the numbers, and
    the outputs theta and the state.
    """

    name: str
    formula: str
    source: str
    state: dict[str, float]
    options: dict[str, float]
    letters: dict[str, str]
    coefficients: Program
    update: Program
    numbers: tuple[str, ...]


class TraceSpec(NamedTuple):
    """What a look inside shows: a program, and the table and the key of each of its outputs.

    A table is a field of `runtime.records.Trace`.
    """

    program: Program
    outputs: tuple[tuple[str, str], ...]


class SquaresSpec(NamedTuple):
    """A loss that is the mean of Σ weight·r²: for each term r and ∂r/∂θ of each parameter.

    The outputs of ``program`` are, for each of ``weights``, r of all examples, then the blocks.
    """

    program: Program
    weights: tuple[float, ...]


@dataclass(frozen=True)
class TrainingSpec:
    """Everything about one loss that a training module is made from.

    The inputs of the programs, in order:

    - ``loss``, ``trace`` and ``squares`` (None for another loss): the parameters, then the data;
    - ``predict`` (None where nothing is predicted): the parameters it needs, then ``predicts``;
    - ``value_and_grad``: the parameters, then ``rows``, which are the data of one minibatch, then
      the masks;
    - ``step``: the same, then ``learning_rate``.

    Their outputs: the mean loss; what is computed on the way; the predictions; the mean loss and
    its gradients; the mean loss and the new value of every parameter.

    ``without`` are the passes that a target leaves out.
    """

    name: str
    dtype: str
    params: tuple[ParamSpec, ...]
    data: tuple[DataSpec, ...]
    masks: tuple[MaskSpec, ...]
    rows: tuple[str, ...]
    predicts: tuple[str, ...]
    loss: Program
    value_and_grad: Program
    predict: Program | None
    step: Program
    trace: TraceSpec
    squares: SquaresSpec | None
    updates: tuple[UpdateSpec, ...]
    derivation: str
    objective: str
    update_formula: str
    predict_formula: str
    formulas: dict[str, str]
    costs: dict[str, str]
    provenance: dict[str, str]
    without: Passes = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names."""
        return tuple(x.name for x in self.params)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of the data."""
        return tuple(x.name for x in self.data)

    @property
    def kept(self) -> tuple[str, ...]:
        """The names of the masks."""
        return tuple(x.name for x in self.masks)

    def used_by(self, program: Program) -> tuple[str, ...]:
        """For each parameter its name, or ``_`` where the program has no such input."""
        inputs = {x.name for x in program.inputs}
        return tuple(name if name in inputs else "_" for name in self.names)
