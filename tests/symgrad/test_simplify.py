"""Two normal forms: names put back for reading, constants moved out for computing."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from interpreter import interpret
from networks import NETWORKS, classifier
from oracle import point
from sympy import MatrixSymbol, Rational, symbols

import symgrad as sg
from symgrad import graph as g
from symgrad import simplify
from symgrad.algebra import scaled
from symgrad.graph import Kind
from symgrad.lift import lift
from symgrad.reverse import adjoints

N = symbols("N", integer=True, positive=True)
x = g.leaf("x", (N,), MatrixSymbol("x", N, 1))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_form_has_one_value(name: str) -> None:
    network = NETWORKS[name]()
    env = point(network.leaves, network.net, 7)
    d = sg.gradient(network.loss, network.wrt)
    targets = [lift(w) for w in network.wrt if lift(w).kind is Kind.LEAF]
    sweep = adjoints(d.loss_root, targets)
    swept = [sweep[target] for target in targets]
    raw = interpret(swept, network.net, env)
    roots_of = dict(zip(network.wrt, d.roots, strict=True))
    found = [roots_of[w] for w in network.wrt if lift(w) in targets]
    forms = {
        "normal": simplify.normalise(swept),
        "reading": found,
        "computing": simplify.computing(found),
        "without names": simplify.strip_names(found),
    }
    for form, roots in forms.items():
        g.validate(roots)
        for a, b in zip(raw, interpret(roots, network.net, env), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12, err_msg=form)


def test_names_take_the_place_of_what_they_name() -> None:
    """1 − tanh(z)² reads 1 − h²."""
    network = classifier()
    d = sg.gradient(network.loss, network.wrt)
    below = g.topological(d.roots, lambda n: () if n in d._lines._symbols else n.args)
    assert not any(n.kind is Kind.MAP and n.body == sp.tanh(g.slot(0)) for n in below)
    names = {n.name for n in below if n.kind is Kind.NAMED}
    assert names == {"δ1", "δ2", "h", "p"}


def test_an_adjoint_used_once_has_no_name() -> None:
    network = classifier()
    d = sg.gradient(network.loss, network.wrt[0])
    assert not simplify.named_adjoints(d.roots, [*d._lines._symbols])


def test_without_names() -> None:
    network = classifier()
    d = sg.gradient(network.loss, network.wrt)
    below = g.topological(simplify.strip_names(d.roots))
    assert not any(n.kind is Kind.NAMED for n in below)


def test_a_weight_leaves_an_adjoint() -> None:
    """δ := x/N → (1/N)·(δ := x)."""
    adjoint = g.named("δh", scaled(1 / N, x))
    (found,) = simplify.computing([g.product([(adjoint, (0,)), (x, (1,))], (N, N))])
    assert found.kind is Kind.SUM
    assert found.weights == (1 / N,)
    assert any(n.kind is Kind.NAMED and n.args[0] is x for n in g.topological([found]))


def test_a_weight_stays_in_a_users_name() -> None:
    mine = g.named("half", scaled(Rational(1, 2), x))
    assert simplify.computing([mine]) == [mine]


def test_no_leftover_ones_and_no_unmerged_twins() -> None:
    for make in NETWORKS.values():
        network = make()
        d = sg.gradient(network.loss, network.wrt)
        for node in g.topological(d.roots):
            if node.kind is Kind.PRODUCT:
                assert node.args
                assert all(arg.kind is not Kind.CONST for arg in node.args)
            if node.kind is Kind.SUM:
                assert len(set(node.accesses)) == len(node.accesses)
                assert 0 not in node.weights


def test_computing_never_needs_more_than_reading() -> None:
    for name, make in NETWORKS.items():
        network = make()
        d = sg.gradient(network.loss, network.wrt)
        computed = simplify.computing(d.roots)
        assert len(g.topological(computed)) <= 1.2 * len(g.topological(d.roots)) + 2, name


def test_a_chain_too_deep_for_one_formula_is_cut_at_every_layer() -> None:
    n = symbols("n", integer=True, positive=True)
    x = h = MatrixSymbol("x", n, 1)
    for layer in range(1, 13):
        z = sg.let(f"z{layer}", MatrixSymbol(f"W{layer}", n, n) * h)
        h = sg.let(f"h{layer}", sg.tanh(z))
    lines = [s.text for s in sg.gradient(sg.sum(h), x).steps if s.phase == "backward"]
    assert lines == [
        "δ12 = ∂L/∂z12 = 1 − h12 ⊙ h12",
        *(f"δ{k} = ∂L/∂z{k} = (W{k + 1}ᵀ·δ{k + 1}) ⊙ (1 − h{k} ⊙ h{k})" for k in range(11, 0, -1)),
        "∂L/∂x = W1ᵀ·δ1",
    ]
