"""LaTeX of derivations: the signs of a lecture, and nothing that pdflatex refuses."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp
from networks import NETWORKS
from sympy import IndexedBase, KroneckerDelta, MatrixSymbol, Sum, Symbol, symbols

import symgrad as sg
from symgrad.index_space import indicator
from symgrad.show.latex import latex, shape_latex
from symgrad.show.widths import signs
from symgrad.vocabulary import xlogx

i, j, k, c = symbols("i j k c", integer=True)
n = Symbol("n", integer=True, positive=True)
s, t = Symbol("s", real=True), Symbol("t", real=True)
A, B = MatrixSymbol("A", 3, 2), MatrixSymbol("B", 3, 2)
W, x, z1 = IndexedBase("W"), IndexedBase("x"), IndexedBase("z1")
u = sp.Function("u")

SHOWN: dict[str, tuple[Callable[[], Any], str]] = {
    "a sum": (lambda: Sum(W[j, i] * x[i], (i, 0, n - 1)), r"\sum_{i} W_{j i} x_{i}"),
    "a sum of sums": (
        lambda: Sum(W[j, i] + x[i], (i, 0, n - 1)),
        r"\sum_{i} (W_{j i} + x_{i})",
    ),
    "a name with a number": (lambda: z1[i], "z_{1, i}"),
    "j = c": (lambda: KroneckerDelta(j, c), r"\mathbf{1}[c = j]"),
    "j ≠ c": (lambda: 1 - KroneckerDelta(j, c), r"\mathbf{1}[c \neq j]"),
    "i ≥ j": (lambda: indicator(sp.Ge(i - j, 0)), r"\mathbf{1}[i \geq j]"),
    "norm": (lambda: sg.norm(A), r"\lVert A \rVert"),
    "squared norm": (lambda: sg.dot(A, A), r"\lVert A \rVert^2"),
    "inner product of matrices": (
        lambda: sg.dot(A, B), r"\operatorname{sum}(A \odot B)",
    ),
    "t log t": (lambda: A.applyfunc(sp.Lambda(t, xlogx(t))), r"A \odot \log(A)"),
    "t log t, scaled": (lambda: -2 * A.applyfunc(sp.Lambda(t, xlogx(t))), r"-2 (A \odot \log(A))"),
    "a map in a product": (
        lambda: A.T * A.applyfunc(sp.Lambda(t, t + 1)), r"A^\top (A + 1)"
    ),
    "softmax of rows": (
        lambda: sg.softmax(A, rows=True), r"\operatorname{softmax}_{\mathrm{rows}}(A)"
    ),
    "largest of rows": (lambda: sg.max(A, rows=True), r"\max_{\mathrm{rows}}(A)"),
    "u′": (lambda: sp.Function("u′")(t), r"u'(t)"),
    "δ2′": (lambda: Symbol("δ2′"), r"\delta_{2}'"),
    "z̄2": (lambda: Symbol("z̄2"), r"\bar{z}_{2}"),
    "∂L/∂y·∂y/∂c": (
        lambda: Symbol("∂L/∂y·∂y/∂c"),
        r"\frac{\partial L}{\partial y} \, \frac{\partial y}{\partial c}",
    ),
    "∂L/∂(‖c‖²)·∂(‖c‖²)/∂c": (
        lambda: Symbol("∂L/∂(‖c‖²)·∂(‖c‖²)/∂c"),
        r"\frac{\partial L}{\partial (\Vert c\Vert ^{2})} \, "
        r"\frac{\partial (\Vert c\Vert ^{2})}{\partial c}",
    ),
    "∂L/∂z2": (lambda: Symbol("∂L/∂z2"), r"\frac{\partial L}{\partial z_{2}}"),
}  # fmt: skip
"""what it is → an expression and its LaTeX."""


@pytest.mark.parametrize("name", SHOWN)
def test_formula(name: str) -> None:
    declare, text = SHOWN[name]
    assert latex(declare()) == text


def convolution() -> Any:
    """A convolution over two channels, whose kernel has three axes."""
    K = IndexedBase("K1", shape=(2, 2, 3))
    X = MatrixSymbol("X", 2, 8)
    return sg.gradient(sg.dot(sg.conv1d(X, K), sg.conv1d(X, K)) / 2, [K, X])


def norm() -> Any:
    return sg.gradient(sg.norm(A), A)


def unknown() -> Any:
    return sg.gradient(u(s) * sp.tanh(s), s)


def network(name: str) -> Callable[[], Any]:
    def declared() -> Any:
        made = NETWORKS[name]()
        return sg.gradient(made.loss, made.wrt)

    return declared


DERIVATIONS: dict[str, Callable[[], Any]] = {
    "convolution": convolution, "norm": norm, "unknown function": unknown,
    **{name: network(name) for name in ("classifier", "classifier, label", "attention", "A5")},
}  # fmt: skip


@pytest.mark.parametrize("name", DERIVATIONS)
@pytest.mark.parametrize(
    ("form", "notation"),
    [("matrix", "delta"), ("index", "delta"), ("index", "bar"), ("matrix", "partial")],
)
def test_pdflatex_takes_it(name: str, form: str, notation: str) -> None:
    """ASCII only, each brace and bracket closed, no base with two subscripts."""
    text = DERIVATIONS[name]().latex(form=form, notation=notation)
    assert text.isascii(), [x for x in text if not x.isascii()]
    assert text.replace(r"\{", "").count("{") == text.replace(r"\}", "").count("}")
    assert text.count(r"\left") == text.count(r"\right")
    assert not re.search(r"_(\w|\{[^{}]*\})_", text), text
    assert not re.search(r"operatorname\{[a-zA-Z0-9]*[^a-zA-Z0-9}]", text.replace(r"\_", "")), text


def test_a_norm_is_one_in_its_gradient() -> None:
    text = norm().latex()
    assert r"\lVert A \rVert" in text
    assert r"\sqrt" not in text


def test_index_form() -> None:
    made = NETWORKS["classifier"]()
    text = sg.gradient(made.loss, made.wrt).latex(form="index")
    assert r"z_{1, j} &= \sum_{i} W_{1, j i} x_{i} + b_{1, j}" in text


def test_a_vector_has_one_size_and_no_parentheses() -> None:
    assert shape_latex((n + 1,)) == "n + 1"
    assert shape_latex((n + 1, n)) == r"(n + 1) \times n"


def test_sparsemax_of_every_example() -> None:
    W, x, y = MatrixSymbol("W", 3, 2), MatrixSymbol("x", 2, 1), sg.simplex("y", 3)
    loss = sg.let("L", sg.sparsemax_loss(sg.let("s", W * x), y))
    text = sg.gradient(sg.let("R", sg.empirical_risk(loss, [x, y])), [W]).latex()
    assert re.search(r"\\Omega\^\{\\ast\}_\{(\w)\}\(s_\{j \1\}\)", text)
    assert re.search(r"\\tau_\{(\w)\}\(s_\{j \1\}\)", text)


LAYER_NORM = """
x: vector(D); t: vector(C)
W1: matrix(H, D); b1: vector(H); g: vector(H); s: vector(H); W2: matrix(C, H)
z = W1 x + b1
u = layer_norm(z, g, s)
h = tanh(u)
y = W2 h
L = sum((y - t)^2)/2
params W1, b1, g, s, W2
"""
"""The names h, s, t, g and u are letters that laws are stated in."""


def test_the_lines_of_a_block_fit_a_page_and_are_read_again() -> None:
    m = sg.parse(LAYER_NORM)
    text = sg.gradient(m.loss, m.params).latex()
    lines = [x for x in text.split("\n") if "&" in x]
    assert max(signs(x.partition(r"\text{")[0]) for x in lines) <= 60
    assert any(x.startswith(r"  &\quad") for x in lines)
    report = str(sg.verify_steps(text, m.loss))
    assert "wrong" not in report
    assert "not readable" not in report


def test_laws_are_stated_in_letters_that_stand_for_nothing_else() -> None:
    m = sg.parse(LAYER_NORM)
    text = str(sg.gradient(m.loss, m.params))
    assert "k = 1/sqrt(v/H + 1/100000), k′ = −k³/(2·H)" in text


def test_a_quotient_by_entries_is_one_fraction() -> None:
    m = sg.parse("x: vector(D); a: vector(D)\nL = sum(a / sqrt(x))\nparams x")
    d = sg.gradient(m.loss, m.params)
    assert r"-\frac{a}{2 x^{\circ \frac{3}{2}}}" in d.latex()
    assert r"\operatorname{sum}\left( \frac{a}{\sqrt{x}} \right)" in d.latex()
    assert "Every line is right" in str(sg.verify_steps(d.latex(), m.loss))
