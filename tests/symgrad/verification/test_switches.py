"""Where formulas change their branch, and how that is said."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp
from sympy import MatrixSymbol, symbols

import symgrad as sg
from symgrad import vocabulary
from symgrad.elementwise import spelled
from symgrad.lift import lift
from symgrad.verification.switches import SWITCHES, Sides, sides_of, switches, zero_text

D, H = symbols("D H", integer=True, positive=True)
W, x, b = MatrixSymbol("W", H, D), MatrixSymbol("x", D, 1), MatrixSymbol("b", H, 1)
s, t = symbols("s t", real=True)
z = sg.let("z", W * x)

SAID: list[tuple[Any, list[str]]] = [
    (sg.relu(z), ["z = 0"]),
    (sg.relu(W * x + b), ["W·x + b = 0"]),
    (sg.relu(-2 * t), ["t = 0"]),
    (sp.Max(s, t), ["s = t"]),
    (abs(s) + abs(t), ["s = 0", "t = 0"]),
    (sg.norm(x), ["x = 0"]),
    (sp.Piecewise((s**2, s > 1), (s, True)), ["s = 1"]),
    (sg.tanh(z), []),
    (sp.Piecewise((1, sp.And(s > t, t > 0)), (0, True)), ["s = t", "t = 0"]),
]


@pytest.mark.parametrize(("expr", "said"), SAID)
def test_what_decides(expr: Any, said: list[str]) -> None:
    found = [zero_text(node) for node in switches([lift(sg.functions.as_expression(expr))])]
    assert set(found) <= set(said)
    assert bool(found) == bool(said)
    assert len(set(found)) == len(found)


def test_the_named_one_is_spoken_of() -> None:
    claim, truth = lift(sg.relu(W * x)), lift(sg.relu(z))
    assert [sides_of(node) for node in switches([claim, truth])] == [Sides("z")]
    assert [sides_of(node) for node in switches([truth, claim])] == [Sides("z")]


def test_a_value_of_three_axes_has_no_formula() -> None:
    T = sp.IndexedBase("T", shape=(D, H, D))
    i, j, k = symbols("i j k", integer=True)
    value = sg.let("r", sg.relu(2 * T[i, j, k] + T[k, j, i]), i, j, k)
    (node,) = switches([lift(value)])
    assert sides_of(node) is None
    assert zero_text(node) == ""


def test_every_function_with_a_jump_or_a_kink_has_a_row() -> None:
    """The functions that are defined by cases are those of the table."""
    for f in vars(vocabulary).values():
        if not (isinstance(f, type) and issubclass(f, sp.Function)) or f.__name__.startswith("_"):
            continue
        arguments = symbols("t0 t1", real=True)[: int(f.nargs.args[0])]
        plain = spelled(f(*arguments)).rewrite_plain() if hasattr(f, "rewrite_plain") else f
        if hasattr(plain, "has") and plain.has(sp.Piecewise, sp.sign, sp.Abs):
            assert f in SWITCHES, f
