"""Values of graphs in floats and in exact numbers, against an interpreter that shares no code."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from interpreter import interpret
from lecture_networks import SYSTEMS
from networks import NETWORKS
from oracle import Net
from random_graphs import SIZES, graph_leaves, random_nodes

import symgrad as sg
from symgrad import graph as g
from symgrad.graph import Kind, Node
from symgrad.lift import lift
from symgrad.verification.arrays import FLOAT, rounded
from symgrad.verification.evaluate import evaluate, exact
from symgrad.verification.number import Retry
from symgrad.verification.points import Point, RandomPoints, point_of, shape_at

ALL = {**NETWORKS, **SYSTEMS}


def environment(point: Point) -> dict[str, np.ndarray]:
    return {name: np.asarray(a, dtype=float) for name, a in point.values.items()}


@pytest.mark.parametrize("name", ALL)
def test_floats_and_exact_numbers_agree_with_the_interpreter(name: str) -> None:
    network = ALL[name]()
    d = sg.gradient(network.loss, network.wrt)
    roots = [lift(network.loss), *(lift(d[w]) for w in network.wrt)]
    point = RandomPoints(roots, 5).draw()
    due = interpret(roots, Net(dims=dict(point.sizes)), environment(point))
    floats = evaluate(roots, point, FLOAT)
    for seed in range(20):
        try:
            exactly = evaluate(roots, point, exact(roots, seed))
        except Retry:  # no root modulo these primes
            continue
        break
    for a, b, c in zip(due, floats, exactly, strict=True):
        np.testing.assert_allclose(b, a.astype(float), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(rounded(c), a.astype(float), rtol=1e-10, atol=1e-12)
        assert all(x.residues for x in c.reshape(-1))


@pytest.mark.parametrize("seed", range(40))
def test_random_graphs(seed: int) -> None:
    random = Random(seed)
    roots = random_nodes(random.choice, 12)
    sizes = random.choice(SIZES)
    leaves = [n for n in g.leaves([*roots, *graph_leaves()])]
    draws = RandomPoints([*roots, *leaves], seed)
    free = draws.free(sizes)
    point = point_of(leaves, sizes, free)
    assert all(point.values[n.name].shape == shape_at(n, sizes) for n in leaves)
    due = interpret(roots, Net(dims=sizes), environment(point))
    floats = evaluate(roots, point, FLOAT)
    for a, b in zip(due, floats, strict=True):
        np.testing.assert_allclose(b, a.astype(float), rtol=1e-8, atol=1e-10)


def test_what_is_given_is_not_computed() -> None:
    x = g.leaf("x", (), sg.parse("x: scalar\ny = tanh(x)").x)
    node: Node = g.named("y", x)
    point = RandomPoints([node], 0).draw()
    done = {x: np.asarray(7.0)}
    assert evaluate([node], point, FLOAT, done)[0] == 7.0
    assert done[node] == 7.0


def test_every_kind_of_node_has_a_rule() -> None:
    from symgrad.verification.evaluate import _RULES

    assert set(_RULES) == set(Kind)
