"""Trials: floats that say where to look, exact numbers that decide."""

from __future__ import annotations

import numpy as np
import sympy as sp
from sympy import symbols

import symgrad as sg
from symgrad import graph as g
from symgrad.lift import lift
from symgrad.verification.evaluate import field_for
from symgrad.verification.number import Exact
from symgrad.verification.trials import PRECISIONS, Trials

s, t = symbols("s t", real=True)


def trials(claim: sp.Expr, truth: sp.Expr) -> Trials:
    return Trials(lift(claim), lift(truth))


def test_points_outside_the_domain_are_passed_over() -> None:
    made = trials(sp.log(t) / 2, sp.log(sp.sqrt(t)))
    found = list(made.defined(40))
    assert made.drawn == 40
    assert 10 < len(found) < 40
    assert all(trial.point.values["t"][()] > 0 for trial in found)


def test_a_narrow_domain_is_found() -> None:
    made = trials(sp.asin(t), sp.acos(t))
    found = list(made.defined(40))
    assert len(found) > 8
    assert all(trial.has_both and abs(trial.point.values["t"][()]) <= 1 for trial in found)


def test_sides_of_kinks() -> None:
    made = trials(sg.relu(t), abs(t))
    seen = {side for trial in made.defined(20) for side in trial.signs}
    assert seen == {(0, 1.0), (0, -1.0)}


def test_differences() -> None:
    made = trials(t * (1 + sp.Rational(1, 10**4)), t)
    trial = next(made.defined(1))
    assert trial.differ()
    assert not trial.differ(1e-3)
    assert trial.smooth


def test_a_claim_without_a_value_does_not_differ() -> None:
    made = trials(sp.sqrt(-1 - t**2), t)
    trial = next(made.defined(1))
    assert trial.has_truth
    assert not trial.has_both
    assert not trial.differ()


def test_exact_values() -> None:
    made = trials(sp.exp(s + t), sp.exp(s) * sp.exp(t))
    field = field_for([made.claim, made.truth])
    found = made.exactly(made.random.draw(), field, PRECISIONS[0])
    assert found is not None
    assert found.known
    assert found.agree
    assert not found.disjoint


def test_exact_differences() -> None:
    made = trials(sp.exp(s + t), sp.exp(s) + sp.exp(t))
    found = made.exactly(made.random.draw(), Exact(0), PRECISIONS[0])
    assert found is not None
    assert found.disjoint
    assert not found.known


def test_residues_alone_are_no_agreement() -> None:
    """Modulo a prime √(t²·s²) is t·s or −t·s, by chance; which of the two the interval knows."""
    squares = g.product([(lift(x), ()) for x in (s, s, t, t)], ())
    made = Trials(g.apply(sp.sqrt(g.slot(0)), [(squares, ())], ()), lift(-s * t))
    points = [made.random.draw() for _ in range(40)]
    found = [made.exactly(p, field_for([made.claim]), PRECISIONS[0]) for p in points]
    same = [
        (x, p.values["s"][()] * p.values["t"][()] < 0)
        for x, p in zip(found, points, strict=True)
        if x is not None and x.claimed.item().residues == x.true.item().residues
    ]
    assert {negative for _, negative in same} == {True, False}
    assert all(x.agree == negative for x, negative in same)


def test_where_there_is_no_exact_value_there_is_none() -> None:
    made = trials(sp.log(t), sp.log(t))
    points = [made.random.draw() for _ in range(20)]
    for point in points:
        found = made.exactly(point, Exact(1), PRECISIONS[0])
        assert (found is None) == (point.values["t"][()] < 0)


def test_floats_are_arrays_of_the_value_s_shape() -> None:
    x = sp.MatrixSymbol("x", 3, 1)
    made = Trials(lift(sg.tanh(x)), lift(sg.tanh(x)))
    trial = next(made.defined(1))
    assert trial.claimed.shape == trial.true.shape == (3,)
    assert trial.true.dtype == np.float64
