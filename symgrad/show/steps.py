"""The lines of a derivation, and the table that shows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from symgrad.listing import shape_text
from symgrad.show.notation import width
from symgrad.show.text import formula

if TYPE_CHECKING:
    from symgrad.show.sheet import Section


class Move(NamedTuple):
    """One line of a proof: what the line above becomes, and by which law."""

    expr: Any
    law: str


class Step(NamedTuple):
    """One line of a derivation: ``names[0] = names[1] = … = expr``."""

    phase: str
    """``forward`` or ``backward``."""
    names: tuple[str, ...]
    expr: Any
    """The right-hand side, a SymPy expression in named values."""
    shape: tuple[Any, ...]
    because: str
    """The short reason: the law, the fact or the equation that the line comes from."""
    law: str = ""
    """The rule behind it in general terms: ``Z = A·B gives Ā = Z̄·Bᵀ``."""
    proof: tuple[Move, ...] = ()
    """At level "full": how the line's first form becomes ``expr``, a law at a time."""
    repeats: str = ""
    """For a line that stands for those of many layers: ``l = 2, …, 99``."""

    @property
    def text(self) -> str:
        """The line without its shape and reason."""
        return " = ".join((*self.names, formula(self.expr)))


def table(sections: Iterable[Section]) -> str:
    """Aligned lines: equations, shapes, reasons."""
    lines: list[tuple[str, str, str, str]] = []
    for heading, mine in sections:
        head = "" if heading == "forward" else "because"
        lines.append((heading, "", "shape", head))
        column = max(width(s.names[0]) for s in mine) if heading == "forward" else 0
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
    for k in reversed([k for k, x in enumerate(lines) if k and x[0]]):
        rows.insert(k, "")
    return "\n".join(row.rstrip() for row in rows)


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))
