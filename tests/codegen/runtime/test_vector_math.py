"""The vectorised functions against a reference of more digits, over every magnitude."""

import mpmath
import numpy as np
import pytest
from numba import njit

from symgrad.codegen.runtime import array_math, vector_math

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


NORMAL = {
    "elu": (lambda x: mpmath.expm1(x) if x <= 0 else x, 2.0),
    "normal_pdf": (mpmath.npdf, 2.0),
    "normal_cdf": (mpmath.ncdf, 3.0),
}
"""Against fifty digits: the value, and the bound in units in the last place."""


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NORMAL)
def test_error_against_more_digits(name: str, dtype: str) -> None:
    run = compiled(name, dtype)
    rng = np.random.default_rng(1)
    top = 13 if dtype == "float32" else 36
    x = np.concatenate([rng.normal(size=600), rng.uniform(-top, top, 400), [0, 1e-3, -1e-3]])
    x = x.astype(dtype)
    value, bound = NORMAL[name]
    with mpmath.workdps(50):
        for a, found in zip(x, run(x), strict=True):
            true = value(mpmath.mpf(float(a)))
            ulp = float(np.spacing(np.dtype(dtype).type(abs(float(true)))))
            magnified = float(a) ** 2 / 2 if name != "elu" else 0  # the rounding error of x²
            error = float(abs(mpmath.mpf(float(found)) - true)) / ulp
            assert error <= bound + magnified, (a, error)
    special = run(np.array([np.nan, np.inf, -np.inf, 1000.0, -1000.0], dtype))
    assert np.isnan(special[0])
    np.testing.assert_array_equal(special[1:3], special[3:] if name != "elu" else [np.inf, -1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "bound"), [("erf", 1.3), ("erfc", 2.5)])
def test_error_functions_of_arrays(name: str, bound: float, dtype: str) -> None:
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.uniform(-6, 9, 800), rng.normal(size=400), [0, 1e-6, -1e-6]])
    x = x.astype(dtype)
    found = getattr(array_math, name)(x)
    assert found.dtype == dtype
    with mpmath.workdps(50):
        for a, b in zip(x, found, strict=True):
            true = getattr(mpmath, name)(mpmath.mpf(float(a)))
            ulp = float(np.spacing(np.dtype(dtype).type(abs(float(true)))))
            assert float(abs(mpmath.mpf(float(b)) - true)) <= bound * ulp, a
    far = getattr(array_math, name)(np.array([1000, -1000, np.inf, -np.inf, np.nan], dtype))
    limits = [1, -1, 1, -1, np.nan] if name == "erf" else [0, 2, 0, 2, np.nan]
    np.testing.assert_array_equal(far, limits)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_difference_keeps_its_place(dtype: str) -> None:
    """(x − m) + s is not x + (s − m), though the loop may reorder its sums."""
    minus = vector_math.minus_f32 if dtype == "float32" else vector_math.minus_f64

    @njit(fastmath=FAST, error_model="numpy")
    def total(x, m, s):
        result = s[0] - s[0]
        for i in range(x.shape[0]):
            result += minus(x[i], m[i]) - s[i]
        return result

    rng = np.random.default_rng(0)
    x, m = (1000 + rng.uniform(size=9)).astype(dtype), np.full(9, 1001, dtype)
    s = rng.uniform(size=9).astype(dtype)
    exact = np.sum((x - m).astype(np.longdouble) - s)
    assert abs(total(x, m, s) - exact) <= 4 * np.finfo(dtype).eps * abs(exact)
    top = np.finfo(dtype).max
    one = np.ones(1, dtype)
    assert total(one * np.inf, one, one) == np.inf
    assert np.isnan(total(one * np.inf, one * np.inf, one))
    assert total(one * top, one * -top, one) == np.inf
    assert total(one * -np.inf, one, one) == -np.inf
