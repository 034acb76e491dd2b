"""Agreement in every region at once: what decides a branch is a number of its own.

Why it exists: a claim may be wrong only where a hinge is off, an entry is above 7 or i is 100, and
a random point is never there. But an identity of formulas does not ask where points lie. Here
claim and truth are computed modulo primes only, at a point where

- 1[z > 0] is a random number that z chooses. Formulas that agree so agree in every region,
  whether a point is found in it or not. Where 1[z > 0]² = 1[z > 0], |uv| = |u|·|v| or √(u²) = |u|
  are needed, signs are those that the quadratic character gives (`number`), at more points;
- a dimension is a random number wherever it is a number and not the length of an axis: what
  holds for four sizes only, such as (D − 1)(D − 2)(D − 3)(D − 4) = 0, is seen. A sum of terms that
  are all the same, as the trace of the identity is, is so many times the first. Where more of sums
  is needed, as Σ(x − mean x) = 0, the last place along a dimension is repeated so often that it has
  that number of places.

What is not seen so may be right all the same: 1[1 + eᶻ > 0] is 1, and 1[z > 1]·1[z < 0] is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from random import Random
from typing import NamedTuple, TypeAlias

import numpy as np
import sympy as sp

from symgrad import graph as g
from symgrad.bounds import bounds
from symgrad.graph import Access, Kind, Node
from symgrad.intervals import Interval, times
from symgrad.verification.arrays import Exactly
from symgrad.verification.evaluate import evaluate, field_for
from symgrad.verification.literal import keeps_alike
from symgrad.verification.number import Exact, Number, Retry
from symgrad.verification.points import Point
from symgrad.verification.sizes import counted
from symgrad.verification.switches import decisions, unsteady_roots


class Mode(NamedTuple):
    """What is free at a point."""

    free: bool
    """What decides a branch is a number that may be any; else a sign by chance."""
    repeated: bool
    """A dimension is a large number, the last place along it being repeated so often."""


Case: TypeAlias = "tuple[Node, Sequence[int]]"
"""A switch, and the sign of each entry."""


class Formal:
    """Claim and truth at points, in residues only."""

    def __init__(self, claim: Node, truth: Node, switches: Sequence[Node]) -> None:
        self.switches = list(switches)
        signs = [(node, sign) for node in switches if (sign := one_sided(node))]
        self.known = [node for node, _ in signs]
        """Switches of one side only."""
        claim, truth, *nodes = counting_terms([claim, truth, *switches])
        self.roots = [claim, truth]
        self.counting = dict(zip(switches, nodes, strict=True))
        """The switches as they are evaluated."""
        self.of_sizes = [x for x in g.topological(self.roots) if is_of_sizes(x)]
        """Conditions on dimensions alone, such as 1[C ≥ 1000]: each is a number of its own."""
        self._signs = [(self.counting[node], sign) for node, sign in signs]
        self.kind = field_for(self.roots)
        self.repeatable = _repeatable([claim, truth])
        below = g.topological([arg for node in switches for arg in node.args])
        self.nested = any(decisions(node) for node in below)
        """Whether a value whose sign decides may be 0 on a region, as W·relu(z) may."""

    @property
    def modes(self) -> list[Mode]:
        """What may be free, what says most first."""
        branches = (True, False) if self.switches else (True,)
        return [Mode(x, y) for y in (False, True) for x in branches if not y or self.repeatable]

    def decisions(self, mode: Mode) -> Callable[[Node], int]:
        """What counts the decisions that a node leaves to chance."""

        def count(node: Node) -> int:
            own = unsteady_roots(node)
            return own if mode.free and node.kind is Kind.MAP else own + decisions(node)

        return count

    def agree(self, point: Point, mode: Mode, seed: int, cases: Sequence[Case] = ()) -> bool | None:
        """Whether both are the same at a point; None where it has to be replaced.

        ``cases`` are switches and the signs of their entries, the innermost first.
        """
        random = Random(f"{self.kind.seed} {seed} dimensions")
        if not mode.repeated:
            counting = {s: random.randrange(2**40, 2**60) for s in point.sizes}
            counting |= {_length(s): n for s, n in point.sizes.items()}
            return self._agree(replace(point, counting=counting), mode.free, cases)
        more = {s: random.randrange(2**40, 2**60) for s in self.repeatable}
        counting = {s: n + more.get(s, 1) - 1 for s, n in point.sizes.items()}
        counting |= {_length(s): n for s, n in counting.items()}
        longer = self._agree(replace(point, counting=counting, repeats=more), mode.free, cases)
        lengths = {_length(s): n for s, n in point.sizes.items()}
        plain = replace(point, counting={**point.sizes, **lengths})
        return self._agree(plain, mode.free, cases) if longer else longer

    def _agree(self, point: Point, free: bool, cases: Sequence[Case]) -> bool | None:
        kind = self.kind
        field = Exact(kind.height, kind.seed, kind.kind, kind.start, formal=True)
        field.strict = self.nested
        numbers = Exactly(field, free)
        done: dict[Node, np.ndarray] = {node: field_number(field, node) for node in self.of_sizes}
        try:
            for node, sign in self._signs:
                for x in evaluate([node], point, numbers, done)[0].flat:
                    field.has_sign(x, sign)
            for switch, signs in cases:
                values = evaluate([switch], point, numbers, done)[0]
                for x, sign in zip(values.flat, signs, strict=True):
                    if any(x.residues) and x.sign() != sign:
                        if not sign:
                            return None
                        field.has_sign(x, sign)
            claim, truth = evaluate(self.roots, point, numbers, done)
        except Retry:
            return None
        pairs: list[tuple[Number, Number]] = list(zip(claim.flat, truth.flat, strict=True))
        if not all(a.residues and b.residues for a, b in pairs):
            return None
        return all(a.residues[0] == b.residues[0] for a, b in pairs)


def is_of_sizes(node: Node) -> bool:
    """Whether a node is a condition on dimensions alone."""
    return (
        node.kind is Kind.INDICATOR
        and node.rank == 0
        and isinstance(node.affine.offset, sp.Basic)
        and bool(node.affine.offset.free_symbols)
    )


def field_number(field: Exact, node: Node) -> np.ndarray:
    """A random number that a condition on dimensions chooses, as an array."""
    found = np.empty((), dtype=object)
    number = Random(f"{field.seed} {node.affine}").randrange(2, 2**60)
    found[()] = field.rational(number)
    return found


def one_sided(switch: Node) -> int:
    """1 or −1 where a switch has no other side and is 0 on no region; else 0.

    A sum of squares is 0 on no region, and relu(z) is.
    """
    found = bounds(switch)
    flat = any(map(decisions, g.topological([switch])))
    if found.positive or (found.nonnegative and not flat):
        return 1
    opposite = times(MINUS_ONE, found)
    return -1 if opposite.positive or (opposite.nonnegative and not flat) else 0


MINUS_ONE = Interval(Fraction(-1), Fraction(-1))


# --------------------------------------------------------------------- sums of terms that are alike


def _repeatable(roots: Sequence[Node]) -> list[sp.Symbol]:
    """The dimensions that are numbers, if a place along each may be repeated; else nothing."""
    numbers, nodes = counted(roots), g.topological(roots)
    numbers = [s for s in numbers if not s.name.startswith("length of ")]
    compound = [n for node in nodes for n in node.shape if not isinstance(n, int | sp.Symbol)]
    bound = [n for x in nodes if x.kind is Kind.LEAF and x.leaf.facts for n in x.shape]
    bound += [x.leaf.classes for x in nodes if x.kind is Kind.LEAF and x.leaf.classes is not None]
    for s in numbers:
        if s in bound or any(s in n.free_symbols for n in compound):
            return []
        if not all(keeps_alike(node, {s: 2}) for node in nodes):
            return []
    return numbers


def counting_terms(roots: Sequence[Node]) -> list[Node]:
    """``roots`` in which Σₖ c, of a term without k, is c·n by the number n and not by adding."""
    done: dict[Node, Node] = {}
    flat: dict[Node, frozenset[int]] = {}
    for node in g.topological(roots):
        labels = _flat_labels(node, flat)
        flat[node] = frozenset(k for k in labels if k < node.rank)
        new = g.rebuild(node, [done[arg] for arg in node.args])
        if node.kind is Kind.PRODUCT:
            for label, n in g.label_dims(node).items():
                if label in labels and label >= node.rank and isinstance(n, sp.Basic):
                    length = n.xreplace({s: _length(s) for s in n.free_symbols})
                    new = g.add([(n / length, new, tuple(range(node.rank)))], node.shape)
        done[node] = new
    return [done[root] for root in roots]


def _flat_labels(node: Node, flat: Mapping[Node, frozenset[int]]) -> frozenset[int]:
    """The labels along which a node, or the terms of its sum, are all the same."""
    if node.kind is Kind.CONST:
        return frozenset(range(node.rank))
    if node.kind not in (Kind.SUM, Kind.PRODUCT, Kind.MAP, Kind.NAMED):
        return frozenset()
    return frozenset(
        label
        for label in {*range(node.rank), *(x for labels in node.labels for x in labels)}
        if all(_is_flat(access, label, flat[access.node]) for access in node.accesses)
    )


def _is_flat(access: Access, label: int, flat: frozenset[int]) -> bool:
    if access.node.kind is Kind.DELTA and access.labels == (label, label):
        return True
    return all(axis in flat for axis, own in enumerate(access.labels) if own == label)


@lru_cache(maxsize=1024)
def _length(symbol: sp.Symbol) -> sp.Symbol:
    """What stands for the length of an axis where the symbol is a number."""
    return sp.Dummy(f"length of {symbol.name}", integer=True, positive=True)
