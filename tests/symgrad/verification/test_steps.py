"""`sg.verify_steps`: the first wrong line, and which of the others follow from it."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from two_layer_text import TWO_LAYERS

import symgrad as sg
from symgrad.errors import ParseError, UnsupportedError
from symgrad.verification.diagnose import Diagnosis
from symgrad.verification.steps import STATUSES

M = sg.parse(TWO_LAYERS)


def statuses(work: Any, *arguments: Any, **options: Any) -> list[str]:
    found = sg.verify_steps(work, M, *arguments, **options)
    assert set(x.status for x in found) <= set(STATUSES)
    return [x.status for x in found]


CASES = [
    ("everything right", "δ2 = p − y\n∂L/∂W2 = δ2 hᵀ\nδ1 = W2ᵀ δ2 ⊙ (1 − h²)\n∂L/∂W1 = δ1 xᵀ",
     ["right"] * 4),
    ("one slip, carried on", "δ2 = y − p\n∂L/∂W2 = δ2 hᵀ\nδ1 = W2ᵀ δ2 ⊙ (1 − h²)\n∂L/∂W1 = δ1 xᵀ",
     ["wrong", "follows", "follows", "follows"]),
    ("a slip in the middle", "δ2 = p − y\nδ1 = W2ᵀ δ2\n∂L/∂W1 = δ1 xᵀ\n∂L/∂W2 = δ2 hᵀ",
     ["right", "wrong", "follows", "right"]),
    ("two mistakes", "δ2 = y − p\n∂L/∂W2 = 2 δ2 hᵀ", ["wrong", "wrong again"]),
    ("a mistake that undoes one", "δ2 = y − p\n∂L/∂W2 = −δ2 hᵀ", ["wrong", "right"]),
    ("a chain that goes on from a wrong line", "δ1 = W2ᵀ δ2 ⊙ (1 − h)\n = W2ᵀ δ2 − W2ᵀ δ2 ⊙ h",
     ["wrong", "follows"]),
    ("a chain with a new mistake", "δ1 = W2ᵀ δ2 ⊙ (1 − h)\n = W2ᵀ δ2 + W2ᵀ δ2 ⊙ h",
     ["wrong", "wrong again"]),
    ("a chain that comes right", "δ2 = y − p\n = p − y", ["wrong", "right"]),
    ("a chain that goes wrong", "δ2 = p − y\n = y − p", ["right", "wrong"]),
    ("names of one's own", "a = 1 − h²\nδ1 = W2ᵀ (p − y) ⊙ a", ["named", "right"]),
    ("names made of a wrong value", "δ2 = y − p\na = W2ᵀ δ2\nδ1 = a ⊙ (1 − h²)",
     ["wrong", "named", "follows"]),
    ("names before a wrong value", "a = 1 − h²\nδ2 = y − p\nδ1 = W2ᵀ δ2 ⊙ a",
     ["named", "wrong", "follows"]),
    ("another spelling of what is wrong", "δ2 = y − p\n∂L/∂W2 = ∂L/∂z2 hᵀ",
     ["wrong", "follows"]),
    ("a forward value", "h = σ(z1)\n∂L/∂W2 = δ2 hᵀ", ["wrong", "follows"]),
    ("an unreadable line", "δ2 = p −\n\n∂L/∂W2 = δ2 hᵀ )", ["unreadable", "unreadable"]),
    ("an unreadable line between", "δ2 = p − y\n∂L/∂W2 = δ2 q'\n∂L/∂b2 = δ2",
     ["right", "unreadable", "right"]),
    ("a bracket that is never closed", "∂L/∂W2 = (p − y hᵀ\n∂L/∂b2 = p − y",
     ["unreadable", "right"]),
    ("a bracket over two lines", "∂L/∂W2 = (p\n  − y) hᵀ\n∂L/∂b2 = p − y", ["right", "right"]),
    ("a row of LaTeX that goes on behind a quad",
     "\\begin{align*} \\delta_2 &= p \\\\ &\\quad - y \\\\ &\\qquad \\text{why} \\end{align*}",
     ["right"]),
    ("a row that goes on behind a remark",
     "\\begin{align*} \\delta_2 &= p && \\text{why} \\\\ & - y && \\text{(so)} \\end{align*}",
     ["right"]),
    ("a row that goes on behind a remark behind a quad",
     "\\begin{align*} \\delta_2 &= p \\quad \\text{(why)} \\\\ & {} - y \\end{align*}", ["right"]),
    ("an equation in a box", "\\[\\boxed{\\delta_2 = p - y}\\]", ["right"]),
    ("what holds under a condition",
     "\\begin{align*} \\frac{\\partial p_j}{\\partial z_{2,k}} &= p_j (1 - p_j), \\quad j = k \\\\"
     " \\frac{\\partial p_j}{\\partial z_{2,k}} &= -p_j p_k \\quad \\text{if } j \\ne k \\\\"
     " \\frac{\\partial L}{\\partial z_{2,k}} &= p_k - y_k \\quad (k \\ne 3) \\end{align*}",
     ["unreadable", "unreadable", "right"]),
    ("a range that says nothing new",
     "$\\delta_{2,k} = y_k - p_k \\quad \\text{for } k = 1, 2$", ["wrong"]),
    ("words before an equation", "Let z1 = W1 x + b1\nThen by the chain rule ∂L/∂b2 = δ2 = p − y",
     ["right"] * 3),
    ("words", "We use softmax:\nδ2 = p − y\nand are done", ["right"]),
    ("shapes that do not fit", "δ2 = p − y\n∂L/∂W2 = δ2 h\n∂L/∂b2 = δ2",
     ["right", "wrong", "right"]),
    ("nothing", "", []),
    ("made of what nobody derives", "δ1 = W2ᵀ δ2 ⊙ (1 − h²)\n∂L/∂W1 = δ1 xᵀ", ["not derived"] * 2),
    ("derived below", "∂L/∂W1 = δ1 xᵀ\nδ1 = W2ᵀ δ2 ⊙ (1 − h²)\nδ2 = p − y", ["right"] * 3),
    ("derived wrongly below", "∂L/∂W2 = δ2 hᵀ\nδ2 = y − p", ["follows", "wrong"]),
    ("derived wrongly below, and carried on", "∂L/∂W1 = δ1 xᵀ\nδ1 = W2ᵀ δ2 ⊙ (1 − h²)\nδ2 = y − p",
     ["follows", "follows", "wrong"]),
    ("the chain rule first", "∂L/∂W2 = δ2 hᵀ = (p − y) hᵀ", ["right"] * 2),
    ("derived in another line", "∂L/∂W2 = δ2 hᵀ\n∂L/∂W2 = (p − y) hᵀ", ["right"] * 2),
    ("a circle of two", "dL/dz2 = dL/db2\ndL/db2 = dL/dz2", ["circular"] * 2),
    ("a circle of three", "dL/db1 = dL/dz1\na = dL/db1\ndL/dz1 = 1 a\ndL/dW1 = a x'",
     ["circular", "named", "circular", "circular"]),
    ("a circle of one", "dL/db2 = 2 dL/db2 − (p − y)", ["circular"]),
    ("a circle with a way out", "dL/dz2 = dL/db2\ndL/db2 = dL/dz2\ndL/dz2 = p − y", ["right"] * 3),
    ("a name of one's own for what nobody derives", "a = 1 δ2\n∂L/∂W2 = a hᵀ",
     ["named", "not derived"]),
    ("a slip on what nobody derives", "δ1 = W2ᵀ δ2\n∂L/∂W1 = δ1 xᵀ", ["wrong", "follows"]),
    ("a transpose is as good", "(δ2)ᵀ = (p − y)ᵀ\n∂L/∂W2 = δ2 hᵀ", ["right"] * 2),
    ("of another shape", "δ2 = p − y\nδ1 = W2ᵀ δ2 xᵀ\n∂L/∂b1 = δ1\n∂L/∂W1 = δ1 x'",
     ["right", "wrong", "follows", "follows"]),
    ("of no shape", "δ1 = W2 δ2\n∂L/∂b1 = δ1\nδ1 = W2ᵀ (p − y) ⊙ (1 − h²)\n∂L/∂W1 = δ1 x'",
     ["wrong", "follows", "right", "right"]),
    ("an own piece", "∂p/∂z2 = ∂p/∂z2", ["named"]),
    ("what is declared", "x = 2 x\nD = 3\nδ2 = p − y", ["left out", "left out", "right"]),
]  # fmt: skip


@pytest.mark.parametrize(("work", "expected"), [x[1:] for x in CASES], ids=[x[0] for x in CASES])
def test_status_of_each_line(
    work: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("symgrad.verification.judge.diagnose", lambda *_, **__: Diagnosis())
    assert statuses(work) == expected
    assert statuses(work.split("\n")) == expected


def test_the_first_wrong_line_and_the_score() -> None:
    steps = sg.verify_steps("δ2 = p − y\nδ1 = W2ᵀ δ2\n∂L/∂W1 = δ1 xᵀ", M)
    first = steps.first_wrong
    assert first is not None
    assert first is steps[1]
    assert first.number == 2
    assert first.verdict is not None
    assert first.verdict.mistake == "missing_derivative"
    assert steps[2].follows == 2
    assert steps[2].verdict is not None
    assert steps[2].verdict.status == "wrong"
    assert steps.score == Fraction(2, 3)
    assert steps.status == "wrong"
    assert not steps
    assert len(steps[:2]) == 2
    assert steps.verdicts == tuple(steps)


def test_the_origin_of_what_follows_is_the_first_mistake() -> None:
    steps = sg.verify_steps("δ2 = y − p\nδ1 = W2ᵀ δ2 ⊙ (1 − h²)\n∂L/∂b1 = δ1\n= W2ᵀ δ2 ⊙ (1−h²)", M)
    assert [x.follows for x in steps] == [None, 1, 1, 1]
    assert [x.above for x in steps] == [None, None, None, True]


def test_a_second_mistake_is_diagnosed_without_the_first() -> None:
    steps = sg.verify_steps("δ2 = y − p\n∂L/∂b2 = 2 δ2", M)
    assert steps[1].verdict is not None
    assert steps[1].verdict.mistake == "factor"
    assert "Line 2: this is wrong again." in str(steps)


def test_a_line_is_compared_with_the_one_above() -> None:
    steps = sg.verify_steps("δ2 = y − p\n = p − y\n = −(y − p)", M)
    assert [x.above for x in steps] == [None, False, True]
    assert "right, but not equal to the line above" in str(steps)


def test_what_is_missing() -> None:
    steps = sg.verify_steps("δ2 = p − y\n∂L/∂W2 = δ2 hᵀ", M, [M.W2, M.b2])
    assert steps.missing == ("∂L/∂b2",)
    assert steps.status == "incomplete"
    assert "No line says what ∂L/∂b2 is." in str(steps)
    steps = sg.verify_steps("δ2 = p − y", M, [M.W2, M.b2, M.W1])
    assert "No line says what ∂L/∂W2, ∂L/∂b2 and ∂L/∂W1 are." in str(steps)
    assert sg.verify_steps("∂L/∂W2 = (p − y) hᵀ", M, "W2").missing == ()


def test_work_without_a_left_side_is_about_what_was_asked_for() -> None:
    assert statuses("(p − y) hᵀ\n= (−y + p) hᵀ", M.W2) == ["right", "right"]
    work = "tanh'(z1) = 1 − h²\nδ1 = W2ᵀ (p − y) ⊙ tanh'(z1)\n∂L/∂b1 = δ1"
    assert statuses(work, M.b1) == ["right", "right", "right"]
    assert (
        statuses(work.replace("∂L/∂b1", "∂L/∂b1[k]").replace("= δ1", "= δ1[k]"), M.b1)[0] == "right"
    )


LATEX = r"""
\documentclass{article}
\begin{document}
The error is
\begin{align*}
  \delta_2 &= \frac{\partial L}{\partial z_2} = p - y \\
  \delta_1 &= W_2^\top \delta_2 \odot (1 - h) \\
           &= W_2^\top \delta_2 - W_2^\top \delta_2 \odot h
\end{align*}
and so $\frac{\partial L}{\partial W_1} = \delta_1 x^\top$, where $D$ is the size of $x$.
\end{document}
"""


def test_a_latex_document() -> None:
    steps = sg.verify_steps(LATEX, M)
    assert [x.status for x in steps] == ["named", "right", "wrong", "follows", "follows"]
    assert [x.number for x in steps] == [6, 6, 7, 8, 10]
    assert steps.first_wrong is steps[2]


def test_latex_is_shown_as_it_was_read() -> None:
    lines = str(sg.verify_steps(LATEX, M)).split("\n")
    assert lines[:5] == [
        " 6  δ2 = ∂L/∂z2              names a value",
        " 6  = p − y                  right",
        " 7  δ1 = (W2ᵀ·δ2) ⊙ (1 − h)  wrong",
        " 8  = W2ᵀ·δ2 − (W2ᵀ·δ2) ⊙ h  follows from line 7",
        "10  ∂L/∂W1 = δ1·xᵀ           follows from line 7",
    ]
    carried = str(sg.verify_steps(r"$\delta_2 = y - p$ and $\nabla_{W_2} L = \delta_2 h^T$", M))
    assert "∂L/∂W2 = δ2·hᵀ" in carried.replace("∇_W2", "∂L/∂W2")


def test_transposes_are_told_of_once() -> None:
    text = str(sg.verify_steps("∂L/∂b2 = (p − y)ᵀ\n∂L/∂W2 = h (p − y)ᵀ\nδ2 = (p − y)ᵀ", M))
    assert text.count("numerator layout (Jacobian layout)") == 1
    assert "Lines 2 and 3 are wrong in the same way: right, but for the transpose." in text


def test_the_table() -> None:
    text = str(sg.verify_steps("δ2 = p − y\nδ1 = W2ᵀ δ2\n∂L/∂W1 = δ1 xᵀ", M))
    lines = text.split("\n")
    assert lines[:5] == [
        "1  δ2 = p − y      right",
        "2  δ1 = W2ᵀ δ2     wrong",
        "3  ∂L/∂W1 = δ1 xᵀ  follows from line 2",
        "",
        "Line 2 is the first that is wrong.",
    ]
    assert "tanh" in lines[5]
    assert lines[6].startswith("  For example, at ")
    assert lines[7].startswith("  Right is δ1 = ")
    assert text.endswith(
        "The line that follows from a wrong one is right as a step; the mistake is counted once."
    )
    assert str(sg.verify_steps("δ2 = p − y", M)).endswith("Every line is right.")
    assert str(sg.verify_steps("", M)) == "There is no equation in this text."


def test_json() -> None:
    steps = sg.verify_steps("δ2 = y − p\n∂L/∂W2 = δ2 hᵀ\nq = (", M, "b2")
    fields = json.loads(json.dumps(steps.as_dict()))
    assert fields["status"] == "wrong"
    assert fields["first_wrong"] == 1
    assert fields["score"] == "0"
    assert [(x["name"], x["why"]) for x in fields["credits"]] == [("∂L/∂b2", "missing")]
    assert fields["missing"] == ["∂L/∂b2"]
    assert [x["status"] for x in fields["lines"]] == ["wrong", "follows", "unreadable"]


def test_numerator_layout_all_through() -> None:
    work = "∂L/∂z2 = (p − y)ᵀ\n∂L/∂W2 = h (p − y)ᵀ"
    assert statuses(work, layout="numerator") == ["right", "right"]
    assert statuses(work) == ["wrong", "wrong again"]


def test_limits_and_errors() -> None:
    with pytest.raises(ParseError, match="more than 400 equations"):
        sg.verify_steps("δ2 = p − y\n" * 500, M)
    with pytest.raises(UnsupportedError, match="expected lines of text"):
        sg.verify_steps([M.p], M)  # type: ignore[list-item]
    with pytest.raises(UnsupportedError, match="layout"):
        sg.verify_steps("δ2 = p − y", M, layout="sideways")
    with pytest.raises(ParseError, match="invisible"):
        sg.verify_steps("δ2 = p\u202e − y", M)


def test_names_alone_say_nothing() -> None:
    steps = sg.verify_steps("dL/dW1 = dL/dW1\ndL/dW2 = dL/dW2", M, [M.W1, M.W2])
    assert steps.status == "incomplete"
    assert steps.missing == ("∂L/∂W1", "∂L/∂W2")
    assert steps.score == 0
    assert "Every line is right" not in str(steps)
    assert sg.verify_steps("dL/dW1 = dL/dW1", M).status == "undecided"


def test_what_is_not_derived_is_named() -> None:
    steps = sg.verify_steps("∂L/∂W1 = δ1 xᵀ\n∂L/∂b1 = δ1", M, [M.W1, M.b1])
    assert [x.lacking for x in steps] == [("δ1",), ("δ1",)]
    assert (steps.status, steps.missing) == ("incomplete", ())
    assert not steps
    text = str(steps)
    assert "1  ∂L/∂W1 = δ1 xᵀ  true, but δ1 is not derived" in text
    assert text.count("No line derives δ1.") == 1
    assert "Every line is right" not in text
    circle = str(sg.verify_steps("dL/dz2 = dL/db2\ndL/db2 = dL/dz2", M))
    assert circle.count("go in a circle") == 1


def test_what_is_left_out_is_said() -> None:
    text = str(sg.verify_steps("x = 2 x\nD = 3\nδ2 = p − y", M))
    assert "Lines 1 and 2 are left out: x and D are given by the model and keep" in text
    assert text.endswith("Every other line is right.")


NEURON = sg.parse("x, t: scalar\nw, b: scalar\nz = w x + b\no = sigmoid(z)\nL = 1/2 (o - t)^2")
SQUARES = sg.parse(
    "X: matrix(N, D)\ny: vector(N)\nw: vector(D)\nlam: scalar\nL = 1/N ‖X w - y‖² + lam/2 ‖w‖²"
)


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        ("(b) do/dz = o(1-o)\n(c) therefore dL/dz = (o-t) o (1-o)", ["right"] * 2),
        ("(b) do/dz = o(1+o)", ["wrong"]),
        ("(a) L = 1/2 (o-t)^2, so dL/do = o - t.", ["right"] * 2),
        ("(a) L = 1/2 (o-t)^2, so dL/do = t - o.", ["right", "wrong"]),
        ("a) dL/do = o - t\niii. dL/dz = (o-t) o (1-o)\ni. dL/db = (o-t) o (1-o)", ["right"] * 3),
        ("(a) dL/do = o - t. (b) dL/dz = (o-t) o (1-o)", ["right"] * 2),
        ("Let e = o - t. Let s = o(1-o). dL/dw = e s x. dL/db = e s",
         ["named", "named", "right", "right"]),
        ("dL/do = o - t; which gives dL/db = (o-t) o (1-o)", ["right"] * 2),
        ("dL/do = o - t => dL/db = (o-t) o (1-o)", ["right"] * 2),
        ("dL/do = o - t => dL/db = (t-o) o (1-o)", ["right", "wrong"]),
        ("dL/dw = (o-t) o (1-o) x = ?? = x (o-t) o (1-o)", ["right", "right", "unreadable"]),
        ("dL/dw = (o-t) o (1-o) = ??", ["wrong", "unreadable"]),
        ("dL/dw = ?? = ??", ["unreadable"]),
        # the mistake is where a name is defined
        ("e = o - t\ns = o(1+o)\ndL/dw = e s x\ndL/db = e s",
         ["named", "wrong", "follows", "follows"]),
        ("e = t - o\ns = o(1-o)\ndL/dw = e s\ndL/db = e s x",
         ["named", "named", "wrong", "wrong again"]),
        ("e = o - t\ns = o(1-o)\ndL/dw = e s\ndL/db = e s", ["named", "named", "wrong", "right"]),
        ("e = o - t\ns = o(1+o)\ndL/dw = e s x\ndL/db = 2 e s",
         ["named", "wrong", "follows", "wrong again"]),
        ("e = o - t\ns = o(1+o)\ndL/dw = e s x\ns = o(1-o)\ndL/db = e s",
         ["named", "wrong", "follows", "named", "right"]),
    ],
)  # fmt: skip
def test_as_students_write(work: str, expected: list[str]) -> None:
    assert [x.status for x in sg.verify_steps(work, NEURON)] == expected, work


def test_a_wrong_definition_is_corrected_where_it_stands() -> None:
    found = sg.verify_steps("e = o - t\ns = o(1+o)\ndL/dw = e s x", NEURON)
    assert found.first_wrong is not None and found.first_wrong.number == 2
    assert found.first_wrong.verdict is not None
    assert found.first_wrong.verdict.corrected == "o·(1 − o)"
    assert found[2].follows == 2 and found.score == Fraction(1, 2)
    wanted = sg.verify_steps("e = o - t\ns = o(1+o)\ndL/dw = e s x", NEURON, "w")
    assert wanted.score == Fraction(1, 2)
    assert not sg.verify("e = o - t\ns = o(1+o)\ndL/dw = e s x", NEURON)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("\n= 0 => w = (X'X + N lam/2 I)^-1 X'y", ["right", "right", "left out"]),
        ("\n= 0", ["right", "right", "unreadable"]),
        ("\n= 0 => dL/dlam = 1/2 w'w", ["right", "right", "unreadable", "right"]),
    ],
)
def test_a_gradient_set_to_zero(end: str, expected: list[str]) -> None:
    work = f"dL/dw = 1/N (2 X'X w - 2 X'y) + lam w\n= 2/N X'(X w - y) + lam w{end}"
    assert [x.status for x in sg.verify_steps(work, SQUARES)] == expected
