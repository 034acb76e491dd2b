"""The loss along directions in the space of its parameters: L(W0 + α·W1 + β·W2), as numbers.

Lecture 002 draws it along arbitrary directions. A step of one in a random direction is a large
step for small weights and a small one for large weights, so directions can be scaled to the
parameters they are added to (`NORMALISATIONS`). Beside the values stands the gradient that was
derived, projected on the directions: the slope of the curve, or of the surface, where α = β = 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypedDict

import numpy as np

from symgrad import graph as g
from symgrad.errors import DataError, DerivativeError, UnsupportedError
from symgrad.facts import is_parameter
from symgrad.functions import as_expression
from symgrad.graph import Node
from symgrad.plots.numbers import Array, Point, compiled
from symgrad.show.gradient import gradient as derive
from symgrad.subject import Subject

Direction = Mapping[Any, Array]
"""For each parameter the array that is added to it."""


class Options(TypedDict, total=False):
    """The keywords of `landscape` after ``along``, for signatures."""

    directions: int | Sequence[Direction]
    radius: float
    points: int | None
    seed: int
    normalise: str | None
    gradient: bool


class Landscape(NamedTuple):
    """The loss over a grid of steps from a point.

    ``steps`` are the values of α (and β) along each axis; ``values`` has the loss, (points,) or
    (points, points) with β down the rows; ``value`` is the loss at the point. ``slopes`` are
    ∂L/∂α (and ∂L/∂β) there, from the derived gradient; None where that was not asked for.
    """

    steps: Array
    values: Array
    value: float
    slopes: Array | None
    directions: tuple[Direction, ...]


def landscape(
    loss: Any,
    at: Mapping[Any, Any],
    along: Sequence[Any] | None = None,
    *,
    directions: int | Sequence[Direction] = 1,
    radius: float = 1.0,
    points: int | None = None,
    seed: int = 0,
    normalise: str | None = "filter",
    gradient: bool = True,
) -> Landscape:
    """The loss along one or two directions from the point ``at``; see `sg.plot_loss`."""
    root = Subject(as_expression(loss), []).scalar().root
    point = Point(root, at)
    moved = _moved(root, point, along)
    chosen = _directions(point, moved, directions, normalise, seed)
    if not radius > 0:
        raise UnsupportedError(f"the radius {radius} was given; expected a number above 0.")
    count = points if points is not None else (201, 41)[len(chosen) - 1]
    if count < 2:
        raise UnsupportedError(f"{count} points were asked for; expected two or more.")
    steps = np.linspace(-radius, radius, count)
    run = compiled(point.symbols, [root])

    def value(*coefficients: float) -> float:
        arrays = list(point.arrays)
        for k, symbol in enumerate(moved):
            place = point.position(symbol)
            for c, direction in zip(coefficients, chosen, strict=True):
                arrays[place] = arrays[place] + c * direction[moved[k]]
        return float(run(*arrays)[0])

    if len(chosen) == 1:
        values = np.array([value(a) for a in steps])
    else:
        values = np.array([[value(a, b) for a in steps] for b in steps])
    if not np.isfinite(values).any():
        raise DataError(
            f"the loss is not finite anywhere within {radius} of the point; expected arrays in at "
            "where it is a number, or a smaller radius."
        )
    slopes = _slopes(loss, moved, point, chosen) if gradient else None
    return Landscape(steps, values, value(*[0.0] * len(chosen)), slopes, tuple(chosen))


def _moved(root: Node, point: Point, along: Sequence[Any] | None) -> list[Any]:
    """The symbols that move: those asked for, or every parameter of an empirical risk."""
    if along is not None:
        symbols = list(along) if isinstance(along, list | tuple) else [along]
        moved = [point.symbols[point.position(s)] for s in symbols]
    else:
        leaves = g.leaves([root])
        if all(leaf.leaf.origin is None for leaf in leaves):
            raise UnsupportedError(
                "it is not known which leaves of this loss are parameters; name them, such as "
                "along=[W, b]. Of an empirical risk they are all leaves but the data."
            )
        moved = [s for s in point.symbols if s in point.leaves and is_parameter(point.leaves[s])]
    fixed = [s for s in moved if point.leaves[s].leaf.classes is not None]
    if fixed or not moved:
        raise UnsupportedError(
            f"along names {', '.join(map(str, fixed)) or 'nothing'}; expected parameters, real "
            "symbols that can be moved."
        )
    return moved


# ---------------------------------------------------------------------------------- directions


def _by_filter(direction: Array, parameter: Array) -> Array:
    """Each row of a matrix, the weights into one unit, as long as that row of the parameter.

    A vector or a number is one filter (Li et al., 2018, section 4, on convolutions).
    """
    axes = tuple(range(1, direction.ndim)) if direction.ndim > 1 else None
    own = np.sqrt(np.sum(direction**2, axis=axes, keepdims=True))
    wanted = np.sqrt(np.sum(parameter**2, axis=axes, keepdims=True))
    return np.asarray((direction * (wanted / own)).reshape(direction.shape))


NORMALISATIONS: dict[str | None, Callable[[Array, Array], Array]] = {
    "filter": _by_filter,
    None: lambda direction, parameter: direction,
}
"""What becomes of a direction of normal random numbers, given the parameter; by name."""


def _directions(
    point: Point,
    moved: Sequence[Any],
    directions: int | Sequence[Direction],
    normalise: str | None,
    seed: int,
) -> list[Direction]:
    if normalise not in NORMALISATIONS:
        raise UnsupportedError(
            f"normalise={normalise!r} was given; expected 'filter' (each row of a direction is as "
            "long as that row of the parameter) or None."
        )
    if isinstance(directions, int):
        if directions not in (1, 2):
            raise UnsupportedError(f"{directions} directions were asked for; expected 1 or 2.")
        rng = np.random.default_rng(seed)
        found: list[Direction] = []
        for _ in range(directions):
            arrays = {}
            for symbol in moved:
                parameter = np.asarray(point.arrays[point.position(symbol)], dtype=float)
                random = rng.standard_normal(parameter.shape)
                arrays[symbol] = NORMALISATIONS[normalise](random, parameter)
            found.append(arrays)
        if not all(any(a.any() for a in one.values()) for one in found):
            raise DataError(
                "every parameter is 0, so a direction of the same length is 0 too; pass "
                "normalise=None."
            )
        return found
    listed = [directions] if isinstance(directions, Mapping) else list(directions)
    if len(listed) not in (1, 2) or not all(isinstance(x, Mapping) for x in listed):
        raise UnsupportedError(
            f"the directions {directions} were given; expected 1, 2, or one or two dictionaries "
            "from parameters to arrays."
        )
    return [_given(point, moved, one) for one in listed]


def _given(point: Point, moved: Sequence[Any], direction: Direction) -> Direction:
    """A direction of the user's: zeros for the parameters that it does not name."""
    arrays = {s: np.zeros(point.arrays[point.position(s)].shape) for s in moved}
    for symbol, value in direction.items():
        place = point.position(symbol)
        key, array = point.symbols[place], np.asarray(value, dtype=float)
        if key not in arrays:
            raise DataError(f"the direction moves {symbol}, which along does not name; add it.")
        if array.shape != point.arrays[place].shape:
            raise DataError(
                f"the direction of {symbol} has shape {array.shape}; expected that of its value, "
                f"{point.arrays[place].shape}."
            )
        arrays[key] = array
    return arrays


def _slopes(loss: Any, moved: Sequence[Any], point: Point, chosen: Sequence[Direction]) -> Array:
    """The derived gradient along each direction."""
    wanted = [point.leaves[s].leaf.symbol for s in moved]
    try:
        derived = derive(loss, wanted)
    except DerivativeError as error:
        raise DerivativeError(
            f"{error} To draw the loss without its slope, pass gradient=False."
        ) from None
    found = point.values(derived.roots)
    return np.array(
        [
            sum(
                float(np.sum(np.reshape(slope, np.shape(one[s])) * one[s]))
                for s, slope in zip(moved, found, strict=True)
            )
            for one in chosen
        ]
    )
