"""Saturated and dead units: counted by hand, and gradients by NumPy written by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symgrad as sg

pytest.importorskip("matplotlib")

x, y = sp.MatrixSymbol("x", 2, 1), sp.MatrixSymbol("y", 3, 1)
W, b = sp.MatrixSymbol("W", 3, 2), sp.MatrixSymbol("b", 3, 1)

# Units by rows: one that fires at the first example only, one always, one never.
HAND: dict[Any, Any] = {
    W: np.array([[1.0, 0], [1, 1], [-1, -1]]), b: np.array([0.0, 9, 0]),
    x: np.array([[2.0, 1], [-1, 3]]), y: np.zeros((2, 3)),
}  # fmt: skip
Z = HAND[x] @ HAND[W].T + HAND[b]  # 2 examples × 3 units: (2, 12, −3), (−1, 11, −2)


def one_layer(activation: Callable[[Any], Any]) -> Any:
    h = sg.let("h", activation(W * x + b))
    return sg.empirical_risk(sg.let("L", sg.squared_error(h, y)), data=[x, y])


def test_relu_by_hand() -> None:
    (layer,) = sg.unit_report(one_layer(sg.relu), HAND).layers
    assert (layer.name, layer.units, layer.examples) == ("h", 3, 2)
    assert layer.saturated == pytest.approx(3 / 6)
    assert layer.dead == pytest.approx(1 / 3)
    assert layer.slope == pytest.approx(3 / 6)
    delta = np.where(Z > 0, Z, 0) / 2  # (h − y)·1[z > 0]/N
    assert layer.gradient == pytest.approx(np.linalg.norm(delta))


SLOPES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "tanh": (sg.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (sg.sigmoid, lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2),
    "sigmoid as written": (
        lambda z: z.applyfunc(lambda t: 1 / (1 + sp.exp(-t))),
        lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2,
    ),
    "leaky ReLU": (lambda z: sg.leaky_relu(z, 0.001), lambda z: np.where(z > 0, 1, 0.001)),
    "ELU": (sg.elu, lambda z: np.where(z > 0, 1, np.exp(z))),
    "one of the user's": (
        lambda z: z.applyfunc(lambda t: t / (1 + sp.Abs(t))),
        lambda z: 1 / (1 + np.abs(z)) ** 2,
    ),
}


@pytest.mark.parametrize("name", SLOPES)
def test_saturation_is_a_small_derivative(name: str) -> None:
    activation, slope = SLOPES[name]
    (layer,) = sg.unit_report(one_layer(activation), HAND, saturated=0.05).layers
    assert layer.saturated == pytest.approx(np.mean(slope(Z) < 0.05))
    assert layer.slope == pytest.approx(np.mean(slope(Z)))
    assert layer.dead == 0


def test_the_default_threshold_is_what_the_documentation_says() -> None:
    """σ: values below 0.01 or above 0.99; tanh: |h| > 0.995."""
    for activation, inverse, edges in (
        (sg.sigmoid, lambda h: np.log(h / (1 - h)), (0.0103, 0.0099, 0.9897, 0.9901)),
        (sg.tanh, np.arctanh, (0.9949, 0.9951, -0.9949, -0.9951)),
    ):
        at = {W: np.zeros((3, 2)), b: np.zeros(3), x: np.zeros((1, 2)), y: np.zeros((1, 3))}
        found = []
        for edge in edges:
            (layer,) = sg.unit_report(
                one_layer(activation), {**at, b: np.full(3, inverse(edge))}
            ).layers
            found.append(layer.saturated)
        assert sorted(found) == [0, 0, 1, 1]
        assert found[1] == 1 and found[0] == 0


def test_a_threshold_makes_a_slow_unit_dead() -> None:
    loss = one_layer(lambda z: sg.leaky_relu(z, 0.001))
    assert sg.unit_report(loss, HAND, dead=0.001).layers[0].dead == pytest.approx(1 / 3)


def network(activation: Callable[[Any], Any], layers: int, scale: float) -> tuple[Any, Any]:
    """A deep network with softmax and cross-entropy, and arrays for it."""
    rng = np.random.default_rng(0)
    data, c = sp.MatrixSymbol("x", 5, 1), sg.label("c", 3)
    h, fan = data, 5
    at: dict[Any, Any] = {}
    for k in range(1, layers + 1):
        weights = sp.MatrixSymbol(f"W{k}", 8, fan)
        at[weights] = rng.normal(size=(8, fan)) * scale / np.sqrt(fan)
        h, fan = sg.let(f"h{k}", activation(sg.let(f"z{k}", weights * h))), 8
    out = sp.MatrixSymbol("V", 3, fan)
    p = sg.let("p", sg.softmax(sg.let("s", out * h)))
    at |= {
        out: rng.normal(size=(3, fan)),
        data: rng.normal(size=(20, 5)),
        c: rng.integers(0, 3, 20),
    }
    return sg.empirical_risk(sg.let("L", sg.cross_entropy(p, c)), data=[data, c]), at


def test_layers_are_the_hidden_ones_in_order() -> None:
    """Neither the softmax nor the loss is a layer of units."""
    report = sg.unit_report(*network(sg.tanh, 3, 1.0))
    assert [layer.name for layer in report.layers] == ["h1", "h2", "h3"]


def test_the_gradient_of_sigmoids_vanishes() -> None:
    loss, at = network(sg.sigmoid, 6, 1.0)
    norms = [layer.gradient for layer in sg.unit_report(loss, at).layers]
    assert norms == sorted(norms) and norms[0] < norms[-1] / 100


def test_the_norm_is_that_of_the_derived_gradient() -> None:
    """With a bias b added to z1, ∂L/∂b is the sum of ∂L/∂z over the examples; of one, its norm."""
    rng = np.random.default_rng(1)
    v = sp.MatrixSymbol("v", 3, 1)
    loss = sg.squared_error(sg.dot(v, sg.let("h", sg.tanh(W * x + b))), 1)
    at = {v: rng.normal(size=3), W: rng.normal(size=(3, 2)), b: rng.normal(size=3), x: np.ones(2)}
    derived = sg.function([v, W, b, x], sg.gradient(loss, b))(*at.values())
    (layer,) = sg.unit_report(loss, at).layers
    assert layer.examples == 1
    assert layer.gradient == pytest.approx(np.linalg.norm(derived))


def test_a_trained_slope_and_an_unnamed_sum_are_no_obstacle() -> None:
    a, v = sp.Symbol("a", real=True), sp.MatrixSymbol("v", 3, 1)
    h = sg.let("h", sg.prelu(W * x + b, a))
    loss = sg.empirical_risk(sg.squared_error(sg.dot(v, h), 1), data=[x])
    at = {k: HAND[k] for k in (W, b, x)} | {a: 0.0, v: np.ones(3)}
    (layer,) = sg.unit_report(loss, at).layers
    assert layer.saturated == pytest.approx(3 / 6) and layer.dead == pytest.approx(1 / 3)


def test_named_values_may_be_chosen() -> None:
    loss, at = network(sg.tanh, 2, 1.0)
    h = sg.let("h", sg.tanh(W * x))
    chosen = sg.empirical_risk(sg.sum(h), data=[x])  # the loss is a sum of h: no layer by itself
    arrays = {W: HAND[W], x: HAND[x]}
    with pytest.raises(sg.UnsupportedError, match="no named value"):
        sg.unit_report(chosen, arrays)
    assert sg.unit_report(chosen, arrays, values=[h]).layers[0].name == "h"
    with pytest.raises(sg.DataError, match="no named value"):
        sg.unit_report(loss, at, values=[sg.let("other", sg.tanh(W * x))])


def test_what_is_no_elementwise_function_is_refused() -> None:
    p = sg.let("p", sg.softmax(W * x))
    loss = sg.empirical_risk(sg.squared_error(p, y), data=[x, y])
    with pytest.raises(sg.UnsupportedError, match="p is no elementwise function"):
        sg.unit_report(loss, {k: HAND[k] for k in (W, x, y)}, values=[p])


def test_the_report_is_a_table() -> None:
    lines = str(sg.unit_report(one_layer(sg.relu), HAND)).splitlines()
    assert lines[0].split() == ["layer", "units", "saturated", "dead", "mean", "|f′|", "‖∂L/∂z‖"]
    assert lines[1].split()[:4] == ["h", "3", "50.0%", "33.3%"]


def bars(figure: Any, gid: str) -> list[float]:
    return [bar.get_height() for bar in figure.findobj(lambda a: a.get_gid() == gid)]


def test_the_picture_has_the_numbers_of_the_report() -> None:
    loss, at = network(sg.relu, 4, 2.0)
    report = sg.unit_report(loss, at)
    for figure in (sg.plot_units(loss, at), sg.plot_units(report)):
        assert bars(figure, "saturated") == [x.saturated for x in report.layers]
        assert bars(figure, "dead") == [x.dead for x in report.layers]
        (line,) = figure.findobj(lambda a: a.get_gid() == "gradient")
        assert list(line.get_ydata()) == [x.gradient for x in report.layers]
        assert line.axes.get_yscale() == "log"
        labels = [t.get_text() for t in figure.axes[0].get_xticklabels()]
        assert labels == ["h1", "h2", "h3", "h4"]


def test_a_gradient_of_zero_is_said_to_be_zero() -> None:
    figure = sg.plot_units(one_layer(sg.relu), {**HAND, b: np.full(3, -99.0)})
    assert bars(figure, "dead") == [1.0]
    (zero,) = figure.findobj(lambda a: a.get_gid() == "zero")
    assert zero.get_text() == "0"
    figure.canvas.draw()


def test_thirty_layers_are_legible() -> None:
    figure = sg.plot_units(*network(sg.tanh, 30, 1.0))
    assert len(figure.axes[0].get_xticklabels()) <= 24
    assert figure.get_figwidth() <= 14
