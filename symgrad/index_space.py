"""Index spaces: which label an index symbol is, how far it runs, and what an expression mentions.

Why it exists: declarations in index notation (`indices`) are read against the space of the indices
in scope. Everything here is about SymPy expressions; nodes are made by the modules after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.errors import ShapeError, UnsupportedError
from symgrad.graph import Dim, Node, Shape, dim
from symgrad.listing import shape_text
from symgrad.symbols import Opaque


@dataclass(frozen=True)
class Scope:
    """An index space: the label of each index symbol, and the extent of each label."""

    labels: dict[sp.Basic, int]
    shape: Shape

    def adding(self, symbol: sp.Basic, extent: Dim) -> Scope:
        """The space with one more label at the end; an inner index hides an outer one."""
        return replace(
            self, labels={**self.labels, symbol: len(self.shape)}, shape=(*self.shape, extent)
        )

    def indices(self, expr: sp.Basic) -> list[sp.Basic]:
        """The index symbols that ``expr`` mentions, in the order of their labels."""
        if not self.labels:
            return []
        found = [s for s in symbols_of(expr) if s in self.labels]
        return sorted(found, key=lambda s: self.labels[s])


class indicator(sp.Function):  # the Iverson bracket, named as the lectures name it
    """1[condition]: 1 where the condition holds, else 0."""

    nargs = 1

    @classmethod
    def eval(cls, condition: sp.Basic) -> sp.Expr | None:
        """1 or 0 where that is known."""
        if condition in (sp.true, sp.false):
            return sp.Integer(int(condition is sp.true))
        return None

    def _eval_is_extended_real(self) -> bool:
        return True


Operand = Callable[[sp.Basic], "Node | None"]
"""The node of a matrix, an array or an opaque scalar, or None for a scalar to look into."""


def scalar(node: Node, what: object) -> Node:
    """``node``, which has to be a scalar."""
    if node.shape:
        raise ShapeError(
            f"{what} has shape {shape_text(node.shape)}; expected a scalar. "
            "Reduce it with sg.sum or sg.dot."
        )
    return node


def affine(
    expr: sp.Basic, inside: Sequence[sp.Basic], where: str
) -> tuple[tuple[int, ...], sp.Expr]:
    """Whole coefficients of the indices, and the rest."""
    if not inside and expr.is_integer:  # a polynomial in nothing would be one in the dimensions
        return (), expr
    plain = {s: sp.Dummy(integer=True) for s in inside}
    try:
        poly = sp.Poly(expr.xreplace(plain), *plain.values())
    except sp.PolynomialError:
        poly = None
    if poly is not None and poly.total_degree() <= 1:
        coefficients = [poly.coeff_monomial(s) for s in plain.values()]
        if all(c.is_Integer for c in coefficients):
            return tuple(map(int, coefficients)), poly.coeff_monomial(1)
    raise UnsupportedError(
        f"{where} is at {expr}, which is not a whole-number multiple of indices plus an offset; "
        "expected a position such as i, i + u or 2*i + u - 1."
    )


def extents(expr: sp.Basic, indices: Iterable[sp.Basic]) -> dict[sp.Basic, Dim]:
    """The extent of each index that stands alone in a position of ``expr``.

    Raises ShapeError where two arrays disagree.
    """
    wanted = set(indices)
    found: dict[sp.Basic, tuple[Dim, sp.Basic]] = {}
    for e in elements_of(expr):
        for position, n in zip(e.args[1:], e.args[0].shape, strict=False):
            if position not in wanted:
                continue
            first, where = found.setdefault(position, (dim(n), e))
            if first != dim(n):
                raise ShapeError(
                    f"the index {position} runs over {first} entries in {where} and over {n} in "
                    f"{e}; use another index, or give {position} a range that fits both."
                )
    return {s: n for s, (n, _) in found.items()}


def walk(expr: sp.Basic) -> Iterator[sp.Basic]:
    """Every subexpression, not looking into what is opaque; each object once."""
    stack: list[sp.Basic] = [expr]
    seen: set[int] = set()
    while stack:
        e = stack.pop()
        if id(e) in seen:
            continue
        seen.add(id(e))
        yield e
        if not isinstance(e, Opaque):
            stack.extend(e.args)


def elements_of(expr: sp.Basic) -> Iterator[sp.Basic]:
    return (e for e in walk(expr) if isinstance(e, sp.Indexed | MatrixElement))


def symbols_of(expr: sp.Basic) -> list[Any]:
    return [e for e in walk(expr) if isinstance(e, sp.Symbol | sp.Idx)]


def is_lookup(position: sp.Basic) -> bool:
    """Whether a position is itself an entry of an array, of class labels."""
    return isinstance(position, sp.Indexed | MatrixElement)
