"""The arguments of a generated function: which input each leaf is, and where dimensions are read.

In: the SymPy symbols that the user lists as inputs, and the leaves that the graph has. Out: the
inputs of a program and its dimensions. Contradictions between the two are errors here, when a
function is made; arrays are checked by `checking`, when it is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixSymbol

from symgrad import graph as g
from symgrad.codegen.names import Names
from symgrad.codegen.program import Dimension, Input, Role
from symgrad.errors import DeclarationError
from symgrad.graph import Kind, Node, Shape, dim
from symgrad.lift import described_leaf, leaves_by_name, lift
from symgrad.listing import shape_text
from symgrad.symbols import Opaque, as_matrix


class Arguments(NamedTuple):
    """The inputs of a function, the number of each leaf, the dimensions, and names so far."""

    inputs: tuple[Input, ...]
    leaves: Mapping[Node, int]
    dimensions: tuple[Dimension, ...]
    names: Names


def resolve(
    inputs: Iterable[object],
    roots: Sequence[Node],
    reserved: Iterable[str],
    declared: Sequence[Node] = (),
) -> Arguments:
    """The arguments for ``inputs``, in order, of a function with the values ``roots``.

    ``declared`` are leaves of the declaration, some of which may be gone from ``roots``: an input
    that is not needed still has a shape, from which dimensions are read.
    Raises DeclarationError where an input is missing, given twice, or declared in two ways.
    """
    given = [_plain(x) for x in inputs]
    leaves = leaves_by_name(roots)
    known = {leaf.name: leaf for leaf in declared} | leaves
    names = Names(reserved)
    data = {_plain(x.leaf.origin): x for x in known.values() if x.leaf.origin is not None}
    found: list[Input] = []
    number: dict[Node, int] = {}
    seen: set[str] = set()
    for symbol in given:
        leaf = _leaf_of(symbol, known, data)
        name = str(symbol.name)
        if name in seen:
            raise DeclarationError(f"the input {name} is listed twice; list each input once.")
        seen.add(name)
        if leaf is not None:
            number[leaf] = len(found)
        found.append(_input(symbol, leaf, names.unique(name), bool(data)))
    missing = [leaf.name for leaf in leaves.values() if leaf not in number]
    if missing:
        raise DeclarationError(
            f"the outputs depend on {', '.join(missing)}, which the inputs do not list; "
            f"the inputs are {', '.join(sorted(seen)) or 'empty'}. Add {missing[0]} to them."
        )
    dimensions = _dimensions(found, given, roots, names)
    return Arguments(tuple(found), number, dimensions, names)


def of_leaves(
    leaves: Iterable[tuple[Node, str]], roots: Sequence[Node], reserved: Iterable[str]
) -> Arguments:
    """The arguments for given leaves, each under a name of its own choice."""
    names = Names(reserved)
    given = list(leaves)
    inputs = [_input(leaf.leaf.symbol, leaf, names.unique(name), True) for leaf, name in given]
    number = {leaf: k for k, (leaf, _) in enumerate(given)}
    symbols = [leaf.leaf.symbol for leaf, _ in given]
    return Arguments(tuple(inputs), number, _dimensions(inputs, symbols, roots, names), names)


def array_shape(shape: Shape, *declared: object) -> Shape:
    """What is passed for a value: (n,) for n×1, a number for a single entry, else all its axes.

    ``shape`` is that of the value, which has no axis for a dimension that is literally 1.
    """
    sizes = tuple(map(dim, declared))
    if (len(sizes) == 2 and sizes[1] == 1) or all(n == 1 for n in sizes):
        return shape
    return sizes


# --------------------------------------------------------------------------------- the symbols


def _plain(x: object) -> sp.Basic:
    """The plain SymPy symbol behind an input."""
    node = x.node if isinstance(x, Opaque) else None
    if node is not None and node.kind is Kind.LEAF:
        return node.leaf.symbol
    if node is not None or not isinstance(x, sp.Symbol | MatrixSymbol | sp.IndexedBase):
        raise DeclarationError(
            f"the input {x} is of type {type(x).__name__}; list declared symbols as inputs "
            "(Symbol, MatrixSymbol, IndexedBase with a shape, sg.simplex or sg.label)."
        )
    return as_matrix(x) if isinstance(x, sp.IndexedBase) else x


def _is_integer(symbol: sp.Basic) -> bool:
    return isinstance(symbol, sp.Symbol) and bool(symbol.is_integer)


def _leaf_of(
    symbol: sp.Basic, by_name: Mapping[str, Node], data: Mapping[sp.Basic, Node]
) -> Node | None:
    """The leaf that a symbol stands for: itself, or the data whose example it is."""
    if symbol in data:
        return data[symbol]
    leaf = by_name.get(str(symbol.name))
    if leaf is None or symbol == leaf.leaf.symbol:
        return leaf
    raise DeclarationError(
        f"the input {symbol} is declared with shape {_shape_of(symbol)}, but in the outputs "
        f"{leaf.name} is {described_leaf(leaf)}; use one declaration for both."
    )


def _shape_of(symbol: sp.Basic) -> str:
    return shape_text(getattr(symbol, "shape", ()))


def _input(symbol: sp.Basic, leaf: Node | None, name: str, batched: bool) -> Input:
    declared = str(symbol.name)
    if leaf is None:
        if _is_integer(symbol):
            return Input(name, declared, (), (), "integer")
        if batched:  # whether an input that is not used has a row for each example is unknown
            return Input(name, declared, (), (), "unused")
        leaf = lift(symbol)
    role: Role = "label" if leaf.leaf.classes is not None else "array"
    shape = leaf.shape
    if leaf.leaf.origin is None:
        shape = array_shape(shape, *getattr(leaf.leaf.symbol, "shape", ()))
    return Input(name, declared, leaf.shape, shape, role, leaf.leaf.classes)


# ------------------------------------------------------------------------------ the dimensions


def _dimensions(
    inputs: Sequence[Input], symbols: Sequence[sp.Basic], roots: Sequence[Node], names: Names
) -> tuple[Dimension, ...]:
    """Where each symbolic dimension is read; integer inputs first, those like 2·n + 1 last."""
    found: dict[sp.Basic, Dimension] = {}
    axes = [
        (k, axis, n)
        for k, entry in enumerate(inputs)
        for axis, n in enumerate(entry.array_shape)
        if not isinstance(n, int)
    ]
    for k, (symbol, entry) in enumerate(zip(symbols, inputs, strict=True)):
        if entry.role == "integer":
            found[symbol] = Dimension(symbol, entry.name, k, None)
    for k, axis, n in axes:
        if n.is_Symbol and n not in found:
            found[n] = Dimension(n, names.unique(str(n)), k, axis)
    for k, axis, n in axes:
        unknown = sorted(n.free_symbols - found.keys(), key=str)
        if len(unknown) == 1:
            (symbol,) = unknown
            factor = n.coeff(symbol, 1)
            offset = n - factor * symbol
            if factor.is_Integer and factor > 0 and symbol not in offset.free_symbols:
                name = names.unique(str(symbol))
                found[symbol] = Dimension(symbol, name, k, axis, offset, int(factor))
    for symbol in integers_used(inputs, roots):
        if symbol not in found:
            raise DeclarationError(
                f"the outputs use the integer {symbol}, which is neither a dimension of an "
                f"input nor an input itself; add {symbol} to the inputs."
            )
    return tuple(found.values())


def integers_used(inputs: Sequence[Input], roots: Sequence[Node]) -> list[sp.Symbol]:
    """The integer symbols in the shapes of inputs, and anywhere in the values ``roots``."""
    symbols: set[sp.Symbol] = set()
    for entry in inputs:
        for n in (*entry.array_shape, entry.classes):
            symbols |= n.free_symbols if isinstance(n, sp.Basic) else set()
    for node in g.topological(roots):
        values = [*node.shape]
        if node.kind is Kind.CONST:
            values.append(node.value)
        elif node.kind is Kind.SUM:
            values += node.weights
        elif node.kind is Kind.INDICATOR:
            values.append(node.affine.offset)
        elif node.kind is Kind.MAP:
            slots = {g.slot(k) for k in range(len(node.args))}
            symbols |= node.body.free_symbols - slots
        for n in values:
            if isinstance(n, sp.Basic):
                symbols |= n.free_symbols
    return sorted(symbols, key=str)
