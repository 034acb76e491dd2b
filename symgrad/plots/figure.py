"""Figures, colours and line styles that every picture shares.

Why it exists: matplotlib is optional, so its absence is found here and said in one sentence. The
figures are made without pyplot: no backend is needed, none is kept alive, no setting is touched.
Text sizes are relative to the user's ``font.size``; every artist has a label or a gid, by which it
is found (``figure.findobj``, ``axes.get_lines()``) and restyled.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from symgrad.errors import MissingPackageError, UnsupportedError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Distinct to colour-blind readers (Okabe and Ito, 2008)."""

LINES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1)))
"""Line styles beside the colours: a figure stays legible in a black and white print."""

HATCHES = ("", "///", "...", "xx", "\\\\\\", "++", "oo")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
WIDTH = 2.0
"""Points; the width of a curve."""
FAINT = "0.82"
"""The grey of axes through the origin."""


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches, which no pyplot knows of.

    Raises MissingPackageError where matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise MissingPackageError(
            "a plot was asked for, which needs matplotlib, and that is not installed; install it "
            'with: pip install "symgrad[plot]"'
        )
    from symgrad.plots.notebook import NotebookFigure

    return NotebookFigure(figsize=(width, height), layout="constrained")


def given_axes(axes: Any, counts: Sequence[int], what: str) -> list[Axes] | None:
    """The axes that a user wants drawn into, as a list; None if none were given.

    ``counts`` are the numbers of axes that the picture can be drawn into.
    """
    if axes is None:
        return None
    listed = [axes] if hasattr(axes, "plot") else list(getattr(axes, "flat", axes))
    if len(listed) not in counts or not all(hasattr(a, "plot") for a in listed):
        expected = " or ".join(str(n) for n in counts)
        raise UnsupportedError(
            f"{what} was given {len(listed)} axes to draw into; expected {expected}, of the type "
            "matplotlib.axes.Axes."
        )
    return listed


def one_axes(axes: Any, width: float, height: float, what: str) -> Axes:
    """The axes that a user wants drawn into; those of a new figure where none were given."""
    listed = given_axes(axes, (1,), what)
    found: Axes = new_figure(width, height).subplots() if listed is None else listed[0]
    return found


def heading(axes: Axes, title: str | None) -> None:
    """The title of a picture, if there is one."""
    axes.set_title(title or "", fontsize="x-large", loc="left")


def figure_of(axes: Axes) -> Figure:
    """The figure that axes lie in, that of a subfigure included."""
    figure: Any = axes.figure
    while figure.figure is not figure:
        figure = figure.figure
    return figure  # type: ignore[no-any-return]


def plain_axes(axes: Axes, *, origin: bool = False) -> None:
    """Axes without a box; with faint lines through the origin, if asked for."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize="medium")
    if origin:
        axes.axhline(0, color=FAINT, linewidth=1, zorder=0, gid="axis")
        axes.axvline(0, color=FAINT, linewidth=1, zorder=0, gid="axis")


def legend(axes: Axes, **options: Any) -> None:
    """The labels of the curves, without a border, and readable where a curve passes below."""
    look: dict[str, Any] = {"edgecolor": "none", "facecolor": "inherit", "framealpha": 0.85}
    axes.legend(**{**look, "fontsize": "medium", "handlelength": 2.4, **options})
