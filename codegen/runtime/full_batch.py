"""Full batch: the optimizers that take all data at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from .interface import DTYPE
from .iterations import FullBatch, _Enough, _Iterations, _tolerance
from .least_squares import LEAST_SQUARES

OF_SQUARES = ("levenberg_marquardt", "gauss_newton")  # what only a sum of squares can be given


def _lbfgs(iterations: _Iterations) -> None:
    from scipy.optimize import minimize

    memory = iterations.settings.options["memory"]
    if not (memory >= 1 and memory == int(memory)):
        raise ValueError(f"option memory is {memory:g}; expected an integer of at least 1.")

    def iterated(intermediate_result: Any) -> None:
        iterations.end(intermediate_result.x, float(intermediate_result.fun))

    found = minimize(
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
    if found.status == 2 and iterations.beyond:  # however short the step was
        iterations.diverge(*iterations.beyond)


FULL_BATCH: dict[str, FullBatch] = {
    # Byrd, Lu, Nocedal and Zhu, A limited memory algorithm for bound constrained
    # optimization, 1995.
    "lbfgs": FullBatch(
        "θ − η·H·∂L/∂θ, H from the last steps", {"memory": 10.0, "tolerance": 1e-5}, _lbfgs
    ),
    **LEAST_SQUARES,
}


def _run_full(optimizer: str, iterations: _Iterations) -> None:
    """Take the run to its end."""
    try:
        if iterations.settings.epochs:
            FULL_BATCH[optimizer].run(iterations)
    except ImportError:
        raise ImportError(f"optimizer {optimizer!r} needs SciPy: pip install scipy.") from None
    except _Enough:
        pass
