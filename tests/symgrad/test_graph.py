"""The graph's own promises: one node a value, invariants that are checked, text, no recursion."""

from __future__ import annotations

import copy
import gc
import itertools
import pickle
import random
from typing import Any

import pytest
import sympy as sp
from sympy import MatrixSymbol, Symbol, symbols

from symgrad import graph as g
from symgrad import listing
from symgrad.errors import GraphError
from symgrad.graph import Kind, Node, slot

M, N = symbols("M N", integer=True, positive=True)
s = g.leaf("s", (), Symbol("s", real=True))
x = g.leaf("x", (N,), MatrixSymbol("x", N, 1))
A = g.leaf("A", (M, N), MatrixSymbol("A", M, N))
Q = g.leaf("Q", (N, N), MatrixSymbol("Q", N, N))


# -------------------------------------------------------------------------------- hash-consing


def test_built_alike_is_the_same_object() -> None:
    assert g.leaf("x", (N,), MatrixSymbol("x", N, 1)) is x
    assert g.const(sp.Integer(1)) is g.const(1)
    one = g.apply(sp.tanh(slot(0)), [(x, (0,))], (N,))
    two = g.apply(sp.tanh(slot(0)), [(x, (0,))], (N,))
    assert one is two
    assert g.named("h", one) is g.named("h", two)
    assert g.named("h", one) is not g.named("k", one)
    assert g.named("h", one) is not g.named("h", one, row=True)
    assert copy.deepcopy(one) is one
    assert copy.copy(one) is one


@pytest.mark.parametrize("seed", range(20))
def test_operand_order_does_not_matter(seed: int) -> None:
    rng = random.Random(seed)
    factors: list[Any] = [(A, (0, 2)), (Q, (2, 3)), (Q, (3, 1)), (x, (1,)), (x, (2,)), (s, ())]
    terms: list[Any] = [(1, A, (0, 1)), (2, x, (1,)), (-1, s, ()), (3, x, (1,))]
    product = g.product(factors, (M, N))
    total = g.add(terms, (M, N))
    rng.shuffle(factors)
    rng.shuffle(terms)
    assert g.product(factors, (M, N)) is product, f"seed {seed}"
    assert g.add(terms, (M, N)) is total, f"seed {seed}"


@pytest.mark.parametrize("seed", range(20))
def test_names_of_summed_labels_do_not_matter(seed: int) -> None:
    """tr(Q·Q·Q) and longer cycles, with every numbering of the contracted labels."""
    rng = random.Random(seed)
    for length in (2, 3, 4, 5):
        ring = [(Q, (k, (k + 1) % length)) for k in range(length)]
        expected = g.product(ring, ())
        renumber = list(range(length))
        rng.shuffle(renumber)
        moved = [(node, tuple(renumber[k] for k in labels)) for node, labels in ring]
        rng.shuffle(moved)
        assert g.product(moved, ()) is expected, f"seed {seed}, length {length}"


def test_transposed_operands_are_different_values() -> None:
    assert g.product([(Q, (0, 2)), (Q, (2, 1))], (N, N)) is not (
        g.product([(Q, (0, 2)), (Q, (1, 2))], (N, N))
    )


def test_nodes_that_nobody_holds_are_forgotten() -> None:
    before = len(g._interned)
    node = g.apply(sp.cosh(slot(0)), [(x, (0,))], (N,))
    for _ in range(50):
        node = g.apply(sp.cosh(slot(0)), [(node, (0,))], (N,))
    assert len(g._interned) >= before + 51
    del node
    gc.collect()
    assert len(g._interned) <= before + 1


def test_slots_are_the_same_and_nobody_elses() -> None:
    assert slot(0) is slot(0)
    assert slot(0) != slot(1)
    assert slot(0) != sp.Symbol("t0", real=True)


def test_pickling_is_refused() -> None:
    with pytest.raises(GraphError, match="pickled"):
        pickle.dumps(x)


# ----------------------------------------------------------------------------------- validation


def broken(kind: Kind, args: Any, labels: Any, shape: Any, data: Any = None) -> Node:
    """A node that the constructors would not make."""
    return g._intern(kind, args, labels, shape, data)


T = slot(0)
INVALID: dict[str, tuple[Any, str]] = {
    "operands without labels": (lambda: broken(Kind.PRODUCT, (x,), (), (N,)), "lists of labels"),
    "too few labels": (lambda: broken(Kind.PRODUCT, (A,), ((0,),), (M,)), "labels .0,. for"),
    "extents differ": (
        lambda: broken(Kind.SUM, (x, A), ((0,), (0, 1)), (M, N), (1, 1)), "runs over",
    ),
    "a sum that contracts": (
        lambda: broken(Kind.SUM, (A,), ((0, 1),), (M,), (sp.Integer(1),)), "not an axis",
    ),
    "a map that contracts": (lambda: broken(Kind.MAP, (x,), ((0,),), (), T), "not an axis"),
    "labels with a gap": (lambda: broken(Kind.PRODUCT, (x,), ((3,),), (M,)), "not numbered"),
    "weights missing": (lambda: broken(Kind.SUM, (x,), ((0,),), (N,), ()), "weights"),
    "a stray symbol": (
        lambda: broken(Kind.MAP, (x,), ((0,),), (N,), Symbol("t")), "neither slots nor dimensions",
    ),
    "a name that changes the shape": (
        lambda: broken(Kind.NAMED, (x,), ((0,),), (N, M), g.NameData("h", False)), "shape",
    ),
    "an oblong identity": (lambda: broken(Kind.DELTA, (), (), (M, N)), "not square"),
}  # fmt: skip


@pytest.mark.parametrize("name", INVALID)
def test_validation(name: str) -> None:
    make, message = INVALID[name]
    with pytest.raises(GraphError, match=message):
        g.validate([make()])


def test_validation_looks_below() -> None:
    bad = broken(Kind.DELTA, (), (), (M, N))
    with pytest.raises(GraphError, match="not square"):
        g.validate([g.product([(bad, (0, 1))], ())])


# ------------------------------------------------------------------------------------ traversal


def test_topological_order_and_counts() -> None:
    h = g.apply(sp.tanh(T), [(x, (0,))], (N,))
    both = g.product([(h, (0,)), (h, (0,)), (x, (0,))], ())
    order = g.topological([both])
    assert order == [x, h, both]
    assert g.use_counts([both]) == {x: 2, h: 2, both: 1}
    assert g.consumers([both]) == {x: [h, both], h: [both]}
    assert g.leaves([both]) == [x]
    assert g.peel(g.named("a", g.named("b", h))) is h


def test_substitute_rebuilds_what_is_above() -> None:
    h = g.apply(sp.tanh(T), [(x, (0,))], (N,))
    y = g.leaf("y", (N,), MatrixSymbol("y", N, 1))
    (found,) = g.substitute([g.product([(h, (0,)), (x, (0,))], ())], {x: y})
    hy = g.apply(sp.tanh(T), [(y, (0,))], (N,))
    assert found is g.product([(hy, (0,)), (y, (0,))], ())


def test_text() -> None:
    h = g.named("h", g.apply(sp.tanh(T), [(x, (0,))], (N,)))
    total = g.add([(2, g.product([(A, (0, 1)), (h, (1,))], (M,)), (0,)), (1, g.const(1), ())], (M,))
    lines = listing.text([g.reduce("logsumexp", total, (0,), ())]).splitlines()
    assert {"x: leaf N", "A: leaf M×N"} <= set(lines)
    assert any(line.startswith("h[i] = %") for line in lines)
    assert any("= Σ_j A[ij]·h[j]" in line for line in lines)
    assert any("1 + 2·%" in line or "+ 1" in line for line in lines)
    assert "logsumexp" in lines[-1]
    assert "reduce scalar" in lines[-1]
    assert repr(h).startswith("<named")


def test_many_tied_operands_are_ordered_in_bounded_time() -> None:
    """Twelve tied operands have half a billion orders; a bounded number is tried."""
    calls = itertools.count()
    ring = [(Q, (k, (k + 1) % 12)) for k in range(12)]
    node = g.product(ring, ())
    g.validate([node])
    assert next(calls) == 0
    assert len(g.label_dims(node)) == 12
