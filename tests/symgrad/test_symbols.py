"""Named values and functions are opaque to SymPy: constant-time identity, no descent."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp
from sympy import MatrixSymbol, Symbol, symbols

import symgrad as sg

D, H = symbols("D H", integer=True, positive=True)
W, V = MatrixSymbol("W", H, D), MatrixSymbol("V", H, D)
x, r = MatrixSymbol("x", D, 1), MatrixSymbol("r", 1, D)
s = Symbol("s", real=True)


def everything() -> list[Any]:
    """One of each class."""
    z = sg.let("z", W * x)
    return [
        z, sg.let("a", sg.sum(z)), sg.simplex("p", D), sg.label("c", D),
        sg.tanh(z), sg.softmax(z), sg.logsumexp(z), sg.dot(x, x), sg.onehot(sg.label("c", D), D),
    ]  # fmt: skip


@pytest.mark.parametrize("k", range(9))
def test_opaque(k: int) -> None:
    one, two = everything()[k], everything()[k]
    assert one == two
    assert hash(one) == hash(two)
    assert (one != two) is False
    assert one.doit() is one
    assert one.simplify() is one
    assert one.sort_key() == two.sort_key()
    assert sp.simplify(one) == one
    assert one not in [e for j, e in enumerate(everything()) if j != k]


def test_one_name_and_two_values_are_two_symbols() -> None:
    one, two = sg.let("h", sg.tanh(x)), sg.let("h", sg.exp(x))
    assert one != two
    assert len({one, two}) == 2
    assert one - one == sp.ZeroMatrix(D, 1)
    assert (one - two).shape == (D, 1)
    a, b = sg.let("a", s**2), sg.let("a", s**3)
    assert a - b != 0
    assert a != Symbol("a", real=True)


def test_a_row_and_a_column_of_one_value_are_different() -> None:
    assert sg.tanh(r) != sg.tanh(r.T)
    assert sg.tanh(r).shape == (1, D)
    assert sg.tanh(r.T).shape == (D, 1)
    assert sg.let("h", r) != sg.let("h", r.T)
    assert (sg.tanh(r) * x).shape == (1, 1)
    assert (sg.tanh(r.T) * sg.tanh(r)).shape == (D, D)


def test_substitution_reaches_operands() -> None:
    f = sg.tanh(W * x)
    assert f.subs(W, V) == sg.tanh(V * x)
    assert (2 * f).xreplace({W: V}) == 2 * sg.tanh(V * x)
    assert f.subs(V, W) is f
    assert sg.softmax(W, rows=True).subs(W, V) == sg.softmax(V, rows=True)


def test_substitution_replaces_names_as_a_whole() -> None:
    z = sg.let("z", W * x)
    assert sg.tanh(z).subs(z, V * x) == sg.tanh(V * x)
    assert z.subs(W, V) is z


def test_free_symbols_are_leaves_and_dimensions() -> None:
    f = sg.tanh(sg.let("z", W * x))
    assert {str(v) for v in f.free_symbols} == {"W", "x", "D", "H"}


def test_printing() -> None:
    z = sg.let("z", W * x)
    assert str(z) == "z"
    assert str(sg.tanh(z)) == "tanh(z)"
    assert str(sg.dot(z, z)) == "dot(z, z)"
    assert sp.latex(sg.softmax(z)) == r"\operatorname{softmax}\left({z}\right)"
    assert sp.pretty(sg.softmax(z)) == "softmax(z)"
    assert repr(2 * sg.tanh(z)) == "2*tanh(z)"


def test_scalars_stay_sympy() -> None:
    assert sg.tanh(s) == sp.tanh(s)
    assert sg.exp(2) == sp.exp(2)
    assert sg.sum(s) == s
    assert sg.squared_error(s, 1) == (s - 1) ** 2 / 2


def test_sympy_may_ask_for_signs() -> None:
    """Asked whether a sum is zero, SymPy would differentiate a call by its only symbol."""
    c, p = sg.label("c", 3), Symbol("p", positive=True)
    for inside in (sg.sum(sg.onehot(c, 3)), sg.sum(p * sp.OneMatrix(3, 1))):
        total = inside + 1
        assert total.is_zero is None
        assert total.is_positive is None
        assert sg.let("t", total * x).shape == (D, 1)


NAMED = sg.let("h", MatrixSymbol("W", 3, 4) * MatrixSymbol("x", 4, 1))
TALL = MatrixSymbol("b", 5, 1)
WIDE = MatrixSymbol("V", 5, 7)


@pytest.mark.parametrize(
    "declare",
    [
        lambda h: WIDE * h,
        lambda h: h * WIDE,
        lambda h: h + TALL,
        lambda h: TALL + h,
        lambda h: h - TALL,
        lambda h: TALL - h,
    ],
)
@pytest.mark.parametrize("operand", [NAMED, sg.tanh(NAMED)])
def test_misfits_of_known_dimensions_name_both_operands(declare, operand) -> None:
    """SymPy's own error would say ('Matrices are not aligned', 7, 3)."""
    with pytest.raises(sg.ShapeError) as error:
        declare(operand)
    sentence = str(error.value)
    assert str(operand) in sentence
    assert "3×1" in sentence
    assert ("5×1" in sentence) or ("5×7" in sentence)
