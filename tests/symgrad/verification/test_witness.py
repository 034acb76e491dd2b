"""A witness in words."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import flint
import numpy as np
import pytest
import sympy as sp

from symgrad.verification.points import Point
from symgrad.verification.witness import (
    Huge,
    Witness,
    array_text,
    entry_name,
    number_text,
    readable,
    simpler,
)

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


LONG: tuple[tuple[Any, str], ...] = (
    (Fraction(123456789012345678901234567890), "1.23457·10²⁹"),
    (Fraction(10**400), "1·10⁴⁰⁰"),
    (Fraction(-1, 10**400), "−1·10⁻⁴⁰⁰"),
    (Fraction(2**112 + 3, 2**111), "2"),
    (Fraction(12345, 100000), "0.12345"),
    (Huge(-2.5, 1656520), "−2.5·10¹⁶⁵⁶⁵²⁰"),
)


@pytest.mark.parametrize("number, text", LONG)
def test_no_number_has_more_digits_than_are_read(number: Any, text: str) -> None:
    assert number_text(number) == text


def test_a_ball_is_read_as_precisely_as_it_was_computed() -> None:
    """Whatever the precision is at which it is read: e^e^e is no fraction of small numbers."""
    with flint.ctx.workprec(128):
        ball = flint.arb(0).exp().exp().exp().exp()
        third, beyond = flint.arb(1) / 3, ball.exp()
    assert number_text(readable(ball)) == "3.814·10⁶"
    assert readable(third) == Fraction(1, 3)
    assert number_text(readable(beyond)) == "2.332·10¹⁶⁵⁶⁵²⁰"
    assert number_text(readable(-1 / beyond)) == "−4.289·10⁻¹⁶⁵⁶⁵²¹"


def test_a_point_is_made_simpler_where_nothing_binds_it() -> None:
    unit = Fraction(1, 2**112)
    values = {
        "x": array([unit * 3**70, Fraction(-1, 3)]),
        "y": array([Fraction(1, 3), Fraction(2, 3)]),
        "k": array([12, 0]),
    }
    first, *_, last = simpler(Point({D: 2}, values))
    assert first.values["y"] is values["y"] and first.values["k"] is values["k"]
    assert first.values["x"].tolist() == [Fraction(1, 2), Fraction(-3, 10)]
    assert abs(last.values["x"][1] + Fraction(1, 3)) < Fraction(1, 10**6)
    assert dict(last.sizes) == {D: 2}
