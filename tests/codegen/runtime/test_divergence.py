"""A run that diverges stops at that step, says where it began, and gives what was good."""

import pickle

import numpy as np
import pytest

from symgrad.codegen.runtime.divergence import _first_not_finite
from symgrad.codegen.runtime.interface import Params

ROWS = np.random.default_rng(0).normal(size=(20, 3))
TARGETS = ROWS @ [1.0, 2.0, 3.0]
ONES = np.ones(20)


def steps_taken(module, rate, batch_size, seed=0):
    """Gradient descent by hand on `weighted`: the parameters before each step, and its loss."""
    w, b, step = np.zeros(3), 0.0, 0
    with np.errstate(all="ignore"):
        for epoch in range(1000):
            order = np.random.default_rng([seed, epoch]).permutation(20)
            for start in range(0, 20, batch_size):
                rows = order[start : start + batch_size]
                r = ROWS[rows] @ w + b - TARGETS[rows]
                yield epoch + 1, start // batch_size + 1, w, b, np.mean(r**2)
                slope = 2 * r / len(rows)
                w, b, step = w - rate * ROWS[rows].T @ slope, b - rate * slope.sum(), step + 1


@pytest.mark.parametrize("seconds", [1e-9, 0.02, 100.0])
@pytest.mark.parametrize(("rate", "batch_size"), [(3.0, 4), (1e10, 7), (1e300, 20)])
def test_it_stops_at_the_step_with_what_was_good(weighted, monkeypatch, rate, batch_size, seconds):
    monkeypatch.setattr(weighted, "CHUNK_SECONDS", seconds)
    with pytest.raises(weighted.Diverged) as caught:
        weighted.fit(*(ROWS, TARGETS, ONES), epochs=1000, batch_size=batch_size, learning_rate=rate)
    error = caught.value
    last = None
    for epoch, step, w, b, value in steps_taken(weighted, rate, batch_size):
        if not (np.isfinite(value) and np.isfinite(w).all() and np.isfinite(b)):
            break
        last = epoch, step, w, b
    if np.isfinite(w).all() and np.isfinite(b):  # the loss failed, at parameters that are good
        last = epoch, step, w, b
    assert (error.epoch, error.step) == last[:2]
    np.testing.assert_allclose(error.params.w, last[2], rtol=1e-6)
    assert len(error.history.loss) == error.epoch - 1 and error.history.ended == "diverged"
    assert np.isfinite(error.history.loss).all()


def test_the_sentence_names_the_first_value_and_its_row(weighted):
    X = ROWS.copy()
    X[13] = 1e200
    row = np.random.default_rng([0, 0]).permutation(20).tolist().index(13)
    params = weighted.Params(np.full(3, 1e200), np.zeros(()))
    with pytest.raises(weighted.Diverged) as caught:
        weighted.fit(*(X, TARGETS, ONES), params=params, epochs=1, batch_size=20, learning_rate=0.5)
    assert str(caught.value) == (
        "The loss became infinite at step 1 of epoch 1: z is the first value that is not finite "
        f"(inf in row {row} of the batch). Lower learning_rate (0.5), or clip=1.0."
    )


def test_values_come_before_gradients():
    X, Y = np.ones((2, 2), np.float32), np.eye(3, dtype=np.float32)[:2]
    good, bad = np.ones((3, 2), np.float32), np.full((3, 2), np.inf, np.float32)
    b = np.zeros(3, np.float32)
    assert _first_not_finite(Params(bad, b), (X, Y)).startswith("z is the first value that is not")
    assert _first_not_finite(Params(good, b), (X, Y)).startswith("no value")


def test_a_gradient_is_named_where_the_values_are_finite(build, monkeypatch):
    from symgrad.codegen.runtime import divergence
    from symgrad.codegen.runtime.records import Trace

    found = Trace({"L": np.asarray(1.0)}, {"W": np.eye(2), "b": np.array([1, np.nan])}, {}, {})
    monkeypatch.setattr(divergence, "_trace", lambda *_: found)
    text = _first_not_finite(Params(np.eye(2), np.ones(2)), (np.ones((2, 2)), np.ones((2, 2))))
    assert text == "∂L/∂b is the first value that is not finite (nan)"


def test_a_parameter_that_is_not_finite_is_named(weighted):
    with pytest.raises(FloatingPointError, match=r"^w became \S+ at step 1 of epoch 1: "):
        weighted.fit(ROWS * 1e10, TARGETS, ONES, epochs=1, batch_size=20, learning_rate=1e300)


def test_what_the_optimizer_keeps_is_finite_too(weighted):
    """Else an Adam whose v has overflowed stands still and nobody knows."""
    kept = weighted._momentum

    def overflowing(theta, state, g, c):
        kept(theta, state, g, c)
        state[0, 2] = np.inf if theta[0] > 0.5 else 0

    weighted._UPDATES["momentum"] = overflowing
    with pytest.raises(
        weighted.Diverged, match=r"^m became infinite at step \d+ of epoch"
    ) as caught:
        weighted.fit(
            *(ROWS, TARGETS, ONES),
            epochs=30,
            batch_size=4,
            learning_rate=0.02,
            optimizer="momentum",
        )
    assert np.isfinite(caught.value.params.w).all() and caught.value.params.w[0] <= 0.5


def test_a_matrix_without_an_inverse_is_said_so(weighted, monkeypatch):
    def steps(params, order, *_):
        raise np.linalg.LinAlgError("Singular matrix")

    for name in ("_sgd_steps", "_trace"):
        monkeypatch.setattr(weighted, name, steps)
    sentence = "The loss became NaN at step 1 of epoch 1: its computation says 'Singular matrix'."
    with pytest.raises(weighted.Diverged, match=sentence):
        weighted.fit(ROWS, TARGETS, ONES, epochs=1, batch_size=4, learning_rate=3.0)


def test_the_checkpoint_holds_the_last_good_state(weighted, tmp_path):
    options = {"epochs": 1000, "batch_size": 4, "learning_rate": 3.0}
    path = tmp_path / "run"
    with pytest.raises(weighted.Diverged) as first:
        weighted.fit(ROWS, TARGETS, ONES, checkpoint=path, **options)
    with np.load(path) as saved:
        assert np.array_equal(saved["theta"][:3], first.value.params.w)
        assert int(saved["position"]) == first.value.step - 1
    with pytest.raises(weighted.Diverged) as again:
        weighted.fit(ROWS, TARGETS, ONES, checkpoint=path, **options)
    assert str(again.value) == str(first.value)


def test_a_validation_loss_without_a_value_is_said_so(weighted):
    X, one = np.ones((10, 3)), np.ones(10)
    options = {"epochs": 5, "batch_size": 7, "learning_rate": 0.1}
    with pytest.raises(weighted.Diverged, match="The validation loss is inf in epoch 1; try a"):
        weighted.fit(X, one, one, validation=(X, one * 1e200, one), **options)


def test_clipping_is_not_advised_where_it_is_in_use(weighted):
    with pytest.raises(weighted.Diverged, match=r"Lower learning_rate \(1e\+300\)\.$"):
        weighted.fit(
            *(ROWS * 1e10, TARGETS, ONES), epochs=9, batch_size=20, learning_rate=1e300, clip=1e9
        )


def test_the_error_can_be_pickled(weighted):
    with pytest.raises(weighted.Diverged) as caught:
        weighted.fit(ROWS, TARGETS, ONES, epochs=1000, batch_size=4, learning_rate=3.0)
    copied = pickle.loads(pickle.dumps(caught.value))
    assert str(copied) == str(caught.value) and copied.step == caught.value.step
    assert np.array_equal(copied.params.w, caught.value.params.w)


def test_what_is_not_divergence_passes_through(weighted, monkeypatch):
    monkeypatch.setattr(weighted, "_sgd_steps", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        weighted.fit(ROWS, TARGETS, ONES, epochs=1, batch_size=4, learning_rate=3.0)
