"""The health report finds what is planted, and says the same as symgrad's own report of units."""

import numpy as np
import pytest
from sympy import MatrixSymbol

import symgrad as sg
from symgrad.codegen.runtime import health as module
from symgrad.codegen.runtime.health import health
from symgrad.codegen.runtime.initial import init
from symgrad.codegen.runtime.interface import Params
from symgrad.codegen.runtime.records import Trace

PARAMS = Params(np.ones((3, 4), np.float32), np.zeros(3, np.float32))
FINE = np.full((60, 5), 0.5)


def found(monkeypatch, blobs, slopes=(), adjoints=None, gradients=None, values=()):
    """The report, of a trace that is given."""
    slopes = dict(slopes)
    trace = Trace(
        values=dict(values),
        gradients=gradients or {"W": np.ones((3, 4)), "b": np.ones(3)},
        slopes=slopes,
        adjoints=adjoints or {name: np.ones_like(slope) for name, slope in slopes.items()},
    )
    monkeypatch.setattr(module, "_trace", lambda *_: trace)
    return health(PARAMS, *blobs)


def with_units(units, slope):
    slopes = FINE.copy()
    slopes[:, units] = slope
    return slopes


@pytest.mark.parametrize(
    ("slopes", "saturated", "dead", "findings"),
    [
        (FINE, 0.0, (), ()),
        (with_units([1, 3], 0.0), 0.4, (1, 3), ("2 of 5 units of h are dead: 1, 3",)),
        (with_units([2], 0.0), 0.2, (2,), ("1 of 5 units of h is dead: 2",)),
        (with_units([1, 3], 0.0099), 0.4, (), ()),
        (with_units([1, 3], -0.0101), 0.0, (), ()),
        (0 * FINE, 1.0, (0, 1, 2, 3, 4), ("5 of 5 units of h are dead: 0, 1, 2, 3, 4",)),
        (0.001 * FINE, 1.0, (), ("h is saturated at 100% of units and examples",)),
        # a layer without a batch: the same at every example
        (FINE[0], 0.0, (), ()),
        # units along more axes
        (FINE.reshape(60, 5, 1), 0.0, (), ()),
    ],
)
def test_units(monkeypatch, blobs, slopes, saturated, dead, findings):
    report = found(monkeypatch, blobs, {"h": slopes})
    (layer,) = report.layers
    assert layer.units == 5 and layer.saturated == pytest.approx(saturated) and layer.dead == dead
    assert report.findings == findings
    assert layer.slope == pytest.approx(np.mean(np.abs(slopes)))
    assert layer.gradient == pytest.approx(np.sqrt(slopes.size))


@pytest.mark.parametrize(
    ("sizes", "findings"),
    [
        ((1, 2, 1), ()),
        ((900, 2, 1), ()),
        ((2300, 2, 1), ("gradients explode: ‖∂L/∂z‖ of h1 is 2,300 times that of h3",)),
        ((1e-6, 1e-5, 1), ("gradients vanish: ‖∂L/∂z‖ of h1 is 1/1,000,000 of that of h3",)),
        ((0, 1, 1), ("gradients vanish: ‖∂L/∂z‖ of h1 is 0",)),
        ((1, 1, 0), ()),
    ],
)
def test_gradients_that_explode_or_vanish(monkeypatch, blobs, sizes, findings):
    slopes = {f"h{k}": FINE for k in (1, 2, 3)}
    adjoints = {
        name: np.full(FINE.shape, size / np.sqrt(FINE.size))
        for name, size in zip(slopes, sizes, strict=True)
    }
    assert found(monkeypatch, blobs, slopes, adjoints).findings == findings


def test_values_that_are_not_finite_and_parameters_that_stand_still(monkeypatch, blobs):
    values = {"z": np.ones((60, 3)), "p": np.array([[1.0, np.inf], [np.nan, 1.0]]), "L": np.nan}
    report = found(monkeypatch, blobs, values=values)
    assert report.findings == ("p is the first value that is not finite (inf)",)
    still = {"W": np.zeros((3, 4)), "b": np.ones(3)}
    report = found(monkeypatch, blobs, gradients=still)
    assert report.findings == ("the gradient is 0: nothing changes W",)
    assert [x.ratio for x in report.parameters] == [0, np.inf]
    report = found(monkeypatch, blobs, gradients={name: 0 * g for name, g in still.items()})
    assert report.findings == ("all gradients are 0: nothing changes W, b",)


def test_it_prints_as_tables(monkeypatch, blobs):
    assert str(found(monkeypatch, blobs, {"h": with_units([1, 3], 0.0)})).splitlines() == [
        "layer  units  saturated   dead  mean |f′|  ‖∂L/∂z‖",
        "h          5      40.0%  40.0%        0.3     17.3",
        "",
        "parameter   ‖θ‖  ‖∂L/∂θ‖  ratio",
        "W          3.46     3.46      1",
        "b             0     1.73    inf",
        "",
        "2 of 5 units of h are dead: 1, 3",
    ]
    monkeypatch.undo()
    report = health(init(C=3, D=4), *blobs)  # of softmax regression, which has no layer of units
    assert report.layers == () and str(report).endswith("\n\nnothing to report")
    with pytest.raises(ValueError, match=r"X has shape \(60, 3\)"):
        health(PARAMS, blobs[0][:, :3], blobs[1])


def test_it_agrees_with_the_report_on_the_declaration():
    x, t = MatrixSymbol("x", 3, 1), MatrixSymbol("t", 2, 1)
    A, B = MatrixSymbol("A", 8, 3), MatrixSymbol("B", 2, 8)
    h = sg.let("h", sg.relu(A * x))
    k = sg.let("k", sg.tanh(B * h))
    loss = sg.let("L", sg.squared_error(k, t))
    made = sg.training_module(loss, [A, B], [x, t], target="numpy", dtype="float64").load()
    rng = np.random.default_rng(3)
    params = made.Params(rng.normal(size=(8, 3)), 9 * rng.normal(size=(2, 8)))
    params.A[5] = -abs(params.A[5])
    X, T = abs(rng.normal(size=(30, 3))), rng.normal(size=(30, 2))
    report = made.health(params, X, T)
    risk = sg.empirical_risk(loss, data=[x, t])
    expected = sg.unit_report(risk, {x: X, t: T, A: params.A, B: params.B})
    assert [row.name for row in report.layers] == ["h", "k"] and 5 in report.layers[0].dead
    for ours, theirs in zip(report.layers, expected.layers, strict=True):
        assert (ours.name, ours.units) == (theirs.name, theirs.units)
        assert ours.saturated == theirs.saturated > 0
        assert len(ours.dead) / ours.units == theirs.dead
        assert ours.slope == pytest.approx(theirs.slope)
        assert ours.gradient == pytest.approx(theirs.gradient)
    _, gradient = made.value_and_grad(params, X, T)
    assert report.parameters[0].gradient == pytest.approx(np.linalg.norm(gradient.A))
