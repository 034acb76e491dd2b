"""The algebra of the graph: one row a law, ``before → after``.

Why it exists: reverse accumulation writes down many ones, zeros, transposes and unmerged twins.
The rows of `CANONICAL` remove them, for every kind of product at once because all products are
one kind. Facts (Σy = 1) are rows as well: they match a declared leaf and nothing else.

In the laws: ``a b`` are operands, ``c d`` weights, ``Σ`` a contraction. A weight never stays
inside a product, a view (transpose, broadcast, diagonal) never stays a node, and a constant
array is the scalar constant, broadcast.

**To add a law**, write a function that returns the new node or None, and add its row.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import sympy as sp

from symgrad import graph as g
from symgrad.elementwise import MAX_UNROLLED_POWER, expand
from symgrad.graph import Access, Kind, Labels, Node, label_dims, slot
from symgrad.rewrite import Rule

_INLINE = 8
"""Nested sums and products up to this many operands are merged; longer ones keep their node, so
that a chain of n sums stays linear in n."""


def _axes(node: Node) -> Labels:
    return tuple(range(node.rank))


def scaled(weight: object, node: Node) -> Node:
    """c·a as a sum of one term."""
    return g.add([(weight, node, _axes(node))], node.shape)


def _product(node: Node, operands: Iterable[Access]) -> Node:
    """Σ of ``operands`` for the product ``node``.

    A contracted label of ``node`` that is left without an operand sums a constant, which counts
    its extent: Σᵢ a = n·a.
    """
    operands = list(operands)
    carried = {label for a in operands for label in a.labels}
    result = g.product(operands, node.shape)
    weight = sp.Integer(1)
    for label, n in label_dims(node).items():
        if label >= node.rank and label not in carried:
            weight *= n
    return result if weight == 1 else scaled(weight, result)


# ----------------------------------------------------------------------------- views and constants


def _is_view(node: Node) -> bool:
    return (
        node.kind is Kind.PRODUCT
        and len(node.args) == 1
        and all(label < node.rank for label in node.labels[0])
    )


def _seen_through(access: Access) -> Access | None:
    """The operand behind a view or a constant array, or None."""
    node, labels = access
    if _is_view(node):
        return Access(node.args[0], tuple(labels[x] for x in node.labels[0]))
    if node.kind is Kind.CONST and node.shape:
        return Access(g.const(node.value), ())
    if node.kind is Kind.DELTA and labels[0] == labels[1]:
        return Access(g.const(1), ())
    return None


def _with_views(node: Node) -> list[Access] | None:
    through = [_seen_through(a) for a in node.accesses]
    if not any(through):
        return None
    return [new or old for new, old in zip(through, node.accesses, strict=True)]


def _is_broadcast(node: Node) -> bool:
    """Whether ``node`` is one operand, its axes in order, repeated along further axes."""
    if not _is_view(node) or len(node.labels[0]) == node.rank:
        return False
    return all(a < b for a, b in itertools.pairwise(node.labels[0]))


def broadcast_last(node: Node) -> Node | None:
    """f(a)ᵢⱼ, where j runs along no operand → the broadcast of f(a)ᵢ."""
    carried = sorted({x for labels in node.labels for x in labels if x < node.rank})
    constant = all(arg.kind is Kind.CONST for arg in node.args)
    if constant or len(carried) == node.rank or _is_view(node):
        return None
    narrow = {label: k for k, label in enumerate(carried)}
    contracted = len(label_dims(node)) - node.rank
    narrow.update({node.rank + k: len(carried) + k for k in range(contracted)})
    accesses = [Access(n, tuple(narrow[x] for x in labels)) for n, labels in node.accesses]
    shape = tuple(node.shape[x] for x in carried)
    match node.kind:
        case Kind.SUM:
            terms = zip(node.weights, accesses, strict=True)
            inner = g.add([(c, *a) for c, a in terms], shape)
        case Kind.MAP:
            inner = g.apply(node.body, accesses, shape)
        case _:
            inner = g.product(accesses, shape)
    return g.product([(inner, tuple(carried))], node.shape)


def view_in_product(node: Node) -> Node | None:
    """Σ view(a)·b → Σ a·b, with the view's labels."""
    operands = _with_views(node)
    return None if operands is None else _product(node, operands)


def view_in_sum(node: Node) -> Node | None:
    """c·view(a) + … → c·a + …, with the view's labels."""
    operands = _with_views(node)
    if operands is None:
        return None
    return g.add([(c, *a) for c, a in zip(node.weights, operands, strict=True)], node.shape)


def view_in_map(node: Node) -> Node | None:
    """f(view(a)) → f(a), with the view's labels."""
    operands = _with_views(node)
    return None if operands is None else g.apply(node.body, operands, node.shape)


def view_in_reduce(node: Node) -> Node | None:
    """op view(a) → op a, unless the view broadcasts along what is reduced."""
    operands = _with_views(node)
    if operands is None or set(operands[0].labels) != set(node.labels[0]):
        return None
    return g.reduce(node.op, *operands[0], node.shape)


def view_of_sum(node: Node) -> Node | None:
    """(a + b)ᵀ → aᵀ + bᵀ, where the view only permutes or takes a diagonal."""
    if not _is_view(node) or set(node.labels[0]) != set(_axes(node)):
        return None
    total = node.args[0]
    if total.kind is not Kind.SUM or len(total.args) > _INLINE or node.labels[0] == _axes(node):
        return None
    return g.add([(1, total, node.labels[0])], node.shape)


def identity_product(node: Node) -> Node | None:
    """a (alone, as it is) → a."""
    return node.args[0] if len(node.args) == 1 and node.labels[0] == _axes(node) else None


def empty_product(node: Node) -> Node | None:
    """the product of nothing → 1."""
    return None if node.args else g.const(1, node.shape)


# ------------------------------------------------------------------------------------- products


def weight_out_of_product(node: Node) -> Node | None:
    """Σ (c·a)·b → c·Σ a·b, for constants, scaled operands and a factor common to a whole sum."""
    weight, operands = sp.Integer(1), []
    if _is_broadcast(node) and node.args[0].kind is not Kind.CONST:
        return None
    for access in node.accesses:
        c, inner = _weight_of(access)
        weight *= c
        operands.extend(inner)
    if operands == list(node.accesses):
        return None
    if weight == 0:
        return g.const(0, node.shape)
    return scaled(weight, _product(node, operands))


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


def content(weights: Sequence[sp.Expr]) -> sp.Expr:
    """The factor that all weights of a sum share; its sign is − only if all are negative."""
    first = weights[0]
    if all(w == first for w in weights):
        return first
    pairs = [w.as_coeff_Mul() for w in weights]
    numbers = [abs(c) for c, _ in pairs]
    factor = sp.Integer(1)
    if all(c.is_Rational for c in numbers):
        factor = sp.Rational(sp.igcd(*(c.p for c in numbers)), sp.ilcm(*(c.q for c in numbers)))
    if all(symbolic == pairs[0][1] for _, symbolic in pairs):
        factor *= pairs[0][1]
    negative = all(c.is_negative for c, _ in pairs)
    return -factor if negative else factor


def nested_product(node: Node) -> Node | None:
    """Σ (a·b)·d → Σ a·b·d, where the inner product contracts nothing or is the only operand."""
    if _is_broadcast(node) and not _is_view(node.args[0]):
        return None
    operands: list[Access] = []
    fresh = len(label_dims(node))
    changed = False
    for access in node.accesses:
        inner = access.node
        contracted = len(label_dims(inner)) - inner.rank if inner.kind is Kind.PRODUCT else 0
        if inner.kind is Kind.PRODUCT and (
            len(node.args) == 1 or (not contracted and len(inner.args) + len(node.args) <= _INLINE)
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
    return _product(node, operands) if changed else None


def delta_in_product(node: Node) -> Node | None:
    """Σᵢ δ_ij·a_i → a_j, and δ_ii → 1."""
    for k, (arg, labels) in enumerate(node.accesses):
        if arg.kind is not Kind.DELTA:
            continue
        others = [a for n, a in enumerate(node.accesses) if n != k]
        old, new = max(labels), min(labels)
        if old == new:
            return _product(node, others)
        if old >= node.rank:
            renamed = [Access(n, tuple(new if x == old else x for x in axes)) for n, axes in others]
            return _relabelled(node, renamed, old, new)
    return None


def _relabelled(node: Node, operands: list[Access], old: int, new: int) -> Node:
    """``operands`` after label ``old`` became ``new``; only ``new`` can be left uncarried."""
    carried = {label for a in operands for label in a.labels}
    result = g.product(operands, node.shape)
    weight = sp.Integer(1)
    for label, n in label_dims(node).items():
        if label >= node.rank and label not in carried and label != old:
            weight *= n
    return result if weight == 1 else scaled(weight, result)


def onehot_sums_to_one(node: Node) -> Node | None:
    """Σₖ 1[c = k] → 1."""
    return _drop_lonely(node, lambda arg, axis: arg.kind is Kind.ONEHOT and axis == arg.rank - 1)


def onehot_squared(node: Node) -> Node | None:
    """1[c = k]·1[c = k] → 1[c = k]."""
    accesses = list(node.accesses)
    kept = [
        access
        for n, access in enumerate(accesses)
        if access.node.kind is not Kind.ONEHOT or access not in accesses[:n]
    ]
    return g.product(kept, node.shape) if len(kept) < len(accesses) else None


def simplex_sums_to_one(node: Node) -> Node | None:
    """Σₖ yₖ → 1, where y is declared a probability vector."""
    return _drop_lonely(node, _on_simplex)


def softmax_sums_to_one(node: Node) -> Node | None:
    """Σₖ softmax(z)ₖ → 1."""
    return _drop_lonely(node, _softmax_axis)


def _on_simplex(arg: Node, axis: int) -> bool:
    return arg.kind is Kind.LEAF and ("simplex", axis) in arg.leaf.facts


def _softmax_axis(arg: Node, axis: int) -> bool:
    scores = softmax_of(g.peel(arg))
    return scores is not None and axis == arg.rank - 1


def _drop_lonely(node: Node, law: object) -> Node | None:
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
            axes = _axes(base.node)
            operands.append(
                Access(g.apply(body, [(base.node, axes)], base.node.shape), base.labels)
            )
    return _product(node, operands)


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


# ----------------------------------------------------------------------------------------- sums


def nested_sum(node: Node) -> Node | None:
    """c·(d·a + b) + … → c·d·a + c·b + …"""
    terms: list[tuple[sp.Expr, Node, Labels]] = []
    changed = False
    for c, arg, labels in zip(node.weights, node.args, node.labels, strict=True):
        if arg.kind is Kind.SUM and len(arg.args) <= _INLINE:
            changed = True
            terms += [
                (c * w, n, tuple(labels[x] for x in inner))
                for w, n, inner in zip(arg.weights, arg.args, arg.labels, strict=True)
            ]
        else:
            terms.append((c, arg, labels))
    return g.add(terms, node.shape) if changed else None


def like_terms(node: Node) -> Node | None:
    """c·a + d·a → (c + d)·a; 0·a → nothing; constants are added up."""
    weights: dict[Access, sp.Expr] = {}
    one = Access(g.const(1), ())
    for c, arg, labels in zip(node.weights, node.args, node.labels, strict=True):
        access, weight = Access(arg, labels), c
        if arg.kind is Kind.CONST:
            access, weight = one, c * arg.value
        weights[access] = weights[access] + weight if access in weights else weight
    terms = [(c, *access) for access, c in weights.items() if c != 0]
    result = g.add(terms, node.shape)
    return result if result is not node else None


def single_term(node: Node) -> Node | None:
    """1·a → a; the empty sum → 0; a weighted constant → a constant."""
    if not node.args:
        return g.const(0, node.shape)
    if len(node.args) > 1:
        return None
    (arg,), (labels,), (weight,) = node.args, node.labels, node.weights
    if arg.kind is Kind.CONST:
        return g.const(weight * arg.value, node.shape)
    if weight != 1:
        return None
    if labels != _axes(node) and arg.kind is Kind.SUM and len(arg.args) <= _INLINE:
        return None  # `nested_sum` has it
    return arg if labels == _axes(node) else g.product([(arg, labels)], node.shape)


# ----------------------------------------------------------------------------------------- maps


def constant_map(node: Node) -> Node | None:
    """f(1) → its value."""
    if any(arg.kind is not Kind.CONST for arg in node.args):
        return None
    value = node.body.xreplace({slot(k): arg.value for k, arg in enumerate(node.args)})
    return g.const(value, node.shape)


def expanded_map(node: Node) -> Node | None:
    """a map of sums, products or several functions → one map a function."""
    if node.body in {slot(k) for k in range(len(node.args))} or not _is_atomic(node):
        accesses = node.accesses
        operands: dict[sp.Basic, Access] = {slot(k): a for k, a in enumerate(accesses)}
        result = expand(node.body, operands.get, node.shape)
        return result if result is not node else None
    return None


def _is_atomic(node: Node) -> bool:
    """Whether the body is one function applied to slots and constants."""
    body = node.body
    if body.is_Add or body.is_Mul:
        return False
    if body.is_Pow and body.exp.is_Integer and 1 < body.exp <= MAX_UNROLLED_POWER:
        return False
    return all(not x.free_symbols or x.is_Symbol for x in body.args)


def inverse_map(node: Node) -> Node | None:
    """log(exp(a)) → a; exp(log(a)) → a; 1/(1/a) → a."""
    if len(node.args) != 1:
        return None
    inner = g.peel(node.args[0])
    if inner.kind is not Kind.MAP or len(inner.args) != 1:
        return None
    t = slot(0)
    pairs = ((sp.log(t), sp.exp(t)), (sp.exp(t), sp.log(t)), (1 / t, 1 / t))
    if (node.body, inner.body) not in pairs:
        return None
    return g.product([(inner.args[0], _through(node.labels[0], inner.labels[0]))], node.shape)


def _through(outer: Labels, inner: Labels) -> Labels:
    return tuple(outer[x] for x in inner)


def reciprocal_of_scaled(node: Node) -> Node | None:
    """1/(c·a) → (1/c)·(1/a)."""
    if node.body != 1 / slot(0):
        return None
    arg = node.args[0]
    if arg.kind is not Kind.SUM or len(arg.args) != 1 or arg.args[0].kind is Kind.CONST:
        return None
    labels = _through(node.labels[0], arg.labels[0])
    return scaled(1 / arg.weights[0], g.apply(node.body, [(arg.args[0], labels)], node.shape))


def reduce_of_one(node: Node) -> Node | None:
    """op of one number → that number."""
    return None if len(label_dims(node)) > node.rank else g.product(node.accesses, node.shape)


def softmax_of(node: Node) -> Node | None:
    """z, where ``node`` is exp(z − logsumexp(z)) over the last axis of z, else None."""
    if node.kind is not Kind.MAP or node.body != sp.exp(slot(0)):
        return None
    return scores_of_log_softmax(node.args[0]) if node.labels[0] == _axes(node) else None


def scores_of_log_softmax(node: Node) -> Node | None:
    """z, where ``node`` is z − logsumexp(z) over the last axis of z, else None."""
    node = g.peel(node)
    if node.kind is not Kind.SUM:
        return None
    axes = _axes(node)
    terms = list(zip(node.weights, node.args, node.labels, strict=True))
    for k, (weight, lse, kept) in enumerate(terms):
        if weight == -1 and lse.kind is Kind.REDUCE and lse.op == "logsumexp":
            z = lse.args[0]
            rest = terms[:k] + terms[k + 1 :]
            alone = len(rest) == 1 and rest[0] == (1, z, axes)
            if (
                kept == axes[:-1]
                and lse.labels[0] == axes
                and (alone or g.add(rest, node.shape) is z)
            ):
                return z
    return None


def _fact(node: Node) -> str:
    for arg, labels in node.accesses:
        for axis, label in enumerate(labels):
            if label >= node.rank and _on_simplex(arg, axis):
                return f"Σ {arg.leaf.origin or arg.name} = 1"
    raise AssertionError("the fact was used, so its leaf is there")


CANONICAL: tuple[Rule, ...] = (
    Rule("empty product", "Π∅ → 1", Kind.PRODUCT, empty_product),
    Rule("identity product", "Π a → a", Kind.PRODUCT, identity_product),
    Rule("view in product", "Σ aᵀ·b → Σ a·b", Kind.PRODUCT, view_in_product),
    Rule("view of sum", "(a + b)ᵀ → aᵀ + bᵀ", Kind.PRODUCT, view_of_sum),
    Rule("weight out of product", "(c·a)·b → c·(a·b)", Kind.PRODUCT, weight_out_of_product),
    Rule("identity matrix", "Σᵢ δ_ij·a_i → a_j", Kind.PRODUCT, delta_in_product),
    Rule("nested product", "(a·b)·d → a·b·d", Kind.PRODUCT, nested_product),
    Rule("one-hot sums to one", "Σₖ 1[c = k] → 1", Kind.PRODUCT, onehot_sums_to_one),
    Rule("one-hot squared", "1[c = k]² → 1[c = k]", Kind.PRODUCT, onehot_squared),
    Rule("simplex sums to one", "Σₖ yₖ → 1", Kind.PRODUCT, simplex_sums_to_one, _fact),
    Rule("softmax sums to one", "Σₖ softmax(z)ₖ → 1", Kind.PRODUCT, softmax_sums_to_one),
    Rule("powers", "aⁿ·aᵐ → aⁿ⁺ᵐ", Kind.PRODUCT, powers_in_product),
    Rule("broadcast product", "(a·b)ᵢⱼ → broadcast of (a·b)ᵢ", Kind.PRODUCT, broadcast_last),
    Rule("broadcast sum", "(a + b)ᵢⱼ → broadcast of (a + b)ᵢ", Kind.SUM, broadcast_last),
    Rule("broadcast map", "f(a)ᵢⱼ → broadcast of f(a)ᵢ", Kind.MAP, broadcast_last),
    Rule("view in sum", "c·aᵀ → c·a", Kind.SUM, view_in_sum),
    Rule("nested sum", "c·(d·a + b) → c·d·a + c·b", Kind.SUM, nested_sum),
    Rule("like terms", "c·a + d·a → (c + d)·a", Kind.SUM, like_terms),
    Rule("single term", "1·a → a", Kind.SUM, single_term),
    Rule("view in map", "f(aᵀ) → f(a)", Kind.MAP, view_in_map),
    Rule("constant map", "f(1) → its value", Kind.MAP, constant_map),
    Rule("expanded map", "f(a)·g(a) → one map a function", Kind.MAP, expanded_map),
    Rule("inverse map", "log(exp(a)) → a", Kind.MAP, inverse_map),
    Rule("reciprocal of scaled", "1/(c·a) → (1/c)·(1/a)", Kind.MAP, reciprocal_of_scaled),
    Rule("reduce of one", "logsumexp(a) of one a → a", Kind.REDUCE, reduce_of_one),
    Rule("view in reduce", "op(aᵀ) → op(a)", Kind.REDUCE, view_in_reduce),
)
"""Laws that every normal form uses."""
