"""What a value and its derivatives cost: operations and memory, in the dimensions of the network.

Why it exists: a lecture says that a forward pass takes one multiply-add a weight and a backward
pass two. Here that is counted, for any network, on the program that `symgrad.function` generates:
contractions in the order that was chosen for them, shared values once, windows at their true size.

In: a derivation, or a value. Out: a `Cost`, with a row for each line of the derivation. A
statement of the program counts on the first line that needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import sympy as sp

from symgrad import graph as g
from symgrad.amounts import ZERO, Order, product, total
from symgrad.codegen import counts as c
from symgrad.codegen import program as p
from symgrad.codegen.lowering import Lowered, lower
from symgrad.codegen.names import Names
from symgrad.codegen.schedule import execution_order, schedule
from symgrad.cost_report import Cost, Memory
from symgrad.errors import DeclarationError
from symgrad.facts import is_free, is_parameter
from symgrad.functions import as_expression
from symgrad.graph import Kind, Node
from symgrad.show.lines import Lines
from symgrad.show.stages import Stages
from symgrad.show.steps import BACKWARD, FORWARD, Step
from symgrad.show.style import Style
from symgrad.simplify import computing
from symgrad.subject import Subject

if TYPE_CHECKING:
    from symgrad.show.derivation import Derivation


def cost(expr: Any) -> Cost:
    """What a value costs to compute: a `Cost` whose lines are the named values below it.

    ``expr`` is an expression of any shape; for a gradient, ``sg.gradient(…).cost()``.
    """
    subject = Subject(as_expression(expr), (), "expression")
    lines = [(FORWARD, n.name, n) for n in subject.declared]
    shown = Lines("value", Stages(subject))
    weights = [leaf for leaf in g.leaves([subject.root]) if is_parameter(leaf)]
    return _counted([subject.root], lines, weights, (), lambda: shown.steps(Style()))


def of_derivation(derivation: Derivation, lines: Lines) -> Cost:
    """What the value and all results of a derivation cost, computed together."""
    declared = lines.subject.declared
    rows = [(FORWARD, n.name, n) for n in declared]
    rows += [(BACKWARD, line.names[0], line.node) for line in lines.settled]
    asked = [n for n in lines.subject.targets if n.kind is Kind.LEAF]
    below = g.leaves([lines.subject.root])
    free = [x.name for x in below if x not in asked and is_free(x) and x.leaf.classes is None]
    skipped = sorted(free)  # leaves are numbered as they are made, which is no order to show
    roots = [derivation.loss, *derivation.roots]
    return _counted(roots, rows, asked, skipped, lambda: lines.steps(Style()))


def sizes_of(texts: Iterable[str]) -> dict[str, int]:
    """Sizes of dimensions from text, ``D=784`` each; raises DeclarationError."""
    sizes = {}
    for text in texts:
        name, _, size = text.partition("=")
        if not (name.strip() and size.strip().isdecimal()):
            raise DeclarationError(
                f"the size {text!r} was given; expected a dimension and a whole number, as D=784."
            )
        sizes[name.strip()] = int(size)
    return sizes


def _counted(
    roots: Sequence[Node],
    rows: Sequence[tuple[str, str, Node]],
    weights: Sequence[Node],
    skipped: Sequence[str],
    steps: Callable[[], Sequence[Step]],
) -> Cost:
    """The cost of computing ``roots``, of which the first is the value."""
    leaves = list(dict.fromkeys([*g.leaves(roots[:1]), *g.leaves(roots)]))
    stable = computing([*roots, *(node for _, _, node in rows)])
    wanted, nodes = stable[: len(roots)], stable[len(roots) :]
    lowered = lower(wanted)
    program = _program(lowered, wanted, leaves)
    first = len(program.inputs)
    numbers = {x.declared: k for k, x in enumerate(program.inputs)}
    trained = {numbers[leaf.name] for leaf in weights}
    owners = _owners(lowered, nodes)
    sums: list[list[c.Counts]] = [[] for _ in rows]
    for statement in program.statements:
        sums[owners[statement.value - first]].append(c.count(program, statement, trained))
    backward = {s.value for s in program.statements if rows[owners[s.value - first]][0] == BACKWARD}
    memory = Memory(
        parameters=total(product(leaf.shape) for leaf in weights),
        inputs=total(product(leaf.shape) for leaf in leaves),
        stored=c.stored(program, backward),
        peak=c.held(program) or (ZERO,),
    )
    found = [(phase, name, c.summed(x)) for (phase, name, _), x in zip(rows, sums, strict=True)]
    return Cost(found, memory, _order(program, leaves, weights), steps, skipped)


def _program(lowered: Lowered, roots: Sequence[Node], leaves: Sequence[Node]) -> p.Program:
    """The program that a generated function is printed from, without a use for names."""
    inputs = [p.Input(x.name, x.name, x.shape, x.shape) for x in leaves]
    numbers = {leaf: k for k, leaf in enumerate(leaves)}
    shapes = [(root.shape, root.shape) for root in roots]
    return schedule(lowered, inputs, numbers, (), shapes, Names(()))


def _owners(lowered: Lowered, nodes: Sequence[Node]) -> list[int]:
    """For each statement of the program, the first of ``nodes`` that needs it."""
    order = execution_order(lowered)
    owner: dict[Node, int] = {}
    for k, node in enumerate(nodes):
        while node not in lowered.views and node.kind is Kind.SUM and len(node.args) == 1:
            node = node.args[0]  # δ := c·a is computed as c·(δ := a)
        if node not in lowered.views:
            continue  # a stable primitive bypasses it, as log softmax does p
        stack = [lowered.views[node].node]
        while stack:
            below = stack.pop()
            if below in order and below not in owner:
                owner[below] = k
                stack += [access.node for access in order[below][1]]
    return [owner[node] for node in order]


def _order(program: p.Program, leaves: Iterable[Node], weights: Sequence[Node]) -> Order:
    """Dimensions in the order in which the network meets them: inputs before outputs."""
    found: dict[sp.Expr, None] = {}
    for statement in program.statements:
        rank = len(statement.shape)
        extents = p.extents(program, statement)
        for label in sorted(extents, key=lambda x: x < rank):
            if not isinstance(extents[label], int):
                found.setdefault(extents[label])
    examples = {n.shape[0] for n in leaves if n.leaf.origin is not None and n.shape}
    leading = {leaf.shape[0] for leaf in leaves if leaf.rank > 1 and leaf not in weights}
    of_weights = {n for leaf in weights for n in leaf.shape}
    shared = [n for n in found if n in (examples or leading - of_weights)]
    return Order(list(found), shared)
