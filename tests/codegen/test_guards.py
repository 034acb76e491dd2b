"""What one training step costs, counted in the source, so that a regression fails on any machine.

A time depends on the machine's mood; how many products a step calls, how often it walks over an
array, what it keeps and how long its text is do not. A change that makes one of these larger has
to say so here.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from importlib import resources
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from sympy import MatrixSymbol
from uncompiled import loaded

import symgrad as sg


class Cost(NamedTuple):
    """Of one step: calls of BLAS, loops over arrays, functions of an element, and what is kept.

    ``kept`` are the numbers in the buffers for a minibatch of 64; ``lines`` those of the source.
    """

    products: int
    loops: int
    functions: int
    kept: int
    lines: int


def dense(*sizes: int, hidden: Callable[[Any], Any] = sg.tanh) -> sg.TrainingModule:
    """A classifier with softmax and cross-entropy."""
    x = h = MatrixSymbol("x", sizes[0], 1)
    y, params = sg.simplex("y", sizes[-1]), []
    for k, (into, out) in enumerate(pairwise(sizes), 1):
        W, b = MatrixSymbol(f"W{k}", out, into), MatrixSymbol(f"b{k}", out, 1)
        z = sg.let(f"z{k}", W * h + b)
        h = sg.let(f"h{k}", hidden(z)) if k < len(sizes) - 1 else sg.let("p", sg.softmax(z))
        params += [W, b]
    return sg.training_module(sg.cross_entropy(h, y), params, [x, y], optimizers=["sgd"])


def autoencoder() -> sg.TrainingModule:
    x = MatrixSymbol("x", 784, 1)
    W1, b1 = MatrixSymbol("W1", 32, 784), MatrixSymbol("b1", 32, 1)
    W2, b2 = MatrixSymbol("W2", 784, 32), MatrixSymbol("b2", 784, 1)
    h = sg.let("h", sg.tanh(W1 * x + b1))
    loss = sg.squared_error(sg.let("f", W2 * h + b2), x)
    return sg.training_module(loss, [W1, b1, W2, b2], [x], optimizers=["sgd"])


def logistic() -> sg.TrainingModule:
    x, y = MatrixSymbol("x", 30, 1), MatrixSymbol("y", 1, 1)
    w, b = MatrixSymbol("w", 1, 30), MatrixSymbol("b", 1, 1)
    loss = sg.binary_cross_entropy(sg.let("p", sg.sigmoid(w * x + b)), y)
    return sg.training_module(loss, [w, b], [x, y], optimizers=["sgd"])


COSTS: dict[str, tuple[Callable[[], sg.TrainingModule], Cost]] = {
    "64-32-10": (lambda: dense(64, 32, 10), Cost(5, 8, 3, 9632, 107)),
    "784-10": (lambda: dense(784, 10), Cost(2, 5, 2, 51584, 66)),
    "64-64-64-10, relu": (
        lambda: dense(64, 64, 64, 10, hidden=sg.relu),
        Cost(8, 9, 2, 30144, 138),
    ),
    "autoencoder": (autoencoder, Cost(5, 6, 1, 105264, 85)),
    "logistic": (logistic, Cost(0, 3, 4, 2014, 53)),
}
FUNCTIONS = ("exp_f32", "log_f32", "tanh_f32", "sigmoid_f32", "softplus_f32")


def cost(module: sg.TrainingModule) -> Cost:
    """Counted in the compiled loop of plain gradient descent."""
    text = module.source
    tree = ast.parse(text)
    (loop,) = (x for x in tree.body if isinstance(x, ast.FunctionDef) and x.name == "_folded_steps")
    called = [
        x.func.id
        for x in ast.walk(loop)
        if isinstance(x, ast.Call) and isinstance(x.func, ast.Name)
    ]
    (over_minibatches,) = (x for x in loop.body if isinstance(x, ast.For))
    made = loaded(text)
    data = [np.zeros((64, *spec.shape)) for spec in made.DATA]
    rows, folded, *_ = made._arrays(made.init(0), 64, *data)
    return Cost(
        called.count("gemm") + called.count("tiled_gemm"),
        sum(isinstance(x, ast.For) for x in over_minibatches.body),
        sum(called.count(x) for x in FUNCTIONS),
        sum(x.size for x in (*rows, *folded)),
        (loop.end_lineno or 0) - loop.lineno + 1,
    )


@pytest.mark.parametrize("name", COSTS)
def test_a_step_costs_no_more(name: str) -> None:
    made, expected = COSTS[name]
    found = cost(made())
    assert found == expected, "larger is a regression; what is smaller is to be written down here"


BETWEEN_STEPS = ("descent", "batches", "checkpoint", "schedules", "progress", "interrupts")
"""The modules of a generated file that run between the compiled steps."""


@pytest.mark.parametrize("name", BETWEEN_STEPS)
def test_no_product_of_numpy_runs_between_the_steps(name: str) -> None:
    """It would wake the threads of NumPy's BLAS, which spin beside those that the steps use.

    One x @ x every 20 ms made a float64 step of 784-128-10 take 1,040 µs in place of 360.
    """
    tree = ast.parse(resources.files("symgrad.codegen.runtime").joinpath(f"{name}.py").read_text())
    products = [x for x in ast.walk(tree) if isinstance(x, ast.BinOp | ast.AugAssign)]
    assert not [x for x in products if isinstance(x.op, ast.MatMult)]
    called = {x.attr for x in ast.walk(tree) if isinstance(x, ast.Attribute)}
    assert not called & {"dot", "vdot", "inner", "matmul", "tensordot", "einsum", "norm"}
