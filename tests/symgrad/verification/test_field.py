"""The tower of primes: its congruences, and exponentials that are homomorphisms."""

from __future__ import annotations

import itertools

import pytest
from sympy import isprime

from symgrad.verification.field import BITS, CIRCULAR, PLAIN, SMALL, Residues, levels, tower

KINDS = (PLAIN, CIRCULAR)


@pytest.mark.parametrize("kind", KINDS)
def test_each_prime_divides_the_one_above_it_less_one(kind: Residues) -> None:
    primes = tower(5, kind)
    assert all(isprime(p) and p % kind.modulus == kind.rest for p in primes)
    assert all((p - 1) % q == 0 for p, q in itertools.pairwise(primes))
    assert primes[-1].bit_length() == 61
    assert tower(4, kind) == primes[1:]


@pytest.mark.parametrize("kind", KINDS)
def test_small_numbers_have_roots_on_every_level(kind: Residues) -> None:
    for level in levels(4, 1, kind):
        for x in SMALL:
            root = level.root(x, 2)
            assert root is not None
            assert root * root % level.prime == x


@pytest.mark.parametrize("kind", KINDS)
def test_bases_have_the_order_of_the_next_prime(kind: Residues) -> None:
    own = levels(4, 3, kind)
    for level, below in itertools.pairwise(own):
        for base in (level.base, level.turn):
            assert base != 1
            assert pow(base, below.prime, level.prime) == 1
        assert level.base != level.turn


def test_only_the_circular_tower_has_a_root_of_minus_one() -> None:
    assert all(x.unit == 0 for x in levels(3, 0, PLAIN))
    assert all(x.unit**2 % x.prime == x.prime - 1 for x in levels(3, 0, CIRCULAR))


def test_a_root_of_a_product_is_the_product_of_the_roots() -> None:
    (level,) = levels(1, 0)
    with_root = [x for x in range(2, 60) if level.root(x, 2) is not None]
    assert 20 < len(with_root) < 50  # about half of all numbers
    for a in with_root:
        for b in with_root[:5]:
            roots = [level.root(x, 2) for x in (a, b, a * b)]
            assert roots[0] * roots[1] % level.prime == roots[2]  # type: ignore[operator]


@pytest.mark.parametrize("kind", KINDS)
def test_roots_of_odd_degree(kind: Residues) -> None:
    for level in levels(3, 0, kind):
        for degree in (3, 5, 7, 9, 15):
            found = [level.root(x, degree) for x in range(2, 60)]
            with_root = [(x, r) for x, r in enumerate(found, 2) if r is not None]
            assert all(pow(r, degree, level.prime) == x for x, r in with_root)
            if kind is PLAIN or degree % 3:
                assert len(with_root) == len(found)
            else:
                assert 5 < len(with_root) < 40  # about a third


def test_all_follows_from_the_seed() -> None:
    assert levels(3, 7) == levels(3, 7)
    assert levels(3, 7) != levels(3, 8)


@pytest.mark.parametrize("kind", [PLAIN, CIRCULAR])
def test_the_primes_are_chosen_by_where_the_search_starts(kind: Residues) -> None:
    towers = [tower(2, kind, start) for start in (0, 1 << 40, 1 << 50)]
    assert len({p for primes in towers for p in primes}) == 6
    assert all(a % b == 1 and b.bit_length() == BITS for a, b in towers)
