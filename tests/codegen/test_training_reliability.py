"""A generated file that is killed, through its own command line, loses nothing that was saved."""

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


@pytest.mark.slow
@pytest.mark.parametrize("target", ["numba", "numpy"])
def test_fifty_kills_of_the_command_line(target: str, tmp_path: Path) -> None:
    """Each run continues the one before; the last gives the bits of one that was left alone."""
    net, data = network(), load_digits()
    declared = {"params": [*net.params], "data": [net.x, net.y], "predict": net.p}
    sg.training_module(net.loss, **declared, target=target, name="digits").save(
        tmp_path / "digits.py"
    )
    labels = np.eye(10, dtype=np.float32)[data.train_labels]
    np.savez(tmp_path / "train.npz", X=data.train_images[:300], Y=labels[:300])
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
