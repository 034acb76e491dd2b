"""How a derivation is shown: one value that every rendering takes.

Why it exists: lectures differ in form, notation and layout, and each difference is independent of
the others and of the medium. ``d.text``, ``d.latex``, ``d.html`` … take the same keywords, which
are the fields of `Style`; what they mean stands here and nowhere else.
"""

from __future__ import annotations

from typing import NamedTuple, TypedDict, Unpack

from symgrad.errors import UnsupportedError

MATRIX, INDEX = "matrix", "index"
DELTA, BAR, PARTIAL, NABLA = "delta", "bar", "partial", "nabla"
DECLARED, COLUMN, ROW = "declared", "column", "row"
NATURAL, NUMERATOR, DENOMINATOR = "natural", "numerator", "denominator"
BRIEF, NORMAL, FULL = "brief", "normal", "full"


class Style(NamedTuple):
    """The fields are the keywords of every rendering, each with its default."""

    form: str = MATRIX
    """``"matrix"`` notation where it can say the thing, or ``"index"`` notation: an entry a line,
    ``z[k] = Σ_j W[k, j]·x[j] + b[k]``."""
    notation: str = DELTA
    """How adjoints are written: ``"delta"`` (δ2 = ∂L/∂z2), ``"bar"`` (z̄2), ``"partial"`` (∂L/∂z2)
    or ``"nabla"`` (∇_z2 L)."""
    convention: str = DECLARED
    """Whether a vector is a ``"column"`` (W·x + b, a batch has one example a column) or a ``"row"``
    (x·Wᵀ + b, a batch has one example a row); ``"declared"`` leaves each as it was declared: single
    examples as columns, the batch of an empirical risk as rows. Index form and matrices of
    derivatives (Jacobians, Hessians) are the same in all."""
    layout: str = NATURAL
    """Of derivatives: ``"denominator"`` gives ∂L/∂W the shape of W and ∂f/∂x that of n_x×n_f,
    ``"numerator"`` the transposes. ``"natural"`` is what most books do: gradients in denominator
    layout, Jacobians in numerator layout. Left-hand sides say which it is: ∂L/∂Wᵀ is the transpose
    of ∂L/∂W, and ∂fᵀ/∂x that of ∂f/∂xᵀ. In ∂²L/∂a∂bᵀ the axes of a come first in every layout."""
    level: str = NORMAL
    """``"brief"``: results only. ``"normal"``: every equation, forward and backward. ``"full"``:
    every simplification as a line of its own, and the closed forms in leaves."""
    fold: bool = True
    """Whether the lines of layers that repeat are shown once, with an index."""


class Options(TypedDict, total=False):
    """The keywords after form and notation, for signatures."""

    convention: str
    layout: str
    level: str
    fold: bool


CHOICES: dict[str, tuple[str, ...]] = {
    "form": (MATRIX, INDEX),
    "notation": (DELTA, BAR, PARTIAL, NABLA),
    "convention": (DECLARED, COLUMN, ROW),
    "layout": (NATURAL, NUMERATOR, DENOMINATOR),
    "level": (BRIEF, NORMAL, FULL),
}


def style_of(form: str = MATRIX, notation: str = DELTA, **options: Unpack[Options]) -> Style:
    """The style with these keywords; UnsupportedError for a value that is not in `CHOICES`."""
    style = Style(form, notation, **options)
    for field, choices in CHOICES.items():
        value = getattr(style, field)
        if value not in choices:
            known = ", ".join(f'"{x}"' for x in choices)
            raise UnsupportedError(f"the {field} {value!r} was asked for; expected one of {known}.")
    return style


def options_of(style: Style) -> Options:
    """The keywords of a style after form and notation."""
    return Options(
        convention=style.convention, layout=style.layout, level=style.level, fold=style.fold
    )
