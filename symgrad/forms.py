"""`soften` and `harden`: the training form and the testing form of one declaration.

Why it exists: a unit step has no useful derivative, so a network that answers with one is trained
with a sigmoid in its place (lecture: "soft in training, hard in testing"). Declaring it twice
invites a mistake; here one declaration gives both forms.

| soft | hard |
|---|---|
| σ(t) | 1[t > 0] |
| tanh(t) | sign(t) |
| softmax(z) | the one-hot of the largest score |
| dropout by a mask (``sg.mask``) | every unit kept |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp

from symgrad import graph as g
from symgrad.algebra import softmax_of
from symgrad.declare import named_symbol
from symgrad.functions import as_expression
from symgrad.graph import Kind, Node, slot
from symgrad.lift import lift
from symgrad.simplify import normalise
from symgrad.symbols import ARRAYS, call
from symgrad.vocabulary import hard_sign, hard_step, sigmoid, zero_one

_T = slot(0)

SOFT: dict[sp.Expr, sp.Expr] = {
    hard_step(_T): sigmoid(_T),
    hard_sign(_T): sp.tanh(_T),
    zero_one(_T): sigmoid(-_T),
}
"""hard → soft: what `soften` writes."""

HARD: dict[sp.Expr, sp.Expr] = {sigmoid(_T): hard_step(_T), sp.tanh(_T): hard_sign(_T)}
"""soft → hard: what `harden` writes."""


def soften(expr: Any) -> Any:
    """The form for training: every step, sign and 0–1 loss of ``expr`` by its soft replacement.

    1[t > 0] becomes σ(t), sign(t) becomes tanh(t), and a mistake 1[m < 0] becomes σ(−m).
    """
    expr = as_expression(expr)
    root = lift(expr)
    done: dict[Node, Node] = {}
    for node in g.topological([root]):
        new = g.rebuild(node, [done[arg] for arg in node.args])
        body = SOFT.get(node.body) if node.kind is Kind.MAP else None
        done[node] = new if body is None else g.apply(body, new.accesses, new.shape)
    return _wrapped(soften, expr, done[root])


def harden(expr: Any) -> Any:
    """The form for testing: a value that is a σ, a tanh or a softmax made hard, and no dropout.

    The value itself becomes hard, 1[t > 0], sign(t) or a one-hot; what it is computed from stays,
    so that the sign at the output of a network of tanh units leaves the units as they are.
    """
    expr = as_expression(expr)
    root = lift(expr)
    names: list[Node] = []
    value = root
    while value.kind is Kind.NAMED:
        names.append(value)
        value = value.args[0]
    if _hard(value) is None:  # 1/(1 + exp(−t)) is a σ when it is recognised
        (recognised,) = normalise([value])
        value = recognised if _hard(recognised) is not None else value
    result = _hard(value) or value
    for name in reversed(names):
        result = g.named(name.name, result, name.is_row)
    (result,) = without_masks([result])
    return _wrapped(harden, expr, result)


def _hard(node: Node) -> Node | None:
    """The hard form of a soft function, else None."""
    if node.kind is not Kind.MAP:
        return None
    scores = softmax_of(node)
    if scores is not None:
        winner = g.reduce("argmax", scores, tuple(range(scores.rank)), scores.shape[:-1])
        return g.onehot(winner, scores.shape[-1])
    body = HARD.get(node.body)
    return None if body is None else g.apply(body, node.accesses, node.shape)


def without_masks(roots: Sequence[Node]) -> list[Node]:
    """Every dropout mask at its mean, 1 − rate, which the division by it cancels."""
    kept = {}
    for leaf in g.leaves(roots):
        rate = mask_rate(leaf)
        if rate is not None:
            kept[leaf] = g.const(1 - rate, leaf.shape)
    return g.substitute(roots, kept) if kept else list(roots)


def mask_rate(leaf: Node) -> sp.Expr | None:
    """The rate of a dropout mask; None for any other leaf."""
    rates = [sp.sympify(x.value) for x in leaf.leaf.facts if x.name == "mask"]
    return rates[0] if rates else None


def _wrapped(function: Callable[..., Any], expr: Any, node: Node) -> Any:
    """The SymPy object of the other form, under the same name if it has one."""
    if node is lift(expr):
        return expr
    if node.kind is Kind.NAMED:
        return named_symbol(node, tuple(expr.shape) if node.shape else None)
    shape = tuple(expr.shape) if isinstance(expr, ARRAYS) else ()
    return call(function, (expr,), node, shape)
