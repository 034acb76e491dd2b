"""`function`: expressions become a Python callable on arrays, with readable source.

The source is generated here from a checked graph, and run through ``compile`` with an entry in
`linecache`, so that tracebacks show its lines. No text of the user's is ever evaluated: names pass
through `codegen.names.identifier`, everything else is numbers and operations.
"""

from __future__ import annotations

import itertools
import linecache
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad.codegen.arguments import Arguments, array_shape, resolve
from symgrad.codegen.checking import checked
from symgrad.codegen.lowering import lower
from symgrad.codegen.names import HELPERS
from symgrad.codegen.passes import Passes
from symgrad.codegen.program import Program
from symgrad.codegen.schedule import schedule
from symgrad.codegen.targets import target_module
from symgrad.errors import DataError, DeclarationError, UnsupportedError
from symgrad.graph import Node, Shape, leaves
from symgrad.lift import lift
from symgrad.simplify import computing

if TYPE_CHECKING:
    from collections.abc import Mapping

DTYPES = ("float64", "float32")
_RESERVED = ("np", "itertools", *HELPERS)
_serial = itertools.count(1)


@runtime_checkable
class Derived(Protocol):
    """What `function` needs of a Derivation: its results, in ``wrt`` order."""

    @property
    def roots(self) -> Sequence[Node]:
        """The graph nodes."""

    @property
    def shapes(self) -> Sequence[tuple[Any, ...]]:
        """Their SymPy shapes; a scalar has ()."""

    @property
    def output_names(self) -> Sequence[str]:
        """Their names in generated code."""


@dataclass(frozen=True)
class Values:
    """Graph nodes as outputs of `function`: each as an array with the axes of its node."""

    roots: Sequence[Node]

    @property
    def shapes(self) -> Sequence[tuple[Any, ...]]:
        """A node has no axes beyond its own."""
        return [() for _ in self.roots]

    @property
    def output_names(self) -> Sequence[str]:
        """Names in the generated code."""
        return [f"value_{k}" for k in range(len(self.roots))]


class Function:
    """A compiled function of arrays. ``source`` is what runs; ``program`` what it was made from."""

    def __init__(
        self,
        name: str,
        program: Program,
        source: str,
        dtype: str,
        single: bool,
        contiguous: bool = False,
    ) -> None:
        self.__name__ = self.__qualname__ = name
        self.program, self.source, self.dtype, self.single = program, source, dtype, single
        self._contiguous = contiguous
        sizes = {n for s in program.statements for n in s.shape if isinstance(n, sp.Basic)}
        self._derived = sorted((n for n in sizes if not n.is_Symbol), key=str)
        self.__doc__ = f"{name}({', '.join(x.declared for x in program.inputs)})"
        self._filename = f"<symgrad {name} {next(_serial)}>"
        linecache.cache[self._filename] = (
            len(source),
            None,
            source.splitlines(True),
            self._filename,
        )
        weakref.finalize(self, linecache.cache.pop, self._filename, None)

    def __call__(self, *values: Any) -> Any:
        """The outputs for these arrays, one or a tuple; a misfit or a singular matrix raises
        DataError."""
        import numpy as np

        inputs, dimensions = self.program.inputs, self.program.dimensions
        arguments = checked(self.__name__, inputs, dimensions, values, self.dtype, self._derived)
        if self._contiguous:
            arguments = [np.ascontiguousarray(x) if np.ndim(x) else x for x in arguments]
        try:
            results = self._run(*arguments)
        except np.linalg.LinAlgError as error:  # the generated code says which matrix is singular
            raise DataError(f"{error}") from None
        if len(self.program.outputs) == 1:
            results = (results,)
        typed = tuple(np.asarray(x, self.dtype)[()] for x in results)
        return typed[0] if self.single else typed

    @cached_property
    def _run(self) -> Any:
        """What ``source`` defines, from the first call on: to read it needs no NumPy, no Numba."""
        namespace: dict[str, Any] = {"__name__": f"symgrad_generated_{self.__name__}"}
        exec(compile(self.source, self._filename, "exec"), namespace)
        return namespace[self.__name__]

    def __repr__(self) -> str:
        return f"<symgrad function {self.__doc__}>"


def function(
    inputs: Iterable[object],
    outputs: Any,
    target: str = "numpy",
    dtype: str = "float64",
) -> Function:
    """A Python callable that computes ``outputs`` from arrays, with the source as ``.source``.

    ``inputs`` are declared symbols, in the order of the arguments. A leaf n×1 takes an array of
    shape ``(n,)``, n×m ``(n, m)``, a scalar a number; the data of an empirical risk takes one
    example a row, and its input is the example's symbol. ``outputs`` is an expression, a
    Derivation (its gradients in ``wrt`` order) or a list of both, which returns a tuple.

    Raises DeclarationError where inputs and outputs do not fit, UnsupportedError for an unknown
    target or dtype; the result raises DataError for arrays that do not fit.
    """
    if dtype not in DTYPES:
        raise UnsupportedError(
            f"the dtype {dtype!r} was given; expected {' or '.join(map(repr, DTYPES))}."
        )
    module = target_module(target)
    raw, shapes, names, single = _flattened(outputs)
    roots = computing(raw)  # stable primitives, whatever they were written from
    listed = [inputs] if isinstance(inputs, sp.Basic) else list(inputs)
    name = "function"
    arguments = resolve(listed, roots, (*_RESERVED, name), leaves(raw))
    program = build(roots, shapes, arguments, names)
    source = module.emit(program, name, dtype, describe(program))
    return Function(name, program, source, dtype, single, module.CONTIGUOUS)


def build(
    roots: Sequence[Node],
    shapes: Sequence[Shape],
    arguments: Arguments,
    output_names: Sequence[str | None] = (),
    comments: Mapping[str, str] | None = None,
    without: Passes = frozenset(),
) -> Program:
    """The program that computes ``roots``; ``shapes`` are the arrays to return.

    ``comments`` gives named values, outputs among them, a line of mathematics each. ``without``
    are passes to leave out.
    """
    return schedule(
        lower(roots, without),
        arguments.inputs,
        arguments.leaves,
        arguments.dimensions,
        [(root.shape, shape) for root, shape in zip(roots, shapes, strict=True)],
        arguments.names,
        output_names,
        comments,
    )


def describe(program: Program) -> str:
    """The docstring of a generated function: shapes in and out."""
    taken = ", ".join(f"{x.name} {_shape(x.array_shape)}" for x in program.inputs if x.array_shape)
    returned = ", ".join(_shape(x.array_shape) for x in program.outputs)
    return f"Arrays in: {taken or 'none'}.\nOut: {returned}."


def _shape(shape: Shape) -> str:
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})" if shape else "scalar"


def _flattened(outputs: Any) -> tuple[list[Node], list[Shape], list[str | None], bool]:
    """The roots of all outputs, their array shapes and names, and whether there is just one."""
    single = not isinstance(outputs, list | tuple | Derived)
    roots: list[Node] = []
    shapes: list[Shape] = []
    names: list[str | None] = []
    for entry in outputs if isinstance(outputs, list | tuple) else [outputs]:
        if isinstance(entry, Derived):
            made = zip(entry.roots, entry.shapes, entry.output_names, strict=True)
            for node, shape, name in made:
                roots.append(node)
                shapes.append(array_shape(node.shape, *shape))
                names.append(name)
        else:
            expr = sp.sympify(entry) if isinstance(entry, int | float) else entry
            node = lift(expr)
            roots.append(node)
            array = isinstance(expr, MatrixExpr | sp.IndexedBase)
            shapes.append(array_shape(node.shape, *(expr.shape if array else ())))
            names.append(None)
    if not roots:
        raise DeclarationError("no outputs were given; expected an expression or a list of them.")
    return roots, shapes, names, single
