"""A sheet: what a rendering shows of a derivation, in sections.

Why it exists: text, Markdown, LaTeX and HTML show the same lines under the same headings. What is
on the sheet is decided here, once; a renderer decides how it looks, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from symgrad.show.steps import Step
from symgrad.show.style import Style, options_of

if TYPE_CHECKING:
    from symgrad.show.derivation import Derivation


class Section(NamedTuple):
    """Lines under a heading: ``forward``, ``backward``, …."""

    heading: str
    steps: tuple[Step, ...]


class Sheet(NamedTuple):
    """The sections in order, and what stands below them."""

    title: str
    sections: tuple[Section, ...]
    footer: tuple[str, ...]
    style: Style


def sheet(derivation: Derivation, style: Style) -> Sheet:
    """The sheet of a derivation."""
    sections = sections_of(derivation.lines(*style[:2], **options_of(style)))
    return Sheet(_title(derivation), sections, (), style)


def sections_of(steps: Sequence[Step]) -> tuple[Section, ...]:
    """The forward and the backward lines, each under its heading."""
    phases = [(x, tuple(s for s in steps if s.phase == x)) for x in ("forward", "backward")]
    return tuple(Section(phase, mine) for phase, mine in phases if mine)


def _title(derivation: Derivation) -> str:
    by = ", ".join(
        ", ".join(map(str, key)) if isinstance(key, tuple) else str(key) for key in derivation.wrt
    )
    return f"{derivation.kind.capitalize()} of {derivation.loss.name} with respect to {by}"
