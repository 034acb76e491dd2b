"""Small edits of what was typed, for mistakes that the graph of a claim does not show.

Why it exists: a claim whose shapes do not fit has no graph, and one with an index too many neither.
What was meant is found by editing the syntax tree: a transpose set or deleted, two factors swapped,
⊙ for the matrix product, another index, a sum over an index that nothing sums over. Each tree is
built again in the claim's scope, and most of them do not fit either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple

import symgrad.language.syntax as s
from symgrad.language.source import Span

Rebuild = Callable[[Any], s.Expr]


class TreeEdit(NamedTuple):
    """A claim's tree after an edit, with the mistake's name and what is said of it."""

    tree: s.Expr
    mistake: str
    words: str
    cost: float


Text = Callable[[s.Node], str]
"""The text that a node of the tree was read from."""

Found = Iterator[tuple[Any, str, str, float]]
"""A node, the mistake's name, words, and cost."""

Kind = Callable[[s.Expr, Text, Sequence[str], Sequence[str]], Found]

Place = tuple[s.Expr, Rebuild]

Shape = tuple[Any, ...]

_NO_VALUES: Mapping[str, Shape] = {}

ELEMENTWISE = frozenset({".*", "⊙", "∘", ".^"})
_TIMES = frozenset({"", "*", "·", "⋅", "@", "×"})


def places(tree: s.Expr) -> Iterator[tuple[s.Expr, Rebuild]]:
    """Every expression in a tree, the outermost first, with what puts another one in its place."""
    waiting: list[tuple[Any, Rebuild]] = [(tree, lambda new: new)]
    while waiting:
        level, waiting = waiting, []
        for node, rebuild in level:
            yield node, rebuild
            waiting += _inside(node, rebuild)


def _inside(node: Any, rebuild: Rebuild) -> Iterator[tuple[s.Expr, Rebuild]]:
    """The expressions one level below a node."""
    parts: list[tuple[Any, Rebuild]]
    if isinstance(node, tuple):
        parts = [
            (x, lambda new, k=k: rebuild((*node[:k], new, *node[k + 1 :])))  # type: ignore[misc]
            for k, x in enumerate(node)
        ]
    else:
        parts = [
            (getattr(node, x.name), lambda new, x=x: rebuild(replace(node, **{x.name: new})))  # type: ignore[misc]
            for x in fields(node)
            if (type(node), x.name) not in _NO_VALUES_THERE
        ]
    for part, back in parts:
        if isinstance(part, s.Expr) and not isinstance(node, s.Application):
            yield part, back
        elif isinstance(part, s.Node | s.Link | tuple):
            yield from _inside(part, back)


_NO_VALUES_THERE = {(s.Application, "function"), (s.Arguments, "options"), (s.Over, "names")}
"""Where names stand that are no values."""


def tree_edits(
    tree: s.Expr,
    text: Text,
    indices: Sequence[str],
    free: Sequence[str],
    values: Mapping[str, Shape] = _NO_VALUES,
    at: Span | None = None,
    of_entry: bool = False,
) -> Iterator[TreeEdit]:
    """Every edit of a tree; ``indices`` are those in scope, ``free`` those without a meaning.

    ``values`` are names that may have been meant, with their shapes. Where the shapes do not fit,
    ``at`` says where, and what stands there is edited first. A claim ``of_entry`` is made of
    entries, whose order means nothing and whose indices do.
    """
    kinds: tuple[Kind, ...] = (_sums, _bounds, _transposes, _orders, _operators, _indices)

    def made(place: Place, kind: Kind) -> Iterator[TreeEdit]:
        node, rebuild = place
        for new, mistake, words, cost in kind(node, text, indices, free):
            yield TreeEdit(rebuild(new), mistake, words, cost)

    def renamed(place: Place) -> Iterator[TreeEdit]:
        node, rebuild = place
        for new, mistake, words, cost in _names(node, values):
            yield TreeEdit(rebuild(new), mistake, words, cost)

    every = list(places(tree))
    if of_entry:
        first = (_sums, _bounds, _merged, _indices)
        yield from (x for kind in first for place in every for x in made(place, kind))
        yield from (x for place in every for x in renamed(place))
        kinds = (_transposes, _operators)
    if at is None:
        yield from (x for kind in kinds for place in every for x in made(place, kind))
        yield from (x for place in every for x in renamed(place))
        return
    kinds = (_products, *kinds, _groups, _regroups)
    for near in _by_distance(every, at):
        for place in near:
            yield from (x for kind in kinds for x in made(place, kind))
            yield from renamed(place)


def _by_distance(found: list[Place], at: Span) -> list[list[Place]]:
    """The places inside of a span, those around it, and all others."""
    groups: list[list[Place]] = [[], [], []]
    for place in found:
        own = place[0].at
        inside = own.start >= at.start and own.end <= at.end
        apart = own.end <= at.start or own.start >= at.end
        groups[0 if inside else 2 if apart else 1].append(place)
    groups[1].reverse()  # the closest around it first
    return groups


def _names(node: s.Expr, values: Mapping[str, Shape]) -> Found:
    """A value in the place of one of another shape, with as many axes."""
    if not isinstance(node, s.Name) or node.name not in values:
        return
    own = values[node.name]
    for other, shape in values.items():
        if shape != own and len(shape) == len(own):
            words = f"{other} is due where {node.name} stands."
            yield replace(node, name=other), "wrong_value", words, 1.2


def _transposes(node: s.Expr, text: Text, indices: Sequence[str], free: Sequence[str]) -> Found:
    shown = text(node)
    if isinstance(node, s.Item) and any(isinstance(x, s.Transposition) for x in node.suffixes):
        rest = tuple(x for x in node.suffixes if not isinstance(x, s.Transposition))
        bare = replace(node, suffixes=rest) if rest else node.base
        yield bare, "transpose", f"{shown} must not be transposed: {text(node.base)} is due.", 1.0
        return
    if isinstance(node, s.Name | s.Arguments):
        turned = s.Item(node.at, node.height + 1, node, (s.Transposition(node.at, 1),))
        yield turned, "transpose", f"{shown} has to be transposed: {shown}ᵀ is due.", 1.0


def _orders(node: s.Expr, text: Text, indices: Sequence[str], free: Sequence[str]) -> Found:
    if not isinstance(node, s.Chain):
        return
    for k in range(len(node.links) - 1):
        a, b = node.links[k], node.links[k + 1]
        if b.operator in ("/", "./"):
            continue
        swapped = (
            *node.links[:k], replace(b, operator=a.operator), replace(a, operator=b.operator),
            *node.links[k + 2 :],
        )  # fmt: skip
        words = f"{text(a.item)} and {text(b.item)} are in the wrong order."
        yield replace(node, links=swapped), "order", words, 1.0
    if len(node.links) > 2 and all(link.operator in _TIMES for link in node.links):
        turned = tuple(
            replace(link, operator=own.operator)
            for link, own in zip(node.links[::-1], node.links, strict=True)
        )
        words = f"The factors of {text(node)} are in the wrong order."
        yield replace(node, links=turned), "order", words, 1.1


def _operators(node: s.Expr, text: Text, indices: Sequence[str], free: Sequence[str]) -> Found:
    if not isinstance(node, s.Chain):
        return
    for k in range(1, len(node.links)):
        link, before = node.links[k], node.links[k - 1]
        pair = f"{text(before.item)} and {text(link.item)}"
        if link.operator in ELEMENTWISE:
            new, words = "", f"Between {pair} the matrix product is due, and not ⊙."
        elif link.operator in _TIMES:
            new, words = (
                ".*",
                f"Between {pair} ⊙, entry by entry, is due, and not the matrix product.",
            )
        else:
            continue
        links = (*node.links[:k], replace(link, operator=new), *node.links[k + 1 :])
        yield replace(node, links=links), "wrong_product", words, 1.0


def _products(node: s.Expr, text: Text, indices: Sequence[str], free: Sequence[str]) -> Found:
    """a b c → a ⊙ b ⊙ c, and a b' → b a' of columns."""
    if not isinstance(node, s.Chain):
        return
    plain = [k for k, x in enumerate(node.links) if k and x.operator in _TIMES]
    for first in plain[:-1] if len(plain) == len(node.links) - 1 else ():
        links = tuple(
            replace(x, operator=".*") if k >= first else x for k, x in enumerate(node.links)
        )
        shown = ", ".join(text(x.item) for x in node.links[first - 1 :])
        words = f"Between {shown} ⊙, entry by entry, is due, and not the matrix product."
        yield replace(node, links=links), "wrong_product", words, 1.0
    if len(node.links) == 2:
        a, b = node.links
        turned = b.item
        if isinstance(turned, s.Item) and isinstance(turned.suffixes[-1], s.Transposition):
            rest = turned.suffixes[:-1]
            bare = replace(turned, suffixes=rest) if rest else turned.base
            row = s.Item(a.item.at, node.height, _closed(a.item), (turned.suffixes[-1],))
            links = (replace(a, item=_closed(bare)), replace(b, item=row))
            words = (
                f"The factors of {text(node)} are in the wrong order: {text(bare)} comes first, "
                f"and then {text(a.item)}ᵀ."
            )
            yield replace(node, links=links), "order", words, 1.0


def _groups(node: s.Expr, text: Text, indices: Sequence[str], free: Sequence[str]) -> Found:
    """Parentheses around some factors of a product, as in W (a ⊙ b) for W a ⊙ b."""
    if not isinstance(node, s.Chain) or not any(x.operator in ELEMENTWISE for x in node.links):
        return
    links = node.links
    for first in range(len(links) - 1):
        for end in range(first + 2, len(links) + (first > 0)):
            run = links[first:end]
            at = run[0].item.at.to(run[-1].item.at)
            inner = s.Chain(at, node.height, (replace(run[0], operator="", sign=1), *run[1:]))
            closed = s.Arguments(at, node.height + 1, (inner,), ())
            whole = (*links[:first], replace(run[0], item=closed), *links[end:])
            words = f"Parentheses are missing: ({text(closed)}) is one factor."
            yield replace(node, links=whole), "parentheses", words, 1.1


def _regroups(node: s.Expr, text: Text, indices: Sequence[str], free: Sequence[str]) -> Found:
    """A (b ⊙ c) → (A b) ⊙ c: multiplied by c before A, and not behind it."""
    if not isinstance(node, s.Chain) or len(node.links) < 2:
        return
    last = node.links[-1]
    inner = _inner(last.item)
    if last.operator not in _TIMES or inner is None or len(inner.links) < 2:
        return
    for cut in range(len(inner.links) - 1, 0, -1):
        moved = inner.links[cut:]
        if any(link.operator not in ELEMENTWISE for link in moved):
            return
        left = inner.links[0].item if cut == 1 else replace(inner, links=inner.links[:cut])
        kept = replace(last, item=_closed(left))
        first = _closed(replace(node, links=(*node.links[:-1], kept)))
        links = (replace(moved[0], operator="", item=first), *moved)
        shown = " ⊙ ".join(text(link.item) for link in moved)
        words = (
            f"The order is wrong: {shown} comes last. Multiply by it after "
            f"{text(node.links[0].item)}, and not before."
        )
        yield s.Chain(node.at, node.height, links), "parentheses", words, 1.1


def _inner(node: s.Expr) -> s.Chain | None:
    """The product in a pair of parentheses."""
    while isinstance(node, s.Arguments) and len(node.positional) == 1:
        node = node.positional[0]
    return node if isinstance(node, s.Chain) else None


def _closed(node: s.Expr) -> s.Expr:
    if isinstance(node, s.Arguments | s.Name | s.Item):
        return node
    return s.Arguments(node.at, node.height + 1, (node,), ())


def _sums(node: s.Expr, text: Text, indices: Sequence[str], free: Sequence[str]) -> Found:
    """Σ over an index that nothing sums over, as far out and as far in as it may stand."""
    if not isinstance(node, s.Chain | s.Terms | s.Item):
        return
    for name in free:
        if not any(isinstance(x, s.Name) and x.name == name for x, _ in places(node)):
            continue
        index = s.Name(node.at, 1, name)
        body = s.Arguments(node.at, node.height + 1, (node,), ())
        summed = s.BigSum(node.at, node.height + 2, (index,), None, 1, body)
        inner = s.Arguments(node.at, node.height + 3, (summed,), ())
        yield inner, "index", f"The sum over {name} is missing: Σ_{name} {text(node)} is due.", 1.0


def _bounds(node: s.Expr, text: Text, indices: Sequence[str], free: Sequence[str]) -> Found:
    """Σ from 2, or up to C − 1 → Σ over all."""
    if not isinstance(node, s.BigSum) or node.upper is None or len(node.ranges) != 1:
        return
    names = [x for x, _ in places(node.ranges[0]) if isinstance(x, s.Name)]
    if not names:
        return
    index = names[0]
    words = f"The sum over {index.name} leaves entries out: it has to run over all of them."
    yield replace(node, ranges=(index,), upper=None), "index", words, 1.0


def _merged(node: s.Expr, text: Text, indices: Sequence[str], free: Sequence[str]) -> Found:
    """Σ_k Σ_i → Σ_k, with k for i."""
    index = _summed(node)
    if not isinstance(node, s.BigSum) or index is None:
        return
    for inner, rebuild in places(node.body):
        gone = _summed(inner)
        if not isinstance(inner, s.BigSum) or gone is None or gone.name == index.name:
            continue
        words = f"There is one sum too many: {index.name} is due where {gone.name} stands."
        body = s.Arguments(inner.at, inner.height, (inner.body,), ())
        merged = _renamed(rebuild(body), gone.name, index.name)
        yield replace(node, body=merged), "index", words, 1.1


def _summed(node: s.Expr) -> s.Name | None:
    """The index of a sum over all of its values."""
    if not isinstance(node, s.BigSum) or len(node.ranges) != 1 or node.upper is not None:
        return None
    (index,) = node.ranges
    return index if isinstance(index, s.Name) else None


def _renamed(tree: s.Expr, old: str, new: str) -> s.Expr:
    """A tree with another name for an index."""
    for node, rebuild in places(tree):
        if isinstance(node, s.Name) and node.name == old:
            return _renamed(rebuild(replace(node, name=new)), old, new)
    return tree


def _shown(node: s.Expr, text: Text) -> str:
    """A value as it was typed; by its name where LaTeX has the index inside of the subscript."""
    shown = text(node)
    is_cut = isinstance(node, s.Name) and shown.count("{") != shown.count("}")
    return node.name if is_cut and isinstance(node, s.Name) else shown


def _indices(node: s.Expr, text: Text, indices: Sequence[str], free: Sequence[str]) -> Found:
    if not isinstance(node, s.Item):
        return
    for at, suffix in enumerate(node.suffixes):
        if not isinstance(suffix, s.Positions):
            continue
        base = _shown(node.base, text)
        for k, position in enumerate(suffix.positions):
            if isinstance(position, s.Terms):
                named = [x for x, _ in places(position) if isinstance(x, s.Name)]
                if len(named) != 1 or named[0].name not in indices:
                    continue
                positions = (*suffix.positions[:k], named[0], *suffix.positions[k + 1 :])
                changed = replace(suffix, positions=positions)
                suffixes = (*node.suffixes[:at], changed, *node.suffixes[at + 1 :])
                words = (
                    f"The index {text(position)} of {base} is off: {named[0].name} is due there."
                )
                yield replace(node, suffixes=suffixes), "index", words, 1.0
            if not isinstance(position, s.Name):
                continue
            for other in dict.fromkeys(indices):
                if other == position.name:
                    continue
                new = replace(position, name=other)
                positions = (*suffix.positions[:k], new, *suffix.positions[k + 1 :])
                changed = replace(suffix, positions=positions)
                suffixes = (*node.suffixes[:at], changed, *node.suffixes[at + 1 :])
                words = f"The index {position.name} of {base} is wrong: {other} is due there."
                yield replace(node, suffixes=suffixes), "index", words, 1.0
        if len(suffix.positions) == 2:
            changed = replace(suffix, positions=suffix.positions[::-1])
            suffixes = (*node.suffixes[:at], changed, *node.suffixes[at + 1 :])
            words = f"The indices of {base} are the wrong way round in {text(node)}."
            yield replace(node, suffixes=suffixes), "index", words, 1.0


def index_names(tree: s.Expr) -> list[str]:
    """The names that stand in brackets and under sum signs."""
    found: dict[str, None] = {}
    for node, _ in places(tree):
        if isinstance(node, s.BigSum):
            for x in node.ranges:
                found.update((n.name, None) for n, _ in places(x) if isinstance(n, s.Name))
        if isinstance(node, s.Item):
            for suffix in node.suffixes:
                if isinstance(suffix, s.Positions):
                    for x in suffix.positions:
                        found.update((n.name, None) for n, _ in places(x) if isinstance(n, s.Name))
    return list(found)
