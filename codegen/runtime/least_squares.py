"""Least squares: two optimizers for a loss that is a sum of squares, by its residuals."""

from __future__ import annotations

import math

import numpy as np

from .interface import DTYPE, _residuals
from .iterations import FullBatch, _Iterations, _tolerance


def _residuals_at(iterations: _Iterations, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """r with loss = Σ r², and ∂r/∂θ."""
    with np.errstate(all="ignore"):
        r, jacobian = _residuals(iterations.params(vector), *iterations.arrays)
    return r.astype(float), jacobian[:, iterations.free].astype(float)


def _first_residuals(iterations: _Iterations) -> tuple[np.ndarray, np.ndarray]:
    """The residuals at the start, and their Jacobian."""
    r, jacobian = _residuals_at(iterations, iterations.start())
    if not (np.isfinite(r).all() and np.isfinite(jacobian).all()):
        iterations.diverge(iterations.run.params, float(r @ r))
    return r, jacobian


def _levenberg_marquardt(iterations: _Iterations) -> None:
    r, _ = _first_residuals(iterations)
    from scipy.optimize import least_squares

    begun = False

    def residuals(vector: np.ndarray) -> np.ndarray:
        r, _ = _residuals_at(iterations, vector)
        return r if np.isfinite(r).all() else np.full_like(r, 1e100)  # a step too long is refused

    def jacobian(vector: np.ndarray) -> np.ndarray:
        """SciPy asks for it where it begins, and then at the end of each iteration."""
        nonlocal begun
        r, jacobian = _residuals_at(iterations, vector)
        if begun:
            iterations.end(vector, float(r @ r))
        begun = True
        if not np.isfinite(jacobian).all():
            iterations.diverge(iterations.params(vector), math.nan)
        return jacobian

    start, tolerance = iterations.start(), _tolerance(iterations)
    found = least_squares(
        residuals,
        start,
        jac=jacobian,
        method="lm" if len(r) >= len(start) else "trf",
        x_scale="jac",
        ftol=tolerance,
        xtol=tolerance,
        gtol=tolerance,
        max_nfev=30 * iterations.settings.epochs,
    )
    if not np.array_equal(iterations.start(), found.x.astype(DTYPE)):  # the last one, if it is new
        iterations.end(found.x, float(found.fun @ found.fun))


def _gauss_newton(iterations: _Iterations) -> None:
    """The step is halved until the loss is lower."""
    tolerance = _tolerance(iterations)
    r, jacobian = _first_residuals(iterations)
    rank = max(jacobian.shape) * float(np.finfo(DTYPE).eps)  # what is less is rounding
    while True:
        vector, value, length = iterations.start(), float(r @ r), 1.0
        direction = np.linalg.lstsq(jacobian, -r, rcond=rank)[0]
        while True:
            r, jacobian = _residuals_at(iterations, vector + length * direction)
            if float(r @ r) < value and np.isfinite(jacobian).all():
                break
            length /= 2
            if length < tolerance:
                return
        iterations.end(vector + length * direction, float(r @ r))
        if value - float(r @ r) <= tolerance * value:
            return


LEAST_SQUARES: dict[str, FullBatch] = {
    # Marquardt, An algorithm for least-squares estimation of nonlinear parameters, 1963.
    "levenberg_marquardt": FullBatch(
        "θ − (JᵀJ + λ·diag(JᵀJ))⁻¹·Jᵀr where L = rᵀr, J = ∂r/∂θ",
        {"tolerance": 1e-8},
        _levenberg_marquardt,
    ),
    "gauss_newton": FullBatch(
        "θ − η·(JᵀJ)⁻¹·Jᵀr where L = rᵀr, J = ∂r/∂θ", {"tolerance": 1e-8}, _gauss_newton
    ),
}
