"""The history of a run is plain arrays, and can be drawn."""

import sys

import numpy as np
import pytest

from symgrad.codegen.runtime.history import COLUMNS, _history

RECORDS = [(3.0, 0.1, 4.0, 0.5, 0.5, np.nan), (2.0, 0.1, 3.0, 0.6, 0.4, np.nan)]


def test_records_become_columns():
    history = _history(RECORDS, "epochs")
    assert history.loss.tolist() == [3, 2] and history.validation_accuracy.tolist() == [0.5, 0.6]
    assert history.ended == "epochs" and history._fields == (*COLUMNS, "ended")
    assert all(column.shape == (0,) for column in _history([], "epochs")[:-1])


@pytest.mark.parametrize(
    ("records", "lines", "scale"),
    [
        (RECORDS, {"loss": [3, 2], "validation loss": [4, 3]}, "log"),
        ([(-1.0, 0.1, *[np.nan] * 4)], {"loss": [-1]}, "linear"),
        ([], {}, "linear"),
    ],
)
def test_plot_draws_what_was_measured(records, lines, scale):
    figure = pytest.importorskip("matplotlib.figure")
    axes = figure.Figure().add_subplot()
    assert _history(records, "epochs").plot(axes) is axes
    drawn = {line.get_label(): line.get_ydata().tolist() for line in axes.lines}
    assert drawn == lines and axes.get_yscale() == scale
    assert (axes.get_legend() is not None) == bool(lines)


def test_plot_makes_axes_of_its_own():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    axes = _history(RECORDS, "epochs").plot()
    assert axes.get_xlabel() == "epoch"
    pyplot.close(axes.figure)


def test_without_matplotlib_there_is_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"plot needs Matplotlib: pip install matplotlib\."):
        _history(RECORDS, "epochs").plot()
