"""Scheduling: a lowered graph becomes a program, statements in the order of execution.

The order, and the order of operands, depend on the declaration alone and never on what else the
process has built (a node's ``uid`` does): the same declaration gives the same file everywhere.
Deeper operands come first, so that the forward pass precedes what uses it, ``W·x + b`` reads in
this order, and a value is used soon after it is computed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import sympy as sp

from symgrad import graph as g
from symgrad.codegen import program as p
from symgrad.codegen.conditions import at_least_zero, of_access, span
from symgrad.codegen.lowering import Lowered
from symgrad.codegen.names import Names
from symgrad.codegen.windows import is_equation
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
    comments: Mapping[str, str] | None = None,
) -> p.Program:
    """The program of a lowered graph.

    ``leaves`` says which input each leaf is. ``outputs`` are the shape and the array shape of
    each root. ``names`` has handed out the names of inputs and dimensions already; an output
    without a name of the user's takes the one in ``output_names``. ``comments`` gives the line of
    mathematics for a named value, by its name as the user wrote it.
    """
    roots = lowered.roots
    order = execution_order(lowered)
    number = dict(leaves)
    for node in order:
        number[node] = len(inputs) + len(number) - len(leaves)
    wanted = dict(lowered.names)
    for access, name in zip(roots, output_names, strict=False):
        if name is not None and access.node.kind is not Kind.LEAF:
            wanted.setdefault(access.node, name)
    operations = [
        make(tuple(p.Operand(number[a.node], a.labels) for a in operands))
        for make, operands in order.values()
    ]
    uses = [0] * (len(inputs) + len(order))
    last_use: dict[int, int] = {}
    for k, operation in enumerate(operations):
        for operand in operation.operands:
            uses[operand.value] += 1
            last_use[operand.value] = k
    for access in roots:
        uses[number[access.node]] += 1
        last_use.pop(number[access.node], None)
    freed: list[list[int]] = [[] for _ in order]
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
                comment=(comments or {}).get(wanted.get(node, "")),
                last_uses=tuple(sorted(freed[k])),
            )
            for k, (node, operation) in enumerate(zip(order, operations, strict=True))
        ),
        outputs=tuple(
            p.Output(p.Operand(number[access.node], access.labels), shape, array_shape)
            for access, (shape, array_shape) in zip(roots, outputs, strict=True)
        ),
        uses=tuple(uses),
        taken=names.taken,
    )


# ------------------------------------------------------------------------------------- the order


def execution_order(lowered: Lowered) -> dict[Node, tuple[_Make, list[Access]]]:
    """Every node that is not a leaf, after its operands, depth first: a statement for each."""
    roots = [access.node for access in lowered.roots]
    ranks = _ranks(roots)
    classified: dict[Node, tuple[_Make, list[Access]]] = {}
    result: dict[Node, tuple[_Make, list[Access]]] = {}
    for root in roots:
        stack = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if ready:
                result[node] = classified[node]
            elif node not in classified and node.kind is not Kind.LEAF:
                classified[node] = _classified(node, ranks, lowered.names)
                stack.append((node, True))
                below = sorted({a.node for a in classified[node][1]}, key=lambda n: ranks[n])
                stack += [(x, False) for x in below]
    return result


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

_Make: TypeAlias = "Callable[[tuple[p.Operand, ...]], p.Operation]"


def _classified(
    node: Node, ranks: Mapping[Node, _Rank], names: Mapping[Node, str]
) -> tuple[_Make, list[Access]]:
    """The operation of a lowered node, and the operands it takes in reading order."""

    def reading(access: Access) -> tuple[int, bytes, Labels]:
        depth, digest = ranks[access.node]
        return -depth, digest, tuple(min(x, node.rank) for x in access.labels)

    accesses = list(node.accesses)
    match node.kind:
        case Kind.CONST:
            return partial(p.Constant, number=node.value), []
        case Kind.DELTA:
            return p.Eye, []
        case Kind.ONEHOT:
            return p.OneHot, accesses
        case Kind.MAP:
            return partial(p.Apply, body=node.body), accesses
        case Kind.INDICATOR:
            c, offset, relation = node.affine
            return partial(p.Mask, coefficients=c, offset=offset, relation=relation), []
        case Kind.LINALG:
            (matrix,) = node.args
            name = matrix.name if matrix.kind is Kind.LEAF else names.get(matrix, "")
            return partial(p.Linalg, op=node.op, described=name), accesses
        case Kind.REDUCE:
            return _REDUCTIONS[node.op], accesses
        case Kind.SUM:
            terms = sorted(
                zip(accesses, node.weights, strict=True), key=lambda term: reading(term[0])
            )
            return partial(p.Sum, weights=tuple(w for _, w in terms)), [a for a, _ in terms]
    assert node.kind is Kind.PRODUCT, node
    contracted = {x for a in accesses for x in a.labels if x >= node.rank}
    if not contracted and len(accesses) > 1:
        return p.Multiply, sorted(accesses, key=lambda a: (len(a.labels), reading(a)))
    if len(accesses) == 1:
        return p.Total, accesses
    indexing = (
        _places(accesses, node.shape)
        or _gather(accesses, contracted)
        or _scatter(accesses, contracted, node.rank)
    )
    return indexing or (p.Contract, _renumbered(sorted(accesses, key=reading), node.rank))


_REDUCTIONS: Mapping[str, _Make] = {
    "max": p.Maximum,
    "argmax": p.ArgMaximum,
    "sparsemax_threshold": p.Threshold,
}


def _places(accesses: list[Access], shape: Shape) -> tuple[_Make, list[Access]] | None:
    """Σ a·1[p = s·i + d·u + b]: a window where p is summed over, its transpose where i and u are.

    All indicators have to be of one sort, each with a label p of its own.
    """
    others = [a for a in accesses if not is_equation(a.node)]
    if len(others) != 1 or len(others) == len(accesses):
        return None
    (other,) = others
    equations = [a for a in accesses if a is not other]
    for make, solved in (
        (p.Window, [_read_at(a, other, len(shape)) for a in equations]),
        (p.Unwindow, [_added_at(a, other, shape) for a in equations]),
    ):
        pairs = sorted((x for x in solved if x is not None), key=lambda pair: pair[0])
        labels = [x for x, _ in pairs]
        if len(pairs) < len(solved) or len(set(labels)) < len(labels):
            continue
        used = [x for _, place in pairs for x in place.labels]
        summed = {x for x in other.labels if x >= len(shape)}
        if make is p.Window and summed == {other.labels[axis] for axis in labels}:
            return partial(p.Window, places=tuple(pairs)), [other]
        if make is p.Unwindow and len(set(used)) == len(used) and summed <= set(used):
            return partial(p.Unwindow, places=tuple(pairs)), [other]
    return None


def _read_at(equation: Access, other: Access, rank: int) -> tuple[int, p.Place] | None:
    """The axis of ``other`` that an equation reads, and where."""
    summed = [x for x in equation.labels if x >= rank]
    if len(summed) != 1 or other.labels.count(summed[0]) != 1:
        return None
    axis = other.labels.index(summed[0])
    place = _place(equation, summed[0], other.node.shape[axis])
    return None if place is None else (axis, place)


def _added_at(equation: Access, other: Access, shape: Shape) -> tuple[int, p.Place] | None:
    """The label of the result that an equation adds along, and where."""
    kept = [x for x in equation.labels if x < len(shape)]
    if len(kept) != 1 or kept[0] in other.labels or len(equation.labels) < 2:
        return None
    place = _place(equation, kept[0], shape[kept[0]])
    return None if place is None else (kept[0], place)


def _place(equation: Access, label: int, n: Dim) -> p.Place | None:
    """Where an equation puts ``label``, on an axis of n."""
    condition = of_access(equation)
    if abs(condition.terms.get(label, 0)) != 1 or len(set(equation.labels)) < len(equation.labels):
        return None
    terms, offset = condition.solved(label)
    extents = dict(zip(equation.labels, equation.node.shape, strict=True))
    labels = tuple(x for x in equation.labels if x in terms)
    steps, counts = tuple(terms[x] for x in labels), tuple(extents[x] for x in labels)
    low, high = span(zip(steps, counts, strict=True), offset)
    inside = at_least_zero(low) and at_least_zero(sp.sympify(n) - 1 - high)
    return p.Place(labels, steps, counts, offset, inside)


def _gather(accesses: list[Access], contracted: set[int]) -> tuple[_Make, list[Access]] | None:
    """Σₖ a[k]·1[c = k], refers to c and not to the onehot, which is never computed."""
    onehots = [a for a in accesses if a.node.kind is Kind.ONEHOT]
    others = [a for a in accesses if a.node.kind is not Kind.ONEHOT]
    if len(others) != 1 or contracted != {a.labels[-1] for a in onehots}:
        return None
    (gathered,) = others
    onehots.sort(key=lambda a: gathered.labels.index(a.labels[-1]))
    axes = tuple(gathered.labels.index(a.labels[-1]) for a in onehots)
    return partial(p.Gather, axes=axes), [gathered, *map(_index, onehots)]


def _scatter(
    accesses: list[Access], contracted: set[int], rank: int
) -> tuple[_Make, list[Access]] | None:
    """Σₙ 1[cₙ = k]·a[n]."""
    for onehot, other in (accesses, accesses[::-1]) if len(accesses) == 2 else ():
        if onehot.node.kind is Kind.ONEHOT:
            *index, k = onehot.labels
            if k < rank and k not in other.labels and contracted == set(index):
                return partial(p.Scatter, label=k), [_index(onehot), other]
    return None


def _index(onehot: Access) -> Access:
    return Access(onehot.node.args[0], onehot.labels[:-1])


def _renumbered(accesses: list[Access], rank: int) -> list[Access]:
    """The contracted labels numbered in the order in which they occur."""
    fresh: dict[int, int] = {}
    return [
        Access(n, tuple(x if x < rank else fresh.setdefault(x, rank + len(fresh)) for x in labels))
        for n, labels in accesses
    ]
