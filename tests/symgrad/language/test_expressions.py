"""What can be typed, beside what it means in SymPy: both are one node of the graph."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp
from sympy import MatrixSymbol, Max, Min, Ne, Piecewise, Sum, exp, hadamard_product, log, symbols

import symgrad as sg

C, D, H, n = symbols("C D H n", integer=True, positive=True)
i, j, k = symbols("i j k", integer=True)
a, b = symbols("a b", real=True)
x, u = MatrixSymbol("x", D, 1), MatrixSymbol("u", D, 1)
h, r = MatrixSymbol("h", H, 1), MatrixSymbol("r", 1, D)
W, B = MatrixSymbol("W", H, D), MatrixSymbol("B", H, D)
A = MatrixSymbol("A", n, n)
c = sg.label("c", D)
t = sg.label("t", D, 7)
T = sp.IndexedBase("T", shape=(2, 3, D))

DECLARED = """
x, u: vector(D)
h: vector(H);  r: row(D)
W, B: matrix(H, D)
A: matrix(n, n)
T: array(2, 3, D)
a, b: scalar
c: label(D);  t: label(D, 7)
"""

over_d = (j, 0, D - 1)
ROWS: dict[str, Any] = {
    # products
    "W x": W * x, "W*x": W * x, "W@x": W * x, "W·x": W * x, "W ⋅ x": W * x,
    "W(x + u)": W * (x + u), "a x": a * x, "a*x": a * x, "x a": a * x, "2 x": 2 * x, "2x": 2 * x,
    "0.5x": x / 2, "1e-3 x": x / 1000, "-x": -x, "- -x": x, "+x": x, "a b": a * b, "a * -b": -a * b,
    "x' u": sg.dot(x, u), "x^T u": sg.dot(x, u), "xᵀ u": sg.dot(x, u), "x.T u": sg.dot(x, u),
    "x^{T} u": sg.dot(x, u),
    "x · u": sg.dot(x, u), "x @ u": sg.dot(x, u), "dot(x, u)": sg.dot(x, u),
    "h' W x": sg.dot(h, W * x), "x' u + a": sg.dot(x, u) + a,
    "x u'": x * u.T, "x ⊗ u": x * u.T, "x ⊗ u'": x * u.T, "a ⊗ x": a * x, "r x": sg.dot(x, r.T),
    "x * u": hadamard_product(x, u), "x ⊙ u": hadamard_product(x, u), "x∘u": hadamard_product(x, u),
    "x .* u": hadamard_product(x, u), "W ⊙ B": hadamard_product(W, B), "A A": A * A, "A*A": A * A,
    "h ⊙ W x": hadamard_product(h, W * x), "h * W x": hadamard_product(h, W * x),
    "a x ⊙ u": hadamard_product(a * x, u), "(W x)'": (W * x).T, "x' W'": (W * x).T,
    # quotients
    "x/2": x / 2, "x / a": x / a, "1/2 a": a / 2, "1/2 x": x / 2,
    "b/2 ‖x‖^2": b / 2 * sg.norm(x) ** 2, "1/2‖x‖": sg.norm(x) / 2,
    "1/2(a + b)": (a + b) / 2, "a/b": a / b, "a b/2": a * b / 2,
    "x / u": hadamard_product(x, sp.HadamardPower(u, -1)), "1/x": sp.HadamardPower(x, -1),
    "W ./ B": hadamard_product(W, sp.HadamardPower(B, -1)),
    "1/(1 + exp(-x))": sp.HadamardPower(sp.OneMatrix(D, 1) + sg.exp(-x), -1),
    "1 / (1 + e^(-a))": 1 / (1 + exp(-a)),
    # sums
    "x + u": x + u, "x - u": x - u, "1 - x": sp.OneMatrix(D, 1) - x,
    "x + a": x + a * sp.OneMatrix(D, 1),
    "a - b - 1": a - b - 1, "a − b": a - b,
    # powers
    "a^2": a**2, "a**2": a**2, "a²": a**2, "a^-1": 1 / a, "a⁻¹": 1 / a, "a^b": a**b, "2^a": 2**a,
    "a^2^3": a**8, "-a^2": -(a**2), "e^a": exp(a), "e^-a": exp(-a), "e^{-a}": exp(-a),
    "e^x": sg.exp(x), "2^x": sg.exp(sp.log(2) * x),
    "x^2": sp.HadamardPower(x, 2), "W .^ 2": sp.HadamardPower(W, 2),
    "A^2": A**2, "A^-1": A**-1, "π a": sp.pi * a, "pi a": sp.pi * a,
    "log(2 pi b^2)": log(2 * sp.pi * b**2), "T_{1, 2, 0}": T[1, 2, 0],
    # norms
    "‖x‖": sg.norm(x), "||x||^2": sg.norm(x) ** 2, "1/2 ‖x - u‖²": sg.norm(x - u) ** 2 / 2,
    "‖x‖_1": sg.norm(x, 1), "||x||_∞": sg.norm(x, sp.oo), "norm(x, inf)": sg.norm(x, sp.oo),
    "‖x‖₁": sg.norm(x, 1), "∥x∥₂²": sg.norm(x) ** 2, "(x - u)'(x - u)": sg.dot(x - u, x - u),
    "max{0, a}": Max(0, a), "‖W‖_F": sg.norm(W),
    "‖x‖ ‖u‖": sg.norm(x) * sg.norm(u), "|a|": sg.abs(a), "|x|": sg.abs(x),
    "|a| |b| + |a - |b||": abs(a) * abs(b) + abs(a - abs(b)),
    # functions
    "σ(x)": sg.sigmoid(x), "sigma(x)": sg.sigmoid(x), "log a": log(a), "ln(a)": log(a),
    "sin²(a)": sp.sin(a) ** 2, "sin(a)^2": sp.sin(a) ** 2, "tanh(x)'": sg.tanh(x).T,
    "a(1 - a)^2": a * (1 - a) ** 2, "a log(b)": a * log(b), "exp ‖x‖": exp(sg.norm(x)),
    "max(x)": sg.max(x), "max(0, x)": sg.relu(x), "max(x, u)": sg.maximum(x, u),
    "min(0, x)": -sg.relu(-x), "max(0, a)": Max(0, a), "max(0.1 a, a)": Max(a / 10, a),
    "min(a, b)": Min(a, b), "max(x, 1, u)": sg.maximum(sg.maximum(x, 1), u),
    "mean(x)": sg.sum(x) / D, "mean(a)": a,
    "where(a > 0, a, b)": Piecewise((a, a > 0), (b, True)),
    # sums over indices
    "sum(x)": sg.sum(x), "Σ x * u": sg.sum(hadamard_product(x, u)), "-Σ x": -sg.sum(x),
    "sum_j x[j] u[j]": Sum(x[j, 0] * u[j, 0], over_d), "Σ_j x[j]": Sum(x[j, 0], over_d),
    "Σ_{j} x[j] + a": Sum(x[j, 0], over_d) + a, "2 Σ_j x[j]": 2 * Sum(x[j, 0], over_d),
    "-Σ_j log x[j]": -Sum(log(x[j, 0]), over_d),
    "log Σ_j e^x[j]": log(Sum(exp(x[j, 0]), over_d)),
    "Σ_ij W[i, j]": Sum(W[i, j], (i, 0, H - 1), over_d),
    "Σ_{i, j} W[i, j]": Sum(W[i, j], (i, 0, H - 1), over_d),
    "Σ_i h[i] Σ_j W[i, j] x[j]": Sum(h[i, 0] * Sum(W[i, j] * x[j, 0], over_d), (i, 0, H - 1)),
    "Σ_{j=0}^{D-1} x[j]": Sum(x[j, 0], over_d),
    "Σ_{j=1}^{2} T[0, j, 3]": Sum(T[0, j, 3], (j, 1, 2)),
    "Σ_{j≠c} max(0, x[j] - x[c] + 1)": Sum(
        Piecewise((Max(0, x[j, 0] - x[c, 0] + 1), Ne(j, c)), (0, True)), over_d
    ),
    "Σ_j 1[j = c] x[j]": Sum(sp.KroneckerDelta(j, c) * x[j, 0], over_d),
    "sum_(i > j) A[i, j]": None,
    # entries
    "x[0]": x[0, 0], "x[c]": x[c, 0], "W[1, c]": W[1, c], "r[2]": r[0, 2], "x[D - 1]": x[D - 1, 0],
    "Σ_{k} x[t[k]]": Sum(x[t[k, 0], 0], (k, 0, 6)),
    # indicators
    "1[x > 0]": sg.step(x), "1[a < b]": sg.step(b - a), "1[a ≥ 0]": 1 - sg.step(-a),
    "1[x > u] * x": hadamard_product(sg.step(x - u), x),
}  # fmt: skip
del ROWS["sum_(i > j) A[i, j]"]


def value(text: str) -> Any:
    return sg.parse(f"{DECLARED}\nL = {text}").loss


@pytest.mark.parametrize("text", ROWS)
def test_one_node(text: str) -> None:
    found, meant = value(text), sg.let("L", ROWS[text])
    assert found.node is meant.node, sg.graph_text(found)
    assert getattr(found, "shape", ()) == getattr(meant, "shape", ())


def test_a_condition_between_two_indices() -> None:
    """The sum over i for every j, with the condition i > j."""
    text = f"{DECLARED}\ns[j] = Σ_{{i > j}} A[i, j]"
    meant = sg.let("s", Sum(Piecewise((A[i, j], i > j), (0, True)), (i, 0, n - 1)), j)
    assert sg.parse(text).loss.node is meant.node


BY_ENTRIES: dict[str, Any] = {
    "z[k] = Σ_j W[k, j] x[j] + h[k]": lambda: sg.let(
        "z", Sum(W[k, j] * x[j, 0], over_d) + h[k, 0], k
    ),
    "z[k] = tanh(h[k])": lambda: sg.let("z", sp.tanh(h[k, 0]), k),
    "z[i, j] = W[i, j] x[j]": lambda: sg.let("z", W[i, j] * x[j, 0], i, j),
    "z[i, j, k] = T[i, j, k]^2": lambda: sg.let("z", T[i, j, k] ** 2, i, j, k),
    "z[j] = e^x[j] / Σ_k e^x[k]": lambda: sg.let(
        "z", exp(x[j, 0]) / Sum(exp(x[k, 0]), (k, 0, D - 1)), j
    ),
}


@pytest.mark.parametrize("text", BY_ENTRIES)
def test_defined_by_entries(text: str) -> None:
    assert sg.parse(f"{DECLARED}\n{text}").loss.node is BY_ENTRIES[text]().node


def test_where_of_arrays() -> None:
    """Entry by entry; the numbers are those of the cases."""
    import numpy as np

    model = sg.parse("x, u: vector(3)\nv = where(x > u, x, 0.5 u)")
    at = np.array([1.0, -2.0, 3.0]), np.array([0.5, 1.0, 3.0])
    found = sg.function([model.x, model.u], model.loss)(*at)
    np.testing.assert_allclose(found, [1.0, 0.5, 1.5])


def test_a_one_by_one_matrix_is_a_scalar() -> None:
    model = sg.parse("w: vector(1)\nW: matrix(2, 1)\nb: scalar\nz = W w\ny = w + b\nL = Σ z + y")
    assert model.z.shape == (2, 1)
    assert model.y.is_Symbol and not hasattr(model.y, "shape")
    scaled = sg.parse("w: vector(1)\nW: matrix(2, 3)\nz = w W\ny = W w").z
    assert scaled.shape == (2, 3)


def test_an_unknown_function() -> None:
    """σ that nothing is said about: (σ(wx + b) − t)·σ′(wx + b)·x."""
    model = sg.parse("w, x, b, t: scalar\ns: function\nL = 1/2 (s(w x + b) - t)^2")
    d = sg.gradient(model.loss, model.w)
    found = sg.formula(d.closed_form(model.w))
    factors = ("x", "(s(w·x + b) − t)", "s′(w·x + b)")
    assert sorted(found) == sorted("·".join(factors))
    assert all(x in found for x in factors)


def test_lines_go_on() -> None:
    """Inside brackets, after an operator and before one; a remark may stand anywhere."""
    text = "a, b: scalar  # two\nL = (a\n  + b)  # the sum\n  * a\n\n  - b +\n  1\n; m = 2 L"
    model = sg.parse(text)
    assert model["L"].node is sg.let("L", (a + b) * a - b + 1).node
    assert list(model) == ["a", "b", "L", "m"]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("alpha", "α"), ("theta1", "θ1"), ("theta_1", "θ_1"), ("Delta", "Δ"), ("W₁", "W1"),
        ("z_{1}", "z_1"), ("y\u0302", "ŷ"), ("h′", "h′"), ("alphabet", "alphabet"), ("Ω", "Ω"),
    ],
)  # fmt: skip
def test_spellings_of_a_name(typed: str, name: str) -> None:
    model = sg.parse(f"{typed}: scalar\nL = 2 {typed}")
    assert list(model) == [name, "L"]
    assert model[typed] is model[name]
    assert typed in model
