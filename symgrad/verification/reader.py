"""What a line of work claims: its left side found, and a claim for each of its right sides.

Why it exists: a left side is a gradient, a value, an entry, a name of one's own, ∂p/∂z, h′, a
differential dL, or a formula. Each is about something else, and what it is about is decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

import symgrad.language.syntax as s
from symgrad.errors import ParseError
from symgrad.language.scope import Scope
from symgrad.lift import lift, lift_array
from symgrad.verification.chain_rule import (
    differential,
    directions,
    entrywise,
    is_below,
    partial,
    slope,
)
from symgrad.verification.claim_rules import at_their_arguments, unknown_derivative
from symgrad.verification.claims import (
    Claim,
    Indices,
    entry_value,
    pointing,
    symbol_of,
    turned_over,
)
from symgrad.verification.equality import compare
from symgrad.verification.habits import parts_of
from symgrad.verification.indices import free_indices, names_in, run_of
from symgrad.verification.names import SLOPE, Target
from symgrad.verification.sides import Sides, has_shape
from symgrad.verification.spellings import Partial
from symgrad.verification.work import Line, Part

Parts = Sequence[Part]


@dataclass
class Reader(Sides):
    """Reads the lines of one piece of work."""

    def claims(self, given: Line, target: Target | None = None) -> list[Claim]:
        """The claims of one equation, one for each right side.

        ``target`` is what a line without a left side is about. Raises ParseError for what cannot
        be read, a name that nobody knows among it.
        """
        return self.claims_of(_unstacked(given.read(self.names)), target)

    def claims_of(self, line: Parts, target: Target | None = None) -> list[Claim]:
        """The claims of the sides of an equation."""
        left = self._left(line)
        about = self._about(line, left)
        if about is not None:
            return about
        if left is None and len(line) == 1:
            if target is None:
                raise line[0].source.error(
                    line[0].tree.at,
                    "this has no left side, so it is not clear what it is; begin it with, for "
                    "example, dL/dW = …, or say what it is the gradient of.",
                )
            return [self._claim(line[0], target, "", ())]
        if left is None:
            return self._equation(line, target)
        found = self._known(line, left)
        if found is None:
            if words := unknown_derivative(left.name, self.truth):
                raise line[0].source.error(line[0].tree.at, words)
            return self._definition(line, self._with_indices(line, left))
        row = self._is_row(line, left, found)
        positions, turned = left.positions, left.turned or row
        target, indices = self._indexed(found, left.name, positions, line[0], turned)
        if row:  # δ = ∂L/∂zᵀ, and δ is a row from here on
            self.own[left.name] = symbol_of(left.name, target)
        claims = self._claims(line, target, indices)
        if self.truth.target(left.name) is None and claims and claims[-1].node is not None:
            own = Target(left.name, claims[-1].node, found.shape, None, False)
            self.own[left.name] = symbol_of(left.name, own)
        return claims

    def _is_row(self, line: Parts, left: _Left, found: Target) -> bool:
        """Whether a line says that a name of a gradient is its transpose: δ = ∂L/∂zᵀ = …"""
        if left.turned or left.positions or found.symbol is None or len(found.shape) != 2:
            return False
        for part in line[1:]:
            base, suffixes = parts_of(self.meant_by(part))
            turned = len(suffixes) == 1 and isinstance(suffixes[0], s.Transposition)
            if turned and isinstance(base, s.Name) and base.name != left.name:
                other = self.truth.target(base.name)
                if other is not None and other.key == found.key:
                    return True
        return False

    def _claims(self, line: Parts, target: Target, indices: Indices = ()) -> list[Claim]:
        """A claim for each right side; a product of ∂a/∂b that cannot be read says nothing."""
        found: list[Claim] = []
        errors: list[ParseError] = []
        for part in line[1:]:
            try:
                found.append(self._claim(part, target, line[0].text.strip(), indices))
            except ParseError as error:
                if not _has_partial(self.meant_by(part)):
                    raise
                errors.append(error)
        if errors and not found:
            raise errors[0]
        return found

    def named_claims(self, line: Line, target: Target) -> list[Claim]:
        """The right sides of a line as claims about ``target``, whatever it is called there."""
        parts = line.read(self.names)
        return [self._claim(part, target, target.name, ()) for part in parts[1:] or parts]

    def _left(self, line: Parts) -> _Left | None:
        """The left side, where it is a name, perhaps with positions."""
        if len(line) < 2:
            return None
        tree = self.meant_by(line[0])
        if isinstance(tree, s.Chain):  # h'(z)
            tree = run_of(list(at_their_arguments(tree.links, self.truth, self.own)))
        base, suffixes = (
            (tree.base, list(tree.suffixes)) if isinstance(tree, s.Item) else (tree, [])
        )
        while isinstance(base, s.Arguments) and len(base.positional) == 1 and suffixes:
            base = base.positional[0]  # (δ)_k
        if not isinstance(base, s.Name):
            return None
        positions: tuple[s.Expr, ...] = ()
        if suffixes and isinstance(suffixes[0], s.Positions):
            positions = suffixes.pop(0).positions  # type: ignore[attr-defined]
        turned = len(suffixes) == 1 and isinstance(suffixes[0], s.Transposition)
        if suffixes and not turned:
            return None
        if base.name in self.truth.leaves:
            return None
        return _Left(base.name, positions, turned)

    def _known(self, line: Parts, left: _Left) -> Target | None:
        """The true value of a left side; of a name of the reader's own, what it is set equal to."""
        found = self.truth.target(left.name)
        for part in line[1:]:
            if found is None and not left.positions:
                tree = self.meant_by(part)
                found = self.truth.target(tree.name) if isinstance(tree, s.Name) else None
                if found is not None and found.symbol is None:
                    found = None  # a = h is another name, and says nothing
        return found

    def _with_indices(self, line: Parts, left: _Left) -> _Left:
        """``g_k = …`` as g[k] = …, where the right side has an index k that it does not bind."""
        base, _, letters = left.name.rpartition("_")
        tree, scope = self.meant_by(line[1]), self.scope(line[1])
        free = {x.name for x in free_indices(tree, scope.knows, set())}
        if left.positions or not base or not set(letters) <= free:
            return left
        names = tuple(s.Name(line[0].tree.at, 1, x) for x in letters)
        return replace(left, name=base, positions=names)

    def _equation(self, line: Parts, target: Target | None) -> list[Claim]:
        """An equation whose left side is a formula: all sides are the target, or are that side."""
        if target is not None:
            found = [self._claim(part, target, target.name, ()) for part in line]
            if found[0].node is not None and found[0].node.shape == target.node.shape:
                return found
        try:
            node, shape = self._value(line[0], ())
        except ParseError:
            if len(line) < 3 or not _has_partial(self.meant_by(line[0])):
                raise
            return self.claims_of(line[1:], target)  # what the others say can be read
        about = Target(line[0].text.strip(), node, shape, None, False)
        return self._claims(line, about)

    def _definition(self, line: Parts, left: _Left) -> list[Claim]:
        """A name of the reader's own: nothing can be said of its first value, only of others."""
        first = line[1]
        indices: Indices = ()
        scope = self.scope(first)
        if left.positions:
            symbols = [_index(x, line[0], scope) for x in left.positions]
            tree = self.meant_by(first)
            with pointing(tree, scope):
                node, axes = lift_array(entry_value(tree, scope, symbols), symbols)
            shape = axes if len(axes) != 1 else (*axes, 1)
            indices = tuple(zip(symbols, axes, strict=True))
        else:
            node, shape = self._value(first, ())
        about = Target(left.name, node, shape, None, False)
        self.own[left.name] = symbol_of(left.name, about)
        return [self._claim(part, about, left.name, indices) for part in line[2:]]

    # ---------------------------------------------- derivatives of other values than the loss

    def _about(self, line: Parts, left: _Left | None) -> list[Claim] | None:
        """Claims about ∂p/∂z, h′ and dL = … dz; None where a line is about none of these."""
        if len(line) < 2:
            return None
        tree = self.meant_by(line[0])
        base, suffixes = (tree.base, tree.suffixes) if isinstance(tree, s.Item) else (tree, ())
        if isinstance(base, Partial):
            return self._of_partial(line, base, suffixes)
        if left is None or left.name in self.own or (left.positions and not left.turned):
            return None
        return self._primed(line, left) if left.turned else self._differential(line, left)

    def _of_partial(
        self, line: Parts, base: Partial, suffixes: tuple[s.Suffix, ...]
    ) -> list[Claim] | None:
        """``∂p/∂z = diag(p) − p pᵀ``, in either layout, and by entries."""
        with pointing(line[0].tree, self.scope(line[0])):
            whole = partial(base.above, base.below, self.truth)
        if suffixes and isinstance(suffixes[0], s.Positions) and len(suffixes) == 1:
            positions = suffixes[0].positions
            target, indices = self._indexed(whole, whole.name, positions, line[0], False)
            return self._claims(line, target, indices)
        if suffixes and not all(isinstance(x, s.Transposition) for x in suffixes):
            return None
        if whole.node.rank > 2:
            raise line[0].source.error(
                line[0].tree.at,
                f"{whole.name} has {whole.node.rank} axes; write its entries, or multiply it "
                "with the derivative of the loss.",
            )
        each = entrywise(base.above, base.below, self.truth)
        ranks = [lift(self.truth.value(x)).rank for x in (base.above, base.below)]
        choices = [whole]
        if ranks == [1, 1]:
            sizes = whole.shape[::-1]
            choices.append(Target(f"({whole.name})ᵀ", turned_over(whole.node), sizes, None, False))
            choices += [each] if each is not None else []
        return [self._one_of(choices, part, line[0].text.strip()) for part in line[1:]]

    def _one_of(self, targets: Sequence[Target], part: Part, left: str) -> Claim:
        """A claim about the first of several meanings of its left side that it has right."""
        claims = [self._claim(part, x, left, ()) for x in targets]
        fits = [x for x in claims if has_shape(x)]
        right = next((x for x in fits if compare(x.node, x.target.node).equal), None)  # type: ignore[arg-type]
        return right or (fits or claims)[0]

    def _primed(self, line: Parts, left: _Left) -> list[Claim] | None:
        """``h' = 1 − h²``, where h' is f′(z) of h = f(z), and no row."""
        target = self.truth.target(left.name)
        each = slope(left.name, self.truth) if target and target.symbol is None else None
        if left.positions and each is None and target is not None and target.symbol is None:
            raise line[0].source.error(
                line[0].tree.at,
                f"it is not clear by what {left.name} is differentiated here; write that too, as "
                f"in d{left.name}[k]/dz[j] = ….",
            )
        if target is None or each is None:
            return None
        if left.positions:  # h_k' = 1 - h_k^2
            name = left.name + SLOPE
            entries, indices = self._indexed(each, name, left.positions, line[0], False)
            return self._claims(line, entries, indices)
        row, _ = self._indexed(target, left.name, (), line[0], True)
        return [self._one_of([row, each], part, line[0].text.strip()) for part in line[1:]]

    def _differential(self, line: Parts, left: _Left) -> list[Claim] | None:
        """``dL = (p − y)ᵀ dz``: the change of a value that changes of others make."""
        name, trees = left.name[1:], [self.meant_by(part) for part in line[1:]]
        value = self.truth.value(name)
        if left.name[0] != "d" or value is None or self.truth.value(left.name) is not None:
            return None
        used = {x.name for tree in trees for x in names_in(tree)} - {left.name, *self.own}
        by = directions(used, self.truth)
        if not by or not is_below(value, by.values()):
            return None
        target = self.truth.target(left.name)
        if target is not None and not self.truth.is_loss(name):
            claims = [self._claim(part, target, line[0].text.strip(), ()) for part in line[1:]]
            if any(has_shape(x) and compare(x.node, x.target.node).equal for x in claims):  # type: ignore[arg-type]
                return claims  # names of gradients: dz2 = db2
        with pointing(line[0].tree, self.scope(line[0])):
            change, symbols = differential(name, by, self.truth)
        kept, self.own = self.own, {**self.own, **symbols}
        try:
            return self._claims(line, change)
        finally:
            self.own = kept


def _unstacked(line: Parts) -> Parts:
    """``vec(A) = vec(B)`` as A = B."""
    inner = [_of_vec(part.tree) for part in line]
    if not any(inner):
        return line
    for part, x in zip(line, inner, strict=True):
        if x is None:
            raise part.source.error(
                part.tree.at,
                "vec(…) is read where it is on both sides of an equation, vec(A) = vec(B); write "
                "the matrix itself.",
            )
    return [replace(part, tree=x) for part, x in zip(line, inner, strict=True) if x is not None]


def _of_vec(tree: s.Expr) -> s.Expr | None:
    """The argument of ``vec(…)``; None for anything else."""
    if not isinstance(tree, s.Chain) or len(tree.links) != 2:
        return None
    head, argument = (x.item for x in tree.links)
    if not (isinstance(head, s.Name) and head.name == "vec" and isinstance(argument, s.Arguments)):
        return None
    return argument.positional[0] if len(argument.positional) == 1 else None


def _has_partial(tree: Any) -> bool:
    """Whether ∂a/∂b stands in a tree."""
    if isinstance(tree, tuple):
        return any(map(_has_partial, tree))
    if isinstance(tree, Partial):
        return True
    return isinstance(tree, s.Node | s.Link) and any(map(_has_partial, vars(tree).values()))


@dataclass(frozen=True)
class _Left:
    name: str
    positions: tuple[s.Expr, ...]
    turned: bool


def _index(position: s.Expr, part: Part, scope: Scope) -> sp.Symbol:
    if not isinstance(position, s.Name) or scope.knows(position.name):
        raise part.source.error(
            position.at, "a definition by entries has a new index here, as in a[k] = …"
        )
    return sp.Symbol(position.name, integer=True)
