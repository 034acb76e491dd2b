"""Lowering: a graph in any form to one that a target can print node by node.

In: roots of the graph. Out: a `Lowered` graph of the same node kinds, restricted so that each node
is one simple operation:

| kind | what is left |
|---|---|
| leaf, onehot, delta | themselves, where no index or gather could replace them |
| indicator | itself, without axes that it does not depend on, where no window could replace it |
| const | a scalar, and only where a sum or a root is one |
| sum | Σ weight·operand, pointwise |
| product | pointwise, of ≥ 2 operands |
| | a contraction of two operands, each contracted label being in both |
| | a sum over labels of one operand (with a repeated label: a trace or a diagonal) |
| | a gather: one operand and ≥ 1 onehots, contracted over the onehots' last labels |
| | a scatter: a onehot and an operand, contracted over the onehot's index |
| | a window: one operand and ≥ 1 indicators, each contracted over an axis of the operand |
| | an unwindow: one operand and ≥ 1 indicators, contracted over all but one axis of each |
| map | f of operands, none of them a number |
| reduce | ``max`` over any labels, ``argmax`` over one, ``sparsemax_threshold`` over the last |
| linalg | of the last two axes of its operand, under the labels that the grammar gives them |

Names are gone (``Lowered.names`` remembers them), no node is a transpose or a broadcast (an
`Access` says how a value is seen), scalar factors have floated out as weights, and an
``exp(z − logsumexp z)`` shares max, exponentials and sum with its logsumexp.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import sympy as sp

from symgrad import graph as g
from symgrad.codegen.conditions import holds, of_access
from symgrad.codegen.passes import Passes
from symgrad.codegen.products import product
from symgrad.codegen.reuse import reusable
from symgrad.codegen.shifted import shifted
from symgrad.codegen.views import (
    ONE,
    Softmax,
    State,
    added,
    contract,
    distinct,
    distinct_or_spread,
    extents_of,
    itself,
    moved,
    numbered,
)
from symgrad.errors import UnsupportedError
from symgrad.graph import Access, Dim, Kind, Labels, Node
from symgrad.vocabulary import relu

_BATCH_SIZE = 64.0
"""The extent assumed for a batch when contractions are ordered; `views` has that of the others."""


class Lowered(NamedTuple):
    """The lowered graph: how each root is seen, and what is known about its nodes.

    ``names`` are the user's; ``suggestions`` are ours, for values that may stay without a name.
    ``views`` says how each node of the given graph is seen.
    """

    roots: tuple[Access, ...]
    names: Mapping[Node, str]
    suggestions: Mapping[Node, str]
    views: Mapping[Node, Access]


def lower(roots: Sequence[Node], without: Passes = frozenset()) -> Lowered:
    """The graph below ``roots`` in the form that this module's docstring states.

    ``without`` are passes to leave out: reuse.
    """
    order = g.topological(roots)
    state = State(sizes=_assumed_sizes(order))
    for node in order:
        state.views[node] = _RULES[node.kind](state, node)
    views = tuple(state.views[root] for root in roots)
    g.validate(view.node for view in views)
    lowered = Lowered(views, state.names, state.suggestions, state.views)
    return lowered if "reuse" in without else _with_reuse(lowered)


def _with_reuse(lowered: Lowered) -> Lowered:
    """The same graph with sums taken of products that are there already."""
    replacement = reusable(g.topological([a.node for a in lowered.roots]))
    if not replacement:
        return lowered
    seen = dict.fromkeys([*(a.node for a in lowered.views.values()), *lowered.suggestions])
    new = dict(zip(seen, g.substitute(list(seen), replacement), strict=True))
    return Lowered(
        tuple(Access(new[a.node], a.labels) for a in lowered.roots),
        {new[node]: name for node, name in lowered.names.items() if node in new},
        {new[node]: name for node, name in lowered.suggestions.items()},
        {node: Access(new[a.node], a.labels) for node, a in lowered.views.items()},
    )


def _assumed_sizes(nodes: Iterable[Node]) -> dict[Dim, float]:
    """Batch dimensions are those that lead the shape of a data leaf."""
    return {
        n.shape[0]: _BATCH_SIZE for n in nodes if n.kind is Kind.LEAF and n.leaf.origin and n.shape
    }


# ----------------------------------------------------------------- one rule for each kind of node


def _itself(state: State, node: Node) -> Access:
    return itself(node)


def _const(state: State, node: Node) -> Access:
    return Access(g.const(node.value), ())


def _onehot(state: State, node: Node) -> Access:
    index = distinct(state.view(node.accesses[0]))
    return Access(g.onehot(index.node, node.shape[-1]), (*index.labels, node.rank - 1))


def _indicator(state: State, node: Node) -> Access:
    """Without the axes that the condition does not mention, which are broadcast ones."""
    condition, extents = of_access(itself(node)), dict(enumerate(node.shape))
    known = holds(condition, extents)
    return condition.access(extents) if known is None else Access(g.const(int(known)), ())


def _linalg(state: State, node: Node) -> Access:
    """On the last two axes of the operand; a transpose is looked at from the other side.

    det Xᵀ = det X, (Xᵀ)⁻¹ = (X⁻¹)ᵀ.
    """
    rank, extents = node.rank, g.label_dims(node)
    pair = (rank - 2, rank - 1) if node.op == "inverse" else (rank, rank + 1)
    view = distinct_or_spread(state.view(node.accesses[0]), pair, extents)
    matrix = tuple(x for x in view.labels if x in pair)
    batch = tuple(x for x in view.labels if x not in pair)
    value = moved(view, (*batch, *matrix))
    shape, own = value.node.shape, tuple(range(value.node.rank))
    scalar = node.op != "inverse"
    result = g.linalg(node.op, value.node, own, shape[:-2] if scalar else shape)
    name = value.node.name if value.node.kind is Kind.LEAF else state.names.get(value.node)
    if name is not None:
        state.suggestions[result] = f"{name}_{'inv' if node.op == 'inverse' else node.op}"
    return Access(result, batch if scalar else (*batch, *matrix))


def _named(state: State, node: Node) -> Access:
    view = state.views[node.args[0]]
    whole = view.labels == tuple(range(node.rank)) == tuple(range(view.node.rank))
    if node.rank > 2 and sorted(view.labels) == list(range(node.rank)):
        whole = True  # a product of arrays is stored as it is computed, under the same name
    if whole and view.node.kind not in (Kind.LEAF, Kind.CONST):
        state.names.setdefault(view.node, node.name)
    return view


def _sum(state: State, node: Node) -> Access:
    views = [distinct(state.view(access)) for access in node.accesses]
    return added(state, shifted(state, zip(node.weights, views, strict=True)))


def _map(state: State, node: Node) -> Access:
    constants: dict[sp.Basic, sp.Basic] = {}
    operands: list[Access] = []
    for k, access in enumerate(node.accesses):
        view = distinct(state.view(access))
        if view.node.kind is Kind.CONST and view.node.value.is_number:
            constants[g.slot(k)] = view.node.value
            continue
        if view not in operands:
            operands.append(view)
        if operands.index(view) != k:
            constants[g.slot(k)] = g.slot(operands.index(view))
    body: sp.Expr = node.body.xreplace(constants) if constants else node.body
    if not operands or not body.free_symbols & {g.slot(k) for k in range(len(operands))}:
        return Access(g.const(body), ())
    if body == g.slot(0):
        return operands[0]
    if body == sp.exp(g.slot(0)):
        softmax = _softmax(state, operands[0])
        if softmax is not None:
            return softmax
    union, labels = numbered(operands)
    dims = extents_of(operands)
    parts = list(zip((a.node for a in operands), labels, strict=True))
    return Access(g.apply(body, parts, tuple(dims[x] for x in union)), union)


def _reduce(state: State, node: Node) -> Access:
    if node.op not in _REDUCTIONS:
        raise UnsupportedError(
            f"code generation knows the reductions {', '.join(_REDUCTIONS)}; the graph has "
            f"{node.op}."
        )
    return _REDUCTIONS[node.op](state, node)


def _max(state: State, node: Node) -> Access:
    z = distinct(state.view(node.accesses[0]))
    if all(label < node.rank for label in z.labels):
        return z
    kept = _kept(z, node.rank)
    return Access(_over(z.node, kept, "max"), tuple(z.labels[k] for k in kept))


def _kept(z: Access, rank: int) -> Labels:
    """The axes of a reduction's operand that the result has."""
    return (
        ()
        if z.node.kind is Kind.CONST
        else tuple(k for k, label in enumerate(z.labels) if label < rank)
    )


def _log_sum_exp(state: State, node: Node) -> Access:
    z = distinct(state.view(node.accesses[0]))
    extents = g.label_dims(node)
    repeats: sp.Expr = sp.S.One  # a broadcast axis holds n copies of one value
    for label, n in extents.items():
        if label >= node.rank and label not in z.labels:
            repeats = repeats * n
    result = z
    if any(label >= node.rank for label in z.labels):
        kept = _kept(z, node.rank)
        result = Access(_logsumexp(state, z.node, kept), tuple(z.labels[k] for k in kept))
    if repeats is not sp.S.One:
        if result.node.kind is Kind.CONST:
            return Access(g.const(result.node.value + sp.log(repeats)), ())
        x = result.node
        shifted = [(1, x, tuple(range(x.rank))), (sp.log(repeats), g.const(1), ())]
        result = Access(g.add(shifted, x.shape), result.labels)
    return result


def _argmax(state: State, node: Node) -> Access:
    """Of one entry, and of equal ones, the first is the largest."""
    z = distinct(state.view(node.accesses[0]))
    if all(label < node.rank for label in z.labels):
        return Access(g.const(0), ())
    kept = _kept(z, node.rank)
    return Access(_over(z.node, kept, "argmax"), tuple(z.labels[k] for k in kept))


def _threshold(state: State, node: Node) -> Access:
    """τ with Σ max(z − τ, 0) = 1, which of one number z is z − 1."""
    extents = g.label_dims(node)
    if len(extents) > node.rank:
        z = distinct_or_spread(state.view(node.accesses[0]), (node.rank,), extents)
        batch = tuple(x for x in z.labels if x < node.rank)
        value = moved(z, (*batch, node.rank)).node
        own = tuple(range(value.rank))
        return Access(g.reduce(node.op, value, own, value.shape[:-1]), batch)
    return added(state, [(ONE, state.view(node.accesses[0])), (-ONE, Access(g.const(1), ()))])


def _sparsemax_value(state: State, node: Node) -> Access:
    """max pᵀz − ½‖p‖² over the simplex: ½ Σ (z² − τ²) over the z > τ.

    With p = max(z − τ, 0) it is Σ (z − τ)·z − ½(z − τ)², and so ½ Σ max(z − τ, 0)·(z + τ).
    """
    z = node.args[0]
    labels, rank = node.labels[0], node.rank
    tau = g.reduce("sparsemax_threshold", z, labels, node.shape)
    state.views[tau] = _threshold(state, tau)
    body = relu(g.slot(0) - g.slot(1)) * (g.slot(0) + g.slot(1)) / 2
    order = tuple(sorted(set(labels) | set(range(rank))))
    extents = g.label_dims(node)
    terms = g.apply(
        body, [(z, labels), (tau, tuple(range(rank)))], tuple(extents[x] for x in order)
    )
    state.views[terms] = _map(state, terms)
    total = g.product([(terms, order)], node.shape)
    return product(state, total)


def _over(z: Node, kept: Labels, op: str) -> Node:
    """A reduction over all axes but ``kept``."""
    number = {axis: k for k, axis in enumerate(kept)}
    labels = tuple(number.setdefault(k, len(number)) for k in range(z.rank))
    return g.reduce(op, z, labels, tuple(z.shape[k] for k in kept))


def _logsumexp(state: State, z: Node, kept: Labels) -> Node:
    """m + log Σ exp(z − m) with m = max z, its parts kept for a softmax of the same z."""
    axes = tuple(range(z.rank))
    m = _over(z, kept, "max")
    less = g.add([(1, z, axes), (-1, m, kept)], z.shape)
    exponentials = g.apply(sp.exp(g.slot(0)), [(less, axes)], z.shape)
    total = contract([Access(exponentials, axes)], kept).node
    own = tuple(range(total.rank))
    log = g.apply(sp.log(g.slot(0)), [(total, own)], total.shape)
    result = g.add([(1, m, own), (1, log, own)], total.shape)
    parts = Softmax(z, kept, less, exponentials, total, log)
    state.softmaxes[result] = state.shifted[less] = parts
    name = z.name if z.kind is Kind.LEAF else state.names.get(z)
    if name is not None:
        for node, suffix in ((m, "max"), (exponentials, "exp"), (total, "sum")):
            state.suggestions[node] = f"{name}_{suffix}"
    return result


def _softmax(state: State, argument: Access) -> Access | None:
    """exp(z − logsumexp z) → e/Σe, where the argument is exactly that difference, shifted."""
    difference, outer = argument
    if difference.kind is not Kind.SUM or len(difference.args) != 2:
        return None
    terms = dict(zip(difference.weights, difference.accesses, strict=True))
    scores = terms.get(ONE)
    parts = state.shifted.get(scores.node) if scores else None
    if scores is None or parts is None:
        return None
    labels = tuple(scores.labels[k] for k in parts.kept)
    if terms.get(-ONE) != Access(parts.log, labels):
        return None
    inverse = g.apply(1 / g.slot(0), [itself(parts.total)], parts.total.shape)
    factors = [(parts.exponentials, scores.labels), (inverse, labels)]
    return Access(g.product(factors, difference.shape), outer)


_REDUCTIONS: dict[str, Callable[[State, Node], Access]] = {
    "max": _max,
    "argmax": _argmax,
    "logsumexp": _log_sum_exp,
    "sparsemax_threshold": _threshold,
    "sparsemax_value": _sparsemax_value,
}
"""A new reduction is a new row."""


_RULES: dict[Kind, Callable[[State, Node], Access]] = {
    Kind.LEAF: _itself,
    Kind.CONST: _const,
    Kind.DELTA: _itself,
    Kind.ONEHOT: _onehot,
    Kind.INDICATOR: _indicator,
    Kind.SUM: _sum,
    Kind.PRODUCT: product,
    Kind.MAP: _map,
    Kind.REDUCE: _reduce,
    Kind.LINALG: _linalg,
    Kind.NAMED: _named,
}
"""A new kind of node is a new row."""
