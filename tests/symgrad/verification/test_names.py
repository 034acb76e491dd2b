"""Left sides: every spelling of a gradient, and the true value that it stands for."""

from __future__ import annotations

import lecture_networks
import pytest
import sympy as sp
from two_layer_text import TWO_LAYERS

import symgrad as sg
from symgrad.errors import DerivativeError, ShapeError, UnsupportedError
from symgrad.language.names import canonical
from symgrad.lift import lift
from symgrad.verification.names import SPELLINGS, Truth


@pytest.fixture(scope="module")
def truth() -> Truth:
    return Truth(sg.parse(TWO_LAYERS))


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        *(
            (spelling, "∂L/∂W1")
            for spelling in (
                "∂L/∂W1", "dL/dW1", "dLdW1", "dL_dW1", "dW1", "d_W1", "∂W1", "grad_W1", "gradW1",
                "∇W1", "∇_W1", "∇_{W1}", "W1_bar", "W1bar", "W1_grad", "bar_W1", "W̄1", "W̄_1",
                "adj_W1", "dW_1", "dW₁", "g_W1", "dE_dW1",
            )
        ),
        *(
            (spelling, "∂L/∂z2")
            for spelling in ("δ2", "delta2", "delta_2", "δ_2", "δ₂", "δ_z2", "δz2", "z̄2", "dz2")
        ),
        ("δ1", "∂L/∂z1"),
        ("h_bar", "∂L/∂h"),
        ("dy", "∂L/∂y"),
        ("h", "h"),
        ("p", "p"),
        ("L", "L"),
    ],
)  # fmt: skip
def test_spellings(truth: Truth, spelling: str, name: str) -> None:
    target = truth.target(canonical(spelling))
    assert target is not None
    assert target.name == name


@pytest.mark.parametrize(
    "name", ["q", "dq", "δ3", "δ", "x", "W1", "D", "k", "dk", "W̄9", "dD", "d", "∇"]
)
def test_what_is_no_left_side(truth: Truth, name: str) -> None:
    assert truth.target(name) is None


def test_every_row_of_the_table_is_needed(truth: Truth) -> None:
    names = ["dL/dW1", "δ2", "W̄1", "∇_W1", "grad_W1", "W1_bar", "dW1"]
    for row, name in zip(SPELLINGS, names, strict=True):
        others = [x for x in SPELLINGS if x is not row]
        assert any(truth.value(x) is not None for x in row(name, truth)), name
        if name != "dL/dW1":
            assert not any(
                truth.value(x) is not None for other in others for x in other(name, truth)
            ), name


@pytest.mark.parametrize("name", list(lecture_networks.SYSTEMS))
def test_adjoints_have_the_names_and_the_numbers_of_the_derivation(name: str) -> None:
    system = lecture_networks.SYSTEMS[name]()
    truth = Truth(system.loss, system.wrt)
    steps = [s for s in truth.derivation.steps if s.phase == "backward"]
    for step in steps:
        found = {truth.target(x) for x in step.names}
        assert len(found) == 1
        assert None not in found


def test_values_are_those_of_the_derivation(truth: Truth) -> None:
    d = truth.derivation
    for k, symbol in enumerate(d.wrt):
        target = truth.gradient(symbol)
        assert target.node is d.roots[k]
        assert target.shape == tuple(d.shapes[k])
        assert target.key == (True, lift(symbol))
    assert truth.target("dW1") is truth.target("W1_bar")
    assert sg.formula(truth.written(truth.target("db2"))) == "p − y"


def test_a_declared_name_wins_over_a_spelling() -> None:
    m = sg.parse("W, dW: matrix(2, 2)\nL = sum(W .* dW)")
    truth = Truth(m)
    assert truth.target("dW") is None
    assert truth.target("∂L/∂dW") is not None


def test_delta_without_a_number_is_the_only_adjoint() -> None:
    truth = Truth(sg.parse("x, w: vector(D); t: scalar\nz = w' x\nL = (σ(z) - t)^2"))
    found = truth.target("δ")
    assert found is not None
    assert found.name == "∂L/∂z"


def test_a_value_that_is_bypassed_has_an_adjoint(truth: Truth) -> None:
    target = truth.target("dp")
    assert target is not None
    assert target.name == "∂L/∂p"


def test_constants_functions_and_dimensions_are_names() -> None:
    text = "dims D\nlam = 1/10\nf: function\nx: vector(D)\nL = lam sum(f(x)) / D"
    truth = Truth(sg.parse(text))
    assert {"lam", "f", "D", "x", "L"} <= set(truth.names)
    assert truth.names["lam"] == sp.Rational(1, 10)
    assert truth.target("dD") is None


def test_errors() -> None:
    m = sg.parse(TWO_LAYERS)
    with pytest.raises(DerivativeError, match="no value named q"):
        Truth(m, "q")
    with pytest.raises(UnsupportedError, match="is of type float"):
        Truth(m, [1.5])
    with pytest.raises(ShapeError, match="expected a scalar"):
        Truth(m.h)
