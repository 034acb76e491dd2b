"""A sheet as HTML: one file, no script, no network; formulas are MathML.

Why it exists: a solution sheet is put on a page, printed, or shown in a notebook. The same markup
serves all: it wraps where the window is narrow, follows dark and light, and pointing at a value
(or tapping it, or going to it with the tab key) shows the line that computes it, with CSS alone:
the value has the class ``r3``, its line ``v3``, and its equation at the lower edge ``t3``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from symgrad.show.latex import left_side, shape_latex
from symgrad.show.latex_form import latex
from symgrad.show.mathml import mathml, pieces
from symgrad.show.prose import runs
from symgrad.show.sheet import Section, Sheet
from symgrad.show.steps import Step, indices


def page(sheet: Sheet) -> str:
    """The sheet as a complete document."""
    return _PAGE.format(title=escape(sheet.title), style=_PAGE_STYLE, body=fragment(sheet))


def fragment(sheet: Sheet) -> str:
    """The sheet as one element with its own style, which changes nothing around it."""
    defining = _defining(sheet)
    steps = sheet.steps
    view = _View(
        marks={name: f"r{k}" for name, (k, _) in defining.items()},
        places={id(step): k for k, step in defining.values()},
        texts={step.text: step for step in steps},
        columns=(
            *(["index"] if any(s.repeats for s in steps) else []),
            "shape",
            *(["why"] if any(s.because for s in steps) else []),
        ),
    )
    body = "\n".join(_section(x, view) for x in sheet.sections)
    used = {int(k) for k in re.findall(r'class="r(\d+)', body)}
    tips = {k: _formula(left_side(s), s.result) for k, s in defining.values() if k in used}
    return _FRAGMENT.format(
        style=_scoped(_STYLE) + _pointing(tips),
        title=_sentence(sheet.title),
        body=body,
        footer="".join(f"<p>{_sentence(x)}</p>" for x in sheet.footer),
        tips="".join(f'<p class="t{k}">{text}</p>' for k, text in tips.items()),
    )


class _View(NamedTuple):
    """What every line of a sheet needs to know of the others."""

    marks: dict[str, str]
    """A name → the class of its uses."""
    places: dict[int, int]
    """The ``id`` of a line → its number, if it computes a name."""
    texts: dict[str, Step]
    """The text of a line → the line."""
    columns: tuple[str, ...]
    """Beside the equation: index, shape and why."""


def _defining(sheet: Sheet) -> dict[str, tuple[int, Step]]:
    """The line that computes each name; where several do, the first."""
    found: dict[str, tuple[int, Step]] = {}
    number = 0
    for step in sheet.steps:
        names = [name.partition("[")[0] for name in step.names]
        if not any(name in found for name in names):
            found |= {name: (number, step) for name in names}
            number += 1
    return found


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
        _row(step, index, view)
        for step, index in zip(section.steps, indices(section.steps), strict=True)
    )
    classes = " ".join(f"with-{c}" for c in view.columns)
    heading = escape(section.heading.capitalize())
    return (
        f'<section><h2>{heading}</h2>\n<table role="table" class="{classes}" '
        f'aria-label="{heading}">\n<thead role="rowgroup"><tr role="row">{head}</tr></thead>\n'
        f'<tbody role="rowgroup">\n{rows}\n</tbody></table></section>'
    )


def _row(step: Step, index: str, view: _View) -> str:
    own = view.places.get(id(step))
    others = {name: mark for name, mark in view.marks.items() if mark != f"r{own}"}
    beside = {"index": _sentence(index), "shape": _shape(step.shape), "why": _why(step, view)}
    cells = {"lhs": mathml(left_side(step)), "rhs": _right_side(step.expr, others)}
    cells |= {column: beside[column] for column in view.columns}
    body = "".join(f'<td role="cell" class="{c}">{x}</td>' for c, x in cells.items())
    place = "" if own is None else f' class="v{own}"'
    return f'<tr role="row"{place}>{body}</tr>' + _proof(step, others)


def _why(step: Step, view: _View) -> str:
    """The reason."""
    source = view.texts.get(step.because)
    return _formula(left_side(source), source.expr) if source else _sentence(step.because)


def _proof(step: Step, marks: Mapping[str, str]) -> str:
    """How the line comes about, a law at a time."""
    if not step.proof:
        return ""
    moves = "".join(
        f'<li><span class="rhs">{_right_side(move.expr, marks)}</span>'
        f'<span class="why">{_sentence(move.law)}</span></li>'
        for move in step.proof
    )
    return f'<tr role="row" class="proof"><td role="cell" colspan="5"><ol>{moves}</ol></td></tr>'


def _formula(left: str, expr: Any) -> str:
    return f"{mathml(left)}<wbr>{_right_side(expr, {})}"


def _right_side(expr: Any, marks: Mapping[str, str]) -> str:
    """``= …``, in pieces between which a line may be broken."""
    first, *rest = pieces(latex(expr, marks))
    return "<wbr>".join(map(mathml, ["{}= " + first, *rest]))


def _shape(shape: Sequence[Any]) -> str:
    return mathml(shape_latex(shape)) if shape else "scalar"


def _sentence(text: str) -> str:
    """Words, and formulas among them; no comma begins a line."""
    parts = [
        mathml(x.text, False) if x.is_math else re.sub(r"^(?=[,.;:!?)])", _JOINER, escape(x.text))
        for x in runs(text)
    ]
    return "".join(parts).removeprefix(_JOINER)


_JOINER = "\N{WORD JOINER}"


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
 font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif}
§ h1{font-size:1.35em;font-weight:600;margin:0 0 .5em;line-height:1.35}
§ h2{font-size:1em;font-weight:600;margin:1.6em 0 .4em;letter-spacing:.01em}
§ math{font-size:1.1em;font-family:"Latin Modern Math","STIX Two Math","Cambria Math",math;
 line-height:1.3}
§ mi.italic{font-style:italic}
§ .over{border-block-start:.05em solid;padding-block-start:.06em}
§ mtd[columnalign=left]{text-align:left}
§ table{display:grid;border:0;margin:0;width:100%;border-collapse:collapse;table-layout:auto;
 grid-template-columns:max-content minmax(0,1fr) minmax(4.5em,max-content);font-size:1em}
§ table.with-why{
 grid-template-columns:max-content minmax(0,1fr) minmax(4.5em,max-content) minmax(0,34%)}
§ table.with-index{
 grid-template-columns:max-content minmax(0,1fr) max-content minmax(4.5em,max-content)}
§ table.with-index.with-why{grid-template-columns:
 max-content minmax(0,1fr) max-content minmax(4.5em,max-content) minmax(0,30%)}
§ thead,§ tbody,§ tr{display:grid;grid-template-columns:subgrid;grid-column:1/-1;border:0;
 background:none}
§ tbody tr{border-top:1px solid #8883;align-items:baseline;break-inside:avoid;
 border-radius:3px;transition:background .15s}
§ th,§ td{padding:.4em .5em;border:0;text-align:start;vertical-align:baseline;font-size:1em;
 min-width:0;max-width:none;white-space:normal;background:none}
§ th{font-weight:400;font-size:.85em;padding-block:.1em;opacity:.65}
§ th.eq{grid-column:span 2}
§ td.lhs{text-align:end;padding-inline-end:0}
§ .rhs,§ .why,§ footer p{overflow-x:auto;overflow-y:hidden}
§ td.rhs{padding-inline-start:1.5em;text-indent:-1.5em}
§ td.rhs math{text-indent:0}
§ td.shape,§ td.index{white-space:nowrap}
§ .why{font-size:.9em;opacity:.8}
§ tr.proof{border:0}
§ tr.proof td{grid-column:1/-1;padding-top:0}
§ li .rhs,§ li .why{min-width:0}
§ ol{margin:0;padding:0 0 0 2.2em;list-style:none;border-inline-start:2px solid #8884}
§ li{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,34%);align-items:baseline;
 padding:.15em 0 .15em .5em}
§ footer{margin-top:1.6em;font-size:.9em;opacity:.8}
§ footer p{margin:.2em 0}
§ [tabindex]{border-radius:2px;cursor:help}
§ [tabindex]:hover,§ [tabindex]:focus{background:#2f6fdf2b;outline:1px solid #2f6fdf88}
§ .tips{position:sticky;bottom:0;height:0;z-index:1}
§ .tips p{display:none;position:absolute;bottom:.6em;left:0;right:0;width:fit-content;
 max-width:100%;box-sizing:border-box;margin:0 auto;padding:.45em .9em;border-radius:6px;
 background:#23303f;color:#fff;box-shadow:0 2px 12px #0006;overflow-x:auto}
@container (max-width:640px){
 § table,§ table.with-why,§ table.with-index,§ table.with-index.with-why{display:block}
 § thead{display:none}
 § tbody{display:block}
 § tbody tr{display:flex;flex-wrap:wrap;padding:.45em 0}
 § td{padding:.1em .3em}
 § td.lhs{flex:none;max-width:100%;overflow-x:auto;overflow-y:hidden}
 § td.rhs{flex:1 1 60%;padding-inline-start:1.2em;text-indent:-1.2em}
 § td.shape,§ td.index{opacity:.65;font-size:.85em}
 § td.shape{flex:none}
 § td.index{order:1;flex:1 1 100%;padding-inline-start:1.5em}
 § td.why{order:2;flex:1 1 100%;padding-inline-start:1.5em}
 § td.index:empty{display:none}
 § td.why:empty{display:none}
 § li,§ li span{display:block;min-width:0}
 § tr.proof td{flex:1 1 100%;max-width:100%;box-sizing:border-box}
}
@media print{
 § .tips{display:none}
 § .why,§ th,§ footer,§ td.shape{opacity:1}
 § .rhs,§ .why,§ footer p{overflow:visible}
 § h2{break-after:avoid}
}
"""

_PAGE_STYLE = """
:root{color-scheme:light dark}
body{margin:0;background:#fff;color:#1c1d20}
main{max-width:62rem;margin:0 auto;padding:2rem clamp(.75rem,3vw,2.5rem) 4rem}
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
