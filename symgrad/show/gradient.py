"""First order: ``sg.gradient``.

The shape of each result is its symbol's (denominator layout). Everything in ``wrt`` varies by
itself: a named value is cut off from what it is made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad import graph as g
from symgrad.declare import named_symbol
from symgrad.facts import is_free
from symgrad.functions import as_expression
from symgrad.graph import Kind, Node
from symgrad.reverse import Trail, adjoints
from symgrad.show.cuts import Cuts
from symgrad.show.derivation import Derivation
from symgrad.show.stages import Goal, Spelling, Stages
from symgrad.subject import Subject, symbols_of
from symgrad.symbols import as_matrix


def gradient(loss: Any, wrt: Any, *, messages: bool = False) -> Derivation:
    """The gradient of a scalar ``loss`` with respect to a symbol or a list of symbols.

    A symbol is a leaf (``Symbol``, ``MatrixSymbol``, ``sg.simplex``) or a named value
    (``sg.let``), whose adjoint then has a line that the later lines refer to. With ``messages``
    every named value between the loss and the symbols gets one, which are the messages of
    backpropagation; a value that the stable form bypasses, as it does p of −log p, sends none.
    ``d[symbol]`` has the symbol's shape. Raises ShapeError for a loss that is not a scalar and
    DerivativeError for a symbol that is not in the loss.
    """
    expr, symbols = as_expression(loss), symbols_of(wrt)
    subject = Subject(expr, symbols).scalar()
    if messages:
        subject = Subject(expr, [*symbols, *_senders(subject)])
    stages = Stages(subject)
    raw, asked, apart = _raw_gradients(subject)
    goals = first_order(subject)
    line, again = adjoint_line(subject), partial(_raw_results, subject)
    stages.add([subject.value], raw, goals, line, asked=asked, again=again, apart=apart)
    asked_for = len(symbols)
    return Derivation("gradient", stages, results_of(symbols, goals[:asked_for]))


def _senders(subject: Subject) -> list[Any]:
    """The named values whose adjoints backpropagation computes on its way to the targets."""
    below = set(subject.targets)
    values = []
    for node in g.topological([subject.root]):
        if any(arg in below for arg in node.args):
            below.add(node)
            if node.kind is Kind.NAMED and node not in (subject.root, *subject.targets):
                values.append(node)
    reached = adjoints(subject.value, [x for x in g.leaves([subject.value]) if is_free(x)])
    cuts = Cuts(subject)
    return [named_symbol(x) for x in values if cuts.at(x).normal in reached and cuts.is_whole(x)]


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


def _raw_results(subject: Subject, trail: Trail) -> list[Node]:
    """The raw gradients, with a trail of the sweeps."""
    return _raw_gradients(subject, trail)[0]


def _raw_gradients(
    subject: Subject, trail: Trail | None = None
) -> tuple[list[Node], list[Node], dict[Node, tuple[Node, Node]]]:
    """∂loss/∂target for each target, raw, and the named values whose adjoints are such results.

    Further, for each target that was varied in a graph of its own, the leaf there, and the graph.

    One sweep gives the derivatives by all leaves without facts and by the named values that the
    loss depends on just as it was declared. Any other target needs a sweep of its own, in a graph
    where it is a variable, because that graph is another one.
    """
    swept = {t: t for t in subject.targets if t.kind is Kind.LEAF and is_free(t)}
    asked: list[Node] = []
    cuts = Cuts(subject)
    for target in subject.targets:
        if target not in swept and cuts.is_passed(target):
            swept[target] = cuts.at(target).normal
            asked.append(swept[target])
    found = adjoints(subject.value, list(swept.values()), trail=trail) if swept else {}
    raw = [
        found.get(swept[t], g.const(0, t.shape)) if t in swept else cuts.at(t).gradient(trail)
        for t in subject.targets
    ]
    others = [cuts.at(t) for t in subject.targets if t not in swept]
    apart = {cut.normal: (cut.leaf, cut.root) for cut in others}
    return raw, asked, apart
