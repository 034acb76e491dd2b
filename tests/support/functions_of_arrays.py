"""What each loss and each function of vectors and matrices means, by its definition and its name.

A row takes the field of numbers (`oracle.Numbers`), the operands and the options of the call, and
gives a number, or an array of the first operand's shape. Determinants are by cofactors, which are
a definition and no algorithm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp
from scalar_functions import ROWS

Row = Callable[..., Any]


def flat(x: Any) -> list[Any]:
    """The entries of an array, or the one number."""
    return list(x.reshape(-1)) if isinstance(x, np.ndarray) else [x]


def total(xs: Sequence[Any]) -> Any:
    """Their sum, with no zero of another type in it."""
    result = xs[0]
    for x in xs[1:]:
        result = result + x
    return result


def _each(term: Callable[..., Any]) -> Row:
    """Σ of ``term`` over the entries of all operands."""

    def row(n: Any, *operands: Any, **options: Any) -> Any:
        return total([term(n, *xs, **options) for xs in zip(*map(flat, operands), strict=True)])

    return row


def _positive(n: Any, x: Any) -> Any:
    return x if n.real(x) > 0 else 0 * x


def _size(n: Any, x: Any) -> Any:
    return x * ROWS["sign"](n, x)


def _power(n: Any, s: Any, y: Any, q: Any = 2) -> Any:
    size = _size(n, s - y)
    if isinstance(q, sp.Integer):
        return size ** int(q)
    return n.power(size, n.number(q) if isinstance(q, sp.Basic) else q)


def _softplus(n: Any, x: Any) -> Any:
    return ROWS["softplus"](n, x)


def _xlogx(n: Any, p: Any) -> Any:
    return ROWS["xlogx"](n, p)


def _hinges(n: Any, scores: Any, c: int, delta: Any = 1) -> Any:
    s = flat(scores)
    delta = n.number(delta)
    return total([0 * s[0], *(_positive(n, x - s[c] + delta) for j, x in enumerate(s) if j != c)])


def _mistake(n: Any, scores: Any, c: int | None = None) -> Any:
    s = flat(scores)
    if c is None:
        return total([n.number(int(n.real(x) < 0)) for x in s])
    return n.number(int(any(n.real(x) > n.real(s[c]) for x in s)))


def sparsemax(n: Any, z: Sequence[Any]) -> tuple[Any, Any]:
    """(τ, Ω*): the largest support on which every entry is above the threshold."""
    order = sorted(z, key=n.real, reverse=True)
    sizes = [k for k in range(1, len(z) + 1) if n.real(1 + k * order[k - 1] - total(order[:k])) > 0]
    support = order[: sizes[-1]]
    threshold = (total(support) - 1) / len(support)
    p = [_positive(n, x - threshold) for x in z]
    value = total([a * b - a * a / 2 for a, b in zip(p, z, strict=True)])
    return threshold, value


def _sparsemax(n: Any, z: Any) -> Any:
    threshold, _ = sparsemax(n, flat(z))
    result = n.array(z.shape)
    for at in np.ndindex(*z.shape):
        result[at] = _positive(n, z[at] - threshold)
    return result


def _sparsemax_loss(n: Any, z: Any, y: Any) -> Any:
    _, value = sparsemax(n, flat(z))
    if isinstance(y, int):
        return value - flat(z)[y] + n.number(1) / 2
    return value + total([b * b / 2 - a * b for a, b in zip(flat(z), flat(y), strict=True)])


def determinant(rows: Sequence[Sequence[Any]]) -> Any:
    """By cofactors of the first row."""
    if len(rows) == 1:
        return rows[0][0]
    return total(
        [
            (-1) ** k * rows[0][k] * determinant([[*r[:k], *r[k + 1 :]] for r in rows[1:]])
            for k in range(len(rows))
        ]
    )


def inverse(n: Any, x: np.ndarray) -> np.ndarray:
    """The adjugate over the determinant."""
    rows, size = x.tolist(), len(x)
    whole, result = determinant(rows), n.array(x.shape)
    for i, j in np.ndindex(*x.shape):
        minor = [[*r[:i], *r[i + 1 :]] for k, r in enumerate(rows) if k != j]
        result[i, j] = (-1) ** (i + j) * (determinant(minor) if size > 1 else n.number(1)) / whole
    return result


def _first(n: Any, row: Sequence[Any]) -> Any:
    """The place of the first largest entry."""
    return n.number(max(range(len(row)), key=lambda k: n.real(row[k])))


def _along(n: Any, x: Any, rows: bool, reduced: Callable[[Sequence[Any]], Any]) -> Any:
    """A reduction of all entries, or a column of those of each row."""
    if not rows:
        return reduced(flat(x))
    result = n.array((len(x), 1))
    result[:, 0] = [reduced(list(row)) for row in x]
    return result


def _norm(n: Any, x: Any, p: Any = 2) -> Any:
    if p == 2:
        return n.sqrt(total([a * a for a in flat(x)]))
    sizes = [_size(n, a) for a in flat(x)]
    return total(sizes) if p == 1 else max(sizes, key=n.real)


def _logdet(n: Any, x: Any) -> Any:
    return n.log(_size(n, determinant(x.tolist())))


OF_ARRAYS: dict[str, Row] = {
    "mean_squared_error": lambda n, f, y: _each(lambda n, a, b: (a - b) ** 2)(n, f, y) / f.size,
    "power_error": _each(_power),
    "entropy": _each(lambda n, p: -_xlogx(n, p)),
    "kl_divergence": _each(lambda n, p, q: _xlogx(n, p) - p * n.log(q)),
    "binary_cross_entropy": _each(lambda n, p, y: -y * n.log(p) - (1 - y) * n.log(1 - p)),
    "logistic_loss": _each(lambda n, s, y: _softplus(n, s) - y * s),
    "logistic_margin": _each(lambda n, m: _softplus(n, -m)),
    "hinge": _each(lambda n, m: _positive(n, 1 - m)),
    "squared_margin": _each(lambda n, m: (1 - m) ** 2),
    "multiclass_hinge": _hinges,
    "multilabel_hinge": _each(lambda n, s, y: _positive(n, 1 - y * s)),
    "multilabel_logistic": _each(lambda n, s, y: _softplus(n, s) - y * s),
    "sparsemax_loss": _sparsemax_loss,
    "zero_one_loss": _mistake,
    "l1": _each(_size),
    "l2": _each(lambda n, w: w * w / 2),
    "max": lambda n, x, rows=False: _along(n, x, rows, lambda r: max(r, key=n.real)),
    "min": lambda n, x, rows=False: _along(n, x, rows, lambda r: min(r, key=n.real)),
    "argmax": lambda n, x, rows=False: _along(n, x, rows, lambda r: _first(n, r)),
    "sparsemax_threshold": lambda n, z: sparsemax(n, flat(z))[0],
    "sparsemax_value": lambda n, z: sparsemax(n, flat(z))[1],
    "sparsemax": _sparsemax,
    "trace": lambda n, x: total([x[i, i] for i in range(len(x))]),
    "det": lambda n, x: determinant(x.tolist()),
    "logdet": _logdet,
    "inverse": inverse,
    "solve": lambda n, a, b: inverse(n, a).dot(b),
    "norm": _norm,
}
"""Functions of arrays by name, beside those of `oracle`."""
