"""The README's declaration, listing and excerpt of generated source are what symgrad makes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import symgrad as sg

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture(scope="module")
def declared() -> dict[str, Any]:
    """The names that the first block of Python declares."""
    names: dict[str, Any] = {}
    code = next(text for language, text in BLOCKS if language == "python")
    exec(code, names)
    return names


def test_the_printed_derivation(declared: dict[str, Any]) -> None:
    listing = next(text for language, text in BLOCKS if not language)
    assert str(declared["d"]) == listing.rstrip("\n")


def _block(mark: str) -> str:
    return next(text for language, text in BLOCKS if language == "python" and mark in text)


def test_index_notation(declared: dict[str, Any]) -> None:
    printed: list[str] = []
    exec(_block("IndexedBase"), {**declared, "print": printed.append})
    listings = [text.rstrip("\n") for language, text in BLOCKS if not language]
    assert printed == [listings[1]]


def test_what_you_can_do(
    declared: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = _block("sg.hessian").splitlines()
    code = "\n".join(line for line in lines if "..." not in line)
    names = {**declared, "print": lambda *_: None}
    exec(code, names)
    assert (tmp_path / "digits.py").is_file()
    A, x = names["A"], names["x"]
    assert sg.hessian(sg.squared_error(A * x, names["r"]), x)[x] == A.T * A
    jacobian = sg.jacobian(names["p"], names["z2"])[names["z2"]]
    assert sg.formula(jacobian) == "diag(p) − p·pᵀ"


def test_the_excerpt_of_the_training_module(declared: dict[str, Any]) -> None:
    _, excerpt = [text for language, text in BLOCKS if language == "python"][:2]
    module = sg.training_module(
        declared["L"],
        params=[declared[x] for x in ("W1", "b1", "W2", "b2")],
        data=[declared["x"], declared["y"]],
        predict=declared["p"],
    )
    assert excerpt.rstrip("\n") in module.source


def test_the_longer_form_without_the_fact(declared: dict[str, Any]) -> None:
    from sympy import MatrixSymbol

    plain = MatrixSymbol("y", declared["C"], 1)
    loss = sg.cross_entropy(declared["p"], plain)
    text = str(sg.gradient(loss, [declared["W2"], declared["b2"]]))
    assert "sum(y)·p − y" in text
    assert "`sum(y)·p − y`" in README
