"""The command line of a generated module, run as its users run it."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from symgrad.codegen.runtime import command_line
from symgrad.codegen.runtime.command_line import main
from symgrad.codegen.runtime.descent import Diverged
from symgrad.codegen.runtime.initial import init
from symgrad.codegen.runtime.interface import NAME
from symgrad.codegen.runtime.metrics import evaluate
from symgrad.codegen.runtime.storage import load
from symgrad.codegen.runtime.training import fit

CLASSES = ("setosa", "versicolor", "virginica")


@pytest.fixture
def data(blobs, tmp_path, monkeypatch):
    """The blobs as an archive, and as a table with the names of classes."""
    monkeypatch.chdir(tmp_path)
    np.savez("data.npz", X=blobs[0], Y=blobs[1], extra=np.ones(2))
    rows = zip(blobs[0].tolist(), blobs[1].argmax(axis=1), strict=True)
    with open("data.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerow(["length", "width", "mass", "age", "species"])
        csv.writer(file).writerows([*row, CLASSES[k]] for row, k in rows)
    return blobs


SIZES = ["--epochs", "4", "--batch-size", "8", "--learning-rate", "0.1"]
OUT = ["--out", "w.npz", *SIZES]
FIT = ["fit", "data.npz", *OUT]
SPECIES = ["--columns", "Y=species"]


def test_fit_is_that_of_python(data, capsys):
    options = ["--validation", "data.npz", "--checkpoint", "run.ckpt", "--seed", "3"]
    options += ["--optimizer", "adam", "--schedule", "step", "--warmup", "5", "--clip", "1.5"]
    options += ["--option", "beta1=0.8", "--option", "every=2", "--freeze", "b", "--patience", "2"]
    assert main([*FIT, *options, "--initial", "W=he_normal"]) == 0
    expected, history = fit(
        *data,
        **{"epochs": 4, "batch_size": 8, "learning_rate": 0.1, "validation": data, "seed": 3},
        **{"optimizer": "adam", "schedule": "step", "warmup": 5, "clip": 1.5, "freeze": ["b"]},
        **{"options": {"beta1": 0.8, "every": 2}, "patience": 2, "initial": {"W": "he_normal"}},
    )
    np.testing.assert_array_equal(load("w.npz").W, expected.W)
    head, *rows, last = capsys.readouterr().out.splitlines()
    assert head.split("  ")[0] == "epoch" and last == "saved w.npz"
    assert [row.split()[0] for row in rows] == ["1", "2", "3", "4"]
    assert rows[-1].split()[1] == f"{history.loss[-1]:.6g}"
    assert Path("run.ckpt").exists()


def test_a_long_history_is_shown_in_ten_rows(data, capsys):
    assert main([*FIT, "--epochs", "91"]) == 0
    rows = capsys.readouterr().out.splitlines()[1:-1]
    assert main([*FIT, "--epochs", "0"]) == 0 and capsys.readouterr().out == "saved w.npz\n"
    assert len(rows) == 10 and [int(rows[k].split()[0]) for k in (0, 1, -1)] == [1, 11, 91]


def test_from_a_table_to_a_table(data, capsys):
    assert main(["fit", "data.csv", *OUT, *SPECIES, "--validation", "data.csv"]) == 0
    assert capsys.readouterr().out.startswith(
        "data.csv: X is length, width, mass, age (4 columns)\ndata.csv: Y is species\n"
        "data.csv: Y has 3 classes: setosa = 0, versicolor = 1, virginica = 2\nepoch "
    )
    assert main(["predict", "w.npz", "data.csv", *SPECIES, "--out", "p.csv"]) == 0
    with open("p.csv", newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert head == ["Y", *CLASSES] and len(rows) == 60
    params = load("w.npz")
    best = command_line.predict(params, data[0]).argmax(axis=1)
    assert [row[0] for row in rows] == [CLASSES[k] for k in best]
    # The names of the classes are in the weights: a table with fewer of them means the same.
    lines = Path("data.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    two = [line for line in lines if "setosa" not in line]
    Path("two.csv").write_text("".join(two), encoding="utf-8")
    assert main(["evaluate", "w.npz", "two.csv", *SPECIES]) == 0
    kept = data[1].argmax(axis=1) > 0
    expected = evaluate(params, data[0][kept], data[1][kept])
    shown = dict(line.rsplit(None, 1) for line in capsys.readouterr().out.splitlines())
    assert shown == {k.replace("_", " "): f"{value:.6g}" for k, value in expected.items()}


def test_a_table_continues_what_another_has_begun(data, capsys):
    """Classes keep their numbers, and there are as many, though validation lacks some."""
    lines = Path("data.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    some = [line for line in lines if "virginica" not in line]
    Path("some.csv").write_text("".join(some), encoding="utf-8")
    numbers = [line.replace("setosa", "0").replace("versicolor", "1") for line in some]
    Path("numbers.csv").write_text("".join(numbers), encoding="utf-8")
    assert main(["fit", "data.csv", *OUT, *SPECIES, "--validation", "some.csv"]) == 0
    assert main(["fit", "data.npz", *OUT, "--out", "v.npz"]) == 0
    assert main(["fit", "data.npz", *OUT, *SPECIES, "--validation", "numbers.csv"]) == 0
    assert main(["fit", "data.csv", *OUT, *SPECIES, "--quiet"]) == 0
    more = ["fit", "some.csv", *SPECIES, "--params", "w.npz", *SIZES]
    assert main([*more, "--out", "x.npz"]) == 0
    more[1] = "data.npz"
    more = [x for x in more if x not in SPECIES]
    assert main([*more, "--params", "x.npz", "--out", "y.npz"]) == 0
    assert np.load("y.npz")["Y.classes"].tolist() == [*CLASSES]
    capsys.readouterr()
    assert main(["evaluate", "v.npz", "some.csv", *SPECIES]) == 2
    assert "'setosa' was given; expected an integer label" in capsys.readouterr().err


def test_predictions_evaluation_and_health_from_an_archive(data, capsys):
    assert main([*FIT, "--quiet"]) == 0 and capsys.readouterr().out == ""
    assert main(["predict", "w.npz", "data.npz", "--out", "p.npz"]) == 0
    assert np.load("p.npz")["predictions"].shape == (60, 3)
    assert main(["predict", "w.npz", "data.npz", "--out", "p.csv"]) == 0
    assert Path("p.csv").read_text().startswith("Y,prediction[0],prediction[1],prediction[2]\n")
    assert main(["evaluate", "w.npz", "data.npz"]) == 0
    assert "\naccuracy       0." in capsys.readouterr().out
    assert main(["health", "w.npz", "data.npz"]) == 0
    assert capsys.readouterr().out.startswith("parameter    ‖θ‖  ‖∂L/∂θ‖")
    assert main([*FIT[:2], "--out", "v.npz", *SIZES, "--params", "w.npz"]) == 0


def test_only_a_score_for_each_class_has_a_best_class(weighted):
    params = init(C=3, D=4)
    for shape, target in [((9, 3), "Y"), ((9, 2), None), ((9,), None), ((9, 3, 1), None)]:
        assert command_line._scored(params, shape) == target
    assert weighted._scored(weighted.init(), (9, 3)) is None


def test_check(data, capsys, monkeypatch):
    assert main(["check"]) == 0
    assert "all right; computed in float64" in capsys.readouterr().out
    assert main([*FIT, "--quiet"]) == 0 and main(["check", "--weights", "w.npz"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("W          (3, 4)  ")
    wrong = command_line.check_gradients()
    wrong = wrong._replace(rows=tuple(row._replace(ok=False) for row in wrong.rows))
    monkeypatch.setattr(command_line, "check_gradients", lambda *_, seed: wrong)
    assert main(["check"]) == 1
    assert "wrong: the gradient of W, b;" in capsys.readouterr().out


def sections(text: str) -> dict[str, list[str]]:
    parts = [part.splitlines() for part in text.strip().split("\n\n")]
    return {lines[0]: lines[1:] for lines in parts}


def test_info(data, capsys):
    assert main(["info"]) == 0
    found = sections(capsys.readouterr().out)
    assert next(iter(found)) == "softmax_regression, computed in float32"
    assert found["formulas"][1] == "  p      = softmax(z)"
    assert found["parameters"] == [
        "  W       (C, D)  C·D",
        "  b       (C,)    C",
        "  in all          C·D + C",
    ]
    assert found["data, one example a row"] == [
        "  X  (N, D)  numbers                  input of predict",
        "  Y  (N, C)  probabilities, of sum 1",
    ]
    assert found["operations"] == [
        "  forward   C·D multiply-adds",
        "  backward  C·D multiply-adds",
    ]
    optimizers = found["optimizers, with their options"]
    assert optimizers[0] == "  sgd  weight_decay = 0" and "  adam  beta1 = 0.9" in optimizers[2]
    assert found["made from"] == ["  symgrad  0", "  declaration  written by hand"]
    for arguments, count in (
        (["--dims", "D=784"], "  in all          784·C + C"),
        (["--dims", "D=784", "--dims", "C=10"], "  in all          7,850"),
        (["w.npz"], "  in all          15"),
    ):
        main([*FIT, "--quiet"])
        assert main(["info", *arguments]) == 0
        assert sections(capsys.readouterr().out)["parameters"][-1] == count


def test_sizes_that_the_data_do_not_show(labelled, data, capsys):
    np.savez("labels.npz", X=data[0], c=data[1].argmax(1))
    assert labelled.main(["fit", "labels.npz", *OUT]) == 2
    assert "labelled needs --dims C=…, H=…; give the size, or --params." in capsys.readouterr().err
    assert labelled.main(["fit", "labels.npz", *OUT, "--dims", "C=3,H=5"]) == 0
    # The classes of a table are as many as it names.
    table = ["fit", "data.csv", "--columns", "c=species", *OUT, "--dims", "H=5"]
    assert labelled.main([*table, "--out", "v.npz"]) == 0
    for a, b in zip(labelled.load("w.npz"), labelled.load("v.npz"), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    assert labelled.main(["info"]) == 0
    assert "  c  (N,)    integer labels 0…C-1" in capsys.readouterr().out


def test_a_module_that_predicts_nothing(weighted, data, capsys):
    assert weighted.main(["predict", "w.npz", "data.npz", "--out", "p.npz"]) == 2
    assert (
        capsys.readouterr().err == "weighted: weighted predicts nothing; build it with predict=.\n"
    )


BAD = [
    (["fit", "none.npz", *OUT], "none.npz does not exist."),
    ([*FIT, "--dims", "C=x"], "--dims C=x: 'x' is not a whole number."),
    ([*FIT, "--dims", "C"], "--dims C: give a name and a value, as H=32."),
    ([*FIT, "--dims", "K=3"], "softmax_regression has no option or dimension 'K'"),
    ([*FIT, "--dims", "C=4"], "Y has shape (60, 3); expected (N, C) with C = 4"),
    ([*FIT, "--option", "beta1=x"], "--option beta1=x: 'x' is not a number."),
    ([*FIT, "--option", "a=1", "--option", "a=2"], "--option a: two values were given; give one."),
    ([*FIT, "--optimizer", "adan"], "--optimizer is 'adan'; softmax_regression knows sgd, adam"),
    ([*FIT, "--freeze", "V"], "a parameter in --freeze is 'V'; softmax_regression knows W, b."),
    ([*FIT, "--columns", "species"], "--columns species: give a name and a value, as Y=name."),
    (
        ["fit", "none.npz", *OUT, "--out", "none/w.npz"],
        "none/w.npz cannot be written; give a file in an existing",
    ),
    (
        ["fit", "none.npz", *OUT, "--out", "."],
        ". cannot be written; give a file in an existing folder.",
    ),
    (
        ["fit", "none.npz", *OUT, "--checkpoint", "none/c"],
        "none/c cannot be written; give a file in an existing",
    ),
    ([*FIT, "--checkpoint", "./w.npz"], "--out and --checkpoint are both ./w.npz; give different"),
    ([*FIT, "--out", "data.npz"], "data and --out are both data.npz; give different files."),
    ([*FIT, "--params", "w.npz"], "--params and --out are both w.npz; give different files."),
    (["fit", "data.csv", *OUT], "data.csv has no column Y; its columns are length, width, mass"),
    (["predict", "data.npz", "only.npz", "--out", "p"], "data.npz holds X, Y, extra; expected"),
    (["predict", "data.npz", "only.npz", "--out", "./only.npz"], "data and --out are both ./only"),
    (["evaluate", "none.npz", "data.npz"], "none.npz does not exist."),
    (["health", "only.npz", "data.npz"], "only.npz holds X; expected the parameters of soft"),
    (["info", "data.npz"], "data.npz holds X, Y, extra; expected the parameters"),
    (["check", "--seed", "-1"], "seed is -1; expected an integer of at least 0."),
    ([*FIT, "--validation", "only.npz"], "only.npz has no array Y; it has X."),
    ([*FIT, "--columns", "Y=kind"], "--columns is for .csv tables, but data.npz is none: its"),
    (FIT[:-2], "--learning-rate is needed by sgd; pass a number such as 0.1."),
    (
        [*FIT, "--patience", "2"],
        "--patience watches the validation loss; pass --validation as",
    ),
    (
        [*FIT, "--optimizer", "lbfgs", "--warmup", "3"],
        "lbfgs finds its own step length; leave --learning-rate, --warmup out.",
    ),
    (
        [*FIT, "--option", "beta=1"],
        "an option in --option is 'beta'; softmax_regression knows",
    ),
    ([*FIT, "--clip", "0"], "--clip is 0.0; expected a finite number > 0, such as 1.0."),
]


@pytest.mark.parametrize(("arguments", "sentence"), BAD)
def test_bad_input_gets_one_line_and_no_output_file(data, tmp_path, capsys, arguments, sentence):
    np.savez("only.npz", X=data[0])
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"softmax_regression: {sentence}")
    assert captured.err.count("\n") == 1 and captured.out == ""
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fit", "data.npz"], "the following arguments are required: --out, --epochs; see "),
        ([*FIT, "--epochs", "x"], "argument --epochs: invalid int value: 'x'; see "),
        (["train"], "argument command: invalid choice: 'train' (choose from "),
    ],
)
def test_bad_arguments_get_one_line(data, capsys, arguments, sentence):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(f"softmax_regression: {sentence}") and error.count("\n") == 1


def test_without_a_command_and_with_help(capsys):
    assert main([]) == 0
    text = capsys.readouterr().out
    for name in ("fit", "predict", "evaluate", "health", "check", "info"):
        assert f"    {name} " in text
        with pytest.raises(SystemExit) as stopped:
            main([name, "--help"])
        assert stopped.value.code == 0 and "SCRIPT" not in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["fit", "--help"])
    text = capsys.readouterr().out
    for name, (_, metavar, _) in command_line.FIT_OPTIONS.items():
        assert f"--{name.replace('_', '-')} {metavar}" in text
    assert "  .csv  X: the columns X1, X2, … or X[0], X[1], …; or all that are left\n" in text
    assert "        Y: the column Y, classes as numbers from 0 or as text; or the columns" in text


def test_the_last_good_parameters_of_a_run_that_diverges_are_saved(data, capsys, monkeypatch):
    params, history = fit(*data, epochs=1, batch_size=8, learning_rate=0.1)

    def diverges(*_, **__):
        raise Diverged("The loss became NaN at step 9.", params, history, 2, 1)

    monkeypatch.setattr(command_line, "fit", diverges)
    monkeypatch.setattr(command_line, "signature", lambda _: SIGNATURE)
    assert main(FIT) == 2
    sentence = "The loss became NaN at step 9. The last good parameters are in w.npz."
    assert capsys.readouterr().err == f"softmax_regression: {sentence}\n"
    np.testing.assert_array_equal(load("w.npz").W, params.W)


def test_interruptions(data, monkeypatch, capsys):
    params, history = fit(*data, epochs=1, batch_size=8, learning_rate=0.1)
    stopped = history._replace(ended="interrupted")
    monkeypatch.setattr(command_line, "signature", lambda _: SIGNATURE)
    monkeypatch.setattr(command_line, "fit", lambda *_, **__: (params, stopped))
    assert main(FIT) == 130
    np.testing.assert_array_equal(load("w.npz").W, params.W)
    assert capsys.readouterr().out.endswith("saved w.npz\n")

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "fit", interrupted)
    assert main(FIT) == 130
    assert capsys.readouterr().err == ""


SIGNATURE = command_line.signature(fit)


def test_as_a_script(example_source, data, tmp_path):
    """In a terminal that knows ASCII only, read by `head`, and stopped by Ctrl-C."""
    script = tmp_path / "standalone.py"
    script.write_text(example_source, encoding="utf-8")
    command = [sys.executable, "-I", str(script)]
    failed = subprocess.run([*command, "fit", "none", *OUT], capture_output=True, text=True)
    assert failed.returncode == 2 and failed.stderr == f"{NAME}: none does not exist.\n"

    ascii_only = {**os.environ, "PYTHONIOENCODING": "", "LC_ALL": "C", "PYTHONUTF8": "0"}
    ascii_only |= {"PYTHONCOERCECLOCALE": "0"}
    plain = [sys.executable, str(script), "info"]
    shown = subprocess.run(plain, env=ascii_only, capture_output=True, check=True)
    assert b"?L/?W  = (p ? y)" in shown.stdout and shown.stderr == b""

    run = [*command, "fit", "data.npz", *OUT, "--epochs", "1000000", "--checkpoint", "run.ckpt"]
    with subprocess.Popen(
        run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while process.poll() is None and not Path("run.ckpt").exists():
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and output.endswith("saved w.npz\n")
    assert load("w.npz").W.shape == (3, 4)


def test_output_that_nobody_reads_any_more(example_source, tmp_path):
    script = tmp_path / "standalone.py"
    script.write_text(example_source, encoding="utf-8")
    command = [sys.executable, "-E", str(script), "info"]  # buffered, whatever the environment says
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
