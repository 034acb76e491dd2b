"""A derivation: results that can be read, printed, used and differentiated again.

The work is done elsewhere: `subject` checks what is differentiated, `reverse` and `jacobians`
sweep it, `simplify` makes it readable. This module puts the lines together. `Stages` collects
them while a derivation is made (a gradient is one stage, a Hessian the gradient's and one more for
each sweep of it); a `Derivation` is what is returned.

What is computed and what is shown are two forms of one result: ``d.roots`` is used by
``sg.function`` and training; `presentation` may rewrite a line further for the reader.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import sympy as sp

from symgrad.errors import DerivativeError
from symgrad.files import write
from symgrad.graph import Node
from symgrad.show.ascii import to_ascii
from symgrad.show.formats import format_named, format_of, plain_text
from symgrad.show.lines import Lines
from symgrad.show.sheet import Sheet, key_text, sheet
from symgrad.show.stages import Line, Stages
from symgrad.show.steps import Step
from symgrad.show.style import DELTA, FULL, MATRIX, PARTIAL, Options, style_of
from symgrad.symbols import as_matrix

if TYPE_CHECKING:
    from symgrad.cost_report import Cost
    from symgrad.pictures.picture import Picture
    from symgrad.pictures.trace import Trace


class Derivation:
    """Derivatives of a value, with the equations that lead to them.

    ``d[symbol]`` is a result as a SymPy expression in named values, ``d.closed_form(symbol)`` the
    same in leaves only. ``print(d)`` shows every line with its reason; ``d.steps`` are those lines.
    A result of more than two axes is a ``sympy.Lambda`` of its indices.
    """

    def __init__(self, kind: str, stages: Stages, results: Mapping[Any, str]) -> None:
        """``results`` gives for each key of ``d[key]`` the left-hand side of its line."""
        self.kind = kind
        self.wrt: tuple[Any, ...] = tuple(results)
        self._subject = stages.subject
        self._lines = Lines(kind, stages)
        settled = self._lines.settled
        place = {name: k for k, line in enumerate(settled) for name in line.names[1:]}
        place |= {line.names[0]: k for k, line in enumerate(settled)}
        self._places = [place[name] for name in results.values()]

    # ----------------------------------------------------------------------------- values

    @property
    def loss(self) -> Node:
        """What was differentiated, a named node as declared."""
        return self._subject.root

    @property
    def loss_root(self) -> Node:
        """The same in the stable form that it is computed in."""
        return self._subject.rewriter([self._subject.root])[0]

    @property
    def forward(self) -> list[Node]:
        """The named values that the user declared, in the order of evaluation."""
        return list(self._subject.declared)

    @property
    def roots(self) -> list[Node]:
        """The graph of each result, as it is computed, in ``wrt`` order."""
        return [self._lines.settled[k].node for k in self._places]

    @property
    def shapes(self) -> list[tuple[Any, ...]]:
        """The SymPy shape of each result, in ``wrt`` order; () for a scalar."""
        return [self._lines.settled[k].shape for k in self._places]

    @property
    def output_names(self) -> list[str]:
        """A name for each result in generated code."""
        head = {"gradient": "grad"}.get(self.kind, self.kind)
        if self.kind == "jvp":  # its key is an expression
            return [head]
        return [f"{head}_{key_text(key, '_')}" for key in self.wrt]

    def __getitem__(self, key: Any) -> Any:
        """A result in named values: a SymPy expression, or a Lambda of more than two indices."""
        line = self._line(key)
        return self._lines.expression(line, line.value)

    def closed_form(self, key: Any = None) -> Any:
        """A result in leaves only: every name is replaced by what it stands for."""
        return self._lines.closed_form(self._line(self.wrt[0] if key is None else key))

    def in_values(self, key: Any) -> Any:
        """A result in leaves and in the values that were declared: without names of adjoints.

        Where ``d[W2]`` is δ2·hᵀ, this is (p − y)·hᵀ.
        """
        return self._lines.in_values(self._line(key))

    def _line(self, key: Any) -> Line:
        return self._lines.shown[self._places[self._position(key)]]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.wrt)

    def __len__(self) -> int:
        return len(self.wrt)

    def _position(self, key: Any) -> int:
        if isinstance(key, str):
            key = next((x for x in self.wrt if str(x) == key), key)
        key = as_matrix(key) if isinstance(key, sp.IndexedBase) else key
        for form in (key, (key, key)):
            if form in self.wrt:
                return self.wrt.index(form)
        if isinstance(key, tuple) and len(key) == 2 and key[0] == key[1] and key[0] in self.wrt:
            return self.wrt.index(key[0])
        known = ", ".join(map(key_text, self.wrt))
        raise DerivativeError(
            f"this derivation is with respect to {known}; {key_text(key)} is not among "
            f"them. Pass it in the list of sg.{self.kind}(…, [...])."
        )

    # ------------------------------------------------------------------------------ lines

    @property
    def steps(self) -> list[Step]:
        """Forward equations in the order of evaluation, then each stage in that of its sweep."""
        return self.lines()

    def lines(
        self, form: str = MATRIX, notation: str = DELTA, **options: Unpack[Options]
    ) -> list[Step]:
        """The same in another style; the keywords are the fields of `symgrad.show.style.Style`.

        In index form a line is an entry, ``z[k] = Σ_j W[k, j]·x[j] + b[k]``, and its ``expr`` a
        ``sympy.Lambda`` of the indices.
        """
        return self._lines.steps(style_of(form, notation, **options))

    def results(
        self,
        form: str = MATRIX,
        notation: str = DELTA,
        *,
        leaves: bool = False,
        **options: Unpack[Options],
    ) -> list[Step]:
        """The results alone, in declared values, or with ``leaves`` in leaves only.

        A result whose formula would have more than a few hundred characters is not among them;
        ``d.in_values(symbol)`` and ``d.closed_form(symbol)`` give it all the same.
        """
        return self._lines.results(self._places, style_of(form, notation, **options), leaves)

    def sheet(self, form: str = MATRIX, notation: str = DELTA, **options: Unpack[Options]) -> Sheet:
        """Everything that a rendering shows, in sections; the keywords are those of `lines`."""
        return sheet(self, style_of(form, notation, **options))

    def __str__(self) -> str:
        return self.text()

    def text(
        self,
        form: str = MATRIX,
        notation: str = DELTA,
        *,
        ascii: bool = False,
        **options: Unpack[Options],
    ) -> str:
        """The lines as a table, with ``ascii`` in signs that every terminal has.

        The keywords are those of `lines`. What the sheet has below them follows; the cost does at
        level "full" only.
        """
        style = style_of(form, notation, **options)
        spell = to_ascii if ascii else str
        return plain_text(sheet(self, style, cost=style.level == FULL), spell).removesuffix("\n")

    def cost(self) -> Cost:
        """Multiply-adds and other operations of each line, and memory, in the dimensions.

        Counted for the loss and all results together, on the program that ``sg.function`` would
        generate from them. ``print(d.cost())`` shows a table.
        """
        from symgrad.costs import of_derivation

        return of_derivation(self, self._lines)

    def trace(
        self, at: Mapping[Any, Any], *, notation: str = PARTIAL, detail: str | None = None
    ) -> Trace:
        """Every value at a point, and every message and adjoint on the way back.

        ``at`` gives a number or an array for each leaf: ``d.trace(at={w1: 2, w2: 3})``. Whole
        numbers and fractions are computed with exactly where the operations allow it. ``detail``
        is that of `picture`. Raises DataError for a point that does not fit or at which a value is
        not finite, DerivativeError for a derivation that is not a gradient.
        """
        from symgrad.pictures.trace import trace

        return trace(self, at, notation, detail)

    def picture(
        self,
        *,
        detail: str | None = None,
        direction: str | None = None,
        notation: str = DELTA,
        fold: bool = True,
    ) -> Picture:
        """The computational graph: equations and shapes forward, adjoints back; see `sg.draw`."""
        from symgrad.pictures.picture import draw

        return draw(self, detail=detail, direction=direction, notation=notation, fold=fold)

    def __repr__(self) -> str:
        by = ", ".join(map(key_text, self.wrt))
        what = "Derivation" if self.kind == "gradient" else f"Derivation ({self.kind})"
        return f"<{what} of {self.loss.name} with respect to {by}>"

    def latex(self, form: str = MATRIX, notation: str = DELTA, **options: Unpack[Options]) -> str:
        """The lines as a LaTeX ``align*`` block; the keywords are those of `lines`.

        Where results are left out, a sentence below the block says so.
        """
        from symgrad.show.latex import block

        return block(sheet(self, style_of(form, notation, **options), cost=False))

    def document(
        self, form: str = MATRIX, notation: str = DELTA, **options: Unpack[Options]
    ) -> str:
        """The sheet as a complete LaTeX document for pdflatex; the keywords are those of `lines`.

        It uses geometry, amsmath, amssymb, array and longtable.
        """
        return self.rendered("document", form, notation, **options)

    def markdown(
        self, form: str = MATRIX, notation: str = DELTA, **options: Unpack[Options]
    ) -> str:
        """The sheet as Markdown, formulas between dollars; the keywords are those of `lines`."""
        return self.rendered("markdown", form, notation, **options)

    def html(self, form: str = MATRIX, notation: str = DELTA, **options: Unpack[Options]) -> str:
        """The sheet as one HTML file, without a script; the keywords are those of `lines`.

        Pointing at a value shows the line that computes it. It needs no network, prints, and
        follows the reader's choice of dark or light.
        """
        return self.rendered("html", form, notation, **options)

    def rendered(
        self, format: str, form: str = MATRIX, notation: str = DELTA, **options: Unpack[Options]
    ) -> str:
        """The sheet in a format of `symgrad.show.formats.FORMATS`, by its name."""
        render = format_named(format).render
        return render(self.sheet(form, notation, **options))

    def save(
        self,
        path: str | PathLike[str],
        form: str = MATRIX,
        notation: str = DELTA,
        *,
        format: str | None = None,
        **options: Unpack[Options],
    ) -> Path:
        """Write the sheet to a file, whole or not at all; its suffix says the format.

        ``.txt``, ``.md``, ``.tex`` (a complete document), ``.html``; ``format`` says another.
        Raises UnsupportedError for another suffix, DataError where there is no such folder.
        """
        name = format_of(Path(path)) if format is None else format
        return write(path, self.rendered(name, form, notation, **options))

    def _repr_html_(self) -> str:
        from symgrad.show.html import fragment

        return fragment(self.sheet())

    def _repr_latex_(self) -> str:
        return self.latex()
