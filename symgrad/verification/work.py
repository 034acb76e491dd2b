"""What a person hands in, cut into lines, and each line into what stands between its = signs.

Why it exists: on paper an equation goes on where the next line begins with = or an operator, and
two stand in one line with a comma or a semicolon between them. An error has to point into the text
as it was typed, so every piece is an `Excerpt` that knows where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import symgrad.language.syntax as s
from symgrad.errors import ParseError, UnsupportedError
from symgrad.language.functions import KNOWN
from symgrad.language.names import canonical
from symgrad.language.parser import parse_expression
from symgrad.language.source import MAX_CHARACTERS, Source, Span
from symgrad.language.tex.derivatives import UNNAMED
from symgrad.language.tex.read import TexPart
from symgrad.language.tex.read import lines as tex_lines
from symgrad.verification.habits import without_dots
from symgrad.verification.names import NABLA, ONE

TEXT, LATEX = "text", "latex"
LANGUAGES = (TEXT, LATEX)
MAX_LINES = 400
"""Lines of one piece of work."""


@dataclass(frozen=True)
class Excerpt(Source):
    """Part of a text: what is read of it, and errors that point into the whole."""

    whole: Source
    start: int

    def error(self, span: Span, message: str) -> ParseError:
        """The error that points at a span of this part."""
        return self.whole.error(Span(span.start + self.start, span.end + self.start), message)

    def line_of(self, at: int) -> int:
        """The number of the line of the whole text that a character of this part is in."""
        return self.whole.line_of(at + self.start)


@dataclass(frozen=True)
class Part:
    """One side of an equation: its tree, as it was typed, and the number of its line."""

    number: int
    text: str
    source: Source
    tree: s.Expr
    conditional: bool = False
    """Whether a condition stands behind it, under which alone it is said to hold."""


class Line(Protocol):
    """One equation, or an expression that stands alone; read when the names before it are known."""

    @property
    def number(self) -> int:
        """The number of its first line, from 1."""

    @property
    def text(self) -> str:
        """As it was typed."""

    def error(self, message: str) -> ParseError:
        """The error that points at the equation."""

    def read(self, names: Mapping[str, Any]) -> Sequence[Part]:
        """What stands between its = signs; raises ParseError."""

    def left(self) -> Part | None:
        """What stands before the first =, where that can be read by itself."""

    def pieces(self) -> Sequence[Line]:
        """Its sides, each with the first before it; none where it has two sides at most."""

    def joined(self, other: Line) -> Line:
        """This equation, continued by the right sides of another with the same left side."""


@dataclass(frozen=True)
class TextLine:
    """An equation in the text language: where each of its sides begins and ends."""

    whole: Source
    plain: str
    """The text with spaces in the place of remarks."""
    sides: tuple[tuple[int, int], ...]

    @property
    def number(self) -> int:
        """The number of its first line, from 1."""
        return self.whole.line_of(self.source.start)

    @property
    def text(self) -> str:
        """As it was typed."""
        return self.source.text.strip()

    @property
    def source(self) -> Excerpt:
        """Points into the whole text."""
        first, last = _trimmed(self.whole.text, self.sides[0][0], self.sides[-1][1])
        first = max(first, _trimmed(self.plain, first, last)[0])
        return Excerpt(self.whole.text[first:last], self.whole, first)

    def error(self, message: str) -> ParseError:
        """The error that points at the equation."""
        return self.source.error(Span(0, max(1, len(self.source.text))), message)

    def read(self, names: Mapping[str, Any]) -> Sequence[Part]:
        """What stands between its = signs; raises ParseError."""
        return [_part(self.whole, self.plain, start, end) for start, end in self.sides]

    def left(self) -> Part | None:
        """What stands before the first =, where that can be read by itself."""
        if len(self.sides) < 2:
            return None
        try:
            return _part(self.whole, self.plain, *self.sides[0])
        except ParseError:
            return None

    def pieces(self) -> Sequence[TextLine]:
        """Its sides, each with the first before it; none where it has two sides at most."""
        first, *others = self.sides
        return [replace(self, sides=(first, x)) for x in others] if len(others) > 1 else []

    def joined(self, other: Line) -> TextLine:
        """This equation, continued by the right sides of another with the same left side."""
        assert isinstance(other, TextLine)
        return replace(self, sides=(*self.sides, *other.sides[1:]))


def lines(
    text: str, language: str | None = None, names: Mapping[str, Any] | None = None
) -> list[Line]:
    """The equations of a text, in order; LaTeX where it looks like it, unless ``language`` says.

    ``names`` are those of the loss, to which LaTeX's spellings are brought. Raises ParseError for a
    text that is too long or has invisible characters.
    """
    if language not in (None, *LANGUAGES):
        raise UnsupportedError(
            f"the language {language!r} was asked for; expected one of {', '.join(LANGUAGES)}."
        )
    if len(text) > MAX_CHARACTERS:
        shown = Source(text[:80].split("\n")[0])
        raise shown.error(
            Span(0, 1), f"the text has {len(text)} characters; {MAX_CHARACTERS} are read at most."
        )
    source = Source.of(text)
    latex = language == LATEX or (language is None and looks_like_latex(source.text))
    found: list[Line] = _latex_lines(text, names) if latex else _text_lines(source, names or {})
    if len(found) > MAX_LINES:
        raise found[MAX_LINES].error(f"the work has more than {MAX_LINES} equations.")
    return found


def looks_like_latex(text: str) -> bool:
    """Whether a text has a command or a formula of LaTeX."""
    return bool(re.search(r"\\[A-Za-z\\\[(,;!]|\$", text))


@dataclass(frozen=True)
class LatexLine:
    """An equation in LaTeX: its sides, as they were read."""

    sides: tuple[TexPart, ...]

    @property
    def number(self) -> int:
        """The number of its first line, from 1."""
        return self.sides[0].number

    @property
    def text(self) -> str:
        """As it was typed."""
        return " = ".join(x.text for x in self.sides)

    @property
    def source(self) -> Source:
        """Points into the whole text."""
        return self.sides[0].source

    def error(self, message: str) -> ParseError:
        """The error that points at the equation."""
        places = [x.at for x in self.sides if x.at is not None]
        return self.source.error(places[0].to(places[-1]) if places else Span(0, 1), message)

    def read(self, names: Mapping[str, Any]) -> Sequence[Part]:
        """What stands between its = signs; raises ParseError."""
        found = []
        others = any(x.tree is not None for x in self.sides[1:])
        for side in self.sides:
            unnamed = side.error is not None and side.error.message == UNNAMED
            if unnamed and others and side is not self.sides[0]:
                continue  # ∂L/∂(W x + b) on the way to what the other sides say
            if side.tree is None:
                raise side.error or self.error("this cannot be read.")
            found.append(Part(side.number, side.text, side.source, side.tree, side.conditional))
        return found

    def left(self) -> Part | None:
        """What stands before the first =, where that can be read by itself."""
        side = self.sides[0]
        if len(self.sides) < 2 or side.tree is None:
            return None
        return Part(side.number, side.text, side.source, side.tree)

    def pieces(self) -> Sequence[LatexLine]:
        """Its sides, each with the first before it; none where it has two sides at most."""
        first, *others = self.sides
        return [LatexLine((first, x)) for x in others] if len(others) > 1 else []

    def joined(self, other: Line) -> LatexLine:
        """This equation, continued by the right sides of another with the same left side."""
        assert isinstance(other, LatexLine)
        return LatexLine((*self.sides, *other.sides[1:]))


# -------------------------------------------------------------------------------------- text

_JOINS = "+-−*·⋅⊙∘×/@=^,"
_OPENING = (
    "so|thus|hence|therefore|then|now|finally|and|let|with|where|that|since|consequently|next|"
    "(?:we|one) (?:get|gets|have|has|obtain|obtains|find|finds)|it follows|"
    "(?:which|this|that|it) (?:gives|yields|implies|means|is)|giving|"
    "by the (?:chain|product|quotient|sum) rule"
)
_LABEL = r"(?:[a-h]|[ivx]{1,4})"
_ITEM = rf"\(?{_LABEL}\):?(?=\s+[^\W\d]|\s+[∂∇(])|{_LABEL}[.](?=\s+[^\W\d]|\s+[∂∇(])"
_OPENS = re.compile(
    r"\s*(?:=>|⇒|⟹|∴|→|[-•*]\s+(?=[^=]*=)|\(?\d{1,2}[.)](?=\s)"
    rf"|(?:{_ITEM})(?=[^=]*=)"
    r")\s*"
)
"""What may stand before an equation and says nothing: an arrow, a bullet, a number, a letter."""
_ARROW = re.compile(r"=>|[⇒⟹∴]")
_STOP = re.compile(r"(?<=[\w)\]'ᵀ²³])[.](?=[ \t]+(?:[^\W\d]|[∂∇(])[^\n]*=)")
"""The full stop between two sentences of one line."""
_INDICATOR = re.compile(r"(?<![\w.)\]])1(?=_[^\W\d_])")
"""The 1 of 1_y."""
_EQUALS = re.compile(r"(?<![<>=!:≤≥≠])=(?![=>])")


def _latex_lines(text: str, names: Mapping[str, Any] | None) -> list[Line]:
    return [LatexLine(tuple(x)) for x in tex_lines(text, names or {})]


def _text_lines(source: Source, names: Mapping[str, Any]) -> list[Line]:
    plain = _without_remarks(source.text, names)
    found = [_split(plain, start, end, _is_equals) for start, end in _statements(plain)]
    kept = [_without_zero(plain, x, found[k + 1 : k + 2], names) for k, x in enumerate(found)]
    return [TextLine(source, plain, tuple(sides)) for sides in kept if sides]


def _without_zero(
    plain: str,
    sides: list[tuple[int, int]],
    later: Sequence[list[tuple[int, int]]],
    names: Mapping[str, Any],
) -> list[tuple[int, int]]:
    """An equation without the = 0 of ``dL/dw = … = 0 ⇒ w = …``, which is solved for w."""
    if not later or plain[slice(*sides[-1])].strip() != "0":
        return sides
    (first, _), *right = later[0]
    between = plain[sides[-1][1] : first]
    name = canonical(plain[slice(*later[0][0])].strip())
    is_solved = right and name in names and not re.match(r"[d∂∇]\w+/", name)
    if not (is_solved and _ARROW.match(between + plain[first - 1 : first + 1])):
        return sides
    return sides[:-1] if len(sides) > 2 else []


def _is_equals(text: str, at: int) -> bool:
    return _EQUALS.match(text, at) is not None


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A piece without the spaces around it, and the full stop or comma behind it."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in ".,"):
        end -= 1
    return start, end


def _part(whole: Source, plain: str, start: int, end: int) -> Part:
    start, end = _trimmed(plain, start, end)
    raw = plain[start:end]
    if not raw:
        at = max(0, start - 1)
        raise whole.error(Span(at, at + 1), "nothing stands on one side of this =.")
    readable = without_dots(_INDICATOR.sub(ONE, raw.replace("∂", "d").replace("∇", NABLA)))
    excerpt = Excerpt(readable, whole, start)
    return Part(whole.line_of(start), raw, excerpt, parse_expression(excerpt))


_SET_EQUAL = re.compile(r":=|[≡≔≜←]")
_REASON = r"(?:since|because|by|using|recall|weil|denn|wegen)"
_REMARKS = (
    re.compile(r"#[^\n]*"),
    re.compile(
        rf"(?im)(?:^[ \t]*(?:(?:{_ITEM})[ \t]+)?|(?<=[,;.])[ \t]+(?:(?:{_ITEM})[ \t]+)?)"
        rf"(?:(?:{_OPENING})\b,?:?[ \t]+)+(?=(?:[^\W\d]|[∂∇(])[^=\n]*=)"
    ),
    re.compile(rf"\(\s*({_REASON})\b(?:[^()\n]|\([^()\n]*\))*\)"),
    re.compile(rf"(?<=[\s,])({_REASON})(?=\s+\S)(?!\s*=)[^\n;,]*(?:,(?![^\n;]*=)[^\n;,]*)*"),
    re.compile(r"(?<=\s)[(\[]([A-Za-z]{2,}(?:[ \t+]+[A-Za-z]{2,})+)[)\]](?=\s*[.,;]?\s*(?:\n|$))"),
)
"""What is said beside an equation: a remark, so, (since …), by …, (chain rule)."""


def _without_remarks(text: str, names: Mapping[str, Any]) -> str:
    """The text with spaces in the place of remarks, and with = for every sign that means it.

    A word that is a name of the loss begins no remark.
    """
    own = set(re.findall(r"(?:^|[\n;,])\s*([^\W\d]\w*)\b[^=\n;,]*=", text))
    known = own.union(names, KNOWN)

    def is_name(word: str) -> bool:
        return canonical(word) in known or (word[0] == "d" and canonical(word[1:]) in known)

    def blank(match: re.Match[str]) -> str:
        words = re.findall(r"\w+", match[1]) if match.re.groups else ()
        named = words and all(is_name(x) for x in words)
        return match[0] if named else " " * len(match[0])

    for pattern in _REMARKS:
        text = pattern.sub(blank, text)
    return _SET_EQUAL.sub(lambda m: m[0].replace(":", " ") if len(m[0]) > 1 else "=", text)


def _statements(plain: str) -> list[tuple[int, int]]:
    """Where each equation begins and ends."""
    found: list[tuple[int, int]] = []
    for start, end in _rows(plain):
        for first, b in _split(plain, start, end, _is_end):
            a = _begin(plain, first, b)
            pieces = _split(plain, a, b, lambda t, k: t[k] == ",")
            joined: list[tuple[int, int]] = []
            for piece in pieces:  # a comma parts two equations, and else is part of one
                if joined and not _has_equals(plain, *piece):
                    joined[-1] = (joined[-1][0], piece[1])
                else:
                    joined.append(piece)
            found += joined
    return [(a, b) for a, b in found if plain[a:b].strip(" \t\n.,")]


def _is_end(text: str, at: int) -> bool:
    """Whether an equation ends here: a semicolon, an arrow, a full stop before another one."""
    return text[at] == ";" or bool(_ARROW.match(text, at) or _STOP.match(text, at))


def _begin(plain: str, start: int, end: int) -> int:
    """Where a piece begins, without the rest of an arrow and a letter that counts it."""
    if plain[start - 1 : start + 1] == "=>":
        start += 1
    opening = _OPENS.match(plain, start, end) if start and plain[start - 1] != "\n" else None
    return opening.end() if opening else start


def _rows(plain: str) -> list[tuple[int, int]]:
    """Rows of the text, those together that are one: inside brackets and around an operator.

    A row that has a = of its own is another equation, even where a bracket was left open above.
    """
    rows: list[tuple[int, int]] = []
    at = depth = 0
    for row in plain.split("\n"):
        start, end = at, at + len(row)
        at = end + 1
        opening = _OPENS.match(row)
        begins = start + (opening.end() if opening else 0)
        body = plain[begins:end].strip()
        before = plain[rows[-1][0] : rows[-1][1]].rstrip() if rows else ""
        is_inside = depth > 0 and not _is_equation(plain, begins, end)
        goes_on = is_inside or (before and before[-1] in _JOINS)
        if rows and before and body and (goes_on or (not opening and body[0] in _JOINS)):
            rows[-1] = (rows[-1][0], end)
        else:
            rows.append((begins, end))
            depth = 0
        depth = max(0, depth + sum((c in "([{") - (c in ")]}") for c in row))
        if not body:
            depth = 0
    return rows


def _is_equation(plain: str, start: int, end: int) -> bool:
    """Whether a row has a = before which as many brackets are opened as closed, and none fewer."""
    depth = 0
    for k in range(start, end):
        depth += (plain[k] in "([{") - (plain[k] in ")]}")
        if depth < 0:
            return False
        if depth == 0 and k > start and _is_equals(plain, k):
            return True
    return False


def _split(
    text: str, start: int, end: int, parts: Callable[[str, int], bool]
) -> list[tuple[int, int]]:
    """The pieces between separators that stand outside all brackets."""
    found, depth, first = [], 0, start
    for k in range(start, end):
        depth = max(0, depth + (text[k] in "([{") - (text[k] in ")]}"))
        if depth == 0 and parts(text, k):
            found.append((first, k))
            first = k + 1
    found.append((first, end))
    return found


def _has_equals(text: str, start: int, end: int) -> bool:
    return len(_split(text, start, end, _is_equals)) > 1
