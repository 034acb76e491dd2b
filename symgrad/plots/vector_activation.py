"""`plot_vector_activation`: functions of a vector, and their Jacobians (LECTURES B12 to B14).

A softmax, a sparsemax or a pooling has no curve: it is drawn as bars at given scores, and its
derived Jacobian ∂p/∂zᵀ as a table of coloured numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import signature
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import sympy as sp

from symgrad.declare import let
from symgrad.errors import DataError, DerivativeError, UnsupportedError
from symgrad.lift import lift
from symgrad.plots.figure import (
    COLORS,
    HATCHES,
    figure_of,
    given_axes,
    heading,
    legend,
    new_figure,
    plain_axes,
)
from symgrad.plots.formulas import equation, mathtext, short
from symgrad.plots.numbers import Array, compiled
from symgrad.plots.parameters import LETTERS, family_of, members
from symgrad.show.higher import jacobian

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class VectorValue(NamedTuple):
    """A function of a vector at a point: its value (m,) and its Jacobian (m, n) there."""

    label: str
    value: Array
    jacobian: Array | None


def plot_vector_activation(
    function: Callable[..., Any],
    scores: Iterable[float],
    *,
    derivative: bool = True,
    title: str | None = None,
    axes: Any = None,
    **parameters: Any,
) -> Figure:
    """A function of a vector at the point ``scores``: its value as bars, its Jacobian as a table.

    ``function`` takes an n×1 vector: ``sg.softmax``, ``sg.sparsemax``, or a function of the
    user's, such as ``lambda z: sg.max_pool1d(z.T, 2)``. Its parameters are keywords, each a
    number; one of them may be a list, which gives every score a group of bars:
    ``plot_vector_activation(sg.softmax, [1, 1.1], beta=[1, 2, 5, 100])``.

    Row k of the Jacobian has the derivatives of the k-th value by every score. ``axes`` draws into
    given axes: one for the bars, and one for each Jacobian. Bars have the gid ``value``, Jacobians
    ``jacobian``. Raises UnsupportedError for what is no function of a vector, and
    MissingPackageError without matplotlib.
    """
    point = np.atleast_1d(np.asarray(list(scores), dtype=float))
    if point.ndim != 1 or point.size < 2 or not np.isfinite(point).all():
        raise DataError(
            f"the scores were given as {scores}; expected two or more finite numbers, such as "
            "[1, 1.1]."
        )
    found, law = vector_values(function, point, parameters)
    tables = [(x.label, x.jacobian) for x in found if derivative and x.jacobian is not None]
    listed = given_axes(axes, (1, 1 + len(tables)), "sg.plot_vector_activation")
    if listed is None:
        widths = [4.2, *[1.3 + 0.42 * point.size] * len(tables)]
        figure = new_figure(sum(widths) + 0.4, 3.6)
        listed = list(np.atleast_1d(figure.subplots(1, len(widths), width_ratios=widths)))
    name = getattr(function, "__name__", "").replace("_", " ").replace("<lambda>", "")
    _bars(listed[0], found, point)
    heading(listed[0], name if title is None else title)
    largest = max((float(np.abs(x).max()) for _, x in tables), default=0.0) or 1.0
    for which, (label, table) in zip(listed[1:], tables, strict=False):
        _table(which, label, table, largest)
    is_set = law is not None and mathtext(law).startswith("$")  # long Unicode is left out
    if axes is None and len(listed) > 1 and is_set:
        text = equation(r"\partial p\,/\,\partial z^{\top}", law)
        figure.supxlabel(text, fontsize="large", gid="law")
    return figure_of(listed[0])


def vector_values(
    function: Callable[..., Any], point: Array, parameters: Mapping[str, Any]
) -> tuple[list[VectorValue], Any]:
    """The function at ``point`` for every value of its parameters, and its Jacobian's formula."""
    if not callable(function):
        raise UnsupportedError(
            f"{function} was given; expected a function of a vector, such as sg.softmax."
        )
    family = family_of(parameters)
    known = list(signature(function).parameters)
    for name in parameters:
        if name not in known[1:]:
            raise UnsupportedError(
                f"the parameter {name} is none of the function's; it takes "
                f"{', '.join(known[1:]) or 'no others than the vector'}."
            )
    z = sp.MatrixSymbol("z", point.size, 1)
    result: list[VectorValue] = []
    laws: list[Any] = []
    for given in members(parameters):
        letter = sp.Symbol(LETTERS.get(str(family), str(family)))
        label = f"{mathtext(letter)} = {short(given[family])}" if family else ""
        p = let("p", function(z, **given))
        if not lift(p).shape:
            raise UnsupportedError(
                "the function has one number as its value; expected a vector of several."
            )
        roots = [lift(p)]
        try:
            derived = jacobian(p, z)
        except DerivativeError:  # such as that of a hard sign: the value alone is drawn
            laws.append(None)
        else:
            laws.append(derived[z])
            roots += derived.roots
        values = compiled([z], roots)(point)
        result.append(VectorValue(label, values[0], values[1] if len(values) > 1 else None))
    return result, laws[0] if len(set(laws)) == 1 else None


def _bars(axes: Axes, found: Sequence[VectorValue], point: Array) -> None:
    """A group of bars for each entry of the value."""
    entries = found[0].value.size
    width = 0.8 / len(found)
    for k, one in enumerate(found):
        at = np.arange(entries) + (k - (len(found) - 1) / 2) * width
        bars = axes.bar(
            at, one.value, width * 0.94, color=COLORS[k % len(COLORS)], label=one.label or "p",
            hatch=HATCHES[k % len(HATCHES)], edgecolor="white", linewidth=0.5,
        )  # fmt: skip
        for bar in bars:
            bar.set_gid("value")
        texts = [short(round(float(y), 3)) for y in one.value]
        axes.bar_label(bars, texts, fontsize="small" if len(found) > 2 else "medium", padding=2)
    plain_axes(axes)
    axes.axhline(0, color="black", linewidth=0.8, gid="axis")
    axes.margins(y=0.14)
    axes.set_xticks(range(entries), _ticks(point, entries))
    axes.set_ylabel("$p$", fontsize="large", rotation=0, labelpad=8)
    if len(found) > 1:
        legend(axes, loc="upper left")


def _ticks(point: Array, entries: int) -> list[str]:
    """The entries by number, with their scores where each entry has one."""
    if entries != point.size:
        return [f"$p_{{{k + 1}}}$" for k in range(entries)]
    return [f"$z_{{{k + 1}}}$ = {short(x)}" for k, x in enumerate(point)]


def _table(axes: Axes, label: str, table: Array, largest: float) -> None:
    """A Jacobian: colour and number of every entry."""
    axes.imshow(table, cmap="RdBu_r", vmin=-1.3 * largest, vmax=1.3 * largest, gid="jacobian")
    if table.size <= 64:
        for (k, l), y in np.ndenumerate(table):
            axes.text(
                l, k, short(round(float(y), 3)), ha="center", va="center", fontsize="medium",
                color="white" if abs(y) > 0.8 * largest else "black", gid="entry",
            )  # fmt: skip
    axes.set_xticks(range(table.shape[1]), [f"$z_{{{k + 1}}}$" for k in range(table.shape[1])])
    axes.set_yticks(range(table.shape[0]), [f"$p_{{{k + 1}}}$" for k in range(table.shape[0])])
    axes.tick_params(length=0, labelsize="large")
    axes.spines[:].set_visible(False)
    axes.set_xlabel(label or r"$\partial p_k/\partial z_l$", fontsize="medium")
