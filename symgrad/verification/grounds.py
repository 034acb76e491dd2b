"""What rests on what: which gradients the lines of a piece of work derive.

Why it exists: ∂L/∂W1 = δ1·xᵀ is true, and says little where nobody says what δ1 is; ∂L/∂z = ∂L/∂b
and ∂L/∂b = ∂L/∂z are both true, and say nothing. A line derives its gradient if all gradients that
it is made of are derived, by lines above or below it, and the chain of these ends. The values of
the forward pass are given by the declaration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from symgrad.verification.names import Truth
from symgrad.verification.steps import (
    AGAIN,
    CIRCULAR,
    FOLLOWS,
    GOOD,
    NAMED,
    UNDERIVED,
    UNREADABLE,
    StepVerdict,
)
from symgrad.verification.uses import Key
from symgrad.verification.verdict import RIGHT, UNDECIDED, WRONG


class Grounds:
    """Which gradients are derived by some lines; ``given`` are those that need no line.

    ``granted`` says that a gradient which no line is about may be used all the same.
    """

    def __init__(self, steps: Sequence[StepVerdict], truth: Truth, granted: bool = False) -> None:
        self.lines: dict[Key, list[Mapping[Key, str]]] = {}
        for step in steps:
            if step.key is not None and step.status not in (NAMED, UNREADABLE):
                self.lines.setdefault(step.key, []).append(step.rests_on)
        self._granted = granted
        self._given = {(True, truth.root)}  # ∂L/∂L = 1
        self.derived: set[Key] = set(self._given)
        before = -1
        while len(self.derived) != before:
            before = len(self.derived)
            self.derived |= {k for k, xs in self.lines.items() if any(map(self.stands, xs))}

    def has(self, key: Key) -> bool:
        """Whether a value is a matter of course, or derived."""
        is_given = not key[0] or (self._granted and key not in self.lines)
        return is_given or key in self.derived

    def stands(self, rests_on: Mapping[Key, str]) -> bool:
        """Whether all that a line is made of is derived."""
        return all(map(self.has, rests_on))

    def lacking(self, rests_on: Mapping[Key, str]) -> dict[Key, str]:
        """The gradients that no line is about, of those that a line rests on in the end."""
        found: dict[Key, str] = {}
        seen: set[Key] = set()
        stack = [(key, name) for key, name in rests_on.items() if not self.has(key)]
        while stack:
            key, name = stack.pop(0)
            if key in seen:
                continue
            seen.add(key)
            if key not in self.lines:
                found[key] = name
            for more in self.lines.get(key, ()):
                stack += [(k, n) for k, n in more.items() if not self.has(k)]
        return found


def settled(steps: Sequence[StepVerdict], truth: Truth) -> list[StepVerdict]:
    """The lines, once all of them are known: which rest on nothing, and which on a later mistake.

    A line whose gradient is derived by another one, as by what follows in its own equation, is as
    right as that.
    """
    grounds = Grounds(steps, truth)
    good = [x for x in steps if x.status == RIGHT and grounds.stands(x.rests_on)]
    derived = {_about(x) for x in good}
    found = []
    for at, step in enumerate(steps):
        if step.status in GOOD and not grounds.stands(step.rests_on):
            lacking = tuple(grounds.lacking(step.rests_on).values())
            if step.status == RIGHT and _about(step) not in derived:
                status = UNDERIVED if lacking else CIRCULAR
                step = replace(step, status=status, lacking=lacking)
            elif step.status == FOLLOWS:
                step = replace(step, lacking=lacking)
        elif step.status == RIGHT:
            step = _of_later(step, steps[at + 1 :], steps[:at])
        found.append(step)
    return _carried_on(steps, found)


def _carried_on(before: Sequence[StepVerdict], steps: list[StepVerdict]) -> list[StepVerdict]:
    """The lines with those that use what is now seen to follow from a later mistake."""
    while True:
        right = {x.key for x in steps if x.status == RIGHT}
        origin = {
            x.key: x.follows
            for x, was in zip(steps, before, strict=True)
            if (x.status, was.status) == (FOLLOWS, RIGHT) and x.key not in right
        }
        found = []
        for step in steps:
            used = [key for key in step.rests_on if key in origin]
            if step.status == RIGHT and used:
                step = replace(step, status=FOLLOWS, follows=origin[used[0]])
            found.append(step)
        if found == steps:
            return found
        steps = found


def _about(step: StepVerdict) -> Any:
    return step.equation if step.key is None else step.key


def _of_later(
    step: StepVerdict, later: Sequence[StepVerdict], earlier: Sequence[StepVerdict]
) -> StepVerdict:
    """A right line that uses a value which only a later line says, and says wrongly."""
    before = {x.key for x in earlier}
    for key in step.rests_on:
        about = [x for x in later if x.key == key and x.status in (RIGHT, UNDECIDED, *_WRONG)]
        if key[0] and key not in before and about and about[0].status in _WRONG:
            follows = about[0].follows or about[0].number
            return replace(step, status=FOLLOWS, follows=follows)
    return step


_WRONG = (WRONG, AGAIN, FOLLOWS)
