"""Scheduling: a lowered graph becomes a program, statements in the order of execution.

The order, and the order of operands, depend on the declaration alone and never on what else the
process has built (a node's ``uid`` does): the same declaration gives the same file everywhere.
Deeper operands come first, so that the forward pass precedes what uses it, ``W·x + b`` reads in
this order, and a value is used soon after it is computed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import sympy as sp

from symgrad import graph as g
from symgrad.codegen import program as p
from symgrad.codegen.lowering import Lowered
from symgrad.codegen.names import Names
from symgrad.graph import Access, Dim, Kind, Labels, Node, Shape

_Rank: TypeAlias = "tuple[int, bytes]"


def schedule(
    lowered: Lowered,
    inputs: Sequence[p.Input],
    leaves: Mapping[Node, int],
    dimensions: Sequence[p.Dimension],
    outputs: Sequence[tuple[Shape, Shape]],
    names: Names,
    output_names: Sequence[str | None] = (),
) -> p.Program:
    """The program of a lowered graph.

    ``leaves`` says which input each leaf is. ``outputs`` are the shape and the array shape of
    each root. ``names`` has handed out the names of inputs and dimensions already; an output
    without a name of the user's takes the one in ``output_names``.
    """
    roots = lowered.roots
    ranks = _ranks([a.node for a in roots])
    statements, operands = _execution_order([a.node for a in roots], ranks)
    number = dict(leaves)
    for node in statements:
        number[node] = len(inputs) + len(number) - len(leaves)
    wanted = dict(lowered.names)
    for access, name in zip(roots, output_names, strict=False):
        if name is not None and access.node.kind is not Kind.LEAF:
            wanted.setdefault(access.node, name)
    operations = [
        _operation(node, [p.Operand(number[a.node], a.labels) for a in operands[node]])
        for node in statements
    ]
    uses = [0] * (len(inputs) + len(statements))
    last_use: dict[int, int] = {}
    for k, operation in enumerate(operations):
        for operand in operation.operands:
            uses[operand.value] += 1
            last_use[operand.value] = k
    for access in roots:
        uses[number[access.node]] += 1
        last_use.pop(number[access.node], None)
    freed: list[list[int]] = [[] for _ in statements]
    for value, k in last_use.items():
        freed[k].append(value)
    return p.Program(
        inputs=tuple(inputs),
        dimensions=tuple(dimensions),
        statements=tuple(
            p.Statement(
                value=number[node],
                shape=node.shape,
                operation=operation,
                name=names.unique(wanted[node]) if node in wanted else None,
                suggestion=lowered.suggestions.get(node),
                comment=lowered.comments.get(node),
                last_uses=tuple(sorted(freed[k])),
            )
            for k, (node, operation) in enumerate(zip(statements, operations, strict=True))
        ),
        outputs=tuple(
            p.Output(p.Operand(number[access.node], access.labels), shape, array_shape)
            for access, (shape, array_shape) in zip(roots, outputs, strict=True)
        ),
        uses=tuple(uses),
        taken=names.taken,
    )


# ------------------------------------------------------------------------------------- the order


def _execution_order(
    roots: Iterable[Node], ranks: Mapping[Node, _Rank]
) -> tuple[list[Node], dict[Node, list[Access]]]:
    """Every node that is not a leaf after its operands, depth first; and these operands."""
    operands: dict[Node, list[Access]] = {}
    result: list[Node] = []
    for root in roots:
        stack = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if ready:
                result.append(node)
            elif node not in operands and node.kind is not Kind.LEAF:
                operands[node] = _operands(node, ranks)
                stack.append((node, True))
                below = sorted({a.node for a in operands[node]}, key=lambda n: ranks[n])
                stack += [(x, False) for x in below]
    return result, operands


def _ranks(roots: Iterable[Node]) -> dict[Node, _Rank]:
    """How deep each node is, and a digest of its structure: equal in every process."""
    ranks: dict[Node, _Rank] = {}
    texts: dict[object, bytes] = {}
    for node in g.topological(roots):
        key = (node.kind, node.data, node.shape)
        if key not in texts:
            data = node.leaf.name if node.kind is Kind.LEAF else node.data
            texts[key] = f"{node.kind.value} {data} {node.shape}".encode()
        operands = sorted(
            (ranks[arg][1], tuple(min(x, node.rank) for x in labels))
            for arg, labels in node.accesses
        )
        digest = hashlib.blake2b(texts[key], digest_size=8)
        digest.update(repr(operands).encode())
        depth = 1 + max((ranks[arg][0] for arg in node.args), default=-1)
        ranks[node] = (depth, digest.digest())
    return ranks


# --------------------------------------------------------------------------------- the operations


def _operands(node: Node, ranks: Mapping[Node, _Rank]) -> list[Access]:
    """The operands of a node's operation, in reading order: deeper ones first.

    A gather and a scatter refer to the index and not to the onehot, which is never computed.
    """
    accesses = list(node.accesses)
    if node.kind is not Kind.PRODUCT:
        return accesses  # a sum's order is its weights' as well: see _sum_order
    onehots = [a for a in accesses if a.node.kind is Kind.ONEHOT]
    others = [a for a in accesses if a.node.kind is not Kind.ONEHOT]
    if len(others) == 1 and onehots and all(a.labels[-1] >= node.rank for a in onehots):
        axis = others[0].labels.index
        return others + [_index(a) for a in sorted(onehots, key=lambda a: axis(a.labels[-1]))]
    if _is_scatter(node):
        return [_index(onehots[0]), *others]
    depth = {a: (-ranks[a.node][0], ranks[a.node][1]) for a in accesses}
    if _contracts(node):
        return _renumbered(sorted(accesses, key=lambda a: (depth[a], a.labels)), node.rank)
    return sorted(accesses, key=lambda a: (len(a.labels), depth[a], a.labels))
