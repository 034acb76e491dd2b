"""`sg.verify` on claims made by machine: right ones in many writings, and every mistake in them.

The corpus and the mutations are in tests/support (`claim_sources`, `claim_writings`,
`claim_mutations`, `claim_corpus`); they share nothing with `symgrad.verification.edits`. Here are a
small campaign, and the whole one, which is slow; `benchmarks/verification.py` prints the tables.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from claim_campaign import DOUBLE, RIGHT, SINGLE, Amounts, Outcome, campaign, confusion, figures
from claim_corpus import MISTAKES, mutants
from claim_models import MODELS
from claim_sources import SOURCES, of_text
from claim_trees import latex, text
from claim_writings import parsed, right_claims

from symgrad.verification.judge import decide
from symgrad.verification.reader import Reader
from symgrad.verification.verdict import WRONG
from symgrad.verification.verify import verify
from symgrad.verification.work import lines

SMALL = ("D2 logistic regression", "D6 by matrix", "A5", "B relu", "shared")
FEW = Amounts(right=2, single=1, double=1, mutated=3, facts=0)
MANY = Amounts(right=3, single=1, double=2, mutated=30, facts=12)


@lru_cache
def small() -> list[Outcome]:
    return campaign(0, FEW, SMALL).outcomes()


def problems(outcomes: list[Outcome]) -> str:
    return "\n".join(x.line for x in outcomes)


def test_the_small_campaign_has_all_kinds() -> None:
    kinds = [x.kind for x in small()]
    assert min(kinds.count(kind) for kind in (RIGHT, SINGLE, DOUBLE)) >= 4
    assert len(confusion(small())) >= 8


def test_no_wrong_claim_is_accepted_and_no_right_one_rejected() -> None:
    found = figures(small())
    assert not found.accepted, problems(found.accepted)
    assert not found.rejected, problems(found.rejected)
    assert not found.exceptions, problems(found.exceptions)


def test_mistakes_are_named() -> None:
    missed = [x for x in small() if x.kind == SINGLE and not x.named]
    assert figures(small()).named >= 0.95, problems(missed)


def test_two_mistakes_are_explained() -> None:
    missed = [x for x in small() if x.kind == DOUBLE and not x.named]
    assert figures(small()).explained >= 0.8, problems(missed)


@pytest.mark.slow
def test_the_whole_campaign() -> None:
    outcomes = campaign(1, MANY).outcomes()
    found = figures(outcomes)
    assert set(confusion(outcomes)) == set(MISTAKES)
    assert not found.accepted, problems(found.accepted)
    assert not found.rejected, problems(found.rejected)
    assert not found.exceptions, problems(found.exceptions)
    assert found.named >= 0.95
    assert found.explained >= 0.8
    assert found.median <= 0.15 and found.percentile <= 2.0


# ---------------------------------------------------------------------------------- the corpus


def test_a_claim_is_written_as_it_is_read() -> None:
    for written in (
        "((W2ᵀ·(p − y)) ⊙ (1 − h ⊙ h))·xᵀ",
        "Σ_k δ2[k]·W2[k, j]·1[z[j] > 0]",
        "−y·σ(−u·y)·(w2 ⊙ (1 − h ⊙ h))/2",
        "‖W‖^2/2 + tanh(W1·x + b1)",
    ):
        tree = parsed(written)
        assert text(tree) == written
        assert text(parsed(text(tree))) == written
    assert latex(parsed("W2ᵀ·(ŷ − δ1)")) == r"W_{2}^\top \cdot (\hat{y} - \delta_{1})"
    assert latex(parsed("Σ_k δ2[k]·x[j]")) == r"\sum_{k} \delta_{2,k} \cdot x_{j}"


def test_the_numbers_judge_what_is_right() -> None:
    """The arithmetic of the corpus is NumPy's, and it knows shapes."""
    source = of_text("tanh", MODELS["B tanh"])
    claims = {claim.text: claim for claim in right_claims(source)}
    claim = claims["∂L/∂W = ((h − t) ⊙ (1 − h ⊙ h))·xᵀ"]
    wrong, still_right = mutants(claim)
    assert {m for x in wrong for m in x.made} >= {
        "sign", "factor", "transpose", "missing_derivative", "derivative_of_wrong_argument",
    }  # fmt: skip
    assert all(not x.right() for x in wrong) and all(x.right() for x in still_right)
    by_text = {x.text.partition(" = ")[2]: x for x in wrong}
    assert by_text["((h − t) ⊙ (1 − z ⊙ z))·xᵀ"].labels >= {"derivative_of_wrong_argument"}
    assert by_text["((h − t))·xᵀ"].labels >= {"missing_derivative"}
    assert by_text["((h − t) ⊙ (1 − h ⊙ h))·x"].values() is None


def test_every_source_has_right_claims() -> None:
    rng = np.random.default_rng(0)
    for title in rng.choice(sorted(SOURCES), 4, replace=False):
        assert right_claims(SOURCES[str(title)]())


# ------------------------------------------------------------------------ what the corpus found

FOUND: tuple[tuple[str, str, str | None], ...] = (
    # a loss with one adjoint only, which may be called δ: δ_z is no entry of it
    ("B tanh", "∂L/∂W = δ_z·xᵀ", None),
    ("B tanh", "∂L/∂W = 2·δ_z·xᵀ", "factor"),
    # what stands in two places is wrong in one of them
    ("D7, D8", "∂L/∂b1 = (W2ᵀ·(e2 − y)) ⊙ h − (W2ᵀ·e2) ⊙ h ⊙ h", "missing_term"),
    ("A5", "∂L/∂b = y − t·y·(1 − y)", "missing_derivative"),
    # a value of another shape
    ("D11 margin", "∂L/∂w2[j] = −y·x[j]·σ(−u·y)", "wrong_value"),
    # 1_y of a class label
    ("D6 by index", "∂L/∂W[j, k] = p[j]·x[k]", "missing_term"),
)  # fmt: skip


@pytest.mark.parametrize("title, claim, mistake", FOUND)
def test_what_the_corpus_found(title: str, claim: str, mistake: str | None) -> None:
    verdict = verify(claim, SOURCES[title]().truth)
    assert bool(verdict) is (mistake is None)
    assert verdict.mistake == mistake, verdict


@pytest.mark.parametrize("seed", range(3))
def test_a_kink_of_the_claim_s_own(seed: int) -> None:
    """It differs from ours on a small region only, which two dozen points may miss."""
    claim = (
        "∂L/∂W[j, i] = δ_back[i]·code[j] + lam·W[j, i] "
        "+ (Σ_k δ_back[k]·W[j, k])·x[i]·1[Σ_k W[j, k]·(x[k] + back[k]) > 0]"
    )
    (read,) = Reader(SOURCES["shared weights"]().truth).claims(lines(claim)[0])
    assert decide(read, seed=seed).status == WRONG
