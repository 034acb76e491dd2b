"""Why a backward line holds: the law of each forward node, as a textbook states it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import sympy as sp
from sympy.core.function import AppliedUndef

from symgrad import graph as g
from symgrad.algebra import scores_of_log_softmax, softmax_along
from symgrad.calculus import OUTPUT, shortest
from symgrad.derivatives import partial_derivative
from symgrad.graph import Kind, Node, slot
from symgrad.regions import Region, regions
from symgrad.show.text import formula
from symgrad.vocabulary import LAWS, softplus

CROSS_ENTROPY = "cross-entropy of softmax"

REDUCTION_LAWS = {
    "logsumexp": "logsumexp′ = softmax",
    "max": "max′ = 1 at the largest entry",
    "argmax": "arg max is constant on either side",
    "sparsemax_value": "Ω*′ = sparsemax",
    "sparsemax_threshold": "∂τ/∂zᵢ = 1[zᵢ > τ]/|S|",
}
"""The derivative of each reduction, as a textbook writes it."""


def law(node: Node, taken: Collection[str] = ()) -> str | None:
    """The law that the derivative of ``node`` rests on; None for the sum and product rules.

    ``taken`` are names that mean something else to the reader.
    """
    if node.kind is Kind.REDUCE:
        return REDUCTION_LAWS[node.op]
    if node.kind is Kind.PRODUCT and is_cross_entropy(node):
        return CROSS_ENTROPY
    if node.kind is not Kind.MAP or isinstance(node.body, AppliedUndef):
        return None
    known = LAWS.get(type(node.body))
    if known is not None:
        return known
    derivative = partial_derivative(node.body, 0)
    if any(x.args for x in node.body.args):  # a Piecewise
        derivative = shortest(node.body, 0, derivative)
    return stated(node.body, derivative, len(node.args), taken)


def stated(
    body: sp.Expr, derivative: sp.Expr, arguments: int = 1, taken: Collection[str] = ()
) -> str:
    """(f(t))′ = …, with h for f(t) where the derivative is written in it.

    Letters that are ``taken`` stand for something else, so others are used.
    """
    letters = [sp.Symbol(x, real=True) for x in _free("tuvwsrqabcdxyz", taken)[:arguments]]
    names: dict[sp.Basic, sp.Basic] = {slot(n): x for n, x in enumerate(letters)}
    output = output_letter(taken)
    names[OUTPUT] = sp.Symbol(output, real=True)
    before, after = formula(body.xreplace(names)), formula(derivative.xreplace(names))
    if derivative.has(OUTPUT):
        return f"{output} = {before}, {output}′ = {after}"
    return f"({before})′ = {after}"


def names_in(sources: Iterable[Node]) -> frozenset[str]:
    """The names that a reader of these values has seen."""
    return frozenset(n.name for n in g.topological(list(sources)) if n.kind in _WITH_A_NAME)


_WITH_A_NAME = (Kind.LEAF, Kind.NAMED)


def output_letter(taken: Collection[str]) -> str:
    """The letter for the value of a function: h, unless it is ``taken``."""
    return _free("hkmno", taken)[0]


def _free(letters: str, taken: Collection[str]) -> list[str]:
    """The letters in order, those that are not ``taken`` first."""
    return sorted(letters, key=lambda x: x in taken)


def is_cross_entropy(node: Node) -> bool:
    """Whether ``node`` sums a target times a log-softmax over the classes."""
    return any(
        a.labels and a.labels[-1] >= node.rank and scores_of_log_softmax(a.node) is not None
        for a in node.accesses
    )


def segment_laws(
    target: Node,
    consumers: Mapping[Node, Sequence[Node]],
    shown: Iterable[Node],
    taken: Collection[str] = (),
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
    passed = sorted((n for n in seen if n not in stops), key=lambda n: n.place)
    whole = regions(passed, consumers)
    covered = {n for region in whole.values() for n in region.inside}
    height: dict[Node, int] = {}
    for n in passed:
        height[n] = 1 + max((height[x] for x in n.args if x in height), default=0)
    found = (
        (-height[n], _law_of(n, whole.get(n), taken)) for n in passed if n not in covered
    )  # ordered by text where the height is one
    laws = list(dict.fromkeys(x for _, x in sorted(found) if x))
    for whole_law, parts, holds in _WHOLES:
        if holds(passed, consumers) and parts[0] in laws:
            first = laws.index(parts[0])
            laws = [*laws[:first], whole_law, *laws[first:]]
            laws = [x for x in dict.fromkeys(laws) if x == whole_law or x not in parts]
    return laws, sorted(reached, key=lambda n: n.place)


def _law_of(node: Node, region: Region | None, taken: Collection[str]) -> str:
    if region is not None:
        return stated(region.body, region.derivative, taken=taken)
    return law(node, taken) or ""


def _is_softmax(passed: Sequence[Node], consumers: Mapping[Node, Sequence[Node]]) -> bool:
    """Whether every exp and every log-sum-exp that is passed is part of a softmax."""
    softmaxes = [n for n in passed if softmax_along(n) is not None]
    parts = {n for whole in softmaxes for n in g.topological([whole])}
    return bool(softmaxes) and all(
        n in parts
        for n in passed
        if (n.kind is Kind.REDUCE and n.op == "logsumexp") or law(n) == EXP
    )


def _is_binary_cross_entropy(
    passed: Sequence[Node], consumers: Mapping[Node, Sequence[Node]]
) -> bool:
    """Whether y·softplus(−z) + (1 − y)·softplus(z), which is −y·log σ(z) − …, is passed."""
    weights: dict[Node, list[Node]] = {}  # of each softplus, what it is multiplied with
    for n in passed:
        if law(n) == SOFTPLUS:
            products = [x for x in consumers.get(n, ()) if x.kind is Kind.PRODUCT]
            weights[n] = [x for p in products for x in p.args if x is not n and len(p.args) == 2]
    pairs = [(n, opposite) for n in weights for opposite in weights if _is_opposite(n, opposite)]
    return any(
        _is_complement(a, b) or _is_complement(b, a)
        for n, opposite in pairs
        for a in weights[n]
        for b in weights[opposite]
    )


def _is_opposite(n: Node, opposite: Node) -> bool:
    """Whether ``opposite`` is f(−z) where ``n`` is f(z)."""
    (z,), (minus,) = n.args, opposite.args
    return minus.kind is Kind.SUM and minus.args == (z,) and minus.weights == (-1,)


def _is_complement(a: Node, b: Node) -> bool:
    """Whether ``b`` is 1 − a."""
    if b.kind is not Kind.SUM or len(b.args) != 2:
        return False
    terms = dict(zip(b.args, b.weights, strict=True))
    (one,) = [x for x in b.args if x is not a][:1] or [a]
    return terms.get(a) == -1 and one.kind is Kind.CONST and terms[one] * one.value == 1


EXP, SOFTPLUS = LAWS[sp.exp], LAWS[softplus]
_LOGSUMEXP = REDUCTION_LAWS["logsumexp"]

_WHOLES: tuple[tuple[str, tuple[str, ...], Callable[..., bool]], ...] = (
    (CROSS_ENTROPY, (CROSS_ENTROPY, _LOGSUMEXP), lambda passed, consumers: True),
    ("softmax′ = diag(p) − p·pᵀ", (EXP, _LOGSUMEXP), _is_softmax),
    ("binary cross-entropy of σ", (SOFTPLUS,), _is_binary_cross_entropy),
)
"""A law, those of its parts that it stands for, and when it does."""
