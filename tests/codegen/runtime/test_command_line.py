"""The command line of a generated module, run as its users run it."""

import subprocess
import sys

import numpy as np
import pytest

from symgrad.codegen.runtime import command_line
from symgrad.codegen.runtime.command_line import main
from symgrad.codegen.runtime.storage import load
from symgrad.codegen.runtime.training import fit


@pytest.fixture
def data(blobs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("data.npz", X=blobs[0], Y=blobs[1], extra=np.ones(2))
    return blobs


SIZES = ["--epochs", "4", "--batch-size", "8", "--learning-rate", "0.1"]
FIT = ["fit", "data.npz", "--out", "w.npz", *SIZES]


def test_fit_and_predict(data, capsys):
    assert main([*FIT, "--validation", "data.npz", "--checkpoint", "run.npz", "--seed", "3"]) == 0
    output = capsys.readouterr().out.split("\n")
    expected, _ = fit(*data, epochs=4, batch_size=8, learning_rate=0.1, seed=3)
    np.testing.assert_array_equal(load("w.npz").W, expected.W)
    assert [line.rpartition(" ")[0] for line in output[:3]] == [
        "loss",
        "validation loss",
        "validation accuracy",
    ]
    assert main(["predict", "w.npz", "data.npz", "--out", "p.npz"]) == 0
    assert np.load("p.npz")["predictions"].shape == (60, 3)
    assert main([*FIT, "--params", "w.npz", "--quiet"]) == 0


def test_check_and_info(capsys, monkeypatch):
    assert main(["check"]) == 0
    assert "in float64, tolerance" in capsys.readouterr().out
    assert main(["info"]) == 0
    assert capsys.readouterr().out == (
        "softmax_regression, float32\nparameters\n  W (C, D)\n  b (C,)\n"
        "data, one example per row\n  X (N, D)\n  Y (N, C) probabilities\n"
    )
    wrong = command_line.check_gradients()._replace(tolerance=0.0)
    wrong = wrong._replace(rows=tuple(row._replace(ok=False) for row in wrong.rows))
    monkeypatch.setattr(command_line, "check_gradients", lambda seed: wrong)
    assert main(["check"]) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fit", "none.npz", *FIT[2:]], "none.npz does not exist."),
        ([*FIT, "--dims", "C=x"], "--dims C=x: give a name and a size, such as H=32."),
        ([*FIT, "--dims", "C=4"], "Y has shape (60, 3); expected (N, C) with C = 4"),
        ([*FIT, "--optimizer", "adam"], "optimizer is 'adam'; softmax_regression knows sgd."),
        ([*FIT, "--out", "none/w.npz"], "none/w.npz cannot be written; give a file in an"),
        (["predict", "data.npz", "data.npz", "--out", "p"], "data.npz holds X, Y, extra; expected"),
        ([*FIT, "--validation", "only.npz"], "only.npz has no array Y; it has X."),
    ],
)
def test_bad_input_gets_one_line_and_no_output_file(data, tmp_path, capsys, arguments, sentence):
    np.savez("only.npz", X=data[0])
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"softmax_regression: {sentence}")
    assert captured.err.count("\n") == 1 and captured.out == ""
    assert {path.name for path in tmp_path.iterdir()} == {"data.npz", "only.npz"}


def test_sizes_that_the_data_do_not_show(labelled, data, capsys):
    np.savez("labels.npz", X=data[0], c=data[1].argmax(1))
    arguments = ["fit", "labels.npz", *FIT[2:]]
    assert labelled.main(arguments) == 2
    assert "labelled needs C=…, H=…" in capsys.readouterr().err
    assert labelled.main([*arguments, "--dims", "C=3", "H=5"]) == 0
    assert labelled.main(["info"]) == 0
    assert "  c (N,) integer label in 0…C-1\n" in capsys.readouterr().out


def test_interruption_ends_quietly(data, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "fit", interrupted)
    monkeypatch.setattr(command_line, "signature", lambda _: command_line_signature)
    assert main(FIT) == 130
    assert capsys.readouterr().err == ""


command_line_signature = command_line.signature(fit)


def test_as_a_script(example_source, data, tmp_path):
    script = tmp_path / "standalone.py"
    script.write_text(example_source, encoding="utf-8")
    command = [sys.executable, "-I", str(script)]
    subprocess.run([*command, *FIT], check=True)
    assert load("w.npz").W.shape == (3, 4)
    failed = subprocess.run([*command, "fit", "none", *FIT[2:]], capture_output=True, text=True)
    assert failed.returncode == 2 and failed.stderr == "softmax_regression: none does not exist.\n"
