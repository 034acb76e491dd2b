"""Settings: what a run is told besides the data and the parameters, checked."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .batches import _Arrays, _Batches, _is_batches, _Source
from .checkpoint import _checksum, _checksum_of_data
from .checks import (
    _check_data,
    _check_integer,
    _check_known,
    _check_number,
    _check_params,
)
from .descent import _HeldOut, _Settings
from .full_batch import FULL_BATCH, OF_SQUARES
from .initial import Initial
from .interface import DATA, DTYPE, FORMULAS, NAME, OPTIMIZERS, Params
from .iterations import FullBatch
from .records import Optimizer


def _refuse_foreign(optimizer: str, names: Sequence[str]) -> None:
    """Refuse options that an optimizer over all data has no use for."""
    if "checkpoint" in names:
        raise ValueError(
            f"{optimizer} cannot be continued from a checkpoint bit for bit; leave checkpoint out, "
            f"or take one of {', '.join(OPTIMIZERS)}."
        )
    if names:
        raise ValueError(f"{optimizer} finds its own step length; leave {', '.join(names)} out.")


def _check_rule(optimizer: str) -> Optimizer | FullBatch:
    """What is called so, of all that this loss can be given to."""
    rules: dict[str, Optimizer | FullBatch] = {**OPTIMIZERS, **FULL_BATCH}
    if optimizer in OF_SQUARES and optimizer not in rules:
        raise ValueError(
            f"{optimizer} needs a loss that is a sum of squares, and that of {NAME} is none; take "
            "'lbfgs'."
        )
    return rules[_check_known("optimizer", optimizer, rules)]


def _check_rate(value: float | None, optimizer: str, options: dict[str, float]) -> float:
    """The learning rate, with which the optimizer can make its first step."""
    if value is None:
        raise ValueError(f"learning_rate is needed by {optimizer}; pass a number such as 0.1.")
    rate = _check_number("learning_rate", value, " ≥ 0, such as 0.1", 0)
    if optimizer in OPTIMIZERS:
        with np.errstate(all="ignore"):
            rule = OPTIMIZERS[optimizer].coefficients
            numbers = rule(np.array([rate]), np.array([1.0]), **options).astype(DTYPE)
        if not np.isfinite(numbers).all():
            raise ValueError(f"{optimizer} has no first step with options {options}; change them.")
    return rate


def _check_clip(clip: object) -> float:
    if _check_number("clip", clip, " > 0, such as 1.0", 0) == 0:
        raise ValueError(f"clip is {clip!r}; expected a finite number > 0, such as 1.0.")
    return float(clip)  # type: ignore[arg-type]


def _check_options(
    given: Mapping[str, float] | None,
    of_rule: Mapping[str, float],
    of_schedule: Mapping[str, float],
) -> tuple[dict[str, float], dict[str, float]]:
    """The options of the optimizer and of the schedule: what is given, else as they are."""
    if given is not None and not isinstance(given, Mapping):
        raise ValueError(
            f"options is of type {type(given).__name__}; expected a dict such as "
            '{"weight_decay": 0.01}.'
        )
    known, numbers = [*of_rule, *of_schedule], {}
    for name, value in (given or {}).items():
        _check_known("an option in options", name, known)
        numbers[name] = _check_number(f"option {name}", value, "")
    rule, schedule = ({k: numbers.get(k, v) for k, v in x.items()} for x in (of_rule, of_schedule))
    return rule, schedule


def _check_start(params: Params, initial: Initial | None, sizes: dict[str, int]) -> Params:
    """Given parameters, which have to be finite."""
    if initial is not None:
        raise ValueError("Both params and initial are given; leave one of them out.")
    checked = _check_params(params, sizes)
    for name, array in checked._asdict().items():
        if not np.isfinite(array).all():
            value = array[~np.isfinite(array)][0]
            raise ValueError(f"parameter {name} has {value}; expected finite numbers.")
    return checked


def _check_source(
    data: Sequence[Any],
    sizes: dict[str, int],
    epochs: int,
    batch_size: int | None,
    seed: int,
    optimizer: str,
) -> _Source | tuple[np.ndarray, ...]:
    """Where the rows of each step come from; for an optimizer over all data these, as arrays."""
    full, batches = optimizer in FULL_BATCH, _is_batches(data)
    size = None if batch_size is None else _check_integer("batch_size", batch_size, 1)
    if batches and full:
        raise ValueError(f"{optimizer} takes all data at once; give arrays, not batches.")
    if batches:
        if epochs > 1 and isinstance(data[0], Iterator):
            raise ValueError(
                f"The data are an iterator, which can be used once, but epochs is {epochs}; give a "
                "list or a data loader, or a function that returns an iterator."
            )
        return _Batches(data[0], size, sizes)
    arrays = _check_data(data, DATA, sizes, leave_large=not full)
    rows = len(arrays[0])
    if full:
        if size not in (None, rows):
            raise ValueError(
                f"{optimizer} takes all {rows} rows at once; leave batch_size out, not {size}."
            )
        return arrays
    if size is None:
        raise ValueError(f"batch_size is needed by {optimizer}; pass a number from 1 to {rows}.")
    if size > rows:
        raise ValueError(f"batch_size is {size}, but the data have {rows} rows.")
    return _Arrays(arrays, size, seed)


def _check_freeze(freeze: Iterable[str]) -> list[str]:
    """The names of frozen parameters, in their order."""
    if isinstance(freeze, str):
        raise ValueError(f"freeze is {freeze!r}; give a list of names, [{freeze!r}].")
    names = {_check_known("a parameter in freeze", name, Params._fields) for name in freeze}
    if len(names) == len(Params._fields):
        raise ValueError("freeze names every parameter; leave at least one to be trained.")
    return [name for name in Params._fields if name in names]


def _segments(params: Params, frozen: Sequence[str]) -> np.ndarray:
    """The parts of all parameters side by side that are not frozen, (n, 2); neighbours are one."""
    trained = [np.full(array.size, x not in frozen) for x, array in params._asdict().items()]
    changes = np.diff(np.concatenate(trained), prepend=False, append=False)
    return np.flatnonzero(changes).reshape(-1, 2).astype(np.int64)


def _described(
    settings: _Settings,
    source: Any,
    held_out: _HeldOut,
    params: Params,
    frozen: list[str],
) -> dict[str, object]:
    """All that the course of a run depends on, as what JSON can hold."""
    rates, size = settings.rates, source.batch_size
    named, arrays = isinstance(rates.schedule, str), getattr(source, "arrays", None)
    described: dict[str, object] = {
        "module": NAME,
        "formulas of checksum": zlib.crc32(repr(FORMULAS).encode()),
        "type": str(np.dtype(DTYPE)),
        "shapes": [list(array.shape) for array in params],
        "optimizer": settings.optimizer,
        "options": {**settings.options, **rates.options},
        "batch_size": size,
        "learning_rate": rates.learning_rate,
        "schedule": rates.schedule if named else "a function",
        "warmup": rates.warmup,
        "clip": None if settings.clip == math.inf else settings.clip,
        "freeze": frozen,
        "seed": settings.seed,
        "initial parameters of checksum": _checksum(params),
        "data of checksum": "batches" if arrays is None else _checksum_of_data(arrays),
        "validation data of checksum": _checksum_of_data(held_out.arrays),
    }
    if not named:
        factors = rates.of(np.arange(1, 1001), 0, None)
        described["schedule of checksum"] = _checksum([factors])
    if rates.schedule == "cosine":
        described["epochs"] = settings.epochs
    return described
