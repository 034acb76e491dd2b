# mypy: disable-error-code="no-any-return"
"""Units: a wide layer on two threads, each of which has half of its units and of its weights.

The law, and why, stands in `codegen.units`. The compiled steps of both halves meet where a product
sums over all units. What is not divided both threads compute, and come to the same: so what they
keep for themselves, a bias of the classes, stays equal. Copied by source into generated files.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from .meeting import _arrive, _on_two_threads, _wait


class _Units(NamedTuple):
    """What two threads work with that have the units of a layer between them.

    `whole` are the arrays for all units. `axes` names the parameters that are divided, and along
    which axis; `sums` (2, n) has room for what is summed over the units of each half.
    """

    whole: Any
    arrays: tuple[Any, Any]
    axes: dict[str, int]
    sums: np.ndarray
    met: np.ndarray


def new_units(whole: Any, first: Any, second: Any, axes: dict[str, int], sums: int) -> _Units:
    """Units that have not met; `first` and `second` end in a gradient, of either half."""
    shown = np.empty((2, sums), first[-2].dtype)
    return _Units(whole, (first, second), axes, shown, np.zeros((2, 8), np.int64))


def divided(params: Any, axes: dict[str, int]) -> list[Any]:
    """The parameters of each half of the units: parts of what is divided, else the same for both.

    A part is a view where its rows, or columns, lie side by side.
    """
    halves = []
    for half in (0, 1):
        parts = {}
        for name, axis in axes.items():
            array = getattr(params, name)
            middle = (array.shape[axis] + 1) // 2
            cut = [slice(None)] * array.ndim
            cut[axis] = slice(middle) if half == 0 else slice(middle, None)
            parts[name] = np.asarray(array[tuple(cut)], order=_order(array))
        others = {x: getattr(params, x) for x in params._fields if x not in axes}
        copies = others if half == 0 else {x: a.copy(_order(a)) for x, a in others.items()}
        halves.append(params._replace(**parts, **copies))
    return halves


def _order(array: np.ndarray) -> Any:
    return "C" if array.flags.c_contiguous else "F"


def in_units(steps: Callable[..., int], units: _Units, params: Any, losses: np.ndarray) -> int:
    """Some steps, each thread with half of the units; how many there were.

    `steps(pair, arrays, params, losses)` takes them. What is not divided both threads compute, and
    come to the same.
    """
    first, second = divided(params, units.axes)

    def steps_of(half: int, part: Any, own: np.ndarray) -> int:
        return steps((half, units.sums, units.met), units.arrays[half], part, own)

    taken = _on_two_threads(
        units.met,
        lambda: steps_of(0, first, losses),
        lambda: steps_of(1, second, np.empty_like(losses)),
    )
    for name, axis in units.axes.items():
        array, parts = getattr(params, name), (getattr(first, name), getattr(second, name))
        if not all(np.shares_memory(array, part) for part in parts):
            array[...] = np.concatenate(parts, axis=axis)
    return taken


@njit
def sum_of_halves(pair: Any, part: np.ndarray) -> None:
    """The sum of this thread's part and of the other's takes its place."""
    if pair is None:
        return
    half, sums, met = pair
    own = part.reshape(part.size)
    _wait(met, half)  # until the other thread has read the part before this one
    for k in range(own.size):  # (a slice would be compiled with the text of its errors)
        sums[half, k] = own[k]
    _arrive(met, half)
    _wait(met, half)
    for k in range(own.size):
        own[k] = sums[0, k] + sums[1, k]
    _arrive(met, half)


@njit
def loss_of_halves(pair: Any, loss: float) -> float:
    """The sum of this thread's part of a loss and of the other's."""
    if pair is None:
        return loss
    half, sums, met = pair
    _wait(met, half)
    sums[half, 0] = loss
    _arrive(met, half)
    _wait(met, half)
    total = sums[0, 0] + sums[1, 0]
    _arrive(met, half)
    return total


@njit
def first_unit_of(pair: Any, size: int) -> int:
    """The first of the units that a thread has, of `size`."""
    if pair is None or pair[0] == 0:
        return 0
    return (size + 1) // 2
