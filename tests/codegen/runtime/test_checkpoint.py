"""A run that was interrupted continues as if it had not been."""

import numpy as np
import pytest

from symgrad.codegen.runtime import training
from symgrad.codegen.runtime.storage import save
from symgrad.codegen.runtime.training import fit, init


@pytest.fixture
def run(blobs, tmp_path):
    """fit with a checkpoint, and options that may be replaced."""

    def run(**options):
        defaults = {"epochs": 6, "batch_size": 7, "learning_rate": 0.3, "validation": blobs}
        return fit(*blobs, **defaults | {"checkpoint": tmp_path / "run"} | options)

    return run


def assert_equal(one, other):
    for a, b in zip((*one[0], *one[1]), (*other[0], *other[1]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_resumed_equals_uninterrupted(run, tmp_path):
    whole = run(checkpoint=None)
    run(epochs=2)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert_equal(run(), whole)
    assert_equal(run(), whole)  # nothing left to do


def test_interrupted_in_an_epoch_equals_uninterrupted(run, monkeypatch):
    whole, epoch, calls = run(checkpoint=None), training._sgd_epoch, []

    def interrupted(params, *rest):
        calls.append(None)
        value = epoch(params, *rest)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return value

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training, "_sgd_epoch", interrupted)
        run()
    assert_equal(run(), whole)


def test_patience_is_kept_across_a_resumption(run, blobs):
    X, Y = blobs
    worsens = {"validation": (X[:10] * 3, Y[:10][::-1]), "patience": 3, "learning_rate": 1.0}
    whole = run(checkpoint=None, epochs=100, **worsens)
    run(epochs=len(whole[1].loss) - 2, **worsens)
    assert_equal(run(epochs=100, **worsens), whole)


def test_a_diverged_epoch_leaves_the_last_good_checkpoint(run, tmp_path, monkeypatch):
    run(epochs=2)
    before = (tmp_path / "run").read_bytes()
    monkeypatch.setattr(training, "_sgd_epoch", lambda *_: float("nan"))
    with pytest.raises(FloatingPointError, match="diverged in epoch 3"):
        run()
    assert (tmp_path / "run").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"seed": 1}, "with seed 0, not 1; fit with the same settings, or give another file"),
        ({"batch_size": 5}, "with batch_size 7, not 5;"),
        ({"learning_rate": 0.1}, r"with learning_rate 0.3, not 0.1;"),
        ({"params": init(9, C=3, D=4)}, "with initial parameters of checksum"),
        ({"validation": None}, "with validation data of checksum"),
        ({"epochs": 1}, "holds 2 epochs already, but epochs is 1"),
    ],
)
def test_another_runs_checkpoint_is_refused(run, tmp_path, options, named):
    run(epochs=2)
    before = (tmp_path / "run").read_bytes()
    with pytest.raises(ValueError, match=named):
        run(**options)
    assert (tmp_path / "run").read_bytes() == before


def test_other_data_are_refused(run, blobs, tmp_path):
    run(epochs=2)
    X, Y = blobs
    options = {"epochs": 6, "batch_size": 7, "learning_rate": 0.3, "validation": blobs}
    with pytest.raises(ValueError, match="with data of checksum"):
        fit(X + 1, Y, checkpoint=tmp_path / "run", **options)


def test_damaged_and_foreign_files_are_refused(run, tmp_path):
    run(epochs=2)
    path = tmp_path / "run"
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="run is damaged or is not an"):
            run()
        assert path.read_bytes() == whole[:length]
    save(init(C=3, D=4), path)
    with pytest.raises(ValueError, match="run is not a checkpoint of fit; give another file"):
        run()


def test_an_impossible_path_is_refused_before_training(run, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_sgd_epoch", None)
    for path in (tmp_path, tmp_path / "none" / "run"):
        with pytest.raises(
            ValueError, match="cannot be written; give a file in an existing folder"
        ):
            run(checkpoint=path)
