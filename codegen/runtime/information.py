"""Information: what the file computes and what it can be told, as text."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from .checks import _shape_text
from .full_batch import FULL_BATCH
from .initial import INITIALISERS
from .interface import (
    COSTS,
    DATA,
    DTYPE,
    FORMULAS,
    INPUTS,
    MASKS,
    NAME,
    OPTIMIZERS,
    PARAM_SHAPES,
    PROVENANCE,
)
from .iterations import FullBatch
from .printing import _aligned
from .records import DataSpec, Optimizer
from .schedules import SCHEDULES


def _information(sizes: Mapping[str, int]) -> str:
    """Formulas, shapes, counts, provenance, and the rules of training by name."""
    data = [
        (spec.name, _shape_text(("N", *spec.shape)), _data_fact(spec), _use(spec)) for spec in DATA
    ]
    optimizers: dict[str, Optimizer | FullBatch] = {**OPTIMIZERS, **FULL_BATCH}
    rules = [
        f"  {name}  {_options(rule.options)}\n      " + "\n      ".join(rule.formula.split("; "))
        for name, rule in optimizers.items()
    ]
    schedules = [(name, x.formula, _options(x.options)) for name, x in SCHEDULES.items()]
    sections = {
        "formulas": _aligned([(name, f"= {text}") for name, text in FORMULAS.items()], "<<", "  "),
        "parameters": _parameters(sizes),
        "data, one example a row": _aligned(data, "<<<<", "  "),
        "dropout masks": "\n".join(
            f"  {mask.name} {_shape_text(mask.shape)}, 0 with probability {mask.rate:g}"
            for mask in MASKS
        ),
        "operations": _aligned([*COSTS.items()], "<<", "  ") if COSTS else "",
        "optimizers, with their options": "\n".join(rules),
        "schedules of the learning rate": _aligned(schedules, "<<<", "  "),
        "initial matrices": _aligned([(k, x.formula) for k, x in INITIALISERS.items()], "<<", "  "),
        "made from": "\n".join(
            f"  {name}  " + "\n      ".join(text.split("; ")) for name, text in PROVENANCE.items()
        ),
    }
    parts = [f"{title}\n{body}" for title, body in sections.items() if body]
    return "\n\n".join([f"{NAME}, computed in {np.dtype(DTYPE)}", *parts])


def _parameters(sizes: Mapping[str, int]) -> str:
    """A row for each parameter with its number of entries, and the sum."""
    rows, known, unknown = [], 0, []
    for name, shape in PARAM_SHAPES.items():
        dims = [sizes.get(str(dim), dim) for dim in shape]
        number = math.prod(dim for dim in dims if isinstance(dim, int))
        symbols = [dim for dim in dims if isinstance(dim, str)]
        text = "·".join([*([f"{number:,}"] if number > 1 or not symbols else []), *symbols])
        rows.append((name, _shape_text(shape), text))
        if symbols:
            unknown.append(text)
        else:
            known += number
    total = " + ".join([*unknown, *([f"{known:,}"] if known else [])])
    return _aligned([*rows, ("in all", "", total)], "<<<" if unknown else "<<>", "  ")


def _data_fact(spec: DataSpec) -> str:
    """What the values of a data argument must be."""
    if spec.classes is not None:
        last = spec.classes - 1 if isinstance(spec.classes, int) else f"{spec.classes}-1"
        return f"integer labels 0…{last}"
    return "probabilities, of sum 1" if spec.simplex else "numbers"


def _options(options: Mapping[str, float]) -> str:
    return ", ".join(f"{name} = {value:g}" for name, value in options.items())


def _use(spec: DataSpec) -> str:
    return "input of predict" if spec.name in INPUTS else ""
