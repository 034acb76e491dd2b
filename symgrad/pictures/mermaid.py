"""A scene as a Mermaid flowchart, which GitHub, GitLab and many Markdown pages show."""

from __future__ import annotations

from symgrad.pictures.layout import DOWN
from symgrad.pictures.scene import DATA, INPUT, Card, Scene

_CLASSES = """\
  classDef input fill:#eef3fb,stroke:#5b7fb8,color:#1c2128
  classDef data fill:#f4f4f2,stroke:#6b7480,color:#1c2128
  classDef operation fill:#ffffff,stroke:#6b7480,color:#1c2128
  classDef value fill:#ffffff,stroke:#1c2128,stroke-width:2px,color:#1c2128
  classDef loss fill:#fff6e0,stroke:#b98500,stroke-width:2px,color:#1c2128"""
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
    return "\n".join([*lines, _CLASSES, ""])


def _box(card: Card, scene: Scene) -> str:
    numbers = scene.forward == "value"
    above = f"value {card.above}" if numbers and card.above else card.above
    below = f"adjoint {card.below}" if numbers and card.below else card.below
    text = _rows([above, card.label, below])
    return f'("{text}")' if card.kind in (INPUT, DATA) else f'["{text}"]'


def _rows(rows: list[str]) -> str:
    return "<br/>".join(_escaped(x) for x in rows if x)


def _escaped(text: str) -> str:
    return "".join(f"#{ord(x)};" if x in _SPECIAL else x for x in text if ord(x) >= 32)


def _plain(text: str) -> str:
    """A title takes no quotes and no escapes; letters, digits and spaces are safe."""
    return "".join(x if x.isalnum() else " " for x in text)
