"""Residuals and Jacobians of training modules: Σ r² is the loss, and 2·Jᵀ·r its gradient."""

from __future__ import annotations

from functools import cache
from types import ModuleType

import numpy as np
import pytest
from training_cases import CASES, SIZES

import symgrad as sg

SQUARES = ("squared error", "sum of squares", "fixed sizes", "scalars", "row", "matrices as data")
"""The cases whose loss is a sum of squares."""


@cache
def built(case: str) -> ModuleType:
    return sg.training_module(**CASES[case](), target="numpy", dtype="float64", name="model").load()


def example(module: ModuleType, rows: int = 5) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [
        rng.uniform(0.1, 0.9, (rows, *(SIZES.get(n, n) for n in spec.shape)))
        for spec in module.DATA
    ]


@pytest.mark.parametrize("case", SQUARES)
def test_the_loss_and_its_gradient(case: str) -> None:
    module = built(case)
    data = example(module)
    used = {n for shape in module.PARAM_SHAPES.values() for n in shape}
    params = module.init(seed=1, **{n: size for n, size in SIZES.items() if n in used})
    value, gradient = module.value_and_grad(params, *data)
    r, J = module._residuals(params, *data)
    flat = np.concatenate([np.ravel(x) for x in gradient])
    assert J.shape == (r.size, flat.size)
    np.testing.assert_allclose(np.sum(r * r), value, rtol=1e-12)
    np.testing.assert_allclose(2 * r @ J, flat, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(x, marks=pytest.mark.slow) if x == "tokens" else x  # three seconds to build
        for x in CASES
        if x not in SQUARES
    ],
)
def test_no_other_loss_has_residuals(case: str) -> None:
    source = sg.training_module(**CASES[case](), target="numpy", name="model").source
    assert "# Least squares: this loss is no sum of squares" in source
    assert "def _residuals" not in source and "def _gauss_newton" not in source
