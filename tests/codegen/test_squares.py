"""Products that are a matrix times its own transpose."""

from __future__ import annotations

import pytest
from sympy import MatrixSymbol, symbols

from symgrad import graph as g
from symgrad.codegen.squares import square
from symgrad.graph import Access, slot
from symgrad.vocabulary import root, sigmoid

N, D, H = symbols("N D H", integer=True, positive=True)
X = g.leaf("X", (N, D), MatrixSymbol("X", N, D))
T = g.leaf("T", (N, H), MatrixSymbol("T", N, H))
v = g.leaf("v", (H,), MatrixSymbol("v", H, 1))
r = g.leaf("r", (N,), MatrixSymbol("r", N, 1))
p = g.apply(sigmoid(slot(0)), [(r, (0,))], (N,))
ROOT = g.apply(root(slot(0)), [(p, (0,))], (N,))


def accesses(*pairs: tuple[g.Node, tuple[int, ...]]) -> list[Access]:
    return [Access(*pair) for pair in pairs]


TWINS = accesses((X, (4, 0)), (T, (4, 1)), (X, (4, 2)), (T, (4, 3)))
KEPT = frozenset((0, 1, 2, 3))


@pytest.mark.parametrize(
    ("arrays", "kept", "left", "right"),
    [
        (TWINS, KEPT, [TWINS[0], TWINS[1]], [TWINS[2], TWINS[3]]),
        ([TWINS[2], TWINS[1], TWINS[0], TWINS[3]], KEPT, TWINS[:2], TWINS[2:]),
        ([*TWINS, Access(r, (4,))], KEPT, [Access(r, (4,)), *TWINS[:2]], TWINS[2:]),
        ([*accesses((v, (1,)), (v, (3,))), *TWINS], KEPT,
         accesses((v, (1,)), (X, (4, 0)), (T, (4, 1))),
         accesses((v, (3,)), (X, (4, 2)), (T, (4, 3)))),
        (accesses((p, (2,)), (X, (2, 0)), (X, (2, 1))), frozenset((0, 1)),
         accesses((ROOT, (2,)), (X, (2, 0))), accesses((ROOT, (2,)), (X, (2, 1)))),
    ],
    ids=["two factors", "in any order", "a weight of any sign", "a factor that is not summed",
         "a weight ≥ 0"],
)  # fmt: skip
def test_found(
    arrays: list[Access], kept: frozenset[int], left: list[Access], right: list[Access]
) -> None:
    found = square(arrays, kept)
    assert found is not None
    assert list(map(set, found)) == [set(left), set(right)]


@pytest.mark.parametrize(
    ("arrays", "kept"),
    [
        (accesses((X, (2, 0)), (X, (2, 1))), frozenset((0, 1))),
        (accesses((r, (2,)), (X, (2, 0)), (X, (2, 1))), frozenset((0, 1))),
        (accesses((X, (4, 0)), (X, (4, 2)), (T, (5, 1)), (T, (5, 3))), KEPT),
        (accesses((X, (4, 0)), (X, (4, 2)), (T, (4, 1))), frozenset((0, 1, 2))),
        (accesses((X, (4, 0)), (X, (4, 1)), (T, (4, 2)), (T, (4, 2))), frozenset((0, 1, 2))),
        (accesses((X, (0, 2)), (X, (1, 2)), (T, (0, 3)), (T, (1, 3))), KEPT),
    ],
    ids=["a plain product", "a weight of any sign", "two sums", "three arrays", "a square beside",
         "nothing is summed"],
)  # fmt: skip
def test_left_alone(arrays: list[Access], kept: frozenset[int]) -> None:
    assert square(arrays, kept) is None
