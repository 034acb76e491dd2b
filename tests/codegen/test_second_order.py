"""Hessians as they are computed: their values, and no more operations than an engineer would spend.

The problems are those of ``benchmarks/second_order.py``, at small sizes.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import hessian

import symgrad as sg
from symgrad.codegen.counts import count, summed

BENCHMARK = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "second_order.py"))
SIZES = {"N": 12, "D": 4, "H": 3, "C": 3, "m": 6, "n": 5, "r": 2}
SHAPES: dict[str, tuple[str, ...]] = {
    "quadratic": ("n", "n n"),
    "logistic": ("D", "N D", "N"),
    "softmax": ("C D", "N D", "N C"),
    "factorisation": ("m r", "n r", "m n"),
    "network": ("H D", "H", "H", "N D", "N"),
}
"""The arrays of each problem, parameters first."""

n = SimpleNamespace(**SIZES)
BOUND: dict[str, int] = {
    "quadratic": 0,
    "logistic": n.N * n.D**2 + n.N * n.D,
    "softmax": n.N * (n.C**2 * n.D**2 + n.C * n.D**2 + 2 * n.C * n.D) + n.C**2 * n.D**2,
    "factorisation": (n.m**2 + n.n**2 + 2 * n.m * n.n + n.m + n.n) * n.r**2 + n.m * n.n * n.r,
    "network": n.N * (n.H**2 * n.D**2 + n.H * n.D**2 + 2 * n.H**2 * n.D + n.H)
    + n.N * 8 * n.H * (n.H + n.D)
    + n.H**2 * n.D * (n.D + 2),
}
"""Multiply-adds: a block for each product XᵀX, and δ-structure that is not multiplied out."""


def compiled(name: str, target: str) -> tuple[Any, Any]:
    problem = BENCHMARK["PROBLEMS"][name]
    sizes = tuple(tuple(SIZES[n] for n in shape.split()) for shape in SHAPES[name])
    loss, params, data = problem.declare()
    d = sg.hessian(loss, params)
    return problem._replace(sizes=sizes), sg.function([*params, *data], d, target)


@pytest.mark.parametrize(
    ("name", "target"), [*((name, "numpy") for name in SHAPES), ("softmax", "numba")]
)
def test_values(name: str, target: str) -> None:
    """Against autograd, whose Hessian is of all parameters in one vector."""
    problem, function = compiled(name, target)
    values, _ = BENCHMARK["arrays"](problem, "float64")
    params, data = values[: problem.params], values[problem.params :]
    ends = np.cumsum([x.size for x in params])

    def loss(flat: Any) -> Any:
        parts = [flat[end - x.size : end] for x, end in zip(params, ends, strict=True)]
        own = [anp.reshape(part, x.shape) for part, x in zip(parts, params, strict=True)]
        return problem.loss(anp, *own, *data)

    expected = hessian(loss)(np.concatenate([x.ravel() for x in params]))
    found = function(*values)
    blocks = list(found) if isinstance(found, tuple) else [found]
    k = len(params)
    rows = [
        np.hstack([blocks[a * k + b].reshape(params[a].size, params[b].size) for b in range(k)])
        for a in range(k)
    ]
    np.testing.assert_allclose(np.vstack(rows), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", SHAPES)
def test_operations(name: str) -> None:
    _, function = compiled(name, "numpy")
    spent = summed(count(function.program, s) for s in function.program.statements)
    sizes = {d.symbol: SIZES[d.symbol.name] for d in function.program.dimensions}
    assert spent.multiply_adds.at(sizes).expr <= BOUND[name]


SOURCES: dict[str, list[str]] = {
    "quadratic": ["hessian_x = A + A.T"],
    "logistic": ["t1 = np.sqrt((1 - p) * p)[:, None] * x", "hessian_w = (t1.T @ t1) / N"],
    "factorisation": ["hessian_U_U = (V.T @ V)[:, None, :] * np.eye(m)[:, None, :, None]"],
}


@pytest.mark.parametrize("name", SOURCES)
def test_source(name: str) -> None:
    """As it would be written by hand; a block and its transpose are one value."""
    _, function = compiled(name, "numpy")
    lines = [line.strip() for line in function.source.splitlines()]
    assert [line for line in SOURCES[name] if line not in lines] == []


def test_a_block_and_its_transpose_are_one_value() -> None:
    _, function = compiled("network", "numpy")
    values = [out.operand.value for out in function.program.outputs]
    pairs = [(0, 0), (1, 3), (2, 6), (5, 7)]
    assert all(values[a] == values[b] for a, b in pairs)
    assert len(set(values)) == 6
