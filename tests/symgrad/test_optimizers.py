"""Update rules mean what their sources say, in every target, and rules of a user's own too."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sympy as sp
from optimizer_reference import REFERENCE, trained

import symgrad as sg
from symgrad.errors import DeclarationError, UnsupportedError
from symgrad.optimizers import OPTIMIZERS
from symgrad.update_programs import update_spec

STEPS, ROWS, RATE, DECAY = 100, 4, 0.02, 0.1
theta, g, eta, t, m, mu = sp.symbols("theta g eta t m mu")

LION = sg.optimizer(
    "lion",
    {theta: theta - eta * sp.sign(mu * m + (1 - mu) * g), m: mu * m + (1 - mu) * g},
    state={m: 0},
    options={mu: 0.9},
    source="Chen et al., 2023, with one β",
)
SWAPPED = sg.optimizer(
    "swapped", [(m, g), (theta, theta - eta * m), (m, theta)], state={m: 1.5}
)  # each formula sees the new values of those before it

v, k = sp.symbols("v k")
MOVED = [
    sg.optimizer(f"moved{n}", updates, state={m: 0.3, v: 0.2}, options={k: 0.5})
    for n, updates in enumerate(
        (
            [(g, theta), (theta, m), (m, g)],
            [(g, theta), (theta, m), (m, v), (v, g)],
            [(m, theta), (v, theta), (theta, theta - eta * g)],
            [(m, theta - eta * g), (v, m), (theta, m)],
            [(g, theta - eta * g), (theta, k * (m + v)), (v, g), (m, k * g + eta)],
            [(g, sp.tanh(v * m)), (v, theta * k), (m, eta * v), (theta, theta - eta * g)],
            [(theta, sp.Integer(0))],
        )
    )
]
"""Rules whose arrays change places, so that what is written first may still have to be read."""


@cache
def module(target: str) -> ModuleType:
    """Softmax regression 5-3 on 12 examples, in float64."""
    x, y = sp.MatrixSymbol("x", 5, 1), sg.simplex("y", 3)
    W, b = sp.MatrixSymbol("W", 3, 5), sp.MatrixSymbol("b", 3, 1)
    loss = sg.cross_entropy(sg.softmax(W * x + b), y)
    rules = [*OPTIMIZERS, LION, SWAPPED, *MOVED]
    built = sg.training_module(
        loss,
        [W, b],
        [x, y],
        target=target,
        dtype="float64",
        name=f"rules_{target}",
        optimizers=rules,
    )
    return built.load()


@cache
def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(12, 5)), rng.dirichlet(np.ones(3), 12)


def start() -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.normal(size=(3, 5)), rng.normal(size=3)]


def order() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 12, STEPS * ROWS)


def gradient(params: Sequence[np.ndarray], rows: np.ndarray) -> list[np.ndarray]:
    """p − y, by hand."""
    X, Y = (array[rows] for array in data())
    scores = X @ params[0].T + params[1]
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    delta = (e / e.sum(axis=1, keepdims=True) - Y) / len(rows)
    return [delta.T @ X, delta.sum(axis=0)]


def run(
    file: Any, rule: str, clip: float = np.inf, frozen: bool = False, **options: float
) -> tuple[list[np.ndarray], np.ndarray]:
    """100 steps of a rule, and its state after them."""
    X, Y = data()
    spec = file.OPTIMIZERS[rule]
    begun = file._new_run(file.Params(*start()), [*spec.state.values()], file.F_ORDER)
    params, flat, state = begun.params, begun.theta, begun.state
    rates, times = np.full(STEPS, RATE), np.arange(1.0, STEPS + 1)
    losses, segments = np.zeros(STEPS), np.array([[0, 15] if frozen else [0, 18]])
    numbers = spec.coefficients(rates, times, **options)
    work = file._workspace(params, ROWS, X, Y)
    done = file._steps(
        rule, params, flat, state, order(), ROWS, numbers, clip, segments, losses, work, X, Y
    )
    assert done == STEPS
    assert np.isfinite(losses).all()
    rows = file._row_by_row(params, state)
    return [params.W, params.b], rows


@pytest.fixture(params=["numpy", "numba"])
def file(request: pytest.FixtureRequest) -> ModuleType:
    return module(request.param)


def test_every_rule_has_a_reference() -> None:
    assert OPTIMIZERS.keys() == REFERENCE.keys()
    assert all(rule.source for rule in OPTIMIZERS.values())


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        *(("numpy", rule) for rule in OPTIMIZERS),
        ("numba", "adam"),
        # Each compiles for a second, and what differs between them is one elementwise program.
        *(pytest.param("numba", x, marks=pytest.mark.slow) for x in OPTIMIZERS if x != "adam"),
    ],
)
def test_a_rule_is_its_reference(target: str, rule: str) -> None:
    batches = order().reshape(STEPS, ROWS)
    expected = trained(REFERENCE[rule], gradient, start(), batches, RATE, DECAY)
    found, _ = run(module(target), rule, weight_decay=DECAY)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_the_reference_is_pytorch(rule: str) -> None:
    torch = pytest.importorskip("torch")
    classes = {
        "sgd": (torch.optim.SGD, {}),
        "momentum": (torch.optim.SGD, {"momentum": 0.9}),
        "nesterov": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
        "adagrad": (torch.optim.Adagrad, {}),
        "rmsprop": (torch.optim.RMSprop, {}),
        "adam": (torch.optim.Adam, {}),
        "adamw": (torch.optim.AdamW, {}),
    }
    make, options = classes[rule]
    params = [torch.tensor(x, requires_grad=True) for x in start()]
    optimizer = make(params, lr=RATE, weight_decay=DECAY, **options)
    batches = order().reshape(STEPS, ROWS)
    for rows in batches:
        X, Y = (torch.tensor(array[rows]) for array in data())
        optimizer.zero_grad()
        scores = X @ params[0].T + params[1]
        (-(Y * torch.log_softmax(scores, 1)).sum(1).mean()).backward()
        optimizer.step()
    expected = trained(REFERENCE[rule], gradient, start(), batches, RATE, DECAY)
    for a, b in zip(params, expected, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b, rtol=1e-12, atol=1e-14)


def test_plain_descent_is_the_folded_loop(file: Any) -> None:
    X, Y = data()
    params = file._new_run(file.Params(*start()), [], file.F_ORDER).params
    losses = np.zeros(STEPS)
    work = file._workspace(params, ROWS, X, Y)
    file._sgd_steps(params, order(), ROWS, np.full(STEPS, RATE), losses, work, X, Y)
    for a, b in zip(params, run(module("numpy"), "sgd")[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_a_gradient_is_clipped_to_a_norm(file: ModuleType) -> None:
    def clipped(params: Sequence[np.ndarray], rows: np.ndarray) -> list[np.ndarray]:
        slopes = gradient(params, rows)
        norm = np.sqrt(sum(np.sum(x * x) for x in slopes))
        return [x * min(1.0, 0.05 / (norm + 1e-6)) for x in slopes]

    batches = order().reshape(STEPS, ROWS)
    expected = trained(REFERENCE["adam"], clipped, start(), batches, RATE, 0.0)
    found, _ = run(file, "adam", clip=0.05)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_what_is_frozen_stays(file: ModuleType) -> None:
    (W, b), state = run(file, "adam", frozen=True)
    assert (b == start()[1]).all()
    assert (start()[0] != W).all()
    assert not state[:, 15:].any()


def test_a_rule_of_ones_own() -> None:
    def lion(w: Any, g: Any, s: Any, t: int, lr: float, decay: float) -> Any:
        step = lr * np.sign(0.9 * s.get("m", 0.0) + 0.1 * g)
        s["m"] = 0.9 * s.get("m", 0.0) + 0.1 * g
        return w - step

    batches = order().reshape(STEPS, ROWS)
    expected = trained(lion, gradient, start(), batches, RATE, 0.0)
    for a, b in zip(run(module("numpy"), "lion")[0], expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


def test_formulas_are_computed_in_their_order(file: ModuleType) -> None:
    (W, b), state = run(file, "swapped")
    np.testing.assert_array_equal(state[0], np.concatenate([W.ravel(), b]))
    for a, c in zip((W, b), run(module("numpy"), "sgd")[0], strict=True):
        np.testing.assert_allclose(a, c, rtol=1e-12)


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        pytest.param(target, rule, marks=[pytest.mark.slow] * (target == "numba" and k != 1))
        for target in ("numpy", "numba")
        for k, rule in enumerate(MOVED)
    ],
)
def test_arrays_change_places(target: str, rule: sg.Optimizer) -> None:
    """Each step against the formulas, evaluated one after the other by SymPy."""
    symbols = [*rule.state, *sp.symbols("theta g eta k", real=True)]
    formulas = [(x, sp.lambdify(symbols, value)) for x, value in rule.updates]

    def by_sympy(w: Any, g: Any, s: Any, t: int, lr: float, decay: float) -> Any:
        first = [s.get(x, 0 * w + value) for x, value in rule.state.items()]
        now = dict(zip(symbols, [*first, w, g, lr, 0.5], strict=True))
        for x, formula in formulas:
            now[x] = formula(*now.values()) + 0 * w
        s.update({x: now[x] for x in rule.state})
        return now[symbols[-4]]

    batches = order().reshape(STEPS, ROWS)
    expected = trained(by_sympy, gradient, start(), batches, RATE, 0.0)
    for a, b in zip(run(module(target), rule.name, k=0.5)[0], expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("rule", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_an_update_is_one_pass(rule: sg.Optimizer) -> None:
    from symgrad.codegen.targets.numba_steps import update

    text = update(update_spec(rule, frozenset()), "float32", frozenset())
    assert text.count("for i in range(") == 1
    assert "np.empty" not in text


def test_only_the_optimizer_in_use_is_compiled() -> None:
    file: Any = module("numba")
    run(file, "adam")
    assert file._adam_update.signatures
    assert not file._nesterov_update.signatures  # which no test of this file runs by default


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("x", {g: g}), "never updates theta"),
        (("x", {theta: theta - eta * sp.Symbol("q")}), "uses q, which is none of"),
        (("x", {sp.Symbol("q"): g, theta: theta}), "updates q"),
        (("two words", {theta: theta}), "expected one word"),
        (("x", {theta: theta}, {"g": 0}), "two meanings"),
        (("x", {theta: theta}, {"m": "much"}), "expected a number"),
        (("x", {theta: theta}, {"numbers": 0}), "numbers was given as a name in the optimizer x"),
        (("x", {theta: theta}, {"lambda": 0}), "expected one that Python allows"),
    ],
)
def test_what_is_no_rule(arguments: tuple[Any, ...], sentence: str) -> None:
    name, updates, *state = arguments
    with pytest.raises(DeclarationError, match=sentence):
        sg.optimizer(name, updates, state=state[0] if state else None)


def test_names_that_a_file_has_as_well() -> None:
    """An optimizer, what it keeps and its options are called like other parts of the file."""
    x, y, w, c1, c2 = sp.symbols("x y w c1 c2")
    updates = [(c1, c2 * c1 + g * eta * (1 - c2)), (theta, theta - c1 * c2 * eta)]
    rules = [
        sg.optimizer(name, updates, state={c1: 0}, options={c2: 0.5}) for name in ("loss", "steps")
    ]
    loss, data = (w * x - y) ** 2, np.arange(5.0)
    file: Any = sg.training_module(loss, [w], [x, y], target="numpy", optimizers=rules).load()
    options = {"epochs": 2, "batch_size": 2, "learning_rate": 0.1, "progress": False}
    (_, one), (_, other) = (file.fit(data, data, optimizer=x.name, **options) for x in rules)
    np.testing.assert_array_equal(one.loss, other.loss)
    with pytest.raises(DeclarationError, match="named lbfgs, which every file has already"):
        sg.training_module(
            (w * x - y) ** 2, [w], [x, y], optimizers=[sg.optimizer("lbfgs", {theta: theta - g})]
        )


def test_an_unknown_optimizer_names_the_nearest() -> None:
    x, y, w = sp.symbols("x y w")
    with pytest.raises(UnsupportedError, match="Did you mean 'adam'"):
        sg.training_module((w * x - y) ** 2, [w], [x, y], optimizers=["adan"])
    with pytest.raises(DeclarationError, match="two optimizers are named adam"):
        sg.training_module(
            (w * x - y) ** 2, [w], [x, y], optimizers=["adam", sg.optimizer("adam", {theta: theta})]
        )


def test_formulas_read_like_a_textbook() -> None:
    assert OPTIMIZERS["momentum"].formula == "g ← θ·λ + g; m ← μ·m + g; θ ← θ − η·m"
    assert OPTIMIZERS["adam"].formula.endswith(
        "θ ← θ − η·m/((1 − β1^t)·(ε + sqrt(v)/sqrt(1 − β2^t)))"
    )
