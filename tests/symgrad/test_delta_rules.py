"""Each law of identities: an example of it, its value preserved, and a sabotaged twin caught."""

from __future__ import annotations

import pytest
from rules import Row, check_row, check_sabotage_is_caught
from sympy import MatrixSymbol, symbols

from symgrad import graph as g
from symgrad.delta_rules import DELTA_RULES, holds_identity
from symgrad.graph import Node
from symgrad.recognise import FORWARD
from symgrad.rewrite import Rewriter, Rule

M, N = symbols("M N", integer=True, positive=True)
x, y = (g.leaf(n, (N,), MatrixSymbol(n, N, 1)) for n in "xy")
A = g.leaf("A", (M, N), MatrixSymbol("A", M, N))
Q = g.leaf("Q", (N, N), MatrixSymbol("Q", N, N))
I = g.delta(N)


def summed(i: int, j: int) -> Node:
    """δ of two axes, times Σ_l Q[l]·x[l] along the third."""
    rest = 3 - i - j
    return g.product([(I, (i, j)), (Q, (rest, 3)), (x, (3,))], (N, N, N))


TERMS = g.add(
    [
        (2, g.product([(I, (0, 1)), (x, (2,))], (N, N, N)), (0, 1, 2)),
        (1, g.product([(I, (0, 2)), (y, (1,))], (N, N, N)), (0, 1, 2)),
    ],
    (N, N, N),
)

ROWS: dict[str, Row] = {
    "identity index": (
        g.product([(I, (0, 1)), (x, (1,)), (y, (0,))], (N, N)),
        g.product([(I, (0, 1)), (x, (0,)), (y, (0,))], (N, N)),
    ),
    "identity in product": (
        g.product([(summed(0, 1), (0, 2, 1)), (y, (2,))], (N, N)),
        g.product(
            [(y, (2,)), (I, (0, 2)), (g.product([(Q, (0, 1)), (x, (1,))], (N,)), (1,))], (N, N)
        ),
    ),
    "identity in sum": (
        g.product([(TERMS, (0, 1, 2)), (x, (2,))], (N, N)),
        g.add(
            [
                (c, g.product([(x, (2,)), (term, (0, 1, 2))], (N, N)), (0, 1))
                for c, term in zip(TERMS.weights, TERMS.args, strict=True)
            ],
            (N, N),
        ),
    ),
}


def test_every_row_has_an_example() -> None:
    assert set(ROWS) == {rule.name for rule in DELTA_RULES}


@pytest.mark.parametrize("rule", DELTA_RULES, ids=lambda rule: rule.name)
def test_law(rule: Rule) -> None:
    check_row(rule, ROWS)


@pytest.mark.parametrize("rule", DELTA_RULES, ids=lambda rule: rule.name)
def test_sabotage_is_caught(rule: Rule) -> None:
    check_sabotage_is_caught(rule, ROWS, (*FORWARD, *DELTA_RULES))


def test_no_identity_of_three_axes_is_left() -> None:
    """Σ_k (2·δ_ij·x_k + δ_ik·y_j)·x_k is diagonal and an outer product."""
    (found,) = Rewriter((*FORWARD, *DELTA_RULES))([ROWS["identity in sum"][0]])
    assert all(n.rank <= 2 for n in g.topological([found]))


def test_where_an_identity_is_a_factor() -> None:
    diagonal = g.product([(I, (0, 1)), (x, (0,))], (N, N))
    outer = g.product([(x, (0,)), (x, (1,))], (N, N))
    assert holds_identity(I)
    assert holds_identity(g.add([(1, diagonal, (0, 1)), (-1, outer, (0, 1))], (N, N)))
    assert not holds_identity(outer)
    contracted = g.add([(1, diagonal, (0, 1)), (-1, outer, (0, 1))], (N, N))
    assert not holds_identity(g.product([(A, (0, 2)), (contracted, (2, 1))], (M, N)))
