"""A derivation at a point: every value forward, every message and adjoint backward.

Why it exists: backpropagation is first understood with numbers. ``d.trace(at={w1: 2, w2: 3})``
gives for g = w1³·w2 + 3·w1 the values 8, 24, 6 and 30, and backward 1, 3, 36 + 3 and 8, each
message by its consumer. Whole numbers and fractions are computed with exactly where the operations
allow it (`exact`), anything else in double precision by the code that ``sg.function`` generates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sympy as sp

from symgrad.compile import Values, function
from symgrad.errors import DataError, DerivativeError
from symgrad.graph import Node, leaves
from symgrad.lift import lift
from symgrad.listing import shape_text
from symgrad.pictures.drawn import Diagram, diagram
from symgrad.pictures.exact import NotRationalError, exact_values
from symgrad.pictures.messages import Messages, messages
from symgrad.pictures.numerals import number_text, value_text
from symgrad.pictures.point import as_numbers, point
from symgrad.pictures.rows import Received, Row
from symgrad.show.ascii import to_ascii
from symgrad.show.notation import GRADIENT, padded, spelled, width
from symgrad.show.style import PARTIAL, style_of

if TYPE_CHECKING:
    from symgrad.pictures.picture import Picture
    from symgrad.show.derivation import Derivation


class Trace:
    """The values and adjoints of a derivation at a point; ``print`` shows them as a table.

    ``trace["a"]`` is the `Row` of one value, ``trace.rows`` are all: leaves, then values in the
    order of evaluation. ``trace.svg()``, ``.dot()`` and ``.mermaid()`` draw the annotated graph.
    """

    def __init__(
        self, diagram: Diagram, sent: Messages, rows: Sequence[Row], at: str, exact: bool
    ) -> None:
        self.diagram, self.sent, self.rows = diagram, sent, tuple(rows)
        self.at, self.is_exact = at, exact

    def __getitem__(self, key: object) -> Row:
        name = str(key)
        for row in self.rows:
            if row.name == name:
                return row
        raise DerivativeError(
            f"the trace has no value {name}; it has {', '.join(x.name for x in self.rows)}."
        )

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<Trace of {self.rows[-1].name} at {self.at}>"

    def text(self, *, ascii: bool = False) -> str:
        """The table: values forward, then adjoints backward, with the messages they are made of.

        With ``ascii`` in signs that every terminal has.
        """
        spell = to_ascii if ascii else str
        forward = [(x.equation, shape_text(x.shape), value_text(x.value), "") for x in self.rows]
        back = [x for x in reversed(self.rows) if x.adjoint is not None]
        backward = [
            (f"{x.symbol} = {x.backward}", shape_text(x.shape), "", self._reason(x)) for x in back
        ]
        plain = all(not x.shape for x in self.rows)
        tables = [
            _aligned([head, *(("  " + x[0], *x[1:]) for x in lines)], plain, spell)
            for head, lines in (
                (("forward", "shape", "value", ""), forward),
                (("backward", "shape", "", "from"), backward),
            )
        ]
        return "\n\n".join("\n".join(x) for x in tables)

    def _reason(self, row: Row) -> str:
        """``a: 3·12, c: 1·3``: the adjoint of each consumer times the local derivative."""
        parts = []
        for m in row.messages:
            if m.local is None:
                parts.append(m.consumer)
            else:
                factors = [number_text(m.adjoint), number_text(m.local)]
                shown = "·".join(f"({x})" if x[0] == "−" or "/" in x else x for x in factors)
                parts.append(f"{m.consumer}: {shown}")
        return ", ".join(parts)

    # -------------------------------------------------------------------------- as a picture

    def picture(self, direction: str | None = None, fold: bool = True) -> Picture:
        """The graph with these numbers on it."""
        from symgrad.pictures.picture import Picture

        return Picture(self.diagram, self.sent, trace=self, direction=direction, fold=fold)

    def svg(self, direction: str | None = None) -> str:
        """The annotated graph as SVG."""
        return self.picture(direction).svg()

    def dot(self) -> str:
        """The annotated graph in Graphviz's language."""
        return self.picture().dot()

    def mermaid(self) -> str:
        """The annotated graph in Mermaid's language."""
        return self.picture().mermaid()

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the annotated graph to a file; see `Picture.save`."""
        return self.picture().save(path)

    def _repr_svg_(self) -> str:
        return self.svg()


def trace(
    derivation: Derivation,
    at: Mapping[Any, Any],
    notation: str = PARTIAL,
    detail: str | None = None,
) -> Trace:
    """The values and adjoints of a gradient at a point; see `Derivation.trace`."""
    if derivation.kind != "gradient":
        raise DerivativeError(
            f"a trace shows the messages of a gradient, and this is a derivation of a "
            f"{derivation.kind}; trace sg.gradient(…) instead."
        )
    style_of(notation=notation)
    nodes = [lift(x) for x in derivation.wrt]
    drawn = diagram(derivation.loss, detail, nodes)
    sent = messages(drawn, drawn.places(nodes), speller(drawn, notation))
    given = point(leaves([drawn.root]), at, [x.name for x in drawn.nodes if not x.is_leaf])
    roots = [x.node for x in drawn.nodes]
    passed = list(sent.adjoints.items())
    edges = list(sent.edges.values())
    local = [m.local for m in edges if m.local is not None]
    wanted = [*roots, *(x for _, x in passed), *(m.share for m in edges), *local]
    values, exact = evaluate(wanted, given)
    pairs = dict(zip(wanted, values, strict=True))
    where = ", ".join(f"{k.name} = {value_text(pairs.get(k, v))}" for k, v in given.items())
    rows = []
    for x in drawn.nodes:
        adjoint = sent.adjoints.get(x.node)
        received = tuple(
            Received(
                m.consumer.name,
                pairs[m.share],
                pairs[sent.adjoints[m.consumer]],
                None if m.local is None else pairs[m.local],
            )
            for m in sent.to(x.node)
        )
        total = None if adjoint is None else pairs[adjoint]
        rows.append(
            Row(
                x.name,
                x.formula,
                x.node.shape,
                pairs[x.node],
                received,
                total,
                sent.symbols[x.node],
            )
        )
    if not exact:
        _check_finite(rows, where)
    return Trace(drawn, sent, rows, where, exact)


def speller(drawn: Diagram, notation: str) -> Callable[[str], str]:
    """How a notation writes the adjoint of a value, given its name."""
    loss = drawn.root.name
    return lambda name: spelled((f"∂{loss}/∂{name}",), GRADIENT, loss, name, notation)[0]


def evaluate(roots: Sequence[Node], given: Mapping[Any, Any]) -> tuple[list[Any], bool]:
    """The values of graphs at a point, and whether they are exact.

    ``given`` has the values of the leaves, and of dimension symbols. Numbers come out as SymPy's
    rationals if all are exact, as floats otherwise.
    """
    import numpy as np

    read = {k: as_numbers(k.name, v) for k, v in given.items()}
    plain = {k: x.astype(float) if exact else x for k, (x, exact) in read.items()}
    whole = {k: _whole(k, x) for k, x in plain.items()}
    inputs = [k.leaf.symbol if isinstance(k, Node) else k for k in given]
    compute = function(inputs, Values(roots))
    with np.errstate(all="ignore"):
        found = compute(*whole.values())  # which refuses arrays that do not fit
    exact = _exactly(roots, read)
    if exact is not None:
        return exact, True
    return [float(x) if np.ndim(x) == 0 else x for x in found], False


def _exactly(roots: Sequence[Node], read: Mapping[Any, tuple[Any, bool]]) -> list[Any] | None:
    """The values as rational numbers; None where the point, or one of them, is not rational."""
    if not all(exact for _, exact in read.values()):
        return None
    arrays = {k: _lined(k, x) for k, (x, _) in read.items() if isinstance(k, Node)}
    try:
        values = exact_values(roots, arrays, _sizes(arrays, read))
    except NotRationalError:
        return None
    return [x.item() if x.ndim == 0 else x for x in values]


def _whole(key: Any, array: Any) -> Any:
    """Labels and dimensions as integers; a fraction stays, for `compile` to refuse."""
    is_whole = not isinstance(key, Node) or key.leaf.classes is not None
    return array.astype(int) if is_whole and (array == array.astype(int)).all() else array


def _lined(leaf: Node, array: Any) -> Any:
    """An array with one axis for each of its leaf: without those declared as 1."""
    if array.ndim == leaf.rank:
        return array
    return array.reshape([n for n in array.shape if n != 1] if leaf.rank else ())


def _sizes(arrays: Mapping[Node, Any], read: Mapping[Any, Any]) -> dict[sp.Basic, int]:
    """The dimension symbols, as the arrays and the point bind them."""
    found = {k: int(x) for k, (x, _) in read.items() if not isinstance(k, Node)}
    for leaf, array in arrays.items():
        found |= {
            n: size
            for n, size in zip(leaf.shape, array.shape, strict=True)
            if sp.sympify(n).is_Symbol
        }
    return found


def _check_finite(rows: Iterable[Row], where: str) -> None:
    """Raise DataError for the first value, or the last adjoint, that is infinite or no number."""
    import numpy as np

    rows = list(rows)
    checks = [(x.name, x.value, x.equation) for x in rows]
    checks += [(x.symbol, x.adjoint, x.symbol) for x in reversed(rows) if x.adjoint is not None]
    for name, value, equation in checks:
        if not np.isfinite(np.asarray(value, float)).all():
            kind = "not a number" if np.isnan(np.asarray(value, float)).any() else "infinite"
            raise DataError(
                f"at {where}, {name} is {kind} ({equation}); choose another point."
                if name != equation
                else f"at {where}, {name} is {kind}; choose another point."
            )


def _aligned(lines: Sequence[Sequence[str]], plain: bool, spell: Callable[[str], str]) -> list[str]:
    """Rows in columns; scalars need no column of shapes."""
    lines = [[spell(x) for x in line] for line in lines]
    kept = [k for k in range(4) if any(x[k] for x in lines) and not (plain and k == 1)]
    widths = {k: max(width(x[k]) for x in lines) for k in kept}
    return ["  ".join(padded(x[k], widths[k]) for k in kept).rstrip() for x in lines]
