"""What is printed depends on the declaration, and on nothing else that the process has done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from itertools import islice

import histories
import pytest
from lecture_networks import SYSTEMS
from networks import NETWORKS

from symgrad import graph as g
from symgrad.place import place_of

QUICK = ["A1", "A4", "attention", "D4 by index", "D11 regression"]


def processes(names: Sequence[str], seeds: Sequence[int]) -> list[dict[str, dict[str, str]]]:
    """The texts of declarations in a process for each seed, which is that of its hashes as well."""
    command = [sys.executable, histories.__file__]
    running = [
        subprocess.Popen(
            [*command, str(seed), *names],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in seeds
    ]
    found = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0] * len(seeds)
    return [json.loads(text) for text in found]


def differences(
    first: Mapping[str, Mapping[str, str]], second: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """The first lines that differ, of each text that does."""
    assert first.keys() == second.keys()
    for name, kinds in first.items():
        for kind, text in kinds.items():
            lines = unified_diff(text.splitlines(), second[name][kind].splitlines(), n=0)
            if text != second[name][kind]:
                yield "\n".join([f"{name}, {kind}", *(x[:200] for x in islice(lines, 3, 7))])


def check(names: Sequence[str], seeds: Sequence[int] = (0, 1)) -> None:
    first, *others = processes(names, seeds)
    assert set(first) == set(names)
    for other in others:
        found = list(differences(first, other))
        assert not found, "\n".join(found)


def test_nothing_depends_on_the_process() -> None:
    check(QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_network_depends_on_the_process(seed: int) -> None:
    check([*NETWORKS, *SYSTEMS], (0, seed))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 60, 10))
def test_no_random_network_depends_on_the_process(first: int) -> None:
    check([f"random {k}" for k in range(first, first + 10)])


def test_a_history_is_one() -> None:
    """The second process does make nodes in another order."""
    made = histories.declaration("attention")
    known = histories.recipes(histories.lift(made.loss))
    order = [n.uid for n in histories.remade(known, histories.Random(1))]
    assert len(set(order)) == len(known)


# ------------------------------------------------------------------------------------- places


def test_operands_are_below() -> None:
    a, b = place_of("leaf", "a", (), ()), place_of("leaf", "b", (), ())
    assert a < b < place_of("sum", "", (), (a, b))


def test_numbers_in_names_are_numbers() -> None:
    assert place_of("leaf", "W2", (), ()) < place_of("leaf", "W10", (), ())


def test_what_differs_has_another_digest() -> None:
    a, b = place_of("leaf", "a", (), ()), place_of("leaf", "b", (), ())
    digests = {
        place_of(*row).digest
        for row in (
            ("leaf", "a", (), ()),
            ("named", "a", (), ()),
            ("sum", "", (1, 2), (a, b)),
            ("sum", "", (2, 1), (a, b)),
            ("sum", "", (1, 2), (b, a)),
            ("product", "", (1, 2), (a, b)),
        )
    }
    assert len(digests) == 6


def test_facts_have_no_order() -> None:
    facts = [g.Fact("simplex", (0,)), g.Fact("positive", ()), g.Fact("one-hot", (0,))]
    one, other = (place_of("leaf", "y", (frozenset(x),), ()) for x in (facts, facts[::-1]))
    assert one.digest == other.digest
