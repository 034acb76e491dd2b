"""symgrad: symbolic gradients that read like a textbook, compiled to standalone training code."""

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

__version__ = "0.1.0"

__all__ = [
    "DataError",
    "DeclarationError",
    "Derivation",
    "DerivativeError",
    "ShapeError",
    "Step",
    "SymgradError",
    "UnsupportedError",
    "abs",
    "cross_entropy",
    "dot",
    "empirical_risk",
    "exp",
    "gradient",
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
]
