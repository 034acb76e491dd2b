"""How adjoints are written, and which of them have a line of their own."""

from __future__ import annotations

from typing import Any

import pytest
from lectures import backward, real
from sympy import MatrixSymbol, symbols

import symgrad as sg
from symgrad.show.notation import is_adjoint, over, width

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
}  # fmt: skip


@pytest.mark.parametrize("notation", LINES)
def test_notation(notation: str) -> None:
    d = sg.gradient(L, [y, W2, h, z, W1, b1])
    assert backward(d, notation=notation) == LINES[notation]


def test_index_form_in_bars() -> None:
    d = sg.gradient(L, [y, h, W1])
    lines = ["ȳ[k] = y[k] − t[k]", "h̄[j] = Σ_k ȳ[k]·W2[k, j]"]
    assert backward(d, "index", "bar")[:2] == lines


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
    assert backward(d) == ["∂L/∂p = −y ⊙ 1/p", "∂L/∂s = sum(y)·p − y"]


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
    assert all(map(is_adjoint, ("δ_z", "z̄", "ȳ", "∂L/∂z", "n̅e̅t̅")))
    assert not any(map(is_adjoint, ("z", "ŷ", "net", "x̂")))
    assert [width(x) for x in ("z̄", "ȳ = y", "n̅e̅t̅")] == [1, 5, 3]


def test_columns_stand_below_each_other() -> None:
    text = sg.gradient(L, [y, W2, W1]).text(notation="bar").splitlines()
    columns = {width(line[: line.rindex(" C")]) for line in text if line.endswith(" C")}
    assert len(columns) == 1


@pytest.mark.parametrize("notation", ["gradient", "", None])
def test_an_unknown_notation(notation: Any) -> None:
    with pytest.raises(sg.UnsupportedError, match='one of "delta", "bar", "partial"'):
        sg.gradient(L, W1).text(notation=notation)


def test_notations_are_for_gradients() -> None:
    w = real("w")
    hessian = sg.hessian(sg.let("L", w**3), w)
    assert hessian.text(notation="delta") == str(hessian)
    with pytest.raises(sg.UnsupportedError, match="derivation of a hessian"):
        hessian.text(notation="bar")
