"""The table of renderings, and ``d.save``."""

from __future__ import annotations

from pathlib import Path

import pytest
from renderings import DERIVATIONS
from sympy import MatrixSymbol

import symgrad as sg
from symgrad.show.formats import FORMATS, format_of

SUFFIXES = {suffix: name for name, known in FORMATS.items() for suffix in known.suffixes}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_suffix_says_the_format(suffix: str, tmp_path: Path) -> None:
    d, path = DERIVATIONS["design"](), tmp_path / f"sheet{suffix.upper()}"
    assert d.save(path, notation="bar") == path
    text = path.read_text(encoding="utf-8")
    assert text == d.rendered(SUFFIXES[suffix], notation="bar")
    assert text.endswith("\n")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_takes_every_style(name: str) -> None:
    d = DERIVATIONS["design"]()
    plain = d.rendered(name)
    for style in ({"notation": "nabla"}, {"form": "index"}, {"level": "full"}, {"level": "brief"}):
        assert d.rendered(name, **style) != plain


def test_methods_are_the_formats() -> None:
    d = DERIVATIONS["D4"]()
    for name in ("markdown", "document", "html"):
        assert getattr(d, name)("index", "bar") == d.rendered(name, "index", "bar")
    assert d.rendered("latex") == d.latex() + "\n"
    assert d.rendered("ascii").startswith(d.text(ascii=True))
    assert d.rendered("text").startswith(d.text())


def test_unknown_formats_and_suffixes_are_refused() -> None:
    with pytest.raises(sg.UnsupportedError, match="'docx' was asked for; expected one of text"):
        DERIVATIONS["D4"]().rendered("docx")
    with pytest.raises(sg.UnsupportedError, match=r"no suffix that says its format.*\.md"):
        format_of(Path("sheet"))


@pytest.mark.parametrize("level", ["brief", "full"])
def test_what_is_left_out_is_said(level: str) -> None:
    """A result too long to read is named by how to get it, and the others are there."""
    h, weights = MatrixSymbol("x", 5, 1), []
    for k in range(1, 8):
        weights.append(MatrixSymbol(f"W{k}", 5, 5))
        h = sg.let(f"activation_of_layer_{k}", sg.tanh(weights[-1] * h))
    d = sg.gradient(sg.let("L", sg.dot(h, h)), weights)
    assert 0 < len(d.results()) < len(weights)
    said = "Results in named values that would be longer than 400 characters are left out; "
    assert f"\n\n{said}Derivation.in_values(symbol) gives them." in d.text(level=level)
    for name in FORMATS:
        assert "characters are left out; " in d.rendered(name, level=level), name
    assert "characters are left out; " in d.latex(level=level)
    assert "left out" not in d.latex()


def test_latex_of_nothing_but_long_results_is_a_sentence() -> None:
    """An empty align block would stop LaTeX."""
    x = MatrixSymbol("x", 5, 1)
    weights = [MatrixSymbol(f"weights_of_layer_{k}_with_a_long_name", 5, 5) for k in range(9)]
    h = x
    for w in weights:
        h = sg.tanh(w * h)
    text = sg.gradient(sg.let("L", sg.dot(h, h)), weights[0]).latex(level="brief")
    assert text == (
        "Results in named values that would be longer than $400$ characters are left out; "
        r"Derivation.in\_values(symbol) gives them."
    )
