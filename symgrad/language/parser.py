"""From text to a syntax tree: the grammar in ``grammar.lark``, read by Lark's LALR parser.

Why it exists: a person's mistake has to come out as a sentence that says where it is, what stands
there and what could. The parser is linear and keeps its own stack; the tree is made while it
reads, each node with its height, so a text of any depth ends in an error and not in recursion.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

from lark import Lark, Token, UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

import symgrad.language.messages as messages
import symgrad.language.syntax as s
from symgrad.errors import ParseError
from symgrad.language.layout import Layout, Misread, span
from symgrad.language.source import Source, Span
from symgrad.language.tree import finished, transformer


def parse_model(source: Source) -> s.Model:
    """The tree of a whole text; raises ParseError."""
    model = _parsed(source, "model")
    assert isinstance(model, s.Model)
    return model


def parse_expression(source: Source) -> s.Expr:
    """The tree of one expression; raises ParseError."""
    expression = _parsed(source, "sum")
    assert isinstance(expression, s.Expr)
    return expression


def _parsed(source: Source, start: str) -> s.Node:
    try:
        tree = finished(_lark().parse(source.text, start=start))
    except Misread as error:
        raise source.error(error.at, error.message) from None
    except UnexpectedCharacters as error:
        start_of = error.pos_in_stream or 0
        at = Span(start_of, start_of + 1)
        raise source.error(at, messages.of_character(source.text, at.start)) from None
    except (UnexpectedToken, UnexpectedEOF) as error:
        raise _unexpected(source, error) from None
    assert isinstance(tree, s.Node)
    return tree


def _unexpected(source: Source, error: UnexpectedToken | UnexpectedEOF) -> ParseError:
    token = error.token
    if token.type in ("$END", "<EOF>"):
        end = len(source.text.rstrip())
        token = Token("END", "\n", start_pos=end)
    at = span(token)
    opened = _open_before(source.text, at.start)
    if opened is not None and source.line_of(opened) < source.line_of(at.start):
        return source.error(
            Span(opened, opened + 1), f"this {source.text[opened]} is never closed."
        )
    before = source.text[source.text.rfind("\n", 0, at.start) + 1 : at.start]
    expected = set(error.expected)
    if opened is None:
        expected -= messages.INSIDE_BRACKETS
    return source.error(at, messages.of_token(token, expected, before))


def _open_before(text: str, end: int) -> int | None:
    """The innermost bracket that is open at a place (comments left out)."""
    found: list[int] = []
    comment = False
    for at, char in enumerate(text[:end]):
        comment = char == "#" or (comment and char != "\n")
        if comment:
            continue
        if char in "([{":
            found.append(at)
        elif char in ")]}" and found:
            found.pop()
    return found[-1] if found else None


@cache
def _lark() -> Lark:
    grammar = resources.files("symgrad.language").joinpath("grammar.lark").read_text("utf-8")
    return Lark(
        grammar,
        parser="lalr",
        lexer="basic",
        start=["model", "sum"],
        postlex=Layout(),
        transformer=transformer(),
        keep_all_tokens=True,
        maybe_placeholders=False,
    )
