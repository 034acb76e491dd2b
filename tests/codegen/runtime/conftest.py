"""Modules made the way generated ones are: a host, then a copy of the fixed part."""

import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType

import numpy as np
import pytest

from symgrad.codegen.runtime import copying, interface

STEPS = """
MASKS = ()
F_ORDER = ()
FORMULAS = {"L": "by hand"}
COSTS = {"forward": "0", "backward": "0"}
PROVENANCE = {"symgrad": "0", "declaration": "by hand"}

def _value_and_grad(params, *data):
    return _gradients(params, *data, *(1 - mask.rate for mask in MASKS))

def _trace(params, *data):
    value, gradient = _value_and_grad(params, *data)
    values = {"z": np.asarray(_linear(params, *data)), "L": np.asarray(value)}
    return Trace(values, gradient._asdict(), {}, {})

def _is_halved(params, batch_size, *data):
    return False

def _workspace(params, batch_size, *data):
    return ()

def _sgd_coefficients(learning_rate, t, weight_decay=0.0):
    return np.stack([learning_rate, 0 * t + weight_decay], axis=-1)

def _momentum_coefficients(learning_rate, t, mu=0.9):
    return np.stack([learning_rate, 0 * t + mu], axis=-1)

def _sgd(theta, state, g, c):
    theta -= c[0] * (g + c[1] * theta)

def _momentum(theta, state, g, c):
    state[0] = c[1] * state[0] + g
    theta -= c[0] * state[0]

_UPDATES = {"sgd": _sgd, "momentum": _momentum}
OPTIMIZERS = {
    "sgd": Optimizer("θ − η·g", {}, {"weight_decay": 0.0}, _sgd_coefficients),
    "momentum": Optimizer("θ − η·m", {"m": 0.0}, {"mu": 0.9}, _momentum_coefficients),
}

def _sgd_steps(params, order, batch_size, rates, losses, work, *arrays):
    count = len(DATA)
    for step, start in enumerate(range(0, len(order), batch_size)):
        part = slice(start, start + batch_size)
        data = [array[order[part]] for array in arrays[:count]]
        losses[step], gradient = _gradients(params, *data, *(x[part] for x in arrays[count:]))
        if not np.isfinite(losses[step]):
            return step
        for parameter, slope in zip(params, gradient, strict=True):
            parameter -= rates[step] * slope
    return len(losses)

def _steps(
    optimizer, params, theta, state, order, batch_size, numbers, clip, segments, losses, work,
    *arrays
):
    count = len(DATA)
    for step, start in enumerate(range(0, len(order), batch_size)):
        part = slice(start, start + batch_size)
        data = [array[order[part]] for array in arrays[:count]]
        losses[step], gradient = _gradients(params, *data, *(x[part] for x in arrays[count:]))
        if not np.isfinite(losses[step]):
            return step
        g = np.concatenate([np.ravel(x) for x in gradient])
        norm = np.sqrt(sum(float(g[i:j] @ g[i:j]) for i, j in segments))
        g *= DTYPE(min(1.0, clip / (norm + 1e-6)))
        for i, j in segments:
            _UPDATES[optimizer](theta[i:j], state[:, i:j], g[i:j], numbers[step])
    return len(losses)
"""
"""What the hosts below have in common; they may redefine it."""

LABELLED = (
    STEPS
    + '''
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

def _linear(params, X, c):
    return _predict(params, X)

def _predict(params, X):
    return X @ params.V.T @ params.W.T

def _loss(params, X, c):
    z = _predict(params, X)
    z = z - z.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(c)), c]))

def _gradients(params, X, c):
    z = _predict(params, X)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(c)), c] -= 1
    p /= len(c)
    return _loss(params, X, c), Params(W=p.T @ (X @ params.V.T), V=params.W.T @ p.T @ X)
'''
)

WEIGHTED = (
    STEPS
    + '''
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

def _linear(params, X, y, weight):
    return X @ params.w + params.b

def _predict(params):
    return np.empty(0)

def _loss(params, X, y, weight):
    return float(np.mean(weight * (X @ params.w + params.b - y) ** 2))

def _gradients(params, X, y, weight):
    r = 2 * weight * (X @ params.w + params.b - y) / len(y)
    return _loss(params, X, y, weight), Params(w=X.T @ r, b=np.asarray(r.sum()))
'''
)

DROPPED = (
    STEPS
    + '''
NAME = "dropped"
DTYPE = np.float32
CHECK_DTYPE = np.float64
MASKS = (MaskSpec("m", ("D",), 0.5), MaskSpec("n", (), 0.25))

class Params(NamedTuple):
    """w (D), b ()."""

    w: np.ndarray
    b: np.ndarray

PARAM_SHAPES = {"w": ("D",), "b": ()}
DATA = (DataSpec("X", ("D",)), DataSpec("y", ()))
INPUTS = ("X",)

def _linear(params, X, y):
    return _predict(params, X)

def _predict(params, X):
    return X @ params.w + params.b

def _loss(params, X, y):
    return float(np.mean((X @ params.w + params.b - y) ** 2))

def _gradients(params, X, y, m, n):
    x = X * m / X.dtype.type(0.5)
    r = (x @ params.w + params.b * (n / X.dtype.type(0.75)) - y).astype(X.dtype)
    value = float(np.mean(r ** 2))
    r = 2 * r / len(y)
    slope = np.asarray((r * n / X.dtype.type(0.75)).sum())
    return value, Params(w=(x.T @ r).astype(X.dtype), b=slope.astype(X.dtype))

def _residuals(params, X, y):
    r, J = X @ params.w + params.b - y, np.column_stack([X, np.ones(len(y))])
    return r / np.sqrt(len(y)), J / np.sqrt(len(y))
'''
)

GENERATED_NAMES = (
    *("NAME", "DTYPE", "CHECK_DTYPE", "Params", "PARAM_SHAPES", "F_ORDER"),
    *("DATA", "MASKS", "INPUTS"),
    *("OPTIMIZERS", "FORMULAS", "COSTS", "PROVENANCE"),
    *("_predict", "_loss", "_value_and_grad", "_trace"),
    *("_is_halved", "_workspace", "_sgd_steps", "_steps"),
)


def assemble(generated: copying.Source) -> str:
    """The text of a generated file."""
    squares = "def _residuals" in generated.body
    head, tail = copying.records(), copying.fixed_part(squares)
    imports = copying.merge_imports([*head.imports, *generated.imports, *tail.imports])
    body = "\n\n".join(part.body for part in (head, generated, tail))
    return f'"""A test."""\n\nfrom __future__ import annotations\n\n{imports}\n\n{body}'


@cache
def _compiled(generated: copying.Source) -> CodeType:
    return compile(assemble(generated), "generated.py", "exec")


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
        exec(_compiled(copying.Source(imports, generated)), module.__dict__)
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
def dropped(build: Callable[[str], ModuleType]) -> ModuleType:
    """Least squares with two dropout masks and real predictions."""
    return build(DROPPED)


@pytest.fixture
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """Three classes around three centres: X (60, 4) and Y (60, 3), one-hot."""
    rng = np.random.default_rng(1)
    classes = np.arange(60) % 3
    centres = rng.normal(size=(3, 4)) * 2
    return centres[classes] + rng.normal(size=(60, 4)), np.eye(3)[classes]
