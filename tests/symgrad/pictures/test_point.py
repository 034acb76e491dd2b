"""Points as text: numbers and files are read, and nothing is evaluated."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symgrad as sg
from symgrad.pictures.point import assignments

READ: dict[str, tuple[str, Any]] = {
    "whole": ("w1=2", Fraction(2)),
    "sign and spaces": (" w1 = -3 ", Fraction(-3)),
    "fraction": ("w1=2/6", Fraction(1, 3)),
    "decimal": ("w1=.5", 0.5),
    "exponent": ("w1=1e-3", 0.001),
    "vector": ("w1=1, 2,3", [1, 2, 3]),
    "rows": ("w1=1,2;3,4/5", [[1, 2], [3, Fraction(4, 5)]]),
}


@pytest.mark.parametrize("name", READ)
def test_numbers(name: str) -> None:
    text, expected = READ[name]
    found = assignments([text])["w1"]
    assert found == expected
    assert isinstance(found, type(expected))


REFUSED: dict[str, tuple[str, str]] = {
    "no value": ("w1", "expected name=number"),
    "no name": ("=3", "expected name=number"),
    "a call": ('w=__import__("os").system("true")', "expected a number such as"),
    "arithmetic": ("w=2**9", "expected a number such as"),
    "another alphabet": ("w=nan", "expected a number such as"),
    "infinite": ("w=1e999999", "expected a number such as"),
    "zero below": ("w=1/0", "divides by 0"),
    "longer than a number": ("w=" + "9" * 5000, "expected a number such as"),
    "no file": ("w=missing.npy", "there is no file missing.npy"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_anything_else_is_refused(name: str) -> None:
    text, message = REFUSED[name]
    with pytest.raises(sg.DataError, match=message):
        assignments([text])


def test_an_exponent_too_large_is_not_finite() -> None:
    x = sp.Symbol("x", real=True)
    with pytest.raises(sg.DataError, match="the value of x is not finite"):
        sg.gradient(x**2, [x]).trace(assignments(["x=1e999"]))
    huge = sg.gradient(x**2, [x]).trace({x: 10**400})  # exact numbers have no largest one
    assert huge["x"].adjoint == 2 * 10**400
    assert "1.000e800" in str(huge)


def test_files_of_arrays(tmp_path: Path) -> None:
    a, b = np.arange(6.0).reshape(2, 3), np.array([1, 2])
    np.save(tmp_path / "a.npy", a)
    np.savez(tmp_path / "both.npz", a=a, b=b)
    assert (assignments([f"W={tmp_path / 'a.npy'}"])["W"] == a).all()
    assert (assignments([f"b={tmp_path / 'both.npz'}"])["b"] == b).all()
    found = assignments([str(tmp_path / "both.npz")])
    assert found.keys() == {"a", "b"}
    with pytest.raises(sg.DataError, match="has the arrays a, b, and no W"):
        assignments([f"W={tmp_path / 'both.npz'}"])


def test_files_that_are_no_arrays(tmp_path: Path) -> None:
    for name, content in (("text.npy", b"1, 2"), ("text.npz", b"PK"), ("empty.npy", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(sg.DataError, match="cannot be read as arrays"):
            assignments([f"W={tmp_path / name}"])
    np.save(tmp_path / "object.npy", np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(sg.DataError, match="cannot be read as arrays"):
        assignments([f"W={tmp_path / 'object.npy'}"])
