r"""A sheet as a LaTeX document that pdflatex turns into paper.

Why it exists: an ``align`` block runs off the page where a line is long. Here every section is a
``longtable`` with the same columns, whose widths TeX measures: names, right-hand sides, reasons,
shapes at the right margin. What is too long is broken at its operators, over the place of the
reason too where there is none; only a formula that has no place to be broken at, such as a wide
fraction, turns the sheet into landscape. Only packages of every TeX distribution's recommended set
are used: geometry, amsmath, amssymb, array and longtable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from symgrad.show.latex import equation_texts, left_side, shape_latex
from symgrad.show.latex_form import latex
from symgrad.show.prose import latex_runs, latex_sentence, title_runs
from symgrad.show.sheet import Section, Sheet
from symgrad.show.steps import Step, indices
from symgrad.show.widths import signs, slashed

_WIDEST = 60
"""Signs in one piece that a line of a page in portrait has room for."""

_LONG = 90
"""Signs of a formula for which a sheet is in smaller letters."""

_BREAKABLE = 24
"""Signs of a formula that may need to be broken."""


def document(sheet: Sheet) -> str:
    """The sheet as a complete document in the class ``article``."""
    view = _view(sheet)
    rows = [row for section in sheet.sections for row in _rows_of(section, view)]
    formulas = [row.right for row in rows]
    footer = [rf"\par\smallskip\noindent {latex_sentence(x)}" for x in sheet.footer]
    return _DOCUMENT.format(
        landscape=", landscape" if max(map(_unbreakable, formulas), default=0) > _WIDEST else "",
        points=10 if max(map(signs, formulas), default=0) > _LONG else 11,
        columns=_columns(view),
        widths=_widths(rows, view),
        title=latex_runs(title_runs(sheet.title)),
        body="\n\n".join(_section(x, view) for x in sheet.sections),
        footer="\n".join(["", r"\bigskip\sloppy", *footer]) if footer else "",
    )


class _View(NamedTuple):
    """What every line needs to know of the sheet."""

    texts: Mapping[str, str]
    """The text of each line → its LaTeX."""
    indexed: bool
    """Whether there is a column for the index of repeated lines."""
    reasoned: bool
    """Whether there is a column for reasons."""


class _Row(NamedTuple):
    """What stands in the columns, as LaTeX; ``left``, ``right`` and ``shape`` in math mode."""

    left: str
    right: str
    why: str
    over: str
    shape: str


def _view(sheet: Sheet) -> _View:
    steps = sheet.steps
    return _View(
        texts=equation_texts(steps),
        indexed=any(s.repeats for s in steps),
        reasoned=any(s.because or s.proof for s in steps),
    )


def _rows_of(section: Section, view: _View) -> Iterator[_Row]:
    """Each line, and under it how it comes about."""
    for step, index in zip(section.steps, indices(section.steps), strict=True):
        shape = shape_latex(step.shape) if step.shape else r"\text{scalar}"
        why = _why(step, view)
        yield _Row(left_side(step), latex(step.expr), why, latex_sentence(index), shape)
        for move in step.proof:
            yield _Row("", latex(move.expr), latex_sentence(move.law), "", "")


def _why(step: Step, view: _View) -> str:
    """The reason, in text mode."""
    source = view.texts.get(step.because)
    return f"${source}$" if source else latex_sentence(step.because)


# -------------------------------------------------------------------------------- how wide it is


def _unbreakable(formula: str) -> int:
    """The signs of the widest piece of a formula that a line cannot end in."""
    return max(signs(x) for x in re.split(r"\\penalty\d+", breakable(formula)))


def breakable(formula: str) -> str:
    r"""A formula as TeX can break it: with no \left and \right, and the better, the further out.

    A wide fraction is written with a slash, and a wide root as a power.
    """
    formula = slashed(formula, _ROOM)
    formula = re.sub(r"\\left(?![a-z])", r"\\Bigl", formula)
    formula = re.sub(r"\\right(?![a-z])", r"\\Bigr", formula)
    tokens = re.findall(r"\\[a-zA-Z]+|\\.|\s+|\S", formula)
    lengths = _bracketed(tokens)
    braces = 0
    inside: list[int] = []  # what a break costs more in each of the brackets around
    broken = ""
    for k, token in enumerate(tokens):
        kind = token.strip()
        braces += (kind in ("{", r"\begin")) - (kind in ("}", r"\end"))
        factor = re.fullmatch(_HEADS, kind) is not None
        if not braces and factor and broken.endswith(" ") and not _wants_more(broken):
            broken += rf"\penalty{500 + sum(inside)} "
        if kind in _OPENING:
            inside.append(200 if lengths[k] > _LONG_BRACKET else 900)
        elif kind in _CLOSING and inside:
            inside.pop()
        if not braces and kind in _OPERATORS and broken.strip() and not _wants_more(broken):
            broken += rf"\penalty{100 + sum(inside)} "
        broken += token
    return re.sub(r"(?<=\\penalty)(\d+)(?=[^\s\d])", r"\1 ", broken)


_LONG_BRACKET = 30
"""Signs in brackets that are rather broken in the middle than in front."""


def _bracketed(tokens: Sequence[str]) -> dict[int, int]:
    """How many signs there are in the bracket that opens at a place."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for k, token in enumerate(tokens):
        if token.strip() in _OPENING:
            opened.append(k)
            found[k] = len(tokens) - k
        elif token.strip() in _CLOSING and opened:
            start = opened.pop()
            found[start] = k - start
    return found


_ROOM = 36
"""Signs of a fraction that every line has room for."""


def _wants_more(text: str) -> bool:
    """Whether ``text`` ends in an operator, or in a bracket that it opens."""
    plain = re.sub(r"(\\penalty\d+\s*)+$", "", text).rstrip()
    return plain.endswith((*_OPERATORS, *_OPENING, "/"))


_HEADS = r"\\(sum|Bigl|operatorname|tanh|exp|log|sigma|mathbf|frac)|\("
"""What a factor begins with that a line may begin with."""

_OPERATORS = {"+", "-", r"\odot", r"\cdot"}
"""What a line may begin with."""

_OPENING, _CLOSING = {"(", "[", r"\lVert", r"\lvert"}, {")", "]", r"\rVert", r"\rvert"}


# ------------------------------------------------------------------------------------- the table


def _columns(view: _View) -> str:
    """The same columns in every section: names, right-hand side, reason, index, shape."""
    columns = [
        r">{$\displaystyle}r<{$}@{}",
        rf">{{\formula}}p{{\{'formulas' if view.reasoned else 'both'}}}<{{$}}",
        *([r">{\reason}p{\reasons}"] if view.reasoned else []),
        *(["l"] if view.indexed else []),
        r">{$}r<{$}",
    ]
    return "@{}" + "".join("\n  " + x for x in columns) + "@{}"


def _widths(rows: Sequence[_Row], view: _View) -> str:
    """The widest entries of each column, for TeX to measure."""
    reasoned = [row for row in rows if row.why]
    entries = {
        "names": [rf"$\displaystyle {x}$" for x in _widest(row.left for row in rows)],
        "formulas": [
            rf"$\displaystyle {{}}= {x}$\quad" for x in _widest(row.right for row in reasoned)
        ],
        "reasons": [rf"\reason {x}" for x in _widest((row.why for row in reasoned), len)],
        "indices": _widest((row.over for row in rows), len),
        "shapes": [f"${x}$" for x in sorted({row.shape for row in rows if row.shape})],
    }
    lines = [rf"\atleast{{\{name}}}{{{x}}}" for name, found in entries.items() for x in found]
    gaps = 4 + 2 * view.indexed
    return "\n".join([*lines, rf"\share{{{gaps}\tabcolsep}}"])


def _widest(texts: Iterable[str], size: Callable[[str], int] | None = None) -> list[str]:
    """Those that may be the widest."""
    return sorted({x for x in texts if x}, key=lambda x: (-(size or signs)(x), x))[:4]


def _section(section: Section, view: _View) -> str:
    rows = list(_rows_of(section, view))
    lines = "\n".join(_line(row, view) for row in rows)
    heading = latex_sentence(section.heading[:1].upper() + section.heading[1:])
    because = r"\heading{because}" if any(row.why for row in rows) else ""
    cells = [r"\makebox[\names]{}", "", *([because] if view.reasoned else [])]
    cells += [r"\makebox[\indices]{}"] if view.indexed else []
    head = " & ".join([*cells, r"\makebox[\shapes][r]{\heading{shape}}"])
    return (
        f"\\together\\subsection*{{{heading}}}\n\\begin{{steps}}\n  {head} \\\\[2pt]\n  \\endhead\n"
        f"{lines}\n\\end{{steps}}"
    )


def _line(row: _Row, view: _View) -> str:
    right = _right(row.right)
    if view.reasoned:
        right = f"{right} & {row.why}" if row.why else rf"\wide{{{right}}}"
    cells = [row.left, right, *([row.over] if view.indexed else []), row.shape]
    return "  " + " & ".join(cells) + r" \nextline"


def _right(formula: str) -> str:
    """A right-hand side; a long one in two spellings, of which TeX takes the one that fits."""
    broken = breakable(formula)
    if signs(formula) < _BREAKABLE or broken == formula:
        return f"= {formula}"
    return rf"\fitting{{= {formula}}}{{=\nobreak {broken}}}"


_DOCUMENT = r"""\documentclass[{points}pt]{{article}}
\usepackage[a4paper, margin=20mm{landscape}]{{geometry}}
\usepackage{{amsmath, amssymb, array, longtable}}

\newcommand{{\formula}}{{\raggedright\hangindent=2em\hangafter=1%
  \lineskiplimit=2pt\lineskip=4pt\binoppenalty=10000\relpenalty=50
  \medmuskip=4mu\thickmuskip=5mu$\displaystyle{{}}}}
\newcommand{{\reason}}{{\raggedright\arraybackslash\small}}
\newcommand{{\heading}}[1]{{\textit{{\small #1}}}}
% a heading stays with the lines below it
\newcommand{{\together}}{{\par
  \ifdim\dimexpr\pagegoal-\pagetotal\relax<9\baselineskip\newpage\fi}}
\newcommand{{\nextline}}{{\\\noalign{{\vskip 6pt}}}}
% a formula where there is no reason
\newcommand{{\wide}}[1]{{\multicolumn{{2}}{{@{{}}>{{\formula}}p{{\both}}<{{$}}}}{{#1}}}}
% a formula in one line if it fits, else in a spelling that can be broken
\newcommand{{\fitting}}[2]{{%
  \settowidth{{\trial}}{{$\displaystyle #1$}}\ifdim\trial>\linewidth #2\else #1\fi}}
% the widths of the columns; \share gives formulas and reasons what the others leave
\newlength{{\names}}\newlength{{\formulas}}\newlength{{\reasons}}\newlength{{\both}}
\newlength{{\indices}}\newlength{{\shapes}}\newlength{{\trial}}
\newcommand{{\atleast}}[2]{{%
  \settowidth{{\trial}}{{#2}}\ifdim\trial>#1\setlength{{#1}}{{\trial}}\fi}}
\newcommand{{\share}}[1]{{%
  \setlength{{\trial}}{{\dimexpr\linewidth-\names-\indices-\shapes-#1\relax}}%
  \setlength{{\both}}{{\dimexpr\trial+2\tabcolsep\relax}}%
  \ifdim\dimexpr\formulas+\reasons\relax>\trial
    \ifdim\formulas>0.6\trial
      \ifdim\reasons>0.4\trial \setlength{{\reasons}}{{0.4\trial}}\fi
      \setlength{{\formulas}}{{\dimexpr\trial-\reasons\relax}}\fi\fi
  \setlength{{\reasons}}{{\dimexpr\trial-\formulas\relax}}}}
\newenvironment{{steps}}{{\longtable[l]{{{columns}}}}}{{\endlongtable}}
\setlength{{\LTleft}}{{0pt}}
\setlength{{\LTpre}}{{0pt}}
\setlength{{\LTpost}}{{0pt}}
\setlength{{\parindent}}{{0pt}}
\emergencystretch=2em

\begin{{document}}
{widths}

\section*{{{title}}}

{body}
{footer}

\end{{document}}
"""
