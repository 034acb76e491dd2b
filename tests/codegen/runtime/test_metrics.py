"""Metrics: each against its definition, whatever the blocks that the data are read in."""

import numpy as np
import pytest

from symgrad.codegen.runtime import checks
from symgrad.codegen.runtime.initial import init
from symgrad.codegen.runtime.interface import Params
from symgrad.codegen.runtime.metrics import evaluate


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_classes_as_probabilities(blobs):
    X, Y = blobs
    params = init(1, C=3, D=4)
    measured = evaluate(params, X, Y)
    right = (X @ params.W.T).argmax(1) == Y.argmax(1)
    assert measured.keys() == {"loss", "accuracy", "zero_one_loss"}
    assert measured["accuracy"] == pytest.approx(right.mean())
    assert measured["zero_one_loss"] == pytest.approx(1 - right.mean())
    assert measured["loss"] == pytest.approx(checks.loss(params, X, Y))


def test_classes_as_labels(labelled, blobs):
    X, c = blobs[0], blobs[1].argmax(1)
    params = labelled.init(1, C=3, H=2, D=4)
    right = labelled.predict(params, X).argmax(1) == c
    measured = labelled.evaluate(params, X, c)
    assert measured["accuracy"] == right.mean() and {*map(type, measured.values())} == {float}


def test_numbers(dropped, rng):
    X, y = rng.normal(size=(9, 2)), rng.normal(size=9)
    params = dropped.init(D=2, initial={"w": rng.normal(size=2)})
    measured = dropped.evaluate(params, X, y)
    assert measured.keys() == {"loss", "mean_squared_error"}
    expected = np.mean((dropped.predict(params, X) - y) ** 2)
    assert measured["mean_squared_error"] == pytest.approx(expected, rel=1e-5)


def test_where_nothing_is_predicted_there_is_the_loss(weighted):
    measured = weighted.evaluate(weighted.init(), np.ones((2, 3)), np.ones(2), np.ones(2))
    assert measured == {"loss": 1.0}


def test_blocks_do_not_change_what_is_measured(dropped, labelled, blobs, rng, monkeypatch):
    X, c = blobs[0], blobs[1].argmax(1)
    cases = [
        (dropped, dropped.init(D=4, initial={"w": rng.normal(size=4)}), (X, rng.normal(size=60))),
        (labelled, labelled.init(1, C=3, H=2, D=4), (X, c)),
    ]
    for module, params, data in cases:
        whole = module.evaluate(params, *data)
        monkeypatch.setattr(module, "BLOCK_BYTES", 7 * 16)  # seven rows, then four
        assert module.evaluate(params, *data) == pytest.approx(whole, rel=1e-6)


def test_predictions_of_another_shape_are_not_compared(monkeypatch):
    from symgrad.codegen.runtime import metrics

    monkeypatch.setattr(metrics, "_predict", lambda params, X: X[:, :1])
    params = Params(np.ones((3, 2)), np.zeros(3))
    assert evaluate(params, np.ones((4, 2)), np.eye(3)[[0, 1, 2, 0]]).keys() == {"loss"}


def test_wrong_data_are_refused():
    with pytest.raises(ValueError, match=r"X has shape \(4, 1\); expected \(N, D\) with D = 2"):
        evaluate(Params(np.ones((3, 2)), np.zeros(3)), np.ones((4, 1)), np.eye(3)[[0, 1, 2, 0]])
