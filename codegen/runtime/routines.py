# mypy: disable-error-code="no-any-return"
"""Functions of whole matrices and rows for compiled code: inverses, determinants, sorting.

NumPy does the work (Numba compiles its linear algebra to LAPACK); what is here is the shape in
which a loop can call it, one matrix or row at a time. Copied by source into the generated files
that need them. Of a singular matrix a function tells its caller, who knows its name. NaN passes:
Numba's linear algebra would refuse it, so it is seen first.
"""

import numpy as np
from numba import njit


@njit
def invert_into(matrix: np.ndarray, result: np.ndarray) -> bool:
    """Write the inverse to `result`; False if the matrix is singular to working precision."""
    norm = _norm(matrix)
    if not norm < np.inf:
        result[:] = np.nan
        return True
    try:
        result[:] = np.linalg.inv(np.ascontiguousarray(matrix))
    except Exception:
        return False
    return bool(norm * _norm(result) * np.finfo(matrix.dtype).eps < 1)


@njit
def log_abs_det_of(matrix: np.ndarray) -> float:
    """log |det|: minus infinity for a singular matrix."""
    norm = _norm(matrix)
    if not norm < np.inf:
        return norm * np.nan
    return np.linalg.slogdet(np.ascontiguousarray(matrix))[1]


@njit
def det_of(matrix: np.ndarray) -> float:
    """The determinant."""
    norm = _norm(matrix)
    if not norm < np.inf:
        return norm * np.nan
    return np.linalg.det(np.ascontiguousarray(matrix))


@njit
def _norm(matrix: np.ndarray) -> float:
    """The largest sum of absolute values in a column; NaN if there is one in the matrix."""
    largest = abs(matrix[0, 0])
    for j in range(matrix.shape[1]):
        total = abs(matrix[0, j])
        for i in range(1, matrix.shape[0]):
            total += abs(matrix[i, j])
        if not total <= largest:
            largest = total
        if total != total:
            return total
    return largest


@njit
def threshold_of(z: np.ndarray) -> float:
    """The τ with Σ max(z - τ, 0) = 1 of one row (Martins and Astudillo, 2016).

    Of the entries in descending order, the first k are above τ = (their sum - 1) / k, for the
    largest k of which the k-th still is. The greatest entry is subtracted before summing.
    """
    ascending = np.sort(z)
    greatest = ascending[-1]
    above = greatest * 0 - 1
    threshold = above
    for k in range(1, len(z) + 1):
        entry = ascending[-k] - greatest
        above += entry
        if not k * entry > above:
            break
        threshold = above / k
    return greatest + threshold


@njit
def shaped(buffer: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The array of a shape that lies in the first entries of ``buffer``.

    A function, because Numba compiles a slice and its shape anew wherever they are written.
    """
    size = 1
    for n in shape:
        size *= n
    return buffer[:size].reshape(shape)


@njit
def clip_norm(gradient: np.ndarray, segments: np.ndarray, limit: float) -> None:
    """Scale the parts of a gradient down to a common norm of at most ``limit``."""
    if limit == np.inf:
        return
    squares = 0.0
    for k in range(segments.shape[0]):
        for i in range(segments[k, 0], segments[k, 1]):
            squares += float(gradient[i]) * float(gradient[i])
    scale = limit / (np.sqrt(squares) + 1e-6)
    if scale < 1:
        for k in range(segments.shape[0]):
            for i in range(segments[k, 0], segments[k, 1]):
                gradient[i] *= scale
