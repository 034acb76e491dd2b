"""Where a formula changes its branch: the arguments of kinks and jumps.

Why it exists: a claim with 1[z ≥ 0] for relu′ is right everywhere but at z = 0, where there is no
derivative to be right about, and a claim that ignores relu′ is right wherever z > 0. Both are
sentences about a *switch*, a value whose sign decides a branch. `SWITCHES` has, a row a function,
what that value is; a `Piecewise` has those of its conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import sympy as sp
from sympy.core.relational import Relational

from symgrad import graph as g
from symgrad import vocabulary as v
from symgrad.bounds import bounds
from symgrad.elementwise import expand
from symgrad.graph import Access, Kind, Node, Shape, slot
from symgrad.intervals import of_expression
from symgrad.simplify import normalise

_first: Callable[..., sp.Expr] = lambda t, *rest: t  # noqa: E731
_difference: Callable[..., sp.Expr] = lambda a, b: a - b  # noqa: E731

SWITCHES: dict[type[sp.Basic], Callable[..., sp.Expr]] = {
    **dict.fromkeys((v.step, v.signum, v.hard_step, v.hard_sign, v.zero_one), _first),
    **dict.fromkeys((v.relu, v.leaky_relu, v.elu, v.absolute), _first),
    **dict.fromkeys((v.root, v.inverse_or_zero, v.xlogx), _first),
    **dict.fromkeys((v.maximum, v.minimum, v.exceeds), _difference),
    **dict.fromkeys((sp.Abs, sp.sign, sp.Heaviside), _first),
}
"""function → the expression in its arguments whose sign decides."""


def _in_body(body: sp.Expr) -> Iterator[sp.Expr]:
    for e in sp.preorder_traversal(body):
        rule = SWITCHES.get(type(e))
        if rule is not None:
            yield rule(*e.args)
        elif isinstance(e, Relational):
            yield e.lhs - e.rhs


def decisions(node: Node) -> int:
    """How often a node itself decides on a branch, that of a maximum counting as several."""
    if node.kind is Kind.REDUCE:
        return 0 if node.op == "logsumexp" else OF_MAXIMUM
    return sum(1 for _ in _in_body(node.body)) if node.kind is Kind.MAP else 0


OF_MAXIMUM = 3
"""As many signs say which of a few entries is the largest."""


def unsteady_roots(node: Node) -> int:
    """How many roots a map takes of values that may touch 0, as √((x − 1)²) = |x − 1| does."""
    if node.kind is not Kind.MAP:
        return 0
    of_slots = {slot(k): bounds(arg) for k, arg in enumerate(node.args)}
    return sum(
        1
        for e in sp.preorder_traversal(v.plain(node.body))
        if type(e).__name__ in ("acosh", "root")
        or (
            isinstance(e, sp.Pow)
            and e.exp.is_Rational
            and e.exp.q % 2 == 0
            and not of_expression(e.base, of_slots.get).positive
        )
    )


def _oriented(e: sp.Expr) -> sp.Expr:
    """−t and t switch at one place."""
    return -e if e.could_extract_minus_sign() else e


def switches(roots: Sequence[Node]) -> list[Node]:
    """The values, as graph nodes, whose sign decides a branch below ``roots``, each once."""
    found: dict[Node, Node] = {}

    def add(value: Node) -> None:
        known = found.get(g.peel(value))
        if known is None or known.kind is not Kind.NAMED:  # one with a name is the one to speak of
            found[g.peel(value)] = value

    for node in g.topological(roots):
        if node.kind is not Kind.MAP:
            continue
        slots: dict[sp.Basic, Access] = {slot(k): a for k, a in enumerate(node.accesses)}
        for e in map(_oriented, _in_body(node.body)):
            if e in slots:
                add(_signless(slots[e].node))
            elif e.free_symbols & slots.keys():
                add(_signless(_value(e, slots, node.shape)))
    return list(found.values())


def _value(e: sp.Expr, slots: Mapping[sp.Basic, Access], shape: Shape) -> Node:
    """An expression in the operands of a map as a node; a sum of them as a sum."""
    weights = e.as_coefficients_dict()
    if weights.keys() <= slots.keys():
        return g.add([(c, *slots[s]) for s, c in weights.items()], shape)
    return expand(e, slots.get, shape)


def _signless(node: Node) -> Node:
    """z for −z and for 2·z, which change sign where z does."""
    while node.kind is Kind.SUM and len(node.args) == 1 and node.weights[0].is_number:
        node = node.args[0]
    return node


class Sides(NamedTuple):
    """A switch in words: it is positive where ``left`` > ``right``."""

    left: str
    right: str = "0"


def sides_of(switch: Node) -> Sides | None:
    """A switch as two formulas: s and t for s − t, z and 0 for z; None where notation fails.

    Matrix notation has two axes.
    """
    if switch.kind in (Kind.NAMED, Kind.LEAF):
        return Sides(switch.name)
    if switch.rank > 2:
        return None
    (node,) = normalise([switch])
    terms = list(zip(node.weights, node.accesses, strict=True)) if node.kind is Kind.SUM else []
    moved = [t for t in terms if t[1].node.kind is Kind.CONST] or [t for t in terms if t[0] == -1]
    if len(terms) < 2 or len(moved) != 1 or len(moved) == len(terms):
        return Sides(_text(node))
    rest = g.add([(c, *a) for c, a in terms if (c, a) not in moved], node.shape)
    other = g.add([(-c, *a) for c, a in moved], node.shape)
    return Sides(_text(rest), _text(other))


def _text(node: Node) -> str:
    from symgrad.show.matrix_form import matrix_form
    from symgrad.show.text import formula

    (normal,) = normalise([node])
    if normal.kind is Kind.CONST:
        return str(formula(normal.value))
    return str(formula(matrix_form(normal)))


def zero_text(switch: Node) -> str:
    """When a switch is 0: ``z = 0``; ``x = 0`` for ‖x‖², a sum of squares; ``s = t`` for s − t."""
    node = switch
    if switch.kind is not Kind.NAMED and switch.rank <= 2:
        node = _signless(normalise([switch])[0])
    if node.kind is Kind.PRODUCT and len(node.args) == 2 and len(set(node.accesses)) == 1:
        node = node.args[0]
    sides = sides_of(node)
    return f"{sides.left} = {sides.right}" if sides is not None else ""
