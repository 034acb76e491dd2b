r"""LaTeX from anyone: equations or an error, nothing else, and soon."""

from __future__ import annotations

from itertools import pairwise

import pytest

import symgrad as sg
from symgrad.language.layout import MAX_NESTING
from symgrad.language.scope import Scope
from symgrad.language.tex.document import MAX_EQUATIONS
from symgrad.language.tex.read import lines
from symgrad.language.tex.rules import TEX_RULES

MODEL = """x, w: vector(D); A: matrix(D, D); s: scalar; y: simplex(C); c: label(C); W1: matrix(C, D)
z = W1 x
p = softmax(z)
L = -sum(y * log(p)) + s w'A x"""


def messages(text: str, names: dict[str, object]) -> list[str]:
    """What is said of a text: of the whole, or of each side; "" of what is read and built."""
    try:
        found = lines(text, names)
    except sg.ParseError as error:
        return [str(error)]
    said = []
    for part in (x for line in found for x in line):
        try:
            if part.error is not None:
                raise part.error
            assert part.tree is not None
            Scope(part.source, names, TEX_RULES).build(part.tree)
            said.append("")
        except sg.ParseError as error:
            assert error.line >= 1
            assert len(str(error)) < 12_000
            said.append(error.message)
    return said


def doubling(n: int) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"[: n + 1]
    pairs = pairwise(letters)
    made = [rf"\newcommand{{\{y}}}{{\{x}\{x}}}" for x, y in pairs]
    return "".join([r"\newcommand{\a}{xx}", *made]) + rf" \{letters[-1]}"


HOSTILE: dict[str, tuple[str, str]] = {
    "braces": ("{" * 19_000, f"more than {MAX_NESTING} deep"),
    "braces that are closed": ("{" * 9_000 + "}" * 9_000, f"more than {MAX_NESTING} deep"),
    "parentheses": ("(" * 9_000, f"more than {MAX_NESTING} deep"),
    "marks": (r"\hat" * 9_000 + "x", f"more than {MAX_NESTING} deep"),
    "fractions": (r"\frac" * 9_000, f"more than {MAX_NESTING} deep"),
    "exponents": ("x^" * 1_000 + "x", "two exponents stand here"),
    "cases": (r"\begin{cases}" * 3_000, f"more than {MAX_NESTING} deep"),
    "sums of sums": (r"\sum_j " * 400 + "x_j", "nested too deeply"),
    "minus signs": ("-" * 2_000 + "x", "nested too deeply"),
    "bars": ("|" * 9_000, "nested more than"),
    "a macro of itself": (r"\newcommand{\a}{\a\a} \a", "stands for itself"),
    "macros that double": (doubling(24), "too deep"),
    "macros that double wide": (doubling(15), "too long"),
    "a macro's argument that doubles": (r"\def\a#1{#1#1} " + r"\a{" * 25 + "x" + "}" * 25, "too"),
    "a macro without its arguments": (r"\def\a#1#2{#1} \a", "takes 2 arguments"),
    "a megabyte": ("x" * 10**6, "the text has 1000000 characters"),
    "letters": ("xy " * 33_000, "more than 20000"),
    "terms": ("+".join("s" * 9_000), "too long"),
    "equations": ("s = s\n" * (MAX_EQUATIONS + 1), f"more than {MAX_EQUATIONS} equations"),
    "a run of letters": ("x" * 70, "more than 60 characters"),
    "digits": ("9" * 5_000 + " s", "is too long"),
    "9^9^9^9": ("9^{9^{9^9}}", "is too large"),
    "a name with many parts": (r"\hat{\bar{q}}_{1,2,3,4}^{(5)(6)}", "not declared"),
    "entries of entries": ("(" * 28 + "s" + ")_1" * 28, "has no entries"),
    "NUL": ("s\x00", "the invisible character U+0000"),
    "right to left": ("s + \u202es", "U+202E"),
    "write18": (r"\write18{rm -rf /}", "this is no formula"),
    "a file": (r"\input{/etc/passwd}", "files are never read"),
    "a loop": (r"\loop\iftrue\repeat", "is not known"),
    "a catcode": (r"\catcode`\$=11", "is not known"),
    "Python": ("__import__('os').system('true')", ""),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_refused(name: str) -> None:
    text, sentence = HOSTILE[name]
    said = messages(text, dict(sg.parse(MODEL).names))
    assert any(said)
    assert any(sentence in x for x in said), said


READ = {
    "subscripts of subscripts": "x_{" * 25 + "1" + "}" * 25,
    "ones in ones": r"\mathbf{1}^\top (\mathbf{1}^\top (" * 14 + "x" + "))" * 14,
    "ones of functions": r"\mathbf{1}^\top \tanh(" * 25 + "x" + ")" * 25,
    "identities": "(I + " * 25 + "A" + ")A " * 25,
    "a fraction in a fraction": r"\frac{1}{1 + " * 20 + "s" + "}" * 20,
    "cases in cases": r"\begin{cases} 1 & s>0 \\ " * 20 + "2" + r"\end{cases}" * 20,
}
"""Deep, and read at once: what is inside is built once, however often its shape is asked for."""


@pytest.mark.parametrize("name", READ)
def test_read(name: str) -> None:
    assert messages(READ[name], dict(sg.parse(MODEL).names)) == [""]
