"""What an edit of a claim is: a node in the place of another, the mistake's name, and the words.

An edit that reads an operand along other axes may not fit; `fitting` is the one way to build such a
product, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from symgrad import graph as g
from symgrad.graph import Labels, Node

Words = Callable[[], str]


class Proposal(NamedTuple):
    """A node in the place of another; ``words`` say what was wrong, ``mistake`` names it."""

    node: Node
    mistake: str
    words: Words
    swap: tuple[Node, Node] | None = None
    """What stands and what is due, where a value is exchanged for another."""


class Edit(NamedTuple):
    """The claim after an edit. ``cost`` is how far-fetched the edit is; 1 is a common mistake.

    ``old`` is the node of the claim that became ``new``, with ``made`` in it: they differ where
    what stands in several places is edited in one.
    """

    root: Node
    mistake: str
    words: Words
    cost: float
    old: Node
    new: Node
    made: Node
    swap: tuple[Node, Node] | None = None


def fitting(accesses: Iterable[tuple[Node, Labels]], shape: g.Shape, old: Node) -> Node | None:
    """A product in the place of ``old``; None where it is none.

    A label has one size, and what ``old`` summed over still has an operand that runs along it.
    """
    accesses = list(accesses)
    dims: dict[int, g.Dim] = dict(enumerate(shape))
    for arg, labels in accesses:
        for label, n in zip(labels, arg.shape, strict=True):
            if dims.setdefault(label, n) != n:
                return None
    summed = {x for x in g.label_dims(old) if x >= old.rank}
    return g.product(accesses, shape) if summed <= set(dims) else None


def of_whole(old: Node, new: Node, mistake: str, words: Words, cost: float = 1.0) -> Edit:
    """An edit of a whole claim."""
    return Edit(new, mistake, words, cost, old, new, new)


def name_of(function: str) -> str:
    """A function as it is written."""
    return {"sigmoid": "σ"}.get(function, function)
