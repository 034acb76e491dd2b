"""What comes before and beside the steps: first use, memory, gradient ÷ forward, speed of products.

    python benchmarks/training/costs.py [--json PATH]

Everything is of symgrad's Numba target in float32. Times are medians of several runs; processes
that measure a first use are new ones, with an empty cache of compiled code of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import report
from declared import declare
from workloads import WORKLOADS, Dense, Workload

THREE_LAYERS = Dense("three layers", 32, 8, sizes=(64, 48, 32, 10))
WIDE = [w for w in WORKLOADS if isinstance(w, Dense) and min(w.sizes[:-1]) >= 64]

DERIVE = """
import sys, time
sys.path.insert(0, {folder!r})
import symgrad as sg
from costs import THREE_LAYERS, declare
times = []
for _ in range(2):
    start = time.perf_counter()
    declared = declare(THREE_LAYERS)
    derivation = sg.gradient(declared.loss, declared.params)
    source = sg.function([*declared.data, *declared.params], derivation, target="numba").source
    times.append(time.perf_counter() - start)
print(*times)
"""
FIRST_STEP = """
import time
start = time.time()
import sys
sys.path.insert(0, {folder!r})
import numpy as np, net
data = [np.zeros((32, *spec.shape), net.DTYPE) for spec in net.DATA]
data[-1][:, 0] = 1
net.fit(*data, epochs=1, batch_size=32, learning_rate=0.1, progress=False)
print(time.time() - float(sys.argv[1]), time.time() - start)
"""


def new_process(text: str, *arguments: str, **environment: str) -> list[float]:
    """The numbers that a new Python prints last.

    Byte code may be kept, whatever the shell says: without, every process compiles symgrad anew.
    """
    own = {name: x for name, x in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    run = subprocess.run(
        [sys.executable, "-c", text, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**own, **environment},
    )
    return [float(x) for x in run.stdout.split()[-2:]]


def first_use(runs: int) -> dict[str, float]:
    """Seconds: to derive and write a network's gradient, to compile, and when that is cached."""
    import symgrad as sg

    here = str(Path(__file__).parent)
    derived = [new_process(DERIVE.format(folder=here)) for _ in range(runs)]
    found = {
        "derive, simplify, emit: the first in a process": statistics.median(x for x, _ in derived),
        "derive, simplify, emit: the second": statistics.median(x for _, x in derived),
    }
    cold, warm = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            module = sg.training_module(*declare(THREE_LAYERS), name="net", optimizers=["sgd"])
            module.save(Path(folder) / "net.py")
            text = FIRST_STEP.format(folder=folder)
            for times in (cold, warm, warm):
                times.append(new_process(text, str(time.time()), NUMBA_CACHE_DIR=folder)[0])
    found["process start to the first step, nothing compiled"] = statistics.median(cold)
    found["process start to the first step, compiled before"] = statistics.median(warm)
    return found


def loaded(workload: Workload) -> tuple[Any, Any, list[np.ndarray]]:
    """The module of a workload, its parameters, a minibatch."""
    import symgrad as sg

    module = sg.training_module(*declare(workload), optimizers=["sgd"]).load()
    data = [
        a[: workload.batch].reshape(workload.batch, *spec.shape)
        for a, spec in zip(workload.data("float32"), module.DATA, strict=True)
    ]
    given = zip(workload.parameters("float32"), module.PARAM_SHAPES.items(), strict=True)
    params = module.Params(
        *(
            np.asarray(np.reshape(a, shape), order="F" if name in module.F_ORDER else "C")
            for a, (name, shape) in given
        )
    )
    return module, params, data


def microseconds(work: Callable[[], object], seconds: float = 0.1, turns: int = 9) -> float:
    """The median of several turns."""
    work()
    start = time.perf_counter()
    work()
    count = max(1, int(seconds / turns / (time.perf_counter() - start + 1e-9)))
    times = []
    for _ in range(turns):
        start = time.perf_counter()
        for _ in range(count):
            work()
        times.append((time.perf_counter() - start) / count * 1e6)
    return statistics.median(times)


def gradient_over_forward(workload: Workload) -> dict[str, float]:
    """Loss and gradient ÷ loss alone, in time and in multiply-adds (LECTURES: at most 3)."""
    import symgrad as sg

    module, params, data = loaded(workload)
    forward = microseconds(lambda: module.loss(params, *data))
    whole = microseconds(lambda: module.value_and_grad(params, *data))
    declared = declare(workload)
    cost = sg.gradient(declared.loss, declared.params).cost()
    return {"loss, µs": forward, "with gradient, µs": whole, "ratio": whole / forward} | {
        "multiply-adds": float(cost.forward.multiply_adds + cost.backward.multiply_adds)
        / float(cost.forward.multiply_adds)
    }


def memory(workload: Workload) -> dict[str, float]:
    """Bytes that the steps work in, and how many arrays a step allocates in compiled code."""
    from numba.core.runtime import rtsys

    module, params, data = loaded(workload)
    data = [np.concatenate([a] * 24) for a in data]
    if hasattr(module, "_Pace"):  # two threads in each call
        module._Pace.together = lambda _: True
    batch = workload.batch
    work = module._workspace(params, batch, *data)
    arrays = getattr(module, "_arrays", module._workspace)
    rows, folded, *_ = arrays(params, batch, *data)  # of one thread

    def allocated(steps: int) -> int:
        """Of a whole call, which also makes a record of each array that it is given."""
        order = np.arange(steps * batch)
        losses, rates = np.zeros(steps), np.full(steps, 0.01, np.float32)
        counts = []
        for _ in range(3):  # the first call compiles, and only then can be counted
            if module._is_halved(params, batch, *data):
                numbers = module.OPTIMIZERS["sgd"].coefficients(rates, np.ones(steps))
                theta = np.concatenate([np.ravel(array) for array in params])
                given = (theta, np.empty((0, len(theta)), theta.dtype), order, batch)
                rest = (numbers.astype(theta.dtype), np.inf, np.array([[0, len(theta)]]), losses)
                module._steps("sgd", params, *given, *rest, work, *data)
            else:
                module._sgd_steps(params, order, batch, rates, losses, work, *data)
            counts.append(int(rtsys.get_allocation_stats().alloc))
        return counts[2] - counts[1]

    return {
        "bytes": float(sum(x.nbytes for x in (*rows, *folded))),
        "allocated by a step": (allocated(24) - allocated(8)) / 16,
    }


def products(workload: Dense) -> dict[str, float]:
    """The time of the matrix products of a step alone ÷ the time of the step."""
    from scipy.linalg.blas import sgemm

    B = workload.batch
    alone = 0.0
    for k, (out, into) in enumerate(workload.layers):
        x, d, W = (
            np.asfortranarray(np.ones(shape, np.float32))
            for shape in ((into, B), (out, B), (into, out))
        )
        z, g, p = (np.zeros_like(a) for a in (d, W, x))
        wanted = [
            partial(sgemm, 1.0, W, x, 0.0, z, trans_a=1, overwrite_c=1),
            partial(sgemm, 1.0, x, d, 1.0, g, trans_b=1, overwrite_c=1),
            partial(sgemm, 1.0, W, d, 0.0, p, overwrite_c=1),
        ]
        alone += sum(map(microseconds, wanted if k else wanted[:2]))
    module, params, _ = loaded(workload)
    data = [
        a.reshape(len(a), *spec.shape)
        for a, spec in zip(workload.data("float32"), module.DATA, strict=True)
    ]
    halved = module._is_halved(params, B, *data)  # for which `_sgd_steps` is not used
    work = (module._arrays if halved else module._workspace)(params, B, *data)
    order, losses = workload.order(0, 0), np.zeros(workload.steps)
    rates = np.full(workload.steps, 0.01, np.float32)
    step = microseconds(
        lambda: module._sgd_steps(params, order, B, rates, losses, work, *data), 2.0
    )
    step /= workload.steps
    return {"products, µs": alone, "step, µs": step, "part": alone / step}


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5, help="of new processes (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="PATH")
    options = parser.parse_args()
    os.environ["NUMBA_NRT_STATS"] = "1"  # read when Numba is imported
    found: dict[str, Any] = {"machine": report.machine(), "versions": report.versions()}
    found["first use"] = first_use(options.runs)
    print("First use of 64-48-32-10, milliseconds")
    for what, seconds in found["first use"].items():
        print(f"  {what:<52} {seconds * 1e3:>8,.0f}")
    tables: dict[str, tuple[Callable[[Any], dict[str, float]], list[Any]]] = {
        "gradient and loss ÷ loss": (gradient_over_forward, WIDE),
        "memory of the steps": (memory, [w for w in WORKLOADS if w.name != "lstm"]),
        "products ÷ step": (products, [w for w in WIDE if w.optimizer == "sgd"]),
    }
    for title, (measure, workloads) in tables.items():
        found[title] = {w.name: measure(w) for w in workloads}
        print(f"\n{title}")
        for name, figures in found[title].items():
            shown = ", ".join(f"{key} {report.short(x)}" for key, x in figures.items())
            print(f"  {name:<12} {shown}")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
