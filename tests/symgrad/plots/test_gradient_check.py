"""The V of difference quotients has the slopes of the theory; costs are counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sentences import refused

import symgrad as sg

pytest.importorskip("matplotlib")
from symgrad.plots.gradient_errors import gradient_costs, gradient_errors

D, H, C = sp.symbols("D H C", integer=True, positive=True)
x, c = sp.MatrixSymbol("x", D, 1), sg.label("c", C)
W1, W2 = sp.MatrixSymbol("W1", H, D), sp.MatrixSymbol("W2", C, H)
L = sg.cross_entropy(sg.softmax(W2 * sg.tanh(W1 * x)), c)
RNG = np.random.default_rng(0)
AT = {
    W1: RNG.normal(size=(5, 4)), W2: RNG.normal(size=(3, 5)), x: RNG.normal(size=4),
    c: 1, D: 4, H: 5, C: 3,
}  # fmt: skip


def slope(steps: Any, errors: Any, low: float, high: float) -> float:
    """Of the errors between two steps, on a double logarithmic scale."""
    kept = (steps >= low) & (steps <= high)
    return float(np.polyfit(np.log(steps[kept]), np.log(errors[kept]), 1)[0])


def test_truncation_falls_with_the_step_and_rounding_rises() -> None:
    found = gradient_errors(L, [W1, W2], AT)
    assert slope(found.steps, found.one_sided, 1e-5, 1e-2) == pytest.approx(1, abs=0.05)
    assert slope(found.steps, found.central, 1e-3, 1e-1) == pytest.approx(2, abs=0.05)
    assert slope(found.steps, found.one_sided, 1e-14, 1e-10) == pytest.approx(-1, abs=0.25)
    assert found.one_sided.min() < 1e-7 and found.central.min() < 1e-9


def test_a_wrong_gradient_would_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """The errors are against ∇L·d: they go down only because it is right."""
    found = gradient_errors(L, W1, AT)
    assert found.central.min() < 1e-9 * max(1, abs(found.derivative))
    assert abs(found.derivative) > 1e-3


def line(figure: Any, gid: str) -> Any:
    (artist,) = figure.findobj(lambda a: a.get_gid() == gid)
    return artist


def test_the_picture_has_the_errors() -> None:
    figure = sg.plot_gradient_error(L, [W1, W2], AT, steps=[1e-6, 1e-3, 1e-1])
    found = gradient_errors(L, [W1, W2], AT, steps=[1e-6, 1e-3, 1e-1])
    for gid, errors in (("one-sided", found.one_sided), ("central", found.central)):
        np.testing.assert_allclose(line(figure, gid).get_xdata(), found.steps)
        np.testing.assert_allclose(line(figure, gid).get_ydata(), errors)
    assert figure.axes[0].get_xscale() == figure.axes[0].get_yscale() == "log"


def test_lines_of_the_theory() -> None:
    figure = sg.plot_gradient_error(L, [W1, W2], AT)
    slopes = []
    for artist in figure.findobj(lambda a: a.get_gid() == "slope"):
        h, e = artist.get_data()
        slopes.append(round(float(np.log(e[-1] / e[0]) / np.log(h[-1] / h[0]))))
    assert sorted(slopes) == [-1, 1, 2]


def test_a_quadratic_loss_has_no_truncation_to_draw() -> None:
    w = sp.Symbol("w", real=True)
    figure = sg.plot_gradient_error(w**2, w, {w: 1.5})
    figure.canvas.draw()
    errors = gradient_errors(w**2, w, {w: 1.5})
    assert errors.derivative in (3, -3)
    assert errors.central[errors.steps > 1e-3].max() < 1e-11


def test_costs_are_counted() -> None:
    found = gradient_costs(L, [W1, W2], {"D": 64, "H": [2, 8, 32], "C": 10})
    parameters = np.array([2, 8, 32]) * 74
    np.testing.assert_array_equal(found.parameters, parameters)
    np.testing.assert_array_equal(
        found.numerical, 2 * parameters * parameters
    )  # 2|θ| passes of |θ|
    ratio = found.backpropagation / parameters
    assert (ratio > 2).all() and (ratio < 3.2).all()  # about one forward and one or two backward


def test_the_picture_has_the_costs() -> None:
    figure = sg.plot_gradient_cost(L, [W1, W2], D=64, H=[2, 8, 32, 128], C=10)
    found = gradient_costs(L, [W1, W2], {"D": 64, "H": [2, 8, 32, 128], "C": 10})
    for gid, order in (("backpropagation", 1), ("numerical", 2)):
        artist = line(figure, gid)
        np.testing.assert_allclose(artist.get_xdata(), found.parameters)
        assert slope(*artist.get_data(), 0, np.inf) == pytest.approx(order, abs=0.05)


BAD: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "a step of 0": (lambda: sg.plot_gradient_error(L, W1, AT, steps=[0, 1]), ("above 0",)),
    "an array missing": (lambda: sg.plot_gradient_error(L, W1, {W1: AT[W1]}), ("no value", "W2")),
    "no family of sizes": (lambda: sg.plot_gradient_cost(L, W1, D=4, H=5, C=3), ("a list",)),
    "a size missing": (lambda: sg.plot_gradient_cost(L, [W1, W2], D=4, H=[5, 6]), ("C=10",)),
    "a size of nothing": (lambda: sg.plot_gradient_cost(L, W1, Q=4, H=[5, 6]), ("Q",)),
    "a vector": (lambda: sg.plot_gradient_error(W1 * x, W1, AT), ("scalar",)),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_a_sentence(name: str) -> None:
    assert refused(*BAD[name]).endswith(".")
