"""The meaning of a graph, spelled out: each kind of node by its definition, with dense arrays.

Shares nothing with the code generators: no lowering, no order of contraction, no gather. Every
product is one array over all of its labels, which is why it is for small shapes only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import sympy as sp
from scipy.special import logsumexp

from symgrad import graph as g
from symgrad.vocabulary import plain


def evaluate(roots: Sequence[g.Node], leaves: Mapping[str, object], sizes: Mapping) -> list:
    """The arrays of ``roots``; ``sizes`` gives the dimension symbols."""
    values: dict[g.Node, np.ndarray] = {}
    for node in g.topological(roots):
        shape = tuple(_size(n, sizes) for n in node.shape)
        values[node] = np.broadcast_to(_value(node, shape, values, leaves, sizes), shape)
    return [values[root] for root in roots]


def _size(n: object, sizes: Mapping) -> int:
    return int(sp.sympify(n).subs(sizes))


def _value(node, shape, values, leaves, sizes):
    dims = {k: _size(n, sizes) for k, n in g.label_dims(node).items()}
    operands = [_spread(values[a.node], a.labels, len(dims)) for a in node.accesses]
    contracted = tuple(range(node.rank, len(dims)))
    match node.kind:
        case g.Kind.LEAF:
            return np.asarray(leaves[node.name])
        case g.Kind.CONST:
            return np.full(shape, float(node.value.subs(sizes)))
        case g.Kind.DELTA:
            return np.eye(shape[0])
        case g.Kind.ONEHOT:
            return np.asarray(values[node.args[0]][..., None] == np.arange(shape[-1]), float)
        case g.Kind.SUM:
            weights = [float(w.subs(sizes)) for w in node.weights]
            return sum((w * x for w, x in zip(weights, operands, strict=True)), np.zeros(shape))
        case g.Kind.PRODUCT:
            whole = np.ones([dims[k] for k in range(len(dims))])
            for x in operands:
                whole = whole * x
            return whole.sum(axis=contracted)
        case g.Kind.MAP:
            slots = [g.slot(k) for k in range(len(operands))]
            return sp.lambdify(slots, plain(node.body.subs(sizes)), "numpy")(*operands)
        case g.Kind.REDUCE:
            whole = np.broadcast_to(operands[0], [dims[k] for k in range(len(dims))])
            if node.op in ("argmax", "sparsemax_threshold", "sparsemax_value"):
                return (
                    _ALONG[node.op](np.moveaxis(whole, contracted[0], -1))
                    if contracted
                    else (_ALONG[node.op](whole[..., None]))
                )
            function = {"max": np.max, "logsumexp": logsumexp}[node.op]
            return function(whole, axis=contracted) if contracted else whole
        case g.Kind.INDICATOR:
            c, offset, relation = node.affine
            total = _size(offset, sizes) + sum(
                (x * k for x, k in zip(c, np.indices(shape), strict=True)), np.zeros(shape)
            )
            return np.asarray((total == 0) if relation == "=" else (total >= 0), float)
        case g.Kind.LINALG:
            pair = (node.rank - 2, node.rank - 1) if node.op == "inverse" else contracted
            whole = np.broadcast_to(operands[0], [dims[k] for k in range(len(dims))])
            matrices = np.moveaxis(whole, pair, (-2, -1))
            if node.op == "inverse":
                return np.linalg.solve(matrices, np.eye(matrices.shape[-1]))
            det = np.linalg.det(matrices)
            return det if node.op == "det" else np.log(np.abs(det))
        case g.Kind.NAMED:
            return values[node.args[0]]


def _projected(z):
    """The Euclidean projection of each row on the simplex, by bisection for its threshold."""
    low, high = z.max(axis=-1, keepdims=True) - 1, z.max(axis=-1, keepdims=True)
    for _ in range(200):
        middle = (low + high) / 2
        above = np.maximum(z - middle, 0).sum(axis=-1, keepdims=True) > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.maximum(z - low, 0), low[..., 0]


def _conjugate(z):
    p, _ = _projected(z)
    return (p * z - p**2 / 2).sum(axis=-1)


_ALONG = {
    "argmax": lambda z: z.argmax(axis=-1),
    "sparsemax_threshold": lambda z: _projected(z)[1],
    "sparsemax_value": _conjugate,
}


def _spread(x, labels, count):
    """An operand as an array with one axis for each label of the node."""
    unique = sorted(set(labels))
    x = np.einsum(x, list(labels), unique) if labels else x
    shape = [1] * count
    for label, n in zip(unique, np.shape(x), strict=True):
        shape[label] = n
    return np.reshape(x, shape)
