"""The derivative of each kind of node: one row a kind.

Each rule receives a node, the number k of one operand and ``adj``, the adjoint ∂L/∂node, and
returns that operand's share of ∂L/∂aₖ. Because a transpose, a broadcast and a diagonal are
labels, all that a rule needs is `pull`, which contracts onto the operand's labels; there is no
un-broadcasting anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

import sympy as sp

from symgrad import graph as g
from symgrad.elementwise import expand
from symgrad.errors import DerivativeError
from symgrad.functions import softmax_node
from symgrad.graph import Access, Kind, Labels, Node, slot


def pull(factors: Iterable[tuple[Node, Labels]], node: Node, k: int) -> Node:
    """Σ of ``factors``, which carry labels of ``node``, onto the axes of its k-th operand.

    An operand that is accessed along a diagonal, such as a_ii, receives its share through a δ.
    """
    target, labels = node.args[k], node.labels[k]
    renamed: dict[int, int] = {}
    operands: list[tuple[Node, Labels]] = []
    for axis, label in enumerate(labels):
        if label in renamed:
            operands.append((g.delta(target.shape[axis]), (renamed[label], axis)))
        else:
            renamed[label] = axis
    for factor, axes in factors:
        moved = tuple(renamed.setdefault(x, target.rank + len(renamed)) for x in axes)
        operands.append((factor, moved))
    return g.product(operands, target.shape)


def _axes(node: Node) -> Labels:
    return tuple(range(node.rank))


def _sum(node: Node, k: int, adj: Node) -> Node:
    """s = c·a + …: ā = c·s̄."""
    return pull([(g.const(node.weights[k]), ()), (adj, _axes(node))], node, k)


def _product(node: Node, k: int, adj: Node) -> Node:
    """P = Σ a·b·…: ā = Σ P̄·b·…, which for a matrix product A·B is Ā = P̄·Bᵀ."""
    others = [a for n, a in enumerate(node.accesses) if n != k]
    return pull([(adj, _axes(node)), *others], node, k)


def _map(node: Node, k: int, adj: Node) -> Node:
    """h = f(a, …): ā = h̄ ⊙ ∂f/∂a."""
    accesses = node.accesses
    operands: dict[sp.Basic, Access] = {slot(n): a for n, a in enumerate(accesses)}
    partial = expand(partial_derivative(node.body, k), operands.get, node.shape)
    return pull([(adj, _axes(node)), (partial, _axes(node))], node, k)


@lru_cache(maxsize=4096)
def partial_derivative(body: sp.Expr, k: int) -> sp.Expr:
    """∂body/∂slot(k), SymPy's scalar derivative."""
    derivative = body.diff(slot(k))
    shown = body.xreplace({slot(k): sp.Symbol("t")})
    if derivative.has(sp.Derivative, sp.Subs):
        raise DerivativeError(
            f"SymPy knows no derivative of {shown}; give the function an fdiff method, "
            "or write it in terms of functions that have one."
        )
    if derivative.has(sp.DiracDelta):
        raise DerivativeError(
            f"the derivative of {shown} is a Dirac delta, which is 0 wherever it is defined; "
            "use a differentiable replacement: sigmoid for a step, tanh for a sign."
        )
    return derivative


def _reduce(node: Node, k: int, adj: Node) -> Node:
    """By operation; of one number each, a reduction is that number."""
    if len(g.label_dims(node)) == node.rank:
        return pull([(adj, _axes(node))], node, k)
    return REDUCTIONS[node.op](node, adj)


def _moved_last(node: Node) -> tuple[Node, Labels]:
    """The operand of a reduction over one label with that label last, and its labels."""
    (z,), (labels,) = node.args, node.labels
    contracted = [x for x in labels if x >= node.rank]
    if len(contracted) != 1:
        raise DerivativeError(f"{node.op} is over {len(contracted)} axes; reduce one at a time.")
    order = tuple(sorted(labels))
    if len(set(labels)) < len(labels):
        raise DerivativeError(f"{node.op} of a diagonal has no derivative rule.")
    if order == labels:
        return z, labels
    shape = tuple(z.shape[labels.index(x)] for x in order)
    return g.product([(z, tuple(order.index(x) for x in labels))], shape), order


def _logsumexp(node: Node, adj: Node) -> Node:
    """s = log Σ exp(z): z̄ = s̄·softmax(z)."""
    z, order = _moved_last(node)
    return pull([(adj, _axes(node)), (softmax_node(z, 1), order)], node, 0)


def _max(node: Node, adj: Node) -> Node:
    """s = max z: z̄ = s̄ at the first entry that attains it, as in PyTorch, and 0 elsewhere."""
    z, order = _moved_last(node)
    kept = order[:-1]
    winner = g.reduce("argmax", z, tuple(range(z.rank)), z.shape[:-1])
    return pull([(adj, _axes(node)), (g.onehot(winner, z.shape[-1]), (*kept, order[-1]))], node, 0)


def _inverse(node: Node, k: int, adj: Node) -> Node:
    """Y = X⁻¹: X̄ = −Yᵀ·Ȳ·Yᵀ."""
    *batch, i, j = _axes(node)
    p, q = node.rank, node.rank + 1  # X̄[i, j] = −Σ Y[p, i]·Ȳ[p, q]·Y[j, q]
    factors = [(node, (*batch, p, i)), (adj, (*batch, p, q)), (node, (*batch, j, q))]
    return pull([(g.const(-1), ()), *factors], node, k)


def _determinant(node: Node, k: int, adj: Node) -> Node:
    """d = det X: X̄ = d̄·d·X⁻ᵀ; for l = log |det X|: X̄ = l̄·X⁻ᵀ."""
    x, labels = node.args[0], node.labels[0]
    shape = tuple(g.label_dims(node)[n] for n in range(node.rank + 2))
    inverse = g.linalg("inverse", x, labels, shape)
    axes = _axes(node)
    factors = [(adj, axes), (inverse, (*axes, node.rank + 1, node.rank))]
    if node.op == "det":
        factors.append((node, axes))
    return pull(factors, node, k)


def _linalg(node: Node, k: int, adj: Node) -> Node:
    return (_inverse if node.op == "inverse" else _determinant)(node, k, adj)


def _named(node: Node, k: int, adj: Node) -> Node:
    """A name changes nothing."""
    return adj


DERIVATIVES: dict[Kind, Callable[[Node, int, Node], Node]] = {
    Kind.SUM: _sum,
    Kind.PRODUCT: _product,
    Kind.MAP: _map,
    Kind.REDUCE: _reduce,
    Kind.LINALG: _linalg,
    Kind.NAMED: _named,
}
"""∂ of each kind. Leaves, constants, δ, indicators and one-hots have no differentiable operand."""

REDUCTIONS: dict[str, Callable[[Node, Node], Node]] = {"logsumexp": _logsumexp, "max": _max}
"""∂ of each reduction; an argmax is whole numbers, which nothing differentiates by."""
