"""Lowering: a graph in any form to one that a target can print node by node.

In: roots of the graph, with names and comments for some of its nodes. Out: a `Lowered` graph of
the same node kinds, restricted so that each node is one simple operation:

| kind | what is left |
|---|---|
| leaf, onehot, delta | themselves, where no index or gather could replace them |
| const | a scalar, and only where a sum or a root is one |
| sum | Σ weight·operand, pointwise |
| product | pointwise, of ≥ 2 operands |
| | a contraction of two operands, each contracted label being in both |
| | a sum over labels of one operand (with a repeated label: a trace or a diagonal) |
| | a gather: one operand and ≥ 1 onehots, contracted over the onehots' last labels |
| | a scatter: a onehot and an operand, contracted over the onehot's index |
| map | f of operands, none of them constant |
| reduce | ``max`` |

Names are gone (``Lowered.names`` remembers them), no node is a transpose or a broadcast (an
`Access` says how a value is seen), scalar factors have floated out as weights, and an
``exp(z − logsumexp z)`` shares max, exponentials and sum with its logsumexp.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import sympy as sp

from symgrad import graph as g
from symgrad.codegen import contraction
from symgrad.errors import UnsupportedError
from symgrad.graph import Access, Dim, Kind, Labels, Node

_ONE = sp.S.One
_SYMBOLIC_SIZE, _BATCH_SIZE = 32.0, 64.0
"""Extents assumed for symbolic dimensions when contractions are ordered."""


@dataclass(frozen=True)
class Lowered:
    """The lowered graph: how each root is seen, and what is known about its nodes.

    ``names`` are the user's; ``suggestions`` are ours, for values that may stay without a name.
    """

    roots: tuple[Access, ...]
    names: Mapping[Node, str]
    suggestions: Mapping[Node, str]
    comments: Mapping[Node, str]


def lower(roots: Sequence[Node], comments: Mapping[Node, str] | None = None) -> Lowered:
    """The graph below ``roots`` in the form that this module's docstring states.

    ``comments`` maps nodes of the given graph to one line of mathematics each.
    """
    order = g.topological(roots)
    state = _Lowering(sizes=_assumed_sizes(order))
    comments = comments or {}
    for node in order:
        view = _RULES[node.kind](state, node)
        state.views[node] = view
        if node in comments and view.node.kind not in (Kind.LEAF, Kind.CONST):
            state.comments.setdefault(view.node, comments[node])
    views = tuple(state.views[root] for root in roots)
    g.validate(view.node for view in views)
    return Lowered(views, state.names, state.suggestions, state.comments)


def _assumed_sizes(nodes: Iterable[Node]) -> dict[Dim, float]:
    """Batch dimensions are those that lead the shape of a data leaf."""
    return {
        n.shape[0]: _BATCH_SIZE for n in nodes if n.kind is Kind.LEAF and n.leaf.origin and n.shape
    }


@dataclass
class _Softmax:
    """The parts of one log-sum-exp: of ``z`` over the axes that are not ``kept``."""

    z: Node
    kept: Labels
    exponentials: Node
    total: Node


@dataclass
class _Lowering:
    sizes: dict[Dim, float]
    views: dict[Node, Access] = field(default_factory=dict)
    names: dict[Node, str] = field(default_factory=dict)
    suggestions: dict[Node, str] = field(default_factory=dict)
    comments: dict[Node, str] = field(default_factory=dict)
    softmaxes: dict[Node, _Softmax] = field(default_factory=dict)

    def view(self, access: Access) -> Access:
        """An operand of the given graph, seen in the lowered one under the same labels."""
        node, own = self.views[access.node]
        return Access(node, tuple(access.labels[k] for k in own))

    def weight_of(self, node: Node) -> tuple[sp.Expr, Access] | None:
        """c and x where ``node`` is a nameless c·x."""
        if node.kind is Kind.SUM and len(node.args) == 1 and node not in self.names:
            return node.weights[0], node.accesses[0]
        return None

    def size(self, n: Dim) -> float:
        if isinstance(n, int):
            return float(n)
        return self.sizes.get(n, _SYMBOLIC_SIZE)


# ------------------------------------------------------------------------------ small builders


def _local(accesses: Sequence[Access]) -> tuple[Labels, list[Labels]]:
    """The labels that occur, and the same accesses with these numbered from 0."""
    union = tuple(sorted({label for a in accesses for label in a.labels}))
    number = {label: k for k, label in enumerate(union)}
    return union, [tuple(number[x] for x in a.labels) for a in accesses]


def _own(node: Node) -> Access:
    return Access(node, tuple(range(node.rank)))


def _dims(accesses: Iterable[Access]) -> dict[int, Dim]:
    dims: dict[int, Dim] = {}
    for node, labels in accesses:
        dims.update(zip(labels, node.shape, strict=True))
    return dims


def _contract(accesses: Sequence[Access], kept: Iterable[int]) -> Access:
    """Σ of a product over all labels but ``kept``, as one node with its axes in label order."""
    axes = tuple(sorted(kept))
    dims = _dims(accesses)
    number = {label: k for k, label in enumerate(axes)}
    terms = [(a.node, tuple(number.setdefault(x, len(number)) for x in a.labels)) for a in accesses]
    return Access(g.product(terms, tuple(dims[x] for x in axes)), axes)


def _distinct(access: Access) -> Access:
    """The diagonal, where a label runs along two axes of one operand."""
    if len(set(access.labels)) == len(access.labels):
        return access
    return _contract([access], set(access.labels))


def _weighted(weight: sp.Expr, access: Access) -> Access:
    if weight is _ONE:
        return access
    if access.node.kind is Kind.CONST:
        return Access(g.const(weight * access.node.value), ())
    node = access.node
    return Access(g.add([(weight, node, tuple(range(node.rank)))], node.shape), access.labels)


# ----------------------------------------------------------------- one rule for each kind of node


def _itself(state: _Lowering, node: Node) -> Access:
    return _own(node)


def _const(state: _Lowering, node: Node) -> Access:
    return Access(g.const(node.value), ())


def _onehot(state: _Lowering, node: Node) -> Access:
    index = _distinct(state.view(node.accesses[0]))
    return Access(g.onehot(index.node, node.shape[-1]), (*index.labels, node.rank - 1))


def _named(state: _Lowering, node: Node) -> Access:
    view = state.views[node.args[0]]
    whole = view.labels == tuple(range(node.rank)) == tuple(range(view.node.rank))
    if whole and view.node.kind not in (Kind.LEAF, Kind.CONST):
        state.names.setdefault(view.node, node.name)
    return view


def _sum(state: _Lowering, node: Node) -> Access:
    constant: sp.Expr = sp.S.Zero
    terms: dict[Access, sp.Expr] = {}
    for weight, access in zip(node.weights, node.accesses, strict=True):
        view = _distinct(state.view(access))
        inner = state.weight_of(view.node)
        if inner is not None:
            weight = weight * inner[0]
            view = Access(inner[1].node, tuple(view.labels[k] for k in inner[1].labels))
        if view.node.kind is Kind.CONST:
            constant += weight * view.node.value
        else:
            terms[view] = terms[view] + weight if view in terms else weight
    terms = {a: w for a, w in terms.items() if w is not sp.S.Zero}
    if not terms:
        return Access(g.const(constant), ())
    if len(terms) == 1 and constant is sp.S.Zero:
        ((access, weight),) = terms.items()
        return _weighted(weight, access)
    union, labels = _local(list(terms))
    dims = _dims(terms)
    parts: list[tuple[object, Node, Labels]] = [
        (weight, access.node, own)
        for (access, weight), own in zip(terms.items(), labels, strict=True)
    ]
    if constant is not sp.S.Zero:
        parts.append((constant, g.const(1), ()))
    return Access(g.add(parts, tuple(dims[x] for x in union)), union)


def _map(state: _Lowering, node: Node) -> Access:
    constants: dict[sp.Basic, sp.Basic] = {}
    operands: list[Access] = []
    for k, access in enumerate(node.accesses):
        view = _distinct(state.view(access))
        if view.node.kind is Kind.CONST:
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
    union, labels = _local(operands)
    dims = _dims(operands)
    parts = list(zip((a.node for a in operands), labels, strict=True))
    return Access(g.apply(body, parts, tuple(dims[x] for x in union)), union)


def _reduce(state: _Lowering, node: Node) -> Access:
    if node.op not in ("max", "logsumexp"):
        raise UnsupportedError(
            f"code generation knows the reductions max and logsumexp; the graph has {node.op}."
        )
    z = _distinct(state.view(node.accesses[0]))
    extents = g.label_dims(node)
    repeats: sp.Expr = sp.S.One  # a broadcast axis holds n copies of one value
    for label, n in extents.items():
        if label >= node.rank and label not in z.labels:
            repeats = repeats * n
    result = z
    if any(label >= node.rank for label in z.labels):
        kept = tuple(k for k, label in enumerate(z.labels) if label < node.rank)
        if z.node.kind is Kind.CONST:
            kept = ()
        value = (_maximum if node.op == "max" else _logsumexp)(state, z.node, kept)
        result = Access(value, tuple(z.labels[k] for k in kept))
    if node.op == "logsumexp" and repeats is not sp.S.One:
        if result.node.kind is Kind.CONST:
            return Access(g.const(result.node.value + sp.log(repeats)), ())
        x = result.node
        shifted = [(1, x, tuple(range(x.rank))), (sp.log(repeats), g.const(1), ())]
        result = Access(g.add(shifted, x.shape), result.labels)
    return result


def _maximum(state: _Lowering, z: Node, kept: Labels) -> Node:
    number = {axis: k for k, axis in enumerate(kept)}
    labels = tuple(number.setdefault(k, len(number)) for k in range(z.rank))
    return g.reduce("max", z, labels, tuple(z.shape[k] for k in kept))


def _logsumexp(state: _Lowering, z: Node, kept: Labels) -> Node:
    """m + log Σ exp(z − m) with m = max z, its parts kept for a softmax of the same z."""
    axes = tuple(range(z.rank))
    m = _maximum(state, z, kept)
    shifted = g.add([(1, z, axes), (-1, m, kept)], z.shape)
    exponentials = g.apply(sp.exp(g.slot(0)), [(shifted, axes)], z.shape)
    total = _contract([Access(exponentials, axes)], kept).node
    own = tuple(range(total.rank))
    log = g.apply(sp.log(g.slot(0)), [(total, own)], total.shape)
    result = g.add([(1, m, own), (1, log, own)], total.shape)
    state.softmaxes[result] = _Softmax(z, kept, exponentials, total)
    name = z.name if z.kind is Kind.LEAF else state.names.get(z)
    if name is not None:
        for node, suffix in ((m, "max"), (exponentials, "exp"), (total, "sum")):
            state.suggestions[node] = f"{name}_{suffix}"
    return result


def _softmax(state: _Lowering, argument: Access) -> Access | None:
    """exp(z − logsumexp z) → e/Σe, where the argument is exactly that difference."""
    difference, outer = argument
    if difference.kind is not Kind.SUM:
        return None
    terms = list(zip(difference.weights, difference.accesses, strict=True))
    for k, (weight, (node, labels)) in enumerate(terms):
        parts = state.softmaxes.get(node)
        if parts is None or weight != -1 or difference.rank != parts.z.rank:
            continue
        along = dict(zip(parts.kept, labels, strict=True))
        free = iter(x for x in range(difference.rank) if x not in labels)
        whole = tuple(along[x] if x in along else next(free) for x in range(parts.z.rank))
        rest = Counter(terms[:k] + terms[k + 1 :])
        if rest in (Counter([(_ONE, Access(parts.z, whole))]), _terms(parts.z, whole)):
            inverse = g.apply(1 / g.slot(0), [_own(parts.total)], parts.total.shape)
            quotient = g.product([(parts.exponentials, whole), (inverse, labels)], difference.shape)
            return Access(quotient, outer)
    return None


def _terms(z: Node, labels: Labels) -> Counter[tuple[sp.Expr, Access]] | None:
    """The terms of a sum, seen along ``labels``: a larger sum may have absorbed them."""
    if z.kind is not Kind.SUM:
        return None
    seen = (Access(node, tuple(labels[x] for x in own)) for node, own in z.accesses)
    return Counter(zip(z.weights, seen, strict=True))


# ------------------------------------------------------------------------------------- products


def _product(state: _Lowering, node: Node) -> Access:
    extents = g.label_dims(node)
    coefficient: sp.Expr = sp.S.One
    operands: list[Access] = []
    for access in node.accesses:
        view = state.view(access)
        inner = state.weight_of(view.node)
        if inner is not None:
            coefficient *= inner[0]
            view = Access(inner[1].node, tuple(view.labels[k] for k in inner[1].labels))
        if view.node.kind is Kind.CONST:
            coefficient *= view.node.value
        else:
            operands.append(view)
    if coefficient is sp.S.Zero:
        return Access(g.const(0), ())
    kept = frozenset(range(node.rank))
    settled: set[int] = set()  # contracted labels that an identity or a onehot has used up
    operands = _without_identities(operands, kept, settled)
    operands = _gathered(operands, kept, settled)
    carried = {label for a in operands for label in a.labels}
    for label in sorted(extents.keys() - kept - carried - settled):
        coefficient *= extents[label]
    if not operands:
        return Access(g.const(coefficient), ())
    return _weighted(coefficient, _contracted(state, operands, kept, extents))


def _without_identities(
    operands: list[Access], kept: frozenset[int], settled: set[int]
) -> list[Access]:
    """Σⱼ δᵢⱼ·a[j] → a[i]: an identity with a contracted label renames that label."""
    while True:
        for k, (node, labels) in enumerate(operands):
            if node.kind is Kind.DELTA and (labels[0] == labels[1] or not kept.issuperset(labels)):
                gone, stays = labels if labels[0] not in kept else labels[::-1]
                others = operands[:k] + operands[k + 1 :]
                break
        else:
            return operands
        if gone != stays:
            settled.add(gone)
        operands = [Access(n, tuple(stays if x == gone else x for x in own)) for n, own in others]


def _gathered(operands: list[Access], kept: frozenset[int], settled: set[int]) -> list[Access]:
    """Σₖ a[k]·b[k]·1[c = k] → a[c]·b[c]: a onehot with a contracted label indexes the others."""
    onehots = [a for a in operands if a.node.kind is Kind.ONEHOT]
    if not onehots:
        return operands
    by_onehots = Counter(label for a in onehots for label in set(a.labels))
    index_of = {
        a.labels[-1]: a
        for a in onehots
        if a.labels[-1] not in kept and by_onehots[a.labels[-1]] == 1 and _distinct(a) == a
    }
    settled |= index_of.keys()
    result = []
    for access in operands:
        if access.node.kind is Kind.ONEHOT:
            if index_of.get(access.labels[-1]) != access:
                result.append(access)
        elif not index_of.keys().isdisjoint(access.labels):
            distinct = _distinct(access)
            used = [index_of[x] for x in distinct.labels if x in index_of]
            free = set(distinct.labels).union(*(a.labels for a in used)) - index_of.keys()
            result.append(_contract([distinct, *used], free))
        else:
            result.append(access)
    return result


def _contracted(
    state: _Lowering, operands: list[Access], kept: frozenset[int], extents: Mapping[int, Dim]
) -> Access:
    """A product as contractions of two operands and pointwise products.

    Scalar factors come last, where BLAS takes them as alpha.
    """
    carriers = Counter(label for a in operands for label in set(a.labels))
    if len(operands) == 1 and not kept.issuperset(carriers):
        return _contract(operands, kept.intersection(carriers))
    if kept.issuperset(carriers):
        return _pointwise([_distinct(a) for a in operands])
    reduced = []
    for access in operands:
        alone = {x for x in access.labels if x not in kept and carriers[x] == 1}
        rest = carriers.keys() & set(access.labels) - alone
        reduced.append(_contract([access], rest) if alone else _distinct(access))
    arrays = [a for a in reduced if a.labels]
    scalars = [a for a in reduced if not a.labels]
    if arrays:
        sizes = {label: state.size(n) for label, n in extents.items()}
        scalars.append(_pairwise(arrays, kept, sizes))
    return _pointwise(scalars)


def _pairwise(arrays: list[Access], kept: frozenset[int], sizes: Mapping[int, float]) -> Access:
    if len(arrays) == 1:
        return arrays[0]
    pending = Counter(label for a in arrays for label in a.labels)
    pool = list(arrays)
    factors: dict[int, list[Access]] = {}  # of the pointwise products made here, to be merged
    for i, j in contraction.order([frozenset(a.labels) for a in arrays], kept, sizes):
        pair = pool[i], pool[j]
        for access in pair:
            pending.subtract(access.labels)
        union = {label for a in pair for label in a.labels}
        out = {label for label in union if label in kept or pending[label] > 0}
        if out == union:
            factors[len(pool)] = factors.get(i, [pool[i]]) + factors.get(j, [pool[j]])
            pool.append(_pointwise(factors[len(pool)]))
        else:
            pool.append(_contract(pair, out))
        pending.update(pool[-1].labels)
    return pool[-1]


def _pointwise(factors: list[Access]) -> Access:
    if len(factors) == 1:
        return factors[0]
    return _contract(factors, {label for a in factors for label in a.labels})


_RULES: dict[Kind, Callable[[_Lowering, Node], Access]] = {
    Kind.LEAF: _itself,
    Kind.CONST: _const,
    Kind.DELTA: _itself,
    Kind.ONEHOT: _onehot,
    Kind.SUM: _sum,
    Kind.PRODUCT: _product,
    Kind.MAP: _map,
    Kind.REDUCE: _reduce,
    Kind.NAMED: _named,
}
"""A new kind of node is a new row."""
