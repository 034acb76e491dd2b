"""Every pass by its name: it changes the source, and no result."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from sympy import MatrixSymbol, symbols
from uncompiled import loaded

import symgrad as sg
from symgrad.codegen.narrow import WIDEST
from symgrad.codegen.passes import PASSES, left_out

NUMPY = ("scale", "dot", "overwrite")
"""Passes of the NumPy target; the others are of the Numba target."""
STEPS = 6
CLASSES, EXAMPLES, BATCH = 3, 10, 4  # the last minibatch is a smaller one
KIND = {"roll": "recurrent", "last": "images", "divide": "sizes"}
"""The network in which a pass is at work, where it is not in every one."""
SHAPES = {"recurrent": (STEPS, 3), "images": (8, 7)}


def declared(kind: str) -> dict[str, Any]:
    """A network; ``kind`` says what its targets are. With probabilities it has a layer twice."""
    if kind == "recurrent":
        cell, steps = sg.cell("rnn", 3, 4), MatrixSymbol("x", STEPS, 3)
        V, y = MatrixSymbol("V", CLASSES, 4), sg.simplex("y", CLASSES)
        p = sg.softmax(V * sg.recurrent(cell, steps)[-1])
        loss = sg.cross_entropy(p, y)
        return {"loss": loss, "params": [*cell.parameters, V], "data": [steps, y], "predict": p}
    if kind == "images":
        return images()
    if kind == "sizes":
        D, H = symbols("D H", integer=True, positive=True)
        x, y = MatrixSymbol("x", D, 1), sg.simplex("y", CLASSES)
        W, V, b = MatrixSymbol("W", H, D), MatrixSymbol("V", CLASSES, H), MatrixSymbol("b", H, 1)
        p = sg.softmax(V * sg.let("h", sg.relu(W * x + b)))
        loss = sg.cross_entropy(p, y)
        return {"loss": loss, "params": [W, b, V], "data": [x, y], "predict": p}
    x = MatrixSymbol("x", 5, 1)
    y = sg.label("c", CLASSES) if kind == "labels" else sg.simplex("y", CLASSES)
    W1, b1 = MatrixSymbol("W1", 6, 5), MatrixSymbol("b1", 6, 1)
    W2, b2 = MatrixSymbol("W2", CLASSES, 6), MatrixSymbol("b2", CLASSES, 1)
    h = sg.let("h", sg.tanh(W1 * x + b1))
    params = [W1, b1, W2, b2]
    if kind == "probabilities":
        U = MatrixSymbol("U", 6, 6)
        h = sg.let("h3", sg.tanh(U * sg.let("h2", sg.tanh(U * h))))
        params.append(U)
    p = sg.let("p", sg.softmax(sg.let("z2", W2 * h + b2)))
    loss = sg.let("L", sg.cross_entropy(p, y))
    return {"loss": loss, "params": params, "data": [x, y], "predict": p}


def images() -> dict[str, Any]:
    """A convolution of one channel, padded, a pool, another convolution, and all its features."""
    from sympy import IndexedBase, Sum

    x, y = IndexedBase("x", shape=(1, 8, 7)), sg.simplex("y", CLASSES)
    K, b = IndexedBase("K", shape=(2, 1, 3, 2)), MatrixSymbol("b", 2, 1)
    C, V = IndexedBase("C", shape=(4, 2, 2, 2)), IndexedBase("V", shape=(CLASSES, 4, 3, 3))
    h = sg.let("h", sg.max_pool2d(sg.relu(sg.conv2d(x, K, b, padding=1)), 2))
    g = sg.let("g", sg.tanh(sg.conv2d(h, C)))
    n, c, i, j = symbols("n c i j", integer=True)
    scores = Sum(V[n, c, i, j] * g[c, i, j], (c, 0, 3), (i, 0, 2), (j, 0, 2))
    p = sg.softmax(sg.let("z", scores, n))
    return {"loss": sg.cross_entropy(p, y), "params": [K, b, C, V], "data": [x, y], "predict": p}


def target_of(name: str) -> str:
    """Where a pass is at work."""
    return "numpy" if name in NUMPY else "numba"


@cache
def source(kind: str, dtype: str, without: str = "", target: str = "numba") -> str:
    """The file of a target, without one pass."""
    options = {"target": target, "dtype": dtype, "without": [without] if without else []}
    return sg.training_module(**declared(kind), optimizers=["adam"], **options).source


@cache
def trained(
    kind: str,
    dtype: str,
    optimizer: str,
    without: str = "",
    target: str = "numba",
    shared: bool = False,
) -> list[np.ndarray]:
    """Parameters and losses after a few steps, and the gradient at the end.

    Not compiled: that would take a second each. If ``shared``, two threads share each minibatch,
    though it is small: the units of a layer, or the rows, whose halves one thread may compute.
    """
    module = loaded(source(kind, dtype, without, target))
    if shared:
        vars(module).update(_is_divided=lambda *_: True, _is_halved=lambda *_: True)
    random = np.random.default_rng(0)
    shape = SHAPES.get(kind, (5,))
    X = random.normal(size=(EXAMPLES, *shape)).astype(dtype)
    if kind != "sizes":
        X = X.reshape(EXAMPLES, *module.DATA[0].shape)
    c = random.integers(0, CLASSES, EXAMPLES)
    y = c if kind == "labels" else np.eye(CLASSES, dtype=dtype)[c]
    settings = {"epochs": 2, "batch_size": BATCH, "optimizer": optimizer, "progress": False}
    sizes = {"H": 7} if kind == "sizes" else {}
    params, history = module.fit(X, y, learning_rate=0.1, **settings, **sizes)
    value, gradient = module.value_and_grad(params, X, y)
    return [*params, history.loss, np.array(value), *gradient]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize(("kind", "dtype"), [("probabilities", "float32"), ("labels", "float64")])
@pytest.mark.parametrize("name", PASSES)
def test_changes_no_result(name: str, kind: str, dtype: str, optimizer: str) -> None:
    kind = KIND.get(name, kind)
    tolerance = 200 * np.finfo(dtype).eps
    target = target_of(name)
    without = trained(kind, dtype, optimizer, name, target)
    usual = trained(kind, dtype, optimizer, "", target, shared=name in ("halve", "divide"))
    for a, b in zip(usual, without, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", [x for x in PASSES if x not in NUMPY])
def test_does_something(name: str) -> None:
    """A pass that leaves every file as it is would pass the test above."""
    kind = KIND.get(name, "probabilities")
    assert source(kind, "float64") != source(kind, "float64", name)


@pytest.mark.parametrize("name", NUMPY)
def test_does_something_in_numpy(name: str) -> None:
    files = [source("probabilities", "float32", x, "numpy") for x in ("", name)]
    assert files[0] != files[1]


@pytest.mark.parametrize("kind", ["probabilities", "labels"])
def test_narrow_values_are_columns(kind: str) -> None:
    """Every loop over the three classes is outside, over the examples inside."""
    text = source(kind, "float64")
    loop = text[text.index("def _folded_steps") :]
    loop = loop[: loop.index("\n\n\n")]
    step = loop[loop.index("learning_rate = ") :]
    assert "for i in range(3):\n            for j in range(size):" in step
    assert "for j in range(3):" not in step
    assert "(3, N)" in step


def test_loops_over_images_end_in_examples() -> None:
    """And every product is one of matrices as they lie, with no loop around it."""
    text = source("images", "float64")
    loop = text[text.index("def _folded_steps") :]
    lines = loop[: loop.index("\n\n\n")].splitlines()
    step = lines[next(k for k, x in enumerate(lines) if "learning_rate = " in x) :]
    loops = [k for k, x in enumerate(step) if x.strip().startswith("for ")]
    inner = [step[k] for k in loops if not step[k + 1].strip().startswith("for ")]
    deep = [x for x in inner if len(x) - len(x.lstrip()) > 16]
    assert len(deep) > 8
    assert all("range(size)" in x for x in deep if "range(2)" not in x)
    products = [x for x in step if "gemm(" in x]
    assert len(products) == 8
    assert all(x.startswith(" " * 8 + "gemm(") for x in products)
    assert not any("V[" in x for x in step)


def test_products_of_a_sum_are_not_kept() -> None:
    """∂L/∂U is a sum of two products, and both are added to U where they are computed."""
    loops = []
    for without in ("", "accumulate"):
        text = source("probabilities", "float64", without)
        loop = text[text.index("def _folded_steps") :]
        loops.append(loop[: loop.index("\n\n\n")])
    assert loops[0].count("1.0, U)") == 2
    assert "U[i, j] -= " in loops[1]
    assert loops[0].count("= folded") == loops[1].count("= folded") - 2


def test_products_add_up_in_the_order_in_which_they_run() -> None:
    """δ_h is a sum of three products of one depth, which are not read in the order they run in."""
    x, y = MatrixSymbol("x", 5, 1), sg.simplex("y", CLASSES)
    W, V = MatrixSymbol("W", 6, 5), MatrixSymbol("V", CLASSES, 6)
    gates = [MatrixSymbol(f"U{k}", 6, 6) for k in range(1, 4)]
    h = sg.let("h", sg.tanh(W * x))
    p = sg.let("p", sg.softmax(V * sum((sg.tanh(U * h) for U in gates[1:]), sg.tanh(gates[0] * h))))
    model = {"loss": sg.cross_entropy(p, y), "params": [W, V, *gates], "data": [x, y]}
    random = np.random.default_rng(0)
    data = [random.normal(size=(4, 5)), np.eye(CLASSES)[[0, 1, 2, 0]]]
    gradients = []
    for without in ([], ["accumulate"]):
        options = {"target": "numba", "dtype": "float64", "optimizers": ["sgd"]}
        module = loaded(sg.training_module(**model, **options, without=without).source)
        gradients.append(module.value_and_grad(module.init(0), *data)[1])
    for a, b in zip(*gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_wide_values_stay_rows() -> None:
    x, y = MatrixSymbol("x", 4, 1), sg.simplex("y", WIDEST + 1)
    W = MatrixSymbol("W", WIDEST + 1, 4)
    loss = sg.cross_entropy(sg.let("p", sg.softmax(W * x)), y)
    built = [
        sg.training_module(loss, [W], [x, y], optimizers=["sgd"], without=names).source
        for names in ([], ["narrow"])
    ]
    assert built[0] == built[1]


def test_unknown_pass() -> None:
    with pytest.raises(sg.UnsupportedError, match=r"'fuze' was to be left out.*mean 'fuse'"):
        left_out(["fuze"])
    with pytest.raises(sg.UnsupportedError, match="'narow'"):
        sg.training_module(**declared("labels"), without=["narow"])


def test_one_name_may_stand_alone() -> None:
    assert left_out("fold") == {"fold"}
