"""First order: ``sg.gradient``.

The shape of each result is its symbol's (denominator layout). Everything in ``wrt`` varies by
itself: a named value is cut off from what it is made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad import graph as g
from symgrad.facts import is_free
from symgrad.functions import as_expression
from symgrad.graph import Kind, Node
from symgrad.reverse import adjoint_name, adjoints
from symgrad.show.derivation import Derivation
from symgrad.show.stages import Goal, Spelling, Stages
from symgrad.subject import Subject, symbols_of, variable
from symgrad.symbols import as_matrix


def gradient(loss: Any, wrt: Any) -> Derivation:
    """The gradient of a scalar ``loss`` with respect to a symbol or a list of symbols.

    A symbol is a leaf (``Symbol``, ``MatrixSymbol``, ``sg.simplex``) or a named value
    (``sg.let``), whose adjoint then has a line that the later lines refer to: with every named
    value in the list, the lines are the messages of backpropagation. ``d[symbol]`` has the
    symbol's shape. Raises ShapeError for a loss that is not a
    scalar and DerivativeError for a symbol that is not in the loss.
    """
    subject = Subject(as_expression(loss), symbols_of(wrt)).scalar()
    stages = Stages(subject)
    raw, asked = _raw_gradients(subject)
    goals = first_order(subject)
    stages.add([subject.value], raw, goals, adjoint_line(subject), asked=asked)
    return Derivation("gradient", stages, results_of(subject.wrt, goals))


def results_of(keys: Sequence[Any], goals: Sequence[Goal]) -> dict[Any, str]:
    """The left-hand side of each key's line."""
    return {key: goal.names[0] for key, goal in zip(keys, goals, strict=True)}


def first_order(subject: Subject) -> list[Goal]:
    """The lines ∂L/∂w."""
    targets = subject.rewriter(subject.variables)
    return [
        Goal((f"∂{subject.name}/∂{w}",), shape_of(w), target)
        for w, target in zip(subject.wrt, targets, strict=True)
    ]


def adjoint_line(subject: Subject) -> Spelling:
    """δ2 = ∂L/∂z2."""
    return lambda forward, name: (name, f"∂{subject.name}/∂{forward.name}")


def shape_of(symbol: Any) -> tuple[Any, ...]:
    """The SymPy shape that a gradient by ``symbol`` has; () for a scalar."""
    if isinstance(symbol, sp.IndexedBase):
        symbol = as_matrix(symbol)
    return tuple(symbol.shape) if isinstance(symbol, MatrixExpr | sp.IndexedBase) else ()


def _raw_gradients(subject: Subject) -> tuple[list[Node], list[Node]]:
    """∂loss/∂target for each target, raw, and the named values whose adjoints are such results.

    One sweep gives the derivatives by all leaves without facts and by the named values that the
    loss depends on just as it was declared. Any other target needs a sweep of its own, in a graph
    where it is a variable, because that graph is another one.
    """
    swept = {t: t for t in subject.targets if t.kind is Kind.LEAF and is_free(t)}
    asked: list[Node] = []
    cuts: dict[Node, _Cut] = {}
    for target in subject.targets:
        if target not in swept:
            cut = cuts[target] = _Cut(subject, target)
            if cut.is_passed:
                swept[target] = cut.normal
                asked.append(cut.normal)
    found = adjoints(subject.value, list(swept.values())) if swept else {}
    raw = [
        found.get(swept[t], g.const(0, t.shape)) if t in swept else cuts[t].gradient()
        for t in subject.targets
    ]
    return raw, asked


class _Cut:
    """The loss as a function of a value below it, ``target``, which is varied by itself."""

    def __init__(self, subject: Subject, target: Node) -> None:
        self.subject, self.target = subject, target
        self.leaf = variable(target)
        rewriter = subject.rewriter
        (self.root,) = rewriter(g.substitute([subject.root], {target: self.leaf}))
        (self.normal,) = rewriter([target])

    @property
    def is_passed(self) -> bool:
        """Whether the whole derivative passes the value in the stable form of the loss, too.

        It does not where a recognised primitive bypasses the value, as log softmax does p; and a
        row's adjoint, which is a column, is no gradient by it.
        """
        if self.target.kind is not Kind.NAMED or self.target.is_row:
            return False
        swap = {self.normal: self.leaf}
        return self.subject.rewriter(g.substitute([self.subject.value], swap)) == [self.root]

    def gradient(self) -> Node:
        """∂loss/∂target, raw, the target put back."""
        named = [n for n in g.topological([self.root]) if n.kind is Kind.NAMED]
        back = self.subject.rewriter(g.substitute(named, {self.leaf: self.normal}))
        original = dict(zip(named, back, strict=True))
        sweep = adjoints(self.root, [self.leaf], name=lambda n: adjoint_name(original[n]))
        result = sweep.get(self.leaf, g.const(0, self.target.shape))
        return g.substitute([result], {self.leaf: self.normal})[0]
