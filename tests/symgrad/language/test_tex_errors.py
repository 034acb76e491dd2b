r"""What is wrong in LaTeX is said in a sentence, and pointed at."""

from __future__ import annotations

import pytest

import symgrad as sg
from symgrad.language.scope import Scope
from symgrad.language.source import Source
from symgrad.language.tex.read import lines, parse_tex
from symgrad.language.tex.rules import TEX_RULES

ERRORS: dict[str, tuple[str, str]] = {
    "x^": ("^", "^ has nothing behind it; write ^{…}"),
    r"\frac{1}": (r"\frac", r"\frac has nothing behind it"),
    r"\frac{1}{": ("{", "this { is never closed"),
    "x_{1": ("{", "this { is never closed"),
    "(x": ("(", "this ( is never closed"),
    "x)": (")", "this ) closes nothing"),
    "x_.1": (".", "_ has only the point behind it"),
    "(x]": ("]", "this ] does not close ("),
    r"\sqrt[x}": ("}", "this } closes nothing"),
    "x}": ("}", "this } closes nothing"),
    r"\left( x \right]": ("]", "this ] does not close ("),
    r"\|x": (r"\|", "this ‖ is never closed"),
    r"\lvert x": (r"\lvert", "this | is never closed"),
    "x + ": ("", "the formula ends behind '+'"),
    "x + * w": ("*", "'*' cannot stand behind '+'"),
    "": ("", "no formula stands here"),
    "x, w": (",", "a comma stands in brackets"),
    "x > 0": (">", r"a comparison stands behind a 1"),
    "(0 < x < 1)": ("0 < x < 1", r"a comparison stands behind a 1"),
    r"\foo x": (r"\foo", r"define it with \newcommand"),
    r"\begin{bmatrix} 1 \end{bmatrix}": ("{bmatrix}", "a matrix written out in entries"),
    r"\mathbb{E}[x]": (r"\mathbb", "an expectation is not read"),
    r"\prod_k x_k": (r"\prod", "write its logarithm"),
    r"\int x": (r"\int", "integrals are not read"),
    r"x_1 + \dots + x_n": (r"\dots", "dots are not read"),
    r"x \approx w": (r"\approx", "claims nothing exact"),
    r"\sum_{k \in S} x_k": (r"\in", "write the range of an index"),
    r"\sum_{k=1} x_k": ("_{k=1}", "the upper bound is missing"),
    r"\sum^{D} x": ("^{D}", "begins with one"),
    r"\sum_{2} x": ("2", "an index was expected here"),
    r"\input{/etc/passwd}": (r"\input", "files are never read"),
    r"x^\top_": ("_", "_ has nothing behind it"),
    r"\hat{xw + 1}": ("xw + 1", "a mark is put over one letter"),
    r"\begin{cases} 1 & s > 0": ("{cases}", r"write \end{cases}"),
    r"\begin{cases} 1 & s > 0 \end{cases}": ("{cases}", "what holds otherwise"),
    r"\begin{cases} 1 \\ 0 & s > 0 \end{cases}": ("{cases}", "only the last case"),
    r"\nabla L": (r"\nabla", "∇ says by what it is"),
    r"\partial": (r"\partial", "∂ stands in a derivative"),
    r"\frac{\partial L}{\partial (x + w)}": ("(x + w)", "give this value a name first"),
    r"\log_2 s": (r"\log_2", "log is a function, and has no subscript"),
    r"x \top": (r"\top", r"⊤ is a superscript"),
    "x # w": ("#", "the parameter of a macro"),
    "s!": ("!", "there is no factorial"),
    r"x \& w": (r"\&", "has no meaning in a formula"),
    "x w": ("x w", "write x' w for the dot product"),
    "A W_3": ("W_3", "W3 is not declared"),
    "q_k": ("q", "q is not declared"),
    r"x = w": ("=", "'=' cannot stand here"),
    r"\|x\|_3": ("_3", "the order of a norm is 1, 2, F"),
}
"""A formula → the text that is pointed at, and the sentence."""


@pytest.mark.parametrize("text", ERRORS)
def test_error(text: str) -> None:
    model = sg.parse("x, w: vector(D); A: matrix(D, D); s: scalar\nL = sum(A x) + s + x'w")
    source = Source.of(text)
    with pytest.raises(sg.ParseError) as raised:
        Scope(source, model.names, TEX_RULES).build(parse_tex(source, model.names))
    error = raised.value
    pointed, sentence = ERRORS[text]
    assert sentence in error.message
    at = error.column - 1
    assert text[at : at + len(pointed)] == pointed


def test_an_error_points_into_the_document() -> None:
    text = "We have\n\\[ \\delta = p \\]\nand\n\\[ h = ( 1 + z \\]"
    (_, _), (_, part) = lines(text, ["p", "z"])
    assert part.error is not None
    assert (part.error.line, part.error.column) == (4, 8)


def test_only_the_wrong_side_has_an_error() -> None:
    ((left, middle, right),) = lines(r"a = \foo = c", ["a", "c"])
    assert left.tree is not None
    assert right.tree is not None
    assert middle.tree is None
    assert middle.error is not None
