"""The command line: what it prints, what it writes, and its one-sentence errors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import symgrad
from symgrad import cli

MODEL = Path(__file__).parents[2] / "examples" / "two_layer_network.py"


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_:
        cli.main([*arguments])
    return int(exit_.value.code or 0)


def test_derive_prints_the_listing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("derive", f"{MODEL}:L", "--wrt", "W1", "--wrt", "b2") == 0
    text = capsys.readouterr().out
    assert "δ2 = ∂L/∂z2 = p − y" in text
    assert "∂L/∂b2 = δ2" in text
    assert "∂L/∂W1 = ((W2ᵀ·δ2) ⊙ (1 − h ⊙ h))·xᵀ" in text
    assert "∂L/∂W2" not in text


def test_derive_takes_every_leaf_without_a_fact_by_default(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("derive", f"{MODEL}:L") == 0
    text = capsys.readouterr().out
    for name in ("W1", "b1", "W2", "b2", "x"):
        assert f"∂L/∂{name} = " in text
    assert "∂L/∂y" not in text


def test_derive_by_index_and_in_bar_notation(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("derive", f"{MODEL}:L", "--form", "index", "--notation", "bar") == 0
    text = capsys.readouterr().out
    assert "W̄2[k, j] = z̄2[k]·h[j]" in text


def test_derive_as_a_lecture_does(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--notation", "nabla", "--convention", "row", "--messages")
    assert run("derive", f"{MODEL}:L", "--wrt", "W1", *options) == 0
    text = capsys.readouterr().out
    assert "∇_h L = (∇_z2 L)·W2" in text
    assert "∇_W1 L = (∇_z1 L)ᵀ·x" in text


def test_derive_at_the_brief_level_in_numerator_layout(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ("--level", "brief", "--layout", "numerator")
    assert run("derive", f"{MODEL}:L", "--wrt", "W2", *options) == 0
    text = capsys.readouterr().out
    assert "∂L/∂W2ᵀ = h·(p − y)ᵀ" in text
    assert "z1 = " not in text


FORMATS = {
    "text": "δ2 = ∂L/∂z2 = p − y",
    "ascii": "delta2 = dL/dz2 = p - y",
    "markdown": r"| $\delta_{2} = \frac{\partial L}{\partial z_{2}} = p - y$ |",
    "latex": r"\delta_{2} = \frac{\partial L}{\partial z_{2}} &= p - y",
    "document": r"\documentclass",
    "html": "<!DOCTYPE html>",
}


@pytest.mark.parametrize("name", FORMATS)
def test_derive_in_every_format(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("derive", f"{MODEL}:L", "--format", name) == 0
    assert FORMATS[name] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("suffix", "name"), [("txt", "text"), ("md", "markdown"), ("tex", "document"), ("html", "html")]
)
def test_derive_writes_a_file(
    suffix: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The format follows from the suffix; another one is asked for by name."""
    out, other = tmp_path / f"sheet.{suffix}", tmp_path / "sheet.dat"
    assert run("derive", f"{MODEL}:L", "--out", str(out)) == 0
    assert capsys.readouterr().out == f"written: {out}\n"
    assert FORMATS[name] in out.read_text(encoding="utf-8")
    assert run("derive", f"{MODEL}:L", "--format", name, "--out", str(other)) == 0
    assert other.read_text(encoding="utf-8") == out.read_text(encoding="utf-8")
    assert sorted(x.name for x in tmp_path.iterdir()) == ["sheet.dat", out.name]


DEEP = """\
x: vector(n);  W1, W2, W3, W4, W5: matrix(n, n)
h1 = tanh(W1 x);  h2 = tanh(W2 h1);  h3 = tanh(W3 h2);  h4 = tanh(W4 h3);  h5 = tanh(W5 h4)
L = sum(h5)
"""


@pytest.mark.parametrize(("option", "shown"), [("--fold", False), ("--no-fold", True)])
def test_repeated_layers_are_folded_unless_told_otherwise(
    option: str, shown: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "deep.sg"
    path.write_text(DEEP, encoding="utf-8")
    assert run("derive", str(path), option) == 0
    text = capsys.readouterr().out
    assert ("h3 = tanh(W3·h2)" in text) is shown
    assert ("hₗ = tanh(Wₗ·hₗ₋₁)" in text) is not shown
    written = tmp_path / "deep.txt"
    assert run("derive", str(path), option, "--out", str(written)) == 0
    assert written.read_text(encoding="utf-8") == text


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"symgrad {symgrad.__version__}\n"


def test_a_warning_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "m.sg"
    path.write_text("x: vector(D)\nL = sum(log(x - 1))\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", f"from symgrad import cli; cli.main(['cost', {str(path)!r}])"],
        capture_output=True, encoding="utf-8", env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert done.returncode == 0
    (warning,) = done.stderr.splitlines()
    assert warning.startswith("symgrad: warning: line 2, column 9: the logarithm of x − 1 is taken")


COMMANDS = ("demo", "derive", "verify", "grade", "language", "graph", "cost", "build")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    text = capsys.readouterr().out
    registered = [x.callback.__name__ for x in cli.app.registered_commands if x.callback]
    assert sorted(registered) == sorted(COMMANDS)
    assert all(f" {name} " in text for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_says_what_it_is_for(command: str) -> None:
    """In a sentence, and so does the command."""
    (found,) = (x for x in typer.main.get_group(cli.app).commands.items() if x[0] == command)
    assert found[1].help
    assert found[1].help.splitlines()[0].endswith(".")
    for parameter in found[1].params:
        text = getattr(parameter, "help", None)
        assert text, parameter.name
        assert text.rstrip()[-1] in ".:)", parameter.name


@pytest.mark.parametrize(("encoding", "name"), [("ascii", "ascii"), ("utf-8", "text")])
def test_derive_prints_what_the_terminal_can_show(encoding: str, name: str) -> None:
    """An old console gets ASCII, and neither question marks nor a traceback."""
    done = subprocess.run(
        [sys.executable, "-c", f"from symgrad import cli; cli.main(['derive', '{MODEL}:L'])"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert done.returncode == 0, done.stderr
    assert FORMATS[name] in done.stdout.decode(encoding)


@pytest.mark.parametrize(
    ("command", "line"),
    [("cost", "  delta2 = dL/dz2 = p - y    "), ("graph", "W1: leaf H x D"), ("graph", "= sum_j ")],
)
def test_other_commands_print_what_the_terminal_can_show(command: str, line: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"from symgrad import cli; cli.main(['{command}', '{MODEL}:L'])"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert line in done.stdout.decode()


def test_graph_prints_one_node_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("graph", f"{MODEL}:L") == 0
    text = capsys.readouterr().out
    assert "y: leaf C, simplex" in text
    assert "named scalar" in text


def test_derive_ends_with_the_cost(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("derive", f"{MODEL}:L", "--wrt", "W2") == 0
    assert "\ncost: forward D·H + H·C, backward H·C multiply-adds" in capsys.readouterr().out


def test_cost_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("cost", f"{MODEL}:L", "--dim", "D=784", "--dim", "H=128", "--dim", "C=10") == 0
    text = capsys.readouterr().out
    assert "z1 = W1·x + b1" in text
    assert "304,896" in text


@pytest.mark.parametrize(("batch", "total"), [("64", "128·(D·H + H·C)"), ("M", "2·(D·H + H·C)·M")])
def test_cost_over_examples(batch: str, total: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = ("--data", "x", "--data", "y", "--batch", batch)
    assert run("cost", f"{MODEL}:L", *data, "--wrt", "W1") == 0
    text = capsys.readouterr().out
    assert "∂R/∂W1" in text
    assert total in text


def test_build_writes_a_module(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "two_layers.py"
    params = [x for name in ("W1", "b1", "W2", "b2") for x in ("--param", name)]
    status = run(
        *("build", f"{MODEL}:L", *params, "--data", "x", "--data", "y"),
        *("--predict", "p", "--target", "numpy", "--out", str(out)),
    )
    assert status == 0
    assert f"written: {out}" in capsys.readouterr().out
    assert "δ2 = ∂L/∂z2 = p − y" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["derive", "nothing.py:L"], "there is no file nothing.py"),
        (["derive", "nothing"], "expected file.py:name"),
        (["derive", f"{MODEL}:missing"], "defines no name 'missing'"),
        (["derive", f"{MODEL}:L", "--wrt", "V"], "no leaf named V; it depends on"),
        (["derive", f"{MODEL}:L", "--format", "docx"], "the format 'docx' was asked for; expected"),
        (["derive", f"{MODEL}:L", "--out", "sheet.docx"], "no suffix that says its format; expect"),
        (["derive", f"{MODEL}:L", "--out", "no/sheet.md"], "give a file in an existing folder"),
        (["derive", f"{MODEL}:L", "--form", "tensor"], "the form 'tensor' was asked for"),
        (["derive", f"{MODEL}:L", "--notation", "dot"], "dot"),
        (["derive", f"{MODEL}:h"], "the loss h has shape H; expected a scalar"),
        (["derive", str(MODEL)], f"a Python file; say which loss in it: {MODEL}:name"),
        (["graph", f"{MODEL}:L", "--detail", "all"], "--detail, --direction and --no-fold are of"),
        (["graph", f"{MODEL}:L", "--direction", "up"], "are of a picture"),
        (["graph", f"{MODEL}:L", "--no-fold"], "are of a picture"),
        (["cost", f"{MODEL}:L", "--dim", "D"], "the size 'D' was given; expected a dimension and"),
        (["cost", f"{MODEL}:L", "--dim", "Q=3"], "the cost has no dimension Q"),
        (["cost", f"{MODEL}:L", "--batch", "2"], "no data were given; pass each data leaf with"),
        (["cost", f"{MODEL}:L", "--batch", "-1"], "the number of examples was given as '-1'"),
    ],
)
def test_errors_are_sentences(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("symgrad: ")
    assert sentence in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        (
            "import symgrad\nL = 1 / 0\n",
            "model.py, line 2: ZeroDivisionError: division by zero; corr",
        ),
        ("def f():\n    return L\nf()\n", "model.py, line 2: NameError: name 'L' is not defined; "),
        ("L = (\n", "model.py, line 1: SyntaxError: '(' was never closed"),
    ],
)
def test_a_python_file_that_cannot_be_run(
    program: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.py"
    path.write_text(program)
    assert run("derive", f"{path}:L") == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


# ------------------------------------------------------------------------------------ text models

TEXTS = MODEL.parent / "models"


def test_derive_reads_a_text_model(capsys: pytest.CaptureFixture[str]) -> None:
    """The loss is the last definition; what is differentiated by stands in the text."""
    assert run("derive", str(TEXTS / "two_layer_classifier.sg")) == 0
    text = capsys.readouterr().out
    assert "δ2 = ∂L/∂z2 = p − y" in text
    order = [text.index(f"∂L/∂{name} = ") for name in ("W1", "b1", "W2", "b2")]
    assert len(order) == 4
    assert "∂L/∂x" not in text


def test_a_value_of_a_text_model_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.sg"
    path.write_text("x, alpha: scalar\nE = α x^2\nF = E + 1\n", encoding="utf-8")
    assert run("derive", f"{path}:E", "--wrt", "alpha") == 0
    text = capsys.readouterr().out
    assert "∂E/∂α = x²" in text
    assert "F" not in text
    assert run("graph", str(path)) == 0
    assert "F = " in capsys.readouterr().out


def test_build_takes_params_and_data_from_the_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "net.py"
    model = str(TEXTS / "two_layer_classifier.sg")
    assert run("build", model, "--predict", "p", "--target", "numpy", "--out", str(out)) == 0
    assert f"written: {out}" in capsys.readouterr().out
    assert "class Params" in out.read_text(encoding="utf-8")


def test_build_fixes_sizes_and_chooses_optimizers(tmp_path: Path) -> None:
    out = tmp_path / "net.py"
    model = str(TEXTS / "two_layer_classifier.sg")
    options = ["--size", "D=5", "--optimizer", "adam", "--target", "numpy", "--out", str(out)]
    assert run("build", model, *options) == 0
    text = out.read_text(encoding="utf-8")
    assert '"W1": ("H", 5)' in text and "5·H" in text[text.index("COSTS") :][:200]
    assert '"adam": Optimizer(' in text
    assert "rmsprop" not in text
    assert run("build", model, *options[:1], "D=five", "--out", str(out)) == 1
    assert run("build", model, *options[:3], "adan", "--out", str(out)) == 1


def test_language_prints_the_guide(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("language") == 0
    text = capsys.readouterr().out
    assert text.startswith("Text models: a network typed the way it is written on paper.")
    assert "LIST: what is trained" in text


def test_a_mistake_in_a_text_model_is_pointed_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.sg"
    path.write_text("x: vector(D)\nL = sum(tahn(x))\n", encoding="utf-8")
    assert run("derive", str(path)) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"symgrad: {path}, line 2, column 9: tahn is neither declared nor a function of the "
        "language; did you mean tanh?",
        "  L = sum(tahn(x))",
        "          ^^^^",
    ]


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"a: scalar\nLoss = a^2", ":Los", "defines no name 'Los'. Did you mean Loss?"),
        (b"a: scalar\nL = a^2 \xff", "", "is not UTF-8 text"),
        (b"#" * 500_000, "", "has 500000 bytes; a text model has at most 100000 characters"),
    ],
)
def test_files_that_are_no_models(
    content: bytes, name: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.sg"
    path.write_bytes(content)
    assert run("derive", f"{path}{name}") == 1
    assert sentence in capsys.readouterr().err


def test_a_prediction_that_the_text_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    model = str(TEXTS / "two_layer_classifier.sg")
    assert run("build", model, "--predict", "q", "--out", "q.py") == 1
    assert "the file has no name 'q'" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["params", "data"])
def test_build_asks_for_what_the_text_does_not_list(
    missing: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.sg"
    lists = {"params": "data x", "data": "params a"}[missing]
    path.write_text(f"a, x: scalar\nL = (a x)^2\n{lists}\n", encoding="utf-8")
    assert run("build", str(path), "--out", str(tmp_path / "m.py")) == 1
    assert f"list them in a text model, as in {missing} " in capsys.readouterr().err
