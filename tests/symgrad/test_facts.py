"""Facts: declared, checked, used only where declared, quoted, and never assumed."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import random_graphs
import sympy as sp
from fact_values import SAMPLERS
from gradients import check_gradient
from hypothesis import given, settings
from hypothesis import strategies as st
from interpreter import interpret
from oracle import Net
from random_graphs import random_nodes
from rules import FACT_SYMBOLS, points, preserved
from sympy import MatrixSymbol, Q, Symbol, hadamard_product, symbols

import symgrad as sg
from symgrad import graph as g
from symgrad.facts import FACTS, IMPLIED, axes_of_fact, knows
from symgrad.graph import Fact, Node
from symgrad.recognise import FORWARD
from symgrad.rewrite import Rewriter
from symgrad.simplify import normalise

D, N = symbols("D N", integer=True, positive=True)
A = MatrixSymbol("A", D, D)
x, b, v = (MatrixSymbol(name, D, 1) for name in "xbv")
t = Symbol("t", real=True)

HOLDS: dict[str, Callable[[np.ndarray], Any]] = {
    "nonnegative": lambda a: (a >= 0).all(),
    "positive": lambda a: (a > 0).all(),
    "simplex": lambda a: (a >= 0).all() and np.isclose(a.sum(), 1),
    "one-hot": lambda a: sorted(a.reshape(-1))[-2:] == [0, 1] and a.sum() == 1,
    "unit norm": lambda a: np.isclose((a * a).sum(), 1),
    "symmetric": lambda a: np.allclose(a, a.T),
    "positive definite": lambda a: (np.linalg.eigvalsh(a) > 0).all(),
    "diagonal": lambda a: (a == np.diag(np.diag(a))).all(),
    "orthogonal": lambda a: np.allclose(a.T @ a, np.eye(len(a))),
}
"""What each fact means, in NumPy."""


# ------------------------------------------------------------------------------------ the table


@pytest.mark.parametrize("name", [n for n in FACTS if not FACTS[n].maker])
def test_what_a_fact_implies_is_true(name: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        shape = (3, 3) if FACTS[name].about == 2 else (3, 1)
        a = SAMPLERS[name](rng.normal(size=shape), rng)
        for implied in IMPLIED[name]:
            assert HOLDS[implied](a), implied
        for excluded in FACTS[name].excludes:
            if shape == (3, 3) or FACTS[excluded].about < 2:
                assert not HOLDS[excluded](a), excluded


def test_rows_name_rows() -> None:
    for row in FACTS.values():
        assert {*row.implies, *row.excludes} <= FACTS.keys()
        assert row.instead
        assert "{0}" in row.law


@pytest.mark.parametrize("row", FACTS.values(), ids=lambda row: row.name)
def test_each_fact_is_declared_by_its_name(row: Any) -> None:
    symbol = A if row.about == 2 else x
    if row.maker:
        with pytest.raises(sg.DeclarationError, match=f"{row.name} is declared by {row.maker}"):
            sg.assume(symbol, row.name)
        return
    node = sg.assume(symbol, row.name).node
    assert {fact.name for fact in node.leaf.facts} == {row.name}
    assert knows(node, row.name)
    if row.predicate is not None:
        assert sg.assume(symbol, row.predicate).node is node


def test_what_follows_is_not_kept_twice() -> None:
    once = sg.assume(A, Q.positive_definite)
    assert sg.assume(A, Q.symmetric, Q.positive_definite) == once
    assert sg.assume(sg.assume(A, Q.symmetric), Q.positive_definite) == once
    assert axes_of_fact(once.node, "symmetric") == (0, 1)
    assert knows(once.node, "orthogonal") is None
    assert sg.simplex("y", D) == sg.assume(MatrixSymbol("y", D, 1), "simplex")


def test_a_fact_makes_another_leaf() -> None:
    S = sg.assume(A, Q.symmetric)
    assert S != A
    assert S.shape == A.shape
    with pytest.raises(sg.DeclarationError, match="A stands for two different things"):
        sg.gradient(sg.sum(S * A * x), x)


def test_scalars_have_sympys_assumptions() -> None:
    assert sg.assume(t, Q.positive) == Symbol("t", positive=True)
    assert sg.assume(Symbol("t"), Q.nonnegative) == Symbol("t", nonnegative=True)
    assert knows(sg.let("a", sg.assume(t, Q.positive)).node.args[0], "positive")
    assert knows(sg.let("a", Symbol("a", nonnegative=True)).node.args[0], "nonnegative")
    assert not sg.let("a", t).node.args[0].leaf.facts


def test_arrays_by_index() -> None:
    W = sg.assume(sp.IndexedBase("W", shape=(D, D)), Q.symmetric)
    assert sg.assume(MatrixSymbol("W", D, D), Q.symmetric) == W
    X = sg.assume(sp.IndexedBase("X", shape=(N, D, D)), Q.positive)
    assert X.node.leaf.facts == {Fact("positive", ())}
    assert X.node.shape == (N, D, D)
    with pytest.raises(sg.DeclarationError, match="X is declared symmetric"):
        sg.assume(sp.IndexedBase("X", shape=(N, D, D)), Q.symmetric)


# --------------------------------------------------------------------------------- bad declarations

BAD: dict[str, tuple[Callable[[], Any], str]] = {
    "symmetric 2×3": (
        lambda: sg.assume(MatrixSymbol("A", 2, 3), Q.symmetric),
        "A is declared symmetric, which is about a square matrix; A has shape 2×3. "
        "Give it another shape, or leave the fact out.",
    ),
    "unit norm of a matrix": (
        lambda: sg.assume(A, "unit norm"),
        "A is declared unit norm, which is about a vector, n×1; A has shape D×D",
    ),
    "simplex of a scalar": (
        lambda: sg.assume(t, "simplex"),
        "t is declared simplex, which is about a vector, n×1; t has shape scalar",
    ),
    "positive and diagonal": (
        lambda: sg.assume(A, Q.positive, Q.diagonal),
        "A is declared positive and diagonal, and nothing is both; leave one of the two facts out.",
    ),
    "positive and orthogonal": (
        lambda: sg.assume(sg.assume(A, Q.orthogonal), Q.positive),
        "A is declared positive and orthogonal, and nothing is both",
    ),
    "one-hot and positive": (
        lambda: sg.assume(x, "one-hot", Q.positive),
        "x is declared positive and one-hot, and nothing is both",
    ),
    "negative and positive": (
        lambda: sg.assume(Symbol("a", negative=True), Q.positive),
        "a was declared negative and is now declared positive, and nothing is both",
    ),
    "a dimension": (
        lambda: sg.assume(D, Q.positive),
        "D is declared an integer, so it is a dimension; declare a variable with",
    ),
    "a value": (
        lambda: sg.assume(sg.let("h", A * x), Q.positive),
        "facts are declared of leaves, and h is none; pass a Symbol, a MatrixSymbol or",
    ),
    "an expression": (
        lambda: sg.assume(A + A.T, Q.symmetric),
        "facts are declared of leaves, and A + A.T is none",
    ),
    "a named scalar": (
        lambda: sg.assume(sg.let("h", t**2), Q.positive),
        "facts are declared of leaves, and h is none",
    ),
    "an unknown predicate": (
        lambda: sg.assume(A, Q.unitary),
        "the fact Q.unitary was given; expected one of Q.nonnegative, Q.positive, Q.symmetric",
    ),
    "an unknown text": (
        lambda: sg.assume(A, "symetric"),
        "the fact 'symetric' was given; expected one of Q.nonnegative",
    ),
    "no fact": (lambda: sg.assume(A), "no fact was given for A; pass one such as Q.positive"),
    "a parameter": (
        lambda: sg.training_module(
            sg.squared_error(sg.assume(A, Q.symmetric) * x, b),
            params=[sg.assume(A, Q.symmetric)],
            data=[x, b],
            target="numpy",
        ),
        "the parameter A is declared symmetric, which gradient steps would not keep; "
        "declare a free one and use its sum with its transpose.",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_contradictions_are_one_sentence(name: str) -> None:
    declare, message = BAD[name]
    with pytest.raises(sg.DeclarationError) as error:
        declare()
    assert str(error.value).startswith(message)


def test_one_entry_may_be_anything() -> None:
    """A 1×1 matrix is diagonal, symmetric and a probability vector whatever its entry is."""
    one = sg.assume(MatrixSymbol("a", 1, 1), Q.symmetric, Q.diagonal, Q.positive)
    assert {fact.name for fact in one.node.leaf.facts} == {"positive"}
    assert not sg.simplex("y", 1).node.leaf.facts


# ------------------------------------------------------------------------- used, and quoted

S, P, E, R = (
    sg.assume(MatrixSymbol(name, D, D), fact)
    for name, fact in zip(
        "SPER", (Q.symmetric, Q.positive_definite, Q.diagonal, Q.orthogonal), strict=True
    )
)
u, o, y = (
    sg.assume(MatrixSymbol(name, D, 1), fact)
    for name, fact in zip("uoy", ("unit norm", "one-hot", "simplex"), strict=True)
)
w = sg.assume(MatrixSymbol("w", D, 1), Q.positive)
a = Symbol("a", positive=True)

USES: dict[str, tuple[Any, Any, str, str]] = {
    "symmetric": (sg.dot(x, S * x) / 2, x, "S·x", "S = Sᵀ (declared)"),
    "symmetric, from the left": (sg.dot(b, S * x), x, "S·b", "S = Sᵀ (declared)"),
    "positive definite": (sg.dot(x, P * x), x, "2·P·x", "P = Pᵀ (declared)"),
    "diagonal": (sg.dot(x, E * x) / 2, x, "x ⊙ diag(E)", "E is diagonal (declared)"),
    "orthogonal": (sg.dot(R * x, R * x) / 2, x, "x", "Rᵀ·R = I (declared)"),
    "unit norm": (sg.dot(u, u) * sg.dot(x, x) / 2, x, "x", "‖u‖ = 1 (declared)"),
    "one-hot": (sg.dot(hadamard_product(o, o), x), x, "o", "o is one-hot (declared)"),
    "one-hot is simplex": (
        sg.cross_entropy(sg.softmax(x), o), x, "softmax(x) − o", "Σ o = 1",
    ),
    "simplex": (sg.cross_entropy(sg.softmax(x), y), x, "softmax(x) − y", "Σ y = 1"),
    "positive": (sg.dot(x, sg.abs(w)), x, "w", "w > 0 (declared)"),
    "positive scalar": (sp.Abs(a) * sg.dot(x, x) / 2, x, "a·x", ""),
    "relu of positive": (sg.dot(x, sg.relu(w)), x, "w", "w > 0 (declared)"),
    "sign of positive": (sg.sum(sg.abs(w)), w, "1", "w > 0 (declared)"),
}  # fmt: skip
"""what is known → a loss, what it is differentiated by, the gradient, and the reason quoted."""


@pytest.mark.parametrize("name", USES)
def test_a_fact_is_used_and_quoted(name: str) -> None:
    loss, symbol, gradient, reason = USES[name]
    d = sg.gradient(loss, symbol)
    last = d.steps[-1]
    assert sg.formula(last.expr) == gradient
    assert reason in last.because
    assert reason in str(d)


@pytest.mark.parametrize("name", USES)
@pytest.mark.parametrize("size", [1, 3])
def test_gradients_with_facts_agree_with_the_oracle(name: str, size: int) -> None:
    loss, symbol, *_ = USES[name]
    symbols_used = [S, P, E, R, u, o, y, w, a, x, b]
    check_gradient(loss, [symbol], Net(dims={D: size}), symbols_used)


PLAIN = {s: MatrixSymbol(s.name, *s.shape) for s in (S, P, E, R, u, o, y, w)}


@pytest.mark.parametrize("name", [n for n in USES if n != "positive scalar"])
def test_without_the_fact_nothing_is_assumed(name: str) -> None:
    loss, symbol, gradient, reason = USES[name]
    free = loss.subs(PLAIN)
    d = sg.gradient(free, PLAIN.get(symbol, symbol))
    assert reason not in str(d)
    assert sg.formula(d.steps[-1].expr) != gradient
    leaves = [*PLAIN.values(), x, b]
    check_gradient(free, [PLAIN.get(symbol, symbol)], Net(dims={D: 3}), leaves)


def without_facts(roots: list[Node]) -> list[Node]:
    """``roots`` over free leaves."""
    free = {
        leaf: g.leaf(leaf.name, leaf.shape, leaf.leaf.symbol)
        for leaf in g.leaves(roots)
        if leaf.leaf.classes is None
    }
    return g.substitute(roots, free)


def fact_leaves() -> list[Node]:
    """The leaves of random graphs, each with a fact."""
    return [*(s.node for s in FACT_SYMBOLS.values()), *plain_leaves()]


plain_leaves = random_graphs.graph_leaves


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.integers(0, 2**31))
def test_rules_know_nothing_of_free_leaves(seed: int) -> None:
    """At leaves that break every fact, the graph without facts keeps its value."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(random_graphs, "graph_leaves", fact_leaves)
        nodes = without_facts(random_nodes(random.Random(seed).choice, 6))
    rng = np.random.default_rng(seed)
    at = points()
    for interpreter in at:
        for name, value in interpreter.env.items():
            if isinstance(value, np.ndarray):
                interpreter.env[name] = rng.uniform(0.3, 1.4, value.shape)  # type: ignore[index]
    for before, after in zip(nodes, normalise(nodes), strict=True):
        assert preserved(before, after, at)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.integers(0, 2**31))
def test_rules_preserve_values_where_facts_hold(seed: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(random_graphs, "graph_leaves", fact_leaves)
        nodes = random_nodes(random.Random(seed).choice, 6)
    at = points()
    for before, after in zip(nodes, normalise(nodes), strict=True):
        assert preserved(before, after, at)


def test_a_rule_that_ignored_its_fact_would_be_noticed() -> None:
    """The random test above can fail: at free leaves, Qᵀ·Q is not I."""
    loss = sg.let("f", sg.dot(R * x, R * x)).node
    (wrong,) = normalise([loss])
    free, pretended = without_facts([loss, wrong])
    env = {"R": np.array([[1.0, 2], [0, 1]]), "x": np.array([1.0, 2])}
    one, other = interpret([free, pretended], Net(dims={D: 2}), env)
    assert not np.isclose(one, other)


# ------------------------------------------------------------------- a fact holds at the leaf only


def test_by_a_symmetric_matrix_the_gradient_is_the_unconstrained_one() -> None:
    d = sg.gradient(sg.dot(x, S * b), S)
    assert sg.formula(d[S]) == "x·bᵀ"
    d = check_gradient(sg.dot(S * S * x, b), [S], Net(dims={D: 3}), [S, x, b])
    assert "S = Sᵀ (declared)" in d.steps[-1].because


def test_by_a_one_hot_vector_the_square_is_a_square() -> None:
    d = check_gradient(sg.dot(o, o), [o], Net(dims={D: 3}), [o])
    assert sg.formula(d[o]) == "2·o"


@pytest.mark.parametrize("leaf", [S, P, E, R, u, o, y, w], ids=str)
def test_every_leaf_is_free_when_differentiated_by(leaf: Any) -> None:
    """Along a direction that leaves the fact, too."""
    if leaf.shape == (D, D):
        loss = sg.dot(b, leaf * leaf.T * x) + sg.dot(x, leaf * sg.tanh(leaf * x))
    else:
        loss = sg.dot(leaf, leaf) * sg.dot(x, leaf) + sg.sum(sg.exp(sg.abs(leaf)))
    check_gradient(loss, [leaf, x], Net(dims={D: 3}), [leaf, x, b])


def test_hessian_of_a_quadratic_form() -> None:
    first = sg.gradient(sg.dot(x, S * x), x)
    second = sg.gradient(sg.dot(first[x], v), x)
    assert sg.formula(second[x]) == "2·S·v"


# -------------------------------------------------------------------------------------- batches


@pytest.mark.parametrize("leaf", [y, o, u, w], ids=str)
def test_facts_move_along_with_a_batch(leaf: Any) -> None:
    risk = sg.empirical_risk(sg.dot(leaf, leaf) * sg.dot(leaf, x), data=[leaf])
    many = next(n for n in g.leaves([risk.node]) if n.leaf.origin is not None)
    (fact,) = leaf.node.leaf.facts
    assert many.leaf.facts == {Fact(fact.name, tuple(k + 1 for k in fact.axes))}
    d = sg.gradient(risk, x)
    if leaf is u:
        assert "‖u‖ = 1 (declared)" in str(d)
    if leaf is o:
        assert "o is one-hot (declared)" in str(d)


def test_the_rewriter_quotes_a_fact_once() -> None:
    rewriter = Rewriter(FORWARD)
    value = sg.let("f", S.T * S.T * x).node.args[0]
    rewriter([value])
    assert rewriter.reasons[value] == ("S = Sᵀ (declared)",)
