"""The functions of text models: the tables of the vocabulary, under their names.

Why it exists: a function that is added to `activations.ACTIVATIONS`, `losses.LOSSES` or another
table can be typed at once. Here stand only the spellings that a text needs besides, and what kind
of value an option takes, since a person may give anything.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache, reduce
from typing import Any

import sympy as sp
from sympy.logic.boolalg import BooleanAtom

from symgrad import activations, convolution, losses, matrix_functions, normalisation, vocabulary
from symgrad import functions as f
from symgrad.attention import attention, embedding, multi_head_attention
from symgrad.elementwise import spelled
from symgrad.errors import DeclarationError, ShapeError, UnsupportedError
from symgrad.functions import as_size
from symgrad.graph import dim
from symgrad.language.arithmetic import Shown, filled, outer_product, quotient, transposed
from symgrad.language.names import canonical
from symgrad.language.relations import RELATIONS, Comparison
from symgrad.listing import shape_text
from symgrad.recurrence import row
from symgrad.symbols import ARRAYS

Function = Callable[..., Any]


def largest(*operands: Any, rows: bool = False) -> Any:
    """The largest entry of one array; of several values, the largest at each entry."""
    return _extreme(f.max, f.maximum, sp.Max, activations.relu, operands, rows)


def smallest(*operands: Any, rows: bool = False) -> Any:
    """The smallest entry of one array; of several values, the smallest at each entry."""
    return _extreme(f.min, f.minimum, sp.Min, lambda x: -activations.relu(-x), operands, rows)


def _extreme(
    of_one: Function,
    of_two: Function,
    of_scalars: Any,
    with_zero: Function,
    operands: Any,
    rows: bool,
) -> Any:
    if not operands:
        raise DeclarationError("max and min need at least one value; none was given.")
    if len(operands) == 1:
        return of_one(operands[0], rows=rows)
    if rows:
        raise DeclarationError("the option rows is for the entries of one matrix, as in max(Z, …).")
    if len(operands) == 2 and not any(isinstance(x, ARRAYS) for x in operands):
        return spelled(of_scalars(*operands, evaluate=False))  # max(0, x) is relu
    rest = [x for x in operands if x != 0] or list(operands[:1])
    value = reduce(of_two, rest)
    return value if len(rest) == len(operands) else with_zero(value)


def mean(x: Any) -> Any:
    """The mean of all entries."""
    if not isinstance(x, ARRAYS):
        return x
    return quotient(f.sum(x), sp.prod(x.shape))


def where(condition: Any, yes: Any, no: Any) -> Any:
    """``yes`` where the condition holds, else ``no``, at every entry."""
    if not isinstance(condition, Comparison):
        raise DeclarationError("where compares values first, as in where(z > 0, z, 0.1 z).")
    given = [condition.left, condition.right, yes, no]
    t = [sp.Dummy(x, real=True) for x in "abcd"]
    relation = RELATIONS[condition.operator](t[0], t[1])
    cases = sp.Piecewise((t[2], relation), (t[3], True))
    arrays = {x: value for x, value in zip(t, given, strict=True) if isinstance(value, ARRAYS)}
    scalars = {x: value for x, value in zip(t, given, strict=True) if x not in arrays}
    body = cases.subs(scalars, simultaneous=True)
    kept = [x for x in arrays if x in body.free_symbols]
    if not kept:
        return body if not arrays else filled(body, next(iter(arrays.values())))
    return f.mapped(sp.Lambda(tuple(kept), body), *(arrays[x] for x in kept))


def eye(n: Any) -> Any:
    """The n×n identity matrix."""
    return sp.Identity(as_size(n, "the size of an identity matrix"))


def ones(n: Any, m: Any = 1) -> Any:
    """The n×m matrix of ones."""
    return sp.OneMatrix(as_size(n, "the shape of ones"), as_size(m, "the shape of ones"))


def zeros(n: Any, m: Any = 1) -> Any:
    """The n×m matrix of zeros."""
    return sp.ZeroMatrix(as_size(n, "the shape of zeros"), as_size(m, "the shape of zeros"))


def diag(x: Any) -> Any:
    """The diagonal matrix of a vector; of a square matrix, its diagonal."""
    x = f.matrix(x, "diag")
    if 1 in map(dim, x.shape):
        return sp.DiagMatrix(x)
    if dim(x.shape[0]) != dim(x.shape[1]):
        raise ShapeError(f"diag needs a vector or a square matrix; {x} is {shape_text(x.shape)}.")
    return sp.DiagonalOf(x)


def transpose(x: Any) -> Any:
    """The transpose."""
    return transposed(f.matrix(x, "transpose"))


def sech(x: Any) -> Any:
    """1/cosh(x) at every entry."""
    return f.pointwise(sech, 1 / sp.cosh(_T), {_T: x})


def normal_cdf(x: Any) -> Any:
    """Φ(x), the distribution function of the standard normal distribution, at every entry."""
    return f.pointwise(normal_cdf, vocabulary.normal_cdf(_T), {_T: x})


def normal_pdf(x: Any) -> Any:
    """φ(x), the density of the standard normal distribution, at every entry."""
    return f.pointwise(normal_pdf, vocabulary.normal_pdf(_T), {_T: x})


def outer(a: Any, b: Any) -> Any:
    """a bᵀ, the matrix of all products."""
    return outer_product(Shown(a, "the first"), Shown(b, "the second"))


_T = sp.Symbol("t", real=True)

LAYERS: tuple[Function, ...] = (
    *(convolution.conv1d, convolution.conv2d, convolution.max_pool1d, convolution.max_pool2d),
    *(convolution.avg_pool1d, convolution.avg_pool2d, normalisation.layer_norm),
    *(normalisation.batch_norm, normalisation.dropout, embedding),
    *(attention, multi_head_attention, row),
)
"""Layers that are one value of their operands."""

_BY_NAME: tuple[Function, ...] = (
    *activations.ELEMENTWISE,
    *(activations.prelu, activations.maxout, activations.sparsemax),
    *(f.maximum, f.minimum, f.softmax, f.onehot, f.argmax),
    *f.REDUCTIONS,
    *losses.LOSSES,
    *matrix_functions.MATRIX_FUNCTIONS,
    *LAYERS,
    *(mean, where, eye, ones, zeros, diag, transpose, outer, sech, normal_cdf, normal_pdf),
)
FUNCTIONS: dict[str, Function] = {
    **{x.__name__: x for x in _BY_NAME},
    "max": largest,
    "min": smallest,
}
"""Every function that a text may apply, under its own name."""

SPELLINGS: dict[str, str] = {
    "σ": "sigmoid", "ln": "log", "tr": "trace", "silu": "swish", "sgn": "sign", "I": "eye",
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arsinh": "asinh", "arcosh": "acosh",
    "artanh": "atanh", "logistic": "sigmoid", "ReLU": "relu", "GELU": "gelu", "ELU": "elu",
    "Φ": "normal_cdf", "φ": "normal_pdf", "heaviside": "step",
    "inv": "inverse", "KL": "kl_divergence", "lse": "logsumexp",
}  # fmt: skip
"""Other names that people have for the same."""

KNOWN: dict[str, Function] = FUNCTIONS | {x: FUNCTIONS[y] for x, y in SPELLINGS.items()}

RESERVED: frozenset[str] = frozenset(x for x in KNOWN if len(x) > 1)
"""Names that nothing else may have; one letter, such as σ or I, may be declared."""

COUNTS = frozenset({"stride", "padding", "dilation", "size"})
SWITCHES = frozenset({"rows", "causal"})
NUMBERS = frozenset({"beta", "temperature", "slope", "alpha", "q", "delta", "p", "eps", "n", "m"})
"""Options by what they take: a whole number, true or false, a scalar."""

_ARRAYS_NAMED_LIKE_NUMBERS = {
    (losses.cross_entropy, "p"), (losses.entropy, "p"), (losses.kl_divergence, "p"),
    (losses.kl_divergence, "q"), (losses.binary_cross_entropy, "p"),
    (normalisation.layer_norm, "beta"), (normalisation.batch_norm, "beta"),
}  # fmt: skip
MAX_COUNT = 10_000
MAX_ARGUMENTS = 20
_HIDDEN = frozenset({"name"})


@cache
def _signature(function: Function) -> inspect.Signature:
    return inspect.signature(function)


def usage(name: str, function: Function) -> str:
    """How a function is called: ``softmax(z, beta, temperature=…, rows=…)``."""
    shown = []
    for parameter in _signature(function).parameters.values():
        if parameter.name in _HIDDEN:
            continue
        plain = parameter.name.strip("_")
        if parameter.kind is parameter.KEYWORD_ONLY:
            plain += "=…"
        elif parameter.kind is parameter.VAR_POSITIONAL:
            plain = "a, b, …"
        shown.append(plain)
    return f"{name}({', '.join(shown)})"


def called(
    name: str, function: Function, positional: Sequence[Any], options: Mapping[str, Any]
) -> Any:
    """The value of a function of a text; raises DeclarationError for arguments that do not fit."""
    signature = _signature(function)
    if len(positional) > MAX_ARGUMENTS:
        raise UnsupportedError(f"{name} takes at most {MAX_ARGUMENTS} values; name a part of them.")
    spelled_names = {canonical(x): x for x in signature.parameters if x not in _HIDDEN}
    try:
        named = {spelled_names[x]: value for x, value in options.items()}
        bound = signature.bind(*positional, **named)
    except (TypeError, KeyError):
        raise DeclarationError(
            f"{name} cannot take these arguments; it is called as {usage(name, function)}."
        ) from None
    for parameter, value in bound.arguments.items():
        kind = signature.parameters[parameter].kind
        several = value if kind is inspect.Parameter.VAR_POSITIONAL else (value,)
        checked = [_checked(name, function, parameter, x) for x in several]
        if kind is not inspect.Parameter.VAR_POSITIONAL:
            bound.arguments[parameter] = checked[0]
    return function(*bound.args, **bound.kwargs)


def _checked(name: str, function: Function, parameter: str, value: Any) -> Any:
    """One argument, of the kind that its parameter takes."""
    if parameter in SWITCHES and isinstance(value, bool):
        return value
    if parameter in SWITCHES or isinstance(value, bool):
        raise DeclarationError(
            f"{name} was given {value}: true and false are the values of an option such as rows "
            "or causal, and of nothing else."
        )
    if parameter in COUNTS:
        if isinstance(value, sp.Integer) and abs(value) <= MAX_COUNT:
            return int(value)
        raise DeclarationError(f"the {parameter} of {name} is a whole number; got {value}.")
    if parameter == "condition":
        return value
    if isinstance(value, Comparison | sp.core.relational.Relational | BooleanAtom):
        raise DeclarationError(f"{name} takes values; a comparison stands in 1[…] or where(…).")
    if value is sp.oo and not (function is matrix_functions.norm and parameter == "p"):
        raise DeclarationError("infinity stands for the order of a norm only, as in norm(x, inf).")
    is_number = parameter in NUMBERS and (function, parameter) not in _ARRAYS_NAMED_LIKE_NUMBERS
    if is_number and isinstance(value, ARRAYS):
        raise DeclarationError(
            f"the {parameter} of {name} is a scalar; got an array of shape "
            f"{shape_text(value.shape)}."
        )
    return value
