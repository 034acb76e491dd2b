"""`plot_units`: saturated and dead units, and the size of the gradient, by layer (LECTURES E5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.plots.figure import (
    COLORS,
    WIDTH,
    figure_of,
    given_axes,
    heading,
    legend,
    new_figure,
    plain_axes,
)
from symgrad.plots.formulas import short
from symgrad.plots.unit_report import UnitReport, unit_report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MANY = 12
"""Layers; of more than these, not every bar has a name below and a number on it."""


def plot_units(
    loss: Any,
    at: Mapping[Any, Any] | None = None,
    values: Iterable[Any] | None = None,
    *,
    saturated: float = 0.01,
    dead: float = 0.0,
    title: str | None = None,
    axes: Any = None,
) -> Figure:
    """Saturated and dead units of every layer, and ‖∂L/∂z‖ by layer, as a matplotlib figure.

    The arguments are those of `unit_report`, which says what a layer, a saturated and a dead unit
    are; a report may be given in the place of the loss, and nothing is computed again. ``axes``
    draws into two given ones, or into one, without the gradients. Bars have the gids ``saturated``
    and ``dead``, the line ``gradient``.

    A gradient that falls by a factor from each layer to the one before vanishes: on the
    logarithmic axis that is a straight line down to the left.
    """
    report = loss if isinstance(loss, UnitReport) else _reported(loss, at, values, saturated, dead)
    listed = given_axes(axes, (1, 2), "sg.plot_units")
    if listed is None:
        width = min(max(4.2, 1.6 + 0.42 * len(report.layers)), 6.5)
        listed = list(new_figure(2 * width, 3.8).subplots(1, 2))
    _fractions(listed[0], report)
    heading(listed[0], "Units" if title is None else title)
    if len(listed) > 1:
        _gradients(listed[1], report)
        heading(listed[1], "Gradient" if title is None else "")
    return figure_of(listed[0])


def _reported(
    loss: Any, at: Mapping[Any, Any] | None, values: Any, saturated: float, dead: float
) -> UnitReport:
    return unit_report(loss, {} if at is None else at, values, saturated=saturated, dead=dead)


def _fractions(axes: Axes, report: UnitReport) -> None:
    """Two bars a layer."""
    places = np.arange(len(report.layers))
    kinds: tuple[tuple[str, str, list[float], dict[str, Any]], ...] = (
        (
            "saturated",
            rf"saturated: $|f\,'(z)| < {short(report.saturated_below)}$",
            [x.saturated for x in report.layers],
            {"color": COLORS[5], "hatch": "///", "edgecolor": "white", "linewidth": 0.5},
        ),
        (
            "dead",
            rf"dead: $|f\,'(z)| \leq {short(report.dead_up_to)}$ for every example"
            if report.dead_up_to
            else r"dead: $f\,'(z) = 0$ for every example",
            [x.dead for x in report.layers],
            {"color": "black"},
        ),
    )
    for k, (gid, label, fractions, look) in enumerate(kinds):
        bars = axes.bar(places + (k - 0.5) * 0.4, fractions, 0.38, label=label, **look)
        for bar in bars:
            bar.set_gid(gid)
        if len(places) <= _MANY:
            texts = ["" if not x else f"{x:.0%}" if x >= 0.005 else "<1%" for x in fractions]
            size = "small" if len(places) <= 4 else "x-small"
            axes.bar_label(bars, texts, padding=2, fontsize=size)
    plain_axes(axes)
    _layers(axes, report)
    axes.set_ylim(0, 1.28)  # room for the legend
    axes.set_yticks(np.linspace(0, 1, 5), [f"{x:.0%}" for x in np.linspace(0, 1, 5)])
    axes.set_ylabel("fraction", fontsize="large")
    legend(axes, loc="upper left")


def _gradients(axes: Axes, report: UnitReport) -> None:
    """‖∂L/∂z‖ on a logarithmic axis; one that is 0 has no place there, and says so."""
    norms = np.array([x.gradient for x in report.layers])
    places = np.arange(len(norms))
    shown = norms > 0
    plain_axes(axes)
    axes.plot(
        places[shown], norms[shown], "o-", color=COLORS[0], linewidth=WIDTH, markersize=6,
        gid="gradient", label=r"‖$\partial L/\partial z$‖",
    )  # fmt: skip
    if shown.any():
        axes.set_yscale("log")
        if norms[shown].max() < 10 * norms[shown].min():  # a decade at least, with its ticks
            middle = np.sqrt(norms[shown].max() * norms[shown].min())
            axes.set_ylim(middle / 10**0.75, middle * 10**0.75)
    for k in places[~shown]:
        axes.text(k, 0.02, "0", ha="center", transform=axes.get_xaxis_transform(), gid="zero")
    _layers(axes, report)
    axes.set_xlim(-0.5, len(norms) - 0.5)
    axes.grid(axis="y", alpha=0.3)
    axes.set_ylabel(r"‖$\partial L/\partial z$‖", fontsize="large")


def _layers(axes: Axes, report: UnitReport) -> None:
    """The layers' names along the axis."""
    step = -(-len(report.layers) // (2 * _MANY))
    names = [x.name for x in report.layers]
    axes.set_xticks(range(0, len(names), step), names[::step], fontsize="medium")
    axes.set_xlabel("layer, from the input to the output", fontsize="large")
