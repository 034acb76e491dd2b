"""What a data argument holds."""

from __future__ import annotations

from typing import NamedTuple


class DataSpec(NamedTuple):
    """One data argument: its name, the shape of one example, and what its values must be.

    A name in `shape` or `classes`, such as "D", is a dimension whose size is known when it is used.
    """

    name: str
    shape: tuple[int | str, ...]
    classes: int | str | None = None  # an integer label in 0 … classes-1
    simplex: bool = False  # entries ≥ 0 that sum to 1 along the last axis
