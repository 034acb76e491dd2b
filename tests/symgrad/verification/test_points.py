"""Points: sizes that every dimension allows, exact values, all of it determined by a seed."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy import MatrixSymbol, symbols

import symgrad as sg
from symgrad import graph as g
from symgrad.errors import ShapeError
from symgrad.lift import lift
from symgrad.verification.number import Exact
from symgrad.verification.points import (
    Point,
    RandomPoints,
    SmallPoints,
    kink_points,
)
from symgrad.verification.sizes import Shapes, dim_symbols, size_of

D, H, N = symbols("D H N", integer=True, positive=True)
W, x = MatrixSymbol("W", H, D), MatrixSymbol("x", D, 1)
LAYER = lift(sg.let("h", sg.tanh(W * x)))


def test_each_symbol_has_several_sizes_and_no_two_agree() -> None:
    shapes = Shapes([LAYER]).varied()
    assert len(shapes) == 4
    for s in (D, H):
        assert {sizes[s] for sizes in shapes} == {1, 2, 3, 4}
    assert all(sizes[D] != sizes[H] for sizes in shapes)


def test_no_two_of_many_symbols_always_have_one_size() -> None:
    many = symbols("n:10", integer=True, positive=True)
    shapes = Shapes([g.leaf("a", many, sp.Symbol("a"))]).varied()
    for one, other in itertools.combinations(many, 2):
        assert any(sizes[one] != sizes[other] for sizes in shapes), (one, other)


def test_shapes_are_different_where_few_fit() -> None:
    shapes = Shapes([g.leaf("a", (D - 4,), sp.Symbol("a"))]).varied()
    assert len({sizes[D] for sizes in shapes}) == 4


def test_relations_between_dimensions_hold() -> None:
    node = g.leaf("a", (D - 3, (D + 1) / 2), sp.Symbol("a"))
    for sizes in [*Shapes([node]).varied(), *Shapes([node]).smallest(9)]:
        assert sizes[D] >= 5
        assert sizes[D] % 2 == 1
    assert next(Shapes([node]).smallest()) == {D: 5}


def test_dimensions_that_never_fit_are_refused() -> None:
    node = g.leaf("a", (D - H, H - D), sp.Symbol("a"))
    with pytest.raises(ShapeError, match="no sizes of D, H up to 12"):
        Shapes([node]).varied()


def test_size_of() -> None:
    assert size_of(3, {}) == 3
    assert size_of(2 * D + 1, {D: 2}) == 5
    assert size_of(D / 2, {D: 3}) == 0
    assert Point({D: 4}, {}).size(sp.floor(D / 3) + 1) == 2


def test_dimensions_of_weights_bodies_and_conditions_count() -> None:
    s = g.leaf("s", (), sp.Symbol("s"))
    nodes = [
        g.add([(1 / N, s, ())], ()),
        g.apply(g.slot(0) ** H, [(s, ())], ()),
        g.indicator((1,), D, "≥", (2,)),
    ]
    assert dim_symbols(nodes) == [D, H, N]


def test_a_seed_determines_the_points() -> None:
    def drawn(seed: int) -> list[Any]:
        points = RandomPoints([LAYER], seed)
        return [points.draw(k % 2 == 1).values["W"].tolist() for k in range(6)]

    assert drawn(3) == drawn(3) != drawn(4)


def test_random_values_are_exact_and_within_the_range() -> None:
    points = RandomPoints([LAYER])
    for _ in range(8):
        point = points.draw()
        assert point.values["W"].shape == (point.sizes[H], point.sizes[D])
        entries = list(point.values["W"].flat)
        assert all(isinstance(e, Fraction) and -2 < e < 2 for e in entries)
        assert max(e.denominator for e in entries) > 2**100


def test_points_from_everywhere_see_small_domains() -> None:
    points = RandomPoints([lift(sp.Symbol("t", real=True))])
    drawn = [points.draw(True).values["t"][()] for _ in range(60)]
    for low, high in ((0, 1), (1, 3), (-6, -2), (3, 6)):
        assert any(low < t < high for t in drawn)


def test_small_points_begin_with_ones() -> None:
    small = SmallPoints([LAYER])
    sizes = small.sizes(4)
    assert sizes[0] == {D: 1, H: 1}
    assert {D: 2, H: 2} in sizes
    first, *rest = small.of({D: 2, H: 2}, 8)
    assert set(first["W"].flat) == {1}
    for free in (first, *rest):
        for array in small.at({D: 2, H: 2}, free).values.values():
            assert all(e.denominator == 1 and abs(e) <= 3 for e in array.flat)


def test_a_label_is_a_class() -> None:
    c = sg.label("c", N)
    node = lift(sg.cross_entropy(sg.softmax(MatrixSymbol("s", N, 1)), c))
    for k in range(8):
        point = RandomPoints([node], k).draw()
        assert 0 <= point.values["c"][()] < point.sizes[N]


def test_kink_points_hit_zero() -> None:
    points = list(kink_points([LAYER], count=12))
    assert any(not point.values["x"].any() for point in points)
    assert any(np.all(point.values["W"] != 0) for point in points)


def test_entries_that_are_wanted() -> None:
    field = Exact(2, 1)
    points = [RandomPoints([LAYER], 4).draw(sizes={D: 3, H: 2}, entry=field.is_square)]
    entries = [x for point in points for a in point.values.values() for x in a.flat]
    assert len(entries) == 9
    for x in entries:
        root = field.rational(x * x).power(Fraction(1, 2))
        assert root.residues == field.rational(abs(x)).residues
        assert field.rational(abs(x)).power(Fraction(1, 2)).residues
