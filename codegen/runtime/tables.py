"""Tables: examples in .csv files, whose columns become the data arguments, and predictions.

Labels may be text: the classes are then numbered in sorted order, and a file that is read later
keeps the numbers of the one that was trained with. One column of labels can also stand for a vector
of probabilities, which is 1 at that class.
"""

from __future__ import annotations

import collections
import contextlib
import csv
import io
import itertools
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from .columns import _example_shape, _is_label_column, _places, _some, _takes_labels
from .interface import DATA, DTYPE
from .records import DataSpec
from .storage import FilePath, _read_arrays, _reading, _write_arrays, _write_file

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
            texts, codes = np.unique(array, return_inverse=True)
            codes, found[spec.name] = _numbered(texts.tolist(), codes, known, place)
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
        with _reading(path):
            _, header = next(_rows_of_table(path))
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
            read, texts = _read_columns(path, specs, places)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8, see its byte {error.start}.") from None
    except csv.Error as error:
        raise ValueError(f"{path} is no .csv table: {error}.") from None
    found: dict[str, tuple[str, ...]] = {}
    for spec in specs:
        if spec.name in texts:
            known = None if classes is None else classes.get(spec.name, ())
            where = _cell_at(path, *named[spec.name])
            codes, meanings = _numbered(texts[spec.name], read[spec.name], known, where)
            read[spec.name] = _labels(codes, spec, sizes, meanings)
            found |= {spec.name: meanings} if meanings else {}
        else:
            read[spec.name] = read[spec.name].reshape(-1, *shapes[spec.name])
    return _Examples(tuple(read[spec.name] for spec in specs), named, found)


def _delimiter(path: FilePath) -> str:
    """What separates the cells of the header."""
    with open(path, encoding="utf-8-sig") as file:
        first = re.sub(r'"[^"]*"|\[[^\]]*\]', "", file.readline())  # not the comma of "x[0,1]"
    return max(",;\t", key=first.count)


def _rows_of_table(path: FilePath) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the number of its line; the header is the first."""
    header: list[str] = []
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=_delimiter(path), strict=True)
        for cells in reader:
            if not header:
                header = [cell.strip() for cell in cells]
                if twice := [name for k, name in enumerate(header) if name in header[:k]]:
                    raise ValueError(
                        f"{path} has two columns {twice[0]!r}; give each its own name."
                    )
                yield reader.line_num, header
            elif len(cells) == len(header):
                yield reader.line_num, cells
            elif cells:
                raise ValueError(
                    f"{path}, row {reader.line_num} has {len(cells)} cells; expected "
                    f"{len(header)}, one for each column of the header."
                )
    if not header:
        raise ValueError(f"{path} is empty; expected a header row and one example a row.")


def _read_columns(
    path: FilePath, specs: Sequence[DataSpec], places: Mapping[str, Sequence[int]]
) -> tuple[dict[str, np.ndarray], dict[str, list[str]]]:
    """Numbers (rows, columns) by argument; of a column of labels (rows,), and what they stand for.

    NumPy reads. Only where something is wrong, the table is read once more to say what.
    """
    line, header = next(_rows_of_table(path))
    labels: dict[str, dict[str, int]] = {
        spec.name: {} for spec in specs if _is_label_column(spec, places[spec.name])
    }
    used = set(itertools.chain.from_iterable(places[spec.name] for spec in specs))
    converters: dict[int, Callable[[str], float]] = {
        place: lambda text: 0.0 for place in range(len(header)) if place not in used
    }
    converters |= {places[name][0]: _numbering(numbers) for name, numbers in labels.items()}
    options: dict[str, Any] = {"skiprows": line, "encoding": "utf-8-sig", "quotechar": '"'}
    options |= {"delimiter": _delimiter(path), "converters": converters, "comments": None}
    read: dict[str, np.ndarray] = {}
    with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore"):
        warnings.simplefilter("error")  # of a table without rows
        try:
            table = np.loadtxt(path, float, ndmin=2, **options)
            if table.shape[1] != len(header) or _has_quotes(path):  # of which one may be open
                collections.deque(_rows_of_table(path), maxlen=0)
        except (ValueError, UserWarning) as error:
            _refuse_cells(path, specs, places)
            raise ValueError(f"{path} cannot be read: {error}.") from None
        for spec in specs:
            part, integers = table[:, places[spec.name]], spec.classes is not None
            read[spec.name] = part.astype(np.int64 if integers else DTYPE)
            if spec.name in labels:
                read[spec.name] = part[:, 0].astype(np.int64)
            elif not _are_numbers(part, integers).all():
                _refuse_cells(path, specs, places)
    return read, {name: [*numbers] for name, numbers in labels.items()}


def _has_quotes(path: FilePath) -> bool:
    with open(path, "rb") as file:
        return any(b'"' in block for block in iter(lambda: file.read(1 << 20), b""))


def _numbering(numbers: dict[str, int]) -> Callable[[str], float]:
    """A function from a text to its number: a new one for every new text."""
    return lambda text: numbers.setdefault(text.strip(), len(numbers))


def _are_numbers(values: np.ndarray, integers: bool) -> np.ndarray:
    """Which are integers, or else finite as DTYPE."""
    if integers:
        return np.asarray((np.abs(values) < 2**53) & (values == np.floor(values)))
    return np.asarray(np.abs(values) <= np.finfo(DTYPE).max)


def _refuse_cells(
    path: FilePath, specs: Sequence[DataSpec], places: Mapping[str, Sequence[int]]
) -> None:
    """Say which cell holds no number, or that there are no rows."""
    line, (_, header) = 0, next(_rows_of_table(path))
    numbers = [x for x in specs if not _is_label_column(x, places[x.name])]
    wanted = [(place, x.classes is not None) for x in numbers for place in places[x.name]]
    for line, cells in itertools.islice(_rows_of_table(path), 1, None):
        for place, integers in wanted:
            cell, right = cells[place], False
            with contextlib.suppress(ValueError):
                right = bool(_are_numbers(np.array(float(cell)), integers))
            if not right:
                said = f"{cell!r} is no {'integer' if integers else 'finite number'}"
                said = said if cell.strip() else "the cell is empty"
                raise ValueError(f"{path}, row {line}, column {header[place]}: {said}.")
    if not line:
        raise ValueError(f"{path} has no rows below its header.")


# -------------------------------------------------------------------------------------- labels


def _numbered(
    texts: Sequence[str],
    codes: np.ndarray,
    known: Sequence[str] | None,
    where: Callable[[int], str],
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The numbers of labels, and the classes that they stand for: none where they are numbers.

    Row k has the label `texts[codes[k]]`; `known` are the classes that a model was trained with.
    """
    integers = {text: int(float(text)) for text in texts if re.fullmatch(r"-?\d{1,9}(\.0*)?", text)}
    if known:
        numbers, classes = {text: k for k, text in enumerate(known)}, tuple(known)
    elif known is not None or len(integers) == len(texts):
        numbers, classes = integers, ()
    else:
        classes = tuple(sorted(texts))
        numbers = {text: k for k, text in enumerate(classes)}
    for code, text in enumerate(texts):
        if not text or text not in numbers:
            expected = f"one of the classes {_some(classes)}" if classes else "an integer label"
            said = f"{text!r} was given; expected {expected}."
            if not text:
                said = "the cell is empty; expected a class."
            raise ValueError(f"{where(int(np.argmax(codes == code)))}: {said}")
    return np.array([numbers[text] for text in texts], np.int64)[codes], classes


def _cell_at(path: FilePath, column: str) -> Callable[[int], str]:
    """Where row k of a column is in the file."""
    rows = _rows_of_table(path)
    return lambda k: f"{path}, row {next(itertools.islice(rows, k + 1, None))[0]}, column {column}"


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
