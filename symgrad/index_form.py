"""Index notation of a graph node, as a scalar SymPy expression in indices.

What matrix notation cannot say, this can: ``Σ_k W[i, k]·x[k, j, n]`` for any number of axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from symgrad import graph as g
from symgrad.errors import UnsupportedError
from symgrad.graph import Kind, Node, slot
from symgrad.symbols import Opaque

_LETTERS = [*"klmnpqrstuv", *(f"k{n}" for n in range(1000))]


def index_form(root: Node, indices: Sequence[Any]) -> Any:
    """The entry of ``root`` at ``indices``, named values and leaves being indexed symbols."""
    entries: dict[Node, tuple[tuple[sp.Dummy, ...], Any]] = {}

    def at(node: Node, where: Sequence[Any]) -> Any:
        own, entry = entries[node]
        return entry.xreplace(dict(zip(own, where, strict=True)))

    def below(node: Node) -> tuple[Node, ...]:
        return () if node.kind is Kind.NAMED else node.args

    for node in g.topological([root], below):
        own = tuple(sp.Dummy(f"i{k}", integer=True) for k in range(node.rank))
        entries[node] = (own, _entry(node, own, at))
    return _lettered(at(root, indices), indices)


def _lettered(entry: Any, indices: Sequence[Any]) -> Any:
    """Summation indices as letters, each sum with letters of its own."""
    taken = {str(x) for x in indices} | {x.name for x in entry.free_symbols if x.is_Symbol}
    letters = (x for x in _LETTERS if x not in taken)
    dummies = sorted(entry.atoms(sp.Dummy), key=lambda d: d.dummy_index)
    return entry.xreplace({d: sp.Symbol(next(letters), integer=True) for d in dummies})


def _entry(node: Node, own: tuple[sp.Dummy, ...], at: Any) -> Any:
    labels: dict[int, Any] = dict(enumerate(own))
    dims = g.label_dims(node)
    summed = {k: sp.Dummy(f"k{k}", integer=True) for k in range(node.rank, len(dims))}
    labels.update(summed)

    def operand(k: int) -> Any:
        return at(node.args[k], [labels[x] for x in node.labels[k]])

    match node.kind:
        case Kind.LEAF | Kind.NAMED:
            return _indexed(node, own)
        case Kind.CONST:
            return node.value
        case Kind.DELTA:
            return sp.KroneckerDelta(*own)
        case Kind.ONEHOT:
            return sp.KroneckerDelta(operand(0), own[-1])
        case Kind.INDICATOR:
            coefficients, offset, relation = node.affine
            total = sp.Add(*(c * x for c, x in zip(coefficients, own, strict=True)), offset)
            holds = sp.Eq(total, 0) if relation == "=" else sp.Ge(total, 0)
            return sp.Piecewise((1, holds), (0, True))
        case Kind.SUM:
            return sp.Add(*(c * operand(k) for k, c in enumerate(node.weights)))
        case Kind.MAP:
            return node.body.xreplace({slot(k): operand(k) for k in range(len(node.args))})
        case Kind.PRODUCT:
            factors = sp.Mul(*(operand(k) for k in range(len(node.args))))
            ranges = [(summed[k], 0, dims[k] - 1) for k in summed]
            return sp.Sum(factors, *ranges) if ranges else factors
        case Kind.LINALG:
            raise UnsupportedError(f"index notation cannot say {node.op}; name its operand.")
        case Kind.REDUCE:
            ranges = [(summed[k], 0, dims[k] - 1) for k in summed]
            return sp.log(sp.Sum(sp.exp(operand(0)), *ranges))


def _indexed(node: Node, own: tuple[sp.Dummy, ...]) -> Any:
    if not own:
        symbol = node.leaf.symbol if node.kind is Kind.LEAF else sp.Symbol(node.name, real=True)
        return symbol if isinstance(symbol, sp.Expr | Opaque) else sp.Symbol(node.name)
    return sp.IndexedBase(node.name)[own]
