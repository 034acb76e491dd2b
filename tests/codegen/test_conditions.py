"""The algebra of indicators in a product, and what can be proved of extents."""

from __future__ import annotations

import itertools
from random import Random

import pytest
import sympy as sp

from symgrad import graph as g
from symgrad.codegen.conditions import Condition, at_least_zero, holds, of_access, span, within
from symgrad.graph import Access

N, U = sp.symbols("N U", integer=True, positive=True)


def truth(c: Condition, at: dict[int, int]) -> bool:
    total = sum(k * at[x] for x, k in c.terms.items()) + c.offset
    return bool(total == 0 if c.relation == "=" else total >= 0)


def test_substitution_solves_for_a_label() -> None:
    """Σ_p f(p)·1[p = place] reads f at the place that `solved` gives."""
    random = Random(0)
    for _ in range(200):
        terms = {x: random.choice((-2, -1, 1, 2)) for x in range(1, 4)}
        c = Condition({0: random.choice((-1, 1)), **terms}, random.randint(-3, 3), "=")
        other = Condition({0: 2, 1: -1}, random.randint(-3, 3), random.choice("=≥"))
        place, offset = c.solved(0)
        replaced = other.substituted(0, place, offset)
        for at in itertools.product(range(3), repeat=3):
            where = dict(enumerate(at, 1))
            p = sum(k * where[x] for x, k in place.items()) + offset
            assert truth(c, {0: p, **where})
            assert truth(other, {0: p, **where}) == truth(replaced, where)


def test_what_holds_holds_everywhere() -> None:
    random = Random(1)
    found = set()
    for _ in range(500):
        extents = {x: random.randint(1, 4) for x in range(2)}
        terms = {x: random.choice((-2, -1, 1, 2)) for x in range(random.randint(0, 2))}
        c = Condition(terms, random.randint(-6, 6), random.choice("=≥"))
        points = [dict(enumerate(at)) for at in itertools.product(*map(range, extents.values()))]
        known = holds(c, extents)
        found.add(known)
        if known is not None:
            assert {truth(c, at) for at in points} == {known}
    assert found == {True, False, None}


def test_labels_that_repeat_are_added_up() -> None:
    both = of_access(Access(g.indicator((1, -1), -1, "≥", (N, N)), (3, 3)))
    assert both == Condition({}, -1, "≥")
    assert holds(both, {}) is False
    assert holds(of_access(Access(g.delta(N), (0, 0))), {0: N}) is True


@pytest.mark.parametrize(
    ("expr", "known"),
    [
        (sp.Integer(0), True),
        (N - 1, True),
        (N + U - 2, True),
        (N - 2, False),
        (N - U, False),
        (N - U - 2 * sp.floor((N - U) / 2), True),
        (2 * sp.floor(N / 2) - N, False),
    ],
)
def test_bounds_of_dimensions(expr: sp.Expr, known: bool) -> None:
    """False says that it is not known."""
    assert at_least_zero(expr) is known


def test_the_places_of_a_strided_window_are_inside() -> None:
    places = sp.floor((N - U) / 3) + 1
    low, high = span([(3, places), (1, U)], 0)
    assert at_least_zero(low)
    assert at_least_zero(N - 1 - high)
    assert not at_least_zero(N - 2 - high)


def test_within_is_two_inequalities() -> None:
    low, high = within({0: 2, 1: 1}, -1, 5)
    for at in itertools.product(range(5), repeat=2):
        where = dict(enumerate(at))
        inside = 0 <= 2 * at[0] + at[1] - 1 < 5
        assert (truth(low, where) and truth(high, where)) == inside
