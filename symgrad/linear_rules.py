"""Laws of inverses and determinants, of indicators, and of matrices that equal their transposes.

No law here needs a declared fact. A matrix is symmetric because of how it is made: AᵀA, I and
sums of such are; `symmetric_axes` finds out, and a declared symmetric leaf is one more case.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import sympy as sp

from symgrad import graph as g
from symgrad.algebra import axes_of, relabelled, scaled, through_products, with_views
from symgrad.facts import axes_of_fact, reason
from symgrad.graph import Access, Kind, Labels, Node, label_dims, slot

_MAX_FLIPS = 6
"""Of more symmetric operands in one product, only the first six may change their order."""


def _matrix_labels(node: Node) -> tuple[int, int]:
    """The labels of the rows and columns that an operation of linear algebra is about."""
    if node.op == "inverse":
        return node.rank - 2, node.rank - 1
    return node.rank, node.rank + 1


def _again(node: Node, arg: Node, labels: Labels) -> Node:
    return g.linalg(node.op, arg, labels, node.shape)


# -------------------------------------------------------------------------- views of linear algebra


def view_in_linalg(node: Node) -> Node | None:
    """op(view(X)) → op(X), unless the view broadcasts along the matrix."""
    operands = with_views(node)
    if operands is None or not set(_matrix_labels(node)) <= set(operands[0].labels):
        return None
    return _again(node, *operands[0])


def inverse_of_transpose(node: Node) -> Node | None:
    """(Xᵀ)⁻¹ → (X⁻¹)ᵀ; the axes of a batch come out in the order of X as well."""
    if node.op != "inverse":
        return None
    labels, pair = node.labels[0], _matrix_labels(node)
    batch = [x for x in labels if x not in pair]
    rows = [x for x in labels if x in pair]
    order = (*batch, *rows)
    if len(set(order)) < len(order) or order == axes_of(node):
        return None
    narrow = {label: k for k, label in enumerate(order)}
    shape = tuple(node.shape[x] for x in order)
    inner = g.linalg("inverse", node.args[0], tuple(narrow[x] for x in labels), shape)
    return g.product([(inner, order)], node.shape)


# ------------------------------------------------------------------------ inverses and determinants


def inverse_of_inverse(node: Node) -> Node | None:
    """(X⁻¹)⁻¹ → X."""
    inner = g.peel(node.args[0])
    if node.op != "inverse" or inner.kind is not Kind.LINALG or inner.op != "inverse":
        return None
    labels = tuple(node.labels[0][x] for x in inner.labels[0])
    return g.product([(inner.args[0], labels)], node.shape)


def linalg_of_identity(node: Node) -> Node | None:
    """I⁻¹ → I; det I → 1; log det I → 0."""
    if node.args[0].kind is not Kind.DELTA:
        return None
    if node.op == "inverse":
        return g.product([(node.args[0], node.labels[0])], node.shape)
    return g.const(1 if node.op == "det" else 0, node.shape)


def linalg_of_scaled(node: Node) -> Node | None:
    """(c·X)⁻¹ → X⁻¹/c; det(c·X) → cⁿ·det X; log |det(c·X)| → n·log |c| + log |det X|."""
    total = node.args[0]
    if total.kind is not Kind.SUM or len(total.args) != 1:
        return None
    inner = Access(total.args[0], tuple(node.labels[0][x] for x in total.labels[0]))
    if not set(_matrix_labels(node)) <= set(inner.labels):
        return None
    c, result = total.weights[0], _again(node, *inner)
    n = sp.sympify(label_dims(node)[_matrix_labels(node)[0]])
    if node.op == "inverse":
        return scaled(1 / c, result)
    if node.op == "det":
        return scaled(c**n, result)
    size = c if c.is_positive else sp.Abs(c)
    one = (n * sp.log(size), g.const(1), ())
    return g.add([one, (1, result, axes_of(node))], node.shape)


def determinant_of_inverse(node: Node) -> Node | None:
    """det(X⁻¹) → 1/det X; log |det(X⁻¹)| → −log |det X|."""
    inner = g.peel(node.args[0])
    if node.op == "inverse" or inner.kind is not Kind.LINALG or inner.op != "inverse":
        return None
    labels = tuple(node.labels[0][x] for x in inner.labels[0])
    result = _again(node, inner.args[0], labels)
    if node.op == "logdet":
        return scaled(-1, result)
    return g.apply(1 / slot(0), [(result, axes_of(node))], node.shape)


def inverse_cancels(node: Node) -> Node | None:
    """X⁻¹·X → I and X·X⁻¹ → I; X⁻¹·(X·y) → y as well."""
    below = (x for arg in node.args for x in (arg, *arg.args))
    inverses = {x for x in below if x.kind is Kind.LINALG and x.op == "inverse"}
    if not inverses:
        return None
    partners = {*inverses, *(x.args[0] for x in inverses)}
    return _cancelled(node) or through_products(node, partners, _cancelled)


def _cancelled(node: Node) -> Node | None:
    accesses = list(node.accesses)
    for k, (inverse, own) in enumerate(accesses):
        if inverse.kind is not Kind.LINALG or inverse.op != "inverse":
            continue
        matrix, inner = inverse.args[0], inverse.labels[0]
        for n, (other, labels) in enumerate(accesses):
            if other is not matrix or n == k:
                continue
            at = dict(zip(inner, labels, strict=True))  # the inverse's axis → the label of X there
            rows, columns = inverse.rank - 2, inverse.rank - 1
            if any(at.get(x, own[x]) != own[x] for x in range(rows)):
                continue  # another matrix of the batch
            rest = [a for i, a in enumerate(accesses) if i not in (k, n)]
            for left, right, kept, last in (
                (own[columns], at[rows], own[rows], at[columns]),
                (own[rows], at[columns], own[columns], at[rows]),
            ):
                if left == right and _is_private(node, left, (k, n)):
                    identity = Access(g.delta(inverse.shape[-1]), (kept, last))
                    return relabelled(node, [*rest, identity], left, kept)
    return None


def _is_private(node: Node, label: int, operands: Sequence[int]) -> bool:
    """Whether a contracted label is carried once by each of these operands, and by no other."""
    where = [k for k, labels in enumerate(node.labels) for x in labels if x == label]
    return label >= node.rank and sorted(where) == sorted(operands)


# ------------------------------------------------------------------------ transposes of symmetric

_pairs: WeakKeyDictionary[Node, tuple[int, int] | None] = WeakKeyDictionary()


def symmetric_axes(node: Node) -> tuple[int, int] | None:
    """Two axes of ``node`` that may be exchanged, or None: of a symmetric matrix, its two."""
    if node not in _pairs:
        for below in g.topological([node], lambda n: () if n in _pairs else n.args):
            if below not in _pairs:
                _pairs[below] = _symmetric_pair(below)
    return _pairs[node]


def _symmetric_pair(node: Node) -> tuple[int, int] | None:
    if node.kind is Kind.LEAF:
        axes = axes_of_fact(node, "symmetric")
        return None if axes is None else (axes[0], axes[1])
    if node.rank < 2 or node.shape[-1] != node.shape[-2]:
        return None
    i, j = node.rank - 2, node.rank - 1
    swapped = {i: j, j: i}
    exchanged = [tuple(swapped.get(x, x) for x in labels) for labels in node.labels]

    def kept(k: int) -> bool:
        """Whether exchanging i and j leaves operand k as it is."""
        labels, pair = node.labels[k], _pairs[node.args[k]]
        if exchanged[k] == labels:
            return True
        return pair is not None and {labels[pair[0]], labels[pair[1]]} == {i, j}

    moved = [
        (arg, labels if kept(k) else exchanged[k]) for k, (arg, labels) in enumerate(node.accesses)
    ]
    match node.kind:
        case Kind.CONST | Kind.DELTA:
            same = True
        case Kind.INDICATOR:
            same = node.affine.coefficients[i] == node.affine.coefficients[j]
        case Kind.SUM:
            terms = [(c, *a) for c, a in zip(node.weights, moved, strict=True)]
            same = g.add(terms, node.shape) is node
        case Kind.PRODUCT:
            other = g.product(moved, node.shape)
            same = (least_labels(other) or other) is node
        case Kind.MAP | Kind.NAMED | Kind.LINALG:
            same = all(map(kept, range(len(node.args))))
        case _:
            same = False
    return (i, j) if same else None


def _flips(node: Node) -> list[list[Labels]]:
    """For each operand, the labels that it may have: two orders if it is symmetric."""
    choices: list[list[Labels]] = []
    flipped = 0
    for arg, labels in node.accesses:
        pair = symmetric_axes(arg) if flipped < _MAX_FLIPS and len(labels) > 1 else None
        choices.append([labels])
        if pair is not None and labels[pair[0]] != labels[pair[1]]:
            i, j = pair
            other = list(labels)
            other[i], other[j] = labels[j], labels[i]
            choices[-1].append(tuple(other))
            flipped += 1
    return choices


def least_labels(node: Node) -> Node | None:
    """``node`` with each symmetric operand seen in the one of its two ways that comes first."""
    choices = _flips(node)
    if all(len(x) == 1 for x in choices):
        return None
    if node.kind is Kind.PRODUCT:
        made = (
            g.product(zip(node.args, labels, strict=True), node.shape)
            for labels in itertools.product(*choices)
        )
        best = min(made, key=lambda n: ([a.place for a in n.args], n.labels))
    else:  # no label is contracted, so each operand has its own least order
        accesses = [(n, min(x)) for n, x in zip(node.args, choices, strict=True)]
        match node.kind:
            case Kind.SUM:
                terms = [(c, *a) for c, a in zip(node.weights, accesses, strict=True)]
                best = g.add(terms, node.shape)
            case Kind.MAP:
                best = g.apply(node.body, accesses, node.shape)
            case _:
                best = g.reduce(node.op, *accesses[0], node.shape)
    return None if best is node else best


def symmetric_leaves(node: Node) -> str:
    """The facts that a transpose was dropped by; none if every operand is symmetric by its form."""
    behind = (x.args[0] if x.kind is Kind.LINALG else x for x in node.args)
    found = [leaf for leaf in behind if axes_of_fact(leaf, "symmetric")]
    return ", ".join(dict.fromkeys(reason(leaf, "symmetric") for leaf in found))


# --------------------------------------------------------------------------------------- indicators


def indicator_squared(node: Node) -> Node | None:
    """1[…]·1[…] → 1[…]: an operand of zeros and ones is its own square."""
    accesses = list(node.accesses)
    kept = [
        access
        for n, access in enumerate(accesses)
        if access.node.kind not in (Kind.INDICATOR, Kind.DELTA, Kind.ONEHOT)
        or access not in accesses[:n]
    ]
    return g.product(kept, node.shape) if len(kept) < len(accesses) else None


def constant_indicator(node: Node) -> Node | None:
    """1[a condition that always or never holds] → 1 or 0; an axis that it ignores broadcasts."""
    (coefficients, offset, relation), shape = node.affine, node.shape
    used = [k for k, c in enumerate(coefficients) if c]
    if isinstance(offset, int) and all(isinstance(shape[k], int) for k in used):
        ends = [c * (n - 1) for c, n in zip(coefficients, shape, strict=True) if c]
        low, high = offset + sum(min(0, x) for x in ends), offset + sum(max(0, x) for x in ends)
        always = low == high == 0 if relation == "=" else low >= 0
        never = high < 0 or (relation == "=" and low > 0)
        if always or never:
            return g.const(int(always), shape)
    if len(used) == node.rank or not used:
        return None
    narrow = g.indicator(
        [coefficients[k] for k in used], offset, relation, tuple(shape[k] for k in used)
    )
    return g.product([(narrow, tuple(used))], shape)


def view_of_indicator(node: Node) -> Node | None:
    """1[…]ᵀ → an indicator of its own, with the coefficients in the other order."""
    if len(node.args) != 1 or set(node.labels[0]) != set(axes_of(node)):
        return None
    (arg,), (labels,) = node.args, node.labels
    if arg.kind is not Kind.INDICATOR or labels == axes_of(node):
        return None
    coefficients = [0] * node.rank
    for c, label in zip(arg.affine.coefficients, labels, strict=True):
        coefficients[label] += c
    return g.indicator(coefficients, arg.affine.offset, arg.affine.relation, node.shape)
