"""A scene as a Mermaid flowchart, which GitHub, GitLab and many Markdown pages show."""

from __future__ import annotations

from symgrad.pictures.layout import DOWN
from symgrad.pictures.palette import LIGHT, LOOKS, Look
from symgrad.pictures.scene import Card, Scene

_SPECIAL = set("\"'#&<>\\`*_~;:|{}[]()$@%^/")
"""What Markdown, HTML or Mermaid may take for its own, and is written as a number."""


def mermaid(scene: Scene, direction: str | None = None) -> str:
    """A flowchart with the lines of each card; numbers say what they are, in words.

    There are no colours on text: in a ``style`` Mermaid mistakes them for escapes.
    """
    lines = [
        f"flowchart {'TB' if direction == DOWN else 'LR'}",
        f"  accTitle: {_plain(scene.title)}",
        *(f"  v{k}{_box(card, scene)}:::{card.kind}" for k, card in enumerate(scene.cards)),
    ]
    for arrow in scene.arrows:
        rows = [arrow.above, f"message {arrow.below}" if arrow.below else ""]
        middle = f'-->|"{_rows(rows)}"|' if any(rows) else "-->"
        lines.append(f"  v{arrow.tail} {middle} v{arrow.head}")
    return "\n".join([*lines, *map(_class, LOOKS, LOOKS.values()), ""])


def _class(kind: str, look: Look) -> str:
    dashed = ",stroke-dasharray:4 3" if look.is_dashed else ""
    return (
        f"  classDef {kind} fill:{LIGHT[look.fill]},stroke:{LIGHT[look.line]},"
        f"stroke-width:{look.width:g}px,color:{LIGHT['ink']}{dashed}"
    )


def _box(card: Card, scene: Scene) -> str:
    numbers = scene.forward == "value"
    above = f"value {card.above}" if numbers and card.above else card.above
    below = f"adjoint {card.below}" if numbers and card.below else card.below
    text = _rows([above, card.label, below])
    return f'("{text}")' if LOOKS[card.kind].is_round else f'["{text}"]'


def _rows(rows: list[str]) -> str:
    return "<br/>".join(_escaped(x) for x in rows if x)


def _escaped(text: str) -> str:
    return "".join(f"#{ord(x)};" if x in _SPECIAL else x for x in text if ord(x) >= 32)


def _plain(text: str) -> str:
    """A title takes no quotes and no escapes; letters, digits and spaces are safe."""
    return "".join(x if x.isalnum() else " " for x in text)
