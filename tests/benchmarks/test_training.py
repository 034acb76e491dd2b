"""The benchmark of training: everyone does the same work, and who does not is not timed."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "training"
sys.path.insert(0, str(FOLDER))

import by_hand  # noqa: E402
import measuring  # noqa: E402
import report  # noqa: E402
import tools  # noqa: E402
from workloads import WORKLOADS, Dense, Workload  # noqa: E402

SMALL = Dense("small", 4, 3, sizes=(5, 6, 3))
ROUNDING = {"float32": 1e-3, "float64": 1e-11}


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda w: w.name)
def test_single_precision_agrees_with_the_oracle(workload: Workload) -> None:
    few = dataclasses.replace(workload, steps=2, batch=min(workload.batch, 8))
    expected, loss, _ = by_hand.Oracle(few, "float32").train(1, 0)
    found, value, _ = by_hand.Numpy(few, "float32").train(1, 0)
    start = few.parameters("float32")
    assert measuring.difference(found, expected, start) < ROUNDING["float32"]
    assert value == pytest.approx(loss, rel=1e-4)


@pytest.mark.parametrize("name", ["logistic", "relu", "convolution"])
def test_symgrad_trains_what_is_written_by_hand(name: str) -> None:
    (workload,) = (w for w in WORKLOADS if w.name == name)
    few = dataclasses.replace(workload, steps=3, batch=min(workload.batch, 8))
    expected, loss, _ = by_hand.Oracle(few, "float64").train(2, 0)
    found, value, _ = tools.SymgradNumpy(few, "float64").train(2, 0)
    start = few.parameters("float64")
    assert measuring.difference(found, expected, start) < ROUNDING["float64"]
    assert value == pytest.approx(loss, rel=1e-11)


class Answers:
    """A contestant without a process: trains like NumPy by hand, and answers at once."""

    def __init__(self, name: str, change: float = 0.0, error: Exception | None = None) -> None:
        self.name, self.change, self.error = name, change, error
        self.asked: list[int] = []

    def ask(self, request: Any) -> Any:
        if self.error is not None:
            raise self.error
        if isinstance(request, int):
            self.asked.append(request)
            return 0.01 * request
        params, loss, _ = by_hand.Numpy(request, "float64").train(1, 0)
        return [a + self.change for a in params], loss, 0.5


def test_who_arrives_elsewhere_is_left_out_before_any_time() -> None:
    right, wrong = Answers("right"), Answers("wrong", change=1e-3)
    absent = Answers("absent", error=ImportError("No module named 'absent'"))
    unable = Answers("unable", error=tools.NotEntered("no such network"))
    run, said = measuring.Run(), list[str]()
    workers = [right, wrong, absent, unable]
    effort = measuring.Effort(rounds=3, seconds=0.01, pause=0.0)
    measuring.compare(SMALL, workers, "float64", effort, run, said.append)
    assert [r.contestant for r in run.results] == ["right"]
    assert not wrong.asked
    assert len(right.asked) == 1 + effort.rounds
    assert workers == [right, wrong, unable]  # what is not installed is not asked again
    assert [name for _, name, _ in run.left_out] == ["wrong", "absent", "unable"]
    assert "parameters differ by" in said[0]
    assert run.results[0].median == pytest.approx(0.01 / SMALL.steps * 1e6)


def test_not_a_number_is_no_agreement() -> None:
    start = [np.zeros(2)]
    assert np.isnan(measuring.difference([np.array([np.nan, 1])], [np.ones(2)], start))


def test_report() -> None:
    times = {report.OURS: [2.0, 2.2, 2.1], "other": [6.0, 6.3, 6.6], "quicker": [1.0, 1.05, 1.1]}
    results = [measuring.Result("small", name, values, 0.1, 1e-7) for name, values in times.items()]
    table = report.table(SMALL, results)
    assert max(map(len, table.splitlines())) <= 80
    assert [line.split()[0] for line in table.splitlines()[2:]] == ["quicker", "symgrad", "other"]
    summary = report.summary(results)
    assert "other               3.00   over 1 workloads" in summary
    assert "small         2.00 × the time of quicker" in summary


def test_each_pass_can_be_left_out() -> None:
    from symgrad.codegen.passes import PASSES

    assert list(tools.without(["all"])) == [f"without {name}" for name in PASSES]
    made = tools.without(["fold"])["without fold"](SMALL, "float32")
    assert made.without == ("fold",)
    assert tools.Symgrad.without == ()
