"""Full batch: optimizers that take all data at once and find their own step length, by SciPy.

They work on one vector in float64, the parameters that are not frozen, side by side.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import numpy as np

from .checkpoint import _Run, _views
from .descent import _end_epoch, _HeldOut, _patience_is_over, _Settings
from .divergence import Diverged, _first_not_finite, _number_text
from .history import _history
from .interface import DTYPE, NAME, Params, _residuals, _value_and_grad
from .interrupts import _Interrupts
from .progress import _Progress


class FullBatch(NamedTuple):
    """An optimizer over all data: its rule, its options, and what takes a run to its end."""

    formula: str
    options: dict[str, float]
    run: Callable[[_Iterations], None]


class _Enough(Exception):
    """The run has come to its end before SciPy thinks so."""


class _Iterations:
    """A run of iterations over all data, each of which is recorded like an epoch of one step."""

    def __init__(
        self,
        run: _Run,
        arrays: tuple[np.ndarray, ...],
        settings: _Settings,
        held_out: _HeldOut,
        progress: _Progress,
        interrupts: _Interrupts,
    ) -> None:
        self.run, self.arrays, self.settings = run, arrays, settings
        self.held_out, self.progress, self.interrupts = held_out, progress, interrupts
        self.free = np.concatenate([np.arange(*segment) for segment in settings.segments])

    def start(self) -> np.ndarray:
        return np.asarray(self.run.theta[self.free], dtype=float)

    def params(self, vector: np.ndarray) -> Params:
        theta = self.run.theta.copy()
        theta[self.free] = vector
        return _views(self.run.params, theta)

    def loss(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """The mean loss over all data and its gradient."""
        params = self.params(vector)
        with np.errstate(all="ignore"):
            value, gradient = _value_and_grad(params, *self.arrays)
        slopes = np.concatenate([np.ravel(array) for array in gradient])[self.free].astype(float)
        if not (math.isfinite(value) and np.isfinite(slopes).all()):
            self.diverge(params, value)
        return float(value), slopes

    def residuals(self, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """r with loss = Σ r², and ∂r/∂θ."""
        with np.errstate(all="ignore"):
            r, jacobian = _residuals(self.params(vector), *self.arrays)
        if not r.size:
            raise ValueError(
                f"{self.settings.optimizer} needs a loss that is a sum of squares, and that of "
                f"{NAME} is none; take 'lbfgs'."
            )
        return r.astype(float), jacobian[:, self.free].astype(float)

    def end(self, vector: np.ndarray, value: float) -> None:
        """Take what an iteration has found as the parameters, and record it."""
        run, settings, rows = self.run, self.settings, len(self.arrays[0])
        run.theta[self.free] = vector
        run.position, run.rows, run.t, run.total = 1, rows, run.t + 1, value * rows
        _end_epoch(run, self.held_out, settings)
        self.progress.show(run.records, 0.0, value)
        over = len(run.records) >= settings.epochs or _patience_is_over(run, settings.patience)
        if over or self.interrupts.asked:
            raise _Enough

    def diverge(self, params: Params, value: float) -> NoReturn:
        epoch = len(self.run.records) + 1
        what = "gradient" if math.isfinite(value) else "loss"
        raise Diverged(
            f"The {what} became {_number_text(value)} in iteration {epoch}: "
            f"{_first_not_finite(params, self.arrays)}. Start from smaller parameters, or scale "
            "the data.",
            self.run.parameters(),
            _history(self.run.records, "diverged"),
            epoch,
            1,
        )


def _run_full(optimizer: str, iterations: _Iterations) -> None:
    """Take the run to its end."""
    try:
        if iterations.settings.epochs:
            FULL_BATCH[optimizer].run(iterations)
    except ImportError:
        raise ImportError(f"optimizer {optimizer!r} needs SciPy: pip install scipy.") from None
    except _Enough:
        pass


def _tolerance(iterations: _Iterations) -> float:
    """What counts as no progress; less than the rounding of DTYPE makes no sense."""
    return max(iterations.settings.options["tolerance"], float(np.finfo(DTYPE).eps))


def _lbfgs(iterations: _Iterations) -> None:
    from scipy.optimize import minimize

    memory = iterations.settings.options["memory"]
    if not (memory >= 1 and memory == int(memory)):
        raise ValueError(f"option memory is {memory:g}; expected an integer of at least 1.")

    def iterated(intermediate_result: Any) -> None:
        iterations.end(intermediate_result.x, float(intermediate_result.fun))

    minimize(
        iterations.loss,
        iterations.start(),
        jac=True,
        method="L-BFGS-B",
        callback=iterated,
        options={
            "maxiter": iterations.settings.epochs,
            "maxfun": 30 * iterations.settings.epochs,
            "maxcor": int(memory),
            "gtol": _tolerance(iterations),
            "ftol": float(np.finfo(DTYPE).eps),
        },
    )


def _first_residuals(iterations: _Iterations) -> tuple[np.ndarray, np.ndarray]:
    """The residuals at the start, and their Jacobian."""
    r, jacobian = iterations.residuals(iterations.start())
    if not (np.isfinite(r).all() and np.isfinite(jacobian).all()):
        iterations.diverge(iterations.run.params, float(r @ r))
    return r, jacobian


def _levenberg_marquardt(iterations: _Iterations) -> None:
    r, _ = _first_residuals(iterations)
    from scipy.optimize import least_squares

    begun = False

    def residuals(vector: np.ndarray) -> np.ndarray:
        r, _ = iterations.residuals(vector)
        return r if np.isfinite(r).all() else np.full_like(r, 1e100)  # a step too long is refused

    def jacobian(vector: np.ndarray) -> np.ndarray:
        """SciPy asks for it where it begins, and then at the end of each iteration."""
        nonlocal begun
        r, jacobian = iterations.residuals(vector)
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
            r, jacobian = iterations.residuals(vector + length * direction)
            if float(r @ r) < value and np.isfinite(jacobian).all():
                break
            length /= 2
            if length < tolerance:
                return
        iterations.end(vector + length * direction, float(r @ r))
        if value - float(r @ r) <= tolerance * value:
            return


FULL_BATCH: dict[str, FullBatch] = {
    # Byrd, Lu, Nocedal and Zhu, A limited memory algorithm for bound constrained
    # optimization, 1995.
    "lbfgs": FullBatch(
        "θ − η·H·∂L/∂θ, H from the last steps", {"memory": 10.0, "tolerance": 1e-5}, _lbfgs
    ),
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
