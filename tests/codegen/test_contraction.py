"""The order of contraction: never worse than any other order, and fast for long chains."""

from __future__ import annotations

import itertools
import time

from hypothesis import given
from hypothesis import strategies as st

from symgrad.codegen import contraction


def cost(steps, operands, kept, size) -> float:
    """What an order costs, counted independently of the planner."""
    pool = dict(enumerate(operands))
    total = 0.0
    for count, (i, j) in enumerate(steps):
        a, b = pool.pop(i), pool.pop(j)
        others = frozenset().union(*pool.values(), kept)
        flops = 1.0
        for label in a | b:
            flops *= size[label]
        total += flops
        pool[len(operands) + count] = (a | b) & others
    assert len(pool) == 1
    return total


def every_order(count: int):
    def go(pool, nxt):
        if len(pool) == 1:
            yield []
            return
        for i, j in itertools.combinations(pool, 2):
            for rest in go([x for x in pool if x not in (i, j)] + [nxt], nxt + 1):
                yield [(i, j), *rest]

    yield from go(list(range(count)), count)


@given(
    st.lists(st.frozensets(st.integers(0, 4), min_size=1, max_size=3), min_size=2, max_size=4),
    st.frozensets(st.integers(0, 4), max_size=2),
)
def test_no_order_is_cheaper(operands, kept) -> None:
    size = {0: 2.0, 1: 3.0, 2: 64.0, 3: 5.0, 4: 32.0}
    kept = kept & frozenset().union(*operands)
    steps = contraction.order(operands, kept, size)
    best = min(cost(s, operands, kept, size) for s in every_order(len(operands)))
    assert cost(steps, operands, kept, size) == best


def test_matrix_vector_chain_starts_at_the_vector() -> None:
    operands = [frozenset({0, 1}), frozenset({1, 2}), frozenset({2})]
    assert contraction.order(operands, frozenset({0}), dict.fromkeys(range(3), 32.0))[0] in (
        (1, 2),
        (2, 1),
    )


def test_long_chains_take_linear_time_and_operations() -> None:
    count = 20_000
    operands = [frozenset({k, k + 1}) for k in range(count)] + [frozenset({count})]
    size = dict.fromkeys(range(count + 1), 8.0)
    start = time.perf_counter()
    steps = contraction.order(operands, frozenset({0}), size)
    assert time.perf_counter() - start < 2
    assert len(steps) == count
    short = contraction.order(operands[-30:], frozenset({count - 29}), size)
    assert cost(short, operands[-30:], frozenset({count - 29}), size) == 29 * 64
