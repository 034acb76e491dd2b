"""Laws of products: matrix product, Hadamard product, trace and broadcast are all this one kind."""

from __future__ import annotations

import sympy as sp

from symgrad import graph as g
from symgrad.algebra import (
    INLINE,
    axes_of,
    content,
    contraction,
    is_broadcast,
    is_view,
    relabelled,
    scaled,
    softmax_along,
    through,
)
from symgrad.elementwise import MAX_UNROLLED_POWER
from symgrad.graph import Access, Kind, Node, label_dims, slot
from symgrad.vocabulary import root


def identity_product(node: Node) -> Node | None:
    """a (alone, as it is) → a."""
    return node.args[0] if len(node.args) == 1 and node.labels[0] == axes_of(node) else None


def empty_product(node: Node) -> Node | None:
    """the product of nothing → 1."""
    return None if node.args else g.const(1, node.shape)


def weight_out_of_product(node: Node) -> Node | None:
    """Σ (c·a)·b → c·Σ a·b, for constants, scaled operands and a factor common to a whole sum."""
    weight, operands = sp.Integer(1), []
    if is_broadcast(node) and node.args[0].kind is not Kind.CONST:
        return None
    for access in node.accesses:
        c, inner = _weight_of(access)
        weight *= c
        operands.extend(inner)
    if operands == list(node.accesses):
        return None
    if weight == 0:
        return g.const(0, node.shape)
    result = contraction(node, operands)
    return result if weight == 1 else scaled(weight, result)


def _weight_of(access: Access) -> tuple[sp.Expr, list[Access]]:
    node, labels = access
    if node.kind is Kind.CONST and not node.shape:
        return node.value, []
    if node.kind is Kind.SUM and len(node.args) == 1:
        return node.weights[0], [Access(node.args[0], tuple(labels[x] for x in node.labels[0]))]
    if node.kind is Kind.SUM and node.args:
        c = content(node.weights)
        if c != 1:
            terms = zip(node.weights, node.args, node.labels, strict=True)
            return c, [Access(g.add([(w / c, n, x) for w, n, x in terms], node.shape), labels)]
    return sp.Integer(1), [access]


def nested_product(node: Node) -> Node | None:
    """Σ (a·b)·d → Σ a·b·d, where the inner product contracts nothing or is the only operand."""
    if is_broadcast(node) and not is_view(node.args[0]):
        return None
    operands: list[Access] = []
    fresh = len(label_dims(node))
    changed = False
    for access in node.accesses:
        inner = access.node
        contracted = len(label_dims(inner)) - inner.rank if inner.kind is Kind.PRODUCT else 0
        if inner.kind is Kind.PRODUCT and (
            len(node.args) == 1 or (not contracted and len(inner.args) + len(node.args) <= INLINE)
        ):
            outer = {k: label for k, label in enumerate(access.labels)}
            outer.update({inner.rank + k: fresh + k for k in range(contracted)})
            fresh += contracted
            operands.extend(
                Access(n, tuple(outer[x] for x in labels)) for n, labels in inner.accesses
            )
            changed = True
        else:
            operands.append(access)
    return contraction(node, operands) if changed else None


def delta_in_product(node: Node) -> Node | None:
    """Σᵢ δ_ij·a_i → a_j, and δ_ii → 1."""
    for k, (arg, labels) in enumerate(node.accesses):
        if arg.kind is not Kind.DELTA:
            continue
        others = [a for n, a in enumerate(node.accesses) if n != k]
        old, new = max(labels), min(labels)
        if old == new:
            return contraction(node, others)
        if old >= node.rank:
            renamed = [Access(n, tuple(new if x == old else x for x in axes)) for n, axes in others]
            return relabelled(node, renamed, old, new)
    return None


def onehot_sums_to_one(node: Node) -> Node | None:
    """Σₖ 1[c = k] → 1."""
    return drop_lonely(node, lambda arg, axis: arg.kind is Kind.ONEHOT and axis == arg.rank - 1)


def softmax_sums_to_one(node: Node) -> Node | None:
    """Σₖ softmax(z)ₖ → 1."""
    return drop_lonely(node, _softmax_axis)


def _softmax_axis(arg: Node, axis: int) -> bool:
    found = softmax_along(g.peel(arg))
    return found is not None and axis == found[1]


def drop_lonely(node: Node, law: object) -> Node | None:
    """Drop an operand whose contracted axis obeys ``law`` and is carried by no other operand.

    Its remaining labels must be carried elsewhere or be axes of the result.
    """
    assert callable(law)
    for k, (arg, labels) in enumerate(node.accesses):
        others = [a for n, a in enumerate(node.accesses) if n != k]
        carried = {label for a in others for label in a.labels}
        for axis, label in enumerate(labels):
            if (
                label >= node.rank
                and label not in carried
                and labels.count(label) == 1
                and law(arg, axis)
            ):
                rest = [x for x in labels if x != label and x >= node.rank and x not in carried]
                result = g.product(others, node.shape)
                weight = sp.Mul(*[label_dims(node)[x] for x in rest])
                return result if weight == 1 else scaled(weight, result)
    return None


def powers_in_product(node: Node) -> Node | None:
    """aⁿ·aᵐ → aⁿ⁺ᵐ; a power up to 4 is plain factors, any other is one map, as declared."""
    exponents: dict[Access, sp.Expr] = {}
    count: dict[Access, int] = {}
    for access in node.accesses:
        if access.node.kind in (Kind.DELTA, Kind.ONEHOT) or _opens(access):
            continue  # its own square; about to be taken apart
        base, e = _power(access)
        exponents[base] = exponents.get(base, sp.Integer(0)) + e
        count[base] = count.get(base, 0) + 1
    plain = [a for a in node.accesses if _power(a)[1] == 1]
    merged = [
        base
        for base, n in count.items()
        if n > 1 and (n > plain.count(base) or n > MAX_UNROLLED_POWER)
    ]
    if not merged:
        return None
    operands = [a for a in node.accesses if _power(a)[0] not in merged]
    for base in merged:
        e = exponents[base]
        if e.is_Integer and 0 <= e <= MAX_UNROLLED_POWER:
            operands += [base] * int(e)
        else:
            body = slot(0) ** e
            axes = axes_of(base.node)
            operands.append(
                Access(g.apply(body, [(base.node, axes)], base.node.shape), base.labels)
            )
    return contraction(node, operands)


def square_of_root(node: Node) -> Node | None:
    """√a·√a → a: ‖x‖² is the sum of squares again, and smooth at 0."""
    for k, access in enumerate(node.accesses):
        arg = access.node
        first = node.accesses.index(access)
        if first < k and arg.kind is Kind.MAP and arg.body == root(slot(0)):
            labels = through(access.labels, arg.labels[0])
            others = [a for n, a in enumerate(node.accesses) if n not in (first, k)]
            return contraction(node, [*others, Access(arg.args[0], labels)])
    return None


def _opens(access: Access) -> bool:
    """Whether `nested_product` or `weight_out_of_product` takes this operand apart."""
    node = access.node
    if node.kind is Kind.PRODUCT:
        return len(label_dims(node)) == node.rank
    return bool(_weight_of(access)[0] != 1)


def _power(access: Access) -> tuple[Access, sp.Expr]:
    """(a, n) for the operand aⁿ."""
    node = access.node
    if node.kind is Kind.MAP and len(node.args) == 1:
        base, e = node.body.as_base_exp()
        if base == slot(0) and e.is_number and e != 1:
            return Access(node.args[0], tuple(access.labels[x] for x in node.labels[0])), e
    return access, sp.Integer(1)
