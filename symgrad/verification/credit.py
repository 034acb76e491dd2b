"""What a piece of work earns: for each gradient that has to be found, a part of 1.

Why it exists: a mark has to be fair, and the same for all, so its rule stands in one place. Each
gradient counts once, however often it is written and in however many lines.

* Right: 1. Right after a wrong line about it, as where a slip is corrected: ½.
* Right as a step, but built on a slip: the gradient, and the gradients and wrong values that it
  is built on, are counted; it earns the part of them that is right, or right as a step.
* Wrong, missing, not decided, or resting on a gradient that no line derives: it earns the part
  that is right of itself and the intermediate gradients by which the key derives it (δ2, δ1).
  True and not derived counts as right here, but what is not derived counts as missing.

Lines that repeat the declaration earn nothing, nor do names, and what goes in a circle.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import symgrad.verification.remarks as remarks
from symgrad import graph as g
from symgrad.graph import Kind
from symgrad.verification.grounds import Grounds
from symgrad.verification.names import Target, Truth
from symgrad.verification.steps import (
    AGAIN,
    FOLLOWS,
    UNDERIVED,
    UNREADABLE,
    Credit,
    StepVerdict,
)
from symgrad.verification.uses import Key
from symgrad.verification.verdict import RIGHT, UNDECIDED, WRONG

MISSING, CORRECTED = "missing", "corrected"

_COUNTED = (RIGHT, WRONG, FOLLOWS, AGAIN, UNDECIDED, UNDERIVED, UNREADABLE)
_SLIPS = (WRONG, AGAIN, FOLLOWS)
_GOOD = (RIGHT, FOLLOWS, CORRECTED)


def credits(
    steps: Sequence[StepVerdict], truth: Truth, wanted: Sequence[Target]
) -> tuple[Credit, ...]:
    """What the lines earn, for each target that is wanted, or of which they speak if none is."""
    found = _Credits(steps, truth)
    if wanted:
        return tuple(found.of(x) for x in wanted)
    return tuple(found.alone(key) for key in found.lines if found.counts_alone(key))


class _Credits:
    def __init__(self, steps: Sequence[StepVerdict], truth: Truth) -> None:
        self.truth = truth
        self.grounds = Grounds(steps, truth)
        self.lines: dict[Key, list[StepVerdict]] = {}
        for step in steps:
            if step.key is not None and step.status in _COUNTED:
                self.lines.setdefault(step.key, []).append(step)
        self.definitions = {x.number for x in steps if x.names and x.status in _SLIPS}

    def state(self, key: Key) -> str:
        """The status of a value: that of the last line about it, if none above it was a slip."""
        lines = self.lines.get(key, ())
        found = [x.status for x in lines if x.status != UNREADABLE] or [x.status for x in lines]
        if not found:
            return MISSING
        if found[-1] == RIGHT:
            return CORRECTED if set(found) & set(_SLIPS) else RIGHT
        if FOLLOWS in found and not set(found) - {RIGHT, FOLLOWS}:
            return FOLLOWS
        return next((x for x in (WRONG, AGAIN, UNDECIDED) if x in found), found[-1])

    def of(self, target: Target) -> Credit:
        """What is earned for a gradient that was asked for."""
        assert target.key is not None
        state = self.state(target.key)
        if state in (RIGHT, CORRECTED):
            return self._credit(target.name, target.key, Fraction(1, 1 if state == RIGHT else 2))
        counted = self._built_on(target.key) if state == FOLLOWS else self._stages(target)
        if state == UNDERIVED:
            for step in self.lines[target.key]:
                counted |= dict.fromkeys(self.grounds.lacking(step.rests_on))
        counted.pop(target.key, None)
        good = sum(self.state(x) in _GOOD for x in counted) + (state in (FOLLOWS, UNDERIVED))
        total = len(counted) + 1
        if state == FOLLOWS and good == total:  # of a slip that is in no value of the loss
            total += 1
        return self._credit(target.name, target.key, Fraction(good, total))

    def counts_alone(self, key: Key) -> bool:
        """Whether a value counts where nothing was asked for: not one that is declared so."""
        return key[0] or self.state(key) != RIGHT

    def alone(self, key: Key) -> Credit:
        """What is earned for a value by its own lines."""
        claims = [x.claim for x in self.lines[key] if x.claim is not None]
        name = claims[0].target.name if claims else self.lines[key][0].text.partition(" =")[0]
        state = self.state(key)
        halved = state == CORRECTED or (
            # of a slip in a name of the writer's own, which counts nowhere else
            state == FOLLOWS and any(x.follows in self.definitions for x in self.lines[key])
        )
        earned = Fraction(state in _GOOD, 2 if halved else 1)
        return self._credit(name, key, earned)

    def _credit(self, name: str, key: Key, earned: Fraction) -> Credit:
        lines = self.lines.get(key, [])
        state = self.state(key)
        shown = next(
            (x for x in reversed(lines) if x.status == state), lines[-1] if lines else None
        )
        number = None if shown is None else shown.number
        return Credit(name, earned, remarks.earned(state, shown), number)

    def _built_on(self, key: Key) -> dict[Key, None]:
        """The gradients that a line is built on in the end, and other values that are wrong."""
        found: dict[Key, None] = {}
        stack = [key]
        while stack:
            for step in self.lines.get(stack.pop(), ()):
                for used in step.rests_on:
                    if used not in found and (used[0] or self.state(used) not in (RIGHT, MISSING)):
                        found[used] = None
                        stack.append(used)
        return found

    def _stages(self, target: Target) -> dict[Key, None]:
        """The gradients that have names where the key derives a gradient."""
        found: dict[Key, None] = {}
        for node in g.topological([target.node]):
            if node.kind is Kind.NAMED and node.name in self.truth.adjoints:
                stage = self.truth.target(node.name)
                if stage is not None and stage.key is not None:
                    found[stage.key] = None
        return found
