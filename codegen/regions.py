"""Regions: what a rolled program consists of, for the target that prints it.

A program without loops over t is one region, itself. Otherwise `rolling` makes several, which run
one after the other, some of them for each t, and hand values to one another in arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from symgrad.codegen.passes import Passes
from symgrad.codegen.program import Program
from symgrad.graph import Shape

SMALLEST = 40
"""Statements of a program in which it is worth looking for what is repeated."""


class Place(NamedTuple):
    """A part of a shared array: all of it, ``array[start]``, or ``array[start:stop]``.

    ``moving``: ``array[t + start]``.
    """

    array: int
    start: int | None = None
    stop: int | None = None
    moving: bool = False


class Region(NamedTuple):
    """A program whose first inputs are those of the whole program.

    ``times`` are those of t, in a loop. ``inputs`` says where its other inputs are, ``placed``
    where values have to be written; ``scalars`` gives a number, the same in all regions, to inputs
    and values that are scalars.
    """

    program: Program
    times: range | None
    inputs: Mapping[int, Place]
    placed: Mapping[int, Place]
    scalars: Mapping[int, int]


class Array(NamedTuple):
    """What regions share: a shape, and a name for it.

    ``integral``: it holds whole numbers. ``reserved``: the program has this name for this value.
    """

    name: str
    shape: Shape
    integral: bool = False
    reserved: bool = False


class Rolled(NamedTuple):
    """The regions in order; the last one has the outputs of the whole program.

    ``names`` are those of values in loops, beyond the names of the program.
    """

    regions: tuple[Region, ...]
    arrays: tuple[Array, ...]
    names: tuple[str, ...] = ()


def unrolled(program: Program) -> Rolled:
    """A program as it is."""
    return Rolled((Region(program, None, {}, {}, {}),), ())


def rolled(program: Program, without: Passes = frozenset()) -> Rolled:
    """The program with loops over t, if it has repeated steps."""
    if len(program.statements) < SMALLEST or "roll" in without:
        return unrolled(program)
    from symgrad.codegen.rolling.roll import rolled  # much code that few networks need

    return rolled(program) or unrolled(program)
