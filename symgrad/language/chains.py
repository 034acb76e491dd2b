"""Chains of factors: which are functions with their arguments, what is divided, what ⊙ joins.

Why it exists: mathematics writes a product and an application alike, ``a (b + c)`` and ``f (x)``;
only the names in scope tell them apart. What a reader could take in two ways is refused, and the
message shows both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.core.function import UndefinedFunction
from sympy.matrices.expressions.matexpr import MatrixExpr

import symgrad.language.arithmetic as a
import symgrad.language.syntax as s
from symgrad.errors import SymgradError
from symgrad.language.declarations import KINDS
from symgrad.language.functions import KNOWN, called
from symgrad.language.limits import checked_constant
from symgrad.language.messages import PYTHON, not_python
from symgrad.language.names import nearest, split_in_two
from symgrad.language.scope import CONSTANTS, WORDS, Scope
from symgrad.language.source import Span

MAX_FACTORS = 200

_LOOSE = frozenset({"⊙", "∘", ".*"})
_DIVIDES = frozenset({"/", "./"})


def chain(node: s.Chain, scope: Scope) -> Any:
    """⊙ binds least, then * and /, then standing side by side."""
    if len(node.links) > MAX_FACTORS:
        raise scope.error(
            node.links[MAX_FACTORS].item,
            f"a product has at most {MAX_FACTORS} factors; name a part of it.",
        )
    operands: list[list[s.Link]] = [[]]
    for link in node.links:
        if link.operator in _LOOSE:
            operands.append([])
        operands[-1].append(link)
    if all(link.operator == "" for link in node.links):
        items = _applied(node.links, scope)
        if len(items) == 1:  # one application: its value may be of any kind
            return scope.build(items[0])
    factors = [product_of(links, scope) for links in operands]
    if len(factors) == 1:
        return factors[0].value
    try:
        return a.elementwise_product(factors)
    except SymgradError as error:
        raise scope.error(node, str(error)) from error


def product_of(links: Sequence[s.Link], scope: Scope) -> a.Shown:
    """Runs of factors side by side, joined by * and /, from the left."""
    runs: list[list[s.Link]] = []
    for link in links:
        if not runs or link.operator:
            runs.append([])
        runs[-1].append(link)
    result: a.Product | None = None
    start = links[0].item.at
    for run in runs:
        at, operator = start.to(run[-1].item.at), run[0].operator
        if operator in _DIVIDES and len(_applied(run, scope)) > 1:
            run, rest = _divisor(run, scope)
        else:
            rest = []
        for part, joint in ((run, operator), (rest, "*")):
            if not part:
                continue
            x = _run(part, scope)
            if part[0].sign < 0:
                x = a.Shown(a.scaled(sp.S.NegativeOne, a.flat(x)), x.text)
            if result is None:
                result = a.Product(x)
                continue
            _joined(result, joint, x, at, scope)
    assert result is not None
    return a.Shown(result.value, scope.source.slice(start.to(links[-1].item.at)))


def _joined(result: a.Product, operator: str, x: a.Shown, at: Span, scope: Scope) -> None:
    try:
        if operator in _DIVIDES:
            result.divide(x, scope.source.slice(at), operator == "./")
        else:
            result.multiply("*" if operator == "×" else operator, x, scope.source.slice(at))
    except SymgradError as error:
        raise scope.error(at, str(error)) from error


def _divisor(run: list[s.Link], scope: Scope) -> tuple[list[s.Link], list[s.Link]]:
    """``λ/2 x`` is λ/2 times x, ``1/N Σ…`` is 1/N times the sum; what is not clear is refused.

    A dimension with a space behind it, ``2/N X' r``, is all that is divided by: 1/N is the mean.
    """
    number, after = run[0].item, run[1].item
    base = after.base if isinstance(after, s.Item) else after
    apart = number.at.end < after.at.start or not isinstance(base, s.Name)
    is_count = isinstance(number, s.Number) or _is_dimension(number, scope)
    if (is_count and apart) or isinstance(base, s.BigSum):
        return run[:1], run[1:]
    first, rest = scope.text(run[0].item), scope.source.slice(run[1].item.at.to(run[-1].item.at))
    raise scope.error(
        run[0].item.at.to(run[-1].item.at),
        f"it is not clear what is divided by; write …/({first} {rest}), or (…/{first}) {rest}.",
    )


def _is_dimension(item: s.Expr, scope: Scope) -> bool:
    found = scope.names.get(item.name) if isinstance(item, s.Name) else None
    return isinstance(found, sp.Symbol) and bool(found.is_integer) and bool(found.is_positive)


def _run(run: Sequence[s.Link], scope: Scope) -> a.Shown:
    """Factors side by side, functions applied to what stands after them."""
    items = _applied(run, scope)
    product = a.Product(scope.shown(items[0]))
    for item in items[1:]:
        _joined(product, "", scope.shown(item), items[0].at.to(item.at), scope)
    return a.Shown(product.value, scope.source.slice(items[0].at.to(items[-1].at)))


def _applied(run: Sequence[s.Link], scope: Scope) -> list[s.Expr]:
    """The factors of a run, with every function and its argument as one."""
    items = [link.item for link in run]
    result: list[s.Expr] = []
    while items:
        item = items.pop(0)
        base, suffixes = (item.base, item.suffixes) if isinstance(item, s.Item) else (item, ())
        follows = items[0] if items else None
        argument, behind = (
            (follows.base, follows.suffixes) if isinstance(follows, s.Item) else (follows, ())
        )
        if not isinstance(base, s.Name) or not follows or not _applies(base, argument, scope):
            result.append(item)
            continue
        items.pop(0)
        if not isinstance(argument, s.Arguments):
            if items:
                raise scope.error(
                    item.at.to(items[-1].at),
                    f"it is not clear what {base.name} is applied to; put its argument in "
                    "parentheses.",
                )
            argument, behind = s.Arguments(follows.at, follows.height, (follows,), ()), ()
        powers = tuple(x for x in suffixes if isinstance(x, s.Power))
        if len(powers) < len(suffixes):
            if not (base.name in KNOWN or base.name in scope.names):
                scope.build(base)  # which says that nobody has declared it
            raise scope.error(
                item,
                f"{base.name} is a function: only a power may stand between it and its argument.",
            )
        at = item.at.to(follows.at)
        applied: s.Expr = s.Application(at, follows.height + 1, base, argument)
        behind = (*powers, *behind)
        result.append(s.Item(at, follows.height + 2, applied, behind) if behind else applied)
    return result


def _applies(name: s.Name, argument: s.Expr | None, scope: Scope) -> bool:
    """Whether a name before something is a function of it, and not a factor."""
    if name.name in scope.indices:
        return False
    if name.name in scope.names:
        return isinstance(scope.names[name.name], UndefinedFunction)
    return name.name in KNOWN or (
        isinstance(argument, s.Arguments) and name.name not in CONSTANTS | WORDS
    )


def application(node: s.Application, scope: Scope) -> Any:
    name = node.function.name
    positional = [_argument(x, scope) for x in node.arguments.positional]
    options = {key.name: _argument(x, scope) for key, x in node.arguments.options}
    if len(options) < len(node.arguments.options):
        raise scope.error(node.arguments, "one option is given twice.")
    if name in scope.names:
        return _unknown_function(node, scope.names[name], positional, options, scope)
    if name in KINDS and name not in KNOWN:
        shown = scope.text(node) if KINDS[name].most else KINDS[name].usage
        raise scope.error(node, f"a name is declared with a colon, as in x: {shown}.")
    if name in PYTHON:
        raise scope.error(node.function, not_python(name))
    if name not in KNOWN:
        near = nearest(name, [*KNOWN, *scope.names])
        both = split_in_two(name, [*KNOWN, *scope.names])
        hint = f"did you mean {near}?" if near else "the guide, symgrad language, lists them all."
        if both:
            hint = f"did you mean {both[0]} {both[1]}(…)?"
        raise scope.error(
            node.function, f"{name} is neither declared nor a function of the language; {hint}"
        )
    return checked_constant(called(name, KNOWN[name], positional, options))


def _unknown_function(
    node: s.Application, function: Any, positional: Sequence[Any], options: Any, scope: Scope
) -> Any:
    what = f"{node.function.name} is a function that nothing is known of: it takes"
    if options or not positional:
        raise scope.error(node, f"{what} scalars, or one array for its entries, and no options.")
    if len(positional) == 1 and isinstance(positional[0], MatrixExpr):
        return positional[0].applyfunc(function)
    if any(a.shape(x) or not isinstance(x, sp.Expr) for x in positional):
        raise scope.error(node, f"{what} scalars, or one array of at most two axes.")
    return function(*positional)


def _argument(node: s.Expr, scope: Scope) -> Any:
    if isinstance(node, s.Name) and node.name in WORDS and node.name not in scope.names:
        return WORDS[node.name]
    return scope.build(node)
