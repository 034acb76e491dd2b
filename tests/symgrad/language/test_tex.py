r"""LaTeX as students type it means what the text language means by the line beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import sympy as sp
from interpreter import interpret
from latex_formulas import DERIVATIVES, ENTRIES, MACROS, MEANS, MODEL
from oracle import Net

import symgrad as sg
import symgrad.language.syntax as s
from symgrad.graph import leaves
from symgrad.language.model import parse_expression
from symgrad.language.scope import Scope
from symgrad.language.source import Source
from symgrad.language.tex.read import macros_of, parse_tex, tex_sides
from symgrad.language.tex.rules import TEX_RULES
from symgrad.lift import lift


@cache
def model() -> sg.Model:
    return sg.parse(MODEL)


def built(text: str, **options: Any) -> Any:
    source = Source.of(text)
    tree = parse_tex(source, model().names, **options)
    return Scope(source, model().names, TEX_RULES).build(tree)


def values(*roots: Any) -> list[np.ndarray]:
    """What values are at one point, as the interpreter of the tests computes it."""
    nodes = [lift(x) for x in roots]
    sizes = {n: k for k, n in enumerate((model().dims[x] for x in "CDHN"), 2)}
    net, rng, env = Net(dims=sizes), np.random.default_rng(0), {}
    for leaf in leaves(nodes):
        shape = tuple(net.size(n) for n in leaf.shape)
        env[leaf.name] = 1 if leaf.leaf.classes is not None else rng.uniform(-1, 1, size=shape)
    return [np.asarray(x, dtype=float) for x in interpret(nodes, net, env)]


@pytest.mark.parametrize("text", MEANS)
def test_means_the_same(text: str) -> None:
    found, expected = built(text), parse_expression(MEANS[text], model().names)
    if found != expected:
        np.testing.assert_allclose(*values(found, expected), rtol=1e-9)


def test_an_exponent_without_braces_is_one_digit() -> None:
    assert built("s^10") == 0
    assert built("s^{10}") == model().s ** 10


def test_entries_count_from_zero_where_one_does() -> None:
    assert built(r"x_0 + x_1") == built(r"x_1 + x_2")
    assert built(r"x_1", first=0) == built(r"x_2")


@pytest.mark.parametrize("text", DERIVATIVES)
def test_a_derivative_is_one_name(text: str) -> None:
    tree = parse_tex(Source.of(text), model().names)
    assert isinstance(tree, s.Name)
    assert tree.name == DERIVATIVES[text]


def shown(tree: s.Expr) -> str:
    """A name with its positions and transposes."""
    if not isinstance(tree, s.Item):
        return tree.name if isinstance(tree, s.Name) else type(tree).__name__
    assert isinstance(tree.base, s.Name)
    signs = {
        s.Positions: lambda x: f"[{', '.join(map(shown, x.positions))}]",
        s.Transposition: lambda x: "ᵀ",
    }
    return tree.base.name + "".join(signs[type(x)](x) for x in tree.suffixes)


@pytest.mark.parametrize("text", [x for x in ENTRIES if ENTRIES[x] != "Arguments"])
def test_an_entry_is_one_of_a_name(text: str) -> None:
    assert shown(parse_tex(Source.of(text), model().names, first=0)) == ENTRIES[text]


def test_the_sides_of_an_equation() -> None:
    text = r"\delta_1 = \frac{\partial L}{\partial z_1} = W_2^\top (p - y)"
    left, middle, right = tex_sides(Source.of(text), model().names)
    assert (shown(left), shown(middle)) == ("δ1", "∂L/∂z1")
    assert isinstance(right, s.Chain)


def test_indices_of_the_left_side_count_from_one() -> None:
    _, right = tex_sides(Source.of(r"w_k = k x_k"), model().names)
    scope = Scope(Source.of(""), model().names, TEX_RULES)
    k = sp.Symbol("k", integer=True)
    assert scope.with_indices([k]).build(right) == (k + 1) * model().x[k, 0]


def test_names_alone_are_enough() -> None:
    assert shown(parse_tex(Source.of(r"W^{(1)}"), list(model().names))) == "W1"


@pytest.mark.parametrize("text", MACROS)
def test_macros_are_replaced(text: str) -> None:
    formula = text[text.rindex("} ") + 2 :] if r"\newcommand\T" not in text else r"x\T w"
    formula = r"\R1 x + \R{1} x" if r"\R#1" in text else formula
    formula = r"\n{x} + \n[1]{x}" if r"\n}" in text else formula
    found = built(formula, macros=macros_of(text))
    assert lift(found) is lift(parse_expression(MACROS[text], model().names))


DEEP: dict[str, Callable[[int], str]] = {
    "parentheses": lambda n: "(" * n + "s" + ")" * n,
    "fractions": lambda n: r"\frac{1}{1 + " * n + "s" + "}" * n,
    "ones": lambda n: r"\mathbf{1}^\top \tanh(" * n + "x" + ")" * n,
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_formulas_are_read(name: str) -> None:
    assert built(DEEP[name](14)) is not None
