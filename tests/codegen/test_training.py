"""Generated files as a user has them: read, run alone, trained on real data. For every target."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from training_cases import CASES

import symgrad as sg
from symgrad.codegen.targets import TARGETS, TRAINING
from symgrad.data import load_digits
from symgrad.demo import TRAINING as SETTINGS
from symgrad.demo import network

NEEDED = {
    "numpy": ("numpy",),
    "numba": ("numpy", "numba", "llvmlite", "scipy"),
}
"""The packages that the files of each target may import."""
PROBABILITIES = np.eye(10, dtype=np.float32)


@cache
def digits(target: str) -> sg.TrainingModule:
    net = network()
    declared = {"params": [*net.params], "data": [net.x, net.y], "predict": net.p}
    return sg.training_module(net.loss, **declared, target=target, name="digits")


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> str:
    """Every target."""
    name: str = request.param
    return name


def test_every_target_trains() -> None:
    assert TARGETS.keys() == TRAINING.keys() == NEEDED.keys()


def test_a_mask_is_read_row_by_row() -> None:
    """Where nothing is dropped, every row of it holds its mean, 3/4."""
    x, y = sp.MatrixSymbol("x", 2, 3), sp.MatrixSymbol("y", 2, 1)
    W, U = sp.MatrixSymbol("W", 2, 3), sp.MatrixSymbol("U", 2, 2)
    mask = sg.mask("m", 2, 3, rate=sp.Rational(1, 4))
    found = []
    for inputs, data in ((x, [x, y]), (sp.hadamard_product(x, mask), [x, y, mask])):
        first, second = sg.recurrence.rows(inputs)
        loss = sg.squared_error(sg.tanh(W * second + U * sg.tanh(W * first)), y)
        module = sg.training_module(loss, [W, U], data, target="numpy", dtype="float64").load()
        random = np.random.default_rng(0)
        params = module.Params(random.normal(size=(2, 3)), random.normal(size=(2, 2)))
        X, Y = random.normal(size=(5, 2, 3)), random.normal(size=(5, 2))
        found.append(module.value_and_grad(params, X * (1 if mask in data else 0.75), Y))
    (expected, slopes), (value, gradient) = found
    np.testing.assert_allclose(value, expected)
    for slope, wanted in zip(gradient, slopes, strict=True):
        np.testing.assert_allclose(slope, wanted)


def test_source(target: str, golden: Callable[..., None]) -> None:
    """The generated part; the fixed part has its own tests."""
    text = digits(target).source
    start, end = text.index("NAME ="), text.index("\n# Checks: ")
    golden(text[: text.index("from __future__")] + text[start:end], ".py.txt")


def test_imports_nothing_else(target: str) -> None:
    """SciPy and matplotlib are imported where a function that needs them is called."""
    tree = ast.parse(digits(target).source)

    def imported(nodes: Iterable[ast.AST]) -> set[str]:
        found = {
            (node.module if isinstance(node, ast.ImportFrom) else name.name or "").partition(".")[0]
            for node in nodes
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in node.names
        }
        return found - sys.stdlib_module_names

    guarded = [x for node in tree.body if isinstance(node, ast.Try) for x in node.body]
    assert imported([*tree.body, *guarded]) == {*NEEDED[target]} - {"scipy"}
    assert imported(ast.walk(tree)) <= {*NEEDED[target], "scipy", "matplotlib"}


@pytest.mark.parametrize("case", ["digits", "convolution", "matrix functions"])
def test_source_passes_the_linter(case: str, target: str, tmp_path: Path) -> None:
    module = (
        digits(target)
        if case == "digits"
        else sg.training_module(**CASES[case](), target=target, name="module")
    )
    path = module.save(tmp_path / f"{module.name}.py")
    config = Path(__file__).parents[2] / "pyproject.toml"
    for command in (["check"], ["format", "--diff"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "--config", str(config)]
        done = subprocess.run([*ruff, str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_long_prediction_has_lines_of_its_own(target: str) -> None:
    """A formula that is the prediction itself, with no name."""
    w, x = sp.MatrixSymbol("a_long_name", 3, 1), sp.MatrixSymbol("another_name", 3, 1)
    b, t = sp.symbols("yet_another_long_name t")
    f = sg.tanh(sg.dot(w, x)) + b
    declared = {"params": [w, b], "data": [x, t], "predict": f, "optimizers": []}
    file: Any = sg.training_module((f - t) ** 2, **declared, target=target).load()
    at = file.Params(np.ones(3), np.array(2.0))
    np.testing.assert_allclose(file.predict(at, np.ones((2, 3))), np.tanh(3) + 2, rtol=1e-6)


def test_learns_handwritten_digits(target: str) -> None:
    module, data = digits(target).load(), load_digits()
    test = data.test_images, PROBABILITIES[data.test_labels]
    params, history = module.fit(
        data.train_images,
        PROBABILITIES[data.train_labels],
        validation=test,
        progress=False,
        **SETTINGS,
    )
    predicted = module.predict(params, data.test_images).argmax(axis=1)
    accuracy = np.mean(predicted == data.test_labels)
    assert accuracy >= 0.965
    assert history.validation_accuracy[-1] == pytest.approx(accuracy)
    assert history.loss[-1] < history.loss[0] / 10
    assert module.check_gradients(params, test).ok


# ------------------------------------------------------------------------- without symgrad


@pytest.fixture
def alone(target: str, tmp_path: Path) -> Path:
    """A Python with the packages that the target needs, and no other."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True
    )
    packages = tmp_path / "packages"
    packages.mkdir()
    for name in NEEDED[target]:
        spec = find_spec(name)
        assert spec is not None and spec.origin is not None
        folder = Path(spec.origin).parent
        for found in (folder, folder.with_name(f"{name}.libs")):
            if found.exists():
                (packages / found.name).symlink_to(found, target_is_directory=True)
    python = tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    ask = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    Path(site, "packages.pth").write_text(f"{packages}\n", encoding="utf-8")
    return python


def test_runs_where_symgrad_is_not_installed(target: str, alone: Path, tmp_path: Path) -> None:
    """The command line of the file: check, fit, predict; with `fit` in another process."""
    work = tmp_path / "work"
    work.mkdir()
    digits(target).save(work / "digits.py")
    data = load_digits()
    np.savez(work / "train.npz", X=data.train_images, Y=PROBABILITIES[data.train_labels])
    np.savez(work / "test.npz", X=data.test_images)

    def run(*arguments: str, status: int = 0) -> str:
        done = subprocess.run(
            [str(alone), *arguments], cwd=work, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    for package in ("symgrad", "sympy"):
        assert "ModuleNotFoundError" in run("-c", f"import {package}", status=1)
    if "numba" not in NEEDED[target]:
        digits("numba").save(work / "compiled.py")
        sentence = "needs NumPy, Numba and SciPy (No module named 'llvmlite'): pip install numba"
        assert run("compiled.py", "info", status=2).startswith(f"This file {sentence}")
        assert f"ImportError: This file {sentence}" in run("-c", "import compiled", status=1)
    assert "ok" in run("digits.py", "check")
    assert "λ is weight_decay" in run("digits.py", "info")
    options = ["--epochs", "20", "--batch-size", "32", "--learning-rate", "0.3", "--quiet"]
    run("digits.py", "fit", "train.npz", "--out", "params.npz", *options)
    run("digits.py", "predict", "params.npz", "test.npz", "--out", "predicted.npz")
    with np.load(work / "predicted.npz") as predicted:
        classes = predicted["predictions"].argmax(axis=1)
    assert np.mean(classes == data.test_labels) > 0.95
    np.savez(work / "few.npz", X=data.test_images[:50], Y=PROBABILITIES[data.test_labels[:50]])
    assert "accuracy" in run("digits.py", "evaluate", "params.npz", "few.npz")
    assert "‖∂L/∂θ‖" in run("digits.py", "health", "params.npz", "few.npz")
    full = ["fit", "few.npz", "--epochs", "2", "--quiet", "--out", "full.npz", "--optimizer"]
    has_scipy = "scipy" in NEEDED[target]
    said = run("digits.py", *full, "lbfgs", status=0 if has_scipy else 2)
    assert has_scipy or said.endswith("optimizer 'lbfgs' needs SciPy: pip install scipy.\n")
    assert "needs a loss that is a sum of squares" in run(
        "digits.py", *full, "gauss_newton", status=2
    )
