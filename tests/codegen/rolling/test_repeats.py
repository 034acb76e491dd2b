"""The repeated steps of a program are found from its dependences, and are what they claim to be."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import pytest
from sympy import MatrixSymbol

import symgrad as sg
from symgrad import training
from symgrad.codegen import program as p
from symgrad.codegen.rolling.repeats import Reference, families

STEPS = 8
SLOW = pytest.mark.slow
KINDS = ("rnn", pytest.param("lstm", marks=SLOW), "gru")
GROWING = ("rnn", pytest.param("lstm", marks=SLOW), pytest.param("gru", marks=SLOW))


@cache
def program(kind: str, steps: int = STEPS) -> p.Program:
    """Loss and gradient of a network that is unrolled: a cell over the steps, or equal layers."""
    y, V = sg.simplex("y", 3), MatrixSymbol("V", 3, 4)
    if kind in ("rnn", "lstm", "gru"):
        x, cell = MatrixSymbol("x", steps, 3), sg.cell(kind, 3, 4)
        params, h = list(cell.parameters), sg.recurrent(cell, x)[-1]
    else:
        x = h = MatrixSymbol("x", 4, 1)
        layers = [MatrixSymbol(f"W{k}" if kind == "untied" else "W", 4, 4) for k in range(steps)]
        params = list(dict.fromkeys(layers))
        for k, W in enumerate(layers, 1):
            h = sg.let(f"h{k}", h + sg.tanh(W * h))
    seen: list[Any] = []

    def assemble(spec: Any, target: str) -> str:
        seen.append(spec)
        return ""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "assemble", assemble)
        loss = sg.cross_entropy(sg.softmax(V * h), y)
        sg.training_module(loss, [*params, V], [x, y], optimizers=["sgd"])
    found: p.Program = seen[0].value_and_grad
    return found


def uses(statement: p.Statement) -> list[tuple[int, tuple[int, ...], object]]:
    """Operands with their labels and weights."""
    operation = statement.operation
    weights = getattr(operation, "weights", (None,) * len(operation.operands))
    return [(x.value, x.labels, w) for x, w in zip(operation.operands, weights, strict=True)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_member_is_the_representative_at_its_time(kind: str) -> None:
    built = program(kind)
    first, found = len(built.inputs), families(built)
    assert found
    taken = Counter(v for family in found for v in family.members.values())
    assert set(taken.values()) == {1}
    for family in found:
        times = sorted(family.members)
        assert times == list(range(times[0], times[-1] + 1))
        for t, value in family.members.items():
            statement = built.statements[value - first]
            assert type(statement.operation) is type(family.representative.operation)
            assert statement.shape == family.representative.shape
            expected = [
                found[x.family].at(t + x.offset) if isinstance(x, Reference) else x
                for x in family.operands
            ]
            pattern = [
                (v, labels, w)
                for v, (_, labels, w) in zip(expected, uses(family.representative), strict=True)
            ]
            assert Counter(pattern) == Counter(uses(statement))


@pytest.mark.parametrize("kind", GROWING)
def test_no_step_is_left_but_at_the_ends(kind: str) -> None:
    """Four more steps are four more members of each family, and no other statement."""
    outside = []
    for steps in (STEPS, STEPS + 4):
        built = program(kind, steps)
        members = [v for family in families(built) for v in family.members.values()]
        constants = [s for s in built.statements if isinstance(s.operation, p.Constant)]
        outside.append(len(built.statements) - len({*members, *(s.value for s in constants)}))
    assert outside[0] == outside[1]


@pytest.mark.parametrize("kind", ["untied"])
def test_layers_with_weights_of_their_own_are_no_family(kind: str) -> None:
    assert not families(program(kind))
