"""Random graphs of every kind of node in every arrangement, for the code generators.

Wilder than what a declaration lifts to: labels are repeated, transposed, broadcast and contracted
at random, names collide, labels index anything.
"""

from __future__ import annotations

from collections.abc import Iterable
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
    makers = (
        *(_sum, _product, _product, _map, _reduce, _named, _softmax),
        *(_window, _unwindow, _argmax, _linalg, _sparsemax),
    )
    for _ in range(steps):
        nodes.append(random.choice(makers)(random, nodes, labels))
    return [nodes[-1], *random.sample(nodes, k=random.randint(0, 2))]


def _leaf(random: Random, k: int) -> g.Node:
    shape = tuple(random.choice(DIMS) for _ in range(random.randint(0, 3)))
    return g.leaf(f"a{k}", shape, sp.Symbol(f"a{k}"))


def _label(random: Random, k: int) -> g.Node:
    shape = tuple(random.choice(DIMS) for _ in range(random.randint(0, 1)))
    return g.leaf(f"c{k}", shape, sp.Symbol(f"c{k}"), classes=random.choice(DIMS))


def _extra(random: Random, labels: list[g.Node]) -> g.Node:
    kind = random.randint(0, 4)
    if kind == 4:
        return _indicator(random)
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


def _indicator(random: Random, least: int = 1, relation: str = "") -> g.Node:
    shape = tuple(random.choice(DIMS) for _ in range(random.randint(least, 3)))
    coefficients = [random.choice((1, 1, -1, -1, 2, -2, 0)) for _ in shape]
    offset = random.choice((0, 0, 1, -1, 2, DIMS[0] - 1, -DIMS[1], 1 - DIMS[2]))
    return g.indicator(coefficients, offset, relation or random.choice("=≥"), shape)


def _window(random: Random, nodes: list[g.Node], labels: list[g.Node]) -> g.Node:
    """Some axes of an operand read at places, of which the result sums some over."""
    x = random.choice([n for n in nodes if n.rank] or nodes)
    accesses, dims = [(x, tuple(range(x.rank)))], dict(enumerate(x.shape))
    kept = [k for k in dims if random.random() < 0.5]
    for axis in random.sample(range(x.rank), min(x.rank, random.randint(1, 2))):
        new = [random.choice(DIMS) for _ in range(random.randint(0, 2))]
        own = [len(dims) + k for k in range(len(new))]
        dims |= dict(zip(own, new, strict=True))
        if random.random() < 0.2 and x.rank > 1:  # a label of the operand's own
            new.append(x.shape[axis - 1])
            own.append((axis - 1) % x.rank)
        coefficients = (1, *(random.choice((-1, -1, -2, 1)) for _ in new))
        offset = random.choice((0, 0, 1, -1, DIMS[0] - 1, -DIMS[1]))
        condition = g.indicator(coefficients, offset, "=", (x.shape[axis], *new))
        if condition.kind is g.Kind.INDICATOR:
            accesses.append((condition, (axis, *own)))
        kept = [k for k in kept if k != axis] + [k for k in own if k >= x.rank]
    kept = [k for k in kept if random.random() < 0.8][:4]
    if random.random() < 0.5:
        accesses.append((_leaf_of(random, dims), tuple(dims)[-2:]))
    if len(dims) > 6:
        return x
    number = {k: n for n, k in enumerate(random.sample(kept, len(kept)))}
    shape = tuple(dims[k] for k in number)
    for k in dims:
        number.setdefault(k, len(number))
    return g.product([(n, tuple(number[k] for k in own)) for n, own in accesses], shape)


def _leaf_of(random: Random, dims: dict) -> g.Node:
    shape = tuple(dims.values())[-2:]
    name = "w" + "x".join(map(str, shape))
    return g.leaf(name, shape, sp.Symbol(name))


def _unwindow(random: Random, nodes: list[g.Node], labels: list[g.Node]) -> g.Node:
    """Some axes of an operand added up at places of new axes."""
    x = random.choice([n for n in nodes if n.rank] or nodes)
    if not x.rank:
        return x
    axes = random.sample(range(x.rank), random.randint(1, min(2, x.rank)))
    stays = [k for k in range(x.rank) if k not in axes]
    size = random.choice(DIMS)
    coefficients = (1, *(random.choice((-1, -2, -3, 1)) for _ in axes))
    offset = random.choice((0, 1, -1, -DIMS[0], 2))
    condition = g.indicator(coefficients, offset, "=", (size, *(x.shape[k] for k in axes)))
    number = {k: n + 1 for n, k in enumerate(stays)}
    for k in axes:
        number[k] = len(number) + 1
    return g.product(
        [
            (x, tuple(number[k] for k in range(x.rank))),
            (condition, (0, *(number[k] for k in axes))),
        ],
        (size, *(x.shape[k] for k in stays)),
    )


def _argmax(random: Random, nodes: list[g.Node], labels: list[g.Node]) -> g.Node:
    """Of leaves only: entries that are equal but for rounding have no certain order."""
    ranked = [n for n in nodes if n.kind is g.Kind.LEAF and n.rank]
    if not ranked:
        return nodes[0]
    z = random.choice(ranked)
    axis = random.randrange(z.rank)
    rest = [k for k in range(z.rank) if k != axis]
    number = {k: n for n, k in enumerate([*rest, axis])}
    winner = g.reduce(
        "argmax", z, tuple(number[k] for k in range(z.rank)), tuple(z.shape[k] for k in rest)
    )
    chosen = g.onehot(winner, z.shape[axis])
    axes = tuple(range(z.rank))
    own = tuple(number[k] for k in range(z.rank))
    if random.random() < 0.3:
        return chosen
    shape = random.choice((chosen.shape[:-1], chosen.shape, chosen.shape[-1:]))
    keep = axes[-1:] if len(shape) == 1 and z.rank != 2 else axes[: len(shape)]
    if shape == chosen.shape[-1:]:
        keep = axes[-1:]
    order = {k: n for n, k in enumerate([*keep, *(k for k in axes if k not in keep)])}
    return g.product(
        [(chosen, tuple(order[k] for k in axes)), (z, tuple(order[k] for k in own))], shape
    )


def _linalg(random: Random, nodes: list[g.Node], labels: list[g.Node]) -> g.Node:
    """Of 5·I + sin(a), whose diagonal dominates."""
    n = random.choice(DIMS)
    batch = tuple(random.choice(DIMS) for _ in range(random.randint(0, 1)))
    a = g.leaf(f"q{batch}{n}", (*batch, n, n), sp.Symbol("q"))
    axes = tuple(range(a.rank))
    wave = g.apply(sp.sin(g.slot(0)), [(a, axes)], a.shape)
    matrix = g.add([(1, wave, axes), (5, g.delta(n), axes[-2:])], a.shape)
    own = random.choice((axes, (*axes[:-2], axes[-1], axes[-2])))
    op = random.choice(("inverse", "det", "logdet"))
    return g.linalg(op, matrix, own, a.shape if op == "inverse" else batch)


def _sparsemax(random: Random, nodes: list[g.Node], labels: list[g.Node]) -> g.Node:
    z = random.choice([n for n in nodes if n.rank] or nodes)
    if not z.rank:
        return z
    axis = random.randrange(z.rank)
    rest = [k for k in range(z.rank) if k != axis]
    number = {k: n for n, k in enumerate([*rest, axis])}
    own = tuple(number[k] for k in range(z.rank))
    op = random.choice(("sparsemax_threshold", "sparsemax_value"))
    return g.reduce(op, z, own, tuple(z.shape[k] for k in rest))


def _named(random: Random, nodes: list[g.Node], labels: list[g.Node]) -> g.Node:
    return g.named(random.choice(("h", "δ2", "lambda", "x_{1}", "t1")), random.choice(nodes))


def program_of(
    roots: list[g.Node], extra: tuple[g.Node, ...] = (), symbols: Iterable[sp.Symbol] = SYMBOLS
) -> Program:
    """The program for ``roots``: a function of its leaves (and ``extra``), then of ``symbols``."""
    symbols = list(symbols)
    leaves = list(dict.fromkeys([*g.leaves(roots), *extra]))
    names = Names({"np", "function"})
    inputs = [Input(names.unique(x.name), x.name, x.shape, x.shape) for x in leaves]
    sizes = [Input(names.unique(str(s)), str(s), (), (), "integer") for s in symbols]
    dimensions = tuple(
        Dimension(s, entry.name, len(inputs) + k, None)
        for k, (s, entry) in enumerate(zip(symbols, sizes, strict=True))
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
