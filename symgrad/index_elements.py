"""Elements of arrays in index notation: ``W[k, j]`` seen along labels, windows and picks.

| position | meaning |
|---|---|
| an index k | the label k |
| ``2*i + u - 1``, ``t - 1`` | a window: Σ_p W[p]·1[p = 2i + u − 1] |
| a class label c, or ``c[t]`` | the row c: Σ_p W[p]·1[p = c] |
| 3, ``D - 1`` | the entry there |
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from symgrad import graph as g
from symgrad.errors import DeclarationError, ShapeError
from symgrad.graph import Access, Dim, Node, dim
from symgrad.index_space import Operand, Scope, affine, is_lookup
from symgrad.listing import shape_text
from symgrad.symbols import Opaque


def element(e: sp.Basic, scope: Scope, operand: Operand) -> Access:
    """One entry of an array: the array seen along labels, windows and picks."""
    base = e.args[0]
    node = operand(base)
    assert node is not None
    extents = [dim(n) for n in base.shape]
    labels: list[int] = []
    factors: list[Access] = []
    fresh = len(scope.shape)
    for number, (position, n) in enumerate(zip(e.args[1:], extents, strict=True)):
        where = f"entry {number + 1} of {e}"
        if position in scope.labels:
            label = scope.labels[position]
            if scope.shape[label] == n:
                if n != 1:
                    labels.append(label)
                continue
        inside = scope.indices(position)
        if inside:
            _check_range(e, position, n, scope)
        if n == 1:
            continue
        labels.append(fresh)
        if inside and not is_lookup(position):
            factors.append(_window(position, n, fresh, inside, scope, where))
        else:
            factors.append(_pick(e, position, n, fresh, scope, operand))
        fresh += 1
    return contracted([Access(node, tuple(labels)), *factors], len(scope.shape))


def _pick(
    e: sp.Basic, position: sp.Basic, n: Dim, label: int, scope: Scope, operand: Operand
) -> Access:
    """1[position = p]: the entry at a whole number, a class label, or an array of them."""
    if is_lookup(position):
        index = element(position, scope, operand)
        base = operand(position.args[0])
        assert base is not None
        _check_classes(e, position, base, n)
        return Access(g.onehot(index.node, n), (*index.labels, label))
    if isinstance(position, Opaque):
        node = position.node
        _check_classes(e, position, node, n)
        return Access(g.onehot(node, n), (label,))
    if position.is_Integer and isinstance(n, int) and not 0 <= position < n:
        raise ShapeError(f"{e} is outside {e.args[0]}, which is {shape_text(e.args[0].shape)}.")
    if not position.is_integer:
        raise DeclarationError(
            f"the position {position} in {e} is not a whole number; use an index, a class label "
            "(sg.label) or an integer."
        )
    for s in position.free_symbols:
        if s.is_nonnegative is None:
            raise DeclarationError(
                f"the index {s} is free in {e}; sum over it, Sum(…, ({s}, 0, n - 1)), or name an "
                f'array over it, sg.let("z", …, {s}). (A position that is given at run time is '
                f'declared with symbols("{s}", integer=True, nonnegative=True).)'
            )
    return Access(g.onehot(g.const(position), n), (label,))


def _check_classes(e: sp.Basic, position: sp.Basic, node: Node, n: Dim) -> None:
    classes = g.peel(node).leaf.classes if g.peel(node).kind is g.Kind.LEAF else None
    if classes is None:
        raise DeclarationError(
            f"the position {position} in {e} is not a whole number; declare it as a class label, "
            f"sg.label({str(position)!r}, {n})."
        )
    if classes != n:
        raise ShapeError(
            f"the label {position} has {classes} classes, but {e} picks one of {n} entries; "
            f"declare it with {n}."
        )


def _window(
    position: sp.Basic, n: Dim, label: int, inside: list[sp.Basic], scope: Scope, where: str
) -> Access:
    """1[p = c₀·i + c₁·u + b]."""
    coefficients, offset = affine(position, inside, where)
    labels = tuple(scope.labels[s] for s in inside)
    shape = (n, *(scope.shape[x] for x in labels))
    node = g.indicator((1, *(-c for c in coefficients)), -offset, "=", shape)
    return Access(node, (label, *labels))


def _check_range(e: sp.Basic, position: sp.Basic, n: Dim, scope: Scope) -> None:
    """Raise where a position certainly leaves the array, or need not stay inside it."""
    inside = scope.indices(position)
    if is_lookup(position):
        return
    coefficients, offset = affine(position, inside, str(e))
    low = high = offset
    for c, s in zip(coefficients, inside, strict=True):
        last = c * (sp.sympify(scope.shape[scope.labels[s]]) - 1)
        low, high = (low, high + last) if c > 0 else (low + last, high)
    spare = sp.expand(n - 1 - high)
    plain = position in scope.labels
    if low.is_negative or spare.is_negative or (plain and spare.is_nonnegative is None):
        ranges = ", ".join(f"{s} from 0 to {scope.shape[scope.labels[s]] - 1}" for s in inside)
        raise ShapeError(
            f"the range of {position} in {e} does not fit: with {ranges} it runs from "
            f"{sp.expand(low)} to {sp.expand(high)}, but that axis of {e.args[0]} has the entries "
            f"0 to {n - 1}."
        )


def contracted(accesses: Sequence[Access], rank: int) -> Access:
    """The product of ``accesses``, summed over every label ≥ ``rank``: one node, as Σ is one."""
    if len(accesses) == 1 and all(x < rank for x in accesses[0].labels):
        return accesses[0]
    fresh = 1 + max((x for a in accesses for x in a.labels), default=rank)
    flat: list[Access] = []
    for node, labels in accesses:
        summed = len(g.label_dims(node)) - node.rank
        if node.kind is not g.Kind.PRODUCT or (summed and len(accesses) > 1):
            flat.append(Access(node, labels))
            continue
        seen = {k: x for k, x in enumerate(labels)}
        seen.update({node.rank + k: fresh + k for k in range(summed)})
        fresh += summed
        flat += [Access(n, tuple(seen[x] for x in own)) for n, own in node.accesses]
    dims: dict[int, Dim] = {}
    for node, labels in flat:
        dims.update(zip(labels, node.shape, strict=True))
    kept = tuple(sorted(x for x in dims if x < rank))
    number = {x: k for k, x in enumerate(kept)}
    terms = [(a.node, tuple(number.setdefault(x, len(number)) for x in a.labels)) for a in flat]
    return Access(g.product(terms, tuple(dims[x] for x in kept)), kept)
