"""The order in which values are evaluated, as a reader would.

Why it exists: many orders have operands before what uses them. A lecture computes what takes
longest first, so that a value stands near what uses it: a = w1³, b = a·w2, c = 3·w1, g = b + c;
and of two that take as long the one that is used first, as Q is in Q·Kᵀ, or of scalars the one
whose name comes first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from symgrad.graph import Kind, Node


def operands_among(node: Node, seen: Collection[Node]) -> tuple[Node, ...]:
    """The nodes that are ``seen`` below a node, with none between, in the order of their use."""
    found: dict[Node, None] = {}
    stack = _last_used_first(node)
    done: set[Node] = set()
    while stack:
        below = stack.pop()
        if below in seen:
            found[below] = None
        elif below not in done:
            done.add(below)
            stack.extend(_last_used_first(below))
    return tuple(found)


def _last_used_first(node: Node) -> list[Node]:
    """The operands of a node, of a product those first that have its first axes: A in A·B."""
    if node.kind is not Kind.PRODUCT:
        return list(reversed(node.args))
    ordered = sorted(node.accesses, key=lambda access: min(access.labels, default=-1))
    return [access.node for access in reversed(ordered)]


def evaluated(roots: Iterable[Node], operands: Mapping[Node, Sequence[Node]]) -> list[Node]:
    """What ``roots`` are made of: operands first, the longest way first, then as they are used.

    ``operands`` has the nodes that are evaluated, each with those that it is made of.
    """
    height: dict[Node, int] = {}
    for node in sorted(operands, key=lambda n: n.place):
        height[node] = 1 + max((height[x] for x in operands[node]), default=0)
    order: dict[Node, None] = {}
    stack = [(root, False) for root in reversed(list(roots))]
    while stack:
        node, ready = stack.pop()
        if ready:
            order[node] = None
        elif node not in order:
            stack.append((node, True))
            scalars = all(not x.rank for x in operands[node])  # x·y has no first factor
            below = sorted(
                operands[node], key=lambda x: (-height[x], x.place.names if scalars else "")
            )
            stack += [(x, False) for x in reversed(below)]
    return list(order)


def evaluated_among(roots: Iterable[Node], seen: Iterable[Node]) -> list[Node]:
    """The nodes ``seen`` that ``roots`` are made of, or are, in the order of evaluation."""
    known = set(seen)
    operands = {node: operands_among(node, known) for node in known}
    tops: dict[Node, None] = {}
    for root in roots:
        tops |= dict.fromkeys([root] if root in known else operands_among(root, known))
    return evaluated(tops, operands)
