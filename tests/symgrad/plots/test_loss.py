"""The loss along directions: values by the literal interpreter, slopes by differences."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from interpreter import interpret
from oracle import Net
from sentences import refused

import symgrad as sg
from symgrad.lift import lift

pytest.importorskip("matplotlib")
from symgrad.plots.landscape import Options, landscape

D, H, C, N = 4, 3, 3, 6
x, c = sp.MatrixSymbol("x", D, 1), sg.label("c", C)
W1, b1 = sp.MatrixSymbol("W1", H, D), sp.MatrixSymbol("b1", H, 1)
W2, s = sp.MatrixSymbol("W2", C, H), sp.Symbol("s", real=True)
h = sg.let("h", sg.tanh(W1 * x + b1))
p = sg.let("p", sg.softmax(s * W2 * h))
L = sg.let("L", sg.cross_entropy(p, c))
R = sg.empirical_risk(L, data=[x, c])
PARAMETERS = (W1, b1, W2, s)
RNG = np.random.default_rng(0)
AT: dict[Any, Any] = {
    W1: RNG.normal(size=(H, D)), b1: RNG.normal(size=H), W2: RNG.normal(size=(C, H)), s: 1.5,
    x: RNG.normal(size=(N, D)), c: RNG.integers(0, C, N),
}  # fmt: skip


def loss_at(move: dict[Any, Any]) -> float:
    """R at AT plus ``move``, read literally off its graph."""
    env = {str(k): np.asarray(v) + move.get(k, 0) for k, v in AT.items()}
    env["X"], env["C"] = env.pop("x"), env.pop("c")
    return float(
        interpret([lift(R)], Net({}, {sp.Symbol("N", integer=True, positive=True): N}), env)[0]
    )


def moved(found: Any, *coefficients: float) -> dict[Any, Any]:
    return {
        symbol: sum(a * d[symbol] for a, d in zip(coefficients, found.directions, strict=True))
        for symbol in found.directions[0]
    }


def line(figure: Any, gid: str) -> Any:
    (found,) = figure.findobj(lambda artist: artist.get_gid() == gid)
    return found


def test_the_curve_is_the_loss() -> None:
    figure = sg.plot_loss(R, AT, points=5, radius=2)
    found = landscape(R, AT, points=5, radius=2)
    alphas, values = line(figure, "loss").get_data()
    np.testing.assert_allclose(alphas, np.linspace(-2, 2, 5))
    np.testing.assert_allclose(values, [loss_at(moved(found, a)) for a in alphas], rtol=1e-10)
    assert line(figure, "point").get_ydata()[0] == pytest.approx(loss_at({}), rel=1e-10)


def test_the_tangent_is_the_derivative() -> None:
    found = landscape(R, AT)
    a = 1e-4
    slope = (loss_at(moved(found, a)) - loss_at(moved(found, -a))) / (2 * a)
    reach, height = line(sg.plot_loss(R, AT), "tangent").get_data()
    assert np.diff(height)[0] / np.diff(reach)[0] == pytest.approx(slope, rel=1e-6)
    assert np.interp(0, reach, height) == pytest.approx(found.value)


def test_the_surface_is_the_loss_at_its_corners() -> None:
    found = landscape(R, AT, directions=2, points=3, seed=4)
    assert found.values.shape == (3, 3)
    for i, beta in ((0, -1), (2, 1)):
        for j, alpha in ((0, -1), (2, 1)):
            assert found.values[i, j] == pytest.approx(
                loss_at(moved(found, alpha, beta)), rel=1e-10
            )
    assert found.values[1, 1] == pytest.approx(found.value)


def test_the_arrow_points_down_the_contours() -> None:
    found = landscape(R, AT, directions=2, points=3)
    figure = sg.plot_loss(R, AT, directions=2, points=9)
    arrow = np.array(line(figure, "descent").xy)
    a = 1e-4
    slopes = [
        (loss_at(moved(found, *up)) - loss_at(moved(found, *down))) / (2 * a)
        for up, down in (((a, 0), (-a, 0)), ((0, a), (0, -a)))
    ]
    np.testing.assert_allclose(
        arrow / np.linalg.norm(arrow), -np.array(slopes) / np.linalg.norm(slopes), rtol=1e-5
    )
    assert len(figure.axes) == 2  # a colour bar beside the contours


def test_the_options_are_those_of_the_numbers() -> None:
    """`plot_loss` passes its keywords on, and each of them is one of `landscape`."""
    known = inspect.signature(landscape).parameters
    assert {k for k, p in known.items() if p.kind is p.KEYWORD_ONLY} == set(Options.__annotations__)
    figure = sg.plot_loss(R, AT, directions=2, points=3, radius=0.5, seed=4, gradient=False)
    assert figure.axes[0].get_xlim() == (-0.5, 0.5)
    assert not figure.findobj(lambda artist: artist.get_gid() == "descent")
    with pytest.raises(TypeError, match="radios"):
        sg.plot_loss(R, AT, radios=2)  # type: ignore[call-arg]


def test_a_point_by_names() -> None:
    """As ``d.trace`` takes it."""
    by_name = landscape(R, {str(key): value for key, value in AT.items()}, along="W1", points=3)
    by_symbol = landscape(R, AT, along=W1, points=3)
    np.testing.assert_array_equal(by_name.values, by_symbol.values)


def test_all_parameters_move_and_data_does_not() -> None:
    assert set(landscape(R, AT, points=3).directions[0]) == set(PARAMETERS)
    assert set(landscape(R, AT, along=[W2], points=3).directions[0]) == {W2}


def test_filters_have_the_length_of_their_weights() -> None:
    (d,) = landscape(R, AT, points=3, seed=7).directions
    np.testing.assert_allclose(np.linalg.norm(d[W1], axis=1), np.linalg.norm(AT[W1], axis=1))
    assert np.linalg.norm(d[b1]) == pytest.approx(np.linalg.norm(AT[b1]))
    assert abs(d[s]) == pytest.approx(AT[s])
    (raw,) = landscape(R, AT, points=3, seed=7, normalise=None).directions
    rng = np.random.default_rng(7)
    for symbol in PARAMETERS:
        np.testing.assert_allclose(raw[symbol], rng.standard_normal(np.shape(AT[symbol])))


def test_a_direction_of_the_users() -> None:
    towards = {W1: np.ones((H, D))}
    found = landscape(R, AT, along=[W1, b1], directions=[towards], points=3)
    assert found.values[2] == pytest.approx(loss_at({W1: 1.0}), rel=1e-10)


def test_a_loss_of_two_numbers() -> None:
    """w1³·w2 + 3·w1 at (2, 3), along its own axes: the slopes are its gradient, (39, 8)."""
    w1, w2 = sp.symbols("w1 w2", real=True)
    axes = [{w1: 1}, {w2: 1}]
    found = landscape(w1**3 * w2 + 3 * w1, {w1: 2, w2: 3}, [w1, w2], directions=axes, points=5)
    np.testing.assert_allclose(found.slopes, [39, 8])
    assert found.values[4, 4] == pytest.approx(3**3 * 4 + 9)


def test_values_that_are_not_finite_leave_a_gap() -> None:
    w = sp.Symbol("w", positive=True)
    figure = sg.plot_loss(sp.log(w), {w: 0.5}, [w], directions=[{w: 1}], points=5)
    values = line(figure, "loss").get_ydata()
    assert not np.isfinite(values[:2]).any() and np.isfinite(values[2:]).all()


def test_a_loss_with_a_jump_is_drawn_without_its_slope() -> None:
    w = sp.Symbol("w", real=True)
    with pytest.raises(sg.DerivativeError, match="gradient=False"):
        sg.plot_loss(sg.step(w), {w: 0.2}, [w])
    figure = sg.plot_loss(sg.step(w), {w: 0.2}, [w], gradient=False, directions=[{w: 1}])
    assert set(line(figure, "loss").get_ydata()) == {0.0, 1.0}
    assert figure.findobj(lambda a: a.get_gid() == "tangent") == []


BAD: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "an array missing": (lambda: sg.plot_loss(R, {W1: AT[W1]}), ("no value for", "W2")),
    "an array of nothing": (
        lambda: sg.plot_loss(R, {**AT, sp.Symbol("q"): 1.0}), ("q", "does not occur"),
    ),
    "no dictionary": (lambda: sg.plot_loss(R, [1, 2]), ("list", "dictionary")),
    "a shape that does not fit": (
        lambda: sg.plot_loss(R, {**AT, W1: np.ones((2, 2))}), ("W1", "(2, 2)"),
    ),
    "parameters unknown": (
        lambda: sg.plot_loss(sg.squared_error(W1 * x, b1), {W1: AT[W1], x: AT[b1], b1: AT[b1]}),
        ("along=[W, b]",),
    ),
    "along a label": (lambda: sg.plot_loss(R, AT, along=[c]), ("c", "parameters")),
    "along a stranger": (lambda: sg.plot_loss(R, AT, along=[sp.Symbol("q")]), ("q", "not a leaf")),
    "three directions": (lambda: sg.plot_loss(R, AT, directions=3), ("3", "1 or 2")),
    "a normalisation": (lambda: sg.plot_loss(R, AT, normalise="layer"), ("'layer'", "'filter'")),
    "a radius": (lambda: sg.plot_loss(R, AT, radius=0), ("radius", "above 0")),
    "points": (lambda: sg.plot_loss(R, AT, points=1), ("1 points", "two or more")),
    "a direction of another shape": (
        lambda: sg.plot_loss(R, AT, directions=[{W1: np.ones(3)}]), ("W1", "(3,)", "(3, 4)"),
    ),
    "a direction that is fixed": (
        lambda: sg.plot_loss(R, AT, along=[W1], directions=[{W2: AT[W2]}]), ("W2", "along"),
    ),
    "weights of zero": (
        lambda: sg.plot_loss(R, AT | {k: 0 * np.asarray(AT[k]) for k in PARAMETERS}),
        ("normalise=None",),
    ),
    "a vector": (lambda: sg.plot_loss(W1 * x, {}), ("scalar",)),
    "nowhere finite": (
        lambda: sg.plot_loss(sp.log(s), {s: -9}, [s], directions=[{s: 1}]), ("not finite",),
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::symgrad.DomainWarning")
@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_a_sentence(name: str) -> None:
    assert refused(*BAD[name]).endswith(".")
