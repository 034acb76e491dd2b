"""How a derivation writes adjoints: δ2 = ∂L/∂z2, z̄2 or ∂L/∂z2.

Why it exists: lectures differ in nothing so much as in this. A derivation is made once, with one
name for each adjoint; here those names are spelled as the reader's lecture spells them.
"""

from __future__ import annotations

import re
import unicodedata

from symgrad.show.style import BAR

_MACRON, _OVERLINE = "\u0304", "\u0305"


def adjoint_text(loss: str, value: str, notation: str) -> str:
    """The adjoint of a value, as ``z̄`` or ``∂L/∂z``."""
    return over(value) if notation == BAR else f"∂{loss}/∂{value}"


def over(name: str) -> str:
    """A name with a bar: ``z̄2``, and over each letter of a longer one."""
    letters = re.match(r"[^\W\d_]*", name)
    head = letters.group() if letters else ""
    mark = _MACRON if len(head) < 2 else _OVERLINE
    barred = "".join(x + mark for x in head or name[:1])
    return unicodedata.normalize("NFC", barred + name[len(head or name[:1]) :])


def is_adjoint(name: str) -> bool:
    """Whether ``name`` is that of an adjoint, in any notation: it comes first in a product."""
    marks = unicodedata.normalize("NFD", name[:3])
    return name.startswith(("δ", "∂")) or _MACRON in marks or _OVERLINE in marks


def width(text: str) -> int:
    """The columns that ``text`` takes: a mark over a letter takes none."""
    return sum(not unicodedata.combining(x) for x in text)
