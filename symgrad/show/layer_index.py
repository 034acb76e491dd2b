"""An index in the place of numbers: W2, W3, … as Wₗ, with what it takes to get them back.

Why it exists: lines of many layers, and terms of a long sum over them, are written once with an
index. Both start from values of one form whose numbers grow steadily, and end in names such as
``hₗ₋₁``; what stands for what is kept beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from math import copysign
from typing import Any

from symgrad.show.numbering import (
    WORD,
    Forms,
    leaves_of,
    moved,
    numbers_in,
    parts_of,
    renamed,
    replaced_numbers,
)
from symgrad.show.steps import Repeats

FEWEST = 3
"""Repetitions that are worth an index."""

INDICES = dict(zip("ltnmikjsprvuaehox", "ₗₜₙₘᵢₖⱼₛₚᵣᵥᵤₐₑₕₒₓ", strict=True))
"""Letters for the index, in the order in which they are tried, as subscripts."""
SUBSCRIPT = str.maketrans({**INDICES, **dict(zip("0123456789+-=", "₀₁₂₃₄₅₆₇₈₉₊₋₌", strict=True))})


def free_letter(texts: Iterable[str]) -> str | None:
    """An index that nothing goes by, with a number behind it or not; None where all are taken."""
    found = {word for text in texts for word in WORD.findall(text)}
    taken = {word.rstrip("0123456789₀₁₂₃₄₅₆₇₈₉_′") for word in found}
    written = {char for word in found for char in word}
    free = (x for x, sub in INDICES.items() if x not in taken and sub not in written)
    return next(free, None)


def common_step(growths: Iterable[Sequence[int]]) -> int | None:
    """By how much an index grows, if each number grows by a multiple of it, or not at all."""
    moving = {x for growth in growths for x in growth if x}
    smallest = min(map(abs, moving), default=0)
    if len({x > 0 for x in moving}) != 1 or any(x % smallest for x in moving):
        return None
    return int(copysign(smallest, next(iter(moving))))


class Index:
    """An index ``letter``: its value at the first of many values, and by how much it grows."""

    def __init__(self, letter: str, first: int, step: int) -> None:
        self.letter, self.first, self.step = letter, first, step
        self._names: dict[str, tuple[str, tuple[int, ...]]] = {}

    def written(self, likes: Sequence[Any], growth: tuple[int, ...], forms: Forms) -> Any | None:
        """One value with the index for all the ``likes``, whose numbers grow by ``growth``.

        It is made of the first one whose names have one meaning each: where a line is about h1
        and hₗ, not of that of l = 1. None where there is none, or two names would read alike.
        """
        for k, value in enumerate(likes[:FEWEST]):
            strides = forms.strides(value, growth)
            if strides is not None:
                return self._renamed(value, strides, k)
        return None

    def repeats(self, count: int) -> Repeats:
        """What the index runs over, and what the names stand for that were written with it."""
        values = range(self.first, self.first + self.step * count, self.step)
        names = tuple((name, *stands_for) for name, stands_for in self._names.items())
        return Repeats(self.letter, values, names)

    def _renamed(self, value: Any, strides: Mapping[Any, tuple[int, ...]], k: int) -> Any | None:
        names: dict[Any, str] = {}
        for leaf, by in strides.items():
            if any(by):
                name = self._text(parts_of(leaf).text, by, k)
                if name is None:
                    return None
                names[leaf] = name
        return renamed(value, names)

    def _text(self, text: str, strides: Sequence[int], k: int) -> str | None:
        """A text of the k-th of many, with the index; None for a word that has a meaning."""
        rest = iter(strides)
        clear = True

        def word(match: re.Match[str]) -> str:
            nonlocal clear
            old = match.group()
            by = tuple(next(rest) for _ in range(numbers_in(old)))
            if not any(by):
                return old
            new = self._word(old, by, k)
            stands_for = moved(old, [-k * x for x in by]), by
            clear &= self._names.setdefault(new, stands_for) == stands_for
            return new

        indexed = WORD.sub(word, text)
        return indexed if clear else None

    def _word(self, word: str, strides: Sequence[int], k: int) -> str:
        """h3 as hₗ₋₁; h_3 too."""
        here = self.first + k * self.step

        def subscript(place: int, digits: str, number: int) -> str:
            if not strides[place]:
                return digits
            factor = strides[place] // self.step
            offset = number - factor * here
            text = f"{factor if factor > 1 else ''}{self.letter}{f'{offset:+}' if offset else ''}"
            return "\0" + text.translate(SUBSCRIPT)

        return replaced_numbers(word, subscript).replace("_\0", "").replace("\0", "")


def at(value: Any, repeats: Repeats, k: int) -> Any:
    """``value``, which was written with an index, at the k-th value of it."""
    origin = {name: (first, strides) for name, first, strides in repeats.names}

    def word(match: re.Match[str]) -> str:
        if match.group() not in origin:
            return match.group()
        first, strides = origin[match.group()]
        return moved(first, [k * stride for stride in strides])

    texts = {leaf: parts_of(leaf).text for leaf in leaves_of(value)}
    names = {leaf: WORD.sub(word, text) for leaf, text in texts.items()}
    return renamed(value, {leaf: new for leaf, new in names.items() if new != texts[leaf]})
