"""Layers of units: which named values are elementwise activations of another value.

Why it exists: a unit h = f(z) can saturate (f′(z) near 0) or die (f′(z) = 0 at every example), and
both a report on a declaration and a look into a training module judge it by f′(z) and ∂L/∂z.
"""

from __future__ import annotations

from typing import NamedTuple

from symgrad import graph as g
from symgrad.graph import Access, Kind, Node
from symgrad.reverse import adjoints
from symgrad.subject import variable


class Layer(NamedTuple):
    """A named value h, the value z that it is a function of, and ∂h/∂z at every entry."""

    value: Node
    below: Node
    slope: Node


def summands(root: Node) -> set[Node]:
    """What the loss is a weighted sum of, examples and names included: losses, not layers."""
    found = {root}
    stack = [root]
    while stack:
        node = stack.pop()
        factors = [a for a in node.args if a.kind is not Kind.CONST]
        if node.kind in (Kind.SUM, Kind.NAMED) or (node.kind is Kind.PRODUCT and len(factors) == 1):
            found |= set(factors)
            stack += factors
    return found


def layer_of(value: Node) -> Layer | None:
    """``value`` as an elementwise function, if it is one."""
    root = value.args[0]
    whole = tuple(range(root.rank))
    frontier: set[Access] = set()
    stack = [Access(root, whole)]
    maps = 0
    seen = set(stack)
    while stack:
        node, labels = stack.pop()
        if _is_elementwise(node):
            maps += node.kind is Kind.MAP
            below = [Access(a, tuple(labels[x] for x in own)) for a, own in node.accesses]
            stack += [a for a in dict.fromkeys(below) if a not in seen]
            seen.update(below)
        elif node.kind is not Kind.CONST:
            frontier.add(Access(node, labels))
    inputs = [a for a in frontier if a.labels == whole and a.node.kind is not Kind.LEAF]
    if maps == 0 or len(inputs) != 1:
        return None
    z = inputs[0].node
    if any(z in g.topological([a.node]) for a in frontier if a.node is not z):
        return None  # softmax: every entry depends on the sum over all
    if any(a.node is z and a.labels != whole for a in frontier):
        return None
    leaf = variable(g.named("z", z))
    (h,) = g.substitute([root], {z: leaf})
    total = g.product([(h, whole)], ())
    slope = adjoints(total, [leaf]).get(leaf, g.const(0, z.shape))
    (at_z,) = g.substitute([slope], {leaf: z})
    return Layer(value, z, at_z)


def _is_elementwise(node: Node) -> bool:
    if node.kind is Kind.PRODUCT:
        return len(node.args) > 1 and len(g.label_dims(node)) == node.rank
    return node.kind in (Kind.SUM, Kind.MAP)


def layers_below(root: Node) -> list[Layer]:
    """The layers among the named values below a loss, operands first."""
    named = [n for n in g.topological([root]) if n.kind is Kind.NAMED]
    losses = summands(root)
    found = (layer_of(n) for n in named if n not in losses)
    return [layer for layer in found if layer is not None]
