"""The values of a graph in exact arithmetic, where whole numbers and fractions are given.

Why it exists: the numbers of an exercise are 8, 24, 6 and 30, and a third is 1/3. Where an
operation leaves the rational numbers, as σ(7) does, there is no exact value, and the caller
computes with floating-point numbers instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp

from symgrad import graph as g
from symgrad.graph import Dim, Kind, Node, slot


class NotRationalError(Exception):
    """A value that is no rational number: caught where `exact_values` is called."""


def exact_values(
    roots: Sequence[Node], leaves: Mapping[Node, Any], sizes: Mapping[sp.Basic, int]
) -> list[Any]:
    """Arrays of SymPy's rational numbers; ``leaves`` has those of the leaves, ``sizes`` dimensions.

    Raises NotRationalError where there is none.
    """
    import numpy as np

    done: dict[Node, Any] = dict(leaves)
    for node in g.topological(roots, lambda n: () if n in leaves else n.args):
        if node not in done:
            if node.kind not in _VALUES:
                raise NotRationalError(node.kind.value)
            found = _VALUES[node.kind](node, [done[x] for x in node.args], sizes)
            done[node] = np.asarray(found, object)
    return [done[root] for root in roots]


def _size(n: Dim, sizes: Mapping[sp.Basic, int]) -> int:
    value: sp.Expr = sp.sympify(n)
    value = value.subs(sizes) if value.free_symbols else value
    if not value.is_Integer:
        raise NotRationalError(str(n))
    return int(value)


def _rational(value: Any, sizes: Mapping[sp.Basic, int]) -> sp.Rational:
    found = sp.sympify(value)
    found = found.subs(sizes) if found.free_symbols else found
    found = found if found.is_Rational else found.doit()
    if not found.is_Rational:
        raise NotRationalError(str(value))
    return found


def _shape(node: Node, sizes: Mapping[sp.Basic, int]) -> tuple[int, ...]:
    return tuple(_size(n, sizes) for n in node.shape)


def _contracted(
    node: Node, operands: Sequence[tuple[Any, Sequence[int]]], sizes: Mapping[sp.Basic, int]
) -> Any:
    """Σ of the product of arrays, each with its labels, onto the axes of a node."""
    import numpy as np

    carried = {x for _, labels in operands for x in labels}
    ones = [
        (np.full(n, sp.S.One, object), (k,))
        for k, n in enumerate(_shape(node, sizes))
        if k not in carried
    ]
    parts = [part for array, labels in [*operands, *ones] for part in (array, list(labels))]
    return np.einsum(*parts, list(range(node.rank))) if parts else sp.S.One


def _sum(node: Node, args: Sequence[Any], sizes: Mapping[sp.Basic, int]) -> Any:
    terms = zip(node.weights, args, node.labels, strict=True)
    return sum(
        (_rational(c, sizes) * _contracted(node, [(a, labels)], sizes) for c, a, labels in terms),
        sp.S.Zero,
    )


def _product(node: Node, args: Sequence[Any], sizes: Mapping[sp.Basic, int]) -> Any:
    return _contracted(node, list(zip(args, node.labels, strict=True)), sizes)


def _map(node: Node, args: Sequence[Any], sizes: Mapping[sp.Basic, int]) -> Any:
    def entry(at: tuple[int, ...]) -> sp.Rational:
        values = {
            slot(k): array[tuple(at[x] for x in labels)]
            for k, (array, labels) in enumerate(zip(args, node.labels, strict=True))
        }
        return _rational(node.body.xreplace(values), sizes)

    return _filled(_shape(node, sizes), entry)


def _indicator(node: Node, _: Sequence[Any], sizes: Mapping[sp.Basic, int]) -> Any:
    coefficients, offset, relation = node.affine
    b = _size(offset, sizes)

    def entry(at: tuple[int, ...]) -> sp.Integer:
        total = sum(c * x for c, x in zip(coefficients, at, strict=True)) + b
        return sp.Integer(total == 0 if relation == "=" else total >= 0)

    return _filled(_shape(node, sizes), entry)


def _delta(node: Node, _: Sequence[Any], sizes: Mapping[sp.Basic, int]) -> Any:
    return _filled(_shape(node, sizes), lambda at: sp.Integer(at[0] == at[1]))


def _onehot(node: Node, args: Sequence[Any], sizes: Mapping[sp.Basic, int]) -> Any:
    return _filled(_shape(node, sizes), lambda at: sp.Integer(args[0][at[:-1]] == at[-1]))


def _const(node: Node, _: Sequence[Any], sizes: Mapping[sp.Basic, int]) -> Any:
    return _filled(_shape(node, sizes), lambda at: _rational(node.value, sizes))


def _reduce(node: Node, args: Sequence[Any], sizes: Mapping[sp.Basic, int]) -> Any:
    """The largest entry, or where it is."""
    import numpy as np

    if node.op not in ("max", "argmax"):
        raise NotRationalError(node.op)
    (array,), (labels,) = args, node.labels
    inner = sorted({x for x in labels if x >= node.rank})
    lined = np.einsum(array, list(labels), [*range(node.rank), *inner])
    lined = lined.reshape(*lined.shape[: node.rank], -1)

    def entry(at: tuple[int, ...]) -> sp.Rational:
        row = list(lined[at])
        return sp.Integer(row.index(max(row))) if node.op == "argmax" else max(row)

    return _filled(_shape(node, sizes), entry)


def _filled(shape: tuple[int, ...], entry: Any) -> Any:
    import numpy as np

    result = np.empty(shape, object)
    for at in np.ndindex(*shape):
        result[at] = entry(at)
    return result


_VALUES: dict[Kind, Callable[[Node, Sequence[Any], Mapping[sp.Basic, int]], Any]] = {
    Kind.CONST: _const,
    Kind.DELTA: _delta,
    Kind.ONEHOT: _onehot,
    Kind.INDICATOR: _indicator,
    Kind.SUM: _sum,
    Kind.PRODUCT: _product,
    Kind.MAP: _map,
    Kind.REDUCE: _reduce,
    Kind.NAMED: lambda node, args, sizes: args[0],
}
"""The value of each kind; an inverse or a determinant is left to floating point."""
