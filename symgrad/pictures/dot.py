"""A scene in Graphviz's language, which ``dot -Tsvg`` and many editors read."""

from __future__ import annotations

from symgrad.pictures.layout import DOWN
from symgrad.pictures.palette import LIGHT, LOOKS
from symgrad.pictures.scene import Card, Scene

_FONT = 'fontname="Helvetica,Arial,sans-serif"'


def _style(kind: str) -> str:
    look = LOOKS[kind]
    styles = ["filled", "rounded", *["dashed"] * look.is_dashed]
    return (
        f'style="{",".join(styles)}" fillcolor="{LIGHT[look.fill]}" color="{LIGHT[look.line]}" '
        f"penwidth={look.width:g}"
    )


def dot(scene: Scene, direction: str | None = None) -> str:
    """A directed graph with the cards as HTML-like labels, and the tooltips of the SVG."""
    lines = [
        f"digraph {_quoted(scene.title)} {{",
        f"  graph [rankdir={'TB' if direction == DOWN else 'LR'} label={_quoted(_legend(scene))} "
        f"{_FONT}];",
        f'  node [shape=box fontcolor="{LIGHT["ink"]}" {_FONT}];',
        f'  edge [color="{LIGHT["line"]}" {_FONT} fontsize=11 arrowsize=0.7];',
    ]
    for k, card in enumerate(scene.cards):
        tooltip = f"tooltip={_quoted(card.tooltip)}"
        lines.append(f"  v{k} [{_label(card)} {tooltip} {_style(card.kind)}];")
    for arrow in scene.arrows:
        rows = [(arrow.above, LIGHT["ink"]), (arrow.below, LIGHT["backward"])]
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
    rows = [(card.above, LIGHT["forward"]), (card.label, ""), (card.below, LIGHT["backward"])]
    return f"label=<{_rows(rows)}>"


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
