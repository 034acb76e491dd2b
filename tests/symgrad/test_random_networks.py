"""Random networks, all operations, against references that autograd differentiates.

The default suite has forty of them. The campaign of a thousand::

    python -m pytest -m slow tests/symgrad/test_random_networks.py

takes a few minutes. A failure names its seed and shows the declaration; one seed alone is run by
``python tests/support/network_checks.py SEED``.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import meanings
import numpy as np
import pytest
import random_networks
import sympy as sp
from network_checks import check, planned
from network_row import Row
from network_rows import ROWS
from random_networks import Network
from sympy import IndexedBase, MatrixSymbol, Piecewise, Sum, Symbol, symbols

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
    *("Cost", "Derivation", "Model", "Picture", "Step", "Trace", "TrainingModule"),
    *("gradient", "hessian", "jacobian", "jvp", "hvp", "gauss_newton"),
    *("cost", "draw", "formula", "function", "graph_text", "parse", "training_module"),
    *("plot_activation", "plot_gradient_cost", "plot_gradient_error", "plot_loss", "plot_units"),
    *("plot_vector_activation", "unit_report"),
    *("verify", "verify_steps", "Verdict", "Witness", "Steps", "StepVerdict"),
    *("optimizer", "Optimizer", "estimator"),
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
    check(seed, FORCED, compiled=seed == 0, second=seed % 10 == 0)


@pytest.mark.slow
def test_a_thousand_networks() -> None:
    """1,000 networks; every 40th compiled by Numba, of five one to second order and one shown.

    ``python -m pytest -m slow tests/symgrad/test_random_networks.py``
    """
    used: set[str] = set()
    ranks: set[int] = set()
    risks = 0
    for seed in range(FEW, FEW + MANY):
        network = check(seed, compiled=seed % 40 == 0, second=seed % 5 == 0, shown=seed % 5 == 1)
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


# --------------------------------------------------------------- what they found, one line a bug

i, j, k = symbols("i j k", integer=True)
M, D = symbols("M D", integer=True, positive=True)
r = MatrixSymbol("r", 1, 3)
s, t = Symbol("s", real=True), Symbol("t", real=True)
K1, K3 = IndexedBase("K1", shape=(1, 1, 1)), IndexedBase("K3", shape=(2, 1, 2))
T1, Q = MatrixSymbol("T1", 3, 1), MatrixSymbol("Q", 3, 3)
ONE = sg.cell("lstm", 1, 1)


def _lower(Q: Any) -> Any:
    return Sum(Q[i, j] ** 2, (j, 0, i), (i, 1, 2))


def _steps(X: np.ndarray, *weights: np.ndarray) -> Any:
    shaped = [w.reshape((1,) if n % 3 == 2 else (1, 1)) for n, w in enumerate(weights)]
    return meanings.lstm(X.reshape(2, 1), *shaped)[0]


FOUND: dict[str, tuple[Callable[[], Any], list[Any], Callable[..., Any]]] = {
    "padding costs no digits": (
        lambda: sg.sum(sg.max_pool1d(r, 3, stride=1, padding=1)),
        [r],
        lambda r: np.sum(meanings.pool(r, 3, axes=1, how="max", stride=1, padding=1)),
    ),
    "a loss is a sum over an array of any rank": (
        lambda: sg.l2(K3) + sg.hinge(K3), [K3],
        lambda K: np.sum(K**2) / 2 + np.sum(np.maximum(0, 1 - K)),
    ),
    "the one row of a matrix": (
        lambda: sg.dot(r, sg.softmax(r, rows=True)) + sg.sum(sg.logsumexp(r, rows=True)), [r],
        lambda r: np.sum(r * meanings.softmax(r)) + np.log(np.sum(np.exp(r))),
    ),
    "the last axis of an array is one entry": (
        lambda: sg.dot(K1, sg.softmax(K1, rows=True)), [K1], lambda K: np.sum(K)
    ),
    "a constant is an operand": (
        lambda: sg.sum(sg.maximum(sg.sparsemax(MatrixSymbol("o", 1, 1)), s)), [s],
        lambda s: np.maximum(1, s),
    ),
    "an inner range follows an outer one that starts at 1": (
        lambda: _lower(Q), [Q], lambda Q: np.sum(np.tril(Q)[1:] ** 2)
    ),
    "an inner range follows an outer one of one entry": (
        lambda: Sum(K1[i, j, 0] ** 2, (j, 0, i), (i, 0, 0)), [K1], lambda K: np.sum(K**2)
    ),
    "attention over one feature": (
        lambda: sg.sum(sg.attention(T1, T1, T1)), [T1],
        lambda T: np.sum(meanings.attention(*[T.reshape(3, 1)] * 3)),
    ),
    "a cell of one unit": (
        lambda: sg.sum(sg.recurrent(ONE, MatrixSymbol("X", 2, 1))[-1]),
        [MatrixSymbol("X", 2, 1), *ONE.parameters],
        _steps,
    ),
    "a kernel of one entry": (lambda: sp.tanh(K1[0, 0, 0]) * s, [K1, s],
                              lambda K, s: np.sum(np.tanh(K)) * s),
    "the error function far out": (lambda: sg.gelu(s**7), [s],
                                   lambda s: s**7 * (1 + math.erf(s**7 / 2**0.5)) / 2),
    "a case of a logarithm": (lambda: sg.hinge(sp.log(s)), [s], lambda s: max(0, 1 - np.log(s))),
    "a case in a case": (
        lambda: sp.sinc(Piecewise((s, s > t), (t, True))), [s, t],
        lambda s, t: np.sin(max(s, t)) / max(s, t),
    ),
}  # fmt: skip
"""A bug → a declaration that it broke, its leaves, and the meaning."""


@pytest.mark.parametrize("name", FOUND)
def test_found(name: str) -> None:
    declare, leaves, meaning = FOUND[name]
    loss = declare()
    rng = np.random.default_rng(0)
    shapes = [tuple(map(int, getattr(leaf, "shape", ()))) for leaf in leaves]
    shapes = [shape[:1] if shape[1:] == (1,) else shape for shape in shapes]
    at = [rng.uniform(0.3, 0.9, shape) for shape in shapes]
    for target in ("numpy", "numba") if name == "a kernel of one entry" else ("numpy",):
        function = sg.function(leaves, [loss, sg.gradient(loss, leaves)], target=target)
        value, *slopes = function(*at)
        np.testing.assert_allclose(value, meaning(*at), rtol=1e-12)
        for k, slope in enumerate(slopes):
            for where in np.ndindex(*shapes[k]):
                moved = np.zeros(shapes[k])
                moved[where] = 1e-6
                up, down = ([*at[:k], at[k] + c * moved, *at[k + 1 :]] for c in (1, -1))
                expected = (meaning(*up) - meaning(*down)) / 2e-6
                found = np.reshape(slope, shapes[k])[where]
                np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8)


def test_found_an_input_that_is_not_needed() -> None:
    """What vanishes from a risk still gives its dimensions to the gradient by it."""
    A, y = MatrixSymbol("A", M, D), MatrixSymbol("y", M, 1)
    risk = sg.empirical_risk(sg.sum(sg.softmax(A * MatrixSymbol("z", D, 1))) + sg.l2(y), [y])
    leaves = [A, MatrixSymbol("z", D, 1), y]
    function = sg.function(leaves, [risk, sg.gradient(risk, A)])
    value, slope = function(np.ones((2, 3)), np.ones(3), np.ones((4, 2)))
    assert value == 2
    np.testing.assert_array_equal(slope, np.zeros((2, 3)))


def test_found_a_doubtful_logarithm_of_an_array() -> None:
    R = IndexedBase("R", shape=(2, 3, 2))
    with pytest.warns(sg.DomainWarning, match="the logarithm of R.* can be ≤ 0"):
        sg.let("z", sp.log(R[i, j, k] - 1), i, j, k)


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
