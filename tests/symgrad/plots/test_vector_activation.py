"""Bars and Jacobians: softmax, sparsemax, pooling, against formulas written in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sentences import refused

import symgrad as sg

pytest.importorskip("matplotlib")


def heights(figure: Any) -> np.ndarray:
    bars = figure.findobj(lambda a: a.get_gid() == "value")
    return np.array([bar.get_height() for bar in bars])


def tables(figure: Any) -> list[np.ndarray]:
    return [np.asarray(a.get_array()) for a in figure.findobj(lambda a: a.get_gid() == "jacobian")]


def softmax(z: Any) -> np.ndarray:
    e = np.exp(np.asarray(z) - np.max(z))
    return e / e.sum()


def test_softmax_at_the_betas_of_the_lecture() -> None:
    betas = [1, 2, 5, 100]
    figure = sg.plot_vector_activation(sg.softmax, [1, 1.1], beta=betas)
    p = [softmax(b * np.array([1, 1.1])) for b in betas]
    np.testing.assert_allclose(heights(figure), np.concatenate(p), rtol=1e-12)
    for found, b, q in zip(tables(figure), betas, p, strict=True):
        np.testing.assert_allclose(found, b * (np.diag(q) - np.outer(q, q)), rtol=1e-9, atol=1e-12)
    limits = {a.get_clim() for a in figure.findobj(lambda a: a.get_gid() == "jacobian")}
    assert len(limits) == 1  # one colour means one number
    labels = [t.get_text() for t in figure.axes[0].get_legend().get_texts()]
    assert labels == [rf"$\beta$ = {b}" for b in betas]


def test_the_jacobian_has_its_law() -> None:
    figure = sg.plot_vector_activation(sg.softmax, [1, 2, 0.5])
    (law,) = (a.get_text() for a in figure.findobj(lambda a: a.get_gid() == "law"))
    assert "diag" in law and law.count("$") == 2


def test_sparsemax() -> None:
    figure = sg.plot_vector_activation(sg.sparsemax, [1.2, 0.9, -1, 0.5])
    np.testing.assert_allclose(heights(figure), [0.65, 0.35, 0, 0])
    expected = np.zeros((4, 4))
    expected[:2, :2] = [[0.5, -0.5], [-0.5, 0.5]]
    np.testing.assert_allclose(tables(figure)[0], expected)


def test_pooling_hands_the_gradient_to_the_winner() -> None:
    figure = sg.plot_vector_activation(lambda z: sg.max_pool1d(z.T, 2), [3, 1, 2, 4])
    np.testing.assert_allclose(heights(figure), [3, 4])
    np.testing.assert_allclose(tables(figure)[0], [[1, 0, 0, 0], [0, 0, 0, 1]])
    figure.canvas.draw()


def test_a_law_that_mathtext_lacks_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symgrad.plots.formulas.SUPPORTED", frozenset())
    figure = sg.plot_vector_activation(sg.softmax, [1, 2, 0.5])
    assert figure.findobj(lambda a: a.get_gid() == "law") == []


def test_without_a_derivative_the_bars_are_drawn() -> None:
    figure = sg.plot_vector_activation(sg.sign, [-2, 0, 3])
    np.testing.assert_allclose(heights(figure), [-1, 0, 1])
    assert len(figure.axes) == 1
    assert len(sg.plot_vector_activation(sg.softmax, [1, 2], derivative=False).axes) == 1


def test_drawing_into_given_axes() -> None:
    from matplotlib.figure import Figure

    own = Figure()
    axes = own.subplots(1, 2)
    assert sg.plot_vector_activation(sg.softmax, [1, 2], axes=axes) is own
    assert len(tables(own)) == 1


BAD: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "one score": (lambda: sg.plot_vector_activation(sg.softmax, [1]), ("two or more",)),
    "an infinite score": (
        lambda: sg.plot_vector_activation(sg.softmax, [1, float("inf")]), ("finite",),
    ),
    "a number as value": (
        lambda: sg.plot_vector_activation(sg.logsumexp, [1, 2]), ("one number",),
    ),
    "an expression": (
        lambda: sg.plot_vector_activation(sg.softmax(sp.MatrixSymbol("x", 2, 1)), [1, 2]),
        ("a function of a vector",),
    ),
    "no such parameter": (
        lambda: sg.plot_vector_activation(sg.sparsemax, [1, 2], beta=2), ("beta",),
    ),
    "two lists": (
        lambda: sg.plot_vector_activation(sg.softmax, [1, 2], beta=[1, 2], temperature=[1, 2]),
        ("beta, temperature",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_a_sentence(name: str) -> None:
    assert refused(*BAD[name]).endswith(".")
