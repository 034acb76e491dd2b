"""A constant factor that is too much or missing: what it is called, and what is said of it.

Why it exists: 2, ½ and −1 are slips, but N is a mean that was taken for a sum, and the loss knows
which of the two it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from symgrad import graph as g
from symgrad.graph import Kind, Node
from symgrad.verification.pool import Pool


def of_factor(factor: sp.Expr, what: str, due: str, pool: Pool, loss: Node) -> tuple[str, str]:
    """The name of a mistake and its words: ``what`` has to be multiplied by a factor to be ``due``.

    A sum over examples that stands for their mean has a name of its own.
    """
    if factor == -1:
        return "sign", f"The sign is wrong: {what} is −1 times {due}."
    for n in _examples(loss):
        if factor == 1 / sp.sympify(n):
            return "sum_for_mean", (
                f"The loss is a mean over {n} examples, and {what} is their sum: divide by {n}."
            )
        if factor == n:
            return "sum_for_mean", (
                f"The loss is a sum over {n} examples, and {what} is their mean: multiply by {n}."
            )
    for n, is_mean in summed_over(loss).items():
        if is_mean and factor == 1 / sp.sympify(n):
            return "sum_for_mean", (
                f"The loss is a mean of {n} terms, and {what} is the gradient of their sum: "
                f"divide by {n}."
            )
        if not is_mean and factor == n:
            return "sum_for_mean", (
                f"The loss is a sum of {n} terms, and {what} is the gradient of their mean: "
                f"it must not be divided by {n}."
            )
    numerator, denominator = factor.as_numer_denom()
    if numerator.is_Symbol and denominator.is_Symbol:
        return "factor", f"It is divided by {numerator}, and {denominator} is due there."
    times = pool.text(g.const(1 / factor))
    missing = pool.text(g.const(factor))
    return "factor", (
        f"A constant factor is wrong: {what} is {times} times {due}, so it has to be "
        f"multiplied by {missing}."
    )


def _examples(loss: Node) -> Sequence[g.Dim]:
    """The numbers of examples of a risk."""
    data = [n for n in g.leaves([loss]) if n.leaf.origin is not None and n.rank]
    return list(dict.fromkeys(n.shape[0] for n in data))


def _is_symbol(n: g.Dim) -> bool:
    return isinstance(n, sp.Symbol)


def summed_over(loss: Node) -> dict[g.Dim, bool]:
    """The dimensions that a loss sums over to a number, and whether it is a mean over each."""
    found: dict[g.Dim, bool] = {}
    waiting = [(g.peel(loss), sp.S.One)]
    while waiting:
        node, weight = waiting.pop()
        if node.kind is Kind.NAMED:
            waiting.append((node.args[0], weight))
        elif node.kind is Kind.SUM and not node.rank:
            waiting += [(x, weight * c) for c, x in zip(node.weights, node.args, strict=True)]
        elif node.kind is Kind.PRODUCT and not node.rank:
            for x in node.args:
                weight *= x.value if x.kind is Kind.CONST and not x.rank else 1
            for n in filter(_is_symbol, g.label_dims(node).values()):
                found[n] = found.get(n, False) or n in (weight.as_numer_denom()[1]).free_symbols
            waiting += [(x, weight) for x in node.args if not x.rank]
    return found
