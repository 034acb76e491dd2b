"""Modules made the way generated ones are: a host, then a copy of the fixed part."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from symgrad.codegen.runtime import copying, interface

LABELLED = '''
NAME = "labelled"
DTYPE = np.float32
CHECK_DTYPE = np.float64

class Params(NamedTuple):
    """W (C×H), V (H×D)."""

    W: np.ndarray
    V: np.ndarray

PARAM_SHAPES = {"W": ("C", "H"), "V": ("H", "D")}
DATA = (DataSpec("X", ("D",)), DataSpec("c", (), classes="C"))
INPUTS = ("X",)

def _predict(params, X):
    return X @ params.V.T @ params.W.T

def _loss(params, X, c):
    z = _predict(params, X)
    z = z - z.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(c)), c]))

def _value_and_grad(params, X, c):
    z = _predict(params, X)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(c)), c] -= 1
    p /= len(c)
    return _loss(params, X, c), Params(W=p.T @ (X @ params.V.T), V=params.W.T @ p.T @ X)

def _workspace(params, batch_size, *data):
    return ()

def _sgd_epoch(params, order, batch_size, learning_rate, work, X, c):
    total = 0.0
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        value, gradient = _value_and_grad(params, X[rows], c[rows])
        for parameter, slope in zip(params, gradient, strict=True):
            parameter -= learning_rate * slope
        total += value * len(rows)
    return total / len(order)
'''

WEIGHTED = '''
NAME = "weighted"
DTYPE = np.float64
CHECK_DTYPE = np.float64

class Params(NamedTuple):
    """w (3), b ()."""

    w: np.ndarray
    b: np.ndarray

PARAM_SHAPES = {"w": (3,), "b": ()}
DATA = (DataSpec("X", (3,)), DataSpec("y", ()), DataSpec("weight", ()))
INPUTS = ()

def _predict(params):
    return np.empty(0)

def _loss(params, X, y, weight):
    return float(np.mean(weight * (X @ params.w + params.b - y) ** 2))

def _value_and_grad(params, X, y, weight):
    r = 2 * weight * (X @ params.w + params.b - y) / len(y)
    return _loss(params, X, y, weight), Params(w=X.T @ r, b=np.asarray(r.sum()))

def _workspace(params, batch_size, *data):
    return ()

def _sgd_epoch(params, order, batch_size, learning_rate, work, X, y, weight):
    total = 0.0
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        value, gradient = _value_and_grad(params, X[rows], y[rows], weight[rows])
        for parameter, slope in zip(params, gradient, strict=True):
            parameter -= learning_rate * slope
        total += value * len(rows)
    return total / len(order)
'''

GENERATED_NAMES = (
    *("NAME", "DTYPE", "CHECK_DTYPE", "Params", "PARAM_SHAPES", "DATA", "INPUTS"),
    *("_predict", "_loss", "_value_and_grad", "_workspace", "_sgd_epoch"),
)


def assemble(generated: copying.Source) -> str:
    """The text of a generated file."""
    head, tail = copying.data_spec(), copying.fixed_part()
    imports = copying.merge_imports([*head.imports, *generated.imports, *tail.imports])
    body = "\n\n".join(part.body for part in (head, generated, tail))
    return f'"""A test."""\n\nfrom __future__ import annotations\n\n{imports}\n\n{body}'


@pytest.fixture
def example_source() -> str:
    """The hand-written example of the interface, as a standalone file."""
    return assemble(copying.source_of(interface, *GENERATED_NAMES))


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Callable[[str], ModuleType]]:
    """Text of a generated part → the module, run on its own."""
    built: list[str] = []

    def build(generated: str) -> ModuleType:
        imports = ("import numpy as np", "from typing import NamedTuple")
        module = ModuleType(f"generated_{len(built)}")
        sys.modules[module.__name__] = module
        built.append(module.__name__)
        text = assemble(copying.Source(imports, generated))
        exec(compile(text, "generated.py", "exec"), module.__dict__)
        return module

    yield build
    for name in built:
        del sys.modules[name]


@pytest.fixture
def labelled(build: Callable[[str], ModuleType]) -> ModuleType:
    """A linear network with a hidden layer and integer labels."""
    return build(LABELLED)


@pytest.fixture
def weighted(build: Callable[[str], ModuleType]) -> ModuleType:
    """Weighted least squares: three data arguments, a scalar parameter, fixed sizes, float64."""
    return build(WEIGHTED)


@pytest.fixture
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """Three classes around three centres: X (60, 4) and Y (60, 3), one-hot."""
    rng = np.random.default_rng(1)
    classes = np.arange(60) % 3
    centres = rng.normal(size=(3, 4)) * 2
    return centres[classes] + rng.normal(size=(60, 4)), np.eye(3)[classes]
