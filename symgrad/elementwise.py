"""Scalar SymPy expressions as graph nodes, over any index space.

Why it exists: a scalar loss, the body of ``applyfunc`` and the derivative of a map are all one
scalar expression evaluated at every point of an index space. Sums, products and whole powers
become graph nodes, so that common values are shared and terms can cancel; each remaining
function application becomes one map. That is why ``1 − tanh(z)²`` finds the ``tanh(z)`` that the
forward pass has computed: they are the same node.

A Piecewise is kept whole, in one map: where each branch had a node of its own, the derivative of
a branch that is not taken could be infinite, and 0·∞ is NaN. Only functions that are finite
everywhere (`vocabulary.TAME`) are taken out of it, so that they are shared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp
from sympy.core.relational import Relational
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.logic.boolalg import BooleanAtom

from symgrad import graph as g
from symgrad import vocabulary as v
from symgrad.errors import UnsupportedError
from symgrad.graph import Access, Shape, slot

MAX_UNROLLED_POWER = 4
"""x², x³ and x⁴ are products, which share and cancel; higher powers are one map."""

NEAREST: dict[str, str] = {
    "Sum": "sg.sum or sg.dot",
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
    """``expr`` at every point of an index space of shape ``shape``; see `access`."""
    return broadcast(access(expr, resolve, shape), shape)


def access(expr: sp.Expr, resolve: Callable[[sp.Basic], Access | None], shape: Shape) -> Access:
    """``expr`` over just those labels of an index space of shape ``shape`` that it depends on.

    ``resolve`` gives the operand that a subexpression stands for, or None to look inside it.
    """
    done: dict[int, Access] = {}  # keyed by id: SymPy's equality compares whole trees
    stack: list[tuple[sp.Basic, Sequence[sp.Basic] | None]] = [(expr, None)]
    while stack:
        e, parts = stack.pop()
        if id(e) in done:
            continue
        found = resolve(e)
        if found is not None:
            done[id(e)] = found
        elif parts is not None:
            operands = [done[id(x)] for x in parts]
            make = _choice if isinstance(e, sp.Piecewise) else _combine
            done[id(e)] = make(e, parts, operands, shape)
        else:
            parts = _parts(e, resolve)
            stack.append((e, parts))
            stack.extend((x, None) for x in parts)
    return done[id(expr)]


def _parts(e: sp.Basic, resolve: Callable[[sp.Basic], Access | None]) -> Sequence[sp.Basic]:
    """The subexpressions that become nodes before ``e`` does."""
    if isinstance(e, sp.Piecewise):
        return _taken_out(e, resolve)
    if not e.args and not _is_constant(e):
        raise unsupported(e)
    if not isinstance(e, sp.Add | sp.Mul | sp.Pow | sp.Function | sp.Atom):
        raise unsupported(e)
    if not all(isinstance(x, sp.Expr) for x in e.args):
        raise unsupported(e)
    parts: Sequence[sp.Basic] = e.args
    return parts


def broadcast(found: Access, shape: Shape) -> g.Node:
    """The operand as a node of the whole index space."""
    if found.labels == tuple(range(len(shape))):
        return found.node
    return g.product([found], shape)


def _is_constant(e: sp.Basic) -> bool:
    return isinstance(e, sp.Expr) and (
        e.is_number or (not e.atoms(sp.Function) and all(s.is_integer for s in e.free_symbols))
    )


def _combine(
    e: sp.Basic, parts: Sequence[sp.Basic], operands: Sequence[Access], shape: Shape
) -> Access:
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
            base, times = _squared(operands[0], int(n))
            return _node(g.product, [base] * times, [base], shape) if times > 1 else base
        case sp.DiracDelta():
            raise unsupported(e)
    return _map(e, operands, shape)


def _squared(base: Access, times: int) -> tuple[Access, int]:
    """(√a)²ⁿ is aⁿ, so that ‖w‖² is declared, shown and counted as the sum of squares it is."""
    node = base.node
    if times % 2 or node.kind is not g.Kind.MAP or node.body != v.root(slot(0)):
        return base, times
    (inner,) = node.accesses
    return Access(inner.node, tuple(base.labels[x] for x in inner.labels)), times // 2


def _map(e: sp.Basic, operands: Sequence[Access], shape: Shape) -> Access:
    """A function application: constant arguments stay in the body, the others become slots."""
    varying: list[Access] = []
    body_args: list[sp.Basic] = []
    for operand in operands:
        if operand.node.kind is g.Kind.CONST:
            body_args.append(operand.node.value)
        else:
            if operand not in varying:
                varying.append(operand)
            body_args.append(slot(varying.index(operand)))
    body = e.func(*body_args)
    if body == slot(0):  # such as log(exp(t)): SymPy evaluated it
        return varying[0]
    return _applied(body, varying, shape)


def _applied(body: sp.Expr, varying: Sequence[Access], shape: Shape) -> Access:
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


# ------------------------------------------------------------------------------------ piecewise


def _taken_out(e: sp.Piecewise, resolve: Callable[[sp.Basic], Access | None]) -> Sequence[sp.Basic]:
    """The largest subexpressions of a Piecewise that are nodes of their own."""
    if e.args[-1].cond != sp.true:
        raise UnsupportedError(
            f"{e} says nothing of the remaining case; end the Piecewise with (value, True)."
        )
    tame: set[int] = set()
    order: list[sp.Basic] = []
    stack: list[sp.Basic] = [e]
    while stack:  # operands after what uses them
        x = stack.pop()
        order.append(x)
        if not (isinstance(x, sp.Expr) and resolve(x) is not None):
            if not isinstance(x, _INSIDE):
                raise unsupported(x)
            stack.extend(x.args)
    for x in reversed(order):
        finite = isinstance(x, (sp.Add, sp.Mul, *v.TAME)) or (
            isinstance(x, sp.Pow) and x.exp.is_Integer and x.exp.is_positive
        )
        known = isinstance(x, sp.Expr) and (resolve(x) is not None or _is_constant(x))
        if known or (finite and all(id(a) in tame for a in x.args)):
            tame.add(id(x))

    found: list[sp.Basic] = []
    stack = [e]
    while stack:
        x = stack.pop()
        own = isinstance(x, sp.Expr) and resolve(x) is not None
        if own or (isinstance(x, tuple(v.TAME - _BENT)) and id(x) in tame):
            found.append(x)
        elif not x.args and isinstance(x, sp.Expr) and not _is_constant(x):
            raise unsupported(x)
        else:
            stack.extend(x.args)
    return found


_BENT = frozenset({v.absolute, v.relu, v.maximum, v.minimum})
"""Functions with a kink stay in a Piecewise: |t| − ½ is a branch, and its slope there a sign."""

_INSIDE = (
    *(sp.Add, sp.Mul, sp.Pow, sp.Function, sp.Atom, sp.Piecewise, ExprCondPair),
    *(Relational, sp.And, sp.Or, sp.Not, BooleanAtom),
)
"""What a Piecewise may be made of."""


def _choice(
    e: sp.Basic, parts: Sequence[sp.Basic], operands: Sequence[Access], shape: Shape
) -> Access:
    """A Piecewise as one map."""
    varying = sorted(
        {a for a in operands if a.node.kind is not g.Kind.CONST},
        key=lambda a: (a.node.place, a.labels),
    )
    body = e.xreplace(
        {
            x: a.node.value if a.node.kind is g.Kind.CONST else slot(varying.index(a))
            for x, a in zip(parts, operands, strict=True)
        }
    )
    slots: dict[sp.Basic, Access] = {slot(k): a for k, a in enumerate(varying)}
    if not isinstance(body, sp.Piecewise):  # SymPy saw that one branch is always taken
        return access(body, slots.get, shape)
    return _applied(body, varying, shape)


# ------------------------------------------------------------------------------------- spellings


def spelled(expr: sp.Expr, derived: bool = False) -> sp.Expr:
    """``expr`` with SymPy's functions that have a kink or a jump as those of `vocabulary`.

    A jump in a declaration is one that must not be differentiated; in a derivative (``derived``)
    it comes from a kink, and its own derivative is 0.
    """
    if not expr.has(*_SPELLED, sp.Piecewise):
        return expr
    done: dict[int, sp.Basic] = {}
    stack: list[tuple[sp.Basic, bool]] = [(expr, False)]
    while stack:
        e, ready = stack.pop()
        if id(e) in done:
            continue
        if not e.args:
            done[id(e)] = e
        elif not ready:
            stack.append((e, True))
            stack.extend((x, False) for x in e.args)
        else:
            args = [done[id(x)] for x in e.args]
            new = e if all(a is b for a, b in zip(args, e.args, strict=True)) else e.func(*args)
            spelling = _SPELLED.get(type(new))
            if isinstance(new, sp.Piecewise) and not derived:
                new = _unit_step(new)
            elif spelling is not None:
                new = v.without_jumps(spelling(new)) if derived else spelling(new)
            done[id(e)] = new
    return done[id(expr)]


def _heaviside(e: sp.Heaviside) -> sp.Expr:
    """H(t), whose value at 0 is the second argument."""
    t, at_zero = e.args
    if at_zero == sp.S.Half:
        return (1 + v.hard_sign(t)) / 2
    return at_zero + (1 - at_zero) * v.hard_step(t) - at_zero * v.hard_step(-t)


def _largest(e: sp.Max) -> sp.Expr:
    """max(a, b, …) by pairs; max(0, z) is relu and max(c·z, z), 0 < c < 1, leaky ReLU."""
    return _folded(e, v.maximum, v.relu)


def _smallest(e: sp.Min) -> sp.Expr:
    """min(a, b, …) by pairs; min(0, z) is −relu(−z)."""
    return _folded(e, v.minimum, lambda t: -v.relu(-t))


def _folded(
    e: sp.Basic, pair: type[sp.Function], with_zero: Callable[[sp.Expr], sp.Expr]
) -> sp.Expr:
    rest = [x for x in sp.ordered(e.args) if x != 0]
    result = rest[0]
    for x in rest[1:]:
        result = _leaky(result, x) if pair is v.maximum and len(e.args) == 2 else pair(result, x)
    return result if len(rest) == len(e.args) else with_zero(result)


def _leaky(a: sp.Expr, b: sp.Expr) -> sp.Expr:
    for part, whole in ((a, b), (b, a)):
        c = part / whole
        if c.is_number and c.is_positive and (1 - c).is_positive and not whole.is_number:
            return v.leaky_relu(whole, c)
    return v.maximum(a, b)


def _unit_step(e: sp.Piecewise) -> sp.Basic:
    """A unit step or a sign by cases, (1 if t > 0 else 0 or −1), as the jump that it is.

    A condition on indices jumps nowhere, and stays.
    """
    values = tuple(x.expr for x in e.args)
    condition = e.args[0].cond
    if isinstance(condition, sp.StrictLessThan | sp.LessThan):
        condition, values = condition.negated, values[::-1]
    if len(values) != 2 or not isinstance(condition, sp.StrictGreaterThan | sp.GreaterThan):
        return e
    t = condition.lhs - condition.rhs
    if values not in ((1, 0), (1, -1)) or all(s.is_integer for s in t.free_symbols):
        return e
    strict = isinstance(condition, sp.StrictGreaterThan)
    above = v.hard_step(t) if strict else 1 - v.hard_step(-t)
    return above if values[1] == 0 else 2 * above - 1


def _either(condition: sp.Basic, yes: sp.Basic, no: sp.Basic) -> sp.Basic:
    """SymPy's if-then-else, which a condition on a Piecewise becomes, by "and" and "or"."""
    return sp.Or(sp.And(condition, yes), sp.And(sp.Not(condition), no))


_SPELLED: dict[type[sp.Basic], Callable[[Any], sp.Basic]] = {
    sp.Abs: lambda e: v.absolute(*e.args),
    sp.sign: lambda e: v.hard_sign(*e.args),
    sp.Heaviside: _heaviside,
    sp.Max: _largest,
    sp.Min: _smallest,
    sp.coth: lambda e: 1 / sp.tanh(*e.args),
    sp.sinc: lambda e: sp.Piecewise(
        (sp.sin(e.args[0]) / e.args[0], sp.Ne(e.args[0], 0)), (1, True)
    ).replace(sp.ITE, _either),
    sp.ITE: lambda e: _either(*e.args),
}
"""SymPy's functions that have another spelling here."""
