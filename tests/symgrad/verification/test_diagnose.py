"""Mistakes that students make, each by its name and with what was wrong in the sentence.

Each case is a model, a claim, the name of its mistake (None: the claim is right), and a part of
the sentence.
"""

from __future__ import annotations

from functools import lru_cache

import pytest

import symgrad as sg
from symgrad.verification.edits import EDITS
from symgrad.verification.mistakes import MISTAKES
from symgrad.verification.verify import verify

MODELS = {
    "scalar": """w, b, x, t: scalar
z = w x + b
y = sigmoid(z)
L = 1/2 (y - t)^2
""",
    "classifier": """x: vector(D)
y: probabilities(C)
W1: matrix(H, D)
b1: vector(H)
W2: matrix(C, H)
b2: vector(C)
z1 = W1 x + b1
h = tanh(z1)
z2 = W2 h + b2
p = softmax(z2)
L = -sum(y * log(p))
""",
    "sigmoids": """x: vector(D)
y: vector(C)
W1: matrix(H, D)
W2: matrix(C, H)
h = sigmoid(W1 x)
f = sigmoid(W2 h)
L = 1/2 ‖f - y‖^2
""",
    "relu": """x: vector(D)
t: vector(C)
W1: matrix(H, D)
b1: vector(H)
W2: matrix(C, H)
z = W1 x + b1
h = relu(z)
f = W2 h
L = 1/2 ‖f - t‖^2
""",
    "quadratic": """A: matrix(n, n)
x: vector(n)
L = x' A x
""",
    "any target": """z: vector(C)
y: vector(C)
p = softmax(z)
L = -sum(y * log(p))
""",
    "risk": """x: vector(D)
t: vector(C)
W: matrix(C, D)
b: vector(C)
f = W x + b
L = mean 1/2 ‖f - t‖^2 over x, t
""",
    "shared": """x: vector(n)
W: matrix(n, n)
h = tanh(W x)
f = W h
L = 1/2 ‖f‖^2
""",
    "logistic": """x: vector(D)
y: scalar
w: vector(D)
p = sigmoid(w' x)
L = -y log(p) - (1 - y) log(1 - p)
""",
    "ridge": """x: vector(D)
t, lam: scalar
w: vector(D)
f = w' x
L = 1/2 (f - t)^2 + lam/2 ‖w‖^2
""",
}

CASES: tuple[tuple[str, str, str | None, str], ...] = (
    ("scalar", "dL/dw = (y - t) y (1 - y) x", None, ""),
    ("scalar", "dL/dw = (y - t) x", "missing_derivative", "σ at z"),
    ("scalar", "dL/dw = 2 (y - t) y (1 - y) x", "factor", "2 times"),
    ("scalar", "dL/dw = 7 (y - t) y (1 - y) x", "factor", "7 times"),
    ("scalar", "dL/dw = 1/64 (y - t) y (1 - y) x", "factor", "multiplied by 64"),
    ("scalar", "dL/dw = (t - y) y (1 - y) x", "sign", "−1 times"),
    ("scalar", "dL/dw = (y - t) z (1 - z) x", "derivative_of_wrong_argument", "y is due where z"),
    ("scalar", "dL/dw = (y - t) σ'(y) x", "derivative_of_wrong_argument", "z is due where y"),
    ("scalar", "dL/dw = (y - t) y (1 - y)", "missing_factor", "factor x"),
    ("scalar", "dL/db = (y - t) y (1 - y) x", "extra_factor", "factor x"),
    ("scalar", "dL/dw = (y - t) (1 - y^2) x", "wrong_derivative", "y·(1 − y)"),
    ("classifier", "dL/dW1 = ((W2' (p - y)) .* (1 - h .* h)) x'", None, ""),
    ("classifier", "dL/dW1 = (W2' (p - y)) x'", "missing_derivative", "1 − h ⊙ h"),
    ("classifier", "dL/dW1 = ((W2' (p - y)) .* (1 - z1 .* z1)) x'",
     "derivative_of_wrong_argument", "h is due where z1 stands"),
    ("classifier", "dL/dW1 = ((W2' (p - y)) .* (1 + h .* h)) x'", "sign", "1 + h ⊙ h"),
    ("classifier", "dL/dW1 = ((W2' (p - y)) .* (1 - h)) x'", "wrong_derivative", "1 − h ⊙ h"),
    ("classifier", "dL/dW1 = ((W2' (p - y)) .* h .* (1 - h)) x'", "wrong_derivative", "tanh"),
    ("classifier", "dL/dW1 = ((W2 (p - y)) .* (1 - h .* h)) x'", "transpose", "W2ᵀ"),
    ("classifier", "dL/dW2 = (p - y) h", "transpose", "hᵀ"),
    ("shared", "dL/dx = W' (W' f)", "missing_derivative", "is due"),
    ("relu", "dL/dW1 = 2 ((W2' (f - t)) .* 1[z > 0]) z'", "wrong_value", "x is due where z stands"),
    ("classifier", "dL/db2 = (h - y)", "wrong_value", "p is due where h stands"),
    ("sigmoids", "dL/dW1 = (W2' (f - y) ⊙ f ⊙ (1 - f) ⊙ h ⊙ (1 - h)) x'", "parentheses",
     "((f - y) ⊙ f ⊙ (1 - f)) is one factor"),
    ("sigmoids", "dL/dW1[j, k] = Σ_c (f[c] - y[c]) f[j] (1 - f[c]) W2[c, j] h[j] (1 - h[j]) x[k]",
     "index", "c is due there"),
    ("classifier", "dL/dW2 = h (p - y)'", "transpose", "numerator layout"),
    ("classifier", "dL/dW2 = (p - y)", "missing_factor", "factor h"),
    ("classifier", "dL/dW2 = p h'", "missing_term", "p − y is due where p stands"),
    ("classifier", "dL/dW2 = (p - y) z1'", "wrong_value", "h is due where z1 stands"),
    ("classifier", "dL/db1 = (1 - h .* h)", "missing_factor", "W2ᵀ"),
    ("classifier", "dL/dW1 = (W2' (y - p)) x'", "missing_derivative", "Two things are wrong"),
    ("classifier", "dL/dW1 = (W2 (p - y)) x'", "transpose", "Two things are wrong"),
    ("classifier", "dL/dW1 = ((W2' (p + y)) .* (1 - z1 .* h)) x'", "sign", "h is due where z1"),
    ("relu", "dL/dW1 = ((W2' (f - t)) .* 1[z > 0]) x'", None, ""),
    ("relu", "dL/dW1 = ((W2' (f - t)) .* 1[h > 0]) x'", None, ""),
    ("relu", "dL/dW1 = ((W2' (f - t)) .* 1[z < 0]) x'", "wrong_branch", "wrong way round"),
    ("relu", "dL/dW1 = (W2' (f - t)) x'", "missing_derivative", "relu at z"),
    ("relu", "dL/dW1 = ((W2' f) .* 1[z > 0]) x'", "missing_term", "f − t"),
    ("relu", "dL/dW2[c, j] = (f[c] - t[c]) h[j]", None, ""),
    ("relu", "dL/dW2[c, j] = (f[c] - t[c]) h[k]", "index", "k is an index"),
    ("relu", "dL/dW1[j, k] = Σ_c (f[c] - t[c]) W2[c, j] 1[z[j] > 0] x[k]", None, ""),
    ("relu", "dL/dW1[j, k] = (f[c] - t[c]) W2[c, j] 1[z[j] > 0] x[k]", "index", "sum over c"),
    ("relu", "dL/dW1[j, k] = Σ_c (f[c] - t[c]) W2[c, j] x[k]", "missing_derivative", "relu"),
    ("quadratic", "dL/dx = A x + A' x", None, ""),
    ("quadratic", "dL/dx = 2 A x", "missing_fact", "A = Aᵀ"),
    ("quadratic", "dL/dx = A x", "missing_term", "Aᵀ·x"),
    ("quadratic", "dL/dx = A x - A' x", "sign", "Aᵀ·x"),
    ("quadratic", "dL/dA = x' x", "order", "wrong order"),
    ("any target", "dL/dz = p - y", "missing_fact", "Σ y = 1"),
    ("risk", "dL/dW = (1/N) (f - T)' X", None, ""),
    ("risk", "dL/dW = (f - T)' X", "sum_for_mean", "divide by N"),
    ("risk", "dL/db = (1/N) (f - T)", "missing_sum", "sum over all N"),
    ("shared", "dL/dW = f h' + ((W' f) .* (1 - h .* h)) x'", None, ""),
    ("shared", "dL/dW = f h'", "missing_sum", "more than one place"),
    ("shared", "dL/dW = f h' + ((W f) .* (1 - h .* h)) x'", "transpose", "W"),
    ("ridge", "dL/dw = (f - t) x", "missing_term", "lam·w"),
    ("ridge", "dL/dw = (f - t) x + 2 lam w", "factor", "lam·w"),
    ("ridge", "dL/dw = (f - t) x + lam", "missing_factor", "factor w"),
    ("ridge", "dL/dw = (f - t) x - lam w", "sign", "lam·w"),
    ("logistic", "dL/dw = (p - y) p (1 - p) x", "extra_factor", "p·(1 − p)"),
    ("classifier", "dL/dW2 = log(p) exp(h)' 7", "other", ""),
)  # fmt: skip


@lru_cache
def model(name: str) -> object:
    return sg.parse(MODELS[name])


@pytest.mark.parametrize("name, claim, mistake, words", CASES)
def test_the_mistake_is_named(name: str, claim: str, mistake: str | None, words: str) -> None:
    verdict = verify(claim, model(name))
    assert verdict.mistake == mistake, verdict
    assert bool(verdict) is (mistake is None)
    if mistake is not None:
        assert words in verdict.diagnosis, verdict
        assert verdict.mistake in MISTAKES
        assert verdict.corrected or mistake in ("missing_fact", "transpose", "other", "index")


CORRECTED = [case for case in CASES if case[2] not in (None, "other")]


@pytest.mark.parametrize("name, claim, mistake, words", CORRECTED)
def test_the_corrected_claim_is_right(name: str, claim: str, mistake: str, words: str) -> None:
    verdict = verify(claim, model(name))
    if verdict.corrected is None or "·1)" in verdict.corrected:
        pytest.skip("the sentence says what to do, or a vector of ones is in it")
    left = claim.partition("=")[0]
    assert verify(f"{left} = {verdict.corrected}", model(name)), verdict


def test_every_row_states_its_law() -> None:
    assert all("→" in row.law for row in EDITS)
    costs = [row.cost for row in EDITS]
    assert costs == sorted(costs)
