"""symgrad: symbolic gradients that read like a textbook, compiled to standalone training code."""

from importlib import import_module
from typing import TYPE_CHECKING

from symgrad.activations import (
    elu,
    gelu,
    identity,
    leaky_relu,
    maxout,
    prelu,
    relu,
    sigmoid,
    sign,
    silu,
    softplus,
    sparsemax,
    step,
    swish,
)
from symgrad.attention import (
    attention,
    embedding,
    multi_head_attention,
)
from symgrad.batch import empirical_risk
from symgrad.convolution import (
    avg_pool1d,
    avg_pool2d,
    conv1d,
    conv2d,
    max_pool1d,
    max_pool2d,
)
from symgrad.declare import assume, label, let, mask, simplex
from symgrad.errors import (
    DataError,
    DeclarationError,
    DerivativeError,
    DomainWarning,
    ParseError,
    ShapeError,
    SymgradError,
    UnsupportedError,
)
from symgrad.forms import harden, soften
from symgrad.functions import (
    abs,
    acos,
    acosh,
    argmax,
    asin,
    asinh,
    atan,
    atanh,
    cos,
    cosh,
    cot,
    csc,
    dot,
    erf,
    erfc,
    exp,
    log,
    logsumexp,
    max,
    maximum,
    min,
    minimum,
    onehot,
    sec,
    sin,
    sinh,
    softmax,
    sqrt,
    sum,
    tan,
    tanh,
)
from symgrad.index_space import (
    indicator,
)
from symgrad.lift import graph_text
from symgrad.losses import (
    binary_cross_entropy,
    cross_entropy,
    entropy,
    hinge,
    kl_divergence,
    l1,
    l2,
    logistic_loss,
    logistic_margin,
    mean_squared_error,
    multiclass_hinge,
    multilabel_hinge,
    multilabel_logistic,
    power_error,
    sparsemax_loss,
    squared_error,
    squared_margin,
    zero_one_loss,
)
from symgrad.matrix_functions import (
    det,
    inverse,
    logdet,
    norm,
    solve,
    trace,
)
from symgrad.normalisation import (
    batch_norm,
    dropout,
    layer_norm,
)
from symgrad.recurrence import (
    cell,
    recurrent,
    row,
    rows,
)
from symgrad.show.derivation import Derivation
from symgrad.show.gradient import gradient
from symgrad.show.higher import gauss_newton, hessian, hvp, jacobian, jvp
from symgrad.show.steps import Step
from symgrad.show.text import formula

if TYPE_CHECKING:
    from symgrad.compile import function
    from symgrad.cost_report import Cost
    from symgrad.costs import cost
    from symgrad.estimator import estimator
    from symgrad.language.model import Model, parse
    from symgrad.module_file import TrainingModule
    from symgrad.optimizers import Optimizer, optimizer
    from symgrad.pictures.picture import Picture, draw
    from symgrad.pictures.trace import Trace
    from symgrad.plots.activation import plot_activation
    from symgrad.plots.gradient_check import plot_gradient_cost, plot_gradient_error
    from symgrad.plots.loss import plot_loss
    from symgrad.plots.unit_report import unit_report
    from symgrad.plots.units import plot_units
    from symgrad.plots.vector_activation import plot_vector_activation
    from symgrad.training import training_module
    from symgrad.verification.steps import Steps, StepVerdict
    from symgrad.verification.verdict import Verdict
    from symgrad.verification.verify import verify, verify_steps
    from symgrad.verification.witness import Witness

__version__ = "0.1.0"

__all__ = [
    "Cost",
    "DataError",
    "DeclarationError",
    "Derivation",
    "DerivativeError",
    "DomainWarning",
    "Model",
    "Optimizer",
    "ParseError",
    "Picture",
    "ShapeError",
    "Step",
    "StepVerdict",
    "Steps",
    "SymgradError",
    "Trace",
    "TrainingModule",
    "UnsupportedError",
    "Verdict",
    "Witness",
    "abs",
    "acos",
    "acosh",
    "argmax",
    "asin",
    "asinh",
    "assume",
    "atan",
    "atanh",
    "attention",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy",
    "cell",
    "conv1d",
    "conv2d",
    "cos",
    "cosh",
    "cost",
    "cot",
    "cross_entropy",
    "csc",
    "det",
    "dot",
    "draw",
    "dropout",
    "elu",
    "embedding",
    "empirical_risk",
    "entropy",
    "erf",
    "erfc",
    "estimator",
    "exp",
    "formula",
    "function",
    "gauss_newton",
    "gelu",
    "gradient",
    "graph_text",
    "harden",
    "hessian",
    "hinge",
    "hvp",
    "identity",
    "indicator",
    "inverse",
    "jacobian",
    "jvp",
    "kl_divergence",
    "l1",
    "l2",
    "label",
    "layer_norm",
    "leaky_relu",
    "let",
    "log",
    "logdet",
    "logistic_loss",
    "logistic_margin",
    "logsumexp",
    "mask",
    "max",
    "max_pool1d",
    "max_pool2d",
    "maximum",
    "maxout",
    "mean_squared_error",
    "min",
    "minimum",
    "multi_head_attention",
    "multiclass_hinge",
    "multilabel_hinge",
    "multilabel_logistic",
    "norm",
    "onehot",
    "optimizer",
    "parse",
    "plot_activation",
    "plot_gradient_cost",
    "plot_gradient_error",
    "plot_loss",
    "plot_units",
    "plot_vector_activation",
    "power_error",
    "prelu",
    "recurrent",
    "relu",
    "row",
    "rows",
    "sec",
    "sigmoid",
    "sign",
    "silu",
    "simplex",
    "sin",
    "sinh",
    "soften",
    "softmax",
    "softplus",
    "solve",
    "sparsemax",
    "sparsemax_loss",
    "sqrt",
    "squared_error",
    "squared_margin",
    "step",
    "sum",
    "swish",
    "tan",
    "tanh",
    "trace",
    "training_module",
    "unit_report",
    "verify",
    "verify_steps",
    "zero_one_loss",
]

_ON_FIRST_USE = {
    "Picture": "symgrad.pictures.picture",
    "Trace": "symgrad.pictures.trace",
    "draw": "symgrad.pictures.picture",
    "Model": "symgrad.language.model",
    "Cost": "symgrad.cost_report",
    "TrainingModule": "symgrad.module_file",
    "cost": "symgrad.costs",
    "estimator": "symgrad.estimator",
    "function": "symgrad.compile",
    "parse": "symgrad.language.model",
    "plot_activation": "symgrad.plots.activation",
    "plot_gradient_cost": "symgrad.plots.gradient_check",
    "plot_gradient_error": "symgrad.plots.gradient_check",
    "plot_loss": "symgrad.plots.loss",
    "plot_units": "symgrad.plots.units",
    "plot_vector_activation": "symgrad.plots.vector_activation",
    "Optimizer": "symgrad.optimizers",
    "optimizer": "symgrad.optimizers",
    "training_module": "symgrad.training",
    "unit_report": "symgrad.plots.unit_report",
    "StepVerdict": "symgrad.verification.steps",
    "Steps": "symgrad.verification.steps",
    "Verdict": "symgrad.verification.verdict",
    "Witness": "symgrad.verification.witness",
    "verify": "symgrad.verification.verify",
    "verify_steps": "symgrad.verification.verify",
}
"""What generates code, plots or reads text is imported on first use: deriving does without it."""


def __getattr__(name: str) -> object:
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_ON_FIRST_USE[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
