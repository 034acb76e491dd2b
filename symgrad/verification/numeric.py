"""A claim as a Python function on arrays, compared in floating point.

Why it exists: an engineer's hand-written gradient is code. Nobody can look into it, so it is called
at random points of several shapes and its values are compared with the true ones; that proves
nothing, and the verdict says so.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

import symgrad.verification.remarks as remarks
from symgrad.errors import DataError, DeclarationError
from symgrad.graph import Kind, Node
from symgrad.language.names import canonical
from symgrad.lift import lift
from symgrad.verification.arrays import FLOAT
from symgrad.verification.domains import where_zero
from symgrad.verification.evaluate import evaluate
from symgrad.verification.names import Target, Truth
from symgrad.verification.points import Point, RandomPoints, SmallPoints, leaves_of, point_of
from symgrad.verification.sizes import dim_symbols, work
from symgrad.verification.switches import switches
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
    kinks = switches([target.node])
    seen: list[_Compared] = []
    misshapen: tuple[str, int] | None = None
    for group, point in _points(nodes, seed):
        with np.errstate(all="ignore"):
            true, *rest = evaluate([target.node, *given.values(), *kinks], point, FLOAT)
        values = dict(zip(given, rest, strict=False))
        if not all(np.isfinite(x).all() for x in (true, *values.values())):
            continue
        try:
            claimed = _called(function, name, values, labels)
        except DataError:
            if misshapen is None:
                raise
            continue
        if claimed.shape == (*true.shape, 1) and true.ndim == 1:
            claimed = claimed[:, 0]  # a column, as others write a vector
        if claimed.shape != true.shape:
            clear = len({n for n in true.shape if n > 1}) + 1
            if misshapen is None or clear > misshapen[1]:
                words = remarks.function_shape(name, claimed.shape, true.shape)
                misshapen = words + _outer(claimed, true, values), clear
            continue
        noise = 0.0
        if group:
            if not np.isfinite(claimed).all():
                continue  # exp(800) of a formula that is right
            noise = _noise(function, name, values, labels, claimed)
        seen.append(_Compared(group, point, claimed, true, tuple(rest[len(given) :]), noise))
    if misshapen is not None:
        words = misshapen[0]
        return _verdict(WRONG, words, left, target, truth, "shape", diagnosis=words)
    # at one point the gradient may be nothing but rounding; a small one is not small everywhere
    scales = [_scale(seen, group) for group in (USUAL, TINY, LARGE)]
    worst = 0.0
    apart: list[_Compared] = []
    for x in seen:
        error = float(np.abs(x.claimed - x.true).max(initial=0.0)) / scales[x.group]
        allowed = (EXTREME if x.group else TOLERANCE) + 100 * x.noise / scales[x.group]
        if error <= allowed:
            worst = max(worst, error if x.group == USUAL else 0.0)
        elif any((s == 0).any() for s in x.kinks):
            apart.append(x)
        else:
            shown = {leaf.name: x.point.values[leaf.name] for leaf in leaves_of(nodes)}
            witness = Witness(x.point.sizes, shown, x.claimed, x.true, target.what)
            words = f"{str(witness)[0].upper()}{str(witness)[1:]}."
            return _verdict(
                WRONG, words, left, target, truth, "other", witness, remarks.OF_CALLABLE
            )
    good = [x for x in seen if not any(x is y for y in apart)]
    compared, shapes = len(good), {tuple(x.point.sizes.values()) for x in good}
    if compared < 4 or (apart and sum(_is_generic(x) for x in good) < 4):
        return _verdict(UNDECIDED, remarks.no_points(compared), left, target, truth)
    words = remarks.in_floats(compared, len(shapes), worst, TOLERANCE)
    found = _verdict(RIGHT, words, left, target, truth)
    if not apart:
        return found
    return replace(found, domain=f"they differ only {where_zero(kinks, [x.kinks for x in apart])}")


USUAL, TINY, LARGE = range(3)

EXTREME = 1e-3
"""The tolerance where all entries are tiny or large: formulas lose digits there."""


class _Compared(NamedTuple):
    group: int
    point: Point
    claimed: np.ndarray
    true: np.ndarray
    kinks: tuple[np.ndarray, ...]
    noise: float


def _is_generic(x: _Compared) -> bool:
    return not any((s == 0).any() for s in x.kinks)


def _scale(seen: Sequence[_Compared], group: int) -> float:
    """The largest entry of the gradient at points of one size of numbers.

    Where large numbers saturate everything, the usual points say what is nothing.
    """
    groups = (USUAL, LARGE) if group == LARGE else (group,)
    found = (float(np.abs(x.true).max(initial=0.0)) for x in seen if x.group in groups)
    return max(found, default=0.0) or 1.0


def _noise(
    function: Function,
    name: str,
    values: dict[str, np.ndarray],
    labels: frozenset[str],
    claimed: np.ndarray,
) -> float:
    """How much the last digits of its arguments change the value of a function."""
    random = np.random.default_rng(0)
    moved = {
        key: x if key in labels else x * (1 + 1e-14 * random.uniform(-1, 1, np.shape(x)))
        for key, x in values.items()
    }
    change = np.abs(_called(function, name, moved, labels).reshape(claimed.shape) - claimed)
    return float(np.nan_to_num(change, nan=np.inf).max(initial=0.0))


def _outer(claimed: np.ndarray, true: np.ndarray, values: dict[str, np.ndarray]) -> str:
    """What to write where a product of two vectors should have been a matrix."""
    vectors = [key for key, x in values.items() if np.ndim(x) == 1]
    if true.ndim != 2 or claimed.ndim == 2 or not vectors:
        return ""
    return (
        f" Vectors are arrays of one axis, of which .T and @ make no matrix; write np.outer(…, "
        f"{vectors[-1]})."
    )


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


def _points(nodes: Sequence[Node], seed: int) -> Iterator[tuple[int, Point]]:
    """Small points first, which make a readable example, then random ones, large shapes, and
    entries that are all tiny or large."""
    small = SmallPoints(nodes, seed)
    for sizes in small.sizes(3):
        for free in small.of(sizes, 4):
            yield USUAL, small.at(sizes, free)
    drawn = RandomPoints(nodes, seed)
    for k in range(POINTS):
        yield USUAL, drawn.draw(k % 3 == 2)
    shapes = [drawn.shapes[k % len(drawn.shapes)] for k in range(2)]
    for start in (9, 13):
        sizes = {x: start + k % 5 for k, x in enumerate(dim_symbols(nodes))}
        if sizes and drawn.fits(sizes) and work(nodes, sizes) <= LARGEST:
            shapes.append(sizes)
            yield USUAL, drawn.draw(sizes=sizes)
    for group, factor in (
        (TINY, Fraction(1, 1000)), (TINY, Fraction(1, 4000)), (LARGE, Fraction(100))
    ):  # fmt: skip
        for sizes in shapes:
            free = {key: x * factor for key, x in drawn.free(sizes).items()}
            yield group, point_of(drawn.leaves, sizes, free)


LARGEST = 1_000_000
"""So many operations are done at a point of a large shape at the most."""


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
