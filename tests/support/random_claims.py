"""Claims about a graph, right and wrong ones, made without any law of ours; and what they show.

Right ones are other spellings by SymPy (tanh by exponentials) and by arithmetic that a child knows
(x = 2x − x), wrong ones change one weight, factor or function. Whether a verdict on them is right
is decided by an interpreter of graphs that shares no code with ours.
"""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import sympy as sp
from interpreter import interpret
from oracle import Net

from symgrad import graph as g
from symgrad.graph import Kind, Node
from symgrad.verification.comparison import Comparison
from symgrad.verification.points import RandomPoints
from symgrad.vocabulary import plain


def changed(root: Node, random: Random) -> Node:
    """A graph with one weight, factor or function another."""
    nodes = [
        m for m in g.topological([root]) if m.kind in (Kind.SUM, Kind.PRODUCT, Kind.MAP) and m.args
    ]
    node = random.choice(nodes or [root])
    axes = tuple(range(node.rank))
    match node.kind:
        case Kind.SUM:
            weights = list(node.weights)
            k = random.randrange(len(weights))
            weights[k] *= random.choice([2, -1, sp.Rational(1, 2)])
            new = g.add(zip(weights, node.args, node.labels, strict=True), node.shape)
        case Kind.PRODUCT:
            new = g.add([(random.choice([-1, 2]), node, axes)], node.shape)
        case Kind.LEAF | Kind.CONST:
            return g.add([(2, node, axes)], node.shape)
        case _:
            one = g.const(random.choice([1, sp.Rational(1, 100)]))
            new = g.add([(1, node, axes), (1, one, ())], node.shape)
    return g.substitute([root], {node: new})[0]


def is_certain(found: Comparison, claim: Node, truth: Node) -> None:
    """A witness is one to an interpreter of graphs that shares no code with ours."""
    witness = found.witness
    assert witness is not None
    env = {name: np.asarray(a, dtype=float) for name, a in witness.values.items()}
    net = Net(dims=dict(witness.sizes))
    ours, theirs = interpret([claim, truth], net, env)
    assert not np.allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    for a, array in zip((ours, theirs), (witness.claimed, witness.true), strict=True):
        np.testing.assert_allclose(a, array.astype(float), rtol=1e-6, atol=1e-9)
    assert all(isinstance(e, Fraction) for a in witness.values.values() for e in a.flat)


def respelled(root: Node, random: Random) -> Node:
    """The same value, with about half of its nodes written in another way."""
    done: dict[Node, Node] = {}
    for node in g.topological([root]):
        new = g.rebuild(node, [done[arg] for arg in node.args])
        axes = tuple(range(node.rank))
        if new.kind is Kind.MAP and random.random() < 0.5:
            body = plain(new.body)
            by_exponentials = body.rewrite(sp.exp)
            if not by_exponentials.has(sp.I, sp.log):  # a power becomes e^(n·log t)
                body = by_exponentials
            operands = list(zip(new.args, new.labels, strict=True))
            new = g.apply(body, operands, new.shape)
        elif new.kind is Kind.PRODUCT and random.random() < 0.3:
            new = g.add([(2, new, axes), (-1, new, axes)], new.shape)
        done[node] = new
    return done[root]


def agrees(claim: Node, truth: Node, seed: int = 0) -> None:
    """Values agree at random points, as far as they have any."""
    draws = RandomPoints([claim, truth], seed + 99)
    for _ in range(4):
        point = draws.draw()
        env = {name: np.asarray(a, dtype=float) for name, a in point.values.items()}
        ours, theirs = interpret([claim, truth], Net(dims=dict(point.sizes)), env)
        both = np.isfinite(ours) & np.isfinite(theirs)
        np.testing.assert_allclose(ours[both], theirs[both], rtol=1e-6, atol=1e-9)
