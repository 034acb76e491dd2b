"""Random graphs and random declarations, driven by one function that chooses.

``choose(options)`` is hypothesis's (so that failures shrink) or ``random.Random(seed).choice``
(for campaigns). Values stay bounded: growing functions are applied to tanh of things.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp
from oracle import Net
from sympy import MatrixSymbol, OneMatrix, Symbol, Trace, hadamard_product, symbols

import symgrad as sg
from symgrad import graph as g
from symgrad.functions import softmax_node
from symgrad.graph import Node, slot
from symgrad.vocabulary import sigmoid, softplus

Choose = Callable[[Sequence[Any]], Any]

M, N = symbols("M N", integer=True, positive=True)
SIZES: list[dict[Any, int]] = [{M: 2, N: 3}, {M: 3, N: 1}, {M: 1, N: 2}]
"""What the symbolic dimensions are bound to, after everything is derived."""


# ------------------------------------------------------------------------------ raw graph nodes

_BODIES = [
    sp.tanh(slot(0)),
    sp.exp(slot(0)),
    1 / slot(0),
    sp.log(slot(0)),
    sigmoid(slot(0)),
    softplus(slot(0)),
    sp.sqrt(slot(0)),
    slot(0) ** 2,
    slot(0) * (1 - slot(0)),
    1 + sp.exp(slot(0)),
    slot(0) ** 5,
]
_BODIES_OF_TWO = [slot(0) * slot(1), slot(0) / slot(1), slot(0) - 2 * slot(1)]


def graph_leaves() -> list[Node]:
    """Leaves of every rank, with facts; dimensions M and N."""
    return [
        *(g.leaf(n, (), Symbol(n, real=True)) for n in "st"),
        *(g.leaf(n, (N,), MatrixSymbol(n, N, 1)) for n in "xy"),
        *(g.leaf(n, (M, N), MatrixSymbol(n, M, N)) for n in "AB"),
        g.leaf("Q", (N, N), MatrixSymbol("Q", N, N)),
        sg.simplex("p", N).node,
    ]


def graph_symbols() -> list[Any]:
    """The SymPy symbols of `graph_leaves`, and the label that their one-hots use."""
    return [
        *(leaf.leaf.symbol for leaf in graph_leaves() if not leaf.leaf.facts),
        *(sg.simplex("p", N), sg.label("c", N)),
    ]


def random_nodes(choose: Choose, size: int) -> list[Node]:
    """``size`` raw nodes, later ones over earlier ones; positive in value at positive leaves."""
    c = sg.label("c", N).node
    pool = [
        *graph_leaves(),
        *(g.const(1), g.const(2, (N,)), g.const(sp.Rational(1, 2), (M, N))),
        *(g.delta(N), g.onehot(c, N)),
    ]
    made: list[Node] = []
    while len(made) < size:
        node = _random_node(choose, pool)
        if node is not None:
            pool.append(node)
            made.append(node)
    return made


def _random_node(choose: Choose, pool: list[Node]) -> Node | None:
    shape = choose([(), (N,), (M, N), (N, N), (N, M)])
    kind = choose(["sum", "product", "product", "map", "map", "reduce", "named"])

    def labels(node: Node, extra: dict[Any, list[int]]) -> tuple[int, ...]:
        result = []
        for n in node.shape:
            options = [k for k, m in enumerate(shape) if m == n]
            if kind == "product":
                options += [*extra.setdefault(n, []), -1]
            if not options:
                return ()
            chosen = choose(options)
            if chosen == -1:
                chosen = len(shape) + sum(map(len, extra.values()))
                extra[n].append(chosen)
            result.append(chosen)
        return tuple(result)

    def operand(extra: dict[Any, list[int]]) -> tuple[Node, tuple[int, ...]] | None:
        node = choose(pool[-4:] + pool)
        found = labels(node, extra)
        return (node, found) if len(found) == node.rank else None

    extra: dict[Any, list[int]] = {}
    match kind:
        case "sum":
            terms = [operand(extra) for _ in range(choose([1, 2, 3]))]
            weights = [choose([1, 1, 2, sp.Rational(1, 2), 3]) for _ in terms]
            return g.add(
                [(w, *t) for w, t in zip(weights, terms, strict=True) if t is not None], shape
            )
        case "product":
            factors = [operand(extra) for _ in range(choose([1, 2, 2, 3]))]
            return g.product([f for f in factors if f is not None], shape)
        case "map":
            body = choose(_BODIES + _BODIES_OF_TWO)
            found = [operand(extra) for _ in range(2 if body.has(slot(1)) else 1)]
            if any(a is None for a in found):
                return None
            return g.apply(body, [a for a in found if a is not None], shape)
        case "reduce":
            node = choose([n for n in pool if n.rank])
            return g.reduce("logsumexp", node, tuple(range(node.rank)), node.shape[:-1])
        case _:
            node = choose(pool)
            return g.named(f"n{node.uid}", node)


# ------------------------------------------------------------------- networks of every rank


def network_leaves() -> list[Node]:
    """Leaves of the ranks 0 to 4, some square."""
    shapes: dict[str, tuple[Any, ...]] = {
        **{"s": (), "x": (N,), "y": (M,), "A": (M, N), "Q": (N, N)},
        **{"T": (2, M, N), "R": (M, N, N), "W": (M, 2, N, 3)},
    }
    return [
        g.leaf(n, shape, sp.IndexedBase(n, shape=shape) if len(shape) > 2 else Symbol(n, real=True))
        for n, shape in shapes.items()
    ]


def random_network(choose: Choose, size: int) -> Node:
    """A scalar made of ``size`` layers of every kind, with shared weights and fan-out."""
    pool = network_leaves()
    made: list[Node] = []
    while len(made) < size:
        node = choose(_LAYERS)(choose, pool)
        if node is not None and node.rank <= 4:
            node = _map(choose(_BOUNDED), node)
            pool.append(g.named(f"n{node.uid}", node) if choose([True, False]) else node)
            made.append(pool[-1])
    ends = [*made[-2:], choose(made)]
    parts = [g.product([(n, tuple(range(n.rank))), (n, tuple(range(n.rank)))], ()) for n in ends]
    return g.named("L", g.add([(sp.Rational(1, k + 2), n, ()) for k, n in enumerate(parts)], ()))


_BOUNDED = [sp.tanh(slot(0)), sigmoid(slot(0)), sp.sin(slot(0)), slot(0) / (1 + slot(0) ** 2)]


def _map(body: sp.Expr, *nodes: Node) -> Node:
    return g.apply(body, [(n, tuple(range(n.rank))) for n in nodes], nodes[0].shape)


def _pick(choose: Choose, pool: list[Node], least: int = 1) -> Node:
    return choose([n for n in pool[-4:] + pool if n.rank >= least])


def _layer_product(choose: Choose, pool: list[Node]) -> Node | None:
    """Two or three operands; equal extents share a label or not, and some labels are summed."""
    dims: dict[int, Any] = {}
    accesses = []
    for node in [_pick(choose, pool, 0) for _ in range(choose([2, 2, 3]))]:
        own: list[int] = []
        for n in node.shape:
            same = [k for k, m in dims.items() if m == n and (k not in own or choose([0, 0, 1]))]
            label = choose(same) if same and choose([1, 1, 0]) else len(dims)
            dims[label] = n
            own.append(label)
        accesses.append((node, own))
    kept = [k for k in dims if choose([True, False])][:4]
    if len(dims) > 6:
        return None
    number = {k: n for n, k in enumerate([*kept, *(k for k in dims if k not in kept)])}
    return g.product(
        [(n, tuple(number[k] for k in own)) for n, own in accesses], tuple(dims[k] for k in kept)
    )


def _layer_sum(choose: Choose, pool: list[Node]) -> Node | None:
    """A residual connection: a node, its transpose, and whatever broadcasts over it."""
    node = _pick(choose, pool)
    axes = tuple(range(node.rank))
    terms = [(1, node, axes), (choose([2, -1]), choose([n for n in pool if not n.rank]), ())]
    for other in pool:
        if 0 < other.rank <= node.rank and other.shape == node.shape[-other.rank :]:
            terms.append((sp.Rational(1, 2), other, axes[-other.rank :]))
    if node.rank > 1 and node.shape[0] == node.shape[-1]:
        terms.append((-1, node, (*axes[1:-1], axes[0], axes[-1])[::1] if node.rank == 2 else axes))
    return g.add(terms[:4], node.shape)


def _layer_window(choose: Choose, pool: list[Node]) -> Node | None:
    """A convolution by a kernel of the window itself, a pool, or a shift, along one axis."""
    node = _pick(choose, pool)
    axis, taps, stride = choose(range(node.rank)), choose([2, 3]), choose([1, 2])
    n = node.shape[axis]
    places = g.dim(sp.floor(sp.expand(n + 2 - taps) / sp.Integer(stride)) + 1)
    condition = g.indicator((1, -stride, -1), 1, "=", (n, places, taps))
    rank = node.rank
    out = [rank if k == axis else k for k in range(rank)]  # rank: places, rank + 1: taps
    factors = [(node, list(range(rank))), (condition, [axis, rank, rank + 1])]
    if choose([True, False]) and rank < 4:
        out.append(rank + 1)
    number = {k: n for n, k in enumerate([*out, *(k for k in range(rank + 2) if k not in out)])}
    dims = {**dict(enumerate(node.shape)), rank: places, rank + 1: taps}
    return g.product(
        [(n, tuple(number[k] for k in own)) for n, own in factors], tuple(dims[k] for k in out)
    )


def _layer_reduce(choose: Choose, pool: list[Node]) -> Node | None:
    node = _pick(choose, pool)
    op = choose(["max", "logsumexp", "sparsemax_value"])
    axis = choose(range(node.rank))
    rest = [k for k in range(node.rank) if k != axis]
    number = {k: n for n, k in enumerate([*rest, axis])}
    labels = tuple(number[k] for k in range(node.rank))
    return g.reduce(op, node, labels, tuple(node.shape[k] for k in rest))


def _layer_softmax(choose: Choose, pool: list[Node]) -> Node | None:
    """Over the last axis, of scores that a mask may hide."""
    node = _pick(choose, pool)
    axes = tuple(range(node.rank))
    if node.rank > 1 and choose([True, False]):
        mask = g.indicator((1, -1), choose([0, -1]), "≥", node.shape[-2:])
        node = g.add([(1, node, axes), (-9, mask, axes[-2:])], node.shape)
    return softmax_node(node, 1)


def _layer_mask(choose: Choose, pool: list[Node]) -> Node | None:
    node = _pick(choose, pool, 2)
    axes = tuple(range(node.rank))
    pair = (axes[0], axes[-1])
    shape = (node.shape[0], node.shape[-1])
    mask = g.indicator(choose([(1, -1), (-1, 1), (1, 2)]), choose([0, 1, -1]), "≥", shape)
    return g.product([(node, axes), (mask, pair)], node.shape)


def _layer_linalg(choose: Choose, pool: list[Node]) -> Node | None:
    """Of a matrix whose diagonal dominates."""
    square = [n for n in pool if n.rank > 1 and n.shape[-1] == n.shape[-2]]
    node = choose(square)
    axes = tuple(range(node.rank))
    matrix = g.add(
        [(1, _map(sp.tanh(slot(0)), node), axes), (5, g.delta(node.shape[-1]), axes[-2:])],
        node.shape,
    )
    op = choose(["inverse", "inverse", "det", "logdet"])
    own = choose([axes, (*axes[:-2], axes[-1], axes[-2])])
    result = g.linalg(op, matrix, own, node.shape if op == "inverse" else node.shape[:-2])
    return _map(slot(0) / 100, result) if op == "det" else result


def _layer_embedding(choose: Choose, pool: list[Node]) -> Node | None:
    node = choose([n for n in pool if n.rank and n.shape[-1] == N])
    c = sg.label("c", N).node
    return g.product(
        [(node, tuple(range(node.rank))), (g.onehot(c, N), (node.rank - 1,))], node.shape[:-1]
    )


_LAYERS = [
    *(_layer_product, _layer_product, _layer_sum, _layer_window, _layer_window, _layer_reduce),
    *(_layer_softmax, _layer_mask, _layer_linalg, _layer_embedding),
]


# ---------------------------------------------------------------------- through the public API


class Declaration:
    """A random loss, the leaves that it may depend on, and its net."""

    def __init__(self, choose: Choose, size: int) -> None:
        self.net = Net()
        self.choose = choose
        self.scalars: list[Any] = [Symbol("s", real=True), Symbol("t", real=True)]
        self.x = [MatrixSymbol("x", N, 1), MatrixSymbol("y", N, 1), sg.simplex("p", N)]
        self.u = [MatrixSymbol("u", M, 1)]
        self.A = [MatrixSymbol("A", M, N), MatrixSymbol("B", M, N)]
        self.Q = [MatrixSymbol("Q", N, N)]
        self.r = [MatrixSymbol("r", 1, N)]
        self.leaves = [*self.scalars, *self.x, *self.u, *self.A, *self.Q, *self.r]
        for _ in range(size):
            self._grow()
        self.loss = self._loss()
        below = {x.name for x in g.leaves([sg.let("all", self.loss).node])}
        self.wrt = [x for x in self.leaves if x.name in below]

    def _grow(self) -> None:
        choose = self.choose
        A, B, x, y = choose(self.A), choose(self.A), choose(self.x), choose(self.x)
        u, Q, r, s = choose(self.u), choose(self.Q), choose(self.r), choose(self.scalars)
        f = choose([sg.tanh, sg.sigmoid, sg.softplus])
        t = Symbol("t", real=True)
        pool, make = choose(
            [
                (self.A, lambda: f(A)),
                (self.A, lambda: hadamard_product(A, B)),
                (self.A, lambda: A + s * B),
                (self.A, lambda: A * Q / 2),
                (self.A, lambda: u * x.T),
                (self.A, lambda: A.applyfunc(sp.Lambda(t, sp.sin(t) / (1 + t**2)))),
                (self.A, lambda: OneMatrix(M, 1) * r + A),
                (self.Q, lambda: sg.tanh(A.T * B)),
                (self.Q, lambda: Q.T + sp.Identity(N) / 3),
                (self.Q, lambda: y * x.T - Q),
                (self.x, lambda: sg.tanh(A.T * u)),
                (self.x, lambda: f(Q * x + y)),
                (self.x, lambda: sg.softmax(x)),
                (self.x, lambda: x + y / 2),
                (self.x, lambda: r.T - s * y),
                (self.x, lambda: hadamard_product(x, x)),
                (self.x, lambda: sg.exp(sg.tanh(x))),
                (self.u, lambda: A * x),
                (self.u, lambda: f(A * hadamard_product(x, y) + u)),
                (self.u, lambda: A * OneMatrix(N, 1) / 2),
                (self.r, lambda: sg.tanh(u.T * A)),
                (self.r, lambda: (x + y).T * Q),
                (self.scalars, lambda: sg.dot(x, y)),
                (self.scalars, lambda: sg.logsumexp(x)),
                (self.scalars, lambda: sp.tanh(s) * sg.sum(A) / 3),
                (self.scalars, lambda: Trace(Q) / 2),
                (self.scalars, lambda: sp.exp(sp.tanh(s)) + self.A[0][0, 0]),
                (self.scalars, lambda: sg.squared_error(x, y)),
                (self.scalars, lambda: sg.cross_entropy(sg.softmax(x), y)),
            ]
        )
        value = make()
        if choose([True, False]):
            value = self.net.let(f"n{len(self.net.definitions)}", value)
        pool.append(value)

    def _loss(self) -> Any:
        choose = self.choose
        last = [pool[-1] for pool in (self.A, self.Q, self.x, self.u, self.r)]
        one, two = choose(last), choose(last)
        return sg.sum(sg.tanh(one)) + sg.dot(two, two) / 2 + choose(self.scalars[-2:]) ** 2
