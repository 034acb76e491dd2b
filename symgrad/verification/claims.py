"""Claims: what somebody says that a value is, read in the scope of a loss.

Why it exists: a claim comes as SymPy, as text, as LaTeX or as several lines that build on each
other. Whatever it was, what comes out is a `Claim`: a left side whose true value is known, and the
graph of the right side. One whose shapes do not fit keeps its syntax tree, because what was meant
can be found from it. Text is parsed and never evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import sympy as sp

import symgrad.language.arithmetic as a
import symgrad.language.syntax as s
from symgrad import graph as g
from symgrad.declare import named_symbol
from symgrad.errors import DeclarationError, ParseError, ShapeError, SymgradError, UnsupportedError
from symgrad.functions import as_expression, onehot
from symgrad.graph import Node, dim
from symgrad.language.names import canonical
from symgrad.language.scope import Scope
from symgrad.lift import lift, lift_array
from symgrad.show.text import formula
from symgrad.symbols import ARRAYS, LabelSymbol, as_matrix
from symgrad.verification.names import ONE, Target, Truth
from symgrad.verification.spellings import CLAIM_RULES, free_indices, left_to_right, meant
from symgrad.verification.work import Line, Part

Parts = Sequence[Part]

Indices = tuple[tuple[sp.Symbol, Any], ...]
"""The free indices of a left side such as dL/dW[j, k], each with its range."""


@dataclass(frozen=True)
class Claim:
    """One equation: ``target`` has the true value, ``node`` is the graph of what is claimed.

    ``shape`` is the claim's SymPy shape. Where the shapes of its parts do not fit, ``node`` is
    None and ``error`` says why; where it has indices that the left side has not, these are
    ``free``. ``text`` is what was typed, ``number`` its line, and ``tree`` its syntax, None for a
    claim in SymPy; `node_of` builds another tree in the same scope. ``regrouped`` says that a ⊙ b c
    was read as (a ⊙ b) c, because a ⊙ (b c) does not fit.
    """

    text: str
    target: Target
    node: Node | None
    shape: tuple[Any, ...]
    value: Any = None
    number: int = 1
    left: str = ""
    regrouped: bool = False
    error: ParseError | None = None
    free: tuple[str, ...] = ()
    tree: s.Expr | None = None
    scope: Scope | None = None
    indices: Indices = ()

    def node_of(self, tree: s.Expr) -> Node:
        """The graph of another right side, in this claim's scope; raises SymgradError."""
        assert self.scope is not None
        return _built(tree, self.scope, self.indices)[1]


class Names(Mapping[str, Any]):
    """What a name stands for in a claim: the reader's own, the loss's, and gradients by name.

    ``instead`` are values that the reader has computed otherwise, by the key of the true one.
    """

    def __init__(self, truth: Truth, own: Mapping[str, Any], instead: Mapping[Any, Any]) -> None:
        self.truth, self.own, self.instead = truth, own, instead
        self._adjoints: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name in self.own:
            return self.own[name]
        if name.startswith(f"{ONE}_"):
            return self._indicator(name)
        target = self.truth.target(name)
        if target is not None and target.key in self.instead:
            return self.instead[target.key]
        found = self.truth.value(name)
        if found is None and target is not None:
            if name not in self._adjoints:
                self._adjoints[name] = symbol_of(name, target)
            found = self._adjoints[name]
        if found is None:
            raise KeyError(name)
        return found

    def _indicator(self, name: str) -> Any:
        """1_y of a class label y: the vector that is 1 at y."""
        label = self.truth.value(name[len(ONE) + 1 :])
        if not isinstance(label, LabelSymbol):
            raise KeyError(name)
        return onehot(label, label.classes)

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        if name.startswith(f"{ONE}_"):
            return isinstance(self.truth.value(name[len(ONE) + 1 :]), LabelSymbol)
        known = name in self.own or self.truth.value(name) is not None
        return known or self.truth.target(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @property
    def _all(self) -> dict[str, Any]:
        """With the names that the derivation gives to adjoints: δ_z,k in LaTeX needs them."""
        return {**self.truth.adjoints, **self.truth.names, **self.own}


def symbol_of(name: str, target: Target) -> Any:
    """The SymPy symbol of a true value, under the name that it has in a claim."""
    return named_symbol(g.named(name, target.node), target.shape)


@dataclass
class Reader:
    """Reads the lines of one piece of work.

    ``own`` are the names that its lines define, and ``instead`` the values that they give to names
    of the loss and its gradients, where these are not the true ones.
    """

    truth: Truth
    own: dict[str, Any] = field(default_factory=dict)
    instead: dict[Any, Any] = field(default_factory=dict)

    def claims(self, given: Line, target: Target | None = None) -> list[Claim]:
        """The claims of one equation, one for each right side.

        ``target`` is what a line without a left side is about. Raises ParseError for what cannot
        be read, a name that nobody knows among it.
        """
        line = given.read(self.names)
        left = self._left(line)
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
            return self._definition(line, self._with_indices(line, left))
        positions, turned = left.positions, left.turned
        about, indices = self._indexed(found, left.name, positions, line[0], turned)
        return [self._claim(part, about, line[0].text.strip(), indices) for part in line[1:]]

    def named_claim(self, line: Line, target: Target) -> Claim:
        """The last side of a line as a claim about ``target``, whatever its left side is called."""
        part = line.read(self.names)[-1]
        return self._claim(part, target, target.name, ())

    @property
    def names(self) -> Names:
        """What names stand for by now."""
        return Names(self.truth, dict(self.own), dict(self.instead))

    def scope(self, part: Part) -> Scope:
        """What a part is read in."""
        return Scope(part.source, self.names, CLAIM_RULES)

    def value_of(self, name: str) -> Any:
        """What a name stands for already, by the reader or by the loss; None for any other."""
        return self.own.get(name, self.truth.value(name))

    def knows(self, name: str) -> bool:
        """Whether a name stands for something already."""
        return name in self.own or self.truth.value(name) is not None

    # ---------------------------------------------------------------------------- left sides

    def _meant(self, part: Part) -> s.Expr:
        return meant(part.tree, self.truth, self.value_of)

    def _left(self, line: Parts) -> _Left | None:
        """The left side, where it is a name, perhaps with positions."""
        if len(line) < 2:
            return None
        tree = self._meant(line[0])
        base, suffixes = (
            (tree.base, list(tree.suffixes)) if isinstance(tree, s.Item) else (tree, [])
        )
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
                tree = self._meant(part)
                found = self.truth.target(tree.name) if isinstance(tree, s.Name) else None
                if found is not None and found.symbol is None:
                    found = None  # a = h is another name, and says nothing
        return found

    def _with_indices(self, line: Parts, left: _Left) -> _Left:
        """``g_k = …`` as g[k] = …, where the right side has an index k that it does not bind."""
        base, _, letters = left.name.rpartition("_")
        tree, scope = self._meant(line[1]), self.scope(line[1])
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
        value = self._value(line[0], ())
        node, shape = value
        about = Target(line[0].text.strip(), node, shape, None, False)
        return [self._claim(part, about, line[0].text.strip(), ()) for part in line[1:]]

    def _definition(self, line: Parts, left: _Left) -> list[Claim]:
        """A name of the reader's own: nothing can be said of its first value, only of others."""
        first = line[1]
        indices: Indices = ()
        scope = self.scope(first)
        if left.positions:
            symbols = [_index(x, line[0], scope) for x in left.positions]
            tree = self._meant(first)
            with _pointing(tree, scope):
                node, axes = lift_array(_entry_value(tree, scope, symbols), symbols)
            shape = axes if len(axes) != 1 else (*axes, 1)
            indices = tuple(zip(symbols, axes, strict=True))
        else:
            node, shape = self._value(first, ())
        about = Target(left.name, node, shape, None, False)
        self.own[left.name] = symbol_of(left.name, about)
        return [self._claim(part, about, left.name, indices) for part in line[2:]]

    def _value(self, part: Part, indices: Indices) -> tuple[Node, tuple[Any, ...]]:
        value, node, _ = self._read(self._meant(part), self.scope(part), indices)
        return node, shape_of(value)

    def _read(self, tree: s.Expr, scope: Scope, indices: Indices) -> tuple[Any, Node, s.Expr]:
        """A right side; where its shapes do not fit, with ⊙ from left to right, if these do."""
        try:
            return *_built(tree, scope, indices), tree
        except ParseError as error:
            other = left_to_right(tree, self.knows)
            if not isinstance(error.__cause__, ShapeError) or other is None:
                raise
            try:
                return *_built(other, scope, indices), other
            except ParseError:
                raise error from error.__cause__

    def _indexed(
        self, target: Target, name: str, positions: tuple[s.Expr, ...], part: Part, turned: bool
    ) -> tuple[Target, Indices]:
        """What ∂L/∂W[j, k] is about: all entries where its positions are indices, else some."""
        if turned and target.shape:
            turned_node = _turned(target.node)
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
        with _pointing(positions[0], scope):
            entry = array[tuple(given)]
            node, found = lift_array(entry, [(x, 0, sp.sympify(n) - 1) for x, n in indices])
        shown = f"{target.name}[{', '.join(part.source.slice(x.at) for x in positions)}]"
        shape = (*found, 1)[:2] if len(found) == 1 else found
        return Target(shown, node, shape, target.symbol, False), indices

    # --------------------------------------------------------------------------- right sides

    def _claim(self, part: Part, target: Target, left: str, indices: Indices) -> Claim:
        tree, scope = self._meant(part), self.scope(part)
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
            value, node, tree = self._read(tree, scope, indices)
        except ParseError as error:
            if isinstance(error.__cause__, ShapeError):
                return replace(claim, error=error)
            raise
        claim = replace(claim, tree=tree, regrouped=tree is not claim.tree)
        shape = target.shape if indices else shape_of(value)
        if shape == () and target.shape and value == 0:
            node, shape = g.const(0, target.node.shape), target.shape
        return replace(claim, node=node, shape=shape, value=value)


@dataclass(frozen=True)
class _Left:
    name: str
    positions: tuple[s.Expr, ...]
    turned: bool


def _turned(node: Node) -> Node:
    return g.product([(node, (1, 0))], node.shape[::-1]) if node.rank == 2 else node


def _index(position: s.Expr, part: Part, scope: Scope) -> sp.Symbol:
    if not isinstance(position, s.Name) or scope.knows(position.name):
        raise part.source.error(
            position.at, "a definition by entries has a new index here, as in a[k] = …"
        )
    return sp.Symbol(position.name, integer=True)


def shape_of(value: Any) -> tuple[Any, ...]:
    """The SymPy shape of a value, () for a scalar or a 1×1 matrix."""
    shape = a.shape(value)
    return () if all(n == 1 for n in shape) else shape


@contextmanager
def _pointing(tree: s.Expr, scope: Scope) -> Iterator[None]:
    """What goes wrong inside comes out as an error that points at a tree."""
    try:
        yield
    except ParseError:
        raise
    except SymgradError as error:
        raise scope.error(tree, str(error)) from error


def _built(tree: s.Expr, scope: Scope, indices: Indices) -> tuple[Any, Node]:
    """The value of a right side and its graph; with indices, of the array of all entries."""
    with _pointing(tree, scope):
        if not indices:
            value = scope.build(tree)
            if not isinstance(value, sp.Expr | ARRAYS[0] | ARRAYS[1]):
                raise UnsupportedError("this is no value; a claim is a number, a vector, an array.")
            return value, lift(value)
        value = _entry_value(tree, scope, [x for x, _ in indices])
        return value, lift_array(value, [(x, 0, sp.sympify(n) - 1) for x, n in indices])[0]


def _entry_value(tree: s.Expr, scope: Scope, indices: Sequence[sp.Symbol]) -> Any:
    """The value of one entry, a scalar."""
    value = a.scalar_of(scope.with_indices(indices).build(tree))
    if a.shape(value):
        raise ShapeError(
            f"the left side is one entry, and this is {a.described_shape(value)}; index what "
            "stands here, as in x[k]."
        )
    return value


# ------------------------------------------------------------------------------------ in SymPy


def sympy_claim(value: Any, target: Target, truth: Truth) -> Claim:
    """A claim in SymPy: its symbols are the loss's by name, and names of adjoints are known."""
    expr = as_expression(value)
    if isinstance(expr, sp.IndexedBase):
        expr = as_matrix(expr)
    if not isinstance(expr, sp.Expr | ARRAYS[0] | ARRAYS[1]):
        raise UnsupportedError(
            f"the claim {value!r} is of type {type(value).__name__}; expected SymPy, text, LaTeX "
            "or a function of arrays."
        )
    node, shape = lift(expr), shape_of(expr)
    changes: dict[Node, Node] = {}
    for leaf in g.leaves([node]):
        if leaf.name in truth.leaves and lift(truth.leaves[leaf.name]) is leaf:
            continue
        name = canonical(leaf.name)
        known = truth.value(name)
        meant_node = lift(known) if known is not None else None
        if meant_node is None:
            found = truth.target(name)
            meant_node = None if found is None else g.named(name, found.node)
        if meant_node is None or meant_node.shape != leaf.shape:
            raise DeclarationError(
                f"the claim contains {leaf.name}, which is neither in the loss nor the name of a "
                f"gradient of its shape; the loss has {', '.join([*truth.leaves, *truth.forward])}."
            )
        changes[leaf] = meant_node
    (node,) = g.substitute([node], changes) if changes else (node,)
    if shape == () and target.shape and expr == 0:
        node, shape = g.const(0, target.node.shape), target.shape
    return Claim(formula(expr), target, node, shape, expr, left=target.name)
