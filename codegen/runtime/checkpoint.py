"""Checkpoints: where a run stands, and the file that lets it continue from there."""

from __future__ import annotations

import json
import math
import time
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .checks import _blocks, _rows_of
from .history import COLUMNS
from .interface import DATA, NAME, Params
from .storage import FilePath, _check_writable, _read_arrays, _write_arrays


@dataclass
class _Run:
    """Where a run stands. `params` are views of `theta`; `best` is another such array,
    zeros as long as no epoch was the best. The parameters of `F_ORDER` lie in them column by
    column.

    `position` is how many steps of the current epoch were done, on `rows` rows whose losses have
    the sum `total`; `t` how many in all; `rate` the learning rate of the last one.
    """

    params: Params
    theta: np.ndarray
    state: np.ndarray
    best: np.ndarray
    best_epoch: int = 0  # how many epochs had been done when `best` had the lowest validation loss
    position: int = 0
    rows: int = 0
    t: int = 0
    total: float = 0.0
    rate: float = math.nan
    records: list[tuple[float, ...]] = field(default_factory=list)

    def parameters(self, best: bool = False) -> Params:
        """A copy of the parameters, the best or the latest, row by row."""
        parts = _views(self.params, self.best if best else self.theta)
        return Params(*(np.array(array, order="C") for array in parts))


_ARRAYS = ("theta", "state", "best")
_NUMBERS = dict(best_epoch="i", position="i", rows="i", t="i", total="f", rate="f")


def _new_run(params: Params, states: Sequence[float], columns: Sequence[str] = ()) -> _Run:
    """The start of a run, from a copy of the parameters, and what the optimizer keeps.

    The parameters `columns` are kept column by column.
    """
    named = params._asdict().items()
    arrays = Params(*(np.asarray(a, order="F" if name in columns else "C") for name, a in named))
    theta = np.concatenate([np.ravel(array, order="K") for array in arrays])
    state = np.empty((len(states), len(theta)), theta.dtype)
    state.T[:] = states
    return _Run(_views(arrays, theta), theta, state, np.zeros_like(theta))


def _views(params: Params, theta: np.ndarray) -> Params:
    """The parts of `theta`, shaped like the parameters and in the same order."""
    ends = np.cumsum([array.size for array in params])
    parts = zip(params, ends.tolist(), strict=True)
    return Params(
        *(
            theta[end - a.size : end].reshape(a.shape, order="C" if a.flags.c_contiguous else "F")
            for a, end in parts
        )
    )


def _row_by_row(params: Params, theta: np.ndarray) -> np.ndarray:
    """The numbers of `theta`, or of rows like it, with each parameter row by row."""
    numbers = np.empty_like(theta)
    for own, row in zip(np.atleast_2d(numbers), np.atleast_2d(theta), strict=True):
        own[:] = np.concatenate([np.ravel(array) for array in _views(params, row)])
    return numbers


def _put(params: Params, theta: np.ndarray, numbers: np.ndarray) -> None:
    """Undo `_row_by_row`, in place."""
    for own, row in zip(np.atleast_2d(theta), np.atleast_2d(numbers), strict=True):
        begin = 0
        for array in _views(params, own):
            array[...] = row[begin : begin + array.size].reshape(array.shape)
            begin += array.size


def _checksum(arrays: Sequence[np.ndarray]) -> int:
    checksum = 0
    for array in arrays:
        checksum = zlib.crc32(np.ascontiguousarray(array).data, checksum)
    return checksum


def _checksum_of_data(arrays: Sequence[np.ndarray]) -> int:
    """The checksum of checked data, read block by block."""
    checksum = 0
    for array, spec in zip(arrays, DATA[: len(arrays)], strict=True):
        for rows in _blocks([array]):
            (block,) = _rows_of([array], [spec], rows)
            checksum = zlib.crc32(block.data, checksum)
    return checksum


class _Checkpoint:
    """A file that a run is saved to, not more often than every `seconds`; None: never.

    Without `seconds`, once a second, or less often where the writing takes long: at most a
    twentieth of the time goes into it. A write that fails leaves the file as it was and does not
    stop the run.
    """

    def __init__(
        self, path: FilePath | None, settings: dict[str, object], seconds: float | None
    ) -> None:
        self.path, self.settings, self.seconds = path, settings, seconds
        self.next = time.monotonic() + (1.0 if seconds is None else seconds)
        self.failed = False

    def write_if_due(self, run: _Run) -> None:
        if self.path is not None and time.monotonic() >= self.next:
            self.write(run)

    def write(self, run: _Run, last: bool = False) -> None:
        """Save the run. `last`: nothing will be tried again after this."""
        if self.path is None:
            return
        start = time.monotonic()
        arrays = {name: _row_by_row(run.params, getattr(run, name)) for name in _ARRAYS}
        arrays |= {name: np.array(getattr(run, name)) for name in _NUMBERS}
        arrays |= {"records": np.array(run.records).reshape(-1, len(COLUMNS))}
        arrays |= {"settings": np.array(json.dumps(self.settings))}
        try:
            _write_arrays(self.path, arrays)
        except (OSError, ValueError) as error:  # a full disk; a folder that is no more
            if last or not self.failed:
                follows = "It is tried again later." if not last else "Save what fit returns."
                warnings.warn(f"{error} {follows}", RuntimeWarning, stacklevel=3)
            self.failed = True
        else:
            self.failed = False
        now = time.monotonic()
        self.next = now + (max(1.0, 20 * (now - start)) if self.seconds is None else self.seconds)


def _resume(path: FilePath | None, settings: dict[str, object], epochs: int, run: _Run) -> _Run:
    """The run that `path` holds, or `run` where there is no such file; refuse another run's."""
    if path is None:
        return run
    _check_writable(path)
    if not Path(path).exists():
        return run
    arrays = _read_arrays(path)
    foreign = ValueError(f"{path} is not a checkpoint of fit; give another file.")
    if not {*_ARRAYS, *_NUMBERS, "records", "settings"} <= arrays.keys():
        raise foreign
    try:
        saved = dict(json.loads(str(arrays["settings"])))
    except (ValueError, TypeError):
        raise foreign from None
    for name, value in settings.items():
        if saved.get(name) != value:
            raise ValueError(
                f"{path} is the checkpoint of a run with {name} {saved.get(name)}, not {value}; "
                "fit with the same settings, or give another file."
            )
    for name in _ARRAYS:
        own = getattr(run, name)
        if (arrays[name].shape, arrays[name].dtype) != (own.shape, own.dtype):
            raise foreign
        _put(run.params, own, arrays[name])  # in place: params are views
    for name in _NUMBERS:
        if (arrays[name].shape, arrays[name].dtype.kind) != ((), _NUMBERS[name]):
            raise foreign
        setattr(run, name, arrays[name].item())
    records = arrays["records"]
    if records.shape[1:] != (len(COLUMNS),) or records.dtype.kind != "f":
        raise foreign
    run.records = [tuple(record) for record in records.tolist()]
    if len(run.records) > epochs:
        raise ValueError(f"{path} holds {len(run.records)} epochs already, but epochs is {epochs}.")
    return run


def _interrupted(run: _Run, epochs: int, checkpoint: _Checkpoint, best: bool) -> str:
    """What is said where Ctrl-C has ended a run."""
    which = f"the best, of epoch {run.best_epoch}" if best else "as the last step left them"
    if checkpoint.path is None:
        follows = ""
    elif checkpoint.failed:
        follows = f" {checkpoint.path} does not hold this state: it could not be written."
    else:
        follows = f" The same call continues from {checkpoint.path}."
    where = f"after {len(run.records)} of {epochs} epochs"
    if run.position:
        where += f" and {run.position} step{'s' * (run.position > 1)} of the next"
    return f"{NAME}: interrupted {where}; the parameters are {which}.{follows}"
