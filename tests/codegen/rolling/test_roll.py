"""A rolled program computes what the unrolled one does, and its text does not grow with the steps.

The files run as the plain Python that they are; every new array is full of NaN, so what is read
before it is written shows.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.ma  # which reads the documentation of np.empty when it is first used
import pytest
import sympy as sp
from sympy import MatrixSymbol
from uncompiled import defined, loaded

import symgrad as sg

STEPS, INPUTS, CLASSES = 8, 2, 3
EXAMPLES, BATCH = 10, 4  # the last minibatch is a smaller one
WIDE = 17  # wider than what is kept by columns
Cells = dict[str, Any]


def classified(state: Any, params: list[Any], x: Any) -> Cells:
    """The last state is classified."""
    y, V = sg.simplex("y", CLASSES), MatrixSymbol("V", CLASSES, state.shape[0])
    p = sg.let("p", sg.softmax(V * state))
    return {
        "loss": sg.cross_entropy(p, y),
        "params": [*params, V],
        "data": [x, y],
        "predict": p,
    }


def recurrent(kind: str, steps: int = STEPS, hidden: int = 3) -> Cells:
    """One cell over the rows of x."""
    x, cell = MatrixSymbol("x", steps, INPUTS), sg.cell(kind, INPUTS, hidden)
    return classified(sg.recurrent(cell, x)[-1], cell.parameters, x)


def started(steps: int = STEPS) -> Cells:
    """The state before the first step is a parameter, so no step is peeled for it."""
    x, cell, h = (
        MatrixSymbol("x", steps, INPUTS),
        sg.cell("rnn", INPUTS, 3),
        MatrixSymbol("h_0", 3, 1),
    )
    return classified(sg.recurrent(cell, x, h)[-1], [*cell.parameters, h], x)


def backwards(steps: int = 14) -> Cells:
    """A cell that reads forwards, and one that reads backwards."""
    x = MatrixSymbol("x", steps, INPUTS)
    cells = [sg.cell("rnn", INPUTS, 3, suffix) for suffix in ("_l", "_r")]
    rows = sg.recurrence.rows(x)
    left, right = sg.recurrent(cells[0], rows), sg.recurrent(cells[1], rows[::-1], suffix="b")
    return classified(left[-1] + right[-1], [w for c in cells for w in c.parameters], x)


def every_step(steps: int = STEPS, weighted: bool = False) -> Cells:
    """A target for each step: Σₜ ‖hₜ − yₜ‖², perhaps with a weight for each."""
    x, y = MatrixSymbol("x", steps, INPUTS), MatrixSymbol("y", steps, 3)
    cell = sg.cell("rnn", INPUTS, 3)
    states = sg.recurrent(cell, x)
    terms = [
        sg.squared_error(h, row) * (sp.Rational(1, t) if weighted else 1)
        for t, (h, row) in enumerate(zip(states, sg.recurrence.rows(y), strict=True), 1)
    ]
    loss = sg.let("L", sum(terms[1:], terms[0]))
    return {"loss": loss, "params": cell.parameters, "data": [x, y], "predict": states[-1]}


def tied(steps: int = 14) -> Cells:
    """Equal layers with the same weights: the first reads x, the others a state."""
    x, W = MatrixSymbol("x", 3, 1), MatrixSymbol("W", 3, 3)
    h: Any = x
    for k in range(1, steps + 1):
        h = sg.let(f"h{k}", h + sg.tanh(W * h))
    return classified(h, [W], x)


def stacked(steps: int = STEPS) -> Cells:
    """A cell over the states of another."""
    x = MatrixSymbol("x", steps, INPUTS)
    cells = [sg.cell("rnn", INPUTS, 3, "_a"), sg.cell("rnn", 3, 2, "_b")]
    states = sg.recurrent(cells[0], x)
    last = sg.recurrent(cells[1], states, suffix="u")[-1]
    return classified(last, [w for c in cells for w in c.parameters], x)


def alike(steps: int = 14) -> Cells:
    """hₜ and h_t are two values with one name but for the number; x is read from its end."""
    x, cell = MatrixSymbol("x", steps, INPUTS), sg.cell("rnn", INPUTS, 3)
    W, U, _ = cell.parameters
    h: Any = sp.ZeroMatrix(3, 1)
    for t, row in enumerate(sg.recurrence.rows(x)[::-1], 1):
        z = sg.let(f"h_{t}", sg.tanh(W * row + (U * h if t > 1 else h)))
        h = sg.let(f"h{t}", sg.sigmoid(U * z))
    return classified(h, [W, U], x)


def attentive(steps: int = 14) -> Cells:
    """Each state has a weight of its own in what is classified."""
    x, q, cell = (
        MatrixSymbol("x", steps, INPUTS),
        MatrixSymbol("q", 3, 1),
        sg.cell("rnn", INPUTS, 3),
    )
    states = sg.recurrent(cell, x)
    parts = [sg.sigmoid((q.T * h)[0, 0]) * h for h in states]
    return classified(sp.MatAdd(*parts), [*cell.parameters, q], x)


def projected(steps: int = 14) -> Cells:
    """Σₜ (qᵀ·hₜ − uₜ)²: entries of a vector are scalars, and have no t when no batch is there."""
    x, q, u = MatrixSymbol("x", steps, INPUTS), MatrixSymbol("q", 3, 1), MatrixSymbol("u", steps, 1)
    cell = sg.cell("rnn", INPUTS, 3)
    states = sg.recurrent(cell, x)
    terms = [((q.T * h)[0, 0] - u[t, 0]) ** 2 for t, h in enumerate(states)]
    loss = sg.let("L", sum(terms[1:], terms[0]))
    return {"loss": loss, "params": [*cell.parameters, q], "data": [x, u], "predict": states[-1]}


NETWORKS: dict[str, Callable[[], Cells]] = {
    "projected": projected,
    "elman": lambda: recurrent("rnn"),
    "wide": lambda: recurrent("rnn", hidden=WIDE),
    "every step": every_step,
    "tied": tied,
    "started": started,
    "backwards": backwards,
    "stacked": stacked,
    "alike": alike,
    "attentive": attentive,
    "lstm": lambda: recurrent("lstm"),
    "gru": lambda: recurrent("gru"),
}
QUICK = [("elman", "float64", "adam")]
RUNS = [
    pytest.param(name, *how, marks=[] if (name, *how) in QUICK else pytest.mark.slow)
    for name in NETWORKS
    for how in (("float64", "adam"), ("float32", "sgd"))
]


@cache
def source(name: str, dtype: str = "float64", without: str = "", target: str = "numba") -> str:
    """The file of a network."""
    options = {"target": target, "dtype": dtype, "without": [without] if without else []}
    return sg.training_module(**NETWORKS[name](), optimizers=["sgd", "adam"], **options).source


def undefined(shape: Any, dtype: Any = float, order: str = "C") -> np.ndarray:
    """np.empty, with what is never a right answer in it."""
    return np.full(shape, np.nan if np.dtype(dtype).kind == "f" else 99, dtype)


def results(text: str, dtype: str, optimizer: str) -> list[np.ndarray]:
    """Parameters and losses of a few steps; loss, gradient and prediction at the end."""
    module = loaded(text)
    random = np.random.default_rng(0)
    data = [
        np.eye(CLASSES, dtype=dtype)[random.integers(0, CLASSES, EXAMPLES)]
        if spec.simplex
        else random.normal(size=(EXAMPLES, *spec.shape)).astype(dtype)
        for spec in module.DATA
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "empty", undefined)
        params, history = module.fit(
            *data, epochs=1, batch_size=BATCH, optimizer=optimizer, learning_rate=0.1,
            progress=False,
        )  # fmt: skip
        value, gradient = module.value_and_grad(params, *data)
        predicted = module.predict(params, data[0])
        loss = module.loss(params, *data)
    return [*params, history.loss, np.array(value), *gradient, predicted, np.array(loss)]


def loop(text: str) -> str:
    """The function that trains."""
    start = text.index("def _folded_steps(")
    return text[start : text.index("\n\n\n", start)]


@pytest.mark.parametrize(("name", "dtype", "optimizer"), RUNS)
def test_rolled_is_unrolled(name: str, dtype: str, optimizer: str) -> None:
    """Both targets, beside NumPy without loops."""
    tolerance = 400 * np.finfo(dtype).eps
    expected = results(source(name, dtype, "roll", "numpy"), dtype, optimizer)
    for target in ("numba", "numpy"):
        text = source(name, dtype, target=target)
        assert "for t in range(" in text or (target, name) == ("numpy", "backwards")
        for a, b in zip(results(text, dtype, optimizer), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_left_out(name: str) -> None:
    """Without the pass there is no loop over t, and the results are the same."""
    text = source(name, without="roll")
    assert "for t in range(" not in text
    pairs = zip(
        results(text, "float64", "sgd"), results(source(name), "float64", "sgd"), strict=True
    )
    for a, b in pairs:
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "kind", ["rnn", *(pytest.param(x, marks=pytest.mark.slow) for x in ("lstm", "gru"))]
)
def test_the_text_does_not_grow_with_the_steps(kind: str) -> None:
    """As many loops, products and arrays for twice the steps, and hardly a line more."""
    counts, lines = [], []
    for steps in (10, 20):
        options = {"target": "numba", "dtype": "float64", "optimizers": ["sgd"]}
        text = loop(sg.training_module(**recurrent(kind, steps), **options).source)
        counts.append([text.count("for "), text.count("gemm("), text.count("folded")])
        lines.append(sum(not x.lstrip().startswith("#") for x in text.splitlines()))
    assert counts[0] == counts[1]
    assert abs(lines[0] - lines[1]) <= 3  # longer names, shorter lines


def test_one_loop_forwards_and_one_back() -> None:
    """They walk over arrays that were made before: nothing is allocated in a step."""
    text = loop(source("elman"))
    forwards, back = re.findall(r"for t in range\((\d+), (-?\d+)(.*)\):", text)
    assert int(forwards[1]) - int(forwards[0]) == int(back[0]) - int(back[1]) == STEPS - 1
    assert (forwards[2], back[2]) == ("", ", -1")
    assert not re.search(r"np\.(empty|zeros|ones|array|copy)|\.copy\(", text)
    assert "# h[t] = tanh(U_h·h[t − 1] + " in text


def test_matrices_are_turned_before_the_steps() -> None:
    """A copy in each step of training, of the values before its update; the results are the same.

    Only of what is read in the slow order: the way back reads U as it is.
    """
    plain, turned = source("wide", without="turn"), source("wide")
    assert "U_h.T" in loop(plain) and "U_h_T" not in plain
    text = loop(turned)
    before, steps = text.split("for t in range(", 1)
    assert re.search(r"U_h_T\[(\w), (\w)\] = U_h\[\2, \1\]", before)
    assert "h_before, U_h_T," in steps and "U_h," in steps and "U_h.T" not in steps
    pairs = zip(results(turned, "float64", "sgd"), results(plain, "float64", "sgd"), strict=True)
    for a, b in pairs:
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_a_network_without_repeated_steps_is_as_before() -> None:
    """Three layers with weights of their own."""
    x, h = MatrixSymbol("x", 3, 1), MatrixSymbol("x", 3, 1)
    layers = [MatrixSymbol(f"W{k}", 3, 3) for k in range(1, 4)]
    for W in layers:
        h = sg.tanh(W * h)
    built = [
        sg.training_module(**classified(h, layers, x), target="numba", without=names).source
        for names in ([], ["roll"])
    ]
    assert built[0] == built[1]


@pytest.mark.parametrize("steps", [6, 14])
def test_a_function_without_a_batch(steps: int) -> None:
    """Its states are vectors, so that sums over one of them are numbers."""
    net = projected(steps)
    given = [*net["params"], *net["data"]]
    derivation = sg.gradient(net["loss"], net["params"])
    wanted = [net["loss"], *(derivation[w] for w in net["params"])]
    random = np.random.default_rng(0)
    arrays: list[np.ndarray] = []
    found = []
    for target in ("numpy", "numba"):
        source = sg.function(given, wanted, target=target).source
        compute = defined(source)
        if not arrays:
            names = inspect.signature(compute).parameters
            shapes = {str(x): tuple(n for n in map(int, x.shape) if n != 1) for x in given}
            arrays = [random.normal(size=shapes[name]) / 2 for name in names]
        found.append(compute(*arrays))
    assert ("for t in" in source) == (steps == 14)
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
