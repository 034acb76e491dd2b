"""The text of a model: its limits, its characters, and the place that an error points at.

Why it exists: a text may come from anyone (a web page, a homework folder), so its size and its
characters are checked before anything reads it, and every later error points into it.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from symgrad.errors import DeclarationError, ParseError

MAX_CHARACTERS = 100_000
"""A model of a hundred layers has about ten thousand."""

_FORBIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of characters that nobody sees: controls, marks of direction, halves of pairs."""

_LAYOUT = frozenset("\t\n\r")


@dataclass(frozen=True)
class Span:
    """Characters ``start`` to ``end`` of a text, the end excluded."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """From here to the end of ``other``."""
        return Span(self.start, max(self.end, other.end))


@dataclass(frozen=True)
class Source:
    """A checked text."""

    text: str

    @classmethod
    def of(cls, text: str) -> Source:
        """The source of a text; raises ParseError for one that is too long or not readable."""
        source = cls(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))
        if len(source.text) > MAX_CHARACTERS:
            raise source.error(
                Span(0, 1),
                f"the text has {len(source.text)} characters; a model may have {MAX_CHARACTERS}.",
            )
        for at, char in enumerate(source.text):
            if (char > "~" and unicodedata.category(char) in _FORBIDDEN) or char < " ":
                if char in _LAYOUT:
                    continue
                name = unicodedata.name(char, "a control character")
                raise source.error(
                    Span(at, at + 1),
                    f"the invisible character U+{ord(char):04X} ({name}) stands here; delete it.",
                )
        return source

    @cached_property
    def _starts(self) -> list[int]:
        found = [0]
        found.extend(at + 1 for at, char in enumerate(self.text) if char == "\n")
        return found

    def line_of(self, at: int) -> int:
        """The number of the line, from 1, that a character is in."""
        return bisect_right(self._starts, at)

    def place_of(self, at: int) -> str:
        """``line 2, column 5``."""
        line = self.line_of(at)
        return f"line {line}, column {at - self._starts[line - 1] + 1}"

    def slice(self, span: Span) -> str:
        """The text of a span, on one line and not too long for a message."""
        found = " ".join(self.text[span.start : span.end].split())
        return found if len(found) <= 40 else f"{found[:37]}…"

    def error(self, span: Span, message: str) -> ParseError:
        """The error that points at a span."""
        line = self.line_of(span.start)
        first = self._starts[line - 1]
        last = self.text.find("\n", first)
        shown = self.text[first : last if last >= 0 else len(self.text)]
        column = span.start - first + 1
        width = max(1, min(span.end - span.start, len(shown) - column + 1))
        return ParseError(_clipped(message), line, column, _visible(shown), width)


def _clipped(message: str) -> str:
    return message if len(message) <= 600 else f"{message[:597]}…"


def _visible(line: str) -> str:
    """The line with a mark in place of each character that must not reach a terminal."""
    if len(line) > 10_000:
        line = line[:10_000]
    return "".join(
        c if c == "\t" or unicodedata.category(c) not in _FORBIDDEN else "\ufffd" for c in line
    )


def read(path: str, what: str = "a text model") -> str:
    """The text of a file; raises DeclarationError for one that is no text or far too large.

    ``what`` it should be is for the message.
    """
    size = Path(path).stat().st_size
    if size > 4 * MAX_CHARACTERS:
        raise DeclarationError(
            f"the file {path} has {size} bytes; {what} has at most {MAX_CHARACTERS} characters."
        )
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DeclarationError(
            f"the file {path} is not UTF-8 text (byte {error.start}); save it as UTF-8."
        ) from None
