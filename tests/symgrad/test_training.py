"""Training modules mean what was declared: values, gradients, steps, names and errors."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sympy import MatrixSymbol, Symbol, symbols
from training_cases import CASES, SIZES, C, D, H

import symgrad as sg


@cache
def built(case: str) -> sg.TrainingModule:
    return sg.training_module(**CASES[case](), target="numpy", dtype="float64", name="model")


def example_data(module: ModuleType, rows: int = 7) -> list[np.ndarray]:
    """Random examples that fit a module's DATA."""
    rng = np.random.default_rng(3)
    arrays: list[np.ndarray] = []
    for spec in module.DATA:
        shape = (rows, *(SIZES.get(n, n) for n in spec.shape))
        if spec.classes is not None:
            arrays.append(rng.integers(SIZES.get(spec.classes, spec.classes), size=shape))
        elif spec.simplex:
            arrays.append(rng.dirichlet(np.ones(shape[-1]), shape[:-1]))
        else:
            arrays.append(rng.uniform(0.1, 0.9, shape))
    return arrays


def example_params(module: ModuleType) -> Any:
    """Random parameters of every shape, none of them zero."""
    rng = np.random.default_rng(4)
    shapes = [tuple(SIZES.get(n, n) for n in shape) for shape in module.PARAM_SHAPES.values()]
    return module.Params(*(np.asarray(rng.normal(size=shape)) for shape in shapes))


@pytest.mark.parametrize("case", CASES)
def test_gradient_agrees_with_differences(case: str) -> None:
    report = built(case).load().check_gradients()
    assert report.ok, str(report)


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_sg_function(case: str) -> None:
    given, module = CASES[case](), built(case).load()
    risk = given["loss"]
    if case not in ("regularised risk", "gated"):  # whose loss is the risk already
        risk = sg.empirical_risk(risk, given["data"])
    inputs = [*given["params"], *given["data"]]
    reference = sg.function(inputs, [risk, sg.gradient(risk, given["params"])])
    params, data = example_params(module), example_data(module)
    value, *gradients = reference(*params, *data)
    computed, found = module.value_and_grad(params, *data)
    assert computed == pytest.approx(value, rel=1e-12)
    assert module.loss(params, *data) == pytest.approx(value, rel=1e-12)
    for mine, expected, parameter in zip(found, gradients, params, strict=True):
        assert mine.shape == parameter.shape
        np.testing.assert_allclose(mine, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_an_epoch_is_a_step_for_each_minibatch(case: str) -> None:
    """Minibatches of 3, 3 and 1 rows, each averaged over its own size; params= is not touched."""
    module = built(case).load()
    start, data = example_params(module), example_data(module)
    before = [array.copy() for array in start]
    options = {"epochs": 1, "batch_size": 3, "learning_rate": 0.01, "seed": 5}
    trained, history = module.fit(*data, params=start, progress=False, **options)
    order = np.random.default_rng([5, 0]).permutation(7)
    params, total = [array.copy() for array in start], 0.0
    for rows in (order[:3], order[3:6], order[6:]):
        value, gradient = module.value_and_grad(module.Params(*params), *(x[rows] for x in data))
        params = [p - 0.01 * g for p, g in zip(params, gradient, strict=True)]
        total += len(rows) * value
    for mine, expected in zip(trained, params, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-10, atol=1e-12)
    assert history.loss[0] == pytest.approx(total / 7)
    for now, then in zip(start, before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("case", CASES)
def test_predictions_are_those_of_one_example(case: str) -> None:
    given, module = CASES[case](), built(case).load()
    if "predict" not in given:
        assert module.INPUTS == ()
        return
    params, data = example_params(module), example_data(module)
    names = [spec.name for spec in module.DATA]
    inputs = [data[names.index(name)] for name in module.INPUTS]
    leaves = [given["data"][names.index(name)] for name in module.INPUTS]
    one = sg.function([*given["params"], *leaves], given["predict"])
    predictions = module.predict(params, *inputs)
    assert len(predictions) == 7
    for k in range(7):
        expected = np.squeeze(one(*params, *(x[k] for x in inputs)))
        np.testing.assert_allclose(np.squeeze(predictions[k]), expected, rtol=1e-10)


def test_sources_pass_the_linter(tmp_path: Path) -> None:
    for case in CASES:
        built(case).save(tmp_path / f"{re.sub('[^a-z]+', '_', case)}.py")
    assert len([*tmp_path.iterdir()]) == len(CASES)
    lint(tmp_path)


def lint(path: Path) -> None:
    config = Path(__file__).parents[2] / "pyproject.toml"
    for command in (["check"], ["format", "--diff"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "--config", str(config)]
        done = subprocess.run([*ruff, str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_shapes_and_facts_are_declared() -> None:
    module = built("labels").load()
    assert module.PARAM_SHAPES == {"W": ("C", "D"), "b": ("C",)}
    assert [tuple(spec) for spec in module.DATA] == [
        ("X", ("D",), None, False),
        ("cs", (), "C", False),
    ]
    assert module.INPUTS == ("X",)
    assert built("row").load().PARAM_SHAPES == {"r": (1, "D")}
    assert built("scalars").load().PARAM_SHAPES == {"a": (), "lambda_": ()}
    assert built("simplex").load().DATA[1].simplex
    assert built("fixed sizes").load().PARAM_SHAPES == {"W": (3, 4), "v": (3,)}


# ------------------------------------------------------------------------------- the mathematics


def test_comments_are_the_declared_mathematics() -> None:
    source = built("simplex").source
    for line in ("z1 = W1·x + b1", "h = tanh(z1)", "∂loss/∂W2 = (1/N) Σ δ_f·hᵀ"):
        assert f"# {line}" in source, line
    assert "δ_f = ∂L/∂f = softmax(f) − y" in source.partition("import")[0]


def test_a_comment_says_what_its_line_computes() -> None:
    """The factor 2 has floated out of the adjoint; the comment says so, the docstring does not."""
    source = built("sum of squares").source
    assert "δ_f = ∂L/∂f = 2·(f − y)" in source.partition("import")[0]
    assert "    # δ_f = f − y\n    delta_f = f - Y\n" in source
    assert "# ∂loss/∂b2 = (1/N) Σ 2·δ_f" in source


def test_the_listing_fits_its_width() -> None:
    for case in CASES:
        assert all(len(line) <= 100 for line in built(case).source.splitlines()), case


def test_names_cannot_break_the_source(tmp_path: Path) -> None:
    """Keywords, quotes, newlines, names that the file uses itself, and two alike."""
    x = MatrixSymbol("params", D, 1)
    odd = [Symbol(s) for s in ('"""', "lambda", "a\nb", "np", "loss", "é\\", "learning_rate", "_")]
    named = sg.let("total", sg.sum(x) + odd[0] * odd[1])
    loss = sg.let("fit", named * odd[2] + odd[3] + odd[4] ** 2 + odd[5] * odd[6] * odd[7])
    made = sg.training_module(
        loss, odd, [x], predict=named, target="numpy", dtype="float64", name="odd"
    )
    assert made.load().check_gradients().ok
    lint(made.save(tmp_path / "odd.py"))


# ------------------------------------------------------------------------------------- the file


def test_saves_whole_or_not_at_all(tmp_path: Path) -> None:
    made = sg.training_module(**CASES["row"](), target="numpy", name="row")
    path = made.save(tmp_path / "row.py")
    assert path.read_text(encoding="utf-8") == made.source
    assert list(tmp_path.iterdir()) == [path]
    loaded = made.load()
    assert loaded.__file__ == str(path)
    assert loaded.NAME == "row"
    assert made.load() is loaded
    with pytest.raises(sg.DataError, match="existing folder"):
        made.save(tmp_path / "no" / "row.py")
    with pytest.raises(sg.DataError, match="existing folder"):
        made.save(tmp_path)
    assert list(tmp_path.glob("*.tmp")) == []


def test_loads_what_nobody_saved() -> None:
    module = built("scalars").load()
    assert Path(module.__file__ or "").is_file()


def test_import_is_light() -> None:
    code = "import sys, symgrad; print({'numpy', 'numba', 'scipy'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# ------------------------------------------------------------------------------------ bad input

x, c, t = MatrixSymbol("x", D, 1), sg.label("c", C), Symbol("t")
W, b, q = MatrixSymbol("W", C, D), MatrixSymbol("b", C, 1), MatrixSymbol("q", D, 1)
z = sg.let("z", W * x + b)
loss = sg.cross_entropy(sg.softmax(z), c)
wide = MatrixSymbol("w", 2 * H, 1)
k = Symbol("k", integer=True, positive=True)
BAD: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "a parameter not in the loss": (
        lambda: {"loss": loss, "params": [W, b, q], "data": [x, c]},
        "symbol q does not occur in the loss",
    ),
    "data not in the loss": (
        lambda: {"loss": loss, "params": [W, b], "data": [x, c, q]},
        "data leaf q does not occur in the loss",
    ),
    "neither parameter nor data": (
        lambda: {"loss": loss, "params": [W], "data": [x, c]},
        r"depends on b \(C\), which is neither a parameter nor data; declare it as a parameter",
    ),
    "both": (
        lambda: {"loss": loss, "params": [W, x], "data": [x, c]},
        "x is listed as a parameter and as data",
    ),
    "twice": (
        lambda: {"loss": loss, "params": [W, W], "data": [x, c]},
        "parameter W is listed twice",
    ),
    "no parameters": (
        lambda: {"loss": loss, "params": [], "data": [x, c]},
        "no parameters were given",
    ),
    "no data": (lambda: {"loss": loss, "params": [W, b], "data": []}, "no data were given"),
    "a named value": (
        lambda: {"loss": loss, "params": [z], "data": [x, c]},
        "parameter z is a value named with sg.let",
    ),
    "a probability vector": (
        lambda: {
            "loss": sg.dot(sg.simplex("s", D), x),
            "params": [sg.simplex("s", D)],
            "data": [x],
        },
        "parameter s is declared simplex, which gradient steps would not keep",
    ),
    "not a scalar": (
        lambda: {"loss": W * x, "params": [W], "data": [x]},
        "expected a scalar",
    ),
    "a prediction of something else": (
        lambda: {"loss": loss, "params": [W, b], "data": [x, c], "predict": sg.dot(q, x)},
        "prediction depends on q",
    ),
    "a prediction without data": (
        lambda: {"loss": loss, "params": [W, b], "data": [x, c], "predict": 2 * b},
        "depends on no data leaf",
    ),
    "data of another risk": (
        lambda: {"loss": sg.empirical_risk(loss, [x, c]), "params": [W, b], "data": [x, c, q]},
        "q is not among the data of the empirical risk",
    ),
    "missing data of the risk": (
        lambda: {"loss": sg.empirical_risk(loss, [x, c]), "params": [W, b], "data": [x]},
        r"list c in data",
    ),
    "data outside the risk": (
        lambda: {
            "loss": sg.empirical_risk(loss, [x, c]) + sg.dot(x, x),
            "params": [W, b],
            "data": [x, c],
        },
        "x also occurs outside the empirical risk",
    ),
    "a compound dimension": (
        lambda: {"loss": sg.dot(wide, wide) * t, "params": [wide], "data": [t]},
        r"dimension 2\*H of w is a compound expression",
    ),
    "an integer": (
        lambda: {"loss": k * loss, "params": [W, b], "data": [x, c]},
        "uses the integer k",
    ),
    "an unknown dtype": (
        lambda: {"loss": loss, "params": [W, b], "data": [x, c], "dtype": "float23"},
        "Did you mean 'float32'",
    ),
    "an unknown target": (
        lambda: {"loss": loss, "params": [W, b], "data": [x, c], "target": "nunpy"},
        "Did you mean 'numpy'",
    ),
    "no identifier": (
        lambda: {"loss": loss, "params": [W, b], "data": [x, c], "name": "my model"},
        "module name 'my model' was given; expected a Python identifier",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_sentence(case: str) -> None:
    arguments, message = BAD[case]
    with pytest.raises(sg.SymgradError, match=message):
        sg.training_module(**{"target": "numpy", **arguments()})


def test_one_name_for_two_sizes() -> None:
    n, m = symbols("n m", integer=True, positive=True)
    one, other = MatrixSymbol("W", n, 1), MatrixSymbol("W", m, 1)
    with pytest.raises(sg.DeclarationError, match="W"):
        sg.training_module(sg.sum(one) * t + sg.sum(other), [one], [t], target="numpy")
