"""A graph, read literally: nested loops over labels, one line a kind of node.

Slow on purpose and free of any rewriting, so that it can judge the passes: a pass that preserves
values preserves what this computes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp
from oracle import FLOAT, Net, Numbers, _softmax, scalar

from symgrad import graph as g
from symgrad.graph import Kind, Node, slot


class Interpreter:
    """The values of nodes at one point; what has been computed is remembered."""

    def __init__(self, net: Net, env: Mapping[str, Any], n: Numbers = FLOAT) -> None:
        self.net, self.env, self.n = net, env, n
        self.done: dict[Node, np.ndarray] = {}

    def __call__(self, root: Node) -> np.ndarray:
        done = self.done
        with np.errstate(all="ignore"):
            for node in g.topological([root], lambda node: () if node in done else node.args):
                if node not in done:
                    done[node] = _one(node, done, self.net, self.env, self.n)
        return done[root]


def interpret(
    roots: Sequence[Node], net: Net, env: Mapping[str, Any], n: Numbers = FLOAT
) -> list[np.ndarray]:
    """The arrays that ``roots`` stand for; ``env`` has the leaves by name."""
    return list(map(Interpreter(net, env, n), roots))


def _one(
    node: Node, done: Mapping[Node, np.ndarray], net: Net, env: Mapping[str, Any], n: Numbers
) -> np.ndarray:
    shape = tuple(net.size(x) for x in node.shape)
    result = n.array(shape)
    if node.kind is Kind.LEAF:
        given = env[node.name]
        if isinstance(given, np.ndarray):
            for to, x in zip(np.ndindex(*shape), given.reshape(-1), strict=True):
                result[to] = n.number(x)
        else:
            result[()] = n.number(given)
        return result
    extents = {k: net.size(x) for k, x in g.label_dims(node).items()}
    contracted = [range(extents[k]) for k in sorted(extents) if k >= node.rank]
    args = [done[arg] for arg in node.args]
    weights = (
        [n.number(c.subs(net.dims) if c.free_symbols else c) for c in node.weights]
        if node.kind is Kind.SUM
        else []
    )
    for at in np.ndindex(*shape):

        def operands(more: Sequence[int] = (), at: tuple[int, ...] = at) -> list[Any]:
            where = (*at, *more)
            return [
                array[tuple(where[x] for x in labels)]
                for array, labels in zip(args, node.labels, strict=True)
            ]

        match node.kind:
            case Kind.CONST:
                result[at] = n.number(sp.sympify(node.value).subs(net.dims))
            case Kind.DELTA:
                result[at] = n.number(int(at[0] == at[1]))
            case Kind.ONEHOT:
                index = operands()[0] if args[0].ndim else args[0][()]
                result[at] = n.number(int(int(n.real(index)) == at[-1]))
            case Kind.SUM:
                total = n.number(0)
                for c, x in zip(weights, operands(), strict=True):
                    total = total + c * x
                result[at] = total
            case Kind.MAP:
                bound = {slot(k): x for k, x in enumerate(operands())}
                result[at] = scalar(node.body, bound.get, n)
            case Kind.NAMED:
                result[at] = operands()[0]
            case Kind.PRODUCT:
                total = n.number(0)
                for more in np.ndindex(*(len(r) for r in contracted)):
                    factor = n.number(1)
                    for x in operands(more):
                        factor = factor * x
                    total = total + factor
                result[at] = total
            case Kind.REDUCE:
                assert node.op == "logsumexp"
                row = [operands(more)[0] for more in np.ndindex(*(len(r) for r in contracted))]
                result[at] = _softmax(n, np.array(row, dtype=n.dtype))[1]
    return result
