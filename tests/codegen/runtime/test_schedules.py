"""Schedules: each against its formula, step by step."""

import math

import numpy as np
import pytest

from symgrad.codegen.runtime.schedules import SCHEDULES, _check_schedule, _Rates

EXPECTED = {
    "constant": lambda e, epochs: 1.0,
    "step": lambda e, epochs: 0.5 ** (e // 2),
    "1/t": lambda e, epochs: 1 / (1 + 3 * e),
    "cosine": lambda e, epochs: 0.5 * (1 + math.cos(math.pi * e / epochs)),
}
OPTIONS = {"step": {"factor": 0.5, "every": 2.0}, "1/t": {"decay": 3.0}}
EPOCHS, PER_EPOCH = 6, 5


def rates(schedule, warmup=0, per_epoch=PER_EPOCH, **options):
    """η of all steps of a run with η = 0.1, epoch by epoch."""
    made = _Rates(0.1, schedule, OPTIONS.get(schedule, {}) | options, warmup, EPOCHS)
    steps = np.arange(1, EPOCHS * PER_EPOCH + 1).reshape(EPOCHS, PER_EPOCH)
    return np.concatenate([made.of(t, epoch, per_epoch) for epoch, t in enumerate(steps)])


def test_every_schedule_is_tested():
    assert EXPECTED.keys() == SCHEDULES.keys()


@pytest.mark.parametrize("warmup", [0, 1, 7])
@pytest.mark.parametrize("name", EXPECTED)
def test_a_schedule_follows_its_formula_after_the_warm_up(name, warmup):
    expected = []
    for step in range(EPOCHS * PER_EPOCH):
        after = max(step - warmup, 0) / PER_EPOCH
        rise = min(1, (step + 1) / warmup) if warmup else 1
        expected.append(0.1 * rise * EXPECTED[name](after, EPOCHS - warmup / PER_EPOCH))
    np.testing.assert_allclose(rates(name, warmup), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", EXPECTED)
def test_without_the_length_of_an_epoch_a_schedule_changes_between_epochs(name):
    found = rates(name, per_epoch=None).reshape(EPOCHS, PER_EPOCH)
    for epoch, row in enumerate(found):
        np.testing.assert_allclose(row, 0.1 * EXPECTED[name](epoch, EPOCHS))


def test_defaults_of_options_are_those_of_the_table():
    assert _check_schedule("step") == ("step", {"factor": 0.5, "every": 10.0})


def test_a_function_gets_the_numbers_of_steps():
    np.testing.assert_allclose(rates(lambda t: 1 / t), 0.1 / np.arange(1, 31))
    risen = rates(lambda t: 1 / t, warmup=10)
    np.testing.assert_allclose(risen[:10], 0.1 * np.arange(1, 11) / 10)
    np.testing.assert_allclose(risen[10:], 0.1 / np.arange(1, 21))


@pytest.mark.parametrize(
    ("schedule", "sentence"),
    [
        ("cosin", "schedule is 'cosin'; softmax_regression knows .*. Did you mean 'cosine'"),
        (3, "schedule is 3; softmax_regression knows constant, step"),
        (lambda t: 1.0, r"schedule gave float64 of shape \(\) for the step numbers 1 … 2; exp"),
        (lambda t: -t, "schedule gave -1 for step 1; expected a finite factor ≥ 0"),
        (lambda t: 1 / (t - 1.0), "schedule gave inf for step 1; expected a finite factor"),
        (lambda t: np.where(t > 1, np.nan, 1), "schedule gave nan for step 2; expected"),
    ],
)
def test_what_is_no_schedule_is_refused(schedule, sentence):
    with np.errstate(divide="ignore"), pytest.raises(ValueError, match=sentence):
        _check_schedule(schedule)
