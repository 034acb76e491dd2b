"""Descent: the minibatch loop, in chunks of steps that are compiled or at least uninterrupted."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import numpy as np

from .batches import _Arrays, _Chunk, _Masks, _Source
from .checkpoint import _Checkpoint, _Run
from .divergence import Diverged, _advice, _first_not_finite, _number_text
from .history import _history
from .interface import (
    DTYPE,
    MASKS,
    OPTIMIZERS,
    Params,
    _is_halved,
    _sgd_steps,
    _steps,
    _workspace,
)
from .interrupts import _Interrupts
from .metrics import Metrics, _measure
from .progress import _Progress
from .schedules import _Rates

CHUNK_SECONDS = 0.1  # what one call should take: Ctrl-C, checkpoints and the bar wait for it


@dataclass(frozen=True)
class _Settings:
    """How a run goes, checked."""

    epochs: int
    optimizer: str
    options: dict[str, float]
    rates: _Rates
    seed: int
    patience: int | None
    clip: float
    segments: np.ndarray  # (n, 2): the parts of theta that are updated

    def plain(self, size: int) -> bool:
        """Whether all `size` parameters follow θ − η·∂L/∂θ, for which there is a faster way."""
        whole = np.array_equal(self.segments, [[0, size]]) and self.clip == math.inf
        return whole and self.optimizer == "sgd" and not any(self.options.values())


class _HeldOut(NamedTuple):
    """Checked validation data, none of them if none were given."""

    arrays: tuple[np.ndarray, ...]
    sizes: dict[str, int]

    def measure(self, params: Params) -> Metrics:
        if not self.arrays:
            return Metrics(math.nan, math.nan, math.nan, math.nan)
        rows = Params(*(np.asarray(array, order="C") for array in params))
        return _measure(rows, self.arrays, self.sizes)


class _Work(NamedTuple):
    """Some steps, with all that they need."""

    chunk: _Chunk
    masks: tuple[np.ndarray, ...]
    rates: np.ndarray
    coefficients: np.ndarray
    losses: np.ndarray

    def step(self, s: int) -> _Work:
        """One of the steps."""
        chunk, start = self.chunk.step(s), s * self.chunk.batch_size
        masks = tuple(mask[start : start + len(chunk.order)] for mask in self.masks)
        one = slice(s, s + 1)
        return _Work(chunk, masks, self.rates[one], self.coefficients[one], self.losses[one])


class _Descent:
    """A run that goes on, step by step; the same steps whatever the chunks that they come in."""

    def __init__(self, run: _Run, settings: _Settings, sizes: dict[str, int]) -> None:
        self.run, self.settings, self.sizes = run, settings, sizes
        self.plain = False  # whether the steps are of `_sgd_steps`
        self.steps = 1  # of the next chunk
        self.joins = not MASKS  # whether short epochs are taken several at a time
        # As they were before the chunk.
        self.kept = np.empty_like(run.theta), np.empty_like(run.state)
        self.work: tuple[int, Any] = (0, ())

    def advance(self, chunk: _Chunk, masks: _Masks, per_epoch: int | None) -> None:
        """Take the steps of a chunk; raise Diverged at the first that is not finite."""
        start, rows = time.monotonic(), chunk.rows
        work = self._prepared(chunk, masks.draw(len(chunk.order)), per_epoch)
        if not self._taken(work):
            for s in range(len(rows)):
                self._keep()
                self._take(work.step(s))
                if not math.isfinite(work.losses[s]) or not self._is_finite():
                    self._count(rows[:s], work.losses[:s], work.rates)
                    self._diverge(work.step(s))
        self._count(rows, work.losses, work.rates)
        self._adapt(len(rows), time.monotonic() - start)

    def advance_epochs(self, source: _Source, epochs: int) -> bool:
        """Take all steps of some epochs, if that leads to finite numbers; else take none.

        Short epochs would otherwise spend a third of their time between two calls.
        """
        if not isinstance(source, _Arrays):
            return False
        start, run = time.monotonic(), self.run
        work = self._prepared(source.joined(len(run.records), epochs), (), source.per_epoch)
        if not self._taken(work):
            self.joins = False
            return False
        size, steps = work.chunk.batch_size, source.per_epoch
        totals = np.cumsum((size * work.losses).reshape(epochs, steps), axis=1)[:, -1]
        means = (totals / (size * steps)).tolist()
        rates = work.rates[steps - 1 :: steps].tolist()
        nothing = _HeldOut((), {}).measure(run.params)
        run.records += [(mean, rate, *nothing) for mean, rate in zip(means, rates, strict=True)]
        run.rate, run.t = rates[-1], run.t + epochs * steps
        self._adapt(epochs * steps, time.monotonic() - start)
        return True

    def _adapt(self, steps: int, seconds: float) -> None:
        """Set the length of the next chunk by how long one of `steps` steps took."""
        wanted = int(steps * CHUNK_SECONDS / max(seconds, 1e-9))
        self.steps = max(1, min(wanted, 8 * max(steps, self.steps)))

    def _taken(self, work: _Work) -> bool:
        """Take steps, and say whether that led to finite numbers; else go back."""
        self._keep()
        taken = self._take(work)
        if taken == len(work.losses) and np.isfinite(work.losses).all() and self._is_finite():
            return True
        self._restore()
        return False

    def _prepared(
        self, chunk: _Chunk, masks: tuple[np.ndarray, ...], per_epoch: int | None
    ) -> _Work:
        settings, count, size = self.settings, chunk.steps, chunk.batch_size
        if self.work[0] != size:
            params, arrays = self.run.params, chunk.arrays
            self.work = size, _workspace(params, size, *arrays)
            plain = settings.plain(len(self.run.theta))
            self.plain = plain and not _is_halved(params, size, *arrays)
        t = np.arange(self.run.t + 1, self.run.t + count + 1)
        rates = settings.rates.of(t, len(self.run.records), per_epoch)
        coefficients = rates[:, None]
        if not self.plain:
            rule = OPTIMIZERS[settings.optimizer].coefficients
            coefficients = rule(rates, t.astype(float), **settings.options)
        numbers = np.ascontiguousarray(coefficients, DTYPE)
        return _Work(chunk, masks, rates, numbers, np.zeros(count))

    def _take(self, work: _Work) -> int:
        run, how, chunk = self.run, self.settings, work.chunk
        numbers, losses, reused = work.coefficients, work.losses, self.work[1]
        order, size, arrays = chunk.order, chunk.batch_size, (*chunk.arrays, *work.masks)
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                if self.plain:
                    rates = numbers[:, 0]
                    return _sgd_steps(run.params, order, size, rates, losses, reused, *arrays)
                rule, theta, state = how.optimizer, run.theta, run.state
                rest = (numbers, how.clip, how.segments, losses, reused)
                return _steps(rule, run.params, theta, state, order, size, *rest, *arrays)
        except np.linalg.LinAlgError:  # a matrix that has no inverse
            work.losses[:] = math.nan
            return 0

    def _count(self, rows: np.ndarray, losses: np.ndarray, rates: np.ndarray) -> None:
        """Add steps to the epoch, one after the other: a sum that chunks do not change."""
        run, count = self.run, len(rows)
        if count:
            sums = rows * losses
            sums[0] += run.total
            run.total = float(np.cumsum(sums)[-1])
            run.rate = float(rates[count - 1])
        run.rows += int(rows.sum())
        run.position += count
        run.t += count

    def _keep(self) -> None:
        np.copyto(self.kept[0], self.run.theta)
        np.copyto(self.kept[1], self.run.state)

    def _restore(self) -> None:
        np.copyto(self.run.theta, self.kept[0])
        np.copyto(self.run.state, self.kept[1])

    def _is_finite(self) -> bool:
        """Whether all parameters are, and what the optimizer keeps; their sum shows it.

        (A sum of squares by BLAS would wake the threads of NumPy's BLAS, which then spin beside
        those of the steps' own: that costs a step twice its time.)
        """
        with np.errstate(over="ignore", invalid="ignore"):
            flat = self.run.theta, self.run.state.reshape(-1)
            return all(math.isfinite(x.sum()) or np.isfinite(x).all() for x in flat)

    def _diverge(self, work: _Work) -> NoReturn:
        """Go back to before the step that failed, and say what happened in it."""
        run, settings, (value,) = self.run, self.settings, work.losses
        what = f"The loss became {_number_text(value)}"
        if math.isfinite(value):
            kept = zip(OPTIMIZERS[settings.optimizer].state, run.state, strict=True)
            name, wrong = next(
                (name, array[~np.isfinite(array)][0])
                for name, array in (*run.params._asdict().items(), *kept)
                if not np.isfinite(array).all()
            )
            what = f"{name} became {_number_text(wrong)}"
        self._restore()
        epoch, step = len(run.records) + 1, run.position + 1
        batch = tuple(array[work.chunk.order] for array in work.chunk.arrays)
        cause = _first_not_finite(run.params, batch)
        raise Diverged(
            f"{what} at step {step} of epoch {epoch}: {cause}. "
            f"{_advice(settings.rates.learning_rate, settings.clip)}",
            run.parameters(),
            _history(run.records, "diverged"),
            epoch,
            step,
        )


def _descend(
    run: _Run,
    source: _Source,
    settings: _Settings,
    held_out: _HeldOut,
    sizes: dict[str, int],
    checkpoint: _Checkpoint,
    progress: _Progress,
    interrupts: _Interrupts,
) -> None:
    """Take the run to its end, or to where it is interrupted."""
    descent = _Descent(run, settings, sizes)
    while len(run.records) < settings.epochs and not _patience_is_over(run, settings.patience):
        epoch = len(run.records)
        if descent.joins and not held_out.arrays and run.position == 0:
            epochs = min(source.whole_epochs(descent.steps), settings.epochs - epoch)
            if epochs > 1 and descent.advance_epochs(source, epochs):
                checkpoint.write_if_due(run)
                progress.show(run.records, 0.0, run.records[-1][0])
                if interrupts.asked:
                    return
                continue
        masks = _Masks(settings.seed, epoch, sizes, run.rows)
        for chunk in source.chunks(epoch, run.position, lambda: descent.steps):
            descent.advance(chunk, masks, source.per_epoch)
            checkpoint.write_if_due(run)
            part = run.position / source.per_epoch if source.per_epoch else 0.0
            progress.show(run.records, part, run.total / run.rows)
            if interrupts.asked and run.position != source.per_epoch:
                return
        if not run.rows:
            raise ValueError(f"The data hold no batches in epoch {epoch + 1}; expected some again.")
        _end_epoch(run, held_out, settings)
        if interrupts.asked:
            return


def _patience_is_over(run: _Run, patience: int | None) -> bool:
    return patience is not None and len(run.records) - run.best_epoch >= patience


def _end_epoch(run: _Run, held_out: _HeldOut, settings: _Settings) -> None:
    """Record an epoch, with what the parameters now do on the validation data."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        measured = held_out.measure(run.params)
    epoch = len(run.records) + 1
    if held_out.arrays and not math.isfinite(measured.loss):
        raise Diverged(
            f"The validation loss is {measured.loss} in epoch {epoch}; try a lower learning_rate, "
            "or look for examples where the loss has no value.",
            run.parameters(),
            _history(run.records, "diverged"),
            epoch,
            run.position,
        )
    lowest = run.records[run.best_epoch - 1][2] if run.best_epoch else math.inf
    run.records.append((run.total / run.rows, run.rate, *measured))
    if measured.loss < lowest:
        run.best[...], run.best_epoch = run.theta, len(run.records)
    run.position, run.rows, run.total = 0, 0, 0.0
