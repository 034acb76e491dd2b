"""The values of a graph at a point, in floats or in exact numbers.

Why it exists: a claim is tried, proved and refuted by computing it, literally, without any law of
ours in between. Arrays are NumPy's: of floats where a guess is tried thousands of times, of
`Number` objects where it is decided. One function for each kind of node, as in `graph`.

``done`` holds values that are known already. A caller may put others there: a value in the place of
a node is how an edit is tried without building the edited graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
import sympy as sp

from symgrad import graph as g
from symgrad.graph import Dim, Kind, Labels, Node
from symgrad.verification.arrays import Exactly, Numbers, scalar
from symgrad.verification.bodies import height, rooted, turns
from symgrad.verification.field import CIRCULAR, PLAIN, keyed
from symgrad.verification.number import Exact


class Place(Protocol):
    """What is needed of a point (`points.Point`)."""

    @property
    def sizes(self) -> Mapping[sp.Symbol, int]:
        """A number for each dimension symbol."""

    @property
    def values(self) -> Mapping[str, np.ndarray]:
        """The leaves by name."""

    @property
    def numbers(self) -> Mapping[sp.Symbol, int]:
        """What each dimension symbol is where it is no dimension but a number in a formula."""

    @property
    def repeats(self) -> Mapping[sp.Symbol, int]:
        """How many places the last place of a dimension stands for, where that is not one."""

    def size(self, dim: Dim) -> int:
        """A dimension as a number."""


def evaluate(
    roots: Sequence[Node],
    point: Place,
    numbers: Numbers,
    done: dict[Node, np.ndarray] | None = None,
) -> list[np.ndarray]:
    """The arrays that ``roots`` are at a point.

    ``done`` is filled with every value that was computed. In exact numbers raises Retry where a
    value is not known at this point; raises UnsupportedError for a function without a value.
    """
    known: dict[Node, np.ndarray] = {} if done is None else done
    with np.errstate(all="ignore"):
        for node in g.topological(roots, lambda n: () if n in known else n.args):
            if node not in known:
                args = [known[arg] for arg in node.args]
                known[node] = _RULES[node.kind](node, args, point, numbers)
    return [known[root] for root in roots]


def height_of(roots: Sequence[Node]) -> int:
    """The levels of the tower that graphs need: how deep exponentials are nested, and one."""
    deep: dict[Node, int] = {}
    for node in g.topological(roots):
        below = max((deep[arg] for arg in node.args), default=0)
        own = max((height(x) for x in _bodies(node)), default=0)
        deep[node] = below + own + (node.kind is Kind.REDUCE and node.op == "logsumexp")
    return 1 + max((deep[root] for root in roots), default=0)


def _bodies(node: Node) -> Sequence[sp.Expr]:
    """The expressions of which a node takes values: a body, a constant, or weights such as e/2."""
    if node.kind is Kind.SUM:
        return [sp.sympify(c) for c in node.weights if not getattr(c, "is_Rational", False)]
    if node.kind is Kind.MAP:
        return [node.body]
    return [node.value] if node.kind is Kind.CONST else []


def field_for(roots: Sequence[Node], seed: int = 0) -> Exact:
    """The field that the values of graphs are computed in."""
    turning = any(turns(x) for n in g.topological(roots) for x in _bodies(n))
    kind = CIRCULAR if turning else PLAIN
    return Exact(height_of(roots), seed, kind, fingerprint(roots))


def fingerprint(roots: Sequence[Node]) -> int:
    """A number that graphs choose, so that none is written for primes or points known before.

    0 of graphs with roots: where these exist is luck, and at the first points there is enough.
    """
    if takes_roots(roots):
        return 0
    order = {node: k for k, node in enumerate(g.topological(roots))}
    parts = [
        (
            node.kind.name,
            str(node.shape),
            node.labels,
            [order[x] for x in node.args],
            str(node.data),
        )
        for node in order
    ]
    return keyed(0, parts, [order[x] for x in roots])


def exact(roots: Sequence[Node], seed: int = 0) -> Exactly:
    """Exact numbers that the values of graphs can be computed in."""
    return Exactly(field_for(roots, seed))


def takes_roots(roots: Sequence[Node]) -> bool:
    """Whether a value below ``roots`` is a root, which not every number has modulo a prime."""
    return any(rooted(n.body) for n in g.topological(roots) if n.kind is Kind.MAP)


# ------------------------------------------------------------------------------ kinds of nodes

Args = Sequence[np.ndarray]


def _leaf(node: Node, args: Args, point: Place, numbers: Numbers) -> np.ndarray:
    return numbers.leaf(point.values[node.name])


def _shape(node: Node, point: Place) -> tuple[int, ...]:
    return tuple(map(point.size, node.shape))


def _const(node: Node, args: Args, point: Place, numbers: Numbers) -> np.ndarray:
    return numbers.full(node.value, _shape(node, point), point.numbers)


def _delta(node: Node, args: Args, point: Place, numbers: Numbers) -> np.ndarray:
    return numbers.mask(np.eye(_shape(node, point)[0], dtype=bool))


def _indicator(node: Node, args: Args, point: Place, numbers: Numbers) -> np.ndarray:
    coefficients, offset, relation = node.affine
    shape = _shape(node, point)
    offset = sp.sympify(offset)  # positions are counted by sizes
    free = {s: sp.Integer(point.size(s)) for s in offset.free_symbols}
    total = np.full(shape, int(offset.xreplace(free)))
    for c, axis in zip(coefficients, np.indices(shape), strict=True):
        total = total + c * axis
    return numbers.mask(total == 0 if relation == "=" else total >= 0)


def _onehot(node: Node, args: Args, point: Place, numbers: Numbers) -> np.ndarray:
    index = numbers.positions(args[0])
    return numbers.mask(index[..., None] == np.arange(point.size(node.shape[-1])))


def _named(node: Node, args: Args, point: Place, numbers: Numbers) -> np.ndarray:
    return args[0]


def _aligned(array: np.ndarray, labels: Labels, rank: int) -> np.ndarray:
    """An operand with its axes in the order of the labels 0 … rank − 1, and 1 where it has none."""
    if labels == tuple(range(rank)):
        return array
    if len(set(labels)) < len(labels):
        kept = sorted(set(labels))
        array, labels = np.einsum(array, list(labels), kept), tuple(kept)
    order = sorted(range(len(labels)), key=labels.__getitem__)
    at = tuple(slice(None) if k in labels else None for k in range(rank))
    return array.transpose(order)[at]


def _sum(node: Node, args: Args, point: Place, numbers: Numbers) -> np.ndarray:
    shape = _shape(node, point)
    if not args:
        return numbers.full(sp.S.Zero, shape)
    total: Any = None
    for c, x, labels in zip(node.weights, args, node.labels, strict=True):
        term = _aligned(x, labels, node.rank)
        if c == -1:
            term = -term
        elif c != 1:
            term = numbers.full(c, (), point.numbers) * term
        total = term if total is None else total + term
    return _whole(total, shape)


def _whole(array: Any, shape: tuple[int, ...]) -> np.ndarray:
    """An array of a shape; NumPy turns one without axes into its entry."""
    if not isinstance(array, np.ndarray):
        array = scalar(array)
    return array if array.shape == shape else np.broadcast_to(array, shape)


def _product(node: Node, args: Args, point: Place, numbers: Numbers) -> np.ndarray:
    shape = _shape(node, point)
    if not args:
        return numbers.full(sp.S.One, shape)
    extents = len(g.label_dims(node))
    result: Any = None
    all_labels = list(node.labels)
    for label, times in _repeated(node, point):
        args, all_labels = (
            [*args, _times(node, label, times, point, numbers)],
            [*all_labels, (label,)],
        )
    if extents == node.rank:
        for x, labels in zip(args, all_labels, strict=True):
            term = _aligned(x, labels, node.rank)
            result = term if result is None else result * term
        return _whole(result, shape)
    carried = sorted({x for labels in node.labels for x in labels if x < node.rank})
    if args[0].dtype == object:  # einsum starts from the integer 0
        for x, labels in zip(args, all_labels, strict=True):
            term = _aligned(x, labels, extents)
            result = term if result is None else result * term
        result = result.sum(axis=tuple(range(node.rank, extents)))
        return _whole(result, shape)
    operands: list[Any] = []
    for x, labels in zip(args, all_labels, strict=True):
        operands += [x, list(labels)]
    result = np.asarray(np.einsum(*operands, carried))
    return _whole(_aligned(result, tuple(carried), node.rank), shape)


def _repeated(node: Node, point: Place) -> list[tuple[int, int]]:
    """The contracted labels whose last place stands for several, and for how many."""
    if not point.repeats:
        return []
    dims = g.label_dims(node)
    return [
        (label, point.repeats[n])
        for label, n in dims.items()
        if label >= node.rank and isinstance(n, sp.Symbol) and n in point.repeats
    ]


def _times(node: Node, label: int, times: int, point: Place, numbers: Numbers) -> np.ndarray:
    """How often each place along a label counts."""
    count = np.full(point.size(g.label_dims(node)[label]), Fraction(1), dtype=object)
    count[-1] = Fraction(times)
    return numbers.leaf(count)


def _map(node: Node, args: Args, point: Place, numbers: Numbers) -> np.ndarray:
    operands = [_aligned(x, labels, node.rank) for x, labels in zip(args, node.labels, strict=True)]
    return _whole(numbers.apply(node.body, operands, point.numbers), _shape(node, point))


def _over(node: Node, args: Args) -> np.ndarray:
    """The operand of a reduction, the axes of the result first, then those reduced."""
    count = len(g.label_dims(node))
    array = np.einsum(args[0], list(node.labels[0]), sorted(set(node.labels[0])))
    return _aligned(array, tuple(sorted(set(node.labels[0]))), count)


def _reduce(node: Node, args: Args, point: Place, numbers: Numbers) -> np.ndarray:
    array = _over(node, args)
    for label, times in _repeated(node, point) if node.op == "logsumexp" else ():
        more = numbers.full(sp.log(times), ())  # eᵗ, so many times
        array = array.copy()
        last = (slice(None),) * label + (-1,)
        array[last] = array[last] + more
    rows = array.reshape(*array.shape[: node.rank], -1)
    return _whole(numbers.reduce(node.op, rows), _shape(node, point))


def _linalg(node: Node, args: Args, point: Place, numbers: Numbers) -> np.ndarray:
    return _whole(numbers.linalg(node.op, _over(node, args)), _shape(node, point))


_RULES: dict[Kind, Callable[[Node, Args, Place, Numbers], np.ndarray]] = {
    Kind.LEAF: _leaf,
    Kind.CONST: _const,
    Kind.DELTA: _delta,
    Kind.ONEHOT: _onehot,
    Kind.INDICATOR: _indicator,
    Kind.SUM: _sum,
    Kind.PRODUCT: _product,
    Kind.MAP: _map,
    Kind.REDUCE: _reduce,
    Kind.LINALG: _linalg,
    Kind.NAMED: _named,
}
