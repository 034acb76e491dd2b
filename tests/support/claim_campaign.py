"""Runs `sg.verify` on the corpus, and counts.

For each claim: the verdict, the name of its mistake, whether that is one of the labels, and how
long it took, by the clock and in processor time.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from claim_corpus import doubles, mutants, widened, with_facts, with_missing_facts
from claim_sources import SOURCES, Source
from claim_writings import Claim, in_latex, right_claims

from symgrad.errors import SymgradError
from symgrad.verification.verify import verify

RIGHT, SINGLE, DOUBLE = "right", "single", "double"


class Outcome(NamedTuple):
    """What `sg.verify` says of one claim."""

    kind: str
    source: str
    claim: Claim
    status: str
    mistake: str | None
    edits: tuple[str, ...]
    diagnosis: str
    seconds: float
    processor: float
    error: str = ""

    @property
    def sound(self) -> bool:
        """Whether a right claim is accepted, and a wrong one rejected."""
        return self.status == ("right" if self.kind == RIGHT else "wrong")

    @property
    def named(self) -> bool:
        """Whether the mistake has a right name; of two mistakes, whether an edit explains them."""
        if self.kind == DOUBLE:
            return self.mistake not in (None, "other") and 1 <= len(self.edits) <= 2
        return self.mistake in self.claim.labels

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        labels, made = sorted(self.claim.labels), list(self.claim.made)
        own = {k: v for k, v in self._asdict().items() if k != "claim"}
        return {**own, "claim": self.claim.text, "labels": labels, "made": made}

    @property
    def line(self) -> str:
        """The claim and what was said of it, for a person."""
        made = " and ".join(self.claim.made) or "right"
        return (
            f"{self.source} | {made} | {self.claim.text}\n    {self.status}, {self.mistake} "
            f"{'+'.join(self.edits)}: {self.diagnosis or self.error}  ({self.seconds:.2f} s)"
        )


def outcome(kind: str, claim: Claim) -> Outcome:
    """The verdict on one claim. An exception is an outcome too, so that a campaign goes on."""
    began, processor = time.perf_counter(), time.process_time()
    status, mistake, error, diagnosis = "exception", None, "", ""
    edits: tuple[str, ...] = ()
    try:
        verdict = verify(claim.text, claim.source.truth)
        status, mistake, edits = verdict.status, verdict.mistake, verdict.edits
        diagnosis = verdict.diagnosis
    except SymgradError as problem:  # one clear sentence, as of a sum whose range nothing tells
        status, error = "unreadable", f"{type(problem).__name__}: {problem}"
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}"
    seconds, used = time.perf_counter() - began, time.process_time() - processor
    return Outcome(
        kind, claim.source.title, claim, status, mistake, edits, diagnosis, seconds, used, error
    )


@dataclass
class Campaign:
    """Claims by kind, drawn at random with a seed."""

    right: list[Claim] = field(default_factory=list)
    single: list[Claim] = field(default_factory=list)
    double: list[Claim] = field(default_factory=list)

    def outcomes(self, advance: Any = lambda: None) -> list[Outcome]:
        found = []
        for kind in (RIGHT, SINGLE, DOUBLE):
            for claim in getattr(self, kind):
                found.append(outcome(kind, claim))
                advance()
        return found


class Amounts(NamedTuple):
    """How many claims there are at most: of each source, and single mistakes of each kind."""

    right: int = 2
    single: int = 1
    double: int = 2
    mutated: int = 30
    """So many right claims of a source are mutated."""
    facts: int = 10
    """Claims that are right only under a fact."""


def campaign(seed: int, amounts: Amounts, titles: Iterable[str] = SOURCES) -> Campaign:
    """Claims of some sources; all follows from the seed."""
    made = Campaign()
    for title in titles:
        _add(made, SOURCES[title](), np.random.default_rng([seed, len(made.single)]), amounts)
    if amounts.facts:
        rng = np.random.default_rng(seed)
        made.single += _some(with_missing_facts(), amounts.facts, rng)
    return made


def _add(made: Campaign, source: Source, rng: np.random.Generator, amounts: Amounts) -> None:
    """Claims of one source."""
    plain = right_claims(source)
    claims = [*plain, *(x for x in map(in_latex, plain) if x is not None)]
    made.right += _some(claims, amounts.right, rng)
    all_wrong: list[Claim] = []
    for claim in _some(claims, amounts.mutated, rng):
        found, still_right = mutants(claim)
        made.right += _some(still_right, 1, rng)
        all_wrong += found
    wrong: dict[str, list[Claim]] = {}
    for mutant in widened(all_wrong):
        wrong.setdefault(mutant.made[0], []).append(mutant)
    for group in wrong.values():
        made.single += map(with_facts, _some(group, amounts.single, rng))
    for claim in _some(claims, amounts.double, rng):
        made.double += doubles(claim, rng, 1)


def _some(claims: Sequence[Claim], most: int, rng: np.random.Generator) -> list[Claim]:
    chosen = rng.permutation(len(claims))[:most]
    return [claims[int(k)] for k in sorted(chosen)]


class Figures(NamedTuple):
    """What the campaign comes to."""

    accepted: list[Outcome]
    """Wrong claims that were not rejected."""
    rejected: list[Outcome]
    """Right claims that were not accepted."""
    exceptions: list[Outcome]
    named: float
    explained: float
    median: float
    percentile: float
    """The 99th, in seconds of processor time like the median."""


def figures(outcomes: Sequence[Outcome]) -> Figures:
    """The figures of the issue."""
    by_kind = {k: [x for x in outcomes if x.kind == k] for k in (RIGHT, SINGLE, DOUBLE)}
    wrong = by_kind[SINGLE] + by_kind[DOUBLE]
    times = [x.processor for x in outcomes]
    return Figures(
        [x for x in wrong if x.status == "right"],
        [x for x in by_kind[RIGHT] if x.status == "wrong"],
        [x for x in outcomes if x.status == "exception"],
        _part(by_kind[SINGLE]),
        _part(by_kind[DOUBLE]),
        float(np.median(times)),
        float(np.percentile(times, 99)),
    )


def _part(outcomes: Sequence[Outcome]) -> float:
    return sum(x.named for x in outcomes) / max(1, len(outcomes))


def confusion(outcomes: Sequence[Outcome]) -> dict[str, Counter[str]]:
    """For each mistake that was made, how often it was given which name."""
    found: dict[str, Counter[str]] = {}
    for x in outcomes:
        if x.kind == SINGLE:
            given = x.claim.made[0] if x.named else str(x.mistake or x.status)
            found.setdefault(x.claim.made[0], Counter())[given] += 1
    return found
