"""The way in: a program, rolled where its repeated steps are what they seem.

`repeats` guesses families from colours; nothing is emitted before each member has been compared
with what its family says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from symgrad.codegen import program as p
from symgrad.codegen.regions import Rolled
from symgrad.codegen.rolling.plan import CannotRoll, Plan
from symgrad.codegen.rolling.repeats import Family, Reference, families
from symgrad.codegen.rolling.writer import written

Kinds: TypeAlias = "tuple[type[p.Operation], ...]"
_PRODUCTS: Kinds = (p.Contract,)
_POINTWISE: Kinds = (p.Sum, p.Multiply, p.Apply)


def rolled(program: p.Program) -> Rolled | None:
    """The program with its repeated steps as loops; None where it has none to speak of."""
    found = families(program)
    if not found or not _hold(program, found):
        return None
    for moving in (_PRODUCTS, _PRODUCTS + _POINTWISE):
        try:
            return written(Plan(program, _retimed(found, moving)))
        except CannotRoll:
            continue
    return None


def _hold(program: p.Program, found: Sequence[Family]) -> bool:
    """Whether each member is what its family says: what is emitted rests on this alone."""
    first = len(program.inputs)
    taken: set[int] = set()
    for family in found:
        model = family.representative
        for t, value in family.members.items():
            expected = [
                x if isinstance(x, int) else found[x.family].at(t + x.offset)
                for x in family.operands
            ]
            statement = program.statements[value - first]
            if value in taken or not _is_same(statement, model, expected):
                return False
            taken.add(value)
    return True


def _is_same(s: p.Statement, model: p.Statement, expected: Sequence[int | None]) -> bool:
    a, b = s.operation, model.operation
    if type(a) is not type(b) or s.shape != model.shape or len(a.operands) != len(b.operands):
        return False
    if isinstance(a, p.Constant):
        return True  # an index, which the time gives; a check of its own follows in the plan
    extra = [x for x in type(a).__slots__ if x not in ("operands", "weights")]
    if any(getattr(a, x) != getattr(b, x) for x in extra):
        return False
    none = (None,) * len(a.operands)
    mine = list(
        zip([(x.value, x.labels) for x in a.operands], getattr(a, "weights", none), strict=True)
    )
    theirs = list(
        zip(
            [(v, x.labels) for v, x in zip(expected, b.operands, strict=True)],
            getattr(b, "weights", none),
            strict=True,
        )
    )
    if isinstance(a, (p.Sum, p.Multiply)):
        return sorted(mine, key=str) == sorted(theirs, key=str)
    return mine == theirs


def _retimed(found: Sequence[Family], moving: Kinds) -> list[Family]:
    """What is read one step later only, at that step: U·h[t − 1] needs no array then."""
    offsets: dict[int, set[int]] = {}
    for family in found:
        for x in family.operands:
            if isinstance(x, Reference):
                offsets.setdefault(x.family, set()).add(x.offset)
    shift = {
        f: next(iter(seen))
        for f, seen in offsets.items()
        if len(seen) == 1 and _moves(found[f].representative, moving)
    }
    return [
        Family(
            family.representative,
            [
                replace(x, offset=x.offset + shift.get(f, 0) - shift.get(x.family, 0))
                if isinstance(x, Reference)
                else x
                for x in family.operands
            ],
            {t - shift.get(f, 0): v for t, v in family.members.items()},
            {t - shift.get(f, 0): v for t, v in family.slots.items()},
        )
        for f, family in enumerate(found)
    ]


def _moves(s: p.Statement, moving: Kinds) -> bool:
    """Whether a family may be given other times than its names have."""
    return isinstance(s.operation, moving) and not (isinstance(s.operation, _POINTWISE) and s.name)
