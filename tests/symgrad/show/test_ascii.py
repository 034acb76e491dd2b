"""Derivations in ASCII: every sign has a spelling, and columns stay columns."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from renderings import DERIVATIONS, GOLDEN, SHEETS

from symgrad.show.ascii import to_ascii

SPELLED = {
    "δ2 = ∂L/∂z2 = p − y": "delta2 = dL/dz2 = p - y",
    "(W2ᵀ·δ2) ⊙ (1 − h ⊙ h)": "(W2'*delta2) .* (1 - h .* h)",
    "Σ_k z̄[k]·W̄2[k, j]": "sum_k z_bar[k]*W_bar2[k, j]",
    "‖x‖²/2": "||x||^2/2",
    "1[z ≥ 0]": "1[z >= 0]",
    "ŷ = σ(z)": "y_hat = sigma(z)",
    "σ′ = σ(1 − σ)": "sigma' = sigma(1 - sigma)",
    "A⁻¹·B⁻ᵀ": "A^-1*B^-T",
    "∇_z L": "grad_z L",
    "∂²L/∂x∂xᵀ": "d^2L/dxdx'",
    "hₗ₋₁": "h[l-1]",
    "H×(T − 2)": "H x (T - 2)",
    "½, ∞, …": "1/2, oo, ...",
    "жук": "zheuka",
    "Ω*′": "Omega*'",
    "b̅a̅c̅k̅": "back_bar",
    "plain": "plain",
}  # fmt: skip
"""Unicode → ASCII."""


@pytest.mark.parametrize("text", SPELLED)
def test_spelled(text: str) -> None:
    assert to_ascii(text) == SPELLED[text]


@pytest.mark.parametrize("name", GOLDEN)
def test_ascii(name: str, golden: Callable[..., None]) -> None:
    derivation, style = GOLDEN[name]
    golden(DERIVATIONS[derivation]().text(**style, ascii=True) + "\n")


@pytest.mark.parametrize(("name", "level"), SHEETS)
def test_everything_has_a_spelling(name: str, level: str) -> None:
    derivation = DERIVATIONS[name]()
    text = derivation.text(level=level, ascii=True)
    assert text.isascii(), sorted({c for c in text if not c.isascii()})
    assert text.count("\n") == derivation.text(level=level).count("\n")


def test_shapes_stand_in_a_column() -> None:
    lines = DERIVATIONS["design"]().text(ascii=True).splitlines()
    (head,) = {line.index("shape") for line in lines if "shape" in line}
    for line in lines:
        if " = " in line:
            assert line[head - 2 : head] == "  ", line
            assert line[head] != " ", line
