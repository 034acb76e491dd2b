"""How likely it is that a wrong claim agrees by accident.

Why it exists: agreement at random points is evidence, and a verdict says how much. Two different
rational functions of degree d agree at a point drawn from q values an entry with a chance of at
most d/q (the lemma of Schwartz and Zippel), and at several points with the product. So `degrees`
bounds the degree of numerator and denominator of every node at given sizes, from below to above.

A function that is not rational counts as a new variable: its residue is the power of a random
base, or a keyed hash of the argument, and two of them agree if their arguments do, whose degree
is counted. That a power of a random base behaves as a random number is Gonnet's assumption.
Piecewise functions are rational on the region in which a point lies, and what is said is said of
the regions that the points have seen; where the value of each switch is a number of its own
(`formal`), of all regions. Where it is 0 or 1 by chance, two formulas that differ where some
switches are on their rarer sides show it at one point in 2ⁿ: `branches` bounds n.

A dimension counts as a variable where it is a number in a formula. The number of terms of a sum is
another matter: `labels` says how many different positions along a dimension a term has, and
formulas that agree where there are so many agree for all sizes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import sympy as sp

from symgrad import graph as g
from symgrad.graph import Kind, Node
from symgrad.verification.sizes import size_of


class Degree(NamedTuple):
    """Bounds for the degrees of numerator and denominator, over every entry of an array."""

    up: float
    down: float

    def __mul__(self, other: object) -> Degree:
        assert isinstance(other, Degree)
        return Degree(self.up + other.up, self.down + other.down)

    @property
    def total(self) -> float:
        """Both together."""
        return self.up + self.down


_NONE, _NUMBER = Degree(0.0, 0.0), Degree(1.0, 0.0)
"""Of a constant, and of a dimension where it is a number."""


def plus(terms: Sequence[Degree]) -> Degree:
    """A sum, over the product of the denominators."""
    down = sum(t.down for t in terms)
    return Degree(max((t.up + down - t.down for t in terms), default=0.0), down)


def _transcendental(*operands: Degree) -> Degree:
    """A value that is as good as a variable of its own where the arguments differ."""
    return Degree(1 + sum(x.total for x in operands), 0.0)


def _of_body(body: sp.Expr, operands: Mapping[sp.Basic, Degree]) -> Degree:
    if body in operands:
        return operands[body]
    if not body.args:
        return _NUMBER if body.is_Symbol else _NONE
    inner = [_of_body(x, operands) for x in body.args]
    if body.is_Add:
        return plus(inner)
    if body.is_Mul:
        return Degree(sum(x.up for x in inner), sum(x.down for x in inner))
    if body.is_Pow and body.exp.is_Rational:
        base, n = inner[0], abs(float(body.exp))
        swapped = Degree(base.down, base.up) if body.exp.is_negative else base
        return Degree(max(1.0, n) * swapped.up, max(1.0, n) * swapped.down)
    return _transcendental(*inner)


_OF_FACTS: dict[str, Degree] = {"simplex": Degree(1.0, 1.0), "unit norm": Degree(2.0, 2.0)}
"""Values that are made of free ones by division; an orthogonal matrix depends on its size."""


def _of_leaf(node: Node, sizes: Mapping[sp.Symbol, int]) -> Degree:
    found = [_OF_FACTS[f.name] for f in node.leaf.facts if f.name in _OF_FACTS]
    for fact in node.leaf.facts:
        if fact.name == "orthogonal":
            n = float(size_of(node.shape[fact.axes[0]], sizes))
            found.append(Degree(n, n))
    return max(found, default=Degree(1.0, 0.0))


def degrees(roots: Sequence[Node], sizes: Mapping[sp.Symbol, int]) -> dict[Node, Degree]:
    """Bounds for every node below ``roots``; infinite where they are too large for a float."""
    done: dict[Node, Degree] = {}
    for node in g.topological(roots):
        args = [done[arg] for arg in node.args]
        match node.kind:
            case Kind.LEAF:
                degree = _of_leaf(node, sizes)
            case Kind.CONST:
                degree = _of_body(node.value, {})
            case Kind.SUM:
                weights = [_of_body(c, {}) for c in node.weights]
                degree = plus([c * x for c, x in zip(weights, args, strict=True)])
            case Kind.NAMED:
                degree = args[0]
            case Kind.PRODUCT | Kind.REDUCE | Kind.LINALG:
                degree = _contracted(node, args, sizes)
            case Kind.MAP:
                degree = _of_body(node.body, {g.slot(k): x for k, x in enumerate(args)})
            case _:
                degree = _NONE
        done[node] = degree
    return done


def _contracted(node: Node, args: Sequence[Degree], sizes: Mapping[sp.Symbol, int]) -> Degree:
    dims = g.label_dims(node)
    terms = math.prod(size_of(n, sizes) for label, n in dims.items() if label >= node.rank)
    one = Degree(sum(x.up for x in args), sum(x.down for x in args))
    if node.kind is Kind.LINALG:
        n = float(size_of(dims[max(dims)] if node.op != "inverse" else node.shape[-1], sizes))
        det = Degree(n * one.up + n * n * one.down, n * n * one.down)
        return det if node.op == "det" else Degree(det.total, det.total)
    if node.kind is Kind.REDUCE and node.op == "logsumexp":
        return Degree(1 + terms * one.total, 0.0)
    down = terms * one.down
    return Degree(one.up + down - one.down, down)


def bits_of_agreement(
    claim: Node, truth: Node, sizes: Mapping[sp.Symbol, int], field_bits: int
) -> float:
    """−log₂ of the chance that two different values agree at one random point of these sizes."""
    found = degrees([claim, truth], sizes)
    a, b = found[claim], found[truth]
    degree = max(a.up + b.down, b.up + a.down, 1.0)
    return field_bits - math.log2(degree) if math.isfinite(degree) else -math.inf


def bits_of_all(bits: Sequence[float], tried: int) -> float:
    """−log₂ of the chance of agreeing at these points, when ``tried`` have been tried for them."""
    return sum(bits) - math.log2(math.comb(tried, len(bits)))


# ------------------------------------------------------------------------- switches and positions


def branches(roots: Sequence[Node], of_node: Callable[[Node], int]) -> int:
    """How many decisions are multiplied in a term of the roots, at most.

    ``of_node`` counts those that a node makes itself.
    """
    done: dict[Node, int] = {}
    for node in g.topological(roots):
        args = [done[arg] for arg in node.args]
        below = max(args, default=0) if node.kind is Kind.SUM else sum(args)
        done[node] = min(of_node(node) + below, _MOST_BRANCHES)
    return max(done[root] for root in roots)


_MOST_BRANCHES = 1000


def bits_of_branches(points: int, decisions: int) -> float:
    """−log₂ of the chance that at none of these points all decisions are as they have to be."""
    return -points * math.log1p(-(2.0**-decisions)) / math.log(2) if decisions else math.inf


def points_for(decisions: int, bits: float) -> float:
    """How many points make `bits_of_branches` so large."""
    return 0 if not decisions else math.ceil(bits / bits_of_branches(1, decisions))


def labels(roots: Sequence[Node]) -> dict[sp.Symbol, int]:
    """For each dimension symbol, how many positions along it a term of the roots has, at most.

    A sum over as many positions as a dimension has places is an identity for all sizes if it is one
    for this size, as terms that differ in the pattern of their positions are then independent. A
    function that is not a polynomial counts as a new variable.
    """
    done: dict[Node, dict[sp.Symbol, int]] = {}
    for node in g.topological(roots):
        found: dict[sp.Symbol, int] = {}
        powers = _powers(node)
        for arg, n in zip(node.args, powers, strict=True):
            for symbol, count in done[arg].items():
                before = found.get(symbol, 0)
                found[symbol] = max(before, count) if node.kind is Kind.SUM else before + n * count
        for label, dim in g.label_dims(node).items() if node.args else ():
            if label >= node.rank and isinstance(dim, sp.Basic):
                for symbol in dim.free_symbols:
                    if isinstance(symbol, sp.Symbol):
                        found[symbol] = found.get(symbol, 0) + 1
        done[node] = found
    most: dict[sp.Symbol, int] = {}
    for root in roots:
        free = [s for n in root.shape if isinstance(n, sp.Basic) for s in n.free_symbols]
        for symbol in {*done[root], *free}:
            if isinstance(symbol, sp.Symbol):
                count = done[root].get(symbol, 0) + free.count(symbol)
                most[symbol] = max(most.get(symbol, 0), count)
    return most


def _powers(node: Node) -> list[int]:
    """How often each operand is multiplied with itself."""
    if node.kind is not Kind.MAP:
        return [1] * len(node.args)
    slots = {g.slot(k): 1 for k in range(len(node.args))}
    for e in sp.preorder_traversal(node.body):
        if e.is_Pow and e.base in slots and e.exp.is_Integer:
            slots[e.base] = max(slots[e.base], min(abs(int(e.exp)), _MOST_POWER))
    return list(slots.values())


_MOST_POWER = 99
