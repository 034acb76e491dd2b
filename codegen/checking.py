"""The check of arguments at a call: one sentence for an array that does not fit.

Arrays come out in the function's type, labels and integers as integers. NaN passes: a function
computes what it is given, and it is training that refuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sympy as sp

from symgrad.codegen.program import Dimension, Input
from symgrad.errors import DataError
from symgrad.graph import Dim, Shape

if TYPE_CHECKING:
    import numpy as np


def checked(
    function: str,
    inputs: Sequence[Input],
    dimensions: Sequence[Dimension],
    values: Sequence[object],
    dtype: str,
    derived: Sequence[sp.Expr] = (),
) -> list[Any]:
    """``values`` as arrays and numbers that fit ``inputs``, or a DataError.

    ``derived`` are sizes of computed values, such as T − 2 of a convolution, that have to be ≥ 1.
    """
    if len(values) != len(inputs):
        names = ", ".join(x.declared for x in inputs)
        raise DataError(
            f"{function} takes {len(inputs)} arguments ({names}); {len(values)} were given."
        )
    arrays = [_converted(x, v, dtype) for x, v in zip(inputs, values, strict=True)]
    sizes = _Sizes(inputs)
    for d in dimensions:
        sizes.bind(d, arrays[d.source])
    for entry, array in zip(inputs, arrays, strict=True):
        if entry.role != "unused":
            sizes.check(entry, array.shape)
    for n in derived:
        size = sizes.value(n)
        if size is not None and size < 1:
            raise DataError(
                f"{function} computes an array of {n} entries along an axis, which is {size} with "
                f"{sizes.known(n)}; expected at least 1, so give larger arrays."
            )
    for entry, array in zip(inputs, arrays, strict=True):
        if entry.role == "label":
            _check_range(entry, array, sizes.value(entry.classes))
    return [a[()] if a.ndim == 0 else a for a in arrays]


def _converted(entry: Input, value: object, dtype: str) -> np.ndarray[Any, Any]:
    import numpy as np

    try:
        array = np.asarray(value)
    except ValueError as error:  # rows of different lengths
        raise DataError(f"the argument {entry.declared} is not an array: {error}.") from None
    whole = entry.role in ("label", "integer")
    if array.dtype.kind not in ("iu" if whole else "iufb"):
        expected = "integers" if whole else "real numbers"
        raise DataError(
            f"the argument {entry.declared} has type {array.dtype}; expected {expected}."
        )
    if entry.role != "unused" and not entry.shape and not entry.array_shape and array.size == 1:
        array = array.reshape(())  # a 1×1 matrix counts as a scalar
    return array.astype(np.int64 if whole else dtype, copy=False)


class _Sizes:
    """The dimensions as they are bound, and by which argument."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        self.inputs = inputs
        self.bound: dict[sp.Basic, int] = {}
        self.source: dict[sp.Basic, str] = {}

    def bind(self, d: Dimension, array: np.ndarray[Any, Any]) -> None:
        entry = self.inputs[d.source]
        if d.axis is None:
            extent = int(array)
        elif array.ndim == len(entry.array_shape):
            extent = int(array.shape[d.axis])
        else:
            raise self.misfit(entry, array.shape)
        offset = self.value(d.offset)
        size, rest = divmod(extent - (offset or 0), d.factor)
        if rest or offset is None:
            raise self.misfit(entry, array.shape)
        if size < 1:
            where = "" if d.axis is None else f" of shape {_tuple(array.shape)}"
            raise DataError(
                f"the argument {entry.declared}{where} makes {d.symbol} = {size}; "
                "expected at least 1."
            )
        self.bound[d.symbol] = size
        self.source[d.symbol] = entry.declared

    def check(self, entry: Input, given: tuple[int, ...]) -> None:
        """Raise unless ``given`` is the declared shape with the dimensions bound so far."""
        if given != tuple(self.value(n) for n in entry.array_shape):
            raise self.misfit(entry, given)

    def value(self, n: Dim | None) -> int | None:
        if n is None or isinstance(n, int):
            return n
        if n in self.bound:
            return self.bound[n]
        number = n.subs(self.bound)
        return int(number) if number.is_Integer else None

    def known(self, n: sp.Expr) -> str:
        """The dimensions that ``n`` is made of, as they are bound."""
        return " and ".join(f"{s} = {self.bound[s]}" for s in sorted(n.free_symbols, key=str))

    def misfit(self, entry: Input, given: tuple[int, ...]) -> DataError:
        shape = entry.array_shape
        text = f"expected {_tuple(shape)}" if shape else "expected a number"
        symbols = {s for n in shape if isinstance(n, sp.Basic) for s in n.free_symbols}
        known = [
            f"{s} = {self.bound[s]}" + f" from {self.source[s]}" * (self.source[s] != str(s))
            for s in sorted(symbols & self.bound.keys(), key=str)
            if self.source[s] != entry.declared
        ]
        where = f", with {' and '.join(known)}" if known else ""
        return DataError(f"the argument {entry.declared} has shape {_tuple(given)}; {text}{where}.")


def _check_range(entry: Input, array: np.ndarray[Any, Any], classes: int | None) -> None:
    outside = (array < 0) | (array >= (classes or 0))
    if outside.any():
        worst = array[outside].flat[0] if array.ndim else array
        raise DataError(
            f"the argument {entry.declared} has the label {worst}; expected integers from 0 to "
            f"{(classes or 0) - 1}."
        )


def _tuple(shape: Shape) -> str:
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
