"""Derivatives that are not the loss's: ∂p/∂z, what they are multiplied with, and differentials.

Why it exists: half of a derivation by hand is the chain rule, ∂L/∂W = ∂L/∂z ∂z/∂W, with pieces
such as ∂p/∂z = diag(p) − p pᵀ, h′ = 1 − h² and dL = (p − y)ᵀ dz. Each has a true value here. A
product with a ∂L/∂z is read as the chain rule means it: summed over all entries of z, whatever the
layout, so ∂z/∂W may have three axes and need never be arranged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import sympy as sp

from symgrad import graph as g
from symgrad.declare import named_symbol
from symgrad.derivatives import partial_derivative
from symgrad.errors import DerivativeError, ShapeError, UnsupportedError
from symgrad.graph import Kind, Node, dim
from symgrad.language.arithmetic import shape
from symgrad.lift import lift
from symgrad.show.higher import jacobian, jvp
from symgrad.symbols import ARRAYS
from symgrad.verification.names import Target, Truth

MOST_AXES = 4
"""Of a derivative that is taken part in a product."""


def partial(above: str, below: str, truth: Truth) -> Target:
    """∂a/∂b: the axes of a before those of b; raises DerivativeError where there is none."""
    a, b = truth.value(above), truth.value(below)
    name = f"∂{above}/∂{below}"
    for x, value in ((above, a), (below, b)):
        if value is None:
            known = ", ".join([*truth.leaves, *truth.forward])
            raise DerivativeError(f"the loss has no value named {x}; it depends on {known}.")
    node_a, node_b = lift(a), lift(b)
    if node_b is node_a or node_b not in g.topological([node_a]):
        raise DerivativeError(f"{above} does not depend on {below}, so {name} says nothing.")
    if node_a.rank + node_b.rank > MOST_AXES:
        raise UnsupportedError(f"{name} has more than {MOST_AXES} axes; write out what it is.")
    if _by_two_ways(node_a, node_b):
        raise DerivativeError(
            f"{above} depends on {below} directly and through other values, so {name} may mean the "
            "direct part or all of it; write out what it is."
        )
    d = jacobian(a, b)
    sizes = tuple(d.roots[0].shape)
    if not node_a.rank:
        sizes = tuple(b.shape) if isinstance(b, ARRAYS) else ()
    elif not node_b.rank:
        sizes = tuple(a.shape) if isinstance(a, ARRAYS) else ()
    return Target(name, d.roots[0], sizes, None, False)


def _by_two_ways(above: Node, below: Node) -> bool:
    """Whether there is a way from a value to another past all names, and one through some."""
    seen: set[tuple[Node, bool]] = set()
    stack = [(x, False) for x in above.args]
    while stack:
        node, named = stack.pop()
        if (node, named) in seen:
            continue
        seen.add((node, named))
        if node is not below:
            stack += [(x, named or node.kind is Kind.NAMED) for x in node.args]
    return {(below, True), (below, False)} <= seen


# ------------------------------------------------------------------------- entry by entry


def slope(above: str, truth: Truth) -> Target | None:
    """h′ of a value h = f(z): f′(z) at every entry; None where h is not made so."""
    value = truth.value(above)
    node = None if value is None else lift(value)
    if node is None or node.kind is not Kind.NAMED:
        return None
    inner = node.args[0]
    if inner.kind is not Kind.MAP or len(inner.args) != 1 or _mixes_entries(inner.args[0]):
        return None
    body = partial_derivative(inner.body, 0)
    derivative = g.apply(body, inner.accesses, inner.shape)
    return Target(f"{above}′", derivative, shape(value), None, False)


def _mixes_entries(node: Node) -> bool:
    """Whether a value takes a maximum or the like of others, as softmax does inside exp."""
    stack, seen = [node], {node}
    while stack:
        x = stack.pop()
        if x.kind in (Kind.REDUCE, Kind.LINALG):
            return True
        below = () if x.kind is Kind.NAMED else x.args
        stack += [y for y in below if y not in seen]
        seen.update(below)
    return False


def is_slope_at(above: str, below: str, truth: Truth) -> bool:
    """Whether h = f(z) is a value of z alone, so that h'(z) may be f′(z)."""
    value, argument = truth.value(above), truth.value(below)
    if argument is None or slope(above, truth) is None:
        return False
    return lift(value).args[0].args == (lift(argument),)


def entrywise(above: str, below: str, truth: Truth) -> Target | None:
    """The vector ∂a[k]/∂b[k], where every entry of a depends on that of b alone; else None."""
    a, b = truth.value(above), truth.value(below)
    node_a, node_b = lift(a), lift(b)
    if node_a.shape != node_b.shape or not node_a.rank or not _is_entrywise(node_a, node_b):
        return None
    whole = partial(above, below, truth).node
    ones = g.const(1, node_a.shape)
    return Target(f"∂{above}/∂{below}", _pulled(ones, whole, node_b.rank), shape(a), None, False)


def _is_entrywise(node: Node, below: Node) -> bool:
    """Whether an entry of a graph takes the same entry of a value, and no other."""
    depends: set[Node] = set()
    holds: dict[Node, bool] = {}
    for x in g.topological([node]):  # operands first
        if x is below or depends.intersection(x.args):
            depends.add(x)
        own = tuple(range(x.rank))
        if x is below or x not in depends:
            holds[x] = True
        elif x.kind is Kind.NAMED:
            holds[x] = holds[x.args[0]]
        elif x.kind in (Kind.MAP, Kind.SUM, Kind.PRODUCT):
            holds[x] = all(y not in depends or (holds[y] and at == own) for y, at in x.accesses)
        else:
            holds[x] = False
    return holds[node]


# ------------------------------------------------------------------------------- products


def _pulled(direction: Node, whole: Node, rank: int) -> Node:
    """Σ over the axes of a: direction[a] ∂a/∂b[a, b]."""
    own = tuple(range(rank))
    summed = tuple(range(rank, rank + direction.rank))
    return g.product([(direction, summed), (whole, (*summed, *own))], whole.shape[direction.rank :])


def chained(seed: Any, steps: Sequence[tuple[str, str]], truth: Truth, text: str) -> Any:
    """∂L/∂a · ∂a/∂b · …: ``seed`` has the shape of the first a, and each b is the next a."""
    current = lift(seed)
    _check_joined(steps, truth)
    for above, below in steps:
        value, by = truth.value(above), truth.value(below)
        target = partial(above, below, truth)
        expected = lift(value).shape
        if current.shape != expected:
            due = "×".join(map(str, expected)) or "a scalar"
            raise ShapeError(
                f"∂{above}/∂{below} is multiplied with the derivative by {above}, which has the "
                f"shape of {above}, {due}; what stands beside it has not."
            )
        current = _pulled(current, target.node, lift(by).rank)
    last = truth.value(steps[-1][1])
    return named_symbol(g.named(text, current), shape(last))


def _check_joined(steps: Sequence[tuple[str, str]], truth: Truth) -> None:
    for (_, below), (above, _) in pairwise(steps):
        if truth.value(below) is not truth.value(above):
            raise UnsupportedError(
                f"in this product ∂…/∂{below} stands beside ∂{above}/…, which the chain rule does "
                "not join; write out what one of them is."
            )


def composed(steps: Sequence[tuple[str, str]], truth: Truth, text: str) -> Any:
    """∂a/∂b · ∂b/∂c of vectors, a matrix."""
    _check_joined(steps, truth)
    first = partial(*steps[0], truth)
    node = first.node
    ranks = [lift(truth.value(x)).rank for step in steps for x in step]
    if max(ranks) > 1:
        raise UnsupportedError(
            f"∂{steps[0][0]}/∂{steps[0][1]} has more than two axes; write its entries, or "
            "multiply it with the derivative of the loss."
        )
    sizes = first.shape
    for step in steps[1:]:
        after = partial(*step, truth)
        r, n, m = (lift(truth.value(x)).rank for x in (steps[0][0], *step))
        own, summed = tuple(range(r + m)), tuple(range(r + m, r + m + n))
        left, right = (*own[:r], *summed), (*summed, *own[r:])
        outer = (*node.shape[:r], *after.node.shape[n:])
        node = g.product([(node, left), (after.node, right)], outer)
        sizes = tuple(node.shape)
    return named_symbol(g.named(text, node), sizes)


# ---------------------------------------------------------------------------- differentials


def directions(names: Iterable[str], truth: Truth) -> dict[str, Any]:
    """dz → the name z, for the names that are a d and a value's name."""
    found = {}
    for name in names:
        if name[0] == "d" and len(name) > 1 and truth.value(name) is None:
            value = truth.value(name[1:])
            if value is not None and (isinstance(value, ARRAYS) or not value.is_integer):
                found[name] = value
    return found


def is_below(value: Any, others: Iterable[Any]) -> bool:
    """Whether a value is made of all the others."""
    node = lift(value)
    below = set(g.topological([node])) - {node}
    return all(lift(x) in below for x in others)


def differential(name: str, by: dict[str, Any], truth: Truth) -> tuple[Target, dict[str, Any]]:
    """da = Σ ∂a/∂b db, over the values b of ``by``; with a symbol for each db."""
    value = truth.value(name)
    symbols = {x: _direction(x, b) for x, b in by.items()}
    d = jvp(value, list(by.values()), list(symbols.values()))
    return Target(f"d{name}", d.roots[0], tuple(d.shapes[0]), None, False), symbols


def _direction(name: str, like: Any) -> Any:
    sizes = tuple(map(dim, like.shape)) if isinstance(like, ARRAYS) else ()
    if len(sizes) > 2:
        raise UnsupportedError(f"{name} has more than two axes, which is not read here.")
    return sp.MatrixSymbol(name, *sizes) if sizes else sp.Symbol(name, real=True)
