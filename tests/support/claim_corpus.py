"""A corpus of claims, made by machine: right ones in many writings, and each mistake in them.

`mutants` makes wrong claims of a right one, each labelled with the mistake. What a label may be is
judged by the numbers alone (`claim_values.Point`): mutations that give the same values are one
mistake with several names, and what keeps the value is no mistake.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from claim_models import FACTS
from claim_mutations import MUTATORS, slope_links
from claim_sources import column, of_text
from claim_trees import (
    Unfit,
    Unknown,
    linked,
    names_in,
    paren,
    places,
    text,
)
from claim_writings import Claim, right_claims, same
from interpreter import interpret

import symgrad.language.syntax as s

MISTAKES = (
    "sign", "factor", "transpose", "order", "shape", "missing_term", "extra_term",
    "missing_derivative", "derivative_of_wrong_argument", "sum_for_mean", "missing_sum",
    "wrong_product", "wrong_branch", "missing_fact", "index",
)  # fmt: skip
"""Those of the issue."""


def mutants(claim: Claim) -> tuple[list[Claim], list[Claim]]:
    """Wrong claims, each with the names of its mistake, and those mutations that stay right."""
    found: dict[str, tuple[s.Expr, set[str], str]] = {}
    for mistake, mutate in MUTATORS.items():
        for tree, also in mutate(claim.tree, claim):
            written = text(tree)
            if written != text(claim.tree):
                _, names, _ = found.setdefault(written, (tree, set(), mistake))
                names |= {mistake, also} - {""}
    inside = _in_slopes(claim)
    wrong: list[Claim] = []
    right: list[Claim] = []
    for written, (tree, names, mistake) in found.items():
        if written in inside:
            names.add("wrong_derivative")
        new = replace(claim, tree=tree, labels=frozenset(names), made=(mistake,))
        try:
            is_right = new.right()
        except Unknown:
            continue
        if is_right:
            right.append(replace(new, labels=frozenset()))
        else:
            wrong.append(new)
    return wrong, right


def _in_slopes(claim: Claim) -> set[str]:
    """The mutations of what is the derivative of an activation: it is then a wrong derivative."""
    found = set()
    for node, back in places(claim.tree):
        if not isinstance(node, s.Chain):
            continue
        for chosen, _ in slope_links(node, claim):
            part = linked(node, [node.links[k] for k in chosen])
            for kind in ("sign", "factor", "missing_term", "extra_term"):
                for tree, _ in MUTATORS[kind](part, claim):
                    found.add(text(back(_with_part(node, chosen, tree))))
    return found


def _with_part(node: s.Chain, chosen: Sequence[int], part: s.Expr) -> s.Expr:
    """A chain with other links in the place of those chosen."""
    links = list(node.links)
    first = links[chosen[0]]
    if isinstance(part, s.Chain) and len(chosen) > 1:
        new = [replace(part.links[0], operator=first.operator), *part.links[1:]]
    else:
        new = [replace(first, item=paren(part), sign=1)]
    links[chosen[0] : chosen[-1] + 1] = new
    return linked(node, links)


def widened(wrong: Sequence[Claim]) -> list[Claim]:
    """Claims of one value have one mistake, by all of its names, however they came about."""
    known: dict[Any, set[str]] = {}
    keys = []
    for k, claim in enumerate(wrong):
        values = claim.values()
        key: Any = k
        if values is not None:
            flat = np.concatenate([np.ravel(x) for x in values])
            scale = np.abs(flat).max(initial=1e-9)
            key = (claim.left.partition("[")[0], np.shape(values[0]),
                   tuple(np.round(flat / scale, 7) + 0.0), f"{scale:.6e}")  # fmt: skip
        keys.append(key)
        known.setdefault(key, set()).update(claim.labels)
    return [replace(c, labels=frozenset(known[k])) for c, k in zip(wrong, keys, strict=True)]


def with_facts(claim: Claim) -> Claim:
    """The claim, labelled ``missing_fact`` too where it is right once a leaf has a fact."""
    return replace(claim, labels=claim.labels | of_facts(claim))


def of_facts(claim: Claim) -> set[str]:
    """``missing_fact``, where a claim is right once a leaf has a fact that it has not."""
    for k, (points, env) in enumerate(claim.source.with_facts):
        key = (claim.left.partition("[")[0], k)
        if key not in claim.source.known:
            (true,) = interpret([claim.target.node], claim.source.net, env)
            claim.source.known[key] = column(true)
        try:
            values = claim.values([points])
        except Unknown:
            continue
        if values is not None and same(values, [claim.source.known[key]]):
            return {"missing_fact"}
    return set()


def doubles(claim: Claim, rng: np.random.Generator, most: int) -> list[Claim]:
    """Claims with two mistakes of different kinds, that no single one explains."""
    single, _ = mutants(claim)
    single = [x for x in single if x.values() is not None]
    values = [x.values() for x in single]
    found: list[Claim] = []
    for _ in range(6 * most):
        if len(found) == most or not single:
            break
        first = single[int(rng.integers(len(single)))]
        try:
            second, _ = mutants(first)
        except (Unfit, Unknown):
            continue
        second = [x for x in second if x.made[0] not in first.made]
        if not second:
            continue
        chosen = second[int(rng.integers(len(second)))]
        own = chosen.values()
        if own is None and first.values() is not None and rng.integers(3):
            continue
        if own is not None and any(x is not None and same(own, x) for x in [claim.true, *values]):
            continue
        labels = first.labels | chosen.labels
        found.append(replace(chosen, labels=labels, made=(*first.made, *chosen.made)))
    return found


def with_missing_facts() -> list[Claim]:
    """What is right of a model with a fact, claimed of the same model without it."""
    found = []
    for title, (fact, model) in FACTS.items():
        assumed, source = of_text(title, model), of_text(title, model.replace(fact, ""))
        own = []
        for claim in right_claims(assumed):
            if set(names_in(claim.tree)) & set(assumed.truth.adjoints):
                continue
            new = replace(claim, source=source, labels=frozenset({"missing_fact"}),
                          made=("missing_fact",))  # fmt: skip
            if not new.right():
                own.append(new)
        others = [x for claim in right_claims(source)[:8] for x in mutants(claim)[0]]
        found += widened([*own, *others])[: len(own)]
    return found
