"""Initial parameters: every rule has the spread it claims, and leaves the others alone."""

import math

import numpy as np
import pytest

from symgrad.codegen.runtime.initial import INITIALISERS, init

ROWS, COLUMNS = 300, 200
VARIANCES = {
    "zeros": 0.0,
    "glorot_uniform": 2 / (ROWS + COLUMNS),
    "glorot_normal": 2 / (ROWS + COLUMNS),
    "he_uniform": 2 / COLUMNS,
    "he_normal": 2 / COLUMNS,
}
"""Of an entry of W (300×200): Glorot and Bengio (2010), equation 12; He et al. (2015), 10."""


def equal(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_every_rule_is_tested():
    assert VARIANCES.keys() == INITIALISERS.keys()


@pytest.mark.parametrize("rule", VARIANCES)
def test_a_rule_has_its_variance(rule):
    params = init(seed=3, C=ROWS, D=COLUMNS, initial=rule)
    assert params.W.shape == (ROWS, COLUMNS) and params.W.dtype == np.float32
    assert np.var(params.W) == pytest.approx(VARIANCES[rule], rel=0.02)
    assert abs(np.mean(params.W)) <= 4 * math.sqrt(VARIANCES[rule] / params.W.size)
    largest = np.abs(params.W).max()
    if INITIALISERS[rule].distribution == "uniform":
        assert largest <= math.sqrt(3 * VARIANCES[rule]) * (1 + 1e-6)
    else:
        assert largest > math.sqrt(9 * VARIANCES[rule])  # three standard deviations
    assert not params.b.any() and params.b.shape == (ROWS,)


def test_the_same_seed_gives_the_same_parameters():
    assert equal(init(seed=3, C=5, D=4), init(seed=3, C=5, D=4))
    assert not equal(init(seed=3, C=5, D=4), init(seed=4, C=5, D=4))


def test_further_axes_multiply_both_fans(build, monkeypatch):
    from symgrad.codegen.runtime import initial

    monkeypatch.setattr(initial, "PARAM_SHAPES", {"W": (40, 30, 5, 5), "b": (40,)})
    W = init(initial="he_normal").W
    assert np.var(W) == pytest.approx(2 / (30 * 25), rel=0.03)
    assert np.var(init().W) == pytest.approx(2 / (70 * 25), rel=0.03)


def test_the_rule_of_one_parameter_does_not_change_another(labelled):
    sizes = {"C": 3, "H": 5, "D": 4}
    plain = labelled.init(2, **sizes)
    for rule in INITIALISERS:
        assert np.array_equal(labelled.init(2, initial={"W": rule}, **sizes).V, plain.V)
    given = labelled.init(2, initial={"W": np.ones((3, 5))}, **sizes)
    assert np.array_equal(given.V, plain.V) and (given.W == 1).all()
    assert given.W.dtype == np.float32


def test_given_arrays_show_sizes_and_are_copied():
    W = np.arange(6, dtype=np.float32).reshape(3, 2)
    params = init(initial={"W": W, "b": "zeros"})
    assert np.array_equal(params.W, W) and params.W is not W and params.b.shape == (3,)


def test_scalars_and_fixed_sizes(weighted):
    params = weighted.init()
    assert params.w.shape == (3,) and params.b.shape == () and isinstance(params.b, np.ndarray)
    assert weighted.init(initial={"b": 2.5}).b == 2.5


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "softmax_regression needs C=…, D=…; give the size"),
        ({"C": 3}, "softmax_regression needs D=…; give the size"),
        (
            {"C": 3, "D": 2, "H": 1},
            "softmax_regression has no option or dimension 'H'; dimensions: C, D.",
        ),
        ({"C": 3, "D": 2, "inital": "zeros"}, "softmax_regression has no option or dimension"),
        ({"C": 3, "D": 0}, "D is 0; expected an integer of at least 1."),
        ({"C": 3, "D": 2.5}, "D is 2.5; expected an integer of at least 1."),
        ({"C": 3, "D": 2, "seed": -1}, "seed is -1; expected an integer of at least 0."),
        (
            {"C": 3, "D": 2, "initial": "he_norml"},
            "initial is 'he_norml'; softmax_regression knows zeros, glorot_uniform, "
            "glorot_normal, he_uniform, he_normal. Did you mean 'he_normal'?",
        ),
        ({"initial": 3}, "initial is of type int; expected a rule, or a dict of rules"),
        (
            {"initial": {"w": "zeros"}},
            "a parameter in initial is 'w'; softmax_regression knows W, b.",
        ),
        ({"initial": {"b": "he_normal"}}, "initial b is 'he_normal', a rule for matrices, but"),
        ({"initial": {"W": "he"}}, "initial W is 'he'; softmax_regression knows zeros"),
        ({"initial": {"W": [1.0]}}, "initial W has shape (1,); expected (C, D)."),
        ({"C": 4, "initial": {"b": [1.0]}}, "initial b has shape (1,); expected (C,) with C = 4."),
    ],
)
def test_init_refuses(options, sentence):
    with pytest.raises(ValueError) as caught:
        init(**options)
    assert str(caught.value).startswith(sentence)
