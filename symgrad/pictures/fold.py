"""Repeated layers drawn once: zₗ = Wₗ·hₗ₋₁ + bₗ, with the range of l on its card.

Why it exists: a picture of a hundred layers is a ribbon that nobody reads. Consecutive groups of
values with one number in their names (z7, h7, with W7 and b7), which say the same but for that
number, become one group. What goes from layer to layer inside is said by the index l − 1. Layers
that differ, often the first and the last, stay, and so do all numbers at a point.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from symgrad.pictures.scene import DATA, INPUT, Arrow, Card, Scene
from symgrad.show.layer_index import FEWEST, SUBSCRIPT, free_letter

_OWN = re.compile(r"[^\W\d_]+_?(\d+) = ")
_NUMBER = re.compile(r"(?<=[^\W\d_ᵀ⁰-⁹¹²³⁻])_?(\d+)")


class _Group(NamedTuple):
    """The values with one number in their names, with the inputs that belong to them."""

    number: int
    cards: tuple[int, ...]
    said: tuple[str, ...]
    """What they say, with the differences to the number for numbers."""


def folded(scene: Scene) -> Scene:
    """The scene with repeated layers drawn once."""
    letter = free_letter(text for card in scene.cards for text in (card.label, card.below))
    if letter is None:
        return scene
    stands_for: dict[int, int] = {}
    texts: dict[int, Card] = {}
    for run in _runs(_groups(scene)):
        first, last = run[0], run[-1]
        for group in run:
            stands_for |= dict(zip(group.cards, first.cards, strict=True))
        for k in first.cards:
            texts[k] = _lettered(scene.cards[k], letter, first.number, last.number)
    if not texts:
        return scene
    kept = [k for k in range(len(scene.cards)) if stands_for.get(k, k) == k]
    number = {k: n for n, k in enumerate(kept)}
    arrows: dict[tuple[int, int], Arrow] = {}
    for arrow in scene.arrows:
        tail = stands_for.get(arrow.tail, arrow.tail)
        head = stands_for.get(arrow.head, arrow.head)
        goes_on = arrow.tail in stands_for and arrow.head in stands_for and tail >= head
        if not goes_on:
            ends = number[tail], number[head]
            arrows.setdefault(ends, arrow._replace(tail=ends[0], head=ends[1]))
    cards = tuple(texts.get(k, scene.cards[k]) for k in kept)
    return scene._replace(cards=cards, arrows=tuple(arrows.values()))


def _groups(scene: Scene) -> Iterator[_Group]:
    """Consecutive values with the same number; an input belongs to its only consumer."""
    users: dict[int, list[int]] = {}
    for arrow in scene.arrows:
        users.setdefault(arrow.tail, []).append(arrow.head)
    inputs: dict[int, list[int]] = {}
    for k, card in enumerate(scene.cards):
        if card.kind in (INPUT, DATA) and len(users.get(k, ())) == 1:
            inputs.setdefault(users[k][0], []).append(k)
    values = [k for k, card in enumerate(scene.cards) if card.kind not in (INPUT, DATA)]
    for number, mine in groupby(values, lambda k: _number(scene.cards[k])):
        everything = tuple(x for v in mine for x in (*inputs.get(v, ()), v))
        if number is None:
            yield _Group(-1, (), ("",))  # nothing repeats across it
        else:
            said = tuple(_relative(scene.cards[x], number) for x in everything)
            yield _Group(number, everything, said)


def _number(card: Card) -> int | None:
    """7 of z7 = …."""
    own = _OWN.match(card.label)
    return int(own.group(1)) if own else None


def _runs(groups: Iterator[_Group]) -> Iterator[list[_Group]]:
    run: list[_Group] = []
    for group in [*groups, _Group(-1, (), ())]:
        if run and group.said == run[-1].said and group.number == run[-1].number + 1:
            run.append(group)
            continue
        if len(run) >= FEWEST:
            yield run
        run = [group]


def _relative(card: Card, number: int) -> str:
    def difference(found: re.Match[str]) -> str:
        return f"<{int(found.group(1)) - number}>"

    texts: Sequence[str] = (card.kind, card.label, card.above, card.below)
    return "\n".join(_NUMBER.sub(difference, x) for x in texts)


def _lettered(card: Card, letter: str, first: int, last: int) -> Card:
    """A card with an index for its number, and the range of that."""

    def indexed(found: re.Match[str]) -> str:
        difference = int(found.group(1)) - first
        return f"{letter}{difference:+d}".removesuffix("+0").translate(SUBSCRIPT)

    label, above, below, tooltip = (_NUMBER.sub(indexed, x) for x in card[1:])
    values = f"{letter} = {first}, …, {last}"
    above = f"{above},  {values}" if above else values
    return Card(card.kind, label, above, below, f"{tooltip}; {values}")
