"""Why a backward line holds: the law of each forward node, as a textbook states it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sympy as sp
from sympy.core.function import AppliedUndef

from symgrad.algebra import scores_of_log_softmax
from symgrad.calculus import OUTPUT, shortest
from symgrad.derivatives import partial_derivative
from symgrad.graph import Kind, Node, slot
from symgrad.regions import regions
from symgrad.show.text import formula
from symgrad.vocabulary import LAWS

REDUCTION_LAWS = {
    "logsumexp": "logsumexp′ = softmax",
    "max": "max′ = 1 at the largest entry",
    "argmax": "arg max is constant on either side",
    "sparsemax_value": "Ω*′ = sparsemax",
    "sparsemax_threshold": "∂τ/∂zᵢ = 1[zᵢ > τ]/|S|",
}
"""The derivative of each reduction, as a textbook writes it."""


def law(node: Node) -> str | None:
    """The law that the derivative of ``node`` rests on; None for the sum and product rules."""
    if node.kind is Kind.REDUCE:
        return REDUCTION_LAWS[node.op]
    if node.kind is Kind.PRODUCT and is_cross_entropy(node):
        return "cross-entropy of softmax"
    if node.kind is not Kind.MAP or isinstance(node.body, AppliedUndef):
        return None
    known = LAWS.get(type(node.body))
    if known is not None:
        return known
    derivative = partial_derivative(node.body, 0)
    if any(x.args for x in node.body.args):  # a Piecewise
        derivative = shortest(node.body, 0, derivative)
    return stated(node.body, derivative, len(node.args))


def stated(body: sp.Expr, derivative: sp.Expr, arguments: int = 1) -> str:
    """(f(t))′ = …, with h for f(t) where the derivative is written in it."""
    letters = [sp.Symbol(x, real=True) for x in "tuvw"[:arguments]]
    names: dict[sp.Basic, sp.Basic] = {slot(n): x for n, x in enumerate(letters)}
    names[OUTPUT] = sp.Symbol("h", real=True)
    before, after = formula(body.xreplace(names)), formula(derivative.xreplace(names))
    return f"h = {before}, h′ = {after}" if derivative.has(OUTPUT) else f"({before})′ = {after}"


def is_cross_entropy(node: Node) -> bool:
    """Whether ``node`` sums a target times a log-softmax over the classes."""
    return any(
        a.labels and a.labels[-1] >= node.rank and scores_of_log_softmax(a.node) is not None
        for a in node.accesses
    )


def segment_laws(
    target: Node, consumers: Mapping[Node, Sequence[Node]], shown: Iterable[Node]
) -> tuple[list[str], list[Node]]:
    """The laws on the way from ``target`` up to the next values that have a line of their own.

    Returns them, nearest the loss first, and those values.
    """
    stops = set(shown)
    seen: set[Node] = set()
    reached: list[Node] = []
    stack = list(consumers.get(target, ()))
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node in stops:
            reached.append(node)
        else:
            stack.extend(consumers.get(node, ()))
    passed = sorted((n for n in seen if n not in stops), key=lambda n: n.uid)
    whole = regions(passed, consumers)
    covered = {n for region in whole.values() for n in region.inside}
    height: dict[Node, int] = {}
    for n in passed:
        height[n] = 1 + max((height[x] for x in n.args if x in height), default=0)
    found = (
        (-height[n], stated(whole[n].body, whole[n].derivative) if n in whole else law(n) or "")
        for n in passed
        if n not in covered
    )  # ordered by text where the height is one: nodes are numbered as they are made
    laws = list(dict.fromkeys(x for _, x in sorted(found) if x))
    if "cross-entropy of softmax" in laws:
        laws = [x for x in laws if x != "logsumexp′ = softmax"]
    return laws, sorted(reached, key=lambda n: n.uid)
