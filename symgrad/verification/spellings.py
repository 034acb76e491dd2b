"""A claim's syntax tree as its writer meant it: derivatives, primes and indices put together.

Why it exists: in ``dL/dW1`` the grammar sees a quotient, in ``σ'(z)`` a transpose, in ``δ^(2)`` a
power and in ``w_jk`` a name that nobody declared. Only the names of the loss tell what they are.
Here each such piece becomes one node; nothing else of the tree changes. Trees are not high
(`tree.MAX_HEIGHT`), so walking one may recurse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import sympy as sp

import symgrad.language.syntax as s
from symgrad import functions as f
from symgrad.activations import ELEMENTWISE
from symgrad.derivatives import partial_derivative
from symgrad.errors import DerivativeError, UnsupportedError
from symgrad.graph import Kind, slot
from symgrad.language.arithmetic import filled, shape
from symgrad.language.functions import KNOWN
from symgrad.language.names import canonical
from symgrad.language.scope import Rules, Scope
from symgrad.language.tex.rules import TEX_RULES
from symgrad.lift import lift
from symgrad.verification.names import NABLA, Truth

Values = Callable[[str], Any]
"""What a name stands for, declared or the reader's own; None for a name that nobody has."""

Knows = Callable[[str], bool]
"""Whether there is such a thing."""


@dataclass(frozen=True)
class Derivative(s.Expr):
    """``σ'(z)``: the derivative of a function of one variable, at its argument."""

    function: str
    argument: s.Expr


@dataclass(frozen=True)
class OfAnother(s.Expr):
    """``dh/dz``: the derivative of something that is not the loss."""

    above: str


def meant(tree: s.Expr, truth: Truth, value_of: Values) -> s.Expr:
    """The tree with derivatives, primes, numbers in superscripts and joined indices read."""

    def read(node: Any) -> Any:
        if isinstance(node, tuple):
            return tuple(map(read, node))
        if not isinstance(node, s.Node | s.Link):
            return node
        if isinstance(node, s.Chain):
            node = replace(node, links=_links(node.links, truth, value_of))
        changed = {x.name: read(getattr(node, x.name)) for x in fields(node)}
        node = replace(node, **changed)
        if isinstance(node, s.Chain) and len(node.links) == 1 and node.links[0].sign > 0:
            node = node.links[0].item
        for rule in _RULES:
            node = rule(node, truth, value_of)
        return node

    found: s.Expr = read(tree)
    return found


# ----------------------------------------------------------------------------------- in chains


def _parts(item: s.Expr) -> tuple[s.Expr, tuple[s.Suffix, ...]]:
    return (item.base, item.suffixes) if isinstance(item, s.Item) else (item, ())


def _item(base: s.Expr, suffixes: tuple[s.Suffix, ...]) -> s.Expr:
    if not suffixes:
        return base
    at, height = base.at.to(suffixes[-1].at), 1 + max(x.height for x in (base, *suffixes))
    return s.Item(at, height, base, suffixes)


def _links(links: tuple[s.Link, ...], truth: Truth, value_of: Values) -> tuple[s.Link, ...]:
    """The factors of a chain with those that are one thing put together."""
    result: list[s.Link] = []
    for link in links:
        joined = None
        if result:
            rules = (_quotient, _nabla, _primed)
            joined = next((x for r in rules if (x := r(result[-1], link, truth, value_of))), None)
        if joined is None:
            result.append(link)
        else:
            result[-1] = replace(result[-1], item=joined)
    return tuple(result)


def _quotient(left: s.Link, right: s.Link, truth: Truth, value_of: Values) -> s.Expr | None:
    """``dL / dW1`` → ∂L/∂W1, one name."""
    above, (below, suffixes) = left.item, _parts(right.item)
    if right.operator != "/" or not (isinstance(above, s.Name) and isinstance(below, s.Name)):
        return None
    if above.name[0] not in "d∂" or below.name[0] not in "d∂" or value_of(above.name) is not None:
        return None
    value, of = canonical(below.name[1:]), canonical(above.name[1:])
    if not truth.is_loss(of):
        both = truth.value(of) is not None and truth.value(value) is not None
        at = above.at.to(right.item.at)
        return OfAnother(at, 2, of) if both and value_of(below.name) is None else None
    base = s.Name(above.at.to(below.at), 1, f"∂{truth.root.name}/∂{value}")
    if truth.value(value) is None and (entry := _entry(value, base, truth, value_of)) is not None:
        return _item(base=entry[0], suffixes=(entry[1], *suffixes))
    return _item(base, suffixes)


def _nabla(left: s.Link, right: s.Link, truth: Truth, value_of: Values) -> s.Expr | None:
    """``∇_W1 L`` → ∇_W1, and ``∇_z[k] L`` → ∇_z[k]."""
    base, suffixes = _parts(left.item)
    if right.operator or not (isinstance(base, s.Name) and isinstance(right.item, s.Name)):
        return None
    if base.name[0] in ("∇", NABLA) and truth.is_loss(right.item.name):
        return _item(replace(base, at=base.at.to(right.item.at)), suffixes)
    return None


def _primed(left: s.Link, right: s.Link, truth: Truth, value_of: Values) -> s.Expr | None:
    """``σ'(z)`` and ``σ′(z)``."""
    (base, suffixes), (argument, behind) = _parts(left.item), _parts(right.item)
    if right.operator or not (isinstance(base, s.Name) and isinstance(argument, s.Arguments)):
        return None
    name = base.name.removesuffix("′")
    marked = name != base.name or (bool(suffixes) and isinstance(suffixes[0], s.Transposition))
    if not marked or name not in {*KNOWN, *truth.functions} or _is_value(name, truth, value_of):
        return None
    if len(argument.positional) != 1 or argument.options:
        return None
    rest = suffixes if name != base.name else suffixes[1:]
    at = base.at.to(argument.at)
    inner = Derivative(at, argument.height + 1, name, argument.positional[0])
    return _item(inner, (*rest, *behind))


def _is_value(name: str, truth: Truth, value_of: Values) -> bool:
    return value_of(name) is not None and name not in truth.functions


# ------------------------------------------------------------------------------- single nodes


def _superscript(node: Any, truth: Truth, value_of: Values) -> Any:
    """``δ^(2)`` and ``W^{(2)}`` → δ2 and W2, where no value has the name alone."""
    if not (isinstance(node, s.Item) and isinstance(node.base, s.Name)):
        return node
    power, name = node.suffixes[0], node.base.name
    if not isinstance(power, s.Power) or power.elementwise or value_of(name) is not None:
        return node
    inner = power.exponent
    while isinstance(inner, s.Arguments) and len(inner.positional) == 1:
        inner = inner.positional[0]
    if isinstance(power.exponent, s.Arguments) and isinstance(inner, s.Number | s.Name):
        text = inner.text if isinstance(inner, s.Number) else inner.name
        numbered = s.Name(node.base.at.to(power.at), 1, f"{name}{text}")
        if value_of(numbered.name) is not None or truth.differentiated(numbered.name) is not None:
            return _item(numbered, node.suffixes[1:])
    return node


def _joined_indices(node: Any, truth: Truth, value_of: Values) -> Any:
    """``w_jk`` → w[j, k], where w has so many axes and nothing has the whole name."""
    if not isinstance(node, s.Name) or value_of(node.name) is not None:
        return node
    if truth.target(node.name) is not None:  # δ_z, of a loss that calls an adjoint δ
        return node
    entry = _entry(node.name, node, truth, value_of)
    return node if entry is None else _item(*(entry[0], (entry[1],)))


def _entry(
    name: str, at: s.Name, truth: Truth, value_of: Values
) -> tuple[s.Name, s.Positions] | None:
    """``w_jk``, the name of an entry of something declared: that, and the positions."""
    base, _, letters = name.rpartition("_")
    whole = at.name.removesuffix(name) + base
    value = value_of(base) if base else None
    if value is None and base:
        value = truth.differentiated(base)
    if value is None or not letters.isalpha():
        return None
    axes = [n for n in shape(value) if n != 1]
    if len(axes) != len(letters):
        return None
    names = tuple(s.Name(at.at, 1, canonical(x)) for x in letters)
    return replace(at, name=whole), s.Positions(at.at, 2, names)


_RULES = (_superscript, _joined_indices)


# -------------------------------------------------------------------------------------- indices


def free_indices(tree: s.Expr, knows: Knows, bound: set[str]) -> list[s.Name]:
    """Names in positions that are neither declared, nor of the left side, nor summed over."""
    found: list[s.Name] = []

    def visit(node: Any, bound: frozenset[str], inside: bool) -> None:
        if isinstance(node, tuple):
            for x in node:
                visit(x, bound, inside)
        elif isinstance(node, s.BigSum):
            names = {x.name for x in _names_in(node.ranges)}
            letters = {c for x in names if len(x) > 1 for c in x}
            visit(node.body, bound | names | letters, inside)
        elif isinstance(node, s.Name):
            if inside and node.name not in bound and not knows(node.name):
                found.append(node)
        elif isinstance(node, s.Node | s.Link):
            deeper = inside or isinstance(node, s.Positions)
            for x in vars(node).values():
                visit(x, bound, deeper)

    visit(tree, frozenset(bound), False)
    return found


def _names_in(node: Any) -> Iterator[s.Name]:
    if isinstance(node, tuple):
        for x in node:
            yield from _names_in(x)
    elif isinstance(node, s.Name):
        yield node
    elif isinstance(node, s.Node | s.Link):
        for x in vars(node).values():
            yield from _names_in(x)


# ----------------------------------------------------------------------------------- precedence

_LOOSE = frozenset({"⊙", "∘", ".*"})


def left_to_right(tree: s.Expr, knows: Knows) -> s.Expr | None:
    """``a ⊙ b c`` read as (a ⊙ b) c, which is how many people mean it; None where nothing changes.

    By the rules of the language, and of most books, it is a ⊙ (b c). Where that does not fit and
    this does, this is what was meant.
    """
    changed = False

    def read(node: Any) -> Any:
        nonlocal changed
        if isinstance(node, tuple):
            return tuple(map(read, node))
        if not isinstance(node, s.Node | s.Link):
            return node
        node = replace(node, **{x.name: read(getattr(node, x.name)) for x in fields(node)})
        if isinstance(node, s.Chain):
            regrouped = _from_left(node, knows)
            changed = changed or regrouped is not node
            return regrouped
        return node

    found = read(tree)
    return found if changed else None


def _from_left(chain: s.Chain, knows: Knows) -> s.Chain:
    """The factors with everything up to the right operand of each ⊙ in parentheses."""
    done: list[s.Link] = []
    waiting = list(chain.links)
    while waiting:
        link = waiting.pop(0)
        if link.operator not in _LOOSE:
            done.append(link)
            continue
        operand = [replace(link, operator="", sign=1)]
        name = link.item
        applied = isinstance(name, s.Name) and not knows(name.name) and name.name in KNOWN
        if applied and waiting and waiting[0].operator == "":
            operand.append(waiting.pop(0))
        if not waiting or waiting[0].operator in _LOOSE:
            done.append(link)
            done += operand[1:]
            continue
        inner = s.Chain(chain.at, chain.height, (*done, replace(link, item=_run(operand))))
        closed = s.Arguments(
            chain.links[0].item.at.to(link.item.at), chain.height + 1, (inner,), ()
        )
        done = [s.Link("", 1, closed)]
    if len(done) == len(chain.links):
        return chain
    return replace(chain, links=tuple(done))


def _run(links: list[s.Link]) -> s.Expr:
    if len(links) == 1:
        return links[0].item
    at = links[0].item.at.to(links[-1].item.at)
    return s.Chain(at, 1 + max(x.item.height for x in links), tuple(links))


# ---------------------------------------------------------------------------------- its meaning


def derivative_of(name: str, function: Any, value: Any) -> Any:
    """f′ at ``value``, entry by entry; DerivativeError for a function of more than one entry."""
    t = sp.Symbol("t", real=True)
    try:
        node = lift(function(t))
    except (TypeError, UnsupportedError):
        node = None
    if node is None or (name in KNOWN and function not in _SCALAR):
        raise DerivativeError(
            f"{name}′ was written, and {name} is no function of one number; write its derivative "
            "out."
        )
    if node.kind is Kind.LEAF:
        body: Any = sp.S.One
    elif node.kind is Kind.MAP and len(node.args) == 1:
        body = partial_derivative(node.body, 0).xreplace({slot(0): t})
    else:
        raise DerivativeError(f"{name}′ has no formula here; write the derivative out.")
    if not shape(value):
        return body.xreplace({t: value})
    return f.mapped(sp.Lambda(t, body), value) if body.has(t) else filled(body, value)


_SCALAR = frozenset(ELEMENTWISE)
"""Functions of one number, which have a derivative f′."""


def _derivative(node: Derivative, scope: Scope) -> Any:
    name = node.function
    function = scope.names[name] if name in scope.names else KNOWN[name]
    return derivative_of(name, function, scope.build(node.argument))


def _of_another(node: OfAnother, scope: Scope) -> Any:
    raise scope.error(
        node,
        f"this is a derivative of {node.above}, and claims are about "
        "derivatives of the loss; write out what it is.",
    )


CLAIM_RULES: Rules = {**TEX_RULES, Derivative: _derivative, OfAnother: _of_another}
"""The meanings of the language's nodes, and that of f′."""
