"""A sum of a product that is computed anyway is taken of that product."""

from __future__ import annotations

import pytest
from sympy import MatrixSymbol

from symgrad import graph as g
from symgrad.codegen.reuse import reusable
from symgrad.graph import Node

N, K = 5, 3


def leaf(name: str, *shape: int) -> Node:
    return g.leaf(name, shape, MatrixSymbol(name, *shape))


a, b, c = (leaf(name, N, K) for name in "abc")
SAME = (0, 1)


def product(*factors: Node) -> Node:
    return g.product([(x, SAME) for x in factors], (N, K))


def over_rows(*factors: Node) -> Node:
    """Σ over the first axis."""
    return g.product([(x, (1, 0)) for x in factors], (K,))


CASES = {
    "the same factors": (product(a, b), over_rows(a, b)),
    "in another order": (product(a, b), over_rows(b, a)),
    "grouped otherwise": (product(a, b, c), over_rows(product(a, b), c)),
    "grouped in both": (product(product(a, b), c), over_rows(a, product(b, c))),
}


@pytest.mark.parametrize("name", CASES)
def test_is_found(name: str) -> None:
    computed, summed = CASES[name]
    found = reusable(g.topological([computed, summed]))
    assert found == {summed: g.product([(computed, (1, 0))], (K,))}


OTHERS = {
    "another factor": (product(a, b), over_rows(a, c)),
    "a factor more": (product(a, b), over_rows(product(a, b), c)),
    "a square": (product(a, a), over_rows(a, a)),
    "axes the other way": (
        g.product([(leaf("d", K, K), (0, 1)), (leaf("e", K, K), (0, 1))], (K, K)),
        g.product([(leaf("d", K, K), (1, 0)), (leaf("e", K, K), (0, 1))], (K,)),
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_is_not_found(name: str) -> None:
    computed, summed = OTHERS[name]
    assert not reusable(g.topological([computed, summed]))
