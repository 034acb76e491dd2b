"""The indices of a claim: which are free, and which a condition speaks of.

Why it exists: an index that the left side has not, and that nothing sums over, is a mistake of its
own; and behind an equation (j ≠ k) says for which entries it holds, which is no factor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import symgrad.language.syntax as s

Knows = Callable[[str], bool]
"""Whether there is such a thing."""


def free_indices(tree: s.Expr, knows: Knows, bound: set[str]) -> list[s.Name]:
    """Names in positions that are neither declared, nor of the left side, nor summed over."""
    found: list[s.Name] = []

    def visit(node: Any, bound: frozenset[str], inside: bool) -> None:
        if isinstance(node, tuple):
            for x in node:
                visit(x, bound, inside)
        elif isinstance(node, s.BigSum):
            names = {x.name for x in names_in(node.ranges)}
            letters = {c for x in names if len(x) > 1 for c in x}
            visit(node.body, bound | names | letters, inside)
        elif isinstance(node, s.Name):
            if inside and node.name not in bound and not knows(node.name):
                found.append(node)
        elif isinstance(node, s.Node | s.Link):
            deeper = inside or isinstance(node, s.Positions)
            for x in vars(node).values():
                visit(x, bound, deeper)

    visit(tree, frozenset(bound), False)
    return found


def condition_behind(tree: s.Expr, knows: Knows) -> s.Expr | None:
    """``-p_j p_k (j ≠ k)`` without the condition that ends it, which is no factor; else None."""
    last = tree.terms[-1][1] if isinstance(tree, s.Terms) else tree
    if not isinstance(last, s.Chain) or last.links[-1].operator or last.links[-1].sign < 0:
        return None
    item = last.links[-1].item
    inner = item.positional[0] if isinstance(item, s.Arguments) and item.positional else None
    if not isinstance(inner, s.Indicator) or any(knows(x.name) for x in names_in(inner)):
        return None
    shorter = run_of(list(last.links[:-1]))
    if not isinstance(tree, s.Terms):
        return shorter
    return replace(tree, terms=(*tree.terms[:-1], (tree.terms[-1][0], shorter)))


def names_in(node: Any) -> Iterator[s.Name]:
    """The names in a tree."""
    if isinstance(node, tuple):
        for x in node:
            yield from names_in(x)
    elif isinstance(node, s.Name):
        yield node
    elif isinstance(node, s.Node | s.Link):
        for x in vars(node).values():
            yield from names_in(x)


def run_of(links: list[s.Link]) -> s.Expr:
    """Factors as one expression."""
    if len(links) == 1:
        return links[0].item
    at = links[0].item.at.to(links[-1].item.at)
    return s.Chain(at, 1 + max(x.item.height for x in links), tuple(links))
