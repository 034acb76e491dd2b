"""Inputs that are used all over a network, such as the weights of a recurrent cell.

Why it exists: an arrow from each weight to each of its uses makes a picture of an LSTM that nobody
reads. Where there are many such arrows, an input is drawn once, before its first use, and at later
uses there is a small card with the names of what comes in again.
"""

from __future__ import annotations

from symgrad.pictures.ranks import Edge, ranks
from symgrad.pictures.scene import AGAIN, DATA, INPUT, LONGEST_LABEL, Arrow, Card, Scene

MOST_LATER = 8
"""Arrows from inputs to later uses; where there are more, none is drawn."""


def with_names_again(scene: Scene) -> Scene:
    """The scene with names at the later uses of inputs, where arrows to them would be too many.

    An arrow that says something stays.
    """
    layer = ranks(len(scene.cards), [Edge(x.tail, x.head) for x in scene.arrows])
    first: dict[int, int] = {}
    for arrow in scene.arrows:
        if scene.cards[arrow.tail].kind in (INPUT, DATA):
            here = layer[arrow.head]
            first[arrow.tail] = min(first.get(arrow.tail, here), here)
    later: dict[int, list[Arrow]] = {}
    for arrow in scene.arrows:
        goes_far = layer[arrow.head] > first.get(arrow.tail, layer[arrow.head])
        if goes_far and not (arrow.above or arrow.below):
            later.setdefault(arrow.head, []).append(arrow)
    if sum(map(len, later.values())) <= MOST_LATER:
        return scene
    cards = list(scene.cards)
    arrows: list[Arrow] = []
    for arrow in scene.arrows:
        left_out = later.get(arrow.head, [])
        if arrow not in left_out:
            arrows.append(arrow)
        elif arrow is left_out[0]:
            told = "; ".join(x.tooltip for x in left_out)
            arrows.append(Arrow(len(cards), arrow.head, "", "", told))
            cards.append(_names([scene.cards[x.tail] for x in left_out]))
    return scene._replace(cards=tuple(cards), arrows=tuple(arrows))


def _names(inputs: list[Card]) -> Card:
    label = ", ".join(x.label for x in inputs)
    if len(label) > LONGEST_LABEL:
        label = f"{inputs[0].label}, …, {inputs[-1].label}"
    return Card(AGAIN, label, "", "", f"again: {'; '.join(x.tooltip for x in inputs)}")
