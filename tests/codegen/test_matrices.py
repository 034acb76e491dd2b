"""Contractions as products of matrices: the reshaped product is the contraction."""

from __future__ import annotations

import itertools
from random import Random

import numpy as np

from symgrad.codegen.matrices import MatrixProduct, as_matrices
from symgrad.codegen.program import Operand

EXTENTS = (2, 3, 4, 2, 3, 5)


def computed(product: MatrixProduct, rank: int, arrays: dict[int, np.ndarray]) -> np.ndarray:
    """What a target does: a loop of products of reshaped slices, added where a label is summed."""
    result = np.zeros(EXTENTS[:rank])

    def matrix(array: np.ndarray, labels: tuple[int, ...], at: dict[int, int], turned: bool):
        sliced = array[tuple(at[x] for x in labels if x in at)]
        return sliced, turned

    def size(labels: tuple[int, ...]) -> int:
        return int(np.prod([EXTENTS[x] for x in labels]))

    rows, inner, cols = map(size, (product.rows, product.inner, product.cols))
    for values in itertools.product(*(range(EXTENTS[x]) for x in product.loops)):
        at = dict(zip(product.loops, values, strict=True))
        a, flip_a = matrix(arrays[0], product.a.labels, at, product.transposed[0])
        b, flip_b = matrix(arrays[1], product.b.labels, at, product.transposed[1])
        a = a.reshape(inner, rows).T if flip_a else a.reshape(rows, inner)
        b = b.reshape(cols, inner).T if flip_b else b.reshape(inner, cols)
        c = result[tuple(at[x] for x in range(rank) if x in at)]
        c += (a @ b).reshape(c.shape)
    return result


def test_random_contractions() -> None:
    random, rng, found, looped = Random(0), np.random.default_rng(0), 0, 0
    for _ in range(1000):
        rank = random.randint(1, 4)
        part = {x: random.choice("arrcc") for x in range(rank)}  # of both, rows, columns
        inner = list(range(rank, random.randint(rank + 1, 6)))
        first, second = (
            [x for x in part if part[x] == "a"] + [x for x in part if part[x] == own]
            for own in "rc"
        )
        first, second = first + inner, inner + second if random.random() < 0.3 else second + inner
        for own in (first, second):
            if random.random() < 0.3:
                random.shuffle(own)
        a, b = Operand(0, tuple(first)), Operand(1, tuple(second))
        product = as_matrices(rank, a, b)
        if product is None:
            continue
        x, y = (rng.normal(size=[EXTENTS[k] for k in o.labels]) for o in (a, b))
        expected = np.einsum(x, first, y, second, list(range(rank)))
        arrays = {0: x, 1: y} if product.a.value == 0 else {0: y, 1: x}
        np.testing.assert_allclose(computed(product, rank, arrays), expected, atol=1e-12)
        found += 1
        looped += bool(product.loops)
    assert found > 50 and looped > 20


def test_what_is_no_product_of_matrices() -> None:
    assert as_matrices(1, Operand(0, (0, 1)), Operand(1, (1,))) is None
    assert as_matrices(2, Operand(0, (0, 1, 2)), Operand(1, (0, 1, 2))) is None
    assert as_matrices(2, Operand(0, (0, 0)), Operand(1, (0, 1))) is None
    assert as_matrices(2, Operand(0, (2, 0, 3)), Operand(1, (3, 2, 1))) is None
