"""What is differentiated, and by what: checked, named and brought to its stable form.

Why it exists: every kind of derivation starts alike. The declaration is lifted, given a name if it
has none, each symbol is found in it or refused with a sentence, and primitives are recognised
before anything is differentiated.

**Variables.** A symbol to differentiate by is a leaf of the graph, or is made one. A named value
becomes a leaf, because a recognised primitive may bypass it (∂L/∂p of log softmax). So does a leaf
with facts: Σy = 1 holds at y and not around it, so no rule may use it before the last derivative
is taken. `Subject.restored` puts both back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp

from symgrad import graph as g
from symgrad.delta_rules import DELTA_RULES
from symgrad.domain import warn_of_logarithms
from symgrad.errors import DerivativeError, ShapeError
from symgrad.facts import is_free
from symgrad.functions import as_expression
from symgrad.graph import Kind, Node
from symgrad.lift import leaves_by_name, lift
from symgrad.listing import shape_text
from symgrad.order import evaluated_among
from symgrad.recognise import FORWARD
from symgrad.rewrite import Rewriter
from symgrad.simplify import fold_names
from symgrad.symbols import LabelSymbol, Opaque


class Subject:
    """A declared value and the symbols to differentiate it by.

    ``root`` is the value under its name, as declared, and ``declared`` the named values below it;
    ``value`` and ``known`` are their stable forms, in which each of ``variables`` is a leaf where
    ``cut`` asks for it. ``beside`` are further values, such as directions, that stay as they are.
    """

    def __init__(
        self,
        expr: Any,
        wrt: Sequence[Any],
        kind: str = "loss",
        cut: bool = False,
        beside: Sequence[Node] = (),
    ) -> None:
        root = lift(expr)
        leaves_by_name([root, *beside])
        self.expr, self.kind = expr, kind
        self.wrt = tuple(wrt)
        if root.kind is not Kind.NAMED:
            warn_of_logarithms(root)
        self.root = root if root.kind is Kind.NAMED else g.named(_free_name(root, kind), root)
        named = [n for n in g.topological([self.root, *beside]) if n.kind is Kind.NAMED]
        self.declared = evaluated_among([self.root, *beside], named)
        below = set(g.topological([self.root]))
        self.targets = [_target(w, below, kind) for w in self.wrt]
        self.rewriter = Rewriter((*FORWARD, *DELTA_RULES))
        self._back = {}
        if cut:
            self._back = {variable(t): t for t in self.targets if _is_cut(t)}
        self._fresh = {t: v for v, t in self._back.items()}
        self.variables = [self._fresh.get(t, t) for t in self.targets]
        self.value, *self.known = self.stable([self.root, *self.declared])
        self.beside = self.rewriter(beside)

    @property
    def name(self) -> str:
        """The name of what is differentiated."""
        return self.root.name

    def scalar(self) -> Subject:
        """Itself, if its value is a scalar; else ShapeError."""
        if self.root.shape:
            raise ShapeError(
                f"the loss {self.expr} has shape {shape_text(self.root.shape)}; expected a "
                "scalar. Reduce it with sg.sum, sg.dot or sg.squared_error."
            )
        return self

    def stable(
        self, nodes: Sequence[Node], variables: Mapping[Node, Node] | None = None
    ) -> list[Node]:
        """The stable forms of declared values, with further nodes turned into ``variables``."""
        return self.rewriter(self.opened(nodes, variables))

    def opened(
        self, nodes: Sequence[Node], variables: Mapping[Node, Node] | None = None
    ) -> list[Node]:
        """Declared values with variables in the place of what they are differentiated by."""
        return g.substitute(nodes, {**self._fresh, **(variables or {})})

    def restored(self, nodes: Sequence[Node]) -> list[Node]:
        """``nodes`` with the variables as the values that they stand for, names put back."""
        found = self.rewriter(g.substitute(list(nodes), self._back))
        return fold_names(found, self.rewriter(self.declared), self.value)


def symbols_of(wrt: Any) -> list[Any]:
    """``wrt`` as a list of SymPy symbols."""
    symbols = list(wrt) if isinstance(wrt, list | tuple | set) else [wrt]
    if not symbols:
        raise DerivativeError("no symbols to differentiate by were given; pass at least one.")
    return [as_expression(s) for s in symbols]


def variable(target: Node) -> Node:
    """A leaf without facts in the place of ``target``, under its name."""
    return g.leaf(target.name, target.shape, sp.Symbol(target.name))


def _is_cut(target: Node) -> bool:
    return target.kind is not Kind.LEAF or not is_free(target)


def _target(symbol: Any, below: set[Node], kind: str) -> Node:
    """The node to differentiate by, one of those ``below`` the value."""
    if isinstance(symbol, LabelSymbol):
        raise DerivativeError(
            f"{symbol} is a class label, an integer, so there is no derivative by it; "
            "differentiate by the scores or the parameters."
        )
    if not isinstance(symbol, sp.Symbol | sp.MatrixSymbol | sp.IndexedBase):
        raise DerivativeError(
            f"{symbol} is not a symbol; differentiate by a Symbol, a MatrixSymbol, an IndexedBase "
            "or a value named with sg.let."
        )
    node = lift(symbol)
    if node.kind is Kind.CONST:
        raise DerivativeError(
            f"{symbol} is declared an integer, so it is a dimension and there is no derivative by "
            "it; declare a variable with symbols(..., real=True)."
        )
    if node not in below:
        names = ", ".join(sorted({n.name for n in below if n.kind is Kind.LEAF}))
        what = "named value" if isinstance(symbol, Opaque) and node.kind is Kind.NAMED else "symbol"
        raise DerivativeError(
            f"the {what} {symbol} does not occur in the {kind}; it depends on {names or 'nothing'}."
        )
    return node


def _free_name(root: Node, kind: str) -> str:
    taken = {n.name for n in g.topological([root]) if n.kind in (Kind.LEAF, Kind.NAMED)}
    names = ("L", "loss", "L_", "loss_value") if kind == "loss" else ("f", "value", "f_", "value_")
    return next(x for x in names if x not in taken)
