r"""Derivations as LaTeX: an ``align*`` block of the same lines that the text shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp

from symgrad.show.latex_form import latex
from symgrad.show.latex_names import line_name
from symgrad.show.prose import latex_sentence
from symgrad.show.sheet import Sheet
from symgrad.show.steps import Step, indices


def block(sheet: Sheet) -> str:
    """The lines of a sheet as an ``align*`` block, and below it what is left out of it."""
    lines = [align(sheet.steps)] if sheet.steps else []
    return "\n\n".join([*lines, *map(latex_sentence, sheet.left_out)])


def align(steps: Sequence[Step]) -> str:
    """The lines of a derivation as an ``align*`` block, with reasons as text."""
    equations = equation_texts(steps)
    lines = []
    for step, index in zip(steps, indices(steps), strict=True):
        because = reason(step.because, equations)
        note = rf" && {because}" if because else ""
        note = rf" \qquad {index_range(index)}{note}" if index else note
        lines.append(rf"  {left_side(step)} &= {latex(step.expr)}{note} \\")
        for move in step.proof:
            law = rf" && \text{{{latex_sentence(move.law)}}}" if move.law else ""
            lines.append(rf"  &= {latex(move.expr)}{law} \\")
    return "\\begin{align*}\n" + "\n".join(lines) + "\n\\end{align*}"


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
