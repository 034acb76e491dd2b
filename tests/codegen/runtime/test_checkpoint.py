"""A run that was interrupted, killed or starved of disk continues as if nothing had happened."""

import os
import random
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest

from symgrad.codegen.runtime import checkpoint, copying, descent
from symgrad.codegen.runtime.initial import init
from symgrad.codegen.runtime.storage import save
from symgrad.codegen.runtime.training import fit

from .conftest import DROPPED, assemble


@pytest.fixture
def run(blobs, tmp_path):
    """fit with a checkpoint, and options that may be replaced."""

    def run(**options):
        defaults = {"epochs": 6, "batch_size": 7, "learning_rate": 0.3, "validation": blobs}
        return fit(*blobs, **defaults | {"checkpoint": tmp_path / "run"} | options)

    return run


def assert_equal(one, other):
    assert one[1].ended == other[1].ended
    for a, b in zip((*one[0], *one[1][:-1]), (*other[0], *other[1][:-1]), strict=True):
        np.testing.assert_array_equal(a, b)


def failing_at(call):
    """A schedule that leaves the rates alone, and raises at one of its calls."""
    calls = []

    def schedule(t):
        calls.append(None)
        if len(calls) == call:
            raise RuntimeError("power cut")
        return np.ones(len(t))

    return schedule


def test_resumed_equals_uninterrupted(run, tmp_path):
    whole = run(checkpoint=None)
    run(epochs=2)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert_equal(run(), whole)
    assert_equal(run(), whole)  # nothing left to do


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_stopped_anywhere_equals_uninterrupted(run, tmp_path, monkeypatch, optimizer):
    monkeypatch.setattr(descent, "CHUNK_SECONDS", 0.0)  # each of the 54 steps is a call
    options = {"optimizer": optimizer, "checkpoint_seconds": 0, "clip": 3.0}
    whole = run(checkpoint=None, schedule=failing_at(0), **options)
    for call in (3, 4, 12, 20, 9):  # the first call is a check
        with pytest.raises(RuntimeError, match="power cut"):
            run(schedule=failing_at(call), **options)
    with np.load(tmp_path / "run") as saved:
        assert saved["t"] > 5 and saved["position"] > 0
    monkeypatch.setattr(descent, "CHUNK_SECONDS", 1.0)
    assert_equal(run(schedule=failing_at(0), **options), whole)


def test_patience_is_kept_across_a_resumption(run, blobs):
    X, Y = blobs
    worsens = {"validation": (X[:10] * 3, Y[:10][::-1]), "patience": 3, "learning_rate": 1.0}
    whole = run(checkpoint=None, epochs=100, **worsens)
    run(epochs=len(whole[1].loss) - 2, **worsens)
    assert_equal(run(epochs=100, **worsens), whole)


def test_more_epochs_continue_a_run_that_was_complete(run):
    whole = run(checkpoint=None, schedule="1/t")
    for epochs in (1, 2, 6):
        run(epochs=epochs, schedule="1/t")
    assert_equal(run(schedule="1/t"), whole)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"seed": 1}, "with seed 0, not 1; fit with the same settings, or give another file"),
        ({"batch_size": 5}, "with batch_size 7, not 5;"),
        ({"learning_rate": 0.1}, r"with learning_rate 0.3, not 0.1;"),
        ({"optimizer": "adam"}, "with optimizer sgd, not adam;"),
        ({"options": {"weight_decay": 0.1}}, "with options {'weight_decay': 0.0}, not {'weight_de"),
        ({"schedule": "1/t"}, "with options {'weight_decay': 0.0}, not"),
        ({"schedule": "cosine"}, "with schedule constant, not cosine;"),
        ({"schedule": lambda t: 1 / t}, "with schedule constant, not a function;"),
        ({"warmup": 3}, "with warmup 0, not 3;"),
        ({"clip": 3.0}, "with clip None, not 3.0;"),
        ({"freeze": ["b"]}, r"with freeze \[\], not \['b'\];"),
        ({"params": init(9, C=3, D=4)}, "with initial parameters of checksum"),
        ({"initial": "he_normal"}, "with initial parameters of checksum"),
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


def test_settings_that_only_some_runs_have_are_compared(run):
    run(epochs=2, schedule="cosine")
    with pytest.raises(ValueError, match="with epochs 2, not 6;"):
        run(schedule="cosine")


def test_another_function_of_steps_is_refused(run):
    run(epochs=2, schedule=lambda t: 1 / t)
    with pytest.raises(ValueError, match="with schedule of checksum"):
        run(schedule=lambda t: 2 / t)


def test_other_data_are_refused(run, blobs, tmp_path):
    run(epochs=2)
    X, Y = blobs
    options = {"epochs": 6, "batch_size": 7, "learning_rate": 0.3, "validation": blobs}
    with pytest.raises(ValueError, match="with data of checksum"):
        fit(X + 1, Y, checkpoint=tmp_path / "run", **options)


def test_another_loss_is_refused(run, monkeypatch):
    from symgrad.codegen.runtime import settings

    run(epochs=2)
    monkeypatch.setattr(settings, "FORMULAS", {"L": "another"})
    with pytest.raises(ValueError, match="with formulas of checksum"):
        run()


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
    path.write_bytes(whole)
    with np.load(path) as saved:
        arrays = dict(saved)
    for name in arrays:
        for wrong in (np.zeros((2, 3, 1)), np.array("{]")):
            with open(path, "wb") as file:
                np.savez(file, **arrays | {name: wrong})
            with pytest.raises(ValueError, match="is not a checkpoint of fit; give another file"):
                run()


def test_an_impossible_path_is_refused_before_training(run, tmp_path, monkeypatch):
    monkeypatch.setattr(descent, "_sgd_steps", None)
    for path in (tmp_path, tmp_path / "none" / "run"):
        with pytest.raises(
            ValueError, match="cannot be written; give a file in an existing folder"
        ):
            run(checkpoint=path)


def test_writing_takes_a_twentieth_of_the_time(run, monkeypatch):
    """On a clock on which a chunk takes a second and a write two."""
    clock, written = [0.0], []
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: clock[0])

    def write(path, arrays):
        written.append(clock[0])
        clock[0] += 2.0

    def schedule(t):
        clock[0] += 1.0
        return np.ones(len(t))

    monkeypatch.setattr(checkpoint, "_write_arrays", write)
    monkeypatch.setattr(descent, "CHUNK_SECONDS", 0.0)
    run(schedule=schedule, batch_size=1, epochs=3)
    assert np.diff(written[:-1]).min() >= 42 and 4 <= len(written) <= 6
    written.clear()
    run(schedule=schedule, batch_size=1, epochs=1, checkpoint_seconds=10)
    assert np.diff(written[:-1]).tolist() == [12.0] * 5


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on the size of files")
def test_a_full_disk_loses_nothing_that_was_saved(run, tmp_path, monkeypatch):
    import resource

    whole = run(checkpoint=None)
    run(epochs=2)
    before = (tmp_path / "run").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        try:
            result = run(checkpoint_seconds=0)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert_equal(result, whole)
    first, last = (str(warning.message) for warning in caught)
    assert "run could not be written: " in first and first.endswith("It is tried again later.")
    assert "run could not be written: " in last and last.endswith("Save what fit returns.")
    assert (tmp_path / "run").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert_equal(run(), whole)


SCRIPT = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import module
module.CHUNK_SECONDS = 2e-4
data = np.load(sys.argv[1] + "/data.npz")
arrays = data["X"], data["y"]
print("ready", flush=True)
module.fit(
    *arrays, validation=arrays, epochs=40, batch_size=4, learning_rate=0.01,
    optimizer="momentum", schedule="cosine", clip=2.0,
    checkpoint=sys.argv[1] + "/run", checkpoint_seconds=0,
)
print("done", flush=True)
"""


def kill_at_random_moments(folder, build, kills, seed):
    """Kill runs that continue each other; at the end they must equal one that was left alone."""
    source = assemble(copying.Source(("import numpy as np",), DROPPED))
    (folder / "module.py").write_text(source, encoding="utf-8")
    rng, chance = np.random.default_rng(seed), random.Random(seed)
    X = rng.normal(size=(200, 30))
    arrays = X, X.sum(axis=1) + rng.normal(size=200)
    np.savez(folder / "data.npz", X=arrays[0], y=arrays[1])
    (folder / "script.py").write_text(SCRIPT, encoding="utf-8")
    module, killed, steps = build(DROPPED), 0, [0]
    options = {"epochs": 40, "batch_size": 4, "learning_rate": 0.01, "validation": arrays}
    options |= {"optimizer": "momentum", "schedule": "cosine", "clip": 2.0}
    while killed < kills:
        command = [sys.executable, str(folder / "script.py"), str(folder)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0, 0.15))
        child.send_signal(signal.SIGKILL)
        finished = "done" in child.communicate()[0]
        killed += 1
        if (folder / "run").exists():
            with np.load(folder / "run") as saved:
                steps.append(int(saved["t"]))
        if finished:
            break
    assert steps == sorted(steps)  # what was saved is never lost
    assert_equal(
        module.fit(*arrays, checkpoint=folder / "run", **options), module.fit(*arrays, **options)
    )
    return killed, steps[-1]


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_run_continues_to_the_same_parameters(tmp_path, build):
    killed, steps = kill_at_random_moments(tmp_path, build, kills=4, seed=1)
    assert killed == 4 and steps > 0


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_fifty_runs_killed_at_random_moments(tmp_path, build):
    total = 0
    for seed in range(100):
        folder = tmp_path / str(seed)
        folder.mkdir()
        total += kill_at_random_moments(folder, build, kills=50 - total, seed=seed)[0]
        if total >= 50:
            break
    assert total >= 50
