"""The scope that an expression is read in, and the one place where its parts are built.

Why it exists: every rule of `expressions` needs the names in scope, the values of its parts, and
errors that point into the text. An error of the vocabulary below (a shape, a declaration) comes
out as a `ParseError` that points at the smallest expression that caused it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sympy as sp

import symgrad.language.arithmetic as a
import symgrad.language.syntax as s
from symgrad.errors import ParseError, SymgradError
from symgrad.language.source import Source, Span

Rules = Mapping[type[s.Expr], Callable[[Any, "Scope"], Any]]

CONSTANTS: dict[str, Any] = {"π": sp.pi, "e": sp.E}
"""Numbers that have a name unless it is declared."""

WORDS: dict[str, Any] = {"inf": sp.oo, "oo": sp.oo, "true": True, "false": False}
"""Words that are arguments and nothing else."""

ORDERS: dict[str, Any] = {"": 2, "2": 2, "F": 2, "1": 1, "inf": sp.oo, "oo": sp.oo, "∞": sp.oo}
"""The order of a norm, as it is typed."""


@dataclass(frozen=True)
class Scope:
    """What names stand for: ``names`` are declared, ``indices`` run over entries.

    ``rules`` are the meanings of the nodes (`expressions.RULES`).
    """

    source: Source
    names: Mapping[str, Any]
    rules: Rules
    indices: Mapping[str, sp.Symbol] = field(default_factory=dict)
    defining: str = ""
    """The name that the line defines, if it does."""
    fixed: tuple[str, ...] = ()
    """The names of a model to which the text cannot add declarations; none where it can."""

    def build(self, node: s.Expr) -> Any:
        """The SymPy value of an expression; raises ParseError."""
        try:
            return self.rules[type(node)](node, self)
        except ParseError:
            raise
        except SymgradError as error:
            raise self.error(node, str(error)) from error

    def with_indices(self, symbols: Iterable[sp.Symbol]) -> Scope:
        """The scope with more indices."""
        return replace(self, indices={**self.indices, **{x.name: x for x in symbols}})

    def knows(self, name: str) -> bool:
        """Whether a name is declared, an index, or the name of a number."""
        return name in self.names or name in self.indices or name in CONSTANTS

    def text(self, node: s.Node) -> str:
        """The text of a node."""
        return self.source.slice(node.at)

    def error(self, at: Span | s.Node, message: str) -> ParseError:
        """The error that points at a node."""
        return self.source.error(at.at if isinstance(at, s.Node) else at, message)

    def shown(self, node: s.Expr) -> a.Shown:
        """A value with the text it was read from."""
        return a.Shown(self.build(node), self.text(node))


def new_index(name: s.Name, scope: Scope) -> sp.Symbol:
    """A symbol that runs over entries; its name has to be free."""
    if name.name in scope.names:
        raise scope.error(
            name, f"{name.name} is declared already; an index needs a name of its own."
        )
    if name.name in scope.indices:
        raise scope.error(name, f"{name.name} is an index already; use another letter.")
    return sp.Symbol(name.name, integer=True)
