"""Saturated and dead units, and the size of the gradient, layer by layer (LECTURES E5).

Why it exists: a unit passes the gradient on multiplied by its slope f′(z), so where f′(z) is next
to 0 nothing below learns. That is one definition for every activation, because f′ is derived:

- a unit is **saturated** at an example where |f′(z)| < ``saturated``, by default 0.01. For σ these
  are the values below 0.01 or above 0.99; for tanh, |h| > 0.995; for relu, z ≤ 0.
- a unit is **dead** where |f′(z)| ≤ ``dead``, by default 0, at *every* example: no example changes
  the weights into it.

A **layer** is a named value that is an elementwise function of one value below it, as h is in
``h = sg.let("h", sg.tanh(z))``; the pre-activation z need not have a name. The loss, and what it
is a sum of, is no layer. ‖∂L/∂z‖ is the Euclidean norm over all examples and units, of the loss
as it was declared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from symgrad import graph as g
from symgrad.activation_layers import Layer, layer_of, layers_below
from symgrad.errors import DataError, UnsupportedError
from symgrad.functions import as_expression
from symgrad.graph import Kind, Node
from symgrad.lift import lift
from symgrad.plots.numbers import Array, Point
from symgrad.reverse import adjoints
from symgrad.show.text import formula
from symgrad.simplify import strip_names
from symgrad.subject import Subject


class LayerReport(NamedTuple):
    """One layer at a batch. Fractions are between 0 and 1."""

    name: str
    """Of the value, such as h1."""
    units: int
    examples: int
    saturated: float
    """The fraction of units and examples where |f′(z)| is below the threshold."""
    dead: float
    """The fraction of units where f′(z) is 0 at every example."""
    slope: float
    """The mean of |f′(z)|, by which the layer scales the gradient that passes through it."""
    gradient: float
    """‖∂L/∂z‖."""


class UnitReport(NamedTuple):
    """What `unit_report` found: a row for each layer, from the input to the output."""

    layers: tuple[LayerReport, ...]
    saturated_below: float
    dead_up_to: float

    def __str__(self) -> str:
        """The rows as a table."""
        head = ("layer", "units", "saturated", "dead", "mean |f′|", "‖∂L/∂z‖")
        rows = [
            (x.name, f"{x.units}", f"{x.saturated:.1%}", f"{x.dead:.1%}", f"{x.slope:.3g}",
             f"{x.gradient:.3g}")
            for x in self.layers
        ]  # fmt: skip
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        return "\n".join(
            "  ".join(
                cell.ljust(w) if k == 0 else cell.rjust(w)
                for k, (cell, w) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in (head, *rows)
        )


def unit_report(
    loss: Any,
    at: Mapping[Any, Any],
    values: Iterable[Any] | None = None,
    *,
    saturated: float = 0.01,
    dead: float = 0.0,
) -> UnitReport:
    """Saturated and dead units and ‖∂L/∂z‖ of every layer below ``loss``, at the arrays ``at``.

    ``loss`` is a scalar, best an empirical risk, so that ``at`` has a batch: an array for every
    leaf, the data with one example a row. A layer is a value named with ``sg.let`` that is an
    elementwise activation of another value; ``values`` names the ones to report instead. A unit is
    saturated at an example where |f′(z)| < ``saturated``, and dead where |f′(z)| ≤ ``dead`` at all
    examples. f′ and ∂L/∂z are derived.

    ``str(report)`` is a table. Raises UnsupportedError where no layer is found, DataError for
    arrays that are missing, and DerivativeError where an activation has no derivative.
    """
    subject = Subject(as_expression(loss), []).scalar()
    point = Point(subject.root, at)
    found = _layers(subject, values)
    pre_activations = [layer.below for layer in found]
    adjoint = adjoints(subject.value, pre_activations)
    roots = [
        *(layer.slope for layer in found),
        *(adjoint.get(z, g.const(0, z.shape)) for z in pre_activations),
    ]
    numbers = point.values(strip_names(roots))
    axis = _examples(subject.value)
    rows = [
        _row(layer, slope, gradient, axis, saturated, dead)
        for layer, slope, gradient in zip(
            found, numbers[: len(found)], numbers[len(found) :], strict=True
        )
    ]
    return UnitReport(tuple(rows), saturated, dead)


def _layers(subject: Subject, values: Iterable[Any] | None) -> list[Layer]:
    """The layers below a loss, operands first."""
    if values is None:
        found = layers_below(subject.value)
    else:
        candidates = _asked(subject, values)
        found = [layer for n in candidates if (layer := layer_of(n)) is not None]
    if values is not None and len(found) < len(candidates):
        odd = next(n.name for n in candidates if layer_of(n) is None)
        raise UnsupportedError(
            f"{odd} is no elementwise function of one value; expected activations such as "
            'h in h = sg.let("h", sg.tanh(z)).'
        )
    if not found:
        raise UnsupportedError(
            "no named value of this loss is an elementwise activation; name the layers, such as "
            'h = sg.let("h", sg.tanh(z)).'
        )
    return found


def _asked(subject: Subject, values: Iterable[Any]) -> list[Node]:
    """The nodes of the values that a user names, as the loss has them: with a batch, if it has."""
    by_name = {n.name: n for n in g.topological([subject.value]) if n.kind is Kind.NAMED}
    result = []
    for value in values:
        node = lift(as_expression(value))
        if node.kind is not Kind.NAMED or node.name not in by_name:
            raise DataError(
                f"{formula(value)} is no named value of the loss; it has "
                f"{', '.join(by_name) or 'none'}."
            )
        result.append(by_name[node.name])
    return result


def _examples(root: Node) -> Any:
    """The number of examples, as a dimension; None where there is no batch."""
    data = [leaf for leaf in g.leaves([root]) if leaf.leaf.origin is not None]
    return data[0].shape[0] if data else None


def _row(
    layer: Layer, slope: Array, gradient: Array, n: Any, saturated: float, dead: float
) -> LayerReport:
    steep = np.abs(slope)
    batched = bool(layer.value.shape) and layer.value.shape[0] == n and n is not None
    by_example = steep.reshape(steep.shape[0] if batched else 1, -1)
    return LayerReport(
        name=layer.value.name,
        units=by_example.shape[1],
        examples=by_example.shape[0],
        saturated=float(np.mean(by_example < saturated)),
        dead=float(np.mean((by_example <= dead).all(axis=0))),
        slope=float(np.mean(by_example)),
        gradient=float(np.linalg.norm(gradient)),
    )
