"""Reverse accumulation: one adjoint for a node, in one sweep.

v̄ᵢ = Σⱼ v̄ⱼ·∂vⱼ/∂vᵢ, over the consumers j of i, in reverse topological order. The adjoint of a
named value is itself named, so that it is shown once and computed once. The result is the raw
graph of the gradient: `simplify` makes it readable, and because it is a graph like any other it
can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symgrad import graph as g
from symgrad.derivatives import DERIVATIVES
from symgrad.graph import Kind, Node
from symgrad.regions import region_share, regions

ADJOINT = "δ"
"""Names of adjoints begin with this letter."""


def adjoint_name(node: Node) -> str:
    """The provisional, unique name of a named value's adjoint; `simplify` makes it readable."""
    return f"{ADJOINT}{node.name}@{node.uid}"


def adjoint_label(node: Node) -> str:
    """The provisional name of the adjoint of a value without a name."""
    return f"{ADJOINT}@{node.uid}"


def adjoints(
    root: Node,
    wrt: Sequence[Node],
    seed: Node | None = None,
    name: Callable[[Node], str] = adjoint_name,
    every: dict[str, Node] | None = None,
) -> dict[Node, Node]:
    """∂root/∂v for every v between ``root`` and ``wrt``, raw.

    ``seed`` is the adjoint of the root; it defaults to 1, for a scalar root. ``name`` gives the
    adjoint of a named value its name. Where ``every`` is given, the adjoint of each other value
    has a name as well, and ``every`` becomes the table of these names and values.
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
        elif every is not None and node.args and adjoint.kind is not Kind.CONST:
            every[adjoint_label(node)] = node
            adjoint = g.named(adjoint_label(node), adjoint)
        result[node] = adjoint
        if node in targets and node.kind is Kind.LEAF:
            continue
        if node in whole:
            region = whole[node]
            share = region_share(node, region, uses.get(node, ()), adjoint)
            shares.setdefault(region.variable.node, []).append(share)
            continue
        rule = DERIVATIVES[node.kind]
        for k, arg in enumerate(node.args):
            if arg in needed:
                shares.setdefault(arg, []).append(rule(node, k, adjoint))
    return result


def _total(shares: list[Node]) -> Node:
    if len(shares) == 1:
        return shares[0]
    axes = tuple(range(shares[0].rank))
    return g.add([(1, share, axes) for share in shares], shares[0].shape)
