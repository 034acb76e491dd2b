"""How a derivation writes derivatives: δ2 = ∂L/∂z2, z̄2, ∂L/∂z2 or ∇_z2 L.

Why it exists: lectures differ in nothing so much as in this. A derivation is made once, with one
name for each adjoint; here those names are spelled as the reader's lecture spells them.

A notation is one of the derivatives of the loss. What it has no sign for keeps the name that it
has in ``delta``: a bar is put over values only, and ∇ is a gradient or a Hessian, never a Jacobian.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

from symgrad.show.style import BAR, DELTA, NABLA, PARTIAL

_MACRON, _OVERLINE = "\u0304", "\u0305"
NABLA_SIGN = "∇"

GRADIENT, JACOBIAN, CURVATURE, TANGENT = "gradient", "jacobian", "curvature", "tangent"
"""What the lines of a stage are: ∂L/∂x, ∂f/∂x, ∂²L/∂a∂b, or derivatives along a direction."""


def spelled(
    names: Sequence[str], kind: str, loss: str, value: str, notation: str
) -> tuple[str, ...]:
    """The left-hand sides of a line in a notation.

    ``names`` are those in ``delta``, a short name first if the line has one and what it stands for
    last; ``value`` is the name of what a gradient is by.
    """
    if notation == DELTA:
        return tuple(names)
    spell = _SPELLINGS.get((kind, notation))
    return tuple(names) if spell is None else (spell(names[-1], loss, value),)


def over(name: str) -> str:
    """A name with a bar: ``z̄2``, and over each letter of a longer one."""
    letters = re.match(r"[^\W\d_]*", name)
    head = letters.group() if letters else ""
    mark = _MACRON if len(head) < 2 else _OVERLINE
    barred = "".join(x + mark for x in head or name[:1])
    return unicodedata.normalize("NFC", barred + name[len(head or name[:1]) :])


def _second_nabla(name: str, loss: str, value: str) -> str:
    """∂²L/∂x∂xᵀ → ∇²_x L, and ∂²L/∂a∂bᵀ → ∇²_a,b L."""
    del value
    above, _, below = name.partition("/")
    by = [x.rstrip("ᵀ²") for x in below.split("∂") if x]
    if above != f"∂²{loss}":
        return name  # ∂(∂L/∂x)/∂δ2, which is no second derivative by values
    unique = list(dict.fromkeys(by))
    return f"{NABLA_SIGN}²_{','.join(unique)} {loss}"


_SPELLINGS: dict[tuple[str, str], Callable[[str, str, str], str]] = {
    (GRADIENT, BAR): lambda name, loss, value: over(value),
    (GRADIENT, PARTIAL): lambda name, loss, value: f"∂{loss}/∂{value}",
    (GRADIENT, NABLA): lambda name, loss, value: f"{NABLA_SIGN}_{value} {loss}",
    (CURVATURE, PARTIAL): lambda name, loss, value: name,
    (CURVATURE, NABLA): _second_nabla,
    (JACOBIAN, PARTIAL): lambda name, loss, value: name,
    (JACOBIAN, NABLA): lambda name, loss, value: name,
}
"""(what a line is, notation) → its last name in delta, the loss, the value → its one name."""


def indexed(name: str, indices: str) -> str:
    """An entry: ``δ2[k]``, ``∂L/∂z2[k]``, and ``∇_z2[k] L`` with the indices at the value."""
    if is_nabla(name):
        value, _, loss = name.rpartition(" ")  # the value may be an expression, with spaces in it
        return f"{value}[{indices}] {loss}"
    return f"{name}[{indices}]"


def is_nabla(name: str) -> bool:
    """Whether a name is that of a gradient in the notation "nabla"."""
    return name.startswith(NABLA_SIGN)


def closed(text: str) -> str:
    """``(∇_z L)`` and ``(∂²L/∂x∂z)``, where ᵀ or a factor follows that could seem to be inside."""
    marked = text.startswith((NABLA_SIGN, "∂²", "∂(")) or is_chain_term(text)
    return f"({text})" if marked else text


def chain_term(adjoint: str, user: str, value: str) -> str:
    """``∂L/∂p·∂p/∂h``: what ``user``, which has the ``adjoint``, hands on to ``value``."""
    return f"{closed(adjoint)}·∂{user}/∂{value}"


def is_chain_term(text: str) -> bool:
    """Whether ``text`` is of the kind of ``∂L/∂p·∂p/∂h``."""
    begins = is_adjoint(text) or text.startswith(("(∇", "(∂²", "(∂("))
    return begins and re.search("·∂.*/∂", text) is not None


def in_layout(names: Sequence[str], kind: str, rank: int) -> tuple[str, ...]:
    """The left-hand sides of a line in a layout that is not its natural one.

    ∂L/∂x becomes ∂L/∂xᵀ, and a Jacobian ∂f/∂xᵀ becomes ∂fᵀ/∂x; ``rank`` is that of f. A short
    name, δ2 or J_z, stays.
    """
    *short, last = names
    above, _, below = last.rpartition("/")
    if kind == JACOBIAN and (rank or below.endswith("ᵀ")):
        return *short, f"{above}{'ᵀ' if rank else ''}/{below.removesuffix('ᵀ')}"
    return *short, f"{closed(last)}ᵀ"


def of_entries(names: Sequence[str], kind: str, rank: int) -> tuple[str, ...]:
    """The left-hand sides of a line by entries: ``(∂f/∂W)[j, k, i]``, with f's indices and W's.

    ``rank`` is that of f; where it is none, ∂L/∂W[k, i] can be read in one way only.
    """
    if kind != JACOBIAN or not rank:
        return tuple(names)
    return tuple(f"({x})" if x.startswith("∂") else x for x in names)


def by_adjoint(name: str, short: Mapping[str, str]) -> str:
    """∂(∂L/∂x)/∂δ2 with the adjoint δ2 as it is spelled."""
    above, _, below = name.rpartition("/∂")
    return f"{above}/∂({short[below]})" if below in short else name


def is_adjoint(name: str) -> bool:
    """Whether ``name`` is that of an adjoint, in any notation: it comes first in a product."""
    marks = unicodedata.normalize("NFD", name[:3])
    return name.startswith(("δ", "∂", NABLA_SIGN)) or _MACRON in marks or _OVERLINE in marks


def width(text: str) -> int:
    """The columns that ``text`` takes: a mark over a letter takes none."""
    return sum(not unicodedata.combining(x) for x in text)


def padded(text: str, columns: int) -> str:
    """``text`` with spaces behind it, up to so many columns."""
    return text + " " * (columns - width(text))
