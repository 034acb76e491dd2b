"""`plot_gradient_error` and `plot_gradient_cost`: backpropagation or differences (LECTURES E6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.plots.figure import (
    COLORS,
    MARKERS,
    WIDTH,
    figure_of,
    heading,
    legend,
    one_axes,
    plain_axes,
)
from symgrad.plots.gradient_errors import EPSILON, gradient_costs, gradient_errors

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_gradient_error(
    loss: Any,
    wrt: Any,
    at: Mapping[Any, Any],
    *,
    steps: Sequence[float] | None = None,
    seed: int = 0,
    title: str | None = None,
    axes: Any = None,
) -> Figure:
    """The error of difference quotients, against the derived gradient, over the step h.

    ``wrt`` is a symbol or a list, ``at`` has an array for every leaf of the ``loss``. Along one
    random direction of length 1 (``seed``) the one-sided and the central quotient are compared
    with the derived gradient, at ``steps``, by default from 10⁻¹⁴ to 1. Faint lines have the slopes
    of the theory: h and h² where truncation rules, ε·|L|/h where rounding does. Were the derived
    gradient wrong, no step would bring the error down. Gids: ``one-sided``, ``central``, ``slope``.

    Raises DataError for arrays that are missing or do not fit, DerivativeError where the loss has
    no derivative, and MissingPackageError without matplotlib.
    """
    found = gradient_errors(loss, wrt, at, steps, seed)
    drawn = one_axes(axes, 6.0, 4.2, "sg.plot_gradient_error")
    plain_axes(drawn)
    drawn.set_xscale("log")
    drawn.set_yscale("log")
    rows = (
        ("one-sided", r"one-sided, $(L(\theta+hd)-L(\theta))/h$", found.one_sided, 1),
        ("central", r"central, $(L(\theta+hd)-L(\theta-hd))/2h$", found.central, 2),
    )
    smallest = min((e[e > 0].min() for _, _, e, _ in rows if (e > 0).any()), default=EPSILON)
    for k, (gid, label, errors, order) in enumerate(rows):
        shown = errors > 0  # an error of exactly 0 has no place on a logarithmic axis
        drawn.plot(
            found.steps[shown], errors[shown], MARKERS[k], color=COLORS[k], markersize=4.5,
            label=label, gid=gid, linestyle="-", linewidth=1,
        )  # fmt: skip
        _slope_line(drawn, found.steps, errors, order)
    rounding = EPSILON * abs(found.loss) / found.steps
    kept = rounding > smallest / 3
    drawn.plot(found.steps[kept], rounding[kept], color="0.6", linewidth=1, zorder=1, gid="slope")
    if kept.sum() > 8:
        drawn.annotate(
            r"$\varepsilon\,|L|/h$", (found.steps[kept][8], rounding[kept][8]), color="0.35",
            xytext=(10, 6), textcoords="offset points", fontsize="medium",
        )  # fmt: skip
    drawn.set_xlabel("step $h$", fontsize="large")
    drawn.set_ylabel("error against the derived gradient", fontsize="large")
    heading(drawn, title)
    drawn.margins(y=0.12)
    legend(drawn, loc="lower left", bbox_to_anchor=(0, 1), ncols=1, borderaxespad=0.3)
    return figure_of(drawn)


def truncation(steps: Any, errors: Any, order: int) -> float | None:
    """c in the law error = c·h^order, from the steps where truncation rules; None without any.

    Those are the steps between 30 times the best one and 0.1.
    """
    best = steps[int(np.argmin(errors))]
    ruled = (steps > 30 * best) & (steps <= 0.1) & (errors > 0)
    if ruled.sum() < 3:
        return None
    return float(np.median(errors[ruled] / steps[ruled] ** order))


def _slope_line(axes: Axes, steps: Any, errors: Any, order: int) -> None:
    """c·h or c·h², faint, over the steps where it is above the smallest error."""
    c = truncation(steps, errors, order)
    if c is None:
        return
    line = c * steps**order
    kept = line >= errors[errors > 0].min()
    axes.plot(steps[kept], line[kept], color="0.6", linewidth=1, zorder=1, gid="slope")
    at = int(np.flatnonzero(kept)[2 * kept.sum() // 3])
    axes.annotate(
        f"$h^{order}$".replace("^1", ""), (steps[at], line[at]), color="0.35", fontsize="large",
        xytext=((-16, 6), (6, -12))[order - 1], textcoords="offset points",
    )  # fmt: skip


def plot_gradient_cost(
    loss: Any, wrt: Any, *, title: str | None = None, axes: Any = None, **sizes: Any
) -> Figure:
    """Multiply-adds of a whole gradient against the number of parameters |θ|, both ways.

    ``sizes`` gives each dimension of the loss a number, and one of them a list of numbers:
    ``plot_gradient_cost(L, [W1, W2], D=64, H=[16, 64, 256], C=10)``. Backpropagation is the
    forward and the backward pass, counted on the generated program (``d.cost()``): O(|θ|).
    Central differences are 2|θ| forward passes: O(|θ|²). Gids: ``backpropagation``, ``numerical``.

    Raises UnsupportedError where a dimension has no size, and MissingPackageError without
    matplotlib.
    """
    found = gradient_costs(loss, wrt, sizes)
    drawn = one_axes(axes, 6.0, 4.2, "sg.plot_gradient_cost")
    plain_axes(drawn)
    rows = (
        ("numerical", r"numerical differentiation, $O(|\theta|^2)$", found.numerical),
        ("backpropagation", r"backpropagation, $O(|\theta|)$", found.backpropagation),
    )
    for (gid, label, counts), k in zip(rows, (1, 0), strict=True):
        drawn.loglog(
            found.parameters, counts, MARKERS[k], linestyle=("-", "--")[k], color=COLORS[k],
            linewidth=WIDTH, markersize=6, label=label, gid=gid,
        )  # fmt: skip
    drawn.grid(alpha=0.3)
    drawn.set_xlabel(r"parameters $|\theta|$", fontsize="large")
    drawn.set_ylabel("multiply-adds for one gradient", fontsize="large")
    heading(drawn, title)
    legend(drawn)
    return figure_of(drawn)
