"""The demo does what it says: derive, check, write, train, draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import symgrad as sg
from symgrad import demo


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


def test_demo(folder: Path) -> None:
    console = Console(record=True, width=120)
    accuracy = demo.run(folder, "numpy", console)
    text = console.export_text()
    assert accuracy >= 0.965
    assert "δ2 = ∂L/∂z2 = p − y" in text
    assert f"test accuracy {accuracy:.2%}" in text
    assert {x.name for x in folder.iterdir()} >= {"digits.py", "digits.npz", "digits.png"}


def test_the_picture_is_a_picture(folder: Path) -> None:
    import matplotlib.image

    pixels = matplotlib.image.imread(folder / "digits.png")
    assert pixels.shape[0] > 400
    assert pixels.shape[1] > 1000
    assert np.ptp(pixels) > 0.9  # ink on paper


def test_a_wrong_gradient_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oracle of the demo shares nothing with what it checks."""
    net = demo.network()
    assert demo.largest_gradient_error(net) < 1e-12
    wrong = net._replace(loss=2 * net.loss)
    assert demo.largest_gradient_error(wrong) > 0.1


def test_the_demo_stops_at_a_wrong_gradient(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "largest_gradient_error", lambda net: 1e-3)
    with pytest.raises(sg.SymgradError, match="differ from the complex step"):
        demo.run(folder, "numpy", Console(quiet=True))
