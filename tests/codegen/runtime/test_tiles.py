"""Products in tiles: every layout and edge, scaling and accumulating, on vectors of any length."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from numba import njit, types

from symgrad.codegen.runtime import tiles
from symgrad.codegen.runtime.tiles import tiled_gemm

for number in (types.float32, types.float64):
    tiles.register_tiles(number)


@njit
def product(alpha, a, b, beta, c):
    tiled_gemm(alpha, a, b, beta, c)


DTYPES = [np.float32, np.float64]
LAYOUTS = ["CC", "CF", "FC", "FF"]


def matrices(m: int, k: int, n: int, layouts: str, dtype: type) -> list[np.ndarray]:
    """a (m, k), b (k, n) and c (m, n), with rows or columns contiguous."""
    random = np.random.default_rng(m + k + n)
    shapes = zip([(m, k), (k, n), (m, n)], layouts + "C", strict=True)
    return [np.asarray(random.normal(size=x).astype(dtype), order=o) for x, o in shapes]


def check(m: int, k: int, n: int, layouts: str, dtype: type, alpha=-0.5, beta=2.0) -> None:
    a, b, c = matrices(m, k, n, layouts, dtype)
    exact = alpha * (a.astype(np.float64) @ b.astype(np.float64)) + beta * c.astype(np.float64)
    largest = abs(alpha) * (abs(a).astype(np.float64) @ abs(b)) + abs(beta * c)
    product(dtype(alpha), a, b, dtype(beta), c)
    off = abs(c - exact) / (largest + 1e-300)
    assert off.max(initial=0) <= (k + 3) * np.finfo(dtype).eps, (m, k, n, layouts)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layouts", LAYOUTS)
def test_every_edge_of_the_tiles(dtype: type, layouts: str) -> None:
    """Sizes below, at and above each number of rows, vectors, terms and panels of the code."""
    for m, n in itertools.product([1, 2, 4, 5, 8, 9, 17, 33], [1, 3, 8, 9, 16, 17, 32, 33, 70]):
        for k in (1, 5, 130):
            check(m, k, n, layouts, dtype)
    for m, k, n in [(2, 0, 3), (130, 257, 131), (40, 600, 150), (33, 513, 270), (600, 40, 129)]:
        check(m, k, n, layouts, dtype)


@pytest.mark.parametrize("layouts", LAYOUTS)
def test_factors_may_be_zero(layouts: str) -> None:
    """What is there is not read if it counts nothing, and stays if the product counts nothing."""
    for m, k, n in [(10, 300, 6), (33, 300, 40)]:
        a, b, c = matrices(m, k, n, layouts, np.float64)
        before = c.copy()
        product(0.0, a, b, 1.0, c)
        np.testing.assert_array_equal(c, before)
        c[:] = np.nan
        product(1.0, a, b, 0.0, c)
        np.testing.assert_allclose(c, a @ b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("layouts", LAYOUTS)
def test_a_nan_stays_where_it_belongs(layouts: str) -> None:
    a, b, c = matrices(21, 70, 45, layouts, np.float32)
    a[20, 3] = b[5, 44] = np.nan
    product(np.float32(1), a, b, np.float32(0), c)
    wrong = np.zeros(c.shape, bool)
    wrong[20], wrong[:, 44] = True, True
    np.testing.assert_array_equal(np.isnan(c), wrong)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layouts", ["CC", "FC"])
def test_half_of_a_product_is_half_of_the_whole_bit_by_bit(dtype: type, layouts: str) -> None:
    a, b, c = matrices(90, 530, 260, layouts, dtype)
    whole = c.copy()
    product(dtype(0.1), a, b, dtype(1), whole)
    for rows, columns in [(slice(45), slice(None)), (slice(None), slice(130, None))]:
        part = c[rows, columns].copy()
        own = np.asarray(a[rows], order=layouts[0])
        product(dtype(0.1), own, np.ascontiguousarray(b[:, columns]), dtype(1), part)
        np.testing.assert_array_equal(part, whole[rows, columns])


WITH = """
import sys
import llvmlite.binding
import numba
numba.njit(lambda x: x)(1)
llvmlite.binding.get_host_cpu_features = lambda: {features}
sys.path.insert(0, {tests!r})
import test_tiles
assert test_tiles.tiles.BYTES == {size}
for dtype in test_tiles.DTYPES:
    for layouts in test_tiles.LAYOUTS:
        test_tiles.test_every_edge_of_the_tiles(dtype, layouts)
"""


@pytest.mark.parametrize(("features", "size"), [({"avx2": True}, 32), ({}, 16)])
def test_processors_with_shorter_vectors(features: dict, size: int, tmp_path) -> None:
    """Each has its own tiles; they are right on any processor, if not as fast."""
    text = WITH.format(features=features, size=size, tests=os.path.dirname(__file__))
    apart = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}  # of what is compiled for this one
    subprocess.run([sys.executable, "-c", text], env=apart, check=True)


def test_one_module_compiles_the_products_for_all() -> None:
    before = tiles.llvmlite.binding.address_of_symbol(f"{tiles.TILES}_float64")
    tiles.register_tiles(types.float64)
    assert tiles.llvmlite.binding.address_of_symbol(f"{tiles.TILES}_float64") == before
