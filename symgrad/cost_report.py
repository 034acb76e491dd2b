"""A `Cost`: operations and memory of a derivation, as SymPy expressions and as a table.

Why it exists: `costs` counts, and this is what it returns. Costs are kept as polynomials in the
dimensions; they become expressions, sums, text, or the same at given sizes, when they are asked
for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import isfinite
from typing import Any, NamedTuple

import sympy as sp

from symgrad.amounts import Amount, Order, amount_text, factored, join, largest
from symgrad.codegen import counts as c
from symgrad.errors import DeclarationError
from symgrad.graph import dim
from symgrad.show.ascii import to_ascii
from symgrad.show.notation import padded, width
from symgrad.show.repeats import folded, unfold
from symgrad.show.steps import BACKWARD, FORWARD, Step

_SHORT = 6
"""Terms of an amount in a summary; of a longer one the first two and the last are shown."""


class Tally:
    """Operations of four sorts, each a SymPy expression in the dimensions; an int where they are.

    ``multiply_adds``: of products of arrays (matrix products, outer products, convolutions,
    factorisations). ``elementwise``: arithmetic and comparisons on single entries. ``functions``:
    calls of exp, log, tanh, … . ``reductions``: additions and comparisons of sums and maxima.
    """

    def __init__(self, counts: c.Counts, order: Order) -> None:
        self.counts, self._order = counts, order

    @property
    def multiply_adds(self) -> sp.Expr:
        """A multiplication and an addition each."""
        return factored(self.counts.multiply_adds, self._order).expr

    @property
    def elementwise(self) -> sp.Expr:
        """Additions, multiplications, divisions and comparisons, entry by entry."""
        return factored(self.counts.elementwise, self._order).expr

    @property
    def functions(self) -> sp.Expr:
        """Calls of functions, entry by entry."""
        return factored(self.counts.functions, self._order).expr

    @property
    def reductions(self) -> sp.Expr:
        """Additions or comparisons of entries of one array."""
        return factored(self.counts.reductions, self._order).expr

    @property
    def texts(self) -> tuple[str, ...]:
        """The four as text, with thousands separators."""
        return tuple(amount_text(x, self._order) for x in self.counts)

    def __repr__(self) -> str:
        pairs = zip(self.counts._fields, self.texts, strict=True)
        return f"<{', '.join(f'{name} {text}' for name, text in pairs)}>"


class CostLine(NamedTuple):
    """A line of a derivation and what is computed on it. ``phase`` is forward or backward."""

    phase: str
    name: str
    tally: Tally


class Memory(NamedTuple):
    """Numbers that are held; ``peak`` has the candidates for the largest."""

    parameters: Amount
    inputs: Amount
    stored: Amount
    peak: tuple[Amount, ...]


class Cost:
    """What a derivation costs, in multiply-adds and in numbers held, symbolic in its dimensions.

    ``lines`` has the operations of each line, ``forward``, ``backward`` and ``total`` their sums;
    ``print(cost)`` is a table of all that, ``cost.summary()`` two lines of it, and ``cost.at(D=784,
    H=128)`` the same cost at these sizes. Memory is counted in numbers, of 8 bytes in float64 and 4
    in float32.
    """

    def __init__(
        self,
        rows: Sequence[tuple[str, str, c.Counts]],
        memory: Memory,
        order: Order,
        steps: Callable[[], Sequence[Step]],
        skipped: Sequence[str] = (),
    ) -> None:
        self._rows, self._memory, self._order = tuple(rows), memory, order
        self._steps, self._skipped = steps, tuple(skipped)

    # ------------------------------------------------------------------------- operations

    @property
    def lines(self) -> tuple[CostLine, ...]:
        """The lines of the derivation, in order."""
        return tuple(CostLine(phase, n, Tally(x, self._order)) for phase, n, x in self._rows)

    @property
    def forward(self) -> Tally:
        """The operations of the forward lines."""
        return Tally(self._sum(FORWARD), self._order)

    @property
    def backward(self) -> Tally:
        """The operations of all lines after the forward ones."""
        return Tally(self._sum(BACKWARD), self._order)

    @property
    def total(self) -> Tally:
        """Both."""
        return Tally(self._sum(FORWARD, BACKWARD), self._order)

    def _sum(self, *phases: str) -> c.Counts:
        return c.summed(x for phase, _, x in self._rows if phase in phases)

    @property
    def ratio(self) -> sp.Expr:
        """Backward ÷ forward, in multiply-adds; nan without any forward."""
        above, below = self.backward.multiply_adds, self.forward.multiply_adds
        return above / below if below else sp.nan

    @property
    def ratio_at_equal_sizes(self) -> float:
        """Backward ÷ forward where all symbolic dimensions are equal and large.

        It is 2 for layers as wide as each other if the gradient by the input is asked for, as the
        lecture has it, and less without the first layer's. Multiply-adds are compared; where a
        pass spends as much on single entries, all operations are. inf or 0 where one grows faster
        than the other, nan without any forward.
        """
        above, below = self._compared
        if not below:
            return float("nan")
        if above.degree != below.degree:
            return float("inf") if above.degree > below.degree else 0.0
        return float(above.leading() / below.leading())

    @property
    def _compared(self) -> tuple[Amount, Amount]:
        """What of both passes is compared, backward first."""
        both = [self._sum(x) for x in (BACKWARD, FORWARD)]
        above, below = (x.multiply_adds if self._multiplies else x.operations for x in both)
        return above, below

    @property
    def _multiplies(self) -> bool:
        """Whether multiply-adds are most of what is done in every pass that does anything."""
        passes = [x for x in map(self._sum, (FORWARD, BACKWARD)) if x.operations]
        most = [x.multiply_adds and x.multiply_adds.degree == x.operations.degree for x in passes]
        return bool(passes) and all(most)

    # ----------------------------------------------------------------------------- memory

    @property
    def parameters(self) -> sp.Expr:
        """The numbers in the symbols that are differentiated by."""
        return factored(self._memory.parameters, self._order).expr

    @property
    def inputs(self) -> sp.Expr:
        """The numbers in all leaves, parameters and data."""
        return factored(self._memory.inputs, self._order).expr

    @property
    def stored(self) -> sp.Expr:
        """The computed numbers that the backward lines read from the forward ones."""
        return factored(self._memory.stored, self._order).expr

    @property
    def peak(self) -> sp.Expr:
        """The most numbers held at once: inputs, results and what is yet to be used.

        A value is held from its statement to its last use, results to the end, as in a training
        module, whose buffers are shared. (A NumPy function holds all values until it returns.)
        Where it depends on the sizes when that is, a ``sympy.Max``.
        """
        found = [factored(x, self._order).expr for x in self._peak]
        return found[0] if len(found) == 1 else sp.Max(*found, evaluate=False)

    @property
    def _peak(self) -> list[Amount]:
        return [x + self._memory.inputs for x in self._memory.peak]

    # ------------------------------------------------------------------------------ sizes

    def at(self, sizes: Mapping[Any, Any] | None = None, **named: Any) -> Cost:
        """The cost at sizes of dimensions, by symbol or by name; the others stay symbolic.

        Raises DeclarationError for a name that is no dimension and for a size below 1.
        """
        symbols = {s.name: s for s in sorted(self.dimensions, key=str)}
        found: dict[sp.Expr, Any] = {}
        for key, size in {**(sizes or {}), **named}.items():
            if str(key) not in symbols:
                known = ", ".join(symbols) or "none"
                raise DeclarationError(f"the cost has no dimension {key}; it depends on {known}.")
            try:
                n = dim(size)
            except sp.SympifyError:
                n = sp.nan
            if not (n >= 1 if isinstance(n, int) else isinstance(n, sp.Expr) and n.is_integer):
                raise DeclarationError(
                    f"the size {size!r} of {key} was given; expected a whole number, at least 1, "
                    "or a dimension."
                )
            found[symbols[str(key)]] = n
        memory = self._memory
        return Cost(
            [(phase, n, c.Counts(*(x.at(found) for x in row))) for phase, n, row in self._rows],
            Memory(
                memory.parameters.at(found),
                memory.inputs.at(found),
                memory.stored.at(found),
                largest(x.at(found) for x in memory.peak),
            ),
            self._order,
            self._steps,
            self._skipped,
        )

    @property
    def dimensions(self) -> frozenset[sp.Symbol]:
        """The dimensions that it depends on."""
        memory = self._memory
        amounts = [memory.inputs, *memory.peak, *(x for _, _, row in self._rows for x in row)]
        return frozenset(s for x in amounts for m in x.terms for n in m for s in n.free_symbols)

    # ------------------------------------------------------------------------------- text

    def summary(self) -> tuple[str, ...]:
        """The cost in two lines of text: multiply-adds, and memory in numbers.

        Where a pass does no less to single entries, all operations are counted instead.
        """
        forward, backward = (self._headline(x) for x in (FORWARD, BACKWARD))
        unit = "multiply-adds" if self._multiplies else "operations"
        memory = self._memory
        peak = f"peak {self._bound(self._peak)} numbers, inputs included"
        if not self._is_derived:
            return (f"cost: {forward} {unit}", f"memory: {peak}")
        ratio = self._ratio_text()
        return (
            f"cost: forward {forward}, backward {backward} {unit}"
            + (f" (backward ÷ forward {ratio})" if ratio else ""),
            f"memory: {self._short(memory.parameters)} parameters, {self._short(memory.stored)} "
            f"stored for the backward pass, {peak}",
        )

    def _headline(self, phase: str) -> str:
        counts = self._sum(phase)
        return self._short(counts.multiply_adds if self._multiplies else counts.operations)

    @property
    def _is_derived(self) -> bool:
        return any(phase == BACKWARD for phase, _, _ in self._rows)

    def _short(self, amount: Amount) -> str:
        return factored(amount, self._order).shortened(_SHORT)

    def _bound(self, candidates: Sequence[Amount]) -> str:
        """The largest of some amounts, or a bound where it depends on the sizes which that is."""
        text = self._short(join(candidates))
        return text if len(candidates) == 1 else f"≤ {text}"

    def _ratio_text(self) -> str:
        if not self._sum(FORWARD, BACKWARD).multiply_adds:
            return ""
        ratio = self.ratio_at_equal_sizes
        above, below = self._compared
        if above and below and above.degree != below.degree:  # S⁻¹ is made forward, and is there
            return f"→ {'∞' if above.degree > below.degree else 0} as all sizes grow"
        if not isfinite(ratio):
            return ""
        if above == below * Fraction(above.leading(), below.leading()):
            return f"= {ratio:.4g}"  # at any sizes
        homogeneous = above.is_homogeneous and below.is_homogeneous
        return f"= {ratio:.4g} at {'' if homogeneous else 'large, '}equal sizes"

    def __str__(self) -> str:
        return self.text()

    def text(self, *, ascii: bool = False) -> str:
        """A table: each line and its operations, their sums, and memory.

        With ``ascii`` in signs that every terminal has.
        """
        heads = ("multiply-adds", "elementwise", "functions", "reductions")
        rows: list[tuple[str, Sequence[str]]] = [("", heads)]
        for phase, mine in self._shown():
            rows.append((phase, ()))
            rows += [(f"  {text}", Tally(x, self._order).texts) for text, x in mine]
            rows += [("  in all", Tally(self._sum(phase), self._order).texts), ("", ())]
        if self._is_derived:
            rows.append(("forward and backward", self.total.texts))
            ratio = self._ratio_text()
            rows += [("backward ÷ forward", (ratio.removeprefix("= "),))] if ratio else []
            rows.append(("", ()))
        rows += [(name, (f"{text} numbers",)) for name, text in self._memory_rows()]
        if ascii:
            rows = [(to_ascii(text), [to_ascii(x) for x in cells]) for text, cells in rows]
        left = max(width(text) for text, _ in rows)
        columns = [max((len(x[k]) for _, x in rows if len(x) > 1), default=0) for k in range(4)]
        lines = [
            padded(text, left) + "".join(
                "  " + cell.ljust(columns[k] if len(cells) > 1 else 0)
                for k, cell in enumerate(cells)
            )
            for text, cells in rows
        ]  # fmt: skip
        if self._skipped:
            names = ", ".join(to_ascii(x) if ascii else x for x in self._skipped)
            lines += ["", f"Not asked for, and so not counted: the gradient by {names}."]
        return "\n".join(line.rstrip() for line in lines)

    def _shown(self) -> Iterator[tuple[str, list[tuple[str, c.Counts]]]]:
        """The phases and, for each, the text of its lines and what they cost.

        Layers that are alike in form and cost are shown once.
        """
        steps = self._steps()
        phases = [x for x in (FORWARD, BACKWARD) if any(s.phase == x for s in steps)]
        blocks = [[s for s in steps if s.phase == x] for x in phases]
        for phase, plain, short in zip(phases, blocks, folded(blocks), strict=True):
            mine = [x for p, _, x in self._rows if p == phase]
            by_name = {s.names: x for s, x in zip(plain, mine, strict=True)}
            costs = [{by_name[s.names] for s in unfold(step)} for step in short]
            if all(len(x) == 1 for x in costs):
                yield phase, [(_label(s), x.pop()) for s, x in zip(short, costs, strict=True)]
            else:
                yield phase, [(s.text, x) for s, x in zip(plain, mine, strict=True)]

    def _memory_rows(self) -> Iterator[tuple[str, str]]:
        memory = self._memory
        if self._is_derived:
            yield "parameters", amount_text(memory.parameters, self._order)
            yield "other inputs", amount_text(memory.inputs + memory.parameters * -1, self._order)
            yield "stored for the backward pass", amount_text(memory.stored, self._order)
        else:
            yield "inputs", amount_text(memory.inputs, self._order)
        yield "peak, inputs included", self._bound(self._peak)

    def __repr__(self) -> str:
        return f"<Cost: {self.summary()[0].removeprefix('cost: ')}>"


def _label(step: Step) -> str:
    return step.text + (f"  (each, {step.repeats})" if step.repeats else "")
