"""The smallest change of a claim that makes it right.

Why it exists: "the gradient is something else" helps nobody. What helps is the one place where the
claim went wrong, and that is found by trying: every edit of `edits`, the most common first
(two at a time in `pairs`). An edit is tried in floats at one point; of a claim that shares all but
a few nodes with it, only those are computed. What fits at several points is then decided by
`equality.compare`, so nothing is reported that is not certain.

For every edit a constant factor or a sign of the whole comes for free: the ratio of the two values
is looked at, and not the difference.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

import numpy as np
import sympy as sp

from symgrad import graph as g
from symgrad.graph import Kind, Node
from symgrad.verification.arrays import FLOAT
from symgrad.verification.edits import EDITS, Row, edits
from symgrad.verification.equality import are_equal
from symgrad.verification.evaluate import evaluate
from symgrad.verification.literal import instead
from symgrad.verification.points import Point, RandomPoints
from symgrad.verification.pool import Pool
from symgrad.verification.product_edits import factors_dropped, slopes_replaced
from symgrad.verification.proposals import Edit
from symgrad.verification.sizes import dim_symbols
from symgrad.verification.sum_edits import terms_dropped, whole_numbers
from symgrad.verification.trials import Trials
from symgrad.verification.value_edits import exchanged_everywhere, exchanged_once

AGREE = 1e-8
"""Floats that differ by less than this fraction of the largest may be equal."""

POINTS = 3
KINKED = 60
"""Points at which a claim with branches is tried first, as it may be right on one of them only."""

SINGLES = 3_000
"""At most so many edits are tried alone."""

WORK = 100_000
"""So many operands are handled at the most in building them; of a large claim, fewer are tried."""

LARGEST = 1_000
"""The numerator and the denominator of a factor that people forget: 2, ½, the size of a batch."""


PLAINER = {
    "sign": (terms_dropped,),
    "wrong_branch": (terms_dropped,),
    "missing_derivative": (slopes_replaced, exchanged_everywhere, exchanged_once),
}
"""An edit's mistake → what says it more plainly, where that makes the claim right as well."""

_SLIGHT = 24
"""So many edits are tried of a claim that floats do not tell from the truth."""


class Found(NamedTuple):
    """A right claim: the edits that lead to it, and the factor that it is then to be scaled by."""

    edits: tuple[Edit, ...]
    factor: sp.Expr
    root: Node

    @property
    def cost(self) -> float:
        """How far-fetched it is."""
        own = sum(edit.cost for edit in self.edits)
        return own if self.factor == 1 else own + 1.0


class Search:
    """The edits of one claim against the truth; all follows from the seed."""

    def __init__(self, truth: Node, pool: Pool, others: Sequence[Node] = (), seed: int = 0) -> None:
        self.truth, self.pool, self.seed = truth, pool, seed
        nodes = [truth, *pool.values, *others]
        self.symbols = dim_symbols(nodes)
        draws = RandomPoints(nodes, seed + 1, instead(nodes))
        self.points: list[Point] = []
        self.memory: list[dict[Node, np.ndarray]] = []
        for k in range(8 * POINTS):
            point = draws.draw(anywhere=k >= 2 * POINTS)
            memory: dict[Node, np.ndarray] = {}
            (value,) = evaluate([truth], point, FLOAT, memory)
            if np.isfinite(value).all() and np.abs(value).max(initial=0.0) > 1e-9:
                self.points.append(point)
                self.memory.append(memory)
            if len(self.points) == POINTS:
                break
        self.tried = 0

    # ------------------------------------------------------------------------------ trying

    def value(self, node: Node, k: int) -> np.ndarray:
        """A value at the k-th point."""
        return evaluate([node], self.points[k], FLOAT, self.memory[k])[0]

    def factor(self, node: Node, k: int) -> float | None:
        """What a value has to be multiplied by to be the truth at a point; None if nothing does."""
        if node.shape != self.truth.shape:
            return None
        self.tried += 1
        claimed, true = self.value(node, k), self.memory[k][self.truth]
        if claimed.shape != true.shape:
            return None
        at = int(np.abs(true).argmax())
        largest = claimed.reshape(-1)[at]
        if not np.isfinite(largest) or largest == 0:
            return None
        c = float(true.reshape(-1)[at] / largest)
        close = np.abs(c * claimed - true) <= AGREE * np.abs(true).max()
        return c if bool(close.all()) else None

    def constant(self, node: Node) -> sp.Expr | None:
        """The constant that a value has to be multiplied by to be the truth, at every point."""
        if not self.points or self.factor(node, 0) is None:
            return None
        found = [self.factor(node, k) for k in range(len(self.points))]
        factors = [x for x in found if x is not None]
        if len(factors) < len(found):
            return None
        scales, sizes = self._scales
        rests = np.array(factors) / sizes
        same = np.abs(rests / rests[:, :1] - 1).max(axis=1) < 1e-8
        for k in np.flatnonzero(same):
            scale, rest = scales[int(k)], [float(x) for x in rests[k]]
            constant = Fraction(rest[0]).limit_denominator(LARGEST)
            small = 0 < abs(constant.numerator) <= LARGEST
            if small and all(abs(r / float(constant) - 1) < 1e-8 for r in rest):
                return sp.Rational(constant.numerator, constant.denominator) * scale
        return None

    @cached_property
    def _scales(self) -> tuple[list[sp.Expr], np.ndarray]:
        """1, dimensions and quotients of two, and a row for each: what it is at every point."""
        scales = [sp.S.One, *(x for s in self.symbols for x in (1 / s, s))]
        scales += [s / t for s, t in itertools.permutations(self.symbols, 2)]
        sizes = [[float(x.xreplace(dict(p.sizes))) for p in self.points] for x in scales]
        return scales, np.array(sizes)

    # --------------------------------------------------------------------------- searching

    def affordable(self, root: Node) -> int:
        """How many edits of a claim may be built: it is rebuilt for each of them."""
        return WORK // sum(1 + len(node.args) for node in self.pool.sites(root))

    def right(self, edits: tuple[Edit, ...], root: Node) -> Found | None:
        """A claim after edits, if a factor of it is the truth for certain."""
        factor = self.constant(root)
        if factor is None:
            return None
        whole = root
        if factor != 1:
            whole = g.add([(factor, root, tuple(range(root.rank)))], root.shape)
        trials = Trials(whole, self.truth, self.seed + 2)
        if trials.switches and any(trial.differ() for trial in trials.defined(KINKED)):
            return None
        if not are_equal(whole, self.truth, self.seed):
            return None
        return Found(edits, factor, whole)

    def single(self, root: Node, rows: Sequence[Row] = EDITS) -> Found | None:
        """The least edit of a claim, or only a factor, that makes it right."""
        plain = self.right((), root)
        if plain is not None:
            return plain
        scaled: Found | None = None
        until = self.tried + min(SINGLES, self.affordable(root))
        best: Found | None = None
        for edit in edits(root, self.pool, rows):
            if self.tried >= until or (best is not None and edit.cost > best.cost):
                break
            found = self.right((edit,), edit.root)
            if found is None:
                continue
            if found.factor != 1:
                if edit.mistake != "factor" or not found.factor.free_symbols:
                    scaled = scaled or found  # n·a + b over n is a + b with n missing below b
            elif best is None:
                best = found
        found = best or scaled
        return None if found is None else self._plainer(root, found)

    def _plainer(self, root: Node, found: Found) -> Found:
        """What says the same more plainly, such as that a term is one too many which becomes 0."""
        if found.factor != 1 or len(found.edits) != 1:
            return found
        (edit,) = found.edits
        for proposals in PLAINER.get(edit.mistake, ()):
            if proposals is terms_dropped:
                sites = [x for x in self.pool.sites(root) if self._is_within(edit.old, x)]
            else:
                sites = self.pool.sites(root)
            rows = [row for row in EDITS if row.proposals is proposals]
            for other in edits(root, self.pool, rows, set(sites)):
                if other.swap is not None and other.swap not in self._activations:
                    continue
                plain = self.right((other,), other.root)
                if plain is not None and plain.factor == 1:
                    return plain
        return found

    @cached_property
    def _activations(self) -> set[tuple[Node, Node]]:
        """The arguments of activations, with their values."""
        return {(x.argument, x.value) for x in self.pool.slopes}

    def _is_within(self, node: Node, whole: Node) -> bool:
        """Whether a node stands in a term of a sum, and is not the sum."""
        return whole.kind is Kind.SUM and whole is not node and node in self.pool.sites(whole)

    # ------------------------------------------------------------- what floats do not tell apart

    def looks_right(self, node: Node) -> bool:
        """Whether a wrong claim has the floats of the truth, so that of each edit they do too."""
        factors = [self.factor(node, k) for k in range(len(self.points))]
        return all(c is not None and abs(c - 1) < AGREE for c in factors)

    def slight(self, root: Node) -> Found | None:
        """What makes it right: a term or a factor too many, or numbers that are slightly off."""
        rows = [row for row in EDITS if row.proposals in (terms_dropped, factors_dropped)]
        own = (whole_numbers(root, self.pool), *edits(root, self.pool, rows))
        likely = [edit for edit in own if edit is not None]
        others = edits(root, self.pool)
        for edit in (*likely, *itertools.islice(others, _SLIGHT)):
            found = self.right((edit,), edit.root)
            if found is not None and found.factor == 1:
                return self._plainer(root, found)
        return None
