"""Curves of activations: the numbers behind the lines, the jumps, the formulas in the legend."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from sentences import refused

import symgrad as sg

pytest.importorskip("matplotlib")
from matplotlib.mathtext import MathTextParser

from symgrad.plots.curves import Jump, Unit
from symgrad.plots.formulas import SPELLED, SUPPORTED, equation, mathtext

z, alpha, beta = sp.symbols("z α β", real=True)
OVER = (-4.0, 4.0)


def logistic(t: Any) -> Any:
    return 1 / (1 + mpmath.exp(-t))


def positive(t: Any, otherwise: Any) -> Any:
    return t if t > 0 else otherwise


Row = tuple[Any, dict[str, Any], Callable[[Any], Any]]

ROWS: dict[str, Row] = {
    "B1": (sg.identity, {}, lambda t: t),
    "B2": (sg.sigmoid, {}, logistic),
    "B2 from exponentials": (1 / (1 + sp.exp(-z)), {}, logistic),
    "B3": (sg.let("h", sg.tanh(z)), {}, mpmath.tanh),
    "B3 from σ": (2 * sg.sigmoid(2 * z) - 1, {}, mpmath.tanh),
    "B4": (sg.relu, {}, lambda t: positive(t, 0)),
    "B4 as a maximum": (sp.Max(0, z), {}, lambda t: positive(t, 0)),
    "B5": (sg.leaky_relu, {"slope": 0.1}, lambda t: positive(t, t / 10)),
    "B6": (sg.prelu, {"a": -0.5}, lambda t: positive(t, -t / 2)),
    "B7": (sg.elu, {"alpha": 0.5}, lambda t: positive(t, mpmath.expm1(t) / 2)),
    "B7 by cases": (
        sp.Piecewise((z, z >= 0), (alpha * (sp.exp(z) - 1), True)),
        {"alpha": 2},
        lambda t: positive(t, 2 * mpmath.expm1(t)),
    ),
    "B8": (sg.softplus, {"beta": 5}, lambda t: mpmath.log1p(mpmath.exp(5 * t)) / 5),
    "B8 as written": (
        sp.Lambda(z, sp.log(1 + sp.exp(beta * z)) / beta),
        {"beta": 2},
        lambda t: mpmath.log1p(mpmath.exp(2 * t)) / 2,
    ),
    "B9": (sg.swish, {}, lambda t: t * logistic(t)),
    "B10": (sg.gelu, {}, lambda t: t * mpmath.ncdf(t)),
    "B11": (sg.maxout(z / 3, 2 * z - 3), {}, lambda t: max(t / 3, 2 * t - 3)),
    "softsign": (z / (1 + sp.Abs(z)), {}, lambda t: t / (1 + abs(t))),
    "tan": (sg.tan, {}, mpmath.tan),
}


def line(figure: Any, gid: str) -> Any:
    (found,) = figure.findobj(lambda artist: artist.get_gid() == gid)
    return found


@pytest.mark.parametrize("name", ROWS)
def test_the_lines_are_the_function_and_its_derivative(name: str) -> None:
    function, parameters, exact = ROWS[name]
    figure = sg.plot_activation(function, over=OVER, points=41, **parameters)
    with mpmath.workdps(30):
        for order, gid in enumerate(("value", "derivative")):
            x, y = line(figure, gid).get_data()
            limits = {float(a) for a, b in pairwise(x) if a == b}
            compared = 0
            for a, b in zip(x, y, strict=True):
                if a in limits:
                    continue
                expected = mpmath.diff(exact, mpmath.mpf(float(a)), order, h=mpmath.mpf(10) ** -12)
                kink = (
                    order
                    and abs(
                        mpmath.diff(exact, float(a), 1, h=1e-6, direction=1)
                        - mpmath.diff(exact, float(a), 1, h=1e-6, direction=-1)
                    )
                    > 1e-3
                )
                if not kink:
                    assert float(b) == pytest.approx(float(expected), rel=1e-7, abs=1e-9), (a, gid)
                    compared += 1
            assert compared >= 35


JUMPS: dict[str, tuple[Any, dict[str, Any], int, list[Jump]]] = {
    "relu′": (sg.relu, {}, 1, [Jump(0, 0, 1, 0)]),
    "leaky′": (sg.leaky_relu, {"slope": 0.25}, 1, [Jump(0, 0.25, 1, 0.25)]),
    "elu′ is continuous for α = 1": (sg.elu, {"alpha": 1}, 1, []),
    "elu′": (sg.elu, {"alpha": 0.5}, 1, [Jump(0, 0.5, 1, 0.5)]),
    "by cases, 0 on the right": (
        sp.Piecewise((z, z >= 0), (0, True)), {}, 1, [Jump(0, 0, 1, 0)],
    ),
    "|·|′": (sg.abs, {}, 1, [Jump(0, -1, 1, 0)]),
    "maxout′, a tie at 9/5": (
        sg.maxout(z / 3, 2 * z - 3), {}, 1, [Jump(1.8, 1 / 3, 2, 7 / 6)],
    ),
    "three pieces": (
        sg.maxout(-z, 0, z - 1), {}, 1, [Jump(0, -1, 0, -0.5), Jump(1, 0, 1, 0.5)],
    ),
    "step": (sg.step, {}, 0, [Jump(0, 0, 1, 0)]),
    "sign": (sg.sign, {}, 0, [Jump(0, -1, 1, 0)]),
    "Heaviside": (sp.Heaviside(z - 1), {}, 0, [Jump(1, 0, 1, 0.5)]),
    "tanh has none": (sg.tanh, {}, 1, []),
}  # fmt: skip


@pytest.mark.parametrize("name", JUMPS)
def test_jumps_have_their_limits_and_the_value_of_the_convention(name: str) -> None:
    function, parameters, order, expected = JUMPS[name]
    figure = sg.plot_activation(function, over=OVER, **parameters)
    lines = [x for x in figure.axes[0].get_lines() if x.get_gid() in ("value", "derivative")]
    x, y = (np.asarray(a) for a in lines[order].get_data())
    holes = x[np.isnan(y)]
    assert holes.tolist() == [jump.at for jump in expected]  # nothing joins the two sides
    dots = figure.findobj(lambda a: a.get_gid() == "convention")
    places = [p for d in dots for p in zip(*d.get_data(), strict=True)]
    for jump in expected:
        k = int(np.flatnonzero(np.isnan(y) & (x == jump.at))[0])
        assert y[k - 1] == pytest.approx(jump.left, abs=1e-6)
        assert y[k + 1] == pytest.approx(jump.right, abs=1e-6)
        assert any(p == pytest.approx((jump.at, jump.value)) for p in places)
    assert len(places) == len(expected)


def test_a_pole_is_not_crossed() -> None:
    x, y = line(sg.plot_activation(sg.tan, over=(-4, 4)), "value").get_data()
    for pole in (-np.pi / 2, np.pi / 2):
        between = (x > pole - 0.02) & (x < pole + 0.02)
        assert np.isnan(y[between]).any()
    low, high = line(sg.plot_activation(sg.tan), "value").axes.get_ylim()
    assert -20 < low < -1 and 1 < high < 50


def test_a_derivative_ends_where_the_function_does() -> None:
    figure = sg.plot_activation(sg.log, over=(-1, 1))
    x, y = line(figure, "derivative").get_data()
    assert np.isnan(y[x <= 0]).all() and np.isfinite(y[x > 0]).all()


def test_a_jump_is_drawn_and_its_derivative_refused() -> None:
    figure = sg.plot_activation(sg.step)
    assert [x.get_gid() for x in figure.findobj() if x.get_gid() == "derivative"] == []
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts[1] == "no derivative,\na Dirac delta at the jump"


def test_a_family_has_a_line_for_each_parameter() -> None:
    figure = sg.plot_activation(sg.elu, alpha=[0.5, 1, 2])
    left, right = figure.axes
    labels = [text.get_text() for text in left.get_legend().get_texts()]
    assert labels == [r"$\alpha$ = 0.5", r"$\alpha$ = 1", r"$\alpha$ = 2"]
    at_minus_4 = [x.get_ydata()[0] for x in left.get_lines() if x.get_gid() == "value"]
    np.testing.assert_allclose(at_minus_4, np.array([0.5, 1, 2]) * np.expm1(-4))
    slopes = [x.get_ydata()[0] for x in right.get_lines() if x.get_gid() == "derivative"]
    np.testing.assert_allclose(slopes, np.array([0.5, 1, 2]) * np.exp(-4))
    styles = {(x.get_color(), x.get_linestyle()) for x in left.get_lines() if x.get_gid()}
    assert len(styles) >= 3  # colour and line style differ


def test_several_functions_share_two_axes() -> None:
    figure = sg.plot_activation([sg.step, sg.sigmoid, sg.leaky_relu], slope=0.1)
    left, right = figure.axes
    assert [t.get_text() for t in left.get_legend().get_texts()] == [
        "unit step", "sigmoid", "leaky ReLU",
    ]  # fmt: skip
    (note,) = right.get_legend().get_texts()
    assert note.get_text().startswith("unit step: no derivative")


def test_drawing_into_given_axes() -> None:
    from matplotlib.figure import Figure

    own = Figure()
    axes = own.subplots(2, 2)
    assert sg.plot_activation(sg.tanh, axes=axes[0, 0]) is own
    sg.plot_activation(sg.relu, axes=axes[1])
    gids = [[x.get_gid() for x in a.get_lines()] for a in axes.flat]
    assert "derivative" in gids[0] and gids[1] == []
    assert "derivative" not in gids[2] and "derivative" in gids[3]


def test_the_law_stands_in_the_legend() -> None:
    texts = {
        f: [t.get_text() for t in sg.plot_activation(f).axes[0].get_legend().get_texts()]
        for f in (sg.sigmoid, sg.relu, sg.elu)
    }
    assert texts[sg.sigmoid][1] == r"$h' = h (1 - h)$"
    assert texts[sg.relu][0] == r"$h = \max(0, z)$"
    assert texts[sg.elu][0] == "$h$ = $z$ if $z > 0$, else $e^{z} - 1$"
    assert texts[sg.elu][1].startswith("$h'$ = $1$ if $z > 0$, else $h")


def test_every_activation_is_drawn_with_formulas_that_mathtext_sets() -> None:
    parser = MathTextParser("path")
    for function in sg.activations.ELEMENTWISE:  # the table that users extend
        figure = sg.plot_activation(function, over=(-0.9, 0.9), points=11)
        for text in figure.axes[0].get_legend().get_texts():
            parser.parse(text.get_text())
            assert "\\begin" not in text.get_text()


def test_mathtext_has_every_command_that_is_said_to_be_supported() -> None:
    parser = MathTextParser("path")
    takes = {"dfrac": "{a}{b}", "sqrt": "{a}", "left": r"(a\right)", "right": None}
    takes |= dict.fromkeys(("operatorname", "mathbf", "bar"), "{a}")
    for command in SUPPORTED:
        if takes.get(command, "") is not None:
            parser.parse(rf"$a\{command}{takes.get(command, ' a')}$")
    for theirs in SPELLED.values():
        assert theirs.strip(" \\").split("{")[0] in SUPPORTED


def test_a_factor_before_a_function_stands_apart() -> None:
    z, h = sp.symbols("z h", real=True)
    assert mathtext(h * sp.tan(z)).replace(" ", "") == r"$h\,\tan(z)$"
    assert "\\," not in mathtext(-sp.tan(z)) + mathtext(sp.exp(sp.sin(z)))
    legend = sg.plot_activation(sg.csc).axes[0].get_legend()
    assert r"h\, " in legend.get_texts()[1].get_text()
    assert legend.get_frame().get_alpha() > 0.5  # a curve below it does not hide the formula


def test_the_parameters_of_one_function_stand_in_its_title() -> None:
    def title(**options: Any) -> str:
        return str(sg.plot_activation(sg.elu, **options).axes[0].get_title("left"))

    assert title(alpha=0.5) == r"ELU, $\alpha$ = 0.5"
    assert title(alpha=0.5, title="mine") == "mine"
    assert title(alpha=[0.5, 1]).startswith("ELU: ")  # a family says it in the legend


def test_a_formula_that_mathtext_lacks_is_written_in_unicode() -> None:
    inner = sp.Piecewise((z, z > 0), (0, True))
    assert mathtext(1 + inner) == sg.formula(1 + inner)
    assert equation("h", 1 + inner).startswith("$h$ = ")
    assert mathtext(z**2 / 2).startswith("$")


BAD: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "no such parameter": (lambda: sg.plot_activation(sg.tanh, alpha=1), ("alpha", "tanh")),
    "a parameter that is needed": (lambda: sg.plot_activation(sg.prelu), ("prelu", "a=0.25")),
    "an open symbol": (lambda: sg.plot_activation(beta * z), ("β", "z", "alpha=[0.5, 1, 2]")),
    "no variable": (lambda: sg.plot_activation(sp.Integer(1)), ("no symbol",)),
    "two lists": (
        lambda: sg.plot_activation(sp.Max(alpha, beta, z), alpha=[1, 2], beta=[1, 2]),
        ("alpha, beta", "one of them"),
    ),
    "an empty family": (lambda: sg.plot_activation(sg.elu, alpha=[]), ("alpha", "empty")),
    "nothing": (lambda: sg.plot_activation([]), ("no function",)),
    "an interval backwards": (lambda: sg.plot_activation(sg.tanh, over=(1, 0)), ("(1, 0)",)),
    "a function of a vector": (
        lambda: sg.plot_activation(sg.sum(sg.softmax(sp.MatrixSymbol("x", 3, 1)))),
        ("plot_vector_activation",),
    ),
    "softmax": (lambda: sg.plot_activation(sg.softmax), ("softmax",)),
    "text": (lambda: sg.plot_activation("tanh(z)"), ("tanh(z)",)),
    "axes that are none": (lambda: sg.plot_activation(sg.tanh, axes=[1, 2]), ("axes", "1 or 2")),
    "a Lambda of two": (lambda: sg.plot_activation(sp.Lambda((z, beta), z * beta)), ("2 arg",)),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_a_sentence(name: str) -> None:
    assert refused(*BAD[name]).endswith(".")


def test_the_derivative_is_derived_not_measured() -> None:
    """At a point where a difference quotient has no digits left, the curve has all of them."""
    unit = Unit(sg.tanh(z * 10**6), z)
    _, slope = unit.curves((-1e-6, 1e-6), 3, {})
    assert slope.y[1] == pytest.approx(1e6, rel=1e-15)
