"""Numbers as dimensions, as symbols, and points of the small graph in the large one."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
import sympy as sp
from networks import NETWORKS
from sympy import MatrixSymbol

import symgrad as sg
from symgrad import graph as g
from symgrad.lift import lift
from symgrad.verification.arrays import FLOAT, rounded
from symgrad.verification.evaluate import evaluate, exact
from symgrad.verification.literal import (
    entries,
    expanded,
    filled_up,
    instead,
    lumped,
    with_symbols,
)
from symgrad.verification.points import RandomPoints
from symgrad.verification.sizes import Shapes

n, m = 50, 30
W, x = MatrixSymbol("W", m, n), MatrixSymbol("x", n, 1)
VALUE = lift(sg.let("v", sg.sum(sg.softmax(sg.let("z", W * x))) + sg.dot(x, x) / 3))


def test_small_graphs_stay_as_they_are() -> None:
    small = lift(sg.dot(MatrixSymbol("x", 5, 1), MatrixSymbol("y", 5, 1)))
    assert with_symbols([small]) == [small]
    for make in NETWORKS.values():
        root = lift(make().loss)
        assert with_symbols([root]) == [root]


def test_large_numbers_become_symbols() -> None:
    (general,) = with_symbols([VALUE])
    assert entries([VALUE]) == m * n + n
    assert entries([general]) == 2
    g.validate([general])
    assert len(Shapes([general]).symbols) == 2
    assert with_symbols([VALUE]) == [general]  # the same symbols every time


def test_values_are_those_of_the_graph_at_its_own_sizes() -> None:
    (general,) = with_symbols([VALUE])
    sizes = {s: int(s.name.lstrip("n")) for s in Shapes([general]).symbols}
    point = RandomPoints([general]).draw(sizes=sizes)
    np.testing.assert_array_equal(
        evaluate([general], point, FLOAT)[0], evaluate([VALUE], point, FLOAT)[0]
    )


def test_a_point_is_filled_up_with_zeros() -> None:
    (general,) = with_symbols([VALUE])
    small = RandomPoints([general]).draw(sizes=dict.fromkeys(Shapes([general]).symbols, 2))
    point = filled_up([VALUE], small)
    assert point.values["W"].shape == (m, n)
    assert (point.values["W"][:2, :2] == small.values["W"]).all()
    assert not point.values["W"][2:].any()
    assert not point.sizes


@pytest.mark.parametrize("fact", ["simplex", "one-hot"])
def test_facts_hold_in_what_is_filled_up(fact: str) -> None:
    y = sg.assume(MatrixSymbol("y", 700, 1), fact)
    value = lift(sg.dot(y, MatrixSymbol("w", 700, 1)))
    (general,) = with_symbols([value])
    (symbol,) = Shapes([general]).symbols
    small = RandomPoints([general], Random(1).randrange(9)).draw(sizes={symbol: 3})
    values = filled_up([value], small).values["y"]
    assert sum(values) == 1
    assert list(values[:3]) == list(small.values["y"])


GRADIENTS = sg.gradient(
    sg.cross_entropy(sg.softmax(sg.let("z", W * x)), sg.simplex("y", m)), [W, x]
)


@pytest.mark.parametrize("root", [VALUE, lift(sg.max(W * x)), *GRADIENTS.roots])
@pytest.mark.parametrize("size", [1, 2])
def test_one_place_counts_for_all_that_are_alike(root: g.Node, size: int) -> None:
    general = with_symbols([root])
    sizes = dict.fromkeys(Shapes(general).symbols, size)
    small = RandomPoints(general, 3).draw(sizes=sizes)
    full = filled_up([root], small)
    lump = lumped(general, [root], full, small)
    assert lump is not None
    assert all(a.size <= (size + 1) ** 2 for a in lump.values.values())
    due = evaluate([root], full, FLOAT)[0]
    found = expanded(evaluate(general, lump, FLOAT)[0], due.shape)
    np.testing.assert_allclose(found, due, rtol=1e-12, atol=1e-15)
    certain = expanded(rounded(evaluate(general, lump, exact(general))[0]), due.shape)
    np.testing.assert_allclose(certain, due, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    "value",
    [
        sg.gradient(sg.sum(W) * sg.max(x), x).roots[0],
        sg.dot(x, MatrixSymbol("A", n, n).inv() * x),
        sg.sum(MatrixSymbol("A", n, n) + sp.Identity(n) * sg.dot(x, x)),
        sg.dot(x, sg.assume(MatrixSymbol("A", n, n), "orthogonal") * x),
    ],
)
def test_places_that_are_told_apart_are_not_lumped(value: Any) -> None:
    root = value if isinstance(value, g.Node) else lift(value)
    general = with_symbols([root])
    assert general != [root]
    small = RandomPoints(general).draw(sizes=dict.fromkeys(Shapes(general).symbols, 2))
    full = filled_up([root], small)
    assert lumped(general, [root], full, small) is None


def test_formulas_are_tried_at_small_numbers() -> None:
    less = instead([VALUE])
    assert set(less) == {n, m}
    assert len(set(less.values())) == 2
    point = RandomPoints([VALUE], 0, less).draw()
    assert point.values["W"].shape == (less[m], less[n])
    (value,) = evaluate([VALUE], point, FLOAT)
    x_ = np.asarray(point.values["x"], dtype=float)
    np.testing.assert_allclose(value, 1 + x_ @ x_ / 3)
    assert instead([lift(sg.dot(MatrixSymbol("x", 5, 1), MatrixSymbol("x", 5, 1)))]) == {}


def test_a_symbol_is_no_user_s() -> None:
    (general,) = with_symbols([VALUE])
    assert all(isinstance(s, sp.Dummy) for s in Shapes([general]).symbols)
