"""Batches: where the rows of each step come from, arrays or whatever yields batches."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .checks import BLOCK_BYTES, _check_data, _rows_of, _sized, _stays
from .interface import DATA, DTYPE, MASKS

JOINED = 16_384  # steps of short epochs in one call: their order and losses stay in the cache


class _Chunk(NamedTuple):
    """The data of some steps: each takes the next `batch_size` rows of `order`, or what is left."""

    arrays: tuple[np.ndarray, ...]
    order: np.ndarray
    batch_size: int

    @property
    def steps(self) -> int:
        """How many steps it is."""
        return -(-len(self.order) // self.batch_size)

    @property
    def rows(self) -> np.ndarray:
        """How many rows each step has."""
        rows = np.full(self.steps, self.batch_size)
        rows[-1:] -= self.steps * self.batch_size - len(self.order)
        return rows

    def step(self, s: int) -> _Chunk:
        """The data of one step."""
        start = s * self.batch_size
        return self._replace(order=self.order[start : start + self.batch_size])


class _Arrays:
    """Arrays in a new order for each epoch. Large files are gathered chunk by chunk.

    `per_epoch` is how many steps an epoch has.
    """

    def __init__(self, arrays: tuple[np.ndarray, ...], batch_size: int, seed: int) -> None:
        self.arrays, self.batch_size, self.seed = arrays, batch_size, seed
        self.per_epoch = -(-len(arrays[0]) // batch_size)
        self.large = any(map(_stays, arrays))
        row = sum(array[:1].nbytes for array in arrays)
        self.most = max(1, BLOCK_BYTES // (row * batch_size)) if self.large else self.per_epoch

    def chunks(self, epoch: int, position: int, steps: Callable[[], int]) -> Iterator[_Chunk]:
        """The chunks of an epoch, without its first `position` steps; each of at most `steps()`."""
        order = self._order(epoch)
        start = position * self.batch_size
        while start < len(order):
            rows = order[start : start + min(steps(), self.most) * self.batch_size]
            yield self._gathered(rows) if self.large else _Chunk(self.arrays, rows, self.batch_size)
            start += len(rows)

    def whole_epochs(self, steps: int) -> int:
        """How many epochs `steps` steps are that can be one chunk; 0 where they cannot."""
        if self.large or len(self.arrays[0]) % self.batch_size:
            return 0  # a smaller last minibatch would stand in the middle
        return min(steps, JOINED) // self.per_epoch

    def joined(self, epoch: int, epochs: int) -> _Chunk:
        """All steps of some epochs."""
        orders = [self._order(k) for k in range(epoch, epoch + epochs)]
        return _Chunk(self.arrays, np.concatenate(orders), self.batch_size)

    def _order(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self.seed, epoch]).permutation(len(self.arrays[0]))

    def _gathered(self, rows: np.ndarray) -> _Chunk:
        """The rows in memory, read from where they lie in one pass."""
        places, order = np.argsort(rows), np.empty_like(rows)
        order[places] = np.arange(len(rows))
        return _Chunk(_rows_of(self.arrays, DATA, rows[places]), order, self.batch_size)


class _Batches:
    """Batches from something that can be iterated once for each epoch; every batch is checked.

    `per_epoch` is how many steps an epoch has, None where that is not known.
    """

    def __init__(self, given: Any, batch_size: int | None, sizes: dict[str, int]) -> None:
        self.given, self.batch_size, self.sizes = given, batch_size, sizes
        self.first: tuple[np.ndarray, ...] | None = None
        self.once = given if isinstance(given, Iterator) else None
        sized = batch_size is None and hasattr(given, "__len__")
        self.per_epoch: int | None = len(given) if sized else None
        self.first = next(self._items(0), None)  # shows the sizes of the dimensions
        if self.first is None:
            raise ValueError("The data hold no batches; expected at least one.")

    def whole_epochs(self, steps: int) -> int:
        """As in `_Arrays`: batches come one by one."""
        return 0

    def chunks(self, epoch: int, position: int, steps: Callable[[], int]) -> Iterator[_Chunk]:
        """As in `_Arrays`."""
        for arrays in self._items(epoch):
            length = self.batch_size or len(arrays[0])
            order = np.arange(len(arrays[0]))
            while position * length < len(order):
                start = position * length
                rows = order[start : start + steps() * length]
                yield _Chunk(arrays, rows, length)
                position += -(-len(rows) // length)
            position -= -(-len(order) // length)

    def _items(self, epoch: int) -> Iterator[tuple[np.ndarray, ...]]:
        """The batches of an epoch as checked arrays."""
        start = 1
        if self.once is not None:
            items: Iterable[Any] = self.once
            if self.first is not None:
                start = 2
                yield self.first
        else:
            items = self.given if hasattr(self.given, "__iter__") else _called(self.given, epoch)
        for number, item in enumerate(items, start):
            arrays = (item,) if len(DATA) == 1 and hasattr(item, "__array__") else item
            if not isinstance(arrays, (tuple, list)):
                raise ValueError(
                    f"Batch {number} is of type {type(item).__name__}; expected a tuple of arrays: "
                    f"{', '.join(spec.name for spec in DATA)}."
                )
            yield _check_data(arrays, DATA, self.sizes, f"batch {number}: ")


_Source = _Arrays | _Batches


def _is_batches(data: Sequence[Any]) -> bool:
    """Whether what was given in place of arrays is something that yields batches."""
    if len(data) != 1 or hasattr(data[0], "__array__") or isinstance(data[0], (str, bytes, dict)):
        return False
    if isinstance(data[0], (list, tuple)):
        return len(DATA) > 1  # else it is an array, written as lists
    return callable(data[0]) or hasattr(data[0], "__iter__")


def _called(function: Callable[..., Iterable[Any]], epoch: int) -> Iterable[Any]:
    """What a function gives for an epoch; it is told its number if it has to be told something."""
    asked = [
        x
        for x in inspect.signature(function).parameters.values()
        if x.default is x.empty and x.kind in (x.POSITIONAL_ONLY, x.POSITIONAL_OR_KEYWORD)
    ]
    return function(epoch) if asked else function()


class _Masks:
    """The dropout masks of an epoch, in the order of its rows, whatever the chunks."""

    def __init__(self, seed: int, epoch: int, sizes: dict[str, int], rows: int) -> None:
        """`rows` have had their masks already."""
        self.shapes = [_sized(mask.shape, sizes) for mask in MASKS]
        self.generators = []
        for k, shape in enumerate(self.shapes, 1):
            generator = np.random.PCG64([seed, epoch, k])
            drawn = rows * int(np.prod(shape))
            generator.advance(drawn // 2)  # two numbers of 32 bits from each of 64
            self.generators.append(np.random.Generator(generator))
            self.generators[-1].random(drawn % 2, dtype=np.float32)

    def draw(self, rows: int) -> tuple[np.ndarray, ...]:
        """The masks of the next rows."""
        return tuple(
            (rng.random((rows, *shape), dtype=np.float32) < 1 - mask.rate).astype(DTYPE)
            for rng, shape, mask in zip(self.generators, self.shapes, MASKS, strict=True)
        )
