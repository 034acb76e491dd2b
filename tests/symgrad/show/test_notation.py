"""How adjoints are written, and which of them have a line of their own."""

from __future__ import annotations

from typing import Any

import pytest
from lectures import backward
from sympy import MatrixSymbol, symbols

import symgrad as sg
from symgrad.show.latex_names import line_name
from symgrad.show.notation import indexed, is_adjoint, over, width

D, H, C = symbols("D H C", integer=True, positive=True)
x, t = MatrixSymbol("x", D, 1), MatrixSymbol("t", C, 1)
W1, b1 = MatrixSymbol("W1", H, D), MatrixSymbol("b1", H, 1)
W2, b2 = MatrixSymbol("W2", C, H), MatrixSymbol("b2", C, 1)
z = sg.let("z", W1 * x + b1)
h = sg.let("h", sg.sigmoid(z))
y = sg.let("y", W2 * h + b2)
L = sg.let("L", sg.squared_error(y, t))

LINES: dict[str, list[str]] = {
    "delta": [
        "δ_y = ∂L/∂y = y − t", "∂L/∂W2 = δ_y·hᵀ", "δ_h = ∂L/∂h = W2ᵀ·δ_y",
        "δ_z = ∂L/∂z = δ_h ⊙ h ⊙ (1 − h)", "∂L/∂W1 = δ_z·xᵀ", "∂L/∂b1 = δ_z",
    ],
    "bar": [
        "ȳ = y − t", "W̄2 = ȳ·hᵀ", "h̄ = W2ᵀ·ȳ", "z̄ = h̄ ⊙ h ⊙ (1 − h)", "W̄1 = z̄·xᵀ", "b̄1 = z̄",
    ],
    "partial": [
        "∂L/∂y = y − t", "∂L/∂W2 = ∂L/∂y·hᵀ", "∂L/∂h = W2ᵀ·∂L/∂y",
        "∂L/∂z = ∂L/∂h ⊙ h ⊙ (1 − h)", "∂L/∂W1 = ∂L/∂z·xᵀ", "∂L/∂b1 = ∂L/∂z",
    ],
    "nabla": [
        "∇_y L = y − t", "∇_W2 L = (∇_y L)·hᵀ", "∇_h L = W2ᵀ·∇_y L",
        "∇_z L = ∇_h L ⊙ h ⊙ (1 − h)", "∇_W1 L = (∇_z L)·xᵀ", "∇_b1 L = ∇_z L",
    ],
}  # fmt: skip


@pytest.mark.parametrize("notation", LINES)
def test_notation(notation: str) -> None:
    d = sg.gradient(L, [y, W2, h, z, W1, b1])
    assert backward(d, notation=notation) == LINES[notation]


def test_index_form_in_bars() -> None:
    d = sg.gradient(L, [y, h, W1])
    lines = ["ȳ[k] = y[k] − t[k]", "h̄[j] = Σ_k ȳ[k]·W2[k, j]"]
    assert backward(d, "index", "bar")[:2] == lines


def test_entries_of_a_gradient_by_a_value_without_a_name() -> None:
    """The index stands behind the value, which may be a formula with spaces in it."""
    assert indexed("∇_z L", "k") == "∇_z[k] L"
    assert indexed("∇_tanh(W·x + b) L", "k") == "∇_tanh(W·x + b)[k] L"


def test_what_is_shown_is_what_is_returned() -> None:
    """d[z] is the right-hand side of z's line, and its closed form has no names."""
    d = sg.gradient(L, [y, h, z])
    assert sg.formula(d[h]) == "W2ᵀ·δ_y"
    assert sg.formula(d[z]) == "δ_h ⊙ h ⊙ (1 − h)"
    assert "δ" not in sg.formula(d.closed_form(z))


def test_a_value_that_is_not_asked_for_has_no_line() -> None:
    d = sg.gradient(L, [W1])
    assert [s.names[0] for s in d.steps if s.phase == "backward"] == ["∂L/∂W1"]


def test_a_value_that_a_recognised_primitive_bypasses() -> None:
    """∂L/∂p is −y/p, while the derivatives by the scores never pass p."""
    s, target = MatrixSymbol("s", C, 1), MatrixSymbol("y", C, 1)
    p = sg.let("p", sg.softmax(s))
    d = sg.gradient(sg.let("L", sg.cross_entropy(p, target)), [p, s])
    assert backward(d) == ["∂L/∂p = −y/p", "∂L/∂s = sum(y)·p − y"]


def test_a_value_that_is_partly_bypassed() -> None:
    """log p + p: of the sweep's two shares only one passes p, and ∂L/∂p is both."""
    s = MatrixSymbol("s", C, 1)
    p = sg.let("p", sg.softmax(s))
    d = sg.gradient(sg.let("L", sg.sum(sg.log(p)) + sg.dot(p, p)), [p])
    assert backward(d) == ["∂L/∂p = 2·p + 1/p"]


def test_names() -> None:
    assert [over(x) for x in ("y", "W12", "net", "ŷ", "δ2")] == [
        "ȳ", "W̄12", "n̅e̅t̅", "ŷ\u0304", "δ̄2",
    ]  # fmt: skip
    assert all(map(is_adjoint, ("δ_z", "z̄", "ȳ", "∂L/∂z", "∇_z L", "n̅e̅t̅")))
    assert not any(map(is_adjoint, ("z", "ŷ", "net", "x̂")))
    assert [width(x) for x in ("z̄", "ȳ = y", "n̅e̅t̅")] == [1, 5, 3]


def test_columns_stand_below_each_other() -> None:
    text = sg.gradient(L, [y, W2, W1]).text(notation="bar").splitlines()
    columns = {width(line[: line.rindex(" C")]) for line in text if line.endswith(" C")}
    assert len(columns) == 1


@pytest.mark.parametrize("notation", ["gradient", "", None])
def test_an_unknown_notation(notation: Any) -> None:
    with pytest.raises(sg.UnsupportedError, match='one of "delta", "bar", "partial", "nabla"'):
        sg.gradient(L, W1).text(notation=notation)


SECOND: dict[str, list[str]] = {
    "bar": [
        "w̄ = 2·‖w‖²·w", "∂²L/∂w∂wᵀ = 2·‖w‖²·I + 4·w·wᵀ",
    ],
    "partial": [
        "∂L/∂w = 2·‖w‖²·w", "∂²L/∂w∂wᵀ = 2·‖w‖²·I + 4·w·wᵀ",
    ],
    "nabla": [
        "∇_w L = 2·‖w‖²·w", "∇²_w L = 2·‖w‖²·I + 4·w·wᵀ",
    ],
}  # fmt: skip


@pytest.mark.parametrize("notation", SECOND)
def test_second_derivatives(notation: str) -> None:
    """A bar is over gradients only; ∇² is the Hessian."""
    w = MatrixSymbol("w", D, 1)
    d = sg.hessian(sg.let("L", sg.dot(w, w) ** 2 / 2), w)
    assert backward(d, notation=notation) == SECOND[notation]


def test_mixed_second_derivatives() -> None:
    """A block by two symbols names both; a shared one stands in parentheses in a product."""
    d = sg.hessian(L, [b1, b2])
    lines = backward(d, notation="nabla")
    assert "∇²_b1,y L = diag(h ⊙ (1 − h))·W2ᵀ" in lines
    assert "∇²_b2,b1 L = (∇²_b1,y L)ᵀ" in lines
    assert any("(∇²_b1,y L)·W2" in line for line in lines)
    assert [line for line in lines if "δ" in line or "H_" in line] == []


def test_jacobians_are_no_gradients() -> None:
    """Their names are the same in every notation."""
    d = sg.jacobian(h, b1)
    line = "∂h/∂b1ᵀ = diag(h ⊙ (1 − h))"
    for notation in ("delta", "bar", "partial", "nabla"):
        assert backward(d, notation=notation) == [line]


def test_every_message() -> None:
    """With ``messages`` each named value on the way has its line, and d.wrt is what was asked."""
    d = sg.gradient(L, [W1], messages=True)
    assert d.wrt == (W1,)
    assert backward(d, notation="nabla") == [
        "∇_y L = y − t", "∇_h L = W2ᵀ·∇_y L", "∇_z L = ∇_h L ⊙ h ⊙ (1 − h)",
        "∇_W1 L = (∇_z L)·xᵀ",
    ]  # fmt: skip
    assert d[W1] == sg.gradient(L, [y, h, z, W1])[W1]


def test_a_bypassed_value_sends_no_message() -> None:
    """p of softmax and cross-entropy; a value beside the way has none either."""
    scores, target = MatrixSymbol("s", C, 1), sg.simplex("y", C)
    beside = sg.let("q", sg.dot(target, target))
    p = sg.let("p", sg.softmax(sg.let("z", 2 * scores)))
    d = sg.gradient(sg.let("L", sg.cross_entropy(p, target) + beside), [scores], messages=True)
    assert backward(d, notation="partial") == ["∂L/∂z = p − y", "∂L/∂s = 2·∂L/∂z"]


def test_messages_of_rows() -> None:
    """A row's message is a row."""
    r, Q = MatrixSymbol("r", 1, D), MatrixSymbol("Q", D, C)
    row = sg.let("row", r * Q)
    d = sg.gradient(sg.let("L", sg.sum(sg.tanh(row))), [Q], messages=True)
    assert [s.shape for s in d.steps if s.names[-1] == "∂L/∂row"] == [(1, C)]


def test_results_in_values() -> None:
    d = sg.gradient(L, [W1, W2])
    assert sg.formula(d[W2]) == "δ_y·hᵀ"
    assert sg.formula(d.in_values(W2)) == "(y − t)·hᵀ"
    assert sg.formula(d.in_values(W1)) == "((W2ᵀ·(y − t)) ⊙ h ⊙ (1 − h))·xᵀ"


def test_levels_of_detail() -> None:
    d = sg.gradient(L, [W2])
    headings = {level: [s.heading for s in d.sheet(level=level).sections]
                for level in ("brief", "normal", "full")}  # fmt: skip
    assert headings == {
        "brief": ["result"],
        "normal": ["forward", "backward"],
        "full": ["forward", "backward", "result", "in leaves only"],
    }
    (line,) = d.sheet(level="full", notation="bar").sections[-1].steps
    assert line.text == "W̄2 = (W2·σ(W1·x + b1) + b2 − t)·σ(W1·x + b1)ᵀ"
    assert line.shape == (C, H)


def test_a_closed_form_that_nobody_would_read() -> None:
    """Has a sentence that says how to get it."""
    v = x
    A = MatrixSymbol("A", D, D)
    for k in range(12):
        v = sg.let(f"h{k}", sg.tanh(A * v))
    d = sg.gradient(sg.let("L", sg.sum(v)), [A])
    shown = d.sheet(level="full")
    assert [s.heading for s in shown.sections] == ["forward", "backward"]
    assert any("Derivation.closed_form(symbol)" in sentence for sentence in shown.footer)


IN_LATEX = {
    "∇_z2 L": r"\nabla_{z_{2}} L",
    "∇_z2[k] L": r"\nabla_{z_{2, k}} L",
    "∇_W[k, j] L": r"\nabla_{W_{k j}} L",
    "(∇_z L)ᵀ": r"(\nabla_{z} L)^\top",
    "∇²_x L": r"\nabla^2_{x} L",
    "∇²_a,b L": r"\nabla^2_{a, b} L",
    "z̄2ᵀ": r"\bar{z}_{2}^\top",
    "∂L/∂z2ᵀ": r"\frac{\partial L}{\partial z_{2}^\top}",
    "∂hᵀ/∂x": r"\frac{\partial h^\top}{\partial x}",
    "(∂f/∂W)[j, k, i]": r"\left( \frac{\partial f}{\partial W} \right)_{j k i}",
}
"""A left-hand side and its LaTeX."""


@pytest.mark.parametrize("name", IN_LATEX)
def test_left_hand_sides_in_latex(name: str) -> None:
    assert line_name(name) == IN_LATEX[name]


def test_entries_of_a_jacobian() -> None:
    """Its indices are those of both sides, and so are not written at one of them."""
    d = sg.jacobian(W1 * x, W1)
    assert backward(d) == ["(∂f/∂W1)[j, k, i] = x[i]·1[j = k]"]
