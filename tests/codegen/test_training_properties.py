"""What holds for every training module: each network × target × type × optimizer.

By default a diagonal of the product runs. The whole of it, about ten minutes on one core::

    pytest tests/codegen/test_training_properties.py -m "slow or not slow"
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import cycle, product
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from training_cases import CASES, SIZES

import symgrad as sg
from symgrad.codegen.targets import TARGETS
from symgrad.optimizers import OPTIMIZERS

ROWS = 7
DTYPES = ("float32", "float64")
ROUNDING = {"float32": (2e-4, 2e-5), "float64": (1e-9, 1e-12)}
"""Relative and absolute, after a few steps."""
FAMILIAR = ("labels", "logistic")
"""Cases that Numba compiles in little time."""


def chosen(targets: Iterable[str]) -> pytest.MarkDecorator:
    """The product; all but its diagonal is slow."""
    rows = []
    for case, name, dtype, target in product(CASES, OPTIMIZERS, DTYPES, targets):
        default = (name, dtype) == DIAGONAL[case] and (target == "numpy" or case in FAMILIAR)
        rows.append(pytest.param(case, name, dtype, target, marks=[] if default else SLOW))
    return pytest.mark.parametrize(("case", "optimizer", "dtype", "target"), rows)


DIAGONAL = dict(zip(CASES, cycle(product(OPTIMIZERS, DTYPES)), strict=False))
SLOW = [pytest.mark.slow]
EVERY = chosen(TARGETS)


@cache
def module(case: str, dtype: str, target: str) -> ModuleType:
    text = "".join(x if x.isalnum() else "_" for x in case)
    name = f"properties_{text}_{target}_{dtype}"
    return sg.training_module(**CASES[case](), target=target, dtype=dtype, name=name).load()


def start(file: Any) -> Any:
    """Parameters that are small and nowhere zero."""
    shapes = file.PARAM_SHAPES.values()
    sizes = {n: SIZES[n] for shape in shapes for n in shape if isinstance(n, str)}
    rng = np.random.default_rng(3)
    return file.Params(*(rng.uniform(0.1, 0.5, np.shape(x)) for x in file.init(2, **sizes)))


def examples(file: Any) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [example_array(rng, spec) for spec in file.DATA]


def example_array(rng: np.random.Generator, spec: Any) -> np.ndarray:
    shape = (ROWS, *(SIZES.get(n, n) for n in spec.shape))
    if spec.classes is not None:
        return rng.integers(SIZES.get(spec.classes, spec.classes), size=shape)
    values = rng.uniform(0.1, 0.9, shape)
    return values / values.sum(axis=-1, keepdims=True) if spec.simplex else values


def fitted(file: Any, optimizer: str, **options: Any) -> tuple[Any, Any]:
    """A short run on the examples, from `start` unless told otherwise."""
    settings = {"epochs": 3, "batch_size": 3, "learning_rate": 0.01, "params": start(file)}
    settings |= {"optimizer": optimizer, "progress": False, **options}
    found: tuple[Any, Any] = file.fit(*examples(file), **settings)
    return found


@chosen([x for x in TARGETS if x != "numpy"])
def test_each_step_is_that_of_numpy(case: str, optimizer: str, dtype: str, target: str) -> None:
    """On the same seed: the loss of every step, with clipping, then the parameters."""
    files = module(case, dtype, "numpy"), module(case, dtype, target)
    relative, absolute = ROUNDING[dtype]
    for options in ({}, {"batch_size": ROWS, "clip": 0.3, "options": {"weight_decay": 0.02}}):
        (mine, found), (theirs, expected) = (fitted(x, optimizer, **options) for x in files)
        for a, b in zip((found.loss, *mine), (expected.loss, *theirs), strict=True):
            np.testing.assert_allclose(a, b, rtol=relative, atol=absolute)
    if files[0].INPUTS:
        at = [x for x, spec in zip(examples(files[0]), files[0].DATA, strict=True)
              if spec.name in files[0].INPUTS]  # fmt: skip
        values = [x.predict(x.Params(*mine), *at) for x in files]
        np.testing.assert_allclose(*values, rtol=relative, atol=absolute)


@EVERY
def test_the_loss_falls(case: str, optimizer: str, dtype: str, target: str) -> None:
    file = module(case, dtype, target)
    _, history = fitted(file, optimizer, epochs=6, batch_size=ROWS, learning_rate=1e-3)
    assert np.isfinite(history.loss).all()
    assert history.loss[-1] < history.loss[0]


@EVERY
def test_a_run_continues(
    case: str, optimizer: str, dtype: str, target: str, tmp_path: Path
) -> None:
    """From a checkpoint, to the same bits; what is saved is what is loaded."""
    file = module(case, dtype, target)
    whole, history = fitted(file, optimizer)
    fitted(file, optimizer, epochs=1, checkpoint=tmp_path / "run")
    resumed, its_history = fitted(file, optimizer, checkpoint=tmp_path / "run")
    np.testing.assert_array_equal(history.loss, its_history.loss)
    file.save(resumed, tmp_path / "params.npz")
    for a, b in zip(whole, file.load(tmp_path / "params.npz"), strict=True):
        assert a.dtype == b.dtype == dtype and a.shape == b.shape
        np.testing.assert_array_equal(a, b)


@EVERY
def test_what_is_frozen_stays(case: str, optimizer: str, dtype: str, target: str) -> None:
    file = module(case, dtype, target)
    first, *others = file.Params._fields
    frozen = [first] if others else []
    trained, _ = fitted(file, optimizer, freeze=frozen)
    for name, old, new in zip(file.Params._fields, start(file), trained, strict=True):
        assert np.array_equal(new, old.astype(dtype)) == (name in frozen)


@pytest.mark.parametrize(
    ("case", "dtype", "target"),
    [
        pytest.param(*row, marks=[] if row[1:] == (DIAGONAL[row[0]][1], "numpy") else SLOW)
        for row in product(CASES, DTYPES, TARGETS)
    ],
)
def test_gradients_and_what_shows_them(case: str, dtype: str, target: str) -> None:
    """`check_gradients`, `value_and_grad`, `loss`, `_trace` and `health` tell the same."""
    file: Any = module(case, dtype, target)
    data, params = examples(file), file.Params(*(x.astype(dtype) for x in start(file)))
    assert file.check_gradients(params, data).ok
    value, gradient = file.value_and_grad(params, *data)
    relative, absolute = ROUNDING[dtype]
    np.testing.assert_allclose(value, file.loss(params, *data), rtol=relative)
    checked = file._check_data(data, file.DATA, {})
    traced = file._trace(params, *checked)
    assert traced.gradients.keys() >= set(file.Params._fields)
    report = file.health(params, *data)
    assert str(report)
    for name, slope in gradient._asdict().items():
        np.testing.assert_allclose(traced.gradients[name], slope, rtol=relative, atol=absolute)
