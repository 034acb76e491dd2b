"""The command line: what it prints, what it writes, and its one-sentence errors."""

from __future__ import annotations

from pathlib import Path

import pytest

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


def test_derive_in_latex(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("derive", f"{MODEL}:L", "--latex") == 0
    assert r"\begin{align*}" in capsys.readouterr().out


def test_graph_prints_one_node_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("graph", f"{MODEL}:L") == 0
    text = capsys.readouterr().out
    assert "y: leaf C, simplex" in text
    assert "named scalar" in text


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
        (["derive", f"{MODEL}:L", "--form", "tensor"], "the form 'tensor' was asked for"),
        (["derive", f"{MODEL}:L", "--notation", "dot"], "dot"),
        (["derive", f"{MODEL}:h"], "the loss h has shape H; expected a scalar"),
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
