"""The order in which a product of many arrays is contracted, two at a time.

Why it exists: Σ A·B·x costs n³ or n² operations depending on what is multiplied first. Sizes are
often symbolic here, so the order is chosen for assumed ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

Labels = frozenset[int]
_EXHAUSTIVE = 7
"""Up to so many operands every order is tried (3⁷ splits); more are absorbed one by one."""


def order(
    operands: Sequence[Labels], kept: Labels, size: Mapping[int, float]
) -> list[tuple[int, int]]:
    """Which two to contract next, until one is left.

    ``operands`` are the labels of each; the k-th contraction makes operand ``len(operands) + k``.
    ``kept`` are the labels of the result, ``size`` the extent of each label.
    """
    count = len(operands)
    if count == 2:
        return [(0, 1)]
    return (_exhaustive if count <= _EXHAUSTIVE else _absorbing)(operands, kept, size)


def remaining(union: Labels, kept: Labels, others: Labels) -> Labels:
    """The labels that survive a contraction: those of the result and of operands yet to come."""
    return union & (kept | others)


def _cost(labels: Labels, size: Mapping[int, float]) -> float:
    cost = 1.0
    for label in labels:
        cost *= size[label]
    return cost


def _exhaustive(
    operands: Sequence[Labels], kept: Labels, size: Mapping[int, float]
) -> list[tuple[int, int]]:
    """The cheapest order, by dynamic programming over subsets."""
    count = len(operands)
    full = (1 << count) - 1
    union: list[Labels] = [frozenset()] * (full + 1)
    for mask in range(1, full + 1):
        low = mask & -mask
        union[mask] = union[mask ^ low] | operands[low.bit_length() - 1]
    left_over = [remaining(union[m], kept, union[full ^ m]) for m in range(full + 1)]
    best: list[tuple[float, int]] = [(inf, 0)] * (full + 1)
    for mask in range(1, full + 1):
        if mask & (mask - 1) == 0:
            best[mask] = (0.0, 0)
            left_over[mask] = operands[mask.bit_length() - 1]
            continue
        part = (mask - 1) & mask
        while part > mask ^ part:  # each split once
            other = mask ^ part
            cost = best[part][0] + best[other][0] + _cost(left_over[part] | left_over[other], size)
            if cost < best[mask][0]:
                best[mask] = (cost, part)
            part = (part - 1) & mask
    steps: list[tuple[int, int]] = []
    position = {1 << k: k for k in range(count)}
    stack = [(full, False)]
    while stack:
        mask, ready = stack.pop()
        if mask in position:
            continue
        part = best[mask][1]
        if ready:
            position[mask] = count + len(steps)
            steps.append((position[part], position[mask ^ part]))
        else:
            stack += [(mask, True), (part, False), (mask ^ part, False)]
    return steps


def _absorbing(
    operands: Sequence[Labels], kept: Labels, size: Mapping[int, float]
) -> list[tuple[int, int]]:
    """Start at the smallest operand and absorb one that shares a label: right for long chains."""
    carriers: dict[int, list[int]] = {}
    for k, labels in enumerate(operands):
        for label in labels:
            carriers.setdefault(label, []).append(k)
    left = sorted(range(len(operands)), key=lambda k: (_cost(operands[k], size), k), reverse=True)
    first = left[-1]
    current, frontier = first, list(operands[first])
    used = {first}
    steps: list[tuple[int, int]] = []
    while len(used) < len(operands):
        chosen: int | None = None
        while frontier and chosen is None:
            waiting = carriers[frontier[-1]]
            while waiting and waiting[-1] in used:
                waiting.pop()
            if waiting:
                chosen = waiting.pop()
            else:
                frontier.pop()
        while chosen is None:
            candidate = left.pop()
            chosen = None if candidate in used else candidate
        used.add(chosen)
        frontier += operands[chosen]
        steps.append((current, chosen))
        current = len(operands) + len(steps) - 1
    return steps
