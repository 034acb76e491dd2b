"""Files: named arrays in .npz format, written whole or not at all, and read without trust.

A file is written beside its place, forced to the disk, and then renamed: whatever happens on the
way, the file that was there before stands. Reading an archive executes nothing and allocates no
more than the file can really hold.
"""

from __future__ import annotations

import contextlib
import glob
import math
import os
import secrets
import struct
import time
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from .checks import _check_params
from .interface import DATA, NAME, Params

FilePath = str | os.PathLike[str]

LABEL_TEXTS = ".classes"  # after the name of a data argument: what its labels 0, 1, … stand for


def save(params: Params, path: FilePath) -> None:
    """Write the parameters to exactly `path`, as an .npz archive that `np.load` also reads."""
    _write_arrays(path, _check_params(params, {})._asdict())


def load(path: FilePath) -> Params:
    """The parameters that `save`, or the command `fit`, wrote."""
    return _load_labelled(path)[0]


def _save_labelled(params: Params, classes: Mapping[str, Sequence[str]], path: FilePath) -> None:
    """Write the parameters, and what the labels they were trained with stand for."""
    texts = {name + LABEL_TEXTS: np.array(list(names)) for name, names in classes.items()}
    _write_arrays(path, _check_params(params, {})._asdict() | texts)


def _load_labelled(path: FilePath) -> tuple[Params, dict[str, tuple[str, ...]]]:
    """The parameters, and the names of the classes 0, 1, … of data arguments that have names."""
    arrays = _read_arrays(path)
    texts = {spec.name: arrays.pop(spec.name + LABEL_TEXTS, None) for spec in DATA}
    classes = {name: tuple(map(str, array)) for name, array in texts.items() if array is not None}
    if set(arrays) != set(Params._fields):
        raise ValueError(
            f"{path} holds {', '.join(arrays) or 'nothing'}; expected the parameters of {NAME}: "
            f"{', '.join(Params._fields)}."
        )
    try:
        return _check_params(Params(**arrays), {}), classes
    except ValueError as error:
        raise ValueError(f"{path} does not fit {NAME}: {error}") from None


def _check_writable(path: FilePath) -> None:
    """Refuse a path that cannot be written, before hours are spent on what it should hold."""
    target = Path(path).absolute()
    if (target.exists() and not target.is_file()) or not target.parent.is_dir():
        raise ValueError(f"{path} cannot be written; give a file in an existing folder.")
    if not os.access(target.resolve().parent, os.W_OK):
        raise ValueError(f"{path} cannot be written: its folder is read-only; give another.")


def _write_arrays(path: FilePath, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an .npz archive."""

    def write(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)

    _write_file(path, write)


def _write_file(path: FilePath, write: Callable[[IO[bytes]], None]) -> None:
    """Let `write` fill a temporary file beside `path`, force it to the disk, then rename it."""
    _check_writable(path)
    target = Path(path).resolve()
    stem = f".{target.name[:200]}."
    _remove_leftovers(target.parent, stem)
    temporary = target.with_name(f"{stem}{secrets.token_hex(4)}.tmp")
    try:
        try:
            with open(temporary, "xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or error
        kept = "; the file that was there is unchanged" if target.exists() else ""
        raise OSError(f"{path} could not be written: {reason}{kept}.") from error
    if os.name == "posix":  # elsewhere a folder cannot be opened
        _force_to_disk(target.parent)


def _force_to_disk(folder: Path) -> None:
    """Make a rename in the folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # Some network file systems refuse this; the file is complete and in its place all the same.
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_leftovers(folder: Path, stem: str) -> None:
    """Remove what processes killed while they wrote have left; one that writes is never so old."""
    for left in folder.glob(f"{glob.escape(stem)}????????.tmp"):
        with contextlib.suppress(OSError):  # another process has removed it, or may do so
            if time.time() - left.stat().st_mtime > 600:
                left.unlink()


@contextlib.contextmanager
def _reading(path: FilePath) -> Iterator[None]:
    """Say in a sentence why a file cannot be read."""
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist.") from None
    except OSError as error:
        raise OSError(f"{path} cannot be read: {error.strerror or error}.") from None


def _read_arrays(path: FilePath, wanted: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of an .npz archive by name, or those `wanted`: numbers or text, never objects."""
    try:
        with _reading(path), open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _check_members(members, os.fstat(file.fileno()).st_size)
            named = {member.filename.removesuffix(".npy"): member for member in members}
            names = [name for name in named if wanted is None or name in wanted]
            return {name: _read_member(archive, named[name]) for name in names}
    except MemoryError:
        raise ValueError(f"{path} holds more than the memory of this machine.") from None
    except (
        *(zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError, EOFError),
        *(LookupError, NotImplementedError, RuntimeError, SyntaxError, TypeError, ValueError),
    ):
        raise ValueError(f"{path} is damaged or is not an .npz archive of plain arrays.") from None


def _check_members(members: Sequence[zipfile.ZipInfo], file_size: int) -> None:
    """Refuse an archive that claims to hold more than such a file can.

    Deflate makes nothing smaller than a 1,032nd of itself; members that overlap would together
    be longer than the file.
    """
    names = [member.filename for member in members]
    if len(set(names)) < len(names) or not all(x.isprintable() and x[:-4] for x in names):
        raise ValueError("names twice, or none")
    if not all(name.endswith(".npy") for name in names):
        raise ValueError("not an array")
    if sum(member.compress_size for member in members) > file_size:
        raise ValueError("overlapping members")
    for member in members:
        factor = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: 1032}.get(member.compress_type, 0)
        if member.file_size > factor * member.compress_size:
            raise ValueError("a size that is not possible")


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """One array in .npy format, whose header must agree with the size of the member.

    NumPy would allocate what the header asks for before it looks for the data.
    """
    layout = np.lib.format
    headers = {(1, 0): layout.read_array_header_1_0, (2, 0): layout.read_array_header_2_0}
    with archive.open(member) as file:
        shape, _, dtype = headers[layout.read_magic(file)](file)
        size = math.prod(shape) * dtype.itemsize
        if dtype.kind not in "biufcSU" or not dtype.itemsize or min(shape, default=0) < 0:
            raise ValueError("no plain array")
        if size != member.file_size - file.tell():
            raise ValueError("a header that does not fit the data")
        file.seek(0)
        return np.asarray(layout.read_array(file, allow_pickle=False))
