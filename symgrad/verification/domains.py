"""Where a claim holds, if not everywhere: the condition in words.

Why it exists: √x² = x is right where x ≥ 0, and a gradient without relu′ is right where z > 0.
That is a better remark than "wrong". And 1[z ≥ 0] for relu′ differs at a point at which there is
no derivative: that is no mistake at all. `CONDITIONS` has the conditions on a value, a row each,
that are tried on every leaf and on every switch; `CONSTRAINTS` those on a whole array, which are
facts that were not declared.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from typing import NamedTuple

import numpy as np

from symgrad.facts import ENTRY, FACTS, SQUARE, VECTOR, knows
from symgrad.graph import Node
from symgrad.verification.literal import with_symbols
from symgrad.verification.number import Exact
from symgrad.verification.points import Free, kink_points, point_of
from symgrad.verification.samplers import FITTINGS, Array, Fitting
from symgrad.verification.sizes import Sizes
from symgrad.verification.switches import Sides, sides_of, zero_text
from symgrad.verification.trials import PRECISIONS, Trial, Trials

ENOUGH = 4
"""As many points have to be seen on either side of a condition before it is stated."""

FIRST, TRIED = 14, 40
"""Random points of the least shape, after which a claim that is never right is given up, and all
of them; then as many of other shapes."""


class Condition(NamedTuple):
    """A condition on every entry of a value, written with its `Sides` as {0} and {1}."""

    holds: Callable[[np.ndarray], np.ndarray]
    words: str
    at_boundary: str = ""
    """The same with its boundary, where the claim holds there as well."""


CONDITIONS: tuple[Condition, ...] = (
    Condition(lambda a: a > 0, "{0} > {1}", "{0} ≥ {1}"),
    Condition(lambda a: a < 0, "{0} < {1}", "{0} ≤ {1}"),
)
"""On a switch, and on a leaf, whose other side is 0."""

OF_LEAVES: tuple[Condition, ...] = (
    *CONDITIONS,
    Condition(lambda a: np.abs(a) < 1, "|{0}| < 1"),
    Condition(lambda a: np.abs(a) > 1, "|{0}| > 1"),
    Condition(lambda a: a < 1, "{0} < 1"),
    Condition(lambda a: a > 1, "{0} > 1"),
)


OF_LABELS: tuple[Condition, ...] = (
    Condition(lambda a: a == 0, "{0} = 0"),
    Condition(lambda a: a != 0, "{0} ≠ 0"),
)


class Constraint(NamedTuple):
    """Something that may be true of an array and was not declared."""

    fact: str
    """Its name in `FACTS`, or "" where it is no fact that can be declared."""
    about: int
    words: str
    fitting: Fitting


def _total_one(a: Array, facts: object) -> Array:
    return a + (1 - a.sum()) / len(a)


CONSTRAINTS: tuple[Constraint, ...] = (
    Constraint("symmetric", SQUARE, "{0} = {0}ᵀ", FITTINGS["symmetric"]),
    Constraint("orthogonal", SQUARE, "{0}ᵀ·{0} = I", FITTINGS["orthogonal"]),
    Constraint("diagonal", SQUARE, "{0} is diagonal", FITTINGS["diagonal"]),
    Constraint("simplex", VECTOR, "Σ {0} = 1", _total_one),
    Constraint("unit norm", VECTOR, "‖{0}‖ = 1", FITTINGS["unit norm"]),
    Constraint("one-hot", VECTOR, "{0} is one-hot", FITTINGS["one-hot"]),
    Constraint("", ENTRY, "{0} is 0 or 1", FITTINGS["mask"]),
)
"""The weakest first: what is right where Σy = 1 is right for a one-hot y too."""

assert {row.fact for row in CONSTRAINTS} - {""} <= set(FACTS)


class Missing(NamedTuple):
    """A fact of a leaf under which a claim is right."""

    leaf: Node
    fact: str
    """Its name in `FACTS`; "" where it cannot be declared."""
    words: str


# ------------------------------------------------------------------- conditions on every entry


def only_where(trials: Trials, right: Callable[[Trial], bool], sizes: Sizes | None = None) -> str:
    """The condition that holds at just those points at which the claim is right; "" if none.

    Points have the given sizes, the least if none are given, and others.
    """
    seen: list[Trial] = []
    least = trials.small.sizes(1)[0] if sizes is None else sizes
    for shape, count in ((least, FIRST), (least, TRIED - FIRST), (None, TRIED)):
        seen += trials.defined(count, shape)
        if not any(map(right, seen)):
            return ""
    equal = list(map(right, seen))
    if sum(t.true.any() for t, yes in zip(seen, equal, strict=True) if yes) < ENOUGH:
        return ""  # where both are 0 a claim is right by accident
    for subject in _subjects(trials):
        values = [subject.value(t) for t in seen]
        for condition in subject.conditions:
            if _separates([bool(condition.holds(v).all()) for v in values], equal):
                return _worded(trials, subject, condition)
    return ""


class Subject(NamedTuple):
    """What conditions may be about."""

    sides: Sides
    value: Callable[[Trial], np.ndarray]
    conditions: tuple[Condition, ...]


def _separates(inside: Sequence[bool], equal: Sequence[bool]) -> bool:
    return list(inside) == list(equal) and min(equal.count(True), equal.count(False)) >= ENOUGH


def _subjects(trials: Trials) -> Iterator[Subject]:
    """The switches, then the leaves."""
    for k, node in enumerate(trials.switches):
        if (sides := sides_of(node)) is not None:
            yield Subject(sides, partial(_of_switch, k), CONDITIONS)
    for leaf in trials.random.leaves:
        conditions = OF_LEAVES if leaf.leaf.classes is None else OF_LABELS
        yield Subject(Sides(leaf.name), partial(_of_leaf, leaf.name), conditions)


def _of_switch(k: int, trial: Trial) -> np.ndarray:
    return trial.switches[k]


def _of_leaf(name: str, trial: Trial) -> np.ndarray:
    return np.asarray(trial.point.values[name], dtype=float)


def _worded(trials: Trials, subject: Subject, condition: Condition) -> str:
    """The condition in words, with its boundary where the claim is certain to hold there too."""
    found = []
    for point in kink_points([trials.claim, trials.truth], trials.seed):
        if not subject.value(trials.at(point)).any():
            found.append(trials.exactly(point, Exact(0), PRECISIONS[0]))
        if len(found) == ENOUGH:
            break
    holds = bool(found) and all(x is not None and not x.disjoint for x in found)
    words = condition.at_boundary if holds and condition.at_boundary else condition.words
    return words.format(*subject.sides)


# ------------------------------------------------------------------- conditions on an array


def missing_fact(trials: Trials) -> Missing | None:
    """The weakest fact of one leaf under which the claim is right, though it was not declared."""
    general = with_symbols([trials.claim, trials.truth])
    if general != [trials.claim, trials.truth]:
        trials = Trials(general[0], general[1], trials.seed)
    for leaf in trials.random.leaves:
        if leaf.leaf.classes is not None:
            continue
        for row in CONSTRAINTS:
            axes = _axes(leaf, row)
            if axes is not None and _right_with(trials, leaf, row, axes):
                return Missing(leaf, row.fact, row.words.format(leaf.leaf.origin or leaf.name))
    return None


def _axes(leaf: Node, row: Constraint) -> tuple[int, ...] | None:
    """The last axes of a leaf, if it has as many as a fact needs and does not know it."""
    if leaf.rank < row.about or (row.fact and knows(leaf, row.fact)) or leaf.leaf.facts:
        return None
    axes = tuple(range(leaf.rank - row.about, leaf.rank))
    return axes if row.about < SQUARE or leaf.shape[-1] == leaf.shape[-2] else None


def _right_with(trials: Trials, leaf: Node, row: Constraint, axes: tuple[int, ...]) -> bool:
    """Whether the claim agrees where the leaf is made to have the fact, and not where it is not."""
    tested, values = 0, set[Fraction]()
    for sizes in itertools.islice(itertools.cycle(trials.random.shapes), 8):
        free = trials.random.free(sizes)
        point = point_of(trials.random.leaves, sizes, _constrained(free, leaf, row, axes))
        trial = trials.at(point)
        if not trial.has_both:
            continue
        if trial.differ():
            return False
        tested += trials.at(point_of(trials.random.leaves, sizes, free)).differ()
        values |= set(point.values[leaf.name].flat)
    return tested >= ENOUGH and len(values) > 1


def _constrained(free: Free, leaf: Node, row: Constraint, axes: tuple[int, ...]) -> Free:
    last = tuple(range(leaf.rank - len(axes), leaf.rank))
    values = np.moveaxis(free[leaf.name], axes, last).copy() if axes else free[leaf.name]
    if not axes:
        return {**free, leaf.name: np.asarray(row.fitting(values, frozenset()), dtype=object)}
    for at in np.ndindex(*values.shape[: -len(axes)]):
        values[at] = row.fitting(values[at], frozenset())
    return {**free, leaf.name: np.moveaxis(values, last, axes)}


# ------------------------------------------------------------------------------------- kinks


def differs_at(trials: Trials) -> str:
    """Of a claim that is right at every generic point: where it differs, if it does; else ""."""
    if not trials.switches:
        return ""
    different: list[Trial] = []
    without: list[Trial] = []
    for point in kink_points([trials.claim, trials.truth], trials.seed, 12):
        trial = trials.at(point)
        if trial.differ():
            if _certainly_differ(trials, trial):
                different.append(trial)
        elif trial.has_truth and not trial.has_both:
            without.append(trial)
    if different:
        return f"they differ only {_where(trials, different)}"
    return f"the claim has no value {_where(trials, without)}" if without else ""


def _where(trials: Trials, found: Sequence[Trial]) -> str:
    return where_zero(trials.switches, [x.switches for x in found])


def _certainly_differ(trials: Trials, trial: Trial) -> bool:
    """Of two values that are 0, floats may be 0 and 10⁻¹⁷."""
    found = trials.exactly(trial.point, Exact(0), PRECISIONS[0])
    return found is not None and found.disjoint


def where_zero(nodes: Sequence[Node], values: Sequence[Sequence[np.ndarray]]) -> str:
    """``at z = 0``: the fewest switches of which one is 0 at each of the points."""
    named = [(k, text) for k, node in enumerate(nodes) if (text := zero_text(node))]
    for count in range(1, min(3, len(named)) + 1):
        for chosen in itertools.combinations(named, count):
            if all(any((x[k] == 0).any() for k, _ in chosen) for x in values):
                return f"at {' or '.join(text for _, text in chosen)}"
    return "at isolated points, where two entries are equal"
