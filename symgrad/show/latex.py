r"""Derivations as LaTeX: an ``align*`` block of the same lines that the text shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import sympy as sp

from symgrad.show.breaks import lines as broken
from symgrad.show.latex_form import latex
from symgrad.show.latex_names import line_name
from symgrad.show.prose import Run, latex_runs, latex_sentence, runs
from symgrad.show.sheet import Sheet
from symgrad.show.steps import Step, indices
from symgrad.show.widths import signs


def block(sheet: Sheet) -> str:
    """The lines of a sheet as an ``align*`` block, and below it what is left out of it."""
    lines = [align(sheet.steps)] if sheet.steps else []
    return "\n\n".join([*lines, *map(latex_sentence, sheet.left_out)])


def align(steps: Sequence[Step]) -> str:
    r"""The lines of a derivation as an ``align*`` block, with reasons as text.

    Its lines fit the page of a plain ``article``: a long formula is broken, and where the reasons
    have no room beside the formulas, each stands below its own.
    """
    equations = equation_texts(steps)
    rows: list[_Row] = []
    for step, index in zip(steps, indices(steps), strict=True):
        over = index_range(index) if index else ""
        rows.append(_Row(left_side(step), latex(step.expr), over, *_reason(step, equations)))
        for move in step.proof:
            rows.append(_Row("", latex(move.expr), "", "", runs(move.law)))
    room = _PAGE - max(signs(row.left) for row in rows) - 1
    room = max(room - max(signs(row.over) for row in rows), _LEAST)
    reasoned = [row for row in rows if row.source or row.why]
    beside: float = max((signs(row.right) for row in reasoned), default=0) + _GAP
    beside += max(map(_reason_width, reasoned), default=0)
    lines = [line for row in rows for line in _lines_of(row, room, beside <= room)]
    return "\\begin{align*}\n" + "\n".join(lines) + "\n\\end{align*}"


_PAGE, _LEAST, _GAP = 50, 24, 3
"""Signs that a line of a plain article has room for; that a formula has; between the columns."""

_LETTER = 0.6
"""The signs that a letter of a text is wide."""


class _Row(NamedTuple):
    """A line in pieces: formulas as LaTeX, a reason as the formula that it is or as a sentence."""

    left: str
    right: str
    over: str
    source: str
    why: list[Run]


def _reason(step: Step, equations: Mapping[str, str]) -> tuple[str, list[Run]]:
    source = equations.get(step.because, "")
    return source, [] if source else runs(step.because)


def _reason_width(row: _Row) -> float:
    return signs(row.source) if row.source else sum(map(_run_width, row.why))


def _run_width(run: Run) -> float:
    return signs(run.text) if run.is_math else _LETTER * len(run.text)


def _lines_of(row: _Row, room: int, beside: bool) -> Iterator[str]:
    """The lines of the block that one line of the derivation takes."""
    first, *more = broken(row.right, room, room - 2)
    over = rf" \qquad {row.over}" if row.over else ""
    why = row.source or (rf"\text{{{latex_runs(row.why)}}}" if row.why else "")
    note = rf" && {why}" if beside and why else ""
    yield rf"  {row.left} &= {first}{over}{note} \\".replace("   &", "  &")
    yield from (rf"  &\quad {x.removeprefix('{}')} \\" for x in more)
    if beside or not why:
        return
    said = [Run(x, True) for x in broken(row.source, room - 4, room - 4)] if row.source else row.why
    yield from (rf"  &\qquad \text{{{latex_runs(x)}}} \\" for x in _wrapped(said, room - 4))


def _wrapped(sentence: Sequence[Run], room: int) -> list[list[Run]]:
    """A sentence in lines, broken between words."""
    found: list[list[Run]] = [[]]
    for run in sentence:
        parts = [run] if run.is_math else [Run(x, False) for x in re.findall(r"\s+|\S+", run.text)]
        for part in parts:
            width = sum(map(_run_width, [*found[-1], part]))
            if width > room and found[-1] and part.text[:1] not in ",.;:) ":
                found.append([])
            if found[-1] or part.is_math or part.text.strip():
                found[-1].append(part)
    return found


def left_side(step: Step) -> str:
    """The names of a line: ``\\delta_{2} = \\frac{\\partial L}{\\partial z_{2}}``."""
    return " = ".join(map(line_name, step.names))


def index_range(index: str) -> str:
    """``l = 2, \\dots, 99`` for the text of it."""
    return index.replace("…", r"\dots")


def equation(step: Step) -> str:
    """A line in math mode."""
    return f"{left_side(step)} = {latex(step.expr)}"


def shape_latex(shape: Sequence[Any]) -> str:
    """``H \\times (T - 2)``; a scalar has none."""
    sizes = [latex(sp.sympify(n)) for n in shape]
    if len(sizes) == 1:
        return sizes[0]
    return r" \times ".join(f"({n})" if " + " in n or " - " in n else n for n in sizes)


def equation_texts(steps: Sequence[Step]) -> dict[str, str]:
    """The LaTeX of each line by its text, by which reasons refer to it."""
    return {step.text: equation(step) for step in steps}


def reason(because: str, equations: Mapping[str, str]) -> str:
    """The reason of a line, in math mode."""
    if because in equations:
        return equations[because]
    return rf"\text{{{latex_sentence(because)}}}" if because else ""
