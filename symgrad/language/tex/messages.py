"""What a person is told where a formula of LaTeX does not fit the grammar.

Why it exists: a parser knows tokens; a student wants to know what is missing, and where.
"""

from __future__ import annotations

from lark import Token

_OPERATORS = frozenset({"OPERATOR", "PLUS_MINUS", "EQUAL", "RELATION", "SUB", "SUP"})

_HINTS: dict[str, str] = {
    "COMMA": "a comma stands in brackets and in subscripts only; put what follows on its own line",
    "COLON": "a row such as X_{n:} is not read; write entries, X_{nk}, or the whole matrix",
    "RELATION": "a comparison stands behind a 1, as in \\mathbf{1}[z > 0]",
    "PRIME": "a prime stands behind a name",
    "SUB": "a subscript stands behind a name",
    "SUP": "a superscript stands behind a name or a bracket",
    "IF": "a condition stands in \\begin{cases} only",
    "OTHERWISE": "a condition stands in \\begin{cases} only",
    "ROW": "a line is one formula",
}
"""A token that does not fit → why."""


def of_token(token: Token, shown: str, before: Token | None, expected: set[str]) -> str:
    """The sentence for a token that does not fit."""
    if token.type == "$END":
        if before is None:
            return "no formula stands here."
        return f"the formula ends behind {str(before)!r}; something is missing."
    if before is not None and before.type in _OPERATORS and token.type != "PRIME":
        return f"{shown!r} cannot stand behind {str(before)!r}; something is missing between them."
    hint = _HINTS.get(token.type)
    if hint is None and "NAME" in expected:
        hint = "a name, a number or a bracket was expected"
    if hint is None:
        hint = "something is missing before it"
    return f"{shown!r} cannot stand here; {hint}."
