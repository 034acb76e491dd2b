"""Data larger than memory: a memory-mapped file is trained on with little memory of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import symgrad as sg

ROWS, COLUMNS, CLASSES = 1_500_000, 256, 4
MORE = 400 << 20
"""What the run may take beside what it had before: the blocks of the file, and the order."""

CHILD = """
import resource, threading, time
import numpy as np
import wide

def kept(name):
    with open("/proc/self/status") as file:
        (line,) = (x for x in file if x.startswith(name + ":"))
    return int(line.split()[1]) << 10

options = dict(epochs=1, batch_size=512, optimizer="adam", learning_rate=0.01, progress=False)
X, y = np.load("X.npy", mmap_mode="r"), np.load("y.npy", mmap_mode="r")
wide.fit(X[:2000].copy(), y[:2000].copy(), **options)  # compiles
before, samples, going = kept("RssAnon"), [], True
limit = kept("VmData") + MORE
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))  # more cannot even be asked for

def watch():
    while going:
        samples.append(kept("RssAnon"))
        time.sleep(0.002)

watching = threading.Thread(target=watch)
watching.start()
start = time.monotonic()
params, history = wide.fit(X, y, validation=(X, y), checkpoint="run.ckpt", **options)
seconds = time.monotonic() - start
measured = wide.evaluate(params, X, y)
going = False
watching.join()
assert measured["loss"] == history.validation_loss[-1]
print(max(samples) - before, seconds, measured["accuracy"])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("target", ["numba", "numpy"])
def test_a_file_of_gigabytes_needs_little_memory(target: str, tmp_path: Path) -> None:
    """`fit` with validation and a checkpoint, and `evaluate`, on 1.5 GB in float32."""
    x, label = sp.MatrixSymbol("x", COLUMNS, 1), sg.label("y", CLASSES)
    W, b = sp.MatrixSymbol("W", CLASSES, COLUMNS), sp.MatrixSymbol("b", CLASSES, 1)
    p = sg.softmax(W * x + b)
    loss = sg.cross_entropy(p, label)
    declared = {"params": [W, b], "data": [x, label], "predict": p}
    sg.training_module(loss, **declared, target=target, name="wide").save(tmp_path / "wide.py")
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float32, (ROWS, COLUMNS))
    y = np.arange(ROWS) % CLASSES
    X[:, 0] = 0  # every page is one of the file
    for k in range(CLASSES):
        X[k::CLASSES, k] = 1
    X.flush()
    del X
    np.save(tmp_path / "y.npy", y)
    done = subprocess.run(
        [sys.executable, "-c", CHILD.replace("MORE", str(MORE))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    (tmp_path / "X.npy").unlink()  # pytest would keep it
    assert done.returncode == 0, done.stderr
    taken, seconds, accuracy = map(float, done.stdout.split())
    print(f"{target}: {taken / 2**20:.0f} MB more in {seconds:.0f} s")
    assert accuracy == 1 and taken < MORE
