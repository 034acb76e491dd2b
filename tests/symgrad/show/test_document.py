"""The LaTeX document: golden files, and pdflatex, where it is installed, takes every sheet."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from renderings import DERIVATIONS, GOLDEN, SHEETS

from symgrad.show.document import signs

needs_pdflatex = pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="pdflatex is not installed"
)


@pytest.mark.parametrize("name", GOLDEN)
def test_document(name: str, golden: Callable[..., None]) -> None:
    derivation, style = GOLDEN[name]
    golden(DERIVATIONS[derivation]().document(**style), ".tex")


@pytest.mark.parametrize(("name", "level"), SHEETS)
def test_the_source_is_well_formed(name: str, level: str) -> None:
    """ASCII, braces and environments closed, as many cells in every row."""
    text = DERIVATIONS[name]().document(level=level)
    assert text.isascii(), sorted({c for c in text if not c.isascii()})
    plain = text.replace(r"\\", "").replace(r"\{", "").replace(r"\}", "")
    assert plain.count("{") == plain.count("}")
    assert (
        re.findall(r"\\begin\{(\w+)\}", text).sort() == re.findall(r"\\end\{(\w+)\}", text).sort()
    )
    assert text.count(r"\left") == text.count(r"\right") + text.count(r"\leftarrow")
    cases = re.sub(r"\\begin\{cases\}.*?\\end\{cases\}", "", text)
    rows = [x for x in cases.splitlines() if x.endswith(r" \nextline")]
    assert rows
    assert len({len(re.findall(r"(?<!\\)&", row)) for row in rows}) == 1


MARGIN = 57
"""Of the page, in points."""


def compiled(texts: dict[str, str], folder: Path) -> None:
    """Each document becomes a PDF, with no error and no line beyond the paper."""
    for name, text in texts.items():
        path = folder / f"{name.replace(' ', '_')}.tex"
        path.write_text(text, encoding="utf-8")
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", path.name],
            cwd=folder,
            capture_output=True,
            timeout=60,
        )
        log = done.stdout.decode("latin-1")
        assert done.returncode == 0, f"{name}: {log[-2000:]}"
        assert path.with_suffix(".pdf").stat().st_size > 10_000
        wide = [float(x) for x in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
        assert all(x < MARGIN for x in wide), f"{name}: {wide}"


@needs_pdflatex
def test_pdflatex_takes_it(tmp_path: Path) -> None:
    design, hostile = DERIVATIONS["design"](), DERIVATIONS["hostile names"]()
    compiled(
        {
            "design": design.document(level="full"),
            "index": design.document(form="index", notation="nabla"),
            "long lines": DERIVATIONS["long lines"]().document(notation="bar"),
            "hostile": hostile.document(),
        },
        tmp_path,
    )


@needs_pdflatex
@pytest.mark.slow
@pytest.mark.parametrize("name", [x for x in DERIVATIONS if x != "hostile names"])
def test_pdflatex_takes_every_sheet(name: str, tmp_path: Path) -> None:
    derivation = DERIVATIONS[name]()
    notations = (
        ("delta", "bar", "partial", "nabla") if derivation.kind == "gradient" else ("delta",)
    )
    compiled(
        {
            f"{notation} {form} {level}": derivation.document(form, notation, level=level)
            for notation in notations
            for form in ("matrix", "index")
            for level in ("brief", "normal", "full")
        },
        tmp_path,
    )


@needs_pdflatex
def test_pdflatex_takes_an_align_block(tmp_path: Path) -> None:
    """What ``d.latex()`` returns needs amsmath and amssymb, and nothing else."""
    blocks = [DERIVATIONS[name]().latex() for name in ("design", "D4", "layer norm", "hessian")]
    head = r"\documentclass{article}\usepackage[margin=5mm,a3paper]{geometry}"
    text = head + r"\usepackage{amsmath,amssymb}\begin{document}" + "\n\n".join(blocks)
    compiled({"blocks": text + r"\end{document}"}, tmp_path)


WIDTHS = {
    r"z_{1}": 2,
    r"W_{2}^\top \delta_{2}": 5,
    r"\frac{\partial L}{\partial W_{2}}": 3,
    r"\operatorname{softmax}(z)": 10,
    r"\frac{\frac{a + b}{c}}{d}": 3,
}
"""a formula → how many signs wide it is."""


@pytest.mark.parametrize("formula", WIDTHS)
def test_width(formula: str) -> None:
    assert signs(formula) == WIDTHS[formula]


def test_long_lines_lie_across_the_page() -> None:
    assert "landscape" in DERIVATIONS["long lines"]().document()
    assert "landscape" not in DERIVATIONS["design"]().document()
