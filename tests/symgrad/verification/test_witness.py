"""A witness in words."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import flint
import numpy as np
import pytest
import sympy as sp

from symgrad.verification.witness import Witness, array_text, entry_name, number_text, readable

D, H = sp.symbols("D H", integer=True, positive=True)


def array(values: Any) -> np.ndarray:
    flat = np.asarray(values, dtype=object)
    result = np.empty(flat.shape, dtype=object)
    for at in np.ndindex(*flat.shape):
        result[at] = Fraction(flat[at]) if not isinstance(flat[at], float) else flat[at]
    return result


POINT = {"W": array([[2]]), "x": array([1])}

SENTENCES: list[tuple[Witness, str]] = [
    (
        Witness({D: 1, H: 1}, POINT, array([[4]]), array([[2]]), "the gradient"),
        "at D = H = 1, W = 2, x = 1: the claim gives 4, the gradient is 2",
    ),
    (
        Witness({}, {"W": array([[0]]), "x": array([1, 2])}, array(4), array(2)),
        "at x = [1, 2], W = 0: the claim gives 4, the true value is 2",
    ),
    (
        Witness({D: 1}, {"W": array([[0]]), "b": array([0]), "x": array([3])}, array(4), array(2)),
        "at D = 1, x = 3, all else 0: the claim gives 4, the true value is 2",
    ),
    (
        Witness({D: 1}, {"W": array([[0]]), "b": array([0])}, array(4), array(2)),
        "at D = 1, all values 0: the claim gives 4, the true value is 2",
    ),
    (
        Witness({}, {"s": array(0), "t": array(0)}, array(4), array(2)),
        "where all values are 0: the claim gives 4, the true value is 2",
    ),
    (
        Witness({}, {"t": array(0)}, array(4), array(2)),
        "at t = 0: the claim gives 4, the true value is 2",
    ),
    (
        Witness({}, {"x": array([0, 0, 5, 0, 0, 0])}, array(4), array(2)),
        "at x[3] = 5, all else 0: the claim gives 4, the true value is 2",
    ),
    (
        Witness({}, {"x": array([2] * 19 + [1])}, array(4), array(2)),
        "at x = 2 everywhere but x[20] = 1: the claim gives 4, the true value is 2",
    ),
    (
        Witness({D: 2, H: 1}, {"x": array([1, -1])}, array([1, 2]), array([1, 3])),
        "at D = 2, H = 1, x = [1, −1]: the claim gives 2 in entry 2, the true value has 3 there",
    ),
    (
        Witness({}, {"t": array(3)}, array(0.25), array(0.1234567), "the derivative"),
        "at t = 3: the claim gives 0.25, the derivative is 0.1235",
    ),
    (
        Witness({}, {}, array([[1, 2], [3, 4]]), array([[1, 3], [2, 4]]), "∂L/∂W"),
        "the claim gives [[1, 2], [3, 4]], ∂L/∂W is [[1, 3], [2, 4]]",
    ),
    (
        Witness({}, {}, array(np.arange(6).reshape(2, 3)), array(np.ones((2, 3), int)), "δ2"),
        "the claim gives 0 in entry (1, 1), δ2 has 1 there",
    ),
]


@pytest.mark.parametrize(("witness", "text"), SENTENCES)
def test_sentence(witness: Witness, text: str) -> None:
    assert str(witness) == text


NUMBERS: list[tuple[Any, str]] = [
    (Fraction(4), "4"),
    (Fraction(-1, 3), "−1/3"),
    (0.76159, "0.7616"),
    (-123456.0, "−1.235·10⁵"),
    (1.5e-7, "1.5·10⁻⁷"),
    (float("nan"), "no value"),
    (float("-inf"), "−∞"),
]


@pytest.mark.parametrize(("x", "text"), NUMBERS)
def test_number(x: Any, text: str) -> None:
    assert number_text(x) == text


def test_names_of_entries() -> None:
    assert entry_name((0,)) == "entry 1"
    assert entry_name((0, 1)) == "entry (1, 2)"


def test_arrays() -> None:
    assert array_text(array(2)) == "2"
    assert array_text(array([[2]])) == "[2]"
    assert array_text(array([[1, 0], [0, 1]])) == "[[1, 0], [0, 1]]"


def test_a_ball_is_read_as_the_number_it_is_of() -> None:
    with flint.ctx.workprec(128):
        assert readable(flint.arb(7) / 8) == Fraction(7, 8)
        assert readable(flint.arb(1) / 3) == Fraction(1, 3)
        assert readable(flint.arb(0)) == 0
        assert isinstance(readable(flint.arb(2).sqrt()), float)
        assert isinstance(readable(flint.arb(1) / 3 + flint.arb(2) ** -70), float)
        assert readable(flint.arb.nan()) != readable(flint.arb.nan())
    with flint.ctx.workprec(20):
        assert isinstance(readable(flint.arb(1) / 3), float)
