"""Names as people type them, brought to one spelling; and the nearest name to a wrong one.

Why it exists: ``alpha`` and ``α``, ``W₁``, ``W_{1}`` and ``W1`` are one name to a reader, and two
ways of composing ``ŷ`` look the same on the screen. `canonical` is what is declared, printed and
looked up.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

GREEK: dict[str, str] = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ",
    "eta": "η", "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν",
    "xi": "ξ", "omicron": "ο", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ",
    "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ",
    "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip
"""The English name of a Greek letter → the letter (capitals that look Latin are left out)."""

_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉µ", "0123456789μ")
_BRACES = re.compile(r"_\{(\w+)\}")
_LETTER = re.compile(r"([A-Za-z]+)(?=[\d_′]|[\u0300-\u036f]|$)")


def canonical(name: str) -> str:
    """One spelling of a name: NFC, Greek letters for their names, plain digits and subscripts."""
    name = _BRACES.sub(r"_\1", unicodedata.normalize("NFD", name)).translate(_SUBSCRIPTS)
    word = _LETTER.match(name)
    if word and word[1] in GREEK:
        name = GREEK[word[1]] + name[word.end() :]
    return unicodedata.normalize("NFC", name)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like ``name``, or None where none does."""
    lowered: dict[str, str] = {}
    for x in known:
        lowered.setdefault(x.lower(), x)
    swapped = [x for x in lowered if sorted(x) == sorted(name.lower())]
    found = swapped or get_close_matches(name.lower(), list(lowered), 1, 0.6)
    return lowered[found[0]] if found else None


def split_in_two(name: str, known: Iterable[str]) -> tuple[str, str] | None:
    """``Wx`` as ``W`` and ``x``, where both are known: a product without its space."""
    names = set(known)
    pairs = ((canonical(name[:k]), canonical(name[k:])) for k in range(1, len(name)))
    return next((pair for pair in pairs if names.issuperset(pair)), None)
