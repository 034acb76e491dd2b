"""Where a formula may be broken: between terms, and inside one only where it is long."""

from __future__ import annotations

import pytest

from symgrad.show.breaks import Term, pieces

WIDE = r"\frac{\partial L}{\partial (z_{2} - \operatorname{logsumexp}(z_{2}))}"

PIECES = {
    "a + b": ("a", "{}+ b"),
    "-a": ("-a",),
    "(a - b) c": ("(a - b) c",),
    r"(x - \mu)^\top S (x - \mu)": (r"(x - \mu)^\top S (x - \mu)",),
    r"\frac{a + b}{c} \odot d": (r"\frac{a + b}{c}", r"{}\odot d"),
    r"\left( a + \frac{1}{b} \right) = c": (r"\left( a + \frac{1}{b} \right)", "{}= c"),
    rf"a - {WIDE} \, {WIDE}": ("a", Term((rf"{{}}- {WIDE} \,", WIDE))),
    rf"\operatorname{{sum}}\left( {WIDE} + b \right) p": (
        rf"\operatorname{{sum}}\Bigl( {WIDE}",
        r"{}+ b \Bigr) p",
    ),
    "f(aaaaaaaaaaaaaa + bbbbbbbbbbbb) + c": (
        Term(("f(aaaaaaaaaaaaaa", "{}+ bbbbbbbbbbbb)")),
        "{}+ c",
    ),
    r"aaaaaaaaaaaaaaa \odot (bbbbbbbbbbb - ccccccccccc)": (
        "aaaaaaaaaaaaaaa",
        Term((r"{}\odot (bbbbbbbbbbb", "{}- ccccccccccc)")),
    ),
}
"""LaTeX → its pieces."""


@pytest.mark.parametrize("formula", PIECES)
def test_pieces(formula: str) -> None:
    assert pieces(formula) == PIECES[formula]
