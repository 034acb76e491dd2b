"""Printing: rows of words, one below the other."""

from __future__ import annotations

from collections.abc import Sequence


def _aligned(rows: Sequence[Sequence[str]], sides: str, indent: str = "") -> str:
    """Rows as lines of text; `sides` has < or > for each column, where its words are flush."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(f"{word:{side}{w}}" for word, side, w in zip(row, sides, widths, strict=True))
        for row in rows
    ]
    return "\n".join(indent + line.rstrip() for line in lines)
