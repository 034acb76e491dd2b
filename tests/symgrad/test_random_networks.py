"""Random networks, all operations, against references that autograd differentiates.

The default suite has forty of them. The campaign of a thousand::

    python -m pytest -m slow tests/symgrad/test_random_networks.py

takes a few minutes. A failure names its seed and shows the declaration; one seed alone is run by
``python tests/support/network_checks.py SEED``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import random_networks
from network_checks import check, planned
from network_row import Row
from network_rows import ROWS
from random_networks import Network

import symgrad as sg
from symgrad import attention, convolution, normalisation, recurrence
from symgrad import graph as g
from symgrad.activations import ELEMENTWISE
from symgrad.facts import FACTS
from symgrad.functions import REDUCTIONS
from symgrad.losses import LOSSES
from symgrad.matrix_functions import MATRIX_FUNCTIONS

FEW, MANY = 40, 1000
FORCED = 6
"""How many rows a network has at least, so that forty have each of them."""

LAYERS = {
    name
    for module in (attention, convolution, normalisation, recurrence)
    for name, thing in vars(module).items()
    if inspect.isfunction(thing) and thing.__module__ == module.__name__ and name in sg.__all__
}

COVERED = {name for row in ROWS.values() for name in row.public}

OTHER = {
    *("Derivation", "Step", "TrainingModule"),
    *("gradient", "hessian", "jacobian", "jvp", "hvp", "gauss_newton"),
    *("formula", "function", "graph_text", "training_module"),
    "empirical_risk",  # the generator's own: a third of the networks have one
}
"""What is public and no operation."""


@pytest.mark.parametrize(
    "table", [ELEMENTWISE, REDUCTIONS, LOSSES, MATRIX_FUNCTIONS], ids=lambda t: t[0].__name__
)
def test_every_operation_of_a_table_has_a_row(table: tuple[Callable[..., Any], ...]) -> None:
    assert {function.__name__ for function in table} <= COVERED


def test_every_layer_and_every_fact_has_a_row() -> None:
    assert LAYERS <= COVERED
    assert {f"fact {name}" for name, row in FACTS.items() if not row.maker} <= COVERED
    assert {"mask", "label"} <= COVERED


def test_whatever_else_is_public_has_a_row() -> None:
    errors = {name for name in sg.__all__ if name.endswith(("Error", "Warning"))}
    assert set(sg.__all__) - errors - OTHER <= COVERED


def test_forty_networks_have_every_row() -> None:
    assert {name for seed in range(FEW) for name in planned(seed, FORCED)} == set(ROWS)


@pytest.mark.parametrize("seed", range(FEW))
def test_network(seed: int) -> None:
    check(seed, FORCED, compiled=seed == 0, second=seed % 5 == 0)


@pytest.mark.slow
def test_a_thousand_networks() -> None:
    """1,000 networks; every 40th compiled by Numba, every 5th to second order.

    ``python -m pytest -m slow tests/symgrad/test_random_networks.py``
    """
    used: set[str] = set()
    ranks: set[int] = set()
    risks = 0
    for seed in range(FEW, FEW + MANY):
        network = check(seed, compiled=seed % 40 == 0, second=seed % 5 == 0)
        used.update(network.rows)
        ranks.update(len(leaf.shape) for leaf in network.leaves)
        risks += network.examples > 0
    assert used == set(ROWS)
    assert ranks == {0, 1, 2, 3, 4}
    assert MANY / 4 < risks < MANY * 3 / 4


def test_networks_share_and_fan_out() -> None:
    """Values and weights are used more than once, in many of the networks."""
    shared = 0
    for seed in range(FEW):
        network = Network(seed, planned(seed, FORCED))
        uses = g.consumers([network.loss_node])
        shared += any(len(uses[leaf]) > 1 for leaf in g.leaves([network.loss_node]))
    assert shared > FEW / 2


# ------------------------------------------------------------------------- the checks can fail


def _sabotaged(name: str, change: Callable[[Any], Any]) -> dict[str, Row]:
    row = ROWS[name]
    fields = {**vars(row), "meaning": lambda *xs: change(row.meaning(*xs))}
    return {**ROWS, name: Row(**fields)}


@pytest.mark.parametrize("name", ["gelu", "conv1d, stride 2", "logdet", "fact symmetric"])
def test_a_wrong_meaning_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every operation reaches the loss: a row that is off by 10⁻⁶ fails, with its seed."""
    monkeypatch.setattr(random_networks, "ROWS", _sabotaged(name, lambda x: x * (1 + 1e-6)))
    position = list(ROWS).index(name)
    seed = position // FORCED
    with pytest.raises(AssertionError, match=f"random network of seed {seed}"):
        check(seed, FORCED)


def test_a_wrong_derivative_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference whose value is right and whose gradient is not."""
    seed = list(ROWS).index("gelu") // FORCED
    right = Network.gradients
    monkeypatch.setattr(
        Network, "gradients", lambda self, at: [x * (1 + 1e-6) for x in right(self, at)]
    )
    with pytest.raises(AssertionError, match=f"gradient by .*, random network of seed {seed}"):
        check(seed, FORCED)


def test_a_seed_is_one_network() -> None:
    one, other = (Network(7, planned(7)) for _ in range(2))
    assert one.loss == other.loss
    assert str(one) == str(other)
    for a, b in zip(one.arguments, other.arguments, strict=True):
        np.testing.assert_array_equal(a, b)
