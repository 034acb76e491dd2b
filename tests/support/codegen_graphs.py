"""Random graphs of every kind of node in every arrangement, for the code generators.

Wilder than what a declaration lifts to: labels are repeated, transposed, broadcast and contracted
at random, names collide, labels index anything.
"""

from __future__ import annotations

from random import Random

import numpy as np
import sympy as sp

from symgrad import graph as g
from symgrad.codegen.arguments import Arguments
from symgrad.codegen.names import Names
from symgrad.codegen.program import Dimension, Input, Program
from symgrad.codegen.targets import numpy as target
from symgrad.compile import build
from symgrad.vocabulary import absolute, relu, sigmoid, signum, softplus, step

SYMBOLS = sp.symbols("m n k", integer=True, positive=True)
DIMS = (*SYMBOLS, 2, 3)
BODIES = (
    sp.tanh(g.slot(0)),
    sigmoid(g.slot(0)),
    softplus(g.slot(0)),
    relu(g.slot(0)),
    step(g.slot(0)),
    absolute(g.slot(0)),
    signum(g.slot(0)),
    sp.sin(g.slot(0)) - g.slot(0) / 3,
    1 / (1 + g.slot(0) ** 2),
    sp.exp(-(g.slot(0) ** 2)),
    sp.sqrt(1 + g.slot(0) ** 2),
    g.slot(0) * step(g.slot(1)) - g.slot(1),
    sp.cos(g.slot(0)) * g.slot(1) ** 2 - sp.pi,
)
WEIGHTS = (1, -1, 2, sp.Rational(1, 2), sp.Rational(-2, 3), 1 / DIMS[0], DIMS[1], sp.sqrt(2))


def random_graph(random: Random, steps: int) -> list[g.Node]:
    """Some roots of a random graph over leaves a0, a1, … and labels c0, c1, …"""
    nodes = [_leaf(random, k) for k in range(4)]
    labels = [_label(random, k) for k in range(2)]
    for _ in range(steps):
        make = random.choice((_sum, _product, _product, _map, _reduce, _named, _softmax))
        nodes.append(make(random, nodes, labels))
    return [nodes[-1], *random.sample(nodes, k=random.randint(0, 2))]


def _leaf(random: Random, k: int) -> g.Node:
    shape = tuple(random.choice(DIMS) for _ in range(random.randint(0, 3)))
    return g.leaf(f"a{k}", shape, sp.Symbol(f"a{k}"))


def _label(random: Random, k: int) -> g.Node:
    shape = tuple(random.choice(DIMS) for _ in range(random.randint(0, 1)))
    return g.leaf(f"c{k}", shape, sp.Symbol(f"c{k}"), classes=random.choice(DIMS))


def _extra(random: Random, labels: list[g.Node]) -> g.Node:
    kind = random.randint(0, 3)
    if kind == 0:
        return g.delta(random.choice(DIMS))
    if kind == 1:
        return g.const(random.choice(WEIGHTS), tuple(random.sample(DIMS, random.randint(0, 2))))
    index = random.choice(labels)
    return g.onehot(index, index.leaf.classes)


def _labelled(random: Random, operands: list[g.Node], reuse: float) -> tuple[list, dict]:
    """Labels for the axes of operands, some shared where the dimensions agree."""
    dims: dict[int, object] = {}
    accesses = []
    for node in operands:
        own = []
        for n in node.shape:
            same = [x for x, extent in dims.items() if extent == n]
            if same and random.random() < reuse:
                own.append(random.choice(same))
            else:
                own.append(len(dims))
                dims[len(dims)] = n
        accesses.append((node, tuple(own)))
    return accesses, dims


def _arranged(random: Random, accesses: list, dims: dict, contract: bool) -> tuple[list, tuple]:
    """Choose the axes of the result (at most three), number them first, maybe broadcast one."""
    labels = list(dims)
    random.shuffle(labels)
    kept = labels[: random.randint(0, min(3, len(labels)))] if contract else labels
    shape = [dims[x] for x in kept]
    number = {x: k for k, x in enumerate(kept)}
    if len(shape) < 3 and random.random() < 0.2:
        shape.append(random.choice(DIMS))
    for x in labels:
        number.setdefault(x, len(shape) + len(number) - len(kept))
    return [(n, tuple(number[x] for x in own)) for n, own in accesses], tuple(shape)


def _product(random: Random, nodes: list[g.Node], labels: list[g.Node]) -> g.Node:
    operands = random.choices(nodes, k=random.randint(1, 3))
    if random.random() < 0.4:
        operands += [_extra(random, labels) for _ in range(random.randint(1, 2))]
    accesses, dims = _labelled(random, operands, 0.8)
    if len(dims) > 6:
        return operands[0]
    accesses, shape = _arranged(random, accesses, dims, contract=True)
    return g.product(accesses, shape)


def _sum(random: Random, nodes: list[g.Node], labels: list[g.Node]) -> g.Node:
    operands = random.choices(nodes, k=random.randint(1, 3))
    if random.random() < 0.3:
        operands.append(_extra(random, labels))
    accesses, dims = _labelled(random, operands, 1.0)
    if len(dims) > 3:
        return operands[0]
    accesses, shape = _arranged(random, accesses, dims, contract=False)
    return g.add([(random.choice(WEIGHTS), *a) for a in accesses], shape)


def _map(random: Random, nodes: list[g.Node], labels: list[g.Node]) -> g.Node:
    body = random.choice(BODIES)
    operands = random.choices(nodes, k=2 if g.slot(1) in body.free_symbols else 1)
    accesses, dims = _labelled(random, operands, 1.0)
    if len(dims) > 3:
        return operands[0]
    accesses, shape = _arranged(random, accesses, dims, contract=False)
    return g.apply(body, accesses, shape)


def _reduce(random: Random, nodes: list[g.Node], labels: list[g.Node]) -> g.Node:
    accesses, dims = _labelled(random, [random.choice(nodes)], 0.2)
    ((node, own),), shape = _arranged(random, accesses, dims, contract=True)
    return g.reduce(random.choice(("max", "logsumexp")), node, own, shape)


def _softmax(random: Random, nodes: list[g.Node], labels: list[g.Node]) -> g.Node:
    z = random.choice(nodes)
    axes = tuple(range(z.rank))
    kept = tuple(sorted(random.sample(axes, random.randint(0, z.rank))))
    number = {x: k for k, x in enumerate(kept)}
    own = tuple(number.setdefault(x, len(number)) for x in axes)
    lse = g.reduce("logsumexp", z, own, tuple(z.shape[x] for x in kept))
    shifted = g.add([(1, z, axes), (-1, lse, kept)], z.shape)
    p = g.apply(sp.exp(g.slot(0)), [(shifted, axes)], z.shape)
    return random.choice((p, lse, shifted, g.product([(p, axes)], ())))


def _named(random: Random, nodes: list[g.Node], labels: list[g.Node]) -> g.Node:
    return g.named(random.choice(("h", "δ2", "lambda", "x_{1}", "t1")), random.choice(nodes))


def program_of(roots: list[g.Node], extra: tuple[g.Node, ...] = ()) -> Program:
    """The program for ``roots``, a function of its leaves (and ``extra``), then of m, n and k."""
    leaves = list(dict.fromkeys([*g.leaves(roots), *extra]))
    names = Names({"np", "function"})
    inputs = [Input(names.unique(x.name), x.name, x.shape, x.shape) for x in leaves]
    sizes = [Input(names.unique(str(s)), str(s), (), (), "integer") for s in SYMBOLS]
    dimensions = tuple(
        Dimension(s, entry.name, len(inputs) + k, None)
        for k, (s, entry) in enumerate(zip(SYMBOLS, sizes, strict=True))
    )
    numbers = {x: k for k, x in enumerate(leaves)}
    arguments = Arguments((*inputs, *sizes), numbers, dimensions, names)
    return build(roots, [root.shape for root in roots], arguments)


def emitted(roots: list[g.Node], dtype: str = "float64") -> str:
    """The NumPy source for ``roots``."""
    return target.emit(program_of(roots), "function", dtype)


def arrays(roots: list[g.Node], sizes: dict, random: Random) -> dict[str, np.ndarray]:
    """A value for every leaf, by name."""
    generator = np.random.default_rng(random.randint(0, 2**32))
    found = {}
    for leaf in g.leaves(roots):
        shape = tuple(int(sp.sympify(n).subs(sizes)) for n in leaf.shape)
        if leaf.leaf.classes is None:
            found[leaf.name] = generator.normal(size=shape)
        else:
            classes = int(sp.sympify(leaf.leaf.classes).subs(sizes))
            found[leaf.name] = generator.integers(classes, size=shape)
    return found
