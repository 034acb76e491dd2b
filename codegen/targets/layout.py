"""Lines of Python as a formatter would lay them out."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from symgrad.codegen.expression import Code
from symgrad.graph import Shape

WIDTH = 100
_INDENT = "    "


def definition(
    name: str, arguments: Sequence[str], description: str, body: Sequence[str], returns: str = ""
) -> str:
    """A function: its signature, docstring and body."""
    arrow = f" -> {returns}" if returns else ""
    signature = f"def {name}({', '.join(arguments)}){arrow}:"
    if len(signature) > WIDTH:
        inside = _INDENT + ", ".join(arguments)
        if len(inside) > WIDTH:
            inside = "\n".join(f"{_INDENT}{x}," for x in arguments)
        signature = f"def {name}(\n{inside}\n){arrow}:"
    lines = [signature, *(_INDENT + line if line else "" for line in docstring(description))]
    return "\n".join([*lines, *(_INDENT + line if line else "" for line in body)])


def calling(
    before: str,
    function: str,
    arguments: Sequence[str],
    after: str = "",
    room: int = WIDTH - 4,
) -> list[str]:
    """``before function(arguments) after`` on as few lines as a formatter would use."""
    inside = ", ".join(arguments)
    line = f"{before}{function}({inside}){after}"
    if len(line) <= room:
        return [line]
    opening, closing = f"{before}{function}(", f"){after}"
    if after:  # the call is itself an argument
        head = before.rstrip("(")
        call = calling("", function, arguments, room=room - 4)
        if len(call) == 1 and len(call[0]) + 4 <= room:
            return [f"{head}(", f"    {call[0]}", after]
        return [f"{head}(", *(f"    {line}" for line in call), after]
    if len(inside) + 4 <= room:
        return [opening, f"    {inside}", closing]
    return [opening, *(f"    {x}," for x in arguments), closing]


def printable(text: str) -> str:
    """``text`` with a space for everything that could end a line or stop a parser."""
    return "".join(x if x.isprintable() else " " for x in text)


def string(text: str) -> str:
    """A text as a Python string as a formatter would quote it; what does not print is a space."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    safe = printable(text.replace("\\", "\\\\").replace(quote, f"\\{quote}"))
    return f"{quote}{safe}{quote}"


def string_lines(text: str, indent: int, before: str = "") -> list[str]:
    """``before "text",`` on one line, or as pieces in parentheses where that is too long."""
    line = f"{before}{string(text)},"
    if len(line) + indent <= WIDTH:
        return [line]
    room = WIDTH - indent - 8
    pieces = textwrap.wrap(text, room, drop_whitespace=False, break_on_hyphens=False)
    return [f"{before}(", *(f"    {string(x)}" for x in pieces), "),"]


def docstring(text: str) -> list[str]:
    """A docstring, wrapped; quotes and backslashes in it cannot end it."""
    safe = text.replace("\\", "/").replace('"', "'").strip()
    paragraphs = [printable(x) for x in safe.splitlines()]
    if not safe:
        return []
    if len(paragraphs) == 1 and len(safe) + 10 <= WIDTH:
        return [f'"""{safe}"""']
    wrapped = [line for x in paragraphs for line in (textwrap.wrap(x, WIDTH - 8) or [""])]
    return [f'"""{wrapped[0]}', *wrapped[1:], '"""']


def comment(text: str | None, shape: Shape | None = None, width: int = WIDTH - 4) -> list[str]:
    """One line of mathematics and the shape of what it computes, if that is to be told."""
    words = " ".join(printable(text or "").split())
    if shape:
        dims = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
        told = f"{words}    ({dims})" if words else f"({dims})"
        if len(told) > width - 2:
            return [*comment(text, None, width), f"# ({dims})"]
        words = told
    return [f"# {part}" for part in textwrap.wrap(words, width - 2)]


def returned(results: Sequence[Code]) -> list[str]:
    """The return statement."""
    texts = [x.text for x in results]
    line = f"return {', '.join(texts)}"
    if len(line) + len(_INDENT) <= WIDTH:
        return [line]
    return ["return (", *(f"{_INDENT}{x}," for x in texts), ")"]
