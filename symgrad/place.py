"""What graph nodes are ordered by: the same in every process, whatever was built before.

Why it exists: the operands of a sum have no order of their own, and neither have two values that do
not use each other. If they were ordered as they were made, then a formula, a generated file and the
letters of its indices would depend on what else the process has declared.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import sympy as sp

_LONGEST = 48
"""Characters of the names that nodes are ordered by; their digests decide where these are equal."""

_numbers: Iterator[int] = itertools.count()


class Place(NamedTuple):
    """Where a node stands among others. Places ascend from operands to what is made of them."""

    depth: int
    """How many nodes are on the longest way down."""
    names: str
    """Its name, or those of its operands: a before b, W2 before W10."""
    digest: bytes
    """Of all that the node is."""
    uid: int
    """A number in this process, for what looks alike: two symbols of one name."""


def place_of(kind: str, name: str, what: Sequence[object], below: Sequence[Place]) -> Place:
    """The place of a node of some kind: its name if it has one, what else it is, its operands."""
    if name:
        names = re.sub(r"\d+", lambda digits: digits[0].zfill(6), name)
    else:
        names = "".join([place.names for place in below])
    digest = hashlib.blake2b(f"{kind} {name} {_spelled(what)}".encode(), digest_size=16)
    for place in below:
        digest.update(place.digest)
    depth = 1 + max((place.depth for place in below), default=-1)
    return Place(depth, names[:_LONGEST], digest.digest(), next(_numbers))


def _spelled(data: object) -> str:
    """What a node is made of, as text."""
    if data is None or isinstance(data, str | int):
        return str(data)
    if isinstance(data, tuple | list):
        return f"({', '.join([_spelled(x) for x in data])})"
    if isinstance(data, sp.Basic):
        return _text(data)
    if isinstance(data, frozenset):
        return " ".join(sorted(map(_spelled, data)))
    return str(data)


@lru_cache(maxsize=4096)
def _text(expr: sp.Basic) -> str:
    return str(expr)
