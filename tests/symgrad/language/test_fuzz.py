r"""Random and mutated strings to both parsers: an expression or a ParseError, and soon.

The quick tests are in every run. The campaign of 100,000 strings, each within a second and all
within 200 MB, is

    pytest -m slow tests/symgrad/language/test_fuzz.py
"""

from __future__ import annotations

import random
import re
import time
import tracemalloc
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from latex_formulas import DERIVATIVES, DOCUMENT, ENTRIES, FRAGMENTS, MACROS, MEANS, MODEL

import symgrad as sg
from symgrad.language.model import parse_expression
from symgrad.language.scope import Scope
from symgrad.language.tex.read import lines, tex_lines
from symgrad.language.tex.rules import TEX_RULES


@cache
def names() -> dict[str, Any]:
    return dict(sg.parse(MODEL).names)


def read_text(text: str) -> int:
    """The text parser: how many expressions were read."""
    try:
        parse_expression(text, names())
    except sg.ParseError as error:
        assert error.line >= 1
        return 0
    return 1


def read_latex(text: str) -> int:
    """The LaTeX parser, down to SymPy: how many sides were read."""
    read = 0
    try:
        tex_lines(text)
        found = lines(text, names())
    except sg.ParseError as error:
        assert error.line >= 1
        return 0
    for part in (x for line in found for x in line):
        assert (part.tree is None) != (part.error is None)
        if part.tree is not None:
            try:
                Scope(part.source, names(), TEX_RULES).build(part.tree)
                read += 1
            except sg.ParseError as error:
                assert error.column >= 1
    return read


PARSERS: dict[str, Callable[[str], int]] = {"text": read_text, "latex": read_latex}
SEEDS: dict[str, list[str]] = {
    "text": sorted({*MEANS.values(), "mean L over x", "1[s > 0] W1[0, 1]", "Σ_{j ≠ c} p[j]^2"}),
    "latex": [*MEANS, *DERIVATIVES, *ENTRIES, *MACROS, *FRAGMENTS, DOCUMENT],
}
_TEX = r"""
\frac \partial \sum \left \right ( ) [ ] { } ^ _ \\ & = + - \odot \cdot \mathbf{1} \mathbf 1
\begin{cases} \end{cases} \text{if} \text{ \hat \bar ' \top T ^T 2 12 0.5 W x W_1 h p c k j \| |
\lVert \rVert \sqrt \max \log \sigma \tanh softmax , ; . $ $$ \[ \] % # #1 \newcommand{\a}{\a\a}
\a \def\b{ \operatorname \mathrm{ \nabla_ \begin{align} \end{align} \quad \langle \rangle \infty
< > \ne \leq I \mathbb{E} e^ d / * ᵀ ² ₁ ∂ Σ ŷ \label \tag \stackrel \boxed \bigl \{ \} \, ~
\mathbf{1}_c \sum_{k=1}^{C} _{jk} ^{(2)} ^{[1]} \frac{\partial L}{\partial W_1} \text{since } :=
"""
_TEXT = r"""
sum Σ_j Σ ( ) [ ] { } ' ^ ^T ** * / ⊙ .* + - = == , | || ‖ 1[ < > ≠ W1 W2 x w h A tanh log exp
max 0 1 2 0.5 1e-3 9^9^9 D c inf true e π σ ² ⁻¹ ᵀ # norm( sqrt( det( inverse( where( rows=true
_1 . .T ones( eye( diag( over mean in : ; onehot( f( f Σ_{i=0}^{ softmax(
"""
PIECES: dict[str, list[str]] = {"latex": [*_TEX.split(), " ", "\n"], "text": [*_TEXT.split(), " "]}


def mutated(kind: str, seed: int) -> str:
    """A random string, pieces in a row, or a valid string with a few changes."""
    rng = random.Random(seed)
    pieces, which = PIECES[kind], rng.random()
    if which < 0.1:
        chars = [*range(32, 127)] * 3 + [rng.randrange(0x3000) for _ in range(40)]
        return "".join(chr(rng.choice(chars)) for _ in range(rng.randint(1, 80)))
    if which < 0.25:
        return rng.choice(["", " "]).join(rng.choices(pieces, k=rng.randint(1, 40)))
    text = rng.choice(SEEDS[kind])
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(text) + 1)
        to = min(len(text), at + rng.randint(1, 10))
        tokens = re.findall(r"\\[A-Za-z]+|\w|\s+|.", text) or [text]
        place = rng.randrange(len(tokens))
        other = rng.choice(SEEDS[kind])
        cut = rng.randrange(len(other) + 1)
        text = rng.choice(
            [
                text[:at] + text[to:],
                text[:at] + rng.choice(pieces) + text[at:],
                text[:at] + rng.choice(pieces) + text[to:],
                text[:to] + text[at:],
                text[:at] + other[cut : cut + 20] + text[at:],
                text[:at] + chr(rng.choice([*range(128), 0x301, 0x2028, 0xD800])) + text[at:],
                "".join([*tokens[:place], rng.choice(tokens), *tokens[place + 1 :]]),
                "".join([*tokens[:place], rng.choice(tokens), *tokens[place + 1 :]]),
                text[:at] + " " + text[at:],
            ]
        )
    return text


def outcome(kind: str, text: str) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sg.DomainWarning)
        return PARSERS[kind](text)


@pytest.mark.parametrize("kind", PARSERS)
def test_mutated_strings(kind: str) -> None:
    """Both outcomes come out, so the campaign tests both."""
    found = [outcome(kind, mutated(kind, seed)) for seed in range(250)]
    assert 20 < sum(x > 0 for x in found) < 230


@settings(max_examples=120, deadline=None)
@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    outcome("latex", text)
    outcome("text", text)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.sampled_from([*PIECES["latex"], "x", "s"]), max_size=20))
def test_any_pieces(pieces: list[str]) -> None:
    outcome("latex", " ".join(pieces))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes(data: bytes) -> None:
    outcome("latex", data.decode("utf-8", "replace"))
    outcome("text", data.decode("latin-1"))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(50))
@pytest.mark.parametrize("kind", PARSERS)
def test_mutated_strings_for_long(kind: str, part: int) -> None:
    """A hundred thousand strings to each parser, in fifty parts of 2,000."""
    outcome(kind, "x")  # the parser is made, SymPy's caches are warm
    tracemalloc.start()
    try:
        for seed in range(10_000 + 2_000 * part, 12_000 + 2_000 * part):
            text = mutated(kind, seed)
            start = time.process_time()
            outcome(kind, text)
            assert time.process_time() - start < 1, (seed, text)
        assert tracemalloc.get_traced_memory()[1] < 200_000_000
    finally:
        tracemalloc.stop()
