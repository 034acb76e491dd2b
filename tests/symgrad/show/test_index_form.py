"""Entries of values in indices: what a network of any shape may hold can be shown."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp
from interpreter import interpret
from oracle import Net
from sympy import MatrixSymbol, Symbol, symbols

import symgrad as sg
from symgrad import graph as g
from symgrad.lift import lift
from symgrad.show.index_form import index_form
from symgrad.show.matrix_form import matrix_form
from symgrad.vocabulary import maximum

M, N = symbols("M N", integer=True, positive=True)
s, t = Symbol("s", real=True), Symbol("t", real=True)
X1, x = MatrixSymbol("X1", 1, 1), MatrixSymbol("x", N, 1)
i, s_ = symbols("i s_", integer=True)


@pytest.mark.parametrize("op", ["logsumexp", "max", "sparsemax_threshold", "sparsemax_value"])
def test_a_reduction_of_a_single_entry(op: str) -> None:
    """Over no label at all, which is what a layer over an axis of length 1 comes to."""
    node = g.reduce(op, lift(t), (), ())
    expected = float(interpret([node], Net(), {"t": 2.25})[0])
    for shown in (index_form(node, ()), matrix_form(node)):
        assert float(shown.subs(t, 2.25)) == expected


ONE_ENTRY: dict[str, tuple[Any, str]] = {
    "in a product": (sp.tan(s) * X1[0, 0] * sg.sum(x), "(Σ_i x[i])·X1[0]·tan(s)"),
    "in a power": (X1[0, 0] ** 2 + s, "X1[0]² + s"),
    "in a maximum": (maximum(X1[0, 0], s), "max(X1[0], s)"),
}
"""a 1×1 matrix as a scalar → how it reads."""


@pytest.mark.parametrize("name", ONE_ENTRY)
def test_a_matrix_of_one_entry(name: str) -> None:
    expr, text = ONE_ENTRY[name]
    assert sg.formula(index_form(lift(expr), ())) == text


def test_the_gradient_by_a_matrix_of_one_entry() -> None:
    """A row of the result is in indices, so the scalar in front of it must not be a matrix."""
    K = sp.IndexedBase("K", shape=(2, 2, 2))
    d = sg.gradient(sp.Sum(K[i, 0, 1] * sp.tanh(X1[0, 0]), (i, 0, 1)), [X1, K])
    assert d[X1].shape == (1, 1)
    for text in (d.text(), d.text("index")):
        assert "∂L/∂X1 = (Σ_i K[i, 0, 1])·(1 − tanh²(X1[0])) " in text


def test_nothing_is_summed_where_a_factor_is_zero() -> None:
    node = g.product([(lift(x), (0,)), (g.const(0, (N,)), (0,))], ())
    assert index_form(node, ()) == 0


class counted(sp.Function):
    """A function that counts how often SymPy evaluates it."""

    calls = 0

    @classmethod
    def eval(cls, t: sp.Expr) -> None:
        """Stays as it is."""
        cls.calls += 1


def test_each_entry_is_evaluated_once() -> None:
    """And once more when its indices get their letters: not again at each level above it."""
    levels, node = 40, lift(x)
    body = counted(g.slot(0))
    for _ in range(levels):
        node = g.apply(body, [(node, (0,))], (N,))
    before = counted.calls
    found = index_form(node, (i,))
    assert found.count(counted) == levels
    assert counted.calls - before <= 2 * levels


# ------------------------------------------------------------------------------------ letters

vector = lift(MatrixSymbol("y", N, 1))
total = g.product([(lift(x), (0,))], ())
"""Σ x."""
other_total = g.product([(g.apply(g.slot(0), [(lift(x), (0,))], (N,)), (0,))], ())
"""Σ x, which is another node."""


def inside(node: g.Node) -> g.Node:
    """Σ_i y[i]·node."""
    return g.product([(vector, (0,)), (node, ())], ())


def squared(node: g.Node) -> g.Node:
    """node² + 1."""
    return g.apply(g.slot(0) ** 2 + 1, [(node, ())], ())


def divided(a: g.Node, b: g.Node) -> g.Node:
    """a/b."""
    return g.product([(a, ()), (g.apply(1 / g.slot(0), [(b, ())], ()), ())], ())


LETTERS: dict[str, tuple[g.Node, str]] = {
    "one inside another": (inside(squared(total)), "Σ_i y[i]·((Σ_j x[j])² + 1)"),
    "beside each other": (
        g.add([(1, total, ()), (1, inside(g.const(1)), ())], ()),
        "Σ_i x[i] + Σ_i y[i]",
    ),
    "equal ones are added up": (
        g.add([(1, total, ()), (1, other_total, ()), (1, inside(squared(total)), ())], ()),
        "2·Σ_i x[i] + Σ_i y[i]·((Σ_j x[j])² + 1)",
    ),
    "a sum over a sum": (divided(total, inside(g.const(1))), "Σ_i x[i]/(Σ_j y[j])"),
    "a sum over one beside another": (
        g.add([(1, divided(total, inside(g.const(1))), ()), (1, total, ())], ()),
        "Σ_i x[i]/(Σ_j y[j]) + Σ_i x[i]",
    ),
}
"""sums of several letters → how they read"""


@pytest.mark.parametrize("name", LETTERS)
def test_letters(name: str) -> None:
    """A letter that is bound is not bound again inside, nor in a denominator that follows."""
    node, text = LETTERS[name]
    assert sg.formula(index_form(node, ())) == text


def test_letters_do_not_depend_on_what_was_shown_before() -> None:
    """An index that has no letter of its own must not get one because it was asked for."""
    A = sp.IndexedBase("A", shape=(M, N, 3))
    loss = sg.let("L", sp.Sum(A[i, s_, 1] ** 2, (i, 0, M - 1), (s_, 0, N - 1)))
    first, second = sg.gradient(loss, A), sg.gradient(loss, A)
    full = first.text(level="full"), first.text("index")
    assert (second.text("index"), second.text(level="full")) == full[::-1]


def test_a_sign_stands_in_front_of_a_sum() -> None:
    """X[i, j] − Σ_k U[i, k]·V[j, k], and not Σ_k (−U[i, k]·V[j, k]) + X[i, j]."""
    model = sg.parse("X: matrix(n, m); U: matrix(n, k); V: matrix(m, k); L = ||X - U V'||^2")
    text = sg.gradient(model.loss, model.names["U"]).text("index")
    assert "L = Σ_jl (X[j, l] − Σ_i U[j, i]·V[l, i])²" in text
    assert "2·Σ_l (Σ_p U[j, p]·V[l, p] − X[j, l])·V[l, i]" in text
