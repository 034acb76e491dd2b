"""A generated file loses nothing that was saved: killed, on a full disk, beside foreign files."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import symgrad as sg
from symgrad.data import load_digits
from symgrad.demo import network

KILLS, EPOCHS = 50, 1500
pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")


def command(out: str, *options: str) -> list[str]:
    fit = [sys.executable, "digits.py", "fit", "train.npz", "--out", out, "--quiet"]
    rates = ["--optimizer", "adam", "--learning-rate", "0.001", "--schedule", "cosine"]
    length = ["--epochs", str(EPOCHS), "--batch-size", "16"]
    return [*fit, *rates, *length, "--validation", "train.npz", *options]


def kill(child: subprocess.Popen[bytes], folder: Path, chance: random.Random) -> None:
    """At a random moment, or, half the time, while the checkpoint is being written."""
    before = set(os.listdir(folder))
    deadline = time.monotonic() + (chance.uniform(0.2, 2.5) if chance.random() < 0.5 else 20)
    while child.poll() is None and time.monotonic() < deadline:
        if any(x.startswith(".") for x in set(os.listdir(folder)) - before):
            if deadline - time.monotonic() > 3:
                time.sleep(chance.uniform(0, 0.002))
                break
            before = set(os.listdir(folder))
    child.send_signal(signal.SIGKILL)
    child.wait()


def write_files(target: str, folder: Path) -> None:
    """digits.py and train.npz."""
    net, data = network(), load_digits()
    declared = {"params": [*net.params], "data": [net.x, net.y], "predict": net.p}
    sg.training_module(net.loss, **declared, target=target, name="digits").save(
        folder / "digits.py"
    )
    labels = np.eye(10, dtype=np.float32)[data.train_labels]
    np.savez(folder / "train.npz", X=data.train_images[:300], Y=labels[:300])


FULL_DISK = """
import resource, warnings
from pathlib import Path
import digits

warnings.simplefilter("always")

def fit(out, epochs, ckpt="run.ckpt"):
    options = ["--batch-size", "16", "--learning-rate", "0.1", "--optimizer", "momentum", "--quiet"]
    files = ["train.npz", "--out", out, "--checkpoint", ckpt]
    return digits.main(["fit", *files, "--epochs", epochs, *options])

assert fit("whole.npz", "4", "whole.ckpt") == 0 and fit("first.npz", "2") == 0
before = {x: x.read_bytes() for x in Path().iterdir() if x.is_file()}
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
assert fit("more.npz", "4") == 2
assert fit("first.npz", "4") == 2
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
for foreign in ("first.npz", "train.npz", "digits.py"):
    assert fit("more.npz", "4", foreign) == 2
assert {x: x.read_bytes() for x in Path().iterdir() if x.is_file()} == before
assert fit("more.npz", "4") == 0
"""
OF_FULL_DISK = (
    "run.ckpt could not be written: File too large; the file that was there is unchanged. Save "
    "what fit returns.",
    "digits: more.npz could not be written: File too large.",
    "run.ckpt could not be written: File too large; the file that was there is unchanged. Save "
    "what fit returns.",
    "digits: first.npz could not be written: File too large; the file that was there is unchanged.",
    "digits: first.npz is not a checkpoint of fit; give another file.",
    "digits: data and --checkpoint are both train.npz; give different files.",
    "digits: digits.py is damaged or is not an .npz archive of plain arrays.",
)


@pytest.mark.parametrize("target", [pytest.param("numba", marks=pytest.mark.slow), "numpy"])
def test_a_full_disk_and_foreign_files(target: str, tmp_path: Path) -> None:
    """The run ends with a sentence, every file is as it was, and the next one goes on."""
    write_files(target, tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = [x for x in done.stderr.splitlines() if x.strip() and not x.startswith("  ")]
    for line, sentence in zip(said, OF_FULL_DISK, strict=True):
        assert line.endswith(sentence)
    with np.load(tmp_path / "whole.npz") as whole, np.load(tmp_path / "more.npz") as more:
        assert all(np.array_equal(whole[name], more[name]) for name in whole)
    assert not [x for x in os.listdir(tmp_path) if x.endswith(".tmp")]


@pytest.mark.slow
@pytest.mark.parametrize("target", ["numba", "numpy"])
def test_fifty_kills_of_the_command_line(target: str, tmp_path: Path) -> None:
    """Each run continues the one before; the last gives the bits of one that was left alone."""
    write_files(target, tmp_path)
    subprocess.run(command("whole.npz"), cwd=tmp_path, check=True)
    chance, steps, leftovers, finished = random.Random(target), [0], 0, 0
    for _ in range(KILLS):
        options = command("resumed.npz", "--checkpoint", "run.ckpt")
        child = subprocess.Popen(options, cwd=tmp_path)
        kill(child, tmp_path, chance)
        left = [x for x in os.listdir(tmp_path) if x.startswith(".")]
        leftovers += bool(left)
        for name in left:  # `fit` itself removes them when they are old
            (tmp_path / name).unlink()
        finished += child.returncode == 0
        if (tmp_path / "run.ckpt").exists():
            with np.load(tmp_path / "run.ckpt") as saved:
                steps.append(int(saved["t"]))
    assert steps == sorted(steps)  # what was saved is never lost
    assert steps[-1] > 0
    assert leftovers > 0  # some were killed during the write
    shutil.copy(tmp_path / "run.ckpt", tmp_path / "last.ckpt")
    subprocess.run(command("resumed.npz", "--checkpoint", "run.ckpt"), cwd=tmp_path, check=True)
    with np.load(tmp_path / "whole.npz") as whole, np.load(tmp_path / "resumed.npz") as resumed:
        assert set(whole) == set(resumed)
        for name in whole:
            np.testing.assert_array_equal(whole[name], resumed[name])
    assert finished < KILLS, f"{finished} of {KILLS} runs ended before they were killed"
    cut = (tmp_path / "last.ckpt").read_bytes()[:-7]
    (tmp_path / "run.ckpt").write_bytes(cut)
    refused = subprocess.run(
        command("refused.npz", "--checkpoint", "run.ckpt"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "run.ckpt is damaged" in refused.stderr
    assert (tmp_path / "run.ckpt").read_bytes() == cut
    assert not (tmp_path / "refused.npz").exists()
