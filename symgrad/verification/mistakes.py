"""The mistakes that have a name.

Why it exists: a program wants a stable name, and a student a word for what went wrong. One row a
mistake; `edits` and `tree_edits` find them, and write the sentence that says where.
"""

from __future__ import annotations

MISTAKES: dict[str, str] = {
    "sign": "a sign is wrong",
    "factor": "a constant factor, such as 2, ½ or N, is too much or missing",
    "sum_for_mean": "a sum over the examples stands where their mean is due, or the reverse",
    "missing_sum": "a bias or a shared weight is not summed over its examples or uses",
    "missing_derivative": "the derivative of an activation is left out",
    "wrong_derivative": "the derivative of an activation is not what stands there",
    "derivative_of_wrong_argument": "the derivative of an activation is taken at a wrong place",
    "wrong_branch": "the branches of a piecewise function are reversed",
    "transpose": "a transpose is missing, or is one too many",
    "order": "a matrix product is the wrong way round",
    "wrong_product": "⊙ stands for the matrix product, or the reverse",
    "extra_sum": "a sum stands where its terms are due, entry by entry",
    "inverse": "a matrix stands where its inverse is due, or the reverse",
    "another_gradient": "the gradient by another value stands there",
    "missing_case": "the formula of one case stands for all of them",
    "index": "an index is wrong, or nothing sums over it",
    "missing_term": "a term of a sum is left out",
    "extra_term": "a sum has a term too many",
    "missing_factor": "a factor of a product is left out",
    "extra_factor": "a product has a factor too many",
    "wrong_value": "one value stands where another is due",
    "wrong_function": "one function stands where another is due",
    "missing_fact": "the claim is right only under a fact that was not declared",
    "parentheses": "parentheses are missing",
    "shape": "the shapes do not fit",
    "other": "no small change makes the claim right",
}
"""name → what it means."""
