r"""LaTeX as students type it, read as the text language is: expressions, equations, documents.

Why it exists: this is what the rest of symgrad asks of LaTeX. `parse_tex` reads one expression,
`tex_sides` one equation, `lines` and `tex_lines` all equations of a document or a fragment. The
trees are those of `syntax`; `tex.rules.TEX_RULES` give them their meaning. Nothing is evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

import symgrad.language.syntax as s
from symgrad.errors import ParseError
from symgrad.language.layout import Misread
from symgrad.language.source import Source, Span
from symgrad.language.tex.counting import counts_from_zero, from_zero
from symgrad.language.tex.document import Row, blanked, rows
from symgrad.language.tex.names import Names
from symgrad.language.tex.parser import Grounds, counted, read_tex
from symgrad.language.tex.tokens import Macro, Macros, definitions


@dataclass(frozen=True)
class TexPart:
    """One side of an equation: its line, its text, its tree or why there is none.

    ``source`` is the whole text, which the places in the tree and in errors are in;
    ``conditional`` says that the equation holds under a condition that stands behind it.
    """

    number: int
    text: str
    source: Source
    tree: s.Expr | None
    error: ParseError | None = None
    at: Span | None = None
    conditional: bool = False


def parse_tex(
    source: Source,
    declared: Mapping[str, Any] | Iterable[str],
    *,
    macros: Mapping[str, Macro] | None = None,
    indices: Collection[str] = (),
    first: int | None = None,
) -> s.Expr:
    """The tree of one expression; raises ParseError.

    ``declared`` maps the names in scope to what they stand for, as `Scope.names` does, or lists
    them; ``indices`` are the free ones, as in ``dL/dW[j, k] = …``. Entries count from ``first``, 0
    or 1; None is 1 unless the formula has an entry 0 or a sum from 0. The tree counts from 0.
    """
    grounds = _grounds(declared, macros or {}, first)
    whole = Span(0, len(source.text))
    tree = read_tex(source, whole, grounds)
    if grounds.first == 0 or (first is None and counts_from_zero([tree])):
        return tree
    return from_zero(tree, indices, grounds.labels)


def tex_sides(
    source: Source,
    declared: Mapping[str, Any] | Iterable[str],
    *,
    macros: Mapping[str, Macro] | None = None,
    first: int | None = None,
) -> tuple[s.Expr, ...]:
    """The sides of ``lhs = rhs = rhs``, one or more; raises ParseError. As `parse_tex`.

    The indices of the left side are free in the others.
    """
    found = [x for line in _lines(source, declared, macros, first) for x in line]
    for part in found:
        if part.error is not None:
            raise part.error
    if not found:
        raise source.error(Span(0, 1), "no formula stands here.")
    return tuple(part.tree for part in found if part.tree is not None)


def lines(
    text: str, names: Mapping[str, Any] | Iterable[str], *, first: int | None = None
) -> list[list[TexPart]]:
    """The equations of a document or a fragment, each as what stands between its ``=`` signs.

    A row that begins with ``=`` goes on with the equation above. Macros that the text defines are
    replaced. A side that cannot be read has its error, and the others have their trees. Raises
    ParseError only for a text that is too long or has invisible characters.
    """
    return _lines(Source.of(text), names, None, first)


def tex_lines(text: str) -> list[tuple[str, int]]:
    """The formulas of a document or a fragment: each with the number of its line, from 1.

    The right side in a row that begins with ``=`` comes with the left side of the row above.
    """
    source = Source.of(text)
    macros = _definitions(source)
    found: list[tuple[str, int]] = []
    left = ""
    every = _rows(source, macros, Names(()))
    for row, after in zip_longest(every, every[1:]):
        sides = [source.text[x.start : x.end].strip() for x in row.sides]
        number = source.line_of(row.sides[0].start)
        if row.continues:
            sides.insert(0, left)
        left = sides[0]
        if len(sides) > 1 or after is None or not after.continues:
            found.append((" = ".join(sides), number))
    return found


def macros_of(text: str) -> Mapping[str, Macro]:
    """The macros that a text defines."""
    return _definitions(Source.of(text)).table


def _definitions(source: Source) -> Macros:
    try:
        return definitions(source.text)
    except Misread as error:
        raise source.error(error.at, error.message) from None


def _grounds(
    declared: Mapping[str, Any] | Iterable[str], macros: Mapping[str, Macro], first: int | None
) -> Grounds:
    values = declared if isinstance(declared, Mapping) else {}
    return Grounds(Names(declared), values, macros, 1 if first is None else first)


def _rows(source: Source, macros: Macros, names: Names) -> list[Row]:
    try:
        return rows(blanked(macros.text), names)
    except Misread as error:
        raise source.error(error.at, error.message) from None


def _lines(
    source: Source,
    declared: Mapping[str, Any] | Iterable[str],
    macros: Mapping[str, Macro] | None,
    first: int | None,
) -> list[list[TexPart]]:
    defined = _definitions(source)
    grounds = _grounds(declared, {**(macros or {}), **defined.table}, first)
    equations: list[list[TexPart]] = []
    for row in _rows(source, defined, grounds.names):
        word = source.text[row.sides[0].start : row.sides[0].end]
        if len(row.sides) > 1 and not row.continues and _is_word(word, grounds.names):
            grounds.names.add(word)
        parts = [
            replace(_part(source, at, grounds), conditional=row.conditional) for at in row.sides
        ]
        left = parts[0].tree
        if isinstance(left, s.Name) and not row.continues:
            grounds.names.add(left.name)  # which the rows below may use
        if row.continues and equations:
            equations[-1] += parts
        else:
            equations.append(parts)
    trees = [part.tree for line in equations for part in line if part.tree is not None]
    if first == 0 or (first is None and counts_from_zero(trees)):
        return equations
    return [_counted(line, grounds) for line in equations]


def _is_word(text: str, names: Names) -> bool:
    """Whether a left side is one new name of several letters, such as ``loss``."""
    run = re.fullmatch("[A-Za-z]{2,}", text)
    return bool(run) and not all(x in names for x in names.split(text))


def _part(source: Source, at: Span, grounds: Grounds) -> TexPart:
    text = source.text[at.start : at.end]
    number = source.line_of(at.start)
    try:
        if at.start == at.end:
            raise source.error(Span(at.start, at.end + 1), "nothing stands on this side of the =.")
        return TexPart(number, text, source, read_tex(source, at, grounds), None, at)
    except ParseError as error:
        return TexPart(number, text, source, None, error, at)


def _counted(line: list[TexPart], grounds: Grounds) -> list[TexPart]:
    trees = counted([x.tree for x in line], grounds)
    return [replace(x, tree=tree) for x, tree in zip(line, trees, strict=True)]
