"""fit as a whole: what is learned, what is measured, and what is given back."""

import threading

import numpy as np
import pytest

from symgrad.codegen.runtime.checks import loss, predict
from symgrad.codegen.runtime.initial import init
from symgrad.codegen.runtime.interface import Params
from symgrad.codegen.runtime.training import fit

OPTIONS = {"epochs": 5, "batch_size": 7, "learning_rate": 0.1}


def equal(a, b):
    return all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b, strict=True))


def test_fit_learns_and_measures(blobs):
    params, history = fit(*blobs, validation=blobs, epochs=30, batch_size=7, learning_rate=0.2)
    assert history.loss.shape == (30,) and history.loss[-1] < 0.5 * history.loss[0]
    assert history.validation_loss[-1] == pytest.approx(loss(params, *blobs))
    right = predict(params, blobs[0]).argmax(1) == blobs[1].argmax(1)
    assert history.validation_accuracy[-1] == pytest.approx(right.mean())
    assert history.validation_zero_one_loss[-1] == pytest.approx(1 - right.mean())
    assert np.isnan(history.validation_mean_squared_error).all()
    assert right.mean() > 0.8 and history.ended == "epochs"


def test_real_targets_have_a_squared_error(dropped):
    X = np.random.default_rng(0).normal(size=(20, 2))
    y = X.sum(axis=1)
    params, history = dropped.fit(X, y, validation=(X, y), **OPTIONS)
    expected = np.mean((dropped.predict(params, X) - y) ** 2)
    assert history.validation_mean_squared_error[-1] == pytest.approx(expected, rel=1e-5)
    assert np.isnan(history.validation_accuracy).all()
    assert history.validation_loss[-1] == pytest.approx(expected, rel=1e-5)


def test_without_validation_nothing_is_measured(weighted):
    X, one = np.ones((10, 3)), np.ones(10)
    _, history = weighted.fit(X, one, one, epochs=2, batch_size=4, learning_rate=0.1)
    for name, column in history._asdict().items():
        if name.startswith("validation"):
            assert np.isnan(column).all() and column.shape == (2,)


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
    assert equal(params, start) and not np.shares_memory(params.W, start.W)
    assert all(column.shape == (0,) for column in history[:-1]) and history.ended == "epochs"


def test_hidden_sizes_and_classes_are_asked_for(labelled, blobs):
    X, c = blobs[0], blobs[1].argmax(1)
    with pytest.raises(ValueError, match="labelled needs C=…, H=…; give the size, or params"):
        labelled.fit(X, c, **OPTIONS)
    params, history = labelled.fit(X, c, C=3, H=5, validation=(X, c), **OPTIONS)
    assert params.W.shape == (3, 5) and params.V.shape == (5, 4)
    accuracy = (labelled.predict(params, X).argmax(1) == c).mean()
    assert history.validation_accuracy[-1] == pytest.approx(accuracy)
    labelled.fit(X, c, params=params, **OPTIONS)
    with pytest.raises(ValueError, match=r"parameter W .* expected \(C, H\) with H = 6"):
        labelled.fit(X, c, params=params, H=6, **OPTIONS)


def test_training_starts_as_initial_says(labelled, blobs):
    X, c = blobs[0], blobs[1].argmax(1)
    options = {"epochs": 0, "batch_size": 7, "learning_rate": 0.1, "seed": 3}
    initial = {"W": np.ones((3, 5)), "V": "he_normal"}
    params, _ = labelled.fit(X, c, initial=initial, **options)
    assert (params.W == 1).all()
    assert np.array_equal(params.V, labelled.init(3, C=3, H=5, D=4, initial="he_normal").V)


def test_labels_are_checked_against_given_arrays(labelled, blobs):
    """A label that has no row would be read from beyond the array."""
    X, c = blobs[0], blobs[1].argmax(1)
    initial = {"W": np.ones((2, 5))}
    with pytest.raises(ValueError, match="c has 2 in row 2; expected labels ≥ 0 and < 2"):
        labelled.fit(X, c, initial=initial, **OPTIONS)
    with pytest.raises(ValueError, match="batch 1: c has 2 in row 2; expected labels ≥ 0 and < 2"):
        labelled.fit([(X, c)], initial=initial, **OPTIONS)


def test_patience_returns_the_best_parameters_and_no_patience_the_last(blobs):
    X, Y = blobs
    options = {"epochs": 200, "batch_size": 10, "learning_rate": 1.0}
    validation = (X[:10] * 3, Y[:10][::-1])  # disagrees with the data, so it soon gets worse
    params, history = fit(X, Y, validation=validation, patience=3, **options)
    best = int(history.validation_loss.argmin())
    assert len(history.loss) == best + 1 + 3 and history.ended == "patience"
    assert loss(params, *validation) == pytest.approx(history.validation_loss[best])
    options["epochs"] = best + 4
    params, history = fit(X, Y, validation=validation, **options)
    assert loss(params, *validation) == pytest.approx(history.validation_loss[-1])


def test_threads_train_at_the_same_time(blobs):
    expected, found = fit(*blobs, **OPTIONS)[0], []
    threads = [
        threading.Thread(target=lambda: found.append(fit(*blobs, **OPTIONS)[0])) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3 and all(equal(params, expected) for params in found)


def test_params_of_another_module_are_refused(blobs, weighted):
    with pytest.raises(ValueError, match=r"params is not a Params\(W, b\)"):
        fit(*blobs, params=weighted.init(), **OPTIONS)
    assert isinstance(fit(*blobs, params=tuple(init(C=3, D=4)), **OPTIONS)[0], Params)
