"""Losses and regularisers, each a scalar: a sum over all entries of what it is given.

A loss of one example is declared; `empirical_risk` takes the mean over examples. Labels come in
three forms, and each docstring says which it takes: a class (``sg.label``), 0/1 and ±1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad import functions as f
from symgrad import graph as g
from symgrad import lift as lifting
from symgrad import vocabulary as v
from symgrad.errors import DeclarationError, ShapeError
from symgrad.graph import Node, dim
from symgrad.listing import shape_text
from symgrad.symbols import ARRAYS, LabelSymbol, ScalarCall

_t, _u = sp.Dummy("t", real=True), sp.Dummy("u", real=True)


def _summed(
    function: Callable[..., Any],
    body: sp.Expr,
    operands: dict[sp.Symbol, Any],
    options: dict[str, Any] | None = None,
) -> Any:
    """Σ ``body`` over all entries of arrays of one shape; of scalars just ``body``."""
    value = f.pointwise(function, body, operands)
    if not isinstance(value, ARRAYS):
        return value
    total = g.product([(value.node, tuple(range(value.node.rank)))], ())
    return ScalarCall(function, value.operands[: len(operands)], total, options)


# ----------------------------------------------------------------------------------- regression


def squared_error(f_: Any, y: Any) -> Any:
    """½‖f − y‖², a scalar, whose gradient with respect to f is f − y."""
    f_, y = f.as_expression(f_), f.as_expression(y)
    if not isinstance(f_, MatrixExpr) and not isinstance(y, MatrixExpr):
        return (f_ - y) ** 2 / 2
    squared, _ = _squared_distance(f_, y, "squared_error")
    return ScalarCall(squared_error, (f_, y), g.add([(sp.Rational(1, 2), squared, ())], ()))


def mean_squared_error(f_: Any, y: Any) -> Any:
    """‖f − y‖²/n, the mean over the n entries, whose gradient is 2(f − y)/n."""
    f_, y = f.as_expression(f_), f.as_expression(y)
    if not isinstance(f_, MatrixExpr) and not isinstance(y, MatrixExpr):
        return (f_ - y) ** 2
    squared, n = _squared_distance(f_, y, "mean_squared_error")
    return ScalarCall(mean_squared_error, (f_, y), g.add([(1 / n, squared, ())], ()))


def _squared_distance(a: Any, b: Any, function: str) -> tuple[Node, sp.Expr]:
    """‖a − b‖² and the number of entries."""
    a, b = f.matrix(a, function), f.matrix(b, function)
    lifting.same_shape(a, b, function)
    x, y = lifting.lift(a), lifting.lift(b)
    axes = tuple(range(x.rank))
    residual = g.add([(1, x, axes), (-1, y, axes)], x.shape)
    return g.product([(residual, axes), (residual, axes)], ()), a.shape[0] * a.shape[1]


def power_error(s: Any, y: Any, q: Any = 2) -> Any:
    """Σ|s − y|^q, whose gradient is q|s − y|^(q−1)·sign(s − y).

    q is a number ≥ 1 or a symbol that is declared positive, which then has to be ≥ 1.
    """
    q = f.number(q)
    if not (q >= 1 if q.is_number else q.is_positive):
        raise DeclarationError(
            f"power_error was given the exponent {q}; expected a number q ≥ 1, or a symbol "
            "declared with symbols(..., positive=True)."
        )
    difference = _t - _u
    body = difference**q if q.is_even else v.absolute(difference) ** q
    return _summed(power_error, body, {_t: s, _u: y}, {"q": q})


# ------------------------------------------------------------------------------- distributions


def cross_entropy(p: Any, y: Any) -> Any:
    """The cross-entropy of a prediction p, a probability vector: a scalar.

    With a target distribution y of p's shape it is −Σ yₖ log pₖ; with a class label
    (``sg.label``) it is −log p_y. Where p is a softmax the logarithm is taken of it exactly,
    so scores of ±1000 are fine.
    """
    p, node = f.vector(p, "cross_entropy")
    axes = tuple(range(node.rank))
    log_p = g.apply(sp.log(g.slot(0)), [(node, axes)], node.shape)
    y, target = _target(p, y, "cross_entropy")
    total = g.product([(target, axes), (log_p, axes)], ())
    return ScalarCall(cross_entropy, (p, y), g.add([(-1, total, ())], ()))


def entropy(p: Any) -> Any:
    """H(p) = −Σ pₖ log pₖ, with 0·log 0 = 0; its gradient is −(1 + log p)."""
    return _summed(entropy, -v.xlogx(_t), {_t: p})


def kl_divergence(p: Any, q: Any) -> Any:
    """KL(p‖q) = Σ pₖ log(pₖ/qₖ), with 0·log 0 = 0: the cross-entropy minus the entropy of p."""
    return _summed(kl_divergence, v.xlogx(_t) - _t * sp.log(_u), {_t: p, _u: q})


def binary_cross_entropy(p: Any, y: Any) -> Any:
    """−y log p − (1 − y) log(1 − p), for a probability p and a label y in {0, 1}.

    Its derivative by p is (p − y)/(p(1 − p)); where p = σ(z), by z, it is p − y.
    """
    body = -_u * sp.log(_t) - (1 - _u) * sp.log(1 - _t)
    return _summed(binary_cross_entropy, body, {_t: p, _u: y})


# ------------------------------------------------------------------------------- classification


def logistic_loss(score: Any, y: Any) -> Any:
    """softplus(s) − y·s, the binary cross-entropy of σ(s), for a label y in {0, 1}.

    Its derivative by the score is σ(s) − y. For ±1 labels see `logistic_margin`.
    """
    return _summed(logistic_loss, v.softplus(_t) - _u * _t, {_t: score, _u: y})


def logistic_margin(margin: Any) -> Any:
    """log(1 + e^(−m)) of the margin m = y·f(x), for a label y in {−1, +1}: −σ(−m) by m."""
    return _summed(logistic_margin, v.softplus(-_t), {_t: margin})


def hinge(margin: Any) -> Any:
    """max(0, 1 − m) of the margin m = y·f(x), for a label y in {−1, +1}: −1[1 − m > 0] by m."""
    return _summed(hinge, v.relu(1 - _t), {_t: margin})


def squared_margin(margin: Any) -> Any:
    """(1 − m)² of the margin m = y·f(x), for a label y in {−1, +1}."""
    return _summed(squared_margin, (1 - _t) ** 2, {_t: margin})


def multiclass_hinge(scores: Any, c: Any, delta: Any = 1) -> Any:
    """Σ over the classes j ≠ c of max(0, s_j − s_c + Δ), for a class label c (``sg.label``).

    By s_m it is 1[s_m − s_c + Δ > 0] for m ≠ c, and minus the sum of those for m = c
    (Weston and Watkins, 1999).
    """
    s, node = f.vector(scores, "multiclass_hinge")
    c, target = _target(s, c, "multiclass_hinge", labels_only=True)
    delta = f.number(delta)
    axes = tuple(range(node.rank))
    own = g.product([(target, axes), (node, axes)], ())
    shifted = g.add([(1, node, axes), (-1, own, ()), (delta, g.const(1), ())], node.shape)
    terms = g.apply(v.relu(g.slot(0)), [(shifted, axes)], node.shape)
    others = g.add([(1, g.const(1), ()), (-1, target, axes)], node.shape)
    options = {"delta": delta} if delta != 1 else {}
    return ScalarCall(
        multiclass_hinge, (s, c), g.product([(others, axes), (terms, axes)], ()), options
    )


def multilabel_hinge(scores: Any, y: Any) -> Any:
    """Σ_j max(0, 1 − y_j·s_j), for labels y_j in {−1, +1}: one hinge loss a label."""
    return _summed(multilabel_hinge, v.relu(1 - _u * _t), {_t: scores, _u: y})


def multilabel_logistic(scores: Any, y: Any) -> Any:
    """−Σ_j (y_j log σ(s_j) + (1 − y_j) log(1 − σ(s_j))), labels in {0, 1}; by the scores σ(s) − y.

    The logistic loss of each label, computed as softplus(s) − y·s.
    """
    return _summed(multilabel_logistic, v.softplus(_t) - _u * _t, {_t: scores, _u: y})


def sparsemax_loss(z: Any, y: Any) -> Any:
    """Ω*(z) − yᵀz + ½‖y‖², whose gradient by z is sparsemax(z) − y (Martins and Astudillo, 2016).

    Ω*(z) is the largest value of pᵀz − ½‖p‖² over the simplex. y is a distribution or a class
    label (``sg.label``).
    """
    z, node = f.vector(z, "sparsemax_loss")
    y, target = _target(z, y, "sparsemax_loss")
    axes = tuple(range(node.rank))
    half = sp.Rational(1, 2)
    if axes:
        conjugate = g.reduce("sparsemax_value", node, axes, ())
    else:  # of one class: z − ½
        conjugate = g.add([(1, node, ()), (-half, g.const(1), ())], ())
    chosen = g.product([(target, axes), (node, axes)], ())
    squared = g.product([(target, axes), (target, axes)], ())
    total = g.add([(1, conjugate, ()), (-1, chosen, ()), (half, squared, ())], ())
    return ScalarCall(sparsemax_loss, (z, y), total)


def zero_one_loss(prediction: Any, c: Any = None) -> Any:
    """1 for a mistake, else 0: a metric, which cannot be trained (its derivative is refused).

    Of a margin m = y·f(x) it is 1[m < 0]. Of scores and a class label c (``sg.label``) it is 1
    where another class has a larger score.
    """
    if c is None:
        return _summed(zero_one_loss, v.zero_one(_t), {_t: prediction})
    s, node = f.vector(prediction, "zero_one_loss")
    c, target = _target(s, c, "zero_one_loss", labels_only=True)
    axes = tuple(range(node.rank))
    own = g.product([(target, axes), (node, axes)], ())
    best = g.reduce("max", node, axes, ()) if axes else node
    margin = g.add([(1, own, ()), (-1, best, ())], ())
    return ScalarCall(zero_one_loss, (s, c), g.apply(v.zero_one(g.slot(0)), [(margin, ())], ()))


def _target(p: MatrixExpr, y: Any, function: str, labels_only: bool = False) -> tuple[Any, Node]:
    """A label as a one-hot vector, or a distribution of p's shape."""
    y = f.as_expression(y)
    node = lifting.lift(p)
    if isinstance(y, LabelSymbol):
        if (node.shape or (1,)) != (dim(y.classes),):
            raise ShapeError(
                f"{function} compares {p}, which is {shape_text(p.shape)}, with the "
                f"label {y} of {y.classes} classes; declare {y} with as many classes as {p} has "
                "entries."
            )
        return y, g.onehot(y.node, node.shape[0]) if node.shape else g.const(1)
    if labels_only:
        raise DeclarationError(
            f"{function} was given {y} for the correct class; expected a label, declared with "
            "sg.label."
        )
    y = f.matrix(y, function)
    lifting.same_shape(p, y, function)
    return y, lifting.lift(y)


# --------------------------------------------------------------------------------- regularisers


def l1(w: Any) -> Any:
    """Σ|w| over all entries, which makes weights sparse; its gradient is sign(w), 0 at 0."""
    return _summed(l1, v.absolute(_t), {_t: w})


def l2(w: Any) -> Any:
    """½Σw² over all entries, weight decay; its gradient is w."""
    return _summed(l2, _t**2 / 2, {_t: w})


LOSSES: tuple[Callable[..., Any], ...] = (
    *(squared_error, mean_squared_error, power_error, cross_entropy, entropy, kl_divergence),
    *(binary_cross_entropy, logistic_loss, logistic_margin, hinge, squared_margin),
    *(multiclass_hinge, multilabel_hinge, multilabel_logistic, sparsemax_loss, zero_one_loss),
    *(l1, l2),
)
"""Every loss and regulariser."""
