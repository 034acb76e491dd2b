"""What fit refuses, each with a sentence; the numbers that optimizers make of their options."""

import numpy as np
import pytest

from symgrad.codegen.runtime.initial import init
from symgrad.codegen.runtime.interface import DATA, OPTIMIZERS
from symgrad.codegen.runtime.settings import _check_options, _segments
from symgrad.codegen.runtime.training import fit

OPTIONS = {"epochs": 5, "batch_size": 7, "learning_rate": 0.1}
KNOWN = "softmax_regression knows "

WRONG = {
    "optimizer": (
        {"optimizer": "adamm"},
        f"optimizer is 'adamm'; {KNOWN}sgd, adam, lbfgs, levenberg_marquardt, gauss_newton. "
        "Did you mean 'adam'?",
    ),
    "optimizer type": ({"optimizer": None}, f"optimizer is None; {KNOWN}sgd, adam"),
    "epochs": ({"epochs": -1}, "epochs is -1; expected an integer of at least 0."),
    "epochs type": ({"epochs": "3"}, "epochs is '3'; expected an integer of at least 0."),
    "batch": ({"batch_size": 0}, "batch_size is 0; expected an integer of at least 1."),
    "large batch": ({"batch_size": 61}, "batch_size is 61, but the data have 60 rows."),
    "no batch": ({"batch_size": None}, "batch_size is needed by sgd; pass a number from 1 to 60."),
    "rate": ({"learning_rate": -0.1}, "learning_rate is -0.1; expected a finite number ≥ 0"),
    "nan rate": ({"learning_rate": np.nan}, "learning_rate is nan; expected a finite number"),
    "large rate": ({"learning_rate": 1e39}, "learning_rate is 1e+39; expected a finite number"),
    "rate type": ({"learning_rate": "0.1"}, "learning_rate is '0.1'; expected a finite number"),
    "no rate": ({"learning_rate": None}, "learning_rate is needed by sgd; pass a number such as"),
    "seed": ({"seed": None}, "seed is None; expected an integer of at least 0."),
    "patience": ({"patience": 2}, "patience watches the validation loss; pass validation="),
    "patience 0": ({"patience": 0}, "patience is 0; expected an integer of at least 1."),
    "validation": (
        {"validation": np.ones((2, 4))},
        "validation data are of type ndarray; expected",
    ),
    "schedule": ({"schedule": "step-wise"}, "schedule is 'step-wise'; " + KNOWN + "constant, step"),
    "warmup": ({"warmup": 0.5}, "warmup (in steps) is 0.5; expected an integer of at least 0."),
    "clip": ({"clip": 0}, "clip is 0; expected a finite number > 0, such as 1.0."),
    "nan clip": ({"clip": np.nan}, "clip is nan; expected a finite number > 0, such as 1.0."),
    "freeze": ({"freeze": ["w"]}, f"a parameter in freeze is 'w'; {KNOWN}W, b."),
    "freeze text": ({"freeze": "W"}, "freeze is 'W'; give a list of names, ['W']."),
    "freeze all": ({"freeze": ["W", "b"]}, "freeze names every parameter; leave at least one to"),
    "initial": ({"initial": "he"}, f"initial is 'he'; {KNOWN}zeros, glorot_uniform"),
    "both": ({"initial": "zeros", "params": init(C=3, D=4)}, "Both params and initial are given;"),
    "options": ({"options": ["x"]}, "options is of type list; expected a dict such as"),
    "option": (
        {"options": {"weight_deacy": 0.1}},
        f"an option in options is 'weight_deacy'; {KNOWN}weight_decay. Did you mean",
    ),
    "option of another": (
        {"options": {"beta1": 0.1}},
        f"an option in options is 'beta1'; {KNOWN}weight_decay.",
    ),
    "option type": ({"options": {"weight_decay": "x"}}, "option weight_decay is 'x'; expected a"),
    "no step": (
        {"optimizer": "adam", "options": {"beta1": 1.0}},
        "adam has no first step with options {'beta1': 1.0, 'beta2': 0.999, ",
    ),
    "schedule option": (
        {"schedule": "step", "options": {"every": 0}},
        "schedule 'step' with factor 0.5, every 0 multiplies learning_rate by nan; expected a",
    ),
    "growing": (
        {"schedule": "step", "options": {"every": 0.01, "factor": 2}},
        "schedule 'step' with factor 2, every 0.01 multiplies learning_rate by ",
    ),
    "memory": (
        {"optimizer": "lbfgs", "options": {"memory": 0.5}, "learning_rate": None}
        | {"batch_size": None},
        "option memory is 0.5; expected an integer of at least 1.",
    ),
    "seconds": ({"checkpoint_seconds": -1}, "checkpoint_seconds is -1; expected a finite number"),
    "unknown": (
        {"epoch": 3},
        "softmax_regression has no option or dimension 'epoch'; dimensions: C, D. Did you mean "
        "'epochs'?",
    ),
    "size": ({"D": 5}, "X has shape (60, 4); expected (N, D) with D = 5"),
    "params": ({"params": init(C=2, D=4)}, "Y has shape (60, 3); expected (N, C) with C = 2"),
    "nan params": (
        {"params": init(C=3, D=4)._replace(b=np.array([0, np.nan, 0]))},
        "parameter b has nan; expected finite numbers.",
    ),
}


@pytest.mark.parametrize(("options", "sentence"), WRONG.values(), ids=WRONG)
def test_fit_refuses(blobs, options, sentence):
    with pytest.raises(ValueError) as caught:
        fit(*blobs, **OPTIONS | options)
    assert str(caught.value).startswith(sentence)


def test_empty_data_are_refused(blobs):
    X, Y = blobs
    with pytest.raises(ValueError, match=r"X has shape \(0, 4\); expected \(N, D\), one of N ≥ 1"):
        fit(X[:0], Y[:0], **OPTIONS)
    with pytest.raises(ValueError, match="0 data arrays given; expected 2: X, Y"):
        fit(**OPTIONS)
    assert len(DATA) == 2


def test_wrong_validation_data_are_named(blobs):
    X, Y = blobs
    with pytest.raises(ValueError, match=r"validation X has shape \(60, 3\); expected \(N, D\)"):
        fit(X, Y, validation=(X[:, :3], Y), **OPTIONS)


def test_options_go_where_they_are_known():
    rule, schedule = {"beta": 0.9, "decay": 0.0}, {"decay": 1.0}
    assert _check_options(None, rule, schedule) == (rule, schedule)
    found = _check_options({"decay": 2}, rule, schedule)
    assert found == ({"beta": 0.9, "decay": 2.0}, {"decay": 2.0})


@pytest.mark.parametrize(
    ("frozen", "segments"),
    [([], [[0, 15]]), (["W"], [[12, 15]]), (["b"], [[0, 12]])],
)
def test_neighbours_that_are_not_frozen_are_one_segment(frozen, segments):
    found = _segments(init(C=3, D=4), frozen)
    assert found.tolist() == segments and found.dtype == np.int64


def test_every_optimizer_trains(blobs):
    for optimizer in OPTIMIZERS:
        _, history = fit(*blobs, **OPTIONS | {"optimizer": optimizer})
        assert history.loss[-1] < history.loss[0]
