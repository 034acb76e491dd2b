"""Scalar SymPy expressions as graph nodes, over any index space.

Why it exists: a scalar loss, the body of ``applyfunc`` and the derivative of a map are all one
scalar expression evaluated at every point of an index space. Sums, products and whole powers
become graph nodes, so that common values are shared and terms can cancel; each remaining
function application becomes one map. That is why ``1 − tanh(z)²`` finds the ``tanh(z)`` that the
forward pass has computed: they are the same node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp

from symgrad import graph as g
from symgrad.errors import UnsupportedError
from symgrad.graph import Access, Shape, slot

MAX_UNROLLED_POWER = 4
"""x², x³ and x⁴ are products, which share and cancel; higher powers are one map."""

NEAREST: dict[str, str] = {
    "Max": "sg.relu(t), which is max(0, t)",
    "Min": "-sg.relu(-t), which is min(0, t)",
    "Piecewise": "sg.relu or sg.abs",
    "Heaviside": "sg.sigmoid, its differentiable replacement",
    "sign": "sg.tanh, its differentiable replacement",
    "Sum": "sg.sum or sg.dot",
    "Inverse": "a matrix product",
    "Determinant": "Trace, or a sum of elements X[i, j]",
    "MatMul": "sg.dot(a, b), which is a scalar where a.T*b is a 1×1 matrix",
    "MatAdd": "sg.sum(a + b), which is a scalar",
    "DiracDelta": "a differentiable function such as sg.sigmoid or sg.tanh",
    "Derivative": "sg.gradient",
    "BlockMatrix": "a MatrixSymbol for each block",
    "MutableDenseMatrix": "MatrixSymbol, with the numbers passed as an array",
    "ImmutableDenseMatrix": "MatrixSymbol, with the numbers passed as an array",
    "KroneckerProduct": "hadamard_product or the matrix product",
}
"""For a SymPy node that is not supported: the nearest one that is."""


def unsupported(expr: object) -> UnsupportedError:
    """The error for a SymPy node outside the vocabulary, naming the nearest supported one."""
    name = type(expr).__name__
    nearest = NEAREST.get(name, "sums, products, powers and elementwise functions")
    return UnsupportedError(
        f"symgrad does not support the SymPy node {name} in {expr}; "
        f"the nearest supported form is {nearest}."
    )


def expand(expr: sp.Expr, resolve: Callable[[sp.Basic], Access | None], shape: Shape) -> g.Node:
    """``expr`` at every point of an index space of shape ``shape``.

    ``resolve`` gives the operand that a subexpression stands for, or None to look inside it.
    """
    done: dict[int, Access] = {}  # keyed by id: SymPy's equality compares whole trees
    stack: list[tuple[sp.Basic, bool]] = [(expr, False)]
    while stack:
        e, operands_done = stack.pop()
        if id(e) in done:
            continue
        found = resolve(e)
        if found is not None:
            done[id(e)] = found
        elif operands_done:
            done[id(e)] = _combine(e, [done[id(x)] for x in e.args], shape)
        else:
            if not e.args and not _is_constant(e):
                raise unsupported(e)
            if not isinstance(e, sp.Add | sp.Mul | sp.Pow | sp.Function | sp.Atom):
                raise unsupported(e)
            if not all(isinstance(x, sp.Expr) for x in e.args):  # such as a condition
                raise unsupported(e)
            stack.append((e, True))
            stack.extend((x, False) for x in e.args)
    return broadcast(done[id(expr)], shape)


def broadcast(access: Access, shape: Shape) -> g.Node:
    """The operand as a node of the whole index space."""
    if access.labels == tuple(range(len(shape))):
        return access.node
    return g.product([access], shape)


def _is_constant(e: sp.Basic) -> bool:
    return isinstance(e, sp.Expr) and (
        e.is_number or (not e.atoms(sp.Function) and all(s.is_integer for s in e.free_symbols))
    )


def _combine(e: sp.Basic, operands: Sequence[Access], shape: Shape) -> Access:
    if e.has(sp.nan, sp.zoo, sp.I, sp.oo, -sp.oo) and not e.args:
        raise UnsupportedError(f"the constant {e} is not a real number; declare real expressions.")
    if not e.args:
        return Access(g.const(e), ())
    if all(a.node.kind is g.Kind.CONST for a in operands):
        return Access(g.const(e.func(*(a.node.value for a in operands))), ())
    match e:
        case sp.Add():
            return _node(g.add, [(1, *a) for a in operands], operands, shape)
        case sp.Mul():
            return _node(g.product, operands, operands, shape)
        case sp.Pow(base=_, exp=n) if n.is_Integer and 1 < n <= MAX_UNROLLED_POWER:
            return _node(g.product, [operands[0]] * int(n), operands[:1], shape)
    if isinstance(e, sp.Function | sp.Pow) and not isinstance(
        e, sp.Max | sp.Min | sp.Piecewise | sp.Heaviside | sp.sign | sp.DiracDelta
    ):
        return _map(e, operands, shape)
    raise unsupported(e)


def _map(e: sp.Basic, operands: Sequence[Access], shape: Shape) -> Access:
    """A function application: constant arguments stay in the body, the others become slots."""
    varying: list[Access] = []
    body_args: list[sp.Basic] = []
    for arg, operand in zip(e.args, operands, strict=True):
        if operand.node.kind is g.Kind.CONST:
            body_args.append(arg)
        else:
            if operand not in varying:
                varying.append(operand)
            body_args.append(slot(varying.index(operand)))
    body = e.func(*body_args)
    if body == slot(0):  # such as log(exp(t)): SymPy evaluated it
        return varying[0]
    labels = _union(varying)
    relabel = {label: k for k, label in enumerate(labels)}
    node = g.apply(
        body,
        [(a.node, tuple(relabel[x] for x in a.labels)) for a in varying],
        tuple(shape[x] for x in labels),
    )
    return Access(node, labels)


def _union(operands: Sequence[Access]) -> tuple[int, ...]:
    return tuple(sorted({label for a in operands for label in a.labels}))


def _node(
    make: Callable[..., g.Node],
    terms: Sequence[tuple[object, ...]],
    operands: Sequence[Access],
    shape: Shape,
) -> Access:
    """A sum or product over just the labels that its operands carry."""
    labels = _union(operands)
    relabel = {label: k for k, label in enumerate(labels)}
    own = [(*t[:-1], tuple(relabel[x] for x in t[-1])) for t in terms]  # type: ignore[attr-defined]
    return Access(make(own, tuple(shape[x] for x in labels)), labels)
