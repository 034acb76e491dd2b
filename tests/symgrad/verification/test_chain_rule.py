"""Derivatives of other values than the loss, their products, and differentials, as claims."""

from __future__ import annotations

from functools import cache

import pytest

import symgrad as sg
from symgrad.errors import DerivativeError, ParseError
from symgrad.verification.chain_rule import entrywise, partial, slope
from symgrad.verification.judge import decide
from symgrad.verification.names import Truth
from symgrad.verification.reader import Reader
from symgrad.verification.work import lines

TEXT = """
x: vector(D); y: simplex(C)
W1: matrix(H, D); b1: vector(H)
W2: matrix(C, H); b2: vector(C)
z1 = W1 x + b1
h = tanh(z1)
z2 = W2 h + b2
p = softmax(z2)
L = cross_entropy(p, y)
"""
TWICE = """
x: vector(D); w: vector(D); a: scalar
s = w' x
t = s + tanh(s) a
u = t s
L = u^2
"""


@cache
def truth(text: str = TEXT) -> Truth:
    return Truth(sg.parse(text))


def statuses(text: str, model: str = TEXT) -> list[str]:
    reader = Reader(truth(model))
    found = [c for line in lines(text, names=truth(model).names) for c in reader.claims(line)]
    return [decide(c).status for c in found]


RIGHT = [
    # ∂a/∂b, whole in both layouts, entry by entry where that is all there is, and by entries
    "dp/dz2 = diag(p) - p p'",
    r"\frac{\partial p}{\partial z_2} = \operatorname{diag}(p) - p p^\top",
    "dz2/dh = W2",
    "dz2/dh = W2'",
    "dz2/dz1 = W2 diag(1 - h^2)",
    "dh/dz1 = 1 - h^2",
    "dh/dz1 = diag(1 - h^2)",
    "dh/dz1 = tanh'(z1)",
    "dp[i]/dz2[j] = p[i] (1[i=j] - p[j])",
    "dp_i/dz2_j = p_i (δ_ij - p_j)",
    r"\frac{\partial p_i}{\partial z_{2,j}} = p_i (\delta_{ij} - p_j)",
    "dz2[i]/dW2[j, k] = 1[i = j] h[k]",
    # products
    "dL/dz2 = dL/dp dp/dz2",
    "dL/dW2 = ∂L/∂z2 · ∂z2/∂W2",
    "dL/dW1 = dL/dz2 dz2/dh dh/dz1 dz1/dW1",
    "dL/dz1 = dh/dz1 dz2/dh dL/dz2",
    "dL/dz1 = (dz2/dh dh/dz1)' (p - y)",
    "dL/dz1 = dL/dh ⊙ dh/dz1",
    "dL/dz1 = dL/dh * dh/dz1",
    "dL/dz1 = W2' (p - y) dh/dz1",
    "dL/dz1 = -(y - p)' W2 dh/dz1",
    "dL/dz1 = dh/dz1 * -(W2' (y - p))",
    "dL/dW1 = W2' dL/dz2 dh/dz1 x'",
    "dL/dW2 = dL/dp dp/dz2 h'",
    "dz2/dz1 = dz2/dh dh/dz1",
    "dL/dz1[j] = Σ_k dL/dz2[k] dz2[k]/dh[j] (1 - h[j]^2)",
    r"\nabla_{W_2} L = \frac{\partial L}{\partial z_2} \frac{\partial z_2}{\partial W_2}",
    # h′ and differentials
    "h' = 1 - h^2",
    "h' = tanh(z1)'",
    "dL = (p - y)' dz2",
    "dL = tr(((p - y) h')' dW2)",
    r"\mathrm{d}L = (p - y)^\top \mathrm{d}z_2",
    "dh = (1 - h^2) ⊙ dz1",
    "dz2 = dW2 h + W2 dh + db2",
    # names of gradients, which are written alike
    "dh = W2' dz2",
    "dz1 = dh ⊙ (1 - h^2)",
    "dW2 = dz2 h'",
]
WRONG = [
    "dp/dz2 = diag(p) + p p'",
    "dz2/dh = 2 W2'",
    "dh/dz1 = h (1 - h)'",
    "dh/dz1 = h ⊙ (1 - h)",
    "dp[i]/dz2[j] = p[j] (1[i=j] + p[i])",
    "dL/dW1 = -dL/dz2 dz2/dh dh/dz1 dz1/dW1",
    "dL/dW1 = dL/dz2 dz1/dW1",
    "dL/dz1 = dh/dz1 * -(W2' (p - y))",
    "h' = h ⊙ (1 - h)",
    "dL = 2 (p - y)' dz2",
    "dL = (p - y)' dz2 + h' dh",
    "dz2 = W2 dh + dW2",
]


@pytest.mark.parametrize("text", RIGHT)
def test_right(text: str) -> None:
    assert statuses(text) == ["right"]


@pytest.mark.parametrize("text", WRONG)
def test_wrong(text: str) -> None:
    assert statuses(text) == ["wrong"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("dL/dz2 = dL/dp dp/dz2 = p - y", ["right", "right"]),
        ("∂L/∂z2 · ∂z2/∂W2 = (p - y) h' = p h'", ["right", "wrong"]),
        ("dL/dW2 = dL/dp dz2/dh dz2/dW2 = (p - y) h'", ["right"]),
        ("dL/dp dz2/dh dz2/dW2 = dL/dW2 = (p - y) h'", ["right"]),
    ],
)
def test_the_other_sides_of_a_line_are_read(text: str, found: list[str]) -> None:
    assert statuses(text) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dz2/dW2 = h", "∂z2/∂W2 has 3 axes; write its entries"),
        ("dx/dp = 0", "x does not depend on p"),
        ("dL/dz2 = dL/dp ⊙ dp/dz2", "stands beside ⊙"),
        ("dL/dz1 = dL/dh W2 dh/dz1 (p - y) dz2/dh", "stand side by side"),
        ("dL/dW2 = dL/dp dp/dz2 dz1/dW1", "which the chain rule does not join"),
    ],
)
def test_what_is_not_read_has_a_sentence(text: str, words: str) -> None:
    with pytest.raises(ParseError, match=words.replace("(", r"\(")):
        statuses(text)


def test_a_derivative_along_two_ways_may_mean_two_things() -> None:
    with pytest.raises(ParseError, match="directly and through other values"):
        statuses("du/ds = t", TWICE)
    with pytest.raises(ParseError, match="directly and through other values"):
        statuses("dL/ds = dL/du du/ds", TWICE)
    assert statuses("dt/ds = 1 + (1 - tanh(s)^2) a", TWICE) == ["right"]
    assert statuses("dL/dw = dL/ds ds/dw = dL/ds x", TWICE) == ["right", "right"]


def test_values() -> None:
    assert partial("z2", "W2", truth()).node.rank == 3
    assert entrywise("p", "z2", truth()) is None
    assert entrywise("h", "z1", truth()) is not None
    assert slope("z1", truth()) is None
    assert slope("x", truth()) is None
    with pytest.raises(DerivativeError, match="no value named q"):
        partial("q", "z2", truth())
