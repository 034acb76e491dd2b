r"""Where a formula on a page may be broken: between its terms, and inside a term only if it must.

Why it exists: a browser breaks wherever it may, and would break (x − μ)ᵀ although there is a plus
sign a little further on. So the pieces of a formula are nested: a term that has places of its own
to be broken at is an element of its own, which a browser breaks only where it fits no line.
Parentheses that grow have a fixed size here, so that the two ends may be on two lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from symgrad.show.widths import signs, slashed

ROOM = 18
"""Signs that every line has room for: what has no more stays whole."""


class Term(NamedTuple):
    """Pieces of LaTeX, between which a line may be broken if they are too long for one."""

    parts: tuple[str | Term, ...]


def pieces(latex: str) -> tuple[str | Term, ...]:
    """A formula cut into its terms; a piece that begins with an operator has ``{}`` before it.

    Fractions and environments stay whole, and so does every term of at most `ROOM` signs.
    """
    terms = _cut(latex, _ADDING) or _cut(latex, _TIMES) or [latex]
    parts = tuple(map(_part, terms))
    if len(parts) == 1 and isinstance(parts[0], Term):
        return parts[0].parts
    return parts


def leaves(latex: str) -> list[str]:
    """The pieces, and those of their terms, in order."""
    found: list[str] = []
    left = [*reversed(pieces(latex))]
    while left:
        part = left.pop()
        if isinstance(part, Term):
            left += reversed(part.parts)
        else:
            found.append(part)
    return found


def lines(latex: str, first: int, room: int) -> list[str]:
    """A formula in lines of about so many signs; those after the first begin with an operator."""
    if signs(latex) <= first:
        return [latex]
    found = [""]

    def add(part: str | Term) -> None:
        text = part if isinstance(part, str) else _joined_text(part)
        width, free = signs(text), first if len(found) == 1 else room
        if not found[-1] or signs(found[-1]) + width <= free:
            if width <= free or isinstance(part, str):
                found[-1] = f"{found[-1]} {text.removeprefix('{}')}" if found[-1] else text
                return
        elif width <= room or isinstance(part, str):
            found.append(text)
            return
        for x in part.parts:
            add(x)

    for part in pieces(slashed(latex, room)):
        add(part)
    return [found[0], *(x if x.startswith("{}") else rf"{{}}\cdot {x}" for x in found[1:])]


def _joined_text(term: Term) -> str:
    texts = [x if isinstance(x, str) else _joined_text(x) for x in term.parts]
    return " ".join([texts[0], *(x.removeprefix("{}") for x in texts[1:])])


def _part(term: str) -> str | Term:
    """A term, with the places in it that a line can be broken at."""
    if signs(term) <= ROOM:
        return term
    factors = _cut(term, _TIMES) or _factors(term)
    if len(factors) > 1:
        return Term(tuple(map(_part, factors)))
    return _opened(term)


def _opened(term: str) -> str | Term:
    """The terms of the longest bracket in a factor, the first with what stands before it."""
    spans = [(end - start, start, end) for start, end in _brackets(term)]
    if not spans:
        return term
    _, start, end = max(spans)
    before, inner, after = term[:start], term[start:end], term[end:]
    parts = pieces(inner)
    if len(parts) == 1 and isinstance(parts[0], str):
        return term
    before = re.sub(r"\\left(\W|\\[a-zA-Z]+)\s*$", r"\\Bigl\1", before)
    after = re.sub(r"^(\s*)\\right(\W|\\[a-zA-Z]+)", r"\1\\Bigr\2", after)
    return Term(_joined(before, parts, after))


def _joined(before: str, parts: Sequence[str | Term], after: str) -> tuple[str | Term, ...]:
    """The parts with more at the ends."""
    first, *rest = parts
    first = Term(_joined(before, first.parts, "")) if isinstance(first, Term) else before + first
    *middle, last = (first, *rest)
    last = Term(_joined("", last.parts, after)) if isinstance(last, Term) else last + after
    return (*middle, last)


_ADDING = re.compile(r" (?=[+=-] )")
_TIMES = re.compile(r" (?=\\odot )")
_FACTOR = re.compile(r"(?<![(/\[]) (?=\\frac|\\sum|\()|(?<=\)) (?=\\left\()")
_WANTS_MORE = re.compile(r"(^|\\odot|\\cdot|[-+=]|\\(log|exp|tanh|sin|cos|sigma|max|min))\s*$")
_TOKEN = re.compile(r"\\left\b|\\right\b|\\begin\b|\\end\b|\\[a-zA-Z]+|\\.|[{}()\[\]]")
_OPENING = {"{", "\\left", "\\begin", "("}
_CLOSING = {"}", "\\right", "\\end", ")"}


def _depths(latex: str) -> list[int]:
    """In how many brackets each character stands."""
    depths, depth, at, grows = [], 0, 0, False
    for token in _TOKEN.finditer(latex):
        text = token[0]
        depths += [depth] * (token.start() - at)
        sized = grows and token.start() == at  # the bracket of \left( is counted already
        depth += 0 if sized else (text in _OPENING) - (text in _CLOSING)
        depths += [depth] * len(text)
        at, grows = token.end(), text in ("\\left", "\\right")
    return depths + [depth] * (len(latex) - at)


def _cut(latex: str, places: re.Pattern[str]) -> list[str]:
    """The formula cut where it is in no bracket; nothing where there is no such place."""
    depths = _depths(latex)
    cuts = [
        m
        for m in places.finditer(latex)
        if depths[m.start()] == 0 and not _WANTS_MORE.search(latex[: m.start()])
    ]
    starts = [0, *(m.end() for m in cuts)]
    ends = [*(m.start() for m in cuts), len(latex)]
    found = [latex[a:b] for a, b in zip(starts, ends, strict=True)]
    return [found[0], *(_continued(x) for x in found[1:])] if cuts else []


def _continued(piece: str) -> str:
    return "{}" + piece if re.match(r"[+=-] |\\odot ", piece) else piece


def _factors(term: str) -> list[str]:
    return _cut(term, _FACTOR) or [term]


def _brackets(latex: str) -> list[tuple[int, int]]:
    r"""The insides of the outermost parentheses, those of \left( among them."""
    found, opened, braces = [], [], 0
    for token in _TOKEN.finditer(latex):
        text = token[0]
        braces += (text in ("{", "\\begin")) - (text in ("}", "\\end"))
        if text == "(" and not braces:
            opened.append(token.end())
        elif text == ")" and not braces and opened:
            start = opened.pop()
            if not opened:
                end = token.start()
                if latex[:end].endswith("\\right"):
                    end -= len("\\right")
                found.append((start, len(latex[:end].rstrip())))
    return found
