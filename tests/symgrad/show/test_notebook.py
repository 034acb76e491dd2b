"""Jupyter: a notebook is run, and shows a derivation as HTML and as LaTeX."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import pytest

CELLS = [
    "import symgrad as sg\nfrom sympy import MatrixSymbol",
    'x, W = MatrixSymbol("x", 3, 1), MatrixSymbol("W", 2, 3)\n'
    'h = sg.let("h", sg.tanh(W * x))\n'
    'd = sg.gradient(sg.let("L", sg.dot(h, h) / 2), [W])\nd',
    "d",
    "print(d)",
]


def executed(folder: Path) -> Any:
    """The notebook with its outputs. What Jupyter warns of by itself is not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import nbformat
        from nbclient import NotebookClient

        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(x) for x in CELLS])
        NotebookClient(
            book, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        ).execute()
    return book


def test_a_notebook_shows_a_derivation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    _, first, second, printed = executed(tmp_path).cells
    shown = [cell.outputs[0].data for cell in (first, second)]
    for data in shown:
        assert data["text/html"].startswith('<article class="symgrad">')
        assert data["text/latex"].startswith(r"\begin{align*}")
        assert data["text/plain"] == "<Derivation of L with respect to W>"
    # twice on one page: nothing has an id that could be there twice
    assert not re.search(r"\sid=", shown[0]["text/html"])
    assert "∂L/∂W = " in printed.outputs[0].text
