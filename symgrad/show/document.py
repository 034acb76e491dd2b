r"""A sheet as a LaTeX document that pdflatex turns into paper.

Why it exists: an ``align`` block runs off the page where a line is long. Here every section is a
``longtable`` with a column for each part of a line, in which TeX breaks what is too long at its
operators; a sheet of very long lines is in landscape. Only packages of every TeX distribution's
recommended set are used: geometry, amsmath, amssymb, array and longtable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from symgrad.show.latex import equation_texts, left_side, shape_latex
from symgrad.show.latex_form import latex
from symgrad.show.prose import latex_sentence
from symgrad.show.sheet import Section, Sheet
from symgrad.show.steps import Step, indices

_LONG = 60
"""Formulas of more signs make a sheet landscape."""

_SIZES = ((2 * _LONG, r"\scriptsize"), (_LONG, r"\small"))
"""The size of a sheet's lines, by the signs of its longest."""

_EM_PER_SIGN = 0.62
"""The mean width of a sign of a formula, with its spaces."""


def document(sheet: Sheet) -> str:
    """The sheet as a complete document in the class ``article``."""
    steps = sheet.steps
    view = _View(
        texts=equation_texts(steps),
        indexed=any(s.repeats for s in steps),
        reasoned=any(s.because for s in steps),
    )
    shown = [x for s in steps for x in (s.expr, *(move.expr for move in s.proof))]
    longest = max((signs(latex(x)) for x in shown), default=0)
    footer = [rf"\par\smallskip\noindent {latex_sentence(x)}" for x in sheet.footer]
    return _DOCUMENT.format(
        landscape=", landscape" if longest > _LONG else "",
        size=next((size for limit, size in _SIZES if longest > limit), ""),
        columns=_columns(steps, view),
        title=latex_sentence(sheet.title),
        body="\n\n".join(_section(x, view) for x in sheet.sections),
        footer="\n".join(["", r"\bigskip", *footer]) if footer else "",
    )


class _View(NamedTuple):
    """What every line needs to know of the sheet."""

    texts: Mapping[str, str]
    """The text of each line → its LaTeX."""
    indexed: bool
    """Whether there is a column for the index of repeated lines."""
    reasoned: bool
    """Whether there is a column for reasons."""


def signs(formula: str) -> int:
    r"""About how many signs wide a formula is: a fraction is as wide as its wider part."""
    return _width(iter(re.findall(r"\\[a-zA-Z]+|\\.|\S", formula)))


def _width(tokens: Iterator[str]) -> int:
    """The signs up to the brace that closes the group."""
    total = 0
    for token in tokens:
        if token == "}":
            break
        if token == "{":
            total += _width(tokens)
        elif token == r"\frac":
            total += max(_width(_group(tokens)), _width(_group(tokens)))
        elif token in _SILENT:
            continue
        else:
            total += len(token) - 1 if token in _WORDS else 1
    return total


def _group(tokens: Iterator[str]) -> Iterator[str]:
    """``tokens`` behind the brace that opens a group."""
    next(tokens)
    return tokens


_SILENT = {"_", "^", "'", r"\,", r"\left", r"\right"}
_SILENT |= {rf"\{x}" for x in ("operatorname", "mathrm", "mathit", "mathbf", "text", "bar", "hat")}
_WORDS = {rf"\{x}" for x in ("tanh", "exp", "log", "sin", "cos", "sinh", "cosh", "max", "min")}
"""Commands that take no place, and those that are set as words."""


def _columns(steps: Sequence[Step], view: _View) -> str:
    """The same columns in every section: names, right-hand side, index, shape, reason."""
    left = max((signs(left_side(s)) for s in steps), default=1) * _EM_PER_SIGN + 1
    shape = max([signs(shape_latex(s.shape)) * _EM_PER_SIGN + 1.5 for s in steps] + [3.5])
    share = 0.3 if view.reasoned else 0.0
    taken = left + shape + (6 if view.indexed else 0)
    gaps = 4 + 2 * view.reasoned + 2 * view.indexed
    right = rf"\dimexpr {1 - share:.2f}\linewidth - {taken:.1f}em - {gaps}ex\relax"
    columns = [
        r">{$\displaystyle}r<{$}@{}",
        rf">{{\formula}}p{{{right}}}<{{$}}",
        *([r"p{6em}"] if view.indexed else []),
        rf">{{$}}p{{{shape:.1f}em}}<{{$}}",
        *([rf">{{\raggedright\arraybackslash\small}}p{{{share}\linewidth}}"] * view.reasoned),
    ]
    return "@{}\n  " + "\n  ".join(columns) + "@{}"


def _section(section: Section, view: _View) -> str:
    rows = "\n".join(
        line
        for step, index in zip(section.steps, indices(section.steps), strict=True)
        for line in _rows(step, index, view)
    )
    heading = latex_sentence(section.heading[:1].upper() + section.heading[1:])
    return f"\\subsection*{{{heading}}}\n\\begin{{steps}}\n{rows}\n\\end{{steps}}"


def _rows(step: Step, index: str, view: _View) -> Iterator[str]:
    """A line, and under it how it comes about."""
    shape = shape_latex(step.shape) if step.shape else r"\text{scalar}"
    yield _row(left_side(step), step.expr, index, shape, _why(step, view), view)
    for move in step.proof:
        yield _row("", move.expr, "", "", latex_sentence(move.law), view)


def _row(left: str, expr: Any, index: str, shape: str, why: str, view: _View) -> str:
    cells = [left, f"= {_breakable(latex(expr))}"]
    cells += [latex_sentence(index)] if view.indexed else []
    cells += [shape, why] if view.reasoned else [shape]
    return "  " + " & ".join(cells) + r" \nextline"


def _breakable(formula: str) -> str:
    r"""A long formula as TeX can break it: not between \left and \right, nor between factors."""
    if signs(formula) < _LONG // 2:
        return formula
    formula = formula.replace(r"\left", r"\bigl").replace(r"\right", r"\bigr")
    return re.sub(r" (?=\\sum|\(|\\bigl)", r" \\allowbreak ", formula)


def _why(step: Step, view: _View) -> str:
    """The reason, in text mode."""
    source = view.texts.get(step.because)
    return f"${source}$" if source else latex_sentence(step.because)


_DOCUMENT = r"""\documentclass[11pt]{{article}}
\usepackage[a4paper, margin=20mm{landscape}]{{geometry}}
\usepackage{{amsmath, amssymb, array, longtable}}

\newcommand{{\formula}}{{\raggedright\hangindent=2em\hangafter=1%
  \lineskiplimit=2pt\lineskip=4pt\binoppenalty=100\relpenalty=50
  \medmuskip=4mu\thickmuskip=5mu$\displaystyle{{}}}}
\setlength{{\LTleft}}{{0pt}}
\setlength{{\LTpre}}{{0pt}}
\setlength{{\LTpost}}{{0pt}}
\setlength{{\parindent}}{{0pt}}
\newenvironment{{steps}}{{{size}\longtable[l]{{{columns}}}}}{{\endlongtable}}
\newcommand{{\nextline}}{{\\\noalign{{\vskip 6pt}}}}
\emergencystretch=2em

\begin{{document}}

\section*{{{title}}}

{body}
{footer}

\end{{document}}
"""
