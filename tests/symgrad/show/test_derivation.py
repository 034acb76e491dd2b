"""Printed derivations: golden files that were read once, and DESIGN's listing word for word."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sympy as sp
from networks import NETWORKS, C, D, H, classifier
from sympy import MatrixSymbol, Symbol

import symgrad as sg

PRINTED = {
    "design": "classifier",
    "without_the_fact": "classifier, plain target",
    "label": "classifier, label",
    "regression": "regression",
    "residual": "residual",
    "shared_weights": "shared weights",
    "attention": "attention",
    "a1": "A1",
    "a3": "A3",
    "a4": "A4",
    "a5": "A5",
    "a7": "A7",
}
"""golden file → the network that it shows."""


@pytest.mark.parametrize("name", PRINTED)
def test_printed(name: str, golden: Callable[..., None]) -> None:
    network = NETWORKS[PRINTED[name]]()
    golden(f"{sg.gradient(network.loss, network.wrt)}\n")


DESIGN = """
forward                              shape
  z1 = W1·x + b1                     H
  h  = tanh(z1)                      H
  z2 = W2·h + b2                     C
  p  = softmax(z2)                   C
  L  = −yᵀ log(p)                    scalar

backward                                                 because
  δ2 = ∂L/∂z2 = p − y                     C              cross-entropy of softmax, Σ y = 1
  ∂L/∂W2 = δ2·hᵀ                          C×H            z2 = W2·h + b2
  ∂L/∂b2 = δ2                             C
  δ1 = ∂L/∂z1 = (W2ᵀ·δ2) ⊙ (1 − h ⊙ h)    H              tanh′ = 1 − tanh²
  ∂L/∂W1 = δ1·xᵀ                          H×D            z1 = W1·x + b1
  ∂L/∂b1 = δ1                             H
"""


def words(text: str) -> list[list[str]]:
    """Lines as lists of words, without the headings and empty lines."""
    lines = [re.sub(r"\s+", " ", line).strip() for line in text.strip().splitlines()]
    return [line.split() for line in lines if line and not line.startswith(("forward", "backward"))]


def test_the_listing_of_the_design() -> None:
    network = classifier()
    assert words(str(sg.gradient(network.loss, network.wrt))) == words(DESIGN)


def test_gradients_are_sympy_expressions_in_named_nodes() -> None:
    network = classifier()
    d = sg.gradient(network.loss, network.wrt)
    W1, b1, W2, b2 = network.wrt
    assert d[W1].shape == (H, D)
    assert d[b1].shape == (H, 1)
    assert d[W2].shape == (C, H)
    assert [str(d[w]) for w in (W2, b2)] == ["δ2*h.T", "δ2"]
    assert [x.name for x in d[W2].atoms(sp.MatrixSymbol)] in (["δ2", "h"], ["h", "δ2"])


def test_closed_forms_have_leaves_only() -> None:
    network = classifier()
    d = sg.gradient(network.loss, network.wrt)
    leaves = {s.name for s in network.leaves}
    for w in network.wrt:
        closed = d.closed_form(w)
        assert closed.shape == w.shape
        names = {s.name for s in closed.free_symbols if isinstance(s, sp.MatrixSymbol)}
        assert names <= leaves
        assert "δ" not in str(closed)


def test_steps_are_what_is_printed() -> None:
    network = classifier()
    d = sg.gradient(network.loss, network.wrt)
    printed = str(d)
    assert [s.names[0] for s in d.steps][:5] == ["z1", "h", "z2", "p", "L"]
    for step in d.steps:
        assert re.sub(r"\s+", " ", step.text) in re.sub(r"[ ]+", " ", printed)
    assert {s.phase for s in d.steps} == {"forward", "backward"}
    assert len(d) == 4
    assert list(d) == network.wrt
    assert repr(d) == "<Derivation of L with respect to W1, b1, W2, b2>"


def test_a_single_symbol_a_tuple_and_a_list() -> None:
    network = classifier()
    W1, b1, *_ = network.wrt
    one = sg.gradient(network.loss, W1)
    assert one.wrt == (W1,)
    assert sg.gradient(network.loss, (W1, b1)).wrt == (W1, b1)


def test_two_values_of_one_name_stay_apart() -> None:
    """A loop that calls every layer h: adjoints get names that tell them apart."""
    x = h = MatrixSymbol("x", 3, 1)
    W = MatrixSymbol("W", 3, 3)
    for _ in range(3):
        h = sg.let("h", sg.tanh(W * h))
    d = sg.gradient(sg.dot(h, h) / 2, [W, x])
    backward = [s.names[0] for s in d.steps if s.phase == "backward" and len(s.names) > 1]
    assert len(set(backward)) == len(backward)


def test_a_gradient_that_is_zero_has_the_shape() -> None:
    s, A = Symbol("s", real=True), MatrixSymbol("A", 2, 3)
    d = sg.gradient(s * sg.sum(2 * A) - 2 * s * sg.sum(A), [A, s])
    assert d[A] == sp.ZeroMatrix(2, 3)
    assert d[s] == 0


def test_gradients_keep_the_users_orientation() -> None:
    r = MatrixSymbol("r", 1, 3)
    Q = MatrixSymbol("Q", 3, 3)
    row = sg.let("row", r * Q)
    d = sg.gradient(sg.sum(sg.tanh(row)), [r, Q, row])
    assert d[r].shape == (1, 3)
    assert d[row].shape == (1, 3)
    assert d.steps[0].text == "row = r·Q"


def test_an_unnamed_loss_gets_a_free_name() -> None:
    L = MatrixSymbol("L", 3, 1)
    assert sg.gradient(sg.dot(L, L), L).loss.name == "loss"
    assert sg.gradient(sg.dot(L, L) / 2, L)[L] == L


def test_the_gradient_of_a_gradient() -> None:
    w, x, b, t = sp.symbols("w x b t", real=True)
    d = sg.gradient(sg.squared_error(w * x + b, t), [w, b])
    second = sg.gradient(d[w], [w, b])
    assert sp.simplify(second.closed_form(w) - x**2) == 0
    assert sp.simplify(second.closed_form(b) - x) == 0
    A, v = MatrixSymbol("A", 3, 3), MatrixSymbol("v", 3, 1)
    first = sg.gradient(sg.dot(v, A * v), v)
    assert first[v] == A * v + A.T * v
    assert sg.gradient(sg.sum(first[v]), v)[v].shape == (3, 1)


def test_a_fact_is_not_used_before_its_own_derivative() -> None:
    """Σy = 1 holds at y and not around it: ∂(Σy)²/∂y is 2·Σy, which is 2, and not 0."""
    y = sg.simplex("y", C)
    assert sg.gradient(sg.sum(y) ** 2, y)[y] == 2 * sp.OneMatrix(C, 1)


def test_a_result_by_the_name_of_its_symbol() -> None:
    network = classifier()
    d = sg.gradient(network.loss, network.wrt)
    W1 = next(x for x in d.wrt if str(x) == "W1")
    assert d["W1"] == d[W1]
    assert d.in_values("W1") == d.in_values(W1)
    with pytest.raises(sg.DerivativeError, match="W9 is not among them"):
        d["W9"]
