"""Numbers in a table: few digits, and never wrong ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from symgrad.pictures.numerals import number_text, sum_text, value_text

NUMBERS: dict[Any, str] = {
    8: "8", -3: "−3", 5.0: "5", 0.1 + 0.2: "0.3", -0.0: "0", 2 / 3: "0.6667", 15.625: "15.62",
    23438.2: "23438", 1234567.0: "1.235e6", 1.5e-7: "1.5e−7", -1e-12: "−1e−12", 1e300: "1e300",
    0.001: "0.001", 999999.7: "1000000", sp.Rational(-1, 3): "−1/3",
    sp.Rational(10**20 + 1, 10**20 + 3): "1",
}  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers(number: Any) -> None:
    assert number_text(number) == NUMBERS[number]


def test_arrays() -> None:
    assert value_text(np.array([1.0, -0.5])) == "[1, −0.5]"
    assert value_text(np.array([[1, 2], [3, 4]])) == "[1, 2; 3, 4]"
    assert value_text(np.arange(12)) == "[0, 1, …, 11]"
    assert value_text(np.arange(100).reshape(10, 10) - 3.0) == "−3 … 96"
    assert value_text(np.array(2.5)) == "2.5"
    exact = np.array([sp.Rational(1, 3), sp.Integer(2)], dtype=object)
    assert value_text(exact) == "[1/3, 2]"


def test_sums() -> None:
    assert sum_text(["36", "3"]) == "36 + 3"
    assert sum_text(["−1", "−1/4", "2"]) == "−1 − 1/4 + 2"
