"""A sheet as Markdown, with the formulas between dollars: GitHub and Jupyter set them.

Why it exists: solutions are handed in as Markdown, in an issue or in a notebook. Markdown takes
the backslash out of ``\\,`` and cuts a table at ``|``, so the few commands made of signs are
written as words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from symgrad.show.latex import equation_texts, left_side, shape_latex
from symgrad.show.latex_form import latex
from symgrad.show.prose import Run, runs, title_runs
from symgrad.show.sheet import Section, Sheet
from symgrad.show.steps import Step, indices

_WORDS = (
    (r"\\,", r"\\thinspace"),
    (r" \\\\ ", r" \\cr "),
    (r"\\\{", r"\\lbrace "),
    (r"\\\}", r"\\rbrace "),
    (r"\\ ", r"\\thinspace "),
    (r"<", r"\\lt "),
    (r">", r"\\gt "),
    (r"\*", r"\\ast "),
)
"""What Markdown would take for its own → the same as a word."""

_ESCAPED = re.compile(r"([\\`*_{}\[\]<>#|$~&])")


def markdown(sheet: Sheet) -> str:
    """The sheet as headings and tables."""
    texts = equation_texts(sheet.steps)
    parts = [f"# {_words(title_runs(sheet.title))}"]
    parts += [_section(x, texts) for x in sheet.sections]
    parts += [sentence(x) for x in sheet.footer]
    return "\n\n".join(parts) + "\n"


def _section(section: Section, texts: dict[str, str]) -> str:
    indexed = any(s.repeats for s in section.steps)
    reasoned = any(s.because for s in section.steps)
    heads = ["equation", *["index"] * indexed, "shape", *["because"] * reasoned]
    lines = [f"## {sentence(section.heading[:1].upper() + section.heading[1:])}", ""]
    lines += [_row(heads), _row([":--"] * len(heads))]
    for step, index in zip(section.steps, indices(section.steps), strict=True):
        shape = inline(shape_latex(step.shape)) if step.shape else "scalar"
        cells = [inline(f"{left_side(step)} = {latex(step.expr)}"), *[sentence(index)] * indexed]
        lines.append(_row([*cells, shape, *[_why(step, texts)] * reasoned]))
        for move in step.proof:
            under = rf"\hphantom{{{left_side(step)}}} = {latex(move.expr)}"  # "=" under "="
            cells = [inline(under), *[""] * indexed, ""]
            lines.append(_row([*cells, *[sentence(move.law)] * reasoned]))
    return "\n".join(lines)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _why(step: Step, texts: dict[str, str]) -> str:
    source = texts.get(step.because)
    return inline(source) if source else sentence(step.because)


def inline(formula: str) -> str:
    """A formula between dollars, as Markdown leaves it alone."""
    for sign, word in _WORDS:
        formula = re.sub(sign, word, formula)
    return f"${formula}$"


def sentence(text: str) -> str:
    """Words, and formulas among them."""
    return _words(runs(text))


def _words(found: Iterable[Run]) -> str:
    return "".join(inline(x.text) if x.is_math else _ESCAPED.sub(r"\\\1", x.text) for x in found)
