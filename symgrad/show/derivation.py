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
from typing import Any, Unpack

import sympy as sp

from symgrad.errors import DerivativeError
from symgrad.graph import Node
from symgrad.show.lines import Lines, defined
from symgrad.show.sheet import Sheet, sheet
from symgrad.show.stages import Stages
from symgrad.show.steps import Step, table
from symgrad.show.style import DELTA, MATRIX, Options, style_of
from symgrad.symbols import as_matrix


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
        return [f"{head}_{_key_text(key, '_')}" for key in self.wrt]

    def __getitem__(self, key: Any) -> Any:
        """A result in named values: a SymPy expression, or a Lambda of more than two indices."""
        line = self._lines.shown[self._places[self._position(key)]]
        return self._lines.expression(line, defined(line))

    def closed_form(self, key: Any = None) -> Any:
        """A result in leaves only: every name is replaced by what it stands for."""
        place = self._places[self._position(self.wrt[0] if key is None else key)]
        return self._lines.closed_form(self._lines.shown[place])

    def __iter__(self) -> Iterator[Any]:
        return iter(self.wrt)

    def __len__(self) -> int:
        return len(self.wrt)

    def _position(self, key: Any) -> int:
        key = as_matrix(key) if isinstance(key, sp.IndexedBase) else key
        for spelled in (key, (key, key)):
            if spelled in self.wrt:
                return self.wrt.index(spelled)
        if isinstance(key, tuple) and len(key) == 2 and key[0] == key[1] and key[0] in self.wrt:
            return self.wrt.index(key[0])
        known = ", ".join(_key_text(x, ", ") for x in self.wrt)
        raise DerivativeError(
            f"this derivation is with respect to {known}; {_key_text(key, ', ')} is not among "
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

    def sheet(self, form: str = MATRIX, notation: str = DELTA, **options: Unpack[Options]) -> Sheet:
        """Everything that a rendering shows, in sections; the keywords are those of `lines`."""
        return sheet(self, style_of(form, notation, **options))

    def __str__(self) -> str:
        return self.text()

    def text(self, form: str = MATRIX, notation: str = DELTA, **options: Unpack[Options]) -> str:
        """The lines as a table; the keywords are those of `lines`."""
        return table(self.sheet(form, notation, **options).sections)

    def __repr__(self) -> str:
        by = ", ".join(_key_text(x, ", ") for x in self.wrt)
        what = "Derivation" if self.kind == "gradient" else f"Derivation ({self.kind})"
        return f"<{what} of {self.loss.name} with respect to {by}>"

    def latex(self, form: str = MATRIX, notation: str = DELTA, **options: Unpack[Options]) -> str:
        """The lines as a LaTeX ``align*`` block; the keywords are those of `lines`."""
        from symgrad.show.latex import align

        return align(self.lines(form, notation, **options))


def _key_text(key: Any, joint: str) -> str:
    return joint.join(map(str, key)) if isinstance(key, tuple) else str(key)
