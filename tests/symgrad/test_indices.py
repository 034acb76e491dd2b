"""Index notation as a way to declare: the same graph as matrices, any rank, conditions, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from gradients import check_gradient
from interpreter import interpret
from oracle import FLOAT, Net, point, value
from sentences import refused
from sympy import Idx, IndexedBase, KroneckerDelta, MatrixSymbol, Ne, Piecewise, Sum, symbols

import symgrad as sg
from symgrad import graph as g
from symgrad.index_space import indicator
from symgrad.show.index_form import index_form, letters_of
from symgrad.show.text import formula
from symgrad.simplify import normalise

i, j, k, l, t, u = symbols("i j k l t u", integer=True)
D, H, C, T = symbols("D H C T", integer=True, positive=True)
SIZES = {D: 4, H: 3, C: 2, T: 5}

x, y, b = (IndexedBase(n, shape=(m,)) for n, m in (("x", D), ("y", C), ("b", H)))
W, V = IndexedBase("W", shape=(H, D)), IndexedBase("V", shape=(C, H))
Q = IndexedBase("Q", shape=(D, D))
K3 = IndexedBase("K", shape=(3, 2, 3))
X2 = IndexedBase("X", shape=(2, 8))
A4 = IndexedBase("A", shape=(2, 3, 2, 2))


# ----------------------------------------------------------------- the same graph as matrices

Wm, Vm, Qm = MatrixSymbol("W", H, D), MatrixSymbol("V", C, H), MatrixSymbol("Q", D, D)
xm, bm = MatrixSymbol("x", D, 1), MatrixSymbol("b", H, 1)
s = MatrixSymbol("s", C, 1)
c = sg.label("c", C)

SAME: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "W·x + b": (
        lambda: sg.let("z", Sum(W[j, i] * x[i], (i, 0, D - 1)) + b[j], j),
        lambda: sg.let("z", Wm * xm + bm),
    ),
    "entries of matrices": (
        lambda: sg.let("z", Sum(Wm[j, i] * xm[i, 0], (i, 0, D - 1)), j),
        lambda: sg.let("z", Wm * xm),
    ),
    "transpose": (
        lambda: sg.let("z", W[j, i], i, j),
        lambda: sg.let("z", Wm.T),
    ),
    "three factors": (
        lambda: sg.let("z", Sum(V[k, j] * W[j, i] * x[i], (i, 0, D - 1), (j, 0, H - 1)), k),
        lambda: sg.let("z", Vm * Wm * xm),
    ),
    "a sum in a sum": (
        lambda: sg.let("z", Sum(V[k, j] * Sum(W[j, i] * x[i], (i, 0, D - 1)), (j, 0, H - 1)), k),
        lambda: sg.let("z", Vm * Wm * xm),
    ),
    "outer product": (
        lambda: sg.let("z", b[j] * x[i], j, i),
        lambda: sg.let("z", bm * xm.T),
    ),
    "hadamard": (
        lambda: sg.let("z", x[i] * sp.tanh(x[i]), i),
        lambda: sg.let("z", sp.hadamard_product(xm, sg.tanh(xm))),
    ),
    "trace": (
        lambda: sg.let("z", Sum(Q[i, i], (i, 0, D - 1))),
        lambda: sg.let("z", sp.Trace(Qm)),
    ),
    "a count": (
        lambda: sg.let("z", Sum(x[0], (j, 0, D - 1)) / D),
        lambda: sg.let("z", xm[0, 0]),
    ),
    "identity": (
        lambda: sg.let("z", KroneckerDelta(i, j) * x[i], (i, 0, D - 1), (j, 0, D - 1)),
        lambda: sg.let("z", sp.DiagMatrix(xm)),
    ),
    "softmax": (
        lambda: sg.let("z", sp.exp(s[k, 0]) / Sum(sp.exp(s[l, 0]), (l, 0, C - 1)), k),
        lambda: sg.let("z", sg.softmax(s)),
    ),
    "the score of a class": (
        lambda: sg.let("z", Sum(s[k, 0] * KroneckerDelta(k, c), (k, 0, C - 1))),
        lambda: sg.let("z", s[c, 0]),
    ),
    "an Idx with a range": (
        lambda: sg.let("z", x[Idx("m", D)] ** 2, Idx("m", D)),
        lambda: sg.let("z", sp.hadamard_product(xm, xm)),
    ),
    "a range that starts at 1": (
        lambda: sg.let("z", Sum(x[i - 1], (i, 1, D))),
        lambda: sg.let("z", sg.sum(xm)),
    ),
    "indicator": (
        lambda: sg.let("z", Sum(indicator(Ne(k, c)) * s[k, 0], (k, 0, C - 1))),
        lambda: sg.let("z", sg.sum(s) - s[c, 0]),
    ),
    "cases": (
        lambda: sg.let("z", Sum(Piecewise((0, sp.Eq(k, c)), (s[k, 0], True)), (k, 0, C - 1))),
        lambda: sg.let("z", sg.sum(s) - s[c, 0]),
    ),
    "cases of three": (
        lambda: sg.let(
            "z",
            Sum(
                Piecewise((2 * x[i], i < 1), (x[i], i >= D - 1), (x[i] ** 2, True)),
                (i, 0, D - 1),
            ),
        ),
        lambda: sg.let(
            "z",
            Sum(2 * x[i] * indicator(i < 1), (i, 0, D - 1))
            + Sum(x[i] * indicator(i >= 1) * indicator(i >= D - 1), (i, 0, D - 1))
            + Sum(x[i] ** 2 * indicator(i >= 1) * indicator(i < D - 1), (i, 0, D - 1)),
        ),
    ),
}


OTHER_ORDER = ("a sum in a sum", "cases of three", "indicator", "cases")
"""Equal, by another order of operations."""


@pytest.mark.parametrize("name", SAME)
def test_same_graph_as_matrices(name: str) -> None:
    by_index, by_matrix = (make().node for make in SAME[name])
    g.validate([by_index])
    (a,), (b,) = normalise([by_index]), normalise([by_matrix])
    if name in OTHER_ORDER:
        net, leaves = Net(dims=dict(SIZES)), [x, s, c, W, V]
        for seed in range(3):
            env = point(leaves, net, seed)
            np.testing.assert_allclose(*interpret([a, b], net, env))
    else:
        assert a is b


def test_raw_declarations_print_alike() -> None:
    z = sg.let("z", Sum(W[j, i] * x[i], (i, 0, D - 1)) + b[j], j)
    assert z.node is sg.let("z", Wm * xm + bm).node
    assert z.shape == (H, 1)
    assert sg.tanh(z).node is sg.let("h", sp.tanh(z[j]), j).node.args[0]


# ------------------------------------------------------------------- values and gradients

Case = Callable[[Net], tuple[Any, list[Any], list[Any]]]
"""Loss, what to differentiate by, leaves."""


def _network(net: Net) -> tuple[Any, list[Any], list[Any]]:
    z = net.let("z1", Sum(W[j, i] * x[i], (i, 0, D - 1)) + b[j], j)
    h = net.let("h", sp.tanh(z[j]), j)
    z2 = net.let("z2", Sum(V[k, j] * h[j], (j, 0, H - 1)), k)
    p = net.let("p", sp.exp(z2[k]) / Sum(sp.exp(z2[l]), (l, 0, C - 1)), k)
    loss = net.let("L", -Sum(y[k] * sp.log(p[k]), (k, 0, C - 1)))
    return loss, [Wm, bm, Vm], [x, y, W, b, V]


def _triangle(net: Net) -> tuple[Any, list[Any], list[Any]]:
    total = Sum(Q[i, j] * x[i] * x[j], (j, 0, i), (i, 0, D - 1))
    return net.let("L", total**2), [xm, Qm], [x, Q]


def _diagonals(net: Net) -> tuple[Any, list[Any], list[Any]]:
    loss = Sum(Q[i, i] * sp.exp(-x[i]), (i, 0, D - 1)) + Sum(x[i + 1] * x[i], (i, 0, D - 2))
    return net.let("L", loss), [xm, Qm], [x, Q]


def _hinge(net: Net) -> tuple[Any, list[Any], list[Any]]:
    term = sp.exp(s[k, 0] - s[c, 0])
    loss = Sum(Piecewise((term, Ne(k, c)), (0, True)), (k, 0, C - 1))
    return net.let("L", loss), [s], [s, c]


CASES: dict[str, Case] = {
    "two layers": _network,
    "a triangular sum": _triangle,
    "a diagonal and a shift": _diagonals,
    "all but the right class": _hinge,
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", range(2))
def test_gradient(name: str, seed: int) -> None:
    net = Net(dims=dict(SIZES))
    loss, wrt, leaves = CASES[name](net)
    check_gradient(loss, wrt, net, leaves, seed)


def _forward(net: Net, symbol: Any, leaves: list[Any], seed: int = 0) -> None:
    """The graph, read literally, is what the declaration says."""
    env = point(leaves, net, seed)
    (found,) = interpret([symbol.node], net, env)
    expected = np.asarray(value(net.definitions[str(symbol)], net, env, FLOAT))
    np.testing.assert_allclose(found.reshape(-1), expected.reshape(-1), rtol=1e-12)


def test_arrays_of_any_rank() -> None:
    net = Net()
    z = net.let("z", Sum(K3[k, j, u] * X2[j, 2 * t + u], (j, 0, 1), (u, 0, 2)), k, (t, 0, 2))
    _forward(net, z, [K3, X2])
    a = net.let("a", Sum(A4[i, j, k, l] * z[j, l], (l, 0, 1)) + K3[j, i, l - l], i, j, k)
    assert a.shape == (2, 3, 2)
    assert isinstance(a, sp.IndexedBase)
    _forward(net, a, [K3, X2, A4])
    total = net.let("L", Sum(a[i, j, k] ** 2, (i, 0, 1), (j, 0, 2), (k, 0, 1)))
    _forward(net, total, [K3, X2, A4])


def test_tokens() -> None:
    tokens, E = sg.label("w", 7, T), IndexedBase("E", shape=(7, D))
    e = sg.let("e", E[tokens[t], i], t, i)
    net = Net(dims=dict(SIZES))
    env = {"w": np.array([3, 0, 6, 6, 1]), "E": np.arange(28.0).reshape(7, 4)}
    (found,) = interpret([e.node], net, env)
    np.testing.assert_array_equal(found, env["E"][env["w"]])
    same = sg.let("s", Sum(KroneckerDelta(tokens[t], k) * E[k, i], (k, 0, 6)), t, i)
    (found,) = interpret([same.node], net, env)
    np.testing.assert_array_equal(found, env["E"][env["w"]])


def test_a_leaf_has_one_node_however_it_is_declared() -> None:
    assert sg.let("a", sg.sum(W)).node is sg.let("a", sg.sum(Wm)).node
    assert sg.gradient(sg.let("L", Sum(x[i] ** 2, (i, 0, D - 1))), x).wrt == (xm,)


A = MatrixSymbol("A", 4, 6)
SLICES: dict[str, tuple[Any, Any]] = {
    "rows": (A[1:3, :], np.s_[1:3, :]),
    "every other column": (A[:, 0:6:2], np.s_[:, ::2]),
    "part of a row": (A[2:3, 1:5], np.s_[2:3, 1:5]),
    "part of a column": (A[1:4, 3:4], np.s_[1:4, 3:4]),
    "one entry": (A[1:2, 3:4], np.s_[1:2, 3:4]),
    "everything": (A[0:4, 0:6], np.s_[:, :]),
}


@pytest.mark.parametrize("name", SLICES)
def test_slices(name: str) -> None:
    expr, where = SLICES[name]
    given = np.arange(24.0).reshape(4, 6)
    node = sg.let("a", expr).node
    (found,) = interpret([node], Net(), {"A": given})
    np.testing.assert_array_equal(found.reshape(given[where].shape), given[where])
    (gradient,) = interpret(sg.gradient(sg.sum(sg.exp(expr / 9)), A).roots, Net(), {"A": given})
    expected = np.zeros((4, 6))
    expected[where] = np.exp(given[where] / 9) / 9
    np.testing.assert_allclose(gradient, expected)


# -------------------------------------------------------------------------------- as text

z_ = sg.let("z", Sum(K3[k, j, u] * X2[j, 2 * t + u], (j, 0, 1), (u, 0, 2)), k, (t, 0, 2))

SHOWN: dict[str, tuple[Any, str]] = {
    "a window": (z_.node.args[0], "Σ_lm K[j, l, m]·X[l, 2·k + m]"),
    "a class": (sg.let("q", s[c, 0] ** 2).node.args[0], "s[c]²"),
    "a condition": (
        sg.let("q", Sum(Q[i, j] * indicator(j <= i), (j, 0, D - 1)), i).node.args[0],
        "Σ_j Q[i, j]·1[i ≥ j]",
    ),
    "matrices": (sg.let("q", Vm * Wm * xm).node.args[0], "Σ_jk V[i, j]·W[j, k]·x[k]"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_text(name: str) -> None:
    node, expected = SHOWN[name]
    letters = letters_of([node])
    entry = index_form(node, letters.indices(node.shape), letters)
    assert formula(entry) == expected


def test_a_derivation_in_either_form() -> None:
    loss = _network(Net())[0]
    d = sg.gradient(loss, [Wm, bm])
    lines = [step.text for step in d.lines("index")]
    assert lines[0] == "z1[j] = Σ_i W[j, i]·x[i] + b[j]"
    assert "∂L/∂W[j, i] = δ1[j]·x[i]" in lines
    assert "∂L/∂b[j] = δ1[j]" in lines
    assert [s.text for s in d.lines("matrix")] == [s.text for s in d.steps]
    assert d.text("index").splitlines()[1].startswith("  z1[j] = ")
    with pytest.raises(sg.UnsupportedError, match="'tensor'"):
        d.lines("tensor")


# ------------------------------------------------------------------------------- mistakes

n = symbols("n", integer=True)

BAD: dict[str, tuple[Callable[[], Any], type[Exception], tuple[str, ...]]] = {
    "two ranges for one index": (
        lambda: sg.let("z", W[j, i] * b[i], i, j), sg.ShapeError,
        ("i", "D", "H", "W[j, i]", "b[i]"),
    ),
    "a sum over too much": (
        lambda: sg.let("z", Sum(X2[0, i], (i, 0, 8))), sg.ShapeError,
        ("range of i", "X[0, i]", "0 to 8", "0 to 7"),
    ),
    "a sum over another dimension": (
        lambda: sg.let("z", Sum(W[j, i] * x[i], (i, 0, H - 1)), j), sg.ShapeError,
        ("range of i", "H - 1", "D - 1"),
    ),
    "a window that leaves the array": (
        lambda: sg.let("z", X2[0, 2 * t + 3], (t, 0, 3)), sg.ShapeError,
        ("2*t + 3", "3 to 9", "0 to 7"),
    ),
    "a window before the array": (
        lambda: sg.let("z", X2[0, t - 1], (t, 0, 3)), sg.ShapeError, ("t - 1", "-1 to 2"),
    ),
    "a free index": (
        lambda: sg.let("L", x[i] ** 2), sg.DeclarationError, ("index i is free", "Sum", "sg.let"),
    ),
    "a free index in a sum": (
        lambda: sg.let("L", Sum(W[j, i] * x[i], (i, 0, D - 1))), sg.DeclarationError,
        ("index j is free",),
    ),
    "an empty sum": (
        lambda: sg.let("L", Sum(x[i], (i, 3, 2))), sg.ShapeError, ("3 to 2", "empty"),
    ),
    "an index twice": (
        lambda: sg.let("L", Sum(x[i], (i, 0, D - 1), (i, 0, D - 1))), sg.DeclarationError,
        ("summed over twice",),
    ),
    "an index as a number": (
        lambda: sg.let("L", Sum(i * x[i], (i, 0, D - 1))), sg.UnsupportedError,
        ("index i is used as a number",),
    ),
    "a product of indices": (
        lambda: sg.let("L", Sum(x[i * j], (i, 0, 1), (j, 0, 1))), sg.UnsupportedError, ("i*j",),
    ),
    "an array without indices": (
        lambda: sg.let("L", K3 + 1), sg.ShapeError, ("K", "3×2×3", "K[i, j, k]"),
    ),
    "an array without a shape": (
        lambda: sg.let("L", IndexedBase("A")[0]), sg.DeclarationError, ("A has no shape",),
    ),
    "a position that is no integer": (
        lambda: sg.let("L", x[sp.Symbol("q", real=True)]), sg.DeclarationError, ("q",),
    ),
    "the wrong number of indices": (
        lambda: sg.let("a", K3[i, j, k], i, j, k)[0, 1], sg.ShapeError, ("a", "3 axes", "[0, 1]"),
    ),
    "a range of an index unknown": (
        lambda: sg.let("z", x[i + j], i, j), sg.DeclarationError, ("range of the index i",),
    ),
    "a range that starts at 1 in let": (
        lambda: sg.let("z", x[i], (i, 1, D)), sg.DeclarationError, ("count from 0",),
    ),
    "an index twice in let": (
        lambda: sg.let("z", x[i], i, i), sg.DeclarationError, ("index i was given twice",),
    ),
    "an index that is text": (
        lambda: sg.let("z", x[i], "i"), sg.DeclarationError, ("the index i was given",),
    ),
    "entries that are an array": (
        lambda: sg.let("z", Wm * xm, i), sg.ShapeError, ("entry of z", "array"),
    ),
    "a label of other classes": (
        lambda: sg.let("L", x[c]), sg.ShapeError, ("label c", "C classes", "D"),
    ),
    "a label of other classes in a condition": (
        lambda: sg.let("L", Sum(x[i] * KroneckerDelta(i, c), (i, 0, D - 1))), sg.ShapeError,
        ("index i", "D entries", "C classes"),
    ),
    "an entry outside": (
        lambda: sg.let("L", X2[0, 8]), sg.ShapeError, ("X[0, 8]", "outside", "2×8"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_one_sentence(name: str) -> None:
    declare, error, words = BAD[name]
    refused(declare, words, error)


@pytest.mark.parametrize("target", ["numpy", pytest.param("numba", marks=pytest.mark.slow)])
def test_conditions_on_dimensions_alone(target: str) -> None:
    model = sg.parse(
        "y: vector(C)\nz: vector(H)\n"
        "L = sum(y) + sum(z) + 1[C >= 3] + 10 1[C = 2] + 100 1[C > H] + 1000 1[2 C <= H]\n"
    )
    compute = sg.function([model.y, model.z], model.L, target=target)
    for c, h in ((2, 2), (3, 2), (3, 7), (1, 1)):
        expected = (c >= 3) + 10 * (c == 2) + 100 * (c > h) + 1000 * (2 * c <= h)
        assert compute(np.zeros(c), np.zeros(h)) == expected, (c, h)
