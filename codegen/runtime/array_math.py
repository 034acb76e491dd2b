# mypy: allow-untyped-defs, allow-untyped-calls
"""Operations on NumPy arrays that NumPy lacks, accurate at any argument.

Copied by source into the generated files that use them. `windows_of` and `add_windows` are what
convolution and pooling are made of: an axis is read, or added to, at start + Σ step·k, where each
k counts from 0 to its count.
"""

import itertools

import numpy as np


def sigmoid(t):
    """1 / (1 + e^-t); 0 where e^-t overflows, and less than the smallest normal number is lost."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-t))


def erf(t):
    """The error function: t + t·P(t²) near 0, 1 - erfc beyond. Error below 1.3 ulp."""
    x = np.asarray(t, np.float64)
    far = np.copysign(1 - _tail_erfc(np.abs(x)), x)
    return np.where(np.abs(x) < 0.8, _near_erf(x), far).astype(np.asarray(t).dtype)


def erfc(t):
    """1 - erf t, accurate where that is small. Error below 2.5 ulp, above the subnormal numbers."""
    x = np.asarray(t, np.float64)
    tail = _tail_erfc(np.abs(x))
    far = np.where(x < 0, 2 - tail, tail)
    return np.where(np.abs(x) < 0.5, 1 - _near_erf(x), far).astype(np.asarray(t).dtype)


def _near_erf(x):
    """erf x for |x| ≤ 0.8."""
    x = np.clip(x, -0.8, 0.8)
    return x + x * _polynomial(_NEAR_ERF, x * x)


def _tail_erfc(x):
    """erfc x for x ≥ ½.

    (1 + 2x)·e^(x²)·erfc x is between 1 and 1.3, and a polynomial in (x - 4) / (x + 4): a form due
    to Shepherd and Laframboise (Math. Comp. 36, 1981); the coefficients are those of a Chebyshev
    interpolation for x ≤ 28. The exponential would magnify the rounding error of x², so it is
    taken of a nearby number whose square is exact; what is left of x², and the rounding errors of
    1 + 2x and of the polynomial (4.85e-17: of its last coefficient), are small corrections.
    """
    x = np.clip(x, 0.5, 28)
    high = x.astype(np.float32).astype(np.float64)
    below = 1 + 2 * x
    small = np.expm1((high - x) * (high + x) - (1 - (below - 2 * x)) / below)
    t = (x - 4) / (x + 4)
    last = t * _polynomial(_TAIL_ERFC[:-1], t)
    above = _TAIL_ERFC[-1] + last
    above = above + (((_TAIL_ERFC[-1] - above) + last) + (above * small - 4.85e-17))
    return np.exp(-high * high) * (above / below)


_NEAR_ERF = (
    *(1.0784137268777398e-08, -1.5733777777321388e-07, 1.64043772465993e-06),
    *(-1.492233729189381e-05, 0.00012055210141926477, -0.0008548324088574753),
    *(0.0052239775816341925, -0.026866170641310826, 0.11283791670938019),
    *(-0.37612638903183454, 0.12837916709551256),
)
_TAIL_ERFC = (
    *(-1.8206098680308682e-09, -1.3670989863347383e-08, -7.71541861441783e-09),
    *(1.1534943745754157e-07, 6.270727157198311e-08, -8.351619688696847e-07),
    *(3.0135049944875397e-07, 5.7178872846321855e-06, -1.1224789135154701e-05),
    *(-2.4403169244974074e-05, 0.000150622243948303, -0.00019925550755614952),
    *(-0.00075777334141333, 0.005031969755895426, -0.016197734059115006),
    *(0.03716751556249286, -0.06633036581152939, 0.09373283499679412),
    *(-0.10103906603635213, 0.06809705425473732, 0.01537965210262074),
    *(-0.1396211168405629, 1.2329951186255526),
)
"""The coefficients, the highest first."""


def _polynomial(coefficients, x):
    result = np.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        result = result * x + c
    return result


def normal_cdf(t):
    """Φ(t) = ½·erfc(-t/√2), accurate for negative t."""
    return 0.5 * erfc(-0.7071067811865476 * t)


def normal_pdf(t):
    """φ(t) = e^(-t²/2) / √(2π)."""
    return 0.3989422804014327 * np.exp(-0.5 * t * t)


def gelu(t):
    """t·Φ(t)."""
    return t * normal_cdf(t)


def swish(t):
    """t·σ(t)."""
    return t * sigmoid(t)


def elu(t, alpha):
    """t, and alpha·(e^t - 1) where t ≤ 0."""
    return np.where(t > 0, t, alpha * np.expm1(np.minimum(t, 0)))


def leaky_relu(t, slope):
    """t, and slope·t where t ≤ 0."""
    return np.where(t > 0, t, slope * t)


def inverse_or_zero(t):
    """1 / t, and 0 at 0."""
    return (t != 0) / np.where(t == 0, 1, t)


def xlogx(t):
    """t·log t, and 0 at 0."""
    return t * np.log(np.where(t == 0, 1, t))


def sech(t):
    """1 / cosh t, by e^-|t|, which cannot overflow."""
    e = np.exp(-np.abs(t))
    return 2 * e / (1 + e * e)


def csch(t):
    """1 / sinh t, by e^-|t|, which cannot overflow."""
    return np.copysign(2 * np.exp(-np.abs(t)), t) / -np.expm1(-2 * np.abs(t))


def windows_of(x, *places):
    """x read at start + Σ step·k along some of its axes, and 0 outside: a view where nothing is.

    Each of `places` is (axis, start, (step, count), …): the axis gives way to one for each step,
    along which k < count. The last axis comes first.
    """
    firsts = [0] * x.ndim
    for axis, start, *steps in places:
        x, firsts[axis], _ = _padded(x, axis, start, steps)
    shape, strides = list(x.shape), list(x.strides)
    for axis, _, *steps in places:
        shape[axis : axis + 1] = [count for _, count in steps]
        strides[axis : axis + 1] = [step * x.strides[axis] for step, _ in steps]
    begun = x[tuple([slice(first, None) for first in firsts])]
    return np.lib.stride_tricks.as_strided(begun, shape, strides, writeable=False)


def add_windows(values, axis, size, start, *steps):
    """The transpose of `windows_of`: values are added at start + Σ step·k of an axis of this size.

    The axes that belong to `steps` begin at `axis`; what falls outside is dropped.
    """
    counts = [count for _, count in steps]
    shape = [*values.shape[:axis], size, *values.shape[axis + len(steps) :]]
    values = np.broadcast_to(values, [*shape[:axis], *counts, *shape[axis + 1 :]])
    padded, first, before = _padded(np.zeros(shape, values.dtype), axis, start, steps)
    places = _strided(padded, axis, first, steps)
    # Along the longest axis no place comes twice, so that whole slices can be added.
    longest = counts.index(max(counts)) if counts else None
    loops = [[slice(None)] if k == longest else range(n) for k, n in enumerate(counts)]
    for k in itertools.product(*loops):
        chosen = (slice(None),) * axis + k
        places[chosen] += values[chosen]
    return padded[(slice(None),) * axis + (slice(before, before + size),)]


def _padded(x, axis, start, steps):
    """x with room for all places, where the first of them is then, and the zeros before x."""
    low = start + sum(min(0, step * (count - 1)) for step, count in steps)
    high = start + sum(max(0, step * (count - 1)) for step, count in steps)
    before, after = max(-low, 0), max(high - x.shape[axis] + 1, 0)
    if before or after:
        shape = list(x.shape)
        shape[axis] += before + after
        inside = [slice(None)] * x.ndim
        inside[axis] = slice(before, before + x.shape[axis])
        wider = np.zeros(shape, x.dtype)
        wider[tuple(inside)] = x
        x = wider
    return x, start + before, before


def _strided(x, axis, first, steps):
    """A view to write to, with an axis for each of `steps` in the place of `axis`."""
    shape = [*x.shape[:axis], *(count for _, count in steps), *x.shape[axis + 1 :]]
    along = x.strides[axis]
    strides = [*x.strides[:axis], *(step * along for step, _ in steps), *x.strides[axis + 1 :]]
    begun = x[(slice(None),) * axis + (slice(first, None),)]
    return np.lib.stride_tricks.as_strided(begun, shape, strides)


def inverse_of(matrix, name):
    """The inverse of each matrix on the last two axes; one that is singular is an error."""
    try:
        with np.errstate(all="ignore"):
            result = np.linalg.inv(matrix)
            norms = [np.abs(x).sum(axis=-2).max(axis=-1) for x in (matrix, result)]
            singular = norms[0] * norms[1] * np.finfo(matrix.dtype).eps >= 1
    except np.linalg.LinAlgError:
        singular = True
    if np.any(singular):
        raise np.linalg.LinAlgError(
            f"{name} is singular: it has no inverse; give a matrix of full rank, or add a small "
            "multiple of the identity to it."
        )
    return result


def log_abs_det(matrix, name):
    """log |det| of each matrix on the last two axes; one that is singular is an error."""
    with np.errstate(all="ignore"):
        logarithm = np.linalg.slogdet(matrix)[1]
    if np.any(logarithm == -np.inf):
        raise np.linalg.LinAlgError(
            f"{name} is singular: its log-determinant is not finite; give a matrix of full rank, "
            "or add a small multiple of the identity to it."
        )
    return logarithm


def determinant_of(matrix):
    """The determinant of each matrix on the last two axes, without a warning of NaN."""
    with np.errstate(invalid="ignore"):
        return np.linalg.det(matrix)


def sparsemax_threshold(z):
    """The τ with Σ max(z - τ, 0) = 1 along the last axis (Martins and Astudillo, 2016).

    Of the entries in descending order, the first k are above τ = (their sum - 1) / k, for the
    largest k of which the k-th still is. The greatest entry is subtracted before summing.
    """
    greatest = z.max(axis=-1)
    descending = -np.sort(greatest[..., None] - z, axis=-1)
    above = np.cumsum(descending, axis=-1) - 1
    k = np.arange(1, z.shape[-1] + 1)
    support = np.count_nonzero(k * descending > above, axis=-1)
    chosen = np.take_along_axis(above, support[..., None] - 1, axis=-1)[..., 0]
    return greatest + (chosen / np.maximum(support, 1)).astype(z.dtype)
