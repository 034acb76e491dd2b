"""The renderings by name and by suffix of a file.

Why it exists: the command line, ``d.save`` and tests walk one table. A rendering is a function of
a `Sheet`; a new one is a row.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from symgrad.errors import UnsupportedError
from symgrad.show.ascii import to_ascii
from symgrad.show.sheet import Sheet
from symgrad.show.steps import table


class Format(NamedTuple):
    """How a sheet is written, and which files are written so."""

    render: Callable[[Sheet], str]
    suffixes: tuple[str, ...]


def plain_text(sheet: Sheet, spell: Callable[[str], str] = str) -> str:
    """The sheet as aligned lines; ``spell`` writes each piece of it in other signs."""
    footer = ["", *map(spell, sheet.footer)] if sheet.footer else []
    lines = table(sheet.sections, spell)
    return "\n".join([lines, *footer]) + "\n"


def _latex(sheet: Sheet) -> str:
    from symgrad.show.latex import block

    return block(sheet) + "\n"


def _document(sheet: Sheet) -> str:
    from symgrad.show.document import document

    return document(sheet)


def _markdown(sheet: Sheet) -> str:
    from symgrad.show.markdown import markdown

    return markdown(sheet)


def _html(sheet: Sheet) -> str:
    from symgrad.show.html import page

    return page(sheet)


FORMATS = {
    "text": Format(plain_text, (".txt",)),
    "ascii": Format(partial(plain_text, spell=to_ascii), ()),
    "markdown": Format(_markdown, (".md", ".markdown")),
    "latex": Format(_latex, ()),
    "document": Format(_document, (".tex",)),
    "html": Format(_html, (".html", ".htm")),
}
"""What ``--format`` takes."""


def format_named(name: str) -> Format:
    """The format of that name; UnsupportedError for another one."""
    if name not in FORMATS:
        known = ", ".join(FORMATS)
        raise UnsupportedError(f"the format {name!r} was asked for; expected one of {known}.")
    return FORMATS[name]


def format_of(path: Path) -> str:
    """The name of the format that the suffix of a file stands for."""
    for name, known in FORMATS.items():
        if path.suffix.lower() in known.suffixes:
            return name
    suffixes = ", ".join(x for known in FORMATS.values() for x in known.suffixes)
    raise UnsupportedError(
        f"the file {path} has no suffix that says its format; expected one of {suffixes}, "
        "or pass the format."
    )
