"""Values that are each other's transpose become one; what is computed stays the same."""

from __future__ import annotations

import pytest
from rules import points, preserved
from sympy import MatrixSymbol, symbols

from symgrad import graph as g
from symgrad.graph import Kind, Node
from symgrad.transposes import one_orientation

M, N = symbols("M N", integer=True, positive=True)
A = g.leaf("A", (M, N), MatrixSymbol("A", M, N))
B = g.leaf("B", (M, N), MatrixSymbol("B", M, N))
Q = g.leaf("Q", (N, N), MatrixSymbol("Q", N, N))
x = g.leaf("x", (N,), MatrixSymbol("x", N, 1))

LEFT = g.product([(A, (0, 2)), (Q, (2, 1))], (M, N))  # A·Q
RIGHT = g.product([(A, (1, 2)), (Q, (2, 0))], (N, M))  # (A·Q)ᵀ
MINUS = g.add([(1, LEFT, (0, 1)), (-1, B, (0, 1))], (M, N))
SUNIM = g.add([(1, RIGHT, (0, 1)), (-1, B, (1, 0))], (N, M))
GRAM = g.product([(A, (2, 0)), (A, (2, 1))], (N, N))  # Aᵀ·A
SQUARES = g.apply(g.slot(0) ** 2, [(x, (0,))], (N,))
DIAGONAL = g.product([(g.delta(N), (0, 1)), (x, (0,)), (SQUARES, (1,))], (N, N))
BLOCK = g.product([(A, (0, 2)), (B, (1, 3)), (Q, (2, 3))], (M, M, N, N))
TURNED = g.product([(A, (2, 1)), (B, (3, 0)), (Q, (1, 0))], (N, N, M, M))
OUTER = g.product([(A, (0, 1)), (x, (2,))], (M, N, N))
RETUO = g.product([(A, (2, 0)), (x, (1,))], (N, N, M))

CASES: dict[str, tuple[list[Node], int]] = {
    "a product": ([LEFT, RIGHT], 1),
    "a sum of it": ([MINUS, SUNIM], 2),
    "below a function": ([g.apply(g.slot(0) ** 3, [(SUNIM, (1, 0))], (M, N)), MINUS], 3),
    "under names": ([g.named("R", MINUS), g.named("S", SUNIM)], 2),
    "four axes": ([BLOCK, TURNED], 1),
    "three axes": ([OUTER, RETUO], 1),
    "its own transpose": (
        [g.add([(1, GRAM, (0, 1)), (2, Q, (0, 1))], (N, N)),
         g.add([(1, GRAM, (0, 1)), (2, Q, (1, 0))], (N, N))], 2
    ),
    "a diagonal matrix": (
        [g.add([(1, DIAGONAL, (1, 0)), (2, Q, (0, 1))], (N, N)),
         g.add([(1, DIAGONAL, (1, 0)), (2, Q, (1, 0))], (N, N))], 3
    ),
    "other weights": ([MINUS, g.add([(1, RIGHT, (0, 1)), (-2, B, (1, 0))], (N, M))], 3),
}  # fmt: skip
"""Roots, and how many values are computed: products, sums and maps that are no views."""


def computed(roots: list[Node]) -> int:
    kinds = (Kind.SUM, Kind.PRODUCT, Kind.MAP)
    views = [n for n in g.topological(roots) if n.kind is Kind.PRODUCT and len(n.args) == 1]
    return sum(n.kind in kinds for n in g.topological(roots)) - len(views)


@pytest.mark.parametrize("case", CASES)
def test_one_of_two_is_left(case: str) -> None:
    roots, count = CASES[case]
    found = one_orientation(roots)
    g.validate(found)
    assert [node.shape for node in found] == [node.shape for node in roots]
    assert computed(found) == count
    at = points()
    for before, after in zip(roots, found, strict=True):
        assert preserved(before, after, at)


def test_a_graph_without_twins_stays_as_it_is() -> None:
    assert one_orientation([MINUS, BLOCK]) == [MINUS, BLOCK]
