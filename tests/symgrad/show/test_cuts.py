"""Which named values the whole derivative passes: the short way agrees with the plain one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lecture_networks import SYSTEMS, deep
from network_checks import planned
from networks import NETWORKS, C
from oracle import Net
from random_networks import Network
from sympy import MatrixSymbol

import symgrad as sg
from symgrad.show.cuts import Cut, Cuts
from symgrad.subject import Subject

s, y = MatrixSymbol("s", C, 1), MatrixSymbol("y", C, 1)


def by_steps() -> Any:
    """softmax from primitives, each under a name: the stable form passes z alone."""
    z = sg.let("z", 2 * s)
    e = sg.let("e", sg.exp(z))
    total = sg.let("t", sg.sum(e))
    p = sg.let("p", e / total)
    return -sg.dot(y, sg.let("l", sg.log(p)))


def partly() -> Any:
    """log p + p·p, which passes p by one of two ways."""
    p = sg.let("p", sg.softmax(s))
    return sg.sum(sg.log(p)) + sg.dot(p, p)


def two_of_one_name() -> Any:
    """A loop that calls every layer h, around a sigmoid under a logarithm."""
    h = s
    for _ in range(3):
        h = sg.let("h", sg.sigmoid(h))
    return sg.sum(sg.log(h))


def three_layers() -> Any:
    return deep(3, sg.tanh, Net())[0]


LOSSES: dict[str, Callable[[], Any]] = {
    **{name: (lambda name=name: SYSTEMS[name]().loss) for name in SYSTEMS},
    **{name: (lambda name=name: NETWORKS[name]().loss) for name in NETWORKS},
    "by steps": by_steps,
    "partly": partly,
    "two of one name": two_of_one_name,
    "three layers": three_layers,
}


def agree(loss: Any) -> dict[str, bool]:
    """By name, whether each value is passed; checked by a cut at each."""
    subject = Subject(loss, [])
    cuts = Cuts(subject)
    found = {}
    for value in subject.declared:
        if value is not subject.root:
            whole = cuts.is_whole(value)
            assert whole == Cut(subject, value).is_whole, value.name
            found[value.name] = whole
    return found


@pytest.mark.parametrize("name", LOSSES)
def test_short_and_plain(name: str) -> None:
    agree(LOSSES[name]())


def test_what_is_bypassed() -> None:
    assert agree(by_steps()) == {"z": True, "e": False, "t": False, "p": False, "l": True}
    assert agree(partly()) == {"p": False}
    assert agree(three_layers())["f"] is False


@pytest.mark.filterwarnings("ignore::symgrad.DomainWarning")
@pytest.mark.parametrize("seed", range(20))
def test_random_networks(seed: int) -> None:
    agree(Network(seed, planned(seed)).loss)
