"""The examples run, from a folder of their own, and say what they promise.

Each runs as a script does, under the name ``__main__`` and with its own arguments, but within this
process, where SymPy is loaded already. One is run by the shell's road.
"""

import contextlib
import io
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, folder: Path, *arguments: str) -> str:
    text = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(text):
        patch.chdir(folder)
        patch.setattr(sys, "argv", [str(EXAMPLES / name), *arguments])
        patch.syspath_prepend(EXAMPLES)
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    return text.getvalue()


def run_as_script(name: str, folder: Path, *arguments: str) -> str:
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
    text = run_as_script("two_layer_network.py", tmp_path)
    assert "δ2 = ∂L/∂z2 = p − y" in text
    assert "(3, 4) (3,) (2, 3) (2,)" in text


def test_train_digits(tmp_path: Path) -> None:
    text = run("train_digits.py", tmp_path, "numpy")
    accuracy = float(text.rsplit("accuracy ", 1)[1].rstrip("%\n"))
    assert accuracy > 95
    assert "import symgrad" not in (tmp_path / "digits_network.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("target", ["numpy", pytest.param("numba", marks=pytest.mark.slow)])
def test_transformer(target: str, tmp_path: Path) -> None:
    text = run("transformer.py", tmp_path, "--epochs", "25", "--target", target)
    assert "δ_u2 = ∂L/∂u2 = (δ_x2·V2ᵀ) ⊙ (u2 ⊙ φ(u2) + Φ(u2))" in text
    assert int(text.rsplit(" ", 1)[1].rstrip("%\n")) > 95


SAYS = {
    "backpropagation_by_hand.py": [
        "∂b/∂a = w2 = 3",
        "∂a/∂w1 = 3·w1² = 12",
        "∂g/∂w1 = 39",
        "∂g/∂w1 = 36 + 3 = 39  a: 3·12, c: 1·3",
        "written: backpropagation_by_hand.svg",
    ],
    "logistic_unit.py": [
        "∂L/∂w = (σ(w·x + b) − t)·x·σ′(w·x + b)",
        "ȳ = y − t",
        "z̄ = ȳ·y·(1 − y)",
        "∂CE/∂ŷ = (ŷ − y)/(ŷ·(1 − ŷ))",
        "from 0.6931 to 0.3133",
    ],
    "softmax_classifier_loss.py": ["∂L/∂s[j] = p[j] − 1[j = c]", "δ_s·xᵀ", "L = 2000, gradient"],
    "multiclass_hinge.py": [
        "1[j ≠ c]·1[Δ + s[j] − s[c] > 0] − (Σ_k 1[k ≠ c]·1[Δ + s[k] − s[c] > 0])·1[j = c]",
        "L = 1.4",
        "the same gradient: True",
    ],
    "activations.py": ["h′ = h·(1 − h)", "h′ = 1 − h²", "a Dirac delta at the jump"],
}
"""Examples without options → some of what they print."""


@pytest.mark.parametrize("name", SAYS)
def test_says(name: str, tmp_path: Path) -> None:
    text = run(name, tmp_path)
    for expected in SAYS[name]:
        assert expected in text


def test_activations_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "activations.png"
    run("activations.py", tmp_path, "--out", str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")


def drawn(name: str, folder: Path, *options: str) -> str:
    """The text of an example, whose picture is written where ``--out`` says."""
    text = run(name, folder, "--out", "picture.png", *options)
    assert "written: picture.png" in text
    assert (folder / "picture.png").read_bytes().startswith(b"\x89PNG")
    return text


def test_logic_gates(tmp_path: Path) -> None:
    text = drawn("logic_gates.py", tmp_path)
    assert "  -1   1  -1    1   1\n" in text
    verdicts = [line.split("  ")[-1] for line in text.splitlines() if "   loss " in line]
    assert verdicts == ["learned", "learned", "not learned", "learned"]


def test_two_layer_sigmoid(tmp_path: Path) -> None:
    text = run("two_layer_sigmoid.py", tmp_path)
    for line in (
        "δ2[k] = (ŷ[k] − y[k])·ŷ[k]·(1 − ŷ[k])",
        "W2[k, j] ← W2[k, j] − η·δ2[k]·h[j]",
        "δ1[j] = (Σ_k δ2[k]·W2[k, j])·h[j]·(1 − h[j])",
        "W1[j, i] ← W1[j, i] − η·δ1[j]·x[i]",
        "W1 ← W1 − η·δ1·xᵀ",
    ):
        assert f"  {line}\n" in text
    (line,) = (x for x in text.splitlines() if x.startswith("  0.38"))
    losses = [float(x) for x in line.split()]
    assert losses == sorted(losses, reverse=True)
    assert text.endswith("8 of 8 right\n")


def test_multi_output_perceptron(tmp_path: Path) -> None:
    text = run("multi_output_perceptron.py", tmp_path)
    assert text.count(" True\n") == 9 and "False" not in text
    errors = [x.split()[-1] for x in text.splitlines() if "largest difference" in x]
    assert len(errors) == 2 and max(map(float, errors)) < 1e-12
    assert float(text.split()[-1]) < 1e-5


def test_deep_network(tmp_path: Path) -> None:
    text = run("deep_network.py", tmp_path, "--layers", "3", "--activation", "relu", "--train")
    assert "δ_z3 = ∂L/∂z3 = δ_h3 ⊙ 1[z3 > 0]" in text
    assert "tanh        δ_z1 = ∂L/∂z1 = δ_h1 ⊙ (1 − h1 ⊙ h1)\n" in text
    assert float(text.split("read right: ")[1].partition("%")[0]) > 93
    assert "\nh3 " in text


def test_approximation(tmp_path: Path) -> None:
    rows = [line.split() for line in drawn("approximation.py", tmp_path).splitlines()]
    errors = {int(r[0]): float(r[1]) for r in rows if len(r) == 3 and r[0].isdigit()}
    assert list(errors) == [1, 2, 4, 8, 16, 32]
    assert errors[8] < 0.05 and errors[32] < 0.005
    assert all(n * error < 0.7 for n, error in errors.items())


def test_semicircle_to_parabola(tmp_path: Path) -> None:
    text = drawn("semicircle_to_parabola.py", tmp_path)
    assert text.startswith("with unit steps: the derivative of a step is 0 almost everywhere")
    assert float(text.split("\n")[-3].split()[1]) < 1e-3


def test_loss_landscape(tmp_path: Path) -> None:
    text = drawn("loss_landscape.py", tmp_path)
    assert "so not below 0" in text
    line = next(x for x in text.splitlines() if x.startswith("trained, halfway"))
    trained, halfway, swapped = (float(x) for x in line.split()[-3:])
    assert trained == swapped and halfway > 5 * trained


def test_gradient_check(tmp_path: Path) -> None:
    text = drawn("gradient_check.py", tmp_path)
    rows = [line.split() for line in text.splitlines() if line.count(" s ") == 2]
    parameters = [int(row[0].replace(",", "")) for row in rows]
    assert parameters == [266 * units for units in (16, 64, 256, 1024)]
    assert all(float(row[3]) > 100 * float(row[1]) for row in rows)


def test_vanishing_gradient(tmp_path: Path) -> None:
    text = drawn("vanishing_gradient.py", tmp_path)
    rows = [line.split() for line in text.splitlines() if line.startswith("h")]
    gradients = [float(row[-1]) for row in rows]
    sigmoid, tanh, relu = gradients[:8], gradients[8:16], gradients[16:]
    assert sigmoid == sorted(sigmoid) and sigmoid[0] < sigmoid[-1] / 100
    assert tanh[0] > tanh[-1] / 10 and relu[0] > relu[-1]
    assert any(row[3] != "0.0%" for row in rows[16:])


def test_two_colours(tmp_path: Path) -> None:
    text = drawn("two_colours.py", tmp_path)
    assert "in testing:  ŷ = sign(e2)\nin training: ŷ = tanh(e2)\n" in text
    assert float(text.split("\n")[-3].split()[2].rstrip("%")) > 96


def test_gradient_methods(tmp_path: Path) -> None:
    text = drawn("gradient_methods.py", tmp_path, "--epochs", "5")
    spread = [float(line.split()[3]) for line in text.splitlines()[1:5]]
    assert max(spread) < 1.05 * min(spread)  # the variance of a mean of n falls like 1/n
    table = text.partition("\n\n")[2].partition("\n\n")[0]
    rows = {line[:18].strip(): line[18:].split() for line in table.splitlines()[1:]}
    assert all(float(rows[name][-1].rstrip("%")) > 85 for name in ("adam", "signum", "lbfgs"))
    assert float(rows["stochastic, n = 1"][0]) < float(rows["gradient descent"][0])
    assert int(text.rsplit("steps", 1)[0].split()[-1]) < 20  # Levenberg–Marquardt


def test_early_stopping(tmp_path: Path) -> None:
    text = drawn("early_stopping.py", tmp_path, "--epochs", "60")
    rows = {line[:15].strip(): line[15:].split() for line in text.splitlines()[1:4]}
    assert int(rows["early stopping"][0]) < int(rows["to the end"][0]) == 60
    assert float(rows["to the end"][2]) > float(rows["to the end"][3])  # it rose again
    assert float(rows["dropout of ½"][2]) < float(rows["to the end"][2])


def test_every_example_is_tested() -> None:
    here = Path(__file__).read_text(encoding="utf-8")
    assert [x.name for x in EXAMPLES.glob("*.py") if f'"{x.name}"' not in here] == []


def test_ten_mistakes(tmp_path: Path) -> None:
    """The page is what the example prints."""
    page = (EXAMPLES / "ten_mistakes.md").read_text(encoding="utf-8")
    assert run("ten_mistakes.py", tmp_path) == page
    assert page.count("Wrong: ") == 10
