"""A program for given sizes: numbers in the place of symbolic dimensions.

Why it exists: a network is declared once, for any D, and a file may be built for D = 784: small
dimensions are then unrolled, and wrong arrays are refused by number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

import sympy as sp

from symgrad.codegen.program import Program
from symgrad.graph import dim

T = TypeVar("T")

_NUMBERS = ("weights", "number", "body")
"""Fields of operations that hold SymPy expressions; all other expressions are dimensions."""


def fixed(program: Program, sizes: Mapping[sp.Symbol, int]) -> Program:
    """``program`` with the dimensions ``sizes``, which it no longer has as names."""
    if not sizes:
        return program
    kept = tuple(d for d in program.dimensions if d.symbol not in sizes)
    return replace(
        program,
        inputs=_fixed(program.inputs, sizes, False),
        dimensions=tuple(replace(d, offset=_fixed(d.offset, sizes, True)) for d in kept),
        statements=_fixed(program.statements, sizes, False),
        outputs=_fixed(program.outputs, sizes, False),
    )


def _fixed(value: T, sizes: Mapping[sp.Symbol, int], number: bool) -> T:
    made: Any = value
    if isinstance(value, sp.Basic):
        made = value.xreplace(dict(sizes))
        made = made if number else dim(made)
    elif isinstance(value, tuple):
        made = tuple(_fixed(x, sizes, number) for x in value)
    elif is_dataclass(value) and not isinstance(value, type):
        made = replace(
            value,
            **{
                field.name: _fixed(getattr(value, field.name), sizes, field.name in _NUMBERS)
                for field in fields(value)
            },
        )
    return cast(T, made)
