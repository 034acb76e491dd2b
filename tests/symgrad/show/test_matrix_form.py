"""From the graph to SymPy: the spelling that a textbook prints, and the same value always."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from interpreter import Interpreter
from oracle import COMPLEX, Net, converted, point, value
from random_graphs import SIZES, graph_symbols, random_nodes
from sympy import Identity, MatrixSymbol, OneMatrix, Symbol, Trace, hadamard_product, symbols
from sympy.matrices.expressions.diagonal import DiagMatrix

import symgrad as sg
from symgrad import graph as g
from symgrad.errors import UnsupportedError
from symgrad.graph import Kind
from symgrad.lift import lift
from symgrad.show.matrix_form import entry_form, matrix_form
from symgrad.simplify import normalise, strip_names

M, N, K = symbols("M N K", integer=True, positive=True)
A, B = MatrixSymbol("A", M, N), MatrixSymbol("B", M, N)
C, Q = MatrixSymbol("C", N, K), MatrixSymbol("Q", N, N)
x, y, u = MatrixSymbol("x", N, 1), MatrixSymbol("y", N, 1), MatrixSymbol("u", M, 1)
s = Symbol("s", real=True)

EXTREME: dict[str, tuple[g.Node, str]] = {
    "maxima of one entry each": (g.reduce("max", lift(x), (0,), (N,)), "x"),
    "logsumexp of one entry each": (g.reduce("logsumexp", lift(x), (0,), (N,)), "x"),
    "a function of a scalar, repeated": (
        g.apply(sp.exp(g.slot(0)), [(lift(s), ())], (N,)), "exp(s)·1"
    ),
}  # fmt: skip
"""Graphs that only a step of a simplification has, and what they read as."""


@pytest.mark.parametrize("name", EXTREME)
def test_what_a_step_may_have(name: str) -> None:
    node, text = EXTREME[name]
    assert sg.formula(matrix_form(node)) == text


def test_a_class_among_a_known_number_is_an_expression() -> None:
    """SymPy goes into every argument of an expression; a plain 3 is none."""
    c = sg.label("c", 3)
    k = sg.label("k", 3)
    found = matrix_form(g.onehot(lift(c), 3))
    assert found.xreplace({c: k}) == matrix_form(g.onehot(lift(k), 3))


ROUND_TRIPS: list[Any] = [
    A + B, A - B / 2, 2 * A, A * C, A * Q * C, A.T * u, A * x, C.T * A.T, u * x.T,
    hadamard_product(A, B), hadamard_product(u, A * x), Trace(Q), Trace(Q) * x,
    sg.dot(x, y), sg.sum(x), sg.dot(A, B), s * A, sg.softmax(x), sg.logsumexp(x), sg.tanh(A),
    sg.sigmoid(A * x), Identity(N), A[0, 0], x[0, 0], sp.sin(s) ** 2 + s, u * y.T + A,
    OneMatrix(M, 1) * x.T, DiagMatrix(x), sg.softmax(A, rows=True), sg.logsumexp(A, rows=True),
    hadamard_product(x, x), Q.T, sg.sum(sg.tanh(A)),
    Q.I, Q.I.T, Q.I * x, sp.Determinant(Q), sg.logdet(Q), sg.max(x), sg.sparsemax(x),
]  # fmt: skip


@pytest.mark.parametrize("expr", ROUND_TRIPS, ids=str)
def test_round_trip(expr: Any) -> None:
    """A declaration that is already short comes back as it was."""
    assert str(matrix_form(lift(expr))) == str(expr)


@settings(derandomize=True, max_examples=50, deadline=None)
@given(st.integers(0, 2**31))
def test_value_of_any_graph(seed: int) -> None:
    nodes = strip_names(normalise(random_nodes(random.Random(seed).choice, 6)))
    dims = SIZES[seed % len(SIZES)]
    net = Net(dims=dims)
    env = point(graph_symbols(), net, seed % 1000)
    interpreter = Interpreter(net, env, COMPLEX)
    for node in nodes:
        expected = interpreter(node)
        if node.rank > 2 or not np.isfinite(expected).all():
            continue
        expr = matrix_form(node)
        found = np.asarray(value(expr, net, converted(env, COMPLEX)))
        np.testing.assert_allclose(
            found.reshape(expected.shape), expected, rtol=1e-8, atol=1e-10, err_msg=str(expr)
        )


def test_indices_where_matrices_cannot_say_it() -> None:
    """The diagonal of three factors at once, Σ_k A[i,k]·B[i,k]·Q[k,i]-like sums."""
    a, b = lift(Q), lift(MatrixSymbol("P", N, N))
    node = g.apply(g.slot(0) ** g.slot(1), [(a, (0, 1)), (b, (1, 0))], (N, N))
    expr = matrix_form(node)
    assert isinstance(expr, sp.FunctionMatrix)
    assert expr.shape == (N, N)


def test_more_than_two_axes_are_refused_with_a_way_out() -> None:
    node = g.product([(lift(A), (0, 1)), (lift(C), (1, 2))], (M, N, K))
    with pytest.raises(UnsupportedError, match=r"more than two axes.*sg\.function"):
        matrix_form(node)


def test_any_number_of_axes_by_its_entry() -> None:
    node = g.product([(lift(Q.I), (0, 1)), (lift(C), (1, 2))], (N, N, K))
    entry = entry_form(node)
    assert len(entry.variables) == 3
    assert sg.formula(entry(*symbols("a b c"))) == "C[b, c]·Q⁻¹[a, b]"


def test_a_product_of_transposes_is_turned_around() -> None:
    """∂f/∂x of f = C·B·A·x, whose factors may meet in any order."""
    c, b, a = MatrixSymbol("C", K, M), MatrixSymbol("B", M, M), MatrixSymbol("A", M, N)
    jacobian = sg.jacobian(sg.let("f", c * b * a * x), [x])
    assert sg.formula(jacobian.closed_form(x)) == "C·B·A"


def test_a_product_with_an_inverse_is_turned_around() -> None:
    inner = lift(Q.I * MatrixSymbol("P", N, N))
    node = g.product([(lift(Q.I), (2, 0)), (inner, (1, 2))], (N, N))
    assert sg.formula(matrix_form(node)) == "Q⁻ᵀ·Pᵀ·Q⁻ᵀ"


def test_equal_terms_are_one_and_nothing_is_multiplied_out() -> None:
    """An entry of A⁻¹·b in front of 1 is no quotient of determinants, of any size."""
    P, b = MatrixSymbol("P", 3, 3), MatrixSymbol("b", 3, 1)
    scores, c = lift(P.I * b), lift(sg.label("c", 3))
    entry = g.product([(scores, (0,)), (g.onehot(c, 3), (0,))], ())
    node = g.add(
        [(1, scores, (0,)), (-1, entry, ()), (sp.Rational(1, 2), g.const(1, (3,)), (0,))], (3,)
    )
    expr = matrix_form(node)
    assert not expr.has(sp.ImmutableDenseMatrix)
    assert sg.formula(expr) == "P⁻¹·b + (1/2 − (P⁻¹·b)[c])·1"


def test_named_values_are_their_symbols() -> None:
    h = sg.let("h", sg.tanh(A * x))
    assert matrix_form(h.node) == h
    assert matrix_form(lift(h + h)) == 2 * h
    row = sg.let("row", y.T * Q)
    assert row.node.kind is Kind.NAMED
    assert matrix_form(row.node) == row.T


@pytest.mark.parametrize("c", [1, sp.Rational(1, 2), 3])
def test_a_sum_of_squares_is_a_norm_whatever_it_was_declared_as(c: Any) -> None:
    """Not the spelling that SymPy happens to have in its cache."""
    for shape in ((4, 1), (4, 3)):
        W = MatrixSymbol("W", *shape)
        squares = c * sg.sum(hadamard_product(W, W))
        node = normalise([lift(squares)])[0]
        assert matrix_form(node) == c * sg.dot(W, W)
