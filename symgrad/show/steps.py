"""The lines of a derivation, and the table that shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from symgrad.listing import shape_text
from symgrad.show.notation import width
from symgrad.show.text import formula


class Step(NamedTuple):
    """One line of a derivation: ``names[0] = names[1] = … = expr``."""

    phase: str
    """``forward`` or ``backward``."""
    names: tuple[str, ...]
    expr: Any
    """The right-hand side, a SymPy expression in named values."""
    shape: tuple[Any, ...]
    because: str

    @property
    def text(self) -> str:
        """The line without its shape and reason."""
        return " = ".join((*self.names, formula(self.expr)))


def table(steps: Sequence[Step]) -> str:
    """Aligned lines: equations, shapes, reasons."""
    lines: list[tuple[str, str, str, str]] = []
    for phase in ("forward", "backward"):
        mine = [s for s in steps if s.phase == phase]
        if not mine:
            continue
        head = "because" if phase == "backward" else ""
        lines.append((phase, "", "shape", head))
        column = max(width(s.names[0]) for s in mine) if phase == "forward" else 0
        for s in mine:
            left, right = s.text.split(" = ", 1)
            lines.append(("", f"{_padded(left, column)} = {right}", shape_text(s.shape), s.because))
    equation = max(width(x[1]) for x in lines) + 2
    shape = max(len(x[2]) for x in lines)
    rows = [
        (f"{phase:<{equation + 2}}" if phase else f"  {_padded(text, equation)}")
        + f"  {dims:<{shape}}"
        + (f"  {why}" if why else "")
        for phase, text, dims, why in lines
    ]
    gap = next((k for k, x in enumerate(lines) if x[0] == "backward"), 0)
    if gap:
        rows.insert(gap, "")
    return "\n".join(row.rstrip() for row in rows)


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))
