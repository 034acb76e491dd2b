"""init and fit: what is learned, what is kept, and what is refused."""

import io
import sys

import numpy as np
import pytest

from symgrad.codegen.runtime import training
from symgrad.codegen.runtime.checks import loss, predict
from symgrad.codegen.runtime.interface import Params
from symgrad.codegen.runtime.training import fit, init

OPTIONS = {"epochs": 5, "batch_size": 7, "learning_rate": 0.1}


def equal(a, b):
    return all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b, strict=True))


def test_init_is_glorot_uniform_with_zero_vectors():
    params = init(seed=3, C=200, D=100)
    limit = np.sqrt(6 / 300)
    assert params.W.shape == (200, 100) and params.W.dtype == np.float32
    assert 0.99 * limit < params.W.max() <= limit and -limit <= params.W.min() < -0.99 * limit
    assert not params.b.any() and params.b.shape == (200,)
    assert equal(params, init(seed=3, C=200, D=100))
    assert not equal(params, init(seed=4, C=200, D=100))


def test_init_of_a_scalar_and_of_fixed_sizes(weighted):
    params = weighted.init()
    assert params.w.shape == (3,) and params.b.shape == () and isinstance(params.b, np.ndarray)


@pytest.mark.parametrize(
    ("dims", "sentence"),
    [
        ({}, "softmax_regression needs C=…, D=…; pass the size"),
        ({"C": 3}, "softmax_regression needs D=…; pass the size"),
        (
            {"C": 3, "D": 2, "H": 1},
            "softmax_regression has no option or dimension 'H'; dimensions: C, D.",
        ),
        ({"C": 3, "D": 0}, "D is 0; expected an integer of at least 1."),
        ({"C": 3, "D": 2.5}, "D is 2.5; expected an integer of at least 1."),
        ({"C": 3, "D": 2, "seed": -1}, "seed is -1; expected an integer of at least 0."),
    ],
)
def test_init_refuses(dims, sentence):
    with pytest.raises(ValueError) as caught:
        init(**dims)
    assert str(caught.value).startswith(sentence)


def test_fit_learns_and_measures(blobs):
    params, history = fit(*blobs, validation=blobs, epochs=30, batch_size=7, learning_rate=0.2)
    assert history.loss.shape == (30,) and history.loss[-1] < 0.5 * history.loss[0]
    assert history.validation_loss[-1] == pytest.approx(loss(params, *blobs))
    right = predict(params, blobs[0]).argmax(1) == blobs[1].argmax(1)
    assert history.validation_accuracy[-1] == pytest.approx(right.mean())
    assert right.mean() > 0.8


def test_fit_follows_plain_gradient_descent(weighted):
    rng = np.random.default_rng(0)
    X, y, weight = rng.normal(size=(10, 3)), rng.normal(size=10), rng.uniform(size=10)
    fitted, history = weighted.fit(X, y, weight, epochs=2, batch_size=4, learning_rate=0.1, seed=8)
    w, b = np.zeros(3), 0.0
    for epoch in range(2):
        order, total = np.random.default_rng([8, epoch]).permutation(10), 0.0
        for rows in (order[:4], order[4:8], order[8:]):
            residual = X[rows] @ w + b - y[rows]
            total += (weight[rows] * residual**2).sum()
            slope = 2 * weight[rows] * residual / len(rows)
            w, b = w - 0.1 * X[rows].T @ slope, b - 0.1 * slope.sum()
        assert history.loss[epoch] == pytest.approx(total / 10)
    np.testing.assert_allclose(fitted.w, w)
    assert float(fitted.b) == pytest.approx(b)
    assert np.isnan(history.validation_loss).all() and np.isnan(history.validation_accuracy).all()


def test_fit_is_reproducible_and_changes_nothing_it_was_given(blobs):
    start = init(seed=5, C=3, D=4)
    kept, data = [a.copy() for a in start], [a.copy() for a in blobs]
    first, _ = fit(*blobs, params=start, **OPTIONS)
    assert equal(start, kept) and equal(blobs, data)
    assert not equal(first, start)
    assert equal(first, fit(*blobs, params=start, **OPTIONS)[0])
    assert not equal(first, fit(*blobs, params=start, seed=1, **OPTIONS)[0])


def test_no_epochs_return_a_copy_of_the_start(blobs):
    start = init(C=3, D=4)
    params, history = fit(*blobs, params=start, epochs=0, batch_size=60, learning_rate=0.1)
    assert equal(params, start) and params.W is not start.W
    assert all(column.shape == (0,) for column in history)


def test_hidden_sizes_and_classes_are_asked_for(labelled, blobs):
    X, c = blobs[0], blobs[1].argmax(1)
    with pytest.raises(ValueError, match="labelled needs C=…, H=…; pass the size, or params"):
        labelled.fit(X, c, **OPTIONS)
    params, history = labelled.fit(X, c, C=3, H=5, validation=(X, c), **OPTIONS)
    assert params.W.shape == (3, 5) and params.V.shape == (5, 4)
    accuracy = (labelled.predict(params, X).argmax(1) == c).mean()
    assert history.validation_accuracy[-1] == pytest.approx(accuracy)
    labelled.fit(X, c, params=params, **OPTIONS)
    with pytest.raises(ValueError, match=r"parameter W .* expected \(C, H\) with H = 6"):
        labelled.fit(X, c, params=params, H=6, **OPTIONS)


def test_patience_returns_the_best_parameters(blobs):
    X, Y = blobs
    options = {"epochs": 200, "batch_size": 10, "learning_rate": 1.0}
    validation = (X[:10] * 3, Y[:10][::-1])  # disagrees with the data, so it soon gets worse
    params, history = fit(X, Y, validation=validation, patience=3, **options)
    best = int(history.validation_loss.argmin())
    assert len(history.loss) == best + 1 + 3
    assert loss(params, *validation) == pytest.approx(history.validation_loss[best])


WRONG = {
    "optimizer": ({"optimizer": "adamm"}, "optimizer is 'adamm'; softmax_regression knows sgd."),
    "epochs": ({"epochs": -1}, "epochs is -1; expected an integer of at least 0."),
    "epochs type": ({"epochs": "3"}, "epochs is '3'; expected an integer of at least 0."),
    "batch": ({"batch_size": 0}, "batch_size is 0; expected an integer of at least 1."),
    "large batch": ({"batch_size": 61}, "batch_size is 61, but the data have 60 rows."),
    "rate": ({"learning_rate": -0.1}, "learning_rate is -0.1; expected a finite number ≥ 0"),
    "nan rate": ({"learning_rate": np.nan}, "learning_rate is nan; expected a finite number"),
    "rate type": ({"learning_rate": "0.1"}, "learning_rate is '0.1'; expected a finite number"),
    "seed": ({"seed": None}, "seed is None; expected an integer of at least 0."),
    "patience": ({"patience": 2}, "patience watches the validation loss; pass validation="),
    "validation": ({"validation": np.ones((2, 4))}, "ndarray as data arrays given; expected 2:"),
    "unknown": (
        {"epoch": 3},
        "softmax_regression has no option or dimension 'epoch'; dimensions: C, D.",
    ),
    "size": ({"D": 5}, "X has shape (60, 4); expected (N, D) with D = 5"),
}


@pytest.mark.parametrize(("options", "sentence"), WRONG.values(), ids=WRONG)
def test_fit_refuses(blobs, options, sentence):
    with pytest.raises(ValueError) as caught:
        fit(*blobs, **OPTIONS | options)
    assert str(caught.value).startswith(sentence)


def test_wrong_validation_data_are_named(blobs):
    X, Y = blobs
    with pytest.raises(ValueError, match=r"validation X has shape \(60, 3\); expected \(N, D\)"):
        fit(X, Y, validation=(X[:, :3], Y), **OPTIONS)


def test_divergence_names_the_epoch(weighted):
    X = np.ones((10, 3))
    sentence = (
        r"The loss diverged in epoch \d+ \(it is \S+\); try a learning_rate lower than 1e\+30\."
    )
    with pytest.raises(FloatingPointError, match=sentence):
        weighted.fit(X, X[:, 0], X[:, 0], epochs=50, batch_size=5, learning_rate=1e30)


def test_a_validation_loss_without_a_value_is_said_so(weighted):
    X, one = np.ones((10, 3)), np.ones(10)
    with pytest.raises(FloatingPointError, match="The validation loss is inf in epoch 1; try a"):
        weighted.fit(X, one, one, validation=(X, one * 1e200, one), **OPTIONS)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_shown_on_a_terminal_only(blobs, monkeypatch):
    for stream, progress, shown in [
        (Terminal(), True, True),
        (Terminal(), False, False),
        (io.StringIO(), True, False),
    ]:
        monkeypatch.setattr(sys, "stderr", stream)
        fit(*blobs, validation=blobs, progress=progress, **OPTIONS)
        assert ("epoch 5/5  loss " in stream.getvalue()) == shown
        assert stream.getvalue().endswith("\n") == shown
    monkeypatch.setattr(sys, "stderr", None)
    fit(*blobs, **OPTIONS)


def test_interruption_passes_through(blobs, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_sgd_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(*blobs, **OPTIONS)


def test_params_of_another_module_are_refused(blobs, weighted):
    with pytest.raises(ValueError, match=r"params is not a Params\(W, b\)"):
        fit(*blobs, params=weighted.init(), **OPTIONS)
    assert isinstance(fit(*blobs, params=tuple(init(C=3, D=4)), **OPTIONS)[0], Params)
