"""From one example to many: a batch is one more index.

Why it exists: a loss is declared for one example, and trained on N. Every node that depends on a
data leaf gets one more label in front, n, which runs over the examples; nothing else changes, and
no rule of any other pass knows about batches. Shared parameters are then summed over n by the
product rule itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp

from symgrad import graph as g
from symgrad.errors import DeclarationError, ShapeError
from symgrad.functions import as_expression
from symgrad.graph import Kind, Labels, Node
from symgrad.lift import lift
from symgrad.listing import shape_text
from symgrad.symbols import ScalarCall


def empirical_risk(loss: Any, data: Sequence[Any], *, size: Any = None) -> Any:
    """(1/N) Σₙ loss over the examples n, a scalar.

    ``data`` are the leaves of ``loss`` that differ between examples. Each becomes an array with
    one example a row: a vector ``x`` (D×1) becomes ``X`` (N×D), a label ``c`` an integer array
    (N,). ``size`` is the symbol of the number of examples; by default a fresh ``N``.
    """
    loss = as_expression(loss)
    root = lift(loss)
    if root.shape:
        raise ShapeError(
            f"the loss {loss} of one example has shape {shape_text(root.shape)}; "
            "expected a scalar. Reduce it with sg.sum or sg.dot."
        )
    symbols = [as_expression(x) for x in data]
    n = examples_symbol([root]) if size is None else sp.sympify(size)
    if not (isinstance(n, sp.Symbol) and n.is_integer and n.is_positive):
        raise DeclarationError(
            f"the number of examples was given as {n}; expected a symbol such as "
            'symbols("N", integer=True, positive=True).'
        )
    leaves = batch_leaves([root], symbols, n)
    per_example = batch(root, leaves, n)
    node = mean(per_example, n) if per_example is not root else root
    return ScalarCall(empirical_risk, (loss,), node, {"data": symbols, "size": n})


def mean(per_example: Node, n: sp.Expr) -> Node:
    """(1/N) Σₙ of a node whose first axis runs over the examples."""
    shape = per_example.shape[1:]
    axes = tuple(range(len(shape)))
    total = g.product([(per_example, (len(shape), *axes))], shape)
    return g.add([(1 / n, total, axes)], shape)


def examples_symbol(roots: Sequence[Node]) -> sp.Symbol:
    """A symbol for the number of examples that no dimension or leaf has taken."""
    taken = _taken_names(roots)
    name = next(x for x in ("N", "N_examples", "N_") if x not in taken)
    return sp.Symbol(name, integer=True, positive=True)


def batch_leaves(roots: Sequence[Node], data: Sequence[Any], n: sp.Expr) -> dict[Node, Node]:
    """The data leaf of one example → the leaf that holds N of them."""
    below = set(g.topological(roots))
    taken = _taken_names(roots)
    result: dict[Node, Node] = {}
    for symbol in data:
        node = lift(symbol)
        if node.kind is not Kind.LEAF:
            raise DeclarationError(
                f"the data {symbol} is not a leaf; list the symbols that hold one example, such "
                "as data=[x, y]."
            )
        if node not in below:
            raise DeclarationError(
                f"the data leaf {symbol} does not occur in the loss; it depends on "
                f"{', '.join(leaf.name for leaf in g.leaves(roots)) or 'nothing'}."
            )
        name = node.name.upper()
        if name in taken:
            name = f"{node.name}s"
        taken.add(name)
        facts = [fact._replace(axes=tuple(x + 1 for x in fact.axes)) for fact in node.leaf.facts]
        shape = (n, *node.shape)
        many: sp.Basic = (
            sp.MatrixSymbol(name, *(*shape, 1)[:2])
            if len(shape) <= 2
            else sp.IndexedBase(name, shape=shape)
        )
        result[node] = g.leaf(name, shape, many, facts, symbol, node.leaf.classes)
    return result


def _taken_names(roots: Sequence[Node]) -> set[str]:
    nodes = g.topological(roots)
    names = {node.name for node in nodes if node.kind in (Kind.LEAF, Kind.NAMED)}
    dims = (n for node in nodes for n in node.shape if isinstance(n, sp.Basic))
    return names | {symbol.name for n in dims for symbol in n.free_symbols}


def batch(root: Node, leaves: Mapping[Node, Node], n: sp.Expr) -> Node:
    """``root`` for every example: one more axis in front, or ``root`` itself without data."""
    return batch_all([root], leaves, n)[0]


def batch_all(roots: Sequence[Node], leaves: Mapping[Node, Node], n: sp.Expr) -> list[Node]:
    """`batch` of many roots, in one pass."""
    return with_axes(roots, leaves, (n,))


def with_axes(roots: Sequence[Node], leaves: Mapping[Node, Node], front: g.Shape) -> list[Node]:
    """``roots`` with each leaf of ``leaves`` replaced by one that has the axes ``front`` first.

    What depends on them gets these axes in front as well; what does not stays as it is.
    """
    done: dict[Node, Node] = {}
    for node in g.topological(roots):
        if node in leaves:
            done[node] = leaves[node]
        elif all(done[arg] is arg for arg in node.args):
            done[node] = node
        else:
            done[node] = _in_front(node, [done[arg] for arg in node.args], front)
    return [done[root] for root in roots]


def _in_front(node: Node, args: Sequence[Node], front: g.Shape) -> Node:
    added = tuple(range(len(front)))

    def moved(k: int) -> Labels:
        shifted = tuple(label + len(front) for label in node.labels[k])
        return (*added, *shifted) if args[k] is not node.args[k] else shifted

    operands = [(arg, moved(k)) for k, arg in enumerate(args)]
    return remade(node, operands, (*front, *node.shape))


def remade(node: Node, operands: Sequence[tuple[Node, Labels]], shape: g.Shape) -> Node:
    """A node of the same kind and contents with other operands, labels and shape."""
    match node.kind:
        case Kind.SUM:
            return g.add([(c, *a) for c, a in zip(node.weights, operands, strict=True)], shape)
        case Kind.PRODUCT:
            return g.product(operands, shape)
        case Kind.MAP:
            return g.apply(node.body, operands, shape)
        case Kind.REDUCE:
            return g.reduce(node.op, *operands[0], shape)
        case Kind.LINALG:
            return g.linalg(node.op, *operands[0], shape)
        case Kind.ONEHOT:
            return g.onehot(operands[0][0], shape[-1])
        case Kind.NAMED:
            return g.named(node.name, operands[0][0], node.is_row and len(shape) == node.rank)
        case _:
            raise AssertionError(f"a {node.kind.value} node has no operands")
