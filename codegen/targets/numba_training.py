"""The functions of a training module in Numba: the loops over minibatches are compiled.

In: the programs of a `TrainingSpec`. Out: the functions of `runtime.interface`, each a thin Python
function around a compiled one. A step allocates nothing: its arrays come from `_workspace`, shared
by liveness. There are two loops: of plain gradient descent, in which the update of a weight matrix
happens inside the product that computes its gradient, W ← W − (η/N)·δᵀ·x; and of all other
optimizers, which read the whole gradient as one array and update all parameters in one pass.
"""

from __future__ import annotations

from collections.abc import Sequence

from symgrad.codegen.program import Input, Program
from symgrad.codegen.runtime.copying import Source
from symgrad.codegen.targets.layout import calling, definition
from symgrad.codegen.targets.numba import CACHED, function, support
from symgrad.codegen.targets.numba_steps import Steps, update
from symgrad.codegen.targets.numba_wrappers import Wrappers
from symgrad.codegen.targets.numpy import helpers as numpy_helpers
from symgrad.codegen.targets.numpy_training import residuals_function, trace_function
from symgrad.codegen.training_spec import TrainingSpec

REQUIREMENTS = "NumPy, Numba and SciPy"
CHECKS_IN_FLOAT64 = False

_ARRAY = "np.ndarray"


def training_functions(spec: TrainingSpec) -> Source:
    """The functions of `runtime.interface` in Numba, and the helpers they call."""
    steps = Steps(spec)
    updates = [update(one, spec.dtype, spec.without) for one in spec.updates]
    order = f"F_ORDER: tuple[str, ...] = {steps.columns!r}".replace("'", '"')
    functions = [*_predict(spec), *_loss(spec), *updates, order]
    functions += [*steps.functions(), *Wrappers(steps).functions()]
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
    body = calling("return np.asarray(", "_predict_rows", given, ")")
    return [rows, definition("_predict", arguments, description, body, _ARRAY)]


def _arguments(spec: TrainingSpec) -> list[str]:
    return ["params: Params", *(f"{x.name}: {_ARRAY}" for x in spec.data)]


def _loss(spec: TrainingSpec) -> list[str]:
    description = f"{spec.objective[0].upper()}{spec.objective[1:]}."
    mean = function(spec.loss, "_mean_loss", spec.dtype, description, CACHED, spec.without)
    given = _given(spec, spec.loss, [x.name for x in spec.data])
    body = calling("return float(", "_mean_loss", given, ")")
    return [mean, definition("_loss", _arguments(spec), description, body, "float")]
