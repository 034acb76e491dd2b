"""Numbers and arrays as they stand in a table or a picture: few digits, one line."""

from __future__ import annotations

import math
from typing import Any

import sympy as sp

MOST_ENTRIES = 4
"""Entries of an array that are written out; of one with more, the first two and the last."""


def number_text(x: Any, digits: int = 4) -> str:
    """``8``, ``1/3``, ``0.7311``, ``1.2e−7``."""
    if isinstance(x, sp.Rational):
        text = str(x)
        if len(text) <= 12:
            return text.replace("-", "−")
        if not math.isfinite(float(x)):
            return str(sp.N(x, digits)).replace("e+", "e").replace("-", "−")
    x = float(x)
    if x == int(x) and abs(x) < 10**6:
        return str(int(x)).replace("-", "−")
    if 1e-3 <= abs(x) < 10**6:
        text = f"{x:.{digits}g}"
        text = f"{x:.0f}" if "e" in text else text
        return text.replace("-", "−")
    mantissa, _, exponent = f"{x:.{digits - 1}e}".partition("e")
    head = mantissa.rstrip("0").rstrip(".")
    return f"{head}e{int(exponent)}".replace("-", "−")


def value_text(x: Any, digits: int = 4) -> str:
    """A number, or an array on one line: ``[1, 2]``, ``[1, 2; 3, 4]``, ``[0.1, 0.5, …, 2]``."""
    if not getattr(x, "shape", ()):
        return number_text(x.item() if hasattr(x, "item") else x, digits)
    digits = min(digits, 3)
    if x.ndim == 1:
        return f"[{_listed([number_text(v, digits) for v in x.tolist()], ', ')}]"
    if x.ndim == 2:
        rows = [_listed([number_text(v, digits) for v in row], ", ") for row in x.tolist()]
        if x.size <= 3 * MOST_ENTRIES // 2:
            return f"[{'; '.join(rows)}]"
    return f"{number_text(x.min(), digits)} … {number_text(x.max(), digits)}"


def _listed(entries: list[str], joint: str) -> str:
    if len(entries) > MOST_ENTRIES:
        entries = [*entries[:2], "…", entries[-1]]
    return joint.join(entries)


def sum_text(parts: list[str]) -> str:
    """``36 + 3``, ``36 − 3``."""
    text = parts[0]
    for part in parts[1:]:
        text += f" − {part[1:]}" if part.startswith("−") else f" + {part}"
    return text
