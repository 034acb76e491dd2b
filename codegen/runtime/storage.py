"""Files: named arrays in .npz format, written whole or not at all."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .checks import _check_params
from .interface import NAME, Params

FilePath = str | os.PathLike[str]


def save(params: Params, path: FilePath) -> None:
    """Write the parameters to exactly `path`, as an .npz archive that `np.load` also reads."""
    _write_arrays(path, _check_params(params, {})._asdict())


def load(path: FilePath) -> Params:
    """The parameters that `save` wrote."""
    arrays = _read_arrays(path)
    if set(arrays) != set(Params._fields):
        raise ValueError(
            f"{path} holds {', '.join(arrays) or 'nothing'}; expected the parameters of {NAME}: "
            f"{', '.join(Params._fields)}."
        )
    try:
        return _check_params(Params(**arrays), {})
    except ValueError as error:
        raise ValueError(f"{path} does not fit {NAME}: {error}") from None


def _check_writable(path: FilePath) -> None:
    """Refuse a path that cannot be written, before hours are spent on what it should hold."""
    if Path(path).is_dir() or not Path(path).absolute().parent.is_dir():
        raise ValueError(f"{path} cannot be written; give a file in an existing folder.")


def _write_arrays(path: FilePath, arrays: Mapping[str, np.ndarray]) -> None:
    """Write to a temporary file beside `path`, then rename it."""
    _check_writable(path)
    target = Path(path).resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _read_arrays(path: FilePath) -> dict[str, np.ndarray]:
    """Every array of an .npz archive, by name."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist.") from None
    except (zipfile.BadZipFile, zlib.error, ValueError, TypeError, AttributeError, EOFError):
        raise ValueError(f"{path} is damaged or is not an .npz archive of plain arrays.") from None
