"""LaTeX to MathML: every line converts, with nothing lost and nothing left over."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest
import random_networks
from lecture_networks import SYSTEMS
from networks import NETWORKS
from renderings import DERIVATIONS

import symgrad as sg
from symgrad.show.breaks import leaves
from symgrad.show.latex import equation
from symgrad.show.latex_form import latex
from symgrad.show.mathml import mathml
from symgrad.show.prose import runs
from symgrad.show.steps import Step

NAMES = {
    "varphi": "φ", "varepsilon": "ε", "phi": "ϕ", "epsilon": "ϵ", "partial": "∂", "nabla": "∇",
    "top": "⊤", "odot": "⊙", "sum": "∑", "lVert": "‖", "rVert": "‖", "lvert": "|", "rvert": "|",
    "geq": "≥", "leq": "≤", "neq": "≠", "cdot": "⋅", "circ": "∘", "lfloor": "⌊", "rfloor": "⌋",
    "infty": "∞", "sqrt": "", "frac": "", "bar": "", "hat": "", "overline": "", "left": "",
    "right": "", "mathbf": "", "mathrm": "", "mathit": "", "operatorname": "", "text": "",
    "begin": "", "end": "", "surd": "√", "vert": "|", "ell": "ℓ", "to": "→", "in": "∈",
    "ast": "*", "Vert": "‖", "prime": "", "times": "×", "div": "÷", "dots": "…",
}  # fmt: skip
"""A command → the characters that it stands for; the name of a Greek letter is looked up."""


def characters(formula: str) -> list[str]:
    """The letters and digits of a formula, sorted, read from the LaTeX by this test alone."""
    formula = re.sub(r"\\(begin|end)\{cases\}|\\\\|&|\\[,!:; ]", " ", formula)

    def plain(found: re.Match[str]) -> str:
        name = found[1]
        if name in NAMES:
            return NAMES[name]
        kind = "SMALL" if name.islower() else "CAPITAL"
        spelled = {"LAMBDA": "LAMDA"}.get(name.upper(), name.upper())
        try:
            return unicodedata.lookup(f"GREEK {kind} LETTER {spelled}")
        except KeyError:
            return name

    return sorted(c for c in re.sub(r"\\([a-zA-Z]+) ?", plain, formula) if c.isalnum())


def shown(element: Element) -> list[str]:
    """The letters and digits that a browser shows, sorted."""
    text = unicodedata.normalize("NFKC", "".join(element.itertext()))
    return sorted(c for c in text.replace("ϕ", "φ").replace("ϵ", "ε") if c.isalnum())


def check(formula: str) -> None:
    root = fromstring(mathml(formula))
    assert root.tag == "math"
    text = "".join(root.itertext())
    assert not set(text) & set("\\$&#"), (formula, text)
    expected = unicodedata.normalize("NFKC", "".join(characters(formula)))
    assert shown(root) == sorted(expected.replace("ϕ", "φ").replace("ϵ", "ε")), (formula, text)
    whole = "".join("".join(fromstring(mathml(p)).itertext()) for p in leaves(formula))
    assert sorted(whole.replace("\xa0", "")) == sorted(text.replace("\xa0", "")), formula


def checked(steps: list[Step]) -> None:
    seen: set[str] = set()
    for step in steps:
        for formula in (equation(step), *(x.text for x in runs(step.because) if x.is_math)):
            if formula not in seen:
                seen.add(formula)
                check(formula)


STYLES = [("matrix", "delta"), ("index", "bar")]
OTHERS = [("matrix", "partial"), ("index", "nabla")]


MADE: dict[str, Callable[[], Any]] = {**NETWORKS, **SYSTEMS}


@pytest.mark.parametrize("name", MADE)
def test_every_line_of_the_lectures(name: str) -> None:
    made = MADE[name]()
    derivation = sg.gradient(made.loss, made.wrt)
    for form, notation in [*STYLES, *(OTHERS if name.startswith("D") else [])]:
        checked(derivation.lines(form, notation))


@pytest.mark.parametrize("name", ["hessian", "layer norm", "design"])
def test_every_line_of_a_sheet(name: str) -> None:
    for section in DERIVATIONS[name]().sheet(level="full").sections:
        checked(list(section.steps))
        for step in section.steps:
            for move in step.proof:
                check(latex(move.expr))


def random_lines(seed: int) -> None:
    network = random_networks.Network(seed)
    derivation = sg.gradient(network.loss, network.wrt)
    for form, notation in STYLES:
        checked(derivation.lines(form, notation))


@pytest.mark.filterwarnings("ignore::symgrad.errors.DomainWarning")
@pytest.mark.parametrize("seed", range(1))
def test_random_networks(seed: int) -> None:
    random_lines(seed)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::symgrad.errors.DomainWarning")
@pytest.mark.parametrize("seed", range(1, 120))
def test_many_random_networks(seed: int) -> None:
    random_lines(seed)


CONVERTED = {
    r"\operatorname{softmax}(z)": "<mi>softmax</mi>",  # no operator, whose spaces it would have
    r"\mathit{code}": '<mi class="italic">code</mi>',  # one word, and not four letters
    r"\mathbf{1}": "<mn>𝟏</mn>".replace("<mn>", '<mn mathvariant="bold">'),
    r"\bar{z}": '<mo stretchy="false" class="bar">¯</mo>',  # which the style lifts off the letter
    r"\tanh' = 1": "<mi>tanh′</mi><mo>=</mo>",  # msup would lift the prime of the font once more
    "f'(z)": "<mi>f</mi><mi>′</mi>",
    "z_{1}'": "<msub><mrow><mi>z</mi><mi>′</mi></mrow><mrow><mn>1</mn></mrow></msub>",
    "h_{l-1}": '<mo lspace="0" rspace="0">−</mo>',
    r"\sum_{i} x_{i}": "<munder><mo>∑</mo>",
    "1 / n": '<mo lspace="0" rspace="0">/</mo>',
    r"\overline{\mathit{ab}}": 'class="over"',
    r"= -x": '<mo form="prefix">−</mo>',
    r"{}- x": '<mo form="infix">−</mo>',
    r"x \log(p)": '<mspace width="0.167em" /><mi>log</mi>',
    r"\lVert x \rVert": '<mo form="postfix" stretchy="false">‖</mo>',
    r"\class{r7}{z_{1}}^\top": '<msubsup class="r7" tabindex="0">',
    r"\mathit{a<b}": "&lt;",
    r"\log\lvert \det S \rvert": '<mi>det</mi><mspace width="0.167em" /><mi>S</mi>',
}  # fmt: skip
"""LaTeX → what its MathML has."""


@pytest.mark.parametrize("formula", CONVERTED)
def test_converted(formula: str) -> None:
    assert CONVERTED[formula] in mathml(formula)


def test_a_sign_among_words_has_their_spaces() -> None:
    assert '<mo lspace="0" rspace="0">÷</mo>' in mathml(r"\div", False, among_words=True)
    assert '<mo lspace="0">=</mo>' in mathml("= 2", False, among_words=True)
    assert "lspace" not in mathml("a = 2", False, among_words=True)
