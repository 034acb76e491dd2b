"""Which values and derivatives a style writes transposed.

Why it exists: the convention (is a vector a row or a column) turns values, and derivatives with
them; the layout (has ∂L/∂W the shape of W) turns derivatives alone. `Turning` is the answer for
one derivation in one style; `conventions` then spells the formulas.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symgrad import graph as g
from symgrad.graph import Kind
from symgrad.show.conventions import Orientation, is_turned
from symgrad.show.notation import GRADIENT, JACOBIAN, TANGENT
from symgrad.show.stages import Line, Stage
from symgrad.show.style import DECLARED, DELTA, DENOMINATOR, NATURAL, NUMERATOR, Style
from symgrad.subject import Subject


class Turning:
    """What is turned in a style; ``lines`` are those of the derivation, in its notation."""

    def __init__(
        self, subject: Subject, stages: Sequence[Stage], lines: Sequence[Line], style: Style
    ) -> None:
        self.style, self._stages = style, stages
        leaves = g.leaves([subject.root])
        self._examples = frozenset(x.shape[0] for x in leaves if x.leaf.origin is not None)
        self._own: dict[str, bool] = {}
        if (style.convention, style.layout) == (DECLARED, NATURAL):
            self._orientation = None
            return
        for line in lines:
            if line.value is not line.node:
                self._own[line.names[0]] = self._is_symbol_turned(line)
        values = [
            n
            for n in g.topological(subject.declared)
            if n.kind in (Kind.LEAF, Kind.NAMED) and n.rank == 2
        ]
        entries = {n.name for n in values if self.value(n.shape)}
        entries |= {name for name, turned in self._own.items() if turned}
        self._orientation = Orientation(self._symbol, entries)

    def spell(self, expr: Any, turn: bool) -> Any:
        """An expression, or its transpose, in the symbols of the style."""
        return expr if self._orientation is None else self._orientation(expr, turn)

    def value(self, shape: Sequence[Any]) -> bool:
        """Whether a value of this shape is turned; a vector n stands as a column."""
        return is_turned(as_matrix_shape(shape), self.style.convention, self._examples)

    def line(self, line: Line, shape: Sequence[Any]) -> bool:
        """Whether a line whose value is spelled in this shape is turned."""
        return self._by_convention(line, shape) != self.by_layout(line)

    def by_layout(self, line: Line) -> bool:
        """Whether a line is turned because derivatives by its value are."""
        stage, rank = self._stages[line.stage], line.value.rank
        if not 0 < rank <= 2:
            return False
        if stage.kind == JACOBIAN:  # of a scalar, ∂f/∂x and ∂f/∂xᵀ are both in use
            row = len(line.shape) == 2 and line.shape[0] == 1 and rank == 1
            of_scalar = not stage.sources[0].rank and not row
            return self.style.layout == (NUMERATOR if of_scalar else DENOMINATOR)
        return stage.kind == GRADIENT and self.style.layout == NUMERATOR

    def _by_convention(self, line: Line, shape: Sequence[Any]) -> bool:
        """A gradient is turned as values of its shape are, a matrix of derivatives is not."""
        return self._stages[line.stage].kind in (GRADIENT, TANGENT) and self.value(shape)

    def _is_symbol_turned(self, line: Line) -> bool:
        """Whether the name of a line stands for the transpose: δ2 does, z̄2 has its own, z̄2ᵀ."""
        flips = self.style.notation == DELTA or self._stages[line.stage].kind == JACOBIAN
        by_layout = flips and self.by_layout(line)
        return self._by_convention(line, line.value.shape) != by_layout

    def _symbol(self, symbol: Any) -> bool:
        own = self._own.get(str(getattr(symbol, "name", "")))
        return self.value(symbol.shape) if own is None else own


def as_matrix_shape(shape: Sequence[Any]) -> tuple[Any, ...]:
    """The shape of a value as a matrix: a vector is a column."""
    return tuple(shape) if len(shape) != 1 else (*shape, 1)


def oriented(shape: Sequence[Any], turn: bool) -> tuple[Any, ...]:
    """The shape that is printed: a row is 1×n, and a column n."""
    if not turn:
        return tuple(shape)
    rows, cols = as_matrix_shape(shape)[::-1]
    return (rows,) if cols == 1 else (rows, cols)
