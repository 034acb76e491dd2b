"""What the Numba target emits, run as the plain Python that it is.

A random graph costs Numba a second to compile and nothing to interpret: the decorator becomes the
identity, and the helpers are NumPy's, so thousands of programs can be checked for meaning. That
compiled code means the same is checked on few programs elsewhere.
"""

from __future__ import annotations

import math
import sys
import time
from types import ModuleType
from typing import Any

import numba
import numpy as np
import pytest
from numba import types

from symgrad.codegen.runtime import routines, tiles


def gemm(alpha: float, a: np.ndarray, b: np.ndarray, beta: float, c: np.ndarray) -> None:
    """c ← alpha·a·b + beta·c; like BLAS, it may overwrite c before it has read a or b."""
    assert not np.shares_memory(c, a), "the result overlaps the first factor"
    assert not np.shares_memory(c, b), "the result overlaps the second factor"
    c[...] = alpha * (a @ b) + (beta * c if beta else 0)


NAMES: dict[str, Any] = {
    "np": np,
    "f32": np.float32,
    "FAST": None,
    "njit": lambda **_: lambda function: function,
    "gemm": gemm,
    "tiled_gemm": gemm,
    "blas_gemm": gemm,
    "invert_into": routines.invert_into.py_func,
    "log_abs_det_of": routines.log_abs_det_of.py_func,
    "det_of": routines.det_of.py_func,
    "threshold_of": routines.threshold_of.py_func,
    "minus_f64": np.subtract,
    "exp_f64": np.exp,
    "log_f64": np.log,
    "tanh_f64": np.tanh,
    "sigmoid_f64": lambda t: (1 + np.tanh(t / 2)) / 2,
    "softplus_f64": lambda t: np.logaddexp(0.0, t),
    "log1p_f64": np.log1p,
    "elu_f64": lambda t: t if t > 0 else math.expm1(t),
    "normal_pdf_f64": lambda t: math.exp(-t * t / 2) / math.sqrt(2 * math.pi),
    "normal_cdf_f64": lambda t: math.erfc(-t / math.sqrt(2)) / 2,
    "math": math,
}


def defined(source: str, name: str = "function") -> Any:
    """The function that ``source`` defines."""
    namespace = dict(NAMES)
    exec(source, namespace)
    return namespace[name]


def loaded(source: str) -> ModuleType:
    """A whole generated file as the plain Python that it is."""
    module = ModuleType("model")
    for number in (types.float32, types.float64):
        tiles.register_tiles(number)  # else the file would compile them
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numba.config, "DISABLE_JIT", True)
        patch.setitem(sys.modules, "model", module)
        exec(compile(source, "model.py", "exec"), module.__dict__)
    module.__dict__.update(gemm=gemm, tiled_gemm=gemm, blas_gemm=gemm)
    if "_look" in module.__dict__:  # two threads look for each other
        module.__dict__.update(_look=_look, _show=_show, _let_others=lambda: time.sleep(0))
    return module


def _look(met: np.ndarray, half: int) -> int:
    return int(met[half, 0])


def _show(met: np.ndarray, half: int, count: int) -> None:
    met[half, 0] = count
