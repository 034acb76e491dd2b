"""LaTeX says what the derivation computes: every line is read back and evaluated by NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from latex_values import value_of
from lecture_networks import SYSTEMS
from networks import NETWORKS
from renderings import DERIVATIONS

import symgrad as sg
from symgrad.graph import leaves
from symgrad.lift import lift
from symgrad.show.latex_form import latex
from symgrad.show.latex_names import line_name, symbol
from symgrad.show.matrix_form import leaf_symbol

SIZES = {"D": 4, "H": 3, "C": 2, "K": 6, "N": 5}
"""A size for each dimension."""

MADE: dict[str, Callable[[], Any]] = {**NETWORKS, **SYSTEMS}
LABELLED = ("classifier, label", "D6 by matrix", "D6 by index")
"""Their lines have entries, log(p)_y, which the reader does not know."""


def sampled(leaf: Any, rng: np.random.Generator) -> Any:
    """A value for a leaf, a float or an array of two axes; a simplex sums to 1."""
    dims = [int(n) if n.is_Integer else SIZES[str(n)] for n in getattr(leaf, "shape", ())]
    value = rng.uniform(0.2, 1.3, size=dims)
    if any("simplex" in str(fact) for fact in lift(leaf).leaf.facts):
        value /= value.sum()
    return value if dims else float(value)


def checked(derivation: sg.Derivation, notation: str = "delta") -> int:
    """Every line in matrix form against what ``sg.function`` computes; returns how many."""
    rng = np.random.default_rng(0)
    symbols = [leaf_symbol(x) for x in leaves([derivation.loss])]
    numbers = {s: sampled(s, rng) for s in symbols}
    arguments = [x[:, 0] if np.shape(x)[1:] == (1,) else x for x in numbers.values()]
    values: dict[str, Any] = {name: float(size) for name, size in SIZES.items()}
    values |= {symbol(s.name): x for s, x in numbers.items()}
    steps = derivation.lines("matrix", notation)
    computed = sg.function(symbols, [step.expr for step in steps])(*arguments)
    for step, result in zip(steps, computed, strict=True):
        shape, expected = getattr(step.expr, "shape", ()), np.asarray(result)
        if len(shape) == 2 and expected.ndim == 1:
            expected = expected[:, None] if shape[1] == 1 else expected[None, :]
        formula = latex(step.expr)
        found = value_of(formula, values)
        found = np.broadcast_to(found if expected.ndim else np.squeeze(found), expected.shape)
        np.testing.assert_allclose(found, expected, rtol=1e-9, err_msg=formula)
        values |= {line_name(x): expected if expected.ndim else float(expected) for x in step.names}
    return len(steps)


@pytest.mark.parametrize("name", [x for x in MADE if x not in LABELLED])
def test_every_line_is_what_it_says(name: str) -> None:
    made = MADE[name]()
    assert checked(sg.gradient(made.loss, made.wrt)) > 1


@pytest.mark.parametrize("notation", ["bar", "partial", "nabla"])
def test_in_every_notation(notation: str) -> None:
    assert checked(DERIVATIONS["D4"](), notation) == 11


def test_sheets() -> None:
    assert checked(DERIVATIONS["layer norm"]()) == 9


WRONG = {
    r"\frac{1}{D} - m \mathbf{1} + x": r"x - \frac{m}{D} \mathbf{1}",
    r"\frac{1}{2} \lVert x \rVert": r"\frac{1}{2} \lVert x \rVert^2",
    r"x^\top x \odot x": r"x^\top (x \odot x)",
}
"""A formula that says something else than the one beside it."""


@pytest.mark.parametrize("formula", WRONG)
def test_the_reader_sees_what_is_wrong(formula: str) -> None:
    values = {"x": np.array([[1.0], [2.0]]), "m": 0.3, "D": 2.0}
    assert not np.allclose(value_of(formula, values), value_of(WRONG[formula], values))
