r"""The equations of a document: where formulas are, and where each side of each begins and ends.

Why it exists: a homework is prose with ``$…$``, displays and ``align``, its equations go on in the
next row with ``&=``, and remarks stand in ``\text{…}`` and behind ``&&``. Here the text is cut, by
position only; what a piece says is for `tex.parser`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import symgrad.language.tex.commands as c
from symgrad.language.layout import MAX_TOKENS, Misread
from symgrad.language.source import Span
from symgrad.language.tex.names import Names
from symgrad.language.tex.tokens import Raw, tokens

MAX_EQUATIONS = 400
"""In one text."""

_DISPLAYS = "equation|align|gather|multline|eqnarray|flalign|alignat|displaymath|math"
_REGION = re.compile(
    r"(?P<env>\\begin\{(?P<name>(?:" + _DISPLAYS + r")\*?)\})"
    r"|(?P<display>\\\[)|(?P<inline>\\\()|(?P<dollars>\$\$)|(?P<dollar>\$)|\\."
)
_VERBATIM = re.compile(
    r"\\begin\{(verbatim|lstlisting|comment|minted)\}.*?(?:\\end\{\1\}|\Z)", re.DOTALL
)
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)(%[^\n]*)")
_NOTE = re.compile(
    r"\\(?:text|textrm|mbox|intertext)\{[^{}$]*\b(?:since|because|by|using|as|where|with|weil|denn)\b"
    r"[^{}$]*\$(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}"
)
"""A remark with a formula in it, which claims nothing."""
_HEAD = re.compile(r"\A.*\\begin\{document\}", re.DOTALL)

_ENDS_ROW = frozenset({"\\quad", "\\qquad", ";", "\\Rightarrow", "\\implies", "\\therefore"}) | {
    "\\iff", "\\Leftrightarrow", "\\Longrightarrow", "\\hspace", "\\because", "\\newline",
}  # fmt: skip
"""What stands between two formulas in a row."""

_DOTS = frozenset({"\\dots", "\\ldots", "\\cdots", "…"})
_JOINS = frozenset(
    {"+", "-", "−", "*", "/", "·", "×", "⊙", "∘", "\\cdot", "\\odot", "\\times", "\\circ", "\\ast"}
    | {"⊗", "\\otimes"}
)
"""With these a formula goes on in the next row."""

_OPENING = frozenset({"(", "[", "\\{", "\\lbrace", "\\langle", "\\lfloor"})
_CLOSING = frozenset({")", "]", "\\}", "\\rbrace", "\\rangle", "\\rfloor"})
_CASES = frozenset({"cases", "dcases", "rcases", *c.REFUSED})


@dataclass(frozen=True)
class Row:
    """One equation, or the row that goes on with it: the places of its sides.

    ``continues`` says that the first of them is a right side of the equation above, and
    ``conditional`` that it is said to hold under a condition only, such as j ≠ k.
    """

    sides: tuple[Span, ...]
    continues: bool
    conditional: bool = False


def blanked(text: str) -> str:
    """The text with spaces in the place of comments, verbatim, and what is before the document."""

    def spaces(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match[0])

    text = _COMMENT.sub(lambda m: m[1] + " " * len(m[2]), text)
    text = _VERBATIM.sub(spaces, text)
    text = _NOTE.sub(spaces, text)
    if "\\begin{document}" in text:
        text = _HEAD.sub(spaces, text)
        end = text.find("\\end{document}")
        if end >= 0:
            text = text[:end] + re.sub(r"[^\n]", " ", text[end:])
    return text


def rows(text: str, names: Names) -> list[Row]:
    """The equations of a text in which comments and macros are blank, in order."""
    found: list[Row] = []
    total = 0
    for at, prose in _regions(text):
        raw = tokens(text[at.start : at.end], offset=at.start)
        total += len(raw)
        if total > MAX_TOKENS:
            raise Misread(at, f"the text has more than {MAX_TOKENS} letters and signs up to here.")
        conditional = False
        for piece in _pieces(raw, text, whole=not prose):
            above, conditional = conditional, _conditions_behind(raw, piece, names)
            row = _row(piece, names)
            if row is None or (above and (len(row.sides) == 1 or _is_of_indices(piece, names))):
                continue
            row = replace(row, conditional=conditional)
            alone = len(row.sides) == 1 and not row.continues
            if prose and alone:
                continue  # $W_1$ in a sentence
            if len(found) == MAX_EQUATIONS:
                raise Misread(row.sides[0], f"the text has more than {MAX_EQUATIONS} equations.")
            found.append(row)
    return found


def _regions(text: str) -> Iterator[tuple[Span, bool]]:
    """Where formulas are, each with whether it stands in a sentence."""
    at, any_ = 0, False
    while (found := _REGION.search(text, at)) is not None:
        kind = found.lastgroup if found.lastgroup != "name" else "env"
        if kind is None:
            at = found.end()
            continue
        any_ = True
        start = found.end()
        if kind == "env":
            end = text.find(rf"\end{{{found['name']}}}", start)
            if found["name"].startswith("alignat") and text[start : start + 1] == "{":
                start = max(start, text.find("}", start) + 1)
        else:
            close = {"display": "\\]", "inline": "\\)", "dollars": "$$", "dollar": "$"}[kind]
            end = _close(text, start, close)
        end = len(text) if end < 0 else end
        yield Span(start, end), kind in ("dollar", "inline")
        at = end + 2 if kind in ("display", "inline", "dollars") else end + (kind == "dollar")
    if not any_:
        yield Span(0, len(text)), False


def _close(text: str, start: int, sign: str) -> int:
    """Where a formula ends; a dollar with a backslash before it is none."""
    at = text.find(sign, start)
    while sign[0] == "$" and at > 0 and text[at - 1] == "\\" and text[at - 2 : at] != "\\\\":
        at = text.find(sign, at + 1)
    return at


def _pieces(raw: Sequence[Raw], text: str, whole: bool) -> Iterator[list[Raw]]:
    """The formulas of a region: cut at ``\\\\``, at quads, at remarks; ``whole`` at line ends."""
    piece: list[Raw] = []
    depth = 0
    inner: list[str] = []  # environments
    skipping = to_the_end = False
    k = 0
    while k < len(raw):
        token = raw[k]
        name = token.text
        if name in ("\\begin", "\\end"):
            environment = _argument(raw, k)
            if environment.rstrip("*") in _CASES:
                inner = [*inner, environment] if name == "\\begin" else inner[:-1]
        if depth == 0 and not inner:
            breaks = name in ("\\\\", "\\newline", "\\cr")
            new_line = not breaks and whole and _is_new_line(raw, k, text, piece)
            if breaks or new_line:
                joined = _joins(raw[k if new_line else k + 1 :], piece)
                # a remark ends with its row; TeX reads on over a mere end of a line
                skipping = skipping and new_line and to_the_end and not _is_open(piece)
                if not joined:
                    yield piece
                    piece, skipping = [], False
                if not new_line:
                    k = _behind_break(raw, k)
                    while joined and k < len(raw) and raw[k].text in _INDENTS:
                        k += 1  # a quad in front of an operator ends no row
                    continue
            elif name == "&" and _is_column(raw, k) and not _is_open(piece):
                skipping = to_the_end = True
            elif name in _ENDS_ROW or (name == "," and _has_equation(raw, k + 1)):
                if name in _INDENTS and _is_remark_within(raw, k, piece):
                    skipping = True
                elif not _is_open(piece):
                    yield piece
                    piece, skipping = [], False
                k += 1
                continue
            elif name[1:] in c.TEXTS and not skipping and _is_remark(_argument(raw, k)):
                started = any(x.text != "&" for x in piece)
                to_the_end = _is_reason(_argument(raw, k))
                skipping = started or to_the_end
                k = _behind_argument(raw, k)
                continue
        if token.kind == "open" or name in _OPENING:
            depth += 1
        elif token.kind == "close" or name in _CLOSING:
            depth = max(0, depth - 1)
        if not skipping:
            piece.append(token)
        k += 1
    yield piece


def _conditions_behind(raw: Sequence[Raw], piece: Sequence[Raw], names: Names) -> bool:
    r"""Whether ``\quad (j \ne k)`` or ``\text{if } j = k`` stands behind a formula in its row."""
    if not any(x.text == "=" for x in piece):
        return False
    k = 1 + bisect_left(raw, piece[-1].at.start, key=lambda x: x.at.start)
    depth, word, between = 0, "", False
    while k < len(raw) and raw[k].text not in ("\\\\", "\\newline", "\\cr"):
        name = raw[k].text
        if name[1:] in c.TEXTS:
            word = (re.findall("[a-zü]+", _argument(raw, k).lower()) or [word])[0]
            between, k = True, _behind_argument(raw, k)
            continue
        between = between or name in _ENDS_ROW
        depth += (name in _OPENING) - (name in _CLOSING)
        sign = c.SIGNS.get(name.removeprefix("\\"))
        if name == "=" and depth == 0 and word not in _IF:
            return between and _is_of_indices(raw[k - 1 : k + 2], names)
        if not between:
            return False
        if name == "=":  # for k = 1, …, C says nothing new
            return k + 1 == len(raw) or raw[k + 1].kind != "number" or word not in ("for", "für")
        if sign is not None and sign.terminal == "RELATION":
            return True
        k += 1
    return False


def _is_of_indices(piece: Sequence[Raw], names: Names) -> bool:
    """Whether an equation is j = k, of two indices."""
    texts = [x.text for x in piece if x.text not in _NOTHING]
    letters = texts[::2]
    return texts[1::2] == ["="] and all(x in _INDICES and x not in names for x in letters)


_INDICES = frozenset("ijklmn")
_IF = c.CONDITIONS - {"where", "and"}


def _is_column(raw: Sequence[Raw], k: int) -> bool:
    """Whether ``&&`` begins a column of remarks."""
    after = raw[k + 1] if k + 1 < len(raw) else None
    return after is not None and after.text == "&" and after.at.start == raw[k].at.end


def _is_new_line(raw: Sequence[Raw], k: int, text: str, piece: Sequence[Raw]) -> bool:
    return bool(piece) and "\n" in text[raw[k - 1].at.end : raw[k].at.start]


def _joins(rest: Sequence[Raw], piece: Sequence[Raw]) -> bool:
    """Whether a formula goes on in the next row: an operator ends it, or begins that."""
    k = 0
    while k < len(rest) and (rest[k].text in _INDENTS or _is_empty_group(rest, k)):
        k += 1 + (rest[k].kind == "open")
    following = rest[k].text if k < len(rest) else ""
    return bool(piece) and (following in _JOINS or _is_open(piece))


def _is_empty_group(raw: Sequence[Raw], k: int) -> bool:
    return raw[k].kind == "open" and k + 1 < len(raw) and raw[k + 1].kind == "close"


def _is_remark_within(raw: Sequence[Raw], k: int, piece: Sequence[Raw]) -> bool:
    r"""Whether a quad begins a remark, ``\quad \text{(why)} \\ + c``, in a formula that goes on."""
    while k < len(raw) and (raw[k].text in _INDENTS or raw[k].text[1:] in c.TEXTS):
        k = k + 1 if raw[k].text in _INDENTS else _behind_argument(raw, k)
    return k < len(raw) and raw[k].text == "\\\\" and _joins(raw[k + 1 :], piece)


_INDENTS = frozenset({"&", "\\,", "\\quad", "\\qquad"})


def _is_open(piece: Sequence[Raw]) -> bool:
    """Whether an operator ends what has been read of a formula."""
    ends = next((x.text for x in reversed(piece) if x.text not in _NOTHING), "")
    return ends in _JOINS or ends == "="


_NOTHING = frozenset({"&", "{", "}", "\\,", "\\\\", "\\nonumber", "\\notag"})


def _behind_break(raw: Sequence[Raw], k: int) -> int:
    r"""Behind ``\\``, ``\\*`` and ``\\[2pt]``."""
    k += 1
    if k < len(raw) and raw[k].text == "[" and raw[k].at.start == raw[k - 1].at.end:
        size = "".join(x.text for x in raw[k + 1 : k + 4])
        if re.match(r"-?[\d.]+(pt|e[mx]|cm|mm|in)", size):
            while k < len(raw) and raw[k].text != "]":
                k += 1
            k += 1
    return k


def _argument(raw: Sequence[Raw], k: int) -> str:
    """The argument of a command as text."""
    end = _behind_argument(raw, k)
    start = k + 2 if k + 1 < len(raw) and raw[k + 1].kind == "open" else k + 1
    words = ""
    for before, token in pairwise(raw[start - 1 : end - 1]):
        words += " " * (token.at.start > before.at.end) + token.text
    return words.strip()


def _behind_argument(raw: Sequence[Raw], k: int) -> int:
    k += 1
    if k >= len(raw) or raw[k].kind != "open":
        return min(k + 1, len(raw))
    depth = 0
    while k < len(raw):
        depth += {"open": 1, "close": -1}.get(raw[k].kind, 0)
        k += 1
        if depth == 0:
            break
    return k


def _is_remark(text: str) -> bool:
    """Whether words are no name: several of them, or one that says nothing."""
    return not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", text) or text.lower() in _PROSE


_REASONS = c.words("since because as by from using if for due da weil denn nach wegen falls")
_PROSE = _REASONS | c.words(
    "and where with so hence thus then let we therefore note or but also und mit wobei"
)
"""Words that are no names; behind a reason stands nothing that is claimed."""


def _is_reason(text: str) -> bool:
    words = re.findall("[a-z]+", text.lower())
    return bool(words) and words[0] in _REASONS


def _has_equation(raw: Sequence[Raw], k: int) -> bool:
    """Whether another equation follows a comma."""
    depth = 0
    for token in raw[k:]:
        depth += (token.kind == "open" or token.text in _OPENING) - (
            token.kind == "close" or token.text in _CLOSING
        )
        if depth < 0 or token.text in ("\\\\", ",", "\\end", *_ENDS_ROW):
            return False
        if depth == 0 and token.text == "=":
            return True
    return False


def _row(piece: Sequence[Raw], names: Names) -> Row | None:
    """The sides of one formula; None for what is none."""
    piece = _without_dress(piece)
    if not piece or _is_said(piece) or any(x.text in _DOTS for x in piece):
        return None
    sides: list[list[Raw]] = [[]]
    depth = 0
    for token in piece:
        opens = token.kind == "open" or token.text in (*_OPENING, "\\begin")
        closes = token.kind == "close" or token.text in (*_CLOSING, "\\end")
        depth = max(0, depth + opens - closes)
        sign = c.SIGNS.get(token.text[1:]) if token.kind == "command" else None
        equal = token.text == "=" or (sign is not None and sign.terminal == "EQUAL")
        if depth == 0 and equal and not (token.text == "=" and _is_composed(sides[-1], token)):
            sides.append([])
        else:
            sides[-1].append(token)
    kept = [_without_dress(x) for x in sides]
    continues = not kept[0] and len(kept) > 1
    if continues:
        kept = kept[1:]
    places: list[Span] = []
    end = piece[0].at.start
    for side in kept:
        if side:
            places.append(side[0].at.to(side[-1].at))
            end = side[-1].at.end
        else:
            places.append(Span(end, end))
    return Row(tuple(places), continues)


def _is_said(piece: Sequence[Raw]) -> bool:
    r"""Whether a piece is ``(\text{…})``: words in brackets, and no formula."""
    k, words = 0, False
    while k < len(piece):
        if piece[k].text[1:] in c.TEXTS and _is_remark(_argument(piece, k)):
            k, words = _behind_argument(piece, k), True
        elif piece[k].text in (*_OPENING, *_CLOSING):
            k += 1
        else:
            return False
    return words


def _is_composed(side: Sequence[Raw], token: Raw) -> bool:
    """Whether an = is the second half of <=, >= or :=."""
    return bool(side) and side[-1].text in "<>!" and side[-1].at.end == token.at.start


def _without_dress(piece: Sequence[Raw]) -> list[Raw]:
    """Without the spacing, tags and punctuation at both ends."""
    kept = list(piece)
    while kept and (kept[0].text in ("&", ",", ".", ";", "\\\\") or kept[0].text[1:] in _THIN):
        del kept[0]
    k = 0
    while k < len(kept):
        if kept[k].text in ("\\label", "\\tag"):
            del kept[k : _behind_argument(kept, k)]
        else:
            k += 1
    while kept and (
        kept[-1].text in ("&", ",", ".", ";", ":", "\\\\") or kept[-1].text[1:] in _THIN
    ):
        kept.pop()
    while kept and kept[0].text in _FRAMES and _behind_argument(kept, 0) == len(kept) > 3:
        kept = kept[2:-1]
    while len(kept) >= 4 and kept[0].text in ("\\begin", "\\end") and _places(kept):
        del kept[: _behind_argument(kept, 0)]
    while len(kept) >= 4 and kept[-4].text == "\\end" and _argument(kept, len(kept) - 4):
        if _argument(kept, len(kept) - 4).rstrip("*") in _CASES:
            break
        del kept[-4:]
    return kept


_FRAMES = frozenset({"\\boxed", "\\fbox", "\\framebox", "\\underline", "\\hbox"})
"""What may stand around a whole equation."""


def _places(kept: Sequence[Raw]) -> bool:
    return _argument(kept, 0).rstrip("*") in c.ENVIRONMENTS


_THIN = frozenset(
    {",", ";", "!", ":", ">", " ", "nonumber", "notag", "displaystyle", "hfill", "\\"}
)
