"""Meetings of two threads: nobody is left waiting."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from symgrad.codegen.runtime import meeting


@pytest.mark.parametrize("failing", [0, 1])
def test_nobody_waits_for_a_thread_that_has_failed(failing: int) -> None:
    """One thread ends in an error; the other, in a meeting, goes on."""
    met, came = np.zeros((2, 8), np.int64), list[int]()

    def work(half: int) -> int:
        if half == failing:
            raise RuntimeError("out of luck")
        meeting._arrive(met, half)
        meeting._wait(met, half)
        came.append(half)
        return 1

    with pytest.raises(RuntimeError, match="out of luck"):
        meeting._on_two_threads(met, lambda: work(0), lambda: work(1))
    assert came == [1 - failing]


def test_what_was_written_before_a_meeting_is_seen_after_it() -> None:
    met, places, rounds = np.zeros((2, 8), np.int64), np.zeros(2), 2000

    def work(half: int) -> int:
        wrong = 0
        for k in range(1, rounds):
            places[half] = k
            meeting._arrive(met, half)
            meeting._wait(met, half)
            wrong += places[1 - half] != k
            meeting._arrive(met, half)
            meeting._wait(met, half)
        return int(wrong)

    others: list[int] = []
    assert meeting._on_two_threads(met, lambda: work(0), lambda: others.append(work(1)) or 0) == 0
    assert others == [0]


def test_other_programs_are_let_onto_the_core() -> None:
    """A thread that waits long calls `sched_yield`, and still sees the other come."""
    met = np.zeros((2, 8), np.int64)
    meeting._arrive(met, 0)
    meeting._wait(np.ones((2, 8), np.int64), 0)  # compiled before
    waiting = threading.Thread(target=meeting._wait, args=(met, 0), daemon=True)
    waiting.start()
    time.sleep(0.01)
    meeting._arrive(met, 1)
    waiting.join(10)
    assert not waiting.is_alive()
    assert met[:, 0].tolist() == [1, 1]


def test_one_core_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meeting.config, "NUMBA_NUM_THREADS", 1)
    assert not meeting.two_threads()
