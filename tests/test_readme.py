"""The README's declaration, listing and excerpt of generated source are what symgrad makes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
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
    excerpt = _block("delta1_ij")
    module = sg.training_module(
        declared["L"],
        params=[declared[x] for x in ("W1", "b1", "W2", "b2")],
        data=[declared["x"], declared["y"]],
        predict=declared["p"],
    )
    assert excerpt.rstrip("\n") in module.source


def test_the_verdict(declared: dict[str, Any]) -> None:
    printed: list[str] = []
    exec(_block("\\odot h"), {**declared, "print": lambda x: printed.append(str(x))})
    assert printed == [_text_block("Wrong:").rstrip("\n")]


def test_the_claims(
    declared: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every way to give the same claim is right."""
    monkeypatch.chdir(tmp_path)
    Path("work.tex").write_text(r"\[ \delta_2 = p - y \]", encoding="utf-8")
    lines = [line for line in _block("sg.verify_steps").splitlines() if line]
    assert len(lines) == 5
    for line in lines:
        found = eval(line.partition("#")[0], {**declared, "np": np, "Path": Path})
        assert found, (line, str(found))


def test_the_longer_form_without_the_fact(declared: dict[str, Any]) -> None:
    from sympy import MatrixSymbol

    plain = MatrixSymbol("y", declared["C"], 1)
    loss = sg.cross_entropy(declared["p"], plain)
    text = str(sg.gradient(loss, [declared["W2"], declared["b2"]]))
    assert "sum(y)·p − y" in text
    assert "`sum(y)·p − y`" in README


def _text_block(mark: str) -> str:
    return next(text for language, text in BLOCKS if language == "text" and mark in text)


def test_the_excerpt_of_the_proof(declared: dict[str, Any]) -> None:
    """Word for word, but for the width of the columns."""
    text = declared["d"].text(level="full")
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for line in _text_block("product rule for matrices").splitlines():
        assert " ".join(line.split()) in lines


def test_the_text_model(declared: dict[str, Any]) -> None:
    model = sg.parse(_text_block("# classifier.sg"))
    L, W1 = declared["L"], declared["W1"]
    assert [str(x) for x in model.params] == ["W1", "b1", "W2", "b2"]
    assert [str(x) for x in model.data] == ["x", "y"]
    typed = sg.formula(sg.gradient(model.loss, model.params).in_values(model.W1))
    assert typed == sg.formula(sg.gradient(L, [W1]).in_values(W1))


def test_the_mistake_that_is_pointed_at() -> None:
    text = _text_block("# classifier.sg").replace("tanh(W1 x + b1)", "tanh(W1 b1)")
    with pytest.raises(sg.ParseError) as caught:
        sg.parse(text)
    shown = [line.strip() for line in str(caught.value).splitlines()]
    assert shown == [line.strip() for line in _text_block("did you mean W1' b1").splitlines()]


def test_the_keywords_of_a_rendering() -> None:
    """The table names each keyword and every value that it takes."""
    from symgrad.show.style import CHOICES

    rows = {row[0]: row[1] for row in re.findall(r"^\| `(\w+)` \| (.*) \|$", README, re.MULTILINE)}
    for keyword, values in CHOICES.items():
        assert all(f"`{value}`" in rows[keyword] for value in values), keyword


def test_the_picture_is_what_the_example_writes() -> None:
    from sympy import symbols

    w1, w2 = symbols("w1 w2", real=True)
    a = sg.let("a", w1**3)
    g = sg.let("g", sg.let("b", a * w2) + sg.let("c", 3 * w1))
    picture = sg.gradient(g, [w1, w2]).trace(at={w1: 2, w2: 3}).svg()
    path = Path(__file__).parents[1] / "examples" / "backpropagation_by_hand.svg"
    assert path.read_text(encoding="utf-8").rstrip("\n") == picture.rstrip("\n")
    assert f"(examples/{path.name})" in README
