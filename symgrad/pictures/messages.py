"""What goes back along each edge: v̄ᵢ = Σⱼ v̄ⱼ·∂vⱼ/∂vᵢ, one message for each consumer j of i.

Why it exists: the reverse sweep adds shares up as it makes them, and a derivation shows their sum
in its shortest form. Backpropagation as a lecture draws it keeps them apart. The shares here come
from the same rules (`derivatives`, by way of `reverse.adjoints`), over one drawn value at a time.

In: a `Diagram` and what to differentiate by. Out: `Messages`, graphs in leaves, named values and
named adjoints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import sympy as sp

from symgrad import graph as g
from symgrad.graph import Node
from symgrad.pictures.drawn import Diagram
from symgrad.reverse import adjoints


class Message(NamedTuple):
    """The share of one edge: from a value to one of its operands."""

    consumer: Node
    operand: Node
    share: Node
    """v̄ⱼ·∂vⱼ/∂vᵢ, in named adjoints."""
    local: Node | None
    """∂vⱼ/∂vᵢ, where both are numbers."""


class Messages(NamedTuple):
    """All messages of a sweep."""

    adjoints: dict[Node, Node]
    """The adjoint of each value that the loss varies with, under a name; the loss has 1."""
    edges: dict[tuple[Node, Node], Message]
    """By consumer and operand, in the order of the sweep."""
    symbols: Mapping[Node, str]
    """How each adjoint is written: ``∂L/∂z2``, or ``δ2``."""

    def to(self, node: Node) -> list[Message]:
        """What a value receives from each of its consumers, in the order of their evaluation."""
        return [m for (_, operand), m in reversed(self.edges.items()) if operand is node]


def messages(
    diagram: Diagram, wrt: Iterable[Node], symbol: Callable[[str], str] | None = None
) -> Messages:
    """The sweep from the loss, a scalar, to the drawn nodes ``wrt``.

    ``symbol`` gives for the name of a value how its adjoint is written, ∂L/∂v by default.
    """
    write = symbol or (lambda name: f"∂{diagram.root.name}/∂{name}")
    symbols = {x.node: write(x.name) for x in diagram.nodes}
    needed = set(wrt)
    for drawn in diagram.nodes:
        if needed.intersection(drawn.operands):
            needed.add(drawn.node)
    root = diagram.root
    shares: dict[Node, list[Message]] = {root: []}
    found: dict[Node, Node] = {}
    edges: dict[tuple[Node, Node], Message] = {}
    for drawn in reversed(diagram.nodes):
        node = drawn.node
        if node not in needed or node not in shares:
            continue
        found[node] = g.const(1) if node is root else _total(node, shares[node], symbols[node])
        operands = [x for x in drawn.operands if x in needed]
        if drawn.is_leaf:
            continue
        for message in _of_step(node, found[node], operands):
            edges[node, message.operand] = message
            shares.setdefault(message.operand, []).append(message)
    return Messages(found, edges, symbols)


def _total(node: Node, received: list[Message], name: str) -> Node:
    axes = tuple(range(node.rank))
    total = g.add([(1, m.share, axes) for m in received], node.shape)
    return g.named(name, total if len(received) > 1 else received[0].share)


def _of_step(node: Node, adjoint: Node, operands: list[Node]) -> list[Message]:
    """What a value hands on, given its adjoint: its one step differentiated by its operands."""
    variables = {x: g.leaf(x.name, x.shape, sp.Symbol(x.name)) for x in operands}
    (step,) = g.substitute([node.args[0]], variables)
    seed = g.leaf(f"∂{node.name}", node.shape, sp.Symbol(f"∂{node.name}"))
    swept = adjoints(step, list(variables.values()), seed)
    back = {leaf: x for x, leaf in variables.items()}
    made = []
    for x, leaf in variables.items():
        if leaf not in swept:
            continue
        (share,) = g.substitute([swept[leaf]], {**back, seed: adjoint})
        local = None
        if not node.shape and not x.shape:
            (local,) = g.substitute([swept[leaf]], {**back, seed: g.const(1)})
        made.append(Message(node, x, share, local))
    return made
