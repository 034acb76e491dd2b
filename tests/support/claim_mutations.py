"""The mistakes of the corpus, made in syntax trees; a row of `MUTATORS` is one of them.

Written apart from symgrad.verification.edits, which has to find them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from claim_sources import Slope
from claim_trees import (
    AT,
    TIMES,
    Unfit,
    Unknown,
    chain,
    linked,
    name,
    names_in,
    number,
    paren,
    places,
    text,
)
from claim_values import Point
from claim_writings import Claim

import symgrad.language.syntax as s
from symgrad import graph as g
from symgrad.lift import lift


def is_function(node: s.Chain, k: int) -> bool:
    """Whether a link is a function of the one behind it, or its argument."""
    links = node.links
    behind = k + 1 < len(links) and isinstance(links[k].item, s.Name)
    applied = behind and links[k + 1].operator == "" and isinstance(links[k + 1].item, s.Arguments)
    argument = k > 0 and links[k].operator == "" and isinstance(links[k].item, s.Arguments)
    return applied or (argument and isinstance(links[k - 1].item, s.Name))


Mutated = Iterator[tuple[s.Expr, str]]
"""A tree with a mistake, and other names that the mistake may go by."""

Mutator = Callable[[s.Expr, Claim], Mutated]


def _sign(tree: s.Expr, claim: Claim) -> Mutated:
    yield (
        s.Terms(AT, tree.height + 1, ((-1, tree if isinstance(tree, s.Chain) else paren(tree)),)),
        "",
    )
    for node, back in places(tree):
        if isinstance(node, s.Terms) and len(node.terms) > 1:
            for k, (sign, term) in enumerate(node.terms):
                terms = (*node.terms[:k], (-sign, term), *node.terms[k + 1 :])
                yield back(replace(node, terms=terms)), ""


def _factor(tree: s.Expr, claim: Claim) -> Mutated:
    sizes = [d for d in claim.source.truth.dims][:1]
    for n in ("2", "0.5", *sizes):
        factor = name(n) if n in sizes else number(n)
        yield chain(factor, tree), "sum_for_mean" if n == "N" else ""
    for node, back in places(tree):
        if isinstance(node, s.Terms) and len(node.terms) > 1:
            for k, (sign, term) in enumerate(node.terms):
                doubled = chain(number("2"), term)
                yield back(replace(node, terms=(*node.terms[:k], (sign, doubled),
                                                *node.terms[k + 1 :]))), ""  # fmt: skip
        if isinstance(node, s.Chain):
            for k, link in enumerate(node.links):
                constant = isinstance(link.item, s.Number)
                if constant and len(node.links) > 1 and (k or node.links[1].operator != "/"):
                    yield back(linked(node, (*node.links[:k], *node.links[k + 1 :]))), ""


def _shape_of(tree: s.Expr, claim: Claim) -> tuple[int, ...] | None:
    try:
        return np.shape(claim.source.points[0].of(tree))
    except (Unfit, Unknown, AttributeError, IndexError, ValueError):
        return None


def _transpose(tree: s.Expr, claim: Claim) -> Mutated:
    for node, back in places(tree):
        if isinstance(node, s.Item) and isinstance(node.suffixes[-1], s.Transposition):
            rest = node.suffixes[:-1]
            yield back(replace(node, suffixes=rest) if rest else node.base), ""
        whole = isinstance(node, s.Name) and "[" not in text(tree)
        if whole and min(_shape_of(node, claim) or (1,)) > 1:
            yield back(s.Item(AT, 2, node, (s.Transposition(AT, 1),))), ""
    if isinstance(tree, s.Chain) and len(_shape_of(tree, claim) or ()) == 2:
        yield s.Item(AT, tree.height + 1, paren(tree), (s.Transposition(AT, 1),)), "order"


def _order(tree: s.Expr, claim: Claim) -> Mutated:
    for node, back in places(tree):
        if not isinstance(node, s.Chain):
            continue
        for k in range(len(node.links) - 1):
            a, b = node.links[k], node.links[k + 1]
            shapes = [_shape_of(x.item, claim) for x in (a, b)]
            if b.operator in TIMES and all(shapes) and not is_function(node, k):
                links = (*node.links[:k], replace(b, operator=a.operator),
                         replace(a, operator=b.operator), *node.links[k + 2 :])  # fmt: skip
                yield back(linked(node, links)), "transpose"


def _shape(tree: s.Expr, claim: Claim) -> Mutated:
    """A vector in the place of one of another size."""
    truth = claim.source.truth
    vectors = {
        x: shape
        for x in (*truth.forward, *truth.leaves)
        if len(shape := np.shape(claim.source.points[0].values.get(x, 0.0))) == 2
    }
    for node, back in places(tree):
        if isinstance(node, s.Name) and node.name in vectors:
            other = next((x for x, n in vectors.items() if n != vectors[node.name]
                          and min(n) == min(vectors[node.name])), None)  # fmt: skip
            if other is not None:
                yield back(name(other)), "wrong_value"


def _missing_term(tree: s.Expr, claim: Claim) -> Mutated:
    shared = "missing_sum" if _is_shared(claim) else ""
    for node, back in places(tree):
        if isinstance(node, s.Terms) and len(node.terms) > 1:
            for k in range(len(node.terms)):
                rest = (*node.terms[:k], *node.terms[k + 1 :])
                bare = rest[0][1] if len(rest) == 1 and rest[0][0] > 0 else None
                yield back(bare if bare is not None else replace(node, terms=rest)), shared


def _is_shared(claim: Claim) -> bool:
    """Whether what the gradient is by is used in the making of several named values."""
    symbol, source = claim.target.symbol, claim.source
    if symbol is None:
        return False
    leaf, users = lift(symbol), 0
    for named in source.truth.forward.values():
        node = lift(named)
        below = g.topological(
            node.args, lambda n: () if n.kind is g.Kind.NAMED or n is leaf else n.args
        )
        users += leaf in below and node is not leaf
    return users > 1


def _extra_term(tree: s.Expr, claim: Claim) -> Mutated:
    truth, values = claim.source.truth, claim.source.points[0].values
    if claim.indices:
        for node, back in places(tree):
            if isinstance(node, s.Item) and isinstance(node.suffixes[0], s.Positions):
                for other in (*truth.forward, *truth.leaves):
                    own = node.base.name if isinstance(node.base, s.Name) else ""
                    if other != own and np.shape(values[other]) == np.shape(values.get(own, 0.0)):
                        more = replace(node, base=name(other))
                        yield back(paren(s.Terms(AT, 5, ((1, node), (1, more))))), ""
                        break
        return
    for node, back in places(tree):
        plain = node if isinstance(node, s.Terms) else None
        if node is not tree and plain is None:
            continue
        shape = _shape_of(node, claim)
        for other in (*truth.leaves, *truth.forward):
            if np.shape(values.get(other, 0)) == shape and other not in names_in(node):
                terms = plain.terms if plain is not None else ((1, node),)
                yield back(s.Terms(AT, node.height + 1, (*terms, (1, name(other))))), ""
                break


def slope_links(node: s.Chain, claim: Claim) -> Iterator[tuple[tuple[int, ...], Slope]]:
    """Links of a chain that are together the derivative of an activation, by their numbers."""
    point_, source = claim.source.points[0], claim.source
    letters = sorted(
        {p.name for x, _ in places(node) if isinstance(x, s.Positions)
         for p in x.positions if isinstance(p, s.Name)}
    )  # fmt: skip
    for count in (1, 2, 3):
        for first in range(len(node.links) - count + 1):
            chosen = node.links[first : first + count]
            if any(x.operator == "/" for x in chosen) or (count > 1 and any(
                x.operator in TIMES and np.ndim(_value(x.item, point_, letters)) for x in chosen[1:]
            )):  # fmt: skip
                continue
            part = linked(node, chosen)
            for slope in source.slopes:
                due = np.asarray(slope.derivative(np.asarray(point_.values[slope.argument])))
                for k in range(2):
                    value = _value(part, point_, letters, k)
                    if value is None:
                        break
                    if letters and due.ndim:
                        fits = np.ndim(value) == 0 and np.isclose(value, due.reshape(-1)[k])
                    else:
                        fits = np.shape(value) == due.shape and np.allclose(value, due)
                    if not fits:
                        break
                else:
                    yield tuple(range(first, first + count)), slope


def _value(tree: s.Expr, at: Point, letters: Sequence[str], k: int = 0) -> Any:
    try:
        return at._of(tree, dict.fromkeys(letters, k))
    except (Unfit, Unknown, AttributeError, IndexError):
        return None


def _missing_derivative(tree: s.Expr, claim: Claim) -> Mutated:
    for node, back in places(tree):
        if isinstance(node, s.Chain):
            for chosen, _ in slope_links(node, claim):
                rest = [x for k, x in enumerate(node.links) if k not in chosen]
                if rest:
                    yield back(linked(node, rest)), ""


def _wrong_argument(tree: s.Expr, claim: Claim) -> Mutated:
    for node, back in places(tree):
        if not isinstance(node, s.Chain):
            continue
        for chosen, slope in slope_links(node, claim):
            part = linked(node, [node.links[k] for k in chosen])
            own = {slope.value: slope.argument, slope.argument: slope.value}
            turned = _renamed(part, own)
            if turned != part:
                links = list(node.links)
                if len(chosen) == 1:
                    links[chosen[0]] = replace(links[chosen[0]], item=turned)
                else:
                    assert isinstance(turned, s.Chain)
                    for k, link in zip(chosen, turned.links, strict=True):
                        links[k] = replace(links[k], item=link.item)
                yield back(linked(node, links)), ""


def _renamed(tree: Any, names: Mapping[str, str]) -> Any:
    """A tree with other names, all put in at once."""
    if isinstance(tree, s.Name):
        return name(names.get(tree.name, tree.name))
    if isinstance(tree, tuple):
        return tuple(_renamed(x, names) for x in tree)
    if isinstance(tree, s.Node | s.Link):
        own = {x.name: _renamed(getattr(tree, x.name), names) for x in fields(tree)}
        return replace(tree, **own)
    return tree


def _wrong_product(tree: s.Expr, claim: Claim) -> Mutated:
    for node, back in places(tree):
        if not isinstance(node, s.Chain):
            continue
        for k in range(1, len(node.links)):
            link = node.links[k]
            shapes = [_shape_of(node.links[n].item, claim) for n in (k - 1, k)]
            if not all(shapes) or is_function(node, k):
                continue
            new = {"⊙": "·"}.get(link.operator, "⊙" if link.operator in TIMES else None)
            if new is not None:
                links = (*node.links[:k], replace(link, operator=new), *node.links[k + 1 :])
                yield back(replace(node, links=links)), ""


def _wrong_branch(tree: s.Expr, claim: Claim) -> Mutated:
    turned = {">": "<", "<": ">", "≥": "≤", "≤": "≥"}
    for node, back in places(tree):
        if isinstance(node, s.Relation) and node.operator in turned:
            yield back(replace(node, operator=turned[node.operator])), ""


def _index(tree: s.Expr, claim: Claim) -> Mutated:
    letters = [
        p.name for x, _ in places(tree) if isinstance(x, s.Positions)
        for p in x.positions if isinstance(p, s.Name)
    ]  # fmt: skip
    scope = list(dict.fromkeys([*claim.indices, *letters]))
    for node, back in places(tree):
        if isinstance(node, s.Positions):
            if len(node.positions) == 2:
                yield back(replace(node, positions=node.positions[::-1])), "transpose"
            for k, p in enumerate(node.positions):
                for other in scope:
                    if isinstance(p, s.Name) and other != p.name:
                        new = (*node.positions[:k], name(other), *node.positions[k + 1 :])
                        yield back(replace(node, positions=new)), ""


def _missing_sum(tree: s.Expr, claim: Claim) -> Mutated:
    for node, back in places(tree):
        if isinstance(node, s.BigSum):
            yield back(paren(node.body)), "index"
        if isinstance(node, s.Chain):
            for k in range(len(node.links) - 1):
                item = node.links[k].item
                if isinstance(item, s.Name) and item.name == "sum":
                    yield back(linked(node, (*node.links[:k], *node.links[k + 1 :]))), "shape"
    if _is_shared(claim) and isinstance(tree, s.Terms):
        for k in range(len(tree.terms)):
            rest = (*tree.terms[:k], *tree.terms[k + 1 :])
            if rest:
                yield replace(tree, terms=rest), "missing_term"


def _sum_for_mean(tree: s.Expr, claim: Claim) -> Mutated:
    if "N" not in claim.source.truth.dims:
        return
    for node, back in places(tree):
        if isinstance(node, s.Chain):
            for k, link in enumerate(node.links):
                if isinstance(link.item, s.Name) and link.item.name == "N":
                    rest = (*node.links[:k], *node.links[k + 1 :])
                    yield back(linked(node, rest)), "factor"


MUTATORS: dict[str, Mutator] = {
    "sign": _sign,
    "factor": _factor,
    "transpose": _transpose,
    "order": _order,
    "shape": _shape,
    "missing_term": _missing_term,
    "extra_term": _extra_term,
    "missing_derivative": _missing_derivative,
    "derivative_of_wrong_argument": _wrong_argument,
    "sum_for_mean": _sum_for_mean,
    "missing_sum": _missing_sum,
    "wrong_product": _wrong_product,
    "wrong_branch": _wrong_branch,
    "index": _index,
}
"""The mistakes that can be made in any claim; for `missing_fact` see `with_missing_facts`."""
