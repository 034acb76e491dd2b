"""What every row of a table of rules has to pass: an example, its meaning, and a sabotaged twin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from interpreter import Interpreter
from oracle import COMPLEX, Net, point
from random_graphs import SIZES, N, graph_symbols
from sympy import MatrixSymbol, Q

import symgrad as sg
from symgrad import graph as g
from symgrad import listing
from symgrad.algebra import scaled
from symgrad.errors import GraphError
from symgrad.graph import Node
from symgrad.rewrite import Rewriter, Rule

Row = tuple[Node, Node]
Wrong = Callable[[Node], Node]

SABOTAGE: dict[str, Wrong] = {
    "negated": lambda node: scaled(-1, node),
    "doubled": lambda node: scaled(2, node),
    "off by one": lambda node: g.add(
        [(1, node, tuple(range(node.rank))), (1, g.const(1), ())], node.shape
    ),
}


FACT_SYMBOLS: dict[str, Any] = {
    "o": sg.assume(MatrixSymbol("o", N, 1), "one-hot"),
    "v": sg.assume(MatrixSymbol("v", N, 1), "unit norm"),
    "w": sg.assume(MatrixSymbol("w", N, 1), Q.positive),
    "S": sg.assume(MatrixSymbol("S", N, N), Q.symmetric),
    "T": sg.assume(MatrixSymbol("T", N, N), Q.positive_definite),
    "D": sg.assume(MatrixSymbol("D", N, N), Q.diagonal),
    "R": sg.assume(MatrixSymbol("R", N, N), Q.orthogonal),
}
"""A leaf for each fact; `graph_symbols` has a simplex and a label."""


def points(seed: int = 0) -> list[Interpreter]:
    """Random points, one in each of `SIZES`."""
    nets = [Net(dims=dims) for dims in SIZES]
    symbols = [*graph_symbols(), *FACT_SYMBOLS.values()]
    return [Interpreter(net, point(symbols, net, seed), COMPLEX) for net in nets]


def preserved(before: Node, after: Node, at: Sequence[Interpreter]) -> bool:
    """Whether two nodes have one value at each of the points."""
    for interpreter in at:
        x, y = interpreter(before), interpreter(after)
        if not np.isfinite(x).all():
            continue  # a random graph may overflow
        if x.shape != y.shape or not np.allclose(x, y, rtol=1e-8, atol=1e-10):
            return False
    return True


def check_row(rule: Rule, rows: Mapping[str, Row]) -> None:
    """The rule fires on its example, makes the expected node of it, and changes no value."""
    assert rule.name in rows, f"the rule {rule.name} has no example in this file's table"
    before, expected = rows[rule.name]
    assert before.kind is rule.kind
    g.validate([before, expected])
    after = rule.apply(before)
    assert after is not None, f"{rule.name} does not fire on {before}"
    g.validate([after])
    assert after is expected, listing.text([after, expected])
    assert preserved(before, after, points())
    (normal,) = Rewriter([rule])([before])
    assert preserved(before, normal, points())


def check_sabotage_is_caught(rule: Rule, rows: Mapping[str, Row], table: Sequence[Rule]) -> None:
    """Value preservation, over the whole table with this one row wrong, notices every sabotage."""
    before, _ = rows[rule.name]
    for name, wrong in SABOTAGE.items():
        fired = 0

        def apply(node: Node, wrong: Wrong = wrong) -> Node | None:
            nonlocal fired
            result = rule.apply(node)
            if result is None or fired:
                return result
            fired += 1  # once only: a rule that is wrong for ever would not terminate
            return wrong(result)

        sabotaged = rule._replace(apply=apply)
        others = [r for r in table if r.name != rule.name]
        assert len(others) == len(table) - 1
        try:
            (after,) = Rewriter([sabotaged, *others])([before])
        except GraphError:
            continue
        assert fired, f"{rule.name} never fired"
        assert not preserved(before, after, points()), f"{rule.name} {name} went unnoticed"
