"""Claims: what somebody says that a value is, read in the scope of a loss.

Why it exists: a claim comes as SymPy, as text, as LaTeX or as several lines that build on each
other. Whatever it was, what comes out is a `Claim`: a left side whose true value is known, and the
graph of the right side. One whose shapes do not fit keeps its syntax tree, because what was meant
can be found from it. Text is parsed and never evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sympy as sp

import symgrad.language.arithmetic as a
import symgrad.language.syntax as s
from symgrad import graph as g
from symgrad.declare import named_symbol
from symgrad.errors import DeclarationError, ParseError, ShapeError, SymgradError, UnsupportedError
from symgrad.functions import as_expression, onehot
from symgrad.graph import Node
from symgrad.language.names import canonical
from symgrad.language.scope import Scope
from symgrad.language.tex.rules import fitted_to, is_known
from symgrad.lift import lift, lift_array
from symgrad.show.text import formula
from symgrad.symbols import ARRAYS, LabelSymbol, as_matrix
from symgrad.verification.chain_rule import slope
from symgrad.verification.names import ONE, SLOPE, Target, Truth

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
        return built(tree, self.scope, self.indices, self.target.shape)[1]


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
        if name.endswith(SLOPE):
            found = slope(name.removesuffix(SLOPE), self.truth)
            if found is None:
                raise KeyError(name)
            return symbol_of(found.name, found)
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
        if name.endswith(SLOPE):
            return slope(name.removesuffix(SLOPE), self.truth) is not None
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


def turned_over(node: Node) -> Node:
    """The transpose; a vector has one axis and is its own."""
    return g.product([(node, (1, 0))], node.shape[::-1]) if node.rank == 2 else node


def shape_of(value: Any) -> tuple[Any, ...]:
    """The SymPy shape of a value, () for a scalar or a 1×1 matrix."""
    shape = a.shape(value)
    return () if all(n == 1 for n in shape) else shape


@contextmanager
def pointing(tree: s.Expr, scope: Scope) -> Iterator[None]:
    """What goes wrong inside comes out as an error that points at a tree."""
    try:
        yield
    except ParseError:
        raise
    except SymgradError as error:
        raise scope.error(tree, str(error)) from error


def built(
    tree: s.Expr, scope: Scope, indices: Indices, due: tuple[Any, ...] = ()
) -> tuple[Any, Node]:
    """The value of a right side and its graph; with indices, of the array of all entries.

    An identity of no size of its own has that of the left side, which is ``due``.
    """
    with pointing(tree, scope):
        if not indices:
            value = fitted_to(scope.build(tree), due)
            if not isinstance(value, sp.Expr | ARRAYS[0] | ARRAYS[1]):
                raise UnsupportedError("this is no value; a claim is a number, a vector, an array.")
            return value, _sized(lift(value))
        value = entry_value(tree, scope, [x for x, _ in indices])
        return value, lift_array(value, [(x, 0, sp.sympify(n) - 1) for x, n in indices])[0]


def _sized(node: Node) -> Node:
    """The node; UnsupportedError where it has an identity in it that fits nothing."""
    for x in g.topological([node]):
        constants = (x.value,) if x.kind is g.Kind.CONST else ()
        if not all(map(is_known, (*x.shape, *constants))):
            raise UnsupportedError(
                "how large the identity is here does not follow; write its size, as in eye(n)."
            )
    return node


def entry_value(tree: s.Expr, scope: Scope, indices: Sequence[sp.Symbol]) -> Any:
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
