"""Which line of a sheet computes each value that occurs in another.

Why it exists: in HTML, pointing at a value shows where it was computed. Entries, ``z[k]``, are of
the line of ``z``; and of a line that stands for many layers, ``hₗ₋₁`` is what most of the values
are that it stands for: the line of ``hₗ`` where h1, h2, … are computed in one line too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import sympy as sp

from symgrad.show.layer_index import at
from symgrad.show.long_sums import MatrixSum, ScalarSum
from symgrad.show.numbering import leaves_of, parts_of
from symgrad.show.steps import Repeats, Step

_INDICES = re.compile(r"\[[^\[\]]*\](?= \S+$|$)")
"""Those of an entry: ``[k]`` in ``δ2[k]``, and in ``∇_z2[k] L``."""


class Pointers:
    """The lines of a sheet that compute values, numbered in order."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.lines: list[Step] = []
        """The line of each number; where several compute a value, the first."""
        self._computed: dict[str, int] = {}
        self._places: dict[int, int] = {}
        for step in steps:
            names = [x for name in step.names for x in _values(_value(name), step.repeats)]
            if not any(name in self._computed for name in names):
                self._places[id(step)] = len(self.lines)
                self._computed |= dict.fromkeys(names, len(self.lines))
                self.lines.append(step)

    def place(self, step: Step) -> int | None:
        """The number of a line of the sheet; None where it computes nothing new."""
        return self._places.get(id(step))

    def used_in(self, step: Step) -> dict[str, int]:
        """The names that occur on a line and in its proof, each with the line that computes it."""
        own = {_value(name) for name in step.names}
        found: dict[str, int] = {}
        for expr in (step.expr, *(move.expr for move in step.proof)):
            for name, repeats in _names(expr, step.repeats):
                values = _values(name, repeats)
                places = Counter(self._computed[x] for x in values if x in self._computed)
                if places and name not in own:
                    found[name] = max(places, key=lambda k: (places[k], k))
        return found


def _value(name: str) -> str:
    """The value that an entry is of."""
    return _INDICES.sub("", name)


def _values(name: str, repeats: Repeats | None) -> list[str]:
    """The names that one with an index stands for; without an index, itself."""
    if repeats is None:
        return [name]
    return list(dict.fromkeys(at(name, repeats, k) for k in range(len(repeats.values))))


def _names(expr: Any, repeats: Repeats | None) -> Iterator[tuple[str, Repeats | None]]:
    """The names in a formula, each with the index that it may have."""
    for term in sp.sympify(expr).atoms(ScalarSum, MatrixSum):
        yield from ((parts_of(x).text, term.repeats) for x in leaves_of(term.args[0]))
    yield from ((parts_of(x).text, repeats) for x in leaves_of(expr))
