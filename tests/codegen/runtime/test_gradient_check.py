"""The gradient check accepts right gradients and finds wrong ones, in either precision."""

import re

import numpy as np
import pytest

from symgrad.codegen.runtime import gradient_check
from symgrad.codegen.runtime.gradient_check import check_gradients
from symgrad.codegen.runtime.initial import init
from symgrad.codegen.runtime.interface import Params, _value_and_grad


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(10))
def test_a_right_gradient_passes(monkeypatch, dtype, seed):
    monkeypatch.setattr(gradient_check, "CHECK_DTYPE", dtype)
    report = check_gradients(seed=seed)
    assert report.ok
    assert [row.name for row in report.rows] == ["W", "b"]
    assert all(row.error <= report.tolerance for row in report.rows)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("mistake", ["sign", "factor", "transposed", "entry", "zero", "nan"])
def test_a_wrong_gradient_is_found(monkeypatch, dtype, seed, mistake):
    def wrong(params, X, Y):
        value, gradient = _value_and_grad(params, X, Y)
        W = gradient.W.copy()
        if mistake == "sign":
            W = -W
        elif mistake == "factor":
            W *= 1.1
        elif mistake == "transposed":
            W = W.T
        elif mistake == "entry":
            W[0, 0] += 0.1 * abs(W).max()
        elif mistake == "zero":
            W *= 0
        else:
            W[-1, -1] = np.nan
        return value, Params(W, gradient.b)

    monkeypatch.setattr(gradient_check, "CHECK_DTYPE", dtype)
    monkeypatch.setattr(gradient_check, "_value_and_grad", wrong)
    report = check_gradients(seed=seed)
    assert [row.ok for row in report.rows] == [False, True]
    assert not report.ok and "WRONG" in str(report)


def test_labels_scalars_and_many_arguments(labelled, weighted):
    for seed in range(10):
        assert labelled.check_gradients(seed=seed).ok
        assert weighted.check_gradients(seed=seed).ok


def test_at_a_point_that_is_given(blobs):
    params = init(seed=1, C=3, D=4)
    kept = [array.copy() for array in params]
    report = check_gradients(params, blobs)
    assert report.ok and report.rows[0].shape == (3, 4) and report.rows[0].entries == 12
    assert check_gradients(params=params).ok and check_gradients(data=blobs).ok
    for before, after in zip(kept, params, strict=True):
        np.testing.assert_array_equal(before, after)
    with pytest.raises(ValueError, match=r"X has shape \(60, 3\); expected \(N, D\) with D = 4"):
        check_gradients(params, (blobs[0][:, :3], blobs[1]))


def test_large_parameters_are_sampled():
    report = check_gradients(params=init(C=30, D=20))
    assert report.ok and [row.entries for row in report.rows] == [64, 30]


def test_a_loss_that_is_not_finite_is_said_so(monkeypatch):
    monkeypatch.setattr(gradient_check, "_value_and_grad", lambda p, *_: (float("nan"), p))
    with pytest.raises(ValueError, match="The loss is nan at the point tried; pass params="):
        check_gradients()


def test_kinks_do_not_raise_false_alarms(build):
    module = build(RELU)
    assert sum(module.check_gradients(seed=seed).ok for seed in range(100)) >= 99


RELU = '''
NAME = "relu"
DTYPE = np.float32
CHECK_DTYPE = np.float32

class Params(NamedTuple):
    """W (H×D)."""

    W: np.ndarray

PARAM_SHAPES = {"W": ("H", "D")}
DATA = (DataSpec("X", ("D",)),)
INPUTS = ()
MASKS = ()
F_ORDER = ()
OPTIMIZERS = FORMULAS = COSTS = PROVENANCE = {}
_predict = _is_halved = _workspace = _sgd_steps = _steps = _trace = _residuals = None

def _loss(params, X):
    return float(np.maximum(X @ params.W.T, 0).sum(axis=1).mean())

def _value_and_grad(params, X):
    on = (X @ params.W.T > 0).astype(X.dtype)
    return _loss(params, X), Params(on.T @ X / len(X))
'''


def test_the_report_is_a_table_that_says_where(monkeypatch):
    def wrong(params, X, Y):
        value, gradient = _value_and_grad(params, X, Y)
        gradient.W[1, 0] += 0.25
        return value, gradient

    lines = str(check_gradients()).splitlines()
    head = ["parameter", "shape", "entries", "absolute error", "relative error", "at"]
    assert re.split("  +", lines[0]) == head
    assert lines[1].startswith("W ") and lines[1].endswith(" ok")
    assert lines[-1] == "all right; computed in float64, relative error up to 1.2e-05"
    monkeypatch.setattr(gradient_check, "_value_and_grad", wrong)
    report = check_gradients()
    assert report.rows[0].where == (1, 0) and report.rows[0].absolute == pytest.approx(0.25)
    assert report.rows[1].ok and report.rows[1].absolute < 1e-8
    cells = re.split("  +", str(report).splitlines()[1])
    assert cells[0] == "W" and cells[3] == "2.5e-01" and cells[5:] == ["[1, 0]", "WRONG"]
    assert str(report).splitlines()[-1].startswith("wrong: the gradient of W; computed in")
