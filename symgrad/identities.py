"""The algebra of the graph: one row a law, ``before → after``.

Why it exists: reverse accumulation writes down many ones, zeros, transposes and unmerged twins.
The rows of `CANONICAL` remove them, for every kind of product at once because all products are
one kind. Facts (Σy = 1, A = Aᵀ) are rows as well: they match a declared leaf and nothing else,
and the derivation quotes them.

In the laws: ``a b`` are operands, ``c d`` weights, ``Σ`` a contraction, capitals matrices.

**To add a law**, write a function that returns the new node or None into the module of its
subject (``view_rules``, ``product_rules``, ``sum_rules``, ``map_rules``, ``linear_rules``,
``fact_rules``), and add its row here.
"""

from __future__ import annotations

from symgrad.fact_rules import (
    binary_squared,
    diagonal_logdet,
    diagonal_product,
    orthogonal_linalg,
    orthogonal_product,
    positive_leaves,
    quoting,
    sign_of_positive,
    simplex_sums_to_one,
    size_of_nonnegative,
    unit_norm,
)
from symgrad.graph import Kind
from symgrad.linear_rules import (
    constant_indicator,
    determinant_of_inverse,
    indicator_squared,
    inverse_cancels,
    inverse_of_inverse,
    inverse_of_transpose,
    least_labels,
    linalg_of_identity,
    linalg_of_scaled,
    symmetric_leaves,
    view_in_linalg,
    view_of_indicator,
)
from symgrad.map_rules import (
    constant_map,
    expanded_map,
    inverse_map,
    reciprocal_of_scaled,
    reduce_of_one,
    root_of_square,
)
from symgrad.product_rules import (
    delta_in_product,
    empty_product,
    identity_product,
    nested_product,
    onehot_sums_to_one,
    powers_in_product,
    softmax_sums_to_one,
    square_of_root,
    weight_out_of_product,
)
from symgrad.rewrite import Rule
from symgrad.sum_rules import like_terms, nested_sum, single_term
from symgrad.view_rules import (
    broadcast_last,
    view_in_map,
    view_in_product,
    view_in_reduce,
    view_in_sum,
    view_of_sum,
)

CANONICAL: tuple[Rule, ...] = (
    Rule("empty product", "Π∅ → 1", Kind.PRODUCT, empty_product),
    Rule("identity product", "Π a → a", Kind.PRODUCT, identity_product),
    Rule("view in product", "Σ aᵀ·b → Σ a·b", Kind.PRODUCT, view_in_product),
    Rule("view of sum", "(a + b)ᵀ → aᵀ + bᵀ", Kind.PRODUCT, view_of_sum),
    Rule("weight out of product", "(c·a)·b → c·(a·b)", Kind.PRODUCT, weight_out_of_product),
    Rule("identity matrix", "Σᵢ δ_ij·a_i → a_j", Kind.PRODUCT, delta_in_product),
    Rule("nested product", "(a·b)·d → a·b·d", Kind.PRODUCT, nested_product),
    Rule("one-hot sums to one", "Σₖ 1[c = k] → 1", Kind.PRODUCT, onehot_sums_to_one),
    Rule("indicator squared", "1[…]² → 1[…]", Kind.PRODUCT, indicator_squared),
    Rule("simplex sums to one", "Σₖ yₖ → 1", Kind.PRODUCT, simplex_sums_to_one, quoting("simplex")),
    Rule("softmax sums to one", "Σₖ softmax(z)ₖ → 1", Kind.PRODUCT, softmax_sums_to_one),
    Rule("binary squared", "y ⊙ y → y", Kind.PRODUCT, binary_squared, quoting("one-hot", "mask")),
    Rule("unit norm", "uᵀ·u → 1", Kind.PRODUCT, unit_norm, quoting("unit norm")),
    Rule("orthogonal", "Qᵀ·Q → I", Kind.PRODUCT, orthogonal_product, quoting("orthogonal")),
    Rule("diagonal", "D·x → diag(D) ⊙ x", Kind.PRODUCT, diagonal_product, quoting("diagonal")),
    Rule("symmetric product", "Sᵀ·b → S·b", Kind.PRODUCT, least_labels, symmetric_leaves),
    Rule("inverse cancels", "X⁻¹·X → I", Kind.PRODUCT, inverse_cancels),
    Rule("indicator seen", "1[…]ᵀ → 1[…] of its own", Kind.PRODUCT, view_of_indicator),
    Rule("powers", "aⁿ·aᵐ → aⁿ⁺ᵐ", Kind.PRODUCT, powers_in_product),
    Rule("square of root", "√a·√a → a", Kind.PRODUCT, square_of_root),
    Rule("broadcast product", "(a·b)ᵢⱼ → broadcast of (a·b)ᵢ", Kind.PRODUCT, broadcast_last),
    Rule("broadcast sum", "(a + b)ᵢⱼ → broadcast of (a + b)ᵢ", Kind.SUM, broadcast_last),
    Rule("broadcast map", "f(a)ᵢⱼ → broadcast of f(a)ᵢ", Kind.MAP, broadcast_last),
    Rule("view in sum", "c·aᵀ → c·a", Kind.SUM, view_in_sum),
    Rule("symmetric sum", "Sᵀ + b → S + b", Kind.SUM, least_labels, symmetric_leaves),
    Rule("nested sum", "c·(d·a + b) → c·d·a + c·b", Kind.SUM, nested_sum),
    Rule("like terms", "c·a + d·a → (c + d)·a", Kind.SUM, like_terms),
    Rule("single term", "1·a → a", Kind.SUM, single_term),
    Rule("view in map", "f(aᵀ) → f(a)", Kind.MAP, view_in_map),
    Rule("symmetric map", "f(Sᵀ) → f(S)", Kind.MAP, least_labels, symmetric_leaves),
    Rule("constant map", "f(1) → its value", Kind.MAP, constant_map),
    Rule("expanded map", "f(a)·g(a) → one map a function", Kind.MAP, expanded_map),
    Rule("inverse map", "log(exp(a)) → a", Kind.MAP, inverse_map),
    Rule("reciprocal of scaled", "1/(c·a) → (1/c)·(1/a)", Kind.MAP, reciprocal_of_scaled),
    Rule("root of square", "√(a·a) → |a|", Kind.MAP, root_of_square),
    Rule("nonnegative", "|a| → a, a ≥ 0", Kind.MAP, size_of_nonnegative, positive_leaves),
    Rule("positive", "sign(a) → 1, a > 0", Kind.MAP, sign_of_positive, positive_leaves),
    Rule("reduce of one", "logsumexp(a) of one a → a", Kind.REDUCE, reduce_of_one),
    Rule("view in reduce", "op(aᵀ) → op(a)", Kind.REDUCE, view_in_reduce),
    Rule("symmetric reduce", "op(Sᵀ) → op(S)", Kind.REDUCE, least_labels, symmetric_leaves),
    Rule("constant indicator", "1[0 = 0] → 1", Kind.INDICATOR, constant_indicator),
    Rule("view in linalg", "(view X)⁻¹ → X⁻¹", Kind.LINALG, view_in_linalg),
    Rule("inverse of transpose", "(Xᵀ)⁻¹ → (X⁻¹)ᵀ", Kind.LINALG, inverse_of_transpose),
    Rule("inverse of inverse", "(X⁻¹)⁻¹ → X", Kind.LINALG, inverse_of_inverse),
    Rule("linalg of identity", "I⁻¹ → I", Kind.LINALG, linalg_of_identity),
    Rule("linalg of scaled", "(c·X)⁻¹ → (1/c)·X⁻¹", Kind.LINALG, linalg_of_scaled),
    Rule("determinant of inverse", "det(X⁻¹) → 1/det X", Kind.LINALG, determinant_of_inverse),
    Rule(
        "inverse of orthogonal", "Q⁻¹ → Qᵀ", Kind.LINALG, orthogonal_linalg, quoting("orthogonal")
    ),
    Rule(
        "logdet of diagonal",
        "log|det D| → Σ log|D|",
        Kind.LINALG,
        diagonal_logdet,
        quoting("diagonal"),
    ),
)
"""Laws that every normal form uses."""
