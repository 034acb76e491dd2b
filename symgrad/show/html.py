"""A sheet as HTML: one file, no script, no network; formulas are MathML.

Why it exists: a solution sheet is put on a page, printed, or shown in a notebook. The same markup
serves all: it wraps where the window is narrow, follows dark and light, and pointing at a value
(or tapping it, or going to it with the tab key) shows the line that computes it, with CSS alone:
the value has the class ``r3``, its line ``v3``, and its equation at the lower edge ``t3``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from symgrad.show.breaks import Term, pieces
from symgrad.show.latex import left_side, shape_latex
from symgrad.show.latex_form import latex
from symgrad.show.mathml import mathml
from symgrad.show.pointers import Pointers
from symgrad.show.prose import Run, runs, title_runs
from symgrad.show.sheet import Section, Sheet
from symgrad.show.steps import LEAVES, RESULT, Step, indices


def page(sheet: Sheet) -> str:
    """The sheet as a complete document."""
    return _PAGE.format(title=escape(sheet.title), style=_PAGE_STYLE, body=fragment(sheet))


def fragment(sheet: Sheet) -> str:
    """The sheet as one element with its own style, which changes nothing around it."""
    steps = sheet.steps
    pointers = Pointers(steps)
    view = _View(
        pointers=pointers,
        texts={step.text: step for step in steps},
        columns=(
            *(["index"] if any(s.repeats for s in steps) else []),
            "shape",
            *(["why"] if any(s.because for s in steps) else []),
        ),
    )
    classes = " ".join(["sheet", *(f"with-{c}" for c in view.columns)])
    body = "\n".join(_section(x, view) for x in sheet.sections)
    used = {int(k) for k in re.findall(r'class="r(\d+)', body)}
    tips = {k: _tip(step) for k, step in enumerate(pointers.lines) if k in used}
    return _FRAGMENT.format(
        style=_scoped(_STYLE) + _pointing(tips),
        title=_words(title_runs(sheet.title)),
        body=f'<div class="{classes}">\n{body}\n</div>',
        footer="".join(f"<p>{_sentence(x)}</p>" for x in sheet.footer),
        tips="".join(f'<p class="t{k}">{text}</p>' for k, text in tips.items()),
    )


class _View(NamedTuple):
    """What every line of a sheet needs to know of the others."""

    pointers: Pointers
    """Which line computes the values of a line."""
    texts: dict[str, Step]
    """The text of a line → the line."""
    columns: tuple[str, ...]
    """Beside the equation: index, shape and why."""


def _section(section: Section, view: _View) -> str:
    heads = {
        "index": "index" if any(s.repeats for s in section.steps) else "",
        "shape": "shape",
        "why": "because" if any(s.because for s in section.steps) else "",
    }
    head = '<th role="columnheader" scope="col" class="eq" colspan="2">equation</th>' + "".join(
        f'<th role="columnheader" scope="col" class="{c}">{heads[c]}</th>' for c in view.columns
    )
    rows = "\n".join(
        row
        for step, index in zip(section.steps, indices(section.steps), strict=True)
        for row in _rows(step, index, view)
    )
    own = ' class="results"' if section.heading in (RESULT, LEAVES) else ""
    heading = escape(section.heading.capitalize())
    return (
        f'<section{own}><h2>{heading}</h2>\n<table role="table" '
        f'aria-label="{heading}">\n<thead role="rowgroup"><tr role="row">{head}</tr></thead>\n'
        f'<tbody role="rowgroup">\n{rows}\n</tbody></table></section>'
    )


def _rows(step: Step, index: str, view: _View) -> Iterator[str]:
    """The row of a line, and under it one for each line of its proof, "=" under "="."""
    place = view.pointers.place(step)
    classes = [] if place is None else [f"v{place}"]
    marks = {name: f"r{k}" for name, k in view.pointers.used_in(step).items()}
    cells = {"lhs": mathml(left_side(step)), "rhs": _right_side(step.expr, marks)}
    cells |= {"index": _sentence(index), "shape": _shape(step.shape), "why": _why(step, view)}
    yield _row(cells, classes, view)
    for move in step.proof:
        cells = {"rhs": _right_side(move.expr, marks), "why": _sentence(move.law)}
        yield _row(cells, ["proof", *classes], view)


def _row(cells: Mapping[str, str], classes: Sequence[str], view: _View) -> str:
    body = "".join(
        f'<td role="cell" class="{column}">{cells.get(column, "")}</td>'
        for column in ("lhs", "rhs", *view.columns)
    )
    own = f' class="{" ".join(classes)}"' if classes else ""
    return f'<tr role="row"{own}>{body}</tr>'


def _why(step: Step, view: _View) -> str:
    """The reason."""
    source = view.texts.get(step.because)
    if source is None:
        return _sentence(step.because)
    marks = {name: f"r{k}" for name, k in view.pointers.used_in(source).items()}
    return _formula(left_side(source), source.expr, marks)


def _tip(step: Step) -> str:
    """What pointing shows: the line, and what its index runs over."""
    over = f'<span class="range">{_sentence(str(step.repeats))}</span>' if step.repeats else ""
    return _formula(left_side(step), step.result, {}) + over


def _formula(left: str, expr: Any, marks: Mapping[str, str]) -> str:
    return f"{mathml(left)}<wbr>{_right_side(expr, marks)}"


def _right_side(expr: Any, marks: Mapping[str, str]) -> str:
    """``= …``, in pieces between which a line may be broken."""
    return _broken(pieces(latex(expr, marks)), "{}= ")


def _broken(parts: Sequence[str | Term], sign: str = "") -> str:
    """Pieces with places for a break between them, the first with a ``sign``."""
    return "<wbr>".join(_piece(x, "" if k else sign) for k, x in enumerate(parts))


def _piece(part: str | Term, sign: str) -> str:
    if isinstance(part, Term):
        return f'<span class="term">{_broken(part.parts, sign)}</span>'
    return mathml(sign + part)


def _shape(shape: Sequence[Any]) -> str:
    return mathml(shape_latex(shape)) if shape else "scalar"


def _sentence(text: str) -> str:
    """Words, and formulas among them; no comma begins a line."""
    return _words(runs(text))


def _words(found: Iterable[Run]) -> str:
    parts: list[str] = []
    for x in found:
        if x.is_math:
            parts.append(mathml(x.text, False, among_words=True))
            continue
        sign, rest = (x.text[:1], x.text[1:]) if x.text[:1] in _CLOSING_SIGNS else ("", x.text)
        if sign and parts:  # browsers break behind a formula, even before a word joiner
            parts[-1] = f'<span class="held">{parts[-1]}{sign}</span>'
            sign = ""
        parts.append(escape(sign + rest))
    return "".join(parts)


_CLOSING_SIGNS = {*",.;:!?)"}
"""What no line begins with."""


def _scoped(style: str) -> str:
    """The rules, each for the inside of a sheet, and stronger than those of a notebook."""
    return style.replace("§", ":is(.symgrad,#symgrad)")


def _pointing(numbers: Iterable[int]) -> str:
    """Pointing at a value lights its line up, and shows its equation at the lower edge."""
    rules = []
    for k in numbers:
        pointed = _scoped(f"§:has(.r{k}:hover,.r{k}:focus)")
        rules += [f"{pointed} .v{k}{{background:#2f6fdf2b}}"]
        rules += [f"{pointed} .t{k}{{display:block}}"]
    return "\n".join(rules)


_STYLE = """
§{container-type:inline-size;color:inherit;line-height:1.5;text-align:start;position:relative;
 font-family:"Latin Modern Roman","STIX Two Text",Cambria,"Noto Serif","Liberation Serif",
 "Times New Roman",serif}
§ h1{font-family:inherit;font-size:1.5em;font-weight:600;margin:0 0 .6em;line-height:1.3}
§ h2{font-family:inherit;font-size:1.1em;font-weight:600;margin:1.6em 0 .5em;grid-column:1/-1}
§ math{font-size:1.06em;line-height:1.3;
 font-family:"Latin Modern Math","STIX Two Math","Cambria Math",math}
§ mi.italic{font-style:italic}
§ .held{white-space:nowrap}
§ .over{border-block-start:.05em solid;padding-block-start:.06em}
§ mo.bar{padding-block-end:.12em}
§ mtd[columnalign=left]{text-align:left}
§ .sheet,§ .results{display:grid;
 grid-template-columns:max-content minmax(0,max-content) minmax(4.5em,1fr)}
§ .with-why,§ .with-why .results{grid-template-columns:
 max-content minmax(0,max-content) minmax(4.5em,max-content) minmax(min(19em,36%),1fr)}
§ .with-index,§ .with-index .results{grid-template-columns:
 max-content minmax(0,max-content) max-content minmax(4.5em,1fr)}
§ .with-index.with-why,§ .with-index.with-why .results{grid-template-columns:
 max-content minmax(0,max-content) max-content minmax(4.5em,max-content) minmax(min(16em,32%),1fr)}
§ section,§ table,§ thead,§ tbody,§ tr{display:grid;grid-template-columns:subgrid;
 grid-column:1/-1;border:0;background:none}
§ table{margin:0;width:100%;font-size:1em}
§ thead tr{border-bottom:1px solid #8889;margin-bottom:.25em}
§ tbody tr{align-items:baseline;break-inside:avoid;border-radius:3px;transition:background .15s}
§ th,§ td{padding:.3em .5em;border:0;text-align:start;vertical-align:baseline;font-size:1em;
 min-width:0;max-width:none;white-space:normal;background:none}
§ th{font-weight:400;font-style:italic;font-size:.9em;padding-block:.1em;opacity:.75}
§ th.eq{grid-column:span 2}
§ td.lhs{text-align:end;padding-inline-end:0}
§ h1,§ .rhs,§ .why,§ footer p{overflow-x:auto;overflow-y:hidden}
§ td.rhs{padding-inline-start:1.5em;text-indent:-1.5em}
§ td.rhs math{text-indent:0}
§ .term{display:inline-block;max-width:100%;box-sizing:border-box;
 baseline-source:first;padding-inline-start:1em;text-indent:-1em}
§ td.shape,§ td.index{white-space:nowrap}
§ td.shape,§ td.index,§ td.why,§ th.shape,§ th.index,§ th.why{padding-inline-start:1.4em}
§ td.why{opacity:.85}
§ td.rhs math{padding-block:.16em}
§ tr.proof td{padding-top:0}
§ tr.proof+tr:not(.proof) td{padding-top:.8em}
§ footer{margin-top:2em;padding-top:.6em;border-top:1px solid #8885;font-size:.92em;opacity:.85}
§ footer p{margin:.2em 0}
§ [tabindex]{border-radius:2px;cursor:help}
§ [tabindex]:hover,§ [tabindex]:focus{background:#2f6fdf2b;outline:1px solid #2f6fdf88}
§ .tips{position:sticky;bottom:0;height:0;z-index:1}
§ .tips p{display:none;position:absolute;bottom:.6em;left:0;right:0;width:fit-content;
 max-width:100%;box-sizing:border-box;margin:0 auto;padding:.45em .9em;border-radius:6px;
 background:#23303f;color:#fff;box-shadow:0 0 0 1px #fff3,0 2px 12px #0006;overflow-x:auto}
§ .tips .range{margin-inline-start:1.5em}
@container (max-width:640px){
 § .sheet,§ section,§ table,§ tbody{display:block}
 § .sheet .results{display:block}
 § thead{display:none}
 § h2{border-bottom:1px solid #8889;padding-bottom:.2em}
 § tbody tr{display:flex;flex-wrap:wrap;padding:.4em 0}
 § tbody tr.proof{padding:0 0 .3em}
 § td{padding:.1em .3em}
 § td.lhs{flex:none;max-width:100%;overflow-x:auto;overflow-y:hidden}
 § td.rhs{flex:1 1 60%;padding-inline-start:1.2em;text-indent:-1.2em}
 § td.shape,§ td.index{opacity:.75;font-size:.9em}
 § td.shape{flex:none}
 § td.index{order:1}
 § td.why{order:2;font-size:.92em}
 § td.index,§ td.why{flex:1 1 100%;padding-inline-start:1.5em}
 § tr.proof+tr:not(.proof) td{padding-top:.5em}
 § tr.proof td.rhs{flex:1 1 100%;padding-inline-start:2.4em}
 § td.rhs math{font-size:1em}
 § td:empty{display:none}
}
@media print{
 § .tips{display:none}
 § td.why,§ th,§ footer,§ td.shape,§ td.index{opacity:1}
 § h1,§ .rhs,§ .lhs,§ .why,§ footer p{overflow:visible}
 § h2,§ thead{break-after:avoid}
 § [tabindex]:focus{background:none;outline:0}
}
"""

_PAGE_STYLE = """
:root{color-scheme:light dark}
body{margin:0;background:#fff;color:#1c1d20;font-size:1.0625rem}
main{max-width:62rem;margin:0 auto;padding:2.5rem clamp(.75rem,3vw,2.5rem) 4rem}
@media (prefers-color-scheme:dark){body{background:#15171b;color:#e4e5e9}}
@media print{
 @page{margin:16mm}
 body{background:#fff;color:#000;font-size:10.5pt}
 main{max-width:none;padding:0}
}
"""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""

_FRAGMENT = """<article class="symgrad">
<style>{style}</style>
<h1>{title}</h1>
{body}
<footer>{footer}</footer>
<div class="tips" aria-hidden="true">{tips}</div>
</article>"""
