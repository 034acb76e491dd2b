"""Ctrl-C and SIGTERM end a run where it can be continued, and nothing else."""

import signal
import threading

import numpy as np
import pytest

from symgrad.codegen.runtime.interrupts import _Interrupts
from symgrad.codegen.runtime.training import fit

SIGNALS = [signal.SIGINT, signal.SIGTERM]
OPTIONS = {"epochs": 8, "batch_size": 7, "learning_rate": 0.3}  # nine steps in an epoch


def interrupting(step, number=signal.SIGINT):
    """A schedule that leaves the rate as it is and sends a signal just before a step."""

    def schedule(t):
        if t[0] <= step <= t[-1] and len(t) == 1:
            signal.raise_signal(number)
        return np.ones(len(t))

    return schedule


@pytest.fixture
def single_steps(monkeypatch):
    """Every chunk is one step."""
    from symgrad.codegen.runtime import descent

    monkeypatch.setattr(descent, "CHUNK_SECONDS", 0.0)


def equal(a, b):
    return all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a[:-1], b[:-1], strict=True))


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_run_after_its_step(blobs, single_steps, number, capsys):
    before = [signal.getsignal(each) for each in SIGNALS]
    params, history = fit(*blobs, schedule=interrupting(22, number), **OPTIONS)
    assert history.ended == "interrupted" and len(history.loss) == 2
    assert capsys.readouterr().err == (
        "softmax_regression: interrupted after 2 of 8 epochs and 4 steps of the next; the "
        "parameters are as the last step left them.\n"
    )
    assert [signal.getsignal(each) for each in SIGNALS] == before
    two, _ = fit(*blobs, **OPTIONS | {"epochs": 2})
    assert not np.array_equal(params.W, two.W)


def test_the_best_parameters_are_given_and_the_run_goes_on(blobs, single_steps, tmp_path, capsys):
    X, Y = blobs
    worsens = {"validation": (X[:10] * 3, Y[:10][::-1])} | OPTIONS
    whole = fit(X, Y, schedule=lambda t: np.ones(len(t)), **worsens)
    best = int(whole[1].validation_loss[:5].argmin())
    path = tmp_path / "run"
    params, history = fit(X, Y, schedule=interrupting(50), checkpoint=path, **worsens)
    expected, _ = fit(X, Y, **worsens | {"epochs": best + 1})
    assert np.array_equal(params.W, expected.W) and len(history.loss) == 5
    said = capsys.readouterr().err
    assert f"the parameters are the best, of epoch {best + 1}. The same call continues" in said
    resumed = fit(X, Y, schedule=interrupting(0), checkpoint=path, **worsens)
    assert equal(resumed[1], whole[1]) and np.array_equal(resumed[0].W, whole[0].W)
    assert resumed[1].ended == "epochs"


def test_at_the_last_step_the_run_is_whole(blobs, single_steps, capsys):
    _, history = fit(*blobs, schedule=interrupting(72), **OPTIONS)
    assert history.ended == "epochs" and len(history.loss) == 8 and not capsys.readouterr().err


def test_a_second_signal_raises_and_handlers_are_put_back(blobs, single_steps, tmp_path):
    def schedule(t):
        if t[0] == 5:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        return np.ones(len(t))

    before = [signal.getsignal(number) for number in SIGNALS]
    with pytest.raises(KeyboardInterrupt):
        fit(*blobs, schedule=schedule, **OPTIONS)
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_other_threads_leave_the_handlers_alone():
    found = []

    def run():
        with _Interrupts() as interrupts:
            found.extend([signal.getsignal(signal.SIGINT), interrupts.asked])

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT), False]


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with _Interrupts() as interrupts:
            signal.raise_signal(signal.SIGTERM)
        assert not interrupts.asked and signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
