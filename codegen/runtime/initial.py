"""Initial parameters: drawn by a rule for each, or given."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .checks import _as_array, _bind, _check_dims, _check_integer, _check_known, _sized
from .interface import DTYPE, NAME, PARAM_SHAPES, Params


class Initialiser(NamedTuple):
    """A rule for a matrix: its entries are `scale(n, m)` times a draw from `distribution`.

    n and m are the fan-in and the fan-out: how many numbers go into each unit of the layer, and
    come out of it. For W (out×in) these are its columns and its rows; further axes, such as those
    of a convolution's kernel, multiply both.
    """

    formula: str
    distribution: str  # "uniform" on [-1, 1), or "normal"
    scale: Callable[[int, int], float]


INITIALISERS: dict[str, Initialiser] = {
    "zeros": Initialiser("0", "uniform", lambda n, m: 0.0),
    # Glorot and Bengio, Understanding the difficulty of training deep feedforward networks, 2010.
    "glorot_uniform": Initialiser(
        "uniform on ±√(6/(n + m))", "uniform", lambda n, m: math.sqrt(6 / (n + m))
    ),
    "glorot_normal": Initialiser(
        "normal of variance 2/(n + m)", "normal", lambda n, m: math.sqrt(2 / (n + m))
    ),
    # He, Zhang, Ren and Sun, Delving deep into rectifiers, 2015; for layers of ReLU.
    "he_uniform": Initialiser("uniform on ±√(6/n)", "uniform", lambda n, m: math.sqrt(6 / n)),
    "he_normal": Initialiser("normal of variance 2/n", "normal", lambda n, m: math.sqrt(2 / n)),
}

Initial = str | Mapping[str, str | ArrayLike]


def init(seed: int = 0, *, initial: Initial | None = None, **dims: int) -> Params:
    """Initial parameters: Glorot uniform for matrices, zeros for vectors and scalars.

    `initial` is another rule for the matrices, one of `INITIALISERS`, or for each parameter by name
    a rule or an array, {"W": "he_normal", "b": np.ones(10)}. `dims` gives the sizes of the named
    dimensions in `PARAM_SHAPES`, for example D=784. A parameter's rule does not change what is
    drawn for the others.
    """
    seed = _check_integer("seed", seed, 0)
    sizes = _check_dims(dims, ("seed", "initial"))
    rules, given = _check_initial(initial, sizes)
    needed = [
        dim
        for name, shape in PARAM_SHAPES.items()
        for dim in shape
        if isinstance(dim, str) and name not in given
    ]
    if missing := [f"{name}=…" for name in dict.fromkeys(needed) if name not in sizes]:
        raise ValueError(f"{NAME} needs {', '.join(missing)}; give the size, or params.")
    rng, arrays = np.random.default_rng(seed), []
    for k, (name, dims_of) in enumerate(PARAM_SHAPES.items()):
        shape = given[name].shape if name in given else _sized(dims_of, sizes)
        uniform = rng.random(shape)  # always: the next one begins at the same place
        if name in given:
            arrays.append(given[name].copy())
            continue
        rule = INITIALISERS[rules[name]]
        receptive = math.prod(shape[2:])
        scale = rule.scale(shape[1] * receptive, shape[0] * receptive) if shape[1:] else 0.0
        if rule.distribution == "normal":
            drawn = scale * np.random.default_rng([seed, k + 1]).standard_normal(shape)
        else:
            drawn = 2 * scale * uniform - scale
        arrays.append(np.asarray(drawn + 0.0, DTYPE))  # no -0
    return Params(*arrays)


def _check_initial(
    initial: Initial | None, sizes: dict[str, int]
) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """The rule of each parameter, and the arrays given, whose dimensions go into `sizes`."""
    known, rules = list(INITIALISERS), dict.fromkeys(PARAM_SHAPES, "glorot_uniform")
    given: dict[str, np.ndarray] = {}
    if initial is None or isinstance(initial, str):
        rule = _check_known("initial", "glorot_uniform" if initial is None else initial, known)
        return dict.fromkeys(PARAM_SHAPES, rule), given
    if not isinstance(initial, Mapping):
        raise ValueError(
            f"initial is of type {type(initial).__name__}; expected a rule, or a dict of rules and "
            "arrays by the name of the parameter."
        )
    for name, value in initial.items():
        _check_known("a parameter in initial", name, PARAM_SHAPES)
        if not isinstance(value, str):
            given[name] = _as_array(f"initial {name}", value)
            _bind(f"initial {name}", given[name].shape, PARAM_SHAPES[name], sizes)
            continue
        rules[name] = _check_known(f"initial {name}", value, known)
        if len(PARAM_SHAPES[name]) < 2 and value != "zeros":
            raise ValueError(
                f"initial {name} is {value!r}, a rule for matrices, but {name} is none; give "
                "'zeros' or an array."
            )
    return rules, given
