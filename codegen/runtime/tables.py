"""Tables: examples in .csv files, whose columns become the data arguments, and predictions.

Labels may be text: the classes are then numbered in sorted order, and a file that is read later
keeps the numbers of the one that was trained with. One column of labels can also stand for a vector
of probabilities, which is 1 at that class.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from .columns import _example_shape, _is_label_column, _places, _some, _takes_labels
from .interface import DATA, DTYPE
from .records import DataSpec
from .storage import FilePath, _read_arrays, _reading, _write_arrays, _write_file

CELLS_OF_A_BLOCK = 1 << 19  # of a table that are converted at a time

_Classes = Mapping[str, Sequence[str]]


class _Examples(NamedTuple):
    """Data arguments read from a file: where from, and what the numbers of text labels mean."""

    arrays: tuple[np.ndarray, ...]
    columns: dict[str, tuple[str, ...]]  # argument → its columns; empty for an archive
    classes: dict[str, tuple[str, ...]]  # argument → the classes 0, 1, … as they are in the file


def _read_examples(
    path: FilePath,
    names: Sequence[str],
    sizes: Mapping[str, int],
    columns: Mapping[str, str],
    classes: _Classes | None = None,
) -> _Examples:
    """The data arguments `names`, from a .csv table or from the arrays of an .npz archive.

    `sizes` are the dimensions that are known, `columns` those of arguments that are not found by
    their names. `classes` are the classes that a model was trained with; where it is None, the
    classes of this file are numbered.
    """
    specs = [spec for spec in DATA if spec.name in names]
    if _is_table(path):
        return _read_table(path, specs, sizes, columns, classes)
    arrays, found = _read_arrays(path, names), {}
    if missing := [spec.name for spec in specs if spec.name not in arrays]:
        with zipfile.ZipFile(path) as archive:
            others = ", ".join(name.removesuffix(".npy") for name in archive.namelist())
        raise ValueError(f"{path} has no array {', '.join(missing)}; it has {others or 'none'}.")
    for spec in specs:
        array = arrays[spec.name]
        if array.dtype.kind == "U" and array.ndim == 1 and _takes_labels(spec):
            known = None if classes is None else classes.get(spec.name, ())
            place = f"{path}, {spec.name}[{{}}]".format
            codes, found[spec.name] = _numbered(array.tolist(), known, place)
            arrays[spec.name] = _labels(codes, spec, sizes, found[spec.name])
    return _Examples(tuple(arrays[spec.name] for spec in specs), {}, found)


def _is_table(path: FilePath) -> bool:
    return Path(path).suffix.lower() == ".csv"


def _read_table(
    path: FilePath,
    specs: Sequence[DataSpec],
    sizes: Mapping[str, int],
    columns: Mapping[str, str],
    classes: _Classes | None,
) -> _Examples:
    try:
        with _reading(path), open(path, encoding="utf-8-sig", newline="") as file:
            _, header = next(_rows_of_table(path, file))
            places = _places(path, header, columns)
            for name in (spec.name for spec in specs if not places[spec.name]):
                raise ValueError(
                    f"{path} has no column {name}; its columns are {_some(header)}. Say which it "
                    f"is with --columns {name}=…"
                )
            named = {spec.name: tuple(header[x] for x in places[spec.name]) for spec in specs}
            shapes = {
                spec.name: _example_shape(path, spec, named[spec.name], sizes) for spec in specs
            }
            texts: dict[str, list[str]] = {}
            lines: list[int] = []
            read = _read_numbers(file, len(header), specs, places) if not classes else None
            if read is None:
                rows = itertools.islice(_rows_of_table(path, file), 1, None)
                read, texts, lines = _read_columns(path, rows, header, specs, places)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8, see its byte {error.start}.") from None
    except csv.Error as error:
        raise ValueError(f"{path} is no .csv table: {error}.") from None
    found: dict[str, tuple[str, ...]] = {}
    for spec in specs:
        if spec.name in texts:
            known = None if classes is None else classes.get(spec.name, ())
            where = _cell_at(path, lines, *named[spec.name])
            codes, meanings = _numbered(texts[spec.name], known, where)
            read[spec.name] = _labels(codes, spec, sizes, meanings)
            found |= {spec.name: meanings} if meanings else {}
        elif _is_label_column(spec, places[spec.name]):
            read[spec.name] = _labels(read[spec.name][:, 0], spec, sizes, ())
        else:
            read[spec.name] = read[spec.name].reshape(-1, *shapes[spec.name])
    return _Examples(tuple(read[spec.name] for spec in specs), named, found)


def _delimiter(file: IO[str]) -> str:
    """What separates the cells of the header; the file is then at its beginning."""
    file.seek(0)
    first = re.sub(r'"[^"]*"|\[[^\]]*\]', "", file.readline())  # not the comma of "x[0,1]"
    file.seek(0)
    return max(",;\t", key=first.count)


def _rows_of_table(path: FilePath, file: IO[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the number of its line; the header is the first."""
    reader = csv.reader(file, delimiter=_delimiter(file), strict=True)
    header: list[str] = []
    for cells in reader:
        if not header:
            header = [cell.strip() for cell in cells]
            if twice := [name for k, name in enumerate(header) if name in header[:k]]:
                raise ValueError(f"{path} has two columns {twice[0]!r}; give each its own name.")
            yield reader.line_num, header
        elif len(cells) == len(header):
            yield reader.line_num, cells
        elif cells:
            raise ValueError(
                f"{path}, row {reader.line_num} has {len(cells)} cells; expected {len(header)}, "
                "one for each column of the header."
            )
    if not header:
        raise ValueError(f"{path} is empty; expected a header row and one example a row.")


def _read_numbers(
    file: IO[str], width: int, specs: Sequence[DataSpec], places: Mapping[str, Sequence[int]]
) -> dict[str, np.ndarray] | None:
    """Numbers (rows, columns) by argument, ten times faster; None unless all the table is sound."""
    delimiter = _delimiter(file)
    with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore"):
        warnings.simplefilter("error")  # of a table without rows
        try:
            next(csv.reader(file, delimiter=delimiter, strict=True))
            table = np.loadtxt(file, float, None, delimiter, quotechar='"', ndmin=2)
        except (ValueError, UserWarning):
            return None
        if table.shape[1] != width:
            return None
        found = {}
        for spec in specs:
            part = table[:, places[spec.name]]
            label = spec.classes is not None or _is_label_column(spec, places[spec.name])
            found[spec.name] = part.astype(np.int64 if label else DTYPE)
            if not np.isfinite(found[spec.name]).all() or (
                label and (found[spec.name] != part).any()
            ):
                return None
    return found


def _read_columns(
    path: FilePath,
    rows: Iterator[tuple[int, list[str]]],
    header: Sequence[str],
    specs: Sequence[DataSpec],
    places: Mapping[str, Sequence[int]],
) -> tuple[dict[str, np.ndarray], dict[str, list[str]], list[int]]:
    """Numbers (rows, columns) by argument; the texts of labels; and the line of each row."""
    texts: dict[str, list[str]] = {
        spec.name: [] for spec in specs if _is_label_column(spec, places[spec.name])
    }
    blocks: dict[str, list[np.ndarray]] = {x.name: [] for x in specs if x.name not in texts}
    lines: list[int] = []
    while block := list(itertools.islice(rows, max(1, CELLS_OF_A_BLOCK // len(header)))):
        lines += [line for line, _ in block]
        columns = list(zip(*(cells for _, cells in block), strict=True))
        for spec in specs:
            if spec.name in texts:
                texts[spec.name] += map(str.strip, columns[places[spec.name][0]])
                continue
            integers = spec.classes is not None
            part = np.empty((len(block), len(places[spec.name])), np.int64 if integers else DTYPE)
            for k, place in enumerate(places[spec.name]):
                wrong = _convert(columns[place], part[:, k])
                if wrong is not None:
                    cell, wanted = columns[place][wrong], "integer" if integers else "finite number"
                    said = f"{cell!r} is no {wanted}" if cell.strip() else "the cell is empty"
                    row = lines[wrong - len(block)]
                    raise ValueError(f"{path}, row {row}, column {header[place]}: {said}.")
            blocks[spec.name].append(part)
    if not lines:
        raise ValueError(f"{path} has no rows below its header.")
    return {name: np.concatenate(parts) for name, parts in blocks.items()}, texts, lines


def _convert(cells: Sequence[str], numbers: np.ndarray) -> int | None:
    """Write the numbers of the cells; returns the first that is none, or is not finite."""
    kind = int if numbers.dtype.kind == "i" else float
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite
        try:
            numbers[:] = np.fromiter(map(kind, cells), kind, len(cells))
        except (ValueError, OverflowError):
            for k, cell in enumerate(cells):
                try:
                    numbers[k] = kind(cell)
                except (ValueError, OverflowError):
                    return k
    wrong = np.flatnonzero(~np.isfinite(numbers))
    return int(wrong[0]) if len(wrong) else None


# -------------------------------------------------------------------------------------- labels


def _numbered(
    texts: Sequence[str], known: Sequence[str] | None, where: Callable[[int], str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The numbers of labels, and the classes that they stand for: none where they are numbers."""
    kinds = set(texts)
    if "" in kinds:
        raise ValueError(f"{where(texts.index(''))}: the cell is empty; expected a class.")
    integers = {text: int(float(text)) for text in kinds if re.fullmatch(r"-?\d{1,9}(\.0*)?", text)}
    if known:
        codes, classes = {text: k for k, text in enumerate(known)}, tuple(known)
    elif known is not None or len(integers) == len(kinds):
        codes, classes = integers, ()
    else:
        classes = tuple(sorted(kinds))
        codes = {text: k for k, text in enumerate(classes)}
    for text in texts if kinds - codes.keys() else ():
        if text not in codes:
            expected = f"one of the classes {_some(classes)}" if classes else "an integer label"
            raise ValueError(
                f"{where(texts.index(text))}: {text!r} was given; expected {expected}."
            )
    return np.array([codes[text] for text in texts], np.int64), classes


def _cell_at(path: FilePath, lines: Sequence[int], column: str) -> Callable[[int], str]:
    return lambda k: f"{path}, row {lines[k]}, column {column}"


def _labels(
    codes: np.ndarray, spec: DataSpec, sizes: Mapping[str, int], classes: Sequence[str]
) -> np.ndarray:
    """Labels as the argument wants them: as they are, or as vectors that are 1 at the class."""
    if not spec.simplex:
        return codes
    (dim,) = spec.shape
    count = sizes.get(str(dim), dim)
    size = count if isinstance(count, int) else len(classes) or max(1, int(codes.max()) + 1)
    if len(classes) > size:
        raise ValueError(
            f"{spec.name} has {len(classes)} classes: {_some(classes)}; expected {size}."
        )
    if codes.min() < 0 or codes.max() >= size:
        wrong = codes[(codes < 0) | (codes >= size)][0]
        raise ValueError(f"{spec.name} has the label {wrong}; expected 0 … {size - 1}.")
    vectors = np.zeros((len(codes), size), DTYPE)
    vectors[np.arange(len(codes)), codes] = 1
    return vectors


# ------------------------------------------------------------------------------------- writing


def _write_predictions(
    path: FilePath, predictions: np.ndarray, target: str | None, classes: Sequence[str]
) -> None:
    """`predictions` in an .npz archive; or a table, one example a row, with what it is first.

    `target` is what the scores are of, if there is one score for each class of it.
    """
    if not _is_table(path):
        _write_arrays(path, {"predictions": predictions})
        return
    entries = predictions.reshape(len(predictions), -1)
    header = [
        f"prediction[{','.join(map(str, index))}]" if index else "prediction"
        for index in np.ndindex(predictions.shape[1:])
    ]
    classes = classes if len(classes) == len(header) else ()
    header = [*classes] or header
    rows = entries.astype(str).tolist()
    if target is not None:
        best = predictions.argmax(axis=1).tolist()
        header = [target, *header]
        rows = [[classes[k] if classes else k, *row] for k, row in zip(best, rows, strict=True)]

    def write(file: IO[bytes]) -> None:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        csv.writer(text, lineterminator="\n").writerows([header, *rows])
        text.detach()  # writes what is left, and leaves the file open

    _write_file(path, write)
