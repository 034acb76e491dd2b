"""What an edit of a claim is: a node in the place of another, the mistake's name, and the words."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from symgrad.graph import Node

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


def of_whole(old: Node, new: Node, mistake: str, words: Words, cost: float = 1.0) -> Edit:
    """An edit of a whole claim."""
    return Edit(new, mistake, words, cost, old, new, new)


def name_of(function: str) -> str:
    """A function as it is written."""
    return {"sigmoid": "σ"}.get(function, function)
