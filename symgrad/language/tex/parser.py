r"""One formula of LaTeX as the syntax tree of the text language.

Why it exists: a hand derivation is written in LaTeX, and read here as `parser` reads the text
language, so that everything behind the tree (what a product means, how an error points) is one.

    text → tokens (macros replaced) → layout → grammar → meaning (names matched) → entries from 0

Every stage has limits, no stage calls itself deeper than `layout.MAX_NESTING` allows, and nothing
is evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from itertools import pairwise
from typing import Any

from lark import Lark, Token, UnexpectedToken

import symgrad.language.syntax as s
import symgrad.language.tex.tree as t
from symgrad.errors import ParseError
from symgrad.language.layout import Misread
from symgrad.language.source import Source, Span
from symgrad.language.tex.counting import from_zero
from symgrad.language.tex.layout import arranged
from symgrad.language.tex.meaning import meaning
from symgrad.language.tex.messages import of_token
from symgrad.language.tex.names import Names
from symgrad.language.tex.reading import Reading
from symgrad.language.tex.tokens import Macro, expanded, tokens
from symgrad.language.tree import finished
from symgrad.symbols import LabelSymbol


@dataclass(frozen=True)
class Grounds:
    """What formulas are read on: the names, what they stand for, macros, and where entries start.

    ``values`` may lack names; they are looked at for labels, functions and numbers of axes only.
    ``first`` is the number of the first entry, 0 or 1.
    """

    names: Names
    values: Mapping[str, Any] = field(default_factory=dict)
    macros: Mapping[str, Macro] = field(default_factory=dict)
    first: int = 1

    @cached_property
    def labels(self) -> list[str]:
        """The names of classes, which are what they are."""
        return [x for x in self.values if isinstance(self.values[x], LabelSymbol)]


def read_tex(source: Source, at: Span, grounds: Grounds) -> s.Expr:
    """The tree of one expression, its entries as they are counted there; raises ParseError."""
    reading = Reading(source, grounds.names, grounds.values, meaning)
    try:
        raw = expanded(tokens(source.text[at.start : at.end], offset=at.start), grounds.macros)
        found = arranged(raw, grounds.names)
        return reading.read(_tree(source, found, at))
    except Misread as error:
        raise source.error(error.at, error.message) from None


def counted(sides: Sequence[s.Expr | None], grounds: Grounds) -> list[s.Expr | None]:
    """The sides of an equation with their entries counted from 0."""
    if grounds.first == 0:
        return list(sides)
    indices = () if len(sides) < 2 else free_indices(sides[0], grounds)
    return [None if x is None else from_zero(x, indices, grounds.labels) for x in sides]


def free_indices(left: s.Expr | None, grounds: Grounds) -> tuple[str, ...]:
    """The indices of a left side such as ``dL/dW[j, k]``."""
    if not isinstance(left, s.Item):
        return ()
    positions = [x for y in left.suffixes if isinstance(y, s.Positions) for x in y.positions]
    names = [x.name for x in positions if isinstance(x, s.Name)]
    return tuple(x for x in names if x not in grounds.names)


def _tree(source: Source, found: list[Token], at: Span) -> s.Expr:
    parser = _lark().parse_interactive(start="sum")
    end = at.start + len(source.text[at.start : at.end].rstrip())
    last = Token("$END", "", start_pos=end, end_pos=end)
    try:
        for token in found:
            parser.feed_token(token)
        tree = finished(parser.feed_token(last))
    except UnexpectedToken as error:
        raise _unexpected(source, error, found) from None
    assert isinstance(tree, s.Expr)
    return tree


def _unexpected(source: Source, error: UnexpectedToken, found: list[Token]) -> ParseError:
    token = error.token
    start = token.start_pos or 0
    at = Span(start, max(start + 1, token.end_pos or 0))
    shown = source.text[at.start : token.end_pos or at.end].strip() or str(token)
    before = next((x for x, y in pairwise(found) if y is token), None)
    if token.type == "$END" and found:
        before = found[-1]
    return source.error(at, of_token(token, shown, before, set(error.expected)))


@cache
def _lark() -> Lark:
    grammar = resources.files("symgrad.language.tex").joinpath("grammar.lark").read_text("utf-8")
    return Lark(
        grammar,
        parser="lalr",
        lexer="basic",
        start=["sum"],
        transformer=t.transformer(),
        keep_all_tokens=True,
        maybe_placeholders=False,
    )
