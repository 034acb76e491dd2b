"""The derivations of section D, in every notation: read once, and three against their lectures.

There is a golden file for each network. D3, D4 and D5 are compared with the lines that their
lectures print (CENG501, HKUST and IST), typed here.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lecture_networks import SYSTEMS, d3, d4, deep, linear_layers, threshold
from lectures import backward
from oracle import Net
from sympy import Function

import symgrad as sg
from symgrad.show.style import CHOICES


def threshold_neuron() -> sg.Derivation:
    v, _, inputs = threshold()
    return sg.gradient(v, inputs)


def deep_network(hidden: int = 2, unit: Callable[[Any], Any] = sg.sigmoid) -> sg.Derivation:
    """By the parameters, with every message."""
    loss, wrt = deep(hidden, unit, Net())
    parameters = [symbol for symbol in wrt if symbol.name[0] in "Wb"]
    return sg.gradient(loss, parameters, messages=True)


def stacked_linear_layers() -> sg.Derivation:
    (_, last), *_, x = linear_layers()
    return sg.jacobian(last, [x])


SIGMA, G = Function("σ"), Function("g")
"""Units that nothing is known of: the lectures leave σ′ and g′ as they are."""


def perceptron_of_any_unit() -> sg.Derivation:
    system = d4("matrix", unit=SIGMA)
    return sg.gradient(system.loss, system.wrt)


def of_system(name: str) -> Callable[[], sg.Derivation]:
    def derive() -> sg.Derivation:
        system = SYSTEMS[name]()
        return sg.gradient(system.loss, system.wrt)

    return derive


ROWS: dict[str, Callable[[], sg.Derivation]] = {
    "D1": threshold_neuron,
    "D2": of_system("D2 logistic regression"),
    "D2_two_layers": of_system("D2 two layers"),
    "D3": of_system("D3 by index"),
    "D4": of_system("D4 by matrix"),
    "D4_any_unit": perceptron_of_any_unit,
    "D5": deep_network,
    "D5_any_unit": lambda: deep_network(unit=lambda z: z.applyfunc(G)),
    "D6": of_system("D6 by matrix"),
    "D7_D8": of_system("D7, D8"),
    "D9": of_system("D9 softened"),
    "D10": stacked_linear_layers,
    "D11_regression": of_system("D11 regression"),
    "D11_plus_minus_one": of_system("D11 ±1"),
}
"""golden file → the derivation that it shows."""

STYLES = [(notation, form) for notation in CHOICES["notation"] for form in CHOICES["form"]]


def pages(d: sg.Derivation) -> Iterator[str]:
    """The derivation in every notation and form, then the results, by rows and transposed."""
    for notation, form in STYLES:
        yield f"--- {notation}, {form} form\n\n{d.text(form, notation)}\n"
    yield f"--- delta, brief\n\n{d.text(level='brief')}\n"
    yield f"--- delta, row convention\n\n{d.text(convention='row')}\n"
    other = "denominator" if d.kind == "jacobian" else "numerator"
    yield f"--- delta, {other} layout\n\n{d.text(layout=other)}\n"


@pytest.mark.parametrize("name", ROWS)
def test_printed(name: str, golden: Callable[..., None]) -> None:
    golden("\n".join(pages(ROWS[name]())))


@pytest.mark.parametrize("name", ROWS)
def test_other_notations_have_no_delta(name: str) -> None:
    """Also where a line shows another form of a value than the lines below it refer to."""
    d = ROWS[name]()
    for notation, form in STYLES:
        assert notation == "delta" or "δ" not in d.text(form, notation)


# -------------------------------------------------------------------- as the lectures print them


def as_typed(line: str, names: dict[str, str]) -> str:
    """A lecture's line with our names for its values."""
    for theirs, ours in names.items():
        line = line.replace(theirs, ours)
    return line


CENG501 = [
    "δᵒ[c] = ∂L/∂netᵒ[c] = (ŷ[c] − y[c])·ŷ[c]·(1 − ŷ[c])",
    "δʰ[j] = ∂L/∂netʰ[j] = (Σ_c δᵒ[c]·wᵒ[c, j])·h[j]·(1 − h[j])",
]
"""δᵒ_ic = ∂L/∂netᵒ_ic = (ŷ_ic − y_ic) ŷ_ic (1 − ŷ_ic), δʰ_ij = … = (Σ_c δᵒ_ic w_cj) h_ij (1 − h_ij)
for one example i."""


def test_d3_as_its_lecture_prints_it() -> None:
    """The two error terms; the updates are in `test_networks`."""
    names = {"netᵒ": "z2", "netʰ": "z1", "δᵒ": "δ2", "δʰ": "δ1", "wᵒ": "W2", "[c": "[k", "_c": "_k"}
    system = d3("index")
    lines = backward(sg.gradient(system.loss, system.wrt), "index")
    assert [lines[0], lines[2]] == [as_typed(line, names) for line in CENG501]


HKUST = {
    "index": [
        "ȳ[k] = y[k] − t[k]",
        "w̄²[k, i] = ȳ[k]·h[i]",
        "b̄²[k] = ȳ[k]",
        "h̄[i] = Σ_k ȳ[k]·w²[k, i]",
        "z̄[i] = h̄[i]·σ′(z[i])",
        "w̄¹[i, j] = z̄[i]·x[j]",
        "b̄¹[i] = z̄[i]",
    ],
    "matrix": [
        "ȳ = y − t",
        "W̄² = ȳ·hᵀ",
        "b̄² = ȳ",
        "h̄ = W²ᵀ·ȳ",
        "z̄ = h̄ ⊙ σ′(z)",
        "W̄¹ = z̄·xᵀ",
        "b̄¹ = z̄",
    ],
}
"""ȳ_k = L̄ (y_k − t_k) with L̄ = 1, w̄²_ki = ȳ_k h_i, …, and the vectorised form."""


@pytest.mark.parametrize("form", HKUST)
@pytest.mark.parametrize("declared", ["index", "matrix"])
def test_d4_as_its_lecture_prints_it(form: str, declared: str) -> None:
    names = {
        "w̄²": "W̄2", "w̄¹": "W̄1", "w²": "W2",
        "W̄²": "W̄2", "W̄¹": "W̄1", "b̄²": "b̄2", "b̄¹": "b̄1", "W²": "W2",
    }  # fmt: skip
    theirs = [as_typed(line, names) for line in HKUST[form]]
    letters = str.maketrans("ij", "ji")  # their h has the index i, x the index j; ours i runs first
    system = d4(declared, unit=SIGMA)
    ours = backward(sg.gradient(system.loss, system.wrt), form, "bar")
    assert ours == ([line.translate(letters) for line in theirs] if form == "index" else theirs)
    parameters = [symbol for symbol in system.wrt if symbol.name[0] in "Wb"]
    every = sg.gradient(system.loss, parameters, messages=True)
    assert backward(every, form, "bar") == ours


IST_OUTPUT = "∇_z{last} L = −(1_y − f)"
IST_LAYER = [
    "∇_W{l} L = (∇_z{l} L)·{below}ᵀ",
    "∇_b{l} L = ∇_z{l} L",
    "∇_h{k} L = W{l}ᵀ·∇_z{l} L",
    "∇_z{k} L = ∇_h{k} L ⊙ g′(z{k})",
]
"""The lecture's algorithm: the output gradient, then four lines for ℓ from L + 1 down to 1."""


@pytest.mark.parametrize("hidden", [1, 2, 4])
def test_d5_as_its_lecture_prints_it(hidden: int) -> None:
    """For a unit g that nothing is known of; −(1_y − f) is written f − 1_y here, for every loss."""
    last = hidden + 1
    lines = [IST_OUTPUT.format(last=last).replace("−(1_y − f)", "f − 1_y")]
    for layer in range(last, 0, -1):
        k = layer - 1
        below = f"h{k}" if k else "x"
        mine = IST_LAYER if k else IST_LAYER[:2]
        lines += [line.format(l=layer, k=k, below=below) for line in mine]
    d = deep_network(hidden, lambda z: z.applyfunc(G))
    assert backward(d, notation="nabla") == lines


# ----------------------------------------------------------------------------------- as LaTeX


@pytest.mark.parametrize("name", ROWS)
def test_latex_is_well_formed(name: str) -> None:
    """ASCII only, each brace closed, no base with two subscripts, in every notation."""
    d = ROWS[name]()
    for notation, form in STYLES:
        text = d.latex(form, notation)
        assert text.isascii(), [x for x in text if not x.isascii()]
        assert text.replace(r"\{", "").count("{") == text.replace(r"\}", "").count("}")
        assert text.count(r"\left") == text.count(r"\right")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_pdflatex_takes_every_row(tmp_path: Path) -> None:
    blocks = []
    for name, derive in ROWS.items():
        d = derive()
        for notation, form in STYLES:
            title = f"{name}, {notation}, {form} form".replace("_", " ")
            blocks.append(rf"\section*{{{title}}}" + "\n" + d.latex(form, notation))
    body = "\n".join(blocks)
    source = rf"""\documentclass{{article}}
\usepackage[a4paper, landscape, margin=1cm]{{geometry}}
\usepackage{{amsmath, amssymb}}
\begin{{document}}
{body}
\end{{document}}
"""
    (tmp_path / "rows.tex").write_text(source, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "rows.tex"],
        cwd=tmp_path, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout.decode("utf-8", "replace")[-2000:]
    assert (tmp_path / "rows.pdf").stat().st_size > 10_000
