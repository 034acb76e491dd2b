"""An array that counts the multiply-adds of NumPy's matrix products, whoever calls them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from types import FunctionType
from typing import Any

import numpy as np


class Counter:
    """Multiply-adds so far."""

    def __init__(self) -> None:
        self.multiply_adds = 0

    def array(self, values: Any) -> Any:
        """``values`` as an array that counts here."""
        made = np.array(values).view(Counted)
        made.counter = self
        return made

    def run(self, source: str, arguments: Sequence[Any]) -> Any:
        """What generated NumPy code returns, run on arrays that count, whoever makes them."""
        namespace: dict[str, Any] = {}
        exec(source, namespace)
        for name, value in namespace.items():
            if isinstance(value, FunctionType) and name != "function":
                namespace[name] = self._wrapped(value)
        namespace["np"] = _Numpy(self)
        given = [self.array(a) if isinstance(a, np.ndarray) else a for a in arguments]
        return namespace["function"](*given)

    def _wrapped(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            result = function(*args, **options)
            return self.array(result) if isinstance(result, np.ndarray) else result

        return run


class _Numpy:
    """NumPy, whose functions return arrays that count."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def __getattr__(self, name: str) -> Any:
        value = getattr(np, name)
        is_function = callable(value) and not isinstance(value, type)
        return self._counter._wrapped(value) if is_function else value


class Counted(np.ndarray):
    """Every operation works on plain arrays and gives an array that counts again."""

    counter: Counter | None = None

    def __array_finalize__(self, other: Any) -> None:
        self.counter = getattr(other, "counter", None)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        plain = _plain(inputs)
        out = options.pop("out", None)
        if out is not None:
            options["out"] = _plain(out)
        result = getattr(ufunc, method)(*plain, **options)
        if ufunc is np.matmul:
            self._add(_matmul(*plain))
        return self._counting(result) if out is None else out[0]

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        plain = _plain(args)
        if function in _TERMS:
            self._add(_TERMS[function](*plain))
        return self._counting(function(*plain, **{k: _plain(v) for k, v in options.items()}))

    def _add(self, terms: int) -> None:
        assert self.counter is not None
        self.counter.multiply_adds += terms

    def _counting(self, result: Any) -> Any:
        assert self.counter is not None
        if isinstance(result, tuple):
            return tuple(map(self._counting, result))
        return self.counter.array(result) if isinstance(result, np.ndarray | np.generic) else result


def _plain(x: Any) -> Any:
    if isinstance(x, Counted):
        return np.asarray(x).view(np.ndarray)
    return type(x)(map(_plain, x)) if isinstance(x, tuple | list) else x


def _matmul(a: Any, b: Any) -> int:
    return int(np.matmul(a, b).size * a.shape[-1])


def _einsum(formula: str, *operands: Any) -> int:
    """Terms of a contraction of two operands; a sum or a diagonal of one has no products."""
    if len(operands) == 1:
        return 0
    letters = "".join(formula.split("->")[0].split(","))
    sizes = [n for x in operands for n in np.shape(x)]
    summed = set(letters) - set(formula.split("->")[1])
    return prod(dict(zip(letters, sizes, strict=True)).values()) if summed else 0


_TERMS = {
    np.einsum: _einsum,
    np.vdot: lambda a, b: int(np.size(a)),
    np.dot: lambda a, b: int(np.dot(a, b).size * np.shape(a)[-1]),
}
