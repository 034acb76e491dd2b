"""The progress bar: what it says, where it fits, and where it is silent."""

import io
import os
import sys

import numpy as np
import pytest

from symgrad.codegen.runtime import progress
from symgrad.codegen.runtime.progress import _duration, _Progress
from symgrad.codegen.runtime.training import fit

NAN = float("nan")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def opened(monkeypatch):
    """Opens a terminal of some columns; gives it, and the time on a clock that stands still."""
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])

    def opened(columns=100):
        size = os.terminal_size((columns, 24))
        monkeypatch.setattr(progress.shutil, "get_terminal_size", lambda: size)
        monkeypatch.setattr(sys, "stderr", Terminal())
        return sys.stderr, clock

    return opened


def test_a_line_says_how_far_it_is_and_how_long_it_takes(opened):
    stream, clock = opened()
    bar = _Progress(True, 8)
    record = (2.0, 0.1, 2.5, 0.75, 0.25, NAN)
    bar.show([], 0.5, 3.0)
    clock[0] = 1000.0  # most of which went into compiling
    bar.show([record], 0.0, 2.0)
    assert "left" not in stream.getvalue()
    clock[0] = 1010.0
    bar.show([record], 1.0, 1.23456789)
    line = stream.getvalue().split("\r")[-1]
    assert line.startswith("softmax_regression [##.........] epoch 2/8  loss 1.2346")
    assert "  1:00 left" in line and "  validation 2.5  accuracy 75.00%" in line


def test_not_more_than_ten_lines_a_second(opened):
    stream, clock = opened()
    bar = _Progress(True, 8)
    for step in range(100):
        clock[0] = step / 100
        bar.show([], step / 100, 1.0)
    assert stream.getvalue().count("\r") <= 11


def test_the_width_of_the_terminal_is_kept(opened):
    for columns in (100, 70, 40, 12):
        stream, _ = opened(columns)
        _Progress(True, 8).show([(2.0, 0.1, 2.5, 0.75, 0.25, 3.0)], 0.5, 1.0)
        assert len(stream.getvalue().split("\r")[-1]) < columns
        assert "epoch 2/8" in stream.getvalue()


def test_a_shorter_line_covers_a_longer_one(opened):
    stream, clock = opened()
    bar = _Progress(True, 8)
    bar.show([], 0.5, 1.2345)
    clock[0] = 1.0
    bar.show([], 0.6, 1.0)
    first, second = stream.getvalue().split("\r")[1:]
    assert len(second) >= len(first)


def test_it_is_shown_on_a_terminal_only(blobs, monkeypatch):
    options = {"epochs": 5, "batch_size": 7, "learning_rate": 0.1}
    for stream, wanted, shown in [
        (Terminal(), True, True),
        (Terminal(), False, False),
        (io.StringIO(), True, False),
    ]:
        monkeypatch.setattr(sys, "stderr", stream)
        fit(*blobs, validation=blobs, progress=wanted, **options)
        assert ("epoch 5/5  loss " in stream.getvalue()) == shown
        assert stream.getvalue().endswith("\n") == shown
    monkeypatch.setattr(sys, "stderr", None)
    fit(*blobs, **options)


def test_a_run_that_fails_leaves_the_line(weighted, monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with pytest.raises(FloatingPointError):
        X = np.ones((10, 3))
        weighted.fit(X, X[:, 0], X[:, 0], epochs=99, batch_size=5, learning_rate=1e3)
    assert "loss" in stream.getvalue() and stream.getvalue().endswith("\n")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (187, "3:07"), (3787, "1:03:07")]
)
def test_durations(seconds, text):
    assert _duration(seconds) == text
