"""Laws that rest on declared facts: each matches the leaf that has the fact, and nothing else.

A rule's ``reason`` is what the derivation quotes, so that a reader sees where a transpose or a
factor went. Laws of values that are certain to be ≥ 0 (`bounds`) are here as well: they quote the
leaves that were declared positive, and nothing where the form alone says it, as in exp(a) > 0.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from symgrad import graph as g
from symgrad import vocabulary
from symgrad.algebra import relabelled, through_products
from symgrad.bounds import bounds
from symgrad.facts import axes_of_fact, knows, reason
from symgrad.graph import Access, Kind, Node, slot
from symgrad.product_rules import drop_lonely

_T = slot(0)


def quoting(*facts: str) -> Callable[[Node], str]:
    """The reason of a rule: the law of each of the facts that an operand was declared to have."""

    def because(node: Node) -> str:
        below = list(node.args)
        below += [x for arg in node.args if arg.kind is Kind.PRODUCT for x in arg.args]
        found = [reason(x, fact) for fact in facts for x in below if knows(x, fact)]
        return ", ".join(dict.fromkeys(found))

    return because


# ------------------------------------------------------------------------------ probability vectors


def simplex_sums_to_one(node: Node) -> Node | None:
    """Σₖ yₖ → 1, where y is declared a probability vector."""
    return drop_lonely(node, lambda arg, axis: axes_of_fact(arg, "simplex") == (axis,))


def binary(node: Node) -> bool:
    """Whether every entry of a leaf is 0 or 1."""
    return bool(knows(node, "one-hot") or knows(node, "mask"))


def binary_squared(node: Node) -> Node | None:
    """y ⊙ y → y, where y is declared one-hot or a mask: its entries are 0 and 1."""
    accesses = list(node.accesses)
    kept = [
        access
        for n, access in enumerate(accesses)
        if access not in accesses[:n] or not binary(access.node)
    ]
    return g.product(kept, node.shape) if len(kept) < len(accesses) else None


# ---------------------------------------------------------------------------- lengths and rotations


def unit_norm(node: Node) -> Node | None:
    """Σᵢ uᵢ·uᵢ → 1, where ‖u‖ = 1 is declared."""
    accesses = list(node.accesses)
    for access in dict.fromkeys(accesses):
        axes = axes_of_fact(access.node, "unit norm")
        if axes is None or accesses.count(access) != 2:
            continue
        label = access.labels[axes[0]]
        carriers = [a for a in accesses if label in a.labels]
        if label >= node.rank and len(carriers) == 2 and access.labels.count(label) == 1:
            return relabelled(node, [a for a in accesses if a != access], label, label)
    return None


def orthogonal_product(node: Node) -> Node | None:
    """Qᵀ·Q → I and Q·Qᵀ → I, where Q is declared orthogonal; Qᵀ·(Q·x) → x as well."""
    below = (x for arg in node.args for x in (arg, *arg.args))
    rotations = {arg for arg in below if knows(arg, "orthogonal")}
    return _orthogonal_factors(node) or through_products(node, rotations, _orthogonal_factors)


def _orthogonal_factors(node: Node) -> Node | None:
    accesses = list(node.accesses)
    for k, (matrix, first) in enumerate(accesses):
        axes = axes_of_fact(matrix, "orthogonal")
        if axes is None:
            continue
        for n, (other, second) in enumerate(accesses[:k]):
            if other is not matrix:
                continue
            rest = [a for i, a in enumerate(accesses) if i not in (k, n)]
            for axis, last in (axes, axes[::-1]):
                shared = first[axis]
                differ = [x for x in range(matrix.rank) if first[x] != second[x]]
                carriers = sum(x == shared for a in accesses for x in a.labels)
                if shared >= node.rank and carriers == 2 and differ in ([last], []):
                    pair = tuple(sorted((first[last], second[last])))
                    identity = Access(g.delta(matrix.shape[last]), pair)
                    return relabelled(node, [*rest, identity], shared, pair[0])
    return None


def orthogonal_linalg(node: Node) -> Node | None:
    """Q⁻¹ → Qᵀ, log |det Q| → 0, where Q is declared orthogonal."""
    (matrix,), (labels,) = node.args, node.labels
    axes = axes_of_fact(matrix, "orthogonal")
    if axes is None or node.op == "det":
        return None
    if node.op == "logdet":
        own = {labels[x] for x in axes}
        return g.const(0, node.shape) if own == {node.rank, node.rank + 1} else None
    swapped = list(labels)
    swapped[axes[0]], swapped[axes[1]] = labels[axes[1]], labels[axes[0]]
    return g.product([(matrix, tuple(swapped))], node.shape)


# ---------------------------------------------------------------------------------------- diagonals


def diagonal_product(node: Node) -> Node | None:
    """D·x → diag(D) ⊙ x, where D is declared diagonal and everything it multiplies is a vector."""
    accesses = list(node.accesses)
    for k, (matrix, labels) in enumerate(accesses):
        axes = axes_of_fact(matrix, "diagonal")
        if axes is None or labels[axes[0]] == labels[axes[1]]:
            continue
        others = [a for n, a in enumerate(accesses) if n != k]
        for old, new in ((labels[axes[1]], labels[axes[0]]), (labels[axes[0]], labels[axes[1]])):
            carriers = [a for a in others if old in a.labels]
            if old >= node.rank and all(set(a.labels) == {old} for a in carriers):
                renamed = [
                    Access(n, tuple(new if x == old else x for x in own)) for n, own in accesses
                ]
                return relabelled(node, renamed, old, new)
    return None


def diagonal_logdet(node: Node) -> Node | None:
    """log |det D| → Σ log |Dᵢᵢ|, where D is declared diagonal."""
    matrix = node.args[0]
    axes = axes_of_fact(matrix, "diagonal")
    if node.op != "logdet" or axes is None or matrix.rank > 2:
        return None
    n = matrix.shape[0]
    entries = g.product([(matrix, (0, 0))], (n,))
    size = g.apply(vocabulary.absolute(_T), [(entries, (0,))], (n,))
    logs = g.apply(sp.log(_T), [(size, (0,))], (n,))
    return g.product([(logs, (0,))], ())


# ------------------------------------------------------------------------------- certain signs


def positive_leaves(node: Node) -> str:
    """The leaves whose declared sign was used."""
    found = [leaf for leaf in g.leaves([node]) if knows(leaf, "nonnegative")]
    facts = ("positive", "nonnegative")
    quoted = [next((reason(leaf, x) for x in facts if knows(leaf, x)), "") for leaf in found]
    return ", ".join(dict.fromkeys(quoted))


SAME_IF_NONNEGATIVE = (
    vocabulary.absolute(_T),
    vocabulary.relu(_T),
    vocabulary.maximum(0, _T),
    vocabulary.maximum(_T, 0),
)
"""Functions that change nothing where their argument is ≥ 0."""

ONE_IF_POSITIVE = (vocabulary.signum(_T), vocabulary.step(_T))
"""Functions that are 1 where their argument is > 0."""


def size_of_nonnegative(node: Node) -> Node | None:
    """|a| → a and max(0, a) → a, where a ≥ 0 is certain."""
    if node.body not in SAME_IF_NONNEGATIVE or not bounds(node.args[0]).nonnegative:
        return None
    return g.product(node.accesses, node.shape)


def sign_of_positive(node: Node) -> Node | None:
    """sign(a) → 1 and 1[a > 0] → 1, where a > 0 is certain."""
    if node.body not in ONE_IF_POSITIVE or not bounds(node.args[0]).positive:
        return None
    return g.const(1, node.shape)
