"""The rules of the grammar as functions: what each has read, as a node of the syntax tree.

Why it exists: Lark calls these while it reads, innermost rule first, so no tree is ever walked by
recursion, and one that grows too high is refused on the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypeVar

from lark import Token

import symgrad.language.syntax as s
from symgrad.language.layout import MAX_NESTING, Misread, span
from symgrad.language.names import canonical
from symgrad.language.source import Span

MAX_HEIGHT = 4 * MAX_NESTING
"""Nodes within nodes: a pair of parentheses is up to four of them."""

Part = Any
"""A token, a node, or one of the two pieces below, which are no nodes of the tree."""


@dataclass(frozen=True)
class _Several(s.Node):
    """A list."""

    items: tuple[Any, ...]
    upper: s.Expr | None = None


@dataclass
class _Links:
    """A chain that may still grow: so a long one is made in one pass."""

    at: Span
    height: int
    links: list[s.Link]

    def adding(self, link: s.Link) -> _Links:
        """The chain with one more link, which the next rule goes on from."""
        self.links.append(link)
        self.at = self.at.to(link.item.at)
        self.height = max(self.height, link.item.height + 1)
        return self

    def chain(self) -> s.Chain:
        """The node."""
        return s.Chain(self.at, self.height, tuple(self.links))


N = TypeVar("N")


def finished(part: Part) -> Part:
    """A part that does not grow any more."""
    return part.chain() if isinstance(part, _Links) else part


def nodes(parts: Sequence[Part], kind: type[N]) -> list[N]:
    return [x for x in parts if isinstance(x, kind)]


def sign_of(*signs: str) -> int:
    return -1 if sum(x != "+" for x in signs) % 2 else 1


def _terms_of(x: s.Expr) -> tuple[tuple[int, s.Expr], ...]:
    return x.terms if isinstance(x, s.Terms) else ((1, x),)


def _model(at: Span, height: int, parts: Sequence[Part]) -> s.Model:
    return s.Model(at, height, tuple(nodes(parts, s.Statement)))


def _declaration(at: Span, height: int, parts: Sequence[Part]) -> s.Declaration:
    names, _, words = parts
    return s.Declaration(at, height, names.items, words.items)


def _names(at: Span, height: int, parts: Sequence[Part]) -> _Several:
    return _Several(at, height, tuple(nodes(parts, s.Name)))


def _type_(at: Span, height: int, parts: Sequence[Part]) -> _Several:
    return _Several(at, height, tuple(nodes(parts, s.Word)))


def _word(at: Span, height: int, parts: Sequence[Part]) -> s.Word:
    name, *rest = nodes(parts, s.Expr)
    assert isinstance(name, s.Name)
    sizes: list[s.Expr] = []
    options: tuple[tuple[s.Name, s.Expr], ...] = ()
    for part in rest:
        if isinstance(part, s.Arguments):
            sizes += part.positional
            options = part.options
        else:
            sizes.append(part)
    return s.Word(at, height, name.name, tuple(sizes), options)


def _definition(at: Span, height: int, parts: Sequence[Part]) -> s.Definition:
    target, _, value = parts
    name, *positions = target.items
    where = positions[0].positions if positions else ()
    return s.Definition(at, height, name, where, value)


def _target(at: Span, height: int, parts: Sequence[Part]) -> _Several:
    return _Several(at, height, tuple(parts))


def _directive(at: Span, height: int, parts: Sequence[Part]) -> s.Directive:
    listed = tuple(x.items for x in nodes(parts, _Several))
    return s.Directive(at, height, parts[0], listed)


def _listed(at: Span, height: int, parts: Sequence[Part]) -> _Several:
    name, *rest = nodes(parts, s.Node)
    return _Several(at, height, (name, rest[0] if rest else None))


# expressions


def _terms(at: Span, height: int, parts: Sequence[Part]) -> s.Terms:
    terms: list[tuple[int, s.Expr]] = []
    sign = 1
    for part in parts:
        if isinstance(part, Token):
            sign = sign_of(part)
        else:
            terms += [(sign * own, x) for own, x in _terms_of(part)]
    return s.Terms(at, height, tuple(terms))


def _negated(at: Span, height: int, parts: Sequence[Part]) -> s.Terms:
    sign, term = parts
    terms = _terms_of(term)
    return s.Terms(at, height, tuple((sign_of(sign) * own, x) for own, x in terms))


def _over(at: Span, height: int, parts: Sequence[Part]) -> s.Over:
    body, *names = nodes(parts, s.Expr)
    return s.Over(at, height, body, tuple(nodes(names, s.Name)))


def _growing(left: s.Expr | _Links) -> _Links:
    if isinstance(left, _Links):
        return left
    return _Links(left.at, left.height + 1, [s.Link("", 1, left)])


def _juxtaposed(at: Span, height: int, parts: Sequence[Part]) -> _Links:
    left, right = parts
    return _growing(left).adding(s.Link("", 1, finished(right)))


def _operated(at: Span, height: int, parts: Sequence[Part]) -> _Links:
    left, operator, right = parts
    symbol, sign = operator.items
    return _growing(left).adding(s.Link(symbol, sign, finished(right)))


def _joined(at: Span, height: int, parts: Sequence[Part]) -> _Links:
    rule = _juxtaposed if len(parts) == 2 else _operated
    return rule(at, height, parts)


def _operator(at: Span, height: int, parts: Sequence[Part]) -> _Several:
    operator, *signs = parts
    return _Several(at, height, (str(operator), sign_of(*signs)))


def _bigsum(at: Span, height: int, parts: Sequence[Part]) -> s.BigSum:
    ranges = nodes(parts, _Several)
    upper = ranges[0].upper if ranges else None
    sign = sign_of(*(x for x in parts if isinstance(x, Token) and x.type == "PLUS_MINUS"))
    found = tuple(ranges[0].items) if ranges else ()
    return s.BigSum(at, height, found, upper, sign, parts[-1])


def _ranges(at: Span, height: int, parts: Sequence[Part]) -> _Several:
    found = nodes(parts, s.Expr)
    upper = None
    if any(isinstance(x, Token) and x.type == "POWER" for x in parts):
        upper = found.pop()
    return _Several(at, height, tuple(found), upper)


def _item(at: Span, height: int, parts: Sequence[Part]) -> s.Item:
    return s.Item(at, height, parts[0], tuple(parts[1:]))


def _transpose(at: Span, height: int, parts: Sequence[Part]) -> s.Transposition:
    return s.Transposition(at, height)


def _power(at: Span, height: int, parts: Sequence[Part]) -> s.Power:
    first = parts[0]
    if first.type == "SUPERSCRIPT":
        digits = str(first).translate(_SUPERSCRIPTS)
        number = s.Number(at, height, digits.removeprefix("-"))
        exponent: s.Expr = s.Terms(at, height, ((-1, number),)) if "-" in digits else number
    else:
        sign, exponent = sign_of(*parts[1:-1]), parts[-1]
        if sign < 0:
            exponent = s.Terms(at, height, ((-1, exponent),))
    return s.Power(at, height, exponent, first.startswith("."))


def _positions(at: Span, height: int, parts: Sequence[Part]) -> s.Positions:
    return s.Positions(at, height, tuple(nodes(parts, s.Expr)))


def _subscript(at: Span, height: int, parts: Sequence[Part]) -> s.Positions:
    return s.Positions(at, height + 1, tuple(_below(parts[0])))


def _below(token: Token) -> list[s.Expr]:
    """The positions of ``_k``, ``_{jk}`` and ``_{j, k}``: letters are one index each."""
    found: list[s.Expr] = []
    for piece in re.finditer(r"\d+|[^\W\d_]", token):
        start = span(token).start + piece.start()
        at = Span(start, start + len(piece[0]))
        number = piece[0].isdigit()
        found.append(s.Number(at, 1, piece[0]) if number else s.Name(at, 1, canonical(piece[0])))
    return found


def _whole(at: Span, height: int, parts: Sequence[Part]) -> s.Whole:
    return s.Whole(at, height)


def _norm(at: Span, height: int, parts: Sequence[Part]) -> s.Norm:
    order = str(parts[3]).translate(_SUBSCRIPTS).lstrip("_") if len(parts) == 4 else ""
    return s.Norm(at, height, str(parts[0]), parts[1], order)


def _indicator(at: Span, height: int, parts: Sequence[Part]) -> s.Indicator:
    return s.Indicator(at, height, tuple(nodes(parts, s.Expr)))


def _relation(at: Span, height: int, parts: Sequence[Part]) -> s.Relation:
    left, operator, right = parts
    return s.Relation(at, height, left, _RELATIONS.get(operator, str(operator)), right)


def _arguments(at: Span, height: int, parts: Sequence[Part]) -> s.Arguments:
    options = tuple(x.items for x in nodes(parts, _Several))
    return s.Arguments(at, height, tuple(nodes(parts, s.Expr)), options)


def _bracketed(at: Span, height: int, parts: Sequence[Part]) -> s.Arguments:
    (inner,) = nodes(parts, s.Expr)
    if parts[0].type == "GROUP_AGAIN" and isinstance(inner, s.Name | s.Number):
        raise Misread(
            at,
            "it is not clear whether this is a position or a factor; entries are taken of a name, "
            "as in z[k], and a factor stands in (…).",
        )
    return s.Arguments(at, height, (inner,), ())


def _option(at: Span, height: int, parts: Sequence[Part]) -> _Several:
    name, _, value = parts
    return _Several(at, height, (name, value))


def _name(at: Span, height: int, parts: Sequence[Part]) -> s.Name:
    return s.Name(at, height, canonical(parts[0]))


def _number(at: Span, height: int, parts: Sequence[Part]) -> s.Number:
    return s.Number(at, height, str(parts[0]))


_SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_SUBSCRIPTS = str.maketrans("₁₂", "12")
_RELATIONS = {"=": "=", "==": "=", "!=": "≠", "<=": "≤", ">=": "≥"}

Rule = Callable[[Span, int, Sequence[Part]], Any]

RULES: dict[str, Rule] = {
    "model": _model, "declaration": _declaration, "names": _names, "type": _type_, "word": _word,
    "definition": _definition, "target": _target, "directive": _directive, "listed": _listed,
    "sum": _terms, "negated": _negated, "over": _over, "juxtaposed": _juxtaposed,
    "operated": _operated, "joined": _joined, "operator": _operator, "bigsum": _bigsum,
    "ranges": _ranges, "item": _item, "exponent": _item, "transpose": _transpose,
    "power": _power, "positions": _positions, "subscript": _subscript, "whole": _whole,
    "norm": _norm, "indicator": _indicator, "bracketed": _bracketed,
    "relation": _relation, "arguments": _arguments, "option": _option, "braced": _arguments,
    "name": _name, "number": _number,
}  # fmt: skip
"""One row a rule of ``grammar.lark``, under its name or its alias there."""

_GROWING = {"juxtaposed", "operated", "joined"}


def placed(name: str, rule: Rule) -> Callable[[Sequence[Part]], Any]:
    """A rule as Lark calls it: with the tokens and nodes that were read, from first to last."""

    def read(parts: Sequence[Part]) -> Any:
        kept = parts if name in _GROWING else [finished(x) for x in parts]
        places = [span(x) if isinstance(x, Token) else x.at for x in kept]
        at = places[0].to(places[-1]) if places else Span(0, 0)
        height = 1 + max((x.height for x in kept if not isinstance(x, Token)), default=0)
        if height > MAX_HEIGHT:
            raise Misread(at, "this is nested too deeply; name the inner value on its own line.")
        return rule(at, height, kept)

    return read


def transformer() -> SimpleNamespace:
    """The rules in the form in which Lark takes them."""
    return SimpleNamespace(**{name: placed(name, rule) for name, rule in RULES.items()})
