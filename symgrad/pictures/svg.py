"""A scene as one SVG text: nothing else is needed to show it, and no script runs in it.

The fonts are those of the system, so widths are estimated, and generously. Colours follow the
reader's choice of dark or light. Every card has its whole formula as a tooltip, and the picture a
title and a description for those who do not see it. All text of the user's is escaped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from xml.sax.saxutils import escape

from symgrad.pictures.layout import DOWN, RIGHT, layout
from symgrad.pictures.palette import DARK, LIGHT, LOOKS, Look
from symgrad.pictures.ranks import Edge, Size
from symgrad.pictures.routes import Layout, Point, Route
from symgrad.pictures.scene import Arrow, Card, Scene
from symgrad.show.layer_index import SUBSCRIPT

LABEL, NOTE, SMALL = 16.0, 14.0, 12.5
"""Font sizes: of an equation, of the lines above and below it, of what stands on an arrow."""

_LEADING = 1.4
_PAD_X, _PAD_Y = 13.0, 8.0
_MARGIN = 20.0
_LEGEND = 34.0
_LABEL_PAD = 8.0
_LONGEST = 1500.0
"""A picture wider than this goes downward, unless the direction is chosen."""

_NARROW, _WIDE = "ijl.,:;|!'()[]ft ·", "mwMW@%—⊙⊘→+−=<>≥≤"


@cache
def text_width(text: str, size: float) -> float:
    """The width of a text in a system font, rather too much than too little."""
    total = 0.0
    for x in text:
        if unicodedata.combining(x):
            continue
        if x in _NARROW:
            total += 0.42
        elif x in _WIDE or unicodedata.east_asian_width(x) in "WF":
            total += 0.98
        else:
            total += 0.7 if x.isupper() else 0.64
    return total * size


def card_size(card: Card) -> Size:
    """Room for the lines of a card."""
    lines = [(card.above, NOTE), (card.label, LABEL), (card.below, NOTE)]
    shown = [(text, size) for text, size in lines if text]
    width = max(text_width(text, size) for text, size in shown) + 2 * _PAD_X
    height = sum(size * _LEADING for _, size in shown) + 2 * _PAD_Y
    return max(width, 44.0), height


def arrow_size(arrow: Arrow) -> Size | None:
    """Room for the text above and below an arrow, if there is any."""
    if not (arrow.above or arrow.below):
        return None
    width = max(text_width(x, SMALL) for x in (arrow.above, arrow.below))
    return width + 2 * _LABEL_PAD, 2 * SMALL * _LEADING + 4


def placed(scene: Scene, direction: str | None = None) -> tuple[Layout, str]:
    """The layout of a scene, and its direction: to the right, or downward where that is too far."""
    sizes = [card_size(x) for x in scene.cards]
    edges = [Edge(x.tail, x.head, arrow_size(x)) for x in scene.arrows]
    found = layout(sizes, edges, direction or RIGHT)
    if direction is None and found.size[0] > _LONGEST:
        return layout(sizes, edges, DOWN), DOWN
    return found, direction or RIGHT


def svg(scene: Scene, direction: str | None = None) -> str:
    """The scene as SVG, with a ``viewBox`` so that it scales."""
    found, way = placed(scene, direction)
    legend = _legend(scene)
    width = max(found.size[0], sum(text_width(f"■ {x}   ", SMALL) for _, x in legend)) + 2 * _MARGIN
    height = found.size[1] + 2 * _MARGIN + _LEGEND * bool(legend)
    left = (width - found.size[0]) / 2
    body = [
        f'<g transform="translate({_n(left)} {_n(_MARGIN)})">',
        *(_arrow(a, r, way) for a, r in zip(scene.arrows, found.routes, strict=True)),
        *(_card(c, p) for c, p in zip(scene.cards, found.centres, strict=True)),
        "</g>",
        *_legend_line(legend, height - _MARGIN),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="symgrad-graph" role="img" '
        f'aria-label="{_text(scene.title)}" viewBox="0 0 {_n(width)} {_n(height)}" '
        f'width="{_n(width)}" height="{_n(height)}" style="max-width: 100%; height: auto">'
    )
    return "\n".join([
        head,
        f'<title>{_text(scene.title)}</title>',
        f'<desc>{_text(scene.description)}</desc>',
        f"<style>{_STYLE}</style>",
        '<rect class="page" width="100%" height="100%"/>',
        *body,
        "</svg>\n",
    ])  # fmt: skip


def _variables(scheme: Mapping[str, str]) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in scheme.items())


def _rule(kind: str, look: Look) -> str:
    dashed = " stroke-dasharray: 4 3;" if look.is_dashed else ""
    return (
        f".symgrad-graph .{kind} rect {{ fill: var(--{look.fill}); stroke: var(--{look.line}); "
        f"stroke-width: {look.width:g};{dashed} }}"
    )


_STYLE = f"""
.symgrad-graph {{ font-family: "Helvetica Neue", Arial, "DejaVu Sans", sans-serif;
  {_variables(LIGHT)} }}
@media (prefers-color-scheme: dark) {{ .symgrad-graph {{
  {_variables(DARK)} }} }}
.symgrad-graph text {{ text-anchor: middle; fill: var(--ink); }}
.symgrad-graph .page {{ fill: var(--page); }}
{chr(10).join(map(_rule, LOOKS, LOOKS.values()))}
.symgrad-graph text.forward, .symgrad-graph tspan.forward {{ fill: var(--forward); }}
.symgrad-graph text.backward, .symgrad-graph tspan.backward {{ fill: var(--backward); }}
.symgrad-graph .edge path {{ fill: none; stroke: var(--line); stroke-width: 1.4; }}
.symgrad-graph .edge path.tip {{ fill: var(--line); stroke: none; }}
.symgrad-graph tspan.i {{ font-style: italic; }}
.symgrad-graph text.start {{ text-anchor: start; }}
"""


# ----------------------------------------------------------------------------------- cards


def _card(card: Card, centre: Point) -> str:
    width, height = card_size(card)
    x, y = centre[0] - width / 2, centre[1] - height / 2
    radius = height / 2 if LOOKS[card.kind].is_round and not card.below else 9.0
    radius = min(radius, 16.0)
    parts = [
        f'<g class="card {card.kind}"><title>{_text(card.tooltip)}</title>',
        f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" '
        f'rx="{_n(radius)}"/>',
    ]
    at = y + _PAD_Y
    lines = [(card.above, NOTE, "forward"), (card.label, LABEL, ""), (card.below, NOTE, "backward")]
    for text, size, kind in lines:
        if text:
            at += size * _LEADING
            parts.append(_line(text, centre[0], at - 0.4 * size, size, kind))
    return "".join([*parts, "</g>"])


def _line(text: str, x: float, y: float, size: float, kind: str) -> str:
    mark = f' class="{kind}"' if kind else ""
    return f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}"{mark}>{typeset(text)}</text>'


_MARKS = "\u0300-\u036f"
_LOWERED = "₀-₉₊₋ₐ-ₜᵢ-ᵪⱼ"
_NAME = re.compile(
    rf"(?<![\w.])([^\W\d_ᵀ⁰-⁹¹²³⁻{_LOWERED}]+[{_MARKS}]*)"
    rf"(\d+|_[^\W_ᵀ⁰-⁹¹²³⁻]+|[{_LOWERED}]+)?(?![A-Za-z0-9_])"
)
_PLAIN = str.maketrans({lowered: chr(plain) for plain, lowered in SUBSCRIPT.items()} | {"₋": "−"})


def typeset(text: str) -> str:
    """Names as mathematics sets them, escaped: one letter in italics, ``w1``, ``w_k`` and ``wₖ₋₁``
    with an index."""
    parts: list[str] = []
    done = 0
    for found in _NAME.finditer(text):
        name, index = found.group(1), found.group(2)
        parts.append(_text(text[done : found.start()]))
        parts.append(_set(name))
        if index:
            word = index.removeprefix("_")
            lowered = "".join(map(_set, [word] if word.isascii() else word.translate(_PLAIN)))
            parts.append(f'<tspan dy="0.25em" font-size="75%">{lowered}</tspan>')
            parts.append('<tspan dy="-0.19em">\u200b</tspan>')
        done = found.end()
    parts.append(_text(text[done:]))
    return "".join(parts)


def _set(name: str) -> str:
    """A name: one letter in italics, with or without a mark, but no capital of the Greeks'."""
    letter = unicodedata.normalize("NFD", name)[0]
    is_one = all(map(unicodedata.combining, unicodedata.normalize("NFD", name)[1:]))
    italic = is_one and letter.isalpha() and (letter.isascii() or letter.islower())
    return f'<tspan class="i">{_text(name)}</tspan>' if italic else _text(name)


# ----------------------------------------------------------------------------------- arrows


def _arrow(arrow: Arrow, route: Route, way: str) -> str:
    path: list[str] = []
    here: Point | None = None
    for piece in route.pieces:
        if piece[0] != here:
            path.append(f"M{_p(piece[0])}")
        path.append(f"{'L' if len(piece) == 2 else 'C'}{' '.join(_p(x) for x in piece[1:])}")
        here = piece[-1]
    tip = _tip(route.pieces[-1][-1], way)
    parts = [
        f'<g class="edge"><title>{_text(arrow.tooltip)}</title>',
        f'<path d="{"".join(path)}"/><path class="tip" d="{tip}"/>',
    ]
    if route.label is not None:
        x, y = route.label
        above, below = (y - 5, y + SMALL + 3) if way == RIGHT else (y - 3, y + SMALL + 1)
        parts.append(_line(arrow.above, x, above, SMALL, "") if arrow.above else "")
        parts.append(_line(arrow.below, x, below, SMALL, "backward") if arrow.below else "")
    return "".join([*parts, "</g>"])


def _tip(at: Point, way: str) -> str:
    x, y = at
    if way == DOWN:
        return f"M{_p(at)}L{_p((x - 4, y - 9))}L{_p((x + 4, y - 9))}Z"
    return f"M{_p(at)}L{_p((x - 9, y - 4))}L{_p((x - 9, y + 4))}Z"


# ----------------------------------------------------------------------------------- legend


def _legend(scene: Scene) -> list[tuple[str, str]]:
    """What the colours mean: (class, words)."""
    entries = [(scene.forward, "forward"), (scene.backward, "backward")]
    if any(x.above for x in scene.arrows):
        entries.append(("on an arrow: local derivative", ""))
    if any(x.below for x in scene.arrows):
        entries.append(("message, adjoint · local derivative", "backward"))
    return [(kind, text) for text, kind in entries if text]


def _legend_line(legend: Sequence[tuple[str, str]], y: float) -> list[str]:
    if not legend:
        return []
    entries = [f'<tspan class="{kind}">■ {typeset(text)}</tspan>' for kind, text in legend]
    joint = "\u2003 "
    return [
        f'<text class="start" x="{_n(_MARGIN)}" y="{_n(y)}" font-size="{_n(SMALL)}">'
        f"{joint.join(entries)}</text>"
    ]


def _text(text: str) -> str:
    """Escaped, without what XML cannot hold."""
    clean = "".join(x for x in text if x in "\t\n" or (ord(x) >= 32 and x not in "\ufffe\uffff"))
    return escape(clean, {'"': "&quot;"})


def _n(x: float) -> str:
    return f"{x:.1f}".removesuffix(".0")


def _p(point: Point) -> str:
    return f"{_n(point[0])} {_n(point[1])}"
