"""Right claims: every gradient of a source, in many writings.

As symgrad prints it (by matrix and by index, with adjoints named and in declared values),
multiplied out, and with factors in another order, each as text and as LaTeX.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from claim_sources import Source, column
from claim_trees import (
    AT,
    Unfit,
    Unknown,
    juxtaposed,
    latex,
    left_latex,
    linked,
    paren,
    places,
    text,
)
from claim_values import Point
from interpreter import interpret

import symgrad as sg
import symgrad.language.syntax as s
from symgrad.errors import SymgradError
from symgrad.language.parser import parse_expression
from symgrad.language.source import Source as Text

_BRANCHES = ("1[", "sign", "|", "relu")
"""What is in the text of a claim that may be right on one branch by accident."""


@dataclass(frozen=True)
class Claim:
    """A claim: where it is from, how it is written, and which mistakes it may be said to have."""

    source: Source
    left: str
    tree: s.Expr
    writing: str
    labels: frozenset[str] = frozenset()
    made: tuple[str, ...] = ()
    """The mutations that were made."""

    @property
    def indices(self) -> tuple[str, ...]:
        _, _, inside = self.left.partition("[")
        return tuple(x.strip() for x in inside.rstrip("]").split(",")) if inside else ()

    @property
    def text(self) -> str:
        if self.writing.endswith("LaTeX"):
            return f"{left_latex(self.left)} = {latex(self.tree)}"
        return f"{self.left} = {text(self.tree)}"

    @property
    def target(self) -> Any:
        found = self.source.truth.target(self.left.partition("[")[0])
        assert found is not None
        return found

    def values(self, at: Sequence[Point] = ()) -> tuple[Any, ...] | None:
        """What it is worth at the points; None where its shapes do not fit."""
        if at:
            return self._values(at)
        return self._at_points

    @cached_property
    def _at_points(self) -> tuple[Any, ...] | None:
        return self._values(self.source.points)

    def _values(self, points: Sequence[Point]) -> tuple[Any, ...] | None:
        shape = np.shape(self.true[0])
        shape = tuple(n for n in shape if n != 1) if self.indices else shape
        try:
            found = tuple(
                np.reshape(p.of(self.tree, self.indices, shape), np.shape(true))
                if self.indices
                else p.of(self.tree)
                for p, true in zip(points, self.true, strict=False)
            )
        except Unfit:
            return None
        except (KeyError, OverflowError, ZeroDivisionError) as error:
            raise Unknown from error
        return found if all(np.isfinite(x).all() for x in found) else None

    @cached_property
    def true(self) -> tuple[Any, ...]:
        key = self.left.partition("[")[0]
        if key not in self.source.known:
            found = tuple(self.source.true(self.target, k) for k in range(2))
            self.source.known[key] = found
        return self.source.known[key]

    def right(self) -> bool:
        """Whether it has the true value at every point that is tried."""
        found = self.values()
        if found is None or not same(found, self.true):
            return False
        branches = any(x in text(self.tree) for x in _BRANCHES)
        count = 0 if not self.made else 60 if branches else 4
        return all(self._right_at(k, *self.source.further(k)) for k in range(count))

    def _right_at(self, k: int, at: Point, env: Mapping[str, Any]) -> bool:
        key = (self.left.partition("[")[0], "more", k)
        if key not in self.source.known:
            (true,) = interpret([self.target.node], self.source.net, env)
            self.source.known[key] = column(true)
        true = self.source.known[key]
        if not np.isfinite(true).all():
            return True
        values = self.values([at])
        return values is not None and same(values, [true])


def same(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Whether values are equal."""
    return all(
        np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-7, atol=1e-10)
        for a, b in zip(one, other, strict=True)
    )


def parsed(of: str) -> s.Expr:
    return parse_expression(Text.of(of))


def right_claims(source: Source) -> list[Claim]:
    """Every gradient in every writing, those that could not be read back left out."""
    truth, found = source.truth, dict[tuple[str, str], Claim]()

    def add(left: str, right: str | s.Expr, writing: str) -> None:
        try:
            tree = parsed(right) if isinstance(right, str) else right
            claim = Claim(source, left, tree, writing)
            if not claim.right():
                return
            found.setdefault((left, text(tree)), claim)
        except (Unknown, SymgradError):
            return

    for form in ("matrix", "index"):
        for step in truth.derivation.lines(form):
            if step.phase == "backward":
                sides = step.text.split(" = ")
                add(next(x for x in sides if x.startswith("∂")), sides[-1], f"{form}, δ")
    for x in source.wrt:
        target = truth.gradient(x)
        add(target.name, sg.formula(truth.written(target)), "matrix, values")
        letters = [sp.Symbol(c, integer=True) for c in "jk"[: target.node.rank]]
        if letters and target.node.rank <= 2:
            entry = truth.written(target, letters)
            shown = f"{target.name}[{', '.join(map(str, letters))}]"
            add(shown, sg.formula(entry), "index, values")
    for claim in list(found.values()):
        add(claim.left, expanded(claim.tree), f"{claim.writing}, expanded")
        add(claim.left, commuted(claim.tree), f"{claim.writing}, commuted")
    return list(found.values())


def in_latex(claim: Claim) -> Claim | None:
    """The same claim in LaTeX; None where that cannot be typed."""
    found = replace(claim, writing=f"{claim.writing}, LaTeX", tree=juxtaposed(claim.tree))
    try:
        return found if found.text and found.right() else None
    except Unknown:
        return None


def expanded(tree: s.Expr) -> s.Expr:
    """The first product of a sum multiplied out: (a − b)·c as a·c − b·c."""
    for node, back in places(tree):
        if not isinstance(node, s.Chain) or any(x.operator == "/" for x in node.links):
            continue
        for k, link in enumerate(node.links):
            inner = link.item
            if not isinstance(inner, s.Arguments) or not isinstance(inner.positional[0], s.Terms):
                continue
            if k and isinstance(node.links[k - 1].item, s.Name) and link.operator == "":
                continue  # the argument of a function
            terms = tuple(
                (sign * link.sign, _with_factor(node, k, term))
                for sign, term in inner.positional[0].terms
            )
            whole = s.Terms(AT, node.height + 1, terms)
            return back(whole if node is tree else paren(whole))
    return tree


def _with_factor(node: s.Chain, k: int, factor: s.Expr) -> s.Expr:
    """A product with another k-th factor; a factor 1 is not written."""
    rest = (*node.links[:k], *node.links[k + 1 :])
    if isinstance(factor, s.Number) and factor.text == "1" and rest:
        return linked(node, rest)
    new = replace(node.links[k], item=paren(factor), sign=1)
    return replace(node, links=(*node.links[:k], new, *node.links[k + 1 :]))


def commuted(tree: s.Expr) -> s.Expr:
    """Sums and products by entries in the other order."""
    for node, back in places(tree):
        loose = isinstance(node, s.Chain) and all(x.operator == "⊙" for x in node.links[1:])
        if loose and len(node.links) > 1:
            links = [replace(x, operator="⊙") for x in node.links[::-1]]
            return back(linked(node, links))
        if isinstance(node, s.Terms) and len(node.terms) > 1 and node.terms[-1][0] > 0:
            return back(replace(node, terms=node.terms[::-1]))
    return tree
