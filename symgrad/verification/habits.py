"""What people type out of habit: ``np.tanh(z)``, ``X.T.dot(r)``, ``(z > 0) * g``, ``Xw``.

Why it exists: many write claims as they program, or leave the space of a product out. In a text,
NumPy's prefixes become spaces and its methods a letter each, length kept, so that errors point into
what was typed; in its tree, the letter and what it stands between, a comparison that is a factor,
and two names in one are put right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import symgrad.language.syntax as s
from symgrad.language.functions import KNOWN
from symgrad.language.names import canonical
from symgrad.language.source import Span
from symgrad.verification.names import Truth

Values = Callable[[str], Any]
"""What a name stands for, declared or the reader's own; None for a name that nobody has."""


@dataclass(frozen=True)
class Refused(s.Expr):
    """What is known and not read, with the sentence that says why."""

    message: str


OPERATORS = {"ᐃ": "@", "ᐄ": "⊙"}
FUNCTIONS = {"ᐆ": "sum", "ᐊ": "mean"}
METHODS = {
    **{"dot": "ᐃ", "matmul": "ᐃ", "mm": "ᐃ", "mv": "ᐃ", "multiply": "ᐄ", "mul": "ᐄ"},
    **{"sum": "ᐆ", "mean": "ᐊ"},
}
"""A method → the letter that stands for it, which no name has, in a text about to be parsed."""

_MODULE = r"(?<![\w.])(?:np|jnp|numpy|torch|math)\.(?:linalg\.)?"
_OPERATION = re.compile(_MODULE + r"(dot|matmul|mm|mv|multiply|mul)(?=\()")
_PREFIX = re.compile(_MODULE + r"(?=[a-z]\w*\()")
_METHOD = re.compile(rf"(?<=[\w)\]'ᵀ])\.({'|'.join(METHODS)})(?=\()")
_GRADIENT = re.compile(r"(?<=\w)\.grad(?!\w)")


def without_dots(text: str) -> str:
    """A text as long as the one given, in which no module, method or ``.grad`` is left."""

    def letter(match: re.Match[str]) -> str:
        return METHODS[match[1]].rjust(len(match[0]))

    text = _PREFIX.sub(lambda m: " " * len(m[0]), _OPERATION.sub(letter, text))
    return _GRADIENT.sub("_grad", _METHOD.sub(letter, text))


def parts_of(item: s.Expr) -> tuple[s.Expr, tuple[s.Suffix, ...]]:
    """A factor and what stands behind it."""
    return (item.base, item.suffixes) if isinstance(item, s.Item) else (item, ())


def applied(
    before: Sequence[s.Link], link: s.Link, is_value: Callable[[str], bool]
) -> list[s.Link] | None:
    """The factors with ``A ᐃ (b)``, or ``ᐃ(A, b)``, as one; None where no such letter stands."""
    head = before[-1].item if before else None
    if not isinstance(head, s.Name) or head.name not in METHODS.values() or link.operator:
        return None
    base, behind = parts_of(link.item)
    if not isinstance(base, s.Arguments):
        return None
    given, kept, first = base.positional, list(before[:-1]), before[-1]
    if head.name in FUNCTIONS or len(given) == 1:
        owner = () if first.operator else _owner(kept, is_value)
        if not owner or _ends_in_power(owner[-1].item):
            return [*kept, replace(first, item=_lonely(head, link))]
        kept, first = kept[: -len(owner)], owner[0]
        given = (_closed([replace(owner[0], operator="", sign=1), *owner[1:]]), *given)
    whole: s.Expr
    if head.name in FUNCTIONS:
        at = given[0].at.to(base.at)
        arguments = s.Arguments(at, base.height + given[0].height, given, base.options)
        function = s.Name(head.at, 1, FUNCTIONS[head.name])
        whole = s.Application(at, arguments.height + 1, function, arguments)
    elif len(given) == 2 and not base.options:
        sides = [_closed([s.Link("", 1, x)]) for x in given]
        whole = _closed(
            [s.Link("", 1, sides[0]), s.Link(OPERATORS[head.name], 1, sides[1])], force=True
        )
    else:
        whole = _lonely(head, link)
    if behind:
        whole = s.Item(whole.at.to(behind[-1].at), whole.height + 1, whole, behind)
    return [*kept, replace(first, item=whole)]


def _owner(links: Sequence[s.Link], is_value: Callable[[str], bool]) -> Sequence[s.Link]:
    """What a method belongs to: the last factor, with the function that is applied to it."""
    if len(links) < 2 or links[-1].operator:
        return links[-1:]
    (base, _), (last, _) = parts_of(links[-2].item), parts_of(links[-1].item)
    is_call = isinstance(base, s.Name) and isinstance(last, s.Arguments) and not is_value(base.name)
    return links[-2:] if is_call else links[-1:]


def _ends_in_power(item: s.Expr) -> bool:
    return isinstance(item, s.Item) and isinstance(item.suffixes[-1], s.Power)


def _lonely(head: s.Name, link: s.Link) -> Refused:
    at = head.at.to(link.item.at)
    words = "a method stands behind a value in brackets, as in (a + b).dot(c)."
    return Refused(at, link.item.height + 1, words)


def _closed(links: Sequence[s.Link], *, force: bool = False) -> s.Expr:
    """Factors as one, in parentheses where they are several."""
    only = links[0].item
    if len(links) == 1 and not force and not isinstance(only, s.Terms | s.Chain | s.BigSum):
        return only
    at = only.at.to(links[-1].item.at)
    height = 1 + max(x.item.height for x in links)
    inner = only if len(links) == 1 else s.Chain(at, height, tuple(links))
    return s.Arguments(at, height + 1, (inner,), ())


# -------------------------------------------------------------------- comparisons and products


def indicated(node: s.Expr) -> s.Expr:
    """``(z > 0)`` as a factor, a term or a side: (1[z > 0]), as in NumPy."""
    if not isinstance(node, s.Arguments) or len(node.positional) != 1 or node.options:
        return node
    (inner,) = node.positional
    if not isinstance(inner, s.Relation):
        return node
    return replace(node, positional=(s.Indicator(inner.at, inner.height + 1, (inner,)),))


def conditions(node: Any, truth: Truth, value_of: Values) -> Any:
    """Comparisons in parentheses among factors and terms; elsewhere they are conditions."""
    if isinstance(node, s.Chain):
        return replace(node, links=tuple(replace(x, item=indicated(x.item)) for x in node.links))
    if isinstance(node, s.Terms):
        return replace(node, terms=tuple((sign, indicated(x)) for sign, x in node.terms))
    return node


def products(node: Any, truth: Truth, value_of: Values) -> Any:
    """``Xw``, a factor or a term that nobody has, as (X w); no base, option or position is split.

    What stands before it divides or multiplies both: ``1/Xw`` is 1/(X w).
    """

    def is_factor(name: str) -> bool:
        return name[0] != "_" and name not in truth.functions and value_of(name) is not None

    def split(x: s.Expr) -> s.Expr:
        if not isinstance(x, s.Name) or value_of(x.name) is not None or x.name in KNOWN:
            return x
        if truth.target(x.name) is not None:
            return x
        pairs = [(x.name[:k], x.name[k:]) for k in range(1, len(x.name))]
        known = [p for p in pairs if all(map(is_factor, p))]
        if len(known) != 1:
            return x
        middle = x.at.start + len(known[0][0])
        places = Span(x.at.start, middle), Span(middle, x.at.end)
        named = zip(places, known[0], strict=True)
        links = tuple(s.Link("", 1, s.Name(at, 1, canonical(y))) for at, y in named)
        return s.Arguments(x.at, 3, (s.Chain(x.at, 2, links),), ())

    if isinstance(node, s.Chain):
        heads = [*node.links[1:], None]
        return replace(
            node,
            links=tuple(
                x if after is not None and _is_call(after) else replace(x, item=split(x.item))
                for x, after in zip(node.links, heads, strict=True)
            ),
        )
    if isinstance(node, s.Terms):
        return replace(node, terms=tuple((sign, split(x)) for sign, x in node.terms))
    if isinstance(node, s.Arguments):
        return replace(node, positional=tuple(map(split, node.positional)))
    if isinstance(node, s.Norm | s.BigSum):
        return replace(node, body=split(node.body))
    if isinstance(node, s.Relation):
        return replace(node, left=split(node.left), right=split(node.right))
    return node


def _is_call(link: s.Link) -> bool:
    """Whether this is what stands behind the name of a function."""
    return link.operator == "" and isinstance(parts_of(link.item)[0], s.Arguments)
