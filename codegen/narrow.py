"""Narrow values, stored column by column: (N, 10) → (10, N).

Why it exists: a loop over the ten classes of one example is too short for vectors of sixteen, so
an exponential in it costs ten times what it could. With the classes as rows the inner loop runs
over the examples of the minibatch. A matrix product can write and read either order at no cost.

In: a program and the symbol of its batch. Out: the values of shape (N, k) that are better turned
into (k, N); an input only where the caller says that it may be.
"""

from __future__ import annotations

from collections.abc import Collection

from symgrad.codegen import program as p
from symgrad.codegen.transposing import Families
from symgrad.graph import Dim, Shape

WIDEST = 15
"""Rows up to this long are narrow: shorter than a vector of sixteen single numbers."""


def narrow(program: p.Program, batch: Dim, inputs: Collection[int] = ()) -> frozenset[int]:
    """The values to turn: whole families, each with a function or a maximum to gain from.

    ``batch`` is the extent N of the examples; ``inputs`` are numbers of inputs that may be turned.
    """
    families = Families(program, inputs)
    return frozenset(
        value
        for family in families.turnable()
        if _is_narrow(program.shape(min(family)), batch)
        and any(_gains(families, value) for value in family)
        for value in family
    )


def _is_narrow(shape: Shape, batch: Dim) -> bool:
    return shape[0] == batch and isinstance(shape[1], int) and shape[1] <= WIDEST


def _gains(families: Families, value: int) -> bool:
    """Whether a function is applied here, or a maximum taken of the rows."""
    if value < families.first:
        return False
    applied = isinstance(families.operation(value), p.Apply)
    maximum = any(isinstance(x.operation, p.Maximum) for x in families.users.get(value, []))
    return applied or maximum
