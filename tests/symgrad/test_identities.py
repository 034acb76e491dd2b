"""Each law of the algebra: an example of it, its value preserved, and a sabotaged twin caught."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import sympy as sp
from rules import Row, check_row, check_sabotage_is_caught
from sympy import MatrixSymbol, Rational, Symbol, symbols

import symgrad as sg
from symgrad import graph as g
from symgrad.functions import softmax_node
from symgrad.graph import Node, slot
from symgrad.identities import CANONICAL, content, scaled
from symgrad.recognise import FORWARD
from symgrad.rewrite import Rewriter, Rule
from symgrad.simplify import normalise

M, N = symbols("M N", integer=True, positive=True)
s = g.leaf("s", (), Symbol("s", real=True))
x, y = (g.leaf(n, (N,), MatrixSymbol(n, N, 1)) for n in "xy")
A, B = (g.leaf(n, (M, N), MatrixSymbol(n, M, N)) for n in "AB")
Q = g.leaf("Q", (N, N), MatrixSymbol("Q", N, N))
p = sg.simplex("p", N).node
c = sg.label("c", N).node
one_c = g.onehot(c, N)
soft = softmax_node(x, 1)
t = slot(0)
At = g.product([(A, (1, 0))], (N, M))
AB = g.product([(A, (0, 1)), (B, (0, 1))], (M, N))
minus_x = g.product([(g.const(-1), ()), (x, (0,))], (N,))
one_minus_x = g.add([(1, g.const(1), ()), (1, minus_x, (0,))], (N,))
x5 = g.apply(t**5, [(x, (0,))], (N,))

ROWS: dict[str, Row] = {
    "empty product": (g.product([], (N,)), g.const(1, (N,))),
    "identity product": (g.product([(A, (0, 1))], (M, N)), A),
    "view in product": (
        g.product([(At, (1, 0)), (B, (0, 1))], (M, N)),
        AB,
    ),
    "view of sum": (
        g.product([(g.add([(1, A, (0, 1)), (2, B, (0, 1))], (M, N)), (1, 0))], (N, M)),
        g.add([(1, g.add([(1, A, (0, 1)), (2, B, (0, 1))], (M, N)), (1, 0))], (N, M)),
    ),
    "weight out of product": (
        g.product([(scaled(3, x), (0,)), (g.const(2), ()), (y, (0,))], ()),
        scaled(6, g.product([(x, (0,)), (y, (0,))], ())),
    ),
    "identity matrix": (
        g.product([(g.delta(N), (0, 1)), (x, (1,)), (y, (0,))], (N,)),
        g.product([(x, (0,)), (y, (0,))], (N,)),
    ),
    "nested product": (
        g.product([(AB, (0, 1)), (x, (1,))], (M,)),
        g.product([(A, (0, 1)), (B, (0, 1)), (x, (1,))], (M,)),
    ),
    "one-hot sums to one": (
        g.product([(one_c, (1,)), (x, (0,))], (N,)),
        g.product([(x, (0,))], (N,)),
    ),
    "one-hot squared": (
        g.product([(one_c, (0,)), (one_c, (0,)), (x, (0,))], (N,)),
        g.product([(one_c, (0,)), (x, (0,))], (N,)),
    ),
    "simplex sums to one": (
        g.product([(p, (1,)), (x, (0,))], (N,)),
        g.product([(x, (0,))], (N,)),
    ),
    "softmax sums to one": (
        g.product([(soft, (1,)), (y, (0,))], (N,)),
        g.product([(y, (0,))], (N,)),
    ),
    "powers": (
        g.product([(x5, (0,)), (x, (0,)), (y, (0,))], (N,)),
        g.product([(g.apply(t**6, [(x, (0,))], (N,)), (0,)), (y, (0,))], (N,)),
    ),
    "broadcast product": (
        g.product([(x, (0,)), (y, (0,))], (N, M)),
        g.product([(g.product([(x, (0,)), (y, (0,))], (N,)), (0,))], (N, M)),
    ),
    "broadcast sum": (
        g.add([(1, x, (1,)), (2, y, (1,))], (M, N)),
        g.product([(g.add([(1, x, (0,)), (2, y, (0,))], (N,)), (1,))], (M, N)),
    ),
    "broadcast map": (
        g.apply(sp.exp(t), [(x, (1,))], (M, N)),
        g.product([(g.apply(sp.exp(t), [(x, (0,))], (N,)), (1,))], (M, N)),
    ),
    "view in sum": (
        g.add([(2, At, (1, 0)), (1, B, (0, 1))], (M, N)),
        g.add([(2, A, (0, 1)), (1, B, (0, 1))], (M, N)),
    ),
    "nested sum": (
        g.add([(2, g.add([(3, x, (0,)), (1, y, (0,))], (N,)), (0,)), (1, p, (0,))], (N,)),
        g.add([(6, x, (0,)), (2, y, (0,)), (1, p, (0,))], (N,)),
    ),
    "like terms": (
        g.add([(2, x, (0,)), (3, x, (0,)), (1, y, (0,)), (-1, y, (0,))], (N,)),
        g.add([(5, x, (0,))], (N,)),
    ),
    "single term": (g.add([(1, A, (1, 0))], (N, M)), At),
    "view in map": (
        g.apply(sp.exp(t), [(At, (1, 0))], (M, N)),
        g.apply(sp.exp(t), [(A, (0, 1))], (M, N)),
    ),
    "constant map": (g.apply(sp.exp(t), [(g.const(1), ())], ()), g.const(sp.E)),
    "expanded map": (
        g.apply(t * (1 - t), [(x, (0,))], (N,)),
        g.product([(x, (0,)), (one_minus_x, (0,))], (N,)),
    ),
    "inverse map": (
        g.apply(sp.log(t), [(g.apply(sp.exp(t), [(A, (0, 1))], (M, N)), (1, 0))], (N, M)),
        At,
    ),
    "reciprocal of scaled": (
        g.apply(1 / t, [(scaled(4, x), (0,))], (N,)),
        scaled(Rational(1, 4), g.apply(1 / t, [(x, (0,))], (N,))),
    ),
    "reduce of one": (g.reduce("logsumexp", s, (), ()), g.product([(s, ())], ())),
    "view in reduce": (
        g.reduce("logsumexp", At, (1, 0), (M,)),
        g.reduce("logsumexp", A, (0, 1), (M,)),
    ),
}
"""rule → a node that it applies to, and what it makes of it."""


@pytest.mark.parametrize("rule", CANONICAL, ids=lambda rule: rule.name)
def test_law(rule: Rule) -> None:
    check_row(rule, ROWS)


@pytest.mark.parametrize("rule", CANONICAL, ids=lambda rule: rule.name)
def test_sabotaged_law_is_caught(rule: Rule) -> None:
    check_sabotage_is_caught(rule, ROWS, FORWARD)


# ---------------------------------------------------------------------------- where laws must hold


def normal(node: Node) -> Node:
    return normalise([node])[0]


def test_a_sum_over_nothing_counts() -> None:
    """Σᵢ 1 = n: whatever rule empties a contraction has to leave the extent behind."""
    ones = g.product([(g.const(1, (M, N)), (1, 0))], (N,))
    assert normal(ones) is g.const(M, (N,))
    trace = g.product([(g.delta(N), (0, 0))], ())
    assert normal(trace) is g.const(N)
    both = g.product([(g.delta(N), (1, 2)), (p, (1,)), (p, (2,))], ())
    assert normal(both) is normal(g.product([(p, (0,)), (p, (0,))], ()))


def test_facts_are_used_only_where_declared() -> None:
    total = g.product([(y, (0,))], ())
    assert normal(total) is total
    assert normal(g.product([(p, (0,))], ())) is g.const(1)
    weighted = g.product([(p, (0,)), (x, (0,))], ())
    assert normal(weighted) is weighted
    squared = g.product([(p, (0,)), (p, (0,))], ())
    assert normal(squared) is squared


def test_a_fact_is_named_in_the_reasons() -> None:
    total = g.product([(p, (1,)), (x, (0,))], (N,))
    rewriter = Rewriter(FORWARD)
    rewriter([total])
    assert rewriter.reasons[total] == ("Σ p = 1",)


def test_matrix_products_do_not_commute() -> None:
    P = g.leaf("P", (N, N), MatrixSymbol("P", N, N))
    left = g.product([(P, (0, 2)), (Q, (2, 1))], (N, N))
    right = g.product([(Q, (0, 2)), (P, (2, 1))], (N, N))
    assert normal(left) is not normal(right)
    assert normal(g.add([(1, left, (0, 1)), (-1, right, (0, 1))], (N, N))).kind is g.Kind.SUM


@pytest.mark.parametrize(
    ("weights", "factor"),
    [
        ((2, 4), 2),
        ((-2, -4), -2),
        ((-2, 4), 2),
        ((Rational(1, 2), Rational(1, 3)), Rational(1, 6)),
        ((1 / N, 2 / N), 1 / N),
        ((1 / N, 2), 1),
        ((sp.sqrt(2), sp.sqrt(2)), sp.sqrt(2)),
    ],
)
def test_content(weights: Sequence[object], factor: object) -> None:
    found = content([sp.sympify(w) for w in weights])
    assert found == factor
    assert all(sp.sympify(w / found * found) == w for w in map(sp.sympify, weights))


def test_powers_above_four_have_one_form() -> None:
    seven = g.apply(t**7, [(x, (0,))], (N,))
    by_hand = g.product([(x, (0,))] * 7, (N,))
    assert normal(by_hand) is normal(seven)
    assert normal(g.product([(seven, (0,)), (seven, (0,))], ())).args[0].body == t**14
    assert normal(g.product([(x, (0,)), (g.apply(1 / t, [(x, (0,))], (N,)), (0,))], (N,))) is (
        g.const(1, (N,))
    )


def test_many_equal_operands_are_numbered_quickly() -> None:
    """Sixteen copies of one operand have 16! orders, and all of them are the same."""
    node = g.product([(x, (0,))] * 16, ())
    assert node.labels == ((0,),) * 16
    chain = g.product([(Q, (k, k + 1)) for k in range(12)], ())
    g.validate([chain])
    assert np.prod([len(labels) for labels in chain.labels]) == 2**12


def test_weights_that_cancel_leave_their_product() -> None:
    doubled = g.add([(2, x, (0,)), (6, g.const(1), ())], (N,))
    found = normal(g.product([(doubled, (0,)), (scaled(Rational(1, 2), y), (0,))], ()))
    assert found is g.product(
        [(g.add([(1, x, (0,)), (3, g.const(1), ())], (N,)), (0,)), (y, (0,))], ()
    )


def test_the_diagonal_of_the_identity_is_one() -> None:
    assert normal(g.add([(2, g.delta(N), (0, 0)), (1, x, (0,))], (N,))) is normal(
        g.add([(2, g.const(1), ()), (1, x, (0,))], (N,))
    )
