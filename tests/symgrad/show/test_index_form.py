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
i = Symbol("i", integer=True)


@pytest.mark.parametrize("op", ["logsumexp", "max", "sparsemax_threshold", "sparsemax_value"])
def test_a_reduction_of_a_single_entry(op: str) -> None:
    """Over no label at all, which is what a layer over an axis of length 1 comes to."""
    node = g.reduce(op, lift(t), (), ())
    expected = float(interpret([node], Net(), {"t": 2.25})[0])
    for shown in (index_form(node, ()), matrix_form(node)):
        assert float(shown.subs(t, 2.25)) == expected


ONE_ENTRY: dict[str, tuple[Any, str]] = {
    "in a product": (sp.tan(s) * X1[0, 0] * sg.sum(x), "(Σ_i x[i])·X1[0] tan(s)"),
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
