"""A graph, read literally: nested loops over labels, one line a kind of node.

Slow on purpose and free of any rewriting, so that it can judge the passes: a pass that preserves
values preserves what this computes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp
from functions_of_arrays import sparsemax
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
            case Kind.INDICATOR:
                c, b, relation = node.affine
                total = sum(x * y for x, y in zip(c, at, strict=True)) + net.size(b)
                result[at] = n.number(int(total == 0 if relation == "=" else total >= 0))
            case Kind.LINALG:
                size = extents[max(extents)]
                if node.op == "inverse":
                    size = shape[-1]
                    places = [[(*at[:-2], i, j) for j in range(size)] for i in range(size)]
                else:
                    places = [[(*at, i, j) for j in range(size)] for i in range(size)]
                entries = [
                    [args[0][tuple(w[x] for x in node.labels[0])] for w in row] for row in places
                ]
                result[at] = _linalg(node.op, entries, at)
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
                row = [operands(more)[0] for more in np.ndindex(*(len(r) for r in contracted))]
                if node.op in ("max", "argmax"):
                    best = max(range(len(row)), key=lambda k: n.real(row[k]))
                    result[at] = row[best] if node.op == "max" else n.number(best)
                    continue
                if node.op.startswith("sparsemax"):
                    threshold, value = sparsemax(n, row)
                    result[at] = threshold if node.op == "sparsemax_threshold" else value
                    continue
                assert node.op == "logsumexp"
                result[at] = _softmax(n, np.array(row, dtype=n.dtype))[1]
    return result


def _linalg(op: str, entries: Sequence[Sequence[Any]], at: tuple[int, ...]) -> Any:
    """By cofactors, which are a definition and no algorithm."""

    def det(rows: Sequence[Sequence[Any]]) -> Any:
        if not rows:
            return 1
        return sum(
            (-1) ** k * rows[0][k] * det([[*r[:k], *r[k + 1 :]] for r in rows[1:]])
            for k in range(len(rows))
        )

    if op == "det":
        return det(entries)
    if op == "logdet":
        value = det(entries)
        return np.log(value * (1 if value.real > 0 else -1))
    i, j = at[-2:]
    minor = [[*r[:i], *r[i + 1 :]] for k, r in enumerate(entries) if k != j]
    return (-1) ** (i + j) * det(minor) / det(entries)
