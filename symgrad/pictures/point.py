"""A point: a number or an array for each leaf of a graph, as a user gives them.

In: ``at={w1: 2, "w2": Fraction(1, 3), x: array}``, or the command line's ``w1=2``, ``w2=1/3``,
``x=1,2,3``, ``x=x.npy``. Out: one value a leaf, or one sentence. Text is read as numbers, never
evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import sympy as sp

from symgrad.errors import DataError
from symgrad.graph import Node
from symgrad.listing import shape_text

MOST_EXACT = 1000
"""Numbers in a point that is computed with exactly."""


def point(
    leaves: Sequence[Node], at: Mapping[Any, Any], computed: Iterable[str] = ()
) -> dict[Any, Any]:
    """The value given for each leaf, and for dimension symbols that are given, by node and symbol.

    A key is a symbol or its name. Raises DataError for a leaf without a value, and for a key that
    is none of the leaves; ``computed`` are the names of the other values.
    """
    if not isinstance(at, Mapping):
        raise DataError(f"the point was given as {at!r}; expected a dict such as {{w1: 2, w2: 3}}.")
    known = {x.name: x for x in leaves}
    known = {str(x.leaf.origin): x for x in leaves if x.leaf.origin is not None} | known
    sizes = {s.name: s for x in leaves for n in x.shape for s in sp.sympify(n).free_symbols}
    found: dict[Any, Any] = {}
    for key, value in at.items():
        name = str(key)
        if name in known:
            found[known[name]] = value
        elif name in sizes:
            found[sizes[name]] = value
        elif name in set(computed):
            raise DataError(
                f"{name} is computed from other values; give those instead: {', '.join(known)}."
            )
        else:
            raise DataError(
                f"a value was given for {name}, which does not occur; the leaves are "
                f"{', '.join(known)}."
            )
    missing = [f"{x.name} ({shape_text(x.shape)})" for x in leaves if x not in found]
    if missing:
        raise DataError(
            f"no value was given for {', '.join(missing)}; "
            f"add {'it' if len(missing) == 1 else 'them'} to the point."
        )
    return found


def as_numbers(name: str, value: Any) -> tuple[Any, bool]:
    """A value as an array of SymPy's rationals, or of floats, and whether it is exact."""
    import numpy as np

    try:
        array = np.asarray(value, dtype=object if not hasattr(value, "dtype") else None)
    except ValueError:  # rows of different lengths
        raise DataError(f"the value of {name} is no array: its rows differ in length.") from None
    entries = [_number(name, x) for x in array.reshape(-1).tolist()]
    exact = len(entries) <= MOST_EXACT and all(isinstance(x, sp.Rational) for x in entries)
    result = np.empty(array.shape, object if exact else float)
    for at, x in zip(np.ndindex(*array.shape), entries, strict=True):
        result[at] = x if exact else float(x)
    if not exact and not np.isfinite(result).all():
        raise DataError(f"the value of {name} is not finite; give numbers.")
    return result, exact


def _number(name: str, value: Any) -> Any:
    if isinstance(value, bool | int):
        return sp.Integer(value)
    if isinstance(value, Fraction):
        return sp.Rational(value.numerator, value.denominator)
    if isinstance(value, float):
        return value
    if isinstance(value, sp.Expr) and value.is_number and value.is_real:
        return value if value.is_Rational else float(value)
    raise DataError(
        f"the value of {name} has the entry {value!r} of type {type(value).__name__}; expected a "
        "number or an array of numbers."
    )


_FRACTION = re.compile(r"[+-]?\d{1,400}(/\d{1,400})?\Z")
_DECIMAL = re.compile(r"[+-]?(\d{1,400}\.?\d{0,400}|\.\d{1,400})([eE][+-]?\d{1,4})?\Z")


def assignments(texts: Iterable[str]) -> dict[str, Any]:
    """``["w1=2", "x=1,2,3", "W=1,2;3,4", "X=data.npy", "point.npz"]`` as a point.

    A fraction ``a/b`` is exact; ``.npz`` without a name gives every array in the file. Raises
    DataError for anything else.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals and text.endswith(".npz"):
            found |= _archive(text)
            continue
        if not (equals and name.strip() and value.strip()):
            raise DataError(f"the point {text!r} was given; expected name=number, such as w1=2.")
        found[name.strip()] = _parsed(name.strip(), value.strip())
    return found


def _parsed(name: str, text: str) -> Any:
    if text.endswith((".npy", ".npz")):
        arrays = _archive(text)
        if len(arrays) > 1 and name not in arrays:
            raise DataError(f"the file {text} has the arrays {', '.join(arrays)}, and no {name}.")
        return arrays.get(name, next(iter(arrays.values())))
    rows = [[_scalar(name, x.strip()) for x in row.split(",")] for row in text.split(";")]
    if len(rows) > 1:
        return rows
    return rows[0] if len(rows[0]) > 1 else rows[0][0]


def _scalar(name: str, text: str) -> Any:
    if _FRACTION.match(text):
        top, _, bottom = text.partition("/")
        if bottom and not int(bottom):
            raise DataError(f"the value {text} of {name} divides by 0; give a number.")
        return Fraction(int(top), int(bottom or 1))
    if _DECIMAL.match(text):
        return float(text)
    raise DataError(
        f"the value {text!r} was given for {name}; expected a number such as 2, 1/3 or 0.5, "
        "several as in 1,2,3, rows as in 1,2;3,4, or a file .npy or .npz."
    )


def _archive(path: str) -> dict[str, Any]:
    """The arrays of a file; an .npy file has one, without a name."""
    import numpy as np

    if not Path(path).is_file():
        raise DataError(f"there is no file {path}; expected a .npy or .npz file of arrays.")
    try:
        loaded = np.load(path, allow_pickle=False)
        if not path.endswith(".npz"):
            return {"": loaded}
        with loaded:
            found = {name: loaded[name] for name in loaded.files}
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        raise DataError(f"the file {path} cannot be read as arrays of numbers: {error}.") from None
    if not found:
        raise DataError(f"the file {path} holds no arrays.")
    return found
