"""How accurate every scalar function is, beside PyTorch and JAX.

For each function of the vocabulary, its derivative and its second one: the largest error over the
points of the table test, in units in the last place divided by the condition number of the formula
(`tests/support/accuracy.py` says how that is estimated, and has the true values). ``nan`` counts a
NaN or an infinity where the true value is finite, and n/a a function that a peer lacks.

    python benchmarks/accuracy.py [--dtype float32] [--target numba]

PyTorch and JAX are optional: a peer that is not installed is left out.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from accuracy import ROWS, ULPS, Truth, declared

import symgrad as sg

N = sp.Symbol("n", integer=True, positive=True)
X = sp.MatrixSymbol("x", N, 1)

Peer = Callable[[str, np.ndarray], "list[np.ndarray] | None"]


def ours(target: str, dtype: str) -> Peer:
    """Values, derivatives and second derivatives by generated code."""

    def run(name: str, x: np.ndarray) -> list[np.ndarray]:
        compute = sg.function([X], declared(name, X), target=target, dtype=dtype)
        return [np.asarray(y) for y in compute(x)]

    return run


def torch_peer() -> Peer:
    """The same by PyTorch's autograd."""
    import torch

    f = torch.nn.functional
    table: dict[str, Callable[[Any], Any]] = {
        **{name: getattr(torch, name) for name in _SAME},
        "abs": torch.abs,
        "relu": f.relu,
        "leaky_relu": f.leaky_relu,
        "leaky_relu, 0.1": lambda t: f.leaky_relu(t, 0.1),
        "elu": f.elu,
        "elu, 2": lambda t: f.elu(t, 2.0),
        "softplus": f.softplus,
        "softplus, 3": lambda t: f.softplus(t, 3.0),
        "swish": f.silu,
        "gelu": f.gelu,
        "Max(0, t)": lambda t: torch.maximum(torch.zeros_like(t), t),
        "Max(t, 1 - t)": lambda t: torch.maximum(t, 1 - t),
        "Min(t, t**2)": lambda t: torch.minimum(t, t**2),
        "ELU by hand": lambda t: torch.where(t > 0, t, torch.exp(t) - 1),
    }

    def run(name: str, x: np.ndarray) -> list[np.ndarray] | None:
        if name not in table:
            return None
        t = torch.tensor(x, requires_grad=True)
        value = table[name](t)
        (first,) = torch.autograd.grad(value.sum(), t, create_graph=True)
        second = torch.zeros_like(t)
        if first.requires_grad:
            (second,) = torch.autograd.grad(first.sum(), t)
        return [y.detach().numpy(force=True) for y in (value, first, second)]

    return run


def jax_peer() -> Peer:
    """The same by JAX."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    table: dict[str, Callable[[Any], Any]] = {
        **{name: getattr(jnp, _NUMPY_NAMES.get(name, name)) for name in _SAME if name in _IN_JNP},
        "sigmoid": jax.nn.sigmoid,
        "erf": jax.scipy.special.erf,
        "erfc": jax.scipy.special.erfc,
        "abs": jnp.abs,
        "relu": jax.nn.relu,
        "leaky_relu": jax.nn.leaky_relu,
        "leaky_relu, 0.1": lambda t: jax.nn.leaky_relu(t, 0.1),
        "elu": jax.nn.elu,
        "elu, 2": lambda t: jax.nn.elu(t, 2.0),
        "softplus": jax.nn.softplus,
        "softplus, 3": lambda t: jax.nn.softplus(3 * t) / 3,
        "swish": jax.nn.silu,
        "gelu": lambda t: jax.nn.gelu(t, approximate=False),
        "sinc": lambda t: jnp.sinc(t / jnp.pi),
        "Max(0, t)": lambda t: jnp.maximum(0, t),
        "Max(t, 1 - t)": lambda t: jnp.maximum(t, 1 - t),
        "Min(t, t**2)": lambda t: jnp.minimum(t, t**2),
        "ELU by hand": lambda t: jnp.where(t > 0, t, jnp.exp(t) - 1),
    }

    def run(name: str, x: np.ndarray) -> list[np.ndarray] | None:
        if name not in table:
            return None
        first = jax.grad(table[name])
        return [np.asarray(jax.vmap(f)(x)) for f in (table[name], first, jax.grad(first))]

    return run


_SAME = (
    *("exp", "log", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan"),
    *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "sigmoid"),
)
_IN_JNP = frozenset(_SAME) - {"erf", "erfc", "sigmoid"}
_NUMPY_NAMES = {f: f"arc{f[1:]}" for f in _SAME if f[0] == "a"}


def cell(truth: Truth, x: np.ndarray, arrays: list[np.ndarray] | None, dtype: str) -> str:
    """The largest errors of the value and the two derivatives."""
    if arrays is None:
        return "n/a"
    texts = []
    for k, array in enumerate(arrays):
        if not np.isfinite(array).all():
            texts.append("nan")
            continue
        worst = max(truth.excess(k, a, b, dtype) for a, b in zip(x, array, strict=True)) * ULPS
        texts.append(f"{worst:.1f}" if worst < 1000 else f"{worst:.0e}")
    return "  ".join(f"{text:>6}" for text in texts)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--dtype", default="float64", choices=["float64", "float32"])
    parser.add_argument("--target", default="numpy", choices=["numpy", "numba"])
    arguments = parser.parse_args()
    peers: dict[str, Peer] = {"symgrad": ours(arguments.target, arguments.dtype)}
    for module, name, make in (("torch", "PyTorch", torch_peer), ("jax", "JAX", jax_peer)):
        if find_spec(module) is None:
            print(f"{name} is not installed: left out.")
        else:
            peers[name] = make()
    print(f"{arguments.dtype}, {arguments.target}: value, derivative, second derivative")
    print(f"{'':18}" + "  ".join(f"{peer:^22}" for peer in peers))
    warnings.simplefilter("ignore")
    for name in ROWS:
        truth = Truth(name)
        x = truth.points(arguments.dtype)
        cells = [cell(truth, x, run(name, x), arguments.dtype) for run in peers.values()]
        print(f"{name:18}" + "  ".join(f"{text:^22}" for text in cells), flush=True)


if __name__ == "__main__":
    main()
