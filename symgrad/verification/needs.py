"""Where a claim has a value, as it was typed: x > 0 for log x, x ≥ 0 for √x, x ≠ 0 for 1/x.

Why it exists: SymPy makes x of exp(log x), of (√x)² and of x²/x as soon as they are built, so the
graph of a claim has forgotten where its formula is defined. Its syntax tree has not. A claim that
is right wherever it has a value is right, but it says nothing elsewhere, and the verdict says so.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import sympy as sp

import symgrad.language.syntax as s
from symgrad import graph as g
from symgrad.bounds import bounds
from symgrad.errors import SymgradError
from symgrad.graph import Node
from symgrad.intervals import times
from symgrad.language.scope import Scope
from symgrad.lift import lift, lift_array
from symgrad.symbols import ARRAYS
from symgrad.verification.arrays import Exactly
from symgrad.verification.claims import Claim
from symgrad.verification.evaluate import evaluate
from symgrad.verification.formal import MINUS_ONE
from symgrad.verification.literal import with_symbols
from symgrad.verification.number import Exact, Imprecise, Retry
from symgrad.verification.points import kink_points
from symgrad.verification.reach import Reach
from symgrad.verification.switches import sides_of, zero_text
from symgrad.verification.trials import PRECISIONS, Trial, Trials

POSITIVE, NONNEGATIVE, NONZERO = ">", "≥", "≠"


class Need(NamedTuple):
    """Every entry of ``node`` stands in ``relation`` to 0 wherever a claim has a value."""

    node: Node
    relation: str


OF_FUNCTIONS: Mapping[str, str] = {"log": POSITIVE, "ln": POSITIVE, "sqrt": NONNEGATIVE}
"""What a function needs of its argument."""

_DIVIDES = frozenset({"/", "./"})


def needs_of(claim: Claim) -> tuple[Need, ...]:
    """What a claim needs; nothing of one in SymPy, which was simplified before it came here.

    What stands under a sum sign is needed at every index, unless the sum has conditions.
    """
    if claim.tree is None or claim.scope is None or claim.node is None:
        return ()
    scope = claim.scope.with_indices([x for x, _ in claim.indices])
    own = [(x, sp.S.Zero, sp.sympify(n) - 1) for x, n in claim.indices]
    found: dict[Need, None] = {}
    for part, relation, inner, ranges in _parts(claim.tree, scope, own):
        node = _node(part, inner, ranges)
        if node is not None and node.kind.name != "CONST":
            found[Need(node, relation)] = None
    return tuple(found)


Ranges = Sequence[tuple[sp.Symbol, sp.Expr, sp.Expr]]
"""Indices, from where and to where they run."""

Found = Iterator[tuple[s.Expr, str]]


def _node(tree: s.Expr, scope: Scope, ranges: Ranges) -> Node | None:
    """The graph of a part of a claim; None where it has none of its own."""
    try:
        value = scope.build(tree)
        if isinstance(value, sp.Expr) and ranges:
            return lift_array(value, list(ranges))[0]
        return lift(value) if isinstance(value, sp.Expr | ARRAYS[0] | ARRAYS[1]) else None
    except (SymgradError, TypeError, ValueError, AttributeError):
        return None  # a part that makes no sense alone


def _parts(node: Any, scope: Scope, ranges: Ranges) -> Iterator[tuple[s.Expr, str, Scope, Ranges]]:
    """The parts of a tree of which something is needed, where they stand."""
    if isinstance(node, s.BigSum):
        limits = _limits(node, scope)
        scope = scope.with_indices([x for x, *_ in limits])
        ranges = [*ranges, *limits]
    for part, relation in _own(node, scope):
        yield part, relation, scope, ranges
    for child in _children(node):
        yield from _parts(child, scope, ranges)


def _limits(node: s.BigSum, scope: Scope) -> Ranges:
    """The indices of a sum with their bounds; none of a sum that has conditions."""
    if any(isinstance(x, s.Relation) and x.operator != "=" for x in node.ranges):
        return []
    try:
        value = scope.build(node)
    except (SymgradError, TypeError, ValueError, AttributeError):
        return []
    limits = value.limits if isinstance(value, sp.Sum) else ()
    return [tuple(x) for x in limits if len(x) == 3]


def _own(node: Any, scope: Scope) -> Found:
    if isinstance(node, s.Application) and node.function.name in OF_FUNCTIONS:
        for x in node.arguments.positional[:1]:
            yield x, OF_FUNCTIONS[node.function.name]
    if isinstance(node, s.Chain):
        yield from _of_chain(node)
    if isinstance(node, s.Item):
        yield from _powers(node, scope)


def _of_chain(node: s.Chain) -> Found:
    """Divisors, and arguments: in text ``log(x)`` is a chain of two links."""
    for k, link in enumerate(node.links):
        if link.operator in _DIVIDES:
            yield link.item, NONZERO
        name = link.item.name if isinstance(link.item, s.Name) else ""
        if name in OF_FUNCTIONS and k + 1 < len(node.links) and not node.links[k + 1].operator:
            x = node.links[k + 1].item
            if isinstance(x, s.Item) and isinstance(x.base, s.Arguments):
                x = x.base  # √(x)² is the square of √(x)
            yield x, OF_FUNCTIONS[name]


def _powers(node: s.Item, scope: Scope) -> Found:
    for k, suffix in enumerate(node.suffixes):
        if not isinstance(suffix, s.Power):
            continue
        try:
            exponent = sp.sympify(scope.build(suffix.exponent))
        except (SymgradError, TypeError, ValueError, AttributeError):
            continue  # T of a transpose
        if not exponent.is_Rational:
            continue
        base = replace(node, suffixes=node.suffixes[:k]) if k else node.base
        if exponent.q % 2 == 0:
            yield base, POSITIVE if exponent < 0 else NONNEGATIVE
        elif exponent < 0:
            yield base, NONZERO


def _children(node: Any) -> Sequence[Any]:
    if isinstance(node, tuple):
        return node
    if isinstance(node, s.Node | s.Link):
        return [getattr(node, name) for name in node.__dataclass_fields__ if name != "at"]
    return ()


# ---------------------------------------------------------------------------- where it is not met


def unmet(claim: Node, truth: Node, needs: Sequence[Need], seed: int = 0) -> str | None:
    """Where the truth has a value and a right claim has none, such as "where x ≤ 0"; "" if nowhere.

    None where no point was found at which all needs are met: then the claim is about nothing.
    """
    needs = [need for need in needs if not _is_met(need)]
    if not needs:
        return ""
    claim, truth, *nodes = with_symbols([claim, truth, *(need.node for need in needs)])
    needs = [Need(x, need.relation) for x, need in zip(nodes, needs, strict=True)]
    trials = Trials(claim, truth, seed, about=nodes)
    signed = [k for k, need in enumerate(needs) if need.relation != NONZERO]
    met, below, zero = False, set[int](), set[int]()
    random = trials.defined(_RANDOM)
    reached = _elsewhere(trials, signed, below)
    kinks = (trials.at(x) for x in kink_points([truth, *nodes], seed, _KINKS))
    for trial in itertools.chain(random, kinks, reached):
        if not trial.has_truth:
            continue
        met = met or all(_holds(n, x) for n, x in zip(needs, trial.switches, strict=True))
        for k, need in enumerate(needs):
            signs = np.sign(trial.switches[k])
            if k in signed and k not in below and (signs < 0).any() and _sure(trials, k, trial, -1):
                below.add(k)
            if need.relation != NONNEGATIVE and k not in zero and (signs == 0).any():
                zero |= {k} if _sure(trials, k, trial, 0) else set()
    if not met:
        return None
    words = [_words(need, k in below, k in zero) for k, need in enumerate(needs)]
    return " and ".join(dict.fromkeys(filter(None, words)))


def _elsewhere(trials: Trials, signed: Sequence[int], below: set[int]) -> Iterator[Trial]:
    """Points far away, while for some need none was found at which it is not met."""
    if below >= set(signed):
        return
    for trial in Reach(trials).points([frozenset(((k, -1.0),)) for k in signed]):
        yield trial
        if below >= set(signed):
            return


def _is_met(need: Need) -> bool:
    found = bounds(need.node)
    negative = times(MINUS_ONE, found).positive
    if need.relation == NONNEGATIVE:
        return found.positive or found.nonnegative
    return found.positive or (need.relation == NONZERO and negative)


def _holds(need: Need, values: np.ndarray) -> bool:
    if need.relation == NONZERO:
        return bool((values != 0).all())
    return bool((values > 0).all() if need.relation == POSITIVE else (values >= 0).all())


def _sure(trials: Trials, k: int, trial: Trial, sign: int) -> bool:
    """Whether an entry certainly has a sign at a point where the truth has a value."""
    try:
        with ctx_precision():
            value, true = evaluate(
                [trials.switches[k], trials.truth], trial.point, Exactly(Exact(0))
            )
    except (Retry, Imprecise):
        return False
    if not all(x.ball.is_finite() for x in true.flat):
        return False
    return any(x.ball == 0 if sign == 0 else x.ball < 0 for x in value.flat)


def ctx_precision() -> Any:
    from flint import ctx

    return ctx.workprec(PRECISIONS[0])


def _words(need: Need, below: bool, zero: bool) -> str:
    if not below:
        text = zero_text(need.node) if zero else ""
        return f"at {text}" if text else "where a divisor or an argument is 0" if zero else ""
    sides, less = sides_of(need.node), "≤" if zero else "<"
    if sides is not None and sides.left.startswith("−"):
        opposite = g.add([(-1, need.node, tuple(range(need.node.rank)))], need.node.shape)
        sides, less = sides_of(opposite), "≥" if zero else ">"
    if sides is None:
        return "where an argument is negative"
    return f"where {sides.left} {less} {sides.right}"


_RANDOM, _KINKS = 12, 8
"""Points at random, and points of small whole numbers, that are tried."""
