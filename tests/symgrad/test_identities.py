"""Each law of the algebra: an example of it, its value preserved, and a sabotaged twin caught."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import sympy as sp
from rules import FACT_SYMBOLS, Row, check_row, check_sabotage_is_caught, points, preserved
from sympy import MatrixSymbol, Rational, Symbol, symbols

import symgrad as sg
from symgrad import graph as g
from symgrad import listing
from symgrad.algebra import content, scaled
from symgrad.functions import softmax_node
from symgrad.graph import Node, slot
from symgrad.identities import CANONICAL
from symgrad.recognise import FORWARD
from symgrad.rewrite import Rewriter, Rule
from symgrad.simplify import normalise
from symgrad.vocabulary import absolute, relu, root, signum

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
o, v, w, S, T, D, R = (FACT_SYMBOLS[name].node for name in "ovwSTDR")
root_w = g.apply(root(t), [(w, (0,))], (N,))


def inverse(node: Node) -> Node:
    """X⁻¹."""
    return g.linalg("inverse", node, (0, 1), node.shape)


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
    "indicator squared": (
        g.product([(one_c, (0,)), (one_c, (0,)), (x, (0,))], (N,)),
        g.product([(one_c, (0,)), (x, (0,))], (N,)),
    ),
    "binary squared": (
        g.product([(o, (0,)), (o, (0,)), (x, (0,))], (N,)),
        g.product([(o, (0,)), (x, (0,))], (N,)),
    ),
    "unit norm": (
        g.product([(v, (1,)), (v, (1,)), (x, (0,))], (N,)),
        g.product([(x, (0,))], (N,)),
    ),
    "orthogonal": (
        g.product([(R, (2, 0)), (R, (2, 1)), (x, (1,))], (N,)),
        g.product([(g.delta(N), (0, 1)), (x, (1,))], (N,)),
    ),
    "diagonal": (
        g.product([(D, (0, 1)), (x, (1,))], (N,)),
        g.product([(D, (0, 0)), (x, (0,))], (N,)),
    ),
    "symmetric product": (
        g.product([(S, (1, 0)), (x, (1,))], (N,)),
        g.product([(S, (0, 1)), (x, (1,))], (N,)),
    ),
    "inverse cancels": (
        g.product([(inverse(Q), (0, 2)), (Q, (2, 1)), (x, (1,))], (N,)),
        g.product([(g.delta(N), (0, 1)), (x, (1,))], (N,)),
    ),
    "indicator seen": (
        g.product([(g.indicator((2, -1), 1, "=", (M, N)), (1, 0))], (N, M)),
        g.indicator((1, -2), -1, "=", (N, M)),
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
    "symmetric sum": (
        g.add([(1, T, (1, 0)), (1, Q, (0, 1))], (N, N)),
        g.add([(1, T, (0, 1)), (1, Q, (0, 1))], (N, N)),
    ),
    "symmetric map": (
        g.apply(sp.exp(t), [(S, (1, 0))], (N, N)),
        g.apply(sp.exp(t), [(S, (0, 1))], (N, N)),
    ),
    "root of square": (
        g.apply(sp.sqrt(t), [(g.product([(A, (0, 1)), (A, (0, 1))], (M, N)), (1, 0))], (N, M)),
        g.apply(absolute(t), [(A, (1, 0))], (N, M)),
    ),
    "square of root": (
        g.product([(root_w, (1,)), (y, (1,)), (root_w, (1,))], (M,)),
        g.product([(y, (1,)), (w, (1,))], (M,)),
    ),
    "nonnegative": (g.apply(relu(t), [(w, (0,))], (N,)), g.product([(w, (0,))], (N,))),
    "positive": (g.apply(signum(t), [(w, (0,))], (N,)), g.const(1, (N,))),
    "symmetric reduce": (
        g.reduce("logsumexp", S, (1, 0), (N,)),
        g.reduce("logsumexp", S, (0, 1), (N,)),
    ),
    "constant indicator": (
        g.indicator((0, 1), -1, "=", (M, N)),
        g.product([(g.indicator((1,), -1, "=", (N,)), (1,))], (M, N)),
    ),
    "view in linalg": (
        g.linalg("inverse", g.product([(Q, (1, 0))], (N, N)), (0, 1), (N, N)),
        g.linalg("inverse", Q, (1, 0), (N, N)),
    ),
    "inverse of transpose": (
        g.linalg("inverse", Q, (1, 0), (N, N)),
        g.product([(inverse(Q), (1, 0))], (N, N)),
    ),
    "inverse of inverse": (inverse(inverse(Q)), g.product([(Q, (0, 1))], (N, N))),
    "linalg of identity": (
        inverse(g.delta(N)),
        g.product([(g.delta(N), (0, 1))], (N, N)),
    ),
    "linalg of scaled": (inverse(scaled(3, Q)), scaled(Rational(1, 3), inverse(Q))),
    "determinant of inverse": (
        g.linalg("det", inverse(Q), (0, 1), ()),
        g.apply(1 / t, [(g.linalg("det", Q, (0, 1), ()), ())], ()),
    ),
    "inverse of orthogonal": (inverse(R), g.product([(R, (1, 0))], (N, N))),
    "logdet of diagonal": (
        g.linalg("logdet", D, (0, 1), ()),
        g.product(
            [
                (
                    g.apply(
                        sp.log(t),
                        [
                            (
                                g.apply(
                                    absolute(t), [(g.product([(D, (0, 0))], (N,)), (0,))], (N,)
                                ),
                                (0,),
                            )
                        ],
                        (N,),
                    ),
                    (0,),
                )
            ],
            (),
        ),
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


# -------------------------------------------------------------------- linear algebra, indicators

Qt = g.product([(Q, (1, 0))], (N, N))
product_AtA = g.product([(A, (2, 0)), (A, (2, 1))], (N, N))
ridge = g.add([(1, product_AtA, (0, 1)), (3, g.delta(N), (0, 1))], (N, N))
batched = g.leaf("X", (M, N, N), sp.IndexedBase("X", shape=(M, N, N)))


def linalg(op: str, node: Node) -> Node:
    """A determinant of a matrix."""
    return g.linalg(op, node, (0, 1), ())


PAIRS: dict[str, Row] = {
    "X·X⁻¹": (g.product([(Q, (0, 2)), (inverse(Q), (2, 1))], (N, N)), g.delta(N)),
    "Xᵀ·X⁻ᵀ": (g.product([(Q, (2, 0)), (inverse(Q), (1, 2))], (N, N)), g.delta(N)),
    "Xᵀ·(Xᵀ)⁻¹": (g.product([(Q, (2, 0)), (inverse(Qt), (2, 1))], (N, N)), g.delta(N)),
    "X⁻¹·X·y": (g.product([(inverse(Q), (0, 1)), (Q, (1, 2)), (y, (2,))], (N,)), y),
    "tr(X⁻¹·X)": (g.product([(inverse(Q), (0, 1)), (Q, (1, 0))], ()), g.const(N)),
    "X⁻¹·X in a batch": (
        g.product(
            [(g.linalg("inverse", batched, (0, 1, 2), (M, N, N)), (0, 1, 3)), (batched, (0, 3, 2))],
            (M, N, N),
        ),
        g.product([(g.delta(N), (1, 2))], (M, N, N)),
    ),
    "((XXᵀ)⁻¹)ᵀ": (
        g.product([(inverse(product_AtA), (1, 0)), (x, (1,))], (N,)),
        g.product([(inverse(product_AtA), (0, 1)), (x, (1,))], (N,)),
    ),
    "(AᵀA + 3I)ᵀ": (g.product([(ridge, (1, 0))], (N, N)), ridge),
    "det 3X": (linalg("det", scaled(3, Q)), scaled(sp.Integer(3) ** N, linalg("det", Q))),
    "log det −3X": (
        linalg("logdet", scaled(-3, Q)),
        g.add([(N * sp.log(3), g.const(1), ()), (1, linalg("logdet", Q), ())], ()),
    ),
    "log det X⁻¹": (linalg("logdet", inverse(Q)), scaled(-1, linalg("logdet", Q))),
    "log det Xᵀ": (linalg("logdet", Qt), linalg("logdet", Q)),
    "log det I": (linalg("logdet", g.delta(N)), g.const(0)),
    "det I": (linalg("det", g.delta(N)), g.const(1)),
    "log det R": (linalg("logdet", R), g.const(0)),
    "R·Rᵀ·x": (g.product([(R, (0, 1)), (R, (2, 1)), (x, (2,))], (N,)), x),
    "Rᵀ·(R·x)": (
        g.product(
            [(R, (1, 0)), (g.product([(R, (0, 1)), (x, (1,))], (N,)), (1,)), (y, (0,))], (N,)
        ),
        g.product([(x, (0,)), (y, (0,))], (N,)),
    ),
    "X⁻¹·(X·y)": (
        g.product([(inverse(Q), (0, 1)), (g.product([(Q, (0, 1)), (y, (1,))], (N,)), (1,))], (N,)),
        y,
    ),
    "X·(X⁻¹·y)": (
        g.product([(Q, (0, 1)), (g.product([(inverse(Q), (0, 1)), (y, (1,))], (N,)), (1,))], (N,)),
        y,
    ),
    "‖R‖²": (g.product([(R, (0, 1)), (R, (0, 1))], ()), g.const(N)),
    "S⁻ᵀ·x": (
        g.product([(inverse(S), (1, 0)), (x, (1,))], (N,)),
        g.product([(inverse(S), (0, 1)), (x, (1,))], (N,)),
    ),
    "tr(S·Q)": (
        g.product([(S, (0, 1)), (Q, (1, 0))], ()),
        g.product([(S, (0, 1)), (Q, (0, 1))], ()),
    ),
    "S + Sᵀ": (g.add([(1, S, (0, 1)), (1, S, (1, 0))], (N, N)), scaled(2, S)),
    "u·D·v": (
        g.product([(D, (0, 1)), (x, (0,)), (y, (1,))], ()),
        g.product([(D, (0, 0)), (x, (0,)), (y, (0,))], ()),
    ),
    "D·Q stays": (
        g.product([(D, (0, 2)), (Q, (2, 1))], (N, N)),
        g.product([(D, (0, 2)), (Q, (2, 1))], (N, N)),
    ),
    "√‖v‖²": (g.apply(sp.sqrt(t), [(g.product([(v, (0,)), (v, (0,))], ()), ())], ()), g.const(1)),
    "1[i ≥ 0]": (g.indicator((1,), 0, "≥", (4,)), g.const(1, (4,))),
    "1[i = 9] of 4": (g.indicator((1,), -9, "=", (4,)), g.const(0, (4,))),
    "1[i + j ≥ 0]": (g.indicator((1, 1), 0, "≥", (4, 3)), g.const(1, (4, 3))),
    "1[i − i = 0]": (
        g.product([(g.indicator((1, -1), 0, "=", (4, 5)), (0, 1)), (x, (2,))], (4, 5, N)),
        g.product([(g.indicator((1, -1), 0, "=", (4, 5)), (0, 1)), (x, (2,))], (4, 5, N)),
    ),
    "1[i + i ≥ 3]": (
        g.product([(g.indicator((1, 1), -3, "≥", (N, N)), (0, 0)), (x, (0,))], (N,)),
        g.product([(g.indicator((2,), -3, "≥", (N,)), (0,)), (x, (0,))], (N,)),
    ),
    "1[2i = p] is 1[p = 2i]ᵀ": (
        g.add(
            [
                (1, g.indicator((2, -1), 0, "=", (N, M)), (0, 1)),
                (2, g.indicator((-1, 2), 0, "=", (M, N)), (1, 0)),
            ],
            (N, M),
        ),
        scaled(3, g.indicator((2, -1), 0, "=", (N, M))),
    ),
}
"""what a reader would call it → a node, and its normal form."""


@pytest.mark.parametrize("name", PAIRS)
def test_normal_form(name: str) -> None:
    before, after = PAIRS[name]
    g.validate([before, after])
    assert normal(before) is after, listing.text([normal(before), after])
    if batched not in g.leaves([before]):
        assert preserved(before, after, points())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (g.product([(inverse(Q), (0, 2)), (Q, (1, 2))], (N, N)), "X⁻¹·Xᵀ"),
        (g.product([(R, (0, 2)), (R, (2, 1))], (N, N)), "R·R"),
        (g.product([(R, (0, 1)), (R, (0, 1))], (N, N)), "R ⊙ R"),
        (g.product([(Q, (2, 0)), (Q, (2, 1))], (N, N)), "Qᵀ·Q, not declared orthogonal"),
        (g.product([(x, (0,)), (x, (0,))], ()), "xᵀ·x, not declared of norm one"),
        (g.product([(v, (0,)), (v, (0,))], (N,)), "v ⊙ v"),
        (g.product([(v, (0,)), (v, (0,)), (x, (0,))], ()), "Σ v·v·x"),
        (g.product([(Q, (1, 0)), (x, (1,))], (N,)), "Qᵀ·x"),
        (g.apply(absolute(t), [(x, (0,))], (N,)), "|x|"),
        (g.apply(signum(t), [(p, (0,))], (N,)), "sign(p), which may be 0"),
        (linalg("det", R), "det R, which may be −1"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_what_looks_alike_stays(before: Node, after: str) -> None:
    assert normal(before) is before, after


def test_facts_of_a_batch_are_used_for_each_example() -> None:
    many = g.leaf("V", (M, N), MatrixSymbol("V", M, N), [g.Fact("unit norm", (1,))])
    lengths = g.product([(many, (0, 1)), (many, (0, 1))], (M,))
    assert normal(lengths) is g.const(1, (M,))
    whole = g.product([(many, (0, 1)), (many, (0, 1))], ())
    assert normal(whole) is g.const(M)
