"""Text in ASCII, for terminals and files that take nothing else.

Why it exists: a derivation is full of signs that an old console shows as question marks. Each has
a spelling that people type, and that the text models of ``sg.parse`` are near to: ``delta2``,
``W2'*delta2 .* (1 - h .* h)``, ``dL/dz2``.
"""

from __future__ import annotations

import re
import unicodedata

_SIGNS = {
    "−": "-",
    "⊙": ".*",
    "·": "*",
    "÷": "/",
    "ᵀ": "'",
    "⁻ᵀ": "^-T",
    "∂": "d",
    "∇": "grad",
    "Σ": "sum",
    "∏": "prod",
    "∘": "o",
    "‖": "||",
    "′": "'",
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
    "≈": "~",
    "∈": "in",
    "→": "->",
    "←": "<-",
    "⇒": "=>",
    "↦": "|->",
    "∞": "oo",
    "√": "sqrt",
    "⟨": "<",
    "⟩": ">",
    "½": "1/2",
    "¼": "1/4",
    "¾": "3/4",
    "…": "...",
    "–": "-",
    "—": "-",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "─": "-",
    "│": "|",
    "ℓ": "l",
    "ß": "ss",
    "ø": "o",
    "Ø": "O",
    "æ": "ae",
    "Æ": "AE",
    "ł": "l",
}
"""A sign → how it is typed."""

_MARKS = {
    "\N{COMBINING MACRON}": "_bar",
    "\N{COMBINING OVERLINE}": "_bar",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "_hat",
    "\N{COMBINING TILDE}": "_tilde",
    "\N{COMBINING DOT ABOVE}": "_dot",
    "\N{COMBINING DIAERESIS}": "_ddot",
    "\N{COMBINING CARON}": "_check",
}
"""A mark over a letter → what is written behind the name."""

_RAISED = re.compile("[⁻⁺⁽⁾⁰¹²³⁴⁵⁶⁷⁸⁹ⁿᵀ]+")
_LOWERED = re.compile("[₋₊₌₍₎₀₁₂₃₄₅₆₇₈₉ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼᵣᵤᵥ]+")
_NAME = re.compile(r"[^\W\d][\w\u0300-\u036f]*")


def to_ascii(text: str) -> str:
    """``text`` in ASCII; what has no spelling here is written by its Unicode name."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFD", text)
    text = _RAISED.sub(_raised, text)
    text = _LOWERED.sub(lambda found: f"[{_plain(found[0])}]", text)
    text = re.sub(r"∂²", "d^2", text)
    text = re.sub(r" ?× ?", " x ", text)
    text = re.sub(r"Σ(?= [^\W\d])", "sum", text)
    text = _NAME.sub(_marked, text)
    return "".join(c if c.isascii() else _character(c) for c in text)


def _raised(found: re.Match[str]) -> str:
    """ᵀ as ``'``, ⁻¹ and ² as powers."""
    text = found[0]
    if text == "ᵀ":
        return "'"
    return "^" + _plain(text)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKD", text).replace("−", "-")


def _marked(found: re.Match[str]) -> str:
    """A name with its marks written out: ``z̄2`` as ``z_bar2``."""
    name = found[0]
    marks = [c for c in name if unicodedata.combining(c)]
    if not marks:
        return name
    plain = "".join(c for c in name if not unicodedata.combining(c))
    letters = re.match(r"[^\W\d_]*", plain)
    head = letters[0] if letters else plain
    endings = "".join(dict.fromkeys(_MARKS.get(mark, "") for mark in marks))
    return head + endings + plain[len(head) :]


def _character(char: str) -> str:
    """One character: by the table, without its decoration, or by name."""
    if char in _SIGNS:
        return _SIGNS[char]
    kind, _, letter = unicodedata.name(char, "").partition(" LETTER ")
    if kind in ("GREEK SMALL", "GREEK CAPITAL"):
        letter = {"LAMDA": "LAMBDA", "FINAL SIGMA": "SIGMA"}.get(letter, letter)
        return letter.lower() if kind.endswith("SMALL") else letter.title()
    plain = unicodedata.normalize("NFKD", char)
    if plain.isascii():
        return plain
    if unicodedata.combining(char):
        return ""
    name = unicodedata.name(char, f"U+{ord(char):04X}")
    return re.sub(r"\W+", "_", name.rpartition(" LETTER ")[2].lower())
