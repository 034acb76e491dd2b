"""Divided layers: each thread with half of the units, and the parameters put together again."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sympy import MatrixSymbol, symbols

import symgrad as sg
from symgrad.codegen.runtime import units
from symgrad.codegen.runtime.interface import Params

EXAMPLES, BATCH = 103, 25  # the last minibatch has three rows


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """A hidden layer of any width, whose matrices lie column by column where that is better."""
    D, H = symbols("D H", integer=True, positive=True)
    x, y = MatrixSymbol("x", D, 1), sg.simplex("y", 3)
    W, b = MatrixSymbol("W", H, D), MatrixSymbol("b", H, 1)
    V, c = MatrixSymbol("V", 3, H), MatrixSymbol("c", 3, 1)
    p = sg.let("p", sg.softmax(V * sg.let("h", sg.relu(W * x + b)) + c))
    module = sg.training_module(
        *(sg.cross_entropy(p, y), [W, b, V, c], [x, y]),
        predict=p,
        target="numba",
        dtype="float64",
        optimizers=["sgd"],
        name="wide",
    )
    module.save(tmp_path_factory.mktemp("wide") / "wide.py")
    return module.load()


def fitted(
    module: ModuleType, divided: bool, epochs: int = 3, **options: object
) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    X, Y = random.normal(size=(EXAMPLES, 9)), np.eye(3)[random.integers(0, 3, EXAMPLES)]
    settings = {"epochs": epochs, "batch_size": BATCH, "learning_rate": 0.1, "progress": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_is_halved", lambda *_: False)
        patch.setattr(module, "_is_divided", lambda *_: divided)
        params, history = module.fit(X, Y, H=13, **settings, **options)
    return [*params, history.loss]


def test_divided_units_come_to_the_same(wide: ModuleType) -> None:
    """But for rounding; and to the very same in every run. Seven units and six."""
    once, again = fitted(wide, True), fitted(wide, True)
    for a, b, whole in zip(once, again, fitted(wide, False), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(a, whole, rtol=1e-12, atol=1e-15)


def test_chunks_of_one_step_come_to_the_same_numbers(
    wide: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fitted(wide, True)
    monkeypatch.setattr(wide, "CHUNK_SECONDS", 0.0)
    for a, b in zip(whole, fitted(wide, True), strict=True):
        np.testing.assert_array_equal(a, b)


def test_other_optimizers_work_with_all_units(wide: ModuleType) -> None:
    for a, b in zip(fitted(wide, True, clip=0.1), fitted(wide, False, clip=0.1), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_run_of_divided_units_that_diverges_says_so(wide: ModuleType) -> None:
    X, Y = np.full((50, 9), 1e200), np.eye(3)[np.zeros(50, int)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wide, "_is_divided", lambda *_: True)
        with pytest.raises(wide.Diverged):
            wide.fit(X, Y, H=4, epochs=2, batch_size=5, learning_rate=1e300, progress=False)


@pytest.mark.parametrize("order", ["C", "F"])
def test_parts_of_parameters(order: Any) -> None:
    """Parts lie as the whole does; what is not divided is shared once and copied once."""
    W = np.arange(15.0).reshape(5, 3).copy(order)
    params = Params(W=W, b=np.arange(5.0))
    first, second = units.divided(params, {"W": 0})
    np.testing.assert_array_equal(first.W, W[:3])
    np.testing.assert_array_equal(second.W, W[3:])
    for part in (first.W, second.W):
        assert part.flags.c_contiguous if order == "C" else part.flags.f_contiguous
        assert np.shares_memory(part, W) == (order == "C")
    assert first.b is params.b
    assert not np.shares_memory(second.b, params.b)


@pytest.mark.parametrize("order", ["C", "F"])
def test_parts_are_written_back(order: Any) -> None:
    W = np.zeros((5, 3)).copy(order)
    params = Params(W=W, b=np.zeros(5))
    both = units.new_units(None, (np.zeros(1), None), None, {"W": 0, "b": 0}, 1)

    def steps(pair, arrays, part, losses):  # type: ignore[no-untyped-def]
        for array in part:
            array[...] = pair[0] + 1
        return 7

    assert units.in_units(steps, both, params, np.zeros(7)) == 7
    assert W[:, 0].tolist() == params.b.tolist() == [1, 1, 1, 2, 2]
