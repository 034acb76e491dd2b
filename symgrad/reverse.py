"""Reverse accumulation: one adjoint for a node, in one sweep.

v̄ᵢ = Σⱼ v̄ⱼ·∂vⱼ/∂vᵢ, over the consumers j of i, in reverse topological order. The adjoint of a
named value is itself named, so that it is shown once and computed once. The result is the raw
graph of the gradient: `simplify` makes it readable, and because it is a graph like any other it
can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from symgrad import graph as g
from symgrad.derivatives import DERIVATIVES
from symgrad.graph import Kind, Node
from symgrad.regions import Region, region_share, regions

ADJOINT = "δ"
"""Names of adjoints begin with this letter."""


def adjoint_name(node: Node) -> str:
    """The provisional, unique name of a named value's adjoint; `simplify` makes it readable."""
    return f"{ADJOINT}{node.name}@{node.place.digest.hex()}"


def adjoint_label(node: Node) -> str:
    """The provisional name of the adjoint of a value without a name."""
    return f"{ADJOINT}@{node.place.digest.hex()}"


class Message(NamedTuple):
    """What ``user`` hands on to its ``k``-th operand, or ``region`` as a whole to its variable."""

    user: Node
    k: int
    adjoint: Node
    """That of ``user``."""
    region: Region | None = None


class Trail:
    """A sweep told step by step: every adjoint has a name, and every message that it adds up.

    One of a sweep that has a derivative taken in turn names no messages.
    """

    def __init__(self, names_messages: bool = True) -> None:
        self._names_messages = names_messages
        self.values: dict[str, Node] = {}
        """The name of an adjoint → what it is the adjoint of, where that has no name."""
        self.messages: dict[str, Message] = {}
        """The name of a message → what it is."""
        self.regions: dict[Node, Region] = {}
        """The values that were differentiated as a whole, down to some variable."""

    def adjoint(self, node: Node, adjoint: Node) -> Node:
        """The adjoint of a value without a name, under one."""
        name = adjoint_label(node)
        self.values[name] = node
        return g.named(name, adjoint)

    def message(self, message: Message, share: Node) -> Node:
        """A share of an adjoint, under a name."""
        if message.region is not None:
            self.regions[message.user] = message.region
        if not self._names_messages:
            return share
        name = f"{adjoint_label(message.user)}.{message.k}"
        while self.messages.setdefault(name, message) != message:
            name += "′"  # another sweep may pass the same values
        return g.named(name, share)


def adjoints(
    root: Node,
    wrt: Sequence[Node],
    seed: Node | None = None,
    name: Callable[[Node], str] = adjoint_name,
    trail: Trail | None = None,
) -> dict[Node, Node]:
    """∂root/∂v for every v between ``root`` and ``wrt``, raw.

    ``seed`` is the adjoint of the root; it defaults to 1, for a scalar root. ``name`` gives the
    adjoint of a named value its name. Where a ``trail`` is given, all other adjoints have names as
    well, and each share of one, and the trail says what they are.
    """
    order = g.topological([root])
    targets = set(wrt)
    needed: set[Node] = set()
    for node in order:
        differentiable = node.kind is not Kind.ONEHOT and node.data != "argmax"
        if node in targets or (differentiable and any(arg in needed for arg in node.args)):
            needed.add(node)

    uses = g.consumers([root])
    whole = regions(needed, uses)
    shares: dict[Node, list[Node]] = {root: [g.const(1) if seed is None else seed]}
    result: dict[Node, Node] = {}
    for node in reversed(order):
        if node not in needed or node not in shares:
            continue
        adjoint = _total(shares.pop(node))
        if node.kind is Kind.NAMED and adjoint.kind is not Kind.CONST:
            adjoint = g.named(name(node), adjoint)
        elif trail is not None and adjoint.kind is not Kind.CONST:
            adjoint = trail.adjoint(node, adjoint)
        result[node] = adjoint
        if node in targets and node.kind is Kind.LEAF:
            continue
        if node in whole:
            region = whole[node]
            share = region_share(node, region, uses.get(node, ()), adjoint)
            if trail is not None:
                share = trail.message(Message(node, 0, adjoint, region), share)
            shares.setdefault(region.variable.node, []).append(share)
            continue
        rule = DERIVATIVES[node.kind]
        for k, arg in enumerate(node.args):
            if arg in needed:
                share = rule(node, k, adjoint)
                if trail is not None:
                    share = trail.message(Message(node, k, adjoint), share)
                shares.setdefault(arg, []).append(share)
    return result


def _total(shares: list[Node]) -> Node:
    if len(shares) == 1:
        return shares[0]
    axes = tuple(range(shares[0].rank))
    return g.add([(1, share, axes) for share in shares], shares[0].shape)
