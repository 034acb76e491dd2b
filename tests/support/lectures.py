"""A system as its lecture declares it, with what the lecture says about it.

`check` is all that a row of a table needs: the backward lines have to read word for word as the
lecture's result, and every gradient has to agree with the oracle along all roads of
`gradients.check_gradient`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from gradients import check_gradient
from oracle import Net, point
from proofs import check_proofs

import symgrad as sg
from symgrad import graph as g
from symgrad.lift import lift
from symgrad.show.matrix_form import leaf_symbol


@dataclass(frozen=True)
class System:
    """A loss, what it is differentiated by, and the lines that have to come out.

    ``closed`` are further results, in leaves only.
    """

    loss: Any
    wrt: Sequence[Any]
    lines: Sequence[str]
    net: Net = field(default_factory=Net)
    closed: Mapping[Any, str] = field(default_factory=dict)
    form: str = "matrix"
    notation: str = "delta"

    @property
    def leaves(self) -> list[Any]:
        """What the loss depends on."""
        return [leaf_symbol(leaf) for leaf in g.leaves([lift(self.loss)])]


def backward(d: Any, form: str = "matrix", notation: str = "delta") -> list[str]:
    """The backward lines of a derivation, as they are printed."""
    return [s.text for s in d.lines(form, notation) if s.phase == "backward"]


def check(system: System, seeds: Sequence[int] = (0, 1)) -> sg.Derivation:
    """Lines and closed forms as stated, gradients as the oracle has them, each line proved."""
    for seed in seeds:
        d = check_gradient(system.loss, system.wrt, system.net, system.leaves, seed)
    env = point(system.leaves, system.net, seeds[0])
    check_proofs(d, system.net, env, form=system.form, notation=system.notation)
    found = backward(d, system.form, system.notation)
    assert found == list(system.lines), "\n".join(["the lines are", *found])
    for symbol, expected in system.closed.items():
        text = sg.formula(d.closed_form(symbol))
        assert text == expected, text
    return d


def real(names: str) -> Any:
    """Real symbols."""
    return sp.symbols(names, real=True)
