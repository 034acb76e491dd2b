"""Names for generated code.

Why it exists: a user's name may be anything (``δ2``, ``∂L/∂W``, ``lambda``), an identifier in
generated code may not, and no two values may share one. Nothing of a user's text reaches a
generated file except through `identifier`.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable

_LONGEST = 24
_AMBIGUOUS = {"l", "O", "I"}  # linters refuse them: they look like digits
_SPELLED = {
    "′": "_prime",
    "″": "_prime2",
    "'": "_prime",
    "∂": "d",
    "∇": "grad_",
    "*": "_star",
    "\u0302": "_hat",
    "\u0304": "_bar",
    "\u0303": "_tilde",
    "\u0307": "_dot",
}
_LETTER = re.compile(r"GREEK (?P<case>SMALL|CAPITAL) LETTER (?:FINAL )?(?P<letter>[A-Z]+)")


def identifier(name: str) -> str:
    """A Python identifier in ASCII for any name: ``δ2 → delta2``, ``∂L/∂W → dL_dW``."""
    text = "".join(map(_spelled, unicodedata.normalize("NFKD", name)))
    text = re.sub(r"\W+", "_", text, flags=re.ASCII)
    text = re.sub(r"__+", "_", text)[:_LONGEST].strip("_") or "value"
    if text[0].isdigit():
        text = f"v{text}"
    if keyword.iskeyword(text) or keyword.issoftkeyword(text) or text in _AMBIGUOUS:
        text += "_"
    return text


def _spelled(char: str) -> str:
    if char in _SPELLED:
        return _SPELLED[char]
    if char.isascii():
        return char
    greek = _LETTER.match(unicodedata.name(char, ""))
    if greek is None:
        return "_" if not unicodedata.combining(char) else ""
    letter = greek["letter"].replace("LAMDA", "LAMBDA")
    return letter.lower() if greek["case"] == "SMALL" else letter.capitalize()


CALL = re.compile(r"(?<![\w.])(\w+)\(")
"""A call of a function that is no attribute, in generated code."""
HELPERS = (
    "sigmoid",
    *("erf", "erfc", "normal_cdf", "normal_pdf", "gelu", "swish", "elu", "leaky_relu"),
    *("inverse_or_zero", "xlogx", "sech", "csch"),
    "windows_of",
    "add_windows",
    "inverse_of",
    "log_abs_det",
    "determinant_of",
    "sparsemax_threshold",
    *("invert_into", "log_abs_det_of", "det_of", "threshold_of"),
    *("clip_norm", "shaped"),
)
"""Functions of `runtime` that generated code calls under these names: not free for values."""
OF_HALVES = (
    *("halves_of", "half_of", "show_half", "mean_of_halves"),
    *("sum_of_halves", "loss_of_halves", "first_unit_of"),
    *("pair", "half", "first_half", "last_half", "first", "first_unit", "mean_loss"),
)
"""Names in loops that compute a minibatch in halves, functions first."""


class Names:
    """Unique identifiers: each one is handed out once."""

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self._taken = set(reserved)
        self._temporaries = 0
        self._suffix: dict[str, int] = {}

    @property
    def taken(self) -> frozenset[str]:
        """The names in use; ``Names(taken)`` continues from here (in one target, say)."""
        return frozenset(self._taken)

    def unique(self, name: str) -> str:
        """An identifier for ``name``; the second for one name gets a suffix, as in ``h_2``."""
        base = text = identifier(name)
        while text in self._taken:
            self._suffix[base] = self._suffix.get(base, 1) + 1
            text = f"{base.rstrip('_')}_{self._suffix[base]}"
        self._taken.add(text)
        return text

    def temporary(self) -> str:
        """The next of t1, t2, …"""
        while True:
            self._temporaries += 1
            text = f"t{self._temporaries}"
            if text not in self._taken:
                self._taken.add(text)
                return text
