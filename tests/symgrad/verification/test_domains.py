"""Where a claim holds: conditions on leaves and switches, facts that were not declared."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp
from sympy import MatrixSymbol, Q, symbols

import symgrad as sg
from symgrad.lift import lift
from symgrad.verification.domains import differs_at, missing_fact, only_where
from symgrad.verification.trials import Trial, Trials

D, H = symbols("D H", integer=True, positive=True)
A, b, x = MatrixSymbol("A", H, H), MatrixSymbol("b", H, 1), MatrixSymbol("x", D, 1)
Qm, W = MatrixSymbol("Q", H, H), MatrixSymbol("W", H, D)
s, t = symbols("s t", real=True)
z = sg.let("z", W * x)


def trials(claim: Any, truth: Any) -> Trials:
    one, other = (lift(sg.functions.as_expression(e)) for e in (claim, truth))
    return Trials(one, other)


def agrees(trial: Trial) -> bool:
    return not trial.differ()


CONDITIONS: list[tuple[Any, Any, str]] = [
    (t, abs(t), "t ≥ 0"),
    (-t, abs(t), "t ≤ 0"),
    (1 + 0 * t, sp.Piecewise((1, t > 0), (0, True)) + 0 * t, "t > 0"),
    (z, sg.relu(z), "z ≥ 0"),
    (t**2, sp.Piecewise((t**2, sp.Abs(t) < 1), (1, True)), "|t| ≤ 1"),
    (t, sp.Min(t, 1), "t ≤ 1"),
    (t, t + 1, ""),
    (s * t, s + t, ""),
    (0 * t, sg.relu(t), ""),
]


@pytest.mark.parametrize(("claim", "truth", "words"), CONDITIONS)
def test_only_where(claim: Any, truth: Any, words: str) -> None:
    assert only_where(trials(claim, truth), agrees) == words


FACTS: list[tuple[Any, Any, tuple[str, str] | None]] = [
    (A * b, A.T * b, ("symmetric", "A = Aᵀ")),
    (Qm.T * b, Qm.inv() * b, ("orthogonal", "Qᵀ·Q = I")),
    (x, x / sg.norm(x), ("unit norm", "‖x‖ = 1")),
    (sg.sum(x) * 0 + 1 + t, sg.sum(x) + t, ("simplex", "Σ x = 1")),
    (sg.sum(x), sg.dot(x, x), ("one-hot", "x is one-hot")),
    (t**2, t, ("", "t is 0 or 1")),
    (2 * t, t, None),
    (A * b, 2 * A.T * b, None),
]


@pytest.mark.parametrize(("claim", "truth", "expected"), FACTS)
def test_missing_fact(claim: Any, truth: Any, expected: tuple[str, str] | None) -> None:
    found = missing_fact(trials(claim, truth))
    assert (found and (found.fact, found.words)) == expected


def test_a_fact_that_is_declared_is_not_missing() -> None:
    S = sg.assume(A, Q.symmetric)
    assert missing_fact(trials(2 * S * b, S * b)) is None


def test_a_claim_that_is_right_by_accident_has_no_condition() -> None:
    """Where relu is 0, and its gradient, a claim with a wrong factor is right as well."""
    claim, truth = 2 * sg.relu(t), sg.relu(t)
    assert only_where(trials(claim, truth), agrees) == ""


KINKS: list[tuple[Any, Any, str]] = [
    (sp.Piecewise((1, t >= 0), (0, True)), sp.Heaviside(t, 0), "they differ only at t = 0"),
    (sp.sign(t), 2 * sp.Heaviside(t) - 1, ""),
    (t * sp.sign(t), abs(t), ""),
    (t**2 / abs(t), abs(t), "the claim has no value at t = 0"),
]


@pytest.mark.parametrize(("claim", "truth", "words"), KINKS)
def test_differs_at(claim: Any, truth: Any, words: str) -> None:
    assert differs_at(trials(claim, truth)) == words
