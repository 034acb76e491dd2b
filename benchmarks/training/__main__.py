"""Minibatch training beside what people would use instead, in one run.

    python benchmarks/training [--quick] [--dtype float64] [--only NAME …] [--workload NAME …]
                               [--without PASS …]

Every contestant trains the same network on the same minibatches, and must arrive at the parameters
and the mean loss of a float64 oracle before it is timed. An epoch is timed as a user runs it:
shuffle, all its steps, the mean loss. With ``--without`` symgrad's Numba modules are also built
without each of the named optimisations (all: every one), which shows what they are worth.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import by_hand
import report
import tools
from contestants import Contestant
from measuring import FULL, QUICK, Run, Worker, compare
from pytensor_contestant import PyTensor
from workloads import WORKLOADS

CONTESTANTS: dict[str, type[Contestant]] = {
    report.OURS: tools.Symgrad,
    report.OURS_NUMPY: tools.SymgradNumpy,
    "JAX lax.scan": tools.Jax,
    "PyTorch eager": tools.Torch,
    "PyTorch compiled": tools.TorchCompiled,
    "PyTensor": PyTensor,
    "scikit-learn": tools.Sklearn,
    report.THEIRS_NUMPY: by_hand.Numpy,
    "Numba by hand": by_hand.Numba,
    "C by hand": by_hand.C,
}


def main() -> None:
    """Read the options, measure, show."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    names = [w.name for w in WORKLOADS]
    parser.add_argument("--quick", action="store_true", help="a few short rounds")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=CONTESTANTS, default=None)
    parser.add_argument("--workload", nargs="+", metavar="NAME", choices=names, default=names)
    parser.add_argument("--without", nargs="+", metavar="PASS", default=[], help="or all")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        default=Path("build/benchmarks"),
        help="where training-DTYPE.json and .png are written (%(default)s)",
    )
    options = parser.parse_args()
    dtype, effort = options.dtype, QUICK if options.quick else FULL
    kinds = {name: CONTESTANTS[name] for name in options.only or CONTESTANTS}
    kinds.update(tools.without(options.without))

    facts = {
        "machine": report.machine(),
        "versions": report.versions(),
        "dtype": dtype,
        "effort": effort._asdict(),
        "load before": report.load(),
    }
    print(f"{facts['machine']['processor']}, {facts['machine']['cores']} cores, {dtype}")
    chosen = [w for w in WORKLOADS if w.name in options.workload]
    run = Run()
    with tempfile.TemporaryDirectory() as cache:
        os.environ["NUMBA_CACHE_DIR"] = cache  # first use is of code that was never compiled
        workers = [Worker(name, kind, dtype) for name, kind in kinds.items()]
        every = list(workers)
        try:
            for workload in chosen:
                print(flush=True)
                compare(workload, workers, dtype, effort, run, say=print)
                print(report.table(workload, run.results), flush=True)
        finally:
            for worker in every:
                worker.stop()
    print(f"\n{report.summary(run.results)}\n")

    facts["load after"] = report.load()
    options.out.mkdir(parents=True, exist_ok=True)
    stem = options.out / f"training-{dtype}"
    report.write_json(stem.with_suffix(".json"), run, facts)
    print(f"Wrote {stem.with_suffix('.json')}")
    try:
        report.draw(stem.with_suffix(".png"), chosen, run.results, dtype)
        print(f"Wrote {stem.with_suffix('.png')}")
    except ImportError:
        print("There is no picture, because matplotlib is not installed")


if __name__ == "__main__":
    main()
