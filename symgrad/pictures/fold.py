"""Repeated layers drawn once: zₗ = Wₗ·hₗ₋₁ + bₗ, with the range of l on its card.

Why it exists: a picture of a hundred layers is a ribbon that nobody reads. Consecutive groups of
values with one number in their names (z7, h7, with W7 and b7), which say the same but for numbers
that grow steadily, become one group. What goes from layer to layer inside is said by the index
l − 1. Layers that differ, often the first and the last, stay, and so do all numbers at a point.

A card says its adjoint too, so a last layer whose adjoint is another one is drawn by itself also
where its forward equation is that of the others; a derivation has a line for each and folds them
apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from symgrad.pictures.scene import DATA, INPUT, Arrow, Card, Scene
from symgrad.show.layer_index import FEWEST, Index, common_step, free_letter
from symgrad.show.numbering import Forms


class _Group(NamedTuple):
    """The values with one number in their names, with the inputs that belong to them."""

    number: int | None
    """None for values that nothing repeats across."""
    places: tuple[int, ...]
    cards: tuple[Card, ...]
    key: int
    """Of the form of the cards: equal where they differ in numbers only."""
    numbers: tuple[int, ...]


def folded(scene: Scene) -> Scene:
    """The scene with repeated layers drawn once."""
    letter = free_letter(text for card in scene.cards for text in (card.label, card.below))
    if letter is None:
        return scene
    forms = Forms()
    stands_for: dict[int, int] = {}
    cards: dict[int, Card] = {}
    for run in _runs(list(_groups(scene, forms))):
        written = _written(run, letter, forms)
        if written is not None:
            cards |= dict(zip(run[0].places, written, strict=True))
            for group in run:
                stands_for |= dict(zip(group.places, run[0].places, strict=True))
    if not cards:
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
    shown = tuple(cards.get(k, scene.cards[k]) for k in kept)
    return scene._replace(cards=shown, arrows=tuple(arrows.values()))


def _groups(scene: Scene, forms: Forms) -> Iterator[_Group]:
    """Consecutive values with the same number, and inputs that only they have."""

    def own(k: int) -> int | None:
        """7 of z7 = …."""
        name = scene.cards[k].label.partition(" = ")[0]
        return (forms(name).numbers or (None,))[-1]

    values = [k for k, card in enumerate(scene.cards) if card.kind not in (INPUT, DATA)]
    found = [(number, list(mine)) for number, mine in groupby(values, own)]
    group_of = {k: n for n, (_, mine) in enumerate(found) for k in mine}
    users: dict[int, list[int]] = {}
    for arrow in scene.arrows:
        users.setdefault(arrow.tail, []).append(arrow.head)
    inputs: dict[int, list[int]] = {}
    for k, card in enumerate(scene.cards):
        heads = users.get(k, [])
        if card.kind in (INPUT, DATA) and len({group_of[x] for x in heads}) == 1:
            inputs.setdefault(heads[0], []).append(k)
    for number, mine in found:
        places = tuple(x for v in mine for x in (*inputs.get(v, ()), v))
        cards = tuple(scene.cards[x] for x in places)
        yield _Group(number, places, cards, *forms(_visible(cards)))


def _visible(cards: Sequence[Card]) -> tuple[Card, ...]:
    """What counts: formulas that are too long for a card may differ."""
    return tuple(card._replace(tooltip="") for card in cards)


def _runs(groups: Sequence[_Group]) -> Iterator[list[_Group]]:
    """Groups of one form one after the other, whose numbers grow by the same each time."""
    start = 0
    while start < len(groups):
        end = start + 1
        while end < len(groups) and groups[end].key == groups[start].key:
            if _growth(*groups[end - 1 : end + 1]) != _growth(*groups[start : start + 2]):
                break
            end += 1
        if groups[start].number is not None and end - start >= FEWEST:
            yield list(groups[start:end])
            start = end
        else:
            start += 1


def _growth(before: _Group, after: _Group) -> tuple[int, ...]:
    return tuple(b - a for a, b in zip(before.numbers, after.numbers, strict=True))


def _written(run: Sequence[_Group], letter: str, forms: Forms) -> list[Card] | None:
    """The cards of one group with an index, which says its range; None where one cannot say it."""
    growth = _growth(run[0], run[1])
    step = common_step([growth])
    if step is None:
        return None
    grows = zip(run[0].numbers, growth, strict=True)
    first = next(a for a, by in grows if by == step)
    index = Index(letter, first, step)
    cards = index.written([_visible(group.cards) for group in run], growth, forms)
    if cards is None:
        return None
    values = str(index.repeats(len(run)))
    return [
        card._replace(
            above=f"{card.above},  {values}" if card.above else values,
            tooltip=f"{card.label}, {values}; for {letter} = {first}: {own.tooltip}",
        )
        for card, own in zip(cards, run[0].cards, strict=True)
    ]
