"""BLAS from compiled code: every transpose, both types, scaling and accumulating, no allocation."""

import os
import subprocess
import sys

import numpy as np
import pytest
from numba import njit

from symgrad.codegen.runtime.blas import gemm


@njit
def product(alpha, a, b, beta, c):
    gemm(alpha, a, b, beta, c)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("right", [False, True])
def test_scales_accumulates_and_transposes(dtype: type, left: bool, right: bool) -> None:
    rng = np.random.default_rng(0)
    for m, k, n in [(1, 1, 1), (3, 4, 5), (7, 1, 2), (1, 6, 1), (2, 0, 3)]:
        a = rng.normal(size=(k, m) if left else (m, k)).astype(dtype)
        b = rng.normal(size=(n, k) if right else (k, n)).astype(dtype)
        a, b = (a.T if left else a), (b.T if right else b)
        c = rng.normal(size=(m, n)).astype(dtype)
        expected = dtype(0.5) * (a @ b) - dtype(2) * c
        product(dtype(0.5), a, b, dtype(-2), c)
        np.testing.assert_allclose(c, expected, rtol=1e-5, atol=1e-6)


COUNT = """
import numpy as np
from numba import njit
from numba.core.runtime import rtsys
from symgrad.codegen.runtime.blas import gemm

@njit
def repeat(times, a, b, c):
    for _ in range(times):
        gemm(1.0, a, b.T, 1.0, c)

a = np.ones((4, 4))
b, c = a.copy(), a.copy()
repeat(1, a, b, c)

def allocations(times):
    before = rtsys.get_allocation_stats().alloc
    repeat(times, a, b, c)
    return rtsys.get_allocation_stats().alloc - before

print(allocations(1), allocations(1000))
"""


def test_a_call_allocates_nothing() -> None:
    run = subprocess.run(
        [sys.executable, "-c", COUNT],
        env={**os.environ, "NUMBA_NRT_STATS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    once, often = run.stdout.split()
    assert once == often
