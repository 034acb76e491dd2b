"""What is drawn: one node for each operation that a reader sees, or for each named value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import networks
import pytest
import sympy as sp
from sympy import IndexedBase, MatrixSymbol, Rational, Sum, exp, log, symbols

import symgrad as sg
from symgrad.pictures.drawn import OPERATIONS, VALUES, Diagram, diagram
from symgrad.subject import Subject

a, b, t, w, x, y = symbols("a b t w x y", real=True)
w1, w2 = symbols("w1 w2", real=True)
D, C = symbols("D C", integer=True, positive=True)
u, v = MatrixSymbol("u", D, 1), MatrixSymbol("v", D, 1)
A, B = MatrixSymbol("A", D, D), MatrixSymbol("B", D, D)


def drawn(loss: Any, detail: str | None = None) -> Diagram:
    return diagram(Subject(loss, [], kind="value").root, detail)


def equations(loss: Any, detail: str | None = None) -> list[str]:
    return [n.equation for n in drawn(loss, detail).nodes if not n.is_leaf]


OF_A1 = ["a = w1³", "b = a·w2", "c = 3·w1"]


def test_the_first_exercise_with_and_without_names() -> None:
    assert equations(networks.a1().loss) == [*OF_A1, "g = b + c"]
    assert equations(w1**3 * w2 + 3 * w1) == [*OF_A1, "f = b + c"]
    assert equations(sg.let("g", w1**3 * w2 + 3 * w1)) == [*OF_A1, "g = b + c"]


def test_letters_are_free_ones() -> None:
    found = equations(sg.let("c", a**3 * w2 + 3 * a))
    assert found == ["b = a³", "d = b·w2", "f = 3·a", "c = d + f"]
    h1 = sg.let("h1", a * x)
    names = [n.name for n in drawn(h1**2 * b * y + log(h1) * w, OPERATIONS).nodes]
    assert "h" not in names  # beside h1 it would mislead
    assert len(set(names)) == len(names)


def logistic() -> Any:
    i = symbols("i", integer=True)
    weights, inputs = IndexedBase("w", shape=(D,)), IndexedBase("x", shape=(D,))
    return sg.let("o", sg.sigmoid(w1 + Sum(weights[i] * inputs[i], (i, 0, D - 1))))


OPERATION_ROWS: dict[str, tuple[Callable[[], Any], list[str]]] = {
    "the difference is squared, and halved": (
        lambda: sg.let("L", (sg.sigmoid(w * x + b) - t) ** 2 / 2),
        ["a = w·x", "c = a + b", "d = σ(c)", "f = d − t", "L = f²/2"],
    ),
    "a weight is a node, a sign is none": (
        lambda: sg.let("L", 2 * w - x),
        ["a = 2·w", "L = a − x"],
    ),
    "a quotient": (lambda: sg.let("L", x / (y + 1)), ["a = y + 1", "L = x/a"]),
    "a reciprocal alone": (lambda: sg.let("L", 1 / (x + y)), ["a = x + y", "L = 1/a"]),
    "a sign inside a function": (lambda: sg.let("L", exp(-x)), ["L = exp(−x)"]),
    "softmax and its logarithm": (
        lambda: sg.let("L", sg.dot(u, sg.softmax(v))),
        ["a = softmax(v)", "L = uᵀ·a"],
    ),
    "sparsemax": (
        lambda: sg.let("L", sg.dot(u, sg.sparsemax(v))),
        ["a = sparsemax(v)", "L = uᵀ·a"],
    ),
    "log-sum-exp": (lambda: sg.let("L", sg.logsumexp(A * u)), ["a = A·u", "L = logsumexp(a)"]),
    "a sum of entries by index is a product of vectors": (
        logistic,
        ["a = wᵀ·x", "b = a + w1", "o = σ(b)"],
    ),
    "transposes are no nodes": (
        lambda: sg.let("L", sg.trace(A.T * B)),
        ["a = Aᵀ·B", "L = tr(a)"],
    ),
    "a matrix of powers": (
        lambda: sg.let("L", sg.sum(sg.tanh(u)) * Rational(1, 3)),
        ["a = tanh(u)", "L = sum(a)/3"],
    ),
}


@pytest.mark.parametrize("name", OPERATION_ROWS)
def test_one_visible_operation_a_node(name: str) -> None:
    make, expected = OPERATION_ROWS[name]
    assert equations(make(), OPERATIONS) == expected


def test_a_network_is_drawn_by_its_named_values() -> None:
    found = drawn(networks.classifier().loss)
    assert found.detail == VALUES
    assert [n.equation for n in found.nodes] == [
        "W1", "x", "b1", "W2", "b2", "y",
        "z1 = W1·x + b1", "h = tanh(z1)", "z2 = W2·h + b2", "p = softmax(z2)", "L = −yᵀ log(p)",
    ]  # fmt: skip
    operands = {n.name: [o.name for o in n.operands] for n in found.nodes}
    assert operands["z2"] == ["W2", "h", "b2"]  # in the order of the formula
    assert operands["L"] == ["y", "p"]


def test_the_level_of_detail_follows_the_loss() -> None:
    assert drawn(networks.a5().loss).detail == OPERATIONS
    assert drawn(networks.unnamed_classifier().loss).detail == OPERATIONS
    many = sg.let("s", x)
    for k in range(40):
        many = sp.sin(many) * y + k
    assert drawn(many).detail == VALUES


def test_no_formula_on_a_card_has_indices() -> None:
    image, kernel = IndexedBase("x", shape=(1, 9)), IndexedBase("k", shape=(2, 1, 3))
    y = sg.let("y", sg.conv1d(image, kernel))
    m = sg.let("m", sg.max_pool1d(sg.relu(y), 2))
    for detail in (VALUES, OPERATIONS):
        found = drawn(sg.let("L", sg.sum(m)), detail)
        texts = {n.name: n for n in found.nodes}
        assert texts["y"].formula == "f(k, x)"
        assert "Σ" in texts["y"].long_formula
        assert not any(c in n.formula for n in found.nodes for c in "[Σ")


def test_the_formula_of_a_named_value_is_drawn_by_its_name() -> None:
    h = sg.let("h", sp.tanh(x))
    loss = sg.let("L", h * y + sp.tanh(x) ** 2)
    assert equations(loss) == ["h = tanh(x)", "a = h²", "b = h·y", "L = a + b"]
    root = Subject(loss, [h]).root
    apart = diagram(root, None, Subject(loss, [h]).targets)  # h varies by itself
    assert [n.equation for n in apart.nodes if not n.is_leaf] == [
        "h = tanh(x)", "a = h·y", "b = tanh²(x)", "L = a + b",
    ]  # fmt: skip


def test_two_names_of_one_value_are_two_nodes() -> None:
    h, k = sg.let("h", sp.tanh(x)), sg.let("k", sp.tanh(x))
    assert equations(sg.let("L", h * k)) == ["h = tanh(x)", "k = tanh(x)", "L = h·k"]


def test_another_detail_is_refused() -> None:
    with pytest.raises(sg.UnsupportedError, match='"values" or "operations"'):
        drawn(x * y, "everything")


def test_a_loss_that_is_a_leaf() -> None:
    assert equations(sg.let("L", x)) == ["L = x"]
