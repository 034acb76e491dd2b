"""Each law of the computing form: an example, its value preserved, and a sabotaged twin caught."""

from __future__ import annotations

import pytest
from rules import Row, check_row, check_sabotage_is_caught
from sympy import MatrixSymbol, symbols

from symgrad import graph as g
from symgrad.curvature_rules import CURVATURE
from symgrad.delta_rules import IDENTITY_INDEX
from symgrad.graph import Node, slot
from symgrad.rewrite import Rule
from symgrad.vocabulary import sigmoid

N = symbols("N", integer=True, positive=True)
x, y = (g.leaf(n, (N,), MatrixSymbol(n, N, 1)) for n in "xy")
Q = g.leaf("Q", (N, N), MatrixSymbol("Q", N, N))
I = g.delta(N)
AWAY = g.add([(1, g.const(1), ()), (-1, y, (0,))], (N,))
BLOCK = g.product([(I, (0, 1)), (x, (2,))], (N, N, N))
TOTAL = g.add(
    [(2, BLOCK, (0, 1, 2)), (-1, g.product([(x, (0,)), (Q, (1, 2))], (N, N, N)), (0, 1, 2))],
    (N, N, N),
)
MINUS = g.add([(-1, x, (0,))], (N,))
UP, DOWN = (g.apply(sigmoid(slot(0)), [(z, (0,))], (N,)) for z in (x, MINUS))
H = g.named("h", UP)

ROWS: dict[str, Row] = {
    "slope of σ": (
        g.product([(H, (0,)), (Q, (0, 1)), (DOWN, (0,))], (N, N)),
        g.product(
            [
                (H, (0,)),
                (Q, (0, 1)),
                (g.add([(1, g.const(1), ()), (-1, H, (0,))], (N,)), (0,)),
            ],
            (N, N),
        ),
    ),
    "complementary terms": (
        g.add(
            [
                (3, g.product([(Q, (0, 1)), (y, (1,))], (N, N)), (0, 1)),
                (3, g.product([(Q, (0, 1)), (AWAY, (1,))], (N, N)), (0, 1)),
                (1, Q, (1, 0)),
            ],
            (N, N),
        ),
        g.add([(3, g.product([(Q, (0, 1))], (N, N)), (0, 1)), (1, Q, (1, 0))], (N, N)),
    ),
    "identity out of sum": (
        g.product([(I, (0, 1)), (Q, (0, 2)), (x, (2,))], (N, N)),
        g.product([(I, (0, 1)), (g.product([(Q, (0, 1)), (x, (1,))], (N,)), (0,))], (N, N)),
    ),
    "blocks": (
        g.product([(TOTAL, (0, 1, 2)), (y, (2,))], (N, N)),
        g.add(
            [
                (c, g.product([(y, (2,)), (term, (0, 1, 2))], (N, N)), (0, 1))
                for c, term in zip(TOTAL.weights, TOTAL.args, strict=True)
            ],
            (N, N),
        ),
    ),
}
OWN = tuple(rule for rule in CURVATURE if rule is not IDENTITY_INDEX)


@pytest.mark.parametrize("rule", OWN, ids=lambda rule: rule.name)
def test_law(rule: Rule) -> None:
    check_row(rule, ROWS)


@pytest.mark.parametrize("rule", OWN, ids=lambda rule: rule.name)
def test_sabotage_is_caught(rule: Rule) -> None:
    check_sabotage_is_caught(rule, ROWS, OWN)


STAYS: dict[str, tuple[str, Node]] = {
    "σ of something else": ("slope of σ", g.product([(UP, (0,)), (DOWN, (1,))], (N, N))),
    "other weights": (
        "complementary terms",
        g.add([(1, g.product([(x, (0,)), (y, (0,))], (N,)), (0,)),
               (2, g.product([(x, (0,)), (AWAY, (0,))], (N,)), (0,))], (N,)),
    ),
    "other factors": (
        "complementary terms",
        g.add([(1, g.product([(x, (0,)), (y, (0,))], (N,)), (0,)),
               (1, g.product([(UP, (0,)), (AWAY, (0,))], (N,)), (0,))], (N,)),
    ),
    "an identity that is summed over": (
        "blocks", g.product([(TOTAL, (0, 2, 1)), (y, (2,))], (N, N))
    ),
    "nothing is summed over": (
        "identity out of sum", g.product([(I, (0, 1)), (x, (0,))], (N, N))
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", STAYS)
def test_where_a_law_does_not_hold_or_does_not_help(case: str) -> None:
    name, node = STAYS[case]
    (rule,) = (rule for rule in OWN if rule.name == name)
    assert rule.apply(node) is None
