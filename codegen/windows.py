"""Windows: the indicators of a product become places where its other operands are read or added.

Σ_p x[p]·1[p = s·i + d·u + b] is x read at s·i + d·u + b, 0 outside: a window. Its transpose
Σ_{i,u} a[i, u]·1[p = s·i + d·u + b] adds to a value over p: an unwindow. What is neither is a mask,
an array of truth values that multiplies.

A window is one value, however many products read it: the forward pass and the gradient of a kernel
share it. Its axes are stored as the first product wants them, so that this product is one of
matrices: labels that stay, then those that are summed over, in the order of the other factor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import sympy as sp

from symgrad import graph as g
from symgrad.codegen.conditions import Condition, holds, in_order, of_access, within
from symgrad.codegen.views import AxisKey, State, distinct
from symgrad.graph import Access, Dim, Kind, Labels, Node


def is_equation(node: Node) -> bool:
    """Whether a node is an indicator of equality."""
    return node.kind is Kind.INDICATOR and node.affine.relation == "="


def without_conditions(
    state: State,
    operands: list[Access],
    kept: frozenset[int],
    settled: set[int],
    extents: Mapping[int, Dim],
) -> tuple[list[Access], list[Access]] | None:
    """The operands with windows for indicators where that is possible, and masks where not.

    Besides them, the indicators to unwind their product by. None if the product is 0. Labels that
    a window has used up are added to ``settled``.
    """
    indicators = [a for a in operands if a.node.kind is Kind.INDICATOR]
    if not indicators:
        return operands, []
    others = [distinct(a) for a in operands if a.node.kind is not Kind.INDICATOR]
    conditions = [of_access(a) for a in indicators]
    direct = {x for a in others for x in a.labels}
    seen = [set(a.labels) for a in others]  # the labels that each operand will have
    read: dict[int, _Place] = {}  # label → what it equals
    while (found := _solvable(conditions, direct, seen, kept, state, extents)) is not None:
        condition, label = found
        terms, offset = condition.solved(label)
        conditions = [c.substituted(label, terms, offset) for c in conditions if c is not condition]
        read = {x: _composed(place, label, terms, offset) for x, place in read.items()}
        seen = [(x - {label}) | terms.keys() if label in x else x for x in seen]
        settled.add(label)
        if label in direct:
            read[label] = terms, offset
        else:  # no window would notice a place outside
            conditions += within(terms, offset, extents[label])
    known = [(c, holds(c, extents)) for c in conditions]
    if any(truth is False for _, truth in known):
        return None
    left = [c for c, truth in known if truth is None]
    ordered = _partners(others, read, kept)
    others = [_windowed(state, a, read, kept, extents, ordered) for a in others]
    unwound = [c for c in left if _is_unwound(c, [set(a.labels) for a in others], left, kept)]
    masks = [c.access(extents) for c in left if c not in unwound]
    return [*others, *masks], [c.access(extents) for c in unwound]


_Place: TypeAlias = "tuple[dict[int, int], Dim]"


def _composed(place: _Place, label: int, terms: Mapping[int, int], offset: Dim) -> _Place:
    """A place with ``terms`` and ``offset`` for one of its labels."""
    condition = Condition(*place, "=").substituted(label, terms, offset)
    return dict(condition.terms), condition.offset


def _solvable(
    conditions: Sequence[Condition],
    direct: set[int],
    seen: Sequence[set[int]],
    kept: frozenset[int],
    state: State,
    extents: Mapping[int, Dim],
) -> tuple[Condition, int] | None:
    """An equation and the label to solve it for, one that is summed over with a coefficient ±1.

    The label that the others add up to, if it is one of these; none where the product can be
    unwound; else the longest.
    """
    for c in conditions:
        free = [x for x, a in c.terms.items() if abs(a) == 1 and x not in kept]
        lone = [x for x in c.lone if x in free]
        if c.relation != "=" or not free:
            continue
        if not lone and _is_unwound(c, seen, conditions, kept):
            continue
        candidates = lone or free
        present = [x for x in candidates if x in direct] or candidates
        return c, max(present, key=lambda x: (state.size(extents[x]), x))
    return None


def _is_unwound(
    c: Condition, seen: Sequence[set[int]], conditions: Sequence[Condition], kept: frozenset[int]
) -> bool:
    """Whether an equation says where to add, and nothing that is added depends on the place.

    All its labels but one are summed over, and in no other condition.
    """
    target = [x for x in c.lone if x in kept and abs(c.terms[x]) == 1]
    if c.relation != "=" or len(c.terms) < 2 or not target:
        return False
    (p,) = target[:1]
    gone = c.labels - {p}
    inside = [labels for labels in seen if not gone.isdisjoint(labels)]
    return (
        gone.isdisjoint(kept)
        and bool(inside)
        and all(p not in labels for labels in inside)
        and all(d is c or d.labels.isdisjoint(c.labels) for d in conditions)
    )


# ------------------------------------------------------------------------------- one window


class _Read(NamedTuple):
    """Where an axis is read: at offset + Σ step·k for k < count."""

    axis: int
    offset: Dim
    steps: tuple[tuple[int, Dim], ...]


def _partners(others: Sequence[Access], read: Mapping[int, object], kept: frozenset[int]) -> Labels:
    """The summed labels in the order in which the factors that are not read at places have them."""
    plain = [a for a in others if not any(x in read for x in a.labels)]
    return tuple(dict.fromkeys(x for a in plain for x in a.labels if x not in kept))


def _windowed(
    state: State,
    access: Access,
    read: Mapping[int, _Place],
    kept: frozenset[int],
    extents: Mapping[int, Dim],
    ordered: Labels,
) -> Access:
    """An operand with a place for each label in ``read``; a new axis for each term of it."""
    if read.keys().isdisjoint(access.labels):
        return access
    axes: list[tuple[AxisKey, int]] = []  # the axes of the window and their labels outside
    places: list[_Read] = []
    for axis, label in enumerate(access.labels):
        if label not in read:
            axes.append((axis, label))
            continue
        terms, offset = read[label]
        steps = sorted(terms.items(), key=lambda t: (-abs(t[1]), str(extents[t[0]]), t[0]))
        if [c for _, c in steps] == [1] and offset == 0 and extents[steps[0][0]] == extents[label]:
            axes.append((axis, steps[0][0]))  # another name for the label
            continue
        places.append(_Read(axis, offset, tuple((c, extents[x]) for x, c in steps)))
        axes += [((axis, k), x) for k, (x, _) in enumerate(steps)]
    key = (access.node, *places)
    if not places:
        return distinct(Access(access.node, tuple(x for _, x in axes)))
    found = state.windows.get(key)
    if found is None:
        summed = in_order([x for _, x in axes if x not in kept], ordered)
        rank = {x: k for k, x in enumerate(summed)}
        order = [name for name, _ in sorted(axes, key=lambda a: rank.get(a[1], -1))]
        found = state.windows[key] = _window_node(access.node, places, order), tuple(order)
        name = access.node.name if access.node.kind is Kind.LEAF else state.names.get(access.node)
        if name is not None:
            state.suggestions[found[0]] = f"{name}_windows"
    label_of = dict(axes)
    return distinct(Access(found[0], tuple(label_of[name] for name in found[1])))


def _window_node(x: Node, places: Sequence[_Read], order: Sequence[AxisKey]) -> Node:
    """Σ x[…, p, …]·1[p = place] with its axes in the given order."""
    number = {name: k for k, name in enumerate(order)}
    rank = len(order)
    counts = {(r.axis, k): n for r in places for k, (_, n) in enumerate(r.steps)}
    shape = tuple(x.shape[a] if isinstance(a, int) else counts[a] for a in order)
    own = tuple(number.get(axis, rank + axis) for axis in range(x.rank))
    factors: list[tuple[Node, Labels]] = [(x, own)]
    for axis, offset, steps in places:
        coefficients = (1, *(-c for c, _ in steps))
        dims = (x.shape[axis], *(n for _, n in steps))
        labels = (rank + axis, *(number[(axis, k)] for k in range(len(steps))))
        factors.append((g.indicator(coefficients, -sp.sympify(offset), "=", dims), labels))
    return g.product(factors, shape)
