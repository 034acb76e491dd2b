"""Polynomials in dimensions: their text, their factors, and what is certainly larger."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest
import sympy as sp
from sympy import symbols

from symgrad.amounts import Amount, Order, amount_text, factored, join, largest, product, total

D, H, C, N, T = symbols("D H C N T", integer=True, positive=True)
ORDER = Order([D, H, C, N], [N])


def amount(*terms) -> Amount:
    return total(product(dims, c) for c, *dims in terms)


TEXTS = [
    (amount(), "0"),
    (amount((7,)), "7"),
    (amount((100_352,)), "100,352"),
    (amount((1, D, H), (1, H, C)), "D·H + H·C"),
    (amount((1, C, H), (1, H, D)), "D·H + H·C"),
    (amount((3, D, H), (3, H, C)), "3·(D·H + H·C)"),
    (amount((3, N, D, H), (3, N, H, C)), "3·(D·H + H·C)·N"),
    (amount((1, N, D, H), (2, N, H, C)), "(D·H + 2·H·C)·N"),
    (amount((2, N, H), (2, N)), "2·(H + 1)·N"),
    (amount((1, H), (1, D, H), (4,)), "D·H + H + 4"),
    (amount((3, H, H)), "3·H²"),
    (amount((1, N, H, H)), "H²·N"),
    (amount((256, N), (100_000,)), "256·N + 100,000"),
    (amount((4, D, H), (6, H, C)), "4·D·H + 6·H·C"),
    (amount((4, D, H, T), (4, H, H, T)), "4·(D·H + H²)·T"),
    (amount((1, H, T - 2)), "H·(T − 2)"),
    (amount((Fraction(1, 3), D, D, D), (Fraction(-1, 3), D)), "1/3·(D³ − D)"),
    (amount((-1, D), (1, H)), "−D + H"),
]


@pytest.mark.parametrize(("value", "text"), TEXTS, ids=[text for _, text in TEXTS])
def test_the_text_of_an_amount(value: Amount, text: str) -> None:
    assert amount_text(value, ORDER) == text


@pytest.mark.parametrize("value", [x for x, _ in TEXTS], ids=[text for _, text in TEXTS])
def test_the_factors_multiply_to_the_amount(value: Amount) -> None:
    plain = sum((sp.Rational(c) * sp.Mul(*m) for m, c in value.terms.items()), start=sp.Integer(0))
    assert sp.expand(factored(value, ORDER).expr - plain) == 0


def test_a_long_amount_is_shortened_to_its_longest_products() -> None:
    sizes = symbols("D0:20", integer=True, positive=True)
    weights = total(product(pair) for pair in pairwise(sizes))
    text = factored(weights + total(product([n]) for n in sizes), Order(sizes)).shortened(6)
    assert text == "D0·D1 + D1·D2 + … + D18·D19 + …"
    assert factored(amount((1, D, H), (1, H), (1, D), (1,)), ORDER).shortened(3) == "D·H + …"


def test_sizes() -> None:
    value = amount((3, D, H), (2, T - 2))
    assert value.at({D: 784, T: 10}) == amount((2352, H), (16,))
    assert value.at({T: H}) == amount((3, D, H), (2, H - 2))
    assert value.degree == 2
    assert not value.is_homogeneous
    assert amount((3, D, H), (2, H, H), (9, H)).leading() == 5


def random_amount(random: Random) -> Amount:
    dims = (D, H, N)
    return total(
        product(random.choices(dims, k=random.randint(0, 2)), random.randint(1, 3))
        for _ in range(random.randint(1, 5))
    )


def test_what_is_at_most_another_is_so_at_any_sizes() -> None:
    random = Random(0)
    found = 0
    for _ in range(3000):
        a, b = random_amount(random), random_amount(random)
        if not a.at_most(b):
            continue
        found += 1
        for _ in range(5):
            sizes = {n: random.randint(1, 5) for n in (D, H, N)}
            assert a.at(sizes).expr <= b.at(sizes).expr, (a, b, sizes)
    assert found > 100
    assert amount((1, H), (4, N)).at_most(amount((4, H, N), (1, H)))
    assert not amount((1, H), (4, N)).at_most(amount((3, H, N), (1, H)))


def test_the_largest_and_the_join_bound_all() -> None:
    random = Random(1)
    for _ in range(60):
        amounts = [random_amount(random) for _ in range(6)]
        kept, bound = largest(amounts), join(amounts)
        assert kept
        for _ in range(5):
            sizes = {n: random.randint(1, 5) for n in (D, H, N)}
            values = [x.at(sizes).expr for x in amounts]
            assert max(values) == max(x.at(sizes).expr for x in kept)
            assert max(values) <= bound.at(sizes).expr
