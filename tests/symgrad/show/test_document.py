"""The LaTeX document: golden files, and pdflatex, where it is installed, takes every sheet."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import sympy as sp
from renderings import DERIVATIONS, GOLDEN, SHEETS

import symgrad as sg
from symgrad.show.document import breakable, signs

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
    both = r"(?<!\\)&|\\wide\{"  # a formula in the place of a reason too
    assert len({len(re.findall(both, row)) for row in rows}) == 1


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


def wide_root() -> sg.Derivation:
    """A root that no line has room for, and no place to break it at."""
    xs = [sp.Symbol(f"x_input_{k}", real=True) for k in range(24)]
    return sg.gradient(sg.let("L", sp.sqrt(1 + sum(x**2 for x in xs))), xs[:1])


@needs_pdflatex
def test_pdflatex_takes_it(tmp_path: Path) -> None:
    design, hostile = DERIVATIONS["design"](), DERIVATIONS["hostile names"]()
    compiled(
        {
            "design": design.document(level="full"),
            "index": design.document(form="index", notation="nabla"),
            "long lines": DERIVATIONS["long lines"]().document(notation="bar"),
            "hostile": hostile.document(),
            "wide root": wide_root().document(),
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


def wide_cases() -> sg.Derivation:
    """A case that no line has room for, which has no other spelling."""
    xs = [sp.Symbol(f"x{k}", real=True) for k in range(60)]
    return sg.gradient(sg.let("L", sp.Piecewise((sum(xs) ** 2, xs[0] > 0), (xs[0], True))), xs[:1])


def test_only_what_cannot_be_broken_lies_across_the_page() -> None:
    assert "landscape" in wide_cases().document()
    for derivation in (wide_root(), DERIVATIONS["hessian"](), DERIVATIONS["long lines"]()):
        assert "landscape" not in derivation.document(level="full")


LONG_ROOT = r"\sqrt{abcdefghijklmn + abcdefghijklmn + abcdefghijklmn}"
LONG = "a b c d e f g h i j k l m n o p - q"
BROKEN = {
    r"a + b": r"a \penalty100 + b",
    r"(a - b) \odot c": r"(a \penalty1000 - b) \penalty100 \odot c",
    f"x ({LONG})": r"x \penalty500 (" + LONG.replace(" - ", r" \penalty300 - ") + ")",
    r"W^\top \left( a + \frac{b + c}{d} \right)": (
        r"W^\top \penalty500 \Bigl( a \penalty1000 + \frac{b + c}{d} \Bigr)"
    ),
    LONG_ROOT: (
        r"\Bigl( abcdefghijklmn \penalty300 + abcdefghijklmn \penalty300 + abcdefghijklmn "
        r"\Bigr)^{1/2}"
    ),
    rf"\frac{{a}}{{{LONG_ROOT}}}": (
        r"a / \Bigl( \Bigl( abcdefghijklmn \penalty500 + abcdefghijklmn \penalty500 + "
        r"abcdefghijklmn \Bigr)^{1/2} \Bigr)"
    ),
    r"-x \sum_{i} y_{i}": r"-x \penalty500 \sum_{i} y_{i}",
}
"""A formula as it can be broken: in front of an operator, the further out the better, in
long brackets rather than between factors; not in a fraction, nor behind a sign in front."""


@pytest.mark.parametrize("formula", BROKEN)
def test_where_a_line_may_end(formula: str) -> None:
    assert breakable(formula) == BROKEN[formula]


needs_pdftotext = pytest.mark.skipif(
    not shutil.which("pdflatex") or not shutil.which("pdftotext"), reason="it is not installed"
)


@needs_pdftotext
@pytest.mark.parametrize("name", ["design", "long lines"])
def test_the_columns_are_the_same_in_every_section(name: str, tmp_path: Path) -> None:
    """The equals signs stand below each other on every page, and so do the shapes."""
    path = tmp_path / "sheet.tex"
    path.write_text(DERIVATIONS[name]().document(level="full"), encoding="utf-8")
    for _ in range(2):  # the second time longtable knows the widths
        subprocess.run(["pdflatex", "-interaction=batchmode", path.name], cwd=tmp_path, timeout=60)
    done = subprocess.run(
        ["pdftotext", "-bbox", "sheet.pdf", "-"], cwd=tmp_path, capture_output=True, text=True
    )
    words = re.findall(r'xMin="([\d.]+)".*xMax="([\d.]+)".*>(.*)</word>', done.stdout)
    ends = [float(right) for _, right, word in words if word in ("shape", "scalar")]
    assert len(ends) >= 4
    assert max(ends) - min(ends) < 3
    signs_of_lines = [float(left) for left, _, word in words if word == "="]
    assert max(sum(abs(x - y) < 2 for y in signs_of_lines) for x in signs_of_lines) > 8
