"""symgrad: symbolic gradients that read like a textbook, compiled to standalone training code."""

from importlib import import_module
from typing import TYPE_CHECKING

from symgrad.batch import empirical_risk
from symgrad.declare import label, let, simplex
from symgrad.derivation import Derivation, Step, gradient
from symgrad.errors import (
    DataError,
    DeclarationError,
    DerivativeError,
    ShapeError,
    SymgradError,
    UnsupportedError,
)
from symgrad.functions import (
    abs,
    cross_entropy,
    dot,
    exp,
    log,
    logsumexp,
    onehot,
    relu,
    sigmoid,
    softmax,
    softplus,
    sqrt,
    squared_error,
    sum,
    tanh,
)
from symgrad.lift import graph_text
from symgrad.text import formula

if TYPE_CHECKING:
    from symgrad.compile import function
    from symgrad.module_file import TrainingModule
    from symgrad.training import training_module

__version__ = "0.1.0"

__all__ = [
    "DataError",
    "DeclarationError",
    "Derivation",
    "DerivativeError",
    "ShapeError",
    "Step",
    "SymgradError",
    "TrainingModule",
    "UnsupportedError",
    "abs",
    "cross_entropy",
    "dot",
    "empirical_risk",
    "exp",
    "formula",
    "function",
    "gradient",
    "graph_text",
    "label",
    "let",
    "log",
    "logsumexp",
    "onehot",
    "relu",
    "sigmoid",
    "simplex",
    "softmax",
    "softplus",
    "sqrt",
    "squared_error",
    "sum",
    "tanh",
    "training_module",
]

_ON_FIRST_USE = {
    "TrainingModule": "symgrad.module_file",
    "function": "symgrad.compile",
    "training_module": "symgrad.training",
}
"""What code generation needs is imported when it is first used: deriving does without it."""


def __getattr__(name: str) -> object:
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_ON_FIRST_USE[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
