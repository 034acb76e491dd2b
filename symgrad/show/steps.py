"""The lines of a derivation, and the table that shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from symgrad.errors import GraphError
from symgrad.listing import shape_text
from symgrad.show.notation import padded, width
from symgrad.show.text import formula

if TYPE_CHECKING:
    from symgrad.show.sheet import Section


FORWARD, BACKWARD, RESULT, LEAVES = "forward", "backward", "result", "in leaves only"
"""The phases of a derivation, and the headings of its lines."""


class Law(str):
    """One law, as a sentence: a proof gives one for each of its lines, and no list of them."""

    __slots__ = ()

    def __new__(cls, text: str) -> Law:
        if not text or ";" in text:
            raise GraphError(f"expected one law of one step; got {text!r}")
        return super().__new__(cls, text)


class Move(NamedTuple):
    """One line of a proof: what the line above becomes, and by which law."""

    expr: Any
    law: Law


class Repeats(NamedTuple):
    """What the index of a line that stands for many runs over, and what its names stand for.

    Names on such a line end in subscripts: ``Wₗ``, ``hₗ₋₁``, ``x₂ₗ₊₁``; in LaTeX ``W_{l}``,
    ``h_{l-1}``, in ASCII ``W[l]``, ``h[l-1]``.
    """

    letter: str
    values: range
    """In the order of the lines: downwards, where the lines go back."""
    names: tuple[tuple[str, str, tuple[int, ...]], ...] = ()
    """Each word with such a subscript, the name that it stands for at the first value, and by how
    much each number in that grows from one value to the next."""

    def __str__(self) -> str:
        values = self.values
        if len(values) <= 3:
            shown = [*map(str, values)]
        else:
            shown = [*map(str, values[: 1 if abs(values.step) == 1 else 2]), "…", str(values[-1])]
        return f"{self.letter} = {', '.join(shown)}"


class Step(NamedTuple):
    """One line of a derivation: ``names[0] = names[1] = … = expr``."""

    phase: str
    """``forward``, ``backward``, ``result`` or ``in leaves only``."""
    names: tuple[str, ...]
    expr: Any
    """The right-hand side, a SymPy expression in named values."""
    shape: tuple[Any, ...]
    because: str
    """The short reason: the law, the fact or the equation that the line comes from."""
    law: str = ""
    """The rule behind it in general terms: ``Z = A·B gives Ā = Z̄·Bᵀ``."""
    proof: tuple[Move, ...] = ()
    """At level "full": lines that are each equal to the one above by one law. Backward the first
    is what the rule of the line gives, and the last, which may be the first, is ``expr`` again;
    forward they lead from ``expr`` to the stable form that is differentiated."""
    repeats: Repeats | None = None
    """For a line that stands for those of many layers; ``str`` of it is ``l = 2, …, 99``. The lines
    of one block, which follow each other, have it in common: show it at the first of them."""

    @property
    def text(self) -> str:
        """The line without its shape and reason."""
        return " = ".join((*self.names, formula(self.expr)))

    @property
    def result(self) -> Any:
        """What the line comes to, also where it reads as a proof."""
        return self.proof[-1].expr if self.proof and self.phase == BACKWARD else self.expr

    @property
    def as_proof(self) -> Step:
        """The same line as a proof reads: what its rule gives, by that rule, then each move.

        Where nothing is left to be done, the rule is the reason.
        """
        if self.phase != BACKWARD:
            return self
        if not self.proof:
            return self._replace(because=self.law or self.because)
        (first, law), *further = self.proof
        return self._replace(expr=first, because=law, proof=tuple(further))


def table(sections: Iterable[Section], spell: Callable[[str], str] = str) -> str:
    """Aligned lines: equations, what their index runs over, shapes, reasons.

    ``spell`` writes each of them in other signs, such as ASCII. The equations and the results are
    two tables: a closed form, which may be long, would push all others apart.
    """
    parts: list[list[_Row]] = [[], []]
    for section in sections:
        parts[section.heading in (RESULT, LEAVES)] += _rows(section, spell)
    return "\n\n".join(_aligned(rows) for rows in parts if rows)


class _Row(NamedTuple):
    """A line of the table; a heading has no equation."""

    heading: str
    equation: str
    over: str
    shape: str
    reason: str


def _rows(section: Section, spell: Callable[[str], str]) -> Iterator[_Row]:
    heading, steps = section
    yield _Row(heading, "", "", "shape", "because" if heading == BACKWARD else "")
    column = max(width(spell(s.names[0])) for s in steps) if heading == FORWARD else 0
    for s, index in zip(steps, indices(steps), strict=True):
        left, right = spell(s.text).split(" = ", 1)
        text = f"{padded(left, column)} = {right}"
        yield _Row("", text, spell(index), spell(shape_text(s.shape)), spell(s.because))
        indent = " " * width(text.removesuffix(spell(formula(s.expr))).removesuffix("= "))
        for move in s.proof:
            yield _Row("", f"{indent}= {spell(formula(move.expr))}", "", "", spell(move.law))


def _aligned(rows: Sequence[_Row]) -> str:
    equation = max(min(width(x.equation), _WIDEST) for x in rows) + 2
    index = max(len(x.over) for x in rows)
    index += 2 if index else 0
    shape = max(len(x.shape) for x in rows)
    lines: list[str] = []
    for row in rows:
        if row.heading:
            lines += [""] if lines else []
            text = f"{row.heading:<{equation + 2}}"
        else:
            text = f"  {padded(row.equation, equation)}"
        text += f"  {row.over:<{index}}{row.shape:<{shape}}"
        lines.append((text + (f"  {row.reason}" if row.reason else "")).rstrip())
    return "\n".join(lines)


def indices(steps: Sequence[Step]) -> list[str]:
    """``l = 2, …, 99`` for the first line of each block that stands for many, else nothing."""
    before = [None, *(s.repeats for s in steps)]
    return [
        "" if s.repeats is None or s.repeats is last else str(s.repeats)
        for s, last in zip(steps, before, strict=False)
    ]


_WIDEST = 100
"""A longer equation stands out of its column."""
