r"""Names as LaTeX writes them, matched to what is declared."""

from __future__ import annotations

import pytest

import symgrad as sg
import symgrad.language.syntax as s
from symgrad.language.source import Source
from symgrad.language.tex.names import (
    MARKED,
    SPELLINGS,
    AmbiguousName,
    Names,
    Written,
    resolve,
    spellings,
)
from symgrad.language.tex.read import parse_tex

DECLARED = ["W1", "b_1", "alpha", "y_hat", "ŷ2", "z̄", "h′", "W_out", "Wh", "theta", "x"]

FOUND: dict[str, str | None] = {
    "W_1": "W1",
    "W_{1}": "W1",
    "W^{(1)}": "W1",
    "W^{[1]}": "W1",
    "W_{(1)}": "W1",
    r"\mathbf{W}_1": "W1",
    "b_1": "b_1",
    "b^{(1)}": "b_1",
    r"\alpha": "alpha",
    "α": "alpha",
    r"\hat y": "y_hat",
    r"\hat{y}": "y_hat",
    r"\hat{y}_2": "ŷ2",
    r"\bar{z}": "z̄",
    r"\overline{z}": "z̄",
    "h'": "h′",
    r"W_{out}": "W_out",
    r"\theta": "theta",
    "W_2": None,
    "y": None,
    r"\hat{x}": None,
    "": None,
    "x + y": None,
    "_": None,
}


@pytest.mark.parametrize("written", FOUND)
def test_resolve(written: str) -> None:
    assert resolve(written, Names.of(DECLARED)) == FOUND[written]


@pytest.mark.parametrize("row", SPELLINGS)
def test_each_spelling_of_a_part_is_found(row: str) -> None:
    name = SPELLINGS[row]("W", "1")
    assert resolve(Written("W", below=("1",)), Names([name])) == name


@pytest.mark.parametrize("row", MARKED)
def test_each_spelling_of_a_mark_is_found(row: str) -> None:
    name = MARKED[row]("y", ("hat",))
    assert resolve(Written("y", ("hat",)), Names([name])) == name
    assert resolve(Written("y"), Names([name])) is None


def test_two_declared_names_are_ambiguous() -> None:
    with pytest.raises(AmbiguousName) as error:
        resolve("W_1", Names(["W1", "W_1"]))
    assert error.value.found == ("W1", "W_1")


def test_spellings_are_few() -> None:
    full = Written("y", ("hat", "bar"), ("1", "2", "3"), ("4",), 3)
    assert len(list(spellings(full))) < 5_000


RUNS: dict[str, list[str]] = {
    "Wx": ["W", "x"],
    "Wh": ["Wh"],
    "softmaxx": ["softmax", "x"],
    "xWh": ["x", "Wh"],
    "dW": ["dW"],
    "ab": ["a", "b"],
    "logx": ["log", "x"],
}
"""A run of letters, and the names in it."""


@pytest.mark.parametrize("run", RUNS)
def test_letters_side_by_side(run: str) -> None:
    assert Names(DECLARED).split(run) == RUNS[run]


def tree(text: str, declared: list[str]) -> s.Expr:
    return parse_tex(Source.of(text), declared, first=0)


def test_an_ambiguous_name_is_refused_with_both() -> None:
    with pytest.raises(sg.ParseError, match=r"W_1 may be W1 or W_1"):
        tree("W_1 x", ["W1", "W_1", "x"])


def test_a_subscript_is_a_name_before_it_is_an_entry() -> None:
    name, entry = tree("W_1", ["W", "W1"]), tree("W_2", ["W", "W1"])
    assert isinstance(name, s.Name)
    assert isinstance(entry, s.Item)
    assert (name.name, entry.base) == ("W1", s.Name(entry.base.at, 1, "W"))


def test_an_example_is_a_row_of_the_data() -> None:
    found = tree("x^{(n)}_i", ["X"])
    assert isinstance(found, s.Item)
    assert isinstance(found.base, s.Name)
    assert found.base.name == "X"


def test_a_superscript_without_parentheses_is_a_power_where_the_name_is_declared() -> None:
    power, layer = tree("W^2", ["W", "W2"]), tree("W^2", ["W2"])
    assert isinstance(power, s.Item)
    assert isinstance(layer, s.Name)
