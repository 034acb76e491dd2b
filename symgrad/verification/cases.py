"""The sides of switches that there can be together: 1[x > 1] and 1[x < 0] are never both 1.

Why it exists: a derivative of clip(x, −1, 1) has 1[|x| < 1], and a claim 1[x > −1]·1[x < 1]. The
two are no identity where each sign is a chance of its own, as no x is above 1 and below −1. So
each switch is taken apart into affine forms of the values it is made of, its *atoms*: |x| − 1 is
x − 1 where x > 0, else −x − 1; x² − 1 is a product of two; tanh(u) has the sign of u. Which signs
of forms can be together is decided exactly, by eliminating one atom after the other (Fourier and
Motzkin). Atoms are taken to be independent, which may leave too many cases and never too few.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple, TypeAlias

import sympy as sp
from sympy.core.relational import Relational

from symgrad.bounds import bounds
from symgrad.graph import Kind, Node, peel, slot
from symgrad.vocabulary import plain

MOST_CASES, _MOST_FORMS = 12, 8
"""More cases of one family of switches, and more forms, are too many to go through."""

Form: TypeAlias = sp.Expr
Signs: TypeAlias = "dict[Form, int]"
Row: TypeAlias = "tuple[tuple[Fraction, ...], Fraction]"
"""Coefficients and a constant: their sum is > 0."""

_SAME_SIGN = (sp.tanh, sp.sinh, sp.atan, sp.asinh, sp.erf, sp.asin, sp.atanh)
"""Functions that have the sign of their argument."""


class Family(NamedTuple):
    """Switches that share atoms, and their signs in every case that there can be."""

    switches: tuple[Node, ...]
    cases: tuple[tuple[int, ...], ...]
    """In each case the sign of each switch, which may be 0 on a region."""


def families(switches: Sequence[Node]) -> list[Family] | None:
    """The families of some switches; None where there are too many cases."""
    atoms: dict[Node, sp.Symbol] = {}
    exprs = {node: expression(node, atoms) for node in switches}
    groups: list[tuple[set[sp.Basic], list[Node]]] = []
    for node in switches:
        own, members = set(exprs[node].free_symbols), [node]
        for group in [x for x in groups if x[0] & own]:
            groups.remove(group)
            own, members = own | group[0], group[1] + members
        groups.append((own, members))
    found = []
    for own, members in groups:
        if len({node.shape for node in members}) > 1:
            return None
        known = {s: node for node, s in atoms.items() if s in own}
        ordered = [node for node in switches if node in members]
        cases = _cases([exprs[node] for node in ordered], known)
        if cases is None:
            return None
        found.append(Family(tuple(ordered), cases))
    return found


def expression(node: Node, atoms: dict[Node, sp.Symbol]) -> sp.Expr:
    """An entry of a node as an expression in the same entry of other nodes, its atoms."""
    node = peel(node)
    axes = tuple(range(node.rank))
    entrywise = all(
        labels == axes or peel(x).kind is Kind.CONST
        for x, labels in zip(node.args, node.labels, strict=True)
    )
    match node.kind:
        case Kind.CONST if not node.value.free_symbols:
            return node.value
        case Kind.SUM if entrywise and all(c.is_Rational for c in node.weights):
            terms = [c * expression(x, atoms) for c, x in zip(node.weights, node.args, strict=True)]
            return sp.Add(*terms)
        case Kind.PRODUCT if entrywise and node.args:
            return sp.Mul(*(expression(x, atoms) for x in node.args))
        case Kind.MAP if entrywise and not _others(node):
            slots = {slot(k): expression(x, atoms) for k, x in enumerate(node.args)}
            return plain(node.body).xreplace(slots)
    return atoms.setdefault(node, sp.Dummy(f"a{len(atoms)}", real=True))


def _others(node: Node) -> set[sp.Basic]:
    """The symbols in a body that are no operands."""
    return set(node.body.free_symbols) - {slot(k) for k in range(len(node.args))}


class _Unknown(Exception):
    """The sign of a form is needed."""

    def __init__(self, form: Form) -> None:
        super().__init__(str(form))
        self.form = form


def _cases(
    exprs: Sequence[sp.Expr], atoms: Mapping[sp.Symbol, Node]
) -> tuple[tuple[int, ...], ...] | None:
    """The signs of expressions together, in every case; None where that is not known."""
    found: dict[tuple[int, ...], None] = {}
    open_cases: list[Signs] = [{}]
    while open_cases:
        signs = open_cases.pop()
        try:
            found[tuple(sign_of(resolved(e, signs), signs) for e in exprs)] = None
        except _Unknown as unknown:
            if len(signs) >= _MOST_FORMS:
                return None
            for sign in (1, -1):
                more = {**signs, unknown.form: sign}
                if possible(more, atoms):
                    open_cases.append(more)
        if len(found) > MOST_CASES:
            return None
    return tuple(found)


def resolved(e: sp.Expr, signs: Signs) -> sp.Expr:
    """An expression on the branch that it takes in a case; raises _Unknown."""
    if isinstance(e, sp.Piecewise):
        for value, condition in e.args:
            if holds(condition, signs):
                return resolved(value, signs)
    if not e.args:
        return e
    if isinstance(e, sp.Max | sp.Min):
        best, *rest = (resolved(x, signs) for x in e.args)
        for x in rest:
            larger = sign_of(x - best, signs) > 0
            best = x if larger == isinstance(e, sp.Max) else best
        return best
    inner = [resolved(x, signs) for x in e.args]
    if isinstance(e, sp.Abs):
        return inner[0] * sign_of(inner[0], signs)
    if isinstance(e, sp.sign):
        return sp.Integer(sign_of(inner[0], signs))
    return e.func(*inner)


def holds(condition: sp.Basic, signs: Signs) -> bool:
    """Whether a condition does in a case."""
    if condition in (sp.true, sp.false):
        return condition is sp.true
    if isinstance(condition, Relational):
        sign = sign_of(resolved(condition.lhs - condition.rhs, signs), signs)
        return {
            ">": sign > 0, ">=": sign >= 0, "<": sign < 0, "<=": sign <= 0, "==": sign == 0,
            "!=": sign != 0,
        }[condition.rel_op]  # fmt: skip
    parts = [holds(x, signs) for x in condition.args]
    if isinstance(condition, sp.Not):
        return not parts[0]
    return all(parts) if isinstance(condition, sp.And) else any(parts)


def sign_of(e: sp.Expr, signs: Signs) -> int:
    """The sign of an expression without branches in a case; raises _Unknown."""
    if isinstance(e, _SAME_SIGN):
        return sign_of(e.args[0], signs)
    exponentials = [x for x in sp.Add.make_args(e) if isinstance(x, sp.exp)]
    if len(exponentials) == 1 and e - exponentials[0] == -1:
        return sign_of(exponentials[0].args[0], signs)
    if e.is_number:
        return int(sp.sign(e))
    if e.is_positive or e.is_negative:
        return 1 if e.is_positive else -1
    if e.is_Mul or (e.is_Pow and e.exp.is_Integer):
        return math.prod(sign_of(x, signs) for x in e.args) if e.is_Mul else _of_power(e, signs)
    try:
        constant, factors = sp.factor_list(e)
    except sp.PolynomialError:
        constant, factors = sp.S.One, [(e, 1)]
    result = int(sp.sign(constant))
    for factor, power in factors:
        if factor != e and isinstance(factor, _SAME_SIGN):
            factor = factor.args[0]
        if power % 2 == 0:
            continue
        form, sign = _normal(factor)
        if form not in signs:
            raise _Unknown(form)
        result *= sign * signs[form]
    return result


def _of_power(e: sp.Pow, signs: Signs) -> int:
    sign = sign_of(e.base, signs)
    return sign * sign if e.exp % 2 == 0 else sign


def _normal(e: sp.Expr) -> tuple[Form, int]:
    """A form and its negative are one form."""
    content, form = e.as_content_primitive()
    sign = 1 if content > 0 else -1
    return (-form, -sign) if form.could_extract_minus_sign() else (form, sign)


# ---------------------------------------------------------------------------------- feasibility


def possible(signs: Signs, atoms: Mapping[sp.Symbol, Node]) -> bool:
    """Whether forms have such signs for some atoms. What is not affine counts as another atom."""
    symbols = list(atoms)
    others: dict[Form, int] = {}
    rows: list[Row] = []
    width = len(symbols) + len(signs)
    for form, sign in signs.items():
        row = _affine(form, symbols)
        if row is None:
            at = len(symbols) + others.setdefault(form, len(others))
            row = ([Fraction(int(k == at)) for k in range(width)], Fraction(0))
        coefficients = [*row[0], *[Fraction(0)] * (width - len(row[0]))]
        rows.append((tuple(sign * c for c in coefficients), sign * row[1]))
    for k, symbol in enumerate(symbols):
        unit = tuple(Fraction(int(j == k)) for j in range(width))
        interval = bounds(atoms[symbol])
        if isinstance(interval.low, Fraction):
            rows.append((unit, -interval.low))
        if isinstance(interval.high, Fraction):
            rows.append((tuple(-c for c in unit), interval.high))
    return _feasible(rows, width)


def _affine(form: Form, symbols: Sequence[sp.Symbol]) -> tuple[list[Fraction], Fraction] | None:
    """The coefficients and the constant of a form, if it is affine."""
    try:
        poly = sp.Poly(form, *symbols)
    except sp.PolynomialError:
        return None
    if poly.total_degree() > 1 or not all(c.is_Rational for c in poly.coeffs()):
        return None
    found = [poly.coeff_monomial(x) for x in (*symbols, 1)]
    *rest, last = [Fraction(int(c.p), int(c.q)) for c in found]
    return rest, last


def _feasible(rows: Sequence[Row], width: int) -> bool:
    """Whether strict inequalities have a solution, by eliminating one variable after the other."""
    found = dict.fromkeys(rows)
    for k in range(width):
        up = [r for r in found if r[0][k] > 0]
        down = [r for r in found if r[0][k] < 0]
        kept = {r: None for r in found if r[0][k] == 0}
        found = kept | dict.fromkeys(_joined(up, down, k))
    return all(constant > 0 for _, constant in found)


def _joined(up: Sequence[Row], down: Sequence[Row], k: int) -> Iterator[Row]:
    for (a, c), (b, d) in itertools.product(up, down):
        s, t = -b[k], a[k]
        yield tuple(s * x + t * y for x, y in zip(a, b, strict=True)), s * c + t * d
