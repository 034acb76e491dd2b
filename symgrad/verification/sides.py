"""One side of an equation as a claim: its value, its graph, and what cannot be built of it.

Why it exists: whatever the left side is, its right sides are read in one way, in the names that are
known by then. `reader.Reader` says what a left side is about.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import sympy as sp

import symgrad.language.syntax as s
from symgrad import graph as g
from symgrad.errors import ParseError, ShapeError
from symgrad.graph import Node, dim
from symgrad.language.scope import Scope
from symgrad.lift import lift_array
from symgrad.verification.claim_rules import claim_rules, with_slopes
from symgrad.verification.claims import (
    Claim,
    Indices,
    Names,
    built,
    pointing,
    shape_of,
    symbol_of,
    turned_over,
)
from symgrad.verification.equality import compare
from symgrad.verification.indices import condition_behind, free_indices
from symgrad.verification.names import Target, Truth
from symgrad.verification.precedence import as_in_numpy, left_to_right
from symgrad.verification.spellings import meant
from symgrad.verification.work import Part

NOT_ZERO = "is not 0 everywhere. If you set it to zero to look for a minimum"
"""What is said of ∂L/∂w = 0, which claims nothing of what ∂L/∂w is."""


@dataclass
class Sides:
    """Reads right sides.

    ``own`` are the names that the lines so far define, and ``instead`` the values that they give to
    names of the loss and its gradients, where these are not the true ones.
    """

    truth: Truth
    own: dict[str, Any] = field(default_factory=dict)
    instead: dict[Any, Any] = field(default_factory=dict)

    @property
    def names(self) -> Names:
        """What names stand for by now."""
        return Names(self.truth, dict(self.own), dict(self.instead))

    def scope(self, part: Part) -> Scope:
        """What a part is read in."""
        fixed = (*self.truth.leaves, *self.truth.forward)
        return Scope(part.source, self.names, claim_rules(self.truth), fixed=fixed)

    def value_of(self, name: str) -> Any:
        """What a name stands for already, by the reader or by the loss; None for any other."""
        return self.own.get(name, self.truth.value(name))

    def knows(self, name: str) -> bool:
        """Whether a name stands for something already."""
        return name in self.own or self.truth.value(name) is not None

    def meant_by(self, part: Part) -> s.Expr:
        """The tree of a side, as its writer meant it."""
        return meant(part.tree, self.truth, self.value_of)

    def _value(self, part: Part, indices: Indices) -> tuple[Node, tuple[Any, ...]]:
        value, node, _ = self._read(self.meant_by(part), self.scope(part), indices)
        return node, shape_of(value)

    def _read(
        self, tree: s.Expr, scope: Scope, indices: Indices, due: tuple[Any, ...] = ()
    ) -> tuple[Any, Node, s.Expr]:
        """A right side; where its shapes do not fit, as NumPy has it or with ⊙ from the left."""
        try:
            return *built(tree, scope, indices, due), tree
        except ParseError as error:
            if not isinstance(error.__cause__, ShapeError):
                raise
            numpy = as_in_numpy(tree)
            others = [numpy, *(left_to_right(x, self.knows) for x in (tree, numpy) if x)]
            for other in others:
                try:
                    if other is not None:
                        return *built(other, scope, indices, due), other
                except ParseError:
                    continue
            raise error from error.__cause__

    def _indexed(
        self, target: Target, name: str, positions: tuple[s.Expr, ...], part: Part, turned: bool
    ) -> tuple[Target, Indices]:
        """What ∂L/∂W[j, k] is about: all entries where its positions are indices, else some."""
        if turned and target.shape:
            turned_node = turned_over(target.node)
            target = target._replace(
                name=f"({target.name})ᵀ",
                node=turned_node,
                shape=target.shape[::-1],
                whole=False,
            )
        if not positions:
            return target, ()
        axes = [dim(n) for n in target.shape if dim(n) != 1]
        scope = self.scope(part)
        if len(positions) != len(axes):
            raise part.source.error(
                positions[0].at,
                f"{target.name} has {len(axes)} axes and takes as many positions in brackets; "
                f"{len(positions)} stand here.",
            )
        symbols: list[Any] = []
        for position in positions:
            new = isinstance(position, s.Name) and not scope.knows(position.name)
            symbols.append(sp.Symbol(position.name, integer=True) if new else None)  # type: ignore[attr-defined]
        indices = tuple((x, n) for x, n in zip(symbols, axes, strict=True) if x is not None)
        if len(indices) == len(axes) and len({x for x, _ in indices}) == len(axes):
            return target, indices
        scope = scope.with_indices([x for x, _ in indices])
        array = symbol_of(name, target)
        given = [
            x if x is not None else scope.build(p) for x, p in zip(symbols, positions, strict=True)
        ]
        if len(array.shape) == 2 and len(given) == 1:
            given = [0, *given] if array.shape[0] == 1 else [*given, 0]
        with pointing(positions[0], scope):
            entry = array[tuple(given)]
            node, found = lift_array(entry, [(x, 0, sp.sympify(n) - 1) for x, n in indices])
        shown = f"{target.name}[{', '.join(part.source.slice(x.at) for x in positions)}]"
        shape = (*found, 1)[:2] if len(found) == 1 else found
        return Target(shown, node, shape, target.symbol, False), indices

    def _claim(self, part: Part, target: Target, left: str, indices: Indices) -> Claim:
        """A right side as a claim; one that holds under a condition only is refused."""
        tree = self.meant_by(part)
        if left and target.symbol is not None and _is_zero(tree):
            self._check_zero(part, target)
        condition = condition_behind(tree, self.knows)
        found = self._by_slopes(tree, part, target, left, indices)
        if (condition is None and not part.conditional) or _is_right(found):
            return found
        if condition is not None:
            found = self._by_slopes(condition, part, target, left, indices)
            if _is_right(found):
                return found
        raise part.source.error(
            part.tree.at,
            "this is said to hold under a condition only, which is not read; write one formula for "
            "all entries, such as p[j] (1[j = k] − p[k]).",
        )

    def _check_zero(self, part: Part, target: Target) -> None:
        """Refuse ``∂L/∂w = 0`` of a gradient that is not 0 everywhere: it is set to zero there."""
        if compare(g.const(0, target.node.shape), target.node).equal:
            return
        raise part.source.error(
            part.tree.at,
            f"{target.name} {NOT_ZERO}, say first what it is, as in {target.name} = …, and then "
            "… = 0 ⇒ w = ….",
        )

    def _by_slopes(
        self, tree: s.Expr, part: Part, target: Target, left: str, indices: Indices
    ) -> Claim:
        """A claim with h' as h′(z), unless it is known to be wrong so."""
        other = with_slopes(tree, self.truth, self.own)
        if other is None:
            return self._claim_of(tree, part, target, left, indices)
        try:
            slopes = self._claim_of(other, part, target, left, indices)
        except ParseError:  # the rows are what is meant, and their errors are the ones to show
            return self._claim_of(tree, part, target, left, indices)
        equal = _is_right(slopes)
        if equal:
            return slopes
        rows = self._claim_of(tree, part, target, left, indices)
        return slopes if equal is None and not has_shape(rows) else rows

    def _claim_of(
        self, tree: s.Expr, part: Part, target: Target, left: str, indices: Indices
    ) -> Claim:
        scope = self.scope(part)
        claim = Claim(
            part.text.strip(), target, None, target.shape, None, part.number, left, tree=tree,
            scope=scope, indices=indices,
        )  # fmt: skip
        free = free_indices(tree, scope.knows, {x.name for x, _ in indices})
        if free:
            error = scope.error(
                free[0],
                f"{free[0].name} is an index here that the left side does not have, and nothing "
                "sums over it.",
            )
            return replace(claim, error=error, free=tuple(dict.fromkeys(x.name for x in free)))
        try:
            value, node, tree = self._read(tree, scope, indices, target.shape)
        except ParseError as error:
            if isinstance(error.__cause__, ShapeError):
                return replace(claim, error=error)
            raise
        claim = replace(claim, tree=tree, regrouped=tree is not claim.tree)
        shape = target.shape if indices else shape_of(value)
        if shape == () and target.shape and value == 0:
            node, shape = g.const(0, target.node.shape), target.shape
        return replace(claim, node=node, shape=shape, value=value)


def has_shape(claim: Claim) -> bool:
    """Whether a claim has the shape of what it is about."""
    due = tuple(map(dim, claim.target.shape))
    return claim.node is not None and tuple(map(dim, claim.shape)) == (
        () if all(n == 1 for n in due) else due
    )


def _is_zero(tree: s.Expr) -> bool:
    return isinstance(tree, s.Number) and float(tree.text) == 0


def _is_right(claim: Claim) -> bool | None:
    if claim.node is None or not has_shape(claim):
        return False
    return compare(claim.node, claim.target.node).equal
