"""Training: `fit`, from data to parameters and the history of how they came about."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike

from .checkpoint import _Checkpoint, _interrupted, _new_run, _resume, _Run
from .checks import (
    _check_data,
    _check_dims,
    _check_integer,
    _check_number,
    _check_params,
)
from .descent import _descend, _HeldOut, _patience_is_over, _Settings
from .divergence import Diverged
from .full_batch import FULL_BATCH, _run_full
from .history import History, _history
from .initial import Initial, _check_initial, init
from .interface import DATA, F_ORDER, OPTIMIZERS, Params
from .interrupts import _Interrupts
from .iterations import _Iterations
from .progress import _Progress
from .schedules import Factor, _check_rates, _check_schedule, _Rates
from .settings import (
    _check_clip,
    _check_freeze,
    _check_options,
    _check_rate,
    _check_rule,
    _check_source,
    _check_start,
    _described,
    _refuse_foreign,
    _segments,
)
from .storage import FilePath


def fit(
    *data: ArrayLike | Iterable[Any] | Callable[..., Iterable[Any]],
    params: Params | None = None,
    epochs: int,
    batch_size: int | None = None,
    optimizer: str = "sgd",
    learning_rate: float | None = None,
    seed: int = 0,
    validation: Sequence[ArrayLike] | None = None,
    patience: int | None = None,
    checkpoint: FilePath | None = None,
    progress: bool = True,
    schedule: str | Factor = "constant",
    warmup: int = 0,
    clip: float | None = None,
    freeze: Iterable[str] = (),
    initial: Initial | None = None,
    options: Mapping[str, float] | None = None,
    checkpoint_seconds: float | None = None,
    **dims: int,
) -> tuple[Params, History]:
    """Train on the data by minibatch gradient descent; returns the parameters and the history.

    `data` are arrays with one example per row, in the order of `DATA`. Large memory-mapped files
    are read piece by piece. In their place may stand one object that yields batches, tuples of such
    arrays: something that can be iterated once for each epoch, or a function that returns it, of no
    argument or of the number of the epoch, from 0. Each batch is then a step, or several of
    `batch_size`; nothing is shuffled. To continue from a checkpoint they must come again.

    Starts from a copy of `params`, or from `init(seed, initial=initial, **dims)`; sizes that the
    data show need not be given. The rows are in a new order in each epoch, and the dropout masks
    are drawn, from `seed`: with the same arguments, the same parameters.

    - `optimizer` is one of `OPTIMIZERS`, or of `FULL_BATCH`: these take all rows at once and need
      no `learning_rate`, an epoch is an iteration, and nothing is dropped out. `options` are the
      optimizer's and the schedule's, {"beta1": 0.8}.
    - `learning_rate` changes by `schedule`, one of `SCHEDULES`, or a function from the numbers of
      steps, an array 1, 2, …, to factors. Before it, in the first `warmup` steps, the rate rises
      from 0.
    - `clip` is the largest norm of the gradient of all parameters: a longer one is scaled down.
    - `freeze` names parameters that stay as they are.
    - `validation` are arrays, or memory-mapped files, to measure on after each epoch. With
      `patience`, training ends after that many epochs without a lower validation loss and returns
      the best epoch's parameters; without, the last ones.
    - `checkpoint` is a file that the run is saved to while it goes on, every `checkpoint_seconds`
      (1 unless given, or more where it takes long), and at its end. Where it exists already,
      training continues from it, exactly as if it had never stopped.

    Ctrl-C or SIGTERM ends the run after the current steps, as `epochs` would, with a checkpoint:
    the parameters are then the best if there are validation data. A second one raises
    KeyboardInterrupt. `progress` shows a bar, on a terminal only.

    Raises ValueError, with a sentence, for anything that does not fit together, and Diverged, a
    FloatingPointError, where a loss or a parameter is not finite: it has the last good parameters.
    """
    # How it goes.
    rule, full = _check_rule(optimizer), optimizer in FULL_BATCH
    seed, epochs = _check_integer("seed", seed, 0), _check_integer("epochs", epochs, 0)
    if patience is not None and _check_integer("patience", patience, 1) and validation is None:
        raise ValueError("patience watches the validation loss; pass validation= as well.")
    if checkpoint_seconds is not None:
        _check_number("checkpoint_seconds", checkpoint_seconds, " ≥ 0", 0)
    if full:
        foreign = {
            "learning_rate": learning_rate is not None,
            "schedule": schedule != "constant",
            "warmup": warmup != 0,
            "clip": clip is not None,
            "checkpoint": checkpoint is not None,
        }
        _refuse_foreign(optimizer, [name for name, given in foreign.items() if given])
        learning_rate = 1.0
    chosen, its_options = _check_schedule(schedule)
    of_rule, of_schedule = _check_options(options, rule.options, its_options)
    rate = _check_rate(learning_rate, optimizer, of_rule)
    warmup = _check_integer("warmup (in steps)", warmup, 0)
    rates = _check_rates(_Rates(rate, chosen, of_schedule, warmup, epochs))

    # What it works on.
    sizes = _check_dims(dims, _option_names())
    if params is not None:
        params = _check_start(params, initial, sizes)
    else:
        _check_initial(initial, sizes)  # given arrays show sizes that the data have to agree with
    source = _check_source(data, sizes, epochs, batch_size, seed, optimizer)
    held_out = _HeldOut((), sizes)
    if validation is not None:
        arrays = _check_data(validation, DATA, sizes, "validation ", leave_large=True)
        held_out = _HeldOut(arrays, sizes)
    params = init(seed, initial=initial, **sizes) if params is None else params
    _check_params(params, sizes)  # for the sizes that only they show

    # Where it stands: at the start, or where the checkpoint says.
    frozen, bound = _check_freeze(freeze), math.inf if clip is None else _check_clip(clip)
    segments = _segments(params, frozen)
    settings = _Settings(epochs, optimizer, of_rule, rates, seed, patience, bound, segments)
    states = [] if full else [*OPTIMIZERS[optimizer].state.values()]
    run = _new_run(params, states, () if full else F_ORDER)
    described = {} if checkpoint is None else _described(settings, source, held_out, params, frozen)
    run = _resume(checkpoint, described, epochs, run)
    saved = _Checkpoint(checkpoint, described, checkpoint_seconds)

    bar = _Progress(progress, epochs)
    with _Interrupts() as interrupts:
        try:
            if isinstance(source, tuple):
                whole = _Iterations(run, source, settings, held_out, bar, interrupts)
                _run_full(optimizer, whole)
            else:
                _descend(run, source, settings, held_out, sizes, saved, bar, interrupts)
        except Diverged:
            saved.write(run, last=True)
            raise
        finally:
            bar.close(run.records)
        saved.write(run, last=True)
    ended = _how_it_ended(run, settings, interrupts)
    best = run.best_epoch > 0 and (
        patience is not None or (ended == "interrupted" and validation is not None)
    )
    if ended == "interrupted" and sys.stderr is not None:
        print(_interrupted(run, epochs, saved, best), file=sys.stderr)
    return run.parameters(best), _history(run.records, ended)


def _how_it_ended(run: _Run, settings: _Settings, interrupts: _Interrupts) -> str:
    if len(run.records) >= settings.epochs:
        return "epochs"
    if _patience_is_over(run, settings.patience):
        return "patience"
    return "interrupted" if interrupts.asked else "converged"


def _option_names() -> list[str]:
    """The names of the options of `fit`."""
    parameters = inspect.signature(fit).parameters.values()
    return [x.name for x in parameters if x.kind is x.KEYWORD_ONLY]
