"""Exact values against the interpreter of graphs, which computes with sixty digits."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from interpreter import interpret
from oracle import EXACT, Net
from sympy import MatrixSymbol, symbols

import symgrad as sg
from symgrad import graph as g
from symgrad.lift import lift
from symgrad.pictures.exact import NotRationalError, exact_values

n, m = symbols("n m", integer=True, positive=True)
A, B = MatrixSymbol("A", n, n), MatrixSymbol("B", n, m)
v = MatrixSymbol("v", n, 1)
SIZES = {n: 3, m: 2}
POINT = {
    "A": [[2, 0, -1], [1, 3, 5], [4, -2, 1]],
    "B": [[1, -2], [0, 3], [sp.Rational(1, 2), 7]],
    "v": [1, -4, sp.Rational(2, 3)],
}

EXPRESSIONS = {
    "product": A * B,
    "trace": sg.trace(A * A.T),
    "transpose": A.T * v,
    "sum with weights": 3 * A - A.T / 2 + n * A,
    "quotient": v.applyfunc(lambda x: 1 / (1 + x**2)),
    "kinks": sg.relu(v) + sg.abs(v),
    "constants": A * sp.OneMatrix(n, m) + B,
    "identity": A + sp.Identity(n),
    "largest": sg.max(v),
    "largest of rows": sg.max(A, rows=True),
    "window": sg.conv1d(sp.IndexedBase("X", shape=(1, 5)), sp.IndexedBase("K", shape=(1, 1, 2))),
}
POINT["X"] = [[1, 2, 3, -4, 5]]
POINT["K"] = [[[2, -1]]]


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_values(name: str) -> None:
    root = lift(EXPRESSIONS[name])
    net = Net(dims=dict(SIZES))
    leaves = {}
    for leaf in g.leaves([root]):
        given = np.empty(np.shape(POINT[leaf.name]), object)
        for at in np.ndindex(*given.shape):
            entry: object = POINT[leaf.name]
            for k in at:
                entry = entry[k]  # type: ignore[index]
            given[at] = sp.sympify(entry)
        leaves[leaf] = given.reshape([net.size(d) for d in leaf.shape])
    (found,) = exact_values([root], leaves, SIZES)
    assert all(x.is_Rational for x in found.reshape(-1))
    env = {leaf.name: array for leaf, array in leaves.items()}
    (expected,) = interpret([root], net, env, EXACT)
    np.testing.assert_allclose(found.astype(float), expected.astype(float), rtol=1e-14)


def test_what_has_no_exact_value() -> None:
    x = symbols("x", real=True)
    leaf = lift(x)
    for body in (sp.exp(x), sp.sqrt(x), sg.sigmoid(x), 1 / (x - 2)):
        with pytest.raises(NotRationalError):
            exact_values([lift(body)], {leaf: np.array(sp.Integer(2), dtype=object)}, {})
    assert exact_values([lift(sp.exp(x))], {leaf: np.array(sp.Integer(0), dtype=object)}, {}) == [1]
    with pytest.raises(NotRationalError):
        exact_values([lift(sg.logdet(A))], {lift(A): np.eye(3).astype(int).astype(object)}, {n: 3})
