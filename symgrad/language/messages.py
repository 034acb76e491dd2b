"""What a person is told where the text does not fit the grammar: what stands there, what could.

Two tables: the characters that people type from other languages, and the tokens by their names.
"""

from __future__ import annotations

import keyword

from lark import Token

CHARACTERS: dict[str, str] = {
    "_": "a name begins with a letter; an underscore may follow, as in z_1",
    '"': "text in quotes is not part of the language; names stand as they are",
    "`": "a quotation mark is not part of the language; names stand as they are",
    "\\": "LaTeX commands are not read; type the letter or its name, such as σ or sigma",
    ".": "only .T, the transpose, stands behind a dot; functions are applied, as in sum(x)",
    "!": "is unequal is written ≠ or !=; there is no factorial",
    "&": "conditions that all have to hold are separated by commas, as in 1[i > j, j ≠ c]",
    "%": "a remark begins with #; there is no remainder",
    "$": "formulas stand without dollar signs",
    "?": "a remark begins with #",
    "~": "a declaration is written with a colon, as in x: vector(D)",
    "√": "the square root is written sqrt(x)",
    "∂": "derivatives are not declared: symgrad derives them",
    "∇": "derivatives are not declared: symgrad derives them",
    "→": "a definition is written with =, as in h = tanh(z)",
    "←": "a definition is written with =, as in h = tanh(z)",
    "½": "a half is written 1/2",
    "∞": "infinity is written inf, and stands for the order of a norm only",
}
"""A character that no token begins with → what to write instead."""

_CHOICE = "a choice is written where(z > 0, a, b)"
PYTHON: dict[str, str] = {
    "if": _CHOICE, "elif": _CHOICE, "else": _CHOICE,
    "and": CHARACTERS["&"], "or": "the two cases are added, as in 1[i > j] + 1[i < j]",
    "not": "the opposite of 1[i = j] is 1[i ≠ j]",
    "for": "a sum over an index is written Σ_j x[j], and every entry is defined by z[k] = …",
    "import": "nothing is imported, and the guide, symgrad language, lists the functions",
    "None": "a value that is not given is left out", "def": "functions are not defined here",
}  # fmt: skip
"""A word that people type out of habit → how it is said here."""

TOKENS: dict[str, str] = {
    "NAME": "a name", "NUMBER": "a number", "LPAR": "(", "RPAR": ")", "LSQB": "[", "RSQB": "]",
    "LBRACE": "{", "RBRACE": "}", "EQUAL": "=", "COLON": ":", "COMMA": "a comma",
    "PLUS_MINUS": "+ or −", "OPERATOR": "an operator", "POWER": "^", "RELATION": "a comparison",
    "IN": "∈", "OVER": "over", "END": "the end of the line", "$END": "the end of the line",
    "BAR_OPEN": "a bar", "BAR_CLOSE": "the closing bar", "GROUP_END": "]",
}  # fmt: skip
"""Tokens as they are called; those without a row are never worth expecting."""

INSIDE_BRACKETS = {"RPAR", "RSQB", "GROUP_END", "RBRACE", "BAR_CLOSE", "RELATION"}
"""What the parser, which counts no brackets, expects on every line."""

_OPERAND = {"NAME", "NUMBER", "LPAR", "BAR_OPEN"}
_AFTER_OPERAND = {"OPERATOR", "PLUS_MINUS", "NAME", "LPAR"}
_NEVER_FIRST = {"END", "LPAR", "OPERATOR", "PLUS_MINUS", "LSQB", "GROUP"}
_STATEMENT = (
    "a line is a declaration, x: vector(D), a definition, h = tanh(z), or a list, params W, b"
)


def not_python(word: str) -> str:
    """The sentence for a word of `PYTHON`."""
    return f"{word} is no word of this language, which is not Python; {PYTHON[word]}."


def of_character(text: str, at: int) -> str:
    """The sentence for a character that begins nothing."""
    char = text[at]
    hint = CHARACTERS.get(char)
    if char == "_" and text[at : at + 2] == "__":
        hint = "names of Python's own are not part of the language, which runs nothing"
    return f"the character {char!r} cannot stand here; {hint or 'delete it'}."


def of_token(token: Token, expected: set[str], before: str) -> str:
    """The sentence for a token that does not fit: what was found, and what was expected."""
    found = _found(token)
    hint = _hint(token, expected, before)
    if hint is not None:
        return f"{found} cannot stand here; {hint}."
    listed = _listed(expected)
    if not listed:
        return f"{found} cannot stand here; the expression before it is complete."
    return f"{found} cannot stand here; expected {listed}."


def _found(token: Token) -> str:
    return "the end of the line" if token.type == "END" else f"{str(token)!r}"


def _hint(token: Token, expected: set[str], before: str) -> str | None:
    first = before.split()[0] if before.split() else ""
    word = first.split("(")[0]
    if token.type == "RELATION" and str(token) == "==":
        return "a definition has one =, as in h = tanh(z); compare inside brackets, 1[j == c]"
    if token.type == "END" and expected >= _OPERAND:
        return "something is missing before it"
    if keyword.iskeyword(word) or word in ("print", "exec", "eval"):
        return f"this is not Python, and {word} is no word of it; {_STATEMENT}"
    if token.type == "EQUAL" and before.rstrip().endswith(":"):
        return "a definition is written with = alone, as in h = tanh(z)"
    if word in ("vector", "matrix", "scalar", "array", "simplex", "label"):
        return "a declaration has the name first, as in x: vector(D)"
    if token.type == "COLON" and ":" in before:
        return "a line has one declaration; put the second one behind a semicolon, or below"
    if token.type == "COLON" and "=" in before:
        return "functions are not defined here; write the expression itself"
    if token.type == "EQUAL" and "=" in before:
        return "a line has one definition; put the second one on a line of its own"
    if (
        token.type in ("END", "LPAR", "OPERATOR", "PLUS_MINUS", "LSQB", "GROUP")
        and "EQUAL" in expected
    ):
        return _STATEMENT
    if not before.strip():
        return _STATEMENT
    if token.type == "TIMES":
        return "sizes are written matrix(H, D) or R^(H×D)"
    return None


def _listed(expected: set[str]) -> str:
    names = set(expected) - {"EQUAL"} if "END" in expected else set(expected)
    shown: list[str] = []
    for several, word in ((_OPERAND, "a name or a number"), (_AFTER_OPERAND, "an operator")):
        if several <= names:
            names -= several
            shown.append(word)
    shown += sorted({TOKENS[x] for x in names if x in TOKENS})
    return ", ".join(shown[:-1]) + " or " + shown[-1] if len(shown) > 1 else "".join(shown)
