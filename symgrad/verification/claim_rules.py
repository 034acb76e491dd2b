"""What the nodes of a claim mean that no other text has: f′(z), ∂p/∂z, and its products.

Why it exists: a claim is read by the rules of the language (`tex.rules`) and by these, which know
the loss: a product with ∂a/∂b in it is one of the chain rule, and a name such as ∂L/∂W3 may be that
of a derivative by what there is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import fields, replace
from functools import partial as bound
from typing import Any

import sympy as sp

import symgrad.language.arithmetic as a
import symgrad.language.syntax as s
from symgrad import functions as f
from symgrad import graph as g
from symgrad.activations import ELEMENTWISE
from symgrad.declare import named_symbol
from symgrad.derivatives import partial_derivative
from symgrad.errors import DerivativeError, UnsupportedError
from symgrad.graph import Kind, slot
from symgrad.language.arithmetic import filled, shape
from symgrad.language.expressions import RULES
from symgrad.language.functions import KNOWN
from symgrad.language.scope import Rules, Scope
from symgrad.language.tex.rules import TEX_RULES, Built, WithName
from symgrad.lift import lift
from symgrad.verification.chain_rule import (
    chained,
    composed,
    entrywise,
    is_slope_at,
    partial,
    slope,
)
from symgrad.verification.habits import Refused, parts_of
from symgrad.verification.indices import run_of
from symgrad.verification.names import SLOPE, Truth
from symgrad.verification.spellings import Derivative, Partial


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


def _of_partial(truth: Truth, node: Partial, scope: Scope) -> Any:
    target = partial(node.above, node.below, truth)
    return named_symbol(g.named(target.name, target.node), target.shape)


def _refused(node: Refused, scope: Scope) -> Any:
    raise scope.error(node, node.message)


def _is_partial(node: s.Expr) -> bool:
    """Whether a factor is ∂a/∂b, perhaps transposed, and no entry of it."""
    base, suffixes = parts_of(node)
    while isinstance(base, s.Arguments) and len(base.positional) == 1:
        base = base.positional[0]
    return isinstance(base, Partial) and all(isinstance(x, s.Transposition) for x in suffixes)


def _chain(truth: Truth, node: s.Chain, scope: Scope) -> Any:
    """A product, with ∂a/∂b in it as the chain rule means it."""
    at = [k for k, x in enumerate(node.links) if _is_partial(x.item)]
    if not at:
        return TEX_RULES[s.Chain](node, scope)
    links = list(node.links)
    operators = {x.operator for x in links[1:]}
    if operators & {"⊙", "∘", ".*"}:
        for k in at:
            links[k] = replace(links[k], item=_slope_of(truth, links[k].item, scope))
        return TEX_RULES[s.Chain](replace(node, links=tuple(links)), scope)
    steps = [_step_of(links[k].item) for k in at]
    before, after = links[: at[0]], links[at[-1] + 1 :]
    if at != list(range(at[0], at[-1] + 1)) or "/" in operators:
        raise scope.error(
            node, "derivatives stand side by side in a product of the chain rule; write it so."
        )
    text, turned = scope.text(node), [k for k in at if links[k].sign < 0]
    if before:
        seed = a.scalar_of(scope.build(run_of(before)))
        found = chained(seed, steps, truth, text)
    elif after:
        turned += [at[-1] + 1] if after[0].sign < 0 else []
        seed = a.scalar_of(
            scope.build(run_of([replace(after[0], operator="", sign=1), *after[1:]]))
        )
        found = chained(seed, steps[::-1], truth, text)
    else:
        found = composed(steps, truth, text)
    found = a.scaled(sp.S.NegativeOne, found) if len(turned) % 2 else found
    if not (before and after):
        return found
    whole = s.Link("", 1, Built(node.links[0].item.at.to(node.links[at[-1]].item.at), 1, found))
    return TEX_RULES[s.Chain](replace(node, links=(whole, *after)), scope)


def _step_of(node: s.Expr) -> tuple[str, str]:
    base, _ = parts_of(node)
    while isinstance(base, s.Arguments):
        base = base.positional[0]
    assert isinstance(base, Partial)
    return base.above, base.below


def _slope_of(truth: Truth, node: s.Expr, scope: Scope) -> s.Expr:
    """∂h/∂z beside ⊙: the derivative at every entry."""
    above, below = _step_of(node)
    found = entrywise(above, below, truth)
    if found is None:
        raise scope.error(
            node,
            f"∂{above}/∂{below} stands beside ⊙, and an entry of {above} depends on more than "
            f"that entry of {below}; the chain rule sums here, and is written without ⊙.",
        )
    value = named_symbol(g.named(found.name, found.node), found.shape)
    return Built(node.at, node.height, value)


def with_slopes(tree: s.Expr, truth: Truth, own: Container[str]) -> s.Expr | None:
    """A tree with h' as h′(z) of h = f(z), and no row; None where no such h' stands in it."""
    changed = False

    def read(node: Any) -> Any:
        nonlocal changed
        if isinstance(node, tuple):
            return tuple(map(read, node))
        if not isinstance(node, s.Node | s.Link):
            return node
        if isinstance(node, s.Chain):
            node = replace(node, links=at_their_arguments(node.links, truth, own))
        if isinstance(node, s.Item) and isinstance(node.base, s.Name):
            name, (*positions, last) = node.base.name, node.suffixes
            turned = isinstance(last, s.Transposition) and name not in own
            entry = len(positions) <= 1 and all(isinstance(x, s.Positions) for x in positions)
            if turned and entry and slope(name, truth) is not None:
                changed = True
                base = replace(node.base, name=name + SLOPE)
                return replace(node, base=base, suffixes=tuple(positions)) if positions else base
        return replace(node, **{x.name: read(getattr(node, x.name)) for x in fields(node)})

    found: s.Expr = read(tree)
    return found if changed else None


def at_their_arguments(
    links: tuple[s.Link, ...], truth: Truth, own: Container[str]
) -> tuple[s.Link, ...]:
    """``h'(z)`` of a value h = f(z) as h' alone."""
    kept: list[s.Link] = []
    for link in links:
        base, suffixes = parts_of(kept[-1].item) if kept else (link.item, ())
        argument = link.item.positional if isinstance(link.item, s.Arguments) else ()
        is_prime = len(suffixes) == 1 and isinstance(suffixes[0], s.Transposition)
        if (
            is_prime
            and not link.operator
            and isinstance(base, s.Name)
            and base.name not in own
            and len(argument) == 1
            and isinstance(argument[0], s.Name)
            and is_slope_at(base.name, argument[0].name, truth)
        ):
            continue
        kept.append(link)
    return tuple(kept)


def _claimed_item(truth: Truth, node: s.Item, scope: Scope) -> Any:
    """Entries of ∂p/∂z, of which there may be more than two axes of."""
    positions, base = node.suffixes[0], node.base
    inside = base.positional if isinstance(base, s.Arguments) else ()
    if len(inside) == 1 and isinstance(inside[0], s.Name) and isinstance(positions, s.Positions):
        base = inside[0]  # (W_2)_{kj}
        node = replace(node, base=base)
    if isinstance(base, s.Name) and isinstance(positions, s.Positions):
        _check_row(base, len(positions.positions), truth, scope)
    if not isinstance(node.base, Partial) or not isinstance(positions, s.Positions):
        return TEX_RULES[s.Item](node, scope)
    target = partial(node.base.above, node.base.below, truth)
    value = named_symbol(g.named(target.name, target.node), target.shape)
    named = s.Name(node.base.at, 1, target.name)
    inner = replace(scope, names=WithName(scope.names, target.name, value))
    return RULES[s.Item](replace(node, base=named), inner)


def _check_row(name: s.Name, positions: int, truth: Truth, scope: Scope) -> None:
    """Refuse ``x_i`` where the model has X and no x: many books write the rows of X so."""
    x = name.name
    data = None if scope.knows(x) or not scope.knows(x.upper()) else truth.value(x.upper())
    if positions != 1 or x == x.upper() or data is None or len(shape(data)) != 2:
        return
    if 1 not in shape(data):
        raise scope.error(
            name,
            f"there is no {x} here; where {x}_i is row i of {x.upper()}, write products with it by "
            f"entries, Σ_k {x.upper()}[i, k] w[k] for {x}_iᵀ w, or all at once, {x.upper()} w.",
        )


def _claimed_name(truth: Truth, node: s.Name, scope: Scope) -> Any:
    """A name; where it is that of a derivative by what there is not, the message says so."""
    base, _, letters = node.name.rpartition("_")
    if base and letters.isalpha():
        _check_row(replace(node, name=base), len(letters), truth, scope)
    if not scope.knows(node.name) and (words := unknown_derivative(node.name, truth)):
        raise scope.error(node, words)
    return TEX_RULES[s.Name](node, scope)


def unknown_derivative(name: str, truth: Truth) -> str:
    """What is said of ∂L/∂W3 where there is no W3; "" for any other name."""
    match = re.fullmatch(r"∂(\w+)/∂(.+)", name)
    if match is None:
        return ""
    missing = next((x for x in match.groups() if truth.value(x) is None and x != match[1]), "")
    if not missing and not truth.is_loss(match[1]) and truth.value(match[1]) is None:
        missing = match[1]
    if not missing:
        return ""
    parameters = [str(x) for x in truth.derivation.wrt]
    values = [x for x in truth.forward if x != truth.root.name]
    also = f", and its values are {', '.join(values)}" if values else ""
    return f"there is no {missing} in this loss; its parameters are {', '.join(parameters)}{also}."


_PLAIN: Rules = {**TEX_RULES, Derivative: _derivative, Refused: _refused}
_KNOWING: dict[type[s.Expr], Callable[[Truth, Any, Scope], Any]] = {
    Partial: _of_partial,
    s.Chain: _chain,
    s.Item: _claimed_item,
    s.Name: _claimed_name,
}
"""A node → what it means to who knows the loss; a new node is a new row."""


def claim_rules(truth: Truth) -> Rules:
    """The meanings of all nodes in claims about a loss."""
    return {**_PLAIN, **{node: bound(rule, truth) for node, rule in _KNOWING.items()}}
