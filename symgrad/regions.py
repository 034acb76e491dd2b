"""Elementwise regions of one variable, which are differentiated as one scalar function.

Why it exists: a declaration is taken apart into one map a function, so that values are shared.
But atan(sinh x), step by step, has the derivative cosh x/(1 + sinh² x), which is ∞/∞ at 1000,
where the whole has 1/cosh x. A region is the largest set of sums, products and maps below a node
through which only one variable enters and whose inner values nobody else uses, so that the chain
rule through them serves nobody else. Where the chain rule overflows and the whole does not, inner
values may have other uses. Names end a region, because a named value has a line of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import sympy as sp

from symgrad.algebra import axes_of, through
from symgrad.calculus import OUTPUT, overflows, shortest
from symgrad.derivatives import partial_derivative, pull_onto
from symgrad.elementwise import expand
from symgrad.graph import Access, Kind, Labels, Node, label_dims, slot

_MOST_NODES = 12
_MOST_MAPS = 3
"""Functions in a region: the derivative of more, nested, grows and has no shorter form."""


class Region(NamedTuple):
    """``root`` = ``body`` of ``variable``; ``derivative`` is shorter than the chain rule's."""

    variable: Access
    body: sp.Expr
    derivative: sp.Expr
    inside: frozenset[Node]


def regions(nodes: Iterable[Node], consumers: Mapping[Node, Sequence[Node]]) -> dict[Node, Region]:
    """The regions among ``nodes``, by their roots, where they make a derivative shorter."""
    found: dict[Node, Region] = {}
    inner: set[Node] = set()  # all of whose uses lie in regions
    for node in sorted(nodes, key=lambda n: n.place, reverse=True):
        if node in inner or not _is_elementwise(node):
            continue
        region = _region(node, consumers)
        if region is not None:
            found[node] = region
            inner |= {
                n for n in region.inside if set(consumers[n]) <= {node, *inner, *region.inside}
            }
    return found


def _is_elementwise(node: Node) -> bool:
    if node.kind is Kind.PRODUCT:
        return len(label_dims(node)) == node.rank and len(node.args) > 1
    return node.kind in (Kind.SUM, Kind.MAP)


def _region(root: Node, consumers: Mapping[Node, Sequence[Node]]) -> Region | None:
    """The largest region below ``root`` whose derivative has a shorter form."""
    cuts = [
        (variable, inside)
        for variable, inside in _cuts(root)
        if len(inside) > 1 and any(n.kind is Kind.MAP for n in inside)
    ]
    for variable, inside in reversed(cuts):
        body = _composed(root, variable, inside)
        plain = partial_derivative(body, 0)
        form = shortest(body, 0, plain)
        private = all(set(consumers[n]) <= set(inside) for n in inside if n is not root)
        if form != plain and (private or overflows(body, 0, plain)):
            return Region(variable, body, form, frozenset(inside) - {root})
    return None


def _cuts(root: Node) -> Iterator[tuple[Access, list[Node]]]:
    """Each single operand that everything below ``root`` depends on, and the nodes above it."""
    inside: list[Node] = []
    maps = 0
    frontier: dict[Node, Labels] = {root: axes_of(root)}
    while frontier and len(inside) < _MOST_NODES:
        node = max(frontier, key=lambda n: n.place)
        maps += node.kind is Kind.MAP
        if not _is_elementwise(node) or maps > _MOST_MAPS:
            return
        labels = frontier.pop(node)
        inside.append(node)
        for arg, own in node.accesses:
            if arg.kind is Kind.CONST:
                continue
            seen = through(labels, own)
            if frontier.setdefault(arg, seen) != seen:
                return  # one operand in two views: aᵀ and a
        if len(frontier) == 1:
            ((variable, along),) = frontier.items()
            if len(set(along)) == len(along):
                yield Access(variable, along), list(inside)


def _composed(root: Node, variable: Access, inside: Collection[Node]) -> sp.Expr:
    """``root`` as one expression in ``slot(0)``, which stands for the variable."""
    done: dict[Node, sp.Expr] = {variable.node: slot(0)}
    for node in sorted(inside, key=lambda n: n.place):
        args = [a.value if a.kind is Kind.CONST else done[a] for a in node.args]
        match node.kind:
            case Kind.SUM:
                done[node] = sp.Add(*[c * a for c, a in zip(node.weights, args, strict=True)])
            case Kind.PRODUCT:
                done[node] = sp.Mul(*args)
            case _:
                slots = {slot(k): a for k, a in enumerate(args)}
                done[node] = node.body.xreplace(slots)
    return done[root]


def region_share(root: Node, region: Region, consumers: Sequence[Node], adj: Node) -> Node:
    """What ``root`` hands on to the variable of its region, given its adjoint.

    Where the derivative mentions the value of the region, the name of that value is used if it
    has one, so that the formula is written in it.
    """
    name = next((n for n in consumers if n.kind is Kind.NAMED), root)
    axes = axes_of(root)
    operands = {slot(0): region.variable, OUTPUT: Access(name, axes)}
    partial = expand(region.derivative, operands.get, root.shape)
    return pull_onto([(adj, axes), (partial, axes)], region.variable)
