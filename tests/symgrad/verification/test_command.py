"""``symgrad verify``: what it prints, its exit status, and its JSON."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from two_layer_text import TWO_LAYERS

from symgrad import cli
from symgrad.errors import DeclarationError
from symgrad.verification.command import STYLES, answer
from symgrad.verification.steps import STATUSES


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "model.sg"
    path.write_text(TWO_LAYERS, encoding="utf-8")
    return str(path)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["verify", *arguments])
    return int(exit_.value.code or 0)


@pytest.mark.parametrize(
    ("claim", "status", "words"),
    [
        ("dL/dW2 = (p - y) h'", 0, "Right: dL/dW2 = (p - y) h'"),
        ("dL/dW2 = (y - p) h'", 1, "Wrong: dL/dW2 = (y - p) h'\n  The sign is wrong"),
        ("δ2 = y - p; dL/db2 = δ2", 1, "Line 1 is the first that is wrong."),
        (r"\nabla_{b_2} L = p - y", 0, "Right: "),
    ],
)
def test_a_claim(
    model: str, claim: str, status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(model, claim) == status
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ("dL/dW2 = (p - q) h'", "line 1, column 15: q is not declared"),
        ("dL/dW2 = ((", "never closed"),
        ("p - y", "begin it with"),
        ("work.tex", "there is no file work.tex"),
    ],
)
def test_what_cannot_be_read_has_status_2(
    model: str, claim: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(model, claim) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err
    assert captured.err.startswith("symgrad: ")


def test_files_of_work(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "work.txt"
    text.write_text("δ2 = p − y\nδ1 = W2ᵀ δ2\n∂L/∂W1 = δ1 xᵀ\n", encoding="utf-8")
    assert run(model, str(text)) == 1
    out = capsys.readouterr().out
    assert "3  ∂L/∂W1 = δ1 xᵀ  follows from line 2" in out
    tex = tmp_path / "work.tex"
    tex.write_text(r"$\delta_2 = p - y$, so $\frac{\partial L}{\partial b_2} = \delta_2$", "utf-8")
    assert run(model, str(tex), "--wrt", "b2") == 0
    assert "Every line is right." in capsys.readouterr().out
    assert run(model, str(tex), "--wrt", "b2", "--wrt", "W2") == 1
    assert "No line says what ∂L/∂W2 is." in capsys.readouterr().out
    tex.write_text("no formula at all", "utf-8")
    assert run(model, str(tex)) == 2
    text.write_text("x" * 500_000, "utf-8")
    assert run(model, str(text)) == 2
    assert "has 500000 bytes; a piece of work has at most" in capsys.readouterr().err
    text.write_text("∂L/∂W1 = δ1 xᵀ\n", encoding="utf-8")
    assert run(model, str(text)) == 1
    assert "true, but δ1 is not derived" in capsys.readouterr().out


def test_standard_input(
    model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("δ2 = p − y\n"))
    assert run(model, "-") == 0
    assert "1  δ2 = p − y  right" in capsys.readouterr().out


def test_options(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(model, "(p - y) h'", "--wrt", "W2") == 0
    assert run(model, "h (p - y)'", "--wrt", "W2", "--layout", "numerator") == 0
    capsys.readouterr()
    assert run(model, "dL/dW2 = (y - p) h'", "--json") == 1
    fields = json.loads(capsys.readouterr().out)
    assert (fields["status"], fields["mistake"]) == ("wrong", "sign")
    assert run(model, "δ2 = p - y\ndL/db2 = δ2", "--json") == 0
    assert json.loads(capsys.readouterr().out)["score"] == "1"
    assert run(model, "-(y - p) h'", "--wrt", "W2", "--json") == 0
    assert json.loads(capsys.readouterr().out)["status"] == "right"
    assert run(model, "dL/dW2 = ((", "--json") == 2
    fields = json.loads(capsys.readouterr().out)
    assert fields["status"] == "unreadable" and "never closed" in fields["error"]
    assert run(model, "dL/dW2 = p", "--layout", "x") == 2
    assert "the layout 'x'" in capsys.readouterr().err


def test_a_terminal_that_has_ascii_only(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    before, sys.stdout = sys.stdout, out
    try:
        assert run(model, "dL/dW2 = (y - p) h'") == 1
    finally:
        sys.stdout = before
    out.seek(0)
    assert "Right is dL/dW2 = " in out.read()


def test_colours_in_a_terminal_only(
    model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(model, "δ2 = y - p")
    assert "\x1b[" not in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    run(model, "δ2 = y - p")
    assert "\x1b[" in capsys.readouterr().out


def test_every_status_has_a_colour_or_none() -> None:
    assert {*STYLES} <= {*STATUSES, "formula"}


def test_one_claim_is_about_one_symbol(model: str) -> None:
    with pytest.raises(DeclarationError, match="give --wrt once"):
        answer(model, "p - y", ["W2", "b2"])
