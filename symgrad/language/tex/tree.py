r"""The tree of a formula of LaTeX before any name is known: scripts as they stand.

Why it exists: what ``W_1``, ``x^{(n)}`` and ``f'`` mean depends on what is declared, so the grammar
makes nodes of its own for them; `tex.meaning` turns those into the nodes of `syntax`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from lark import Token

import symgrad.language.syntax as s
from symgrad.language.layout import Misread
from symgrad.language.source import Span
from symgrad.language.tree import RULES, Part, Rule, nodes, placed, sign_of


@dataclass(frozen=True)
class Sign(s.Expr):
    """``∂``, ``∇``, ``⊤`` or ``1``, which is ones or an indicator."""

    sign: str


@dataclass(frozen=True)
class Grouped(s.Expr):
    """What stands in brackets, ``(``, ``[``, ``{``, ``⟨``, or in braces, which is `BRACES`."""

    bracket: str
    elements: tuple[s.Expr, ...]


BRACES = "group"


@dataclass(frozen=True)
class Compared(s.Expr):
    """``a ≤ i < n``: what is compared, and the signs between."""

    sides: tuple[s.Expr, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True)
class Script(s.Node):
    """A subscript, a superscript or a prime; ``operator`` is a sign that stands first in it."""

    kind: str
    elements: tuple[s.Expr, ...] = ()
    operator: str = ""


@dataclass(frozen=True)
class Scripted(s.Expr):
    """A base with what stands below, above and behind it."""

    base: s.Expr
    scripts: tuple[Script, ...]


@dataclass(frozen=True)
class Marked(s.Expr):
    r"""``\hat{y}``."""

    mark: str
    body: s.Expr


@dataclass(frozen=True)
class Fraction(s.Expr):
    r"""``\frac{a}{b}``."""

    top: s.Expr
    bottom: s.Expr


@dataclass(frozen=True)
class Root(s.Expr):
    r"""``\sqrt[n]{a}``."""

    body: s.Expr
    degree: s.Expr | None


@dataclass(frozen=True)
class Summed(s.Expr):
    r"""``\sum_{k=1}^{K} body``."""

    scripts: tuple[Script, ...]
    sign: int
    body: s.Expr


@dataclass(frozen=True)
class Case(s.Node):
    """One row of cases; without conditions, the last one."""

    value: s.Expr
    conditions: tuple[s.Expr, ...]


@dataclass(frozen=True)
class Chosen(s.Expr):
    r"""``\begin{cases} … \end{cases}``."""

    cases: tuple[Case, ...]


@dataclass(frozen=True)
class _Elements(s.Node):
    items: tuple[s.Expr, ...]


def _letter(at: Span, height: int, parts: Sequence[Part]) -> s.Name:
    return s.Name(at, height, str(parts[0]))


def _sign(at: Span, height: int, parts: Sequence[Part]) -> Sign:
    return Sign(at, height, str(parts[0]))


def _elements(at: Span, height: int, parts: Sequence[Part]) -> _Elements:
    return _Elements(at, height, tuple(nodes(parts, s.Expr)))


def _grouped(at: Span, height: int, parts: Sequence[Part]) -> s.Expr:
    opened, inner = parts[0], parts[1]
    if opened.type == "LBRACE" and len(inner.items) == 1:
        only: s.Expr = inner.items[0]
        if isinstance(only, s.Name | s.Number | Scripted | Marked | Grouped | Sign):
            return only
    bracket = BRACES if opened.type == "LBRACE" else str(opened)
    return Grouped(at, height, bracket, inner.items)


def _compared(at: Span, height: int, parts: Sequence[Part]) -> Compared:
    operators = tuple(str(x) for x in parts if isinstance(x, Token))
    return Compared(at, height, tuple(nodes(parts, s.Expr)), operators)


def _script(at: Span, height: int, parts: Sequence[Part]) -> Script:
    kind = {"SUB": "_", "SUP": "^", "PRIME": "'"}[parts[0].type]
    operators = [x for x in parts if isinstance(x, Token) and x.type in ("OPERATOR", "PLUS_MINUS")]
    found = nodes(parts, _Elements)
    elements = found[0].items if found else tuple(nodes(parts, s.Expr))
    return Script(at, height, kind, elements, str(operators[0]) if operators else "")


def _scripted(at: Span, height: int, parts: Sequence[Part]) -> Scripted:
    base, *scripts = parts
    exponents = [x for x in scripts if x.kind == "^" and not _names(x)]
    if len(exponents) > 1:
        raise Misread(
            exponents[1].at,
            "two exponents stand here; put the base in braces, {x^a}^b, or x^{a^b}.",
        )
    if isinstance(base, Scripted):  # {W_1}^\top
        return Scripted(at, height, base.base, (*base.scripts, *scripts))
    return Scripted(at, height, base, tuple(scripts))


def _names(script: Script) -> bool:
    """Whether a superscript is a transpose, a layer or a star, which another may follow."""
    first = script.elements[0] if script.elements else None
    turned = isinstance(first, s.Name) and first.name == "T"
    return first is None or turned or isinstance(first, Sign | Grouped)


def _marked(at: Span, height: int, parts: Sequence[Part]) -> s.Expr:
    mark, inner = parts[0], parts[2].items
    if len(inner) != 1:
        raise Misread(at, "a mark is put over one letter or word.")
    if isinstance(inner[0], Scripted):  # \hat{y_1}
        body = inner[0]
        return Scripted(at, height, Marked(at, height, str(mark), body.base), body.scripts)
    return Marked(at, height, str(mark), inner[0])


def _norm(at: Span, height: int, parts: Sequence[Part]) -> s.Norm:
    return s.Norm(at, height, str(parts[0]), parts[1], "")


def _fraction(at: Span, height: int, parts: Sequence[Part]) -> Fraction:
    top, bottom = nodes(parts, s.Expr)
    return Fraction(at, height, top, bottom)


def _root(at: Span, height: int, parts: Sequence[Part]) -> Root:
    *degree, body = nodes(parts, s.Expr)
    return Root(at, height, body, degree[0] if degree else None)


def _summed(at: Span, height: int, parts: Sequence[Part]) -> Summed:
    signs = [str(x) for x in parts if isinstance(x, Token) and x.type == "PLUS_MINUS"]
    return Summed(at, height, tuple(nodes(parts, Script)), sign_of(*signs), parts[-1])


def _case(at: Span, height: int, parts: Sequence[Part]) -> Case:
    value, *conditions = nodes(parts, s.Expr)
    return Case(at, height, value, tuple(conditions))


def _cases(at: Span, height: int, parts: Sequence[Part]) -> Chosen:
    return Chosen(at, height, tuple(nodes(parts, Case)))


_OWN: dict[str, Rule] = {
    "letter": _letter, "sign": _sign, "elements": _elements, "grouped": _grouped,
    "relation": _compared, "script": _script, "scripted": _scripted, "marked": _marked,
    "norm": _norm, "fraction": _fraction, "root": _root, "bigsum": _summed, "case": _case,
    "cases": _cases,
}  # fmt: skip
"""One row a rule of LaTeX's ``grammar.lark``, where it is not that of the text language."""

_SHARED = ("sum", "negated", "juxtaposed", "operated", "joined", "operator", "number")


def transformer() -> Any:
    """The rules in the form in which Lark takes them."""
    rules = {**{name: RULES[name] for name in _SHARED}, **_OWN}
    return SimpleNamespace(**{name: placed(name, rule) for name, rule in rules.items()})
