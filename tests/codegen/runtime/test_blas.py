"""Products from compiled code: every transpose, both types, small and shared, no allocation."""

import os
import subprocess
import sys

import numpy as np
import pytest
from numba import njit, types

from symgrad.codegen.runtime.blas import blas_gemm, gemm
from symgrad.codegen.runtime.tiles import register_tiles

for number in (types.float32, types.float64):
    register_tiles(number)


@njit
def product(alpha, a, b, beta, c):
    gemm(alpha, a, b, beta, c)


@njit
def blas_product(alpha, a, b, beta, c):
    blas_gemm(alpha, a, b, beta, c)


SIZES = [(1, 1, 1), (3, 4, 5), (7, 1, 2), (1, 6, 1), (2, 0, 3), (70, 60, 80), (190, 180, 185)]


@pytest.mark.parametrize("product", [product, blas_product])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("right", [False, True])
def test_scales_accumulates_and_transposes(product, dtype, left: bool, right: bool) -> None:
    rng = np.random.default_rng(0)
    for m, k, n in SIZES:
        a = rng.normal(size=(k, m) if left else (m, k)).astype(dtype)
        b = rng.normal(size=(n, k) if right else (k, n)).astype(dtype)
        a, b = (a.T if left else a), (b.T if right else b)
        c = rng.normal(size=(m, n)).astype(dtype)
        expected = dtype(0.5) * (a @ b) - dtype(2) * c
        product(dtype(0.5), a, b, dtype(-2), c)
        np.testing.assert_allclose(c, expected, rtol=1e-5, atol=2e-7 * (k + 5))


COUNT = """
import numpy as np
from numba import njit, types
from numba.core.runtime import rtsys
from symgrad.codegen.runtime.blas import gemm
from symgrad.codegen.runtime.tiles import register_tiles

register_tiles(types.float64)

@njit
def repeat(times, a, b, c):
    for _ in range(times):
        gemm(1.0, a, b.T, 1.0, c)

def allocations(times, size):
    a = np.ones((size, size))
    b, c = a.copy(), a.copy()
    repeat(1, a, b, c)
    before = rtsys.get_allocation_stats().alloc
    repeat(times, a, b, c)
    return rtsys.get_allocation_stats().alloc - before

for size in (4, 70, 190):  # by BLAS, in tiles, by BLAS
    print(allocations(1, size), allocations(100, size))
"""


def test_a_call_allocates_nothing() -> None:
    run = subprocess.run(
        [sys.executable, "-c", COUNT],
        env={**os.environ, "NUMBA_NRT_STATS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    for line in run.stdout.splitlines():
        once, often = line.split()
        assert once == often
