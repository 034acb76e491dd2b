"""Checkpoints: the state of a run after an epoch, and the file that lets it continue from there."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .interface import Params
from .storage import FilePath, _check_writable, _read_arrays, _write_arrays


class _State(NamedTuple):
    """Where a run stands; each record is an epoch's (loss, validation loss, accuracy)."""

    params: Params
    best: Params  # the parameters of the lowest validation loss
    best_epoch: int  # how many epochs had been done then
    records: list[tuple[float, float, float]]


def _copy(params: Params) -> Params:
    return Params(*(array.copy() for array in params))


def _checksum(arrays: Sequence[np.ndarray]) -> int:
    checksum = 0
    for array in arrays:
        checksum = zlib.crc32(array.data, checksum)
    return checksum


def _write_checkpoint(path: FilePath, settings: dict[str, object], state: _State) -> None:
    arrays = {f"params.{name}": array for name, array in state.params._asdict().items()}
    arrays |= {f"best.{name}": array for name, array in state.best._asdict().items()}
    arrays |= {"best_epoch": np.array(state.best_epoch), "records": np.array(state.records)}
    _write_arrays(path, arrays | {"settings": np.array(json.dumps(settings))})


def _resume(path: FilePath, settings: dict[str, object], epochs: int, state: _State) -> _State:
    """The run that `path` holds, or `state` where there is no such file; refuse another run's."""
    _check_writable(path)
    if not Path(path).exists():
        return state
    arrays = _read_arrays(path)
    if "settings" not in arrays:
        raise ValueError(f"{path} is not a checkpoint of fit; give another file.")
    saved = json.loads(str(arrays["settings"]))
    for name, value in settings.items():
        if saved.get(name) != value:
            raise ValueError(
                f"{path} is the checkpoint of a run with {name} {saved.get(name)}, not {value}; "
                "fit with the same settings, or give another file."
            )
    params, best = (
        Params(*(arrays[f"{kind}.{name}"] for name in Params._fields))
        for kind in ("params", "best")
    )
    records = [(a, b, c) for a, b, c in arrays["records"].tolist()]
    if len(records) > epochs:
        raise ValueError(f"{path} holds {len(records)} epochs already, but epochs is {epochs}.")
    return _State(params, best, int(arrays["best_epoch"]), records)
