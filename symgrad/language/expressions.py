"""From a syntax tree to SymPy: what each node means.

Why it exists: a tree knows no names, and a text is not Python. Every node is built from its parts
by one row of `RULES`. Nothing here reads text, and SymPy is never given any.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.core.function import UndefinedFunction
from sympy.matrices.expressions.matexpr import MatrixExpr

import symgrad.language.arithmetic as a
import symgrad.language.syntax as s
from symgrad import functions as f
from symgrad import matrix_functions
from symgrad.errors import ParseError, SymgradError
from symgrad.index_space import is_lookup
from symgrad.language.chains import application, chain
from symgrad.language.functions import KNOWN
from symgrad.language.limits import checked_position, number
from symgrad.language.messages import PYTHON, not_python
from symgrad.language.names import nearest, split_in_two
from symgrad.language.relations import indicator_of, related
from symgrad.language.scope import CONSTANTS, ORDERS, WORDS, Rules, Scope
from symgrad.language.source import Span
from symgrad.language.sums import big_sum, over


def _number(node: s.Number, scope: Scope) -> Any:
    return number(node.text)


def _name(node: s.Name, scope: Scope) -> Any:
    for table in (scope.indices, scope.names, CONSTANTS):
        if node.name in table:
            value = table[node.name]
            if isinstance(value, UndefinedFunction):
                break
            return value
    if node.name in KNOWN or node.name in scope.names:
        raise scope.error(node, f"{node.name} is a function; apply it, as in {node.name}(x).")
    if node.name in WORDS:
        raise scope.error(node, f"{node.name} stands for an argument of a function only.")
    raise scope.error(node, _undeclared(node.name, scope))


def _undeclared(name: str, scope: Scope) -> str:
    if name == scope.defining:
        return (
            f"{name} is what this line defines, and a value cannot use itself; define what is "
            "meant above, under another name."
        )
    if name in PYTHON:
        return not_python(name)
    declared = [*scope.names, *scope.indices]
    base, _, position = name.partition("_")
    if base in scope.names and position in declared:
        return f"{name} is not declared; did you mean the entry {base}[{position}]?"
    both = split_in_two(name, declared)
    if both is not None:
        return f"{name} is not declared; did you mean the product {both[0]} {both[1]}?"
    near = nearest(name, [*declared, *(x for x in KNOWN if len(name) > 1 < len(x))])
    if near is not None:
        return f"{name} is not declared; did you mean {near}?"
    if scope.fixed:
        known = ", ".join(scope.fixed)
        return f"{name} is not declared in the model (it has {known}); define it in a line above."
    example = "vector(n)" if name[0].islower() else "matrix(n, m)"
    return (
        f"{name} is not declared; add a line such as {name}: {example} or {name}: scalar, or "
        "define it above."
    )


def _item(node: s.Item, scope: Scope) -> Any:
    base, suffixes = node.base, list(node.suffixes)
    at = base.at
    if isinstance(suffixes[0], s.Positions):
        positions = suffixes.pop(0)
        value, at = _entry(base, positions, node, scope), at.to(positions.at)
    else:
        value = scope.build(base)
    for suffix in suffixes:
        shown = a.Shown(value, scope.source.slice(at))
        at = at.to(suffix.at)
        value = _with_suffix(shown, suffix, at, scope)
    return value


def _with_suffix(base: a.Shown, suffix: s.Suffix, at: Span, scope: Scope) -> Any:
    try:
        if isinstance(suffix, s.Transposition):
            return a.transposed(a.flat(base))
        if isinstance(suffix, s.Power):
            by_entry = suffix.elementwise or (bool(scope.fixed) and not a.is_square(base.value))
            return a.power(base, scope.shown(suffix.exponent), by_entry)
        raise scope.error(
            suffix, "entries are taken of a name; name this value on a line of its own first."
        )
    except ParseError:
        raise
    except SymgradError as error:
        raise scope.error(at, str(error)) from error


def _entry(base: s.Expr, positions: s.Suffix, node: s.Item, scope: Scope) -> Any:
    """``W[k, j]``."""
    assert isinstance(positions, s.Positions)
    if not isinstance(base, s.Name):
        raise scope.error(
            base, "entries are taken of a name; name this value on a line of its own first."
        )
    array = scope.build(base)
    axes = a.shape(array)
    for position in positions.positions:
        if isinstance(position, s.Name) and not scope.knows(position.name):
            raise scope.error(
                position,
                f"{position.name} is no index here; sum over it, Σ_{position.name} …, or define "
                f"every entry, z[{position.name}] = …",
            )
    given = [scope.build(x) for x in positions.positions]
    if not axes:
        raise scope.error(node, f"{base.name} is a scalar, which has no entries.")
    if isinstance(array, MatrixExpr) and 1 in axes and len(given) == 1:
        given = [sp.S.Zero, *given] if axes[0] == 1 != axes[1] else [*given, sp.S.Zero]
    if len(given) != len(axes):
        vector = isinstance(array, MatrixExpr) and 1 in axes
        raise scope.error(
            node,
            f"{base.name} is {a.described_shape(array)} and takes {1 if vector else len(axes)} "
            f"positions in brackets; {len(positions.positions)} stand here.",
        )
    for position, n, where in zip(given, axes, [*positions.positions, node], strict=False):
        _check_position(position, n, where, scope)
    return array[tuple(given)]


def _check_position(position: Any, n: Any, where: s.Expr, scope: Scope) -> None:
    if a.shape(position) or not (position.is_integer or is_lookup(position)):
        raise scope.error(
            where, "a position is an index, a class label or a whole number; this is none."
        )
    if is_lookup(position):
        return
    try:
        checked_position(position)
    except SymgradError as error:
        raise scope.error(where, str(error)) from error
    last = str(sp.sympify(n) - 1).replace("-", "−")
    inside = (position >= 0) != False, (position < n) != False  # noqa: E712 (SymPy's truth)
    if not all(inside):
        which = (
            "the only position here is 0" if n == 1 else f"the positions here run from 0 to {last}"
        )
        raise scope.error(where, f"{which}; this is outside.")


def _parenthesised(node: s.Arguments, scope: Scope) -> Any:
    if len(node.positional) != 1 or node.options:
        raise scope.error(
            node, "a function stands before arguments; one expression was expected here."
        )
    inner = node.positional[0]
    if isinstance(inner, s.Relation):
        raise scope.error(inner, "a comparison stands in brackets, as in 1[z > 0].")
    return scope.build(inner)


def _norm(node: s.Norm, scope: Scope) -> Any:
    body = scope.shown(node.body)
    shape = a.shape(body.value)
    if node.bar == "|":
        if node.order or (len(shape) == 2 and 1 not in shape):
            raise scope.error(
                node,
                f"write ‖{body.text}‖ for a norm, abs(…) for entries, det(…) for determinants.",
            )
        return f.abs(body.value)
    return matrix_functions.norm(body.value, ORDERS[node.order]) if shape else f.abs(body.value)


def _relation(node: s.Relation, scope: Scope) -> Any:
    return related(node.operator, scope.build(node.left), scope.build(node.right))


def _indicator(node: s.Indicator, scope: Scope) -> Any:
    return indicator_of([scope.build(x) for x in node.conditions])


def _whole(node: s.Whole, scope: Scope) -> Any:
    raise scope.error(
        node, "a row or column is not read; write row(X, k), which is a column, or the entries."
    )


def _terms(node: s.Terms, scope: Scope) -> Any:
    return a.total([(sign, scope.shown(x)) for sign, x in node.terms])


RULES: Rules = {
    s.Number: _number,
    s.Name: _name,
    s.Terms: _terms,
    s.Chain: chain,
    s.Item: _item,
    s.Arguments: _parenthesised,
    s.Application: application,
    s.Norm: _norm,
    s.Relation: _relation,
    s.Indicator: _indicator,
    s.BigSum: big_sum,
    s.Over: over,
    s.Whole: _whole,
}
"""A node and its meaning; a new node is a new row."""
