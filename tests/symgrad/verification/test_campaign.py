"""Verdicts on random claims about random networks: none of them is wrong.

`python -m pytest -m slow tests/symgrad/verification/test_campaign.py` runs all of it, in a
few minutes.

A claim that is right is never rejected, and one that is rejected differs at its witness, to an
interpreter that shares no code with ours; one that is accepted agrees with the truth there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import pytest
from random_claims import agrees, changed, is_certain, respelled
from random_graphs import Declaration, random_network
from random_networks import Network

import symgrad as sg
from symgrad import graph as g
from symgrad.graph import Node
from symgrad.reverse import adjoints
from symgrad.simplify import computing
from symgrad.verification.equality import compare


def of_declarations(seed: int) -> Sequence[Node]:
    made = Declaration(Random(seed).choice, 5)
    return sg.gradient(made.loss, made.wrt).roots if made.wrt else ()


def of_networks(seed: int) -> Sequence[Node]:
    """Layers of every kind: windows, attention, norms, labels, masks, linear algebra."""
    made = Network(seed, steps=4)
    return sg.gradient(made.loss, made.wrt).roots if made.wrt else ()


def of_graphs(seed: int) -> Sequence[Node]:
    """Contractions that no matrix product is."""
    root = random_network(Random(seed).choice, 4)
    found = adjoints(root, list(g.leaves([root]))[:3])
    return list(found.values())


KINDS: dict[str, Callable[[int], Sequence[Node]]] = {
    "declarations": of_declarations,
    "networks": of_networks,
    "graphs": of_graphs,
}

UNFIT = {("networks", 9), ("networks", 30)}
"""A network with a function that the interpreter lacks, and one without parameters."""


def judged(kind: str, seed: int) -> None:
    random = Random(seed)
    for root in KINDS[kind](seed)[:2]:
        for claim in (computing([root])[0], respelled(root, random)):
            found = compare(claim, root, seed=seed)
            assert found.equal or found.reason.startswith("No point was found"), found
        wrong = changed(root, random)
        found = compare(wrong, root, seed=seed)
        if found.equal is False:
            is_certain(found, wrong, root)
        elif found.equal:  # what was changed may not matter: 1 added to all scores
            agrees(wrong, root, seed)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_a_few_random_claims(kind: str, seed: int) -> None:
    judged(kind, seed)


SEEDS = [(kind, seed) for kind in KINDS for seed in range(3, 80)]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "seed"), [case for case in SEEDS if case not in UNFIT])
def test_random_claims(kind: str, seed: int) -> None:
    judged(kind, seed)
