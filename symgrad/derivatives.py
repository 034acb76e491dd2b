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
from sympy.core.function import AppliedUndef

from symgrad import graph as g
from symgrad.calculus import OUTPUT, shortest
from symgrad.elementwise import expand, spelled
from symgrad.errors import DerivativeError
from symgrad.functions import sparsemax_node
from symgrad.graph import Access, Kind, Labels, Node, slot
from symgrad.vocabulary import hard_sign, hard_step, sigmoid, step, zero_one


def pull(factors: Iterable[tuple[Node, Labels]], node: Node, k: int) -> Node:
    """Σ of ``factors``, which carry labels of ``node``, onto the axes of its k-th operand.

    An operand that is accessed along a diagonal, such as a_ii, receives its share through a δ.
    """
    return pull_onto(factors, Access(node.args[k], node.labels[k]))


def pull_onto(factors: Iterable[tuple[Node, Labels]], operand: Access) -> Node:
    """Σ of ``factors`` onto the axes of an operand, given with the labels that they share."""
    target, labels = operand
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
    known = OF_VALUE.get(type(node.body))
    if known is not None and node.body.args == (slot(0),):
        return pull([(adj, _axes(node)), (known(node), _axes(node))], node, k)
    accesses = node.accesses
    operands: dict[sp.Basic, Access] = {slot(n): a for n, a in enumerate(accesses)}
    operands[OUTPUT] = Access(node, _axes(node))
    derivative = partial_derivative(node.body, k)
    if any(x.args for x in node.body.args):  # a Piecewise; a single function knows its own
        derivative = shortest(node.body, k, derivative)
    partial = expand(derivative, operands.get, node.shape)
    return pull([(adj, _axes(node)), (partial, _axes(node))], node, k)


@lru_cache(maxsize=4096)
def partial_derivative(body: sp.Expr, k: int) -> sp.Expr:
    """∂body/∂slot(k), SymPy's scalar derivative."""
    derivative = _of_power(body, slot(k)) or _primed(body.diff(slot(k)))
    shown = body.xreplace({slot(k): sp.Symbol("t")})
    if derivative.has(sp.Derivative, sp.Subs):
        defined = body.doit()
        if defined == body:
            raise DerivativeError(
                f"SymPy knows no derivative of {shown}; give the function an fdiff method, "
                "or write it in terms of functions that have one."
            )
        return partial_derivative(spelled(defined), k)
    if derivative.has(sp.DiracDelta):
        raise DerivativeError(_refusal(body))
    return spelled(derivative, derived=True)


def _of_power(body: sp.Expr, t: sp.Symbol) -> sp.Expr | None:
    """(tⁿ)′ = n·tⁿ⁻¹; SymPy has tⁿ·n/t for a symbol n, which is 0/0 at 0."""
    base, n = body.as_base_exp()
    return n * base ** (n - 1) if base == t and not n.has(t) and n.free_symbols else None


def _primed(derivative: sp.Expr) -> sp.Expr:
    """f′(t) for the derivative of an undefined function, such as ``Function("f")(t)``.

    Of several arguments, that by the second is ∂₂f.
    """
    if not derivative.has(AppliedUndef):
        return derivative
    inner = derivative.replace(
        lambda e: isinstance(e, sp.Subs),
        lambda e: _by_argument(e.expr).subs(e.variables[0], e.point[0]),
    )
    result: sp.Expr = inner.replace(lambda e: isinstance(e, sp.Derivative), _by_argument)
    return result


def _by_argument(e: sp.Basic) -> sp.Basic:
    """∂f/∂aₖ, where ``e`` is the SymPy derivative of an undefined f by one of its arguments."""
    if not (isinstance(e, sp.Derivative) and isinstance(e.expr, AppliedUndef)):
        return e
    ((variable, count),) = e.variable_count
    f = e.expr
    if count != 1 or list(f.args).count(variable) != 1:
        return e
    name = f.func.__name__
    k = f.args.index(variable) + 1
    primed = f"{name}′" if len(f.args) == 1 else f"∂{str(k).translate(_SUBSCRIPT)}{name}"
    return sp.Function(primed, real=True)(*f.args)


_SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def _refusal(body: sp.Expr) -> str:
    """Why a jump is not differentiated, and what to use instead."""
    kinds = {type(e) for e in sp.preorder_traversal(body)}
    what, instead = next(text for kind, text in JUMPS.items() if kind in kinds)
    return (
        f"the derivative of {what} is 0 almost everywhere and a Dirac delta at the jump, so "
        f"nothing can be trained through it; use {instead} in training."
    )


JUMPS: dict[type[sp.Function], tuple[str, str]] = {
    zero_one: ("a 0–1 loss", "the logistic loss, the hinge loss or cross-entropy"),
    hard_step: ("a step", "its soft replacement σ (sg.sigmoid)"),
    hard_sign: ("a sign", "its soft replacement tanh (sg.tanh)"),
}
"""For each hard function: what it is called, and what to train with instead."""


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
    """s = log Σ exp(z): z̄ = s̄·exp(z − s), which is s̄·softmax(z)."""
    (z,), (labels,) = node.args, node.labels
    if len(set(labels)) < len(labels):
        raise DerivativeError(f"{node.op} of a diagonal has no derivative rule.")
    along = tuple(labels.index(x) for x in range(node.rank))
    shifted = g.add([(1, z, _axes(z)), (-1, node, along)], z.shape)
    softmax = g.apply(sp.exp(slot(0)), [(shifted, _axes(z))], z.shape)
    return pull([(adj, _axes(node)), (softmax, labels)], node, 0)


def _max(node: Node, adj: Node) -> Node:
    """s = max z: z̄ = s̄ at the first entry that attains it, as in PyTorch, and 0 elsewhere."""
    z, order = _moved_last(node)
    kept = order[:-1]
    winner = g.reduce("argmax", z, tuple(range(z.rank)), z.shape[:-1])
    return pull([(adj, _axes(node)), (g.onehot(winner, z.shape[-1]), (*kept, order[-1]))], node, 0)


def _sparsemax_value(node: Node, adj: Node) -> Node:
    """s = max pᵀz − ½‖p‖² over the simplex: z̄ = s̄·sparsemax(z)."""
    z, order = _moved_last(node)
    return pull([(adj, _axes(node)), (sparsemax_node(z), order)], node, 0)


def _sparsemax_threshold(node: Node, adj: Node) -> Node:
    """τ with Σ max(0, z − τ) = 1: z̄ = τ̄/|S| on the support S = {z > τ}."""
    z, order = _moved_last(node)
    axes, kept = tuple(range(z.rank)), tuple(range(z.rank - 1))
    threshold = g.reduce(node.op, z, axes, z.shape[:-1])
    above = g.add([(1, z, axes), (-1, threshold, kept)], z.shape)
    support = g.apply(step(slot(0)), [(above, axes)], z.shape)
    size = g.product([(support, axes)], z.shape[:-1])
    share = g.apply(1 / slot(0), [(size, kept)], size.shape)
    return pull([(adj, _axes(node)), (support, order), (share, order[:-1])], node, 0)


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


def _one_minus(h: Node, subtracted: Node) -> Node:
    axes = _axes(h)
    minus = g.product([(g.const(-1), ()), (subtracted, axes)], h.shape)
    return g.add([(1, g.const(1), ()), (1, minus, axes)], h.shape)


def _times(a: Node, b: Node) -> Node:
    return g.product([(a, _axes(a)), (b, _axes(b))], a.shape)


OF_VALUE: dict[type[sp.Basic], Callable[[Node], Node]] = {
    sp.exp: lambda h: h,
    sp.tanh: lambda h: _one_minus(h, _times(h, h)),
    sigmoid: lambda h: _times(h, _one_minus(h, h)),
}
"""f′ by the value h = f(t), for those functions that most networks are made of.

SymPy gives the same, but in a new process its first derivative and first sum take 25 ms, most of it
for modules that it imports.
"""

DERIVATIVES: dict[Kind, Callable[[Node, int, Node], Node]] = {
    Kind.SUM: _sum,
    Kind.PRODUCT: _product,
    Kind.MAP: _map,
    Kind.REDUCE: _reduce,
    Kind.LINALG: _linalg,
    Kind.NAMED: _named,
}
"""∂ of each kind. Leaves, constants, δ, indicators and one-hots have no differentiable operand."""

REDUCTIONS: dict[str, Callable[[Node, Node], Node]] = {
    "logsumexp": _logsumexp,
    "max": _max,
    "sparsemax_value": _sparsemax_value,
    "sparsemax_threshold": _sparsemax_threshold,
}
"""∂ of each reduction; an argmax is whole numbers, which nothing differentiates by."""
