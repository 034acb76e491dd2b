"""`plot_loss`: the loss along one or two directions in parameter space (LECTURES E8).

One direction gives a curve with the tangent that the derived gradient says; two give contours,
with the arrow of steepest descent, which is at right angles to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from symgrad.plots.figure import (
    COLORS,
    WIDTH,
    figure_of,
    heading,
    legend,
    one_axes,
    plain_axes,
)
from symgrad.plots.formulas import short
from symgrad.plots.landscape import Landscape, Options, landscape

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_loss(
    loss: Any,
    at: Mapping[Any, Any],
    along: Sequence[Any] | None = None,
    *,
    levels: int | Sequence[float] = 16,
    title: str | None = None,
    axes: Any = None,
    **options: Unpack[Options],
) -> Figure:
    """L(θ + α·d) against α, or L(θ + α·d₁ + β·d₂) against α and β, as a matplotlib figure.

    ``at`` has an array for every leaf of the scalar ``loss``, the data of an empirical risk
    included (one example a row). ``along`` are the parameters that move, by default every leaf of
    an empirical risk but its data. The ``options`` are those of `landscape`: ``directions`` is 1,
    2, or one or two dictionaries of arrays, such as the difference of two trained networks;
    random ones are of independent normal numbers from ``seed=0`` (in the order of ``at``). With
    ``normalise="filter"``, the default, each row of a random direction is as long as that row of
    the parameter, so that α = 1 changes every unit by its own size (Li et al., "Visualizing the
    loss landscape of neural nets", 2018); None leaves it as it is. α and β run from −``radius``
    to ``radius``, by default 1, in ``points`` steps.

    The point itself is marked. Unless ``gradient=False``, the tangent there, or the arrow down the
    plane's steepest slope, is drawn from the gradient that symgrad derives: no difference quotient
    is involved, so that it touches the curve is a check. Gids: ``loss``, ``point``, ``tangent``,
    ``descent``. ``levels`` are matplotlib's, of the contours.

    Raises DataError for arrays that are missing or do not fit, UnsupportedError for options that
    are none, DerivativeError where the loss has no derivative, and MissingPackageError without
    matplotlib.
    """
    found = landscape(loss, at, along, **options)
    is_curve = len(found.directions) == 1
    drawn = one_axes(axes, *((6.0, 4.0) if is_curve else (5.6, 4.6)), "sg.plot_loss")
    if is_curve:
        _curve(drawn, found)
    else:
        _contours(drawn, found, levels)
    heading(drawn, title)
    return figure_of(drawn)


def _curve(axes: Axes, found: Landscape) -> None:
    """The loss over α, the tangent, the point."""
    plain_axes(axes)
    axes.plot(
        found.steps, found.values, color=COLORS[0], linewidth=WIDTH, gid="loss",
        label=r"$L(\theta + \alpha\,d)$",
    )  # fmt: skip
    low, high = axes.get_ylim()
    if found.slopes is not None:
        (slope,) = found.slopes
        reach = found.steps[[0, -1]] * 0.6
        axes.plot(
            reach, found.value + slope * reach, "--", color=COLORS[1], linewidth=WIDTH - 0.4,
            gid="tangent", label=rf"tangent, slope $\nabla L \cdot d$ = {short(_rounded(slope))}",
        )  # fmt: skip
    axes.plot(0, found.value, "o", color="black", markersize=7, gid="point", zorder=4)
    axes.set_ylim(low, high)
    axes.set_xlim(found.steps[0], found.steps[-1])
    axes.set_xlabel(r"$\alpha$", fontsize="large")
    axes.set_ylabel("loss", fontsize="large")
    legend(axes)


def _contours(axes: Axes, found: Landscape, levels: Any) -> None:
    """The loss over α and β, the point, and the way down from it."""
    values = np.ma.masked_invalid(found.values)
    filled = axes.contourf(found.steps, found.steps, values, levels=levels, cmap="viridis")
    filled.set_gid("loss")
    lines = axes.contour(
        found.steps, found.steps, values, levels=filled.levels, colors="white", linewidths=0.5,
    )  # fmt: skip
    lines.set_gid("contours")
    if found.slopes is not None and np.linalg.norm(found.slopes) > 0:
        arrow = -found.slopes / np.linalg.norm(found.slopes) * 0.35 * found.steps[-1]
        axes.annotate(
            "", xy=(float(arrow[0]), float(arrow[1])), xytext=(0, 0), gid="descent", zorder=5,
            arrowprops={"arrowstyle": "-|>", "color": COLORS[1], "linewidth": WIDTH + 0.5,
                        "mutation_scale": 18, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip
        axes.plot([], [], color=COLORS[1], linewidth=WIDTH, label=r"$-\nabla L$ in this plane")
    axes.plot(
        0, 0, "o", color="white", markeredgecolor="black", markersize=8, gid="point", zorder=6
    )
    axes.set_aspect("equal")
    axes.locator_params(nbins=5)
    axes.set_xlabel(r"$\alpha$", fontsize="large")
    axes.set_ylabel(r"$\beta$", fontsize="large", rotation=0)
    bar = figure_of(axes).colorbar(filled, ax=axes)
    bar.set_label("loss", fontsize="large")
    bar.outline.set_visible(False)
    if axes.get_legend_handles_labels()[1]:
        legend(axes, loc="upper center", bbox_to_anchor=(0.5, -0.13))


def _rounded(x: float) -> float:
    """Three digits."""
    return float(f"{x:.3g}")
