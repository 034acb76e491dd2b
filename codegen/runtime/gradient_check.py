"""The gradient check: compare the gradient with central differences of the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .checks import _check_data, _check_integer, _check_params, _dimensions, _shape_text, _sized
from .interface import CHECK_DTYPE, DATA, PARAM_SHAPES, Params, _loss, _value_and_grad
from .printing import _aligned


class GradientRow(NamedTuple):
    """One parameter: how far its gradient is from the differences, at the entries tried.

    `error` is the largest absolute difference relative to the largest slope of the parameter.
    """

    name: str
    shape: tuple[int, ...]
    entries: int
    absolute: float
    error: float
    where: tuple[int, ...]  # the index of the entry that differs most
    ok: bool


class GradientCheck(NamedTuple):
    """What `check_gradients` found; prints as a table."""

    rows: tuple[GradientRow, ...]
    tolerance: float

    @property
    def ok(self) -> bool:
        return all(row.ok for row in self.rows)

    def __str__(self) -> str:
        head = ("parameter", "shape", "entries", "absolute error", "relative error", "at", "")
        lines = [head]
        for name, shape, entries, absolute, error, where, ok in self.rows:
            numbers = (str(entries), f"{absolute:.1e}", f"{error:.1e}")
            at = f"[{', '.join(map(str, where))}]" if where else ""
            lines.append((name, _shape_text(shape), *numbers, at, "ok" if ok else "WRONG"))
        wrong = [row.name for row in self.rows if not row.ok]
        verdict = f"wrong: the gradient of {', '.join(wrong)}" if wrong else "all right"
        about = f"computed in {np.dtype(CHECK_DTYPE)}, relative error up to {self.tolerance:.1e}"
        return f"{_aligned(lines, '<<>>><<')}\n{verdict}; {about}"


def check_gradients(
    params: Params | None = None, data: Sequence[ArrayLike] | None = None, seed: int = 0
) -> GradientCheck:
    """Compare `value_and_grad` with central differences of `loss`, parameter by parameter.

    What is not given is random: dimensions 2 to 5, seven rows, positive vectors and scalars. At
    most 64 entries of each parameter are tried. In float32 the differences are only good to about
    1 %, which the tolerance and the allowance for rounding of the loss take into account.
    """
    rng = np.random.default_rng(_check_integer("seed", seed, 0))
    sizes: dict[str, int] = {}
    given_params = None if params is None else _check_params(params, sizes)
    given_data = None if data is None else _check_data(data, DATA, sizes)
    unknown = [name for name in _dimensions() if name not in sizes]
    chosen = np.resize(rng.permutation([2, 3, 4, 5]), len(unknown))
    sizes |= zip(unknown, chosen.tolist(), strict=True)
    point = Params(*(a.astype(CHECK_DTYPE) for a in given_params or _random_params(rng, sizes)))
    arrays = tuple(
        array if spec.classes is not None else array.astype(CHECK_DTYPE)
        for spec, array in zip(DATA, given_data or _random_data(rng, sizes), strict=True)
    )
    value, gradient = _value_and_grad(point, *arrays)
    if not np.isfinite(value):
        raise ValueError(f"The loss is {value} at the point tried; pass params= and data=.")
    step = float(np.finfo(CHECK_DTYPE).eps) ** (1 / 3)
    tolerance, rows = 2 * step, []
    for name, parameter, slopes in zip(Params._fields, point, gradient, strict=True):
        entries = rng.permutation(parameter.size)[:64]
        claimed = np.resize(np.asarray(slopes, float), parameter.size)[entries]
        apart = np.full(len(entries), np.inf)
        # Of two steps, the better speaks: the longer may cross a kink, such as that of ReLU.
        errors = np.full(len(entries), np.inf)
        for h in (step, step / 8):
            measured = _central_differences(point, parameter, entries, h, arrays)
            rounding = 8 * step**3 * abs(value) / h
            scale = max(*np.abs(claimed), *np.abs(measured), rounding / tolerance, 1e-300)
            apart = np.fmin(apart, np.abs(claimed - measured))
            errors = np.fmin(errors, np.abs(claimed - measured) / scale)
        worst = int(errors.argmax())
        where = tuple(map(int, np.unravel_index(entries[worst], parameter.shape)))
        fits = np.shape(slopes) == parameter.shape and errors[worst] <= tolerance
        found = (float(apart[worst]), float(errors[worst]), where, bool(fits))
        rows.append(GradientRow(name, parameter.shape, len(entries), *found))
    return GradientCheck(tuple(rows), tolerance)


def _central_differences(
    point: Params,
    parameter: np.ndarray,
    entries: np.ndarray,
    step: float,
    data: tuple[np.ndarray, ...],
) -> np.ndarray:
    """(L(θ + h) − L(θ − h)) / 2h for each of the entries θ of a parameter of `point`."""
    flat, slopes = parameter.reshape(-1), np.empty(len(entries))
    for i, entry in enumerate(entries):
        kept = flat[entry]
        values, places = [], []
        for sign in (1, -1):
            flat[entry] = kept + sign * step * max(1, abs(kept))
            places.append(float(flat[entry]))
            values.append(float(_loss(point, *data)))
        flat[entry] = kept
        slopes[i] = (values[0] - values[1]) / (places[0] - places[1])
    return slopes


def _random_params(rng: np.random.Generator, sizes: dict[str, int]) -> list[np.ndarray]:
    """Matrices of either sign, scaled by their rows; positive vectors and scalars."""
    arrays: list[np.ndarray] = []
    for dims in PARAM_SHAPES.values():
        shape = _sized(dims, sizes)
        if len(shape) < 2:
            arrays.append(np.asarray(rng.uniform(0.1, 1, shape)))
        else:
            arrays.append(rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:])))
    return arrays


def _random_data(rng: np.random.Generator, sizes: dict[str, int]) -> list[np.ndarray]:
    """Seven examples: labels and probability vectors where declared, else normal numbers."""
    arrays: list[np.ndarray] = []
    for spec in DATA:
        shape = (7, *_sized(spec.shape, sizes))
        if spec.classes is not None:
            arrays.append(rng.integers(_sized((spec.classes,), sizes)[0], size=shape))
        elif spec.simplex:
            arrays.append(rng.dirichlet(np.ones(shape[-1]), shape[:-1]))
        else:
            arrays.append(rng.standard_normal(shape))
    return arrays
