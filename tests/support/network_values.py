"""What `random_networks` passes around: declared values, leaves, steps of the tape, signatures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import autograd.numpy as anp
import numpy as np
import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad import graph as g


@dataclass(frozen=True, eq=False)
class Value:
    """A declared value: its SymPy object, its place on the tape, and its axes as declared."""

    expr: Any
    place: int
    dims: tuple[Any, ...]
    frozen: bool

    def __getitem__(self, index: Any) -> Any:
        """An entry; a column takes one index, and a scalar is its own entry."""
        index = index if isinstance(index, tuple) else (index,)
        if not isinstance(self.expr, MatrixExpr | sp.IndexedBase):
            return self.expr
        if isinstance(self.expr, MatrixExpr) and len(index) == 1:
            index = (*index, 0)
        return self.expr[index]


@dataclass(frozen=True)
class Leaf:
    """What is given when the network is run: a symbol and its arrays, one an example."""

    symbol: Any
    place: int
    shape: tuple[int, ...]
    arrays: tuple[Any, ...]
    data: bool
    trained: bool


@dataclass(frozen=True)
class Step:
    """One entry of the tape."""

    row: str
    meaning: Callable[..., Any]
    operands: tuple[int, ...]
    shape: tuple[int, ...]


def axes_of(expr: Any) -> tuple[Any, ...]:
    """The axes of a declared object, a column having one."""
    if isinstance(expr, MatrixExpr):
        rows, cols = map(g.dim, expr.shape)
        return (rows,) if cols == 1 else (rows, cols)
    return tuple(map(g.dim, expr.shape)) if isinstance(expr, sp.IndexedBase) else ()


class Indexed:
    """An operand in index notation: indexed along the axes that its row says."""

    def __init__(self, value: Value, word: str) -> None:
        self.value = value
        rank = len(letters_of(word))
        self.dims = (*value.dims, 1)[:rank] if rank else value.dims

    def __getitem__(self, index: Any) -> Any:
        index = index if isinstance(index, tuple) else (index,)
        whole = isinstance(self.value.expr, MatrixExpr) and len(index) == 2
        return self.value[index if whole else index[: len(self.value.dims)] or 0]

    def _sympy_(self) -> Any:
        return self.value.expr


def declared(dims: tuple[Any, ...]) -> tuple[Any, ...]:
    """Axes as a declaration has them: n×1 is a column."""
    return dims[:1] if len(dims) == 2 and dims[1] == 1 else dims


def words_of(operands: str) -> list[str]:
    """The words of a signature; a fact may have a space in its name."""
    words: list[str] = []
    for word in operands.split(" "):
        if word in ("definite", "norm"):
            words[-1] += f" {word}"
        else:
            words.append(word)
    return words


def letters_of(word: str) -> str:
    """The axes that a word of a signature names."""
    return "" if word[0] in "*@#.%" else word.partition("=")[0].rstrip("!^")


def ranked(x: Any, word: str) -> Any:
    """An array with as many axes as a signature names: a column may stand for n×1."""
    rank = len(word) - 1 if word[0] == "%" else len(letters_of(word))
    if word[0] == ".":
        return anp.reshape(x, ())
    return anp.reshape(x, (*x.shape, 1)) if rank == np.ndim(x) + 1 else x


def name_of(symbol: Any) -> str:
    return str(symbol.label) if isinstance(symbol, sp.IndexedBase) else symbol.name


def symbols_in(n: Any) -> set[Any]:
    return n.free_symbols if isinstance(n, sp.Basic) else set()
