"""Figures that belong to nobody: no pyplot, no settings touched, nothing left behind."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from typing import Any

import pytest
import sympy as sp

import symgrad as sg

pytest.importorskip("matplotlib")


def test_pyplot_is_not_imported_and_settings_stay() -> None:
    code = """
import io, sys, matplotlib
names = [k for k in matplotlib.rcParams if k != 'backend']  # asking for that imports pyplot
before = [matplotlib.rcParams[k] for k in names]
import symgrad as sg
from sympy import Symbol
figure = sg.plot_activation(sg.relu)
figure.savefig(io.BytesIO())
sg.plot_vector_activation(sg.softmax, [1, 2])
w = Symbol("w", real=True)
sg.plot_loss(w**2, {w: 1.0}, [w])
sg.plot_gradient_error(w**3, w, {w: 1.0})
assert "matplotlib.pyplot" not in sys.modules
assert [matplotlib.rcParams[k] for k in names] == before
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr


def test_figures_do_not_leak() -> None:
    references = [weakref.ref(sg.plot_activation(sg.tanh)) for _ in range(3)]
    gc.collect()
    assert [r() for r in references] == [None] * 3


def test_without_matplotlib_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError) as caught:
        sg.plot_activation(sg.tanh)
    assert isinstance(caught.value, sg.SymgradError)
    assert 'pip install "symgrad[plot]"' in str(caught.value)


def test_numbers_need_no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    x, W = sp.MatrixSymbol("x", 2, 1), sp.MatrixSymbol("W", 3, 2)
    v = sp.MatrixSymbol("v", 3, 1)
    loss = sg.dot(v, sg.let("h", sg.tanh(W * x)))
    at: dict[Any, Any] = {x: [1, 2], W: [[0, 0]] * 3, v: [1, 1, 1]}
    assert sg.unit_report(loss, at).layers[0].slope == 1


def test_a_notebook_shows_the_figure() -> None:
    formatters = pytest.importorskip("IPython.core.formatters")
    data, _ = formatters.DisplayFormatter().format(sg.plot_activation(sg.relu))
    assert data["image/png"].startswith(b"\x89PNG")
    assert "text/html" not in data


def test_artists_are_found_and_restyled() -> None:
    figure = sg.plot_activation(sg.tanh)
    (line,) = figure.findobj(lambda a: a.get_gid() == "value")
    line.set_color("black")
    figure.axes[0].set_title("mine")
    figure.canvas.draw()
    assert line.get_color() == "black"


def test_axes_of_a_subfigure_give_the_whole_figure() -> None:
    from matplotlib.figure import Figure

    whole = Figure()
    left, _ = whole.subfigures(1, 2)
    assert sg.plot_activation(sg.tanh, axes=left.subplots()) is whole
