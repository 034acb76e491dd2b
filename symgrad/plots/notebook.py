"""The figure that notebooks can show.

Why it exists: IPython shows a ``Figure`` only after matplotlib's inline backend was set up, which
importing pyplot does. A figure with ``_repr_png_`` shows itself; where the inline backend is set
up too, that one is used, with the user's settings for it. The only module of symgrad that imports
matplotlib when it is loaded; `figure` loads it when a figure is made.
"""

from __future__ import annotations

from io import BytesIO

from matplotlib.figure import Figure


class NotebookFigure(Figure):
    """A matplotlib figure that Jupyter displays by itself."""

    def _repr_png_(self) -> bytes:
        """The figure as PNG, at its own dpi; called by IPython."""
        buffer = BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()
