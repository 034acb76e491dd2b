"""Optimizers, declared as mathematics: one row each.

Why it exists: an update rule is a formula, so it is written as one, over the symbols ``theta`` (a
parameter), ``g`` (its gradient) and ``eta`` (the learning rate). It is lifted onto the graph of a
loss and compiled with it, which is how a target can fold it into the product that computes g.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from symgrad import graph as g
from symgrad.elementwise import expand
from symgrad.graph import Access, Node
from symgrad.show.text import formula

theta, gradient, eta = sp.symbols("theta g eta", real=True)

UPDATES: dict[str, sp.Expr] = {
    "sgd": theta - eta * gradient,
}
"""The new value of a parameter, at every entry; the name is what ``fit(optimizer=…)`` takes."""


def update_formula(optimizer: str) -> str:
    """The new value of θ as text: ``θ − η·∇L``."""
    greek = {theta: sp.Symbol("θ"), eta: sp.Symbol("η"), gradient: sp.Symbol("∇L")}
    return formula(UPDATES[optimizer].xreplace(greek))


def learning_rate_leaf() -> Node:
    """The scalar η as a leaf."""
    return g.leaf("learning_rate", (), sp.Symbol("learning_rate", real=True))


def updated(
    optimizer: str, parameters: Sequence[Node], gradients: Sequence[Node], rate: Node
) -> list[Node]:
    """The new value of each parameter after one step."""
    results = []
    for parameter, slope in zip(parameters, gradients, strict=True):
        axes = tuple(range(parameter.rank))
        operands: dict[sp.Basic, Access] = {
            theta: Access(parameter, axes),
            gradient: Access(slope, axes),
            eta: Access(rate, ()),
        }
        results.append(expand(UPDATES[optimizer], operands.get, parameter.shape))
    return results
