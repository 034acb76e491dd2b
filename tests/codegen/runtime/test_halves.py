"""Minibatches in halves: the same numbers on one thread and on two, and nobody left waiting."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest
from sympy import MatrixSymbol

import symgrad as sg
from symgrad.codegen.runtime.halves import _Pace

EXAMPLES, BATCH = 103, 25  # the last minibatch has three rows


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """A network with an inverse, which some parameters do not have."""
    x, y = MatrixSymbol("x", 3, 1), MatrixSymbol("y", 3, 1)
    W, b = MatrixSymbol("W", 3, 3), MatrixSymbol("b", 3, 1)
    f = sg.let("f", sg.inverse(W) * sg.let("h", sg.tanh(W * x + b)))
    module = sg.training_module(
        *(sg.squared_error(f, y), [W, b], [x, y]),
        predict=f,
        target="numba",
        dtype="float64",
        optimizers=["sgd", "adam"],
        name="halved",
    )
    path = tmp_path_factory.mktemp("halved") / "halved.py"
    module.save(path)
    return module.load()


@pytest.fixture
def module(made: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The same, whose minibatches are computed in halves though they are small."""
    monkeypatch.setattr(made, "_is_halved", lambda *_: True)
    yield made


def data() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.normal(size=(EXAMPLES, 3)), random.normal(size=(EXAMPLES, 3))


def trained(module: ModuleType, together: bool | None, optimizer: str) -> list[np.ndarray]:
    settings = {"epochs": 30, "batch_size": BATCH, "optimizer": optimizer, "progress": False}
    with pytest.MonkeyPatch.context() as patch:
        if together is not None:
            patch.setattr(module._Pace, "together", lambda _: together)
        params, history = module.fit(*data(), learning_rate=0.01, clip=1.0, **settings)
    return [*params, history.loss]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_one_thread_and_two_come_to_the_same_numbers(module: ModuleType, optimizer: str) -> None:
    alone = trained(module, False, optimizer)
    for together in (True, None):
        for a, b in zip(alone, trained(module, together, optimizer), strict=True):
            np.testing.assert_array_equal(a, b)


def test_chunks_of_one_step_come_to_the_same_numbers(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(module, True, "adam")
    monkeypatch.setattr(module, "CHUNK_SECONDS", 0.0)
    for a, b in zip(whole, trained(module, True, "adam"), strict=True):
        np.testing.assert_array_equal(a, b)


def test_they_are_those_of_whole_minibatches_but_for_rounding(made: ModuleType) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made, "_is_halved", lambda *_: True)
        halved = trained(made, True, "adam")
    for a, b in zip(halved, trained(made, None, "adam"), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def test_a_single_row_is_both_halves(module: ModuleType) -> None:
    X, Y = (array[:3] for array in data())
    settings = {"epochs": 3, "batch_size": 2, "learning_rate": 0.01, "progress": False}
    params, history = module.fit(X, Y, **settings)
    assert np.isfinite(history.loss).all()
    assert all(np.isfinite(array).all() for array in params)


@pytest.mark.parametrize("together", [True, False])
def test_an_error_in_a_half_is_told(
    module: ModuleType, together: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A singular matrix ends one thread, or both, in the middle of a step."""
    monkeypatch.setattr(module._Pace, "together", lambda _: together)
    start = module.init(0)._replace(W=np.zeros((3, 3)))
    settings = {"epochs": 1, "batch_size": BATCH, "learning_rate": 0.1, "progress": False}
    with pytest.raises(module.Diverged, match="inverse"):
        module.fit(*data(), params=start, **settings)


def paced(*times: tuple[float, float], calls: int) -> list[bool]:
    """Which way chunks go: `times` are seconds a step on one thread and on two, chunk by chunk."""
    pace, chosen = _Pace(), []
    for call in range(calls):
        together = pace.together()
        chosen.append(together)
        pace.record(together, times[min(call, len(times) - 1)][together])
    return chosen


def test_the_faster_way_is_taken() -> None:
    assert paced((2.0, 1.0), calls=60) == [True, False] + [True] * 58
    assert paced((1.0, 9.0), calls=60) == [True, False, True] + [False] * 57


def test_the_slower_way_is_tried_again() -> None:
    """Where the faster becomes slow, now and then, and soon if it was to be the faster one."""
    crowded = paced(*[(2.0, 1.0)] * 20, (2.0, 30.0), calls=40)
    assert crowded[19] and crowded[20] and not any(crowded[21:])
    again = paced(*[(1.0, 9.0)] * 10, (1.0, 0.5), calls=80)
    assert not any(again[3:64]) and all(again[65:])
    soon = paced(*[(2.0, 3.0)] * 3, (2.0, 1.0), calls=20)
    assert soon[5] and all(soon[6:])


def test_the_first_chunk_waits_for_the_compiler_and_counts_for_nothing() -> None:
    assert paced((2.0, 1e9), (2.0, 1.0), calls=5) == [True, False, True, True, True]
