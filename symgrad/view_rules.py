"""Laws of views: a transpose, a broadcast or a diagonal is an access, and never a node."""

from __future__ import annotations

from symgrad import graph as g
from symgrad.algebra import (
    INLINE,
    axes_of,
    contraction,
    is_view,
    with_views,
)
from symgrad.graph import Access, Kind, Node, label_dims


def broadcast_last(node: Node) -> Node | None:
    """f(a)ᵢⱼ, where j runs along no operand → the broadcast of f(a)ᵢ."""
    if not node.shape:
        return None
    carried = sorted({x for labels in node.labels for x in labels if x < node.rank})
    constant = all(arg.kind is Kind.CONST for arg in node.args)
    if constant or len(carried) == node.rank or is_view(node):
        return None
    narrow = {label: k for k, label in enumerate(carried)}
    contracted = len(label_dims(node)) - node.rank
    narrow.update({node.rank + k: len(carried) + k for k in range(contracted)})
    accesses = [Access(n, tuple(narrow[x] for x in labels)) for n, labels in node.accesses]
    shape = tuple(node.shape[x] for x in carried)
    match node.kind:
        case Kind.SUM:
            terms = zip(node.weights, accesses, strict=True)
            inner = g.add([(c, *a) for c, a in terms], shape)
        case Kind.MAP:
            inner = g.apply(node.body, accesses, shape)
        case _:
            inner = g.product(accesses, shape)
    return g.product([(inner, tuple(carried))], node.shape)


def view_in_product(node: Node) -> Node | None:
    """Σ view(a)·b → Σ a·b, with the view's labels."""
    operands = with_views(node)
    return None if operands is None else contraction(node, operands)


def view_in_sum(node: Node) -> Node | None:
    """c·view(a) + … → c·a + …, with the view's labels."""
    operands = with_views(node)
    if operands is None:
        return None
    return g.add([(c, *a) for c, a in zip(node.weights, operands, strict=True)], node.shape)


def view_in_map(node: Node) -> Node | None:
    """f(view(a)) → f(a), with the view's labels."""
    operands = with_views(node)
    return None if operands is None else g.apply(node.body, operands, node.shape)


def view_in_reduce(node: Node) -> Node | None:
    """op view(a) → op a, unless the view broadcasts along what is reduced."""
    operands = with_views(node)
    if operands is None or set(operands[0].labels) != set(node.labels[0]):
        return None
    return g.reduce(node.op, *operands[0], node.shape)


def view_of_sum(node: Node) -> Node | None:
    """(a + b)ᵀ → aᵀ + bᵀ, where the view only permutes or takes a diagonal."""
    if not is_view(node) or set(node.labels[0]) != set(axes_of(node)):
        return None
    total = node.args[0]
    if total.kind is not Kind.SUM or len(total.args) > INLINE or node.labels[0] == axes_of(node):
        return None
    return g.add([(1, total, node.labels[0])], node.shape)
