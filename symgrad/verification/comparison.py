"""What comes out of a comparison of two graphs, and the certificate of a rejection.

Why it exists: whoever compares, and however, says it in one form: equal, different with an example,
or undecided with the reason. An example counts where intervals that contain the true values are
disjoint, and for no other reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from symgrad.verification.domains import Missing
from symgrad.verification.number import Exact
from symgrad.verification.points import Point
from symgrad.verification.trials import PRECISIONS, Trials
from symgrad.verification.witness import Witness, readable

METHODS: dict[str, str] = {
    "same graph": "it is the same formula",
    "same canonical form": "both are the same formula once products are multiplied out and like "
    "terms are collected",
    "exact arithmetic": "both have the same value, in exact arithmetic, at random points of "
    "several shapes",
    "interval arithmetic": "there is an example on which they differ, computed with intervals "
    "that contain the true values",
    "floating point": "both have been computed in floating point, which proves nothing",
}
"""What decided, in words."""


class Comparison(NamedTuple):
    """Whether a claim equals the truth, and how that is known."""

    equal: bool | None
    """None: undecided."""
    method: str
    """A key of `METHODS`."""
    reason: str
    """A sentence."""
    witness: Witness | None = None
    """Only where ``equal`` is False."""
    domain: str = ""
    """``equal where x > 0``, or ``they differ only at z = 0``."""
    missing: Missing | None = None
    """The fact that was not declared under which a rejected claim is right, which is then
    ``domain`` in words too. None where there is no such fact or a condition on values is found."""


def refuted(witness: Witness, found: Comparison) -> Comparison:
    """A rejection; of ``found`` the domain counts."""
    text = str(witness)
    reason = f"{text[0].upper()}{text[1:]}."
    return found._replace(equal=False, method="interval arithmetic", reason=reason, witness=witness)


def certified(
    trials: Trials, point: Point, what: str, precisions: Sequence[int] = PRECISIONS
) -> Witness | None:
    """The witness that a point is, if intervals at it are disjoint in some entry."""
    for precision in precisions:
        found = trials.exactly(point, Exact(0), precision)  # without residues
        if found is not None and found.disjoint:
            values = {leaf.name: point.values[leaf.name] for leaf in trials.random.leaves}
            claimed, true = _readable(found.claimed), _readable(found.true)
            return Witness(point.sizes, dict(sorted(values.items())), claimed, true, what)
    return None


def _readable(values: np.ndarray) -> np.ndarray:
    found = np.empty(values.shape, dtype=object)
    for at, x in np.ndenumerate(values):  # what is shown as a mantissa and a power is a tuple
        found[at] = readable(x.ball)
    return found
