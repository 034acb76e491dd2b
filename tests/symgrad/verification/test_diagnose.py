"""Mistakes that students make, each by its name and with what was wrong in the sentence.

Each case is a model, a claim, the name of its mistake (None: the claim is right), and a part of
the sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import pytest

import symgrad as sg
from symgrad import graph as g
from symgrad.graph import Node
from symgrad.lift import lift
from symgrad.verification.edits import EDITS, edits
from symgrad.verification.mistakes import MISTAKES
from symgrad.verification.names import Truth
from symgrad.verification.pool import Pool
from symgrad.verification.search import WORK
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
    "regression": """X: matrix(n, d)
y: vector(n)
w: vector(d)
λ: scalar
L = (1/(2 n)) ‖X w - y‖^2 + λ/2 w'w
""",
    "hinge": """x, w: vector(D)
b, y: scalar
s = w'x + b
L = max(0, 1 - y s)
""",
    "multi-class hinge": """x: vector(D)
c: label(C)
W: matrix(C, D)
s = W x
L = Σ_{j≠c} max(0, s[j] - s[c] + 1)
""",
    "gauss": """x, μ: vector(n)
S: matrix(n, n), positive definite
L = 1/2 (x - μ)' inverse(S) (x - μ) + 1/2 log(det(S))
""",
    "log det": """X: matrix(n, n)
L = log(det(X))
""",
    "layer norm": """x, t: vector(D)
m = mean(x)
c = x - m
v = mean(c .* c)
s = sqrt(v + 1/1000)
y = c / s
L = 1/2 ‖y - t‖^2
""",
    "attention": """Q: matrix(n, d)
K: matrix(m, d)
V: matrix(m, e)
T: matrix(n, e)
S = Q K' / sqrt(d)
A = softmax(S, rows=true)
O = A V
L = 1/2 ‖O - T‖^2
""",
    "recurrent": """x1, x2, x3, t: vector(d)
h0: vector(n)
U: matrix(n, n)
W: matrix(n, d)
V: matrix(d, n)
a1 = U h0 + W x1
h1 = tanh(a1)
a2 = U h1 + W x2
h2 = tanh(a2)
a3 = U h2 + W x3
h3 = tanh(a3)
o = V h3
L = 1/2 ‖o - t‖^2
""",
    "cross-entropy": """w, x, t: scalar
a = sigmoid(w x)
L = -t log(a) - (1 - t) log(1 - a)
""",
    "rows": """X: matrix(N, D)
y: vector(N)
w: vector(D)
r = X w - y
L = mean(r^2)
""",
    "label": """x: vector(D)
c: label(C)
W: matrix(C, D)
s = W x
p = softmax(s)
L = -log(p[c])
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
    # the gradient by another value
    ("classifier", "dL/dz2 = -y/p", "another_gradient",
     "This is ∂L/∂p, and not ∂L/∂z2: it has still to be multiplied by the Jacobian of softmax, "
     "diag(p) − p·pᵀ."),
    ("classifier", "dL/dp = p - y", "another_gradient",
     "This is ∂L/∂z2, and not ∂L/∂p: the step back through p = softmax(z2) is one too many."),
    ("classifier", "dL/dh = p - y", "another_gradient", "This is ∂L/∂z2, and not ∂L/∂h"),
    ("classifier", "dL/dh = W2' (p - y) .* (1 - h .* h)", "extra_factor",
     "This is ∂L/∂z1, and not ∂L/∂h. The factor 1 − h ⊙ h"),
    ("classifier", "dL/dW1 = (p - y) x'", "another_gradient",
     "the way from z2 back to z1 is missing"),
    ("classifier", "dL/dW2 = -(y/p) h'", "missing_derivative", "the Jacobian of softmax"),
    ("classifier", "dL/dz2 = -y .* (1 - p)", "wrong_derivative", "Only the diagonal p ⊙ (1 − p)"),
    ("attention", "dL/dS = A .* (1 - A) .* ((O - T) V')", "wrong_derivative", "in each row"),
    ("recurrent", "dL/dh2 = V'(o - t)", "another_gradient", "This is ∂L/∂h3"),
    # one path of several
    ("layer norm", "dL/dx = ((y - t) - mean(y - t)) / s", "missing_sum",
     "s is taken for a constant, but it depends on x as well (s = sqrt(v + 1/1000))"),
    ("layer norm", "dL/dx = (y - t) / s", "missing_sum", "s and m are taken for constants"),
    ("layer norm", "dL/dx = ((y - t) - sum(y - t) - y sum((y - t) .* y)) / s", "sum_for_mean",
     "each has to be divided by D"),
    ("layer norm", "dL/dx = (y - t) - mean(y - t) - y mean((y - t) .* y)", "missing_factor",
     "has to be divided by s"),
    ("recurrent", "dL/dU = ((V'(o - t)) .* (1 - h3 .* h3)) h2'", "missing_sum",
     "h2 is taken for a constant, but it depends on U as well (h2 = tanh(a2))"),
    ("recurrent", "dL/dU = δ_a3 h3' + δ_a2 h2' + δ_a1 h1'", "index", "one step too late"),
    ("multi-class hinge", "dL/dW[m, k] = 1[s[m] - s[c] + 1 > 0] x[k]", "missing_case",
     "every class but the label c"),
    # one term of several
    ("regression", "dL/dw = X'X w/n - X'y + λ w", "factor", "Xᵀ·y has to be divided by n"),
    ("regression", "dL/dw = (1/n) (X'(X w - y) + λ w)", "factor", "must not be divided by n"),
    ("regression", "dL/dw = (X'X + λ eye(d)) w - X'y", "factor", "Xᵀ·X has to be divided by n"),
    ("regression", "dL/dw = (1/n) X'(X w - y) + λ/2 w'w", "wrong_value", "λ·w is due where"),
    ("regression", "dL/dw = X'X w/n + λ - X'y/n", "missing_factor", "factor w is missing beside λ"),
    ("regression", "dL/dw = (X'X/n + λ ones(d,d)) w - X'y/n", "wrong_value",
     "the diagonal only, and not every entry"),
    ("regression", "dL/dλ = w", "shape", "the claim is a column of d entries"),
    # matrices
    ("gauss", "dL/dμ = -S (x - μ)", "inverse", "S⁻¹ is due where S stands"),
    ("gauss", "dL/dS = 1/2 inverse(S) - 1/2 inverse(S) inverse(S) (x - μ) (x - μ)'", "order",
     "are in the wrong order"),
    ("log det", "dL/dX = X", "inverse", "X⁻ᵀ is due where X stands"),
    ("recurrent", "dL/dh2 = U (V'(o - t) .* (1 - h3 .* h3))", "transpose",
     "U has to be transposed"),
    ("quadratic", "dL/dA = A x x'", "extra_factor", "The factor A"),
    ("classifier", "dL/db1 = W2' ((p - y) .* (1 - h .* h))", "parentheses",
     "Multiply by it after W2', and not before"),
    # what people take for something else
    ("classifier", "dL/dz2 = sum(p - y)", "extra_sum", "p − y is due, entry by entry"),
    ("classifier", "dL/dz2 = log(p) - y", "wrong_function", "p is due where log(p) stands"),
    ("hinge", "dL/dw = -y max(0, 1 - y s) x", "derivative_of_wrong_argument", "relu"),
    ("cross-entropy", "dL/dw = (a - t) a (1 - a) x", "extra_factor", "a·(1 − a)"),
    # the plainest of several explanations
    ("relu", "dL/dW2 = (f - t) z'", "wrong_value", "h is due where z stands"),
    ("relu", "dL/dz = (W2' (f - t)) .* 1[h >= 0]", "wrong_derivative", "is 1[z > 0], and not"),
    ("relu", "dL/dz = (W2' (f - t)) .* 1[sum(z) > 0]", "wrong_derivative", "and not 1[sum(z) > 0]"),
    ("relu", "dL/dz = (W2' (f - t)) .* 1[z <= 0]", "wrong_branch", "1[z > 0] is due, and not 1 −"),
    ("classifier", "dL/db2 = p - y + 1[p > 0.999999999]", "extra_term", "one too many"),
    ("classifier", "dL/db2 = p - sum(y)", "extra_sum", "y is due, entry by entry"),
    ("classifier", "dL/db1 = (1 - h'h) W2' (p - y)", "wrong_product", "1 − ‖h‖² is one number"),
    ("classifier", "dL/db1 = W2' (p - y) (1 - h^2)'", "wrong_product", "not a column times a row"),
    ("classifier", "dL/db1 = 0.9999999999 W2' (p - y) .* (1 - h^2)", "factor", "one part in 10¹⁰"),
    ("any target", "dL/dz = 0.9999999999 (sum(y) p - y)", "factor", "one part in 10¹⁰"),
    ("classifier", "dL/dW2 = p h' - h y'", "order", "y comes first, and then hᵀ"),
    ("sigmoids", "dL/df = (f - y) f (1 - f)", "wrong_product", "⊙, entry by entry, is due"),
    ("classifier", "dL/db2[k] = p[k+1] - y[k]", "index", "The index k+1 of p is off: k is due"),
    ("classifier", "dL/dh[j] = Σ_{k=2}^{C} (p[k] - y[k]) W2[k, j]", "index", "leaves entries out"),
    ("classifier", "dL/dh[j] = Σ_k Σ_i (p[k] - y[i]) W2[k, j]", "index", "k is due where i stands"),
    ("classifier", "dp/dz2 = diag(p) + p p'", "sign", "it should be −"),
    ("classifier", "dp/dz2 = p .* (1 - p)", "missing_term", "those off it are missing"),
    ("classifier", "h = z1", "wrong_function", "tanh is missing"),
    ("rows", "dL/dw = 2 X' r", "sum_for_mean", "The loss is a mean of N terms"),
    ("rows", "dL/dw = 2/D X' r", "factor", "It is divided by D, and N is due there"),
    # a claim that was thrown away is not explained
    ("classifier", "dL/dz2 = 0 y", "other", ""),
    ("quadratic", "dL/dx = exp(exp(x))", "other", ""),
)  # fmt: skip


@cache
def model(name: str) -> object:
    return sg.parse(MODELS[name])


@cache
def verdict_of(name: str, claim: str) -> sg.Verdict:
    return verify(claim, model(name))


@pytest.mark.parametrize("name, claim, mistake, words", CASES)
def test_the_mistake_is_named(name: str, claim: str, mistake: str | None, words: str) -> None:
    verdict = verdict_of(name, claim)
    assert verdict.mistake == mistake, verdict
    assert bool(verdict) is (mistake is None)
    if mistake is not None:
        assert words in verdict.diagnosis, verdict
        assert verdict.mistake in MISTAKES
        without = ("missing_fact", "transpose", "other", "index", "shape", *OTHERS)
        assert verdict.corrected or mistake in without


OTHERS = (
    "another_gradient",
    "missing_derivative",
    "wrong_derivative",
    "missing_sum",
    "missing_case",
)
"""What may be said of a claim that is the gradient of something else; then nothing is edited."""

CORRECTED = [case for case in CASES if case[2] not in (None, "other", "another_gradient", "shape")]


@pytest.mark.parametrize("name, claim, mistake, words", CORRECTED)
def test_the_corrected_claim_is_right(name: str, claim: str, mistake: str, words: str) -> None:
    verdict = verdict_of(name, claim)
    if verdict.corrected is None or any(x in verdict.corrected for x in ("·1)", "⁻ᵀ")):
        pytest.skip("the sentence says what to do, or a vector of ones is in it")
    left = claim.partition("=")[0]
    assert verify(f"{left} = {verdict.corrected}", model(name)), verdict


REMARKS = (
    ("any target", "dL/dz = p - y", "Right is dL/dz = sum(y)·p − y"),
    ("label", "dL/ds = p - onehot(0, C)", "The two are equal where c = 0."),
    ("classifier", r"\frac{\partial L}{\partial h_j} = \sum_k (p_k - y_k)W_{2,jk}",
     "The indices of W2 are the wrong way round in W_{2,jk}."),
)  # fmt: skip


@pytest.mark.parametrize("name, claim, words", REMARKS)
def test_what_is_said_below(name: str, claim: str, words: str) -> None:
    assert words in str(verdict_of(name, claim))


def test_every_row_states_its_law() -> None:
    assert all("→" in row.law for row in EDITS)
    costs = [row.cost for row in EDITS]
    assert costs == sorted(costs)


FITTING = [case for case in CASES if case[0] in ("regression", "gauss", "quadratic", "shared")]


@pytest.mark.parametrize("name, claim, mistake, words", FITTING)
def test_every_edit_is_a_graph(name: str, claim: str, mistake: str | None, words: str) -> None:
    loss = model(name)
    values = Truth(loss)
    left, _, right = claim.partition(" = ")
    target = values.target(left)
    assert target is not None
    node = lift(sg.parse(MODELS[name] + f"claimed = {right}\n").names["claimed"])
    pool = Pool(values.root, values.stable, (), target.node)
    for edit in edits(pool.tidied(g.peel(node)), pool):
        g.validate([edit.root])
        assert edit.old.shape == edit.new.shape


def test_of_a_large_claim_fewer_edits_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work is bounded, and not the time, so that the same is said on every machine."""
    names = [f"w{k}" for k in range(16)]
    most = 4_000
    loss = sg.parse(f"{', '.join(names)}: scalar\nL = {' '.join(names)}\n")
    built: list[int] = []
    rebuilt = Pool.with_all

    def counted(pool: Pool, root: Node, changes: Mapping[Node, Node]) -> Node:
        built.append(sum(1 + len(node.args) for node in pool.sites(root)))
        return rebuilt(pool, root, changes)

    monkeypatch.setattr(Pool, "with_all", counted)
    monkeypatch.setattr("symgrad.verification.search.WORK", most)
    assert verify(f"dL/dw0 = {' '.join(names)} + w7 w9", loss).mistake == "other"
    assert most / 2 < sum(built) < 6 * most < WORK
