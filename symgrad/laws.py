"""Why a backward line holds: the law of each forward node, as a textbook states it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sympy as sp

from symgrad.derivatives import partial_derivative
from symgrad.graph import Kind, Node, slot
from symgrad.identities import scores_of_log_softmax
from symgrad.text import formula
from symgrad.vocabulary import LAWS


def law(node: Node) -> str | None:
    """The law that the derivative of ``node`` rests on; None for the sum and product rules."""
    if node.kind is Kind.REDUCE:
        return "logsumexp′ = softmax"
    if node.kind is Kind.PRODUCT and _is_cross_entropy(node):
        return "cross-entropy of softmax"
    if node.kind is not Kind.MAP:
        return None
    known = LAWS.get(type(node.body))
    if known is not None:
        return known
    t = sp.Symbol("t", real=True)
    arguments = [t, *(sp.Symbol(x, real=True) for x in "uvw")]
    names = {slot(n): arguments[n] for n in range(len(node.args))}
    body, derivative = node.body.xreplace(names), partial_derivative(node.body, 0).xreplace(names)
    return f"({formula(body)})′ = {formula(derivative)}"


def _is_cross_entropy(node: Node) -> bool:
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
    passed = sorted((n for n in seen if n not in stops), key=lambda n: -n.uid)
    laws = list(dict.fromkeys(x for x in map(law, passed) if x))
    if "cross-entropy of softmax" in laws:
        laws = [x for x in laws if x != "logsumexp′ = softmax"]
    return laws, sorted(reached, key=lambda n: n.uid)
