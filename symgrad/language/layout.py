"""What stands between the tokens and the parser: brackets, bars, ends of lines, and their limits.

Why it exists: three things are not for a grammar that looks one token ahead. A bar ``|`` opens or
closes, depending on what stands before it. A line goes on inside brackets and around an operator.
And a bracket that is never closed should be pointed at where it was opened.

All of it is one pass over the tokens, so nothing hostile gets further than a count.
"""

from __future__ import annotations

from collections.abc import Iterator

from lark import Token

from symgrad.language.source import Span

MAX_TOKENS = 20_000
MAX_LINE_TOKENS = 1_500
"""In one statement."""
MAX_NAME = 60
MAX_NESTING = 30
"""Brackets within brackets, and whatever else is within something of its own kind."""

PAIRS = {
    **{"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE", "INDICATOR": "RSQB"},
    **{"GROUP": "RSQB", "GROUP_AGAIN": "RSQB"},
}
_CLOSES = frozenset(PAIRS.values())
_ENDS_OPERAND = frozenset(
    {"NAME", "NUMBER", "TRANSPOSE", "SUPERSCRIPT", "BAR_CLOSE", "NORM_ORDER", "GROUP_END", *_CLOSES}
)
_HAS_POSITIONS = (_ENDS_OPERAND | {"SUBSCRIPT"}) - {"NUMBER"}
"""Behind these a [ begins positions; elsewhere it is a bracket as ( is."""
_CARRIES_ON = frozenset(
    {"OPERATOR", "TIMES", "PLUS_MINUS", "POWER", "RELATION", "EQUAL", "COMMA", "COLON", "OVER"}
)
"""Tokens that no line ends with, and no statement begins with."""


class Misread(Exception):
    """A mistake at a place in the text; the parser, which knows the text, points at it."""

    def __init__(self, at: Span, message: str) -> None:
        super().__init__(message)
        self.at, self.message = at, message


def span(token: Token) -> Span:
    """Where a token stands."""
    start = token.start_pos or 0
    return Span(start, max(start + 1, token.end_pos or start + len(token)))


class Layout:
    """Lark's ``postlex``: the tokens in, the tokens that the grammar speaks of out."""

    always_accept = ("BAR",)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """The tokens with bars told apart and without the ends of lines that end nothing."""
        open_: list[Token] = []
        before = ""
        waiting: Token | None = None
        total = of_line = 0
        for token in stream:
            total, of_line = total + 1, of_line + 1
            if total > MAX_TOKENS or of_line > MAX_LINE_TOKENS:
                limit = MAX_TOKENS if total > MAX_TOKENS else MAX_LINE_TOKENS
                where = "the text" if total > MAX_TOKENS else "this line"
                raise Misread(
                    span(token), f"{where} is too long here: more than {limit} names and signs."
                )
            if token.type == "NAME" and len(token) > MAX_NAME:
                raise Misread(span(token), f"this name has more than {MAX_NAME} characters.")
            if token.type == "END":
                bars = [x for x in open_ if x.type == "BAR_OPEN"]
                if bars:
                    raise Misread(span(bars[-1]), f"this {bars[-1]} is never closed.")
                if token == ";" or not (open_ or before in _CARRIES_ON):
                    waiting = waiting or token
                    of_line = 0
                continue
            if waiting is not None:
                if token.type not in _CARRIES_ON or waiting == ";":
                    _all_closed(open_)
                    yield waiting
                    before = "END"
                waiting = None
            for part in _bars(token, open_, before):
                read = _paired(part, open_, before)
                before = read.type
                yield read
        _all_closed(open_)


def _bars(token: Token, open_: list[Token], before: str) -> list[Token]:
    """``||`` as two bars where it closes two: ``|a − |b||``."""
    two = token.type == "BAR" and token == "||" and before in _ENDS_OPERAND
    if not (two and [str(x) for x in open_[-2:]] == ["|", "|"]):
        return [token]
    start = token.start_pos or 0
    return [token.update(value="|"), Token("BAR", "|", start_pos=start + 1)]


def _all_closed(open_: list[Token]) -> None:
    if open_:
        raise Misread(span(open_[-1]), f"this {open_[-1]} is never closed.")


def _paired(token: Token, open_: list[Token], before: str) -> Token:
    """The token, with its partner taken off the list of open ones or itself put on."""
    if token.type == "BAR":
        closes = (
            bool(open_)
            and open_[-1].type == "BAR_OPEN"
            and str(open_[-1]) == str(token)
            and before in _ENDS_OPERAND
        )
        token = token.update(type="BAR_CLOSE" if closes else "BAR_OPEN")
    if token.type == "LSQB" and before not in _HAS_POSITIONS:
        token = token.update(type="GROUP")
    elif token.type == "LSQB" and before == "GROUP_END":
        token = token.update(type="GROUP_AGAIN")
    if token.type in PAIRS or token.type == "BAR_OPEN":
        open_.append(token)
        if len(open_) > MAX_NESTING:
            raise Misread(
                span(token),
                f"brackets are nested more than {MAX_NESTING} deep here; name the inner value on "
                "a line of its own.",
            )
    elif token.type == "BAR_CLOSE":
        open_.pop()
    elif token.type in _CLOSES:
        if not open_:
            raise Misread(span(token), f"this {token} closes nothing; delete it, or open it.")
        opened = open_.pop()
        if PAIRS.get(opened.type) != token.type:
            raise Misread(
                span(token), f"this {token} does not close {opened}, which is still open before it."
            )
        if opened.type in ("GROUP", "GROUP_AGAIN"):
            return token.update(type="GROUP_END")
    return token
