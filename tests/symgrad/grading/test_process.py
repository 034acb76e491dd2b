"""Children with limits: each failure costs its own task, and none is left behind."""

from __future__ import annotations

import os
import tempfile
import time
from typing import Any

import pytest

from symgrad.grading.process import LONGEST_ANSWER, Limits, each

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

LIMITS = Limits(seconds=2.5, memory=128 * 2**20)


def work(task: str) -> dict[str, Any]:
    match task:
        case "loop":
            while True:
                pass
        case "sleep":
            time.sleep(60)
        case "memory":
            return {"n": len(bytearray(2**32))}
        case "crash":
            raise RuntimeError("no such thing")
        case "die":
            os.kill(os.getpid(), 9)
        case "write":
            with tempfile.TemporaryFile("w") as file:
                file.write("x" * 100)
                file.flush()
        case "long":
            return {"text": "x" * (LONGEST_ANSWER + 10)}
        case "big":
            return {"text": "x" * (LONGEST_ANSWER // 2)}
        case "print":
            print("to standard output")
    return {"task": task, "process": os.getpid()}


FAILURES = {
    "loop": "more than 2.5 seconds",
    "sleep": "more than 2.5 seconds",
    "memory": "more than 128 MB of memory",
    "crash": "RuntimeError: no such thing",
    "die": "signal 9",
    "write": "symgrad failed on it",
    "long": "longer than any report",
}


def test_failures_stay_with_their_tasks(capfd: pytest.CaptureFixture[str]) -> None:
    tasks = [f"good {k}" for k in range(3)]
    tasks += [*FAILURES, "big", "print", *(f"good {k}" for k in range(3, 6))]
    found = {o.task: o for o in each(tasks, work, 4, LIMITS)}
    assert set(found) == set(tasks)
    for task, words in FAILURES.items():
        assert found[task].answer is None
        assert words in found[task].failure, found[task]
    good = [o for task, o in found.items() if task not in FAILURES]
    assert all(not o.failure and o.answer for o in good)
    own = [o.answer["process"] for o in good if o.answer and "process" in o.answer]
    assert len(set(own)) == len(own)
    assert os.getpid() not in own
    assert capfd.readouterr().out == ""
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # no child is left


def test_stopping_early_leaves_no_child() -> None:
    outcomes = each(["good", "sleep", "sleep"], work, 3, Limits(60.0, 2**30))
    assert next(outcomes).task == "good"
    outcomes.close()  # type: ignore[attr-defined]
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_slow_task_does_not_hold_up_the_others() -> None:
    order = [o.task for o in each(["sleep", "a", "b", "c"], work, 2, LIMITS)]
    assert order[-1] == "sleep"
