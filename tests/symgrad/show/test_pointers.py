"""Pointers: each name on a sheet leads to the line that computes it, whatever way it is written."""

from __future__ import annotations

import pytest
from renderings import DERIVATIONS

from symgrad.show.pointers import Pointers
from symgrad.show.steps import BACKWARD, FORWARD, Step
from symgrad.show.style import BAR, CHOICES, DELTA, NABLA, PARTIAL

MESSAGE = {DELTA: "δ2", BAR: "z̄2", PARTIAL: "∂L/∂z2", NABLA: "∇_z2 L"}
"""notation → the name of the adjoint of z2."""


def line(steps: list[Step], name: str, phase: str) -> Step:
    return next(s for s in steps if s.phase == phase and s.names[0].split("[")[0] == name)


@pytest.mark.parametrize("form", CHOICES["form"])
@pytest.mark.parametrize("notation", MESSAGE)
def test_adjoints_lead_to_their_lines(form: str, notation: str) -> None:
    """In every notation, whole and by entries: ``z̄2[k]``, ``∇_z2[k] L``."""
    steps = DERIVATIONS["design"]().sheet(form, notation).steps
    pointers = Pointers(steps)
    first = next(s for s in steps if s.phase == BACKWARD)  # that of z2
    users = [s for s in steps if MESSAGE[notation] in pointers.used_in(s)]
    assert len(users) >= 3  # ∂L/∂W2, ∂L/∂b2 and the adjoint of z1
    for user in users:
        assert pointers.lines[pointers.used_in(user)[MESSAGE[notation]]] is first


@pytest.mark.parametrize("form", CHOICES["form"])
@pytest.mark.parametrize("notation", MESSAGE)
def test_html_marks_what_leads_somewhere(form: str, notation: str) -> None:
    """The printer writes a class at each of them."""
    derivation = DERIVATIONS["design"]()
    text = derivation.html(form, notation)
    steps = derivation.sheet(form, notation).steps
    pointers = Pointers(steps)
    for k in {k for s in steps for k in pointers.used_in(s).values()}:
        assert f'class="r{k}"' in text
        assert f'class="t{k}"' in text


def test_a_line_of_many_layers_leads_to_another() -> None:
    """hₗ₋₁ to the line of hₗ, h12 too; x, which nothing computes, nowhere."""
    steps = DERIVATIONS["stacked"]().sheet().steps
    pointers = Pointers(steps)
    folded = line(steps, "hₗ", FORWARD)
    assert pointers.lines[pointers.used_in(folded)["hₗ₋₁"]] is folded
    last = line(steps, "L", FORWARD)
    assert pointers.lines[pointers.used_in(last)["h12"]] is folded
    assert {name for s in steps for name in pointers.used_in(s)}.isdisjoint({"x", "W1", "Wₗ"})


def test_a_line_does_not_lead_to_itself() -> None:
    for make in DERIVATIONS.values():
        steps = make().sheet().steps
        pointers = Pointers(steps)
        for step in steps:
            if step.repeats is None and (place := pointers.place(step)) is not None:
                assert place not in pointers.used_in(step).values()
