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
