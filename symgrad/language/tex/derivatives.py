r"""Derivatives in a formula of LaTeX: each is one value, with the name that symgrad has for it.

Why it exists: ``\frac{\partial L}{\partial W_1}``, ``\partial L / \partial W_1``,
``\nabla_{W_1} L`` and ``\frac{dL}{dW_1}`` are one thing, ``∂L/∂W1``, and not a quotient. An entry
of it is an entry of that name, and a transpose is a transpose of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import symgrad.language.syntax as s
import symgrad.language.tex.tree as t
from symgrad.language.layout import Misread
from symgrad.language.source import Span
from symgrad.language.tex.reading import Done, Reading

UNNAMED = "a derivative is of a name and by a name; give this value a name first."
"""What is said of ∂L/∂(W x + b)."""


@dataclass(frozen=True)
class _Differential:
    """``∂²L`` or ``∂a ∂b``: the order, and what stands behind each ∂."""

    order: int
    operands: tuple[s.Expr, ...]


def with_derivatives(links: Sequence[s.Link], reading: Reading) -> list[s.Link]:
    """The factors of a product, with every derivative among them as one."""
    result: list[s.Link] = []
    at = 0
    while at < len(links):
        found, end = _derivative(links, at, reading)
        if found is None:
            result.append(links[at])
            at += 1
        else:
            link = links[at]
            node = Done(link.item.at.to(links[end - 1].item.at), found.height + 1, found)
            result.append(replace(link, item=node))
            at = end
    return result


def _derivative(links: Sequence[s.Link], at: int, reading: Reading) -> tuple[s.Expr | None, int]:
    """The derivative that begins at a factor, and where it ends; None where none does."""
    item = links[at].item
    if isinstance(item, t.Fraction):
        top = _differential(_factors(item.top), reading)
        if top is None or top.operands or at + 1 == len(links) or links[at + 1].operator:
            return None, at
        return fraction_of_differentials(item, links[at + 1].item, reading), at + 2
    base = item.base if isinstance(item, t.Scripted) else item
    if isinstance(base, t.Sign) and base.sign == "∇":
        operand, end = _operand(links, at + 1)
        after = links[at + 1] if operand is None and at + 1 < len(links) else None
        if after is not None and not after.operator and isinstance(after.item, t.Grouped):
            raise Misread(after.item.at, UNNAMED)
        return gradient(item, operand, reading), end
    above, end = _run(links, at, reading)
    if above is None:
        return None, at
    if end == len(links) or links[end].operator != "/":
        lonely = end >= at + 2 and isinstance(base, s.Name) and base.name == "d"
        return (_change(links[at + 1].item, reading), at + 2) if lonely else (None, at)
    below, last = _run(links, end, reading)
    if below is None:
        return None, at
    top = _differential(above, reading)
    bottom = _differential(below, reading)
    if top is None or bottom is None:
        return None, at
    place = item.at.to(links[last - 1].item.at)
    return _value(place, top.operands, max(top.order, bottom.order), bottom, reading), last


def _change(node: s.Expr, reading: Reading) -> s.Expr | None:
    r"""``\mathrm{d} W_1`` by itself: the name dW1."""
    value = reading.read(node)
    base, suffixes = (value.base, value.suffixes) if isinstance(value, s.Item) else (value, ())
    if not isinstance(base, s.Name):
        return None
    base = replace(base, name=f"d{base.name}")
    return replace(value, base=base, suffixes=suffixes) if isinstance(value, s.Item) else base


def _run(links: Sequence[s.Link], at: int, reading: Reading) -> tuple[list[s.Expr] | None, int]:
    """``∂ L`` or ``∂ a ∂ b`` from a factor on: its items, and where it ends."""
    items: list[s.Expr] = []
    start = at
    while len(items) < 6 and at < len(links) and (at == start or links[at].operator == ""):
        if _compact(links[at].item, reading) is not None:
            items.append(links[at].item)
            at += 1
        elif _order(links[at].item, reading) and at + 1 < len(links) and not links[at + 1].operator:
            items += [links[at].item, links[at + 1].item]
            at += 2
        else:
            break
    return (items, at) if items else (None, start)


def _operand(links: Sequence[s.Link], at: int) -> tuple[s.Expr | None, int]:
    """What stands behind ∇: a name, and the arguments that may be listed behind it."""
    if at == len(links) or links[at].operator:
        return None, at
    item = links[at].item
    base = item.base if isinstance(item, t.Scripted) else item
    if not isinstance(base, s.Name | t.Marked):
        return None, at
    return item, at + 1


def _factors(node: s.Expr) -> list[s.Expr]:
    if not isinstance(node, s.Chain):
        return [node]
    return [x.item for x in node.links] if all(x.operator == "" for x in node.links) else []


def _order(node: s.Expr, reading: Reading) -> int:
    """1 for ∂ and for d, 2 for ∂²; 0 for anything else."""
    base, scripts = (node.base, node.scripts) if isinstance(node, t.Scripted) else (node, ())
    sign = isinstance(base, t.Sign) and base.sign == "∂"
    letter = isinstance(base, s.Name) and base.name == "d" and "d" not in reading.names
    if not (sign or letter) or len(scripts) > 1:
        return 0
    if not scripts:
        return 1
    inner = scripts[0].elements
    squared = scripts[0].kind == "^" and len(inner) == 1 and isinstance(inner[0], s.Number)
    return 2 if squared and isinstance(inner[0], s.Number) and inner[0].text == "2" else 0


def _compact(node: s.Expr, reading: Reading) -> s.Expr | None:
    """``dW_1`` typed as one word: W_1."""
    base = node.base if isinstance(node, t.Scripted) else node
    if not (isinstance(base, s.Name) and len(base.name) > 1 and base.name[0] == "d"):
        return None
    if reading.is_function(base.name):
        return None
    inner = replace(base, name=base.name[1:])
    return replace(node, base=inner) if isinstance(node, t.Scripted) else inner


def _differential(items: Sequence[s.Expr], reading: Reading) -> _Differential | None:
    if not items:
        return None
    order, operands, at = 0, [], 0
    while at < len(items):
        compact = _compact(items[at], reading)
        own = _order(items[at], reading)
        if compact is not None:
            order, at = order + 1, at + 1
            operands.append(compact)
        elif own:
            order += own
            if at + 1 < len(items):
                operands.append(items[at + 1])
            at += 2
            if at < len(items) and isinstance(items[at], t.Grouped):
                at += 1  # L(W, b)
        else:
            return None
    return _Differential(order, tuple(operands))


def fraction_of_differentials(
    node: t.Fraction, operand: s.Expr | None, reading: Reading
) -> s.Expr | None:
    """A fraction whose parts are differentials; ``operand`` is what stands behind it."""
    top = _differential(_factors(node.top), reading)
    bottom = _differential(_factors(node.bottom), reading)
    if top is None or bottom is None or not bottom.operands:
        return None
    above = top.operands or (() if operand is None else (operand,))
    at = node.at if operand is None else node.at.to(operand.at)
    return _value(at, above, top.order, bottom, reading)


def gradient(node: s.Expr, operand: s.Expr | None, reading: Reading) -> s.Expr:
    r"""``\nabla_W L``."""
    scripts = node.scripts if isinstance(node, t.Scripted) else ()
    below = [x for script in scripts if script.kind == "_" for x in script.elements]
    if not below:
        raise Misread(node.at, "∇ says by what it is, as in \\nabla_W L.")
    order = 1 + (len(scripts) > 1)
    at = node.at if operand is None else node.at.to(operand.at)
    if order == 2 and len(below) == 1:
        below *= 2
    above = () if operand is None else (operand,)
    return _value(at, above, order, _Differential(order, tuple(below)), reading)


def _value(
    at: Span,
    above: Sequence[s.Expr],
    order: int,
    below: _Differential,
    reading: Reading,
) -> s.Expr:
    """The name of the derivative, with the positions and transposes of what it is made of."""
    positions: list[s.Expr] = []
    behind: list[s.Suffix] = []
    loss = _part(above[0], reading, positions, behind)[0] if above else ""
    by = ""
    for operand in below.operands:
        inner: list[s.Suffix] = []
        name, power = _part(operand, reading, positions, inner)
        if order == 1:
            behind += inner
        by += f"∂{name}{power}" + ("ᵀ" if order > 1 and inner else "")
    squared = "²" if order > 1 else ""
    if order == 1 and by == f"∂{loss}":
        raise Misread(
            at,
            f"this is the derivative of {loss} by itself; a derivative is of one name, so give "
            "the product that is meant a name, and differentiate that.",
        )
    if order > 2 or (order == 2 and len(below.operands) == 1 and "²" not in by):
        raise Misread(at, "derivatives are of first or second order here.")
    name = f"∂{squared}{loss}/{by}" if loss else f"∇{squared}_{by[1:]}"
    value: s.Expr = s.Name(at, 1, name)
    suffixes: list[s.Suffix] = []
    if positions:
        place = positions[0].at.to(positions[-1].at)
        height = 1 + max(x.height for x in positions)
        suffixes.append(s.Positions(place, height, tuple(positions)))
    suffixes += behind
    if not suffixes:
        return value
    return s.Item(at, 1 + max(x.height for x in suffixes), value, tuple(suffixes))


def _part(
    node: s.Expr, reading: Reading, positions: list[s.Expr], behind: list[s.Suffix]
) -> tuple[str, str]:
    """The name of what is differentiated, or by what; its entry and transpose are put aside."""
    value = reading.read(node)
    base, suffixes = (value.base, value.suffixes) if isinstance(value, s.Item) else (value, ())
    power = ""
    if isinstance(base, s.Arguments) and len(base.positional) == 1 and suffixes:
        base = base.positional[0]  # ∂(W_2)_{kj}
    if not isinstance(base, s.Name):
        raise Misread(node.at, UNNAMED)
    for suffix in suffixes:
        if isinstance(suffix, s.Positions):
            positions += suffix.positions
        elif isinstance(suffix, s.Transposition):
            behind.append(suffix)
        elif isinstance(suffix, s.Power) and reading.source.slice(suffix.at) == "2":
            power = "²"
        else:
            raise Misread(
                suffix.at,
                "a power has no meaning in a derivative here; a derivative is by a name, so name "
                "an inverse in the model, P = S^-1.",
            )
    return base.name, power
