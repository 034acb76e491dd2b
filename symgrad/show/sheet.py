"""A sheet: what a rendering shows of a derivation, in sections.

Why it exists: text, Markdown, LaTeX and HTML show the same lines under the same headings. What is
on the sheet is decided here, once; a renderer decides how it looks, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from symgrad.show.lines import LONGEST
from symgrad.show.repeats import folded
from symgrad.show.steps import BACKWARD, FORWARD, LEAVES, RESULT, Step
from symgrad.show.style import BRIEF, FULL, NORMAL, Style, options_of

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
    left_out: tuple[str, ...] = ()
    """Those sentences of the footer that say what is missing, and how to get it."""

    @property
    def steps(self) -> list[Step]:
        """The lines of all sections."""
        return [step for section in self.sections for step in section.steps]


def sheet(derivation: Derivation, style: Style, cost: bool = True) -> Sheet:
    """The sheet of a derivation: what a level of detail shows, and below it its ``cost``."""
    sections: list[Section] = []
    left_out: list[str] = []
    if style.level != BRIEF:
        sections += sections_of(derivation.lines(style.form, style.notation, **options_of(style)))
    if style.level != NORMAL:
        sections += _results(derivation, style, left_out)
    if style.fold:
        shown = folded([section.steps for section in sections])
        sections = [x._replace(steps=y) for x, y in zip(sections, shown, strict=True)]
    if style.level == FULL:
        sections = [x._replace(steps=tuple(s.as_proof for s in x.steps)) for x in sections]
    footer = (*left_out, *(derivation.cost().summary() if cost else ()))
    return Sheet(_title(derivation), tuple(sections), footer, style, tuple(left_out))


def _results(derivation: Derivation, style: Style, left_out: list[str]) -> Iterator[Section]:
    """The results in declared values and, at level "full", in leaves only.

    What is too long to read has a sentence below the sheet, which says how to get it.
    """
    for heading in (RESULT, LEAVES)[: 1 + (style.level == FULL)]:
        leaves = heading == LEAVES
        steps = derivation.results(style.form, style.notation, leaves=leaves, **options_of(style))
        if steps:
            yield Section(heading, tuple(steps))
        if len(steps) < len(derivation):
            call = "closed_form" if leaves else "in_values"
            written = "in leaves only" if leaves else "in named values"
            left_out.append(
                f"Results {written} that would be longer than {LONGEST} characters are left out; "
                f"Derivation.{call}(symbol) gives them."
            )


def sections_of(steps: Sequence[Step]) -> tuple[Section, ...]:
    """The forward and the backward lines, each under its heading."""
    phases = [(x, tuple(s for s in steps if s.phase == x)) for x in (FORWARD, BACKWARD)]
    return tuple(Section(phase, mine) for phase, mine in phases if mine)


def key_text(key: Any, joint: str = ", ") -> str:
    """What a result is a derivative by: a symbol, or two of them."""
    return joint.join(map(str, key)) if isinstance(key, tuple) else str(key)


_MOST_NAMES = 12
"""Symbols that a title has; of more, the first and the last."""


def _title(derivation: Derivation) -> str:
    pairs = (key if isinstance(key, tuple) else (key,) for key in derivation.wrt)
    keys = list(dict.fromkeys(str(symbol) for pair in pairs for symbol in pair))
    if len(keys) > _MOST_NAMES:
        keys = [*keys[: _MOST_NAMES - 3], "…", *keys[-2:]]
    by = ", ".join(keys)
    return f"{derivation.kind.capitalize()} of {derivation.loss.name} with respect to {by}"
