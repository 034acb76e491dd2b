"""Values of graph nodes at given arrays, by the code that symgrad generates.

In: nodes of a declaration or of what was derived from it, and ``at``, a mapping from the declared
symbols to arrays. Out: NumPy arrays. Every number in a plot comes from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

from symgrad import graph as g
from symgrad.batch import with_axes
from symgrad.compile import Values, function
from symgrad.errors import DataError
from symgrad.functions import as_expression
from symgrad.graph import Node
from symgrad.lift import lift
from symgrad.symbols import as_matrix

Array = np.ndarray[Any, Any]


def compiled(inputs: Sequence[Any], roots: Sequence[Node]) -> Callable[..., tuple[Array, ...]]:
    """A function of arrays for the symbols ``inputs`` that gives the arrays of ``roots``.

    Overflow and values outside a domain give infinities and NaN, without warnings.
    """
    run = function(list(inputs), Values(roots))

    def call(*values: Any) -> tuple[Array, ...]:
        with np.errstate(all="ignore"):
            return tuple(map(np.asarray, run(*values)))

    return call


def along_line(
    roots: Sequence[Node], variable: sp.Symbol, parameters: Sequence[sp.Symbol]
) -> Callable[..., tuple[Array, ...]]:
    """Scalars of one variable as a function of a whole array of its values.

    The function takes the array and then a number for each of ``parameters``; each result has the
    shape of the array.
    """
    n = sp.Dummy("n", integer=True, positive=True)
    many = sp.MatrixSymbol(f"{variable.name}_values", n, 1)
    leaf = lift(variable)
    batched = with_axes(roots, {leaf: g.leaf(many.name, (n,), many)}, (n,))
    run = compiled([many, *parameters], batched)

    def call(values: Array, *rest: float) -> tuple[Array, ...]:
        found = run(np.asarray(values, dtype=float), *rest)
        return tuple(np.broadcast_to(x, values.shape) for x in found)

    return call


class Point:
    """Arrays for the leaves of a value, by symbol or by name: what a plot's argument ``at`` says.

    ``symbols`` and ``arrays`` are in the order of ``at``. Raises DataError for a symbol without an
    array and for an array of no symbol.
    """

    def __init__(self, root: Node, at: Mapping[Any, Any]) -> None:
        if not isinstance(at, Mapping):
            raise DataError(
                f"at was given as {type(at).__name__}; expected a dictionary from the declared "
                "symbols to arrays, such as {W: array, x: array}."
            )
        self.leaves = {_symbol(leaf): leaf for leaf in g.leaves([root])}
        given = {self._named(key): np.asarray(value) for key, value in at.items()}
        unknown = [str(s) for s in given if s not in self.leaves and not _is_size(s)]
        if unknown:
            raise DataError(
                f"at has a value for {', '.join(unknown)}, which does not occur in the loss; it "
                f"depends on {', '.join(map(str, self.leaves)) or 'nothing'}."
            )
        missing = [str(s) for s in self.leaves if s not in given]
        if missing:
            raise DataError(
                f"at has no value for {', '.join(missing)}; give every leaf of the loss an array, "
                "the data of an empirical risk with one example a row."
            )
        self.symbols = list(given)
        self.arrays: list[Array] = [np.array(x) for x in given.values()]

    def _named(self, key: Any) -> Any:
        """The leaf that a symbol, or the name of one, stands for."""
        if not isinstance(key, str):
            return _plain(as_expression(key))
        return next((s for s in self.leaves if str(s) == key), sp.Symbol(key))

    def values(self, roots: Sequence[Node]) -> tuple[Array, ...]:
        """The arrays of ``roots`` at this point."""
        return compiled(self.symbols, roots)(*self.arrays)

    def position(self, symbol: Any) -> int:
        """Where a symbol stands in ``symbols``; DataError for one that does not."""
        symbol = self._named(symbol)
        if symbol not in self.symbols:
            raise DataError(
                f"{symbol} is not a leaf of the loss; it depends on "
                f"{', '.join(map(str, self.leaves)) or 'nothing'}."
            )
        return self.symbols.index(symbol)


def _symbol(leaf: Node) -> Any:
    """What the user declared: of the data of an empirical risk, the symbol of one example."""
    return leaf.leaf.symbol if leaf.leaf.origin is None else _plain(leaf.leaf.origin)


def _plain(symbol: Any) -> Any:
    """The plain SymPy symbol behind a leaf with facts or an indexed array."""
    node = getattr(symbol, "node", None)
    if node is not None and node.kind is g.Kind.LEAF:
        return node.leaf.symbol
    return as_matrix(symbol) if isinstance(symbol, sp.IndexedBase) else symbol


def _is_size(symbol: Any) -> bool:
    return isinstance(symbol, sp.Symbol) and bool(symbol.is_integer)
