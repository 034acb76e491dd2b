"""Markdown: golden files that were read, and signs that Markdown would take for its own."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from renderings import DERIVATIONS, GOLDEN, SHEETS

from symgrad.show.markdown import inline


@pytest.mark.parametrize("name", GOLDEN)
def test_markdown(name: str, golden: Callable[..., None]) -> None:
    derivation, style = GOLDEN[name]
    golden(DERIVATIONS[derivation]().markdown(**style), ".md")


@pytest.mark.parametrize(("name", "level"), SHEETS)
def test_tables_keep_their_columns(name: str, level: str) -> None:
    """Every row of a table has as many cells as its head, and every dollar its partner."""
    text = DERIVATIONS[name]().markdown(level=level)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        cells = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(cells) == 1, table
    for line in text.splitlines():
        assert len(re.findall(r"(?<!\\)\$", line)) % 2 == 0, line


@pytest.mark.parametrize("name", sorted({*DERIVATIONS} - {"hostile names"}))
def test_no_formula_has_a_backslash_before_a_sign(name: str) -> None:
    """GitHub takes ``\\,`` for an escaped comma before it looks for mathematics."""
    text = re.sub(r"\\([`*_{}\[\]<>#|$~&])", "", DERIVATIONS[name]().markdown())
    for formula in re.findall(r"\$([^$]*)\$", text):
        assert not re.search(r"\\[^a-zA-Z]", formula), formula
        assert not re.search(r"[<>|*]", formula), formula


def test_signs_that_are_written_as_words() -> None:
    assert inline(r"\mathit{lam} \, W < 0") == r"$\mathit{lam} \thinspace W \lt  0$"
    assert inline(r"\begin{cases} 1 \\ 2 \end{cases}") == r"$\begin{cases} 1 \cr 2 \end{cases}$"


def test_a_proof_line_has_its_sign_under_that_of_the_line() -> None:
    """Before "=" is as much room as the left-hand side of its line takes."""
    text = DERIVATIONS["design"]().markdown(level="full", notation="bar")
    assert r"| $L = -y^\top \log(p)$ |" in text
    assert r"| $\hphantom{L} = -y^\top (z_{2} - " in text
    assert r"| $\hphantom{\bar{z}_{2}} = p - y$ |" in text
    assert "| $= " not in text
