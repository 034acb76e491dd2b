"""What work earns: each gradient once, by its derivation, and nothing for padding."""

from __future__ import annotations

from fractions import Fraction

import pytest
from two_layer_text import TWO_LAYERS

import symgrad as sg
from symgrad.verification.diagnose import Diagnosis
from symgrad.verification.names import Truth

M = sg.parse(TWO_LAYERS)
WANTED = [M.W1, M.b1, M.W2, M.b2]
TRUTH = Truth(M, WANTED)

FORWARD = "z1 = W1 x + b1\nh = tanh(z1)\nz2 = W2 h + b2\np = softmax(z2)"
RIGHT = "δ2 = p − y\nδ1 = W2ᵀ δ2 ⊙ (1 − h²)\ndW1 = δ1 xᵀ\ndb1 = δ1\ndW2 = δ2 hᵀ\ndb2 = δ2"
FINAL = """dW1 = (W2ᵀ (p − y) ⊙ (1 − h²)) xᵀ
db1 = W2ᵀ (p − y) ⊙ (1 − h²)
dW2 = (p − y) hᵀ
db2 = p − y"""

CASES = [
    ("all by their adjoints", RIGHT, "1 1 1 1"),
    ("all at once", FINAL, "1 1 1 1"),
    ("last first", "\n".join(reversed(RIGHT.split("\n"))), "1 1 1 1"),
    ("what symgrad derives", "\n".join(s.text for s in TRUTH.derivation.lines()), "1 1 1 1"),
    ("only the declaration", f"{FORWARD}\nL = cross_entropy(p, y)", "0 0 0 0"),
    ("names, leaves and themselves", "x = x\nh = h\ndW1 = dW1\na = p", "0 0 0 0"),
    ("in a circle", "dz1 = db1\ndb1 = dz1\ndW1 = db1 xᵀ", "0 0 0 0"),
    ("one of four", "dW2 = (p − y) hᵀ", "0 0 1 0"),
    ("one of four, again and again", "dW2 = (p − y) hᵀ\n" * 9, "0 0 1 0"),
    ("one of four, padded", f"{FORWARD}\ny = y\ndW2 = (p − y) hᵀ", "0 0 1 0"),
    ("adjoints alone", "δ2 = p − y\nδ1 = W2ᵀ δ2 ⊙ (1 − h²)", "2/3 2/3 1/2 1/2"),
    ("one adjoint", "δ2 = p − y", "1/3 1/3 1/2 1/2"),
    ("of what nobody derives", "dW1 = δ1 xᵀ\ndb2 = δ2", "1/3 0 0 1/2"),
    ("a slip at the start", RIGHT.replace("p − y", "y − p"), "2/3 2/3 1/2 1/2"),
    ("a slip in the middle", RIGHT.replace("1 − h²", "1 − z1²"), "2/3 2/3 1 1"),
    ("a slip at the end", RIGHT.replace("δ2 hᵀ", "δ2 z1ᵀ"), "1 1 1/2 1"),
    ("a slip below", "dW2 = δ2 hᵀ\nδ2 = y − p", "0 0 1/2 0"),
    ("a slip in a forward value", f"h = σ(z1)\n{FINAL}", "1/2 1/2 1/2 1"),
    ("of another shape", RIGHT.replace("δ1 = W2ᵀ", "δ1 = W2"), "2/3 2/3 1 1"),
    ("the chain rule alone", "dz2 = (dp/dz2)ᵀ dL/dp\ndL/dp = −y/p\ndb2 = dz2", "0 0 0 1/3"),
    (
        "the chain rule, derived",
        "dz2 = (dp/dz2)ᵀ dL/dp\ndL/dp = −y/p\ndp/dz2 = diag(p) − p pᵀ\ndb2 = dz2",
        "1/3 1/3 1/2 1",
    ),
    (
        "a slip in a piece of it",
        "dz2 = (dp/dz2)ᵀ dL/dp\ndL/dp = −y/p\ndp/dz2 = diag(p) + p pᵀ\ndb2 = dz2",
        "1/3 1/3 1/2 3/4",
    ),
    ("a piece by another name", "a = 1 dp/dz2\ndb2 = aᵀ (−y/p)", "0 0 0 0"),
    ("put right", "dW2 = (y − p) hᵀ\ndW2 = (p − y) hᵀ", "0 0 1/2 0"),
    ("put right in one line", "dW2 = (y − p) hᵀ = (p − y) hᵀ", "0 0 1/2 0"),
    ("spoilt", "dW2 = (p − y) hᵀ\ndW2 = (y − p) hᵀ", "0 0 0 0"),
    ("a wrong one, padded", "db2 = y − p\n= −p + y\n= (y − p)", "0 0 0 0"),
    ("transposes", "(dW2)ᵀ = h (p − y)ᵀ", "0 0 1 0"),
    ("entries", "dW2[k, j] = (p[k] − y[k]) h[j]", "0 0 1 0"),
    ("one entry", "dW2[0, 0] = (p[0] − y[0]) h[0]", "0 0 0 0"),
    ("not readable", "dW2 = (p − y hᵀ\ndb2 = p − y", "0 0 0 1"),
    ("nothing", "", "0 0 0 0"),
]


@pytest.fixture(autouse=True)
def undiagnosed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a mistake is called earns nothing, and takes time to find."""
    monkeypatch.setattr("symgrad.verification.judge.diagnose", lambda *_, **__: Diagnosis())


@pytest.mark.parametrize(("work", "due"), [x[1:] for x in CASES], ids=[x[0] for x in CASES])
def test_what_is_earned(work: str, due: str) -> None:
    steps = sg.verify_steps(work, TRUTH, WANTED)
    assert " ".join(str(x.earned) for x in steps.credits) == due, [
        (x.name, x.why, str(x.earned)) for x in steps.credits
    ] + [(x.text, x.status) for x in steps]
    assert steps.score == sum(map(Fraction, due.split())) / 4
    assert (steps.status == "right") <= (steps.score == 1)


def test_where_nothing_is_asked_for_every_gradient_counts_once() -> None:
    assert sg.verify_steps(
        f"{FORWARD}\nδ2 = p − y\nδ2 = p − y\ndW2 = δ2 z1ᵀ", TRUTH
    ).score == Fraction(1, 2)
    assert sg.verify_steps("h = σ(z1)\ndW2 = (p − y) hᵀ", TRUTH).score == Fraction(1, 2)


def test_why_it_is_earned() -> None:
    steps = sg.verify_steps("δ2 = y − p\ndW2 = δ2 hᵀ\ndb1 = δ1", TRUTH, WANTED)
    assert [(x.name, x.why, x.line) for x in steps.credits] == [
        ("∂L/∂W1", "missing", None),
        ("∂L/∂b1", "true, but not derived: δ1 is missing", 3),
        ("∂L/∂W2", "right as a step, follows from line 1", 2),
        ("∂L/∂b2", "missing", None),
    ]
