"""What lowering leaves: the table of its docstring, case by case."""

from __future__ import annotations

from random import Random

import sympy as sp
from codegen_graphs import random_graph
from sympy import Identity, MatrixSymbol, Trace, symbols

import symgrad as sg
from symgrad import graph as g
from symgrad.codegen.lowering import lower
from symgrad.graph import Kind
from symgrad.lift import lift

D, H, C = symbols("D H C", integer=True, positive=True)
x, W, b = MatrixSymbol("x", D, 1), MatrixSymbol("W", H, D), MatrixSymbol("b", H, 1)


def kinds(*expressions: object) -> list[str]:
    """The kinds of the lowered nodes that are not leaves."""
    lowered = lower([lift(e) for e in expressions])
    nodes = g.topological(a.node for a in lowered.roots)
    return sorted(n.kind.value for n in nodes if n.kind is not Kind.LEAF)


def test_random_graphs_come_out_in_the_stated_form() -> None:
    for seed in range(300):
        lowered = lower(random_graph(Random(seed), steps=8))
        for node in g.topological(a.node for a in lowered.roots):
            labels = [x for own in node.labels for x in own]
            contracted = {x for x in labels if x >= node.rank}
            assert node.kind is not Kind.NAMED
            computed = (Kind.SUM, Kind.PRODUCT, Kind.MAP, Kind.REDUCE, Kind.LINALG)
            if node.kind in computed:
                assert set(range(node.rank)) <= set(labels), "a broadcast"
            if node.kind is Kind.INDICATOR and node.rank > 1:
                assert all(node.affine.coefficients)
            if node.kind is Kind.CONST:
                assert node.shape == ()
            if node.kind is Kind.REDUCE:
                assert node.op in ("max", "argmax", "sparsemax_threshold")
            if node.kind is Kind.MAP:
                assert not any(a.kind is Kind.CONST and a.value.is_number for a in node.args)
            if node.kind is Kind.PRODUCT:
                onehots = [a for a in node.args if a.kind in (Kind.ONEHOT, Kind.INDICATOR)]
                assert not any(a.kind is Kind.CONST for a in node.args)
                if contracted and not onehots:
                    assert len(node.args) <= 2
                if len(node.args) == 2 and contracted and not onehots:
                    assert all(set(own) >= contracted for own in node.labels)


def test_a_transpose_is_no_node() -> None:
    assert kinds(W.T) == []
    assert kinds(W.T * W) == ["product"]
    assert kinds(W + W.T.T) == ["sum"]


def test_an_identity_is_no_array() -> None:
    assert kinds(Identity(H) * W * x) == ["product"]
    assert kinds(Trace(Identity(H))) == ["const"]
    assert kinds(Identity(H)) == ["delta"]


def test_an_element_is_a_gather() -> None:
    lowered = lower([lift(W[0, 1])])
    (node,) = [a.node for a in lowered.roots]
    assert node.kind is Kind.PRODUCT
    assert sorted(a.kind.value for a in node.args) == ["leaf", "onehot", "onehot"]


def test_a_label_gathers_from_each_term() -> None:
    c = sg.label("c", C)
    z = MatrixSymbol("z", C, 1)
    p = sg.softmax(z)
    assert "onehot" not in _computed(sg.cross_entropy(p, c))


def _computed(expression: object) -> set[str]:
    """The operations of the program for an expression."""
    function = sg.function(sorted_leaves(expression), expression)
    return {type(s.operation).__name__.lower() for s in function.program.statements}


def sorted_leaves(expression: object) -> list[object]:
    return [leaf.leaf.symbol for leaf in g.leaves([lift(expression)])]


def test_softmax_and_logsumexp_share_their_parts() -> None:
    z = MatrixSymbol("z", C, 1)
    alone = kinds(sg.logsumexp(z))
    both = kinds(sg.logsumexp(z), sg.softmax(z))
    assert sorted([*alone, "map", "product"]) == both  # 1/Σe and the quotient


def test_scalar_factors_become_weights() -> None:
    assert kinds(sp.Rational(1, 2) * 3 * W * x) == ["product", "sum"]


def test_names_survive_as_hints() -> None:
    h = sg.let("h", sg.tanh(sg.let("z", W * x + b)))
    lowered = lower([h.node])
    assert sorted(lowered.names.values()) == ["h", "z"]
