"""Optimizers over all data: they find the minimum, iteration by iteration."""

import signal
import sys

import numpy as np
import pytest

from symgrad.codegen.runtime.checks import value_and_grad
from symgrad.codegen.runtime.full_batch import FULL_BATCH, OF_SQUARES
from symgrad.codegen.runtime.interface import OPTIMIZERS
from symgrad.codegen.runtime.training import fit

RNG = np.random.default_rng(5)
X = RNG.normal(size=(40, 3))
y = X @ [1.0, -2.0, 0.5] + 3 + 0.1 * RNG.normal(size=40)
LEAST_SQUARES = np.linalg.lstsq(np.column_stack([X, np.ones(40)]), y, rcond=None)[0]

CURVED = """
NAME = "curved"
DTYPE = np.float64

def _predict(params, X):
    return np.exp(X @ params.w) + params.b

def _loss(params, X, y):
    return float(np.mean((_predict(params, X) - y) ** 2))

def _gradients(params, X, y, m, n):
    e = np.exp(X @ params.w)
    r = 2 * (e + params.b - y) / len(y)
    return _loss(params, X, y), Params(w=X.T @ (r * e), b=np.asarray(r.sum()))

def _residuals(params, X, y):
    e = np.exp(X @ params.w)
    J = np.column_stack([e[:, None] * X, np.ones(len(y))])
    return (e + params.b - y) / np.sqrt(len(y)), J / np.sqrt(len(y))
"""
"""y = exp(w·x) + b, fitted by least squares; follows `dropped` in a module."""


@pytest.fixture
def curved(build):
    from .conftest import DROPPED

    return build(DROPPED + CURVED)


def test_no_name_is_an_optimizer_twice():
    assert not FULL_BATCH.keys() & OPTIMIZERS.keys()


@pytest.mark.parametrize("optimizer", FULL_BATCH)
def test_a_linear_problem_is_solved(dropped, optimizer):
    params, history = dropped.fit(X, y, epochs=100, optimizer=optimizer, validation=(X, y))
    np.testing.assert_allclose([*params.w, params.b], LEAST_SQUARES, rtol=1e-3)
    assert history.ended == "converged" and len(history.loss) < 40
    assert (np.diff(history.loss) <= 1e-6).all()
    np.testing.assert_allclose(history.loss, history.validation_loss, rtol=1e-4)


@pytest.mark.parametrize("optimizer", FULL_BATCH)
def test_a_curved_problem_is_solved(curved, optimizer):
    target = np.exp(X @ [0.5, -0.3, 0.2]) + 1
    params, history = curved.fit(X, target, epochs=200, optimizer=optimizer, batch_size=40)
    np.testing.assert_allclose([*params.w, params.b], [0.5, -0.3, 0.2, 1], atol=1e-3)
    assert (np.diff(history.loss) <= 0).all()


@pytest.mark.parametrize("optimizer", FULL_BATCH)
def test_the_history_is_that_of_iterations(curved, optimizer):
    target = np.exp(X @ [0.5, -0.3, 0.2]) + 1
    _, whole = curved.fit(X, target, epochs=4, optimizer=optimizer)
    assert whole.ended == "epochs" and len(whole.loss) == 4
    for epochs in (0, 1, 3):
        params, history = curved.fit(X, target, epochs=epochs, optimizer=optimizer)
        np.testing.assert_allclose(history.loss, whole.loss[:epochs], rtol=1e-9)
        if epochs:
            assert curved.loss(params, X, target) == pytest.approx(history.loss[-1], rel=1e-9)


@pytest.mark.parametrize("optimizer", FULL_BATCH)
def test_what_is_frozen_stays(dropped, optimizer):
    start = dropped.init(D=3, initial={"b": 1.0})
    params, _ = dropped.fit(X, y, params=start, freeze=["b"], epochs=50, optimizer=optimizer)
    expected = np.linalg.lstsq(X, y - 1, rcond=None)[0]
    assert params.b == 1
    np.testing.assert_allclose(params.w, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("optimizer", FULL_BATCH)
def test_patience_gives_the_best_iteration(curved, optimizer):
    target = np.exp(X @ [0.5, -0.3, 0.2]) + 1
    held_out = (X[:5], target[:5] * 0.8)  # disagrees with the data
    options = {"optimizer": optimizer, "epochs": 100, "validation": held_out}
    params, history = curved.fit(X, target, patience=2, **options)
    best = int(history.validation_loss.argmin())
    assert curved.loss(params, *held_out) == pytest.approx(history.validation_loss[best])
    if history.ended == "patience":
        assert len(history.loss) == best + 3


def test_fewer_rows_than_parameters(dropped):
    params, history = dropped.fit(X[:2], y[:2], epochs=50, optimizer="levenberg_marquardt")
    assert history.loss[-1] < 1e-6 and dropped.loss(params, X[:2], y[:2]) < 1e-6


def test_parameters_that_do_the_same_are_no_obstacle(dropped):
    """Without a limit on the rank, Gauss–Newton divides by what is rounding."""
    doubled = np.column_stack([X, X + 1e-9])
    for optimizer in ("gauss_newton", "levenberg_marquardt"):
        params, history = dropped.fit(doubled, y, epochs=30, optimizer=optimizer)
        summed = params.w[:3] + params.w[3:]
        np.testing.assert_allclose([*summed, params.b], LEAST_SQUARES, rtol=1e-3)
        assert history.ended == "converged"


def test_lbfgs_finds_where_the_gradient_vanishes(blobs):
    params, history = fit(*blobs, epochs=200, optimizer="lbfgs", options={"memory": 5})
    _, gradient = value_and_grad(params, *blobs)
    assert max(abs(slopes).max() for slopes in gradient) < 1e-3
    assert history.loss[-1] < history.loss[0]


def test_ctrl_c_ends_the_run_after_its_iteration(curved, monkeypatch, capsys):
    values, target = [], np.exp(X @ [0.5, -0.3, 0.2]) + 1
    of_loss = curved._value_and_grad

    def interrupting(params, *data):
        values.append(None)
        if len(values) == 5:
            signal.raise_signal(signal.SIGINT)
        return of_loss(params, *data)

    monkeypatch.setattr(curved, "_value_and_grad", interrupting)
    params, history = curved.fit(X, target, epochs=100, optimizer="lbfgs")
    assert history.ended == "interrupted" and 1 <= len(history.loss) <= 4
    assert curved.loss(params, X, target) == pytest.approx(history.loss[-1])
    assert "curved: interrupted after" in capsys.readouterr().err


@pytest.mark.parametrize("optimizer", FULL_BATCH)
def test_a_loss_that_is_not_finite_is_said_so(curved, optimizer):
    start = curved.Params(np.full(3, 1e5), np.zeros(()))
    with pytest.raises(curved.Diverged, match="in iteration 1: z is the first value that is") as e:
        curved.fit(abs(X), y, params=start, epochs=5, optimizer=optimizer)
    assert np.array_equal(e.value.params.w, start.w) and len(e.value.history.loss) == 0


WRONG = {
    "rate": ({"learning_rate": 0.1}, "lbfgs finds its own step length; leave learning_rate out."),
    "more": ({"clip": 1.0, "warmup": 3}, "lbfgs finds its own step length; leave warmup, clip out"),
    "schedule": ({"schedule": "cosine"}, "lbfgs finds its own step length; leave schedule out."),
    "checkpoint": ({"checkpoint": "run"}, "lbfgs cannot be continued from a checkpoint bit for"),
    "batch": ({"batch_size": 7}, "lbfgs takes all 60 rows at once; leave batch_size out, not 7."),
    "option": ({"options": {"memoy": 3}}, "an option in options is 'memoy'; softmax_regression"),
}


@pytest.mark.parametrize(("options", "sentence"), WRONG.values(), ids=WRONG)
def test_it_refuses(blobs, options, sentence):
    with pytest.raises(ValueError) as caught:
        fit(*blobs, **{"epochs": 5, "optimizer": "lbfgs"} | options)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("optimizer", OF_SQUARES)
def test_a_loss_that_is_no_sum_of_squares_has_none_of_these(labelled, optimizer):
    assert list(labelled.FULL_BATCH) == ["lbfgs"]
    assert list(FULL_BATCH) == ["lbfgs", *OF_SQUARES]
    with pytest.raises(ValueError, match=f"{optimizer} needs a loss that is a sum of squares, and"):
        labelled.fit(X, y, epochs=5, optimizer=optimizer)


def test_lbfgs_steps_back_from_where_the_loss_is_not_finite(curved):
    """exp overflows at the first step that L-BFGS tries, of length 1 along the gradient."""
    data = 1000 * abs(X)
    target = np.exp(data @ [0.0005, 0.0003, 0.0002]) + 1
    start = curved.Params(np.zeros(3), np.zeros(()))
    _, slope = curved.value_and_grad(start, data, target)
    with np.errstate(over="ignore"):
        tried = start._replace(w=-slope.w / np.linalg.norm([*slope.w, slope.b]))
        assert not np.isfinite(curved.loss(tried, data, target))
    params, history = curved.fit(data, target, params=start, epochs=200, optimizer="lbfgs")
    assert (np.diff(history.loss) <= 0).all() and history.ended == "converged"
    np.testing.assert_allclose(params.w, [0.0005, 0.0003, 0.0002], rtol=0.01)


def test_batches_are_refused(blobs):
    with pytest.raises(ValueError, match="lbfgs takes all data at once; give arrays, not batches"):
        fit([blobs], epochs=5, optimizer="lbfgs")


@pytest.mark.parametrize("optimizer", ["lbfgs", "levenberg_marquardt"])
def test_without_scipy_there_is_a_sentence(dropped, monkeypatch, optimizer):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match=rf"optimizer '{optimizer}' needs SciPy: pip install"):
        dropped.fit(X, y, epochs=5, optimizer=optimizer)
