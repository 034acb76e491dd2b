"""A claim as a Python function on arrays, compared in floating point.

Why it exists: an engineer's hand-written gradient is code. Nobody can look into it, so it is called
at random points of several shapes and its values are compared with the true ones; that proves
nothing, and the verdict says so.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

import symgrad.verification.remarks as remarks
from symgrad.errors import DataError, DeclarationError
from symgrad.graph import Kind, Node
from symgrad.language.names import canonical
from symgrad.lift import lift
from symgrad.verification.arrays import FLOAT
from symgrad.verification.evaluate import evaluate
from symgrad.verification.names import Target, Truth
from symgrad.verification.points import Point, RandomPoints, SmallPoints
from symgrad.verification.verdict import RIGHT, UNDECIDED, WRONG, Verdict
from symgrad.verification.witness import Witness

TOLERANCE = 1e-6
"""How far a value may be from the true one, as a fraction of the largest entry or of 1."""

POINTS = 24
FLOATING = "floating point"

Function = Callable[..., Any]


def judge_function(function: Function, target: Target, truth: Truth, seed: int = 0) -> Verdict:
    """The verdict on a function whose parameters are named like the values it is computed from.

    A leaf n×1 is given as an array of shape (n,), a scalar as a number. Raises DeclarationError
    for a parameter that the loss does not have, DataError where the function fails.
    """
    name = getattr(function, "__name__", "the function")
    given = _arguments(function, name, truth)
    nodes = [target.node, *given.values()]
    left = f"{name}({', '.join(given)})"
    labels = frozenset(
        key for key, n in given.items() if n.kind is Kind.LEAF and n.leaf.classes is not None
    )
    seen: list[tuple[Point, np.ndarray, np.ndarray]] = []
    for point in _points(nodes, seed):
        with np.errstate(all="ignore"):
            true, *values = evaluate(nodes, point, FLOAT)
        if not all(np.isfinite(x).all() for x in (true, *values)):
            continue
        claimed = _called(function, name, dict(zip(given, values, strict=True)), labels)
        if claimed.shape != true.shape:
            words = remarks.function_shape(name, claimed.shape, true.shape)
            return _verdict(WRONG, words, left, target, truth, "shape", diagnosis=words)
        seen.append((point, claimed, true))
    # at one point the gradient may be nothing but rounding; a small one is not small everywhere
    scale = max((float(np.abs(true).max(initial=0.0)) for _, _, true in seen), default=0.0) or 1.0
    worst = 0.0
    for point, claimed, true in seen:
        error = float(np.abs(claimed - true).max(initial=0.0)) / scale
        if not error <= TOLERANCE:
            shown = {leaf.name: point.values[leaf.name] for leaf in RandomPoints(nodes).leaves}
            witness = Witness(point.sizes, shown, claimed, true, target.what)
            words = f"{str(witness)[0].upper()}{str(witness)[1:]}."
            return _verdict(
                WRONG, words, left, target, truth, "other", witness, remarks.OF_CALLABLE
            )
        worst = max(worst, error)
    compared, shapes = len(seen), {tuple(point.sizes.values()) for point, _, _ in seen}
    if compared < 4:
        return _verdict(UNDECIDED, remarks.no_points(compared), left, target, truth)
    words = remarks.in_floats(compared, len(shapes), worst, TOLERANCE)
    return _verdict(RIGHT, words, left, target, truth)


def _verdict(
    status: str,
    reason: str,
    left: str,
    target: Target,
    truth: Truth,
    mistake: str | None = None,
    witness: Witness | None = None,
    diagnosis: str = "",
) -> Verdict:
    return Verdict(
        status, FLOATING, reason, target.name, left, truth.written(target), mistake=mistake,
        witness=witness, diagnosis=diagnosis,
    )  # fmt: skip


def _arguments(function: Function, name: str, truth: Truth) -> dict[str, Node]:
    """The graph of the value that each parameter stands for."""
    found: dict[str, Node] = {}
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        raise DeclarationError(
            f"the parameters of {name} are not known to Python; wrap it, as in "
            "lambda W, x: …, with the names of the loss."
        ) from None
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise DeclarationError(
                f"{name} takes {parameter}; expected parameters with the names of the loss, such "
                f"as {', '.join(list(truth.leaves)[:3])}."
            )
        value = truth.value(canonical(parameter.name))
        if value is None:
            if parameter.default is not parameter.empty:
                continue
            known = ", ".join([*truth.leaves, *truth.forward])
            raise DeclarationError(
                f"{name} has the parameter {parameter.name}, which the loss does not have; it has "
                f"{known}."
            )
        found[parameter.name] = lift(value)
    return found


def _points(nodes: Sequence[Node], seed: int) -> Iterator[Point]:
    """Small points first, which make a readable example, then random ones."""
    small = SmallPoints(nodes, seed)
    for sizes in small.sizes(3):
        for free in small.of(sizes, 4):
            yield small.at(sizes, free)
    drawn = RandomPoints(nodes, seed)
    for k in range(POINTS):
        yield drawn.draw(k % 3 == 2)


def _called(
    function: Function, name: str, values: dict[str, np.ndarray], labels: frozenset[str]
) -> Any:
    """What the function returns, an array of floats."""
    arguments = {key: _argument(x, key in labels) for key, x in values.items()}
    shapes = ", ".join(f"{key}: {np.shape(x)}" for key, x in arguments.items())
    try:
        with np.errstate(all="ignore"):
            result = function(**arguments)
    except (Exception, SystemExit) as error:  # it is somebody's, and must not end our process
        raise DataError(
            f"{name} failed with {type(error).__name__}: {error} (it was called with arrays of "
            f"the shapes {shapes}); correct it, so that it can be compared."
        ) from error
    return _real(result, name)


def _real(result: Any, name: str) -> np.ndarray:
    """What a function returned as an array of floats; raises DataError where it is none."""
    try:
        found = np.asarray(result)
    except ValueError:  # rows of different lengths
        found = np.asarray(None)
    if found.dtype.kind == "c" and not found.imag.any():
        found = found.real
    if found.dtype.kind not in "biuf":
        kind = type(result).__name__
        what = {"c": "complex numbers", "O": f"a {kind} that is no array of numbers"}
        text = "None" if result is None else what.get(found.dtype.kind, f"a {kind}")
        raise DataError(f"{name} returns {text}; expected an array of real numbers.")
    return found.astype(float)


def _argument(x: np.ndarray, is_label: bool) -> Any:
    """An array or a number; of whole numbers, where they are class labels."""
    array = np.array(x, dtype=int if is_label else float)
    return array if array.ndim else array.item()
