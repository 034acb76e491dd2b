"""The colours of a picture, and what each kind of card is drawn with: tables for all renderers.

SVG has a light and a dark scheme, and follows the reader's choice; Graphviz and Mermaid have the
light one. Text has a contrast of 4.5 and more on every ground (WCAG 2.1, a test checks it).
"""

from __future__ import annotations

from typing import NamedTuple

from symgrad.pictures.scene import AGAIN, DATA, INPUT, LOSS, OPERATION, VALUE

LIGHT = {
    "page": "#ffffff", "ink": "#1c2128", "line": "#6b7480", "card": "#ffffff",
    "input": "#eef3fb", "input-line": "#5b7fb8", "data": "#f4f4f2",
    "loss": "#fff6e0", "loss-line": "#b98500", "forward": "#0a6640", "backward": "#b3261e",
}  # fmt: skip
DARK = {
    "page": "#14171c", "ink": "#e8eaed", "line": "#98a1ad", "card": "#1f242b",
    "input": "#1d2b40", "input-line": "#7fa3dd", "data": "#24272b",
    "loss": "#33290f", "loss-line": "#e0b040", "forward": "#6fd8a4", "backward": "#ff9e92",
}  # fmt: skip
"""The same names in both."""


class Look(NamedTuple):
    """How a kind of card is drawn: names of colours, and the width of its border."""

    fill: str
    line: str
    width: float
    is_round: bool = False
    is_dashed: bool = False


LOOKS = {
    INPUT: Look("input", "input-line", 1.6, is_round=True),
    DATA: Look("data", "line", 1.2, is_round=True),
    AGAIN: Look("page", "line", 1.2, is_round=True, is_dashed=True),
    OPERATION: Look("card", "line", 1.2),
    VALUE: Look("card", "ink", 2.0),
    LOSS: Look("loss", "loss-line", 2.4),
}
