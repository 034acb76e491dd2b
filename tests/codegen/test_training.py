"""Generated files as a user has them: read, run alone, trained on real data. For every target."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from training_cases import CASES, SIZES

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


def test_source(target: str, golden: Callable[..., None]) -> None:
    """The generated part; the fixed part has its own tests."""
    text = digits(target).source
    start, end = text.index("NAME ="), text.index("# Checks: ")
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

    assert imported(tree.body) <= {*NEEDED[target]}
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


AGREE = ["labels", "row", "logistic", "gated", "convolution", "matrix functions"]


SLOW = ("gated", "matrix functions", "convolution")
"""Cases that Numba takes long to compile."""


@pytest.mark.parametrize(
    "case", [pytest.param(x, marks=[pytest.mark.slow] * (x in SLOW)) for x in AGREE]
)
@pytest.mark.parametrize("other", [x for x in TARGETS if x != "numpy"])
def test_targets_agree(case: str, other: str) -> None:
    """Labels, a row vector, a scalar: loss, gradient, predictions and a trained epoch."""
    expected, computed = (
        sg.training_module(**CASES[case](), target=t, dtype="float64", name=f"agree_{t}").load()
        for t in ("numpy", other)
    )
    rng = np.random.default_rng(1)
    data = [example_array(rng, spec) for spec in expected.DATA]
    params = expected.init(2, **{n: SIZES[n] for n in dims(expected)})
    params = params._replace(**{params._fields[0]: rng.normal(size=params[0].shape)})
    values = []
    for module in (expected, computed):
        point = module.Params(*params)
        inputs = [
            x for x, spec in zip(data, module.DATA, strict=True) if spec.name in module.INPUTS
        ]
        options: dict[str, Any] = {"epochs": 2, "batch_size": 3, "learning_rate": 0.1}
        trained, history = module.fit(*data, params=point, progress=False, **options)
        value, gradient = module.value_and_grad(point, *data)
        loss, predicted = module.loss(point, *data), module.predict(point, *inputs)
        values.append([value, loss, predicted, history.loss, *gradient, *trained])
    for mine, reference in zip(values[1], values[0], strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-9, atol=1e-12)


def dims(module: ModuleType) -> set[str]:
    return {n for shape in module.PARAM_SHAPES.values() for n in shape if isinstance(n, str)}


def example_array(rng: np.random.Generator, spec: Any) -> np.ndarray:
    if spec.classes is not None:
        return rng.integers(SIZES.get(spec.classes, spec.classes), size=7)
    return rng.uniform(0.1, 0.9, (7, *(SIZES.get(n, n) for n in spec.shape)))


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
    assert "ok" in run("digits.py", "check")
    options = ["--epochs", "20", "--batch-size", "32", "--learning-rate", "0.3", "--quiet"]
    run("digits.py", "fit", "train.npz", "--out", "params.npz", *options)
    run("digits.py", "predict", "params.npz", "test.npz", "--out", "predicted.npz")
    with np.load(work / "predicted.npz") as predicted:
        classes = predicted["predictions"].argmax(axis=1)
    assert np.mean(classes == data.test_labels) > 0.95
