"""Where a claim has a value as it was typed, which SymPy forgets."""

from __future__ import annotations

import pytest

import symgrad as sg

SQUARE = "x: scalar\nL = x^2/2"
SQUARES = "x: vector(n)\nL = sum(x^2)/2"
FAR = "x: scalar\nL = log(1 + (x - 300)^2 - 1)/2"
POSITIVE = "x: scalar, positive\nL = x^2/2"

# model, claim, the verdict's domain
DOMAINS = (
    (SQUARE, "dL/dx = exp(log(x))", "the claim has no value where x ≤ 0"),
    (SQUARE, "dL/dx = sqrt(x)^2", "the claim has no value where x < 0"),
    (SQUARE, "dL/dx = (x^(1/2))^2", "the claim has no value where x < 0"),
    (SQUARE, "dL/dx = x^2/x", "the claim has no value at x = 0"),
    (SQUARE, "dL/dx = log(exp(x))", ""),
    (SQUARE, "dL/dx = x*(1 + x^2)/(1 + x^2)", ""),
    (SQUARES, "dL/dx[k] = exp(log(x[k]))", "the claim has no value where x ≤ 0"),
    (SQUARES, "L = 1/2 Σ_k x[k]^3/x[k]", "the claim has no value at x = 0"),
    (SQUARES, "L = Σ_{k=0}^{n-1} exp(2 log(x[k]))/2", "the claim has no value where x ≤ 0"),
    (SQUARES, "L = 1/2 Σ_k x[k]^2", ""),
    (POSITIVE, "dL/dx = exp(log(x))", ""),
    (FAR, "L = log(300 - x)", "the claim has no value where x > 300"),
)


@pytest.mark.filterwarnings("ignore::symgrad.DomainWarning")
@pytest.mark.parametrize("model, claim, domain", DOMAINS)
def test_where_a_right_claim_has_no_value(model: str, claim: str, domain: str) -> None:
    verdict = sg.verify(claim, sg.parse(model))
    assert verdict.status == "right", verdict
    assert verdict.domain == domain


def test_what_is_about_dimensions_alone_is_no_accident_of_sizes() -> None:
    model = sg.parse("y: vector(C)\nL = sum(y)")
    assert sg.verify("dL/dy = ones(C) + 1[C >= 1000]", model).status == "undecided"
    assert sg.verify("dL/dy = ones(C) + 1[C = 3]", model).status == "wrong"


def test_a_number_too_small_for_floats_is_shown() -> None:
    model = sg.parse("a, b: scalar\nL = max(a, b)")
    assert "10⁻" in str(sg.verify("dL/da = sigmoid(10^9 (a - b))", model).witness)


def test_exponentials_of_exponentials() -> None:
    model = sg.parse("x: scalar\nL = exp(exp(exp(x)))")
    assert sg.verify("dL/dx = exp(x) exp(exp(x)) exp(exp(exp(x)))", model).status == "right"
