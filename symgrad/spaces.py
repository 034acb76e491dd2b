"""Index notation for building layers: letters, extents and products over them.

Why it exists: a layer is a few products, windows and reductions in index notation, so none needs a
derivative, a kernel or a node of its own. `Space` writes them down with one letter an axis, and
drops the axes that are literally 1, which have no label in the graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad import graph as g
from symgrad.errors import ShapeError
from symgrad.functions import as_expression
from symgrad.graph import Access, Dim, Node, dim
from symgrad.lift import lift
from symgrad.listing import shape_text

HIDDEN = -(sp.Integer(10) ** 30)
"""Added to scores that a mask hides: exp of it is 0 in either precision, and it stays finite."""


class Factor(NamedTuple):
    """An operand of a layer and a letter for each of its declared axes."""

    node: Node
    letters: str


class Space:
    """Letters and their extents; axes that are literally 1 have a letter, but no label."""

    def __init__(self) -> None:
        self.extents: dict[str, Dim] = {}

    def seen(self, x: Any, letters: str) -> Factor:
        """A declared operand with its axes named; raises where an extent does not fit."""
        for letter, n in zip(letters, full_shape(x, len(letters)), strict=True):
            if self.extents.setdefault(letter, n) != n:
                raise ShapeError(
                    f"{x} is {shape_text(shape_of(x))}, and its axis {letters.index(letter) + 1} "
                    f"has to have {self.extents[letter]} entries, as in the other operand."
                )
        return Factor(lift(x), letters)

    def kept(self, letters: str) -> str:
        """The letters that have a label."""
        return "".join(x for x in letters if self.extents[x] != 1)

    def where(
        self, letters: str, coefficients: Sequence[int], offset: Any, relation: str
    ) -> Factor:
        """1[Σ coefficients·letters + offset = 0] (or ≥ 0) over ``letters``."""
        pairs = [(x, c) for x, c in zip(letters, coefficients, strict=True) if self.extents[x] != 1]
        shape = tuple(self.extents[x] for x, _ in pairs)
        node = g.indicator([c for _, c in pairs], offset, relation, shape)
        return Factor(node, letters)

    def shape(self, letters: str) -> g.Shape:
        """The graph's shape of a value over ``letters``."""
        return tuple(self.extents[x] for x in self.kept(letters))

    def product(self, out: str, *factors: Factor) -> Node:
        """Σ of the factors over every letter that is not in ``out``."""
        kept = self.kept(out)
        number = {x: k for k, x in enumerate(kept)}
        accesses = [
            Access(f.node, tuple(number.setdefault(x, len(number)) for x in self.kept(f.letters)))
            for f in factors
        ]
        return g.product(accesses, self.shape(out))

    def total(self, out: str, *terms: tuple[Any, Factor]) -> Node:
        """Σ weight·term, each term over letters of ``out``."""
        number = {x: k for k, x in enumerate(self.kept(out))}
        parts = [(c, f.node, tuple(number[x] for x in self.kept(f.letters))) for c, f in terms]
        return g.add(parts, self.shape(out))


def shape_of(x: Any) -> tuple[Dim, ...]:
    """The declared shape of an operand, a column n×1 counting as n."""
    if isinstance(x, MatrixExpr):
        rows, cols = map(dim, x.shape)
        return (rows,) if cols == 1 else (rows, cols)
    return tuple(map(dim, x.shape)) if isinstance(x, sp.IndexedBase) else ()


def operand(x: Any, rank: int, what: str, axes: str) -> Any:
    """An operand of ``rank`` axes; ``axes`` names them for the error."""
    x = as_expression(x)
    matrix = isinstance(x, MatrixExpr)
    if not matrix and not isinstance(x, sp.IndexedBase):
        raise ShapeError(f"{what} expects an array {axes}; {x} is a scalar.")
    given = len(x.shape) if not matrix else len(shape_of(x))
    if given == rank or (matrix and rank == 2):
        return x
    raise ShapeError(f"{what} expects an array {axes}; {x} has shape {shape_text(x.shape)}.")


def full_shape(x: Any, rank: int) -> tuple[Dim, ...]:
    """The declared shape with ``rank`` axes: a column matrix may stand for n×1."""
    return (*shape_of(x), 1)[:rank]


def axes_of(node: Node) -> g.Labels:
    """The labels of a node as it is."""
    return tuple(range(node.rank))


def scaled(weight: Any, node: Node) -> Node:
    """weight·node."""
    return g.add([(weight, node, axes_of(node))], node.shape)
