"""The vectorised functions against a reference of more digits, over every magnitude."""

import numpy as np
import pytest
from numba import njit

from symgrad.codegen.runtime import vector_math

FAST = {"contract", "reassoc", "arcp", "nsz"}  # what generated loops are compiled with

REFERENCE = {
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
}
BOUND = {"exp": 1.1, "log": 1.1, "log1p": 1.6, "tanh": 2.8, "sigmoid": 2.6, "softplus": 3.0}
"""Units in the last place, as the docstrings state them."""
DOMAIN = {"log": (0.0, np.inf), "log1p": (-1.0, np.inf)}
LOWEST = {"sigmoid": {"float32": -87.0, "float64": -708.0}}
"""Below, the documented flush to zero."""


def arguments(name: str, dtype: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    scale = np.exp(rng.uniform(-20, 7, 20_000))
    near = rng.normal(size=20_000) * 3
    x = np.concatenate([scale, -scale, near, np.linspace(-100, 100, 20_001)]).astype(dtype)
    low, high = DOMAIN.get(name, (-np.inf, np.inf))
    low = max(low, LOWEST.get(name, {}).get(dtype, -np.inf))
    return x[(x > low) & (x < high)]


def compiled(name: str, dtype: str):
    scalar = getattr(vector_math, f"{name}_{'f32' if dtype == 'float32' else 'f64'}")

    @njit(fastmath=FAST, error_model="numpy")
    def loop(x, out):
        for i in range(x.shape[0]):
            out[i] = scalar(x[i])

    def run(x: np.ndarray) -> np.ndarray:
        out = np.empty_like(x)
        loop(x, out)
        return out

    return run


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", REFERENCE)
def test_error_and_extremes(name: str, dtype: str) -> None:
    run = compiled(name, dtype)
    x = arguments(name, dtype)
    wide = np.float64 if dtype == "float32" else np.longdouble
    with np.errstate(over="ignore", under="ignore"):
        exact = REFERENCE[name](x.astype(wide))
        rounded = exact.astype(dtype)
    tiny = np.finfo(dtype).tiny
    normal = np.isfinite(rounded) & (np.abs(rounded) > tiny)
    ulp = np.spacing(np.abs(rounded[normal])).astype(wide)
    error = np.abs(run(x)[normal].astype(wide) - exact[normal]) / ulp
    assert error.max() <= BOUND[name], x[normal][error.argmax()]

    special = np.array([np.nan, 1000.0, -1000.0, np.inf, -np.inf, 0.0], dtype)
    with np.errstate(all="ignore"):
        expected = REFERENCE[name](special)
    found = run(special)
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[~finite], expected[~finite])
    np.testing.assert_allclose(found[finite], expected[finite], rtol=1e-5, atol=1e-37)
