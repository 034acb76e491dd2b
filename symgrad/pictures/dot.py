"""A scene in Graphviz's language, which ``dot -Tsvg`` and many editors read."""

from __future__ import annotations

from symgrad.pictures.layout import DOWN
from symgrad.pictures.scene import DATA, INPUT, LOSS, VALUE, Card, Scene

_FORWARD, _BACKWARD = "#0a6640", "#b3261e"
_STYLES = {
    INPUT: 'style="rounded,filled" fillcolor="#eef3fb" color="#5b7fb8"',
    DATA: 'style="rounded,filled" fillcolor="#f4f4f2" color="#6b7480"',
    VALUE: 'style="rounded" color="#1c2128" penwidth=2',
    LOSS: 'style="rounded,filled" fillcolor="#fff6e0" color="#b98500" penwidth=2',
}


def dot(scene: Scene, direction: str | None = None) -> str:
    """A directed graph with the cards as HTML-like labels, and the tooltips of the SVG."""
    lines = [
        f"digraph {_quoted(scene.title)} {{",
        f"  graph [rankdir={'TB' if direction == DOWN else 'LR'} label={_quoted(_legend(scene))} "
        'fontname="Helvetica,Arial,sans-serif"];',
        '  node [shape=box style="rounded" color="#6b7480" fontname="Helvetica,Arial,sans-serif"];',
        '  edge [color="#6b7480" fontname="Helvetica,Arial,sans-serif" fontsize=11 arrowsize=0.7];',
    ]
    for k, card in enumerate(scene.cards):
        style = _STYLES.get(card.kind, "")
        tooltip = f"tooltip={_quoted(card.tooltip)}"
        lines.append(f"  v{k} [{' '.join(x for x in (_label(card), tooltip, style) if x)}];")
    for arrow in scene.arrows:
        rows = [(arrow.above, "#1c2128"), (arrow.below, _BACKWARD)]
        label = f"label=<{_rows(rows)}> " if arrow.above or arrow.below else ""
        lines.append(
            f"  v{arrow.tail} -> v{arrow.head} [{label}edgetooltip={_quoted(arrow.tooltip)}];"
        )
    return "\n".join([*lines, "}\n"])


def _legend(scene: Scene) -> str:
    parts = [f"above: {scene.forward}" if scene.forward else ""]
    parts.append(f"below: {scene.backward}" if scene.backward else "")
    return "   ".join(x for x in parts if x)


def _label(card: Card) -> str:
    return f"label=<{_rows([(card.above, _FORWARD), (card.label, ''), (card.below, _BACKWARD)])}>"


def _rows(rows: list[tuple[str, str]]) -> str:
    shown = [(text, colour) for text, colour in rows if text]
    return "<br/>".join(
        f'<font color="{colour}">{_html(text)}</font>' if colour else _html(text)
        for text, colour in shown
    )


def _html(text: str) -> str:
    """Escaped as numbers: Graphviz knows no other entities for sure."""
    plain = "".join(x for x in text if ord(x) >= 32)
    return "".join(f"&#{ord(x)};" if x in "&<>\"'" else x for x in plain) or " "


def _quoted(text: str) -> str:
    """A string: a backslash stands for itself and starts no escape, such as Graphviz's own."""
    plain = "".join(x if ord(x) >= 32 else " " for x in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
