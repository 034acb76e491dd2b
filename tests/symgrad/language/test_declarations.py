"""Kinds and facts of leaves, typed and declared in Python."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp
from sympy import MatrixSymbol, Symbol

import symgrad as sg
from symgrad.facts import ENTRY, FACTS, SQUARE, VECTOR
from symgrad.language.declarations import FACT_NAMES, KINDS
from symgrad.lift import lift

n, m, k = sp.symbols("n m k", integer=True, positive=True)

ROWS: dict[str, Any] = {
    "v: scalar": Symbol("v", real=True),
    "v in R": Symbol("v", real=True),
    "v ∈ ℝ": Symbol("v", real=True),
    "v: vector(n)": MatrixSymbol("v", n, 1),
    "v in R^n": MatrixSymbol("v", n, 1),
    "v in R^5": MatrixSymbol("v", 5, 1),
    "v: row(n)": MatrixSymbol("v", 1, n),
    "v: matrix(n, m)": MatrixSymbol("v", n, m),
    "v in R^(n x m)": MatrixSymbol("v", n, m),
    "v in R^{n×m}": MatrixSymbol("v", n, m),
    "v in R^n×m": MatrixSymbol("v", n, m),
    "v in R^(n, m)": MatrixSymbol("v", n, m),
    "v: matrix(2 n, m + 1)": MatrixSymbol("v", 2 * n, m + 1),
    "v: array(n, m, 3)": sp.IndexedBase("v", shape=(n, m, 3)),
    "v in R^(n x m x k)": sp.IndexedBase("v", shape=(n, m, k)),
    "v: array(n)": MatrixSymbol("v", n, 1),
    "v: simplex(n)": sg.simplex("v", n),
    "v: distribution(n)": sg.simplex("v", n),
    "v: label(n)": sg.label("v", n),
    "v: label(n, 7)": sg.label("v", n, 7),
    "v: mask(n, rate=1/4)": sg.mask("v", n, rate=sp.Rational(1, 4)),
    "v: mask(n, m, rate=0.5)": sg.mask("v", n, m, rate=sp.Rational(1, 2)),
    "v: scalar, positive": Symbol("v", positive=True),
    "v: positive scalar": Symbol("v", positive=True),
    "v: symmetric, positive matrix(n, n)": sg.assume(
        MatrixSymbol("v", n, n), sp.Q.symmetric, sp.Q.positive
    ),
}


@pytest.mark.parametrize("text", ROWS)
def test_one_leaf(text: str) -> None:
    leaf = sg.parse(f"{text}\na: scalar\nL = 2 a")["v"]
    assert lift(leaf) is lift(ROWS[text])
    assert getattr(leaf, "shape", None) == getattr(ROWS[text], "shape", None)


@pytest.mark.parametrize("fact", FACT_NAMES)
@pytest.mark.parametrize("typed", ["{kind}, {fact}", "{fact} {kind}", "{kind} {spaced}"])
def test_every_fact(fact: str, typed: str) -> None:
    kind = {ENTRY: "vector(n)", VECTOR: "vector(n)", SQUARE: "matrix(n, n)"}[FACTS[fact].about]
    words = typed.format(kind=kind, fact=fact, spaced=fact.replace("-", " "))
    model = sg.parse(f"v, w: {words}\nL = sum(v) + sum(w)")
    shape = (n, n) if FACTS[fact].about == SQUARE else (n, 1)
    for name in "vw":
        declared = sg.assume(MatrixSymbol(name, *shape), FACTS[fact].predicate or fact)
        assert lift(model[name]) is lift(declared)


def test_every_kind_is_declared_by_its_usage() -> None:
    for name, kind in KINDS.items():
        usage = kind.usage.split(" or ")[0].replace(", …", "")
        assert list(sg.parse(f"t, v: {usage}\nx: scalar\nL = 2 x"))[-4:] == ["t", "v", "x", "L"], (
            name
        )


def test_dimensions_follow_from_sizes() -> None:
    model = sg.parse("W: matrix(H, D + 1)\nE = 2 D\nu: vector(E)\nk = 3\nr: vector(k)\nL = sum(W)")
    D = sp.Symbol("D", integer=True, positive=True)
    assert dict(model.dims) == {"H": model.H, "D": D, "E": 2 * D, "k": 3}
    assert model.W.shape == (model.H, D + 1)
    assert model.u.shape == (2 * D, 1)
    assert model.r.shape == (3, 1)


def test_listed_dimensions() -> None:
    model = sg.parse("dims D, H = 16, C = H + 2\nW: matrix(H, D)\nL = sum(W)")
    assert (model.W.shape[0], model.C) == (16, 18)
    with pytest.raises(
        sg.ParseError, match=r"line 2, column 14: Hd is not among the dims; did you"
    ):
        sg.parse("dims D, Hd2\nW: matrix(D, Hd)\nL = sum(W)")


def test_constants_are_their_values() -> None:
    model = sg.parse("x: scalar\nη = 0.01\nL = η x^2\nthird = 1/3")
    assert model["eta"] == sp.Rational(1, 100)
    assert model.third == sp.Rational(1, 3)
    assert str(model.loss) == "L"
    assert sg.gradient(model.loss, model.x)[model.x] == model.x / 50
