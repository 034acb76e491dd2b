r"""The equations of documents and fragments."""

from __future__ import annotations

import pytest
from latex_formulas import DOCUMENT, FRAGMENTS

from symgrad.language.tex.read import lines, tex_lines


def test_a_document() -> None:
    found = [" = ".join(" ".join(part.text.split()) for part in x) for x in lines(DOCUMENT, [])]
    assert found == [
        r"p = \text{softmax}(z_2)",
        r"\delta_2 = \pd{L}{z_2} = p - y",
        r"\pd{L}{\W_2} = \delta_2 h^\top",
        r"\pd{L}{W_1} = \delta_1 x^\top = \W_2^\top (p-y) \odot {}\\ & \quad (1 - h \odot h)"
        r" x^\top",
        r"a = \delta_1",
        r"b = \delta_2",
        r"c = \begin{cases} 1 & z_1 > 0 \\ 0 & \text{else}\end{cases}",
        r"u = W_1 x",
        r"v = u",
        r"d = b_1 + \nonumber \\ & & b_1",
        r"e = 1",
    ]


def test_every_side_of_the_document_is_read() -> None:
    names = ["p", "y", "h", "x", "W1", "W2", "z1", "z2", "b1", "L"]
    parts = [part for line in lines(DOCUMENT, names) for part in line]
    assert [part.error for part in parts if part.error is not None] == []
    assert [part.number for part in parts][:5] == [5, 5, 7, 7, 7]


@pytest.mark.parametrize("text", FRAGMENTS)
def test_a_fragment(text: str) -> None:
    assert tex_lines(text) == FRAGMENTS[text]


def test_a_name_that_a_line_defines_is_known_below() -> None:
    _, second = lines("foo = x\ny = foo x", ["x"])
    tree = second[1].tree
    assert tree is not None
    assert [link.item.name for link in tree.links] == ["foo", "x"]  # type: ignore[attr-defined]
