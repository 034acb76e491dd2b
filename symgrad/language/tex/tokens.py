r"""LaTeX as TeX sees it: commands, letters, numbers, characters; and a person's own commands.

Why it exists: ``\newcommand{\W}{\mathbf{W}}`` makes a sign of several, wherever it is used. Macros
are replaced here, before anything knows what a formula is: so often, so deep and so long only as
the limits allow, whatever they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from symgrad.language.layout import MAX_TOKENS, Misread
from symgrad.language.source import Span

MAX_MACROS = 300
MAX_EXPANSION = 20
"""Macros within macros."""


@dataclass(frozen=True)
class Raw:
    """A token of TeX: its kind, its text, its place."""

    kind: str
    text: str
    at: Span
    depth: int = 0
    """In how many macros it was written."""


@dataclass(frozen=True)
class Macro:
    """A command of a person's own: how many arguments it takes, and what it stands for."""

    parameters: int
    body: tuple[Raw, ...]
    default: tuple[Raw, ...] | None = None
    """What the first argument is where none is given in brackets."""


@dataclass
class Macros:
    """The macros of a document, and its text with their definitions blanked."""

    table: dict[str, Macro] = field(default_factory=dict)
    text: str = ""


_TOKEN = re.compile(
    r"(?P<command>\\[A-Za-z]+)"
    r"|(?P<escape>\\(?:[^A-Za-z]|$))"
    r"|(?P<parameter>\#[1-9])"
    r"|(?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
    r"|(?P<letters>(?:[A-Za-z](?![\u0300-\u036f]))+)"
    r"|(?P<letter>[^\W\d_ᵀ⊤⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉][\u0300-\u036f]*)"
    r"|(?P<above>⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+|ᵀ)"
    r"|(?P<below>[₀₁₂₃₄₅₆₇₈₉]+)"
    r"|(?P<space>[\s~]+)"
    r"|(?P<comment>%[^\n]*)"
    r"|(?P<open>\{)|(?P<close>\})"
    r"|(?P<char>.)",
    re.DOTALL,
)


def tokens(text: str, *, offset: int = 0) -> list[Raw]:
    """The tokens of a text, without its spaces and comments."""
    found: list[Raw] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "char"
        if kind in ("comment", "space"):
            continue
        at = Span(match.start() + offset, match.end() + offset)
        if len(found) == MAX_TOKENS:
            raise Misread(
                at, f"the text is too long here: more than {MAX_TOKENS} letters and signs."
            )
        found.append(Raw(kind, match[0], at))
    return found


_DEFINITION = re.compile(
    r"\\(?:(?P<new>(?:re|provide)?newcommand|providecommand|DeclareRobustCommand)"
    r"|(?P<def>[gex]?def)|(?P<operator>DeclareMathOperator))(?![A-Za-z])\*?\s*"
    r"(?P<brace>\{)?\s*(?P<name>\\[A-Za-z]+)\s*(?(brace)\})\s*"
    r"(?:\[(?P<count>[0-9])\]\s*(?:\[(?P<default>[^\]]{0,200})\]\s*)?|(?P<numbers>(?:\#[1-9])*))"
    r"(?=\{)"
)


def definitions(text: str) -> Macros:
    """The macros that a text defines, and the text with a space for each of their characters."""
    macros = Macros()
    kept: list[str] = []
    at = 0
    for found in _DEFINITION.finditer(text):
        if found.start() < at:
            continue  # inside the body of another one
        end = _closing(text, found.end())
        if end is None or len(macros.table) == MAX_MACROS:
            break
        body = text[found.end() + 1 : end]
        count = int(found["count"] or len(found["numbers"] or "") // 2)
        if found["operator"]:
            body = rf"\operatorname{{{body}}}"
        default = found["default"]
        macros.table[found["name"][1:]] = Macro(
            count, tuple(tokens(body)), None if default is None else tuple(tokens(default))
        )
        kept += [text[at : found.start()], _blank(text[found.start() : end + 1])]
        at = end + 1
    macros.text = "".join([*kept, text[at:]])
    return macros


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _closing(text: str, start: int) -> int | None:
    """Where the brace that opens at ``start`` is closed."""
    depth = 0
    for match in re.compile(r"\\.|[{}]", re.DOTALL).finditer(text, start):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return match.start()
    return None


def expanded(raw: list[Raw], macros: Mapping[str, Macro]) -> list[Raw]:
    """The tokens with every macro replaced by what it stands for; raises Misread at a limit."""
    if not macros:
        return raw
    result: list[Raw] = []
    waiting = raw[::-1]
    made = 0
    while waiting:
        token = waiting.pop()
        macro = macros.get(token.text[1:]) if token.kind == "command" else None
        if macro is None:
            result.append(token)
            continue
        if token.depth == MAX_EXPANSION:
            raise Misread(token.at, f"the macro {token.text} stands for itself, or is too deep.")
        arguments = _arguments(token, macro, waiting)
        body: list[Raw] = []
        for part in macro.body:
            if part.kind == "parameter" and int(part.text[1]) <= len(arguments):
                body += arguments[int(part.text[1]) - 1]
            else:
                body.append(Raw(part.kind, part.text, token.at, token.depth + 1))
            if made + len(body) > MAX_TOKENS:
                raise Misread(token.at, f"the macro {token.text} makes the formula too long.")
        made += len(body)
        waiting += body[::-1]
    return result


def _arguments(token: Raw, macro: Macro, waiting: list[Raw]) -> list[list[Raw]]:
    """What stands behind a macro, as many as it takes."""
    found: list[list[Raw]] = []
    if macro.default is not None:
        given: list[Raw] = [Raw(x.kind, x.text, token.at, token.depth) for x in macro.default]
        if waiting and waiting[-1].text == "[":
            waiting.pop()
            given = []
            while waiting and waiting[-1].text != "]":
                given.append(waiting.pop())
            if waiting:
                waiting.pop()
        found.append(given)
    while len(found) < macro.parameters:
        if not waiting:
            raise Misread(token.at, f"the macro {token.text} takes {macro.parameters} arguments.")
        found.append(_group(token, waiting))
    return found


def _group(token: Raw, waiting: list[Raw]) -> list[Raw]:
    """What is in braces, or one token."""
    first = waiting.pop()
    if first.kind != "open":
        return [first]
    depth = 1
    group: list[Raw] = []
    while waiting:
        part = waiting.pop()
        depth += {"open": 1, "close": -1}.get(part.kind, 0)
        if depth == 0:
            return group
        group.append(part)
    raise Misread(first.at, f"this {{ behind {token.text} is never closed.")
