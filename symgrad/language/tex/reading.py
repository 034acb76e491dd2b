"""What is known while a formula of LaTeX is given its meaning: its text, and what is declared.

Why it exists: the meanings of names, derivatives and chains need each other; each has a module,
and this is what they share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sympy.core.function import UndefinedFunction

import symgrad.language.syntax as s
from symgrad.language.arithmetic import shape
from symgrad.language.layout import Misread
from symgrad.language.source import Source
from symgrad.language.tex.names import AmbiguousName, Names, Written, resolve


@dataclass(frozen=True)
class Done(s.Expr):
    """A node that has its meaning already."""

    value: s.Expr


@dataclass(frozen=True)
class Reading:
    """The text, the names by their spellings, and the values that the names stand for."""

    source: Source
    names: Names
    values: Mapping[str, Any]
    meaning: Callable[[s.Expr, Reading], s.Expr]
    _read: dict[int, tuple[s.Expr, s.Expr]] = field(default_factory=dict)
    """What has been read: a node by its identity (it is kept, so that no other has that)."""

    def read(self, node: s.Expr) -> s.Expr:
        """The meaning of a node, which is found once however often it is asked for."""
        found = self._read.get(id(node))
        if found is None:
            found = self._read[id(node)] = (node, self.meaning(node, self))
        return found[1]

    def find(self, written: Written, node: s.Node) -> str | None:
        """The declared name that is written; raises Misread where several fit."""
        try:
            return resolve(written, self.names)
        except AmbiguousName as error:
            raise Misread(
                node.at,
                f"{self.source.slice(node.at)} may be {' or '.join(error.found)}; write the name "
                "as it is declared, or rename one of them.",
            ) from None

    def is_function(self, name: str) -> bool:
        """Whether a name is applied to what stands behind it."""
        if name in self.values:
            return isinstance(self.values[name], UndefinedFunction)
        return self.names.is_function(name)

    def axes(self, name: str) -> int:
        """How many positions an entry of a declared name has."""
        sizes = shape(self.values[name])
        return 1 if len(sizes) == 2 and 1 in sizes else len(sizes)
