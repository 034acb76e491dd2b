"""Reverse accumulation against oracles that share no code with it, and its own meta-test."""

from __future__ import annotations

import random
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
import sympy as sp
from autograd import grad
from gradients import check_gradient, check_second_order
from hypothesis import given, settings
from hypothesis import strategies as st
from interpreter import interpret
from networks import NETWORKS, Network
from oracle import Net, point
from random_graphs import SIZES, Declaration

import symgrad as sg
from symgrad import derivatives, reverse
from symgrad import graph as g
from symgrad.algebra import scaled
from symgrad.elementwise import expand
from symgrad.graph import Kind, Node
from symgrad.lift import lift
from symgrad.vocabulary import sigmoid

SEEDS = st.integers(0, 2**31)


def check_random(seed: int, size: int) -> None:
    """A random declaration, checked with its dimensions bound afterwards."""
    declaration = Declaration(random.Random(seed).choice, size)
    declaration.net.dims = SIZES[seed % len(SIZES)]
    check_gradient(
        declaration.loss,
        declaration.wrt[:3],
        declaration.net,
        declaration.leaves,
        seed=seed % 1000,
        closed_form=size < 8,
    )


@settings(derandomize=True, max_examples=20, deadline=None)
@given(SEEDS)
def test_random_compositions(seed: int) -> None:
    check_random(seed, 6)


@settings(derandomize=True, max_examples=8, deadline=None)
@given(SEEDS)
def test_second_order_of_random_compositions(seed: int) -> None:
    declaration = Declaration(random.Random(seed).choice, 4)
    declaration.net.dims = SIZES[seed % len(SIZES)]
    wrt = declaration.wrt[0]
    check_second_order(declaration.loss, wrt, declaration.net, declaration.leaves, seed % 1000)


@pytest.mark.slow
@settings(derandomize=True, max_examples=1500, deadline=None)
@given(SEEDS, st.integers(1, 14))
def test_random_compositions_at_length(seed: int, size: int) -> None:
    check_random(seed, size)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str) -> None:
    network = NETWORKS[name]()
    check_gradient(network.loss, network.wrt, network.net, network.leaves, seed=3)


@pytest.mark.parametrize("name", ["classifier", "residual", "shared weights", "rational", "A5"])
def test_second_order_of_networks(name: str) -> None:
    network = NETWORKS[name]()
    check_second_order(network.loss, network.wrt[0], network.net, network.leaves, seed=3)


@pytest.mark.parametrize("name", ["classifier", "regression", "residual"])
def test_named_values(name: str) -> None:
    """∂L/∂h for every named value h, beside the parameters."""
    network = NETWORKS[name]()
    symbols = [
        s
        for s in (
            sg.declare.named_symbol(n) for n in sg.gradient(network.loss, network.wrt).forward
        )
        if s.name != network.loss.name
    ]
    check_gradient(network.loss, [*symbols, network.wrt[0]], network.net, network.leaves, seed=5)


# ------------------------------------------------------------------------------ HIPS autograd


def _classifier(q: dict[str, Any]) -> Any:
    h = anp.tanh(anp.dot(q["W1"], q["x"]) + q["b1"])
    scores = anp.dot(q["W2"], h) + q["b2"]
    log_p = scores - anp.log(anp.sum(anp.exp(scores)))
    return -anp.sum(q["y"] * log_p)


def _regression(q: dict[str, Any]) -> Any:
    def sigmoid(a: Any) -> Any:
        return 1 / (1 + anp.exp(-a))

    f = sigmoid(anp.dot(q["W2"], sigmoid(anp.dot(q["W1"], q["x"]) + q["b1"])) + q["b2"])
    return anp.sum((f - q["y"]) ** 2) / 2


def _residual(q: dict[str, Any]) -> Any:
    h = q["x"]
    for k in range(3):
        h = h + anp.tanh(anp.dot(q[f"W{k}"], h) + q[f"b{k}"])
    return anp.sum(h * h) / 2


def _attention(q: dict[str, Any]) -> Any:
    X = q["X"]
    S = anp.dot(anp.dot(X, q["Q"]), anp.dot(X, q["K"]).T) / np.sqrt(3)
    P = anp.exp(S) / anp.sum(anp.exp(S), axis=1, keepdims=True)
    O = anp.dot(anp.dot(P, X), q["V"])
    return anp.sum(O * O)


@pytest.mark.parametrize(
    ("name", "by_hand"),
    [
        ("classifier", _classifier),
        ("unnamed classifier", _classifier),
        ("regression", _regression),
        ("residual", _residual),
        ("attention", _attention),
    ],
)
def test_against_autograd(name: str, by_hand: Any) -> None:
    network: Network = NETWORKS[name]()
    env = point(network.leaves, network.net, seed=11, low=-1.0, high=1.0)
    if "y" in env:
        env["y"] = np.abs(env["y"]) / np.abs(env["y"]).sum()
    d = sg.gradient(network.loss, network.wrt)
    for symbol, found in zip(d.wrt, interpret(d.roots, network.net, env), strict=True):

        def loss(value: Any, name: str = symbol.name) -> Any:
            return by_hand({**env, name: value})

        expected = grad(loss)(env[symbol.name])
        np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-10, atol=1e-12)


# --------------------------------------------------------------------------------- properties


def test_one_adjoint_a_node() -> None:
    network = NETWORKS["residual"]()
    (root,) = sg.simplify.normalise([network.loss.node])
    leaves = g.leaves([root])
    found = reverse.adjoints(root, leaves)
    assert len(found) == len(g.topological([root])) - len(
        [n for n in g.topological([root]) if n.kind is Kind.CONST]
    )
    g.validate(found.values())
    for node, adjoint in found.items():
        assert adjoint.shape == node.shape


def test_the_sweep_skips_what_is_not_asked_for() -> None:
    network = NETWORKS["classifier"]()
    (root,) = sg.simplify.normalise([network.loss.node])
    target = next(n for n in g.leaves([root]) if n.name == "b2")
    found = reverse.adjoints(root, [target])
    assert not any(n.kind is Kind.LEAF and n is not target for n in found)


def test_a_gradient_is_linear_in_the_loss() -> None:
    network = NETWORKS["classifier"]()
    W1 = network.wrt[0]
    env = point(network.leaves, network.net, 2)
    once = sg.gradient(network.loss, W1)
    thrice = sg.gradient(3 * network.loss, W1)
    a, b = interpret([*once.roots, *thrice.roots], network.net, env)
    np.testing.assert_allclose(3 * a, b, rtol=1e-13)


# ---------------------------------------------------------------- a sabotaged derivative is caught


def linear_algebra() -> Network:
    """det B + vᵀB⁻¹v."""
    B, v = sp.MatrixSymbol("B", 3, 3), sp.MatrixSymbol("v", 3, 1)
    loss = sp.Determinant(B) + sg.dot(v, sp.Inverse(B) * v)
    return Network(Net(), loss, [B, v], [B, v])


def hypotenuses() -> Network:
    """Σ w·√(1 + x²), whose derivative is found for the function as a whole."""
    net = Net()
    x, w = sp.MatrixSymbol("x", 3, 1), sp.MatrixSymbol("w", 3, 1)
    t = sp.Symbol("t", real=True)
    y = net.let("y", x.applyfunc(sp.Lambda(t, sp.sqrt(1 + t**2))))
    return Network(net, sg.dot(w, y), [x, w], [x, w])


HERE = {**NETWORKS, "linear algebra": linear_algebra}

USES: dict[Kind, str] = {
    Kind.SUM: "classifier",
    Kind.PRODUCT: "classifier",
    Kind.MAP: "classifier",
    Kind.REDUCE: "classifier",
    Kind.NAMED: "regression",
    Kind.LINALG: "linear algebra",
}


def test_every_derivative_rule_has_a_network() -> None:
    assert set(USES) == set(derivatives.DERIVATIVES)


@pytest.mark.parametrize("sabotage", [-1, 2, sp.Rational(1001, 1000)], ids=str)
@pytest.mark.parametrize("kind", USES, ids=lambda kind: kind.value)
def test_sabotaged_derivative_is_caught(
    kind: Kind, sabotage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = derivatives.DERIVATIVES[kind]
    fired = 0

    def wrong(node: Node, k: int, adj: Node) -> Node:
        nonlocal fired
        fired += 1
        return scaled(sabotage, right(node, k, adj))

    monkeypatch.setitem(derivatives.DERIVATIVES, kind, wrong)
    network = HERE[USES[kind]]()
    with pytest.raises(AssertionError, match="∂loss/∂"):
        check_gradient(network.loss, network.wrt, network.net, network.leaves, seed=3)
    assert fired


def test_softmax_of_columns() -> None:
    """A reduction along the first axis: its derivative shares the axes of the forward values."""
    X, V = sp.MatrixSymbol("X", 3, 4), sp.MatrixSymbol("V", 4, 1)
    E = sg.exp(X)
    loss = sg.dot(V, sg.log(E.T * sp.OneMatrix(3, 1)))
    d = check_gradient(loss, [X, V], Net(), [X, V], seed=3)
    check_second_order(loss, X, Net(), [X, V], seed=3)
    assert [step.text for step in d.steps if step.phase == "backward"] == [
        "∂L/∂X = softmax_rows(Xᵀ)ᵀ·diag(V)",
        "∂L/∂V = logsumexp_rows(Xᵀ)",
    ]


def test_a_region_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its share is right, and would not be missed if it were not."""
    network = hypotenuses()
    check_gradient(network.loss, network.wrt, network.net, network.leaves, seed=3)
    check_second_order(network.loss, network.wrt[0], network.net, network.leaves, seed=3)
    right = reverse.region_share
    monkeypatch.setattr(reverse, "region_share", lambda *args: scaled(2, right(*args)))
    with pytest.raises(AssertionError, match="∂loss/∂"):
        check_gradient(network.loss, network.wrt, network.net, network.leaves, seed=3)


def test_a_forgotten_share_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fan-out: an adjoint that keeps only one consumer's share."""
    monkeypatch.setattr(reverse, "_total", lambda shares: shares[0])
    network = NETWORKS["residual"]()
    with pytest.raises(AssertionError, match="∂loss/∂"):
        check_gradient(network.loss, network.wrt, network.net, network.leaves, seed=3)


def test_a_wrong_scalar_derivative_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """σ′ = σ, say."""
    monkeypatch.setitem(derivatives.OF_VALUE, sigmoid, lambda h: h)
    network = NETWORKS["regression"]()
    with pytest.raises(AssertionError, match="∂loss/∂"):
        check_gradient(network.loss, network.wrt, network.net, network.leaves, seed=3)


@pytest.mark.parametrize("f", derivatives.OF_VALUE)
def test_a_derivative_by_value_is_the_graph_of_the_symbolic_one(f: type[sp.Function]) -> None:
    n = sp.Symbol("n", integer=True, positive=True)
    z = lift(sp.MatrixSymbol("z", n, 3))
    h = g.apply(f(g.slot(0)), [(z, (0, 1))], z.shape)
    derivative = derivatives.partial_derivative(h.body, 0)
    assert expand(derivative, {g.slot(0): h.accesses[0]}.get, h.shape) is derivatives.OF_VALUE[f](h)


def test_dimensions_may_be_bound_to_anything_afterwards() -> None:
    network = NETWORKS["classifier"]()
    for sizes in ((1, 1, 1), (5, 1, 2), (1, 4, 3)):
        net = Net(network.net.definitions, dict(zip(network.net.dims, sizes, strict=True)))
        check_gradient(network.loss, network.wrt, net, network.leaves, seed=sum(sizes))
