"""Arrays of floats and arrays of exact numbers, and what the kinds of nodes need of them.

Why it exists: `evaluate` reads a graph literally, over whichever of the two it is given: NumPy's
floats where a guess is tried thousands of times, arrays of `Number` where it is decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
import sympy as sp

from symgrad.verification.arithmetic import FLOATS, Arithmetic, arithmetic_of
from symgrad.verification.bodies import compiled
from symgrad.verification.number import Exact, Imprecise, Number, OutsideDomain, Retry

Sizes = Mapping[sp.Symbol, int]

_NONE: Sizes = {}


class Numbers(Protocol):
    """Arrays of one kind of number, and what the kinds of nodes need of them."""

    bodies: Arithmetic

    def leaf(self, values: np.ndarray) -> np.ndarray:
        """An array of Fractions in these numbers."""

    def full(self, value: sp.Expr, shape: tuple[int, ...], sizes: Sizes = _NONE) -> np.ndarray:
        """An array with one constant, in which dimensions have sizes."""

    def mask(self, where: np.ndarray) -> np.ndarray:
        """1 where a condition holds, else 0."""

    def apply(self, body: sp.Expr, operands: Sequence[np.ndarray], sizes: Any) -> np.ndarray:
        """A scalar function at every entry."""

    def positions(self, values: np.ndarray) -> np.ndarray:
        """Whole numbers, such as labels, as an array of integers."""

    def reduce(self, op: str, rows: np.ndarray) -> np.ndarray:
        """A reduction that is not a sum, over the last axis."""

    def linalg(self, op: str, matrices: np.ndarray) -> np.ndarray:
        """An operation of linear algebra on the last two axes."""


# --------------------------------------------------------------------------------------- floats


class Floats:
    """NumPy arrays of floats: quick, and no proof of anything."""

    bodies = FLOATS

    def leaf(self, values: np.ndarray) -> np.ndarray:
        """The nearest floats."""
        return np.asarray(values, dtype=float)

    def full(self, value: sp.Expr, shape: tuple[int, ...], sizes: Sizes = _NONE) -> np.ndarray:
        """An array with one constant."""
        free = value.free_symbols
        known = value.xreplace({s: sp.Integer(sizes[s]) for s in free}) if free else value
        return np.full(shape, self.bodies.constant(known))

    def mask(self, where: np.ndarray) -> np.ndarray:
        """1.0 and 0.0."""
        return where.astype(float)

    def apply(self, body: sp.Expr, operands: Sequence[np.ndarray], sizes: Any) -> np.ndarray:
        """Whole arrays at once."""
        return np.asarray(compiled(body)(operands, sizes, self.bodies), dtype=float)

    def positions(self, values: np.ndarray) -> np.ndarray:
        """Rounded; a float that is no number is no position, −1."""
        return np.asarray(np.nan_to_num(values, nan=-1.0, posinf=-1.0, neginf=-1.0), dtype=int)

    def reduce(self, op: str, rows: np.ndarray) -> np.ndarray:
        """Over the last axis."""
        if op == "logsumexp":
            return np.asarray(np.logaddexp.reduce(rows, axis=-1))
        if op == "max":
            return np.asarray(rows.max(axis=-1))
        if op == "argmax":
            return np.asarray(rows.argmax(axis=-1), dtype=float)
        return _rowwise(lambda row: _sparsemax(op, list(row), FLOATS), rows, float)

    def linalg(self, op: str, matrices: np.ndarray) -> np.ndarray:
        """By NumPy; a singular matrix gives NaN."""
        if op == "det":
            return np.asarray(np.linalg.det(matrices))
        if op == "logdet":
            return np.asarray(np.linalg.slogdet(matrices)[1])
        try:
            return np.linalg.inv(matrices)
        except np.linalg.LinAlgError:
            return np.full_like(matrices, np.nan)


FLOAT = Floats()


def _rowwise(f: Callable[[np.ndarray], Any], rows: np.ndarray, dtype: Any) -> np.ndarray:
    """A function of each row, the last axis."""
    result = np.empty(rows.shape[:-1], dtype=dtype)
    for at in np.ndindex(*rows.shape[:-1]):
        result[at] = f(rows[at])
    return result


def _sparsemax(op: str, row: list[Any], a: Arithmetic) -> Any:
    """τ(z), or ½ + Σ over the support of (zⱼ² − τ²)/2 less ½ (Martins and Astudillo, 2016).

    The value is max over p in the simplex of p·z − ½‖p‖².
    """
    order = sorted(row, key=_sortable)[::-1]
    one = a.constant(sp.S.One)
    total = threshold = None
    for k, z in enumerate(order, start=1):
        so_far = z if total is None else total + z
        count = a.constant(sp.Integer(k))
        if total is not None and not a.compare(one + count * z, ">", so_far):
            break
        total = so_far
        threshold = (total - one) * a.power(count, Fraction(-1))
    if op == "sparsemax_threshold":
        return threshold
    value = None
    half = a.constant(sp.Rational(1, 2))
    for z in row:
        p = z - threshold
        if not a.compare(p, ">", a.constant(sp.S.Zero)):
            continue
        term = p * z - half * (p * p)
        value = term if value is None else value + term
    return value


def _sortable(x: Any) -> float:
    if isinstance(x, Number) and x.field.formal:
        raise Retry("values without intervals have no order")
    return float(x.ball.mid()) if isinstance(x, Number) else float(x)


# ------------------------------------------------------------------------------- exact numbers


class Exactly:
    """Arrays of `Number`: certified, and exact modulo primes.

    ``free`` says that branches are free, see `arithmetic.FREE_FUNCTIONS`.
    """

    def __init__(self, field: Exact, free: bool = False) -> None:
        self.field = field
        self.bodies = arithmetic_of(field, free)

    def leaf(self, values: np.ndarray) -> np.ndarray:
        """The rationals themselves."""
        return _objects(self.field.rational, values)

    def full(self, value: sp.Expr, shape: tuple[int, ...], sizes: Sizes = _NONE) -> np.ndarray:
        """An array with one constant."""
        found = np.empty(shape, dtype=object)
        found.fill(compiled(value)((), sizes, self.bodies))
        return found

    def mask(self, where: np.ndarray) -> np.ndarray:
        """1 and 0."""
        return _objects(lambda x: self.field.rational(int(x)), where)

    def apply(self, body: sp.Expr, operands: Sequence[np.ndarray], sizes: Any) -> np.ndarray:
        """An entry at a time."""
        run, a = compiled(body), self.bodies
        if not operands:
            return scalar(run((), sizes, a))
        apply = np.frompyfunc(lambda *x: run(x, sizes, a), len(operands), 1)
        return np.asarray(apply(*operands), dtype=object)

    def positions(self, values: np.ndarray) -> np.ndarray:
        """The whole numbers; raises Imprecise where one is not certain."""
        return np.asarray(_objects(Number.whole, values), dtype=int)

    def reduce(self, op: str, rows: np.ndarray) -> np.ndarray:
        """Over the last axis."""
        return _rowwise(lambda row: _EXACT_REDUCTIONS[op](list(row), self.bodies), rows, object)

    def linalg(self, op: str, matrices: np.ndarray) -> np.ndarray:
        """By elimination."""
        batch, n = matrices.shape[:-2], matrices.shape[-1]
        result = np.empty(matrices.shape if op == "inverse" else batch, dtype=object)
        for at in np.ndindex(*batch):
            rows = matrices[at].tolist()
            if op == "inverse":
                whole = np.empty((n, n), dtype=object)
                whole[:] = _inverse(rows)
                result[at] = whole
                continue
            found = _determinant(rows)
            result[at] = found if op == "det" else _log_size(found)
        return result


def scalar(x: Any) -> np.ndarray:
    """One number as an array without axes."""
    found = np.empty((), dtype=object if isinstance(x, Number) else float)
    found[()] = x
    return found


def _objects(f: Callable[[Any], Any], values: np.ndarray) -> np.ndarray:
    found = np.empty(values.shape, dtype=object)
    for at in np.ndindex(*values.shape):
        found[at] = f(values[at])
    return found


def _log_size(x: Number) -> Number:
    return (-x if x.sign() < 0 else x).log()


_Rows = list[list[Number]]


def _determinant(rows: _Rows) -> Number:
    """By elimination; by cofactors where no pivot is certain, as of a matrix that is singular."""
    if not rows:
        raise OutsideDomain("a matrix without rows has no determinant")
    try:
        return _eliminated([list(row) for row in rows])
    except Imprecise:
        if len(rows) > _BY_COFACTORS:
            raise
        return _by_cofactors(rows)


_BY_COFACTORS = 5
"""Of a larger matrix, cofactors take too long."""


def _eliminated(rows: _Rows) -> Number:
    """The determinant; ``rows`` become upper triangular, and whole rows are carried along."""
    n, found = len(rows), rows[0][0].field.rational(1)
    for k in range(n):
        pivot = _pivot(rows, k)
        if pivot is None:
            return found.field.rational(0)
        if pivot != k:
            rows[k], rows[pivot] = rows[pivot], rows[k]
            found = -found
        found = found * rows[k][k]
        if k + 1 < n:
            _cleared(rows, k, range(k + 1, n))
    return found


def _cleared(rows: _Rows, k: int, others: Iterable[int]) -> None:
    """Column k made 0 in other rows, from the diagonal on."""
    inverse = rows[k][k].inverse()
    for r in others:
        factor = rows[r][k] * inverse
        rows[r][k + 1 :] = [
            x - factor * y for x, y in zip(rows[r][k + 1 :], rows[k][k + 1 :], strict=True)
        ]


def _pivot(rows: _Rows, k: int) -> int | None:
    """The row, from k on, of the largest entry in column k; None where all are certainly 0."""
    below = range(k, len(rows))
    if rows[k][k].field.formal:
        found = [r for r in below if rows[r][k].residues[:1] not in ((), (0,))]
        if not found and not all(rows[r][k].residues for r in below):
            raise Retry("the entries of a matrix have no residues left")
        return found[0] if found else None
    sizes = {r: abs(rows[r][k].ball) for r in below}
    largest = max(below, key=lambda r: float(sizes[r].mid()))
    if sizes[largest] > 0:
        return largest
    if all(x.is_zero() for x in sizes.values()):
        return None
    raise Imprecise("no entry of a column is certainly not 0")


def _inverse(rows: _Rows) -> _Rows:
    """The inverse, the identity being carried along."""
    n, field = len(rows), rows[0][0].field
    one, zero = field.rational(1), field.rational(0)
    wide = [[*row, *(one if i == j else zero for j in range(n))] for i, row in enumerate(rows)]
    for k in range(n):
        pivot = _pivot(wide, k)
        if pivot is None:
            raise OutsideDomain("the inverse of a singular matrix is taken")
        wide[k], wide[pivot] = wide[pivot], wide[k]
        _cleared(wide, k, (r for r in range(n) if r != k))
    return [[x * inverse for x in row[n:]] for row, inverse in _with_inverses(wide)]


def _with_inverses(rows: _Rows) -> list[tuple[list[Number], Number]]:
    return [(row, row[k].inverse()) for k, row in enumerate(rows)]


def _by_cofactors(rows: _Rows) -> Number:
    if len(rows) == 1:
        return rows[0][0]
    found: Number | None = None
    for k, row in enumerate(rows):
        term = row[0] * _by_cofactors([r[1:] for i, r in enumerate(rows) if i != k])
        signed = -term if k % 2 else term
        found = signed if found is None else found + signed
    assert found is not None
    return found


def _exact_logsumexp(row: list[Number], a: Arithmetic) -> Number:
    total = row[0].exp()
    for x in row[1:]:
        total = total + x.exp()
    return total.log()


def _exact_argmax(row: list[Number], a: Arithmetic) -> Number:
    best = 0
    for k, x in enumerate(row[1:], start=1):
        if (x - row[best]).sign() > 0:
            best = k
    return row[best].field.rational(best)


def _exact_max(row: list[Number], a: Arithmetic) -> Number:
    return row[_exact_argmax(row, a).whole()]


_EXACT_REDUCTIONS: dict[str, Callable[[list[Number], Arithmetic], Any]] = {
    "logsumexp": _exact_logsumexp,
    "max": _exact_max,
    "argmax": _exact_argmax,
    "sparsemax_threshold": lambda row, a: _sparsemax("sparsemax_threshold", row, a),
    "sparsemax_value": lambda row, a: _sparsemax("sparsemax_value", row, a),
}


def rounded(values: np.ndarray) -> np.ndarray:
    """The middle of each ball, as floats."""
    if values.dtype != object:
        return values
    return np.asarray(_objects(lambda x: float(x.ball.mid()), values), dtype=float)
