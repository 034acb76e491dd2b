"""Kernels of the Numba target: a program, fused, with the names and extents of its function.

`fusion` decides what shares a loop, `numba_loops` prints it; a kernel knows what both need of the
function around them: dimensions, numbers that depend on them, arrays, results. Extents are read
from the arrays even where they are known (a literal trip count makes LLVM unroll a short loop
before it can vectorise it), except those of four and less, for which unrolling is right.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

import sympy as sp

from symgrad.codegen import program as p
from symgrad.codegen.expression import Code, Printer
from symgrad.codegen.fusion import fuse
from symgrad.codegen.matrices import as_matrices
from symgrad.codegen.names import HELPERS, Names
from symgrad.codegen.passes import Passes
from symgrad.codegen.targets.numba_loops import Loops
from symgrad.codegen.targets.numba_scalar import MINUS, OUTSIDE, SUFFIX, VECTORISED
from symgrad.graph import Dim, Shape

RESERVED = (
    "np",
    "f32",
    "FAST",
    "njit",
    "gemm",
    "tiled_gemm",
    "blas_gemm",
    *HELPERS,
    *(f"{name}_{suffix}" for name in (MINUS, *VECTORISED.values()) for suffix in SUFFIX.values()),
)
_LITERAL = 4


class Kernel:
    """A program in print, all of a compiled function or a part of it.

    ``overwrites`` maps a value to the input whose place it takes, ``placed`` a value to the array
    that it is written to, ``given`` a dimension to its text; ``extra_names`` are not free for
    values; ``without`` are passes to leave out. A part of a function goes on with the names,
    dimensions and numbers of the part ``before`` it.
    """

    def __init__(
        self,
        program: p.Program,
        dtype: str,
        overwrites: Mapping[int, int] | None = None,
        extra_names: Iterable[str] = (),
        given: Mapping[Dim, str] | None = None,
        placed: Mapping[int, str] | None = None,
        without: Passes = frozenset(),
        before: Kernel | None = None,
    ) -> None:
        self.program, self.dtype = program, dtype
        self.names: Names = (
            before.names if before else Names({*program.taken, *RESERVED, *extra_names})
        )
        self.fused = fuse(program, _is_blas, overwrites, without)
        self._sizes: dict[int, tuple[str, int]] = before._sizes if before else _known_sizes(program)
        self._given = dict(given or {})
        self._dims: dict[Dim, str] = before._dims if before else {}
        self._symbols = {d.symbol: d for d in program.dimensions}
        self._invariants: dict[sp.Expr, str] = before._invariants if before else {}
        self.loops = Loops(program, self.fused, dtype, self.names, self.dim, self.invariant)
        if "tile" in without:
            self.loops.product = "blas_gemm"
        for k, entry in enumerate(program.inputs):
            (self.loops.arrays if entry.shape else self.loops.scalars)[k] = entry.name
        for value, target in self.fused.overwrites.items():
            self.loops.arrays[value] = program.inputs[target].name
        self.loops.arrays.update(placed or {})
        self.loops.placed.update(placed or ())

    # ----------------------------------------------------------------------------- dimensions

    def dim(self, n: Dim) -> str:
        """The text of an extent: a small literal, or a name bound before the loops."""
        if n in self._given:
            return self._given[n]
        if isinstance(n, int) and (n <= _LITERAL or n not in self._sizes):
            return str(n)
        if n not in self._dims:
            if isinstance(n, sp.Symbol):
                self._dims[n] = self._symbols[n].name
            elif isinstance(n, int):
                self._dims[n] = self.names.unique(f"n{n}")
            else:
                self._dims[n] = self.names.unique("size")
                for symbol in sorted(n.free_symbols, key=str):
                    self.dim(symbol)
        return self._dims[n]

    def invariant(self, expr: sp.Expr) -> Code:
        """A name for a number that depends on dimensions only."""
        for symbol in sorted(expr.free_symbols, key=str):
            self.dim(symbol)
        if expr not in self._invariants:
            self._invariants[expr] = self.names.unique("scale")
        return Code(self._invariants[expr])

    def dimension_lines(
        self, renamed: Mapping[str, str] | None = None, turned: Collection[str] = ()
    ) -> list[str]:
        """The lines that bind the dimensions in use.

        ``renamed`` gives another name for the array that a dimension is read from, in which the
        examples come first even where the array is one of those that are ``turned``.
        """
        renamed, lines = renamed or {}, list[str]()
        rank = {x.name: len(x.array_shape) for x in self.program.inputs if x.name in turned}

        def extent(source: str, axis: int) -> str:
            place = (axis + 1) % rank[source] if source in rank else axis
            return f"{renamed.get(source, source)}.shape[{place}]"

        for n, name in sorted(self._dims.items(), key=lambda d: not isinstance(d[0], sp.Symbol)):
            if isinstance(n, sp.Symbol):
                text = self._source_of(self._symbols[n], extent)
            elif isinstance(n, int):
                text = extent(*self._sizes[n])
            else:
                text = self._plain().scalar(n).text
            if text != name:
                lines.append(f"{name} = {text}")
        return lines

    def invariant_lines(self) -> list[str]:
        """The lines that bind numbers such as 1/N."""
        plain = self._plain()
        kind = "f32" if self.dtype == "float32" else "float"
        return [f"{name} = {kind}({plain.scalar(e).text})" for e, name in self._invariants.items()]

    def _plain(self) -> Printer:
        """The printer of expressions in dimensions, outside loops."""
        return Printer("Numba", OUTSIDE, lambda s: Code(self.dim(s)))

    def _source_of(self, d: p.Dimension, extent: Callable[[str, int], str]) -> str:
        source = self.program.inputs[d.source].name
        text = source if d.axis is None else extent(source, d.axis)
        if d.offset is not sp.S.Zero:
            text = f"({text} - ({self._plain().scalar(d.offset).text}))"
        return text if d.factor == 1 else f"{text} // {d.factor}"

    # --------------------------------------------------------------------------------- arrays

    def type_of(self, statement: p.Statement) -> str:
        """The type of an array's elements."""
        return "int64" if isinstance(statement.operation, p.INTEGRAL) else self.dtype

    def array_name(self, statement: p.Statement) -> str:
        """A name for a value that is an array, registered."""
        base = statement.name or statement.suggestion
        name = base if statement.name else None
        if name is None:
            name = self.names.unique(base) if base else self.names.temporary()
        self.loops.arrays[statement.value] = name
        return name

    def shape_text(self, shape: Shape) -> str:
        """A shape as a tuple, or a single extent."""
        dims = [self.dim(n) for n in shape]
        return dims[0] if len(dims) == 1 else f"({', '.join(dims)})"

    def reshape_lines(self, names: Iterable[str]) -> list[str]:
        """The lines that drop the axes of extent 1 which a value does not have."""
        wanted = set(names)
        return [
            f"{x.name} = {x.name}.reshape({', '.join(self.dim(n) for n in x.shape)})"
            for x in self.program.inputs
            if x.name in wanted and x.shape and len(x.array_shape) > len(x.shape)
        ]

    def output(self, k: int) -> str:
        """The text of a result, after lines that make it an array of its own."""
        out = self.program.outputs[k]
        value, labels = out.operand.value, out.operand.labels
        rank = len(out.shape)
        if not rank:
            return self.loops.value_text(value)
        before = any(o.operand.value == value for o in self.program.outputs[:k])
        if labels != tuple(range(rank)):
            text = self.names.temporary()
            shape = self.shape_text(out.shape)
            self.loops.lines.append(f"{text} = np.empty({shape}, np.{self.dtype})")
            self.loops.spread(text, out.operand, out.shape)
        else:
            text = self.loops.arrays[value]
            if value < len(self.program.inputs) or before:
                text = f"{text}.copy()"
        if len(out.array_shape) > rank:
            text = f"{text}.reshape({', '.join(map(self.dim, out.array_shape))})"
        return text


def _is_blas(statement: p.Statement) -> bool:
    """Whether a statement is a product of matrices, perhaps of merged axes."""
    if not isinstance(statement.operation, p.Contract):
        return False
    a, b = statement.operation.operands
    return as_matrices(len(statement.shape), a, b) is not None


def _known_sizes(program: p.Program) -> dict[int, tuple[str, int]]:
    """Where the extent n can be read, for each literal n."""
    found: dict[int, tuple[str, int]] = {}
    for entry in program.inputs:
        for axis, n in enumerate(entry.array_shape):
            if isinstance(n, int):
                found.setdefault(n, (entry.name, axis))
    return found
