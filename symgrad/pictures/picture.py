"""The computational graph of a loss, as a user holds it: ``sg.draw``, ``d.picture()``.

In a notebook the picture shows itself. ``picture.svg()``, ``.dot()`` and ``.mermaid()`` are text;
``picture.save("graph.svg")`` writes a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

from symgrad.errors import DerivativeError, UnsupportedError
from symgrad.facts import is_free
from symgrad.files import write
from symgrad.functions import as_expression
from symgrad.graph import leaves
from symgrad.lift import lift
from symgrad.pictures.again import with_names_again
from symgrad.pictures.dot import dot
from symgrad.pictures.drawn import Diagram, diagram
from symgrad.pictures.fold import folded
from symgrad.pictures.layout import DIRECTIONS
from symgrad.pictures.mermaid import mermaid
from symgrad.pictures.messages import Messages, messages
from symgrad.pictures.scene import Scene, scene
from symgrad.pictures.svg import svg
from symgrad.pictures.trace import Trace, speller, trace
from symgrad.show.derivation import Derivation
from symgrad.show.gradient import gradient
from symgrad.show.matrix_form import leaf_symbol
from symgrad.show.style import DELTA, PARTIAL, style_of
from symgrad.show.text import formula
from symgrad.subject import Subject


class Picture:
    """A computational graph, with its adjoints or with numbers."""

    def __init__(
        self,
        diagram: Diagram,
        sent: Messages | None = None,
        trace: Trace | None = None,
        lines: Mapping[str, str] | None = None,
        direction: str | None = None,
        fold: bool = True,
    ) -> None:
        if direction is not None and direction not in DIRECTIONS:
            known = " or ".join(f'"{x}"' for x in DIRECTIONS)
            raise UnsupportedError(f"the direction {direction!r} was asked for; expected {known}.")
        self.diagram, self.trace, self.direction, self.fold = diagram, trace, direction, fold
        self._made = sent, trace.rows if trace else (), trace.at if trace else "", lines

    @cached_property
    def scene(self) -> Scene:
        """The cards and arrows on it."""
        whole = scene(self.diagram, *self._made)
        return with_names_again(folded(whole) if self.fold else whole)

    def svg(self) -> str:
        """The picture as self-contained SVG, for dark and light pages."""
        return svg(self.scene, self.direction)

    def dot(self) -> str:
        """The same graph in Graphviz's language."""
        return dot(self.scene, self.direction)

    def mermaid(self) -> str:
        """The same graph as a Mermaid flowchart, which Markdown pages show."""
        return mermaid(self.scene, self.direction)

    def save(self, path: str | PathLike[str]) -> Path:
        """Write it to a file: .svg, .dot (.gv) or .mmd (.mermaid), whole or not at all.

        Raises UnsupportedError for another suffix, DataError where there is no such folder.
        """
        return write(path, FORMATS[format_of(path)](self))

    def table(self, ascii: bool = False) -> str:
        """The numbers on it as a table; nothing where it has none."""
        return "" if self.trace is None else self.trace.text(ascii=ascii)

    def __repr__(self) -> str:
        return f"<Picture of {self.diagram.root.name}: {len(self.diagram.nodes)} nodes>"

    def _repr_svg_(self) -> str:
        return self.svg()


FORMATS: dict[str, Callable[[Picture], str]] = {
    ".svg": Picture.svg,
    ".dot": Picture.dot,
    ".gv": Picture.dot,
    ".mmd": Picture.mermaid,
    ".mermaid": Picture.mermaid,
}
"""The text of a picture, by the suffix of a file."""


def format_of(path: str | PathLike[str]) -> str:
    """The suffix of a file that a picture can be saved to; UnsupportedError for another one."""
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise UnsupportedError(
            f"the picture was to be saved as {Path(path).name}; expected a name that ends in "
            f"{', '.join(FORMATS)}."
        )
    return suffix


def draw(
    loss: Any,
    at: Mapping[Any, Any] | None = None,
    *,
    detail: str | None = None,
    direction: str | None = None,
    notation: str = DELTA,
    fold: bool = True,
) -> Picture:
    """The computational graph of a loss or a derivation, as a picture.

    Forward it shows each value's equation and shape, backward its adjoint; with ``at``, a value
    for each leaf, the numbers instead. A loss is differentiated by all leaves without facts; a
    value that has no gradient, because it is an array or a step, is drawn forward only.

    ``detail`` is ``"values"`` (leaves and named values) or ``"operations"`` (every operation); by
    default it is what can be read. ``direction`` is ``"right"`` or ``"down"``; by default long
    graphs go down. ``notation`` is that of `Derivation.text`. Layers that repeat are drawn once,
    with an index, unless ``fold`` is false. Raises DataError for a point that does not fit.
    """
    derivation = loss if isinstance(loss, Derivation) else _derived(loss)
    if derivation is None:
        if at is not None:
            raise DerivativeError(
                f"{loss} has no gradient, and numbers are shown for a gradient; draw it without a "
                "point, or compute it with sg.function."
            )
        root = Subject(as_expression(loss), [], kind="value").root
        if not leaves([root]):
            raise UnsupportedError(f"{loss} depends on no symbol, so it has no graph to draw.")
        return Picture(diagram(root, detail), direction=direction, fold=fold)
    if at is not None:
        shown = PARTIAL if notation == DELTA else notation
        return trace(derivation, at, shown, detail).picture(direction, fold)
    nodes = [lift(x) for x in derivation.wrt] if derivation.kind == "gradient" else []
    drawn = diagram(derivation.loss, detail, nodes)
    if derivation.kind != "gradient":
        return Picture(drawn, direction=direction, fold=fold)
    lines = _lines(derivation, drawn, notation)
    spell = speller(drawn, notation)
    names = {name: line.partition(" = ")[0] for name, line in lines.items()}
    try:
        sent = messages(drawn, drawn.places(nodes), lambda x: names.get(x) or spell(x))
    except DerivativeError:
        if isinstance(loss, Derivation):
            raise
        return Picture(drawn, direction=direction, fold=fold)  # one of its operations is a step
    return Picture(drawn, sent, lines=lines, direction=direction, fold=fold)


def _derived(loss: Any) -> Derivation | None:
    """The gradient by every leaf that has one; None where there is none."""
    expr = as_expression(loss)
    node = lift(expr)
    free = [x for x in leaves([node]) if is_free(x) and x.leaf.classes is None]
    if node.shape or not free:
        return None
    try:
        return gradient(expr, [leaf_symbol(x) for x in free])
    except DerivativeError:  # a step, a sign, a 0–1 loss: usable forward only
        return None


def _lines(derivation: Derivation, drawn: Diagram, notation: str) -> dict[str, str]:
    """The backward lines of a derivation, by the values whose adjoints they are."""
    style_of(notation=notation)
    if drawn.detail == "operations":
        return {}
    spell, plain = speller(drawn, notation), speller(drawn, PARTIAL)
    found: dict[str, str] = {}
    steps = [s for s in derivation.lines(notation=notation) if s.phase == "backward"]
    by_name = {name: s for s in steps for name in s.names if not s.repeats}
    for x in drawn.nodes:
        step = by_name.get(spell(x.name)) or by_name.get(plain(x.name))
        if step is not None:
            found[x.name] = f"{step.names[0]} = {formula(step.expr)}"
    return found
