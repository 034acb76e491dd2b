"""Columns: which columns of a table are the entries of which data argument.

The columns of an argument are found by name: the number or label y is the column y; the array x is
x1, x2, … or x[0], x[1], … (one index for each axis, or one that counts the entries row by row); X
will do for x. One array that has no such columns takes all others.
"""

from __future__ import annotations

import collections
import itertools
import math
import re
from collections.abc import Mapping, Sequence

from .checks import _shape_text
from .interface import DATA
from .records import DataSpec
from .storage import FilePath


def _places(
    path: FilePath, header: Sequence[str], columns: Mapping[str, str]
) -> dict[str, list[int]]:
    """The places of every argument's columns; none where they are not found."""
    names = {spec.name.lower(): spec.name for spec in DATA} | {x.name: x.name for x in DATA}
    found: dict[str, list[int]] = {spec.name: [] for spec in DATA}
    for given, text in columns.items():
        name = names.get(given, names.get(given.lower()))
        if name is None:
            known = ", ".join(found)
            raise ValueError(f"--columns names {given}, which is no data argument; give {known}.")
        found[name] = _listed(path, header, text)
    for match in (_same_name, _numbered_names):
        for spec in DATA:
            taken = set(itertools.chain.from_iterable(found.values()))
            free = {name: place for place, name in enumerate(header) if place not in taken}
            if not found[spec.name]:
                found[spec.name] = match(path, spec, free)
    open_arrays = [x for x in DATA if not found[x.name] and x.shape and not _takes_labels(x)]
    if len(open_arrays) == 1:
        taken = set(itertools.chain.from_iterable(found.values()))
        found[open_arrays[0].name] = [place for place in range(len(header)) if place not in taken]
    return found


def _listed(path: FilePath, header: Sequence[str], text: str) -> list[int]:
    """The places of columns listed as a,b,c or as first..last."""
    places: list[int] = []
    for item in text.split(","):
        ends = [item] if item in header else item.split("..")
        if len(ends) > 2 or (strange := [name for name in ends if name not in header]):
            name = item if len(ends) > 2 else strange[0]
            raise ValueError(f"{path} has no column {name!r}; its columns are {_some(header)}.")
        places += range(header.index(ends[0]), header.index(ends[-1]) + 1)
    return places


def _same_name(path: FilePath, spec: DataSpec, free: Mapping[str, int]) -> list[int]:
    """The column called like the argument; upper and lower case count where both are there."""
    near = [place for name, place in free.items() if name.lower() == spec.name.lower()]
    return [free[spec.name]] if spec.name in free else near if len(near) == 1 else []


def _numbered_names(path: FilePath, spec: DataSpec, free: Mapping[str, int]) -> list[int]:
    """The columns called like the entries of the argument, by their numbers."""
    if not spec.shape:
        return []
    pattern = rf"{re.escape(spec.name)}(?:_?(\d+)|\[(\d+(?: *, *\d+)*)\])"
    for flags in (0, re.IGNORECASE):
        matches = [
            (x, free[x.string]) for name in free if (x := re.fullmatch(pattern, name, flags))
        ]
        indices = [tuple(map(int, (x[1] or x[2]).split(","))) for x, _ in matches]
        if not indices:
            continue
        axes = [sorted(set(axis)) for axis in zip(*indices, strict=False)]
        ranges = [range(min(1, axis[0]), min(1, axis[0]) + len(axis)) for axis in axes]
        counts = collections.Counter(indices)
        for index in (*indices, *itertools.product(*ranges)):
            if counts[index] != 1:
                entry = f"{spec.name}[{','.join(map(str, index))}]"
                raise ValueError(
                    f"{path} has columns of {spec.name}, but {'two' if counts[index] else 'none'} "
                    f"for {entry}; number them from 0 or 1 on, each once."
                )
        return [place for _, place in sorted(zip(indices, (x for _, x in matches), strict=True))]
    return []


def _example_shape(
    path: FilePath, spec: DataSpec, columns: Sequence[str], sizes: Mapping[str, int]
) -> tuple[int, ...]:
    """The shape of one example whose entries are in the columns, if they are so many."""
    dims = tuple(sizes.get(str(dim), dim) for dim in spec.shape)
    known = math.prod(dim for dim in dims if isinstance(dim, int))
    unknown = [dim for dim in dims if isinstance(dim, str)]
    if _takes_labels(spec) and len(columns) == 1:
        return ()
    if len(unknown) > 1:
        raise ValueError(
            f"{spec.name} is {_shape_text(dims)}, which {len(columns)} columns of {path} do not "
            f"determine; give --dims {'=… '.join(unknown[1:])}=…"
        )
    if len(columns) % known or (not unknown and len(columns) != known):
        wanted = f"a multiple of {known}, for {_shape_text(dims)}" if unknown else known
        raise ValueError(
            f"{path} has {len(columns)} columns for {spec.name} ({_some(columns)}); expected "
            f"{wanted}. Say which with --columns {spec.name}=first..last, or {spec.name}=a,b,…"
        )
    return tuple(dim if isinstance(dim, int) else len(columns) // known for dim in dims)


def _takes_labels(spec: DataSpec) -> bool:
    """Whether one label an example can be what the argument is."""
    return (spec.classes is not None and not spec.shape) or (spec.simplex and len(spec.shape) == 1)


def _is_label_column(spec: DataSpec, places: Sequence[int]) -> bool:
    return _takes_labels(spec) and len(places) == 1


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f", … ({len(names)} in all)" if len(names) > 8 else "")
