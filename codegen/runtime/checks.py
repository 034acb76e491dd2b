"""Checks: what a user passes is checked here, once, before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .interface import (
    DATA,
    DTYPE,
    INPUTS,
    NAME,
    PARAM_SHAPES,
    Params,
    _loss,
    _predict,
    _value_and_grad,
)
from .records import DataSpec

BLOCK_BYTES = 1 << 26  # of data that are looked at at once; larger read-only arrays are not copied


def loss(params: Params, *data: ArrayLike) -> float:
    """The mean loss over the examples; each data array holds one example per row."""
    params, *arrays = _check_call(params, data, DATA)
    return float(_loss(params, *arrays))


def value_and_grad(params: Params, *data: ArrayLike) -> tuple[float, Params]:
    """The mean loss over the examples and its gradient, shaped like the parameters."""
    params, *arrays = _check_call(params, data, DATA)
    value, gradient = _value_and_grad(params, *arrays)
    return float(value), gradient


def predict(params: Params, *inputs: ArrayLike) -> np.ndarray:
    """The predictions, one example per row."""
    if not INPUTS:
        raise ValueError(f"{NAME} predicts nothing; build it with predict=.")
    specs = {spec.name: spec for spec in DATA}
    params, *arrays = _check_call(params, inputs, [specs[name] for name in INPUTS])
    return _predict(params, *arrays)


def _check_call(params: Params, data: Sequence[ArrayLike], specs: Sequence[DataSpec]) -> Any:
    """The parameters and the data, checked against each other: [params, *data]."""
    sizes: dict[str, int] = {}
    return [_check_params(params, sizes), *_check_data(data, specs, sizes)]


def _check_params(params: Sequence[ArrayLike], sizes: dict[str, int]) -> Params:
    """The parameters as contiguous arrays; the dimensions they determine go into `sizes`."""
    sequence = isinstance(params, (tuple, list))
    fields = getattr(params, "_fields", Params._fields) if sequence else None
    if fields != Params._fields or len(params) != len(fields):
        raise ValueError(
            f"params is not a Params({', '.join(Params._fields)}); take it from init, fit or load."
        )
    names = [f"parameter {name}" for name in Params._fields]
    arrays = Params(*map(_as_array, names, params))
    for name, array, shape in zip(names, arrays, PARAM_SHAPES.values(), strict=True):
        _bind(name, array.shape, shape, sizes)
    return arrays


def _check_data(
    data: Sequence[ArrayLike],
    specs: Sequence[DataSpec],
    sizes: dict[str, int],
    prefix: str = "",
    leave_large: bool = False,
) -> tuple[np.ndarray, ...]:
    """The data as contiguous arrays; the dimensions they determine go into `sizes`.

    With `leave_large`, large arrays that are files or read-only stay as they are: read them by
    `_rows_of`.
    """
    names = [prefix + spec.name for spec in specs]
    if not isinstance(data, (tuple, list)):
        raise ValueError(
            f"{prefix}data are of type {type(data).__name__}; expected a tuple of {len(names)} "
            f"arrays: {', '.join(names)}."
        )
    if len(data) != len(specs):
        raise ValueError(
            f"{len(data)} data arrays given; expected {len(names)}: {', '.join(names)}."
        )
    arrays = [
        _as_array(name, value, _type_of(spec), leave_large)
        for name, value, spec in zip(names, data, specs, strict=True)
    ]
    for name, array, spec in zip(names, arrays, specs, strict=True):
        _bind(name, array.shape, spec.shape, sizes, rows=True)
    rows = [len(array) for array in arrays]
    if len(set(rows)) > 1:
        counts = ", ".join(f"{name} has {count}" for name, count in zip(names, rows, strict=True))
        raise ValueError(f"The data differ in rows: {counts}; give one row per example in each.")
    for name, array, spec in zip(names, arrays, specs, strict=True):
        _check_values(name, array, spec, sizes)
    return tuple(arrays)


def _type_of(spec: DataSpec) -> type[np.generic]:
    return DTYPE if spec.classes is None else np.int64


def _as_array(
    name: str, value: ArrayLike, dtype: type[np.generic] = DTYPE, leave_large: bool = False
) -> np.ndarray:
    """`value` as a contiguous array of `dtype`, copied only where needed."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} has rows of unequal length; give a rectangular array.") from None
    if np.ma.is_masked(value):
        raise ValueError(f"{name} has masked entries; fill them, or leave these examples out.")
    label = issubclass(dtype, np.integer)
    if array.dtype.kind not in ("biu" if label else "biuf"):
        wanted = "integer labels; convert them with .astype(int)" if label else "real numbers"
        raise ValueError(f"{name} has dtype {array.dtype}; expected {wanted}.")
    return array if leave_large and _stays(array) else _converted(array, dtype)


def _converted(array: np.ndarray, dtype: type[np.generic]) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.require(array, dtype, ["C", "ALIGNED", "WRITEABLE"])  # one type for Numba


def _stays(array: np.ndarray) -> bool:
    """Whether the array is large and a file, or read-only: not to be copied whole."""
    owner: object = array
    while isinstance(owner, np.ndarray) and not isinstance(owner, np.memmap):
        owner = owner.base
    read_only = isinstance(owner, np.memmap) or not array.flags.writeable
    return read_only and array.nbytes > BLOCK_BYTES


def _rows_of(
    arrays: Sequence[np.ndarray], specs: Sequence[DataSpec], rows: slice | np.ndarray
) -> tuple[np.ndarray, ...]:
    """Some rows of the data, as the generated functions want them."""
    pairs = zip(arrays, specs, strict=True)
    return tuple(_converted(array[rows], _type_of(spec)) for array, spec in pairs)


def _blocks(arrays: Sequence[np.ndarray], most: int | None = None) -> Iterator[slice]:
    """Slices of all rows, each of at most BLOCK_BYTES of every array and at most `most` rows."""
    rows = len(arrays[0])
    length = max(1, BLOCK_BYTES // max(1, *(array[:1].nbytes for array in arrays)))
    length = min(length, most or length)
    return (slice(start, min(rows, start + length)) for start in range(0, rows, length))


def _bind(
    name: str,
    given: tuple[int, ...],
    expected: tuple[int | str, ...],
    sizes: dict[str, int],
    rows: bool = False,
) -> None:
    """Let `given` fix the dimensions that `sizes` lacks, or refuse it; `rows` adds an axis N."""
    trial, actual = dict(sizes), given[1:] if rows else given
    fits = len(given) == len(expected) + rows and 0 not in given
    for size, dim in zip(actual, expected, strict=False):
        fits &= size == (trial.setdefault(dim, size) if isinstance(dim, str) else dim)
    if not fits:
        known = [f"{dim} = {sizes[str(dim)]}" for dim in expected if dim in sizes]
        raise ValueError(
            f"{name} has shape {given}; expected {_shape_text(('N',) * rows + expected)}"
            + (f" with {', '.join(known)}" if known else "")
            + (", one of N ≥ 1 examples per row." if rows else ".")
        )
    sizes.update(trial)


def _shape_text(shape: tuple[int | str, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"


def _check_values(name: str, array: np.ndarray, spec: DataSpec, sizes: dict[str, int]) -> None:
    """Refuse NaN, infinity, labels out of range and rows that are not probability vectors."""
    for rows in _blocks([array]):
        first, (block,) = rows.start, _rows_of([array], [spec], rows)
        if spec.classes is None:
            wanted = f"finite numbers (as {np.dtype(DTYPE)})"
            _refuse(name, ~np.isfinite(block), block, wanted, first)
        else:
            classes, wrong = sizes.get(str(spec.classes), spec.classes), block < 0
            if isinstance(classes, int):
                wrong |= block >= classes
            _refuse(name, wrong, block, f"labels ≥ 0 and < {classes}", first)
        if spec.simplex:
            sums, total = block.sum(axis=-1), f"{name} (probabilities)"
            _refuse(name, block < 0, block, "entries ≥ 0", first)
            _refuse(total, np.abs(sums - 1) > 1e-4, sums, "sum 1 ± 0.0001", first, "sum ")


def _refuse(
    name: str, wrong: np.ndarray, values: np.ndarray, expected: str, first: int, what: str = ""
) -> None:
    """Refuse the first of the values that is marked as wrong; `first` is the number of row 0."""
    if wrong.any():
        index = tuple(np.argwhere(wrong)[0])
        value, row = values[index], first + index[0]
        raise ValueError(f"{name} has {what}{value} in row {row}; expected {expected}.")


def _dimensions() -> list[str]:
    """The names of the dimensions that are bound at run time."""
    shapes = [*PARAM_SHAPES.values(), *((*spec.shape, spec.classes) for spec in DATA)]
    return list(dict.fromkeys(dim for shape in shapes for dim in shape if isinstance(dim, str)))


def _sized(shape: Sequence[int | str], sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(sizes[dim] if isinstance(dim, str) else dim for dim in shape)


def _check_dims(dims: Mapping[str, int], options: Sequence[str] = ()) -> dict[str, int]:
    """Refuse sizes of dimensions that the module does not have; `options` may be meant instead."""
    known = _dimensions()
    for name, size in dims.items():
        if name not in known:
            names = ", ".join(known) or "all fixed"
            raise ValueError(
                f"{NAME} has no option or dimension {name!r}; dimensions: {names}."
                + _nearest(name, [*options, *known])
            )
        _check_integer(name, size, 1)
    return dict(dims)


def _check_integer(name: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} is {value!r}; expected an integer of at least {least}.")
    return int(value)


def _check_number(name: str, value: object, expected: str, least: float = -math.inf) -> float:
    """A finite number ≥ `least` that DTYPE can hold."""
    number = float(value) if isinstance(value, (int, float, np.integer, np.floating)) else math.nan
    if not abs(number) <= float(np.finfo(DTYPE).max) or number < least:
        raise ValueError(f"{name} is {value!r}; expected a finite number{expected}.")
    return number


def _check_known(name: str, value: object, known: Iterable[str]) -> str:
    """`value`, which has to be one of the names `known`."""
    names = list(known)
    if not isinstance(value, str) or value not in names:
        text = f"{name} is {value!r}; {NAME} knows {', '.join(names) or 'none'}."
        raise ValueError(text + _nearest(value, names))
    return value


def _nearest(value: object, known: Sequence[str]) -> str:
    near = get_close_matches(str(value), known, n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""
