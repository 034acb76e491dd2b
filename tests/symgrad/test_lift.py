"""What each SymPy node means in index notation; the gradients are in test_functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from interpreter import interpret
from oracle import FLOAT, Net, converted, point, value
from sympy import Identity, MatrixSymbol, OneMatrix, Symbol, Trace, ZeroMatrix, symbols

import symgrad as sg
from symgrad import graph as g
from symgrad.graph import Kind
from symgrad.lift import lift

M, N = symbols("M N", integer=True, positive=True)
A, B = MatrixSymbol("A", M, N), MatrixSymbol("B", M, N)
Q, x = MatrixSymbol("Q", N, N), MatrixSymbol("x", N, 1)
r = MatrixSymbol("r", 1, N)
s = Symbol("s", real=True)

VALUES: dict[str, Any] = {
    "sum": A - 2 * B,
    "product": A * Q * x,
    "transpose": (A * Q).T,
    "scalar times product": s * A * x,
    "trace": Trace(A * B.T) + s,
    "ones and zeros": A + OneMatrix(M, N) + ZeroMatrix(M, N),
    "identity": Q + Identity(N) / 2,
    "matrix power": Q**3,
    "row": r * Q,
    "inner product": r * x,
    "applyfunc": A.applyfunc(sp.Lambda(s, s**2 + 1)),
    "element": sg.tanh(A)[1, 0] * s,
    "softmax by row": sg.softmax(A, rows=True),
    "logsumexp by row": sg.logsumexp(A, rows=True),
    "dimension": sg.sum(x) / N,
}


@pytest.mark.parametrize("name", VALUES)
def test_value(name: str) -> None:
    net = Net(dims={M: 2, N: 3})
    env = point([A, B, Q, x, r, s], net, seed=4, low=-1.0)
    expected = np.asarray(value(VALUES[name], net, converted(env, FLOAT), FLOAT))
    node = lift(VALUES[name])
    g.validate([node])
    (found,) = interpret([node], net, env)
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-13)


def test_dimensions_of_one_have_no_axis() -> None:
    assert lift(MatrixSymbol("a", 1, 1)).shape == ()
    assert lift(r).shape == lift(x).shape == (N,)
    assert lift(MatrixSymbol("a", 3, 1)).shape == (3,)
    assert lift(MatrixSymbol("a", M, N)).shape == (M, N)


def test_a_product_is_one_node() -> None:
    node = lift(A * Q * B.T)
    assert node.kind is Kind.PRODUCT
    assert len(node.args) == 3
    assert len(g.label_dims(node)) == 4


def test_the_declaration_keeps_its_structure() -> None:
    """No algebra is done: 1/(1 + exp(−x)) is printed as it was typed."""
    node = lift(1 / (1 + sp.exp(-s)))
    assert node.kind is Kind.MAP
    assert node.body == 1 / g.slot(0)


@pytest.mark.parametrize("power", [2, 4])
def test_the_square_of_a_norm_is_a_sum_of_squares(power: int) -> None:
    """‖x‖², the usual regulariser, has no root in it to be shown by index, counted or derived."""
    assert lift(sg.norm(x) ** power) is lift(sg.dot(x, x) ** (power // 2))
    assert lift(sg.norm(x) ** 3) is not lift(sg.dot(x, x))


def test_common_subexpressions_are_one_node() -> None:
    h = sg.tanh(A * x)
    assert sg.tanh(A * x).node is h.node
    assert sg.let("h", h) == sg.let("h", sg.tanh(A * x))


def test_a_one_by_one_matrix_counts_as_a_scalar() -> None:
    quadratic = x.T * Q * x
    assert lift(quadratic).shape == ()
    named = sg.let("q", quadratic)
    assert isinstance(named, sp.Symbol)
    assert lift(named + 1).shape == ()


def test_integers_are_dimensions_and_reals_are_leaves() -> None:
    assert lift(N + 1).kind is Kind.CONST
    assert lift(s).kind is Kind.LEAF
    assert lift(sp.Symbol("plain")).kind is Kind.LEAF


def test_lifting_a_derived_expression_gives_its_value() -> None:
    d = sg.gradient(sg.sum(sg.tanh(A * x)) + sg.dot(x, Q * x), [A, x, Q])
    net = Net(dims={M: 2, N: 3})
    env = point([A, Q, x], net, seed=1)
    for k, w in enumerate(d.wrt):
        again = lift(d[w])
        one, two = interpret([d.roots[k], again], net, env)
        np.testing.assert_allclose(one.reshape(two.shape), two, rtol=1e-13)


def test_graph_text_shows_a_declaration_in_index_notation() -> None:
    A, v = MatrixSymbol("A", 2, 3), MatrixSymbol("v", 3, 1)
    text = sg.graph_text(sg.sum(A * v))
    assert "A: leaf 2×3" in text
    assert text.splitlines()[-1].endswith("product scalar")
