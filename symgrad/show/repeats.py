"""Repeated layers shown once: zₗ = Wₗ·hₗ₋₁ + bₗ for l = 2, …, 100.

Why it exists: the derivation of a deep network has hundreds of lines and says few things. Lines
that are the same but for the numbers in their names, and whose numbers grow by the same amounts
from each layer to the next, are shown as one block of lines with an index. Nothing is lost:
`unfold` gives every line back.

A block has any number of lines, and its numbers may grow at different rates, as those of x_l,
W_2l−1 and W_2l do. Layers that differ, often the first and the last, stay as they are, and in
those long sums over layers are written with Σ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from symgrad.show.layer_index import FEWEST, Index, at, common_step, free_letter
from symgrad.show.long_sums import collected, expanded
from symgrad.show.numbering import Form, Forms
from symgrad.show.steps import Step

_CANDIDATES = 8
"""How many later lines of a line's form are tried as its place in the next layer."""
_MIXED = 6
"""How many lines more are worth a block whose lines are about one layer."""


def folded(sections: Sequence[Sequence[Step]]) -> list[tuple[Step, ...]]:
    """The sections with what repeats shown once, under one index letter for all."""
    forms = Forms()
    read = [[forms(step) for step in steps] for steps in sections]
    letter = free_letter(forms.texts)
    if letter is None:
        return [tuple(steps) for steps in sections]
    return [
        tuple(_folded(steps, mine, forms, letter))
        for steps, mine in zip(sections, read, strict=True)
    ]


def unfold(step: Step) -> list[Step]:
    """The lines that a line stands for; a line without an index stands for itself."""
    repeats = step.repeats
    if repeats is None:
        return [step._replace(expr=expanded(step.expr))]
    plain = step._replace(repeats=None)
    return [at(plain, repeats, k) for k in range(len(repeats.values))]


# -------------------------------------------------------------------------------- what repeats


class _Run(NamedTuple):
    """``period`` lines ``times`` times, from ``start`` on."""

    start: int
    period: int
    times: int

    @property
    def end(self) -> int:
        return self.start + self.period * self.times


def _folded(steps: Sequence[Step], read: list[Form], forms: Forms, letter: str) -> Iterator[Step]:
    """The lines of a section; a run that cannot be written with one index stays as it is."""
    later = _later(read)
    start = 0
    while start < len(steps):
        for run in _runs_from(start, steps, read, later, forms):
            block = _block(run, steps, read, forms, letter)
            if block is not None:
                yield from steps[start : run.start]
                yield from block
                start = run.end
                break
        else:
            yield steps[start]._replace(expr=collected(steps[start].expr, forms, letter))
            start += 1


def _later(read: Sequence[Form]) -> list[int]:
    """The next line of the same form, for each line; past the end where there is none."""
    seen: dict[int, int] = {}
    later = [len(read)] * len(read)
    for k in reversed(range(len(read))):
        later[k] = seen.get(read[k].key, len(read))
        seen[read[k].key] = k
    return later


def _runs_from(
    at: int, steps: Sequence[Step], read: Sequence[Form], later: Sequence[int], forms: Forms
) -> list[_Run]:
    """Runs whose lines repeat from ``at`` on, those that save the most lines first.

    Its first layer may begin some lines later, where the lines of a layer are about one layer.
    """
    found: list[_Run] = []
    reached: list[tuple[int, int]] = []
    following = at
    for _ in range(_CANDIDATES):
        following = later[following]
        if following >= len(read):
            break
        period = following - at
        if any(_ends_with(end, period, by, read) for by, end in reached):
            continue
        end = _reach(at, period, read)
        reached.append((period, end))
        starts = [s for s in range(at, at + period) if (end - s) // period >= FEWEST]
        if starts:
            runs = [_Run(s, period, (end - s) // period) for s in starts]
            costs = [_cost(run, steps, read, forms) for run in runs]
            found.append(runs[costs.index(min(costs))])
    return sorted(found, key=lambda run: (run.period * (1 - run.times), run.period))


def _reach(at: int, period: int, read: Sequence[Form]) -> int:
    """Where lines cease to be those of one period before, with numbers grown by the same."""
    end = at + period
    while end < len(read) and read[end].key == read[end - period].key:
        before = end - 2 * period
        if before >= at and _growth(read, end, period) != _growth(read, end - period, period):
            break
        end += 1
    return end


def _ends_with(end: int, period: int, by: int, read: Sequence[Form]) -> bool:
    """Whether what repeats ``by`` so many lines until ``end`` repeats no longer by ``period``."""
    ended = end == len(read) or read[end].key != read[end - period].key
    return period % by == 0 and end - period >= 0 and ended


def _growth(read: Sequence[Form], at: int, period: int) -> tuple[int, ...]:
    """How the numbers of a line differ from those of one period before."""
    return tuple(b - a for a, b in zip(read[at - period].numbers, read[at].numbers, strict=True))


def _cost(run: _Run, steps: Sequence[Step], read: Sequence[Form], forms: Forms) -> int:
    """What a place to begin costs: lines that are not in it, and lines about different layers."""
    numbers = set()
    for k in range(run.start, run.start + run.period):
        here, there = (forms(steps[x].names[0]).numbers for x in (k, k + run.period))
        numbers |= {tuple(a for a, b in zip(here, there, strict=True) if a != b)[-1:]}
    return _MIXED * len(numbers) - run.period * run.times


# ------------------------------------------------------------------------------------- the block


def _block(
    run: _Run, steps: Sequence[Step], read: Sequence[Form], forms: Forms, letter: str
) -> list[Step] | None:
    """The lines of one repetition, with an index; None where one cannot say what changes."""
    places = range(run.start, run.start + run.period)
    growths = [_growth(read, k + run.period, run.period) for k in places]
    step = common_step(growths)
    if step is None:
        return None
    index = Index(letter, _first_value(run, steps, read, forms, step), step)
    made: list[Step] = []
    for k, growth in zip(places, growths, strict=True):
        line = index.written(steps[k : run.end : run.period], growth, forms)
        if line is None:
            return None
        made.append(line)
    repeats = index.repeats(run.times)
    return [line._replace(repeats=repeats) for line in made]


def _first_value(
    run: _Run, steps: Sequence[Step], read: Sequence[Form], forms: Forms, step: int
) -> int:
    """The index in the first repetition: a number of the left-hand side, if one grows so."""
    texts = [steps[k].names[0] for k in (run.start, run.start + run.period)]
    rows = [[forms(text).numbers for text in texts]]
    rows += [
        [read[k].numbers, read[k + run.period].numbers]
        for k in range(run.start, run.start + run.period)
    ]
    return next(a for x, y in rows for a, b in reversed([*zip(x, y, strict=True)]) if b - a == step)
