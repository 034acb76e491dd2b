"""The examples run, from a folder of their own, and say what they promise."""

import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, folder: Path, *arguments: str) -> str:
    result = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_two_layer_network(tmp_path: Path) -> None:
    text = run("two_layer_network.py", tmp_path)
    assert "δ2 = ∂L/∂z2 = p − y" in text
    assert "(3, 4) (3,) (2, 3) (2,)" in text


def test_train_digits(tmp_path: Path) -> None:
    text = run("train_digits.py", tmp_path, "numpy")
    accuracy = float(text.rsplit("accuracy ", 1)[1].rstrip("%\n"))
    assert accuracy > 95
    assert "import symgrad" not in (tmp_path / "digits_network.py").read_text(encoding="utf-8")


def test_every_example_is_tested() -> None:
    tested = {"two_layer_network.py", "train_digits.py"}
    assert {x.name for x in EXAMPLES.glob("*.py")} == tested
